"""Batch normalisation: each channel brought to mean 0 and variance 1, over the batch and all positions.

In training the batch's own statistics are used, and one value has no variance: torch refuses a batch that holds one value per
channel. In evaluation the running statistics are used, where they are tracked.
Source: torch/nn/modules/batchnorm.py; torch/nn/functional.py (`batch_norm`, `_verify_batch_size`);
aten/src/ATen/native/Normalization.cpp.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

from shapecheck.diagnostics import forward_error
from shapecheck.layers.arguments import argument_error, is_real, weight_length
from shapecheck.layers.base import Layer, check_rank, shape_text
from shapecheck.sizes import Dim, Shape, can_equal

_set = object.__setattr__
NO_LENGTH = -1  # num_features of more axes than one: no input has as many channels


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
    channels: Dim = field(init=False, repr=False, compare=False)
    own_statistics: bool = field(init=False, repr=False, compare=False)  # of the input, not the running ones
    sound: bool = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        compared, length = bool(self.affine or self.track_running_stats), None
        if compared and self.num_features is not None:
            length = weight_length("num_features", self.num_features)
        _set(self, "compared", compared)
        _set(self, "channels", NO_LENGTH if length is None else length)
        _set(self, "own_statistics", bool(self.training or not self.track_running_stats))
        _set(self, "sound", is_real(self.eps) and (self.momentum is None or is_real(self.momentum)))

    @property
    def unresolved(self) -> bool:
        """Whether num_features is needed and still waits for the input."""
        return self.compared and self.num_features is None

    def refuse_channels(self, x: Shape, channels: Dim) -> None:
        """Refuse an input whose channels are not num_features."""
        if not can_equal(channels, self.channels):
            raise forward_error(
                "SP303", f"num_features is {self.num_features}, the input has {channels} channels", argument="num_features",
                hint=f"num_features: {channels}", nominal=x, given=self.num_features, found=channels,
            )  # fmt: skip

    def refuse_numbers(self, x: Shape) -> None:
        """Refuse eps and momentum that are no numbers."""
        if not is_real(self.eps):
            raise argument_error("eps", self.eps, "a number", hint="eps: 1e-5", nominal=x)
        raise argument_error("momentum", self.momentum, "a number or None", hint="momentum: 0.1", nominal=x)

    def params(self) -> int:
        """A weight and a bias a channel; running statistics are no parameters."""
        if not self.affine:
            return 0
        return 2 * self.channels if self.bias else self.channels  # type: ignore[return-value]


class _BatchNorm(ChannelNorm):
    __slots__ = ()

    def shape(self, x: Shape) -> Shape:
        """The input's."""
        if len(x) not in self.ranks:
            check_rank(self, x, self.ranks, self.ranks_text)
        if self.compared and x[1] != self.channels:
            self.refuse_channels(x, x[1])
        if x[0] == 1 and self.own_statistics and x[2:].count(1) == len(x) - 2:
            self.refuse_one_value(x)
        if not self.sound or self.eps <= 0:
            self.refuse_eps(x)
        return x

    def refuse_channels(self, x: Shape, channels: Dim) -> None:
        """Refuse an input whose channels are not num_features; torch lets one without any channels pass."""
        if channels != 0:
            ChannelNorm.refuse_channels(self, x, channels)

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
        if self.compared and x[1] == 0:
            raise forward_error("SP313", "num_features cannot be inferred from an input without channels",
                                argument="num_features", nominal=x)  # fmt: skip
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
