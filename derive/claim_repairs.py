r"""What a wrong claim may have meant: the condition it lacks, or the small edit that mends it.

Main definitions: `suggestions` (sentences, each proved before it is said), `conditions` and `edits` (what is tried).
Candidates are sieved by plain evaluation at a few thousand points; what survives goes to the prover, cheapest first.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import islice

from derive.claim_search import FAILS, HOLDS, OUTSIDE, Problem, Test, by_size, evaluated, samples
from derive.claim_solver import proves
from derive.claim_terms import COMPARISONS, Node, Point, letters, number, text, walk

ENOUGH = 12  # points at which a condition must hold, so that it is not a rare exception
PROOF = 0.6  # seconds for one proof


def suggestions(problem: Problem, failing: Point, seconds: float) -> list[str]:
    """Sentences that say when a claim that fails at a point is true, or what true claim is near; each is proved."""
    until = time.monotonic() + seconds
    points = _points(problem, seconds / 4)
    said = _condition(problem, failing, points, until)
    edit = _edit(problem, points, until)
    return [*said, *edit]


def _points(problem: Problem, seconds: float) -> list[tuple[int, ...]]:
    """Points that meet what is assumed: the smallest ones, and random ones."""
    test, until = Test(problem), time.monotonic() + seconds / 2
    small: list[tuple[int, ...]] = []
    for point in islice(by_size(problem.bounds()), 6_000):
        if time.monotonic() > until:
            break
        if test(point) is not OUTSIDE:
            small.append(point)
    return [*small[:2_000], *samples(problem, 200, seconds / 2)]


# The condition that is missing ---------------------------------------------------------------------------------------


def _condition(problem: Problem, failing: Point, points: Sequence[tuple[int, ...]], until: float) -> list[str]:
    """When the claim is true: the weakest condition that can be proved enough, and whether it is needed."""
    verdict = Test(problem)
    right = {point for point in points if verdict(point) is HOLDS}
    wrong = [point for point in points if verdict(point) is FAILS]
    found: list[tuple[int, int, Node]] = []
    for place, candidate in enumerate(conditions(problem, failing)):
        test = Test(problem.with_claim(candidate))
        if any(test(point) is not FAILS for point in wrong):
            continue
        covered = sum(test(point) is HOLDS for point in right)
        if covered >= max(ENOUGH, len(right) / 10):
            found.append((-covered, place, candidate))
    for negative, _, candidate in sorted(found, key=lambda row: row[:2])[:6]:
        if time.monotonic() > until:
            break
        if proves(problem.with_claim(Node("=>", (candidate, problem.claim))), PROOF):
            needed = Node("=>", (problem.claim, candidate))
            exact = -negative == len(right) and proves(problem.with_claim(needed), PROOF)
            return [f"true {'exactly ' if exact else ''}if {in_words(candidate)}"]
    return []


def conditions(problem: Problem, failing: Point) -> Iterator[Node]:
    """Conditions that a claim may have forgotten: divisibility first, then order, then bounds."""
    tried: dict[Node, None] = {}
    names = [Node("letter", value=name) for name in problem.names]
    nodes = list(walk(problem.claim))
    for node in nodes:
        if node.op in ("/", "//", "%"):
            above, below = node.args
            tried.setdefault(Node("divides", (below, without_multiples(above, below))))
            for name in names:
                if name != below:
                    tried.setdefault(Node("divides", (below, name)))
    for name in names:
        tried.setdefault(Node("divides", (number(2), name)))
        tried.setdefault(Node("divides", (number(2), Node("-", (name, number(1))))))
    for node in nodes:
        if node.op in ("/", "//", "abs"):
            tried.setdefault(Node(">=", (node.args[0], number(0))))
    for node in nodes:
        if node.op in ("min", "max") and len(node.args) == 2:
            tried.setdefault(Node(">=", node.args))
            tried.setdefault(Node("<=", node.args))
    for one in names:
        for other in names:
            if one != other:
                tried.setdefault(Node("<=", (one, other)))
                tried.setdefault(Node("<", (one, other)))
                tried.setdefault(Node("==", (one, Node("-", (other, number(1))))))
    for name, value in zip(names, failing, strict=True):
        tried.setdefault(Node("<=", (name, number(value - 1))))
        tried.setdefault(Node(">=", (name, number(value + 1))))
    for name in names:
        low = problem.least[str(name.value)]
        if low is not None:
            tried.setdefault(Node("==", (name, number(low))))
    yield from tried


def without_multiples(node: Node, divisor: Node) -> Node:
    """A sum without the terms that are multiples of the divisor."""
    kept = [(sign, term) for sign, term in _terms(node, 1) if divisor not in _factors(term)]
    if not kept:
        return number(0)
    (sign, first), *rest = kept
    total = first if sign > 0 else Node("neg", (first,))
    for sign, term in rest:
        total = Node("+" if sign > 0 else "-", (total, term))
    return total


def _terms(node: Node, sign: int) -> Iterator[tuple[int, Node]]:
    if node.op in ("+", "-"):
        yield from _terms(node.args[0], sign)
        yield from _terms(node.args[1], sign if node.op == "+" else -sign)
    elif node.op == "neg":
        yield from _terms(node.args[0], -sign)
    else:
        yield sign, node


def _factors(node: Node) -> list[Node]:
    return [*_factors(node.args[0]), *_factors(node.args[1])] if node.op == "*" else [node]


def in_words(condition: Node) -> str:
    """The condition as one says it."""
    if condition.op != "divides":
        return text(condition)
    below, above = condition.args
    if below == number(2):
        if above.op == "letter":
            return f"{text(above)} is even"
        if above.op == "-" and above.args[1] == number(1):
            return f"{text(above.args[0])} is odd"
    return f"{text(below)} divides {text(above)}"


# The edit that mends -------------------------------------------------------------------------------------------------


def _edit(problem: Problem, points: Sequence[tuple[int, ...]], until: float) -> list[str]:
    """The claim as it may have been meant, where a small edit makes it true."""
    candidates: dict[Node, float] = dict.fromkeys(_computed(problem), 0)
    for cost, edited in edits(problem.claim, problem.names):
        candidates.setdefault(edited, cost)
    for edited, cost in [row for row in candidates.items() if row[1] == 1][:30]:
        for again, twice in edits(edited, problem.names):
            if again == 1:
                candidates.setdefault(twice, cost + again)
    ranked = sorted(candidates, key=lambda edited: candidates[edited] + _emptiness(edited))
    tried = 0
    for edited in ranked:
        if time.monotonic() > until or tried == 8:
            break
        if edited == problem.claim or not _survives(problem, edited, points):
            continue
        tried += 1
        if proves(problem.with_claim(edited), PROOF):
            return [f"did you mean {_difference(problem.claim, edited)}?"]
    return []


def _computed(problem: Problem) -> list[Node]:
    """A claim without letters, the number on one side put right."""
    claim = problem.claim
    if problem.names or claim.op != "==" or claim.args[1].op != "number":
        return []
    value = evaluated(claim.args[0], problem, ())
    return [replace(claim, args=(claim.args[0], number(value)))] if isinstance(value, int) else []


def _emptiness(edited: Node) -> float:
    """What an edit costs besides: a claim that says that a thing equals itself says little."""
    if not letters(edited):
        return 0
    return 0.5 if len(edited.args) == 2 and edited.args[0] == edited.args[1] else 0


def _survives(problem: Problem, edited: Node, points: Sequence[tuple[int, ...]]) -> bool:
    if set(letters(edited)) != set(letters(problem.claim)):
        return False  # what no longer speaks of a letter is easily true
    new = problem.with_claim(edited)
    if len(new.nonzero) > len(problem.with_claim(problem.claim).nonzero):
        return False  # it would need a condition that nobody stated
    test = Test(new)
    try:
        return all(test(point) is not FAILS for point in points)
    except (ZeroDivisionError, OverflowError):
        return False


def _difference(claim: Node, edited: Node) -> str:
    """The side that changed and what it changed from; the whole claim where more than one side did."""
    if claim.op == edited.op and claim.op in COMPARISONS:
        changed = [pair for pair in zip(claim.args, edited.args, strict=True) if pair[0] != pair[1]]
        if len(changed) == 1:
            return f"{text(changed[0][1])} instead of {text(changed[0][0])}"
    return text(edited)


def edits(node: Node, names: Sequence[str]) -> Iterator[tuple[float, Node]]:
    """(cost, the node with one small change) for each change worth trying, at every place."""
    yield from _here(node, names)
    for place, arg in enumerate(node.args):
        for cost, changed in edits(arg, names):
            yield cost, replace(node, args=(*node.args[:place], changed, *node.args[place + 1 :]))


_RELATIONS = {"==": ("<=", ">="), "<": ("<=",), ">": (">=",), "<=": (">=",), ">=": ("<=",), "!=": ("==",)}
_SWAPS = {"floor": "ceil", "ceil": "floor", "min": "max", "max": "min"}


def _here(node: Node, names: Sequence[str]) -> Iterator[tuple[float, Node]]:
    for op in _RELATIONS.get(node.op, ()):
        yield (1 if node.op in "<>" else 4), replace(node, op=op)
    if node.op in _SWAPS:
        yield 1, replace(node, op=_SWAPS[node.op])
    if node.op == "number":
        yield from ((2, number(int(node.value) + step)) for step in (1, -1) if int(node.value) + step > 0)
    if node.op == "letter":
        yield 2, Node("*", (number(2), node))
        yield from ((2, Node(sign, (node, number(1)))) for sign in "+-")
        yield from ((3, Node("letter", value=name)) for name in names if name != node.value)
    if node.op == "/":
        yield from ((1, Node(rounded, (node,))) for rounded in ("floor", "ceil"))
    if node.op in ("+", "-"):
        yield 2, replace(node, op="-" if node.op == "+" else "+")
        yield 3, node.args[0]
        yield from ((3, Node("+", (node, Node("letter", value=name)))) for name in names)
    if node.op in ("/", "+", "-"):
        yield from _regrouped(node)
    if node.op in COMPARISONS and node.op != "divides" and node.args[1].op != "number":
        left, right = node.args
        yield from ((2, replace(node, args=(left, Node(sign, (right, number(1)))))) for sign in "+-")


def _regrouped(node: Node) -> Iterator[tuple[float, Node]]:
    """a + b/c as (a + b)/c, a bracket forgotten; and back, which is less likely."""
    left, right = node.args
    if node.op in ("+", "-") and right.op in ("/", "//"):
        yield 1, replace(right, args=(Node(node.op, (left, right.args[0])), right.args[1]))
    if node.op == "/" and left.op in ("+", "-"):
        yield 3, Node(left.op, (left.args[0], Node("/", (left.args[1], right))))
