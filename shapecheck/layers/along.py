"""Functions that look along dimensions and keep the shape: cumsum, flip, roll, sort, normalize.

Source: torch.cumsum, flip, roll, sort; torch.nn.functional.normalize.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from shapecheck.diagnostics import forward_error
from shapecheck.layers.base import Layer, Seen, closest
from shapecheck.layers.dims import whole_number, whole_numbers, wrap_all
from shapecheck.sizes import Shape

ONE = ("cumsum", "cumprod", "normalize", "argsort", "logcumsumexp")
BOTH = ("sort", "cummax", "cummin")  # these give the places too
ANY = ("flip", "roll")  # of several dimensions, or of one
FUNCTIONS = (*ONE, *BOTH, *ANY)


@dataclass(frozen=True, slots=True, kw_only=True)
class Along(Layer):
    """A torch function along dimensions that keeps the shape: roll, flip, cumsum, sort (and the places), ..."""

    formula: ClassVar[str] = "output = input"

    function: str
    dim: Any

    def shape(self, x: Shape) -> Any:
        """The input's, twice where torch gives values and places."""
        function = self.function
        if not isinstance(function, str) or function not in FUNCTIONS:
            hint = f"function: {closest(str(function), FUNCTIONS) or 'roll'}"
            message = f"function is {function!r}: none of {', '.join(FUNCTIONS)}"
            raise forward_error("SP309", message, argument="function", hint=hint)
        if function in (*ONE, *BOTH):
            whole_number(self.dim, "dim")
        if function == "roll" and 0 in x:
            whole_numbers(self.dim, "dim")  # of no cells, torch does not look where they go
            return x
        if function == "roll" and not x:
            raise forward_error("SP302", "the input has no dimension to roll", argument="dim", rank=0)
        wrap_all(self.dim, len(x))
        return (x, x) if function in BOTH else x

    def field(self, seen: Seen, inputs: tuple[Shape], output: Shape) -> Seen:
        """Unchanged along the batch and the channels, global along a spatial axis."""
        rank = len(inputs[0])
        return seen if max(wrap_all(self.dim, rank), default=0) < min(2, rank - 1) else None
