"""Layers of several inputs: sums and products with broadcasting, concatenation.

Source: torch.broadcast_shapes; torch.cat (aten/src/ATen/native/TensorShape.cpp).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from shapecheck.diagnostics import forward_error
from shapecheck.layers.base import Layer, shape_text
from shapecheck.sizes import Dim, Shape, can_equal


def broadcast(*shapes: Shape) -> Shape:
    """The shape torch's broadcasting gives; a ShapeError where two sizes differ and neither is 1.

    >>> broadcast((2, 1, 5), (3, 1))
    (2, 3, 5)
    """
    result = shapes[0]
    for other in shapes[1:]:
        if other == result:
            continue
        rank = max(len(result), len(other))
        one, two = (1,) * (rank - len(result)) + result, (1,) * (rank - len(other)) + other
        result = tuple(_common(a, b, axis - rank, one, two) for axis, (a, b) in enumerate(zip(one, two, strict=True)))
    return result


def _common(a: Dim, b: Dim, dim: int, one: Shape, two: Shape) -> Dim:
    if a == b or b == 1:
        return a
    if a == 1:
        return b
    if can_equal(a, b):
        return a if isinstance(a, int) else b
    raise forward_error(
        "SP305", f"the inputs {shape_text(one)} and {shape_text(two)} differ at dimension {dim}: {a} and {b}",
        a=a, b=b, dim=dim,
    )  # fmt: skip


class _Pointwise(Layer):
    __slots__ = ()
    inputs: ClassVar[tuple[int, int | None]] = (2, None)

    def shape(self, *inputs: Shape) -> Shape:
        """The broadcast of all inputs."""
        return broadcast(*inputs)


@dataclass(frozen=True, slots=True, kw_only=True)
class Add(_Pointwise):
    """torch.add: the sum of its inputs, broadcast."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mul(_Pointwise):
    """torch.mul: the product of its inputs, broadcast."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Concat(Layer):
    """torch.cat: its inputs one behind the other along `dim`."""

    inputs: ClassVar[tuple[int, int | None]] = (1, None)

    dim: int = 0

    def shape(self, *inputs: Shape) -> Shape:
        """The sizes along dim added, the others alike."""
        first = inputs[0]
        rank = len(first)
        if not -rank <= self.dim < rank:
            raise forward_error("SP304", f"dim is {self.dim}, the inputs have {rank} dimensions", argument="dim", rank=rank)
        dim = self.dim % rank
        total: Dim = 0
        for other in inputs:
            if len(other) != rank or any(i != dim and not can_equal(a, b) for i, (a, b) in enumerate(zip(first, other, strict=True))):
                raise forward_error("SP306", f"the inputs {shape_text(first)} and {shape_text(other)} differ outside dim {dim}")
            total = total + other[dim]
        return (*first[:dim], total, *first[dim + 1 :])
