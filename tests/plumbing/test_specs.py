"""Every spec in tests/specs says in comments what must be found, and where; nothing else may be found.

`# error: 30 [SP102]` at the end of a line: the code SP102, at column 30 of that line. `# error: 4:30 [SP102]` anywhere:
line 4, column 30 (for lines that cannot bear a comment). A spec without such a comment is a right one.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import shapecheck

SPECS = sorted((Path(__file__).parent.parent / "specs").glob("*.yaml"))
EXPECTED = re.compile(r"# (?:error|warning|note): (?:(\d+):)?(\d+) \[(SP\d{3})\]")


def expected(text: str) -> list[tuple[int, int, str]]:
    """Line, column and code of each finding that the comments announce."""
    return sorted(
        (int(line or number), int(column), code)
        for number, words in enumerate(text.splitlines(), start=1)
        for line, column, code in EXPECTED.findall(words)
    )


@pytest.mark.parametrize("path", SPECS, ids=lambda path: path.stem)
def test_a_spec_gives_the_findings_its_comments_announce_and_no_other(path: Path) -> None:
    """The findings of a spec, as (line, column, code), are those written in its comments."""
    report = shapecheck.check(path, verify=False)
    found = sorted((f.line or 0, f.column or 0, f.code) for f in report.diagnostics)
    assert found == expected(path.read_text(encoding="utf-8")), "\n".join(map(str, report.diagnostics))


@pytest.mark.parametrize("path", SPECS, ids=lambda path: path.stem)
def test_every_finding_has_a_hint(path: Path) -> None:
    """A finding says what would work, not only what is wrong."""
    for finding in shapecheck.check(path, verify=False).diagnostics:
        assert finding.hint, finding
