"""Question: what does a normalisation demand of its input, when it never changes a shape?

Main results: `test_one_value_has_no_variance`, `test_batch_norm_in_training_wants_two_values_a_channel`,
`test_evaluation_asks_for_nothing`, `test_instance_norm_wants_two_positions`,
`test_torch_counts_a_group_over_the_batch`, `test_layer_norm_wants_its_own_shape`,
`test_a_weight_and_a_bias_a_channel`.
Notation: N samples, C channels, G groups; the cells of an input are listed one by one, so that counting needs no
formula.
References: Ioffe & Szegedy 2015 (batch), Ulyanov et al. 2016 (instance), Wu & He 2018 (group), Ba et al. 2016 (layer).
"""

from __future__ import annotations

from collections import Counter
from fractions import Fraction
from itertools import product
from typing import Any

import pytest
import torch

from shapecheck.layers import LAYERS
from shapecheck.layers.base import make
from tests.referee import ours, torchs

SMALL = [
    (n, c, *spatial) for n, c, axes in product((1, 2), (1, 2, 4), (1, 2)) for spatial in product((1, 2), repeat=axes)
]  # every (N, C, L) and (N, C, H, W) of sizes 1 and 2, channels up to 4


def cells(shape):
    """Every cell of a tensor of that shape, as its index."""
    return list(product(*map(range, shape)))


def fewest(shape, pool_of):
    """How many values the smallest pool holds, where `pool_of` says to which pool a cell belongs."""
    return min(Counter(map(pool_of, cells(shape))).values())


def normalised(values):
    """The values less their mean; what would be divided by the standard deviation, where there is one."""
    mean = Fraction(sum(values), len(values))
    return [value - mean for value in values]


def test_one_value_has_no_variance():
    """One value less its mean is 0, whatever it was: all it said is lost, so in training torch refuses it."""
    assert {tuple(normalised([value])) for value in range(-5, 6)} == {(0,)}
    assert normalised([1, 3]) == [-1, 1]


@pytest.mark.parametrize("shape", SMALL, ids=str)
def test_batch_norm_in_training_wants_two_values_a_channel(shape):
    """Batch norm pools a channel's values over samples and positions; it is refused exactly where a pool holds one."""
    kind = f"BatchNorm{len(shape) - 2}d"
    expected = shape if fewest(shape, lambda cell: cell[1]) > 1 else "forward"
    assert ours(kind, shape, num_features=shape[1]) == expected
    assert torchs(kind, shape, num_features=shape[1]) == expected


def test_it_is_not_the_batch_of_one_that_is_refused():
    """A batch of one passes where the channel has several positions: the rule counts values, not samples."""
    assert ours("BatchNorm1d", (1, 3, 2), num_features=3) == (1, 3, 2)
    assert ours("BatchNorm1d", (1, 3, 1), num_features=3) == "forward"
    assert ours("BatchNorm1d", (1, 3), num_features=3) == "forward"
    assert ours("BatchNorm1d", ("N", 3), num_features=3)[1:] == (3,)  # an open batch may be large enough


@pytest.mark.parametrize("shape", SMALL, ids=str)
def test_evaluation_asks_for_nothing(shape):
    """In evaluation the statistics come from training, and one value is enough; unless none were kept."""
    kind, channels = f"BatchNorm{len(shape) - 2}d", shape[1]
    in_training = ours(kind, shape, num_features=channels)
    for judge in (ours, torchs):
        assert judge(kind, shape, num_features=channels, training=False) == shape
        forgetful = judge(kind, shape, num_features=channels, training=False, track_running_stats=False)
        assert forgetful == in_training


@pytest.mark.parametrize("shape", SMALL, ids=str)
def test_instance_norm_wants_two_positions(shape):
    """Instance norm pools over the positions of one sample and channel, in training and in evaluation alike."""
    kind = f"InstanceNorm{len(shape) - 2}d"
    expected = shape if fewest(shape, lambda cell: cell[:2]) > 1 else "forward"
    for judge, training in product((ours, torchs), (True, False)):
        assert judge(kind, shape, num_features=shape[1], training=training) == expected
        kept = judge(kind, shape, num_features=shape[1], training=training, track_running_stats=True)
        assert kept == (expected if training else shape)


@pytest.mark.parametrize("shape", SMALL, ids=str)
@pytest.mark.parametrize("groups", [1, 2, 4])
def test_torch_counts_a_group_over_the_batch(shape, groups):
    """torch refuses a group norm where the values of a group, counted over all samples, are one."""
    channels = shape[1]
    if channels % groups:
        expected = "construct"
    else:
        expected = shape if fewest(shape, lambda cell: cell[1] * groups // channels) > 1 else "forward"
    for judge, training in product((ours, torchs), (True, False)):
        assert judge("GroupNorm", shape, num_groups=groups, num_channels=channels, training=training) == expected


def test_a_group_of_one_value_slips_through_with_a_second_sample():
    """A group norm never looks at other samples, yet two samples of one value a group pass, and come out as zeros."""
    assert ours("GroupNorm", (2, 4, 1), num_groups=4, num_channels=4) == (2, 4, 1)
    output = torch.nn.GroupNorm(4, 4)(torch.arange(8.0).reshape(2, 4, 1))
    assert output.abs().max() < 1e-3  # but for rounding


def test_layer_norm_wants_its_own_shape():
    """Layer and RMS norm take exactly the inputs that end in normalized_shape, batch or none, one value or many."""
    shapes = [shape for rank in range(4) for shape in product((1, 2, 3), repeat=rank)]
    for kind, normalized in product(("LayerNorm", "RMSNorm"), [(1,), (3,), (2, 3), (1, 2, 3)]):
        for shape in shapes:
            expected = shape if shape[-len(normalized) :] == normalized else "forward"
            assert ours(kind, shape, normalized_shape=normalized) == expected, (kind, normalized, shape)
            assert torchs(kind, shape, normalized_shape=normalized) == expected, (kind, normalized, shape)


@pytest.mark.parametrize("kind", ["BatchNorm1d", "InstanceNorm1d", "GroupNorm", "LayerNorm", "RMSNorm"])
def test_a_weight_and_a_bias_a_channel(kind):
    """A norm has a weight and a bias a channel (layer norm: a cell) where affine; running statistics do not count."""
    switch = "elementwise_affine" if kind in ("LayerNorm", "RMSNorm") else "affine"
    sizes: dict[str, dict[str, Any]] = {
        "GroupNorm": {"num_groups": 2, "num_channels": 6},
        "LayerNorm": {"normalized_shape": (6, 5)},
        "RMSNorm": {"normalized_shape": (6, 5)},
    }
    by_hand = {"LayerNorm": 60, "RMSNorm": 30}.get(kind, 12)
    for affine in (True, False):
        arguments = {**sizes.get(kind, {"num_features": 6}), switch: affine}
        module = getattr(torch.nn, kind)(**arguments)
        assert make(LAYERS[kind], arguments).params() == (by_hand if affine else 0)
        assert sum(weight.numel() for weight in module.parameters()) == (by_hand if affine else 0)


def test_channels_are_compared_where_there_are_statistics():
    """num_features is compared with the channels where a weight or statistics hang on it, else not looked at."""
    for affine, track in product((True, False), repeat=2):
        for training in (True, False):
            arguments: dict[str, Any] = {
                "num_features": 3,
                "affine": affine,
                "track_running_stats": track,
                "training": training,
            }
            expected = "forward" if affine or track else (2, 4, 5)
            assert ours("BatchNorm1d", (2, 4, 5), **arguments) == expected
            assert torchs("BatchNorm1d", (2, 4, 5), **arguments) == expected


def test_an_empty_input_is_hardly_looked_at():
    """An empty batch passes a batch norm made for other channels, in torch and here; a full one does not."""
    for judge in (ours, torchs):
        assert judge("BatchNorm2d", (0, 4, 2, 2), num_features=3) == (0, 4, 2, 2)
        assert judge("BatchNorm2d", (1, 4, 2, 2), num_features=3) == "forward"
        assert judge("BatchNorm2d", (0, 4, 2, 2), num_features=0) == "forward"  # not even a weight to multiply by


def test_the_lazy_instance_norm_is_another_layer():
    """LazyInstanceNorm keeps statistics and has weights, which InstanceNorm by default has not."""
    one_position = (2, 3, 1)
    for judge in (ours, torchs):
        assert judge("InstanceNorm1d", one_position, num_features=3, training=False) == "forward"
        assert judge("LazyInstanceNorm1d", one_position, training=False) == one_position
