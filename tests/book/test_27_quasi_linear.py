r"""Which sizes does a network take, and how can one know for all of them?

A period more of input is a period more of output: f(n + S t) = f(n) + T t for every chain of layers, all integers n and
t. The chapter derive/theorems/quasi_linear.py proves it by induction over the layers; here the same is read on numbers,
on random chains of the functions that the checker runs, and on networks of torch, whose sets of sizes are what the
theorems say: a threshold, residue classes, an interval. A float scale_factor has no such law.

Main results: `test_a_chain_of_layers_is_quasi_linear`, `test_a_period_tells_all_sizes`, `test_the_law_breaks_for_0_7`.
Notation: n size, t any integer, S period, T growth; k, p, s span, TOTAL padding and stride of a layer.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from itertools import product
from math import prod

import pytest
import sympy as sp
import torch
from torch import nn

from derive import theorem
from derive.theorems import quasi_linear
from shapecheck import formulas

Layer = tuple[Callable[[int], int], int, int]  # size function, period, growth


def part(name: str):
    """A part of the theorem by its name."""
    whole = theorem("quasi-linear")
    return next(piece for piece in (whole, *whole.parts) if piece.name == name)


def random_layer(rng: random.Random) -> Layer:
    """A layer of the theorem, from the functions that the checker runs."""
    k, p, s, op = rng.randint(1, 5), rng.randint(0, 4), rng.randint(1, 3), rng.randint(0, 1)
    a, b = rng.randint(1, 3), rng.choice((1, 1, 2))
    return rng.choice(
        [
            (lambda n: formulas.window_count(n, k, p, s), s, 1),
            (lambda n: formulas.ceil_window_count(n, k, k // 2, s), s, 1),
            (lambda n: formulas.transposed_size(n, k, p, s, op), 1, s),
            (lambda n: formulas.dyadic_size(n, a, b), b, a),
            (lambda n: formulas.padded_size(n, p, -1), 1, 1),
        ]
    )


def behind(layers: list[Layer], n: int) -> int:
    """The size behind all the layers."""
    for size, _, _ in layers:
        n = size(n)
    return n


def test_the_formulas_are_those_that_run():
    """The theorems are about what the checker's functions answer when they are called on letters."""
    n, k, p, s, t, e, op, a, b = sp.symbols("n k p s t e op a b", integer=True)
    assert part("quasi-linear/window").lhs == formulas.window_count(n + s * t, k, p, s)
    assert part("quasi-linear/window").rhs == formulas.window_count(n, k, p, s) + t
    assert part("quasi-linear/transposed").lhs == formulas.transposed_size(n + t, e, p, s, op)
    assert part("quasi-linear/upsampling").rhs == formulas.dyadic_size(n, a, b) + a * t


@pytest.mark.parametrize("seed", range(40))
def test_a_chain_of_layers_is_quasi_linear(seed: int):
    """For random chains, f(n + S t) = f(n) + T t for all n and t tried, S and T the products of the layers' own."""
    rng = random.Random(f"chain {seed}")
    layers = [random_layer(rng) for _ in range(rng.randint(0, 6))]
    period, growth = prod(layer[1] for layer in layers), prod(layer[2] for layer in layers)
    for n, t in product(range(-7, 30, 3), (-2, -1, 1, 3)):
        assert behind(layers, n + period * t) == behind(layers, n) + growth * t, (n, t, period, growth)
    assert all(behind(layers, n) <= behind(layers, n + 1) for n in range(-20, 60))


def test_a_smaller_period_will_not_do():
    """For two windows of stride 2 and 3 no period below 6 gives one window more for every size."""
    layers = [(lambda n: formulas.window_count(n, 3, 0, 2), 2, 1), (lambda n: formulas.window_count(n, 2, 1, 3), 3, 1)]
    lawful = [S for S in range(1, 7) if all(behind(layers, n + S) == behind(layers, n) + 1 for n in range(40))]
    assert lawful == [6]


# Sets of sizes -------------------------------------------------------------------------------------------------------


def accepted(net: nn.Module, sizes: range, **shape: int) -> set[int]:
    """The widths of a picture that torch takes through a network."""
    found = set()
    for n in sizes:
        try:
            with torch.no_grad():
                net(torch.zeros(1, shape.get("channels", 1), 1, n))
        except RuntimeError:
            continue
        found.add(n)
    return found


def test_windows_give_a_threshold():
    """A chain of convolutions and pools of torch takes the sizes from some size on, and no others."""
    net = nn.Sequential(
        nn.Conv2d(1, 1, (1, 5), stride=(1, 2)),
        nn.MaxPool2d((1, 3), stride=(1, 2), ceil_mode=True),
        nn.Conv2d(1, 1, (1, 3)),
    )
    found = accepted(net, range(1, 60))
    assert found == set(range(min(found), 60))
    assert min(found) == 15


def test_a_period_tells_all_sizes():
    """Sizes tried for one period, S = 6, of a network with a pixel unshuffle are the sizes for ever."""

    class Net(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            x = nn.functional.max_pool2d(x, (1, 3), stride=(1, 3))
            if x.shape[3] % 2:
                raise RuntimeError("an unshuffle by 2 takes even widths")
            return x

    found = accepted(Net(), range(1, 80))
    first, period = 6, 3 * 2
    classes = {n % period for n in range(first, first + period) if n in found}
    assert {n for n in range(first, 80) if n % period in classes} == {n for n in found if n >= first}


def test_unshuffle_of_torch_repeats():
    """torch's own PixelUnshuffle behind a pool of stride 3 takes three neighbours of every six sizes."""
    net = nn.Sequential(nn.MaxPool2d(3), nn.PixelUnshuffle(2))
    taken = []
    for n in range(6, 42):
        try:
            net(torch.zeros(1, 1, 6, n))
            taken.append(n)
        except RuntimeError:
            continue
    assert taken == [n for n in range(6, 42) if n // 3 % 2 == 0]


def test_a_fixed_linear_takes_an_interval():
    """Behind strides of 2 and 2 a Linear takes at most four neighbouring widths, here those and no others."""
    for features in (1, 2, 5):
        net = nn.Sequential(nn.Conv2d(1, 1, (1, 3), stride=(1, 2)), nn.MaxPool2d((1, 2)), nn.Linear(features, 2))
        found = sorted(accepted(net, range(1, 60)))
        assert found == list(range(found[0], found[0] + 4))


def test_branches_agree_on_residue_classes():
    """Halving and doubling gives the size back on one residue class of two; a convolution more never does."""
    down, up = (lambda n: formulas.window_count(n, 2, 0, 2)), (lambda n: formulas.transposed_size(n, 2, 0, 2, 0))
    assert {n % 8 for n in range(8, 80) if up(up(up(down(down(down(n)))))) == n} == {0}
    assert not [n for n in range(1, 80) if formulas.window_count(up(down(n)), 4, 0, 1) == n]
    net = nn.MaxPool2d((1, 2))
    for n in range(2, 20):
        small = net(torch.zeros(1, 1, 1, n))
        doubled = nn.functional.conv_transpose2d(small, torch.ones(1, 1, 1, 2), stride=(1, 2))
        assert (doubled.shape[3] == n) == (n % 2 == 0)


def test_branches_that_drift_apart_meet_once():
    """Growths that differ leave at most one size in each residue class."""
    slow, fast = (lambda n: formulas.window_count(n, 2, 0, 2)), (lambda n: formulas.padded_size(n, 0, -7))
    meets = [n for n in range(-100, 100) if slow(n) == fast(n)]
    assert meets == [13, 14]
    assert len({n % 2 for n in meets}) == len(meets)


def test_without_growth_a_period_tells_nothing():
    """The hypothesis T >= 0 is needed: a function that shrinks meets a bound for a period and not behind it."""
    shrinking = lambda n: 5 - n  # noqa: E731
    assert all(shrinking(n) >= 0 for n in range(5, 6))
    assert shrinking(6) < 0


def test_without_monotony_there_is_no_threshold():
    """A quasi-linear function that goes up and down has no threshold, though it has a period."""
    uneven = lambda n: n + 3 * (n % 2)  # noqa: E731
    assert all(uneven(n + 2 * t) == uneven(n) + 2 * t for n, t in product(range(-5, 5), range(-3, 4)))
    assert [n for n in range(10) if uneven(n) >= 6] == [3, 5, 6, 7, 8, 9]


def test_the_bound_is_the_theorems():
    """`known` on numbers: with v = 3, u = 1 and bounds met from 4 to 6 they are met at every later size."""
    term, period, growth = part("quasi-linear/known"), 3, 1
    size = lambda n: growth * (n // period) + (4, 0, 7)[n % period]  # noqa: E731
    for bound in range(12):
        held = all(size(n) >= bound for n in range(4, 4 + period))
        assert not held or all(size(n) >= bound for n in range(4, 100))
    assert term.rhs == sp.true


# What has no law -----------------------------------------------------------------------------------------------------


def test_the_law_breaks_for_0_7():
    """10 cells more of 80 are 6 more, not 7: torch scales 80 to 56 and 90 to 62, as the float rule says."""
    assert next(quasi_linear.breaks(0.7, 10, 7, range(1, 1000))) == 80
    assert (formulas.scaled_size(80, 0.7), formulas.scaled_size(90, 0.7)) == (56, 62)
    up = nn.Upsample(scale_factor=0.7)
    assert [up(torch.zeros(1, 1, n)).shape[2] for n in (80, 90)] == [56, 62]


@pytest.mark.parametrize(("scale", "period", "growth"), [(2.0, 1, 2), (1.5, 2, 3), (0.25, 4, 1)])
def test_factors_exact_in_binary_obey(scale: float, period: int, growth: int):
    """Factors m/t with t a power of two have the period t, in torch too."""
    assert not list(quasi_linear.breaks(scale, period, growth, range(1, 2000)))
    up = nn.Upsample(scale_factor=scale)
    for n in range(4, 20):
        assert up(torch.zeros(1, 1, n + period)).shape[2] == up(torch.zeros(1, 1, n)).shape[2] + growth


def test_which_of_the_tenths_obey():
    """Of the factors 0.1 to 0.9 those that break the law of tenths below 1000 are found by trying, none is proved."""
    broken = {m for m in range(1, 10) if next(quasi_linear.breaks(m / 10, 10, m, range(1, 1000)), None) is not None}
    assert 7 in broken
    assert 5 not in broken
