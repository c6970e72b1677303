"""Other sizes of the input, as near as can be to those given: changes that mend a network whose layers are meant so.

Main definition: `input_changes`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from time import monotonic

from shapecheck.diagnostics import Diagnostic
from shapecheck.repairs.layout import Spot
from shapecheck.repairs.probe import Probe
from shapecheck.repairs.text import Edit
from shapecheck.repairs.trial import Change, Trial
from shapecheck.repairs.values import near
from shapecheck.repairs.writing import set_value
from shapecheck.spec import read_text

STEPS = 8  # nearest sizes that are tried each way, one by one
MULTIPLES = (4, 8, 16, 32, 64)
OPEN_SIZES = (8, 16, 32, 64, 224)  # for an open size that must be a number
COST = 3.3


def shapes_of(trial: Trial) -> list[tuple[str, Spot]]:
    """The inputs' names and lists of sizes."""
    single, several = trial.layout.top("input"), trial.layout.top("inputs")
    if single is not None:
        return [("input", single)]
    return [] if several is None else [(key.value, value) for key, value in several.pairs()]


def input_changes(trial: Trial, finding: Diagnostic, probe: Probe) -> Iterator[Change]:
    """Other sizes for the inputs: all spatial sizes moved alike, one of them, another input's, the batch."""
    for name, spot in shapes_of(trial):
        if spot.kind != "list" or not all(item.kind == "scalar" for item in spot.items):
            continue
        sizes = [_size(item) for item in spot.items]
        yield from _spatial(trial, name, spot, sizes, probe)
        for place, size in enumerate(sizes):
            yield from _one(trial, name, spot, place, size, finding, probe)
        yield from _ranks(trial, name, spot)
    yield from _like_another(trial)


def _size(spot: Spot) -> int | None:
    return int(spot.value) if spot.value.isascii() and spot.value.isdigit() and not spot.quoted else None


def _spatial(trial: Trial, name: str, spot: Spot, sizes: list[int | None], probe: Probe) -> Iterator[Change]:
    """All sizes behind batch and channels, by one step."""
    axes = [place for place, size in enumerate(sizes) if place >= 2 and size is not None]
    first = sizes[axes[0]] if axes else None
    if first is None or len(axes) < 2 or len({sizes[axis] for axis in axes}) > 1:
        return
    for other in nearby(first):
        edits = [edit for axis in axes for edit in set_value(spot.items[axis], str(other))]
        words = f"{name}: {' x '.join([str(other)] * len(axes))} instead of {' x '.join([str(first)] * len(axes))}"
        yield Change(words, edits, COST + 2 * near(first, other), _look(trial, name, dict.fromkeys(axes, other), probe))


def _look(trial: Trial, name: str, sizes: dict[int, int], probe: Probe) -> Callable[[], bool]:
    """The quick look at other sizes of an input."""
    old = trial.report.inputs.get(name, ())
    shape = tuple(sizes.get(place, size) for place, size in enumerate(old))
    return lambda: probe.input(name, shape)


def nearest_input(trial: Trial, deadline: float) -> Change | None:
    """The admissible sizes nearest to those given, from the exact set; None where there are none, or no time."""
    from shapecheck.admission.answer import admissible_of

    edits, given = _opened(trial)
    draft = trial.draft.after(edits) if edits else None
    if draft is None:
        return None
    spec = read_text(draft.text, training=trial.setting.training)
    if spec.network is None or any(finding.severity == "error" for finding in spec.findings):
        return None

    def tell(_: int) -> None:
        if monotonic() > deadline:
            raise TimeoutError

    try:
        found = admissible_of(spec.network, confirm=False, tell=tell).nearest(**given)
    except (TimeoutError, ValueError, ArithmeticError):
        return None
    if found is None or all(found[name] == size for name, size in given.items()):
        return None
    names = dict(zip(given, edits, strict=True))
    numbers = [edit._replace(text=str(found[name])) for name, edit in names.items() if found[name] != given[name]]
    words = " x ".join(str(found[name]) for name in given)
    cost = COST + sum(near(size, found[name]) for name, size in given.items())
    return Change(f"input sizes {words} instead of {' x '.join(map(str, given.values()))}", numbers, cost)


def _opened(trial: Trial) -> tuple[list[Edit], dict[str, int]]:
    """Edits that open all sizes behind the channels, and the sizes by their new names."""
    edits: list[Edit] = []
    given: dict[str, int] = {}
    for number, (_, spot) in enumerate(shapes_of(trial)):
        for place, item in enumerate(spot.items if spot.kind == "list" else []):
            size = _size(item) if item.kind == "scalar" else None
            if place >= 2 and size is None:
                return [], {}
            if place >= 2 and size is not None:
                name = f"Size_{number}_{place}"
                edits += set_value(item, name)
                given[name] = size
    return edits, given


def nearby(size: int) -> list[int]:
    """Sizes near this one, the nearest first: neighbours, multiples of powers of two, doubles.

    >>> nearby(100)[:4], 96 in nearby(100), 128 in nearby(100)
    ([99, 101, 98, 102], True, True)
    """
    found = [size + sign * step for step in range(1, STEPS + 1) for sign in (-1, 1)]
    for multiple in MULTIPLES:
        found += [size // multiple * multiple, -(-size // multiple) * multiple]
    found += [size * factor for factor in (2, 3, 4, 8)] + [size * 3 // 2, size // 2]
    found += [size + step for step in (10, 12, 14, 16, 20, 24)]
    return sorted(
        {other for other in found if 0 < other < 4096 and other != size}, key=lambda other: (abs(other - size), other)
    )


def _one(
    trial: Trial, name: str, spot: Spot, place: int, size: int | None, finding: Diagnostic, probe: Probe
) -> Iterator[Change]:
    """One size alone."""
    item = spot.items[place]
    if size is None:
        if finding.code in ("SP330", "SP340"):
            for number in OPEN_SIZES:
                cost = (1.6 if place >= 1 else 3.0) + number / 1000
                yield Change(f"{name}: {number} for the open size {item.value}", set_value(item, str(number)), cost)
        return
    for other in sorted({1, 2, 3, *nearby(size)} - {size}, key=lambda other: abs(other - size)):
        extra = 0.0 if size == 0 or (finding.code == "SP315" and place == 0) else 0.8 if place > 1 else 1.4
        if size and other > 16 * size:
            continue
        edits = set_value(item, str(other))
        words = f"{name}: size {place + 1} is {other} instead of {size}"
        yield Change(words, edits, COST - 1 + extra + near(size, other), _look(trial, name, {place: other}, probe))


def _ranks(trial: Trial, name: str, spot: Spot) -> Iterator[Change]:
    """One dimension more."""
    if spot.flow and 1 <= len(spot.items) <= 4:
        for place in (1, 0):
            before = spot.items[place].start if place < len(spot.items) else None
            if before is not None:
                yield Change(f"{name}: one dimension more, of size 1", [Edit(before, before, "1, ")], 4.2)


def _like_another(trial: Trial) -> Iterator[Change]:
    """An input of the shape that another one has."""
    inputs = shapes_of(trial)
    for name, spot in inputs:
        for other, target in inputs:
            if other != name and trial.layout.written(spot) != trial.layout.written(target) and target.flow:
                text = trial.layout.written(target)
                yield Change(f"{name}: the shape of {other}, {text}", set_value(spot, text), 5.5)
