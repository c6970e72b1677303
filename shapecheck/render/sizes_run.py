"""`shapes sizes`: the answers for several networks, one after the other, with a line of progress on a terminal.

Main definition: `SizesRun`.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from shapecheck.admission.answer import Admissible, admissible_of
from shapecheck.admission.borders import Border, ask_torch
from shapecheck.render import sizes_text
from shapecheck.render.findings import text as finding_text
from shapecheck.render.paint import animates, painter, wants_colour
from shapecheck.spec import read


class SizesRun:
    """The networks of one call; `ok` is False once one has no admissible size, or its spec is faulty."""

    def __init__(
        self,
        nets: Sequence[str],
        *,
        say: Callable[[str], None],
        where: Sequence[str] = (),
        verify: bool = True,
        evaluation: bool = False,
        format_: str = "text",
    ) -> None:
        self.nets = nets
        self.say = say
        self.where = where
        self.verify = verify
        self.evaluation = evaluation
        self.format = format_
        self.ok = True
        self.shows_progress = animates(sys.stderr)

    def pieces(self) -> Iterator[str]:
        """The answers as text, network by network; as JSON one object, or a list of them."""
        if self.format == "json":
            found = [self._plain(answer, borders) for answer, borders in self._answers()]
            if found:
                yield json.dumps(found[0] if len(self.nets) == 1 else found, indent=2, ensure_ascii=False) + "\n"
            return
        between = ""
        paint = painter(wants_colour(sys.stdout))
        for answer, borders in self._answers():
            if self.format == "markdown":
                yield between + sizes_text.markdown(answer, borders)
            else:
                yield between + sizes_text.text(answer, borders, paint)
            between = "\n"

    def _answers(self) -> Iterator[tuple[Admissible, list[Border]]]:
        for net in self.nets:
            answer = self._answer(net)
            if answer is None:
                self.ok = False
                continue
            borders = self._borders(answer) if self.verify else []
            self._progress("")
            self.ok = self.ok and not answer.empty and answer.disagreement is None
            self.ok = self.ok and all(border.agrees is not False for border in borders)
            yield answer, borders

    def _answer(self, net: str) -> Admissible | None:
        """The answer for a spec; None where it cannot be read, which is told."""
        spec = read(net, training=False if self.evaluation else None)
        if spec.findings or spec.network is None:
            paint = painter(wants_colour(sys.stderr))
            self.say("".join(f"{finding_text(finding, paint)}\n" for finding in spec.findings))
            return None
        return admissible_of(spec.network, self.where, tell=lambda runs: self._progress(f"{net}: {runs} paths"))

    def _borders(self, answer: Admissible) -> list[Border]:
        from shapecheck.torch_oracle import verify

        name = answer.network.name
        borders = ask_torch(answer, verify, lambda number: self._progress(f"{name}: torch, border {number + 1}"))
        if borders and all(border.agrees is None for border in borders):
            self.say("not verified: torch could not be asked about the borders\n")
        return borders

    def _progress(self, words: str) -> None:
        if self.shows_progress:
            self.say(f"\r\x1b[K{words}")

    @staticmethod
    def _plain(answer: Admissible, borders: Sequence[Border]) -> dict[str, Any]:
        listed = [{"sizes": dict(b.sizes), "accepted": b.accepted, "torch_agrees": b.agrees} for b in borders]
        return {**answer.to_dict(), "borders": listed}
