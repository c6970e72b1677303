"""Prediction: a network and sizes in, a report out. No torch, no SymPy, nothing kept between calls.

One pass over the nodes; each row's shape, parameters, multiply-adds and receptive field are computed anew from the
layer's formulas. A layer that refuses its input gets a finding, and the pass goes on as far as shapes are known.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from shapecheck.diagnostics import Diagnostic, ShapeError, forward_error
from shapecheck.layers.base import EACH, LIMIT, NOTHING, closest, is_shape, make, shape_text, union
from shapecheck.net import Mark, Network, Node, Source, numbers
from shapecheck.report import Report, Row
from shapecheck.sizes import Shape, Size, can_equal, evaluate

MAX_RANK = 64  # torch's own limit where it has one; in a network without Unsqueeze and Stack ranks do not grow
WELL_FORMED = ("SP303", "SP306")  # faults of sizes only: the layer's own arguments are such that it has a field
_row = tuple.__new__  # a Row without the cost of its keyword constructor


def infer(network: Network, sizes: Mapping[str, int] | None = None) -> Report:
    """The report of a network, predicted for these sizes of its open names (the others stay open)."""
    findings = size_findings(network, sizes) if sizes else []
    known = {} if findings else dict(sizes or {})
    if known and network.guards:
        findings = guard_findings(network, known)
    if known and network.where:
        findings += where_findings(network, known)
    inputs = {name: tuple(evaluate(dim, known) for dim in shape) for name, shape in network.inputs.items()}
    values: list[Any] = list(inputs.values())
    fields: list[Any] = [EACH] * len(values)
    rows: list[Row] = []
    for node in network.nodes:
        layer, sources = node.layer, node.sources
        if len(sources) == 1 and type(sources[0]) is int:
            shapes: tuple[Any, ...] = (values[sources[0]],)
            seen = fields[sources[0]]
        else:
            shapes, seen = _read(sources, values, fields)
        if layer is None or None in shapes:
            row = _unknown(network, node, shapes, values, findings)
        else:
            try:
                for index, shape in enumerate(shapes):
                    if shape and type(shape[0]) is tuple and not (index and layer.takes_several):
                        raise several_outputs(network, node, index, shape)
                if node.sized and known:
                    layer = make(type(layer), numbers(node.given, known))
                if node.open:
                    layer = layer.resolve(*shapes)
                output = layer.shape(*shapes)
                if len(output) > MAX_RANK and is_shape(output):
                    raise too_many_dimensions(output)
                row = _row(
                    Row,
                    (node, shapes, output, layer.params() if node.params is None else node.params,
                     layer.macs(shapes, output), seen if seen is NOTHING else layer.field(seen, shapes, output), layer,
                     None),
                )  # fmt: skip
            except ShapeError as error:
                row = _refused(node, shapes, error, findings, network.file)
                if row.output is not None and not node.open and error.diagnostics[0].code in WELL_FORMED:
                    row = row._replace(seen=layer.field(seen, shapes, row.output))
        if node.claim is not None:
            row = _claimed(row, node, known, findings, network.file)
        rows.append(row)
        values.append(row[2])
        fields.append(row[5])
    _check_outputs(network, values, known, findings)
    return Report(network.name, tuple(rows), tuple(findings), inputs, None, network)


def size_findings(network: Network, sizes: Mapping[str, Any]) -> list[Diagnostic]:
    """Findings for sizes given to names the network does not have, or that are no sizes."""
    names = network.open_names()
    found = []
    for name, size in sizes.items():
        if name not in names:
            best = closest(name, names)
            hint = f"did you mean {best}?" if best else f"open sizes here: {', '.join(names) or 'none'}"
            found.append(Diagnostic("SP501", f"the network has no open size {name}", file=network.file, hint=hint))
        elif type(size) is not int or not 0 <= size < LIMIT:
            message = f"the size {name} is {size!r}: a size is a whole number from 0 to 2^63 - 1"
            found.append(Diagnostic("SP502", message, file=network.file, hint=f"--size {name}=32"))
    return found


def where_findings(network: Network, sizes: Mapping[str, int]) -> list[Diagnostic]:
    """Findings for sizes that break what the spec says under `where`."""
    found = []
    for constraint in network.where:
        if not constraint.met(sizes):
            given = ", ".join(f"{name} = {sizes[name]}" for name in constraint.names() if name in sizes)
            message = f"{given} breaks {constraint.text}, which the spec asks for under `where`"
            hint = "sizes that meet it, or another `where`"
            found.append(Diagnostic("SP503", message, hint=hint).at(network.file, constraint.line, constraint.column))
    return found


def guard_findings(network: Network, sizes: Mapping[str, int]) -> list[Diagnostic]:
    """Findings for sizes at which the code of a recorded model may go another way than the one that was recorded."""
    broken = dict.fromkeys((str(guard), guard.place) for guard in network.guards if not guard.holds(sizes))
    hint = "record the model again with an input of these sizes"
    return [
        Diagnostic("SP601", f"the graph was recorded where {words} ({place}), which does not hold now", hint=hint)
        for words, place in broken
    ]


def too_many_dimensions(output: Shape) -> ShapeError:
    """The error for a shape that grows beyond reason, which would fill the memory before a table shows it."""
    message = f"the output has {len(output)} dimensions: {MAX_RANK} are allowed"
    return forward_error("SP310", message, hint="Reshape or Flatten it before", dimensions=len(output))


def several_outputs(network: Network, node: Node, index: int, shapes: Any) -> ShapeError:
    """The error for a layer that reads a value of several outputs where it takes one."""
    name = network.source_names(node)[index]
    message = f"{name} gives {len(shapes)} outputs, {shape_text(shapes)}: say which one is read"
    return forward_error("SP308", message, hint=f'from: "{name}[0]"', outputs=len(shapes))


def missing_output(network: Network, node: Node, values: list[Any]) -> ShapeError | None:
    """The error for a layer that reads an output which its source, several or one, does not have for these sizes."""
    for source in node.sources:
        if isinstance(source, Source) and pick(source, values) is None and is_nested(values[source.value]):
            count = len(values[source.value])
            message = f"there is no {network.source_name(source)}: {network.source_name(source.value)} gives {count}"
            return forward_error("SP308", message, hint="sizes that give more outputs, or fewer reads", outputs=count)
    return None


def is_nested(value: Any) -> bool:
    """Whether a value holds several outputs."""
    return isinstance(value, tuple) and bool(value) and isinstance(value[0], tuple)


def resolve(network: Network) -> Network:
    """The network, with the arguments that the input shapes determine; what an open size decides stays open."""
    if not any(node.open for node in network.nodes):
        return network
    rows = infer(network).rows
    nodes = [_resolved(row) if row.node.open and row.layer is not None else row.node for row in rows]
    return network._replace(nodes=tuple(nodes))


def _resolved(row: Row) -> Node:
    layer = row.layer
    if layer is None or not all(type(getattr(layer, name)) is int for name in layer.inferred):
        return row.node
    return replace(row.node, layer=layer, open=False)


def pick(source: int | Source | None, values: list[Any]) -> Any:
    """The shape a source names, one of several if it says so; None where it is not known."""
    if source is None or isinstance(source, int):
        return None if source is None else values[source]
    value = values[source.value]
    for index in source.path:
        if not isinstance(value, tuple) or index >= len(value) or isinstance(value[index], (int, Size)):
            return None
        value = value[index]
    return value


def _read(
    sources: tuple[int | Source | None, ...], values: list[Any], fields: list[Any]
) -> tuple[tuple[Any, ...], Any]:
    """The input shapes of a node of several sources, or of one of several outputs, and the union of their fields."""
    shapes = tuple(pick(source, values) for source in sources)
    known = [source if isinstance(source, int) else source.value for source in sources if source is not None]
    return shapes, union([fields[value] for value in known]) if known else None if sources else NOTHING


def _unknown(
    network: Network, node: Node, shapes: tuple[Any, ...], values: list[Any], findings: list[Diagnostic]
) -> Row:
    """A row whose input or layer is not known: a fault of its arguments is found all the same."""
    fault = node.fault or missing_output(network, node, values)
    if fault is not None:
        return _refused(node, shapes, fault, findings, network.file)
    return Row(node, shapes, None, None, None, None, node.layer)


def _refused(
    node: Node, shapes: tuple[Any, ...], error: ShapeError, findings: list[Diagnostic], file: str | None
) -> Row:
    """A row the layer refuses; the finding is placed at the argument at fault, and the nominal output goes on."""
    for finding in error.diagnostics:
        placed = finding.at(file, *node.place(finding.argument), node.name)
        findings.append(placed._replace(message=f"{node.name}: {finding.message}"))
    return Row(node, shapes, error.nominal, None, None, None, node.layer)


def _claimed(row: Row, node: Node, sizes: Mapping[str, int], findings: list[Diagnostic], file: str | None) -> Row:
    """The row held against its `output:` claim; where the shape is not known the claim stands in for it."""
    assert node.claim is not None
    claim = tuple(evaluate(dim, sizes) for dim in node.claim.shape)
    if row.output is None:
        return row._replace(output=claim)
    findings.extend(_disagreement(node.name, row.output, claim, node.claim.mark, file))
    return row


def _check_outputs(network: Network, values: list[Any], sizes: Mapping[str, int], findings: list[Diagnostic]) -> None:
    for source, claim in network.outputs:
        value = pick(source, values)
        if claim is not None and value is not None:
            claimed = tuple(evaluate(dim, sizes) for dim in claim.shape)
            findings.extend(_disagreement(network.source_name(source), value, claimed, claim.mark, network.file))


def _disagreement(name: str, found: Any, claim: Shape, mark: Mark, file: str | None) -> list[Diagnostic]:
    if not is_shape(found):
        message = (
            f"{name}: there are {len(found)} outputs, {shape_text(found)}, the spec claims one, {shape_text(claim)}"
        )
        finding = Diagnostic("SP307", message, hint="claim the shape of a layer behind, which reads one of them")
        return [finding.at(file, mark.line, mark.column, name)]
    if found == claim or (len(found) == len(claim) and all(map(can_equal, found, claim))):
        return []
    message = f"{name}: the output is {shape_text(found)}, the spec claims {shape_text(claim)}"
    facts = {"output": found, "claim": claim}
    finding = Diagnostic("SP307", message, hint=f"output: {shape_text(found)}", facts=facts)
    return [finding.at(file, mark.line, mark.column, name)]
