"""Question: which input sizes, paddings, strides or kernels give the output one wants?

Main results: for one missing letter of a layer the answers are an interval in closed form, and they are all; for a
network the sizes are the preimage of a formula; both are what a search through all values finds; what no value gives is
said with the reason. Notation: `n` input, `o` output, `k` kernel, `s` stride, `q` padding a side, `d` dilation.
"""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

import cli
import shapecheck
from shapecheck.answers import Answers
from shapecheck.preimage import preimage
from shapecheck.questions import OPERATORS, QuestionError, free, want
from shapecheck.sizes import Size, evaluate, name

EXAMPLES = Path(__file__).parent.parent.parent / "examples"
H = name("H")
STEM: dict[str, Any] = {
    "input": ["N", 3, "H", "W"],
    "layers": [{"Conv2d": [3, 8, 7, 2, 3], "name": "c"}, {"MaxPool2d": [3, 2, 1]}, {"Conv2d": [8, 8, 3, 2, 1]}],
}


def made(layer: str, n: int, **arguments: Any) -> int | None:
    """The layer's output size; None where torch would refuse."""
    if layer.startswith("Conv"):
        arguments = {"in_channels": 1, "out_channels": 1, **arguments}
    try:
        return int(shapecheck.output_shape(layer, (1, 1, n), **arguments)[-1])
    except shapecheck.ShapeError:
        return None


def held(answers: Answers, label: str) -> set[int]:
    """All values that the answers give a size or an argument."""
    found: set[int] = set()
    for answer in answers:
        if label in answer.arguments:
            found.add(answer.arguments[label])
        for first, last, step in answer.sizes.get(label, ()):
            assert last is not None
            found |= set(range(first, last + 1, step))
    return found


def test_the_padding_of_a_resnet_stem() -> None:
    """7 cells take 224 to 112 with stride 2 and padding 3, and in no other way with less padding than kernel."""
    answers = shapecheck.solve_layer("Conv2d", {"n": 224, "out": 112, "k": 7})
    assert [answer.arguments for answer in answers] == [{"stride": 2, "padding": 3}]


def test_the_sizes_are_one_interval_of_s_neighbours() -> None:
    """(o-1)s + e - p <= n <= o s - 1 + e - p: s sizes; a stem gives 112 for 223 and 224."""
    answers = shapecheck.solve_layer("Conv2d", ["out=112", "k=7", "s=2", "q=3"])
    assert [answer.sizes["n"] for answer in answers] == [((223, 224, 1),)]
    assert answers.exact


@pytest.mark.parametrize("layer", ["Conv1d", "MaxPool1d", "AvgPool1d", "ConvTranspose1d"])
@pytest.mark.parametrize("letter", ["n", "kernel_size", "stride", "padding", "dilation"])
def test_one_missing_letter_is_found_wherever_it_is(layer: str, letter: str, draws: int) -> None:
    """The closed answer holds what a search through all values finds, no more and no less."""
    names = shapecheck.layers.base.signature(shapecheck.layers.LAYERS[layer]).names
    if letter not in ("n", *names):
        return
    rng = random.Random(f"{layer} {letter}")
    for _ in range(max(draws // 4, 5)):
        given = {"kernel_size": rng.randint(1, 5), "stride": rng.randint(1, 4), "padding": rng.randint(0, 3)}
        if "dilation" in names:
            given["dilation"] = rng.randint(1, 3)
        n = rng.randint(1, 30)
        o = made(layer, n, **given)
        if o is None or o > 60:
            continue
        terms: dict[str, Any] = {**given, "n": n, "out": o}
        del terms[letter]
        if letter == "dilation":
            terms["dilation"] = "?"
        answers = shapecheck.solve_layer(layer, terms)
        if not answers.exact:  # a window that fits once fits once at every larger stride
            assert letter in ("stride", "dilation"), (terms, str(answers))
            continue
        stop = 200
        found = {x for x in range(stop) if made(layer, **{**given, "n": n, letter: x}) == o}
        assert {x for x in held(answers, letter) if x < stop} == found, (layer, terms, str(answers))


def test_a_ceiling_has_preimages_too() -> None:
    """In ceil mode the sizes that a pool takes to o are what a search finds."""
    for k in range(1, 6):
        for s in range(1, 5):
            for o in range(1, 9):
                arguments: dict[str, Any] = {"kernel_size": k, "stride": s, "padding": k // 2, "ceil_mode": True}
                found = {n for n in range(1, 60) if made("MaxPool1d", n, **arguments) == o}
                answers = shapecheck.solve_layer("MaxPool1d", {**arguments, "out": o})
                assert held(answers, "n") == found, (k, s, o)


def test_preimages_of_formulas_are_what_enumeration_finds(draws: int) -> None:
    """Sums of floors, compared with a number in all six ways: a closed set that ends is the set, or it never ends."""
    for seed in range(4 * draws):
        rng = random.Random(seed)
        size: Any = H
        for _ in range(rng.randint(1, 3)):
            k = rng.randint(1, 5)
            step = [size + k, size - k, k * size, size // k, (size + k) // (k + 1), size + H // k, size - H // 2]
            size = rng.choice(step)
        if not isinstance(size, Size):
            continue
        value, op = rng.randint(-3, 20), rng.choice(list(OPERATORS))
        difference = size - value
        assert isinstance(difference, Size)
        image = preimage(difference, op)
        found = [n for n in range(1, 400) if OPERATORS[op](evaluate(size, {"H": n}), value)]
        if image.values is not None:
            assert [n for n in image.values if n < 400] == found, (seed, str(size), op, value)
        else:
            assert found[-1:] > [390 - 60], (seed, str(size), op, value)


def test_a_network_is_solved_for_its_sizes() -> None:
    """Three strides take 105 to 112 cells to 14; all of these sizes, and no others, give 14."""
    answers = shapecheck.solve(STEM, "last.output == [N, 8, 14, 14]", ["H", "W"])
    assert [dict(answer.sizes) for answer in answers] == [{"H": ((105, 112, 1),), "W": ((105, 112, 1),)}]
    network = shapecheck.load(STEM)
    found = [n for n in range(1, 300) if shapecheck.infer(network, {"N": 1, "H": n, "W": 64}).rows[-1].output[2] == 14]
    assert found == list(range(105, 113))


def test_arguments_and_sizes_together() -> None:
    """Each answer, run: it gives what is wanted; each value left out, run: it does not."""
    answers = shapecheck.solve(
        STEM, "last.output[2] == 14", ["H in 90..130", "c.padding in 0..3", "c.kernel_size in {3, 7}"]
    )
    told = {
        (answer.arguments["c.padding"], answer.arguments["c.kernel_size"], n)
        for answer in answers
        for first, last, step in answer.sizes["H"]
        for n in range(first, (last or 0) + 1, step)
    }
    found = set()
    for padding in range(4):
        for kernel in (3, 7):
            changed = {**STEM, "layers": [{"Conv2d": [3, 8, kernel, 2, padding]}, *STEM["layers"][1:]]}
            for n in range(90, 131):
                report = shapecheck.infer(shapecheck.load(changed), {"N": 1, "H": n, "W": 64})
                if report.ok and report.rows[-1].output[2] == 14:
                    found.add((padding, kernel, n))
    assert told == found


def test_what_follows_from_an_argument_follows() -> None:
    """Other out_channels change the in_channels, parameters and multiply-adds behind them, where none are given."""
    spec = {"input": [1, 3, 8, 8], "layers": [{"Conv2d": {"out_channels": 8, "kernel_size": 3}, "name": "a"},
                                             {"Conv2d": {"out_channels": 4, "kernel_size": 3}}]}  # fmt: skip
    answers = shapecheck.solve(spec, "params <= 700", "a.out_channels in 1..64")
    counts = {c: 28 * c + 36 * c + 4 for c in range(1, 65)}
    assert held(answers, "a.out_channels") == {c for c, count in counts.items() if count <= 700}
    one = shapecheck.solve(spec, ["params <= 700", "last.output[1] == 4"], "a.out_channels in {8, 9, 11}")
    assert held(one, "a.out_channels") == {8, 9}


def test_receptive_fields_are_wanted_too() -> None:
    """The last receptive field is 27 or more from a first kernel of 15 cells on."""
    answers = shapecheck.solve(STEM, "last.receptive_field >= 27", "c.kernel_size in 1..20")
    fields = {k: k + 2 * 2 + 2 * 4 for k in range(1, 21)}
    assert held(answers, "c.kernel_size") == {k for k, field in fields.items() if field >= 27}


def test_a_set_without_end_is_given_by_its_law() -> None:
    """A U-Net gives back 100 rows or more for 112, 128, 144, ...: exactly the multiples of 16."""
    answers = shapecheck.solve(EXAMPLES / "unet.yaml", "last.output[2] >= 100", "H")
    assert [answer.sizes["H"] for answer in answers] == [((112, None, 16),)]
    assert answers.exact


def test_where_no_law_is_known_the_answer_says_how_far_it_looked() -> None:
    """A float scale_factor obeys no law: sizes are tried, and that is said."""
    spec = {"input": ["N", 3, "H"], "layers": [{"Upsample": {"scale_factor": 1.7}}]}
    answers = shapecheck.solve(spec, "last.output[2] == 17", "H")
    assert held(answers, "H") == {n for n in range(1, 1025) if int(n * 1.7) == 17}
    assert not answers.exact
    assert answers.up_to == 1024


@pytest.mark.parametrize(
    ("wanted", "free_", "because"),
    [
        ("c.output[2] == 9", "c.padding in {0, 2}", "is 8 at the nearest, with c.padding = 2: 9 is wanted"),
        ("last.output[0] == 3", "c.padding in {0, 2}", "last.output[0] is N: 3 is wanted, which depends on a size"),
        ("c.output == [N, 8, 7]", "c.padding in {0, 2}", "3 dimensions are wanted"),
        ("c.output[1] == 8", "c.stride in {0}", "SP309"),
        ("c.output[2] == 1", "c.kernel_size in {33}", "SP301"),
    ],
)
def test_none_because(wanted: str, free_: str, because: str) -> None:
    """Where there is no answer the nearest miss is told, or what torch would say."""
    spec = {"input": ["N", 3, 16, 16], "layers": [{"Conv2d": [3, 8, 5, 2, 1], "name": "c"}]}
    answers = shapecheck.solve(spec, wanted, free_)
    assert not answers
    assert because in str(answers), str(answers)


def test_a_value_that_a_formula_leaps_over_is_told() -> None:
    """2H is never 17: it is 16 and 18."""
    spec = {"input": ["N", 3, "H"], "layers": [{"Upsample": {"scale_factor": 2}}]}
    answers = shapecheck.solve(spec, "last.output[2] == 17", "H")
    assert "which no H gives; the next values are 16 at H = 8 and 18 at H = 9" in str(answers)


@pytest.mark.parametrize(
    ("reader", "text", "offset"),
    [
        (want, "last.output = [1]", 12),
        (want, "last.output == [1,,2]", 18),
        (want, "c3.outptu == 3", 0),
        (want, "params <= 1.5", 10),
        (want, "c.output[2] >= x", 15),
        (free, "c3.padding", 10),
        (free, "c3.padding in 3..0", 17),
        (free, "a in {1, }", 9),
        (free, "H of 3", 2),
    ],
)
def test_a_question_that_is_none_is_shown_where(reader: Any, text: str, offset: int) -> None:
    """The error points to the place."""
    with pytest.raises(QuestionError) as caught:
        reader(text)
    assert caught.value.offset == offset, str(caught.value)


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["Conv2d", "n=224", "out=112", "k=7"], 0, "stride = 2, padding = 3"),
        (["Conv2d", "out=112", "kernel_size=7", "stride=2", "padding=3"], 0, "n = 223..224"),
        (["Conv2d", "n=224", "out=224", "k=4", "s=1"], 1, "the padding would be 3 in all"),
        (["Conv2d", "n=224", "out==3"], 2, "expected a whole number"),
        (["Con2d", "n=224"], 2, "did you mean Conv2d?"),
        (["Conv2d", "k=3"], 2, "n or out must be given"),
        ([], 2, "either a LAYER"),
        (["--net", str(EXAMPLES / "unet.yaml"), "--want", "last.output[2] >= 9", "--free", "H"], 0, "H = 16.. step 16"),
        (["--net", str(EXAMPLES / "unet.yaml"), "--want", "lst.output[2] >= 9", "--free", "H"], 2, "no layer lst"),
        (["--net", str(EXAMPLES / "unet.yaml"), "--want", "last.output[2] >= 9", "--free", "X"], 2, "no open size X"),
        (["--net", "nowhere.yaml", "--want", "last.output[2] >= 9", "--free", "H"], 2, "SP001"),
    ],
)
def test_the_command(arguments: list[str], code: int, said: str) -> None:
    """Answers on stdout and exit code 0, none: 1, no question: 2 and where."""
    result = CliRunner().invoke(cli.shapes, ["solve", *arguments])
    assert result.exit_code == code, result.output
    assert said in result.output


def test_the_command_as_json() -> None:
    """The same as data, with what was tried."""
    call = [
        "solve",
        "--net",
        str(EXAMPLES / "lenet.yaml"),
        "--want",
        "c3.output == [N, 16, 10, 10]",
        "--format",
        "json",
    ]
    result = CliRunner().invoke(cli.shapes, [*call, "--free", "c3.padding in 0..3", "--free", "c3.kernel_size in 1..9"])
    data = json.loads(result.output)
    found = [(one["arguments"]["c3.padding"], one["arguments"]["c3.kernel_size"]) for one in data["answers"]]
    assert found == [(0, 5), (1, 7), (2, 9)]
    assert (data["count"], data["tried"], data["exact"]) == (3, 36, True)
