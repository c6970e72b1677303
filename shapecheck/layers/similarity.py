"""How alike two tensors are along a dimension: `CosineSimilarity`, `PairwiseDistance`.

Source: torch/nn/modules/distance.py; aten/src/ATen/native/Distance.cpp.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from shapecheck.diagnostics import forward_error
from shapecheck.layers.arguments import argument_error, is_real
from shapecheck.layers.base import Layer, Seen
from shapecheck.layers.merge import broadcast
from shapecheck.layers.softmax import axis, is_spatial
from shapecheck.sizes import Shape


@dataclass(frozen=True, slots=True, kw_only=True)
class CosineSimilarity(Layer):
    """torch.nn.CosineSimilarity: two inputs, broadcast, without the dimension `dim`."""

    inputs: ClassVar[tuple[int, int | None]] = (2, 2)
    formula: ClassVar[str] = "the inputs broadcast, dim gone"

    dim: Any = 1
    eps: Any = 1e-8

    def shape(self, x1: Shape, x2: Shape) -> Shape:
        """The broadcast of both, without dim."""
        common = broadcast(x1, x2)
        dim = axis(self.dim, len(common))
        output = (*common[:dim], *common[dim + 1 :])
        if not (is_real(self.eps) and self.eps >= 0):
            raise argument_error("eps", self.eps, "a number of 0 or more", hint="eps: 1e-8", nominal=output)
        return output

    def field(self, seen: Seen, inputs: tuple[Shape, Shape], output: Shape) -> Seen:
        """Global along a spatial axis, unchanged along channels."""
        rank = len(output) + 1
        return None if is_spatial(self.dim % rank, rank, seen) else seen


@dataclass(frozen=True, slots=True, kw_only=True)
class PairwiseDistance(Layer):
    """torch.nn.PairwiseDistance: two inputs, broadcast, without the last dimension (or with a 1 for it)."""

    inputs: ClassVar[tuple[int, int | None]] = (2, 2)
    formula: ClassVar[str] = "the inputs broadcast, the last dimension gone"

    p: Any = 2.0
    eps: Any = 1e-6
    keepdim: Any = False

    def shape(self, x1: Shape, x2: Shape) -> Shape:
        """The broadcast of both, without the last dimension."""
        common = broadcast(x1, x2)
        output = (*common[:-1], 1) if self.keepdim and common else common[:-1]
        for argument in ("p", "eps"):
            if not is_real(getattr(self, argument)):
                raise argument_error(argument, getattr(self, argument), "a number", nominal=output)
        if type(self.keepdim) is not bool:
            raise argument_error("keepdim", self.keepdim, "true or false", hint="keepdim: false", nominal=output)
        if common and common[-1] == 0 and (self.p < 0 or self.p == float("inf")):
            raise forward_error(
                "SP313", "the last dimension is empty: it has no greatest distance", argument="p", nominal=output
            )
        return output

    def field(self, seen: Seen, inputs: tuple[Shape, Shape], output: Shape) -> Seen:
        """Global: the last axis is read whole."""
        return None
