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
from derive.blackboard import Derivation, Equation, Iverson, Range, Support, arrays, integers, reals, total
from derive.rules import ONE_WAY, RULES, Scope, apply, well_formed
from derive.terms import Hypothesis, RuleError, bound_in, peel, rebased, substitute

n, m, c, a, b, k, l, q = integers("n m c a b k l q")  # noqa: E741
F, G, D, P = arrays("F G D P")
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


def test_random_uses_are_sound(draws, record_property):
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
    record_property("accepted", accepted.total())
    for rule in SEEN if draws >= 100 else ():
        assert accepted[rule], (rule, accepted)


# One rule at a time: terms made for a rule, arguments that are right now and then -------------------------------------

t, s, x, y = integers("t s x y")
LETTERS = [c, n, m, x, y]
ALL = (*BASE, Range(sp.Ge(s, 1)), Range(sp.Ge(c, 0)), Range(sp.Le(c, n)))
Use = tuple[Any, dict[str, Any], tuple[Hypothesis, ...]]


def assumed(rng: random.Random, *always: Hypothesis) -> tuple[Hypothesis, ...]:
    """Most of the usual hypotheses."""
    return (*(given for given in ALL if rng.random() < 0.85), *always)


def integer(rng: random.Random, depth: int = 2) -> Any:
    """An integer made of letters, sums, products, floors, least and greatest, remainders."""
    if depth == 0 or rng.random() < 0.2:
        return sp.sympify(offset(rng, rng.sample([*LETTERS, s], 2)))
    one, other = integer(rng, depth - 1), integer(rng, depth - 1)
    kind = rng.randrange(7)
    if kind < 3:
        return [one + other, one - other, rng.randint(-2, 2) * one][kind]
    if kind == 3:
        return sp.floor(one / rng.choice([s, 2, 3]))
    if kind == 4:
        return sp.Mod(one, rng.choice([s, 2]))
    return (sp.Min if kind == 5 else sp.Max)(one, other)


def relation(rng: random.Random, depth: int = 1) -> Any:
    """A relation between integers, or two of them joined; not a constant."""
    while True:
        kind = rng.choice([sp.Le, sp.Lt, sp.Ge, sp.Gt, sp.Eq, sp.Ne])
        one = kind(integer(rng, depth), integer(rng, depth))
        if rng.random() < 0.3:
            one = rng.choice([sp.And, sp.Or])(one, sp.Le(integer(rng, 0), integer(rng, 0)))
        if one not in (sp.true, sp.false):
            return one


def nearly(rng: random.Random, term: Any) -> Any:
    """A term that is often equal: written otherwise, or off by a little."""
    if isinstance(term, (sp.Le, sp.Lt, sp.Ge, sp.Gt)):
        more, less = integer(rng, 0), term.lhs - term.rhs
        moved = term.func(term.lhs + more, term.rhs + more, evaluate=False)
        tighter = {sp.Le: sp.Lt(less, 1), sp.Lt: sp.Le(less, -1), sp.Ge: sp.Gt(less, -1), sp.Gt: sp.Ge(less, 1)}
        return rng.choice([moved, tighter[term.func], term.func(term.lhs, term.rhs + 1), term.func(less * s, 0)])
    if getattr(term, "is_Boolean", False) or isinstance(term, (sp.Eq, sp.Ne)):
        return rng.choice([sp.Not(term), sp.Or(term, relation(rng, 0)), sp.And(term, relation(rng, 0))])
    replaced = [sp.floor((term * s + rng.randint(0, 1)) / s, evaluate=False), sp.Max(term, term - n), sp.Min(term, 0)]
    return rng.choice([*replaced, term + sp.Mod(c * s, s), term + sp.floor(sp.Rational(rng.randint(0, 3), 3) + c) - c])


def for_vanish(rng: random.Random) -> Use:
    """A sum beyond a support, or under brackets."""
    low, high = random_range(rng, [])
    bracket = rng.choice([Iverson(sp.Lt(k, low)), Iverson(sp.Gt(k, n)), sp.KroneckerDelta(k, low - 1), sp.Integer(1)])
    inner = F[k + rng.choice([n, -1 - n, 0, m, c]), offset(rng, [c, m])] * bracket
    if rng.random() < 0.4:
        pieces = [total(F[l + n * rng.randint(0, 1), l] * G[l], (l, 0, rng.choice([n, m]))) for _ in range(2)]
        inner = (inner + pieces[0]) * rng.choice([pieces[1] + inner, sp.Integer(1)])
    return total(inner, (k, low, high)), {"k": k}, assumed(rng, rng.choice(CONTENTS))


def for_delta(rng: random.Random) -> Use:
    """A sum against a delta whose place may lie in the range."""
    low, high = random_range(rng, [])
    place = rng.choice([low, high, c, c - 1, n - c, 0, rng.choice([1, -1]) * l])
    delta = sp.KroneckerDelta(rng.choice([1, -1]) * k + (shift := sp.sympify(offset(rng, [c]))), place + shift)
    body = rng.choice([F[k, l] * delta, delta * total(F[k, q] * k, (q, 0, m)), delta * D[k] * (k + c)])
    return total(body, (l, 0, n), (k, low, high)), {"k": k}, assumed(rng)


def for_count(rng: random.Random) -> Use:
    """A sum of terms that may be equal."""
    low, high = random_range(rng, [])
    body = rng.choice([sp.Integer(1), c, D[c], D[c] * F[l, c], total(F[c, q], (q, 0, m)), D[k] * c])
    return total(body, (l, 0, n), (k, low, high)), {"k": k}, assumed(rng)


def for_single(rng: random.Random) -> Use:
    """A sum over a range that may be one place."""
    low = integer(rng, 1)
    high = rng.choice([low, nearly(rng, low), low + c, low + 1])
    return total(D[k] * F[k, c], (k, low, high)), {"k": k}, assumed(rng, Range(sp.Eq(c, rng.choice([0, n]))))


def for_power(rng: random.Random) -> Use:
    """Powers with letters for exponents."""
    exponent = rng.choice([k, k + 1, c, c + 1, n - k, s, s - 1])
    return total(D[k] * x**exponent, (k, 0, n)), {"base": x, "exponent": exponent}, assumed(rng)


def for_arith(rng: random.Random) -> Use:
    """Integers, entries and propositions beside others that may be equal."""
    kind = rng.randrange(3)
    if kind == 0:
        old = relation(rng)
        return old, {"old": old, "new": nearly(rng, old)}, assumed(rng)
    old = integer(rng)
    new = nearly(rng, old)
    if kind == 1:
        return D[old] + old, {"old": D[old], "new": D[new]}, assumed(rng)
    return total(F[old, k], (k, 0, n)) + c, {"old": old, "new": new}, assumed(rng)


def for_entails(rng: random.Random) -> Use:
    """A proposition, and one that may follow."""
    one = relation(rng)
    to = rng.choice([nearly(rng, one), sp.Or(one, relation(rng)), relation(rng)])
    return one, {"to": to}, assumed(rng)


def for_galois(rng: random.Random) -> Use:
    """A bound by a floor; the divisor may be anything."""
    divisor = rng.choice([s, s, s + c, 2, c, c + 1, n * s, -s])
    return sp.Le(integer(rng, 1), sp.floor(integer(rng, 1) / divisor), evaluate=False), {}, assumed(rng)


def for_indirect(rng: random.Random) -> Use:
    """A floor of so many divisors more, shown by the integers below it."""
    more, claimed, above = rng.randint(-2, 2), rng.randint(-2, 2), integer(rng, 1)
    hypotheses = assumed(rng)
    term = sp.floor((above + more * s) / s, evaluate=False)
    to = sp.floor(above / s) + (more if rng.random() < 0.7 else claimed)
    try:
        start = Derivation(sp.Le(t, term, evaluate=False), *hypotheses).galois()
        moved = start.arith(start.term, sp.Le((t - more) * s, above, evaluate=False))
        back = moved.backwards("galois", sp.Le(t - more, sp.floor(above / s), evaluate=False))
        chain = back.arith(back.term, sp.Le(t, to, evaluate=False)).steps
    except RuleError:
        chain = ()
    return term, {"to": to, "t": t, "chain": chain}, hypotheses


def _lemmas() -> list[Any]:
    box, (size, place) = Support(F, ((0, n - 1),)), integers("size place")
    sized = Derivation(total(F[k], (k, 0, size - 1)), sp.Ge(size, 0)).reflect(k, a, about=size - 1)
    grown = Derivation(total(F[k], (k, 0, n - 1)), sp.Ge(n, 0), box).support(k, -1, n)
    beside = total(F[k] * sp.KroneckerDelta(k, place), (k, 0, size))
    hit = Derivation(beside, sp.Ge(place, 0), sp.Le(place, size)).delta(k)
    spread = Derivation(place * (F[size] + 1)).ring(place * F[size] + place)
    return [(chain.qed(chain.term, "lemma"), size, place) for chain in (sized, grown, hit, spread)]


LEMMAS = _lemmas()
(E,) = arrays("E")


def for_lemma(rng: random.Random) -> Use:
    """A lemma about F[k], for other arrays and sizes, in one direction or the other."""
    by, size, place = rng.choice(LEMMAS)
    pick = [n, c, n + 1, 2 * m, n - 1, sp.Integer(2), n / 2]
    at = {size: rng.choice(pick), place: rng.choice(pick), **({n: rng.choice([n, m])} if rng.random() < 0.3 else {})}
    side = rng.choice([by.lhs, by.rhs])
    try:
        term = c * substitute(rebased(side, {F: E}), at) + D[0]
    except RuleError:
        term = D[0]
    arguments = {"by": by, "at": tuple(at.items()), "arrays": ((F, E),), "backwards": side == by.rhs}
    return term, arguments, assumed(rng, *rng.choice([(), (Support(E, ((0, rng.choice([n, m]) - 1),)),)]))


def for_induction(rng: random.Random) -> Use:
    """An array filled step by step, with a claim about its entries that may be wrong, or hold from elsewhere on."""
    start, low = rng.choice([0, 0, 1, -1]), rng.choice([0, 0, 0, 1])
    more, moved, times = rng.choice([y, x, sp.Integer(2)]), rng.choice([0, 1, -1, c]), rng.choice([0, 0, 0, 1])
    guard = (sp.Ge(a, start),)
    walk = Equation(P[a + 1, b], P[a, b + moved] + more + times * P[a, c], (a, b), guard, defines=False)
    begin = Equation(P[start, b], D[b] + rng.choice([0, 0, x]), (b,), defines=False)
    steps = m - start + rng.choice([0] * 8 + [1])
    to = D[q + moved * steps] + (more + rng.choice([0] * 8 + [c])) * steps
    over = rng.choice([(q,), (q,), (q,), (), (c,)])
    about = [Range(sp.Ge(m, low)), *rng.choice([(), (), (Range(sp.Ge(q, 0)),), (Equation(D[q], c, defines=False),)])]
    hypotheses: tuple[Any, ...] = (*(given for given in about if rng.random() < 0.95), walk, begin)
    term = P[m, q]

    def step(line: Derivation, claim: Any) -> Derivation:
        grown, wanted = line.equation(walk).equation(claim), substitute(to, {m: m + 1})
        return grown if grown.term == wanted else grown.ring(wanted)

    try:
        chain = Derivation(term, *hypotheses).induction(
            m, to, lambda line: line.equation(begin), step, over=over, start=start
        )
        return term, dict(chain.steps[-1].arguments), hypotheses
    except RuleError:
        kept = {"m": m, "start": sp.Integer(start), "to": to, "over": over, "first": (), "step": ()}
        return term, kept, hypotheses


def for_since(rng: random.Random) -> Use:
    """A relation that may follow from a theorem about other letters, whose hypotheses may not hold here."""
    size, place = integers("size place")
    given = [Range(sp.Ge(size, 1)), Range(sp.Ge(place, 0))]
    start = Derivation(sp.Ge(size * place, place), *given)
    by = start.arith(start.term, sp.true).qed(sp.true, "larger")
    if rng.random() < 0.2:
        by = Derivation(sp.Ge(size, 1)).arith(sp.Ge(size, 1), sp.Gt(size, 0)).qed(sp.Gt(size, 0), "no fact")
    values = {size: rng.choice([s, s, c, c + 1, n]), place: rng.choice([c, n, m, x])}
    hypotheses, fact = assumed(rng), substitute(by.lhs, values)
    old = rng.choice([fact, fact, sp.Ge(fact.lhs + rng.choice([0, 1, -1]), fact.rhs), relation(rng, 0)])
    to = rng.choice([Iverson(old) * D[0], D[0], D[0]])
    term = Iverson(old, evaluate=False) * D[0]
    inside = Derivation(sp.Integer(0))._within(Scope(hypotheses, given=(fact,)), term)
    try:
        chain = inside.arith(Iverson(old), sp.Integer(1)).steps
    except RuleError:
        chain = ()
    return term, {"by": by, "at": tuple(values.items()), "to": to, "chain": chain}, hypotheses


def for_backwards(rng: random.Random) -> Use:
    """Another use read from right to left; what it is read back to may be wrong."""
    rule = rng.choice([name for name in MADE if name not in ("entails", "backwards")])
    term, arguments, hypotheses = MADE[rule](rng)
    try:
        after = apply(Scope(hypotheses), rule, term, arguments)
    except RuleError:
        after = D[0]
    wrong = rng.random() < 0.2 and not isinstance(term, (sp.Le, sp.Lt, sp.Ge, sp.Gt, sp.Eq, sp.Ne, sp.And, sp.Or))
    kept = {"rule": rule, "to": term + 1 if wrong else term, "arguments": tuple(sorted(arguments.items()))}
    return after, kept, hypotheses


MADE = {name.removeprefix("for_"): make for name, make in list(globals().items()) if name.startswith("for_")}


@pytest.mark.parametrize("rule", MADE)
def test_uses_made_for_a_rule_are_sound(rule, draws, record_property):
    """No accepted use of the rule is false, and both accepted and refused uses are among those drawn."""
    rng = random.Random(f"uses of {rule}")
    accepted = refused = 0
    for _ in range(draws):
        term, arguments, hypotheses = MADE[rule](rng)
        try:
            well_formed(term, Scope(hypotheses))
            after = apply(Scope(hypotheses), rule, term, arguments)
        except RuleError:
            refused += 1
            continue
        accepted += 1
        sign = "=>" if rule in ONE_WAY else "="
        for env in semantics.models([term, after], hypotheses, limit=12):
            assert semantics.holds(term, after, sign, env), (rule, arguments, term, after, hypotheses)
    record_property("accepted", accepted)
    assert draws < 100 or (accepted and refused)


def test_every_rule_is_drawn():
    """No rule of the table is left out of the random tests."""
    assert set(RULES) == {*SEEN, *MADE, "antiderivative"}


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
