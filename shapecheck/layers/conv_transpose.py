"""Transposed convolution: `ConvTranspose1d`, `ConvTranspose2d`, `ConvTranspose3d`, in torch's words.

The size a convolution of the same arguments would have taken to the input's: (n-1)s - p + e + op on each axis
(`formulas.transposed_size`). Several sizes go to the same one; output_padding, or forward's output_size, says which.
Source: torch/nn/modules/conv.py (`_ConvTransposeNd._output_padding`);
aten/src/ATen/native/NaiveConvolutionTranspose2d.cpp (`slow_conv_transpose2d_shape_check`).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar, TypeAlias

from shapecheck.diagnostics import ShapeError
from shapecheck.formulas import OUTPUT_PADDING, OUTPUT_SIZE, dilated, field_size, field_start, transposed_size
from shapecheck.layers import conv_arguments
from shapecheck.layers.base import Layer, Seen, check_limit, ntuple, product, quotient, seen_by, undivided
from shapecheck.layers.refusal import refusal, value_text
from shapecheck.layers.windows import LAYOUT, check_image, empty_input, read_ints
from shapecheck.sizes import Dim, Shape

_set = object.__setattr__
Step: TypeAlias = tuple[int, int, int, int, int]  # on one axis: dilated span, padding, stride, output padding, dilation


@dataclass(frozen=True, slots=True, kw_only=True)
class _ConvTranspose(Layer):
    """Field names and meanings are those of `torch.nn.ConvTranspose*d` and its forward's `output_size`."""

    axes: ClassVar[int]
    inferred: ClassVar[tuple[str, ...]] = ("in_channels",)
    forward: ClassVar[tuple[str, ...]] = ("output_size",)
    formula: ClassVar[str] = "(n - 1) stride - 2 padding + dilation (kernel_size - 1) + output_padding + 1 on each axis"

    in_channels: int | None = None
    out_channels: int
    kernel_size: Any
    stride: Any = 1
    padding: Any = 0
    output_padding: Any = 0
    groups: int = 1
    bias: bool = True
    dilation: Any = 1
    padding_mode: str = "zeros"
    output_size: Any = None
    steps: tuple[Step, ...] | None = field(init=False, repr=False, compare=False)  # None: forward refuses them

    def __post_init__(self) -> None:
        conv_arguments.construct(self, transposed=True)
        try:
            _set(self, "steps", self._steps(()))
        except ShapeError:  # torch stores it and refuses it in forward: so does shape()
            _set(self, "steps", None)

    def _steps(self, inputs: tuple[Shape, ...], *, empty: bool = False) -> tuple[Step, ...]:
        axes = self.axes
        kernel = conv_arguments.weight(self, inputs)
        stride = read_ints(self, inputs, "stride", ntuple(self.stride, axes), axes, least=1)
        dilation = read_ints(self, inputs, "dilation", ntuple(self.dilation, axes), axes, least=0 if empty else 1)
        padding = read_ints(self, inputs, "padding", ntuple(self.padding, axes), axes, least=0)
        extra = (0,) * axes
        if self.output_size is None:
            extra = read_ints(self, inputs, "output_padding", ntuple(self.output_padding, axes), axes, least=0)
        elif any(len(ntuple(value, axes)) != axes for value in (self.stride, self.padding, self.dilation)):
            raise refusal(
                self, inputs, "SP309", f"with output_size, stride, padding and dilation need {axes} entries", "stride"
            )
        spans = [dilated(k, d) for k, d in zip(kernel, dilation, strict=True)]
        return tuple(zip(spans, padding, stride, extra, dilation, strict=True))

    def shape(self, x: Shape) -> Shape:
        """(N, out_channels, *sizes), or without N for an unbatched input."""
        axes = self.axes
        steps = self.steps
        if steps is None:
            steps = self._steps((x,), empty=conv_arguments.is_empty(x, axes))
        if len(x) != axes + 2:
            check_image(self, x, axes)
        channels = x[-axes - 1]
        if channels != self.in_channels:
            conv_arguments.check_channels(self, x, channels)
        if 0 in x:
            self._check_empty(x)
        return self.counts(x, steps)

    def counts(self, x: Shape, steps: tuple[Step, ...]) -> Shape:
        """The output shape of an input that is known to have the right rank and channels."""
        axes = self.axes
        out = [transposed_size(n, e, 2 * q, s, op) for n, (e, q, s, op, _) in zip(x[-axes:], steps, strict=True)]
        if self.output_size is not None:
            out = self._asked(x, steps, out)
        elif len(x) == axes + 1 or x[0] != 0:  # torch does not look at it for an empty batch
            self._check_output_padding(x, steps)
        for o in out:
            if not o >= 1 and not (o >= 0 and self._takes_none(x, steps)):
                text = f"the output would have {o} cells on an axis"
                raise refusal(self, (x,), "SP312", text, "padding", mends=[{"padding": 0}], output=tuple(out))
        return check_limit((*x[: -axes - 1], self.out_channels * 1, *out))  # True is 1

    def _check_output_padding(self, x: Shape, steps: tuple[Step, ...]) -> None:
        for _, _, s, op, d in steps:
            if not OUTPUT_PADDING.holds(op, s, d):
                text = f"output_padding is {op}, it must be smaller than the stride {s} or the dilation {d}"
                mends = [{"output_padding": max(s, d) - 1}, {"output_padding": 0}]
                raise refusal(self, (x,), "SP317", text, "output_padding", mends=mends, output_padding=op, s=s, d=d)

    def _takes_none(self, x: Shape, steps: tuple[Step, ...]) -> bool:
        """Whether torch takes an output of no cells: oneDNN's kernels do, its own do not; these rules pick one."""
        kernel, batch = conv_arguments.kernel_of(self), 1 if len(x) == self.axes + 1 else x[0]
        if batch == 0:
            return True
        if any(op >= s for _, _, s, op, _ in steps):
            return False
        plain = all(s == 1 and d == 1 for _, _, s, _, d in steps) and all(k == 1 for k in kernel[-2:])
        square = len(kernel) > 1 and min(kernel[-2:]) > 3
        cells = product((batch, *x[-self.axes - 1 :][:3]))
        return (not plain or batch >= 16) and (self.groups > 1 or square or batch > 1 or cells > 20480)

    def _asked(self, x: Shape, steps: tuple[Step, ...], least: list[Dim]) -> list[Dim]:
        """The sizes asked for by output_size, if they can be had."""
        axes, asked = self.axes, self.output_size
        before = len(x) - axes
        if isinstance(asked, (tuple, list)) and len(asked) == axes + before:
            asked = asked[before:]
        if not isinstance(asked, (tuple, list)) or len(asked) != axes or not all(isinstance(o, int) for o in asked):
            text = f"output_size is {self.output_size!r}, it must be a list of {axes} whole numbers ({LAYOUT[axes]})"
            raise refusal(self, (x,), "SP318", text, "output_size", mends=[{"output_size": tuple(least)}])
        for o, start, (_, _, s, _, d) in zip(asked, least, steps, strict=True):
            if not OUTPUT_SIZE.holds(o, start, s) or not OUTPUT_PADDING.holds(o - start, s, d):
                text = f"output_size is {value_text(asked)}, on an axis {o} is not from {start} to {start + s - 1}"
                nearest = tuple(
                    min(max(o, m), m + s - 1) if isinstance(m, int) else m
                    for o, m, (_, _, s, _, _) in zip(asked, least, steps, strict=True)
                )
                raise refusal(
                    self,
                    (x,),
                    "SP318",
                    text,
                    "output_size",
                    mends=[{"output_size": nearest}],
                    asked=o,
                    least=start,
                    s=s,
                )
        return list(map(int, asked))

    def _check_empty(self, x: Shape) -> None:
        axes = self.axes
        if x[-axes - 1] == 0 or (0 in x[-axes:] and (len(x) == axes + 1 or x[0] != 0)):
            raise empty_input(self, x, "only the batch may be empty")

    def infer_arguments(self, x: Shape) -> dict[str, Any]:
        """in_channels, from the input."""
        check_image(self, x, self.axes)
        return {"in_channels": x[-self.axes - 1]}

    def _cells(self) -> int:
        return product(conv_arguments.kernel_of(self))

    def params(self) -> int:
        """in * (out/groups) * kernel cells, and out biases."""
        weights = self.in_channels * (self.out_channels // self.groups) * self._cells()  # type: ignore[operator]
        return weights + self.out_channels if self.bias else weights

    def macs(self, inputs: tuple[Shape], output: Shape) -> Dim:
        """Every input cell is multiplied by (out/groups) * kernel cells; what falls into the padding counts too."""
        return product(inputs[0], self.out_channels // self.groups * self._cells())

    def field(self, seen: Seen, inputs: tuple[Shape], output: Shape) -> Seen:
        """Output o reads the inputs from (o+q-(e-1))/s to (o+q)/s: a window whose span and stride may be fractions."""
        if seen is None or undivided(seen):
            return None
        out = []
        for (r, j, u), (e, q, s, _, _) in zip(seen_by(self.axes, seen), self.steps or ()):  # noqa: B905 - speed
            step = quotient(j, s)
            out.append((field_size(r, step, e), step, field_start(u, step, e - 1 - q)))
        return tuple(out)


class ConvTranspose1d(_ConvTranspose):
    """torch.nn.ConvTranspose1d: (N, C, L)."""

    __slots__ = ()
    axes = 1


class ConvTranspose2d(_ConvTranspose):
    """torch.nn.ConvTranspose2d: (N, C, H, W)."""

    __slots__ = ()
    axes = 2


class ConvTranspose3d(_ConvTranspose):
    """torch.nn.ConvTranspose3d: (N, C, D, H, W)."""

    __slots__ = ()
    axes = 3
