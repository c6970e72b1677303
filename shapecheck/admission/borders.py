"""What torch says where the answer changes: the last sizes refused and the first accepted, really run.

Main definitions: `borders`, `Border`, `ask_torch`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

from shapecheck.admission.answer import Admissible
from shapecheck.report import Report

MOST = 12  # places asked about


class Border(NamedTuple):
    """Sizes, whether they are admissible, and whether torch agrees (None: it could not be asked)."""

    sizes: Mapping[str, int]
    accepted: bool
    agrees: bool | None


def places(answer: Admissible) -> Iterator[dict[str, int]]:
    """The least admissible sizes, both sides of the borders next to them on each axis, and what each layer refuses."""
    seen: set[tuple[int, ...]] = set()
    found: list[dict[str, int]] = []
    least = answer.least()
    if least is not None:
        found.append(least)
        for name in answer.main_names:
            found += [{**least, name: size} for size in _beside(answer, least, name)]
    found += [dict(cause.sizes) for cause in reversed(answer.causes) if cause.sizes]
    for sizes in found:
        key = tuple(sizes.values())
        if key not in seen and len(seen) < MOST:
            seen.add(key)
            yield sizes


def _beside(answer: Admissible, least: Mapping[str, int], name: str) -> Iterator[int]:
    """The size below the least one, if there is one, and those on both sides of where the sizes next end."""
    start = least[name]
    if start > 1:
        yield start - 1
    axis = answer.axis(name)
    for size in range(start, axis.head + axis.period + 2):
        if not answer.contains(**{**least, name: size + 1}):
            yield from (size, size + 1)
            return


def ask_torch(
    answer: Admissible, verify: Callable[..., Report], tell: Callable[[int], None] | None = None
) -> list[Border]:
    """torch's word on each border, by `torch_oracle.verify`: what prediction refuses is offered to torch too."""
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
