r"""How does a fully connected layer become a convolution, and what does each step save?

Shared weights, then local ones: H[i,j] = u + sum over -Delta <= a, b <= Delta of v[a,b] X[i+a, j+b]. And the number of
parameters at each stage, counted on small pictures and by torch.

Main results: `test_the_road`, `test_the_convolution_is_torchs`, `test_parameters_at_every_stage`.
"""

from __future__ import annotations

import itertools

import pytest
import torch
from torch.nn import functional

from derive import semantics, theorem
from derive.blackboard import integers
from derive.theorems.fc_to_conv import CONVOLVED, Delta, X, i, j, n1, n2, u, v

ROAD = theorem("fc-to-conv")
COUNTS = {part.name.removeprefix("fc-to-conv/"): part for part in ROAD.parts}


def test_the_road():
    """From H, the fully connected layer, to the convolution: each assumption is one line."""
    assert [step.rule for step in ROAD.steps] == [
        "equation",
        "shift",
        "shift",
        "equation",
        "equation",
        "equation",
        "support",
        "support",
    ]
    assert ROAD.rhs == CONVOLVED
    for given in (
        "[\\mathsf v]_{a,b} [\\mathsf X]_{i+a,j+b}",
        "\\sum_{a=-\\Delta}^{\\Delta} \\sum_{b=-\\Delta}^{\\Delta}",
    ):
        assert given in ROAD.latex()


@pytest.mark.parametrize("reach", [0, 1, 2, 5])
def test_the_convolution_is_torchs(reach):
    """The right side is F.conv2d with padding Delta, also where the box is larger than the picture."""
    picture, kernel = torch.randint(-9, 10, (3, 4)), torch.randint(-9, 10, (2 * reach + 1,) * 2)
    exact = functional.conv2d(picture[None, None], kernel[None, None], padding=reach)[0, 0] + 7
    value = semantics.meaning(ROAD.rhs)
    for y, x in itertools.product(range(3), range(4)):
        env = semantics.environment(
            {
                **{n1: 3, n2: 4, Delta: reach, i: y, j: x, u: 7, X: picture.tolist()},
                v: lambda at: kernel[at[0] + reach, at[1] + reach].item(),
            }
        )
        assert value(env) == exact[y, x].item()


def count(name, **sizes):
    """A count of the book at these sizes."""
    values = dict(zip(integers(" ".join(sizes)), sizes.values(), strict=True))
    return semantics.meaning(COUNTS[name].rhs)(semantics.environment(values))


def test_parameters_at_every_stage():
    """Counted as sets on small pictures: (n1 n2)^2 + n1 n2, then (2 n1 - 1)(2 n2 - 1) + 1, then (2 Delta + 1)^2 + 1."""
    for rows, columns, reach in itertools.product((1, 2, 3, 4), (1, 2, 3), (0, 1, 2, 3)):
        cells = list(itertools.product(range(rows), range(columns)))
        weights = set(itertools.product(cells, cells))
        offsets = {(k - y, m - x) for (y, x), (k, m) in weights}
        near = {(a, b) for a, b in offsets if max(abs(a), abs(b)) <= reach}
        assert count("connected", n1=rows, n2=columns) == len(weights) + len(cells)
        assert count("shared", n1=rows, n2=columns) == len(offsets) + 1
        assert count("in-use", n1=rows, n2=columns, Delta=reach) == len(near)
        assert count("local", Delta=reach) == torch.nn.Conv2d(1, 1, 2 * reach + 1).weight.numel() + 1


def test_the_lectures_numbers():
    """36 million by 100 is 3.6e9, a million by a thousand 1e9; and a box of Delta = 1 has 9 weights, not 4."""
    assert count("dense", m=36_000_000, q=100) == 3_600_000_000
    assert count("dense", m=1_000_000, q=1000) == 1_000_000_000
    assert count("local", Delta=1) - 1 == 9 != 4 * 1**2
