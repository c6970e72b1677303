"""Pooling to a given size: `AdaptiveAvgPool1d` to `3d`, `AdaptiveMaxPool1d` to `3d`, in torch's words.

Output cell i covers the input cells from floor(i n/o) up to, not including, ceil((i+1) n/o) (`formulas.adaptive_start`,
`adaptive_stop`). The constructor looks at nothing, every refusal is forward's.
Source: torch/nn/modules/pooling.py; torch/nn/modules/utils.py (`_list_with_default`);
aten/src/ATen/native/AdaptiveAveragePooling.cpp, AdaptiveMaxPooling2d.cpp.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import gcd
from typing import Any, ClassVar

from shapecheck.layers.base import Layer, Seen, Window, whole, windowed_field
from shapecheck.layers.refusal import refusal
from shapecheck.layers.windows import check_image, countable, empty_input, int_list
from shapecheck.sizes import Dim, Shape


class _Adaptive(Layer):
    """What both families share; input (N, C, *spatial) or (C, *spatial), the channels stay."""

    __slots__ = ()

    axes: ClassVar[int]
    formula: ClassVar[str] = "output_size on each axis; cell i covers floor(i n/o) to ceil((i+1) n/o), exclusive"
    averages: ClassVar[bool] = False
    channels: ClassVar[bool] = True  # whether a batch of no channels is refused
    output_size: Any

    def counts(self, x: Shape) -> Shape:
        """The output shape."""
        axes, sizes = self.axes, self._sizes(x)
        if self.averages and axes > 1 and sizes == (1,) * axes:  # torch takes the mean then, of anything
            if len(x) < axes + (type(self.output_size) is not int):
                check_image(self, x, axes)
            return x[:-axes] + sizes
        if len(x) != axes + 2:
            check_image(self, x, axes)
        if 0 in x[1:] and not (self.averages and sizes == (1,)):
            self._check_empty(x)
        return countable(self, (x,), x[:-axes] + sizes)

    def _check_empty(self, x: Shape) -> None:
        axes = self.axes
        if 0 in x[-axes:] or (self.channels and len(x) == axes + 2 and x[1] == 0):
            raise empty_input(self, x, "only the batch may be empty")

    def _sizes(self, x: Shape) -> tuple[Dim, ...]:
        """The output size on each axis, an axis kept where it is null."""
        axes, given = self.axes, self.output_size
        listed = axes > 1 and isinstance(given, (tuple, list))
        if listed and (len(given) != axes or len(x) < axes):
            found = None
        else:
            found = int_list([1 if o is None else o for o in given] if listed else given, axes)
        if found is None or min(found) < 0:
            wanted = "a whole number" if axes == 1 else f"a whole number or a list of {axes} numbers or null"
            text = f"output_size is {given!r}, it must be {wanted}{', 0 or more' if found else ''}"
            raise refusal(self, (x,), "SP309", text, "output_size", mends=[{"output_size": 1}])
        if not listed or None not in given:
            return found
        return tuple(n if o is None else size for o, size, n in zip(given, found, x[-axes:], strict=True))

    def shape(self, x: Shape) -> Any:
        """(N, C, *output_size), or without N for an unbatched input."""
        return self.counts(x)

    def field(self, seen: Seen, inputs: tuple[Shape], output: Any) -> Seen:
        """A window of at most `formulas.adaptive_span` cells, n/o apart; not known where open sizes leave it open.

        One output cell in all reads the whole input: global.
        """
        axes = self.axes
        sizes = self._sizes(inputs[0])
        if all(o == 1 for o in sizes):
            return None
        windows: list[Window] = []
        for n, o in zip(inputs[0][-axes:], sizes, strict=True):
            if isinstance(n, int) and isinstance(o, int) and o > 0 and n % o == 0:
                windows.append((n // o, 0, 0, n // o))
            elif isinstance(n, int) and isinstance(o, int) and o > 0:
                g = gcd(n, o)
                windows.append((Fraction(n + 2 * o - 2 * g, o), 0, Fraction(o - g, o), Fraction(n, o)))
            elif o == 1:
                windows.append((n, 0, 0, n))
            elif n == o:
                windows.append((1, 0, 0, 1))
            else:
                return None
        through = windowed_field(seen, windows)
        return through and tuple([(whole(r), whole(j), whole(u)) for r, j, u in through])


@dataclass(frozen=True, slots=True, kw_only=True)
class _AdaptiveAvgPool(_Adaptive):
    """Field names and meanings are those of `torch.nn.AdaptiveAvgPool*d`; null keeps an axis' size."""

    averages: ClassVar[bool] = True

    output_size: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class _AdaptiveMaxPool(_Adaptive):
    """Field names and meanings are those of `torch.nn.AdaptiveMaxPool*d`; with return_indices two shapes."""

    output_size: Any
    return_indices: bool = False

    def shape(self, x: Shape) -> Any:
        """(N, C, *output_size); twice where the indices are asked for."""
        out = self.counts(x)
        return (out, out) if self.return_indices else out


class AdaptiveAvgPool1d(_AdaptiveAvgPool):
    """torch.nn.AdaptiveAvgPool1d: (N, C, L)."""

    __slots__ = ()
    axes = 1
    channels = False


class AdaptiveAvgPool2d(_AdaptiveAvgPool):
    """torch.nn.AdaptiveAvgPool2d: (N, C, H, W)."""

    __slots__ = ()
    axes = 2
    channels = False


class AdaptiveAvgPool3d(_AdaptiveAvgPool):
    """torch.nn.AdaptiveAvgPool3d: (N, C, D, H, W)."""

    __slots__ = ()
    axes = 3


class AdaptiveMaxPool1d(_AdaptiveMaxPool):
    """torch.nn.AdaptiveMaxPool1d: (N, C, L)."""

    __slots__ = ()
    axes = 1


class AdaptiveMaxPool2d(_AdaptiveMaxPool):
    """torch.nn.AdaptiveMaxPool2d: (N, C, H, W)."""

    __slots__ = ()
    axes = 2


class AdaptiveMaxPool3d(_AdaptiveMaxPool):
    """torch.nn.AdaptiveMaxPool3d: (N, C, D, H, W)."""

    __slots__ = ()
    axes = 3
