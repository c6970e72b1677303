"""Which values an argument may have meant: near the given one, or wanted by the shapes around.

Main definitions: `near` (how large a change of a value is), `values_for`, `wanted_numbers`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from math import prod
from typing import Any

from shapecheck.diagnostics import Diagnostic
from shapecheck.layers.windows import short
from shapecheck.report import Row

LEAST = {"padding": 0, "output_padding": 0, "stride": 1, "kernel_size": 1, "dilation": 1}  # of windows
REACH = 8  # how far from the given one a window's argument is looked for
NOT_SIZES = ("p", "eps", "momentum", "bias", "training", "inplace", "padding_mode", "value", "num_layers", "repeat")
DIMS = ("dim", "start_dim", "end_dim", "dim0", "dim1", "dims", "axis")


def near(old: Any, new: Any) -> float:
    """How far a value is from another one, from 0 to some 2.

    >>> near(3, 3), near(10, 9), near((1, 1), (1, 0)), near(None, 3)
    (0.0, 0.1, 0.5, 1.0)
    """
    if type(old) is int and type(new) is int:
        return abs(old - new) / max(abs(old), abs(new), 1)
    if isinstance(old, tuple) or isinstance(new, tuple):
        length = max(len(value) for value in (old, new) if isinstance(value, tuple))
        pairs = zip(_repeated(old, length), _repeated(new, length), strict=False)
        return sum(near(a, b) for a, b in pairs) / max(length, 1)
    return 0.0 if old == new else 1.0


def _repeated(value: Any, length: int) -> tuple[Any, ...]:
    return value if isinstance(value, tuple) else (value,) * length


def wanted_numbers(finding: Diagnostic | None, row: Row | None) -> list[int]:
    """The numbers that a finding and its layer's inputs speak of."""
    found: dict[int, None] = {}
    stack: list[Any] = [] if finding is None else list(finding.facts.values())
    stack += [] if row is None else [*row.inputs, row.output]
    for value in stack:
        for number in _flat(value):
            found.setdefault(number)
    for shape in () if row is None else row.inputs:
        numbers = [size for size in shape[1:] if type(size) is int] if isinstance(shape, tuple) else []
        if numbers:
            found.setdefault(prod(numbers))
    return [number for number in found if number > 0][:24]


def differences(finding: Diagnostic) -> list[tuple[int, int]]:
    """The pairs of numbers that should be equal and are not, as a finding tells them."""
    facts = finding.facts
    pairs: list[tuple[Any, Any]] = []
    for one, two in (("given", "found"), ("a", "b"), ("one", "two"), ("output", "claim")):
        a, b = facts.get(one), facts.get(two)
        if isinstance(a, tuple) and isinstance(b, tuple) and len(a) == len(b):
            pairs += zip(a, b, strict=True)
        pairs.append((a, b))
    return [(a, b) for a, b in pairs if type(a) is int and type(b) is int and a != b][:4]


def shifted(value: int, pairs: Iterable[tuple[int, int]]) -> list[int]:
    """The value with the difference of each pair added, or with its ratio.

    >>> shifted(3, [(48, 43)]), shifted(8, [(10, 20)])
    ([8], [18, 16, 4])
    """
    found = []
    for a, b in pairs:
        found += [value + a - b, value + b - a]
        found += [value * x // y for x, y in ((b, a), (a, b)) if y and value * x % y == 0]
    return list(dict.fromkeys(number for number in found if number > 0 and number != value))


def _flat(value: Any) -> Iterator[int]:
    if type(value) is int:
        yield value
    elif isinstance(value, (tuple, list)):
        for item in value:
            yield from _flat(item)
    elif isinstance(value, Mapping):
        yield from _flat(list(value.values()))


def values_for(name: str, value: Any, wanted: Iterable[int], rank: int, axes: int = 1) -> Iterator[Any]:
    """Other values that the argument may have, the nearest first within each kind.

    >>> list(values_for("padding", 1, [], 4))[:4], list(values_for("dim", 3, [], 2))
    ([0, 2, 3, 4], [1, 0, -1, -2])
    """
    if name in NOT_SIZES:
        return
    if isinstance(value, bool):
        yield not value
    elif name in DIMS:
        yield from _dims(value, rank)
    elif name in LEAST:
        yield from _windows(name, value, axes)
    elif type(value) is int:
        yield from _numbers(value, wanted)
    elif isinstance(value, tuple) and value and all(type(item) is int for item in value):
        for place, item in enumerate(value):
            for other in _numbers(item, wanted):
                yield (*value[:place], other, *value[place + 1 :])
        if len(set(value)) == 1:
            for other in _numbers(value[0], wanted):
                yield (other,) * len(value)


def _dims(value: Any, rank: int) -> Iterator[Any]:
    choices = [*range(rank), *range(-1, -rank - 1, -1)]
    if type(value) is int:
        yield from sorted((dim for dim in choices if dim != value), key=lambda dim: abs(dim - value))
    elif isinstance(value, tuple) and len(value) <= 4:
        for place, item in enumerate(value):
            if type(item) is int:
                for dim in sorted(choices, key=lambda dim: abs(dim - item)):
                    if dim not in value:
                        yield (*value[:place], dim, *value[place + 1 :])


def _windows(name: str, value: Any, axes: int) -> Iterator[Any]:
    """A window's argument: the same on all axes, then on one alone."""
    least = LEAST[name]
    if type(value) is int:
        yield from _around(value, least)
        if axes > 1:
            for other in _around(value, least, 3):
                for place in range(axes):
                    yield tuple(other if axis == place else value for axis in range(axes))
    elif isinstance(value, tuple) and value and all(type(item) is int for item in value):
        if len(set(value)) == 1:
            yield from _around(value[0], least)
        for place, item in enumerate(value):
            for other in _around(item, least):
                yield short((*value[:place], other, *value[place + 1 :]))


def _around(value: int, least: int, reach: int = REACH) -> Iterator[int]:
    """The numbers near, from the least on; of a number far off, the usual small ones too."""
    near_ones = [value + sign * step for step in range(1, reach + 1) for sign in (-1, 1)]
    others = [] if reach < REACH else [*range(least, least + 4), value // 2, value * 2, value // 4]
    yield from dict.fromkeys(number for number in (*near_ones, *others) if number >= least and number != value)


def _numbers(value: int, wanted: Iterable[int]) -> Iterator[int]:
    """A number of channels, features, groups: what is wanted, its divisors' nearest, its neighbours."""
    others = [*wanted, value - 1, value + 1, value // 2, value * 2, abs(value), 1, *_divisors(value)]
    yield from dict.fromkeys(number for number in others if number > 0 and number != value)


def _divisors(value: int) -> list[int]:
    """The divisors of a small number, the largest first."""
    return [number for number in range(min(abs(value), 4096) - 1, 1, -1) if value % number == 0][:8]
