r"""Is the size formula right, for all sizes, and is it the formula that runs?

The chapter derive/theorems/windows.py proves it of `shapecheck.formulas` itself: each function is called on letters.
Here its statements are read again without their proofs: on numbers, by listing windows, and by torch. What each
hypothesis is for is shown by a case that it excludes.

The demands of torch's layers (derive/theorems/demands.py) are met and missed by one cell.

Main results: `test_the_formula_that_runs_is_the_formula_that_is_proved`, `test_the_places_are_those_of_a_list`,
`test_at_most_one_stride_may_be_missing`, `test_a_convolution_demands_a_window`.
Notation: n size, k span, p TOTAL padding, q padding per side, s stride, d dilation, e dilated span, o windows.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from typing import Any

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


# What torch demands --------------------------------------------------------------------------------------------------


def accepts(layer: Callable[..., torch.Tensor], *shape: int) -> bool:
    """Whether torch's layer takes an image of zeros of that shape."""
    try:
        layer(torch.zeros(shape))
    except (RuntimeError, ValueError):
        return False
    return True


def border(condition: Callable[..., Any], layer: Callable[..., torch.Tensor], *shape: int) -> tuple[int, int]:
    """The largest size of the last axis that torch refuses and the smallest it takes; the condition says the same."""
    taken = [size for size in range(1, 12) if accepts(layer, *shape, size)]
    assert taken == [size for size in range(1, 12) if condition(size)]
    return taken[0] - 1, taken[0]


def test_a_convolution_demands_a_window():
    """torch refuses a convolution one cell below `WINDOW_FITS` and takes it there, dilated, padded and strided."""
    for y, v, z, w in product(range(2, 5), range(1, 3), range(2), range(1, 4)):
        span = formulas.dilated(y, v)
        if span > 2 * z + 1:
            layer = torch.nn.Conv1d(1, 1, y, w, z, v)
            ends = border(lambda size, e=span, p=2 * z: formulas.WINDOW_FITS.holds(size, e, p), layer, 1, 1)
            assert ends == (span - 2 * z - 1, span - 2 * z)
            assert value(part("demands").lhs, n=ends[1], e=span, q=z, s=w)
            assert not value(part("demands").lhs, n=ends[0], e=span, q=z, s=w)


def test_where_torch_refuses_and_the_formula_counts_it_counts_none():
    """Between k <= n + p and k <= n + p + s the formula says 0, beyond it is negative."""
    for x, y, z, w in SMALL:
        none = value(part("demands/none").rhs, n=x, k=y, p=z, s=w)
        assert none == (y > x + z and formulas.WINDOW_COUNTS.holds(x, y, z, w))
        assert none == (formulas.window_count(x, y, z, w) == 0)


def test_ceil_mode_demands_a_window_by_its_own_rule():
    """A pool in ceil mode takes a window longer than its input by less than a stride, and no longer one."""
    for y, w, z in product(range(2, 7), range(1, 5), range(2)):
        if z <= y // 2:
            layer = torch.nn.MaxPool1d(y, w, z, ceil_mode=True)
            condition = part("demands/ceil-mode").rhs
            ends = border(lambda size, r=condition, e=y, q=z, s=w: value(r, n=size, e=e, q=q, s=s), layer, 1, 1)
            assert ends[1] == max(1, y - w + 1 - 2 * z)
            some = formulas.SOME_WINDOW.holds(formulas.ceil_window_count(ends[1], y, z, w))
            assert some
    assert formulas.ceil_window_count(2, 4, 0, 3) == 1


def test_average_pooling_in_3d_demands_a_window_without_padding():
    """AvgPool3d wants its window in the bare input, AvgPool2d only in the padded one: 3 cells of padding 1 on 2."""
    for y in range(2, 5):
        flat, deep = torch.nn.AvgPool1d(y, 1, y // 2), torch.nn.AvgPool3d((1, 1, y), 1, (0, 0, y // 2))
        assert border(lambda size, k=y: formulas.WINDOW_INSIDE.holds(size, k), deep, 1, 1, 1, 1) == (y - 1, y)
        padded = max(1, y - 2 * (y // 2))
        assert border(lambda size, k=y: formulas.WINDOW_FITS.holds(size, k, 2 * (k // 2)), flat, 1, 1)[1] == padded
        assert padded < y


def test_pools_demand_half_a_window_of_padding():
    """torch refuses a pool's padding from q = floor(k/2) + 1 on, of the window as it is before dilation."""
    for y, v, z in product(range(1, 6), range(1, 3), range(5)):
        accepted = accepts(torch.nn.MaxPool1d(y, 1, z, v), 1, 1, 20)
        assert accepted == formulas.HALF_PADDING.holds(y, z)


def test_with_half_padding_every_window_sees_the_input():
    """Listing the windows of plain pools: each has a cell of the input; with more padding the first may have none."""
    for x, y, w in product(range(1, 6), range(1, 6), range(1, 4)):
        for z in range(y // 2 + 1):
            real = range(z, z + x)
            assert all(set(window) & set(real) for window in places(x, y, 2 * z, w))
    assert not set(places(1, 1, 2, 1)[0]) & {1}


def test_a_dilated_window_can_miss_the_input():
    """With 2 taps 2 apart and padding 1 a single cell lies between the taps: torch's maximum is minus infinity."""
    assert formulas.HALF_PADDING.holds(2, 1)
    assert functional.max_pool1d(torch.zeros(1, 1, 1), 2, 1, 1, dilation=2).item() == -torch.inf


def test_a_reflection_is_shorter_than_the_input():
    """torch reflects q cells on q + 1 and refuses q; each place shows the cell that the theorem says."""
    for z in range(1, 6):
        reflect = torch.nn.ReflectionPad1d(z)
        assert border(lambda size, q=z: formulas.PAD_REFLECTS.holds(size, q), reflect, 1, 1) == (z, z + 1)
        for x in range(z + 1, 9):
            shown = [int(cell) for cell in reflect(torch.arange(float(x))[None])[0]]
            assert shown == [*range(z, 0, -1), *range(x), *(x - 1 - cell for cell in range(1, z + 1))]
            assert value(part("demands/reflection").lhs, n=x, q=z) == z
        assert value(part("demands/reflection").lhs, n=z, q=z) == z - 1


def test_a_circular_padding_goes_round_once():
    """torch wraps n cells on n and refuses n + 1; the furthest places show cells n - q and q - 1."""
    for z in range(1, 6):
        wrap = torch.nn.CircularPad1d(z)
        assert border(lambda size, q=z: formulas.PAD_WRAPS.holds(size, q), wrap, 1, 1) == (z - 1, z)
        for x in range(z, 8):
            shown = [int(cell) for cell in wrap(torch.arange(float(x))[None])[0]]
            assert (shown[0], shown[-1]) == (x - z, z - 1)
            assert value(part("demands/circular").lhs, n=x, q=z)


def test_windows_left_to_chance_find_places():
    """A fractional pool takes o windows of k on o + k - 1 cells, in 3-D on one more; they begin at different cells."""
    for y, count in product(range(1, 4), range(1, 4)):
        flat = torch.nn.FractionalMaxPool2d((1, y), output_size=(1, count))
        deep = torch.nn.FractionalMaxPool3d((1, 1, y), output_size=(1, 1, count))
        ends = border(lambda size, k=y, o=count: formulas.FRACTIONAL_FITS.holds(size, k, o), flat, 1, 1, 1)
        assert ends[1] == count + y - 1 == max(1, ends[1])
        wider = border(lambda size, k=y, o=count: formulas.FRACTIONAL_FITS_3D.holds(size, k, o), deep, 1, 1, 2, 2)
        assert wider[1] == ends[1] + 1
        for x in range(ends[1], 8):
            starts = {
                int(at)
                for at in torch.nn.FractionalMaxPool2d(1, output_size=(1, count), return_indices=True)(
                    torch.rand(1, 1, 1, x, generator=torch.Generator().manual_seed(x))
                )[1].flatten()
            }
            assert len(starts) == count


def test_what_unpooling_may_be_asked_for():
    """torch unpools to the sizes less than a stride away from the usual one; the pool takes back only the larger."""
    for y, w, small in product(range(1, 4), range(1, 4), range(1, 4)):
        usual, zeros = formulas.transposed_size(small, y, 0, w, 0), torch.zeros(1, 1, small)
        taken = []
        for asked in range(1, 14):
            try:
                taken.append(functional.max_unpool1d(zeros, zeros.long(), [y], [w], output_size=[asked]).shape[2])
            except ValueError:
                continue
        assert taken == [asked for asked in range(1, 14) if formulas.UNPOOL_SIZE.holds(asked, usual, w)]
        assert taken == [
            asked for asked in range(1, 14) if value(part("demands/unpool").lhs, o=asked, i=small, k=y, p=0, s=w)
        ]
        back = [asked for asked in taken if formulas.window_count(asked, y, 0, w) == small]
        assert back == [asked for asked in taken if asked >= usual]


def test_an_output_padding_is_smaller_than_stride_or_dilation():
    """torch takes output paddings below the larger of stride and dilation, and no other."""
    for w, v, more in product(range(1, 4), range(1, 4), range(5)):
        accepted = accepts(torch.nn.ConvTranspose1d(1, 1, 2, w, output_padding=more, dilation=v), 1, 1, 3)
        assert accepted == formulas.OUTPUT_PADDING.holds(more, w, v)
        assert accepted == value(part("demands/output-padding").rhs, op=more, s=w, d=v)


@pytest.mark.parametrize("name", ["window-count", "torch-form", "same-padding", "preimage"])
def test_letters_of_a_theorem(name):
    """Each main theorem keeps its stride a letter: nothing is proved for one stride only."""
    assert s in part(name).lhs.free_symbols
    assert {a, b, m, d, q}.isdisjoint(part("window-count").rhs.free_symbols)
