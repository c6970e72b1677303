"""Every command in README.md is run, and prints what README.md says it prints.

A block marked `console` holds commands behind `$ ` and, below each, its output: stdout, then stderr. Blocks marked
`bash` are set-up commands, run by CI, not here. `python -m tests.plumbing.test_readme` writes the outputs anew; read
the difference before you keep it.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

import shapecheck

ROOT = Path(__file__).parent.parent.parent
README = ROOT / "README.md"
BLOCK = re.compile(r"^```console\n(.*?)^```$", re.MULTILINE | re.DOTALL)
START = "import sys; from cli import {0}; sys.argv[0] = '{0}'; {0}()"


def commands(block: str) -> list[tuple[str, str]]:
    """The commands of a console block, each with the output below it."""
    parts = re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]
    return [(part.partition("\n")[0], part.partition("\n")[2]) for part in parts]


def output(command: str) -> str:
    """What a command prints, stdout before stderr, run at the top of the project."""
    words = shlex.split(command)
    assert words[0] in ("shapes", "derive"), command
    env = {key: value for key, value in os.environ.items() if key not in ("FORCE_COLOR", "COLUMNS")}
    done = subprocess.run(
        [sys.executable, "-c", START.format(words[0]), *words[1:]],
        cwd=ROOT, env=env | {"PYTHONPATH": str(ROOT)}, capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    return done.stdout + done.stderr


def shown() -> list[tuple[str, str]]:
    """All commands of README.md with their outputs."""
    return [pair for block in BLOCK.findall(README.read_text(encoding="utf-8")) for pair in commands(block)]


def same(text: str) -> str:
    """The text without spaces at line ends and empty lines at its end; a proof's time and prover differ."""
    timeless = re.sub(r"Z3 [\d.]+", "Z3 5", re.sub(r"\(\d+\.\d+ s\)", "(0.4 s)", text))
    return "\n".join(line.rstrip() for line in timeless.rstrip().splitlines())


@pytest.mark.parametrize(("command", "printed"), shown(), ids=[command for command, _ in shown()])
def test_a_command_prints_what_readme_shows(command: str, printed: str) -> None:
    """The output in README.md is the output."""
    assert same(output(command)) == same(printed)


@pytest.mark.parametrize("spec", re.findall(r"^```yaml\n(.*?)^```$", README.read_text(encoding="utf-8"), re.M | re.S))
def test_a_spec_in_readme_fits(spec: str, tmp_path: Path) -> None:
    """A spec that README.md shows has no finding."""
    path = tmp_path / "net.yaml"
    path.write_text(spec, encoding="utf-8")
    assert shapecheck.check(path, verify=False).diagnostics == ()


def test_readme_shows_the_main_uses() -> None:
    """README.md runs the main job, a failing network and a derivation, so none of them can rot unseen."""
    run = " ".join(command for command, _ in shown())
    assert "shapes --net examples/lenet.yaml" in run
    assert "examples/broken/" in run
    assert "derive show" in run


def main() -> None:
    """Write the outputs of all commands into README.md."""

    def filled(block: re.Match[str]) -> str:
        body = "".join(f"$ {command}\n{same(output(command))}\n" for command, _ in commands(block[1]))
        return f"```console\n{body}```"

    README.write_text(BLOCK.sub(filled, README.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
