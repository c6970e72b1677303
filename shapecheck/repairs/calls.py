"""Other parameters for the blocks that a spec calls, where they can change what a fault is about.

Main definition: `call_changes`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from shapecheck.diagnostics import Diagnostic
from shapecheck.repairs.arguments import value_of
from shapecheck.repairs.layout import Entry, Spot
from shapecheck.repairs.trial import Change, Trial
from shapecheck.repairs.values import LEAST, differences, near, shifted, values_for, wanted_numbers
from shapecheck.repairs.writing import (
    set_value,
)
from shapecheck.report import Row

MOST_CALLS = 24  # calls of blocks whose parameters are tried


def call_changes(trial: Trial, finding: Diagnostic, row: Row) -> Iterator[Change]:
    """Other parameters of the blocks that are called, where the layer or one before it stands in a block."""
    blocks = trial.layout.top("blocks")
    names = {key.value: value for key, value in blocks.pairs()} if blocks is not None else {}
    if not names:
        return
    wanted, pairs, axes = wanted_numbers(finding, row), differences(finding), axes_at_fault(finding)
    calls = [entry for entry in trial.layout.entries() if entry.type.value in names and entry.arguments is not None]
    for entry in calls[:MOST_CALLS]:
        for name, spot in _given(entry, parameters_of(names[entry.type.value])):
            value = None if spot.quoted or spot.kind != "scalar" else value_of(spot.value)
            if type(value) is not int:
                continue
            used = _used_as(names, entry.type.value, name)
            likely = next((word for word in LEAST if word in used), "out_channels")
            likely = "kernel_size" if used == {"repeat"} else likely  # a few more or fewer
            aside = 0.0 if _can_help(used, axes) else 2.5
            others = [] if used == {"repeat"} else shifted(value, pairs)
            for other in dict.fromkeys([*others, *values_for(likely, value, wanted, 4)]):
                words = f"{entry.type.value} in line {trial.layout.lines.place(spot.start)[0]}: set {name} to {other}"
                cost = 3.0 + 0.7 * near(value, other) + aside
                yield Change(f"{words} (it is {value})", set_value(spot, str(other)), cost)


def axes_at_fault(finding: Diagnostic) -> set[str] | None:
    """Which axes a fault is about, "channels" or "space"; None where that is not to be told."""
    if finding.code in ("SP301", "SP311", "SP316", "SP318"):
        return {"space"}
    facts = finding.facts
    for one, two in (("one", "two"), ("output", "claim")):
        a, b = facts.get(one), facts.get(two)
        if isinstance(a, tuple) and isinstance(b, tuple):
            if len(a) != len(b):
                return set()
            pairs = zip(a, b, strict=True)
            differing = [axis for axis, (x, y) in enumerate(pairs) if x != y and axis != facts.get("dim")]
            return {"channels" if axis <= 1 else "space" for axis in differing}
    dim = facts.get("dim")
    return {"space"} if finding.code == "SP305" and dim in (-1, -2) and "a" in facts else None


def _used_as(blocks: Mapping[str, Spot], block: str, name: str, depth: int = 4) -> set[str]:
    """The arguments for which a block's parameter is used, in the blocks that it calls too."""
    found: set[str] = set()
    pattern = re.compile(rf"\$\{{[^}}]*\b{re.escape(name)}\b")
    for spot in blocks[block].walk() if block in blocks and depth else ():
        if spot.kind != "scalar" or not pattern.search(spot.value):
            continue
        keys = _keys_above(spot)
        inner = next((key for key in keys[:2] if key in blocks), None)
        if inner is None:
            found.add(keys[0] if keys else "")
            continue
        names = parameters_of(blocks[inner])
        place = spot.up.items.index(spot) if spot.up is not None and spot.up.kind == "list" else 0
        part = keys[0] if keys[0] in names else names[place] if place < len(names) else None
        found |= _used_as(blocks, inner, part, depth - 1) if part else set()
    return found


def _keys_above(spot: Spot) -> list[str]:
    """The keys under which a value stands, the nearest first."""
    found = []
    while spot.up is not None:
        if spot.up.kind == "map" and (key := spot.up.key_of(spot)) is not None:
            found.append(key.value)
        spot = spot.up
    return found


def _can_help(used: set[str], axes: set[str] | None) -> bool:
    """Whether a parameter with these uses can change the axes that a fault is about."""
    if axes is None or not used:
        return True
    kinds = {
        "space" if word in LEAST or word == "ceil_mode" else "both" if word == "repeat" else "channels" for word in used
    }
    return "both" in kinds or bool(kinds & axes)


def parameters_of(block: Spot) -> list[str]:
    """The parameters that a block says it has."""
    listed = block.get("params")
    if listed is None:
        return []
    return [key.value for key, _ in listed.pairs()] or [item.value for item in listed.items if item.kind == "scalar"]


def _given(entry: Entry, names: list[str]) -> Iterator[tuple[str, Spot]]:
    given = entry.arguments
    if given is None:
        return
    if given.kind == "map":
        yield from ((key.value, value) for key, value in given.pairs())
    elif given.kind == "list":
        yield from zip(names, given.items, strict=False)
    elif names and not given.empty:
        yield names[0], given
