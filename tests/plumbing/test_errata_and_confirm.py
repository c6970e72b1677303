"""`derive errata` and `derive confirm` on the command line: what they print, where, and their exit codes."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner, Result

import cli
from derive import errata, second_opinion
from derive.errata import Mistake
from derive.errata_evidence import Case


def run(*arguments: str) -> Result:
    """The command's result; a traceback fails the test."""
    return CliRunner().invoke(cli.derive, list(arguments), catch_exceptions=False)


def look_right(case: Case) -> None:
    """A mistake that is found at once."""
    case.seen("computed", "1 + 1 is `2`", True)


def look_wrong(case: Case) -> None:
    """One that is none."""
    case.seen("computed", "1 + 1 is `2`", False)


FOUND = Mistake("sum", "`1+1 = 3`", "2", look_right)
MISSED = Mistake("other", "`1+1 = 2`", "2", look_wrong)


@pytest.mark.parametrize("format_", ["text", "markdown", "latex", "json"])
def test_errata(format_, monkeypatch):
    """Exit 0 where all are found, 1 where one is not, in every format."""
    monkeypatch.setattr(errata, "MISTAKES", (FOUND,))
    result = run("errata", "--format", format_)
    assert (result.exit_code, result.stderr) == (0, "")
    assert "1+1 = 3" in result.stdout
    monkeypatch.setattr(errata, "MISTAKES", (FOUND, MISSED))
    result = run("errata", "--format", format_)
    assert result.exit_code == 1
    assert "not found" in result.stdout


def test_errata_json(monkeypatch):
    """A list of findings with their evidence."""
    monkeypatch.setattr(errata, "MISTAKES", (FOUND,))
    (finding,) = json.loads(run("errata", "--format", "json").stdout)
    assert finding.pop("seconds") >= 0
    assert finding == {
        "number": 1,
        "name": "sum",
        "written": "`1+1 = 3`",
        "true": "2",
        "verdict": "found",
        "evidence": [{"kind": "computed", "text": "1 + 1 is `2`", "holds": True}],
    }


def test_errata_into_a_file(monkeypatch, tmp_path):
    """`-o` writes the file whole."""
    monkeypatch.setattr(errata, "MISTAKES", (FOUND,))
    file = tmp_path / "errata.md"
    assert run("errata", "--format", "markdown", "-o", str(file)).stdout == ""
    assert file.read_text().endswith("1 of 1 mistakes found\n")


@pytest.mark.skipif(not second_opinion.version(), reason="cvc5 is not installed")
def test_confirm():
    """A line a theorem, and what they come to."""
    result = run("confirm", "torch-form", "conv-shift")
    assert result.exit_code == 0
    assert "torch-form: " in result.stdout
    assert "0 disagreements" in result.stdout
    assert "evaluated at 40,000 random points" in result.stdout


def test_confirm_without_cvc5(monkeypatch):
    """Nothing is confirmed, and a line says how to get the prover."""
    monkeypatch.setattr(second_opinion, "_cvc5", lambda: None)
    result = run("confirm", "torch-form")
    assert result.exit_code == 1
    assert " 0 confirmed" in result.stdout
    assert "pip install 'shapeproof[cvc5]'" in result.stderr


def test_a_disagreement_fails(monkeypatch):
    """A prover that finds a counterexample to a theorem ends the command with 1 and says so on stderr."""
    monkeypatch.setattr(second_opinion, "cvc5_told", lambda text, seconds: "sat")
    monkeypatch.setattr(second_opinion, "version", lambda: "a prover")
    result = run("confirm", "torch-form")
    assert result.exit_code == 1
    assert "disagree: torch-form" in result.stderr
    assert " 0 confirmed" in result.stdout


def test_a_theorem_that_is_none():
    """Exit 2, and the nearest name."""
    result = run("confirm", "torch-from")
    assert result.exit_code == 2
    assert "torch-form" in result.stderr
