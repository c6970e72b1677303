"""Numbers that stand in for sizes left open, so that a network can be run.

A batch (a first dimension) stands as 2. Other names get a small size at which prediction finds nothing wrong: popular
sizes are tried for all names at once, then one name at a time. Main definitions: `stand_ins`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from shapecheck.inference import infer
from shapecheck.net import Network
from shapecheck.report import Report
from shapecheck.sizes import Size

BATCH = 2
POPULAR = (32, 64, 16, 128, 224, 8, 256, 28, 48, 96, 4, 100, 112, 160, 192, 227, 299, 320, 384, 512, 1024, 2048, 4096,
           8192, 16000, 16384, 32768, 65536)  # fmt: skip
CANDIDATES = (*POPULAR, *(size for size in range(1, 301) if size not in POPULAR))
MOST_LAYERS = 200_000  # predicted in one search: about a second


def stand_ins(network: Network, sizes: Mapping[str, int] | None, faults: int = 0) -> tuple[dict[str, int], Report]:
    """Numbers for the names that `sizes` leaves open, and the report predicted with them.

    The search ends at the first numbers with which prediction finds at most `faults` errors (as many as it finds with
    the sizes open: those no number mends); without any, the numbers with the fewest errors are given.
    """
    known = dict(sizes or {})
    names = [name for name in network.open_names() if name not in known]
    if not names:
        return {}, infer(network, known)
    batch = batch_names(network)
    search = _Search(network, known, faults)
    others = [name for name in names if name not in batch]
    start = dict.fromkeys(names, BATCH)
    search.among({**start, **dict.fromkeys(others, size)} for size in (CANDIDATES if others else (BATCH,)))
    for name in [*others, *(name for name in names if name in batch)]:
        search.among({**search.sizes, name: size} for size in CANDIDATES)
    return search.sizes, search.report


class _Search:
    """The best numbers so far, and their report."""

    sizes: dict[str, int]
    report: Report

    def __init__(self, network: Network, known: Mapping[str, int], faults: int) -> None:
        self.network, self.known, self.wanted = network, known, faults
        self.faults: int | None = None
        self.left = max(1, MOST_LAYERS // max(1, len(network.nodes)))

    def among(self, guesses: Iterable[dict[str, int]]) -> None:
        """Try the guesses until one is good enough or the patience is used up."""
        for guess in guesses:
            if self.faults is not None and (self.faults <= self.wanted or self.left <= 0):
                return
            self.left -= 1
            report = infer(self.network, {**self.known, **guess})
            faults = sum(finding.severity == "error" for finding in report.diagnostics)
            if self.faults is None or faults < self.faults:
                self.faults, self.sizes, self.report = faults, guess, report


def batch_names(network: Network) -> set[str]:
    """The names that stand as an input's first dimension."""
    firsts = (shape[0] for shape in network.inputs.values() if len(shape))
    return {name for first in firsts if isinstance(first, Size) for name in first.names()}


def known_sizes(network: Network, report: Report) -> dict[str, int]:
    """The sizes with which a report was made, read off its inputs."""
    known: dict[str, int] = {}
    for name, shape in network.inputs.items():
        for dim, found in zip(shape, report.inputs.get(name, ()), strict=False):
            if isinstance(dim, Size) and isinstance(found, int):
                known.update((one, found) for one in dim.names() if str(dim) == one)
    return known
