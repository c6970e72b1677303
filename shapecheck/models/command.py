"""What `shapes --module` does: build the model that is named, follow its forward, give its report, save its spec.

Main definitions: `report_of`, `spec_of`.   Codes: SP604, SP605.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from contextlib import redirect_stdout
from typing import Any

from shapecheck.diagnostics import Diagnostic, SpecError
from shapecheck.inference import infer
from shapecheck.models.entry import EntryError, load, told
from shapecheck.report import Report
from shapecheck.sizes import Size

Input = tuple[str | None, tuple[int, ...], str | None]


def report_of(
    entry: str, inputs: Sequence[Input], arguments: Mapping[str, Any], *, training: bool = False, verify: bool = True,
    sizes: Mapping[str, int] | None = None,
) -> Report:  # fmt: skip
    """The report of the model an entry names, for these inputs, and then for these sizes of what is left open.

    What the user's code prints goes to stderr, what it raises is a finding. Without `verify` there is no torch column.
    """
    name = entry.rpartition(":")[2]
    try:
        with redirect_stdout(sys.stderr):
            module = load(entry, arguments)
            if not inputs:
                hint = "--input 1,3,224,224; for several: --input image=1,3,64,64 --input tokens=1,16:int64"
                raise EntryError(Diagnostic("SP604", f"{entry} needs an input to be followed", hint=hint))
            report = _traced(module, inputs, training, name, entry)
    except EntryError as error:
        return Report(name, diagnostics=(error.finding,))
    if sizes:
        return _resized(report, sizes)
    if not verify:
        rows = tuple(row._replace(torch=None) for row in report.rows)
        return report.replace(rows=rows, verified=None)
    return report


def _traced(module: Any, inputs: Sequence[Input], training: bool, name: str, entry: str) -> Report:
    from shapecheck.models.tracing import trace

    positional = [_given(one) for one in inputs if one[0] is None]
    named = {one[0]: _given(one) for one in inputs if one[0] is not None}
    with told(f"running {entry}"):
        return trace(module, *positional, training=training, name=name, **named)


def _given(one: Input) -> Any:
    """The shape of an input, or a tensor of its type."""
    from shapecheck.torch_oracle import _torch

    torch = _torch()
    _, sizes, kind = one
    return sizes if kind is None else torch.empty(sizes, dtype=getattr(torch, kind), device="meta")


def recorded_sizes(report: Report) -> dict[str, int]:
    """The numbers that the open names of a graph stood for when it was recorded."""
    assert report.network is not None
    found: dict[str, int] = {}
    for name, shape in report.network.inputs.items():
        for dim, size in zip(shape, report.inputs[name], strict=True):
            if isinstance(dim, Size) and isinstance(size, int):
                found[str(dim)] = size
    return found


def _resized(report: Report, sizes: Mapping[str, int]) -> Report:
    """The graph predicted for other sizes, without running anything; findings where there is no graph."""
    if report.way != "graph" or report.network is None:
        message = "no other sizes can be predicted: the model was watched call by call, and has no graph"
        return report.replace(diagnostics=(*report.diagnostics, Diagnostic("SP501", message, hint="another --input")))
    again = infer(report.network, {**recorded_sizes(report), **sizes})
    kept = [finding for finding in report.diagnostics if finding.severity != "error"]
    return again.replace(diagnostics=(*kept, *again.diagnostics), way=report.way)


def spec_of(report: Report, entry: str) -> str:
    """The spec of a report's graph; SpecError where there is none."""
    from shapecheck.models.save import spec_text

    if report.way != "graph" or report.network is None:
        raise SpecError(Diagnostic("SP605", "there is no graph to write as a spec", hint="what stands above says why"))
    return spec_text(report.network, recorded_sizes(report), f"written by shapes --module {entry}")
