"""What torch says where the answer changes: the last sizes refused and the first accepted, really run.

Main definitions: `borders`, `Border`, `ask_torch`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

from shapecheck.admission.answer import Admissible

MOST = 12  # places asked about


class Border(NamedTuple):
    """Sizes, whether they are admissible, and whether torch agrees (None: it could not be asked)."""

    sizes: Mapping[str, int]
    accepted: bool
    agrees: bool | None


def places(answer: Admissible) -> Iterator[dict[str, int]]:
    """The sizes on both sides of a border, an axis at a time, and the least sizes each layer refuses."""
    seen: set[tuple[int, ...]] = set()
    found: list[dict[str, int]] = []
    least = answer.least()
    if least is not None:
        found.append(least)
        for name in answer.names:
            axis = answer.axis(name)
            stop = axis.head + axis.period + 1
            changes = [n for n in range(1, stop + 1) if axis.contains(n) != axis.contains(n + 1)]
            for n in [*changes[:1], *changes[-1:]]:
                found += [{**least, name: n}, {**least, name: n + 1}]
    found += [dict(cause.sizes) for cause in reversed(answer.causes) if cause.sizes]
    for sizes in found:
        key = tuple(sizes.values())
        if key not in seen and len(seen) < MOST:
            seen.add(key)
            yield sizes


def ask_torch(answer: Admissible, tell: Callable[[int], None] | None = None) -> list[Border]:
    """torch's word on each border: the layers are built and run; what we refuse is offered to it all the same."""
    from shapecheck.torch_oracle import verify

    found = []
    for number, sizes in enumerate(places(answer)):
        if tell is not None:
            tell(number)
        accepted = answer.contains(**sizes)
        report = verify(answer.network, sizes)
        codes = {finding.code for finding in report.diagnostics}
        asked = not codes & {"SP402", "SP403", "SP404"}
        agrees = "SP401" not in codes and report.ok is accepted and (not accepted or report.verified is not None)
        found.append(Border(sizes, accepted, agrees if asked else None))
    return found
