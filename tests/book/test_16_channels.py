r"""What changes when pictures have channels?

Each output channel sums over all input channels; groups make the kernel block diagonal, depthwise is the extreme of
that; and a 1 x 1 convolution is a linear layer, the same at every pixel.

Main results: `test_the_road_with_channels`, `test_groups_are_blocks`, `test_groups_are_blocks_on_every_number_of_axes`,
`test_pointwise_is_a_linear_layer`, `test_separable`.
Notation: v[o,f,a,b] weights from channel f to channel o, torch's order; g groups of p channels in and q out.
"""

from __future__ import annotations

import itertools
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional

from derive import semantics, theorem
from derive.blackboard import Equation, Support, arrays, integers
from derive.reference import corr2d_multi_in

i, j, k, l, o, t, r, m, n1, n2, Delta = integers("i j k l o t r m n1 n2 Delta")  # noqa: E741
g, p, q, h, width = integers("g p q h w")
A, D, G, H, K, U, V, W, X, Z, bias, weight = arrays("A D G H K U V W X Z u v")

CHANNELS, POINTWISE = theorem("channels"), theorem("pointwise-conv")
PARTS = {part.name: part for part in (*CHANNELS.parts, *POINTWISE.parts)}
CONVS: dict[int, Any] = {1: functional.conv1d, 2: functional.conv2d, 3: functional.conv3d}


def numbers(*shape, seed=0):
    """A tensor of small integers."""
    return torch.randint(-9, 10, shape, generator=torch.Generator().manual_seed(seed))


def value(term, values):
    """The value of a term by naive loops; tensors are zero outside."""
    plain = {key: entry.tolist() if isinstance(entry, torch.Tensor) else entry for key, entry in values.items()}
    return semantics.meaning(term)(semantics.environment(plain))


def test_the_statement():
    """It says what torch computes: a sum over input channels and a box of offsets, output channel first."""
    shown = CHANNELS.text()
    assert (
        "u[o] + sum[f = 0 .. m - 1] sum[a = -Delta .. Delta] sum[b = -Delta .. Delta] v[o, f, a, b] X[f, i + a" in shown
    )
    assert CHANNELS.lhs == H[o, i, j]


def test_the_lectures_numbers():
    """0..8 and 1..9 with the kernels 0..3 and 1..4 give 56, 72, 104, 120; the theorem's right side as well."""
    picture = torch.stack([torch.arange(9).reshape(3, 3), torch.arange(1, 10).reshape(3, 3)])
    kernels = torch.stack([torch.arange(4).reshape(2, 2), torch.arange(1, 5).reshape(2, 2)])
    centred = torch.zeros(1, 2, 3, 3, dtype=torch.int64)
    centred[0, :, 1:, 1:] = kernels  # offsets 0 and 1 of -1, 0, 1
    found = [
        value(
            CHANNELS.rhs,
            {m: 2, Delta: 1, o: 0, i: y, j: x, bias: [0], X: picture, weight: around(centred, 1)},
        )
        for y, x in itertools.product(range(2), repeat=2)
    ]
    assert found == [56, 72, 104, 120]
    assert corr2d_multi_in(picture.tolist(), kernels.tolist()) == [found[:2], found[2:]]


def around(kernel, reach):
    """The kernel as an array over offsets -reach..reach, zero outside."""
    cells = semantics.environment({K: kernel.tolist()})["AK"]
    return lambda at: cells((at[0], at[1], at[2] + reach, at[3] + reach))


def shared(local):
    """The weights W[o,i,j,f,k,l] that depend on the offset only."""
    return lambda at: local((at[0], at[3], at[4] - at[1], at[5] - at[2]))


def connected(weights, picture, place):
    """One output of the fully connected layer, by its definition."""
    cells = itertools.product(*map(range, picture.shape))
    return sum(weights((*place, *cell)) * picture[cell].item() for cell in cells)


def test_the_road_with_channels():
    """Fully connected weights that are shared and local, the theorem's right side, and F.conv2d: one and the same."""
    for inputs, rows, columns, reach in itertools.product((1, 2), (1, 3), (1, 2), (0, 1, 2)):
        picture, kernel, offset = numbers(inputs, rows, columns), numbers(2, inputs, *[2 * reach + 1] * 2), numbers(2)
        exact = functional.conv2d(picture[None], kernel, offset, padding=reach)[0]
        local = around(kernel, reach)
        for place in itertools.product(range(2), range(rows), range(columns)):
            values = {m: inputs, n1: rows, n2: columns, Delta: reach, X: picture, weight: local, bias: offset}
            found = value(CHANNELS.rhs, {**values, **dict(zip((o, i, j), place, strict=True))})
            dense = connected(shared(local), picture, place) + offset[place[0]].item()
            assert found == dense == exact[place].item()


def test_the_hypotheses_are_the_lectures():
    """From H to the convolution: W by offset, shared V and U, local v, and nothing else about positions."""
    equations = [given for given in CHANNELS.hypotheses if isinstance(given, Equation)]
    assert [given.left.base for given in equations] == [H, V, V, U]
    assert equations[1].right.base == W
    assert [given.array for given in CHANNELS.hypotheses if isinstance(given, Support)] == [weight, X]


GROUPS = [(1, 2, 3), (2, 1, 1), (2, 2, 1), (3, 1, 2), (2, 2, 2)]


def block_diagonal(kernel, groups):
    """The kernel of all channels with all that is zero between groups."""
    blocks = kernel.chunk(groups)
    full = torch.zeros(kernel.shape[0], groups * kernel.shape[1], *kernel.shape[2:], dtype=kernel.dtype)
    for place, block in enumerate(blocks):
        outs, ins = block.shape[:2]
        full[place * outs : (place + 1) * outs, place * ins : (place + 1) * ins] = block
    return full


@pytest.mark.parametrize(("groups", "ins", "outs"), GROUPS)
def test_groups_are_blocks(groups, ins, outs):
    """Every output channel is some q t + r; the block diagonal kernel, its blocks, and torch's groups agree there."""
    picture, kernel = numbers(groups * ins, 3, 4), numbers(groups * outs, ins, 2, 3, seed=1)
    exact = functional.conv2d(picture[None], kernel, groups=groups)[0]
    part, seen = PARTS["channels/groups"], []
    for group, place in itertools.product(range(groups), range(outs)):
        seen.append(outs * group + place)
        for y, x in itertools.product(range(2), repeat=2):
            sizes = {g: groups, p: ins, q: outs, h: 2, width: 3, t: group, r: place, i: y, j: x}
            arrays = {X: picture, G: kernel, K: block_diagonal(kernel, groups)}
            assert value(part.lhs, {**sizes, **arrays}) == exact[seen[-1], y, x].item()
            assert value(part.rhs, {**sizes, **arrays}) == exact[seen[-1], y, x].item()
    assert seen == list(range(groups * outs))


@pytest.mark.parametrize("axes", [1, 2, 3])
@pytest.mark.parametrize(("groups", "ins", "outs"), GROUPS)
def test_groups_are_blocks_on_every_number_of_axes(axes, groups, ins, outs):
    """The proof never looks at the axes; torch's grouped convolutions on 1, 2, 3 axes are block diagonal, too."""
    picture, kernel = numbers(1, groups * ins, *[4] * axes), numbers(groups * outs, ins, *[2] * axes, seed=1)
    settings = {"stride": 2, "dilation": 2, "padding": 1}
    grouped = CONVS[axes](picture, kernel, groups=groups, **settings)
    assert torch.equal(grouped, CONVS[axes](picture, block_diagonal(kernel, groups), **settings))


@pytest.mark.parametrize("multiplier", [1, 2])
def test_depthwise(multiplier):
    """As many groups as channels: each output reads one input channel, by the theorem and by torch."""
    picture, kernel = numbers(3, 3, 3), numbers(3 * multiplier, 1, 2, 2, seed=1)
    exact = functional.conv2d(picture[None], kernel, groups=3)[0]
    part = PARTS["channels/depthwise"]
    for channel, place, y, x in itertools.product(range(3), range(multiplier), range(2), range(2)):
        sizes = {g: 3, q: multiplier, h: 2, width: 2, t: channel, r: place, i: y, j: x}
        arrays = {X: picture, D: kernel[:, 0], K: block_diagonal(kernel, 3)}
        for side in (part.lhs, part.rhs):
            assert value(side, {**sizes, **arrays}) == exact[multiplier * channel + place, y, x].item()


def test_weights_are_counted_right():
    """The counts of the book are those of nn.Conv2d, and g groups leave one weight of g."""
    for ins, outs, reach in itertools.product((1, 2, 3), (1, 2), (0, 1, 2)):
        layer = nn.Conv2d(ins, outs, 2 * reach + 1)
        total = sum(parameter.numel() for parameter in layer.parameters())
        assert value(PARTS["channels/weights"].rhs, {m: ins, q: outs, Delta: reach}) == total
    for groups, ins, outs in GROUPS:
        grouped, full = (nn.Conv2d(groups * ins, groups * outs, (2, 3), groups=count) for count in (groups, 1))
        counted = value(PARTS["channels/group-weights"].rhs, {g: groups, p: ins, q: outs, h: 2, width: 3})
        assert counted == grouped.weight.numel() == full.weight.numel() / groups


def test_a_matrix_for_each_offset():
    """Summed over offsets outside and channels inside it is the same, and each offset is one matrix product."""
    picture, kernel = numbers(2, 4, 5), numbers(3, 2, 3, 3, seed=1)
    exact = functional.conv2d(picture[None], kernel)[0]
    moved = torch.zeros_like(exact)
    for a, b in itertools.product(range(3), repeat=2):
        moved += torch.einsum("of,fyx->oyx", kernel[:, :, a, b], picture[:, a : a + 2, b : b + 3])
    assert torch.equal(moved, exact)
    part = PARTS["channels/matrices"]
    for y, x in itertools.product(range(2), range(3)):
        values = {m: 2, Delta: 1, o: 2, i: y + 1, j: x + 1, X: picture, weight: around(kernel, 1)}
        assert value(part.lhs, values) == value(part.rhs, values) == exact[2, y, x].item()


def test_pointwise_is_a_linear_layer():
    """1 x 1 with 3 channels in and 2 out: nn.Linear at every pixel, one matrix product for all, torch's Conv2d."""
    picture, matrix, offset = numbers(3, 2, 4), numbers(2, 3, seed=1), numbers(2, seed=2)
    exact = functional.conv2d(picture[None], matrix[:, :, None, None], offset)[0]
    linear = nn.Linear(3, 2, dtype=torch.float64)
    linear.load_state_dict({"weight": matrix.double(), "bias": offset.double()})
    assert torch.equal(linear(picture.double().permute(1, 2, 0)).permute(2, 0, 1), exact.double())
    listed = picture.reshape(3, 8)
    assert torch.equal((matrix @ listed).reshape(2, 2, 4) + offset[:, None, None], exact)
    product = PARTS["pointwise-conv/product"]
    arrays = {X: picture, A: matrix, K: matrix[:, :, None, None], Z: listed, bias: offset}
    for channel, y, x in itertools.product(range(2), range(2), range(4)):
        values = {m: 3, n1: 2, n2: 4, o: channel, i: y, j: x, k: y, l: x, **arrays}
        assert value(POINTWISE.lhs, values) == value(POINTWISE.rhs, values) == exact[channel, y, x].item()
        without = exact[channel, y, x].item() - offset[channel].item()
        assert value(product.lhs, values) == value(product.rhs, values) == without


@pytest.mark.parametrize("axes", [1, 2, 3])
def test_pointwise_on_every_number_of_axes(axes):
    """A kernel of one cell is a matrix on the channels, on 1, 2 and 3 axes."""
    picture, matrix = numbers(1, 3, *[2] * axes), numbers(4, 3, seed=1)
    exact = CONVS[axes](picture, matrix.reshape(4, 3, *[1] * axes))
    assert torch.equal(exact, torch.einsum("of,nf...->no...", matrix, picture))


def test_separable():
    """Depthwise, then 1 x 1, is one convolution with kernels A[o,f] D[f,a,b]: the theorem's sides and torch agree."""
    picture, deep, matrix = numbers(2, 3, 4), numbers(2, 2, 3, seed=1), numbers(3, 2, seed=2)
    exact = functional.conv2d(functional.conv2d(picture[None], deep[:, None], groups=2), matrix[:, :, None, None])[0]
    one = matrix[:, :, None, None] * deep[None]
    assert torch.equal(functional.conv2d(picture[None], one)[0], exact)
    part = PARTS["pointwise-conv/separable"]
    for channel, y, x in itertools.product(range(3), range(2), range(2)):
        values = {m: 2, h: 2, width: 3, o: channel, i: y, j: x, X: picture, D: deep, A: matrix, K: one}
        assert value(part.lhs, values) == value(part.rhs, values) == exact[channel, y, x].item()


def test_pointwise_after_a_convolution():
    """The 1 x 1 layer mixes the kernels of the layer before it, and leaves one convolution."""
    picture, kernel, matrix = numbers(2, 3, 3), numbers(3, 2, 2, 2, seed=1), numbers(2, 3, seed=2)
    exact = functional.conv2d(functional.conv2d(picture[None], kernel), matrix[:, :, None, None])[0]
    mixed = torch.einsum("oe,efab->ofab", matrix, kernel)
    part = PARTS["pointwise-conv/after"]
    for channel, y, x in itertools.product(range(2), repeat=3):
        values = {p: 3, m: 2, h: 2, width: 2, o: channel, i: y, j: x, X: picture, K: kernel, A: matrix, G: mixed}
        assert value(part.lhs, values) == value(part.rhs, values) == exact[channel, y, x].item()
