r"""Facts as SMT-LIB 2 text: what the book claims of integers, written so that any prover can read it.

Main definitions: `script` (premises and a goal -> text that is unsatisfiable exactly if the goal follows), `Untold`.
This is a second translation of the terms of `derive.terms`, on purpose: it shares nothing with `derive.smt`, not even
SymPy's fractions. A number is a pair (above, below) of integer expressions. There is no division in the text: the floor
of x / y is a new letter q with y q <= x < y q + y for y > 0, and the other way round for y < 0; for y = 0 nothing is
said of q. A ceiling has y q - y < x <= y q. An array of integers is an unknown function, a sum of integers an unknown.
References: Barrett, Fontaine, Tinelli, "The SMT-LIB Standard", version 2.6.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

import sympy as sp

from derive.terms import Iverson, Term, normal, proposition, whole

Pair: TypeAlias = tuple[str, str]  # above, below

ONE = "1"


class Untold(ValueError):
    """A term that is no arithmetic of integers: an array that may hold anything, a real number."""


def script(premises: Sequence[Term], goal: Term, *, lemmas: int = 0) -> str:
    """The text that says: the premises hold and the goal does not. Untold where that is no integer arithmetic.

    Lemmas say nothing new, but help provers: 1 adds what is true of two multiples of a divisor y > 0, a < b gives
    a y + y <= b y; 2 adds to that the products of what defines a quotient with whatever else is multiplied.

    >>> n = sp.Symbol("n", integer=True)
    >>> print(script([sp.Ge(n, 1)], sp.Le(sp.floor(n / 2), n)))
    (set-logic QF_NIA)
    (declare-const |n| Int)
    (declare-const |quotient 0| Int)
    (assert (and (<= (* 2 |quotient 0|) |n|) (< |n| (+ (* 2 |quotient 0|) 2))))
    (assert (>= |n| 1))
    (assert (not (<= |quotient 0| |n|)))
    (check-sat)
    """
    writer = _Writer()
    said = [f"(assert {writer.truth(premise)})" for premise in premises]
    said.append(f"(assert (not {writer.truth(goal)}))")
    known = [*writer.definitions, *(writer.steps() if lemmas else []), *(writer.products() if lemmas > 1 else [])]
    letters = [f"(declare-const {letter} Int)" for letter in (*writer.letters, *writer.quotients.values())]
    letters += [f"(declare-fun {name} ({'Int ' * axes}) Int)" for name, axes in writer.arrays.items()]
    logic = "QF_UFNIA" if writer.arrays else "QF_NIA"
    lines = [f"(set-logic {logic})", *letters, *(f"(assert {line})" for line in known), *said, "(check-sat)"]
    return "\n".join(lines)


class _Writer:
    """Writes terms, and keeps the letters and quotients met on the way."""

    def __init__(self) -> None:
        self.letters: dict[str, None] = {}
        self.arrays: dict[str, int] = {}  # of integers, and how many axes they have
        self.quotients: dict[tuple[str, str, bool], str] = {}
        self.definitions: list[str] = []
        self.factors: dict[str, None] = {}  # what is multiplied by something

    def truth(self, term: Term) -> str:
        """A proposition."""
        if term in (sp.true, sp.false):
            return "true" if term == sp.true else "false"
        for kind, sign in _CONNECTIVES.items():
            if isinstance(term, kind):
                return f"({sign} {' '.join(map(self.truth, term.args))})"
        for kind, sign in _RELATIONS.items():
            if isinstance(term, kind):
                return f"({sign} {' '.join(map(self._side, term.args))})"
        if isinstance(term, sp.Ne):
            return f"(not (= {' '.join(map(self.whole, term.args))}))"
        raise Untold(f"no proposition about integers: {term}")

    def _side(self, term: Term) -> str:
        """A side of a relation."""
        side = self.whole(term)
        self.factors.setdefault(side)
        return side

    def whole(self, term: Term) -> str:
        """An integer; Untold for a fraction."""
        above, below = self.pair(term)
        if below != ONE:
            raise Untold(f"a fraction: {term}")
        return above

    def pair(self, term: Term) -> Pair:
        """A number, above and below the bar."""
        if proposition(term):
            raise Untold(f"a proposition in a number's place: {term}")
        if isinstance(term, sp.Rational):
            return _numeral(int(term.p)), _numeral(int(term.q))
        if isinstance(term, sp.Symbol):
            return self._letter(term), ONE
        if isinstance(term, sp.Add):
            return self._added([self.pair(piece) for piece in term.args])
        if isinstance(term, sp.Mul):
            return self._multiplied([self.pair(piece) for piece in term.args])
        if isinstance(term, sp.Pow) and term.exp.is_Integer and term.exp != 0:
            above, below = self._multiplied([self.pair(term.base)] * abs(int(term.exp)))
            return (above, below) if term.exp > 0 else (below, above)
        if isinstance(term, (sp.floor, sp.ceiling)):
            return self._rounded(term), ONE
        if isinstance(term, sp.Mod):
            x, y = map(self.whole, term.args)
            return f"(- {x} {self._times(y, self._quotient(x, y))})", ONE
        if isinstance(term, sp.Indexed) and term.base.is_integer:  # nothing is known but that entries are integers
            self.arrays[f"|{term.base}|"] = len(term.indices)
            return f"(|{term.base}| {' '.join(map(self.whole, term.indices))})", ONE
        if isinstance(term, sp.Sum) and whole(term):  # some integer
            self.letters.setdefault(f"|{normal(term)}|")
            return f"|{normal(term)}|", ONE
        return self._chosen(term), ONE

    def _chosen(self, term: Term) -> str:
        """A number by cases."""
        if isinstance(term, Iverson):
            return f"(ite {self.truth(term.args[0])} 1 0)"
        if not isinstance(term, (sp.KroneckerDelta, sp.Abs, sp.Min, sp.Max)):
            raise Untold(f"no arithmetic of integers: {type(term).__name__}")
        best, *others = map(self.whole, term.args)
        if isinstance(term, sp.KroneckerDelta):
            return f"(ite (= {best} {others[0]}) 1 0)"
        if isinstance(term, sp.Abs):
            return f"(ite (>= {best} 0) {best} (- {best}))"
        for other in others:
            self.factors |= dict.fromkeys((best, other))
            best = f"(ite ({'<=' if isinstance(term, sp.Min) else '>='} {best} {other}) {best} {other})"
        return best

    def _letter(self, symbol: Term) -> str:
        if not symbol.is_integer:
            raise Untold(f"a real number: {symbol}")
        self.letters.setdefault(f"|{symbol.name}|")
        return f"|{symbol.name}|"

    def _added(self, pairs: list[Pair]) -> Pair:
        bars = list(dict.fromkeys(below for _, below in pairs))
        below = self._product([bar for bar in bars if bar != ONE])
        over = [self._product([above, *(bar for bar in bars if bar not in (ONE, own))]) for above, own in pairs]
        return f"(+ {' '.join(over)})", below

    def _multiplied(self, pairs: list[Pair]) -> Pair:
        return self._product([above for above, _ in pairs]), self._product([below for _, below in pairs])

    def _product(self, numbers: list[str]) -> str:
        """The product, the number one left out."""
        rest = [number for number in numbers if number != ONE]
        if not rest:
            return ONE
        result = rest[-1]
        for number in reversed(rest[:-1]):
            result = self._times(number, result)
        return result

    def _times(self, x: str, y: str) -> str:
        self.factors.setdefault(x)
        self.factors.setdefault(y)
        return f"(* {x} {y})"

    def _rounded(self, term: Term) -> str:
        """A floor; a ceiling is minus the floor of minus."""
        above, below = self.pair(term.args[0])
        if below == ONE:
            return above
        return self._quotient(above, below, up=isinstance(term, sp.ceiling))

    def _quotient(self, x: str, y: str, *, up: bool = False) -> str:
        """A letter for x / y rounded down, or up, and what defines it."""
        if (x, y, up) not in self.quotients:
            q = self.quotients.setdefault((x, y, up), f"|quotient {len(self.quotients)}|")
            step = "-" if up else "+"  # to the multiple of y on the other side of x
            for sign, near, far in ((">", "<=", "<"), ("<", ">=", ">")):
                if up:
                    near, far = (bound.translate(_TURNED) for bound in (near, far))
                between = f"(and ({near} (* {y} {q}) {x}) ({far} {x} ({step} (* {y} {q}) {y})))"
                if not y.isdigit():
                    self.definitions.append(f"(=> ({sign} {y} 0) {between})")
                elif sign == ">":
                    self.definitions.append(between)
        return self.quotients[x, y, up]

    def steps(self) -> list[str]:
        """For each divisor y > 0, of two numbers that are multiplied by it or quotients by it: a < b gives the rest."""
        found: dict[str, None] = {}
        for (_, y, _), q in self.quotients.items():
            own = [other for (_, below, _), other in self.quotients.items() if below == y]
            for other in (*own, *self.factors, *self.letters):
                if other not in (q, y) and not other.isdigit():
                    for low, high in ((q, other), (other, q)):
                        step = f"(<= (+ (* {low} {y}) {y}) (* {high} {y}))"
                        found.setdefault(f"(=> (and (> {y} 0) (< {low} {high})) {step})")
        return list(found)

    def products(self) -> list[str]:
        """For each quotient by y and each divisor or letter z that is multiplied: z times what is at least 0 is so."""
        found: list[str] = []
        letters = [factor for factor in self.factors if factor in self.letters]
        for (x, y, up), q in self.quotients.items():
            rest = f"(- (* {y} {q}) {x})" if up else f"(- {x} (* {y} {q}))"
            for z in dict.fromkeys([*(below for _, below, _ in self.quotients), *letters]):
                if z != y and not z.isdigit():
                    ends = f"(and (>= (* {z} {rest}) 0) (>= (* {z} (- {y} {rest} 1)) 0))"
                    found.append(f"(=> (and (> {y} 0) (> {z} 0)) {ends})")
        return found


def _numeral(value: int) -> str:
    return str(value) if value >= 0 else f"(- {-value})"


_TURNED = str.maketrans("<>", "><")
_CONNECTIVES: dict[Any, str] = {sp.And: "and", sp.Or: "or", sp.Not: "not", sp.Implies: "=>", sp.Equivalent: "="}
_RELATIONS: dict[Any, str] = {sp.Eq: "=", sp.Le: "<=", sp.Lt: "<", sp.Ge: ">=", sp.Gt: ">"}
