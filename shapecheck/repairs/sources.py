"""Other values for a layer to read: another name, fewer of them, one of several outputs.

Main definition: `source_changes`.
"""

from __future__ import annotations

from collections.abc import Iterator
from difflib import get_close_matches

from shapecheck.diagnostics import Diagnostic
from shapecheck.layers import LAYERS
from shapecheck.layers.base import is_shape
from shapecheck.repairs.arguments import entry_of_row
from shapecheck.repairs.between import MERGES, insert_on
from shapecheck.repairs.layout import Entry, Spot
from shapecheck.repairs.trial import Change, Trial
from shapecheck.repairs.writing import (
    beside,
    drop,
    insert_entry,
    set_value,
    text_of,
)
from shapecheck.report import Row


def source_changes(trial: Trial, finding: Diagnostic, row: Row) -> Iterator[Change]:
    """Other values for `from`, fewer of them, or one of several outputs."""
    entry = entry_of_row(trial, row.node)
    if entry is None:
        return
    if finding.code == "SP308" and "outputs" in finding.facts:
        yield from _one_of_several(trial, row, entry)
    source = entry.beside("from")
    if source is not None and entry.type.value == row.type and (edits := drop(trial.layout, source)):
        yield Change(f"{row.name}: read the entry before", edits, 6.0 if row.type in MERGES else 2.3)
    known = _readable(trial, row)
    if source is None:
        least = (
            row.layer.inputs[0] if row.layer is not None else LAYERS[row.type].inputs[0] if row.type in LAYERS else 1
        )
        if entry.type.value == row.type and row.type in LAYERS:
            yield from _new_sources(trial, row, entry, known, max(least, 1))
        return
    items = source.items if source.kind == "list" else [source]
    for item in items:
        if item.kind != "scalar":
            continue
        alike = get_close_matches(item.value, known, 3, 0.6)
        for distance, name in enumerate(known[:40]):
            if name != item.value:
                twice = any(other is not item and other.value == name for other in items)
                cost = 2.4 + (0.0 if name in alike else 0.5 + 0.04 * distance) + (2.4 if twice else 0.0)
                cost += 1.0 if row.type in MERGES else 0.0
                words = f"{row.name}: read {name} instead of {item.value}"
                yield Change(words, set_value(item, text_of(name)), cost)
    if source.kind == "list":
        lost = 2.2 if row.type in MERGES else 0.0
        for item in reversed(items):
            edits = drop(trial.layout, item)
            if edits and len(items) > 1:
                yield Change(f"{row.name}: do not read {trial.layout.written(item)}", edits, 2.9 + lost)
        for item in items:
            words = f"{row.name}: read {item.value} alone"
            yield Change(words, set_value(source, text_of(item.value)), 3.1 + lost)
        if row.type in LAYERS and LAYERS[row.type].inputs[1] == 1:
            yield from _merged_first(trial, row, entry, source)
    elif row.type in LAYERS and LAYERS[row.type].inputs[0] > 1:
        for name in [source.value, *known[:20]]:
            words = f"{row.name}: read {name} too"
            yield Change(words, set_value(source, text_of((source.value, name))), 2.6)


def _merged_first(trial: Trial, row: Row, entry: Entry, source: Spot) -> Iterator[Change]:
    """An Add or Concat before a layer that takes one input."""
    written = trial.layout.written(source)
    for merge in ("Add: ", "Concat: 1"):
        before = insert_entry(trial.layout, entry.around, entry.place, f"{{{merge}, from: {written}}}")
        without = drop(trial.layout, source)
        if before and without:
            yield Change(f"put {merge.rstrip(': ')} before {row.name}", [*before, *without], 3.3)


def _new_sources(trial: Trial, row: Row, entry: Entry, known: list[str], least: int) -> Iterator[Change]:
    """A `from` where there is none."""
    for distance, name in enumerate(known[:20]):
        text = text_of(name) if least == 1 else text_of((*reversed(known[:1]), name))
        edits = beside(trial.layout, entry, [("from", text)])
        if edits:
            yield Change(f"{row.name}: read {text}", edits, 3.6 + 0.05 * distance)


def _one_of_several(trial: Trial, row: Row, entry: Entry) -> Iterator[Change]:
    """The first output of a layer that gives several."""
    source = entry.beside("from")
    if source is not None and entry.type.value == row.type:
        for item in source.items if source.kind == "list" else [source]:
            if item.kind == "scalar" and "[" not in item.value:
                for number in (0, 1):
                    name = f"{item.value}[{number}]"
                    yield Change(f"{row.name}: read {name}", set_value(item, text_of(name)), 1.2 + 0.3 * number)
        return
    network = trial.report.network
    for place, shape in enumerate(row.inputs):
        if is_shape(shape) or shape is None or network is None:
            continue
        name = network.source_name(row.node.sources[place] or 0).rsplit(".", 1)[-1] + "[0]"
        edits = insert_on(trial, row, place, f'{{Identity: , from: "{name}"}}')
        if edits:
            yield Change(f"{row.name}: read {name}", edits, 1.5)
        if entry.type.value == row.type and (edits := beside(trial.layout, entry, [("from", text_of(name))])):
            yield Change(f"{row.name}: read {name}", edits, 1.3)


def _readable(trial: Trial, row: Row) -> list[str]:
    """The names that a row can read, the nearest first."""
    network = trial.report.network
    if network is None or row.name not in trial.places:
        return []
    prefix = row.name.rpartition(".")[0]
    before = [other.name for other in trial.rows[: trial.places[row.name]]]
    own = [n.rpartition(".")[2] for n in before if n.rpartition(".")[0] == prefix]
    named = [spot.value for entry in trial.layout.entries() if (spot := entry.beside("name")) is not None]
    return list(
        dict.fromkeys([*reversed(own), *network.inputs, *(["input"] if len(network.inputs) == 1 else []), *named])
    )
