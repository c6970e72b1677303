"""What a program asks for: `repair` a spec, a file or a mapping; the answer as data.

Main definitions: `repair`, `repairs_of` (the same with what was found wrong and how much was tried), `Repair`.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from shapecheck.diagnostics import Diagnostic, plain
from shapecheck.net import Network
from shapecheck.repairs.search import Progress, Search
from shapecheck.repairs.text import Document, Edit, Lines, replace_file
from shapecheck.repairs.trial import Setting, Trial
from shapecheck.repairs.writing import text_of
from shapecheck.report import Report
from shapecheck.spec import read, read_text

SECONDS = 10.0
TRIALS = 3_000
MOST = 5
NO_VERDICT = ("SP402", "SP404")  # torch was not asked: the network is too large for it, there is no such device


@dataclass(frozen=True)
class Repair:
    """A mended spec: what was changed, in words and as edits of the original text, and what the network gives now.

    `cost` is what repairs are ranked by: the smaller the change, the smaller the cost.
    """

    changes: tuple[str, ...]
    edits: tuple[Edit, ...]
    cost: float
    text: str
    report: Report
    original: Document = field(repr=False)
    file: str | None = None

    @property
    def words(self) -> str:
        """What is changed, in words."""
        return "; ".join(self.changes)

    @property
    def outputs(self) -> list[Any]:
        """The shapes that the mended network gives, as plain data."""
        return outputs_of(self.report)

    def data(self) -> bytes:
        """The mended file: the bytes outside of the edits are those of the original."""
        return self.original.data(self.text)

    def diff(self, context: int = 3) -> str:
        """The change as a unified diff, line ends left out."""
        from difflib import unified_diff

        name = self.file or "spec"
        before, after = (Lines(text).all() for text in (self.original.text, self.text))
        return "".join(
            f"{line}\n" for line in unified_diff(before, after, name, f"{name} (mended)", "", "", context, "")
        )

    def apply(self) -> None:
        """Nothing; the file holds the mended spec, written beside the old one first, which it then replaces.

        Raises OSError where that cannot be, and where the file was changed since it was read: then it stays as it is.
        """
        if self.file is None:
            raise ValueError("a spec handed over from Python has no file to write")
        replace_file(self.file, self.data(), self.original.data(self.original.text))

    def spec(self) -> Any:
        """The mended spec as plain data: what `check` takes."""
        from shapecheck import yaml_nodes

        return yaml_nodes.plain(yaml_nodes.read(self.text))

    def to_dict(self) -> dict[str, Any]:
        """The repair as plain data, for JSON; places are counted from 1, ends are where the edit no longer reaches."""
        lines = Lines(self.original.text)
        edits = []
        for edit in self.edits:
            (line, column), (end_line, end_column) = lines.place(edit.start), lines.place(edit.end)
            edits.append({
                "line": line, "column": column, "end_line": end_line, "end_column": end_column,
                "old": self.original.text[edit.start : edit.end], "new": edit.text,
            })  # fmt: skip
        return {
            "changes": list(self.changes),
            "cost": round(self.cost, 3),
            "edits": edits,
            "diff": self.diff(),
            "outputs": self.outputs,
            "verified": self.report.verified,
        }


@dataclass(frozen=True)
class Result:
    """A search's outcome: the errors of the spec as it is, the repairs, how many changed specs were tried."""

    findings: tuple[Diagnostic, ...]
    repairs: tuple[Repair, ...]
    tried: int
    ended: bool  # all that it knows was tried; else time or trials ran out


def repair(
    source: str | os.PathLike[str] | Mapping[str, Any],
    sizes: Mapping[str, int] | None = None,
    *,
    verify: bool = True,
    device: str = "auto",
    most: int = MOST,
    seconds: float = SECONDS,
) -> list[Repair]:
    """The smallest changes that mend a spec, a path or a mapping, ranked; none for one that fits, or is beyond repair.

    Each was tried: the changed text is read and inferred anew and gives no error, and with `verify` torch agrees where
    torch is there. A repair has one change or two; a spec of more faults is mended fault by fault. The search ends
    after `seconds`. Never raises for a bad spec.

    >>> spec = {"input": ["N", 3, 32, 32], "layers": ["Flatten", {"Linear": {"in_features": 3000, "out_features": 10}}]}
    >>> first = repair(spec, verify=False)[0]
    >>> first.words, first.outputs
    ('linear_1: set in_features to 3072 (it is 3000)', [['N', 10]])
    """
    return list(repairs_of(source, sizes, verify=verify, device=device, most=most, seconds=seconds).repairs)


def repairs_of(
    source: str | os.PathLike[str] | Mapping[str, Any],
    sizes: Mapping[str, int] | None = None,
    *,
    verify: bool = True,
    device: str = "auto",
    most: int = MOST,
    seconds: float = SECONDS,
    trials: int = TRIALS,
    training: bool | None = None,
    progress: Progress | None = None,
) -> Result:
    """The same with what is wrong, and how far the search came."""
    file = None if isinstance(source, Mapping) else os.fspath(source)
    if file is None:
        document = Document(spec_text(source))  # type: ignore[arg-type]
    else:
        unreadable = [f for f in read(file, training=training).findings if f.code == "SP001"]
        if unreadable:
            return Result(tuple(unreadable), (), 0, True)
        with open(file, "rb") as stream:  # noqa: PTH123 - as in spec.py
            document = Document.of(stream.read())
    setting = Setting(file, sizes, training)
    search = Search(document.text, setting, seconds, trials, progress)
    found = [] if most < 1 else search.run(most)
    repairs = [_repair(trial, document, file) for trial in found]
    if verify:
        repairs = [mended for one in repairs if (mended := _verified(one, sizes, device)) is not None]
    return Result(tuple(search.start.faults), tuple(repairs), search.tried, not search.spent())


def _repair(trial: Trial, document: Document, file: str | None) -> Repair:
    words = tuple(change.words for change in trial.changes)
    return Repair(words, tuple(trial.draft.edits()), trial.cost, trial.draft.text, trial.report, document, file)


def _verified(one: Repair, sizes: Mapping[str, int] | None, device: str) -> Repair | None:
    """The repair with torch's verdict; None where torch refuses what is mended."""
    from dataclasses import replace

    from shapecheck.torch_oracle import verify

    network = read_text(
        one.text, one.file, training=one.report.network.training if one.report.network else None
    ).network
    if network is None:
        return None
    report = verify(network, sizes, device, report=one.report)
    if any(finding.severity == "error" and finding.code not in NO_VERDICT for finding in report.diagnostics):
        return None
    return replace(one, report=report)


def outputs_of(report: Report) -> list[Any]:
    """The shape that a network gives at its end, as plain data; nothing for one that has no layers."""
    network: Network | None = report.network
    if network is None:
        return []
    from shapecheck.inference import pick

    values = [*report.inputs.values(), *(row.output for row in report.rows)]
    return [plain(pick(source, values)) for source, _ in network.outputs[-1:]]


def spec_text(spec: Mapping[str, Any]) -> str:
    """A spec handed over from Python as YAML, a line a key and a line an entry.

    >>> print(spec_text({"input": ("N", 3), "layers": ["ReLU", {"Linear": 4}]}), end="")
    input: [N, 3]
    layers:
      - ReLU
      - {Linear: 4}
    """
    lines = []
    for key, value in spec.items():
        if key == "layers" and isinstance(value, (list, tuple)) and value:
            lines += [f"{key}:", *(f"  - {text_of(entry)}" for entry in value)]
        else:
            lines.append(f"{text_of(key)}: {text_of(value)}")
    return "".join(f"{line}\n" for line in lines)
