"""What starting costs: the heavy libraries stay unloaded until something needs them.

Main results: importing `shapecheck` or `cli`, reading a spec, predicting and printing it into a pipe load none of
torch, sympy, numpy, z3 and rich; all of that works in a process that cannot import them at all.
`test_the_budget_can_be_broken` and `test_forbidding_forbids` show that these tests can fail.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
HEAVY = ("torch", "sympy", "numpy", "z3", "rich")

PREDICT = """
import shapecheck
report = shapecheck.check({"input": ["N", 1, 28, 28], "layers": [
    {"Conv2d": {"out_channels": 6, "kernel_size": 5, "padding": 2}}, "Sigmoid", {"AvgPool2d": 2},
    "Flatten", {"Linear": 10},
]}, verify=False)
assert report.ok, report.diagnostics
assert report.to_dict()["layers"][-1]["output"] == ["N", 10], report.to_dict()
"""
COMMAND = """
import sys, cli
try:
    cli.shapes({arguments!r}, prog_name="shapes")
except SystemExit as end:
    assert not end.code, end.code
"""
LENET = "examples/lenet.yaml"

WORK = {
    "import shapecheck": "import shapecheck",
    "import cli": "import cli",
    "names": "import shapecheck; dir(shapecheck)",
    "read": "from shapecheck import yaml_nodes; yaml_nodes.read('a: [1]')",
    "output_shape": "import shapecheck; assert shapecheck.output_shape('ReLU', (3, 8, 8)) == (3, 8, 8)",
    "predict": PREDICT,
    "a broken network": "import shapecheck; assert not shapecheck.check({'layers': ['Conv2']}, verify=False).ok",
    "a file": f"import shapecheck; assert shapecheck.check({LENET!r}, verify=False).ok",
    "the table": COMMAND.format(arguments=["--net", LENET, "--no-verify"]),
    "json": COMMAND.format(arguments=["--net", LENET, "--no-verify", "--format", "json"]),
    "markdown": COMMAND.format(arguments=["--net", LENET, "--no-verify", "--format", "markdown"]),
    "latex": COMMAND.format(arguments=["--net", LENET, "--no-verify", "--format", "latex"]),
    "explain": COMMAND.format(arguments=["explain", "SP301"]),
    "layers": COMMAND.format(arguments=["layers"]),
    "help": COMMAND.format(arguments=["--help"]),
}


def run(code: str, *, first: str = "") -> subprocess.CompletedProcess[str]:
    """A fresh interpreter's run of the code in the project's root; `first` runs before."""
    program = f"import sys\nsys.path.insert(0, {str(ROOT)!r})\n{first}\n{code}"
    command = [sys.executable, "-c", program]
    return subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=120, check=False)


def loaded_by(code: str) -> set[str]:
    """The heavy libraries that the code has loaded by its end."""
    report = f"import sys\nprint('loaded:', *[name for name in {HEAVY!r} if name in sys.modules], file=sys.stderr)"
    finished = run(f"{code}\n{report}")
    assert finished.returncode == 0, finished.stderr
    return set(finished.stderr.rpartition("loaded:")[2].split())


@pytest.mark.parametrize("work", WORK)
def test_nothing_heavy_is_loaded(work):
    """Importing, reading, predicting and printing into a pipe load none of the heavy libraries."""
    assert loaded_by(WORK[work]) == set()


@pytest.mark.parametrize("name", HEAVY)
def test_the_budget_can_be_broken(name):
    """The check above sees each heavy library that is loaded, wherever in the work that happens."""
    assert name in loaded_by(f"import shapecheck\ndef work():\n    import {name}\nwork()")


FORBID = """
class Forbid:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {names!r}:
            raise ImportError(f"{{name}} is forbidden here")
sys.meta_path.insert(0, Forbid())
"""


@pytest.mark.parametrize("work", WORK)
def test_prediction_needs_no_torch(work):
    """All of it works in a process in which none of the heavy libraries can be imported."""
    finished = run(WORK[work], first=FORBID.format(names=HEAVY))
    assert finished.returncode == 0, finished.stderr


@pytest.mark.parametrize("name", HEAVY)
def test_forbidding_forbids(name):
    """In such a process an import of each of them fails."""
    finished = run(f"import {name}", first=FORBID.format(names=HEAVY))
    assert "is forbidden here" in finished.stderr
