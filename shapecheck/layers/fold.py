"""Sliding blocks as columns, and back: `Unfold`, `Fold`, in torch's words.

One column a window, counted as a convolution counts them (`formulas.window_count`); a column holds C * kernel cells.
Source: torch/nn/modules/fold.py; aten/src/ATen/native/im2col_shape_check.h.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from shapecheck.diagnostics import ShapeError
from shapecheck.formulas import WINDOW_FITS, dilated, window_count
from shapecheck.layers.arguments import divides
from shapecheck.layers.base import Layer, Seen, check_rank, ntuple, product, shape_text
from shapecheck.layers.refusal import refusal, value_text
from shapecheck.layers.windows import check_image, empty_input, read_ints, short
from shapecheck.sizes import Dim, Shape, can_equal

AXES = 2


class _Blocks(Layer):
    """What both share: windows on a picture's two axes."""

    __slots__ = ()

    kernel_size: Any
    dilation: Any
    padding: Any
    stride: Any

    def columns(self, x: Shape, sizes: tuple[Dim, ...]) -> tuple[Dim, tuple[int, ...]]:
        """How many windows a picture of these sizes has, and the kernel."""
        kernel = self.pair(x, "kernel_size", 1)
        dilation = self.pair(x, "dilation", 1)
        padding = self.pair(x, "padding", 0)
        stride = self.pair(x, "stride", 1)
        counts = []
        for n, k, d, q, s in zip(sizes, kernel, dilation, padding, stride, strict=True):
            e, p = dilated(k, d), 2 * q
            if not WINDOW_FITS.holds(n, e, p):
                raise self._too_long(x, kernel, sizes, n, e, p, s)
            counts.append(window_count(n, e, p, s))
        return product(counts), kernel

    def pair(self, x: Shape, name: str, least: int) -> tuple[int, ...]:
        """The argument on both axes; one entry alone does not stand for two here."""
        value = getattr(self, name)
        entries = ntuple(value, AXES)
        if len(entries) != AXES:
            text = f"{name} has {len(entries)} entries, it must be a whole number or a list of {AXES}"
            raise refusal(self, (x,), "SP309", text, name, mends=[{name: short((entries * AXES)[:AXES])}])
        return read_ints(self, (x,), name, entries, AXES, least=least)

    def _too_long(
        self, x: Shape, kernel: tuple[int, ...], sizes: tuple[Dim, ...], n: Dim, e: int, p: int, s: int
    ) -> ShapeError:
        shorter = tuple(min(k, m) if isinstance(m, int) else k for k, m in zip(kernel, sizes, strict=True))
        text = f"the window spans {e} cells, its {'padded ' if p else ''}picture has {n + p}"
        return refusal(
            self, (x,), "SP301", text, "kernel_size", mends=[{"kernel_size": short(shorter)}], n=n, k=e, p=p, s=s
        )

    def field(self, seen: Seen, inputs: tuple[Shape], output: Shape) -> Seen:
        """Not told: two axes become one, or one two."""
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Unfold(_Blocks):
    """torch.nn.Unfold: (N, C, H, W) -> (N, C * kernel cells, columns)."""

    formula: ClassVar[str] = "(N, C, H, W) -> (N, C kernel cells, number of windows)"

    kernel_size: Any
    dilation: Any = 1
    padding: Any = 0
    stride: Any = 1

    def shape(self, x: Shape) -> Shape:
        """(N, C * kernel cells, columns), or without N for an unbatched input."""
        check_image(self, x, AXES)
        if 0 in x[-AXES - 1 :]:
            raise empty_input(self, x, "only the batch may be empty")
        columns, kernel = self.columns(x, x[-AXES:])
        return (*x[: -AXES - 1], product((x[-AXES - 1], *kernel)), columns)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fold(_Blocks):
    """torch.nn.Fold: (N, C * kernel cells, columns) -> (N, C, *output_size); overlapping cells are added up."""

    formula: ClassVar[str] = "(N, C kernel cells, number of windows) -> (N, C, H, W)"

    output_size: Any
    kernel_size: Any
    dilation: Any = 1
    padding: Any = 0
    stride: Any = 1

    def shape(self, x: Shape) -> Shape:
        """(N, C, *output_size), or without N for an unbatched input."""
        check_rank(self, x, (2, 3), "(N, C * kernel cells, columns) or (C * kernel cells, columns)")
        if 0 in x[-2:]:
            raise empty_input(self, x, "only the batch may be empty")
        sizes = self.pair(x, "output_size", 1)
        columns, kernel = self.columns(x, sizes)
        cells = product(kernel)
        if not divides(cells, x[-2]):
            text = f"{x[-2]} rows do not make whole kernels of {value_text(kernel)}: {cells} must divide them"
            raise refusal(self, (x,), "SP314", text, "kernel_size", rows=x[-2], cells=cells)
        if not can_equal(x[-1], columns):
            text = (
                f"the input {shape_text(x)} has {x[-1]} columns, {columns} windows cover the output {value_text(sizes)}"
            )
            raise refusal(self, (x,), "SP303", text, "output_size", columns=x[-1], windows=columns)
        return (*x[:-2], x[-2] // cells, *sizes)
