"""Instance normalisation: each channel of each sample brought to mean 0 and variance 1 over its positions.

Source: torch/nn/modules/instancenorm.py; torch/nn/functional.py (`instance_norm`, `_verify_spatial_size`);
aten/src/ATen/native/Normalization.cpp (`instance_norm`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from shapecheck.diagnostics import forward_error
from shapecheck.layers.arguments import argument_error
from shapecheck.layers.base import Seen, check_rank, shape_text
from shapecheck.layers.batch_norm import ChannelNorm
from shapecheck.sizes import Shape


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
