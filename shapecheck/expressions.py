"""The `${...}` of a spec: integer arithmetic on a block's parameters, nothing more.

Main definitions: `substitute` (a text of the spec, its `${...}` replaced), `evaluate` (what stands between the
braces). Main results: tests/plumbing/test_expressions.py.

    sum      = product { ("+" | "-") product }
    product  = atom { ("*" | "//" | "%") atom }
    atom     = { "-" | "+" } ( integer | name | "(" sum ")" )

`//` and `%` round down, as Python's do. No value on the way may leave -`LIMIT` .. `LIMIT`, no bracket may lie deeper
than `MAX_DEPTH`, no text may be longer than `MAX_LENGTH`: a spec cannot make the reader work without end.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

LIMIT: Final = 10**12
MAX_DEPTH: Final = 32
MAX_LENGTH: Final = 1_000  # characters, of an expression and of a text with its values put in


class ExpressionError(ValueError):
    """A fault in a text: what it is, the offset of the character where it is, and what would work."""

    def __init__(self, message: str, offset: int, hint: str) -> None:
        super().__init__(message)
        self.message = message
        self.offset = offset
        self.hint = hint


def substitute(text: str, names: Mapping[str, object]) -> object:
    """The text with each `${...}` replaced by its value; raises `ExpressionError` with an offset into `text`.

    A text that is exactly `${name}` becomes that parameter's value, whatever its type; one that is exactly one `${...}`
    otherwise an integer; a mixture stays a text, and takes integers and texts only.

    >>> names = {"width": 16, "shape": [3, 5], "act": "ReLU"}
    >>> substitute("${shape}", names), substitute("${width * 4}", names), substitute("${act}_${width}", names)
    ([3, 5], 64, 'ReLU_16')
    """
    opened = text.find("${")
    if opened < 0:
        return text
    pieces, at = [], 0
    while opened >= 0:
        closed = text.find("}", opened)
        if closed < 0:
            raise ExpressionError("'${' is not closed", opened, "put '}' behind the expression")
        value = _value(text, opened + 2, closed, names)
        if opened == 0 and closed == len(text) - 1:
            return value
        if type(value) not in (int, str):
            kind = type(value).__name__
            raise ExpressionError(f"a {kind} cannot be part of a text", opened, "only integers and texts can")
        pieces += [text[at:opened], str(value)]
        at = closed + 1
        opened = text.find("${", at)
    filled = "".join([*pieces, text[at:]])
    if len(filled) > MAX_LENGTH:
        message = f"the text grows to {len(filled):,} characters"
        raise ExpressionError(message, 0, f"{MAX_LENGTH:,} are the most")
    return filled


def evaluate(text: str, names: Mapping[str, object]) -> int:
    """The integer that the expression stands for; raises `ExpressionError` with an offset into `text`.

    >>> evaluate("width * 4 // (2 + groups)", {"width": 64, "groups": 2})
    64
    >>> evaluate("-7 // 2", {})
    -4
    """
    if len(text) > MAX_LENGTH:
        message = f"an expression of {len(text):,} characters"
        raise ExpressionError(message, MAX_LENGTH, f"{MAX_LENGTH:,} are the most")
    return Reader(text, names).all()


def _value(text: str, start: int, end: int, names: Mapping[str, object]) -> object:
    """What text[start:end], the inside of `${...}`, stands for."""
    inside = text[start:end]
    name = inside.strip()
    if name in names:
        return names[name]
    try:
        return evaluate(inside, names)
    except ExpressionError as error:
        raise ExpressionError(error.message, error.offset + start, error.hint) from None


class _Token(NamedTuple):
    """A word of an expression: `kind` is "integer", "name", "operator" or "end"."""

    kind: str
    text: str
    offset: int


_SPACE = re.compile(r"\s*")
_TOKEN = re.compile(r"(?P<integer>[0-9]+)|(?P<name>[^\W\d]\w*)|(?P<operator>//|[-+*%()])")
_SUM: Final[dict[str, Callable[[int, int], int]]] = {"+": operator.add, "-": operator.sub}
_PRODUCT: Final[dict[str, Callable[[int, int], int]]] = {"*": operator.mul, "//": operator.floordiv, "%": operator.mod}
_WHAT_THERE_IS = "there are integers, parameters, + - * // % and ( )"


class Reader:
    """Reads an expression from left to right and computes as it goes; `token` is the one that comes next."""

    def __init__(self, text: str, names: Mapping[str, object]) -> None:
        self.text = text
        self.names = names
        self.depth = 0
        self.token = self._after(0)

    def all(self) -> int:
        """The value of the whole text."""
        value = self._sum()
        if self.token.kind != "end":
            raise self._unexpected()
        return value

    def _after(self, offset: int) -> _Token:
        """The token that begins at the offset or behind the space there."""
        space = _SPACE.match(self.text, offset)
        start = offset if space is None else space.end()
        if start == len(self.text):
            return _Token("end", "", start)
        found = _TOKEN.match(self.text, start)
        if found is None:
            raise _foreign(self.text[start], start)
        return _Token(found.lastgroup or "", found[0], start)

    def _take(self) -> _Token:
        """The token that comes next, which then is behind us."""
        token = self.token
        self.token = self._after(token.offset + len(token.text))
        return token

    def _sum(self) -> int:
        """The value of the longest sum that begins here."""
        value = self._product()
        while self.token.text in _SUM:
            sign = self._take()
            value = _within(_SUM[sign.text](value, self._product()), sign.offset)
        return value

    def _product(self) -> int:
        """The value of the longest product that begins here."""
        value = self._atom()
        while self.token.text in _PRODUCT:
            sign = self._take()
            other = self._atom()
            if other == 0 and sign.text != "*":
                raise ExpressionError("division by zero", sign.offset, "the divisor must not be 0")
            value = _within(_PRODUCT[sign.text](value, other), sign.offset)
        return value

    def _atom(self) -> int:
        """The value of the integer, name or bracket that begins here, with its signs."""
        sign = 1
        while self.token.text in _SUM:
            sign = -sign if self._take().text == "-" else sign
        if self.token.kind == "integer":
            token = self._take()
            return sign * _within(int(token.text), token.offset)
        if self.token.kind == "name":
            return sign * self._parameter()
        if self.token.text == "(":
            return sign * self._bracket()
        raise self._unexpected()

    def _parameter(self) -> int:
        """The value of the parameter that is named here."""
        token = self._take()
        if self.token.text == "(":
            raise ExpressionError("there are no functions to call", token.offset, _WHAT_THERE_IS)
        if token.text not in self.names:
            raise ExpressionError(f"{token.text!r} is no parameter here", token.offset, _meant(token.text, self.names))
        value = self.names[token.text]
        if type(value) is not int:
            message = f"{token.text} is {_shown(value)}, not an integer"
            raise ExpressionError(message, token.offset, "only integers can be computed with")
        return _within(value, token.offset)

    def _bracket(self) -> int:
        """The value of the bracket that opens here."""
        opened = self._take()
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise ExpressionError("brackets lie too deep", opened.offset, f"{MAX_DEPTH} inside each other are the most")
        value = self._sum()
        if self.token.text != ")":
            raise ExpressionError("this bracket is not closed", opened.offset, "put ')' behind what it holds")
        self._take()
        self.depth -= 1
        return value

    def _unexpected(self) -> ExpressionError:
        """The fault that the next token stands where it cannot stand."""
        kind, text, offset = self.token
        if kind == "end":
            return ExpressionError("a value is missing at the end", offset, "put an integer or a parameter there")
        if kind in ("integer", "name") or text == "(":
            return ExpressionError(f"an operator is missing before {_shown(text)}", offset, _WHAT_THERE_IS)
        if text == "*" and self.text[offset - 1 : offset] == "*":
            return ExpressionError("there is no power", offset - 1, "write the product out: n * n")
        if text == ")":
            return ExpressionError("')' closes no bracket, or an empty one", offset, _WHAT_THERE_IS)
        return ExpressionError(f"a value is missing before {text!r}", offset, "put an integer or a parameter there")


def _within(value: int, offset: int) -> int:
    """The value, which must lie within the limits."""
    if not -LIMIT <= value <= LIMIT:
        raise ExpressionError("the value is too large", offset, f"{LIMIT:,} is the most")
    return value


def _foreign(character: str, offset: int) -> ExpressionError:
    """The fault that a character is none of an expression's."""
    hint = {"/": "// divides and rounds down", ".": "there are integers only", "^": "write the product out: n * n"}
    return ExpressionError(f"{character!r} has no meaning here", offset, hint.get(character, _WHAT_THERE_IS))


def _meant(name: str, names: Mapping[str, object]) -> str:
    """The hint for a name that is none of `names`."""
    from difflib import get_close_matches

    if near := get_close_matches(name.lower(), [known.lower() for known in names], n=1):
        return f"did you mean {next(known for known in names if known.lower() == near[0])}?"
    return f"the parameters are {', '.join(names)}" if names else "only a block with `params:` has parameters"


def _shown(value: object) -> str:
    """The value as a message quotes it, cut to a length that fits."""
    text = repr(value)
    return text if len(text) <= 40 else text[:37] + "..."
