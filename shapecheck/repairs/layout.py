r"""Where each value of a YAML text begins and ends, which the spec's reader need not know: what an edit is made of.

Main definitions: `Spot` (a value's place, with its parts), `Layout` (the spots of a text, found by line and column),
`Entry` (a layer's entry: its list, its type, its arguments, what stands beside).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from shapecheck.foresee import ATTRIBUTES
from shapecheck.repairs.text import Lines
from shapecheck.yaml_nodes import YamlError, events


class Spot:
    """A value of the text from `start` to `end`: a "scalar", a "list" or a "map" (or an "alias").

    A list's `items` are spots, a map's are pairs of them; `flow` says that it is written with brackets, `up` is the
    list or map around it. The end of a block is that of its last part, comments behind it left out.
    """

    __slots__ = ("end", "flow", "items", "kind", "quoted", "start", "up", "value")

    def __init__(self, kind: str, start: int, end: int, up: Spot | None, value: str = "", quoted: bool = False) -> None:
        self.kind = kind
        self.start = start
        self.end = end
        self.up = up
        self.value = value
        self.quoted = quoted
        self.flow = False
        self.items: list[Any] = []

    @property
    def empty(self) -> bool:
        """Whether nothing is written: the value of `ReLU:`."""
        return self.kind == "scalar" and self.start == self.end

    def get(self, key: str) -> Spot | None:
        """The value of a map's key; the first one where there are several."""
        return next((value for name, value in self.pairs() if name.value == key), None)

    def key_of(self, value: Spot) -> Spot | None:
        """The key of a map's value."""
        return next((key for key, item in self.pairs() if item is value), None)

    def pairs(self) -> list[tuple[Spot, Spot]]:
        """The keys and values of a map; none of anything else."""
        return self.items if self.kind == "map" else []

    def walk(self) -> Iterator[Spot]:
        """The spot and all inside it, keys included."""
        stack = [self]
        while stack:
            spot = stack.pop()
            yield spot
            inside = [part for pair in spot.items for part in pair] if spot.kind == "map" else spot.items
            stack.extend(reversed(inside))


class Entry(NamedTuple):
    """A layer's entry: the spot of the list it stands in, its place there, its own spot, its type and its arguments."""

    around: Spot
    place: int
    spot: Spot
    type: Spot
    arguments: Spot | None

    def beside(self, attribute: str) -> Spot | None:
        """The value of `name`, `from`, `repeat` or `output`."""
        return self.spot.get(attribute)


class Layout:
    """The spots of a text; `root` is None where the text is empty or no YAML."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.lines = Lines(text)
        self.scalars: dict[int, Spot] = {}
        self.others: dict[int, Spot] = {}
        try:
            self.root = self._read()
        except (YamlError, IndexError):
            self.root = None

    def _read(self) -> Spot | None:
        """The spot of the document, which is built with a list of what is open."""
        root: Spot | None = None
        open_: list[Spot] = []
        keys: list[Spot | None] = []
        for event in events(self.text):
            name = type(event).__name__
            if name in ("SequenceEndEvent", "MappingEndEvent"):
                spot = open_.pop()
                keys.pop()
                spot.end = self._place(event.end_mark) if spot.flow else _last_end(spot)
                continue
            if name not in ("ScalarEvent", "AliasEvent", "SequenceStartEvent", "MappingStartEvent"):
                continue
            spot = self._spot(event, name, open_[-1] if open_ else None)
            if root is None:
                root = spot
            self._put(spot, open_, keys)
            if spot.kind in ("list", "map"):
                open_.append(spot)
                keys.append(None)
        return root

    def _spot(self, event: Any, name: str, up: Spot | None) -> Spot:
        start, end = self._place(event.start_mark), self._place(event.end_mark)
        if name == "ScalarEvent":
            spot = Spot("scalar", start, end, up, event.value, bool(event.style))
            self.scalars.setdefault(start, spot)
            return spot
        if name == "AliasEvent":
            return Spot("alias", start, end, up, event.anchor)
        spot = Spot("list" if name == "SequenceStartEvent" else "map", start, end, up)
        spot.flow = bool(event.flow_style)
        self.others.setdefault(start, spot)
        return spot

    def _put(self, spot: Spot, open_: list[Spot], keys: list[Spot | None]) -> None:
        """Put a spot into the list or map that is open."""
        if not open_:
            return
        if open_[-1].kind == "list":
            open_[-1].items.append(spot)
        elif keys[-1] is None:
            keys[-1] = spot
        else:
            key = keys[-1]
            if spot.empty:  # nothing is written: its place is behind the colon
                spot.start = spot.end = self.text.find(":", key.end) + 1
            open_[-1].items.append((key, spot))
            keys[-1] = None

    def _place(self, mark: Any) -> int:
        return self.lines.offset(mark.line + 1, mark.column + 1)

    def written(self, spot: Spot) -> str:
        """The spot as it stands in the text."""
        return self.text[spot.start : spot.end]

    def scalar(self, line: int | None, column: int | None) -> Spot | None:
        """The scalar that begins at a line and column."""
        return None if not line or not column else self.scalars.get(self.lines.offset(line, column))

    def at(self, line: int | None, column: int | None) -> Spot | None:
        """The list or map, else the scalar, that begins at a line and column."""
        if not line or not column:
            return None
        offset = self.lines.offset(line, column)
        return self.others.get(offset) or self.scalars.get(offset)

    def top(self, key: str) -> Spot | None:
        """The value of a key at the top."""
        return None if self.root is None else self.root.get(key)

    def entry_at(self, line: int | None, column: int | None) -> Entry | None:
        """The entry whose type begins at a line and column."""
        word = self.scalar(line, column)
        return None if word is None else entry_of(word)

    def entry_around(self, line: int | None, column: int | None) -> Entry | None:
        """The innermost entry around a place."""
        spot = self.scalar(line, column) or self.at(line, column)
        while spot is not None:
            if spot.up is not None and spot.up.kind == "list" and (found := _entry(spot)) is not None:
                return found
            spot = spot.up
        return None

    def entries(self) -> Iterator[Entry]:
        """All that can be an entry, in the text's order."""
        for spot in self.root.walk() if self.root is not None else ():
            if holds_entries(spot):
                yield from (found for item in spot.items if (found := _entry(item)) is not None)


LISTS = ("layers", "body", "shortcut", "Sequential", "Residual")  # keys whose lists are of entries


def holds_entries(spot: Spot) -> bool:
    """Whether a list is one of entries: layers, a block's, a structure's, a path."""
    up = spot.up
    if spot.kind != "list" or up is None:
        return False
    if up.kind == "list":
        key = up.up.key_of(up) if up.up is not None else None
        return (key is not None and key.value == "paths") or holds_entries(up)
    key = up.key_of(spot)
    if key is None:
        return False
    blocks = up.up.key_of(up) if up.up is not None else None
    return key.value in LISTS or (
        blocks is not None and blocks.value == "blocks" and up.up is not None and up.up.up is None
    )


def entry_of(word: Spot) -> Entry | None:
    """The entry that has this word as its type: a list's item, or the key of one."""
    spot = word if word.up is None or word.up.kind == "list" else word.up
    if spot.up is None or not holds_entries(spot.up):
        return None
    arguments = next((value for key, value in spot.pairs() if key is word), None)
    return Entry(spot.up, spot.up.items.index(spot), spot, word, arguments)


def _entry(spot: Spot) -> Entry | None:
    """The entry that a list's item is, if it can be one."""
    if spot.kind == "scalar":
        return entry_of(spot)
    word = next((key for key, _ in spot.pairs() if key.value not in ATTRIBUTES), None)
    return None if word is None else entry_of(word)


def _last_end(spot: Spot) -> int:
    """Where the last part of a block ends."""
    if not spot.items:
        return spot.end
    last = spot.items[-1]
    return int(last[1].end if isinstance(last, tuple) else last.end)
