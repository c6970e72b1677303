"""Activations that carry numbers: every cell by itself, any shape, where the numbers are ones torch takes.

Most numbers are looked at only when the layer is run (stage "forward"): `fault` finds what is wrong with them once,
when the record is made, and `shape` asks whether there was something. More of the kind are in `shrink.py`.
Source: torch/nn/modules/activation.py; aten/src/ATen/native/Activation.cpp.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from shapecheck.diagnostics import ShapeError
from shapecheck.layers.arguments import argument_error, is_float32
from shapecheck.layers.base import Layer, parameters
from shapecheck.sizes import Shape

_set = object.__setattr__


@dataclass(frozen=True, slots=True, kw_only=True)
class Activation(Layer):
    """An activation whose arguments are found sound or not when the record is made."""

    sound: bool = field(init=False, repr=False, compare=False, default=True)

    def __post_init__(self) -> None:
        if self.fault() is not None:
            _set(self, "sound", False)

    def fault(self) -> ShapeError | None:
        """What torch will refuse when the layer is run, whatever its input."""
        raise NotImplementedError

    def numbers_fault(self, *arguments: str) -> ShapeError | None:
        """The error for the first of these arguments that is not a number."""
        for argument in arguments:
            value = getattr(self, argument)
            if not is_float32(value):
                return self.no_number(argument, value)
        return None

    def no_number(self, argument: str, value: Any) -> ShapeError:
        """The error for a value that is no number of single precision; the hint is torch's default, or 0."""
        default = next(field.default for field in parameters(type(self)) if field.name == argument)
        hint = f"{argument}: {default if isinstance(default, float) else 0}"
        return argument_error(argument, value, "a number that fits in a single-precision float", hint=hint)

    def shape(self, x: Shape) -> Shape:
        """The input's."""
        if not self.sound:
            self.refuse(x)
        return x

    def refuse(self, x: Shape) -> None:
        """Raise the fault, with the input's shape to go on with."""
        error = self.fault()
        assert error is not None
        error.nominal = x
        raise error


@dataclass(frozen=True, slots=True, kw_only=True)
class ELU(Activation):
    """torch.nn.ELU: (*) -> (*)."""

    alpha: Any = 1.0
    inplace: Any = False

    def fault(self) -> ShapeError | None:
        """alpha is a number."""
        return self.numbers_fault("alpha")


class CELU(ELU):
    """torch.nn.CELU: (*) -> (*)."""

    __slots__ = ()

    def fault(self) -> ShapeError | None:
        """alpha is a number, and not 0: it divides."""
        fault = self.numbers_fault("alpha")
        if fault is None and self.alpha == 0:
            return argument_error("alpha", self.alpha, "a number other than 0: CELU divides by it", hint="alpha: 1.0")
        return fault


@dataclass(frozen=True, slots=True, kw_only=True)
class LeakyReLU(Activation):
    """torch.nn.LeakyReLU: (*) -> (*)."""

    negative_slope: Any = 0.01
    inplace: Any = False

    def fault(self) -> ShapeError | None:
        """negative_slope is a number."""
        return self.numbers_fault("negative_slope")


@dataclass(frozen=True, slots=True, kw_only=True)
class GELU(Activation):
    """torch.nn.GELU: (*) -> (*)."""

    approximate: Any = "none"

    def fault(self) -> ShapeError | None:
        """approximate is "none" or "tanh"."""
        if self.approximate in ("none", "tanh"):
            return None
        return argument_error("approximate", self.approximate, '"none" or "tanh"', hint="approximate: none")
