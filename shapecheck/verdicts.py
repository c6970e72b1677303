"""What verification may find, as findings: codes SP401 to SP407, and how torch's words are put into the others.

A disagreement between prediction and torch is a bug of this project; its finding holds what the authors need to know.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from importlib.metadata import PackageNotFoundError, metadata
from typing import Any

from shapecheck.costs import Cost
from shapecheck.diagnostics import Diagnostic
from shapecheck.layers.base import shape_text
from shapecheck.report import Row

MOST_WORDS = 240  # characters of torch's message that are quoted


def words_of(error: BaseException) -> str:
    """What an exception says: its first line that says something, cleaned and cut.

    >>> words_of(RuntimeError("  mat1 and mat2   do not fit\\n(a trace)")), words_of(KeyError())
    ('mat1 and mat2 do not fit', 'KeyError')
    """
    lines = [" ".join(line.split()) for line in str(error).splitlines()]
    first = next((line for line in lines if line), type(error).__name__)
    return first if len(first) <= MOST_WORDS else first[: MOST_WORDS - 1] + "…"


def quoting(finding: Diagnostic, words: str) -> Diagnostic:
    """The finding with torch's words in its message and its facts."""
    return finding._replace(message=f"{finding.message}; torch says: {words}", facts={**finding.facts, "torch": words})


def no_torch(error: ImportError, file: str | None) -> Diagnostic:
    """SP403: there is no referee; a note."""
    words = words_of(error)
    hint = "pip install 'shapeproof[torch]' brings the referee"
    return Diagnostic(
        "SP403", f"not verified: torch cannot be imported ({words})", "note", file, hint=hint, facts={"torch": words}
    )


def no_cuda(version: str, file: str | None) -> Diagnostic:
    """SP404: CUDA is asked for where there is none."""
    return Diagnostic("SP404", f"not verified: torch {version} finds no CUDA device", file=file, hint="--device auto")


def too_large(need: Cost, limit: str, device: str, severity: str, file: str | None) -> Diagnostic:
    """SP402: the network is refused by the device, and not swapped for another; `limit` says what is exceeded."""
    hint = None if device == "meta" else "--device meta needs no memory and no arithmetic"
    facts = {"bytes": need.memory, "macs": need.work, "cells": need.largest, "device": device}
    return Diagnostic("SP402", f"not verified: {limit}", severity, file, hint=hint, facts=facts)


def stood_in(sizes: Mapping[str, int], fits: bool, file: str | None) -> Diagnostic:
    """SP406: the numbers that stood in for open names; a note."""
    text = ", ".join(f"{name} = {size}" for name, size in sizes.items())
    if fits:
        message = f"{_listed(sizes)} left open: torch was asked with {text}; other sizes are predicted, not checked"
        hint = f"to check others: {' '.join(f'--size {name}=...' for name in sizes)}"
        return Diagnostic("SP406", message, "note", file, hint=hint, facts=dict(sizes))
    message = f"not verified: no sizes were found at which every layer fits; the best of those tried: {text}"
    hint = "give the sizes: " + " ".join(f"--size {name}=..." for name in sizes)
    return Diagnostic("SP406", message, "note", file, hint=hint, facts=dict(sizes))


def _listed(names: Iterable[str]) -> str:
    """The names in words, with their verb.

    >>> _listed(["N"]), _listed(["N", "H", "W"])
    ('N is', 'N, H and W are')
    """
    *others, last = names
    return f"{', '.join(others)} and {last} are" if others else f"{last} is"


def other_tensor(row: Row, words: str) -> Diagnostic:
    """SP405: torch refuses a tensor for its layout or type, and takes a new one of the same shape."""
    hint = "inplace: false" if getattr(row.layer, "inplace", False) else None
    if type(row.layer).__name__ == "View":
        hint = "Reshape takes a tensor that does not lie in one piece"
    return quoting(Diagnostic("SP405", "torch refuses this tensor, though not its shape", hint=hint), words)


def meta_differs(words: str, asked: bool) -> Diagnostic:
    """SP407: torch's meta device does not do what its CPU does; a note on who was asked instead."""
    rest = "the layer was compared on the CPU" if asked else "not verified: the layer is too large to ask the CPU"
    return Diagnostic("SP407", f"torch's meta device says otherwise ({words}); {rest}", "note", facts={"torch": words})


def bug(row: Row, message: str, facts: Mapping[str, Any], versions: Mapping[str, str | None]) -> Diagnostic:
    """SP401: prediction and torch disagree, with all that a report of the bug needs."""
    layer = row.layer
    arguments = dict(row.node.given) if layer is None else {**layer.arguments(), **layer.forward_arguments()}
    call = f"{row.type}({', '.join(f'{name}={value!r}' for name, value in arguments.items())})"
    told = ", ".join(f"{name} {version or '(not installed)'}" for name, version in versions.items())
    inputs = ", ".join(map(shape_text, row.inputs))
    hint = f"this is a bug of shapeproof: please report it {tracker()} with this line: {told}; {call} on {inputs}"
    facts = {**facts, "type": row.type, "arguments": arguments, "inputs": row.inputs, "versions": versions}
    return Diagnostic("SP401", message, hint=hint, facts=facts)


def tracker() -> str:
    """Where to report: the issue tracker that the package's metadata name."""
    try:
        links: Sequence[str] = metadata("shapeproof").get_all("Project-URL") or []
    except PackageNotFoundError:
        links = []
    urls = [link.partition(", ")[2] for link in links if link.lower().startswith(("issues", "bug"))]
    return f"at {urls[0]}" if urls else "to the project's issue tracker"


def release() -> str | None:
    """The version of shapeproof that is installed, if it is."""
    try:
        return metadata("shapeproof")["Version"]
    except PackageNotFoundError:
        return None
