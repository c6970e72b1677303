"""`assert_shapes` and its fixture: what they let pass, what they say, and that a test run pays nothing for them."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from shapecheck.testing import assert_shapes

ROOT = Path(__file__).parents[2]
LENET = ROOT / "examples/lenet.yaml"
FIXTURE = ("-p", "shapecheck.pytest_plugin", "-p", "no:cacheprovider", "-q")


class Two(nn.Module):
    """Two parts, one of them a container and one called twice; two outputs."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2))
        self.again = nn.Linear(4, 4)
        self.spare = nn.ReLU()

    def forward(self, x: Any, flip: bool = False) -> Any:
        """The picture, smaller, and what became of a row of it."""
        y = self.body(x)
        return y, self.again(self.again(y[:, 0, 0, :4] if not flip else y[:, 0]))


def message(*arguments: Any, **named: Any) -> str:
    """What the assertion says."""
    with pytest.raises(AssertionError) as caught:
        assert_shapes(*arguments, **named)
    return str(caught.value)


def test_containers_leaves_and_the_whole_have_shapes() -> None:
    """Any module is named by its dotted path, the model itself by ""; several outputs nest."""
    expected = {
        "body": ("N", 8, 4, 5), "body.0": ("N", 8, 8, 10), "body.2": (2, ..., "H", "W"), "again": ("N", 4),
        "": (("N", 8, "H", "W"), ("N", 4)),
    }  # fmt: skip
    assert_shapes(Two(), (2, 3, 8, 10), expected)
    assert_shapes(Two(), torch.zeros(2, 3, 8, 10), expected)
    assert_shapes(Two(), ("N", 3, 8, 10), expected)
    assert_shapes(Two(), [torch.zeros(2, 3, 8, 8), True], {"again": ("N", 4, 4)})
    assert_shapes(Two(), {"x": (2, 3, 8, 8), "flip": True}, {"again": ("N", 4, 4)})


def test_all_that_differs_is_told_at_once() -> None:
    """One message names every module that is not as expected, with both shapes, and what was probably meant."""
    expected = {"body": ("N", 8, 8, 10), "bodi": (1,), "spare": (1,), "again": ("N", 4), "body.1": ("N", 8, "N", 10)}
    assert message(Two(), (2, 3, 8, 10), expected).splitlines() == [
        "the shapes of Two, input [2, 3, 8, 10]:",
        "  body: expected [N, 8, 8, 10] (with N = 2), it is [2, 8, 4, 5]",
        "  bodi: there is no module of that name; did you mean body?",
        "  spare: it is never called",
        "  body.1: expected [N, 8, N, 10] (with N = 2), it is [2, 8, 8, 10]",
    ]


def test_each_call_counts() -> None:
    """A module that is called again has the shape expected in every call."""
    relu = nn.ReLU()
    said = message(nn.Sequential(relu, nn.Flatten(), relu), (2, 3, 4), {"0": ("N", 3, 4)})
    assert "0 in call 2 of 2: expected [N, 3, 4] (with N = 2), it is [2, 12]" in said


def test_a_forward_that_fails_says_why() -> None:
    """The assertion's message is the finding: module, numbers, hint."""
    said = message(Two(), (2, 4, 8, 8), {"body": ("N", 8, 4, 4)})
    assert "the forward fails" in said
    assert "SP303 body.0" in said
    assert "in_channels=4" in said


def test_values_are_looked_at_where_the_forward_does() -> None:
    """A forward that no meta device follows is run."""

    class Looks(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.act = nn.ReLU()

        def forward(self, x: Any) -> Any:
            return self.act(x if x.sum() > 0 else x.flatten())

    assert_shapes(Looks(), torch.ones(2, 3), {"act": (2, 3)})
    assert_shapes(Looks(), (2, 3), {"act": (6,)})


def test_specs_have_shapes_too() -> None:
    """A spec is asked by its path or as a mapping, with or without sizes; open names stay names."""
    report = {"input": ["N", 8], "layers": [{"Linear": 4, "name": "fc"}, {"LSTM": 3, "name": "lstm", "from": "fc"}]}
    assert_shapes(LENET, expected={"": ("N", 10), "conv2d_1": ("N", 6, 28, 28)})
    assert_shapes(str(LENET), expected={"": (7, 10)}, N=7)
    assert_shapes(report, expected={"fc": ("N", 4), "lstm": (("N", 3), ((1, 3), (1, 3)))})
    assert "expected [N, 5], it is [N, 4]" in message(report, expected={"fc": ("N", 5)})
    assert "expected [M, M] (with M = N), it is [N, 4]" in message(report, expected={"fc": ("M", "M")})
    assert "SP303" in message({"input": ["N", 8], "layers": [{"Linear": {"in_features": 9, "out_features": 2}}]})


def test_the_fixture_is_the_function(tmp_path: Path) -> None:
    """In pytest `assert_shapes` is a fixture, and a test that does not use it never loads torch."""
    (tmp_path / "test_it.py").write_text(
        "import sys\n"
        "def test_first():\n    assert 'torch' not in sys.modules and 'shapecheck.testing' not in sys.modules\n"
        "def test_second(assert_shapes):\n"
        f"    assert_shapes({str(LENET)!r}, expected={{'': ('N', 10)}})\n"
        "    assert 'torch' not in sys.modules\n"
    )
    command = [sys.executable, "-m", "pytest", *FIXTURE, str(tmp_path)]
    alone = os.environ | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}  # installed, it would be found a second time
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=120, check=False, env=alone)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "2 passed" in done.stdout


def test_pytest_is_told_of_it() -> None:
    """The package's metadata name the plugin."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["entry-points"]["pytest11"] == {"shapeproof": "shapecheck.pytest_plugin"}
