"""Reports and findings as text: a table for people, JSON for programs, Markdown and LaTeX for documents.

`RENDERERS` names the formats; each is a function from reports to pieces of text that are written one after the other,
so that a network of 10^5 layers needs no second copy of itself. `rows.py` makes the cells that all tables show.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from importlib import import_module
from typing import TypeAlias

from shapecheck.report import Report

Renderer: TypeAlias = Callable[[Iterable[Report]], Iterator[str]]

FORMATS = ("table", "json", "markdown", "latex")


def renderer(format: str) -> Renderer:
    """The function that puts reports into that format, loaded when it is asked for."""
    return import_module(f"shapecheck.render.{format}").render
