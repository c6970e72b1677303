"""The arguments of a row's layer: as they are, as edits set them, and what else they may have meant.

Main definitions: `own_changes`, `listed_sizes`, `set_on` (the edits that give a row's layer an argument).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from math import prod
from typing import Any

from shapecheck.diagnostics import Diagnostic
from shapecheck.layers import LAYERS
from shapecheck.layers.base import Layer, is_shape, parameters
from shapecheck.net import Node
from shapecheck.repairs.layout import Entry, Spot
from shapecheck.repairs.probe import Probe
from shapecheck.repairs.trial import Change, Trial
from shapecheck.repairs.values import near, values_for, wanted_numbers
from shapecheck.repairs.writing import (
    Edits,
    argument_spot,
    drop,
    drop_argument,
    meant_by_scalar,
    names_of,
    set_argument,
    set_key,
    set_value,
    text_of,
)
from shapecheck.report import Row
from shapecheck.yaml_nodes import YamlError, plain, read

HINTED = re.compile(r"(?:, | and )(?=\w+: )")
PAIR = re.compile(r"(\w+): (.+)")


def entry_of_row(trial: Trial, node: Node) -> Entry | None:
    """The entry that made a node."""
    return trial.layout.entry_at(node.mark.line, node.mark.column)


def hinted(trial: Trial, finding: Diagnostic, row: Row) -> Iterator[Change]:
    """What the hint says: `argument: value`, as the refusal itself has tried it."""
    parts = [PAIR.fullmatch(part) for part in HINTED.split(finding.hint or "")]
    if parts and all(parts):
        pairs = [(part[1], part[2]) for part in parts if part]
        known = arguments_of(row)
        if all(name in known for name, _ in pairs):
            yield from _several(trial, row, pairs, 1.0)


def _several(trial: Trial, row: Row, pairs: list[tuple[str, str]], cost: float) -> Iterator[Change]:
    """The change that sets these arguments, given as texts."""
    edits: Edits = []
    words: list[str] = []
    known = arguments_of(row)
    for name, text in pairs:
        value = value_of(text)
        found = set_on(trial, row, name, value)
        if found is None:
            return
        edits += found
        words.append(setting(name, known.get(name), value, name in row.node.given))
        cost += 0.5 * near(known.get(name), value)
    yield Change(f"{row.name}: {' and '.join(words)}", edits, cost)


def value_of(text: str) -> Any:
    """What a text means as YAML, lists as tuples; the text itself where it is none."""
    try:
        return _as_tuple(plain(read(text)))
    except YamlError:
        return text


def _as_tuple(value: Any) -> Any:
    return tuple(map(_as_tuple, value)) if isinstance(value, list) else value


def setting(name: str, old: Any, new: Any, given: bool) -> str:
    """What a change of an argument does, in words."""
    was = f" (it is {text_of(old)})" if given and old is not None and len(text_of(old)) < 40 else ""
    return f"set {name} to {text_of(new)}{was}"


def arguments_of(row: Row) -> dict[str, Any]:
    """The layer's arguments with their values, defaults included."""
    if row.layer is not None:
        return {**row.layer.arguments(), **row.layer.forward_arguments()}
    if row.type not in LAYERS:
        return {}
    return {**defaults_of(row.type), **row.node.given}


def defaults_of(word: str) -> dict[str, Any]:
    """The arguments of a layer with their defaults; None where there is none."""
    if word not in LAYERS:
        return {}
    defaults = {field.name: field.default for field in parameters(LAYERS[word])}
    return {n: v if isinstance(v, (bool, int, float, str, tuple)) else None for n, v in defaults.items()}


def set_on(trial: Trial, row: Row, name: str, value: Any) -> Edits | None:
    """The edits that give the row's layer an argument."""
    entry = entry_of_row(trial, row.node)
    if entry is None:
        return None
    if row.type not in LAYERS or entry.type.value != row.type:  # the Add of a Residual, the Concat of Branches
        return None if name != "dim" or entry.type.value != "Branches" else _branches_dim(trial, entry, value)
    names = names_of(row.type)
    if name not in names:
        return None
    scalar = meant_by_scalar(row.type, entry.arguments) if is_scalar(entry) and entry.arguments else None
    return set_argument(trial.layout, entry, name, text_of(value), names, scalar)


def is_scalar(entry: Entry) -> bool:
    """Whether an entry's arguments are one scalar."""
    return entry.arguments is not None and entry.arguments.kind == "scalar"


def _branches_dim(trial: Trial, entry: Entry, value: Any) -> Edits | None:
    return None if entry.arguments is None else set_key(trial.layout, entry.arguments, "dim", text_of(value))


def own_changes(trial: Trial, finding: Diagnostic, row: Row, probe: Probe) -> Iterator[Change]:
    """Other values of the layer's own arguments; inferred ones left to the input."""
    entry = entry_of_row(trial, row.node)
    cls = LAYERS.get(row.type)
    if entry is None or cls is None:
        return
    yield from _inferred(trial, finding, row, entry, cls)
    yield from listed_sizes(trial, row)
    for name, value, cost in _other_values(finding, row):
        edits = set_on(trial, row, name, value)
        if edits is not None:
            old = arguments_of(row).get(name)
            words = f"{row.name}: {setting(name, old, value, name in row.node.given)}"
            yield Change(words, edits, 2.0 + cost, look(probe, row, name, value))
    if finding.argument and finding.argument in row.node.given:
        edits = _dropped(trial, row, entry, finding.argument)
        if edits:
            yield Change(f"{row.name}: leave {finding.argument} to its default", edits, 2.6)


def look(probe: Probe, row: Row, name: str, value: Any) -> Callable[[], bool]:
    """The quick look at another argument of a layer."""
    return lambda: probe.argument(row.node.mark, row.type, name, value)


def _dropped(trial: Trial, row: Row, entry: Entry, name: str) -> Edits | None:
    names = names_of(row.type)
    scalar = meant_by_scalar(row.type, entry.arguments) if is_scalar(entry) and entry.arguments else None
    return drop_argument(trial.layout, entry, name, names, scalar)


def _inferred(trial: Trial, finding: Diagnostic, row: Row, entry: Entry, cls: type[Layer]) -> Iterator[Change]:
    for name in cls.inferred:
        if row.node.given.get(name) is None:
            continue
        edits = _dropped(trial, row, entry, name)
        if edits:
            cost = 1.45 if finding.argument in (None, name) else 2.2
            yield Change(f"{row.name}: leave {name} to the input", edits, cost)


def _other_values(finding: Diagnostic, row: Row) -> Iterator[tuple[str, Any, float]]:
    """Other values of a layer's arguments, with the cost of each: given ones first, those at fault before them."""
    wanted = wanted_numbers(finding, row)
    rank = max((len(shape) for shape in row.inputs if isinstance(shape, tuple)), default=4)
    for name, value in arguments_of(row).items():
        extra = (0.0 if name in row.node.given else 0.3) + (0.0 if name == finding.argument else 0.2)
        axes = getattr(type(row.layer), "axes", 1) if row.layer is not None else 1
        for other in values_for(name, value, wanted, rank, axes if isinstance(axes, int) else 1):
            aside = 0.2 if isinstance(other, tuple) and not isinstance(value, tuple) else 0.0
            yield name, other, near(value, other) + extra + aside


def listed_sizes(trial: Trial, row: Row) -> Iterator[Change]:
    """A list of sizes (`Reshape: [N, 400]`) with one of them computed from the others, or left to follow."""
    name = LAYERS[row.type].shape_argument if row.type in LAYERS else None
    spot = None if name is None else _argument_spot(trial, row, name)
    if name is None or spot is None or spot.kind != "list":
        return
    shape = next((shape for shape in row.inputs if is_shape(shape)), ())
    cells = prod(size for size in shape[1:] if type(size) is int)
    values = [value_of(item.value) if item.kind == "scalar" else None for item in spot.items]
    for place, item in enumerate(spot.items):
        others = [v for i, v in enumerate(values) if i != place and type(v) is int and v > 0]
        known = prod(others)
        guesses = [cells // known] if known and cells % known == 0 else []
        for guess in (*guesses, -1, *(size for size in shape if type(size) is int)):
            if guess != values[place]:
                words = f"{row.name}: set size {place + 1} of {name} to {guess} (it is {item.value})"
                yield Change(
                    words,
                    set_value(item, str(guess)),
                    1.7 + (0.8 if guess == -1 else 0.0 if values[place] == -1 else 0.3),
                )
        for word in sorted(trial.report.network.open_names() if trial.report.network else ()):
            yield Change(f"{row.name}: set size {place + 1} of {name} to {word}", set_value(item, word), 2.2)
        dropped = drop(trial.layout, item)
        if dropped:
            yield Change(f"{row.name}: take {item.value} out of {name}", dropped, 3.2)


def _argument_spot(trial: Trial, row: Row, name: str) -> Spot | None:
    """Where an argument's value stands."""
    entry = entry_of_row(trial, row.node)
    if entry is None or row.type not in LAYERS or entry.type.value != row.type:
        return None
    scalar = meant_by_scalar(row.type, entry.arguments) if is_scalar(entry) and entry.arguments else None
    return argument_spot(entry, name, names_of(row.type), scalar)
