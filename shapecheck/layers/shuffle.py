"""Cells moved between channels and space: `PixelShuffle`, `PixelUnshuffle`, `ChannelShuffle`.

Source: torch/nn/modules/pixelshuffle.py, channelshuffle.py; aten/src/ATen/native/PixelShuffle.h
(`check_pixel_shuffle_shapes`), ChanelShuffle.cpp.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any, ClassVar

from shapecheck.diagnostics import ShapeError, forward_error, only_words
from shapecheck.formulas import field_size
from shapecheck.layers.arguments import argument_error, divides, is_integer
from shapecheck.layers.base import Layer, Seen, apart, shape_text, undivided
from shapecheck.layers.dims import spatial
from shapecheck.layers.refusal import refusal
from shapecheck.sizes import Shape


class _Shuffle(Layer):
    __slots__ = ()
    argument: ClassVar[str]

    def factor(self, x: Shape) -> int:
        """The argument, where torch takes it for this input."""
        value = getattr(self, self.argument)
        if not is_integer(value) or value < 1:
            raise argument_error(self.argument, value, "a whole number, 1 or more", hint=f"{self.argument}: 1")
        if len(x) < 3:
            raise forward_error(
                "SP302", f"{type(self).__name__} takes (*, C, H, W), this is {shape_text(x)}", rank=len(x)
            )
        return value

    @only_words
    def indivisible(self, x: Shape, message: str, nominal: Shape | None, **facts: Any) -> ShapeError:
        """The error for sizes that do not divide; the hint is the nearest number that does."""
        value = getattr(self, self.argument)
        near = (value + sign * step for step in range(1, 64) for sign in (-1, 1))
        mends = ({self.argument: factor} for factor in (*near, 1) if factor > 0)
        return refusal(self, (x,), "SP314", message, self.argument, mends=mends, nominal=nominal, **facts)


@dataclass(frozen=True, slots=True, kw_only=True)
class PixelShuffle(_Shuffle):
    """torch.nn.PixelShuffle: (*, C r^2, H, W) -> (*, C, H r, W r)."""

    argument: ClassVar[str] = "upscale_factor"
    formula: ClassVar[str] = "(*, C r^2, H, W) -> (*, C, H r, W r)"

    upscale_factor: Any

    def shape(self, x: Shape) -> Shape:
        """Channels divided by r^2, height and width times r."""
        r = self.factor(x)
        channels, height, width = x[-3:]
        output = (*x[:-3], channels // (r * r), height * r, width * r)
        if not divides(r * r, channels):
            raise self.indivisible(
                x,
                f"the square of upscale_factor (= {r}) must divide the {channels} channels",
                output,
                channels=channels,
                r=r,
            )
        return output

    def field(self, seen: Seen, inputs: tuple[Shape], output: Shape) -> Seen:
        """Neighbours stand an r-th as far apart; cell i reads floor(i/r), up to (r-1)/r before its even place."""
        if seen is None or undivided(seen):
            return None
        factor = self.upscale_factor
        uneven = Fraction(factor - 1, factor)
        return tuple([(r + uneven * j, apart(j, 1, factor), u - uneven * j) for r, j, u in _plane(seen, output)])


@dataclass(frozen=True, slots=True, kw_only=True)
class PixelUnshuffle(_Shuffle):
    """torch.nn.PixelUnshuffle: (*, C, H r, W r) -> (*, C r^2, H, W)."""

    argument: ClassVar[str] = "downscale_factor"
    formula: ClassVar[str] = "(*, C, H r, W r) -> (*, C r^2, H, W)"

    downscale_factor: Any

    def shape(self, x: Shape) -> Shape:
        """Channels times r^2, height and width divided by r."""
        r = self.factor(x)
        channels, height, width = x[-3:]
        output = (*x[:-3], channels * r * r, height // r, width // r)
        for name, size in (("height", height), ("width", width)):
            if not divides(r, size):
                raise self.indivisible(
                    x, f"downscale_factor (= {r}) must divide the {name} (= {size})", output, n=size, r=r
                )
        return x if 0 in x else output  # torch hands an empty input back as it is

    def field(self, seen: Seen, inputs: tuple[Shape], output: Shape) -> Seen:
        """The channels of a cell together see r cells, and neighbours stand r times as far apart."""
        factor = self.downscale_factor
        return (
            None
            if seen is None
            else tuple((field_size(r, j, factor), j * factor, u) for r, j, u in _plane(seen, output))
        )


def _plane(seen: Seen, output: Shape) -> tuple[tuple[Any, Any, Any], ...]:
    """The field an axis, at least height and width."""
    return spatial(seen, max(len(output), 4))


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelShuffle(_Shuffle):
    """torch.nn.ChannelShuffle: (N, C, *), the same out; the channels of each group dealt out to all."""

    argument: ClassVar[str] = "groups"

    groups: Any

    def shape(self, x: Shape) -> Shape:
        """The input's."""
        groups = self.factor(x)
        if not divides(groups, x[1]):
            raise self.indivisible(
                x, f"groups (= {groups}) must divide the {x[1]} channels", x, channels=x[1], groups=groups
            )
        return x
