"""`shapes sizes` as a shell sees it: statement, formats, exit codes, wrong calls; and the line below a table."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

import cli
import shapecheck
from shapecheck.render.rows import admissible_sizes

EXAMPLES = Path(__file__).parents[2] / "examples"
UNET = str(EXAMPLES / "unet.yaml")


def shapes(*arguments: str) -> Result:
    """What `shapes` prints and how it ends, in this process."""
    return CliRunner().invoke(cli.shapes, arguments, prog_name="shapes")


def written(tmp_path: Path, text: str) -> str:
    """The path of a spec with this text."""
    path = tmp_path / "net.yaml"
    path.write_text(text, encoding="utf-8")
    return str(path)


def test_the_statement_comes_first_then_causes_then_the_proof() -> None:
    """The first line is the answer; the layers that ask for it, and how it is known, stand below."""
    result = shapes("sizes", "--net", UNET, "--no-verify")
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    assert lines[0] == "U-Net: 16 divides H and W"
    assert any("concat_4, line 30" in line for line in lines)
    assert any("17 paths through the network cover all sizes" in line for line in lines)
    assert not any("torch, run at the borders" in line for line in lines)


def test_torch_is_run_at_the_borders() -> None:
    """The least picture that runs and those beside it that do not are really given to torch."""
    result = shapes("sizes", "--net", UNET)
    (line,) = (line for line in result.stdout.splitlines() if "torch, run at the borders" in line)
    assert "takes 1x16x16 and refuses 1x15x16, 1x17x16" in line


def test_json_and_markdown_say_the_same() -> None:
    """Programs get the statement, threshold, period, causes and borders; papers a heading and a list."""
    found = json.loads(shapes("sizes", "--net", UNET, "--no-verify", "--format", "json").stdout)
    assert (found["statement"], found["exact"], found["period"]["H"]) == ("16 divides H and W", True, 16)
    assert [cause["line"] for cause in found["causes"] if cause["needed"]] == [21, 24, 27, 30]
    both = json.loads(shapes("sizes", "--net", UNET, "--net", UNET, "--no-verify", "--format", "json").stdout)
    assert both == [found, found]
    page = shapes("sizes", "--net", UNET, "--no-verify", "--format", "markdown").stdout
    assert page.startswith("## U-Net\n\n**16 divides H and W**\n")


def test_no_size_at_all_ends_with_1(tmp_path: Path) -> None:
    """A network for which no size runs is something found; so is a spec that cannot be read."""
    none = "input: [N, 3, H, W]\nlayers: [Flatten, {Linear: {in_features: 7, out_features: 2}}]\n"
    result = shapes("sizes", "--net", written(tmp_path, none), "--no-verify")
    assert (result.exit_code, "no size at all: because linear_1" in result.stdout) == (1, True)
    result = shapes("sizes", "--net", written(tmp_path, "layers: [ReLU]\n"), "--no-verify")
    assert (result.exit_code, result.stdout, "SP100" in result.stderr) == (1, "", True)


def test_conditions_of_the_call() -> None:
    """--where narrows the set; one that cannot be read is a wrong call, with the character where it is."""
    result = shapes("sizes", "--net", UNET, "--no-verify", "--where", "60 <= H <= 90 and W = H")
    assert result.stdout.splitlines()[0] == "U-Net: H = W and H in {64, 80}"
    result = shapes("sizes", "--net", UNET, "--no-verify", "--where", "H >= h")
    assert (result.exit_code, "at character 6; the open sizes are N, H, W" in result.stderr) == (2, True)


@pytest.mark.parametrize(
    ("shape", "line"),
    [(["N", 3, "H", "W"], "it runs for: 2 divides H and W"),
     (["N", 3, 8, 8], ""), (["N", 3, "H", 8], "it runs for: 2 divides H")],
)  # fmt: skip
def test_the_line_below_the_table(shape: list[str | int], line: str) -> None:
    """Where more than the batch is open, a table ends with the sizes for which the network runs."""
    report = shapecheck.check({"input": shape, "layers": [{"PixelUnshuffle": 2}]}, verify=False)
    assert admissible_sizes(report) == line


def test_nothing_is_said_of_a_network_that_is_not_all_there(tmp_path: Path) -> None:
    """Below the table of a spec with a layer that is not known no sizes are told."""
    path = written(
        tmp_path, "input: [N, 3, H, W]\nlayers:\n  - Conv2d: {out_channels: 8, kernel_size: 3}\n  - MaxPol2d: 2\n"
    )
    result = shapes("--net", path, "--no-verify")
    assert result.exit_code == 1
    assert "it runs for" not in result.stdout
