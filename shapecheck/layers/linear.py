"""The fully connected layer, on the last dimension.

Source: torch/nn/modules/linear.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from shapecheck.diagnostics import forward_error
from shapecheck.layers.arguments import check_weight
from shapecheck.layers.base import LIMIT, Layer, Seen, check_equal, product, shape_text
from shapecheck.sizes import Dim, Shape


@dataclass(frozen=True, slots=True, kw_only=True)
class Linear(Layer):
    """torch.nn.Linear: (*, in_features) -> (*, out_features)."""

    inferred: ClassVar[tuple[str, ...]] = ("in_features",)
    formula: ClassVar[str] = "(*, in_features) -> (*, out_features)"

    in_features: int | None = None
    out_features: int
    bias: bool = True

    def __post_init__(self) -> None:
        read, made = self.in_features, self.out_features
        if (type(read) is int and type(made) is int and 0 <= read < LIMIT and 0 <= made < LIMIT) or read is None:
            return
        check_weight(("out_features", made), ("in_features", read))

    def shape(self, x: Shape) -> Shape:
        """The last dimension replaced."""
        if not x:
            raise forward_error("SP302", "the input has no dimensions, hence no features", rank=0)
        found = x[-1]
        if found != self.in_features:
            if len(x) > 2 and product(x[1:]) == self.in_features:
                raise forward_error(
                    "SP303",
                    f"in_features is {self.in_features}, the input has {found} features: it has {shape_text(x[1:])} "
                    f"a sample, {self.in_features} in all",
                    argument="in_features",
                    hint="Flatten before it",
                    nominal=(x[0], self.out_features),
                    given=self.in_features,
                    found=found,
                )
            check_equal(
                "SP303",
                "in_features",
                self.in_features,
                found,
                f"in_features is {self.in_features}, the input has {found} features",
                nominal=(*x[:-1], self.out_features),
            )
        return (*x[:-1], self.out_features)

    def infer_arguments(self, x: Shape) -> dict[str, Any]:
        """in_features, from the input."""
        if not x:
            raise forward_error("SP302", "the input has no dimensions, hence no features", rank=0)
        return {"in_features": x[-1]}

    def params(self) -> int:
        """in * out weights, and out biases."""
        weights = self.in_features * self.out_features  # type: ignore[operator]
        return weights + self.out_features if self.bias else weights

    def macs(self, inputs: tuple[Shape], output: Shape) -> Dim:
        """Every output cell reads all its in_features inputs."""
        return product(output, self.in_features)

    def field(self, seen: Seen, inputs: tuple[Shape], output: Shape) -> Seen:
        """Global: the last axis is read whole."""
        return None
