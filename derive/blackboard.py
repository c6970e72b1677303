r"""Derivations as one writes them on the blackboard: begin with a term, and go on line by line.

Main definitions: `Derivation`, whose methods are the rules, and `names` for declaring sizes and arrays.

    Derivation(lhs, Range(n >= 0)).shift(k, a, by=i, because="k = i + a").equation(V_is, backwards=True).qed(...)

Nothing here is trusted: a derivation only records what the rules of `derive.rules` answer, and the theorem that `qed`
returns is checked again by `Theorem.recheck`.

>>> i, k, a, n = integers("i k a n")
>>> F, = arrays("F")
>>> start = Derivation(sp.Sum(F[k], (k, 0, n - 1)), sp.Ge(n, 0))
>>> start.shift(k, a, by=i).term
Sum(F[a + i], (a, -i, -i + n - 1))
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import sympy as sp

from derive.kernel import Step, Theorem
from derive.render.notation import plain
from derive.rules import Condition, Scope, apply, inductive, well_formed
from derive.terms import (
    Equation,
    Hypothesis,
    Iverson,
    Range,
    RuleError,
    Support,
    Term,
    head,
    proposition,
    remembered,
    substitute,
)

__all__ = [
    "Derivation",
    "Equation",
    "Iverson",
    "Range",
    "Support",
    "arrays",
    "integers",
    "reals",
    "sizes",
    "total",
]

REASONS = {
    "shift": "put `{k} = {where}`",
    "reflect": "put `{k} = {about} - {to}`",
    "swap": "sum over `{inner}` first",
    "support": "outside, every term is zero",
    "vanish": "every term is zero",
    "delta": "only the `{k}` where the delta is one is left",
    "out": "what does not depend on `{k}` comes out of the sum",
    "into": "take the factor into the sum",
    "linear": "the sum of a sum is the sum of the sums",
    "split": "split the range after `{at}`",
    "single": "`{k}` takes one value",
    "count": "`{k}` takes so many values",
    "antiderivative": "`{of}` has this derivative",
    "ring": "algebra",
    "arith": "`{old} {sign} {new}`",
    "power": "one factor of the power",
    "galois": "`t <= floor(y/s) <=> t s <= y`",
    "indirect": "the same integers `{t}` are at most the one and the other",
    "induction": "by induction on `{m}`",
    "entails": "it follows",
    "backwards": "read from right to left",
}


def _reason(rule: str, arguments: Mapping[str, Any]) -> str:
    """The usual reason for a rule, with the formulas of this use."""
    if rule in ("lemma", "since"):
        return str(arguments["by"].title or arguments["by"].name)
    if rule == "equation":
        return str(arguments["by"].because)
    shown = {name: plain(value) for name, value in arguments.items() if isinstance(value, sp.Basic)}
    shown["sign"] = "<=>" if proposition(arguments.get("old", sp.S.Zero)) else "="
    if rule == "shift":
        shown["where"] = plain(arguments["to"] + arguments["by"])
    if rule == "reflect" and arguments["about"].is_Add:
        shown["about"] = plain(arguments["about"])
    return REASONS[rule].format(**shown)


def integers(letters: str) -> tuple[Any, ...]:
    """Integer symbols, and nothing assumed beyond that: conditions must stay visible."""
    return tuple(sp.Symbol(letter, integer=True) for letter in letters.split())


def reals(letters: str) -> tuple[Any, ...]:
    """Real symbols for the continuous chapters."""
    return tuple(sp.Symbol(letter, real=True) for letter in letters.split())


def arrays(letters: str) -> tuple[Any, ...]:
    """Arrays with an entry at every integer index; supports are hypotheses."""
    return tuple(sp.IndexedBase(letter) for letter in letters.split())


def sizes(letters: str) -> tuple[Any, ...]:
    """Arrays of integers, such as the spans of the layers one after the other."""
    return tuple(sp.IndexedBase(letter, integer=True) for letter in letters.split())


def total(body: Term, *ranges: tuple[Term, Term, Term]) -> Term:
    """The sum over ranges (variable, low, high) written as on paper, the outermost sign first."""
    return sp.Sum(body, *reversed(ranges)) if ranges else body


@remembered  # chapters derive the same lemmas; a recheck does not look here
def _applied(
    hypotheses: tuple[Hypothesis, ...], given: tuple[Term, ...], rule: str, term: Term, arguments: Any
) -> tuple[Term, tuple[Condition, ...]]:
    """The term after a rule, and the conditions met."""
    scope = Scope(hypotheses, given=given)
    return apply(scope, rule, term, dict(arguments)), tuple(scope.conditions)


class Derivation:
    """A chain of terms, each from the one before by a rule; every method returns a longer derivation."""

    def __init__(self, first: Term, *hypotheses: Hypothesis | Term) -> None:
        self.hypotheses: tuple[Hypothesis, ...] = tuple(
            given if isinstance(given, (Range, Support, Equation)) else Range(given) for given in hypotheses
        )
        self.first: Term = first
        self.steps: tuple[Step, ...] = ()
        self._given: tuple[Term, ...] = ()
        well_formed(first, Scope(self.hypotheses))

    @property
    def term(self) -> Term:
        """The last term so far."""
        return self.steps[-1].after if self.steps else self.first

    def use(self, rule: str, because: str = "", /, **arguments: Any) -> Derivation:
        """The derivation one step longer, by a rule of the table."""
        reason = because or _reason(rule, arguments)
        kept = tuple(sorted(arguments.items()))
        known = all(type(value) in (Theorem, Equation) or isinstance(value, sp.Basic) for value in arguments.values())
        played = _applied if known else _applied.__wrapped__
        after, conditions = played(self.hypotheses, self._given, rule, self.term, kept)
        longer = self._copy()
        longer.steps = (*self.steps, Step(rule, self.term, after, reason, kept, conditions))
        return longer

    def _copy(self) -> Derivation:
        other = Derivation.__new__(Derivation)
        other.__dict__.update(self.__dict__)
        return other

    def shift(self, k: Term, to: Term, by: Term, because: str = "") -> Derivation:
        """Put k = to + by."""
        return self.use("shift", because, k=k, to=to, by=sp.sympify(by))

    def rename(self, k: Term, to: Term, because: str = "") -> Derivation:
        """Call the index k by another name."""
        return self.use("shift", because or f"call `{k}` `{to}`", k=k, to=to, by=sp.Integer(0))

    def reflect(self, k: Term, to: Term, about: Term, because: str = "") -> Derivation:
        """Put k = about - to."""
        return self.use("reflect", because, k=k, to=to, about=sp.sympify(about))

    def swap(self, outer: Term, inner: Term, because: str = "") -> Derivation:
        """Let the sum over `inner`, next inside the sum over `outer`, stand before it."""
        return self.use("swap", because, outer=outer, inner=inner)

    def support(self, k: Term, low: Term, high: Term, because: str = "") -> Derivation:
        """Change the range of k where the summand vanishes on the difference."""
        return self.use("support", because, k=k, low=sp.sympify(low), high=sp.sympify(high))

    def vanish(self, k: Term, because: str = "") -> Derivation:
        """Put 0 for a sum whose every term is zero."""
        return self.use("vanish", because, k=k)

    def delta(self, k: Term, at: Term = None, because: str = "") -> Derivation:
        """Sum over k against a Kronecker delta; `at` chooses among several."""
        return self.use("delta", because, k=k, at=at)

    def out(self, k: Term, because: str = "") -> Derivation:
        """Take out of the sum what does not depend on k."""
        return self.use("out", because, k=k)

    def into(self, k: Term, because: str = "") -> Derivation:
        """Take all other factors into the sum over k."""
        return self.use("into", because, k=k)

    def linear(self, k: Term, because: str = "") -> Derivation:
        """Let the sum over k go through a sum of terms."""
        return self.use("linear", because, k=k)

    def split(self, k: Term, at: Term, because: str = "") -> Derivation:
        """Split the range of k after the place `at`."""
        return self.use("split", because, k=k, at=sp.sympify(at))

    def single(self, k: Term, because: str = "") -> Derivation:
        """Put the one term of a sum over one place for the sum."""
        return self.use("single", because, k=k)

    def count(self, *ks: Term, because: str = "") -> Derivation:
        """Count equal terms, for one index after the other."""
        longer = self
        for k in ks:
            longer = longer.use("count", because, k=k)
        return longer

    def antiderivative(self, k: Term, of: Term, because: str = "") -> Derivation:
        """Integrate over k: put `of` at the upper end minus `of` at the lower."""
        return self.use("antiderivative", because, k=k, of=of)

    def equation(
        self, by: Equation, because: str = "", backwards: bool = False, at: Mapping[Term, Term] | None = None
    ) -> Derivation:
        """Use a hypothesis that is an equation; `at` gives its variables where they cannot be read off an entry."""
        values = None if at is None else tuple((variable, sp.sympify(value)) for variable, value in at.items())
        return self.use("equation", because, by=by, backwards=backwards, at=values)

    def unfold(self, equations: Sequence[Equation], at: Mapping[Term, Term] | None = None) -> Derivation:
        """Use those of the equations, one after the other, that speak of something in the term."""
        longer = self
        for given in equations:
            longer = longer.equation(given, at=at) if longer.term.has(head(given.left)) else longer
        return longer

    def fold(self, to: Term, equations: Sequence[Equation], at: Mapping[Term, Term] | None = None) -> Derivation:
        """Read equations from right to left until the term is `to`, which they turn into this one."""
        other = self._within(Scope(self.hypotheses, given=self._given), to).unfold(equations, at)
        longer = self
        for step in reversed(other.steps):
            longer = longer.backwards("equation", step.before, step.because, **dict(step.arguments))
        return longer

    def lemma(
        self,
        by: Theorem,
        because: str = "",
        at: Mapping[Term, Term] | None = None,
        arrays: Mapping[Term, Term] | None = None,
        backwards: bool = False,
    ) -> Derivation:
        """Use a theorem, with values for its symbols and other names for its arrays."""
        values = tuple((symbol, sp.sympify(value)) for symbol, value in (at or {}).items())
        renamed = tuple((arrays or {}).items())
        return self.use("lemma", because, by=by, at=values, arrays=renamed, backwards=backwards)

    def ring(self, to: Term, because: str = "") -> Derivation:
        """Rewrite by algebra."""
        return self.use("ring", because, to=to)

    def arith(self, old: Term, new: Term, because: str = "") -> Derivation:
        """Replace an integer, entry or proposition by one equal for all integers."""
        return self.use("arith", because, old=old, new=new)

    def power(self, base: Term, exponent: Term, because: str = "") -> Derivation:
        """Write one factor of a power apart."""
        return self.use("power", because, base=base, exponent=sp.sympify(exponent))

    def galois(self, because: str = "") -> Derivation:
        """Write t <= floor(y/s) as t s <= y."""
        return self.use("galois", because)

    def indirect(self, t: Term, to: Term, chain: Callable[[Derivation], Derivation], because: str = "") -> Derivation:
        """Show that the term equals `to`: a chain of equivalences from t <= term to t <= to."""
        start = self._within(Scope(self.hypotheses, given=self._given), sp.Le(t, self.term, evaluate=False))
        return self.use("indirect", because, t=t, to=to, chain=chain(start).steps)

    def induction(
        self,
        m: Term,
        to: Term,
        first: Callable[[Derivation], Derivation],
        step: Callable[[Derivation, Any], Derivation],
        over: Sequence[Term] = (),
        start: Term = 0,
        because: str = "",
    ) -> Derivation:
        """Show that the term equals `to` for every m from the start on: there, and at m + 1 if at m.

        `step` gets the derivation and the equation for m, which holds for all values of `over`.
        """
        begin = sp.sympify(start)
        scope = Scope(self.hypotheses, given=self._given)
        before, after, claim = inductive(scope, self.term, m, begin, to, over)
        one = first(self._within(before, substitute(self.term, {m: begin})))
        other = step(self._within(after, substitute(self.term, {m: m + 1})), claim)
        chains = {"first": one.steps, "step": other.steps}
        return self.use("induction", because, m=m, start=begin, to=to, over=tuple(over), **chains)

    def since(
        self,
        by: Theorem,
        chain: Callable[[Derivation], Derivation],
        at: Mapping[Term, Term] | None = None,
        because: str = "",
    ) -> Derivation:
        """Go on by a chain that takes for granted what a theorem says always holds."""
        values = {symbol: sp.sympify(value) for symbol, value in (at or {}).items()}
        scope = Scope(self.hypotheses, given=(*self._given, substitute(by.lhs, values)))
        inner = chain(self._within(scope, self.term))
        return self.use("since", because, by=by, at=tuple(values.items()), to=inner.term, chain=inner.steps)

    def _within(self, scope: Scope, first: Term) -> Derivation:
        """A derivation inside this one, with other hypotheses."""
        inside = self._copy()
        inside.hypotheses, inside._given = scope.hypotheses, scope.given
        inside.first, inside.steps = first, ()
        return inside

    def entails(self, to: Term, because: str = "") -> Derivation:
        """Pass to a proposition that follows."""
        return self.use("entails", because, to=to)

    def backwards(self, rule: str, to: Term, because: str = "", **arguments: Any) -> Derivation:
        """Go to a term that the rule, read forwards, makes into this one."""
        return self.use("backwards", because, rule=rule, to=to, arguments=tuple(sorted(arguments.items())))

    def qed(
        self,
        last: Term,
        name: str = "",
        title: str = "",
        about: str = "",
        parts: Sequence[Theorem] = (),
        witness: Sequence[Equation] = (),
    ) -> Theorem:
        """The theorem first = last; RuleError unless the derivation has arrived there."""
        if self.term != last:
            raise RuleError(f"{name}: the derivation arrived at {self.term}, not at {last}")
        return Theorem(name, title, self.hypotheses, self.first, last, self.steps, tuple(parts), about, tuple(witness))


def named(theorem: Theorem, name: str, title: str = "", parts: Sequence[Theorem] = ()) -> Theorem:
    """The same theorem under another name, with other parts."""
    return replace(theorem, name=name, title=title, parts=tuple(parts))
