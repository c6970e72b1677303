"""Our own answer to a case: a process in which torch cannot be imported reads the worker's cases and writes outcomes.

The outcomes are those of `torch_worker.py`; whatever leaves `output_shape` other than a shape or a ShapeError is
`{"outcome": "error"}`, which agrees with nothing.
"""

from __future__ import annotations

import json
import signal
import sys
import traceback
from typing import Any

from tests.parity.draw import decode

SECONDS_PER_CASE = 5.0
FORBIDDEN = ("torch", "sympy", "numpy")


def forbid() -> None:
    """Make every import of torch and its kin fail from here on."""
    for name in FORBIDDEN:
        sys.modules[name] = None  # type: ignore[assignment]


def _plain(shape: Any) -> Any:
    """The prediction as JSON tells it: lists, ints and None, nothing that merely looks like one of them."""
    if shape is None or type(shape) is int:
        return shape
    if isinstance(shape, tuple | list):
        return [_plain(entry) for entry in shape]
    raise TypeError(f"not a shape: {shape!r}")


def predicted_params(kind: str, args: dict[str, Any], inputs: list[Any], training: bool) -> int:
    """The parameter count that the layer's record states, once its open arguments are inferred from the inputs."""
    from shapecheck.layers import LAYERS, LAZY
    from shapecheck.layers.base import make, signature

    kind_of = LAYERS[kind]
    if signature(kind_of).trains:
        args = {**args, "training": training}
    layer = make(kind_of, args, lazy=kind in LAZY)
    return (layer.resolve(*inputs) if layer.unresolved else layer).params()


def _too_late(*_: object) -> None:
    raise TimeoutError(f"no answer within {SECONDS_PER_CASE:.0f} s")


def answer(case: dict[str, Any]) -> dict[str, Any]:
    """The outcome that we predict for a case."""
    import shapecheck

    kind, args = case["type"], {name: decode(value) for name, value in case["args"].items()}
    inputs = [decode(shape) for shape in case["shapes"]]
    training = case.get("training", True)
    signal.setitimer(signal.ITIMER_REAL, SECONDS_PER_CASE)
    try:
        shape = _plain(shapecheck.output_shape(kind, *inputs, training=training, **args))
        return {"outcome": "ok", "shape": shape, "params": predicted_params(kind, args, inputs, training)}
    except shapecheck.ShapeError as error:
        return {"outcome": error.stage, "words": str(error)[:300], "diagnostics": len(error.diagnostics)}
    except Exception:
        return {"outcome": "error", "words": traceback.format_exc(limit=-3)[-600:]}
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0.0)


def main() -> None:
    """Answer cases until stdin ends."""
    replies = sys.stdout
    sys.stdout = sys.stderr
    forbid()
    print(json.dumps({"ready": True}), file=replies, flush=True)
    signal.signal(signal.SIGALRM, _too_late)
    for line in sys.stdin:
        print(json.dumps(answer(json.loads(line))), file=replies, flush=True)


if __name__ == "__main__":
    main()
