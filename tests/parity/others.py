"""Where other tools err on shapes and counts, measured: ONNX's shape inference on ceil mode, MAC counters on transposed
convolutions.

Torch is the judge: its CPU for shapes, its `flop_counter` (two operations a multiply-add) for counts. Main definitions:
`ceil_pools` (the drawn pools), `inferred` (ONNX's answer), `counts` (each tool's MACs). `python -m tests.parity.page`
prints what they find, with versions.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from importlib import import_module
from random import Random
from typing import Any, NamedTuple

import torch
from torch.utils.flop_counter import FlopCounterMode

import shapecheck
from shapecheck.layers import LAYERS

OPERATORS = {"MaxPool2d": "MaxPool", "AvgPool2d": "AveragePool"}


class Pool(NamedTuple):
    """A pool in ceil mode that torch accepts: its type, arguments, input shape and the output shape torch gives it."""

    kind: str
    args: dict[str, Any]
    shape: tuple[int, ...]
    output: tuple[int, ...]

    def __str__(self) -> str:
        """The pool as Python writes it."""
        arguments = ", ".join(f"{name}={value!r}" for name, value in self.args.items())
        return f"{self.kind}({arguments}) on {self.shape}"


def ceil_pools(count: int, seed: int = 0) -> Iterator[Pool]:
    """So many pools in ceil mode, small and plausible ones, each run by torch; what torch refuses is drawn again."""
    rng = Random(seed)
    while count:
        kernel = rng.randint(1, 6)
        args: dict[str, Any] = {
            "kernel_size": kernel,
            "stride": rng.randint(1, 6),
            "padding": rng.randint(0, kernel // 2),
        }
        kind = rng.choice(list(OPERATORS))
        if kind == "MaxPool2d":
            args["dilation"] = rng.randint(1, 3)
        args["ceil_mode"] = True
        shape = (1, 1, rng.randint(1, 16), rng.randint(1, 16))
        try:
            output = getattr(torch.nn, kind)(**args)(torch.zeros(shape)).shape
        except RuntimeError:
            continue
        count -= 1
        yield Pool(kind, args, shape, tuple(output))


def predicted(pool: Pool) -> tuple[int, ...]:
    """Our own answer."""
    return tuple(shapecheck.output_shape(pool.kind, pool.shape, **pool.args))


def inferred(pool: Pool, opset: int) -> tuple[int, ...]:
    """The output shape that ONNX's shape inference gives for the same pool under an opset."""
    from onnx import TensorProto, helper, shape_inference

    args = pool.args
    attributes: dict[str, Any] = {
        "kernel_shape": [args["kernel_size"]] * 2, "strides": [args["stride"]] * 2, "pads": [args["padding"]] * 4,
        "ceil_mode": 1,
    }  # fmt: skip
    if "dilation" in args:
        attributes["dilations"] = [args["dilation"]] * 2
    node = helper.make_node(OPERATORS[pool.kind], ["x"], ["y"], **attributes)
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, pool.shape)
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, None)
    graph = helper.make_graph([node], "pool", [x], [y])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)])
    output = shape_inference.infer_shapes(model, strict_mode=True).graph.output[0]
    return tuple(size.dim_value for size in output.type.tensor_type.shape.dim)


def opsets() -> range:
    """The opsets in which pools have a ceil mode."""
    from onnx.defs import onnx_opset_version

    return range(10, onnx_opset_version() + 1)


CONVOLUTIONS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("Conv2d", {"in_channels": 8, "out_channels": 4, "kernel_size": 2, "stride": 2, "bias": False}),
    ("ConvTranspose2d", {"in_channels": 8, "out_channels": 4, "kernel_size": 3, "padding": 1, "bias": False}),
    ("ConvTranspose2d", {"in_channels": 8, "out_channels": 4, "kernel_size": 2, "stride": 2, "bias": False}),
    (
        "ConvTranspose2d",
        {"in_channels": 8, "out_channels": 4, "kernel_size": 4, "stride": 2, "padding": 1, "bias": False},
    ),
)
SHAPE = (1, 8, 16, 16)


def counts(kind: str, args: dict[str, Any]) -> dict[str, Any]:
    """The multiply-adds of one convolution on `SHAPE`, by each tool; torch's operations halved."""
    module, x = getattr(torch.nn, kind)(**args), torch.zeros(SHAPE)
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        output = tuple(module(x).shape)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torchinfo, thop = import_module("torchinfo"), import_module("thop")
        return {
            "torch": counter.get_total_flops() // 2,
            "shapeproof": LAYERS[kind](**args).macs((SHAPE,), output),
            "torchinfo": torchinfo.summary(module, input_data=x, verbose=0).total_mult_adds,
            "thop": int(thop.profile(module, inputs=(x,), verbose=False)[0]),
        }
