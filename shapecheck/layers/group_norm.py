"""Group normalisation: the channels of a sample in groups, each group brought to mean 0 and variance 1.

The statistics are the sample's own, in training and in evaluation: one value a group is refused in both.
Source: torch/nn/modules/normalization.py; torch/nn/functional.py (`group_norm`, `_verify_batch_size`);
aten/src/ATen/native/group_norm.cpp.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

from shapecheck.diagnostics import construct_error, forward_error
from shapecheck.layers.arguments import argument_error, check_weight, divides, is_integer, is_real, nearest_divisor
from shapecheck.layers.base import Layer, Seen, shape_text
from shapecheck.sizes import Shape, Size, can_equal

_set = object.__setattr__


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupNorm(Layer):
    """torch.nn.GroupNorm: (N, C, *), the same out; the channels in num_groups groups, each normalised by itself."""

    inferred: ClassVar[tuple[str, ...]] = ("num_channels",)
    formula: ClassVar[str] = "(x - mean) / sqrt(variance + eps) * weight + bias, a sample and group"

    num_groups: Any
    num_channels: Any = None
    eps: Any = 1e-5
    affine: Any = True
    bias: Any = True
    sound: bool = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        _set(self, "sound", is_integer(self.num_groups) and self.num_groups > 0 and is_real(self.eps))
        if self.num_channels is not None:
            self._check_division()
            if self.affine:
                check_weight(("num_channels", self.num_channels))

    def _check_division(self) -> None:
        groups, channels = self.num_groups, self.num_channels
        if isinstance(channels, Size) and is_integer(groups) and groups != 0:
            rest: Any = not divides(groups, channels)
        else:
            try:
                rest = channels % groups
            except (TypeError, ValueError, ZeroDivisionError):
                words = f"num_channels ({channels!r}) cannot be divided by num_groups ({groups!r})"
                hint = "num_groups: 1" if is_integer(channels) else None
                raise construct_error("SP201", words, argument="num_groups", hint=hint) from None
        if rest:
            fits = nearest_divisor(groups, channels) if is_integer(groups) and isinstance(channels, (int, Size)) else 1
            hint = f"num_groups: {fits}" if isinstance(channels, (int, Size)) else None
            raise construct_error(
                "SP203", f"num_groups (= {groups}) must divide num_channels (= {channels})", argument="num_groups",
                hint=hint, num_groups=groups, num_channels=channels,
            )  # fmt: skip

    def shape(self, x: Shape) -> Shape:
        """The input's."""
        if len(x) < 2:
            raise forward_error("SP302", f"{shape_text(x)} has no channels: torch wants (N, C, ...)", rank=len(x))
        if not self.sound:
            self._refuse_arguments(x)
        channels = x[1]
        if channels != self.num_channels:
            self._refuse_channels(x)
        if channels == self.num_groups and x[0] == 1 and x[2:].count(1) == len(x) - 2:
            raise forward_error(
                "SP315", f"{shape_text(x)} holds one value per group: it has no variance", argument="num_groups",
                nominal=x, values=1,
            )  # fmt: skip
        return x

    def _refuse_arguments(self, x: Shape) -> None:
        if not is_real(self.eps):
            raise argument_error("eps", self.eps, "a number", hint="eps: 1e-5", nominal=x)
        raise argument_error(
            "num_groups", self.num_groups, "a whole number greater than 0", hint="num_groups: 1", nominal=x
        )

    def _refuse_channels(self, x: Shape) -> None:
        channels = x[1]
        if self.affine and not can_equal(channels, self.num_channels):
            raise forward_error(
                "SP303",
                f"num_channels is {self.num_channels}, the input has {channels} channels",
                argument="num_channels",
                hint=f"num_channels: {channels}",
                nominal=x,
                given=self.num_channels,
                found=channels,
            )
        if not divides(self.num_groups, channels):
            raise forward_error(
                "SP314", f"num_groups (= {self.num_groups}) must divide the input's {channels} channels",
                argument="num_groups", hint=f"num_groups: {nearest_divisor(self.num_groups, channels)}", nominal=x,
                num_groups=self.num_groups, channels=channels,
            )  # fmt: skip

    def infer_arguments(self, x: Shape) -> dict[str, Any]:
        """num_channels, from the second dimension."""
        if len(x) < 2:
            raise forward_error("SP302", f"{shape_text(x)} has no channels: torch wants (N, C, ...)", rank=len(x))
        return {"num_channels": x[1]}

    def arguments(self) -> dict[str, Any]:
        """torch's arguments; a bias is there by default, and only newer torch can leave it out."""
        given = Layer.arguments(self)
        return {name: value for name, value in given.items() if name != "bias" or value is not True}

    def params(self) -> int:
        """A weight and a bias a channel."""
        return self.num_channels * (2 if self.bias else 1) if self.affine else 0

    def field(self, seen: Seen, inputs: tuple[Shape], output: Shape) -> Seen:
        """Global: the statistics are taken over all positions."""
        return None
