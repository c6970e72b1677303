r"""The table of theorems: which name is proved in which chapter.

Main definitions: `THEOREMS`, a mapping from names to theorems that derives a chapter when it is first asked for, and
`theorem`. A chapter is a module of `derive.theorems` with a function `chapter()` that answers its theorems; adding a
theorem is one row here and one entry there. Names, chapters and titles can be listed without loading SymPy.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from derive.kernel import Theorem

CHAPTERS: dict[str, tuple[str, ...]] = {
    "fc_to_conv": (
        "reindex",
        "translation-equivariance",
        "equivariance-converse",
        "locality",
        "fc-to-conv",
    ),
    "flip": ("flip-1d", "flip-2d", "flip-3d", "flip-nd"),
}


@functools.cache
def _chapter(module: str) -> dict[str, Theorem]:
    """The theorems of a chapter by name; each must be in the table and the other way round."""
    theorems = {theorem.name: theorem for theorem in import_module(f"derive.theorems.{module}").chapter()}
    if set(theorems) != set(CHAPTERS[module]):
        raise LookupError(f"chapter {module} proves {sorted(theorems)}, the table says {sorted(CHAPTERS[module])}")
    return theorems


class Theorems(Mapping[str, "Theorem"]):
    """All theorems by name, in the order of the book; a chapter is derived when first asked for."""

    def __getitem__(self, name: str) -> Theorem:
        return _chapter(self.chapter(name))[name]

    def __iter__(self) -> Iterator[str]:
        return (name for names in CHAPTERS.values() for name in names)

    def __len__(self) -> int:
        return sum(map(len, CHAPTERS.values()))

    def __contains__(self, name: object) -> bool:
        return any(name in names for names in CHAPTERS.values())

    def chapter(self, name: str) -> str:
        """The chapter that proves a theorem; KeyError with the nearest names where there is none."""
        for module, names in CHAPTERS.items():
            if name in names:
                return module
        import difflib

        near = difflib.get_close_matches(name, list(self), 3, 0.4)
        raise KeyError(f"no theorem {name!r}" + (f"; did you mean {', '.join(near)}?" if near else ""))


THEOREMS = Theorems()


def theorem(name: str) -> Theorem:
    """The theorem of that name; KeyError where there is none."""
    return THEOREMS[name]
