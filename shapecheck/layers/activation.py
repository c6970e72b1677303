"""Activations that carry numbers: every cell by itself, any shape, where the numbers are ones torch takes.

Most numbers are looked at only when the layer is run (stage "forward"): `faults` finds what is wrong with them once,
when the record is made, and `shape` asks whether there was something. Source: torch/nn/modules/activation.py;
aten/src/ATen/native/Activation.cpp.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from math import isfinite
from typing import Any

from shapecheck.diagnostics import ShapeError, construct_error, forward_error
from shapecheck.layers.arguments import FLOAT32_MAX, argument_error, is_float32, is_integer, is_scalar, weight_sizes
from shapecheck.layers.base import Layer, product
from shapecheck.sizes import Dim, Shape, can_equal

_set = object.__setattr__


@dataclass(frozen=True, slots=True, kw_only=True)
class _Activation(Layer):
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
                return argument_error(argument, value, "a number that fits in a single-precision float")
        return None

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
class ELU(_Activation):
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
class LeakyReLU(_Activation):
    """torch.nn.LeakyReLU: (*) -> (*)."""

    negative_slope: Any = 0.01
    inplace: Any = False

    def fault(self) -> ShapeError | None:
        """negative_slope is a number."""
        return self.numbers_fault("negative_slope")


@dataclass(frozen=True, slots=True, kw_only=True)
class Hardshrink(_Activation):
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
class Softplus(_Activation):
    """torch.nn.Softplus: (*) -> (*)."""

    beta: Any = 1.0
    threshold: Any = 20.0

    def fault(self) -> ShapeError | None:
        """Both are numbers."""
        return self.numbers_fault("beta", "threshold")


@dataclass(frozen=True, slots=True, kw_only=True)
class Threshold(_Activation):
    """torch.nn.Threshold: (*) -> (*)."""

    threshold: Any
    value: Any
    inplace: Any = False

    def fault(self) -> ShapeError | None:
        """Both are numbers."""
        return self.numbers_fault("threshold", "value")


@dataclass(frozen=True, slots=True, kw_only=True)
class Hardtanh(_Activation):
    """torch.nn.Hardtanh: (*) -> (*); min_value and max_value are its old names for min_val and max_val."""

    min_val: Any = -1.0
    max_val: Any = 1.0
    inplace: Any = False
    min_value: Any = None
    max_value: Any = None

    def __post_init__(self) -> None:
        low, high = self.ends()
        try:
            crossed = high <= low
        except TypeError:
            raise construct_error(
                "SP201", f"min_val ({low!r}) and max_val ({high!r}) cannot be compared", argument="max_val"
            ) from None
        if crossed:
            raise construct_error(
                "SP202",
                f"max_val ({high}) must be greater than min_val ({low})",
                argument="max_val",
                low=low,
                high=high,
            )
        _Activation.__post_init__(self)

    def ends(self) -> tuple[Any, Any]:
        """The range's ends, old names first."""
        low = self.min_val if self.min_value is None else self.min_value
        return low, self.max_val if self.max_value is None else self.max_value

    def fault(self) -> ShapeError | None:
        """Both ends are numbers."""
        for argument, value in zip(("min_val", "max_val"), self.ends(), strict=True):
            if not is_float32(value):
                return argument_error(argument, value, "a number that fits in a single-precision float")
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class RReLU(_Activation):
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
                    return argument_error(argument, getattr(self, argument), "a finite number")
        if not self.lower <= self.upper:
            return argument_error(
                "lower", self.lower, f"at most upper, which is {self.upper}", hint=f"lower: {self.upper}"
            )
        return None

    def mean_fault(self) -> ShapeError | None:
        """What keeps torch from adding lower and upper up."""
        for argument in ("lower", "upper"):
            value = getattr(self, argument)
            if not (is_integer(value) if type(value) is int else is_scalar(value)):
                return argument_error(argument, value, "a number")
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class GELU(_Activation):
    """torch.nn.GELU: (*) -> (*)."""

    approximate: Any = "none"

    def fault(self) -> ShapeError | None:
        """approximate is "none" or "tanh"."""
        if self.approximate in ("none", "tanh"):
            return None
        return argument_error("approximate", self.approximate, '"none" or "tanh"', hint="approximate: none")


@dataclass(frozen=True, slots=True, kw_only=True)
class PReLU(Layer):
    """torch.nn.PReLU: (N, C, *) -> (N, C, *), with one slope for all or one a channel."""

    num_parameters: Any = 1
    init: Any = 0.25
    slopes: Dim | None = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        sizes = weight_sizes("num_parameters", self.num_parameters)
        _set(self, "slopes", product(sizes) if len(sizes) < 2 else None)
        if not is_float32(self.init):
            raise construct_error(
                "SP201", f"init is {self.init!r}, torch wants a number", argument="init", hint="init: 0.25"
            )

    def shape(self, x: Shape) -> Shape:
        """The input's."""
        if self.slopes != 1:
            self.check_channels(x)
        return x

    def check_channels(self, x: Shape) -> None:
        """Refuse an input whose channels are not as many as the slopes."""
        if not x:
            raise forward_error("SP302", "the input has no dimensions, hence no channels", argument="num_parameters",
                                hint="num_parameters: 1", nominal=x)  # fmt: skip
        channels = x[1] if len(x) > 1 else 1
        if self.slopes is None or not can_equal(channels, self.slopes):
            raise forward_error(
                "SP303", f"num_parameters is {self.num_parameters}, the input has {channels} channels",
                argument="num_parameters", hint=f"num_parameters: {channels}", nominal=x, given=self.num_parameters,
                found=channels,
            )  # fmt: skip

    def params(self) -> int:
        """One slope a channel, or one for all."""
        return self.slopes  # type: ignore[return-value]
