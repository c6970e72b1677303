r"""What may count as a proof?

A derivation is a chain of terms, each made from the one before by a rule. This chapter is about what the kernel
refuses: a rule outside its conditions, a hypothesis outside its guard, a chain with a gap, a theorem somebody typed.
For every condition we drop it from the kernel and watch a false "theorem" appear: the conditions are not decoration.

Main results: `test_each_abuse_is_refused`, `test_without_its_condition_a_falsehood_passes`,
`test_forged_theorems_fail`.
Notation: F, G arrays of arbitrary integers, n, m, c sizes or shifts, k, l, a, b indices.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
import sympy as sp

from derive import THEOREMS, rules, semantics, smt
from derive.blackboard import Derivation, Equation, Iverson, Range, Support, arrays, integers, reals, sizes, total
from derive.kernel import RuleError, Step, Theorem
from derive.rules import Scope, apply, well_formed
from derive.terms import proposition, substitute

n, m, c, k, l, a, b, t, x, y, s = integers("n m c k l a b t x y s")  # noqa: E741
F, G, H = arrays("F G H")
POSITIVE = sp.Symbol("c", integer=True, positive=True)
REAL_K = sp.Symbol("k", real=True)
(half,) = reals("half")

SUM = total(F[k], (k, 0, n - 1))
DOUBLE = total(F[k, l], (k, 0, n - 1), (l, 0, m - 1))
TRIANGLE = total(F[k, l], (k, 0, n - 1), (l, 0, k))
SIZES = (Range(sp.Ge(n, 0)), Range(sp.Ge(m, 0)))
IN_BOX = Support(F, ((0, n - 1),))
GUARDED = Equation(F[k], G[k], (k,), (sp.Ge(k, 0),), because="they agree from 0 on", defines=False)
OUTER = Equation(F[k], G[k] * c, (k,), because="c times G")


@dataclass(frozen=True)
class Abuse:
    """A use of a rule that must be refused, and the label (or labels that cover for each other) of the condition."""

    labels: frozenset[str]
    rule: str
    term: Any
    arguments: dict[str, Any]
    hypotheses: tuple[Any, ...] = SIZES

    def __str__(self) -> str:
        return f"{self.rule}: {' and '.join(sorted(self.labels))}"


def abuse(labels: str, rule: str, term: Any, /, *hypotheses: Any, **arguments: Any) -> Abuse:
    """An abuse, its conditions as one string."""
    return Abuse(frozenset(labels.split()), rule, term, arguments, (*SIZES, *hypotheses))


class Shifty:
    """An array that answers 1 and 2 by turns."""

    is_integer = None

    def __init__(self) -> None:
        self.last = 2

    def __getitem__(self, indices: Any) -> Any:
        """The other number."""
        self.last = 3 - self.last
        return sp.Integer(self.last)


def _told(first: Any, last: Any, *hypotheses: Any) -> Theorem:
    """A lemma of one step of arithmetic or algebra."""
    start = Derivation(first, *hypotheses)
    return (start.ring(last) if first.has(F) else start.arith(first, last)).qed(last, "lemma")


SPREAD = _told(c * (F[k] + 1), c * F[k] + c)
AT_LEAST_ONE = _told(Iverson(n > 0), Iverson(n >= 1))
NOT_NEGATIVE = _told(Iverson(c >= 0), sp.Integer(1), sp.Ge(c, 0))
SLAB = sp.Integral(total(F[k] * half, (k, 0, n - 1)), (half, 0, 1))

(K,) = sizes("K")
CELL_NOT_INSIDE = _told(Iverson(sp.And(K[c] > 0, K[c] < 1)), sp.Integer(0))
NOTHING_MORE = _told(sp.Ge(c, 1), sp.Ge(c - 1, 0))
ALL_POSITIVE = _told(Iverson(K[c] >= 1), sp.Integer(1), Range(sp.Ge(K[l], 1), over=(l,)))
EIGHTHS = Equation(F[a], G[a] / 8, (a,))
MOVES = Equation(H[a + 1, b], H[a, b + 1], (a, b), (sp.Ge(a, 0),), because="moved by one")
ONE_ZERO = Equation(H[0, x], sp.Integer(0), because="for this x", defines=False)
BOTH = sp.And(half > 0, half < 1)


def inductive_use(
    term: Any, m: Any, to: Any, start: Any, step: Any, over: Any = (), *hypotheses: Any
) -> dict[str, Any]:
    """The arguments of an induction whose start needs at most one equation, and whose step is a chain."""
    lax = Lax((*SIZES, *hypotheses), waived=frozenset({"all-values"}))
    before, after, claim = rules.inductive(lax, term, m, sp.sympify(start), to, over)
    blank = Derivation(sp.Integer(0))
    begun = blank._within(before, substitute(term, {m: start})).unfold([e for e in hypotheses if e == ONE_ZERO])
    gone = step(blank._within(after, substitute(term, {m: m + 1})), claim)
    chains = {"first": begun.steps, "step": gone.steps}
    return {"m": m, "start": sp.sympify(start), "to": to, "over": over, **chains}


def knowing(fact: Any, term: Any, to: Any) -> dict[str, Any]:
    """The arguments of a step of arithmetic that takes a fact for granted."""
    inside = Derivation(sp.Integer(0))._within(Scope(SIZES, given=(fact,)), term)
    return {"to": to, "chain": inside.arith(term, to).steps}


@dataclass
class Lax(Scope):
    """A scope that does not ask for some conditions: a mutant of the kernel."""

    waived: frozenset[str] = field(default=frozenset())

    def demand(self, label: str, fact: Any, pattern: str, *of: Any) -> None:
        """Ask, unless the condition is waived."""
        if label not in self.waived:
            super().demand(label, fact, pattern, *of)


ABUSES = [
    # a new index that clashes with one in use
    abuse("fresh", "shift", total(F[k] * G[c], (k, 0, n - 1)), k=k, to=c, by=m),
    abuse("fresh", "reflect", total(F[k] * G[c], (k, 0, n - 1)), k=k, to=c, about=n),
    # a shift that mentions the index itself
    abuse("own-index no-shadow", "shift", SUM, k=k, to=k, by=k),
    # a range that mentions an inner index
    abuse("inner-index no-shadow range dropped added", "support", DOUBLE, k=k, low=sp.Integer(0), high=n - 1 - l),
    abuse("inner-index no-shadow within range", "split", TRIANGLE, k=k, at=l),
    # a shift that is no integer
    abuse("integer-shift integer-range", "shift", total(F[k] * G[k], (k, 0, n - 1)), k=k, to=a, by=n / 2),
    # dependent limits
    abuse("independent no-shadow range", "swap", TRIANGLE, outer=k, inner=l),
    # a support shrunk too far, or a range grown too far
    abuse("dropped", "support", SUM, IN_BOX, Range(sp.Ge(n, 1)), k=k, low=sp.Integer(0), high=n - 2),
    abuse("added", "support", SUM, k=k, low=sp.Integer(-1), high=n - 1),
    abuse("vanishes", "vanish", SUM, k=k),
    # a delta outside the range
    abuse("in-range", "delta", total(F[k] * sp.KroneckerDelta(k, c), (k, 0, n - 1)), k=k),
    # factors and terms that depend on the index
    abuse("constant no-shadow", "into", c * sp.KroneckerDelta(k, a) * SUM, k=k),
    abuse("constant", "count", SUM, k=k),
    # a place to split at that is not in the range
    abuse("within range", "split", SUM, k=k, at=c),
    abuse("one-place", "single", SUM, k=k),
    # a sum is no integral, and a wrong antiderivative; a power that may be 1/0
    abuse("integral-only", "antiderivative", total(k, (k, 0, n)), k=k, of=k**2 / 2),
    abuse("antiderivative", "antiderivative", sp.Integral(half, (half, 0, n)), k=half, of=half**2),
    abuse("exponent", "out", total(c * x ** (k - 1), (k, 0, n)), k=k),
    abuse("exponent", "power", total(x**k, (k, 0, n)), base=x, exponent=k),
    # hypotheses: not assumed, outside the guard, capturing, at something that is no integer
    abuse("assumed", "equation", SUM, by=GUARDED),
    abuse("guard", "equation", total(F[k - 1], (k, 0, n - 1)), GUARDED, by=GUARDED),
    abuse("no-shadow", "equation", total(F[c], (c, 0, n - 1)), OUTER, by=OUTER),
    # algebra and arithmetic that is wrong
    abuse("same-algebra", "ring", F[k] * 2, to=F[k] * 3),
    abuse("same-array", "arith", F[k], old=F[k], new=G[k]),
    abuse("equal", "arith", F[n - 1], old=F[n - 1], new=F[n]),
    abuse("equal", "arith", sp.Le(k, n), old=sp.Le(k, n), new=sp.Lt(k, n)),
    abuse("positive", "galois", sp.Le(t, sp.floor(y / s)), Range(sp.Ne(s, 0))),
    abuse("follows", "entails", sp.Le(k, n), to=sp.Lt(k, n)),
    # halves: a range that ends between two integers, a delta that holds nowhere
    abuse("integer-range", "count", total(sp.Integer(1), (k, 0, n / 2)), k=k),
    # reading an implication backwards, or something backwards that does not read back
    abuse("two-way", "backwards", sp.Le(k, n), rule="entails", to=sp.Lt(k, n), arguments=(("to", sp.Le(k, n)),)),
    abuse(
        "reads-back",
        "backwards",
        F[c],
        rule="delta",
        to=total(F[k] * sp.KroneckerDelta(k, 0), (k, 0, 0)),
        arguments=(("k", k),),
    ),
    # numbers for integers, truths for numbers, integrals for sums, and what looks like an array
    abuse("integer", "galois", sp.Le(half, sp.floor(y / s)), Range(sp.Ge(s, 1))),
    abuse("integer-values", "lemma", Iverson(half > 0), by=AT_LEAST_ONE, at=((n, half),)),
    abuse("lemma-range", "lemma", Iverson(sp.Ge(m - 1, 0)), by=NOT_NEGATIVE, at=((c, m - 1),)),
    abuse("arrays", "lemma", 2 * c, by=SPREAD, arrays=((F, Shifty()),)),
    abuse("all-given", "equation", SUM, OUTER, by=OUTER, at=((k, k), (c, m))),
    abuse("kind", "entails", n, to=sp.true),
    abuse("is-sum", "linear", total(c * F[k], (k, 0, n - 1)), k=k),
    abuse("sum-only", "count", sp.Integral(c, (half, 0, n)), k=half),
    abuse("has-delta", "delta", sp.Integral(sp.KroneckerDelta(half, 0) * (half + 1), (half, -1, 1)), k=half),
    abuse("neighbours real-range", "swap", SLAB, outer=half, inner=k),
    abuse("same-kind real-range", "shift", sp.Integral(sp.floor(half), (half, 0, 2)), k=half, to=k, by=sp.Integer(0)),
    abuse("no-zero", "out", total(F[k] / c, (k, 0, n - 1)), k=k),
    # inductions: below the start, from a start that moves, over what is assumed of one value, over reals
    abuse(
        "from-start",
        "induction",
        sp.Max(c, 0),
        **inductive_use(sp.Max(c, 0), c, c, 0, lambda line, _: line.arith(line.term, c + 1)),
    ),
    abuse(
        "own-start",
        "induction",
        Iverson(sp.Eq(c, x)),
        Range(sp.Ge(c, x)),
        **inductive_use(
            Iverson(sp.Eq(c, x)),
            c,
            sp.Integer(1),
            x,
            lambda line, claim: line.arith(line.term, Iverson(sp.Eq(c, x - 1))).equation(claim, at={x: x - 1}),
            (x,),
        ),
    ),
    abuse(
        "all-values",
        "induction",
        H[c, x],
        Range(sp.Ge(c, 0)),
        MOVES,
        ONE_ZERO,
        **inductive_use(
            H[c, x],
            c,
            sp.Integer(0),
            0,
            lambda line, claim: line.equation(MOVES).equation(claim),
            (x,),
            MOVES,
            ONE_ZERO,
        ),
    ),
    abuse(
        "induction-letter",
        "induction",
        Iverson(BOTH),
        Range(sp.Ge(half, 0)),
        **inductive_use(Iverson(BOTH), half, sp.Integer(0), 0, lambda line, _: line.arith(line.term, sp.Integer(0))),
    ),
    # theorems: one that does not say what always holds, about all integers where one is meant, about integers only
    abuse(
        "always",
        "since",
        Iverson(c >= 1),
        by=NOTHING_MORE,
        at=(),
        **knowing(sp.Ge(c, 1), Iverson(c >= 1), sp.Integer(1)),
    ),
    abuse("for-all", "lemma", Iverson(K[c] >= 1), Range(sp.Ge(K[l], 1)), by=ALL_POSITIVE),
    abuse("integer-array", "lemma", Iverson(sp.And(F[c] > 0, F[c] < 1)), EIGHTHS, by=CELL_NOT_INSIDE, arrays=((K, F),)),
    # terms that are not well formed: melted conditions, two meanings of a name, shadows, reversed ranges
    abuse("plain-symbol", "count", total(sp.Integer(1), (k, 0, POSITIVE - 1)), k=k),
    abuse("one-meaning", "out", total(F[k] * REAL_K, (k, 0, n - 1)), k=k),
    abuse("range", "count", total(sp.Integer(1), (k, 0, c - 1)), k=k),
]


def _use(scope: Scope, case: Abuse) -> Any:
    well_formed(case.term, scope)
    return apply(scope, case.rule, case.term, dict(case.arguments))


@pytest.mark.parametrize("case", ABUSES, ids=str)
def test_each_abuse_is_refused(case):
    """Every rule refuses to be used outside its conditions."""
    with pytest.raises(RuleError):
        Derivation(case.term, *case.hypotheses).use(case.rule, **case.arguments)


def _false(before: Any, after: Any, hypotheses: tuple[Any, ...]) -> bool:
    """Whether the semantics tells the terms apart in some model; nonsense (no value at all) counts as false."""
    relation = "<=>" if proposition(before) else "="
    try:
        return any(
            not semantics.holds(before, after, relation, env) for env in semantics.models([before, after], hypotheses)
        )
    except (TypeError, NameError, ZeroDivisionError):
        return True


@pytest.mark.parametrize("case", ABUSES, ids=str)
def test_without_its_condition_a_falsehood_passes(case):
    """A kernel that drops the condition (all of those that cover for each other) derives a false statement."""
    lax = Lax(case.hypotheses, waived=case.labels)
    after = _use(lax, case)
    assert _false(case.term, after, case.hypotheses), (case.term, after)


@pytest.mark.parametrize("case", [c for c in ABUSES if len(c.labels) == 1], ids=str)
def test_the_condition_named_is_the_one_that_refuses(case):
    """With every other condition dropped, the named one alone still refuses."""
    everything = frozenset(label for other in ABUSES for label in other.labels) - case.labels
    lax = Lax(case.hypotheses, waived=everything)
    with pytest.raises(RuleError):
        _use(lax, case)


def test_every_condition_is_abused():
    """No condition of the rules, by its label, is without a term that becomes false where it is dropped."""
    source = Path(rules.__file__).read_text(encoding="utf-8")
    labels = set(re.findall(r'demand\(\s*"([a-z-]+)"', source))
    assert labels == {label for case in ABUSES for label in case.labels}


def test_substitution_never_captures():
    """Putting l for k under a sum over l would bind it: refused, where SymPy's own subs goes ahead."""
    with pytest.raises(RuleError, match="capture"):
        substitute(total(F[k, l], (l, 0, m)), {k: l})
    assert total(F[k, l], (l, 0, m)).subs(k, l) == total(F[l, l], (l, 0, m))  # so SymPy does capture


def test_a_shift_by_an_inner_index_is_refused():
    """k = a + l has no sense outside the sum over l."""
    with pytest.raises(RuleError, match="inner"):
        Derivation(DOUBLE, *SIZES).shift(k, a, by=l)


def test_symbols_with_assumptions_of_their_own_are_refused():
    """positive=True would melt the condition n >= 0 before anyone sees it."""
    with pytest.raises(RuleError, match="integer=True"):
        Derivation(total(F[k], (k, 0, POSITIVE - 1)))


def test_one_name_has_one_meaning():
    """Two symbols of one name and different assumptions look alike and are not: refused together."""
    with pytest.raises(RuleError, match="meaning"):
        Derivation(F[k] * REAL_K)
    with pytest.raises(RuleError, match="meaning"):
        Derivation(F[k] * F[k, k])


def test_a_range_that_may_be_reversed_is_refused():
    """SymPy's sum from 0 to -2 is minus the sum in between, a set's is zero: the range must be shown in order."""
    with pytest.raises(RuleError, match="reversed"):
        Derivation(SUM)
    assert Derivation(SUM, sp.Ge(n, 0)).term == SUM


def test_a_sum_does_not_bind_what_a_hypothesis_speaks_about():
    """A sum over n would make n >= 0 a premise about the index."""
    with pytest.raises(RuleError, match="no-shadow"):
        Derivation(total(F[n], (n, 0, m)), sp.Ge(n, 0), sp.Ge(m, 0))


def test_a_step_that_changes_nothing_is_refused():
    """Each line of a proof says something new."""
    with pytest.raises(RuleError, match="changes nothing"):
        Derivation(SUM, sp.Ge(n, 0)).shift(k, k, by=0)
    with pytest.raises(RuleError, match="changes nothing"):
        Derivation(SUM, sp.Ge(n, 0)).shift(l, a, by=1)


def test_a_wrong_end_is_refused():
    """A derivation proves where it arrived and nothing else."""
    with pytest.raises(RuleError, match="arrived"):
        Derivation(SUM, sp.Ge(n, 0)).shift(k, a, by=c).qed(total(F[a + c], (a, c, n - 1 - c)))


GOOD = Derivation(SUM, sp.Ge(n, 0)).shift(k, a, by=c).reflect(a, b, about=n - 1 - c)
THEOREM = GOOD.qed(GOOD.term, "good")


def test_a_sound_theorem_passes():
    """The theorem that the next tests forge is itself fine."""
    THEOREM.recheck()


def _forgeries() -> dict[str, Theorem]:
    first, second = THEOREM.steps
    typed = Step("ring", SUM, SUM + 1, "so it is")
    relabelled = Step("nonsense", first.before, first.after, first.because, first.arguments, first.conditions)
    lying = replace(first, arguments=tuple((key, c + 1 if key == "by" else value) for key, value in first.arguments))
    return {
        "another right side": replace(THEOREM, rhs=THEOREM.rhs + 1),
        "another left side": replace(THEOREM, lhs=2 * THEOREM.lhs),
        "no steps": replace(THEOREM, steps=()),
        "the first step gone": replace(THEOREM, steps=(second,)),
        "the last step gone": replace(THEOREM, steps=(first,)),
        "steps out of order": replace(THEOREM, steps=(second, first)),
        "a hypothesis gone": replace(THEOREM, hypotheses=()),
        "a hypothesis too many": replace(THEOREM, hypotheses=(*THEOREM.hypotheses, Range(sp.Ge(c, 0)))),
        "an equation too many": replace(THEOREM, hypotheses=(*THEOREM.hypotheses, OUTER)),
        "a hypothesis too strong": replace(THEOREM, hypotheses=(Range(sp.Ge(n, 1)),)),
        "a hypothesis that nothing meets": replace(THEOREM, hypotheses=(Range(sp.Ge(n, 0)), Range(sp.Lt(n, 0)))),
        "a typed step": Theorem("typed", "", (Range(sp.Ge(n, 0)),), SUM, SUM + 1, (typed,)),
        "an unknown rule": replace(THEOREM, steps=(relabelled, second)),
        "wrong arguments": replace(THEOREM, steps=(lying, second)),
        "conditions that were not met": replace(THEOREM, steps=(replace(first, conditions=()), second)),
        "a bare relation for a hypothesis": replace(THEOREM, hypotheses=(sp.Ge(n, 0),)),
        "no terms at all": replace(THEOREM, lhs=None, steps=(replace(first, before=None), second)),
        "a forged part": replace(THEOREM, parts=(replace(THEOREM, rhs=THEOREM.rhs + 1),)),
    }


@pytest.mark.parametrize("how", _forgeries())
def test_forged_theorems_fail(how):
    """A theorem put together by hand does not stand up to its recheck."""
    with pytest.raises(RuleError):
        _forgeries()[how].recheck()


def test_the_statement_is_evaluated_too():
    """Were every rule wrong, the naive loops would still tell that a sum is not itself plus one."""
    with pytest.raises(RuleError, match="false for"):
        replace(THEOREM, rhs=THEOREM.rhs + 1)._evaluate()


def test_a_delta_at_a_half_is_refused():
    """k = n/2 need not be an integer, and then the delta is never one."""
    with pytest.raises(RuleError, match="has-delta"):
        Derivation(total(F[k] * sp.KroneckerDelta(k, n / 2), (k, 0, n)), sp.Ge(n, 0)).delta(k)


def test_indirect_equality_goes_both_ways():
    """An implication t <= A => t <= B shows A <= B only."""
    start = Derivation(sp.floor(y / 2), sp.Ge(y, 0))
    with pytest.raises(RuleError, match="two-way"):
        start.indirect(t, y, lambda line: line.entails(sp.Le(t, y, evaluate=False)))


def test_the_kernels_own_names_are_refused():
    """Names like _0 are the kernel's, for bound variables: a user's symbol of that name would be captured."""
    with pytest.raises(RuleError, match="plain name"):
        Derivation(F[sp.Symbol("_0", integer=True)])


def test_an_array_defined_by_itself_has_no_model():
    """F[k] := F[k] + 1 is met by no array, and what follows from it counts for nothing."""
    absurd = Equation(F[k], F[k] + 1, (k,))
    with pytest.raises(RuleError, match="no small model"):
        Derivation(F[c], absurd).equation(absurd).qed(F[c] + 1, "absurd").recheck()


def test_floors_of_reals_are_not_put_to_the_solver():
    """Z3 divides reals exactly: floor(half/2) = half/2 must not slip through."""
    with pytest.raises(RuleError, match="not both integers"):
        Derivation(F[sp.floor(half / 2)]).arith(sp.floor(half / 2), half / 2)


def test_a_theorem_is_used_as_a_lemma():
    """What is proved for F is used for G, with other sizes; what it assumes is demanded here."""
    twice = Derivation(total(F[k], (k, 0, n - 1)), sp.Ge(n, 0)).reflect(k, a, about=n - 1)
    turned = twice.qed(twice.term, "turned", "read from the other end")
    start = Derivation(c * total(G[k], (k, 0, 2 * m)), sp.Ge(m, 0))
    used = start.lemma(turned, at={n: 2 * m + 1}, arrays={F: G})
    assert used.term == c * total(G[2 * m - a], (a, 0, 2 * m))
    proved = used.qed(used.term, "uses", "uses a lemma")
    proved.recheck()
    with pytest.raises(RuleError):
        replace(proved, hypotheses=()).recheck()
    forged = replace(turned, rhs=turned.rhs + 1)
    with pytest.raises(RuleError, match="gap"):
        start.lemma(forged, at={n: 2 * m + 1}, arrays={F: G})
    with pytest.raises(RuleError, match="changes nothing"):
        start.lemma(turned, at={n: m}, arrays={F: G})


def test_a_lemmas_supports_must_be_assumed():
    """A theorem about an array with a support is of no use for one without."""
    box = Support(F, ((0, n - 1),))
    grown = Derivation(total(F[k], (k, 0, n - 1)), sp.Ge(n, 0), box).support(k, -1, n - 1)
    lemma = grown.qed(grown.term, "grown", "a row of zeros more")
    start = total(G[k], (k, 0, m - 1))
    with pytest.raises(RuleError, match="assumed"):
        Derivation(start, sp.Ge(m, 0)).lemma(lemma, at={n: m}, arrays={F: G})
    with pytest.raises(RuleError, match="assumed"):
        Derivation(start, sp.Ge(m, 0), Support(G, ((0, m),))).lemma(lemma, at={n: m}, arrays={F: G})
    used = Derivation(start, sp.Ge(m, 0), Support(G, ((0, m - 1),))).lemma(lemma, at={n: m}, arrays={F: G})
    used.qed(total(G[k], (k, -1, m - 1)), "used", "used").recheck()


def test_brackets_and_deltas_vanish_where_they_should():
    """A range may be cut where a bracket, a delta, or a support makes every term zero."""
    inside = Iverson(sp.And(sp.Ge(k, c), sp.Le(k, n - 1)))
    cut = Derivation(total(F[k] * inside, (k, 0, n - 1)), sp.Ge(c, 0), sp.Le(c, n)).support(k, c, n - 1)
    assert cut.term == total(F[k] * inside, (k, c, n - 1))
    beside = total(F[k] * sp.KroneckerDelta(k, c), (k, 0, n))
    assert Derivation(beside, sp.Ge(c, 0), sp.Le(c, n)).support(k, c, c).single(k).term == F[c]


def test_a_floor_proof_reads_like_one():
    """floor((y + s)/s) = floor(y/s) + 1 by the same integers below both, for every s >= 1."""
    shown = Derivation(sp.floor((y + s) / s, evaluate=False), sp.Ge(s, 1)).indirect(
        t,
        sp.floor(y / s) + 1,
        lambda line: (
            line.galois()
            .arith(sp.Le(t * s, y + s, evaluate=False), sp.Le((t - 1) * s, y, evaluate=False))
            .backwards("galois", sp.Le(t - 1, sp.floor(y / s), evaluate=False))
            .arith(sp.Le(t - 1, sp.floor(y / s), evaluate=False), sp.Le(t, sp.floor(y / s) + 1, evaluate=False))
        ),
    )
    proved = shown.qed(sp.floor(y / s) + 1, "one-more")
    proved.recheck()
    with pytest.raises(RuleError):
        replace(proved, hypotheses=()).recheck()
    inner = dict(proved.steps[0].arguments)["chain"]
    for place in range(len(inner)):
        kept = inner[:place] + inner[place + 1 :]
        arguments = tuple((key, kept if key == "chain" else value) for key, value in proved.steps[0].arguments)
        with pytest.raises(RuleError):
            replace(proved, steps=(replace(proved.steps[0], arguments=arguments),)).recheck()


def test_an_induction_over_layers():
    """What each layer does to all arguments follows for any number of layers; a wrong start or step is refused."""
    (given,) = sizes("J")
    double = Equation(given[l + 1, x], 2 * given[l, x + 1], (l, x), (sp.Ge(l, 0),))
    begin = Equation(given[0, x], x, (x,), because="the input", defines=False)
    start = Derivation(given[m, x], sp.Ge(m, 0), double, begin)
    claim = 2**m * (x + m)

    def step(line: Derivation, so_far: Any) -> Derivation:
        grown = line.equation(double).equation(so_far)
        return grown.backwards("power", claim.subs(m, m + 1), base=sp.Integer(2), exponent=m + 1)

    proved = start.induction(m, claim, lambda line: line.equation(begin), step, over=(x,)).qed(claim, "doubled")
    proved.recheck()
    with pytest.raises(RuleError):
        start.induction(m, claim + 1, lambda line: line.equation(begin), step, over=(x,))
    with pytest.raises(RuleError):  # the claim for one x only says nothing about x + 1
        start.induction(m, claim, lambda line: line.equation(begin), step)
    with pytest.raises(RuleError):
        replace(proved, hypotheses=proved.hypotheses[1:]).recheck()
    for place in ("first", "step"):
        inner = proved.steps[0].inner[place]
        for gone in range(len(inner)):
            kept = inner[:gone] + inner[gone + 1 :]
            arguments = tuple((key, kept if key == place else value) for key, value in proved.steps[0].arguments)
            with pytest.raises(RuleError):
                replace(proved, steps=(replace(proved.steps[0], arguments=arguments),)).recheck()


def test_an_induction_forgets_what_is_said_of_one_number():
    """From m <= 1 and m >= 0 follows m*m = m, but not by a step from m to m + 1: what is assumed of m is forgotten."""
    start = Derivation(m * m, sp.Ge(m, 0), sp.Le(m, 1))
    with pytest.raises(RuleError, match="equal"):
        start.induction(m, m, lambda line: line, lambda line, _: line.arith(line.term, m + 1))
    guarded = Derivation(F[m] * c, sp.Ge(m, 0), sp.Ge(c, 1))
    _, step, claim = rules.inductive(Scope(guarded.hypotheses), F[m] * c, m, sp.Integer(0), F[0] * c, (c,))
    assert isinstance(claim, Equation)
    assert claim.guard == (sp.Ge(c, 1),)
    assert sp.Ge(m, 0) in step.given


def test_relations_for_all_integers_are_used_at_integers_only():
    """K[l] >= 1 for all integers l says nothing of K at a half, nor of another array."""
    (spans, other) = sizes("K S")
    positive = Range(sp.Ge(spans[l], 1), over=(l,))
    Derivation(Iverson(spans[n + 3] >= 1), positive).arith(Iverson(spans[n + 3] >= 1), sp.Integer(1))
    for entry in (spans[n / 2], other[n]):
        with pytest.raises(RuleError):
            Derivation(Iverson(entry >= 1), positive).arith(Iverson(entry >= 1), sp.Integer(1))
    with pytest.raises(RuleError, match="plain name"):
        Derivation(sp.IndexedBase("K", integer=True, positive=True)[n])
    with pytest.raises(RuleError, match="two meanings"):
        Derivation(spans[n] + sp.IndexedBase("K")[n])


def test_entries_of_other_arrays_are_not_put_to_the_solver():
    """Only an array of integers has entries the solver may reason about."""
    with pytest.raises(RuleError, match="cannot put"):
        Derivation(Iverson(F[n] >= F[n])).arith(sp.Ge(F[n], F[n], evaluate=False), sp.true)
    with pytest.raises(RuleError, match="cannot put"):
        Derivation(Iverson(F[n] > 0)).arith(sp.Gt(F[n], 0), sp.Ge(F[n], 1))


def test_integrals_are_shifted_and_reflected_too():
    """The continuous convolution is commutative: put z = x - u."""
    z, u, place = reals("z u x")
    f, g = sp.Function("f"), sp.Function("g")
    start = Derivation(sp.Integral(f(z) * g(place - z), (z, 0, place)))
    proved = start.reflect(z, u, about=place).qed(sp.Integral(g(u) * f(place - u), (u, 0, place)), "commutes")
    proved.recheck()
    with pytest.raises(RuleError, match="false for"):
        replace(proved, rhs=sp.Integral(g(u) * f(place + u), (u, 0, place)))._evaluate()


def test_an_antiderivative_is_checked_by_its_derivative():
    """The integral of z exp(z - x) from 0 to x is (x - 1) + exp(-x); the kernel differentiates, nobody integrates."""
    z, place = reals("z x")
    start = Derivation(sp.Integral(z * sp.exp(z - place), (z, 0, place)))
    proved = start.antiderivative(z, (z - 1) * sp.exp(z - place)).qed(place - 1 + sp.exp(-place), "ramp")
    proved.recheck()
    with pytest.raises(RuleError, match="false for"):
        replace(proved, rhs=place - 1 - sp.exp(-place))._evaluate()
    with pytest.raises(RuleError, match="antiderivative"):
        start.antiderivative(z, z * sp.exp(z - place))
    with pytest.raises(RuleError, match="no derivative"):
        start.antiderivative(z, sp.Function("f")(z))


def test_an_antiderivative_does_not_capture():
    """F may mention another variable of integration only where it is bound outside, not inside."""
    z, w = reals("z w")
    triangle = sp.Integral(sp.Integral(w, (w, 0, z)), (z, 0, 1))
    with pytest.raises(RuleError):
        Derivation(triangle).antiderivative(z, w * z)
    inner = Derivation(triangle).antiderivative(w, w**2 / 2)
    assert inner.antiderivative(z, z**3 / 6).term == sp.Rational(1, 6)


def test_a_power_has_one_factor_more_than_the_one_before():
    """x^(n+1) = x x^n for every n >= 0, also where x = 0; below 0 there may be no power at all."""
    chain = Derivation(total(x ** (k + 1), (k, 0, n)), sp.Ge(n, -1)).power(x, k + 1).out(k)
    assert chain.term == x * total(x**k, (k, 0, n))
    chain.qed(chain.term, "powers").recheck()
    with pytest.raises(RuleError, match="exponent"):
        Derivation(x**n)
    with pytest.raises(RuleError, match="exponent"):
        Derivation(F[0] + x**half, sp.Ge(half, 0))


def test_what_follows_is_not_called_equal():
    """Between relations the signs are <=> and =>, and what only follows is never stated as an equality."""
    follows = Derivation(sp.Ge(n, 1)).entails(sp.Ge(n, 0), because="a weaker bound").qed(sp.Ge(n, 0), "follows")
    assert follows.relation == "=>"
    follows.recheck()
    moved = Derivation(sp.Ge(n, 1)).arith(sp.Ge(n, 1), sp.Ge(n - 1, 0)).qed(sp.Ge(n - 1, 0), "moved")
    assert moved.relation == "<=>"
    with pytest.raises(RuleError, match="two-way"):
        Derivation(sp.Ge(n, 1)).lemma(follows)


def test_narrow_hypotheses_have_many_models():
    """A theorem is evaluated in a hundred models even where its ranges leave one choice in thousands."""
    letters = integers("i1 i2 i3 n1 n2 n3 h1 h2 h3")
    narrow = [Range(sp.Ge(low, 0)) for low in letters[:3]]
    for place, size, span in zip(letters[:3], letters[3:6], letters[6:], strict=True):
        narrow += [Range(sp.Ge(span, 1)), Range(sp.Le(place, size - span)), Range(sp.Ge(span, size))]
    assert sum(1 for _ in semantics.models([F[letters[:3]]], narrow)) == semantics.LIMIT


def test_every_small_model_is_found():
    """Where there are few sizes each of them comes, and a condition without a value is not met."""
    found = {env["xn"] for env in semantics.models([F[n]], [Range(sp.Ge(n, 0))])}
    assert found == {0, 1, 2, 3}
    quotients = [Range(sp.Le(1, sp.floor(y / s))), Range(sp.Ge(s, 1))]
    assert {(env["xy"], env["xs"]) for env in semantics.models([F[y * s]], quotients)} == {
        (y, s) for s in (1, 2, 3) for y in (1, 2, 3) if y >= s
    }


# What a stranger tried ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("first", [True, False])
@pytest.mark.parametrize("second", [True, False])
def test_indices_of_different_factors_are_kept_apart(first, second):
    """G[0] H[1] need not vanish though for each k one of [k = 0] and [k = 1] does: the two sums run apart."""
    nothing = sp.KroneckerDelta(c, 0)
    sums = [total(array[k] * Iverson(sp.Eq(k, at)), (k, 0, 1)) for array, at in ((G, 0), (H, 1))]
    factors = [
        sp.Add(*([nothing * F[-5], one] if turned else [one, nothing * F[-5]]), evaluate=False)
        for one, turned in zip(sums, (first, second), strict=True)
    ]
    product = total(sp.Mul(*factors, evaluate=False), (a, 0, 0))
    with pytest.raises(RuleError, match="vanishes"):
        Derivation(product, sp.Ne(c, 0)).vanish(a)


@pytest.mark.parametrize(
    ("message", "term"),
    [
        # names that SymPy or Python reads as another name, or as more than a name
        ("plain name", sp.IndexedBase(sp.Symbol("F", positive=True))[k]),
        ("plain name", sp.Abs(sp.IndexedBase("F", positive=True)[k], evaluate=False)),
        ("plain name", sp.Function("f", positive=True)(half)),
        ("plain name", F[sp.Symbol("𝐤", integer=True)]),
        ("plain name", F[sp.Symbol("k = 0 or l", integer=True)]),
        ("plain name", sp.IndexedBase("F, and G")[k]),
        ("plain name", F[sp.Dummy("k", integer=True)]),
        # a number for a truth, a truth for a number
        ("number for a proposition", sp.Not(n)),
        ("number for a proposition", F[sp.Le(k, n)]),
        ("number for a proposition", Iverson(n)),
        # integrals over integers, sums over entries, roots, remainders by zero, one over an entry
        ("integrates over reals", sp.Integral(F[k], (k, 0, 1))),
        ("exponent", sp.sqrt(half)),
        ("exponent", F[0] ** sp.Rational(1, 2)),
        ("no-zero", F[sp.Mod(k, c)]),
        ("cannot put", 1 / F[0]),
    ],
    ids=str,
)
def test_terms_that_mean_something_else_are_refused(message, term):
    """A term is read in one way by SymPy, by the solver, by the evaluator and by a reader, or not at all."""
    with pytest.raises(RuleError, match=message):
        Derivation(term)


def test_hypotheses_are_read_as_strictly_as_terms():
    """A symbol with assumptions, or an array of another rank, is refused in a hypothesis as well."""
    unseen = sp.Symbol("j", integer=True, positive=True)
    for given in (
        Equation(F[unseen], G[unseen], (unseen,), (sp.Ge(unseen, 1),)),
        Range(sp.Ge(unseen + c, 0)),
        Support(F, ((unseen, None),)),
    ):
        with pytest.raises(RuleError, match="plain name"):
            Derivation(F[c], given)
    with pytest.raises(RuleError, match="two meanings"):
        Derivation(F[c, c], Support(F, ((0, n),)))
    with pytest.raises(RuleError, match="number for a proposition"):
        Derivation(F[c], Range(n))


def test_an_equation_between_a_number_and_a_truth_is_no_use():
    """D[a] := (F[a] = 0) would turn a sum into an equation."""
    odd = Equation(H[a], sp.Eq(F[a], 0), (a,))
    for term in (total(H[k], (k, 0, n)), H[c]):
        with pytest.raises(RuleError, match=r"kind|number for a proposition"):
            Derivation(term, sp.Ge(n, 0), odd).equation(odd)


def test_a_lemma_is_used_for_arrays_only():
    """What stands for an array must be an array: anything else could change between left side and right."""
    with pytest.raises(RuleError, match="only an array"):
        Derivation(2 * c).lemma(SPREAD, arrays={F: Shifty()})


class Agreeing(Equation):
    """An equation that says it is equal to whatever it is compared with."""

    def __eq__(self, other: object) -> bool:
        """Yes."""
        return True

    __hash__ = Equation.__hash__


def test_a_hypothesis_is_used_as_it_stands_in_the_list():
    """An equation that passes for one of the hypotheses is used as that hypothesis says, not as itself says."""
    smuggled = Agreeing(F[k], F[k] + 1, (k,))
    used = Derivation(F[c], GUARDED, sp.Ge(c, 0)).equation(smuggled)
    assert used.term == G[c]


class TwoFaced(Step):
    """A step whose rule is another each time it is read."""

    def __getattribute__(self, name: str) -> Any:
        """The rule, or a one-way rule every other time."""
        if name == "rule":
            seen = object.__getattribute__(self, "__dict__")
            seen["times"] = seen.get("times", 0) + 1
            return "arith" if seen["times"] % 2 else "entails"
        return super().__getattribute__(name)


class Meek(Theorem):
    """A theorem that checks itself kindly."""

    def _replay(self, exact: bool) -> None:
        """Nothing."""


class Yes:
    """A part that is always right."""

    name = "yes"

    def recheck(self) -> None:
        """Nothing."""


def _strangers() -> dict[str, Theorem]:
    first, *_ = THEOREM.steps
    both = (Equation(F[k], G[k], (k,)), Equation(F[k], H[k], (k,)))
    shared = Derivation(G[c], *both).equation(both[0], backwards=True).equation(both[1])
    zero = Equation(F[k], sp.Integer(0), (k,))
    wide = Derivation(SUM, sp.And(sp.Ge(n, 0), sp.Ge(c, 0))).shift(k, a, by=c)
    circular = replace(THEOREM)
    object.__setattr__(circular, "parts", (circular,))
    return {
        "a step of a foreign type": replace(THEOREM, steps=(TwoFaced(**vars(first)), *THEOREM.steps[1:])),
        "a theorem of a foreign type": Meek(**{**vars(THEOREM), "rhs": SUM}),
        "a part that is no theorem": replace(THEOREM, parts=(Yes(),)),  # type: ignore[arg-type]
        "two parts of one name": replace(THEOREM, parts=(THEOREM, THEOREM)),
        "one of its own parts": circular,
        "an assumption dressed as two definitions": shared.qed(H[c], "shared"),
        "a witness for an array nothing is assumed of": replace(THEOREM, witness=(zero,)),
        "more than is needed in a conjunction": wide.qed(wide.term, "wide"),
        "the steps of another theorem": replace(THEOREM, steps=Derivation(SUM, sp.Ge(n, 0)).split(k, n - 1).steps),
        "an equation of a foreign type": replace(THEOREM, hypotheses=(Agreeing(F[k], G[k], (k,)),)),
        "steps that are no steps": replace(THEOREM, steps=(1, 2)),  # type: ignore[arg-type]
    }


@pytest.mark.parametrize("how", _strangers())
def test_what_a_stranger_makes_is_refused(how):
    """Foreign types, circles, assumptions in disguise: recheck answers with RuleError, and with nothing else."""
    with pytest.raises(RuleError):
        _strangers()[how].recheck()


def test_the_relation_of_a_lemma_is_read_once():
    """A lemma whose steps change their rule while they are read is one-way if it ever was."""
    weaker = Derivation(sp.Ge(n, 1)).entails(sp.Ge(n, 0)).qed(sp.Ge(n, 0), "weaker")
    lying = replace(weaker, steps=(TwoFaced(**vars(weaker.steps[0])),))
    with pytest.raises(RuleError):
        Derivation(sp.Ge(n, 1)).lemma(lying)
    with pytest.raises(RuleError, match="two-way"):
        Derivation(sp.Ge(n, 1)).lemma(weaker)


def test_no_two_names_stand_for_one_theorem():
    """A theorem cannot be told under another's name: every name of the book, parts too, has its own statement."""
    said: dict[Any, str] = {}
    for name in THEOREMS:
        assert THEOREMS[name].name == name
        for theorem in (THEOREMS[name], *THEOREMS[name].parts):
            assert theorem is THEOREMS[name] or theorem.name.startswith(f"{name}/")
            statement = (theorem.lhs, theorem.rhs, theorem.hypotheses)
            assert said.setdefault(statement, theorem.name) == theorem.name


def test_the_number_one_is_not_the_truth():
    """To Python 1 == True; the solver gets a number for the one and a truth for the other."""
    for truth, number in ((sp.true, sp.Integer(1)), (sp.false, sp.Integer(0))):
        assert smt.to_z3(truth).sort() != smt.to_z3(number).sort()
        assert smt.to_z3(number).sort() == smt.to_z3(n).sort()
