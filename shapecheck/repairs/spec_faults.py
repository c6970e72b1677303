"""Changes that may mend a fault of the spec itself: a word misspelt, an argument missing, a key that has no place.

The hint's own words come first, then what each code is mostly caused by, at last what stands there taken out. Main
definition: `spec_changes`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from difflib import get_close_matches
from typing import Any

from shapecheck.diagnostics import Diagnostic
from shapecheck.foresee import ATTRIBUTES, STRUCTURES
from shapecheck.layers import LAYERS
from shapecheck.repairs.arguments import entry_of_row, listed_sizes, set_on
from shapecheck.repairs.calls import parameters_of
from shapecheck.repairs.inputs import shapes_of
from shapecheck.repairs.layout import Entry, Spot
from shapecheck.repairs.text import Edit
from shapecheck.repairs.trial import Change, Trial
from shapecheck.repairs.writing import (
    Edits,
    beside,
    delete_entry,
    drop,
    drop_arguments,
    insert_entry,
    names_of,
    set_argument,
    set_key,
    set_value,
    text_of,
)
from shapecheck.report import Row
from shapecheck.sizes import NAME
from shapecheck.spec import KEYS
from shapecheck.unroll import scalar_argument

MEANT = re.compile(r"did you mean (.+)\?")
PAIR = re.compile(r"(\w+): (.+)")
CALL = re.compile(r"[A-Z]\w*(?:: .+)?")
NUMBERS = (1, 3, 2, 4, 8, 16, 64)  # for an argument that is missing; the author knows better
USUAL_INPUTS = ("[N, 3, 224, 224]", "[N, 3, 32, 32]", "[N, 1, 28, 28]", "[N, 3, 64]", "[N, 8]", "[N, 784]")


def spec_changes(trial: Trial, finding: Diagnostic) -> Iterator[Change]:
    """What may mend a fault of the spec; the costs say how large each change is."""
    spot = trial.layout.scalar(finding.line, finding.column) or trial.layout.at(finding.line, finding.column)
    if spot is not None:
        yield from _as_hinted(trial, finding, spot)
    for guess in GUESSES.get(finding.code, ()):
        yield from guess(trial, finding, spot)
    if spot is not None:
        yield from _taken_out(trial, finding, spot)


# What the hint says ---------------------------------------------------------------------------------------------------


def _as_hinted(trial: Trial, finding: Diagnostic, spot: Spot) -> Iterator[Change]:
    hint = finding.hint or ""
    if found := MEANT.fullmatch(hint):
        yield Change(f"write {found[1]} instead of {spot.value}", set_value(spot, text_of(found[1])), 1.0)
    key = spot.up.key_of(spot) if spot.up is not None else None
    if (found := PAIR.fullmatch(hint)) and key is not None and key.value == found[1]:
        cost = 1.2 if spot.kind == "scalar" and not found[2].startswith("[") else 3.5
        yield Change(
            f"set {found[1]} to {found[2]} (it is {trial.layout.written(spot)})", set_value(spot, found[2]), cost
        )
    words = hint.removeprefix("a space after the colon: ").removeprefix("- ")
    if finding.code == "SP101" and CALL.fullmatch(words) and spot.kind == "scalar":
        yield Change(f"write {words}", set_value(spot, words), 1.0)


def _taken_out(trial: Trial, finding: Diagnostic, spot: Spot) -> Iterator[Change]:
    """What stands at the place taken out: the key, the value, the entry."""
    edits = drop(trial.layout, spot)
    if edits:
        written = trial.layout.written(spot)
        claim = spot.up is not None and spot.up.get("output") is spot
        words = "claim nothing" if claim else f"take {written if len(written) < 40 else 'what stands there'} out"
        yield Change(words, edits, 1.8 if claim else 3.0)
    entry = trial.layout.entry_around(finding.line, finding.column)
    if entry is not None:
        edits = delete_entry(trial.layout, entry)
        if edits:
            yield Change(f"take the entry {entry.type.value} out", edits, 5.0)
        edits = drop_arguments(trial.layout, entry)
        if edits:
            yield Change(f"leave out what {entry.type.value} is given", edits, 4.5)
    if spot.up is not None and spot.up.kind == "list" and spot.kind != "scalar":
        edits = delete_entry(trial.layout, Entry(spot.up, spot.up.items.index(spot), spot, spot, None))
        if edits:
            yield Change("take this entry out", edits, 5.0)


# Arguments ------------------------------------------------------------------------------------------------------------


def _missing(trial: Trial, finding: Diagnostic, spot: Spot | None) -> Iterator[Change]:
    """SP104: a value for what must be given."""
    entry = trial.layout.entry_at(finding.line, finding.column)
    if entry is None:
        return
    word = entry.type.value
    missing = list(finding.facts.get("missing", ()))
    if not missing and (found := re.search(r" needs (\w+)$", finding.message)):
        missing = [found[1]]
    row = next((row for row in trial.rows if entry_of_row(trial, row.node) == entry), None)
    for place, number in enumerate(_guesses(row)):
        edits = _given(trial, entry, missing, str(number))
        if edits:
            words = f"{word}: set {' and '.join(missing)} to {number}, or to what you mean"
            yield Change(words, edits, 1.5 + 0.1 * place)


def _given(trial: Trial, entry: Entry, missing: list[str], text: str) -> Edits | None:
    """The edits that give a layer or block all that is missing."""
    layout, word = trial.layout, entry.type.value
    names = names_of(word) if word in LAYERS else _parameters(trial, word)
    scalar = scalar_argument(LAYERS[word], names, None) if word in LAYERS else names
    nothing = entry.arguments is None or entry.arguments.empty
    if missing == scalar[:1] and nothing:
        return (
            [Edit(entry.type.end, entry.type.end, f": {text}")]
            if entry.arguments is None
            else set_value(entry.arguments, text)
        )
    if nothing or entry.arguments is None or entry.arguments.kind != "map":
        rest = "".join(f", {name}: {text}" for name in missing[1:])
        first = scalar[0] if scalar else None
        return set_argument(layout, entry, missing[0], text + rest, names, first) if missing else None
    parts = [set_key(layout, entry.arguments, name, text) for name in missing]
    return None if None in parts else [edit for part in parts for edit in part or []]


def _guesses(row: Row | None) -> list[int]:
    shape = row.inputs[0] if row is not None and row.inputs else None
    sizes = [size for size in shape[1:2] if type(size) is int] if isinstance(shape, tuple) else []
    return list(dict.fromkeys([*NUMBERS[:2], *sizes, *NUMBERS[2:]]))


def _parameters(trial: Trial, word: str) -> list[str]:
    """The parameters of a block of the spec."""
    blocks = trial.layout.top("blocks")
    block = None if blocks is None else blocks.get(word)
    return [] if block is None else parameters_of(block)


def _unknown_argument(trial: Trial, finding: Diagnostic, spot: Spot | None) -> Iterator[Change]:
    """SP102: an argument that the layer does not have, or one too many."""
    entry = trial.layout.entry_around(finding.line, finding.column)
    if entry is None or spot is None:
        return
    word = entry.type.value
    names = names_of(word) if word in LAYERS else _parameters(trial, word)
    if spot is entry.arguments:
        if spot.kind == "list" and len(spot.items) > len(names) > 0:
            end = spot.items[len(names) - 1].end
            yield Change(
                f"{word}: leave out the arguments behind the {len(names)}.", [Edit(end, spot.items[-1].end, "")], 1.2
            )
        edits = drop_arguments(trial.layout, entry)
        if edits:
            yield Change(f"{word}: leave out what it is given", edits, 1.4)
        return
    given = [key.value for key, _ in spot.up.pairs()] if spot.up is not None else []
    free = [name for name in names if name not in given]
    for place, name in enumerate(get_close_matches(spot.value, free, 3, 0.5)):
        yield Change(f"{word}: write {name} instead of {spot.value}", set_value(spot, name), 1.3 + 0.3 * place)
    value = next((value for key, value in spot.up.pairs() if key is spot), None) if spot.up is not None else None
    out = drop(trial.layout, spot)
    if value is not None and out is not None and spot.value in ATTRIBUTES:
        written = trial.layout.written(value)
        moved = _moved_beside(trial, entry, spot.value, written, out)
        if moved:
            yield Change(f"{spot.value} stands beside {word}", moved, 1.1)
    if out is not None:
        yield Change(f"{word}: leave out {spot.value}", out, 2.2)


def _moved_beside(trial: Trial, entry: Entry, key: str, text: str, out: Edits) -> Edits | None:
    edits = beside(trial.layout, entry, [(key, text)])
    if edits is None:
        return None
    if any(one.start < other.end and other.start < one.end for one in edits for other in out):
        return None
    return [*out, *edits]


# Names ----------------------------------------------------------------------------------------------------------------


def _unknown_layer(trial: Trial, finding: Diagnostic, spot: Spot | None) -> Iterator[Change]:
    """SP101: a type that is no layer."""
    if spot is None or spot.kind != "scalar":
        return
    blocks = trial.layout.top("blocks")
    known = [*LAYERS, *STRUCTURES, *([key.value for key, _ in blocks.pairs()] if blocks is not None else [])]
    bare = {name.lower(): name for name in known}
    for place, near in enumerate(get_close_matches(spot.value.lower(), bare, 6, 0.5)):
        yield Change(f"write {bare[near]} instead of {spot.value}", set_value(spot, bare[near]), 1.1 + 0.15 * place)


def _unknown_source(trial: Trial, finding: Diagnostic, spot: Spot | None) -> Iterator[Change]:
    """SP105: a name that nothing has here, or a layer that does not say what it reads."""
    entry = trial.layout.entry_around(finding.line, finding.column)
    if spot is None:
        return
    if spot.up is not None and "size named" in finding.message:
        yield from _unknown_size(trial, finding, spot)
        return
    known = _names(trial, spot)
    if entry is not None and spot is entry.type:
        for place, name in enumerate(reversed(known[:20])):
            edits = beside(trial.layout, entry, [("from", text_of(name))])
            if edits:
                yield Change(f"{spot.value}: read {name}", edits, 1.5 + 0.05 * place)
        return
    word = spot.value
    alike = get_close_matches(word, known, 3, 0.5)
    for place, name in enumerate(dict.fromkeys([*alike, *known[:30]])):
        cost = 1.1 if name in alike[:1] else 2.2 + 0.05 * place
        yield Change(f"read {name} instead of {word}", set_value(spot, text_of(name)), cost)
    if entry is not None and (source := entry.beside("from")) is spot:
        out = drop(trial.layout, source)
        if out:
            yield Change(f"{entry.type.value}: read the entry before", out, 2.0)


def _names(trial: Trial, spot: Spot) -> list[str]:
    """The names that stand before a place, the nearest first, and the inputs'."""
    named = [found for entry in trial.layout.entries() if (found := entry.beside("name")) and found.start < spot.start]
    line = trial.layout.lines.place(spot.start)[0]
    counted = [row.name for row in trial.rows if "." not in row.name and (row.line or 0) < line]
    inputs = [name for name, _ in shapes_of(trial)]
    return list(dict.fromkeys([*(found.value for found in reversed(named)), *reversed(counted), *inputs]))


def _unknown_size(trial: Trial, finding: Diagnostic, spot: Spot) -> Iterator[Change]:
    """A size's name that no input has: another name, or a number."""
    sizes = [item for _, shape in shapes_of(trial) for item in shape.items if item.kind == "scalar"]
    names = dict.fromkeys(item.value for item in sizes if NAME.fullmatch(item.value))
    targets = [spot] if spot.kind == "scalar" else [item for item in spot.items if item.kind == "scalar"]
    for target in targets:
        if not NAME.fullmatch(target.value) or target.value in names:
            continue
        for place, name in enumerate(names):
            yield Change(f"write {name} instead of {target.value}", set_value(target, name), 1.1 + 0.1 * place)
        for place, item in enumerate(sizes):
            if item.value.isdigit():
                yield Change(
                    f"write {item.value} instead of {target.value}", set_value(target, item.value), 1.9 + 0.1 * place
                )
        for row in trial.rows:
            if (found := trial.layout.entry_around(finding.line, finding.column)) and entry_of_row(
                trial, row.node
            ) == found:
                yield from listed_sizes(trial, row)
                break
    claim = spot if spot.kind == "list" else spot.up
    if claim is not None and claim.up is not None and (out := drop(trial.layout, claim)):
        yield Change("claim nothing", out, 3.2)


def _doubled_key(trial: Trial, finding: Diagnostic, spot: Spot | None) -> Iterator[Change]:
    """SP106: one of the two keys."""
    if spot is None or spot.up is None:
        return
    for place, (key, _) in enumerate(pair for pair in reversed(spot.up.pairs()) if pair[0].value == spot.value):
        out = drop(trial.layout, key)
        if out:
            value = next(value for other, value in spot.up.pairs() if other is key)
            yield Change(f"leave out {spot.value}: {trial.layout.written(value)}", out, 1.0 + 0.1 * place)


def _taken_name(trial: Trial, finding: Diagnostic, spot: Spot | None) -> Iterator[Change]:
    """SP107: another name for a layer, or for a block."""
    if spot is None or spot.kind != "scalar":
        return
    entry = trial.layout.entry_around(finding.line, finding.column)
    if entry is not None and entry.place and entry.beside("name") is spot:
        twins = [
            other for other in entry.around.items if trial.layout.written(other) == trial.layout.written(entry.spot)
        ]
        if len(twins) > 1 and (out := delete_entry(trial.layout, entry)):
            yield Change(f"take the second {entry.type.value} out, which is like the first", out, 1.1)
    taken = {row.name for row in trial.rows} | {*LAYERS, *STRUCTURES} | {s.value for s in trial.layout.scalars.values()}
    for number in range(2, 200):
        if (name := f"{spot.value}_{number}") not in taken:
            yield Change(f"call it {name} instead of {spot.value}", set_value(spot, name), 1.2)
            return


def _recursion(trial: Trial, finding: Diagnostic, spot: Spot | None) -> Iterator[Change]:
    """SP108: the call inside its own block taken out."""
    entry = trial.layout.entry_around(finding.line, finding.column)
    if entry is not None:
        edits = delete_entry(trial.layout, entry)
        if edits:
            yield Change(f"take {entry.type.value} out of itself", edits, 1.5)
        yield Change(f"Identity instead of {entry.type.value}", set_value(entry.spot, "Identity"), 1.8)


# Structure ------------------------------------------------------------------------------------------------------------


def _structure(trial: Trial, finding: Diagnostic, spot: Spot | None) -> Iterator[Change]:
    """SP100: keys in the wrong place, entries that are none, parts that are missing."""
    root = trial.layout.root
    if root is None or (spot is not None and spot.up is root) or spot is root or spot is None:
        yield from _top(trial, finding, spot)
    if spot is None:
        return
    entry = trial.layout.entry_around(finding.line, finding.column)
    around = spot.up
    if (
        around is not None
        and around.kind == "map"
        and not (entry is not None and entry.type is spot and spot.value in STRUCTURES)
    ):
        known = [*ATTRIBUTES, *LAYERS, "body", "shortcut", "paths", "dim", "params", "layers"]
        for place, near in enumerate(get_close_matches(spot.value, known, 3, 0.5)):
            yield Change(f"write {near} instead of {spot.value}", set_value(spot, near), 1.2 + 0.2 * place)
    if entry is not None:
        yield from _entry_forms(trial, finding, spot, entry)
    mapping = around if around is not None and around.kind == "map" else spot if spot.kind == "map" else None
    if (
        mapping is not None
        and mapping.up is not None
        and mapping.up.kind == "list"
        and not (entry and entry.spot is not mapping)
    ):
        yield from _map_entry(trial, mapping)
    if spot.kind == "list" and around is not None and around.kind == "list" and spot.flow and spot.items:
        inner = trial.layout.text[spot.items[0].start : spot.items[-1].end]
        yield Change("take the brackets off", set_value(spot, inner), 1.6)


def _entry_forms(trial: Trial, finding: Diagnostic, spot: Spot, entry: Entry) -> Iterator[Change]:
    """The parts that Residual, Sequential and Branches are written with."""
    word = entry.type.value
    needed = {"Branches": ("paths", "[[Identity]]"), "Residual": ("body", "[Identity]")}.get(word)
    if needed and finding.message.endswith(f"needs {needed[0]}") and entry.arguments is not None:
        edits = set_key(trial.layout, entry.arguments, *needed)
        if edits:
            yield Change(f"{word}: {needed[0]}: {needed[1]}, or what you mean", edits, 1.8)
    if word in STRUCTURES and entry.arguments is not None and entry.arguments.kind == "scalar":
        form = "{paths: [[Identity]]}" if word == "Branches" else "[Identity]"
        yield Change(f"{word}: {form}, or what you mean", set_value(entry.arguments, form), 2.0)


def _map_entry(trial: Trial, mapping: Spot) -> Iterator[Change]:
    """An entry whose arguments stand beside it, that has two types or none, or whose name is in the type's place."""
    layout = trial.layout
    blocks = layout.top("blocks")
    types = {*LAYERS, *STRUCTURES, *([key.value for key, _ in blocks.pairs()] if blocks is not None else [])}
    pairs = mapping.pairs()
    typed = [(key, value) for key, value in pairs if key.value in types]
    attributes = [(key, value) for key, value in pairs if key.value in ATTRIBUTES]
    others = [(key, value) for key, value in pairs if key.value not in ATTRIBUTES and key.value not in types]
    if not typed and not others and mapping.flow:
        start = mapping.start + 1
        yield Change("an Identity of that name", [Edit(start, start, "Identity: , ")], 1.6)
    if len(typed) == 1 and others and typed[0][1].empty:
        yield from _indented(trial, mapping, typed[0][0], others)
    if len(typed) > 1 and mapping.up is not None:
        out = drop(layout, typed[1][0])
        index = mapping.up.items.index(mapping) + 1
        text = layout.text[typed[1][0].start : typed[1][1].end].rstrip()
        text = typed[1][0].value if typed[1][1].empty else text
        more = insert_entry(layout, mapping.up, index, text)
        if out and more:
            yield Change(f"{text} as an entry of its own", [*out, *more], 1.4)
    if not typed and others:
        yield from _named_as_type(trial, mapping, others, attributes, types)


def _indented(trial: Trial, mapping: Spot, word: Spot, others: list[tuple[Spot, Spot]]) -> Iterator[Change]:
    """Arguments moved from beside a layer into it."""
    layout = trial.layout
    words = f"{', '.join(key.value for key, _ in others)}: arguments of {word.value}"
    if not mapping.flow:
        edits: Edits = []
        for key, value in others:
            line, last = layout.lines.place(key.start)[0], layout.lines.place(value.end)[0]
            edits += [
                Edit(at, at, "  ")
                for at in layout.lines.starts[line - 1 : last]
                if layout.text[at : at + 1] not in "\r\n"
            ]
        yield Change(words, edits, 1.1)
        return
    inner = ", ".join(layout.text[key.start : value.end] for key, value in others)
    edits = [Edit(word.end, layout.text.index(":", word.end) + 1, f": {{{inner}}}")]
    for key, _ in others:
        out = drop(layout, key)
        if out is None:
            return
        edits += out
    yield Change(words, edits, 1.2)


def _named_as_type(
    trial: Trial, mapping: Spot, others: list[tuple[Spot, Spot]], attributes: list[tuple[Spot, Spot]], types: set[str]
) -> Iterator[Change]:
    """`conv1: {Conv2d: ...}` and `type: ReLU`, as they are written here."""
    layout = trial.layout
    key, value = others[0]
    if value.kind == "map" and len(value.items) == 1 and value.items[0][0].value in types and value.flow:
        inner = layout.text[value.start + 1 : value.end - 1].strip()
        space = " " if value.items[0][1].empty else ""
        text = f"{{{inner}{space}, name: {text_of(key.value)}}}"
        yield Change(f"{key.value} is the layer's name", [Edit(key.start, value.end, text)], 1.1)
    if value.kind == "scalar" and value.value in types:
        rest = ", ".join(layout.text[k.start : v.end] for k, v in others[1:])
        beside_ = ", ".join(layout.text[k.start : v.end] for k, v in attributes)
        text = value.value + (f": {{{rest}}}" if rest else ": " if beside_ else "")
        text = f"{{{text}, {beside_}}}" if beside_ else text
        yield Change(f"{value.value} is the layer's type", set_value(mapping, text), 1.1)


def _top(trial: Trial, finding: Diagnostic, spot: Spot | None) -> Iterator[Change]:
    """The top of a spec: keys misspelt, missing, one too many."""
    root = trial.layout.root
    if root is None:
        return
    if root.kind == "map" and "input and inputs exclude" in finding.message:
        for key in ("input", "inputs"):
            value = root.get(key)
            if value is not None and (out := drop(trial.layout, value)):
                yield Change(f"leave out {key}", out, 1.6)
        return
    if root.kind == "map" and spot is not None and spot.up is root and root.key_of(spot) is None:
        for place, near in enumerate(get_close_matches(spot.value, KEYS, 2, 0.4)):
            yield Change(f"write {near} instead of {spot.value}", set_value(spot, near), 1.1 + 0.2 * place)
        out = drop(trial.layout, spot)
        if out:
            yield Change(f"leave out {spot.value}", out, 2.0)
    if " has no " in finding.message:
        missing = ("input", "inputs") if finding.message.endswith("input") else ("layers",)
        for word, _ in root.pairs():
            if word.value not in KEYS and (meant := get_close_matches(word.value, missing, 1, 0.6)):
                yield Change(f"write {meant[0]} instead of {word.value}", set_value(word, meant[0]), 1.0)
    layers = root.get("layers")
    if root.kind == "map" and root.get("input") is None and root.get("inputs") is None and root.items:
        for place, shape in enumerate(USUAL_INPUTS):
            first = root.items[0][0].start
            text = f"input: {shape}{', ' if root.flow else trial.layout.lines.break_}"
            yield Change(f"input: {shape}, or what you mean", [Edit(first, first, text)], 2.0 + 0.1 * place)
    if layers is not None and layers.kind == "list" and not layers.items:
        yield Change("layers: [Identity], or what you mean", set_value(layers, "[Identity]"), 1.8)
    if root.kind == "map" and layers is None and root.items:
        edits = set_key(trial.layout, root, "layers", "[Identity]")
        if edits:
            yield Change("layers: [Identity], or what you mean", edits, 3.0)


# Values ---------------------------------------------------------------------------------------------------------------


def _value_of(trial: Trial, finding: Diagnostic, spot: Spot | None) -> Iterator[Change]:
    """SP103: a value of the wrong kind."""
    if spot is None:
        return
    around = spot.up
    key = around.key_of(spot) if around is not None and around.kind == "map" else None
    name = key.value if key is not None else ""
    if spot.kind == "scalar" and trial.layout.written(spot).startswith("-") and name in ("layers", "body", "shortcut"):
        text = trial.layout.text
        dashes = [f.end() for f in re.finditer(r"(?m)^[ ]*-(?=[^\s-])", text) if spot.start < f.end() <= spot.end]
        yield Change("a blank behind the dash", [Edit(place, place, " ") for place in dashes], 1.0)
    if spot.kind == "scalar":
        for place, text in enumerate(_scalars(spot.value)):
            yield Change(f"write {text} instead of {spot.value}", set_value(spot, text), 1.4 + 0.2 * place)
        if not spot.empty:
            yield Change(
                f"{name or spot.value}: a list of one", set_value(spot, f"[{trial.layout.written(spot)}]"), 1.5
            )
    elif spot.kind == "map" and spot.flow:
        yield Change(f"{name}: a list of one", [Edit(spot.start, spot.start, "["), Edit(spot.end, spot.end, "]")], 1.6)
    if name in ATTRIBUTES and spot.kind == "list" and spot.items and spot.items[0].kind == "scalar":
        first = trial.layout.written(spot.items[0])
        yield Change(f"write {first} instead of {trial.layout.written(spot)}", set_value(spot, first), 1.4)
    for text in {"mode": ("eval", "train"), "repeat": ("1", "2", "3"), "dim": ("1", "0")}.get(name, ()):
        yield Change(f"set {name} to {text}", set_value(spot, text), 1.7)
    for row in trial.rows:
        entry = trial.layout.entry_around(finding.line, finding.column)
        if entry is not None and entry_of_row(trial, row.node) == entry:
            yield from listed_sizes(trial, row)
            yield from (change for change in _other_arguments(trial, row, name))
            break


def _other_arguments(trial: Trial, row: Row, name: str) -> Iterator[Change]:
    """True or false, for a word that was to say so."""
    for value in (True, False) if name else ():
        edits = set_on(trial, row, name, value)
        if edits:
            yield Change(f"{row.name}: set {name} to {text_of(value)}", edits, 2.0)


def _scalars(text: str) -> Iterator[str]:
    """What a scalar may have meant: a size without its sign or point, a number written as a word, a name."""
    number: Any
    try:
        number = float(text)
    except ValueError:
        words = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
        if text.lower() in words:
            yield str(words.index(text.lower()))
        bare = re.sub(r"\W+", "_", text).strip("_")
        if bare and bare != text and NAME.fullmatch(bare):
            yield bare
        yield from re.findall(r"\d+", text)[:2]
        return
    if abs(number) < 2**62:
        yield str(abs(int(number)))
        if number != int(number):
            yield str(abs(int(number)) + 1)
    yield "K"


def _too_many(trial: Trial, finding: Diagnostic, spot: Spot | None) -> Iterator[Change]:
    """SP109: fewer repetitions, all along the entries inside each other; too many are not even tried."""
    entry = trial.layout.entry_around(finding.line, finding.column)
    if entry is None:
        return
    times = [value for spot in entry.spot.walk() if (value := spot.get("repeat")) is not None and value.value.isdigit()]
    for number in (10, 3, 2, 1):
        edits = [edit for value in times if int(value.value) > number for edit in set_value(value, str(number))]
        given = " x ".join(value.value for value in times)
        yield Change(f"repeat {' x '.join([str(number)] * len(times))} times (it is {given})", edits, 2.0 + 1 / number)


def _expression(trial: Trial, finding: Diagnostic, spot: Spot | None) -> Iterator[Change]:
    """SP110: an expression over what is no parameter, or that has no value."""
    if not finding.line or not finding.column:
        return
    offset = trial.layout.lines.offset(finding.line, finding.column)
    spot = next((s for s in trial.layout.scalars.values() if s.start <= offset < s.end and "${" in s.value), None)
    if spot is None:
        return
    block = spot
    while block.up is not None and block.up.up is not None and block.up.up.up is not None:
        block = block.up  # the block is two levels below the top
    listed = block.get("params")
    pairs = listed.pairs() if listed is not None else []
    known = [key.value for key, _ in pairs] or [
        item.value for item in (listed.items if listed is not None else []) if item.kind == "scalar"
    ]
    written = trial.layout.written(spot)
    word = re.match(r"\w+", trial.layout.text[offset:])
    if word and not word[0].isdigit():
        for place, name in enumerate([*get_close_matches(word[0], known, 3, 0.4), *known]):
            edits = [Edit(offset, offset + len(word[0]), name)]
            yield Change(f"{name} instead of {word[0]} in {written}", edits, 1.3 + 0.2 * place)
        if listed is not None and listed.kind == "map" and (more := set_key(trial.layout, listed, word[0], "1")):
            yield Change(f"a parameter {word[0]} of the block, 1 by default", more, 1.5)
        if listed is not None and listed.kind == "list" and listed.flow and listed.items:
            text = "{" + ", ".join([*(f"{name}: " for name in known), f"{word[0]}: 1"]) + "}"
            yield Change(f"a parameter {word[0]} of the block, 1 by default", set_value(listed, text), 1.8)
    for place, number in enumerate(NUMBERS):
        yield Change(f"{number} instead of {written}", set_value(spot, str(number)), 2.6 + 0.1 * place)
    if not spot.value.endswith("}"):
        yield Change("close the expression", [Edit(spot.end - spot.quoted, spot.end - spot.quoted, "}")], 1.0)


def _several_sources(trial: Trial, finding: Diagnostic, spot: Spot | None) -> Iterator[Change]:
    """SP308 of a structure or block: one source of several, or their sum."""
    entry = trial.layout.entry_around(finding.line, finding.column)
    source = None if entry is None else entry.beside("from")
    if entry is None or source is None or source.kind != "list":
        return
    for item in source.items:
        yield Change(f"{entry.type.value}: read {item.value} alone", set_value(source, text_of(item.value)), 2.0)
    written = trial.layout.written(source)
    for merge in ("Add: ", "Concat: 1"):
        before = insert_entry(trial.layout, entry.around, entry.place, f"{{{merge}, from: {written}}}")
        without = drop(trial.layout, source)
        if before and without:
            yield Change(f"put {merge.rstrip(': ')} before {entry.type.value}", [*before, *without], 2.2)


GUESSES = {
    "SP100": (_structure,),
    "SP101": (_unknown_layer,),
    "SP102": (_unknown_argument,),
    "SP103": (_value_of,),
    "SP104": (_missing,),
    "SP105": (_unknown_source,),
    "SP106": (_doubled_key,),
    "SP107": (_taken_name,),
    "SP108": (_recursion,),
    "SP109": (_too_many,),
    "SP110": (_expression,),
    "SP308": (_several_sources,),
}
