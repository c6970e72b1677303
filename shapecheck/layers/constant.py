"""What a network holds besides its input: learnt tensors (`Weight`) and fixed ones (`Constant`).

They read nothing and see nothing of the input. Source: torch.nn.Parameter, torch.nn.Module.register_buffer.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

from shapecheck.diagnostics import forward_error
from shapecheck.layers.base import Layer, check_limit, product, shape_text
from shapecheck.layers.dims import whole_numbers
from shapecheck.sizes import Shape

_set = object.__setattr__


@dataclass(frozen=True, slots=True, kw_only=True, init=False)
class Constant(Layer):
    """A tensor of that shape, the same for every input."""

    inputs: ClassVar[tuple[int, int | None]] = (0, 0)
    formula: ClassVar[str] = "shape"

    size: Any = field(metadata={"argument": "shape"})  # `shape` is the rule's name

    def __init__(self, *, shape: Any) -> None:
        _set(self, "size", shape)

    def arguments(self) -> dict[str, Any]:
        """The argument `shape`."""
        return {"shape": self.size}

    def shape(self) -> Shape:
        """The shape itself."""
        sizes = whole_numbers(self.size, "shape")
        if any(isinstance(size, int) and size < 0 for size in sizes):
            words = f"shape is {shape_text(sizes)}: a size is 0 or more"
            raise forward_error("SP309", words, argument="shape", hint="shape: [1]")
        return check_limit(sizes)


class Weight(Constant):
    """A tensor of that shape that is learnt."""

    __slots__ = ()

    def params(self) -> int:
        """One for each cell."""
        return product(whole_numbers(self.size, "shape"))
