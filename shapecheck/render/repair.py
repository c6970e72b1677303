"""Repairs as people and programs read them: words, a unified diff, what the network gives then; and the command itself.

Main definitions: `text` (the repairs, ranked), `to_json`, `run` (what `shapes repair` does), `Counter` (a line on the
terminal while the search goes on).
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from json import dumps
from time import monotonic
from typing import TextIO

from shapecheck.render.findings import text as finding_text
from shapecheck.render.paint import PLAIN, Painter, animates, painter, safe, wants_colour
from shapecheck.repairs import Repair, Result, repairs_of

FOUND = 1
DIFF_STYLES = {"+++": "head", "---": "head", "@@": "dim", "+": "good", "-": "bad"}  # the longer beginning first
PATIENCE = 0.7  # seconds before the counter shows
BETWEEN = 0.1  # seconds between two of its pictures


class NoSuchRepairError(ValueError):
    """The repair that is to be applied is not there."""


def text(repairs: Iterable[Repair], paint: Painter = PLAIN) -> Iterator[str]:
    """The repairs, one after the other: number, words, what the network gives, the diff."""
    for number, one in enumerate(repairs, start=1):
        yield f"{paint(f'{number}.', 'title')} {safe(one.words)}\n"
        yield f"   {paint(safe(gives(one)), 'dim')}\n"
        yield f"{diff(one, paint)}\n"


def gives(one: Repair) -> str:
    """What the mended network gives, and who says so."""
    shapes = ", ".join(f"[{', '.join(map(str, shape))}]" if isinstance(shape, list) else "?" for shape in one.outputs)
    device = one.report.verified
    return f"gives {shapes or 'nothing'}; {'predicted' if device is None else f'agreed with torch on {device}'}"


def diff(one: Repair, paint: Painter = PLAIN) -> str:
    """The unified diff, each line in its colour."""
    return "".join(f"{_painted(safe(line), paint)}\n" for line in one.diff(context=1).splitlines())


def _painted(line: str, paint: Painter) -> str:
    style = next((style for start, style in DIFF_STYLES.items() if line.startswith(start)), None)
    return line if style is None else paint(line, style)


def to_json(file: str, result: Result, applied: int | None = None) -> str:
    """The result as JSON, with a line break at the end."""
    repairs = [{"rank": rank, **one.to_dict()} for rank, one in enumerate(result.repairs, start=1)]
    found = {
        "file": file,
        "ok": not result.findings,
        "diagnostics": [finding.to_dict() for finding in result.findings],
        "repairs": repairs,
        "tried": result.tried,
        "applied": applied,
    }
    return dumps(found, ensure_ascii=False, indent=2) + "\n"


class Counter:
    """A line on a terminal that counts what was tried; nothing elsewhere, and nothing of a short search."""

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream
        self.animated = animates(stream)
        self.next = monotonic() + PATIENCE
        self.shown = False

    def __call__(self, tried: int, most: int) -> None:
        """Show how many changed specs were tried."""
        if self.animated and monotonic() >= self.next:
            self.next = monotonic() + BETWEEN
            self.shown = True
            self.stream.write(f"\rlooking for repairs: {tried:,} changes tried\x1b[K")
            self.stream.flush()

    def __enter__(self) -> Counter:
        return self

    def __exit__(self, *_: object) -> None:
        if self.shown:
            self.stream.write("\r\x1b[K")
            self.stream.flush()


def run(
    put: Callable[[Iterable[str]], None],
    say: Callable[[str], None],
    *,
    net: str,
    number: int | None,
    most: int,
    seconds: float,
    sizes: Mapping[str, int],
    verify: bool,
    device: str,
    evaluation: bool,
    format_: str,
) -> int:
    """The exit code of `shapes repair`: repairs go to `put`, what is said beside to `say`."""
    most = max(most, number or 0)
    with Counter(sys.stderr) as counter:
        result = repairs_of(
            net, sizes, verify=verify, device=device, most=most, seconds=seconds,
            training=False if evaluation else None, progress=counter,
        )  # fmt: skip
    if number is not None and result.findings:
        return _apply(put, say, net, result, number, format_)
    if format_ == "json":
        put([to_json(net, result)])
    elif not result.findings:
        put([f"{safe(net)}: nothing to mend\n"])
    else:
        put(text(result.repairs, painter(wants_colour(sys.stdout))))
        say(_closing(net, result))
    return FOUND if result.findings else 0


def _apply(
    put: Callable[[Iterable[str]], None],
    say: Callable[[str], None],
    net: str,
    result: Result,
    number: int,
    format_: str,
) -> int:
    """Write one repair; the exit code."""
    if not result.repairs:
        say(_closing(net, result))
        return FOUND
    if number > len(result.repairs):
        there = "one repair" if len(result.repairs) == 1 else f"{len(result.repairs)} repairs"
        raise NoSuchRepairError(f"--apply {number}: there {'is' if len(result.repairs) == 1 else 'are'} {there}")
    chosen = result.repairs[number - 1]
    try:
        chosen.apply()
    except OSError as error:
        raise NoSuchRepairError(f"cannot write {net}: {error.strerror or error}") from None
    if format_ == "json":
        put([to_json(net, result, number)])
    else:
        paint = painter(wants_colour(sys.stdout))
        put([f"{safe(net)}: {safe(chosen.words)}\n", f"   {paint(safe(gives(chosen)), 'dim')}\n", diff(chosen, paint)])
    return 0


def _closing(net: str, result: Result) -> str:
    """What is said below the repairs, or in their place."""
    if result.repairs:
        return f"to write the first: shapes repair --net {safe(net)} --apply 1\n"
    paint = painter(wants_colour(sys.stderr))
    found = "".join(f"{finding_text(finding, paint)}\n" for finding in result.findings)
    if any(finding.code == "SP001" for finding in result.findings):  # nothing was read
        return found
    why = "all that could be thought of" if result.ended else "until the time was over (--seconds)"
    return f"{found}no repair found: {result.tried:,} changes tried, {why}\n"
