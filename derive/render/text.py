"""A theorem as plain text: statement, hypotheses, and the proof, a reason beside each line."""

from __future__ import annotations

import sympy as sp

from derive.kernel import Step, Theorem
from derive.render import plot
from derive.render.notation import heading, joined, plain, reason
from derive.terms import Hypothesis, Range, Support, Term


def words(sentence: str) -> str:
    """A sentence without the backticks around its formulas."""
    return reason(sentence, str)


def hypothesis(given: Hypothesis) -> str:
    """A hypothesis on one line."""
    because = f"   ({words(given.because)})" if given.because else ""
    letters = getattr(given, "over", ())
    over = f" for all {', '.join(map(plain, letters))}" if letters else ""
    if isinstance(given, Range):
        return plain(given.holds) + over + because
    if isinstance(given, Support):
        box = " x ".join(_interval(*ends) for ends in given.box)
        return f"{given.array} is zero outside {box}{because}"
    sign = ":=" if given.defines else "="
    guard = f" with {', '.join(joined(given.guard, plain, ' <= '))}" if given.guard else ""
    return f"{plain(given.left)} {sign} {plain(given.right)}{over}{guard}{because}"


def _interval(low: Term, high: Term) -> str:
    """The integers between two ends; all of them, Z, where both are open."""
    shown = ".." if low is None else f"{plain(low)}..", "" if high is None else plain(high)
    return "Z" if low is None and high is None else "".join(shown)


def hypotheses(theorem: Theorem) -> list[str]:
    """The hypotheses, one a line, relations between sizes together in the first."""
    sizes = [given for given in theorem.hypotheses if isinstance(given, Range) and not (given.because or given.over)]
    others = [hypothesis(given) for given in theorem.hypotheses if given not in sizes]
    together = ", ".join(joined([given.holds for given in sizes], plain, " <= "))
    return ([together] if sizes else []) + others


def _lines(steps: tuple[Step, ...], indent: str) -> list[str]:
    lines = []
    for step in steps:
        lines.append(f"{indent}{step.relation} {plain(step.after)}")
        rule = f"{dict(step.arguments)['rule']}, read backwards" if step.rule == "backwards" else step.rule
        lines.append(f"{indent}      by {rule}: {words(step.because)}")
        below = {condition for inner in step.inner.values() for line in inner for condition in line.conditions}
        for condition in step.conditions:
            if condition.label not in ("range", "exponent") and condition not in below:
                said = (plain(piece) if isinstance(piece, sp.Basic) else piece for piece in condition.of)
                lines.append(f"{indent}      ({condition.pattern.format(*said)})")
        for name, inner in step.inner.items():
            lines += [f"{indent}    {heading(step, name, plain)}:"] if step.rule == "induction" else []
            lines += [f"{indent}      {plain(inner[0].before)}", *_lines(inner, indent + "      ")]
    return lines


def theorem(theorem: Theorem) -> str:
    """The theorem, its hypotheses, its proof, and its parts."""
    lines = [f"{theorem.name}: {words(theorem.title)}", ""]
    lines += [f"  {'given' if not place else '     '} {line}" for place, line in enumerate(hypotheses(theorem))]
    lines += ["", f"    {plain(theorem.lhs)}", f"  {theorem.relation} {plain(theorem.rhs)}", "", "  Proof."]
    lines += [f"    {plain(theorem.lhs)}", *_lines(theorem.steps, "  ")]
    lines += ["", f"  {words(theorem.about)}"] if theorem.about else []
    lines += ["", plot.text(theorem.figure)] if theorem.figure else []
    parts = ["\n" + _part(part) for part in theorem.parts]
    return "\n".join([*lines, *parts]) + "\n"


def _part(part: Theorem) -> str:
    return theorem(part).rstrip("\n")
