"""The Lazy transposed convolutions, `LazyConvTranspose1d` to `3d`: they infer in_channels, and forget a check.

Source: torch/nn/modules/conv.py (`_LazyConvXdMixin.initialize_parameters`).
"""

from __future__ import annotations

from typing import Any

from shapecheck.layers.base import Layer, signature
from shapecheck.layers.conv_transpose import ConvTranspose1d, ConvTranspose2d, ConvTranspose3d


class _Lazy(Layer):
    """torch does not ask a Lazy one whether groups divide out_channels: without a bias, it drops what is left over."""

    __slots__ = ()

    def resolve(self, *inputs: Any) -> Layer:
        """The layer that torch's Lazy module turns into."""
        values = {name: getattr(self, name) for name in signature(type(self)).names}
        out, groups = values["out_channels"], values["groups"]
        if not values["bias"] and isinstance(out, int) and out >= groups:
            values["out_channels"] = out - out % groups
        cls: type[Layer] = type(self).__mro__[2]
        return cls(**{**values, **self.infer_arguments(*inputs)})


class LazyConvTranspose1d(_Lazy, ConvTranspose1d):
    """torch.nn.LazyConvTranspose1d: (N, C, L)."""

    __slots__ = ()


class LazyConvTranspose2d(_Lazy, ConvTranspose2d):
    """torch.nn.LazyConvTranspose2d: (N, C, H, W)."""

    __slots__ = ()


class LazyConvTranspose3d(_Lazy, ConvTranspose3d):
    """torch.nn.LazyConvTranspose3d: (N, C, D, H, W)."""

    __slots__ = ()
