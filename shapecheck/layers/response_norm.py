"""Local response normalisation: each cell divided by its neighbours in the channels, as in AlexNet.

Source: torch/nn/modules/normalization.py, _functions.py (`CrossMapLRN2d`); torch/nn/functional.py
(`local_response_norm`).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from math import isfinite
from typing import Any, ClassVar

from shapecheck.diagnostics import ShapeError, forward_error
from shapecheck.layers.arguments import argument_error, is_integer, is_scalar
from shapecheck.layers.base import Layer, check_rank, parameters, shape_text
from shapecheck.sizes import Shape

_set = object.__setattr__


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalResponseNorm(Layer):
    """torch.nn.LocalResponseNorm: (N, C, *), the same out."""

    formula: ClassVar[str] = "x / (k + alpha mean of x^2 over size channels)^beta"

    size: Any
    alpha: Any = 1e-4
    beta: Any = 0.75
    k: Any = 1.0
    sound: bool = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        _set(self, "sound", self.fault() is None)

    def fault(self) -> ShapeError | None:
        """What torch will refuse when the layer is run, whatever its input."""
        if not is_integer(self.size) or self.size < 1:
            return argument_error("size", self.size, "a whole number of channels, 1 or more", hint="size: 5")
        for argument in ("alpha", "beta", "k"):
            if not is_scalar(getattr(self, argument)):
                return no_number(self, argument)
        return None

    def shape(self, x: Shape) -> Shape:
        """The input's."""
        if len(x) < 3:
            raise forward_error(
                "SP302", f"{shape_text(x)} has too few dimensions: torch wants (N, C, ...)", rank=len(x)
            )
        if not self.sound and 0 not in x:  # an empty input is returned as it is, before any argument is looked at
            self._refuse(x)
        return x

    def _refuse(self, x: Shape) -> None:
        error = self.fault()
        assert error is not None
        error.nominal = x
        raise error


class CrossMapLRN2d(LocalResponseNorm):
    """torch.nn.CrossMapLRN2d: (N, C, H, W), the same out."""

    __slots__ = ()

    def fault(self) -> ShapeError | None:
        """What torch will refuse when the layer is run, whatever its input."""
        for argument in ("size", "alpha", "beta", "k"):
            if not is_scalar(getattr(self, argument)):
                return no_number(self, argument)
        if self.size == 0 or not isfinite(self.size):
            return argument_error("size", self.size, "a finite number other than 0: it divides", hint="size: 5")
        return None

    def shape(self, x: Shape) -> Shape:
        """The input's."""
        check_rank(self, x, (4,), "(N, C, H, W)")
        if x[1] == 0:
            raise forward_error("SP313", f"{shape_text(x)} has no channels", nominal=x)
        if not self.sound:
            self._refuse(x)
        if x[1] != 1 and self.size <= -3:  # torch steps beyond the last channel
            raise argument_error("size", self.size, "a number of channels", hint="size: 5", nominal=x)
        return x


def no_number(layer: Layer, argument: str) -> ShapeError:
    """The error for an argument that is no number; the hint is torch's default, or 5 channels."""
    default = next(field.default for field in parameters(type(layer)) if field.name == argument)
    hint = f"{argument}: {default if isinstance(default, float) else 5}"
    return argument_error(argument, getattr(layer, argument), "a number", hint=hint)
