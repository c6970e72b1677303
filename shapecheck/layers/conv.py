"""Convolution: `Conv1d`, `Conv2d`, `Conv3d`, in torch's words.

One output cell a window: floor((n-e+p+s)/s) on each axis, e the dilated span, p = 2 padding (`formulas.window_count`).
Source: torch/nn/modules/conv.py; aten/src/ATen/native/Convolution.cpp (`check_shape_forward`).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

from shapecheck.diagnostics import construct_error, forward_error
from shapecheck.formulas import WINDOW_FITS, dilated, same_padding, window_count
from shapecheck.layers.base import (
    Layer,
    Seen,
    Window,
    check_equal,
    check_rank,
    ntuple,
    product,
    windowed_field,
)
from shapecheck.sizes import Dim, Shape

_set = object.__setattr__
window_fits = WINDOW_FITS.holds
AXIS_NAMES = {1: ("length",), 2: ("height", "width"), 3: ("depth", "height", "width")}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Conv(Layer):
    """Field names and meanings are those of `torch.nn.Conv*d`; input (N, C, *spatial) or (C, *spatial)."""

    axes: ClassVar[int]
    inferred: ClassVar[tuple[str, ...]] = ("in_channels",)
    formula: ClassVar[str] = "floor((n - d(k-1) - 1 + 2 padding)/s) + 1 on each axis"

    in_channels: int | None = None
    out_channels: int
    kernel_size: Any
    stride: Any = 1
    padding: Any = 0
    dilation: Any = 1
    groups: int = 1
    bias: bool = True
    padding_mode: str = "zeros"
    windows: tuple[Window, ...] = field(init=False, repr=False, compare=False)
    cells: int = field(init=False, repr=False, compare=False)  # of one kernel

    def __post_init__(self) -> None:
        if self.groups <= 0:
            raise construct_error("SP203", "groups must be 1 or more", argument="groups", groups=self.groups)
        if self.in_channels is not None and self.in_channels % self.groups:
            self._refuse_groups("in_channels", self.in_channels)
        if self.out_channels % self.groups:
            self._refuse_groups("out_channels", self.out_channels)
        windows, cells = self._windows()
        _set(self, "windows", windows)
        _set(self, "cells", cells)

    def _windows(self) -> tuple[tuple[Window, ...], int]:
        """The window on each axis, and the cells of one kernel; one number for all axes is worked out once."""
        axes, kernel, stride, padding, dilation = self.axes, self.kernel_size, self.stride, self.padding, self.dilation
        if type(kernel) is int and type(stride) is int and type(padding) is int and type(dilation) is int:
            return ((dilated(kernel, dilation), 2 * padding, padding, stride),) * axes, kernel**axes
        kernel, stride, dilation = ntuple(kernel, axes), ntuple(stride, axes), ntuple(dilation, axes)
        totals = self._padding(kernel, dilation, stride)
        windows = [(dilated(k, d), p, q, s) for k, d, (p, q), s in zip(kernel, dilation, totals, stride, strict=True)]
        return tuple(windows), product(kernel)

    def _padding(self, kernel: Any, dilation: Any, stride: Any) -> list[tuple[int, int]]:
        """(total, before) an axis."""
        if self.padding == "valid":
            return [(0, 0)] * self.axes
        if self.padding == "same":
            if any(s != 1 for s in stride):
                raise construct_error("SP204", "padding='same' wants stride 1", argument="padding", stride=stride)
            totals = [same_padding(k, d) for k, d in zip(kernel, dilation, strict=True)]
            return [(p, p // 2) for p in totals]
        return [(2 * q, q) for q in ntuple(self.padding, self.axes)]

    def _refuse_groups(self, name: str, channels: int) -> None:
        raise construct_error(
            "SP203", f"groups (= {self.groups}) must divide {name} (= {channels})", argument="groups",
            groups=self.groups, **{name: channels},
        )  # fmt: skip

    def shape(self, x: Shape) -> Shape:
        """(N, out_channels, *counts), or without N for an unbatched input."""
        axes = self.axes
        if len(x) != axes + 2:
            check_rank(self, x, (axes + 1, axes + 2), "(N, C, ...) or (C, ...)")
        channels = x[-axes - 1]
        if channels != self.in_channels:
            check_equal(
                "SP303", "in_channels", self.in_channels, channels,
                f"in_channels is {self.in_channels}, the input has {channels} channels", nominal=self._counts(x),
            )  # fmt: skip
        return self._counts(x)

    def _counts(self, x: Shape) -> Shape:
        axes = self.axes
        out: list[Dim] = []
        for n, (span, padding, _, stride) in zip(x[-axes:], self.windows):  # noqa: B905 - speed
            if not window_fits(n, span, padding):
                self._refuse_window(n, span, padding, stride)
            out.append(window_count(n, span, padding, stride))
        return (*x[: -axes - 1], self.out_channels, *out)

    def _refuse_window(self, n: Dim, e: int, p: int, s: int) -> None:
        raise forward_error(
            "SP301", f"the window spans {e} cells, its padded input has {n + p}", argument="kernel_size",
            hint=f"padding: {-(-(e - n) // 2)} fits", n=n, k=e, p=p, s=s,
        )  # fmt: skip

    def infer_arguments(self, x: Shape) -> dict[str, Any]:
        """in_channels, from the input."""
        check_rank(self, x, (self.axes + 1, self.axes + 2), "(N, C, ...) or (C, ...)")
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
        return windowed_field(seen, self.windows)


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
