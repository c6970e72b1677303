"""The regions of sizes that constraints leave: what a spec says under `where`, or a call.

Main definitions: `regions_of`, `unmet`.
"""

from __future__ import annotations

from collections.abc import Sequence

from shapecheck.admission.laws import Box, cut, where
from shapecheck.admission.regions import Region, least_in
from shapecheck.admission.witness import Decision
from shapecheck.constraints import Constraint
from shapecheck.sizes import Size


def regions_of(constraints: Sequence[Constraint]) -> list[Region]:
    """The sizes that meet all of the constraints, as regions without a common point.

    >>> from shapecheck.constraints import parse
    >>> [region.box["H"].least() for region in regions_of([parse("64 <= H and 48 divides H", ["H"])])]
    [96]
    """
    boxes: list[Box] = [{}]
    coupled: list[Decision] = []
    for constraint in constraints:
        for difference, equal, holds in constraint.comparisons:
            if not isinstance(difference, Size):
                if (difference == 0 if equal else difference >= 0) is not holds:
                    return []
                continue
            decision = Decision(difference, equal, holds)
            found = where(decision)
            if found is None:
                coupled.append(decision)
            else:
                boxes = [both for one in boxes for other in found if (both := cut(one, other)) is not None]
    return [Region(box, tuple(coupled)) for box in boxes]


def unmet(constraints: Sequence[Constraint]) -> bool:
    """Whether it is certain that no sizes meet the constraints; ArithmeticError where that is too long."""
    names = sorted({name for constraint in constraints for name in constraint.names()})
    return not any(
        found[0] is not None or not found[1] for found in (least_in(r, names) for r in regions_of(constraints))
    )
