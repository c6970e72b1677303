r"""The order in which a textbook writes: weights before inputs, position before offset, ``n - k + p + s``.

Main definitions: `Printer`, which walks a term in that order and leaves the signs to its subclasses `Text` (here) and
`Latex` (in `latex`); `reason`, which prints the formulas between backticks inside a sentence.
SymPy's own printers write `X_{a+i}`, `-1 + h`, inputs before weights, and double sums on one sign.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import sympy as sp

from derive.terms import Iverson, Term, peel

INPUTS = "STXYZ"  # arrays that are written after the weights
RANKS = {"position": "ijx", "size": "nmNhwDg", "span": "klpqsrtuzdy", "offset": "abcefo"}
NUMBER = 1.5  # a number stands right behind a size: h - 1 - c


def rank(symbol: Term) -> float:
    """Where a letter stands in a sum: positions, sizes, spans, offsets."""
    return next((float(place) for place, letters in enumerate(RANKS.values()) if symbol.name[0] in letters), 2.0)


def _sum_key(term: Term, sizes: bool) -> tuple[float, str]:
    coefficient, body = term.as_coeff_Mul()
    negative = bool(coefficient.is_negative)
    if body == 1:
        return (NUMBER if sizes else 6.0, "")
    if body.has(sp.Sum, sp.Integral):
        return (9.0 - 0.1 * len(body.atoms(sp.Symbol)), str(body))
    if body.has(sp.exp):
        return (7.0, str(body))
    letters = [piece for piece in body.free_symbols if isinstance(piece, sp.Symbol)]
    if isinstance(body, sp.Symbol):
        place = rank(body)
        return (4.0 if negative and place == 0 else place, body.name)
    if body.has(sp.Indexed) or not letters:
        return (0.5, str(body))
    degree = sum(sp.degree(body, letter) for letter in letters) if body.is_polynomial(*letters) else 0
    return (max(map(rank, letters)) - 0.1 * degree, str(body))


def summands(term: Term) -> list[Term]:
    """The terms of a sum in the order of a textbook, a positive one first if there is one."""
    pieces = list(term.args)
    leading = [piece.as_coeff_Mul() for piece in pieces]
    sizes = any(c > 0 and isinstance(body, sp.Symbol) and rank(body) <= 1 for c, body in leading)
    pieces.sort(key=lambda piece: _sum_key(piece, sizes))
    first = next((piece for piece in pieces if not piece.as_coeff_Mul()[0].is_negative), pieces[0])
    pieces.remove(first)
    return [first, *pieces]


def _factor_key(term: Term) -> tuple[int, float, str]:
    base = term.base if isinstance(term, sp.Pow) else term
    if base.is_number:
        return (0, 0.0, "")
    if isinstance(base, sp.Symbol):
        return (1, rank(base), base.name)
    if isinstance(base, sp.Indexed):
        name = str(base.base)
        return (4 if name[0] in INPUTS else 3, 0.0, ("" if name[0].isupper() else " ") + name)
    if isinstance(base, (sp.KroneckerDelta, Iverson)):
        return (5, 0.0, str(base))
    if isinstance(base, (sp.Sum, sp.Integral)):
        return (6, 0.0, str(base))
    return (2, 0.0, str(base))


def factors(term: Term) -> list[Term]:
    """The factors of a product in the order of a textbook."""
    return sorted(sp.Mul.make_args(term), key=_factor_key)


def _chain(lower: Term, upper: Term) -> tuple[Term, Term, Term] | None:
    """(a, x, b) where the two relations say a <= x and x <= b, in whatever way they are written."""
    if not all(isinstance(relation, (sp.Le, sp.Ge)) for relation in (lower, upper)):
        return None
    chained = lower.gts == upper.lts
    return (lower.lts, lower.gts, upper.gts) if chained else None


class Printer:
    """Walks a term; subclasses say how each sign looks."""

    times, minus, plus = " ", " - ", " + "
    signs: ClassVar[dict[Any, str]] = {}
    functions: ClassVar[dict[Any, str]] = {}

    def show(self, term: Term) -> str:
        """The term as a string."""
        if isinstance(term, sp.Symbol):
            return self.letter(term.name)
        if isinstance(term, sp.Rational):
            return str(term) if term.q == 1 else self.fraction(str(term.p), str(term.q))
        for kind, method in self.methods().items():
            if isinstance(term, kind):
                return method(term)
        for kind, sign in self.signs.items():
            if isinstance(term, kind):
                return sign.join(self.inside(piece, sp.Or) for piece in self.ordered(term))
        for kind, name in self.functions.items():
            if isinstance(term, kind):
                return self.call(name, [self.show(piece) for piece in term.args])
        if isinstance(term, sp.core.function.AppliedUndef):
            return self.call(str(term.func), [self.show(piece) for piece in term.args])
        return self.other(term)

    def methods(self) -> dict[Any, Callable[[Term], str]]:
        """Which method prints which kind of term."""
        return {
            sp.Add: self.addition,
            sp.Mul: self.product,
            sp.Pow: self.power,
            sp.Indexed: self.entry,
            sp.Sum: self.total,
            sp.Integral: self.integral,
            sp.KroneckerDelta: self.delta,
            Iverson: lambda term: self.bracket(self.show(term.args[0])),
            sp.floor: lambda term: self.floor(self.show(term.args[0])),
            sp.ceiling: lambda term: self.ceiling(self.show(term.args[0])),
            sp.Not: lambda term: self.negation(self.show(term.args[0])),
            sp.And: self.conjunction,
            sp.Mod: lambda term: self.remainder(*(self.inside(piece, sp.Add, sp.Mul) for piece in term.args)),
        }

    def ordered(self, term: Term) -> list[Term]:
        """The sides of a relation as they stand, the members of and/or in the order of their left sides."""
        return list(term.args) if isinstance(term, sp.core.relational.Relational) else sorted(term.args, key=str)

    def conjunction(self, term: Term) -> str:
        """Propositions that hold together, two bounds of one thing as a chain: a <= x <= b."""
        pieces = sorted(self.ordered(term), key=lambda piece: isinstance(piece.args[0], sp.Symbol))
        pieces.sort(key=lambda piece: isinstance(piece, sp.Not))
        shown = []
        while pieces:
            piece = pieces.pop(0)
            chains = {other: chain for other in pieces if (chain := _chain(piece, other) or _chain(other, piece))}
            if chains:
                other, chain = next(iter(chains.items()))
                pieces.remove(other)
                shown.append(self.signs[sp.Le].join(map(self.show, chain)))
            else:
                shown.append(self.inside(piece, sp.Or))
        return self.signs[sp.And].join(shown)

    def inside(self, term: Term, *kinds: Any) -> str:
        """The term, in parentheses if it is of one of the kinds."""
        shown = self.show(term)
        return self.parentheses(shown) if isinstance(term, kinds) else shown

    def addition(self, term: Term) -> str:
        """A sum of terms, with minus signs where they belong."""
        pieces = summands(term)
        shown = self.show(pieces[0])
        for piece in pieces[1:]:
            negative = bool(piece.as_coeff_Mul()[0].is_negative)
            shown += (self.minus if negative else self.plus) + self.inside(-piece if negative else piece, sp.Add)
        return shown

    def product(self, term: Term) -> str:
        """A product, as a fraction where something divides."""
        if term.as_coeff_Mul()[0].is_negative:
            return "-" + self.inside(-term, sp.Add)
        above, below = sp.fraction(term, exact=True) if term.has(sp.exp) else term.as_numer_denom()
        if below != 1:
            return self.fraction(self.show(above), self.show(below))
        pieces = factors(term)
        shown = [self.inside(piece, sp.Add, sp.Sum, sp.Integral) for piece in pieces[:-1]]
        return self.times.join([*shown, self.inside(pieces[-1], sp.Add)])

    def entry(self, term: Term) -> str:
        """An array entry."""
        return self.indexed(str(term.base), [self.show(index) for index in term.indices])

    def power(self, term: Term) -> str:
        """A power, or one over it."""
        base, exponent = term.args
        if exponent == -1:
            return self.fraction("1", self.show(base))
        simple = isinstance(base, (sp.Symbol, sp.Indexed)) or (base.is_Integer and base >= 0)
        return self.raised(self.show(base) if simple else self.parentheses(self.show(base)), self.show(exponent))

    def total(self, term: Term) -> str:
        """A sum, sign by sign from the outermost."""
        inner, k, low, high = peel(term)
        return self.sigma(self.show(k), self.show(low), self.show(high)) + self.inside(inner, sp.Add)

    def integral(self, term: Term) -> str:
        """An integral."""
        inner, k, low, high = peel(term)
        return self.integral_sign(self.show(low), self.show(high), self.inside(inner, sp.Add), self.show(k))

    def delta(self, term: Term) -> str:
        """A Kronecker delta, its simpler index last."""
        one, other = (self.show(piece) for piece in term.args)
        return self.kronecker(*sorted((one, other), key=len, reverse=True))

    def other(self, term: Term) -> str:
        """Whatever has no rule here, such as what is always true."""
        return str(term).lower() if term in (sp.true, sp.false) else str(term)

    # How things look in plain text; `Latex` says otherwise.

    def letter(self, name: str) -> str:
        """A symbol."""
        return name

    def parentheses(self, shown: str) -> str:
        """Something in parentheses."""
        return f"({shown})"

    def fraction(self, above: str, below: str) -> str:
        """A quotient."""
        above, below = (f"({side})" if re.search(r"[ +]|.-", side) else side for side in (above, below))
        return f"{above}/{below}"

    def raised(self, base: str, exponent: str) -> str:
        """A power."""
        return f"{base}^{exponent}" if exponent.isalnum() else f"{base}^({exponent})"

    def indexed(self, array: str, indices: list[str]) -> str:
        """An array entry."""
        return f"{array}[{', '.join(indices)}]"

    def sigma(self, k: str, low: str, high: str) -> str:
        """The sign of a sum, with what follows it."""
        return f"sum[{k} = {low} .. {high}] "

    def integral_sign(self, low: str, high: str, body: str, k: str) -> str:
        """An integral."""
        return f"integral[{k} = {low} .. {high}] {body}"

    def kronecker(self, one: str, other: str) -> str:
        """A Kronecker delta."""
        return f"delta({one}, {other})"

    def bracket(self, condition: str) -> str:
        """1 where the condition holds."""
        return f"[{condition}]"

    def floor(self, shown: str) -> str:
        """A floor."""
        return f"floor({shown})"

    def ceiling(self, shown: str) -> str:
        """A ceiling."""
        return f"ceil({shown})"

    def negation(self, shown: str) -> str:
        """A negation."""
        return f"not ({shown})"

    def remainder(self, above: str, below: str) -> str:
        """The remainder of a division."""
        return f"{above} mod {below}"

    def call(self, name: str, arguments: list[str]) -> str:
        """A function."""
        return f"{name}({', '.join(arguments)})"


class Text(Printer):
    """Plain text."""

    signs: ClassVar = {
        sp.Eq: " = ",
        sp.Ne: " != ",
        sp.Le: " <= ",
        sp.Lt: " < ",
        sp.Ge: " >= ",
        sp.Gt: " > ",
        sp.And: " and ",
        sp.Or: " or ",
        sp.Implies: " => ",
        sp.Equivalent: " <=> ",
    }
    functions: ClassVar = {sp.Min: "min", sp.Max: "max", sp.Abs: "abs", sp.exp: "exp"}


def joined(relations: Sequence[Term], show: Callable[[Term], str], at_most: str) -> list[str]:
    """Relations one by one, a lower and an upper bound of the same thing as one chain.

    >>> i, n = sp.symbols("i n", integer=True)
    >>> joined([sp.Ge(i, 0), sp.Le(i, n - 1), sp.Ge(n, 2)], plain, " <= ")
    ['0 <= i <= n - 1', 'n >= 2']
    """
    shown, rest = [], list(relations)
    while rest:
        one, *rest = rest
        if isinstance(one, sp.Ge) and rest and isinstance(rest[0], sp.Le) and rest[0].lhs == one.lhs:
            shown.append(at_most.join(show(side) for side in (one.rhs, one.lhs, rest.pop(0).rhs)))
        else:
            shown.append(show(one))
    return shown


def plain(term: Term) -> str:
    """A term in plain text.

    >>> i, a, h, c = sp.symbols("i a h c", integer=True)
    >>> X, V = sp.IndexedBase("X"), sp.IndexedBase("V")
    >>> plain(X[i + a] * V[a]), plain(h - 1 - c), plain(i - (h - 1) + c)
    ('V[a] X[i + a]', 'h - 1 - c', 'i - h + 1 + c')
    """
    return Text().show(term)


def heading(step: Any, chain: str, formula: Callable[[Term], str]) -> str:
    """What a chain inside an induction shows: the start, or the way from m to m + 1."""
    m, start = (dict(step.arguments)[name] for name in ("m", "start"))
    if chain == "first":
        return f"for {formula(sp.Eq(m, start, evaluate=False))}"
    return f"for {formula(m + 1)}, if it is so for {formula(m)}"


def reason(sentence: str, formula: Callable[[str], str], words: Callable[[str], str] = str) -> str:
    """A sentence with the formulas between its backticks printed by `formula`, and the rest by `words`."""
    return "".join(formula(piece) if place % 2 else words(piece) for place, piece in enumerate(sentence.split("`")))
