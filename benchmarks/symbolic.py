"""Symbolic answers side by side: what this project and its peers say where batch, height and width are names.

    python -m benchmarks symbolic

The same four networks for all: a LeNet's layers before its classifier, the trunks of VGG-16 and ResNet-18, a U-Net.
Ours predicts a formula and the exact set of sizes; the peers are onnx's shape inference and onnxruntime's
`symbolic_shape_infer` on an exported file, and torch.export with named dimensions from 32 to 2048 (with dimensions it
may name itself, where it refuses those). Each answer is then evaluated at all heights from 1 to 300: `right` of the
heights that torch takes, `false` of those that torch refuses, without any condition that would say so (what
torch.export made is run, for its conditions are guards in what it makes).

Main definition: `symbolic`.
"""

from __future__ import annotations

import contextlib
import importlib.util
import io
import warnings
from collections.abc import Callable, Sequence
from fractions import Fraction
from math import ceil, floor
from pathlib import Path
from time import perf_counter
from typing import Any, NamedTuple

import shapecheck
from shapecheck.net import Network
from shapecheck.sizes import Size, evaluate, name

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"
LEAST, MOST = 32, 2048
HEIGHTS = range(1, 301)
WIDTH = 64


class Answer(NamedTuple):
    """What a tool says the last map's height is, in words and as a function of H; `takes` says which H it allows."""

    words: str
    seconds: float
    height: Callable[[int], Any] | None = None
    takes: Callable[[int], bool] = lambda h: True


def networks() -> dict[str, Network]:
    """The four, height and width open."""
    found = {
        "LeNet, up to Flatten": _trunk("lenet", "Flatten"),
        "VGG-16, trunk": _trunk("vgg16", "AdaptiveAvgPool2d"),
        "ResNet-18, trunk": _trunk("resnet18", "AdaptiveAvgPool2d"),
        "U-Net": _trunk("unet", None),
    }
    return found


def _trunk(example: str, end: str | None) -> Network:
    """An example up to the first layer of that type."""
    network = shapecheck.load(EXAMPLES / f"{example}.yaml")
    nodes = network.nodes
    if end is not None:
        nodes = nodes[: next(i for i, node in enumerate(nodes) if node.type == end)]
    batch, channels, *_ = next(iter(network.inputs.values()))
    inputs = {key: (batch, channels, name("H"), name("W")) for key in network.inputs}
    return network._replace(nodes=nodes, outputs=(), inputs=inputs)


def symbolic(rounds: int) -> list[list[str]]:
    """The rows of the table: network, tool, answer, milliseconds, right, false."""
    table = []
    for title, network in networks().items():
        truth = [_height(network, h) for h in HEIGHTS]
        answers = {"ours": _ours(network, rounds), **_of_peers(network)}
        for tool, answer in answers.items():
            table.append([title, tool, answer.words, f"{answer.seconds * 1e3:,.1f}", *_judged(answer, truth)])
            title = ""
    return table


def _height(network: Network, h: int) -> int | None:
    """The last map's height, predicted with numbers; None where the network does not run."""
    report = shapecheck.infer(network, {"N": 2, "H": h, "W": WIDTH})
    return report.rows[-1].output[2] if report.ok else None


def _judged(answer: Answer, truth: Sequence[int | None]) -> list[str]:
    """Of how many heights the answer is right, and of how many it says something where torch refuses."""
    fitting = [(h, value) for h, value in zip(HEIGHTS, truth, strict=True) if value is not None]
    if answer.height is None:
        return [f"0/{len(fitting)}", "-"]
    right = sum(answer.takes(h) and answer.height(h) == value for h, value in fitting)
    false = sum(answer.takes(h) for h, value in zip(HEIGHTS, truth, strict=True) if value is None)
    return [f"{right}/{len(fitting)}", f"{false}/{len(truth) - len(fitting)}"]


# ours ----------------------------------------------------------------------------------------------------------------


def _ours(network: Network, rounds: int) -> Answer:
    """The formula and the exact set of sizes."""
    seconds = min(_timed(lambda: shapecheck.infer(network))[0] for _ in range(max(rounds, 2)))
    size = shapecheck.infer(network).rows[-1].output[2]
    taken, sizes = _timed(lambda: shapecheck.admissible_of(network))
    assert isinstance(size, Size)
    words = f"{size}; {sizes} (in {taken * 1e3:,.0f} ms)"
    return Answer(words, seconds, lambda h: evaluate(size, {"H": h}), lambda h: sizes.contains(N=2, H=h, W=WIDTH))


def _timed(work: Callable[[], Any]) -> tuple[float, Any]:
    start = perf_counter()
    made = work()
    return perf_counter() - start, made


# peers ---------------------------------------------------------------------------------------------------------------


def _of_peers(network: Network) -> dict[str, Answer]:
    """The peers' answers; those that are not installed say so."""
    import torch

    from benchmarks.modules import Assembled

    report = shapecheck.infer(network, {"N": 2, "H": 64, "W": 64})
    with torch.device("meta"):
        module = Assembled(report).eval()
        example = torch.empty(tuple(next(iter(report.inputs.values()))))
    found = {"torch.export, 32 to 2048": _exported(module, example, named=True)}
    if found["torch.export, 32 to 2048"].height is None:
        found["torch.export, its own names"] = _exported(module, example, named=False)
    missing = Answer("not installed", 0.0)
    if importlib.util.find_spec("onnx") is None:
        return {"onnx": missing, "onnxruntime": missing, **found}
    model = _file(module, example)
    there = importlib.util.find_spec("onnxruntime") is not None
    return {"onnx": _onnx(model), "onnxruntime": _onnxruntime(model) if there else missing, **found}


def _file(module: Any, example: Any) -> Any:
    """The network as an ONNX model whose input is N x C x H x W, weights left out."""
    import onnx
    import torch

    file: Any = io.BytesIO()
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            module.to_empty(device="cpu"), (torch.zeros(example.shape),), file, dynamo=False, export_params=False,
            do_constant_folding=False, verbose=False, input_names=["x"], output_names=["y"],
            dynamic_axes={"x": {0: "N", 2: "H", 3: "W"}},
        )  # fmt: skip
    model = onnx.load_model_from_string(file.getvalue())
    for output in model.graph.output:
        output.type.tensor_type.ClearField("shape")
    return model


def _onnx(model: Any) -> Answer:
    """onnx's own inference, data propagation included."""
    import onnx

    seconds, made = _timed(lambda: onnx.shape_inference.infer_shapes(model, data_prop=True))
    return _read_off(made, seconds)


def _onnxruntime(model: Any) -> Answer:
    """onnxruntime's symbolic inference, which merges what it cannot decide."""
    from importlib import import_module

    tool = import_module("onnxruntime.tools.symbolic_shape_infer").SymbolicShapeInference
    with contextlib.redirect_stdout(io.StringIO()):
        try:
            seconds, made = _timed(lambda: tool.infer_shapes(model, auto_merge=True))
        except Exception as error:
            return Answer(_first_line(error), 0.0)
    return _read_off(made, seconds)


def _read_off(model: Any, seconds: float) -> Answer:
    """The height of the model's output."""
    dims = model.graph.output[0].type.tensor_type.shape.dim
    if len(dims) != 4 or not (dims[2].dim_param or dims[2].dim_value):
        return Answer("no answer", seconds)
    text = dims[2].dim_param or str(dims[2].dim_value)
    if not _readable(text):
        return Answer(f"no answer (a new name, {text})", seconds)
    return Answer(text, seconds, lambda h: _value(text, {"H": h, "N": 2, "W": WIDTH}))


def _readable(text: str) -> bool:
    try:
        _value(text, {"H": 64, "N": 2, "W": WIDTH})
    except NameError:
        return False
    return True


def _value(text: str, names: dict[str, int]) -> Any:
    """The value of a tool's formula, computed with exact fractions."""
    words: dict[str, Any] = {"floor": floor, "ceiling": ceil, "Max": max, "Min": min, "__builtins__": {}}
    return eval(text, words, {word: Fraction(size) for word, size in names.items()})


def _exported(module: Any, example: Any, *, named: bool) -> Answer:
    """What torch.export says: the height of what it exports, or its refusal."""
    import torch

    free = torch.export.Dim.DYNAMIC
    dims: dict[int, Any] = {2: free, 3: free}
    if named:
        dims = {2: torch.export.Dim("H", min=LEAST, max=MOST), 3: torch.export.Dim("W", min=LEAST, max=MOST)}
    start = perf_counter()
    with warnings.catch_warnings(), torch.no_grad(), contextlib.redirect_stderr(io.StringIO()):
        warnings.simplefilter("ignore")
        try:
            made = torch.export.export(module, (example,), dynamic_shapes=((dims,),))
        except Exception as error:
            return Answer(f"refused: {_first_line(error)}", perf_counter() - start)
    seconds = perf_counter() - start
    values = {node.op: node for node in made.graph.nodes if node.op in ("placeholder", "output")}
    height = str(values["output"].args[0][0].meta["val"].shape[2])
    given = next(node for node in reversed(made.graph.nodes) if node.op == "placeholder").meta["val"].shape[2]
    symbol = str(given)
    if not symbol.isidentifier():
        return Answer(f"{height}, for H = {symbol} only", seconds, lambda h: int(height), lambda h: str(h) == symbol)
    words = f"{height.replace(symbol, 'H')}, and guards where it runs"
    return Answer(words, seconds, lambda h: _value(height, {symbol: h}), _guarded(made.module(), example))


def _guarded(module: Any, example: Any) -> Callable[[int], bool]:
    """Whether what was exported takes a height: its guards are asked by running it without arithmetic."""
    import torch

    def takes(h: int) -> bool:
        try:
            module(torch.empty((2, example.shape[1], h, WIDTH), device="meta"))
        except (AssertionError, RuntimeError):
            return False
        return True

    return takes


def _first_line(error: Exception) -> str:
    """The error's beginning."""
    text = " ".join(str(error).split())
    return text[:90] + ("..." if len(text) > 90 else "")
