"""A function of one cell, of two or of three: exp, sub, where; inputs of several shapes are broadcast.

Sums and products have layers of their own (`Add`, `Mul`); this one stands for the others that models call.
Source: torch.exp, torch.sub, torch.where and their like; torch.broadcast_shapes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from shapecheck.diagnostics import forward_error
from shapecheck.layers.base import Layer, closest
from shapecheck.layers.merge import broadcast
from shapecheck.sizes import Shape

# fmt: off
UNARY = (
    "abs", "acos", "asin", "atan", "ceil", "cos", "cosh", "deg2rad", "digamma", "erf", "erfc", "erfinv", "exp", "exp2",
    "expm1", "floor", "frac", "isfinite", "isinf", "isnan", "lgamma", "log", "log10", "log1p", "log2", "logical_not",
    "nan_to_num", "neg", "rad2deg", "reciprocal", "relu", "round", "rsqrt", "sigmoid", "sign", "sin", "sinc", "sinh",
    "sqrt", "square", "tan", "tanh", "trunc", "zeros_like", "ones_like",
)
BINARY = (
    "atan2", "div", "eq", "floor_divide", "fmod", "ge", "gt", "heaviside", "hypot", "le", "logaddexp",
    "logical_and", "logical_or", "logical_xor", "lt", "maximum", "minimum", "ne", "pow", "remainder", "sub",
)
TERNARY = ("addcmul", "clamp", "lerp", "where")
# fmt: on
ARITY = {**dict.fromkeys(UNARY, (1, 1)), **dict.fromkeys(BINARY, (1, 2)), **dict.fromkeys(TERNARY, (1, 3))}


@dataclass(frozen=True, slots=True, kw_only=True)
class Elementwise(Layer):
    """A torch function of single cells, of inputs that are broadcast; an operand that is a number is no input."""

    inputs: ClassVar[tuple[int, int | None]] = (1, 3)
    formula: ClassVar[str] = "the broadcast of the inputs: from the last dimension on, equal sizes or a 1"

    function: str

    def shape(self, *inputs: Shape) -> Shape:
        """The broadcast of all inputs."""
        function = self.function
        if not isinstance(function, str) or function not in ARITY:
            best = closest(str(function), ARITY)
            raise forward_error(
                "SP309", f"function is {function!r}: none of torch's functions of single cells", argument="function",
                hint=f"function: {best or 'exp'}",
            )  # fmt: skip
        most = ARITY[function][1]
        if len(inputs) > most:
            raise forward_error(
                "SP308", f"{function} takes {most} at most, {len(inputs)} are given", inputs=len(inputs)
            )
        return broadcast(*inputs)
