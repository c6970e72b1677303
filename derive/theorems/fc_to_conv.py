r"""From the fully connected layer to the convolution, and how many weights each step leaves.

Main results: `reindex` (offsets instead of positions), `translation-equivariance` and `equivariance-converse` (shared
weights are the same as commuting with shifts), `locality` (a box of offsets), `fc-to-conv` (the whole road).

Notation: a picture X of n1 x n2 cells (k, l), outputs H at (i, j), weights W[i,j,k,l] from input (k, l) to output
(i, j), V[i,j,a,b] the same weights by offset a = k - i, b = l - j, v[a,b] the shared ones, U and u the bias,
Delta how far a local weight reaches. Ranges are exact: all entries outside the picture are never read, or zero.
References: Zhang et al., Dive into Deep Learning, 7.1 "From Fully Connected Layers to Convolutions".
"""

from __future__ import annotations

import sympy as sp

from derive.blackboard import Derivation, Equation, Support, arrays, integers, total
from derive.kernel import Theorem
from derive.terms import Term

i, j, k, l, a, b, c, m, q, r, t, n1, n2, n = integers("i j k l a b c m q r t n1 n2 n")  # noqa: E741
Delta, d, e = integers("Delta d e")
W, X, V, U, v, S, H, w = arrays("W X V U v S H w")
(u,) = integers("u")

BY_OFFSET = Equation(
    V[i, j, a, b], W[i, j, i + a, j + b], (i, j, a, b), because="`V` holds the weights of `W` by offset"
)
SHARED = Equation(
    V[i, j, a, b], v[a, b], (i, j, a, b), because="the weights are the same at every place", defines=False
)
ONE_BIAS = Equation(U[i, j], u, (i, j), because="the bias is the same at every place", defines=False)
LOCAL = Support(v, ((-Delta, Delta), (-Delta, Delta)), because="weights further away than `Delta` are zero")
PICTURE = Support(X, ((0, n1 - 1), (0, n2 - 1)), because="outside the picture there is nothing")

CONNECTED = U[i, j] + total(W[i, j, k, l] * X[k, l], (k, 0, n1 - 1), (l, 0, n2 - 1))


def _reindexed() -> Derivation:
    """From positions k, l to offsets a, b."""
    return (
        Derivation(CONNECTED, sp.Ge(n1, 0), sp.Ge(n2, 0), BY_OFFSET)
        .shift(k, a, by=i)
        .shift(l, b, by=j)
        .equation(BY_OFFSET, backwards=True)
    )


def reindex() -> Theorem:
    """The fully connected layer, with weights named by offset; the ranges depend on the output's place."""
    last = U[i, j] + total(V[i, j, a, b] * X[i + a, j + b], (a, -i, n1 - 1 - i), (b, -j, n2 - 1 - j))
    return _reindexed().qed(
        last,
        "reindex",
        about="No place `(i, j)` is left out: the offsets run over exactly those that stay inside the picture.",
    )


def translation() -> Theorem:
    """Shared weights make the layer commute with every shift that keeps the signal in the window."""
    shared = Equation(
        W[i, j, k, l], v[k - i, l - j], (i, j, k, l), because="the weight depends on the offset only", defines=False
    )
    shifted = Equation(S[k, l], X[k - t, l - r], (k, l), because="`S` is `X`, shifted by `(t, r)`")
    window = (k, 0, n1 - 1), (l, 0, n2 - 1)
    layer = Equation(H[i, j], u + total(W[i, j, k, l] * X[k, l], *window), (i, j), because="`H` is the layer on `X`")
    moved = Support(X, ((-t, n1 - 1 - t), (-r, n2 - 1 - r)), because="nor does the shifted signal leave the window")
    return (
        Derivation(
            u + total(W[i, j, k, l] * S[k, l], *window),
            sp.Ge(n1, 0),
            sp.Ge(n2, 0),
            shared,
            shifted,
            layer,
            PICTURE,
            moved,
        )
        .equation(shifted)
        .equation(shared)
        .shift(k, k, by=t, because="put `k + t` for `k`")
        .shift(l, l, by=r, because="put `l + r` for `l`")
        .support(k, 0, n1 - 1, because="the signal stays inside the window, before and after")
        .support(l, 0, n2 - 1, because="the signal stays inside the window, before and after")
        .equation(shared, backwards=True, at={i: i - t, j: j - r, k: k, l: l})
        .equation(layer, backwards=True, at={i: i - t, j: j - r})
        .qed(
            H[i - t, j - r],
            "translation-equivariance",
            about="The layer on the shifted picture is the shifted output of the layer.",
            parts=[_plane()],
        )
    )


def _plane() -> Theorem:
    """The same on the whole plane, where no signal can leave."""
    shifted = Equation(S[k, l], X[k - t, l - r], (k, l), because="`S` is `X`, shifted by `(t, r)`")
    box = (a, -Delta, Delta), (b, -Delta, Delta)
    layer = Equation(H[i, j], u + total(v[a, b] * X[i + a, j + b], *box), (i, j), because="`H` is the layer on `X`")
    return (
        Derivation(u + total(v[a, b] * S[i + a, j + b], *box), sp.Ge(Delta, 0), shifted, layer)
        .equation(shifted)
        .equation(layer, backwards=True, at={i: i - t, j: j - r})
        .qed(
            H[i - t, j - r],
            "translation-equivariance/plane",
            "On the whole plane, where no signal can leave, every shift is allowed",
        )
    )


def _inside(position: Term, size: Term) -> tuple[Term, Term]:
    return sp.Ge(position, 0), sp.Le(position, size - 1)


def converse() -> Theorem:
    """A layer that commutes with shifts has shared weights."""
    delta = sp.KroneckerDelta
    window = (c, 0, n1 - 1), (d, 0, n2 - 1)
    commutes = Equation(
        total(W[i, j, c, d] * delta(c - t, m) * delta(d - r, q), *window),
        total(W[i - t, j - r, c, d] * delta(c, m) * delta(d, q), *window),
        (i, j, t, r, m, q),
        (
            *_inside(i, n1),
            *_inside(i - t, n1),
            *_inside(j, n2),
            *_inside(j - r, n2),
            *_inside(m, n1),
            *_inside(m + t, n1),
            *_inside(q, n2),
            *_inside(q + r, n2),
        ),
        because="the layer commutes with the shift by `(t, r)` of an impulse at `(m, q)`",
        defines=False,
    )
    origin = sp.Integer(0)
    shared = Equation(
        v[a, b],
        W[sp.Max(origin, -a), sp.Max(origin, -b), sp.Max(origin, a), sp.Max(origin, b)],
        (a, b),
        because="`v` holds the weights of the first row and column",
    )
    down, right = sp.Min(i, k), sp.Min(j, l)
    once = total(W[i, j, c, l] * delta(c - down, k - down), (c, 0, n1 - 1))
    twice = total(W[i, j, c, d] * delta(c - down, k - down) * delta(d - right, l - right), *window)
    places = [*_inside(i, n1), *_inside(j, n2), *_inside(k, n1), *_inside(l, n2)]
    return (
        Derivation(W[i, j, k, l], *places, commutes, shared)
        .backwards("delta", once, k=c, because="the answer at row `i` to an impulse at row `k`")
        .backwards("delta", twice, k=d, because="and at column `j` to an impulse at column `l`")
        .equation(commutes, at={i: i, j: j, t: down, r: right, m: k - down, q: l - right})
        .delta(d)
        .delta(c)
        .arith(
            W[i - down, j - right, k - down, l - right],
            W[sp.Max(0, i - k), sp.Max(0, j - l), sp.Max(0, k - i), sp.Max(0, l - j)],
            because="`i - min(i, k) = max(0, i - k)`",
        )
        .equation(shared, backwards=True, at={a: k - i, b: l - j})
        .qed(
            v[k - i, l - j],
            "equivariance-converse",
            about="It is enough that the layer commutes with shifts of impulses that stay inside the window. "
            "On a finite grid one must not ask for more: with shifts that fill up with zeros, "
            "only multiples of the identity commute.",
            parts=[_zero_filled("upper"), _zero_filled("lower"), _diagonal(), _identity_commutes()],
            witness=[Equation(W[i, j, k, l], w[k - i, l - j], (i, j, k, l))],
        )
    )


_WINDOW = (c, 0, n - 1)
ZERO_FILLED = Equation(
    total(W[i, c] * sp.KroneckerDelta(c - t, m), _WINDOW),
    total(sp.KroneckerDelta(d, i - t) * total(W[d, c] * sp.KroneckerDelta(c, m), _WINDOW), (d, 0, n - 1)),
    (i, t, m),
    (*_inside(i, n), *_inside(m, n)),
    because="the layer commutes with the zero-filled shift by `t`",
    defines=False,
)
_SCALAR = [Equation(W[i, k], w[0] * sp.KroneckerDelta(i, k), (i, k))]


def _zero_filled(side: str) -> Theorem:
    """Off the diagonal, a layer that commutes with zero-filled shifts has no weights."""
    delta = sp.KroneckerDelta
    away, places = {
        "upper": (n - k, (sp.Ge(i, 0), sp.Lt(i, k), sp.Le(k, n - 1))),
        "lower": (-k - 1, (sp.Ge(k, 0), sp.Lt(k, i), sp.Le(i, n - 1))),
    }[side]
    once = total(W[i, c] * delta(c, k), _WINDOW)
    twice = total(delta(d, i) * total(W[d, c] * delta(c, k), _WINDOW), (d, 0, n - 1))
    return (
        Derivation(W[i, k], *places, ZERO_FILLED)
        .backwards("delta", once, k=c, because="the answer at `i` to an impulse at `k`")
        .backwards("delta", twice, k=d, at=i, because="and its value there")
        .equation(ZERO_FILLED, backwards=True, at={i: i + away, t: away, m: k})
        .vanish(c, because="the shift moved the impulse out of the window")
        .qed(
            sp.Integer(0),
            f"equivariance-converse/{side}",
            f"With zero-filled shifts no weight is left {'above' if side == 'upper' else 'below'} the diagonal",
            witness=_SCALAR,
        )
    )


def _diagonal() -> Theorem:
    """On the diagonal, such a layer has one weight."""
    delta = sp.KroneckerDelta
    return (
        Derivation(W[i, i], *_inside(i, n), ZERO_FILLED)
        .backwards(
            "delta", total(W[i, c] * delta(c - i, 0), _WINDOW), k=c, because="the answer at `i` to an impulse at `i`"
        )
        .equation(ZERO_FILLED, at={i: i, t: i, m: 0})
        .delta(c)
        .delta(d)
        .qed(
            W[0, 0],
            "equivariance-converse/diagonal",
            "With zero-filled shifts all weights on the diagonal are one",
            witness=_SCALAR,
        )
    )


def _identity_commutes() -> Theorem:
    """A multiple of the identity commutes with every zero-filled shift."""
    scalar = Equation(
        W[i, k], u * sp.KroneckerDelta(i, k), (i, k), because="the layer multiplies by `u`", defines=False
    )
    left, right = ZERO_FILLED.left, ZERO_FILLED.right
    delta = sp.KroneckerDelta
    filled = total(delta(d, i - t) * total(u * delta(d, c) * delta(c, m), _WINDOW), (d, 0, n - 1))
    return (
        Derivation(left, *_inside(i, n), *_inside(m, n), scalar)
        .equation(scalar)
        .delta(c, at=i)
        .backwards("delta", total(u * delta(d, i - t) * delta(d, m), (d, 0, n - 1)), k=d, at=m)
        .backwards("delta", filled, k=c, at=d)
        .backwards("equation", right, because="the layer multiplies by `u`", by=scalar, backwards=False, at=None)
        .qed(right, "equivariance-converse/identity", "Multiples of the identity do commute")
    )


def _offsets_shared() -> Derivation:
    """The layer with shared weights, offsets still running over the whole picture."""
    whole = (a, -i, n1 - 1 - i), (b, -j, n2 - 1 - j)
    return Derivation(
        u + total(v[a, b] * X[i + a, j + b], *whole), sp.Ge(n1, 0), sp.Ge(n2, 0), sp.Ge(Delta, 0), LOCAL, PICTURE
    )


CONVOLVED = u + total(v[a, b] * X[i + a, j + b], (a, -Delta, Delta), (b, -Delta, Delta))


def locality() -> Theorem:
    """Weights that reach no further than Delta leave a box of offsets, the same at every place."""
    return (
        _offsets_shared()
        .support(a, -Delta, Delta, because="weights are zero beyond `Delta`, the picture outside its rows")
        .support(b, -Delta, Delta, because="weights are zero beyond `Delta`, the picture outside its columns")
        .qed(
            CONVOLVED,
            "locality",
            about="True for every `Delta >= 0`, also where the box is larger than the picture.",
            parts=[_interior()],
        )
    )


def _interior() -> Theorem:
    """Away from the border the picture need not be filled up with zeros."""
    whole = (a, -i, n1 - 1 - i), (b, -j, n2 - 1 - j)
    places = [sp.Ge(i, Delta), sp.Le(i, n1 - 1 - Delta), sp.Ge(j, Delta), sp.Le(j, n2 - 1 - Delta)]
    return (
        Derivation(u + total(v[a, b] * X[i + a, j + b], *whole), sp.Ge(Delta, 0), *places, LOCAL)
        .support(a, -Delta, Delta, because="weights are zero beyond `Delta`")
        .support(b, -Delta, Delta, because="weights are zero beyond `Delta`")
        .qed(
            CONVOLVED,
            "locality/interior",
            "At `Delta` or more from the border, nothing need be assumed about the picture outside",
        )
    )


def fc_to_conv() -> Theorem:
    """The whole road from the fully connected layer to the convolution layer."""
    hypotheses = [sp.Ge(n1, 0), sp.Ge(n2, 0), sp.Ge(Delta, 0), BY_OFFSET, SHARED, ONE_BIAS, LOCAL, PICTURE]
    layer = Equation(H[i, j], CONNECTED, (i, j), because="a fully connected layer from pictures to pictures")
    return (
        Derivation(H[i, j], *hypotheses, layer)
        .equation(layer)
        .shift(k, a, by=i)
        .shift(l, b, by=j)
        .equation(BY_OFFSET, backwards=True)
        .equation(SHARED)
        .equation(ONE_BIAS)
        .support(a, -Delta, Delta, because="locality, and nothing outside the picture")
        .support(b, -Delta, Delta, because="locality, and nothing outside the picture")
        .qed(
            CONVOLVED,
            "fc-to-conv",
            about="Each assumption leaves fewer parameters; how many is counted below.",
            parts=[*_counts()],
        )
    )


def _counts() -> list[Theorem]:
    """The number of parameters at each stage, bias last."""
    return [_count_dense(), _count_connected(), _every_offset(), _count_shared(), _count_local(), _count_in_use()]


def _count_dense() -> Theorem:
    inputs, hidden = m, q
    return (
        Derivation(total(sp.Integer(1), (r, 0, hidden - 1), (c, 0, inputs - 1)), sp.Ge(inputs, 0), sp.Ge(hidden, 0))
        .count(c, r)
        .qed(
            inputs * hidden,
            "fc-to-conv/dense",
            "Fully connected, `m` inputs and `q` outputs: `m q` weights",
            about="36,000,000 inputs and 100 outputs: 3.6e9 weights. 1,000,000 and 1,000: 1e9.",
        )
    )


def _count_connected() -> Theorem:
    rows, columns = (i, 0, n1 - 1), (j, 0, n2 - 1)
    one = sp.Integer(1)
    return (
        Derivation(
            total(one, rows, columns, (k, 0, n1 - 1), (l, 0, n2 - 1)) + total(one, rows, columns),
            sp.Ge(n1, 0),
            sp.Ge(n2, 0),
        )
        .count(l, k, j, i)
        .qed(
            n1**2 * n2**2 + n1 * n2,
            "fc-to-conv/connected",
            "Fully connected: `(n1 n2)^2` weights and `n1 n2` biases",
        )
    )


def _every_offset() -> Theorem:
    """The offsets in use are exactly those between -(n - 1) and n - 1."""
    place = sp.Max(0, -a)
    used = sp.And(sp.Le(place, n - 1), sp.Le(0, place + a), sp.Le(place + a, n - 1))
    return (
        Derivation(sp.And(sp.Ge(i, 0), sp.Le(i, n - 1), sp.Ge(i + a, 0), sp.Le(i + a, n - 1)))
        .entails(used, because="if an output `i` reads at offset `a`, so does the output `max(0, -a)`")
        .entails(sp.And(sp.Le(1 - n, a), sp.Le(a, n - 1)), because="so the offset lies between")
        .qed(
            sp.And(sp.Le(1 - n, a), sp.Le(a, n - 1)),
            "fc-to-conv/offsets",
            "Offsets lie between `-(n - 1)` and `n - 1`",
            parts=[_offset_used()],
        )
    )


def _offset_used() -> Theorem:
    place = sp.Max(0, -a)
    between = sp.And(sp.Le(1 - n, a), sp.Le(a, n - 1))
    used = sp.And(sp.Le(place, n - 1), sp.Le(0, place + a), sp.Le(place + a, n - 1))
    return (
        Derivation(between)
        .arith(between, used, because="the output `max(0, -a)` reads at offset `a`")
        .qed(used, "fc-to-conv/offsets-used", "and each of them is used")
    )


def _count_shared() -> Theorem:
    return (
        Derivation(total(sp.Integer(1), (a, 1 - n1, n1 - 1), (b, 1 - n2, n2 - 1)) + 1, sp.Ge(n1, 1), sp.Ge(n2, 1))
        .count(b, a)
        .qed(
            (2 * n1 - 1) * (2 * n2 - 1) + 1,
            "fc-to-conv/shared",
            "Shared: `(2 n1 - 1)(2 n2 - 1)` weights and one bias",
        )
    )


def _count_local() -> Theorem:
    return (
        Derivation(total(sp.Integer(1), (a, -Delta, Delta), (b, -Delta, Delta)) + 1, sp.Ge(Delta, 0))
        .count(b, a)
        .qed(
            (2 * Delta + 1) ** 2 + 1,
            "fc-to-conv/local",
            "Local: `(2 Delta + 1)^2` weights, not `4 Delta^2`, and one bias",
        )
    )


def _count_in_use() -> Theorem:
    """Weights that some output reads, where the box may be larger than the picture."""
    from derive.blackboard import Iverson

    box = (a, -Delta, Delta), (b, -Delta, Delta)
    rows = Iverson(sp.And(sp.Le(1 - n1, a), sp.Le(a, n1 - 1)))
    columns = Iverson(sp.And(sp.Le(1 - n2, b), sp.Le(b, n2 - 1)))
    high, wide = sp.Min(Delta, n1 - 1), sp.Min(Delta, n2 - 1)
    return (
        Derivation(total(rows * columns, *box), sp.Ge(Delta, 0), sp.Ge(n1, 1), sp.Ge(n2, 1))
        .support(a, -high, high, because="no output reads further than the picture is high")
        .support(b, -wide, wide, because="no output reads further than the picture is wide")
        .arith(rows, sp.Integer(1), because="in this range the bracket holds")
        .arith(columns, sp.Integer(1), because="in this range the bracket holds")
        .count(b, a)
        .qed(
            (2 * high + 1) * (2 * wide + 1),
            "fc-to-conv/in-use",
            "Local weights in use: a box larger than the picture is cut to it",
        )
    )


def chapter() -> list[Theorem]:
    """The theorems of this chapter, in reading order."""
    return [reindex(), translation(), converse(), locality(), fc_to_conv()]
