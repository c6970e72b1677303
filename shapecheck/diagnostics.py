"""A finding as data: code, message, place, numbers, hint. Renderers print it; nothing here does.

Main definitions: `Diagnostic`, `ShapeError` (what torch would refuse), `SpecError` (a spec that cannot be read).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextvars import ContextVar
from functools import wraps
from typing import Any, NamedTuple, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

telling: ContextVar[bool] = ContextVar("telling", default=False)  # while a refusal that is certain is put into words


def only_words(function: Callable[P, T]) -> Callable[P, T]:
    """The function, marked as one that is called only when a refusal is certain: it decides its words, not whether."""

    @wraps(function)
    def marked(*args: P.args, **kwargs: P.kwargs) -> T:
        token = telling.set(True)
        try:
            return function(*args, **kwargs)
        finally:
            telling.reset(token)

    return marked


class Diagnostic(NamedTuple):
    """One finding; `argument` names the layer's argument at fault, `facts` holds the numbers of the message."""

    code: str
    message: str
    severity: str = "error"  # "error", "warning", "note" or "advice"
    file: str | None = None
    line: int | None = None
    column: int | None = None
    layer: str | None = None
    hint: str | None = None
    facts: Mapping[str, Any] = {}
    argument: str | None = None

    def at(self, file: str | None, line: int | None, column: int | None, layer: str | None = None) -> Diagnostic:
        """The same finding, placed."""
        return self._replace(file=file, line=line, column=column, layer=self.layer if layer is None else layer)

    def to_dict(self) -> dict[str, Any]:
        """The finding as plain data, for JSON."""
        return {
            "code": self.code,
            "severity": self.severity,
            "message": self.message,
            "file": self.file,
            "line": self.line,
            "column": self.column,
            "layer": self.layer,
            "hint": self.hint,
            "facts": {key: plain(value) for key, value in self.facts.items()},
        }

    def __str__(self) -> str:
        """The finding as the command prints it, hint included: `file:line:col: CODE message`."""
        place = "".join(f"{part}:" for part in (self.file, self.line, self.column) if part is not None)
        head = f"{place} {self.code} {self.message}".strip()
        return head if self.hint is None else f"{head}\n  hint: {self.hint}"


class DiagnosticError(ValueError):
    """An error that carries its findings as data."""

    def __init__(self, *diagnostics: Diagnostic) -> None:
        super().__init__("\n".join(map(str, diagnostics)))
        self.diagnostics: list[Diagnostic] = list(diagnostics)


class SpecError(DiagnosticError):
    """A spec that is not a network; `.diagnostics` tells all that was found."""


class ShapeError(DiagnosticError):
    """A shape or argument that torch would refuse; `.stage` says where: "construct" or "forward".

    `nominal` is the output shape the author most likely meant, where there is one: inference goes on with it, so that
    one run finds all faults.
    """

    def __init__(self, *diagnostics: Diagnostic, stage: str = "forward", nominal: Any = None) -> None:
        super().__init__(*diagnostics)
        self.stage = stage
        self.nominal = nominal


def construct_error(
    code: str, message: str, *, argument: str | None = None, hint: str | None = None, **facts: Any
) -> ShapeError:
    """The error for arguments with which torch would not build the module."""
    return ShapeError(Diagnostic(code, message, hint=hint, facts=facts, argument=argument), stage="construct")


def forward_error(
    code: str, message: str, *, argument: str | None = None, hint: str | None = None, nominal: Any = None, **facts: Any
) -> ShapeError:
    """The error for an input that the module, once built, would not take; without a hint of its own, the code's."""
    hint = GENERAL_HINTS.get(code) if hint is None else hint
    return ShapeError(Diagnostic(code, message, hint=hint, facts=facts, argument=argument), nominal=nominal)


GENERAL_HINTS = {  # for faults of an input, which no argument mends
    "SP302": "Unflatten or Unsqueeze adds dimensions, Flatten or Squeeze takes them away",
    "SP306": "Stack takes inputs of one shape, Concat such that differ along dim only",
    "SP310": "smaller sizes",
    "SP313": "1 or more in place of the 0",
    "SP315": "a larger batch or more positions",
    "SP319": "left out, the state is 0",
    "SP340": "a number for the open size, in the spec or with --size",
    "SP341": "key and value from one source, of the query's batch",
    "SP342": "left out, nothing is masked",
}


def plain(value: Any) -> Any:
    """The value as JSON knows it: open sizes as strings, tuples as lists."""
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, Sequence):
        return [plain(item) for item in value]
    return str(value)
