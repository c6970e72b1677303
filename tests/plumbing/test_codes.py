"""Every code has its page, and every page tells the truth: its wrong spec gives the code, its right one nothing at all.

Main results: the table is complete and holds nothing else; each page's specs are run, with torch where it takes torch.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import shapecheck
from shapecheck.codes import CODES, GROUPS, Page
from shapecheck.layers import LAYERS
from shapecheck.render import explain
from shapecheck.report import Report

SOURCE = Path(__file__).parents[2] / "shapecheck"
CODE = re.compile(r"\"(SP\d{3})\"")
WITH_SPEC = sorted(code for code, page in CODES.items() if page.wrong)


def used_codes() -> dict[str, str]:
    """The codes that stand in the source beside the table, each with a file that uses it."""
    files = [path for path in SOURCE.rglob("*.py") if path.name != "codes.py"]
    return {code: path.name for path in files for code in CODE.findall(path.read_text(encoding="utf-8"))}


def test_every_code_in_use_has_a_page():
    """No code can be printed that `shapes explain` does not know."""
    assert {code: file for code, file in used_codes().items() if code not in CODES} == {}


def test_every_page_is_of_a_code_in_use():
    """No page speaks of a code that nothing gives."""
    assert [code for code in CODES if code not in used_codes()] == []


def test_the_table_is_in_order_and_in_groups():
    """Codes stand in the order of their numbers, and each belongs to a named group."""
    assert list(CODES) == sorted(CODES)
    assert {code[:3] for code in CODES} == set(GROUPS)


@pytest.mark.parametrize("code", CODES)
def test_a_page_is_whole(code):
    """A page has a title, a meaning, and either a wrong and a right spec or words that say how it comes about."""
    page = CODES[code]
    assert page.title
    assert page.meaning.endswith(".")
    assert bool(page.wrong) == bool(page.right) != bool(page.words)


def run(tmp_path: Path, page: Page, spec: str, call: str) -> Report:
    """The report of a page's spec, called as the page says."""
    path = tmp_path / "net.yaml"
    path.write_text(spec, encoding="utf-8")
    device = call.partition("--device ")[2].partition(" ")[0] or "auto"
    return shapecheck.check(path, sizes=explain.sizes_of(call), verify=page.verify, device=device)


@pytest.mark.parametrize("code", WITH_SPEC)
def test_the_wrong_spec_gives_the_code(code, tmp_path):
    """What a page calls wrong is found under that page's code, and under no other."""
    page = CODES[code]
    report = run(tmp_path, page, page.wrong, page.wrong_call)
    assert {finding.code for finding in report.diagnostics} == {code}, "\n".join(map(str, report.diagnostics))


@pytest.mark.parametrize("code", WITH_SPEC)
def test_the_right_spec_gives_nothing(code, tmp_path):
    """What a page calls right has no finding of any kind."""
    page = CODES[code]
    report = run(tmp_path, page, page.right, page.right_call)
    assert report.diagnostics == ()
    assert report.rows


def test_every_layer_of_the_pages_is_in_the_catalogue():
    """The specs of the pages use layers that exist, except where the page is about one that does not."""
    words = {
        word
        for code, page in CODES.items()
        if code != "SP101"
        for word in re.findall(r"[A-Z]\w+\d?d?(?=:)", page.right)
    }
    assert words - set(LAYERS) - {"Sequential", "Residual", "Branches", "Deep", "Wide"} == set()


@pytest.mark.parametrize("code", WITH_SPEC)
def test_the_page_shows_the_finding(code):
    """`explain` prints the finding that the wrong spec gives, with its place, unless only torch finds it."""
    shown = "".join(explain.page(code))
    place = "net.yaml: " if CODES[code].wrong_call and "where" not in CODES[code].wrong else "net.yaml:"
    assert (f"  {place}" in shown and f" {code} " in shown) != CODES[code].verify


def test_the_listing_names_every_code():
    """`shapes explain` alone lists all codes, each with its title."""
    shown = "".join(explain.listing())
    assert all(f"{code}  {page.title}" in shown for code, page in CODES.items())
