"""Question: how far can a tensor be padded with its own cells, and what does negative padding leave?

Main results: `test_a_reflection_reaches_n_minus_1`, `test_a_circle_goes_round_once`,
`test_repeating_the_edge_has_no_limit`, `test_negative_padding_crops`, `test_the_last_axis_comes_first`,
`test_padding_then_convolving_is_convolving_padded`.
Notation: n cells, l cells before, r cells after (negative: cut off). A pad is defined by where each new cell looks.
"""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest
import torch
from torch.nn import functional

import shapecheck
from tests.referee import ours, torchs

SIDES = range(-6, 7)


def mirror(i, n):
    """The cell that a mirror at the first or the last cell shows at place i."""
    return -i if i < 0 else 2 * (n - 1) - i if i >= n else i


def wrap(i, n):
    """The cell one turn away, where place i lies outside."""
    return i + n if i < 0 else i - n if i >= n else i


def clamp(i, n):
    """The nearest cell."""
    return max(0, min(i, n - 1))


def padded(n, left, right, look):
    """The cells that the places -l .. n+r-1 show; None where one of them looks outside."""
    shown = [look(i, n) for i in range(-left, n + right)]
    return shown if all(0 <= i < n for i in shown) else None


def test_by_hand():
    """Four cells abcd, two more on each side: mirrored cb|abcd|cb, wrapped cd|abcd|ab, repeated aa|abcd|dd."""
    assert padded(4, 2, 2, mirror) == [2, 1, 0, 1, 2, 3, 2, 1]
    assert padded(4, 2, 2, wrap) == [2, 3, 0, 1, 2, 3, 0, 1]
    assert padded(4, 2, 2, clamp) == [0, 0, 0, 1, 2, 3, 3, 3]


@pytest.mark.parametrize(
    ("kind", "mode", "look"),
    [
        ("ReflectionPad1d", "reflect", mirror),
        ("CircularPad1d", "circular", wrap),
        ("ReplicationPad1d", "replicate", clamp),
    ],
)
def test_the_definition_is_torchs(kind, mode, look):
    """Where the definition shows only cells that are there, torch shows the same, and our size is their number."""
    for n, left, right in product((1, 2, 3, 5), range(6), range(6)):
        shown = padded(n, left, right, look)
        outcome = ours(kind, (1, 1, n), padding=(left, right))
        if shown is None:
            assert outcome == "forward", (n, left, right)
        else:
            assert outcome == (1, 1, len(shown)), (n, left, right)
            cells = torch.arange(n, dtype=torch.float32).reshape(1, 1, n)
            assert functional.pad(cells, (left, right), mode=mode).flatten().tolist() == shown


def test_a_reflection_reaches_n_minus_1():
    """The mirror does not repeat the edge, so each side reflects at most n - 1 cells."""
    for n, left, right in product(range(1, 7), range(8), range(8)):
        assert (padded(n, left, right, mirror) is not None) == (left < n and right < n)
        assert (ours("ReflectionPad1d", (2, n), padding=(left, right)) != "forward") == (left < n and right < n)


def test_a_circle_goes_round_once():
    """A circular side takes at most all n cells, one more than a reflection."""
    for n, left, right in product(range(1, 7), range(8), range(8)):
        assert (padded(n, left, right, wrap) is not None) == (left <= n and right <= n)
        assert (ours("CircularPad1d", (2, n), padding=(left, right)) != "forward") == (left <= n and right <= n)


def test_repeating_the_edge_has_no_limit():
    """One cell can be repeated a thousand times, but no cell cannot be repeated once."""
    assert (
        ours("ReplicationPad1d", (2, 1), padding=1000) == (2, 2001) == torchs("ReplicationPad1d", (2, 1), padding=1000)
    )
    assert ours("ReplicationPad1d", (2, 0), padding=1) == "forward" == torchs("ReplicationPad1d", (2, 0), padding=1)


@pytest.mark.parametrize("n", [1, 3, 6])
def test_negative_padding_crops(n):
    """Zeros are put around after the cut: l and r of either sign pass exactly where the cut leaves nothing negative."""
    for left, right in product(SIDES, SIDES):
        kept = n - max(-left, 0) - max(-right, 0)
        expected = (2, n + left + right) if kept >= 0 else "forward"
        assert ours("ZeroPad1d", (2, n), padding=(left, right)) == expected, (left, right)
        assert torchs("ZeroPad1d", (2, n), padding=(left, right)) == expected, (left, right)


def test_the_sum_is_not_enough():
    """A pad of -9 and 10 on 8 cells has 9 in sum, yet it is refused for zeros; repeating the edge takes it."""
    assert 8 - 9 + 10 == 9
    for judge in (ours, torchs):
        assert judge("ZeroPad1d", (2, 8), padding=(-9, 10)) == "forward"
        assert judge("ReplicationPad1d", (2, 8), padding=(-9, 10)) == (2, 9)


@pytest.mark.parametrize("kind", ["ReflectionPad1d", "ReplicationPad1d", "CircularPad1d"])
def test_sides_of_both_signs(kind):
    """Cut on one side and padded on the other, every pair of numbers meets the fate that torch has for it."""
    for n, left, right in product((1, 2, 5), SIDES, SIDES):
        question = (kind, (2, 3, n))
        assert ours(*question, padding=(left, right)) == torchs(*question, padding=(left, right)), (n, left, right)


def test_the_last_axis_comes_first():
    """padding counts from the last axis: (left, right, top, bottom), and a shorter list leaves the first axes alone."""
    for judge in (ours, torchs):
        assert judge("ZeroPad2d", (1, 1, 10, 20), padding=(1, 2, 3, 4)) == (1, 1, 17, 23)
        assert judge("ZeroPad2d", (1, 1, 10, 20), padding=(1, 2)) == (1, 1, 10, 23)


def test_the_number_in_the_name_is_not_a_rank():
    """ZeroPad1d with four numbers pads two axes; a reflection of two numbers wants one axis behind the channels."""
    for judge in (ours, torchs):
        assert judge("ZeroPad1d", (1, 1, 4, 4), padding=(1, 1, 2, 2)) == (1, 1, 8, 6)
        assert judge("ReflectionPad2d", (1, 3, 4), padding=(1, 1)) == (1, 3, 6)
        assert judge("ReflectionPad2d", (1, 1, 3, 4), padding=(1, 1)) == "forward"


def test_pads_add_up():
    """Zeros twice are zeros once, by the sum; a reflection of a reflection reaches further than one may."""
    for first, second in product(range(4), range(4)):
        once = ours("ZeroPad1d", (1, 5), padding=first + second)
        assert ours("ZeroPad1d", ours("ZeroPad1d", (1, 5), padding=first), padding=second) == once
    twice = ours("ReflectionPad1d", ours("ReflectionPad1d", (1, 3), padding=2), padding=2)
    assert (twice, ours("ReflectionPad1d", (1, 3), padding=4)) == ((1, 11), "forward")


def test_padding_then_convolving_is_convolving_padded():
    """A convolution's own padding and a zero pad before it give the same size, for every kernel and stride."""
    for n, kernel, stride, pad in product(range(1, 9), range(1, 6), (1, 2, 3), range(4)):
        sizes: dict[str, Any] = {"in_channels": 1, "out_channels": 1, "kernel_size": kernel, "stride": stride}
        before = ours("Conv1d", ours("ZeroPad1d", (1, 1, n), padding=pad), **sizes)
        assert before == ours("Conv1d", (1, 1, n), **sizes, padding=pad)


@pytest.mark.parametrize("kind", ["ZeroPad2d", "ReflectionPad2d", "ReplicationPad2d", "CircularPad2d"])
def test_the_hint_mends(kind):
    """Where a pad is refused for its numbers, the hint names numbers that pass."""
    tried = 0
    for padding in product((-5, 0, 2, 6), repeat=4):
        try:
            shapecheck.output_shape(kind, (2, 3, 4, 5), padding=padding)
        except shapecheck.ShapeError as error:
            name, value = str(error.diagnostics[0].hint).split(": ")
            assert name == "padding"
            mended = tuple(map(int, value.strip("[]").split(","))) if "[" in value else int(value)
            assert ours(kind, (2, 3, 4, 5), padding=mended) != "forward", (padding, mended)
            tried += 1
    assert tried > 10
