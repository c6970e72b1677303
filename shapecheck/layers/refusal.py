"""A refusal with a hint that has been tried: the first of the proposed changes with which the layer takes its input.

Main definitions: `refusal`, `no_hints`, `value_text`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import replace
from typing import Any

from shapecheck.diagnostics import ShapeError, forward_error, only_words
from shapecheck.layers.base import Layer

_trying: ContextVar[bool] = ContextVar("trying", default=False)  # a layer that is being tried looks for no hints itself


@contextmanager
def no_hints() -> Iterator[None]:
    """A while in which refusals look for no hints: for who asks only whether a layer refuses."""
    token = _trying.set(True)
    try:
        yield
    finally:
        _trying.reset(token)


@only_words
def refusal(
    layer: Layer,
    inputs: tuple[Any, ...],
    code: str,
    message: str,
    argument: str | None = None,
    *,
    mends: Iterable[Mapping[str, Any]] = (),
    nominal: Any = None,
    **facts: Any,
) -> ShapeError:
    """The error for an input the layer does not take; its hint is the first change in `mends` that works."""
    hint = None if _trying.get() or not inputs else _first_that_works(layer, inputs, mends, argument)
    return forward_error(code, message, argument=argument, hint=hint, nominal=nominal, **facts)


def _first_that_works(
    layer: Layer, inputs: tuple[Any, ...], mends: Iterable[Mapping[str, Any]], argument: str | None
) -> str | None:
    """The hint: the first change with which the layer takes its input, else the first that leaves only other faults."""
    token = _trying.set(True)
    second = None
    try:
        for changes in mends:
            try:
                replace(layer, **changes).shape(*inputs)  # type: ignore[type-var]
            except ShapeError as error:
                if second is None and error.diagnostics[0].argument not in (argument, *changes):
                    second = changes
            else:
                return _hint(changes)
        return None if second is None else _hint(second)
    finally:
        _trying.reset(token)


def _hint(changes: Mapping[str, Any]) -> str:
    return ", ".join(f"{name}: {value_text(value)}" for name, value in changes.items())


def value_text(value: Any) -> str:
    """An argument's value as a spec writes it.

    >>> value_text(3), value_text((1, 2)), value_text(None), value_text(True)
    ('3', '[1, 2]', 'null', 'true')
    """
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, (tuple, list)):
        return "[" + ", ".join(map(value_text, value)) + "]"
    return str(value)
