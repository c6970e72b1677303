"""Padding: cells added on each side of the last axes, or, where the number is negative, cut off.

`padding` counts from the last axis: (left, right, top, bottom, front, back); one number stands for all sides. The 1,
2 or 3 in a class's name only says how often one number is repeated: torch pads as many axes as it is given pairs.
Source: torch/nn/modules/padding.py; aten/src/ATen/native/PadNd.cpp (`constant_pad_nd`, `_pad_circular_symint`,
`_pad_enum_symint`), ReflectionPad.cpp, ReplicationPadding.cpp.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, ClassVar

from shapecheck.diagnostics import ShapeError, forward_error, only_words
from shapecheck.formulas import PAD_REFLECTS, PAD_WRAPS, field_start, padded_size
from shapecheck.layers.arguments import argument_error, is_real
from shapecheck.layers.base import Layer, Seen, check_limit, check_rank, ntuple, seen_by, shape_text
from shapecheck.layers.dims import whole_numbers
from shapecheck.layers.refusal import refusal, value_text
from shapecheck.sizes import Dim, Shape

_set = object.__setattr__
reflects, wraps = PAD_REFLECTS.holds, PAD_WRAPS.holds
HUGE = 2**20  # from here on the output is counted
SIDES = ("left", "right", "top", "bottom", "front", "back")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Pad(Layer):
    """A pad of any kind; `sides` are (before, after) an axis, in the order of the axes; None: no such list."""

    axes: ClassVar[int]
    formula: ClassVar[str] = "n + before + after on each axis"

    padding: Any
    sides: tuple[tuple[int, int], ...] | None = field(init=False, repr=False, compare=False)
    crops: bool = field(init=False, repr=False, compare=False)
    huge: bool = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        try:
            numbers = whole_numbers(ntuple(self.padding, 2 * self.axes), "padding", single=False)
        except ShapeError:
            numbers = None
        _set(self, "sides", None if numbers is None or len(numbers) % 2 else _by_axis(numbers))
        _set(self, "crops", numbers is None or min(numbers, default=0) < 0)
        _set(self, "huge", numbers is None or max(numbers, default=0) > HUGE)

    def shape(self, x: Shape) -> Shape:
        """The last axes longer, or shorter, by their two numbers."""
        sides = self.sides
        if sides is None:
            raise self.refuse_list(x)
        axes = len(sides)
        self.check(x, axes)
        out: list[Dim] = []
        for n, (before, after) in zip(x[len(x) - axes :], sides):  # noqa: B905 - speed
            out.append(padded_size(n, before, after))
        if self.crops:
            self.check_crops(x, sides, out)
        output = (*x[: len(x) - axes], *out)
        if self.huge:
            check_limit(tuple(size if size != 0 else 1 for size in output))  # torch counts strides of an empty one, too
        return output

    def check(self, x: Shape, axes: int) -> None:
        """Refuse what this kind of pad does not take."""
        raise NotImplementedError

    def check_crops(self, x: Shape, sides: tuple[tuple[int, int], ...], out: list[Dim]) -> None:
        """Refuse negative padding that leaves too little."""
        raise NotImplementedError

    def refuse_list(self, x: Shape) -> ShapeError:
        """The error for a padding that is no list of whole numbers, two an axis."""
        words = f"padding is {value_text(self.padding)}: it takes whole numbers, two an axis"
        given = ntuple(self.padding, 2 * self.axes)
        try:
            nearest = [int(number) for number in given]
        except (TypeError, ValueError, OverflowError):
            nearest = [0] * (2 * self.axes)
        return self.refusal(x, "SP309", words, mends=[tuple(nearest), tuple(nearest[: len(nearest) // 2 * 2])])

    @only_words
    def refusal(self, x: Shape, code: str, message: str, mends: Iterable[Any] = (), **facts: Any) -> ShapeError:
        """The error for this padding, with the first of the mends that works as its hint."""
        sides = self.sides
        nominal = None
        if sides is not None and 0 < len(sides) <= len(x):
            nominal = (
                *x[: -len(sides)],
                *(padded_size(n, *side) for n, side in zip(x[-len(sides) :], sides, strict=True)),
            )
            nominal = nominal if all(size >= 0 for size in nominal) else None
        tried = ({"padding": padding} for padding in (*mends, 0))
        return refusal(self, (x,), code, message, "padding", mends=tried, nominal=nominal, **facts)

    def field(self, seen: Seen, inputs: tuple[Shape], output: Shape) -> Seen:
        """The start moved back by the cells before; a reflected or wrapped cell counts where it stands."""
        sides = self.sides
        if seen is None or not sides:
            return seen
        out = list(seen_by(max(len(output) - 2, len(sides)), seen))
        for place, (before, _) in enumerate(reversed(sides), 1):
            if place <= len(out):
                r, j, u = out[-place]
                out[-place] = (r, j, field_start(u, j, before))
        return tuple(out)


def _by_axis(numbers: tuple[int, ...]) -> tuple[tuple[int, int], ...]:
    """(before, after) an axis in the order of the axes: torch counts from the last."""
    return tuple(zip(numbers[-2::-2], numbers[::-2], strict=True))


def _flat(sides: Iterable[tuple[int, ...]]) -> tuple[int, ...]:
    """The sides as torch lists them, the last axis first."""
    return tuple(number for side in reversed(list(sides)) for number in side)


def _named(sides: tuple[tuple[int, int], ...]) -> Iterator[tuple[int, str, int]]:
    """(axis from the last, side's name, number) for each number."""
    for place, number in enumerate(_flat(sides)):
        yield place // 2 + 1, SIDES[place] if place < len(SIDES) else f"number {place + 1}", number


# A constant around ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class _ZeroPad(_Pad):
    def check(self, x: Shape, axes: int) -> None:
        """Refuse fewer dimensions than pairs."""
        if axes > len(x):
            raise self.refusal(
                x,
                "SP302",
                f"padding is for {axes} axes, the input {shape_text(x)} has {len(x)}",
                rank=len(x),
                axes=axes,
            )

    def check_crops(self, x: Shape, sides: tuple[tuple[int, int], ...], out: list[Dim]) -> None:
        """Refuse to cut off more than there is: torch cuts before it pads."""
        for n, (before, after) in zip(x[len(x) - len(sides) :], sides, strict=True):
            left = padded_size(n, min(before, 0), min(after, 0))
            if not left >= 0:  # so written, an open size passes if it can
                raise self.refusal(
                    x,
                    "SP316",
                    f"padding cuts {n - left} cells off an axis of {n}",
                    mends=[_flat(_eased(x, sides))],
                    n=n,
                    before=before,
                    after=after,
                )


def _eased(x: Shape, sides: tuple[tuple[int, int], ...]) -> Iterator[tuple[int, int]]:
    """The sides with no more cut off than leaves a cell, from the end first."""
    for n, (before, after) in zip(x[len(x) - len(sides) :], sides, strict=True):
        size = n if isinstance(n, int) else 1
        start = max(before, 1 - size)
        yield start, max(after, 1 - size - min(start, 0))


class ZeroPad1d(_ZeroPad):
    """torch.nn.ZeroPad1d: (N, C, L) -> (N, C, L + left + right)."""

    __slots__ = ()
    axes = 1


class ZeroPad2d(_ZeroPad):
    """torch.nn.ZeroPad2d: (N, C, H, W) -> (N, C, H + top + bottom, W + left + right)."""

    __slots__ = ()
    axes = 2


class ZeroPad3d(_ZeroPad):
    """torch.nn.ZeroPad3d: (N, C, D, H, W) -> each of the last three longer."""

    __slots__ = ()
    axes = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class _ConstantPad(_ZeroPad):
    value: Any

    def check(self, x: Shape, axes: int) -> None:
        """Refuse fewer dimensions than pairs, and a value that is no number."""
        _ZeroPad.check(self, x, axes)
        if self.value is not None and not is_real(self.value):
            raise argument_error("value", self.value, "a number", hint="value: 0")


class ConstantPad1d(_ConstantPad):
    """torch.nn.ConstantPad1d: (N, C, L) -> (N, C, L + left + right)."""

    __slots__ = ()
    axes = 1


class ConstantPad2d(_ConstantPad):
    """torch.nn.ConstantPad2d: (N, C, H, W) -> (N, C, H + top + bottom, W + left + right)."""

    __slots__ = ()
    axes = 2


class ConstantPad3d(_ConstantPad):
    """torch.nn.ConstantPad3d: (N, C, D, H, W) -> each of the last three longer."""

    __slots__ = ()
    axes = 3


# The input itself around ---------------------------------------------------------------------------------------------


class _EdgePad(_Pad):
    """A pad made of the input's own cells: it pads one, two or three axes behind a channel axis."""

    __slots__ = ()

    def check(self, x: Shape, axes: int) -> None:
        """Refuse what is not one to three pairs of numbers and an input (N, C, *axes) or (C, *axes)."""
        if not 1 <= axes <= 3:
            raise self.refusal(x, "SP309", f"padding is for {axes} axes: such a pad takes 1 to 3", axes=axes)
        check_rank(self, x, (axes + 1, axes + 2), f"(N, C) or (C) and the {axes} padded axes")
        self.check_sizes(x, axes)

    def check_sizes(self, x: Shape, axes: int) -> None:
        """Refuse an empty input: there is no cell to repeat."""
        if 0 in (x[1:] if len(x) == axes + 2 else x):
            raise forward_error("SP313", f"{shape_text(x)} is empty: there are no cells to pad with")

    def check_crops(self, x: Shape, sides: tuple[tuple[int, int], ...], out: list[Dim]) -> None:
        """Refuse an output without cells; of several axes torch wants only one to have some."""
        if not (all(size >= 0 for size in out) and any(size >= 1 for size in out)):
            raise self.refusal(
                x, "SP316", f"padding leaves {shape_text(tuple(out))} of {shape_text(x[len(x) - len(out) :])}",
                mends=[_flat(_eased(x, sides))], out=tuple(out),
            )  # fmt: skip


class _ReplicationPad(_EdgePad):
    __slots__ = ()


class ReplicationPad1d(_ReplicationPad):
    """torch.nn.ReplicationPad1d: (N, C, L) -> (N, C, L + left + right)."""

    __slots__ = ()
    axes = 1


class ReplicationPad2d(_ReplicationPad):
    """torch.nn.ReplicationPad2d: (N, C, H, W) -> (N, C, H + top + bottom, W + left + right)."""

    __slots__ = ()
    axes = 2


class ReplicationPad3d(_ReplicationPad):
    """torch.nn.ReplicationPad3d: (N, C, D, H, W) -> each of the last three longer."""

    __slots__ = ()
    axes = 3


class _ReflectionPad(_EdgePad):
    __slots__ = ()

    def check_sizes(self, x: Shape, axes: int) -> None:
        """Refuse an empty input, and a side as long as the input: the edge itself is not repeated."""
        _EdgePad.check_sizes(self, x, axes)
        sides = self.sides or ()
        for n, (before, after) in zip(x[-axes:], sides):  # noqa: B905 - speed
            if not (reflects(n, before) and reflects(n, after)):
                self.refuse_side(x, reflects, "reflects")

    def refuse_side(self, x: Shape, fits: Any, verb: str) -> None:
        """Say which side asks for more cells than there are to take."""
        sides = self.sides or ()
        sizes = x[len(x) - len(sides) :]
        capped = [
            tuple(q if fits(n, q) else _most(n, fits) for q in side) for side, n in zip(sides, sizes, strict=True)
        ]
        for back, name, number in _named(sides):
            n = x[-back]
            if not fits(n, number):
                words = f"padding {verb} {number} cells on the {name}: an axis of {n} has {_most(n, fits)} for that"
                raise self.refusal(x, "SP316", words, mends=[_flat(capped)], n=n, side=name, pad=number)


def _most(n: Dim, fits: Any) -> Any:
    """The most cells that a side of an axis of n can be padded with."""
    return n if fits(n, n) else n - 1


class ReflectionPad1d(_ReflectionPad):
    """torch.nn.ReflectionPad1d: (N, C, L) -> (N, C, L + left + right)."""

    __slots__ = ()
    axes = 1


class ReflectionPad2d(_ReflectionPad):
    """torch.nn.ReflectionPad2d: (N, C, H, W) -> (N, C, H + top + bottom, W + left + right)."""

    __slots__ = ()
    axes = 2


class ReflectionPad3d(_ReflectionPad):
    """torch.nn.ReflectionPad3d: (N, C, D, H, W) -> each of the last three longer."""

    __slots__ = ()
    axes = 3


class _CircularPad(_ReflectionPad):
    __slots__ = ()

    def check(self, x: Shape, axes: int) -> None:
        """Refuse another rank than the name's, other than one to three pairs, and going round more than once."""
        check_rank(self, x, (self.axes + 1, self.axes + 2), "(N, C, ...) or (C, ...)")
        _EdgePad.check(self, x, axes)

    def check_sizes(self, x: Shape, axes: int) -> None:
        """Refuse a side longer than the input: it would go round more than once."""
        for n, (before, after) in zip(x[-axes:], self.sides or ()):  # noqa: B905 - speed
            if not (wraps(n, before) and wraps(n, after)):
                self.refuse_side(x, wraps, "wraps")

    def check_crops(self, x: Shape, sides: tuple[tuple[int, int], ...], out: list[Dim]) -> None:
        """Refuse to cut off more than there is, and a cut that torch's copying from place to place does not survive."""
        output = (*x[: -len(sides)], *out)
        for axis, (before, after) in enumerate(sides, len(x) - len(sides)):
            n, size = x[axis], output[axis]
            outer = 0 not in output and all(other == 1 for other in output[:axis])
            if not size >= 0 or (isinstance(n, int) and not copies_fit(int(n), before, after, outer)):
                raise self.refusal(
                    x, "SP316", f"padding {before} and {after} leaves too little to wrap of an axis of {n}",
                    mends=[_flat(_eased(x, sides))], n=n, before=before, after=after,
                )  # fmt: skip


def copies_fit(n: int, before: int, after: int, outer: bool) -> bool:
    """Whether the three copies of which torch makes a circular pad can be made.

    First the kept cells go to their place; then, where a side is padded, the opposite end of what lies there. Each must
    be as long as its place, or one cell long; and on the outermost axis, where a piece lies in one stretch, overlap it
    wholly or not at all.

    >>> copies_fit(8, 2, 3, False), copies_fit(8, 5, -13, False), copies_fit(8, 7, -15, False)
    (True, False, True)
    >>> copies_fit(2, 2, -1, False), copies_fit(2, 2, -1, True)
    (True, False)
    """
    cells = range(n + before + after)
    left, right = max(before, 0), max(after, 0)
    stop = len(cells) - right
    copies = [(range(n)[max(-before, 0) : n - max(-after, 0)], cells[left:stop])]
    moves = []
    if before > 0:
        moves.append((cells[stop - left : stop], cells[:left]))
    if after > 0:
        moves.append((cells[left : left + right], cells[stop:]))
    if outer and any(source != place and _meet(source, place) for source, place in moves):
        return False
    return all(len(source) in (len(place), 1) for source, place in copies + moves)


def _meet(a: range, b: range) -> bool:
    return max(a.start, b.start) < min(a.stop, b.stop)


class CircularPad1d(_CircularPad):
    """torch.nn.CircularPad1d: (N, C, L) -> (N, C, L + left + right)."""

    __slots__ = ()
    axes = 1


class CircularPad2d(_CircularPad):
    """torch.nn.CircularPad2d: (N, C, H, W) -> (N, C, H + top + bottom, W + left + right)."""

    __slots__ = ()
    axes = 2


class CircularPad3d(_CircularPad):
    """torch.nn.CircularPad3d: (N, C, D, H, W) -> each of the last three longer."""

    __slots__ = ()
    axes = 3
