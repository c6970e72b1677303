"""The JSON Schema agrees with the reader: what it lets through can be read, what it flags is flagged."""

from __future__ import annotations

from pathlib import Path

import jsonschema
import pytest

from shapecheck.layers import LAYERS
from shapecheck.schema import schema
from shapecheck.yaml_nodes import plain, read
from tests.examples import FITTING

ROOT = Path(__file__).parent.parent.parent
CHECKER = jsonschema.Draft7Validator(schema())


def test_the_schema_is_a_schema() -> None:
    """The generated schema follows draft-07."""
    jsonschema.Draft7Validator.check_schema(schema())


@pytest.mark.parametrize("path", FITTING, ids=lambda path: path.stem)
def test_every_example_follows_it(path: Path) -> None:
    """A right spec is right for an editor too."""
    assert [error.message for error in CHECKER.iter_errors(plain(read(path.read_bytes())))] == []


@pytest.mark.parametrize(
    "layer",
    [
        {"Conv2d": {"out_channels": 8, "kernel_size": 3, "strid": 2}},
        {"Conv2d": {"out_channels": 8}},
        {"Linear": {"out_features": []}},
        7,
    ],
)
def test_a_wrong_layer_does_not(layer: object) -> None:
    """An unknown argument, a missing one, one of the wrong kind and a layer that is none are flagged."""
    assert not CHECKER.is_valid({"input": ["N", 3, 8, 8], "layers": [layer]})


def test_every_layer_is_in_it() -> None:
    """The schema names the whole catalogue."""
    assert set(LAYERS) <= set(schema()["definitions"])
