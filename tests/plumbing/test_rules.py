r"""Are the rules of the derivations sound?

Two judges that know nothing of the rules: thousands of random uses (dependent limits, clashing names, empty ranges,
shifts by inner indices, supports, deltas) are compared before and after by naive loops; and the rules for finite sums
are proved by Z3 as induction steps, a sum over 0..n being the sum over 0..n-1 plus its last term.

Main results: `test_random_uses_are_sound`, `test_induction`. `SHAPEPROOF_DRAWS` is the number of terms.
"""

from __future__ import annotations

import random
from collections import Counter
from typing import Any

import pytest
import sympy as sp
import z3

from derive import semantics
from derive.blackboard import Equation, Iverson, Range, Support, arrays, integers, reals, total
from derive.rules import RULES, Scope, apply, well_formed
from derive.terms import Hypothesis, RuleError, bound_in, peel

n, m, c, a, b, k, l, q = integers("n m c a b k l q")  # noqa: E741
F, G, D = arrays("F G D")
INDICES = [k, l, q]
NAMES = [k, l, q, a, b, c, n]
BASE: tuple[Hypothesis, ...] = (Range(sp.Ge(n, 0)), Range(sp.Ge(m, 0)))
DEFINED = Equation(D[a], F[a, 0] + c, (a,), because="definition")
GUARDED = Equation(G[a], F[a, a], (a,), (sp.Ge(a, 0),), because="assumed", defines=False)
CONTENTS: tuple[Hypothesis, ...] = (DEFINED, GUARDED, Support(F, ((0, n - 1), (None, m))))


def offset(rng: random.Random, names: list[Any]) -> Any:
    """A small linear term."""
    return rng.choice([0, 1, -1]) + sum(rng.choice([-1, 0, 0, 1]) * name for name in names)


def random_range(rng: random.Random, outer: list[Any]) -> tuple[Any, Any]:
    """Ends of a range that is often, not always, in order; it may depend on outer indices, and be empty."""
    low = rng.choice([sp.Integer(0), sp.Integer(0), c, *(-index for index in outer)])
    in_order = [low - 1, low, low + 2, low + n, low + m - 1]
    return low, rng.choice([*in_order, *in_order, n - 1, rng.choice([n, m, *outer])])


def random_term(rng: random.Random, outer: list[Any], depth: int) -> Any:
    """A product or sum of entries, deltas and sums."""
    fresh = [index for index in INDICES if index not in outer]
    if depth and outer and rng.random() < 0.3:
        return random_sum(rng, outer, rng.choice(fresh), depth)
    names = [*outer, c]
    pieces = [F[offset(rng, names), offset(rng, names)]]
    pieces += rng.sample([G[offset(rng, names)], D[offset(rng, names)], c, sp.Integer(2)], rng.randint(0, 2))
    if outer and rng.random() < 0.4:
        pieces.append(sp.KroneckerDelta(outer[-1], offset(rng, [*outer[:-1], c])))
    if outer and rng.random() < 0.2:
        pieces.append(Iverson(sp.Le(outer[-1], offset(rng, [*outer[:-1], n]))))
    if depth and fresh:
        index = rng.choice(fresh)
        pieces = [*pieces[: rng.randint(0, 2)], random_sum(rng, outer, index, depth)]
    if rng.random() < 0.3:
        return sp.Add(*pieces)
    return sp.Mul(*pieces, rng.choice([sp.Integer(1), c + 1, c + G[offset(rng, names)]]))


def multiplied_out(term: Any) -> Any:
    """The term with every product of sums of terms multiplied out, sums as they are."""
    if isinstance(term, sp.Sum):
        inner, *ends = peel(term)
        return sp.Sum(multiplied_out(inner), tuple(ends))
    if isinstance(term, (sp.Add, sp.Mul)):
        return sp.expand_mul(term.func(*map(multiplied_out, term.args)), deep=False)
    return term


def random_sum(rng: random.Random, outer: list[Any], index: Any, depth: int) -> Any:
    """A sum over an index."""
    return total(random_term(rng, [*outer, index], depth - 1), (index, *random_range(rng, outer)))


def random_use(rng: random.Random, term: Any) -> tuple[str, dict[str, Any]]:
    """A rule with arguments that fit now and then."""
    bound = sorted(bound_in(term), key=str) or INDICES
    index, other = rng.choice(bound), rng.choice(NAMES)
    by = sp.sympify(offset(rng, rng.sample([c, n, *INDICES], 2)))
    low, high = random_range(rng, [])
    uses: list[tuple[str, dict[str, Any]]] = [
        ("shift", {"k": index, "to": other, "by": by}),
        ("reflect", {"k": index, "to": other, "about": by}),
        ("swap", {"outer": index, "inner": rng.choice(bound)}),
        ("support", {"k": index, "low": sp.sympify(low), "high": sp.sympify(high)}),
        ("vanish", {"k": index}),
        ("delta", {"k": index}),
        ("out", {"k": index}),
        ("into", {"k": index}),
        ("linear", {"k": index}),
        ("split", {"k": index, "at": sp.sympify(rng.choice([low - 1, low, high, by]))}),
        ("single", {"k": index}),
        ("count", {"k": index}),
        ("equation", {"by": rng.choice([DEFINED, GUARDED])}),
        ("equation", {"by": GUARDED, "backwards": True}),
        ("ring", {"to": multiplied_out(term)}),
        ("ring", {"to": multiplied_out(term) + rng.choice([0, 0, 1])}),
        ("arith", {"old": F[index, 0], "new": F[index + by, 0]}),
    ]
    return rng.choice(uses)


SEEN = ("shift", "reflect", "swap", "support", "out", "into", "linear", "split", "delta", "equation", "ring")


def random_problem(rng: random.Random) -> tuple[Any, tuple[Hypothesis, ...]]:
    """A term that is well formed under some hypotheses, and those."""
    while True:
        hypotheses: tuple[Hypothesis, ...] = (*BASE, *rng.sample(CONTENTS, rng.randint(1, 3)))
        if rng.random() < 0.5:
            hypotheses = (*hypotheses, Range(sp.Ge(c, 0)), Range(sp.Le(c, n)))
        term = random_sum(rng, [], k, 2) if rng.random() < 0.7 else random_term(rng, [], 2)
        try:
            well_formed(term, Scope(hypotheses))
        except RuleError:
            continue
        return term, hypotheses


def test_random_uses_are_sound(draws):
    """No accepted use of any rule changes the value of a term: 0 of those drawn, and every rule is among them."""
    rng = random.Random(20)
    accepted: Counter[str] = Counter()
    for _ in range(draws):
        term, hypotheses = random_problem(rng)
        for rule, arguments in [random_use(rng, term) for _ in range(12)]:
            try:
                after = apply(Scope(hypotheses), rule, term, arguments)
            except RuleError:
                continue
            accepted[rule] += 1
            for env in semantics.models([term, after], hypotheses, limit=8):
                assert semantics.holds(term, after, "=", env), (rule, arguments, term, after, hypotheses)
    for rule in SEEN if draws >= 100 else ():
        assert accepted[rule], (rule, accepted)


def test_random_antiderivatives():
    """What SymPy differentiates is integrated back, and the naive quadrature agrees; with a term more it is refused.

    The kernel's derivative and SymPy's are different programs; the judge is Newton's formula and knows neither.
    """
    rng = random.Random(3)
    y, z = reals("y z")
    for _ in range(60):
        monomials = [rng.randint(-3, 3) * z ** rng.randint(0, 3) * y ** rng.randint(0, 2) for _ in range(3)]
        waves = [rng.randint(-2, 2) * z ** rng.randint(0, 1) * sp.exp(rng.choice([-1, 1]) * z / 2 + y / 4)]
        of = sp.Add(*monomials, *rng.choice([waves, []]))
        slope = sp.diff(of, z)
        if slope == 0:
            continue
        term = sp.Integral(slope, (z, rng.choice([0, y, -y]), rng.choice([1, 2 * y])))
        after = apply(Scope(()), "antiderivative", term, {"k": z, "of": of})
        for env in semantics.models([term, after], (), limit=8):
            assert semantics.holds(term, after, "=", env), (term, after)
            assert not semantics.holds(term, after + 1, "=", env)
        with pytest.raises(RuleError, match="antiderivative"):
            apply(Scope(()), "antiderivative", term, {"k": z, "of": of + z})


TOTAL = z3.Function("total", z3.IntSort(), z3.IntSort())  # the sum of f(0), ..., f(n - 1)
OTHER = z3.Function("other", z3.IntSort(), z3.IntSort())
f = z3.Function("f", z3.IntSort(), z3.IntSort())
g = z3.Function("g", z3.IntSort(), z3.IntSort())
N, C, T = z3.Ints("N C T")


def step(sum_of: Any, term: Any, size: Any) -> Any:
    """A sum one longer is the sum plus its last term."""
    return sum_of(size + 1) == sum_of(size) + term(size)


def reflected_step(sum_of: Any, size: Any) -> Any:
    """The sum of f(size), f(size - 1), ..., f(0) is f(size) plus the sum of f(size - 1), ..., f(0)."""
    return sum_of(size + 1) == f(size) + sum_of(size)


INDUCTIONS = {
    "shift": (
        step(TOTAL, f, N),
        step(OTHER, lambda i: f((i - C) + C), N),
        TOTAL(N) == OTHER(N),
        TOTAL(N + 1) == OTHER(N + 1),
    ),
    "reflect": (step(TOTAL, f, N), reflected_step(OTHER, N), TOTAL(N) == OTHER(N), TOTAL(N + 1) == OTHER(N + 1)),
    "out": (
        step(TOTAL, f, N),
        step(OTHER, lambda i: C * f(i), N),
        OTHER(N) == C * TOTAL(N),
        OTHER(N + 1) == C * TOTAL(N + 1),
    ),
    "count": (step(TOTAL, lambda i: C, N), N >= 0, TOTAL(N) == C * N, TOTAL(N + 1) == C * (N + 1)),
    "vanish": (step(TOTAL, f, N), f(N) == 0, TOTAL(N) == 0, TOTAL(N + 1) == 0),
    "split": (
        step(TOTAL, f, N),
        step(OTHER, f, N),  # the sum from T on
        TOTAL(N) == TOTAL(T) + OTHER(N),
        TOTAL(N + 1) == TOTAL(T) + OTHER(N + 1),
    ),
    "support": (step(TOTAL, f, N), f(N) == 0, TOTAL(N) == TOTAL(T), TOTAL(N + 1) == TOTAL(T)),
    "delta": (
        step(TOTAL, lambda i: z3.If(i == C, f(i), 0), N),
        N >= 0,
        TOTAL(N) == z3.If(z3.And(C >= 0, C < N), f(C), 0),
        TOTAL(N + 1) == z3.If(z3.And(C >= 0, C < N + 1), f(C), 0),
    ),
}


def _valid(premises: list[Any], goal: Any) -> bool:
    solver = z3.Solver()
    solver.add(*premises)
    assert solver.check() == z3.sat, "the premises contradict each other"
    solver.add(z3.Not(goal))
    return bool(solver.check() == z3.unsat)


@pytest.mark.parametrize("rule", INDUCTIONS)
def test_induction(rule):
    """The rule holds for sums one longer if it holds for sums of length N (empty sums are 0 on both sides)."""
    *premises, goal = INDUCTIONS[rule]
    assert _valid(premises, goal)
    assert not _valid(premises[:-1], goal), "the induction hypothesis is needed"


def test_linear_by_induction():
    """The sum of a sum of terms is the sum of the sums."""
    both = z3.Function("both", z3.IntSort(), z3.IntSort())
    premises = [step(TOTAL, f, N), step(OTHER, g, N), step(both, lambda i: f(i) + g(i), N)]
    assert _valid([*premises, both(N) == TOTAL(N) + OTHER(N)], both(N + 1) == TOTAL(N + 1) + OTHER(N + 1))


def test_swap_by_induction():
    """A row more on both sides: the double sum by rows and by columns grows by the same row."""
    by_rows, by_columns, row = (z3.Function(name, z3.IntSort(), z3.IntSort()) for name in ("rows", "columns", "row"))
    premises = [by_rows(N + 1) == by_rows(N) + row(N), by_columns(N + 1) == by_columns(N) + row(N)]
    assert _valid([*premises, by_rows(N) == by_columns(N)], by_rows(N + 1) == by_columns(N + 1))


def test_every_rule_of_the_table_is_documented():
    """Each rule says in its first line what it does."""
    assert all(rule.__doc__ for rule in RULES.values())
