"""Flatten and Unflatten: several dimensions become one, one becomes several; the cells stay.

Source: torch/nn/modules/flatten.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from shapecheck.diagnostics import construct_error, forward_error
from shapecheck.layers.base import Layer, Seen, product
from shapecheck.layers.dims import fill, whole_numbers, wrap
from shapecheck.sizes import Shape


@dataclass(frozen=True, slots=True, kw_only=True)
class Flatten(Layer):
    """torch.nn.Flatten: dimensions start_dim to end_dim become one."""

    formula: ClassVar[str] = "the product of the dimensions start_dim to end_dim"

    start_dim: int = 1
    end_dim: int = -1

    def shape(self, x: Shape) -> Shape:
        """The dimensions from start_dim to end_dim as their product."""
        rank = len(x)
        start, stop = wrap(self.start_dim, rank, "start_dim"), wrap(self.end_dim, rank, "end_dim")
        if start > stop:
            raise forward_error(
                "SP304", f"start_dim ({start}) comes after end_dim ({stop})", argument="start_dim",
                hint=f"start_dim: {stop}", start=start, end=stop,
            )  # fmt: skip
        return (*x[:start], product(x[start : stop + 1]), *x[stop + 1 :])

    def field(self, seen: Seen, inputs: tuple[Shape], output: Shape) -> Seen:
        """None: the axes are gone, unless nothing was flattened."""
        return seen if output == inputs[0] else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Unflatten(Layer):
    """torch.nn.Unflatten: dimension dim becomes several, one of which may be -1."""

    shape_argument: ClassVar[str] = "unflattened_size"
    formula: ClassVar[str] = "dimension dim split into unflattened_size, -1 being what is left"

    dim: int
    unflattened_size: Any

    def __post_init__(self) -> None:
        sizes = self.unflattened_size
        if not isinstance(sizes, (tuple, list)) or not all(isinstance(size, int) for size in sizes):
            raise construct_error(
                "SP201",
                f"unflattened_size is {sizes!r}: it must be a list of whole numbers",
                argument="unflattened_size",
            )

    def shape(self, x: Shape) -> Shape:
        """The sizes in the place of dimension dim."""
        dim = wrap(self.dim, len(x))
        sizes = whole_numbers(self.unflattened_size, "unflattened_size")
        if not sizes or not x:
            raise forward_error("SP309", "unflattened_size and the input need a dimension at least", argument="dim")
        return (*x[:dim], *fill(sizes, x[dim], x[dim : dim + 1], "unflattened_size", batch=False), *x[dim + 1 :])

    def field(self, seen: Seen, inputs: tuple[Shape], output: Shape) -> Seen:
        """None: the axes are others now, unless nothing was split."""
        return seen if output == inputs[0] else None
