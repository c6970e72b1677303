"""Dimensions and lists of sizes as arguments: what torch's native functions take for them.

A native int is an int and not a bool, below 2^63; in a native list of ints only the first entry refuses a bool. A
dimension counts from the front or, negative, from the back; a tensor without dimensions counts as one of one dimension.
Main definitions: `wrap`, `wrap_all`, `whole_number`, `whole_numbers`, `fill`, `content`, `spatial`.
Source: torch/csrc/utils/python_arg_parser.cpp; c10/core/WrapDimMinimal.h; aten/src/ATen/InferSize.h.
"""

from __future__ import annotations

from math import gcd
from typing import Any

from shapecheck.diagnostics import ShapeError, forward_error, only_words
from shapecheck.layers.base import LIMIT, Seen, product, seen_by, shape_text
from shapecheck.sizes import Dim, Open, Shape, Size, can_equal

Entries = tuple[Any, ...]


def wrap(dim: Any, rank: int, argument: str = "dim") -> int:
    """The dimension counted from the front; a ShapeError where there is none of that number.

    >>> wrap(-1, 3), wrap(0, 0)
    (2, 0)
    """
    rank = rank or 1
    if type(dim) is int and -rank <= dim < rank:
        return dim % rank
    whole_number(dim, argument)
    raise no_dimension(dim, rank, argument)


@only_words
def no_dimension(dim: int, rank: int, argument: str) -> ShapeError:
    """The error for a dimension beyond the rank."""
    nearest = rank - 1 if dim > 0 else -rank
    return forward_error(
        "SP304", f"{argument} is {dim}, there are {rank} dimensions: {-rank} to {rank - 1}", argument=argument,
        hint=f"{argument}: {nearest}", dim=dim, rank=rank,
    )  # fmt: skip


def wrap_all(dims: Any, rank: int, argument: str = "dim") -> list[int]:
    """Each of several dimensions, or of a single one, counted from the front; none may come twice.

    >>> wrap_all((-1, 0), 3), wrap_all(1, 3)
    ([2, 0], [1])
    """
    if type(dims) is int:
        return [wrap(dims, rank, argument)]
    wrapped: list[int] = []
    if type(dims) is tuple or type(dims) is list:
        for dim in dims:
            if type(dim) is not int or not -rank <= dim < rank or dim % rank in wrapped:
                break
            wrapped.append(dim % rank)
        else:
            return wrapped
    return _wrapped_slowly(dims, rank, argument)


def _wrapped_slowly(dims: Any, rank: int, argument: str) -> list[int]:
    """The same for bools, a tensor without dimensions, and what is to be refused."""
    found = [_wrap_entry(dim, rank, argument) for dim in whole_numbers(dims, argument)]
    for position, dim in enumerate(found):
        if dim in found[:position]:
            once = [*dict.fromkeys(found)]
            hint = f"{argument}: {once}" if argument == "dim" else None
            raise forward_error(
                "SP304", f"{argument} names dimension {dim} twice", argument=argument, hint=hint, dim=dim
            )
    return found


def _wrap_entry(dim: int, rank: int, argument: str) -> int:
    rank = rank or 1
    if not -rank <= dim < rank:
        raise forward_error(
            "SP304", f"{argument} names dimension {dim}, there are {rank}: {-rank} to {rank - 1}", argument=argument,
            hint=f"each from {-rank} to {rank - 1}", dim=dim, rank=rank,
        )  # fmt: skip
    return int(dim) % rank


def whole_number(value: Any, argument: str) -> int:
    """The value itself, where it is an int that a native function takes."""
    if type(value) is not int:
        message = f"{argument} is {value!r}: it must be a whole number"
        raise forward_error("SP309", message, argument=argument, hint=_nearest(value, argument))
    if not -LIMIT <= value < LIMIT:
        raise forward_error("SP309", f"{argument} does not fit 64 bits", argument=argument)
    return value


def whole_numbers(value: Any, argument: str, *, single: bool = True) -> Entries:
    """The value as a tuple of ints (open sizes are let through), where a native function takes it for a list of ints.

    >>> whole_numbers([2, True], "dims"), whole_numbers(3, "dims")
    ((2, 1), (3,))
    """
    if type(value) is int and single:
        return (whole_number(value, argument),)
    if type(value) is tuple or type(value) is list:
        for entry in value:
            if type(entry) is not int or not -LIMIT <= entry < LIMIT:
                break
        else:
            return tuple(value)
    entries = tuple(value) if isinstance(value, (tuple, list)) else None
    if entries is None or (entries and isinstance(entries[0], bool)):
        message = f"{argument} is {value!r}: it must be a list of whole numbers"
        hint = (_nearest if single and entries is None else _nearest_list)(value, argument)
        raise forward_error("SP309", message, argument=argument, hint=hint)
    for entry in entries:
        if not isinstance(entry, (int, Size)):
            message = f"{argument} holds {entry!r}: every entry must be a whole number"
            raise forward_error("SP309", message, argument=argument, hint=_nearest_list(value, argument))
    return tuple(entry if isinstance(entry, Open) else whole_number(int(entry), argument) for entry in entries)


def _nearest(value: Any, argument: str) -> str | None:
    """The hint: the whole number that 1.0, "1" or True stands for, or the first of a list."""
    number = _whole(value[0] if isinstance(value, (tuple, list)) and value else value)
    return None if number is None else f"{argument}: {number}"


def _nearest_list(value: Any, argument: str) -> str | None:
    """The hint: the same list of whole numbers, or a list of the one number given."""
    numbers = [_whole(entry) for entry in (value if isinstance(value, (tuple, list)) else [value])]
    return None if None in numbers else f"{argument}: {numbers}"


def _whole(value: Any) -> int | None:
    try:
        number = int(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return number if -LIMIT <= number < LIMIT else None


def fill(sizes: Entries, total: Dim, x: Shape, argument: str, *, batch: bool = True) -> Shape:
    """The sizes with their one -1, if any, replaced by what is left of the `total` cells of the dimensions x.

    An open total must divide for some sizes of its names; but a lone open size in front is a batch: for all of them.

    >>> fill((-1, 4), 24, (2, 12), "shape")
    (6, 4)
    """
    place, known = None, 1
    for index, size in enumerate(sizes):
        if type(size) is not int or size >= 0:
            known = known * size
        elif size == -1 and place is None:
            place = index
        else:
            words = f"{argument} {shape_text(sizes)} may hold one -1 and no other negative size"
            raise forward_error("SP309", words, argument=argument, sizes=sizes)
    if place is None:
        if known == total or can_equal(known, total):
            return sizes
        raise _mismatch(sizes, total, x, argument)
    if known == 0 or (type(known) is int and known >= LIMIT):
        words = f"{argument} {shape_text(sizes)} leaves the size at -1 undetermined"
        raise forward_error("SP314", words, argument=argument, sizes=sizes, total=total)
    left = _quotient(total, known)
    if left * known != total and not _may_divide(total, known, x, batch):
        raise _mismatch(sizes, total, x, argument)
    return (*sizes[:place], left, *sizes[place + 1 :])


def content(size: Dim) -> int:
    """The greatest number that divides the size whatever its names stand for, as its terms tell.

    >>> content(6), content(Size({("N",): 6, (): 4}))
    (6, 2)
    """
    return size if isinstance(size, int) else gcd(*size.terms.values())


def _quotient(total: Dim, known: Dim) -> Dim:
    """floor(total/known), the fraction reduced first."""
    if isinstance(total, int) and isinstance(known, int):
        return total // known
    if total == known:
        return 1
    common = gcd(content(total), content(known))
    return total // common // (known // common)


def _may_divide(total: Dim, known: Dim, x: Shape, batch: bool) -> bool:
    if isinstance(total, int) and isinstance(known, int):
        return False
    if batch and isinstance(known, int) and isinstance(product(x[1:]), int):
        return False
    return can_equal(total % known, 0)


@only_words
def _mismatch(sizes: Entries, total: Dim, x: Shape, argument: str) -> ShapeError:
    others = shape_text(tuple(size for size in sizes if size != -1))
    verb = "do not divide by" if -1 in sizes else "do not make"
    return forward_error(
        "SP314", f"the {total} cells of {shape_text(x)} {verb} {others}", argument=argument,
        hint=_fitting(sizes, total, argument), sizes=sizes, total=total,
    )  # fmt: skip


def _fitting(sizes: Entries, total: Dim, argument: str) -> str | None:
    """The hint: the last entry that can be changed so that the sizes fit."""
    for place in reversed(range(len(sizes))):
        rest = product([size for other, size in enumerate(sizes) if other != place and size != -1])
        if sizes[place] == -1 or not isinstance(rest, int) or rest == 0 or content(total) % rest:
            continue
        left = total // rest
        if -1 in sizes and isinstance(sizes[place], int):
            most = content(left)
            left = max((size for size in range(1, min(sizes[place], 1000) + 1) if most % size == 0), default=1)
        if isinstance(left, int):
            return f"{argument}: {shape_text((*sizes[:place], left, *sizes[place + 1 :]))}"
    return None


def spatial(seen: Seen, rank: int) -> tuple[tuple[Any, Any, Any], ...]:
    """The field written out an axis: those axes are the last ones of a tensor of that rank.

    >>> spatial((), 4)
    ((1, 1, 0), (1, 1, 0))
    """
    assert seen is not None
    return seen_by(max(rank - 2, 0), seen)
