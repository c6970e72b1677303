r"""Would the book notice if somebody changed a formula?

The theorems of the chapters on sizes speak about the functions and conditions of `shapecheck.formulas` themselves. So
each single operator, comparison and constant of every one of them is changed, one at a time; the chapters are then
derived again, from the changed file, and some proof must no longer arrive. Where torch draws a border, or gives a size,
torch must notice too: for some conditions, such as that of the fractional pool in 3-D, there is no other reason than
torch's. Nothing is believed because two terms merely look different: a changed formula is also compared with the old
one on numbers.

Main results: `test_a_changed_formula_does_not_survive`, `test_torch_draws_the_same_borders`,
`test_torch_notices_a_change`, `test_no_formula_is_forgotten`, `test_the_changes_are_changes`.
"""

from __future__ import annotations

import ast
import functools
import inspect
from collections.abc import Callable, Iterator
from importlib import import_module
from itertools import product
from types import ModuleType
from typing import Any

import pytest
import sympy as sp
import torch
from torch import nn
from torch.nn import functional

from derive.kernel import RuleError
from derive.theorems.pooling import Letter
from shapecheck import formulas

CHAPTERS = ["windows", "pooling", "transposed", "stacks", "demands", "resampling"]  # enough to notice every change
SUBJECTS = [
    "dilated",
    "window_count",
    "ceil_div",
    "same_padding",
    "padded_size",
    "ceil_window_count",
    "minimum",
    "adaptive_start",
    "adaptive_stop",
    "adaptive_span",
    "transposed_size",
    "field_size",
    "field_start",
    "scaled_size",
    "dyadic_size",
    "WINDOW_COUNTS",
    "WINDOW_FITS",
    "HALF_PADDING",
    "SOME_WINDOW",
    "WINDOW_INSIDE",
    "PAD_REFLECTS",
    "PAD_WRAPS",
    "FRACTIONAL_FITS",
    "FRACTIONAL_FITS_3D",
    "OUTPUT_PADDING",
    "OUTPUT_SIZE",
    "UNPOOL_SIZE",
]

OPERATORS = (ast.Add(), ast.Sub(), ast.Mult(), ast.FloorDiv())
COMPARISONS = (ast.LtE(), ast.Lt(), ast.GtE(), ast.Gt())
BITS = (ast.BitAnd(), ast.BitOr())
LETTER = sp.Symbol("x", integer=True)


def others(node: ast.AST) -> list[tuple[str, object]]:
    """What may stand in a node instead: (field, value)."""
    if isinstance(node, ast.BinOp):
        family = BITS if isinstance(node.op, BITS_TYPES) else OPERATORS
        return [("op", op) for op in family if type(op) is not type(node.op)]
    if isinstance(node, ast.Compare) and type(node.ops[0]) in COMPARISON_TYPES:
        return [("ops", [op]) for op in COMPARISONS if type(op) is not type(node.ops[0])]
    if isinstance(node, ast.Compare):
        return [("ops", [ast.Is() if isinstance(node.ops[0], ast.IsNot) else ast.IsNot()])]
    if isinstance(node, ast.BoolOp):
        return [("op", ast.Or() if isinstance(node.op, ast.And) else ast.And())]
    if isinstance(node, ast.Constant) and type(node.value) is int:
        return [("value", node.value + 1), ("value", node.value - 1)]
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return [("value", node.value + "_")]
    return []


BITS_TYPES = tuple(map(type, BITS))
COMPARISON_TYPES = tuple(map(type, COMPARISONS))


def code_of(name: str, tree: ast.Module) -> list[ast.AST]:
    """The nodes of a function's body, docstring aside, or of a condition's relation."""
    for node in tree.body:
        if isinstance(node, ast.FunctionDef) and node.name == name:
            return [piece for line in node.body[1:] for piece in ast.walk(line)]
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == name:
            assert isinstance(node.value, ast.Call)
            return list(ast.walk(node.value.args[1]))
    raise LookupError(name)


def changes(name: str) -> Iterator[tuple[str, ModuleType]]:
    """Every module that differs from `formulas` in one operator or constant of one function: (what it is, module)."""
    text = inspect.getsource(formulas)
    for place, node in enumerate(code_of(name, ast.parse(text))):
        for choice, _ in enumerate(others(node)):
            tree = ast.parse(text)
            changed = code_of(name, tree)[place]
            field, value = others(changed)[choice]
            before = ast.unparse(changed)
            setattr(changed, field, value)
            module = ModuleType("formulas")
            exec(compile(ast.fix_missing_locations(tree), "<changed>", "exec"), module.__dict__)
            yield f"{name}: {before} -> {ast.unparse(changed)}", module


EVERY = [change for name in SUBJECTS for change in changes(name)]


def prove(chapters: list[ModuleType]) -> None:
    """Nothing; RuleError where a theorem of the chapters cannot be derived, or does not stand."""
    for chapter in chapters:
        for theorem in chapter.chapter():
            theorem.recheck()


@pytest.mark.parametrize(("what", "module"), EVERY, ids=[what for what, _ in EVERY])
def test_a_changed_formula_does_not_survive(what, module, monkeypatch):
    """With any one operator or constant changed some theorem of the chapters is no longer derived."""
    chapters = [import_module(f"derive.theorems.{name}") for name in CHAPTERS]
    chapters.sort(key=lambda chapter: f"formulas.{what.partition(':')[0]}" not in inspect.getsource(chapter))
    for chapter in chapters:
        monkeypatch.setattr(chapter, "formulas", module)
    with pytest.raises((RuleError, TypeError)):
        prove(chapters)


@pytest.mark.parametrize("name", CHAPTERS)
def test_unchanged_formulas_survive(name, monkeypatch):
    """The same file, read again without a change, passes: it is the change that is noticed."""
    module = ModuleType("formulas")
    exec(compile(inspect.getsource(formulas), "<unchanged>", "exec"), module.__dict__)
    chapters = [import_module(f"derive.theorems.{other}") for other in CHAPTERS]
    for chapter in chapters:
        monkeypatch.setattr(chapter, "formulas", module)
    prove([import_module(f"derive.theorems.{name}")])


def test_no_formula_is_forgotten():
    """Every function and condition that the file has for others is a subject here."""
    public = [
        node.name if isinstance(node, ast.FunctionDef) else getattr(node.targets[0], "id", "")
        for node in ast.parse(inspect.getsource(formulas)).body
        if isinstance(node, ast.FunctionDef | ast.Assign)
    ]
    assert sorted(SUBJECTS) == sorted(public)
    assert {what.partition(":")[0] for what, _ in EVERY} == set(SUBJECTS)


def test_the_changes_are_changes():
    """Each change gives another number, truth or error somewhere: none of them only looks different."""
    for what, module in EVERY:
        name = what.partition(":")[0]
        old, new = getattr(formulas, name), getattr(module, name)
        old, new = getattr(old, "holds", old), getattr(new, "holds", new)
        values = product((1, 2, 3, LETTER, Letter(LETTER)), repeat=len(inspect.signature(old).parameters))
        assert any(answer(old, at) != answer(new, at) for at in values), what


def answer(function, at):
    """What a function says of some numbers or letters, or that it fails."""
    try:
        return function(*at)
    except (ZeroDivisionError, TypeError, AttributeError):
        return None


# Torch ---------------------------------------------------------------------------------------------------------------

Facts = dict[tuple[Any, ...], Any]  # a formula's arguments, and what torch does there


def cells(*sizes: int) -> torch.Tensor:
    """One sample of one channel."""
    return torch.zeros(1, 1, *sizes)


def accepts(call: Callable[..., object], *arguments: Any, **options: Any) -> bool:
    """Whether torch runs it."""
    try:
        call(*arguments, **options)
    except (RuntimeError, ValueError):
        return False
    return True


def size_of(call: Callable[..., torch.Tensor], *arguments: Any, **options: Any) -> int:
    """The last size of what torch makes."""
    return call(*arguments, **options).shape[-1]


def convolutions() -> Facts:
    """The size behind a convolution of n cells, at (n, k, p, s), where torch takes it."""
    every = product(range(1, 7), range(1, 5), range(3), range(1, 4))
    fits = [(n, k, q, s) for n, k, q, s in every if k <= n + 2 * q]
    return {
        (n, k, 2 * q, s): size_of(functional.conv1d, cells(n), cells(k), stride=s, padding=q) for n, k, q, s in fits
    }


def fitting_windows() -> Facts:
    """Whether a convolution of n cells runs, at (n, k, p)."""
    return {
        (n, k, 2 * q): accepts(functional.conv1d, cells(n), cells(k), padding=q)
        for n, k, q in product(range(1, 5), range(1, 8), range(3))
    }


def ceil_pools() -> Iterator[tuple[tuple[int, int, int, int], Callable[[], torch.Tensor]]]:
    """Pools in ceil mode by (n, k, q, s)."""
    for n, k, q, s in product(range(1, 6), range(1, 6), range(3), range(1, 4)):
        if q <= k // 2:
            pool = nn.MaxPool1d(k, stride=s, padding=q, ceil_mode=True)
            yield (n, k, q, s), functools.partial(pool, cells(n))


def ceil_sizes() -> Facts:
    """The size behind a pool in ceil mode, at (n, k, q, s)."""
    return {at: size_of(pool) for at, pool in ceil_pools() if accepts(pool)}


def some_windows() -> Facts:
    """Whether a pool in ceil mode runs, at the number of windows that the rule gives."""
    facts: Facts = {}
    for at, pool in ceil_pools():
        runs = accepts(pool)
        assert facts.setdefault((formulas.ceil_window_count(*at),), runs) == runs, at
    return facts


def transposed_sizes() -> Facts:
    """The size behind a transposed convolution, at (n, k, p, s, op)."""
    every = product(range(1, 4), range(1, 4), range(2), range(1, 4), range(3))
    return {
        (n, k, 2 * q, s, op): size_of(
            functional.conv_transpose1d, cells(n), cells(k), stride=s, padding=q, output_padding=op
        )
        for n, k, q, s, op in every
        if op < s and (n - 1) * s - 2 * q + k + op >= 1
    }


def output_paddings() -> Facts:
    """Whether a transposed convolution takes an output padding, at (op, s, d)."""
    return {
        (op, s, d): accepts(functional.conv_transpose1d, cells(4), cells(2), stride=s, dilation=d, output_padding=op)
        for op, s, d in product(range(5), range(1, 4), range(1, 4))
    }


def output_sizes() -> Facts:
    """Whether a transposed convolution makes the size asked for, at (o, the least, s)."""
    facts: Facts = {}
    for s, k, n, o in product(range(1, 4), range(1, 4), range(1, 4), range(1, 12)):
        layer = nn.ConvTranspose1d(1, 1, k, stride=s)
        least = layer(cells(n)).shape[-1]
        facts[o, least, s] = accepts(layer, cells(n), output_size=[o])
    return facts


def unpool_sizes() -> Facts:
    """Whether unpooling makes the size asked for, at (o, the usual, s)."""
    facts: Facts = {}
    for s, k, n, o in product(range(1, 4), range(1, 4), range(1, 4), range(1, 12)):
        layer, places = nn.MaxUnpool1d(k, stride=s), torch.zeros(1, 1, n, dtype=torch.int64)
        usual = layer(cells(n), places).shape[-1]
        facts[o, usual, s] = accepts(layer, cells(n), places, output_size=[o])
    return facts


def scaled_sizes() -> Facts:
    """The size behind an upsampling by a float."""
    return {
        (n, scale): size_of(functional.interpolate, cells(n), scale_factor=scale)
        for n, scale in product((4, 5, 10, 80, 90, 100), (0.5, 0.7, 1.5, 2.0, 2.3))
    }


def dyadic_sizes() -> Facts:
    """The size behind an upsampling by m/t."""
    return {
        (n, m, t): size_of(functional.interpolate, cells(n), scale_factor=m / t)
        for n, m, t in product(range(4, 9), range(1, 8), (1, 2, 4))
    }


def windows_inside() -> Facts:
    """Whether an average pool in 3-D runs, padded as much as it may be, at (n, k)."""
    return {(n, k): accepts(nn.AvgPool3d(k, padding=k // 2), cells(n, n, n)) for n, k in product(range(1, 6), repeat=2)}


def paddings(layer: Callable[[int], nn.Module]) -> Facts:
    """Whether a padding of q runs on n cells, at (n, q)."""
    return {(n, q): accepts(layer(q), cells(n)) for n, q in product(range(1, 6), range(7))}


def fractional_pools(layer: type[nn.Module], axes: int) -> Facts:
    """Whether a pool of k cells finds o places in n cells."""
    return {
        (n, k, o): accepts(layer(k, output_size=o), cells(*[n] * axes)) for n, k, o in product(range(1, 6), repeat=3)
    }


BORDERS: dict[str, Callable[[], Facts]] = {
    "window_count": convolutions,
    "ceil_window_count": ceil_sizes,
    "transposed_size": transposed_sizes,
    "scaled_size": scaled_sizes,
    "dyadic_size": dyadic_sizes,
    "padded_size": lambda: {
        (n, before, after): size_of(functional.pad, cells(n), (before, after))
        for n, before, after in product(range(4, 7), range(-1, 3), range(-1, 3))
    },
    "WINDOW_FITS": fitting_windows,
    "SOME_WINDOW": some_windows,
    "WINDOW_INSIDE": windows_inside,
    "HALF_PADDING": lambda: {
        (k, q): accepts(nn.MaxPool1d(k, padding=q), cells(9)) for k, q in product(range(1, 7), range(5))
    },
    "PAD_REFLECTS": lambda: paddings(nn.ReflectionPad1d),
    "PAD_WRAPS": lambda: paddings(nn.CircularPad1d),
    "FRACTIONAL_FITS": lambda: fractional_pools(nn.FractionalMaxPool2d, 2),
    "FRACTIONAL_FITS_3D": lambda: fractional_pools(nn.FractionalMaxPool3d, 3),
    "OUTPUT_PADDING": output_paddings,
    "OUTPUT_SIZE": output_sizes,
    "UNPOOL_SIZE": unpool_sizes,
}


@functools.cache
def torch_says(name: str) -> Facts:
    """What torch does at small sizes."""
    return BORDERS[name]()


def disagreements(name: str, module: ModuleType) -> list[tuple[Any, ...]]:
    """Where a formula or a condition of the module says something else than torch does."""
    subject = getattr(module, name)
    function = getattr(subject, "holds", subject)
    return [at for at, fact in torch_says(name).items() if answer(function, at) != fact]


@pytest.mark.parametrize("name", BORDERS)
def test_torch_draws_the_same_borders(name):
    """At every small size torch accepts what the condition accepts, or makes the size that the formula says."""
    facts = torch_says(name)
    assert disagreements(name, formulas) == []
    assert len(set(facts.values())) > 1  # there is something on both sides


@pytest.mark.parametrize("name", BORDERS)
def test_torch_notices_a_change(name):
    """With any one operator, comparison or constant changed the formula no longer says what torch does."""
    changed = [(what, module) for what, module in EVERY if what.partition(":")[0] == name]
    assert changed
    for what, module in changed:
        assert disagreements(name, module), what
