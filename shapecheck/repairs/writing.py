r"""Edits of a spec that keep its layout: an argument set or dropped, an entry put in or taken out, a key renamed.

Each function gives the edits of the text, or None where the layout leaves no simple way. Block style grows by lines of
the same indentation, flow style by parts behind a comma.

Main definitions: `set_value`, `drop`, `set_key`, `set_argument`, `drop_argument`, `insert_entry`, `delete_entry`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any, TypeAlias

from shapecheck.layers import LAYERS, LAZY
from shapecheck.layers.refusal import value_text
from shapecheck.repairs.layout import Entry, Layout, Spot
from shapecheck.repairs.text import Edit
from shapecheck.unroll import argument_names, scalar_argument
from shapecheck.yaml_nodes import NOWHERE, YamlError, plain, read
from shapecheck.yaml_nodes import Node as Tree

Edits: TypeAlias = "list[Edit]"

PLAIN = re.compile(r"[A-Za-z_][\w./-]*(?: [\w./-]+)*")
DASH = re.compile(r"-(?:[ \t]|\r?\n|\r|#[^\r\n]*)*\Z")


def text_of(value: Any) -> str:
    """A value as a spec writes it, texts in quotes where they need them.

    >>> text_of((1, "N")), text_of("l[0]"), text_of("same"), text_of({"size": 3}), text_of("3")
    ('[1, N]', '"l[0]"', 'same', '{size: 3}', '"3"')
    """
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {text_of(item)}" for key, item in value.items()) + "}"
    if isinstance(value, (tuple, list)):
        return "[" + ", ".join(map(text_of, value)) + "]"
    if isinstance(value, str):
        known = PLAIN.fullmatch(value) and isinstance(_value(value), str)
        return value if known else '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return value_text(value)


def _value(text: str) -> Any:
    try:
        return plain(read(text))
    except YamlError:
        return None


# Values and keys ------------------------------------------------------------------------------------------------------


def set_value(spot: Spot, text: str) -> Edits:
    """The edits that write a text where a value stands, or is missing behind its colon."""
    return [Edit(spot.start, spot.end, f" {text}" if spot.empty else text)]


def drop(layout: Layout, spot: Spot) -> Edits | None:
    """The edits that take a value out of the list or map around it, its key too."""
    around = spot.up
    if around is None:
        return None
    index = next(
        (i for i, item in enumerate(around.items) if item is spot or (isinstance(item, tuple) and spot in item)), None
    )
    if index is None:
        return None
    places = [
        (item[0].start, item[1].end) if isinstance(item, tuple) else (item.start, item.end) for item in around.items
    ]
    if around.flow:
        return _drop_flow(layout, around, places, index)
    return _drop_lines(layout, around, places, index)


def _drop_flow(layout: Layout, around: Spot, places: Sequence[tuple[int, int]], index: int) -> Edits | None:
    if layout.text[around.start] not in "[{":  # one pair in a list, `[Linear: 10]`
        return None
    if len(places) == 1:
        return [Edit(around.start + 1, around.end - 1, "")]
    if index == 0:
        return [Edit(places[0][0], places[1][0], "")]
    before = layout.text.rindex(",", places[index - 1][1], places[index][0])
    return [Edit(before, places[index][1], "")]


def _drop_lines(layout: Layout, around: Spot, places: Sequence[tuple[int, int]], index: int) -> Edits | None:
    start, end = places[index]
    if around.kind == "list":
        dash = _dash(layout, start)
        if dash is None:
            return None
        start = dash
    if len(places) == 1:
        return None
    lines = layout.lines
    if not layout.text[lines.start(start) : start].strip(" "):
        first, last = lines.start(start), lines.next(end)
        if last == len(layout.text) and not layout.text.endswith(
            ("\n", "\r")
        ):  # the last line has no end, and keeps none
            return [Edit(lines.end(first - 1) if first else 0, last, "")] if _one_break(layout, first) else None
        return [Edit(first, last, "")]
    if index + 1 < len(places):  # the first one behind a dash
        following = places[index + 1][0]
        if around.kind == "list":
            dash = _dash(layout, following)
            if dash is None:
                return None
            following = dash
        return [Edit(start, following, "")]
    return None


def _one_break(layout: Layout, offset: int) -> bool:
    """Whether the line before ends with one character, so that it is taken whole."""
    return offset == 0 or not layout.text.startswith("\r\n", offset - 2)


def set_key(layout: Layout, mapping: Spot, key: str, text: str) -> Edits | None:
    """The edits that give a map's key this value, written as `text`."""
    if mapping.kind != "map":
        return None
    present = mapping.get(key)
    if present is not None:
        return set_value(present, text)
    if mapping.flow:
        if layout.text[mapping.start] != "{":  # one pair in a list, `[Linear: 10]`
            return [Edit(mapping.start, mapping.start, "{"), Edit(mapping.end, mapping.end, f", {key}: {text}}}")]
        at = mapping.end - 1
        while layout.text[at - 1] in " \t\r\n":
            at -= 1
        if layout.text[at - 1] == "," or not mapping.items:
            return [Edit(at, at, f"{' ' if mapping.items else ''}{key}: {text}")]
        space = " " if mapping.items[-1][1].empty else ""  # `{ReLU: }`: the colon keeps its space
        at = max(at, mapping.items[-1][1].end)
        return [Edit(at, at, f"{space}, {key}: {text}")]
    column = _column(layout, mapping.items[0][0])
    end = layout.lines.end(mapping.end)
    return [Edit(end, end, f"{layout.lines.break_}{' ' * column}{key}: {text}")]


def _column(layout: Layout, spot: Spot) -> int:
    return layout.lines.place(spot.start)[1] - 1


# Arguments ------------------------------------------------------------------------------------------------------------


def names_of(word: str) -> list[str]:
    """The arguments that a spec may give a layer, in the order of a list."""
    cls = LAYERS[word]
    return [name for name in argument_names(cls) if word not in LAZY or name not in cls.inferred]


def meant_by_scalar(word: str, spot: Spot) -> str | None:
    """The argument that a scalar gives a layer."""
    names = scalar_argument(LAYERS[word], names_of(word), _tree(spot))
    return names[0] if names else None


def _tree(spot: Spot) -> Tree:
    return Tree(spot.value if spot.quoted else _value(spot.value), NOWHERE, spot.value, spot.quoted)


def argument_spot(entry: Entry, name: str, names: Sequence[str], scalar: str | None) -> Spot | None:
    """Where the argument's value stands; None where it is not written."""
    given = entry.arguments
    if given is None or given.empty:
        return None
    if given.kind == "map":
        return given.get(name)
    if given.kind == "list" and not _is_one_list(given, names):
        place = names.index(name) if name in names else len(given.items)
        return given.items[place] if place < len(given.items) else None
    first = names[0] if given.kind == "list" and names else scalar
    return given if name == first else None


def _is_one_list(given: Spot, names: Sequence[str]) -> bool:
    """Whether a list is the value of the layer's only argument, as in `Reshape: [N, 400]`."""
    return len(names) == 1 and len(given.items) != 1


def set_argument(
    layout: Layout, entry: Entry, name: str, text: str, names: Sequence[str], scalar: str | None
) -> Edits | None:
    """The edits that give a layer or block this argument; `scalar` is the one that a scalar gives."""
    spot = argument_spot(entry, name, names, scalar)
    if spot is not None:
        return set_value(spot, text)
    given = entry.arguments
    if given is None:
        return [Edit(entry.type.end, entry.type.end, f": {{{name}: {text}}}")]
    if given.kind == "map":
        return set_key(layout, given, name, text)
    if given.empty:
        behind = given.start + (layout.text[given.start : given.start + 1] == " ")
        return [Edit(given.start, behind, f" {{{name}: {text}}}")]
    if given.kind == "list":
        return _set_in_list(layout, given, name, text, names)
    if scalar is None:
        return set_value(given, f"{{{name}: {text}}}")
    return set_value(given, f"{{{scalar}: {layout.written(given)}, {name}: {text}}}")


def _set_in_list(layout: Layout, given: Spot, name: str, text: str, names: Sequence[str]) -> Edits | None:
    """The same for arguments in torch's order: one more, or a mapping in the list's place."""
    if not given.flow or name not in names:
        return None
    if _is_one_list(given, names):
        return set_value(given, f"{{{names[0]}: {layout.written(given)}, {name}: {text}}}")
    if names.index(name) == len(given.items):
        end = given.items[-1].end if given.items else given.start + 1
        return [Edit(end, end, f", {text}" if given.items else text)]
    listed = [f"{word}: {layout.written(item)}" for word, item in zip(names, given.items, strict=False)]
    return set_value(given, "{" + ", ".join([*listed, f"{name}: {text}"]) + "}")


def drop_argument(layout: Layout, entry: Entry, name: str, names: Sequence[str], scalar: str | None) -> Edits | None:
    """The edits that leave an argument to its default, or to the input."""
    spot = argument_spot(entry, name, names, scalar)
    if spot is None:
        return None
    if spot is entry.arguments:
        return drop_arguments(layout, entry)
    if spot.up is not None and spot.up.kind == "list":
        return drop(layout, spot) if spot is spot.up.items[-1] else set_value(spot, "null")
    assert entry.arguments is not None
    if len(entry.arguments.items) == 1:
        return drop_arguments(layout, entry)
    return drop(layout, spot)


def drop_arguments(layout: Layout, entry: Entry) -> Edits | None:
    """The edits that leave a layer without arguments."""
    if entry.arguments is None:
        return None
    if len(entry.spot.items) == 1 and (not entry.spot.flow or layout.text[entry.spot.start] != "{"):
        return [Edit(entry.type.end, entry.arguments.end, "")]
    return [Edit(entry.type.end, entry.arguments.end, ": " if entry.spot.flow else ":")]


# Entries --------------------------------------------------------------------------------------------------------------


def insert_entry(layout: Layout, around: Spot, index: int, text: str) -> Edits | None:
    """The edits that put an entry into a list before its entry `index`, or at its end."""
    if around.kind != "list":
        return None
    if around.flow:
        if not around.items:
            return [Edit(around.start + 1, around.end - 1, text)]
        if index < len(around.items):
            return [Edit(around.items[index].start, around.items[index].start, f"{text}, ")]
        return [Edit(around.items[-1].end, around.items[-1].end, f", {text}")]
    if not around.items:
        return None
    break_ = layout.lines.break_
    dash = _dash(layout, around.items[min(index, len(around.items) - 1)].start)
    if dash is None:
        return None
    column = layout.lines.place(dash)[1] - 1
    if index < len(around.items):
        return [Edit(dash, dash, f"- {text}{break_}{' ' * column}")]
    end = layout.lines.end(around.end)
    return [Edit(end, end, f"{break_}{' ' * column}- {text}")]


def delete_entry(layout: Layout, entry: Entry) -> Edits | None:
    """The edits that take an entry out; the only one of a list becomes Identity, which does nothing."""
    if len(entry.around.items) == 1:
        return set_value(entry.spot, "Identity")
    return drop(layout, entry.spot)


def _dash(layout: Layout, start: int) -> int | None:
    """The place of the dash that begins a block's item."""
    found = DASH.search(layout.text, max(layout.lines.start(start) - 200, 0), start)
    if found is None:
        return None
    return found.start()


def beside(layout: Layout, entry: Entry, attributes: Iterable[tuple[str, str]]) -> Edits | None:
    """The edits that write attributes beside a layer: its name, what it reads."""
    if entry.spot.kind == "scalar":
        rest = ", ".join(f"{key}: {text}" for key, text in attributes)
        return set_value(entry.spot, f"{{{layout.written(entry.spot)}: , {rest}}}")
    found: Edits = []
    for key, text in attributes:
        edits = set_key(layout, entry.spot, key, text)
        if edits is None:
            return None
        found += edits
    return found
