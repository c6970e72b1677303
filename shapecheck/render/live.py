"""The table on a terminal while torch catches up: the prediction at once, torch's verdicts as they come.

While torch works, the table stands still and its last column fills in; of a table higher than the terminal one sees the
part torch is at. At the end the whole table is printed once, so that it can be scrolled back to.
Main definitions: `show` (a table in place, by rich), `StatusLine` (for output that goes elsewhere: a line on stderr).
"""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic
from typing import Any, TextIO, TypeAlias

from shapecheck.render.paint import Painter, safe
from shapecheck.render.rows import NOT_VERIFIED, Cells, cells, error_codes, known_of, rows
from shapecheck.render.table import Layout, lay_out, page
from shapecheck.report import Report, Row

Progress: TypeAlias = Callable[
    [int, Row], None
]  # the place of a layer that torch has run, and its row with torch's shape
Verify: TypeAlias = Callable[[Progress], Report]

LOADING = "loading torch"
SECONDS = 0.1  # between two pictures


def write(report: Report, stream: TextIO, most: int | None, paint: Painter, state: str | None = None) -> None:
    """Print the table of a report onto a terminal."""
    if not report.rows:
        return
    parts = page(report, list(rows(report)), most, paint, state=state, rule=rule_for(stream))
    stream.write("\n".join(parts.top) + "\n")
    for lines in parts.rows:
        stream.write("\n".join(lines) + "\n")
    stream.write("\n".join(parts.bottom) + "\n")
    stream.flush()


def rule_for(stream: TextIO) -> str:
    """The character that rules are drawn with: a line where the terminal's encoding has one."""
    try:
        "─".encode(stream.encoding or "ascii")
    except (LookupError, UnicodeEncodeError):
        return "-"
    return "─"


def show(report: Report, verify: Verify, stream: TextIO, paint: Painter) -> Report:
    """The verified report; the table is on the terminal from the start and complete at the end, interrupted or not."""
    if not report.rows:
        return verify(lambda place, row: None)
    from rich.console import Console
    from rich.live import Live

    console = Console(file=stream, force_terminal=True, highlight=False, color_system=_colours(paint))
    view = _View(report, paint, rule_for(stream), console)
    state: str | None = "interrupted, not verified"
    try:
        with Live(get_renderable=view.frame, console=console, transient=True, auto_refresh=False) as live:
            live.refresh()
            report = verify(seldom(view.progress, live.refresh))
        state = None
    finally:
        write(report, stream, console.width, paint, state)
    return report


def seldom(progress: Progress, refresh: Callable[[], object]) -> Progress:
    """`progress`, and at most ten times a second `refresh` after it; without a thread, for torch forks."""
    last = monotonic()

    def both(place: int, row: Row) -> None:
        nonlocal last
        progress(place, row)
        if monotonic() - last > SECONDS:
            refresh()
            last = monotonic()

    return both


def _colours(paint: Painter) -> Any:
    """rich's own colours, for what it decodes from ours: none where we paint none."""
    return "standard" if paint("x", "bad") != "x" else None


class _View:
    """What is on the terminal while torch works."""

    def __init__(self, report: Report, paint: Painter, rule: str, console: Any) -> None:
        self.report = report
        self.paint = paint
        self.rule = rule
        self.console = console
        self.codes = error_codes(report)
        self.known = known_of(report)
        self.table: list[Cells] = list(rows(report, pending=True))
        self.done = 0
        self.layout: tuple[int, Layout] | None = None

    def progress(self, place: int, row: Row) -> None:
        """Take note of a layer that torch has run."""
        self.table[place] = new = cells(row, self.codes.get(row.node.name, ""), NOT_VERIFIED, self.known)
        self.done = place + 1
        if new.state == "bad":
            self.layout = None

    def frame(self) -> Any:
        """The part of the table that fits onto the terminal."""
        from rich.text import Text

        return Text.from_ansi("\n".join(self.lines(*self.console.size)), no_wrap=True, overflow="crop")

    def lines(self, most: int, height: int) -> list[str]:
        """The lines of a frame of that size."""
        if self.layout is None or self.layout[0] != most:
            self.layout = most, lay_out(self.table, most)
        state = f"torch: {self.done:,} of {len(self.table):,}" if self.done else LOADING
        parts = page(self.report, self.table, most, self.paint, state=state, rule=self.rule, layout=self.layout[1])
        room = max(height - 1 - len(parts.top) - len(parts.bottom), 3)
        start = max(min(self.done - room // 2, len(self.table) - room), 0)
        seen = self.table[start : start + room]
        middle = page(self.report, seen, most, self.paint, state=state, rule=self.rule, layout=self.layout[1]).rows
        return [*parts.top, *[line for lines in middle for line in lines][:room], *parts.bottom]


class StatusLine:
    """A line on a terminal's stderr that says how far torch is, wiped at the end."""

    def __init__(self, stream: TextIO, report: Report) -> None:
        self.stream = stream
        self.name = safe(report.name)
        self.layers = len(report.rows)
        self.text = ""
        self.progress = seldom(self._note, self._say)

    def __enter__(self) -> StatusLine:
        self.text = f"{self.name}: {LOADING}"
        self._say()
        return self

    def __exit__(self, *_: object) -> None:
        self.text = ""
        self._say()

    def _note(self, place: int, row: Row) -> None:
        self.text = f"{self.name}: torch has run {place + 1:,} of {self.layers:,} layers"

    def _say(self) -> None:
        self.stream.write(f"\r\x1b[K{self.text[:78]}")
        self.stream.flush()
