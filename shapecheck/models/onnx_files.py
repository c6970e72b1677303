"""A file of ONNX, checked: predicted by ONNX's rules, and held against onnx's own shape inference operator by operator.

onnx's inference runs in a process of its own, which may die of a hostile file. It is asked with numbers: open names
stand for the first sizes at which every operator fits. Neither side is the truth: where they differ, a finding shows
both.

Main definition: `check_onnx`.   Codes: SP501, SP502, SP701 to SP703, SP710 to SP713.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from shapecheck.child import Answers, Death
from shapecheck.diagnostics import Diagnostic
from shapecheck.formulas import dilated
from shapecheck.inference import infer, size_findings
from shapecheck.layers.base import is_shape, shape_text
from shapecheck.models.onnx_ops import CLAMPED, Operator, clamped_count, unclamped_count
from shapecheck.models.onnx_reader import Graph, Told, load, read
from shapecheck.report import Report, Row
from shapecheck.sizes import evaluate

STAND_INS = (224, 64, 32, 256, 96, 128, 16, 299, 7, 8, 4, 2, 1)  # for open names beside the first, which is a batch
BATCH = 2
SECONDS = 60.0
MOST_TOLD = 20  # operators on which the two differ that are told one by one
SHORT = 1024  # numbers: longer weights are of no use to shape inference


def check_onnx(path: str, sizes: Mapping[str, int] | None = None, *, compare: bool = True) -> Report:
    """The report of a file of ONNX, for these sizes of its open names; never raises for what is wrong with the file.

    Shapes are predicted by our rules alone. `verified` stays None: no model has run. What onnx's shape inference says
    is told in the findings, unless `compare` is False.
    """
    model, fault = load(path)
    if fault is not None:
        return Report(path, diagnostics=(fault,))
    _lighten(model)
    told = _inferred(model)
    graph = read(model, path, told=told if isinstance(told, dict) else {})
    wrong = size_findings(graph.network, sizes) if sizes else []
    if sizes and not wrong:
        graph = read(model, path, sizes, told if isinstance(told, dict) else {})
    report = infer(graph.network)
    findings = [*wrong, *graph.findings, *report.diagnostics, *_without_rule(graph, path), *_overhanging(report, path)]
    if compare:
        findings += _compared(model, path, dict(sizes or {}) if not wrong else {}, graph, report)
    return report.replace(diagnostics=tuple(findings))


def _lighten(model: Any) -> None:
    """Drop the numbers of long weights, and what the file itself says of shapes inside: only types and sizes matter."""
    from onnx import TensorProto

    for tensor in model.graph.initializer:
        count = 1
        for size in tensor.dims:
            count *= size
        if count > SHORT or tensor.data_location == TensorProto.EXTERNAL:
            for name in (
                "raw_data",
                "float_data",
                "int32_data",
                "int64_data",
                "double_data",
                "uint64_data",
                "string_data",
            ):
                tensor.ClearField(name)
            tensor.ClearField("external_data")
            tensor.ClearField("data_location")
    del model.graph.value_info[:]


# What onnx says ------------------------------------------------------------------------------------------------------


def infer_shapes(text: bytes) -> dict[str, Any] | str:
    """The shapes onnx infers for the values of a serialised model, None for a size it leaves open; or its error."""
    import onnx

    try:
        model = onnx.load_model_from_string(text)
        model = onnx.shape_inference.infer_shapes(model, check_type=False, strict_mode=False, data_prop=True)
    except Exception as error:
        return f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"
    found: dict[str, Any] = {}
    for info in (*model.graph.value_info, *model.graph.output):
        kind = info.type.tensor_type
        if info.type.HasField("tensor_type") and kind.HasField("shape"):
            found[info.name] = tuple(dim.dim_value if dim.HasField("dim_value") else None for dim in kind.shape.dim)
    return found


def _inferred(model: Any, sizes: Mapping[str, int] | None = None) -> dict[str, Any] | str:
    """What onnx infers, in a process that may die; `sizes` are for the open dimensions, by our names for them."""
    asked = type(model)()
    asked.CopyFrom(model)
    for info in asked.graph.output:
        info.type.tensor_type.ClearField("shape")
    if sizes is not None:
        network = read(model, None, sizes).network
        for info in asked.graph.input:
            for dim, size in zip(info.type.tensor_type.shape.dim, network.inputs.get(info.name, ()), strict=False):
                if isinstance(size, int):
                    dim.dim_value = size
    with Answers(infer_shapes, [asked.SerializeToString()], seconds=SECONDS) as answers:
        (answer,) = answers
    if isinstance(answer, Death):
        return f"its process ended with {answer.words}"
    if sizes is None and isinstance(answer, dict):
        return {name: shape for name, shape in answer.items() if None not in shape}
    return answer


# The two side by side ------------------------------------------------------------------------------------------------


def _compared(model: Any, path: str, sizes: dict[str, int], graph: Graph, report: Report) -> list[Diagnostic]:
    """The findings of the comparison: each operator on which the two differ, and how many there are of each kind."""
    numbers, numbered = _numbered(model, path, graph, sizes)
    theirs = _inferred(model, numbers | sizes)
    if isinstance(theirs, str):
        return [Diagnostic("SP710", f"onnx's own shape inference gives nothing: {theirs}", "note", path)]
    agreed, open_, found = 0, 0, []
    exactly = {row.name: row for row in numbered.rows}
    for row, names in zip(report.rows, graph.outputs, strict=True):
        exact = exactly.get(row.name)  # None where with numbers it is no operator of the network's, but known
        if exact is None or not isinstance(row.layer, Operator) or exact.output is None:
            continue
        ours = _list(exact.output, len(names))
        late = _list(_evaluated(row.output, numbers), len(names))
        pairs = [(mine, theirs.get(name)) for name, mine in zip(names, ours, strict=False) if name]
        if row.output is not None and late != ours:
            found.append(
                _differ(row, path, f"{shape_text(row.output)} for all sizes, {shape_text(exact.output)} for these")
            )
        elif any(other is not None and not _alike(mine, other) for mine, other in pairs):
            told = [_shown(other) for _, other in pairs]
            found.append(_differ(row, path, f"{shape_text(exact.output)}, onnx's shape inference {', '.join(told)}"))
        elif any(other is None or None in other for _, other in pairs):
            open_ += 1
        else:
            agreed += 1
    differ = len(found)
    words = f"onnx's own shape inference agrees on {agreed:,} of {agreed + open_ + differ:,} operators"
    words += f", leaves {open_:,} open" if open_ else ""
    chosen = ", ".join(f"{name} = {size}" for name, size in numbers.items() if name not in sizes)
    words += f" (asked with {chosen})" if chosen else ""
    facts = {"agreed": agreed, "open": open_, "differ": differ, "sizes": numbers}
    if len(found) > MOST_TOLD:
        rest = f"{len(found) - MOST_TOLD:,} more operators on which the two differ"
        found = [*found[:MOST_TOLD], Diagnostic("SP711", rest, "warning", path)]
    return [*found, Diagnostic("SP710", words, "note", path, facts=facts)]


def _numbered(model: Any, path: str, graph: Graph, sizes: Mapping[str, int]) -> tuple[dict[str, int], Report]:
    """Numbers for the open names with which the fewest operators are refused, and the report for them."""
    names = graph.network.open_names()
    best: tuple[int, dict[str, int], Report] | None = None
    for size in STAND_INS if names else (1,):
        numbers = {name: BATCH if place == 0 and len(names) > 1 else size for place, name in enumerate(names)}
        if len(names) == 1:
            numbers = {names[0]: BATCH if size == STAND_INS[0] else size}
        report = infer(read(model, path, {**numbers, **sizes}).network)
        faults = sum(finding.severity == "error" for finding in report.diagnostics)
        if best is None or faults < best[0]:
            best = faults, numbers, report
        if not faults:
            break
    assert best is not None
    return best[1], best[2]


def _list(shape: Any, outputs: int) -> list[Any]:
    return [shape] if shape is None or outputs <= 1 or is_shape(shape) else list(shape)


def _evaluated(shape: Any, numbers: Mapping[str, int]) -> Any:
    """A predicted shape, or several, with numbers for the names."""
    if shape is None:
        return None
    if is_shape(shape):
        return tuple(evaluate(dim, numbers) for dim in shape)
    return tuple(_evaluated(part, numbers) for part in shape)


def _alike(mine: Any, other: Any) -> bool:
    return len(mine) == len(other) and all(b is None or a == b for a, b in zip(mine, other, strict=True))


def _shown(shape: Any) -> str:
    return "nothing" if shape is None else "[" + ", ".join("?" if size is None else str(size) for size in shape) + "]"


def _differ(row: Row, path: str, words: str) -> Diagnostic:
    return Diagnostic("SP711", f"{row.name}: shapeproof predicts {words}", "warning", path, layer=row.name)


# What is not predicted, and what is odd ------------------------------------------------------------------------------


def _without_rule(graph: Graph, path: str) -> Iterator[Diagnostic]:
    """SP712: operators that no rule knows, and those that wait for values."""
    parts = [f"{kind} ({times})" for kind, times in Counter(graph.unknown).most_common()]
    if graph.undetermined:
        names = ", ".join(graph.undetermined[:5]) + (" ..." if len(graph.undetermined) > 5 else "")
        parts.append(f"{len(graph.undetermined)} whose shape hangs on values ({names})")
    if parts:
        count = len(graph.unknown) + len(graph.undetermined)
        told = sum(isinstance(node.layer, Told) for node in graph.network.nodes)
        words = f"{count} operators are not predicted: {', '.join(parts)}; onnx's inference gives the shapes of {told}"
        yield Diagnostic("SP712", words, "note", path)


def _overhanging(report: Report, path: str) -> Iterator[Diagnostic]:
    """SP713: pools of an old opset whose last window, counted by its text, lies in the padding altogether."""
    for row in report.rows:
        op = row.layer
        if not isinstance(op, Operator) or not op.get("ceil_mode") or op.opset >= CLAMPED or not _plain(row):
            continue
        counts = {rule.__name__: _counts(op, row.inputs[0], rule) for rule in (unclamped_count, clamped_count)}
        old, new = counts.values()
        if old != new:
            words = (
                f"{row.name}: ceil_mode counts {shape_text(old)} windows by the text of opset {op.opset}, the last of "
                f"which lies in the padding; opset {CLAMPED} and torch leave it out: {shape_text(new)}"
            )
            hint = f"opset {CLAMPED}, or pads for which both are one"
            yield Diagnostic("SP713", words, "warning", path, layer=row.name, hint=hint)


def _plain(row: Row) -> bool:
    """Whether a pool's windows are counted by pads, on sizes that are numbers."""
    shape = row.inputs[0]
    auto = row.layer.get("auto_pad", "NOTSET") if isinstance(row.layer, Operator) else ""
    return row.output is not None and auto == "NOTSET" and all(isinstance(size, int) for size in shape[2:])


def _counts(op: Operator, x: Any, rule: Any) -> tuple[int, ...]:
    """A pool's windows by one of the two rules."""
    axes = len(x) - 2
    kernel, pads = op.get("kernel_shape"), op.get("pads") or (0,) * (2 * axes)
    strides, dilations = op.get("strides") or (1,) * axes, op.get("dilations") or (1,) * axes
    spans = [dilated(k, d) for k, d in zip(kernel, dilations, strict=True)]
    return tuple(
        rule(n, e, pads[i], pads[i + axes], s) for i, (n, e, s) in enumerate(zip(x[2:], spans, strides, strict=True))
    )
