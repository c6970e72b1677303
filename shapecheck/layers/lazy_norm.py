"""The lazy instance norms: more than an alias, for unlike `InstanceNorm` they are affine and track statistics.

They read num_features off the second dimension even where the input has no batch.
Source: torch/nn/modules/instancenorm.py (`LazyInstanceNorm1d`), batchnorm.py (`_LazyNormBase`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from shapecheck.diagnostics import ShapeError
from shapecheck.layers.base import Layer, check_rank, parameters, shape_text
from shapecheck.layers.instance_norm import InstanceNorm1d, InstanceNorm2d, InstanceNorm3d
from shapecheck.sizes import Shape


@dataclass(frozen=True, slots=True, kw_only=True)
class _LazyInstanceNorm(Layer):
    inferred: ClassVar[tuple[str, ...]] = ("num_features",)
    becomes: ClassVar[type[InstanceNorm1d | InstanceNorm2d | InstanceNorm3d]]
    num_features: ClassVar[None] = None

    eps: Any = 1e-5
    momentum: Any = 0.1
    affine: Any = True
    track_running_stats: Any = True
    bias: Any = True
    training: bool = True

    def resolve(self, *inputs: Any) -> Layer:
        """The instance norm with num_features read off the second dimension."""
        x: Shape = inputs[0]
        check_rank(self, x, self.becomes.ranks, self.becomes.ranks_text)
        own = {field.name: getattr(self, field.name) for field in parameters(type(self))}
        layer = self.becomes(num_features=x[1], **own)
        if len(x) < max(layer.ranks):
            _check_unbatched(layer, x)
        return layer


def _check_unbatched(layer: Layer, x: Shape) -> None:
    """Refuse an input without batch as the layer itself does, but with a hint: num_features cannot be given."""
    try:
        layer.shape(x)
    except ShapeError as error:
        if error.diagnostics[0].argument == "num_features":
            finding = error.diagnostics[0]._replace(hint=f"a batch in front: {shape_text((1, *x))}")
            raise ShapeError(finding, nominal=error.nominal) from None


class LazyInstanceNorm1d(_LazyInstanceNorm):
    """torch.nn.LazyInstanceNorm1d: (N, C, L), the same out."""

    __slots__ = ()
    becomes = InstanceNorm1d


class LazyInstanceNorm2d(_LazyInstanceNorm):
    """torch.nn.LazyInstanceNorm2d: (N, C, H, W), the same out."""

    __slots__ = ()
    becomes = InstanceNorm2d


class LazyInstanceNorm3d(_LazyInstanceNorm):
    """torch.nn.LazyInstanceNorm3d: (N, C, D, H, W), the same out."""

    __slots__ = ()
    becomes = InstanceNorm3d
