r"""A theorem as LaTeX: the statement, its hypotheses, and an align with a reason on each line.

Main definitions: `show` for a term, `theorem` for a theorem with its parts, `chain` for the align alone, `book` for a
document of many. What it needs: amsmath, amssymb, amsthm, graphicx.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from typing import ClassVar

import sympy as sp

from derive.kernel import Step, Theorem
from derive.render import plot
from derive.render.notation import Printer, factors, heading, joined, plain, reason, summands
from derive.terms import Hypothesis, Range, Support, Term, peel, substitute

WIDE = 92  # letters that fit on a line of the book

AT_MOST = r" \le "
EXCHANGED = "exchange the sums"
GREEK = re.compile(r"^(Delta|delta|lambda|alpha|beta|gamma|omega|sigma|tau|theta|pi|phi|eta|mu|nu|xi)(\d*)$")
SIGNS = {"=": "=", "<=>": r"\Longleftrightarrow", "=>": r"\Longrightarrow"}


class Latex(Printer):
    """LaTeX with amsmath."""

    signs: ClassVar = {
        sp.Eq: " = ",
        sp.Ne: r" \ne ",
        sp.Le: r" \le ",
        sp.Lt: " < ",
        sp.Ge: r" \ge ",
        sp.Gt: " > ",
        sp.And: r" \,\wedge\, ",
        sp.Or: r" \,\vee\, ",
        sp.Implies: r" \Rightarrow ",
        sp.Equivalent: r" \Leftrightarrow ",
    }
    functions: ClassVar = {
        sp.Min: r"\min",
        sp.Max: r"\max",
        sp.Abs: r"\operatorname{abs}",
        sp.exp: r"\exp",
    }

    def letter(self, name: str) -> str:
        greek = GREEK.match(name)
        word, digits = greek.groups() if greek else re.match(r"^(.*?)_?(\d*)$", name).groups()  # type: ignore[union-attr]
        word = "\\" + word if greek else word if len(word) == 1 else rf"\mathrm{{{word}}}".replace("_", r"\_")
        return word + (f"_{{{digits}}}" if len(digits) > 1 else f"_{digits}" if digits else "")

    def parentheses(self, shown: str) -> str:
        if r"\sum" in shown:
            return rf"\Bigl({shown}\Bigr)"
        return rf"\left({shown}\right)" if r"\left" in shown or r"\frac" in shown else f"({shown})"

    def fraction(self, above: str, below: str) -> str:
        return rf"\frac{{{above}}}{{{below}}}"

    def raised(self, base: str, exponent: str) -> str:
        return f"{base}^{{{exponent}}}"

    def indexed(self, array: str, indices: list[str]) -> str:
        tight = [re.sub(r" ([+-]) ", r"\1", index) for index in indices]
        return rf"[\mathsf {self.letter(array)}]_{{{','.join(tight)}}}"

    def sigma(self, k: str, low: str, high: str) -> str:
        return rf"\sum_{{{k}={low}}}^{{{high}}} "

    def integral_sign(self, low: str, high: str, body: str, k: str) -> str:
        return rf"\int_{{{low}}}^{{{high}}} {body} \, \mathrm{{d}}{k}"

    def kronecker(self, one: str, other: str) -> str:
        return rf"\delta_{{{one},\,{other}}}"

    def bracket(self, condition: str) -> str:
        return rf"\left[{condition}\right]"

    def floor(self, shown: str) -> str:
        return rf"\left\lfloor {shown} \right\rfloor"

    def ceiling(self, shown: str) -> str:
        return rf"\left\lceil {shown} \right\rceil"

    def negation(self, shown: str) -> str:
        return rf"\neg{self.parentheses(shown)}"

    def remainder(self, above: str, below: str) -> str:
        return rf"{above} \bmod {below}"

    def call(self, name: str, arguments: list[str]) -> str:
        return name + self.parentheses(", ".join(arguments))


def show(term: Term) -> str:
    r"""A term as LaTeX.

    >>> i, a, b, j, n1 = sp.symbols("i a b j n1", integer=True)
    >>> X, V = sp.IndexedBase("X"), sp.IndexedBase("V")
    >>> print(show(sp.Sum(V[a, b] * X[i + a, j + b], (b, -j, n1 - 1 - j), (a, 0, 2))))
    \sum_{a=0}^{2} \sum_{b=-j}^{n_1 - 1 - j} [\mathsf V]_{a,b} [\mathsf X]_{i+a,j+b}
    """
    return Latex().show(term)


_ASCII = [
    (re.compile(r"(?<=[a-z0-9)]) (?=[a-z(])"), r" \\, "),
    (re.compile(r"\b([A-Z])\[([^\]]*)\]"), r"[\\mathsf \1]_{\2}"),
    (re.compile(r"\b([a-zA-Z])(\d+)\b"), r"\1_{\2}"),
    (re.compile(r"<=>"), r"\\Leftrightarrow "),
    (re.compile(r"<="), r"\\le "),
    (re.compile(r">="), r"\\ge "),
    (re.compile(r"!="), r"\\ne "),
    (re.compile(r"\b(min|max|exp)\b"), r"\\\1"),
    (re.compile(r"\bfloor\(([^()]*(?:\([^()]*\)[^()]*)*)\)"), r"\\lfloor \1 \\rfloor"),
    (re.compile(r"\b(Delta|lambda|alpha|omega)\b"), r"\\\1 "),
    (re.compile(r"\.\."), r" \\ldots "),
]

_ESCAPES = {"&": r"\&", "%": r"\%", "#": r"\#", "_": r"\_", "^": r"\^{}", "~": r"\~{}", "<": r"$<$", ">": r"$>$"}


def mathematics(formula: str) -> str:
    """A formula in plain notation, as it stands between backticks in a sentence, as inline LaTeX."""
    for pattern, replacement in _ASCII:
        formula = pattern.sub(replacement, formula)
    return f"${formula}$"


def words(sentence: str) -> str:
    """A sentence as LaTeX, formulas between backticks in mathematics."""
    return reason(sentence, mathematics, lambda piece: "".join(_ESCAPES.get(letter, letter) for letter in piece))


def hypothesis(given: Hypothesis) -> str:
    """A hypothesis as one item."""
    because = f" ({words(given.because)})" if given.because else ""
    letters = getattr(given, "over", ())
    over = rf" for all ${', '.join(map(show, letters))}$" if letters else ""
    if isinstance(given, Range):
        return f"${show(given.holds)}${over}{because}"
    if isinstance(given, Support):
        box = r" \times ".join(_interval(*ends) for ends in given.box)
        return rf"$[\mathsf {Latex().letter(str(given.array))}]$ is zero outside ${box}${because}"
    sign = ":=" if given.defines else "="
    guard = rf" with ${'$, $'.join(joined(given.guard, show, AT_MOST))}$" if given.guard else ""
    return f"${show(given.left)} {sign} {show(given.right)}${over}{guard}{because}"


def hypotheses(theorem: Theorem) -> list[str]:
    """The hypotheses as items, relations between sizes together in the first."""
    sizes = [given for given in theorem.hypotheses if isinstance(given, Range) and not (given.because or given.over)]
    others = [hypothesis(given) for given in theorem.hypotheses if given not in sizes]
    together = ", ".join(f"${shown}$" for shown in joined([given.holds for given in sizes], show, AT_MOST))
    return ([together] if sizes else []) + others


def _interval(low: Term, high: Term) -> str:
    """The integers between two ends; all of them where both are open."""
    if low is None and high is None:
        return r"\mathbb{Z}"
    ends = [*([] if low is None else [show(low)]), r"\ldots", *([] if high is None else [show(high)])]
    return rf"\{{{', '.join(ends)}\}}"


def width(term: Term) -> float:
    """Roughly how many letters wide the term is when set: the ends of a sum stand above and below its sign."""
    shown = re.sub(r"sum\[[^\]]*\] ", "Sigma ", plain(term))
    shown, subscripts = re.sub(r"\[[^\]]*\]", "", shown), "".join(re.findall(r"\[[^\]]*\]", shown))
    return len(shown) + 0.55 * len(subscripts)


def rows(term: Term) -> list[str]:
    """The term on one row, or broken where it is too wide: between terms, behind the signs of sums, between factors."""
    if width(term) <= WIDE:
        return [show(term)]
    if isinstance(term, sp.Add):
        return _summands(term)
    signs = ""
    while isinstance(term, sp.Sum):
        term, *ends = peel(term)
        signs += Latex().sigma(*map(show, ends))
    if signs and isinstance(term, sp.Add):
        first, *middle, last = _summands(term)
        return [signs + r"\Bigl(" + first, *middle, last + r"\Bigr)"]
    if not (signs and isinstance(term, sp.Mul)):
        return [_shrunk(signs + show(term)) if width(term) > WIDE else signs + show(term)]
    *before, last = factors(term)
    shown = [Latex().inside(piece, sp.Add, sp.Sum, sp.Integral) for piece in before]
    return [signs, *shown, Latex().inside(last, sp.Add)]


def _shrunk(row: str) -> str:
    """A row that cannot be broken, made small enough for the page."""
    return rf"\resizebox{{0.9\linewidth}}{{!}}{{$\displaystyle {row}$}}"


def _summands(term: Term) -> list[str]:
    """The terms of a sum, each on rows of its own with its sign before it."""
    first, *rest = summands(term)
    signed = [("- ", -piece) if piece.as_coeff_Mul()[0].is_negative else ("+ ", piece) for piece in rest]
    return rows(first) + [sign * (not place) + row for sign, p in signed for place, row in enumerate(rows(p))]


def _broken(sign: str, term: Term) -> str:
    return " \\\\\n& \\qquad ".join(f"& {sign} {row}" if not place else row for place, row in enumerate(rows(term)))


def statement(theorem: Theorem) -> str:
    """What the theorem says, on one line if there is room, else on several."""
    sign = SIGNS[theorem.relation]
    if width(theorem.lhs) + width(theorem.rhs) < WIDE:
        return rf"\[ {show(theorem.lhs)} \;{sign}\; {show(theorem.rhs)} \]"
    return _align([_broken("", theorem.lhs), _broken(sign, theorem.rhs)])


def _align(lines: list[str]) -> str:
    return "\\begin{align*}\n" + " \\\\\n".join(lines) + "\n\\end{align*}"


def lines(steps: Iterable[Step]) -> list[Step]:
    """The steps as a page shows them: of neighbouring sums exchanged, or of one rule for one reason, only the last."""
    shown: list[Step] = []
    for step in steps:
        if shown and step.rule == shown[-1].rule and step.rule in ("swap", "into", "linear"):
            alike = step.because == shown[-1].because
            if alike or step.rule == "swap":
                because = step.because if alike else EXCHANGED
                shown[-1] = replace(step, before=shown[-1].before, because=because)
                continue
        shown.append(step)
    return shown


def chain(theorem: Theorem) -> str:
    """The proof as an align: one line a step, its reason at the right margin, or below where there is no room."""
    steps = [
        rf"{_broken(SIGNS[step.relation], step.after)} \tag*{{\small({words(step.because)})}}"
        for step in lines(theorem.steps)
    ]
    return _align([_broken("", theorem.lhs), *steps])


def theorem(theorem: Theorem, part: bool = False) -> str:
    """The theorem, its hypotheses, its proof, and its parts."""
    items = "".join(f"\n  \\item {item}" for item in hypotheses(theorem))
    given = (
        f"\nIf\n\\begin{{itemize}}\\setlength{{\\itemsep}}{{0pt}}{items}\n\\end{{itemize}}\nthen"
        if items
        else "\nAlways"
    )
    kind = "corollary" if part else "theorem"
    lines = [
        f"\\begin{{{kind}}}[{{{words(theorem.title)}}}]\\label{{thm:{theorem.name}}}{given}",
        statement(theorem),
        f"\\end{{{kind}}}",
        "\\begin{proof}\\leavevmode",
        _nested(theorem),
        "\\end{proof}",
        *([words(theorem.about), ""] if theorem.about else []),
        *([plot.latex(theorem.figure), ""] if theorem.figure else []),
    ]
    return "\n".join([*lines, *(_part(piece) for piece in theorem.parts)])


def _part(piece: Theorem) -> str:
    return "\n" + theorem(piece, part=True)


def _nested(proof: Theorem) -> str:
    """The chain, and below it the chains that indirect equalities and inductions rest on."""
    shown = chain(proof)
    for step in proof.steps:
        for name, inner in step.inner.items():
            below = Theorem("", "", proof.hypotheses, inner[0].before, inner[-1].after, inner)
            shown += f"\n{_before(step, name)},\n" + _nested(below)
    return shown


def _before(step: Step, chain: str) -> str:
    """The words before a chain that a step rests on."""
    if step.rule == "induction":
        return "Here, " + heading(step, chain, lambda term: f"${show(term)}$")
    if step.rule == "since":
        by, at = dict(step.arguments)["by"], dict(dict(step.arguments)["at"])
        return f"Here, as ${show(substitute(by.lhs, at))}$"
    return f"Here, for every integer ${show(dict(step.arguments)['t'])}$"


PREAMBLE = r"""\documentclass[a4paper,10pt]{article}
\usepackage[margin=2cm]{geometry}
\usepackage{amsmath,amssymb,amsthm,graphicx}
\allowdisplaybreaks
\emergencystretch=3em
\newtheorem{theorem}{Theorem}[section]
\newtheorem{corollary}[theorem]{Corollary}
"""


def book(chapters: Iterable[tuple[str, Iterable[Theorem]]]) -> str:
    """A document of chapters, each (title, theorems), that pdflatex compiles."""
    body = "\n\n".join(
        f"\\section{{{words(title)}}}\n\n" + "\n\n".join(map(theorem, theorems)) for title, theorems in chapters
    )
    title = "\\title{From the fully connected layer to the convolution}\n\\author{shapeproof}\n\\date{}\n"
    return f"{PREAMBLE}{title}\\begin{{document}}\n\\maketitle\n\\tableofcontents\n\n{body}\n\n\\end{{document}}\n"


__all__ = ["book", "chain", "hypothesis", "mathematics", "show", "statement", "theorem", "words"]
