"""Layer and root-mean-square normalisation, over the last dimensions, whose sizes the layer is made for.

Source: torch/nn/modules/normalization.py; aten/src/ATen/native/layer_norm.cpp (`_check_layer_norm_inputs`).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from numbers import Integral
from typing import Any, ClassVar

from shapecheck.diagnostics import ShapeError, construct_error, forward_error
from shapecheck.layers.arguments import argument_error, check_weight, is_real
from shapecheck.layers.base import Layer, Seen, product, shape_text
from shapecheck.layers.dims import whole_numbers
from shapecheck.sizes import Shape, can_equal

_set = object.__setattr__


@dataclass(frozen=True, slots=True, kw_only=True)
class _ShapeNorm(Layer):
    """A normalisation over the last dimensions, which must be `normalized_shape`."""

    normalized_shape: Any
    eps: Any
    elementwise_affine: Any = True
    sizes: tuple[Any, ...] = field(init=False, repr=False, compare=False)
    sound: bool = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        sizes = self._sizes()
        if self.elementwise_affine:
            check_weight(*(("normalized_shape", size) for size in sizes))
        _set(self, "sizes", sizes)
        _set(self, "sound", self.fault() is None)

    def _sizes(self) -> tuple[Any, ...]:
        given = self.normalized_shape
        if isinstance(given, Integral):
            return (given,)
        try:
            return tuple(given)
        except TypeError:
            raise construct_error(
                "SP201", f"normalized_shape is {given!r}: it is a size or a list of sizes", argument="normalized_shape"
            ) from None

    def fault(self) -> ShapeError | None:
        """What torch will refuse when the layer is run, whatever its input."""
        if not self.sizes:
            return argument_error("normalized_shape", self.normalized_shape, "at least one size")
        try:
            whole_numbers(self.sizes, "normalized_shape", single=False)
        except ShapeError as error:
            return error
        return None if self.eps_fits() else argument_error("eps", self.eps, "a number", hint="eps: 1e-5")

    def eps_fits(self) -> bool:
        """Whether eps is what torch takes for one."""
        return is_real(self.eps)

    def shape(self, x: Shape) -> Shape:
        """The input's."""
        sizes = self.sizes
        if not self.sound or x[-len(sizes) :] != sizes:
            self._refuse(x)
        return x

    def _refuse(self, x: Shape) -> None:
        error = self.fault()
        if error is not None:
            error.nominal = x
            raise error
        sizes, last = self.sizes, x[-len(self.sizes) :]
        if len(last) == len(sizes) and all(map(can_equal, last, sizes)):
            return
        fitting = last if len(last) > 1 else last[0] if last else None
        raise forward_error(
            "SP303",
            f"normalized_shape is {shape_text(sizes)}, the input {shape_text(x)} ends otherwise",
            argument="normalized_shape",
            hint=None if fitting is None else f"normalized_shape: {_text(fitting)}",
            nominal=x,
            given=sizes,
            found=last,
        )

    def params(self) -> int:
        """A weight a normalised cell."""
        return product(self.sizes) if self.elementwise_affine else 0

    def field(self, seen: Seen, inputs: tuple[Shape], output: Shape) -> Seen:
        """Global: the last dimensions are read whole."""
        return None


def _text(fitting: Any) -> str:
    return shape_text(fitting) if isinstance(fitting, tuple) else str(fitting)


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerNorm(_ShapeNorm):
    """torch.nn.LayerNorm: (*, normalized_shape), the same out."""

    formula: ClassVar[str] = "(x - mean) / sqrt(variance + eps) * weight + bias, over the last dimensions"

    eps: Any = 1e-5
    bias: Any = True

    def params(self) -> int:
        """A weight and a bias a normalised cell."""
        return product(self.sizes) * (2 if self.bias else 1) if self.elementwise_affine else 0


@dataclass(frozen=True, slots=True, kw_only=True)
class RMSNorm(_ShapeNorm):
    """torch.nn.RMSNorm: (*, normalized_shape), the same out."""

    formula: ClassVar[str] = "x / sqrt(mean of squares + eps) * weight, over the last dimensions"

    eps: Any = None

    def eps_fits(self) -> bool:
        """Whether eps is a number, or left to torch."""
        return self.eps is None or is_real(self.eps)
