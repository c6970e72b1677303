"""Do we agree with torch on the samples that torch tests its own modules with?

Main result: `test_torchs_own_samples_agree`. What shapes and plain arguments cannot say must stay little.
"""

from __future__ import annotations

import pytest

from shapecheck.layers import LAYERS
from tests.parity.judge import Judge
from tests.parity.module_db import read


@pytest.fixture(scope="module")
def samples():
    """The samples as cases, and those left out."""
    return read()


def test_torchs_own_samples_agree(samples):
    """Every sample and error input of module_db has the outcome that we predict."""
    with Judge() as judge:
        tally = judge.compare((case for case in samples[0] if case.type in LAYERS), shrink=False)
    report = "\n".join(map(str, tally.disagreements.values()))
    assert not tally.disagreements, f"{tally}\n{report}"


def test_hardly_a_sample_is_left_out(samples):
    """At least 99 % of the samples can be said as cases; the others have tensors or functions as arguments."""
    cases, skipped = samples
    assert len(skipped) <= len(cases) // 100, skipped
