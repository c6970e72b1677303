"""The pages of `shapes explain`: `listing` of all codes, `page` of one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from textwrap import fill, indent

from shapecheck.codes import CODES, GROUPS, Page
from shapecheck.diagnostics import Diagnostic
from shapecheck.render.findings import text
from shapecheck.render.paint import PLAIN, Painter, safe

FILE = "net.yaml"


def listing(paint: Painter = PLAIN) -> Iterator[str]:
    """Every code with its title, in groups; a line each."""
    group = ""
    for code, page in CODES.items():
        if code[:3] != group:
            yield ("\n" if group else "") + paint(GROUPS[code[:3]], "title") + "\n"
            group = code[:3]
        yield f"  {paint(code, 'bad')}  {page.title}\n"
    yield "\n`shapes explain SP301` shows a page.\n"


def page(code: str, paint: Painter = PLAIN) -> Iterator[str]:
    """The page of a code: meaning, what is wrong and what shapes says of it, what is right."""
    entry = CODES[code]
    yield f"{paint(code, 'bad')} {paint(entry.title, 'title')}\n\n{fill(entry.meaning, 80)}\n"
    if entry.words:
        yield f"\n{paint('It arises from', 'head')}\n\n  {entry.words}\n"
    if entry.wrong:
        yield f"\n{paint('Wrong', 'head')}\n\n{_shown(entry.wrong)}{_call(entry.wrong_call)}"
        told = "\n".join(text(finding, paint) for finding in found(code, entry))
        yield indent(told, "  ") + "\n" if told else ""
        yield f"\n{paint('Right', 'head')}\n\n{_shown(entry.right)}{_call(entry.right_call)}"


def _shown(spec: str) -> str:
    return indent("\n".join(map(safe, spec.splitlines())), "  ") + "\n\n"


def _call(options: str) -> str:
    return f"  shapes --net {FILE} {options}\n\n" if options else ""


def found(code: str, entry: Page) -> list[Diagnostic]:
    """What is said of the wrong spec under that code, where torch is not needed to say it."""
    if entry.verify:
        return []
    from shapecheck.api import predict

    with TemporaryDirectory() as folder:
        path = Path(folder) / FILE
        path.write_text(entry.wrong, encoding="utf-8", newline="\n")
        report = predict(path, sizes_of(entry.wrong_call))
    return [finding._replace(file=FILE) for finding in report.diagnostics if finding.code == code]


def sizes_of(options: str) -> dict[str, int]:
    """The sizes among the options of a call.

    >>> sizes_of("--size H=224 --size W=32")
    {'H': 224, 'W': 32}
    """
    pairs = [word.partition("=") for word in options.split() if "=" in word]
    return {name: int(number) for name, _, number in pairs}
