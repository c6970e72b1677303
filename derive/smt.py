r"""Side conditions, put to Z3 for all integers at once.

Main definitions: `prove`, which answers True only when Z3 finds the negation unsatisfiable (an ``unknown`` is a
failure), and `satisfiable`; for claims typed by a user `decide`, which also gives integers that meet conditions. Terms
are those of `derive.terms`; reals are told from integers by their symbols.
Z3's ``/`` on integers leaves a remainder >= 0 and so is not Python's ``//`` for a negative divisor: see `_floor`.
This is the only file that imports Z3, and part of what must be trusted.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import sympy as sp
import z3

from derive.terms import Iverson, RuleError, Term, normal, remembered, whole

TIMEOUT = 5_000  # milliseconds; every condition of the book takes some 2

_cores: dict[Term, list[frozenset[Term]]] = {}  # goal -> sets of premises known to be enough


def prove(premises: Sequence[Term], goal: Term) -> bool:
    """Whether the goal holds for all integers that meet the premises."""
    if goal is True or goal == sp.true:
        return True
    given = frozenset(premises)
    if any(core <= given for core in _cores.get(goal, [])):
        return True
    core = _core(tuple(dict.fromkeys(premises)), goal)
    if core is not None:
        _cores.setdefault(goal, []).append(core)
    return core is not None


@functools.cache
def _core(premises: tuple[Term, ...], goal: Term) -> frozenset[Term] | None:
    """Premises from which the goal follows, or None."""
    solver = _solver()
    names = {f"premise {place}": premise for place, premise in enumerate(premises)}
    for name, premise in names.items():
        solver.assert_and_track(to_z3(premise), name)
    solver.add(z3.Not(to_z3(goal)))
    if solver.check() != z3.unsat:
        return None
    return frozenset(names[str(name)] for name in solver.unsat_core())


@functools.cache
def satisfiable(premises: frozenset[Term]) -> bool:
    """Whether some integers meet all the premises."""
    solver = _solver()
    solver.add(*(to_z3(premise) for premise in premises))
    return bool(solver.check() == z3.sat)


def _solver() -> Any:
    solver = z3.Solver()
    solver.set("timeout", TIMEOUT)
    return solver


@remembered
def to_z3(term: Term) -> Any:
    """The Z3 term that means the same; RuleError where there is none."""
    if isinstance(term, (bool, type(sp.true), type(sp.false))):  # not `in (True, False)`: 1 == True
        return z3.BoolVal(bool(term))
    if isinstance(term, sp.Integer):
        return z3.IntVal(int(term))
    if isinstance(term, sp.Symbol):
        return z3.Int(term.name) if term.is_integer else z3.Real(term.name)
    if isinstance(term, sp.Rational):
        return z3.RealVal(f"{term.p}/{term.q}")
    if isinstance(term, sp.Pow) and term.exp.is_Integer and term.exp > 0:
        return functools.reduce(lambda product, factor: product * factor, [to_z3(term.base)] * int(term.exp))
    if isinstance(term, (sp.floor, sp.ceiling)):
        return _floor(term)
    if isinstance(term, sp.Indexed) and whole(term):  # of an array nothing is known but that its entries are integers
        return z3.Function(str(term.base), *[z3.IntSort()] * (len(term.indices) + 1))(*map(_integer, term.indices))
    if isinstance(term, sp.Sum) and whole(term):
        return z3.Int(f"sum {normal(term)}")  # some integer; no letter is called so
    for kind, meaning in _MEANING.items():
        if isinstance(term, kind):
            try:
                return meaning(*(to_z3(piece) for piece in term.args))
            except z3.Z3Exception as error:
                raise RuleError(f"cannot put {term} to the solver: {error}") from error
    raise RuleError(f"cannot put {term} to the solver")


def _integer(term: Term) -> Any:
    """The term for Z3; RuleError if it is no integer."""
    value = to_z3(term)
    if not value.is_int():
        raise RuleError(f"cannot put {term} to the solver as an index")
    return value


def _floor(term: Term) -> Any:
    """The floor or ceiling of a quotient of integers."""
    above, below = sp.fraction(sp.together(term.args[0]))
    sign = -1 if isinstance(term, sp.ceiling) else 1  # ceil(x) = -floor(-x)
    x, y = sign * to_z3(above), to_z3(below)
    if not (x.is_int() and y.is_int()):
        raise RuleError(f"cannot put {term} to the solver: {above} and {below} are not both integers")
    return sign * quotient(x, y)


def _modulo(x: Any, y: Any) -> Any:
    if not (x.is_int() and y.is_int()):
        raise RuleError("cannot put the remainder of what is no integer to the solver")
    return x - y * quotient(x, y)


def _fold(operation: Callable[[Any, Any], Any]) -> Callable[..., Any]:
    return lambda *values: functools.reduce(operation, values)


_MEANING: dict[Any, Callable[..., Any]] = {
    sp.Add: _fold(lambda x, y: x + y),
    sp.Mul: _fold(lambda x, y: x * y),
    sp.Min: _fold(lambda x, y: z3.If(x <= y, x, y)),
    sp.Max: _fold(lambda x, y: z3.If(x >= y, x, y)),
    sp.Abs: lambda x: z3.If(x >= 0, x, -x),
    sp.Mod: _modulo,
    sp.Eq: lambda x, y: x == y,
    sp.Ne: lambda x, y: x != y,
    sp.Le: lambda x, y: x <= y,
    sp.Lt: lambda x, y: x < y,
    sp.Ge: lambda x, y: x >= y,
    sp.Gt: lambda x, y: x > y,
    sp.And: z3.And,
    sp.Or: z3.Or,
    sp.Not: z3.Not,
    sp.Implies: z3.Implies,
    sp.Equivalent: lambda x, y: x == y,
    sp.KroneckerDelta: lambda x, y: z3.If(x == y, z3.IntVal(1), z3.IntVal(0)),
    Iverson: lambda p: z3.If(p, z3.IntVal(1), z3.IntVal(0)),
}


# Claims --------------------------------------------------------------------------------------------------------------
# `derive.claim_solver` builds its terms with Python's operators and these, over unbounded integers.


class Answer(NamedTuple):
    """What the solver says of some conditions: sat with integers that meet them, unsat, or unknown."""

    status: str
    model: dict[str, int]


def version() -> str:
    """The prover's name and version."""
    return f"Z3 {z3.get_version_string()}"


def integer(name: str) -> Any:
    """An integer unknown."""
    return z3.Int(name)


def constant(value: int) -> Any:
    """An integer as a term."""
    return z3.IntVal(value)


def either(condition: Any, yes: Any, no: Any) -> Any:
    """One term where the condition holds, another where it fails."""
    return z3.If(condition, yes, no)


def both(*conditions: Any) -> Any:
    """That all of the conditions hold."""
    return z3.And(*conditions)


def some(*conditions: Any) -> Any:
    """That at least one of the conditions holds."""
    return z3.Or(*conditions)


def fails(condition: Any) -> Any:
    """That the condition does not hold."""
    return z3.Not(condition)


def quotient(x: Any, y: Any) -> Any:
    """The floor of x / y for y other than 0, of any sign."""
    return z3.If(y > 0, x / y, (-x) / (-y))


def told(text: str, seconds: float) -> str:
    """What the solver says of a script in SMT-LIB 2: sat, unsat, or unknown when the time is over."""
    return _decided(lambda solver: solver.from_string(text), seconds)[0]


def decide(conditions: Sequence[Any], names: Sequence[str], seconds: float) -> Answer:
    """Whether some integers meet all the conditions; unknown when the time is over."""
    status, model = _decided(lambda solver: solver.add(*conditions), seconds)
    if model is None:
        return Answer(status, {})
    return Answer(status, {name: model.eval(z3.Int(name), model_completion=True).as_long() for name in names})


def _decided(fill: Callable[[Any], Any], seconds: float) -> tuple[str, Any]:
    """The answer on what is filled into a new solver, and the model for sat."""
    solver = z3.Solver()
    solver.set("timeout", max(1, int(seconds * 1000)))
    fill(solver)
    bell = threading.Timer(seconds + 0.2, z3.main_ctx().interrupt)  # where Z3 does not look at its own clock
    bell.daemon = True
    bell.start()
    try:
        status = str(solver.check())
        return status, solver.model() if status == "sat" else None
    except z3.Z3Exception:
        return "unknown", None
    finally:
        bell.cancel()
