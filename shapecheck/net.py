"""A network as data: an immutable DAG of layers, every node with its place in the spec.

Values are numbered: the network's inputs first, then each node's output. A node names the values it reads.
Main definitions: `Network`, `Node`, `Claim`, `numbers`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from shapecheck.diagnostics import ShapeError
from shapecheck.layers.base import Layer
from shapecheck.sizes import Shape, Size, evaluate

if TYPE_CHECKING:
    from shapecheck.constraints import Constraint


class Mark(NamedTuple):
    """A place in a spec, counted from 1."""

    line: int | None = None
    column: int | None = None


NOWHERE = Mark()


class Claim(NamedTuple):
    """What the author says a shape is (`output:`), and where they say it."""

    shape: Shape
    mark: Mark = NOWHERE


class Source(NamedTuple):
    """One output of a value that holds several: `lstm[1]` is Source(value, (1,))."""

    value: int
    path: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Node:
    """A layer at its place. `layer` is None where a fault left none; `fault` is what torch's constructor would say."""

    name: str
    type: str
    layer: Layer | None
    sources: tuple[int | Source | None, ...]  # None: a fault of the spec left it unknown
    mark: Mark = NOWHERE
    marks: Mapping[str, Mark] = field(default_factory=dict)  # where each argument stands
    claim: Claim | None = None
    fault: ShapeError | None = None
    given: Mapping[str, Any] = field(default_factory=dict)  # the arguments as the spec gives them
    open: bool = False  # an argument waits for the input's sizes
    sized: bool = False  # an argument among `given` is made of open sizes
    params: int | None = None  # counted otherwise than by the layer: a shared one has been counted before

    def place(self, argument: str | None) -> Mark:
        """Where the argument stands, else where the layer does."""
        return self.mark if argument is None else self.marks.get(argument, self.mark)


class Network(NamedTuple):
    """The DAG in an order in which it can be computed."""

    name: str
    inputs: Mapping[str, Shape]
    nodes: tuple[Node, ...]
    outputs: tuple[tuple[int | Source, Claim | None], ...] = ()
    file: str | None = None
    training: bool = True
    input_marks: Mapping[str, Mark] = {}
    guards: tuple[Any, ...] = ()  # what a recorded model's code asked of open sizes (`models/open_ints.py`)
    groups: Mapping[str, str] = {}  # the classes of the modules that layers stand in, by path
    where: tuple[Constraint, ...] = ()  # what the spec asks of open sizes besides

    def source_name(self, source: int | Source) -> str:
        """The name of the input or node that gives a value, `name[i]` for one output of several."""
        value, path = (source, ()) if isinstance(source, int) else source
        count = len(self.inputs)
        name = list(self.inputs)[value] if value < count else self.nodes[value - count].name
        return name + "".join(f"[{index}]" for index in path)

    def source_names(self, node: Node) -> list[str]:
        """The names of the values a node reads, as far as they are known."""
        return [self.source_name(source) for source in node.sources if source is not None]

    def open_names(self) -> list[str]:
        """The names of sizes left open, in order of appearance."""
        found: dict[str, None] = {}
        for shape in self.inputs.values():
            for dim in shape:
                if not isinstance(dim, int):
                    found.update(dict.fromkeys(sorted(dim.names())))
        return list(found)


def numbers(value: Any, sizes: Mapping[str, int]) -> Any:
    """The value, a shape or an argument, its open sizes replaced by numbers.

    >>> from shapecheck.sizes import name
    >>> numbers(((name("N"), 8), None), {"N": 2})
    ((2, 8), None)
    """
    if isinstance(value, Size):
        return evaluate(value, sizes)
    if type(value) is tuple or type(value) is list:
        return type(value)(numbers(item, sizes) for item in value)
    if type(value) is dict:
        return {key: numbers(item, sizes) for key, item in value.items()}
    return value
