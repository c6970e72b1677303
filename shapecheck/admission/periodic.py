"""Sets of sizes that repeat from some size on, exactly: unions, intersections, complements, and what they hold.

A `Periodic` holds whole numbers >= 1. Its first `head` numbers are in or out one by one; from there on the set repeats
every `period` numbers. Every such set has one form, so equal sets are equal.

Main definitions: `Periodic`, `between`, `multiples`, `signs` (where a polynomial is >= 0, or 0).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from math import lcm
from typing import NamedTuple

LONGEST = 1 << 21  # head and period together: beyond, a set is not written out


class TooLongError(ArithmeticError):
    """A set that would not repeat soon enough to be written out."""


class Periodic(NamedTuple):
    """A set of numbers >= 1: bit i of `bits` says whether i + 1 is in; the last `period` of the bits repeat."""

    head: int
    period: int
    bits: int

    def contains(self, n: int) -> bool:
        """Whether n is in the set.

        >>> between(3, 5).contains(4), multiples(16).contains(24)
        (True, False)
        """
        place = n - 1 if n <= self.head + self.period else self.head + (n - 1 - self.head) % self.period
        return n >= 1 and bool(self.bits >> place & 1)

    def __and__(self, other: Periodic) -> Periodic:
        if self is other or other == ALL:
            return self
        return other if self == ALL else _joined(self, other, int.__and__)

    def __or__(self, other: Periodic) -> Periodic:
        return self if self is other else _joined(self, other, int.__or__)

    def __sub__(self, other: Periodic) -> Periodic:
        return _joined(self, other, lambda a, b: a & ~b)

    def __invert__(self) -> Periodic:
        return _reduced(self.head, self.period, self.bits ^ ((1 << self.head + self.period) - 1))

    def __bool__(self) -> bool:
        return self.bits != 0

    @property
    def finite(self) -> bool:
        """Whether the set ends."""
        return self.bits >> self.head == 0

    def least(self, start: int = 1) -> int | None:
        """The least number of the set from `start` on; None where there is none.

        >>> multiples(16).least(17), between(3, 5).least(6)
        (32, None)
        """
        place = max(start, 1) - 1
        turns = max((place - self.head) // self.period, 0)  # whole periods that can be gone back
        place -= turns * self.period
        rest = self.bits >> place
        if not rest:
            turns += 1
            place, rest = self.head, self.bits >> self.head
        return (rest & -rest).bit_length() + place + turns * self.period if rest else None

    def greatest(self, stop: int) -> int | None:
        """The greatest number of the set up to `stop`; None where there is none.

        >>> multiples(16).greatest(31), between(3, 5).greatest(2)
        (16, None)
        """
        for n in range(stop, max(stop - self.period, self.head, 0), -1):
            if self.contains(n):
                return n
        rest = self.bits & ((1 << max(min(stop, self.head), 0)) - 1)
        return rest.bit_length() or None

    def up_to(self, stop: int, start: int = 1) -> Iterator[int]:
        """The numbers of the set from `start` to `stop`, in order."""
        return (n for n in range(max(start, 1), stop + 1) if self.contains(n))

    def runs(self) -> list[tuple[int, int]]:
        """The stretches of neighbours among the first head + period numbers: first and last of each."""
        found: list[tuple[int, int]] = []
        bits, place = self.bits, 0
        while bits:
            gap = (bits & -bits).bit_length() - 1
            bits >>= gap
            length = (~bits & (bits + 1)).bit_length() - 1
            found.append((place + gap + 1, place + gap + length))
            bits >>= length
            place += gap + length
        return found


ALL = Periodic(0, 1, 1)
NONE = Periodic(0, 1, 0)


def between(first: int, last: int | None) -> Periodic:
    """The numbers from `first` (at least 1) to `last`, without end where that is None.

    >>> list(between(3, 5).up_to(9)), between(1, None) == ALL, between(4, 3) == NONE
    ([3, 4, 5], True, True)
    """
    first = max(first, 1)
    if last is None:
        _check(first)
        return Periodic(first - 1, 1, 1 << first - 1)
    if last < first:
        return NONE
    _check(last)
    return Periodic(last, 1, (1 << last) - (1 << first - 1))


def multiples(divisor: int, rest: int = 0) -> Periodic:
    """The numbers that leave that rest when divided.

    >>> list(multiples(4, 1).up_to(9))
    [1, 5, 9]
    """
    return Periodic(0, divisor, 1 << (rest - 1) % divisor)


def from_classes(period: int, classes: Sequence[Sequence[tuple[int, int | None]]]) -> Periodic:
    """The numbers r + period m with m in one of the ranges of class r = 1, ..., period (None: without end).

    >>> list(from_classes(2, [[(1, 2)], [(0, None)]]).up_to(8))
    [2, 3, 4, 5, 6, 8]
    """
    turn = max((1 + (first if last is None else last) for ranges in classes for first, last in ranges), default=0)
    _check(period * (turn + 1))
    digits = bytearray(b"0") * (period * (turn + 1))
    for r, ranges in enumerate(classes):
        for first, last in ranges:
            stop = turn + 1 if last is None else last + 1
            digits[r + period * first : r + period * stop : period] = b"1" * (stop - first)
    digits.reverse()
    bits = int(digits, 2)
    return _reduced(turn * period, period, bits)


def _check(length: int) -> None:
    if length > LONGEST:
        raise TooLongError(f"a set of sizes that does not repeat before {length}")


def _spread(a: Periodic, head: int, period: int) -> int:
    """The bits of a set for a longer head and a multiple of its period."""
    wanted = head + period
    have = a.head + a.period
    if wanted <= have:
        return a.bits
    times = -(-(wanted - a.head) // a.period)
    tail = (a.bits >> a.head) * (((1 << a.period * times) - 1) // ((1 << a.period) - 1))
    return (a.bits & ((1 << a.head) - 1) | tail << a.head) & ((1 << wanted) - 1)


def _joined(a: Periodic, b: Periodic, join: Callable[[int, int], int]) -> Periodic:
    head, period = max(a.head, b.head), lcm(a.period, b.period)
    _check(head + period)
    return _reduced(head, period, join(_spread(a, head, period), _spread(b, head, period)))


def _reduced(head: int, period: int, bits: int) -> Periodic:
    """The one form of the set: the shortest period, then the shortest head."""
    tail = bits >> head
    if tail == 0 or tail == (1 << period) - 1:
        period, tail = 1, tail & 1
    else:
        for prime in _primes(period):
            while period % prime == 0 and _repeats(tail, period // prime, prime):
                period //= prime
                tail &= (1 << period) - 1
    if head:
        times = -(-head // period)
        back = tail * (((1 << period * times) - 1) // ((1 << period) - 1)) >> period * times - head
        whole = back | tail << head  # the repeating part carried on down to 1
        shorter = (bits & ((1 << head) - 1) ^ back).bit_length()
        tail = whole >> shorter & ((1 << period) - 1)
        return Periodic(shorter, period, bits & ((1 << shorter) - 1) | tail << shorter)
    return Periodic(0, period, tail)


def _repeats(tail: int, part: int, times: int) -> bool:
    piece = tail & ((1 << part) - 1)
    return tail == piece * (((1 << part * times) - 1) // ((1 << part) - 1))


def _primes(number: int) -> list[int]:
    found, divisor = [], 2
    while divisor * divisor <= number:
        if number % divisor == 0:
            found.append(divisor)
            while number % divisor == 0:
                number //= divisor
        divisor += 1
    return [*found, number] if number > 1 else found


# polynomials ---------------------------------------------------------------------------------------------------------


def signs(differences: Sequence[int], equal: bool) -> list[tuple[int, int | None]]:
    """The ranges of m >= 0 on which a polynomial is >= 0, or on which it is 0 (None: without end).

    The polynomial is given by its value, its difference, the difference's difference, ... at m = 0 (Newton's form).

    >>> signs([-3, 2], False), signs([-4, 2], True), signs([9, -3], False)
    ([(2, None)], [(2, 2)], [(0, 3)])
    >>> signs([6, -4, 2], False)  # m^2 - 5m + 6 = (m - 2)(m - 3)
    [(0, None)]
    """
    kept = list(differences)
    while kept and kept[-1] == 0:
        kept.pop()
    if not kept:
        return [(0, None)]
    if len(kept) == 1:
        return [(0, None)] if kept[0] > 0 and not equal else []
    found: list[tuple[int, int | None]] = []
    for first, last in _monotone(kept):
        found += _within(kept, first, last, equal)
    return _merged(found)


def _monotone(differences: Sequence[int]) -> list[tuple[int, int | None]]:
    """Ranges that cover all m >= 0, on each of which the polynomial only rises or only falls."""
    if len(differences) <= 2:
        return [(0, None)]
    rising = signs(differences[1:], False)
    found: list[tuple[int, int | None]] = []
    at = 0
    for first, last in rising:
        if first > at:
            found.append((at, first))
        found.append((first, None if last is None else last + 1))
        if last is None:
            return found
        at = last + 1
    return [*found, (at, None)]


def _within(differences: Sequence[int], first: int, last: int | None, equal: bool) -> list[tuple[int, int | None]]:
    """Where on a range without a turn the polynomial is >= 0, or 0."""
    if last is None:  # find where it has taken the sign it keeps
        step = 1
        rises = _at(differences[1:], first + step) > 0 or differences[-1] > 0
        while (_at(differences, first + step) <= 0) if rises else (_at(differences, first + step) >= 0):
            step *= 2
        last = first + step
        ranges = _within(differences, first, last, equal)
        if rises and not equal:
            return [*ranges, (last, None)]
        return ranges
    if _at(differences, first) > _at(differences, last):
        low = _first(lambda m: _at(differences, m) < 0, first, last + 1)  # >= 0 before
        if not equal:
            return [(first, low - 1)] if low > first else []
        start = _first(lambda m: _at(differences, m) <= 0, first, last + 1)
        return [(start, low - 1)] if low > start else []
    start = _first(lambda m: _at(differences, m) >= 0, first, last + 1)
    if not equal:
        return [(start, last)] if start <= last else []
    stop = _first(lambda m: _at(differences, m) > 0, first, last + 1)
    return [(start, stop - 1)] if stop > start else []


def _at(differences: Sequence[int], m: int) -> int:
    total, binomial = 0, 1
    for k, difference in enumerate(differences):
        total += difference * binomial
        binomial = binomial * (m - k) // (k + 1)
    return total


def _first(holds: Callable[[int], bool], start: int, stop: int) -> int:
    """The first number from start on for which it holds, once it holds it goes on; `stop` where it never does."""
    while start < stop:
        middle = (start + stop) // 2
        if holds(middle):
            stop = middle
        else:
            start = middle + 1
    return start


def _merged(ranges: list[tuple[int, int | None]]) -> list[tuple[int, int | None]]:
    found: list[tuple[int, int | None]] = []
    for first, last in sorted(ranges, key=lambda pair: pair[0]):
        if found and (found[-1][1] is None or first <= found[-1][1] + 1):
            before = found[-1][1]
            joined = None if before is None or last is None else max(before, last)
            found[-1] = (found[-1][0], joined)
        else:
            found.append((first, last))
    return found
