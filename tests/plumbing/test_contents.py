"""tests/README.md is the table of contents of the book: each chapter with its question, as the chapter itself asks it.

`python -m tests.plumbing.test_contents` writes the list anew.
"""

from __future__ import annotations

import ast
import re
from pathlib import Path

TESTS = Path(__file__).parent.parent
README = TESTS / "README.md"
BEGIN, END = "<!-- chapters -->\n", "<!-- end of chapters -->"


def question(path: Path) -> str:
    """The question a chapter asks: the first line of its docstring."""
    words = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    asked = re.sub(r"\s+", " ", words.partition("\n\n")[0]).removeprefix("Question: ")
    return asked[:1].upper() + asked[1:]


def theorems(path: Path) -> list[str]:
    """What the chapter's tests state, a sentence a test, in order."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    tests = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")]
    stated = sorted(tests, key=lambda node: node.lineno)
    return [(ast.get_docstring(node) or "").partition("\n\n")[0].replace("\n", " ") for node in stated]


def chapters() -> list[Path]:
    """The chapters in reading order."""
    return sorted((TESTS / "book").glob("test_*.py"))


def contents() -> str:
    """The list of chapters as Markdown."""
    lines = []
    for path in chapters():
        number = path.stem.split("_")[1].lstrip("0")
        count = len(theorems(path))
        lines.append(f"- **{number}.** [{question(path)}](book/{path.name}) ({count} theorems)")
    return "\n".join(lines) + "\n"


def test_the_table_of_contents_is_the_book() -> None:
    """tests/README.md lists every chapter with the question it asks and how many theorems it proves."""
    text = README.read_text(encoding="utf-8")
    assert text[text.index(BEGIN) + len(BEGIN) : text.index(END)] == contents()


def test_every_theorem_is_a_sentence() -> None:
    """A test of the book has a docstring that states what it proves."""
    for path in chapters():
        assert "?" in question(path), path.name
        for sentence in theorems(path):
            assert sentence.rstrip().endswith((".", "?", ")", "`", ":")), (path.name, sentence)


if __name__ == "__main__":
    page = README.read_text(encoding="utf-8")
    README.write_text(page[: page.index(BEGIN) + len(BEGIN)] + contents() + page[page.index(END) :], encoding="utf-8")
