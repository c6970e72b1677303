"""The admissible sizes of networks, for people: the statement, what causes it, and how it is known.

Main definitions: `text`, `markdown`, `proof`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from shapecheck.admission.answer import Admissible, Cause
from shapecheck.admission.borders import Border
from shapecheck.admission.periodic import Periodic
from shapecheck.render.markdown import escaped
from shapecheck.render.paint import PLAIN, Painter, safe

WIDE = 40  # a longer condition is not lined up with the others


def text(answer: Admissible, borders: Sequence[Border] = (), paint: Painter = PLAIN) -> str:
    """The answer as lines: the statement first, then the causes, then the proof."""
    lines = [f"{paint(safe(answer.network.name), 'title')}: {paint(safe(str(answer)), 'good' if answer else 'bad')}"]
    if answer.opened:
        lines.append(f"  {safe(_opened(answer))}")
    causes = list(_cause_lines(answer))
    if causes:
        lines += ["", paint("What asks for it", "head"), *(f"  {safe(line)}" for line in causes)]
    lines += ["", paint("How it is known", "head"), *(f"  {safe(line)}" for line in proof(answer, borders))]
    return "\n".join(lines) + "\n"


def markdown(answer: Admissible, borders: Sequence[Border] = ()) -> str:
    """The same as Markdown."""
    lines = [f"## {escaped(answer.network.name)}", "", f"**{escaped(str(answer))}**", ""]
    if answer.opened:
        lines += [escaped(_opened(answer)) + ".", ""]
    lines += [f"- {escaped(line)}" for line in _cause_lines(answer)]
    lines += ["", *(f"{escaped(line)}  " for line in proof(answer, borders))]
    return "\n".join(lines) + "\n"


def _opened(answer: Admissible) -> str:
    pairs = [f"{name} for {answer.given[name]} ({place})" for name, place in answer.opened.items()]
    return f"sizes opened: {', '.join(pairs)}; what the spec claims of shapes is left out"


def _cause_lines(answer: Admissible) -> Iterator[str]:
    """A line for each condition that no other implies."""
    causes = answer.causes
    width = max((len(cause.condition) for cause in causes if cause.needed and len(cause.condition) < WIDE), default=0)
    for cause in causes:
        if cause.needed and cause.condition == str(answer):
            yield f"all of it: {_place(cause, answer.main_names)}"
        elif cause.needed:
            yield f"{cause.condition:<{width}}  {_place(cause, answer.main_names)}"
    implied = sum(not cause.needed for cause in causes)
    if implied:
        yield f"({implied} more condition{'s' * (implied > 1)} of other layers follow{'s' * (implied == 1)} from these)"


def _place(cause: Cause, main: Sequence[str]) -> str:
    line = "" if cause.line is None else f", line {cause.line}"
    if not cause.sizes:
        return f"{cause.layer}{line}: {cause.message}"
    told = [name for name in cause.sizes if name in main or re.search(rf"\b{name}\b", cause.condition)]
    sizes = ", ".join(f"{name} = {cause.sizes[name]}" for name in told)
    head = f"{cause.layer}: "
    message = cause.message[len(head) :] if cause.message.startswith(head) else cause.message
    return f"{cause.layer}{line}: {cause.code} at {sizes}: {message}"


def proof(answer: Admissible, borders: Sequence[Border] = ()) -> Iterator[str]:
    """The lines that say how the answer is known."""
    paths = len(answer.exploration.cells)
    if answer.exact:
        yield f"{'; '.join(_repeats(name, answer.axis(name)) for name in answer.main_names)}"
        yield (
            f"{paths} path{'s' * (paths != 1)} through the network cover{'s' * (paths == 1)} all sizes that torch can "
            "count (2^31 cells an axis, 2^63 in all);"
        )
        yield "a path's comparisons are of quasi-linear functions, which repeat (derive show quasi-linear)"
    else:
        why = answer.exploration.reason or "prediction disagreed"
        yield f"checked up to {answer.checked_up_to} only, not proved beyond: {why}; {paths} paths were run"
    if answer.confirmed:
        reach = ", ".join(f"{name} = 1..{stop}" for name, stop in answer.confirmed.items() if name in answer.main_names)
        yield f"confirmed by prediction for every {reach}, one axis at a time"
    if answer.disagreement:
        yield f"prediction says otherwise for {dict(answer.disagreement)}: a bug, please report it"
    yield from _torch_lines(borders)


def _repeats(name: str, axis: Periodic) -> str:
    if axis.finite:
        return f"{name}: none from {axis.head + 1} on"
    start = f"from {axis.head + 1} on" if axis.head else "from the first on"
    return f"{name}: {start} " + (f"the set repeats every {axis.period}" if axis.period > 1 else "all")


def _torch_lines(borders: Sequence[Border]) -> Iterator[str]:
    asked = [border for border in borders if border.agrees is not None]
    taken = ", ".join(_short(border) for border in asked if border.agrees and border.accepted)
    refused = ", ".join(_short(border) for border in asked if border.agrees and not border.accepted)
    if taken or refused:
        parts = [f"takes {taken}" if taken else "", f"refuses {refused}" if refused else ""]
        yield f"torch, run at the borders, {' and '.join(part for part in parts if part)}"
    for border in asked:
        if not border.agrees:
            yield f"torch says otherwise at {_short(border)}: a bug, please report it"
    if borders and not asked:
        yield "torch could not be asked about the borders"


def _short(border: Border) -> str:
    return "x".join(map(str, border.sizes.values()))
