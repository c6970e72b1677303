"""Question: what may be done to cells without changing them, and which tensors fit each other?

Main results: `test_broadcasting_is_its_definition`, `test_a_reshape_keeps_the_count`, `test_an_open_batch_survives`,
`test_chunks_may_be_fewer_than_asked_for`, `test_a_slice_is_pythons`, `test_the_matrix_product_counted`.
Notation: a shape is a list of sizes; cells are numbered in row-major order, the last dimension fastest.
"""

from __future__ import annotations

from itertools import permutations, product
from math import ceil, prod
from typing import Any

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

import shapecheck
from shapecheck.layers import LAYERS
from shapecheck.layers.merge import broadcast
from shapecheck.sizes import evaluate, name
from tests.referee import ours

SHAPES = [shape for rank in range(4) for shape in product((0, 1, 2, 3), repeat=rank)]


def repeated(shape, wanted):
    """Whether a tensor of this shape becomes one of the wanted shape when sizes of 1 are repeated, others kept."""
    sizes = (1,) * (len(wanted) - len(shape)) + shape
    return len(shape) <= len(wanted) and all(size in (1, want) for size, want in zip(sizes, wanted, strict=True))


def common_shapes(a, b):
    """All shapes to which both can be repeated, each size being one that a or b has there."""
    rank = max(len(a), len(b))
    padded = zip((1,) * (rank - len(a)) + a, (1,) * (rank - len(b)) + b, strict=True)
    return [shape for shape in product(*map(set, padded)) if repeated(a, shape) and repeated(b, shape)]


def test_by_hand():
    """A row (3,) and a column (2, 1) make a table (2, 3); (2, 3) and (2,) do not fit: 3 and 2 stand last."""
    assert ours("Add", (3,), (2, 1)) == (2, 3)
    assert ours("Add", (2, 3), (2,)) == "forward"
    assert common_shapes((3,), (2, 1)) == [(2, 3)]
    assert common_shapes((2, 3), (2,)) == []


def test_broadcasting_is_its_definition():
    """The broadcast is the one shape to which both inputs can be repeated; there is none exactly where we refuse."""
    for a, b in product(SHAPES, SHAPES):
        found = common_shapes(a, b)
        assert [ours("Add", a, b)] == (found or ["forward"]), (a, b)


def test_broadcasting_is_torchs():
    """torch.broadcast_shapes gives the same, or refuses where we do."""
    for a, b in product(SHAPES, SHAPES):
        try:
            expected: Any = tuple(torch.broadcast_shapes(a, b))
        except RuntimeError:
            expected = "forward"
        assert ours("Mul", a, b) == expected, (a, b)


def test_the_order_of_broadcasting_does_not_matter():
    """Broadcasting is commutative and associative, so a sum of several inputs needs no brackets."""
    few = [shape for shape in SHAPES if len(shape) < 3]
    for a, b, c in product(few, repeat=3):
        assert ours("Add", a, b) == ours("Add", b, a)
        outcomes = {ours("Add", *order) for order in permutations((a, b, c))}
        assert len(outcomes) == 1, (a, b, c)


def test_alignment_is_from_the_right():
    """Whoever aligns shapes from the left gets (2, 3) + (2,) and (3, 1) + (3,) wrong: this test has teeth."""

    def from_the_left(a, b):
        longer = max(len(a), len(b))
        pairs = zip(a + (1,) * (longer - len(a)), b + (1,) * (longer - len(b)), strict=True)
        return tuple(max(pair) for pair in pairs)

    wrong = [(a, b) for a, b in (((2, 3), (2,)), ((3, 1), (3,))) if from_the_left(a, b) != ours("Add", a, b)]
    assert len(wrong) == 2


def test_a_mean_that_keeps_its_dimension_broadcasts_back():
    """With keepdim any mean can be subtracted from its input again; without, not always."""
    for shape in SHAPES:
        for dim in range(len(shape)):
            assert broadcast(shape, ours("Mean", shape, dim=dim, keepdim=True)) == shape
    assert ours("Add", (2, 3), ours("Sum", (2, 3), dim=1)) == "forward"


# Reshaping -----------------------------------------------------------------------------------------------------------

TARGETS = [sizes for rank in range(4) for sizes in product((-2, -1, 0, 1, 2, 3, 4, 6), repeat=rank)]


def completions(sizes, count):
    """What the sizes can mean for that many cells: themselves, or with their one -1 replaced by a number that fits."""
    if any(size < -1 for size in sizes) or sizes.count(-1) > 1:
        return []
    fillings = [tuple(n if size == -1 else size for size in sizes) for n in range(count + 2)]
    return sorted({filling for filling in fillings if prod(filling) == count})


@pytest.mark.parametrize("shape", [(), (1,), (6,), (2, 6), (2, 2, 3), (0,), (0, 3)])
def test_a_reshape_keeps_the_count(shape):
    """A shape is taken exactly where its -1 can be filled in one way only that leaves the number of cells."""
    for sizes in TARGETS:
        found = completions(sizes, prod(shape))
        assert ours("Reshape", shape, shape=sizes) == (found[0] if len(found) == 1 else "forward"), sizes


@pytest.mark.parametrize("shape", [(), (6,), (2, 6), (0, 3)])
def test_the_definition_of_reshape_is_torchs(shape):
    """torch.reshape gives the one completion and refuses none or several."""
    for sizes in TARGETS:
        found = completions(sizes, prod(shape))
        try:
            assert [tuple(torch.zeros(shape).reshape(sizes).shape)] == found, sizes
        except RuntimeError:
            assert len(found) != 1, sizes


def test_the_cells_stay_in_their_order():
    """Reshaping there and back is the identity, on shapes and on cells: the row-major order never changes."""
    cells = torch.arange(12).reshape(2, 6)
    for sizes in ((12,), (3, 4), (-1, 2, 2), (6, -1), (1, 12)):
        there = ours("Reshape", (2, 6), shape=sizes)
        assert ours("Reshape", there, shape=(2, 6)) == (2, 6)
        assert torch.equal(cells.reshape(sizes).flatten(), cells.flatten())


def test_flatten_is_a_reshape_and_unflatten_its_inverse():
    """Flatten(i, j) multiplies the sizes from i to j; Unflatten with these sizes undoes it."""
    shape = (2, 3, 4, 5)
    for start in range(4):
        for end in range(start, 4):
            flat = ours("Flatten", shape, start_dim=start, end_dim=end)
            assert flat == ours("Reshape", shape, shape=(*shape[:start], -1, *shape[end + 1 :]))
            assert ours("Unflatten", flat, dim=start, unflattened_size=shape[start : end + 1]) == shape


@pytest.mark.parametrize("sizes", [(-1, 16, 5), (-1, 80), (-1, 2, 8, 5), (-1, 4)])
def test_an_open_batch_survives(sizes):
    """With the batch N left open the -1 is a formula in N, and right for every N put in."""
    opened = ours("Reshape", ("N", 80), shape=sizes)
    for batch in range(1, 9):
        closed = tuple(evaluate(dim, {"N": batch}) for dim in opened)
        assert closed == ours("Reshape", (batch, 80), shape=sizes) == tuple(torch.zeros(batch, 80).reshape(sizes).shape)


def test_a_batch_must_not_have_to_divide():
    """80 N cells fit into [-1, 16, 6] for N = 6, not for every batch: an open N is refused, with a shape that fits."""
    assert ours("Reshape", (6, 80), shape=(-1, 16, 6)) == (5, 16, 6)
    with pytest.raises(shapecheck.ShapeError) as caught:
        shapecheck.output_shape("Reshape", ("N", 80), shape=(-1, 16, 6))
    (finding,) = caught.value.diagnostics
    assert finding.hint == "shape: [-1, 16, 5]"
    assert ours("Reshape", ("N", 80), shape=(-1, 16, 5)) == (name("N"), 16, 5)


def test_permuting_is_undone_by_the_inverse():
    """Permute(p) then Permute(p's inverse) is the identity, and a Transpose is a Permute that undoes itself."""
    shape = (2, 3, 4, 5)
    for order in permutations(range(4)):
        inverse = tuple(order.index(dim) for dim in range(4))
        assert ours("Permute", ours("Permute", shape, dims=order), dims=inverse) == shape
        assert ours("Permute", shape, dims=order) == tuple(torch.zeros(shape).permute(order).shape)
    for i, j in product(range(-4, 4), repeat=2):
        swapped = ours("Transpose", shape, dim0=i, dim1=j)
        assert ours("Transpose", swapped, dim0=j, dim1=i) == shape
        assert swapped == tuple(torch.zeros(shape).transpose(i, j).shape)


def test_a_reshape_is_no_permutation():
    """(2, 3) reshaped and (2, 3) transposed are both (3, 2), yet other cells stand where: shapes do not tell all."""
    cells = torch.arange(6).reshape(2, 3)
    assert ours("Reshape", (2, 3), shape=(3, 2)) == ours("Transpose", (2, 3), dim0=0, dim1=1)
    assert not torch.equal(cells.reshape(3, 2), cells.transpose(0, 1))


# Pieces --------------------------------------------------------------------------------------------------------------


def test_chunks_may_be_fewer_than_asked_for():
    """Chunk(k) cuts n into pieces of ceil(n/k), the last smaller: at most k, and 6 cells in 5 chunks are 3 pieces."""
    assert ours("Chunk", (6,), chunks=5) == ((2,), (2,), (2,))
    for n, k in product(range(1, 20), range(1, 20)):
        sizes = [size for (size,) in ours("Chunk", (n,), chunks=k)]
        assert sizes == [len(piece) for piece in torch.zeros(n).chunk(k)]
        assert sum(sizes) == n
        assert len(sizes) <= k
        assert set(sizes[:-1]) <= {ceil(n / k)}
        assert 0 < sizes[-1] <= ceil(n / k)


@pytest.mark.parametrize("dim", [0, 1, -1])
def test_concatenation_puts_the_pieces_together(dim):
    """What Split and Chunk cut along a dimension, Concat along it joins."""
    for size in range(1, 8):
        pieces = ours("Split", (7, 6), split_size_or_sections=size, dim=dim)
        assert ours("Concat", *pieces, dim=dim) == (7, 6)
    assert ours("Concat", *ours("Chunk", ("N", 6), chunks=4, dim=1), dim=1) == (name("N"), 6)


def test_a_slice_is_pythons():
    """Slice(start, end, step) has as many cells as Python's slice of a list; torch wants a step of 1 or more."""
    places = (None, *range(-7, 8))
    for n, start, end, step in product((0, 1, 5), places, places, (None, 1, 2, 3)):
        expected = (2, len(range(n)[start:end:step]))
        assert ours("Slice", (2, n), dim=1, start=start, end=end, step=step) == expected, (n, start, end, step)
        assert tuple(torch.zeros(2, n)[:, start:end:step].shape) == expected
    assert ours("Slice", (5,), step=-1) == "forward"


def test_a_slice_of_an_open_size():
    """The formula for an open H is Python's number for every H put in, short ones included."""
    places = (None, *range(-4, 5))
    for start, end, step in product(places, places, (None, 2, 3)):
        (opened,) = ours("Slice", ("H",), start=start, end=end, step=step)
        for n in range(1, 10):
            assert evaluate(opened, {"H": n}) == len(range(n)[start:end:step]), (n, start, end, step)


@pytest.mark.parametrize(("start", "step"), [(0, 1), (2, 1), (1, 3), (-4, 2)])
def test_a_slice_moves_the_receptive_field(start, step):
    """After a convolution and a slice the first cell sees what torch's gradient says, its neighbour a step further."""
    spec = {
        "input": [1, 1, 20],
        "layers": [
            {"Conv1d": {"out_channels": 1, "kernel_size": 3, "stride": 2}},
            {"Slice": {"dim": 2, "start": start, "step": step}},
        ],
    }
    field = shapecheck.check(spec).layers[-1].receptive_field

    def seen(cell):
        x = torch.zeros(1, 1, 20, requires_grad=True)
        convolution = torch.nn.Conv1d(1, 1, 3, stride=2)
        torch.nn.init.ones_(convolution.weight)
        convolution(x)[:, :, start::step][0, 0, cell].backward()
        assert x.grad is not None
        return x.grad.flatten().nonzero().flatten().tolist()

    assert field.size == (3,)
    assert seen(0) == list(range(field.start[0], field.start[0] + 3))
    assert seen(1)[0] - seen(0)[0] == field.stride[0]


# The matrix product --------------------------------------------------------------------------------------------------


def matrix_product(a, b):
    """The product of two matrices, lists of rows, and how many multiplications it took."""
    count = 0
    result = [[0] * len(b[0]) for _ in a]
    for i, j, k in product(range(len(a)), range(len(b[0])), range(len(b))):
        result[i][j] += a[i][k] * b[k][j]
        count += 1
    return result, count


def test_the_matrix_product_counted():
    """An (n, k) times a (k, m) matrix is (n, m) and takes n k m multiply-adds, by counting and by torch."""
    layer = LAYERS["MatMul"]()
    for n, k, m in product((1, 2, 4), repeat=3):
        result, count = matrix_product([[1] * k for _ in range(n)], [[1] * m for _ in range(k)])
        output = ours("MatMul", (n, k), (k, m))
        assert output == (len(result), len(result[0]))
        assert layer.macs(((n, k), (k, m)), output) == count
        with FlopCounterMode(display=False) as counter:
            torch.zeros(n, k) @ torch.zeros(k, m)
        assert counter.get_total_flops() == 2 * count


def test_batches_of_matrices_broadcast():
    """The leading dimensions broadcast, a vector is a row on the left and a column on the right."""
    vectors = [((3,), (3,)), ((3,), (3, 2)), ((5, 2, 3), (3,)), ((3,), (5, 3, 4)), ((3,), ())]
    for a, b in [((5, 1, 2, 3), (7, 3, 4)), ((2, 3), (4, 3)), ((5, 2, 3), (6, 3, 4)), *vectors]:
        try:
            expected: Any = tuple((torch.zeros(a) @ torch.zeros(b)).shape)
        except RuntimeError:
            expected = "forward"
        assert ours("MatMul", a, b) == expected, (a, b)
