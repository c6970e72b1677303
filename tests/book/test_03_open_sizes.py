"""Question: what is the shape of a layer's output when the input's size is still a name?

Main results: arithmetic on open sizes says, for every number put in, what arithmetic on numbers says; nested floors are
one floor; what bounds and comparisons say of open sizes holds for all numbers; and a whole network predicted once with
names agrees with the prediction for each size. Notation: `H`, `W` open sizes, all names stand for sizes >= 1.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import shapecheck
from shapecheck.formulas import ceil_div, ceil_window_count, minimum, transposed_size, window_count
from shapecheck.sizes import Dim, Size, bounds, can_equal, evaluate, name

EXAMPLES = Path(__file__).parent.parent.parent / "examples"
H, W = name("H"), name("W")


def random_size(rng: random.Random, depth: int) -> Any:
    """An expression in H and W, as a function of the two: the same code runs on names and on numbers."""
    if depth == 0:
        constant = rng.randint(-5, 9)
        return rng.choice([lambda h, w: h, lambda h, w: w, lambda h, w: constant])
    a, b = random_size(rng, depth - 1), random_size(rng, depth - 1)
    k = rng.randint(1, 7)
    return rng.choice(
        [
            lambda h, w: a(h, w) + b(h, w),
            lambda h, w: a(h, w) - b(h, w),
            lambda h, w: a(h, w) * b(h, w),
            lambda h, w: k * a(h, w),
            lambda h, w: a(h, w) // k,
            lambda h, w: a(h, w) % k,
            lambda h, w: ceil_div(a(h, w), k),
            lambda h, w: minimum(a(h, w), b(h, w)),
            lambda h, w: window_count(a(h, w), k, 2, 1 + k // 2),
            lambda h, w: ceil_window_count(a(h, w), k, k // 2, 2),
            lambda h, w: transposed_size(a(h, w), k, 1, 2, 1),
        ]
    )


def test_one_floor_holds_two() -> None:
    """floor((floor(x/m) + a)/b) = floor((x + a m)/(m b)): stacked strides are one."""
    assert ((H // 2 + 1) // 3) == (H + 2) // 6
    assert str(window_count(window_count(H, 7, 6, 2), 3, 2, 2)) == "ceil(H/4)"


def test_the_trunk_of_a_resnet_divides_by_32() -> None:
    """Five strides of 2 with padding (k-1)/2 leave ceil(H/32), whatever H is."""
    size: Dim = H
    for span in (7, 3, 3, 3, 3):
        size = window_count(size, span, span - 1, 2)
    assert str(size) == "ceil(H/32)"


def test_ceil_mode_without_padding_is_a_floor_or_a_ceiling() -> None:
    """Of two floors by one number the smaller is known: the last window's clamp fires always, or never."""
    assert str(ceil_window_count(H, 1, 0, 2)) == "ceil(H/2)"
    assert str(ceil_window_count(H, 2, 0, 2)) == "ceil(H/2)"
    assert str(ceil_window_count(H, 3, 0, 2)) == "floor(H/2)"


def test_what_cancels_is_a_number_again() -> None:
    """H - H is 0, (4H + 6)//2 is 2H + 3: an open size is in one form, so equal ones are equal."""
    assert H - H == 0
    assert isinstance(H - H, int)
    assert (4 * H + 6) // 2 == 2 * H + 3
    assert hash((H + W) * (H + W)) == hash(H * H + 2 * H * W + W * W)


def test_names_first_or_numbers_first_is_the_same(draws: int) -> None:
    """Computing with names and then putting numbers in gives what computing with the numbers gives."""
    for seed in range(20 * draws):
        rng = random.Random(seed)
        expression: Callable[[Any, Any], Any] = random_size(rng, rng.randint(1, 4))
        symbolic = expression(H, W)
        for _ in range(5):
            h, w = rng.randint(1, 40), rng.randint(1, 40)
            assert evaluate(symbolic, {"H": h, "W": w}) == expression(h, w), (seed, h, w, str(symbolic))


def test_bounds_hold_and_impossible_is_impossible(draws: int) -> None:
    """No number lies outside the bounds of its open size, and sizes that cannot be equal never are."""
    for seed in range(10 * draws):
        rng = random.Random(seed)
        one, two = random_size(rng, 3), random_size(rng, 2)
        low, high = bounds(one(H, W))
        possible = can_equal(one(H, W), two(H, W))
        for _ in range(5):
            h, w = rng.randint(1, 40), rng.randint(1, 40)
            value = one(h, w)
            assert low is None or low <= value, (seed, h, w)
            assert high is None or value <= high, (seed, h, w)
            assert possible or value != two(h, w), (seed, h, w)


def at(shape: Any, sizes: dict[str, int]) -> Any:
    """A shape, or nested ones, with numbers put in for names."""
    if isinstance(shape, tuple):
        return tuple(at(item, sizes) for item in shape)
    return evaluate(shape, sizes) if isinstance(shape, Size) else shape


def opened(name_of_example: str) -> shapecheck.Network:
    """An example with its height and width left open, as far as it has them."""
    network = shapecheck.load(EXAMPLES / f"{name_of_example}.yaml")
    shape = network.inputs["input"]
    names = {4: ("H", "W"), 3: ("H",), 5: ("T", "H", "W")}[len(shape)]
    return network._replace(inputs={"input": (*shape[:2], *map(name, names))}, outputs=())


@pytest.mark.parametrize("example", ["alexnet", "vgg16", "googlenet", "resnet18", "densenet121", "mobilenetv2", "nin"])
def test_a_network_predicted_once_is_predicted_for_every_size(example: str) -> None:
    """Each row's open output, with numbers put in, is the row predicted for those numbers."""
    network = opened(example)
    symbolic = shapecheck.infer(network)
    for height, width in [(224, 224), (231, 256), (320, 193), (449, 500)]:
        sizes = {"N": 2, "H": height, "W": width}
        numeric = shapecheck.infer(network, sizes)
        assert numeric.ok, (example, sizes, numeric.diagnostics[:1])
        for row, other in zip(symbolic.layers, numeric.layers, strict=True):
            assert at(row.output, sizes) == other.output, (example, row.name, sizes)
            assert at(row.macs, sizes) == other.macs, (example, row.name, sizes)
