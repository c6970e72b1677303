"""Activations that bend or cut at given values: thresholds, shrinkage, the softplus, the leaky one with a random slope.

Source: torch/nn/modules/activation.py; aten/src/ATen/native/Activation.cpp.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite, isnan
from typing import Any

from shapecheck.diagnostics import ShapeError, construct_error
from shapecheck.layers.activation import Activation
from shapecheck.layers.arguments import FLOAT32_MAX, argument_error, is_float32, is_integer, is_scalar


@dataclass(frozen=True, slots=True, kw_only=True)
class Hardshrink(Activation):
    """torch.nn.Hardshrink: (*) -> (*)."""

    lambd: Any = 0.5

    def fault(self) -> ShapeError | None:
        """lambd is a number."""
        return self.numbers_fault("lambd")


class Softshrink(Hardshrink):
    """torch.nn.Softshrink: (*) -> (*)."""

    __slots__ = ()

    def fault(self) -> ShapeError | None:
        """lambd is a number from 0 to the greatest float32."""
        fault = self.numbers_fault("lambd")
        if fault is None and not 0 <= self.lambd <= FLOAT32_MAX:
            return argument_error("lambd", self.lambd, "a number from 0 to 3.4e38", hint="lambd: 0.5")
        return fault


@dataclass(frozen=True, slots=True, kw_only=True)
class Softplus(Activation):
    """torch.nn.Softplus: (*) -> (*)."""

    beta: Any = 1.0
    threshold: Any = 20.0

    def fault(self) -> ShapeError | None:
        """Both are numbers."""
        return self.numbers_fault("beta", "threshold")


@dataclass(frozen=True, slots=True, kw_only=True)
class Threshold(Activation):
    """torch.nn.Threshold: (*) -> (*)."""

    threshold: Any
    value: Any
    inplace: Any = False

    def fault(self) -> ShapeError | None:
        """Both are numbers."""
        return self.numbers_fault("threshold", "value")


@dataclass(frozen=True, slots=True, kw_only=True)
class Hardtanh(Activation):
    """torch.nn.Hardtanh: (*) -> (*); min_value and max_value are its old names for min_val and max_val."""

    min_val: Any = -1.0
    max_val: Any = 1.0
    inplace: Any = False
    min_value: Any = None
    max_value: Any = None

    def __post_init__(self) -> None:
        (_, low), (upper, high) = self.ends()
        try:
            crossed = high <= low
        except TypeError:
            words = f"the ends of the range, {low!r} and {high!r}, cannot be compared"
            raise construct_error("SP201", words, argument=upper) from None
        if crossed:
            words = f"{upper} (= {high}) must be greater than the lower end (= {low})"
            more = low + 1 if isinstance(low, (int, float)) else low  # words compare too
            raise construct_error(
                "SP202",
                words,
                argument=upper,
                hint=f"{upper}: {more}" if more > low else None,
                low=low,
                high=high,
            )
        Activation.__post_init__(self)

    def ends(self) -> tuple[tuple[str, Any], tuple[str, Any]]:
        """The range's ends, each under the name it was given."""
        low = ("min_val", self.min_val) if self.min_value is None else ("min_value", self.min_value)
        return low, ("max_val", self.max_val) if self.max_value is None else ("max_value", self.max_value)

    def fault(self) -> ShapeError | None:
        """Both ends are numbers."""
        for argument, value in self.ends():
            if not is_float32(value):
                return self.no_number(argument, value)
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class RReLU(Activation):
    """torch.nn.RReLU: (*) -> (*); a random slope in training, the mean one in evaluation."""

    lower: Any = 1.0 / 8
    upper: Any = 1.0 / 3
    inplace: Any = False
    training: bool = True

    def fault(self) -> ShapeError | None:
        """Both are numbers, lower <= upper, and finite; in evaluation, in place, torch does not look that closely."""
        fault = self.numbers_fault("lower", "upper") if self.training else self.mean_fault()
        if fault is not None:
            return fault
        if self.training or not self.inplace:
            for argument in ("lower", "upper"):
                if not isfinite(getattr(self, argument)):
                    return self.no_number(argument, getattr(self, argument))
        for argument in ("lower", "upper"):
            if isnan(getattr(self, argument)):
                return self.no_number(argument, getattr(self, argument))
        if not self.lower <= self.upper:
            return argument_error(
                "lower", self.lower, f"at most upper, which is {self.upper}", hint=f"lower: {self.upper}"
            )
        return None

    def mean_fault(self) -> ShapeError | None:
        """What keeps torch from adding lower and upper up: an unsigned int goes with a float only."""
        for argument, other in (("lower", self.upper), ("upper", self.lower)):
            value = getattr(self, argument)
            unsigned = type(value) is int and not is_integer(value)
            if not is_scalar(value) or (unsigned and type(other) is not float):
                return self.no_number(argument, value)
        return None
