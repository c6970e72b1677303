r"""The algebra of convolution: commutative, associative, linear, with a unit; and what correlation keeps of it.

Main results: `conv-commutative`, `conv-associative`, `conv-linear`, `conv-unit`, `conv-shift`, and `corr-corr` (two
correlations in a row are one, with the convolution of their kernels). Correlation is neither commutative nor
associative: tests/book/test_18_algebra.py finds the smallest counterexamples.

Notation: kernels K of h cells and L of m cells, an input X (of n cells where its size matters), places i; h1, h2 and
so on where there are several axes. a, b, c run over the cells of K, L, and of the kernel M they make together. Full
convolutions: every place i of the whole line counts, and arrays are zero outside the box that is given for them.
References: Oppenheim and Schafer, Discrete-Time Signal Processing, 2.4 "Properties of linear time-invariant systems".
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import sympy as sp

from derive.blackboard import Derivation, Equation, Support, arrays, integers, named, reals, total
from derive.kernel import Theorem
from derive.render.notation import plain
from derive.terms import Term

h, m, n, i, j, a, b, c, k, t = integers("h m n i j a b c k t")
u, v = reals("u v")
K, L, M, X, Z, S, Y = arrays("K L M X Z S Y")

ZERO = sp.Integer(0)
CELLS = (a, 0, h - 1)

Move = Callable[[Sequence[Term], Sequence[Term]], tuple[Term, ...]]


def _letters(letters: str, axes: int) -> list[list[Term]]:
    """Each letter on so many axes: h for one axis, h1, h2 for two."""
    numbers = [""] if axes == 1 else [str(axis) for axis in range(1, axes + 1)]
    return [list(integers(" ".join(letter + number for number in numbers))) for letter in letters]


def _minus(first: Sequence[Term], second: Sequence[Term]) -> tuple[Term, ...]:
    return tuple(one - other for one, other in zip(first, second, strict=True))


def _plus(first: Sequence[Term], second: Sequence[Term]) -> tuple[Term, ...]:
    return tuple(one + other for one, other in zip(first, second, strict=True))


def _cells(letters: Sequence[Term], sizes: Sequence[Term]) -> list[tuple[Term, Term, Term]]:
    """The ranges 0..size-1, one an axis."""
    return [(letter, ZERO, size - 1) for letter, size in zip(letters, sizes, strict=True)]


def _box(array: Term, sizes: Sequence[Term]) -> Support:
    return Support(array, tuple((ZERO, size - 1) for size in sizes), because="there are no other cells")


def _axes(name: str, axes: int) -> str:
    return name if axes == 1 else f"{name}/{axes}d"


def commutative(axes: int = 1) -> Theorem:
    """K * X = X * K, for finite K and X."""
    hs, ns, xs, cells, others = _letters("hniac", axes)
    chain = Derivation(
        total(K[tuple(cells)] * X[_minus(xs, cells)], *_cells(cells, hs)),
        *(sp.Ge(size, 0) for size in [*hs, *ns]),
        _box(K, hs),
        _box(X, ns),
    )
    for one, other, place in zip(cells, others, xs, strict=True):
        chain = chain.reflect(one, other, about=place)
    for other, size in zip(others, ns, strict=True):
        chain = chain.support(other, 0, size - 1, because="outside, either `K` or `X` is zero")
    return chain.qed(
        total(X[tuple(others)] * K[_minus(xs, others)], *_cells(others, ns)),
        _axes("conv-commutative", axes),
        f"Convolution is commutative, on {axes} axes",
    )


def conv_commutative() -> Theorem:
    """One axis, and two."""
    about = "On the right side `X` is the kernel and `K` the input, each with its own size."
    return replace(named(commutative(), "conv-commutative", parts=[commutative(2)]), about=about)


Layer = tuple[Term, str, str]  # a kernel, the letter of its size, the letter of its cells


def _two_in_a_row(axes: int, move: Move, last: Layer, first: Layer, name: str, title: str) -> Theorem:
    """Two layers are one, with the convolution of their kernels; `move` says which way they read their input."""
    (outer, rows, away), (inner, columns, near) = last, first
    hs, ms, xs, outers, inners, both = _letters(f"{rows}{columns}i{away}{near}c", axes)
    ranges = [(cell, ZERO, one + other - 2) for cell, one, other in zip(both, hs, ms, strict=True)]
    joined = Equation(
        M[tuple(both)],
        total(outer[tuple(outers)] * inner[_minus(both, outers)], *_cells(outers, hs)),
        tuple(both),
        because=f"`M` is `{outer} * {inner}`",
    )
    once = total(inner[tuple(inners)] * X[move(move(xs, outers), inners)], *_cells(inners, ms))
    chain = Derivation(
        total(outer[tuple(outers)] * once, *_cells(outers, hs)),
        *(sp.Ge(size, 0) for size in [*hs, *ms]),
        *(sp.Ge(one + other, 1) for one, other in zip(hs, ms, strict=True)),
        _box(inner, ms),
        joined,
    )
    for index in inners:
        chain = chain.into(index)
    for index, other, cell in zip(inners, outers, both, strict=True):
        chain = chain.shift(index, cell, by=-other)
    for limits in ranges:
        chain = chain.support(*limits, because=f"outside its cells `{inner}` is zero")
    for cell in both:
        for index in reversed(outers):
            chain = chain.swap(index, cell)
    for index in reversed(outers):
        chain = chain.out(index)
    return chain.equation(joined, backwards=True, at={index: index for index in both}).qed(
        total(M[tuple(both)] * X[move(xs, both)], *ranges), _axes(name, axes), title
    )


def associative(axes: int = 1) -> Theorem:
    """K * (L * X) = (K * L) * X."""
    title = f"Convolution is associative, on {axes} axes"
    return _two_in_a_row(axes, _minus, (K, "h", "a"), (L, "m", "b"), "conv-associative", title)


def conv_associative() -> Theorem:
    """One axis, and two."""
    return named(associative(), "conv-associative", parts=[_extent(), associative(2)])


def _extent() -> Theorem:
    """K * L has h + m - 1 cells."""
    return (
        Derivation(
            total(K[a] * L[c - a], (a, 0, h - 1)),
            sp.Ge(h, 0),
            sp.Or(sp.Lt(c, 0), sp.Gt(c, h + m - 2)),
            _box(L, [m]),
        )
        .vanish(a, because="`c - a` lies outside `0..m - 1` for every `a` in `0..h - 1`")
        .qed(
            ZERO,
            "conv-associative/extent",
            "Kernels of `h` and `m` cells make one of `h + m - 1`: outside `0..h + m - 2` it is zero",
        )
    )


def corr_corr() -> Theorem:
    """One axis, and two; and what becomes of a correlation whose arrays change places."""
    parts = [corr_twice(2), _mirrored()]
    about = (
        "Correlation with `K`, then with `L`, is correlation with `L * K`, which is `K * L`: the kernels are "
        "convolved, not correlated. Correlation itself is not associative."
    )
    return replace(named(corr_twice(), "corr-corr", parts=parts), about=about)


def corr_twice(axes: int = 1) -> Theorem:
    """Correlation with K, then with L, is correlation with L * K, which is K * L."""
    title = f"Two correlations in a row are one, on {axes} axes"
    return _two_in_a_row(axes, _plus, (L, "m", "b"), (K, "h", "a"), "corr-corr", title)


def _mirrored() -> Theorem:
    """Correlation is not commutative: its arrays change places, and the result is read backwards."""
    swapped = Equation(
        Y[i], total(X[c] * K[i + c], (c, 0, n - 1)), (i,), because="`Y` is `K`, correlated with the kernel `X`"
    )
    return (
        Derivation(total(K[a] * X[i + a], (a, 0, h - 1)), sp.Ge(h, 0), sp.Ge(n, 0), _box(K, [h]), _box(X, [n]), swapped)
        .shift(a, c, by=-i)
        .support(c, 0, n - 1, because="outside, either `K` or `X` is zero")
        .equation(swapped, backwards=True, at={i: -i})
        .qed(Y[-i], "corr-corr/mirrored", "Kernel and input change places: the correlation is read backwards")
    )


def conv_linear() -> Theorem:
    """Linear in the input; and, as a part, in the kernel."""
    return (
        Derivation(total(K[a] * (u * X[i - a] + v * Z[i - a]), CELLS), sp.Ge(h, 0))
        .ring(total(u * K[a] * X[i - a] + v * K[a] * Z[i - a], CELLS), because="multiply out")
        .linear(a)
        .out(a)
        .qed(
            u * total(K[a] * X[i - a], CELLS) + v * total(K[a] * Z[i - a], CELLS),
            "conv-linear",
            parts=[_linear_in_kernel()],
        )
    )


def _linear_in_kernel() -> Theorem:
    return (
        Derivation(total((u * K[a] + v * L[a]) * X[i - a], CELLS), sp.Ge(h, 0))
        .ring(total(u * K[a] * X[i - a] + v * L[a] * X[i - a], CELLS), because="multiply out")
        .linear(a)
        .out(a)
        .qed(
            u * total(K[a] * X[i - a], CELLS) + v * total(L[a] * X[i - a], CELLS),
            "conv-linear/kernel",
            "Convolution is linear in the kernel, too",
        )
    )


IMPULSE = Equation(Z[a], sp.KroneckerDelta(a, 0), (a,), because="`Z` is the impulse: one at 0")


def conv_unit() -> Theorem:
    """The impulse is the unit, from the left; as parts from the right, alone, and moved."""
    return (
        Derivation(total(Z[a] * X[i - a], CELLS), sp.Ge(h, 1), IMPULSE)
        .equation(IMPULSE)
        .delta(a)
        .qed(X[i], "conv-unit", parts=[_unit_right(), _only_unit(), _moved_unit()])
    )


def _unit_right() -> Theorem:
    """The impulse as the input: out comes the kernel."""
    return (
        Derivation(total(K[a] * Z[i - a], CELLS), sp.Ge(h, 0), _box(K, [h]), IMPULSE)
        .equation(IMPULSE)
        .support(a, sp.Min(0, i), sp.Max(h - 1, i), because="make room for `a = i`; outside its cells `K` is zero")
        .delta(a)
        .qed(K[i], "conv-unit/right", "The answer to the impulse is the kernel itself")
    )


def _only_unit() -> Theorem:
    """A kernel that leaves the impulse as it is, is the impulse."""
    delta = sp.KroneckerDelta
    leaves = Equation(
        total(Z[a] * delta(i - a, 0), CELLS),
        delta(i, 0),
        (i,),
        because="convolution with `Z` leaves the impulse as it is",
        defines=False,
    )
    room = (a, sp.Min(0, i), sp.Max(h - 1, i))
    return (
        Derivation(Z[i], sp.Ge(h, 0), _box(Z, [h]), leaves)
        .backwards(
            "delta", total(Z[a] * delta(i - a, 0), room), k=a, because="the answer to the impulse is the kernel itself"
        )
        .support(a, 0, h - 1, because="outside its cells `Z` is zero")
        .equation(leaves, at={i: i})
        .qed(delta(i, 0), "conv-unit/only", "There is no other unit", witness=[IMPULSE])
    )


def _moved_unit() -> Theorem:
    """An impulse at t is the shift by t."""
    moved = Equation(Z[a], sp.KroneckerDelta(a, t), (a,), because="`Z` is one at `t`")
    return (
        Derivation(total(Z[a] * X[i - a], CELLS), sp.Ge(t, 0), sp.Le(t, h - 1), moved)
        .equation(moved)
        .delta(a)
        .qed(X[i - t], "conv-unit/shift", "Convolution with an impulse at `t` is the shift by `t`")
    )


def _shifted(move: Move, kind: str, name: str) -> Theorem:
    moved = Equation(S[k], X[k - t], (k,), because="`S` is `X`, shifted by `t`")
    (read,), (at,) = move([i], [a]), move([i - t], [a])
    layer = Equation(Y[i], total(K[a] * X[read], CELLS), (i,), because=f"`Y` is the {kind} of `X`")
    return (
        Derivation(total(K[a] * S[read], CELLS), sp.Ge(h, 0), moved, layer)
        .equation(moved, because=f"`S[{plain(read)}] = X[{plain(at)}]`")
        .equation(layer, backwards=True, at={i: i - t}, because=f"the {kind} of `X` at `i - t`")
        .qed(Y[i - t], name, f"{kind.capitalize()} commutes with shifts")
    )


def conv_shift() -> Theorem:
    """Convolution, and correlation too, commutes with every shift."""
    return named(
        _shifted(_minus, "convolution", "conv-shift"),
        "conv-shift",
        parts=[_shifted(_plus, "correlation", "conv-shift/correlation")],
    )


def chapter() -> list[Theorem]:
    """The theorems of this chapter, in reading order."""
    return [conv_commutative(), conv_associative(), conv_linear(), conv_unit(), conv_shift(), corr_corr()]
