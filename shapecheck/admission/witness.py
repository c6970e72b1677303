"""A number that remembers its formula: what an open size is while a network is run for one witness.

A `Witness` is an int, so the layers treat it as they treat any size. Its arithmetic carries the formula along; every
decision taken about it is noted on a `Trail`, as a comparison of formulas that came out true or false. Where the
formula ends (a float, a count of steps, an unknown divisor) the trail notes that the size had exactly this value.

Main definitions: `Witness`, `Trail`, `Decision`.   Main results: tests/book/test_40_admissible_sizes.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from shapecheck.diagnostics import telling
from shapecheck.sizes import Dim, Open, Size, evaluate, floor_div, name

LARGEST = 2**31 - 1  # where torch counts in 32 bits; no decision against a greater number is noted


class Decision(NamedTuple):
    """A comparison with 0 and how it came out: the difference is >= 0, or == 0, or it is not."""

    difference: Size
    equal: bool  # == 0, else >= 0
    holds: bool

    def __str__(self) -> str:
        sign = ("==" if self.holds else "!=") if self.equal else (">=" if self.holds else "<")
        return f"{self.difference} {sign} 0"


class Trail:
    """The decisions of one run, each once, in the order in which they were taken."""

    def __init__(self, sizes: Mapping[str, int]) -> None:
        self.sizes = sizes
        self.decisions: dict[tuple[Size, bool], bool] = {}
        self.pinned: set[str] = set()  # names whose formula ended somewhere

    def witness(self, name_: str) -> Witness:
        """The size of that name, as a number that remembers it."""
        return Witness(self.sizes[name_], name(name_), self)

    def note(self, difference: Dim, equal: bool, holds: bool) -> bool:
        """How the comparison came out, noted unless it comes out so for all sizes."""
        if isinstance(difference, Size) and not telling.get() and abs(difference.terms.get((), 0)) < LARGEST:
            self.decisions.setdefault((difference, equal), holds)
        return holds

    def path(self) -> tuple[Decision, ...]:
        """All decisions so far."""
        return tuple(Decision(difference, equal, holds) for (difference, equal), holds in self.decisions.items())


class Witness(int, Open):
    """A size, its formula and the trail of the run; what is computed from it is one too, or an int where it cancels."""

    formula: Size
    trail: Trail

    def __new__(cls, value: int, formula: Size, trail: Trail) -> Witness:
        """A number with its formula."""
        self = int.__new__(cls, value)
        self.formula = formula
        self.trail = trail
        return self

    # arithmetic ------------------------------------------------------------------------------------------------------

    def _made(self, value: int, formula: Dim) -> int:
        return Witness(value, formula, self.trail) if isinstance(formula, Size) else value

    def __add__(self, other: Any) -> Any:
        if not isinstance(other, int):
            return self._other(other, lambda a, b: a + b)
        return self._made(int.__add__(self, other), self.formula + _formula(other))

    __radd__ = __add__

    def __sub__(self, other: Any) -> Any:
        if not isinstance(other, int):
            return self._other(other, lambda a, b: a - b)
        return self._made(int.__sub__(self, other), self.formula - _formula(other))

    def __rsub__(self, other: Any) -> Any:
        if not isinstance(other, int):
            return self._other(other, lambda a, b: b - a)
        return self._made(int.__rsub__(self, other), _formula(other) - self.formula)

    def __mul__(self, other: Any) -> Any:
        if not isinstance(other, int):
            return self._other(other, lambda a, b: a * b)
        return self._made(int.__mul__(self, other), self.formula * _formula(other))

    __rmul__ = __mul__

    def __neg__(self) -> int:
        return self._made(int.__neg__(self), -self.formula)

    def __pos__(self) -> int:
        return self

    def __abs__(self) -> int:
        return self if self >= 0 else -self

    def __floordiv__(self, other: Any) -> Any:
        if not isinstance(other, int):
            return self._other(other, lambda a, b: a // b)
        if isinstance(other, Witness):
            if other.formula == self.formula and other != 0:
                return 1
            other = other.pinned()
        return self._made(int.__floordiv__(self, other), floor_div(self.formula, other))

    def __rfloordiv__(self, other: Any) -> Any:
        return other // self.pinned()

    def __mod__(self, other: Any) -> Any:
        if not isinstance(other, int):
            return self._other(other, lambda a, b: a % b)
        return self - self // other * other

    def __rmod__(self, other: Any) -> Any:
        return other % self.pinned()

    def __divmod__(self, other: Any) -> Any:
        return self // other, self % other

    def __rdivmod__(self, other: Any) -> Any:
        return divmod(other, self.pinned())

    def _other(self, other: Any, apply: Any) -> Any:
        """The operation with an open size, whose value the run knows, or with something that has no formula."""
        if isinstance(other, Size):
            value = evaluate(other, self.trail.sizes)
            if isinstance(value, int):
                return apply(self, Witness(value, other, self.trail))
            return apply(self.formula, other)
        return apply(self.pinned(), other)

    # decisions -------------------------------------------------------------------------------------------------------

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, int):
            return self == self._lifted(other) if isinstance(other, Size) else False
        return self.trail.note(self.formula - _formula(other), True, int.__eq__(self, other))

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __ge__(self, other: Any) -> bool:
        if not isinstance(other, int):
            return self >= self._lifted(other) if isinstance(other, Size) else self.pinned() >= other
        return self.trail.note(self.formula - _formula(other), False, int.__ge__(self, other))

    def __le__(self, other: Any) -> bool:
        if not isinstance(other, int):
            return self <= self._lifted(other) if isinstance(other, Size) else self.pinned() <= other
        return self.trail.note(_formula(other) - self.formula, False, int.__le__(self, other))

    def __gt__(self, other: Any) -> bool:
        return not self <= other

    def __lt__(self, other: Any) -> bool:
        return not self >= other

    def __bool__(self) -> bool:
        return self != 0

    def _lifted(self, other: Size) -> Any:
        value = evaluate(other, self.trail.sizes)
        return Witness(value, other, self.trail) if isinstance(value, int) else value

    # where the formula ends ------------------------------------------------------------------------------------------

    def pinned(self) -> int:
        """The bare number; the trail notes that it was this one."""
        if not telling.get():
            self.trail.pinned |= self.formula.names()
        value = _value(self)
        self.trail.note(self.formula - value, True, True)
        return value

    def __hash__(self) -> int:
        return hash(self.pinned())

    def __int__(self) -> int:
        return self.pinned()

    __index__ = __int__
    __trunc__ = __int__
    __floor__ = __int__
    __ceil__ = __int__

    def __float__(self) -> float:
        return float(self.pinned())

    def __round__(self, digits: Any = None) -> int:
        return round(self.pinned(), digits)

    def bit_length(self) -> int:
        """The bits of the bare number."""
        return self.pinned().bit_length()

    def __str__(self) -> str:
        return str(self.formula)

    __repr__ = __str__

    def __format__(self, how: str) -> str:
        return format(str(self.formula), "" if how == "," else how)


def _ending(operation: str) -> Any:
    def apply(self: Witness, *others: Any) -> Any:
        plain = [other.pinned() if isinstance(other, Witness) else other for other in others]
        return getattr(int, operation)(self.pinned(), *plain)

    return apply


for _name in [
    "__truediv__",
    "__rtruediv__",
    "__pow__",
    "__rpow__",
    "__and__",
    "__rand__",
    "__or__",
    "__ror__",
    "__xor__",
    "__rxor__",
    "__lshift__",
    "__rlshift__",
    "__rshift__",
    "__rrshift__",
    "__invert__",
]:
    setattr(Witness, _name, _ending(_name))


def _value(number: int) -> int:
    return int.__add__(number, 0)


def _formula(number: int) -> Dim:
    return number.formula if isinstance(number, Witness) else number
