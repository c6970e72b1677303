"""What a spec asks of its open sizes besides: `where: [H >= 64, H % 2 == 0]`.

A constraint is one or more comparisons of integer expressions in the names (`expressions.py` has their grammar), as
`64 <= H <= 512`, or `16 divides H`, several joined by `and`.
Main definitions: `Constraint`, `parse`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import NamedTuple

from shapecheck.expressions import ExpressionError, Reader
from shapecheck.sizes import Dim, Floor, Size, evaluate, name

SIGN = re.compile(r"<=|>=|==|!=|<|>|=")
AND = re.compile(r"\band\b")
DIVIDES = re.compile(r"\bdivides\b")
TESTS: dict[str, Callable[[Dim, Dim], tuple[Dim, bool, bool]]] = {  # (difference, whether == and not >=, whether it is)
    ">=": lambda a, b: (a - b, False, True),
    "<=": lambda a, b: (b - a, False, True),
    "<": lambda a, b: (a - b, False, False),
    ">": lambda a, b: (b - a, False, False),
    "==": lambda a, b: (a - b, True, True),
    "=": lambda a, b: (a - b, True, True),
    "!=": lambda a, b: (a - b, True, False),
}


class Comparison(NamedTuple):
    """The difference is >= 0, or == 0, or it is not."""

    difference: Dim
    equal: bool
    holds: bool


class Constraint(NamedTuple):
    """A condition on open sizes as it is written, the comparisons it is made of, and its place in the spec."""

    text: str
    comparisons: tuple[Comparison, ...]
    line: int | None = None
    column: int | None = None

    def names(self) -> list[str]:
        """The names it speaks of."""
        found = [c.difference.names() for c in self.comparisons if isinstance(c.difference, Size)]
        return sorted(set().union(*found))

    def met(self, sizes: Mapping[str, Dim]) -> bool:
        """Whether these sizes meet it, as far as they are numbers.

        >>> parse("64 <= H <= 512 and 16 divides H", ["H"]).met({"H": 100})
        False
        """
        for comparison in self.comparisons:
            value = evaluate(comparison.difference, sizes)
            if isinstance(value, int) and (value == 0 if comparison.equal else value >= 0) is not comparison.holds:
                return False
        return True


def parse(text: str, names: Iterable[str], line: int | None = None, column: int | None = None) -> Constraint:
    """The constraint of a text in these names; raises `ExpressionError` with an offset into the text.

    >>> [str(comparison.difference) for comparison in parse("H % 2 == 0", ["H"]).comparisons]
    ['H - 2*floor(H/2)']
    """
    known = {each: name(each) for each in names}
    comparisons: list[Comparison] = []
    divisor: tuple[Dim, int] | None = None  # of "16 divides H and W", whose last part has no sign of its own
    for part, offset in _parts(text, AND, 0):
        sides = list(_parts(part, DIVIDES, offset))
        signs = [found[0] for found in SIGN.finditer(part)]
        if len(sides) == 2 and not signs:
            divisor = _value(*sides[0], known), sides[0][1]
            comparisons.append(_divides(divisor, *sides[1], known))
        elif len(sides) == 1 and not signs and divisor is not None:
            comparisons.append(_divides(divisor, part, offset, known))
        elif len(sides) == 1 and signs:
            divisor = None
            values = [_value(*side, known) for side in _parts(part, SIGN, offset)]
            made = zip(values, signs, values[1:], strict=False)  # a value more than signs
            comparisons += [Comparison(*TESTS[sign](a, b)) for a, sign, b in made]
        else:
            raise ExpressionError("no comparison", offset, "write H >= 64, H % 2 == 0 or 16 divides H")
    return Constraint(text, tuple(comparisons), line, column)


def _parts(text: str, between: re.Pattern[str], offset: int) -> Iterator[tuple[str, int]]:
    """The pieces of a text between the matches, each with its offset."""
    start = 0
    for found in between.finditer(text):
        yield text[start : found.start()], offset + start
        start = found.end()
    yield text[start:], offset + start


def _divides(divisor: tuple[Dim, int], text: str, offset: int, known: Mapping[str, Size]) -> Comparison:
    number, place = divisor
    if not isinstance(number, int) or number < 1:
        raise ExpressionError("no whole number divides there", place, "a divisor is 1 or more")
    return Comparison(_value(text, offset, known) % number, True, True)


def _value(text: str, offset: int, known: Mapping[str, Size]) -> Dim:
    try:
        value = _SizeReader(text, known).all()
    except ExpressionError as error:
        raise ExpressionError(error.message, error.offset + offset, error.hint) from None
    if isinstance(value, Size) and _divided_by_size(value):
        raise ExpressionError("a size divides here", offset, "divide by whole numbers only")
    return value


def _divided_by_size(dim: Dim) -> bool:
    if not isinstance(dim, Size):
        return False
    floors = (atom for monomial in dim.terms for atom in monomial if isinstance(atom, Floor))
    return any(not isinstance(atom.den, int) or _divided_by_size(atom.num) for atom in floors)


class _SizeReader(Reader):
    """The reader of `expressions.py` for the names of open sizes."""

    def _parameter(self) -> Dim:  # type: ignore[override]
        token = self._take()
        if token.text not in self.names:
            names = ", ".join(self.names)
            hint = f"the open sizes are {names}" if names else "the shape of an input names none"
            raise ExpressionError(f"{token.text!r} is no open size here", token.offset, hint)
        return self.names[token.text]  # type: ignore[return-value]
