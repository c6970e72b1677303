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
    V[i, j, a, b], W[i, j, i + a, j + b], (i, j, a, b), because="V holds the weights of W by offset"
)
SHARED = Equation(
    V[i, j, a, b], v[a, b], (i, j, a, b), because="the weights are the same at every place", defines=False
)
ONE_BIAS = Equation(U[i, j], u, (i, j), because="the bias is the same at every place", defines=False)
LOCAL = Support(v, ((-Delta, Delta), (-Delta, Delta)), because="weights further away than Delta are zero")
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
        "A fully connected layer, indexed by offsets",
        about="No place (i, j) is left out: the offsets run over exactly those that stay inside the picture.",
    )
