"""Changes of the layers that stand before the one at fault: other arguments, another source, taken out.

Main definition: `upstream_changes`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from shapecheck.diagnostics import Diagnostic
from shapecheck.repairs.arguments import arguments_of, defaults_of, entry_of_row, look, set_on, setting
from shapecheck.repairs.between import MERGES
from shapecheck.repairs.layout import Entry
from shapecheck.repairs.probe import Probe
from shapecheck.repairs.trial import Change, Trial
from shapecheck.repairs.values import LEAST, differences, near, shifted, values_for, wanted_numbers
from shapecheck.repairs.writing import (
    delete_entry,
    drop,
)
from shapecheck.report import Row

FAR = 80  # layers before the one at fault whose arguments are tried


def before(trial: Trial, row: Row) -> list[tuple[int, Row]]:
    """The layers that a row depends on, the nearest first, with how far each is."""
    network = trial.report.network
    if network is None:
        return []
    count = len(network.inputs)
    found: dict[int, int] = {}
    wave = [trial.places[row.name]]
    for distance in range(FAR + 1):
        following: list[int] = []
        for number in wave:
            if number in found:
                continue
            found[number] = distance
            for source in network.nodes[number].sources:
                value = None if source is None else source if isinstance(source, int) else source.value
                if value is not None and value >= count:
                    following.append(value - count)
        wave = following
    del found[trial.places[row.name]]
    return [(distance, trial.rows[number]) for number, distance in sorted(found.items(), key=lambda pair: pair[1])]


def upstream_changes(trial: Trial, finding: Diagnostic, row: Row, probe: Probe) -> Iterator[Change]:
    """Other arguments of the layers before, as far as they change shapes."""
    seen: set[tuple[Any, ...]] = set()
    wanted, pairs = wanted_numbers(finding, row), differences(finding)
    for distance, other in before(trial, row):
        place = (other.node.mark, other.type)
        if place in seen or other.layer is None:
            continue
        seen.add(place)
        far = 0.15 * min(distance, 6) + 0.02 * distance
        for name, value, cost in _upstream_values(other, wanted, pairs):
            edits = set_on(trial, other, name, value)
            if edits is None:
                continue
            merging = row.type in MERGES and name == "output_padding" and distance == 1
            base = 0.9 if merging else 2.8  # what transposed convolutions have it for
            words = f"{other.name}: {setting(name, arguments_of(other).get(name), value, name in other.node.given)}"
            yield Change(words, edits, base + far + cost, look(probe, other, name, value))
        entry = entry_of_row(trial, other.node)
        if entry is not None and entry.type.value == other.type:
            yield from _out_of_the_way(trial, other, entry, far)


def _out_of_the_way(trial: Trial, row: Row, entry: Entry, far: float) -> Iterator[Change]:
    """A layer before the one at fault that reads the entry before it, or is taken out."""
    source = entry.beside("from")
    if source is not None and row.type not in MERGES and (edits := drop(trial.layout, source)):
        yield Change(f"{row.name}: read the entry before", edits, 2.9 + far)
    twin = entry.around.items[entry.place - 1] if entry.place else None
    doubled = twin is not None and trial.layout.written(twin) == trial.layout.written(entry.spot)
    if (doubled or _shrinks(row)) and not _is_named(entry) and (edits := delete_entry(trial.layout, entry)):
        yield Change(f"take {row.name} out", edits, (2.7 if doubled and _shrinks(row) else 6.0) + far)


def _shrinks(row: Row) -> bool:
    """Whether a layer without parameters changes its input's sizes, so that it can be left out."""
    return row.params == 0 and row.output is not None and row.inputs != (row.output,)


def _is_named(entry: Entry) -> bool:
    return entry.beside("name") is not None


def _upstream_values(row: Row, wanted: list[int], pairs: list[tuple[int, int]]) -> Iterator[tuple[str, Any, float]]:
    layer = row.layer
    axes = getattr(type(layer), "axes", 1)
    rank = max((len(shape) for shape in row.inputs if isinstance(shape, tuple)), default=4)
    for name, value in arguments_of(row).items():
        if layer is not None and name in layer.inferred:
            continue
        given = name in row.node.given
        if name not in LEAST and not given:
            continue
        if type(value) is int and name not in LEAST:
            yield from ((name, other, 0.2) for other in shifted(value, pairs))
        default = defaults_of(row.type).get(name)
        if given and default is not None and default != value:
            yield name, default, 0.3
        for other in values_for(name, value, wanted, rank, axes if isinstance(axes, int) else 1):
            aside = 0.2 if isinstance(other, tuple) and not isinstance(value, tuple) else 0.0
            yield name, other, 0.7 * near(value, other) + (0.0 if given else 0.15) + aside
