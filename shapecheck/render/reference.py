"""The reference page of all layers, docs/layers.md: `python -m shapecheck.render.reference > docs/layers.md`.

Nothing of it is typed: arguments, formulas, conditions and examples are those of `shapes layers NAME` (`catalogue.py`),
the LaTeX of a formula is what the function itself does with letters (`traced.py`). Layers that differ only in their
number of axes, or not at all, share a paragraph. Main definition: `reference`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import MISSING
from importlib import import_module
from inspect import getdoc, signature
from itertools import groupby
from types import FunctionType
from typing import Any, NamedTuple

from shapecheck import formulas
from shapecheck.formulas import Condition
from shapecheck.layers import LAYERS, LAZY, TABLE
from shapecheck.layers.base import Layer, parameters, shape_text
from shapecheck.render import catalogue
from shapecheck.render.traced import text, traced
from shapecheck.sizes import name as open_size

HEAD = """# The layers

The page of `shapes layers NAME`, for all of them; generated, like that one, from the layers themselves.
**Bold** arguments must be given, *italic* ones are inferred from the input (given, they are checked), others have the
default behind them; those marked (forward) are arguments of torch's forward. Types and values are refused as torch
refuses them, at the same stage. An example gives the arguments, the shape of each input, and the output's; N is an
open batch.
"""


def reference() -> Iterator[str]:
    """The page, piece by piece."""
    yield HEAD
    yield f"\n## Formulas\n\n{notation()}\n\n| formula | | gives |\n|---|---|---|\n"
    yield from map(formula_row, used(catalogue.formulas_of))
    yield "\n| condition | |\n|---|---|\n"
    conditions = {condition.name: condition for name in LAYERS for condition in catalogue.conditions_of(LAYERS[name])}
    known = [value for value in vars(formulas).values() if isinstance(value, Condition) and value.name in conditions]
    yield from (f"| {condition.name} | {condition.text} |\n" for condition in known)
    for file, names in TABLE.items():
        yield f"\n## {title(file)}\n"
        for told, group in groupby(names, key=paragraph_of):
            yield from paragraph(told, list(group))
    aliases = [f"{alias} ({', '.join(LAYERS[name].inferred)})" for alias, name in LAZY.items() if alias != name]
    yield f"\n## Lazy names\n\nThe same layers, what is in brackets left to the input: {', '.join(aliases)}.\n"


def notation() -> str:
    """What the letters of the formulas stand for, as formulas.py says it."""
    found = re.search(r"Notation: (.*?)(?=\sReferences:|\n\n|\Z)", formulas.__doc__ or "", re.DOTALL)
    assert found is not None
    return "Notation: " + " ".join(found[1].split())


def used(names_of: Any) -> list[FunctionType]:
    """The functions of formulas.py that some layer asks for, in their order there."""
    asked = {name for layer in LAYERS for name in names_of(LAYERS[layer])}
    return [value for name, value in vars(formulas).items() if name in asked]


def formula_row(formula: FunctionType) -> str:
    """A formula's row: its name, its LaTeX where it is arithmetic on letters, the first line of its docstring."""
    gives = (getdoc(formula) or "").partition("\n")[0]
    return f"| `{formula.__name__}` | {latex(formula)} | {escaped(gives)} |\n"


def latex(formula: FunctionType) -> str:
    r"""The formula as LaTeX between dollars: what it does with letters; empty where it does not take letters.

    >>> print(latex(formulas.window_count))
    $\left\lfloor\frac{n-k+p+s}{s}\right\rfloor$
    """
    try:
        return f"${text(formula(*(traced(open_size(letter)) for letter in signature(formula).parameters))).latex}$"
    except TypeError:
        return ""


# A family ------------------------------------------------------------------------------------------------------------


class Told(NamedTuple):
    """What layers have in common that share a paragraph."""

    arguments: str
    formula: str
    formulas: tuple[str, ...]
    conditions: tuple[str, ...]


def title(file: str) -> str:
    """What a file of layers says it is about, in a few words.

    >>> title("conv"), title("shuffle")
    ('Convolution', 'Cells moved between channels and space')
    """
    first = (import_module(f"shapecheck.layers.{file}").__doc__ or "").partition("\n")[0]
    return re.split(r"[:.]|, `", first)[0]


def paragraph_of(name: str) -> Told:
    """What is told of a layer before its example."""
    cls = LAYERS[name]
    conditions = tuple(condition.name for condition in catalogue.conditions_of(cls))
    return Told(arguments(cls), cls.formula, tuple(catalogue.formulas_of(cls)), conditions)


def paragraph(told: Told, names: list[str]) -> Iterator[str]:
    """The lines about layers of which the same is told: arguments, formula and conditions; then their examples."""
    yield f"\n{told.arguments or 'No arguments.'}  \n`{told.formula}`"
    yield f"; {', '.join(f'`{name}`' for name in told.formulas)}" if told.formulas else ""
    yield f"; conditions {', '.join(told.conditions)}" if told.conditions else ""
    yield "\n"
    for (about, example), group in groupby(names, key=example_of):
        yield f"- **{', '.join(group)}** {about} {example}\n"


def example_of(name: str) -> tuple[str, str]:
    """What torch says of a layer's shapes; and what it is in a spec, with input and output, the name left out."""
    cls = LAYERS[name]
    about = " ".join((cls.__doc__ or "").split()).partition(": ")[2]
    found = catalogue.example(cls)
    assert found is not None, name
    spec, shapes, output = found
    values = spec.partition(": ")[2]
    inputs = ", ".join(map(shape_text, shapes))
    return escaped(about), f"`{values + ' on ' if values else ''}{inputs} -> {shape_text(output)}`"


def arguments(cls: type[Layer]) -> str:
    """The arguments in torch's order, with their defaults."""
    return ", ".join(_argument(cls, field) for field in parameters(cls) if field.name != "training")


def _argument(cls: type[Layer], field: Any) -> str:
    name = escaped(field.name)
    if field.name in cls.inferred:
        return f"*{name}*"
    where = " (forward)" if field.name in cls.forward else ""
    if field.default is MISSING and field.default_factory is MISSING:
        return f"**{name}**{where}"
    return f"{name} {catalogue.yaml_text(catalogue.default_of(field))}{where}"


def escaped(words: str) -> str:
    """The words, stars and bars kept from Markdown."""
    return re.sub(r"([*|])", r"\\\1", words)


if __name__ == "__main__":
    print("".join(reference()), end="")
