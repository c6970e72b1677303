"""`shapes repair` as a shell sees it: exit codes, streams, the file that is written, colour, JSON, Ctrl-C."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

import cli
import shapecheck
from shapecheck.render import repair as rendering

ROOT = Path(__file__).parents[2]
BROKEN = ROOT / "examples" / "broken" / "linear.yaml"


def repair(*arguments: str | Path) -> Result:
    """What `shapes repair` prints and how it ends."""
    return CliRunner().invoke(cli.shapes, ["repair", *map(str, arguments)], prog_name="shapes")


@pytest.fixture
def spec(tmp_path: Path) -> Path:
    """A broken spec that may be written."""
    path = tmp_path / "net.yaml"
    path.write_bytes(BROKEN.read_bytes())
    return path


def test_repairs_are_printed_as_diffs(spec: Path) -> None:
    """Exit 1, the repairs on stdout with their diffs, how to write one on stderr, no colour, the file untouched."""
    result = repair("--net", spec, "--no-verify", "--most", "2")
    assert result.exit_code == 1
    assert result.stdout.startswith(
        "1. linear_1: set in_features to 3136 (it is 4096)\n   gives [N, 10]; predicted\n--- "
    )
    assert "\n-  - Linear: {in_features: 4096, " in result.stdout
    assert "\n+  - Linear: {in_features: 3136, " in result.stdout
    assert "\n2. " in result.stdout
    assert "\n3. " not in result.stdout
    assert "\x1b" not in result.stdout
    assert "--apply 1" in result.stderr
    assert spec.read_bytes() == BROKEN.read_bytes()


def test_colour_on_demand(spec: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where colour is wanted, what goes is red and what comes green."""
    monkeypatch.setenv("FORCE_COLOR", "1")
    text = repair("--net", spec, "--no-verify").stdout
    assert "\x1b[1;31m-  - Linear" in text
    assert "\x1b[32m+  - Linear" in text


def test_one_is_written_and_then_nothing_is_left_to_mend(spec: Path) -> None:
    """`--apply 1` exits with 0, changes one number, and a second call finds nothing."""
    result = repair("--net", spec, "--no-verify", "--apply", "1")
    assert result.exit_code == 0, result.output
    assert spec.read_text() == BROKEN.read_text().replace("in_features: 4096", "in_features: 3136")
    again = repair("--net", spec)
    assert (again.exit_code, again.stdout) == (0, f"{spec}: nothing to mend\n")
    assert repair("--net", spec, "--apply", "1").exit_code == 0


def test_json(spec: Path) -> None:
    """All of it as data: the findings, each repair's edits by line and column, the diff, what the network gives."""
    result = repair("--net", spec, "--no-verify", "--most", "1", "--format", "json")
    found = json.loads(result.stdout)
    assert (result.exit_code, found["ok"], found["applied"]) == (1, False, None)
    assert [finding["code"] for finding in found["diagnostics"]] == ["SP303"]
    (one,) = found["repairs"]
    assert one["rank"] == 1
    assert one["outputs"] == [["N", 10]]
    assert one["edits"] == [{"line": 9, "column": 27, "end_line": 9, "end_column": 31, "old": "4096", "new": "3136"}]
    written = json.loads(repair("--net", spec, "--no-verify", "--apply", "1", "--format", "json").stdout)
    assert written["applied"] == 1
    assert shapecheck.check(spec, verify=False).ok


def test_wrong_calls(spec: Path) -> None:
    """Exit 2: no spec, a repair that is not there, a number that is none; the file is not touched."""
    assert repair().exit_code == 2
    result = repair("--net", spec, "--no-verify", "--apply", "99")
    assert result.exit_code == 2
    assert "--apply 99: there are" in result.stderr
    assert repair("--net", spec, "--apply", "0").exit_code == 2
    assert spec.read_bytes() == BROKEN.read_bytes()


def test_a_file_that_is_not_there_is_a_finding(tmp_path: Path) -> None:
    """Exit 1 and SP001, as everywhere."""
    result = repair("--net", tmp_path / "nothing.yaml")
    assert result.exit_code == 1
    assert "SP001" in result.stderr
    assert "no repair found" not in result.stderr
    assert result.stdout == ""


def test_none_found_is_said(tmp_path: Path) -> None:
    """Exit 1; stderr has the findings, and how far the search came."""
    path = tmp_path / "net.yaml"
    path.write_text("[]\n")
    result = repair("--net", path, "--no-verify")
    assert result.exit_code == 1
    assert "SP100" in result.stderr
    assert "no repair found" in result.stderr
    assert result.stdout == ""


def test_sizes_are_put_in(tmp_path: Path) -> None:
    """With `--size` the network is mended at that size."""
    path = tmp_path / "net.yaml"
    path.write_text("input: [N, 3, H, 8]\nlayers:\n  - {MaxPool2d: 9, name: p}\n")
    result = repair("--net", path, "--size", "H=64", "--no-verify", "--most", "1")
    assert result.exit_code == 1
    assert "1. p: " in result.stdout


def test_windows_over_another_number_of_axes_have_no_field(tmp_path: Path) -> None:
    """A 2-d pool over the channels and cells of a 1-d convolution is what torch takes for (C, H, W): no traceback."""
    path = tmp_path / "net.yaml"
    path.write_text("input: [N, 3, 64]\nlayers:\n  - Conv1d: {out_channels: 8, kernel_size: 3}\n  - MaxPool2d: 2\n")
    report = shapecheck.check(path, verify=False)
    assert report.ok
    assert report.layers[-1].receptive_field is None


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        """Whether it is one: it says so."""
        return True


def test_the_counter_clears_its_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a terminal a long search counts on one line, which is gone at the end; elsewhere nothing is written."""
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(rendering, "PATIENCE", -1.0)
    stream = Terminal()
    with rendering.Counter(stream) as counter:
        counter(1_234, 3_000)
    assert "1,234 changes tried" in stream.getvalue()
    assert stream.getvalue().endswith("\r\x1b[K")
    pipe = io.StringIO()
    with rendering.Counter(pipe) as counter:
        counter(1, 2)
    assert pipe.getvalue() == ""


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
def test_ctrl_c_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    """Interrupted in the search: exit 130, no traceback, the file whole, nothing beside it."""
    path = tmp_path / "net.yaml"
    text = (ROOT / "examples" / "densenet121.yaml").read_text().replace("[N, 3, 224, 224]", "[N, 3, 2, 7]")
    path.write_text(text)
    command = [sys.executable, "-c", "import cli; cli.shapes(prog_name='shapes')", "repair", "--net", str(path)]
    with subprocess.Popen([*command, "--apply", "9", "--seconds", "300"], cwd=ROOT, stderr=subprocess.PIPE) as process:
        time.sleep(3)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 130, errors
    assert b"Traceback" not in errors
    assert path.read_text() == text
    assert list(tmp_path.iterdir()) == [path]
