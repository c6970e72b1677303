r"""What does one cell of a deep layer see of the input?

What is meant is naive: cell i of a layer reads the cells s i - q, ..., s i - q + k - 1 of the layer before, and sees
what they see. The chapter derive/theorems/receptive_field.py proves by induction over the layers what the checker's
recursions say of it. Here every chain of up to three small layers is enumerated, torch's gradients tell the same, and
the published table is computed again from the architectures.

Main results: `test_a_cell_sees_an_interval_or_has_holes`, `test_holes_exactly_behind_gaps`,
`test_every_input_is_seen_exactly_without_gaps`, `test_the_published_table`.
Notation: k span, s stride, q padding before, d dilation; r size of a field, j jump, u start of the field of cell 0.
"""

from __future__ import annotations

from functools import cache
from itertools import product

import pytest
import sympy as sp
import torch
from torch.nn import functional

from derive import semantics, theorem
from derive.theorems import receptive_field as chapter
from shapecheck import formulas

Layer = tuple[int, int, int]  # span, stride, padding before


def part(name: str):
    """A part of the theorem by its name."""
    whole = theorem("receptive-field")
    return next(piece for piece in (whole, *whole.parts) if piece.name == name)


@cache
def seen(layers: tuple[Layer, ...], cell: int) -> frozenset[int]:
    """The inputs that a cell of the last layer sees, by what is meant."""
    if not layers:
        return frozenset({cell})
    k, s, q = layers[-1]
    return frozenset().union(*(seen(layers[:-1], s * cell - q + a) for a in range(k)))


def recursions(layers: tuple[Layer, ...]) -> list[tuple[int, int, int]]:
    """(r, j, u) of each layer, the input first, by the functions that the checker runs."""
    found = [(1, 1, 0)]
    for k, s, q in layers:
        r, j, u = found[-1]
        found.append((formulas.field_size(r, j, k), j * s, formulas.field_start(u, j, q)))
    return found


LAYERS = list(product((1, 2, 3), (1, 2, 3), (0, 1)))
CHAINS = [chain for depth in range(4) for chain in product(LAYERS, repeat=depth) if depth < 3 or chain[0][2] == 0]


def gap_before(layers: tuple[Layer, ...]) -> bool:
    """Whether some layer reads two cells whose fields have a gap in between."""
    return any(k > 1 and r < j for (k, _, _), (r, j, _) in zip(layers, recursions(layers), strict=False))


def test_the_formulas_are_those_that_run():
    """The recursions of the theorem are what the checker's functions answer when they are called on letters."""
    l, R, J, U, K, Q = chapter.l, chapter.R, chapter.J, chapter.U, chapter.K, chapter.Q  # noqa: E741
    assert formulas.field_size(R[l], J[l], K[l + 1]) == chapter.SIZE.right
    assert formulas.field_start(U[l], J[l], Q[l + 1]) == chapter.START.right
    assert {chapter.SIZE, chapter.START, chapter.JUMP} <= set(part("receptive-field").hypotheses)


def test_a_cell_sees_an_interval_or_has_holes():
    """For each of the chains: both ends are those of the recursions, and without gaps there is nothing else missing."""
    for layers in CHAINS:
        r, j, u = recursions(layers)[-1]
        for cell in (-1, 0, 2):
            found = seen(layers, cell)
            assert (min(found), max(found)) == (u + cell * j, u + cell * j + r - 1), layers
            assert (len(found) == r) == (not gap_before(layers)), layers


def test_holes_exactly_behind_gaps():
    """The first of the holes is where the theorem `hole` says: right behind the field of the first of two cells."""
    for layers in CHAINS:
        rows = recursions(layers)
        if layers and layers[-1][0] > 1 and rows[-2][0] < rows[-2][1]:
            u = rows[-1][2]
            assert u + rows[-2][0] not in seen(layers, 0)


def test_long_windows_are_enough_and_not_needed():
    """Spans of at least the strides leave no holes; (2, 1), (1, 2), (2, 1) leaves none either, with a span below."""
    for layers in CHAINS:
        if all(k >= s for k, s, _ in layers):
            assert not gap_before(layers)
    layers = ((2, 1, 0), (1, 2, 0), (2, 1, 0))
    assert recursions(layers) == [(1, 1, 0), (2, 1, 0), (2, 2, 0), (4, 2, 0)]
    assert seen(layers, 0) == {0, 1, 2, 3}
    assert seen(((1, 2, 0), (2, 1, 0)), 0) == {0, 2}


def test_every_input_is_seen_exactly_without_gaps():
    """Every input far from the border is seen by some cell if and only if r >= j in every layer."""
    for layers in CHAINS:
        r, j, u = recursions(layers)[-1]
        covered = frozenset().union(*(seen(layers, cell) for cell in range(-r // j - 2, 30 // j + 3)))
        all_seen = set(range(u, u + 28)) <= covered
        assert all_seen == all(size >= jump for size, jump, _ in recursions(layers)), layers


def test_what_is_lost_stays_lost():
    """An input that no cell of a layer sees no cell of a later layer sees: 1 behind (1, 2), whatever follows."""
    for more in product(LAYERS, repeat=2):
        assert not any(1 in seen(((1, 2, 0), *more), cell) for cell in range(-9, 10))


def test_the_theorem_on_numbers():
    """The closed form of the theorem, by plain loops, is the recursion."""
    term = part("receptive-field/closed-form").rhs
    for layers in CHAINS[:: len(CHAINS) // 60]:
        rows = recursions(layers)
        spans, jumps = [0, *(k for k, _, _ in layers)], [j for _, j, _ in rows]
        env = semantics.environment({chapter.K: spans, chapter.J: jumps, chapter.m: len(layers)})
        assert semantics.meaning(term)(env) == rows[-1][0]


# torch ---------------------------------------------------------------------------------------------------------------


def by_gradient(layers: list[tuple[int, int, int, int]], size: int, cell: int) -> set[int]:
    """The inputs on which a cell of torch's convolutions depends; all weights are 1."""
    x = torch.zeros(1, 1, size, dtype=torch.float64, requires_grad=True)
    y = x
    for k, s, q, d in layers:
        y = functional.conv1d(y, torch.ones(1, 1, k, dtype=torch.float64), stride=s, padding=q, dilation=d)
    y[0, 0, cell].backward()
    assert x.grad is not None
    return set(torch.nonzero(x.grad[0, 0])[:, 0].tolist())


def test_torch_sees_the_same():
    """The gradient of a cell in the middle is not zero exactly where the cell sees."""
    for layers in CHAINS[:: len(CHAINS) // 80]:
        if not layers:
            continue
        dilated = [(*layer, 1) for layer in layers]
        _, j, u = recursions(layers)[-1]
        cell = (40 - u) // j
        assert by_gradient(dilated, 140, cell) == {x + cell * j for x in seen(layers, 0)}


DILATED = [
    [(3, 1, 1, 1), (3, 1, 2, 2), (3, 1, 4, 4)],
    [(3, 1, 0, 2), (3, 1, 0, 2)],
    [(2, 2, 0, 1), (3, 1, 0, 3), (2, 1, 1, 2)],
    [(2, 1, 0, 5), (3, 1, 0, 1)],
]


@pytest.mark.parametrize("layers", DILATED)
def test_with_dilation_the_set_is_computed(layers):
    """`offsets` is the set that torch's gradient shows, holes and all; its ends are those of the dilated spans."""
    found = chapter.offsets(layers)
    jump = 1
    for _, s, _, _ in layers:
        jump *= s
    assert by_gradient(layers, 80, 30 // jump) == {x + 30 // jump * jump for x in found}
    r, _, u = recursions(tuple((formulas.dilated(k, d), s, q) for k, s, q, d in layers))[-1]
    assert (min(found), max(found)) == (u, u + r - 1)


def test_without_dilation_the_set_is_the_naive_one():
    """For each of the chains `offsets` is what is meant."""
    for layers in CHAINS:
        assert chapter.offsets([(*layer, 1) for layer in layers]) == seen(layers, 0)


def test_a_transposed_layer():
    """A cell of torch's transposed convolution depends on the theorem's cells, within the field of the formulas."""
    for e, s, q in product((1, 2, 3, 4), (1, 2, 3), (0, 1)):
        if 2 * q >= e:
            continue
        x = torch.zeros(1, 1, 9, dtype=torch.float64, requires_grad=True)
        y = functional.conv_transpose1d(x, torch.ones(1, 1, e, dtype=torch.float64), stride=s, padding=q)
        for o in range(e, y.shape[2] - e):
            (gradient,) = torch.autograd.grad(y[0, 0, o], x, retain_graph=True)
            cells = set(torch.nonzero(gradient[0, 0])[:, 0].tolist())
            low, high = formulas.ceil_div(o + q - e + 1, s), (o + q) // s
            assert cells == set(range(low, high + 1)), (e, s, q, o)
            r, j, u = 3, 2 * s, -1
            start = formulas.field_start(u, j // s, e - 1 - q) + o * j // s
            stop = start + formulas.field_size(r, j // s, e) - 1
            assert all(start <= u + c * j and u + c * j + r - 1 <= stop for c in cells)


# The published table -------------------------------------------------------------------------------------------------

Net = list[Layer]


def same(*spans: int) -> Net:
    """Convolutions at stride 1 that keep the size."""
    return [(k, 1, k // 2) for k in spans]


DOWN, VALID_DOWN = (3, 2, 0), (3, 2, 0)  # TensorFlow pads an even size behind, not before


def mobilenet() -> Net:
    """MobileNet v1: a convolution, then thirteen 3 x 3 depthwise ones."""
    strides = (1, 2, 1, 2, 1, 2, 1, 1, 1, 1, 1, 2, 1)
    return [DOWN, *((3, s, 0 if s == 2 else 1) for s in strides)]


def resnet(*depths: int) -> Net:
    """ResNet v1 of TF-slim: each stage but the last strides in the 3 x 3 convolution of its last block, padded by 1."""
    strides = [2 if last and stage < 3 else 1 for stage, n in enumerate(depths) for last in [False] * (n - 1) + [True]]
    return [(7, 2, 3), DOWN, *((3, s, 1) for s in strides)]


def inception_v2() -> Net:
    """Inception v2 along its longest branches."""
    start = [(7, 2, 2), DOWN, *same(3), DOWN]
    shrink = [*same(3), DOWN]
    return [*start, *same(3, 3) * 2, *shrink, *same(3, 3) * 4, *shrink, *same(3, 3) * 2]


def inception_v3() -> Net:
    """Inception v3 along its longest branches."""
    start = [VALID_DOWN, (3, 1, 0), *same(3), VALID_DOWN, (3, 1, 0), VALID_DOWN]
    shrink = [*same(3), VALID_DOWN]
    return [*start, *same(3, 3) * 3, *shrink, *same(7, 7) * 4, *same(7), VALID_DOWN, *same(3, 3) * 2]


def inception_v4() -> Net:
    """Inception v4 along its longest branches."""
    start = [VALID_DOWN, (3, 1, 0), *same(3), VALID_DOWN, *same(7), (3, 1, 0), VALID_DOWN]
    shrink = [*same(3), VALID_DOWN]
    return [*start, *same(3, 3) * 4, *shrink, *same(7, 7) * 7, *same(7), VALID_DOWN, *same(3, 3) * 3]


def inception_resnet_v2() -> Net:
    """Inception-ResNet v2 along its longest branches."""
    start = [VALID_DOWN, (3, 1, 0), *same(3), VALID_DOWN, (3, 1, 0), VALID_DOWN]
    shrink = [*same(3), VALID_DOWN]
    return [*start, *same(5), *same(3, 3) * 10, *shrink, *same(7) * 20, *shrink, *same(3) * 10]


ALEXNET = [(11, 4, 0), (3, 2, 0), (5, 1, 2), (3, 2, 0), *same(3, 3, 3), (3, 2, 0)]
VGG16 = [layer for depth in (2, 2, 3, 3, 3) for layer in (*same(3) * depth, (2, 2, 0))]

TABLE: dict[str, tuple[Net, int, int, int]] = {  # layers along one axis; published: size, stride, padding
    "alexnet_v2": (ALEXNET, 195, 32, 64),  # Krizhevsky, arXiv:1404.5997
    "vgg_16": (VGG16, 212, 32, 90),  # Simonyan & Zisserman, arXiv:1409.1556
    "mobilenet_v1": (mobilenet(), 315, 32, 126),  # Howard et al., arXiv:1704.04861
    "resnet_v1_50": (resnet(3, 4, 6, 3), 483, 32, 239),  # He et al., arXiv:1512.03385, as in TF-slim
    "resnet_v1_101": (resnet(3, 4, 23, 3), 1027, 32, 511),
    "resnet_v1_152": (resnet(3, 8, 36, 3), 1507, 32, 751),
    "resnet_v1_200": (resnet(3, 24, 36, 3), 1763, 32, 879),
    "inception_v2": (inception_v2(), 699, 32, 318),  # Ioffe & Szegedy, arXiv:1502.03167
    "inception_v3": (inception_v3(), 1311, 32, 618),  # Szegedy et al., arXiv:1512.00567
    "inception_v4": (inception_v4(), 2071, 32, 998),  # Szegedy et al., arXiv:1602.07261
    "inception_resnet_v2": (inception_resnet_v2(), 3039, 32, 1482),
}


@pytest.mark.parametrize("name", TABLE)
def test_the_published_table(name: str):
    """Size, stride and padding of Araujo et al., Distill 2019, from the layers on the longest path of the network."""
    layers, size, stride, padding = TABLE[name]
    r, j, u = recursions(tuple(layers))[-1]
    assert (r, j, -u) == (size, stride, padding)


def test_the_published_fields_have_no_holes():
    """In none of these networks a cell has a hole, and every input is seen."""
    for layers, size, *_ in TABLE.values():
        assert len(chapter.offsets([(*layer, 1) for layer in layers])) == size
        assert all(r >= j for r, j, _ in recursions(tuple(layers)))


def test_each_hypothesis_is_stated():
    """What the main theorem assumes of the layers: spans and strides of at least 1, and fields that touch."""
    l = chapter.l  # noqa: E741
    ranges = {given.holds for given in part("receptive-field").hypotheses if hasattr(given, "holds")}
    assert {sp.Ge(chapter.K[l], 1), sp.Ge(chapter.S[l], 1), chapter.NO_GAP.holds} <= ranges
