"""What does a live torch module say of itself, and what becomes of a forward pass under our eyes?

A module is read off its attributes as one of our layers; that must be the layer it was built from, whatever its
arguments. Where a class changes what torch's does, there is no rule.

Main results: `test_a_module_is_the_layer_it_was_built_from`, `test_who_changes_forward_has_no_rule`.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import nn

import shapecheck
from shapecheck.layers import LAYERS, LAZY
from shapecheck.layers.base import Layer, make, signature
from shapecheck.models.modules import kind_of, layer_of
from shapecheck.torch_oracle import OPERATIONS, _construct
from tests.parity.catalogue import DRAWERS, draw_case
from tests.parity.draw import Case

DRAWS = 24
MODULES = [kind for kind in LAYERS if kind not in OPERATIONS]


def drawn(kind: str, index: int) -> tuple[Case, Layer, Any] | None:
    """A case with its layer and the module torch builds of it, without weights; None where one of them cannot be."""
    case = draw_case(kind, 51, index)
    mode = {"training": case.training} if signature(LAYERS[kind]).trains else {}
    try:
        layer = make(LAYERS[kind], {**case.args, **mode}, lazy=kind in LAZY)
        given = {name: value for name, value in layer.arguments().items() if not _waits(kind, name)}
        return case, layer, _construct(kind, given, "meta").train(case.training)
    except Exception:
        return None


def _waits(kind: str, name: str) -> bool:
    return kind in LAZY and name in LAYERS[kind].inferred


def outcome(layer: Layer, shapes: Any) -> Any:
    """Shape, parameters and multiply-adds of a layer on these shapes, or the stage of its refusal."""
    try:
        layer = layer.resolve(*shapes)
        output = layer.shape(*shapes)
        return output, layer.params(), layer.macs(shapes, output)
    except shapecheck.ShapeError as error:
        return error.stage
    except TypeError:  # too many inputs
        return "count"


@pytest.mark.parametrize("kind", MODULES)
def test_a_module_is_the_layer_it_was_built_from(kind: str) -> None:
    """Built by torch and read back, a layer gives the same shapes, parameters and multiply-adds as before."""
    compared = 0
    for index in range(DRAWS):
        case = drawn(kind, index)
        if case is None:
            continue
        drawing, layer, module = case
        read = layer_of(module)
        if read is None:
            assert any(type(value) is not int for value in drawing.args.values()), ("a plain module", index, module)
            continue
        read = replace(read, **{name: getattr(layer, name) for name in layer.forward})  # type: ignore[type-var]
        assert type(read) is type(layer)
        assert outcome(read, drawing.shapes) == outcome(layer, drawing.shapes), (index, drawing)
        compared += 1
    assert compared >= DRAWS // 2, f"{kind}: {compared}"


@pytest.mark.parametrize("kind", MODULES)
def test_reading_twice_changes_nothing(kind: str) -> None:
    """What is read off a module builds a module off which the same is read: no argument is lost or made up."""
    for index in range(DRAWS // 2):
        case = drawn(kind, index)
        read = None if case is None else layer_of(case[2])
        if read is None:
            continue
        given = {name: value for name, value in read.arguments().items() if not _waits(kind, name)}
        assert layer_of(_construct(kind, given, "meta").train(getattr(read, "training", True))) == read, index


def test_the_rows_draw_every_module() -> None:
    """Every class of torch.nn in our table is drawn above."""
    assert set(MODULES) <= set(DRAWERS)


def record(kind: str, **arguments: Any) -> Layer:
    """The layer of that type with these arguments."""
    return make(LAYERS[kind], arguments)


class Doubled(nn.Conv2d):
    """A convolution that changes what torch's does."""

    def forward(self, x: Any) -> Any:
        """Torch's, of the input twice."""
        return super().forward(torch.cat([x, x], 1))


class Renamed(nn.Conv2d):
    """A convolution with arguments of its own, which does what torch's does."""

    def __init__(self, width: int) -> None:
        super().__init__(3, width, 3)

    def extra_repr(self) -> str:
        """Other words, no other deeds."""
        return "mine"


class Inside(nn.Conv2d):
    """A convolution that changes a part that torch's forward calls."""

    def _conv_forward(self, x: Any, weight: Any, bias: Any) -> Any:
        return super()._conv_forward(x, weight, bias)[..., 1:]


def test_who_changes_forward_has_no_rule() -> None:
    """A subclass keeps torch's rule as long as it changes nothing forward does; an unknown class has none."""
    assert kind_of(Renamed(8)) == "Conv2d"
    assert layer_of(Renamed(8)) == record("Conv2d", in_channels=3, out_channels=8, kernel_size=3)
    assert layer_of(Doubled(6, 8, 3)) is None
    assert layer_of(Inside(3, 8, 3)) is None
    assert layer_of(nn.Sequential()) is None
    patched: Any = nn.ReLU()
    patched.forward = lambda x: x.flatten()
    assert layer_of(patched) is None


def test_weights_that_arguments_do_not_tell_have_no_rule() -> None:
    """A module whose weights were exchanged is not what its attributes say; one that is parametrised still is."""
    pruned = nn.Conv2d(3, 8, 3)
    pruned.weight = nn.Parameter(pruned.weight[:5].detach())
    assert layer_of(pruned) is None
    normed = nn.utils.parametrizations.weight_norm(nn.Conv2d(3, 8, 3))
    assert layer_of(normed) == record("Conv2d", in_channels=3, out_channels=8, kernel_size=3)


def test_a_lazy_module_waits_until_it_has_seen_an_input() -> None:
    """Before its first input a Lazy module is open; after it, it is the plain one."""
    lazy = nn.LazyLinear(4)
    read = layer_of(lazy)
    assert read is not None
    assert read.unresolved
    lazy(torch.zeros(2, 7))
    assert layer_of(lazy) == record("Linear", in_features=7, out_features=4)


def test_the_mode_is_the_modules_or_the_one_asked_for() -> None:
    """Training is read off the module, unless it is given."""
    norm = nn.BatchNorm2d(4).eval()
    assert getattr(layer_of(norm), "training", None) is False
    assert getattr(layer_of(norm, training=True), "training", None) is True
