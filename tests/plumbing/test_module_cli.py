"""`shapes --module`: what it prints, what it finds, what it writes, and that the user's own faults are theirs."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner, Result

import shapecheck
from cli import shapes
from shapecheck.models.entry import EntryError, argument_of, load, shape_of

MODEL = """
import torch
from torch import nn

print("the model's own words")


class Net(nn.Module):
    def __init__(self, width=8):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, width, 3, padding=1), nn.ReLU())
        self.head = nn.Linear(width, 10)

    def forward(self, image, scale=None):
        x = self.stem(image)
        x = x if scale is None else x * scale
        return self.head(x.mean((2, 3)))


class Wrong(Net):
    def forward(self, image):
        return self.head(self.stem(image).flatten(1))


class Wave(Net):
    def forward(self, image):
        return torch.fft.fft2(self.stem(image)).real


def broken():
    raise ValueError("no weights today")


ready = Net(4)
number = 3
"""


@pytest.fixture
def model(tmp_path, monkeypatch):
    """A folder with a model.py, where the command runs."""
    (tmp_path / "model.py").write_text(MODEL, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*args: str) -> Result:
    """The command's result, stdout and stderr apart."""
    return CliRunner().invoke(shapes, args, prog_name="shapes")


def test_a_model_is_a_tree_with_sums(model):
    """Each module stands above what it is made of, with the sums of its parameters; stdout has nothing else."""
    result = run("--module", "model.py:Net", "--input", "1,3,16,16", "--arg", "width=4")
    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    assert lines[0].split() == ["Net", "input", "[1,", "3,", "16,", "16]"]
    assert [line.split()[:2] for line in lines[4:8]] == [
        ["stem", "Sequential"], ["0", "Conv2d"], ["1", "ReLU"], ["mean", "Mean"]
    ]  # fmt: skip
    assert "112" in lines[4]
    assert lines[5].startswith("  0 ")
    assert "verified by torch on meta" in lines[-1]
    assert "the model's own words" not in result.stdout
    assert "running the code of model.py" in result.stderr


def test_depth_sums_up_what_is_below(model):
    """With --depth 1 only the outermost modules are shown, of a model as of a spec."""
    result = run("--module", "model.py:Net", "--input", "1,3,16,16", "--depth", "1")
    assert [line.split()[0] for line in result.stdout.splitlines()[4:7]] == ["stem", "mean", "head"]
    assert not any(line.startswith("  ") for line in result.stdout.splitlines())
    spec = model / "net.yaml"
    spec.write_text("input: [N, 4]\nlayers:\n  - {Linear: 8, name: a.one}\n  - {ReLU: , name: a.two}\n  - Linear: 2\n")
    result = run("--net", str(spec), "--no-verify", "--depth", "1")
    assert [line.split()[0] for line in result.stdout.splitlines()[4:6]] == ["a", "linear_1"]


def test_another_size_is_predicted(model):
    """--size gives the graph other sizes; torch has not seen them."""
    result = run("--module", "model.py:Net", "--input", "1,3,16,16", "--size", "H=40", "--format", "json")
    assert result.exit_code == 0, result.output
    report = json.loads(result.stdout)
    assert report["layers"][0]["output"] == [1, 8, 40, 16]
    assert (report["verified"], report["layers"][0]["torch"]) == (None, None)
    assert run("--module", "model.py:Net", "--input", "1,3,16,16", "--size", "Q=40").exit_code == 1


def test_several_inputs_by_name_and_type(model):
    """Inputs are given to forward by position or by name, with a type where float32 will not do."""
    result = run(
        "--module", "model.py:Net", "--input", "2,3,8,8", "--input", "scale=2,1,1,1:float64", "--format", "json"
    )
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["inputs"] == {"image": [2, 3, 8, 8], "scale": [2, 1, 1, 1]}


def test_a_spec_is_saved_and_says_the_same(model):
    """--save-spec writes a spec that checks, with the same parameters."""
    result = run("--module", "model.py:Net", "--input", "1,3,16,16", "--save-spec", "out.yaml", "--format", "json")
    assert result.exit_code == 0, result.output
    report = shapecheck.check(model / "out.yaml", verify=False)
    assert report.ok
    assert report.totals["params"] == json.loads(result.stdout)["totals"]["params"]
    assert not list(model.glob(".shapes-*"))


def test_what_cannot_be_saved_leaves_no_file(model):
    """A graph with something that no layer stands for is a finding, and nothing is written."""
    result = run("--module", "model.py:Wave", "--input", "1,3,16,16", "--save-spec", "out.yaml")
    assert result.exit_code == 1
    assert "SP605" in result.stderr
    assert not (model / "out.yaml").exists()


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        ("model.py:Nett", "did you mean Net?"),
        ("modell.py:Net", "did you mean model.py?"),
        ("model.py", "names a module, but not what in it"),
        ("model.py:broken", "ValueError: no weights today"),
        ("model.py:number", "neither a module nor what gives one"),
        ("no_such_package.models:Net", "No module named 'no_such_package'"),
        ("model.py:Wrong", "in_features is 8, the input has 2048 features"),
    ],
)
def test_a_fault_of_the_user_s_is_a_finding(model, entry, words):
    """What is not there, or fails, is told with the line of the user's code where there is one; never a traceback."""
    result = run("--module", entry, "--input", "1,3,16,16")
    assert result.exit_code == 1
    assert words in result.stderr
    assert ("SP303" if entry == "model.py:Wrong" else "SP604") in result.stderr
    assert "Traceback" not in result.output
    if entry in ("model.py:broken", "model.py:Wrong"):
        assert "model.py:" in result.stderr.split("follow its forward")[1]


@pytest.mark.parametrize(
    "args",
    [
        ("--module", "model.py:Net", "--net", "a.yaml"),
        ("--net", "a.yaml", "--input", "1,3"),
        ("--module", "model.py:Net", "--input", "1;3"),
        ("--module", "model.py:Net", "--arg", "width"),
        ("--module", "model.py:Net", "--input", "1,3,8,8", "--device", "cpu"),
        ("--module", "model.py:Net", "--input", "1,3,8,8", "--train", "--eval"),
    ],
)
def test_a_wrong_call(model, args):
    """Options that do not go together, or cannot be read, end with exit code 2 before any code is run."""
    result = run(*args)
    assert result.exit_code == 2
    assert "the model's own words" not in result.output


def test_an_instance_needs_no_call(model):
    """A module that stands ready in the file is taken as it is."""
    assert load("model.py:ready").head.in_features == 4
    with pytest.raises(EntryError):
        load("model.py:ready", {"width": 3})


def test_what_the_options_say():
    """Values are Python's where they are; sizes stand between commas."""
    assert argument_of("sizes=[1, 2]") == ("sizes", [1, 2])
    assert shape_of("mask=1x128:bool") == ("mask", (1, 128), "bool")
