"""A spec as it stands after some changes: read, inferred, its faults in the order in which they are to be mended.

Main definitions: `Change` (edits and what they do, in words), `Trial` (a text, tried), `progress` (has a change
helped?).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any, NamedTuple

from shapecheck.diagnostics import Diagnostic
from shapecheck.inference import infer, pick
from shapecheck.net import Source
from shapecheck.repairs.layout import Layout
from shapecheck.repairs.text import Draft, Edit
from shapecheck.report import Report, Row
from shapecheck.spec import read_text

UNREAD = 1_000  # more faults than a spec is searched for


class Change(NamedTuple):
    """One change of a text: its edits, what it does, and how large it is: the smaller the better.

    `probe` is a quick look whether it can help; where it says no, the changed text is not read.
    """

    words: str
    edits: list[Edit]
    cost: float
    probe: Callable[[], bool] | None = None


class Setting(NamedTuple):
    """What is the same for all trials of one search."""

    file: str | None
    sizes: Mapping[str, int] | None
    training: bool | None


class Trial:
    """A draft, read and inferred; `faults` are its errors: the spec's by their places, then the layers' in order."""

    def __init__(self, draft: Draft, setting: Setting, changes: tuple[Change, ...] = (), cost: float = 0.0) -> None:
        self.draft = draft
        self.setting = setting
        self.changes = changes
        self.cost = cost
        spec = read_text(draft.text, setting.file, training=setting.training)
        self.findings = list(spec.findings)
        self.report = Report(spec.name, diagnostics=tuple(spec.findings))
        self.told = len(self.findings)
        if spec.network is not None:
            report = infer(spec.network, setting.sizes)
            self.findings += report.diagnostics
            self.report = report.replace(diagnostics=tuple(self.findings))
        self.faults = [finding for finding in self.findings if finding.severity == "error"]

    @cached_property
    def holes(self) -> int:
        """How many sources name an output that is not there, `relu[1]`; what reads them has no shape."""
        network = self.report.network
        if network is None:
            return 0
        values = [*self.report.inputs.values(), *(row.output for row in self.rows)]
        sources = [source for node in network.nodes for source in node.sources if isinstance(source, Source)]
        return sum(values[source.value] is not None and pick(source, values) is None for source in sources)

    @cached_property
    def layout(self) -> Layout:
        """Where each value stands in the text."""
        return Layout(self.draft.text)

    @cached_property
    def rows(self) -> tuple[Row, ...]:
        """The layers, as far as there is a network."""
        return self.report.rows

    @cached_property
    def places(self) -> dict[str, int]:
        """The number of each row by its name."""
        return {row.name: number for number, row in reversed(list(enumerate(self.rows)))}

    def row_of(self, finding: Diagnostic) -> Row | None:
        """The layer that a finding is about."""
        if finding in self.findings[: self.told] or finding.layer not in self.places:
            return None
        return self.rows[self.places[finding.layer]]

    def rank(self, finding: Diagnostic) -> tuple[int, int, int]:
        """Where a finding comes in the order of mending; layers count from the last, which stays where it is."""
        if finding in self.findings[: self.told]:
            return (0, finding.line or 0, finding.column or 0)
        number = self.places.get(finding.layer or "", len(self.rows))
        return (1, number - len(self.rows), self._claim(finding))

    def _claim(self, finding: Diagnostic) -> int:
        """Which of a layer's claims is at fault, 0 for none: its own, then those of the network's outputs in order."""
        if finding.code != "SP307":
            return 0
        outputs = () if self.report.network is None else self.report.network.outputs
        marks = [None if claim is None else tuple(claim.mark) for _, claim in outputs]
        place = (finding.line, finding.column)
        return 2 + marks.index(place) if place in marks else 1

    @cached_property
    def first(self) -> tuple[tuple[int, int, int], Diagnostic] | None:
        """The fault that is mended first, with its rank."""
        ranked = [(self.rank(fault), number) for number, fault in enumerate(self.faults)]
        if not ranked:
            return None
        rank, number = min(ranked)
        return rank, self.faults[number]


def progress(before: Trial, after: Trial) -> bool:
    """Whether the fault that was to be mended first is gone, or has become a lesser one of the same layer."""
    if after.first is None or before.first is None:
        return after.first is None
    (old, was), (new, now) = before.first, after.first
    if old[0] == new[0] == 0:  # the spec's: a change moves the places behind it, so they are counted
        fewer = spec_faults(after) - spec_faults(before)
        return fewer < 0 or (fewer == 0 and (was.code != now.code or (after.report.network is None and new > old)))
    if new != old:
        return new > old
    return (was.code, was.argument) != (now.code, now.argument) or differing(now) < differing(was)


def spec_faults(trial: Trial) -> int:
    """How many faults the spec itself has; where it could not be read to its end, one more than can be counted."""
    told = sum(trial.rank(fault)[0] == 0 for fault in trial.faults)
    return told + (UNREAD if trial.report.network is None else 0)


def differing(finding: Diagnostic) -> tuple[Any, ...]:
    """How much two inputs differ that do not belong together: the axes, then by how many cells."""
    one, two = finding.facts.get("one"), finding.facts.get("two")
    if not isinstance(one, tuple) or not isinstance(two, tuple) or len(one) != len(two):
        dim = finding.facts.get("dim")
        return (-dim,) if type(dim) is int else (0,)
    pairs = [
        (a, b) for axis, (a, b) in enumerate(zip(one, two, strict=True)) if a != b and axis != finding.facts.get("dim")
    ]
    return (len(pairs),)
