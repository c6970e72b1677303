r"""Pooling: torch's ceil mode, and windows that adapt to the size asked for.

Main results: `ceil-mode` (torch's rule, which takes a window back that starts too late, is
`formulas.ceil_window_count`; when nothing is ever taken back; how many windows it adds; the usual stride),
`adaptive-pooling` (the windows of adaptive pooling leave no cell out, and neighbours share at most one).

As in `windows`, the theorems speak about the functions of `shapecheck.formulas` themselves. `minimum` asks a symbol for
its own minimum; `Letter` is such a symbol, and `ceil-mode/minimum` is about the arithmetic for all others.
Notation: n size, e dilated span, q padding per side, s stride, o windows asked for, i the number of one of them.
References: torch: aten/src/ATen/native/Pool.h (`pooling_output_shape_pad_lr`), AdaptivePooling.h (`start_index`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import sympy as sp

from derive.blackboard import Derivation, integers
from derive.kernel import Theorem
from derive.terms import Iverson, Term
from derive.theorems.windows import STRIDE, at_most, same
from shapecheck import formulas

n, e, q, s, k, d, o, i, m, t, a, b, g, h, j, x, y = integers("n e q s k d o i m t a b g h j x y")


@dataclass(frozen=True)
class Letter:
    """A term that knows a minimum of its own: what `formulas.minimum` asks for."""

    term: Term

    def minimum_with(self, other: Letter) -> Letter:
        """The smaller of the two."""
        return Letter(sp.Min(self.term, other.term))

    def __add__(self, other: Any) -> Letter:
        return Letter(self.term + _term(other))

    def __radd__(self, other: Any) -> Letter:
        return Letter(_term(other) + self.term)

    def __sub__(self, other: Any) -> Letter:
        return Letter(self.term - _term(other))

    def __mul__(self, other: Any) -> Letter:
        return Letter(self.term * _term(other))

    def __rmul__(self, other: Any) -> Letter:
        return Letter(_term(other) * self.term)

    def __floordiv__(self, other: Any) -> Letter:
        return Letter(self.term // _term(other))


def _term(value: Any) -> Term:
    return value.term if isinstance(value, Letter) else value


def ceil_count(size: Term, stride: Term = s) -> Term:
    """What `formulas.ceil_window_count` says of letters."""
    return formulas.ceil_window_count(*map(Letter, (size, e, q, stride))).term


# Ceil mode --------------------------------------------------------------------------------------------------------


def overhanging(size: Term = n) -> Term:
    """Windows of which the last may overhang: ceil((n+2q-e)/s) + 1, as torch computes it."""
    return sp.floor((size + 2 * q - e + s - 1) / s) + 1


def starting(size: Term = n) -> Term:
    """Windows that start in the left padding or the input: ceil((n+q)/s)."""
    return sp.floor((size + q + s - 1) / s)


def ceil_mode() -> Theorem:
    """torch's rule for ceil mode is the smaller of two counts."""
    late = sp.Ge((overhanging() - 1) * s, n + q)
    more = sp.Lt(starting(), overhanging())
    last = overhanging() - 1
    chain = (
        Derivation(overhanging() - Iverson(late), STRIDE, sp.Le(q, e))
        .arith(late, sp.Ge(last, sp.ceiling((n + q) / s)), because="`t s >= y <=> t >= ceil(y/s)`")
        .arith(sp.ceiling((n + q) / s), starting(), because="a quotient rounded up, by a floor")
        .arith(sp.Ge(last, starting()), more, because="fewer windows start in time")
    )
    return same(chain, sp.Min(overhanging(), starting()), because="by at most one, as `q <= e`").qed(
        ceil_count(n),
        "ceil-mode",
        about="On the left torch's rule: round up, and take the last window back if it starts in the right padding. "
        "That it is at most one too many needs `q <= e`; torch's pools demand `q <= k/2`.",
        parts=[
            _minimum(),
            _with_a_number(),
            _two_ceilings(),
            _pools(),
            _never(),
            _fires(),
            _one_more(),
            _usual_stride(),
            _no_overlap(),
        ],
    )


def _minimum() -> Theorem:
    """The smaller of two numbers by arithmetic alone."""
    smaller = formulas.minimum(a, b)
    return (
        Derivation(smaller)
        .arith(smaller, sp.Min(a, b), because="the sum less the distance is twice the smaller")
        .qed(sp.Min(a, b), "ceil-mode/minimum", "The smaller of two numbers, by arithmetic alone")
    )


def _with_a_number() -> Theorem:
    """The smaller of a letter and a number, which are of different kinds."""
    smaller = formulas.minimum(a, 0)
    return (
        Derivation(smaller)
        .arith(smaller, sp.Min(a, 0), because="the same with `b = 0`")
        .qed(sp.Min(a, 0), "ceil-mode/minimum-with-a-number", "The smaller of a letter and a number")
    )


def _two_ceilings() -> Theorem:
    """The formula with its quotients rounded up."""
    one, other = sp.ceiling((n + 2 * q - e) / s), sp.ceiling((n + q) / s)
    because = "a quotient rounded up, by a floor"
    return (
        Derivation(ceil_count(n), STRIDE)
        .arith(starting(), other, because=because)
        .arith(overhanging() - 1, one, because=because)
        .qed(sp.Min(one + 1, other), "ceil-mode/two-ceilings", "The formula with its quotients rounded up")
    )


def _pools() -> Theorem:
    """What torch demands of a pool's padding is more than enough."""
    half = formulas.HALF_PADDING.holds(k, q)
    spans = sp.Le(q, formulas.dilated(k, d))
    return (
        Derivation(half, sp.Ge(k, 1), sp.Ge(d, 1))
        .galois()
        .arith(at_most(2 * q, k), at_most(q, k - q), because="half of the window is at most the other half")
        .entails(spans, because="`k-q <= k <= d (k-1) + 1` where `q >= 0`, and below `q < 0 < k`")
        .qed(spans, "ceil-mode/pools", "torch's pools keep `q <= e`")
    )


def _never() -> Theorem:
    """For a window that is longer than padding and stride together nothing is taken back."""
    return (
        Derivation(ceil_count(n), STRIDE, sp.Ge(e, q + s))
        .arith(ceil_count(n), overhanging(), because="`n+2 q-e+s <= n+q`")
        .qed(
            overhanging(),
            "ceil-mode/never",
            "Where `e >= q+s` no window is ever taken back",
        )
    )


def _fires() -> Theorem:
    """For every shorter window there are sizes at which one is taken back."""
    fires = sp.Lt(starting(j * s - q), overhanging(j * s - q))
    chain = Derivation(fires, STRIDE).arith(
        starting(j * s - q), j, because="`j` windows start in time, and the next just too late"
    )
    chain = same(chain, sp.Lt(sp.Integer(0), 1 + sp.floor((q - e + s - 1) / s)), because="take `j` away on both sides")
    zero = at_most(sp.Integer(0), sp.floor((q - e + s - 1) / s))
    return same(same(chain, zero, because="integers").galois(), sp.Lt(e, q + s), because="bring `e` to one side").qed(
        sp.Lt(e, q + s),
        "ceil-mode/fires",
        "At the sizes `n = j s - q` a window is taken back exactly where `e < q+s`",
    )


def _one_more() -> Theorem:
    """Ceil mode adds a window where cells are left over and it starts in time."""
    count = formulas.window_count(n, e, 2 * q, s)
    left_over = sp.Ne(sp.Mod(n + 2 * q - e, s), 0)
    in_time = sp.Lt(count * s, n + q)
    counts = Iverson(sp.And(left_over, in_time))
    up, fitting = count + Iverson(left_over), sp.floor((n + 2 * q - e) / s)
    chain = (
        Derivation(ceil_count(n), STRIDE, sp.Lt(q, e))
        .arith(
            overhanging() - 1, fitting + Iverson(left_over), because="rounding up adds one where there is a remainder"
        )
        .arith(fitting, count - 1, because="one stride out of the floor")
    )
    chain = chain.arith(
        sp.Min(up, starting()),
        count + sp.Min(Iverson(left_over), starting() - count),
        because="take the count out of the minimum",
    )
    return chain.arith(
        sp.Min(Iverson(left_over), starting() - count),
        counts,
        because="as `q < e` all the windows that fit start in time",
    ).qed(
        count + counts,
        "ceil-mode/one-more",
        "Ceil mode adds one window where cells are left over and it starts in time, else none",
        about="For `q = e` it can even be one less: the last window that fits starts in the right padding.",
    )


def _usual_stride() -> Theorem:
    """A pool's stride is its window, unless said otherwise."""
    count = formulas.window_count(n, k, 0, s)
    return (
        Derivation(count, STRIDE, sp.Eq(s, k))
        .arith(n - k + s, n, because="the stride is the window")
        .qed(
            sp.floor(n / s),
            "ceil-mode/usual-stride",
            "With a pool's usual stride the size is divided by the window",
        )
    )


def _no_overlap() -> Theorem:
    """Where no two windows overlap, as with the usual stride, only the start of the last one counts."""
    up = sp.ceiling((n + q) / s)
    return (
        Derivation(ceil_count(n), STRIDE, sp.Le(e, s), sp.Ge(q, 0))
        .arith(
            ceil_count(n), starting(), because="as `e <= s` the other count is at least `ceil((n+2 q)/s)`, no smaller"
        )
        .arith(starting(), up, because="a quotient rounded up, by a floor")
        .qed(
            up,
            "ceil-mode/no-overlap",
            "Ceil mode where no two windows overlap: `n+q` by the stride, rounded up",
            about="So it is with a pool's usual stride, `e = s`.",
        )
    )


# Adaptive pooling -------------------------------------------------------------------------------------------------

WINDOWS = sp.Ge(o, 1)


def adaptive_pooling() -> Theorem:
    """Neighbouring windows share one cell where the border falls inside it, and else none."""
    size, longest, remainder = _size(), _longest(), sp.Mod((i + 1) * n, o)
    shared = formulas.adaptive_stop(i, n, o) - formulas.adaptive_start(i + 1, n, o)
    return same(Derivation(shared, WINDOWS), Iverson(sp.Ne(remainder, 0)), because="rounded up less rounded down").qed(
        Iverson(sp.Ne(remainder, 0)),
        "adaptive-pooling",
        about="Window `i` reaches from `floor(i n/o)` up to, and not including, `ceil((i+1) n/o)`. So between "
        "neighbours no cell is left out, and they share at most one.",
        parts=[
            _first(),
            _last(),
            _some_cell(),
            size,
            longest,
            _reached(size, longest),
            _no_longer(size, longest),
            _even(),
        ],
    )


def _first() -> Theorem:
    """The first window starts at the first cell."""
    start = formulas.adaptive_start(i, n, o)
    return (
        Derivation(start, WINDOWS, sp.Eq(i, 0))
        .arith(start, sp.Integer(0), because="`0/o = 0`")
        .qed(sp.Integer(0), "adaptive-pooling/first", "The first window starts at cell 0")
    )


def _last() -> Theorem:
    """The last window ends at the last cell."""
    stop = formulas.adaptive_stop(i, n, o)
    return (
        Derivation(stop, WINDOWS, sp.Eq(i, o - 1))
        .arith(stop, n, because="`o n/o = n`")
        .qed(n, "adaptive-pooling/last", "The last window ends with the last cell")
    )


def _some_cell() -> Theorem:
    """No window is empty, unless the input is."""
    start, stop = formulas.adaptive_start(i, n, o), formulas.adaptive_stop(i, n, o)
    return (
        Derivation(sp.Lt(start, stop), WINDOWS, sp.Ge(n, 0))
        .arith(sp.Lt(start, stop), sp.Ge(n, 1), because="from `i n/o` to `(i+1) n/o` it is forward where `n >= 1`")
        .qed(sp.Ge(n, 1), "adaptive-pooling/some-cell", "Every window has a cell exactly where the input has one")
    )


def _cells(remainder: Term) -> Term:
    """How many cells lie from a place to m/h further on, both ends whole: ceil((r+m)/h)."""
    return sp.floor((remainder + m + h - 1) / h)


def _size() -> Theorem:
    """How many cells a window has depends on where in a cell it starts."""
    start, stop = formulas.adaptive_start(i, n, o), formulas.adaptive_stop(i, n, o)
    given = [sp.Ge(g, 1), sp.Ge(h, 1), sp.Eq(n, g * m), sp.Eq(o, g * h)]
    return same(
        Derivation(stop - start, *given)
        .arith(stop, sp.floor(((i + 1) * m + h - 1) / h), because="`g` divides both")
        .arith(n, g * m, because="`g` divides both")
        .arith(o, g * h, because="and is divided away"),
        _cells(sp.Mod(i * m, h)),
        because="take `i m/h`, rounded down, away from both",
    ).qed(_cells(sp.Mod(i * m, h)), "adaptive-pooling/size", "The number of cells of window `i`")


def _longest() -> Theorem:
    """The most cells a window can have: those of one that starts with the largest remainder."""
    span = formulas.adaptive_span(n, o, g)
    chain = Derivation(_cells(h - 1), sp.Ge(g, 1), sp.Ge(h, 1), sp.Eq(n, g * m), sp.Eq(o, g * h))
    chain = same(chain, 1 + sp.floor((m + h - 2) / h), because="one whole cell aside")
    return chain.arith(
        sp.floor((m + h - 2) / h), formulas.ceil_div(n - g, o), because="`(m-1)/h = (n-g)/o`, rounded up"
    ).qed(
        span,
        "adaptive-pooling/longest",
        "A window with the largest remainder, `h-1`, has as many cells as `adaptive_span` says",
        about="Where `g` is the greatest common divisor of `n` and `o`, the remainders of `i m` by `h` are all of "
        "`0..h-1`, so some window is as long; none is longer: the next two.",
    )


COMMON = sp.Ge(g, 1), sp.Ge(h, 1), sp.Eq(n, g * m), sp.Eq(o, g * h)


def _reached(size: Theorem, longest: Theorem) -> Theorem:
    """Some window is as long."""
    turned, cells = sp.floor(-x / h), formulas.adaptive_stop(i, n, o) - formulas.adaptive_start(i, n, o)
    less = (-turned * m - y) * h - 1
    return (
        Derivation(cells, *COMMON, sp.Eq(x * m - y * h, 1), sp.Eq(i, sp.Mod(-x, h)))
        .lemma(size, because="by how far into a cell it starts")
        .arith(i * m, less, because="`i` is `-x` but for a multiple of `h`, and `x m = y h + 1`")
        .arith(sp.Mod(less, h), h - 1, because="one less than a multiple")
        .lemma(longest, because="the largest remainder")
        .qed(
            formulas.adaptive_span(n, o, g),
            "adaptive-pooling/reached",
            "Some window is as long: window `(-x) mod h`, where `x m - y h = 1`",
            about="Such `x` and `y` there are where `g` is the greatest common divisor, as `m` and `h` have none but 1 "
            "(Bezout); `(-x) mod h` is one of `0..h-1`, so it is one of the `o` windows.",
        )
    )


def _no_longer(size: Theorem, longest: Theorem) -> Theorem:
    """No window is longer."""
    span = formulas.adaptive_span(n, o, g)
    longer = sp.Max(_cells(sp.Mod(i * m, h)), _cells(h - 1))
    return (
        Derivation(sp.Max(formulas.adaptive_stop(i, n, o) - formulas.adaptive_start(i, n, o), span), *COMMON)
        .lemma(size, because="by how far into a cell it starts")
        .lemma(longest, backwards=True, because="the largest remainder")
        .arith(longer, _cells(h - 1), because="no remainder is larger than `h-1`")
        .lemma(longest, because="the largest remainder")
        .qed(span, "adaptive-pooling/no-longer", "No window is longer")
    )


def _even() -> Theorem:
    """Where the number of windows divides the size, they are those of a plain pool."""
    start = formulas.adaptive_start(i, n, o)
    return (
        Derivation(start, WINDOWS, sp.Eq(n, m * o))
        .arith(start, i * m, because="`i m o/o = i m`")
        .qed(
            i * m, "adaptive-pooling/even", "Where `o` divides `n`, window `i` starts at `i (n/o)`, as in a plain pool"
        )
    )


def chapter() -> list[Theorem]:
    """The theorems of this chapter, in reading order."""
    return [ceil_mode(), adaptive_pooling()]
