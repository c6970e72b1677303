"""Batch normalisation: each channel brought to mean 0 and variance 1, over the batch and all positions.

In training the batch's own statistics are used, and one value has no variance: torch refuses a batch that holds one
value per channel. In evaluation the running statistics are used, where they are tracked.
Source: torch/nn/modules/batchnorm.py; torch/nn/functional.py (`batch_norm`, `_verify_batch_size`);
aten/src/ATen/native/Normalization.cpp.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

from shapecheck.diagnostics import forward_error
from shapecheck.layers.arguments import argument_error, is_real, weight_sizes
from shapecheck.layers.base import Layer, check_rank, product, shape_text
from shapecheck.sizes import Dim, Shape, can_equal

_set = object.__setattr__
NO_LENGTH = -1  # running statistics of more axes than one: no input has as many channels


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelNorm(Layer):
    """A normalisation with a weight, a bias and running statistics a channel: batch and instance norm."""

    inferred: ClassVar[tuple[str, ...]] = ("num_features",)
    formula: ClassVar[str] = "(x - mean) / sqrt(variance + eps) * weight + bias, a channel"
    ranks: ClassVar[tuple[int, ...]]
    ranks_text: ClassVar[str]

    num_features: Any = None
    eps: Any = 1e-5
    momentum: Any = 0.1
    affine: Any = True
    track_running_stats: Any = True
    bias: Any = True
    training: bool = True
    compared: bool = field(init=False, repr=False, compare=False)  # num_features is looked at
    features: tuple[Dim, ...] = field(init=False, repr=False, compare=False)  # the sizes of the weight
    channels: Dim = field(init=False, repr=False, compare=False)  # that an input with cells must have
    plain: bool = field(init=False, repr=False, compare=False)  # the weight is of one axis, and not empty
    own_statistics: bool = field(init=False, repr=False, compare=False)  # of the input, not the running ones
    sound: bool = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        compared = bool(self.affine or self.track_running_stats)
        waits = not compared or self.num_features is None
        features = () if waits else weight_sizes("num_features", self.num_features)
        one_axis = len(features) == 1
        _set(self, "compared", compared)
        _set(self, "features", features)
        _set(self, "channels", product(features) if one_axis or not self.track_running_stats else NO_LENGTH)
        _set(self, "plain", one_axis and features[0] != 0)
        _set(self, "own_statistics", bool(self.training or not self.track_running_stats))
        _set(self, "sound", is_real(self.eps) and (self.momentum is None or is_real(self.momentum)))

    @property
    def unresolved(self) -> bool:
        """Whether num_features is needed and still waits for the input."""
        return self.compared and self.num_features is None

    def arguments(self) -> dict[str, Any]:
        """torch's arguments; a bias is there by default, and only newer torch can leave it out."""
        given = Layer.arguments(self)
        return {name: value for name, value in given.items() if name != "bias" or value is not True}

    def refuse_channels(self, x: Shape, channels: Dim) -> None:
        """Refuse an input whose channels are not num_features."""
        if not can_equal(channels, self.channels):
            raise forward_error(
                "SP303",
                f"num_features is {self.num_features}, the input has {channels} channels",
                argument="num_features",
                hint=f"num_features: {channels}",
                nominal=x,
                given=self.num_features,
                found=channels,
            )

    def refuse_numbers(self, x: Shape) -> None:
        """Refuse eps and momentum that are no numbers."""
        if not is_real(self.eps):
            raise argument_error("eps", self.eps, "a number", hint="eps: 1e-5", nominal=x)
        raise argument_error("momentum", self.momentum, "a number or None", hint="momentum: 0.1", nominal=x)

    def params(self) -> int:
        """A weight and a bias a channel; running statistics are no parameters."""
        return product(self.features) * (2 if self.bias else 1) if self.affine else 0


class _BatchNorm(ChannelNorm):
    __slots__ = ()

    def shape(self, x: Shape) -> Shape:
        """The input's."""
        if len(x) not in self.ranks:
            check_rank(self, x, self.ranks, self.ranks_text)
        output = x
        if self.compared and (x[1] != self.channels or not self.plain):
            output = self.unusual(x)
        if x[0] == 1 and self.own_statistics and x[2:].count(1) == len(x) - 2:
            self.refuse_one_value(x)
        if not self.sound or self.eps <= 0:
            self.refuse_eps(x)
        return output

    def unusual(self, x: Shape) -> Shape:
        """The output where channels and num_features differ, or num_features is no number.

        With cells to normalise that is refused; an empty input torch only multiplies by the first entry of the weight.
        """
        if 0 not in x:
            self.refuse_channels(x, x[1])
            return x
        if not self.affine:
            return x
        if not self.features or self.features[0] == 0:
            raise forward_error(
                "SP313",
                "num_features is 0: there is no weight",
                argument="num_features",
                hint=f"num_features: {x[1]}" if x[1] != 0 else None,
                nominal=x,
            )
        from shapecheck.layers.merge import broadcast  # hardly ever needed

        return broadcast(x, self.features[1:])

    def refuse_one_value(self, x: Shape) -> None:
        """Refuse a single value per channel: it has no variance."""
        raise forward_error(
            "SP315", f"{shape_text(x)} holds one value per channel: its variance is 0, torch refuses it in training",
            hint="a batch of 2 or more, or evaluation mode", nominal=x, values=1,
        )  # fmt: skip

    def refuse_eps(self, x: Shape) -> None:
        """Refuse an eps below 0, and 0 itself where the batch's own variance is used."""
        if not self.sound:
            self.refuse_numbers(x)
        if self.own_statistics or self.eps < 0:
            least = "greater than 0 in training" if self.own_statistics else "0 or more"
            raise argument_error("eps", self.eps, f"a number {least}", hint="eps: 1e-5", nominal=x)

    def infer_arguments(self, x: Shape) -> dict[str, Any]:
        """num_features, from the second dimension."""
        if len(x) not in self.ranks:
            check_rank(self, x, self.ranks, self.ranks_text)
        return {"num_features": x[1]}


class BatchNorm1d(_BatchNorm):
    """torch.nn.BatchNorm1d: (N, C) or (N, C, L), the same out."""

    __slots__ = ()
    ranks = (2, 3)
    ranks_text = "(N, C) or (N, C, L)"


class BatchNorm2d(_BatchNorm):
    """torch.nn.BatchNorm2d: (N, C, H, W), the same out."""

    __slots__ = ()
    ranks = (4,)
    ranks_text = "(N, C, H, W)"


class BatchNorm3d(_BatchNorm):
    """torch.nn.BatchNorm3d: (N, C, D, H, W), the same out."""

    __slots__ = ()
    ranks = (5,)
    ranks_text = "(N, C, D, H, W)"


class SyncBatchNorm(_BatchNorm):
    """torch.nn.SyncBatchNorm: (N, C, *), the same out; in one process a batch norm of any rank."""

    __slots__ = ()
    ranks = tuple(range(2, 65))
    ranks_text = "(N, C, ...)"

    def shape(self, x: Shape) -> Shape:
        """The input's."""
        if len(x) > 1 and x[1] == 0:
            raise forward_error("SP313", f"{shape_text(x)} has no channels", nominal=x)
        return _BatchNorm.shape(self, x)
