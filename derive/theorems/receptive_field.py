r"""Receptive fields: which inputs one cell of a deep layer sees, for every chain of layers, by induction.

Main results: `receptive-field` (the inputs a cell sees are an interval, whose size, distance and start follow the
recursions that the checker runs) and its parts: what is true without the hypothesis on holes, where holes are and that
they stay, which inputs are seen at all, and transposed layers; `offsets`, which computes the set for any chain, with
dilation too.

What is meant is said without any formula: cell i of layer l reads the cells S[l] i - Q[l] + a of layer l - 1, where
a = 0 .. K[l] - 1, and cell i of layer 0 is input i. B[l, x, i] is 1 if cell i of layer l sees input x, else 0. The
layers are arbitrary: K, S and Q are arrays of integers. As in `windows`, the theorems speak about the functions of
`shapecheck.formulas` themselves.
Notation: l, m layers, K span, S stride, Q padding before; R size of the field, J jump (inputs between the starts of the
fields of neighbours), U start of the field of cell 0; x, y inputs, i, j, c cells.
References: Araujo, Norris & Sim, "Computing receptive fields of convolutional neural networks", Distill 2019.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import sympy as sp

from derive.blackboard import Derivation, Equation, Iverson, Range, integers, sizes, total
from derive.kernel import Theorem
from derive.terms import Term
from derive.theorems.windows import same
from shapecheck import formulas

l, m, x, y, z, i, h, j, k, a, c, o, e, q, s, r, u, w = integers("l m x y z i h j k a c o e q s r u w")  # noqa: E741
K, S, Q, R, J, U, B = sizes("K S Q R J U B")

NO_LESS_THAN_NONE = Range(sp.Ge(K[l], 0), over=(l,))
SPANS = Range(sp.Ge(K[l], 1), over=(l,))
STRIDES = Range(sp.Ge(S[l], 1), over=(l,))
LAYERS = Range(sp.Ge(m, 0))
NO_GAP = Range(
    sp.Or(sp.Ge(R[l], J[l]), sp.Le(K[l + 1], 1)),
    over=(l,),
    because="the fields of neighbours touch, wherever a cell reads two of them",
)
LATER = (sp.Ge(l, 0),)

JUMP = Equation(J[l + 1], J[l] * S[l + 1], (l,), LATER, because="how far apart neighbours see")
SIZE = Equation(R[l + 1], formulas.field_size(R[l], J[l], K[l + 1]), (l,), LATER, because="how much a cell sees")
START = Equation(
    U[l + 1], formulas.field_start(U[l], J[l], Q[l + 1]), (l,), LATER, because="where cell 0 begins to see"
)
ONE_JUMP = Equation(J[0], sp.Integer(1), because="inputs are one apart", defines=False)
ONE_SIZE = Equation(R[0], sp.Integer(1), because="an input sees itself", defines=False)
NO_START = Equation(U[0], sp.Integer(0), because="input 0 is at 0", defines=False)
FORMULAS = (SIZE, START, JUMP)
INPUTS = (ONE_JUMP, ONE_SIZE, NO_START)


def read(layer: Term, at: Term, cell: Term) -> Term:
    """How many of the cells that a cell of the layer after `layer` reads see the input `at`."""
    return total(B[layer, at, S[layer + 1] * cell - Q[layer + 1] + a], (a, 0, K[layer + 1] - 1))


SEES = Equation(
    B[l + 1, z, h],
    Iverson(sp.Le(1, read(l, z, h))),
    (l, z, h),
    LATER,
    because="a cell sees what one of the cells that it reads sees",
)
SEES_ITSELF = Equation(B[0, z, h], sp.KroneckerDelta(z, h), (z, h), because="layer 0 is the input", defines=False)
SEEN = (SEES, SEES_ITSELF)


def first(layer: Term, cell: Term) -> Term:
    """The first input of a field, by the formulas."""
    return U[layer] + cell * J[layer]


def last(layer: Term, cell: Term) -> Term:
    """The last input of a field, by the formulas."""
    return U[layer] + cell * J[layer] + R[layer] - 1


def inside(layer: Term, at: Term, cell: Term) -> Term:
    """Whether an input lies between the ends of a field."""
    return sp.And(sp.Le(first(layer, cell), at), sp.Le(at, last(layer, cell)))


def below(cell: Term) -> Term:
    """The a-th cell that a cell of layer m + 1 reads."""
    return S[m + 1] * cell - Q[m + 1] + a


def before(term: Term) -> Term:
    """A term about layer m + 1, by the formulas as one about layer m."""
    return Derivation(term, LAYERS, *FORMULAS).unfold(FORMULAS, at={l: m}).term


CELLS = (a, 0, K[m + 1] - 1)


# How far apart neighbours see -------------------------------------------------------------------------------------


def jump() -> Theorem:
    """Neighbours see at least one input apart."""
    return (
        Derivation(sp.Ge(J[m], 1), LAYERS, STRIDES, JUMP, ONE_JUMP)
        .induction(
            m,
            sp.true,
            lambda line: line.equation(ONE_JUMP),
            lambda line, _: line.equation(JUMP).arith(
                sp.Ge(J[m] * S[m + 1], 1), sp.true, because="a product of what is at least 1"
            ),
        )
        .qed(sp.true, "receptive-field/jump", "The fields of neighbours begin at least one input apart")
    )


def some(apart: Theorem) -> Theorem:
    """A field is never empty."""

    def step(line: Derivation, _: object) -> Derivation:
        grown = line.equation(SIZE)
        return grown.since(apart, lambda here: same(here, sp.true, because="nothing is taken away"), at={m: m})

    return (
        Derivation(sp.Ge(R[m], 1), LAYERS, SPANS, STRIDES, JUMP, SIZE, ONE_JUMP, ONE_SIZE)
        .induction(m, sp.true, lambda line: line.equation(ONE_SIZE), step)
        .qed(sp.true, "receptive-field/some", "A field has at least one input")
    )


def enough(apart: Theorem) -> Theorem:
    """Windows no shorter than their strides leave no gap."""
    no_shorter = Range(sp.Ge(K[l], S[l]), over=(l,))

    def step(line: Derivation, _: object) -> Derivation:
        return line.unfold([SIZE, JUMP], at={l: m}).since(
            apart,
            lambda here: same(here, sp.true, because="`K - 1 >= S - 1`, times `J`"),
            at={m: m},
        )

    return (
        Derivation(sp.Ge(R[m], J[m]), LAYERS, STRIDES, no_shorter, JUMP, SIZE, ONE_JUMP, ONE_SIZE)
        .induction(m, sp.true, lambda line: line.unfold([ONE_JUMP, ONE_SIZE]), step)
        .qed(
            sp.true,
            "receptive-field/enough",
            "Where no window is shorter than its stride, the fields of neighbours touch",
            about="Enough, not needed: behind spans 2, 1, 2 with strides 1, 2, 1 the fields are 2, 2 and 4 inputs "
            "long and 1, 2 and 2 apart, though the second window is shorter than its stride.",
        )
    )


def closed_form() -> Theorem:
    """The size as a sum over the layers."""
    sum_to = 1 + total((K[i] - 1) * J[i - 1], (i, 1, m))

    def begin(line: Derivation) -> Derivation:
        none = 1 + total((K[i] - 1) * J[i - 1], (i, 1, 0))
        return line.equation(ONE_SIZE).backwards("vanish", none, k=i, because="there is no layer yet")

    def step(line: Derivation, claim: Equation) -> Derivation:
        grown = 1 + total((K[i] - 1) * J[i - 1], (i, 1, m + 1))
        alone, other = (total((K[v] - 1) * J[v - 1], (v, m + 1, m + 1)) for v in (i, c))
        return (
            line.equation(SIZE)
            .equation(claim)
            .backwards("single", sum_to + other, k=c, because="the last layer by itself")
            .ring(sum_to + alone, because="call `c` `i`")
            .backwards("split", grown, k=i, at=m, because="one layer more")
        )

    return (
        Derivation(R[m], LAYERS, SIZE, ONE_SIZE)
        .induction(m, sum_to, begin, step)
        .qed(sum_to, "receptive-field/closed-form", "The size is 1, and `K - 1` jumps for each layer")
    )


# What a cell sees -------------------------------------------------------------------------------------------------


def within(apart: Theorem) -> Theorem:
    """What a cell sees lies between the ends, holes or not."""
    claim = B[m, x, i] * Iverson(inside(m, x, i))
    bracket, whole = Iverson(inside(m, x, below(i))), Iverson(inside(m + 1, x, i))
    larger, count = before(whole), read(m, x, i)

    def begin(line: Derivation) -> Derivation:
        itself = sp.KroneckerDelta(x, i)
        alone = itself * Iverson(sp.And(sp.Le(i, x), sp.Le(x, i)))
        to = B[0, x, i] * Iverson(inside(0, x, i))
        return line.equation(SEES_ITSELF).arith(itself, alone, because="`i` alone").fold(to, [SEES_ITSELF, *INPUTS])

    def step(line: Derivation, claim: Equation) -> Derivation:
        return (
            line.equation(SEES)
            .equation(claim)
            .since(
                apart,
                lambda here: here.arith(
                    bracket, bracket * larger, because="the first begins first, the last ends last"
                ),
                at={m: m},
            )
            .out(a)
            .equation(claim, backwards=True, at={x: x, i: below(i)})
            .arith(Iverson(sp.Le(1, larger * count)), Iverson(sp.Le(1, count)) * larger, because="a factor of 1 or 0")
            .fold(Iverson(sp.Le(1, count)) * whole, FORMULAS, at={l: m})
            .fold(B[m + 1, x, i] * whole, [SEES])
        )

    return (
        Derivation(B[m, x, i], LAYERS, NO_LESS_THAN_NONE, STRIDES, *FORMULAS, *INPUTS, *SEEN)
        .induction(m, claim, begin, step, over=(x, i))
        .qed(
            claim,
            "receptive-field/within",
            "What a cell sees lies between the ends of its field, holes or not",
            about="The bracket is 1 between the ends and 0 elsewhere.",
        )
    )


def ends(apart: Theorem, seen: Theorem) -> list[Theorem]:
    """Both ends of the field are seen, holes or not."""
    return [
        _end(apart, seen, "first", first, sp.Integer(0)),
        _end(apart, seen, "last", last, K[m + 1] - 1),
    ]


def _end(apart: Theorem, seen: Theorem, name: str, place: Callable[[Term, Term], Term], chosen: Term) -> Theorem:
    """An end is seen by the first, or last, of the cells that a cell reads."""
    there, cell = before(place(m + 1, i)), S[m + 1] * i - Q[m + 1] + chosen

    def step(line: Derivation, claim: Equation) -> Derivation:
        return (
            line.unfold(FORMULAS, at={l: m})
            .equation(SEES)
            .lemma(seen, at={x: there, i: below(i)}, because="what each of them sees lies between its ends")
            .since(
                apart,
                lambda here: here.support(a, chosen, chosen, because="for all others it lies outside").single(a),
                at={m: m},
            )
            .lemma(seen, at={x: there, i: cell}, backwards=True, because="the bracket is 1")
            .equation(claim, at={i: cell})
        )

    return (
        Derivation(B[m, place(m, i), i], LAYERS, SPANS, STRIDES, *FORMULAS, *INPUTS, *SEEN)
        .induction(m, sp.Integer(1), lambda line: line.unfold([*INPUTS, SEES_ITSELF]), step, over=(i,))
        .qed(sp.Integer(1), f"receptive-field/{name}", f"The {name} input of the field is seen, holes or not")
    )


def union() -> Theorem:
    """One layer: fields of r inputs, j apart, are one field together, if they touch or there is one only."""
    low, high = sp.ceiling((y - r + 1) / j), sp.floor(y / j)
    begin, stop = sp.Max(low, 0), sp.Min(high, k - 1)
    seen = sp.And(sp.Le(low, a), sp.Le(a, high))
    some = sp.And(sp.Le(low, high), sp.Le(low, k - 1), sp.Le(0, high))
    whole = sp.And(sp.Le(0, y), sp.Le(y, formulas.field_size(r, j, k) - 1))
    one_of = sp.And(sp.Le(a * j, y), sp.Le(y, a * j + r - 1))
    line = (
        Derivation(sp.Le(1, total(Iverson(one_of), (a, 0, k - 1))), sp.Ge(k, 1), sp.Ge(j, 1), TOUCH)
        .arith(one_of, seen, because="divide by `j`")
        .support(a, begin, sp.Max(stop, begin - 1), because="the other brackets are 0")
        .arith(Iverson(seen), sp.Integer(1), because="here it is 1")
        .count(a)
    )
    return (
        same(line, some, because="there is a number in the range")
        .arith(some, whole, because="where two multiples of `j` are at most `r` apart, one lies in between")
        .qed(
            whole,
            "receptive-field/union",
            "One layer: `k` fields of `r` inputs, `j` apart, are one, if they touch",
            about="The sum counts those of the fields that an input `y` lies in. Where `r < j` and `k > 1` there are "
            "gaps: `y = r` lies in none of the fields.",
        )
    )


TOUCH = Range(sp.Or(sp.Ge(r, j), sp.Le(k, 1)))


def receptive_field() -> Theorem:
    """The inputs a cell sees are an interval, by the recursions, with what follows from them."""
    apart, together = jump(), union()
    seen, least = within(apart), some(apart)
    whole, between = whole_field(apart, together), gap(apart, seen)
    about_gaps = between, unread(), hole(apart, least, between), every_input(whole), enough(apart)
    about_transposed = transposed(), transposed_field()
    parts = apart, least, together, seen, *ends(apart, seen), closed_form(), *about_gaps, *about_transposed
    return replace(whole, parts=parts)


def whole_field(apart: Theorem, together: Theorem) -> Theorem:
    """Where fields of neighbours touch a cell sees the whole of its field and nothing else."""
    begin = S[m + 1] * i - Q[m + 1]
    counted = x - U[m] - begin * J[m]  # from the first input that the first of the cells sees
    one_of = sp.And(sp.Le(a * J[m], counted), sp.Le(counted, a * J[m] + R[m] - 1))
    values = {y: counted, r: R[m], j: J[m], k: K[m + 1]}

    def start(line: Derivation) -> Derivation:
        alone = Iverson(sp.And(sp.Le(i, x), sp.Le(x, i)))
        to = Iverson(inside(0, x, i))
        return line.equation(SEES_ITSELF).arith(sp.KroneckerDelta(x, i), alone, because="`i` alone").fold(to, INPUTS)

    def step(line: Derivation, claim: Equation) -> Derivation:
        all_of = sp.And(sp.Le(0, counted), sp.Le(counted, formulas.field_size(R[m], J[m], K[m + 1]) - 1))
        field = inside(m + 1, x, i)
        return (
            line.equation(SEES)
            .equation(claim)
            .arith(inside(m, x, below(i)), one_of, because="counted from where the first of them begins to see")
            .since(apart, lambda here: here.lemma(together, at=values), at={m: m})
            .arith(all_of, before(field), because="counted from input 0 again")
            .fold(Iverson(field), FORMULAS, at={l: m})
        )

    field = Iverson(inside(m, x, i))
    return (
        Derivation(B[m, x, i], LAYERS, SPANS, STRIDES, NO_GAP, *FORMULAS, *INPUTS, *SEEN)
        .induction(m, field, start, step, over=(x, i))
        .qed(
            field,
            "receptive-field",
            about="Cell `i` of layer `m` sees exactly the `R[m]` inputs from `U[m] + i J[m]` on. Without the "
            "hypothesis on gaps it sees no others, and both ends of these; see below.",
        )
    )


# Gaps -------------------------------------------------------------------------------------------------------------

RECURSIONS = (*FORMULAS, *INPUTS, *SEEN)
BEHIND, BEFORE_NEXT = sp.Lt(last(m, c), x), sp.Lt(x, first(m, c + 1))


def gap(apart: Theorem, seen: Theorem) -> Theorem:
    """An input between the fields of two neighbours is seen by no cell of the layer."""
    bracket = Iverson(inside(m, x, i))
    strictly = Iverson(sp.And(sp.Lt(c * J[m], i * J[m]), sp.Lt(i * J[m], (c + 1) * J[m])))

    def between(here: Derivation) -> Derivation:
        return here.arith(
            bracket, bracket * strictly, because="it would begin behind the one and before the other"
        ).arith(strictly, sp.Integer(0), because="there is nothing between `c` and `c+1`")

    return (
        Derivation(B[m, x, i], LAYERS, NO_LESS_THAN_NONE, STRIDES, BEHIND, BEFORE_NEXT, *RECURSIONS)
        .lemma(seen, because="what a cell sees lies between its ends")
        .since(apart, between, at={m: m})
        .qed(
            sp.Integer(0),
            "receptive-field/gap",
            "What lies between the fields of two neighbours no cell of the layer sees",
            about="There are such inputs exactly where `R[m] < J[m]`.",
        )
    )


def unread() -> Theorem:
    """What no cell of a layer sees, no cell of a later layer sees."""
    nobody = Equation(B[s, x, i], sp.Integer(0), (i,), because="no cell of layer `s` sees `x`", defines=False)

    def step(line: Derivation, claim: Equation) -> Derivation:
        return line.equation(SEES).equation(claim)

    return (
        Derivation(B[m, x, i], sp.Ge(s, 0), sp.Ge(m, s), NO_LESS_THAN_NONE, SEES, nobody)
        .induction(m, sp.Integer(0), lambda line: line.equation(nobody), step, over=(i,), start=s)
        .qed(
            sp.Integer(0),
            "receptive-field/unread",
            "What no cell of a layer sees, no cell of a later layer sees",
            about="So a gap stays: it is a hole in every field of a later layer that reaches beyond it.",
        )
    )


def hole(apart: Theorem, least: Theorem, between: Theorem) -> Theorem:
    """A cell that reads two cells with a gap between their fields has a hole in its own."""
    place, begin = before(first(m + 1, i)) + R[m], S[m + 1] * i - Q[m + 1]
    seen, bracket = B[m + 1, place, i], Iverson(inside(m + 1, place, i))

    def inner(here: Derivation) -> Derivation:
        return here.arith(before(bracket), sp.Integer(1), because="the second of the cells begins to see behind it")

    return (
        Derivation((1 - seen) * bracket, LAYERS, SPANS, STRIDES, sp.Lt(R[m], J[m]), TWO, *RECURSIONS)
        .unfold(FORMULAS, at={l: m})
        .since(apart, lambda here: here.since(least, inner, at={m: m}), at={m: m})
        .equation(SEES)
        .lemma(between, at={x: place, i: below(i), c: begin}, because="it lies between the first two of the cells")
        .qed(
            sp.Integer(1),
            "receptive-field/hole",
            "A cell that reads two cells with a gap between their fields has a hole in its own",
            about="The input right behind the field of the first of the cells lies inside and is not seen: the "
            "bracket is 1, `B` is 0. So no cell has holes exactly where `R[l] >= J[l]` before every layer with "
            "`K[l+1] > 1`.",
        )
    )


def every_input(whole: Theorem) -> Theorem:
    """Where the fields of neighbours touch in every layer, every input is seen."""
    bracket = Iverson(inside(m, x, c))
    return (
        Derivation(B[m, x, c], LAYERS, SPANS, STRIDES, ALL_TOUCH, sp.Le(first(m, c), x), BEFORE_NEXT, *RECURSIONS)
        .lemma(whole, at={i: c}, because="there are no gaps, so it sees all of its field")
        .arith(bracket, sp.Integer(1), because="the next field begins behind it, and they touch")
        .qed(
            sp.Integer(1),
            "receptive-field/every-input",
            "Where the fields of neighbours touch in every layer, every input is seen",
            about="By the last cell `c` that begins to see at `x` or before. In a layer with `R[l] < J[l]` there is a "
            "gap that no later layer sees: so every input is seen exactly where `R[l] >= J[l]` in every layer.",
        )
    )


ALL_TOUCH = Range(sp.Ge(R[l], J[l]), over=(l,), because="the fields of neighbours touch")
TWO = Range(sp.Ge(K[m + 1], 2), because="it reads two")


# Transposed layers ------------------------------------------------------------------------------------------------


def reads() -> Term:
    """Whether output cell o of a transposed layer reads input cell c, which writes to e outputs from c s - q on."""
    return sp.And(sp.Le(c * s - q, o), sp.Le(o, c * s - q + e - 1))


def transposed() -> Theorem:
    """Which cells a cell of a transposed layer reads."""
    low, high = formulas.ceil_div(o + q - e + 1, s), sp.floor((o + q) / s)
    cells = sp.And(sp.Le(low, c), sp.Le(c, high))
    return same(Derivation(reads(), sp.Ge(s, 1)), cells, because="divide by `s`").qed(
        cells,
        "receptive-field/transposed",
        "A cell of a transposed layer reads the cells from `ceil((o+q-e+1)/s)` to `floor((o+q)/s)`",
        about="Input cell `c` writes to the `e` outputs from `c s - q` on.",
    )


def transposed_field() -> Theorem:
    """What a cell of a transposed layer sees lies in the field of the formulas with a fraction of the jump."""
    start = formulas.field_start(u, w, e - 1 - q) + o * w
    stop = start + formulas.field_size(r, w, e) - 1
    between = sp.And(sp.Le(start, u + c * j), sp.Le(u + c * j + r - 1, stop))
    return (
        Derivation(reads(), sp.Ge(w, 0), sp.Eq(j, s * w))
        .entails(between, because="`w` times the bounds of `c s`")
        .qed(
            between,
            "receptive-field/transposed-field",
            "What it sees lies in the field of a window of `e` cells that moves by an `s`-th of the jump",
            about="The cells it reads see `r` inputs each, cell `c` those from `u + c j` on, with `j = s w`; where "
            "`s` does not divide the jump, count inputs in `s`-ths.",
        )
    )


# The exact set ----------------------------------------------------------------------------------------------------


def offsets(layers: Sequence[tuple[int, int, int, int]]) -> set[int]:
    """The inputs that cell 0 of the last layer sees, exactly; a layer is (kernel, stride, padding, dilation).

    With dilation the fields have holes that the theorems do not describe, so the set is computed.

    >>> sorted(offsets([(3, 1, 0, 1), (2, 1, 0, 3)]))
    [0, 1, 2, 3, 4, 5]
    >>> sorted(offsets([(2, 1, 0, 1), (2, 1, 0, 3)]))
    [0, 1, 3, 4]
    """
    cells = {0}
    for k, s, q, d in reversed(layers):
        cells = {s * cell - q + d * tap for cell in cells for tap in range(k)}
    return cells


def chapter() -> list[Theorem]:
    """The theorems of this chapter, in reading order."""
    return [receptive_field()]
