r"""Which matrix is a convolution layer?

One with few different entries: T[i,j,k,l] = K[k-i, l-j], doubly block Toeplitz. A stride leaves some of its rows, a
dilation spreads its diagonals, and sorting by residues brings them together again. torch gives the matrix by feeding it
one impulse for each cell, so every statement can be compared with it entry by entry.

Main results: `test_the_matrix_of_the_lectures`, `test_every_small_matrix`, `test_doubly_block_toeplitz`,
`test_as_large_as_the_picture`, `test_a_stride_leaves_rows`, `test_sorted_by_residues`.
Notation: X of n1 x n2 cells, K of h x w, s and t strides, d, d1 and d2 dilations.
"""

from __future__ import annotations

import itertools
from typing import Any

import pytest
import torch
from torch.nn import functional

from derive import semantics, theorem
from derive.blackboard import arrays, integers
from derive.reference import corr2d
from derive.terms import Equation

i, j, k, l, p, q, r, s, t, y, z, o = integers("i j k l p q r s t y z o")  # noqa: E741
n, n1, n2, m, N, h, w, d, d1, d2 = integers("n n1 n2 m N h w d d1 d2")
A, D, F, K, T, X, Z, bias = arrays("A D F K T X Z u")

MAIN = theorem("toeplitz")
PARTS = {part.name.removeprefix("toeplitz/"): part for part in MAIN.parts}
CONVS: dict[int, Any] = {1: functional.conv1d, 2: functional.conv2d, 3: functional.conv3d}
SMALL = [sizes for sizes in itertools.product((1, 2, 3), (1, 2, 4), (1, 2, 3), (1, 2)) if sizes[2] <= sizes[0]]
SMALL = [sizes for sizes in SMALL if sizes[3] <= sizes[1]]


def numbers(*shape, seed=0):
    """A tensor of small integers, none of them zero."""
    return torch.randint(1, 10, shape, generator=torch.Generator().manual_seed(seed))


def matrix(kernel, sizes, **settings):
    """The layer as torch has it: (outputs, inputs), a column for the answer to each impulse."""
    cells = torch.Size(sizes).numel()
    impulses = torch.eye(cells, dtype=torch.int64).reshape(cells, 1, *sizes)
    return CONVS[len(sizes)](impulses, kernel[None, None], **settings).reshape(cells, -1).T


def value(term, values):
    """The value of a term by naive loops; tensors are zero outside."""
    plain = {key: entry.tolist() if isinstance(entry, torch.Tensor) else entry for key, entry in values.items()}
    return semantics.meaning(term)(semantics.environment(plain))


def cell(array, *place):
    """An entry of a tensor, zero outside."""
    inside = all(0 <= index < size for index, size in zip(place, array.shape, strict=True))
    return array[place].item() if inside else 0


def moved(kernel):
    """T[i,j,k,l] = K[k-i, l-j]."""
    return lambda at: cell(kernel, at[2] - at[0], at[3] - at[1])


def test_the_matrix_of_the_lectures():
    """0, 1, 2, 3 on a 3 x 3 picture is this 4 x 9 matrix, and gives 19, 25, 37, 43 for 0..8."""
    written = [
        [0, 1, 0, 2, 3, 0, 0, 0, 0],
        [0, 0, 1, 0, 2, 3, 0, 0, 0],
        [0, 0, 0, 0, 1, 0, 2, 3, 0],
        [0, 0, 0, 0, 0, 1, 0, 2, 3],
    ]
    assert matrix(torch.tensor([[0, 1], [2, 3]]), (3, 3)).tolist() == written
    assert (torch.tensor(written) @ torch.arange(9)).tolist() == [19, 25, 37, 43]
    assert corr2d([[0, 1, 2], [3, 4, 5], [6, 7, 8]], [[0, 1], [2, 3]]) == [[19, 25], [37, 43]]


@pytest.mark.parametrize("sizes", SMALL, ids=str)
def test_every_small_matrix(sizes):
    """Entry by entry torch's matrix is T, numbered row by row; both sides of the theorem are its product with X."""
    rows, columns, high, wide = sizes
    picture, kernel = numbers(rows, columns), numbers(high, wide, seed=1)
    exact = matrix(kernel, (rows, columns))
    wide_out = columns - wide + 1
    values = {n1: rows, n2: columns, h: high, w: wide, X: picture, K: kernel, T: moved(kernel)}
    table = PARTS["table"]
    for down, x in itertools.product(range(rows - high + 1), range(wide_out)):
        own = exact[down * wide_out + x].reshape(rows, columns)
        for place in itertools.product(range(rows), range(columns)):
            assert own[place].item() == moved(kernel)((down, x, *place))
        here = {**values, i: down, j: x, p: down, q: x, A: exact, Z: picture.flatten()}
        product = (own * picture).sum().item()
        assert value(MAIN.lhs, here) == value(MAIN.rhs, here) == product
        assert value(table.lhs, here) == value(table.rhs, here) == product


def test_doubly_block_toeplitz():
    """One step down and right, among the blocks or inside one, leaves every entry of torch's matrix as it is."""
    exact = matrix(numbers(2, 3), (4, 5)).reshape(3, 3, 4, 5)
    assert torch.equal(exact[1:, :, 1:, :], exact[:-1, :, :-1, :])
    assert torch.equal(exact[:, 1:, :, 1:], exact[:, :-1, :, :-1])
    assert not torch.equal(exact[1:], exact[:-1])
    assert PARTS["diagonals"].lhs == T[i + s, j + t, k + s, l + t]


def test_rows_of_a_range():
    """N n numbers are N rows of n, empty ones too."""
    part = PARTS["rows"]
    for many, long in itertools.product(range(4), repeat=2):
        listed = numbers(max(1, many * long))
        values = {N: many, n: long, F: listed}
        assert value(part.lhs, values) == value(part.rhs, values) == listed[: many * long].sum().item()


def test_as_large_as_the_picture():
    """A kernel as large as the picture: one place, and F.linear with the kernel's numbers as weights; and back."""
    picture, kernels, offset = numbers(2, 3, 4), numbers(5, 2, 3, 4, seed=1), numbers(5, seed=2)
    exact = functional.conv2d(picture[None], kernels, offset)
    assert exact.shape == (1, 5, 1, 1)
    assert torch.equal(exact.flatten(), functional.linear(picture.flatten(), kernels.reshape(5, 24), offset))
    part = PARTS["connected"]
    for out in range(5):
        values = {m: 2, h: 3, w: 4, n1: 3, n2: 4, i: 0, j: 0, o: out, X: picture, K: kernels, bias: offset}
        assert value(part.lhs, values) == value(part.rhs, values) == exact[0, out, 0, 0].item()


@pytest.mark.parametrize(("steps", "sizes", "spans"), [((1, 2), (3, 5), (2, 2)), ((3, 2), (7, 4), (2, 3))])
def test_a_stride_leaves_rows(steps, sizes, spans):
    """torch's matrix with strides is rows 0, s, 2 s, ... of the one without, in both axes."""
    kernel, picture = numbers(*spans), numbers(*sizes, seed=1)
    full = matrix(kernel, sizes).reshape(sizes[0] - spans[0] + 1, sizes[1] - spans[1] + 1, -1)
    kept = full[:: steps[0], :: steps[1]]
    assert torch.equal(matrix(kernel, sizes, stride=steps), kept.reshape(-1, kept.shape[-1]))
    part = PARTS["stride"]
    fixed = dict(zip((s, t, n1, n2, h, w), (*steps, *sizes, *spans), strict=True))
    for row, column in itertools.product(range(kept.shape[0]), range(kept.shape[1])):
        values = {**fixed, y: row, z: column, X: picture, K: kernel, T: moved(kernel)}
        exact = (kept[row, column] * picture.flatten()).sum().item()
        assert value(part.lhs, values) == value(part.rhs, values) == exact


def test_which_rows_are_left():
    """For every small size the rows left are the multiples of s from 0 to n - h, as many as torch has outputs."""
    part = PARTS["kept"]
    for size, span, step in itertools.product(range(1, 7), range(1, 4), range(1, 5)):
        places = range(-size - 2, size + 2)
        left = [row for row in places if value(part.lhs, {y: row, n: size, h: span, s: step})]
        assert left == [row for row in places if value(part.rhs, {y: row, n: size, h: span, s: step})]
        assert [step * row for row in left] == list(range(0, size - span + 1, step))
        if span <= size:
            assert len(left) == functional.conv1d(torch.ones(1, 1, size), torch.ones(1, 1, span), stride=step).numel()


DILATED = [(7, 3, 2), (9, 3, 3), (6, 2, 4), (5, 3, 1)]


@pytest.mark.parametrize(("size", "span", "step"), DILATED)
def test_a_dilation_spreads_the_diagonals(size, span, step):
    """torch's dilated matrix has K[a] on the diagonal k = i + d a and nothing elsewhere; the theorem's sum is its."""
    kernel, picture = numbers(span), numbers(size, seed=1)
    exact = matrix(kernel, (size,), dilation=step)
    part, between = PARTS["dilation"], PARTS["zeros-between"]
    longer = torch.zeros(step * (span - 1) + 1, dtype=torch.int64)
    longer[::step] = kernel
    assert torch.equal(matrix(longer, (size,)), exact)
    for row in range(exact.shape[0]):
        for column in range(size):
            a, rest = divmod(column - row, step)
            assert exact[row, column].item() == (cell(kernel, a) if rest == 0 else 0)
        values = {h: span, n: size, d: step, i: row, K: kernel, X: picture, D: exact, F: longer}
        found = {value(side, values) for side in (part.lhs, part.rhs, between.lhs, between.rhs)}
        assert found == {(exact[row] @ picture).item()}


def test_dilation_on_two_axes():
    """The dilated kernel on two axes, by the theorem and by torch, entry by entry and as a sum."""
    kernel, picture = numbers(2, 3), numbers(4, 6, seed=1)
    exact = matrix(kernel, (4, 6), dilation=(3, 2)).reshape(1, 2, 4, 6)
    part = PARTS["dilation-2d"]
    (definition,) = [given for given in part.hypotheses if isinstance(given, Equation)]
    for row, column in itertools.product(range(1), range(2)):
        values = {n1: 4, n2: 6, h: 2, w: 3, d1: 3, d2: 2, i: row, j: column, K: kernel, X: picture, D: exact}
        assert value(part.lhs, values) == value(part.rhs, values) == (exact[row, column] * picture).sum().item()
        for place in itertools.product(range(4), range(6)):
            here = {**values, **dict(zip((k, l), place, strict=True))}
            assert value(definition.right, here) == exact[row, column, *place].item()


@pytest.mark.parametrize(("size", "span", "step"), DILATED)
def test_sorted_by_residues(size, span, step):
    """Rows and columns of torch's dilated matrix sorted by residue: d blocks, each torch's matrix without dilation."""
    kernel = numbers(span)
    exact = matrix(kernel, (size,), dilation=step)
    part = PARTS["residues"]
    for row, column in itertools.product(range(step), repeat=2):
        block = exact[row::step, column::step]
        if row == column and block.shape[0]:
            assert torch.equal(block, matrix(kernel, (block.shape[1],)))
        elif row != column:
            assert not block.any()
        for down, right in itertools.product(range(block.shape[0]), range(block.shape[1])):
            values = {d: step, h: span, p: down, q: right, r: row, s: column, K: kernel, D: exact}
            assert value(part.lhs, values) == value(part.rhs, values) == block[down, right].item()


@pytest.mark.parametrize(("axes", "size"), [(1, 7), (2, 5), (3, 4)])
def test_sorted_by_residues_on_every_number_of_axes(axes, size):
    """With dilation 2 on each of 1, 2, 3 axes there are 2, 4, 8 blocks, each the undilated matrix of its cells."""
    kernel, sizes = numbers(*[2] * axes), [size] * axes
    exact = matrix(kernel, sizes, dilation=2).reshape(*[size - 2] * axes, *sizes)
    pairs = list(itertools.product(itertools.product(range(2), repeat=axes), repeat=2))
    for rows, columns in pairs:
        block = exact[tuple(slice(residue, None, 2) for residue in (*rows, *columns))]
        if rows == columns:
            undilated = matrix(kernel, block.shape[axes:])
            assert torch.equal(block.reshape(undilated.shape), undilated)
        else:
            assert not block.any()


def test_residues_on_two_axes():
    """The theorem's entry on two axes is torch's, for residues alike and not."""
    kernel, sizes = numbers(2, 2), (5, 6)
    exact = matrix(kernel, sizes, dilation=(2, 3)).reshape(3, 3, *sizes)
    part = PARTS["residues-2d"]
    for place in itertools.product(*map(range, exact.shape)):
        (p_, r_), (q_, s_), (k_, t_), (l_, z_) = (
            divmod(at, step) for at, step in zip(place, (2, 3, 2, 3), strict=True)
        )
        letters = {p: p_, r: r_, q: q_, s: s_, k: k_, t: t_, l: l_, z: z_}
        values = {d1: 2, d2: 3, h: 2, w: 2, K: kernel, D: exact, **letters}
        assert value(part.lhs, values) == value(part.rhs, values) == exact[place].item()


def test_each_residue_by_itself():
    """A dilated correlation is the plain one on each residue of the input, by the theorem and by torch."""
    kernel, picture = numbers(3), numbers(12, seed=1)
    exact = functional.conv1d(picture[None, None], kernel[None, None], dilation=2)[0, 0]
    part = PARTS["phases"]
    for residue in range(2):
        own = functional.conv1d(picture[None, None, residue::2], kernel[None, None])[0, 0]
        assert torch.equal(exact[residue::2], own)
        for place in range(own.numel()):
            values = {d: 2, h: 3, p: place, r: residue, K: kernel, X: picture, Z: picture.reshape(6, 2).T}
            assert value(part.lhs, values) == value(part.rhs, values) == own[place].item()
