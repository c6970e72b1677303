r"""How does a derivative come back through a convolution layer?

By the transposed convolution, the adjoint of the correlation: pairing an output with corr(X, K) is pairing its
transposed convolution with X. From this come the gradients with respect to the input, the kernel and the bias. The
kernel of proofs knows no limits, and needs none: a layer is of first degree in each, so all is said by finite sums.

Main results: `test_by_hand`, `test_every_small_size`, `test_transposed_convolution_is_torchs`,
`test_gradients_are_autograds`, `test_what_is_left_is_of_second_order`.
Notation: X input, K kernel, u bias, Y a number for each output, S, D, e changes of X, K, u.
"""

from __future__ import annotations

import itertools
import random

import pytest
import torch
from torch.nn import functional

from derive import semantics, theorem
from derive.blackboard import integers
from derive.theorems.adjoint import CHANNELS, ONE, D, K, S, U, V, X, Y, e, h, n, u

ADJOINT, GRADIENTS = theorem("adjoint"), theorem("gradients")
PARTS = {part.name: part for main in (ADJOINT, GRADIENTS) for part in main.parts}


def value(term, **named):
    """The value of a term, letters by keyword, arrays as nested lists, zero outside."""
    letters = dict(zip(integers(" ".join(named)), named.values(), strict=True))
    return lambda arrays: semantics.meaning(term)(semantics.environment({**letters, **arrays}))


def dot(one, other):
    """The sum of products, entry by entry."""
    return sum(a * b for a, b in zip(one, other, strict=True))


def test_by_hand():
    """corr([1, 2, 3], [4, 5]) = [14, 23]; [6, 7] comes back as [24, 58, 35]; both pairings are 245."""
    arrays = {X: [1, 2, 3], K: [4, 5], Y: [6, 7]}
    assert dot([14, 23], [6, 7]) == dot([24, 58, 35], [1, 2, 3]) == 245
    assert value(ADJOINT.lhs, n=3, h=2)(arrays) == value(ADJOINT.rhs, n=3, h=2)(arrays) == 245
    back = [value(ONE.transposed(), n=3, h=2, k=place)(arrays) for place in range(3)]
    assert back == [24, 58, 35]


def test_every_small_size():
    """For each size from no output at all up to five cells, both sides agree on arbitrary numbers."""
    rng = random.Random(0)
    for size in range(6):
        for span in range(1, size + 2):
            numbers = [[rng.randint(-9, 9) for _ in range(count)] for count in (size, span, size - span + 1)]
            arrays = dict(zip((X, K, Y), numbers, strict=True))
            left, right = (value(side, n=size, h=span)(arrays) for side in (ADJOINT.lhs, ADJOINT.rhs))
            assert left == right
            if size < span:
                assert left == 0


def test_numbers_outside_the_outputs_must_be_zero():
    """The hypothesis is needed: if Y went on beyond the last output, the transposed convolution would read it."""
    arrays = {X: [1, 2, 3], K: [4, 5], Y: lambda at: 1}
    assert value(ADJOINT.lhs, n=3, h=2)(arrays) != value(ADJOINT.rhs, n=3, h=2)(arrays)


def tensors(seed, *shapes):
    """Random tensors of small whole numbers, exact in double precision."""
    generator = torch.Generator().manual_seed(seed)
    return [torch.randint(-9, 10, shape, generator=generator).double() for shape in shapes]


def whole(tensor):
    """The tensor as nested lists of ints."""
    return tensor.to(torch.int64).tolist()


@pytest.mark.parametrize("stride", [1, 2, 3])
def test_transposed_convolution_is_torchs(stride):
    """Paired with any input, what comes back is conv_transpose1d of Y, also with a stride; the rest gets nothing."""
    kernel, outputs = tensors(stride, (3,), (4,))
    size = stride * (4 - 1) + 3
    exact = functional.conv_transpose1d(outputs[None, None], kernel[None, None], stride=stride)[0, 0]
    assert exact.numel() == size
    for more in (0, 1):  # an input one longer than the outputs read: its last cell gets nothing
        for cell in range(size + more):
            impulse = [int(other == cell) for other in range(size + more)]
            arrays = {X: impulse, K: whole(kernel), Y: whole(outputs)}
            back = value(PARTS["adjoint/stride"].rhs, n=size + more, h=3, q=4, s=stride)(arrays)
            assert back == value(PARTS["adjoint/stride"].lhs, n=size + more, h=3, q=4, s=stride)(arrays)
            assert back == (exact[cell].item() if cell < size else 0)


def test_with_channels_it_is_conv_transpose2d():
    """Two channels in, three out, a kernel of 2 x 3 on 4 x 5: cell by cell torch's transposed convolution."""
    kernel, outputs = tensors(7, (3, 2, 2, 3), (3, 3, 3))
    exact = functional.conv_transpose2d(outputs[None], kernel)[0]
    sizes = {"g": 2, "q": 3, "h1": 2, "h2": 3}
    for channel, row, column in itertools.product(range(2), range(4), range(5)):
        here = value(CHANNELS.transposed(), **sizes, f=channel, k1=row, k2=column)
        assert here({K: whole(kernel), Y: whole(outputs)}) == exact[channel, row, column].item()


def test_a_matrix_and_its_transpose():
    """Written as a matrix, correlation with K has the transposed convolution as its transpose."""
    kernel = [2, -1, 3]
    eye = [[int(row == column) for column in range(6)] for row in range(6)]
    matrix = [[value(ONE.corr(), h=3, i=row)({K: kernel, X: unit}) for unit in eye] for row in range(4)]
    outputs = [unit[:4] for unit in eye[:4]]
    back = [[value(ONE.transposed(), h=3, k=cell)({K: kernel, Y: unit}) for unit in outputs] for cell in range(6)]
    assert back == [list(column) for column in zip(*matrix, strict=True)]
    assert matrix[0] == [2, -1, 3, 0, 0, 0]


def test_gradients_are_autograds():
    """Two channels in, three out, on two axes: each of the three gradients is what autograd says, exactly."""
    x, kernel, outputs = tensors(3, (2, 4, 5), (3, 2, 2, 3), (3, 3, 3))
    bias = torch.tensor([1.0, -2.0, 5.0], dtype=torch.float64)
    leaves = [x.requires_grad_(), kernel.requires_grad_(), bias.requires_grad_()]
    loss = (outputs * functional.conv2d(x[None], kernel, bias)[0]).sum()
    by_input, by_kernel, by_bias = torch.autograd.grad(loss, leaves)
    arrays = {X: whole(x), K: whole(kernel), U: whole(bias), Y: whole(outputs)}
    sizes = {"g": 2, "q": 3, "h1": 2, "h2": 3, "n1": 4, "n2": 5}
    for name, changed, exact in (("input", S, by_input), ("kernel", D, by_kernel), ("bias", V, by_bias)):
        part = PARTS[f"gradients/{name}"]
        before = value(part.lhs, **sizes)({**arrays, changed: lambda at: 0})
        assert before == loss.item()
        for place in itertools.product(*map(range, exact.shape)):
            impulse = {changed: lambda at, place=place: int(at == place)}
            moved = [value(side, **sizes)({**arrays, **impulse}) for side in (part.lhs, part.rhs)]
            assert moved == [before + exact[place].item()] * 2


def test_what_is_left_is_of_second_order():
    """All three changed at once, twice as far: what is not linear in the changes is the correlation of S and D."""
    x, kernel, outputs, by_x, by_kernel = map(whole, tensors(5, (5,), (2,), (4,), (5,), (2,)))
    arrays = {X: x, K: kernel, Y: outputs}
    rest = sum(outputs[i] * sum(by_kernel[a] * by_x[i + a] for a in range(2)) for i in range(4))

    def loss(scale):
        moved = {S: [scale * c for c in by_x], D: [scale * c for c in by_kernel]}
        env = semantics.environment({n: 5, h: 2, u: 3, e: 4 * scale, **arrays, **moved})
        sides = [semantics.meaning(side)(env) for side in (GRADIENTS.lhs, GRADIENTS.rhs)]
        assert sides[0] == sides[1]
        return sides[0]

    assert loss(1) - 2 * loss(0) + loss(-1) == 2 * rest
    assert loss(2) - 2 * loss(0) + loss(-2) == 8 * rest != 0
