"""The command `shapes solve`: a question about a network or a layer, its answers as text or JSON, a bar meanwhile.

Main definitions: `ask`, `pieces`.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from json import dumps
from time import monotonic
from typing import Any

from shapecheck.answers import Answers
from shapecheck.render.paint import animates

PATIENCE = 0.5  # seconds before a bar is shown


class Bar:
    """How far a search has come, on stderr where that is a terminal; shown only once it takes long."""

    def __init__(self) -> None:
        self.start = monotonic()
        self.bar: Any = None
        self.task: Any = None
        self.seen = animates(sys.stderr)

    def __call__(self, done: int, total: int) -> None:
        """So many of so many are tried."""
        if not self.seen or (self.bar is None and monotonic() - self.start < PATIENCE):
            return
        if self.bar is None:
            from rich.console import Console
            from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

            columns = (TextColumn("trying"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
            self.bar = Progress(*columns, console=Console(stderr=True), transient=True)
            self.bar.start()
            self.task = self.bar.add_task("", total=total)
        self.bar.update(self.task, completed=done, total=total)

    def close(self) -> None:
        """Take the bar away."""
        if self.bar is not None:
            self.bar.stop()


def ask(
    terms: Sequence[str], net: str | None, want: Sequence[str], free: Sequence[str], sizes: Mapping[str, int]
) -> Answers:
    """The answers; raises `QuestionError` or `SpecError` where there is no question."""
    if net is None:
        from shapecheck.one_layer import solve_layer

        return solve_layer(terms[0], terms[1:])
    from shapecheck.inverse import solve

    bar = Bar()
    try:
        return solve(net, want, free, sizes, progress=bar)
    finally:
        bar.close()


def pieces(answers: Answers, format_: str, limit: int) -> Iterator[str]:
    """The text of the answers."""
    if format_ == "json":
        yield dumps(answers.to_dict(), indent=2, ensure_ascii=False) + "\n"
    else:
        yield from (f"{line}\n" for line in answers.lines(limit))
