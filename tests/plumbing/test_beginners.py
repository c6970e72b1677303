"""The mistakes of the first days: what is said of them is what the author needs to hear.

Each hint is checked by doing as it says: the mended network must pass. Main results: forgotten Flatten, channels last,
padding by the wrong word, numbers as text, layers as Python writes them, divisors, inputs that do not meet.
"""

from __future__ import annotations

import re
from typing import Any

import pytest

import shapecheck
from shapecheck.diagnostics import Diagnostic, ShapeError
from shapecheck.layers.arguments import nearest_divisor
from shapecheck.yaml_nodes import plain, read

CONV = {"out_channels": 8, "kernel_size": 3}
MERGES = {"Add": {}, "Concat": {"dim": 1}}


def findings(text: str, *, verify: bool = False) -> tuple[Diagnostic, ...]:
    """The findings about a spec."""
    return shapecheck.check(plain(read(text)), verify=verify).diagnostics


def finding(text: str) -> Diagnostic:
    """The first finding about a spec."""
    return findings(text)[0]


def refusal(type: str, *shapes: Any, **arguments: Any) -> Diagnostic:
    """The finding about one layer."""
    with pytest.raises(ShapeError) as caught:
        shapecheck.output_shape(type, *shapes, **arguments)
    return caught.value.diagnostics[0]


def test_a_forgotten_flatten_is_named() -> None:
    """Where in_features is all of a sample, Flatten is missing; what follows is judged as if it stood there."""
    text = "input: [N, 8, 16, 16]\nlayers:\n  - Linear: {in_features: 2048, out_features: 10}\n  - Linear: 5"
    told = findings(text)
    assert [one.hint for one in told] == ["Flatten before it"]
    assert findings(text.replace("layers:\n", "layers:\n  - Flatten\n")) == ()
    assert refusal("Linear", (2, 8, 16, 16), in_features=2047, out_features=1).hint == "in_features: 16"


@pytest.mark.parametrize(
    ("kind", "shape", "order"),
    [
        ("Conv1d", ("N", 32, 3), [0, 2, 1]),
        ("Conv2d", ("N", 32, 32, 3), [0, 3, 1, 2]),
        ("Conv2d", (32, 30, 3), [2, 0, 1]),
        ("Conv3d", ("N", 8, 9, 10, 3), [0, 4, 1, 2, 3]),
    ],
)
def test_channels_last_are_permuted(kind: str, shape: tuple[Any, ...], order: list[int]) -> None:
    """An input whose last dimension is in_channels is told how to be permuted, and then is taken."""
    told = refusal(kind, shape, in_channels=3, **CONV)
    assert f"Permute: {order} before it" in str(told.hint)
    permuted = shapecheck.output_shape("Permute", shape, dims=order)
    assert shapecheck.output_shape(kind, permuted, in_channels=3, **CONV)[-len(shape) + 1 :]
    assert refusal(kind, (*shape[:-1], 4), in_channels=3, **CONV).hint != told.hint


@pytest.mark.parametrize(("kernel", "dilation", "padding"), [(3, 1, 1), (5, 2, 4), ((3, 5), 1, (1, 2)), (1, 1, 0)])
def test_same_with_a_stride_is_a_number(kernel: Any, dilation: int, padding: Any) -> None:
    """With a stride, 'same' is the padding with which the output is the input divided by the stride, rounded up."""
    arguments = {"in_channels": 3, "out_channels": 8, "kernel_size": kernel, "dilation": dilation, "stride": 2}
    told = refusal("Conv2d", (1, 3, 33, 32), **arguments, padding="same")
    assert plain(read(str(told.hint))) == {"padding": list(padding) if isinstance(padding, tuple) else padding}
    assert shapecheck.output_shape("Conv2d", (1, 3, 33, 32), **arguments, padding=padding) == (1, 8, 17, 16)


@pytest.mark.parametrize("mode", ["zeros", "reflect", "replicate", "circular"])
def test_a_padding_mode_is_told_from_padding(mode: str) -> None:
    """A mode given as padding goes to padding_mode, with the number that keeps the size."""
    told = refusal("Conv2d", (1, 3, 32, 32), in_channels=3, **CONV, padding=mode)
    assert told.hint == f"padding_mode: {mode}, padding: 1"
    mended = {"padding_mode": mode, "padding": 1}
    assert shapecheck.output_shape("Conv2d", (1, 3, 32, 32), in_channels=3, **CONV, **mended) == (1, 8, 32, 32)


@pytest.mark.parametrize("text", ["3x3", "3,3", "(3, 3)", "[3, 3]", "3 x 3"])
@pytest.mark.parametrize("argument", ["kernel_size", "stride", "padding"])
def test_numbers_in_a_text_are_quoted_whole(text: str, argument: str) -> None:
    """A list of numbers given as text is quoted as it was written, and the list is the hint."""
    told = refusal("Conv2d", (1, 3, 32, 32), in_channels=3, **{**CONV, argument: text})
    assert repr(text) in told.message
    assert told.hint == f"{argument}: [3, 3]"


def test_a_pool_reads_such_texts_too() -> None:
    """Windows without weights have the same hint; a text for another number of axes has none."""
    assert refusal("MaxPool2d", (1, 3, 8, 8), kernel_size="2x2").hint == "kernel_size: [2, 2]"
    assert refusal("MaxPool2d", (1, 3, 8, 8), kernel_size="2x2x2").hint is None


@pytest.mark.parametrize(
    ("written", "hint"),
    [
        ("torch.nn.Conv2d", "did you mean Conv2d?"),
        ("nn.Conv2d", "did you mean Conv2d?"),
        ("nn.Conv2D", "did you mean Conv2d?"),
        ("Conv2d(3, 8, 3)", "Conv2d: [3, 8, 3]"),
        ("nn.Conv2d(3, 8, kernel_size=(3, 1))", "Conv2d: {in_channels: 3, out_channels: 8, kernel_size: [3, 1]}"),
        ("ReLU()", "ReLU"),
        ("Linear(x, 10)", "Linear: [...], its arguments as a list"),
        ("Linear:10", "a space after the colon: Linear: 10"),
    ],
)
def test_layers_as_python_writes_them(written: str, hint: str) -> None:
    """A layer with torch's prefix, as a call, or with no space behind its colon is recognised."""
    told = finding(f'input: [1, 3, 8, 8]\nlayers:\n  - "{written}"')
    assert (told.code, told.hint) == ("SP101", hint)


def test_an_argument_without_a_space_behind_its_colon_is_recognised() -> None:
    """`out_channels:8` is one word to YAML; the hint says what is missing."""
    told = [one for one in findings("input: [1, 3, 8, 8]\nlayers:\n  - Conv2d: {out_channels:8, kernel_size: 3}")]
    assert "a space after the colon: out_channels: 8" in [one.hint for one in told]


def test_the_nearest_divisor_is_nearest() -> None:
    """No divisor of all the sizes is nearer than the one found, and none as near is smaller."""
    for wanted in range(1, 40):
        for sizes in ((30,), (30, 64), (7,), (48, 36)):
            right = min(
                (d for d in range(1, 65) if all(size % d == 0 for size in sizes)), key=lambda d: (abs(d - wanted), d)
            )
            assert nearest_divisor(wanted, *sizes) == right, (wanted, sizes)


def test_divisors_change_as_little_as_can_be() -> None:
    """Groups and heads that do not divide are moved to the nearest number that does."""
    plane = (2, 30, 8, 8)
    assert refusal("GroupNorm", plane, num_groups=8, num_channels=30).hint == "num_groups: 6"
    assert refusal("GroupNorm", plane, num_groups=8, num_channels=32, affine=False).hint == "num_groups: 6"
    grouped = {"in_channels": 30, "out_channels": 64, "kernel_size": 3, "groups": 7}
    assert refusal("Conv2d", plane, **grouped).hint == "groups: 2"
    sequence = (5, 2, 30)
    assert refusal("MultiheadAttention", *[sequence] * 3, embed_dim=30, num_heads=8).hint == "num_heads: 6"
    assert refusal("TransformerEncoderLayer", sequence, d_model=30, nhead=8).hint == "nhead: 6"
    assert refusal("ChannelShuffle", plane, groups=7).hint == "groups: 6"


@pytest.mark.parametrize("kind", ["Add", "Concat"])
@pytest.mark.parametrize(
    ("one", "two", "mend"),
    [
        ((2, 8, 25, 25), (2, 8, 24, 24), "crop the first"),
        ((2, 8, 14, 14), (2, 8, 28, 28), "bring the first"),
        ((2, 8, 28, 14), (2, 8, 14, 14), "bring the second"),
    ],
)
def test_inputs_that_do_not_meet_are_brought_together(kind: str, one: Any, two: Any, mend: str) -> None:
    """Sizes that differ by little are cropped, multiples enlarged; the layer in the hint makes the inputs fit."""
    hint = str((refusal(kind, one, two, **MERGES[kind]) if MERGES[kind] else refusal(kind, one, two)).hint)
    if kind == "Concat" and one[2] != two[2] and one[3] == two[3]:
        assert hint == "dim: 2"
        return
    assert hint.startswith(mend)
    ((layer, given),) = plain(read(hint.partition(": ")[2])).items()
    arguments = given if isinstance(given, dict) else {"padding": tuple(given)}
    arguments = {name: tuple(value) if isinstance(value, list) else value for name, value in arguments.items()}
    changed_first = re.match(r"\w+ the first", hint) is not None
    changed = shapecheck.output_shape(layer, one if changed_first else two, **arguments)
    shapecheck.output_shape(kind, *((changed, two) if changed_first else (one, changed)), **MERGES[kind])


def test_what_is_far_apart_is_not_cropped() -> None:
    """Half the picture is not cut away, and what is no multiple is not enlarged."""
    hint = str(refusal("Add", (2, 8, 31, 31), (2, 8, 14, 14)).hint)
    assert not re.search("crop|Upsample", hint)


def test_channels_that_differ_want_a_shortcut() -> None:
    """A sum whose inputs differ in channels only is told of the 1x1 convolution."""
    text = """
        input: [N, 64, 28, 28]
        layers:
          - Conv2d: {out_channels: 128, kernel_size: 3, padding: 1}
            name: main
          - Add:
            from: [input, main]
    """
    hint = str(finding(text).hint)
    assert hint.startswith("a shortcut of Conv2d: {out_channels: 128, kernel_size: 1} on the first input")
    shortcut = "- Conv2d: {out_channels: 128, kernel_size: 1}\n            from: input\n            name: side\n"
    assert findings(text.replace("- Add", f"{shortcut}          - Add").replace("[input, main]", "[side, main]")) == ()


@pytest.mark.parametrize(
    "layers",
    [
        "[{ReLU: , name: a}, {Add: , from: [a]}]",
        "[{LSTM: {hidden_size: 4}}, {Linear: 10}]",
        "[{ReLU: , name: a}, {Linear: 4, from: [a, input]}]",
    ],
)
def test_torch_is_not_asked_about_the_number_of_inputs(layers: str) -> None:
    """What a spec says wrongly about inputs never reaches torch, so no word of ours is quoted as torch's."""
    told = findings(f"input: [2, 5, 4]\nlayers: {layers}", verify=True)
    assert [one.code for one in told] == ["SP308"]
    assert "torch says" not in told[0].message


def test_the_note_on_open_sizes_says_what_was_not_checked() -> None:
    """Torch was asked about one size each; the others are predictions."""
    told = findings("input: [N, 3, H, W]\nlayers: [{Conv2d: {out_channels: 8, kernel_size: 3}}]", verify=True)
    (note,) = [one for one in told if one.code == "SP406"]
    assert re.search(r"H and W are left open: torch was asked with .*H = \d+, W = \d+; other sizes are", note.message)
    assert "predicted, not checked" in note.message
    assert "--size H=..." in str(note.hint)
