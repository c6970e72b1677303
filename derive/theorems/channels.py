r"""Channels: the convolution layer as torch has it, groups as blocks, and the 1 x 1 convolution.

Main results: `channels` (the road from the fully connected layer, with channels in and out; as its parts groups and
depthwise convolutions as block structure, and their weights counted) and `pointwise-conv` (a 1 x 1 convolution is a
linear layer at each pixel; one matrix product for all of them).

Notation: pictures X of m channels f and n1 x n2 cells (k, l); outputs H of channels o at (i, j); weights
W[o,i,j,f,k,l] from (f, k, l) to (o, i, j), V the same by offset (a, b), v[o,f,a,b] the shared ones, output channel
first as torch stores them; biases U and u. With g groups of p channels in and q out: group t has the
input channels p t + c and the output channels q t + r. K is a kernel of h x w cells.
References: Zhang et al., Dive into Deep Learning, 7.4; torch.nn.Conv2d on `groups`.
"""

from __future__ import annotations

import sympy as sp

from derive.blackboard import Derivation, Equation, Iverson, Support, arrays, integers, total
from derive.kernel import Theorem
from derive.terms import substitute

i, j, k, l, a, b, c, e, f, o, r, t = integers("i j k l a b c e f o r t")  # noqa: E741
n1, n2, m, g, p, q, h, w, Delta = integers("n1 n2 m g p q h w Delta")
W, V, v, U, u, H, X, K, G, A, D, Z = arrays("W V v U u H X K G A D Z")

ZERO, ONE = sp.Integer(0), sp.Integer(1)
EVERY = (None, None)
BOX = (a, -Delta, Delta), (b, -Delta, Delta)
CELLS = (a, 0, h - 1), (b, 0, w - 1)

LAYER = Equation(
    H[o, i, j],
    U[o, i, j] + total(W[o, i, j, f, k, l] * X[f, k, l], (f, 0, m - 1), (k, 0, n1 - 1), (l, 0, n2 - 1)),
    (o, i, j),
    because="a fully connected layer from pictures to pictures, all channels with all",
)
BY_OFFSET = Equation(
    V[o, i, j, f, a, b],
    W[o, i, j, f, i + a, j + b],
    (o, i, j, f, a, b),
    because="`V` holds the weights of `W` by offset",
)
SHARED = Equation(
    V[o, i, j, f, a, b],
    v[o, f, a, b],
    (o, i, j, f, a, b),
    because="the weights are the same at every place",
    defines=False,
)
ONE_BIAS = Equation(U[o, i, j], u[o], (o, i, j), because="one bias for each output channel", defines=False)
LOCAL = Support(
    v, (EVERY, EVERY, (-Delta, Delta), (-Delta, Delta)), because="weights further away than `Delta` are zero"
)
PICTURE = Support(X, (EVERY, (0, n1 - 1), (0, n2 - 1)), because="outside the picture there is nothing")


def channels() -> Theorem:
    """The road of `fc-to-conv` with channels: positions are shared and local, channels all meet all."""
    return (
        Derivation(
            H[o, i, j],
            *(sp.Ge(size, 0) for size in (m, n1, n2, Delta)),
            LAYER,
            BY_OFFSET,
            SHARED,
            ONE_BIAS,
            LOCAL,
            PICTURE,
        )
        .equation(LAYER)
        .shift(k, a, by=i)
        .shift(l, b, by=j)
        .equation(BY_OFFSET, backwards=True)
        .equation(SHARED)
        .equation(ONE_BIAS)
        .support(a, -Delta, Delta, because="locality, and nothing outside the picture")
        .support(b, -Delta, Delta, because="locality, and nothing outside the picture")
        .qed(
            u[o] + total(v[o, f, a, b] * X[f, i + a, j + b], (f, 0, m - 1), *BOX),
            "channels",
            about="Channels are neither shared nor local: each output channel has a kernel for each input channel.",
            parts=[_matrices(), _count(), _groups(), _depthwise(), _count_groups()],
        )
    )


def _matrices() -> Theorem:
    """The same, with the channels inside: a matrix for each offset."""
    return (
        Derivation(total(v[o, f, a, b] * X[f, i + a, j + b], (f, 0, m - 1), *BOX), sp.Ge(m, 0), sp.Ge(Delta, 0))
        .swap(f, a)
        .swap(f, b)
        .qed(
            total(v[o, f, a, b] * X[f, i + a, j + b], *BOX, (f, 0, m - 1)),
            "channels/matrices",
            "At each offset a matrix acts on the channels of one pixel",
        )
    )


def _count() -> Theorem:
    return (
        Derivation(
            total(ONE, (o, 0, q - 1), (f, 0, m - 1), *BOX) + total(ONE, (o, 0, q - 1)),
            sp.Ge(q, 0),
            sp.Ge(m, 0),
            sp.Ge(Delta, 0),
        )
        .count(b, a, f, o)
        .qed(
            q * m * (2 * Delta + 1) ** 2 + q,
            "channels/weights",
            "`m` channels in and `q` out: `m q (2 Delta + 1)^2` weights and `q` biases",
        )
    )


ROW = q * t + r  # output channel r of group t
IN_GROUP = [sp.Ge(t, 0), sp.Le(t, g - 1), sp.Ge(r, 0), sp.Le(r, q - 1)]
KERNEL_SIZES = [sp.Ge(h, 0), sp.Ge(w, 0)]


def _groups() -> Theorem:
    """A kernel that is block diagonal in the channels makes the grouped convolution."""
    block = Iverson(sp.And(sp.Le(p * t, f), sp.Le(f, p * t + p - 1)))
    diagonal = Equation(
        K[ROW, f, a, b],
        G[ROW, f - p * t, a, b] * block,
        (t, r, f, a, b),
        (sp.Ge(r, 0), sp.Le(r, q - 1)),
        because="`K` is block diagonal in the channels",
        defines=False,
    )
    group = {t: sp.floor(o / q)}
    filled = G[o, f - p * group[t], a, b] * substitute(block, group)
    return (
        Derivation(
            total(K[ROW, f, a, b] * X[f, i + a, j + b], (f, 0, g * p - 1), *CELLS),
            sp.Ge(p, 0),
            *IN_GROUP,
            *KERNEL_SIZES,
            diagonal,
        )
        .equation(diagonal, at={t: t, r: r, f: f, a: a, b: b})
        .support(f, p * t, p * t + p - 1, because="only the channels of group `t` have weights")
        .arith(block, ONE, because="and these are all in it")
        .shift(f, c, by=p * t)
        .qed(
            total(G[ROW, c, a, b] * X[p * t + c, i + a, j + b], (c, 0, p - 1), *CELLS),
            "channels/groups",
            "Groups: a kernel that is block diagonal in the channels",
            about="`G` is the weight as torch stores it, `g q` by `p` by `h` by `w`: group `t` maps its `p` channels, "
            "from `p t` on, to its `q` channels, from `q t` on, and sees no others. "
            "With `g = 1` it is the convolution of all channels with all.",
            witness=[Equation(K[o, f, a, b], filled, (o, f, a, b))],
        )
    )


def _depthwise() -> Theorem:
    """One channel in each group: each channel has kernels of its own."""
    own = Equation(
        K[ROW, f, a, b],
        D[ROW, a, b] * sp.KroneckerDelta(f, t),
        (t, r, f, a, b),
        (sp.Ge(r, 0), sp.Le(r, q - 1)),
        because="each output channel sees one input channel",
        defines=False,
    )
    filled = D[o, a, b] * sp.KroneckerDelta(f, sp.floor(o / q))
    return (
        Derivation(total(K[ROW, f, a, b] * X[f, i + a, j + b], (f, 0, g - 1), *CELLS), *IN_GROUP, *KERNEL_SIZES, own)
        .equation(own, at={t: t, r: r, f: f, a: a, b: b})
        .out(b)
        .out(a)
        .delta(f)
        .qed(
            total(D[ROW, a, b] * X[t, i + a, j + b], *CELLS),
            "channels/depthwise",
            "Depthwise: each input channel has `q` kernels of its own",
            about="These are groups of `p = 1` channel: no sum over channels is left. `q = 1` keeps their number.",
            witness=[Equation(K[o, f, a, b], filled, (o, f, a, b))],
        )
    )


def _count_groups() -> Theorem:
    """Groups leave one weight of g."""
    return (
        Derivation(
            total(ONE, (t, 0, g - 1), (r, 0, q - 1), (c, 0, p - 1), *CELLS),
            *(sp.Ge(size, 0) for size in (g, q, p, h, w)),
        )
        .count(b, a, c, r, t)
        .qed(
            g * q * p * h * w,
            "channels/group-weights",
            "In `g` groups: `g p q h w` weights",
            about="All channels with all would have `(g p)(g q) h w`, which is `g` times as many.",
        )
    )


def pointwise() -> Theorem:
    """A kernel of one cell is a matrix that acts on the channels of each pixel."""
    matrix = Equation(A[o, f], K[o, f, 0, 0], (o, f), because="`A` holds the only cells of the kernel")
    return (
        Derivation(
            u[o] + total(K[o, f, a, b] * X[f, i + a, j + b], (f, 0, m - 1), (a, 0, ZERO), (b, 0, ZERO)),
            sp.Ge(m, 0),
            matrix,
        )
        .single(b)
        .single(a)
        .equation(matrix, backwards=True)
        .qed(
            u[o] + total(A[o, f] * X[f, i, j], (f, 0, m - 1)),
            "pointwise-conv",
            about="It is the linear layer with weight `A` and bias `u`, from `m` channels to `q`, "
            "used at every pixel `(i, j)` alike.",
            parts=[_pixels(), _separable(), _after()],
        )
    )


def _pixels() -> Theorem:
    """All pixels at once: one matrix product."""
    matrix = Equation(A[o, f], K[o, f, 0, 0], (o, f), because="`A` holds the only cells of the kernel")
    listed = Equation(
        X[f, k, l],
        Z[f, n2 * k + l],
        (f, k, l),
        (sp.Ge(k, 0), sp.Le(k, n1 - 1), sp.Ge(l, 0), sp.Le(l, n2 - 1)),
        because="`Z` lists the pixels row by row",
        defines=False,
    )
    return (
        Derivation(
            total(K[o, f, a, b] * X[f, k + a, l + b], (f, 0, m - 1), (a, 0, ZERO), (b, 0, ZERO)),
            sp.Ge(m, 0),
            sp.Ge(k, 0),
            sp.Le(k, n1 - 1),
            sp.Ge(l, 0),
            sp.Le(l, n2 - 1),
            matrix,
            listed,
        )
        .single(b)
        .single(a)
        .equation(matrix, backwards=True)
        .equation(listed)
        .qed(
            total(A[o, f] * Z[f, n2 * k + l], (f, 0, m - 1)),
            "pointwise-conv/product",
            "For all pixels at once it is the matrix product `A Z`",
        )
    )


def _separable() -> Theorem:
    """A depthwise convolution and a 1 x 1 convolution make one convolution."""
    product = Equation(
        K[o, f, a, b], A[o, f] * D[f, a, b], (o, f, a, b), because="each kernel is a multiple of its channel's"
    )
    last = total(K[o, f, a, b] * X[f, i + a, j + b], (f, 0, m - 1), *CELLS)
    return (
        Derivation(
            total(A[o, f] * total(D[f, a, b] * X[f, i + a, j + b], *CELLS), (f, 0, m - 1)),
            sp.Ge(m, 0),
            *KERNEL_SIZES,
            product,
        )
        .into(a)
        .into(b)
        .backwards("equation", last, by=product, backwards=False, at=None, because=product.because)
        .qed(
            last,
            "pointwise-conv/separable",
            "Depthwise, then `1 x 1`: one convolution, with `m (h w + q)` weights in place of `m q h w`",
        )
    )


def _after() -> Theorem:
    """A convolution and a 1 x 1 convolution after it make one convolution."""
    product = Equation(
        G[o, f, a, b],
        total(A[o, e] * K[e, f, a, b], (e, 0, p - 1)),
        (o, f, a, b),
        because="the matrix acts on the kernels",
    )
    inner = total(K[e, f, a, b] * X[f, i + a, j + b], (f, 0, m - 1), *CELLS)
    return (
        Derivation(total(A[o, e] * inner, (e, 0, p - 1)), sp.Ge(p, 0), sp.Ge(m, 0), *KERNEL_SIZES, product)
        .into(f)
        .into(a)
        .into(b)
        .swap(e, f)
        .swap(e, a)
        .swap(e, b)
        .out(e)
        .equation(product, backwards=True, at={o: o, f: f, a: a, b: b})
        .qed(
            total(G[o, f, a, b] * X[f, i + a, j + b], (f, 0, m - 1), *CELLS),
            "pointwise-conv/after",
            "A `1 x 1` convolution after a convolution changes its kernels, and nothing else",
        )
    )


def chapter() -> list[Theorem]:
    """The theorems of this chapter, in reading order."""
    return [channels(), pointwise()]
