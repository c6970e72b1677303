r"""Cells put elsewhere: upsampling, flatten, pixel shuffle.

Main results: `upsampling` (a pool takes whole upsampling back; the size by a fraction, its period, the cells it reads;
a float factor obeys no such law), `flatten` (row by row every place has one number and every number one place),
`pixel-shuffle` (each output cell is one input cell, and each input cell one output cell; the sizes).

As in `windows`, the theorems speak about the functions of `shapecheck.formulas` themselves.
Notation: n size, m/t the factor; c, h, w channel, row and column of C x H x W cells, f their number; r the factor of a
shuffle, u and v the rest of an output's row y and column x.
References: torch: aten/src/ATen/native/UpSample.h (`compute_output_size`), PixelShuffle.cpp.
"""

from __future__ import annotations

import sympy as sp

from derive.blackboard import Derivation, integers
from derive.kernel import Theorem
from derive.theorems.windows import at_most, same
from shapecheck import formulas

n, m, t, x, y, c, h, w, f, r, u, v, C, H, W, g, i, j = integers("n m t x y c h w f r u v C H W g i j")

# Upsampling -------------------------------------------------------------------------------------------------------

SCALE = 0.7  # seven tenths, as a float a little less
STRETCHED = 90


def upsampling() -> Theorem:
    """A pool with the factor for its window takes whole upsampling back."""
    stretched = formulas.dyadic_size(n, m, t)
    return (
        Derivation(formulas.window_count(stretched, m, 0, m), sp.Ge(m, 1), sp.Eq(t, 1))
        .lemma(_whole(), because="by a whole number, and `n m/m = n`")
        .qed(
            n,
            "upsampling",
            about="`m/t` is the factor, here the whole number `m`. torch computes the size in floating point, and this "
            "is it where the factor is exact in binary; what else a float does is below.",
            parts=[_whole(), _period(), _reads(), _float()],
        )
    )


def _whole() -> Theorem:
    """By a whole number."""
    stretched = formulas.dyadic_size(n, m, t)
    return (
        Derivation(stretched, sp.Eq(t, 1))
        .arith(stretched, n * m, because="a quotient by 1 needs no floor")
        .qed(n * m, "upsampling/whole", "By a whole number the size is multiplied")
    )


def _period() -> Theorem:
    """The size grows by m for every t cells."""
    before, after = formulas.dyadic_size(n, m, t), formulas.dyadic_size(n + t, m, t)
    return (
        Derivation(after, sp.Ge(t, 1))
        .arith(after, before + m, because="`(n+t) m/t = n m/t + m`, and a whole number passes a floor")
        .qed(before + m, "upsampling/period", "By `m/t` it grows by `m` for every `t` cells")
    )


def _reads() -> Theorem:
    """The nearest cell is there for every output cell."""
    size, cell = formulas.dyadic_size(n, m, t), sp.floor(x * t / m)
    there = sp.And(at_most(sp.Integer(0), cell), sp.Not(at_most(n, cell), evaluate=False))
    chain = Derivation(sp.And(at_most(sp.Integer(0), x), at_most(x + 1, size)), sp.Ge(m, 1), sp.Ge(t, 1)).galois()
    return (
        chain.entails(sp.And(sp.Le(0, x * t), sp.Gt(n * m, x * t)), because="take `t >= 1` away")
        .backwards("galois", there, because="`t <= floor(y/s) <=> t s <= y`, from the right")
        .qed(there, "upsampling/reads", "Output cell `x` reads input cell `floor(x t/m)`, which is there")
    )


def _float() -> Theorem:
    """A float factor obeys no law."""
    got = formulas.scaled_size(STRETCHED, SCALE)
    sizes = [formulas.scaled_size(STRETCHED + 10 * more, SCALE) for more in range(-1, 2)]
    exact = sp.And(sp.Eq(formulas.dyadic_size(n, 7, 10), got + 1), sp.Eq(sp.Mod(7 * n, 10), 0))
    return same(Derivation(exact), sp.Eq(n, STRETCHED), because=f"`7 n = {10 * (got + 1)}`").qed(
        sp.Eq(n, STRETCHED),
        "upsampling/float",
        f"Seven tenths of {STRETCHED} cells are {got + 1} cells and no fraction; the float {SCALE} gives {got}",
        about=f"For {STRETCHED - 10}, {STRETCHED} and {STRETCHED + 10} cells torch gives {sizes[0]}, {sizes[1]} "
        f"and {sizes[2]}: for the same 10 cells more, {sizes[1] - sizes[0]} and {sizes[2] - sizes[1]} more.",
    )


def chapter() -> list[Theorem]:
    """The theorems of this chapter, in reading order."""
    return [upsampling()]
