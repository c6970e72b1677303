r"""What the layers with windows share: how torch reads their arguments, and what it wants of their input.

torch hands most window arguments to C++ as lists of 64-bit integers, and C++ is particular: the first entry must be an
int and no bool, later ones may be bools, floats never; one entry stands for all axes, else there is one an axis.

Main definitions: `int_list` (that rule), `read_ints`, `check_image`, `fitting`, `written_out`.
Source: torch/csrc/utils/python_arg_parser.cpp (`is_int_list`), aten/src/ATen/native/utils/ParamUtils.h
(`expand_param_if_needed`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

from shapecheck.diagnostics import ShapeError, construct_error, only_words
from shapecheck.layers.base import LIMIT, Layer, check_rank, shape_text
from shapecheck.layers.refusal import refusal, value_text
from shapecheck.sizes import Shape

LAYOUT = {1: "L", 2: "H, W", 3: "D, H, W"}
NUMBER = re.compile(r"[0-9]+")
LISTED = re.compile(r"\s*[\[(]?\s*[0-9]+(\s*[x×,*]\s*[0-9]+)*\s*,?\s*[\])]?\s*", re.ASCII)
MARGIN = 2  # axes before the spatial ones: batch and channels


def int_list(value: Any, axes: int) -> tuple[int, ...] | None:
    """The value as C++ reads a list of ints, one an axis; None where it refuses.

    >>> int_list(3, 2), int_list([3], 2), int_list((3, True), 2)
    ((3, 3), (3, 3), (3, 1))
    >>> int_list(True, 2), int_list((3, 3, 3), 2), int_list(3.0, 2), int_list(2**63, 1)
    (None, None, None, None)
    """
    if type(value) is int:
        return (value,) * axes if -LIMIT <= value < LIMIT else None
    if not isinstance(value, (tuple, list)) or not value or isinstance(value[0], bool):
        return None
    for entry in value:
        if not isinstance(entry, int) or not -LIMIT <= entry < LIMIT:
            return None
    if len(value) == 1:
        return (value[0],) * axes
    return tuple(map(int, value)) if len(value) == axes else None


def read_ints(
    layer: Layer, inputs: tuple[Shape, ...], name: str, value: Any, axes: int, *, least: int, most: int = LIMIT - 1
) -> tuple[int, ...]:
    """The argument as a tuple of ints, one an axis; a forward error where torch refuses its type, length or size."""
    found = int_list(value, axes)
    if found is None:
        raise _not_ints(layer, inputs, name, value, axes)
    for entry in found:
        if not least <= entry <= most:
            bound = f"{least} or more" if entry < least else f"less than 2^{(most + 1).bit_length() - 1}"
            mend = tuple(min(max(entry, least), most) for entry in found)
            raise refusal(
                layer, inputs, "SP309", f"{name} is {value_text(value)}, it must be {bound}", name,
                mends=[{name: short(mend)}], **{name: value},
            )  # fmt: skip
    return found


def _not_ints(layer: Layer, inputs: tuple[Shape, ...], name: str, value: Any, axes: int) -> ShapeError:
    wanted = "a whole number" if axes == 1 else f"a whole number or a list of {axes}"
    mends = [{name: mend} for mend in _nearest(value, axes)]
    return refusal(layer, inputs, "SP309", f"{name} is {value!r}, it must be {wanted}", name, mends=mends)


def _nearest(value: Any, axes: int) -> Iterable[Any]:
    """What the author may have meant: 3 for 3.0, "3" or True; the first entries of too long a list."""
    written = written_out(value)
    if written is not None and len(written) > 1:
        if len(written) == axes:
            yield written
        return
    entries = list(value)[:axes] if isinstance(value, (tuple, list)) else [value]
    try:
        numbers = [int(entry) for entry in entries]
    except (TypeError, ValueError, OverflowError):
        return
    if numbers:
        yield short((numbers + numbers[-1:] * axes)[:axes])


def written_out(value: Any) -> tuple[int, ...] | None:
    """The whole numbers that a text lists, parted by an x or a comma; None for anything else.

    >>> written_out("3x3"), written_out("(3, 5)"), written_out("3"), written_out("same"), written_out(3)
    ((3, 3), (3, 5), (3,), None, None)
    """
    if not isinstance(value, str) or len(value) > 100 or not LISTED.fullmatch(value):
        return None
    return tuple(map(int, NUMBER.findall(value)))


def written_error(code: str, name: str, value: str, numbers: tuple[int, ...]) -> ShapeError:
    """The error for numbers that are given as a text, which torch's constructor refuses."""
    hint = f"{name}: {value_text(numbers if len(numbers) > 1 else numbers[0])}"
    return construct_error(code, f"{name} is the text {value!r}, not a number or a list", argument=name, hint=hint)


def short(entries: Sequence[Any]) -> Any:
    """One number where all are equal, as arguments an axis may be written.

    >>> short((2, 2)), short((1, 2))
    (2, (1, 2))
    """
    return entries[0] if entries and all(entry == entries[0] for entry in entries) else tuple(entries)


@only_words
def fitting(kernel: Sequence[int], dilation: Sequence[int], sizes: Sequence[Any]) -> Any:
    """The kernel, no longer than fits on these sizes; open ones are no bound.

    >>> fitting((4, 3), (2, 1), (5, 2))
    (3, 2)
    """
    axes = zip(kernel, dilation, sizes, strict=True)
    return short([min(k, max((n - 1) // d + 1, 1)) if isinstance(n, int) else k for k, d, n in axes])


def check_image(layer: Layer, x: Shape, axes: int) -> None:
    """Refuse an input that is neither (N, C, *spatial) nor (C, *spatial)."""
    if len(x) != axes + 2 and len(x) != axes + 1:
        check_rank(layer, x, (axes + 1, axes + 2), f"(N, C, {LAYOUT[axes]}) or (C, {LAYOUT[axes]})")


def empty_input(layer: Layer, x: Shape, words: str) -> ShapeError:
    """The error for an input with a size of 0 where torch takes none."""
    return refusal(layer, (x,), "SP313", f"the input {shape_text(x)} has a size of 0: {words}", input=x)


def countable(layer: Layer, inputs: tuple[Shape, ...], out: Shape) -> Shape:
    """The output shape itself, unless torch cannot count its strides, in which empty axes count as 1."""
    strides = 1
    for dim in out[1:]:
        if isinstance(dim, int) and dim:
            strides *= dim
    if strides >= LIMIT:
        raise refusal(
            layer, inputs, "SP310", f"the output {shape_text(out)} is too large for torch to count", output=out
        )
    return out
