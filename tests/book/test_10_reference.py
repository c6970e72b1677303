r"""What do the lecture notes compute?

Correlation, convolution and pooling as the lectures write them, in nested loops, and every number that they print.
The reference code is judged by hand on these, and by torch on random ones; everything after this chapter leans on it.

Main results: `test_the_printed_numbers`, `test_the_edge_detector`, `test_learning_the_edge_detector`,
`test_sizes_with_padding_and_stride`, `test_torch_agrees`.
Notation: X input, K kernel, n x m picture, h x w kernel.
"""

from __future__ import annotations

import random

import pytest
import torch
from torch import nn
from torch.nn import functional

from derive import reference
from derive.reference import (
    conv1d,
    conv2d,
    conv3d,
    convnd,
    corr1d,
    corr2d,
    corr2d_multi_in,
    corr2d_multi_in_out,
    corr3d,
    corrnd,
    flipped,
    pool2d,
    shape_of,
)

X = [[0, 1, 2], [3, 4, 5], [6, 7, 8]]
K = [[0, 1], [2, 3]]
PICTURE = [[1, 1, 0, 0, 0, 0, 1, 1] for _ in range(6)]  # 6 x 8, columns 2..5 dark
EDGES = [[1, -1]]


def plus(array, number):
    """The array with a number added to each cell."""
    return [plus(row, number) for row in array] if isinstance(array, list) else array + number


def transposed(array):
    """Rows for columns."""
    return [list(column) for column in zip(*array, strict=True)]


def test_the_printed_numbers():
    """corr2d of 0..8 and 0..3 is 19, 25, 37, 43; with X + 1 and K + 1 as second channel 56, 72, 104, 120."""
    assert corr2d(X, K) == [[19, 25], [37, 43]]
    assert corr2d_multi_in([X, plus(X, 1)], [K, plus(K, 1)]) == [[56, 72], [104, 120]]


def test_output_channels_are_stacked_first():
    """Three kernels of two channels, (3, 2, 2, 2), give three maps: c_out comes first, as torch has it."""
    kernels = [plus([K, plus(K, 1)], number) for number in (0, 1, 2)]
    assert shape_of(kernels) == (3, 2, 2, 2)
    maps = corr2d_multi_in_out([X, plus(X, 1)], kernels)
    assert shape_of(maps) == (3, 2, 2)
    assert maps[0] == [[56, 72], [104, 120]]
    exact = functional.conv2d(torch.tensor([[X, plus(X, 1)]]), torch.tensor(kernels))
    assert maps == exact[0].tolist()


def test_the_edge_detector():
    """1, -1 finds both edges of a dark band: 1 on going in, -1 on going out, 0 where nothing changes."""
    assert corr2d(PICTURE, EDGES) == [[0, 1, 0, 0, 0, -1, 0]] * 6
    assert shape_of(corr2d(PICTURE, EDGES)) == (6, 7)


def test_the_edge_detector_is_blind_to_the_other_direction():
    """A difference along one axis does not see edges along the other: the transposed picture gives zeros."""
    assert corr2d(transposed(PICTURE), EDGES) == [[0] * 5] * 8
    assert corr2d(transposed(PICTURE), transposed(EDGES)) == transposed(corr2d(PICTURE, EDGES))


def descent(first, steps=10, rate=3e-2):
    """Losses and last kernel of gradient descent on the sum of squares, as the lectures run it."""
    layer = nn.Conv2d(1, 1, kernel_size=(1, 2), bias=False, dtype=torch.float64)
    layer.weight.data = torch.tensor([[first]], dtype=torch.float64).reshape(1, 1, 1, 2)
    x = torch.tensor(PICTURE, dtype=torch.float64).reshape(1, 1, 6, 8)
    y = torch.tensor(corr2d(PICTURE, EDGES), dtype=torch.float64).reshape(1, 1, 6, 7)
    losses = []
    for _ in range(steps):
        loss = ((layer(x) - y) ** 2).sum()
        layer.zero_grad()
        loss.backward()
        layer.weight.data -= rate * layer.weight.grad
        losses.append(loss.item())
    return losses, layer.weight.data.flatten().tolist()


PRINTED = [
    ([15.998, 5.205, 1.906, 0.743, 0.298], (0.9318, -1.0437)),
    ([6.422, 1.225, 0.266, 0.070, 0.022], (1.0010, -0.9739)),
    (None, (0.9879, -0.9993)),
]


@pytest.mark.parametrize(("losses", "last"), PRINTED)
def test_learning_the_edge_detector(losses, last):
    """Ten steps from the start that the printed end implies: the losses on the way are the printed ones.

    Descent on a sum of squares is linear, so its last kernel tells its first. The lectures print every second loss.
    """
    ends = [torch.tensor(descent(start)[1], dtype=torch.float64) for start in ((0.0, 0.0), (1.0, 0.0), (0.0, 1.0))]
    linear = torch.stack([ends[1] - ends[0], ends[2] - ends[0]], dim=1)
    first = torch.linalg.solve(linear, torch.tensor(last, dtype=torch.float64) - ends[0]).tolist()
    found, reached = descent(first)
    assert reached == pytest.approx(last, abs=1e-9)
    if losses is not None:
        # the printed kernel has four digits; going back ten steps magnifies what was rounded away
        assert found[1::2] == pytest.approx(losses, rel=0.02)


SIZES = [
    ((8, 8), {"kernel_size": 3, "padding": 1}, (8, 8)),
    ((8, 8), {"kernel_size": (5, 3), "padding": (2, 1)}, (8, 8)),
    ((8, 8), {"kernel_size": 3, "padding": 1, "stride": 2}, (4, 4)),
    ((8, 8), {"kernel_size": (3, 5), "padding": (0, 1), "stride": (3, 4)}, (2, 2)),
    ((3, 3), {"kernel_size": 2, "padding": 1}, (4, 4)),
]


@pytest.mark.parametrize(("size", "arguments", "result"), SIZES)
def test_sizes_with_padding_and_stride(size, arguments, result):
    """The lectures' sizes, by torch and by correlating the padded picture and keeping every s-th place."""
    layer = nn.Conv2d(1, 1, bias=False, **arguments)
    picture = torch.rand(1, 1, *size)
    assert tuple(layer(picture).shape[2:]) == result
    rows, columns = map(int, layer.padding)
    padded = functional.pad(picture, (columns, columns, rows, rows))[0, 0].tolist()
    every = corr2d(padded, layer.weight[0, 0].tolist())
    kept = [row[:: layer.stride[1]] for row in every[:: layer.stride[0]]]
    assert torch.allclose(torch.tensor(kept), layer(picture)[0, 0], atol=1e-5)


def test_a_one_by_one_kernel_is_a_linear_layer_per_pixel():
    """Three channels to two by a 1 x 1 kernel is a 2 x 3 matrix times the channels of each pixel."""
    x, k = torch.randint(-9, 9, (3, 3, 3)), torch.randint(-9, 9, (2, 3, 1, 1))
    by_matrix = (k.reshape(2, 3) @ x.reshape(3, 9)).reshape(2, 3, 3)
    assert corr2d_multi_in_out(x.tolist(), k.tolist()) == by_matrix.tolist()


def test_pooling():
    """Greatest and average of 2 x 2 windows of 0..8, and of each channel by itself: two channels stay two."""
    assert pool2d(X, (2, 2)) == [[4, 5], [7, 8]]
    assert pool2d(X, (2, 2), "avg") == [[2, 3], [5, 6]]
    assert [pool2d(plane, (2, 2)) for plane in (X, plus(X, 1))] == [[[4, 5], [7, 8]], [[5, 6], [8, 9]]]
    with pytest.raises(ValueError, match="'mean'"):
        pool2d(X, (2, 2), "mean")


POOLS = [
    (nn.MaxPool2d(3), [[10.0]]),
    (nn.MaxPool2d(3, padding=1, stride=2), [[5.0, 7.0], [13.0, 15.0]]),
    (nn.MaxPool2d((2, 3), stride=(2, 3), padding=(0, 1)), [[5.0, 7.0], [13.0, 15.0]]),
]


@pytest.mark.parametrize(("layer", "result"), POOLS)
def test_pooling_with_padding_and_stride(layer, result):
    """0..15 as 4 x 4: the stride is the window unless it is given, padding counts on both sides, channels stay."""
    x = torch.arange(16.0).reshape(1, 1, 4, 4)
    assert layer(x)[0, 0].tolist() == result
    assert layer(torch.cat([x, x + 1], 1)).shape[1] == 2


def test_weights_of_a_dense_layer():
    """36 million inputs, 100 outputs: 3.6e9 weights; a million and a thousand: 1e9; 32 x 32 x 3 flattens to 3072."""
    for inputs, outputs, weights in ((36_000_000, 100, 3_600_000_000), (1_000_000, 1000, 1_000_000_000)):
        dense = nn.Linear(inputs, outputs, bias=False, device="meta")
        assert dense.weight.numel() == weights
    assert nn.Flatten()(torch.empty(1, 3, 32, 32)).shape == (1, 3072)


def numbers(rng, *sizes):
    """Nested lists of small integers."""
    return [numbers(rng, *sizes[1:]) for _ in range(sizes[0])] if sizes else rng.randint(-9, 9)


def test_torch_agrees():
    """On random inputs of one, two and three axes corr is F.conv, and conv is F.conv with the flipped kernel."""
    rng = random.Random(0)
    torchs = {1: functional.conv1d, 2: functional.conv2d, 3: functional.conv3d}
    ours = {1: (corr1d, conv1d), 2: (corr2d, conv2d), 3: (corr3d, conv3d)}
    for _ in range(60):
        axes = rng.choice((1, 2, 3))
        spans = [rng.randint(1, 3) for _ in range(axes)]
        x, k = numbers(rng, *(span + rng.randint(0, 3) for span in spans)), numbers(rng, *spans)
        exact = torchs[axes](torch.tensor([[x]]), torch.tensor([[k]]))[0, 0].tolist()
        turned = torchs[axes](torch.tensor([[x]]), torch.tensor([[flipped(k)]]))[0, 0].tolist()
        corr, conv = ours[axes]
        assert corr(x, k) == corrnd(x, k) == exact
        assert conv(x, k) == convnd(x, k) == turned
        assert corrnd(x, flipped(k)) == convnd(x, k)


def test_any_number_of_axes():
    """Four axes and more: the whole of an input as kernel leaves the sum of squares."""
    rng = random.Random(1)
    for axes in (1, 2, 3, 4, 5):
        x = numbers(rng, *[2] * axes)
        squares = sum(number**2 for number in torch.tensor(x).flatten().tolist())
        assert shape_of(corrnd(x, x)) == (1,) * axes
        assert torch.tensor(corrnd(x, x)).item() == squares


def test_shapes_that_do_not_fit_are_refused():
    """A kernel longer than the input, or with other axes, has no place to go."""
    with pytest.raises(ValueError, match="does not lie in"):
        corrnd([1, 2], [1, 2, 3])
    with pytest.raises(ValueError, match="axes"):
        corrnd([[1, 2]], [1])
    with pytest.raises(ValueError, match="must have 2 axes"):
        corr2d([1, 2, 3], [1])
    with pytest.raises(ValueError, match="channels"):
        corr2d_multi_in([X], [K, K])


def test_the_lectures_module_learns():
    """Conv2D, made of corr2d and one bias, is nn.Conv2d with that weight, has the same gradients, and learns."""
    torch.manual_seed(0)
    ours, theirs = reference.Conv2D((1, 2)), nn.Conv2d(1, 1, (1, 2))
    theirs.load_state_dict(
        {"weight": ours.weight.detach().reshape(1, 1, 1, 2).clone(), "bias": ours.bias.detach().clone()}
    )
    x = torch.tensor(PICTURE, dtype=torch.float32)
    y = torch.tensor(corr2d(PICTURE, EDGES), dtype=torch.float32)
    losses = []
    for _ in range(30):
        predictions = ours(x), theirs(x.reshape(1, 1, 6, 8))[0, 0]
        assert torch.allclose(*predictions, atol=1e-5)
        for layer, predicted in zip((ours, theirs), predictions, strict=True):
            layer.zero_grad()
            loss = ((predicted - y) ** 2).sum()
            loss.backward()
            for parameter in layer.parameters():
                parameter.data -= 1e-2 * parameter.grad
        losses.append(loss.item())
    assert [parameter.numel() for parameter in ours.parameters()] == [2, 1]
    assert losses[-1] < 0.01 * losses[0]
