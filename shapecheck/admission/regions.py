"""A box of sizes and the comparisons on it that couple names: is it empty, and which are its least sizes?

Names that are to be equal become one. Of two names that are coupled otherwise one is given its numbers in turn, the
comparisons left are of one name and are solved exactly; and it need not be followed far: along a tie F(H) = G(W) a
solution moves down by whole periods, one of k + 1 such moves missing k sizes that are to differ.

Main definitions: `Region`, `least_in`, `holds`, `known_parts`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from itertools import product
from math import lcm
from typing import Any, NamedTuple

from shapecheck.admission.laws import ALL, Box, NoLawError, cut, law, on_axis
from shapecheck.admission.periodic import NONE, Periodic, TooLongError
from shapecheck.admission.witness import Decision
from shapecheck.sizes import Size, bounds, evaluate, name

FARTHEST = 4_000  # numbers tried of one name for two that are coupled
SEARCHED = 64  # sizes tried an axis where more than two are


class Region(NamedTuple):
    """The sizes in a box that decide so on comparisons that could not be taken apart."""

    box: Box
    coupled: tuple[Decision, ...] = ()


def holds(decision: Decision, sizes: Mapping[str, int]) -> bool:
    """Whether these sizes decide so."""
    value: Any = evaluate(decision.difference, sizes)
    return bool(value == 0 if decision.equal else value >= 0) is decision.holds


def least_in(region: Region, names: Sequence[str]) -> tuple[dict[str, int] | None, bool]:
    """The least sizes in a region or None, and whether it is certain that there are none."""
    found = _untied(region)
    if found is None:
        return None, True
    box, coupled, same = found
    sizes = {x: least for x in names if x not in same and (least := box.get(x, ALL).least()) is not None}
    if len(sizes) + len(same) < len(names):
        return None, True
    certain = True
    for group in _components(coupled):
        some, sure = _solution(box, group)
        if some is None and sure:
            return None, True
        certain = certain and some is not None
        sizes |= some or {}
    if not certain:
        return None, False
    for other, leader in same.items():
        sizes[other] = sizes[leader]
    return {x: sizes[x] for x in names}, True


def tie(difference: Size) -> tuple[str, str] | None:
    """The two names, where the formula is H - W.

    >>> tie(name("W") - name("H")), tie(name("W") - name("H") - 1)
    (('H', 'W'), None)
    """
    terms = difference.terms
    if len(terms) != 2 or sorted(terms.values()) != [-1, 1]:
        return None
    names = [monomial[0] for monomial in terms if len(monomial) == 1 and isinstance(monomial[0], str)]
    return (min(names), max(names)) if len(names) == 2 else None


def _untied(region: Region) -> tuple[Box, list[Decision], dict[str, str]] | None:
    """The region with names that are to be equal made one: the box, what couples still, who is who; None if empty."""
    box = dict(region.box)
    same: dict[str, str] = {}
    coupled = list(region.coupled)
    while True:
        left = _simpler(coupled, box)
        if left is None:
            return None
        pair = next((p for d in left if d.equal and d.holds and (p := tie(d.difference))), None)
        if pair is None and len(left) == len(coupled):
            return (box, left, same) if all(box.values()) else None
        coupled = left
        if pair is not None:
            leader, other = pair
            same = {x: leader if y == other else y for x, y in same.items()} | {other: leader}
            box[leader] = box.get(leader, ALL) & box.pop(other, ALL)
            coupled = []
            for decision in left:
                difference = evaluate(decision.difference, {other: name(leader)})
                if isinstance(difference, Size):
                    coupled.append(decision._replace(difference=difference))
                elif not _comes_out(decision, difference):
                    return None


def _simpler(coupled: Sequence[Decision], box: Box) -> list[Decision] | None:
    """The comparisons that couple still, once those of one name are in the box; None where one cannot hold."""
    left = []
    for decision in coupled:
        settled = known_parts(decision, box)
        if isinstance(settled, bool):
            if not settled:
                return None
            continue
        names = settled.difference.names()
        axis = _axis(settled) if len(names) == 1 else None
        if axis is None:
            left.append(settled)
        else:
            (x,) = names
            box[x] = box.get(x, ALL) & axis
            if not box[x]:
                return None
    return left


def known_parts(decision: Decision, box: Box) -> Decision | bool:
    """The comparison with the names of one size replaced by it; whether it comes out so, where bounds can tell."""
    names = decision.difference.names()
    known = {x: n for x in names if (n := _only(box.get(x, ALL))) is not None}
    difference = evaluate(decision.difference, known) if known else decision.difference
    if not isinstance(difference, Size):
        return _comes_out(decision, difference)
    if len(names) - len(known) > 1:
        least = {x: box.get(x, ALL).least() or 1 for x in names}
        low, high = bounds(evaluate(difference, {x: name(x) + (n - 1) for x, n in least.items() if x not in known}))
        above, below = low is not None and low >= (1 if decision.equal else 0), high is not None and high < 0
        if above or below:
            return (above and not decision.equal) is decision.holds
    return decision._replace(difference=difference)


def _only(axis: Periodic) -> int | None:
    """The one size of a set that has one."""
    return axis.bits.bit_length() if axis.finite and axis.bits and axis.bits & (axis.bits - 1) == 0 else None


def _comes_out(decision: Decision, value: int) -> bool:
    return (value == 0 if decision.equal else value >= 0) is decision.holds


def _axis(decision: Decision) -> Periodic | None:
    """Where a comparison of one name comes out so; None where that cannot be written out."""
    try:
        found = on_axis(decision.difference, decision.equal)
    except (NoLawError, TooLongError):
        return None
    return found if decision.holds else ~found


def _components(coupled: Sequence[Decision]) -> list[list[Decision]]:
    """The comparisons in groups that share no name."""
    groups: list[tuple[set[str], list[Decision]]] = []
    for decision in coupled:
        names = decision.difference.names()
        touching = [group for group in groups if group[0] & names]
        merged = (names.union(*(group[0] for group in touching)), [d for group in touching for d in group[1]])
        groups = [group for group in groups if group not in touching] + [(merged[0], [*merged[1], decision])]
    return [group[1] for group in groups]


def _solution(box: Box, group: Sequence[Decision]) -> tuple[dict[str, int] | None, bool]:
    """The least sizes of the group's names, and whether it is certain that there are none."""
    names = sorted({x for decision in group for x in decision.difference.names()})
    if len(names) != 2:
        return _tried(box, group, names)
    names.sort(key=lambda x: (not box.get(x, ALL).finite, box.get(x, ALL).head))
    one, two = names
    axis = box.get(one, ALL)
    try:
        stop, certain = _far_enough(box, group, names)
    except NoLawError:
        stop, certain = (0, False)
    if axis.finite and (not certain or axis.head < stop):
        stop, certain = axis.head, True
    if not stop:
        return _tried(box, group, names)
    best: dict[str, int] | None = None
    for number, size in enumerate(axis.up_to(stop)):
        if number >= FARTHEST:
            return best, best is not None
        if best is not None and size >= max(best.values()):
            break
        other = _fitting(box.get(two, ALL), group, one, size)
        if other is None:
            certain = False
        elif (least := other.least()) is not None and (best is None or max(size, least) < max(best.values())):
            best = {one: size, two: least}
    return best, best is not None or certain


def _fitting(axis: Periodic, group: Sequence[Decision], name_: str, size: int) -> Periodic | None:
    """The sizes of the other name that go with this one."""
    for decision in group:
        difference = evaluate(decision.difference, {name_: size})
        if not isinstance(difference, Size):
            if not _comes_out(decision, difference):
                return NONE
            continue
        found = _axis(decision._replace(difference=difference))
        if found is None:
            return None
        axis = axis & found
        if not axis:
            return NONE
    return axis


def _far_enough(box: Box, group: Sequence[Decision], names: Sequence[str]) -> tuple[int, bool]:
    """How far to follow the first name; and whether what is not found so far is nowhere."""
    ties = [decision for decision in group if decision.equal and decision.holds]
    certain = all(decision.equal for decision in group)
    periods = {x: box.get(x, ALL).period for x in names}
    for decision in group:
        found = law(decision.difference)
        certain = certain and all(degree == 1 for degree in found.degrees.values())
        certain = certain and all(len(monomial) < 2 for monomial in decision.difference.terms)
        for x, period in found.periods.items():
            periods[x] = lcm(periods[x], period)
    heads = {x: box.get(x, ALL).head for x in names}
    moves = len(group) + 2
    one, two = names
    if not ties:
        return heads[one] + moves * periods[one], certain
    crossing = _crossing(ties, names, periods)
    if crossing is not None:
        return crossing, certain
    slope = {x: _slope(ties[0].difference, x, periods[x], names) for x in names}
    if not slope[one]:
        return heads[one] + moves * periods[one], certain
    if not slope[two]:
        shared, step = abs(slope[one]), 0
    else:
        shared = lcm(abs(slope[one]), abs(slope[two]))
        step = periods[two] * shared // abs(slope[two])
    far = heads[two] + moves * step + periods[two]
    most = max(abs(_at(ties[0].difference, {one: 1, two: n})) for n in (1, far)) + abs(slope[two])
    first = max(abs(_at(ties[0].difference, {one: n, two: 1})) for n in (1, 1 + periods[one]))
    reach = periods[one] * ((most + first) // abs(slope[one]) + 2)
    return max(heads[one] + moves * periods[one] * shared // abs(slope[one]), reach), certain


def _crossing(ties: Sequence[Decision], names: Sequence[str], periods: Mapping[str, int]) -> int | None:
    """A size of the first name beyond which two ties cannot both hold; None where all ties run side by side.

    A tie keeps s h + t w within e of 0; of two of them, h |s t' - s' t| <= e |t'| + e' |t|.
    """
    lines = [_line(decision.difference, names, periods) for decision in ties]
    s, t, e = lines[0]
    for s_, t_, e_ in lines[1:]:
        if s * t_ != s_ * t:
            return int((e * abs(t_) + e_ * abs(t)) / abs(s * t_ - s_ * t)) + 1
    return None


def _line(difference: Size, names: Sequence[str], periods: Mapping[str, int]) -> tuple[Fraction, Fraction, Fraction]:
    """(s, t, e) with |difference - s h - t w| <= e for all h and w."""
    one, two = names
    s, t = (Fraction(_slope(difference, x, periods[x], names), periods[x]) for x in names)
    off = [
        max(abs(_at(difference, {**dict.fromkeys(names, 1), x: n}) - k * n) for n in range(1, periods[x] + 1))
        for x, k in ((one, s), (two, t))
    ]
    rest = abs(_at(difference, dict.fromkeys(names, 1)))
    return s, t, Fraction(off[0] + off[1] + rest)


def _slope(difference: Size, x: str, period: int, names: Sequence[str]) -> int:
    base = dict.fromkeys(names, 1)
    return _at(difference, {**base, x: 1 + period}) - _at(difference, base)


def _at(difference: Size, sizes: Mapping[str, int]) -> int:
    value = evaluate(difference, sizes)
    assert isinstance(value, int)
    return value


def _tried(box: Box, group: Sequence[Decision], names: Sequence[str]) -> tuple[dict[str, int] | None, bool]:
    """The least sizes found by trying a few; that there are none is certain only where the box ends among them."""
    stop = SEARCHED if len(names) < 4 else 8
    axes = [box.get(x, ALL) for x in names]
    for point in _points([list(axis.up_to(stop)) for axis in axes]):
        sizes = dict(zip(names, point, strict=True))
        if all(holds(decision, sizes) for decision in group):
            return sizes, True
    return None, all(axis.finite and axis.greatest(axis.head + 1) in (None, *range(stop + 1)) for axis in axes)


def _points(axes: list[list[int]]) -> Iterator[tuple[int, ...]]:
    return iter(sorted(product(*axes), key=lambda point: (max(point), point)))


__all__ = ["Region", "cut", "holds", "least_in", "tie"]
