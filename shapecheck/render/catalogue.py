"""The pages of `shapes layers`: `listing` of all layers, `page` of one.

All of a page is read off the layer itself: arguments and defaults from its fields, the formula from `formula`, the
conditions from the rules it calls, and an example that is tried before it is shown.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import MISSING
from itertools import product
from types import CodeType, FunctionType, ModuleType
from typing import Any

from shapecheck import formulas
from shapecheck.diagnostics import ShapeError
from shapecheck.formulas import Condition
from shapecheck.layers import LAYERS, LAZY, TABLE
from shapecheck.layers.base import Layer, make, parameters, shape_text
from shapecheck.render.paint import PLAIN, Painter
from shapecheck.render.table import flow
from shapecheck.sizes import name as open_size


def listing(paint: Painter = PLAIN, most: int = 100) -> Iterator[str]:
    """Every layer's name, a paragraph a family."""
    wide = max(map(len, TABLE)) + 2
    for file, names in TABLE.items():
        lines = flow([*names], most - wide)
        yield f"{paint(file.replace('_', ' '), 'title')}{' ' * (wide - len(file))}{lines[0]}\n"
        yield from (" " * wide + line + "\n" for line in lines[1:])
    yield "\nand, with what they infer left out, " + ", ".join(LAZY) + ".\n" if LAZY else ""
    yield "`shapes layers Conv2d` shows a page.\n"


def page(name: str, paint: Painter = PLAIN) -> Iterator[str]:
    """The page of a layer."""
    cls = LAYERS[name]
    twin = f" ({cls.__name__}, its {', '.join(cls.inferred)} inferred)" if name in LAZY else ""
    yield f"{paint(name, 'title')}{twin}\n\n"
    yield f"{(cls.__doc__ or '').strip()}\n"
    if arguments := argument_lines(cls):
        yield f"\n{paint('Arguments', 'head')}\n\n" + "".join(f"  {line}\n" for line in arguments)
    yield f"\n{paint('Formula', 'head')}\n\n  {cls.formula}\n"
    if conditions := conditions_of(cls):
        yield f"\n{paint('Conditions', 'head')}\n\n" + "".join(f"  {condition.text}\n" for condition in conditions)
    found = example(cls)
    if found is not None:
        spec, shapes, output = found
        yield f"\n{paint('Example', 'head')}\n\n  - {spec}\n\n"
        yield f"  {', '.join(map(shape_text, shapes))} -> {shape_text(output)}\n"


# Arguments -----------------------------------------------------------------------------------------------------------


def argument_lines(cls: type[Layer]) -> list[str]:
    """The arguments in torch's order, each with its default, or what must be known of it."""
    fields = [field for field in parameters(cls) if field.name != "training"]
    wide = max((len(field.name) for field in fields), default=0) + 2
    return [f"{field.name:<{wide}}{_default(cls, field)}" for field in fields]


def _default(cls: type[Layer], field: Any) -> str:
    where = ", handed to forward" if field.name in cls.forward else ""
    if field.name in cls.inferred:
        return f"inferred from the input; given, it is checked{where}"
    if field.default is MISSING and field.default_factory is MISSING:
        return f"must be given{where}"
    return f"{yaml_text(default_of(field))}{where}"


def default_of(field: Any) -> Any:
    """The default of an argument that has one."""
    return field.default_factory() if field.default is MISSING else field.default


def yaml_text(value: Any) -> str:
    """A value as a spec writes it.

    >>> yaml_text(True), yaml_text(None), yaml_text((1, 2)), yaml_text("zeros"), yaml_text(0.5), yaml_text("ij,jk->ik")
    ('true', 'null', '[1, 2]', 'zeros', '0.5', "'ij,jk->ik'")
    """
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, (tuple, list)):
        return "[" + ", ".join(map(yaml_text, value)) + "]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {yaml_text(item)}" for key, item in value.items()) + "}"
    if isinstance(value, str) and (not value or SIGNS.search(value)):
        return "'" + value.replace("'", "''") + "'"
    return str(value)


SIGNS = re.compile(r"[\[\]{},#&*!|>'\"%@`]|: |^[-?:]")  # what a text in YAML has quotes for


# Conditions ----------------------------------------------------------------------------------------------------------


def conditions_of(cls: type[Layer]) -> list[Condition]:
    """The named conditions that a layer's methods ask, in the order of formulas.py; read off the code."""
    known = [value for value in vars(formulas).values() if isinstance(value, Condition)]
    own = [value for base in cls.__mro__ for value in vars(base).values()]
    asked = {id(value) for value in [*own, *_reached(cls)] if isinstance(value, (Condition, FunctionType))}
    return [condition for condition in known if id(condition) in asked or id(condition.holds) in asked]


RECEPTIVE = ("field_size", "field_start", "adaptive_span")


def formulas_of(cls: type[Layer]) -> list[str]:
    """The names of the formulas that a layer's sizes come from, in the order of formulas.py; read off the code.

    Those of receptive fields are left out.

    >>> formulas_of(LAYERS["Conv2d"])
    ['dilated', 'window_count', 'same_padding']
    """
    asked = {id(value) for value in _reached(cls, without=("field",))}
    known = {name: value for name, value in vars(formulas).items() if isinstance(value, FunctionType)}
    return [name for name, value in known.items() if id(value) in asked and name not in RECEPTIVE]


def _reached(cls: type[Layer], without: tuple[str, ...] = ()) -> list[Any]:
    """The globals that the methods of a class name, and those that functions among them name, and so on."""
    own = {name: value for base in reversed(cls.__mro__) for name, value in vars(base).items() if name not in without}
    general = vars(Layer).values()
    waiting = [value for value in own.values() if isinstance(value, FunctionType) and value not in general]
    reached: dict[int, Any] = {}
    while waiting:
        function = waiting.pop()
        for value in _named(function):
            if id(value) not in reached:
                reached[id(value)] = value
                if isinstance(value, FunctionType) and value.__module__.startswith("shapecheck.layers"):
                    waiting.append(value)
    return list(reached.values())


def _named(function: FunctionType) -> Iterator[Any]:
    """The globals that a function names, and what it names of the project's own modules among them."""
    names = list(_names(function.__code__))
    for value in filter(None, map(function.__globals__.get, names)):
        if not isinstance(value, ModuleType):
            yield value
        elif value.__name__.startswith("shapecheck.layers"):
            yield from (vars(value)[name] for name in names if name in vars(value))


def _names(code: CodeType) -> Iterator[str]:
    """The names that a piece of code asks for, those in its comprehensions too."""
    yield from code.co_names
    for inner in code.co_consts:
        if isinstance(inner, CodeType):
            yield from _names(inner)


# An example ----------------------------------------------------------------------------------------------------------

N = open_size("N")
SHAPES: tuple[tuple[Any, ...], ...] = (
    (N, 8, 32, 32), (N, 8, 32), (N, 8), (N, 8, 16, 32, 32), (16, N, 8), (8, N), (N, 1, 32), (N, 16), (N, 4, 8), (N,),
    (1, N, 16), (2, N, 16),
)  # fmt: skip
FIRST: dict[str, tuple[Any, ...]] = {  # what is tried before, by the end of the name or by the file
    "1d": (N, 8, 32), "3d": (N, 8, 16, 32, 32), "linear": (N, 8), "bilinear": (N, 8), "embedding": (N, 8),
    "recurrent": (16, N, 8), "attention": (16, N, 8), "similarity": (N, 8), "Squeeze": (N, 1, 32),
    "Expand": (N, 1, 32), "MatMul": (N, 8, 8), "Einsum": (N, 8, 8), "Fold": (N, 32, 9), "Transformer": (16, N, 512),
    "transformer": (16, N, 8),
}  # fmt: skip
VALUES: dict[str, tuple[Any, ...]] = {  # for arguments that must be given
    "out_channels": (16,), "out_features": (16,), "kernel_size": (3, 2), "output_size": (4,), "output_ratio": (0.5,),
    "normalized_shape": (32, 8), "num_groups": (4,), "groups": (4,), "upscale_factor": (2,), "downscale_factor": (2,),
    "size": (5,), "scale_factor": (2,), "padding": (1,), "value": (0.0,), "threshold": (0.5,), "norm_type": (2,),
    "hidden_size": (16,), "embed_dim": (8,), "num_heads": (2,), "d_model": (8,), "nhead": (2,), "num_layers": (2,),
    "num_embeddings": (100,), "embedding_dim": (16,), "shape": ((-1, 64, 128), (-1, 16), (16, 8)),
    "sizes": ((-1, 8, 32),),
    "dims": ((0, 2, 3, 1), (1, 0)), "dim0": (1,), "dim1": (2,), "dim": (1, 0), "end": (4,), "chunks": (2,),
    "split_size_or_sections": (4,), "unflattened_size": ((2, 4),), "function": ("exp", "roll"), "index": (0,),
    "repeats": (2, (1, 2, 1, 1)), "equation": ("bij,bjk->bik",),
}  # fmt: skip
# arguments with a default that make an example tell more
TELLING: tuple[list[str], ...] = (["dim", "end"], [], ["scale_factor"], ["output_size"])


def example(cls: type[Layer]) -> tuple[str, tuple[Any, ...], Any] | None:
    """A line of a spec, input shapes and the output shape that go together: the first of a few plain ones that fit."""
    fields = parameters(cls)
    needed = [field.name for field in fields if field.default is MISSING and field.default_factory is MISSING]
    defaults = {field.name: field.default for field in fields}
    if any(name not in VALUES for name in needed):
        return None
    for extra in TELLING:
        wanted = needed + [name for name in extra if name in defaults and name not in needed]
        for values in product(*(VALUES[name] for name in wanted)):
            arguments = {name: value for name, value in zip(wanted, values, strict=True) if defaults[name] != value}
            for shapes in _inputs(cls):
                output = _tried(cls, arguments, shapes)
                if output is not None:
                    return _spec_line(cls.__name__, arguments), shapes, output
    return None


def _inputs(cls: type[Layer]) -> Iterator[tuple[Any, ...]]:
    """Input shapes to try: the same for all inputs first, then different ones; two inputs where any number may be."""
    least, most = cls.inputs
    count = max(least, 2) if most is None else least
    file = cls.__module__.rpartition(".")[2]
    first = [FIRST[key] for key in (cls.__name__, cls.__name__[-2:], file) if key in FIRST]
    shapes = [*first, *SHAPES]
    yield from ((shape,) * count for shape in shapes)
    if 1 < count <= 3:
        yield from product(shapes, repeat=count)


def _tried(cls: type[Layer], arguments: dict[str, Any], shapes: tuple[Any, ...]) -> Any:
    try:
        return make(cls, arguments).resolve(*shapes).shape(*shapes)
    except ShapeError:
        return None


def _spec_line(name: str, arguments: dict[str, Any]) -> str:
    return f"{name}: {yaml_text(arguments)}" if arguments else name
