r"""How many windows fit: the size formula that the checker runs, for all integers and every stride.

Main results: `window-count` (the number of places of a window is `formulas.window_count`; when that needs no maximum
with zero; when there is a window at all), `torch-form` (as torch and the lectures write it), `same-padding` (the size
divided by the stride and rounded up; the least padding that gives it, and its halves), `preimage` (which sizes have so
many windows, and which cells no window sees).

The theorems speak about the functions of `shapecheck.formulas` themselves: each is called here on letters, nothing is
typed again. Change one there, and a proof here no longer arrives.
Notation: n size, k span, p TOTAL padding, q padding per side, s stride, d dilation, e dilated span, o number of
windows; t, a, b, c count windows and cells.
Proofs: t <= floor(y/s) <=> t s <= y, and indirect equality: two integers are equal if the same integers t are at most
the one and the other.
References: Dumoulin & Visin, "A guide to convolution arithmetic for deep learning" (arXiv:1603.07285); torch:
aten/src/ATen/native/ConvUtils.h.
"""

from __future__ import annotations

from dataclasses import replace

import sympy as sp

from derive.blackboard import Derivation, integers, total
from derive.kernel import Theorem
from derive.terms import Iverson, Term
from shapecheck import formulas

n, k, p, q, s, d, e, o, m, t, a, b, c = integers("n k p q s d e o m t a b c")

STRIDE = sp.Ge(s, 1)
ROUNDED = sp.ceiling(n / s)  # the size divided by the stride, rounded up


def at_most(one: Term, other: Term) -> Term:
    """The proposition one <= other, left as it is written."""
    return sp.Le(one, other, evaluate=False)


def same(line: Derivation, to: Term, because: str) -> Derivation:
    """Replace the whole line by what is equal, or equivalent, for all integers."""
    return line.arith(line.term, to, because)


def last_window() -> Term:
    """The number of the last window, counted from zero: floor((n-k+p)/s)."""
    return sp.floor((n - k + p) / s)


# The count --------------------------------------------------------------------------------------------------------


def under_the_bar(line: Derivation) -> Derivation:
    """Go from floor((n-k+p)/s) + 1 to the formula: the same integers are at most the one and the other."""
    return line.indirect(
        t,
        formulas.window_count(n, k, p, s),
        lambda chain: (
            chain.arith(at_most(t, last_window() + 1), at_most(t - 1, last_window()), because="take one away")
            .galois()
            .arith(at_most((t - 1) * s, n - k + p), at_most(t * s, n - k + p + s), because="add `s` on both sides")
            .backwards("galois", at_most(t, formulas.window_count(n, k, p, s)), because="and back")
        ),
        because="put the one under the bar",
    )


def places() -> Term:
    """The windows by definition: the starts t s, from the first padded cell on, whose window ends in time."""
    return total(Iverson(sp.Le(t * s + k, n + p)), (t, 0, n + p - 1))


def _counted(hypotheses: list[Term], last: Term, because: str) -> Derivation:
    """The places counted: those from 0 to `last`, and all of them."""
    inside = sp.Le(t, last_window())
    return (
        Derivation(places(), *hypotheses)
        .arith(sp.Le(t * s + k, n + p), sp.Le(t * s, n - k + p), because="the window ends before the padded input does")
        .backwards(
            "galois",
            total(Iverson(inside), (t, 0, n + p - 1)),
            because="`t <= floor(y/s) <=> t s <= y`, from the right",
        )
        .support(t, 0, last, because=because)
        .arith(Iverson(inside), sp.Integer(1), because="here the bracket is 1")
        .count(t)
    )


def window_count() -> Theorem:
    """The number of places of a window is the formula, as long as at most one stride is missing."""
    parts = (_maximum(), _sharp(), _some_window(), _two_axes())
    return replace(counted(), parts=parts)


def counted() -> Theorem:
    """The theorem `window-count` alone, for use as a lemma."""
    counts = formulas.WINDOW_COUNTS.holds(n, k, p, s)
    chain = _counted([STRIDE, sp.Ge(k, 1), sp.Ge(n + p, 0), counts], last_window(), "the other brackets are 0")
    return under_the_bar(chain).qed(
        formulas.window_count(n, k, p, s),
        "window-count",
        about="The left side lists the starts `t s` within the padded input of `n + p` cells and keeps those at which "
        "the window's `k` cells all lie inside. Without `k <= n+p+s` the formula is negative: see below. What torch "
        "demands is another list: see `demands`.",
    )


def _maximum() -> Theorem:
    """With a maximum the formula counts always."""
    chain = _counted(
        [STRIDE, sp.Ge(k, 1), sp.Ge(n + p, 0)],
        sp.Max(last_window(), -1),
        "the other brackets are 0; below -1 there is none",
    )
    return (
        chain.arith(
            sp.Max(last_window(), -1) + 1, sp.Max(0, last_window() + 1), because="add the one inside the maximum"
        )
        .lemma(_one_more(), because="put the one under the bar")
        .qed(
            sp.Max(0, formulas.window_count(n, k, p, s)),
            "window-count/maximum",
            "For every window, however long: the maximum of the formula and zero",
        )
    )


def _sharp() -> Theorem:
    """The maximum may go exactly where at most one stride is missing."""
    formula = formulas.window_count(n, k, p, s)
    return (
        Derivation(sp.Eq(sp.Max(0, formula), formula), STRIDE)
        .arith(sp.Eq(sp.Max(0, formula), formula), sp.Le(0, formula), because="that is what a maximum with zero is")
        .galois()
        .arith(
            sp.Le(0, n - k + p + s),
            formulas.WINDOW_COUNTS.holds(n, k, p, s),
            because="add `k` on both sides",
        )
        .qed(
            formulas.WINDOW_COUNTS.holds(n, k, p, s),
            "window-count/sharp",
            "The maximum may go exactly where `k <= n+p+s`",
        )
    )


def _some_window() -> Theorem:
    """There is a window exactly where one fits into the padded input."""
    return (
        Derivation(sp.Le(1, formulas.window_count(n, k, p, s)), STRIDE)
        .galois()
        .arith(sp.Le(s, n - k + p + s), formulas.WINDOW_FITS.holds(n, k, p), because="add `k - s` on both sides")
        .qed(
            formulas.WINDOW_FITS.holds(n, k, p),
            "window-count/some-window",
            "There is a window exactly where `k <= n+p`",
            about="This is what torch demands of a convolution, with `e` for `k` and `p = 2 q`.",
        )
    )


def _two_axes() -> Theorem:
    """On two axes, as unfold's columns and a picture's windows: the counts multiply."""
    axes = [integers(f"n{axis} k{axis} p{axis} s{axis}") for axis in (1, 2)]
    starts = integers("t u")
    given: list[Term] = []
    for size, span, padding, stride in axes:
        given += [sp.Ge(stride, 1), sp.Ge(span, 1), sp.Ge(size + padding, 0)]
        given.append(formulas.WINDOW_COUNTS.holds(size, span, padding, stride))
    brackets = [Iverson(sp.Le(v * w + y, x + z)) for v, (x, y, z, w) in zip(starts, axes, strict=True)]
    ranges = [(v, 0, x + z - 1) for v, (x, _, z, _) in zip(starts, axes, strict=True)]
    chain = Derivation(total(brackets[0] * brackets[1], *ranges), *given).out(starts[1])
    for axis in (1, 0):
        chain = chain.lemma(counted(), at=dict(zip((n, k, p, s), axes[axis], strict=True)), because="one axis")
        chain = chain.out(starts[0]) if axis else chain
    return chain.qed(
        formulas.window_count(*axes[0]) * formulas.window_count(*axes[1]),
        "window-count/two-axes",
        "On two axes the counts multiply",
        about="So many cells has a channel of a convolution's output, and so many columns torch's Unfold, with dilated "
        "spans for `k1` and `k2`. Which window is which column, `flatten` says.",
    )


# The same in other clothes ----------------------------------------------------------------------------------------


def _one_more() -> Theorem:
    """The one outside the floor is one stride inside."""
    return under_the_bar(Derivation(last_window() + 1, STRIDE)).qed(
        formulas.window_count(n, k, p, s), "torch-form/one-more", "The one outside the floor is a stride inside"
    )


def torch_form() -> Theorem:
    """torch's way to write it, with a dilation and the padding of both sides."""
    return (
        Derivation(
            sp.floor((n + 2 * q - d * (k - 1) - 1) / s) + 1,
            STRIDE,
            sp.Eq(e, formulas.dilated(k, d)),
            sp.Eq(p, 2 * q),
        )
        .arith(n + 2 * q - d * (k - 1) - 1, n - e + p, because="a dilated window spans `e` cells; `p` is both sides")
        .lemma(_one_more(), at={k: e})
        .qed(
            formulas.window_count(n, e, p, s),
            "torch-form",
            about="torch counts the padding of one side, and every pair of neighbours in the window `d` cells apart.",
            parts=[_one_more(), _stride_one(), _plain()],
        )
    )


def _stride_one() -> Theorem:
    """At stride 1 there is nothing to round."""
    return (
        Derivation(formulas.window_count(n, k, p, s), sp.Eq(s, 1))
        .arith(formulas.window_count(n, k, p, s), n - k + p + 1, because="a quotient by 1 needs no floor")
        .qed(n - k + p + 1, "torch-form/stride-one", "At stride 1")
    )


def _plain() -> Theorem:
    """At stride 1 without padding."""
    return (
        Derivation(formulas.window_count(n, k, p, s), sp.Eq(s, 1), sp.Eq(p, 0))
        .lemma(_stride_one(), because="as at stride 1")
        .arith(n - k + p + 1, n - k + 1, because="there is no padding")
        .qed(n - k + 1, "torch-form/plain", "At stride 1 without padding")
    )


# 'same' padding ---------------------------------------------------------------------------------------------------


def rounded_up(line: Derivation) -> Derivation:
    """Go from floor((n+s-1)/s) to the quotient rounded up."""
    return line.indirect(
        t,
        ROUNDED,
        lambda chain: (
            chain.galois()
            .arith(at_most(t * s, n + s - 1), sp.Lt((t - 1) * s, n), because="take `s` away; integers")
            .arith(sp.Lt((t - 1) * s, n), at_most(t, ROUNDED), because="`t - 1 < n/s <=> t <= ceil(n/s)`")
        ),
        because="a quotient rounded up",
    )


def same_padding() -> Theorem:
    """With a padding of one cell less than the window the size is divided by the stride and rounded up."""
    spans = sp.Eq(e, formulas.dilated(k, d)), sp.Eq(p, formulas.same_padding(k, d))
    return replace(
        _same(*spans),
        about="The padding is that of the whole axis, `p = k-1` without dilation. Where the stride divides the size, "
        "or is 1, nothing is rounded.",
        parts=(
            _rounded_quotient(),
            _keeps_the_size(),
            _divides(),
            exact(),
            _least(),
            _least_is_enough(),
            _halves(),
        ),
    )


def _same(*spans: Term) -> Theorem:
    """The theorem, from what makes the padding one cell less than the span."""
    chain = Derivation(formulas.window_count(n, e, p, s), STRIDE, *spans)
    return rounded_up(chain.arith(n - e + p + s, n + s - 1, because="`p = e-1`")).qed(ROUNDED, "same-padding")


ONE_LESS = sp.Eq(p, e - 1)  # what dilation and 'same' padding come to


def _rounded_quotient() -> Theorem:
    """The checker's way to round a quotient up, with the floor division that every kind of number has."""
    return rounded_up(Derivation(formulas.ceil_div(n, s), STRIDE)).qed(
        ROUNDED, "same-padding/rounded-up", "A quotient rounded up, by a floor"
    )


def _keeps_the_size() -> Theorem:
    """At stride 1 the size stays."""
    return (
        Derivation(formulas.window_count(n, e, p, s), sp.Eq(s, 1), ONE_LESS)
        .lemma(_stride_one(), at={k: e}, because="as at stride 1")
        .arith(n - e + p + 1, n, because="`p = e-1`")
        .qed(n, "same-padding/stride-one", "At stride 1 the size stays")
    )


def _divides() -> Theorem:
    """Where the stride divides the size, the quotient is left."""
    return (
        Derivation(formulas.window_count(n, e, p, s), STRIDE, ONE_LESS, sp.Eq(n, m * s))
        .lemma(_same(ONE_LESS), because="by the theorem")
        .arith(ROUNDED, m, because="`n/s = m` is an integer")
        .qed(m, "same-padding/divides", "Where the stride divides the size, the size is divided by it")
    )


def exact() -> Theorem:
    """(N - F)/S + 1 is a number of windows exactly where the stride divides N - F."""
    formula, whole = formulas.window_count(n, k, p, s), sp.floor((n - k + p) / s)
    return (
        Derivation(sp.Eq(s * (formula - 1), n - k + p), STRIDE)
        .lemma(_one_more(), backwards=True)
        .arith(
            sp.Eq(s * whole, n - k + p),
            sp.Eq(sp.Mod(n - k + p, s), 0),
            because="a quotient times its divisor misses the remainder",
        )
        .qed(
            sp.Eq(sp.Mod(n - k + p, s), 0),
            "same-padding/exact",
            "The count is `(n-k+p)/s + 1`, without a floor, exactly where `s` divides `n-k+p`",
        )
    )


def least_padding() -> Term:
    """The padding with which the last of the ceil(n/s) windows just ends in time."""
    return (ROUNDED - 1) * s + e - n


def _least() -> Theorem:
    """What padding gives as many windows as 'same' promises."""
    wanted = sp.Le(ROUNDED, formulas.window_count(n, e, p, s))
    return same(
        Derivation(sp.And(sp.Le(0, p), wanted), STRIDE)
        .galois()
        .arith(
            at_most(s * ROUNDED, n - e + p + s),
            sp.Le(least_padding(), p),
            because="bring the padding to one side",
        ),
        sp.Le(sp.Max(least_padding(), 0), p),
        because="the larger of the two bounds",
    ).qed(
        sp.Le(sp.Max(least_padding(), 0), p),
        "same-padding/least",
        "The least padding that gives at least `ceil(n/s)` windows",
        about="It is `e-1` only where `s` divides `n-1`; torch's 'same' is for stride 1, TensorFlow's takes this one.",
    )


def _least_is_enough() -> Theorem:
    """With the least padding there are exactly ceil(n/s) windows."""
    least = sp.Max(least_padding(), 0)
    larger = sp.Max(s * ROUNDED, n - e + s)
    return (
        Derivation(formulas.window_count(n, e, least, s), STRIDE, sp.Ge(e, 1))
        .arith(n - e + least + s, larger, because="add inside the maximum")
        .arith(sp.floor(larger / s), ROUNDED, because="`n-e+s <= n-1+s`, less than `s` above the other")
        .qed(ROUNDED, "same-padding/least-is-enough", "With the least padding there are `ceil(n/s)` windows, no more")
    )


def _halves() -> Theorem:
    """A padding that is odd has a larger half; where it goes changes no size."""
    larger, smaller = sp.ceiling(p / 2), sp.floor(p / 2)
    return (
        Derivation(formulas.padded_size(n, larger, smaller))
        .arith(n + larger + smaller, n + p, because="the halves of `p`, rounded up and down")
        .qed(
            n + p,
            "same-padding/halves",
            "An even window has an odd padding; its halves, rounded up and down, are all of it",
            about="The lectures put the larger half first, torch's and TensorFlow's 'same' the smaller: the size is "
            "the same, the picture is shifted by one cell.",
        )
    )


# Which sizes give so many windows ---------------------------------------------------------------------------------


def shortest() -> Term:
    """The least size that has o windows."""
    return (o - 1) * s + k - p


def longest() -> Term:
    """The greatest size that has o windows."""
    return o * s - 1 + k - p


def preimage() -> Theorem:
    """The sizes with o windows are the s sizes from (o-1)s + k - p on."""
    return replace(
        sizes_with(),
        about="So the floor makes classes of `s` neighbouring sizes. Over all integers: a size is at least 1, and no "
        "window at all is also what sizes below the formula's reach have; both below.",
        parts=(_monotone(), _so_many(), _clipped(), _no_window(), _tail(), _unseen()),
    )


def sizes_with() -> Theorem:
    """The theorem `preimage` alone, for use as a lemma."""
    formula = formulas.window_count(n, k, p, s)
    neither = sp.Not(sp.Le(o + 1, formula), evaluate=False)
    last = sp.And(sp.Le(shortest(), n), sp.Le(n, longest()))
    chain = same(
        Derivation(sp.Eq(formula, o), STRIDE),
        sp.And(sp.Le(o, formula), neither),
        because="`o` is at most the count, `o+1` is not",
    ).galois()
    return same(chain, last, because="bring `n` to one side").qed(last, "preimage")


def _monotone() -> Theorem:
    """A larger input never has fewer windows."""
    more = sp.Le(formulas.window_count(m, k, p, s), formulas.window_count(n, k, p, s))
    return (
        Derivation(sp.Le(m, n), STRIDE)
        .entails(more, because="a larger number has no smaller quotient, nor a smaller floor")
        .qed(more, "preimage/monotone", "A larger input never has fewer windows")
    )


def _so_many() -> Theorem:
    """There are s such sizes."""
    within = sp.And(sp.Le(shortest(), n), sp.Le(n, longest()))
    return (
        Derivation(
            total(Iverson(sp.Eq(formulas.window_count(n, k, p, s), o)), (n, a, b)),
            STRIDE,
            sp.Le(a, shortest()),
            sp.Le(longest(), b),
        )
        .lemma(sizes_with(), because="by the theorem")
        .support(n, shortest(), longest(), because="elsewhere the bracket is 0")
        .arith(Iverson(within), sp.Integer(1), because="here it is 1")
        .count(n)
        .ring(s)
        .qed(s, "preimage/so-many", "There are `s` of them")
    )


def _clipped() -> Theorem:
    """Of the sizes that are sizes at all."""
    first, last = sp.Le(shortest(), n), sp.Le(n, longest())
    wanted = sp.And(sp.Le(sp.Max(1, shortest()), n), last)
    chain = Derivation(sp.And(sp.Le(1, n), sp.Eq(formulas.window_count(n, k, p, s), o)), STRIDE).lemma(
        sizes_with(), because="by the theorem"
    )
    return chain.arith(sp.And(sp.Le(1, n), first, last), wanted, because="the larger of the lower bounds").qed(
        wanted, "preimage/clipped", "The sizes from 1 on with `o` windows"
    )


def _no_window() -> Theorem:
    """No window is there for every size that is too small."""
    formula = formulas.window_count(n, k, p, s)
    none = sp.Eq(sp.Max(0, formula), 0)
    return (
        Derivation(none, STRIDE)
        .arith(none, sp.Not(sp.Le(1, formula), evaluate=False), because="not even one")
        .galois()
        .arith(sp.Gt(s, n - k + p + s), sp.Le(n, k - p - 1), because="bring `n` to one side; integers")
        .qed(sp.Le(n, k - p - 1), "preimage/no-window", "No window: the sizes below `k-p`, without end")
    )


def _tail() -> Theorem:
    """Behind the last window a remainder is left."""
    formula = formulas.window_count(n, k, p, s)
    chain = Derivation(n + p - ((formula - 1) * s + k), STRIDE).lemma(_one_more(), backwards=True)
    return same(chain, sp.Mod(n + p - k, s), because="what the quotient misses is the remainder").qed(
        sp.Mod(n + p - k, s),
        "preimage/tail",
        "Behind the last window the remainder of `n+p-k` is never seen",
        about="The last window starts at `(o-1) s` and ends `k` cells later.",
    )


def _unseen() -> Theorem:
    """Cells that no window sees, where no two windows overlap: the tail and the gaps."""
    formula = formulas.window_count(n, k, p, s)
    seen = (t, 0, formula - 1), (a, 0, k - 1)
    delta = sp.KroneckerDelta(c, t * s + a)
    chain = (
        Derivation(
            n + p - total(delta, (c, 0, n + p - 1), *seen),
            STRIDE,
            sp.Ge(k, 0),
            sp.Ge(n + p, 0),
            formulas.WINDOW_COUNTS.holds(n, k, p, s),
        )
        .swap(c, t)
        .swap(c, a)
        .delta(c, because="each place of each window is one cell")
        .count(a, t)
    )
    last = sp.Mod(n + p - k, s) + (formula - 1) * (s - k)
    return same(chain, last, because="the last window ends `(n+p-k) mod s` cells before the end").qed(
        last,
        "preimage/unseen",
        "Cells never seen: the tail, and the gaps between the windows",
        about="The sum adds, for each padded cell `c`, the windows that see it. Where `k <= s` no two windows overlap, "
        "and the left side is the number of cells that no window sees; `s-k` lie between neighbours.",
    )


def chapter() -> list[Theorem]:
    """The theorems of this chapter, in reading order."""
    return [window_count(), torch_form(), same_padding(), preimage()]
