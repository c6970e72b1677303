r"""Claims for Z3: fractions as pairs of integers, floors by their definition.

Main definitions: `Query` (some premises and a claim as solver terms, written in one of two ways), `refute` and `ask`
(integers that meet the premises and not the claim, or none at all), `proves`.
A number is a pair (above, below) of integer terms with below > 0, or below None for 1. The floor of x/y is written
natively, or (`lemmas`) as the q with q*y <= x < q*y + y, and for two of them over one y: q < r gives q*y + y <= r*y.
Where a divisor is not positive by its form its sign is a case of the term. Every divisor must be among the premises'
nonzero ones, or be asserted nonzero by the caller; a term that divides by zero means nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

from derive import smt
from derive.claim_search import Problem
from derive.claim_terms import Node, positive

Pair: TypeAlias = "tuple[Any, Any | None]"


class Query:
    """Solver terms for nodes, given the least value of each letter (None: any integer)."""

    def __init__(self, least: Mapping[str, int | None], *, lemmas: bool) -> None:
        self.least = least
        self.lemmas = lemmas
        self.definitions: list[Any] = []  # of the quotients met so far
        self._quotients: list[tuple[Any, Any, Any]] = []
        self._pairs: dict[Node, Pair] = {}

    def truth(self, node: Node) -> Any:
        """The condition that a true-or-false node states."""
        if node.op == "and":
            return smt.both(*map(self.truth, node.args))
        if node.op == "or":
            return smt.some(*map(self.truth, node.args))
        if node.op == "not":
            return smt.fails(self.truth(node.args[0]))
        if node.op == "=>":
            return smt.some(smt.fails(self.truth(node.args[0])), self.truth(node.args[1]))
        if node.op == "<=>":
            return self.truth(node.args[0]) == self.truth(node.args[1])
        if node.op == "integer":
            above, below = self.pair(node.args[0])
            return smt.constant(0) == 0 if below is None else above % below == 0
        if node.op == "divides":
            return self._divides(*node.args)
        return self._compared(node.op, self.pair(node.args[0]), self.pair(node.args[1]))

    def nonzero(self, node: Node) -> Any:
        """That a divisor is not zero."""
        return self.pair(node)[0] != 0

    def _compared(self, op: str, one: Pair, other: Pair) -> Any:
        (x, _), (y, _) = _common(one, other)
        return {"==": x == y, "!=": x != y, "<=": x <= y, "<": x < y, ">=": x >= y, ">": x > y}[op]

    def _divides(self, a: Node, b: Node) -> Any:
        (x, _), (y, _) = _common(self.pair(a), self.pair(b))
        if positive(a, self.least):
            return self._floor((y, x))[0] * x == y if self.lemmas else y % x == 0
        return smt.either(x == 0, y == 0, y % x == 0)

    def pair(self, node: Node) -> Pair:
        """The number that a node stands for."""
        if node not in self._pairs:
            self._pairs[node] = self._pair(node)
        return self._pairs[node]

    def _pair(self, node: Node) -> Pair:
        if node.op == "number":
            return smt.constant(int(node.value)), None
        if node.op == "letter":
            return smt.integer(str(node.value)), None
        args = [self.pair(arg) for arg in node.args]
        if node.op == "^":
            power: Pair = (smt.constant(1), None)
            for _ in range(int(node.value)):
                power = _times(power, args[0])
            return power
        if node.op == "neg":
            return -args[0][0], args[0][1]
        if node.op in ("+", "-"):
            (x, below), (y, _) = _common(*args)
            return (x + y if node.op == "+" else x - y), below
        if node.op == "*":
            return _times(*args)
        if node.op == "/":
            return _times(args[0], self._inverse(node.args[1]))
        return self._rounded(node, args)

    def _rounded(self, node: Node, args: list[Pair]) -> Pair:
        if node.op == "floor":
            return self._floor(args[0])
        if node.op == "ceil":
            above, below = args[0]
            return (above, None) if below is None else (-self._floor((-above, below))[0], None)
        if node.op == "//":
            return self._floor(_times(args[0], self._inverse(node.args[1])))
        if node.op == "%":
            times = self._floor(_times(args[0], self._inverse(node.args[1])))
            (x, below), (y, _) = _common(args[0], _times(args[1], times))
            return x - y, below
        if node.op == "abs":
            above, below = args[0]
            return smt.either(above >= 0, above, -above), below
        best = args[0]
        for other in args[1:]:
            (x, below), (y, _) = _common(best, other)
            best = smt.either(x <= y if node.op == "min" else x >= y, x, y), below
        return best

    def _inverse(self, node: Node) -> Pair:
        above, below = self.pair(node)
        over = smt.constant(1) if below is None else below
        if positive(node, self.least):
            return over, above
        return smt.either(above > 0, over, -over), smt.either(above > 0, above, -above)

    def _floor(self, fraction: Pair) -> Pair:
        x, y = fraction
        if y is None:
            return x, None
        for known, below, q in self._quotients:
            if known.eq(x) and below.eq(y):
                return q, None
        q = self._defined(x, y) if self.lemmas else x / y
        self._quotients.append((x, y, q))
        return q, None

    def _defined(self, x: Any, y: Any) -> Any:
        """A new quotient of x and y, by its definition, and how it lies to the others over y."""
        q = smt.integer(f"quotient {len(self._quotients)}")
        self.definitions += [q * y <= x, x < q * y + y]
        for _, below, r in self._quotients:
            if below.eq(y):
                for low, high in ((q, r), (r, q)):
                    self.definitions.append(smt.some(low >= high, low * y + y <= high * y))
        return q


def _times(one: Pair, other: Pair) -> Pair:
    (x, below), (y, under) = one, other
    return x * y, under if below is None else below if under is None else below * under


def _common(one: Pair, other: Pair) -> tuple[Pair, Pair]:
    """The two over one divisor."""
    (x, below), (y, under) = one, other
    if below is None and under is None:
        return one, other
    if below is not None and under is not None:
        if below.eq(under):
            return one, other
        return (x * under, below * under), (y * below, below * under)
    if below is None:
        return (x * under, under), other
    return one, (y * below, below)


def refute(
    premises: Sequence[Node],
    nonzero: Sequence[Node],
    claim: Node,
    least: Mapping[str, int | None],
    names: Sequence[str],
    seconds: float,
    *,
    lemmas: bool = False,
    more: Sequence[Any] = (),
) -> smt.Answer:
    """Integers that meet the premises, with nothing in `nonzero` zero, for which the claim fails; unsat proves it."""
    query = Query(least, lemmas=lemmas)
    conditions = [*map(query.nonzero, nonzero), *map(query.truth, premises), smt.fails(query.truth(claim)), *more]
    return smt.decide([*conditions, *query.definitions], names, seconds)


def proves(problem: Problem, seconds: float) -> bool:
    """Whether the claim is proved for all integers that meet what is assumed."""
    for lemmas in (False, True):
        answer = ask(problem, seconds / 2, lemmas=lemmas)
        if answer.status != "unknown":
            return answer.status == "unsat"
    return False


def ask(problem: Problem, seconds: float, *, lemmas: bool = False, more: Sequence[Any] = ()) -> smt.Answer:
    """Integers that meet what is assumed and not the claim; unsat proves it."""
    given = [*problem.domains().values(), *problem.conditions]
    return refute(
        given, problem.nonzero, problem.claim, problem.least, problem.names, seconds, lemmas=lemmas, more=more
    )
