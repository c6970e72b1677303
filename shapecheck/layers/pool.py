"""Pooling by windows: what all such pools share, and `MaxPool1d`, `MaxPool2d`, `MaxPool3d`, in torch's words.

As many windows as a convolution has, the stride being the window unless given; in ceil mode the last may overhang
(`formulas.ceil_window_count`). The constructor looks at nothing, every refusal is forward's: `windows` is None where
forward will refuse whatever the input is.
Source: torch/nn/modules/pooling.py; aten/src/ATen/native/Pool.h (`pool2d_shape_check`, `pooling_output_shape`).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

from shapecheck.diagnostics import ShapeError, only_words
from shapecheck.formulas import (
    HALF_PADDING,
    SOME_WINDOW,
    WINDOW_FITS,
    Condition,
    ceil_window_count,
    dilated,
    window_count,
)
from shapecheck.layers.base import LIMIT, Layer, Seen, Window, windowed_field
from shapecheck.layers.refusal import refusal, value_text
from shapecheck.layers.windows import check_image, empty_input, fitting, int_list, read_ints, short
from shapecheck.sizes import Dim, Shape

_set = object.__setattr__
window_fits = WINDOW_FITS.holds
some_window = SOME_WINDOW.holds
INT32 = 2**31  # torch's pooling kernels count in 32 bits


class Pool(Layer):
    """What all pools share; input (N, C, *spatial) or (C, *spatial), the channels stay."""

    __slots__ = ()

    axes: ClassVar[int]
    inside: ClassVar[Condition | None] = None  # where the window may not be longer than the bare input either
    lists: ClassVar[bool] = False  # whether the constructor makes a tuple of what it is given, a string's letters too
    windows: tuple[Window, ...] | None
    kernel_size: Any
    stride: Any
    ceil_mode: bool

    def __post_init__(self) -> None:
        try:
            _set(self, "windows", self.read(()))
        except ShapeError:  # torch stores it and refuses it in forward: so does shape()
            _set(self, "windows", None)

    def read(self, inputs: tuple[Shape, ...]) -> tuple[Window, ...]:
        """The window on each axis; a forward error where torch refuses the arguments whatever the input is."""
        raise NotImplementedError

    def counts(self, x: Shape) -> Shape:
        """The output shape."""
        axes, windows = self.axes, self.windows
        if windows is None:
            windows = self.read((x,))
        if len(x) != axes + 2:
            check_image(self, x, axes)
        if 0 in x[-axes - 1 :]:
            raise empty_input(self, x, "only the batch may be empty")
        ceil = self.ceil_mode
        out: list[Dim] = []
        for n, (span, padding, before, stride) in zip(x[-axes:], windows):  # noqa: B905 - speed
            if ceil:
                count = ceil_window_count(n, span, before, stride)
                fits = some_window(count)
            elif fits := window_fits(n, span, padding):
                count = window_count(n, span, padding, stride)
            if not fits or (self.inside and self.must_fit_inside() and not self.inside.holds(n, span)):
                raise self._too_long(x, n, (span, padding, before, stride))
            out.append(count)
        return (*x[:-axes], *out)

    def must_fit_inside(self) -> bool:
        """Whether the window may not be longer than the bare input."""
        return self.inside is not None

    @only_words
    def _too_long(self, x: Shape, n: Dim, window: Window) -> ShapeError:
        span, padding, _, stride = window
        axes, sizes = self.axes, x[-self.axes :]
        kernel = int_list(self.kernel_size, axes) or ()
        dilation = int_list(getattr(self, "dilation", 1), axes) or ()
        mends: list[dict[str, Any]] = [{"kernel_size": fitting(kernel, dilation, sizes)}]
        if hasattr(self, "padding"):
            mends = [{"padding": short([k // 2 for k in kernel])}, *mends, {**mends[0], "padding": 0}]
        inside = self.must_fit_inside()
        cells = n if inside else n + padding
        text = f"the window spans {span} cells, its {'' if inside or not padding else 'padded '}input has {cells}"
        return refusal(self, (x,), "SP301", text, "kernel_size", mends=mends, n=n, k=span, p=padding, s=stride)

    def shape(self, x: Shape) -> Any:
        """(N, C, *counts), or without N for an unbatched input."""
        return self.counts(x)

    def field(self, seen: Seen, inputs: tuple[Shape], output: Any) -> Seen:
        """A window's step, as for a convolution."""
        return windowed_field(seen, self.windows)  # type: ignore[arg-type]

    def standing(self, inputs: tuple[Shape, ...], padding: Any, dilation: Any) -> tuple[Window, ...]:
        """The window on each axis, kernel_size standing for the stride where there is none."""
        kernel, stride = self.kernel_size, self.stride
        if stride is None or stride == () or stride == [] or (self.lists and stride == ""):
            stride = kernel
        if (
            type(kernel) is type(stride) is type(padding) is type(dilation) is int
            and 0 < kernel < INT32 and 0 < stride < INT32 and 0 <= padding <= kernel // 2 and 0 < dilation < INT32
        ):  # fmt: skip
            return ((dilated(kernel, dilation), 2 * padding, padding, stride),) * self.axes
        axes, most = self.axes, self.most()
        kernel = read_ints(self, inputs, "kernel_size", kernel, axes, least=1, most=most)
        stride = read_ints(self, inputs, "stride", stride, axes, least=1, most=most)
        padding = read_ints(self, inputs, "padding", padding, axes, least=0, most=most)
        dilation = read_ints(self, inputs, "dilation", dilation, axes, least=1, most=most)
        if not all(map(HALF_PADDING.holds, kernel, padding)):
            half = tuple(min(k // 2, q) for k, q in zip(kernel, padding, strict=True))
            text = f"padding {value_text(padding)} is more than half the window {value_text(kernel)}"
            raise refusal(
                self,
                inputs,
                "SP311",
                text,
                "padding",
                mends=[{"padding": short(half)}],
                padding=padding,
                kernel_size=kernel,
            )
        return tuple((dilated(k, d), 2 * q, q, s) for k, d, q, s in zip(kernel, dilation, padding, stride, strict=True))

    def most(self) -> int:
        """The largest number torch takes as an argument."""
        return INT32 - 1

    def check_flag(self, inputs: tuple[Shape, ...], name: str) -> None:
        """Refuse what C++ does not take for a bool."""
        flag = getattr(self, name)
        if type(flag) is not bool:
            mends = [{name: bool(flag)}]
            raise refusal(self, inputs, "SP309", f"{name} is {flag!r}, it must be true or false", name, mends=mends)


@dataclass(frozen=True, slots=True, kw_only=True)
class _MaxPool(Pool):
    """Field names and meanings are those of `torch.nn.MaxPool*d`; with return_indices two shapes, not one."""

    formula: ClassVar[str] = "floor((n + 2 padding - dilation (kernel_size - 1) - 1)/stride) + 1 on each axis"

    kernel_size: Any
    stride: Any = None
    padding: Any = 0
    dilation: Any = 1
    return_indices: bool = False
    ceil_mode: bool = False
    windows: tuple[Window, ...] | None = field(init=False, repr=False, compare=False)

    def read(self, inputs: tuple[Shape, ...]) -> tuple[Window, ...]:
        """The window on each axis."""
        self.check_flag(inputs, "ceil_mode")
        return self.standing(inputs, self.padding, self.dilation)

    def shape(self, x: Shape) -> Any:
        """(N, C, *counts); twice where the indices are asked for."""
        out = self.counts(x)
        return (out, out) if self.return_indices else out


class MaxPool1d(_MaxPool):
    """torch.nn.MaxPool1d: (N, C, L)."""

    __slots__ = ()
    axes = 1

    def most(self) -> int:
        """The largest number torch takes as an argument: alone among the pools it counts in 64 bits."""
        return INT32 - 1 if self.return_indices else LIMIT - 1


class MaxPool2d(_MaxPool):
    """torch.nn.MaxPool2d: (N, C, H, W)."""

    __slots__ = ()
    axes = 2


class MaxPool3d(_MaxPool):
    """torch.nn.MaxPool3d: (N, C, D, H, W)."""

    __slots__ = ()
    axes = 3
