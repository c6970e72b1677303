"""Reshape and View: the same cells in the same order, counted out into other dimensions.

torch's View asks besides that the tensor lies in one piece; shapes do not tell, and here it does.
Source: torch.reshape, torch.Tensor.view; aten/src/ATen/InferSize.h.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

from shapecheck.layers.base import Layer, Seen, product
from shapecheck.layers.dims import fill, spatial, whole_numbers
from shapecheck.sizes import Shape

_set = object.__setattr__


@dataclass(frozen=True, slots=True, kw_only=True, init=False)
class _Reshape(Layer):
    shape_argument: ClassVar[str] = "shape"
    formula: ClassVar[str] = "shape, its -1 being what is left of the cells"
    single: ClassVar[bool]  # whether torch takes a number for a list of one

    size: Any = field(metadata={"argument": "shape"})  # `shape` is the rule's name

    def __init__(self, *, shape: Any) -> None:
        _set(self, "size", shape)

    def arguments(self) -> dict[str, Any]:
        """The argument `shape`."""
        return {"shape": self.size}

    def shape(self, x: Shape) -> Shape:
        """The shape asked for, its -1 filled in."""
        return fill(whole_numbers(self.size, "shape", single=self.single), product(x), x, "shape")

    def field(self, seen: Seen, inputs: tuple[Shape], output: Shape) -> Seen:
        """Unchanged where the spatial axes are; else None, for the axes are others now."""
        if seen is None:
            return None
        axes = spatial(seen, len(inputs[0]))
        kept = len(axes) < len(output) and output[len(output) - len(axes) :] == inputs[0][len(inputs[0]) - len(axes) :]
        return axes if kept else None


class Reshape(_Reshape):
    """torch.reshape: x -> shape, one of whose sizes may be -1."""

    __slots__ = ()
    single = False


class View(_Reshape):
    """torch.Tensor.view, of a tensor that lies in one piece: x -> shape, one of whose sizes may be -1."""

    __slots__ = ()
    single = True
