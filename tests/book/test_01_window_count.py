r"""How many windows fit? The count behind every convolution and every pool.

A window of k cells starts at some offset and moves on by s cells at a time, over n cells with p cells of padding in
all. Which offsets does it take? The definition, `places`, lists them; the formula, `window_count`, counts them
unlisted:

    floor((n - k + p + s) / s)

Main results: the formula is the number of places, exactly as long as k <= n + p + s (`test_the_hypothesis_is_sharp`);
as the lectures and torch write it, it is the same formula; torch's convolution counts the same windows; torch's ceil
mode is the number of places of which one may overhang, unless it starts in the right padding.
Notation: n size, k span, p TOTAL padding of an axis, q padding per side, s stride, d dilation, e dilated span.
References: Dumoulin & Visin, "A guide to convolution arithmetic for deep learning"; the lectures' section on padding
and stride.
"""

from __future__ import annotations

from itertools import product

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from shapecheck.formulas import (
    WINDOW_COUNTS,
    WINDOW_FITS,
    ceil_window_count,
    dilated,
    same_padding,
    window_count,
)

SMALL = [(n, k, p, s) for n, k, p, s in product(range(1, 9), range(1, 9), range(7), range(1, 6))]


def places(n: int, k: int, p: int, s: int) -> list[int]:
    """The offsets at which the window stands, by definition: s apart, and all its k cells in the n + p padded ones."""
    padded = range(n + p)
    return [start for start in range(0, n + p, s) if all(cell in padded for cell in range(start, start + k))]


def ceil_places(n: int, e: int, q: int, s: int) -> list[int]:
    """The offsets in ceil mode: one window more where cells are left over, but none that sees only right padding."""
    inside = places(n, e, 2 * q, s)
    following = len(inside) * s
    left_over = n + 2 * q - (inside[-1] + e if inside else 0)
    starts_in_time = following < q + n  # in the left padding or the input
    return [*inside, following] if left_over > 0 and starts_in_time else inside


# By hand -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("n", "k", "p", "s", "starts"),
    [
        (5, 3, 0, 1, [0, 1, 2]),
        (5, 3, 0, 2, [0, 2]),
        (6, 3, 0, 2, [0, 2]),  # the last cell is never seen
        (5, 3, 2, 2, [0, 2, 4]),
        (3, 2, 2, 1, [0, 1, 2, 3]),  # the lectures' 3x3 picture padded to 5x5
        (3, 3, 0, 5, [0]),
        (2, 3, 0, 1, []),
    ],
)
def test_by_hand(n, k, p, s, starts):
    """On cases one can draw on squared paper, definition and formula give what one counts with a finger."""
    assert places(n, k, p, s) == starts
    assert window_count(n, k, p, s) == len(starts)


def test_the_lectures_wrong_sum():
    """floor((8-3+0+3)/3) is 2 and not 3, as one set of notes has it."""
    assert window_count(8, 3, 0, 3) == len(places(8, 3, 0, 3)) == 2


# By enumeration ------------------------------------------------------------------------------------------------------


def test_the_count_is_the_number_of_places():
    """Wherever the window is at most one stride too long, the formula is the number of places."""
    for n, k, p, s in SMALL:
        if WINDOW_COUNTS.holds(n, k, p, s):
            assert window_count(n, k, p, s) == len(places(n, k, p, s)), (n, k, p, s)


def test_the_hypothesis_is_sharp():
    """The formula is the count exactly when k <= n + p + s, a little more than torch allows."""
    for n, k, p, s in SMALL:
        assert (window_count(n, k, p, s) == len(places(n, k, p, s))) == (k <= n + p + s), (n, k, p, s)


def test_the_hypothesis_is_the_one_the_checker_reads():
    """`WINDOW_COUNTS` says k <= n + p + s, and what torch wants, `WINDOW_FITS`, is that there is a place at all."""
    for n, k, p, s in SMALL:
        assert WINDOW_COUNTS.holds(n, k, p, s) == (k <= n + p + s), (n, k, p, s)
        assert WINDOW_FITS.holds(n, k, p) == (places(n, k, p, s) != []), (n, k, p, s)


def test_beyond_the_hypothesis_the_formula_goes_negative():
    """A window longer than the padded input and a stride together has no place, and the formula says less than none."""
    assert places(1, 5, 0, 2) == []
    assert window_count(1, 5, 0, 2) == -1


def test_maximum_with_zero_needs_no_hypothesis():
    """With a maximum the formula counts always: max(0, floor((n-k+p+s)/s))."""
    for n, k, p, s in SMALL:
        assert max(0, window_count(n, k, p, s)) == len(places(n, k, p, s)), (n, k, p, s)


CLASSIC_MISTAKES = {
    "the stride forgotten in the numerator": lambda n, k, p, s: (n - k + p) // s,
    "the one divided too": lambda n, k, p, s: (n - k + p + 1) // s,
    "padding counted at both ends once more": lambda n, k, p, s: (n - k + 2 * p + s) // s,
    "rounded up": lambda n, k, p, s: -(-(n - k + p) // s) + 1,
    "the stride inside its own quotient only": lambda n, k, p, s: n - k + p + s // s,
    "one off": lambda n, k, p, s: (n - k + p) // s + 2,
}


@pytest.mark.parametrize("mistake", CLASSIC_MISTAKES.values(), ids=CLASSIC_MISTAKES)
def test_the_definition_has_teeth(mistake):
    """Each classic mistake gives a wrong count somewhere, and `places` finds it."""
    assert any(mistake(n, k, p, s) != len(places(n, k, p, s)) for n, k, p, s in SMALL if k <= n + p)


# The same formula in other clothes -----------------------------------------------------------------------------------

sizes = st.integers(1, 10**6)
paddings = st.integers(0, 10**6)


@given(n=sizes, k=sizes, p=paddings)
def test_at_stride_one(n, k, p):
    """At stride 1 it is the lectures' n - k + p + 1, and without padding n - k + 1."""
    assert window_count(n, k, p, 1) == n - k + p + 1
    assert window_count(n, k, 0, 1) == n - k + 1


@given(n=sizes, k=sizes, q=paddings, s=sizes, d=sizes)
def test_torch_writes_the_same_formula(n, k, q, s, d):
    """torch's floor((n + 2q - d(k-1) - 1)/s) + 1 is the count for the dilated span and the padding of both sides."""
    assert window_count(n, dilated(k, d), 2 * q, s) == (n + 2 * q - d * (k - 1) - 1) // s + 1


@given(n=sizes, k=sizes, s=sizes, d=sizes)
def test_same_padding(n, k, s, d):
    """With the padding d(k-1) the count is n at stride 1, n/s where s divides n, and n/s rounded up anyway."""
    e, p = dilated(k, d), same_padding(k, d)
    assert window_count(n, e, p, 1) == n
    assert window_count(n * s, e, p, s) == n
    assert window_count(n, e, p, s) == -(-n // s)


@given(n=st.integers(1, 60), k=st.integers(1, 9), s=st.integers(1, 9))
def test_without_the_floor(n, k, s):
    """(n - k)/s + 1, as one set of notes has it, is the count exactly where s divides n - k."""
    if k <= n:
        assert ((n - k) / s + 1 == len(places(n, k, 0, s))) == ((n - k) % s == 0)


@given(n=st.integers(1, 40), k=st.integers(1, 12), p=st.integers(0, 12), s=st.integers(1, 12))
def test_cells_never_seen(n, k, p, s):
    """Behind the last window (n + p - k) mod s cells are left, and s - k between neighbours that are s > k apart."""
    starts = places(n, k, p, s)
    if starts:
        seen = {cell for start in starts for cell in range(start, start + k)}
        gaps = max(s - k, 0) * (len(starts) - 1)
        assert n + p - len(seen) == (n + p - k) % s + gaps


# Ceil mode -----------------------------------------------------------------------------------------------------------

CEIL = [
    (n, e, q, s)
    for n, e, s in product(range(1, 12), range(1, 9), range(1, 9))
    for q in range(e // 2 + 1)
    if e <= n + 2 * q
]


def test_ceil_mode_by_hand():
    """Six cells, windows of three, two apart: two fit, a third overhangs; one in right padding does not count."""
    assert ceil_places(6, 3, 0, 2) == [0, 2, 4]
    assert ceil_window_count(6, 3, 0, 2) == 3
    assert ceil_places(2, 2, 1, 3) == [0]  # the next would start at 3 = q + n: in the right padding
    assert ceil_window_count(2, 2, 1, 3) == 1


def test_ceil_mode_is_the_number_of_its_places():
    """min(ceil((n+2q-e)/s) + 1, ceil((n+q)/s)) is the number of windows of which the last may overhang."""
    for n, e, q, s in CEIL:
        assert ceil_window_count(n, e, q, s) == len(ceil_places(n, e, q, s)), (n, e, q, s)


def test_the_clamp_is_needed():
    """Without the second term of the minimum the rule counts windows that see only right padding."""
    assert any(-(-(n + 2 * q - e) // s) + 1 != len(ceil_places(n, e, q, s)) for n, e, q, s in CEIL)


def test_ceil_mode_adds_at_most_one():
    """Ceil mode has as many windows as the floor has, or one more."""
    for n, e, q, s in CEIL:
        assert ceil_window_count(n, e, q, s) - window_count(n, e, 2 * q, s) in (0, 1), (n, e, q, s)


# By torch ------------------------------------------------------------------------------------------------------------


def torch_convolution(n: int, k: int, q: int, s: int, d: int) -> int | None:
    """How many cells torch's convolution gives, None where it refuses."""
    try:
        return torch.nn.functional.conv1d(
            torch.zeros(1, 1, n), torch.zeros(1, 1, k), stride=s, padding=q, dilation=d
        ).shape[2]
    except RuntimeError:
        return None


def torch_ceil_pool(n: int, k: int, q: int, s: int) -> int | None:
    """How many cells torch's max pool gives in ceil mode, None where it refuses."""
    try:
        return torch.nn.functional.max_pool1d(torch.zeros(1, 1, n), k, s, q, ceil_mode=True).shape[2]
    except RuntimeError:
        return None


def test_torch_counts_the_same_windows():
    """torch's convolution gives a cell for each place, and refuses exactly where there is none."""
    for n, k, q, s, d in product(range(1, 8), range(1, 6), range(4), range(1, 4), range(1, 4)):
        e = dilated(k, d)
        count = window_count(n, e, 2 * q, s) if WINDOW_FITS.holds(n, e, 2 * q) else None
        assert torch_convolution(n, k, q, s, d) == count == (len(places(n, e, 2 * q, s)) or None), (n, k, q, s, d)


def test_torch_pools_in_ceil_mode():
    """torch's pool in ceil mode gives `ceil_window_count` cells wherever that is one or more, and refuses elsewhere."""
    for n, k, s in product(range(1, 10), range(1, 9), range(1, 9)):
        for q in range(k // 2 + 1):
            count = ceil_window_count(n, k, q, s)
            assert torch_ceil_pool(n, k, q, s) == (count if count >= 1 else None), (n, k, q, s)
