r"""What does ceil mode count, which cells does an adaptive pool read, and where do shuffled cells go?

The chapter derive/theorems/pooling.py proves torch's rule for ceil mode equal to `formulas.ceil_window_count`, and that
adaptive windows leave no cell out; resampling.py proves upsampling, flatten and pixel shuffle. Here they are read on
numbers, by listing windows, and by torch; what each
hypothesis is for is shown by a case that it excludes.

Main results: `test_the_rule_is_what_torch_does`, `test_ceil_mode_lists_one_window_more`,
`test_the_windows_are_those_torch_reads`.
Notation: n size, e dilated span, q padding per side, s stride, o windows asked for, i the number of one of them.
"""

from __future__ import annotations

import math
from itertools import pairwise, product

import pytest
import sympy as sp
import torch
from torch.nn import functional

from derive import semantics, theorem
from derive.theorems import pooling
from derive.theorems.pooling import a, b, e, i, n, o, q, s
from shapecheck import formulas

POOLS = [(x, y, z, w) for x, y, w in product(range(1, 9), range(1, 6), range(1, 6)) for z in range(y // 2 + 1)]


def part(name: str):
    """A theorem, or a part of one, by its name."""
    whole = theorem(name.partition("/")[0])
    return next(piece for piece in (whole, *whole.parts) if piece.name == name)


def value(term, **letters: int):
    """The term on numbers, by plain loops."""
    return semantics.meaning(term)(semantics.environment({sp.Symbol(x, integer=True): y for x, y in letters.items()}))


# The formula itself --------------------------------------------------------------------------------------------------


def test_the_formulas_are_those_that_run():
    """The theorems are about what the checker's functions answer when they are called on letters."""
    assert part("ceil-mode").rhs == pooling.ceil_count(n)
    assert part("ceil-mode/minimum").lhs == formulas.minimum(a, b)
    shared = formulas.adaptive_stop(i, n, o) - formulas.adaptive_start(i + 1, n, o)
    assert part("adaptive-pooling").lhs == shared


def test_a_letter_is_asked_for_its_minimum_from_either_side():
    """`formulas.minimum` takes the arithmetic only where neither knows a minimum of its own."""
    x, y = pooling.Letter(a), pooling.Letter(b)
    assert formulas.minimum(x, y).term == sp.Min(a, b)
    for one, other in product(range(-3, 4), repeat=2):
        assert formulas.minimum(one, other) == min(one, other)
        assert value(formulas.minimum(a, b), a=one, b=other) == min(one, other)
        assert value(formulas.minimum(a, 2), a=one) == min(one, 2)


# Ceil mode -----------------------------------------------------------------------------------------------------------


def test_the_rule_is_what_torch_does():
    """The left side of `ceil-mode` is the size of torch's pools, wherever torch gives one."""
    for x, y, z, w in POOLS:
        count = value(part("ceil-mode").lhs, n=x, e=y, q=z, s=w)
        try:
            got = functional.max_pool1d(torch.zeros(1, 1, x), y, w, z, ceil_mode=True).shape[2]
        except RuntimeError:
            got = None
        assert got == (count if count >= 1 else None), (x, y, z, w)


def test_without_the_hypothesis_the_rule_takes_back_too_little():
    """For q = e + 1 two windows start too late, and the rule takes one back: q <= e is needed."""
    case = {"n": 1, "e": 1, "q": 2, "s": 1}
    assert value(part("ceil-mode").lhs, **case) == 4
    assert value(part("ceil-mode").rhs, **case) == 3


def test_ceil_mode_lists_one_window_more():
    """Walking along, the window behind the last one that fits counts if cells are left over and it starts in time."""
    for x, y, z, w in POOLS:
        fitting = [start for start in range(0, x + 2 * z, w) if start + y <= x + 2 * z]
        if y <= x + 2 * z:
            left_over = x + 2 * z - (fitting[-1] + y) > 0
            listed = len(fitting) + (left_over and fitting[-1] + w < x + z)
            assert value(part("ceil-mode/one-more").rhs, n=x, e=y, q=z, s=w) == listed
            assert value(part("ceil-mode/one-more").lhs, n=x, e=y, q=z, s=w) == listed


def test_with_as_much_padding_as_window_ceil_mode_can_be_less():
    """For q = e ceil mode has one window less than the floor: q < e is needed for the difference to be 0 or 1."""
    assert value(pooling.ceil_count(n), n=1, e=1, q=1, s=1) == 2
    assert formulas.window_count(1, 1, 2, 1) == 3


def test_a_window_is_taken_back_only_where_it_is_short():
    """Over all sizes up to 60 the last window is taken back for some size exactly where e < q + s."""
    late = sp.Lt(pooling.starting(), pooling.overhanging())
    for y, z, w in product(range(1, 7), range(4), range(1, 5)):
        if z <= y:
            fires = [x for x in range(1, 30) if value(late, n=x, e=y, q=z, s=w)]
            assert bool(fires) == (y < z + w), (y, z, w)


@pytest.mark.parametrize("ceil", [False, True])
def test_the_usual_stride_of_torch(ceil):
    """Where no stride is given it is the window: the size divided by it, rounded down, or up in ceil mode."""
    for x, y in product(range(5, 12), range(1, 5)):
        got = functional.max_pool1d(torch.zeros(1, 1, x), y, ceil_mode=ceil).shape[2]
        term = part("ceil-mode/no-overlap").rhs if ceil else part("ceil-mode/usual-stride").rhs
        assert got == value(term, n=x, q=0, s=y) == (math.ceil(x / y) if ceil else x // y)


# Adaptive pooling ----------------------------------------------------------------------------------------------------


def cells(size: int, windows: int) -> list[range]:
    """The windows by the formulas that run."""
    ends = [
        (formulas.adaptive_start(x, size, windows), formulas.adaptive_stop(x, size, windows)) for x in range(windows)
    ]
    return [range(start, stop) for start, stop in ends]


def test_the_windows_are_those_torch_reads():
    """Cell by cell: an adaptive pool's output changes exactly where the input cell lies in its window."""
    for size, windows in product(range(1, 9), range(1, 9)):
        read = functional.adaptive_avg_pool1d(torch.eye(size)[:, None], windows)[:, 0] != 0
        for number, window in enumerate(cells(size, windows)):
            assert [cell for cell in range(size) if read[cell, number]] == list(window)


def test_no_cell_is_left_out():
    """Listing them: every cell is in some window, neighbours share one cell or none, as the theorem says."""
    for size, windows in product(range(1, 12), range(1, 12)):
        listed = cells(size, windows)
        assert {cell for window in listed for cell in window} == set(range(size))
        for number, (one, other) in enumerate(pairwise(listed)):
            shared = len(set(one) & set(other))
            assert shared == value(part("adaptive-pooling").rhs, i=number, n=size, o=windows)


def test_the_longest_window():
    """The longest of the windows has `adaptive_span` cells, and the theorem says which window has them."""
    for size, windows in product(range(1, 12), range(1, 12)):
        listed, common = cells(size, windows), math.gcd(size, windows)
        longest = formulas.adaptive_span(size, windows, common)
        assert max(map(len, listed)) == longest
        turn = pow(size // common, -1, windows // common) if windows > common else 0  # x with x m = 1 modulo h
        assert len(listed[-turn % (windows // common)]) == longest
        for number, window in enumerate(listed):
            sizes = {"i": number, "m": size // common, "h": windows // common}
            assert value(part("adaptive-pooling/size").rhs, **sizes) == len(window)


def test_without_the_greatest_divisor_no_window_is_so_long():
    """For n = 4 and o = 2 the divisor 1 is not the greatest: its span is 3, and both windows have 2 cells."""
    assert formulas.adaptive_span(4, 2, 1) == 3
    assert [len(window) for window in cells(4, 2)] == [2, 2] == [formulas.adaptive_span(4, 2, 2)] * 2


def test_an_empty_input_has_empty_windows():
    """For n = 0 no window has a cell; for n = -1, which is no size, the formulas would say otherwise."""
    assert not any(cells(0, 3))
    assert formulas.adaptive_start(1, -1, 3) < formulas.adaptive_stop(1, -1, 3)


def test_where_it_is_a_plain_pool():
    """Where o divides n an adaptive pool is the pool with window and stride n/o."""
    x = torch.rand(1, 1, 12, generator=torch.Generator().manual_seed(0))
    for windows in (1, 2, 3, 4, 6, 12):
        plain = functional.avg_pool1d(x, 12 // windows)
        assert torch.allclose(functional.adaptive_avg_pool1d(x, windows), plain)
        assert [window.start for window in cells(12, windows)] == [12 // windows * number for number in range(windows)]
    assert {e, q, s} <= part("ceil-mode").rhs.free_symbols


# Cells put elsewhere -------------------------------------------------------------------------------------------------


def test_a_pool_takes_whole_upsampling_back():
    """torch's Upsample by a whole number, then a pool of that window, is the identity, sizes and values."""
    x = torch.rand(1, 1, 5, generator=torch.Generator().manual_seed(0))
    for factor in range(1, 5):
        large = functional.interpolate(x, scale_factor=factor)
        assert large.shape[2] == value(part("upsampling/whole").rhs, n=5, m=factor)
        assert torch.equal(functional.max_pool1d(large, factor), x)
        assert value(part("upsampling").lhs, n=5, m=factor, t=1) == 5


def test_upsampling_by_a_fraction_that_is_exact():
    """For factors m/t exact in binary torch's sizes are floor(n m/t), with the period, and it reads floor(x t/m)."""
    for size, up, down in product(range(1, 12), range(1, 8), (1, 2, 4, 8)):
        stretched = formulas.dyadic_size(size, up, down)
        assert stretched == formulas.scaled_size(size, up / down)
        assert formulas.dyadic_size(size + down, up, down) == stretched + up
        if stretched:
            got = functional.interpolate(torch.arange(float(size))[None, None], scale_factor=up / down)[0, 0]
            assert [int(cell) for cell in got] == [place * down // up for place in range(stretched)]
            assert value(part("upsampling/reads").rhs, x=stretched - 1, n=size, m=up, t=down)


def test_a_float_factor_obeys_no_law():
    """0.7 makes 56, 62, 70 of 80, 90, 100 cells in torch too: no period of 10 cells, and seven tenths of 90 are 63."""
    sizes = [functional.interpolate(torch.zeros(1, 1, size), scale_factor=0.7).shape[2] for size in (80, 90, 100)]
    assert sizes == [formulas.scaled_size(size, 0.7) for size in (80, 90, 100)] == [56, 62, 70]
    assert value(part("upsampling/float").lhs, n=90)
    assert "56, 62 and 70" in part("upsampling/float").text()


def test_flatten_numbers_the_cells_row_by_row():
    """torch's flatten puts cell (c, h, w) at its number, and the theorem says of each number which cell it is."""
    channels, height, width = 3, 4, 5
    x = torch.arange(channels * height * width).reshape(channels, height, width)
    place = part("flatten").rhs
    for number in range(x.numel()):
        (one, two, three), sizes = (int(at) for at in (x == number).nonzero()[0]), {"H": height, "W": width}
        assert value(part("flatten").lhs, f=number, c=one, h=two, w=three, **sizes)
        assert value(place, f=number, c=one, h=two, w=three, **sizes)
        assert value(part("flatten/range").lhs, f=number, C=channels, **sizes)
    assert not value(part("flatten/range").lhs, f=x.numel(), C=channels, H=height, W=width)
    every = product(range(channels), range(height), range(width))
    assert sum(value(place, f=33, c=one, h=two, w=three, H=height, W=width) for one, two, three in every) == 1


def test_unfold_numbers_its_columns_row_by_row():
    """Column row * O + col of torch's Unfold starts at that row and column of windows, dilated and strided."""
    x, k, d, w = torch.arange(99.0).reshape(1, 1, 9, 11), 2, 2, 3
    columns = functional.unfold(x, k, dilation=d, stride=w)[0]
    sizes = [formulas.window_count(size, formulas.dilated(k, d), 0, w) for size in (9, 11)]
    assert columns.shape[1] == sizes[0] * sizes[1]
    for row, col in product(*map(range, sizes)):
        number = row * sizes[1] + col
        assert value(part("flatten/picture").rhs, f=number, h=row, w=col, W=sizes[1])
        assert columns[0, number] == x[0, 0, row * w, col * w]


def test_pixel_shuffle_puts_each_cell_in_one_place():
    """torch's PixelShuffle reads for each output cell the cell of the theorem, and unshuffle undoes it."""
    factor, channels, height, width = 3, 2, 2, 4
    x = torch.arange(float(channels * factor**2 * height * width)).reshape(1, -1, height, width)
    large = functional.pixel_shuffle(x, factor)
    assert large.shape[1:] == (channels, height * factor, width * factor)
    assert torch.equal(functional.pixel_unshuffle(large, factor), x)
    for one, row, col in product(*map(range, large.shape[1:])):
        rests = {"u": row % factor, "v": col % factor, "r": factor}
        [source] = [m for m in range(x.shape[1]) if value(part("pixel-shuffle").rhs, m=m, c=one, **rests)]
        assert value(part("pixel-shuffle").lhs, m=source, c=one, **rests)
        assert value(part("pixel-shuffle/axis").lhs, y=row, h=row // factor, u=rests["u"], r=factor)
        assert large[0, one, row, col] == x[0, source, row // factor, col // factor]


def test_unshuffle_needs_a_size_that_the_factor_divides():
    """torch refuses to unshuffle a picture whose size the factor does not divide, as the theorem says."""
    for size, factor in product(range(1, 9), range(1, 4)):
        try:
            functional.pixel_unshuffle(torch.zeros(1, 1, size, factor), factor)
            accepted = True
        except RuntimeError:
            accepted = False
        assert accepted == value(part("pixel-shuffle/divides").rhs, H=size, r=factor)
