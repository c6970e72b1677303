r"""The size formulas of convolution arithmetic, each written once.

Every function here is arithmetic and nothing else: `+ - * //`, no branch, no import that computes. The same code object
therefore runs on ints (the checker), signed NumPy arrays, SymPy symbols (the LaTeX), `torch.SymInt`, open sizes
(`shapecheck.sizes.Size`) and Z3 terms (through the adapter in `derive/smt.py`), and the theorems of `derive/` speak
about these very functions.

Two exceptions, named here: `minimum`, which ceil mode needs and which asks a symbol for its own minimum, and
`scaled_size`, the float rule of torch's Upsample, which obeys no law.

What a formula assumes stands beside it as named conditions (`Condition`): true or false for ints, a relation for
symbols. Checker, prover and error message read that one list.

Notation: `n` size, `k` span (cells a window reaches over), `p` TOTAL padding of an axis, `q` padding per side, `s`
stride, `d` dilation, `e` dilated span. torch's `padding=1` is `p = 2`. References: Dumoulin & Visin, "A guide to
convolution arithmetic for deep learning" (arXiv:1603.07285); torch: aten/src/ATen/native/Pool.h
(`pooling_output_shape_pad_lr`), ConvUtils.h (`conv_output_size`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple


class Condition(NamedTuple):
    """A named assumption of a formula: `holds(...)` is a bool for ints and a relation for symbols."""

    name: str
    holds: Callable[..., Any]
    text: str


# Windows: convolution, pooling, unfold -------------------------------------------------------------------------------


def dilated(k: Any, d: Any) -> Any:
    """The span of a window of k cells that stand d apart.

    >>> dilated(3, 2)
    5
    """
    return d * (k - 1) + 1


def window_count(n: Any, k: Any, p: Any, s: Any) -> Any:
    """How many windows of span k and stride s fit on n cells padded by p in total: floor((n-k+p+s)/s).

    >>> window_count(224, 7, 6, 2)
    112
    """
    return (n - k + p + s) // s


def ceil_window_count(n: Any, e: Any, q: Any, s: Any) -> Any:
    """How many windows torch's ceil mode places: the last may overhang, but must start in the input or left padding.

    min(ceil((n+2q-e)/s) + 1, ceil((n+q)/s)), q per side.

    >>> ceil_window_count(6, 3, 0, 2), window_count(6, 3, 0, 2)
    (3, 2)
    """
    return minimum(ceil_div(n + 2 * q - e, s) + 1, ceil_div(n + q, s))


def ceil_div(a: Any, b: Any) -> Any:
    """The quotient rounded up, for a divisor >= 1, written with the floor division that symbols have too.

    >>> ceil_div(7, 2), ceil_div(-7, 2)
    (4, -3)
    """
    return (a + b - 1) // b


def minimum(a: Any, b: Any) -> Any:
    """The smaller of the two; a symbol that knows a minimum of its own is asked for it.

    >>> minimum(3, 2)
    2
    """
    if isinstance(a, int) and isinstance(b, int):
        return min(a, b)
    for one, other in ((a, b), (b, a)):
        own = getattr(one, "minimum_with", None)
        if own is not None:
            return own(other)
    return (a + b - abs(a - b)) // 2


def same_padding(k: Any, d: Any) -> Any:
    """The total padding that keeps the size at stride 1: d(k-1).

    >>> same_padding(5, 1)
    4
    """
    return d * (k - 1)


WINDOW_COUNTS = Condition(
    "window-counts", lambda n, k, p, s: k <= n + p + s, "the formula counts windows: at most one stride is missing"
)
WINDOW_FITS = Condition("window-fits", lambda n, k, p: k <= n + p, "the window is no longer than the padded input")
HALF_PADDING = Condition("half-padding", lambda k, q: q <= k // 2, "the padding of a pool is at most half its window")
SOME_WINDOW = Condition("some-window", lambda o: o >= 1, "in ceil mode the rule only has to give a window")
WINDOW_INSIDE = Condition(
    "window-inside", lambda n, k: k <= n, "the window is no longer than the input, padding or not"
)
PAD_REFLECTS = Condition("pad-reflects", lambda n, q: q < n, "a reflection is shorter than the input")
PAD_WRAPS = Condition("pad-wraps", lambda n, q: q <= n, "a circular padding goes round once at most")
FRACTIONAL_FITS = Condition(
    "fractional-fits",
    lambda n, k, o: o + k - 1 <= n,
    "o windows of k cells fit when each moves on by one cell at least",
)
FRACTIONAL_FITS_3D = Condition(
    "fractional-fits-3d", lambda n, k, o: o + k - 1 < n, "torch's 3-D code wants one cell more than it needs"
)

# Transposed convolution ----------------------------------------------------------------------------------------------


def transposed_size(n: Any, e: Any, p: Any, s: Any, op: Any) -> Any:
    """The output size of a transposed convolution: (n-1)s - p + e + op, with e the dilated span and p = 2q in total.

    >>> transposed_size(7, 4, 2, 2, 0)
    14
    """
    return (n - 1) * s - p + e + op


OUTPUT_PADDING = Condition(
    "output-padding",
    lambda op, s, d: (op < s) | (op < d),
    "the output padding is smaller than the stride or the dilation",
)
OUTPUT_SIZE = Condition(
    "output-size",
    lambda o, least, s: (least <= o) & (o < least + s),
    "the output size is one of the s sizes that a convolution takes to the input's",
)
UNPOOL_SIZE = Condition(
    "unpool-size",
    lambda o, usual, s: (usual - s < o) & (o < usual + s),
    "the output size is less than a stride away from the usual one",
)

# Receptive fields ----------------------------------------------------------------------------------------------------


def field_size(r: Any, j: Any, k: Any) -> Any:
    """The receptive field after a window of span k over cells that see r inputs each and stand j inputs apart.

    >>> field_size(3, 2, 3)
    7
    """
    return r + (k - 1) * j


def field_start(u: Any, j: Any, q: Any) -> Any:
    """The first input that output cell 0 sees (negative in the padding), q cells of padding before.

    >>> field_start(0, 1, 3)
    -3
    """
    return u - q * j


# Resampling ----------------------------------------------------------------------------------------------------------


def scaled_size(n: int, scale: float) -> int:
    """The size torch's Upsample gives for a float scale_factor: the product in double precision, its fraction cut off.

    The one formula here that leaves the integers; no law of the others holds for it.

    >>> scaled_size(5, 2.0), scaled_size(10, 0.7), scaled_size(90, 0.7)
    (10, 7, 62)
    """
    return int(n * scale)


def dyadic_size(n: Any, m: Any, t: Any) -> Any:
    """The same where scale = m/t is exact in binary and the product small enough to be exact too: floor(n m / t).

    >>> dyadic_size(7, 3, 2), scaled_size(7, 1.5)
    (10, 10)
    """
    return n * m // t


def padded_size(n: Any, before: Any, after: Any) -> Any:
    """The size with cells added on both sides, or cut off where a number is negative.

    >>> padded_size(8, 2, -1)
    9
    """
    return n + before + after


def adaptive_start(i: Any, n: Any, o: Any) -> Any:
    """The first cell of the i-th of o adaptive windows over n cells: floor(i n / o).

    >>> [adaptive_start(i, 5, 3) for i in range(3)]
    [0, 1, 3]
    """
    return i * n // o


def adaptive_stop(i: Any, n: Any, o: Any) -> Any:
    """One past the last cell of the i-th of o adaptive windows over n cells: ceil((i+1) n / o).

    >>> [adaptive_stop(i, 5, 3) for i in range(3)]
    [2, 4, 5]
    """
    return ceil_div((i + 1) * n, o)


def adaptive_span(n: Any, o: Any, g: Any) -> Any:
    """The most cells that one of o adaptive windows over n cells holds, g the greatest common divisor of n and o.

    >>> adaptive_span(5, 3, 1), adaptive_span(6, 3, 3)
    (3, 2)
    """
    return 1 + ceil_div(n - g, o)
