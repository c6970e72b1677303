r"""Reports as LaTeX: the table, and layer by layer the formula with the numbers put in (`traced.py` makes those).

The text compiles by itself and needs no package; inside a document of your own, `\input` takes its body as it is.
A `tabular` does not break over pages, so long tables come in several. Main definition: `render`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

from shapecheck.render.paint import safe
from shapecheck.render.rows import COLUMNS, Cells, heading, open_sizes, rows, totals, used
from shapecheck.render.traced import axes_text, worked
from shapecheck.report import Report, Row

ROWS_A_TABLE = 40

# \@nodocument is \relax from \begin{document} on: inside a document the preamble is passed over.
BEGIN = r"""% A document of its own for pdflatex; inside another one, \input{...} takes its body. No package is needed.
\makeatletter\let\shapesend\relax
\ifx\@nodocument\relax\else
  \documentclass[a4paper]{article}
  \setlength{\oddsidemargin}{-13mm}\setlength{\textwidth}{185mm}
  \setlength{\topmargin}{-20mm}\setlength{\textheight}{260mm}
  \def\shapesend{\end{document}}
  \begin{document}
\fi
\makeatother
"""
END = "\\shapesend\n"


def render(reports: Iterable[Report]) -> Iterator[str]:
    """The LaTeX text, piece by piece."""
    yield BEGIN
    for report in reports:
        yield from _network(report)
    yield END


def _network(report: Report) -> Iterator[str]:
    name, inputs = heading(report)
    yield f"\n\\section*{{{escaped(name)}}}\n\\noindent {escaped(inputs)}\n\n"
    table = list(rows(report))
    shown = used(table)
    waiting = iter(table)
    while some := list(islice(waiting, ROWS_A_TABLE)):
        yield from _tabular(some, shown)
    yield f"\\noindent {escaped(', '.join(totals(report)))}.\n"
    if left_open := open_sizes(report):
        yield f"\n\\noindent {escaped(left_open)}.\n"
    yield from _formulas(report.rows)


def _tabular(table: Iterable[Cells], shown: Sequence[int]) -> Iterator[str]:
    columns = "".join("r" if COLUMNS[column].right else "l" for column in shown)
    yield "\\noindent{\\footnotesize\\renewcommand{\\arraystretch}{1.15}"
    yield f"\\begin{{tabular}}{{@{{}}{columns}@{{}}}}\n\\hline\n"
    yield _line(COLUMNS[column].title for column in shown) + "\\hline\n"
    for cells in table:
        yield _line(cells[column] for column in shown)
    yield "\\hline\n\\end{tabular}}\n\n\\medskip\n"


def _line(texts: Iterable[str]) -> str:
    return " & ".join(map(escaped, texts)) + " \\\\\n"


def _formulas(all_rows: Iterable[Row]) -> Iterator[str]:
    """A list of the layers that change a size, each with the formula that says to what."""
    begun = False
    for row in all_rows:
        formulas = worked(row)
        if not formulas:
            continue
        if not begun:
            yield "\n\\subsection*{The sizes, worked out}\n\\begin{description}\n"
            begun = True
        yield f"\\item[{{{escaped(safe(row.name))}}}] {escaped(safe(row.type))}: "
        yield ", ".join(_formula(axes_text(axes, len(row.output)), latex) for axes, latex in formulas) + "\n"
    if begun:
        yield "\\end{description}\n"


def _formula(axes: str, latex: str) -> str:
    return f"$\\displaystyle {latex}$" + (f" ({axes})" if axes else "")


_SPECIAL = {
    "\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "_": r"\_\allowbreak{}",
    "[": "{[}", "]": "{]}", "<": r"\textless{}", ">": r"\textgreater{}", "|": r"\textbar{}", '"': "{''}",
    ".": r".\allowbreak{}", "-": "{-}", "`": "{`}", "'": "{'}",
} | {c: f"\\{c}" for c in "{}$&#%"}  # fmt: skip
ACCENTED = "ÀÁÂÄÇÈÉÊËÌÍÎÏÑÒÓÔÖÙÚÛÜàáâäçèéêëìíîïñòóôöùúûüß"  # what every LaTeX knows without a package
_ODD = re.compile(rf"[^0-9A-Za-z ,:;+*/=()!?@{ACCENTED}]")


def escaped(text: str) -> str:
    r"""The text with LaTeX's special characters held off; a character that plain LaTeX lacks stands as its number.

    >>> print(escaped("conv_1 50% π"))
    conv\_\allowbreak{}1 50\% {[}U+03C0{]}
    """
    return _ODD.sub(lambda found: _SPECIAL.get(found[0]) or f"{{[}}U+{ord(found[0]):04X}{{]}}", text)
