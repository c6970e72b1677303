"""Convolution: `Conv1d`, `Conv2d`, `Conv3d`, in torch's words.

One output cell a window: floor((n-e+p+s)/s) on each axis, e the dilated span, p = 2 padding (`formulas.window_count`).
The constructor looks at channels, groups, kernel and strings only; stride, padding and dilation it stores unseen, and
forward refuses them. A record keeps that apart: `windows` is None where forward will refuse whatever the input is.

Source: torch/nn/modules/conv.py; aten/src/ATen/native/Convolution.cpp (`check_shape_forward`).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, ClassVar

from shapecheck.diagnostics import ShapeError
from shapecheck.formulas import WINDOW_FITS, dilated, window_count
from shapecheck.layers import conv_arguments
from shapecheck.layers.base import LIMIT, Layer, Seen, Window, ntuple, product, quick, windowed_field
from shapecheck.layers.windows import check_image
from shapecheck.sizes import Dim, Shape

_set = object.__setattr__
window_fits = WINDOW_FITS.holds


def _plain(k: Any, s: Any, q: Any, d: Any) -> Window | None:
    """The window on an axis where all four are ints that torch takes; None where they need a closer look."""
    if (
        k.__class__ is s.__class__ is q.__class__ is d.__class__ is int
        and 0 < k < LIMIT and 0 < s < LIMIT and 0 <= q < LIMIT and 0 < d < LIMIT
    ):  # fmt: skip
        return dilated(k, d), 2 * q, q, s
    return None


@lru_cache(maxsize=1024)
def _square(axes: int, k: int, s: int, q: int, d: int) -> tuple[tuple[Window | None, ...], int]:
    """The windows where all axes are alike, and the cells of a kernel; for plain ints only: 1 and True stay apart."""
    return (_plain(k, s, q, d),) * axes, k**axes if k < LIMIT else 0


def _oblong(axes: int, *arguments: Any) -> tuple[tuple[Window | None, ...], int]:
    """The windows where the axes differ, and the cells of a kernel."""
    each = [ntuple(argument, axes) for argument in arguments]
    windows = tuple(map(_plain, *each)) if [*map(len, each)] == [axes] * 4 else (None,)
    return windows, 0 if None in windows else product(each[0])


@quick
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
        inward, outward, groups, axes = self.in_channels, self.out_channels, self.groups, self.axes
        if (
            groups.__class__ is outward.__class__ is int and 0 < outward < LIMIT and self.padding_mode == "zeros"
            and (inward is None or (inward.__class__ is int and 0 <= inward < LIMIT))
            and (groups == 1 or (groups > 1 and inward is not None and not outward % groups and not inward % groups))
        ):  # fmt: skip
            kernel, stride, padding, dilation = self.kernel_size, self.stride, self.padding, self.dilation
            if kernel.__class__ is stride.__class__ is padding.__class__ is dilation.__class__ is int:
                windows, cells = _square(axes, kernel, stride, padding, dilation)
            else:
                windows, cells = _oblong(axes, kernel, stride, padding, dilation)
            if None not in windows:
                _set_windows(self, windows)
                _set_cells(self, cells)
                return
        conv_arguments.construct(self)
        _set(self, "cells", product(conv_arguments.kernel_of(self)))
        try:
            _set(self, "windows", conv_arguments.windows(self, ()))
        except ShapeError:  # torch stores it and refuses it in forward: so does shape()
            _set(self, "windows", None)

    def shape(self, x: Shape) -> Shape:
        """(N, out_channels, *counts), or without N for an unbatched input."""
        axes, windows = self.axes, self.windows
        if windows is None or len(x) != axes + 2 or 0 in x or self.padding_mode != "zeros":
            windows = conv_arguments.check(self, x)
            # torch: no channels in, no channels out
            out: list[Dim] = [*x[: -axes - 1], self.out_channels if self.in_channels != 0 else 0]
        else:
            if x[1] != self.in_channels:
                conv_arguments.check_channels(self, x, x[1])
            out = [x[0], self.out_channels]
        last = count = window = None
        for n, each in zip(x[-axes:], windows):  # noqa: B905 - speed
            if n is not last or each is not window:  # a square is counted once; what is equal needs no telling
                span, padding, _, stride = each
                if not window_fits(n, span, padding):
                    raise conv_arguments.window_too_long(self, x, windows)
                last, window, count = n, each, window_count(n, span, padding, stride)
            out.append(count)  # type: ignore[arg-type]
        return tuple(out)

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


_slots: Any = _Conv
_set_windows, _set_cells = _slots.windows.__set__, _slots.cells.__set__


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
