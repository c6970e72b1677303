"""Max unpooling, `MaxUnpool1d`, `MaxUnpool2d`, `MaxUnpool3d`, in torch's words: values go back to where they came from.

The usual output size is (n-1)s - p + k (`formulas.transposed_size`); forward's output_size may ask for less than a
stride more or less. Indices are taken to be in range.
Source: torch/nn/modules/pooling.py; torch/nn/functional.py (`_unpool_output_size`);
aten/src/ATen/native/MaxUnpooling.cpp.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from shapecheck.formulas import UNPOOL_SIZE, transposed_size
from shapecheck.layers.base import LIMIT, Layer, Seen, ntuple, shape_text
from shapecheck.layers.refusal import refusal, value_text
from shapecheck.layers.windows import LAYOUT, check_image, countable, empty_input, read_ints
from shapecheck.sizes import Dim, Shape, can_equal


@dataclass(frozen=True, slots=True, kw_only=True)
class _MaxUnpool(Layer):
    """Field names and meanings are those of `torch.nn.MaxUnpool*d` and its forward's; inputs: values and indices."""

    axes: ClassVar[int]
    inputs: ClassVar[tuple[int, int | None]] = (2, 2)
    forward: ClassVar[tuple[str, ...]] = ("output_size",)
    formula: ClassVar[str] = "(n - 1) stride - 2 padding + kernel_size on each axis"

    kernel_size: Any
    stride: Any = None
    padding: Any = 0
    output_size: Any = None

    def shape(self, x: Shape, indices: Shape) -> Shape:
        """(N, C, *sizes), or without N for an unbatched input."""
        axes, both = self.axes, (x, indices)
        check_image(self, x, axes)
        usual, strides = self._usual(both)
        sizes = usual if self.output_size is None else self._asked(both, usual, strides)
        if len(x) != len(indices) or not all(map(can_equal, x, indices)):
            text = f"the indices have the shape {shape_text(indices)}, the values {shape_text(x)}: they must be alike"
            raise refusal(self, both, "SP303", text, values=x, indices=indices)
        if 0 in x[1:]:
            raise empty_input(self, x, "only the batch may be empty")
        for o in sizes:
            if isinstance(o, float) or not (o >= 0 and o < LIMIT):
                text = f"the output would have {o} cells on an axis"
                mends = [{"padding": 0}, {"kernel_size": 2}]
                raise refusal(self, both, "SP312", text, "padding", mends=mends, output=sizes)
        return countable(self, both, x[:-axes] + sizes)

    def _usual(self, both: tuple[Shape, ...]) -> tuple[tuple[Dim, ...], tuple[int, ...]]:
        """The size without output_size, and the stride, on each axis."""
        axes = self.axes
        kernel = self._entries(both, "kernel_size", self.kernel_size)
        stride = self._entries(both, "stride", self.kernel_size if self.stride is None else self.stride)
        padding = self._entries(both, "padding", self.padding)
        x = both[0]
        sizes = (
            transposed_size(n, k, 2 * q, s, 0) for n, k, q, s in zip(x[-axes:], kernel, padding, stride, strict=True)
        )
        return tuple(sizes), stride

    def _entries(self, both: tuple[Shape, ...], name: str, value: Any) -> tuple[int, ...]:
        """The argument an axis: torch computes with it in Python, where True is 1; in 3-D C++ sees it too."""
        axes, entries = self.axes, ntuple(value, self.axes)
        if axes == 3 and name != "kernel_size" and len(entries) == axes:
            return read_ints(self, both, name, entries, axes, least=1 if name == "stride" else -LIMIT)
        short = len(entries) < axes or (len(entries) > axes and (axes == 3 or name == "kernel_size"))
        if short or not all(isinstance(entry, (int, float)) for entry in entries[:axes]):
            text = f"{name} is {value!r}, it must be a whole number or a list of {axes}"
            raise refusal(self, both, "SP309", text, name, mends=[{name: None if name == "stride" else 2}])
        return entries[:axes]

    def _asked(self, both: tuple[Shape, ...], usual: tuple[Dim, ...], strides: tuple[int, ...]) -> tuple[Dim, ...]:
        """The sizes asked for by output_size, if they can be had."""
        axes, asked = self.axes, self.output_size
        if isinstance(asked, (tuple, list)) and len(asked) == axes + 2:
            asked = asked[2:]
        if not isinstance(asked, (tuple, list)) or len(asked) != axes or not all(isinstance(o, int) for o in asked):
            text = f"output_size is {self.output_size!r}, it must be a list of {axes} whole numbers ({LAYOUT[axes]})"
            raise refusal(self, both, "SP318", text, "output_size", mends=[{"output_size": usual}])
        for o, size, s in zip(asked, usual, strides, strict=True):
            if not UNPOOL_SIZE.holds(o, size, s):
                text = (
                    f"output_size is {value_text(asked)}, on an axis {o} is not from {size - s + 1} to {size + s - 1}"
                )
                raise refusal(
                    self, both, "SP318", text, "output_size", mends=[{"output_size": usual}], asked=o, usual=size, s=s
                )
        return tuple(map(int, asked))

    def field(self, seen: Seen, inputs: tuple[Shape, Shape], output: Shape) -> Seen:
        """Global: the indices may send any input cell anywhere."""
        return None


class MaxUnpool1d(_MaxUnpool):
    """torch.nn.MaxUnpool1d: (N, C, L)."""

    __slots__ = ()
    axes = 1


class MaxUnpool2d(_MaxUnpool):
    """torch.nn.MaxUnpool2d: (N, C, H, W)."""

    __slots__ = ()
    axes = 2


class MaxUnpool3d(_MaxUnpool):
    """torch.nn.MaxUnpool3d: (N, C, D, H, W)."""

    __slots__ = ()
    axes = 3
