"""Colour for those who can see it, and text that is safe to print.

A style is a name ("good", "bad", ...), and `STYLES` says what it looks like. Whether a stream wants colour follows
https://no-color.org and https://force-color.org: NO_COLOR switches it off, FORCE_COLOR on, else a terminal has it.
Main definitions: `painter`, `wants_colour`, `animates`, `safe`, `width`.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol, TypeAlias

Painter: TypeAlias = Callable[[str, str], str]

if TYPE_CHECKING:

    class Stream(Protocol):
        """What one prints on."""

        def isatty(self) -> bool:
            """Whether it is a terminal."""
            ...


STYLES = {
    "title": "1",
    "head": "1",
    "type": "36",
    "good": "32",
    "bad": "1;31",
    "warn": "33",
    "hint": "36",
    "dim": "2",
}


def painter(colour: bool) -> Painter:
    """A function from (text, style) to the text in that style; without colour the text itself.

    >>> painter(False)("ok", "good"), painter(True)("ok", "good")
    ('ok', '\\x1b[32mok\\x1b[0m')
    """
    return _painted if colour else _bare


def _painted(text: str, style: str) -> str:
    code = STYLES.get(style)
    return f"\x1b[{code}m{text}\x1b[0m" if code and text else text


def _bare(text: str, style: str) -> str:
    return text


def wants_colour(stream: Stream) -> bool:
    """Whether text for this stream should be coloured."""
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR"):
        return True
    return animates(stream)


def animates(stream: Stream) -> bool:
    """Whether the stream is a terminal whose cursor can be moved."""
    return stream.isatty() and os.environ.get("TERM", "") not in ("", "dumb")


PLAIN: Painter = _bare

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


def safe(text: str) -> str:
    r"""The text with what would steer a terminal written out: a name in a spec moves no cursor and turns no line round.

    >>> safe("conv\x1b[2J\n1")
    'conv\\x1b[2J\\n1'
    """
    return text if text.isascii() and text.isprintable() else _CONTROL.sub(lambda found: _written_out(found[0]), text)


def _written_out(character: str) -> str:
    return repr(character)[1:-1]


def width(text: str) -> int:
    """The columns the text takes on a terminal: two for wide characters, none for combining ones.

    >>> width("conv1"), width("畳み込み"), width("e\\u0301")
    (5, 8, 1)
    """
    if text.isascii():
        return len(text)
    from unicodedata import category, east_asian_width

    return sum(0 if category(c) in ("Mn", "Me", "Cf") else 2 if east_asian_width(c) in "WF" else 1 for c in text)
