"""Reports as Markdown: a heading, a table and the totals for each network, as GitHub renders it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from shapecheck.render.rows import COLUMNS, admissible_sizes, heading, open_sizes, rows, totals, used
from shapecheck.report import Report


def render(reports: Iterable[Report]) -> Iterator[str]:
    """The Markdown text, piece by piece."""
    between = ""
    for report in reports:
        name, inputs = heading(report)
        yield f"{between}## {escaped(name)}\n\n{escaped(inputs)}\n\n"
        table = list(rows(report))
        shown = used(table)
        yield _line(COLUMNS[column].title for column in shown)
        yield _line("---:" if COLUMNS[column].right else "---" for column in shown)
        for cells in table:
            yield _line(escaped(cells[column]) for column in shown)
        yield "\n" + ", ".join(map(escaped, totals(report))) + ".\n"
        for line in filter(None, (open_sizes(report), admissible_sizes(report))):
            yield f"\n{escaped(line)}.\n"
        between = "\n"


def _line(texts: Iterable[str]) -> str:
    return "| " + " | ".join(texts) + " |\n"


_SPECIAL = re.compile(r"([\\`*_{}\[\]<>|~$&#])")


def escaped(text: str) -> str:
    r"""The text with what Markdown would read as markup held off.

    >>> escaped("[N, 6] a_b|c")
    '\\[N, 6\\] a\\_b\\|c'
    """
    return _SPECIAL.sub(r"\\\1", text)
