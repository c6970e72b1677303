r"""Is the size formula right, for all sizes, and is it the formula that runs?

The chapter derive/theorems/windows.py proves it of `shapecheck.formulas` itself: each function is called on letters.
Here its statements are read again without their proofs: on numbers, by listing windows, and by torch. What each
hypothesis is for is shown by a case that it excludes.

Main results: `test_the_formula_that_runs_is_the_formula_that_is_proved`, `test_the_places_are_those_of_a_list`,
`test_at_most_one_stride_may_be_missing`, `test_a_changed_formula_does_not_survive`.
Notation: n size, k span, p TOTAL padding, q padding per side, s stride, d dilation, e dilated span, o windows.
"""

from __future__ import annotations

from itertools import product

import pytest
import sympy as sp
import torch
from torch.nn import functional

from derive import semantics, theorem
from derive.theorems import windows
from derive.theorems.windows import a, b, d, e, k, m, n, o, p, q, s
from shapecheck import formulas

SMALL = [(x, y, z, w) for x, y, z, w in product(range(7), range(1, 6), range(5), range(1, 5))]


def part(name: str):
    """A theorem, or a part of one, by its name."""
    whole = theorem(name.partition("/")[0])
    return next(piece for piece in (whole, *whole.parts) if piece.name == name)


def value(term, **letters: int):
    """The term on numbers, by plain loops."""
    return semantics.meaning(term)(semantics.environment({sp.Symbol(x, integer=True): y for x, y in letters.items()}))


def places(size: int, span: int, padding: int, stride: int) -> list[range]:
    """The windows, each the padded cells it covers, by walking along."""
    starts = range(0, size + padding, stride)
    return [range(start, start + span) for start in starts if start + span <= size + padding]


# The formula itself --------------------------------------------------------------------------------------------------


def test_the_formula_that_runs_is_the_formula_that_is_proved():
    """What stands in the theorems is what the checker's functions answer when they are called on letters."""
    assert part("window-count").rhs == formulas.window_count(n, k, p, s)
    assert part("torch-form").rhs == formulas.window_count(n, e, p, s)
    assert part("same-padding").lhs == formulas.window_count(n, e, p, s)
    assert part("same-padding/rounded-up").lhs == formulas.ceil_div(n, s)
    assert part("preimage").lhs == sp.Eq(formulas.window_count(n, k, p, s), o)
    assumed = {given.holds for given in part("window-count").hypotheses}
    assert formulas.WINDOW_COUNTS.holds(n, k, p, s) in assumed


def test_the_places_are_those_of_a_list():
    """The sum on the left of the theorem counts the windows that one finds by walking along."""
    for x, y, z, w in SMALL:
        listed = len(places(x, y, z, w))
        assert value(part("window-count").lhs, n=x, k=y, p=z, s=w) == listed
        assert value(part("window-count/maximum").rhs, n=x, k=y, p=z, s=w) == listed


def test_at_most_one_stride_may_be_missing():
    """Where k = n + p + s + 1 the count is 0 and the formula is -1; where k = n + p + s both are 0."""
    assert value(part("window-count").lhs, n=3, k=8, p=1, s=3) == 0
    assert value(part("window-count").rhs, n=3, k=8, p=1, s=3) == -1
    assert value(part("window-count").rhs, n=3, k=7, p=1, s=3) == 0
    for x, y, z, w in SMALL:
        assert value(part("window-count/sharp").lhs, n=x, k=y, p=z, s=w) == (y <= x + z + w)


def test_an_empty_window_has_more_places():
    """For k = 0 the window also fits behind the last cell: k >= 1 is needed."""
    assert value(part("window-count").lhs, n=3, k=0, p=0, s=1) == 3
    assert formulas.window_count(3, 0, 0, 1) == 4


def test_torch_wants_a_window():
    """torch refuses a convolution exactly where the theorem says that no window fits."""
    for x, y, z, w in product(range(1, 5), range(1, 7), range(3), range(1, 3)):
        fits = value(part("window-count/some-window").lhs, n=x, k=y, p=2 * z, s=w)
        try:
            functional.conv1d(torch.zeros(1, 1, x), torch.zeros(1, 1, y), stride=w, padding=z)
            accepted = True
        except RuntimeError:
            accepted = False
        assert accepted == fits, (x, y, z, w)


def test_unfold_has_so_many_columns():
    """torch's Unfold gives a column for each pair of places: the product of the counts."""
    for x, y, z, w in product(range(4, 7), range(1, 4), range(2), range(1, 4)):
        sizes = {"n1": x, "k1": y, "p1": 2 * z, "s1": w, "n2": 5, "k2": 2, "p2": 2 * z, "s2": 2}
        columns = functional.unfold(torch.zeros(1, 1, x, 5), (y, 2), padding=z, stride=(w, 2)).shape[2]
        assert value(part("window-count/two-axes").rhs, **sizes) == columns
        assert value(part("window-count/two-axes").lhs, **sizes) == columns


# In other clothes ----------------------------------------------------------------------------------------------------


def test_torch_counts_so():
    """The left side of `torch-form` is the size that torch's convolution gives."""
    for x, y, z, w, v in product(range(5, 8), range(1, 4), range(2), range(1, 4), range(1, 3)):
        got = functional.conv1d(torch.zeros(1, 1, x), torch.zeros(1, 1, y), stride=w, padding=z, dilation=v).shape[2]
        assert value(part("torch-form").lhs, n=x, k=y, q=z, s=w, d=v) == got


@pytest.mark.filterwarnings("ignore:Using padding=.same.")
def test_same_padding_of_torch():
    """torch's padding='same' keeps the size at stride 1 for every kernel and dilation."""
    for x, y, v in product(range(1, 6), range(1, 5), range(1, 3)):
        kept = functional.conv1d(torch.zeros(1, 1, x), torch.zeros(1, 1, y), padding="same", dilation=v).shape[2]
        assert kept == x == value(part("same-padding").lhs, n=x, e=v * (y - 1) + 1, p=v * (y - 1), s=1)


@pytest.mark.filterwarnings("ignore:Using padding=.same.")
def test_where_the_larger_half_goes():
    """For an even kernel torch's 'same' pads less in front; the lectures' larger half first shifts the picture."""
    x, ones = torch.arange(1.0, 6.0)[None, None], torch.ones(1, 1, 2)
    same = functional.conv1d(x, ones, padding="same")
    smaller_first = functional.conv1d(functional.pad(x, (0, 1)), ones)
    larger_first = functional.conv1d(functional.pad(x, (1, 0)), ones)
    assert torch.equal(same, smaller_first)
    assert torch.equal(larger_first[..., 1:], same[..., :-1])
    assert not torch.equal(larger_first, same)


def test_a_quotient_that_is_no_integer():
    """(N - F)/S + 1 counts windows exactly where S divides N - F: 7, 3, 2 is fine, 8, 3, 2 is not."""
    assert value(part("same-padding/exact").lhs, n=7, k=3, p=0, s=2)
    assert not value(part("same-padding/exact").lhs, n=8, k=3, p=0, s=2)
    for x, y, z, w in SMALL:
        exact = (x - y + z) / w + 1 == formulas.window_count(x, y, z, w)
        assert value(part("same-padding/exact").rhs, n=x, k=y, p=z, s=w) == exact


def test_the_least_padding_is_the_least():
    """Trying paddings one by one, the first that gives ceil(n/s) windows is the theorem's, often less than e - 1."""
    smaller = 0
    for x, w, y in product(range(1, 9), range(1, 5), range(1, 6)):
        wanted = -(-x // w)
        first = next(z for z in range(10) if len(places(x, y, z, w)) >= wanted)
        assert max(0, value(windows.least_padding(), n=x, s=w, e=y)) == first
        assert len(places(x, y, first, w)) == wanted
        smaller += first < y - 1
    assert smaller
    assert value(windows.least_padding(), n=4, s=2, e=3) == 1 < 3 - 1


# Sizes with so many windows ------------------------------------------------------------------------------------------


def test_the_sizes_with_so_many_windows():
    """For each count the sizes that have it, found by trying all, are the interval of the theorem, s of them."""
    for y, z, w, count in product(range(1, 5), range(3), range(1, 5), range(1, 4)):
        found = [x for x in range(-20, 40) if formulas.window_count(x, y, z, w) == count]
        shortest = value(windows.shortest(), o=count, s=w, k=y, p=z)
        longest = value(windows.longest(), o=count, s=w, k=y, p=z)
        assert found == list(range(shortest, longest + 1))
        assert len(found) == w
        really = [x for x in range(1, 40) if len(places(x, y, z, w)) == count]
        assert really == [x for x in found if x >= 1]


def test_no_window_is_open_below():
    """For no window at all the sizes go down without end: here the maximum with zero matters."""
    for y, z, w in product(range(1, 6), range(3), range(1, 4)):
        assert all(not places(x, y, z, w) for x in range(y - z))
        assert value(part("preimage/no-window").lhs, n=-100, k=y, p=z, s=w)
        assert not value(part("preimage/no-window").lhs, n=y - z, k=y, p=z, s=w)


def test_cells_never_seen_by_listing_them():
    """Where no two windows overlap, the tail and the gaps are the cells that are in no window."""
    for x, y, z, w in SMALL:
        listed = places(x, y, z, w)
        seen = {cell for window in listed for cell in window}
        if listed:
            assert x + z - max(map(max, listed)) - 1 == value(part("preimage/tail").rhs, n=x, k=y, p=z, s=w)
        if y <= w and y <= x + z + w:
            assert x + z - len(seen) == value(part("preimage/unseen").lhs, n=x, k=y, p=z, s=w)


def test_where_windows_overlap_the_sum_counts_twice():
    """For k > s a cell is seen by several windows, and the left side of `unseen` is no number of cells."""
    assert value(part("preimage/unseen").lhs, n=5, k=3, p=0, s=1) == 5 - 9


def test_the_interval_holds_all_of_them_or_the_count_is_smaller():
    """A range that does not reach from the shortest to the longest size has fewer than s of them."""
    term = part("preimage/so-many").lhs
    inside = {"k": 3, "p": 0, "s": 4, "o": 2}
    assert value(term, a=7, b=10, **inside) == 4
    assert value(term, a=8, b=10, **inside) == value(term, a=7, b=9, **inside) == 3


@pytest.mark.parametrize("name", ["window-count", "torch-form", "same-padding", "preimage"])
def test_letters_of_a_theorem(name):
    """Each main theorem keeps its stride a letter: nothing is proved for one stride only."""
    assert s in part(name).lhs.free_symbols
    assert {a, b, m, d, q}.isdisjoint(part("window-count").rhs.free_symbols)
