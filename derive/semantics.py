r"""What a term means: a naive evaluator, the judge of every rule and every theorem.

Main definitions: `meaning`, which turns a term into a function of an environment by plain loops; `models`, the small
environments with arbitrary array contents that meet a list of hypotheses; `holds`.

A sum is a sum over the *set* of integers from low to high: empty when high < low. Nothing here uses SymPy's `doit`,
`subs` or `simplify`. An environment maps symbols to integers, and array names to functions of index tuples; arrays
are total functions on all integer tuples, filled at random, so that a theorem cannot lean on what an array holds.
An integral is exact for polynomial integrands up to degree 12 (Newton's formula in fractions): the functions of the
continuous chapters are given random polynomials. This file is part of what must be trusted.
"""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from typing import Any

import sympy as sp

from derive.terms import (
    BINDERS,
    Equation,
    Hypothesis,
    Iverson,
    Range,
    RuleError,
    Support,
    Term,
    free_in,
    instance,
    peel,
    substitute,
    walk,
)

Environment = dict[Any, Any]
Meaning = Callable[[Environment], Any]

DEGREE = 12
LIMIT = 200  # environments a theorem is evaluated in
SIZES = (0, 1, 2, 3, -1, -2)


def meaning(term: Term) -> Meaning:
    """The value of a term as a function of an environment."""
    if isinstance(term, sp.Symbol):
        return lambda env: env[term]
    if isinstance(term, sp.Rational):
        value = int(term) if term.is_Integer else Fraction(int(term.p), int(term.q))
        return lambda env: value
    if term in (sp.true, sp.false):
        return lambda env: bool(term)
    if isinstance(term, sp.Sum):
        return _sum(term)
    if isinstance(term, sp.Integral):
        return _integral(term)
    if isinstance(term, (sp.Indexed, sp.core.function.AppliedUndef)):
        name = str(term.base if isinstance(term, sp.Indexed) else term.func)
        where = [meaning(index) for index in (term.indices if isinstance(term, sp.Indexed) else term.args)]
        return lambda env: env[name](tuple([index(env) for index in where]))
    for kind, operation in _OPERATIONS.items():
        if isinstance(term, kind):
            pieces = [meaning(piece) for piece in term.args]
            return lambda env: operation([piece(env) for piece in pieces])
    raise RuleError(f"no meaning is given to {type(term).__name__}: {term}")


def _sum(term: Term) -> Meaning:
    inner, k, low, high = peel(term)
    body, first, last = meaning(inner), meaning(low), meaning(high)

    def total(env: Environment) -> Any:
        here = dict(env)
        result = 0
        for value in range(first(env), last(env) + 1):
            here[k] = value
            result += body(here)
        return result

    return total


def _integral(term: Term) -> Meaning:
    inner, k, low, high = peel(term)
    body, first, last = meaning(inner), meaning(low), meaning(high)

    def total(env: Environment) -> Any:
        start, width = first(env), last(env) - first(env)
        values = [Fraction(body({**env, k: start + Fraction(width * m, DEGREE)})) for m in range(DEGREE + 1)]
        return width * sum(weight * value for weight, value in zip(_WEIGHTS, values, strict=True))

    return total


def _newton_cotes() -> list[Fraction]:
    """The weights that integrate every polynomial of degree <= DEGREE over 0..1 from DEGREE + 1 equal places."""
    weights = []
    for own in range(DEGREE + 1):
        polynomial = [Fraction(1)]
        for other in (m for m in range(DEGREE + 1) if m != own):
            scale = Fraction(1, own - other)
            shifted = [Fraction(0), *polynomial]
            polynomial = [scale * (x - other * y) for x, y in zip(shifted, [*polynomial, 0], strict=True)]
        weights.append(sum(c * DEGREE**power / (power + 1) for power, c in enumerate(polynomial)))
    return [Fraction(weight) for weight in weights]


_WEIGHTS = _newton_cotes()


def _power(pieces: list[Any]) -> Any:
    base, exponent = pieces
    return Fraction(base) ** exponent if exponent < 0 else base**exponent


_OPERATIONS: dict[Any, Callable[[list[Any]], Any]] = {
    sp.Add: sum,
    sp.Mul: math.prod,
    sp.Pow: _power,
    sp.floor: lambda v: math.floor(v[0]),
    sp.ceiling: lambda v: math.ceil(v[0]),
    sp.Min: min,
    sp.Max: max,
    sp.Abs: lambda v: abs(v[0]),
    sp.Mod: lambda v: v[0] % v[1],
    sp.KroneckerDelta: lambda v: int(v[0] == v[1]),
    Iverson: lambda v: int(v[0]),
    sp.Eq: lambda v: v[0] == v[1],
    sp.Ne: lambda v: v[0] != v[1],
    sp.Le: lambda v: v[0] <= v[1],
    sp.Lt: lambda v: v[0] < v[1],
    sp.Ge: lambda v: v[0] >= v[1],
    sp.Gt: lambda v: v[0] > v[1],
    sp.And: all,
    sp.Or: any,
    sp.Not: lambda v: not v[0],
    sp.Implies: lambda v: not v[0] or v[1],
    sp.Equivalent: lambda v: bool(v[0]) == bool(v[1]),
}


# Models -----------------------------------------------------------------------------------------------------------


def arrays_of(terms: Sequence[Term]) -> list[tuple[str, bool]]:
    """The names of the arrays and functions in the terms, and whether it is a function of reals."""
    found = {}
    for piece in itertools.chain.from_iterable(walk(term) for term in terms):
        if isinstance(piece, (sp.Indexed, sp.core.function.AppliedUndef)):
            real = not isinstance(piece, sp.Indexed)
            found[str(piece.func if real else piece.base)] = real
    return sorted(found.items())


def _noise(rng: random.Random) -> Callable[[tuple[int, ...]], int]:
    """An array of arbitrary integers on all of Z^d, filled as it is read."""
    cells: dict[tuple[int, ...], int] = {}

    def entry(indices: tuple[int, ...]) -> int:
        if indices not in cells:
            cells[indices] = rng.randint(-9, 9)
        return cells[indices]

    return entry


def _polynomial(rng: random.Random) -> Callable[[tuple[Any, ...]], Any]:
    coefficients = [rng.randint(-3, 3) for _ in range(4)]
    return lambda at: sum(c * at[0] ** power for power, c in enumerate(coefficients))


def _supported(array: Callable[..., Any], support: Support, env: Environment) -> Callable[..., Any]:
    box = [tuple(None if end is None else meaning(end)(env) for end in ends) for ends in support.box]

    def entry(indices: tuple[int, ...]) -> Any:
        inside = all(
            (low is None or low <= index) and (high is None or index <= high)
            for index, (low, high) in zip(indices, box, strict=True)
        )
        return array(indices) if inside else 0

    return entry


def _defined(array: Callable[..., Any], equation: Equation, env: Environment) -> Callable[..., Any] | None:
    """The array on the left made equal to the right wherever the guards hold, or None if the left is no pattern."""
    slots = tuple(sp.Symbol(f"slot{place}", integer=True) for place in range(len(equation.left.indices)))
    values = instance(equation.left, equation.left.base[slots], equation.over)
    if values is None:
        return None
    value, guard = (
        meaning(substitute(term, values)) for term in (equation.right, sp.And(*equation.guard, evaluate=False))
    )

    def entry(indices: tuple[int, ...]) -> Any:
        here = {**env, **dict(zip(slots, indices, strict=True))}
        return value(here) if guard(here) else array(indices)

    return entry


def _flipped(equation: Equation) -> Equation:
    return Equation(equation.right, equation.left, equation.over, equation.guard)


def _fill(env: Environment, hypotheses: Sequence[Hypothesis], given: Sequence[Equation]) -> None:
    """Give the arrays in the environment what supports, then equations, say; each array is defined at most once."""
    for hypothesis in hypotheses:
        if isinstance(hypothesis, Support):
            env[str(hypothesis.array)] = _supported(env[str(hypothesis.array)], hypothesis, env)
    done: set[str] = set()
    assumed = sorted((h for h in hypotheses if isinstance(h, Equation)), key=lambda equation: equation.defines)
    for equation in [*given, *assumed]:
        for side in (equation, _flipped(equation)):
            if isinstance(side.left, sp.Indexed) and str(side.left.base) not in done:
                entry = _defined(env[str(side.left.base)], side, env)
                if entry is not None:
                    env[str(side.left.base)] = entry
                    done.add(str(side.left.base))
                    break


def _meets(env: Environment, hypotheses: Sequence[Hypothesis]) -> bool:
    """Whether supports and equations hold around the origin in an environment."""
    for hypothesis in hypotheses:
        if isinstance(hypothesis, Support):
            slots = tuple(sp.Symbol(f"slot{place}", integer=True) for place in range(len(hypothesis.box)))
            outside, entry = meaning(hypothesis.outside(slots)), env[str(hypothesis.array)]
            for indices in _box(len(slots)):
                if outside({**env, **dict(zip(slots, indices, strict=True))}) and entry(indices) != 0:
                    return False
        elif isinstance(hypothesis, Equation):
            left, right = meaning(hypothesis.left), meaning(hypothesis.right)
            guards = [meaning(guard) for guard in hypothesis.guard]
            for indices in _box(len(hypothesis.over)):
                here = {**env, **dict(zip(hypothesis.over, indices, strict=True))}
                if all(guard(here) for guard in guards) and left(here) != right(here):
                    return False
    return True


def _box(axes: int) -> Iterator[tuple[int, ...]]:
    reach = range(-1, 3) if axes <= 3 else range(0, 2)
    return itertools.product(reach, repeat=axes)


def models(
    terms: Sequence[Term], hypotheses: Sequence[Hypothesis], witness: Sequence[Equation] = (), limit: int = LIMIT
) -> Iterator[Environment]:
    """Small environments for the terms in which all the hypotheses hold; the witness says how to fill arrays."""
    pieces = [*terms, *(side for e in [*hypotheses, *witness] if isinstance(e, Equation) for side in (e.left, e.right))]
    named = frozenset().union(*(free_in(term) for term in terms), *(h.free() for h in hypotheses))
    symbols = sorted(named, key=lambda symbol: symbol.name)
    conditions = [meaning(given.holds) for given in hypotheses if isinstance(given, Range)]
    supported = [(str(given.array), False) for given in hypotheses if isinstance(given, Support)]
    arrays = sorted({*arrays_of(pieces), *supported})
    rng = random.Random(0)
    found = 0
    for values in _values(len(symbols), rng):
        env: Environment = dict(zip(symbols, values, strict=True))
        if not all(condition(env) for condition in conditions):
            continue
        for name, real in arrays:
            env[name] = _polynomial(rng) if real else _noise(rng)
        _fill(env, hypotheses, witness)
        if _meets(env, hypotheses):
            yield env
            found += 1
        if found >= limit:
            return


def _values(count: int, rng: random.Random) -> Iterator[tuple[int, ...]]:
    """All small values for a few symbols, in random order; random small values for many."""
    if len(SIZES) ** count <= 8000:
        everything = list(itertools.product(SIZES, repeat=count))
        rng.shuffle(everything)
        yield from everything
        return
    for _ in range(20_000):
        yield tuple(rng.choice(SIZES) for _ in range(count))


def holds(first: Term, last: Term, relation: str, env: Environment) -> bool:
    """Whether two terms stand in a relation, one of = <=> =>, in an environment."""
    one, other = meaning(first)(env), meaning(last)(env)
    return bool(not one or other) if relation == "=>" else bool(one == other)
