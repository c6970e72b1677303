r"""Layers on top of each other: two convolutions are one, for sizes always, for values unless padding is in between.

Main result: `stacks` (the size after two layers is the size after one, with the receptive field for its span; two
floors are one; three layers; which inputs both accept; where the field begins; the values of two linear layers, and
what is missing where zeros are padded between them).

As in `windows`, the theorems speak about the functions of `shapecheck.formulas` themselves.
Notation: n size, k1, p1, s1 span, TOTAL padding and stride of the first layer, k2, p2, s2 of the second, q1, q2 what is
padded in front. K, b1 kernel and bias of the first layer, L, b2 of the second, P the kernel of both.
References: Araujo et al., "Computing receptive fields of convolutional neural networks", Distill 2019.
"""

from __future__ import annotations

from dataclasses import replace

import sympy as sp

from derive.blackboard import Derivation, Equation, Iverson, Support, arrays, integers, reals, total
from derive.kernel import Theorem
from derive.terms import Term
from derive.theorems.windows import at_most, same
from shapecheck import formulas

n, k1, k2, p1, p2, s1, s2, t, x, a, c, m, i, j = integers("n k1 k2 p1 p2 s1 s2 t x a c m i j")
k3, p3, s3, q1, q2, o = integers("k3 p3 s3 q1 q2 o")
b1, b2 = reals("b1 b2")
K, L, P, X, Y, Z = arrays("K L P X Y Z")

STRIDES = sp.Ge(s1, 1), sp.Ge(s2, 1)


def _first() -> Term:
    return formulas.window_count(n, k1, p1, s1)


def _span() -> Term:
    return formulas.field_size(k1, s1, k2)


def stacks() -> Theorem:
    """The size after two layers is the size after one."""
    return replace(
        _two(),
        about="One layer with the span `k1 + (k2-1) s1`, the padding `p1 + p2 s1` and the stride `s1 s2`.",
        parts=(
            floors(),
            _three(),
            _accepted(),
            _start(),
            _values(),
            _values_with_bias(),
            _border(),
            _missing(),
            _sees_nothing(),
        ),
    )


def _two() -> Theorem:
    """The theorem `stacks` alone, for use as a lemma."""
    both = formulas.window_count(n, _span(), p1 + p2 * s1, s1 * s2)
    needed = t * s2 + k2 - p2 - s2
    return (
        Derivation(formulas.window_count(_first(), k2, p2, s2), *STRIDES)
        .indirect(
            t,
            both,
            lambda chain: (
                chain.galois()
                .arith(at_most(t * s2, _first() - k2 + p2 + s2), at_most(needed, _first()), because="one side")
                .galois()
                .arith(
                    at_most(needed * s1, n - k1 + p1 + s1),
                    at_most(t * s1 * s2, n - _span() + p1 + p2 * s1 + s1 * s2),
                    because="multiply out",
                )
                .backwards("galois", at_most(t, both), because="and back")
            ),
            because="two floors are one",
        )
        .qed(both, "stacks")
    )


def floors() -> Theorem:
    """Two floors, one inside the other, are one; a lemma for others too."""
    inner, both = sp.floor(x / s1), sp.floor((x + a * s1) / (s1 * s2))
    return (
        Derivation(sp.floor((inner + a) / s2), *STRIDES)
        .indirect(
            t,
            both,
            lambda chain: (
                chain.galois()
                .arith(at_most(t * s2, inner + a), at_most(t * s2 - a, inner), because="take `a` away")
                .galois()
                .arith(at_most((t * s2 - a) * s1, x), at_most(t * s1 * s2, x + a * s1), because="multiply out")
                .backwards("galois", at_most(t, both), because="and back")
            ),
        )
        .qed(both, "stacks/floors", "A floor inside a floor is one floor")
    )


def _three() -> Theorem:
    """Three layers are one, and so are more: the theorem once again."""
    two, span = _two(), formulas.field_size(_span(), s1 * s2, k3)
    all_three = formulas.window_count(n, span, p1 + p2 * s1 + p3 * s1 * s2, s1 * s2 * s3)
    as_one = {k1: _span(), p1: p1 + p2 * s1, s1: s1 * s2, k2: k3, p2: p3, s2: s3}
    return (
        Derivation(formulas.window_count(two.lhs, k3, p3, s3), *STRIDES, sp.Ge(s3, 1))
        .lemma(two, because="the first two are one")
        .lemma(two, at=as_one, because="and it and the third")
        .qed(
            all_three,
            "stacks/three",
            "Three layers are one, by the theorem applied twice",
            about="So on for more layers, two at a time: each adds `(k-1)` times the strides before it to the span.",
        )
    )


def _accepted() -> Theorem:
    """Two layers accept the inputs that the one accepts."""
    one = formulas.WINDOW_FITS.holds(n, k1, p1)
    other = formulas.WINDOW_FITS.holds(_first(), k2, p2)
    both = formulas.WINDOW_FITS.holds(n, _span(), p1 + p2 * s1)
    chain = (
        Derivation(sp.And(one, other), sp.Ge(s1, 1), sp.Le(p2, k2 - 1))
        .arith(other, at_most(k2 - p2, _first()), because="one side")
        .galois()
        .arith(at_most((k2 - p2) * s1, n - k1 + p1 + s1), both, because="multiply out")
    )
    return same(chain, both, because="as `k2-p2 >= 1` the second implies the first").qed(
        both, "stacks/accepted", "Both accept the same inputs where `p2 <= k2-1`"
    )


def _start() -> Theorem:
    """Which input the taps of both layers read, and where that begins."""
    start = formulas.field_start(formulas.field_start(0, 1, q1), s1, q2)
    read = start + s1 * s2 * j + (s1 * c + a)
    return (
        Derivation(s1 * (s2 * j + c - q2) + a - q1)
        .ring(read, because="multiply out")
        .qed(
            read,
            "stacks/start",
            "Two layers read from `-q1 - q2 s1` on, in steps of `s1 s2`",
            about="`q1` and `q2` are the cells padded in front. Output cell `j` reads by tap `c` of the second layer "
            "cell `s2 j + c - q2` of the first, and that one reads by tap `a` the input on the left.",
        )
    )


TAPS = (c, 0, k2 - 1), (a, 0, k1 - 1)


def _kernel() -> Equation:
    """The kernel of both layers: every way to reach an offset by a step of each."""
    delta = sp.KroneckerDelta(m, s1 * c + a)
    return Equation(P[m], total(L[c] * K[a] * delta, *TAPS), (m,), because="`P` is the kernel of both layers")


def _values() -> Theorem:
    """Two kernels, one after the other, are one."""
    offsets = (m, 0, _span() - 1)
    delta = sp.KroneckerDelta(m, s1 * c + a)
    read = X[s1 * s2 * j + s1 * c + a]
    at = X[s1 * s2 * j + m]
    kernel = _kernel()
    return (
        Derivation(
            total(L[c] * total(K[a] * X[s1 * (s2 * j + c) + a], TAPS[1]), TAPS[0]),
            sp.Ge(s1, 0),
            sp.Ge(k1, 0),
            sp.Ge(k2, 1),
            kernel,
        )
        .ring(total(L[c] * total(K[a] * read, TAPS[1]), TAPS[0]), because="multiply out inside")
        .into(a)
        .backwards(
            "delta", total(L[c] * K[a] * at * delta, *TAPS, offsets), k=m, because="call the offset `m = s1 c + a`"
        )
        .swap(a, m)
        .swap(c, m)
        .backwards(
            "into", total(at * total(L[c] * K[a] * delta, TAPS[1]), offsets, TAPS[0]), k=a, because="`a` is not in `X`"
        )
        .backwards("into", total(at * total(L[c] * K[a] * delta, *TAPS), offsets), k=c, because="nor is `c`")
        .equation(kernel, backwards=True, at={m: m})
        .qed(
            total(P[m] * at, offsets),
            "stacks/values",
            "Two kernels, one after the other with nothing padded between, are one",
        )
    )


def _values_with_bias() -> Theorem:
    """With biases: the second kernel sums up the first bias."""
    kernel = _kernel()
    layer = Equation(Y[i], b1 + total(K[a] * X[s1 * i + a], TAPS[1]), (i,), because="the first layer")
    inner = total(K[a] * X[s1 * (s2 * j + c) + a], TAPS[1])
    values = total(L[c] * inner, TAPS[0])
    last = b2 + b1 * total(L[c], TAPS[0]) + total(P[m] * X[s1 * s2 * j + m], (m, 0, _span() - 1))
    return (
        Derivation(b2 + total(L[c] * Y[s2 * j + c], TAPS[0]), sp.Ge(s1, 0), sp.Ge(k1, 0), sp.Ge(k2, 1), kernel, layer)
        .equation(layer)
        .ring(b2 + total(b1 * L[c] + L[c] * inner, TAPS[0]))
        .linear(c)
        .backwards("into", b2 + b1 * total(L[c], TAPS[0]) + values, k=c, because="the bias is the same for all `c`")
        .lemma(_values(), because="two kernels are one")
        .qed(
            last,
            "stacks/bias",
            "Two linear layers with biases are one, with the bias `b2 + b1` times the sum of `L`",
            about="`Y` is taken as the first layer gives it, at every place that the second one reads: where the "
            "second layer pads, it reads zeros instead. What is missing then is below.",
        )
    )


# Padding between the two ------------------------------------------------------------------------------------------

PLACE = s2 * j + c - q2  # what tap c of output j reads of the first layer's values


def inside(place: Term) -> Term:
    """The bracket of the places that the first layer has values at."""
    return Iverson(sp.And(sp.Le(0, place), sp.Le(place, o - 1)))


def outside(place: Term) -> Term:
    """The bracket of the others."""
    return Iverson(sp.Or(sp.Le(place, -1), sp.Ge(place, o)))


def _border() -> Theorem:
    """What zeros padded between leave out of the one layer."""
    padded = Equation(
        Z[i], inside(i) * Y[i], (i,), because="zeros are padded, whatever the first layer would have there"
    )
    parted = L[c] * inside(PLACE) * Y[PLACE] + L[c] * outside(PLACE) * Y[PLACE]
    two, missing = total(L[c] * Z[PLACE], TAPS[0]), total(L[c] * outside(PLACE) * Y[PLACE], TAPS[0])
    one = total(L[c] * Y[PLACE], TAPS[0])
    return (
        Derivation(two + missing, sp.Ge(k2, 0), padded)
        .equation(padded)
        .backwards("linear", total(parted, TAPS[0]), k=c, because="the sum of the sums is the sum")
        .arith(inside(PLACE), 1 - outside(PLACE), because="a place is inside or outside")
        .ring(one)
        .qed(
            one,
            "stacks/border",
            "With zeros padded between, the two layers miss what the first would have outside",
            about="`Y` is the first layer, with its bias, as if its input went on with zeros, `o` the number of its "
            "values; `Z` is what the second layer reads. On the right stands the one layer.",
        )
    )


def _missing() -> Theorem:
    """What one tap misses."""
    read = sp.Eq(i, s2 * j + m - q2)
    away = sp.Or(sp.Le(i, -1), sp.Ge(i, o))
    last = s2 * j + m - q2
    return (
        Derivation(
            total(sp.KroneckerDelta(c, m) * outside(PLACE) * Y[PLACE], TAPS[0]),
            sp.Ge(m, 0),
            sp.Le(m, k2 - 1),
            read,
            away,
        )
        .delta(c)
        .arith(outside(last), sp.Integer(1), because="`i` is outside")
        .arith(Y[last], Y[i], because="that is `i`")
        .qed(
            Y[i],
            "stacks/missing",
            "A second kernel of one tap that reads outside misses just the first layer's value there",
            about="So the two layers are the one for every second kernel exactly where `Y[i] = 0` at each place `i` "
            "outside that is read; by the theorem before, that is enough, and by this one it is needed. For every "
            "first kernel and input it is so exactly where no such place is read, as without padding between, or where "
            "none of them sees a cell of the input and `b1 = 0`.",
        )
    )


def _sees_nothing() -> Theorem:
    """Where nothing is missing."""
    seen = total(K[a] * X[s1 * PLACE + a - q1], TAPS[1])
    return (
        Derivation(
            total(L[c] * outside(PLACE) * seen, TAPS[0]),
            sp.Ge(s1, 0),
            sp.Ge(k1, 0),
            sp.Ge(k2, 0),
            sp.Le(k1, s1 + q1),
            sp.Le(n + q1, s1 * o),
            Support(X, ((0, n - 1),), because="zeros are padded"),
        )
        .vanish(c, because="`s1 i + a - q1` is below 0 for `i <= -1`, and not below `n` for `i >= o`")
        .qed(
            sp.Integer(0),
            "stacks/full",
            "Without a bias nothing is missing where `k1 <= s1 + q1` and `n + q1 <= s1 o`",
            about="In front, the window before the first sees no input, and behind, the one after the last. So it is "
            "with full padding, `q1 = k1 - 1` on both sides at stride 1: then the two layers are one also with "
            "padding between.",
        )
    )


def chapter() -> list[Theorem]:
    """The theorems of this chapter, in reading order."""
    return [stacks()]
