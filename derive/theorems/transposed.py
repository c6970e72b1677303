r"""Transposed convolution: the sizes.

Main result: `transposed` (a convolution takes the size of a transposed one back, as long as the output padding is
smaller than the stride; exactly then; which output padding recovers a size, which sizes a convolution takes to one; the
same size as a convolution at stride 1 of the input with zeros put in between; as torch writes it).

As in `windows`, the theorems speak about the functions of `shapecheck.formulas` themselves.
Notation: i size of the small side, n of the large one, e dilated span, p TOTAL padding, q padding per side, s stride,
op output padding, d dilation, o an output size asked for.
References: Dumoulin & Visin, "A guide to convolution arithmetic for deep learning" (arXiv:1603.07285), chapter 4.
"""

from __future__ import annotations

import sympy as sp

from derive.blackboard import Derivation, integers
from derive.kernel import Theorem
from derive.terms import Term
from derive.theorems.windows import STRIDE, at_most, same, sizes_with
from shapecheck import formulas

n, i, e, p, q, s, op, k, d, o, m, u, t = integers("n i e p q s op k d o m u t")


def _large() -> Term:
    return sp.Eq(n, formulas.transposed_size(i, e, p, s, op))


def _back() -> Term:
    return formulas.window_count(n, e, p, s)


def transposed() -> Theorem:
    """A convolution takes the size back."""
    return (
        Derivation(_back(), sp.Ge(op, 0), sp.Lt(op, s), _large())
        .arith(n - e + p + s, i * s + op, because="put in `n`")
        .indirect(
            t,
            i,
            lambda chain: chain.galois().arith(at_most(t * s, i * s + op), at_most(t, i), because="as `0 <= op < s`"),
            because="the rest is less than a stride",
        )
        .qed(
            i,
            "transposed",
            about="So the transposed size is a right inverse of the count. torch allows `op < max(s, d)`: see below.",
            parts=[_any(), _exactly(), _allowed(), _recovered(), _asked_for(), _stuffed(), _torch_form()],
        )
    )


def _any() -> Theorem:
    """With any output padding."""
    return (
        Derivation(_back(), STRIDE, _large())
        .arith(n - e + p + s, i * s + op, because="put in `n`")
        .arith(sp.floor((i * s + op) / s), i + sp.floor(op / s), because="`i` whole strides come out")
        .qed(i + sp.floor(op / s), "transposed/any-output-padding", "With any output padding")
    )


def _exactly() -> Theorem:
    """It is an inverse exactly where the output padding is smaller than the stride."""
    claim = sp.Eq(_back(), i)
    inside = sp.And(sp.Le(0, op), sp.Lt(op, s))
    return same(
        Derivation(claim, STRIDE, _large()).lemma(_any(), because="with any output padding"),
        inside,
        because="a quotient is 0 where `0 <= op < s`",
    ).qed(inside, "transposed/exactly", "The size comes back exactly where `0 <= op < s`")


def _allowed() -> Theorem:
    """Without more dilation than stride torch allows no other output padding."""
    allowed = formulas.OUTPUT_PADDING.holds(op, s, d)
    return (
        Derivation(allowed, sp.Le(d, s))
        .arith(allowed, sp.Lt(op, s), because="`op < d` is no more than `op < s`")
        .qed(
            sp.Lt(op, s),
            "transposed/allowed",
            "Where the dilation is at most the stride torch allows no more than that",
            about="Where it is larger, torch also takes `s <= op < d`, and the size does not come back.",
        )
    )


def _recovered() -> Theorem:
    """The output padding that gives back the size a convolution came from."""
    remainder = sp.Mod(n + p - e, s)
    there = formulas.transposed_size(_back(), e, p, s, remainder)
    return (
        Derivation(there, STRIDE)
        .arith(remainder, n + p - e - s * (_back() - 1), because="the remainder is what the count misses")
        .qed(n, "transposed/recovered", "The output padding `(n+p-e) mod s` recovers `n`")
    )


def _asked_for() -> Theorem:
    """The sizes one may ask for are those that a convolution takes back."""
    wanted = formulas.OUTPUT_SIZE.holds(o, formulas.transposed_size(i, e, p, s, 0), s)
    chain = Derivation(sp.Eq(formulas.window_count(o, e, p, s), i), STRIDE).lemma(
        sizes_with(), at=dict(zip(integers("n k o"), (o, e, i), strict=True)), because="the sizes with `i` windows"
    )
    return same(chain, wanted, because="the first of them is the transposed size").qed(
        wanted,
        "transposed/asked-for",
        "The output sizes one may ask for are the `s` that a convolution takes to `i`",
    )


def _stuffed() -> Theorem:
    """A convolution at stride 1 of the input with s - 1 zeros between its cells."""
    given = [sp.Eq(m, (i - 1) * s + 1 + op), sp.Eq(u, 2 * (e - 1) - p)]
    there = formulas.transposed_size(i, e, p, s, op)
    return same(Derivation(formulas.window_count(m, e, u, 1), *given), there, because="put in `m` and `u`").qed(
        there,
        "transposed/stuffed",
        "The same size as a convolution at stride 1",
        about="Between the `i` cells stand `s-1` zeros each, behind them `op` more: `m` cells. Around them `e-1` zeros "
        "on either side, less the padding: `u`.",
    )


def _torch_form() -> Theorem:
    """As torch writes it."""
    given = [sp.Eq(e, formulas.dilated(k, d)), sp.Eq(p, 2 * q)]
    there = formulas.transposed_size(i, e, p, s, op)
    written = (i - 1) * s - 2 * q + d * (k - 1) + op + 1
    return same(Derivation(written, *given), there, because="a dilated window spans `e` cells; `p` is both sides").qed(
        there, "transposed/torch-form", "As torch writes it"
    )


def chapter() -> list[Theorem]:
    """The theorems of this chapter, in reading order."""
    return [transposed()]
