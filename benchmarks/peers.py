"""The peers: other ways to learn the shape behind every layer, each on the same assembled module.

Main definition: `contenders` (name -> a function of no arguments that does the work once). What can be prepared once
(the module, a graph, an exported file) is prepared once and not measured, in every peer's favour; weights are left out.
"""

from __future__ import annotations

import importlib.util
import io
import operator
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import fx
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.fx.passes.shape_prop import ShapeProp

from benchmarks.modules import Assembled, input_shapes
from shapecheck.net import Source
from shapecheck.report import Report

Work = Callable[[], object]


def contenders(report: Report) -> Iterator[tuple[str, Work | None]]:
    """The peers by name and what each does for the network of a report; None for one that is not installed."""
    shapes = input_shapes(report)
    with torch.device("meta"):
        module = Assembled(report).eval()
        inputs = [torch.empty(shape) for shape in shapes]
    yield "meta + hooks", _meta_with_hooks(module, inputs)
    yield "fx ShapeProp", _shape_prop(module, inputs)
    yield "FakeTensorMode", _fake(report, shapes)
    yield "torchinfo", _torchinfo(module, inputs) if _installed("torchinfo") else None
    exported = _exported(report, shapes) if _installed("onnx") else None
    yield "onnx", None if exported is None else _onnx(exported)
    yield "onnx bytes", None if exported is None else _onnx_bytes(exported)


def _installed(name: str) -> bool:
    return importlib.util.find_spec(name) is not None


def _meta_with_hooks(module: Assembled, inputs: list[torch.Tensor]) -> Work:
    """A forward pass without arithmetic, in which a hook on each layer notes its output's shape."""

    def work() -> list[Any]:
        shapes: list[Any] = []

        def note(step: torch.nn.Module, inputs: Any, output: Any) -> None:
            shapes.append(tuple(output.shape))

        hooks = [step.register_forward_hook(note) for step in module.steps]
        with torch.no_grad():
            module(*inputs)
        for hook in hooks:
            hook.remove()
        assert len(shapes) == len(module.steps)
        return shapes

    return work


def _shape_prop(module: Assembled, inputs: list[torch.Tensor]) -> Work:
    """torch.fx's own pass over a graph that is there beforehand."""
    graph = fx.Graph()
    values = [graph.placeholder(f"x{i}") for i in range(len(inputs))]
    for i, sources in enumerate(module.sources):
        values.append(graph.call_module(f"steps.{i}", tuple(_read(graph, values, source) for source in sources)))
    graph.output(values[-1])
    traced = fx.GraphModule(module, graph)

    def work() -> object:
        with torch.no_grad():
            return ShapeProp(traced).propagate(*inputs)

    return work


def _read(graph: fx.Graph, values: list[fx.Node], source: int | Source | None) -> fx.Node:
    """The graph's node for what a layer reads."""
    assert source is not None
    if isinstance(source, int):
        return values[source]
    node = values[source.value]
    for index in source.path:
        node = graph.call_function(operator.getitem, (node, index))
    return node


def _fake(report: Report, shapes: list[tuple[int, ...]]) -> Work:
    """A forward pass over fake tensors, the way torch.compile and torch.export learn shapes."""
    mode = FakeTensorMode()
    with mode:
        module = Assembled(report).eval()
        inputs = [torch.empty(shape) for shape in shapes]

    def work() -> object:
        with mode, torch.no_grad():
            return module(*inputs)

    return work


def _torchinfo(module: Assembled, inputs: list[torch.Tensor]) -> Work:
    """torchinfo's summary on the meta device, not printed."""
    from torchinfo import summary

    return lambda: summary(module, input_data=inputs, device="meta", verbose=0)


def _exported(report: Report, shapes: list[tuple[int, ...]]) -> bytes:
    """The network as an ONNX file, weights declared as inputs of the graph, not given as data."""
    with torch.device("meta"):
        module = Assembled(report).eval()
    module.to_empty(device="cpu")  # memory that nobody writes to costs nothing
    file: Any = io.BytesIO()
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            module, tuple(torch.zeros(shape) for shape in shapes), file, dynamo=False, export_params=False,
            do_constant_folding=False, verbose=False,
        )  # fmt: skip
    return bytes(file.getvalue())


def _onnx(exported: bytes) -> Work:
    """onnx's inference as its users call it: a model in, a model with shapes out."""
    import onnx

    model = onnx.load_model_from_string(exported)
    return lambda: onnx.shape_inference.infer_shapes(model)


def _onnx_bytes(exported: bytes) -> Work:
    """The C++ function behind it alone, from the file's bytes to bytes that nobody has looked into yet."""
    from importlib import import_module  # its C++ module has no types, where it is installed at all

    infer = import_module("onnx.onnx_cpp2py_export").shape_inference.infer_shapes
    return lambda: infer(exported, False, False, False)
