r"""The language of the derivations: SymPy terms, read strictly, and the hypotheses a theorem may have.

Main definitions: `RuleError`, the hypotheses `Range`, `Support`, `Equation`, the bracket `Iverson`, and the few
operations on terms that the rules need: `substitute` (which refuses to capture), `peel`, `normal`, `instance`.

A term is made of integers, integer symbols, `+ - *`, powers, `Indexed` array entries, `Sum`, `KroneckerDelta`,
`floor`, `Min`, `Max`, relations, and for the continuous chapters `Integral`, `exp`, and functions of real symbols.
An array declared with ``integer=True`` holds integers; any other may hold what it likes.
SymPy's own `subs` captures variables and its `Sum.change_index` forgets dependent limits, so neither is used here.
This file is part of what must be trusted.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import sympy as sp

Term = Any  # a SymPy term; SymPy has no types of its own

Curve = tuple[str, Term, Term, Term, Term]  # what it is called, a term, its letter, from, to

BINDERS = (sp.Sum, sp.Integral)

remembered = functools.lru_cache(20_000, typed=True)  # terms never change, so answers about them keep; 1 == True


class RuleError(ValueError):
    """A rule was used where it does not hold, or a theorem does not stand up to its recheck."""


class Iverson(sp.Function):  # type: ignore[misc]  # SymPy is untyped
    """The bracket of a condition: 1 where it holds, 0 elsewhere."""

    nargs = 1
    is_integer = True

    @classmethod
    def eval(cls, condition: Term) -> Term:
        """1 or 0 where the condition is known, None where it stays."""
        return {sp.true: sp.Integer(1), sp.false: sp.Integer(0)}.get(condition)


@dataclass(frozen=True)
class Range:
    """A relation that the theorem assumes, such as ``n >= 0``; for all values of `over`, if it has any."""

    holds: Term
    because: str = ""
    over: tuple[Term, ...] = ()

    def free(self) -> frozenset[Term]:
        """The symbols it speaks about, those it holds for all of aside."""
        return free_in(self.holds) - set(self.over)

    def terms(self) -> list[Term]:
        """The terms it is made of, a proposition in its bracket."""
        return [Iverson(self.holds), *self.over]

    def weaker(self) -> list[Range]:
        """The conditions that ask a little less: by one at each end."""
        return [Range(less, over=self.over) for less in _less(self.holds)]


def _less(relation: Term) -> list[Term]:
    """The propositions that ask a little less."""
    if isinstance(relation, sp.And):
        return [sp.And(*(p for p in relation.args if p != piece)) for piece in relation.args]
    if isinstance(relation, sp.Or):
        return [sp.Or(*(p for p in relation.args if p != one), less) for one in relation.args for less in _less(one)]
    if isinstance(relation, sp.Eq):
        return [sp.Ge(relation.lhs, relation.rhs), sp.Le(relation.lhs, relation.rhs)]
    if isinstance(relation, (sp.Ge, sp.Gt)):
        return [relation.func(relation.lhs, relation.rhs - 1)]
    if isinstance(relation, (sp.Le, sp.Lt)):
        return [relation.func(relation.lhs, relation.rhs + 1)]
    return []


@dataclass(frozen=True)
class Support:
    """An array is zero outside a box: one (low, high) an axis, both ends included, None where an end is open."""

    array: Term
    box: tuple[tuple[Term, Term], ...]
    because: str = ""

    def __post_init__(self) -> None:
        box = tuple(tuple(None if end is None else sp.sympify(end) for end in ends) for ends in self.box)
        object.__setattr__(self, "box", box)

    def outside(self, indices: tuple[Term, ...]) -> Term:
        """The condition that an entry lies outside the box, where it is zero."""
        ends = list(zip(indices, self.box, strict=True))
        below = [sp.Lt(index, low) for index, (low, _) in ends if low is not None]
        above = [sp.Gt(index, high) for index, (_, high) in ends if high is not None]
        return sp.Or(*below, *above)

    def free(self) -> frozenset[Term]:
        """The symbols it speaks about."""
        return frozenset().union(*(free_in(end) for ends in self.box for end in ends if end is not None))

    def terms(self) -> list[Term]:
        """The terms it is made of, an entry of the array among them."""
        ends = [end for ends in self.box for end in ends if end is not None]
        return [self.array[(0,) * len(self.box)], *ends]

    def weaker(self) -> list[Support]:
        """The supports that reach one cell further at one end of one axis."""
        boxes = []
        for axis, (low, high) in enumerate(self.box):
            for ends in ([] if low is None else [(low - 1, high)]) + ([] if high is None else [(low, high + 1)]):
                boxes.append((*self.box[:axis], ends, *self.box[axis + 1 :]))
        return [Support(self.array, box) for box in boxes]


@dataclass(frozen=True)
class Equation:
    """For all values of `over` that meet the guards, left = right: a definition, or an assumed relation."""

    left: Term
    right: Term
    over: tuple[Term, ...] = ()
    guard: tuple[Term, ...] = ()
    because: str = "definition"
    defines: bool = True

    def free(self) -> frozenset[Term]:
        """The symbols it speaks about, those it holds for all of aside."""
        return frozenset().union(*map(free_in, (self.left, self.right, *self.guard))) - set(self.over)

    def terms(self) -> list[Term]:
        """The terms it is made of, propositions in their brackets."""
        return [self.left, self.right, *self.over, *map(Iverson, self.guard)]

    def weaker(self) -> list[Equation]:
        """None: an equation is used as it stands, by name, or not at all."""
        return []


Hypothesis = Range | Support | Equation


def parts(term: Term) -> tuple[Term, ...]:
    """The direct subterms; the name of an array or function is none of them."""
    return tuple(term.args[1:]) if isinstance(term, sp.Indexed) else tuple(term.args)


@remembered
def peel(term: Term) -> tuple[Term, Term, Term, Term]:
    """(what stands under the outermost sign, its variable, low, high) of a Sum or Integral."""
    k, low, high = term.limits[-1]
    inner = term.func(term.function, *term.limits[:-1]) if len(term.limits) > 1 else term.function
    return inner, k, low, high


def walk(term: Term) -> Iterator[Term]:
    """Every subterm, a multiple sum once for each of its signs."""
    yield term
    if isinstance(term, BINDERS):
        for piece in peel(term):
            yield from walk(piece)
    elif not isinstance(term, sp.Symbol):
        for piece in parts(term):
            yield from walk(piece)


@remembered
def symbols_of(term: Term) -> frozenset[Term]:
    """The symbols that occur, bound ones included, names of arrays and functions not."""
    return frozenset(piece for piece in walk(term) if isinstance(piece, sp.Symbol))


@remembered
def bound_in(term: Term) -> frozenset[Term]:
    """The variables bound by some sum or integral inside the term."""
    return frozenset(piece.limits[-1][0] for piece in walk(term) if isinstance(piece, BINDERS))


@remembered
def free_in(term: Term) -> frozenset[Term]:
    """The symbols that occur free."""
    if isinstance(term, sp.Symbol):
        return frozenset({term})
    if isinstance(term, BINDERS):
        inner, k, low, high = peel(term)
        return (free_in(inner) - {k}) | free_in(low) | free_in(high)
    return frozenset().union(*(free_in(piece) for piece in parts(term)))


def proposition(term: Term) -> bool:
    """Whether the term is true or false rather than a number; SymPy's `is_Boolean` does not know relations."""
    return isinstance(
        term, (sp.core.relational.Relational, sp.logic.boolalg.BooleanFunction, type(sp.true), type(sp.false))
    )


def whole(term: Term) -> bool:
    """Whether the term is an integer by its form; entries of an array of integers are, a floor always is."""
    if isinstance(term, sp.Symbol) or not parts(term):
        return bool(term.is_integer)
    if isinstance(term, sp.Indexed):
        return bool(term.base.is_integer)
    if isinstance(term, sp.Sum):
        return whole(peel(term)[0])
    if isinstance(term, sp.Pow) and not (term.exp.is_Integer and term.exp >= 0):
        return False
    closed = isinstance(term, (sp.Add, sp.Mul, sp.Pow, sp.Min, sp.Max, sp.Abs, sp.Mod)) and all(map(whole, parts(term)))
    return closed or isinstance(term, (sp.floor, sp.ceiling, sp.KroneckerDelta, Iverson))


def rebased(term: Term, arrays: Mapping[Term, Term]) -> Term:
    """The term with other arrays in place of some."""
    if isinstance(term, sp.Symbol):
        return term
    if isinstance(term, BINDERS):
        inner, k, *ends = (rebased(piece, arrays) for piece in peel(term))
        return term.func(inner, (k, *ends))
    pieces = [rebased(piece, arrays) for piece in parts(term)]
    if isinstance(term, sp.Indexed) and term.base in arrays:
        return arrays[term.base][tuple(pieces)]
    return rebuilt(term, pieces)


def rebuilt(term: Term, pieces: list[Term]) -> Term:
    """The same operation on other subterms."""
    head = [term.args[0]] if isinstance(term, sp.Indexed) else []
    return term if tuple(pieces) == parts(term) else _made(term.func, *head, *pieces)


@remembered
def _made(operation: Any, *pieces: Term) -> Term:
    """What SymPy makes of an operation on some terms; to ask once is enough."""
    return operation(*pieces)


def substitute(term: Term, values: Mapping[Term, Term]) -> Term:
    """The term with free symbols replaced, all at once; RuleError where a value would be captured."""
    if isinstance(term, sp.Symbol):
        return values.get(term, term)
    if not isinstance(term, BINDERS):
        return rebuilt(term, [substitute(piece, values) for piece in parts(term)])
    inner, k, low, high = peel(term)
    used = {old: new for old, new in values.items() if old != k and old in free_in(inner)}
    if any(k in free_in(new) for new in used.values()):
        raise RuleError(f"capture: {k} is bound by a sum inside, and the new term mentions it")
    return resummed(term, substitute(inner, used) if used else inner, substitute(low, values), substitute(high, values))


def resummed(term: Term, inner: Term, low: Term, high: Term) -> Term:
    """The sum or integral of something else, from elsewhere to elsewhere."""
    old, k, *ends = peel(term)
    same = inner is old and low is ends[0] and high is ends[1]
    return term if same else term.func(inner, (k, low, high))


@remembered
def normal(term: Term, depth: int = 0) -> Term:
    """The term with bound variables renamed by depth and all products expanded: equal only if equal by algebra."""
    if isinstance(term, BINDERS):
        inner, k, low, high = peel(term)
        name = sp.Symbol(f"_{depth}", **_kind(k))
        return term.func(
            normal(substitute(inner, {k: name}), depth + 1), (name, normal(low, depth), normal(high, depth))
        )
    if isinstance(term, sp.Symbol) or not parts(term):
        return term
    done = rebuilt(term, [normal(piece, depth) for piece in parts(term)])
    if not isinstance(done, (sp.Add, sp.Mul, sp.Pow)):
        return done
    atoms: dict[Term, Term] = {}
    opaque = _hide(done, atoms)
    return sp.expand(opaque).xreplace({dummy: atom for atom, dummy in atoms.items()})


def _kind(symbol: Term) -> dict[str, bool]:
    return {"integer": True} if symbol.is_integer else {"real": True}


def _hide(term: Term, atoms: dict[Term, Term]) -> Term:
    """The term with all but + * and powers replaced by dummies, so that expanding cannot look inside."""
    if isinstance(term, (sp.Add, sp.Mul)) or (isinstance(term, sp.Pow) and term.exp.is_Integer):
        return term.func(*(_hide(piece, atoms) if piece.args else piece for piece in term.args))
    return atoms.setdefault(term, sp.Dummy(commutative=True)) if term.args else term


def head(term: Term) -> Term | None:
    """The array of an entry or the function of a value, None for any other term."""
    if isinstance(term, sp.Indexed):
        return term.base
    return term.func if isinstance(term, sp.core.function.AppliedUndef) else None


def instance(pattern: Term, term: Term, over: tuple[Term, ...]) -> dict[Term, Term] | None:
    """The values of `over` that make the entry (or function value) `pattern` the entry `term`, or None."""
    if head(pattern) is None or head(pattern) != head(term) or len(parts(pattern)) != len(parts(term)):
        return None
    blanks = {variable: sp.Dummy(variable.name, **_kind(variable)) for variable in over}
    pairs = [(substitute(p, blanks), index) for p, index in zip(parts(pattern), parts(term), strict=True)]
    found: dict[Term, Term] = {}
    for _ in over:
        for p, index in pairs:
            rest = sp.expand(substitute(p, found))
            unknown = [blank for blank in blanks.values() if blank not in found and blank in free_in(rest)]
            if len(unknown) == 1 and rest.coeff(unknown[0]) in (1, -1):
                sign = rest.coeff(unknown[0])
                found[unknown[0]] = sp.expand(sign * (index - (rest - sign * unknown[0])))
    if len(found) < len(over) or any(sp.expand(substitute(p, found) - index) != 0 for p, index in pairs):
        return None
    return {variable: found[blank] for variable, blank in blanks.items()}
