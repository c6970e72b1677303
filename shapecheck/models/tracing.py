"""What a live torch module gives: its graph where it has one, else its calls, each shape beside torch's own.

    report = shapecheck.trace(model, (1, 3, 224, 224))
    report.way                                         "graph", or "calls" and a note says why
    shapecheck.infer(report.network, {"H": 320})       another size, predicted without running anything (a graph only)

The module is looked at in evaluation mode unless `training` is given, and left as it was.
Main definitions: `trace`, `predicted_again`.   Codes: SP601 to SP603.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from shapecheck.diagnostics import Diagnostic
from shapecheck.inference import infer
from shapecheck.models.graph import Capture, Uncaptured, is_given_shape, record
from shapecheck.report import Report
from shapecheck.torch_oracle import _torch


def trace(module: Any, *inputs: Any, training: bool = False, name: str | None = None, **kwargs: Any) -> Report:
    """The report of a torch module for these inputs, tensors or shapes as tuples, each row with torch's own shape.

    Keyword inputs go to forward by their names; inputs may be nested in lists and mappings. Nothing is computed: torch
    runs on its meta device. Never raises for what the module does: the report's `diagnostics` tell. Its `network` is
    the module's graph, if `way` is "graph": `infer` predicts it for other sizes of its open names.

    >>> from torch import nn
    >>> report = trace(nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU()), (1, 3, 32, 32))
    >>> report.way, report.verified, report.rows[0].torch, report.network.open_names()
    ('graph', 'meta', (1, 8, 30, 30), ['N', 'H', 'W'])
    """
    with mode_of(module, training):
        try:
            return graph_report(module, record(module, inputs, kwargs, name=name))
        except Uncaptured as error:
            return calls_report(module, inputs, kwargs, name, str(error))


def graph_report(module: Any, capture: Capture) -> Report:
    """The report of a recorded graph at the sizes it was recorded with."""
    report = infer(capture.network, capture.hints)
    rows = tuple(row._replace(torch=made) for row, made in zip(report.rows, capture.torch, strict=True))
    findings = [*report.diagnostics, *capture.findings, *_fixed(capture), *_unruled(capture), *_unread(capture)]
    counted = sum(weight.numel() for weight in module.parameters())
    if report.totals["params"] != counted:
        message = f"shapeproof counts {report.totals['params']} parameters, torch counts {counted}"
        findings.append(Diagnostic("SP401", message, hint="this is a bug of shapeproof: please report it"))
    agreed = all(row.output == row.torch for row in rows) and not capture.unruled
    report = report.replace(rows=rows, diagnostics=tuple(findings), way="graph")
    return report.replace(verified="meta" if agreed and report.ok and rows else None)


def calls_report(module: Any, inputs: Sequence[Any], kwargs: Mapping[str, Any], name: str | None, why: str) -> Report:
    """The report of the module's calls, with the reason why there is no graph."""
    from shapecheck.models import calls

    args = [_tensor(value) for value in inputs]
    report = calls.record(module, args, {key: _tensor(value) for key, value in kwargs.items()}, name=name)
    message = f"watched call by call, for these sizes only: no graph can be recorded: {why}"
    if not report.ok:
        return report.replace(way="calls")  # the forward itself fails, and the findings say where
    note = Diagnostic("SP602", message, "note", facts={"reason": why})
    return report.replace(diagnostics=(note, *report.diagnostics), way="calls")


def _tensor(value: Any) -> Any:
    """Tensors on the meta device in place of shapes."""
    if is_given_shape(value):
        return _torch().empty(tuple(value), device="meta")
    if isinstance(value, Mapping):
        return {key: _tensor(part) for key, part in value.items()}
    return type(value)(map(_tensor, value)) if type(value) in (tuple, list) else value


@contextmanager
def mode_of(module: Any, training: bool) -> Iterator[None]:
    """The module in that mode, and after it each of its parts in its own again."""
    parts = [(part, part.training) for part in module.modules()]
    module.train(training)
    try:
        yield
    finally:
        for part, own in parts:
            part.training = own


def _fixed(capture: Capture) -> Iterator[Diagnostic]:
    """SP603: a size that the code makes a number; a note with the line that does."""
    places: dict[str, list[str]] = {}
    for name, place in capture.pins.items():
        places.setdefault(place, []).append(name)
    for place, names in places.items():
        if ":" in place:
            told = " and ".join(names)
            message = f"{told} cannot be left open: {place} makes a plain number of it"
            yield Diagnostic("SP603", message, "note", facts={"names": names, "place": place})


def _unruled(capture: Capture) -> Iterator[Diagnostic]:
    """SP612: functions and modules for which there is no rule; a note."""
    if capture.unruled:
        kinds = Counter(name.rpartition(".")[2].rstrip("_0123456789") for name in capture.unruled)
        told = ", ".join(f"{kind} ({times})" for kind, times in kinds.most_common())
        message = f"{len(capture.unruled)} of {len(capture.torch)} rows are not predicted, for lack of a rule: {told}"
        yield Diagnostic("SP612", message, "note", facts=dict(kinds))


def _unread(capture: Capture) -> Iterator[Diagnostic]:
    """SP613: parameters that forward does not read; a note."""
    if capture.unread:
        names = list(capture.unread)
        told = ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
        message = f"never read: {told}; {sum(capture.unread.values()):,} parameters are counted all the same"
        yield Diagnostic("SP613", message, "note", facts=dict(capture.unread))
