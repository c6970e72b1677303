"""Activations without a number of their own: every cell by itself, any shape.

`Identity` too, which changes nothing at all. Activations that carry numbers are in `activation.py`, those that look
along an axis in `softmax.py`.
Source: torch/nn/modules/activation.py, linear.py (`Identity`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from shapecheck.layers.base import Layer
from shapecheck.sizes import Shape


@dataclass(frozen=True, slots=True, kw_only=True)
class Pointwise(Layer):
    """A layer without arguments that keeps any shape."""

    def shape(self, x: Shape) -> Shape:
        """The input's."""
        return x


@dataclass(frozen=True, slots=True, kw_only=True)
class InplacePointwise(Layer):
    """A layer that keeps any shape and may overwrite its input: torch looks only at the truth of `inplace`."""

    inplace: Any = False

    def shape(self, x: Shape) -> Shape:
        """The input's."""
        return x


class Identity(Pointwise):
    """torch.nn.Identity: (*) -> (*), whatever arguments it is given."""

    __slots__ = ()
    open_arguments: ClassVar[bool] = True


class Sigmoid(Pointwise):
    """torch.nn.Sigmoid: (*) -> (*)."""

    __slots__ = ()


class Tanh(Pointwise):
    """torch.nn.Tanh: (*) -> (*)."""

    __slots__ = ()


class LogSigmoid(Pointwise):
    """torch.nn.LogSigmoid: (*) -> (*)."""

    __slots__ = ()


class Softsign(Pointwise):
    """torch.nn.Softsign: (*) -> (*)."""

    __slots__ = ()


class Tanhshrink(Pointwise):
    """torch.nn.Tanhshrink: (*) -> (*)."""

    __slots__ = ()


class ReLU(InplacePointwise):
    """torch.nn.ReLU: (*) -> (*)."""

    __slots__ = ()


class ReLU6(InplacePointwise):
    """torch.nn.ReLU6: (*) -> (*)."""

    __slots__ = ()


class SiLU(InplacePointwise):
    """torch.nn.SiLU: (*) -> (*)."""

    __slots__ = ()


class Mish(InplacePointwise):
    """torch.nn.Mish: (*) -> (*)."""

    __slots__ = ()


class SELU(InplacePointwise):
    """torch.nn.SELU: (*) -> (*)."""

    __slots__ = ()


class Hardswish(InplacePointwise):
    """torch.nn.Hardswish: (*) -> (*)."""

    __slots__ = ()


class Hardsigmoid(InplacePointwise):
    """torch.nn.Hardsigmoid: (*) -> (*)."""

    __slots__ = ()
