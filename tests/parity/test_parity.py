"""Does the prediction accept, refuse and shape exactly as torch does on the CPU, and at the same stage?

Main results: `test_every_draw_agrees` (SHAPEPROOF_DRAWS draws a type from SHAPEPROOF_SEED; 150 from 0 unless set) and
`test_every_class_of_torch_is_accounted_for`. A disagreement prints the command that replays it.
"""

from __future__ import annotations

import os

import pytest
import torch

from shapecheck.layers import LAYERS
from tests.parity.catalogue import DRAWERS, REASONS
from tests.parity.judge import Judge, cases

DRAWS = int(os.environ.get("SHAPEPROOF_DRAWS", "150"))
SEED = int(os.environ.get("SHAPEPROOF_SEED", "0"))


@pytest.fixture(scope="module")
def judge():
    """Both workers, for the whole file."""
    with Judge() as both:
        yield both


@pytest.mark.parametrize("kind", [kind for kind in DRAWERS if kind in LAYERS])
def test_every_draw_agrees(judge, kind):
    """Torch and we give the same shape and parameter count, or refuse at the same stage."""
    tally = judge.compare(cases(kind, DRAWS, SEED))
    report = "\n".join(map(str, tally.disagreements.values()))
    assert not tally.disagreements, f"seed {SEED}: {tally}\n{report}"
    assert tally.accepted >= tally.draws // 10, f"only refusals are tested: {tally}"
    assert tally.uncounted <= tally.draws // 10, f"too many draws without a verdict: {tally}"


def test_every_class_of_torch_is_accounted_for():
    """Each public class of torch.nn is drawn, or has a reason why not; nothing is both, nothing is made up."""
    public = {name for name, value in vars(torch.nn).items() if isinstance(value, type) and not name.startswith("_")}
    assert public - DRAWERS.keys() - REASONS.keys() == set()
    assert REASONS.keys() - public == set()
    assert DRAWERS.keys() & REASONS.keys() == set()


def test_what_is_drawn_is_what_the_catalogue_has():
    """LAYERS holds every type that is drawn, and no type escapes the judge."""
    assert set(LAYERS) == set(DRAWERS)
