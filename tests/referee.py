"""One layer put to torch and to us, for tests that state a theorem and let torch judge it.

Main definitions: `ours`, `torchs`. Both give the output shape, or the stage of the refusal: "construct" or "forward".
"""

from __future__ import annotations

import warnings
from typing import Any

import torch

import shapecheck

Outcome = Any  # a shape, shapes nested as torch nests them, or the stage of a refusal


def ours(kind: str, *shapes: Any, training: bool = True, **arguments: Any) -> Outcome:
    """What we say of the layer on inputs of these shapes.

    >>> ours("Linear", (2, 3), in_features=3, out_features=4), ours("Linear", (2, 5), in_features=3, out_features=4)
    ((2, 4), 'forward')
    """
    try:
        return shapecheck.output_shape(kind, *shapes, training=training, **arguments)
    except shapecheck.ShapeError as error:
        return error.stage


def torchs(kind: str, *shapes: Any, training: bool = True, **arguments: Any) -> Outcome:
    """What torch does with the layer on zeros of these shapes, on the CPU.

    >>> torchs("Linear", (2, 3), in_features=3, out_features=4), torchs("Linear", (2, 5), in_features=3, out_features=4)
    ((2, 4), 'forward')
    """
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")
        try:
            module = getattr(torch.nn, kind)(**arguments).train(training)
        except Exception:
            return "construct"
        try:
            return _shapes(module(*(torch.zeros(shape) for shape in shapes)))
        except Exception:
            return "forward"


def _shapes(output: Any) -> Any:
    return tuple(output.shape) if isinstance(output, torch.Tensor) else tuple(map(_shapes, output))
