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
from shapecheck.repairs.text import Draft
from shapecheck.repairs.trial import Change, Setting, Trial, progress

SECOND = 1.0  # what one more change costs beside its own cost
EACH_FAULT = 5.0  # what a fault that is left costs, where many are mended one by one
MARGIN = 2.5  # how much more than the best a repair may cost
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
        many = len(self.start.faults) > 2
        if many:  # two changes will hardly do; they may have a part of the time
            self.deadline, self.most_trials = monotonic() + (deadline - monotonic()) / 8, 200
        found = list(self.walk(most, changes=2, each_fault=1.0 if many else 0.3))
        self.deadline, self.most_trials = deadline, budget
        if not found:
            self.tried = 0
            found = list(self.walk(1, changes=MOST_CHANGES, each_fault=EACH_FAULT))
        return sorted(found, key=lambda trial: trial.cost)

    def walk(self, most: int, changes: int, each_fault: float) -> Iterator[Trial]:
        """The mended trials as they are found, in the order of cost plus what the faults left are taken to cost."""
        order = count()
        queue: list[tuple[float, int, Trial, Change | None]] = [(0.0, next(order), self.start, None)]
        seen = {self.start.draft.text}
        filled: set[tuple[Any, ...]] = set()  # where something was found that mends: one number is enough
        found = 0
        limit = float("inf")
        while queue and found < most and not self.spent():
            cost, _, trial, change = heapq.heappop(queue)
            if cost > limit:
                return
            if change is not None:
                slots = (*map(_slot, trial.changes), _slot(change))
                after = None if slots in filled else self.apply(trial, change, seen)
                if after is None:
                    continue
                if after.mended:
                    found += 1
                    limit = min(limit, after.cost + MARGIN)
                    filled.add(slots)
                    yield after
                    continue
                if len(after.changes) >= changes or not progress(trial, after):
                    continue
                trial = after
                cost = after.cost + each_fault * len(after.faults)
                if changes > 2:
                    heapq.heappush(queue, (cost, next(order), after, None))
                    continue
            for guess in changes_for(trial)[:CANDIDATES]:
                step = (SECOND if trial.changes else 0.0) + guess.cost
                heapq.heappush(queue, (cost + step, next(order), trial, guess))

    def apply(self, trial: Trial, change: Change, seen: set[str]) -> Trial | None:
        """The trial after one more change; None where it was seen before or its edits overlap."""
        draft = trial.draft.after(change.edits)
        if draft is None or draft.text in seen:
            return None
        seen.add(draft.text)
        self.tried += 1
        if self.tell is not None:
            self.tell(self.tried, self.most_trials)
        cost = trial.cost + change.cost + (SECOND if trial.changes else 0.0)
        return Trial(draft, self.setting, (*trial.changes, change), cost)


def _slot(change: Change) -> tuple[tuple[int, int], ...]:
    """The places that a change replaces, whatever it writes there."""
    return tuple((edit.start, edit.end) for edit in change.edits)
