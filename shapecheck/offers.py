"""Refused layers as torch is asked about them: what prediction refuses, torch must refuse too.

A refused layer has its record, or the arguments with which no record could be made. Arguments left to the input are
filled in from it, else torch's Lazy twin is asked. Main definitions: `Offer`, `offer_of`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from shapecheck.costs import elements
from shapecheck.diagnostics import ShapeError
from shapecheck.layers import LAYERS, LAZY
from shapecheck.layers.base import Layer
from shapecheck.net import Node, numbers
from shapecheck.report import Row

MOST_CELLS = 1 << 24  # inputs beyond are made smaller, where the layer refuses the smaller ones too
TWINS = {name: lazy for lazy, name in LAZY.items()}


class Offer(NamedTuple):
    """A refused layer as torch is asked to build it and, where its input shapes are known, to run it."""

    type: str
    arguments: dict[str, Any]
    forward: dict[str, Any]
    shapes: tuple[Any, ...] | None
    training: bool


def offer_of(row: Row, sizes: Mapping[str, int], training: bool) -> Offer | None:
    """The offer of a refused row; None where torch has no say or the arguments cannot be told."""
    if row.node.fault is None and None in row.inputs:  # not refused: nobody knows what it would read
        return None
    if _is_miscounted(row):
        return None
    cls = type(row.layer) if row.layer is not None else _refused_class(row.node)
    if cls is None:
        return None
    shapes = None if None in row.inputs else numbers(row.inputs, sizes)
    given = dict(row.node.given) if row.layer is None else {**row.layer.arguments(), **row.layer.forward_arguments()}
    forward = {name: given.pop(name) for name in cls.forward if name in given}
    given.pop("training", None)
    name = cls.__name__
    missing = [argument for argument in cls.inferred if given.get(argument) is None]
    if missing:
        inferred = _inferred(cls, row.layer, shapes)
        if inferred is None and name not in TWINS:
            return None
        given = {key: value for key, value in given.items() if key not in missing} | (inferred or {})
        name = name if inferred is not None else TWINS[name]
    small = None if shapes is None else _smaller(row.layer, shapes)
    return Offer(name, numbers(given, sizes), numbers(forward, sizes), small, training)


def _is_miscounted(row: Row) -> bool:
    """Whether a layer reads too many inputs or too few (SP308): that says the spec, torch never sees the call."""
    if row.node.fault is not None:
        return any(finding.code == "SP308" for finding in row.node.fault.diagnostics)
    if row.layer is None:
        return False
    several = row.layer.takes_several
    if any(shape and isinstance(shape[0], tuple) and not (index and several) for index, shape in enumerate(row.inputs)):
        return True
    try:
        row.layer.shape(*row.inputs)
    except ShapeError as error:
        return any(finding.code == "SP308" for finding in error.diagnostics)
    except (TypeError, IndexError, AttributeError):  # of arguments that wait for the input
        return False
    return False


def _refused_class(node: Node) -> type[Layer] | None:
    """The class of a layer whose record could not be made; None for faults that are no business of torch's."""
    codes = [] if node.fault is None else [finding.code for finding in node.fault.diagnostics]
    about_torch = all(code.startswith(("SP2", "SP3")) for code in codes)
    return LAYERS[node.type] if codes and about_torch and node.type in LAYERS else None


def _inferred(cls: type[Layer], layer: Layer | None, shapes: tuple[Any, ...] | None) -> dict[str, Any] | None:
    """The arguments left to the input; None where this input does not tell."""
    if shapes is None:
        return None
    try:
        return (object.__new__(cls) if layer is None else layer).infer_arguments(*shapes)
    except (ShapeError, TypeError, IndexError, AttributeError):
        return None


def _smaller(layer: Layer | None, shapes: tuple[Any, ...]) -> tuple[Any, ...]:
    """The shapes with a large batch cut down to 2, where the layer refuses them all the same."""
    firsts = {shape[0] for shape in shapes if shape and isinstance(shape[0], int)}
    if layer is None or sum(map(elements, shapes)) <= MOST_CELLS or len(firsts) != 1 or max(firsts) <= 2:
        return shapes
    small = tuple((2, *shape[1:]) for shape in shapes)
    try:
        layer.shape(*small)
    except ShapeError:
        return small
    return shapes
