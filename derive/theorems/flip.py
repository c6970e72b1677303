r"""The flip: convolution is cross-correlation with the kernel turned round, on any number of axes.

Main results: `flip-1d`, `flip-2d` (with its consequences: point-symmetric kernels, learnt kernels, channels, and the
lectures' empty sum with its two repairs), `flip-3d`, `flip-nd` (the induction on the axes, and the proof written out
up to six axes).

Notation: kernel K of h cells (h, w and d cells; h1, h2, ... in general), input X, output places i, j, ...; a, b are
positions in the kernel as the convolution reads it, c, e as the correlation does. F is the flipped kernel.
References: Zhang et al., Dive into Deep Learning, 7.1.3 and 7.2.
"""

from __future__ import annotations

import sympy as sp

from derive.blackboard import Derivation, Equation, Support, arrays, integers, named, total
from derive.kernel import Theorem
from derive.terms import Term

i, j, k, a, b, c, e, f, g, h, w, d, o = integers("i j k a b c e f g h w d o")
K, X, F, P, S, T, Y = arrays("K X F P S T Y")

AXES = range(1, 7)  # for so many axes the proof is written out


def flip(sizes: list[Term], places: list[Term], reads: list[Term], turned: list[Term]) -> Theorem:
    """The flip on some axes: on each, read the kernel from its other end."""
    ranges = [(x, sp.Integer(0), size - 1) for x, size in zip(reads, sizes, strict=True)]
    body = K[tuple(reads)] * X[tuple(place - x for place, x in zip(places, reads, strict=True))]
    chain = Derivation(total(body, *ranges), *(sp.Ge(size, 0) for size in sizes))
    for x, y, size in zip(reads, turned, sizes, strict=True):
        chain = chain.reflect(x, y, about=size - 1)
    flipped = [size - 1 - y for size, y in zip(sizes, turned, strict=True)]
    moved = [place - (size - 1) + y for place, size, y in zip(places, sizes, turned, strict=True)]
    last = total(K[tuple(flipped)] * X[tuple(moved)], *((y, 0, s - 1) for y, s in zip(turned, sizes, strict=True)))
    count = len(sizes)
    return chain.qed(last, f"flip-{count}d", f"A convolution is a correlation with the flipped kernel, {count} axes")


def flip_1d() -> Theorem:
    """One axis, as text and time series have."""
    return named(flip([h], [i], [a], [c]), "flip-1d", parts=[_learnt()])


def _learnt() -> Theorem:
    """Training one kernel by convolution and its flip by correlation is the same descent."""
    flipped = Equation(F[c], K[h - 1 - c], (c,), because="`F` is `K` from its other end")
    outputs = (i, 0, k - 1)
    return (
        Derivation(
            total((Y[i] - total(K[a] * X[i - a], (a, 0, h - 1))) ** 2, outputs), sp.Ge(h, 0), sp.Ge(k, 0), flipped
        )
        .reflect(a, c, about=h - 1)
        .equation(flipped, backwards=True)
        .qed(
            total((Y[i] - total(F[c] * X[i - (h - 1) + c], (c, 0, h - 1))) ** 2, outputs),
            "flip-1d/learnt",
            "A learnt kernel is the flipped one",
            about="Convolution with `K` and correlation with `F` have the same loss, for every `K`: what a layer can "
            "represent, and what it learns, differ by the flip only.",
        )
    )


def flip_2d() -> Theorem:
    """Two axes, with what follows."""
    parts = [_same_output(), _point_symmetric(), _channels(), _empty(), _repair_range(), _repair_index(), _between()]
    return named(flip([h, w], [i, j], [a, b], [c, e]), "flip-2d", parts=parts)


BOTH = (a, 0, h - 1), (b, 0, w - 1)
TURNED = (c, 0, h - 1), (e, 0, w - 1)


def _same_output() -> Theorem:
    """Correlation with a kernel is convolution with the flipped one, read h - 1 and w - 1 further on."""
    flipped = Equation(F[a, b], K[h - 1 - a, w - 1 - b], (a, b), because="`F` is `K` turned by half a turn")
    return (
        Derivation(total(K[c, e] * X[i + c, j + e], *TURNED), sp.Ge(h, 0), sp.Ge(w, 0), flipped)
        .reflect(c, a, about=h - 1)
        .reflect(e, b, about=w - 1)
        .equation(flipped, backwards=True)
        .qed(
            total(F[a, b] * X[i + (h - 1) - a, j + (w - 1) - b], *BOTH),
            "flip-2d/flipped-kernel",
            "Correlation with `K` is convolution with the flipped `K`",
        )
    )


def _point_symmetric() -> Theorem:
    """A kernel that half a turn leaves as it is gives the same either way; K = K^T is not enough."""
    guard = (sp.Ge(a, 0), sp.Le(a, h - 1), sp.Ge(b, 0), sp.Le(b, w - 1))
    symmetric = Equation(
        K[a, b], K[h - 1 - a, w - 1 - b], (a, b), guard, because="half a turn leaves `K` as it is", defines=False
    )
    return (
        Derivation(total(K[a, b] * X[i - a, j - b], *BOTH), sp.Ge(h, 0), sp.Ge(w, 0), symmetric)
        .equation(symmetric)
        .reflect(a, c, about=h - 1)
        .reflect(b, e, about=w - 1)
        .qed(
            total(K[c, e] * X[i - (h - 1) + c, j - (w - 1) + e], *TURNED),
            "flip-2d/point-symmetric",
            "For a point-symmetric kernel convolution is correlation",
            about="Point symmetry is `K[h-1-a, w-1-b] = K[a, b]`; `K = K^T` is another thing.",
            witness=[Equation(K[a, b], P[a, b] + P[h - 1 - a, w - 1 - b], (a, b))],
        )
    )


def _channels() -> Theorem:
    """Channels are summed beside the flip, which leaves them where they are."""
    return (
        Derivation(
            total(K[o, f, a, b] * X[f, i - a, j - b], (f, 0, g - 1), *BOTH), sp.Ge(g, 0), sp.Ge(h, 0), sp.Ge(w, 0)
        )
        .reflect(a, c, about=h - 1)
        .reflect(b, e, about=w - 1)
        .qed(
            total(K[o, f, h - 1 - c, w - 1 - e] * X[f, i - (h - 1) + c, j - (w - 1) + e], (f, 0, g - 1), *TURNED),
            "flip-2d/channels",
            "The flip turns each channel's kernel, and mixes no channels",
        )
    )


FROM_ONE = (a, 1, h), (b, 1, w)


def _empty() -> Theorem:
    """With a kernel on 1..h, 1..w the sum of K[-a, -b] over 1..h, 1..w reads no cell of it."""
    rows = Support(K, ((0, None), (None, None)), because="the kernel has no cells in negative rows")
    return (
        Derivation(total(K[-a, -b] * X[i + a, j + b], *FROM_ONE), sp.Ge(h, 0), sp.Ge(w, 0), rows)
        .vanish(a, because="`a >= 1`, so `-a` is negative")
        .qed(
            sp.Integer(0),
            "flip-2d/empty-sum",
            "As the lectures write it, the convolution is zero",
            about="Written with `K[-a, -b]` and `a`, `b` from 1, every term reads outside a kernel on `1..h`, `1..w` "
            "(and outside one on `0..h-1` and `0..w-1`).",
        )
    )


def _repair_range() -> Theorem:
    """The first repair: let a and b run over the negative numbers."""
    return (
        Derivation(
            total(K[-c, -e] * X[i + c, j + e], (c, -h, sp.Integer(-1)), (e, -w, sp.Integer(-1))),
            sp.Ge(h, 0),
            sp.Ge(w, 0),
        )
        .reflect(c, a, about=sp.Integer(0))
        .reflect(e, b, about=sp.Integer(0))
        .qed(
            total(K[a, b] * X[i - a, j - b], *FROM_ONE),
            "flip-2d/repair-range",
            "First repair: over `-h..-1` and `-w..-1` it is the convolution",
        )
    )


def _repair_index() -> Theorem:
    """The second repair: read the kernel at h + 1 - a, w + 1 - b."""
    return (
        Derivation(total(K[h + 1 - c, w + 1 - e] * X[i + c, j + e], (c, 1, h), (e, 1, w)), sp.Ge(h, 0), sp.Ge(w, 0))
        .reflect(c, a, about=h + 1)
        .reflect(e, b, about=w + 1)
        .qed(
            total(K[a, b] * X[i + (h + 1) - a, j + (w + 1) - b], *FROM_ONE),
            "flip-2d/repair-index",
            "Second repair: `K[h+1-a, w+1-b]` gives the convolution, read `h + 1` and `w + 1` further on",
        )
    )


def _between() -> Theorem:
    """The two repairs differ by a shift of h + 1 and w + 1."""
    first = Equation(
        Y[i, j],
        total(K[-c, -e] * X[i + c, j + e], (c, -h, sp.Integer(-1)), (e, -w, sp.Integer(-1))),
        (i, j),
        because="`Y` is the first repair",
    )
    return (
        Derivation(total(K[h + 1 - a, w + 1 - b] * X[i + a, j + b], *FROM_ONE), sp.Ge(h, 0), sp.Ge(w, 0), first)
        .shift(a, c, by=h + 1)
        .shift(b, e, by=w + 1)
        .equation(first, backwards=True, at={i: i + h + 1, j: j + w + 1})
        .qed(
            Y[i + h + 1, j + w + 1],
            "flip-2d/between",
            "The second repair is the first, shifted by `h + 1` and `w + 1`",
        )
    )


def flip_3d() -> Theorem:
    """Three axes, as video and volumes have."""
    return named(flip([d, h, w], [i, j, k], [a, b, o], [c, e, f]), "flip-3d")


INDUCTION = (
    "Induction on the number of axes. `S[a, b]` stands for the convolution, on the other axes, of slice `a` of the "
    "kernel with slice `b` of the input, `T[a, b]` for their correlation with the kernel flipped on those axes. That "
    "`S = T` for all slices is the theorem for one axis less; one axis begins. The step is the proof above, in which "
    f"`S` and `T` may be any arrays. The same proof, written out up to {AXES[-1]} axes, follows."
)


def _letters(count: int) -> list[list[Term]]:
    """Sizes h1, h2, ..., places i1, ..., and the indices a1, ... and c1, ... of so many axes."""
    return [list(integers(" ".join(f"{letter}{axis}" for axis in range(1, count + 1)))) for letter in "hiac"]


def flip_nd() -> Theorem:
    """Any number of axes, by induction: one more axis is one more flip."""
    before = Equation(
        S[a, b],
        T[a, b],
        (a, b),
        because="on the other axes the flip is already shown, for every slice",
        defines=False,
    )
    written = [named(flip(*_letters(count)), f"flip-nd/{count}", f"Axes written out: {count}") for count in AXES]
    return (
        Derivation(total(S[a, i - a], (a, 0, h - 1)), sp.Ge(h, 0), before)
        .equation(before)
        .reflect(a, c, about=h - 1)
        .qed(
            total(T[h - 1 - c, i - (h - 1) + c], (c, 0, h - 1)),
            "flip-nd",
            about=INDUCTION,
            parts=written,
        )
    )


def chapter() -> list[Theorem]:
    """The theorems of this chapter, in reading order."""
    return [flip_1d(), flip_2d(), flip_3d(), flip_nd()]
