"""Activations that look along one axis: `Softmax`, `LogSoftmax`, `Softmin`, `Softmax2d`, and `GLU`, which halves it.

Source: torch/nn/modules/activation.py; aten/src/ATen/native/SoftMax.cpp, GatedLinearUnit.cpp.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from shapecheck.diagnostics import ShapeError, forward_error
from shapecheck.layers.arguments import argument_error, divides, is_integer
from shapecheck.layers.base import Layer, Seen, check_rank
from shapecheck.layers.dims import wrap
from shapecheck.layers.refusal import refusal
from shapecheck.sizes import Shape


def is_spatial(dim: int, rank: int, seen: Seen) -> bool:
    """Whether that axis is one on which receptive fields are counted: batch and channels come before them.

    Before the first window the axes are not yet known: then those after (N, C), and the last where there are no others.
    """
    if seen:
        return dim >= rank - len(seen)
    return dim >= min(2, rank - 1)


def axis(dim: Any, rank: int, nominal: Shape | None = None) -> int:
    """The dimension counted from the front; a ShapeError where dim is none of the input's."""
    if not is_integer(dim):
        raise argument_error("dim", dim, "a whole number", hint="dim: -1", nominal=nominal)
    try:
        return wrap(dim, rank)
    except ShapeError as error:
        error.nominal = nominal
        raise


@dataclass(frozen=True, slots=True, kw_only=True)
class Softmax(Layer):
    """torch.nn.Softmax: (*) -> (*), each line along `dim` adding up to 1."""

    dim: Any = None

    def shape(self, x: Shape) -> Shape:
        """The input's."""
        dim = self.dim
        if dim is not None and not (type(dim) is int and -len(x) <= dim < len(x)):
            axis(dim, len(x), x)
        return x

    def field(self, seen: Seen, inputs: tuple[Shape], output: Shape) -> Seen:
        """Global along a spatial axis, unchanged along channels."""
        rank = len(output)
        dim = (0 if rank in (0, 1, 3) else 1) if self.dim is None else self.dim % max(rank, 1)
        return None if is_spatial(dim, rank, seen) else seen


class LogSoftmax(Softmax):
    """torch.nn.LogSoftmax: (*) -> (*)."""

    __slots__ = ()


class Softmin(Softmax):
    """torch.nn.Softmin: (*) -> (*)."""

    __slots__ = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Softmax2d(Layer):
    """torch.nn.Softmax2d: (N, C, H, W) -> (N, C, H, W), the channels of each pixel adding up to 1."""

    def shape(self, x: Shape) -> Shape:
        """The input's."""
        if len(x) != 4:
            check_rank(self, x, (3, 4), "(N, C, H, W) or (C, H, W)")
        return x


@dataclass(frozen=True, slots=True, kw_only=True)
class GLU(Layer):
    """torch.nn.GLU: (*, 2 n, *) -> (*, n, *), the first half gated by the second."""

    formula: ClassVar[str] = "n/2 along dim"

    dim: Any = -1

    def shape(self, x: Shape) -> Shape:
        """The size along dim halved."""
        if not x:
            raise forward_error("SP302", "the input has no dimensions, there is nothing to halve", rank=0)
        dim = axis(self.dim, len(x))
        if not divides(2, x[dim]):
            raise refusal(
                self,
                (x,),
                "SP314",
                f"GLU halves dimension {dim}, whose size is {x[dim]}: it must be even",
                "dim",
                mends=({"dim": other} for other in range(len(x))),
                nominal=(*x[:dim], x[dim] // 2, *x[dim + 1 :]),
                n=x[dim],
            )
        return (*x[:dim], x[dim] // 2, *x[dim + 1 :])

    def field(self, seen: Seen, inputs: tuple[Shape], output: Shape) -> Seen:
        """Global along a spatial axis: the halves lie far apart; unchanged along channels."""
        rank = len(output)
        return None if is_spatial(self.dim % rank, rank, seen) else seen
