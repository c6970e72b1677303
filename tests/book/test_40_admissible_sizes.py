"""Question: for which input sizes does a network run, all of them, and how can that be known for ever?

Main results: a run with a witness decides as all sizes of its cell decide, so finitely many runs cover all sizes; the
sets found agree with the prediction for each number, and with torch; U-Net wants multiples of 16, LeNet's classifier
28 to 31, or any other two sizes whose product fits; where a formula ends (a float factor) the answer says how far it
was checked. Notation: H, W, L sizes; a cell is the set of sizes that take one path through the layers.
"""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from typing import Any

import pytest
import torch

import shapecheck
from shapecheck.admission import periodic
from shapecheck.admission.answer import Admissible, admissible_of, open_axes
from shapecheck.admission.laws import ALL, NoLawError, complement, cut, law, on_axis, where
from shapecheck.admission.paths import explore, run
from shapecheck.admission.periodic import Periodic, between, multiples, signs
from shapecheck.admission.regions import Region, holds, least_in, tie
from shapecheck.admission.witness import Decision, Trail
from shapecheck.sizes import Size, evaluate, name
from shapecheck.torch_oracle import module
from tests.examples import FITTING, ROOT

H, W = name("H"), name("W")
FAR = 300  # brute force looks this far
LENET_HEAD: list[Any] = [
    {"Conv2d": {"out_channels": 6, "kernel_size": 5, "padding": 2}}, {"AvgPool2d": 2},
    {"Conv2d": {"out_channels": 16, "kernel_size": 5}}, {"AvgPool2d": 2},
    "Flatten", {"Linear": {"in_features": 400, "out_features": 120}},
]  # fmt: skip


def spec(shape: list[Any], *layers: Any, **more: Any) -> dict[str, Any]:
    """A network of these layers."""
    return {"input": shape, "layers": list(layers), **more}


def predicted(answer: Admissible, **sizes: int) -> bool:
    """Whether the layers take these sizes, predicted for the numbers alone."""
    return shapecheck.infer(answer.network, sizes).ok


# sets that repeat ----------------------------------------------------------------------------------------------------


def some_set(rng: random.Random) -> tuple[set[int], Periodic]:
    """A set as its numbers up to 60, and as a Periodic."""
    head, period = rng.randint(0, 7), rng.choice([1, 2, 3, 4, 6, 12])
    bits = rng.getrandbits(head + period)
    found = Periodic(0, 1, 0)
    numbers = set()
    for n in range(1, 61):
        place = n - 1 if n <= head else head + (n - 1 - head) % period
        if bits >> place & 1:
            numbers.add(n)
    for place in range(head + period):
        if bits >> place & 1:
            one = between(place + 1, place + 1)
            found = found | (one if place < head else multiples(period, place + 1) & between(place + 1, None))
    return numbers, found


def test_sets_that_repeat_are_a_boolean_algebra(draws: int) -> None:
    """Union, intersection, complement and difference hold the numbers they should, and equal sets are equal values."""
    for seed in range(2 * draws):
        rng = random.Random(seed)
        (a, one), (b, two) = some_set(rng), some_set(rng)
        pairs = [(a | b, one | two), (a & b, one & two), (a - b, one - two), (set(range(1, 61)) - a, ~one)]
        for numbers, found in pairs:
            assert {n for n in range(1, 61) if found.contains(n)} == numbers, seed
        assert one - two == one & ~two, seed
        assert (~(one | two)) == (~one & ~two), seed


def test_the_least_and_the_greatest_are_found(draws: int) -> None:
    """`least(s)` is the first number of the set from s on, `greatest(s)` the last up to s."""
    for seed in range(draws):
        rng = random.Random(seed)
        numbers, found = some_set(rng)
        for start in (1, rng.randint(1, 40)):
            assert found.least(start) == min((n for n in numbers if n >= start), default=None), seed
            assert found.greatest(start) == max((n for n in numbers if n <= start), default=None), seed


def test_a_polynomial_is_positive_where_it_is(draws: int) -> None:
    """The ranges found hold all m >= 0 at which a polynomial of degree up to 3 is >= 0, or is 0, and no others."""
    for seed in range(draws):
        rng = random.Random(seed)
        newton = [rng.randint(-30, 30) for _ in range(rng.randint(1, 4))]
        for equal in (False, True):
            ranges = signs(newton, equal)
            for m in range(150):
                value = periodic._at(newton, m)
                inside = any(first <= m and (last is None or m <= last) for first, last in ranges)
                assert inside == (value == 0 if equal else value >= 0), (seed, m)


def some_formula(rng: random.Random, letters: list[Size], depth: int = 3) -> Any:
    """A quasi-linear formula in the letters."""
    if depth == 0:
        return rng.choice([*letters, rng.randint(-6, 9)])
    one, two = (some_formula(rng, letters, depth - 1) for _ in range(2))
    return rng.choice([one + two, one - two, one * rng.randint(1, 3), (one + rng.randint(0, 9)) // rng.randint(1, 5)])


def test_the_law_of_a_formula_holds(draws: int) -> None:
    """f(n + S) - f(n) is one number T for all n, with the S that `law` finds."""
    for seed in range(2 * draws):
        formula = some_formula(random.Random(seed), [H])
        if isinstance(formula, Size):
            period = law(formula).periods["H"]
            steps = {evaluate(formula, {"H": n + period}) - evaluate(formula, {"H": n}) for n in range(1, 60)}
            assert len(steps) == 1, (seed, str(formula), period)


def test_a_comparison_is_solved_for_all_sizes(draws: int) -> None:
    """Where a formula is >= 0, or 0, is found exactly: on one axis, and on two where they can be parted."""
    parted = 0
    for seed in range(2 * draws):
        rng = random.Random(seed)
        formula = some_formula(rng, [H], 2) * some_formula(rng, [W], 2) - rng.randint(-3, 12)
        if not isinstance(formula, Size):
            continue
        for equal in (False, True):
            boxes = where(Decision(formula, equal, True))
            if boxes is None:
                continue
            parted += 1
            for h, w in [(rng.randint(1, 40), rng.randint(1, 40)) for _ in range(30)]:
                sizes = {"H": h, "W": w}
                inside = [box for box in boxes if all(axis.contains(sizes[x]) for x, axis in box.items())]
                assert len(inside) == holds(Decision(formula, equal, True), sizes), (seed, sizes, str(formula))
    assert parted > draws


def test_a_size_divided_by_a_size_has_no_law() -> None:
    """floor(H/W) repeats nowhere, and that is said."""
    with pytest.raises(NoLawError):
        law(H // W)


# a path --------------------------------------------------------------------------------------------------------------


def test_a_witness_computes_as_its_number_does(draws: int) -> None:
    """Whatever is computed from a witness has the value numbers give, and its formula has that value too."""
    for seed in range(draws):
        rng = random.Random(seed)
        h, w = rng.randint(1, 50), rng.randint(1, 50)
        trail = Trail({"H": h, "W": w})
        script = random.Random(seed)
        traced = some_formula(script, [trail.witness("H"), trail.witness("W")])  # type: ignore[list-item]
        plain = some_formula(random.Random(seed), [h, w])  # type: ignore[list-item]
        assert int.__eq__(traced, plain), seed
        assert evaluate(getattr(traced, "formula", traced), {"H": h, "W": w}) == plain, seed


def test_where_a_formula_ends_the_number_is_noted() -> None:
    """A float, a hash, a count of steps: from there on the path is that of one size only, and says so."""
    for use in (
        lambda n: n * 0.5,
        hash,
        lambda n: [0] * int(n),
        lambda n: n / 2,
        lambda n: 7 // n,
        float,
        lambda n: n**2,
    ):
        trail = Trail({"H": 6})
        use(trail.witness("H"))
        assert trail.pinned == {"H"}
        assert [str(decision) for decision in trail.path()] == ["H - 6 == 0"]


def test_sizes_of_one_cell_take_one_path(draws: int) -> None:
    """A run from any other sizes of a cell decides alike and has the same verdict: what was seen once holds for all."""
    for seed in range(draws // 4):
        network = shapecheck.load(some_network(seed))
        found = explore(network, network.open_names(), most_runs=60)
        rng = random.Random(seed)
        for cell in found.cells[:12]:
            region = rng.choice(cell.regions)
            for _ in range(2):
                start = {x: rng.randint(1, 60) for x in network.open_names()}
                box = cut(region.box, {x: between(n, None) for x, n in start.items()})
                other = least_in(Region(box or region.box, region.coupled), network.open_names())[0]
                if other is not None:
                    verdict, _ = run(network, other)
                    assert verdict.node == cell.verdict.node, (seed, cell.witness, other)


# networks ------------------------------------------------------------------------------------------------------------


def test_a_unet_wants_multiples_of_sixteen() -> None:
    """Four halvings are undone exactly iff 16 divides H and W; each skip asks for a part of that."""
    answer = shapecheck.admissible(ROOT / "examples" / "unet.yaml")
    assert str(answer) == "16 divides H and W"
    assert answer.exact
    assert (answer.threshold["H"], answer.period["H"]) == (1, 16)
    assert answer.contains(H=224, W=224)
    assert not answer.contains(H=224, W=225)
    assert not answer.contains(H=8)
    assert answer.nearest(H=225, W=223) == {"N": 1, "H": 224, "W": 224}
    needed = [(cause.layer, cause.condition) for cause in answer.causes if cause.needed]
    assert [layer for layer, _ in needed] == ["concat_1", "concat_2", "concat_3", "concat_4"]
    assert needed[-1][1] == "2 divides H and W"


def test_a_fixed_classifier_leaves_an_interval() -> None:
    """LeNet's 400 features are 16 * 5 * 5, so a square picture has 28 to 31 cells a side."""
    answer = shapecheck.admissible(spec(["N", 1, "H", "H"], *LENET_HEAD))
    assert str(answer) == "28 <= H <= 31"
    assert list(answer) == [28, 29, 30, 31]


def test_a_fixed_classifier_admits_all_pairs_whose_product_fits() -> None:
    """400 is 16 * 25 * 1 too: LeNet takes pictures of 12 x 108 cells, and torch agrees."""
    answer = shapecheck.admissible(spec(["N", 1, "H", "W"], *LENET_HEAD))
    assert answer.exact
    for first, second in [((12, 15), (108, 111)), ((28, 31), (28, 31)), ((108, 111), (12, 15))]:
        for h in (first[0] - 1, *first, first[1] + 1):
            for w in (second[0] - 1, *second, second[1] + 1):
                inside = first[0] <= h <= first[1] and second[0] <= w <= second[1]
                assert answer.contains(H=h, W=w) == inside == predicted(answer, N=1, H=h, W=w)
    net = module(answer.network, {"N": 1, "H": 28, "W": 28})
    assert net(torch.zeros(1, 1, 12, 108)).shape == (1, 120)


@pytest.mark.parametrize(
    ("example", "statement"),
    [
        ("alexnet", "H >= 63 and W >= 63"),
        ("unet-valid", "H >= 188 and W >= 188 and H % 16 == 12 and W % 16 == 12"),
        ("audio-m5", "L >= 6848"),
        ("resnet18", "any H and W; with N = 1: H >= 33, or W >= 33"),
    ],
)
def test_what_is_known_of_famous_networks(example: str, statement: str) -> None:
    """The paper's U-Net wants 188 + 16 m; a ResNet takes anything, but of one picture more than a cell must be left."""
    answer = shapecheck.admissible(ROOT / "examples" / f"{example}.yaml")
    assert (str(answer), answer.exact) == (statement, True)


@pytest.mark.parametrize("path", FITTING, ids=lambda path: path.stem)
def test_every_example_agrees_with_brute_force(path: Any) -> None:
    """The exact set is what prediction says for every size from 1 to 300 on an axis, and for many on the others."""
    answer = shapecheck.admissible(path)
    assert answer.exact
    least = answer.least()
    assert least is not None
    first, *others = answer.main_names
    lines = [{**least, first: size} for size in range(1, FAR + 1)]
    lines += [{**least, x: size} for x in others for size in range(1, FAR + 1, 7)]
    lines += [{**least, **dict.fromkeys(answer.main_names, size)} for size in range(1, FAR + 1, 7)]
    for sizes in lines:
        assert answer.contains(**sizes) == predicted(answer, **sizes), sizes


NIGHTLY = int(os.environ.get("SHAPEPROOF_DRAWS", "0")) >= 1000
WITH_TORCH = [path.stem for path in FITTING] if NIGHTLY else ["lenet", "unet", "nin"]


@pytest.mark.parametrize("example", WITH_TORCH)
def test_torch_agrees_on_every_size_of_an_axis(example: str) -> None:
    """The modules, built once and run on torch's meta device, take a picture of W <= 300 cells iff the set holds W."""
    answer = shapecheck.admissible(ROOT / "examples" / f"{example}.yaml")
    least = answer.least()
    assert least is not None
    with torch.device("meta"):
        net = module(answer.network, least)
    (shape,) = answer.network.inputs.values()
    for size in range(1, FAR + 1):
        sizes = {**least, answer.main_names[-1]: size}
        picture = torch.zeros(*(int(str(evaluate(dim, sizes))) for dim in shape), device="meta")
        assert runs(net, picture) == answer.contains(**sizes), size


def runs(net: Any, picture: Any) -> bool:
    """Whether torch takes the picture."""
    try:
        net(picture)
    except (RuntimeError, ValueError):  # batch norm of one value raises the latter
        return False
    return True


def test_no_size_at_all_is_said_with_its_cause() -> None:
    """A classifier of a wrong number of features leaves nothing, and the statement names it."""
    answer = shapecheck.admissible(
        spec(["N", 3, "H", 8], "Flatten", {"Linear": {"in_features": 100, "out_features": 2}})
    )
    assert answer.empty
    assert str(answer).startswith("no size at all: because linear_1")
    assert answer.least() is None
    assert answer.nearest(H=7) is None


# coupled sizes -------------------------------------------------------------------------------------------------------


def test_a_picture_and_its_transpose_are_added_only_if_square() -> None:
    """x + x^T asks for H = W, but for the sizes that broadcasting repeats."""
    answer = shapecheck.admissible(
        spec(
            ["N", 3, "H", "W"],
            {"ReLU": None, "name": "a"},
            {"Permute": [0, 1, 3, 2]},
            {"Add": None, "from": ["a", "permute_1"]},
        )
    )
    assert str(answer) == "H = W, or H = 1 and W >= 2, or H >= 2 and W = 1"
    assert answer.nearest(H=7, W=9) in ({"N": 1, "H": 7, "W": 7}, {"N": 1, "H": 9, "W": 9}, {"N": 1, "H": 8, "W": 8})


def test_two_inputs_are_tied_by_what_joins_them() -> None:
    """Concat asks the second input for the size that is left of the first: X = floor(H/2)."""
    answer = shapecheck.admissible(
        {"inputs": {"a": ["N", 3, "H"], "b": ["N", 3, "X"]},
         "layers": [{"MaxPool1d": 2, "from": "a", "name": "p"}, {"Concat": 1, "from": ["p", "b"]}]}
    )  # fmt: skip
    assert answer.exact
    for h, x in [(1, 1), (2, 1), (3, 1), (4, 1), (4, 2), (9, 4), (1000, 500), (1000, 499)]:
        assert answer.contains(H=h, X=x) == (h >= 2 and x == h // 2), (h, x)
    assert answer.least() == {"N": 1, "H": 2, "X": 1}


def test_conditions_of_the_spec_are_met_too() -> None:
    """`where` narrows the set, alone and with what a call asks for; sizes outside are findings when they are given."""
    net = spec(["N", 3, "H", "W"], {"MaxPool2d": 2}, {"PixelUnshuffle": 2}, where=["H >= 64", "H = W"])
    answer = shapecheck.admissible(net)
    assert str(answer) == "H = W and H >= 64 and H % 4 in 0..1"
    assert str(shapecheck.admissible(net, ["H <= 66"])) == "64 <= H = W <= 65"
    assert [f.code for f in shapecheck.check(net, {"H": 60, "W": 60}, verify=False).diagnostics] == ["SP503"]
    with pytest.raises(ValueError, match="no open size"):
        shapecheck.admissible(net, ["h >= 2"])


# random networks -----------------------------------------------------------------------------------------------------


def some_layer(rng: random.Random, depth: int = 0) -> Any:
    """A layer that changes sizes, its arguments drawn."""
    pick = rng.choice
    kernel, stride = rng.randint(1, 4), rng.randint(1, 3)
    pool = {
        "kernel_size": kernel,
        "stride": stride,
        "padding": rng.randint(0, kernel // 2),
        "ceil_mode": pick([True, False]),
    }
    conv = {
        "out_channels": 4,
        "kernel_size": [kernel, rng.randint(1, 4)],
        "stride": stride,
        "padding": rng.randint(0, 2),
    }
    layers: list[Any] = [
        {"Conv2d": {**conv, "dilation": rng.randint(1, 2)}},
        {"MaxPool2d": pool},
        {"AvgPool2d": pool},
        {"ConvTranspose2d": {**conv, "output_padding": rng.randint(0, stride - 1)}},
        {"Upsample": {"scale_factor": pick([2, 0.5, 1.5, [2, 0.75]])}},
        {"ZeroPad2d": [rng.randint(-3, 3) for _ in range(4)]},
        {"ReflectionPad2d": rng.randint(0, 3)},
        {"Slice": {"dim": 2, "start": rng.randint(-4, 4), "end": pick([None, 7, -1]), "step": stride}},
        {"AdaptiveAvgPool2d": [kernel, None]},
        {"Sequential": [{"PixelUnshuffle": pick([2, 3])}, {"Conv2d": {"out_channels": 4, "kernel_size": 1}}]},
        {"Permute": [0, 1, 3, 2]},
        "BatchNorm2d",
    ]
    if depth < 2:
        paths = [[some_layer(rng, depth + 1) for _ in range(rng.randint(0, 2))] for _ in range(2)]
        layers += [{"Residual": {"body": paths[0] or ["ReLU"]}}, {"Branches": {"dim": pick([1, 2]), "paths": paths}}]
    return pick(layers)


def some_network(seed: int) -> dict[str, Any]:
    """A random stack with one of several heads, on a picture with one or two open sizes."""
    rng = random.Random(seed)
    layers = [some_layer(rng) for _ in range(rng.randint(1, 4))]
    head: list[list[Any]] = [
        [], [], ["Flatten", {"Linear": {"in_features": 4 * rng.choice([1, 4, 6, 9, 12, 25, 36]), "out_features": 3}}],
        [{"Linear": {"in_features": rng.choice([1, 3, 5]), "out_features": 3}}],
        [{"Reshape": [-1, rng.choice([4, 6, 8])]}],
        [{"Flatten": 2}, {"Unflatten": {"dim": 2, "unflattened_size": [2, -1]}}], ["Flatten", {"Linear": 3}],
    ]  # fmt: skip
    shape = rng.choice([["N", 4, "H", "W"], ["N", 4, "H", "H"], ["N", 4, "H", rng.randint(1, 20)]])
    return spec(shape, *layers, *rng.choice(head))


def points(answer: Admissible, rng: random.Random) -> Iterator[dict[str, int]]:
    """Sizes to try: the diagonal, the axes through the least admissible ones, and some drawn."""
    for size in range(1, 25):
        yield dict.fromkeys(answer.names, size)
    least = answer.least()
    for x in answer.names if least else ():
        for size in range(1, 25):
            yield {**least, x: size}  # type: ignore[dict-item]
    for _ in range(25):
        yield {x: rng.randint(1, 3 if x == "N" else 60) for x in answer.names}


def test_random_networks_agree_with_the_prediction_for_each_size(draws: int) -> None:
    """The set of a random stack holds a size iff the layers, asked for these numbers alone, take it."""
    exact = 0
    for seed in range(draws // 3):
        answer = admissible_of(shapecheck.load(some_network(seed)), confirm=False)
        exact += answer.exact
        for sizes in points(answer, random.Random(seed)) if answer.exact else ():
            assert answer.contains(**sizes) == predicted(answer, **sizes), (seed, sizes, str(answer))
    assert exact > 0.9 * (draws // 3)


def test_a_float_factor_obeys_no_law_and_the_answer_says_how_far_it_looked() -> None:
    """floor(0.7 n), in double precision, repeats nowhere: the answer is "checked up to", never "all"."""
    answer = shapecheck.admissible(spec(["N", 3, "H", 8], {"Upsample": {"scale_factor": 0.7}}, {"MaxPool2d": 2}))
    assert not answer.exact
    assert answer.checked_up_to is not None
    assert answer.checked_up_to >= 512
    assert str(answer).endswith(f"(checked up to {answer.checked_up_to})")
    for h in [*range(1, 100), 5000]:
        assert answer.contains(N=1, H=h) == predicted(answer, N=1, H=h), h


def test_a_factor_that_is_exact_in_binary_does() -> None:
    """floor(3n/4) is even for four classes of n modulo 8: there the answer is for all sizes."""
    answer = shapecheck.admissible(spec(["N", 3, "H", 8], {"Upsample": {"scale_factor": 0.75}}, {"PixelUnshuffle": 2}))
    assert (str(answer), answer.exact) == ("H >= 3 and H % 8 in {0..1, 3, 6}", True)


def test_a_wrong_set_would_be_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """Were the law of a floor mistaken, the comparison with prediction would turn "all" into "checked up to"."""
    monkeypatch.setattr("shapecheck.admission.answer._inside", lambda region, sizes: sizes["H"] % 4 == 0)
    answer = shapecheck.admissible(spec(["N", 1, "H", 8], {"PixelUnshuffle": 8}))
    assert not answer.exact
    assert answer.disagreement is not None


def test_numbers_of_a_spec_are_opened_where_only_the_batch_is_open() -> None:
    """Of [N, 1, 28, 28] the axes behind the channels become H and W, and it is told which numbers stood there."""
    network, opened, given = open_axes(shapecheck.load(ROOT / "examples" / "lenet.yaml"))
    assert [str(dim) for dim in network.inputs["input"]] == ["N", "1", "H", "W"]
    assert (opened, given) == ({"H": "input.2", "W": "input.3"}, {"H": 28, "W": 28})


def test_names_that_are_equal_become_one() -> None:
    """A tie H = W of two names, and one of their halves, are solved for all sizes, empty or not."""
    halves = Decision(W // 2 - H, True, True)  # type: ignore[arg-type]
    assert tie(H - W) == ("H", "W")  # type: ignore[arg-type]
    both = Region({}, (Decision(H - W, True, True), halves))  # type: ignore[arg-type]
    assert least_in(both, ["H", "W"]) == (None, True)
    assert least_in(Region({"H": multiples(7)}, (halves,)), ["H", "W"]) == ({"H": 7, "W": 14}, True)
    assert least_in(Region({"H": multiples(2), "W": ~multiples(4) & ~multiples(4, 1)}, (halves,)), ["H", "W"])[1]


def test_boxes_and_their_complement_cover_all() -> None:
    """What is left of a plane without some boxes, and the boxes, share no point and leave none out."""
    boxes = [{"H": multiples(2), "W": between(3, 9)}, {"H": between(4, None), "W": multiples(5)}]
    rest = complement(boxes)
    for h in range(1, 20):
        for w in range(1, 20):
            inside = any(box["H"].contains(h) and box["W"].contains(w) for box in boxes)
            left = sum(box.get("H", ALL).contains(h) and box.get("W", ALL).contains(w) for box in rest)
            assert left == (not inside)
    assert on_axis(H - 3, False) == between(3, None)  # type: ignore[arg-type]
