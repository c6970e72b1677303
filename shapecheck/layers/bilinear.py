"""The bilinear layer: every output reads every product of a feature of the one input with a feature of the other.

Source: torch/nn/modules/linear.py (`Bilinear`); aten/src/ATen/native/Linear.cpp (`bilinear`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from shapecheck.diagnostics import construct_error, forward_error
from shapecheck.layers.arguments import check_weight
from shapecheck.layers.base import Layer, Seen, check_equal, product, shape_text
from shapecheck.sizes import Dim, Shape, can_equal


@dataclass(frozen=True, slots=True, kw_only=True)
class Bilinear(Layer):
    """torch.nn.Bilinear: (*, in1_features) and (*, in2_features) -> (*, out_features)."""

    inferred: ClassVar[tuple[str, ...]] = ("in1_features", "in2_features")
    inputs: ClassVar[tuple[int, int | None]] = (2, 2)
    formula: ClassVar[str] = "(*, in1_features), (*, in2_features) -> (*, out_features)"

    in1_features: Any = None
    in2_features: Any = None
    out_features: Any
    bias: Any = True

    def __post_init__(self) -> None:
        if self.in1_features is None or self.in2_features is None:
            return
        check_weight(
            ("out_features", self.out_features),
            ("in1_features", self.in1_features),
            ("in2_features", self.in2_features),
        )
        if not self.in1_features > 0:
            raise construct_error(
                "SP202", f"in1_features is {self.in1_features}: it must be 1 or more", argument="in1_features",
                hint="in1_features: 1",
            )  # fmt: skip

    def shape(self, x1: Shape, x2: Shape) -> Shape:
        """The leading dimensions, which the inputs share, and out_features."""
        if not x1 or len(x1) != len(x2):
            raise forward_error(
                "SP302",
                f"the inputs {shape_text(x1)} and {shape_text(x2)} must have equally many dimensions, 1 or more",
            )
        nominal = (*x1[:-1], self.out_features)
        for a, b in zip(x1[:-1], x2[:-1], strict=True):
            if not can_equal(a, b):
                raise forward_error(
                    "SP305", f"the inputs {shape_text(x1)} and {shape_text(x2)} differ before their last dimension: "
                    f"a bilinear layer does not broadcast", nominal=nominal, a=a, b=b,
                )  # fmt: skip
        for argument, x in (("in1_features", x1), ("in2_features", x2)):
            size = getattr(self, argument)
            check_equal(
                "SP303",
                argument,
                size,
                x[-1],
                f"{argument} is {size}, the input {shape_text(x)} has {x[-1]}",
                nominal=nominal,
                least=1 if argument == "in1_features" else 0,
            )
        if x2[-1] == 0:
            raise forward_error("SP313", "the second input has no features", argument="in2_features", nominal=nominal)
        return nominal

    def infer_arguments(self, x1: Shape, x2: Shape) -> dict[str, Any]:
        """Both numbers of features, from the inputs."""
        if not x1 or not x2:
            raise forward_error("SP302", "an input has no dimensions, hence no features", rank=0)
        return {"in1_features": x1[-1], "in2_features": x2[-1]}

    def params(self) -> int:
        """out * in1 * in2 weights, and out biases."""
        weights = self.out_features * self.in1_features * self.in2_features
        return weights + self.out_features if self.bias else weights

    def macs(self, inputs: tuple[Shape, Shape], output: Shape) -> Dim:
        """Every output cell reads all in1 * in2 products of features."""
        return product(output, self.in1_features * self.in2_features)

    def field(self, seen: Seen, inputs: tuple[Shape, Shape], output: Shape) -> Seen:
        """Global: the last axes are read whole."""
        return None
