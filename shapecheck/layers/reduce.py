"""Mean and Sum over dimensions.

Source: torch.mean, torch.sum (aten/src/ATen/native/ReduceOps.cpp).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from shapecheck.diagnostics import forward_error
from shapecheck.layers.base import Layer, Seen
from shapecheck.layers.dims import spatial, wrap_all
from shapecheck.sizes import Shape


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reduction(Layer):
    formula: ClassVar[str] = "the dimensions in dim dropped, or 1 with keepdim; all of them without dim"

    dim: Any = None
    keepdim: bool = False

    def reduced(self, rank: int) -> list[int]:
        """The dimensions that are reduced; none named means all."""
        dims = [] if self.dim is None else wrap_all(self.dim, rank)
        return dims or list(range(rank))

    def shape(self, x: Shape) -> Shape:
        """The sizes that stay, with keepdim a 1 for each that goes."""
        if type(self.keepdim) is not bool:
            raise forward_error(
                "SP309", f"keepdim is {self.keepdim!r}: it must be true or false", argument="keepdim",
                hint=f"keepdim: {'true' if self.keepdim else 'false'}",
            )  # fmt: skip
        gone = self.reduced(len(x))
        if self.keepdim:
            return tuple([1 if dim in gone else size for dim, size in enumerate(x)])
        return tuple([size for dim, size in enumerate(x) if dim not in gone])

    def field(self, seen: Seen, inputs: tuple[Shape], output: Shape) -> Seen:
        """None where a spatial axis is reduced, or where the channels no longer stand before the axes."""
        if seen is None:
            return None
        rank = len(inputs[0])
        axes, gone = spatial(seen, rank), self.reduced(rank)
        return axes if max(gone, default=-1) < rank - len(axes) else None


class Mean(_Reduction):
    """torch.mean: the mean over the dimensions in dim."""

    __slots__ = ()


class Sum(_Reduction):
    """torch.sum: the sum over the dimensions in dim."""

    __slots__ = ()
