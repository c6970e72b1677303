"""Torch's own sample and error inputs for its modules, as cases: a second judge that nobody here wrote.

`torch.testing._internal.common_modules.module_db` is what torch tests its modules with. Importing it changes the
process (it reads the command line, sets flags), so it is read in a process of its own: run as a module, this file
prints a JSON object a sample: `{"case": ...}`, or `{"skipped": type, "why": ...}` where shapes and arguments fail.
"""

from __future__ import annotations

import inspect
import json
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

from tests.parity.catalogue import DRAWERS
from tests.parity.draw import Case
from tests.parity.torch_worker import FORWARD_ARGUMENTS, INPUTS
from tests.parity.workers import ROOT


class Inexpressible(Exception):
    """A sample that shapes and plain arguments cannot say."""


def _plain(value: Any) -> Any:
    """The value, if JSON can carry it."""
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, tuple | list):
        return type(value)(_plain(item) for item in value)
    raise Inexpressible(f"an argument of type {type(value).__name__}")


def _shape(value: Any) -> Any:
    import torch

    if value is None:
        return None
    if isinstance(value, torch.Tensor):
        return tuple(value.shape)
    if isinstance(value, tuple | list):
        return tuple(_shape(item) for item in value)
    raise Inexpressible(f"an input of type {type(value).__name__}")


def _bound(function: Any, given: Any) -> dict[str, Any]:
    """The arguments of a call by name."""
    return dict(inspect.signature(function).bind_partial(None, *given.args, **given.kwargs).arguments) if given else {}


def to_case(cls: Any, sample: Any, training: bool) -> Case:
    """The sample as a case."""
    kind = cls.__name__
    args = _bound(cls.__init__, sample.constructor_input)
    args |= args.pop("kwargs", {})
    if args.pop("args", ()):
        raise Inexpressible("positional arguments without names")
    plain = {name: _plain(value) for name, value in args.items() if name not in ("self", "device", "dtype")}
    inputs = _bound(cls.forward, sample.forward_input)
    inputs.pop("self", None)
    for name in FORWARD_ARGUMENTS.get(kind, ()):
        if name in inputs:
            plain[name] = _plain(inputs.pop(name))
    names = INPUTS.get(kind) or [
        name
        for name in inspect.signature(cls.forward).parameters
        if name not in ("self", *FORWARD_ARGUMENTS.get(kind, ()))
    ]
    last = max((names.index(name) for name in inputs if inputs[name] is not None), default=-1)
    return Case(kind, plain, tuple(_shape(inputs.get(name)) for name in names[: last + 1]), training)


def _samples() -> Iterator[dict[str, Any]]:
    import torch
    from torch.testing._internal.common_modules import module_db

    for info in module_db:
        if info.module_cls.__name__ not in DRAWERS:
            continue
        for training in (True, False):
            call = {"device": "cpu", "dtype": torch.float32, "requires_grad": False, "training": training}
            samples = list(info.module_inputs_func(info, **call))
            if info.module_error_inputs_func:
                samples += [error.module_error_input for error in info.module_error_inputs_func(info, **call)]
            for sample in samples:
                try:
                    yield {"case": to_case(info.module_cls, sample, training).to_json()}
                except Inexpressible as error:
                    yield {"skipped": info.module_cls.__name__, "why": str(error)}


def read() -> tuple[list[Case], list[tuple[str, str]]]:
    """All samples as cases, each once, and those left out: (type, why)."""
    done = subprocess.run([sys.executable, "-m", __name__], cwd=ROOT, capture_output=True, text=True, check=True)
    rows = [json.loads(line) for line in dict.fromkeys(done.stdout.splitlines()) if line.startswith("{")]
    cases = [Case.from_json(row["case"]) for row in rows if "case" in row]
    return cases, [(row["skipped"], row["why"]) for row in rows if "skipped" in row]


if __name__ == "__main__":
    for row in _samples():
        print(json.dumps(row))
