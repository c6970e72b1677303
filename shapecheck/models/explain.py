"""Torch's shape errors in our words: which module, which line of the user's forward, which numbers, what would mend it.

    with shapecheck.explain():
        model(x)

Nothing is registered anywhere but a mode that notes which torch function failed; the modules are read off the frames
of the exception's traceback. An error that none of our rules explains passes untouched.

Main definitions: `explain`, `blame`.
"""

from __future__ import annotations

import linecache
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from traceback import walk_tb
from types import FrameType, TracebackType
from typing import Any, NamedTuple

from shapecheck.diagnostics import Diagnostic, ShapeError
from shapecheck.models.asked import bound, predict, refusal_of
from shapecheck.torch_oracle import _torch
from shapecheck.verdicts import quoting, words_of

OURS = str(Path(__file__).parent.parent)
LONGEST_CODE = 60  # characters of the user's line that are quoted


class explain:
    """A context in which torch's shape errors are raised as `ShapeError`, whose message is our finding.

    The error that torch raised is the new one's cause. Errors that no rule explains are torch's own.
    """

    def __enter__(self) -> explain:
        self._mode = function_mode()()
        self._mode.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._mode.__exit__(kind, error, trace)
        if isinstance(error, Exception) and not isinstance(error, ShapeError):
            finding = blame(error, self._mode.failed)
            if finding is not None:
                raise ShapeError(finding) from error


class Failure(NamedTuple):
    """A call of a torch function that failed, and the error it failed with."""

    function: Any
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    error: BaseException


@cache
def function_mode() -> Any:
    """The class of the mode that notes the torch function that failed last: `failed`."""

    class Noting(_torch().overrides.TorchFunctionMode):  # type: ignore[misc]
        failed: Failure | None = None

        def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            try:
                return func(*args, **(kwargs or {}))
            except Exception as error:
                self.failed = Failure(func, args, kwargs or {}, error)
                raise

    return Noting


# Who is to blame -----------------------------------------------------------------------------------------------------


class _Module(NamedTuple):
    """A module whose forward was running: its dotted name, what it was given, who called it."""

    name: str
    module: Any
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    caller: FrameType | None
    line: int


def blame(error: BaseException, failed: Failure | None = None) -> Diagnostic | None:
    """The finding that explains why a forward pass failed, placed at the line that made the call; None for no rule.

    The outermost module whose rule refuses its inputs is the one; else the torch function that failed.
    """
    running = list(modules(error))
    for call in running:
        inputs, layer = bound(call.module, call.args, call.kwargs)
        refusal = predict(layer, inputs)[3]
        if refusal is not None:
            return _told(refusal, call.name, (call.caller, call.line), error)
    if failed is not None and failed.error is error:
        refusal = refusal_of(failed.function, failed.args, failed.kwargs)
        if refusal is not None:
            name = running[-1].name if running else getattr(failed.function, "__name__", "")
            return _told(refusal, name, innermost(error), error)
    return None


def unexplained(error: BaseException) -> Diagnostic:
    """SP611: the forward fails, and no rule says why; with torch's words, the module and the line."""
    frame, line = innermost(error)
    running = list(modules(error))
    name = running[-1].name if running else "the model"
    words, kind = words_of(error), type(error).__name__
    file, code, shown = _quoted(frame, line)
    facts = {"torch": words, "error": kind, "module": name, "code": code}
    finding = Diagnostic("SP611", f"{name}{shown} fails: {kind}: {words}", facts=facts)
    return finding.at(file, line if file else None, None, name)


def modules(error: BaseException) -> Iterator[_Module]:
    """The modules whose forward was running when the error was raised, the outermost first."""
    code = _torch().nn.Module._call_impl.__code__
    root, caller, line = None, None, 0
    for frame, number in walk_tb(error.__traceback__):
        if frame.f_code is not code:
            if not _foreign(frame):
                caller, line = frame, number
            continue
        local = frame.f_locals
        module = local["self"]
        root = module if root is None else root
        yield _Module(path_of(root, module), module, local.get("args", ()), local.get("kwargs", {}), caller, line)


def path_of(root: Any, module: Any) -> str:
    """The dotted name of a module in another; its class where it is that other, or is not found in it."""
    for name, part in root.named_modules():
        if part is module and name:
            return name
    return type(module).__name__


def innermost(error: BaseException) -> tuple[FrameType | None, int]:
    """The last frame of the user's own code, and its line."""
    found: tuple[FrameType | None, int] = None, 0
    for frame, number in walk_tb(error.__traceback__):
        if not _foreign(frame):
            found = frame, number
    return found


def _foreign(frame: FrameType) -> bool:
    """Whether a frame is of torch or of ours."""
    file = frame.f_code.co_filename
    return file.startswith((_torch_home(), OURS)) or file.startswith("<")


@cache
def _torch_home() -> str:
    return str(Path(_torch().__file__).parent)


def _told(refusal: ShapeError, name: str, place: tuple[FrameType | None, int], error: BaseException) -> Diagnostic:
    """The rule's finding, at the user's line, with torch's words."""
    file, code, shown = _quoted(*place)
    finding = refusal.diagnostics[0]
    finding = finding._replace(message=f"{name}{shown}: {finding.message}", hint=in_python(finding.hint))
    finding = finding._replace(facts={**finding.facts, "module": name, "code": code})
    return quoting(finding, words_of(error)).at(file, place[1] if file else None, None, name)


def _quoted(frame: FrameType | None, line: int) -> tuple[str | None, str, str]:
    """The file of a frame, the code on that line of it, and the code as a message shows it."""
    if frame is None:
        return None, "", ""
    file = frame.f_code.co_filename
    code = linecache.getline(file, line).strip()
    shown = code if len(code) <= LONGEST_CODE else code[: LONGEST_CODE - 1] + "…"
    return file, code, f" (`{shown}`)" if code else ""


def in_python(hint: str | None) -> str | None:
    """A hint that names one argument as a call in Python has it, not as a spec has it.

    >>> in_python("in_features: 256"), in_python("padding: [1, 1]"), in_python("Flatten before it")
    ('in_features=256', 'padding=[1, 1]', 'Flatten before it')
    """
    if hint is None:
        return None
    return re.sub(r"^(\w+): (\S.*)$", lambda found: f"{found[1]}={PYTHON.get(found[2], found[2])}", hint)


PYTHON = {"true": "True", "false": "False", "null": "None"}
