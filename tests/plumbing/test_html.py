"""What a notebook shows for a report: the table, and the findings beneath; no text of a spec becomes markup."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import Any

import pytest

import shapecheck
from shapecheck.render import html
from shapecheck.report import Report


class Page(HTMLParser):
    """The tags of a page, which must be closed in order, and its text by tag."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.open: list[str] = []
        self.texts: list[tuple[str, str]] = []
        self.feed(text)
        self.close()
        assert not self.open

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        """A tag opened; only those of tables and lists, without anything that runs."""
        assert tag in {"div", "p", "b", "br", "table", "thead", "tbody", "tr", "th", "td", "ul", "li"}, tag
        assert {name for name, _ in attrs} <= {"style", "colspan"}
        self.tags.append(tag)
        if tag != "br":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        """A tag closed: the one opened last."""
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        """Text."""
        if data.strip():
            self.texts.append((self.open[-1] if self.open else "", data.strip()))

    def of(self, tag: str) -> list[str]:
        """The texts in a tag."""
        return [text for where, text in self.texts if where == tag]


def report_of(*layers: Any, shape: Any = ("N", 3, 8, 8), **top: Any) -> Report:
    """The predicted report of a chain."""
    return shapecheck.check({"input": list(shape), "layers": list(layers), **top}, verify=False)


def test_a_report_is_a_table_in_a_notebook() -> None:
    """Name, input, a row a layer, totals and the open sizes stand in the page."""
    page = Page(report_of({"Conv2d": [3, 8, 3]}, "Flatten", name="small")._repr_html_())
    assert page.of("b") == ["small"]
    assert page.of("th")[:3] == ["layer", "type", "output"]
    assert page.of("td")[:3] == ["conv2d_1", "Conv2d", "[N, 8, 6, 6]"]
    assert any("224 parameters" in text for text in page.of("p"))
    assert any("N is left open" in text for text in page.of("p"))
    assert "ul" not in page.tags


def test_findings_stand_beneath() -> None:
    """Each finding is an entry with its hint."""
    page = Page(report_of({"Linear": {"in_features": 5, "out_features": 2}})._repr_html_())
    assert any("SP303" in text for text in page.of("li"))
    assert "hint: in_features: 8" in page.of("li")


@pytest.mark.parametrize("text", ["<script>alert(1)</script>", "a & b", '"><img src=x onerror=y>', "\x1b[31m</td>"])
def test_no_text_becomes_markup(text: str) -> None:
    """Names of networks and whatever a message quotes are shown as they are."""
    page = Page(report_of({"ReLU": None}, {text: 3}, name=text)._repr_html_())
    assert len(page.of("b")) == 1
    assert "\x1b" not in "".join(words for _, words in page.texts)


def test_a_long_network_is_cut_in_the_middle() -> None:
    """Of more rows than a page holds the first and the last stand there, and the number left out is told."""
    count = html.MOST + 7
    page = Page(report_of({"ReLU": None, "repeat": count}, "Flatten")._repr_html_())
    assert page.tags.count("tr") == html.MOST + 2
    assert any("8 more" in text for text in page.of("td"))
    assert "flatten_1" in page.of("td")
    assert page.of("td")[0].startswith("relu")
