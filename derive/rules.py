r"""The sound rules: from a term, a term that means the same, with the conditions under which it does.

Main definitions: `RULES`, the table of all rules by name; `Scope`, which knows the hypotheses and the ranges of the
enclosing sums, and through which every side condition passes; `well_formed`.
Main results: tests/book/test_11_kernel.py, where each rule is used at random, and each of its conditions is dropped.

Notation: sum over k from low to high, c a term, A an array. A rule is a function of a scope, a term and arguments by
name. It rewrites every place that fits and fails with `RuleError` where none does. Sums are sums over sets; every
range must be provably of length >= 0, so that SymPy's convention for reversed limits never matters.
This file is part of what must be trusted.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from itertools import product
from typing import Any

import sympy as sp

from derive import smt
from derive.terms import (
    BINDERS,
    Equation,
    Hypothesis,
    Iverson,
    Range,
    RuleError,
    Support,
    Term,
    bound_in,
    free_in,
    head,
    instance,
    normal,
    parts,
    peel,
    proposition,
    rebased,
    rebuilt,
    remembered,
    resummed,
    substitute,
    symbols_of,
    walk,
    whole,
)


@dataclass(frozen=True)
class Condition:
    """A side condition that was met: what it is called, the fact for the solver if it is one, and where it holds."""

    label: str
    pattern: str
    of: tuple[Any, ...] = ()
    fact: Term = sp.true
    given: tuple[Term, ...] = ()

    @property
    def text(self) -> str:
        """The condition in words."""
        return self.pattern.format(*self.of)


@dataclass
class Scope:
    """The hypotheses, the ranges of the enclosing sums, the names in use, and the side conditions met so far."""

    hypotheses: tuple[Hypothesis, ...]
    taken: frozenset[str] = frozenset()
    given: tuple[Term, ...] = ()
    conditions: list[Condition] = field(default_factory=list)
    exact: bool = True  # whether a replayed step must record the very conditions it met

    def under(self, k: Term, low: Term, high: Term) -> Scope:
        """The scope inside a sum over k."""
        return replace(self, given=(*self.given, *_bounds(k, low, high))) if k.is_integer else self

    def demand(self, label: str, fact: Term, pattern: str, *of: Any) -> None:
        """Record a condition; RuleError unless it is True or proved for all integers. The pattern says it in words."""
        if fact is True or fact == sp.true:
            return
        condition = Condition(label, pattern, of, sp.sympify(fact), self.given)
        if fact in (False, sp.false) or not self.knows(fact):
            premises = _premises(self.hypotheses, self.given, fact)
            raise RuleError(f"{label}: not so: {condition.text}; given {premises or 'nothing'}")
        if condition not in self.conditions:
            self.conditions.append(condition)

    def knows(self, fact: Term) -> bool:
        """Whether a fact is proved for all integers from what is given."""
        return smt.prove(_premises(self.hypotheses, self.given, fact), fact)

    def reserved(self) -> frozenset[Term]:
        """The symbols that what is given speaks about; no sum may bind one of them."""
        return _spoken_of(self.hypotheses).union(*map(free_in, self.given))

    def supports(self, array: Term) -> list[Support]:
        """The supports that the hypotheses declare for an array."""
        return [given for given in self.hypotheses if isinstance(given, Support) and given.array == array]


@remembered
def _bounds(k: Term, low: Term, high: Term) -> tuple[Term, Term]:
    return sp.Le(low, k), sp.Le(k, high)


@remembered
def _not_reversed(low: Term, high: Term) -> Term:
    return sp.Ge(high - low, -1)


@remembered
def _spoken_of(hypotheses: tuple[Hypothesis, ...]) -> frozenset[Term]:
    return frozenset().union(*(given.free() for given in hypotheses))


@remembered
def _premises(hypotheses: tuple[Hypothesis, ...], given: tuple[Term, ...], fact: Term) -> tuple[Term, ...]:
    """What the solver may use for a fact; relations for all integers are used at each entry that is spoken of."""
    ranges = [held for held in hypotheses if isinstance(held, Range)]
    premises = [held.holds for held in ranges if not held.over] + list(given)
    general = [held for held in ranges if held.over]
    found = _entries((fact, *premises)) if general else ()
    for held in general:
        for pattern, entry in product(_entries((held.holds,)), found):
            values = instance(pattern, entry, held.over)
            if values is not None and all(whole(value) for value in values.values()):
                premises.append(substitute(held.holds, values))
    return tuple(dict.fromkeys(premises))


def _entries(terms: tuple[Term, ...]) -> tuple[Term, ...]:
    """The array entries in the terms, each once."""
    pieces = (piece for term in terms if isinstance(term, sp.Basic) for piece in walk(term))
    return tuple(dict.fromkeys(piece for piece in pieces if isinstance(piece, sp.Indexed)))


@remembered
def _said_in(hypotheses: tuple[Hypothesis, ...]) -> tuple[Term, ...]:
    """All the terms of the hypotheses."""
    return tuple(term for given in hypotheses for term in given.terms())


Change = Callable[[Term, Scope], Term | None]


def everywhere(term: Term, scope: Scope, change: Change, there: Callable[[Term], bool] = lambda _: True) -> Term:
    """The term with `change` made at the outermost places where it answers a term; nowhere in it if `there` says no."""
    if not there(term):
        return term
    changed = change(term, scope)
    if changed is not None:
        return changed
    if isinstance(term, BINDERS):
        inner, k, low, high = peel(term)
        ends = everywhere(low, scope, change, there), everywhere(high, scope, change, there)
        return resummed(term, everywhere(inner, scope.under(k, low, high), change, there), *ends)
    if isinstance(term, sp.Symbol):
        return term
    return rebuilt(term, [everywhere(piece, scope, change, there) for piece in parts(term)])


def at_sums(term: Term, scope: Scope, k: Term, change: Callable[[Term, Scope], Term]) -> Term:
    """The term with the change made at every sum or integral over k."""

    def found(node: Term, here: Scope) -> Term | None:
        return change(node, here) if isinstance(node, BINDERS) and node.limits[-1][0] == k else None

    return everywhere(term, scope, found, lambda node: k in bound_in(node))


@remembered
def pieces(term: Term) -> frozenset[Term]:
    """All subterms."""
    return frozenset(walk(term))


@remembered
def heads(term: Term) -> frozenset[Term]:
    """The arrays and functions whose entries and values occur."""
    return frozenset(head(piece) for piece in walk(term))


def well_formed(term: Term, scope: Scope) -> None:
    """Demand that names are clear, every range has length >= 0, and nothing is divided by zero."""
    if type(scope) is not Scope:
        return _well_formed(term, scope)
    for condition in _well_formed_once(term, scope.hypotheses, scope.given):
        if condition not in scope.conditions:
            scope.conditions.append(condition)
    return None


@remembered
def _well_formed_once(term: Term, hypotheses: tuple[Hypothesis, ...], given: tuple[Term, ...]) -> tuple[Condition, ...]:
    """The conditions met; RuleError where one is not."""
    scope = Scope(hypotheses, given=given)
    _well_formed(term, scope)
    return tuple(scope.conditions)


def _well_formed(term: Term, scope: Scope) -> None:
    odd, mixed, meanings = (
        frozenset().union(*found) for found in zip(*map(_names, (term, *_said_in(scope.hypotheses))), strict=True)
    )
    for name in odd:
        scope.demand("plain-symbol", False, "{} must be a plain name, integer=True or real=True, nothing else", name)
    for piece in mixed:
        scope.demand("kind", False, "{} takes a number for a proposition, or a proposition for a number", piece)
    if len({name for name, _ in meanings}) < len(meanings):
        double = sorted(f"{name}: {meaning}" for name, meaning in meanings)
        scope.demand("one-meaning", False, "a name has two meanings: {}", double)
    _ranges(term, scope, free_in(term) | scope.reserved())


@remembered
def _names(piece: Term) -> tuple[frozenset[Any], frozenset[Any], frozenset[Any]]:
    """Names that are declared with more than they should be, terms of mixed kinds, and (name, what it stands for)."""
    below = peel(piece) if isinstance(piece, BINDERS) else () if isinstance(piece, sp.Symbol) else parts(piece)
    odd, mixed, meanings = (frozenset().union(*found) for found in zip(_NOTHING, *map(_names, below), strict=True))
    logical = isinstance(piece, (sp.logic.boolalg.BooleanFunction, Iverson))
    if any(proposition(part) != logical for part in below):
        mixed |= {piece}
    if isinstance(piece, sp.Symbol):
        name, meaning = piece.name, piece
        plain = piece in (sp.Symbol(name, integer=True), sp.Symbol(name, real=True))
    elif isinstance(piece, sp.Indexed):
        name, meaning = str(piece.base), (piece.base, len(piece.indices))
        plain = piece.base in (sp.IndexedBase(name), sp.IndexedBase(name, integer=True))
    elif isinstance(piece, sp.core.function.AppliedUndef):
        name, meaning = str(piece.func), (piece.func, len(piece.args))
        plain = piece.func == sp.Function(name)
    else:
        return odd, mixed, meanings
    if not (plain and name.isascii() and name.isidentifier() and name[0] != "_"):  # others are the kernel's own
        odd |= {meaning}
    return odd, mixed, meanings | {(name, meaning)}


_NOTHING: tuple[frozenset[Any], ...] = (frozenset(), frozenset(), frozenset())


@remembered
def _harmless(term: Term) -> bool:
    """Whether nothing in the term can be reversed, or divided by zero."""
    return not any(isinstance(piece, (*BINDERS, sp.Pow, sp.Mod)) for piece in walk(term))


def _ranges(term: Term, scope: Scope, outer: frozenset[Term]) -> None:
    if _harmless(term):
        return
    if isinstance(term, BINDERS):
        inner, k, low, high = peel(term)
        scope.demand("no-shadow", k not in outer, "{} is bound inside, and used outside or bound again", k)
        integers = isinstance(k, sp.Symbol) and bool(k.is_integer)
        if isinstance(term, sp.Integral):
            scope.demand("real-range", not integers, "one integrates over reals, and {} is an integer", k)
        else:
            fits = integers and whole(low) and whole(high)
            scope.demand("integer-range", fits, "{} and the ends {} and {} must be integers", k, low, high)
        if isinstance(term, sp.Sum):
            scope.demand("range", _not_reversed(low, high), "the range {} = {}..{} is never reversed", k, low, high)
        for end in (low, high):
            _ranges(end, scope, outer)
        _ranges(inner, scope.under(k, low, high), outer | {k})
    elif not isinstance(term, sp.Symbol):
        if isinstance(term, sp.Pow) and not (term.base.is_Rational and term.exp.is_Rational):
            if not term.exp.is_Integer:  # x^0 = 1 for all x, also 0; below that there may be no power at all
                scope.demand("exponent", whole(term.exp), "the exponent {} is an integer", term.exp)
                scope.demand("exponent", sp.Ge(term.exp, 0), "the exponent {} is not negative", term.exp)
            elif term.exp < 0:
                scope.demand("no-zero", sp.Ne(term.base, 0), "{} is not zero", term.base)
        if isinstance(term, sp.Mod):
            scope.demand("no-zero", sp.Ne(term.args[1], 0), "{} is not zero", term.args[1])
        for piece in parts(term):
            _ranges(piece, scope, outer)


# Sums, one sign at a time -----------------------------------------------------------------------------------------


def _new_variable(scope: Scope, node: Term, to: Term, by: Term) -> tuple[Term, Term, Term, Term]:
    """The pieces of a sum over k that is about to be written over another variable."""
    inner, k, low, high = peel(node)
    scope.demand("own-index", k not in free_in(by), "the shift {} must not mention {} itself", by, k)
    scope.demand("inner-index", not (bound_in(inner) & free_in(by)), "the shift {} mentions an inner index", by)
    scope.demand("fresh", to == k or to.name not in scope.taken, "the new index {} clashes with one in use", to)
    scope.demand("same-kind", to.is_integer == k.is_integer, "{} and {} must be of one kind", to, k)
    scope.demand("integer-shift", whole(by) or not k.is_integer, "the shift {} must be an integer", by)
    return inner, k, low, high


def shift(scope: Scope, term: Term, k: Term, to: Term, by: Term) -> Term:
    """Put k = to + by: sum over to from low - by to high - by."""

    def change(node: Term, here: Scope) -> Term:
        inner, _, low, high = _new_variable(here, node, to, by)
        return node.func(substitute(inner, {k: to + by}), (to, low - by, high - by))

    return at_sums(term, scope, k, change)


def reflect(scope: Scope, term: Term, k: Term, to: Term, about: Term) -> Term:
    """Put k = about - to: sum over to from about - high to about - low."""

    def change(node: Term, here: Scope) -> Term:
        inner, _, low, high = _new_variable(here, node, to, about)
        return node.func(substitute(inner, {k: about - to}), (to, about - high, about - low))

    return at_sums(term, scope, k, change)


def swap(scope: Scope, term: Term, outer: Term, inner: Term) -> Term:
    """Sum over the inner variable last: two neighbouring signs change places."""

    def change(node: Term, here: Scope) -> Term:
        body, k, low, high = peel(node)
        fits = isinstance(body, node.func) and body.limits[-1][0] == inner
        here.demand("neighbours", fits, "the sum over {} must stand next inside the sum over {}", inner, outer)
        core, m, first, last = peel(body)
        here.demand("independent", k not in free_in(first) | free_in(last), "the range of {} depends on {}", m, k)
        return node.func(core, (k, low, high), (m, first, last))

    return at_sums(term, scope, outer, change)


def vanishing(term: Term, scope: Scope, path: str = "") -> Term:
    """A condition under which the term is certainly zero."""
    if term == 0:
        return sp.true
    if isinstance(term, sp.Mul):
        return sp.Or(*(vanishing(piece, scope, f"{path}.{n}") for n, piece in enumerate(term.args)))
    if isinstance(term, sp.Add):
        return sp.And(*(vanishing(piece, scope, f"{path}.{n}") for n, piece in enumerate(term.args)))
    if isinstance(term, sp.Pow) and term.exp.is_Integer and term.exp > 0:
        return vanishing(term.base, scope, path)
    if isinstance(term, sp.Indexed):
        return sp.Or(*(support.outside(term.indices) for support in scope.supports(term.base)))
    if isinstance(term, sp.KroneckerDelta):
        return sp.Ne(*term.args)
    if isinstance(term, Iverson):
        return sp.Not(term.args[0])
    if isinstance(term, sp.Sum):
        inner, k, low, high = peel(term)
        own = sp.Symbol(f"{k.name}{path}.", integer=True)  # apart from like-named variables in other factors
        condition = vanishing(substitute(inner, {k: own}), scope, f"{path}.0")
        return sp.Implies(sp.And(sp.Le(low, own), sp.Le(own, high)), condition)
    return sp.false


def support(scope: Scope, term: Term, k: Term, low: Term, high: Term) -> Term:
    """Change a range where the summand vanishes on the difference."""

    def change(node: Term, here: Scope) -> Term:
        inner, _, first, last = peel(node)
        names = free_in(low) | free_in(high)
        here.demand("sum-only", isinstance(node, sp.Sum), "only a sum's range can change so")
        here.demand("own-index", k not in names, "the new range must not mention {} itself", k)
        here.demand("inner-index", not (bound_in(inner) & names), "the new range mentions an inner index")
        old, new = sp.And(sp.Le(first, k), sp.Le(k, last)), sp.And(sp.Le(low, k), sp.Le(k, high))
        zero, text = vanishing(inner, here), "the summand vanishes for every {} that is {}"
        here.demand("dropped", sp.Implies(sp.And(old, sp.Not(new)), zero), text, k, "left out")
        here.demand("added", sp.Implies(sp.And(new, sp.Not(old)), zero), text, k, "added")
        return node.func(inner, (k, low, high))

    return at_sums(term, scope, k, change)


def vanish(scope: Scope, term: Term, k: Term) -> Term:
    """A sum whose every term is zero is zero."""

    def change(node: Term, here: Scope) -> Term:
        here.demand("vanishes", vanishing(node, here), "every term of the sum over {} is zero", k)
        return sp.Integer(0)

    return at_sums(term, scope, k, change)


def _solved(factor: Term, k: Term) -> Term | None:
    """The one value of k at which a Kronecker delta is 1, or None."""
    if not isinstance(factor, sp.KroneckerDelta):
        return None
    difference = sp.expand(factor.args[0] - factor.args[1])
    slope = difference.coeff(k)
    if slope not in (1, -1):
        return None
    at = sp.expand(slope * (slope * k - difference))
    return at if whole(at) and k not in free_in(at) else None


def delta(scope: Scope, term: Term, k: Term, at: Term = None) -> Term:
    """A sum against a Kronecker delta is the term where the delta is one; `at` chooses among several deltas."""

    def change(node: Term, here: Scope) -> Term:
        inner, _, low, high = peel(node)
        factors = sp.Mul.make_args(inner)
        fitting = [(f, value) for f in factors if (value := _solved(f, k)) is not None and at in (None, value)]
        here.demand("has-delta", bool(fitting) and isinstance(node, sp.Sum), "a delta for one {} must be a factor", k)
        chosen, place = fitting[0]
        here.demand("in-range", sp.And(sp.Le(low, place), sp.Le(place, high)), "{} = {} lies in the range", k, place)
        return substitute(sp.Mul(*(factor for factor in factors if factor is not chosen)), {k: place})

    return at_sums(term, scope, k, change)


def out(scope: Scope, term: Term, k: Term) -> Term:
    """Take the factors that do not mention k out of the sum over k."""

    def change(node: Term, here: Scope) -> Term:
        inner, _, low, high = peel(node)
        factors = sp.Mul.make_args(inner)
        constant = [factor for factor in factors if k not in free_in(factor)]
        here.demand("constant", bool(constant), "no factor is free of {}", k)
        rest = sp.Mul(*(factor for factor in factors if k in free_in(factor)))
        return sp.Mul(*constant, node.func(rest, (k, low, high)))

    return at_sums(term, scope, k, change)


def into(scope: Scope, term: Term, k: Term) -> Term:
    """Take all other factors into the sum over k."""

    def change(node: Term, here: Scope) -> Term | None:
        sums = [f for f in node.args if isinstance(f, BINDERS) and f.limits[-1][0] == k] if node.is_Mul else []
        if not sums:
            return None
        others = sp.Mul(*(factor for factor in node.args if factor is not sums[0]))
        inner, _, low, high = peel(sums[0])
        here.demand("constant", k not in symbols_of(others), "the other factors must not mention {}", k)
        return sums[0].func(others * inner, (k, low, high))

    return everywhere(term, scope, change)


def linear(scope: Scope, term: Term, k: Term) -> Term:
    """The sum of a sum of terms is the sum of the sums."""

    def change(node: Term, here: Scope) -> Term:
        inner, _, low, high = peel(node)
        here.demand("is-sum", isinstance(inner, sp.Add), "there must be several terms under the sign")
        return sp.Add(*(node.func(piece, (k, low, high)) for piece in inner.args))

    return at_sums(term, scope, k, change)


def split(scope: Scope, term: Term, k: Term, at: Term) -> Term:
    """Sum up to and including `at`, then from at + 1 on."""

    def change(node: Term, here: Scope) -> Term:
        inner, _, low, high = peel(node)
        here.demand("own-index", k not in free_in(at), "the place {} must not mention {} itself", at, k)
        here.demand("inner-index", not (bound_in(inner) & free_in(at)), "the place {} mentions an inner index", at)
        if isinstance(node, sp.Integral):
            return node.func(inner, (k, low, at)) + node.func(inner, (k, at, high))
        here.demand("within", sp.And(sp.Le(low - 1, at), sp.Le(at, high)), "{} lies in the range", at)
        return node.func(inner, (k, low, at)) + node.func(inner, (k, at + 1, high))

    return at_sums(term, scope, k, change)


def single(scope: Scope, term: Term, k: Term) -> Term:
    """A sum over one place is the term there."""

    def change(node: Term, here: Scope) -> Term:
        inner, _, low, high = peel(node)
        here.demand("sum-only", isinstance(node, sp.Sum), "only a sum can have one place")
        here.demand("one-place", sp.Eq(low, high), "{} takes one value", k)
        return substitute(inner, {k: low})

    return at_sums(term, scope, k, change)


def count(scope: Scope, term: Term, k: Term) -> Term:
    """A sum of equal terms is their number times one of them."""

    def change(node: Term, here: Scope) -> Term:
        inner, _, low, high = peel(node)
        here.demand("sum-only", isinstance(node, sp.Sum), "only a sum counts")
        here.demand("constant", k not in free_in(inner), "the term must not mention {}", k)
        return (high - low + 1) * inner

    return at_sums(term, scope, k, change)


# Integrals --------------------------------------------------------------------------------------------------------


def derivative(term: Term, k: Term) -> Term:
    """The derivative by k of a term made of + *, powers and exp; RuleError where k is inside anything else."""
    if k not in free_in(term):
        return sp.Integer(0)
    if term == k:
        return sp.Integer(1)
    if isinstance(term, sp.Add):
        return sp.Add(*(derivative(piece, k) for piece in term.args))
    if isinstance(term, sp.Mul):
        one, other = term.as_two_terms()
        return derivative(one, k) * other + one * derivative(other, k)
    if isinstance(term, sp.Pow) and term.exp.is_Integer and term.exp > 0:
        return term.exp * term.base ** (term.exp - 1) * derivative(term.base, k)
    if isinstance(term, sp.exp):
        return term * derivative(term.args[0], k)
    raise RuleError(f"no derivative is given to {term} by {k}")


def antiderivative(scope: Scope, term: Term, k: Term, of: Term) -> Term:
    """Put F(high) - F(low) for the integral over k of the derivative of F, where F is `of`."""

    def change(node: Term, here: Scope) -> Term:
        inner, _, low, high = peel(node)
        here.demand("integral-only", isinstance(node, sp.Integral), "only an integral has an antiderivative")
        slope = normal(derivative(of, k))
        here.demand("antiderivative", bool(slope == normal(inner)), "the derivative of {} is {}", of, inner)
        return substitute(of, {k: high}) - substitute(of, {k: low})

    return at_sums(term, scope, k, change)


# Terms ------------------------------------------------------------------------------------------------------------


def equation(scope: Scope, term: Term, by: Equation, backwards: bool = False, at: Any = None) -> Term:
    """Use a definition or an assumed equation, read left to right or backwards, where its guards hold."""
    scope.demand("assumed", by in scope.hypotheses, "the equation is not among the hypotheses")
    by = next((given for given in scope.hypotheses if given == by), by)
    source, target = (by.right, by.left) if backwards else (by.left, by.right)
    fixed = None if at is None else dict(at)
    scope.demand("all-given", fixed is None or set(fixed) == set(by.over), "give values for {}", by.over)

    def change(node: Term, here: Scope) -> Term | None:
        values = fixed
        if fixed is None:
            values = instance(source, node, by.over)
        elif type(node) is not type(source) or normal(node) != normal(substitute(source, fixed)):
            return None
        if values is None:
            return None
        integers = all(whole(value) or not variable.is_integer for variable, value in values.items())
        here.demand("integer-values", integers, "the values {} must be integers", values)
        for guard in by.guard:
            here.demand("guard", needed := substitute(guard, values), "it is used where it holds: {}", needed)
        return substitute(target, values)

    top = head(source)
    return everywhere(term, scope, change, lambda node: top is None or top in heads(node))


def lemma(
    scope: Scope, term: Term, by: Any, at: Sequence[Any] = (), arrays: Sequence[Any] = (), backwards: bool = False
) -> Term:
    """Use a theorem: its symbols take values, its arrays names; what it assumes must hold here, or be assumed."""
    hypotheses, lhs, rhs = tuple(by.hypotheses), by.lhs, by.rhs
    scope.demand("two-way", _proved(hypotheses, lhs, tuple(by.steps), rhs), "the theorem is an equality")
    values, names = dict(at), dict(arrays)
    alike = all(isinstance(array, sp.IndexedBase) for pair in names.items() for array in pair)
    scope.demand("arrays", alike, "only an array can stand for an array")
    source, target = (substitute(rebased(side, names), values) for side in (lhs, rhs))
    if backwards:
        source, target = target, source

    def change(node: Term, here: Scope) -> Term | None:
        if type(node) is not type(source) or normal(node) != normal(source):
            return None
        _assumptions(here, by.name, hypotheses, values, names)
        return target

    return everywhere(term, scope, change)


_PROVED: dict[tuple[Any, ...], tuple[tuple[Any, ...], bool]] = {}  # statement -> the steps that prove it, both ways?


def _proved(hypotheses: tuple[Hypothesis, ...], first: Term, steps: tuple[Any, ...], last: Term) -> bool:
    """Whether all steps go both ways; RuleError unless they prove the statement. The same proof is played once."""
    statement = hypotheses, first, last
    foreign = any(type(given) not in (Range, Support, Equation) for given in hypotheses)  # may be equal to anything
    known = None if foreign else _PROVED.get(statement)
    if known is not None and known[0] == steps:
        return known[1]
    equal = replay(Scope(hypotheses, exact=False), first, steps, last)
    if not foreign:
        _PROVED[statement] = steps, equal
    return equal


def _assumptions(
    scope: Scope, name: str, hypotheses: Sequence[Hypothesis], values: dict[Term, Term], names: dict[Term, Term]
) -> None:
    """Demand what a theorem assumes, for these values of its symbols and these arrays."""
    known = [instantiated(given, {}, {}) for given in scope.hypotheses]
    for variable, value in values.items():
        scope.demand("integer-values", whole(value) or not variable.is_integer, "{} must be an integer", value)
    for array, other in names.items():
        scope.demand("integer-array", bool(other.is_integer or not array.is_integer), "{} holds integers", other)
    for given in (instantiated(held, values, names) for held in hypotheses):
        if isinstance(given, Range):
            anything = not scope.reserved() & set(given.over)
            scope.demand("for-all", anything, "{} must stand for anything, in {}", given.over, given.holds)
            scope.demand("lemma-range", given.holds, "{} assumes {}", name, given.holds)
        else:
            scope.demand("assumed", given in known, "{} assumes {}", name, given)


def since(scope: Scope, term: Term, by: Any, at: Sequence[Any], to: Term, chain: Sequence[Any]) -> Term:
    """Use a theorem that says what always holds: a chain may take it for granted, its symbols put to values."""
    hypotheses, fact, always = tuple(by.hypotheses), by.lhs, by.rhs
    equal = _proved(hypotheses, fact, tuple(by.steps), always)
    scope.demand("always", equal and always == sp.true, "{} says what always holds", by.name)
    values = dict(at)
    _assumptions(scope, by.name, hypotheses, values, {})
    inside = replace(scope, given=(*scope.given, substitute(fact, values)))
    scope.demand("two-way", replay(inside, term, chain, to), "every step goes both ways")
    return to


def instantiated(given: Hypothesis, values: dict[Term, Term], names: dict[Term, Term]) -> Hypothesis:
    """The hypothesis about other sizes and arrays, without its reason in words."""

    def put(term: Term) -> Term:
        free = {symbol: value for symbol, value in values.items() if symbol not in getattr(given, "over", ())}
        return None if term is None else substitute(rebased(term, names), free)

    if isinstance(given, Support):
        return Support(names.get(given.array, given.array), tuple((put(low), put(high)) for low, high in given.box))
    over = {symbol for value in values.values() for symbol in free_in(value)} & set(getattr(given, "over", ()))
    if over:
        raise RuleError(f"the values mention {over}, which the hypothesis holds for all of")
    if isinstance(given, Range):
        return Range(put(given.holds), "", given.over)
    return Equation(put(given.left), put(given.right), given.over, tuple(map(put, given.guard)), "", False)


def ring(scope: Scope, term: Term, to: Term) -> Term:
    """Rewrite by algebra: associative, commutative, distributive laws, inside sums and indices too."""
    scope.demand("same-algebra", bool(normal(term) == normal(to)), "{} and {} do not expand to the same", term, to)
    return to


def arith(scope: Scope, term: Term, old: Term, new: Term) -> Term:
    """Replace an integer, an entry or a proposition by one that the solver proves equal for all integers."""

    def change(node: Term, here: Scope) -> Term | None:
        if node != old:
            return None
        if isinstance(old, sp.Indexed):
            alike = isinstance(new, sp.Indexed) and old.base == new.base and len(old.indices) == len(new.indices)
            here.demand("same-array", alike, "{} and {} must be entries of one array", old, new)
            facts = [sp.Eq(one, other, evaluate=False) for one, other in zip(old.indices, new.indices, strict=True)]
            here.demand("equal", sp.And(*facts), "{} = {}", old, new)
        else:
            same, sign = (sp.Equivalent, "<=>") if proposition(old) else (sp.Eq, "=")
            here.demand("equal", same(old, new, evaluate=False), f"{{}} {sign} {{}}", old, new)
        return new

    return everywhere(term, scope, change, lambda node: old in pieces(node))


def power(scope: Scope, term: Term, base: Term, exponent: Term) -> Term:
    """Put x x^(n-1) for x^n."""

    def change(node: Term, here: Scope) -> Term | None:
        if node != base**exponent or not isinstance(node, sp.Pow):
            return None
        here.demand("exponent", whole(exponent), "the exponent {} is an integer", exponent)
        here.demand("exponent", sp.Ge(exponent, 1), "the exponent {} is at least 1", exponent)
        return base * base ** (exponent - 1)

    return everywhere(term, scope, change)


# Integers and propositions ----------------------------------------------------------------------------------------


def galois(scope: Scope, term: Term) -> Term:
    """Write t <= floor(y/s) as t s <= y, for s >= 1."""

    def change(node: Term, here: Scope) -> Term | None:
        if not (isinstance(node, sp.Le) and isinstance(node.rhs, sp.floor)):
            return None
        above, below = sp.fraction(sp.together(node.rhs.args[0]))
        here.demand("integer", whole(node.lhs) and whole(above), "{} and {} are integers", node.lhs, above)
        here.demand("positive", sp.Ge(below, 1), "the divisor {} is at least 1", below)
        return sp.Le(node.lhs * below, above, evaluate=False)

    return everywhere(term, scope, change)


def indirect(scope: Scope, term: Term, to: Term, t: Term, chain: Sequence[Any]) -> Term:
    """Two integers are equal if every integer t that is at most the one is at most the other."""
    known = free_in(term) | free_in(to) | scope.reserved()
    scope.demand("fresh", bool(t.is_integer) and t.name not in {s.name for s in known}, "{} is an arbitrary integer", t)
    scope.demand("integer", whole(term) and whole(to), "{} and {} are integers", term, to)
    first, last = sp.Le(t, term, evaluate=False), sp.Le(t, to, evaluate=False)
    scope.demand("two-way", replay(scope, first, chain, last), "every step goes both ways")
    return to


def inductive(
    scope: Scope, term: Term, m: Term, start: Term, to: Term, over: Sequence[Term]
) -> tuple[Scope, Scope, Hypothesis]:
    """Where the start and the step of an induction are shown, and what the step may assume of m.

    The claim is that for every m >= start term = to, for all values of `over` that meet the hypotheses about them. What
    else is assumed of m, or given of m and `over`, is forgotten: it is true of the one m that is asked for only.
    """
    over, guards = tuple(over), []
    kept = [given for given in scope.hypotheses if m not in given.free()]
    for given in (given for given in kept if given.free() & set(over)):
        if isinstance(given, Range) and not given.over:
            guards.append(given.holds)
        else:
            scope.demand("all-values", False, "{} is not said of all {}", given, over)
    fixed = tuple(held for held in scope.given if not free_in(held) & {m, *over})
    first = replace(scope, hypotheses=tuple(kept), given=fixed)
    claim = Equation(term, to, over, tuple(guards), "so far by assumption", False)
    then = replace(first, hypotheses=(*kept, claim), given=(*fixed, sp.Ge(m, start)))
    if to == sp.true and not over:  # then the solver may know it
        then = replace(first, given=(*then.given, term))
    return first, then, claim


def induction(
    scope: Scope,
    term: Term,
    m: Term,
    start: Term,
    to: Term,
    first: Sequence[Any],
    step: Sequence[Any],
    over: Sequence[Term] = (),
) -> Term:
    """Two terms are equal for every m >= start if they are for m = start, and for m + 1 wherever they are for m."""
    plain = all(isinstance(name, sp.Symbol) for name in (m, *over)) and m not in over
    scope.demand("induction-letter", plain and bool(m.is_integer) and whole(start), "{} is an integer", m)
    scope.demand("own-start", not free_in(start) & {m, *over}, "the start {} must not depend on {}", start, m)
    scope.demand("from-start", sp.Ge(m, start), "{} is at least {}", m, start)
    before, after, _ = inductive(scope, term, m, start, to, over)
    begun = replay(before, substitute(term, {m: start}), first, substitute(to, {m: start}))
    gone = replay(after, substitute(term, {m: m + 1}), step, substitute(to, {m: m + 1}))
    scope.demand("two-way", begun and gone, "every step goes both ways")
    return to


def entails(scope: Scope, term: Term, to: Term) -> Term:
    """Pass to a proposition that follows, by the solver, for all integers."""
    scope.demand("follows", sp.Implies(term, to), "{} follows", to)
    return to


# Using rules ------------------------------------------------------------------------------------------------------


def backwards(scope: Scope, term: Term, rule: str, to: Term, arguments: Sequence[tuple[str, Any]]) -> Term:
    """Read a rule from right to left: `to` becomes the term by the rule, so the term becomes `to`."""
    scope.demand("two-way", rule not in ONE_WAY, "{} cannot be read backwards", rule)
    well_formed(to, scope)
    result = apply(scope, rule, to, dict(arguments))
    scope.demand("reads-back", bool(result == term), "{} makes {} of {}, not {}", rule, result, to, term)
    return to


ONE_WAY = frozenset({"entails"})

RULES: dict[str, Callable[..., Term]] = {
    "shift": shift,
    "reflect": reflect,
    "swap": swap,
    "support": support,
    "vanish": vanish,
    "delta": delta,
    "out": out,
    "into": into,
    "linear": linear,
    "split": split,
    "single": single,
    "count": count,
    "antiderivative": antiderivative,
    "equation": equation,
    "lemma": lemma,
    "ring": ring,
    "arith": arith,
    "power": power,
    "galois": galois,
    "indirect": indirect,
    "induction": induction,
    "since": since,
    "entails": entails,
    "backwards": backwards,
}


def apply(scope: Scope, rule: str, term: Term, arguments: dict[str, Any]) -> Term:
    """The term after a rule; RuleError where a condition fails, nothing fits, or the result is not well formed."""
    if rule not in RULES:
        raise RuleError(f"there is no rule {rule!r}")
    scope.taken = frozenset(symbol.name for symbol in symbols_of(term))
    try:
        after = RULES[rule](scope, term, **arguments)
    except RuleError:
        raise
    except Exception as error:  # whatever goes wrong, nothing is proved
        raise RuleError(f"{rule} cannot be used so: {error}") from error
    if after == term:
        raise RuleError(f"{rule} changes nothing in {term}")
    scope.demand("kind", proposition(after) == proposition(term), "{} and {} are of one kind", term, after)
    well_formed(after, scope)
    return after


def replay(scope: Scope, first: Term, steps: Sequence[Any], last: Term) -> bool:
    """Whether all steps go both ways; RuleError unless, played anew, they lead from the first term to the last."""
    steps = tuple(steps)
    reached = [first, *(step.after for step in steps)]
    for number, (term, following) in enumerate(zip(reached, [*(step.before for step in steps), last], strict=True), 1):
        if term != following:
            raise RuleError(f"gap before line {number}: {term} is not {following}")
    well_formed(first, scope)
    term, rules = first, [step.rule for step in steps]
    for number, (rule, step) in enumerate(zip(rules, steps, strict=True), 1):
        here = replace(scope, conditions=[])
        term = apply(here, rule, term, dict(step.arguments))
        if term != step.after:
            raise RuleError(f"step {number} ({rule}) gives {term}, not {step.after}")
        if scope.exact and tuple(here.conditions) != tuple(step.conditions):
            raise RuleError(f"step {number} ({rule}) does not record the conditions it has")
        scope.conditions.extend(condition for condition in here.conditions if condition not in scope.conditions)
    return ONE_WAY.isdisjoint(rules)
