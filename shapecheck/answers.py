"""Answers to an inverse question: data, and their text.

Main definitions: `Answers`, `Solution`, `runs` (numbers as few runs of equal steps).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeAlias

Run: TypeAlias = tuple[int, int | None, int]  # first, last (None: without end), step
LIMIT = 50  # answers shown


class Solution(NamedTuple):
    """One answer: a value for each argument, runs of values for each free size, any of which goes with any."""

    arguments: Mapping[str, Any]
    sizes: Mapping[str, tuple[Run, ...]]

    def to_dict(self) -> dict[str, Any]:
        """The answer as plain data."""
        listed = {label: [list(run) for run in runs] for label, runs in self.sizes.items()}
        return {"arguments": dict(self.arguments), "sizes": listed}

    @property
    def held(self) -> int | None:
        """How many sizes together it holds; None where they have no end."""
        total = 1
        for part in self.sizes.values():
            counts = [None if last is None else (last - first) // step + 1 for first, last, step in part]
            if None in counts:
                return None
            total *= sum(count for count in counts if count is not None)
        return total

    def __str__(self) -> str:
        parts = [f"{label} = {_value(value)}" for label, value in self.arguments.items()]
        return ", ".join([*parts, *(f"{label} = {runs_text(found)}" for label, found in self.sizes.items())])


@dataclass(frozen=True)
class Answers:
    """All answers to a question; `exact` says that there are no others, else sizes were tried up to `up_to` only."""

    solutions: tuple[Solution, ...]
    tried: int
    exact: bool = True
    up_to: int | None = None
    because: str | None = None  # why there are none
    notes: tuple[str, ...] = ()
    ranges: Mapping[str, str] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.solutions)

    def __len__(self) -> int:
        return len(self.solutions)

    def __iter__(self) -> Iterator[Solution]:
        return iter(self.solutions)

    def __str__(self) -> str:
        return "\n".join(self.lines())

    def lines(self, limit: int = LIMIT) -> Iterator[str]:
        """A line an answer, then how many there are, how they were found, and whether there can be more."""
        for solution in self.solutions[:limit]:
            yield str(solution)
        if len(self) > limit:
            yield f"... {len(self) - limit:,} more (--limit {len(self)} shows all)"
        if not self:
            yield f"none: {self.because}"
            if not self.exact:
                yield f"sizes were tried up to {self.up_to}"
        else:
            yield self._total()
        for note in self.notes:
            yield f"note: {note}"

    def _total(self) -> str:
        number = f"{len(self):,} answer{'s' * (len(self) != 1)}"
        if not any(solution.sizes for solution in self):
            return f"{number} of {self.tried:,} tried, each by a prediction"
        held = [solution.held for solution in self]
        if None in held and self.exact:
            return f"{number}, exact: sets that repeat without end, the first values of each predicted"
        sizes = sum(count or 0 for count in held)
        if self.exact and self.ranges:
            return f"{number} in these ranges: all {sizes:,} values predicted"
        if self.exact:
            return f"{number}, exact: all {sizes:,} values predicted" if sizes > 1 else f"{number}, exact, predicted"
        return f"{number}, checked up to {self.up_to}: beyond, nothing was tried"

    def to_dict(self) -> dict[str, Any]:
        """The answers as plain data: the JSON of `--format json`."""
        return {
            "answers": [solution.to_dict() for solution in self.solutions],
            "count": len(self.solutions),
            "tried": self.tried,
            "exact": self.exact,
            "up_to": self.up_to,
            "because": self.because,
            "notes": list(self.notes),
            "ranges": dict(self.ranges),
        }


# runs of numbers -----------------------------------------------------------------------------------------------------


def runs(values: Sequence[int]) -> tuple[Run, ...]:
    """The numbers, sorted, as few runs: (first, last, step).

    >>> runs([193, 194, 195, 200]), runs([16, 32, 48, 64])
    (((193, 195, 1), (200, 200, 1)), ((16, 64, 16),))
    """
    found: list[Run] = []
    place = 0
    while place < len(values):
        end = place + 1
        step = values[end] - values[place] if end < len(values) else 1
        while end < len(values) and values[end] - values[end - 1] == step:
            end += 1
        if end - place < 3 and step != 1:
            end, step = place + 1, 1
        found.append((values[place], values[end - 1], step))
        place = end
    return tuple(found)


def runs_text(found: Sequence[Run], most: int = 6) -> str:
    """Runs as text: "193..224", "16..64 step 16"; no more than `most` of them.

    >>> runs_text(runs([1, 2, 3, 7])), runs_text(runs([16, 32, 48]))
    ('1..3, 7', '16..48 step 16')
    """
    texts = []
    for first, last, step in found[:most]:
        whole = str(first) if first == last else f"{first}.." + ("" if last is None else str(last))
        texts.append(whole + (f" step {step}" if step > 1 and first != last else ""))
    return ", ".join(texts) + (f", ... ({len(found) - most} more runs)" if len(found) > most else "")


def _value(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
