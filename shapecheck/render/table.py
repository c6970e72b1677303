"""Reports as tables for people.

In a pipe a table is whole and plain at any width. On a terminal it fits: where the full names are too long, layers
stand indented below the name of what they are in; then shapes and names are wrapped a little, then the columns go that
can best be missed (`rows.COLUMNS` says which), then names and shapes are wrapped as far as need be. A table has one
layout for all its rows, and its lines are made one after the other, so that 10^5 layers are no trouble (rich's own
table takes milliseconds a row, measured).
Main definitions: `render` (into a pipe or file), `page` (onto a terminal), `Layout`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from shapecheck.render.paint import PLAIN, Painter, width
from shapecheck.render.rows import COLUMNS, VERDICT, Cells, admissible_sizes, heading, open_sizes, rows, totals, used
from shapecheck.report import Report

GAP = "  "
NAME, OUTPUT = 0, 2
COMFORT = {NAME: 16, OUTPUT: 20}  # so far names and shapes are wrapped before a column goes
LEAST = {NAME: 8, OUTPUT: 9}  # and so far when no column is left to go


class Page(NamedTuple):
    """A table's parts, each a list of lines; `rows` holds the lines of each layer."""

    top: list[str]
    rows: Iterable[list[str]]
    bottom: list[str]


class Layout(NamedTuple):
    """Which columns are shown, how wide each is, which had to go, and whether names stand in groups."""

    columns: tuple[int, ...]
    widths: tuple[int, ...]
    dropped: tuple[int, ...] = ()
    grouped: bool = False

    @property
    def width(self) -> int:
        """The width of the whole table."""
        return sum(self.widths) + len(GAP) * (len(self.columns) - 1)


def render(reports: Iterable[Report], paint: Painter = PLAIN) -> Iterator[str]:
    """The tables of reports as text, whole, a blank line between them."""
    between = ""
    for report in reports:
        if not report.rows:
            continue
        parts = page(report, list(rows(report)), None, paint)
        yield between + "\n".join(parts.top) + "\n"
        for lines in parts.rows:
            yield "\n".join(lines) + "\n"
        yield "\n".join(parts.bottom) + "\n"
        between = "\n"


def page(
    report: Report,
    table: Sequence[Cells],
    most: int | None,
    paint: Painter,
    *,
    state: str | None = None,
    rule: str = "-",
    layout: Layout | None = None,
) -> Page:
    """The table in at most `most` columns (None: as wide as it is); `state` is said instead of who verified it."""
    layout = layout or lay_out(table, most)
    name, inputs = heading(report)
    titles = [COLUMNS[column].title for column in layout.columns]
    top = [
        *wrapped(
            f"{paint(name, 'title')}{GAP}{inputs}", width(name) + len(GAP) + width(inputs), most, name, inputs, paint
        ),
        "",
        GAP.join(_painted(text, "head", paint) for text in _set(titles, layout)).rstrip(),
        paint(rule * layout.width, "dim"),
    ]
    below = [line for line in (open_sizes(report), admissible_sizes(report), _absent(layout)) if line]
    bottom = [paint(rule * layout.width, "dim"), *flow(totals(report, state), most)]
    bottom += [paint(part, "dim") for line in below for part in fold(line, most or width(line))]
    return Page(top, _rows(table, layout, paint), bottom)


def wrapped(line: str, long: int, most: int | None, name: str, inputs: str, paint: Painter) -> list[str]:
    """The heading in one line where it fits, else the name above the inputs."""
    if most is None or long <= most:
        return [line.rstrip()]
    return [*(paint(part, "title") for part in fold(name, most)), *fold(inputs, most)]


def flow(parts: Sequence[str], most: int | None) -> list[str]:
    """The parts side by side, in as many lines as it takes.

    >>> flow(["5 layers", "10 parameters", "20 MACs"], 26)
    ['5 layers   10 parameters', '20 MACs']
    """
    whole = parts if most is None else [line for part in parts for line in fold(part, most)]
    lines = [whole[0]]
    for part in whole[1:]:
        together = f"{lines[-1]}   {part}"
        if most is not None and width(together) > most:
            lines.append(part)
        else:
            lines[-1] = together
    return lines


def _absent(layout: Layout) -> str:
    titles = [COLUMNS[column].title for column in layout.dropped]
    return f"too narrow for: {', '.join(titles)}" if titles else ""


# Layout --------------------------------------------------------------------------------------------------------------


def lay_out(table: Sequence[Cells], most: int | None) -> Layout:
    """The layout that fits into `most` columns, or comes as near as can be; a column without any text is left out."""
    shown = {i: max(width(COLUMNS[i].title), *map(width, {row[i] for row in table}), 0) for i in used(table)}
    if most is None or _total(shown) <= most:
        return Layout(tuple(shown), tuple(shown.values()))
    flat = shown[NAME]
    shown[NAME] = max(width(COLUMNS[NAME].title), *(width(leaf(row[NAME])) for row in table), 0)
    dropped: list[int] = []
    while _total(shown) > most:
        shrunk = _shrunk(shown, most, COMFORT)
        able = [column for column in shown if COLUMNS[column].drop]
        if _total(shrunk) <= most or not able:
            shown = shrunk if _total(shrunk) <= most else _shrunk(shown, most, LEAST)
            break
        gone = min(able, key=lambda column: COLUMNS[column].drop)
        del shown[gone]
        dropped.append(gone)
    return Layout(tuple(shown), tuple(shown.values()), tuple(sorted(dropped)), flat != shown[NAME])


INDENT = "  "


def group(name: str) -> str:
    """What the layer is in: its name up to the last dot.

    >>> group("layer3.block5.conv2"), leaf("layer3.block5.conv2"), leaf("conv1")
    ('layer3.block5', '  conv2', 'conv1')
    """
    return name.rpartition(".")[0]


def leaf(name: str) -> str:
    """The layer's own name, indented where it is in something."""
    inside, dot, last = name.rpartition(".")
    return f"{INDENT}{last}" if inside else dot + last


def _total(shown: dict[int, int]) -> int:
    return sum(shown.values()) + len(GAP) * (len(shown) - 1)


def _shrunk(shown: dict[int, int], most: int, least: dict[int, int]) -> dict[int, int]:
    """The widths with names, then shapes, made narrower by as much as is needed, but not below `least`."""
    new = dict(shown)
    for column, floor in least.items():
        too_wide = _total(new) - most
        if too_wide > 0:
            new[column] = max(min(floor, new[column]), new[column] - too_wide)
    return new


def fold(text: str, most: int) -> list[str]:
    """The text in lines of at most `most` columns, broken behind . _ / , or a space where there is one.

    >>> fold("layer3.block5.conv2", 14), fold("abcdef", 4)
    (['layer3.block5.', 'conv2'], ['abcd', 'ef'])
    """
    lines = []
    most = max(most, 2)
    while width(text) > most:
        end = fitting(text, most)
        breaks = [found.end() for found in _BREAK.finditer(text, 0, end + 1) if found.end() <= end]
        end = breaks[-1] if breaks and breaks[-1] * 3 > end else end
        lines.append(text[:end].rstrip())
        text = text[end:].lstrip()
    return [*lines, text]


_BREAK = re.compile(r"[._/ ]|, |; ")


def fitting(text: str, most: int) -> int:
    """How many characters of the text fit into `most` columns."""
    if text.isascii():
        return most
    end = 0
    while end < len(text) and width(text[: end + 1]) <= most:
        end += 1
    return max(end, 1)


# Rows ----------------------------------------------------------------------------------------------------------------

STATE_STYLE = {"good": "good", "bad": "bad", "pending": "dim", "": "dim"}


def _rows(table: Iterable[Cells], layout: Layout, paint: Painter) -> Iterator[list[str]]:
    """The lines of each layer; what it shares with the name above it is dim, or said once above a group."""
    before = ""
    for cells in table:
        inside = group(cells.layer)
        head: list[str] = []
        if layout.grouped:
            head = [paint(part, "dim") for part in fold(inside, layout.width)] if inside and inside != before else []
            yield head + _row(cells._replace(layer=leaf(cells.layer)), layout, paint)
        else:
            yield _row(cells, layout, paint, shared(before, cells.layer))
        before = inside


def shared(inside: str, name: str) -> int:
    """How many characters of a name say that it is in what the layer above it is in.

    >>> shared("layer3.block5", "layer3.block6.conv2"), shared("layer3.block5", "layer4.conv1")
    (7, 0)
    """
    while inside and not name.startswith(f"{inside}."):
        inside = group(inside)
    return len(inside) + 1 if inside else 0


def _row(cells: Cells, layout: Layout, paint: Painter, known: int = 0) -> list[str]:
    """The lines of one layer: one, or more where a cell is wrapped; the first `known` characters stood above."""
    texts = [cells[column] for column in layout.columns]
    if all(map(_fits, texts, layout.widths)):
        return [_line(texts, cells.state, layout, paint, known)]
    folded = [fold(text, most) for text, most in zip(texts, layout.widths, strict=True)]
    height = max(map(len, folded))
    lines = [[part[i] if i < len(part) else "" for part in folded] for i in range(height)]
    return [_line(line, cells.state, layout, paint) for line in lines]


def _fits(text: str, most: int) -> bool:
    return len(text) <= most if text.isascii() else width(text) <= most


def _line(texts: Sequence[str], state: str, layout: Layout, paint: Painter, known: int = 0) -> str:
    """One line; spaces at its end are left out."""
    if paint is PLAIN:
        return GAP.join(_set(texts, layout)).rstrip()
    out = [
        _painted(text, _style(column, state), paint)
        for column, text in zip(layout.columns, _set(texts, layout), strict=True)
    ]
    if known and state != "bad":
        name = _set(texts, layout)[0]
        out[0] = paint(name[:known], "dim") + name[known:]
    return GAP.join(out).rstrip()


def _painted(text: str, style: str, paint: Painter) -> str:
    """The text in its style, the spaces behind it left bare."""
    letters = text.rstrip()
    return paint(letters, style) + text[len(letters) :]


def _style(column: int, state: str) -> str:
    if column == VERDICT:
        return STATE_STYLE[state]
    if state == "bad" and column in (NAME, OUTPUT):
        return "bad"
    return "type" if COLUMNS[column].title == "type" else "dim" if COLUMNS[column].drop == 1 else ""


def _set(texts: Sequence[str], layout: Layout) -> list[str]:
    """The texts padded to their columns."""
    out = []
    for column, text, wide in zip(layout.columns, texts, layout.widths, strict=True):
        blank = " " * (wide - (len(text) if text.isascii() else width(text)))
        out.append(blank + text if COLUMNS[column].right else text + blank)
    return out
