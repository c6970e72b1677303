"""Instance, group, layer and root-mean-square normalisation: statistics of one sample, the same in training and
evaluation.

Batch normalisation is in `batch_norm.py`, the two response normalisations in `response_norm.py`. Source:
torch/nn/modules/instancenorm.py, normalization.py; torch/nn/functional.py (`instance_norm`, `_verify_spatial_size`,
`group_norm`); aten/src/ATen/native/group_norm.cpp, layer_norm.cpp.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from numbers import Integral
from typing import Any, ClassVar

from shapecheck.diagnostics import ShapeError, construct_error, forward_error
from shapecheck.layers.arguments import argument_error, check_weight, divides, is_integer, is_real
from shapecheck.layers.base import Layer, Seen, check_rank, product, shape_text
from shapecheck.layers.batch_norm import ChannelNorm
from shapecheck.layers.dims import whole_numbers
from shapecheck.sizes import Shape, can_equal

_set = object.__setattr__


# Instance normalisation ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class _InstanceNorm(ChannelNorm):
    affine: Any = False
    track_running_stats: Any = False

    def shape(self, x: Shape) -> Shape:
        """The input's."""
        ranks = self.ranks
        if len(x) not in ranks:
            check_rank(self, x, ranks, self.ranks_text)
        batched = len(x) == ranks[1]
        if self.compared:
            self.check_channels(x, batched)
        spatial = x[2:] if batched else x[1:]
        if self.own_statistics and spatial.count(1) == len(spatial):
            raise forward_error(
                "SP315",
                f"{shape_text(x)} holds one value per instance and channel: it has no variance",
                nominal=x,
                values=1,
            )
        if not self.sound:
            self.refuse_numbers(x)
        return x

    def check_channels(self, x: Shape, batched: bool) -> None:
        """Refuse an input whose channels are not num_features, and emptiness where a weight is spread over it.

        Torch looks at an empty input's channels only for the weight, and in training for the running statistics.
        """
        batch, channels = x[:2] if batched else (1, x[0])
        if self.affine:
            if type(self.num_features) is tuple or type(self.num_features) is list:
                raise argument_error("num_features", self.num_features, "a number", nominal=x)
            self.refuse_channels(x, channels)
            if 0 in (batch, channels):
                raise forward_error("SP313", f"{shape_text(x)} is empty: there is no weight for it", nominal=x)
        if self.track_running_stats and len(self.features) > 1:
            raise argument_error("num_features", self.num_features, "a number", nominal=x)
        if self.track_running_stats and (self.training or 0 not in x) and (batch != 0 or channels != 1):
            self.refuse_channels(x, channels)

    def infer_arguments(self, x: Shape) -> dict[str, Any]:
        """num_features, from the channels."""
        check_rank(self, x, self.ranks, self.ranks_text)
        return {"num_features": x[1] if len(x) == self.ranks[1] else x[0]}

    def field(self, seen: Seen, inputs: tuple[Shape], output: Shape) -> Seen:
        """Global, unless the running statistics are used."""
        return None if self.own_statistics else seen


class InstanceNorm1d(_InstanceNorm):
    """torch.nn.InstanceNorm1d: (N, C, L) or (C, L), the same out."""

    __slots__ = ()
    ranks = (2, 3)
    ranks_text = "(N, C, L) or (C, L)"


class InstanceNorm2d(_InstanceNorm):
    """torch.nn.InstanceNorm2d: (N, C, H, W) or (C, H, W), the same out."""

    __slots__ = ()
    ranks = (3, 4)
    ranks_text = "(N, C, H, W) or (C, H, W)"


class InstanceNorm3d(_InstanceNorm):
    """torch.nn.InstanceNorm3d: (N, C, D, H, W) or (C, D, H, W), the same out."""

    __slots__ = ()
    ranks = (4, 5)
    ranks_text = "(N, C, D, H, W) or (C, D, H, W)"


# Group normalisation -------------------------------------------------------------------------------------------------


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
        try:
            rest = channels % groups
        except (TypeError, ValueError, ZeroDivisionError):
            raise construct_error(
                "SP201",
                f"num_channels ({channels!r}) cannot be divided by num_groups ({groups!r})",
                argument="num_groups",
            ) from None
        if rest != 0:
            raise construct_error(
                "SP203", f"num_groups (= {groups}) must divide num_channels (= {channels})", argument="num_groups",
                num_groups=groups, num_channels=channels,
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
                argument="num_groups", hint="num_groups: 1", nominal=x, num_groups=self.num_groups, channels=channels,
            )  # fmt: skip

    def infer_arguments(self, x: Shape) -> dict[str, Any]:
        """num_channels, from the second dimension."""
        if len(x) < 2:
            raise forward_error("SP302", f"{shape_text(x)} has no channels: torch wants (N, C, ...)", rank=len(x))
        return {"num_channels": x[1]}

    def params(self) -> int:
        """A weight and a bias a channel."""
        return self.num_channels * (2 if self.bias else 1) if self.affine else 0

    def field(self, seen: Seen, inputs: tuple[Shape], output: Shape) -> Seen:
        """Global: the statistics are taken over all positions."""
        return None


# Layer and root-mean-square normalisation ----------------------------------------------------------------------------


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
