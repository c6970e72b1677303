"""Where torch's meta device and its CPU differ in what they accept, as a table: the CPU is right.

The cases are the judge's; a row is a kind of difference (the two outcomes and the refusal's words without numbers) with
the types it was found for and its smallest example. `python -m tests.parity --meta --all` prints it as Markdown.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any

from tests.parity.draw import Case
from tests.parity.judge import cases, spell, wordless
from tests.parity.workers import TORCH, Worker


@dataclass
class Difference:
    """A kind of difference: its smallest example, both outcomes, the types it was found for, how often."""

    case: Case
    cpu: dict[str, Any]
    meta: dict[str, Any]
    types: set[str] = field(default_factory=set)
    count: int = 0


def kind_of(cpu: dict[str, Any], meta: dict[str, Any]) -> str:
    """What differences of one kind share."""
    words = wordless((cpu if "words" in cpu else meta).get("words", ""))
    return f"{cpu['outcome']}/{meta['outcome']} {words}"


def differences(kinds: Iterable[str], draws: int, seed: int) -> list[Difference]:
    """The kinds of difference between the two devices, the most frequent first."""
    found: dict[str, Difference] = {}
    with closing(Worker(*TORCH)) as worker:
        for case in (case for kind in kinds for case in cases(kind, draws, seed)):
            data = case.to_json()
            cpu, meta = worker.ask(data), worker.ask({**data, "device": "meta"})
            if not differ(cpu, meta):
                continue
            row = found.setdefault(kind_of(cpu, meta), Difference(case, cpu, meta))
            row.types.add(case.type)
            row.count += 1
            if len(str(case)) < len(str(row.case)):
                row.case, row.cpu, row.meta = case, cpu, meta
    return sorted(found.values(), key=lambda row: -row.count)


def differ(cpu: dict[str, Any], meta: dict[str, Any]) -> bool:
    """Whether the two devices give different outcomes or shapes."""
    verdict = "too-large" not in (cpu["outcome"], meta["outcome"])
    return verdict and (cpu["outcome"], cpu.get("shape")) != (meta["outcome"], meta.get("shape"))


def table(rows: list[Difference], version: str, draws: int) -> str:
    """The differences as a Markdown table."""
    lines = [
        f"torch {version}, {draws} draws a type; the CPU is right.",
        "",
        "| found | types | example | CPU | meta |",
        "|---|---|---|---|---|",
    ]
    for row in rows:
        arguments = ", ".join(f"{name}={value!r}" for name, value in row.case.args.items())
        example = f"`{row.case.type}({arguments})` on `{', '.join(map(str, row.case.shapes))}`"
        example += "" if row.case.training else " in evaluation"
        both = (spell(outcome)[:90].replace("|", "/") for outcome in (row.cpu, row.meta))
        lines.append(f"| {row.count} | {', '.join(sorted(row.types))} | {example} | {' | '.join(both)} |")
    return "\n".join(lines)
