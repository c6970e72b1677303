"""A quick look whether a change can help: only the layers it reaches are computed, up to the one at fault.

A change of an argument or of an input's sizes leaves most of a network as it was. `Probe` computes what follows from it
and tells whether the fault is still there, or another one comes before it: then the changed text need not be read. What
it cannot tell it lets through; what it lets through is read and inferred as a whole.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from shapecheck.diagnostics import Diagnostic, ShapeError
from shapecheck.inference import pick
from shapecheck.layers import LAYERS
from shapecheck.layers.base import Layer, is_shape, make
from shapecheck.net import Mark
from shapecheck.repairs.trial import Trial, differing
from shapecheck.sizes import can_equal


class Probe:
    """The values of a trial's network, and what a change makes of them."""

    def __init__(self, trial: Trial, finding: Diagnostic) -> None:
        network = trial.report.network
        self.network = network
        self.finding = finding
        self.rows = trial.rows
        self.fault = trial.places.get(finding.layer or "", -1)
        self.values: list[Any] = [*trial.report.inputs.values(), *(row.output for row in trial.rows)]
        self.fresh: dict[int, Layer | None] = {}

    def argument(self, mark: Mark, type_: str, name: str, value: Any) -> bool:
        """Whether the layers that stand at this place, with another argument, may help."""
        if self.network is None or self.fault < 0 or type_ not in LAYERS:
            return True
        made: dict[int, Layer | None] = {}
        for number, node in enumerate(self.network.nodes[: self.fault + 1]):
            if node.mark == mark and node.type == type_:
                try:
                    made[number] = make(LAYERS[type_], {**node.given, name: value})
                except ShapeError as error:
                    return self._lesser(number, error.diagnostics[0])
                except (TypeError, ValueError, ArithmeticError):
                    return True
        return self._follows({}, made) if made else True

    def input(self, name: str, shape: tuple[Any, ...]) -> bool:
        """Whether another shape of an input may help."""
        if self.network is None or self.fault < 0 or name not in self.network.inputs:
            return True
        return self._follows({list(self.network.inputs).index(name): shape}, {})

    def _follows(self, changed: Mapping[int, Any], made: Mapping[int, Layer | None]) -> bool:
        """Whether the fault may be gone, given values that differ and layers that do."""
        assert self.network is not None
        values = list(self.values)
        moved = set(changed)
        for number, shape in changed.items():
            values[number] = shape
        count = len(self.network.inputs)
        start = 0 if changed else min(made)
        for number in range(start, self.fault + 1):
            node = self.network.nodes[number]
            reads = {s if isinstance(s, int) else s.value for s in node.sources if s is not None}
            if number not in made and not reads & moved:
                continue
            verdict, output = self._computed(number, made, values)
            if verdict is not None:
                return verdict
            if output != self.values[count + number]:
                moved.add(count + number)
                values[count + number] = output
            if not self._claimed(number, output):
                return False
        return self.fault in made or bool(
            {count + self.fault, *self._reads(self.fault)} & moved
        )  # what nothing reaches stays as it is

    def _reads(self, number: int) -> set[int]:
        assert self.network is not None
        return {s if isinstance(s, int) else s.value for s in self.network.nodes[number].sources if s is not None}

    def _computed(self, number: int, made: Mapping[int, Layer | None], values: list[Any]) -> tuple[bool | None, Any]:
        """A verdict where there is one already, and the layer's output."""
        assert self.network is not None
        node = self.network.nodes[number]
        shapes = tuple(pick(source, values) for source in node.sources)
        layer = made[number] if number in made else self._fresh(number)
        if layer is None or None in shapes or not all(map(is_shape, shapes)):
            return True, None
        try:
            if layer.unresolved:
                layer = layer.resolve(*shapes)
            return None, layer.shape(*shapes)
        except ShapeError as error:
            return self._lesser(number, error.diagnostics[0]), None
        except (TypeError, ValueError, ArithmeticError, IndexError, AttributeError):
            return True, None

    def _lesser(self, number: int, finding: Diagnostic) -> bool:
        """Whether a fault comes behind the one that is to be mended, or is a lesser one of the same layer."""
        if number < self.fault or self.finding.code == "SP307":
            return False
        was = self.finding
        return (finding.code, finding.argument) != (was.code, was.argument) or differing(finding) < differing(was)

    def _claimed(self, number: int, output: Any) -> bool:
        """Whether a layer's output is what the spec claims of it, as far as the fault is about that."""
        assert self.network is not None
        claim = self.network.nodes[number].claim
        shape: Any = None if claim is None else claim.shape
        if number == self.fault and self.finding.code == "SP307":
            shape = self.finding.facts.get("claim")
        if shape is None or not is_shape(output):
            return True
        return len(shape) == len(output) and all(map(can_equal, output, shape))

    def _fresh(self, number: int) -> Layer | None:
        """A layer as the spec gives it, what is inferred left open."""
        if number not in self.fresh:
            assert self.network is not None
            node = self.network.nodes[number]
            layer = node.layer
            if layer is not None and layer.inferred and node.type in LAYERS:
                try:
                    layer = make(LAYERS[node.type], node.given)
                except ShapeError:
                    layer = None
            self.fresh[number] = layer
        return self.fresh[number]
