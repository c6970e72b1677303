r"""Theorems, and how a theorem is checked again from nothing.

Main definitions: `Theorem`, `Step`, and `Theorem.recheck`.

A theorem says: for all integers and all arrays that meet the hypotheses, lhs = rhs (or, for propositions, lhs <=> rhs,
lhs => rhs). It carries its proof, a chain of steps by the rules of `derive.rules`. Python cannot seal a type, so
nothing is believed because of who made it: `recheck` plays every step anew, evaluates the statement on small sizes with
arbitrary array contents, and demands that every hypothesis is needed, and needed as strong as it stands. A chapter
may have several theorems: `parts` are theorems of their own, rechecked with the first. A `figure` is only for the eye.
This file, `terms`, `rules`, `smt` and `semantics` are all that must be trusted.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Any

from derive import semantics, smt
from derive.rules import ONE_WAY, Condition, Scope, replay
from derive.terms import Curve, Equation, Hypothesis, Range, RuleError, Support, Term, head, proposition

__all__ = ["RuleError", "Step", "Theorem"]


CHAINS = ("chain", "first", "step")  # arguments of rules that are derivations of their own


@dataclass(frozen=True)
class Step:
    """One line of a derivation: `before` becomes `after` by a rule with its arguments, because of `because`."""

    rule: str
    before: Term
    after: Term
    because: str
    arguments: tuple[tuple[str, Any], ...] = ()
    conditions: tuple[Condition, ...] = ()

    @property
    def inner(self) -> dict[str, tuple[Step, ...]]:
        """The chains that the step rests on, by the name of the argument."""
        return {name: tuple(chain) for name, chain in self.arguments if name in CHAINS and chain}

    @property
    def used(self) -> Equation | None:
        """The hypothesis without which the step cannot be played, an equation."""
        rule, arguments = self.rule, dict(self.arguments)
        if rule == "backwards":
            rule, arguments = arguments["rule"], dict(arguments["arguments"])
        return arguments["by"] if rule == "equation" else None

    @property
    def relation(self) -> str:
        """The sign between before and after: = between terms, <=> or => between propositions."""
        if not proposition(self.before):
            return "="
        return "=>" if self.rule in ONE_WAY else "<=>"


def _all_steps(steps: tuple[Step, ...]) -> Iterator[Step]:
    """The steps, and those of the chains inside them."""
    for step in steps:
        yield step
        for inner in step.inner.values():
            yield from _all_steps(inner)


@dataclass(frozen=True)
class Theorem:
    """A statement with its hypotheses and its proof; see the head of this file."""

    name: str
    title: str
    hypotheses: tuple[Hypothesis, ...]
    lhs: Term
    rhs: Term
    steps: tuple[Step, ...]
    parts: tuple[Theorem, ...] = ()
    about: str = ""
    witness: tuple[Equation, ...] = field(default=(), compare=False)
    figure: tuple[Curve, ...] = field(default=(), compare=False)

    @property
    def relation(self) -> str:
        """The sign between lhs and rhs."""
        relations = [step.relation for step in self.steps]
        return "=>" if "=>" in relations else relations[0] if relations else "="

    def recheck(self) -> None:
        """Nothing; RuleError unless the proof, the statement and every hypothesis stand up to a fresh check."""
        try:
            self._check()
        except RuleError:
            raise
        except Exception as error:  # whatever goes wrong, nothing is proved
            raise RuleError(f"{self.name}: not made as a theorem is: {error}") from error

    def _check(self) -> None:
        self._is_made_of_its_own()
        premises = frozenset(given.holds for given in self.hypotheses if isinstance(given, Range))
        if not smt.satisfiable(premises):
            raise RuleError(f"{self.name}: no sizes are known to meet the hypotheses")
        self._replay(exact=True)
        self._evaluate()
        self._needs_every_hypothesis()
        for part in self.parts:
            part.recheck()

    def _is_made_of_its_own(self) -> None:
        """RuleError where a piece is of a foreign type, or an array is defined twice or filled without need."""
        made = [(self, Theorem), *((step, Step) for step in self.steps), *((part, Theorem) for part in self.parts)]
        if not self.steps or any(type(piece) is not kind for piece, kind in made):
            raise RuleError(f"{self.name}: a theorem without steps, or with foreign ones")
        if any(type(given) not in (Range, Support, Equation) for given in self.hypotheses):
            raise RuleError(f"{self.name}: a hypothesis of a foreign type")
        equations = [given for given in self.hypotheses if isinstance(given, Equation)]
        defined = [head(given.left) for given in equations if given.defines]
        if len(set(defined)) < len(defined):
            raise RuleError(f"{self.name}: one array is defined twice, which assumes what the definitions share")
        spoken = semantics.arrays_of([side for given in equations for side in (given.left, given.right)])
        filled = semantics.arrays_of([given.left for given in self.witness])
        if not filled.keys() <= spoken.keys():
            raise RuleError(f"{self.name}: the witness fills an array of which no equation speaks")
        if len({part.name for part in self.parts}) < len(self.parts):
            raise RuleError(f"{self.name}: two parts have one name")

    def _replay(self, exact: bool) -> None:
        replay(Scope(self.hypotheses, exact=exact), self.lhs, self.steps, self.rhs)

    def _evaluate(self) -> None:
        """Evaluate the statement in small models of the hypotheses; there must be some."""
        relation, found = self.relation, 0
        for env in semantics.models([self.lhs, self.rhs], self.hypotheses, self.witness):
            found += 1
            try:
                good = semantics.holds(self.lhs, self.rhs, relation, env)
            except (RecursionError, ZeroDivisionError, TypeError) as error:
                raise RuleError(f"{self.name}: the statement has no value: {error}") from error
            if not good:
                sizes = {name[1:]: str(value) for name, value in env.items() if isinstance(value, (int, Fraction))}
                raise RuleError(f"{self.name}: false for {sizes}")
        if not found:
            raise RuleError(f"{self.name}: no small model meets the hypotheses")

    def _needs_every_hypothesis(self) -> None:
        """Each hypothesis dropped, or weakened by one, must stop the proof: no more is assumed than is used."""
        met = tuple(dict.fromkeys(condition for step in self.steps for condition in step.conditions))
        used = [step.used for step in _all_steps(self.steps)]
        for place, given in enumerate(self.hypotheses):
            rest = self.hypotheses[:place], self.hypotheses[place + 1 :]
            for weaker in [] if given in used else given.weaker() or [None]:  # with less than a weaker one: even less
                fewer = replace(self, hypotheses=(*rest[0], *([weaker] if weaker else []), *rest[1]))
                if not fewer._misses(met) and fewer._survives():
                    raise RuleError(f"{self.name}: more is assumed than the proof needs: {given}; {weaker} is enough")

    def _misses(self, met: tuple[Condition, ...]) -> bool:
        """Whether one of the conditions that the proof met, in vain to play it without, no longer follows."""
        return not all(Scope(self.hypotheses, given=condition.given).knows(condition.fact) for condition in met)

    def _survives(self) -> bool:
        try:
            self._replay(exact=False)
        except RuleError:
            return False
        return True

    def latex(self) -> str:
        """The theorem and its proof as LaTeX: statement, hypotheses, and an align with a reason on each line."""
        from derive.render import latex

        return latex.theorem(self)

    def text(self) -> str:
        """The theorem and its proof as plain text."""
        from derive.render import text

        return text.theorem(self)

    def markdown(self) -> str:
        """The theorem and its proof as Markdown, formulas between dollar signs."""
        from derive.render import markdown

        return markdown.theorem(self)

    def _repr_latex_(self) -> str:
        from derive.render import latex

        return latex.chain(self)

    def _repr_markdown_(self) -> str:
        return self.markdown()
