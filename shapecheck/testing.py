"""Shapes as assertions, for the tests of whoever has a model: `assert_shapes`.

    def test_shapes():
        assert_shapes(resnet18(), (2, 3, 224, 224), {"layer3": ("N", 256, 14, 14), "fc": ("N", 1000)})

A model is a torch module, which is run on torch's meta device where it can be, or a spec, which needs no torch. In
pytest the fixture `assert_shapes` is the same function.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

from shapecheck.layers.base import closest, is_shape, shape_text
from shapecheck.report import Report
from shapecheck.sizes import NAME, Dim, Size, name

STAND_INS = (2, 3, 5, 7, 11, 13)  # for the names in an input's shape, in their order


def assert_shapes(model: Any, input: Any = None, expected: Mapping[str, Any] | None = None, **sizes: int) -> None:
    """Nothing where all modules named have the output shapes expected, else an AssertionError that lists what differs.

    `model` is a torch module or a spec (a path, a mapping). `input` is a tensor or a shape, a list of several, or a
    mapping of keyword arguments; a spec has its own inputs, and `sizes` for its open names. `expected` maps dotted
    names ("" for the whole model) to shapes, nested as the module nests its outputs. A name in a shape stands for any
    size, the same wherever it stands; None or ... for any at all.

    >>> assert_shapes({"input": ["N", 8], "layers": [{"Linear": 4, "name": "fc"}]}, expected={"fc": ("N", 4)})
    >>> assert_shapes({"input": ["N", 8], "layers": [{"Linear": 4, "name": "fc"}]}, expected={"fc": ("N", 5)})
    Traceback (most recent call last):
    AssertionError: the shapes of network, input [N, 8]:
      fc: expected [N, 5], it is [N, 4]
    """
    __tracebackhide__ = True
    is_spec = isinstance(model, (str, os.PathLike, Mapping, Report))
    title, given, bindings = _of_spec(model, sizes) if is_spec else _of_module(model, input, expected or {})
    faults = [_fault(name, shape, given, bindings) for name, shape in (expected or {}).items()]
    told = [fault for fault in faults if fault is not None]
    if told:
        raise AssertionError("\n".join([f"the shapes of {title}:", *(f"  {fault}" for fault in told)]))


Given = dict[str, list[Any]]  # what each module gave, a shape for each call


def _of_spec(model: Any, sizes: Mapping[str, int]) -> tuple[str, Given, dict[str, Dim]]:
    """What is known of a spec's layers; an AssertionError with all findings where it does not fit."""
    __tracebackhide__ = True
    from shapecheck.api import predict

    report = model if isinstance(model, Report) else predict(model, sizes)
    if not report.ok:
        raise AssertionError("\n".join([f"{report.name} does not fit:", *map(str, report.diagnostics)]))
    given: Given = {}
    for row in report.rows:
        given.setdefault(row.name, []).append(row.output if row.torch is None else row.torch)
    if report.rows:
        given.setdefault("", [report.rows[-1].output])
    names = {
        open_name
        for shape in report.inputs.values()
        for dim in shape
        if isinstance(dim, Size)
        for open_name in dim.names()
    }
    inputs = ", ".join(map(shape_text, report.inputs.values()))
    return f"{report.name}, input {inputs}", given, {open_name: name(open_name) for open_name in names}


def _of_module(model: Any, input: Any, expected: Mapping[str, Any]) -> tuple[str, Given, dict[str, Dim]]:
    """What a torch module's parts gave in one pass; an AssertionError with the finding where it fails."""
    __tracebackhide__ = True
    from shapecheck.models.calls import outputs

    bindings: dict[str, Dim] = {}
    args, kwargs = _arguments(input, bindings)
    report, given = outputs(model, args, kwargs, expected)
    inputs = ", ".join(map(shape_text, report.inputs.values()))
    title = f"{report.name}, input {inputs or 'none'}"
    failures = [finding for finding in report.diagnostics if finding.severity == "error" and finding.code != "SP401"]
    if failures:
        raise AssertionError("\n".join([f"{title}: the forward fails", *map(str, failures)]))
    for part, _ in model.named_modules(remove_duplicate=False):
        if part not in given:
            given[part] = []
    return title, given, bindings


def _arguments(input: Any, bindings: dict[str, Dim]) -> tuple[list[Any], dict[str, Any]]:
    """The arguments of a forward: tensors as they are, shapes as zeros, names in shapes as small numbers."""
    if isinstance(input, Mapping):
        return [], {key: _tensor(value, bindings) for key, value in input.items()}
    if input is None:
        return [], {}
    if isinstance(input, list) or (isinstance(input, tuple) and not _is_spelt_shape(input)):
        return [_tensor(value, bindings) for value in input], {}
    return [_tensor(input, bindings)], {}


def _tensor(value: Any, bindings: dict[str, Dim]) -> Any:
    if not (isinstance(value, (tuple, list)) and _is_spelt_shape(value)):
        return value
    from shapecheck.torch_oracle import _zeros

    for dim in value:
        if isinstance(dim, str) and dim not in bindings:
            bindings[dim] = STAND_INS[len(bindings) % len(STAND_INS)]
    return _zeros(tuple(bindings[dim] if isinstance(dim, str) else dim for dim in value), "meta")


def _is_spelt_shape(value: Sequence[Any]) -> bool:
    """Whether this is a shape as a test writes it: sizes and names."""
    return len(value) > 0 and all(type(dim) is int or (isinstance(dim, str) and NAME.fullmatch(dim)) for dim in value)


# What was expected, and what is --------------------------------------------------------------------------------------


def _fault(module: str, expected: Any, given: Given, bindings: dict[str, Dim]) -> str | None:
    """What is to be said of a module, None where it is as expected."""
    if module not in given:
        best = closest(module, given)
        return f"{module}: there is no module of that name" + (f"; did you mean {best}?" if best else "")
    calls = given[module]
    if not calls:
        return f"{module}: it is never called"
    for number, shape in enumerate(calls, start=1):
        if not _meets(expected, shape, bindings):
            call = f" in call {number} of {len(calls)}" if len(calls) > 1 else ""
            bound = {
                text: bindings[text] for text in _names(expected) if text in bindings and str(bindings[text]) != text
            }
            where = f" (with {', '.join(f'{text} = {size}' for text, size in bound.items())})" if bound else ""
            return f"{module or 'the output'}{call}: expected {_text(expected)}{where}, it is {shape_text(shape)}"
    return None


def _meets(expected: Any, shape: Any, bindings: dict[str, Dim]) -> bool:
    """Whether a shape is the one expected; names not bound yet are bound to its sizes."""
    if expected is None or expected is ...:
        return True
    if not isinstance(expected, (tuple, list)) or not isinstance(shape, tuple):
        return False
    if not is_shape(shape):
        return len(expected) == len(shape) and all(
            _meets(part, found, bindings) for part, found in zip(expected, shape, strict=True)
        )
    if len(expected) != len(shape):
        return False
    return all(_same(dim, found, bindings) for dim, found in zip(expected, shape, strict=True))


def _same(dim: Any, found: Dim, bindings: dict[str, Dim]) -> bool:
    if dim is None or dim is ...:
        return True
    if isinstance(dim, str) and NAME.fullmatch(dim):
        return bindings.setdefault(dim, found) == found
    return str(found) == dim if isinstance(dim, str) else bool(found == dim)


def _names(expected: Any) -> list[str]:
    """The names in an expected shape, in order."""
    if isinstance(expected, (tuple, list)):
        return [text for part in expected for text in _names(part)]
    return [expected] if isinstance(expected, str) else []


def _text(expected: Any) -> str:
    """An expected shape as a message shows it."""
    if expected is None or expected is ...:
        return "..."
    nested = any(isinstance(part, (tuple, list)) for part in expected)
    parts = ", ".join(
        "..." if part is None or part is ... else _text(part) if nested else str(part) for part in expected
    )
    return f"({parts})" if nested else f"[{parts}]"
