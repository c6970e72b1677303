r"""Sizes that remember how they came about: the formulas of a layer with the numbers put in, as LaTeX.

Nothing is typed twice: a layer's own rule (`layer.shape`) runs once more, on sizes that keep the text of each
operation. `formulas.window_count` on 224, 7, 6, 2 gives \left\lfloor\frac{224-7+6+2}{2}\right\rfloor, which is what was
computed; on an open size H it gives the same with H.

Main definitions: `traced`, `TracedInt`, `TracedSize`; `worked` (the formulas of a row); `size_latex` (an open size).
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple, TypeAlias

from shapecheck.layers.base import Layer, is_shape
from shapecheck.report import Row
from shapecheck.sizes import Dim, Floor, Minimum, Size

SUM, PRODUCT, ATOM = 1, 2, 3


class Text(NamedTuple):
    """How a size is written: its LaTeX, how firmly that holds together, and how many operations it tells of."""

    latex: str
    level: int = ATOM
    steps: int = 0

    def at(self, level: int) -> str:
        """The LaTeX, in brackets where it holds together less firmly than `level`."""
        return self.latex if self.level >= level else rf"\left({self.latex}\right)"


class _Arithmetic:
    """The operations of the formulas, each done by the plain sizes and written down."""

    __slots__ = ()

    def __add__(self, other: Any) -> Any:
        return _done(plain(self) + plain(other), _sum(self, "+", other))

    def __radd__(self, other: Any) -> Any:
        if type(other) is int and other == 0:
            return self  # where `sum` begins
        return _done(plain(other) + plain(self), _sum(other, "+", self))

    def __sub__(self, other: Any) -> Any:
        return _done(plain(self) - plain(other), _sum(self, "-", other))

    def __rsub__(self, other: Any) -> Any:
        return _done(plain(other) - plain(self), _sum(other, "-", self))

    def __mul__(self, other: Any) -> Any:
        return _done(plain(self) * plain(other), _product(self, other))

    def __rmul__(self, other: Any) -> Any:
        if type(other) is int and other == 1:
            return self  # where a product begins
        return _done(plain(other) * plain(self), _product(other, self))

    def __floordiv__(self, other: Any) -> Any:
        return _done(plain(self) // plain(other), _quotient(self, other))

    def __rfloordiv__(self, other: Any) -> Any:
        return _done(plain(other) // plain(self), _quotient(other, self))

    def __neg__(self) -> Any:
        return _done(-plain(self), Text(f"-{text(self).at(PRODUCT)}", SUM, _steps(self)))


class TracedInt(_Arithmetic, int):
    """An int with the text of the arithmetic that made it."""

    text: Text


class TracedSize(_Arithmetic, Size):
    """An open size with the text of the arithmetic that made it."""

    __slots__ = ("text",)

    text: Text


Traced: TypeAlias = TracedInt | TracedSize


def traced(size: Dim, told: Text | None = None) -> Traced:
    r"""The size, ready to remember what is done with it.

    >>> from shapecheck.formulas import window_count
    >>> from shapecheck.sizes import name
    >>> print(window_count(traced(224), 7, 6, 2).text.latex)
    \left\lfloor\frac{224-7+6+2}{2}\right\rfloor
    >>> print(window_count(traced(name("H")), 7, 6, 2).text.latex)
    \left\lfloor\frac{H-7+6+2}{2}\right\rfloor
    """
    made: Traced = TracedInt(size) if isinstance(size, int) else TracedSize(size.terms)
    made.text = text(size) if told is None else told
    return made


def plain(size: Any) -> Any:
    """The size without its memory."""
    if isinstance(size, TracedSize):
        return Size(size.terms)
    return int(size) if isinstance(size, TracedInt) else size


def text(size: Any) -> Text:
    """How the size is written: as it came about, or as it is."""
    if isinstance(size, TracedInt | TracedSize):
        return size.text
    if isinstance(size, Size):
        return Text(size_latex(size), ATOM if len(size.terms) == 1 else SUM)
    return Text(str(size), ATOM if size >= 0 else SUM)


def _done(value: Any, told: Text) -> Any:
    return traced(value, told) if isinstance(value, int | Size) else value


def _steps(*sizes: Any) -> int:
    return 1 + sum(text(size).steps for size in sizes)


def _sum(a: Any, sign: str, b: Any) -> Text:
    return Text(f"{text(a).latex}{sign}{text(b).at(PRODUCT)}", SUM, _steps(a, b))


def _product(a: Any, b: Any) -> Text:
    return Text(rf"{text(a).at(PRODUCT)} \cdot {text(b).at(PRODUCT)}", PRODUCT, _steps(a, b))


def _quotient(a: Any, b: Any) -> Text:
    return Text(rf"\left\lfloor\frac{{{text(a).latex}}}{{{text(b).latex}}}\right\rfloor", ATOM, _steps(a, b))


# A layer's formulas --------------------------------------------------------------------------------------------------


class Worked(NamedTuple):
    """One formula with its numbers: the axes of the output it holds for, and the LaTeX, "... = 112"."""

    axes: tuple[int, ...]
    latex: str


def worked(row: Row) -> list[Worked]:
    """The formulas that gave a row's output; none for a layer that keeps its sizes, or whose rule is no arithmetic."""
    if row.layer is None or not is_shape(row.output) or row.params is None:
        return []
    found: dict[str, list[int]] = {}
    for axis, (dim, made) in enumerate(zip(row.output, _trace(row.layer, row.inputs, row.output), strict=True)):
        told = text(made)
        if told.steps:
            result = text(dim).latex
            found.setdefault(told.latex if told.latex == result else f"{told.latex} = {result}", []).append(axis)
    return [Worked(tuple(axes), latex) for latex, axes in found.items()]


def _trace(layer: Layer, inputs: tuple[Any, ...], output: Any) -> Any:
    """The output shape, its sizes traced; the plain one where the layer's rule does not run on traced sizes."""
    try:
        made = layer.shape(*map(_traced_shape, inputs))
    except Exception:  # a rule may ask for more than arithmetic, e.g. a float: then there is no formula to show
        return output
    return made if made == output else output


def _traced_shape(shape: Any) -> Any:
    if isinstance(shape, tuple):
        return tuple(map(_traced_shape, shape))
    return traced(shape) if isinstance(shape, int | Size) else shape


def axes_text(axes: tuple[int, ...], rank: int) -> str:
    """What axes of an output are called: "" for all spatial ones, else "dim 1", "dims 2 and 3".

    >>> axes_text((2, 3), 4), axes_text((2,), 4), axes_text((), 4), axes_text((1, 3), 4)
    ('', 'dim 2', '', 'dims 1 and 3')
    """
    if not axes or axes == tuple(range(2, rank)):
        return ""
    words = list(map(str, axes))
    return f"dim {words[0]}" if len(words) == 1 else f"dims {', '.join(words[:-1])} and {words[-1]}"


# Open sizes ----------------------------------------------------------------------------------------------------------


def size_latex(dim: Dim) -> str:
    r"""An open size as LaTeX.

    >>> from shapecheck.sizes import name
    >>> print(size_latex((name("H") + 6 - 7 + 2) // 2), size_latex(3 * name("N") - name("width_2") * name("N")))
    \left\lfloor\frac{H+1}{2}\right\rfloor -N \cdot \mathit{width\_2}+3N
    """
    if isinstance(dim, int):
        return str(dim)
    return "".join(_term(monomial, factor) for monomial, factor in _by_degree(dim)).removeprefix("+")


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


def _name(word: str) -> str:
    escaped = re.sub(r"([_#%&$])", r"\\\1", word)
    return escaped if len(word) == 1 else rf"\mathit{{{escaped}}}"
