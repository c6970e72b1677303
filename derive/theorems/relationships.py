r"""The fifteen relationships of a well-known guide, each with all that it assumes.

Main result: `relationships` (a transposed convolution gives back the size that a convolution came from, with the output
padding of the guide), whose parts are the guide's relationships 1 to 15 in its own words. "So many windows" is said
naively, by listing places (`placements`), and what the guide leaves out stands among the hypotheses. Each of those is
needed: without it there is a counterexample, which `counterexample` finds and the text shows.

The theorems speak about the functions of `shapecheck.formulas` themselves; the guide's formulas are retyped, as they
are what is judged.
Notation, as in the guide: i input, k kernel, s stride, p padding PER SIDE, d dilation. For a transposed convolution j
is the input (the guide's i'), and the guide's k', s', p' describe a convolution that does the same: of u cells, the
input with s-1 zeros between its cells (`stretched`), p' = k-p-1 zeros around it and a more behind.
References: V. Dumoulin and F. Visin, "A guide to convolution arithmetic for deep learning" (arXiv:1603.07285).
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import replace

import sympy as sp

from derive import semantics
from derive.blackboard import Derivation, integers, total
from derive.kernel import Theorem
from derive.render.notation import plain
from derive.terms import Iverson, Range, Term, free_in
from derive.theorems.pooling import ceil_count, e, n, q
from derive.theorems.windows import STRIDE, counted, exact
from shapecheck import formulas

i, j, k, p, s, d, m, a, t, u = integers("i j k p s d m a t u")

SIZE = sp.Ge(i, 0)
WHOLE = sp.Ge(k, 1)
UNIT = sp.Eq(s, 1)
NO_PADDING = sp.Eq(p, 0)
ODD = sp.Eq(k, 2 * m + 1)
HALF = sp.Eq(p, sp.floor(k / 2))
FULL = sp.Eq(p, k - 1)
LISTED = sp.Ge(i + 2 * p, 0)  # a list of places has no fewer than none; the count itself would be 0 all the same

# What the guide leaves out ----------------------------------------------------------------------------------------

LEAST = {"i": 1, "j": 1, "k": 1, "s": 1, "d": 1, "p": 0, "a": 0, "m": 0, "u": 0}  # sizes as they really are


def counterexample(theorem: Theorem, given: Range) -> tuple[dict[str, int], int | None, int | None]:
    """Small letters that meet all hypotheses but one, and the two sides there, which differ.

    Real sizes if there are such, else any integers; the greatest value as small as can be, then the sum. Where the
    sides never differ but sometimes have no value, as they divide by 0, such letters and None twice.
    LookupError where there is none: then the statement does not need the hypothesis.
    """
    others = [other.holds for other in theorem.hypotheses if isinstance(other, Range) and other != given]
    conditions = [*others, sp.Not(given.holds)]
    letters = sorted(frozenset().union(*map(free_in, [theorem.lhs, theorem.rhs, *conditions])), key=str)
    nothing: tuple[dict[str, int], None, None] | None = None
    for least, most in itertools.product((LEAST, {**LEAST, "j": 0}, {}), range(1, 7)):
        ranges = {x: range(least.get(x.name, -most), most + 1) for x in letters}
        found: list[tuple[int, int, dict[str, int], int, int]] = []
        for env in _assigned(ranges, conditions):
            point = {x.name: env[semantics.name_of(x)] for x in letters}
            try:
                one, other = (semantics.meaning(side)(env) for side in (theorem.lhs, theorem.rhs))
            except ZeroDivisionError:
                nothing = nothing or (point, None, None)
                continue
            if one != other:
                found.append((sum(map(abs, point.values())), len(found), point, one, other))
        if found:
            return min(found)[2:]
    if nothing:
        return nothing
    raise LookupError(f"{theorem.name} holds in all small cases without {given.holds}")


def _assigned(ranges: dict[Term, range], conditions: list[Term]) -> Iterator[semantics.Environment]:
    """Environments with each letter from its range in which the conditions hold, each tested as soon as it can be."""
    order: list[Term] = []
    for condition in sorted(conditions, key=lambda condition: len(free_in(condition))):
        order += sorted(free_in(condition) - set(order), key=str)
    order += [x for x in ranges if x not in order]
    tests = [
        [semantics.meaning(c) for c in conditions if max(map(order.index, free_in(c))) == place]
        for place in range(len(order))
    ]

    def fill(place: int, env: semantics.Environment) -> Iterator[semantics.Environment]:
        if place == len(order):
            yield env
            return
        for value in ranges[order[place]]:
            more = {**env, semantics.name_of(order[place]): value}
            if all(test(more) for test in tests[place]):
                yield from fill(place + 1, more)

    return fill(0, semantics.environment({}))


def judged(theorem: Theorem, left_out: Sequence[Term] = (), said: Sequence[Term] = ()) -> Theorem:
    """The theorem, its text told what happens without hypotheses that the guide leaves out, or says."""
    lines = [theorem.about] if theorem.about else []
    for relation in (*left_out, *said):
        point, one, other = counterexample(theorem, Range(relation))
        at = ", ".join(f"{name} = {value}" for name, value in point.items())
        without = f"Without `{plain(relation)}`" + (", which the guide leaves out," if relation in left_out else "")
        lines.append(f"{without} the left side is `{one}` and the right `{other}` for `{at}`.")
    return replace(theorem, about=" ".join(lines))


# Places -----------------------------------------------------------------------------------------------------------


def placements(cells: Term, span: Term, stride: Term) -> Term:
    """The places of a window on so many cells, naively: the starts t s from the first cell on at which it fits."""
    return total(Iverson(sp.Le(t * stride + span, cells)), (t, 0, cells - 1))


def _formula(chain: Derivation, cells: Term, span: Term, stride: Term) -> Derivation:
    """From the places to the size formula, which counts them."""
    at = {n: cells, k: span, p: sp.Integer(0), s: stride}
    return chain.lemma(counted(), at=at, because=f"count the places on `{plain(cells)}` cells")


def _counts() -> Term:
    """The hypothesis of the size formula, which the guide leaves out."""
    return formulas.WINDOW_COUNTS.holds(i, k, 2 * p, s)


def _windows(*given: Term) -> Derivation:
    """From the places of the kernel on the padded input to the formula."""
    return _formula(Derivation(placements(i + 2 * p, k, s), *given), i + 2 * p, k, s)


# Convolution ------------------------------------------------------------------------------------------------------


def _number(number: int) -> str:
    return f"relationships/{number}"


def _one() -> Theorem:
    return judged(
        _windows(UNIT, NO_PADDING, WHOLE, _counts())
        .arith(formulas.window_count(i, k, 2 * p, s), (i - k) + 1, because="no padding, and a quotient by 1")
        .qed((i - k) + 1, _number(1), "1. No zero padding, unit strides"),
        [_counts()],
    )


def _two() -> Theorem:
    formula = (i - k) + 2 * p + 1
    return judged(
        _windows(UNIT, WHOLE, _counts())
        .arith(formulas.window_count(i, k, 2 * p, s), formula, because="a quotient by 1")
        .qed(formula, _number(2), "2. Zero padding, unit strides"),
        [_counts()],
    )


def _three() -> Theorem:
    written = i + 2 * sp.floor(k / 2) - (k - 1)
    return judged(
        _windows(ODD, sp.Ge(m, 0), UNIT, HALF, SIZE)
        .arith(formulas.window_count(i, k, 2 * p, s), written, because="a quotient by 1, and `p = floor(k/2)`")
        .arith(written, i, because="`k = 2 m + 1`, so `2 floor(k/2) = 2 m = k-1`")
        .qed(
            i,
            _number(3),
            "3. Half (same) padding",
            about="With an even kernel the size grows by one: no padding that is the same on both sides keeps it.",
        ),
        said=[ODD],
    )


def _four() -> Theorem:
    written = i + 2 * (k - 1) - (k - 1)
    return (
        _windows(FULL, UNIT, WHOLE, SIZE)
        .arith(formulas.window_count(i, k, 2 * p, s), written, because="a quotient by 1, and `p = k-1`")
        .qed(i + (k - 1), _number(4), "4. Full padding")
    )


def _five() -> Theorem:
    formula = sp.floor((i - k) / s) + 1
    return judged(
        _windows(STRIDE, NO_PADDING, LISTED, WHOLE, _counts())
        .arith(formulas.window_count(i, k, 2 * p, s), formula, because="no padding, and one stride out of the floor")
        .qed(formula, _number(5), "5. No zero padding, non-unit strides"),
        [_counts()],
    )


def _six() -> Theorem:
    formula = sp.floor((i + 2 * p - k) / s) + 1
    return judged(
        _windows(STRIDE, LISTED, WHOLE, _counts())
        .arith(formulas.window_count(i, k, 2 * p, s), formula, because="one stride out of the floor")
        .qed(
            formula,
            _number(6),
            "6. Zero padding, non-unit strides",
            about="For `k` from `i + 2 p + 1` to `i + 2 p + s` the formula says 0, which is right, and torch refuses: "
            "it demands `k <= i + 2 p`, that is, a window.",
        ),
        [_counts()],
    )


def _same_sizes() -> Theorem:
    """Sizes with the same number of windows."""
    there = formulas.window_count(i, k, 2 * p, s)
    divides = sp.Eq(i + 2 * p - k, m * s)
    return (
        Derivation(formulas.window_count(i + a, k, 2 * p, s), sp.Ge(a, 0), sp.Le(a, s - 1), divides)
        .arith(i + a - k + 2 * p + s, m * s + a + s, because="`i + 2 p - k = m s`")
        .arith(sp.floor((m * s + a + s) / s), m + 1, because="`a` does not fill a stride")
        .arith(m + 1, there, because="as with `i` cells")
        .qed(
            there,
            "relationships/6/sizes",
            "Where `s` divides `i + 2 p - k`, the sizes `i` to `i + s - 1` have as many windows",
            about="The guide says that this applies only for `s > 1`; for `s = 1` it says nothing, and is true.",
        )
    )


def _seven() -> Theorem:
    formula, bare = sp.floor((i - k) / s) + 1, formulas.WINDOW_COUNTS.holds(i, k, 0, s)
    return judged(
        _formula(Derivation(placements(i, k, s), STRIDE, SIZE, WHOLE, bare), i, k, s)
        .arith(formulas.window_count(i, k, 0, s), formula, because="one stride out of the floor")
        .qed(
            formula,
            _number(7),
            "7. Pooling",
            about="The guide says that pooling does not involve zero padding, and that this holds for any pooling. "
            "It does not: torch's pools take a padding, which relationship 6 counts, and a ceil mode, which the next "
            "part is about; of adaptive and fractional pools the size is asked for.",
        ),
        [bare],
    )


def _ceil() -> Theorem:
    """Relationship 7 in ceil mode."""
    formula, count = sp.floor((i - k) / s) + 1, ceil_count(n).subs({n: i, e: k, q: 0}, simultaneous=True)
    divides, in_time = sp.Eq(i - k, m * s), sp.floor((m * s + k + s - 1) / s)
    return judged(
        Derivation(count, STRIDE, WHOLE, divides)
        .arith(i - k + s - 1, m * s + s - 1, because="`i - k = m s`")
        .arith(sp.floor((m * s + s - 1) / s), m, because="what is added does not fill a stride")
        .arith(i + s - 1, m * s + k + s - 1, because="`i - k = m s`")
        .arith(sp.Min(m + 1, in_time), m + 1, because="as `k >= 1`, so many windows start in the input")
        .arith(m + 1, formula, because="`(i - k)/s = m`")
        .qed(
            formula,
            "relationships/7/ceil-mode",
            "7 in ceil mode: where the stride divides `i - k`",
        ),
        said=[divides],
    )


# Transposed convolution -------------------------------------------------------------------------------------------


CELLS = sp.Ge(j, 1)
PADS = sp.Le(p, k - 1)  # so p' = k-p-1 is a padding


def zeros(number: Term) -> Term:
    """So many zeros: none where the number is negative, as zeros can be put in and not taken out."""
    return sp.Max(number, 0)


def stretched(padding: Term, behind: Term = 0) -> Term:
    """The hypothesis that u counts the input's cells, s-1 zeros between any two, the padding, and what is behind."""
    return sp.Eq(u, j + zeros(s - 1) * zeros(j - 1) + 2 * padding + behind)


def _size(behind: Term = 0) -> Term:
    """The hypothesis that the size is one."""
    return sp.Ge(formulas.transposed_size(j, k, 2 * p, s, behind), 0)


def _over(cells: Term, *given: Term) -> Derivation:
    """From the places of the kernel at stride 1, which the guide's s' is, to their number."""
    return _formula(Derivation(placements(cells, k, 1), *given), cells, k, sp.Integer(1))


def _arrives(chain: Derivation, formula: Term, number: int, title: str, behind: Term = 0, about: str = "") -> Theorem:
    """The number of places is the guide's formula, and that is the transposed size."""
    there = formulas.transposed_size(j, k, 2 * p, s, behind)
    for term, because in ((formula, "as the guide writes it"), (there, "the size of a transposed convolution")):
        if chain.term != term:
            chain = chain.arith(chain.term, term, because=because)
    return chain.qed(there, _number(number), f"{number}. {title}, transposed: `{plain(formula)}`", about)


ALONE = "No size is below 0; behind the convolution it belongs to, the size is `i`."
FLIPPED = "The guide does not say that the equivalent convolution has the kernel flipped."


def _eight() -> Theorem:
    chain = _over(j + 2 * (k - 1), UNIT, NO_PADDING, WHOLE, sp.Ge(j, 0))
    return _arrives(chain, j + (k - 1), 8, "No zero padding, unit strides", about=FLIPPED)


def _nine() -> Theorem:
    chain = _over(u, sp.Eq(u, j + 2 * zeros(k - p - 1)), UNIT, WHOLE, PADS, _size())
    about = "With more padding than that the transposed convolution cuts cells off, and no zeros around do so. " + ALONE
    return judged(_arrives(chain, j + (k - 1) - 2 * p, 9, "Zero padding, unit strides", about=about), [PADS, _size()])


def _ten() -> Theorem:
    chain = _over(j + 2 * p, ODD, sp.Ge(m, 0), UNIT, HALF, sp.Ge(j, 0))
    return judged(_arrives(chain, j, 10, "Half (same) padding"), said=[ODD])


def _eleven() -> Theorem:
    chain = _over(j, FULL, UNIT, WHOLE, sp.Ge(j, k - 1))
    return judged(_arrives(chain, j - (k - 1), 11, "Full padding", about=ALONE), [sp.Ge(j, k - 1)])


def _twelve() -> Theorem:
    chain = _over(u, stretched(k - 1), STRIDE, NO_PADDING, WHOLE, CELLS)
    return judged(
        _arrives(
            chain,
            s * (j - 1) + k,
            12,
            "No zero padding, non-unit strides",
            about="That `s` divides `i - k` is not what makes this the size, but what makes it `i` again: see 13. The "
            "`j >= 1` says that the convolution it belongs to has a window, `k <= i`.",
        ),
        [CELLS],
    )


def _thirteen() -> Theorem:
    chain = _over(u, stretched(zeros(k - p - 1)), STRIDE, WHOLE, CELLS, PADS, _size())
    formula = s * (j - 1) + k - 2 * p
    about = "The guide leaves out here what it leaves out in 9 and 12."
    return judged(_arrives(chain, formula, 13, "Zero padding, non-unit strides", about=about), [CELLS, PADS, _size()])


def _exactly() -> Theorem:
    """What the guide asks of the sizes."""
    back = formulas.transposed_size(formulas.window_count(i, k, 2 * p, s), k, 2 * p, s, 0)
    divides = sp.Eq(sp.Mod(i + 2 * p - k, s), 0)
    return (
        Derivation(sp.Eq(back, i), STRIDE)
        .arith(
            sp.Eq(back, i),
            sp.Eq(s * (formulas.window_count(i, k, 2 * p, s) - 1), i + 2 * p - k),
            because="bring `k - 2 p` to the other side",
        )
        .lemma(exact(), at={n: i, p: 2 * p}, because="a quotient is whole where the divisor divides")
        .qed(
            divides,
            "relationships/13/exactly",
            "The size of 12 and 13 is the convolution's input `i` exactly where `s` divides `i + 2 p - k`",
            about="So the guide's hypothesis is sharp. For `s = 1`, in 8 to 11, it always holds.",
        )
    )


def _fourteen() -> Theorem:
    behind = sp.Ge(a, 0)
    chain = _over(u, stretched(zeros(k - p - 1), zeros(a)), STRIDE, WHOLE, CELLS, PADS, behind, _size(a))
    return judged(
        _arrives(
            chain,
            s * (j - 1) + a + k - 2 * p,
            14,
            "Zero padding, non-unit strides, the odd case",
            behind=a,
            about="The guide's figure for `i = 6` speaks of a `2 x 2` input; by its own formula `j = 3`.",
        ),
        [CELLS, PADS, _size(a)],
    )


def _fifteen() -> Theorem:
    effective = k + (k - 1) * (d - 1)
    spans = sp.Ge(formulas.dilated(k, d), 1)
    counts = formulas.WINDOW_COUNTS.holds(i, formulas.dilated(k, d), 2 * p, s)
    formula = sp.floor((i + 2 * p - effective) / s) + 1
    taps = placements(i + 2 * p, d * (k - 1) + 1, s)  # the last tap stands d (k-1) behind the first
    chain = _formula(Derivation(taps, STRIDE, LISTED, spans, counts), i + 2 * p, formulas.dilated(k, d), s)
    return judged(
        chain.arith(
            formulas.window_count(i, formulas.dilated(k, d), 2 * p, s),
            formula,
            because="`k + (k-1) (d-1) = d (k-1) + 1`; one stride out of the floor",
        ).qed(formula, _number(15), "15. Dilated convolutions"),
        [counts],
    )


def relationships() -> Theorem:
    """A transposed convolution gives back the size."""
    behind = sp.Mod(i + 2 * p - k, s)
    there = formulas.transposed_size(formulas.window_count(i, k, 2 * p, s), k, 2 * p, s, behind)
    return (
        Derivation(there, STRIDE)
        .arith(
            behind,
            i + 2 * p - k - s * (formulas.window_count(i, k, 2 * p, s) - 1),
            because="the remainder is what the count misses",
        )
        .qed(
            i,
            "relationships",
            about="The guide's relationships are about convolutions (1 to 6, and 15), pools (7) and transposed ones (8 "
            "to 14), each on one axis. With `a` cells more behind, `a` the remainder, every size comes back. What the "
            "guide leaves out stands with each part. " + FLIPPED,
            parts=[
                _one(),
                _two(),
                _three(),
                _four(),
                _five(),
                _six(),
                _same_sizes(),
                _seven(),
                _ceil(),
                _eight(),
                _nine(),
                _ten(),
                _eleven(),
                _twelve(),
                _thirteen(),
                _exactly(),
                _fourteen(),
                _fifteen(),
            ],
        )
    )


def chapter() -> list[Theorem]:
    """The theorems of this chapter, in reading order."""
    return [relationships()]
