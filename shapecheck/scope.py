"""What a list of entries sees while a spec is unrolled: names, parameters, blocks, and what equal entries made before.

Main definitions: `Scope`, `Block`, `Made`, `Cache`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

from shapecheck.diagnostics import ShapeError
from shapecheck.layers.base import Layer
from shapecheck.net import Mark, Source
from shapecheck.yaml_nodes import Node as Tree

Value: TypeAlias = int | Source | None  # a value's number; None where a fault, which has its finding, left it unknown
BROKEN = object()  # a parameter or argument that a fault of the spec left unknown


class Scope:
    """What a list of entries sees: names of values, parameters of the block around it, and the value before."""

    def __init__(
        self, value: Value, prefix: str = "", parameters: Mapping[str, Any] | None = None, outer: Scope | None = None
    ) -> None:
        self.value = value
        self.prefix = prefix
        self.parameters: Mapping[str, Any] = parameters or {}
        self.outer = outer
        self.names: dict[str, Value] = {}
        self.own: dict[str, Tree] = {}  # the names given in this list, to find doubled ones
        self.later: set[str] = set() if outer is None else outer.later
        self.cache: Cache = Cache() if outer is None else outer.cache

    def __contains__(self, name: str) -> bool:
        return name in self.names or (self.outer is not None and name in self.outer)

    def __getitem__(self, name: str) -> Value:
        return self.names[name] if name in self.names or self.outer is None else self.outer[name]

    def known(self) -> list[str]:
        """All names that can be read here, the nearest first."""
        return [*reversed(self.names), *([] if self.outer is None else self.outer.known())]


class Cache:
    """What the entries of one scope made before, by entry: repetitions make equal layers and equal calls of blocks."""

    def __init__(self) -> None:
        self.made: dict[int, Made] = {}
        self.calls: dict[int, tuple[dict[str, Any], Cache]] = {}


class Made:
    """A layer as an entry makes it; the same for every repetition of the entry in one scope."""

    __slots__ = ("fault", "given", "layer", "marks", "waits")

    def __init__(
        self, layer: Layer | None, fault: ShapeError | None, given: dict[str, Any], marks: dict[str, Mark]
    ) -> None:
        self.layer = layer
        self.fault = fault
        self.given = given
        self.marks = marks
        self.waits = layer is not None and layer.unresolved


class Block:
    """A block of the spec: its layers, and its parameters with their defaults (None where one must be given)."""

    def __init__(self, name: str, parameters: dict[str, Tree | None], layers: list[Tree]) -> None:
        self.name = name
        self.parameters = parameters
        self.layers = layers
