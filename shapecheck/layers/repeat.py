"""Copies side by side: the whole tensor (`Repeat`, torch's Tensor.repeat and tile), or each cell (`RepeatInterleave`).

Source: torch.Tensor.repeat, torch.repeat_interleave (aten/src/ATen/native/TensorShape.cpp, Repeat.cpp).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from shapecheck.diagnostics import forward_error
from shapecheck.layers.base import Layer, Seen, check_limit, product, shape_text
from shapecheck.layers.dims import whole_number, whole_numbers, wrap
from shapecheck.sizes import Shape, Size


@dataclass(frozen=True, slots=True, kw_only=True)
class Repeat(Layer):
    """torch.Tensor.repeat: dimension i repeated repeats[i] times, counted from the last; new dimensions in front."""

    formula: ClassVar[str] = "n repeats, a dimension"

    repeats: Any

    def shape(self, x: Shape) -> Shape:
        """Each size times its number."""
        repeats = whole_numbers(self.repeats, "repeats")
        if len(repeats) < len(x):
            raise forward_error(
                "SP302", f"{len(repeats)} numbers are given, the input has {len(x)} dimensions: {shape_text(x)}",
                argument="repeats", rank=len(x),
            )  # fmt: skip
        padded = (*(1,) * (len(repeats) - len(x)), *x)
        output = tuple(size * times for size, times in zip(padded, repeats, strict=True))
        if any(isinstance(size, int) and size < 0 for size in output):
            raise forward_error("SP309", f"repeats is {shape_text(repeats)}: none may be negative", argument="repeats")
        return check_limit(output)

    def field(self, seen: Seen, inputs: tuple[Shape], output: Shape) -> Seen:
        """None where an axis is repeated: its cells come from several places."""
        return seen if output[2:] == inputs[0][2:] and len(output) == len(inputs[0]) else None


@dataclass(frozen=True, slots=True, kw_only=True)
class RepeatInterleave(Layer):
    """torch.repeat_interleave: each cell `repeats` times along dim; without dim the tensor is flattened first."""

    formula: ClassVar[str] = "n repeats, along dim"

    repeats: int
    dim: Any = None

    def shape(self, x: Shape) -> Shape:
        """The size along dim times repeats."""
        repeats: Any = self.repeats
        if not isinstance(repeats, Size) and whole_number(repeats, "repeats") < 0:
            raise forward_error("SP309", f"repeats is {repeats}: it may not be negative", argument="repeats")
        if self.dim is None:
            return check_limit((product(x) * repeats,))
        dim = wrap(self.dim, len(x))
        if not x:
            raise forward_error("SP302", "the input has no dimension to repeat cells along", argument="dim", rank=0)
        return check_limit((*x[:dim], x[dim] * repeats, *x[dim + 1 :]))

    def field(self, seen: Seen, inputs: tuple[Shape], output: Shape) -> Seen:
        """None: an axis is repeated."""
        return None
