"""What is asked of a network backwards: what is wanted, and what may be changed for it, read from text.

    want  = place op number | LAYER ".output" ("==" | "!=") "[" dim { "," dim } "]"
    place = LAYER ".output[" index "]" | LAYER "." quantity | quantity
    quantity = "params" | "macs" | "receptive_field"       dim = number | name | "*"
    op    = "==" | "!=" | "<=" | ">=" | "<" | ">"          LAYER = a layer's name, or "last"
    free  = NAME | NAME "in" values | LAYER "." argument "in" values
    values = number ".." number [ "step" number ] | "{" value { "," value } "}"

Main definitions: `want`, `free` (the readers), `Want`, `Free`, `QuestionError` (with a caret under the place).
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

OPERATORS: dict[str, Callable[[Any, Any], Any]] = {
    "==": operator.eq, "!=": operator.ne, "<=": operator.le, ">=": operator.ge, "<": operator.lt, ">": operator.gt,
}  # fmt: skip
QUANTITIES = ("output", "params", "macs", "receptive_field")
ANY = "*"
LAST = "last"
MOST_VALUES = 1_000_000
_TOKEN = re.compile(r"\s*(?:(==|!=|<=|>=|\.\.|[][{},*<>=-])|([0-9][0-9_]*(?:\.[0-9]+)?(?:[eE][0-9]+)?)|([\w.][\w.-]*))")


class QuestionError(ValueError):
    """A text that is no question; its message shows the text with a caret under the place, and what would work."""

    def __init__(self, message: str, text: str, offset: int, hint: str) -> None:
        super().__init__(f"{message}\n  {text}\n  {' ' * offset}^\n  hint: {hint}")
        self.message = message
        self.offset = offset
        self.hint = hint


class Want(NamedTuple):
    """What a layer's quantity shall be; `layer` is None for the whole network, `axis` None for a whole shape."""

    text: str
    layer: str | None
    quantity: str
    axis: int | None
    op: str
    value: Any  # a number, or a tuple of numbers, names and "*"


class Free(NamedTuple):
    """What may take several values: an argument of a layer, or an open size (`layer` is None); `values` None: any."""

    text: str
    layer: str | None
    name: str
    values: tuple[Any, ...] | None

    @property
    def label(self) -> str:
        """What an answer calls it."""
        return self.name if self.layer is None else f"{self.layer}.{self.name}"


class _Reader:
    """Reads tokens off a text; an error points to where it stands."""

    def __init__(self, text: str, form: str) -> None:
        self.text = text
        self.form = form
        self.at = 0

    def token(self, *, peek: bool = False) -> str:
        """The next token, empty at the end."""
        rest = self.text[self.at :]
        if not rest.strip():
            return ""
        found = _TOKEN.match(self.text, self.at)
        if found is None:
            raise self.error(f"unexpected {rest.strip()[0]!r}")
        if not peek:
            self.at = found.end()
        return found[1] or found[2] or found[3]

    def error(self, message: str, hint: str = "") -> QuestionError:
        """The error at the next token."""
        rest = self.text[self.at :]
        offset = self.at + len(rest) - len(rest.lstrip())
        return QuestionError(message, self.text, offset, hint or self.form)

    def expect(self, *wanted: str) -> str:
        """The next token, which must be one of these."""
        token = self.token(peek=True)
        if token not in wanted:
            what = repr(token) if token else "the end"
            raise self.error(f"expected {' or '.join(wanted)}, found {what}")
        return self.token()

    def number(self) -> int:
        """A whole number, 1e6 and 1_000 among them."""
        before = self.at
        sign = -1 if self.token(peek=True) == "-" and self.token() else 1
        token = self.token(peek=True)
        try:
            value = int(token) if token.isdecimal() else float(token.replace("_", ""))
            whole = int(value)
        except (ValueError, OverflowError):
            what = repr(token) if token else "the end"
            raise self.error(f"expected a whole number, found {what}") from None
        if whole != value:
            self.at = before
            raise self.error(f"{token} is not a whole number")
        self.token()
        return sign * whole

    def end(self) -> None:
        """Nothing may follow."""
        if self.token(peek=True):
            raise self.error(f"unexpected {self.token(peek=True)!r} at the end")


WANT_FORM = "last.output == [N, 10, 7, 7], c3.output[2] >= 14, params <= 1e6, last.receptive_field >= 200"
FREE_FORM = "c3.padding in 0..3, c3.kernel_size in {3, 5}, or an open size: H, H in 32..512"


def want(text: str) -> Want:
    """What the text asks for.

    >>> want("last.output == [N, 10, *, 7]").value, want("c3.output[2] >= 14").axis, want("params <= 1e6").value
    (('N', 10, '*', 7), 2, 1000000)
    """
    reader = _Reader(text, WANT_FORM)
    word = reader.token(peek=True)
    layer, dot, quantity = word.rpartition(".")
    if quantity not in QUANTITIES or (not dot and quantity == "output"):
        raise reader.error(f"expected LAYER.output or one of {', '.join(QUANTITIES[1:])}, found {word or 'nothing'}")
    reader.token()
    index = None
    if quantity == "output" and reader.token(peek=True) == "[":
        reader.token()
        index = reader.number()
        reader.expect("]")
    op = reader.expect(*(("==", "!=") if quantity == "output" and index is None else OPERATORS))
    value: Any = _shape(reader) if quantity == "output" and index is None else reader.number()
    reader.end()
    return Want(text.strip(), layer or None, quantity, index, op, value)


def _shape(reader: _Reader) -> tuple[Any, ...]:
    """A list of dimensions."""
    reader.expect("[")
    dims: list[Any] = []
    while reader.token(peek=True) != "]":
        if dims:
            reader.expect(",")
        word = reader.token(peek=True)
        if word == ANY or re.fullmatch(r"[A-Za-z_]\w*", word):
            dims.append(reader.token())
        else:
            dims.append(reader.number())
    reader.token()
    return tuple(dims)


def free(text: str) -> Free:
    """What the text leaves free.

    >>> free("c3.padding in 0..3").values, free("c3.kernel_size in {3, 5}").values, free("H").values
    ((0, 1, 2, 3), (3, 5), None)
    """
    reader = _Reader(text, FREE_FORM)
    word = reader.token(peek=True)
    if not re.fullmatch(r"[A-Za-z_][\w.]*", word):
        raise reader.error("expected the name of a size, or LAYER.argument")
    reader.token()
    layer, dot, name = word.rpartition(".")
    if not reader.token(peek=True):
        if dot:
            raise reader.error(f"which values may {word} take?")
        return Free(text.strip(), None, word, None)
    reader.expect("in")
    values = _listed(reader) if reader.token(peek=True) == "{" else _range(reader)
    reader.end()
    return Free(text.strip(), layer if dot else None, name, values)


def _range(reader: _Reader) -> tuple[int, ...]:
    first = reader.number()
    reader.expect("..")
    before = reader.at
    last = reader.number()
    step = reader.number() if reader.token(peek=True) == "step" and reader.token() else 1
    values = range(first, last + 1, max(step, 1))
    if step < 1 or not values or len(values) > MOST_VALUES:
        reader.at = before
        what = "a step is 1 or more" if step < 1 else f"{first}..{last} holds {len(values):,} values"
        raise reader.error(what)
    return tuple(values)


def _listed(reader: _Reader) -> tuple[Any, ...]:
    reader.expect("{")
    values: list[Any] = []
    while reader.token(peek=True) != "}" or not values:
        if values:
            reader.expect(",")
        word = reader.token(peek=True)
        if word in ("true", "false"):
            values.append(reader.token() == "true")
        elif re.fullmatch(r"[A-Za-z_]\w*", word):
            values.append(reader.token())
        else:
            values.append(reader.number())
    reader.token()
    return tuple(dict.fromkeys(values))


def all_of(texts: str | Sequence[str], reader: Callable[[str], Any]) -> list[Any]:
    """The questions of one text or of several."""
    return [reader(text) for text in ([texts] if isinstance(texts, str) else texts)]


def choices(text: str, start: int) -> list[Any]:
    """The values behind place `start` of a text: one number or word, a range, or a choice.

    >>> choices("k=7", 2), choices("k=1..3", 2), choices("k={3, 5}", 2)
    ([7], [1, 2, 3], [3, 5])
    """
    reader = _Reader(text, "a number, a range 1..4, a choice {3, 5}, or ? to ask")
    reader.at = start
    if reader.token(peek=True) == "{":
        values = _listed(reader)
    elif ".." in text[start:]:
        values = _range(reader)
    else:
        word = reader.token(peek=True)
        if re.fullmatch(r"[A-Za-z_]\w*", word):
            values = (reader.token(),)
            values = tuple({"true": True, "false": False}.get(value, value) for value in values)
        else:
            values = (reader.number(),)
    reader.end()
    return list(values)
