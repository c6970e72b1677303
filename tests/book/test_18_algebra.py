r"""Is convolution a multiplication?

Yes: commutative, associative, linear, with a unit, and it commutes with shifts; for finite sequences it is the product
of polynomials. Correlation has only some of this: it is neither commutative nor associative, as the smallest
counterexamples show, but two correlations in a row are one, and their kernels are convolved.

Main results: `test_convolution_is_the_product_of_polynomials`, `test_every_short_sequence`,
`test_correlation_is_not_commutative`, `test_correlation_is_not_associative`, `test_two_layers_are_one`.
Notation: K, L kernels of h and m cells, X input of n cells, all zero elsewhere; results at every place of the line.
"""

from __future__ import annotations

import itertools
from typing import Any

import pytest
import torch
from torch.nn import functional

from derive import semantics, theorem
from derive.blackboard import arrays, integers, reals
from derive.theorems.algebra import associative, commutative, corr_twice

a, c, h, i, m, n, t = integers("a c h i m n t")
u, v = reals("u v")
K, L, M, X, Z, S, Y = arrays("K L M X Z S Y")

CONVS: dict[int, Any] = {1: functional.conv1d, 2: functional.conv2d, 3: functional.conv3d}
SHORT = [list(cells) for size in (0, 1, 2) for cells in itertools.product((-1, 0, 2), repeat=size)]
AROUND = range(-6, 7)


def part(name):
    """A part of one of the theorems of this chapter."""
    return next(piece for piece in theorem(name.partition("/")[0]).parts if piece.name == name)


def value(term, values):
    """The value of a term by naive loops; lists are zero outside."""
    return semantics.meaning(term)(semantics.environment(values))


def at_every_place(term, values):
    """The values of a term at all places around zero."""
    return [value(term, {**values, i: place}) for place in AROUND]


# By hand: signals as dictionaries from places to numbers that are not zero ------------------------------------------


def signal(cells):
    """A list of cells as a signal."""
    return {place: number for place, number in enumerate(cells) if number}


def convolved(kernel, x):
    """(K * X)[i] = sum of K[a] X[i - a]: every pair of cells once."""
    result: dict[int, int] = {}
    for (one, weight), (other, number) in itertools.product(kernel.items(), x.items()):
        result[one + other] = result.get(one + other, 0) + weight * number
    return {place: number for place, number in result.items() if number}


def correlated(kernel, x):
    """corr(K, X)[i] = sum of K[a] X[i + a]: the kernel read backwards."""
    return convolved({-place: number for place, number in kernel.items()}, x)


def listed(found):
    """A signal on the places around zero."""
    return [found.get(place, 0) for place in AROUND]


def test_convolution_is_the_product_of_polynomials():
    """(1 + 2 x)(3 + x - x^2) = 3 + 7 x + x^2 - 2 x^3, and so is the convolution of the coefficients, either way."""
    one, other = [1, 2], [3, 1, -1]
    assert listed(convolved(signal(one), signal(other)))[6:10] == [3, 7, 1, -2]
    statement = theorem("conv-commutative")
    for side in (statement.lhs, statement.rhs):
        assert at_every_place(side, {K: one, X: other, h: 2, n: 3})[6:10] == [3, 7, 1, -2]


def test_every_short_sequence():
    """Commutative, associative, corr-corr: for all sequences of up to two cells of -1, 0, 2, the empty one too."""
    commutes, associates, twice = (theorem(name) for name in ("conv-commutative", "conv-associative", "corr-corr"))
    for one, other in itertools.product(SHORT, repeat=2):
        exact = listed(convolved(signal(one), signal(other)))
        values = {K: one, X: other, h: len(one), n: len(other)}
        assert at_every_place(commutes.lhs, values) == at_every_place(commutes.rhs, values) == exact
        if not (one or other):
            continue
        joined = convolved(signal(one), signal(other))
        pair = {K: one, L: other, h: len(one), m: len(other), X: [3, 1, 2], M: lambda at, j=joined: j.get(at[0], 0)}
        x = signal([3, 1, 2])
        exact = listed(convolved(signal(one), convolved(signal(other), x)))
        assert at_every_place(associates.lhs, pair) == at_every_place(associates.rhs, pair) == exact
        exact = listed(correlated(signal(other), correlated(signal(one), x)))
        assert at_every_place(twice.lhs, pair) == at_every_place(twice.rhs, pair) == exact


def test_more_axes_by_the_same_proof():
    """The proofs of the book for two axes go through for three, with sizes left open."""
    for proof, steps in ((commutative, 6), (associative, 22), (corr_twice, 22)):
        proved = proof(3)
        proved.recheck()
        assert len(proved.steps) == steps


def full(kernel, x):
    """The convolution at every place where it is not zero, by torch: flipped kernel, padding h - 1 on each side."""
    axes = x.dim()
    padding = [size - 1 for size in kernel.shape]
    return CONVS[axes](x[None, None], kernel.flip(*range(axes))[None, None], padding=padding)[0, 0]


def numbers(*shape, seed=0):
    """A tensor of small integers."""
    return torch.randint(-9, 10, shape, generator=torch.Generator().manual_seed(seed))


SHAPES = [((3,), (2,), (6,)), ((2, 3), (3, 1), (4, 5)), ((2, 1, 2), (1, 2, 3), (3, 4, 4))]


@pytest.mark.parametrize(("one", "other", "size"), SHAPES)
def test_torch_agrees(one, other, size):
    """On 1, 2 and 3 axes torch's full convolutions commute and associate, h + m - 1 cells from h and m."""
    first, second, x = numbers(*one), numbers(*other, seed=1), numbers(*size, seed=2)
    assert torch.equal(full(first, x), full(x, first))
    assert torch.equal(full(first, full(second, x)), full(full(first, second), x))
    assert full(first, second).shape == tuple(p + q - 1 for p, q in zip(one, other, strict=True))


@pytest.mark.parametrize(("one", "other", "size"), SHAPES)
def test_two_layers_are_one(one, other, size):
    """Two F.conv layers without an activation between are one, with the convolved kernel; not the correlated one."""
    first, second = numbers(*one), numbers(*other, seed=1)
    x = numbers(*(cells + 3 for cells in size), seed=2)
    layer = CONVS[x.dim()]
    twice = layer(layer(x[None, None], first[None, None]), second[None, None])
    assert torch.equal(twice, layer(x[None, None], full(first, second)[None, None]))
    turned = full(first.flip(*range(x.dim())), second)  # their correlation
    assert not torch.equal(twice, layer(x[None, None], turned[None, None]))


def test_how_far_a_product_reaches():
    """K * L is zero outside 0..h + m - 2, and both end cells of that range can be used."""
    extent = part("conv-associative/extent")
    for one, other in itertools.product(SHORT, repeat=2):
        values = {K: one, L: other, h: len(one), m: len(other)}
        reached = [place for place in AROUND if value(extent.lhs, {**values, c: place})]
        assert all(0 <= place <= len(one) + len(other) - 2 for place in reached)
    assert value(extent.lhs, {K: [1, 2], L: [3, 1, 1], h: 2, m: 3, c: 3}) == 2
    assert value(extent.lhs, {K: [1, 2], L: [3, 1, 1], h: 2, m: 3, c: 0}) == 3


def test_linear():
    """In the input and in the kernel, by the theorem's sides and by torch."""
    first, second, x, y = (numbers(*size, seed=seed) for seed, size in enumerate([(2,), (2,), (5,), (5,)]))
    assert torch.equal(full(first, 3 * x - 2 * y), 3 * full(first, x) - 2 * full(first, y))
    assert torch.equal(full(3 * first - 2 * second, x), 3 * full(first, x) - 2 * full(second, x))
    values = dict(zip((K, L, X, Z), (array.tolist() for array in (first, second, x, y)), strict=True))
    exact = full(first, 3 * x - 2 * y).tolist()
    for side in (theorem("conv-linear").lhs, theorem("conv-linear").rhs):
        assert at_every_place(side, {**values, u: 3, v: -2, h: 2})[6:12] == exact
    exact = full(3 * first - 2 * second, x).tolist()
    for side in (part("conv-linear/kernel").lhs, part("conv-linear/kernel").rhs):
        assert at_every_place(side, {**values, u: 3, v: -2, h: 2})[6:12] == exact


def test_the_impulse_is_the_only_unit():
    """Of all kernels of three cells -1, 0, 1, 2 only 1, 0, 0 leaves every input as it is."""
    units = [
        kernel
        for kernel in itertools.product((-1, 0, 1, 2), repeat=3)
        if all(convolved(signal(kernel), signal(x)) == signal(x) for x in SHORT)
    ]
    assert units == [(1, 0, 0)]
    unit = theorem("conv-unit")
    assert at_every_place(unit.lhs, {Z: [1], X: [4, 5], h: 3}) == at_every_place(unit.rhs, {X: [4, 5]})
    moved = part("conv-unit/shift")
    assert at_every_place(moved.lhs, {Z: [0, 0, 1], X: [4, 5], h: 3, t: 2}) == listed({2: 4, 3: 5})
    assert at_every_place(part("conv-unit/right").lhs, {K: [4, 5], Z: [1], h: 2}) == listed({0: 4, 1: 5})


@pytest.mark.parametrize(("name", "operation"), [("conv-shift", convolved), ("conv-shift/correlation", correlated)])
def test_shifts_come_out(name, operation):
    """Shifting the input by t shifts the result by t, for convolution and for correlation."""
    statement = theorem(name) if "/" not in name else part(name)
    for kernel, x, by in itertools.product(SHORT, SHORT, (-2, 0, 1)):
        moved = {place + by: number for place, number in signal(x).items()}
        result = operation(signal(kernel), signal(x))
        assert operation(signal(kernel), moved) == {place + by: number for place, number in result.items()}
        values = {K: kernel, h: len(kernel), t: by}
        values |= {S: lambda at, s=moved: s.get(at[0], 0), Y: lambda at, r=result: r.get(at[0], 0)}
        assert at_every_place(statement.lhs, values) == at_every_place(statement.rhs, values)


def smallest(fails, arity):
    """All sequences of 0s and 1s, of the fewest cells together, that fail: fewest ones first."""
    for cells in range(arity, 3 * arity + 1):
        sizes = [split for split in itertools.product(range(1, cells), repeat=arity) if sum(split) == cells]
        tried = itertools.chain.from_iterable(
            itertools.product(*(itertools.product((0, 1), repeat=size) for size in split)) for split in sizes
        )
        found = [sequences for sequences in tried if fails(*map(signal, sequences))]
        if found:
            return sorted(found, key=lambda sequences: (sum(map(sum, sequences)), sequences))
    return []


def test_correlation_is_not_commutative():
    """The smallest counterexample has one cell and two: corr((1), (0, 1)) is one at 1, corr((0, 1), (1)) at -1."""
    example, *_ = smallest(lambda k, x: correlated(k, x) != correlated(x, k), 2)
    assert example == ((0, 1), (1,))
    one, other = map(signal, example)
    assert (correlated(one, other), correlated(other, one)) == ({-1: 1}, {1: 1})
    assert all(
        correlated(signal([p]), signal([q])) == correlated(signal([q]), signal([p])) for p, q in [(2, 3), (0, 1)]
    )


def test_correlation_is_read_backwards():
    """With kernel and input exchanged the correlation is the same, read from the other end."""
    mirrored = part("corr-corr/mirrored")
    for one, other in itertools.product(SHORT, repeat=2):
        swapped = correlated(signal(other), signal(one))
        values = {K: one, X: other, h: len(one), n: len(other), Y: lambda at, s=swapped: s.get(at[0], 0)}
        assert at_every_place(mirrored.lhs, values) == at_every_place(mirrored.rhs, values)
        assert at_every_place(mirrored.lhs, values) == listed(swapped)[::-1]


def test_correlation_is_not_associative():
    """The smallest counterexample: corr(K, corr(L, X)) and corr(corr(K, L), X) differ for K = (0, 1), L = X = (1).

    Of the three it must be K that has two cells.
    """

    def fails(k, l_, x):
        return correlated(k, correlated(l_, x)) != correlated(correlated(k, l_), x)

    example, *others = smallest(fails, 3)
    assert example == ((0, 1), (1,), (1,))
    assert all(len(k) == 2 for k, _, _ in others)
    k, l_, x = map(signal, example)
    assert (correlated(k, correlated(l_, x)), correlated(correlated(k, l_), x)) == ({-1: 1}, {1: 1})
    assert correlated(k, correlated(l_, x)) == correlated(convolved(k, l_), x)


def test_convolution_has_no_such_counterexample():
    """The same search finds none for convolution."""
    assert not smallest(lambda k, x: convolved(k, x) != convolved(x, k), 2)
    assert not smallest(lambda k, l_, x: convolved(k, convolved(l_, x)) != convolved(convolved(k, l_), x), 3)
