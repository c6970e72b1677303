r"""What torch demands of each layer, and what each demand is for.

Main result: `demands` (a convolution is accepted exactly where a window fits; where the formula still counts but torch
refuses; what is enough in ceil mode; average pooling in 3-D; why a pool's padding is at most half its window; padding
that reflects or goes round; pools whose windows are left to chance; the sizes one may ask of unpooling).

As in `windows`, the theorems speak about the functions and conditions of `shapecheck.formulas` themselves.
Notation: n size, k span, p TOTAL padding, q padding per side, s stride, d dilation, e dilated span, o number of
windows, op output padding, i the size before unpooling; x the start of a window in the padded input, c a cell.
References: torch: aten/src/ATen/native/Pool.h (`pool2d_shape_check`), Convolution.cpp (`check_shape_forward`),
ReflectionPad.cpp, FractionalMaxPooling.h (`generate_intervals`), torch/nn/functional.py (`_unpool_output_size`).
"""

from __future__ import annotations

import sympy as sp

from derive.blackboard import Derivation, integers, total
from derive.kernel import Theorem
from derive.terms import Iverson
from derive.theorems.pooling import ceil_count
from derive.theorems.windows import STRIDE, at_most, same
from shapecheck import formulas

n, k, p, q, s, d, e, o, op, i, x, c, t, b = integers("n k p q s d e o op i x c t b")


def demands() -> Theorem:
    """A convolution is accepted exactly where it has a window."""
    fits = formulas.WINDOW_FITS.holds(n, e, 2 * q)
    return (
        Derivation(formulas.SOME_WINDOW.holds(formulas.window_count(n, e, 2 * q, s)), STRIDE)
        .arith(
            formulas.SOME_WINDOW.holds(formulas.window_count(n, e, 2 * q, s)),
            at_most(sp.Integer(1), formulas.window_count(n, e, 2 * q, s)),
            because="the same, the smaller side first",
        )
        .galois()
        .arith(at_most(s, n - e + 2 * q + s), fits, because="bring `e` to one side")
        .qed(
            fits,
            "demands",
            about="What torch demands of a convolution, `e <= n + 2 q`, is that there is a window. Others demand "
            "more, or less; the parts say what each demand is good for.",
            parts=[
                _none(),
                _ceil_mode(),
                _inside(),
                _inside_fits(),
                _half_padding(),
                _reflects(),
                _furthest(),
                _wraps(),
                _fractional(),
                _apart(),
                _fractional_3d(),
                _unpool(),
                _output_padding(),
            ],
        )
    )


# Windows ----------------------------------------------------------------------------------------------------------


def _none() -> Theorem:
    """Between what the formula needs and what torch demands it says 0."""
    count = formulas.window_count(n, k, p, s)
    still = sp.And(formulas.WINDOW_COUNTS.holds(n, k, p, s), sp.Not(formulas.WINDOW_FITS.holds(n, k, p)))
    chain = same(
        Derivation(sp.Eq(count, 0), STRIDE),
        sp.And(at_most(sp.Integer(0), count), sp.Not(at_most(sp.Integer(1), count), evaluate=False)),
        because="at least 0, not 1",
    ).galois()
    return same(chain, still, because="bring `k` to one side").qed(
        still,
        "demands/none",
        "Where the formula counts and torch refuses, it counts no window",
        about="The formula is right as long as `k <= n+p+s`; torch demands `k <= n+p`. In between the answer is 0.",
    )


def _ceil_mode() -> Theorem:
    """Ceil mode only wants a window by its own rule, which a window longer than the padded input can be."""
    enough = sp.And(sp.Le(e, n + 2 * q + s - 1), sp.Le(1, n + q))
    over, starting = sp.floor((n + 2 * q - e + s - 1) / s) + 1, sp.floor((n + q + s - 1) / s)
    chain = same(
        Derivation(formulas.SOME_WINDOW.holds(ceil_count(n)), STRIDE),
        sp.And(at_most(sp.Integer(0), over - 1), at_most(sp.Integer(1), starting)),
        because="the smaller of two numbers is at least 1 where both are",
    ).galois()
    return same(chain, enough, because="integers").qed(
        enough,
        "demands/ceil-mode",
        "In ceil mode a window may be longer than the padded input, by less than a stride",
    )


def _inside() -> Theorem:
    """Average pooling in 3-D demands a window without padding."""
    inside = formulas.WINDOW_INSIDE.holds(n, k)
    some = formulas.SOME_WINDOW.holds(formulas.window_count(n, k, 0, s))
    return (
        Derivation(some, STRIDE)
        .arith(some, at_most(sp.Integer(1), formulas.window_count(n, k, 0, s)), because="the smaller side first")
        .galois()
        .arith(at_most(s, n - k + s), inside, because="bring `k` to one side")
        .qed(inside, "demands/inside", "A window no longer than the input: there is one without padding")
    )


def _inside_fits() -> Theorem:
    """What fits without padding fits with it."""
    fits = formulas.WINDOW_FITS.holds(n, k, p)
    return (
        Derivation(formulas.WINDOW_INSIDE.holds(n, k), sp.Ge(p, 0))
        .entails(fits, because="`k <= n <= n+p`")
        .qed(
            fits,
            "demands/inside-fits",
            "So there is one with padding, too: torch's AvgPool3d demands more than need be",
        )
    )


def _half_padding() -> Theorem:
    """No window of a pool lies in the padding."""
    seen = at_most(sp.Max(x, q) + 1, sp.Min(x + k, q + n))
    return (
        Derivation(
            sp.And(sp.Le(0, x), sp.Le(x + k, n + 2 * q)),
            formulas.HALF_PADDING.holds(k, q),
            sp.Ge(k, 1),
            sp.Ge(n, 1),
        )
        .entails(seen, because="`q <= k/2 < k`, so neither end of the padding holds a window")
        .qed(
            seen,
            "demands/half-padding",
            "With at most half a window of padding every window sees a cell of the input",
            about="A window covers the padded cells `x..x+k-1`, the input is `q..q+n-1`: what both share is not empty. "
            "torch asks it of the window as it is before dilation; a dilated one can still miss the input.",
        )
    )


# Padding ----------------------------------------------------------------------------------------------------------


def _reflects() -> Theorem:
    """A reflection reads cells that are there."""
    there = Iverson(sp.Le(c, n - 1))
    return (
        Derivation(total(there, (c, 1, q)), sp.Ge(q, 0), formulas.PAD_REFLECTS.holds(n, q))
        .arith(there, sp.Integer(1), because="`c <= q <= n-1`")
        .count(c)
        .qed(
            q,
            "demands/reflection",
            "A reflection shorter than the input reads cells of the input alone",
            about="The place `c` cells before the first cell shows cell `c`, the place `c` behind the last shows cell "
            "`n-1-c`; both are there where `c <= n-1`. The sum counts the places for which they are: all `q`.",
        )
    )


def _furthest() -> Theorem:
    """The last place of a reflection is the one to look at."""
    reflects = formulas.PAD_REFLECTS.holds(n, q)
    return (
        Derivation(at_most(q, n - 1))
        .arith(at_most(q, n - 1), reflects, because="integers")
        .qed(reflects, "demands/furthest", "Its furthest place is there exactly where torch accepts it")
    )


def _wraps() -> Theorem:
    """A circular padding reads cells that are there, as long as it goes round once at most."""
    there, wraps = sp.And(sp.Le(0, n - q), sp.Le(q - 1, n - 1)), formulas.PAD_WRAPS.holds(n, q)
    return same(Derivation(there), wraps, because="add `q`, and 1").qed(
        wraps,
        "demands/circular",
        "A circular padding reads cells that are there exactly where it goes round once at most",
        about="The furthest place before the first cell shows cell `n-q`, the furthest behind the last cell `q-1`.",
    )


# Windows left to chance -------------------------------------------------------------------------------------------


def _fractional() -> Theorem:
    """There are as many places as windows."""
    fits, places = formulas.FRACTIONAL_FITS.holds(n, k, o), formulas.window_count(n, k, 0, 1)
    return same(Derivation(at_most(o, places)), fits, because="at stride 1 there are `n-k+1` places").qed(
        fits, "demands/fractional", "A fractional pool finds `o` places for its windows exactly where torch accepts it"
    )


def _apart() -> Theorem:
    """Neighbouring windows of a fractional pool begin at different cells."""
    moved = at_most(sp.floor((t * (n - k) + b) / (o - 1)) + 1, sp.floor(((t + 1) * (n - k) + b) / (o - 1)))
    return (
        Derivation(formulas.FRACTIONAL_FITS.holds(n, k, o), sp.Ge(o, 2))
        .entails(moved, because="`n-k >= o-1`: a whole step at least")
        .qed(
            moved,
            "demands/apart",
            "Then no two windows begin at the same cell",
            about="Window `t` begins at `floor((t+u) (n-k)/(o-1))` less what makes window 0 begin at 0, with a random "
            "`u`; with `b = floor(u (n-k))` that is the floor here, as all else is whole.",
        )
    )


def _fractional_3d() -> Theorem:
    """torch's 3-D code wants a place to spare."""
    fits, places = formulas.FRACTIONAL_FITS_3D.holds(n, k, o), formulas.window_count(n, k, 0, 1)
    return same(Derivation(at_most(o + 1, places)), fits, because="one place more").qed(
        fits, "demands/fractional-3d", "In 3-D torch demands a place to spare"
    )


# Sizes one may ask for --------------------------------------------------------------------------------------------


def _unpool() -> Theorem:
    """The sizes one may ask of unpooling."""
    usual = formulas.transposed_size(i, k, p, s, 0)
    wanted = formulas.UNPOOL_SIZE.holds(o, usual, s)
    before, here = formulas.window_count(o - 1, k, p, s), formulas.window_count(o, k, p, s)
    within = sp.And(at_most(i - 1, before), sp.Not(at_most(i + 1, here), evaluate=False))
    return same(
        Derivation(within, STRIDE).galois(), wanted, because="the sizes less than a stride away from the usual one"
    ).qed(
        wanted,
        "demands/unpool",
        "Unpooling takes the sizes with `i` windows and, but for the first, those with `i-1`",
        about="So torch lets one ask for sizes that the pool does not take back: those below the usual one.",
    )


def _output_padding() -> Theorem:
    """The output padding is smaller than the larger of stride and dilation."""
    allowed = formulas.OUTPUT_PADDING.holds(op, s, d)
    return same(Derivation(allowed), sp.Lt(op, sp.Max(s, d)), because="smaller than the one or the other").qed(
        sp.Lt(op, sp.Max(s, d)),
        "demands/output-padding",
        "The output padding is smaller than the larger of stride and dilation",
    )


def chapter() -> list[Theorem]:
    """The theorems of this chapter, in reading order."""
    return [demands()]
