r"""The text of a file as it is changed: places that are replaced, all other bytes as they were.

Main definitions: `Document` (a file's bytes as text and back), `Edit` (a place and what stands there instead),
`Draft` (a text after some edits, which still knows what is left of the original), `replace_file`.
Main results: tests/book/test_41_repairs.py.

Line ends, a byte-order mark and a missing last line break are part of the text and stay as they are. Bytes that are no
UTF-8 are kept as lone surrogates (PEP 383) until a repair takes them away.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from tempfile import NamedTemporaryFile
from typing import NamedTuple

from shapecheck.yaml_nodes import ENCODINGS


class Edit(NamedTuple):
    """The characters from `start` to `end` (not included) become `text`; equal places insert."""

    start: int
    end: int
    text: str


class Document(NamedTuple):
    """A file's text, and how it is written as bytes."""

    text: str
    mark: bytes = b""
    encoding: str = "utf-8"

    @classmethod
    def of(cls, data: bytes) -> Document:
        r"""The document that the bytes hold.

        >>> Document.of(b"name: caf\xe9\r\n").text
        'name: caf\udce9\r\n'
        """
        mark, encoding = next((row for row in ENCODINGS if data.startswith(row[0])), (b"", "utf-8"))
        errors = "surrogateescape" if encoding == "utf-8" else "replace"
        return cls(data[len(mark) :].decode(encoding, errors), mark, encoding)

    def data(self, text: str) -> bytes:
        """The bytes of a text, written as this document is."""
        return self.mark + text.encode(self.encoding, "surrogateescape" if self.encoding == "utf-8" else "strict")


class Draft:
    """A text after some edits: pieces of the original, by their places, and new texts between them."""

    __slots__ = ("original", "pieces", "text")

    def __init__(self, original: str, pieces: Sequence[tuple[int, int] | str] | None = None) -> None:
        self.original = original
        self.pieces = [(0, len(original))] if pieces is None else pieces
        self.text = "".join(p if isinstance(p, str) else original[p[0] : p[1]] for p in self.pieces)

    def after(self, edits: Iterable[Edit]) -> Draft | None:
        """The draft after edits of its text, whose places do not overlap; None where they do.

        >>> draft = Draft("stride: 2").after([Edit(8, 9, "1")]).after([Edit(0, 0, "- ")])
        >>> draft.text, draft.edits()
        ('- stride: 1', [Edit(start=0, end=0, text='- '), Edit(start=8, end=9, text='1')])
        """
        pieces: list[tuple[int, int] | str] = []
        at = 0
        for edit in sorted(edits):
            if edit.start < at or edit.end > len(self.text):
                return None
            pieces += self._cut(at, edit.start)
            pieces.append(edit.text)
            at = edit.end
        pieces += self._cut(at, len(self.text))
        return Draft(
            self.original, [piece for piece in pieces if piece and (isinstance(piece, str) or piece[0] < piece[1])]
        )

    def _cut(self, start: int, end: int) -> list[tuple[int, int] | str]:
        """The pieces between two places of the text."""
        found: list[tuple[int, int] | str] = []
        at = 0
        for piece in self.pieces:
            length = len(piece) if isinstance(piece, str) else piece[1] - piece[0]
            low, high = max(start - at, 0), min(end - at, length)
            if low < high:
                found.append(piece[low:high] if isinstance(piece, str) else (piece[0] + low, piece[0] + high))
            at += length
        return found

    def edits(self) -> list[Edit]:
        """The edits that make this text of the original, in its order."""
        found: list[Edit] = []
        at, new = 0, ""
        for piece in [*self.pieces, (len(self.original), len(self.original))]:
            if isinstance(piece, str):
                new += piece
                continue
            if piece[0] > at or new:
                found.append(Edit(at, piece[0], new))
            at, new = piece[1], ""
        return found


class Lines:
    """Where each line of a text begins; `\\n`, `\\r\\n` and `\\r` end one, as YAML says."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.starts = [0]
        at = 0
        for line in text.splitlines(keepends=True) if _simple(text) else _lines(text):
            at += len(line)
            self.starts.append(at)
        self.break_ = "\r\n" if "\r\n" in text else "\n" if "\n" in text or "\r" not in text else "\r"

    def all(self) -> list[str]:
        """The lines, their ends left out."""
        return [self.text[start : self.end(start)] for start in self.starts if start < len(self.text)]

    def offset(self, line: int, column: int) -> int:
        """The place of a line and a column, both counted from 1."""
        return min(self.starts[min(line, len(self.starts)) - 1] + column - 1, len(self.text))

    def place(self, offset: int) -> tuple[int, int]:
        """The line and the column of a place, both counted from 1."""
        from bisect import bisect_right

        line = bisect_right(self.starts, offset)
        return line, offset - self.starts[line - 1] + 1

    def start(self, offset: int) -> int:
        """Where the line of a place begins."""
        return self.starts[self.place(offset)[0] - 1]

    def end(self, offset: int) -> int:
        """Where the line of a place ends, its line break not included."""
        at = offset
        while at < len(self.text) and self.text[at] not in "\r\n":
            at += 1
        return at

    def next(self, offset: int) -> int:
        """Where the line behind that of a place begins; the end of the text where there is none."""
        at = self.end(offset)
        if self.text.startswith("\r\n", at):
            return at + 2
        return min(at + 1, len(self.text))


def _simple(text: str) -> bool:
    """Whether `str.splitlines` sees the lines that YAML sees."""
    return text.isascii() and not any(mark in text for mark in "\x0b\x0c\x1c\x1d\x1e")


def _lines(text: str) -> list[str]:
    """The lines of a text with their ends."""
    import re

    return re.findall(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+", text)


def replace_file(path: str, data: bytes, expected: bytes) -> None:
    """Nothing; the file holds `data` instead of what was `expected`, or, on any error, what it held before.

    The new file is written beside the old one, of the same permissions, and takes its place when it is complete. Raises
    OSError; `FileChanged` where the file no longer holds what was expected.
    """
    target = os.path.realpath(path)
    with NamedTemporaryFile("wb", dir=os.path.dirname(target), prefix=".shapes-", delete=False) as file:  # noqa: PTH120
        try:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
            file.close()
            os.chmod(file.name, os.stat(target).st_mode & 0o7777)  # noqa: PTH101, PTH116
            with open(target, "rb") as now:  # noqa: PTH123
                if now.read() != expected:
                    raise FileChangedError(path)
            os.replace(file.name, target)  # noqa: PTH105
        except BaseException:
            os.unlink(file.name)  # noqa: PTH108
            raise


class FileChangedError(OSError):
    """The file was changed by somebody else after it was read."""
