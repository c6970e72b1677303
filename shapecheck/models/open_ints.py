"""Whole numbers a model's code computes with while its graph is recorded: a number and the size it stands for.

`x.shape[2] // 2` is 112 for the code that runs, and floor(H/2) for the graph. Where it asks what only a number can
answer, the answer is noted: a comparison becomes a `Guard`, which must come out alike for other sizes; a number that
leaves this arithmetic (int(), a loop's count) pins the names it is made of, and they are no longer open.

Main definitions: `OpenInt`, `Ratio`, `Guard`, `Watch`.   Notation: a size is `sizes.Size`.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from shapecheck.sizes import Dim, Shape, Size, bounds, evaluate

TESTS: dict[str, Callable[[int], bool]] = {"==": lambda n: n == 0, "<": lambda n: n < 0, "<=": lambda n: n <= 0}


class Guard(NamedTuple):
    """What the model's code asked of a size, `difference test 0`, the answer, and the line that asked."""

    difference: Size
    test: str
    answer: bool
    place: str

    def holds(self, sizes: Mapping[str, Dim]) -> bool:
        """Whether the answer is the same for these sizes, as far as they are numbers."""
        value = evaluate(self.difference, sizes)
        return not isinstance(value, int) or TESTS[self.test](value) == self.answer

    def __str__(self) -> str:
        """The question with its answer.

        >>> from shapecheck.sizes import name
        >>> str(Guard(name("H") - 7, "<", False, "model.py:12"))
        'H - 7 >= 0'
        """
        words = {("==", True): "==", ("==", False): "!=", ("<", True): "<", ("<", False): ">=", ("<=", True): "<="}
        return f"{self.difference} {words.get((self.test, self.answer), '>')} 0"


@dataclass
class Watch:
    """The numbers that names stand for in this run, and what the code found out about them."""

    hints: dict[str, int]
    guards: dict[Guard, None] = field(default_factory=dict)
    pins: dict[str, str] = field(default_factory=dict)  # name -> the line that needed the number
    indexable: bool = False  # whether open numbers may serve as an index, which pins them

    def ask(self, difference: Dim, test: str) -> bool:
        """The answer for this run; noted where it might be another for other sizes."""
        if isinstance(difference, int):
            return TESTS[test](difference)
        answer = TESTS[test](self.number(difference))
        if not _certain(difference, test):
            self.guards[Guard(difference, test, answer, place())] = None
        return answer

    def number(self, size: Dim) -> int:
        """The number a size is in this run."""
        value = evaluate(size, self.hints)
        assert isinstance(value, int)
        return value

    def pin(self, size: Dim) -> int:
        """The number a size is, for good."""
        if isinstance(size, Size):
            where = place()
            for name in size.names():
                self.pins.setdefault(name, where)
        return self.number(size)

    def wrap(self, size: Dim) -> Any:
        """The size as the model's code gets it."""
        if isinstance(size, int):
            return size
        return (IndexInt if self.indexable else OpenInt)(self, size)


def _certain(difference: Size, test: str) -> bool:
    """Whether the answer is the same for all sizes >= 1."""
    low, high = bounds(difference)
    if test == "==":
        return (low is not None and low > 0) or (high is not None and high < 0)
    edge = 0 if test == "<" else 1
    return (low is not None and low >= edge) or (high is not None and high < edge)


OUTSIDE = ("torch.", "shapecheck.")


def place() -> str:
    """The line of the model's code that is running: file:line."""
    frame = sys._getframe(1)
    while frame.f_back is not None and f"{frame.f_globals.get('__name__', '')}.".startswith(OUTSIDE):
        frame = frame.f_back
    return f"{frame.f_code.co_filename}:{frame.f_lineno}"


def size_of(value: Any) -> Any:
    """The size behind an open number, anything else as it is."""
    return value.size if isinstance(value, OpenInt) else value


class OpenInt:
    """A size of which the code knows the number in this run; arithmetic stays open, questions are noted.

    >>> watch = Watch({"H": 224}); h = watch.wrap(Size({("H",): 1}))
    >>> str((h // 2 + 1).size), h > 7, [str(guard) for guard in watch.guards]
    ('floor((H+2)/2)', True, ['-H + 7 < 0'])
    """

    __slots__ = ("size", "watch")

    def __init__(self, watch: Watch, size: Size) -> None:
        self.watch, self.size = watch, size

    @classmethod
    def __torch_function__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Let torch's functions take it; the recorder, which sees each call first, never lets one come here."""
        raise TypeError(f"{getattr(func, '__name__', func)} was given an open size outside a recording")

    # arithmetic ------------------------------------------------------------------------------------------------------

    def _with(self, other: Any, operation: Callable[[Any, Any], Any]) -> Any:
        if isinstance(other, (OpenInt, int)) and not isinstance(other, bool):
            return self.watch.wrap(operation(self.size, size_of(other)))
        return NotImplemented

    def __add__(self, other: Any) -> Any:
        return self._real(other, lambda a, b: a + b)

    __radd__ = __add__

    def __sub__(self, other: Any) -> Any:
        return self._real(other, lambda a, b: a - b)

    def __rsub__(self, other: Any) -> Any:
        return self._real(other, lambda a, b: b - a)

    def __mul__(self, other: Any) -> Any:
        if isinstance(other, (tuple, list)):
            return other * self.watch.pin(self.size)
        return self._real(other, lambda a, b: a * b)

    __rmul__ = __mul__

    def _real(self, other: Any, operation: Callable[[Any, Any], Any]) -> Any:
        """The operation, with a float after the number is pinned."""
        if isinstance(other, float):
            if other.is_integer() and abs(other) < 2**31:
                return Ratio(self.watch, size_of(operation(self.size, int(other))), 1)
            return operation(self.watch.pin(self.size), other)
        return self._with(other, operation)

    def __floordiv__(self, other: Any) -> Any:
        return self._with(other, lambda a, b: a // b)

    def __rfloordiv__(self, other: Any) -> Any:
        return self._with(other, lambda a, b: b // a)

    def __mod__(self, other: Any) -> Any:
        return self._with(other, lambda a, b: a % b)

    def __rmod__(self, other: Any) -> Any:
        return self._with(other, lambda a, b: b % a)

    def __divmod__(self, other: Any) -> Any:
        return self // other, self % other

    def __neg__(self) -> Any:
        return self.watch.wrap(-self.size)

    def __pos__(self) -> Any:
        return self

    def __abs__(self) -> Any:
        return self if self >= 0 else -self

    def __pow__(self, other: Any) -> Any:
        if type(other) is int and 0 <= other <= 4:
            result: Any = 1
            for _ in range(other):
                result = result * self.size
            return self.watch.wrap(result)
        return self.watch.pin(self.size) ** (self.watch.pin(other.size) if isinstance(other, OpenInt) else other)

    def __rpow__(self, other: Any) -> Any:
        return other ** self.watch.pin(self.size)

    def __truediv__(self, other: Any) -> Any:
        if isinstance(other, (OpenInt, int)):
            return Ratio(self.watch, self.size, size_of(other))
        return self.watch.pin(self.size) / other if isinstance(other, float) else NotImplemented

    def __rtruediv__(self, other: Any) -> Any:
        if isinstance(other, int):
            return Ratio(self.watch, other, self.size)
        return other / self.watch.pin(self.size) if isinstance(other, float) else NotImplemented

    # questions -------------------------------------------------------------------------------------------------------

    def _ask(self, other: Any, test: str, flip: bool = False) -> Any:
        if not isinstance(other, (OpenInt, int)):
            if isinstance(other, Ratio):
                return NotImplemented
            number = self.watch.pin(self.size) if isinstance(other, float) else None
            return NotImplemented if number is None else _answer(number, other, test, flip)
        difference = self.size - size_of(other)
        return self.watch.ask(-difference if flip else difference, test)

    def __eq__(self, other: object) -> Any:
        if not isinstance(other, (OpenInt, int, float)):
            return NotImplemented
        return self._ask(other, "==")

    def __ne__(self, other: object) -> Any:
        equal = self.__eq__(other)
        return equal if equal is NotImplemented else not equal

    def __lt__(self, other: Any) -> Any:
        return self._ask(other, "<")

    def __le__(self, other: Any) -> Any:
        return self._ask(other, "<=")

    def __gt__(self, other: Any) -> Any:
        return self._ask(other, "<", flip=True)

    def __ge__(self, other: Any) -> Any:
        return self._ask(other, "<=", flip=True)

    def __bool__(self) -> bool:
        return not self.watch.ask(self.size, "==")

    # numbers ---------------------------------------------------------------------------------------------------------

    def __int__(self) -> int:
        return self.watch.pin(self.size)

    def __float__(self) -> float:
        return float(self.watch.pin(self.size))

    def __hash__(self) -> int:
        return hash(self.watch.pin(self.size))

    def __floor__(self) -> Any:
        return self

    __ceil__ = __trunc__ = __round__ = __floor__

    def bit_length(self) -> int:
        """The bits of the number."""
        return self.watch.pin(self.size).bit_length()

    def item(self) -> Any:
        """The number itself, which code asks of what may be a tensor."""
        return self

    def __repr__(self) -> str:
        return str(self.watch.number(self.size))

    def __format__(self, spec: str) -> str:
        return format(self.watch.number(self.size), spec)


class IndexInt(OpenInt):
    """An open number that also serves as an index, in a loop, a slice of a list; that pins it."""

    __slots__ = ()

    def __index__(self) -> int:
        return self.watch.pin(self.size)

    __hash__ = OpenInt.__hash__


def _answer(one: Any, two: Any, test: str, flip: bool) -> bool:
    if test == "==":
        return bool(one == two)
    one, two = (two, one) if flip else (one, two)
    return bool(one < two if test == "<" else one <= two)


class Ratio:
    """The quotient of two sizes, one of them open: rounded it is a size again, as a float it pins them."""

    __slots__ = ("den", "num", "watch")

    def __init__(self, watch: Watch, num: Dim, den: Dim) -> None:
        self.watch, self.num, self.den = watch, num, den

    def __floor__(self) -> Any:
        return self.watch.wrap(self.num // self.den)

    def __ceil__(self) -> Any:
        return self.watch.wrap(-(-self.num // self.den))

    __trunc__ = __floor__

    def __float__(self) -> float:
        return self.watch.pin(self.num) / self.watch.pin(self.den)

    def __int__(self) -> int:
        return int(float(self))

    def __round__(self, digits: int | None = None) -> Any:
        return round(float(self), digits) if digits is not None else round(float(self))

    def __hash__(self) -> int:
        return hash(float(self))

    def __repr__(self) -> str:
        return str(self.watch.number(self.num) / self.watch.number(self.den))

    def _times(self, other: Any, up: bool) -> Any:
        if isinstance(other, (int, OpenInt)):
            size = size_of(other)
            return Ratio(self.watch, self.num * size, self.den) if up else Ratio(self.watch, self.num, self.den * size)
        return None

    def __mul__(self, other: Any) -> Any:
        made = self._times(other, True)
        return float(self) * _plain(other) if made is None else made

    __rmul__ = __mul__

    def __truediv__(self, other: Any) -> Any:
        made = self._times(other, False)
        return float(self) / _plain(other) if made is None else made

    def __rtruediv__(self, other: Any) -> Any:
        return Ratio(self.watch, self.den, self.num) * other

    def __add__(self, other: Any) -> Any:
        if isinstance(other, (int, OpenInt)):
            return Ratio(self.watch, self.num + size_of(other) * self.den, self.den)
        return float(self) + _plain(other)

    __radd__ = __add__

    def __sub__(self, other: Any) -> Any:
        return self + -other

    def __rsub__(self, other: Any) -> Any:
        return -self + other

    def __neg__(self) -> Any:
        return Ratio(self.watch, -self.num, self.den)

    def __floordiv__(self, other: Any) -> Any:
        return math.floor(self / other)

    def __mod__(self, other: Any) -> Any:
        return float(self) % _plain(other)

    def __pow__(self, other: Any) -> Any:
        return float(self) ** _plain(other)

    def __eq__(self, other: object) -> bool:
        return bool(float(self) == _plain(other))

    def __lt__(self, other: Any) -> bool:
        return bool(float(self) < _plain(other))

    def __le__(self, other: Any) -> bool:
        return bool(float(self) <= _plain(other))

    def __gt__(self, other: Any) -> bool:
        return bool(float(self) > _plain(other))

    def __ge__(self, other: Any) -> bool:
        return bool(float(self) >= _plain(other))

    def __bool__(self) -> bool:
        return bool(float(self))


def _plain(value: Any) -> Any:
    return float(value) if isinstance(value, (OpenInt, Ratio)) else value


class OpenShape(tuple[Any, ...]):
    """A shape some of whose sizes are open, with what code asks of torch.Size."""

    __slots__ = ()

    def numel(self) -> Any:
        """The product of the sizes."""
        result: Any = 1
        for size in self:
            result = result * size
        return result

    def __getitem__(self, index: Any) -> Any:
        got = tuple.__getitem__(self, index)
        return OpenShape(got) if isinstance(index, slice) else got

    def __add__(self, other: Any) -> OpenShape:
        return OpenShape((*self, *other))


def dims_of(shape: Any) -> Shape:
    """The sizes of a shape as the code has it."""
    return tuple(size_of(size) for size in shape)
