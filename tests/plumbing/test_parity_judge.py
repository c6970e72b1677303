"""Would the differential judge notice? Its workers, its verdicts and its draws, put to the test themselves."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.parity.catalogue import DRAWERS, draw_case
from tests.parity.draw import Case
from tests.parity.judge import Disagreement, agree
from tests.parity.known import KNOWN
from tests.parity.workers import ROOT, Worker

OK = {"outcome": "ok", "shape": [1, 2], "params": 3}
REFUSED = {"outcome": "forward", "words": "no"}


def test_the_predictor_cannot_import_torch():
    """After `forbid()` importing torch is an ImportError, so no prediction can lean on it."""
    code = "from tests.parity.predictor import forbid; forbid(); import torch"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "ModuleNotFoundError" in done.stderr or "ImportError" in done.stderr


@pytest.mark.parametrize(
    ("torch", "ours", "verdict"),
    [
        (OK, OK, True),
        (OK, {**OK, "shape": [2, 1]}, False),
        (OK, {**OK, "shape": [[1, 2]]}, False),
        (OK, {**OK, "params": 4}, False),
        (OK, REFUSED, False),
        (REFUSED, OK, False),
        (REFUSED, REFUSED, True),
        (REFUSED, {**REFUSED, "outcome": "construct"}, False),
        (REFUSED, {**REFUSED, "outcome": "error"}, False),
        ({"outcome": "crash"}, REFUSED, True),
        ({"outcome": "crash"}, OK, False),
        ({"outcome": "too-large"}, OK, None),
    ],
)
def test_a_difference_is_a_disagreement(torch, ours, verdict):
    """Shape, nesting, parameters, acceptance and stage must all be the same; a killed torch counts as a refusal."""
    assert agree(torch, ours) is verdict


FATAL = """
import os, time
import tests.parity.torch_worker as worker
worker.OPERATIONS |= {"Die": lambda x: os.abort(), "Hang": lambda x: time.sleep(60), "Echo": lambda x: x}
worker.SECONDS_PER_CASE = 0.5
worker.main()
"""


def test_the_torch_worker_survives_its_death():
    """A case that kills or hangs the process gets its outcome, and the next case gets an answer."""
    worker = Worker("-c", FATAL)
    try:
        outcomes = [worker.ask(Case(kind, {}, ((2, 3),)).to_json()) for kind in ("Die", "Hang", "Echo", "Die")]
    finally:
        worker.close()
    assert [outcome["outcome"] for outcome in outcomes] == ["crash", "too-large", "ok", "crash"]
    assert outcomes[0]["stage"] == "forward"
    assert outcomes[2]["shape"] == [2, 3]


@pytest.mark.parametrize("kind", sorted(DRAWERS))
def test_draws_are_repeatable_and_replayable(kind):
    """The same seed draws the same case, and a case survives being written as JSON, tuples and lists told apart."""
    for index in range(50):
        case = draw_case(kind, 5, index)
        assert repr(draw_case(kind, 5, index)) == repr(case)
        assert repr(Case.from_json(case.to_json())) == repr(case)


def test_disagreements_of_one_kind_are_told_once():
    """Numbers do not make a disagreement a new kind; another type or another outcome does."""
    words = "Given input size: ({}). Output size is too small"
    first, second = ({"outcome": "forward", "words": words.format(size)} for size in ("4x8x8", "1x2x3"))
    case = Case("MaxPool2d", {"kernel_size": 9}, ((1, 4, 8, 8),))
    signature = Disagreement(case, first, OK).signature
    assert Disagreement(case, second, OK).signature == signature
    assert Disagreement(case, OK, first).signature != signature
    assert Disagreement(Case("AvgPool2d", {}, ()), first, OK).signature != signature


def test_an_excuse_covers_nothing_else():
    """A known disagreement excuses its own types and outcomes on its own condition, and no neighbour."""
    empty = {"outcome": "ok", "shape": [2, 1, 0], "params": 4}
    case = Case("ConvTranspose1d", {"padding": 3}, ((2, 3, 4),))
    excused = [known for known in KNOWN if known.covers(case, empty, REFUSED)]
    assert len(excused) == 1
    for other in (
        (Case("Conv1d", {"padding": 3}, ((2, 3, 4),)), empty, REFUSED),
        (Case("ConvTranspose1d", {"padding": 3}, ((0, 3, 4),)), empty, REFUSED),
        (case, {**empty, "shape": [2, 1, 1]}, REFUSED),
        (case, REFUSED, empty),
        (case, empty, {**REFUSED, "outcome": "construct"}),
    ):
        assert not any(known.covers(*other) for known in KNOWN)
