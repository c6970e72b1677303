"""A report as a tree: what layers stand in is shown above them, with the sums of its parameters and multiply-adds.

`depth` shows so many levels and sums up what is below. A group is what layers of one path prefix make without others
between them, so that a module called twice stands twice.
Main definitions: `tree` (cells of the tree's lines), `render`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from shapecheck.render.paint import PLAIN, Painter, safe
from shapecheck.render.rows import Cells, cells, error_codes, exact, human, rows, shown_shape
from shapecheck.render.table import page
from shapecheck.report import Report, Row, total

INDENT = "  "


class Group(NamedTuple):
    """The rows from `first` to before `last`, all of which stand in `path`."""

    path: tuple[str, ...]
    first: int
    last: int


def tree(report: Report, depth: int | None = None, *, pending: bool = False) -> list[Cells]:
    """The lines of a report's tree: a line a layer, and one above each group, the names indented."""
    kinds = {} if report.network is None else report.network.groups
    flat = list(rows(report, pending=pending))
    codes = error_codes(report)
    return list(_level(report.rows, flat, kinds, codes, Group((), 0, len(flat)), depth))


def _level(
    table: Sequence[Row], flat: Sequence[Cells], kinds: Mapping[str, str], codes: Mapping[str, str], group: Group,
    depth: int | None,
) -> Iterator[Cells]:  # fmt: skip
    """The lines below a group."""
    level = len(group.path)
    for inner in _groups(table, group):
        name = INDENT * level + safe(".".join(inner.path[level:]))
        single = inner.last - inner.first == 1 and len(_path(table[inner.first])) == len(inner.path)
        if single:
            yield flat[inner.first]._replace(layer=name)
            continue
        yield _summary(table[inner.first : inner.last], flat[inner.first : inner.last], kinds, codes, inner.path, name)
        if depth is None or level + 1 < depth:
            yield from _level(table, flat, kinds, codes, inner, depth)


def _groups(table: Sequence[Row], group: Group) -> Iterator[Group]:
    """The groups and layers right below a group, in order."""
    level = len(group.path)
    first = group.first
    while first < group.last:
        path = _path(table[first])
        key = path[: level + 1]
        last = first + 1
        if len(path) > level + 1:
            while last < group.last and len(_path(table[last])) > level + 1 and _path(table[last])[: level + 1] == key:
                last += 1
        yield Group(key, first, last)
        first = last


def _path(row: Row) -> tuple[str, ...]:
    return tuple(row.name.split("."))


def _summary(
    table: Sequence[Row], flat: Sequence[Cells], kinds: Mapping[str, str], codes: Mapping[str, str],
    path: tuple[str, ...], name: str,
) -> Cells:  # fmt: skip
    """The line above a group: what it gives at its end, and its sums."""
    outputs = [(row, line) for row, line in zip(table, flat, strict=True) if row.node.sources] or [
        (table[-1], flat[-1])
    ]
    end, line = outputs[-1]
    bad = next((codes[row.name] for row in table if row.name in codes), "")
    states = {one.state for one in flat}
    state = "bad" if bad or "bad" in states else "good" if states == {"good"} else ""
    told = bad or (line.torch if state != "bad" else "")
    return cells(end, "")._replace(
        layer=name, type=safe(kinds.get(".".join(path), "")), output=shown_shape(end.output),
        params=exact(total(row.params for row in table)), macs=human(total(row.macs for row in table)),
        field=line.field, torch=told if state != "" or not told else "", state=state,
    )  # fmt: skip


def render(
    reports: Iterable[Report],
    paint: Painter = PLAIN,
    depth: int | None = None,
    most: int | None = None,
    rule: str = "-",
) -> Iterator[str]:
    """The trees of reports as text, a blank line between them; `most` is the width of a terminal."""
    between = ""
    for report in reports:
        if not report.rows:
            continue
        parts = page(report, tree(report, depth), most, paint, rule=rule)
        yield between + "\n".join(parts.top) + "\n"
        for lines in parts.rows:
            yield "\n".join(lines) + "\n"
        yield "\n".join(parts.bottom) + "\n"
        between = "\n"
