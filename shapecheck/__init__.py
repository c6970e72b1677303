"""shapecheck: the shapes of a network, predicted without torch and checked against it.

Public names are resolved on first use, so that importing the package costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

_HOME = {
    "Diagnostic": "diagnostics",
    "ShapeError": "diagnostics",
    "SpecError": "diagnostics",
    "Network": "net",
    "Node": "net",
    "Report": "report",
    "Admissible": "admission.answer",
    "advice": "coverage",
    "admissible": "api",
    "admissible_of": "admission.answer",
    "capture": "models.graph",
    "check": "api",
    "explain": "models.explain",
    "infer": "inference",
    "load": "api",
    "output_shape": "single",
    "repair": "repairs",
    "solve": "inverse",
    "solve_layer": "one_layer",
    "trace": "models.tracing",
    "verify": "api",
}

__all__ = sorted(_HOME)


def __getattr__(name: str) -> Any:
    if name in _HOME:
        value = getattr(import_module(f"shapecheck.{_HOME[name]}"), name)
        globals()[name] = value  # a submodule may bear the same name: the function is what is meant
        return value
    raise AttributeError(f"module 'shapecheck' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
