"""Convolution: `Conv1d`, `Conv2d`, `Conv3d`, in torch's words.

One output cell a window: floor((n-e+p+s)/s) on each axis, e the dilated span, p = 2 padding (`formulas.window_count`).
The constructor looks at channels, groups, kernel and strings only; stride, padding and dilation it stores unseen, and forward
refuses them. A record keeps that apart: `windows` is None where forward will refuse whatever the input is.

Source: torch/nn/modules/conv.py; aten/src/ATen/native/Convolution.cpp (`check_shape_forward`).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

from shapecheck.diagnostics import ShapeError
from shapecheck.formulas import WINDOW_FITS, dilated, window_count
from shapecheck.layers import conv_arguments
from shapecheck.layers.base import LIMIT, Layer, Seen, Window, product, windowed_field
from shapecheck.layers.windows import check_image, counts_text
from shapecheck.sizes import Dim, Shape

_set = object.__setattr__
window_fits = WINDOW_FITS.holds


@dataclass(frozen=True, slots=True, kw_only=True)
class _Conv(Layer):
    """Field names and meanings are those of `torch.nn.Conv*d`; input (N, C, *spatial) or (C, *spatial)."""

    axes: ClassVar[int]
    inferred: ClassVar[tuple[str, ...]] = ("in_channels",)
    formula: ClassVar[str] = "floor((n + 2 padding - dilation (kernel_size - 1) - 1)/stride) + 1 on each axis"

    in_channels: int | None = None
    out_channels: int
    kernel_size: Any
    stride: Any = 1
    padding: Any = 0
    dilation: Any = 1
    groups: int = 1
    bias: bool = True
    padding_mode: str = "zeros"
    windows: tuple[Window, ...] | None = field(init=False, repr=False, compare=False)
    cells: int = field(init=False, repr=False, compare=False)  # of one kernel

    def __post_init__(self) -> None:
        kernel, stride, padding, dilation = self.kernel_size, self.stride, self.padding, self.dilation
        inward, outward, groups = self.in_channels, self.out_channels, self.groups
        if (
            type(kernel) is type(stride) is type(padding) is type(dilation) is type(groups) is type(outward) is int
            and 0 < kernel < LIMIT and 0 < stride < LIMIT and 0 <= padding < LIMIT and 0 < dilation < LIMIT
            and self.padding_mode == "zeros"
            and (inward is None or (type(inward) is int and 0 <= inward < LIMIT))
            and 0 < outward < LIMIT
            and (groups == 1 or (groups > 1 and inward is not None and not outward % groups and not inward % groups))
        ):  # fmt: skip
            axes = self.axes
            _set(self, "windows", ((dilated(kernel, dilation), 2 * padding, padding, stride),) * axes)
            _set(self, "cells", kernel**axes)
            return
        conv_arguments.construct(self)
        _set(self, "cells", product(conv_arguments.kernel_of(self)))
        try:
            _set(self, "windows", conv_arguments.windows(self, ()))
        except ShapeError:  # torch stores it and refuses it in forward: so does shape()
            _set(self, "windows", None)

    def shape(self, x: Shape) -> Shape:
        """(N, out_channels, *counts), or without N for an unbatched input."""
        windows = self.windows
        if windows is None or len(x) != self.axes + 2 or 0 in x or self.padding_mode != "zeros":
            windows = conv_arguments.check(self, x)
        elif x[1] != self.in_channels:
            conv_arguments.check_channels(self, x, x[1])
        return self.counts(x, windows)

    def counts(self, x: Shape, windows: tuple[Window, ...]) -> Shape:
        """The output shape of an input that is known to have the right rank and channels."""
        axes = self.axes
        out: list[Dim] = []
        for n, (span, padding, _, stride) in zip(x[-axes:], windows):  # noqa: B905 - speed
            if not window_fits(n, span, padding):
                raise conv_arguments.window_too_long(self, x, windows)
            out.append(window_count(n, span, padding, stride))
        # torch: no channels in, no channels out
        return (*x[: -axes - 1], self.out_channels if self.in_channels != 0 else 0, *out)

    def infer_arguments(self, x: Shape) -> dict[str, Any]:
        """in_channels, from the input."""
        check_image(self, x, self.axes)
        return {"in_channels": x[-self.axes - 1]}

    def params(self) -> int:
        """out * (in/groups) * kernel cells, and out biases."""
        weights = self.out_channels * (self.in_channels // self.groups) * self.cells  # type: ignore[operator]
        return weights + self.out_channels if self.bias else weights

    def macs(self, inputs: tuple[Shape], output: Shape) -> Dim:
        """Every output cell reads (in/groups) * kernel cells; padded zeros are multiplied like other cells."""
        return product(output, self.in_channels // self.groups * self.cells)  # type: ignore[operator]

    def field(self, seen: Seen, inputs: tuple[Shape], output: Shape) -> Seen:
        """A window's step: r + (e-1) j, j s, u - q j."""
        return windowed_field(seen, self.windows)  # type: ignore[arg-type]

    def numbers(self, inputs: tuple[Shape], output: Shape) -> str:
        """The window count with the numbers put in."""
        return counts_text(inputs[0], self.windows, output)  # type: ignore[arg-type]


class Conv1d(_Conv):
    """torch.nn.Conv1d: (N, C, L)."""

    __slots__ = ()
    axes = 1


class Conv2d(_Conv):
    """torch.nn.Conv2d: (N, C, H, W)."""

    __slots__ = ()
    axes = 2


class Conv3d(_Conv):
    """torch.nn.Conv3d: (N, C, D, H, W)."""

    __slots__ = ()
    axes = 3
