"""Question: what is the simplest true formula for each shape of a network whose input sizes are names?

Main results: a stack of windows leaves one floor, a product stays a product, what must be equal is said in the fewest
words; the formulas, read as a person reads them, give the predicted number at every size, and torch's. Notation: `H`,
`W` open sizes; `known` says that a name is r more than a multiple of m.
"""

from __future__ import annotations

import random
import time
from fractions import Fraction
from math import ceil, floor
from pathlib import Path
from typing import Any

import pytest

import shapecheck
from shapecheck.layers.base import is_shape
from shapecheck.render.rows import rows
from shapecheck.size_text import text
from shapecheck.sizes import HEAVIEST, Size, evaluate, larger, name, simplest, weight

EXAMPLES = Path(__file__).parent.parent.parent / "examples"
NETWORKS = sorted(path.stem for path in EXAMPLES.glob("*.yaml") if "layers:" in path.read_text())
LAST = {4: ("H", "W"), 3: ("H",), 5: ("T", "H", "W")}
H, W, N = name("H"), name("W"), name("N")


def read(formula: str, sizes: dict[str, int]) -> Any:
    """The value of a formula as a person computes it: exact fractions, then floor and ceil."""
    words: dict[str, Any] = {"floor": floor, "ceil": ceil, "min": min, "max": max, "__builtins__": {}}
    return eval(formula, words, {word: Fraction(size) for word, size in sizes.items()})


def opened(example: str) -> shapecheck.Network:
    """An example with all its input sizes but the channels left open, and no claims that fix them."""
    network = shapecheck.load(EXAMPLES / f"{example}.yaml")
    inputs = {
        key: (*shape[:2], *map(name, LAST[len(shape)])) if len(shape) in LAST else shape
        for key, shape in network.inputs.items()
    }
    return network._replace(inputs=inputs, outputs=())


def dims(row: shapecheck.report.Row) -> list[Any]:
    """All that a row says in sizes: output, parameters, multiply-adds."""
    flat = row.output if is_shape(row.output) else [dim for shape in row.output for dim in shape]
    return [*flat, row.params, row.macs]


def last_map(example: str) -> list[str]:
    """The last four-dimensional output before the classifier pools it."""
    rows = shapecheck.infer(opened(example)).rows
    maps = [row.output for row in rows if len(row.output) == 4 and isinstance(row.output[2], Size)]
    return [str(dim) for dim in maps[-1][2:]]


@pytest.mark.parametrize(
    ("example", "height"),
    [
        ("resnet18", "ceil(H/32)"),
        ("resnet50", "ceil(H/32)"),
        ("mobilenetv2", "ceil(H/32)"),
        ("vgg16", "floor(H/32)"),
        ("nin", "floor((H-35)/32)"),
        ("alexnet", "floor((H-31)/32)"),
        ("googlenet", "floor((H+17)/32)"),
        ("unet", "H"),
        ("unet-valid", "H - 184"),
    ],
)
def test_a_network_is_one_formula(example: str, height: str) -> None:
    """Stacked strides are one divisor; a U-Net, whose merges allow only sizes that come back, gives back H."""
    assert last_map(example) == [height, height.replace("H", "W")]


def test_a_product_stays_a_product() -> None:
    """Flatten and multiply-adds are shown as they were multiplied, in height and width apart, powers too."""
    side = (H - 3) // 4
    assert str(8 * side * ((W - 3) // 4)) == "8*floor((H-3)/4)*floor((W-3)/4)"
    assert str(512 * N * ((H + 31) // 32) * ((W + 31) // 32)) == "512*N*ceil(H/32)*ceil(W/32)"
    assert str((H - 2) * (W - 4) * 6 * N) == "6*N*(H - 2)*(W - 4)"
    assert str(side * side) == "floor((H-3)/4)*floor((H-3)/4)"
    assert str(N * H + N * W) == "N*(H + W)"
    assert str(2 * (H // 4) - 8) == "2*floor((H-16)/4)"


def test_floors_of_one_size_are_one_floor_where_they_can_be() -> None:
    """ceil(n/2) + floor(n/2) = n, n - floor(n/2) = ceil(n/2), n + floor(n/2) = floor(3n/2)."""
    assert str((H + 1) // 2 + H // 2) == "H"
    assert str(H - H // 2) == "ceil(H/2)"
    assert str(3 * H // 2) == "floor(3*H/2)"
    assert str((3 * H // 2) // 2) == "floor(3*H/4)"
    assert str(H // 3 + (H + 1) // 3 + (H + 2) // 3) == "H"
    assert str((2 * (H // 4) + 1) // 4) == "floor(H/8)"
    assert str(H // 2 + H // 3) == "floor(H/2) + floor(H/3)"  # no single floor has its steps


def test_sums_of_products_are_completed_by_a_constant() -> None:
    """AlexNet's multiply-adds: a product a resolution, and one number for what does not depend on the size."""
    total = str(shapecheck.infer(opened("alexnet")).totals["macs"])
    assert total == (
        "N*(23232*floor((H-3)/4)*floor((W-3)/4) + 307200*floor((H-7)/8)*floor((W-7)/8)"
        " + 2138112*floor((H-15)/16)*floor((W-15)/16) + 58621952)"
    )


def test_what_is_broadcast_is_the_larger() -> None:
    """Of two sizes that a sum takes the larger comes out; of H and 2 floor(H/2) it is known which that is."""
    assert larger(H, 2 * (H // 2)) == H
    assert larger(H, 2 * ((H + 1) // 2)) == 2 * ((H + 1) // 2)
    both = larger(H, W)
    assert str(both) == "max(H, W)"
    assert [evaluate(both, {"H": h, "W": w}) for h, w in [(5, 1), (1, 5), (5, 5)]] == [5, 5, 5]


def test_a_sum_of_two_sizes_is_predicted_for_all_that_fit() -> None:
    """A pool rounded up and one rounded down, added: at H = 3 the 1 is broadcast to 2, and the formula says 2."""
    up, down = {"MaxPool1d": {"kernel_size": 2, "ceil_mode": True}}, {"MaxPool1d": 2}
    for body, shortcut in ((up, down), (down, up)):
        spec = {"input": ["N", 3, "H"], "layers": [{"Residual": {"body": [body], "shortcut": [shortcut]}}]}
        network = shapecheck.load(spec)
        made = shapecheck.infer(network).rows[-1].output[2]
        assert str(made) == "ceil(H/2)"
        for h in range(2, 40):
            numeric = shapecheck.infer(network, {"N": 1, "H": h})
            assert numeric.ok == (h % 2 == 0 or h == 3)
            if numeric.ok:
                assert numeric.rows[-1].output[2] == evaluate(made, {"H": h})


def test_a_quotient_needs_no_floor_where_a_congruence_is_known() -> None:
    """H/2 is said only where H is known to be even; of every formula the simplest of its equals is taken."""
    even, odd = {"H": (2, 0)}, {"H": (2, 1)}
    assert [simplest(H // 2, known) for known in ({}, even, odd)] == ["floor(H/2)", "H/2", "(H - 1)/2"]
    assert simplest((H + 31) // 32, {"H": (16, 0)}) == "ceil(H/32)"
    assert simplest((H + 1) // 4, {"H": (16, 0)}) == "H/4"
    assert simplest(512 * (H // 32) * (W // 32), {"H": (32, 0), "W": (32, 0)}) == "H*W/2"
    assert simplest(H - 4, even) == "H - 4"


def random_form(rng: random.Random, depth: int) -> Any:
    """A random open size of the kind that layers make."""
    if depth == 0:
        return rng.choice([H, W, H, rng.randint(1, 9)])
    a, b = random_form(rng, depth - 1), random_form(rng, rng.randint(0, depth - 1))
    k = rng.randint(1, 6)
    return rng.choice([a + k, a - k, k * a, a // k, (a + k) // k, a + b, a - b, a * b, larger(a, b), (a * b + k) // k])


def test_the_text_is_the_size(draws: int) -> None:
    """Random sizes, read as a person reads them, are what they are; so are they under what is known of a name."""
    for seed in range(10 * draws):
        rng = random.Random(seed)
        size = random_form(rng, rng.randint(1, 4))
        modulus = rng.randint(1, 6)
        known = {"H": (modulus, rng.randrange(modulus))}
        general, special = str(size), simplest(size, known)
        for _ in range(4):
            sizes = {"H": rng.randint(1, 60), "W": rng.randint(1, 60)}
            assert read(general, sizes) == evaluate(size, sizes), (seed, general, sizes)
            sizes["H"] = known["H"][0] * rng.randint(1, 20) + known["H"][1]
            assert read(special, sizes) == evaluate(size, sizes), (seed, special, known, sizes)


@pytest.mark.parametrize("example", NETWORKS)
def test_every_formula_of_an_example_is_its_prediction(example: str, draws: int) -> None:
    """Outputs, parameters and multiply-adds of all layers: the formula at a size is the prediction for that size."""
    network = opened(example)
    own = shapecheck.load(EXAMPLES / f"{example}.yaml").inputs
    usual = {
        str(dim): given
        for key, shape in network.inputs.items()
        for dim, given in zip(shape, own[key], strict=True)
        if isinstance(dim, Size) and isinstance(given, int)
    }
    rows = shapecheck.infer(network).rows
    forms = {dim: text(dim.terms) for row in rows for dim in dims(row) if isinstance(dim, Size)}
    rng = random.Random(example)
    accepted = 0
    for trial in range(40 if len(rows) < 200 else 10):
        steps = [0] if not trial else [0, 1, 2, 3, -1, -9, 16, 32, 100, 188]
        sizes = {"N": rng.randint(1, 3)} | {word: max(1, given + rng.choice(steps)) for word, given in usual.items()}
        sizes |= {word: rng.choice([16, 32, 64, 188, 204]) for word in network.open_names() if word not in sizes}
        numeric = shapecheck.infer(network, sizes)
        if not numeric.ok:
            continue
        accepted += 1
        values = {dim: evaluate(dim, sizes) for dim in forms}
        for row, other in zip(rows, numeric.rows, strict=True):
            found = [values.get(dim, dim) for dim in dims(row)]
            assert found == dims(other), (example, sizes, row.name)
        for dim in rng.sample(sorted(forms, key=str), min(5, len(forms))):
            assert read(forms[dim], sizes) == values[dim], (example, sizes, forms[dim])
    assert accepted, example


def random_stack(rng: random.Random) -> list[Any]:
    """Layers as people stack them, each kind that changes sizes by a formula among them."""
    k, s = rng.randint(1, 5), rng.randint(1, 3)
    window = {"kernel_size": k, "stride": s, "padding": rng.randint(0, k // 2)}
    same = {"out_channels": 4, "kernel_size": 2 * rng.randint(0, 2) + 1, "padding": "same"}
    one: list[Any] = rng.choice(
        [
            [{"Conv2d": {"out_channels": 4, "dilation": rng.randint(1, 2), **window}}],
            [{"MaxPool2d": {**window, "ceil_mode": rng.random() < 0.5}}],
            [{"AvgPool2d": {**window, "ceil_mode": rng.random() < 0.5}}],
            [{"ConvTranspose2d": {"out_channels": 4, "output_padding": rng.randrange(s), **window}}],
            [{"Upsample": {"scale_factor": rng.choice([2, 3, 1.5, 0.5])}}],
            [{"ZeroPad2d": [rng.randint(-1, 3) for _ in range(4)]}],
            [{"Residual": [{"Conv2d": same}]}],
            [{"Residual": {"body": [{"MaxPool2d": 2}, {"Upsample": {"scale_factor": 2}}], "shortcut": []}}],
            [{"Branches": {"dim": 1, "paths": [[{"MaxPool2d": 2}], [{"AvgPool2d": [2, 2]}]]}}, {"Conv2d": same}],
            [{"Branches": {"dim": 2, "paths": [[{"Conv2d": {**same}}], [{"Conv2d": {**same}}]]}}],
        ]
    )
    return one if rng.random() < 0.3 else [*one, *random_stack(rng)]


def test_random_stacks_are_predicted_once_for_all_sizes(draws: int) -> None:
    """A stack predicted with names, at a size, is the stack predicted with that size; torch agrees on a sample."""
    run = 0
    for seed in range(draws):
        rng = random.Random(seed)
        layers = [{"Conv2d": {"out_channels": 4, "kernel_size": 1}}, *random_stack(rng), "Flatten"]
        network = shapecheck.load({"input": ["N", 3, "H", "W"], "layers": layers})
        symbolic = shapecheck.infer(network)
        for trial in range(12):
            sizes = {"N": 2, "H": rng.randint(1, 70), "W": rng.randint(1, 70)}
            numeric = shapecheck.infer(network, sizes)
            if not numeric.ok:
                continue
            for row, other in zip(symbolic.rows, numeric.rows, strict=True):
                assert [evaluate(dim, sizes) for dim in dims(row)] == dims(other), (seed, sizes, row.name, layers)
                shown = [read(str(dim), sizes) for dim in dims(row)]
                assert shown == dims(other), (seed, sizes, row.name, layers)
            if trial < 2 and seed % 10 == 0:
                run += 1
                assert shapecheck.verify(network, sizes, device="meta").verified == "meta", (seed, sizes, layers)
    assert run > draws // 20


def test_a_fixed_classifier_on_open_sizes_is_a_condition() -> None:
    """in_features = 400 on 16 floor(..) floor(..) features passes where they agree, is refused where they do not."""
    layers = [{"Conv2d": {"out_channels": 16, "kernel_size": 5}}, {"MaxPool2d": 2}, "Flatten",
              {"Linear": {"in_features": 400, "out_features": 10}}]  # fmt: skip
    network = shapecheck.load({"input": ["N", 1, "H", "W"], "layers": layers})
    report = shapecheck.infer(network)
    assert report.ok
    assert str(report.rows[2].output[1]) == "16*floor((H-4)/2)*floor((W-4)/2)"
    for h in range(6, 30):
        for w in range(6, 30):
            fits = evaluate(report.rows[2].output[1], {"H": h, "W": w}) == 400
            assert shapecheck.infer(network, {"N": 1, "H": h, "W": w}).ok == fits, (h, w)


def test_open_in_features_are_a_formula() -> None:
    """A Linear whose in_features nobody gives has as many parameters as the formula says."""
    layers = [{"Conv2d": {"out_channels": 16, "kernel_size": 5}}, {"MaxPool2d": 2}, "Flatten", {"Linear": 10}]
    report = shapecheck.infer(shapecheck.load({"input": ["N", 1, "H", "W"], "layers": layers}))
    assert str(report.rows[3].params) == "160*floor((H-4)/2)*floor((W-4)/2) + 10"


def test_resnet50_is_predicted_for_all_sizes_in_far_less_than_a_second() -> None:
    """Batch, height and width open: a prediction takes milliseconds."""
    network = opened("resnet50")
    best = 1e9
    for _ in range(5):
        start = time.process_time()
        shapecheck.infer(network)
        best = min(best, time.process_time() - start)
    assert best < 0.5, best


def test_what_the_spec_asks_of_its_sizes_is_used() -> None:
    """`where: [H % 2 == 0]` makes H/2 of floor(H/2) in the table; W, of which nothing is known, keeps its floor."""
    spec = {"input": ["N", 3, "H", "W"], "where": ["H % 2 == 0"], "layers": [{"MaxPool2d": 2}]}
    report = shapecheck.check(spec, verify=False)
    assert [cells.output for cells in rows(report)] == ["[N, 3, H/2, floor(W/2)]"]


def test_a_maximum_does_not_grow_out_of_hand() -> None:
    """Sizes that are broadcast over and over stay formulas of a bounded number of parts."""
    one: Any = name("H")
    other: Any = name("W")
    for _ in range(9):
        one, other = larger(one, (other + 7) // 2), larger(other, (one + 5) // 3)
        assert max(weight(one), weight(other)) <= 4 * HEAVIEST
