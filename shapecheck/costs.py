"""What running a network would take, estimated from its report before anything is run: memory and multiply-adds.

Main definitions: `cost` of a report whose sizes are all numbers, `available_memory` of this machine.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from math import prod
from pathlib import Path
from typing import Any, NamedTuple

from shapecheck.layers.base import is_shape
from shapecheck.net import Network, Source
from shapecheck.report import Report, Row

CELL = 4  # bytes of a float32
UNKNOWN_MEMORY = 2 << 30  # assumed where the system does not say


class Cost(NamedTuple):
    """Bytes alive at once at the worst moment, multiply-adds in all, cells of the largest tensor."""

    memory: int
    work: int
    largest: int


def cost(report: Report, only: Row | None = None) -> Cost:
    """What a run takes that keeps one layer's weights at a time and drops every tensor after its last use.

    With `only`, what that one row takes.
    """
    assert report.network is not None
    if only is not None:
        cells = sum(map(elements, only.inputs)) + elements(only.output) + _number(only.params)
        return Cost(CELL * (cells + workspace(only)), _number(only.macs), cells)
    held = [elements(shape) for shape in report.inputs.values()]
    live = peak = sum(held)
    largest, work = max(held, default=0), 0
    for row, dead in zip(report.rows, last_uses(report.network), strict=True):
        output, weights = elements(row.output), _number(row.params)
        live += output
        peak = max(peak, live + weights + workspace(row))
        largest = max(largest, output, weights)
        work += _number(row.macs)
        held.append(output)
        live -= sum(held[value] for value in dead)
    return Cost(CELL * peak, work, largest)


def _number(value: Any) -> int:
    return value if isinstance(value, int) else 0


def last_uses(network: Network) -> list[list[int]]:
    """For each node the values that no later node reads (its own, if none ever does)."""
    last = dict[int, int]()
    for index, node in enumerate(network.nodes):
        last[len(network.inputs) + index] = index
        for source in node.sources:
            if source is not None:
                last[source.value if isinstance(source, Source) else source] = index
    dying: list[list[int]] = [[] for _ in network.nodes]
    for value, index in last.items():
        dying[index].append(value)
    return dying


def elements(shape: Any) -> int:
    """The cells of a shape or of nested shapes; 0 where it is not known.

    >>> elements((2, 3)), elements(((2, 3), (4,))), elements(None)
    (6, 10, 0)
    """
    if shape is None:
        return 0
    if is_shape(shape):
        return prod(dim if isinstance(dim, int) else 1 for dim in shape)
    return sum(map(elements, shape))


def workspace(row: Row) -> int:
    """Cells a layer may need beside inputs, weights and output: unrolled windows, attention scores, gates."""
    if not row.macs or not isinstance(row.macs, int):
        return elements(row.output)
    heads = getattr(row.layer, "num_heads", None) or getattr(row.layer, "nhead", None)
    if heads:
        lengths = [dim for shape in flat(row.inputs) for dim in shape[:-1]]
        longest = max(lengths, default=1)
        return 2 * int(heads) * longest * prod(sorted(lengths)[-2:]) + 8 * elements(row.output)
    channels = getattr(row.layer, "out_channels", None)
    if channels:
        return row.macs // channels * getattr(row.layer, "groups", 1)
    return 4 * elements(row.output)


def flat(shapes: Any) -> Iterator[tuple[int, ...]]:
    """The shapes in nested shapes, one by one."""
    if shapes is not None and not is_shape(shapes):
        for shape in shapes:
            yield from flat(shape)
    elif shapes:
        yield shapes


def available_memory() -> int:
    """Bytes of memory that can be had without swapping: the system's word, or the container's where that is less."""
    return min(_system_memory(), *_container_memory(), 1 << 62)


def _system_memory() -> int:
    for line in _read("/proc/meminfo").splitlines():
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) * 1024
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2
    except (AttributeError, ValueError, OSError):
        return UNKNOWN_MEMORY


def _container_memory() -> Iterator[int]:
    """What the control group of this process still grants, where there is a limit."""
    for limit, used in (
        ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current"),
        ("/sys/fs/cgroup/memory/memory.limit_in_bytes", "/sys/fs/cgroup/memory/memory.usage_in_bytes"),
    ):
        most, now = _read(limit).strip(), _read(used).strip()
        if most.isdigit() and now.isdigit():
            yield max(0, int(most) - int(now))


def _read(path: str) -> str:
    try:
        return Path(path).read_text()
    except OSError:
        return ""
