"""Prediction is its own: it needs no torch, asks none that is there, and keeps nothing between calls.

Main results: a process in which torch cannot be imported predicts every example as this one does; `infer` works out
every column anew at each call; verification changes no column of the prediction.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch

import shapecheck
from shapecheck.layers.conv import Conv2d
from tests.examples import BROKEN, FITTING

ROOT = Path(__file__).parents[2]
EXAMPLES = [path.relative_to(ROOT).as_posix() for path in FITTING + BROKEN]
ALONE = """
import json, sys
sys.modules["torch"] = None
import shapecheck
for path in sys.argv[1:]:
    print(json.dumps(shapecheck.check(path, verify=False).to_dict()))
"""


def test_without_torch_all_examples_are_predicted_alike() -> None:
    """Each example's whole report is the same where torch cannot be imported and where it is loaded."""
    assert len(EXAMPLES) >= 12
    command = [sys.executable, "-c", ALONE, *EXAMPLES]
    alone = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=True
    ).stdout.splitlines()
    assert "torch" in sys.modules
    assert torch.nn.Conv2d.__name__ == "Conv2d"
    for path, line in zip(EXAMPLES, alone, strict=True):
        report = shapecheck.check(path, verify=False)
        here = json.loads(json.dumps(report.to_dict()))
        assert json.loads(line) == here, path
        assert len(report.layers) > 1


def test_each_size_has_its_own_answer() -> None:
    """Predictions for other sizes in between change nothing: the answer is that of a network freshly loaded."""
    network = shapecheck.load(ROOT / "examples/unet.yaml")
    wanted = {}
    for size in (32, 64):
        fresh = shapecheck.load(ROOT / "examples/unet.yaml")
        wanted[size] = shapecheck.infer(fresh, {"N": 1, "H": size, "W": size})
    for size in (32, 64, 32):
        assert rows(shapecheck.infer(network, {"N": 1, "H": size, "W": size})) == rows(wanted[size])
    assert wanted[64].totals["macs"] == 4 * wanted[32].totals["macs"]
    assert wanted[64].totals["params"] == wanted[32].totals["params"]
    assert shapecheck.infer(network).layers[0].output[0] != 1


def rows(report: shapecheck.Report) -> list[tuple[object, ...]]:
    """The predicted columns of a report."""
    return [(row.name, row.inputs, row.output, row.params, row.macs, row.seen, row.layer) for row in report.layers]


def test_nothing_is_kept_between_calls(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each call works out each column of each layer once, also when the sizes are those of the call before."""
    calls: list[str] = []

    def counted(name: str) -> None:
        right = getattr(Conv2d, name)

        def count(self: Conv2d, *arguments: object) -> object:
            calls.append(name)
            return right(self, *arguments)

        monkeypatch.setattr(Conv2d, name, count)

    conv = {"Conv2d": {"out_channels": 3, "kernel_size": 3, "padding": 1}, "repeat": 4}
    network = shapecheck.load({"input": ["N", 3, 8, 8], "layers": [conv]})
    columns = ("shape", "params", "macs", "field")
    for name in columns:
        counted(name)
    for _ in range(3):
        calls.clear()
        report = shapecheck.infer(network, {"N": 2})
        assert len(report.layers) == 4
        assert calls == list(columns) * 4


def test_verification_changes_no_column() -> None:
    """The verified report's prediction is the prediction, row by row."""
    network = shapecheck.load(ROOT / "examples/lenet.yaml")
    verified = shapecheck.verify(network)
    assert verified.verified == "cpu"
    assert rows(verified) == rows(shapecheck.infer(network))
