r"""When does a layer commute with shifts?

When its weights are shared, and only then: W[i,j,k,l] = v[k-i, l-j]. Both directions, and the caveat that the lectures
leave out: on a finite grid the signal must stay inside the window, before and after; a layer that commutes with shifts
filled up with zeros is a multiple of the identity.

Main results: `test_shared_weights_commute_inside_the_window`, `test_at_the_border_they_do_not`,
`test_commuting_layers_are_toeplitz`, `test_zero_filled_shifts_leave_the_identity`.
Notation: n cells, W an n x n matrix, v its diagonals, S a shift by t.
"""

from __future__ import annotations

import itertools
import random
from fractions import Fraction

from derive import theorem

N = 4


def shifted(x, t):
    """The signal t cells further on, zeros filling up."""
    return [x[place - t] if 0 <= place - t < len(x) else 0 for place in range(len(x))]


def applied(matrix, x):
    """The layer without bias."""
    return [sum(weight * number for weight, number in zip(row, x, strict=True)) for row in matrix]


def toeplitz(diagonals):
    """The n x n matrix of the layer with shared weights; diagonals from -(n-1) to n-1."""
    n = (len(diagonals) + 1) // 2
    return [[diagonals[k - i + n - 1] for k in range(n)] for i in range(n)]


def test_the_theorems_say_both_directions():
    """Shared => commutes, with signals in the window; commutes with impulses in the window => shared."""
    assert "H[i - t, j - r]" in theorem("translation-equivariance").text()
    assert "v[k - i, l - j]" in theorem("equivariance-converse").text()


def test_shared_weights_commute_inside_the_window():
    """For every signal that stays inside, output i of the shifted signal is output i - t, wherever both exist."""
    rng = random.Random(0)
    for _ in range(200):
        matrix = toeplitz([rng.randint(-9, 9) for _ in range(2 * N - 1)])
        t = rng.randint(-N + 1, N - 1)
        x = [rng.randint(-9, 9) if 0 <= place + t < N else 0 for place in range(N)]
        before, after = applied(matrix, x), applied(matrix, shifted(x, t))
        assert all(after[i] == before[i - t] for i in range(N) if 0 <= i - t < N)


def test_at_the_border_they_do_not():
    """A signal pushed out of the window is lost, and the layer does not commute: so the hypothesis is needed."""
    matrix = toeplitz([0, 0, 0, 1, 2, 0, 0])
    assert applied(matrix, shifted([0, 0, 0, 1], 1)) == [0, 0, 0, 0]
    assert shifted(applied(matrix, [0, 0, 0, 1]), 1) == [0, 0, 0, 2]


def null_space(equations, unknowns):
    """A basis of the solutions of homogeneous linear equations, by elimination in fractions."""
    rows = [[Fraction(number) for number in equation] for equation in equations]
    pivots: list[int] = []
    for column in range(unknowns):
        found = next((row for row in rows[len(pivots) :] if row[column]), None)
        if found is None:
            continue
        rows.remove(found)
        found = [number / found[column] for number in found]
        rows = [[x - row[column] * y for x, y in zip(row, found, strict=True)] for row in rows]
        rows.insert(len(pivots), found)
        pivots.append(column)
    basis = []
    for free in (column for column in range(unknowns) if column not in pivots):
        basis.append([-rows[pivots.index(c)][free] if c in pivots else Fraction(c == free) for c in range(unknowns)])
    return basis


def commuting(window_only):
    """A basis of the n x n matrices that commute with shifts: of impulses inside the window, or filled with zeros."""
    equations = []
    for t, m, i in itertools.product(range(-N + 1, N), range(N), range(N)):
        inside = 0 <= m + t < N and 0 <= i - t < N
        if window_only and not inside:
            continue
        equation = [0] * (N * N)
        if 0 <= m + t < N:
            equation[i * N + m + t] += 1
        if 0 <= i - t < N:
            equation[(i - t) * N + m] -= 1
        equations.append(equation)
    return [[basis[row * N : row * N + N] for row in range(N)] for basis in null_space(equations, N * N)]


def test_commuting_layers_are_toeplitz():
    """Solved as linear equations: the matrices that commute inside the window are the 2 n - 1 Toeplitz ones."""
    basis = commuting(window_only=True)
    assert len(basis) == 2 * N - 1
    assert all(matrix[i][k] == matrix[i - 1][k - 1] for matrix in basis for i in range(1, N) for k in range(1, N))


def test_zero_filled_shifts_leave_the_identity():
    """Solved as linear equations: what commutes with zero-filled shifts is one number times the identity."""
    (matrix,) = commuting(window_only=False)
    assert matrix == [[matrix[0][0] * (i == k) for k in range(N)] for i in range(N)]
