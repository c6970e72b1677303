r"""Would the book notice if somebody changed a formula?

The theorems of the chapters on windows speak about the functions of `shapecheck.formulas` themselves. So each single
operator and each constant of every function they speak about is changed, one at a time; the chapters are then derived
again, from the changed file, and some proof must no longer arrive. Nothing is believed because two terms merely look
different: a changed formula is also compared with the old one on numbers.

Main results: `test_a_changed_formula_does_not_survive`, `test_the_changes_are_changes`.
"""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator
from importlib import import_module
from itertools import product
from types import ModuleType

import pytest
import sympy as sp

from derive.kernel import RuleError
from derive.theorems.pooling import Letter
from shapecheck import formulas

CHAPTERS = ["windows", "pooling", "transposed", "stacks"]
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
    "WINDOW_COUNTS",
    "WINDOW_FITS",
    "HALF_PADDING",
    "OUTPUT_PADDING",
    "OUTPUT_SIZE",
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


def test_unchanged_formulas_survive(monkeypatch):
    """The same file, read again without a change, passes: it is the change that is noticed."""
    module = ModuleType("formulas")
    exec(compile(inspect.getsource(formulas), "<unchanged>", "exec"), module.__dict__)
    for name in CHAPTERS:
        chapter = import_module(f"derive.theorems.{name}")
        monkeypatch.setattr(chapter, "formulas", module)
        prove([chapter])


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
