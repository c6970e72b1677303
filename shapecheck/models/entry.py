"""A model named on a command line: `package.module:thing` or `model.py:Net`, its arguments and its inputs.

The thing is a torch module, or what gives one when called: a class, a factory. Naming it runs the code it stands in.
Main definitions: `load`, `shape_of`, `argument_of`, `EntryError`.   Code: SP604.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType, TracebackType
from typing import Any

from shapecheck.diagnostics import Diagnostic
from shapecheck.layers.base import closest

WORDS_LIMIT = 240  # characters of an error that are quoted
OURS = str(Path(__file__).parent.parent)


class EntryError(Exception):
    """The model cannot be had; `finding` says why, with the line of the user's code."""

    def __init__(self, finding: Diagnostic) -> None:
        super().__init__(str(finding))
        self.finding = finding


def load(entry: str, arguments: Mapping[str, Any] | None = None) -> Any:
    """The torch module that an entry names, built with these arguments; EntryError where there is none.

    >>> load("torch.nn:Linear", {"in_features": 3, "out_features": 4})
    Linear(in_features=3, out_features=4, bias=True)
    """
    place, colon, path = entry.rpartition(":")
    if not colon or not path or not place:
        hint = "--module package.module:Net, or --module model.py:Net"
        raise EntryError(Diagnostic("SP604", f"{entry} names a module, but not what in it", hint=hint))
    thing: Any = _imported(place)
    for name in path.split("."):
        thing = _attribute(thing, name, place)
    return _built(thing, dict(arguments or {}), entry)


def _imported(place: str) -> ModuleType:
    """The Python module of a name or a file."""
    from importlib import import_module
    from importlib.util import module_from_spec, spec_from_file_location

    file = Path(place)
    is_file = place.endswith(".py")
    if is_file and not file.is_file():
        near = closest(file.name, [path.name for path in file.parent.glob("*.py")]) if file.parent.is_dir() else None
        hint = f"did you mean {file.with_name(near)}?" if near else "check the path"
        raise EntryError(Diagnostic("SP604", f"there is no file {place}", hint=hint))
    folder = str(file.resolve().parent) if is_file else str(Path.cwd())
    with _importable(folder), told(f"importing {place}"):
        if not is_file:
            return import_module(place)
        name = file.stem if file.stem not in sys.modules else f"{file.stem}_of_{abs(hash(file.resolve()))}"
        spec = spec_from_file_location(name, file)
        assert spec is not None
        assert spec.loader is not None
        made = module_from_spec(spec)
        sys.modules[name] = made
        try:
            spec.loader.exec_module(made)
        except BaseException:
            del sys.modules[name]
            raise
        return made


def _attribute(thing: Any, name: str, place: str) -> Any:
    try:
        return getattr(thing, name)
    except AttributeError:
        near = closest(name, [own for own in dir(thing) if not own.startswith("_")])
        hint = f"did you mean {near}?" if near else None
        raise EntryError(Diagnostic("SP604", f"{place} has no {name}", hint=hint)) from None


def _built(thing: Any, arguments: dict[str, Any], entry: str) -> Any:
    """The module itself, or what the call gives."""
    if _is_module(thing):
        if arguments:
            raise EntryError(Diagnostic("SP604", f"{entry} is a module already: it takes no --arg"))
        return thing
    if not callable(thing):
        raise EntryError(Diagnostic("SP604", f"{entry} is {type(thing).__name__}, neither a module nor what gives one"))
    with told(f"calling {entry}"):
        made = thing(**arguments)
    if not _is_module(made):
        words = f"{entry} gives {type(made).__name__}, and no torch module"
        raise EntryError(Diagnostic("SP604", words, hint="name the class, or a function that returns a module"))
    return made


def _is_module(thing: Any) -> bool:
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(thing, torch.nn.Module)


@contextmanager
def _importable(folder: str) -> Iterator[None]:
    """The folder first among those that modules are imported from, and afterwards last."""
    sys.path.insert(0, folder)
    try:
        yield
    finally:
        sys.path.remove(folder)
        sys.path.append(folder)  # what is imported in a call later on is found too


@contextmanager
def told(doing: str) -> Iterator[None]:
    """What fails in the user's code as a finding, with their line."""
    try:
        yield
    except (KeyboardInterrupt, EntryError):
        raise
    except BaseException as error:
        file, line = _line(error.__traceback__)
        if isinstance(error, SyntaxError) and error.filename:
            file, line = error.filename, error.lineno
        words = " ".join(str(error).split())[:WORDS_LIMIT]
        message = f"{doing} fails: {type(error).__name__}{': ' if words else ''}{words}"
        raise EntryError(Diagnostic("SP604", message, file=file, line=line, hint=_hint(error))) from None


def _hint(error: BaseException) -> str | None:
    missing = re.fullmatch(r".*missing \d+ required (?:positional|keyword-only) arguments?: (.*)", str(error))
    if isinstance(error, TypeError) and missing:
        names = re.findall(r"'(\w+)'", missing[1])
        return " ".join(f"--arg {name}=..." for name in names)
    if isinstance(error, ModuleNotFoundError):
        return f"is {error.name} installed in this Python, and the folder the right one?"
    return None


def _line(trace: TracebackType | None) -> tuple[str | None, int | None]:
    """The innermost line of the user's code: not ours, not Python's own, not a library's."""
    found: tuple[str | None, int | None] = (None, None)
    while trace is not None:
        file = trace.tb_frame.f_code.co_filename
        if not (file.startswith((OURS, "<")) or "site-packages" in file or file.startswith(sys.base_prefix)):
            found = file, trace.tb_lineno
        trace = trace.tb_next
    return found


# What the command line says of inputs and arguments ------------------------------------------------------------------


def argument_of(text: str) -> tuple[str, Any]:
    """Name and value of `name=value`, the value Python's if it is one, else the text; ValueError for anything else.

    >>> argument_of("depth=50"), argument_of("widths=[64, 128]"), argument_of("act=relu")
    (('depth', 50), ('widths', [64, 128]), ('act', 'relu'))
    """
    name, equals, value = text.partition("=")
    if not equals or not name.strip().isidentifier():
        raise ValueError(f"{text!r} is not NAME=VALUE, as in --arg depth=50")
    try:
        return name.strip(), ast.literal_eval(value.strip())
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return name.strip(), {"true": True, "false": False, "none": None}.get(value.strip().lower(), value)


INPUT = re.compile(r"(?:(?P<name>[A-Za-z_]\w*)=)?(?P<sizes>\d+(?:\s*[,x]\s*\d+)*)(?::(?P<type>\w+))?")
TYPES = ("float32", "float64", "float16", "bfloat16", "int64", "int32", "uint8", "bool")


def shape_of(text: str) -> tuple[str | None, tuple[int, ...], str | None]:
    """Name, sizes and type of an input as the command line says it; ValueError for anything else.

    >>> shape_of("1,3,224,224"), shape_of("tokens=2,128:int64")
    ((None, (1, 3, 224, 224), None), ('tokens', (2, 128), 'int64'))
    """
    match = INPUT.fullmatch(text.strip())
    if match is None or (match["type"] and match["type"] not in TYPES):
        raise ValueError(f"{text!r} is no input: 1,3,224,224, or name=1,128:int64 ({', '.join(TYPES)})")
    sizes = tuple(int(size) for size in re.split(r"[,x]", match["sizes"]))
    return match["name"], sizes, match["type"]
