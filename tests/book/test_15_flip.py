r"""What is the difference between convolution and cross-correlation?

A flip of the kernel, and nothing else, on any number of axes. The lectures' formula with w[-a, -b] and sums from 1 is
empty: every term lies outside the kernel. Both repairs are right, and differ by a shift.

Main results: `test_the_flip_on_numbers`, `test_the_lectures_sum_is_empty`, `test_both_repairs`,
`test_point_symmetry_is_what_counts`, `test_six_axes_and_the_induction`.
Notation: K kernel of h x w, X input, both zero outside.
"""

from __future__ import annotations

import itertools

import pytest
import torch
from torch.nn import functional

from derive import semantics, theorem
from derive.reference import conv2d, corr2d, flipped
from derive.theorems.flip import K, X, Y, h, i, j, w

PICTURE = torch.randint(-9, 10, (4, 5), generator=torch.Generator().manual_seed(1)).tolist()
KERNEL = torch.randint(1, 10, (2, 3), generator=torch.Generator().manual_seed(2)).tolist()
PARTS = {part.name.removeprefix("flip-2d/"): part for part in theorem("flip-2d").parts}


def values(term, kernel, base=0, **arrays):
    """The term at places -1..6 for the picture, the kernel's first cell at (base, base)."""
    entry = semantics.environment({K: kernel})["AK"]
    moved = {K: lambda at: entry(tuple(index - base for index in at)), X: PICTURE, h: len(kernel), w: len(kernel[0])}
    value = semantics.meaning(term)
    around = itertools.product(range(-1, 7), repeat=2)
    return [value(semantics.environment({**moved, **arrays, i: y, j: x})) for y, x in around]


def test_the_flip_on_numbers():
    """At every place around the picture both sides agree, and inside they are torch's correlation, flipped."""
    flip = theorem("flip-2d")
    left = values(flip.lhs, KERNEL)
    assert left == values(flip.rhs, KERNEL)
    assert any(left)
    turned = torch.tensor(KERNEL).flip(0, 1)
    exact = functional.conv2d(torch.tensor([[PICTURE]]), turned[None, None], padding=(1, 2))[0, 0]
    assert sorted(left) == sorted([*exact.flatten().tolist(), *[0] * (64 - exact.numel())])


@pytest.mark.parametrize(("name", "axes"), [("flip-1d", 1), ("flip-2d", 2), ("flip-3d", 3), ("flip-nd", 1)])
def test_one_line_an_axis(name, axes):
    """The proof is one reflection for each axis; with the induction hypothesis there is one more axis to turn."""
    assert [step.rule for step in theorem(name).steps].count("reflect") == axes


def test_six_axes_and_the_induction():
    """The same proof is written out for one to six axes, and the step from any number to one more is proved."""
    nd = theorem("flip-nd")
    assert [len(part.steps) for part in nd.parts] == [1, 2, 3, 4, 5, 6]
    assert nd.steps[0].rule == "equation"


def test_the_lectures_sum_is_empty():
    """With cells on 1..h and 1..w the sum of K[-a, -b] over 1..h and 1..w is 0, for whatever kernel and picture."""
    assert set(values(PARTS["empty-sum"].lhs, KERNEL, base=1)) == {0}
    assert PARTS["empty-sum"].rhs == 0


def test_both_repairs():
    """Over negative a, b, or at h + 1 - a, w + 1 - b: both are the convolution, h + 1 and w + 1 apart."""
    first, second = PARTS["repair-range"], PARTS["repair-index"]
    assert values(first.lhs, KERNEL, base=1) == values(first.rhs, KERNEL, base=1)
    assert values(second.lhs, KERNEL, base=1) == values(second.rhs, KERNEL, base=1)
    one, other = (semantics.meaning(part.lhs) for part in (first, second))
    sizes = {h: 2, w: 3, X: PICTURE, K: lambda at: KERNEL[at[0] - 1][at[1] - 1]}
    for y, x in itertools.product(range(-4, 6), repeat=2):
        moved = semantics.environment({**sizes, i: y + 2 + 1, j: x + 3 + 1})
        assert other(semantics.environment({**sizes, i: y, j: x})) == one(moved)
    assert PARTS["between"].rhs == Y[i + h + 1, j + w + 1]


def test_there_is_a_difference_in_practice():
    """For a fixed kernel that is not symmetric the two differ: 1, -1 finds the opposite edge."""
    assert corr2d([[0, 1]], [[1, -1]]) == [[-1]]
    assert conv2d([[0, 1]], [[1, -1]]) == [[1]]


def test_point_symmetry_is_what_counts():
    """Half a turn must leave the kernel as it is; K = K^T neither is enough nor is it needed."""
    turned = [[1, 2, 3], [4, 5, 4], [3, 2, 1]]
    transpose = [[1, 2], [2, 3]]
    assert flipped(turned) == turned
    assert turned != [list(column) for column in zip(*turned, strict=True)]
    assert conv2d(PICTURE, turned) == corr2d(PICTURE, turned)
    assert transpose == [list(column) for column in zip(*transpose, strict=True)]
    assert conv2d(PICTURE, transpose) != corr2d(PICTURE, transpose)


def test_a_learnt_kernel_is_the_flipped_one():
    """Descent on a convolution and on a correlation, from starts that are flips, stays a flip of each other."""
    target = torch.tensor([1.0, -1.0, 0.5], dtype=torch.float64)
    x = torch.rand(20, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    y = functional.conv1d(x[None, None], target[None, None])[0, 0]
    corr = torch.tensor([0.3, 0.1, -0.2], dtype=torch.float64, requires_grad=True)
    conv = corr.detach().flip(0).requires_grad_()
    for _ in range(200):
        for kernel, seen in ((corr, corr), (conv, conv.flip(0))):
            loss = ((functional.conv1d(x[None, None], seen[None, None])[0, 0] - y) ** 2).sum()
            (gradient,) = torch.autograd.grad(loss, kernel)
            kernel.data -= 0.03 * gradient
    assert torch.allclose(corr, conv.flip(0))
    assert torch.allclose(corr, target, atol=0.05)
