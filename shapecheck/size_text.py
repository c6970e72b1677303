"""Open sizes as people read them: the simplest true form of a polynomial over names, floors and minima.

What is found, each by an exact argument:

- products: a polynomial whose table of coefficients (this size's terms down, the others' across) has rank 1 is the
  product of a row and a column, so multiply-adds are shown as they were multiplied, not term by term;
- one floor for several: a sum of floors of one size n has f(n + L) = f(n) + c for a period L; where all of
  f(1) .. f(L) are floor((P n + b)/Q) for one b, all values are: `floor(H/2) + ceil(H/2)` is `H`;
- quotients without a floor where a congruence of the name is known: `H/2` where 2 divides H.

Main definition: `text`. The sizes themselves are `sizes.Size`; here they are their terms, so that nothing is imported.
Notation: a monomial is a tuple of atoms; `known[name] = (m, r)` says that the atom `name` stands for (name - r)/m.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from fractions import Fraction
from math import gcd, lcm
from typing import Any, TypeAlias

Monomial: TypeAlias = "tuple[Any, ...]"
Terms: TypeAlias = "dict[Monomial, int]"
Known: TypeAlias = "Mapping[str, tuple[int, int]]"
Number: TypeAlias = "Callable[[int], str]"

LONGEST_PERIOD = 4096  # so many values of a sum of floors are looked at
NOTHING: Known = {}


def text(terms: Terms, known: Known = NOTHING, number: Number = str) -> str:
    """The size as a formula; `number` writes the factors of its terms, those inside a product's sums stay exact.

    >>> from shapecheck.sizes import name
    >>> H, W, N = name("H"), name("W"), name("N")
    >>> print((H // 2 - 4) * (W // 2 - 4) * 16 * N, (H + 1) // 2 + H // 2, 3 * H // 2)
    16*N*floor((H-8)/2)*floor((W-8)/2) H floor(3*H/2)
    """
    greater = _greater(terms, known)
    if greater is not None:
        return greater
    factor, common, factors = factored(terms)
    if common or len(factors) != 1 or _as_one(factors[0]) is not None or _linear(factors[0], known) is not None:
        return _product(factor, common, factors, known, number)
    whole, under = _sum(terms, known, number), _under(terms)
    return whole if under is None else min(whole, _floor(*under, known), key=len)


def _under(terms: Terms) -> tuple[Any, int] | None:
    """(num, den) of the floor that a sum is with all but its one floor put under it; None where it has more or none."""
    floors = [monomial for monomial in terms if len(monomial) == 1 and hasattr(monomial[0], "den")]
    if len(floors) != 1 or terms[floors[0]] != 1 or not isinstance(floors[0][0].den, int):
        return None
    num, den = floors[0][0].num, floors[0][0].den
    for monomial, factor in terms.items():
        if monomial != floors[0]:
            num = num + type(num)({monomial: factor * den})
    return num, den


def _greater(terms: Terms, known: Known) -> str | None:
    """max(a, b) where the terms are a + b - min(a, b); else None."""
    for monomial, factor in terms.items():
        if factor == -1 and len(monomial) == 1 and hasattr(monomial[0], "a"):
            a, b = monomial[0].a, monomial[0].b
            rest = {key: value for key, value in terms.items() if key != monomial}
            if rest == (dict((a + b).terms) if hasattr(a + b, "terms") else {(): a + b}):
                return f"max({_dim(a, known)}, {_dim(b, known)})"
    return None


# Products ------------------------------------------------------------------------------------------------------------


def factored(terms: Terms) -> tuple[int, Monomial, list[Terms]]:
    """A number, atoms and polynomials of more than one term whose product the terms are."""
    factor, common, rest = primitive(terms)
    return factor, common, [] if rest == {(): 1} else _split(rest)


def primitive(terms: Terms) -> tuple[int, Monomial, Terms]:
    """The number and the atoms that divide all terms, and what is left; its first term has a positive factor."""
    factor = gcd(*terms.values())
    shared = Counter(next(iter(terms)))
    for monomial in terms:
        shared &= Counter(monomial)
        if not shared:
            break
    rest = {without(monomial, shared): value // factor for monomial, value in terms.items()}
    if rest[max(rest, key=len)] < 0:
        factor, rest = -factor, {monomial: -value for monomial, value in rest.items()}
    return factor, tuple(shared.elements()), rest


def without(monomial: Monomial, atoms: Counter[Any]) -> Monomial:
    """The monomial divided by these atoms."""
    if not atoms:
        return monomial
    left = Counter(atoms)
    kept = []
    for atom in monomial:
        if left[atom] > 0:
            left[atom] -= 1
        else:
            kept.append(atom)
    return tuple(kept)


def _split(terms: Terms) -> list[Terms]:
    """The factors of a polynomial without common atoms: parted by names, then by atoms, then as a power."""
    atoms = {atom for monomial in terms for atom in monomial}
    groups = _groups(atoms)
    for group in (*groups[1:], *({atom} for atom in atoms if len(atoms) > 1)):
        parts = _parted(terms, group)
        if parts is not None:
            return [*_split(parts[0]), *_split(parts[1])]
    return _power(terms, next(iter(atoms))) if len(atoms) == 1 else [terms]


def _groups(atoms: Iterable[Any]) -> list[set[Any]]:
    """The atoms in groups that share no name."""
    found: list[tuple[set[str], set[Any]]] = []
    for atom in atoms:
        names, group = names_in(atom), {atom}
        for other in [other for other in found if other[0] & names]:
            found.remove(other)
            names, group = names | other[0], group | other[1]
        found.append((names, group))
    return [group for _, group in found]


def _parted(terms: Terms, group: set[Any]) -> tuple[Terms, Terms] | None:
    """The polynomial as a product of one in the group's atoms and one in the others, None where it is none."""
    rows = _rows(terms, group)
    if len(rows) < 2 and () in rows:
        return None
    (first, row), *others = rows.items()
    content = gcd(*row.values())
    across = {monomial: value // content for monomial, value in row.items()}
    at = next(iter(across))
    down = {first: content}
    for monomial, other in others:
        if other.keys() != across.keys():
            return None
        scale, rest = divmod(other[at], across[at])
        if rest or any(other[key] != scale * value for key, value in across.items()):
            return None
        down[monomial] = scale
    return None if down.keys() == {()} or across.keys() == {()} else (down, across)


def _rows(terms: Terms, group: set[Any]) -> dict[Monomial, Terms]:
    """The table of coefficients: the group's part of each monomial down, the rest across."""
    rows: dict[Monomial, Terms] = {}
    for monomial, value in terms.items():
        inside = tuple(atom for atom in monomial if atom in group)
        outside = tuple(atom for atom in monomial if atom not in group)
        rows.setdefault(inside, {})[outside] = value
    return rows


def _power(terms: Terms, atom: Any) -> list[Terms]:
    """(f - r)^d as d factors, where the polynomial in f is that."""
    degree = max(map(len, terms))
    lead, second = terms[(atom,) * degree], terms.get((atom,) * (degree - 1), 0)
    if degree < 2 or lead != 1 or second % degree:
        return [terms]
    root = {(atom,): 1, (): second // degree} if second else {(atom,): 1}
    made: Terms = {(): 1}
    for _ in range(degree):
        made = _times(made, root)
    return [root] * degree if made == terms else [terms]


def _times(one: Terms, two: Terms) -> Terms:
    """The product of two polynomials; equal monomials meet where both are sorted alike, or are powers of one atom."""
    made: Terms = {}
    for a, x in one.items():
        for b, y in two.items():
            key = a + b
            made[key] = made.get(key, 0) + x * y
    return {monomial: value for monomial, value in made.items() if value}


def _product(factor: int, common: Monomial, factors: list[Terms], known: Known, number: Number) -> str:
    """The product as text; divisors that known congruences bring are reduced against the number."""
    over, words = Fraction(factor), list[str]()
    if len(factors) == 1 and (common or len(factors[0]) > 2) and _keeps_numbers(factors[0]):
        whole = {monomial: factor * value for monomial, value in factors[0].items()}
        over, factors = Fraction(1), []
        words.append(f"({_sum(whole, known, number)})")
    for atom in common:
        part = _linear({(atom,): 1}, known)
        over, word = (over * part[0], part[1]) if part else (over, _atom(atom, known))
        words.append(word)
    for terms in factors:
        part = _linear(terms, known)
        scale, word = part or (Fraction(1), _factor(terms, known))
        over *= scale
        words.append(word)
    words.sort(key=lambda word: (word[-1] == ")", word.lstrip("(")))
    front = [] if abs(over.numerator) == 1 and words else [number(abs(over.numerator))]
    alone = len(words) == 1 and not front and over.denominator == 1 and over > 0
    written = "*".join([*front, *words]) if not alone else _bared(words[0])
    written += f"/{over.denominator}" if over.denominator > 1 else ""
    return written if over > 0 else f"-{written}"


def _keeps_numbers(terms: Terms) -> bool:
    """Whether a factor is a sum whose terms have numbers of their own: then a common one stays in them."""
    others = [monomial for monomial in terms if monomial]
    return len(others) > 1 and any(len(monomial) > 1 or abs(terms[monomial]) > 1 for monomial in others)


def _bared(word: str) -> str:
    """The sum without its brackets."""
    return word[1:-1] if word.startswith("(") else word


def _factor(terms: Terms, known: Known) -> str:
    """A polynomial of more than one term as a factor: one floor where it is one, else its sum in brackets."""
    one = _as_one(terms)
    if one is not None:
        written = _floor(*one, known)
        return f"({written})" if any(sign in _outside(written) for sign in "+-/") else written
    return f"({_sum(terms, known, str)})"


def _linear(terms: Terms, known: Known) -> tuple[Fraction, str] | None:
    """(1/m, "H") or (1/m, "(H - r)") for an atom that a congruence is known of, with a multiple of it; else None."""
    linear = _line(terms)
    if linear is None or linear[0] not in known:
        return None
    word, slope, constant = linear
    modulus, residue = known[word]
    shift = constant * modulus - slope * residue
    common = gcd(slope, shift, modulus)
    slope, shift, below = slope // common, shift // common, modulus // common
    front = word if slope == 1 else f"{slope}*{word}"
    return Fraction(1, below), front if not shift and slope == 1 else f"({front}{_signed(shift)})"


def _line(terms: Terms) -> tuple[str, int, int] | None:
    """(name, a, c) where the polynomial is a name + c."""
    others = [monomial for monomial in terms if monomial]
    if len(others) != 1 or len(others[0]) != 1 or not isinstance(others[0][0], str):
        return None
    return others[0][0], terms[others[0]], terms.get((), 0)


# Sums ----------------------------------------------------------------------------------------------------------------


def _sum(terms: Terms, known: Known, number: Number) -> str:
    """A sum of products; parts that a constant completes to a product are completed."""
    constant = terms.get((), 0)
    pieces: list[Terms] = []
    for part in _components({monomial: value for monomial, value in terms.items() if monomial}):
        added = _completing(part)
        if added is not None and added != 0:
            part, constant = {**part, (): added}, constant - added
            pieces.append(part)
        elif added == 0 or _as_one(part) is not None:
            pieces.append(part)
        else:
            pieces.extend({monomial: value} for monomial, value in part.items())
    written = [_piece(piece, known, number) for piece in sorted(pieces, key=_place)]
    if constant or not written:
        written.append(number(constant) if constant >= 0 else f"-{number(-constant)}")
    joined = "".join(f" - {part[1:]}" if part[0] == "-" else f" + {part}" for part in written)
    return joined[3:] if joined.startswith(" + ") else "-" + joined[3:]


def _piece(terms: Terms, known: Known, number: Number) -> str:
    return _product(*factored(terms), known, number)


def _place(terms: Terms) -> tuple[Any, ...]:
    """Where a part stands in a sum: long products first, then in the order of the alphabet."""
    return (-max(map(len, terms)), [[_order(atom) for atom in key] for key in terms])


def _order(atom: Any) -> tuple[int, str]:
    """Names come before floors, floors of small divisors before others."""
    den = 0 if isinstance(atom, str) else getattr(atom, "den", 1)
    return (den if isinstance(den, int) else LONGEST_PERIOD, str(atom))


def _components(terms: Terms) -> list[Terms]:
    """The terms in groups that share no atom; atoms that are in no product are grouped by their name."""
    found: list[tuple[set[Any], Terms]] = []
    multiplied = {atom for monomial in terms if len(monomial) > 1 for atom in monomial}
    for monomial, value in terms.items():
        atoms: set[Any] = set(monomial)
        if not atoms & multiplied:
            atoms |= {("in", name) for name in names_in(monomial[0])}
        part = {monomial: value}
        for other in [other for other in found if other[0] & atoms]:
            found.remove(other)
            atoms, part = atoms | other[0], {**other[1], **part}
        found.append((atoms, part))
    return [part for _, part in found]


def _completing(terms: Terms) -> int | None:
    """The constant with which the terms are a product of several sums; None where there is none."""
    atoms = {atom for monomial in terms for atom in monomial}
    if len(terms) < 3 or len(atoms) < 2:
        return None
    for group in _groups(atoms)[1:]:
        rows = _rows(terms, group)
        base = rows.get((), {})
        other = next(row for monomial, row in rows.items() if monomial)
        at = next((monomial for monomial in other if monomial), None)
        if at is None or () not in other or (other[()] * base.get(at, 0)) % other[at]:
            continue
        added = other[()] * base.get(at, 0) // other[at]
        if added and _parted({**terms, (): added}, group) is not None:
            return added
    return None


# Floors --------------------------------------------------------------------------------------------------------------


def _as_one(terms: Terms) -> tuple[Any, Any] | None:
    """(numerator, divisor) where the polynomial is one floor, put together from several if need be."""
    others = [monomial for monomial in terms if monomial]
    if any(len(monomial) > 1 for monomial in others):
        return None
    if len(others) == 1:
        atom = others[0][0]
        if terms[others[0]] != 1 or isinstance(atom, str) or not hasattr(atom, "den"):
            return None
        return atom.num + atom.den * terms.get((), 0), atom.den
    return _put_together(terms)


def _put_together(terms: Terms) -> tuple[Any, Any] | None:
    """(P n + b, Q) where the terms are floor((P n + b)/Q) for every n, shown by one period of them."""
    found = turn(terms)
    if found is None:
        return None
    name, values = found
    slope = Fraction(values[-1] - values[0], len(values) - 1)
    over, below = slope.numerator, slope.denominator
    if over <= 0:
        return None
    least = max(below * value - over * n for n, value in enumerate(values, 1))
    most = min(below * value - over * n for n, value in enumerate(values, 1)) + below - 1
    if least > most:
        return None
    return _Line(name, over, least), below


class _Line:
    """over * name + constant: a numerator."""

    def __init__(self, name: str, over: int, constant: int) -> None:
        self.terms: Terms = {(name,): over, (): constant} if constant else {(name,): over}


def _period(atom: Any) -> int:
    """L with atom(n + L) - atom(n) the same for all n; 0 where there is no such law."""
    if isinstance(atom, str):
        return 1
    if not hasattr(atom, "den") or not isinstance(atom.den, int) or isinstance(atom.num, int):
        return 0
    parts = [part for monomial in atom.num.terms for part in monomial]
    if any(len(monomial) > 1 for monomial in atom.num.terms):
        return 0
    return atom.den * lcm(*map(_period, parts))


def turn(terms: Terms) -> tuple[str, list[int]] | None:
    """The name and f(1) .. f(L + 1) of a sum of floors of one name, where f(n + L) - f(n) is the same for all n.

    None where there are several names, products or minima, or where L is long.
    """
    atoms = [atom for monomial in terms for atom in monomial]
    names = set().union(*map(names_in, atoms))
    if len(names) != 1 or any(len(monomial) > 1 for monomial in terms):
        return None
    period = lcm(*map(_period, atoms))
    if not 0 < period <= LONGEST_PERIOD:
        return None
    (name,) = names
    return name, [_value(terms, {name: n}) for n in range(1, period + 2)]


def lowest(terms: Terms) -> int | None:
    """The least value over all sizes n >= 1 of a sum of floors of one name; None where there is none, or no law.

    As f(n + L) = f(n) + c, it is the least of f(1) .. f(L) where c >= 0.

    >>> from shapecheck.sizes import name
    >>> h = name("H"); lowest((h - 2 * (h // 2)).terms), lowest((h // 2 - h).terms)
    (0, None)
    """
    found = turn(terms)
    return None if found is None or found[1][-1] < found[1][0] else min(found[1])


def _value(terms: Terms, sizes: Mapping[str, int]) -> int:
    total = 0
    for monomial, value in terms.items():
        for atom in monomial:
            value = value * (sizes[atom] if isinstance(atom, str) else atom.value(sizes))
        total += value
    return total


def atom_text(atom: Any) -> str:
    """A floor or a minimum as text."""
    return _atom(atom, NOTHING)


def _atom(atom: Any, known: Known) -> str:
    if isinstance(atom, str):
        return atom
    if hasattr(atom, "den"):
        return _floor(atom.num, atom.den, known)
    return f"min({_dim(atom.a, known)}, {_dim(atom.b, known)})"


def _dim(dim: Any, known: Known) -> str:
    return str(dim) if isinstance(dim, int) else text(dim.terms, known)


def _floor(num: Any, den: Any, known: Known) -> str:
    """ceil(x/m) where the numerator is x + m - 1 and x has no constant, else floor(num/den)."""
    linear = None if isinstance(num, int) or not isinstance(den, int) else _line(num.terms)
    if linear is not None and linear[0] in known:
        return _floor_known(linear, den, known[linear[0]])
    if linear is not None:
        return _floor_line(*linear, den)
    if isinstance(den, int) and not isinstance(num, int) and num.terms.get((), 0) == den - 1:
        return f"ceil({_bare(num - (den - 1), known)}/{den})"
    return f"floor({_bare(num, known)}/{_bare(den, known)})"


def _floor_line(word: str, slope: int, constant: int, den: int) -> str:
    """floor((slope word + constant)/den), which is ceil where the constant is den - 1."""
    front = word if slope == 1 else f"{slope}*{word}"
    if den == 1:
        return f"{front}{_signed(constant)}"
    if constant in (0, den - 1):
        return f"{'ceil' if constant else 'floor'}({front}/{den})"
    return f"floor(({front}{_signed(constant).replace(' ', '')})/{den})"


def _floor_known(linear: tuple[str, int, int], den: int, congruence: tuple[int, int]) -> str:
    """The same of a name's share (name - r)/m: constants that make no difference are chosen to be simple."""
    word, slope, constant = linear
    modulus, residue = congruence
    shift, below = constant * modulus - slope * residue, den * modulus
    common = gcd(slope, shift, below)
    slope, shift, below = slope // common, shift // common, below // common
    step = gcd(slope * modulus, below)  # the numerator is shift + slope residue modulo step: what is below does nothing
    first = (shift + slope * residue) // step * step - slope * residue
    free = range(first, first + step)
    shift = next((choice for choice in (0, below - 1) if choice in free), shift)
    return _floor_line(word, slope, shift, below)


def _signed(number: int) -> str:
    return "" if not number else f" + {number}" if number > 0 else f" - {-number}"


def _bare(dim: Any, known: Known) -> str:
    """A size as it stands in a quotient: in brackets where it is a sum."""
    written = _dim(dim, known).replace(" ", "")
    return f"({written})" if written.startswith("-") or any(sign in _outside(written) for sign in "+-/") else written


def _outside(written: str) -> str:
    """What stands outside all brackets.

    >>> _outside("N*floor((H-4)/2)/(W+1)")
    'N*floor/'
    """
    depth, kept = 0, []
    for letter in written:
        depth += letter == "("
        if not depth:
            kept.append(letter)
        depth -= letter == ")"
    return "".join(kept)


def names_in(atom: Any) -> set[str]:
    """The names in an atom."""
    if isinstance(atom, str):
        return {atom}
    parts = (atom.num, atom.den) if hasattr(atom, "den") else (atom.a, atom.b)
    return {name for part in parts if not isinstance(part, int) for name in part.names()}
