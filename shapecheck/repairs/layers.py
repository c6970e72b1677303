"""Changes that may mend a layer which refuses its arguments or its input.

First what the finding's hint says, then the layer's own arguments, those of the layers before it, layers put in
between, other sources, other types, other sizes of the input. Each is a guess with a cost; the search tries them in the
order of cost, and only what works is shown. Main definition: `layer_changes`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from shapecheck.diagnostics import Diagnostic
from shapecheck.layers import LAYERS
from shapecheck.repairs.arguments import entry_of_row, hinted, own_changes
from shapecheck.repairs.between import between_changes
from shapecheck.repairs.calls import call_changes
from shapecheck.repairs.inputs import input_changes
from shapecheck.repairs.probe import Probe
from shapecheck.repairs.sources import source_changes
from shapecheck.repairs.text import Edit
from shapecheck.repairs.trial import Change, Trial
from shapecheck.repairs.upstream import upstream_changes
from shapecheck.repairs.writing import (
    delete_entry,
    drop,
    set_value,
)
from shapecheck.report import Row

RANKED = re.compile(r"(.*[a-z])([123])d")
SWAPS = {
    "Add": ("Concat: 1", "Mul"),
    "Mul": ("Add",),
    "Concat": ("Add",),
    "Stack": ("Concat: 1",),
    "View": ("Reshape",),
}


def layer_changes(trial: Trial, finding: Diagnostic, row: Row) -> Iterator[Change]:
    """What may mend the layer of this row; the costs say how large each change is."""
    probe = Probe(trial, finding)
    if finding.code == "SP307":
        yield from _claims(trial, finding)
    yield from hinted(trial, finding, row)
    yield from own_changes(trial, finding, row, probe)
    yield from source_changes(trial, finding, row)
    yield from between_changes(trial, finding, row)
    yield from _types(trial, finding, row)
    yield from upstream_changes(trial, finding, row, probe)
    yield from call_changes(trial, finding, row)
    yield from _modes(trial, finding)
    yield from _repeats(trial, row)
    yield from input_changes(trial, finding, probe)
    yield from _without(trial, row)


def _types(trial: Trial, finding: Diagnostic, row: Row) -> Iterator[Change]:
    """The same layer for another number of axes; another merge."""
    entry = entry_of_row(trial, row.node)
    if entry is None or entry.type.value != row.type:
        return
    found = RANKED.fullmatch(row.type)
    if found:
        for digit in "123":
            other = f"{found[1]}{digit}d"
            if other != row.type and other in LAYERS:
                yield Change(f"{row.name}: {other} instead of {row.type}", set_value(entry.type, other), 2.5)
    for other in SWAPS.get(row.type, ()):
        word, _, value = other.partition(": ")
        end = entry.type.end if entry.arguments is None else entry.arguments.end
        simple = entry.arguments is None or entry.arguments.empty or row.type in ("Concat", "Stack")
        if simple:
            rest = f": {value}" if value else "" if entry.arguments is None else ": "
            edits = [Edit(entry.type.start, end, word + rest)]
        else:
            edits = set_value(entry.type, word)
        yield Change(f"{row.name}: {word} instead of {row.type}", edits, 3.0)


def _modes(trial: Trial, finding: Diagnostic) -> Iterator[Change]:
    """Evaluation mode, where training is what torch refuses."""
    root = trial.layout.root
    if finding.code != "SP315" or root is None:
        return
    mode = root.get("mode")
    if mode is not None:
        yield Change("set mode to eval", set_value(mode, "eval"), 1.5)
        return
    layers = root.key_of(root.get("layers")) if root.get("layers") is not None else None  # type: ignore[arg-type]
    if layers is not None and not root.flow:
        start = trial.layout.lines.start(layers.start)
        yield Change("set mode to eval", [Edit(start, start, f"mode: eval{trial.layout.lines.break_}")], 1.7)


def _claims(trial: Trial, finding: Diagnostic) -> Iterator[Change]:
    """The claim, as the output is."""
    spot = trial.layout.at(finding.line, finding.column)
    if spot is None:
        return
    found = re.fullmatch(r"output: (\[.*\])", finding.hint or "")
    if found and re.fullmatch(r"[\w\[\], ]*", found[1]):
        yield Change(f"claim {found[1]} (the claim is {trial.layout.written(spot)})", set_value(spot, found[1]), 4.4)
    edits = drop(trial.layout, spot)
    if edits:
        yield Change(f"claim nothing of {finding.layer}", edits, 6.0)


def _repeats(trial: Trial, row: Row) -> Iterator[Change]:
    """As many repetitions as went well."""
    entry = entry_of_row(trial, row.node)
    times = None if entry is None else entry.beside("repeat")
    if times is None or not times.value.isdigit():
        return
    well = sum(other.node.mark == row.node.mark for other in trial.rows[: trial.places[row.name]])
    for number in sorted({well, max(well - 1, 1), 1} - {0, int(times.value)}, reverse=True):
        words = f"{row.type}: repeat {number} times (it is {times.value})"
        yield Change(words, set_value(times, str(number)), 1.3 + 0.1 * (well - number))


def _without(trial: Trial, row: Row) -> Iterator[Change]:
    """The layer itself taken out, the last thing to do."""
    entry = entry_of_row(trial, row.node)
    if entry is not None and entry.type.value == row.type:
        edits = delete_entry(trial.layout, entry)
        if edits:
            yield Change(f"take {row.name} out", edits, 9.0)
