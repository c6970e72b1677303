r"""A second opinion: every fact about integers that the book rests on, put to cvc5 and to Z3 as SMT-LIB text.

Main definitions: `goals` (the facts of a theorem), `judged` (the answers to one fact), `confirm` (theorem by theorem),
`Opinion`. The kernel has asked Z3 already, in its own terms (`derive.smt`). Here each fact is translated anew
(`derive.smtlib`) and answered by two provers: **confirmed** if cvc5 says so as well, **unknown** if cvc5 finds no
answer in time, **disagree** if a prover finds integers for which the fact fails. A disagreement is an error of a prover
or of a translation, and the command fails.

The facts are the side conditions of every step under what is given there, and the theorem itself where it is about
integers alone; what speaks of arrays, sums or reals has no first-order text and is counted, not asked.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any, NamedTuple

import sympy as sp

from derive import smt
from derive.kernel import Step, Theorem
from derive.points import evaluated, first_order
from derive.render.notation import plain
from derive.rules import Condition
from derive.rules import _premises as premises
from derive.smtlib import Untold, script
from derive.terms import Hypothesis, Term

CONFIRMED, UNKNOWN, DISAGREE, ABSENT = "confirmed", "unknown", "disagree", "not asked"

VERDICTS = (CONFIRMED, UNKNOWN, DISAGREE, ABSENT)
ADDED = ("z3", "untold", "statements", "points", "odd", "wrong", "seconds")

SECONDS = 2.0  # for each prover and each fact, at most

SHARES = (0.5, 0.3, 0.2)  # of those seconds, for each of the three texts

PREDICATES = {"=>": sp.Implies, "<=>": sp.Equivalent, "=": sp.Eq}


class Goal(NamedTuple):
    """A fact, and what it is said to follow from."""

    what: str
    premises: tuple[Term, ...]
    fact: Term


class Answers(NamedTuple):
    """What the provers say of a goal: unsat (it follows), sat (it does not), unknown, or absent."""

    z3: str
    cvc5: str

    @property
    def verdict(self) -> str:
        """What that comes to."""
        if "sat" in self:
            return DISAGREE
        if self.cvc5 == "absent":
            return ABSENT
        return CONFIRMED if self.cvc5 == "unsat" else UNKNOWN


@dataclass
class Opinion:
    """The answers on one theorem with its parts: how many goals of each verdict, and those to look at."""

    name: str
    counts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(VERDICTS, 0))
    z3: int = 0  # goals that Z3 confirms from the text
    untold: int = 0  # theorems and conditions that are not about integers alone
    statements: int = 0  # theorems that were evaluated at random points
    points: int = 0  # at so many points together
    odd: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def asked(self) -> int:
        """How many goals were put to the provers."""
        return sum(self.counts.values())

    def __add__(self, other: Opinion) -> Opinion:
        """The opinion on two theorems together."""
        return Opinion(
            self.name,
            {verdict: count + other.counts[verdict] for verdict, count in self.counts.items()},
            *(getattr(self, name) + getattr(other, name) for name in ADDED),
        )

    def text(self) -> str:
        """The opinion on a line, and below it what to look at."""
        counts = [f"{count} {verdict}" for verdict, count in self.counts.items() if count or verdict == CONFIRMED]
        counts += [f"{self.untold} not about integers alone"] if self.untold else []
        at = f"; evaluated at {self.points:,} points" if self.points else ""
        return "\n  ".join([f"{self.name}: {_counted(self.asked)}: {', '.join(counts)}{at}", *self.odd])


def _counted(count: int) -> str:
    return f"{count} goal" + "s" * (count != 1)


def family(theorem: Theorem) -> Iterator[Theorem]:
    """A theorem and its parts."""
    yield theorem
    for part in theorem.parts:
        yield from family(part)


def goals(theorem: Theorem) -> Iterator[Goal]:
    """The facts that a theorem and its parts rest on, one after the other."""
    for each in family(theorem):
        yield from _goals_of(each)


def _goals_of(theorem: Theorem) -> Iterator[Goal]:
    for what, condition, hypotheses in _conditions(theorem.name, theorem.steps, theorem.hypotheses):
        yield Goal(what, premises(hypotheses, condition.given, condition.fact), condition.fact)
    if first_order(theorem):
        said = PREDICATES[theorem.relation](theorem.lhs, theorem.rhs, evaluate=False)
        yield Goal(f"{theorem.name}, the statement", premises(theorem.hypotheses, (), said), said)


def _conditions(
    name: str, steps: Sequence[Step], hypotheses: tuple[Hypothesis, ...]
) -> Iterator[tuple[str, Condition, tuple[Hypothesis, ...]]]:
    """The conditions of steps, those of the chains they rest on with what is assumed there."""
    for number, step in enumerate(steps, 1):
        at = f"{name}, step {number} ({step.rule})"
        assumed = hypotheses
        if step.rule == "induction":  # of the letter nothing is known but what the condition itself is given
            letter = dict(step.arguments)["m"]
            assumed = tuple(held for held in hypotheses if letter not in held.free())
        below = [found for chain in step.inner.values() for found in _conditions(at, chain, assumed)]
        inside = {condition for _, condition, _ in below}
        yield from below
        for condition in step.conditions:
            if condition not in inside:
                yield f"{at}, {condition.label}", condition, hypotheses


def judged(goal: Goal, seconds: float = SECONDS) -> Answers:
    """What the provers say of a goal, both of the same texts; Untold where it has no first-order text.

    The texts differ in the lemmas they offer (`smtlib.script`): cvc5 settles more with some, Z3 with none.
    """
    bare, some, many = (script(goal.premises, goal.fact, lemmas=lemmas) for lemmas in range(3))
    return Answers(_settled(smt.told, (bare, some, many), seconds), _settled(cvc5_told, (some, many, bare), seconds))


def _settled(prover: Callable[[str, float], str], texts: Sequence[str], seconds: float) -> str:
    """The first answer that is one, each text given its share of the time."""
    for text, share in zip(texts, SHARES, strict=True):
        answer = prover(text, seconds * share)
        if answer != "unknown":
            return answer
    return "unknown"


@cache
def _cvc5() -> Any:
    """cvc5, or None where it is not installed."""
    try:
        import cvc5
    except ImportError:
        return None
    return cvc5


def version() -> str:
    """cvc5's name and version, empty where it is not installed."""
    cvc5 = _cvc5()
    return f"cvc5 {cvc5.__version__}" if cvc5 else ""


def cvc5_told(text: str, seconds: float) -> str:
    """What cvc5 says of a script: sat, unsat, unknown; absent where it is not installed."""
    cvc5 = _cvc5()
    if cvc5 is None:
        return "absent"
    solver = cvc5.Solver(cvc5.TermManager())
    solver.setOption("tlimit-per", str(max(1, int(seconds * 1000))))
    parser = cvc5.InputParser(solver)
    parser.setStringInput(cvc5.InputLanguage.SMT_LIB_2_6, text, "goal")
    said = ""
    while not (command := parser.nextCommand()).isNull():
        said += command.invoke(solver, parser.getSymbolManager())
    answer = (said.split() or [""])[0]  # followed by a reason, as in: unknown (TIMEOUT)
    if answer not in ("sat", "unsat", "unknown"):
        raise RuntimeError(f"cvc5 cannot read the script: {said.strip()}")
    return answer


def confirm(names: Iterable[str], seconds: float = SECONDS) -> Iterator[Opinion]:
    """The opinion on each theorem, or on all; a goal that several theorems have is asked once, for the first."""
    from derive.table import THEOREMS

    seen: set[tuple[Any, ...]] = set()
    for name in list(names) or list(THEOREMS):
        start = time.perf_counter()
        opinion = Opinion(name)
        for goal in goals(THEOREMS[name]):
            key = (frozenset(goal.premises), goal.fact)
            if key not in seen:
                seen.add(key)
                _ask(opinion, goal, seconds)
        for theorem in family(THEOREMS[name]):
            _evaluate(opinion, theorem)
        opinion.seconds = time.perf_counter() - start
        yield opinion


def _ask(opinion: Opinion, goal: Goal, seconds: float) -> None:
    try:
        answers = judged(goal, seconds)
    except Untold:
        opinion.untold += 1
        return
    opinion.counts[answers.verdict] += 1
    opinion.z3 += answers.z3 == "unsat"
    line = f"{answers.verdict}: {goal.what}: {plain(goal.fact)} (Z3 {answers.z3}, cvc5 {answers.cvc5})"
    if answers.verdict == UNKNOWN:
        opinion.odd.append(line)
    if answers.verdict == DISAGREE:
        opinion.wrong.append(line)


def _evaluate(opinion: Opinion, theorem: Theorem) -> None:
    if not first_order(theorem):
        opinion.untold += 1
    else:
        at = evaluated(theorem)
        opinion.statements += 1
        opinion.points += at.points
        if at.false_at is not None:
            opinion.wrong.append(f"{theorem.name} is false at {at.false_at} (seed {at.seed})")


def summary(opinions: Sequence[Opinion]) -> str:
    """What they come to together."""
    every = sum(opinions, start=Opinion("together"))
    asked = every.asked
    by = version() or "cvc5 (not installed)"
    lines = [
        f"{asked:,} goals: {every.counts[CONFIRMED]:,} confirmed by {by}, {every.counts[UNKNOWN]:,} unknown, "
        f"{every.counts[DISAGREE]:,} disagreements; {smt.version()} confirms {every.z3:,} from the same text",
        f"{every.untold:,} theorems and conditions speak of arrays, sums or reals, which no goal can say",
        f"{every.statements:,} statements about integers evaluated at {every.points:,} random points",
    ]
    return "\n".join(lines)
