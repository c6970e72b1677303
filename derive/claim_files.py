r"""Claims files: a YAML list of claims, and their verdicts as a table.

Main definitions: `read` (text -> entries, or FileError), `table` (entries and verdicts -> lines).
An entry is a claim, or a mapping with `claim` and perhaps `where` (a condition or a list of them), `note` (a remark)
and `expect` (the verdict the author expects). YAML is read by `shapecheck.yaml_nodes`, which stops every hostile file.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from derive.claim_parser import ClaimError, parse
from derive.claims import PROVED, REFUTED, UNKNOWN, Verdict
from shapecheck.yaml_nodes import Entry, Node, YamlError
from shapecheck.yaml_nodes import read as read_yaml

KEYS = ("claim", "where", "note", "expect")


class FileError(ValueError):
    """What is wrong with a claims file, a line with its place for each fault."""


@dataclass(frozen=True)
class Claim:
    """One entry of a claims file, and the line it stands on."""

    claim: str
    where: tuple[str, ...] = ()
    note: str = ""
    expect: str = ""
    line: int = 0


def read(source: bytes | str, name: str) -> list[Claim]:
    r"""The entries of a claims file, all of them readable as claims; FileError with every fault.

    >>> read("- n <= n*s\n- {claim: n/s in Z, where: s | n}", "notes.yaml")[1].where
    ('s | n',)
    >>> read("- n <=", "notes.yaml")
    Traceback (most recent call last):
    derive.claim_files.FileError: notes.yaml:1:3: expected a number, a letter or a bracket, found the end
      n <=
          ^
    """
    try:
        root = read_yaml(source)
    except YamlError as error:
        raise FileError(f"{name}:{error.line}:{error.column}: {error.message}") from None
    if not isinstance(root.value, list) or not root.value:
        raise FileError(
            f"{name}:{root.mark.line}:{root.mark.column}: a claims file is a list: a dash before each claim"
        )
    entries: list[Claim] = []
    faults: list[str] = []
    for node in root.value:
        try:
            entries.append(_entry(node))
        except _Fault as fault:
            faults.append(f"{name}:{fault.node.mark.line}:{fault.node.mark.column}: {fault}")
    if faults:
        raise FileError("\n".join(faults))
    return entries


class _Fault(ValueError):
    def __init__(self, node: Node, message: str) -> None:
        super().__init__(message)
        self.node = node


def _entry(node: Node) -> Claim:
    if not isinstance(node.value, dict):
        return Claim(_formula(node, True), line=node.mark.line)
    given: dict[str, Entry] = node.value
    for key in given:
        if key not in KEYS:
            raise _Fault(given[key].key, f"there is no key {key!r}; there are {', '.join(KEYS)}")
    if "claim" not in given:
        raise _Fault(node, "the key claim is missing")
    where = given["where"].value if "where" in given else Node([], node.mark)
    conditions = where.value if isinstance(where.value, list) else [where]
    expect = _text(given["expect"].value) if "expect" in given else ""
    if expect not in ("", PROVED, REFUTED, UNKNOWN):
        raise _Fault(given["expect"].value, f"expect is {PROVED}, {REFUTED} or {UNKNOWN}, not {expect!r}")
    return Claim(
        _formula(given["claim"].value, True),
        tuple(_formula(condition, False) for condition in conditions),
        _text(given["note"].value) if "note" in given else "",
        expect,
        node.mark.line,
    )


def _text(node: Node) -> str:
    if node.text is None:
        raise _Fault(node, "a text is expected here, not a list or a mapping")
    return node.text


def _formula(node: Node, claim: bool) -> str:
    try:
        parse(_text(node), claim=claim)
    except ClaimError as error:
        raise _Fault(node, str(error)) from None
    return _text(node)


def table(entries: Sequence[Claim], verdicts: Iterable[Verdict]) -> Iterator[str]:
    """A line for each claim as it is judged, its remarks below, and a count at the end."""
    counts = dict.fromkeys((PROVED, REFUTED, UNKNOWN), 0)
    surprises = 0
    for entry, verdict in zip(entries, verdicts, strict=True):
        counts[verdict.verdict] += 1
        surprise = entry.expect not in ("", verdict.verdict)
        surprises += surprise
        where = f"   where {', '.join(entry.where)}" if entry.where else ""
        mark = f"   NOT AS EXPECTED: {entry.expect}" if surprise else ""
        yield f"{verdict.verdict:<8} {entry.line:>4}  {' '.join(entry.claim.split())}{where}{mark}"
        for remark in _remarks(entry, verdict):
            yield f"{'':<15}{remark}"
    yield ""
    counted = ", ".join(f"{count} {name}" for name, count in counts.items())
    expected = any(entry.expect for entry in entries)
    yield counted + (f"; {surprises or 'none'} against expectation" if expected else "")


def _failure(verdict: Verdict) -> str:
    """The last comparison that is false, or else the last of all."""
    lines = [line.strip() for line in verdict.sides]
    return next((line for line in reversed(lines) if line.endswith(" is false")), lines[-1])


def _remarks(entry: Claim, verdict: Verdict) -> Iterator[str]:
    if entry.note:
        yield entry.note
    if verdict.counterexample:
        at = ", ".join(f"{name} = {value}" for name, value in verdict.counterexample.items())
        yield f"fails at {at}: {_failure(verdict)}"
    elif verdict.verdict == REFUTED:
        yield _failure(verdict)
    elif verdict.verdict == UNKNOWN:
        yield verdict.because
    yield from verdict.hints
