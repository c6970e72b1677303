"""Do the hints mend? A hint `argument: value` is put into the arguments, and the layer must take its input.

The refusals are the parity judge's: its cases were made for trouble, so that several faults often stand in one layer.
Hints are then followed one after the other, as a user would; a chain ends where the layer takes its input, or at a
fault that no argument mends, like an input of the wrong rank. Main results: a hint mends the fault it is given for,
nearly every chain ends well, and torch agrees. `python -m tests.plumbing.test_hints` prints the shares, code by code.
"""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

import shapecheck
from shapecheck.diagnostics import Diagnostic, ShapeError
from shapecheck.layers import LAYERS, LAZY
from shapecheck.layers.base import signature
from shapecheck.yaml_nodes import plain, read
from tests.conftest import DRAWS
from tests.parity.catalogue import DRAWERS, draw_case
from tests.parity.draw import Case
from tests.parity.judge import Judge, wordless

BROKEN = Path(__file__).parents[2] / "examples" / "broken"
SEED = int(os.environ.get("SHAPEPROOF_SEED", "0"))
LONGEST = 6  # hints that one layer may need, one after the other
HINT = re.compile(r"(\w+): (.+)")


def values(hint: str | None) -> dict[str, Any]:
    """The values that a hint names, `argument: value, argument: value`; none where it is written in words.

    >>> values("padding: [1, 0], groups: 1"), values("did you mean stride?")
    ({'padding': (1, 0), 'groups': 1}, {})
    """
    parts = [HINT.fullmatch(part) for part in re.split(r"(?:, | and )(?=\w+: )", hint or "")]
    if not all(parts):
        return {}
    return {part[1]: as_tuple(plain(read(part[2]))) for part in parts if part}


def as_tuple(value: Any) -> Any:
    """Lists as tuples, all the way down."""
    return tuple(map(as_tuple, value)) if isinstance(value, list) else value


def applicable(case: Case, finding: Diagnostic) -> dict[str, Any]:
    """What a finding's hint would have the arguments be, where it speaks of arguments."""
    if finding.code in ("SP102", "SP104"):  # names that are unknown or missing: nobody knows the value
        return {}
    return values(finding.hint)


def refused(case: Case) -> Diagnostic | None:
    """Why a case is refused; None where it is not."""
    try:
        shapecheck.output_shape(case.type, *case.shapes, training=case.training, **case.args)
    except ShapeError as error:
        return error.diagnostics[0]
    return None


@dataclass
class Chain:
    """A refused case, the findings whose hints were followed, and what it came to; `end` is None where it is taken."""

    case: Case
    followed: list[Diagnostic] = field(default_factory=list)
    mended: Case | None = None
    end: Diagnostic | None = None

    def __str__(self) -> str:
        """The story, a line a step."""
        steps = [f"{finding.code} {finding.message}   hint: {finding.hint}" for finding in self.followed]
        return "\n".join(
            [str(self.case), *steps, "taken" if self.end is None else f"{self.end.code} {self.end.message}"]
        )


def follow(case: Case, finding: Diagnostic) -> Chain:
    """The chain of hints from a refusal."""
    chain = Chain(case, mended=case, end=finding)
    while chain.end is not None and chain.mended is not None and len(chain.followed) < LONGEST:
        changes = applicable(case, chain.end)
        if not changes:
            break
        chain.followed.append(chain.end)
        chain.mended = replace(chain.mended, args={**chain.mended.args, **changes})
        chain.end = refused(chain.mended)
    return chain


def chains(draws: int, seed: int = SEED) -> Iterator[Chain]:
    """The chains of all refusals among so many draws a type."""
    for kind in DRAWERS:
        for index in range(draws):
            case = draw_case(kind, seed, index)
            finding = refused(case)
            if finding is not None:
                yield follow(case, finding)


@pytest.fixture(scope="module")
def found(draws: int) -> list[Chain]:
    """The chains of this run."""
    return list(chains(draws))


def test_a_hint_names_arguments_of_its_layer(found: list[Chain]) -> None:
    """What stands before the colon is an argument that the layer has, and that its Lazy twin may be given."""
    for chain in found:
        cls = LAYERS[chain.case.type]
        lazy = cls.inferred if chain.case.type in LAZY else ()
        for finding in [*chain.followed, *filter(None, [chain.end])]:
            for name in applicable(chain.case, finding):
                assert name in signature(cls).known, chain
                assert name not in lazy, chain


def test_a_hint_mends_the_fault_it_is_given_for(found: list[Chain]) -> None:
    """Once a hint is followed, the same finding about the same argument does not come back at once."""
    for chain in found:
        faults = [
            (finding.code, finding.argument, wordless(finding.message))
            for finding in [*chain.followed, *filter(None, [chain.end])]
        ]
        assert all(one != next_one for one, next_one in pairwise(faults)), chain


def test_hints_lead_to_an_end(found: list[Chain]) -> None:
    """Following hints ends, after a few of them, with no fault or with one that has no such hint."""
    for chain in found:
        assert chain.end is None or not applicable(chain.case, chain.end), chain


def test_most_chains_end_well(found: list[Chain]) -> None:
    """Nine of ten layers with such a hint take their input in the end; the others' inputs are at fault as well."""
    hinted = [chain for chain in found if chain.followed]
    well = [chain for chain in hinted if chain.end is None]
    assert len(hinted) > len(found) // 2
    assert len(well) >= 0.9 * len(hinted), shares(found)


def test_torch_takes_what_the_hints_made(found: list[Chain]) -> None:
    """Torch, asked about layers that were mended by hints, takes them, and their shape is the predicted one."""
    mended = [chain for chain in found if chain.followed and chain.end is None]
    with Judge() as judge:
        for chain in mended[:: max(1, len(mended) // DRAWS)]:
            assert chain.mended is not None
            torch, ours = judge.ask(chain.mended)
            if torch["outcome"] != "too-large":
                assert (torch["outcome"], torch.get("shape")) == ("ok", ours["shape"]), chain


@pytest.mark.parametrize("name", ["linear", "window"])
def test_the_hint_of_a_broken_example_mends_the_file(name: str, tmp_path: Path) -> None:
    """The finding's hint, written into the YAML where the finding points, makes the network pass."""
    text = (BROKEN / f"{name}.yaml").read_text(encoding="utf-8")
    path = tmp_path / "net.yaml"
    path.write_text(text, encoding="utf-8")
    (finding,) = shapecheck.check(path, verify=False).diagnostics
    path.write_text(applied(text, finding), encoding="utf-8")
    assert shapecheck.check(path, verify=False).diagnostics == ()


def applied(text: str, finding: Diagnostic) -> str:
    """The text with a finding's hint on its line: in place of the argument's value, or as one more argument."""
    assert finding.hint is not None
    assert finding.line is not None
    lines = text.splitlines()
    line = lines[finding.line - 1]
    assert values(finding.hint), finding
    for name, value in (part.split(": ", 1) for part in re.split(r", (?=\w+: )", finding.hint)):
        there = re.compile(rf"\b{name}: (\[[^\]]*\]|[^,}}]+)")
        if there.search(line):
            line = there.sub(f"{name}: {value}", line)
        else:
            line = line.replace("}", f", {name}: {value}}}", 1)
    return "\n".join([*lines[: finding.line - 1], line, *lines[finding.line :]]) + "\n"


def test_a_hint_that_does_not_mend_is_noticed() -> None:
    """The judge of hints can say no: a hint for another argument leaves the fault where it was."""
    case = Case("Conv2d", {"in_channels": 3, "out_channels": 8, "kernel_size": 3}, ((1, 4, 8, 8),))
    finding = refused(case)
    assert finding is not None
    chain = follow(case, finding._replace(hint="stride: 2"))
    assert [finding.argument for finding in chain.followed] == ["in_channels", "in_channels"]
    assert follow(case, finding).end is None


def shares(found: list[Chain]) -> str:
    """A line a code: refusals, those whose hint can be applied, those that end well, and after how many hints."""
    codes = Counter(chain_code(chain) for chain in found)
    lines = ["code   refusals  applicable  end well  hints needed"]
    for code in sorted(codes):
        own = [chain for chain in found if chain_code(chain) == code]
        hinted = [chain for chain in own if chain.followed]
        well = [chain for chain in hinted if chain.end is None]
        steps = sorted(Counter(len(chain.followed) for chain in well).items())
        told = ", ".join(f"{count} x {number}" for number, count in steps)
        lines.append(f"{code}  {len(own):8}  {len(hinted):10}  {len(well):8}  {told}")
    return "\n".join(lines)


def chain_code(chain: Chain) -> str:
    """The code of the first finding."""
    first = chain.followed[0] if chain.followed else chain.end
    assert first is not None
    return first.code


if __name__ == "__main__":
    print(shares(list(chains(DRAWS))))
