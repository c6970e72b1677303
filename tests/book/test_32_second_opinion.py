r"""Must one believe the solver?

Z3 has said that every step of the book is sound, of terms that one translator wrote. Here the facts about integers are
written anew, as SMT-LIB text without a division, and two provers read the same text; and plain Python integers, which
know neither SymPy nor a solver, evaluate every theorem about integers at ten thousand points, with numbers of up to
thirty digits. Theorems about arrays are evaluated at larger sizes than `recheck` takes.

Main results: `test_the_theorems_about_integers_are_confirmed`, `test_a_planted_falsehood_is_found_by_both`,
`test_ten_thousand_points`, `test_larger_arrays`.
cvc5 is an extra, `pip install 'shapeproof[cvc5]'`; where it is missing only its own part of this chapter is left out.
`derive confirm` asks for the side conditions of all steps as well.
"""

from __future__ import annotations

import random
from dataclasses import replace

import pytest
import sympy as sp

from derive import points, second_opinion, semantics, smt
from derive.second_opinion import ABSENT, CONFIRMED, DISAGREE, UNKNOWN, Goal, family, goals, judged
from derive.smtlib import Untold, script
from derive.table import CHAPTERS, THEOREMS
from derive.terms import Iverson

x, y, a, b, n, k, p, s = sp.symbols("x y a b n k p s", integer=True)
A = sp.IndexedBase("A", integer=True)

with_cvc5 = pytest.mark.skipif(not second_opinion.version(), reason="cvc5 is not installed")
PROVERS = [pytest.param(smt.told, id="Z3"), pytest.param(second_opinion.cvc5_told, id="cvc5", marks=with_cvc5)]
SECONDS = 5.0  # for what is easy

SIZES = ["windows", "pooling", "transposed", "stacks", "demands", "resampling"]  # chapters mostly about integers


def chapter_of(chapter):
    """The theorems of a chapter with their parts: those about integers alone, and the others."""
    every = [each for name in CHAPTERS[chapter] for each in family(THEOREMS[name])]
    about = [each for each in every if points.first_order(each)]
    return about, [each for each in every if each not in about]


# The text ------------------------------------------------------------------------------------------------------------

SMALL = range(-7, 8)
TERMS = [
    sp.floor(x / y),
    sp.ceiling(x / y),
    sp.floor(x / 3 - sp.Rational(1, 2)),
    sp.floor((x + 1) / y + 1) - sp.ceiling(x / 2),
    sp.Mod(x, y),
    sp.Mod(x, -3),
    sp.Min(x, y, 2) * sp.Max(x, -y),
    abs(x * y - 3) + x**3,
    Iverson(sp.Or(sp.And(x < y, sp.Ne(x, 2)), sp.Not(sp.Equivalent(x >= 1, y > 1)))) + 2,
    Iverson(sp.Equivalent(x >= 2, y >= 2, evaluate=False)) - Iverson(sp.Implies(x >= 0, y >= 0)),
    sp.KroneckerDelta(x, y + 1) - 4,
]


@pytest.mark.parametrize("prover", PROVERS)
@pytest.mark.parametrize("term", TERMS, ids=str)
def test_the_text_means_what_the_term_means(term, prover):
    """At random numbers the text says the value of the naive evaluator, and no other."""
    rng = random.Random(str(term))
    for _ in range(4):
        at = {x: rng.choice(SMALL), y: rng.choice([value for value in SMALL if value])}
        value = semantics.meaning(term)(semantics.environment(at))
        fixed = [sp.Eq(letter, number, evaluate=False) for letter, number in at.items()]
        for said, answer in ((value, "unsat"), (value + 1, "sat")):
            text = script(fixed, sp.Eq(term, said, evaluate=False), lemmas=rng.randrange(3))
            assert prover(text, SECONDS) == answer, (at, value, text)


@pytest.mark.parametrize("prover", PROVERS)
def test_the_lemmas_are_true(prover):
    """a < b gives a y + y <= b y where y > 0, and where y < 0 it does not; products of what is >= 0 are >= 0."""
    step = sp.Implies(a < b, a * y + y <= b * y)
    assert prover(script([y > 0], step), SECONDS) == "unsat"
    assert prover(script([y < 0], step), SECONDS) == "sat"
    product = sp.Ge(x * a, 0)
    assert prover(script([x > 0, a >= 0], product), SECONDS) == "unsat"
    assert prover(script([a >= 0], product), SECONDS) == "sat"


@pytest.mark.parametrize("prover", PROVERS)
@pytest.mark.parametrize("rounded", [sp.floor, sp.ceiling])
def test_no_lemma_contradicts_plain_numbers(rounded, prover):
    """With every letter at a number, of any sign, definitions and lemmas together hold."""
    rng = random.Random(0)
    term = a * y + rounded(n / y) * s - rounded((n + 1) / y) + rounded(n * b / s)
    for _ in range(30):
        at = {letter: rng.randint(-9, 9) for letter in (a, b, n)} | {
            y: rng.choice([-3, 1, 2, 5]),
            s: rng.choice([-2, 3]),
        }
        fixed = [sp.Eq(letter, number, evaluate=False) for letter, number in at.items()]
        text = script([*fixed, sp.Ge(term, -1000)], sp.false, lemmas=2)
        assert text.count("(assert (=>") > 20
        assert prover(text, SECONDS) == "sat", (at, text)


@pytest.mark.parametrize("prover", PROVERS)
def test_of_an_array_only_equal_places_are_known_to_be_equal(prover):
    """A[x] = A[y] follows from x = y, and from nothing less."""
    same = sp.Eq(A[x + 1], A[y + 1], evaluate=False)
    assert prover(script([sp.Eq(x, y)], same), SECONDS) == "unsat"
    assert prover(script([], same), SECONDS) == "sat"


@pytest.mark.parametrize("term", [sp.Symbol("r", real=True), sp.IndexedBase("X")[x], sp.exp(x), x / 2, 2**x], ids=str)
def test_what_is_no_arithmetic_of_integers_is_not_told(term):
    """A real, an entry of any array, a fraction that is not rounded, a power of a letter: no text says such a thing."""
    with pytest.raises(Untold):
        script([], sp.Le(term, 1, evaluate=False))


# Provers -------------------------------------------------------------------------------------------------------------


@with_cvc5
@pytest.mark.parametrize("chapter", ["windows", "transposed", "stacks", "demands"])  # `derive confirm` asks for all
def test_the_theorems_about_integers_are_confirmed(chapter):
    """No prover disagrees with a theorem about integers, and cvc5 confirms those that are not too hard for it."""
    statements = [list(goals(replace(each, parts=())))[-1] for each in chapter_of(chapter)[0]]
    verdicts = {goal.what: judged(goal, 0.5).verdict for goal in statements}
    assert DISAGREE not in verdicts.values(), verdicts
    assert CONFIRMED in verdicts.values(), verdicts  # how many depends on how fast the machine is: `derive confirm`


FALSE = [
    ([s >= 1], sp.Eq(sp.floor((n - k + p) / s), sp.floor((n - k + p + s) / s))),
    ([s >= 1, k <= n], sp.Eq(s * sp.floor((n - k) / s), n - k)),
    ([s >= 1], sp.Equivalent(s * x <= n, x < sp.floor(n / s))),
    ([], sp.Ge(sp.floor((n - k + s) / s), 0)),
    ([n >= 1000], sp.Ne(sp.Mod(n, 977), 5)),
]


@with_cvc5
@pytest.mark.parametrize(("premises", "fact"), FALSE, ids=[str(fact) for _, fact in FALSE])
def test_a_planted_falsehood_is_found_by_both(premises, fact):
    """A wrong formula is answered sat by Z3 and by cvc5: this is what a disagreement would look like."""
    answers = judged(Goal("planted", tuple(premises), fact), 2 * SECONDS)
    assert answers == ("sat", "sat")
    assert answers.verdict == DISAGREE


@with_cvc5
def test_a_theorem_that_lost_a_hypothesis_is_found_out():
    """Without `0 <= op` or `op < s` a transposed size does not come back, and the provers say so."""
    theorem = THEOREMS["transposed"]
    for place, given in enumerate(theorem.hypotheses):
        fewer = (*theorem.hypotheses[:place], *theorem.hypotheses[place + 1 :])
        *_, statement = goals(replace(theorem, hypotheses=fewer, parts=()))
        assert judged(statement, 2 * SECONDS).verdict == DISAGREE, given


def test_without_cvc5_nothing_is_confirmed(monkeypatch):
    """Where cvc5 is missing the verdict is that it was not asked, whatever Z3 says; a counterexample counts still."""
    monkeypatch.setattr(second_opinion, "_cvc5", lambda: None)
    assert judged(Goal("true", (s >= 1,), sp.Le(s * sp.floor(n / s), n))).verdict == ABSENT
    assert judged(Goal("false", (s >= 1,), sp.Lt(s * sp.floor(n / s), n))).verdict == DISAGREE


@with_cvc5
def test_an_answer_that_does_not_come_in_time_is_unknown():
    """Nothing is confirmed by waiting."""
    fermat = Goal("cubes", (n >= 1, k >= 1, p >= 1), sp.Ne(n**3 + k**3, p**3))
    assert judged(fermat, 0.2).verdict == UNKNOWN


# Plain integers ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_ten_thousand_points(chapter):
    """Every theorem about integers holds at 10,000 random points that meet its hypotheses, far beyond any table."""
    about, _ = chapter_of(chapter)
    assert len(about) >= 3 * (chapter in SIZES)
    for theorem in about:
        at = points.evaluated(theorem)
        print(f"{at.name}: {at.points} points, seed {at.seed}, numbers up to {at.largest:.0e}")
        assert at.false_at is None, at
        assert at.points == points.COUNT, at
        assert at.largest > 10**20, at


def test_a_falsehood_does_not_survive_the_points():
    """With one more on its right side, or with a hypothesis less, a theorem fails at one of the points."""
    theorem = THEOREMS["transposed"]
    assert points.evaluated(replace(theorem, rhs=theorem.rhs + 1)).false_at
    for place in range(len(theorem.hypotheses)):
        fewer = (*theorem.hypotheses[:place], *theorem.hypotheses[place + 1 :])
        assert points.evaluated(replace(theorem, hypotheses=fewer)).false_at


def test_what_is_evaluated_is_what_the_term_means():
    """The Python that is evaluated at the points gives the numbers of the naive evaluator."""
    rng = random.Random(0)
    for term in TERMS:
        run = eval(f"lambda xx, xy: {points.written(term)}", {"_same": lambda one, other: int(one == other)})
        for _ in range(20):
            at = {x: rng.choice(SMALL), y: rng.choice([value for value in SMALL if value])}
            assert run(at[x], at[y]) == semantics.meaning(term)(semantics.environment(at)), (term, at)


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_larger_arrays(chapter, monkeypatch):
    """Every theorem about arrays, sums or reals holds for sizes up to 5, of which `recheck` takes those up to 3."""
    seed = 1
    print(f"seed {seed}")
    rng = random.Random(seed)
    monkeypatch.setattr(semantics, "_ORDERS", [rng.sample(range(-2, 6), 8) for _ in range(100)])
    for theorem in chapter_of(chapter)[1]:
        models = semantics.models([theorem.lhs, theorem.rhs], theorem.hypotheses, theorem.witness, limit=5)
        held = [semantics.holds(theorem.lhs, theorem.rhs, theorem.relation, env) for env in models]
        assert held, theorem.name
        assert all(held), theorem.name
