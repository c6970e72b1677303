"""Upsampling: `Upsample`, `UpsamplingNearest2d`, `UpsamplingBilinear2d`, to a size or by a factor.

By a factor the size is a product of floats cut down to an int (`formulas.scaled_size`), which obeys no law of the
integers: 90 cells times 0.7 are 62, for 90 * 0.7 is 62.99999999999999. An open size can be scaled where the factor is
exact in binary (2, 0.5, 1.5, ...); else the size has to be given. Source: torch/nn/modules/upsampling.py;
torch/nn/functional.py (`interpolate`); aten/src/ATen/native/UpSample.h (`compute_output_size`,
`upsample_2d_common_check`).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, ClassVar

from shapecheck.diagnostics import ShapeError, construct_error, forward_error
from shapecheck.formulas import dyadic_size, field_size, field_start, scaled_size
from shapecheck.layers.arguments import argument_error
from shapecheck.layers.base import LIMIT, Layer, Seen, seen_by, shape_text, whole
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
EXACT = 2**22  # a numerator below this times a size below 2^31 is exact in double precision


@dataclass(frozen=True, slots=True, kw_only=True)
class _Upsample(Layer):
    formula: ClassVar[str] = "floor(n scale_factor), in double precision, or size"

    size: Any = None
    scale_factor: Any = None
    scale: float | tuple[float, ...] | None = field(init=False, repr=False, compare=False)
    sound: bool = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        _set(self, "scale", _floats(self.scale_factor))
        _set(self, "sound", self.fault() is None)

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
        if not self.sound:
            error = self.fault()
            assert error is not None
            raise error
        mode = self.modes()[0]
        if len(x) not in RANKS[mode]:
            raise self._refuse_rank(x, mode)
        sizes = self._sizes(x[2:])
        output = (*x[:2], *sizes)
        for n, size in zip(x[2:], sizes):  # noqa: B905 - speed
            if n < 1 or size < 1:
                self._check_emptiness(x, output)
        if x[1] == 0:
            self._check_emptiness(x, output)
        return output

    def _sizes(self, spatial: Shape) -> Shape:
        size, scale = self.size, self.scale
        if size is None:
            if isinstance(scale, tuple):
                self._check_length("scale_factor", scale, spatial)
                return tuple(self._scaled(n, s) for n, s in zip(spatial, scale, strict=True))
            return tuple([self._scaled(n, scale) for n in spatial])
        if isinstance(size, (tuple, list)):
            self._check_length("size", size, spatial)
            return whole_numbers(size, "size", single=False)
        return whole_numbers((size,) * len(spatial), "size", single=False)

    def _check_length(self, argument: str, given: Any, spatial: Shape) -> None:
        if len(given) != len(spatial):
            fitting = (list(given) + list(given)[-1:] * len(spatial))[: len(spatial)]
            raise forward_error(
                "SP309", f"{argument} has {len(given)} entries, the input has {len(spatial)} spatial axes",
                argument=argument, hint=f"{argument}: {value_text(fitting)}" if fitting else None, given=len(given),
                axes=len(spatial),
            )  # fmt: skip

    def _scaled(self, n: Dim, scale: Any) -> Dim:
        try:
            if isinstance(n, int):
                size = scaled_size(n, scale)
                if -LIMIT <= size < LIMIT:
                    return size
                raise OverflowError
            numerator, denominator = scale.as_integer_ratio()
        except (OverflowError, ValueError):
            raise forward_error(
                "SP312",
                f"{n} cells times {scale} is no size",
                argument="scale_factor",
                hint="scale_factor: 2",
                n=n,
                scale=scale,
            ) from None
        if abs(numerator) < EXACT:
            return dyadic_size(n, numerator, denominator)
        raise forward_error(
            "SP330",
            f"{n} times {scale} is rounded by floating point: there is no formula for it",
            argument="scale_factor",
            hint=f"give the size {n} a number, or take a scale_factor that is exact in binary, like 0.5 or 1.25",
            scale=scale,
        )

    def _refuse_rank(self, x: Shape, mode: str) -> ShapeError:
        wanted = {3: "(N, C, L)", 4: "(N, C, H, W)", 5: "(N, C, D, H, W)"}
        fitting = {3: "linear", 4: "bilinear", 5: "trilinear"}.get(len(x))
        return refusal(
            self,
            (x,),
            "SP302",
            f"mode {mode} takes {' or '.join(wanted[rank] for rank in RANKS[mode])}, this is {shape_text(x)}",
            "mode",
            mends=[{"mode": fitting}] if fitting and hasattr(self, "mode") else [],
            rank=len(x),
        )

    def _check_emptiness(self, x: Shape, output: Shape) -> None:
        if any(size < 0 for size in output[2:]) or any(n < 1 for n in x[2:]):
            raise self._refuse_emptiness(x, output)
        if self.modes()[0] == "area":
            if len(x) == 5 and x[1] == 0:
                raise self._refuse_emptiness(x, output)
        elif any(size < 1 for size in output[2:]) or x[1] == 0:
            raise self._refuse_emptiness(x, output)

    def _refuse_emptiness(self, x: Shape, output: Shape) -> ShapeError:
        if 0 in x[1:]:
            return forward_error("SP313", f"{shape_text(x)} is empty: there is nothing to sample")
        argument = "size" if self.size is not None else "scale_factor"
        mends = [{argument: 1}] if self.size is not None else [{argument: 1.0}]
        return refusal(
            self,
            (x,),
            "SP312",
            f"{shape_text(x)} would become {shape_text(output)}: a size is 1 or more",
            argument,
            mends=mends,
        )

    def field(self, seen: Seen, inputs: tuple[Shape], output: Shape) -> Seen:
        """Neighbours stand 1/scale as far apart; a cell reads the nearest 1, 2 (linear) or 4 (cubic) an axis."""
        if seen is None:
            return None
        before, after = inputs[0][2:], output[2:]
        mode = self.modes()[0]
        out = []
        for place, (r, j, u) in enumerate(seen_by(len(before), seen)):
            ratio = self._ratio(place, before[place], after[place])
            if ratio is None:
                return None
            span, first = _reach(mode, ratio)
            out.append((field_size(r, j, span), whole(j * ratio), field_start(u, j, first)))
        return tuple(out)

    def _ratio(self, place: int, n: Dim, size: Dim) -> Fraction | None:
        """Input cells an output cell; None where it depends on an open size."""
        if n == size:
            return Fraction(1)
        scale = self.scale[place] if isinstance(self.scale, tuple) else self.scale
        if scale is not None and not self.modes()[2]:
            return 1 / Fraction(repr(scale))
        return Fraction(n, size) if isinstance(n, int) and isinstance(size, int) and size else None


def _reach(mode: str, ratio: Fraction) -> tuple[int, int]:
    """(cells read an axis, how many of them lie before the cell's own place), edges not counted."""
    if ratio == 1 or mode in ("nearest", "nearest-exact"):
        return 1, 0
    if mode == "area":
        return -(-ratio.numerator // ratio.denominator) + (ratio.denominator > 1), 0
    return (4, 2) if mode == "bicubic" else (2, 1)


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
