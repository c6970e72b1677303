"""Upsampling: `Upsample`, `UpsamplingNearest2d`, `UpsamplingBilinear2d`, to a size or by a factor.

By a factor the size is a product of floats cut down to an int (`formulas.scaled_size`), which obeys no law of the
integers: 90 cells times 0.7 are 62, for 90 * 0.7 is 62.99999999999999. An open size can be scaled where the factor is
exact in binary (2, 0.5, 1.5, ...); else the size has to be given.
Source: torch/nn/modules/upsampling.py; torch/nn/functional.py (`interpolate`); aten/src/ATen/native/UpSample.h
(`compute_output_size`, `upsample_2d_common_check`).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from math import gcd
from typing import Any, ClassVar, TypeAlias

from shapecheck.diagnostics import ShapeError, construct_error, forward_error, only_words
from shapecheck.formulas import adaptive_span, dyadic_size, field_size, field_start, scaled_size
from shapecheck.layers.arguments import argument_error
from shapecheck.layers.base import LIMIT, Layer, Seen, apart, seen_by, shape_text, undivided, whole
from shapecheck.layers.dims import whole_numbers
from shapecheck.layers.refusal import refusal, value_text
from shapecheck.sizes import Dim, Shape

_set = object.__setattr__
RANKS: dict[str, tuple[int, ...]] = {
    "nearest": (3, 4, 5),
    "nearest-exact": (3, 4, 5),
    "area": (3, 4, 5),
    "linear": (3,),
    "bilinear": (4,),
    "bicubic": (4,),
    "trilinear": (5,),
}
STEPWISE = ("nearest", "nearest-exact", "area")  # these take no align_corners
Step: TypeAlias = (
    "tuple[int, int, int, int]"  # cells apart (numerator, denominator), cells read, how many of them before
)
EXACT = 2**22  # a numerator below this times a size below 2^31 is exact in double precision


@dataclass(frozen=True, slots=True, kw_only=True)
class _Upsample(Layer):
    formula: ClassVar[str] = "floor(n scale_factor), in double precision, or size"

    size: Any = None
    scale_factor: Any = None
    scale: float | tuple[float, ...] | None = field(init=False, repr=False, compare=False)
    ranks: tuple[int, ...] = field(init=False, repr=False, compare=False)  # none where torch refuses every input
    step: Step | None = field(init=False, repr=False, compare=False)  # where it is the same for all sizes

    def __post_init__(self) -> None:
        scale = _floats(self.scale_factor)
        _set(self, "scale", scale)
        mode, align, recompute = self.modes()
        _set(self, "ranks", RANKS[mode] if self.fault() is None else ())
        same = self.ranks and type(scale) is float and scale > 0 and not (recompute or align or mode == "area")
        _set(self, "step", _step(mode, *_ratio(scale)) if same else None)

    def modes(self) -> tuple[Any, Any, Any]:
        """(mode, align_corners, recompute_scale_factor)."""
        raise NotImplementedError

    def fault(self) -> ShapeError | None:
        """What torch will refuse when the layer is run, whatever its input."""
        mode, align, recompute = self.modes()
        if not isinstance(mode, str) or mode not in RANKS:
            return argument_error("mode", mode, f"one of {', '.join(RANKS)}", hint="mode: nearest")
        if self.size is None and self.scale is None:
            return forward_error("SP205", "either size or scale_factor is needed", hint="scale_factor: 2")
        if self.size is not None and self.scale is not None:
            return forward_error("SP205", "size and scale_factor exclude each other", argument="scale_factor",
                                 hint="scale_factor: null")  # fmt: skip
        scales = self.scale if isinstance(self.scale, tuple) else (self.scale or 0.0,)
        if not all(-LIMIT < scale < LIMIT for scale in scales):
            return argument_error("scale_factor", self.scale_factor, "a finite number", hint="scale_factor: 2")
        if mode in STEPWISE:
            if align is not None:
                return argument_error("align_corners", align, f"none with mode {mode}", hint="align_corners: null")
        elif align is not None and type(align) is not bool:
            return argument_error("align_corners", align, "true or false", hint="align_corners: false")
        if recompute and self.size is not None:
            return forward_error("SP205", "recompute_scale_factor goes with scale_factor, not with size",
                                 argument="recompute_scale_factor", hint="recompute_scale_factor: null")  # fmt: skip
        return None

    def shape(self, x: Shape) -> Shape:
        """(N, C) and the new sizes."""
        if len(x) not in self.ranks:
            raise self._refuse_rank(x)
        scale, sizes = self.scale, x[2:]
        if type(scale) is float:
            new = [scaled_size(n, scale) if type(n) is int else scaled_open(n, scale) for n in sizes]
        else:
            new = self._sizes(sizes)
        output = (*x[:2], *new)
        for n, size in zip(sizes, new):  # noqa: B905 - speed
            if not (n >= 1 and 1 <= size < LIMIT):  # so written, an open size passes if it can
                self._check_emptiness(x, output)
        if x[1] == 0:
            self._check_emptiness(x, output)
        return output

    def _sizes(self, sizes: Shape) -> list[Dim]:
        """The new sizes, by a factor an axis or as given."""
        size, scale = self.size, self.scale
        if isinstance(scale, tuple):
            self._check_length("scale_factor", scale, sizes)
            return [
                scaled_size(n, s) if type(n) is int else scaled_open(n, s) for n, s in zip(sizes, scale, strict=True)
            ]
        if isinstance(size, (tuple, list)):
            self._check_length("size", size, sizes)
        else:
            size = (size,) * len(sizes)
        return list(whole_numbers(size, "size", single=False))

    def _check_length(self, argument: str, given: Any, spatial: Shape) -> None:
        if len(given) != len(spatial):
            fitting = (list(given) + list(given)[-1:] * len(spatial))[: len(spatial)]
            raise forward_error(
                "SP309", f"{argument} has {len(given)} entries, the input has {len(spatial)} spatial axes",
                argument=argument, hint=f"{argument}: {value_text(fitting)}" if fitting else None, given=len(given),
                axes=len(spatial),
            )  # fmt: skip

    @only_words
    def _refuse_rank(self, x: Shape) -> ShapeError:
        fault = self.fault()
        if fault is not None:
            return fault
        mode = self.modes()[0]
        wanted = {3: "(N, C, L)", 4: "(N, C, H, W)", 5: "(N, C, D, H, W)"}
        fitting = {3: "linear", 4: "bilinear", 5: "trilinear"}.get(len(x))
        words = f"mode {mode} takes {' or '.join(wanted[rank] for rank in self.ranks)}, this is {shape_text(x)}"
        mends = [{"mode": fitting}] if fitting and hasattr(self, "mode") else []
        return refusal(self, (x,), "SP302", words, "mode", mends=mends, rank=len(x))

    def _check_emptiness(self, x: Shape, output: Shape) -> None:
        """Refuse an empty input or output; `area` lets some through: to one cell it is a mean, of nothing too."""
        if self.modes()[0] == "area" and all(size == 1 for size in output[2:]):
            return
        if not (all(n >= 1 for n in x[2:]) and all(0 <= size < LIMIT for size in output[2:])):
            raise self._refuse_emptiness(x, output)
        if self.modes()[0] == "area":
            if len(x) == 5 and x[1] == 0:
                raise self._refuse_emptiness(x, output)
        elif not all(size >= 1 for size in output[2:]) or x[1] == 0:
            raise self._refuse_emptiness(x, output)

    @only_words
    def _refuse_emptiness(self, x: Shape, output: Shape) -> ShapeError:
        if 0 in x[1:]:
            return forward_error("SP313", f"{shape_text(x)} is empty: there is nothing to sample")
        words = f"{shape_text(x)} would become {shape_text(output)}: a size is from 1 to 2^63 - 1"
        argument = "scale_factor" if self.size is None else "size"
        return refusal(self, (x,), "SP312", words, argument, mends=[{argument: 1}])

    def field(self, seen: Seen, inputs: tuple[Shape], output: Shape) -> Seen:
        """Neighbours stand 1/scale as far apart; a cell reads the nearest 1, 2 (linear) or 4 (cubic) an axis."""
        if seen is None or undivided(seen):
            return None
        sizes = inputs[0][2:]
        out: list[Any] = []
        before: Any = None
        for place, triple in enumerate(seen_by(len(sizes), seen)):
            step = self.step or self._axis_step(place, sizes[place], output[place + 2])
            if step is None:
                return None
            out.append(out[-1] if (triple, step) == before else _moved(triple, step))
            before = triple, step
        return tuple(out)

    def _axis_step(self, place: int, n: Dim, size: Dim) -> Step | None:
        """How cells are read on that axis; None where it depends on an open size."""
        mode, align, recompute = self.modes()
        if isinstance(self.scale, tuple) and not (recompute or align or mode == "area"):
            return _step(mode, *_ratio(self.scale[place]))
        if not isinstance(n, int) or not isinstance(size, int) or size < 1:
            return None
        if align:
            ratio = Fraction(n - 1, size - 1) if size > 1 else Fraction(1)
            return ratio.numerator, ratio.denominator, 4 if mode == "bicubic" else 2, 1 if mode == "bicubic" else 0
        if mode == "area":
            return n, size, adaptive_span(n, size, gcd(n, size)), 0
        return _step(mode, n, size)


def scaled_open(n: Dim, scale: float) -> Dim:
    """The scaled size of an open one, where the factor is exact in binary; else a ShapeError.

    >>> from shapecheck.sizes import name
    >>> str(scaled_open(name("H"), 1.5))
    'floor(3*H/2)'
    """
    numerator, denominator = scale.as_integer_ratio()
    if abs(numerator) < EXACT:
        return dyadic_size(n, numerator, denominator)
    if isinstance(n, int):  # a number that remembers its formula: here that ends
        return scaled_size(n, scale)
    raise forward_error(
        "SP330",
        f"{n} times {scale} is rounded by floating point: there is no formula for it",
        argument="scale_factor",
        hint=f"give the size {n} a number, or take a scale_factor that is exact in binary, like 0.5 or 1.25",
        scale=scale,
    )


def _ratio(scale: Any) -> tuple[int, int]:
    """Input cells an output cell, as the fraction the author wrote: 10/7 for 0.7."""
    return Fraction(repr(scale)).as_integer_ratio()[::-1]


def _step(mode: str, num: int, den: int) -> Step:
    """How cells are read where output cells stand num/den input cells apart and the edges are not aligned.

    Cell i has its middle over (i + 1/2) num/den - 1/2; the nearest, the two or the four cells around that are read.
    """
    if mode == "nearest":
        return num, den, 1, 0
    if mode == "nearest-exact":
        return num, den, 1, -(num // (2 * den))
    before = -((num - den) // (2 * den))
    if num == den:
        return num, den, 1, 0
    return (num, den, 4, before + 1) if mode == "bicubic" else (num, den, 2, before)


def _moved(triple: tuple[Any, Any, Any], step: Step) -> tuple[Any, Any, Any]:
    """The field on one axis after the step.

    Cell i reads from a floor on, at most `uneven` cells before its even place: the interval takes that in.
    """
    r, j, u = triple
    num, den, span, first = step
    uneven = Fraction(2 * den - 1, 2 * den) * j if den > 1 else 0
    return whole(field_size(r, j, span) + uneven), apart(j, num, den), whole(field_start(u, j, first) - uneven)


def _floats(scale: Any) -> float | tuple[float, ...] | None:
    """The factors as torch's constructor turns them into floats; a single 0 counts as none."""
    try:
        if isinstance(scale, tuple):
            return tuple(float(factor) for factor in scale)
        return float(scale) if scale else None
    except (TypeError, ValueError, OverflowError):
        raise construct_error(
            "SP201", f"scale_factor is {scale!r}: it is a number, or a tuple of numbers", argument="scale_factor"
        ) from None


@dataclass(frozen=True, slots=True, kw_only=True)
class Upsample(_Upsample):
    """torch.nn.Upsample: (N, C, *spatial) -> (N, C, *new sizes)."""

    mode: Any = "nearest"
    align_corners: Any = None
    recompute_scale_factor: Any = None

    def modes(self) -> tuple[Any, Any, Any]:
        """As given; area is always recomputed."""
        return self.mode, self.align_corners, self.recompute_scale_factor


class UpsamplingNearest2d(_Upsample):
    """torch.nn.UpsamplingNearest2d: Upsample with mode nearest."""

    __slots__ = ()

    def modes(self) -> tuple[Any, Any, Any]:
        """Nearest."""
        return "nearest", None, None


class UpsamplingBilinear2d(_Upsample):
    """torch.nn.UpsamplingBilinear2d: Upsample with mode bilinear and aligned corners."""

    __slots__ = ()

    def modes(self) -> tuple[Any, Any, Any]:
        """Bilinear, corners aligned."""
        return "bilinear", True, None
