r"""Does a transposed convolution undo the size of a convolution, and are two layers ever one?

The chapters derive/theorems/transposed.py and stacks.py prove the sizes of `shapecheck.formulas` itself. Here they are
read on numbers and by torch; what each hypothesis is for is shown by a case that it excludes.

Main results: `test_the_size_comes_back_exactly_below_the_stride`, `test_two_layers_of_torch_have_the_size_of_one`,
`test_values_without_padding_in_between`, `test_padding_in_between_breaks_the_values`,
`test_what_zeros_padded_between_leave_out`.
Notation: i and n the small and the large side, e dilated span, p TOTAL padding, q padding per side, s stride, op output
padding; k1, p1, s1 and k2, p2, s2 the layers of a stack.
"""

from __future__ import annotations

from itertools import product

import pytest
import sympy as sp
import torch
from torch.nn import functional

from derive import semantics, theorem
from derive.theorems.stacks import k1, k2, n, p1, p2, s1, s2
from shapecheck import formulas


def part(name: str):
    """A theorem, or a part of one, by its name."""
    whole = theorem(name.partition("/")[0])
    return next(piece for piece in (whole, *whole.parts) if piece.name == name)


def value(term, **letters: int):
    """The term on numbers, by plain loops."""
    return semantics.meaning(term)(semantics.environment({sp.Symbol(x, integer=True): y for x, y in letters.items()}))


def torch_transposed(size: int, k: int, q: int, s: int, op: int, d: int) -> int | None:
    """The size that torch's transposed convolution gives, None where it refuses."""
    try:
        return functional.conv_transpose1d(
            torch.zeros(1, 1, size), torch.zeros(1, 1, k), stride=s, padding=q, output_padding=op, dilation=d
        ).shape[2]
    except RuntimeError:
        return None


# Transposed convolution ----------------------------------------------------------------------------------------------


def test_the_formulas_are_those_that_run():
    """The theorems are about what the checker's functions answer when they are called on letters."""
    small, e, p, s, op = sp.symbols("i e p s op", integer=True)
    assert part("transposed/torch-form").rhs == formulas.transposed_size(small, e, p, s, op)
    assert part("stacks").rhs == formulas.window_count(n, formulas.field_size(k1, s1, k2), p1 + p2 * s1, s1 * s2)
    assert part("stacks").lhs == formulas.window_count(formulas.window_count(n, k1, p1, s1), k2, p2, s2)


def test_torch_has_this_size():
    """The left side of `torch-form` is what torch gives, wherever it gives a size."""
    given = 0
    for size, k, q, s, op, d in product(range(1, 4), range(1, 4), range(2), range(1, 4), range(3), range(1, 3)):
        got = torch_transposed(size, k, q, s, op, d)
        if got is not None:
            assert got == value(part("transposed/torch-form").lhs, i=size, k=k, q=q, s=s, op=op, d=d)
            given += 1
    assert given > 50


def test_the_size_comes_back_exactly_below_the_stride():
    """For every output padding a convolution takes the size back exactly where 0 <= op < s."""
    for small, e, p, s, op in product(range(1, 5), range(1, 4), range(3), range(1, 4), range(-2, 6)):
        large = formulas.transposed_size(small, e, p, s, op)
        back = formulas.window_count(large, e, p, s)
        assert (back == small) == (0 <= op < s)
        assert back == value(part("transposed/any-output-padding").rhs, i=small, s=s, op=op)


def test_torch_allows_more_where_it_dilates():
    """With d > s torch takes an output padding of s, and a convolution does not take the size back."""
    case = {"k": 2, "q": 0, "s": 1, "d": 2}
    large = torch_transposed(4, op=1, **case)
    assert large == formulas.transposed_size(4, 3, 0, 1, 1) == 7
    assert functional.conv1d(torch.zeros(1, 1, 7), torch.zeros(1, 1, 2), dilation=2).shape[2] == 5
    assert formulas.OUTPUT_PADDING.holds(1, 1, 2)
    assert not formulas.OUTPUT_PADDING.holds(2, 1, 2)
    assert torch_transposed(4, op=2, **case) is None


def test_an_output_padding_recovers_the_size():
    """For every size with a window torch's round trip is the identity, with the output padding of the theorem."""
    for size, k, q, s in product(range(2, 10), range(1, 4), range(2), range(1, 4)):
        if k <= size + 2 * q and q < k:
            small = functional.conv1d(torch.zeros(1, 1, size), torch.zeros(1, 1, k), stride=s, padding=q).shape[2]
            assert torch_transposed(small, k, q, s, (size + 2 * q - k) % s, 1) == size


def test_the_sizes_one_may_ask_for():
    """torch takes an output_size exactly where the theorem says that a convolution takes it back."""
    for k, s, small in product(range(1, 4), range(1, 4), range(1, 4)):
        layer = torch.nn.ConvTranspose1d(1, 1, k, s)
        for asked in range(1, 15):
            try:
                accepted = layer(torch.zeros(1, 1, small), output_size=[asked]).shape[2] == asked
            except ValueError:
                accepted = False
            assert accepted == (formulas.window_count(asked, k, 0, s) == small), (k, s, small, asked)
            assert accepted == value(part("transposed/asked-for").rhs, o=asked, e=k, p=0, s=s, i=small)


def test_zeros_in_between():
    """The values too: a transposed convolution is the convolution of the stuffed input with the flipped kernel."""
    x = torch.arange(1.0, 4.0, dtype=torch.float64)[None, None]
    kernel = torch.tensor([[[1.0, 2.0, 4.0]]], dtype=torch.float64)
    for s, q, op in product(range(1, 4), range(3), range(3)):
        if op < s:
            stuffed = torch.zeros(1, 1, 2 * s + 1 + op, dtype=torch.float64)
            stuffed[..., : 2 * s + 1 : s] = x
            once = functional.conv1d(stuffed, kernel.flip(2), padding=2 - q)
            assert torch.equal(once, functional.conv_transpose1d(x, kernel, stride=s, padding=q, output_padding=op))


# Stacks --------------------------------------------------------------------------------------------------------------

LAYERS = list(product(range(1, 4), range(3), range(1, 4)))


def test_two_layers_of_torch_have_the_size_of_one():
    """Pairs of torch's convolutions give the size of the one with the span of the receptive field."""
    for (x, y, z), (u, v, w) in product(LAYERS, [(1, 0, 1), (2, 0, 2), (3, 1, 2), (2, 1, 3)]):
        first = functional.conv1d(torch.zeros(1, 1, 12), torch.zeros(1, 1, x), stride=z, padding=y)
        second = functional.conv1d(first, torch.zeros(1, 1, u), stride=w, padding=v)
        sizes = {"n": 12, "k1": x, "p1": 2 * y, "s1": z, "k2": u, "p2": 2 * v, "s2": w}
        assert second.shape[2] == value(part("stacks").rhs, **sizes)


def test_a_negative_stride_would_turn_the_floors():
    """For the divisors 2 and -3 two floors are not one: floor(floor(1/2)/(-3)) = 0, floor(1/(-6)) = -1."""
    term = part("stacks/floors")
    sizes = {"x": 1, "a": 0, "s1": 2, "s2": -3}
    assert value(term.lhs, **sizes) == 0
    assert value(term.rhs, **sizes) == -1


def test_more_padding_than_window_lets_more_inputs_in():
    """For p2 = k2 the one layer accepts an input that the first of the two refuses: n = 1 for k1 = 2."""
    term = part("stacks/accepted")
    sizes = {"n": 1, "k1": 2, "p1": 0, "s1": 1, "k2": 1, "p2": 1}
    assert value(term.rhs, **sizes)
    assert not value(term.lhs, **sizes)
    with pytest.raises(RuntimeError):
        functional.conv1d(torch.zeros(1, 1, 1), torch.zeros(1, 1, 2))


def composed(first: torch.Tensor, second: torch.Tensor, stride: int) -> torch.Tensor:
    """The kernel of both layers, from each pair of taps."""
    kernel = torch.zeros(1, 1, first.shape[2] + (second.shape[2] - 1) * stride, dtype=first.dtype)
    for step, tap in enumerate(second[0, 0]):
        kernel[0, 0, step * stride : step * stride + first.shape[2]] += tap * first[0, 0]
    return kernel


def draws(seed: int) -> tuple[torch.Tensor, ...]:
    """An input, two kernels, two biases."""
    source = torch.Generator().manual_seed(seed)
    shapes = [(1, 1, 17), (1, 1, 3), (1, 1, 2), (1,), (1,)]
    return tuple(torch.rand(shape, generator=source, dtype=torch.float64) for shape in shapes)


def test_values_without_padding_in_between():
    """Two convolutions of torch, the first padded or not, are one with kernel P and bias b2 + b1 times the sum of L."""
    for seed, one, two, q in product(range(3), (1, 2, 3), (1, 2), (0, 1, 2)):
        x, kernel, other, bias, more = draws(seed)
        twice = functional.conv1d(functional.conv1d(x, kernel, bias, one, q), other, more, two)
        once = functional.conv1d(x, composed(kernel, other, one), more + bias * other.sum(), one * two, q)
        assert torch.allclose(twice, once)


def test_three_layers_have_the_size_of_one():
    """Three of torch's convolutions give the size of the one, by the theorem applied twice."""
    for (x, y, z), (u, v, w) in product(LAYERS, [(1, 0, 1), (2, 1, 2), (3, 1, 1)]):
        out = functional.conv1d(torch.zeros(1, 1, 14), torch.zeros(1, 1, x), stride=z, padding=y)
        out = functional.conv1d(out, torch.zeros(1, 1, u), stride=w, padding=v)
        out = functional.conv1d(out, torch.zeros(1, 1, 2), stride=2, padding=1)
        sizes = {"n": 14, "k1": x, "p1": 2 * y, "s1": z, "k2": u, "p2": 2 * v, "s2": w, "k3": 2, "p3": 2, "s3": 2}
        assert out.shape[2] == value(part("stacks/three").rhs, **sizes)


def test_where_two_layers_begin_to_read():
    """Output cell j of two padded layers of torch sees no input before the theorem's, and sees that one."""
    ones, inputs = torch.ones(1, 1, 2), torch.eye(20)[:, None]
    for one, two, q, r in product((1, 2), (1, 2), range(3), range(3)):
        seen = functional.conv1d(functional.conv1d(inputs, ones, None, one, q), ones, None, two, r)
        start = formulas.field_start(formulas.field_start(0, 1, q), one, r)
        for j in range(seen.shape[2] // 2):
            first = value(part("stacks/start").lhs, j=j, c=0, a=0, q1=q, q2=r, s1=one, s2=two)
            assert first == start + one * two * j
            if first >= 0:
                assert int(seen[:, 0, j].nonzero()[0]) == first


def test_padding_in_between_breaks_the_values():
    """With a cell of padding between, the sizes agree and the values do not, with a bias or without: zeros are padded
    where the one layer would read what the first layer makes of its own border."""
    x, kernel, other, bias, more = draws(0)
    none = torch.zeros_like(bias)
    for first, second in ((bias, more), (none, none)):
        twice = functional.conv1d(functional.conv1d(x, kernel, first), other, second, 1, 1)
        once = functional.conv1d(x, composed(kernel, other, 1), second + first * other.sum(), 1, 1)
        assert twice.shape == once.shape
        assert torch.allclose(twice[..., 1:-1], once[..., 1:-1])
        assert not torch.allclose(twice, once)


def outside_values(
    x: torch.Tensor, kernel: torch.Tensor, bias: torch.Tensor, stride: int, q: int
) -> tuple[torch.Tensor, int]:
    """The first layer's values as if its input went on with zeros, and how many stand before its own first value."""
    more = 4
    wide = functional.conv1d(x, kernel, bias, stride, q + more * stride)
    return wide, more


def test_what_zeros_padded_between_leave_out():
    """The one layer less the two is, for each output, what the first layer would have outside, by the taps there."""
    for seed, one, two, q, r in product(range(2), (1, 2), (1, 2), (0, 1, 2), (1, 2)):
        x, kernel, other, bias, more = draws(seed)
        first = functional.conv1d(x, kernel, bias, one, q)
        twice = functional.conv1d(first, other, more, two, r)
        wide, before = outside_values(x, kernel, bias, one, q)
        zeroed = wide.clone()
        zeroed[..., before : before + first.shape[2]] = 0
        cut = slice(before - r, before + first.shape[2] + r)
        missing = functional.conv1d(zeroed[..., cut], other, None, two)
        inner = functional.conv1d(wide[..., cut], other, more, two)
        assert torch.allclose(twice + missing, inner)


def test_one_tap_that_reads_outside_misses_one_value():
    """A second kernel of one tap reads 0 before the first value, where the one layer has the first layer's value."""
    x, kernel, _, bias, _ = draws(0)
    tap = torch.tensor([[[1.0, 0.0]]], dtype=torch.float64)
    two = functional.conv1d(functional.conv1d(x, kernel, bias), tap, padding=1)
    wide, before = outside_values(x, kernel, bias, 1, 0)
    assert two[0, 0, 0] == 0
    assert wide[0, 0, before - 1] != 0


def test_full_padding_composes_with_padding_between():
    """Without a bias, two torch layers of which the first is fully padded are one, zeros between or not; with a bias
    they are not."""
    none = torch.zeros(1, dtype=torch.float64)
    for seed, r, two in product(range(2), (1, 2), (1, 2)):
        x, kernel, other, bias, _ = draws(seed)
        for first, same in ((none, True), (bias, False)):
            twice = functional.conv1d(functional.conv1d(x, kernel, first, 1, 2), other, none, two, r)
            once = functional.conv1d(x, composed(kernel, other, 1), first * other.sum(), two, 2 + r)
            assert torch.allclose(twice, once) == same


def test_when_nothing_is_missing_with_a_stride():
    """Stride 2, kernel 3, padding 1: on an odd input no window outside sees it, and the two layers are one; on an even
    input the window behind the last sees a cell, and they are not."""
    x, kernel, other, _, _ = draws(3)
    none = torch.zeros(1, dtype=torch.float64)
    for size in (13, 14, 15, 16, 17):
        part_of_it, count = x[..., :size], formulas.window_count(size, 3, 2, 2)
        enough = 3 <= 2 + 1 and size + 1 <= 2 * count
        twice = functional.conv1d(functional.conv1d(part_of_it, kernel, none, 2, 1), other, none, 1, 1)
        once = functional.conv1d(part_of_it, composed(kernel, other, 2), none, 2, 1 + 2)
        assert twice.shape == once.shape
        assert torch.allclose(twice, once) == enough == bool(size % 2)


def test_the_counterexample_by_hand():
    """On 1 cell, kernels of 1 and 2 taps and padding 1 between: the two layers with a first bias of 1 read zeros where
    the one layer has the bias; for a first kernel of 2 taps that sees the cell from outside even without a bias."""
    one = torch.ones(1, 1, 1)
    biased = functional.conv1d(functional.conv1d(one, one, torch.ones(1)), torch.ones(1, 1, 2), padding=1)
    assert biased.flatten().tolist() == [2.0, 2.0]
    assert functional.conv1d(one, torch.ones(1, 1, 2), torch.tensor([2.0]), padding=1).flatten().tolist() == [3.0, 3.0]
    x, pair = torch.ones(1, 1, 2), torch.ones(1, 1, 2)
    twice = functional.conv1d(functional.conv1d(x, pair), pair, padding=1)
    once = functional.conv1d(x, torch.tensor([[[1.0, 2.0, 1.0]]]), padding=1)
    assert twice.flatten().tolist() == [2.0, 2.0]
    assert once.flatten().tolist() == [3.0, 3.0]
