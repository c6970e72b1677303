"""The leaky activation that learns its slope, one for all cells or one a channel.

Source: torch/nn/modules/activation.py (`PReLU`); aten/src/ATen/native/Activation.cpp (`prelu`).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from shapecheck.diagnostics import construct_error, forward_error
from shapecheck.layers.arguments import is_float32, weight_sizes
from shapecheck.layers.base import Layer, product
from shapecheck.sizes import Dim, Shape, can_equal

_set = object.__setattr__


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
