"""Open sizes: a dimension that is still a name, and the arithmetic on it.

A `Size` is a polynomial with integer coefficients over atoms: names (`N`, `H`), floors of a size by a number, minima.
The formulas of `formulas.py` run on it as they run on ints, so a network's shapes stay open as long as the arithmetic
allows. Nested floors collapse, by floor((floor(x/m) + a)/b) = floor((x + a m)/(m b)), and an open size whose terms
cancel is an int again. Names stand for sizes >= 1.

Main definitions: `Open`, `Size`, `name`, `evaluate`, `can_be`, `can_equal`.   Laws: tests/book/test_03_open_sizes.py.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from math import gcd
from typing import Any, TypeAlias

from shapecheck.size_text import NOTHING, Known, atom_text, lowest, primitive, text, turn, without

Atom: TypeAlias = "str | Floor | Minimum"
Monomial: TypeAlias = "tuple[Atom, ...]"
Dim: TypeAlias = "int | Size"
Shape: TypeAlias = "tuple[Dim, ...]"

NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
HEAVIEST = 200  # what is made of more parts is not made larger by a maximum


class Floor:
    """The floor of an open size by a positive number or open size: an atom."""

    __slots__ = ("_hash", "_text", "den", "num", "weight")

    def __init__(self, num: Dim, den: Dim) -> None:
        self.num = num
        self.den = den
        self.weight = 1 + weight(num) + weight(den)
        self._hash = hash((Floor, num, den))
        self._text: str | None = None  # made once: products are sorted by it

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Floor) and self.num == other.num and self.den == other.den

    def __hash__(self) -> int:
        return self._hash

    def __str__(self) -> str:
        if self._text is None:
            self._text = atom_text(self)
        return self._text

    def value(self, sizes: Mapping[str, Dim]) -> Dim:
        """The floor with sizes put in for names."""
        return evaluate(self.num, sizes) // evaluate(self.den, sizes)


class Minimum:
    """The smaller of two open sizes: an atom."""

    __slots__ = ("_hash", "_text", "a", "b", "weight")

    def __init__(self, a: Dim, b: Dim) -> None:
        self.weight = 1 + weight(a) + weight(b)
        self.a, self.b = sorted((a, b), key=str)
        self._hash = hash((Minimum, self.a, self.b))
        self._text: str | None = None

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Minimum) and self.a == other.a and self.b == other.b

    def __hash__(self) -> int:
        return self._hash

    def __str__(self) -> str:
        if self._text is None:
            self._text = atom_text(self)
        return self._text

    def value(self, sizes: Mapping[str, Dim]) -> Dim:
        """The smaller, with sizes put in for names."""
        return _minimum(evaluate(self.a, sizes), evaluate(self.b, sizes))


class Open:
    """What stands for a size and is no plain int: a `Size`, or a number that remembers its formula."""

    __slots__ = ()


class Size(Open):
    """An open size: a polynomial over names, floors and minima, in canonical form; equal means equal terms."""

    __slots__ = ("_hash", "terms")

    def __init__(self, terms: dict[Monomial, int]) -> None:
        self.terms = terms
        self._hash: int | None = None

    # arithmetic ------------------------------------------------------------------------------------------------------

    def __add__(self, other: Dim) -> Dim:
        terms = dict(self.terms)
        for monomial, factor in _terms(other):
            terms[monomial] = terms.get(monomial, 0) + factor
        return _size(terms)

    __radd__ = __add__

    def __neg__(self) -> Dim:
        return Size({monomial: -factor for monomial, factor in self.terms.items()})

    def __sub__(self, other: Dim) -> Dim:
        return self + -other

    def __rsub__(self, other: Dim) -> Dim:
        return -self + other

    def __mul__(self, other: Dim) -> Dim:
        if type(other) is int:
            if other == 0:
                return 0
            return Size({monomial: factor * other for monomial, factor in self.terms.items()})
        terms: dict[Monomial, int] = {}
        for one, a in self.terms.items():
            for two, b in _terms(other):
                key = tuple(sorted(one + two, key=_order))
                terms[key] = terms.get(key, 0) + a * b
        return _size(terms)

    __rmul__ = __mul__

    def __floordiv__(self, other: Dim) -> Dim:
        return floor_div(self, other)

    def __rfloordiv__(self, other: Dim) -> Dim:
        return floor_div(other, self)

    def __mod__(self, other: Dim) -> Dim:
        return self - self // other * other

    def __rmod__(self, other: Dim) -> Dim:
        return other - other // self * self

    def minimum_with(self, other: Dim) -> Dim:
        """The smaller of the two; `formulas.minimum` asks for it."""
        return _minimum(self, other)

    # comparison ------------------------------------------------------------------------------------------------------

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Size) and self.terms == other.terms

    def __hash__(self) -> int:
        if self._hash is None:
            self._hash = hash(frozenset(self.terms.items()))
        return self._hash

    def __le__(self, other: Dim) -> bool:
        return can_be(other - self)

    def __lt__(self, other: Dim) -> bool:
        return can_be(other - self - 1)

    def __ge__(self, other: Dim) -> bool:
        return can_be(self - other)

    def __gt__(self, other: Dim) -> bool:
        return can_be(self - other - 1)

    def __bool__(self) -> bool:
        return True

    # reading ---------------------------------------------------------------------------------------------------------

    def names(self) -> set[str]:
        """The names left open."""
        found: set[str] = set()
        for monomial in self.terms:
            for atom in monomial:
                parts = (atom,) if isinstance(atom, str) else _parts(atom)
                for part in parts:
                    found |= {part} if isinstance(part, str) else part.names() if isinstance(part, Size) else set()
        return found

    def __str__(self) -> str:
        return text(self.terms)

    def __repr__(self) -> str:
        return f"<Size {self}>"

    def __reduce__(self) -> tuple[Any, ...]:
        return (_size, (self.terms,))


def name(text: str) -> Size:
    """The open size of that name.

    >>> str((name("H") + 4) // 3), str((name("H") + 6 - 7 + 2) // 2)
    ('floor((H+4)/3)', 'ceil(H/2)')
    """
    return Size({(text,): 1})


def evaluate(dim: Dim, sizes: Mapping[str, Dim]) -> Dim:
    """The size with numbers (or sizes) put in for names.

    >>> evaluate((name("H") + 1) // 2, {"H": 224})
    112
    """
    if isinstance(dim, int):
        return dim
    total: Dim = 0
    for monomial, factor in dim.terms.items():
        product: Dim = factor
        for atom in monomial:
            product = product * (sizes.get(atom, name(atom)) if isinstance(atom, str) else atom.value(sizes))
        total = total + product
    return total


def simplest(dim: Dim, known: Known = NOTHING, number: Callable[[int], str] = str) -> str:
    """The size in its simplest form, where `known[name] = (m, r)` says that the name stands for m times something + r.

    >>> h = name("H"); simplest(h // 2), simplest(h // 2, {"H": (2, 0)}), simplest((h + 31) // 32, {"H": (16, 0)})
    ('floor(H/2)', 'H/2', 'ceil(H/32)')
    """
    if isinstance(dim, int) or not known:
        return text(dim.terms, number=number) if isinstance(dim, Size) else number(dim)
    shares = evaluate(dim, {word: modulus * name(word) + residue for word, (modulus, residue) in known.items()})
    return text(shares.terms, known, number) if isinstance(shares, Size) else number(shares)


def congruences(zeros: Iterable[Dim]) -> dict[str, tuple[int, int]]:
    """What is known of names where these formulas are 0: name -> (m, r), it is r more than a multiple of m.

    >>> h = name("H"); congruences([h % 16, name("W") % 4 - 1, h % 6 * (h % 5)])
    {'H': (16, 0), 'W': (4, 1)}
    """
    known: dict[str, tuple[int, int]] = {}
    for zero in zeros:
        found = turn(zero.terms) if isinstance(zero, Size) else None
        if found is None or found[1][0] != found[1][-1]:
            continue
        word, values = found
        places = [n for n, value in enumerate(values[:-1], 1) if value == 0]
        modulus = (len(values) - 1) // max(len(places), 1)
        regular = len(places) * modulus == len(values) - 1 and {n % modulus for n in places} == {places[0] % modulus}
        if regular and modulus > known.get(word, (1, 0))[0]:
            known[word] = modulus, places[0] % modulus
    return known


def floor_div(a: Dim, b: Dim) -> Dim:
    """The quotient rounded down, nested floors collapsed and whole parts taken out.

    >>> h = name("H"); str((h // 2 + 1) // 3), (4 * h + 6) // 2 == 2 * h + 3
    ('floor((H+2)/6)', True)
    """
    if isinstance(a, int) and isinstance(b, int):
        return a // b
    if not isinstance(b, int):
        return _open_quotient(a, b)
    if b == 0:
        raise ZeroDivisionError("an open size divided by 0")
    if b < 0:
        a, b = -a, -b
    if b == 1 or isinstance(a, int):
        return a // b if isinstance(a, int) else a
    whole, rest = _split(a, b)
    if isinstance(rest, int):
        return whole + rest // b
    rest, b = _reduced(rest, b)
    nested = _single_floor(rest)
    if nested is not None and isinstance(nested[1], int):
        return whole + floor_div(nested[0], nested[1] * b)
    return whole + Size({(Floor(rest, b),): 1})


def can_be(size: Dim) -> bool:
    """Whether the size is >= 0 for some sizes >= 1 of its names, as far as bounds can tell."""
    upper = bounds(size)[1]
    return upper is None or upper >= 0


def can_equal(a: Dim, b: Dim) -> bool:
    """Whether the two can be equal for some sizes of the names, as far as bounds can tell; for ints, whether they are.

    >>> can_equal(3, 3), can_equal(name("C"), 3), can_equal(name("C"), 0), can_equal(2 * name("C"), 3)
    (True, True, False, False)
    """
    if isinstance(a, int) and isinstance(b, int):
        return a == b
    difference = a - b
    if isinstance(difference, int):
        return difference == 0
    low, high = bounds(difference)
    if (low is not None and low > 0) or (high is not None and high < 0):
        return False
    constant = difference.terms.get((), 0)
    divisor = _common_divisor(factor for monomial, factor in difference.terms.items() if monomial)
    return constant % divisor == 0


def larger(a: Dim, b: Dim) -> Dim:
    """The larger of two sizes: what broadcasting makes of them, where it takes them.

    Where the formula would grow out of hand the simpler one, which is as good but where the other is 1.

    >>> h = name("H"); print(larger(h, 2 * (h // 2)), larger(h, name("W")))
    H max(H, W)
    """
    if weight(a) + weight(b) > HEAVIEST:
        return simpler(a, b)
    return a + b - (min(a, b) if isinstance(a, int) and isinstance(b, int) else _minimum(a, b))


def simpler(a: Dim, b: Dim) -> Dim:
    """Of two sizes that must be equal the one that is said in fewer words: a number, else the shorter text.

    >>> h = name("H"); print(simpler(2 * (h // 2), h), simpler(h, 224))
    H 224
    """
    if isinstance(a, int) or isinstance(b, int):
        return a if isinstance(a, int) else b
    return min(a, b, key=lambda size: (len(size.terms), weight(size)))


def weight(dim: Dim) -> int:
    """How many names, numbers and floors the size is made of: what it costs to read.

    >>> h = name("H"); print(weight(7), weight(h), weight(h // 2 + 3))
    0 1 3
    """
    if isinstance(dim, int):
        return 0
    return sum([1 if isinstance(atom, str) else atom.weight for monomial in dim.terms for atom in monomial or ("",)])


def bounds(dim: Dim) -> tuple[int | None, int | None]:
    """The least and greatest value over all sizes >= 1 of the names, where bounds can tell (None: without end)."""
    if isinstance(dim, int):
        return dim, dim
    low: int | None = 0
    high: int | None = 0
    for monomial, factor in dim.terms.items():
        least, most = _monomial_bounds(monomial)
        ends = (least, most) if factor > 0 else (most, least)
        low = None if low is None or ends[0] is None else low + factor * ends[0]
        high = None if high is None or ends[1] is None else high + factor * ends[1]
    return low, high


# the workings --------------------------------------------------------------------------------------------------------


def _size(terms: dict[Monomial, int]) -> Dim:
    kept = {monomial: factor for monomial, factor in terms.items() if factor}
    if not kept:
        return 0
    if len(kept) == 1 and () in kept:
        return kept[()]
    return Size(kept)


def _terms(dim: Dim) -> Iterable[tuple[Monomial, int]]:
    return dim.terms.items() if isinstance(dim, Size) else (((), int(dim)),)


def _parts(atom: Floor | Minimum) -> tuple[Dim, Dim]:
    return (atom.num, atom.den) if isinstance(atom, Floor) else (atom.a, atom.b)


def _minimum(a: Dim, b: Dim) -> Dim:
    difference = _numerators(a, b) or b - a
    low, high = bounds(difference)
    if low is not None and low >= 0:
        return a
    if high is not None and high <= 0:
        return b
    if isinstance(difference, Size):
        low = lowest(difference.terms)
        if low is not None and low >= 0:
            return a
        low = lowest({monomial: -factor for monomial, factor in difference.terms.items()})
        if low is not None and low >= 0:
            return b
    return Size({(Minimum(a, b),): 1})


def _numerators(a: Dim, b: Dim) -> Dim | None:
    """The difference of what stands under two floors by one number: it has the sign of the floors' difference."""
    one, two = _single_floor(a), _single_floor(b)
    return two[0] - one[0] if one and two and one[1] == two[1] else None


def _order(atom: Atom) -> tuple[int, str]:
    return (0, atom) if isinstance(atom, str) else (1, str(atom))


def _split(a: Size, b: int) -> tuple[Dim, Dim]:
    """a as b * whole + rest, the rest's factors in 0..b-1."""
    whole = _size({monomial: factor // b for monomial, factor in a.terms.items()})
    rest = _size({monomial: factor % b for monomial, factor in a.terms.items()})
    return whole, rest


def _reduced(rest: Size, b: int) -> tuple[Size, int]:
    """The quotient without a common factor g: floor((g y + c)/(g b)) = floor((y + floor(c/g))/b)."""
    common = gcd(b, *(factor for monomial, factor in rest.terms.items() if monomial))
    if common == 1:
        return rest, b
    terms = {monomial: factor // common for monomial, factor in rest.terms.items()}
    return Size({monomial: factor for monomial, factor in terms.items() if factor}), b // common


def _open_quotient(a: Dim, b: Size) -> Dim:
    """floor(a/b) for an open divisor: what both have in common is cancelled, sizes being no zeros."""
    if isinstance(a, int):
        return Size({(Floor(a, b),): 1}) if a else 0
    (top, above, rest), (bottom, below, other) = primitive(a.terms), primitive(b.terms)
    if rest == other:
        rest = other = {(): 1}
    number, shared = gcd(top, bottom) * (1 if bottom > 0 else -1), Counter(above) & Counter(below)
    numerator = _size({without(above, shared): top // number}) * _size(rest)
    divisor = _size({without(below, shared): bottom // number}) * _size(other)
    if isinstance(divisor, int):
        return floor_div(numerator, divisor)
    return Size({(Floor(numerator, divisor),): 1})


def _single_floor(size: Dim) -> tuple[Dim, Dim] | None:
    """(num, den) where the size has one floor, the rest put under it: floor(x/m) + c = floor((x + c m)/m)."""
    if not isinstance(size, Size):
        return None
    floors = [monomial for monomial in size.terms if any(not isinstance(atom, str) for atom in monomial)]
    if len(floors) != 1 or len(floors[0]) != 1 or size.terms[floors[0]] != 1:
        return None
    atom = floors[0][0]
    if not isinstance(atom, Floor):
        return None
    rest = _size({monomial: factor for monomial, factor in size.terms.items() if monomial != floors[0]})
    return atom.num + atom.den * rest, atom.den


def _monomial_bounds(monomial: Monomial) -> tuple[int | None, int | None]:
    low: int | None = 1
    high: int | None = 1
    for atom in monomial:
        least, most = (1, None) if isinstance(atom, str) else _atom_bounds(atom)
        if low is None or least is None or least < 0 or low < 0:
            return None, None
        low = low * least
        high = None if high is None or most is None else high * most
    return low, high


def _atom_bounds(atom: Floor | Minimum) -> tuple[int | None, int | None]:
    if isinstance(atom, Minimum):
        (a, x), (b, y) = bounds(atom.a), bounds(atom.b)
        tops = [top for top in (x, y) if top is not None]
        return None if a is None or b is None else min(a, b), min(tops) if tops else None
    low, high = bounds(atom.num)
    if isinstance(atom.den, int):
        return None if low is None else low // atom.den, None if high is None else high // atom.den
    den_low = bounds(atom.den)[0]
    if low is not None and low >= 0 and den_low is not None and den_low >= 1:
        return 0, None if high is None else high // den_low
    return None, None


def _common_divisor(factors: Iterable[int]) -> int:
    return gcd(*factors)


def parse(text: str, read: Callable[[str], Dim] = name) -> Dim:
    """The open size of a name, as a spec or a call writes it; ValueError for anything else."""
    if not NAME.fullmatch(text):
        raise ValueError(f"{text!r} is not a name of a size")
    return read(text)
