r"""Convolution of functions, and its tie to the Fourier transform.

Main results: `continuous` (the two indices are alike, by a change of variables; with the lectures' digestion example,
integrated and plotted) and `fourier` (the Fourier transform turns circular convolution into a product; with enough
zeros the circular convolution is the linear one).

Notation: f how fast one eats at a time, g(t) how much of what was eaten is left t later, x the time one looks; z and y
run over times. For the discrete transform: K and X of period n, places i, j, a, frequencies k, and W[m] the m-th power
of an n-th root of one, exp(-2 pi i m / n) in the usual transform. Of W the proofs use only that W[i + j] = W[i] W[j]
and that W has period n, so they hold for every such root, in the complex numbers or modulo a prime.
References: Oppenheim and Schafer, Discrete-Time Signal Processing, 8.6 and 8.7.
"""

from __future__ import annotations

from dataclasses import replace

import sympy as sp

from derive.blackboard import Derivation, Equation, Iverson, Support, arrays, integers, reals, total
from derive.kernel import Theorem
from derive.terms import Term, substitute

x, y, z, p, q, s, T = reals("x y z p q s T")
f, g = sp.Function("f"), sp.Function("g")
i, j, k, a, b, m, n, h, N = integers("i j k a b m n h N")
W, K, X, Z, V = arrays("W K X Z V")

ZERO = sp.Integer(0)


def convolved(body: Term, low: Term = ZERO, high: Term = x) -> Term:
    """The integral of a term over z."""
    return sp.Integral(body, (z, low, high))


def continuous() -> Theorem:
    """The convolution on the half-line reads either function forwards, the other backwards."""
    return (
        Derivation(convolved(f(z) * g(x - z)))
        .reflect(z, y, about=x)
        .qed(
            sp.Integral(g(y) * f(x - y), (y, 0, x)),
            "continuous",
            about="What was eaten before time 0 is nothing, and what will be eaten after `x` does not count yet: so "
            "the range is from 0 to `x`, not from `x` to 0 as the lectures have it.",
            parts=[_window(), _shifted(), _meal(), _drawn(_meal(), _after()), _ramp()],
        )
    )


def _window() -> Theorem:
    """Over any range of z."""
    return (
        Derivation(convolved(f(z) * g(x - z), p, q))
        .reflect(z, y, about=x)
        .qed(
            sp.Integral(g(y) * f(x - y), (y, x - q, x - p)),
            "continuous/window",
            "The two indices are alike over any range",
            about="Where `p` and `q` go to the two ends of the line, so do `x - q` and `x - p`: if the integral over "
            "the whole line exists, the two functions may change places in it.",
        )
    )


def _shifted() -> Theorem:
    """A signal that comes later is answered later."""
    return (
        Derivation(convolved(f(z - s) * g(x - z), p, q))
        .shift(z, y, by=s)
        .qed(
            sp.Integral(f(y) * g(x - y - s), (y, p - s, q - s)),
            "continuous/shift",
            "A meal that comes `s` later is digested `s` later",
        )
    )


DIGESTED = sp.exp(z - x)  # g(x - z), where g(t) = exp(-t)


LUNCH = sp.Integer(2)  # when the meal of the figure ends
LATE = sp.Integer(6)


def _drawn(during: Theorem, after: Theorem) -> Theorem:
    """The second theorem, with a picture of both: a meal that lasts from 0 to 2."""
    left = substitute(after.rhs, {T: LUNCH})
    curves = (
        ("in the stomach, while eating until `x = 2`", during.rhs, x, ZERO, LUNCH),
        ("and after", left, x, LUNCH, LATE),
        ("`g = exp(-x)`", sp.exp(-x), x, ZERO, LATE),
    )
    return replace(after, figure=curves)


def _meal() -> Theorem:
    """Eating at rate one from time 0 on."""
    return (
        Derivation(convolved(DIGESTED))
        .antiderivative(z, DIGESTED)
        .qed(
            1 - sp.exp(-x),
            "continuous/meal",
            "While one eats at rate one, the stomach holds `1 - exp(-x)`",
            about="Here `f(z) = 1` and `g(t) = exp(-t)`: of each bite the part `exp(-t)` is left `t` later.",
        )
    )


def _after() -> Theorem:
    """Eating stopped at T."""
    return (
        Derivation(convolved(DIGESTED, ZERO, T))
        .antiderivative(z, DIGESTED)
        .qed(
            sp.exp(T - x) - sp.exp(-x),
            "continuous/after",
            "After a meal that ended at `T`, it holds `exp(T - x) - exp(-x)`",
            about="At `x = T` this is what the meal left, `1 - exp(-T)`, and it falls from there as `g` does.",
        )
    )


def _ramp() -> Theorem:
    """Eating faster and faster."""
    return (
        Derivation(convolved(z * DIGESTED))
        .antiderivative(z, (z - 1) * DIGESTED)
        .qed(
            x - 1 + sp.exp(-x),
            "continuous/ramp",
            "If one eats faster and faster, `f(z) = z`, it holds `x - 1 + exp(-x)`",
        )
    )


ROOT = Equation(W[i + j], W[i] * W[j], (i, j), because="`W[m]` are the powers of one number", defines=False)
PERIOD = Equation(W[i + n * j], W[i], (i, j), because="and that number is an `n`-th root of one", defines=False)
CYCLIC = Equation(X[i + n], X[i], (i,), because="`X` has period `n`", defines=False)
SIGNS = Equation(W[m], 1 - 2 * sp.Mod(m * (n - 1), 2), (m,))  # a root of one among the integers: -1 for even n, else 1
REPEATED = Equation(X[m], Z[sp.Mod(m, sp.Max(n, 1))], (m,))

CELLS = (a, ZERO, n - 1)


def fourier() -> Theorem:
    """The transform of a circular convolution is the product of the transforms."""
    circular = total(K[a] * X[i - a], CELLS)
    wave = W[j * k] * X[j]
    return (
        Derivation(total(W[i * k] * circular, (i, 0, n - 1)), sp.Ge(n, 0), ROOT, PERIOD, CYCLIC)
        .into(a)
        .swap(i, a)
        .shift(i, j, by=a)
        .equation(ROOT, at={i: a * k, j: j * k})
        .out(j)
        .split(j, ZERO - 1, because="the places before 0, and the others")
        .ring(
            total(
                K[a] * W[a * k] * (total(wave, (j, 0, n - 1 - a)) + total(W[b * k] * X[b], (b, -a, -1))),
                CELLS,
            ),
            because="call the index of the first `b`",
        )
        .shift(b, b, by=-n, because="one period further on, put `b - n` for `b`")
        .equation(PERIOD, at={i: b * k, j: -k})
        .equation(CYCLIC, backwards=True, at={i: b - n})
        .ring(
            total(K[a] * W[a * k] * (total(wave, (j, 0, n - 1 - a)) + total(wave, (j, n - a, n - 1))), CELLS),
            because="call `b` `j` again",
        )
        .backwards(
            "split",
            total(K[a] * W[a * k] * total(wave, (j, 0, n - 1)), CELLS),
            k=j,
            at=n - 1 - a,
            because="the two together are one period",
        )
        .out(a)
        .qed(
            total(W[a * k] * K[a], CELLS) * total(wave, (j, 0, n - 1)),
            "fourier",
            parts=[_orthogonal(), _padded()],
            witness=[SIGNS, REPEATED],
        )
    )


def _orthogonal() -> Theorem:
    """Multiplied by W[m], the sum of a wave over a period stays as it is."""
    period, inner = (k, ZERO, n - 1), total(W[k * m], (k, 1, n - 1))
    return (
        Derivation(W[m] * total(W[k * m], period), sp.Ge(n, 1), ROOT, PERIOD)
        .into(k)
        .equation(ROOT, backwards=True, at={i: m, j: k * m})
        .shift(k, k, by=-1, because="put `k - 1` for `k`")
        .split(k, n - 1, because="the last term apart")
        .ring(inner + total(W[b * m], (b, n, n)), because="call its index `b`")
        .single(b)
        .equation(PERIOD, at={i: ZERO, j: m})
        .backwards("single", inner + total(W[b * m], (b, ZERO, ZERO)), k=b, because="a sum over one place")
        .ring(inner + total(W[k * m], (k, ZERO, ZERO)), because="call `b` `k`")
        .backwards("split", total(W[k * m], period), k=k, at=ZERO, because="the two together are one period")
        .qed(
            total(W[k * m], period),
            "fourier/orthogonal",
            "Multiplied by `W[m]`, the sum of a wave over a period stays as it is",
            about="So, numbers being a field, it is 0 where `W[m]` is not 1, and `n` where it is. This is why the "
            "transform can be undone: the sum over `k` of `W[-i k]` times the transform at `k`, divided by `n`, is the "
            "signal at `i`.",
            witness=[SIGNS],
        )
    )


PADDED = Equation(
    Z[i], X[i], (i,), (sp.Ge(i, 0), sp.Le(i, N - 1)), because="`Z` is `X` and zeros, up to `N` places", defines=False
)
ROUND = Equation(Z[i + N], Z[i], (i,), because="repeated with period `N`", defines=False)


def _padded() -> Theorem:
    """With n + h - 1 places nothing that goes round meets anything."""
    signal = Support(X, ((0, n - 1),), because="the signal has `n` cells")
    kernel = Support(K, ((None, h - 1),), because="the kernel has `h` cells")
    sizes = [sp.Ge(n, 1), sp.Ge(h, 0), sp.Ge(N, n + h - 1), sp.Ge(i, 0), sp.Le(i, N - 1)]
    seen = sp.Min(i, h - 1)
    linear = total(K[a] * X[i - a], (a, 0, h - 1))
    return (
        Derivation(total(K[a] * Z[i - a], (a, 0, N - 1)), *sizes, signal, kernel, PADDED, ROUND)
        .support(a, 0, h - 1, because="beyond its `h` cells the kernel is zero")
        .split(a, seen, because="what lies before place 0 is read from the end of the period")
        .ring(total(K[a] * Z[i - a], (a, 0, seen)) + total(K[b] * Z[i - b], (b, seen + 1, h - 1)), because="rename")
        .equation(ROUND, backwards=True, at={i: i - b})
        .equation(PADDED)
        .vanish(b, because="there are only zeros: `N - (h - 1) >= n`")
        .support(a, 0, h - 1, because="before place 0 the signal is zero")
        .qed(
            linear,
            "fourier/padded",
            "Linear is circular with enough zeros: `n + h - 1` places or more",
            witness=[
                Equation(X[m], V[m] * Iverson(sp.And(sp.Ge(m, 0), sp.Le(m, n - 1))), (m,)),
                Equation(Z[m], X[sp.Mod(m, N)], (m,)),
            ],
        )
    )


def chapter() -> list[Theorem]:
    """The theorems of this chapter, in reading order."""
    return [continuous(), fourier()]
