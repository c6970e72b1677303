"""A recorded graph written as a spec: read again, it gives the same shapes and the same parameters.

Open names stay open where a spec can say what hangs on them (a Reshape to [N, 400], a Flatten); where it cannot (a
padding of H % 8 cells), names become the numbers they were recorded with, all but the batch first, then all. What was
written is read again before it is given out.
Main definition: `spec_text`.   Code: SP605.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from shapecheck.diagnostics import Diagnostic, ShapeError, SpecError
from shapecheck.inference import infer
from shapecheck.layers import LAYERS
from shapecheck.layers.base import is_shape, parameters, product, shape_text
from shapecheck.models.graph import NoRule, fixed
from shapecheck.net import Network, Node
from shapecheck.render.catalogue import yaml_text
from shapecheck.report import Report
from shapecheck.sizes import NAME, Dim, Size


class _Unsaid(Exception):
    """A spec cannot say this with these names open."""


def spec_text(network: Network, sizes: Mapping[str, int], source: str = "") -> str:
    """The spec of a network as YAML; `sizes` are the numbers that open names may become.

    Raises `SpecError` where a layer has no rule, or where what was written does not read back the same.
    """
    for node in network.nodes:
        if isinstance(node.layer, NoRule):
            message = f"{node.name} cannot be written: there is no rule for {node.type.partition(' ')[0]}"
            raise SpecError(Diagnostic("SP605", message, layer=node.name, hint="replace it by layers that have rules"))
    wanted = infer(network, sizes)
    batch = {name for name in sizes if name.startswith("N")}
    choices = [set(), set(sizes) - batch, set(sizes)]
    why = ""
    for closed in choices:
        try:
            text = _Writer(fixed(network, {name: sizes[name] for name in closed}), source).text()
        except _Unsaid as error:
            why = str(error)
            continue
        why = _differs(text, wanted, {name: size for name, size in sizes.items() if name not in closed})
        if not why:
            return text
    raise SpecError(Diagnostic("SP605", f"the graph cannot be written as a spec: {why}"))


def _differs(text: str, wanted: Report, sizes: Mapping[str, int]) -> str:
    """What the spec, read again, says otherwise; nothing where it says the same."""
    from shapecheck.spec import read
    from shapecheck.yaml_nodes import plain
    from shapecheck.yaml_nodes import read as yaml

    again = read(plain(yaml(text.encode())))
    if again.findings or again.network is None:
        return "; ".join(finding.message for finding in again.findings)
    known = {name: size for name, size in sizes.items() if name in again.network.open_names()}
    report = infer(again.network, known)
    if len(report.rows) != len(wanted.rows):
        return f"{len(report.rows)} layers are read of {len(wanted.rows)}"
    for row, other in zip(report.rows, wanted.rows, strict=True):
        if row.output != other.output or row.params != other.params:
            return f"{row.name} is read as {shape_text(row.output)}, {row.params} parameters"
    return ""


class _Writer:
    """Writes one network; raises `_Unsaid` for what a spec cannot say."""

    def __init__(self, network: Network, source: str) -> None:
        self.network = network
        self.source = source
        self.report = infer(network)
        self.values: list[Any] = [*network.inputs.values(), *(row.output for row in self.report.rows)]
        self.counted: dict[Any, str] = {}

    def text(self) -> str:
        """The YAML."""
        return "".join(self.lines())

    def lines(self) -> Iterator[str]:
        """The lines of the spec."""
        network = self.network
        if self.source:
            yield f"# {self.source}\n"
        yield f"name: {_word(network.name)}\n"
        if not network.training:
            yield "mode: eval\n"
        if list(network.inputs) == ["input"]:
            yield f"input: {_shape(network.inputs['input'])}\n"
        else:
            shapes = ", ".join(f"{_word(name)}: {_shape(shape)}" for name, shape in network.inputs.items())
            yield f"inputs: {{{shapes}}}\n"
        yield "layers:\n"
        before: int | None = 0 if len(network.inputs) == 1 else None
        for place, node in enumerate(network.nodes):
            yield f"  - {self.entry(node, before)}\n"
            before = len(network.inputs) + place
        yield from self.outputs(before)

    def outputs(self, last: int | None) -> Iterator[str]:
        """The network's outputs, where they are not just the last layer's."""
        wanted = [source for source, _ in self.network.outputs]
        if wanted in ([], [last]):
            return
        claims = []
        for source in wanted:
            value = self.values[source] if isinstance(source, int) else _part(self.values[source.value], source.path)
            if not is_shape(value):
                raise _Unsaid("an output of several parts")
            claims.append(f"{_word(self.network.source_name(source))}: {_shape(value)}")
        yield f"output: {{{', '.join(dict.fromkeys(claims))}}}\n"

    def entry(self, node: Node, before: int | None) -> str:
        """A layer's entry: its arguments where they are not torch's defaults, its name, what it reads."""
        kind, arguments = self.said(node)
        parts = [f"{kind}: {yaml_text(arguments)}" if arguments else f"{kind}: "]
        parts.append(f"name: {_word(node.name)}")
        if node.sources and node.sources != (before,):
            names = [_word(self.network.source_name(source)) for source in node.sources if source is not None]
            if len(names) != len(node.sources):
                raise _Unsaid(f"{node.name} leaves an input out")
            parts.append(f"from: {names[0]}" if len(names) == 1 else f"from: [{', '.join(names)}]")
        assert node.layer is not None
        if node.params is not None and node.params != node.layer.params():
            parts.append(f"shares: {_word(self.first(node, kind))}")
        elif node.layer.params():
            self.counted.setdefault((kind, str(arguments)), node.name)
        return "{" + ", ".join(parts) + "}"

    def first(self, node: Node, kind: str) -> str:
        """The layer above that holds the weights a layer uses again."""
        name = re.sub(r"_\d+$", "", node.name)
        known = {other.name: other for other in self.network.nodes}
        if node.params == 0 and name in known and known[name].type == kind and name != node.name:
            return name
        raise _Unsaid(f"{node.name} shares some of its weights with another layer")

    def said(self, node: Node) -> tuple[str, dict[str, Any]]:
        """The type and arguments that say what a node does, without open sizes among them."""
        assert node.layer is not None
        cls = type(node.layer)
        kind = node.type if node.type in LAYERS else cls.__name__
        given = {name: value for name, value in node.given.items() if name not in ("training", "inplace")}
        if cls.shape_argument in ("shape", "sizes") and node.sources and any(_open(value) for value in given.values()):
            kind, given = self.reshaped(node, kind, given)
        defaults = {field.name: field.default for field in parameters(LAYERS[kind])}
        told = self.told(node)
        kept = {
            name: value for name, value in given.items()
            if not (name in defaults and _same(defaults[name], value)) and not (name in told and told[name] == value)
        }  # fmt: skip
        if any(_open(value) for value in kept.values()):
            raise _Unsaid(f"{node.name} has an argument made of open sizes")
        return kind, kept

    def told(self, node: Node) -> dict[str, Any]:
        """The arguments that the input alone tells, whatever its open sizes are."""
        assert node.layer is not None
        try:
            shapes = [self.values[source] if isinstance(source, int) else None for source in node.sources]
            return node.layer.infer_arguments(*shapes)
        except (ShapeError, TypeError, IndexError):
            return {}

    def reshaped(self, node: Node, kind: str, given: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        """A list of sizes said without open ones: a Flatten, one -1, or -1 for what stays as it is."""
        source = node.sources[0]
        assert source is not None
        x = self.values[source] if isinstance(source, int) else _part(self.values[source.value], source.path)
        argument = LAYERS[kind].shape_argument or ""
        sizes = tuple(given[argument])
        if argument == "sizes":
            padded = (*(None,) * (len(sizes) - len(x)), *x)
            return kind, {argument: tuple(-1 if size == old else size for size, old in zip(sizes, padded, strict=True))}
        output = self.report.rows[self.network.nodes.index(node)].output
        places = [place for place, size in enumerate(output) if isinstance(size, Size)]
        if len(places) <= 1:
            return kind, {argument: tuple(-1 if isinstance(size, Size) else size for size in output)}
        front = next((i for i, (a, b) in enumerate(zip(x, output, strict=False)) if a != b), min(len(x), len(output)))
        back = 0
        while back < min(len(x), len(output)) - front and x[-1 - back] == output[-1 - back]:
            back += 1
        old, new = x[front : len(x) - back], output[front : len(output) - back]
        if len(new) == 1 and product(old) == new[0]:
            return "Flatten", {"start_dim": front, "end_dim": len(x) - back - 1}
        if len(old) == 1 and sum(isinstance(size, Size) for size in new) <= 1:
            return "Unflatten", {"dim": front, "unflattened_size": tuple(-1 if isinstance(s, Size) else s for s in new)}
        raise _Unsaid(f"{node.name} counts several open sizes into {shape_text(output)}")


def _same(default: Any, value: Any) -> bool:
    return default == value and type(default) is type(value)


def _open(value: Any) -> bool:
    return isinstance(value, Size) or (isinstance(value, (tuple, list)) and any(map(_open, value)))


def _part(value: Any, path: tuple[int, ...]) -> Any:
    for index in path:
        value = value[index]
    return value


def _shape(shape: tuple[Dim, ...]) -> str:
    """A shape as a spec says it: numbers and plain names."""
    for size in shape:
        if isinstance(size, Size) and NAME.fullmatch(str(size)) is None:
            raise _Unsaid(f"the output {shape_text(shape)} holds more than names")
    return shape_text(shape)


RESERVED = ("null", "true", "false", "Null", "True", "False", "NULL", "TRUE", "FALSE", "input")


def _word(text: str) -> str:
    """A name in YAML, quoted where it would be read as something else.

    >>> _word("layer1.0.conv1"), _word("0"), _word("lstm[1]"), _word("null")
    ('layer1.0.conv1', "'0'", "'lstm[1]'", "'null'")
    """
    if re.fullmatch(r"[A-Za-z_][A-Za-z0-9_.]*", text) and text not in RESERVED[:-1]:
        return text
    return "'" + text.replace("'", "''") + "'"
