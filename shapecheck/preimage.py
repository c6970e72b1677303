"""For which sizes is a formula what it shall be? The answer for one name, in closed form.

A sum of floors of n obeys f(n + L) = f(n) + c. On the class n = r + L j it is f(r) + c j, so the j for which it is v,
at most v, or more are a division: with c = 1 and one floor, the theorem `preimage` of `derive/`.

Main definition: `preimage`.
"""

from __future__ import annotations

from typing import NamedTuple

from shapecheck.questions import OPERATORS
from shapecheck.size_text import turn
from shapecheck.sizes import Size

MOST = 1_000_000  # turns that are written out


class Preimage(NamedTuple):
    """The sizes n >= 1 with f(n) op 0: all of them as `values`; None where they never end, or no law is known."""

    values: tuple[int, ...] | None
    endless: bool = False  # the values never end
    nearest: tuple[tuple[int, int], ...] = ()  # (n, f(n)) of the greatest f below 0 and the least above


def preimage(difference: Size, op: str) -> Preimage:
    """All sizes of its one name for which the difference stands so to 0.

    >>> from shapecheck.sizes import name
    >>> H = name("H")
    >>> preimage((H + 31) // 32 - 7, "==").values == tuple(range(193, 225)), preimage(2 * (H // 2) - 7, "==")
    (True, Preimage(values=(), endless=False, nearest=((6, -1), (8, 1))))
    """
    found = turn(difference.terms)
    if found is None:
        return Preimage(None)
    _, values = found
    period, growth = len(values) - 1, values[-1] - values[0]
    holds = OPERATORS[op]
    if growth == 0:
        return Preimage(None, True) if any(holds(value, 0) for value in values) else Preimage((), nearest=_near(values))
    if holds(growth, 0):  # what holds far out holds for ever
        return Preimage(None, True)
    kept: list[int] = []
    for r, value in enumerate(values[:-1], 1):
        last = max(-value // growth, -1)  # from the turn behind it on, f has the sign of its growth
        if last > MOST:
            return Preimage(None)
        first = last if op == "==" else 0
        kept.extend(r + j * period for j in range(max(first, 0), last + 1) if holds(value + j * growth, 0))
    return Preimage(tuple(sorted(kept)), nearest=() if kept else _near(values, growth))


def _near(values: list[int], growth: int = 0) -> tuple[tuple[int, int], ...]:
    """The values of f next to 0, with the least size that has each."""
    period = len(values) - 1
    points = []
    for r, value in enumerate(values[:-1], 1):
        last = max(-value // growth, 0) if growth else 0
        points += [(r + j * period, value + j * growth) for j in {max(last - 1, 0), last, last + (growth != 0)}]
    below = max((point for point in points if point[1] < 0), key=lambda point: (point[1], -point[0]), default=None)
    above = min((point for point in points if point[1] > 0), key=lambda point: (point[1], point[0]), default=None)
    return tuple(point for point in (below, above) if point is not None)
