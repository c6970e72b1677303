r"""Numbers that remember how they came about: the formulas of a layer with the numbers put in, as LaTeX.

Nothing is typed twice: a layer's own rule (`layer.shape`) runs once more, on numbers that keep the text of each
operation. `formulas.window_count` on 224, 7, 6, 2 gives \left\lfloor\frac{224-7+6+2}{2}\right\rfloor, which is what was
computed. Sizes left open are polynomials already and are printed as such.

Main definitions: `Traced`, `worked` (the formulas of a row), `size_latex`.
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple

from shapecheck.layers.base import Layer, is_shape
from shapecheck.report import Row
from shapecheck.sizes import Dim, Floor, Minimum, Size

SUM, PRODUCT, ATOM = 1, 2, 3


class Traced(int):
    r"""An int with the LaTeX of the arithmetic that made it.

    >>> from shapecheck.formulas import window_count
    >>> count = window_count(Traced.of(224), 7, 6, 2)
    >>> int(count), count.latex
    (112, '\\left\\lfloor\\frac{224-7+6+2}{2}\\right\\rfloor')
    """

    latex: str
    level: int
    steps: int

    @classmethod
    def of(cls, value: int, latex: str | None = None, level: int = ATOM, steps: int = 0) -> Traced:
        """The number with its text; `level` says what brackets it needs, `steps` how many operations made it."""
        made = cls(value)
        made.latex = str(int(value)) if latex is None else latex
        made.level = level if value >= 0 or latex is not None else SUM
        made.steps = steps
        return made

    def _made(self, value: Any, latex: str, level: int, *others: Any) -> Any:
        return Traced.of(
            value, latex, level, 1 + sum(other.steps for other in (self, *others) if isinstance(other, Traced))
        )

    def __add__(self, other: Any) -> Any:
        return _sum(self, "+", other) if isinstance(other, int) else NotImplemented

    def __radd__(self, other: Any) -> Any:
        if type(other) is int and other == 0:
            return self  # where `sum` begins
        return _sum(other, "+", self) if isinstance(other, int) else NotImplemented

    def __sub__(self, other: Any) -> Any:
        return _sum(self, "-", other) if isinstance(other, int) else NotImplemented

    def __rsub__(self, other: Any) -> Any:
        return _sum(other, "-", self) if isinstance(other, int) else NotImplemented

    def __mul__(self, other: Any) -> Any:
        return _times(self, other) if isinstance(other, int) else NotImplemented

    def __rmul__(self, other: Any) -> Any:
        return _times(other, self) if isinstance(other, int) else NotImplemented

    def __floordiv__(self, other: Any) -> Any:
        return _floor(self, other) if isinstance(other, int) else NotImplemented

    def __rfloordiv__(self, other: Any) -> Any:
        return _floor(other, self) if isinstance(other, int) else NotImplemented

    def __neg__(self) -> Any:
        return self._made(-int(self), "-" + _in_brackets(self, PRODUCT), SUM)


def _sum(a: int, sign: str, b: int) -> Any:
    value = int(a) + int(b) if sign == "+" else int(a) - int(b)
    return _traced(a)._made(value, f"{_traced(a).latex}{sign}{_in_brackets(b, PRODUCT)}", SUM, b)


def _times(a: int, b: int) -> Any:
    for one, other in ((a, b), (b, a)):
        if type(one) is int and one == 1:
            return other  # where a product begins
    latex = rf"{_in_brackets(a, PRODUCT)} \cdot {_in_brackets(b, PRODUCT)}"
    return _traced(a)._made(int(a) * int(b), latex, PRODUCT, b)


def _floor(a: int, b: int) -> Any:
    latex = rf"\left\lfloor\frac{{{_traced(a).latex}}}{{{_traced(b).latex}}}\right\rfloor"
    return _traced(a)._made(int(a) // int(b), latex, ATOM, b)


def _traced(value: int) -> Traced:
    return value if isinstance(value, Traced) else Traced.of(value)


def _in_brackets(value: int, level: int) -> str:
    """The text, in brackets where it binds less than `level`."""
    traced = _traced(value)
    return traced.latex if traced.level >= level else f"({traced.latex})"


# A layer's formulas --------------------------------------------------------------------------------------------------


class Worked(NamedTuple):
    """One formula with its numbers: the axes of the output it holds for, and the LaTeX, "... = 112"."""

    axes: tuple[int, ...]
    latex: str


def worked(row: Row) -> list[Worked]:
    """The formulas that gave a row's output; none for a layer that keeps its sizes, or whose rule is no formula."""
    if row.layer is None or not is_shape(row.output) or row.params is None:
        return []
    own = row.layer.numbers(row.inputs, row.output)
    if own is not None:
        return [Worked((), own)]
    kept = [dim for shape in row.inputs if is_shape(shape) for dim in shape]
    found: dict[str, list[int]] = {}
    for axis, (dim, traced) in enumerate(zip(row.output, _trace(row.layer, row.inputs, row.output), strict=True)):
        if isinstance(dim, Size):
            if dim not in kept:
                found.setdefault(size_latex(dim), []).append(axis)
        elif isinstance(traced, Traced) and traced.steps:
            found.setdefault(f"{traced.latex} = {dim}", []).append(axis)
    return [Worked(tuple(axes), latex) for latex, axes in found.items()]


def _trace(layer: Layer, inputs: tuple[Any, ...], output: Any) -> Any:
    """The output shape, its numbers traced; the plain one where the layer's rule does not run on traced numbers."""
    try:
        traced = layer.shape(*map(_traced_shape, inputs))
    except Exception:  # a rule may ask for more than arithmetic, e.g. a bit length or a float: then it is no formula
        return output
    return traced if traced == output else output


def _traced_shape(shape: Any) -> Any:
    if isinstance(shape, tuple):
        return tuple(map(_traced_shape, shape))
    return Traced.of(shape) if isinstance(shape, int) else shape


# Open sizes ----------------------------------------------------------------------------------------------------------


def size_latex(dim: Dim) -> str:
    r"""An open size as LaTeX.

    >>> from shapecheck.sizes import name
    >>> print(size_latex((name("H") + 6 - 7 + 2) // 2), size_latex(3 * name("N") - name("width_2") * name("N")))
    \left\lfloor\frac{H+1}{2}\right\rfloor -N \cdot \mathit{width\_2}+3N
    """
    if isinstance(dim, int):
        return str(dim)
    text = "".join(_term(monomial, factor) for monomial, factor in _by_degree(dim))
    return text.removeprefix("+")


def _by_degree(dim: Size) -> list[Any]:
    return sorted(dim.terms.items(), key=lambda item: (-len(item[0]), item[1] < 0))


def _term(monomial: Any, factor: int) -> str:
    sign = "-" if factor < 0 else "+"
    if not monomial:
        return f"{sign}{abs(factor)}"
    product = r" \cdot ".join(map(_atom, monomial))
    return f"{sign}{product}" if abs(factor) == 1 else f"{sign}{abs(factor)}{product}"


def _atom(atom: Any) -> str:
    if isinstance(atom, Floor):
        return rf"\left\lfloor\frac{{{size_latex(atom.num)}}}{{{size_latex(atom.den)}}}\right\rfloor"
    if isinstance(atom, Minimum):
        return rf"\min\left({size_latex(atom.a)}, {size_latex(atom.b)}\right)"
    return _name(str(atom))


def _name(text: str) -> str:
    escaped = re.sub(r"([_#%&$])", r"\\\1", text)
    return escaped if len(text) == 1 else rf"\mathit{{{escaped}}}"


def axes_text(axes: tuple[int, ...], rank: int) -> str:
    """What axes of an output are called: "" for all spatial ones, else "axis 1", "axes 2 and 3".

    >>> axes_text((2, 3), 4), axes_text((2,), 4), axes_text((), 4), axes_text((1, 3), 4)
    ('', 'axis 2', '', 'axes 1 and 3')
    """
    if not axes or axes == tuple(range(2, rank)):
        return ""
    words = list(map(str, axes))
    return f"axis {words[0]}" if len(words) == 1 else f"axes {', '.join(words[:-1])} and {words[-1]}"
