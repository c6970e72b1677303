"""What a program asks for: `load` a spec, `check` it, `verify` a network against torch, ask its `admissible` sizes."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from shapecheck.diagnostics import Diagnostic, SpecError
from shapecheck.inference import infer
from shapecheck.net import Network
from shapecheck.report import Report
from shapecheck.spec import read

if TYPE_CHECKING:
    from shapecheck.admission.answer import Admissible

Source = str | os.PathLike[str] | Mapping[str, Any]


def load(source: Source) -> Network:
    """The network of a spec, given as a path or a mapping, its inferred arguments resolved.

    Raises `SpecError`, a ValueError with `.diagnostics`, for a spec that cannot be read. A layer that does not fit is
    no fault of the spec: `infer` reports it.

    >>> load({"input": ["N", 8], "layers": [{"Linear": 4}]}).nodes[0].layer
    Linear(in_features=8, out_features=4, bias=True)
    """
    spec = read(source)
    if spec.findings or spec.network is None:
        raise SpecError(*spec.findings)
    return spec.network


def predict(source: Source, sizes: Mapping[str, int] | None = None, *, training: bool | None = None) -> Report:
    """The report of a spec without torch, with all that is wrong with the spec and with the shapes; never raises."""
    spec = read(source, training=training)
    if spec.network is None:
        return Report(spec.name, diagnostics=tuple(spec.findings))
    report = infer(spec.network, sizes)
    return report.replace(diagnostics=in_order([*spec.findings, *report.diagnostics]))


def check(source: Source, sizes: Mapping[str, int] | None = None, verify: bool = True, device: str = "auto") -> Report:
    """The report of a spec, given as a path or a mapping, its shapes verified against torch where torch is there.

    `sizes` gives numbers to open names, e.g. {"N": 2}; `device` is auto, meta, cpu or cuda. Never raises for a bad
    spec: the report's `diagnostics` tell what is wrong.

    >>> report = check({"input": ["N", 8], "layers": [{"Linear": 4}]}, verify=False)
    >>> report.ok, [str(dim) for dim in report.layers[0].output], report.totals["params"]
    (True, ['N', '4'], 36)
    """
    report = predict(source, sizes)
    if not verify or report.network is None:
        return report
    return _verified(report.network, sizes, device, report)


def admissible(source: Source | Network, where: Sequence[str] = (), *, confirm: bool = True) -> Admissible:
    """For which sizes a network runs, exactly: that of a spec (a path or a mapping), or one captured from a module.

    Where no size but the batch is open, the axes behind the channels are opened: H and W of a picture. `where` lists
    conditions besides, as a spec may; `confirm` compares the answer with the prediction for many sizes. Raises
    `SpecError` for a spec that cannot be read, ValueError for such a condition.

    >>> layers = [{"Conv2d": {"out_channels": 8, "kernel_size": 7}}, {"MaxPool2d": 2}]
    >>> sizes = admissible({"input": ["N", 3, "H", "W"], "layers": layers})
    >>> str(sizes), sizes.contains(H=8, W=7), sizes.nearest(H=3, W=9)
    ('H >= 8 and W >= 8', False, {'N': 1, 'H': 8, 'W': 9})
    """
    from shapecheck.admission.answer import admissible_of

    network = source if isinstance(source, Network) else load(source)
    return admissible_of(network, where, confirm=confirm)


def verify(network: Network, sizes: Mapping[str, int] | None = None, device: str = "auto") -> Report:
    """The report of a network, each layer built as the real torch module and run."""
    return _verified(network, sizes, device, infer(network, sizes))


def _verified(network: Network, sizes: Mapping[str, int] | None, device: str, report: Report) -> Report:
    from shapecheck.torch_oracle import verify as referee

    return referee(network, sizes, device, report=report)


def in_order(findings: list[Diagnostic]) -> tuple[Diagnostic, ...]:
    """The findings in the order of the file; a layer that fails alike at each repetition is told once, and counted."""
    groups: dict[tuple[Any, ...], list[Diagnostic]] = {}
    for finding in findings:
        place = finding.message if finding.line is None else finding.hint
        groups.setdefault((finding.code, place, finding.line, finding.column), []).append(finding)
    told = [first if not others else _counted(first, len(others)) for first, *others in groups.values()]
    return tuple(sorted(told, key=lambda finding: (finding.line or 0, finding.column or 0)))


def _counted(finding: Diagnostic, others: int) -> Diagnostic:
    times = "once" if others == 1 else f"{others} times"
    return finding._replace(message=f"{finding.message} (and {times} more, where this layer is repeated)")
