"""What may mend the first fault of a trial: by the kind of fault, the smallest change first.

Main definition: `changes_for`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from shapecheck.repairs.layers import layer_changes
from shapecheck.repairs.spec_faults import spec_changes
from shapecheck.repairs.syntax import syntax_changes
from shapecheck.repairs.text import Edit
from shapecheck.repairs.trial import Change, Trial


def changes_for(trial: Trial) -> list[Change]:
    """The changes that may mend the first fault, in the order of their cost, each set of edits once."""
    return unique(_changes(trial))


def _changes(trial: Trial) -> Iterator[Change]:
    if trial.first is None:
        return
    finding = trial.first[1]
    row = trial.row_of(finding)
    if row is not None:
        yield from layer_changes(trial, finding, row)
    elif finding.code.startswith("SP00"):
        yield from syntax_changes(trial, finding)
    else:
        yield from spec_changes(trial, finding)


def unique(changes: Iterable[Change]) -> list[Change]:
    """The changes in the order of their cost, each set of edits once."""
    found: dict[tuple[Edit, ...], Change] = {}
    for change in sorted(changes, key=lambda change: change.cost):
        found.setdefault(tuple(change.edits), change)
    return list(found.values())
