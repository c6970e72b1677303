"""What pytest finds where shapeproof is installed: the fixture `assert_shapes`. Nothing else is loaded at its start."""

from __future__ import annotations

from collections.abc import Callable

import pytest


@pytest.fixture(scope="session", name="assert_shapes")
def _assert_shapes() -> Callable[..., None]:
    """`shapecheck.testing.assert_shapes`: a model's modules have the shapes expected."""
    from shapecheck.testing import assert_shapes

    return assert_shapes
