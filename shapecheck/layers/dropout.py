"""Dropout: cells, or whole channels, thrown away in training; the shape stays.

Source: torch/nn/modules/dropout.py, torch/nn/functional.py (`dropout1d` checks its rank);
aten/src/ATen/native/Dropout.cpp (`feature_dropout` makes its noise of the shape (N, C, 1, ...)).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from shapecheck.diagnostics import construct_error, forward_error
from shapecheck.layers.base import Layer, check_rank, shape_text
from shapecheck.sizes import Shape


@dataclass(frozen=True, slots=True, kw_only=True)
class _Dropout(Layer):
    least_rank: ClassVar[int] = 0  # in training

    p: Any = 0.5
    inplace: Any = False
    training: bool = True

    def __post_init__(self) -> None:
        p = self.p
        if type(p) not in (int, float, bool):
            raise construct_error(
                "SP201", f"p is {p!r}: a probability is a number from 0 to 1", argument="p", hint="p: 0.5", p=p
            )
        if p < 0 or p > 1:
            raise construct_error(
                "SP202", f"p is {p}: a probability is from 0 to 1", argument="p", hint=f"p: {0 if p < 0 else 1}", p=p
            )

    def shape(self, x: Shape) -> Shape:
        """The input's."""
        if len(x) < self.least_rank or self.p != self.p:
            self.check(x)
        return x

    def check(self, x: Shape) -> None:
        """Refuse nan, and an input without channels where some would be drawn: not at p 0 or 1."""
        if self.p != self.p:
            raise forward_error(
                "SP309", "p is nan: a probability is from 0 to 1", argument="p", hint="p: 0.5", nominal=x
            )
        if self.training and 0 < self.p < 1 and 0 not in x:
            raise forward_error(
                "SP302", f"{type(self).__name__} drops whole channels, {shape_text(x)} has none", rank=len(x), nominal=x
            )


class Dropout(_Dropout):
    """torch.nn.Dropout: (*) -> (*)."""

    __slots__ = ()


class AlphaDropout(_Dropout):
    """torch.nn.AlphaDropout: (*) -> (*)."""

    __slots__ = ()


class FeatureAlphaDropout(_Dropout):
    """torch.nn.FeatureAlphaDropout: (N, C, *) -> (N, C, *)."""

    __slots__ = ()
    least_rank = 2


class Dropout1d(_Dropout):
    """torch.nn.Dropout1d: (N, C, L) or (C, L), the same out."""

    __slots__ = ()

    def shape(self, x: Shape) -> Shape:
        """The input's."""
        if len(x) != 3:
            check_rank(self, x, (2, 3), "(N, C, L) or (C, L)")
        return _Dropout.shape(self, x)


class Dropout2d(_Dropout):
    """torch.nn.Dropout2d: (N, C, H, W) -> (N, C, H, W)."""

    __slots__ = ()
    least_rank = 2


class Dropout3d(_Dropout):
    """torch.nn.Dropout3d: (N, C, D, H, W) or (C, D, H, W), the same out."""

    __slots__ = ()
    least_rank = 1
