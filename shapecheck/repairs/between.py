"""A layer put before the one at fault, on one of its inputs: a crop, a pad, an enlargement, a Flatten.

Main definitions: `between_changes`, `insert_on`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from math import prod
from typing import Any

from shapecheck.diagnostics import Diagnostic
from shapecheck.layers import LAYERS
from shapecheck.layers.base import is_shape
from shapecheck.repairs.arguments import entry_of_row
from shapecheck.repairs.layout import Entry, Layout
from shapecheck.repairs.text import Edit
from shapecheck.repairs.trial import Change, Trial
from shapecheck.repairs.writing import (
    Edits,
    insert_entry,
    set_key,
    set_value,
    text_of,
)
from shapecheck.report import Row

LAYER_IN_HINT = re.compile(r"([A-Z]\w*)(?:: (\{[^{}]*\}|\[[^\[\]]*\]|[\w.-]+))?")
MERGES = ("Add", "Mul", "Concat", "Stack", "MatMul")


def between_changes(trial: Trial, finding: Diagnostic, row: Row) -> Iterator[Change]:
    """A layer put before the one at fault, on one of its inputs."""
    if len(row.inputs) > 1 or row.type in MERGES:
        for place, shape in enumerate(row.inputs):
            for text, fitting_cost in _fitting(row, place, shape):
                cost = min(fitting_cost, 2.2) if text in (finding.hint or "") else fitting_cost
                edits = insert_on(trial, row, place, text)
                if edits is not None:
                    yield Change(f"put {text} on input {place + 1} of {row.name}", edits, cost)
        return
    for text, cost in _reshaping(finding, row):
        edits = insert_on(trial, row, 0, text)
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


def insert_on(trial: Trial, row: Row, place: int, text: str) -> Edits | None:
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
