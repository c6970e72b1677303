"""A predicted network as one torch module, for the peers to work on.

Main definition: `Assembled`. Layers become the modules of torch.nn that bear their names, built from the arguments that
the prediction resolved; merges, which torch has no modules for, are the three classes here.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from shapecheck.layers.base import Layer
from shapecheck.net import Source
from shapecheck.report import Report


class Add(nn.Module):
    """The sum of all inputs."""

    def forward(self, *inputs: torch.Tensor) -> torch.Tensor:
        """The sum, broadcast."""
        result = inputs[0]
        for other in inputs[1:]:
            result = result + other
        return result


class Mul(nn.Module):
    """The product of all inputs."""

    def forward(self, *inputs: torch.Tensor) -> torch.Tensor:
        """The product, broadcast."""
        result = inputs[0]
        for other in inputs[1:]:
            result = result * other
        return result


class Concat(nn.Module):
    """All inputs, one behind the other."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.dim = dim

    def forward(self, *inputs: torch.Tensor) -> torch.Tensor:
        """The inputs joined along `dim`."""
        return torch.cat(inputs, self.dim)


_MERGES: dict[str, type[nn.Module]] = {"Add": Add, "Mul": Mul, "Concat": Concat}


def build(layer: Layer) -> nn.Module:
    """The torch module of a layer whose arguments are resolved, on the device that is current."""
    name = type(layer).__name__
    return (_MERGES.get(name) or getattr(nn, name))(**layer.arguments())


def input_shapes(report: Report) -> list[tuple[int, ...]]:
    """The shapes of the network's inputs, for which all names must have got their sizes."""
    shapes = [tuple(dim for dim in shape if isinstance(dim, int)) for shape in report.inputs.values()]
    assert shapes == list(report.inputs.values()), "a size is still open"
    return shapes


class Assembled(nn.Module):
    """The network of a report: its inputs in, the tensor of its last layer out."""

    def __init__(self, report: Report) -> None:
        super().__init__()
        assert report.ok, report.diagnostics
        assert all(row.layer is not None for row in report.rows)
        self.steps = nn.ModuleList(build(row.layer) for row in report.rows if row.layer is not None)
        self.sources = [row.node.sources for row in report.rows]

    def forward(self, *inputs: torch.Tensor) -> Any:
        """The last layer's output."""
        values: list[Any] = list(inputs)
        for step, sources in zip(self.steps, self.sources, strict=True):
            values.append(step(*[_picked(values, source) for source in sources]))
        return values[-1]


def _picked(values: list[Any], source: int | Source | None) -> Any:
    """The tensor that a node reads: a value, or a part of one that holds several."""
    assert source is not None
    if isinstance(source, int):
        return values[source]
    value = values[source.value]
    for index in source.path:
        value = value[index]
    return value
