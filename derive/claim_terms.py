r"""Claims as trees: what a claim says, written out and evaluated.

Main definitions: `Node` (one sign and what it joins), `text` (a node in plain notation), `meaning` (a node as a plain
Python function of its letters, exact: fractions, no floats), `letters`, `divisors`, `positive`.
A division by zero has no value: evaluating one raises ZeroDivisionError. `floor`, `//` and `%` round down for every
sign, as Python does; `a divides b` says that b is an integer multiple of a, so 0 divides 0 and nothing else.
This file knows no solver; it is the judge of what the solver says.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, TypeAlias

Point: TypeAlias = Sequence[int]
Value: TypeAlias = "int | Fraction"

COMPARISONS = ("==", "!=", "<=", "<", ">=", ">", "divides")
CONNECTIVES = ("and", "or", "not", "=>", "<=>")
TRUTHS = frozenset((*COMPARISONS, *CONNECTIVES, "integer"))
FUNCTIONS = {"floor": (1, 1), "ceil": (1, 1), "abs": (1, 1), "min": (1, 99), "max": (1, 99), "integer": (1, 1)}


@dataclass(frozen=True, slots=True)
class Node:
    """One sign and what it joins; `value` is a number, a letter's name or an exponent; `start`, `end` its place."""

    op: str
    args: tuple[Node, ...] = ()
    value: int | str = 0
    start: int = field(default=0, compare=False)
    end: int = field(default=0, compare=False)

    @property
    def truth(self) -> bool:
        """Whether it is true or false, rather than a number."""
        return self.op in TRUTHS

    def __str__(self) -> str:
        return text(self)


def number(value: int) -> Node:
    """The node of an integer."""
    return Node("number", value=value) if value >= 0 else Node("neg", (Node("number", value=-value),))


def walk(node: Node) -> Iterator[Node]:
    """The node and all below it, from left to right."""
    yield node
    for arg in node.args:
        yield from walk(arg)


def letters(*nodes: Node) -> tuple[str, ...]:
    """The letters in order of appearance."""
    return tuple(dict.fromkeys(str(piece.value) for node in nodes for piece in walk(node) if piece.op == "letter"))


def divisors(*nodes: Node) -> tuple[Node, ...]:
    """What stands below a fraction bar, or right of `//` or `%`, each once, inner ones first."""
    found: dict[Node, None] = {}

    def visit(node: Node) -> None:
        for arg in node.args:
            visit(arg)
        if node.op in ("/", "//", "%"):
            found.setdefault(node.args[1])

    for node in nodes:
        visit(node)
    return tuple(found)


def dividing(*nodes: Node) -> frozenset[str]:
    """The letters that stand in a divisor, that of `a divides b` included."""
    below = [*divisors(*nodes), *(piece.args[0] for node in nodes for piece in walk(node) if piece.op == "divides")]
    return frozenset(letters(*below))


def conjuncts(node: Node) -> list[Node]:
    """The statements that `and` joins."""
    return [piece for arg in node.args for piece in conjuncts(arg)] if node.op == "and" else [node]


def positive(node: Node, least: Mapping[str, int | None], bound: int = 1) -> bool:
    """Whether the node is at least `bound` (0 or 1) by its form, for letters that are at least `least`."""
    if node.op == "number":
        return int(node.value) >= bound
    if node.op == "letter":
        low = least.get(str(node.value))
        return low is not None and low >= bound
    if node.op == "+":
        return all(positive(arg, least, 0) for arg in node.args) and (
            bound == 0 or any(positive(arg, least, 1) for arg in node.args)
        )
    if node.op in ("*", "min") or (node.op in ("^", "ceil") and bound == 1):
        return all(positive(arg, least, bound) for arg in node.args)
    if node.op == "max":
        return any(positive(arg, least, bound) for arg in node.args)
    return bound == 0 and (node.op == "abs" or (node.op in ("^", "floor", "ceil") and positive(node.args[0], least, 0)))


# Evaluation ----------------------------------------------------------------------------------------------------------


def _divide(a: Value, b: Value) -> Value:
    """The exact quotient, an int where it is one."""
    quotient = Fraction(a) / b
    return quotient.numerator if quotient.denominator == 1 else quotient


def _divides(a: Value, b: Value) -> bool:
    return b == 0 if a == 0 else b % a == 0


_OPERATIONS: dict[str, Callable[..., Any]] = {
    "neg": lambda a: -a,
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "/": _divide,
    "//": lambda a, b: a // b,
    "%": lambda a, b: a % b,
    "floor": math.floor,
    "ceil": math.ceil,
    "abs": abs,
    "min": lambda *values: min(values),
    "max": lambda *values: max(values),
    "==": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
    "<=": lambda a, b: a <= b,
    "<": lambda a, b: a < b,
    ">=": lambda a, b: a >= b,
    ">": lambda a, b: a > b,
    "divides": _divides,
    "integer": lambda a: a % 1 == 0,
    "and": lambda *values: all(values),
    "or": lambda *values: any(values),
    "not": lambda a: not a,
    "=>": lambda a, b: not a or b,
    "<=>": lambda a, b: a == b,
}  # fmt: skip


def meaning(node: Node, names: Sequence[str]) -> Callable[[Point], Any]:
    """The node as a function of the values of `names`; it raises ZeroDivisionError where the node has no value."""
    if node.op == "number":
        value = node.value
        return lambda point: value
    if node.op == "letter":
        place = list(names).index(str(node.value))
        return lambda point: point[place]
    pieces = [meaning(arg, names) for arg in node.args]
    if node.op == "^":
        (base,), exponent = pieces, int(node.value)
        return lambda point: base(point) ** exponent
    operation = _OPERATIONS[node.op]
    if len(pieces) == 1:
        (only,) = pieces
        return lambda point: operation(only(point))
    if len(pieces) == 2:
        left, right = pieces
        return lambda point: operation(left(point), right(point))
    return lambda point: operation(*(piece(point) for piece in pieces))


# Plain notation ------------------------------------------------------------------------------------------------------

_BINDING = {"<=>": 0, "=>": 1, "or": 2, "and": 3, "not": 4, **dict.fromkeys(COMPARISONS, 5)}
_BINDING |= {"+": 6, "-": 6, "*": 7, "/": 7, "//": 7, "%": 7, "neg": 8, "^": 9}
_ATOM = 10


def text(node: Node, values: Mapping[str, int] | None = None) -> str:
    """The node in plain notation, brackets only where they are needed; with values, numbers instead of letters."""
    return _written(node, values or {}, 0, True)


def _written(node: Node, values: Mapping[str, int], outer: int, leftmost: bool) -> str:
    said = _sign(node, values, leftmost)
    inner = _BINDING.get(node.op, _ATOM)
    if node.op == "letter" and values.get(str(node.value), 0) < 0:
        inner = _BINDING["neg"]
    bare = inner >= outer and (leftmost or inner != _BINDING["neg"])
    return said if bare else f"({said})"


def _sign(node: Node, values: Mapping[str, int], leftmost: bool) -> str:
    if node.op == "number":
        return str(node.value)
    if node.op == "letter":
        return str(values.get(str(node.value), node.value))
    if node.op in FUNCTIONS:
        return f"{node.op}({', '.join(_written(arg, values, 0, True) for arg in node.args)})"
    level = _BINDING[node.op]
    if node.op == "neg":
        return "-" + _written(node.args[0], values, level, False)
    if node.op == "not":
        return "not " + _written(node.args[0], values, level, True)
    if node.op == "^":
        return f"{_written(node.args[0], values, _ATOM, False)}^{node.value}"
    if node.op in ("and", "or"):
        return f" {node.op} ".join(_written(arg, values, level + 1, True) for arg in node.args)
    left, right = node.args
    if level <= 5:
        sign = "implies" if node.op == "=>" else node.op
        return f"{_written(left, values, level + 1, True)} {sign} {_written(right, values, level + 1, True)}"
    return f"{_written(left, values, level, leftmost)}{node.op}{_written(right, values, level + 1, False)}"
