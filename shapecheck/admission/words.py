"""A set of sizes in words: "16 divides H and W", "28 <= H <= 31", "H >= 33".

Main definitions: `axis_text` (one set, for one name or several that share it), `boxes_text`, `simplest`.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from shapecheck.admission.laws import Box, complement, joined
from shapecheck.admission.periodic import ALL, NONE, Periodic, between

MOST_SHOWN = 8  # stretches of numbers listed one by one
NONE_TEXT = "no size at all"


def axis_text(names: Sequence[str], sizes: Periodic) -> str:
    """The set in words, said of each of the names; empty for all sizes.

    >>> from shapecheck.admission.periodic import multiples
    >>> axis_text(["H", "W"], multiples(16)), axis_text(["H"], between(28, 31)), axis_text(["H"], between(33, None))
    ('16 divides H and W', '28 <= H <= 31', 'H >= 33')
    >>> axis_text(["H"], multiples(16) & between(30, None)), axis_text(["H"], multiples(4, 1))
    ('H >= 32 and 16 divides H', 'H % 4 == 1')
    """
    if sizes == ALL:
        return ""
    if not sizes:
        return NONE_TEXT
    if sizes.finite:
        return _listed(names, sizes.runs())
    least = sizes.least() or 1
    tail = _tail(sizes)
    if sizes == tail & between(least, None):
        bound = _each(names, ">=", least) if tail & between(1, least) != between(least, least) & tail else ""
        rest = _tail_text(names, tail)
        return " and ".join(part for part in (bound, rest) if part)
    start = sizes.head + 1
    while start > 1 and sizes.contains(start - 1) == tail.contains(start - 1):
        start -= 1
    few = _listed(names, (sizes & between(1, start - 1)).runs())
    rest = " and ".join(part for part in (_each(names, ">=", start), _tail_text(names, tail)) if part)
    return f"{few}, or {rest}" if few else rest


def _tail(sizes: Periodic) -> Periodic:
    """The set as it repeats, carried on down to 1."""
    bits = sizes.bits >> sizes.head
    turned = sizes.head % sizes.period
    full = (1 << sizes.period) - 1
    bits = (bits << turned | bits >> sizes.period - turned) & full
    return Periodic(0, sizes.period, bits)


def _tail_text(names: Sequence[str], tail: Periodic) -> str:
    period = tail.period
    if period == 1:
        return ""
    rests = [n % period for n in tail.up_to(period)]
    if rests == [0]:
        return f"{period} divides {' and '.join(names)}"
    missing = [rest for rest in range(period) if rest not in set(rests)]
    if missing == [0]:
        return " and ".join(f"{period} does not divide {name}" for name in names)
    if len(rests) == 1:
        return " and ".join(f"{name} % {period} == {rests[0]}" for name in names)
    if len(missing) == 1:
        return " and ".join(f"{name} % {period} != {missing[0]}" for name in names)
    return " and ".join(f"{name} % {period} in {_ranges(_stretches(rests))}" for name in names)


def _stretches(numbers: Sequence[int]) -> list[tuple[int, int]]:
    found: list[tuple[int, int]] = []
    for number in sorted(numbers):
        if found and found[-1][1] == number - 1:
            found[-1] = (found[-1][0], number)
        else:
            found.append((number, number))
    return found


def _ranges(stretches: Sequence[tuple[int, int]]) -> str:
    shown = [str(a) if a == b else f"{a}..{b}" for a, b in stretches[:MOST_SHOWN]]
    more = len(stretches) - len(shown)
    text = ", ".join(shown) + (f", ... ({more} more)" if more else "")
    return text if len(stretches) == 1 and ".." in text else f"{{{text}}}"


def _listed(names: Sequence[str], stretches: Sequence[tuple[int, int]]) -> str:
    if not stretches:
        return ""
    step = _step(stretches)
    if step > 1:
        first, last = stretches[0][0], stretches[-1][0]
        rest = first % step
        classes = f"{step} divides {{}}" if rest == 0 else f"{{}} % {step} == {rest}"
        bounds_ = " and ".join(f"{first} <= {name} <= {last}" for name in names)
        return f"{bounds_} and {' and '.join(map(classes.format, names))}"
    if len(stretches) > 1:
        return " and ".join(f"{name} in {_ranges(stretches)}" for name in names)
    ((first, last),) = stretches
    if first == last:
        return _each(names, "=", first)
    if first == 1:
        return _each(names, "<=", last)
    return " and ".join(f"{first} <= {name} <= {last}" for name in names)


def _step(stretches: Sequence[tuple[int, int]]) -> int:
    """How far apart the numbers stand, if they stand alone and all alike and are more than a few; else 0."""
    steps = {second[0] - first[0] for first, second in pairwise(stretches)}
    alone = all(first == last for first, last in stretches)
    return steps.pop() if alone and len(steps) == 1 and len(stretches) > 3 else 0


def _each(names: Sequence[str], sign: str, number: int) -> str:
    return " and ".join(f"{name} {sign} {number}" for name in names)


def boxes_text(boxes: Sequence[Box], names: Sequence[str]) -> str:
    """A union of boxes in words; "any ..." for all sizes.

    >>> from shapecheck.admission.periodic import multiples
    >>> boxes_text([{"H": multiples(2), "W": multiples(2)}], ["H", "W"]), boxes_text([{}], ["H", "W"])
    ('2 divides H and W', 'any H and W')
    """
    boxes = joined(boxes)
    if not boxes:
        return NONE_TEXT
    if any(not box for box in boxes) or not complement(boxes):
        return f"any {' and '.join(names)}"
    if len(boxes) > 1:
        outside = joined(complement(boxes))
        if len(outside) == 1:
            (only,) = outside
            return ", or ".join(axis_text([name], ~only[name]) for name in names if name in only)
    ordered = sorted(boxes, key=lambda box: [box.get(name, ALL).least() or 0 for name in names])
    shown = [box_text(box, names) for box in ordered[:MOST_SHOWN]]
    more = len(ordered) - len(shown)
    return ", or ".join(shown) + (f", or ... ({more} more cases)" if more else "")


def shadow(boxes: Sequence[Box], name: str) -> Periodic:
    """The sizes of one name in any of the boxes."""
    found = NONE
    for box in boxes:
        found = found | box.get(name, ALL)
    return found


def relative_text(before: Sequence[Box], after: Sequence[Box], names: Sequence[str]) -> str:
    """What is asked of sizes in `before` that they be in `after`: where one box goes, to be outside it on some axis."""
    hull = {name: shadow(before, name) for name in names}
    gone = joined(complement(after, [hull]))
    if len(gone) == 1 and gone[0]:
        parts = []
        for name in names:
            outside = hull[name] - gone[0].get(name, ALL)
            if outside:
                parts.append(axis_text([name], simplest(hull[name], outside)))
        parts = [part for part in parts if part != NONE_TEXT]
        if parts:
            return ", or ".join(parts)
    return boxes_text(joined(after), names)


def box_text(box: Box, names: Sequence[str]) -> str:
    """One box in words, names that share a set said together."""
    shared: dict[Periodic, list[str]] = {}
    for name in names:
        if name in box:
            shared.setdefault(box[name], []).append(name)
    parts = [axis_text(group, sizes) for sizes, group in shared.items()]
    return " and ".join(part for part in parts if part) or f"any {' and '.join(names)}"


def simplest(before: Periodic, after: Periodic) -> Periodic:
    """The simplest condition that leaves `after` of `before`: a bound, else classes of the shortest period.

    >>> from shapecheck.admission.periodic import multiples
    >>> axis_text(["H"], simplest(multiples(2), multiples(4)))
    '4 divides H'
    """
    gone = before - after
    if not gone:
        return ALL
    kept_least, gone_most = after.least(), None if not gone.finite else gone.runs()[-1][1]
    if kept_least is not None and gone_most is not None and gone_most < kept_least:
        return between(gone_most + 1, None)
    if after.finite:
        if not after:
            return after
        top = after.runs()[-1][1]
        least = gone.least() or 1
        if least > top:
            return between(1, least - 1)
        bounded = between(after.least() or 1, top)
        if before & bounded == after:
            return bounded
    for period in _divisors(after.period * before.period):
        classes = 0
        for n in after.up_to(after.head + period * -(-after.period // period) + period):
            classes |= 1 << (n - 1) % period
        found = Periodic(0, period, classes)
        if before & found == after:
            return found & ALL
    return after


def _divisors(number: int) -> list[int]:
    return [divisor for divisor in range(2, min(number, 4096) + 1) if number % divisor == 0]
