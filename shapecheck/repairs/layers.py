"""Changes that may mend a layer which refuses its arguments or its input.

First what the finding's hint says, then the layer's own arguments, those of the layers before it, layers put in
between, other sources, other types, other sizes of the input. Each is a guess with a cost; the search tries them in the
order of cost, and only what works is shown. Main definition: `layer_changes`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from difflib import get_close_matches
from math import prod
from typing import Any

from shapecheck.diagnostics import Diagnostic
from shapecheck.layers import LAYERS
from shapecheck.layers.base import Layer, is_shape, parameters
from shapecheck.net import Node
from shapecheck.repairs.inputs import input_changes
from shapecheck.repairs.layout import Entry, Layout, Spot
from shapecheck.repairs.probe import Probe
from shapecheck.repairs.text import Edit
from shapecheck.repairs.trial import Change, Trial
from shapecheck.repairs.values import LEAST, differences, near, shifted, values_for, wanted_numbers
from shapecheck.repairs.writing import (
    Edits,
    argument_spot,
    beside,
    delete_entry,
    drop,
    drop_argument,
    insert_entry,
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
LAYER_IN_HINT = re.compile(r"([A-Z]\w*)(?:: (\{[^{}]*\}|\[[^\[\]]*\]|[\w.-]+))?")
MERGES = ("Add", "Mul", "Concat", "Stack", "MatMul")
FAR = 80  # layers before the one at fault whose arguments are tried
MOST_CALLS = 24  # calls of blocks whose parameters are tried


def layer_changes(trial: Trial, finding: Diagnostic, row: Row) -> Iterator[Change]:
    """What may mend the layer of this row; the costs say how large each change is."""
    probe = Probe(trial, finding)
    if finding.code == "SP307":
        yield from _claims(trial, finding)
    yield from _hinted(trial, finding, row)
    yield from _own(trial, finding, row, probe)
    yield from _sources(trial, finding, row)
    yield from _between(trial, finding, row)
    yield from _types(trial, finding, row)
    yield from _upstream(trial, finding, row, probe)
    yield from _calls(trial, finding, row)
    yield from _modes(trial, finding)
    yield from _repeats(trial, row)
    yield from input_changes(trial, finding, probe)
    yield from _without(trial, row)


def entry_of_row(trial: Trial, node: Node) -> Entry | None:
    """The entry that made a node."""
    return trial.layout.entry_at(node.mark.line, node.mark.column)


# The layer's own arguments --------------------------------------------------------------------------------------------


def _hinted(trial: Trial, finding: Diagnostic, row: Row) -> Iterator[Change]:
    """What the hint says: `argument: value`, as the refusal itself has tried it."""
    parts = [PAIR.fullmatch(part) for part in HINTED.split(finding.hint or "")]
    if parts and all(parts):
        pairs = [(part[1], part[2]) for part in parts if part]
        known = _arguments(row)
        if all(name in known for name, _ in pairs):
            yield from _several(trial, row, pairs, 1.0)


def _several(trial: Trial, row: Row, pairs: list[tuple[str, str]], cost: float) -> Iterator[Change]:
    """The change that sets these arguments, given as texts."""
    edits: Edits = []
    words: list[str] = []
    known = _arguments(row)
    for name, text in pairs:
        value = _value(text)
        found = set_on(trial, row, name, value)
        if found is None:
            return
        edits += found
        words.append(_setting(name, known.get(name), value, name in row.node.given))
        cost += 0.5 * near(known.get(name), value)
    yield Change(f"{row.name}: {' and '.join(words)}", edits, cost)


def _value(text: str) -> Any:
    try:
        return _as_tuple(plain(read(text)))
    except YamlError:
        return text


def _as_tuple(value: Any) -> Any:
    return tuple(map(_as_tuple, value)) if isinstance(value, list) else value


def _setting(name: str, old: Any, new: Any, given: bool) -> str:
    """What a change of an argument does, in words."""
    was = f" (it is {text_of(old)})" if given and old is not None and len(text_of(old)) < 40 else ""
    return f"set {name} to {text_of(new)}{was}"


def _arguments(row: Row) -> dict[str, Any]:
    """The layer's arguments with their values, defaults included."""
    if row.layer is not None:
        return {**row.layer.arguments(), **row.layer.forward_arguments()}
    if row.type not in LAYERS:
        return {}
    return {**_defaults(row.type), **row.node.given}


def _defaults(word: str) -> dict[str, Any]:
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
    scalar = meant_by_scalar(row.type, entry.arguments) if _is_scalar(entry) and entry.arguments else None
    return set_argument(trial.layout, entry, name, text_of(value), names, scalar)


def _is_scalar(entry: Entry) -> bool:
    return entry.arguments is not None and entry.arguments.kind == "scalar"


def _branches_dim(trial: Trial, entry: Entry, value: Any) -> Edits | None:
    return None if entry.arguments is None else set_key(trial.layout, entry.arguments, "dim", text_of(value))


def _own(trial: Trial, finding: Diagnostic, row: Row, probe: Probe) -> Iterator[Change]:
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
            old = _arguments(row).get(name)
            words = f"{row.name}: {_setting(name, old, value, name in row.node.given)}"
            yield Change(words, edits, 2.0 + cost, _look(probe, row, name, value))
    if finding.argument and finding.argument in row.node.given:
        edits = _dropped(trial, row, entry, finding.argument)
        if edits:
            yield Change(f"{row.name}: leave {finding.argument} to its default", edits, 2.6)


def _look(probe: Probe, row: Row, name: str, value: Any) -> Callable[[], bool]:
    """The quick look at another argument of a layer."""
    return lambda: probe.argument(row.node.mark, row.type, name, value)


def _dropped(trial: Trial, row: Row, entry: Entry, name: str) -> Edits | None:
    names = names_of(row.type)
    scalar = meant_by_scalar(row.type, entry.arguments) if _is_scalar(entry) and entry.arguments else None
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
    for name, value in _arguments(row).items():
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
    values = [_value(item.value) if item.kind == "scalar" else None for item in spot.items]
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
    scalar = meant_by_scalar(row.type, entry.arguments) if _is_scalar(entry) and entry.arguments else None
    return argument_spot(entry, name, names_of(row.type), scalar)


# The layers before ----------------------------------------------------------------------------------------------------


def _before(trial: Trial, row: Row) -> list[tuple[int, Row]]:
    """The layers that a row depends on, the nearest first, with how far each is."""
    network = trial.report.network
    if network is None:
        return []
    count = len(network.inputs)
    found: dict[int, int] = {}
    wave = [trial.places[row.name]]
    for distance in range(FAR + 1):
        following: list[int] = []
        for number in wave:
            if number in found:
                continue
            found[number] = distance
            for source in network.nodes[number].sources:
                value = None if source is None else source if isinstance(source, int) else source.value
                if value is not None and value >= count:
                    following.append(value - count)
        wave = following
    del found[trial.places[row.name]]
    return [(distance, trial.rows[number]) for number, distance in sorted(found.items(), key=lambda pair: pair[1])]


def _upstream(trial: Trial, finding: Diagnostic, row: Row, probe: Probe) -> Iterator[Change]:
    """Other arguments of the layers before, as far as they change shapes."""
    seen: set[tuple[Any, ...]] = set()
    wanted, pairs = wanted_numbers(finding, row), differences(finding)
    for distance, other in _before(trial, row):
        place = (other.node.mark, other.type)
        if place in seen or other.layer is None:
            continue
        seen.add(place)
        far = 0.15 * min(distance, 6) + 0.02 * distance
        for name, value, cost in _upstream_values(other, wanted, pairs):
            edits = set_on(trial, other, name, value)
            if edits is None:
                continue
            merging = row.type in MERGES and name == "output_padding" and distance == 1
            base = 0.9 if merging else 2.8  # what transposed convolutions have it for
            words = f"{other.name}: {_setting(name, _arguments(other).get(name), value, name in other.node.given)}"
            yield Change(words, edits, base + far + cost, _look(probe, other, name, value))
        entry = entry_of_row(trial, other.node)
        if entry is not None and entry.type.value == other.type:
            yield from _out_of_the_way(trial, other, entry, far)


def _out_of_the_way(trial: Trial, row: Row, entry: Entry, far: float) -> Iterator[Change]:
    """A layer before the one at fault that reads the entry before it, or is taken out."""
    source = entry.beside("from")
    if source is not None and (edits := drop(trial.layout, source)):
        yield Change(f"{row.name}: read the entry before", edits, 2.9 + far)
    twin = entry.around.items[entry.place - 1] if entry.place else None
    doubled = twin is not None and trial.layout.written(twin) == trial.layout.written(entry.spot)
    if (doubled or _shrinks(row)) and not _is_named(entry) and (edits := delete_entry(trial.layout, entry)):
        yield Change(f"take {row.name} out", edits, (2.7 if doubled and _shrinks(row) else 6.0) + far)


def _shrinks(row: Row) -> bool:
    """Whether a layer without parameters changes its input's sizes, so that it can be left out."""
    return row.params == 0 and row.output is not None and row.inputs != (row.output,)


def _is_named(entry: Entry) -> bool:
    return entry.beside("name") is not None


def _upstream_values(row: Row, wanted: list[int], pairs: list[tuple[int, int]]) -> Iterator[tuple[str, Any, float]]:
    layer = row.layer
    axes = getattr(type(layer), "axes", 1)
    rank = max((len(shape) for shape in row.inputs if isinstance(shape, tuple)), default=4)
    for name, value in _arguments(row).items():
        if layer is not None and name in layer.inferred:
            continue
        given = name in row.node.given
        if name not in LEAST and not given:
            continue
        if type(value) is int and name not in LEAST:
            yield from ((name, other, 0.2) for other in shifted(value, pairs))
        default = _defaults(row.type).get(name)
        if given and default is not None and default != value:
            yield name, default, 0.3
        for other in values_for(name, value, wanted, rank, axes if isinstance(axes, int) else 1):
            aside = 0.2 if isinstance(other, tuple) and not isinstance(value, tuple) else 0.0
            yield name, other, 0.7 * near(value, other) + (0.0 if given else 0.15) + aside


def _calls(trial: Trial, finding: Diagnostic, row: Row) -> Iterator[Change]:
    """Other parameters of the blocks that are called, where the layer or one before it stands in a block."""
    blocks = trial.layout.top("blocks")
    names = {key.value: value for key, value in blocks.pairs()} if blocks is not None else {}
    if not names:
        return
    wanted, pairs, axes = wanted_numbers(finding, row), differences(finding), axes_at_fault(finding)
    calls = [entry for entry in trial.layout.entries() if entry.type.value in names and entry.arguments is not None]
    for entry in calls[:MOST_CALLS]:
        for name, spot in _given(entry, _parameters(names[entry.type.value])):
            value = None if spot.quoted or spot.kind != "scalar" else _value(spot.value)
            if type(value) is not int:
                continue
            used = _used_as(names, entry.type.value, name)
            likely = next((word for word in LEAST if word in used), "out_channels")
            likely = "kernel_size" if used == {"repeat"} else likely  # a few more or fewer
            aside = 0.0 if _can_help(used, axes) else 2.5
            others = [] if used == {"repeat"} else shifted(value, pairs)
            for other in dict.fromkeys([*others, *values_for(likely, value, wanted, 4)]):
                words = f"{entry.type.value} in line {trial.layout.lines.place(spot.start)[0]}: set {name} to {other}"
                cost = 3.0 + 0.7 * near(value, other) + aside
                yield Change(f"{words} (it is {value})", set_value(spot, str(other)), cost)


def axes_at_fault(finding: Diagnostic) -> set[str] | None:
    """Which axes a fault is about, "channels" or "space"; None where that is not to be told."""
    if finding.code in ("SP301", "SP311", "SP316", "SP318"):
        return {"space"}
    facts = finding.facts
    for one, two in (("one", "two"), ("output", "claim")):
        a, b = facts.get(one), facts.get(two)
        if isinstance(a, tuple) and isinstance(b, tuple):
            if len(a) != len(b):
                return set()
            pairs = zip(a, b, strict=True)
            differing = [axis for axis, (x, y) in enumerate(pairs) if x != y and axis != facts.get("dim")]
            return {"channels" if axis <= 1 else "space" for axis in differing}
    dim = facts.get("dim")
    return {"space"} if finding.code == "SP305" and dim in (-1, -2) and "a" in facts else None


def _used_as(blocks: Mapping[str, Spot], block: str, name: str, depth: int = 4) -> set[str]:
    """The arguments for which a block's parameter is used, in the blocks that it calls too."""
    found: set[str] = set()
    pattern = re.compile(rf"\$\{{[^}}]*\b{re.escape(name)}\b")
    for spot in blocks[block].walk() if block in blocks and depth else ():
        if spot.kind != "scalar" or not pattern.search(spot.value):
            continue
        keys = _keys_above(spot)
        inner = next((key for key in keys[:2] if key in blocks), None)
        if inner is None:
            found.add(keys[0] if keys else "")
            continue
        names = _parameters(blocks[inner])
        place = spot.up.items.index(spot) if spot.up is not None and spot.up.kind == "list" else 0
        part = keys[0] if keys[0] in names else names[place] if place < len(names) else None
        found |= _used_as(blocks, inner, part, depth - 1) if part else set()
    return found


def _keys_above(spot: Spot) -> list[str]:
    """The keys under which a value stands, the nearest first."""
    found = []
    while spot.up is not None:
        if spot.up.kind == "map" and (key := spot.up.key_of(spot)) is not None:
            found.append(key.value)
        spot = spot.up
    return found


def _can_help(used: set[str], axes: set[str] | None) -> bool:
    """Whether a parameter with these uses can change the axes that a fault is about."""
    if axes is None or not used:
        return True
    kinds = {
        "space" if word in LEAST or word == "ceil_mode" else "both" if word == "repeat" else "channels" for word in used
    }
    return "both" in kinds or bool(kinds & axes)


def _parameters(block: Spot) -> list[str]:
    listed = block.get("params")
    if listed is None:
        return []
    return [key.value for key, _ in listed.pairs()] or [item.value for item in listed.items if item.kind == "scalar"]


def _given(entry: Entry, names: list[str]) -> Iterator[tuple[str, Spot]]:
    given = entry.arguments
    if given is None:
        return
    if given.kind == "map":
        yield from ((key.value, value) for key, value in given.pairs())
    elif given.kind == "list":
        yield from zip(names, given.items, strict=False)
    elif names and not given.empty:
        yield names[0], given


# Layers in between ----------------------------------------------------------------------------------------------------


def _between(trial: Trial, finding: Diagnostic, row: Row) -> Iterator[Change]:
    """A layer put before the one at fault, on one of its inputs."""
    if len(row.inputs) > 1 or row.type in MERGES:
        for place, shape in enumerate(row.inputs):
            for text, cost in _fitting(row, place, shape):
                edits = _insert(trial, row, place, text)
                if edits is not None:
                    yield Change(f"put {text} on input {place + 1} of {row.name}", edits, cost)
        return
    for text, cost in _reshaping(finding, row):
        edits = _insert(trial, row, 0, text)
        if edits is not None:
            yield Change(f"put {text} before {row.name}", edits, cost)


def _reshaping(finding: Diagnostic, row: Row) -> Iterator[tuple[str, float]]:
    """Layers that change the rank, or the size, of the only input of a layer."""
    for found in LAYER_IN_HINT.finditer(finding.hint or ""):
        if found[1] in LAYERS:
            yield found[0].rstrip("."), 1.8
    shape: Any = row.inputs[0] if row.inputs else None
    if not is_shape(shape):
        return
    features = prod(size for size in shape[1:] if type(size) is int)
    if row.type == "Linear" and row.node.given.get("in_features") == features:
        yield "Flatten", 1.2
    if finding.code in ("SP302", "SP303", "SP304", "SP314") and len(shape) > 2:
        yield "Flatten", 3.2
    squares = [list(sizes) for sizes in _images(row, shape)]
    if finding.code == "SP302":
        yield from (("Unsqueeze: 1", 3.0), ("Unsqueeze: 2", 3.3), ("Unsqueeze: 0", 3.6))
        yield from [(f"Squeeze: {dim}", 3.4) for dim, size in enumerate(shape) if size == 1]
        yield from [(f"Unflatten: {{dim: 1, unflattened_size: {sizes}}}", 3.0) for sizes in squares]
        yield from [(f"Flatten: {{start_dim: {start}}}", 3.4) for start in range(2, len(shape) - 1)]
    if row.type.startswith(("Conv", "MaxPool", "AvgPool")) and finding.code == "SP301" and 3 <= len(shape) <= 5:
        axes = len(shape) - 2
        for width in (1, 2, 3):
            yield f"ZeroPad{axes}d: {width}", 4.0 + 0.1 * width


def _images(row: Row, shape: Any) -> Iterator[tuple[int, ...]]:
    """What a row of cells may be as an image: its channels by a square."""
    if len(shape) != 2 or type(shape[1]) is not int:
        return
    channels = row.node.given.get("in_channels")
    for count in dict.fromkeys((channels if type(channels) is int else 1, 1, 3)):
        side = round((shape[1] // count) ** 0.5) if count > 0 else 0
        if side and count * side * side == shape[1]:
            yield (count, side, side)


def _fitting(row: Row, place: int, shape: Any) -> Iterator[tuple[str, float]]:
    """Layers that bring one input of a merge to the shape of another one."""
    for other, target in enumerate(row.inputs):
        if other == place or not is_shape(shape) or not is_shape(target) or len(shape) != len(target):
            continue
        skipped = _joined_axis(row)
        axes = [axis for axis in range(len(shape)) if shape[axis] != target[axis] and axis != skipped]
        if not axes or any(type(shape[axis]) is not int or type(target[axis]) is not int for axis in axes):
            continue
        if len(shape) in (3, 4, 5) and axes[0] >= 2:
            yield from _spatial(shape, target, axes)
        if axes == [1] and len(shape) in (3, 4, 5):
            yield f"Conv{len(shape) - 2}d: {{out_channels: {target[1]}, kernel_size: 1}}", 3.3
        if axes == [len(shape) - 1] and len(shape) in (2, 3):
            yield f"Linear: {target[-1]}", 3.5
        if axes[0] == 1 and len(axes) > 1 and len(shape) in (3, 4, 5):
            strides = {-(-shape[a] // target[a]) for a in axes[1:] if target[a]}
            for stride in sorted(strides)[:1]:
                layer = f"{{out_channels: {target[1]}, kernel_size: 1, stride: {stride}}}"
                yield f"Conv{len(shape) - 2}d: {layer}", 3.6


def _joined_axis(row: Row) -> int | None:
    """The axis along which a Concat joins, which may differ."""
    dim = getattr(row.layer, "dim", None) if row.type == "Concat" else None
    rank = max((len(shape) for shape in row.inputs if isinstance(shape, tuple)), default=0)
    return dim % rank if type(dim) is int and rank and -rank <= dim < rank else None


def _spatial(shape: Any, target: Any, axes: list[int]) -> Iterator[tuple[str, float]]:
    """A crop or a pad, an enlargement, a pool: to the target's sizes."""
    rank = len(shape)
    count = rank - 2
    steps = [target[axis] - shape[axis] if axis in axes else 0 for axis in range(2, rank)]
    size = max(abs(step) for step in steps)
    ends = [end for step in reversed(steps) for end in (0, step)]
    if count <= 3 and all(abs(step) <= max(target[axis + 2] // 2, 1) for axis, step in enumerate(steps)):
        crop = all(step <= 0 for step in steps)
        yield f"ZeroPad{count}d: {ends}", (3.2 if crop else 3.3) + min(size, 20) * 0.02
    if all(step >= 0 for step in steps) and all(shape[axis] for axis in axes):
        if all(target[axis] % shape[axis] == 0 for axis in axes):
            factors = [target[axis] // shape[axis] if axis in axes else 1 for axis in range(2, rank)]
            yield f"Upsample: {{scale_factor: {factors[0] if len(set(factors)) == 1 else factors}}}", 3.4
        if all(type(target[axis]) is int for axis in range(2, rank)):
            yield f"Upsample: {{size: {list(target[2:])}}}", 3.8
    elif all(step <= 0 for step in steps) and all(
        type(target[axis]) is int and target[axis] for axis in range(2, rank)
    ):
        factors = [shape[axis] // target[axis] for axis in range(2, rank) if type(shape[axis]) is int]
        if len(factors) == count and all(
            shape[axis] == target[axis] * f for axis, f in zip(range(2, rank), factors, strict=True)
        ):
            yield f"AvgPool{count}d: {factors[0] if len(set(factors)) == 1 else factors}", 3.4
        yield f"AdaptiveAvgPool{count}d: {list(target[2:])}", 3.9


def _insert(trial: Trial, row: Row, place: int, text: str) -> Edits | None:
    """The edits that put a layer on one input of a row's."""
    layout = trial.layout
    entry = entry_of_row(trial, row.node)
    if entry is None:
        return None
    if entry.type.value == "Residual" and row.type == "Add":
        return _in_residual(layout, entry, place, text)
    if entry.type.value == "Branches" and row.type == "Concat":
        paths = None if entry.arguments is None else entry.arguments.get("paths")
        if paths is None or paths.kind != "list" or place >= len(paths.items) or paths.items[place].kind != "list":
            return None
        return insert_entry(layout, paths.items[place], len(paths.items[place].items), text)
    source = entry.beside("from")
    if source is None:
        return insert_entry(layout, entry.around, entry.place, text) if place == 0 else None
    item = source.items[place] if source.kind == "list" and place < len(source.items) else source
    if item.kind != "scalar" or (source.kind == "scalar" and place):
        return None
    new = _new_name(trial, item.value)
    head = text if ":" in text else f"{text}: "
    before = insert_entry(layout, entry.around, entry.place, f"{{{head}, from: {text_of(item.value)}, name: {new}}}")
    return None if before is None else [*before, *set_value(item, new)]


def _in_residual(layout: Layout, entry: Entry, place: int, text: str) -> Edits | None:
    """The edits that put a layer at the end of a Residual's body, or of its shortcut, made where there is none."""
    given = entry.arguments
    if given is None:
        return None
    if given.kind == "list":
        if place == 0:
            return insert_entry(layout, given, len(given.items), text)
        if given.flow:
            return [Edit(given.start, given.start, "{body: "), Edit(given.end, given.end, f", shortcut: [{text}]}}")]
        dash = layout.text.rfind("-", 0, given.items[0].start) if given.items else -1
        if dash < 0:
            return None
        indent = layout.lines.break_ + " " * (layout.lines.place(dash)[1] - 1)
        end = layout.lines.end(given.end)
        return [Edit(dash, dash, f"body:{indent}"), Edit(end, end, f"{indent}shortcut: [{text}]")]
    part = given.get("body" if place == 0 else "shortcut")
    if part is None or part.kind != "list":
        return set_key(layout, given, "shortcut", f"[{text}]") if place else None
    return insert_entry(layout, part, len(part.items), text)


def _new_name(trial: Trial, word: str) -> str:
    """A name that no layer has."""
    stem = re.sub(r"\W+", "_", word).strip("_") + "_fitted"
    taken = {row.name for row in trial.rows}
    return next(name for name in (stem, *(f"{stem}{number}" for number in range(2, 10_000))) if name not in taken)


# Sources, types, modes, claims ----------------------------------------------------------------------------------------


def _sources(trial: Trial, finding: Diagnostic, row: Row) -> Iterator[Change]:
    """Other values for `from`, fewer of them, or one of several outputs."""
    entry = entry_of_row(trial, row.node)
    if entry is None:
        return
    if finding.code == "SP308" and "outputs" in finding.facts:
        yield from _one_of_several(trial, row, entry)
    source = entry.beside("from")
    if source is not None and entry.type.value == row.type and (edits := drop(trial.layout, source)):
        yield Change(f"{row.name}: read the entry before", edits, 2.3)
    known = _readable(trial, row)
    if source is None:
        least = (
            row.layer.inputs[0] if row.layer is not None else LAYERS[row.type].inputs[0] if row.type in LAYERS else 1
        )
        if entry.type.value == row.type and row.type in LAYERS:
            yield from _new_sources(trial, row, entry, known, max(least, 1))
        return
    items = source.items if source.kind == "list" else [source]
    for item in items:
        if item.kind != "scalar":
            continue
        alike = get_close_matches(item.value, known, 3, 0.6)
        for distance, name in enumerate(known[:40]):
            if name != item.value:
                twice = any(other is not item and other.value == name for other in items)
                cost = 2.4 + (0.0 if name in alike else 0.5 + 0.04 * distance) + (2.4 if twice else 0.0)
                cost += 1.0 if row.type in MERGES else 0.0
                words = f"{row.name}: read {name} instead of {item.value}"
                yield Change(words, set_value(item, text_of(name)), cost)
    if source.kind == "list":
        lost = 2.2 if row.type in MERGES else 0.0
        for item in reversed(items):
            edits = drop(trial.layout, item)
            if edits and len(items) > 1:
                yield Change(f"{row.name}: do not read {trial.layout.written(item)}", edits, 2.9 + lost)
        for item in items:
            words = f"{row.name}: read {item.value} alone"
            yield Change(words, set_value(source, text_of(item.value)), 3.1 + lost)
        if row.type in LAYERS and LAYERS[row.type].inputs[1] == 1:
            yield from _merged_first(trial, row, entry, source)
    elif row.type in LAYERS and LAYERS[row.type].inputs[0] > 1:
        for name in [source.value, *known[:20]]:
            words = f"{row.name}: read {name} too"
            yield Change(words, set_value(source, text_of((source.value, name))), 2.6)


def _merged_first(trial: Trial, row: Row, entry: Entry, source: Spot) -> Iterator[Change]:
    """An Add or Concat before a layer that takes one input."""
    written = trial.layout.written(source)
    for merge in ("Add: ", "Concat: 1"):
        before = insert_entry(trial.layout, entry.around, entry.place, f"{{{merge}, from: {written}}}")
        without = drop(trial.layout, source)
        if before and without:
            yield Change(f"put {merge.rstrip(': ')} before {row.name}", [*before, *without], 3.3)


def _new_sources(trial: Trial, row: Row, entry: Entry, known: list[str], least: int) -> Iterator[Change]:
    """A `from` where there is none."""
    for distance, name in enumerate(known[:20]):
        text = text_of(name) if least == 1 else text_of((*reversed(known[:1]), name))
        edits = beside(trial.layout, entry, [("from", text)])
        if edits:
            yield Change(f"{row.name}: read {text}", edits, 3.6 + 0.05 * distance)


def _one_of_several(trial: Trial, row: Row, entry: Entry) -> Iterator[Change]:
    """The first output of a layer that gives several."""
    source = entry.beside("from")
    if source is not None and entry.type.value == row.type:
        for item in source.items if source.kind == "list" else [source]:
            if item.kind == "scalar" and "[" not in item.value:
                for number in (0, 1):
                    name = f"{item.value}[{number}]"
                    yield Change(f"{row.name}: read {name}", set_value(item, text_of(name)), 1.2 + 0.3 * number)
        return
    network = trial.report.network
    for place, shape in enumerate(row.inputs):
        if is_shape(shape) or shape is None or network is None:
            continue
        name = network.source_name(row.node.sources[place] or 0).rsplit(".", 1)[-1] + "[0]"
        edits = _insert(trial, row, place, f'{{Identity: , from: "{name}"}}')
        if edits:
            yield Change(f"{row.name}: read {name}", edits, 1.5)
        if entry.type.value == row.type and (edits := beside(trial.layout, entry, [("from", text_of(name))])):
            yield Change(f"{row.name}: read {name}", edits, 1.3)


def _readable(trial: Trial, row: Row) -> list[str]:
    """The names that a row can read, the nearest first."""
    network = trial.report.network
    if network is None or row.name not in trial.places:
        return []
    prefix = row.name.rpartition(".")[0]
    before = [other.name for other in trial.rows[: trial.places[row.name]]]
    own = [n.rpartition(".")[2] for n in before if n.rpartition(".")[0] == prefix]
    named = [spot.value for entry in trial.layout.entries() if (spot := entry.beside("name")) is not None]
    return list(
        dict.fromkeys([*reversed(own), *network.inputs, *(["input"] if len(network.inputs) == 1 else []), *named])
    )


RANKED = re.compile(r"(.*[a-z])([123])d")
SWAPS = {
    "Add": ("Concat: 1", "Mul"),
    "Mul": ("Add",),
    "Concat": ("Add",),
    "Stack": ("Concat: 1",),
    "View": ("Reshape",),
}


def _types(trial: Trial, finding: Diagnostic, row: Row) -> Iterator[Change]:
    """The same layer for another number of axes; another merge."""
    entry = entry_of_row(trial, row.node)
    if entry is None or entry.type.value != row.type:
        return
    found = RANKED.fullmatch(row.type)
    if found:
        for digit in "123":
            other = f"{found[1]}{digit}d"
            if other != row.type and other in LAYERS:
                yield Change(f"{row.name}: {other} instead of {row.type}", set_value(entry.type, other), 2.5)
    for other in SWAPS.get(row.type, ()):
        word, _, value = other.partition(": ")
        end = entry.type.end if entry.arguments is None else entry.arguments.end
        simple = entry.arguments is None or entry.arguments.empty or row.type in ("Concat", "Stack")
        if simple:
            rest = f": {value}" if value else "" if entry.arguments is None else ": "
            edits = [Edit(entry.type.start, end, word + rest)]
        else:
            edits = set_value(entry.type, word)
        yield Change(f"{row.name}: {word} instead of {row.type}", edits, 3.0)


def _modes(trial: Trial, finding: Diagnostic) -> Iterator[Change]:
    """Evaluation mode, where training is what torch refuses."""
    root = trial.layout.root
    if finding.code != "SP315" or root is None:
        return
    mode = root.get("mode")
    if mode is not None:
        yield Change("set mode to eval", set_value(mode, "eval"), 1.5)
        return
    layers = root.key_of(root.get("layers")) if root.get("layers") is not None else None  # type: ignore[arg-type]
    if layers is not None and not root.flow:
        start = trial.layout.lines.start(layers.start)
        yield Change("set mode to eval", [Edit(start, start, f"mode: eval{trial.layout.lines.break_}")], 1.7)


def _claims(trial: Trial, finding: Diagnostic) -> Iterator[Change]:
    """The claim, as the output is."""
    spot = trial.layout.at(finding.line, finding.column)
    if spot is None:
        return
    found = re.fullmatch(r"output: (\[.*\])", finding.hint or "")
    if found and re.fullmatch(r"[\w\[\], ]*", found[1]):
        yield Change(f"claim {found[1]} (the claim is {trial.layout.written(spot)})", set_value(spot, found[1]), 4.4)
    edits = drop(trial.layout, spot)
    if edits:
        yield Change(f"claim nothing of {finding.layer}", edits, 6.0)


def _repeats(trial: Trial, row: Row) -> Iterator[Change]:
    """As many repetitions as went well."""
    entry = entry_of_row(trial, row.node)
    times = None if entry is None else entry.beside("repeat")
    if times is None or not times.value.isdigit():
        return
    well = sum(other.node.mark == row.node.mark for other in trial.rows[: trial.places[row.name]])
    for number in sorted({well, max(well - 1, 1), 1} - {0, int(times.value)}, reverse=True):
        words = f"{row.type}: repeat {number} times (it is {times.value})"
        yield Change(words, set_value(times, str(number)), 1.3 + 0.1 * (well - number))


def _without(trial: Trial, row: Row) -> Iterator[Change]:
    """The layer itself taken out, the last thing to do."""
    entry = entry_of_row(trial, row.node)
    if entry is not None and entry.type.value == row.type:
        edits = delete_entry(trial.layout, entry)
        if edits:
            yield Change(f"take {row.name} out", edits, 9.0)
