"""The disagreements with torch that cannot be mirrored sensibly, each with its reason and the exact cases it covers.

An entry excuses a disagreement only of its types, of its two outcomes, and where its condition on the case and torch's
answer holds; everything else fails the judge. They come from torch itself: undefined behaviour, or a choice between
two kernels that depends on the number of threads.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.parity.draw import Case, encode

Condition = Callable[[Case, dict[str, Any]], bool]


def holds(shape: Any, what: Callable[[int], bool]) -> bool:
    """Whether a size somewhere in a nested shape is such."""
    return any(holds(entry, what) for entry in shape) if isinstance(shape, list) else shape is not None and what(shape)


def impossible(case: Case, torch: dict[str, Any]) -> bool:
    """Torch gave back a tensor with a size below zero."""
    return holds(torch.get("shape"), lambda size: size < 0)


def emptied(case: Case, torch: dict[str, Any]) -> bool:
    """Torch gave back no cells for an input that has some."""
    empty_input = any(holds(encode(shape), lambda size: size == 0) for shape in case.shapes)
    return holds(torch.get("shape"), lambda size: size == 0) and not empty_input


def undilated(case: Case, torch: dict[str, Any]) -> bool:
    """A dilation is 0."""
    dilation = case.args.get("dilation", 1)
    return 0 in (dilation if isinstance(dilation, tuple | list) else (dilation,))


def wrapped(case: Case, torch: dict[str, Any]) -> bool:
    """A dilation needs more than 32 bits."""
    dilation = case.args.get("dilation", 1)
    return any(type(d) is int and d >= 2**31 for d in (dilation if isinstance(dilation, tuple | list) else (dilation,)))


def unequal(case: Case, torch: dict[str, Any]) -> bool:
    """There are more keys than values, or fewer, or in more batches."""
    key, value = case.shapes[1], case.shapes[2]
    return min(len(key), len(value)) > 1 and key[:-1] != value[:-1]


@dataclass(frozen=True)
class Known:
    """Layer types as a regular expression, torch's outcome and ours, a condition, and why it is left as it is."""

    types: str
    torch: str
    ours: str
    when: Condition
    reason: str

    def covers(self, case: Case, torch: dict[str, Any], ours: dict[str, Any]) -> bool:
        """Whether this entry excuses the disagreement."""
        outcomes = torch["outcome"] == self.torch and ours["outcome"] == self.ours
        return outcomes and re.fullmatch(self.types, case.type) is not None and self.when(case, torch)


KNOWN: tuple[Known, ...] = (
    Known(
        "Expand", "ok", "forward", impossible,
        "-1 for a new dimension of a tensor without elements gives torch a size of -1; we refuse",
    ),
    Known(
        "(Reflection|Replication)Pad[123]d", "ok", "forward", impossible,
        "an empty batch is cropped to a size below 0, unchecked; we refuse",
    ),
    Known(
        r"(Lazy)?ConvTranspose\dd", "ok", "forward", emptied,
        "an output of exactly 0 cells: torch's own kernels refuse it, oneDNN's give it back empty, and which of them "
        "runs depends on batch, kernel, groups and the number of threads; we refuse",
    ),
    Known(
        r"(Lazy)?ConvTranspose\dd", "ok", "forward", undilated,
        "a dilation of 0 under a kernel of 1: torch's own kernels refuse it, oneDNN's do not look; we refuse",
    ),
    Known(
        "MaxPool1d", "ok", "forward", wrapped,
        "with a dilation from 2^31 on the window's span is worked out in 32 bits and wraps around to a small one; "
        "we refuse",
    ),
    Known(
        "DotAttention", "ok", "forward", unequal,
        "the fused kernel for the CPU does not look whether there are as many values as keys, and reads what is not "
        "there; we refuse",
    ),
)  # fmt: skip
