r"""Curves of one real letter, drawn in plain text or in LaTeX's own picture environment, without any package.

Main definitions: `text`, `latex`. A curve is (what it is called, the term, its letter, from, to); heights begin
at 0. They are those of `derive.semantics`, which judges the theorems too.
"""

from __future__ import annotations

import itertools
import math

from derive import semantics
from derive.render.notation import reason
from derive.terms import Curve

WIDE, HIGH = 60, 12  # cells of a plot in text
ACROSS, UP = 240, 80  # points of a plot in LaTeX
APART = 11  # points between two labels
MARKS = "*o+x"


def heights(curve: Curve, count: int) -> list[tuple[float, float]]:
    """So many points (place, height) of a curve, both ends among them."""
    _, term, letter, low, high = curve
    value = semantics.meaning(term)
    begin, end = (float(semantics.meaning(side)(semantics.environment({}))) for side in (low, high))
    places = [begin + (end - begin) * step / (count - 1) for step in range(count)]
    return [(place, float(value(semantics.environment({letter: place})))) for place in places]


def _ends(curves: tuple[Curve, ...]) -> tuple[float, float]:
    """The last place and the greatest height, each rounded up to a whole number."""
    points = [point for curve in curves for point in heights(curve, 2 * WIDE)]
    return math.ceil(max(place for place, _ in points)), math.ceil(max(height for _, height in points) - 1e-9)


def text(curves: tuple[Curve, ...]) -> str:
    """The curves on a grid of letters, with a line below that says which is which."""
    last, top = _ends(curves)
    grid = [[" "] * (WIDE + 1) for _ in range(HIGH + 1)]
    for mark, curve in zip(MARKS, curves, strict=False):
        for place, height in heights(curve, 4 * WIDE):
            grid[round(height / top * HIGH)][round(place / last * WIDE)] = mark
    rows = [f"{top * row / HIGH if row % 6 == 0 else '':>4} |{''.join(grid[row]).rstrip()}" for row in range(HIGH + 1)]
    axis = f"     +{'-' * WIDE}\n      0{last:>{WIDE - 1}}"
    names = [f"      {mark}  {reason(curve[0], str)}" for mark, curve in zip(MARKS, curves, strict=False)]
    return "\n".join([*reversed(rows), axis, *names])


def latex(curves: tuple[Curve, ...]) -> str:
    """The curves as a picture, each labelled at its right end."""
    from derive.render.latex import words

    last, top = _ends(curves)
    lines = [rf"\put(0,0){{\vector(1,0){{{ACROSS + 15}}}}}", rf"\put(0,0){{\vector(0,1){{{UP + 15}}}}}"]
    lines += [rf"\put({ACROSS},-10){{\makebox(0,0){{${last}$}}}}", rf"\put(-8,{UP}){{\makebox(0,0){{${top}$}}}}"]
    labels = [float("-inf")]
    for curve in sorted(curves, key=lambda curve: heights(curve, 2)[-1][1]):
        points = [(ACROSS * place / last, UP * height / top) for place, height in heights(curve, 25)]
        for one, other in itertools.pairwise(points):
            ends = (one, ((one[0] + other[0]) / 2, (one[1] + other[1]) / 2), other)
            lines.append(r"\qbezier" + "".join(f"({across:.1f},{up:.1f})" for across, up in ends))
        across, up = points[-1]
        labels.append(max(up, labels[-1] + APART))
        lines.append(rf"\put({across + 4:.1f},{labels[-1] + 3:.1f}){{\small {words(curve[0])}}}")
    body = "\n".join(lines)
    size = f"({ACROSS + 120},{UP + 30})(-20,-18)"
    picture = f"\\setlength{{\\unitlength}}{{1pt}}\n\\begin{{picture}}{size}\n{body}\n\\end{{picture}}"
    return f"\\begin{{center}}\n{picture}\n\\end{{center}}"
