"""Numbers and weights as arguments: what torch's native functions take for a number, and torch.empty for a size.

A native number is an int, a float or a bool; a `Scalar` holds ints of 64 bits, signed or not, a `double` whatever a
float can hold. Lists of sizes and dimensions are in `dims.py`.
Sources: torch/csrc/utils/python_arg_parser.cpp (`is_scalar`), aten/src/ATen/native/TensorFactories.cpp (`empty`);
measured with torch 2.13 on the CPU.

Main definitions: `is_integer`, `is_scalar`, `is_float32`, `is_real`; `check_weight`, `weight_sizes` (what torch.empty
refuses when a module is built); `argument_error` (what the native function refuses when it is run); `divides`,
`nearest_divisor`.
"""

from __future__ import annotations

from math import gcd
from typing import Any

from shapecheck.diagnostics import ShapeError, construct_error, forward_error, only_words
from shapecheck.sizes import Dim, Open, can_equal

INT64 = range(-(2**63), 2**63)
SCALAR = range(-(2**63), 2**64)
FLOAT32_MAX = 3.4028234663852886e38
INFINITY = float("inf")
MOST_STEPS = 1000  # to either side of a number, in search of a divisor


def is_integer(value: Any) -> bool:
    """Whether this is an int that a C++ function takes: no bool, and within 64 bits.

    >>> is_integer(3), is_integer(True), is_integer(3.0), is_integer(2**63)
    (True, False, False, False)
    """
    return type(value) is int and value in INT64


def is_scalar(value: Any) -> bool:
    """Whether a C++ function takes this as a `Scalar`: a float, a bool, or an int of 64 bits, signed or not.

    >>> is_scalar(0.5), is_scalar(True), is_scalar("1"), is_scalar(2**64)
    (True, True, False, False)
    """
    return type(value) in (float, bool) or (type(value) is int and value in SCALAR)


def is_float32(value: Any) -> bool:
    """Whether this is a `Scalar` that fits in a single-precision float, as the kernels of most activations want it.

    >>> is_float32(1e30), is_float32(float("inf")), is_float32(1e39)
    (True, True, False)
    """
    return is_scalar(value) and not (FLOAT32_MAX < abs(value) < INFINITY)


def is_real(value: Any) -> bool:
    """Whether this is a number that a C++ function takes as a `double`: any that fits in one.

    >>> is_real(2**64), is_real(10**400), is_real(None)
    (True, False, False)
    """
    if type(value) in (float, bool):
        return True
    return type(value) is int and -(2**1023) < value < 2**1023


def argument_error(
    argument: str, value: Any, wanted: str, *, hint: str | None = None, nominal: Any = None
) -> ShapeError:
    """The error for a value that the module keeps when it is built and refuses when it is run."""
    return forward_error(
        "SP309",
        f"{argument} is {value!r}, torch wants {wanted}",
        argument=argument,
        hint=hint,
        nominal=nominal,
        given=value,
    )


def check_weight(*sizes: tuple[str, Any]) -> None:
    """Refuse what `torch.empty(sizes)` refuses: (argument, size) pairs in the order of the weight's axes."""
    for place, (argument, size) in enumerate(sizes):
        if isinstance(size, Open) or (type(size) is bool and place > 0):
            continue
        if type(size) is not int or size not in INT64:
            raise construct_error(
                "SP201",
                f"{argument} is {size!r}: a weight has that size, so it is a whole number",
                argument=argument,
                hint=_nearest_size(argument, size),
                given=size,
            )
        if size < 0:
            raise construct_error(
                "SP202",
                f"{argument} is {size}: a size is 0 or more",
                argument=argument,
                hint=f"{argument}: {-size}",
                given=size,
            )


def _nearest_size(argument: str, size: Any) -> str | None:
    """The hint: the whole number that 3.0, "3" or True stands for, or the first of a list."""
    try:
        number = int(size[0] if isinstance(size, (tuple, list)) and size else size)
    except (TypeError, ValueError, OverflowError):
        return None
    return f"{argument}: {abs(number)}" if number in INT64 else None


def weight_sizes(argument: str, value: Any) -> tuple[Dim, ...]:
    """The sizes of the weight that `torch.empty(value)` makes: of one axis for a number; refuses what that refuses.

    >>> weight_sizes("num_features", 4), weight_sizes("num_features", [4, True])
    ((4,), (4, 1))
    """
    if isinstance(value, (tuple, list)):
        check_weight(*((argument, size) for size in value))
        return tuple([size if isinstance(size, Open) else int(size) for size in value])  # type: ignore[misc]
    check_weight((argument, value))
    return (value,)


def divides(divisor: int, size: Dim) -> bool:
    """Whether the divisor divides the size; for an open size, whether it can.

    >>> divides(3, 6), divides(4, 6)
    (True, False)
    """
    if isinstance(size, int):
        return size % divisor == 0
    return can_equal(size - size // divisor * divisor, 0)


@only_words
def nearest_divisor(wanted: int, *sizes: Dim) -> int:
    """The divisor of all the sizes that is nearest to the number wanted, the smaller of two as near; at least 1.

    >>> nearest_divisor(8, 30), nearest_divisor(7, 30, 64), nearest_divisor(100, 30), nearest_divisor(-3, 8)
    (6, 2, 30, 1)
    """
    most = gcd(*(size for size in sizes if isinstance(size, int)))
    start = max(min(wanted, most) if most else wanted, 1)
    for step in range(min(start, MOST_STEPS)):
        for divisor in (start - step, start + step):
            if all(divides(divisor, size) for size in sizes):
                return divisor
    return 1
