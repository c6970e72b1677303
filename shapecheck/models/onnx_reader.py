"""A file of ONNX read into a network: its operators with ONNX's rules, its open dimensions as names.

Nothing but the file is read: weights kept beside it are not loaded, and none is looked at but short lists of numbers,
from which shapes may be made. Whatever is wrong with a file is a finding.

Main definitions: `read`, `Graph`.   Codes: SP001, SP701, SP702, SP703.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from struct import error as StructError
from typing import Any, NamedTuple

from shapecheck.diagnostics import Diagnostic, ShapeError
from shapecheck.layers.base import LIMIT, Layer, is_shape
from shapecheck.models.onnx_ops import RULES, Arg, Operator, Undetermined
from shapecheck.models.onnx_values import MOST, holds, reasonable
from shapecheck.net import Claim, Network, Node, Source
from shapecheck.sizes import NAME, Dim, Shape, name
from shapecheck.verdicts import words_of

LARGEST = 2**31  # bytes; protobuf itself takes no more
MOST_NODES = 1_000_000
FLOATS = frozenset({1, 10, 11, 16, 17, 18, 19, 20, 23})  # TensorProto's types of real numbers: what weights are
INTEGERS = frozenset({2, 3, 4, 5, 6, 7, 9, 12, 13})
NO_RULE = " (no rule)"
ODD = (TypeError, ValueError, IndexError, AttributeError, KeyError, ArithmeticError, StructError)  # of an ill-made node
STATISTICS = {"BatchNormalization": (3, 4)}  # inputs that are statistics and no parameters


@dataclass(frozen=True, slots=True, kw_only=True)
class Told(Layer):
    """An operator without a rule: the shape is what onnx's own inference says of it, and predicted by nobody."""

    shapes: Any

    def shape(self, *inputs: Any) -> Any:
        """What we were told."""
        return self.shapes

    def macs(self, inputs: tuple[Any, ...], output: Any) -> Any:
        """Not known."""
        return None

    def field(self, seen: Any, inputs: tuple[Any, ...], output: Any) -> Any:
        """Not known: everything, for all we can tell."""
        return None


class Graph(NamedTuple):
    """A file as a network, what was found in reading it, and the names that each node's outputs have in the file."""

    network: Network
    findings: tuple[Diagnostic, ...]
    outputs: tuple[tuple[str, ...], ...] = ()
    unknown: tuple[str, ...] = ()  # operators without a rule
    undetermined: tuple[str, ...] = ()  # nodes whose shape hangs on values


def load(path: str) -> tuple[Any, Diagnostic | None]:
    """The ModelProto of a file, or the finding that says why there is none."""
    try:
        import onnx
    except ImportError as error:
        words = f"an ONNX file is read by the package onnx, which cannot be imported ({words_of(error)})"
        return None, Diagnostic("SP703", words, file=path, hint="pip install 'shapeproof[onnx]'")
    try:
        if Path(path).stat().st_size > LARGEST:
            return None, Diagnostic(
                "SP701", "the file is larger than 2 GiB: weights of that size stand beside it", file=path
            )
        text = Path(path).read_bytes()
    except (OSError, ValueError) as error:
        return None, Diagnostic("SP001", f"cannot be read: {words_of(error)}", file=path)
    try:
        model = onnx.load_model_from_string(text)
        model = _inlined(model)
    except Exception as error:
        return None, Diagnostic("SP701", f"this is no ONNX model: {words_of(error)}", file=path)
    if not model.graph.node or not model.graph.output:
        return None, Diagnostic("SP701", "this is no ONNX model: it has no operators or no outputs", file=path)
    if not all(isinstance(text, str) for text in _names(model.graph)):
        return None, Diagnostic("SP701", "this is no ONNX model: a name in it is not text", file=path)
    if len(model.graph.node) > MOST_NODES:
        return None, Diagnostic("SP701", f"the graph has more than {MOST_NODES:,} operators", file=path)
    return model, None


def _names(graph: Any) -> Iterator[Any]:
    """All names in a graph: text, or bytes where they are none."""
    yield graph.name
    for info in (*graph.input, *graph.output, *graph.initializer):
        yield info.name
    for info in (*graph.input, *graph.output):
        yield from (dim.dim_param for dim in info.type.tensor_type.shape.dim)
    for node in graph.node:
        yield from (node.name, node.op_type, node.domain, *node.input, *node.output)
        yield from (attribute.name for attribute in node.attribute)


def _inlined(model: Any) -> Any:
    """The model with the functions it defines written out where they are called."""
    if not model.functions:
        return model
    from onnx import inliner

    return inliner.inline_local_functions(model)


def read(
    model: Any, file: str | None, sizes: Mapping[str, int] | None = None, told: Mapping[str, Any] | None = None
) -> Graph:
    """The network of a model, with numbers for the names in `sizes`; `told` are shapes that onnx infers, by name."""
    return _Reader(model, file, dict(sizes or {}), told or {}).read()


class _Reader:
    """One reading; `values` says of each name in the file what it is."""

    def __init__(self, model: Any, file: str | None, sizes: dict[str, int], told: Mapping[str, Any]) -> None:
        self.graph, self.file, self.sizes, self.told = model.graph, file, sizes, told
        self.opset = next((each.version for each in model.opset_import if each.domain in ("", "ai.onnx")), 1)
        self.fixed: dict[str, Arg] = {}  # what stands in the file
        self.values: dict[str, int | Source | None] = {}  # what is computed: the value's number, None for a fault
        self.shapes: dict[str, Any] = {}
        self.held: dict[str, tuple[Any, ...] | None] = {}
        self.weights: dict[str, int] = {}  # of the file's weights not yet counted, how many numbers
        self.names: dict[str, str] = {}  # open dimensions: the file's name -> ours
        self.given: dict[str, int] = {}  # how often a node's name was used
        self.findings: list[Diagnostic] = []
        self.nodes: list[Node] = []
        self.outputs: list[tuple[str, ...]] = []
        self.unknown: list[str] = []
        self.undetermined: list[str] = []

    def read(self) -> Graph:
        """The whole graph."""
        for tensor in self.graph.initializer:
            self._fix(tensor.name, tensor)
        for tensor in self.graph.sparse_initializer:
            self.fixed[tensor.values.name] = Arg(_sizes(tensor.dims))
        inputs = self._inputs()
        for proto in self.graph.node:
            self._node(proto, len(inputs))
        outputs = self._outputs(inputs)
        title = self.graph.name or (Path(self.file).stem if self.file else "model")
        network = Network(title, inputs, tuple(self.nodes), outputs, self.file, training=False)
        return Graph(network, tuple(self.findings), tuple(self.outputs), tuple(self.unknown), tuple(self.undetermined))

    def _find(self, words: str, node: str | None = None) -> None:
        self.findings.append(Diagnostic("SP702", words, file=self.file, layer=node))

    def _fix(self, name: str, tensor: Any) -> None:
        """Enter a tensor of the file, with what it holds if that is short."""
        shape = _sizes(tensor.dims)
        if any(size < 0 for size in shape):
            self._find(f"the weight {name} has the shape {list(shape)}")
            shape = tuple(max(size, 0) for size in shape)
        self.fixed[name] = Arg(shape, _contents(tensor, shape))
        if tensor.data_type in FLOATS:
            count = 1
            for size in shape:
                count *= size
            self.weights[name] = count

    # Inputs and outputs ----------------------------------------------------------------------------------------------

    def _inputs(self) -> dict[str, Shape]:
        """The graph's inputs by name; weights that older files list among them are none."""
        inputs: dict[str, Shape] = {}
        for info in self.graph.input:
            if info.name in self.fixed:
                continue
            kind = info.type.tensor_type
            if not info.type.HasField("tensor_type") or not kind.HasField("shape"):
                self._find(f"the input {info.name} has no shape: not even how many dimensions it has")
                self.values[info.name] = None
                continue
            shape = tuple(self._dim(dim, f"{info.name}_{axis}") for axis, dim in enumerate(kind.shape.dim))
            self.values[info.name] = len(inputs)
            self.shapes[info.name] = inputs[info.name] = shape
        return inputs

    def _dim(self, dim: Any, default: str) -> Dim:
        """A dimension of an input: a number, or a name, made up where the file gives none."""
        if dim.HasField("dim_value") and 0 <= dim.dim_value < LIMIT:
            return int(dim.dim_value)
        text = dim.dim_param or default
        if text not in self.names:
            plain = re.sub(r"\W", "_", text, flags=re.ASCII).strip("_") or "d"
            plain = plain if NAME.fullmatch(plain) else f"d_{plain}"
            while plain in self.names.values():
                plain += "_"
            self.names[text] = plain
        known = self.sizes.get(self.names[text])
        return name(self.names[text]) if known is None else known

    def _outputs(self, inputs: Mapping[str, Shape]) -> tuple[tuple[int | Source, Claim | None], ...]:
        """The graph's outputs, each with what the file says of its shape where that can be compared."""
        found: list[tuple[int | Source, Claim | None]] = []
        for info in self.graph.output:
            value = self.values.get(info.name)
            if value is None:
                if info.name not in self.values and info.name not in self.fixed:
                    self._find(f"the output {info.name} is computed by no operator")
                continue
            kind = info.type.tensor_type
            dims = list(kind.shape.dim) if kind.HasField("shape") else []
            known = all(
                (dim.HasField("dim_value") and dim.dim_value >= 0) or dim.dim_param in self.names for dim in dims
            )
            claim = Claim(tuple(self._dim(dim, "") for dim in dims)) if known and kind.HasField("shape") else None
            found.append((value, claim if is_shape(self.shapes.get(info.name)) else None))
        return tuple(found)

    # Operators -------------------------------------------------------------------------------------------------------

    def _node(self, proto: Any, base: int) -> None:
        """Enter an operator: its layer, what it reads, the shapes it gives."""
        kind = proto.op_type if proto.domain in ("", "ai.onnx") else f"{proto.domain}.{proto.op_type}"
        attributes = {each.name: _attribute(each) for each in proto.attribute}
        outputs = tuple(proto.output)
        while outputs and not outputs[-1]:
            outputs = outputs[:-1]
        if kind == "Constant" and len(outputs) == 1:
            held = _constant(attributes)
            if held is not None:
                self.fixed[outputs[0]] = held
                return
        title = self._title(proto.name or (outputs[0] if outputs else kind))
        reads = [text for text in proto.input if text and text not in self.fixed]
        for text in reads:
            if text not in self.values:
                self._find(f"{title} reads {text}, which nothing before it gives", title)
                self.values[text] = None
        layer, shape = self._layer(kind, attributes, proto.input, reads, outputs, title)
        if self._folded(layer, shape, reads, outputs):
            return
        shown = kind + NO_RULE if layer is None or isinstance(layer, Told) else kind
        sources = tuple(self.values[text] for text in reads)
        if isinstance(layer, Told) and None in [self.shapes.get(text) for text in reads]:
            sources = ()
        number = base + len(self.nodes)
        self.nodes.append(Node(title, shown, layer, sources))
        self.outputs.append(outputs)
        for place, output in enumerate(outputs):
            several = len(outputs) > 1
            self.values[output] = Source(number, (place,)) if several else number
            self.shapes[output] = None if shape is None else shape[place] if several else shape

    def _folded(self, layer: Layer | None, shape: Any, reads: list[str], outputs: tuple[str, ...]) -> bool:
        """Whether the operator is none of the network's: what it gives is known, or hangs on weights alone."""
        if not isinstance(layer, Operator) or shape is None or len(outputs) != 1:
            return False
        (output,) = outputs
        held = self.held.get(output)
        if reads and held is None:
            return False
        self.fixed[output] = Arg(shape, held)
        if layer.weights:
            self.weights[output] = layer.weights
        return True

    def _title(self, wanted: str) -> str:
        """The node's name, numbered where the file uses one twice."""
        times = self.given[wanted] = self.given.get(wanted, 0) + 1
        return wanted if times == 1 else f"{wanted}#{times}"

    def _layer(
        self, kind: str, attributes: dict[str, Any], texts: Any, reads: list[str], outputs: tuple[str, ...], title: str
    ) -> tuple[Layer | None, Any]:
        """The operator as a layer, and its shape where it has one."""
        weights = self._count(kind, texts)
        if kind in RULES:
            op = Operator(
                kind=kind, attributes=attributes, slots=self._slots(texts), outputs=max(len(outputs), 1),
                opset=self.opset, weights=weights,
            )  # fmt: skip
            inputs = [self.shapes.get(text) for text in reads]
            if None in inputs:
                return op, None
            try:
                shape = op.shape(*inputs)
                if not all(map(reasonable, shape if is_shape(shape) else sum(shape, ()))):
                    raise Undetermined("an open size beyond what one can read")
                if len(outputs) == 1:
                    self.held[outputs[0]] = holds(op, op.args(*inputs))
                return op, shape
            except ShapeError as error:
                return op, error.nominal if len(outputs) == 1 else None
            except Undetermined:
                self.undetermined.append(title)
            except ODD as error:
                words = f"{title}: the inputs or attributes of {kind} are not as they should be ({words_of(error)})"
                self._find(words, title)
                return None, None
        else:
            self.unknown.append(kind)
        shapes = tuple(self.told.get(output) for output in outputs)
        if None in shapes or not shapes:
            return None, None
        shape = shapes if len(shapes) > 1 else shapes[0]
        return Told(shapes=shape), shape

    def _slots(self, texts: Any) -> tuple[Any, ...]:
        """What stands in each input, as `Operator.slots` wants it."""
        slots: list[Any] = []
        place = 0
        for text in texts:
            if not text:
                slots.append(None)
            elif text in self.fixed:
                slots.append(self.fixed[text])
            else:
                slots.append((place, self.held.get(text)))
                place += 1
        return tuple(slots)

    def _count(self, kind: str, texts: Any) -> int:
        """The weights that this operator is the first to use; running statistics are none."""
        statistics = STATISTICS.get(kind, ())
        counts = [(place, self.weights.pop(text, 0)) for place, text in enumerate(texts)]
        return sum(count for place, count in counts if place not in statistics)


# Out of the protocol buffers -----------------------------------------------------------------------------------------


def _sizes(dims: Any) -> tuple[int, ...]:
    return tuple(int(size) for size in dims)


def _contents(tensor: Any, shape: tuple[int, ...]) -> tuple[Any, ...] | None:
    """The numbers in a short tensor, one after the other; None for a long one, and for one kept in another file."""
    count = 1
    for size in shape:
        count *= size
    if count > MOST or tensor.data_location == 1 or tensor.data_type not in INTEGERS | FLOATS:
        return None
    from onnx import numpy_helper

    try:
        return tuple(numpy_helper.to_array(tensor).reshape(-1).tolist())
    except Exception:  # too few numbers for the shape, a type that numpy has not: whatever it is, they are not known
        return None


def _attribute(proto: Any) -> Any:
    """An attribute's value in Python's own types; a tensor as an Arg; None for a graph, of which no rule knows."""
    kind = proto.type
    if kind == proto.INT:
        return int(proto.i)
    if kind == proto.FLOAT:
        return float(proto.f)
    if kind == proto.STRING:
        return proto.s.decode("utf-8", "replace")
    if kind == proto.INTS:
        return tuple(int(number) for number in proto.ints)
    if kind == proto.FLOATS:
        return tuple(float(number) for number in proto.floats)
    if kind == proto.TENSOR:
        shape = tuple(max(size, 0) for size in _sizes(proto.t.dims))
        return Arg(shape, _contents(proto.t, shape))
    return None


def _constant(attributes: Mapping[str, Any]) -> Arg | None:
    """What a Constant holds, in whichever of its attributes."""
    for key, entry in attributes.items():
        if isinstance(entry, Arg):
            return entry
        if key in ("value_int", "value_float") and isinstance(entry, (int, float)):
            return Arg((), (entry,))
        if key in ("value_ints", "value_floats") and isinstance(entry, tuple):
            return Arg((len(entry),), entry if len(entry) <= MOST else None)
    return None
