"""Layers that move cells without reading them.

Source: torch/nn/modules/flatten.py.
"""

from __future__ import annotations

from dataclasses import dataclass

from shapecheck.diagnostics import forward_error
from shapecheck.layers.base import Layer, Seen, product
from shapecheck.sizes import Shape


@dataclass(frozen=True, slots=True, kw_only=True)
class Flatten(Layer):
    """torch.nn.Flatten: dimensions start_dim to end_dim become one."""

    start_dim: int = 1
    end_dim: int = -1

    def shape(self, x: Shape) -> Shape:
        """The dimensions from start_dim to end_dim as their product."""
        rank = max(len(x), 1)
        for argument, dim in (("start_dim", self.start_dim), ("end_dim", self.end_dim)):
            if not -rank <= dim < rank:
                raise forward_error(
                    "SP304", f"{argument} is {dim}, the input has {rank} dimensions", argument=argument, rank=rank
                )
        start, stop = self.start_dim % rank, self.end_dim % rank
        if start > stop:
            raise forward_error("SP304", f"start_dim ({start}) comes after end_dim ({stop})", argument="start_dim")
        return (*x[:start], product(x[start : stop + 1]), *x[stop + 1 :])

    def field(self, seen: Seen, inputs: tuple[Shape], output: Shape) -> Seen:
        """None: the axes are gone, unless nothing was flattened."""
        return seen if output == inputs[0] else None
