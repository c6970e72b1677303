r"""Theorems about integers, evaluated at random points by plain Python integers.

Main definitions: `evaluated` (a theorem, a number of points, a seed -> `Evaluated`: how many points were met, and where
the statement is false), `first_order` (whether a theorem speaks of integers alone).

This is no proof. It is a check of another kind than the others: no solver, no SymPy arithmetic, no fractions, and
numbers far beyond the small models in which a theorem is evaluated by `recheck`: half the values drawn are small, the
others have up to thirty digits. The hypotheses are met by construction: letters are drawn one after the other, each
between the bounds (or at the value) that the hypotheses leave it; what they leave open is tried and thrown away.
"""

from __future__ import annotations

import functools
import itertools
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import sympy as sp

from derive.kernel import Theorem
from derive.semantics import name_of
from derive.smtlib import Untold
from derive.terms import Iverson, Range, Term, free_in, proposition, whole

COUNT = 10_000
TRIES = 20  # draws for each point wanted, at most
PILOT = 200  # draws by which an order of the letters is judged
ORDERS = 60  # orders of the letters that are judged
REACH = (3, 3, 10, 10, 100, 10_000, 2**64, 10**30)  # how far from its bound a letter may be drawn

SIGNS = {"=": "==", "<=>": "==", "=>": "<="}  # truth values are numbers: false => true is 0 <= 1


@dataclass(frozen=True)
class Evaluated:
    """How many points met the hypotheses of a theorem, and one at which it is false, if any."""

    name: str
    points: int
    seed: int
    false_at: dict[str, int] | None = None
    largest: int = 0


# Terms as Python -----------------------------------------------------------------------------------------------------


def written(term: Term) -> str:
    """An integer or a proposition as Python that computes with integers alone; Untold where there is none.

    >>> n, s = sp.symbols("n s", integer=True)
    >>> written(sp.Le(s * sp.floor((n + 1) / s), n + 1))
    '((xs * ((1 + xn) // xs)) <= (1 + xn))'
    """
    above, below = _pair(term)
    if below != "1":
        raise Untold(f"a fraction: {term}")
    return above


def _pair(term: Term) -> tuple[str, str]:
    """A term, above and below the bar."""
    if isinstance(term, sp.Symbol):
        if not term.is_integer:
            raise Untold(f"a real number: {term}")
        return name_of(term), "1"
    if isinstance(term, sp.Rational):
        return str(term.p), str(term.q)
    if isinstance(term, sp.Add):
        return _added([_pair(piece) for piece in term.args])
    if isinstance(term, sp.Mul):
        pairs = [_pair(piece) for piece in term.args]
        return _product([above for above, _ in pairs]), _product([below for _, below in pairs])
    if isinstance(term, sp.Pow) and term.exp.is_Integer and term.exp != 0:
        pair = (
            _product([_pair(term.base)[0]] * abs(int(term.exp))),
            _product([_pair(term.base)[1]] * abs(int(term.exp))),
        )
        return pair if term.exp > 0 else (pair[1], pair[0])
    if isinstance(term, (sp.floor, sp.ceiling)):
        above, below = _pair(term.args[0])
        return (f"({above} // {below})" if isinstance(term, sp.floor) else f"(-(-{above} // {below}))"), "1"
    if term in (sp.true, sp.false):
        return str(bool(term)), "1"
    for kind, pattern in _PATTERNS.items():
        if isinstance(term, kind):
            return f"({pattern.join(map(written, term.args))})", "1"
    for kind, function in _FUNCTIONS.items():
        if isinstance(term, kind):
            return f"{function}({', '.join(map(written, term.args))})", "1"
    raise Untold(f"no arithmetic of integers: {type(term).__name__}")


def _added(pairs: list[tuple[str, str]]) -> tuple[str, str]:
    bars = list(dict.fromkeys(below for _, below in pairs if below != "1"))
    over = [_product([above, *(bar for bar in bars if bar != own)]) for above, own in pairs]
    return f"({' + '.join(over)})", _product(bars)


def _product(pieces: Sequence[str]) -> str:
    rest = [piece for piece in pieces if piece != "1"]
    return f"({' * '.join(rest)})" if len(rest) > 1 else (rest or ["1"])[0]


_PATTERNS: dict[Any, str] = {
    sp.Eq: " == ",
    sp.Ne: " != ",
    sp.Le: " <= ",
    sp.Lt: " < ",
    sp.Ge: " >= ",
    sp.Gt: " > ",
    sp.And: " and ",
    sp.Or: " or ",
    sp.Implies: " <= ",
    sp.Equivalent: " == ",
    sp.Mod: " % ",
}
_FUNCTIONS: dict[Any, str] = {
    sp.Min: "min",
    sp.Max: "max",
    sp.Abs: "abs",
    sp.Not: "not ",
    Iverson: "int",
    sp.KroneckerDelta: "_same",
}


def first_order(theorem: Theorem) -> bool:
    """Whether a theorem and what it assumes is about integers alone: no array, no sum, no real number."""
    try:
        _said(theorem)
    except Untold:
        return False
    return all(isinstance(given, Range) for given in theorem.hypotheses)


def _said(theorem: Theorem) -> str:
    for given in theorem.hypotheses:
        if isinstance(given, Range):
            written(given.holds)
    return f"{written(theorem.lhs)} {SIGNS[theorem.relation]} {written(theorem.rhs)}"


# Points that meet the hypotheses -------------------------------------------------------------------------------------


def _atoms(term: Term) -> Iterator[Term]:
    """The propositions that `and` joins."""
    for piece in term.args if isinstance(term, sp.And) else (term,):
        if piece is term:
            yield piece
        else:
            yield from _atoms(piece)


def _bound(term: Term, letter: Term) -> str | None:
    """Python that narrows `low` and `high` for a letter by a relation, None where the relation is not linear in it.

    Every relation is read as c x + r <= 0, or = 0.
    """
    if not isinstance(term, (sp.Le, sp.Lt, sp.Ge, sp.Gt, sp.Eq)) or proposition(term.lhs):
        return None
    difference = sp.expand(term.lhs - term.rhs)
    if isinstance(term, (sp.Ge, sp.Gt)):
        difference = -difference
    if isinstance(term, (sp.Lt, sp.Gt)):
        difference = difference + 1
    slope = sp.expand(difference).coeff(letter)
    rest = sp.expand(difference - slope * letter)
    if slope == 0 or letter in free_in(rest) | free_in(slope) or not (whole(slope) and whole(rest)):
        return None
    narrow = "_equal" if isinstance(term, sp.Eq) else "_at_most"
    return f"low, high = {narrow}({written(slope)}, {written(rest)}, low, high)"


def _at_most(c: int, r: int, low: int | None, high: int | None) -> tuple[int | None, int | None]:
    """The bounds, narrowed by c x + r <= 0."""
    if c > 0:
        return low, -r // c if high is None else min(high, -r // c)
    if c < 0:
        least = -(-r // -c)
        return least if low is None else max(low, least), high
    return (low, high) if r <= 0 else (1, 0)


def _equal(c: int, r: int, low: int | None, high: int | None) -> tuple[int | None, int | None]:
    """The bounds, narrowed by c x + r = 0."""
    return _at_most(-c, -r, *_at_most(c, r, low, high))


def _drawn(low: int | None, high: int | None, steps: Iterator[int]) -> int | None:
    """An integer between two bounds, None where there is none."""
    step = next(steps)
    if low is None and high is None:
        return step if step % 2 else -step // 2
    if low is None or high is None:
        return high - step if low is None else low + step  # type: ignore[operator]
    if low > high:
        return None
    return low if low == high else low + step % (high - low + 1)


def _program(order: Sequence[Term], ranges: Sequence[Term], said: str) -> Callable[..., tuple[int, Any, int]]:
    """A function that draws the letters in this order and evaluates the statement, at so many points."""
    lines = ["def run(steps, tries, wanted):", " met = largest = 0", " for _ in range(tries):"]
    waiting = [piece for held in ranges for piece in _atoms(held)]
    for place, letter in enumerate(order):
        known = set(order[: place + 1])
        due = [piece for piece in waiting if free_in(piece) <= known]
        waiting = [piece for piece in waiting if piece not in due]
        bounds = {piece: bound for piece in due if (bound := _bound(piece, letter)) is not None}
        lines += ["  low = high = None", *(f"  {bound}" for bound in bounds.values())]
        lines += [f"  {name_of(letter)} = _drawn(low, high, steps)", f"  if {name_of(letter)} is None: continue"]
        lines += [f"  if not {written(piece)}: continue" for piece in due if piece not in bounds]
    point = "{" + ", ".join(f"{letter.name!r}: {name_of(letter)}" for letter in order) + "}"
    lines += [f"  if not ({said}): return met, {point}, largest", "  met += 1"]
    lines += [f"  largest = max(largest, {', '.join(f'abs({name_of(letter)})' for letter in order)}, 0)"]
    lines += ["  if met == wanted: break", " return met, None, largest"]
    scope = {"_at_most": _at_most, "_equal": _equal, "_drawn": _drawn, "_same": lambda x, y: int(x == y)}
    exec(compile("\n".join(lines), "<points>", "exec"), scope)
    return scope["run"]  # type: ignore[return-value]


def _orders(letters: Sequence[Term], ranges: Sequence[Term], rng: random.Random) -> Iterator[tuple[Term, ...]]:
    """The letters in some orders, each order once; first of all, what an equation defines behind all that does so."""
    defined = {side for held in ranges for piece in _atoms(held) if isinstance(piece, sp.Eq) for side in piece.args}
    seen: set[tuple[Term, ...]] = set()
    for turn in range(ORDERS):
        order = tuple(rng.sample(letters, len(letters)))
        if turn < ORDERS // 2:
            order = tuple(sorted(order, key=lambda letter: letter in defined))
        if order not in seen:
            seen.add(order)
            yield order


def steps(seed: int) -> Iterator[int]:
    """Numbers >= 0 without end, small and large ones, the same for the same seed."""
    return itertools.cycle(_numbers(seed))


@functools.cache
def _numbers(seed: int) -> list[int]:
    rng = random.Random(seed)
    return [rng.randint(0, rng.choice(REACH)) for _ in range(50_021)]  # a prime: rounds do not repeat


def evaluated(theorem: Theorem, count: int = COUNT, seed: int = 0) -> Evaluated:
    """The statement at `count` points that meet the hypotheses; Untold where it is not about integers alone."""
    said = _said(theorem)
    ranges = [given.holds for given in theorem.hypotheses if isinstance(given, Range)]
    letters = sorted(free_in(theorem.lhs) | free_in(theorem.rhs) | set().union(*map(free_in, ranges)), key=name_of)
    best, most = None, -1
    for order in _orders(letters, ranges, random.Random(seed)):
        run = _program(order, ranges, said)
        met, wrong, _ = run(steps(seed), PILOT, PILOT)
        if wrong is not None:
            return Evaluated(theorem.name, met, seed, wrong)
        if met > most:
            best, most = run, met
        if met > PILOT * 9 // 10:
            break
    assert best is not None
    met, wrong, largest = best(steps(seed), TRIES * count, count)
    return Evaluated(theorem.name, met, seed, wrong, largest)
