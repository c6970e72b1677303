r"""The judge of formulas: a claim about integers, proved or refuted.

Main definitions: `check` (text -> `Verdict`), `Disagreement`.
**proved**: Z3 finds no integers, of any size, that meet what is assumed and not the claim; what is assumed is shown to
be possible, and plain Python evaluates the claim at random points besides. **refuted**: plain Python finds integers for
which the claim fails, the smallest (the sum of absolute values counts, then the order of the letters). **unknown**: the
time was over. Enumeration never proves; a solver's counterexample counts once Python has evaluated it.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

from derive.claim_parser import ClaimError, parse
from derive.claim_search import FAILS, OUTSIDE, Problem, Search, Test, evaluated, problem, samples, size_of, values
from derive.claim_terms import COMPARISONS, Node, divisors, letters, meaning, number, positive, text, walk

PROVED, REFUTED, UNKNOWN = "proved", "refuted", "unknown"

GLANCE = 0.15  # seconds of trying small numbers before the prover is asked
POINTS = 1_000  # at which a proved claim is evaluated besides
WEIGHING = 3.0  # seconds at most to find out which conditions a proof needed
SMALLEST = 6.0  # seconds at most to find the smallest counterexample, once there is one
MENDING = 3.0  # seconds at most to look for what was meant

# of asking the prover: a share of the time left, seconds at most, in which way, and the share for trying numbers after
ROUNDS = ((0.2, 0.5, False, 0.0), (0.2, 1.0, True, 0.1), (0.4, 99.0, False, 0.2), (1.0, 99.0, True, 0.0))


class Disagreement(RuntimeError):
    """Prover and plain evaluation contradict each other: one of them is wrong, and no verdict is given."""


@dataclass(frozen=True)
class Verdict:
    """What `check` found: `verdict` is proved, refuted or unknown.

    `counterexample` gives each letter's value for a refuted claim, else None; `domains` each letter's domain, in words;
    `conditions` what the proof uses, or for other verdicts what was assumed besides the domains; `seconds` the time.
    `reading` is the claim as it was understood, `sides` the lines that show it fail, `hints` what is true instead.
    """

    claim: str
    verdict: str
    counterexample: dict[str, int] | None
    domains: dict[str, str]
    conditions: tuple[str, ...]
    seconds: float
    assumed: tuple[str, ...] = ()
    reading: str = ""
    sides: tuple[str, ...] = ()
    hints: tuple[str, ...] = ()
    because: str = ""

    def to_dict(self) -> dict[str, Any]:
        """The verdict as plain data, the keys that `derive check --format json` prints."""
        return {
            "claim": self.claim,
            "verdict": self.verdict,
            "counterexample": self.counterexample,
            "domains": self.domains,
            "conditions": list(self.conditions),
            "seconds": round(self.seconds, 3),
        }

    def text(self) -> str:
        """The verdict in words, several lines."""
        lines = [f"{self.verdict}: {' '.join(self.claim.split())}"]
        if "\\" in self.claim:
            lines.append(f"  read as {self.reading}")
        if self.domains:
            lines.append(f"  for all integers {', '.join(self.domains.values())}")
        if self.assumed:
            lines.append(f"  where {', '.join(self.assumed)}")
        if self.verdict == PROVED and self.conditions:
            lines.append(f"  the proof uses {', '.join(self.conditions)}")
        lines += [f"  {line}" for line in (*self.sides, *self.hints)]
        lines.append(f"  {self.because} ({self.seconds:.2f} s)")
        return "\n".join(lines)


def check(claim: str, where: str | Sequence[str] = (), timeout: float = 20.0) -> Verdict:
    """The verdict on a claim under conditions, after `timeout` seconds at most; ClaimError for what cannot be read.

    >>> check("floor((n-k+p+s)/s) == floor((n-k+p)/s) + 1").verdict
    'proved'
    >>> wrong = check("(n-k)/s + 1 == floor((n-k)/s) + 1")
    >>> wrong.verdict, wrong.counterexample, wrong.hints[0]
    ('refuted', {'n': 1, 'k': 2, 's': 2}, 'true exactly if s divides n-k')
    """
    if not timeout > 0:
        raise ValueError(f"timeout (= {timeout}) must be more than 0 seconds")
    wheres = [where] if isinstance(where, str) else list(where)
    task = problem(parse(claim), [parse(condition, claim=False) for condition in wheres])
    for source in (claim, *wheres):
        _refuse_constant_zero(source, parse(source, claim=source is claim))
    import derive.claim_solver  # noqa: F401 - loading Z3 is not the claim's time

    return _Judge(claim, task, timeout).verdict()


def _refuse_constant_zero(source: str, tree: Node) -> None:
    """Refuse a division by a number that is zero."""
    for node in walk(tree):
        below = node.args[1] if node.op in ("/", "//", "%") else None
        if below is None or letters(below):
            continue
        try:
            zero = meaning(below, ())(()) == 0
        except ZeroDivisionError:  # a division further in, found when the walk comes to it
            continue
        if zero:
            raise ClaimError("this divides by zero", source, below.start, below.end)


class _Judge:
    """One claim on its way to a verdict."""

    def __init__(self, claim: str, task: Problem, timeout: float) -> None:
        self.claim = claim
        self.task = task
        self.timeout = timeout
        self.start = time.monotonic()
        self.search = Search(task)
        self.test = Test(task)

    def left(self, at_most: float = float("inf")) -> float:
        """The seconds that remain, or fewer."""
        return max(0.0, min(at_most, self.start + self.timeout - time.monotonic()))

    def verdict(self) -> Verdict:
        """Try small numbers, ask the prover in its two ways, and again with more time."""
        point = self.search.run(self.left(min(GLANCE, self.timeout / 4)))
        if point is not None:
            return self.refuted(point, True)
        if self.search.exhausted and self.search.witness is None:
            self.nothing_meets()
        for share, most, lemmas, trying in ROUNDS:
            answer = self.ask(min(self.left() * share, most), lemmas)
            if isinstance(answer, str):
                return self.proved()
            if answer is not None:
                return self.refuted(*self.smallest(answer))
            point = self.search.run(self.left() * trying)
            if point is not None:
                return self.refuted(point, True)
        tried = (
            f"all numbers of a sum below {self.search.done:,} were tried" if self.search.done else "nothing was tried"
        )
        return self.made(UNKNOWN, because=f"neither proof nor counterexample within {self.timeout:g} s; {tried}")

    def ask(self, seconds: float, lemmas: bool) -> tuple[int, ...] | str | None:
        """PROVED, a counterexample (evaluated), or None."""
        from derive.claim_solver import ask

        if seconds <= 0:
            return None
        answer = ask(self.task, seconds, lemmas=lemmas)
        if answer.status == "unsat":
            return PROVED
        return self.evaluated(answer.model) if answer.status == "sat" else None

    def evaluated(self, model: dict[str, int]) -> tuple[int, ...]:
        """The solver's point, if the claim does fail there."""
        point = tuple(model[name] for name in self.task.names)
        if self.test(point) is not FAILS:
            raise Disagreement(f"the solver says {self.claim} fails at {model}, and plain evaluation says it does not")
        return point

    # Proved

    def proved(self) -> Verdict:
        """Proved, once the premises are met somewhere and plain evaluation agrees."""
        from derive.smt import version

        witness = self.search.witness or self.somewhere()
        if witness is None:
            because = "it follows from what is assumed, but no integers were found that meet it"
            return self.made(UNKNOWN, because=because)
        points = [witness, *samples(self.task, POINTS, self.left(0.5))]
        for point in points:
            if self.test(point) is FAILS:
                raise Disagreement(f"{self.claim} was proved, but fails at {values(self.task, point)}")
        said = f"by {version()}, integers of any size; {len(points):,} points evaluated besides"
        empty = self.vacuous()
        return self.made(PROVED, conditions=self.needed(), hints=(empty,) if empty else (), because=said)

    def somewhere(self) -> tuple[int, ...] | None:
        """Integers that meet what is assumed, None where they are not found; ClaimError where there are none."""
        from derive.claim_solver import ask

        never = Node("==", (number(0), number(1)))
        answer = ask(replace(self.task, claim=never), self.left(5.0) or 0.1)
        if answer.status == "unsat":
            self.nothing_meets()
        if answer.status != "sat":
            return None
        point = tuple(answer.model[name] for name in self.task.names)
        if self.test(point) is OUTSIDE:
            raise Disagreement(f"the solver says {answer.model} meets what is assumed, and plain evaluation says no")
        return point

    def nothing_meets(self) -> None:
        assumed = ", ".join(map(text, self.task.premises()))
        raise ClaimError(f"no integers meet what is assumed: {assumed}", self.claim, 0, len(self.claim))

    def vacuous(self) -> str:
        """A warning where the premise of an implication never holds."""
        claim = self.task.claim
        if claim.op == "=>":
            from derive.claim_solver import proves

            if proves(self.task.with_claim(Node("not", (claim.args[0],))), self.left(0.5)):
                return f"but note: {text(claim.args[0])} never holds"
        return ""

    def needed(self) -> tuple[str, ...]:
        """The premises that the proof uses: each is left out, and stays out where the claim is proved without it."""
        until = time.monotonic() + self.left(WEIGHING)
        task = self.task
        for name, low in self.task.least.items():
            if low is not None:
                task = _lighter(task, replace(task, least={**task.least, name: None}), until)
        for condition in self.task.conditions:
            rest = tuple(piece for piece in task.conditions if piece != condition)
            task = _lighter(task, replace(task, conditions=rest), until)
        return tuple(map(text, task.premises()))

    # Refuted

    def smallest(self, point: tuple[int, ...]) -> tuple[tuple[int, ...], bool]:
        """The smallest counterexample, and whether it is known to be the smallest."""
        until = time.monotonic() + self.left(SMALLEST)
        point = _descended(self.test, point)
        low, high = self.search.done, size_of(point)
        while low < high and time.monotonic() < until:
            middle = (low + high - 1) // 2
            answer = self.smaller([_size(self.task.names) <= middle], until)
            if answer is None:
                break
            if answer:
                point = _descended(self.test, answer)
                high = size_of(point)
            else:
                low = middle + 1
        if low == high:
            point, certain = self.first_of_its_size(point, until)
            if certain:
                return point, True
        found = self.search.run(max(0.0, until - time.monotonic()))
        return (point, False) if found is None else (found, True)

    def first_of_its_size(self, point: tuple[int, ...], until: float) -> tuple[tuple[int, ...], bool]:
        """The counterexample of this size that is first in lexicographic order, and whether that is certain."""
        from derive import smt

        size = size_of(point)
        fixed = [_size(self.task.names) == size]
        for place, name in enumerate(self.task.names):
            least = self.task.least[name]
            low, high = -size if least is None else max(-size, least), point[place]
            while low < high:
                middle = (low + high - 1) // 2
                answer = self.smaller([*fixed, smt.integer(name) <= middle], until)
                if answer is None:
                    return point, False
                if answer:
                    point, high = answer, answer[place]
                else:
                    low = middle + 1
            fixed.append(smt.integer(name) == high)
        return point, True

    def smaller(self, limits: list[Any], until: float) -> tuple[int, ...] | None:
        """A counterexample within the limits, () where there is none, None where that is unknown."""
        from derive.claim_solver import ask

        for lemmas in (False, True):
            left = until - time.monotonic()
            if left > 0:
                answer = ask(self.task, min(left, 1.0), lemmas=lemmas, more=limits)
                if answer.status != "unknown":
                    return self.evaluated(answer.model) if answer.status == "sat" else ()
        return None

    def refuted(self, point: tuple[int, ...], smallest: bool) -> Verdict:
        """Refuted, with every side evaluated and what may have been meant."""
        from derive.claim_repairs import suggestions

        at = values(self.task, point)
        shown = ", ".join(f"{name} = {value}" for name, value in at.items())
        kind = "the smallest counterexample" if smallest else "a counterexample, perhaps not the smallest"
        lines = [f"{kind}: {shown}" if at else "there are no letters to choose:"]
        lines += [f"  {line}" for line in sides(self.task, point)]
        hints = suggestions(self.task, point, self.left(MENDING)) if self.left() > 0.1 else []
        because = "by evaluation, in exact arithmetic"
        return self.made(REFUTED, counterexample=at, sides=tuple(lines), hints=tuple(hints), because=because)

    def made(self, verdict: str, conditions: tuple[str, ...] | None = None, **rest: Any) -> Verdict:
        """The verdict with what is common to all three."""
        assumed = tuple(map(text, self.task.premises()[len(self.task.domains()) :]))
        bounds = self.task.domains()
        return Verdict(
            claim=self.claim,
            verdict=verdict,
            counterexample=rest.pop("counterexample", None),
            domains={name: text(bounds[name]) if name in bounds else f"{name} in Z" for name in self.task.names},
            conditions=assumed if conditions is None else conditions,
            assumed=assumed,
            reading=text(self.task.claim),
            seconds=time.monotonic() - self.start,
            **rest,
        )


def _size(names: Sequence[str]) -> Any:
    """The sum of absolute values, as a solver term."""
    from derive import smt

    sizes = [smt.either(smt.integer(name) >= 0, smt.integer(name), -smt.integer(name)) for name in names]
    return sum(sizes, smt.constant(0))


def _descended(test: Test, point: tuple[int, ...]) -> tuple[int, ...]:
    """A counterexample no larger: each letter halved, or moved by one, as long as the claim fails."""
    moved = True
    while moved:
        moved = False
        for place, value in enumerate(point):
            for less in (0, value // 2 if value > 0 else -(-value // 2), value - (value > 0) + (value < 0)):
                other = (*point[:place], less, *point[place + 1 :])
                if abs(less) < abs(value) and test(other) is FAILS:
                    point, moved = other, True
                    break
    return point


def _lighter(task: Problem, less: Problem, until: float) -> Problem:
    """The problem with less assumed, if it is proved still and divides by zero nowhere; else the problem as it was."""
    from derive.claim_solver import refute

    left = until - time.monotonic()
    if left <= 0:
        return task
    defined = [Node("!=", (piece, number(0))) for piece in divisors(task.claim, *task.conditions)]
    whole = Node("and", (*defined, less.claim))
    search = Search(replace(less, claim=whole))
    try:
        if search.run(min(left, 0.03)) is not None:
            return task
    except ZeroDivisionError:
        return task
    premises = [*less.domains().values(), *less.conditions]
    for lemmas in (False, True):
        if lemmas and not all(positive(piece, less.least) for piece in divisors(whole)):
            break  # a quotient by zero has no definition, and to assert one would prove anything
        answer = refute(premises, less.nonzero, whole, less.least, less.names, min(left, 0.3), lemmas=lemmas)
        if answer.status != "unknown":
            return less if answer.status == "unsat" else task
    return task


def sides(task: Problem, point: tuple[int, ...]) -> list[str]:
    """Each comparison of the claim with its sides in numbers, and whether it holds."""
    at = values(task, point)
    lines: dict[str, None] = {}
    for node in walk(task.claim):
        if node.op in COMPARISONS or node.op == "integer":
            for side in node.args:
                if letters(side) or side.args:
                    lines.setdefault(_computed(side, at, evaluated(side, task, point)))
            said = replace(node, args=tuple(_value(evaluated(side, task, point)) for side in node.args))
            lines.setdefault(f"{text(said)} is {'true' if evaluated(node, task, point) else 'false'}")
    return list(lines)


def _computed(side: Node, at: dict[str, int], value: int | Fraction) -> str:
    """A side, the side in numbers, and its value, without repetition."""
    return " = ".join(dict.fromkeys((text(side), text(side, at), str(value))))


def _value(value: int | Fraction) -> Node:
    above = number(value.numerator)
    return above if value.denominator == 1 else Node("/", (above, number(value.denominator)))
