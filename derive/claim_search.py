r"""Counterexamples by trying: points in order of size, so that the first one found is the smallest.

Main definitions: `Problem` (a claim with what it assumes), `Test` (the problem at a point, in plain Python), `by_size`
(points, smallest first), `at_random` (points of many sizes).
The size of a point is the sum of its absolute values; points of one size stand in lexicographic order. Trying refutes
and never proves.
"""

from __future__ import annotations

import random
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

from derive.claim_terms import Node, Point, conjuncts, dividing, divisors, letters, meaning, number, positive

Bounds: TypeAlias = "tuple[int | None, int | None]"

AT_LEAST_ONE, AT_LEAST_ZERO = frozenset("nksd"), frozenset("pq")
OUTSIDE, HOLDS, FAILS = "outside", "holds", "fails"


@dataclass(frozen=True)
class Problem:
    """A claim, the least value of each of its letters (None: any integer), and what else is assumed."""

    claim: Node
    least: Mapping[str, int | None]
    conditions: tuple[Node, ...]  # in the user's words
    nonzero: tuple[Node, ...]  # divisors that the domains do not keep from zero

    @property
    def names(self) -> tuple[str, ...]:
        """The letters in order of appearance."""
        return tuple(self.least)

    def domains(self) -> dict[str, Node]:
        """The lower bound of each letter that has one, as a condition."""
        return {name: at_least(name, low) for name, low in self.least.items() if low is not None}

    def premises(self) -> list[Node]:
        """All that is assumed, as conditions."""
        return [*self.domains().values(), *self.conditions, *(Node("!=", (piece, number(0))) for piece in self.nonzero)]

    def bounds(self) -> list[Bounds]:
        """For each letter the values that matter, from its domain and the conditions on it alone."""
        found = {name: [low, None] for name, low in self.least.items()}
        for piece in (part for condition in self.conditions for part in conjuncts(condition)):
            bound = bound_of(piece)
            if bound is not None and bound[0] in found:
                name, low, high = bound
                ends = found[name]
                ends[0] = low if ends[0] is None else ends[0] if low is None else max(low, ends[0])
                ends[1] = high if ends[1] is None else ends[1] if high is None else min(high, ends[1])
        return [(low, high) for low, high in found.values()]

    def with_condition(self, condition: Node) -> Problem:
        """The problem with one more condition."""
        return replace(self, conditions=(*self.conditions, condition))

    def with_claim(self, claim: Node) -> Problem:
        """The same assumptions for another claim, the divisors of both kept from zero."""
        return replace(self, claim=claim, nonzero=_nonzero((self.claim, claim, *self.conditions), self.least))


def at_least(name: str, low: int) -> Node:
    """The condition that a letter is at least a number."""
    return Node(">=", (Node("letter", value=name), number(low)))


def natural_least(name: str, divides: bool) -> int:
    """The least value a letter has by custom: 1 for n, k, s, d and for what divides, 0 for p, q and all others."""
    stem = name.split("_")[0].rstrip("'0123456789")
    if stem in AT_LEAST_ZERO:
        return 0
    return 1 if stem in AT_LEAST_ONE or divides else 0


def problem(claim: Node, where: Sequence[Node] = ()) -> Problem:
    """The claim with its natural domains, as far as the conditions do not say otherwise.

    A condition that bounds one letter from below takes the place of its natural domain, as does one that the domain
    contradicts; `n in Z` lifts it.
    """
    names = letters(claim, *where)
    divide = dividing(claim, *where)
    natural = {name: natural_least(name, name in divide) for name in names}
    least: dict[str, int | None] = {**natural}
    given: set[str] = set()
    kept: list[Node] = []
    for piece in (part for condition in where for part in conjuncts(condition)):
        name, low = _domain(piece, natural)
        if name is None:
            kept.append(piece)
            continue
        before = least[name] if name in given else None
        least[name] = low if before is None else before if low is None else max(before, low)
        given.add(name)
        if low is None and piece.op != "integer":
            kept.append(piece)
    nonzero = tuple(piece for piece in _nonzero((claim, *where), least) if Node("!=", (piece, number(0))) not in kept)
    return Problem(claim, least, tuple(dict.fromkeys(kept)), nonzero)


def _nonzero(nodes: Sequence[Node], least: Mapping[str, int | None]) -> tuple[Node, ...]:
    return tuple(node for node in divisors(*nodes) if not positive(node, least))


def _domain(condition: Node, natural: Mapping[str, int]) -> tuple[str | None, int | None]:
    """(letter, its least value) where the condition says what a letter's domain is, else (None, None)."""
    if condition.op == "integer" and condition.args[0].op == "letter":
        return str(condition.args[0].value), None
    bound = bound_of(condition)
    if bound is None:
        return None, None
    name, low, high = bound
    if high is None:
        return name, low
    return (name, None) if high < natural[name] else (None, None)


def bound_of(condition: Node) -> tuple[str, int | None, int | None] | None:
    """(letter, least, greatest) where the condition compares a letter with an integer."""
    flipped = {"<=": ">=", "<": ">", ">=": "<=", ">": "<", "==": "=="}
    if condition.op not in flipped:
        return None
    op, (left, right) = condition.op, condition.args
    if right.op == "letter":
        op, left, right = flipped[op], right, left
    value = _constant(right)
    if left.op != "letter" or value is None:
        return None
    low = {">=": value, ">": value + 1, "==": value}.get(op)
    high = {"<=": value, "<": value - 1, "==": value}.get(op)
    return str(left.value), low, high


def _constant(node: Node) -> int | None:
    if letters(node):
        return None
    try:
        value = meaning(node, ())(())
    except ZeroDivisionError:
        return None
    return value if isinstance(value, int) else None


class Test:
    """The problem at a point: OUTSIDE what is assumed, or there the claim HOLDS or FAILS."""

    __test__ = False  # not for pytest

    def __init__(self, problem: Problem) -> None:
        names = problem.names
        self.premises = [meaning(premise, names) for premise in problem.premises()]
        self.claim = meaning(problem.claim, names)

    def __call__(self, point: Point) -> str:
        """The verdict of plain evaluation."""
        try:
            for premise in self.premises:
                if not premise(point):
                    return OUTSIDE
        except ZeroDivisionError:
            return OUTSIDE
        return HOLDS if self.claim(point) else FAILS


# Points --------------------------------------------------------------------------------------------------------------


def least_size(bounds: Sequence[Bounds]) -> int:
    """The size of the smallest point within the bounds."""
    return sum(_nearest(low, high) for low, high in bounds)


def _nearest(low: int | None, high: int | None) -> int:
    """The least absolute value within the bounds."""
    return max(0, 0 if low is None else low, 0 if high is None else -high)


def of_size(bounds: Sequence[Bounds], size: int) -> Iterator[tuple[int, ...]]:
    """The points of one size within the bounds, in lexicographic order."""
    if not bounds:
        if size == 0:
            yield ()
        return
    (low, high), rest = bounds[0], bounds[1:]
    room = size - least_size(rest)
    first = -room if low is None else max(low, -room)
    last = room if high is None else min(high, room)
    if not rest:
        for value in dict.fromkeys((-size, size)):
            if first <= value <= last:
                yield (value,)
        return
    for value in range(first, last + 1):
        for tail in of_size(rest, size - abs(value)):
            yield (value, *tail)


def by_size(bounds: Sequence[Bounds], most: int | None = None) -> Iterator[tuple[int, ...]]:
    """The points within the bounds, smallest first, up to a size; without bounds they never end."""
    size = least_size(bounds)
    ends = [None if low is None or high is None else max(abs(low), abs(high)) for low, high in bounds]
    if None not in ends:
        greatest = sum(end for end in ends if end is not None)
        most = greatest if most is None else min(most, greatest)
    if any(low is not None and high is not None and low > high for low, high in bounds):
        return
    while most is None or size <= most:
        yield from of_size(bounds, size)
        size += 1


class Search:
    """A search for the smallest counterexample that can be interrupted and taken up again."""

    def __init__(self, problem: Problem) -> None:
        self.test = Test(problem)
        self.points = by_size(problem.bounds())
        self.done = 0  # all points of a smaller size have been tried
        self.witness: tuple[int, ...] | None = None  # a point that meets what is assumed
        self.exhausted = False

    def run(self, seconds: float, below: int | None = None) -> tuple[int, ...] | None:
        """The smallest counterexample, or None when the time is over or no smaller size than `below` is left."""
        until = time.monotonic() + seconds
        for place, point in enumerate(self.points):
            verdict = self.test(point)
            if verdict is FAILS:
                return point
            if verdict is HOLDS and self.witness is None:
                self.witness = point
            if place % 64 == 0:
                self.done = size_of(point)
                if (below is not None and self.done >= below) or time.monotonic() > until:
                    return None
        self.exhausted = True
        return None


def size_of(point: Point) -> int:
    """The sum of absolute values."""
    return sum(map(abs, point))


def at_random(bounds: Sequence[Bounds], seed: int = 0) -> Iterator[tuple[int, ...]]:
    """Points of many sizes without end, the same ones every time."""
    draw = random.Random(seed)

    def value(low: int | None, high: int | None, span: int) -> int:
        if low is None and high is None:
            return draw.randint(-span, span)
        if low is None:
            return draw.randint(min(-span, int(high or 0)), int(high or 0))
        return draw.randint(low, low + span if high is None else max(low, min(high, low + span)))

    while True:
        span = draw.choice((3, 12, 60, 1_000, 1_000_000))
        yield tuple(value(low, high, span if draw.random() < 0.7 else 12) for low, high in bounds)


def samples(problem: Problem, count: int, seconds: float) -> list[tuple[int, ...]]:
    """Random points that meet what is assumed, as many as are found in time."""
    test, until = Test(problem), time.monotonic() + seconds
    found: list[tuple[int, ...]] = []
    for place, point in enumerate(at_random(problem.bounds())):
        if test(point) is not OUTSIDE:
            found.append(point)
        if len(found) >= count or (place % 64 == 0 and time.monotonic() > until):
            return found
    raise AssertionError("random points never end")


def values(problem: Problem, point: Point) -> dict[str, int]:
    """The point as a value for each letter."""
    return dict(zip(problem.names, point, strict=True))


def evaluated(node: Node, problem: Problem, point: Point) -> Any:
    """What the node is at a point."""
    return meaning(node, problem.names)(point)
