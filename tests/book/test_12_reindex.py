r"""What is a fully connected layer, written by offsets?

H[i,j] = U[i,j] + sum over k, l of W[i,j,k,l] X[k,l] is rewritten over a = k - i and b = l - j. The lectures leave the
ranges out; they are -i .. n1-1-i and -j .. n2-1-j, exactly those offsets that stay inside the picture.

Main results: `test_the_statement`, `test_every_small_picture`, `test_torch_agrees`.
Notation: X picture of n1 x n2, W weights from (k, l) to (i, j), V the same by offset, U bias.
"""

from __future__ import annotations

import itertools

import torch
from torch import nn

from derive import semantics, theorem
from derive.theorems.fc_to_conv import U, V, W, X, i, j, n1, n2

REINDEX = theorem("reindex")


def test_the_statement():
    """It says what the lectures say, with ranges, and holds for every n1, n2 >= 0 and all integers i, j."""
    shown = REINDEX.text()
    assert "U[i, j] + sum[k = 0 .. n1 - 1] sum[l = 0 .. n2 - 1] W[i, j, k, l] X[k, l]" in shown
    assert "U[i, j] + sum[a = -i .. n1 - 1 - i] sum[b = -j .. n2 - 1 - j] V[i, j, a, b] X[i + a, j + b]" in shown
    assert "given n1 >= 0, n2 >= 0\n" in shown


def test_the_offsets_are_those_inside_the_picture():
    """From place i in a row of n cells one reaches offsets -i to n - 1 - i, counted by hand: no more and no less."""
    for n in range(1, 7):
        for place in range(n):
            assert [k - place for k in range(n)] == list(range(-place, n - 1 - place + 1))


def layer(sizes, weights, bias, picture):
    """The fully connected layer by its definition, one number for each place."""
    cells = list(itertools.product(*map(range, sizes)))
    return {
        (y, x): bias[y][x] + sum(weights[y][x][row][column] * picture[row][column] for row, column in cells)
        for y, x in cells
    }


def test_every_small_picture():
    """Both sides are the layer, at every place of every picture up to 3 x 3, for random weights."""
    generator = torch.Generator().manual_seed(0)
    left, right = semantics.meaning(REINDEX.lhs), semantics.meaning(REINDEX.rhs)
    for sizes in itertools.product((1, 2, 3), repeat=2):
        weights, picture, bias = (
            torch.randint(-9, 10, shape, generator=generator).tolist() for shape in (sizes * 2, sizes, sizes)
        )
        exact = layer(sizes, weights, bias, picture)
        for (y, x), value in exact.items():
            env = semantics.environment(
                {
                    **{n1: sizes[0], n2: sizes[1], i: y, j: x, X: picture, U: bias, W: weights},
                    V: lambda at, w=weights: w[at[0]][at[1]][at[0] + at[2]][at[1] + at[3]],
                }
            )
            assert left(env) == right(env) == value


def test_torch_agrees():
    """The layer is nn.Linear on the flattened picture, weight row (i, j), column (k, l)."""
    linear = nn.Linear(12, 12, dtype=torch.float64)
    picture = torch.rand(3, 4, dtype=torch.float64)
    weights = linear.weight.detach().reshape(3, 4, 3, 4).tolist()
    exact = layer((3, 4), weights, linear.bias.detach().reshape(3, 4).tolist(), picture.tolist())
    assert torch.allclose(torch.tensor(list(exact.values()), dtype=torch.float64), linear(picture.flatten()))
