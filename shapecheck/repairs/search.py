"""The search for repairs: changes in the order of their cost, one, then two, then fault by fault.

What may mend the first fault is tried in the order of cost; a change that leaves no fault is a repair; one that takes
the first fault away, or lessens it, is followed by a second one. Where no two changes do (a spec of many faults) the
search goes on fault by fault. It ends when enough is found, when what is left costs much more than the best, or with
its time.

Main definition: `search`.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator
from itertools import count
from time import monotonic
from typing import Any

from shapecheck.repairs.candidates import changes_for
from shapecheck.repairs.inputs import nearest_input
from shapecheck.repairs.text import Draft
from shapecheck.repairs.trial import Change, Setting, Trial, progress, spec_faults

SECOND = 1.0  # what one more change costs beside its own cost
EACH_LEFT = 0.3  # what each fault costs that is left for the second change
EACH_FAULT = 5.0  # what a fault costs that a change brings with it
MARGIN = 2.5  # how much more than the best a repair may cost
EXACT = 4.0  # seconds at most for the exact set of the input's sizes
MANY_ROWS = 60_000  # rows that may be computed for two changes where the faults are many
MOST_CHANGES = 60  # of a spec of many faults
CANDIDATES = 1_500  # of one fault that are looked at
Progress = Callable[[int, int], None]


class Search:
    """One search: what was tried, what was found, how much time is left."""

    def __init__(self, text: str, setting: Setting, seconds: float, trials: int, tell: Progress | None = None) -> None:
        self.setting = setting
        self.deadline = monotonic() + seconds
        self.most_trials = trials
        self.tell = tell
        self.tried = 0
        self.start = Trial(Draft(text), setting)

    def spent(self) -> bool:
        """Whether time or trials have run out."""
        return self.tried >= self.most_trials or monotonic() > self.deadline

    def run(self, most: int) -> list[Trial]:
        """The mended trials, the smallest change first."""
        if not self.start.faults:
            return []
        deadline, budget = self.deadline, self.most_trials
        if len(self.start.faults) > 2:  # two changes will hardly do; they may have a part of the time
            self.deadline = monotonic() + (deadline - monotonic()) / 4
            self.most_trials = max(MANY_ROWS // (len(self.start.rows) + 20), 5)
            self.most_trials = min(self.most_trials, 500 if len(self.start.faults) <= 5 else 200)
        found = list(self.smallest(most))
        self.deadline, self.most_trials = deadline, budget
        found += self.with_nearest_input(found) if len(found) < most else []
        if not found and len(self.start.faults) + self.masked() > 1:
            self.tried = 0
            found = list(self.fault_by_fault())
        return sorted(found, key=lambda trial: trial.cost)

    def with_nearest_input(self, found: list[Trial]) -> list[Trial]:
        """The spec mended by the nearest admissible sizes of its input, unless that was found already."""
        about_sizes = self.start.faults and all(self.start.row_of(fault) for fault in self.start.faults)
        if not about_sizes or monotonic() > self.deadline:
            return []
        change = nearest_input(self.start, min(self.deadline, monotonic() + EXACT))
        known = {trial.draft.text for trial in found}
        after = None if change is None else self.apply(self.start, change, known)
        return [after] if after is not None and self.is_mended(after) else []

    def masked(self) -> bool:
        """Whether what is found may hide other faults."""
        return self.start.report.network is None or any(row.output is None for row in self.start.rows)

    def smallest(self, most: int) -> Iterator[Trial]:
        """Trials mended by one change or two, in the order of their cost."""
        order = count()
        queue: list[tuple[float, int, Trial, Change]] = []
        self._push(queue, order, self.start)
        seen = {self.start.draft.text}
        filled: set[tuple[Any, ...]] = set()  # where something was found that mends: one number is enough
        limit = float("inf")
        while queue and len(filled) < most and not self.spent():
            cost, _, trial, change = heapq.heappop(queue)
            if cost > limit:
                return
            slots = (*map(_slot, trial.changes), _slot(change))
            after = None if slots in filled else self.apply(trial, change, seen)
            if after is None:
                continue
            if self.is_mended(after):
                limit = min(limit, after.cost + MARGIN)
                filled.add(slots)
                yield after
            elif len(after.changes) == 1 and progress(trial, after):
                self._push(queue, order, after)

    def fault_by_fault(self) -> Iterator[Trial]:
        """The trial mended by the cheapest change for each fault in turn; back to an earlier one where none helps."""
        order = count()
        start = _level(self.start)
        queue: list[tuple[Any, ...]] = [(start, 0.0, next(order), self.start, None)]
        seen = {self.start.draft.text}
        while queue and not self.spent():
            level, cost, _, trial, change = heapq.heappop(queue)
            if change is None:
                for guess in changes_for(trial)[:CANDIDATES]:
                    heapq.heappush(queue, (level, cost + guess.cost, next(order), trial, guess))
                continue
            after = self.apply(trial, change, seen)
            if after is None:
                continue
            if self.is_mended(after):
                yield after
                return
            if len(after.changes) < MOST_CHANGES and progress(trial, after):
                more = len(after.faults) - len(trial.faults)
                deeper = level if more > 0 and trial.report.network is not None else _level(after)
                cost = after.cost + EACH_FAULT * max(more, 0)
                heapq.heappush(queue, (deeper, cost, next(order), after, None))

    def _push(self, queue: list[tuple[float, int, Trial, Change]], order: Iterator[int], trial: Trial) -> None:
        """Put what may mend a trial's first fault into the queue."""
        extra = trial.cost + (SECOND + EACH_LEFT * len(trial.faults) if trial.changes else 0.0)
        for guess in changes_for(trial)[:CANDIDATES]:
            heapq.heappush(queue, (extra + guess.cost, next(order), trial, guess))

    def is_mended(self, trial: Trial) -> bool:
        """Whether a trial has no fault, and hides no layer's shape that was known before."""
        return not trial.faults and trial.holes <= self.start.holes

    def apply(self, trial: Trial, change: Change, seen: set[str]) -> Trial | None:
        """The trial after one more change; None where it was seen before or its edits overlap."""
        if change.probe is not None and not change.probe():
            return None
        draft = trial.draft.after(change.edits)
        if draft is None or draft.text in seen:
            return None
        seen.add(draft.text)
        self.tried += 1
        if self.tell is not None:
            self.tell(self.tried, self.most_trials)
        cost = trial.cost + change.cost + (SECOND if trial.changes else 0.0)
        return Trial(draft, self.setting, (*trial.changes, change), cost)


def _level(trial: Trial) -> tuple[int, ...]:
    """How much is left to mend: less for faults of the spec gone, for a first fault further on."""
    if trial.first is None:
        return (0,)
    return (1 + spec_faults(trial), *(-part for part in trial.first[0]))


def _slot(change: Change) -> tuple[tuple[int, int], ...]:
    """The places that a change replaces, whatever it writes there."""
    return tuple((edit.start, edit.end) for edit in change.edits)
