r"""What the command `derive` is made of: listing, showing, rechecking, the book, and what importing costs."""

from __future__ import annotations

import itertools
import re
import shutil
import subprocess
import sys

import pytest
import sympy as sp

from derive import THEOREMS, commands, semantics, theorem
from derive.blackboard import arrays, integers, total
from derive.kernel import Theorem
from derive.render import latex, text
from derive.render.notation import plain
from derive.table import CHAPTERS
from derive.terms import Iverson

n, k, p, s, h, i, j, a, b, c, t, d, n1, Delta = integers("n k p s h i j a b c t d n1 Delta")
W, X, V, U = arrays("W X V U")


def _modules_after(statement: str) -> set[str]:
    code = f"import sys; {statement}; print(*sys.modules)"
    return set(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split())


@pytest.mark.parametrize("statement", ["import derive", "from derive import commands; commands.listing()"])
def test_importing_and_listing_load_no_heavy_library(statement):
    """`import derive` and the list of theorems cost neither SymPy nor Z3 nor torch nor numpy."""
    assert not {"sympy", "z3", "torch", "numpy"} & _modules_after(statement)


def test_the_import_test_can_fail():
    """Asking for a theorem does load SymPy and Z3, so the test above would see them."""
    assert {"sympy", "z3"} <= _modules_after("import derive; derive.theorem('flip-1d')")


def test_reference_code_loads_no_torch_until_asked():
    """The loops of the lectures need nothing; only Conv2D loads torch."""
    assert not {"sympy", "torch", "numpy"} & _modules_after("from derive.reference import corr2d; corr2d([[1]], [[2]])")


def test_the_table_is_a_mapping():
    """Names in the order of the book; unknown ones say what is near."""
    assert list(THEOREMS) == [name for names in CHAPTERS.values() for name in names]
    assert len(THEOREMS) == len(list(THEOREMS))
    assert all(isinstance(THEOREMS[name], Theorem) for name in THEOREMS)
    assert "flip-2d" in THEOREMS
    assert "flip-4d" not in THEOREMS
    with pytest.raises(KeyError, match="did you mean"):
        theorem("flip-2")


def test_listing():
    """Every name with its title, under its chapter's."""
    listed = commands.listing()
    assert all(f"{name} " in listed and title in listed for names in CHAPTERS.values() for name, title in names.items())


@pytest.mark.parametrize("name", THEOREMS)
@pytest.mark.parametrize("format", commands.FORMATS)
def test_show(name, format):
    """Each theorem shows in each format, every line with its reason: in text every step has a line of its own."""
    shown = commands.show(name, format)
    steps = THEOREMS[name].steps
    reasons = [step.because for step in (steps if format == "text" else latex.lines(steps))]
    words = {"text": text.words, "latex": latex.words}.get(format)
    assert shown.endswith("\n") or format == "latex"
    if words:
        assert all(words(reason) in shown for reason in reasons)
    assert "Sum(" not in shown
    assert "Indexed" not in shown


def test_exchanges_in_a_row_are_one_line_on_a_page():
    """Bringing sums into another order is one line in LaTeX, and every exchange is there in text."""
    steps = next(part for part in THEOREMS["adjoint"].parts if part.name == "adjoint/2d").steps
    lines = latex.lines(steps)
    assert [step.rule for step in steps].count("swap") == 8
    assert [step.rule for step in lines].count("swap") == 2
    assert lines[0].before == steps[0].before
    assert lines[-1].after == steps[-1].after
    assert all(one.after == other.before for one, other in itertools.pairwise(lines))


def test_show_refuses_unknown_names_and_formats():
    """A wrong call says what would be right."""
    with pytest.raises(KeyError, match="flip-2d"):
        commands.show("flip2d")
    with pytest.raises(ValueError, match="'html'"):
        commands.show("flip-2d", "html")


def test_recheck_yields_one_line_a_theorem():
    """Name, None or the error, seconds; an unknown name is no failed proof but a wrong call."""
    assert [(name, error) for name, error, _ in commands.recheck(["flip-1d", "reindex"])] == [
        ("flip-1d", None),
        ("reindex", None),
    ]
    with pytest.raises(KeyError):
        list(commands.recheck(["nothing"]))


def test_recheck_reports_a_broken_theorem(monkeypatch):
    """A theorem that does not stand is reported, not raised, so that the others are checked too."""
    from dataclasses import replace

    from derive import table

    broken = replace(theorem("flip-1d"), rhs=sp.Integer(0))
    original = table.Theorems.__getitem__
    monkeypatch.setattr(table.Theorems, "__getitem__", lambda self, x: broken if x == "flip-1d" else original(self, x))
    (name, error, _), (_, fine, _) = commands.recheck(["flip-1d", "flip-3d"])
    assert name == "flip-1d"
    assert error
    assert "gap" in error
    assert fine is None


ORDER = [
    (X[i + a, j + b] * V[a, b], "[\\mathsf V]_{a,b} [\\mathsf X]_{i+a,j+b}"),
    (n - k + p + s, "n - k + p + s"),
    (n1 - 1 - i, "n_1 - 1 - i"),
    (h - 1 - c, "h - 1 - c"),
    (i - (h - 1) + c, "i - h + 1 + c"),
    (k - i, "k - i"),
    (i - t + a, "i - t + a"),
    (2 * Delta + 1, "2 \\Delta + 1"),
    (-Delta, "-\\Delta"),
    (i + d * a, "i + d a"),
    (sp.floor((n - k + p + s) / s), "\\left\\lfloor \\frac{n - k + p + s}{s} \\right\\rfloor"),
    (sp.Min(n, k), "\\min(k, n)"),
    (sp.KroneckerDelta(a - t, i), "\\delta_{a - t,\\,i}"),
    (Iverson(sp.Le(a, n)), "\\left[a \\le n\\right]"),
    ((n + 1) ** 2, "(n + 1)^{2}"),
    (
        U[i] + total(W[i, a, b] * X[a, b], (a, 0, n - 1), (b, 0, k)),
        "[\\mathsf U]_{i} + \\sum_{a=0}^{n - 1} \\sum_{b=0}^{k} [\\mathsf W]_{i,a,b} [\\mathsf X]_{a,b}",
    ),
]


@pytest.mark.parametrize(("term", "shown"), ORDER, ids=[plain(term) for term, _ in ORDER])
def test_the_order_of_a_textbook(term, shown):
    """Weights before inputs, position before offset, sizes before spans, numbers behind sizes, single sums nested."""
    assert latex.show(term) == shown


def test_sentences_keep_their_formulas():
    """Formulas between backticks become mathematics, special signs in the rest are escaped."""
    assert latex.words("put `k = i + a` in 100% & more") == "put $k = i + a$ in 100\\% \\& more"
    assert latex.words("`(2 n1 - 1)` `K[h-1-a, b] <= Delta`") == (
        "$(2 \\, n_{1} - 1)$ $[\\mathsf K]_{h-1-a, b} \\le  \\Delta $"
    )


def test_notebooks_show_mathematics():
    """A notebook gets an align it can set, or Markdown with formulas between dollar signs."""
    flip = theorem("flip-1d")
    assert flip._repr_latex_().startswith("\\begin{align*}")
    assert "$$" in flip._repr_markdown_()


def test_the_book_is_valid_latex(tmp_path):
    """The book compiles with pdflatex where there is one, without overfull lines, undefined commands or references."""
    document = commands.book()
    assert "??" not in document
    assert document.count("\\begin{theorem}") == len(THEOREMS)
    for environment in set(re.findall(r"\\begin\{(\w+\*?)\}", document)):
        assert document.count(f"\\begin{{{environment}}}") == document.count(f"\\end{{{environment}}}")
    braces = re.sub(r"\\[{}]", "", document)
    assert braces.count("{") == braces.count("}")
    if shutil.which("pdflatex") is None:
        return
    (tmp_path / "book.tex").write_text(document)
    call = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "book.tex"]
    for _ in range(2):
        run = subprocess.run(call, cwd=tmp_path, capture_output=True, text=True, errors="replace", check=False)
        assert run.returncode == 0, run.stdout[-2000:]
    for bad in ("Overfull", "Undefined control sequence", "undefined references", "multiply defined"):
        assert bad not in run.stdout, run.stdout
    pages = re.search(r"Output written on book.pdf \((\d+) pages", run.stdout)
    assert pages
    assert int(pages[1]) > len(THEOREMS)


def test_sympy_and_the_semantics_agree_where_ranges_are_in_order():
    """On sums of polynomials with ranges of length >= 0, the naive loops and SymPy's own doit give one number."""
    for low in range(-2, 3):
        for high in range(low - 1, 5):
            square = total(k**2 - 3 * k, (k, low, high))
            assert semantics.meaning(square)(semantics.environment({})) == square.doit()
    backwards = total(k**2, (k, 3, 0))
    assert semantics.meaning(backwards)(semantics.environment({})) == 0
    assert backwards.doit() == -(1 + 4)  # Karr's convention: why a reversed range is never accepted
