"""What ONNX's shape arithmetic holds: `Shape`, `Gather`, `Concat` and their like on lists of sizes, open ones too.

Exporters compute the shape that a Reshape takes by operators of the graph. `holds` works such a list out, entry by
entry, as far as it is a matter of sizes; None for anything else.

Main definitions: `holds`, `VALUES` (by operator).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import product as product_of
from math import ceil, floor
from typing import Any

from shapecheck.layers.base import LIMIT, product
from shapecheck.models.onnx_ops import Arg, Operator
from shapecheck.sizes import Size, weight

MOST = 1024  # entries of a list that is kept
HEAVIEST = 24  # parts of an open size that is kept: sizes grow as a graph computes on
INTEGERS = frozenset({2, 3, 4, 5, 6, 7, 9, 12, 13})  # TensorProto's types of whole numbers, bool among them

Held = tuple[Any, ...]
VALUES: dict[str, Callable[..., Held | None]] = {}


def holds(op: Operator, args: list[Arg | None]) -> Held | None:
    """What the operator's only output holds, given what its inputs do; None where that is not known."""
    rule = VALUES.get(op.kind)
    if rule is None or op.outputs != 1:
        return None
    try:
        found = rule(op, *args)
    except (TypeError, ValueError, IndexError, KeyError, AttributeError, ArithmeticError):
        return None
    return found if found is not None and len(found) <= MOST and all(map(reasonable, found)) else None


def reasonable(entry: Any) -> bool:
    """Whether a number fits 64 bits, and a formula a line: a graph may multiply what it holds a million times."""
    if isinstance(entry, Size):
        return weight(entry) <= HEAVIEST
    return not isinstance(entry, int) or -LIMIT <= entry < LIMIT


def value(*names: str) -> Callable[[Callable[..., Held | None]], Callable[..., Held | None]]:
    """Enter a rule for these operators."""

    def enter(function: Callable[..., Held | None]) -> Callable[..., Held | None]:
        VALUES.update(dict.fromkeys(names, function))
        return function

    return enter


@value("Shape")
def _shape(op: Operator, x: Arg) -> Held:
    return x.shape[op.get("start", 0) : op.get("end")]


@value("Size")
def _size(op: Operator, x: Arg) -> Held:
    return (product(x.shape),)


@value("Identity", "Squeeze", "Unsqueeze", "Reshape", "Flatten")
def _same(op: Operator, x: Arg, *others: Arg | None) -> Held | None:
    return x.holds


@value("ConstantOfShape")
def _constant_of_shape(op: Operator, shape: Arg) -> Held | None:
    count = product(shape.holds or ()) if shape.holds is not None else MOST + 1
    entry = op.get("value")
    (number,) = (0,) if entry is None else entry.holds
    return (number,) * count if isinstance(count, int) and count <= MOST else None


@value("Gather")
def _gather(op: Operator, x: Arg, indices: Arg) -> Held | None:
    if x.holds is None or indices.holds is None or len(x.shape) != 1:
        return None
    return tuple(x.holds[index] for index in indices.holds)


@value("Concat")
def _concat(op: Operator, *args: Arg) -> Held | None:
    parts = [arg.holds for arg in args]
    if any(part is None or len(arg.shape) != 1 for part, arg in zip(parts, args, strict=True)):
        return None
    return tuple(entry for part in parts if part is not None for entry in part)


@value("Slice")
def _slice(op: Operator, x: Arg, *others: Arg | None) -> Held | None:
    told = [None if other is None else other.holds for other in others] + [None] * (4 - len(others))
    first, last = told[0] or op.get("starts"), told[1] or op.get("ends")
    axes = told[2] or op.get("axes") or range(len(first))
    places = [range(size) for size in _numbers(x)]
    for axis, start, end, step in zip(axes, first, last, told[3] or (1,) * len(first), strict=True):
        places[axis] = places[axis][start:end:step]
    return _picked(x, places)


@value("Transpose")
def _transpose(op: Operator, x: Arg) -> Held | None:
    rank = len(x.shape)
    order = op.get("perm") or range(rank)[::-1]
    turned = product_of(*(range(_numbers(x)[axis]) for axis in order))
    back = [list(order).index(axis) for axis in range(rank)]
    return None if x.holds is None else tuple(_at(x, [place[axis] for axis in back]) for place in turned)


def _picked(x: Arg, places: list[range]) -> Held | None:
    """The entries at these places of each axis."""
    return None if x.holds is None else tuple(_at(x, place) for place in product_of(*places))


def _numbers(x: Arg) -> list[int]:
    """The sizes of a list, which are numbers wherever it is known what it holds."""
    return [size for size in x.shape if isinstance(size, int)]


def _at(x: Arg, place: Sequence[int]) -> Any:
    """The entry at a place, one number an axis."""
    flat = 0
    for size, index in zip(_numbers(x), place, strict=True):
        flat = flat * size + index
    return (x.holds or ())[flat]


@value("Cast")
def _cast(op: Operator, x: Arg) -> Held | None:
    if x.holds is None:
        return None
    if op.get("to") in INTEGERS:
        return tuple(entry if isinstance(entry, Size) else int(entry) for entry in x.holds)
    return tuple(entry if isinstance(entry, Size) else float(entry) for entry in x.holds)


def _each(function: Callable[..., Any]) -> Callable[..., Held | None]:
    """A rule that goes entry by entry, lists of one entry standing for as many as need be."""

    def entries(op: Operator, *args: Arg) -> Held | None:
        parts = [arg.holds for arg in args]
        if any(part is None for part in parts):
            return None
        most = max(len(part) for part in parts if part is not None)
        lists = [part * most if len(part) == 1 else part for part in parts if part is not None]
        made = tuple(function(*each) for each in zip(*lists, strict=True))
        return None if None in made else made

    return entries


def _divided(a: Any, b: Any) -> Any:
    """Whole numbers are divided as C divides them, towards 0; sizes are not negative."""
    if isinstance(a, int) and isinstance(b, int):
        return abs(a) // abs(b) * (1 if (a < 0) == (b < 0) else -1)
    return a / b if isinstance(a, float) or isinstance(b, float) else a // b


def _times(a: Any, b: Any) -> Any:
    """The product; an open size takes a float only if that is whole."""
    if isinstance(a, Size) and isinstance(b, float):
        return a * int(b) if b.is_integer() else None
    return _times(b, a) if isinstance(b, Size) and isinstance(a, float) else a * b


def _equal(a: Any, b: Any) -> Any:
    """Whether two are equal; None where sizes leave that open. No size is negative."""
    if isinstance(a, Size) or isinstance(b, Size):
        if any(isinstance(one, int) and one < 0 for one in (a, b)):
            return False
        return True if a == b else None
    return a == b


EACH: dict[str, Callable[..., Any]] = {
    "Add": lambda a, b: a + b,
    "Sub": lambda a, b: a - b,
    "Mul": _times,
    "Div": _divided,
    "Mod": lambda a, b: a % b,
    "Neg": lambda a: -a,
    "Floor": lambda a: float(floor(a)) if isinstance(a, float) else a,
    "Ceil": lambda a: float(ceil(a)) if isinstance(a, float) else a,
    "Equal": _equal,
    "Not": lambda a: not a,
    "Where": lambda choice, a, b: a if choice else b,
    "Min": lambda *each: min(each) if all(isinstance(one, (int, float)) for one in each) else None,
    "Max": lambda *each: max(each) if all(isinstance(one, (int, float)) for one in each) else None,
}
for _name, _function in EACH.items():
    VALUES[_name] = _each(_function)


@value("ReduceProd")
def _reduce_prod(op: Operator, x: Arg, *others: Arg | None) -> Held | None:
    return None if x.holds is None or len(x.shape) != 1 else (product(x.holds),)


@value("Range")
def _range(op: Operator, start: Arg, limit: Arg, delta: Arg) -> Held | None:
    bounds = [arg.holds[0] for arg in (start, limit, delta) if arg.holds is not None]
    if len(bounds) < 3 or not all(type(bound) is int for bound in bounds):
        return None
    numbers = range(*bounds)
    return tuple(numbers) if len(numbers) <= MOST else None
