"""How many draws a random test makes, and that a failing one can be repeated.

SHAPEPROOF_DRAWS=2000 is the nightly profile; unset, each test makes the few that a developer has patience for.
Main definition: the fixture `draws`. Hypothesis follows the same variable and prints what reproduces a failure.
"""

from __future__ import annotations

import os

import pytest
from hypothesis import HealthCheck, settings

DRAWS = int(os.environ.get("SHAPEPROOF_DRAWS", "100"))

settings.register_profile(
    "shapeproof", max_examples=DRAWS, deadline=None, print_blob=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("shapeproof")


@pytest.fixture(scope="session")
def draws() -> int:
    """The number of random cases a test of our own generators should make."""
    return DRAWS
