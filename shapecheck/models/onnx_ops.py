"""The shape rules of ONNX's operators, by ONNX's own words: pads on both sides, auto_pad, its ceil_mode, its Reshape.

An operator is a layer here (`Operator`), so that prediction, multiply-adds and receptive fields are those of every
other network; where ONNX and torch agree, the rule is torch's (`_twin`). What an input holds, a shape to reshape to for
one, is known where it was worked out while the file was read (`Arg.holds`); an operator that needs what is not known is
`Undetermined`.

Main definitions: `Operator`, `RULES` (by operator), `Arg`, `Undetermined`.
Source: onnx/docs/Operators.md, onnx/defs (onnx 1.23); ceil_mode drops a last window that starts in the padding from
opset 22 on, before it the text says nothing of that.
Notation: n size, e dilated span, p total padding, s stride.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, ClassVar, NamedTuple

from shapecheck.diagnostics import ShapeError, forward_error
from shapecheck.formulas import (
    WINDOW_FITS,
    ceil_div,
    ceil_window_count,
    dilated,
    padded_size,
    transposed_size,
    window_count,
)
from shapecheck.layers.base import (
    LIMIT,
    Layer,
    Seen,
    Window,
    check_limit,
    is_shape,
    product,
    shape_text,
    windowed_field,
)
from shapecheck.layers.dims import fill, wrap, wrap_all
from shapecheck.layers.merge import Concat, MatMul, broadcast
from shapecheck.layers.pieces import Slice
from shapecheck.layers.rearrange import Permute
from shapecheck.layers.reduce import Mean
from shapecheck.sizes import Dim, Shape, Size, can_equal

CLAMPED = 22  # the opset from which ceil mode leaves out a window that would start in the padding
FAR = 2**31 - 1  # from here on a bound of a slice means the end: exporters write the greatest number they have
EXACT = 64  # a scale of this denominator at most multiplies an open size exactly


class Undetermined(Exception):
    """The output's shape hangs on values that are not known before the model runs."""


class Arg(NamedTuple):
    """An input of an operator: its shape, and what it holds where that is known (one after the other)."""

    shape: Shape
    holds: tuple[Any, ...] | None = None


class Answer(NamedTuple):
    """An output's shape, what it costs, and how it changes what a cell sees."""

    shape: Any
    macs: Dim = 0
    seen: Callable[[Seen], Seen] = lambda seen: seen


@dataclass(frozen=True, slots=True, kw_only=True)
class Operator(Layer):
    """An ONNX operator with its attributes; `slots` says what stands in each of its inputs.

    A slot is an Arg for what the file holds, (place, holds) for what comes in at that place, None for what is left out.
    """

    inputs: ClassVar[tuple[int, int | None]] = (0, None)
    takes_several: ClassVar[bool] = True

    kind: str
    attributes: Mapping[str, Any] = field(default_factory=dict)
    slots: tuple[Any, ...] = ()
    outputs: int = 1
    opset: int = 22
    weights: int = 0

    def answer(self, *inputs: Any) -> Answer:
        """What the operator's rule says of inputs of these shapes."""
        return RULES[self.kind](self, *self.args(*inputs))

    def args(self, *inputs: Any) -> list[Arg | None]:
        """What stands in each of its inputs, given the shapes that come in."""
        slots = self.slots
        return [None if s is None else s if isinstance(s, Arg) else Arg(inputs[s[0]], s[1]) for s in slots]

    def shape(self, *inputs: Any) -> Any:
        """The output's shape, or that of each output."""
        shape = self.answer(*inputs).shape
        if self.outputs == 1:
            return check_limit(shape)
        if is_shape(shape) or len(shape) != self.outputs:
            given = 1 if is_shape(shape) else len(shape)
            raise forward_error(
                "SP308", f"{self.kind} gives {given} of the {self.outputs} outputs that are asked of it"
            )
        return tuple(map(check_limit, shape))

    def params(self) -> int:
        """The numbers among the file's weights that this operator is the first to use."""
        return self.weights

    def macs(self, inputs: tuple[Any, ...], output: Any) -> Dim:
        """The rule's multiply-adds."""
        return self.answer(*inputs).macs

    def field(self, seen: Seen, inputs: tuple[Any, ...], output: Any) -> Seen:
        """The rule's step; everything, for an operator that is refused."""
        try:
            return self.answer(*inputs).seen(seen)
        except ShapeError:
            return None

    def get(self, name: str, default: Any = None) -> Any:
        """An attribute."""
        return self.attributes.get(name, default)


Rule = Callable[..., Answer]
RULES: dict[str, Rule] = {}


def rule(*names: str) -> Callable[[Rule], Rule]:
    """Enter a rule for these operators."""

    def enter(function: Rule) -> Rule:
        RULES.update(dict.fromkeys(names, function))
        return function

    return enter


def held(arg: Arg | None, what: str) -> tuple[Any, ...]:
    """What an input holds; Undetermined where that is not known."""
    if arg is None or arg.holds is None:
        raise Undetermined(f"{what} is worked out while the model runs")
    return arg.holds


def _whole(entries: tuple[Any, ...], what: str) -> tuple[Any, ...]:
    if not all(isinstance(entry, (int, Size)) for entry in entries):
        raise Undetermined(f"{what} is not whole")
    return entries


def _global(seen: Seen) -> Seen:
    return None


def _twin(layer: Layer, *inputs: Shape) -> Answer:
    """The answer of one of torch's layers, where ONNX's operator does the same."""
    shape = layer.shape(*inputs)
    return Answer(shape, layer.macs(inputs, shape), lambda seen: layer.field(seen, inputs, shape))


# The same shape ------------------------------------------------------------------------------------------------------

SAME = (
    "Abs", "Acos", "Acosh", "Asin", "Asinh", "Atan", "Atanh", "BitwiseNot", "Cast", "CastLike", "Ceil", "Celu",
    "Clip", "Cos", "Cosh", "CumSum", "DequantizeLinear", "Elu", "Erf", "Exp", "EyeLike", "Floor", "Gelu",
    "HardSigmoid", "HardSwish", "Hardmax", "Identity", "IsInf", "IsNaN", "LRN", "LeakyRelu", "Log", "LogSoftmax",
    "LpNormalization", "MeanVarianceNormalization", "Mish", "Neg", "Not", "QuantizeLinear", "RandomNormalLike",
    "RandomUniformLike", "Bernoulli", "Reciprocal", "Relu", "Round", "ScatterElements", "ScatterND", "Scatter",
    "Selu", "Shrink", "Sigmoid", "Sign", "Sin", "Sinh", "Softmax", "Softplus", "Softsign", "Sqrt", "Swish", "Tan",
    "Tanh", "ThresholdedRelu", "Trilu", "RMSNormalization", "RotaryEmbedding",
)  # fmt: skip


@rule(*SAME)
def _same(op: Operator, x: Arg, *others: Arg | None) -> Answer:
    return Answer(x.shape)


@rule("Dropout")
def _dropout(op: Operator, x: Arg, *others: Arg | None) -> Answer:
    """The input's, and that of the mask where it is asked for."""
    return Answer(x.shape if op.outputs == 1 else (x.shape, x.shape))


@rule("InstanceNormalization", "GroupNormalization")
def _channels(op: Operator, x: Arg, *others: Arg | None) -> Answer:
    _rank(op, x, 2)
    return _norm(op, x, others[:2])


@rule("BatchNormalization")
def _batch_norm(op: Operator, x: Arg, *others: Arg | None) -> Answer:
    _rank(op, x, 2)
    answer = _norm(op, x, others)
    if op.outputs == 1:
        return answer
    means = [other.shape for other in others[2:4] if other is not None]
    return answer._replace(shape=(x.shape, *[means[place % 2] for place in range(op.outputs - 1)]))


def _norm(op: Operator, x: Arg, weights: tuple[Arg | None, ...]) -> Answer:
    """The input's shape, the weights' lengths being its channels (or groups, of old)."""
    lengths = (x.shape[1], op.get("num_groups"))
    for weight in weights:
        if weight is not None and not any(
            length is not None and can_equal(product(weight.shape), length) for length in lengths
        ):
            raise forward_error(
                "SP303",
                f"{op.kind} has weights {shape_text(weight.shape)}, its input {shape_text(x.shape)} has {x.shape[1]} "
                "channels",
                nominal=x.shape,
            )
    return Answer(x.shape)


@rule("LayerNormalization")
def _layer_norm(op: Operator, x: Arg, *others: Arg | None) -> Answer:
    axis = wrap(op.get("axis", -1), len(x.shape), "axis")
    statistics = (*x.shape[:axis], *(1,) * (len(x.shape) - axis))
    if others and others[0] is not None:
        broadcast(x.shape[axis:], others[0].shape)
    return Answer(x.shape if op.outputs == 1 else (x.shape, *(statistics,) * (op.outputs - 1)))


# Broadcasting --------------------------------------------------------------------------------------------------------


@rule(
    "Add", "Sub", "Mul", "Div", "Pow", "Mod", "And", "Or", "Xor", "Equal", "Greater", "GreaterOrEqual", "Less",
    "LessOrEqual", "BitShift", "BitwiseAnd", "BitwiseOr", "BitwiseXor", "Min", "Max", "Sum", "Mean", "Where",
)  # fmt: skip
def _broadcast(op: Operator, *args: Arg) -> Answer:
    """The operands' common shape; before opset 7 the second one's axes stood where `axis` says."""
    shapes = [arg.shape for arg in args]
    if op.opset < 7 and op.get("broadcast") and len(shapes) == 2:
        axis = op.get("axis")
        start = len(shapes[0]) - len(shapes[1]) if axis is None else wrap(axis, len(shapes[0]), "axis")
        shapes[1] = (*shapes[1], *(1,) * (len(shapes[0]) - start - len(shapes[1])))
    return Answer(broadcast(*shapes))


@rule("PRelu")
def _prelu(op: Operator, x: Arg, slope: Arg) -> Answer:
    slopes = slope.shape
    if op.opset < 9 and len(slopes) == 1:
        slopes = (*slopes, *(1,) * (len(x.shape) - 2))
    made = broadcast(x.shape, slopes)
    if made != x.shape:
        message = f"the slopes {shape_text(slope.shape)} do not broadcast to the input {shape_text(x.shape)}"
        raise forward_error("SP305", message, nominal=x.shape)
    return Answer(x.shape)


@rule("Expand")
def _expand(op: Operator, x: Arg, shape: Arg) -> Answer:
    return Answer(broadcast(x.shape, _whole(held(shape, "the shape to expand to"), "the shape to expand to")))


# Windows -------------------------------------------------------------------------------------------------------------


def _rank(op: Operator, x: Arg, least: int) -> None:
    if len(x.shape) < least:
        raise forward_error("SP302", f"{op.kind} takes {least} dimensions or more, {shape_text(x.shape)} has fewer")


def _kernel(op: Operator, x: Arg, kernel: Any) -> tuple[list[int], list[int], list[int]]:
    """Span, stride and dilation on each axis, as many as the input has spatial axes."""
    axes = len(x.shape) - 2
    given = {
        "kernel_shape": kernel, "strides": op.get("strides") or [1] * axes,
        "dilations": op.get("dilations") or [1] * axes,
    }  # fmt: skip
    for name, values in given.items():
        if len(values) != axes:
            message = f"{name} has {len(values)} entries, {shape_text(x.shape)} has {axes} spatial dimensions"
            raise forward_error("SP302", message, argument=name)
        if any(not isinstance(value, int) or not 1 <= value < LIMIT for value in values):
            raise forward_error("SP309", f"{name} is {list(values)}: each is 1 or more", argument=name)
    spans = [dilated(k, d) for k, d in zip(given["kernel_shape"], given["dilations"], strict=True)]
    return spans, list(given["strides"]), list(given["dilations"])


def _pads(op: Operator, axes: int) -> list[tuple[int, int]]:
    """The cells added before and behind on each axis."""
    pads = op.get("pads") or [0] * (2 * axes)
    if len(pads) != 2 * axes:
        message = f"pads has {len(pads)} entries, for {axes} axes it has {2 * axes}"
        raise forward_error("SP302", message, argument="pads")
    return list(zip(pads[:axes], pads[axes:], strict=True))


def _windows(op: Operator, x: Arg, kernel: Any, *, ceil: bool = False) -> tuple[list[Dim], list[Window]]:
    """How many windows there are on each axis, and the windows."""
    spans, strides, _ = _kernel(op, x, kernel)
    sizes = x.shape[2:]
    auto = op.get("auto_pad", "NOTSET")
    if auto == "NOTSET":
        pads = _pads(op, len(sizes))
    elif auto == "VALID":
        pads, ceil = [(0, 0)] * len(sizes), False
    elif auto in ("SAME_UPPER", "SAME_LOWER"):
        return _same_windows(sizes, spans, strides, upper=auto == "SAME_UPPER")
    else:
        raise forward_error("SP309", f"auto_pad is {auto!r}", argument="auto_pad", hint="auto_pad: NOTSET")
    counts: list[Dim] = []
    for n, e, s, (before, behind) in zip(sizes, spans, strides, pads, strict=True):
        if not WINDOW_FITS.holds(n, e, before + behind):
            padded = padded_size(n, before, behind)
            raise forward_error(
                "SP301", f"the window spans {e} cells, its padded input has {padded}", argument="kernel_shape",
                n=n, k=e, p=before + behind, s=s,
            )  # fmt: skip
        if not ceil:
            counts.append(window_count(n, e, before + behind, s))
        elif op.opset >= CLAMPED:
            counts.append(clamped_count(n, e, before, behind, s))
        else:
            counts.append(unclamped_count(n, e, before, behind, s))
    windows = [(e, b + a, b, s) for e, s, (b, a) in zip(spans, strides, pads, strict=True)]
    return counts, windows


def clamped_count(n: Dim, e: int, before: int, behind: int, s: int) -> Dim:
    """ONNX's ceil mode from opset 22 on, torch's rule with another padding on each side.

    min(ceil((n + p - e)/s) + 1, ceil((n + before)/s)): torch's with q = behind, on n + before - behind cells.

    >>> clamped_count(5, 2, 1, 1, 2), clamped_count(2, 1, 0, 0, 2)
    (3, 1)
    """
    return ceil_window_count(n + before - behind, e, behind, s)


def unclamped_count(n: Dim, e: int, before: int, behind: int, s: int) -> Dim:
    """ONNX's ceil mode before opset 22, by its text: ceil((n + p - e)/s) + 1.

    >>> unclamped_count(5, 2, 1, 1, 2), unclamped_count(2, 1, 0, 0, 2)
    (4, 2)
    """
    return ceil_div(padded_size(n, before, behind) - e, s) + 1


def _same_windows(sizes: Shape, spans: list[int], strides: list[int], *, upper: bool) -> tuple[list[Dim], list[Window]]:
    """ceil(n/s) windows, and the padding that makes room for them, the odd cell behind (upper) or before."""
    counts: list[Dim] = [ceil_div(n, s) for n, s in zip(sizes, strides, strict=True)]
    windows: list[Window] = []
    for n, o, e, s in zip(sizes, counts, spans, strides, strict=True):
        need = (o - 1) * s + e - n
        total = max(need, 0) if isinstance(need, int) else need
        windows.append((e, total, total // 2 if upper else ceil_div(total, 2), s))
    return counts, windows


@rule("Conv", "ConvInteger")
def _conv(op: Operator, x: Arg, weight: Arg, *others: Arg | None) -> Answer:
    _rank(op, x, 3)
    _check_weight(op, x, weight, weight.shape[1] * op.get("group", 1) if len(weight.shape) > 1 else 0)
    counts, windows = _windows(op, x, op.get("kernel_shape") or list(weight.shape[2:]))
    shape = (x.shape[0], weight.shape[0], *counts)
    return Answer(shape, product(shape, product(weight.shape[1:])), lambda seen: windowed_field(seen, windows))


def _check_weight(op: Operator, x: Arg, weight: Arg, channels: Dim) -> None:
    """Refuse a weight that is of other axes or channels than the input."""
    if len(weight.shape) != len(x.shape):
        message = f"the weight {shape_text(weight.shape)} and the input {shape_text(x.shape)} are of different ranks"
        raise forward_error("SP302", message)
    group = op.get("group", 1)
    if not can_equal(x.shape[1], channels):
        raise forward_error(
            "SP303", f"the weight {shape_text(weight.shape)} in {group} group{'s' * (group != 1)} is for {channels} "
            f"channels, the input has {x.shape[1]}", given=channels, found=x.shape[1],
        )  # fmt: skip
    outward = weight.shape[0]
    if op.kind.startswith("Conv") and op.kind != "ConvTranspose" and isinstance(outward, int) and outward % group:
        raise forward_error("SP303", f"{group} groups do not divide {outward} output channels", argument="group")


@rule("ConvTranspose")
def _conv_transpose(op: Operator, x: Arg, weight: Arg, *others: Arg | None) -> Answer:
    _rank(op, x, 3)
    _check_weight(op, x, weight, weight.shape[0])
    spans, strides, _ = _kernel(op, x, op.get("kernel_shape") or list(weight.shape[2:]))
    axes = len(spans)
    extra = op.get("output_padding") or [0] * axes
    asked, auto = op.get("output_shape"), op.get("auto_pad", "NOTSET")
    pads = _pads(op, axes) if auto == "NOTSET" and not asked else [(0, 0)] * axes
    if asked:
        sizes: list[Dim] = list(asked)[-axes:]
    elif auto in ("SAME_UPPER", "SAME_LOWER"):
        sizes = [n * s for n, s in zip(x.shape[2:], strides, strict=True)]
    else:
        sizes = [
            transposed_size(n, e, before + behind, s, more)
            for n, e, s, (before, behind), more in zip(x.shape[2:], spans, strides, pads, extra, strict=True)
        ]
    if any(isinstance(size, int) and size < 1 for size in sizes):
        raise forward_error("SP301", f"the output would have {shape_text(tuple(sizes))} cells", argument="pads")
    shape = (x.shape[0], weight.shape[1] * op.get("group", 1), *sizes)
    return Answer(shape, product(x.shape, product(weight.shape[1:])), _global)


@rule("MaxPool", "AveragePool", "LpPool")
def _pool(op: Operator, x: Arg) -> Answer:
    _rank(op, x, 3)
    counts, windows = _windows(op, x, op.get("kernel_shape") or [], ceil=bool(op.get("ceil_mode", 0)))
    shape = (*x.shape[:2], *counts)
    return Answer((shape, shape) if op.outputs > 1 else shape, 0, lambda seen: windowed_field(seen, windows))


@rule("GlobalAveragePool", "GlobalMaxPool", "GlobalLpPool")
def _global_pool(op: Operator, x: Arg) -> Answer:
    _rank(op, x, 2)
    return Answer((*x.shape[:2], *(1,) * (len(x.shape) - 2)), 0, _global)


# Products ------------------------------------------------------------------------------------------------------------


@rule("MatMul", "MatMulInteger")
def _matmul(op: Operator, a: Arg, b: Arg, *others: Arg | None) -> Answer:
    return _twin(MatMul(), a.shape, b.shape)


@rule("Gemm")
def _gemm(op: Operator, a: Arg, b: Arg, c: Arg | None = None) -> Answer:
    for arg in (a, b):
        if len(arg.shape) != 2:
            raise forward_error("SP302", f"Gemm takes matrices, {shape_text(arg.shape)} is none")
    one = a.shape[::-1] if op.get("transA", 0) else a.shape
    two = b.shape[::-1] if op.get("transB", 0) else b.shape
    answer = _twin(MatMul(), one, two)
    if c is not None and op.opset >= 7 and broadcast(answer.shape, c.shape) != answer.shape:
        message = f"what is added, {shape_text(c.shape)}, does not broadcast to the product {shape_text(answer.shape)}"
        raise forward_error("SP305", message, nominal=answer.shape)
    return answer


# Rearranging ---------------------------------------------------------------------------------------------------------


@rule("Concat")
def _concat(op: Operator, *args: Arg) -> Answer:
    return _twin(Concat(dim=op.get("axis", 1)), *(arg.shape for arg in args))


@rule("Reshape")
def _reshape(op: Operator, x: Arg, shape: Arg | None = None) -> Answer:
    """-1 is what is left; 0 the input's own size, unless `allowzero`."""
    asked = op.get("shape") if shape is None else held(shape, "the shape to reshape to")
    asked = _whole(tuple(asked or ()), "the shape to reshape to")
    if not op.get("allowzero", 0):
        if len(asked) > len(x.shape) and 0 in asked[len(x.shape) :]:
            raise forward_error("SP304", f"{shape_text(asked)} copies a dimension that {shape_text(x.shape)} has not")
        asked = tuple(x.shape[place] if size == 0 else size for place, size in enumerate(asked))
    return Answer(fill(asked, product(x.shape), x.shape, "shape"), 0, _global)


@rule("Flatten")
def _flatten(op: Operator, x: Arg) -> Answer:
    """Always a matrix: what stands before the axis, and what stands from it on."""
    rank, axis = len(x.shape), op.get("axis", 1)
    if not -rank <= axis <= rank:
        raise forward_error("SP304", f"axis is {axis}, there are {rank} dimensions", argument="axis")
    axis += rank if axis < 0 else 0
    return Answer((product(x.shape[:axis]), product(x.shape[axis:])), 0, _global)


@rule("Transpose")
def _transpose(op: Operator, x: Arg) -> Answer:
    order = op.get("perm")
    return _twin(Permute(dims=tuple(range(len(x.shape))[::-1] if order is None else order)), x.shape)


def _axes(op: Operator, arg: Arg | None, *, attribute: str = "axes") -> tuple[Any, ...] | None:
    """The axes an operator is told, as an attribute or as an input; None where it is not told any."""
    if arg is not None:
        return _whole(held(arg, "the list of axes"), "the list of axes")
    axes = op.get(attribute)
    return None if axes is None else tuple(axes)


@rule("Squeeze")
def _squeeze(op: Operator, x: Arg, axes: Arg | None = None) -> Answer:
    told = _axes(op, axes)
    if told is None:
        if any(isinstance(size, Size) for size in x.shape):
            raise Undetermined("which sizes are 1 is known when the model runs")
        return Answer(tuple(size for size in x.shape if size != 1), 0, _global)
    gone = wrap_all(list(told), len(x.shape), "axes")
    for axis in gone:
        if not can_equal(x.shape[axis], 1):
            message = f"axes names dimension {axis} of {shape_text(x.shape)}, whose size is not 1"
            raise forward_error("SP304", message, argument="axes")
    return Answer(tuple(size for axis, size in enumerate(x.shape) if axis not in gone), 0, _global)


@rule("Unsqueeze")
def _unsqueeze(op: Operator, x: Arg, axes: Arg | None = None) -> Answer:
    told = _axes(op, axes) or ()
    rank = len(x.shape) + len(told)
    new = wrap_all(list(told), rank, "axes")
    rest = iter(x.shape)
    return Answer(tuple(1 if axis in new else next(rest) for axis in range(rank)), 0, _global)


@rule("Slice")
def _slice(
    op: Operator, x: Arg, starts: Arg | None = None, ends: Arg | None = None, axes: Arg | None = None,
    steps: Arg | None = None,
) -> Answer:  # fmt: skip
    first = tuple(op.get("starts", ())) if starts is None else held(starts, "where the slice starts")
    last = tuple(op.get("ends", ())) if ends is None else held(ends, "where the slice ends")
    told = _axes(op, axes)
    where = wrap_all(list(range(len(first)) if told is None else told), len(x.shape), "axes")
    by = (1,) * len(first) if steps is None else held(steps, "the slice's step")
    if not len(first) == len(last) == len(where) == len(by):
        raise forward_error(
            "SP309", f"starts, ends, axes and steps are {len(first)}, {len(last)}, {len(where)}, {len(by)} long"
        )
    cuts = zip(where, first, last, by, strict=True)
    return _steps(x.shape, [_cut(axis, start, end, step) for axis, start, end, step in cuts])


def _cut(axis: int, start: Any, end: Any, step: Any) -> Layer | tuple[int, slice]:
    """A slice along an axis: torch's, or with a step back, which torch has not, Python's."""
    if not isinstance(step, int) or step == 0:
        raise forward_error("SP309", f"a slice's step is {step}", argument="steps", hint="steps: 1")
    if step < 0:
        return axis, slice(start, end, step)
    start = None if isinstance(start, int) and start <= -FAR else start
    return Slice(dim=axis, start=start, end=None if isinstance(end, int) and end >= FAR else end, step=step)


def stepped_back(n: int, start: int, end: int, step: int) -> int:
    """The cells that a slice with a step back leaves of n; unlike Python, ONNX brings start into 0..n-1.

    >>> stepped_back(10, -1, -(2**63), -3), stepped_back(2, -6, -10, -1), len(range(2)[-6:-10:-1])
    (4, 1, 0)
    """
    first = min(max(start + n if start < 0 else start, 0), n - 1)
    last = min(max(end + n if end < 0 else end, -1), n - 1)
    return max(ceil_div(first - last, -step), 0)


def _steps(shape: Shape, layers: list[Layer | tuple[int, slice]]) -> Answer:
    """One slice after the other."""
    done: list[tuple[Layer, Shape, Shape]] = []
    turned = False
    for layer in layers:
        before = shape
        if isinstance(layer, tuple):
            (axis, bounds), turned = layer, True
            n = shape[axis]
            if not isinstance(n, int):
                raise Undetermined("a step back along an open size")
            shape = (*shape[:axis], stepped_back(n, bounds.start, bounds.stop, bounds.step), *shape[axis + 1 :])
        else:
            shape = layer.shape(shape)
            done.append((layer, before, shape))

    def seen_after(seen: Seen) -> Seen:
        for layer, before, after in done:
            seen = layer.field(seen, (before,), after)
        return None if turned else seen

    return Answer(shape, 0, seen_after)


@rule("Split")
def _split(op: Operator, x: Arg, sections: Arg | None = None) -> Answer:
    axis = wrap(op.get("axis", 0), len(x.shape), "axis")
    n = x.shape[axis]
    told = op.get("split") if sections is None else held(sections, "how it is split")
    if told is None:
        piece = ceil_div(n, op.outputs)
        told = (*(piece,) * (op.outputs - 1), n - piece * (op.outputs - 1))
    if len(told) != op.outputs or not can_equal(sum(told[1:], told[0]), n):
        raise forward_error(
            "SP314", f"pieces of {list(map(str, told))} are not {op.outputs} that make {n}", argument="split"
        )
    shapes = tuple((*x.shape[:axis], piece, *x.shape[axis + 1 :]) for piece in told)
    return Answer(shapes if op.outputs > 1 else shapes[0], 0, _global if axis > 1 else lambda seen: seen)


@rule("Tile")
def _tile(op: Operator, x: Arg, repeats: Arg) -> Answer:
    times = held(repeats, "how often it is repeated")
    if len(times) != len(x.shape):
        raise forward_error(
            "SP302", f"repeats has {len(times)} entries, {shape_text(x.shape)} {len(x.shape)} dimensions"
        )
    return Answer(tuple(n * t for n, t in zip(x.shape, times, strict=True)), 0, _global)


@rule("Pad")
def _pad(op: Operator, x: Arg, pads: Arg | None = None, value: Arg | None = None, axes: Arg | None = None) -> Answer:
    given = tuple(op.get("pads") or op.get("paddings") or ()) if pads is None else held(pads, "the padding")
    rank = len(x.shape)
    told = _axes(op, axes)
    where = list(range(rank)) if told is None else wrap_all(list(told), rank, "axes")
    if len(given) != 2 * len(where):
        raise forward_error(
            "SP302", f"pads has {len(given)} entries, for {len(where)} axes it has {2 * len(where)}", argument="pads"
        )
    sizes = list(x.shape)
    for place, axis in enumerate(where):
        sizes[axis] = padded_size(sizes[axis], given[place], given[place + len(where)])
        if isinstance(sizes[axis], int) and sizes[axis] < 0:
            raise forward_error(
                "SP301", f"pads {list(given)} cut off more than {shape_text(x.shape)} has", argument="pads"
            )
    moved = any(given[place] for place, axis in enumerate(where) if axis > 1)
    return Answer(tuple(sizes), 0, _global if moved else lambda seen: seen)


@rule("DepthToSpace")
def _depth_to_space(op: Operator, x: Arg) -> Answer:
    n, c, h, w = _picture(op, x)
    b = _block(op)
    if isinstance(c, int) and c % (b * b):
        raise forward_error("SP303", f"the square of blocksize {b} does not divide {c} channels", argument="blocksize")
    return Answer((n, c // (b * b), h * b, w * b), 0, _global)


@rule("SpaceToDepth")
def _space_to_depth(op: Operator, x: Arg) -> Answer:
    n, c, h, w = _picture(op, x)
    b = _block(op)
    if any(isinstance(size, int) and size % b for size in (h, w)):
        raise forward_error("SP303", f"blocksize {b} does not divide {h} and {w}", argument="blocksize")
    return Answer((n, c * b * b, h // b, w // b), 0, _global)


def _picture(op: Operator, x: Arg) -> Shape:
    if len(x.shape) != 4:
        raise forward_error("SP302", f"{op.kind} takes (N, C, H, W), not {shape_text(x.shape)}")
    return x.shape


def _block(op: Operator) -> int:
    size = op.get("blocksize")
    if not isinstance(size, int) or size < 1:
        raise forward_error("SP309", f"blocksize is {size}: it is 1 or more", argument="blocksize")
    return size


# Resizing ------------------------------------------------------------------------------------------------------------


def float32(number: float) -> float:
    """The nearest number of single precision, in which ONNX keeps scales.

    >>> float32(0.5), float32(0.7) < 0.7
    (0.5, True)
    """
    return float(struct.unpack("f", struct.pack("f", number))[0])


def scaled(n: Dim, scale: float) -> Dim:
    """floor(n scale), exactly; of an open size where the scale is a simple fraction.

    >>> scaled(10, float32(0.7)), scaled(7, 1.5)
    (6, 10)
    """
    exact = Fraction(scale)
    if not isinstance(n, int) and exact.denominator > EXACT:
        raise Undetermined("an open size times such a scale")
    return n * exact.numerator // exact.denominator


@rule("Resize", "Upsample")
def _resize(op: Operator, x: Arg, *others: Arg | None) -> Answer:
    """By scales or to sizes, on the axes told (all of them)."""
    old = op.kind == "Upsample" or op.opset < 11
    scales = (others[0] if others else None) if old else (others[1] if len(others) > 1 else None)
    sizes = None if old or len(others) < 3 else others[2]
    told = _axes(op, None)
    where = list(range(len(x.shape))) if told is None else wrap_all(list(told), len(x.shape), "axes")
    if op.get("coordinate_transformation_mode") == "tf_crop_and_resize" and sizes is None:
        raise Undetermined("a resize of a region")
    if op.get("keep_aspect_ratio_policy", "stretch") != "stretch":
        raise Undetermined("a resize that keeps the aspect ratio")
    if sizes is not None:
        values = held(sizes, "the size")
    else:
        values = tuple(op.get("scales") or ()) if scales is None else held(scales, "the scale")
    if len(values) != len(where):
        raise forward_error(
            "SP302", f"{op.kind} has {len(values)} {'sizes' if sizes is not None else 'scales'} for {len(where)} axes"
        )
    made = list(x.shape)
    for axis, value in zip(where, values, strict=True):
        made[axis] = value if sizes is not None else scaled(made[axis], float32(value))
    return Answer(_whole(tuple(made), "the size"), 0, _global)


# Reductions ----------------------------------------------------------------------------------------------------------


REDUCTIONS = ("L1", "L2", "LogSum", "LogSumExp", "Max", "Mean", "Min", "Prod", "Sum", "SumSquare")


@rule(*(f"Reduce{name}" for name in REDUCTIONS))
def _reduce(op: Operator, x: Arg, axes: Arg | None = None) -> Answer:
    told = _axes(op, axes)
    if not told and op.get("noop_with_empty_axes", 0):
        return Answer(x.shape)
    keep = bool(op.get("keepdims", 1))
    return _twin(Mean(dim=tuple(told) if told else None, keepdim=keep), x.shape)


@rule("ArgMax", "ArgMin")
def _arg(op: Operator, x: Arg) -> Answer:
    return _twin(Mean(dim=op.get("axis", 0), keepdim=bool(op.get("keepdims", 1))), x.shape)


@rule("TopK")
def _top_k(op: Operator, x: Arg, k: Arg | None = None) -> Answer:
    axis = wrap(op.get("axis", -1), len(x.shape), "axis")
    (most,) = held(k, "how many are taken") if k is not None else (op.get("k"),)
    shape = (*x.shape[:axis], most, *x.shape[axis + 1 :])
    return Answer((shape, shape) if op.outputs > 1 else shape, 0, _global)


# Looking up, and shapes as values ------------------------------------------------------------------------------------


@rule("Gather")
def _gather(op: Operator, x: Arg, indices: Arg) -> Answer:
    axis = wrap(op.get("axis", 0), len(x.shape), "axis")
    if not x.shape:
        raise forward_error("SP302", "Gather takes a dimension or more")
    return Answer((*x.shape[:axis], *indices.shape, *x.shape[axis + 1 :]), 0, _global)


@rule("GatherElements")
def _gather_elements(op: Operator, x: Arg, indices: Arg) -> Answer:
    return Answer(indices.shape, 0, _global)


@rule("GatherND")
def _gather_nd(op: Operator, x: Arg, indices: Arg) -> Answer:
    batch, depth = op.get("batch_dims", 0), indices.shape[-1] if indices.shape else 0
    if not isinstance(depth, int):
        raise Undetermined("how many dimensions are looked up")
    return Answer((*indices.shape[:-1], *x.shape[batch + depth :]), 0, _global)


@rule("Shape")
def _shape_of(op: Operator, x: Arg) -> Answer:
    return Answer((len(x.shape[op.get("start", 0) : op.get("end")]),), 0, _global)


@rule("Size")
def _size_of(op: Operator, x: Arg) -> Answer:
    return Answer((), 0, _global)


@rule("ConstantOfShape")
def _constant_of_shape(op: Operator, shape: Arg) -> Answer:
    return Answer(_whole(held(shape, "the shape"), "the shape"), 0, _global)


@rule("Range")
def _range(op: Operator, start: Arg, limit: Arg, delta: Arg) -> Answer:
    (first,), (last,), (step,) = (held(arg, "a bound") for arg in (start, limit, delta))
    if isinstance(step, int) and isinstance(first, (int, Size)) and isinstance(last, (int, Size)) and step:
        length = (
            last - first if step == 1 else ceil_div(last - first, step) if step > 0 else ceil_div(first - last, -step)
        )
        return Answer((max(length, 0) if isinstance(length, int) else length,), 0, _global)
    raise Undetermined("a range of such numbers")


@rule("OneHot")
def _one_hot(op: Operator, indices: Arg, depth: Arg, values: Arg) -> Answer:
    (classes,) = _whole(held(depth, "the depth"), "the depth")
    axis = wrap(op.get("axis", -1), len(indices.shape) + 1, "axis")
    return Answer((*indices.shape[:axis], classes, *indices.shape[axis:]), 0, _global)


# Recurrent layers ----------------------------------------------------------------------------------------------------


@rule("RNN", "GRU", "LSTM")
def _recurrent(op: Operator, x: Arg, weight: Arg, recurrence: Arg, *others: Arg | None) -> Answer:
    """Y (L, D, N, hidden), and the last states (D, N, hidden); with layout 1 the batch in front."""
    if len(x.shape) != 3 or len(recurrence.shape) != 3:
        raise forward_error("SP302", f"{op.kind} takes (L, N, features), not {shape_text(x.shape)}")
    if not can_equal(weight.shape[2], x.shape[2]):
        message = f"the weight {shape_text(weight.shape)} is for {weight.shape[2]} features, the input has {x.shape[2]}"
        raise forward_error("SP303", message)
    hidden, ways = recurrence.shape[2], weight.shape[0]
    if op.get("layout", 0):
        batch, length = x.shape[:2]
        whole, last = (batch, length, ways, hidden), (batch, ways, hidden)
    else:
        length, batch = x.shape[:2]
        whole, last = (length, ways, batch, hidden), (ways, batch, hidden)
    shapes = (whole, last, last)[: op.outputs]
    macs = length * batch * (product(weight.shape) + product(recurrence.shape))
    return Answer(shapes if op.outputs > 1 else whole, macs, _global)
