r"""What do the lecture notes get wrong, and who says so?

Seventeen mistakes: sizes without a floor, a sum with no term, axes in the wrong order, code that returns too soon, a
table that cannot be. Each is found by a machine, at the call: refuted, evaluated, run, predicted. The other half of
this chapter puts right what is wrong, one thing at a time, and then nothing is found: no verdict is written by hand.

Main results: `test_every_mistake_is_found`, `test_what_is_right_is_no_mistake`, `test_without_torch`.
"""

from __future__ import annotations

import json
import sys

import pytest
import torch

from derive import errata, errata_evidence
from derive.errata import MISTAKES, PAGES, Finding, Mistake, find
from derive.errata_evidence import FOUND, NOT_CHECKED, NOT_FOUND, Case


@pytest.fixture(scope="module")
def findings() -> list[Finding]:
    """What is seen of all mistakes."""
    return list(find())


def test_every_mistake_is_found(findings):
    """All seventeen, and all that was looked at bears them out."""
    assert [finding.number for finding in findings] == list(range(1, 18))
    assert {finding.mistake.name: finding.verdict for finding in findings} == {one.name: FOUND for one in MISTAKES}
    assert len({one.name for one in MISTAKES}) == 17
    assert all(piece.holds for finding in findings for piece in finding.evidence)


def test_every_refuted_claim_has_its_numbers_and_its_truth(findings):
    """What is refuted comes with a counterexample, and beside it stands what is proved or computed instead."""
    refuted = [finding for finding in findings if any(piece.kind == "refuted" for piece in finding.evidence)]
    assert len(refuted) >= 7
    for finding in refuted:
        assert all(" fails" in piece.text for piece in finding.evidence if piece.kind == "refuted")
        assert any(piece.kind in ("proved", "shape") for piece in finding.evidence)


def seen_by(name):
    """The verdict on one mistake, looked at now."""
    (mistake,) = (one for one in MISTAKES if one.name == name)
    (finding,) = find([mistake])
    return finding.verdict


CORRECT_POOL = errata_evidence.PRINTED_POOL.replace("                return Y\n", "") + "    return Y\n"


@pytest.mark.parametrize(
    ("name", "what", "right"),
    [
        ("return-in-the-loop", "PRINTED_POOL", CORRECT_POOL),
        ("return-in-the-loop", "PRINTED_TABLE", [[2, 3], [5, 6]]),
        ("short-rows", "PRINTED_ROW", 7),
        ("epochs", "PRINTED_EPOCHS", [1, 3, 5, 7, 9]),
        ("edge-colours", "EDGES", [[-1, 1]]),
        ("no-difference", "K", [[1, 2], [2, 1]]),
        ("matrix-product", "K", [[0, 0], [0, 0]]),
    ],
)
def test_what_is_right_is_no_mistake(name, what, right, monkeypatch):
    """With the code, table, kernel or epochs put right, or otherwise, the mistake is no longer found."""
    assert seen_by(name) == FOUND
    monkeypatch.setattr(errata_evidence, what, right)
    assert seen_by(name) == NOT_FOUND


def test_a_claim_that_is_true_is_not_refuted():
    """Nor is one that is false proved: the judge decides, not the table."""
    case = Case()
    case.refuted("(N-F)//stride + 1 == floor((N-F)/stride) + 1")
    assert case.verdict == NOT_FOUND
    case = Case()
    case.proved("(N-F)/stride + 1 == floor((N-F)/stride) + 1")
    assert case.verdict == NOT_FOUND


def test_a_theorem_that_does_not_stand_is_no_evidence(monkeypatch):
    """The theorems that are named are rechecked at the call."""
    from derive.kernel import RuleError, Theorem

    def refuse(self):
        raise RuleError("not so")

    monkeypatch.setattr(Theorem, "recheck", refuse)
    assert seen_by("stomach") == seen_by("local-weights") == NOT_FOUND


def test_nothing_seen_is_not_found():
    """A mistake that nobody could look at is not checked; one found wrong once is not found, whatever else is seen."""
    assert Case().verdict == NOT_CHECKED
    case = Case()
    case.seen("computed", "one thing", True)
    assert case.verdict == FOUND
    case.seen("computed", "another", False)
    assert case.verdict == NOT_FOUND


def test_without_torch(monkeypatch):
    """Where torch cannot be imported its own word is missing, it is said so, and the rest is looked at."""
    monkeypatch.setitem(sys.modules, "torch", None)
    ask_torch = [one for one in MISTAKES if one.name in ("input-and-output", "kernel-axes", "feature-map")]
    seen = list(find(ask_torch))
    assert [finding.verdict for finding in seen] == [FOUND] * 3
    assert all("needs torch: not checked" in finding.evidence[-1].text for finding in seen)
    assert "3 looks need torch: not checked" in "".join(PAGES["text"](iter(seen)))


def test_a_wrong_word_of_torch_counts(monkeypatch):
    """Torch is listened to: a torch with other axes would stand against the verdict."""
    linear = torch.nn.Linear
    monkeypatch.setattr(torch.nn, "Linear", lambda in_features, out_features: linear(out_features, in_features))
    assert seen_by("input-and-output") == NOT_FOUND


def test_the_pages(findings):
    """Text, Markdown, LaTeX and JSON say the same: each mistake with its verdict, and how many are found."""
    pages = {name: "".join(page(findings)) for name, page in PAGES.items()}
    data = json.loads(pages["json"])
    assert [one["verdict"] for one in data] == [FOUND] * 17
    assert all(one["evidence"] for one in data)
    for name in ("text", "markdown", "latex"):
        assert "17 of 17 mistakes found" in pages[name]
        assert all(mistake.name in pages[name] for mistake in MISTAKES)
    assert r"floor((n\_h-k\_h+p\_h+s\_h)/s\_h)" in pages["latex"]
    assert "`" not in pages["latex"] + pages["text"]
    assert pages["latex"].count(r"\begin") == pages["latex"].count(r"\end") == 18


def test_a_mistake_of_ones_own():
    """The table can be longer: a mistake is four entries, and the machinery does the rest."""

    def look(case: Case) -> None:
        case.refuted("floor(n/2) == n/2")

    (finding,) = find([Mistake("halves", "`floor(n/2) = n/2`", "for even `n`", look)])
    assert finding.found
    assert "n = 1" in finding.evidence[0].text
    assert errata.counted([finding]) == "1 of 1 mistakes found"
