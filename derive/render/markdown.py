"""A theorem as Markdown: formulas between dollar signs, as GitHub and notebooks show them."""

from __future__ import annotations

from derive.kernel import Theorem
from derive.render import latex, plot
from derive.render.notation import reason


def words(sentence: str) -> str:
    """A sentence with its formulas between dollar signs."""
    return reason(sentence, latex.mathematics)


def theorem(theorem: Theorem, level: int = 2) -> str:
    """The theorem, its hypotheses, its proof as a table of lines and reasons, and its parts."""
    lines = [f"{'#' * level} {words(theorem.title)} (`{theorem.name}`)", ""]
    lines += [f"- {item}" for item in latex.hypotheses(theorem)]
    sign = latex.SIGNS[theorem.relation]
    lines += ["", f"$$ {latex.show(theorem.lhs)} {sign} {latex.show(theorem.rhs)} $$", ""]
    lines += ["| | | because |", "|---|---|---|", f"| | ${latex.show(theorem.lhs)}$ | |"]
    steps = latex.lines(theorem.steps)
    lines += [f"| ${latex.SIGNS[s.relation]}$ | ${latex.show(s.after)}$ | {words(s.because)} |" for s in steps]
    lines += ["", words(theorem.about)] if theorem.about else []
    lines += ["", "```text", plot.text(theorem.figure), "```"] if theorem.figure else []
    return "\n".join([*lines, *("\n" + _part(part, level + 1) for part in theorem.parts)]) + "\n"


def _part(part: Theorem, level: int) -> str:
    return theorem(part, level).rstrip("\n")
