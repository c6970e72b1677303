"""A report as a table in HTML, which notebooks show for it: the cells of `rows.py`, findings beneath.

No scripts and no style sheet; all text is escaped. Of a network of more rows than a page can show only the first and
the last stand there, and how many are left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from html import escape
from itertools import islice

from shapecheck.diagnostics import Diagnostic
from shapecheck.render.paint import safe
from shapecheck.render.rows import COLUMNS, VERDICT, Cells, heading, open_sizes, rows, totals, used
from shapecheck.report import Report

MOST, LAST = 500, 20  # rows shown, and how many of them from the end
COLOURS = {"bad": "#b3261e", "error": "#b3261e", "warning": "#8a5a00", "note": "#666", "advice": "#00639b"}


def render(reports: Iterable[Report]) -> Iterator[str]:
    """The HTML, a piece a report."""
    for report in reports:
        yield from _report(report)


def _report(report: Report) -> Iterator[str]:
    name, inputs = heading(report)
    yield f"<div><p><b>{escape(name)}</b> {escape(inputs)}</p>\n"
    table = list(islice(rows(report), MOST + 1))
    gap = len(report.rows) - MOST
    if gap > 0:
        ends = report.replace(rows=report.rows[-LAST:])
        table = [*table[: MOST - LAST], *rows(ends)]
    shown = used(table)
    yield "<table><thead><tr>" + "".join(_cell("th", COLUMNS[column].title, column) for column in shown)
    yield "</tr></thead><tbody>\n"
    for place, cells in enumerate(table):
        if gap > 0 and place == MOST - LAST:
            yield f'<tr><td colspan="{len(shown)}">… {gap:,} more …</td></tr>\n'
        yield (
            "<tr>" + "".join(_cell("td", cells[column], column, _state(cells, column)) for column in shown) + "</tr>\n"
        )
    yield "</tbody></table>\n"
    yield f"<p>{escape(', '.join(totals(report)))}"
    left_open = open_sizes(report)
    yield (f"<br>{escape(left_open)}" if left_open else "") + "</p>\n"
    if report.diagnostics:
        yield "<ul>" + "".join(map(_finding, report.diagnostics)) + "</ul>\n"
    yield "</div>\n"


def _state(cells: Cells, column: int) -> str:
    return cells.state if column == VERDICT else ""


def _cell(tag: str, text: str, column: int, state: str = "") -> str:
    """A cell, its numbers flush right, a shape unbroken."""
    style = f"text-align:{'right' if COLUMNS[column].right else 'left'};white-space:nowrap"
    if state in COLOURS:
        style += f";color:{COLOURS[state]}"
    return f'<{tag} style="{style}">{escape(text)}</{tag}>'


def _finding(finding: Diagnostic) -> str:
    """A finding as an entry of the list, its hint below."""
    told = escape(_line(str(finding._replace(hint=None))))
    hint = "" if finding.hint is None else f"<br>hint: {escape(_line(finding.hint))}"
    return f'<li style="color:{COLOURS[finding.severity]}">{told}{hint}</li>'


def _line(text: str) -> str:
    return " ".join(safe(part) for part in text.splitlines())
