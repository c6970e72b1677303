r"""Which sizes a network takes: a period more of input is a period more of output, for every chain of layers.

Main result: `quasi-linear`. A size function f is quasi-linear with period S and growth T if f(n + S t) = f(n) + T t for
all integers n and t: so on every residue class mod S, f(r + S t) = f(r) + T t. Every layer whose output size is a count
of windows, a transposed convolution or whole upsampling is such a function, and a chain of them is one, with the
product of the periods and the product of the growths (by induction over the layers). From that follows what "the
network fits" is, as a set of sizes: bounds hold from some size on and are known once they hold for a period;
divisibility and equal sizes repeat with a period, or are decided; one size asked for leaves fewer than S neighbours.
`breaks` shows that a float scale_factor is no such function.

As in `windows`, the theorems about layers speak about the functions of `shapecheck.formulas` themselves.
Notation: n size, t any integer, S period, T growth, l and m layers; L[l, n] the output size of layer l for the input
size n, whatever the layer; F[l, n] the size behind layer l of the network; A and C the products of the periods and the
growths; k, p, s span, TOTAL padding and stride, K, P, S of layer l; c a bound, b a size.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import sympy as sp

from derive.blackboard import Derivation, Equation, Range, integers, sizes
from derive.kernel import Theorem
from derive.terms import Term
from derive.theorems.pooling import ceil_count
from derive.theorems.windows import STRIDE, at_most, same
from shapecheck import formulas

n, m, l, t, u, v, x, y, z, a, b, c, d = integers("n m l t u v x y z a b c d")  # noqa: E741
k, p, q, s, e, op = integers("k p q s e op")
S1, S2, T1, T2 = integers("S1 S2 T1 T2")
A, C, D, E, F, G, H, K, L, P, S, T, X, Y = sizes("A C D E F G H K L P S T X Y")

LATER = (sp.Ge(l, 0),)
LAYERS = Range(sp.Ge(m, 0))
STRIDES = Range(sp.Ge(S[l], 1), over=(l,))


# One layer --------------------------------------------------------------------------------------------------------


def window() -> Theorem:
    """A stride more of input is a window more."""
    count, more = formulas.window_count(n, k, p, s), formulas.window_count(n + s * t, k, p, s)

    def counted(chain: Derivation) -> Derivation:
        return (
            chain.galois()
            .arith(
                at_most(u * s, n + s * t - k + p + s), at_most((u - t) * s, n - k + p + s), because="take `t s` away"
            )
            .backwards("galois", at_most(u - t, count), because="and back")
            .arith(at_most(u - t, count), at_most(u, count + t), because="add `t`")
        )

    return (
        Derivation(more, STRIDE)
        .indirect(u, count + t, counted, because="whole strides come out of the floor")
        .qed(count + t, "quasi-linear/window", "Convolutions and pools: a stride more of input is a window more")
    )


def ceil_mode() -> Theorem:
    """In ceil mode too."""
    more = ceil_count(n + s * t)
    return same(
        Derivation(more, STRIDE), ceil_count(n) + t, because="whole strides come out of each of the floors"
    ).qed(ceil_count(n) + t, "quasi-linear/ceil-mode", "Pools in ceil mode: a stride more of input is a window more")


def transposed() -> Theorem:
    """A cell more of input is a stride more of output."""
    more = formulas.transposed_size(n + t, e, p, s, op)
    last = formulas.transposed_size(n, e, p, s, op) + s * t
    return (
        Derivation(more)
        .ring(last, because="multiply out")
        .qed(
            last, "quasi-linear/transposed", "Transposed convolutions: a cell more of input is a stride more of output"
        )
    )


def upsampling() -> Theorem:
    """Upsampling by a fraction, and by whole numbers."""
    size, more = formulas.dyadic_size(n, a, b), formulas.dyadic_size(n + b * t, a, b)
    return (
        Derivation(more, sp.Ge(b, 1))
        .arith(more, size + a * t, because="`a b t / b` is an integer")
        .qed(
            size + a * t,
            "quasi-linear/upsampling",
            "Upsampling by `a/b`: `b` cells more of input are `a` more of output",
            about="With `b = 1` upsampling by a whole number, and a pixel shuffle, with `S = 1`. Only where the "
            "fraction is exact in binary is this what torch computes: with a factor of 0.7 the 10 cells behind "
            "80 are 6 more.",
        )
    )


def rising() -> list[Theorem]:
    """The other layers are monotone as convolutions are: a larger input never has a smaller output."""
    layers: list[tuple[str, str, Callable[[Term], Term], list[Term]]] = [
        (
            "transposed",
            "Transposed convolutions",
            lambda size: formulas.transposed_size(size, e, p, s, op),
            [sp.Ge(s, 0)],
        ),
        ("upsampling", "Upsampling", lambda size: formulas.dyadic_size(size, a, b), [sp.Ge(a, 0), sp.Ge(b, 1)]),
    ]
    title = "{}: a larger input never has a smaller output"
    theorems = [
        Derivation(sp.Le(x, y), *given)
        .entails(at_most(size(x), size(y)), because="a larger number has no smaller multiple, nor a smaller floor")
        .qed(at_most(size(x), size(y)), f"quasi-linear/{name}-monotone", title.format(layer))
        for name, layer, size, given in layers
    ]
    (one, other), (more, larger) = (ceil_count(size).args for size in (x, y))
    first, last = sp.And(at_most(one, more), at_most(other, larger)), at_most(ceil_count(x), ceil_count(y))
    ceil = (
        Derivation(sp.Le(x, y), STRIDE)
        .entails(first, because="neither floor is smaller")
        .entails(last, because="nor is the smaller of them")
    )
    return [ceil.qed(last, "quasi-linear/ceil-mode-monotone", title.format("Pools in ceil mode")), *theorems]


# Chains -----------------------------------------------------------------------------------------------------------

ANY_LAYER = Equation(
    L[l, x + t * S[l]], L[l, x] + t * T[l], (l, x, t), because="layer `l` is quasi-linear", defines=False
)
NETWORK = Equation(F[l + 1, x], L[l + 1, F[l, x]], (l, x), LATER, because="one layer behind the other")
INPUT = Equation(F[0, x], x, (x,), because="the input", defines=False)
PERIOD = Equation(A[l + 1], A[l] * S[l + 1], (l,), LATER, because="the product of the periods")
GROWTH = Equation(C[l + 1], C[l] * T[l + 1], (l,), LATER, because="the product of the growths")
ONE = Equation(A[0], sp.Integer(1), because="the empty product", defines=False)
ONE_TOO = Equation(C[0], sp.Integer(1), because="the empty product", defines=False)

FILLED = (  # layers that are quasi-linear, and are arbitrary on each residue class
    Equation(S[l], 1 + D[l] ** 2, (l,)),
    Equation(L[l, x], T[l] * sp.floor(x / S[l]) + E[l, sp.Mod(x, S[l])], (l, x)),
)


def quasi_linear() -> Theorem:
    """A chain of quasi-linear layers is quasi-linear, and what that says of the sizes a network takes."""
    layers = window(), ceil_mode(), transposed(), upsampling()
    larger = *rising(), monotone()
    sets = upward(), known(), divisible(), difference(), neighbours(), between()
    return replace(chain(), parts=(*layers, two(), windows(), *larger, *sets))


def chain() -> Theorem:
    """A chain of quasi-linear layers is quasi-linear."""
    last = F[m, n] + t * C[m]

    def step(line: Derivation, claim: Equation) -> Derivation:
        inner = F[m, n]
        return (
            line.equation(NETWORK, at={l: m, x: n + t * A[m + 1]})
            .equation(PERIOD)
            .equation(claim, at={n: n, t: t * S[m + 1]})
            .equation(ANY_LAYER, at={l: m + 1, x: inner, t: t * C[m]})
            .fold(F[m + 1, n] + t * C[m] * T[m + 1], [NETWORK], at={l: m, x: n})
            .fold(F[m + 1, n] + t * C[m + 1], [GROWTH])
        )

    return (
        Derivation(F[m, n + t * A[m]], LAYERS, ANY_LAYER, NETWORK, INPUT, PERIOD, GROWTH, ONE, ONE_TOO)
        .induction(
            m, last, lambda line: line.unfold([ONE, INPUT]).fold(F[0, n] + t * C[0], [INPUT, ONE_TOO]), step, (n, t)
        )
        .qed(
            last,
            "quasi-linear",
            about="For every chain of `m` layers and all integers `n` and `t`. With `S` for `A[m]`, `T` for `C[m]` "
            "and the remainder `r` of `n` by `S`: on every residue class, `f(r + S t) = f(r) + T t`.",
            witness=FILLED,
        )
    )


def two() -> Theorem:
    """Two quasi-linear functions, one after the other."""
    given = [
        Equation(X[x + t * S1], X[x] + t * T1, (x, t), because="the first function", defines=False),
        Equation(Y[x + t * S2], Y[x] + t * T2, (x, t), because="the second function", defines=False),
    ]
    last = Y[X[n]] + t * T1 * T2
    return (
        Derivation(Y[X[n + t * S1 * S2]], *given)
        .equation(given[0], at={x: n, t: t * S2})
        .equation(given[1], at={x: X[n], t: t * T1})
        .qed(
            last,
            "quasi-linear/two",
            "Two functions: the periods multiply, and the growths",
            witness=[Equation(X[x], x * T1 + G[0], (x,)), Equation(Y[x], x * T2 + G[1], (x,))],
        )
    )


def windows() -> Theorem:
    """A chain of convolutions and pools: the product of the strides more of input is a window more."""
    size = Equation(
        F[l + 1, x],
        formulas.window_count(F[l, x], K[l + 1], P[l + 1], S[l + 1]),
        (l, x),
        LATER,
        because="each layer counts its windows",
    )
    last = F[m, n] + t

    def step(line: Derivation, claim: Equation) -> Derivation:
        values = {n: F[m, n], k: K[m + 1], p: P[m + 1], s: S[m + 1]}
        return (
            line.equation(size, at={l: m, x: n + t * A[m + 1]})
            .equation(PERIOD)
            .equation(claim, at={n: n, t: t * S[m + 1]})
            .lemma(window(), at=values)
            .fold(F[m + 1, n] + t, [size], at={l: m, x: n})
        )

    return (
        Derivation(F[m, n + t * A[m]], LAYERS, STRIDES, size, INPUT, PERIOD, ONE)
        .induction(m, last, lambda line: line.unfold([ONE, INPUT]).fold(F[0, n] + t, [INPUT]), step, (n, t))
        .qed(
            last,
            "quasi-linear/windows",
            "Convolutions and pools behind each other: the product of the strides more of input is a window more",
        )
    )


# What follows for sets of sizes -----------------------------------------------------------------------------------


def monotone() -> Theorem:
    """A chain of monotone layers is monotone: it takes the larger of two sizes to the larger."""
    each = Equation(
        L[l, sp.Max(x, y)],
        sp.Max(L[l, x], L[l, y]),
        (l, x, y),
        because="layer `l` is monotone: the larger of two sizes has the larger output",
        defines=False,
    )
    last = sp.Max(F[m, x], F[m, y])

    def step(line: Derivation, claim: Equation) -> Derivation:
        return (
            line.equation(NETWORK, at={l: m, x: sp.Max(x, y)})
            .equation(claim, at={x: x, y: y})
            .equation(each, at={l: m + 1, x: F[m, x], y: F[m, y]})
            .fold(sp.Max(F[m + 1, x], L[m + 1, F[m, y]]), [NETWORK], at={l: m, x: x})
            .fold(sp.Max(F[m + 1, x], F[m + 1, y]), [NETWORK], at={l: m, x: y})
        )

    def begin(line: Derivation) -> Derivation:
        return (
            line.equation(INPUT, at={x: sp.Max(x, y)})
            .fold(sp.Max(F[0, x], y), [INPUT], at={x: x})
            .fold(sp.Max(F[0, x], F[0, y]), [INPUT], at={x: y})
        )

    return (
        Derivation(F[m, sp.Max(x, y)], LAYERS, each, NETWORK, INPUT)
        .induction(m, last, begin, step, (x, y))
        .qed(
            last,
            "quasi-linear/monotone",
            "A chain of monotone layers is monotone",
            about="Written so: the larger of two sizes has the larger output.",
            witness=[Equation(L[l, x], D[l] ** 2 * sp.floor(x / (1 + E[l] ** 2)) + G[l], (l, x))],
        )
    )


LINEAR = Equation(X[x + t * v], X[x] + t * u, (x, t), because="with period `v` and growth `u`", defines=False)
RISING = Equation(X[sp.Max(x, y)], sp.Max(X[x], X[y]), (x, y), because="monotone", defines=False)
STEPS = Equation(X[x], D[0] ** 2 * sp.floor(x / (1 + E[0] ** 2)) + G[0], (x,))  # a monotone function
STAIRS = Equation(X[x], sp.floor(u * x / sp.Max(v, 1)) + G[0], (x,))  # a quasi-linear one


def upward() -> Theorem:
    """A bound that a monotone function meets at one size it meets at each larger size."""
    line = (
        Derivation(sp.Le(c, X[n]), sp.Le(b, n), sp.Le(c, X[b]), RISING)
        .arith(X[n], X[sp.Max(b, n)], because="`n` is the larger")
        .equation(RISING, at={x: b, y: n})
    )
    return same(line, sp.true, because="the larger is at least `X[b]`").qed(
        sp.true,
        "quasi-linear/upward",
        "Monotone: a bound that is met at one size is met at each larger size",
        about="So what a window demands, `k <= f(n) + p`, holds from some size on and for none below; or for all "
        "sizes, or for none.",
        witness=[STEPS],
    )


def known() -> Theorem:
    """A bound that holds for a period of sizes holds from there on."""
    period = Range(
        sp.Or(sp.Lt(x, b), sp.Gt(x, b + v - 1), sp.Le(c, X[x])), over=(x,), because="it holds for `v` sizes from `b` on"
    )
    first, times = b + sp.Mod(n - b, v), sp.floor((n - b) / v)
    line = (
        Derivation(sp.Le(c, X[n]), sp.Ge(v, 1), sp.Ge(u, 0), sp.Ge(n, b), LINEAR, period)
        .arith(X[n], X[first + times * v], because="`n` is some periods behind one of them")
        .equation(LINEAR, at={x: first, t: times})
    )
    return same(line, sp.true, because="it holds there, and the growth is not negative").qed(
        sp.true,
        "quasi-linear/known",
        "A bound that holds for one period of sizes holds from there on",
        about="However it was found there, by trying it out for example: beyond is no need to try.",
        witness=[Equation(X[x], u * sp.floor(x / v) + E[sp.Mod(x, v)], (x,))],
    )


def divisible() -> Theorem:
    """Remainders of the size repeat."""
    return (
        Derivation(sp.Mod(X[n + t * v * d], d), sp.Ge(d, 1), LINEAR)
        .equation(LINEAR, at={x: n, t: t * d}, because="the growth is a multiple of `d`")
        .qed(
            sp.Mod(X[n], d),
            "quasi-linear/divisible",
            "The remainder by `d` repeats after `d` periods",
            about="So a pixel unshuffle by `d` takes the sizes of some residue classes, and all of each class.",
            witness=[Equation(X[x], x * u + G[0], (x,))],
        )
    )


def difference() -> Theorem:
    """The sizes of two branches drift apart evenly, or keep their distance."""
    other = Equation(Y[x + t * v], Y[x] + t * q, (x, t), because="with the same period and growth `q`", defines=False)
    last = X[n] - Y[n] + t * (u - q)
    return (
        Derivation(X[n + t * v] - Y[n + t * v], LINEAR, other)
        .equation(LINEAR, at={x: n, t: t})
        .equation(other, at={x: n, t: t})
        .ring(last)
        .qed(
            last,
            "quasi-linear/difference",
            "Two branches of one input: a period more of input is `u - q` more of difference",
            about="Where they must agree: if the growths are equal, they agree on whole residue classes; if not, at "
            "one size of each class at most.",
            witness=[Equation(X[x], x * u + G[0], (x,)), Equation(Y[x], x * q + G[1], (x,))],
        )
    )


def neighbours() -> Theorem:
    """A size asked for comes from sizes less than a period apart."""
    line = (
        Derivation(sp.Le(X[b] + u, X[n]), sp.Le(b + v, n), LINEAR, RISING)
        .arith(X[n], X[sp.Max(b + v, n)], because="`n` is the larger")
        .equation(RISING, at={x: b + v, y: n})
        .equation(LINEAR, at={x: b, t: sp.Integer(1)})
    )
    return same(line, sp.true, because="the larger is at least the first").qed(
        sp.true,
        "quasi-linear/neighbours",
        "Monotone: a period or more behind a size the output has grown by `u` at least",
        about="So where `u >= 1` a fixed Linear, which takes one size, leaves sizes less than a period apart.",
        witness=[STAIRS],
    )


def between() -> Theorem:
    """A size between two of the same output has that output."""
    line = (
        Derivation(sp.Eq(X[n], X[b]), sp.Le(b, n), sp.Le(n, a), sp.Eq(X[a], X[b]), RISING)
        .arith(sp.Eq(X[n], X[b]), sp.And(sp.Le(X[b], X[n]), sp.Le(X[n], X[a])), because="`X[a]` is `X[b]`")
        .arith(X[a], X[sp.Max(n, a)], because="`a` is the larger")
        .equation(RISING, at={x: n, y: a})
        .arith(X[n], X[sp.Max(b, n)], because="`n` is the larger")
        .equation(RISING, at={x: b, y: n})
    )
    return same(line, sp.true, because="it is at least `X[b]`, and with `X[a]` the larger is `X[a]`").qed(
        sp.true, "quasi-linear/between", "Monotone: the sizes of one output are an interval", witness=[STEPS]
    )


# What is no such function -----------------------------------------------------------------------------------------


def breaks(scale: float, period: int, growth: int, sizes: range) -> Iterator[int]:
    """The sizes at which a float scale_factor does not give `growth` cells more for a period more of input.

    >>> next(breaks(0.7, 10, 7, range(1, 1000)))
    80
    >>> list(breaks(1.5, 2, 3, range(1, 1000)))
    []
    """
    for size in sizes:
        if formulas.scaled_size(size + period, scale) != formulas.scaled_size(size, scale) + growth:
            yield size


def chapter() -> list[Theorem]:
    """The theorems of this chapter, in reading order."""
    return [quasi_linear()]
