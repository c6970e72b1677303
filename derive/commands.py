r"""What the command `derive` does, as plain functions: list, show, recheck, book.

Main definitions: `listing`, `show`, `recheck`, `book`. Each answers strings or values and prints nothing; unknown names
raise KeyError with the nearest names, unknown formats ValueError. SymPy and Z3 are loaded only when a proof is needed.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterable, Iterator
from multiprocessing import Pool
from typing import TypeAlias

from derive.table import CHAPTERS, THEOREMS, TITLES

FORMATS = ("text", "latex", "markdown")


def listing() -> str:
    """All theorems, chapter by chapter, one a line with its title."""
    wide = max(map(len, THEOREMS)) + 2
    lines: list[str] = []
    for chapter, names in CHAPTERS.items():
        lines += ["", TITLES[chapter]] if lines else [TITLES[chapter]]
        lines += [f"  {name:<{wide}}{title}" for name, title in names.items()]
    return "\n".join(lines)


def show(name: str, format: str = "text") -> str:
    """One theorem with its proof, as text, latex or markdown."""
    if format not in FORMATS:
        raise ValueError(f"format (= {format!r}) must be one of {', '.join(FORMATS)}")
    theorem = THEOREMS[name]
    return {"text": theorem.text, "latex": theorem.latex, "markdown": theorem.markdown}[format]()


Rechecked: TypeAlias = "tuple[str, str | None, float]"


def recheck(names: Iterable[str] = ()) -> Iterator[Rechecked]:
    """(name, None or what is wrong, seconds) for each name, one after the other.

    Where none is given all are checked, in the order of the book, chapters side by side on the processors there are.
    """
    wanted, processors = list(names), os.cpu_count() or 1
    if wanted or processors == 1:
        yield from map(_rechecked, wanted or THEOREMS)
        return
    with Pool(min(processors, len(CHAPTERS)), initializer=_leave_interrupts_alone) as pool:
        for chapter in pool.imap(_chapter_rechecked, CHAPTERS):
            yield from chapter


def _chapter_rechecked(chapter: str) -> list[Rechecked]:
    return [_rechecked(name) for name in CHAPTERS[chapter]]


def _leave_interrupts_alone() -> None:
    """Ctrl-C is for the process that prints; it ends the others."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _rechecked(name: str) -> Rechecked:
    from derive.kernel import RuleError

    THEOREMS.chapter(name)  # an unknown name is a wrong call, not a failed proof
    start = time.perf_counter()
    try:
        THEOREMS[name].recheck()
        error = None
    except RuleError as refused:
        error = str(refused)
    return name, error, time.perf_counter() - start


def book() -> str:
    """All chapters as one LaTeX document."""
    from derive.render import latex

    return latex.book((TITLES[chapter], [THEOREMS[name] for name in names]) for chapter, names in CHAPTERS.items())
