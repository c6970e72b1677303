"""Question: how large is a picture scaled by 0.7, and why is there no formula for it?

Main results: `test_ninety_by_seven_tenths`, `test_torch_multiplies_in_double_precision`,
`test_the_float_rule_obeys_no_law`, `test_whole_factors_obey_every_law`,
`test_a_factor_exact_in_binary_has_a_formula`, `test_open_sizes`, `test_pixel_shuffle_undoes_pixel_unshuffle`,
`test_upsampling_divides_the_stride_of_the_receptive_field`.
Notation: n cells, scale a float; everything else in this book is integer arithmetic, this rule alone is not.
"""

from __future__ import annotations

import random
import struct
from fractions import Fraction
from itertools import product
from math import floor
from typing import Any

import pytest
import torch
from torch import nn

import shapecheck
from shapecheck.formulas import dyadic_size, scaled_size
from shapecheck.layers import LAYERS
from shapecheck.layers.base import EACH, make
from shapecheck.sizes import evaluate
from tests.referee import ours, torchs


def exact(n, scale):
    """The product of n and the number the author wrote, rounded down: what one would expect."""
    return int(n * Fraction(repr(scale)))


def binary(n, scale):
    """The product of n and the float that the scale really is, without rounding in between."""
    return int(n * Fraction(scale))


def single(n, scale):
    """The product in single precision, as torch's kernels compute positions."""

    def narrow(x):
        return struct.unpack("f", struct.pack("f", x))[0]

    return int(narrow(n * narrow(scale)))


def nearest(n, scale):
    """The product rounded to the nearest whole number."""
    return round(n * scale)


def test_ninety_by_seven_tenths():
    """Seven tenths of ninety are 63 in school and 62 in torch: in doubles 90 * 0.7 is 62.99999999999999."""
    assert exact(90, 0.7) == 63
    assert repr(90 * 0.7) == "62.99999999999999"
    assert (
        ours("Upsample", (1, 1, 90), scale_factor=0.7) == (1, 1, 62) == torchs("Upsample", (1, 1, 90), scale_factor=0.7)
    )


def test_torch_multiplies_in_double_precision(draws):
    """torch's size is the double-precision product cut off; exact, single-precision and rounded products are not it."""
    rng, off = random.Random(7), dict.fromkeys((exact, binary, single, nearest), 0)
    for _ in range(20 * draws):
        n, scale = (
            rng.randint(1, 300),
            rng.choice([rng.randint(1, 60) / rng.randint(1, 30), round(rng.uniform(1, 4), 2)]),
        )
        if scaled_size(n, scale) < 1:
            continue
        size = torchs("Upsample", (1, 1, n), scale_factor=scale)[-1]
        assert scaled_size(n, scale) == size, (n, scale)
        for rule in off:
            off[rule] += rule(n, scale) != size
    assert all(off.values()), off


def test_the_float_rule_obeys_no_law():
    """floor(7n/10) grows by 7 whenever n grows by 10; the size for 0.7 goes 56, 62, 70 at 80, 90, 100."""
    size = {n: scaled_size(n, 0.7) for n in range(1, 400)}
    assert [size[n] for n in (70, 80, 90, 100)] == [49, 56, 62, 70]
    assert all(exact(n + 10, 0.7) == exact(n, 0.7) + 7 for n in size)
    short = [n for n in size if size[n] != exact(n, 0.7)]
    assert short == [90, 170, 180, 330, 340, 350, 360]
    assert all(size[n] == exact(n, 0.7) - 1 for n in short)  # one cell is lost, never more
    assert scaled_size(scaled_size(90, 0.7), 1 / 0.7) == 88  # and there is no way back


def test_whole_factors_obey_every_law():
    """A whole factor multiplies: additive, composable, and a pool of the same size takes it back."""
    for n, m, s, t in product(range(1, 20), range(1, 20), range(1, 5), range(1, 5)):
        assert scaled_size(n, float(s)) == n * s
        assert scaled_size(n + m, float(s)) == scaled_size(n, float(s)) + scaled_size(m, float(s))
        assert scaled_size(scaled_size(n, float(s)), float(t)) == scaled_size(n, float(s * t))
    assert ours("MaxPool1d", ours("Upsample", (1, 1, 7), scale_factor=3), kernel_size=3) == (1, 1, 7)


def test_a_factor_exact_in_binary_has_a_formula():
    """Where the factor is a fraction m/t of a power of two, the float rule is floor(n m / t), for all n below 2^31."""
    rng = random.Random(1)
    for m, t in product(range(1, 40), (1, 2, 4, 8, 1024)):
        for n in (1, 2, 3, 89, 90, 2**31 - 1, rng.randint(1, 2**31)):
            assert scaled_size(n, m / t) == dyadic_size(n, m, t), (n, m, t)


def test_open_sizes():
    """A size left open is scaled by 1.5 as a formula; by 0.7 it is refused, and a number is asked for."""
    height = shapecheck.output_shape("Upsample", ("N", 3, "H", 8), scale_factor=1.5)[2]
    for n in range(1, 50):
        assert evaluate(height, {"H": n}) == scaled_size(n, 1.5)
    with pytest.raises(shapecheck.ShapeError, match="SP330") as caught:
        shapecheck.output_shape("Upsample", ("N", 3, "H", 8), scale_factor=0.7)
    assert "give the size H a number" in caught.value.diagnostics[0].hint


def test_each_mode_wants_its_rank():
    """linear wants one spatial axis, bilinear and bicubic two, trilinear three; nearest and area take any of them."""
    modes = {"linear": {1}, "bilinear": {2}, "bicubic": {2}, "trilinear": {3}, "nearest": {1, 2, 3}, "area": {1, 2, 3}}
    for (mode, axes), rank in product(modes.items(), range(5)):
        shape = (1, 2, *[3] * rank)
        expected = (1, 2, *[6] * rank) if rank in axes else "forward"
        assert ours("Upsample", shape, scale_factor=2, mode=mode) == expected
        assert torchs("Upsample", shape, scale_factor=2, mode=mode) == expected


def test_size_or_factor_not_both():
    """size and scale_factor exclude each other, and one of them is needed: found when the layer is run."""
    for judge in (ours, torchs):
        assert judge("Upsample", (1, 1, 4)) == "forward"
        assert judge("Upsample", (1, 1, 4), size=8, scale_factor=2) == "forward"
        assert judge("Upsample", (1, 1, 4), size=8) == (1, 1, 8)
        assert judge("Upsample", (1, 1, 4), scale_factor=0.2) == "forward"  # no cell would be left


def test_pixel_shuffle_undoes_pixel_unshuffle():
    """Unshuffled by r and shuffled by r again, every picture whose sides r divides comes back, cell by cell."""
    for r, n, c, h, w in product((1, 2, 3), (1, 2), (1, 2), (1, 2), (1, 3)):
        shape = (n, c, h * r, w * r)
        between = ours("PixelUnshuffle", shape, downscale_factor=r)
        assert between == (n, c * r * r, h, w)
        assert ours("PixelShuffle", between, upscale_factor=r) == shape
        x = torch.arange(float(n * c * h * r * w * r)).reshape(shape)
        assert torch.equal(nn.PixelShuffle(r)(nn.PixelUnshuffle(r)(x)), x)


def test_shuffles_want_what_divides():
    """r^2 divides a PixelShuffle's channels, r a PixelUnshuffle's sides, the groups a ChannelShuffle's channels."""
    for channels, side, r in product((1, 3, 4, 6, 8, 9), range(1, 5), (1, 2, 3)):
        shape = (1, channels, side, 6)
        cases: list[tuple[str, dict[str, Any], bool]] = [
            ("PixelShuffle", {"upscale_factor": r}, channels % r**2 == 0),
            ("PixelUnshuffle", {"downscale_factor": r}, side % r == 0),
            ("ChannelShuffle", {"groups": r}, channels % r == 0),
        ]
        for kind, arguments, fits in cases:
            assert (ours(kind, shape, **arguments) != "forward") == fits
            assert ours(kind, shape, **arguments) == torchs(kind, shape, **arguments)


@pytest.mark.parametrize(("scale", "kernel"), [(3, 3), (2, 2), (2, 3), (4, 5), (3, 7)])
def test_a_window_behind_an_upsampling_sees_what_lies_under_it(scale, kernel):
    """k neighbours of an s-fold upsampling lie over at most ceil((k-1)/s) + 1 cells; torch's gradients agree."""
    n = 24
    layers = [{"Upsample": {"scale_factor": scale}}, {"Conv1d": {"out_channels": 1, "kernel_size": kernel}}]
    field = shapecheck.infer(shapecheck.load({"input": [1, 1, n], "layers": layers})).layers[-1].receptive_field
    seen = seen_by_torch(nn.Sequential(nn.Upsample(scale_factor=scale), nn.Conv1d(1, 1, kernel)), n)
    assert field is not None
    assert max(map(len, seen)) == field.size[0] == -(-(kernel - 1) // scale) + 1


def seen_by_torch(module, n):
    """For each output cell of the module on n cells, which input cells its value depends on, by their gradients."""
    x = torch.zeros(1, 1, n, requires_grad=True)
    output = module(x)[0, 0]
    return [torch.autograd.grad(cell, x, retain_graph=True)[0][0, 0].nonzero().flatten().tolist() for cell in output]


@pytest.mark.parametrize("mode", ["nearest", "linear"])
@pytest.mark.parametrize("scale", [2, 3, 4, 1.5, 0.5])
def test_upsampling_divides_the_stride_of_the_receptive_field(mode, scale):
    """Cell i sees cells from start + i/scale on, `size` of them at most; torch's gradients agree, the edge aside."""
    n = 24
    layer = make(LAYERS["Upsample"], {"scale_factor": scale, "mode": mode})
    output = layer.shape((1, 1, n))
    ((size, stride, start),) = layer.field(EACH, ((1, 1, n),), output) or ()
    assert stride == 1 / Fraction(scale)
    seen = seen_by_torch(nn.Upsample(scale_factor=scale, mode=mode), n)
    inner = range(output[-1] // 4, 3 * output[-1] // 4)
    assert max(len(seen[i]) for i in inner) == floor(size)
    for i in inner:
        assert start + i * stride - 1 < seen[i][0]
        assert seen[i][-1] < start + i * stride + size
