"""Every spec in tests/specs says in comments what must be found, and where; nothing else may be found.

`# error: 30 [SP102]` at the end of a line: the code SP102, at column 30 of that line. `# error: 4:30 [SP102]` anywhere:
line 4, column 30 (for lines that cannot bear a comment). A spec without such a comment is a right one. Each opens with
a comment that says what it teaches, and together they provoke every code that a spec can (`ELSEWHERE` has the others).
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import shapecheck
from shapecheck.codes import CODES

SPECS = sorted((Path(__file__).parent.parent / "specs").glob("*.yaml"))
EXPECTED = re.compile(r"# (?:error|warning|note): (?:(\d+):)?(\d+) \[(SP\d{3})\]")

ELSEWHERE = {  # codes that no spec can provoke by itself, and the tests that provoke them
    "SP001": "test_specs.py",  # a spec that cannot be read bears no comment
    **dict.fromkeys(("SP401", "SP402", "SP403", "SP404", "SP405", "SP406", "SP407"), "test_torch_oracle.py"),
    **dict.fromkeys(("SP501", "SP502", "SP503"), "test_specs.py"),  # of the sizes in a call
    **dict.fromkeys(("SP601", "SP602", "SP603"), "../book/test_50_graphs.py"),  # of models that are code
    **dict.fromkeys(("SP604", "SP605"), "test_module_cli.py"),
    **dict.fromkeys(("SP610", "SP611", "SP612", "SP613"), "../book/test_51_live_modules.py"),
    **dict.fromkeys(("SP801", "SP802", "SP803", "SP804", "SP805", "SP806"), "../book/test_44_coverage.py"),  # advice
    **dict.fromkeys(
        ("SP701", "SP702", "SP703", "SP710", "SP711", "SP712", "SP713"), "../book/test_52_onnx.py"
    ),  # of files of ONNX
}


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


def test_every_code_has_its_spec() -> None:
    """A code stands in the comments of some spec, or among those that no spec can provoke, never in both."""
    provoked = {code for path in SPECS for _, _, code in expected(path.read_text(encoding="utf-8"))}
    assert provoked | ELSEWHERE.keys() == CODES.keys()
    assert provoked & ELSEWHERE.keys() == set()


@pytest.mark.parametrize(("code", "file"), ELSEWHERE.items())
def test_a_code_without_a_spec_is_tested_elsewhere(code: str, file: str) -> None:
    """The tests that are said to provoke a code speak of it outside of lists like the one above."""
    text = (Path(__file__).parent / file).read_text(encoding="utf-8")
    assert text.count(f'"{code}"') > (file == Path(__file__).name)


@pytest.mark.parametrize("path", SPECS, ids=lambda path: path.stem)
def test_a_spec_says_what_it_teaches(path: Path) -> None:
    """The first line of a spec is a sentence about it."""
    first = path.read_text(encoding="utf-8").partition("\n")[0]
    assert re.fullmatch(r"# [A-Z].*\.", first)


def test_a_spec_that_is_not_there_is_a_finding(tmp_path: Path) -> None:
    """A file that cannot be read is SP001, with no line to point to."""
    (finding,) = shapecheck.check(tmp_path / "lenett.yaml", verify=False).diagnostics
    assert (finding.code, finding.line) == ("SP001", None)


@pytest.mark.parametrize(("sizes", "code"), [({"h": 32}, "SP501"), ({"H": -1}, "SP502"), ({"H": 7}, "SP503")])
def test_the_sizes_of_a_call_are_findings_too(sizes: dict[str, int], code: str) -> None:
    """A name that the network does not have is SP501, a number that is no size SP502, one that breaks `where` SP503."""
    network = {"input": ["N", 3, "H", 8], "where": ["H % 2 == 0"], "layers": ["ReLU"]}
    assert [finding.code for finding in shapecheck.check(network, sizes, verify=False).diagnostics] == [code]
