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
from derive.render.notation import plain
from derive.terms import Term
from derive.theorems.stacks import floors
from derive.theorems.windows import at_most, same
from shapecheck import formulas

n, m, t, x, y, c, h, w, f, r, u, v, C, H, W = integers("n m t x y c h w f r u v C H W")

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


# Flatten and shuffle ----------------------------------------------------------------------------------------------


def _inside(place: Term, size: Term) -> Term:
    """The place is one of so many."""
    return sp.And(sp.Le(0, place), sp.Le(place, size - 1))


def _number(one: Term, two: Term, three: Term, height: Term, width: Term) -> Term:
    """The number of the cell in row `two` and column `three` of channel `one`, row by row."""
    return (one * height + two) * width + three


def _divided(line: Derivation, quotient: Term, rest: Term, number: Term, divisor: Term, *others: Term) -> Derivation:
    """Go from number = quotient divisor + rest, with the rest below the divisor, to quotient and remainder.

    The others stay as they are: the line is all of these together.
    """
    others = (*others, sp.Eq(rest, number - quotient * divisor))
    above = sp.floor(number / divisor)
    between = sp.And(*others, at_most(quotient, above), sp.Not(at_most(quotient + 1, above), evaluate=False))
    line = same(
        line,
        sp.And(*others, at_most(quotient * divisor, number), sp.Gt((quotient + 1) * divisor, number)),
        because=f"say it of `{plain(number)}`",
    ).backwards("galois", between, because="`t <= floor(y/s) <=> t s <= y`, from the right")
    line = same(line, sp.And(*others, sp.Eq(quotient, above)), because="integers")
    found = sp.And(*others[:-1], sp.Eq(rest, sp.Mod(number, divisor)), sp.Eq(quotient, above))
    return same(line, found, because="the rest is the remainder")


def flatten() -> Theorem:
    """Every place has one number and every number one place."""
    row, column = sp.floor(f / W), sp.Eq(w, sp.Mod(f, W))
    chain = Derivation(sp.And(sp.Eq(f, _number(c, h, w, H, W)), _inside(h, H), _inside(w, W)), sp.Ge(H, 1), sp.Ge(W, 1))
    chain = _divided(chain, c * H + h, w, f, W, _inside(h, H))
    chain = _divided(chain, c, h, row, H, column)
    place = sp.And(column, sp.Eq(h, sp.Mod(row, H)), sp.Eq(c, sp.floor(f / (H * W))))
    return chain.lemma(
        floors(), at=dict(zip(integers("x s1 s2 a"), (f, W, H, 0), strict=True)), because="a floor inside a floor"
    ).qed(
        place,
        "flatten",
        about="On the left the number `f = c H W + h W + w` that flatten gives the cell in row `h` and column `w` of "
        "channel `c`. The right side says which cell has the number: exactly one. The columns of torch's Unfold are "
        "numbered so too, by the rows and columns of windows.",
        parts=[_picture(), _range()],
    )


def _picture() -> Theorem:
    """Quotient and remainder are the one way to write a number by rows."""
    chain = Derivation(sp.And(sp.Eq(f, h * W + w), _inside(w, W)), sp.Ge(W, 1))
    place = sp.And(sp.Eq(w, sp.Mod(f, W)), sp.Eq(h, sp.floor(f / W)))
    return _divided(chain, h, w, f, W).qed(place, "flatten/picture", "The same for one channel")


def _range() -> Theorem:
    """The numbers of all cells are those below their count."""
    channel = sp.floor(f / (H * W))
    chain = Derivation(
        sp.And(at_most(0, channel), sp.Not(at_most(C, channel), evaluate=False)), sp.Ge(H, 1), sp.Ge(W, 1)
    )
    return same(chain.galois(), _inside(f, C * H * W), because="integers").qed(
        _inside(f, C * H * W), "flatten/range", "The numbers of `C x H x W` cells are `0` to `C H W - 1`"
    )


def pixel_shuffle(numbered: Theorem) -> Theorem:
    """The input channel of an output cell, and back."""
    place = sp.And(sp.Eq(v, sp.Mod(m, r)), sp.Eq(u, sp.Mod(sp.floor(m / r), r)), sp.Eq(c, sp.floor(m / r**2)))
    return (
        Derivation(sp.And(sp.Eq(m, _number(c, u, v, r, r)), _inside(u, r), _inside(v, r)), sp.Ge(r, 1))
        .lemma(numbered, at={f: m, h: u, w: v, H: r, W: r}, because="as flatten does it with `H = W = r`")
        .qed(
            place,
            "pixel-shuffle",
            about="Cell `(c, y, x)` of the output is cell `(m, h, w)` of the input, with `y = h r + u` and "
            "`x = w r + v`. So `m` says `c`, `u` and `v`, and these say `m`; `y` says `h` and `u`, and `x` says "
            "`w` and `v` (below): each cell goes to one place, each place takes one cell. Unshuffle is the way back.",
            parts=[_axis(), _rows(), _divides()],
        )
    )


def _axis() -> Theorem:
    """On an axis the output's place is the input's with the rest behind."""
    place = sp.And(sp.Eq(u, sp.Mod(y, r)), sp.Eq(h, sp.floor(y / r)))
    return (
        Derivation(sp.And(sp.Eq(y, h * r + u), _inside(u, r)), sp.Ge(r, 1))
        .lemma(_picture(), at={f: y, w: u, W: r}, because="quotient and remainder")
        .qed(place, "pixel-shuffle/axis", "A row of the output is a row of the input and a rest, and so with columns")
    )


def _rows() -> Theorem:
    """The output has r times the rows."""
    rows = _inside(y, H * r)
    row = sp.And(at_most(0, sp.floor(y / r)), sp.Not(at_most(H, sp.floor(y / r)), evaluate=False))
    return same(Derivation(row, sp.Ge(r, 1)).galois(), rows, because="integers").qed(
        rows,
        "pixel-shuffle/rows",
        "The output has `H r` rows where the input has `H`, and so with columns",
    )


def _divides() -> Theorem:
    """Unshuffle needs a size that the factor divides."""
    whole, divides = sp.Eq(sp.floor(H / r) * r, H), sp.Eq(sp.Mod(H, r), 0)
    return same(Derivation(whole, sp.Ge(r, 1)), divides, because="a quotient times its divisor misses the rest").qed(
        divides, "pixel-shuffle/divides", "The way back loses no row exactly where `r` divides the size"
    )


def chapter() -> list[Theorem]:
    """The theorems of this chapter, in reading order."""
    numbered = flatten()
    return [upsampling(), numbered, pixel_shuffle(numbered)]
