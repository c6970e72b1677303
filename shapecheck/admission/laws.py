r"""Where a comparison of formulas holds, exactly: as sets that repeat, on each axis.

The law of a formula f (the theorem `quasi-linear` of `derive/`): a sum, a multiple and a floor of functions with
f(n + S) = f(n) + T for all n is one again; for the floor by d take S d / gcd(T, d) for S. So on each class
n = r + S m the formula is linear in m, a product of such formulas a polynomial in m, and where it is >= 0 or 0 is
found for all m at once (`periodic.signs`).

A comparison that couples several names is taken apart where it can be: k f(H) g(W) = c by the divisors of c, k f(H)
g(W) >= c with factors >= 0 by the values of f below c, and one that depends on the classes of the names alone by
those. What is left is a `Decision` as it stands.

Main definitions: `law`, `where`, `Box`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise, product
from math import gcd, lcm
from typing import Any, NamedTuple, TypeAlias

from shapecheck.admission.periodic import ALL, NONE, Periodic, TooLongError, between, from_classes, signs
from shapecheck.admission.witness import Decision
from shapecheck.sizes import Dim, Floor, Monomial, Size, bounds, evaluate

Box: TypeAlias = "dict[str, Periodic]"  # a set an axis; an axis that is not named is whole
LONGEST_PERIOD = 32_768
MOST_CLASSES = 4_096
MOST_VALUES = 2_000
MOST_FACTORED = 10_000_000  # a product's constant times its divisors


class NoLawError(ArithmeticError):
    """A formula that does not repeat, as far as is known here."""


class Law(NamedTuple):
    """After how many sizes a formula repeats, up to a polynomial of that degree in the number of turns, a name."""

    periods: dict[str, int]
    degrees: dict[str, int]


def law(dim: Dim) -> Law:
    """The law of a formula; raises `NoLawError` where a size divides by another.

    >>> from shapecheck.sizes import name
    >>> law(name("H") // 2 * 3 + name("H") // 3)
    Law(periods={'H': 6}, degrees={'H': 1})
    """
    periods: dict[str, int] = {}
    degrees: dict[str, int] = {}
    if isinstance(dim, Size):
        for monomial in dim.terms:
            total: dict[str, int] = {}
            for atom in monomial:
                one = Law({atom: 1}, {atom: 1}) if isinstance(atom, str) else _floor_law(atom)
                for name, period in one.periods.items():
                    periods[name] = lcm(periods.get(name, 1), period)
                    total[name] = total.get(name, 0) + one.degrees[name]
            for name, degree in total.items():
                degrees[name] = max(degrees.get(name, 0), degree)
    if max(periods.values(), default=1) > LONGEST_PERIOD:
        raise NoLawError(f"{dim} does not repeat before {max(periods.values())}")
    return Law(periods, degrees)


def _floor_law(atom: Any) -> Law:
    if not isinstance(atom, Floor) or not isinstance(atom.den, int):
        raise NoLawError(f"{atom} obeys no law")
    inner = law(atom.num)
    periods = {}
    for name, period in inner.periods.items():
        if len(inner.periods) == 1 and inner.degrees[name] == 1:
            slope = _number(atom.num, {name: 1 + period}) - _number(atom.num, {name: 1})
            periods[name] = period * (atom.den // gcd(slope, atom.den))
        else:  # a polynomial with whole values repeats modulo d after d lcm(1..degree) turns
            periods[name] = period * atom.den * lcm(*range(1, inner.degrees[name] + 1))
    return Law(periods, inner.degrees)


def _number(dim: Dim, sizes: dict[str, int]) -> int:
    value = evaluate(dim, sizes)
    assert isinstance(value, int), f"{dim} has other names than {sizes}"
    return value


# one name ------------------------------------------------------------------------------------------------------------


def on_axis(difference: Size, equal: bool) -> Periodic:
    """The sizes of its one name for which the formula is >= 0, or == 0.

    >>> from shapecheck.sizes import name
    >>> on_axis(name("H") // 16 * 16 - name("H"), True) == Periodic(0, 16, 1 << 15)
    True
    """
    low, high = bounds(difference)
    if not equal and ((low is not None and low >= 0) or (high is not None and high < 0)):
        return ALL if low is not None and low >= 0 else NONE
    ((name, period),) = law(difference).periods.items()
    degree = law(difference).degrees[name]
    known: dict[int, int] = {}

    def value(n: int) -> int:
        if n not in known:
            known[n] = _number(difference, {name: n})
        return known[n]

    slope = value(1 + period) - value(1)
    classes = []
    for r in range(1, period + 1):
        newton = [value(r), slope] if degree == 1 else _newton([value(r + period * m) for m in range(degree + 1)])
        classes.append(signs(newton, equal))
    return from_classes(period, classes)


def _newton(values: Sequence[int]) -> list[int]:
    found, row = [], list(values)
    while row:
        found.append(row[0])
        row = [b - a for a, b in pairwise(row)]
    return found


# several names -------------------------------------------------------------------------------------------------------


def where(decision: Decision) -> list[Box] | None:
    """The sizes that decide so, as boxes without a common point; None where the names cannot be parted."""
    try:
        holding = _holding(decision.difference, decision.equal)
    except TooLongError as error:
        raise NoLawError(str(error)) from None
    if holding is None:
        return None
    return holding if decision.holds else complement(holding)


def _holding(difference: Dim, equal: bool) -> list[Box] | None:
    if isinstance(difference, int):
        return [{}] if (difference == 0 if equal else difference >= 0) else []
    names = sorted(difference.names())
    if len(names) == 1:
        found = on_axis(difference, equal)
        return [{names[0]: found}] if found else []
    low, high = bounds(difference)
    if (low is not None and low > 0) or (high is not None and high < 0):
        return [{}] if not equal and low is not None and low > 0 else []
    if low == 0 and not equal:
        return [{}]
    factors = _factors(difference, names[0])
    if factors is not None:
        return (_product_is if equal else _product_reaches)(names[0], *factors)
    return _by_class(difference, equal)


def _factors(difference: Size, name: str) -> tuple[Dim, Dim, int] | None:
    """(f, g, c) where the formula is f(name) * g(the others) - c; None where it is no such product."""
    rows: dict[Monomial, dict[Monomial, int]] = {}
    for monomial, factor in difference.terms.items():
        mine = tuple(atom for atom in monomial if _names(atom) == {name})
        others = tuple(atom for atom in monomial if name not in _names(atom))
        if len(mine) + len(others) != len(monomial):
            return None
        rows.setdefault(mine, {})[others] = factor
    first = next((row for mine, row in rows.items() if mine), None)
    if first is None or not any(first.get(others) for others in first if others):
        return None
    common = gcd(*first.values())
    g = {others: factor // common for others, factor in first.items()}
    f = {}
    for mine, row in rows.items():
        found = _multiple(row, g, mine == ())
        if found is None:
            return None
        f[mine] = found
    constant = f.get((), 0) * g.get((), 0) - rows.get((), {}).get((), 0)
    return _summed(f), _summed(g), constant


def _multiple(row: dict[Monomial, int], g: dict[Monomial, int], loose: bool) -> int | None:
    """The number that makes the row of g; where it is loose, the constant need not fit."""
    other = next(others for others in g if others)
    if row.get(other, 0) % g[other]:
        return None
    found = row.get(other, 0) // g[other]
    fits = all(row.get(others, 0) == found * g.get(others, 0) for others in {*row, *g} if others or not loose)
    return found if fits else None


def _names(atom: Any) -> set[str]:
    return Size({(atom,): 1}).names()


def _summed(terms: dict[Monomial, int]) -> Dim:
    total: Dim = 0
    for monomial, factor in terms.items():
        if factor:
            total = total + (Size({monomial: factor}) if monomial else factor)
    return total


def _product_is(name: str, f: Dim, g: Dim, c: int) -> list[Box] | None:
    """Where f g == c: the factors are divisors of c, or one of them is 0."""
    if c == 0:
        none = _holding(f, True)
        other = _holding(g, True)
        if none is None or other is None:
            return None
        return [*none, *meet(complement(none), other)]
    found: list[Box] = []
    divisors = _divisors(abs(c))
    if len(divisors) * abs(c) > MOST_FACTORED:
        raise NoLawError(f"{abs(c)} is a product in too many ways, {2 * len(divisors)}, to be written out")
    for divisor in divisors:
        for value in (divisor, -divisor):
            mine = _holding(f - value, True)
            other = _holding(g - c // value, True) if mine else []
            if mine is None or other is None:
                return None
            found += meet(mine, other)
    return found


def _product_reaches(name: str, f: Dim, g: Dim, c: int) -> list[Box] | None:
    """Where f g >= c, by the signs of f and g."""
    found: list[Box] = []
    for one, other in ((1, 1), (-1, -1), (1, -1), (-1, 1)):
        mine = _holding(one * f - (one < 0), False)  # 0 counts with the positive
        theirs = _holding(other * g - (other < 0), False)
        if mine is None or theirs is None:
            return None
        quadrant = meet(mine, theirs)
        if not quadrant:
            continue
        short = _product_short(one * f, other * g, c if one == other else 1 - c)
        if short is None:
            return None
        found += complement(short, quadrant) if one == other else meet(short, quadrant)
    return found


def _product_short(f: Dim, g: Dim, c: int) -> list[Box] | None:
    """Where f g < c, for factors that are not negative: the values u < c of f with g <= (c - 1)//u, or g = 0."""
    if c <= 0:
        return []
    found: list[Box] | None = _holding(f, True)
    u = 1
    while u < c and found is not None:
        most = (c - 1) // u
        last = (c - 1) // most
        mine, up_to, other = _holding(f - u, False), _holding(last - f, False), _holding(most - g, False)
        if mine is None or other is None or up_to is None or len(found) > MOST_VALUES:
            return None
        found += meet(meet(mine, up_to), other)
        u = last + 1
    many, none = _holding(f - c, False), _holding(-g, False)
    return None if found is None or many is None or none is None else found + meet(many, none)


def _divisors(number: int) -> list[int]:
    small = [d for d in range(1, min(_root(number), 1_000_000) + 1) if number % d == 0]
    return sorted({*small, *(number // d for d in small)})


def _root(number: int) -> int:
    from math import isqrt

    return isqrt(number)


def _by_class(difference: Size, equal: bool) -> list[Box] | None:
    """Where the formula holds, if that depends on the classes of the names modulo its periods alone."""
    try:
        periods, degrees = law(difference)
    except NoLawError:
        return None
    count = 1
    for period in periods.values():
        count *= period
    if count > MOST_CLASSES:
        return None
    names = list(periods)
    found: list[Box] = []
    for rests in product(*(range(1, periods[name] + 1) for name in names)):
        turns = product(*(range(degrees[name] + 1) for name in names))
        values = {
            _number(difference, {x: r + periods[x] * m for x, r, m in zip(names, rests, turn, strict=True)})
            for turn in turns
        }
        if len(values) > 1:
            return None
        value = values.pop()
        if value == 0 if equal else value >= 0:
            found.append({x: Periodic(0, periods[x], 1 << r - 1) for x, r in zip(names, rests, strict=True)})
    return joined(found)


# boxes ---------------------------------------------------------------------------------------------------------------


def cut(one: Box, two: Box) -> Box | None:
    """The common part of two boxes; None where there is none."""
    if not one or not two:
        return one or two
    found = dict(one)
    for name, sizes in two.items():
        both = found[name] & sizes if name in found else sizes
        if not both:
            return None
        found[name] = both
    return found


def meet(one: Iterable[Box], two: Sequence[Box]) -> list[Box]:
    """The common parts of two lists of boxes."""
    return [box for a in one for b in two if (box := cut(a, b)) is not None]


def without(box: Box, other: Box) -> list[Box]:
    """The part of a box outside another, as boxes without a common point."""
    if cut(box, other) is None:
        return [box]
    found: list[Box] = []
    rest = box
    for name, sizes in other.items():
        outside = rest.get(name, ALL) - sizes
        if outside:
            found.append({**rest, name: outside})
        rest = {**rest, name: rest.get(name, ALL) & sizes}
    return found


def complement(boxes: Iterable[Box], inside: Sequence[Box] = ({},)) -> list[Box]:
    """What is in none of the boxes."""
    left = list(inside)
    for box in boxes:
        left = [piece for one in left for piece in without(one, box)]
    return left


def joined(boxes: Sequence[Box]) -> list[Box]:
    """The same boxes, those that differ on one axis only made one, as often as that goes."""
    found = [{name: sizes for name, sizes in box.items() if sizes != ALL} for box in boxes]
    names = sorted({name for box in found for name in box})
    changed = True
    while changed and len(found) > 1:
        changed = False
        for name in names:
            groups: dict[Any, Box] = {}
            for box in found:
                key = tuple(sorted((other, sizes) for other, sizes in box.items() if other != name))
                if key in groups:
                    both = groups[key].get(name, ALL) | box.get(name, ALL)
                    groups[key] = {**groups[key], name: both}
                    changed = True
                else:
                    groups[key] = box
            found = [{x: sizes for x, sizes in box.items() if sizes != ALL} for box in groups.values()]
    return found


def point(box: Box, names: Iterable[str]) -> dict[str, int]:
    """The least sizes of a box."""
    return {name: box.get(name, ALL).least() or 0 for name in names}


Solver: TypeAlias = Callable[[Decision], "list[Box] | None"]


def remembered() -> Solver:
    """`where`, each comparison solved once."""
    known: dict[tuple[Size, bool], list[Box] | None] = {}

    def solve(decision: Decision) -> list[Box] | None:
        key = decision.difference, decision.equal
        if key not in known:
            known[key] = where(decision._replace(holds=True))
        holding = known[key]
        return holding if holding is None or decision.holds else complement(holding)

    return solve


__all__ = ["ALL", "Box", "Law", "NoLawError", "between", "complement", "cut", "joined", "law", "meet", "on_axis",
           "point", "remembered", "where", "without"]  # fmt: skip
