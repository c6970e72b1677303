r"""What do the layers make of a shape, how much do they cost, and what do their cells see?

The numbers the lectures print, one row each, told by us and by torch; ceil mode, transposed sizes and adaptive windows
against their definitions; multiply-adds against torch's own counter; receptive fields against an enumeration of what a
cell reads.

Main results: `test_the_lectures_table`, `test_transposed_undoes`, `test_adaptive_windows`, `test_macs`,
`test_fields_are_what_cells_see`.
Notation: n size, k span, q padding per side, s stride, d dilation, o output size; a MAC is one multiply-add.
References: the lectures' sections on padding, stride, channels and pooling; Araujo et al., Distill 2019, "Computing
receptive fields of convolutional neural networks".
"""

from __future__ import annotations

from itertools import product
from math import ceil, floor, gcd
from typing import Any

import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st
from torch.utils.flop_counter import FlopCounterMode

import shapecheck
from shapecheck.formulas import adaptive_span, adaptive_start, adaptive_stop, transposed_size, window_count
from shapecheck.layers import LAYERS
from tests.referee import ours, torchs

# The numbers the lectures print --------------------------------------------------------------------------------------


def layer_of(kind: str, **arguments: Any) -> Any:
    """The layer's record."""
    return LAYERS[kind](**arguments)


ONE: dict[str, Any] = {"in_channels": 1, "out_channels": 1}
LECTURES = {
    "corr2d of 3x3 with 2x2": ("Conv2d", (1, 3, 3), {**ONE, "kernel_size": 2}, (1, 2, 2)),
    "edges of the 6x8 picture": ("Conv2d", (1, 6, 8), {**ONE, "kernel_size": (1, 2)}, (1, 6, 7)),
    "edges of the picture transposed": ("Conv2d", (1, 8, 6), {**ONE, "kernel_size": (1, 2)}, (1, 8, 5)),
    "3x3 padded to 5x5": ("Conv2d", (1, 3, 3), {**ONE, "kernel_size": 2, "padding": 1}, (1, 4, 4)),
    "padding keeps 8x8": ("Conv2d", (1, 8, 8), {**ONE, "kernel_size": 3, "padding": 1}, (1, 8, 8)),
    "padding an axis": ("Conv2d", (1, 8, 8), {**ONE, "kernel_size": (5, 3), "padding": (2, 1)}, (1, 8, 8)),
    "stride 2 halves": ("Conv2d", (1, 8, 8), {**ONE, "kernel_size": 3, "padding": 1, "stride": 2}, (1, 4, 4)),
    "stride an axis": (
        "Conv2d", (1, 8, 8), {**ONE, "kernel_size": (3, 5), "padding": (0, 1), "stride": (3, 4)}, (1, 2, 2),
    ),
    "two channels in": ("Conv2d", (2, 3, 3), {"in_channels": 2, "out_channels": 1, "kernel_size": 2}, (1, 2, 2)),
    "two in, three out": ("Conv2d", (2, 3, 3), {"in_channels": 2, "out_channels": 3, "kernel_size": 2}, (3, 2, 2)),
    "a 1x1 kernel": ("Conv2d", (3, 3, 3), {"in_channels": 3, "out_channels": 2, "kernel_size": 1}, (2, 3, 3)),
    "max pool of 3x3": ("MaxPool2d", (1, 3, 3), {"kernel_size": 2, "stride": 1}, (1, 2, 2)),
    "average pool of 3x3": ("AvgPool2d", (1, 3, 3), {"kernel_size": 2, "stride": 1}, (1, 2, 2)),
    "the stride is the window": ("MaxPool2d", (1, 4, 4), {"kernel_size": 3}, (1, 1, 1)),
    "pool padded, stride 2": ("MaxPool2d", (1, 4, 4), {"kernel_size": 3, "padding": 1, "stride": 2}, (1, 2, 2)),
    "pool an axis": (
        "MaxPool2d", (1, 4, 4), {"kernel_size": (2, 3), "stride": (2, 3), "padding": (0, 1)}, (1, 2, 2),
    ),
    "channels stay": ("MaxPool2d", (2, 4, 4), {"kernel_size": 3, "padding": 1, "stride": 2}, (2, 2, 2)),
    "32x32x3 flattened": ("Flatten", (1, 32, 32, 3), {}, (1, 3072)),
}  # fmt: skip


@pytest.mark.parametrize(("kind", "shape", "arguments", "expected"), LECTURES.values(), ids=LECTURES)
def test_the_lectures_table(kind, shape, arguments, expected):
    """Each size that the lectures print is what we predict and what torch computes."""
    assert ours(kind, shape, **arguments) == expected
    assert torchs(kind, shape, **arguments) == expected


def test_the_weights_of_fully_connected_pictures():
    """36 million inputs to 100 units take 3.6e9 weights, a megapixel to 1000 units 1e9: more than anyone stores."""
    assert layer_of("Linear", in_features=36_000_000, out_features=100, bias=False).params() == 3_600_000_000
    assert layer_of("Linear", in_features=1_000_000, out_features=1000, bias=False).params() == 1_000_000_000


def test_a_window_that_does_not_divide():
    """(N - F)/stride + 1 without a floor fits the layers only where the stride divides N - F."""
    for n, f, s in product(range(3, 12), range(1, 4), range(1, 4)):
        size = ours("Conv1d", (1, n), **ONE, kernel_size=f, stride=s)[1]
        assert size == torchs("Conv1d", (1, n), **ONE, kernel_size=f, stride=s)[1]
        assert (size == (n - f) / s + 1) == ((n - f) % s == 0), (n, f, s)


CEIL_POOLS = [
    # n, k, s, q: floor, ceil; the first are GoogLeNet's, the last two are clamped
    (112, 3, 2, 0, 55, 56), (56, 3, 2, 0, 27, 28), (28, 3, 2, 0, 13, 14), (14, 2, 2, 0, 7, 7), (5, 2, 2, 1, 3, 3),
    (2, 2, 3, 1, 1, 1),
]  # fmt: skip


@pytest.mark.parametrize("kind", ["MaxPool", "AvgPool"])
@pytest.mark.parametrize("axes", [1, 2, 3])
def test_ceil_mode(kind, axes):
    """In ceil mode a last window may overhang, in every pool and on every axis, but not start in the right padding."""
    for n, k, s, q, low, high in CEIL_POOLS:
        if axes == 3 and n > 30:
            continue  # a picture is enough
        arguments: dict[str, Any] = {"kernel_size": k, "stride": s, "padding": q}
        for ceil_mode, size in ((False, low), (True, high)):
            outcome = ours(f"{kind}{axes}d", (1, *[n] * axes), **arguments, ceil_mode=ceil_mode)
            assert outcome == (1, *[size] * axes) == torchs(
                f"{kind}{axes}d", (1, *[n] * axes), **arguments, ceil_mode=ceil_mode
            )  # fmt: skip


# Transposed ----------------------------------------------------------------------------------------------------------

small = st.integers(1, 6)


@given(o=small, k=small, q=st.integers(0, 3), s=small, d=st.integers(1, 3), op=st.integers(0, 5))
def test_transposed_undoes(o, k, q, s, d, op):
    """A convolution of the same arguments takes a transposed one's output back to its input's size, if 0 <= op < s."""
    assume(op < s)
    e = d * (k - 1) + 1
    n = transposed_size(o, e, 2 * q, s, op)
    assume(n >= 1)
    arguments = {**ONE, "kernel_size": k, "padding": q, "stride": s, "dilation": d}
    assert ours("ConvTranspose1d", (1, o), **arguments, output_padding=op) == (1, n)
    assert ours("Conv1d", (1, n), **arguments) == (1, o)


@given(n=st.integers(1, 30), k=small, q=st.integers(0, 2), s=small)
def test_the_output_padding_that_recovers(n, k, q, s):
    """What a convolution leaves over, (n + 2q - k) mod s, is the output padding that gives its input's size back."""
    assume(k <= n + 2 * q)
    arguments = {**ONE, "kernel_size": k, "padding": q, "stride": s}
    o = ours("Conv1d", (1, n), **arguments)[1]
    assert ours("ConvTranspose1d", (1, o), **arguments, output_padding=(n + 2 * q - k) % s) == (1, n)
    assert ours("ConvTranspose1d", (1, o), **arguments, output_size=(n,)) == (1, n)


def test_output_padding_beyond_the_stride():
    """torch allows output_padding up to the dilation too, and there the convolution does not come back."""
    arguments = {**ONE, "kernel_size": 2, "stride": 1, "dilation": 3}
    assert ours("ConvTranspose1d", (1, 4), **arguments, output_padding=2) == (1, 9)
    assert torchs("ConvTranspose1d", (1, 4), **arguments, output_padding=2) == (1, 9)
    assert ours("Conv1d", (1, 9), **arguments) == (1, 6)


def test_output_size_has_s_choices():
    """forward's output_size may ask for the s sizes that a convolution takes to the input's, and for no other."""
    arguments = {**ONE, "kernel_size": 4, "stride": 3, "padding": 1}
    for asked in range(8, 20):
        outcome = ours("ConvTranspose1d", (1, 5), **arguments, output_size=(asked,))
        fits = asked >= 2 and window_count(asked, 4, 2, 3) == 5
        assert outcome == ((1, asked) if fits else "forward")


def test_unpooling_undoes():
    """MaxUnpool gives back the size that MaxPool came from, if no cell was left over or output_size says so."""
    pooled = ours("MaxPool2d", (1, 7, 8), kernel_size=2, return_indices=True)
    assert pooled == ((1, 3, 4), (1, 3, 4))
    assert ours("MaxUnpool2d", *pooled, kernel_size=2) == (1, 6, 8)
    assert ours("MaxUnpool2d", *pooled, kernel_size=2, output_size=(7, 8)) == (1, 7, 8)


def test_folding_undoes():
    """Fold gives back the shape that Unfold took apart."""
    for k, q, s, d in product((1, 2, 3), (0, 1), (1, 2), (1, 2)):
        arguments: dict[str, Any] = {"kernel_size": k, "padding": q, "stride": s, "dilation": d}
        columns = ours("Unfold", (2, 3, 7, 6), **arguments)
        assert columns == torchs("Unfold", (2, 3, 7, 6), **arguments)
        assert ours("Fold", columns, output_size=(7, 6), **arguments) == (2, 3, 7, 6)


# Adaptive windows ----------------------------------------------------------------------------------------------------


def seen_by_torch(pool: torch.nn.Module, n: int) -> list[set[int]]:
    """For each output cell the input cells it reads, as torch's gradient tells."""
    x = torch.zeros(1, 1, n, requires_grad=True)
    out = pool(x)[0, 0]
    return [
        set(torch.autograd.grad(cell, x, retain_graph=True)[0].flatten().nonzero().flatten().tolist()) for cell in out
    ]


def test_adaptive_windows():
    """Output cell i of an adaptive pool reads the cells from floor(i n/o) up to, not including, ceil((i+1) n/o)."""
    for n, o in product(range(1, 10), range(1, 12)):
        windows = [set(range(adaptive_start(i, n, o), adaptive_stop(i, n, o))) for i in range(o)]
        assert windows == [{c for c in range(n) if floor(i * n / o) <= c < ceil((i + 1) * n / o)} for i in range(o)]
        assert windows == seen_by_torch(torch.nn.AdaptiveAvgPool1d(o), n), (n, o)
        assert ours("AdaptiveAvgPool1d", (1, 1, n), output_size=o) == (1, 1, o)


def test_the_longest_adaptive_window():
    """No adaptive window is longer than 1 + ceil((n - g)/o), g the greatest common divisor, and one is as long."""
    for n, o in product(range(1, 30), range(1, 30)):
        longest = max(adaptive_stop(i, n, o) - adaptive_start(i, n, o) for i in range(o))
        assert adaptive_span(n, o, gcd(n, o)) == longest, (n, o)


def test_adaptive_sizes():
    """null keeps an axis, one number stands for all, and the size may be larger than the input's."""
    assert ours("AdaptiveMaxPool2d", (3, 5, 9), output_size=(None, 4)) == (3, 5, 4)
    assert ours("AdaptiveAvgPool3d", (2, 3, 5, 6, 7), output_size=2) == (2, 3, 2, 2, 2)
    assert ours("AdaptiveAvgPool2d", (3, 5, 9), output_size=(12, 1)) == (3, 12, 1)


# Multiply-adds -------------------------------------------------------------------------------------------------------

axes_and_kind = st.sampled_from([(n, kind) for n in (1, 2, 3) for kind in ("Conv", "ConvTranspose")])


def counted_by_torch(kind: str, arguments: dict[str, int], shape: tuple[int, ...]) -> int:
    """Half the flops that torch's counter sees: it takes a multiply-add for two."""
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        getattr(torch.nn, kind)(**arguments)(torch.zeros(shape))
    return counter.get_total_flops() // 2


@given(
    which=axes_and_kind, groups=st.integers(1, 3), inward=st.integers(1, 2), outward=st.integers(1, 2),
    k=st.integers(1, 3), s=st.integers(1, 3), q=st.integers(0, 1), batch=st.integers(1, 2), n=st.integers(3, 5),
)  # fmt: skip
def test_macs(which, groups, inward, outward, k, s, q, batch, n):
    """The closed form of a convolution's multiply-adds, transposed or not, is what torch's counter counts."""
    axes, family = which
    kind = f"{family}{axes}d"
    arguments = {
        "in_channels": inward * groups, "out_channels": outward * groups, "kernel_size": k, "stride": s, "padding": q,
        "groups": groups,
    }  # fmt: skip
    shape = (batch, inward * groups, *[n] * axes)
    layer = layer_of(kind, **arguments)
    assert layer.macs((shape,), layer.shape(shape)) == counted_by_torch(kind, arguments, shape)


def test_macs_of_a_famous_layer():
    """ResNet's stem multiplies 118,013,952 times a picture, a transposed 2x2 layer of stride 2 four times an input."""
    stem = layer_of("Conv2d", in_channels=3, out_channels=64, kernel_size=7, stride=2, padding=3, bias=False)
    assert stem.macs(((1, 3, 224, 224),), stem.shape((1, 3, 224, 224))) == 118_013_952
    up = layer_of("ConvTranspose2d", in_channels=1, out_channels=1, kernel_size=2, stride=2)
    assert up.macs(((1, 1, 8, 8),), up.shape((1, 1, 8, 8))) == 4 * 8 * 8


def test_pools_multiply_nothing():
    """Pools compare and add: no multiply-adds, no parameters."""
    for kind, arguments in (("MaxPool2d", {"kernel_size": 2}), ("AvgPool2d", {"kernel_size": 2})):
        layer = layer_of(kind, **arguments)
        assert layer.params() == layer.macs(((1, 3, 8, 8),), (1, 3, 4, 4)) == 0


# Receptive fields ----------------------------------------------------------------------------------------------------

Window = tuple[str, int, int, int, int]  # kind, k, s, q, d


def reads(window: Window, o: int) -> set[int]:
    """The cells of the layer's input, padding included, that its output cell o reads, by definition."""
    kind, k, s, q, d = window
    if kind == "ConvTranspose1d":  # input i adds to the output cells i s - q + d a
        return {i for i in range(-99, 99) for a in range(k) if i * s - q + d * a == o}
    return {o * s - q + d * a for a in range(k)}


def sees(stack: list[Window], o: int) -> set[int]:
    """The cells of the network's input, padding included, that the last layer's output cell o sees."""
    cells = {o}
    for window in reversed(stack):
        cells = {cell for one in cells for cell in reads(window, one)}
    return cells


def field(stack: list[Window]) -> tuple[Any, Any, Any] | None:
    """(size, stride, start) of the receptive field, as a report gives it; None where strides leave nothing to read."""
    names = ("kernel_size", "stride", "padding", "dilation")
    layers = []
    for kind, *numbers in stack:
        arguments = dict(zip(names, numbers, strict=True))
        if "Conv" in kind:
            arguments |= {"out_channels": 1}
        if kind == "AvgPool1d":
            del arguments["dilation"]
        layers.append({kind: arguments})
    report = shapecheck.infer(shapecheck.load({"input": [1, 1, 60], "layers": layers}))
    if not report.ok:
        return None
    seen = report.layers[-1].receptive_field
    assert seen is not None
    return seen.size[0], seen.stride[0], seen.start[0]


conv = st.tuples(st.just("Conv1d"), st.integers(1, 4), st.integers(1, 3), st.integers(0, 1), st.integers(1, 2))
pool = st.tuples(
    st.sampled_from(["MaxPool1d", "AvgPool1d"]), st.integers(2, 3), st.integers(1, 3), st.integers(0, 1), st.just(1)
)
up = st.tuples(st.just("ConvTranspose1d"), st.integers(1, 4), st.integers(1, 3), st.just(0), st.just(1))


@given(st.lists(conv | pool, min_size=1, max_size=4))
def test_fields_are_what_cells_see(stack):
    """Through convolutions and pools, output cell o sees from start + o stride, and size cells from first to last."""
    found = field(stack)
    assume(found is not None)
    assert found is not None
    size, stride, start = found
    for o in range(4):
        cells = sees(stack, o)
        assert (min(cells), max(cells) - min(cells) + 1) == (start + o * stride, size)


@given(st.lists(conv | up, min_size=1, max_size=4))
def test_fields_behind_transposed_layers(stack):
    """Behind transposed layers no cell sees more than the field's size, nor before its start, which moves evenly."""
    found = field(stack)
    assume(found is not None)
    assert found is not None
    size, stride, start = found
    step = stride if isinstance(stride, int) else float(stride)
    for o in range(6):
        cells = sees(stack, o)
        if cells:
            assert max(cells) - min(cells) + 1 <= size
            assert min(cells) > start + o * step - 1


@pytest.mark.parametrize(
    ("stack", "expected"),
    [
        ([("Conv1d", 3, 1, 0, 1)] * 2, (5, 1, 0)),
        ([("Conv1d", 3, 1, 1, 1)] * 3, (7, 1, -3)),
        ([("Conv1d", 7, 2, 3, 1), ("MaxPool1d", 3, 2, 1, 1)], (11, 4, -5)),
        ([("Conv1d", 3, 1, 0, 2)], (5, 1, 0)),
        # cells 0 and 1 both see inputs 0 and 1: an interval that moves on by 1 must hold 3
        ([("MaxPool1d", 2, 2, 0, 1), ("ConvTranspose1d", 2, 2, 0, 1)], (3, 1, -1)),
        ([("ConvTranspose1d", 2, 2, 0, 1), ("Conv1d", 2, 1, 0, 1)], (2, "1/2", 0)),
    ],
)
def test_fields_by_hand(stack, expected):
    """Two 3s make a 5; ResNet's stem sees 11 cells, 4 apart; a transposed layer halves the step."""
    found = field(stack)
    assert found is not None
    assert (found[0], str(found[1]), found[2]) == (expected[0], str(expected[1]), expected[2])


def test_torch_sees_no_more():
    """torch's gradient finds exactly the cells that the enumeration lists, padding left out."""
    stack: list[Window] = [("Conv1d", 3, 2, 1, 2), ("Conv1d", 2, 1, 0, 1), ("Conv1d", 3, 2, 1, 1)]
    modules = [torch.nn.Conv1d(1, 1, k, s, q, d, bias=False) for _, k, s, q, d in stack]
    with torch.no_grad():
        for module in modules:
            module.weight.fill_(1.0)
    found = seen_by_torch(torch.nn.Sequential(*modules), 40)
    assert len(found) == 9
    for o, cells in enumerate(found):
        assert cells == {cell for cell in sees(stack, o) if 0 <= cell < 40}
