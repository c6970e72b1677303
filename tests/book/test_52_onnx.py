"""What are the shapes of a file of ONNX, by ONNX's own rules?

ONNX pads each side by itself, has an auto_pad, a ceil_mode that changed with opset 22, a Reshape whose 0 copies, shapes
that are computed by the graph. Each rule is told in several voices: by hand, by onnx's own inference on random nodes,
by torch on what torch exports. A file that is no model, or a hostile one, is a finding.

Main results: `test_each_operator_is_what_onnx_infers`, `test_ceil_mode_by_enumeration`, `test_what_torch_exports`,
`test_no_file_makes_it_fall`.
"""

from __future__ import annotations

import builtins
import warnings
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import nn

import cli
import shapecheck
from shapecheck.models.onnx_files import check_onnx, infer_shapes
from shapecheck.models.onnx_ops import RULES, clamped_count, unclamped_count
from shapecheck.report import Report

FLOAT, INT64 = TensorProto.FLOAT, TensorProto.INT64


def model_of(
    nodes: list[Any],
    inputs: dict[str, Any],
    outputs: list[str],
    *,
    opset: int = 22,
    fixed: dict[str, Any] | None = None,
) -> Any:
    """A model of these nodes; `fixed` are its initializers, as lists or arrays."""
    graph = helper.make_graph(
        nodes, "net",
        [helper.make_tensor_value_info(name, FLOAT, shape) for name, shape in inputs.items()],
        [helper.make_tensor_value_info(name, FLOAT, None) for name in outputs],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in (fixed or {}).items()],
    )  # fmt: skip
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=10)


def checked(tmp_path: Path, model: Any, **sizes: int) -> Report:
    """The report of a model, by way of a file."""
    path = tmp_path / "model.onnx"
    path.write_bytes(model.SerializeToString())
    return check_onnx(str(path), sizes or None)


def codes(report: Report) -> list[str]:
    """The codes of the findings, but for the note that says what onnx said."""
    return [finding.code for finding in report.diagnostics if finding.code != "SP710"]


def agreement(report: Report) -> tuple[int, int, int]:
    """On how many operators onnx agrees, how many it leaves open, on how many it differs."""
    facts = next(finding.facts for finding in report.diagnostics if finding.code == "SP710")
    return facts["agreed"], facts["open"], facts["differ"]


def shape_of(report: Report, name: str) -> Any:
    """A row's output, open sizes as text."""
    (row,) = [row for row in report.rows if row.name == name]
    return None if row.output is None else tuple(dim if isinstance(dim, int) else str(dim) for dim in row.output)


# One operator --------------------------------------------------------------------------------------------------------

# (operator, attributes, inputs, initializers by place, opset, output by hand)
BY_HAND: dict[str, tuple[str, dict[str, Any], list[Any], dict[int, Any], int, Any]] = {
    "pads are of each side": (
        "MaxPool", {"kernel_shape": [3], "pads": [0, 1], "strides": [2]}, [(1, 1, 6)], {}, 22, (1, 1, 3),
    ),
    "SAME is ceil(n/s)": (
        "MaxPool", {"kernel_shape": [3], "auto_pad": "SAME_UPPER", "strides": [2]}, [(1, 1, 7)], {}, 22, (1, 1, 4),
    ),
    "VALID pads nothing": (
        "Conv", {"auto_pad": "VALID"}, [(2, 3, 8, 8)], {1: np.zeros((4, 3, 3, 3))}, 22, (2, 4, 6, 6),
    ),
    "groups": ("Conv", {"group": 2}, [(1, 4, 5)], {1: np.zeros((6, 2, 3))}, 22, (1, 6, 3)),
    "a transposed convolution": (
        "ConvTranspose", {"strides": [2], "output_padding": [1], "pads": [1, 0]}, [(1, 4, 5)],
        {1: np.zeros((4, 3, 3))}, 22, (1, 3, 11),
    ),
    "ConvTranspose to a shape": (
        "ConvTranspose", {"strides": [2], "output_shape": [9]}, [(1, 4, 5)], {1: np.zeros((4, 3, 3))}, 22, (1, 3, 9),
    ),
    "0 copies, -1 is the rest": ("Reshape", {}, [(2, 3, 4)], {1: [0, -1]}, 22, (2, 12)),
    "0 is 0 where it is allowed": ("Reshape", {"allowzero": 1}, [(0, 3, 4)], {1: [3, 0, 5]}, 22, (3, 0, 5)),
    "Flatten makes a matrix": ("Flatten", {"axis": 0}, [(2, 3, 4)], {}, 22, (1, 24)),
    "Flatten at the end": ("Flatten", {"axis": 3}, [(2, 3, 4)], {}, 22, (24, 1)),
    "Gemm turns": ("Gemm", {"transA": 1, "transB": 1}, [(3, 2), (5, 3)], {}, 22, (2, 5)),
    "a step back": ("Slice", {}, [(10, 3)], {1: [-1], 2: [-(2**63)], 3: [0], 4: [-3]}, 22, (4, 3)),
    "an end far off": ("Slice", {}, [(10, 3)], {1: [4], 2: [2**63 - 1], 3: [0]}, 22, (6, 3)),
    "slices by attribute": ("Slice", {"starts": [1], "ends": [3], "axes": [1]}, [(4, 5)], {}, 9, (4, 2)),
    "Squeeze by attribute": ("Squeeze", {"axes": [0]}, [(1, 4, 1)], {}, 11, (4, 1)),
    "Squeeze of all": ("Squeeze", {}, [(1, 4, 1)], {}, 22, (4,)),
    "Unsqueeze counts in the output": ("Unsqueeze", {}, [(3, 4)], {1: [0, -1]}, 22, (1, 3, 4, 1)),
    "a scale of single precision": (
        "Resize", {}, [(1, 1, 10)], {1: np.array([], "f4"), 2: np.array([1, 1, 0.7], "f4")}, 22, (1, 1, 6),
    ),
    "a size told": (
        "Resize", {}, [(1, 1, 10)], {1: np.array([], "f4"), 2: np.array([], "f4"), 3: [1, 1, 25]}, 22, (1, 1, 25),
    ),
    "DepthToSpace": ("DepthToSpace", {"blocksize": 2}, [(1, 8, 3, 4)], {}, 22, (1, 2, 6, 8)),
    "SpaceToDepth": ("SpaceToDepth", {"blocksize": 2}, [(1, 2, 6, 8)], {}, 22, (1, 8, 3, 4)),
    "Pad cuts too": ("Pad", {}, [(1, 2, 5)], {1: [0, 0, 2, 0, 0, -1]}, 22, (1, 2, 6)),
    "Pad on some axes": ("Pad", {}, [(1, 2, 5)], {1: [1, 1], 2: np.float32(0), 3: [-1]}, 22, (1, 2, 7)),
    "ReduceMean keeps": ("ReduceMean", {}, [(2, 3, 4)], {1: [1, -1]}, 22, (2, 1, 1)),
    "ReduceMean of old": ("ReduceMean", {"axes": [1], "keepdims": 0}, [(2, 3, 4)], {}, 13, (2, 4)),
    "nothing to reduce": ("ReduceSum", {"noop_with_empty_axes": 1}, [(2, 3)], {1: np.array([], "i8")}, 22, (2, 3)),
    "Transpose turns round": ("Transpose", {}, [(2, 3, 4)], {}, 22, (4, 3, 2)),
    "Gather puts in place": ("Gather", {"axis": 1}, [(2, 3, 4)], {1: [[0, 1]]}, 22, (2, 1, 2, 4)),
    "Expand broadcasts": ("Expand", {}, [(3, 1)], {1: [2, 1, 6]}, 22, (2, 3, 6)),
    "Tile repeats": ("Tile", {}, [(2, 3)], {1: [2, 3]}, 22, (4, 9)),
    "MatMul": ("MatMul", {}, [(2, 3, 4), (4, 5)], {}, 22, (2, 3, 5)),
    "all broadcast": ("Max", {}, [(2, 1, 4), (3, 1), (1,)], {}, 22, (2, 3, 4)),
    "Concat": ("Concat", {"axis": -1}, [(2, 3), (2, 5)], {}, 22, (2, 8)),
    "the mean of all": ("GlobalAveragePool", {}, [(2, 3, 4, 5)], {}, 22, (2, 3, 1, 1)),
    "normalised": (
        "BatchNormalization", {}, [(2, 3, 4)], dict.fromkeys((1, 2, 3, 4), np.zeros(3, "f4")), 22, (2, 3, 4),
    ),
}  # fmt: skip


def one(
    kind: str, attributes: dict[str, Any], shapes: list[Any], fixed: dict[int, Any], opset: int, outputs: int = 1
) -> Any:
    """The model of a single operator."""
    places = len(shapes) + len(fixed)
    names = {place: f"w{place}" for place in fixed}
    free = iter(range(len(shapes)))
    inputs = [names[place] if place in names else f"x{next(free)}" for place in range(places)]
    made = [f"y{number}" for number in range(outputs)]
    node = helper.make_node(kind, inputs, made, name="op", **attributes)
    values = {
        names[place]: np.asarray(value, np.int64 if isinstance(value, list) else None).astype(
            np.float32 if getattr(value, "dtype", None) == np.float64 else np.asarray(value).dtype
        )
        for place, value in fixed.items()
    }
    return model_of(
        [node], {f"x{number}": shape for number, shape in enumerate(shapes)}, made, opset=opset, fixed=values
    )


@pytest.mark.parametrize("case", BY_HAND)
def test_an_operator_by_hand(case: str, tmp_path: Path) -> None:
    """Each operator gives the shape one counts by hand, and onnx infers no other."""
    kind, attributes, shapes, fixed, opset, expected = BY_HAND[case]
    report = checked(tmp_path, one(kind, attributes, shapes, fixed, opset))
    assert shape_of(report, "op") == expected, [str(finding) for finding in report.diagnostics]
    assert codes(report) == []
    assert agreement(report)[2] == 0


def test_the_table_above_is_of_rules() -> None:
    """Every operator above has a rule; so have those the next tests draw."""
    assert {kind for kind, *_ in BY_HAND.values()} <= set(RULES)


def drawn(random: Random) -> tuple[str, dict[str, Any], list[Any], dict[int, Any], int]:
    """A random operator with windows, slices or shapes, in a random opset."""
    axes, opset = random.randint(1, 3), random.randint(7, 25)
    some: Callable[[int, int], list[int]] = lambda least, most: [random.randint(least, most) for _ in range(axes)]  # noqa: E731
    sizes = tuple(some(1, 12))
    windows: dict[str, Any] = {"strides": some(1, 4)}
    way = random.randint(0, 3)
    kernel = some(1, 4)
    if way == 1:
        windows["auto_pad"] = random.choice(["VALID", "SAME_UPPER", "SAME_LOWER"])
    elif way > 1:
        windows["pads"] = [min(random.randint(0, 3), k - 1) for k in kernel * 2]
    kind = random.choice(
        ["Conv", "ConvTranspose", "MaxPool", "AveragePool", "LpPool", "Slice", "Resize", "Pad", "Flatten"]
    )
    if kind == "Conv":
        windows["dilations"] = some(1, 3)
        return kind, windows, [(2, 4, *sizes)], {1: np.zeros((6, 4, *kernel))}, opset
    if kind == "ConvTranspose":
        if way == 1:
            windows["auto_pad"] = "VALID"  # of SAME see where onnx errs
        windows |= {"dilations": some(1, 2), "output_padding": [s - 1 for s in windows["strides"]]}
        windows["group"] = random.choice([1, 2])
        return kind, windows, [(2, 4, *sizes)], {1: np.zeros((4, 3, *kernel))}, opset
    if kind in ("MaxPool", "AveragePool", "LpPool"):
        windows["kernel_shape"] = kernel
        opset = max(opset, {"MaxPool": 10, "AveragePool": 10, "LpPool": 18}[kind])
        windows["ceil_mode"] = random.randint(0, 1) if way != 1 else 0  # of SAME see where onnx errs
        if kind == "MaxPool":
            windows["dilations"] = some(1, 2)
        return kind, windows, [(2, 4, *sizes)], {}, opset
    if kind == "Slice":
        bounds = {
            1: some(-14, 14),
            2: some(-14, 14),
            3: list(range(axes)),
            4: [random.choice([-3, -1, 1, 2]) for _ in kernel],
        }
        return kind, {}, [sizes], bounds, max(opset, 10)
    if kind == "Resize":
        scales = np.array([random.choice([0.5, 0.7, 1.3, 2.0, 1 / 3, random.uniform(0.2, 3)]) for _ in sizes], "f4")
        return kind, {}, [sizes], {1: np.array([], "f4"), 2: scales}, max(opset, 11)
    if kind == "Pad":
        return kind, {}, [sizes], {1: [random.randint(0, 3) for _ in range(2 * axes)]}, max(opset, 11)
    return kind, {"axis": random.randint(0, axes)}, [sizes], {}, opset


@pytest.mark.parametrize("seed", range(6))
def test_each_operator_is_what_onnx_infers(seed: int, tmp_path: Path) -> None:
    """On random operators of all opsets our rule and onnx's inference give one shape, or both none."""
    random = Random(seed)
    compared = 0
    for number in range(40):
        case = drawn(random)
        model = one(*case)
        theirs = infer_shapes(model.SerializeToString())
        assert isinstance(theirs, dict), theirs
        told = theirs.get("y0")
        path = tmp_path / f"{number}.onnx"
        path.write_bytes(model.SerializeToString())
        report = check_onnx(str(path), compare=False)
        ours = shape_of(report, "op")
        if told is None or any(size is None or size < 1 for size in told) or not report.ok:
            continue
        assert ours == told, (seed, number, case)
        compared += 1
    assert compared >= 15, compared


ERRS: dict[str, tuple[str, dict[str, Any], list[Any], dict[int, Any], Any, Any]] = {
    "SAME in ceil mode, a stride longer than the window: text ceil(n/s)": (
        "LpPool", {"kernel_shape": [1], "strides": [3], "auto_pad": "SAME_UPPER", "ceil_mode": 1}, [(1, 1, 3)], {},
        (1, 1, 1), (1, 1, 2),
    ),
    "SAME of a transposed convolution: text n s": (
        "ConvTranspose", {"strides": [4], "output_padding": [3], "auto_pad": "SAME_UPPER"}, [(1, 4, 8)],
        {1: np.zeros((4, 3, 5))}, (1, 3, 32), (1, 3, 35),
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", ERRS)
def test_where_onnx_errs_both_shapes_are_shown(case: str, tmp_path: Path) -> None:
    """Where onnx's inference does not follow ONNX's text the prediction does, and a warning shows the two."""
    kind, attributes, shapes, fixed, ours, theirs = ERRS[case]
    report = checked(tmp_path, one(kind, attributes, shapes, fixed, 18))
    assert shape_of(report, "op") == ours
    assert codes(report) == ["SP711"]
    assert report.ok
    (told,) = [finding.message for finding in report.diagnostics if finding.code == "SP711"]
    assert str(list(ours)) in told
    assert str(list(theirs)) in told


def test_ceil_mode_by_enumeration() -> None:
    """From opset 22 on the last window starts in the input or the padding before it; of old it may in the other too."""

    def starts(n: int, e: int, before: int, behind: int, s: int, *, clamped: bool) -> int:
        """How many windows start where they may, the last one reaching beyond the padded cells at most."""
        count = 1
        while (count - 1) * s + e < before + n + behind:  # the windows so far do not reach the end
            count += 1
        if clamped:
            while count > 1 and (count - 1) * s >= before + n:
                count -= 1
        return count

    for n in range(1, 9):
        for e in range(1, 5):
            for before in range(e):
                for behind in range(e):
                    for s in range(1, 5):
                        if n + before + behind < e:
                            continue
                        for clamped, rule in ((True, clamped_count), (False, unclamped_count)):
                            expected = starts(n, e, before, behind, s, clamped=clamped)
                            assert rule(n, e, before, behind, s) == expected, (n, e, before, behind, s, clamped)


def test_ceil_mode_changed_and_that_is_told(tmp_path: Path) -> None:
    """A last window in the padding counts before opset 22 and not from it on; the report of the old says so."""
    attributes = {"kernel_shape": [2], "pads": [1, 1], "strides": [2], "ceil_mode": 1}
    old, new = (checked(tmp_path, one("MaxPool", attributes, [(1, 1, 5)], {}, opset)) for opset in (17, 22))
    assert shape_of(old, "op") == (1, 1, 4)
    assert codes(old) == ["SP713"]
    assert shape_of(new, "op") == (1, 1, 3) == torch.nn.MaxPool1d(2, 2, 1, ceil_mode=True)(torch.zeros(1, 1, 5)).shape
    assert codes(new) == []


REFUSED: dict[str, tuple[str, dict[str, Any], list[Any], dict[int, Any], str]] = {
    "a window too long": ("MaxPool", {"kernel_shape": [5]}, [(1, 1, 3)], {}, "SP301"),
    "channels": ("Conv", {}, [(1, 4, 5)], {1: np.zeros((6, 3, 3))}, "SP303"),
    "a product": ("MatMul", {}, [(2, 3), (4, 5)], {}, "SP303"),
    "a sum": ("Add", {}, [(2, 3), (4,)], {}, "SP305"),
    "a join": ("Concat", {"axis": 0}, [(2, 3), (2, 4)], {}, "SP306"),
    "cells that do not divide": ("Reshape", {}, [(2, 3)], {1: [4, -1]}, "SP314"),
    "an axis": ("Transpose", {"perm": [0, 2]}, [(2, 3)], {}, "SP304"),
    "entries": ("Conv", {"strides": [1, 1, 1]}, [(1, 4, 5, 5)], {1: np.zeros((6, 4, 3, 3))}, "SP302"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_does_not_fit_is_a_finding(case: str, tmp_path: Path) -> None:
    """An operator whose inputs do not fit is told with the numbers, and bears no shape it cannot have."""
    kind, attributes, shapes, fixed, code = REFUSED[case]
    report = checked(tmp_path, one(kind, attributes, shapes, fixed, 22))
    assert codes(report) == [code]
    assert not report.ok
    assert report.diagnostics[0].layer == "op"


# Graphs --------------------------------------------------------------------------------------------------------------


def test_shapes_that_the_graph_computes(tmp_path: Path) -> None:
    """A flatten written as Shape, Gather, Unsqueeze, Concat and Reshape is followed with the sizes left open."""
    nodes = [
        helper.make_node("Shape", ["x"], ["s"]),
        helper.make_node("Gather", ["s", "zero"], ["n"]),
        helper.make_node("Unsqueeze", ["n", "axes"], ["n1"]),
        helper.make_node("Constant", [], ["rest"], value_ints=[-1]),
        helper.make_node("Concat", ["n1", "rest"], ["target"], axis=0),
        helper.make_node("Relu", ["x"], ["r"], name="relu"),
        helper.make_node("Reshape", ["r", "target"], ["y"], name="flat"),
    ]
    model = model_of(nodes, {"x": ("batch size", 3, "H", 4)}, ["y"], fixed={"zero": np.int64(0), "axes": [0]})
    report = checked(tmp_path, model)
    assert [row.name for row in report.rows] == ["relu", "flat"]
    assert shape_of(report, "flat") == ("batch_size", "12*H")
    assert agreement(report)[2] == 0
    assert shape_of(checked(tmp_path, model, H=5, batch_size=2), "flat") == (2, 60)
    assert codes(checked(tmp_path, model, W=5)) == ["SP501"]


def test_what_no_rule_knows_is_told(tmp_path: Path) -> None:
    """An operator without a rule takes onnx's word where there is one, and is not counted as predicted."""
    nodes = [
        helper.make_node("Det", ["x"], ["d"], name="det"),
        helper.make_node("Relu", ["d"], ["y"], name="relu"),
        helper.make_node("NonZero", ["x"], ["z"], name="where"),
        helper.make_node("Reshape", ["x", "s"], ["r"], name="by value"),
    ]
    model = model_of(nodes, {"x": (2, 3, 3), "s": (2,)}, ["y", "z", "r"])
    report = checked(tmp_path, model)
    types = {row.name: row.type for row in report.rows}
    assert types == {
        "det": "Det (no rule)",
        "relu": "Relu",
        "where": "NonZero (no rule)",
        "by value": "Reshape (no rule)",
    }
    assert (shape_of(report, "det"), shape_of(report, "relu"), shape_of(report, "where")) == ((2,), (2,), None)
    assert codes(report) == ["SP712"]
    assert "by value" in report.diagnostics[0].message


class Small(nn.Module):
    """A network with most of what exporters write."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3, stride=2, padding=1)
        self.norm = nn.GroupNorm(2, 8)
        self.up = nn.Upsample(scale_factor=2)
        self.fc = nn.Linear(8, 5)

    def forward(self, x: Any) -> Any:
        """Numbers, and a picture."""
        y = torch.relu(self.norm(self.conv(x)))
        up = self.up(y)[..., 1:, :-1]
        first, second = y.chunk(2, 1)
        flat = torch.cat([first, second], 1).mean((2, 3)).view(x.shape[0], -1)
        return (
            self.fc(flat),
            nn.functional.pad(up, (1, 2)).permute(0, 2, 3, 1),
            y.flatten(2).transpose(1, 2) @ y.flatten(2),
        )


@pytest.mark.parametrize("opset", [11, 17, 20])
def test_what_torch_exports(opset: int, tmp_path: Path) -> None:
    """The outputs predicted for open sizes are, for each size, what torch computes; onnx differs on no operator."""
    path = tmp_path / "small.onnx"
    model = Small().eval()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            model, (torch.zeros(1, 3, 16, 20),), str(path), dynamo=False, opset_version=opset, input_names=["x"],
            dynamic_axes={"x": {0: "N", 2: "H", 3: "W"}},
        )  # fmt: skip
    report = check_onnx(str(path))
    assert report.ok, [str(finding) for finding in report.diagnostics]
    assert agreement(report)[2] == 0
    assert report.totals["params"] >= sum(parameter.numel() for parameter in model.parameters())
    assert report.network is not None
    for sizes in ({"N": 1, "H": 16, "W": 20}, {"N": 3, "H": 33, "W": 24}):
        exact = check_onnx(str(path), sizes)
        assert exact.network is not None
        names = [exact.network.source_name(source) for source, _ in exact.network.outputs]
        found = [shape_of(exact, name) for name in names]
        with torch.no_grad():
            expected = model(torch.zeros(sizes["N"], 3, sizes["H"], sizes["W"]))
        assert found == [tuple(output.shape) for output in expected]
        open_ = [next(row.output for row in report.rows if row.name == name) for name in names]
        assert [tuple(shapecheck.sizes.evaluate(dim, sizes) for dim in shape) for shape in open_] == found


def test_multiply_adds_and_fields_are_those_of_the_layers(tmp_path: Path) -> None:
    """A convolution of ONNX costs and sees what torch's does."""
    model = one(
        "Conv",
        {"pads": [1, 1, 1, 1], "strides": [2, 2]},
        [(2, 4, 9, 9)],
        {1: np.zeros((6, 4, 3, 3)), 2: np.zeros(6)},
        22,
    )
    (row,) = checked(tmp_path, model).rows
    conv = shapecheck.layers.LAYERS["Conv2d"](in_channels=4, out_channels=6, kernel_size=3, stride=2, padding=1)  # type: ignore[call-arg]
    assert (row.params, row.macs) == (conv.params(), conv.macs(((2, 4, 9, 9),), row.output))
    assert row.seen == conv.field((), ((2, 4, 9, 9),), row.output)


# Files ---------------------------------------------------------------------------------------------------------------


def conv_model() -> Any:
    """A model of a convolution and what follows it."""
    nodes = [
        helper.make_node("Conv", ["x", "w", "b"], ["c"], name="conv", pads=[1, 1, 1, 1]),
        helper.make_node("Relu", ["c"], ["r"], name="relu"),
        helper.make_node("GlobalAveragePool", ["r"], ["g"], name="pool"),
        helper.make_node("Flatten", ["g"], ["y"], name="flat"),
    ]
    return model_of(
        nodes, {"x": ("N", 3, 8, 8)}, ["y"], fixed={"w": np.zeros((4, 3, 3, 3), "f4"), "b": np.zeros(4, "f4")}
    )


def test_no_file_makes_it_fall(tmp_path: Path) -> None:
    """Cut, garbled, empty or missing files give a report with a finding, whatever byte is wrong."""
    text = conv_model().SerializeToString()
    path = tmp_path / "model.onnx"
    random = Random(52)
    for number in range(60):
        garbled = bytearray(text[: random.randint(0, len(text))] if number % 2 else text)
        for _ in range(random.randint(1, 6) if garbled else 0):
            garbled[random.randrange(len(garbled))] = random.randrange(256)
        path.write_bytes(garbled)
        report = check_onnx(str(path), compare=number % 10 == 0)
        assert report.rows or report.diagnostics, number
        "".join(map(str, report.diagnostics))
        report.to_dict()
    for content, code in ((b"", "SP701"), (b"layers: [ReLU]\n", "SP701"), (text[: len(text) // 2], "SP701")):
        path.write_bytes(content)
        assert codes(check_onnx(str(path)))[0] == code
    assert codes(check_onnx(str(tmp_path))) == ["SP001"]
    assert codes(check_onnx("\0")) == ["SP001"]


def test_weights_kept_elsewhere_are_not_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """External data are never read, whatever path the file names; shapes and parameters need none of them."""
    model = conv_model()
    tensor = model.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="../../secret")
    opened: list[str] = []
    right = builtins.open

    def noting(file: Any, *rest: Any, **named: Any) -> Any:
        opened.append(str(file))
        return right(file, *rest, **named)

    monkeypatch.setattr(builtins, "open", noting)
    report = checked(tmp_path, model)
    assert report.ok
    assert report.totals["params"] == 4 * 27 + 4
    assert not any("secret" in name for name in opened)


def test_a_graph_that_makes_no_sense_is_told(tmp_path: Path) -> None:
    """An input without a shape and an operator that reads nothing are findings; what hangs on them is not known."""
    model = conv_model()
    model.graph.input[0].type.tensor_type.ClearField("shape")
    report = checked(tmp_path, model)
    assert codes(report) == ["SP702"]
    assert all(row.output is None for row in report.rows)
    model = conv_model()
    model.graph.node[1].input[0] = "nowhere"
    assert codes(checked(tmp_path, model))[0] == "SP702"
    assert "reads nowhere" in checked(tmp_path, model).diagnostics[0].message


def test_outputs_that_an_operator_does_not_have_are_told(tmp_path: Path) -> None:
    """An operator of one output of which a file asks two is refused, and so is what reads the second."""
    nodes = [helper.make_node("Relu", ["x"], ["r", "extra"], name="two"), helper.make_node("Neg", ["extra"], ["y"])]
    report = checked(tmp_path, model_of(nodes, {"x": ("N", 3)}, ["y"]))
    assert codes(report) == ["SP308"]
    assert [row.output for row in report.rows] == [None, None]


def test_onnx_may_be_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the package the finding says how to get it."""
    import sys

    monkeypatch.setitem(sys.modules, "onnx", None)
    report = check_onnx(str(tmp_path / "model.onnx"))
    assert codes(report) == ["SP703"]
    assert "shapeproof[onnx]" in str(report.diagnostics[0].hint)


def test_where_onnx_differs_both_are_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A wrong rule of ours is caught by onnx's inference: a finding shows the two shapes."""
    right = RULES["GlobalAveragePool"]
    monkeypatch.setitem(RULES, "GlobalAveragePool", lambda op, x: right(op, x)._replace(shape=(*x.shape[:2], 2, 1)))
    report = checked(tmp_path, conv_model())
    assert "SP711" in codes(report)
    told = next(finding.message for finding in report.diagnostics if finding.code == "SP711")
    assert "[2, 4, 2, 1]" in told
    assert "[2, 4, 1, 1]" in told


def test_the_command_shows_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`shapes --onnx` prints the table and tells what onnx said; a wrong file is exit 1, a wrong call 2."""
    path = tmp_path / "model.onnx"
    path.write_bytes(conv_model().SerializeToString())

    def run(*arguments: str) -> tuple[Any, str, str]:
        with pytest.raises(SystemExit) as ended:
            cli.shapes(list(arguments), prog_name="shapes")
        return ended.value.code or 0, *capsys.readouterr()

    code, out, err = run("--onnx", str(path))
    assert code == 0
    assert "[N, 4, 8, 8]" in out
    assert "agrees on 4 of 4 operators" in err
    code, out, err = run("--onnx", str(path), "--size", "N=7", "--no-verify", "--format", "json")
    assert (code, err) == (0, "")
    assert '"output": [' in out
    assert run("--onnx", str(tmp_path / "none.onnx"))[0] == 1
    assert run("--onnx", str(path), "--net", "x.yaml")[0] == 2
