"""The comparison: both outcomes of a case, and the disagreements of many, deduplicated, each with its smallest example.

Agreement: the same stage of refusal, or the same shape and parameter count. Where torch kills its process a refusal
agrees; where memory or time ran out there is no verdict and the case does not count.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from tests.parity.catalogue import draw_case
from tests.parity.draw import Case
from tests.parity.known import KNOWN
from tests.parity.workers import OURS, TORCH, Worker

Outcome = dict[str, Any]


def agree(torch: Outcome, ours: Outcome) -> bool | None:
    """Whether two outcomes agree; None where torch gave no verdict."""
    if torch["outcome"] == "too-large":
        return None
    if torch["outcome"] == "crash":
        return ours["outcome"] in ("construct", "forward")
    if torch["outcome"] != ours["outcome"]:
        return False
    if torch["outcome"] != "ok":
        return True
    return torch["shape"] == ours["shape"] and ours["params"] in (None, torch["params"])


def spell(outcome: Outcome) -> str:
    """An outcome in a line."""
    if outcome["outcome"] == "ok":
        return f"{outcome['shape']}, {outcome['params']} parameters"
    stage = f"refuses at {outcome['outcome']}" if outcome["outcome"] in ("construct", "forward") else outcome["outcome"]
    return f"{stage}: {' '.join(str(outcome.get('words', '')).split())}"


def wordless(words: str) -> str:
    """A message without what changes from case to case.

    >>> wordless("expected 3 channels, got input[1, 4, 8]")
    'expected # channels, got input#'
    """
    return re.sub(r"[\d.]+|\[[^\]]*\]|\([^)]*\)|'[^']*'", "#", words)[:70]


@dataclass
class Disagreement:
    """A case that the two sides answer differently; `count` cases of the same kind were found."""

    case: Case
    torch: Outcome
    ours: Outcome
    count: int = 1

    @property
    def signature(self) -> str:
        """What cases of the same kind share: type, the two outcomes, torch's words without numbers, our exception."""
        if self.ours["outcome"] == "error":
            return f"{self.case.type}: {self.ours['words'][-90:]}"
        words = wordless(self.torch.get("words", ""))
        what = ""
        if self.torch["outcome"] == self.ours["outcome"]:
            what = "shape" if self.torch["shape"] != self.ours["shape"] else "parameters"
        return f"{self.case.type}: {self.torch['outcome']} / {self.ours['outcome']} {what} {words}"

    def __str__(self) -> str:
        """A few lines for a developer, with the command that replays the case."""
        from json import dumps

        arguments = ", ".join(f"{name}={value!r}" for name, value in self.case.args.items())
        shapes = ", ".join(map(repr, self.case.shapes))
        data = self.case.to_json()
        evaluation = "" if self.case.training else "--eval "
        replay = f"{evaluation}--ask {self.case.type} '{dumps(data['args'])}' '{dumps(data['shapes'])}'"
        mode = "" if self.case.training else "  (evaluation)"
        return (
            f"{self.case.type}({arguments}) on {shapes}{mode}   x{self.count}\n"
            f"    torch: {spell(self.torch)[:240]}\n    we:    {spell(self.ours)[-400:]}\n    {replay}"
        )


@dataclass
class Tally:
    """What a run over many cases found."""

    draws: int = 0
    accepted: int = 0
    uncounted: int = 0
    crashes: int = 0
    disagreements: dict[str, Disagreement] = field(default_factory=dict)
    excused: Counter[str] = field(default_factory=Counter)

    def __str__(self) -> str:
        """The numbers in a line."""
        wrong = sum(found.count for found in self.disagreements.values())
        share = 100 * self.accepted // max(1, self.draws)
        return (
            f"{self.draws} draws, {share} % accepted by torch, {self.uncounted} without a verdict, "
            f"{self.crashes} killed torch, {sum(self.excused.values())} excused, "
            f"{wrong} disagreements of {len(self.disagreements)} kinds"
        )


class Judge:
    """Both workers, and the questions to ask them."""

    def __init__(self) -> None:
        """Start both processes."""
        self.torch, self.ours = Worker(*TORCH), Worker(*OURS)

    def __enter__(self) -> Judge:
        """The judge itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """End both processes."""
        self.close()

    def close(self) -> None:
        """End both processes."""
        self.torch.close()
        self.ours.close()

    def ask(self, case: Case) -> tuple[Outcome, Outcome]:
        """Torch's outcome and ours, worked out at the same time."""
        data = case.to_json()
        self.torch.send(data)
        ours = self.ours.ask(data)
        return self.torch.receive(), ours

    def compare(self, cases: Iterable[Case], tally: Tally | None = None, shrink: bool = True) -> Tally:
        """What the cases show, added to a tally."""
        tally = tally or Tally()
        for case in cases:
            torch, ours = self.ask(case)
            tally.draws += 1
            tally.accepted += torch["outcome"] == "ok"
            tally.crashes += torch["outcome"] == "crash"
            verdict = agree(torch, ours)
            if verdict is None:
                tally.uncounted += 1
            elif not verdict:
                self._note(Disagreement(case, torch, ours), tally, shrink)
        return tally

    def _note(self, found: Disagreement, tally: Tally, shrink: bool) -> None:
        for known in KNOWN:
            if known.covers(found.case, found.torch, found.ours):
                tally.excused[known.reason] += 1
                return
        signature = found.signature
        if signature in tally.disagreements:
            tally.disagreements[signature].count += 1
        else:
            tally.disagreements[signature] = self._shrunk(found) if shrink else found

    def _shrunk(self, found: Disagreement) -> Disagreement:
        """The same disagreement with as few arguments and as plain a shape as keep its kind."""
        for smaller in _smaller(found.case):
            torch, ours = self.ask(smaller)
            candidate = Disagreement(smaller, torch, ours)
            if agree(torch, ours) is False and candidate.signature == found.signature:
                return self._shrunk(candidate)
        return found


def _smaller(case: Case) -> Iterator[Case]:
    for name in case.args:
        yield replace(case, args={other: value for other, value in case.args.items() if other != name})
    if not case.training:
        yield replace(case, training=True)


def cases(kind: str, draws: int, seed: int) -> Iterator[Case]:
    """The first cases of a type's stream."""
    return (draw_case(kind, seed, index) for index in range(draws))
