r"""The convolution layer as a matrix: few different entries, along diagonals.

Main results: `toeplitz` (corr2d is a matrix, entry by entry; the matrix is doubly block Toeplitz; written as one table
of rows and columns; a kernel as large as the picture leaves a fully connected layer; a stride leaves every s-th row;
a dilation leaves every d-th diagonal, and after sorting by residues a Toeplitz block for each residue).

Notation: a picture X of n1 x n2 cells (k, l), a kernel K of h x w cells (a, b), outputs at (i, j), T[i,j,k,l] the
entry from input (k, l) to output (i, j). The kernel stays inside the picture: 0 <= i <= n1 - h, 0 <= j <= n2 - w.
References: Zhang et al., Dive into Deep Learning, 10.10 "Transposed convolution"; Horn and Johnson, Matrix Analysis,
0.9.7 "Toeplitz matrices".
"""

from __future__ import annotations

import sympy as sp

from derive.blackboard import Derivation, Equation, Support, arrays, integers, named, total
from derive.kernel import Theorem
from derive.terms import Term

i, j, k, l, a, b, c, o, p, q, r, s, t, y, z = integers("i j k l a b c o p q r s t y z")  # noqa: E741
n1, n2, n, m, N, h, w, d, d1, d2, f = integers("n1 n2 n m N h w d d1 d2 f")
K, X, T, A, F, P, u, D, Z = arrays("K X T A F P u D Z")

ONE = sp.Integer(1)
CELLS = (a, 0, h - 1), (b, 0, w - 1)
PICTURE = (k, 0, n1 - 1), (l, 0, n2 - 1)
KERNEL = Support(K, ((0, h - 1), (0, w - 1)), because="outside its cells the kernel is zero")
MATRIX = Equation(
    T[i, j, k, l], K[k - i, l - j], (i, j, k, l), because="`T` holds the kernel, moved to the place of the output"
)
SIZES = [sp.Ge(h, 0), sp.Ge(w, 0)]
PLACES = [sp.Ge(i, 0), sp.Le(i, n1 - h), sp.Ge(j, 0), sp.Le(j, n2 - w)]
CORRELATION = total(K[a, b] * X[i + a, j + b], *CELLS)


def _matrix() -> Theorem:
    """corr2d as a matrix, one row for each output, one column for each input."""
    return (
        Derivation(CORRELATION, *SIZES, *PLACES, KERNEL, MATRIX)
        .shift(a, k, by=-i)
        .shift(b, l, by=-j)
        .support(k, 0, n1 - 1, because="the kernel lies in the picture, and is zero outside its cells")
        .support(l, 0, n2 - 1, because="the kernel lies in the picture, and is zero outside its cells")
        .equation(MATRIX, backwards=True, at={i: i, j: j, k: k, l: l})
        .qed(total(T[i, j, k, l] * X[k, l], *PICTURE), "toeplitz")
    )


def _diagonals() -> Theorem:
    """The entry depends on the two differences only: doubly block Toeplitz."""
    return (
        Derivation(T[i + s, j + t, k + s, l + t], MATRIX)
        .equation(MATRIX)
        .equation(MATRIX, backwards=True, at={i: i, j: j, k: k, l: l})
        .qed(
            T[i, j, k, l],
            "toeplitz/diagonals",
            "The matrix is doubly block Toeplitz",
            about="With `t = 0`: the blocks `(i, k)` are alike along the diagonals. "
            "With `s = 0`: inside each block the entries are.",
        )
    )


def _rows() -> Theorem:
    """A range of N n numbers, cut into N rows of n."""
    own = sp.KroneckerDelta(k, sp.floor(c / n))
    numbers, rows = (c, 0, N * n - 1), (k, 0, N - 1)
    return (
        Derivation(total(F[c], numbers), sp.Ge(N, 0), sp.Ge(n, 0))
        .backwards("delta", total(F[c] * own, numbers, rows), k=k, because="each `c` lies in one row `k`")
        .swap(c, k)
        .support(c, n * k, n * k + n - 1, because="other numbers lie in other rows")
        .arith(own, ONE, because="these all lie in row `k`")
        .shift(c, l, by=n * k)
        .qed(
            total(F[n * k + l], rows, (l, 0, n - 1)),
            "toeplitz/rows",
            "`N n` numbers are `N` rows of `n`",
        )
    )


def _inside(*places: tuple[Term, Term]) -> tuple[Term, ...]:
    return tuple(bound for place, last in places for bound in (sp.Ge(place, 0), sp.Le(place, last)))


def _table() -> Theorem:
    """The same as one table: a row for each output, a column for each cell, both numbered row by row."""
    row = (n2 - w + 1) * p + q
    cells, outputs = _inside((k, n1 - 1), (l, n2 - 1)), _inside((p, n1 - h), (q, n2 - w))
    cell = Equation(
        Z[n2 * k + l], X[k, l], (k, l), cells, because="`Z` lists the cells of `X` row by row", defines=False
    )
    entry = Equation(
        A[row, n2 * k + l],
        T[p, q, k, l],
        (p, q, k, l),
        (*outputs, *cells),
        because="`A` lists the entries of `T` in this order",
        defines=False,
    )
    product = Equation(P[c], A[row, c] * Z[c], (c,), because="`P` holds the products of one row")
    outs, ins = sp.Max(1, n2 - w + 1), sp.Max(1, n2)
    placed = T[sp.floor(r / outs), sp.Mod(r, outs), sp.floor(c / ins), sp.Mod(c, ins)]
    return (
        Derivation(total(K[a, b] * X[p + a, q + b], *CELLS), *SIZES, *outputs, KERNEL, MATRIX, cell, entry, product)
        .lemma(_matrix(), at={i: p, j: q}, because="the correlation as a matrix with places as indices")
        .equation(entry, backwards=True)
        .equation(cell, backwards=True)
        .backwards(
            "equation",
            total(P[n2 * k + l], *PICTURE),
            because=product.because,
            by=product,
            backwards=False,
            at=None,
        )
        .lemma(_rows(), at={N: n1, n: n2}, arrays={F: P}, backwards=True)
        .equation(product)
        .qed(
            total(A[row, c] * Z[c], (c, 0, n1 * n2 - 1)),
            "toeplitz/table",
            "The layer is a matrix times the vector of all cells",
            about="`A` has `(n1 - h + 1)(n2 - w + 1)` rows and `n1 n2` columns.",
            witness=[MATRIX, Equation(A[r, c], placed, (r, c))],
        )
    )


def _connected() -> Theorem:
    """A kernel as large as the picture has one place, where it is a fully connected layer."""
    channels = (f, 0, m - 1)
    only = "`0 <= i <= n1 - h` and `h >= n1` leave one place: `i = 0`, and likewise `j = 0`"
    return (
        Derivation(
            u[o] + total(K[o, f, a, b] * X[f, i + a, j + b], channels, *CELLS),
            sp.Ge(m, 0),
            *SIZES,
            *PLACES,
            sp.Ge(h, n1),
            sp.Ge(w, n2),
        )
        .arith(X[f, i + a, j + b], X[f, a, b], because=only)
        .support(a, 0, n1 - 1, because="where `h = n1`")
        .support(b, 0, n2 - 1, because="and `w = n2`")
        .rename(a, k, because="write `k` for `a`")
        .rename(b, l, because="and `l` for `b`")
        .qed(
            u[o] + total(K[o, f, k, l] * X[f, k, l], channels, *PICTURE),
            "toeplitz/connected",
            "A kernel as large as the picture is a fully connected layer",
            about="No padding, and one place: `(n1 - h + 1)(n2 - w + 1) = 1`. Read from right to left, every fully "
            "connected layer is a convolution with a kernel as large as its input.",
        )
    )


def _stride() -> Theorem:
    """With strides s and t the rows (s y, t z) of the same matrix are left."""
    return (
        Derivation(
            total(K[a, b] * X[s * y + a, t * z + b], *CELLS),
            *SIZES,
            sp.Ge(s, 1),
            sp.Ge(t, 1),
            *_inside((y, sp.floor((n1 - h) / s)), (z, sp.floor((n2 - w) / t))),
            KERNEL,
            MATRIX,
        )
        .lemma(_matrix(), at={i: s * y, j: t * z}, because="as at `i = s y`, `j = t z` without a stride")
        .qed(
            total(T[s * y, t * z, k, l] * X[k, l], *PICTURE),
            "toeplitz/stride",
            "A stride leaves the rows of the places `(s y, t z)`",
        )
    )


def _kept() -> Theorem:
    """Which rows are left: the multiples of s between 0 and n - h."""
    places = sp.And(sp.Le(0, y), sp.Le(y, sp.floor((n - h) / s)))
    rows = sp.And(sp.Le(0, s * y), sp.Le(s * y, n - h))
    return (
        Derivation(places, sp.Ge(s, 1))
        .galois()
        .arith(sp.Le(0, y), sp.Le(0, s * y), because="as `s >= 1`")
        .qed(
            rows,
            "toeplitz/kept",
            "The rows that are left are all multiples of `s` from 0 to `n - h`",
        )
    )


DELTA = sp.KroneckerDelta
ON_DIAGONALS = Equation(
    D[i, k],
    total(K[a] * DELTA(k, i + d * a), (a, 0, h - 1)),
    (i, k),
    because="`D` holds `K[a]` on the diagonal `k = i + d a`",
)
ON_BOTH = Equation(
    D[i, j, k, l],
    total(K[a, b] * DELTA(k, i + d1 * a) * DELTA(l, j + d2 * b), *CELLS),
    (i, j, k, l),
    because="`D` holds `K[a, b]` where `k = i + d1 a` and `l = j + d2 b`",
)


def _dilation() -> Theorem:
    """With dilation d the kernel stands on every d-th diagonal."""
    cells, row = (a, 0, h - 1), (k, 0, n - 1)
    return (
        Derivation(
            total(K[a] * X[i + d * a], cells),
            sp.Ge(h, 0),
            sp.Ge(n, 0),
            sp.Ge(d, 0),
            sp.Ge(i, 0),
            sp.Le(i, n - 1 - d * (h - 1)),
            ON_DIAGONALS,
        )
        .backwards(
            "delta",
            total(K[a] * X[k] * DELTA(k, i + d * a), cells, row),
            k=k,
            because="read the input at `k = i + d a`, which lies in `0..n - 1`",
        )
        .swap(a, k)
        .out(a)
        .equation(ON_DIAGONALS, backwards=True, at={i: i, k: k})
        .qed(
            total(D[i, k] * X[k], row),
            "toeplitz/dilation",
            "Dilation puts the kernel on the diagonals `i + d a`",
        )
    )


def _dilation_2d() -> Theorem:
    """The same on two axes."""
    bound = sp.Le(i, n1 - 1 - d1 * (h - 1)), sp.Le(j, n2 - 1 - d2 * (w - 1))
    rows = total(K[a, b] * X[k, j + d2 * b] * DELTA(k, i + d1 * a), *CELLS, PICTURE[0])
    both = total(K[a, b] * X[k, l] * DELTA(k, i + d1 * a) * DELTA(l, j + d2 * b), *CELLS, *PICTURE)
    entry = total(K[a, b] * DELTA(k, i + d1 * a) * DELTA(l, j + d2 * b), CELLS[1])
    taken = total(X[k, l] * entry, *PICTURE, CELLS[0])
    return (
        Derivation(
            total(K[a, b] * X[i + d1 * a, j + d2 * b], *CELLS),
            *(sp.Ge(size, 0) for size in (h, w, n1, n2, d1, d2, i, j)),
            *bound,
            ON_BOTH,
        )
        .backwards("delta", rows, k=k, because="read row `k = i + d1 a`")
        .backwards("delta", both, k=l, because="and column `l = j + d2 b`")
        .swap(b, k)
        .swap(a, k)
        .swap(b, l)
        .swap(a, l)
        .backwards("into", taken, k=b, because="`X[k, l]` does not depend on `b`")
        .out(a)
        .equation(ON_BOTH, backwards=True, at={i: i, j: j, k: k, l: l})
        .qed(total(D[i, j, k, l] * X[k, l], *PICTURE), "toeplitz/dilation-2d", "Dilation on two axes")
    )


def _zeros_between() -> Theorem:
    """A dilated kernel is a longer one with zeros between its cells."""
    longer = Equation(
        F[c],
        total(K[a] * DELTA(c, d * a), (a, 0, h - 1)),
        (c,),
        because="`F` is `K` with `d - 1` zeros between its cells",
    )
    cells, reach = (a, 0, h - 1), (c, 0, d * (h - 1))
    return (
        Derivation(total(K[a] * X[i + d * a], cells), sp.Ge(h, 1), sp.Ge(d, 0), longer)
        .backwards(
            "delta", total(K[a] * X[i + c] * DELTA(c, d * a), cells, reach), k=c, because="read at offset `c = d a`"
        )
        .swap(a, c)
        .out(a)
        .equation(longer, backwards=True, at={c: c})
        .qed(
            total(F[c] * X[i + c], reach),
            "toeplitz/zeros-between",
            "A dilated kernel of `h` cells is one of `d (h - 1) + 1` cells, zero between",
        )
    )


LINE = Support(K, ((0, h - 1),), because="outside its cells the kernel is zero")


def _residues() -> Theorem:
    """Rows and columns sorted by their residues mod d: Toeplitz blocks on the diagonal, zero blocks elsewhere."""
    return (
        Derivation(D[d * p + r, d * q + s], sp.Ge(h, 0), *_inside((r, d - 1), (s, d - 1)), LINE, ON_DIAGONALS)
        .equation(ON_DIAGONALS)
        .arith(
            DELTA(d * q + s, d * p + r + d * a),
            DELTA(r, s) * DELTA(a, q - p),
            because="`d (q - p - a) = r - s` only where both sides are zero, as `-d < r - s < d`",
        )
        .out(a)
        .support(a, sp.Min(0, q - p), sp.Max(h - 1, q - p), because="make room for `a = q - p`; `K` is zero there")
        .delta(a)
        .qed(
            K[q - p] * DELTA(r, s),
            "toeplitz/residues",
            "Sorted by residues mod `d`: `d` undilated Toeplitz blocks",
            about="Row `d p + r` has residue `r`, column `d q + s` residue `s`. "
            "Where they differ, the whole block is zero; "
            "where they agree, it is `K[q - p]`, the matrix of the correlation without dilation, for every residue the "
            "same.",
        )
    )


def _residues_2d() -> Theorem:
    """The same on two axes: a block for each pair of residues."""
    rows, columns = DELTA(d1 * k + t, d1 * p + r + d1 * a), DELTA(d2 * l + z, d2 * q + s + d2 * b)
    return (
        Derivation(
            D[d1 * p + r, d2 * q + s, d1 * k + t, d2 * l + z],
            *SIZES,
            *_inside((r, d1 - 1), (t, d1 - 1), (s, d2 - 1), (z, d2 - 1)),
            KERNEL,
            ON_BOTH,
        )
        .equation(ON_BOTH)
        .arith(rows, DELTA(r, t) * DELTA(a, k - p), because="`d1 (k - p - a) = r - t` only where both sides are zero")
        .arith(
            columns, DELTA(s, z) * DELTA(b, l - q), because="`d2 (l - q - b) = s - z` only where both sides are zero"
        )
        .support(a, sp.Min(0, k - p), sp.Max(h - 1, k - p), because="make room for `a = k - p`; `K` is zero there")
        .support(b, sp.Min(0, l - q), sp.Max(w - 1, l - q), because="make room for `b = l - q`; `K` is zero there")
        .delta(b)
        .delta(a)
        .qed(
            K[k - p, l - q] * DELTA(r, t) * DELTA(s, z),
            "toeplitz/residues-2d",
            "On two axes: `d1 d2` undilated blocks, one for each pair of residues",
        )
    )


def _phases() -> Theorem:
    """What the blocks do: every residue of the input is correlated by itself."""
    phase = Equation(Z[r, q], X[d * q + r], (r, q), because="row `r` of `Z` holds the cells of `X` with residue `r`")
    return (
        Derivation(total(K[a] * X[d * p + r + d * a], (a, 0, h - 1)), sp.Ge(h, 0), phase)
        .equation(phase, backwards=True, at={r: r, q: p + a})
        .qed(
            total(K[a] * Z[r, p + a], (a, 0, h - 1)),
            "toeplitz/phases",
            "Each residue is correlated by itself, without dilation",
        )
    )


def toeplitz() -> Theorem:
    """The convolution layer as a matrix, with what follows."""
    parts = [_diagonals(), _rows(), _table(), _connected(), _stride(), _kept()]
    dilated = [_dilation(), _dilation_2d(), _zeros_between(), _residues(), _residues_2d(), _phases()]
    return named(_matrix(), "toeplitz", "Correlation is a matrix", parts=[*parts, *dilated])


def chapter() -> list[Theorem]:
    """The theorems of this chapter, in reading order."""
    return [toeplitz()]
