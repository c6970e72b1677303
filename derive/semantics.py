r"""What a term means: a naive evaluator, the judge of every rule and every theorem.

Main definitions: `meaning`, which turns a term into a function of an environment by plain loops; `models`, the small
environments with arbitrary array contents that meet a list of hypotheses; `environment`, by hand; `holds`.

A sum is a sum over the *set* of integers from low to high: empty when high < low. Nothing here uses SymPy's `doit`,
`subs` or `simplify`. An environment maps symbols to integers, and array names to functions of index tuples; arrays
are total functions on all integer tuples, filled at random, so that a theorem cannot lean on what an array holds.
An integral is exact for polynomial integrands up to degree 12 (Newton's formula in fractions): the functions of the
continuous chapters are given random polynomials. Only `exp` is not exact: terms that have it are compared to within
`TOLERANCE`. This file is part of what must be trusted.
"""

from __future__ import annotations

import functools
import itertools
import math
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
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

Environment = dict[str, Any]

Array = Callable[[tuple[Any, ...]], Any]

DEGREE = 12
TOLERANCE = 1e-7  # integrals of exp by Newton's formula over lengths up to 5 are right to 1e-9
ROUNDS = 5  # times the same sizes may come, each time with other arrays
LIMIT = 50  # environments a theorem is evaluated in
SIZES = (0, 1, 2, 3, -1, -2)
STALE = 60  # draws in a row without a new choice of sizes, after which there are taken to be no more
TRIES = 20_000  # values put for symbols in search of one model
DIVISORS = (1, 2, 5, 40)  # a real is a small integer over one of these


@functools.cache
def name_of(symbol: Term) -> str:
    """The key of a symbol in an environment; arrays have their own names, in brackets."""
    return "x" + "".join(letter if letter.isalnum() else f"_{ord(letter)}_" for letter in symbol.name)


def array_name(array: Term) -> str:
    """The key of an array or function in an environment."""
    return "A" + "".join(letter if letter.isalnum() else f"_{ord(letter)}_" for letter in str(array))


@functools.cache
def meaning(term: Term) -> Callable[[Environment], Any]:
    """The value of a term as a function of an environment."""
    code = compile(source(term), f"<{type(term).__name__}>", "eval")
    return lambda env: eval(code, env)


def source(term: Term) -> str:
    """The term as the Python expression one would write for it.

    >>> k, n = sp.symbols("k n", integer=True)
    >>> source(sp.Sum(sp.IndexedBase("X")[k], (k, 0, n - 1)))
    'sum(AX((xk,)) for xk in range(0, ((-1) + (xn)) + 1))'
    """
    if isinstance(term, sp.Symbol):
        return name_of(term)
    if isinstance(term, sp.Rational):
        return str(term.p) if term.is_Integer else f"Fraction({term.p}, {term.q})"
    if term in (sp.true, sp.false):
        return str(bool(term))
    if isinstance(term, BINDERS):
        inner, k, low, high = (source(piece) for piece in peel(term))
        if isinstance(term, sp.Integral):
            return f"integral(lambda {k}: {inner}, {low}, {high})"
        return f"sum({inner} for {k} in range({low}, {high} + 1))"
    if isinstance(term, (sp.Indexed, sp.core.function.AppliedUndef)):
        array, indices = (term.base, term.indices) if isinstance(term, sp.Indexed) else (term.func, term.args)
        return f"{array_name(array)}(({', '.join(map(source, indices))},))"
    for kind, pattern in _PATTERNS.items():
        if isinstance(term, kind):
            pieces = [source(piece) for piece in term.args]
            if isinstance(term, (sp.Min, sp.Max)):
                return f"{pattern}({', '.join(pieces)})"
            if "{}" in pattern:
                return "(" + pattern.format(*pieces) + ")"
            return "(" + pattern.join(f"({piece})" for piece in pieces) + ")"
    raise RuleError(f"no meaning is given to {type(term).__name__}: {term}")


_PATTERNS: dict[Any, str] = {
    sp.Add: " + ",
    sp.Mul: " * ",
    sp.And: " and ",
    sp.Or: " or ",
    sp.Min: "min",
    sp.Max: "max",
    sp.Pow: "power({}, {})",
    sp.floor: "floor({})",
    sp.ceiling: "ceil({})",
    sp.Abs: "abs({})",
    sp.exp: "exp({})",
    sp.Mod: "{} % {}",
    sp.KroneckerDelta: "int({} == {})",
    Iverson: "int({})",
    sp.Eq: "{} == {}",
    sp.Ne: "{} != {}",
    sp.Le: "{} <= {}",
    sp.Lt: "{} < {}",
    sp.Ge: "{} >= {}",
    sp.Gt: "{} > {}",
    sp.Not: "not {}",
    sp.Implies: "not {} or {}",
    sp.Equivalent: "bool({}) == bool({})",
}


def _power(base: Any, exponent: Any) -> Any:
    return Fraction(base) ** exponent if exponent < 0 else base**exponent


def _integral(body: Callable[[Any], Any], low: Any, high: Any) -> Any:
    width = high - low
    values = [Fraction(body(low + Fraction(width * m, DEGREE))) for m in range(DEGREE + 1)]
    return width * sum(weight * value for weight, value in zip(_WEIGHTS, values, strict=True))


def _exp(exponent: Any) -> Fraction:
    return Fraction(math.exp(exponent))


def _newton_cotes() -> list[Fraction]:
    """The weights that integrate every polynomial of degree <= DEGREE over 0..1 from DEGREE + 1 equal places."""
    weights = []
    for own in range(DEGREE + 1):
        polynomial: list[Fraction] = [Fraction(1)]
        for other in (m for m in range(DEGREE + 1) if m != own):
            scale = Fraction(1, own - other)
            shifted = [Fraction(0), *polynomial]
            polynomial = [scale * (x - other * y) for x, y in zip(shifted, [*polynomial, Fraction(0)], strict=True)]
        weights.append(sum((c * Fraction(DEGREE**power, power + 1) for power, c in enumerate(polynomial)), Fraction(0)))
    return weights


_WEIGHTS = _newton_cotes()
_OPERATIONS = {
    "floor": math.floor,
    "ceil": math.ceil,
    "power": _power,
    "exp": _exp,
    "integral": _integral,
    "Fraction": Fraction,
}


# Models -----------------------------------------------------------------------------------------------------------


def arrays_of(terms: Sequence[Term]) -> dict[str, Callable[[random.Random], Array]]:
    """The names of the arrays and functions in the terms, and what fills each with arbitrary contents."""
    found = {}
    for piece in itertools.chain.from_iterable(walk(term) for term in terms):
        if isinstance(piece, sp.Indexed):
            found[array_name(piece.base)] = _sized if piece.base.is_integer else _noise
        elif isinstance(piece, sp.core.function.AppliedUndef):
            found[array_name(piece.func)] = _polynomial
    return dict(sorted(found.items()))


def _noise(rng: random.Random, low: int = -9, high: int = 9) -> Array:
    """An array of arbitrary integers on all of Z^d, filled as it is read."""
    cells: dict[tuple[int, ...], int] = {}

    def entry(indices: tuple[int, ...]) -> int:
        if indices not in cells:
            cells[indices] = rng.randint(low, high)
        return cells[indices]

    return entry


def _sized(rng: random.Random) -> Array:
    """An array declared to hold integers: they are sizes, and small as all sizes are."""
    return _noise(rng, min(SIZES), max(SIZES))


def _polynomial(rng: random.Random) -> Array:
    """A function of one real, a polynomial of degree 3."""
    coefficients = [rng.randint(-3, 3) for _ in range(4)]
    return lambda at: sum(c * at[0] ** power for power, c in enumerate(coefficients))


def _slots(count: int) -> tuple[Term, ...]:
    return tuple(sp.Symbol(f"slot {place}", integer=True) for place in range(count))


def _function(term: Term, variables: Sequence[Term]) -> Callable[[Environment], Callable[..., Any]]:
    """The term as a function of some variables, the rest read from an environment."""
    code = compile(f"lambda {', '.join(map(name_of, variables))}: {source(term)}", "<function>", "eval")
    return lambda env: eval(code, env)


Fill = Callable[[Environment], None]


def _bounded(given: Range) -> list[Fill]:
    """Raise the entries of an array to what they are to be at least, in a relation for all indices."""
    entry = given.holds.args[0]
    if not (given.over and isinstance(given.holds, sp.Ge) and isinstance(entry, sp.Indexed)):
        return []
    slots, name = _slots(len(entry.indices)), array_name(entry.base)
    values = instance(entry, entry.base[slots], given.over)
    if values is None:
        return []
    low = _function(substitute(given.holds.args[1], values), slots)

    def fill(env: Environment) -> None:
        array, least = env[name], low(env)
        env[name] = lambda indices: max(least(*indices), array(indices))

    return [fill]


def _of_arrays(given: Hypothesis) -> bool:
    """Whether it is a relation that can be looked at only where the arrays are filled."""
    return isinstance(given, Range) and bool(given.over or given.holds.has(sp.Indexed))


def _supported(support: Support) -> Fill:
    """Fill an array with zeros outside its support."""
    slots, name = _slots(len(support.box)), array_name(support.array)
    outside = _function(support.outside(slots), slots)

    def fill(env: Environment) -> None:
        array, away = env[name], outside(env)
        env[name] = lambda indices: 0 if away(*indices) else array(indices)

    return fill


def _pinned(equation: Equation) -> list[int]:
    """The places of the entry on the left whose index does not run, as in R[0] = 1."""
    indices = equation.left.indices if isinstance(equation.left, sp.Indexed) else ()
    return [place for place, index in enumerate(indices) if not free_in(index) & set(equation.over)]


def _defined(equation: Equation) -> Fill | None:
    """Fill the array on the left with what stands on the right, where the guards hold; None if it is no pattern."""
    if not isinstance(equation.left, sp.Indexed):
        return None
    base, indices, pinned = equation.left.base, equation.left.indices, _pinned(equation)
    slots, name = _slots(len(indices)), array_name(base)
    running = [
        (index, slot) for place, (index, slot) in enumerate(zip(indices, slots, strict=True)) if place not in pinned
    ]
    one, other = (base[(0, *side)] for side in (zip(*running, strict=True) if running else ((), ())))
    values = instance(one, other, equation.over)
    if values is None:
        return None
    value = _function(substitute(equation.right, values), slots)
    guards = [substitute(term, values) for term in equation.guard] + [sp.Eq(slots[p], indices[p]) for p in pinned]
    guard = _function(sp.And(*guards), slots)

    def fill(env: Environment) -> None:
        array, right, inside, cells = env[name], value(env), guard(env), {}

        def entry(indices: tuple[int, ...]) -> Any:
            if indices not in cells:
                cells[indices] = right(*indices) if inside(*indices) else array(indices)
            return cells[indices]

        env[name] = entry

    return fill


def _plan(hypotheses: Sequence[Hypothesis], witness: Sequence[Equation]) -> list[Fill]:
    """How to fill the arrays so that the hypotheses should hold: bounds, supports, then each array by one equation.

    Of equations that pin an index, such as R[0] = 1, there may be more.
    """
    plan = [fill for given in hypotheses if isinstance(given, Range) for fill in _bounded(given)]
    plan += [_supported(hypothesis) for hypothesis in hypotheses if isinstance(hypothesis, Support)]
    done: set[Term] = set()
    for equation in [*witness, *sorted((h for h in hypotheses if isinstance(h, Equation)), key=lambda e: e.defines)]:
        turned = Equation(equation.right, equation.left, equation.over, equation.guard)
        for side in (equation, turned):
            fill = _defined(side)
            pinned = _pinned(side)
            if fill is not None and (pinned or side.left.base not in done):
                plan.append(fill)
                done.update(() if pinned else (side.left.base,))
                break
    return plan


def _tests(hypotheses: Sequence[Hypothesis]) -> list[Callable[[Environment], bool]]:
    """Whether each support and equation holds around the origin of an environment: the plan may have failed."""
    tests = []
    for hypothesis in hypotheses:
        if isinstance(hypothesis, Support):
            slots = _slots(len(hypothesis.box))
            fact = sp.Or(sp.Not(hypothesis.outside(slots)), sp.Eq(hypothesis.array[slots], 0))
            tests.append((slots, fact))
        elif isinstance(hypothesis, Range) and _of_arrays(hypothesis):
            tests.append((hypothesis.over, hypothesis.holds))
        elif isinstance(hypothesis, Equation):
            same = sp.Eq(hypothesis.left, hypothesis.right, evaluate=False)
            tests.append((hypothesis.over, sp.Or(same, *(sp.Not(guard) for guard in hypothesis.guard))))
    return [_everywhere(_function(fact, over), len(over)) for over, fact in tests]


def _everywhere(fact: Callable[[Environment], Callable[..., Any]], axes: int) -> Callable[[Environment], bool]:
    reach = (range(-2, 5), range(-1, 3), range(-1, 3))[axes - 1] if axes <= 3 else range(2)
    box = list(itertools.product(reach, repeat=axes))

    def test(env: Environment) -> bool:
        here = fact(env)
        return all(here(*indices) for indices in box)

    return test


def models(
    terms: Sequence[Term], hypotheses: Sequence[Hypothesis], witness: Sequence[Equation] = (), limit: int = LIMIT
) -> Iterator[Environment]:
    """Small environments for the terms in which all the hypotheses hold; the witness says how to fill arrays."""
    equations = [given for given in [*hypotheses, *witness] if isinstance(given, Equation)]
    said = [given.holds for given in hypotheses if isinstance(given, Range)]
    arrays = arrays_of([*terms, *said, *(side for given in equations for side in (given.left, given.right))])
    arrays = {**{array_name(given.array): _noise for given in hypotheses if isinstance(given, Support)}, **arrays}
    symbols = frozenset().union(*map(free_in, terms), *(given.free() for given in [*hypotheses, *witness]))
    ranges = [given.holds for given in hypotheses if isinstance(given, Range) and not _of_arrays(given)]
    plan, tests, rng = _plan(hypotheses, witness), _tests(hypotheses), random.Random(0)
    rounds = range(ROUNDS if arrays else 1)
    for env in itertools.chain.from_iterable(_sizes(sorted(symbols, key=name_of), ranges, rng) for _ in rounds):
        env.update({name: arbitrary(rng) for name, arbitrary in arrays.items()})
        for fill in plan:
            fill(env)
        try:
            fits = all(test(env) for test in tests)
        except RecursionError:  # an array defined by itself: no model
            continue
        if fits:
            yield env
            limit -= 1
        if limit == 0:
            return


_ORDERS = list(itertools.permutations(SIZES))


def _sizes(symbols: list[Term], ranges: list[Term], rng: random.Random) -> Iterator[Environment]:
    """Small values for the symbols that meet all the ranges, no choice twice, until nothing new comes any more.

    Symbols are drawn one by one and each range is tested as soon as its last symbol is drawn: that finds models of many
    narrow ranges, where drawing all the symbols at once would find none.
    """
    order: list[Term] = []
    for held in sorted(ranges, key=lambda term: len(free_in(term))):
        order += sorted(free_in(held) - set(order), key=name_of)
    order += [symbol for symbol in symbols if symbol not in order]
    tests: list[list[Callable[[Environment], bool]]] = [[] for _ in range(len(order) + 1)]
    for held in ranges:
        tests[max((order.index(symbol) + 1 for symbol in free_in(held)), default=0)].append(meaning(held))
    seen: set[tuple[Any, ...]] = set()
    stale = 0
    while stale < STALE:
        env: Environment = dict(_OPERATIONS)
        if not _draw(0, order, tests, env, rng, iter(range(TRIES))):
            return
        values = tuple(env[name_of(symbol)] for symbol in order)
        stale = stale + 1 if values in seen else 0
        if not stale:
            seen.add(values)
            yield env


def _draw(place: int, order: list[Term], tests: Any, env: Environment, rng: random.Random, tries: Any) -> bool:
    """Fill the environment from a place on so that every test passes; False where no value, or no try, is left."""
    if next(tries, None) is None or not all(test(env) for test in tests[place]):
        return False
    if place == len(order):
        return True
    symbol = order[place]
    for value in rng.choice(_ORDERS):
        env[name_of(symbol)] = value if symbol.is_integer else Fraction(value, rng.choice(DIVISORS))
        if _draw(place + 1, order, tests, env, rng, tries):
            return True
    return False


def environment(values: Mapping[Term, Any]) -> Environment:
    """An environment from values by hand: integers for symbols, nested lists (zero outside) or functions for arrays.

    >>> X, k, n = sp.IndexedBase("X"), *sp.symbols("k n", integer=True)
    >>> meaning(sp.Sum(X[k], (k, -1, n)))(environment({X: [1, 2, 3], n: 7}))
    6
    """
    env: Environment = dict(_OPERATIONS)
    for key, value in values.items():
        if isinstance(key, sp.Symbol):
            env[name_of(key)] = value
        else:
            env[array_name(key)] = value if callable(value) else functools.partial(_cell, value)
    return env


def _cell(array: Any, indices: tuple[int, ...]) -> Any:
    for index in indices:
        if not 0 <= index < len(array):
            return 0
        array = array[index]
    return array


def holds(first: Term, last: Term, relation: str, env: Environment) -> bool:
    """Whether two terms stand in a relation, one of = <=> =>, in an environment."""
    one, other = meaning(first)(env), meaning(last)(env)
    if relation == "=>":
        return bool(not one or other)
    if first.has(sp.exp) or last.has(sp.exp):
        return bool(abs(one - other) <= TOLERANCE * max(1, abs(one), abs(other)))
    return bool(one == other)
