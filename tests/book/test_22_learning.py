r"""Can the kernel be learnt, and how fast?

Yes: the gradient of the squared error is a correlation of the residual and the input, and gradient descent on it falls
apart into modes, each multiplied by 1 - 2 lr lambda at every step. For the lectures' edge detector the eigenvalues are
6 and 30. So its whole course can be written down, and torch, which knows nothing of this, follows it.

Main results: `test_the_gradient_is_autograds`, `test_the_gram_matrix_of_the_edge_picture`,
`test_the_exact_loss_is_torchs`, `test_the_printed_curves`, `test_which_rates_converge`.
Notation: X the 6 x 8 picture with columns 2..5 dark, K the 1 x 2 kernel, (1, -1) the one that made Y, E = K - (1, -1)
the error, r (lr) the rate, t the number of steps. What holds for all inputs is a theorem; the eigenvalues of the one
matrix [[18, 12], [12, 18]] are a computation in whole numbers.
"""

from __future__ import annotations

import itertools
import random
from fractions import Fraction

import pytest
import torch
from torch import nn
from torch.nn import functional

from derive import semantics, theorem
from derive.blackboard import integers
from derive.reference import corr2d
from derive.theorems.learning import A, D, E, K, L, R, V, X, Y, h, lam, n, r, t

LEARNING = theorem("learning")
PARTS = {part.name.removeprefix("learning/"): part for part in LEARNING.parts}
PICTURE = [[1, 1, 0, 0, 0, 0, 1, 1] for _ in range(6)]
EDGES = [[1, -1]]
GRAM = [[18, 12], [12, 18]]


def at(term, places):
    """The value of a term in an environment by hand."""
    return semantics.meaning(term)(semantics.environment(places))


def small(rng, *sizes):
    """Nested lists of small whole numbers."""
    return [small(rng, *sizes[1:]) for _ in range(sizes[0])] if sizes else rng.randint(-9, 9)


def test_by_hand():
    """X = [1, 2, 3], Y = [0, 0], K = [1, 1]: R = [3, 5], loss 34, gradient 2 [3 + 10, 6 + 15] = [26, 42]."""
    places = {X: [1, 2, 3], Y: [0, 0], K: [1, 1], R: [3, 5], n: 3, h: 2}
    assert at(LEARNING.lhs, {**places, D: [0, 0]}) == 34
    ahead, back = (at(LEARNING.lhs, {**places, D: [step, 0]}) for step in (1, -1))
    assert (ahead - back) / 2 == 26
    assert at(LEARNING.rhs, {**places, D: [0, 1]}) == 34 + 42 + (2**2 + 3**2)


def test_every_small_size():
    """For each size up to five cells, from no output on, the loss near K is as stated, on arbitrary numbers."""
    rng = random.Random(0)
    for size in range(6):
        for span in range(1, size + 2):
            outputs = size - span + 1
            x, k, d, y = (small(rng, count) for count in (size, span, span, outputs))
            residual = [sum(k[a] * x[place + a] for a in range(span)) - y[place] for place in range(outputs)]
            places = {X: x, K: k, D: d, Y: y, R: residual, n: size, h: span}
            assert at(LEARNING.lhs, places) == at(LEARNING.rhs, places)


def test_the_gradient_is_autograds():
    """On two axes, 2 x 3 kernels on 4 x 5 pictures: what D is paired with is what autograd says, exactly."""
    part = PARTS["2d"]
    generator = torch.Generator().manual_seed(1)
    x, k, y = (torch.randint(-9, 10, size, generator=generator).double() for size in ((4, 5), (2, 3), (3, 3)))
    k.requires_grad_()
    residual = functional.conv2d(x[None, None], k[None, None])[0, 0] - y
    (gradient,) = torch.autograd.grad((residual**2).sum(), k)
    sizes = dict(zip(integers("n1 n2 h1 h2"), (4, 5, 2, 3), strict=True))
    arrays = {X: x.long().tolist(), K: k.long().tolist(), Y: y.long().tolist(), R: residual.long().tolist()}
    for place in itertools.product(range(2), range(3)):
        moves = [{D: lambda p, place=place, far=far: far * (p == place)} for far in (1, -1)]
        ahead, back = (at(part.rhs, {**sizes, **arrays, **move}) for move in moves)
        assert (ahead - back) / 2 == gradient[place].item()
    by_correlation = 2 * functional.conv2d(x[None, None], residual[None, None])[0, 0]
    assert torch.equal(by_correlation, gradient)


def test_the_gram_matrix_times_the_error():
    """Where some kernel made Y, the gradient is the Gram matrix, numbers of its own, times the error."""
    rng = random.Random(3)
    x, k, made = small(rng, 7), small(rng, 3), small(rng, 3)
    gram = [[sum(x[place + a] * x[place + b] for place in range(5)) for b in range(3)] for a in range(3)]
    for cell in range(3):
        places = {X: x, K: k, L: made, A: gram, n: 7, h: 3, integers("c")[0]: cell}
        expected = sum(gram[cell][a] * (k[a] - made[a]) for a in range(3))
        assert at(PARTS["gram"].lhs, places) == at(PARTS["gram"].rhs, places) == expected


def test_modes_of_any_gram_matrix():
    """With torch's eigenvectors for a mode, t steps of descent in floating point follow the t-th power."""
    generator = torch.Generator().manual_seed(2)
    x = torch.randn(9, dtype=torch.float64, generator=generator)
    windows = x.unfold(0, 3, 1)
    gram = windows.T @ windows
    values, vectors = torch.linalg.eigh(gram)
    errors = [torch.randn(3, dtype=torch.float64, generator=generator)]
    for _ in range(12):
        errors.append(errors[-1] - 2 * 0.01 * gram @ errors[-1])
    for value, vector in zip(values, vectors.T, strict=True):
        places = {E: torch.stack(errors).tolist(), V: vector.tolist(), r: 0.01, lam: value.item(), t: 12, h: 3}
        assert at(PARTS["modes"].lhs, places) == pytest.approx(at(PARTS["modes"].rhs, places), rel=1e-9)


def test_the_gram_matrix_of_the_edge_picture():
    """Counted on the picture: 18, 12, 18, as the three theorems say, and torch's unfold."""
    windows = torch.tensor(PICTURE).unfold(1, 2, 1).reshape(-1, 2)
    assert (windows.T @ windows).tolist() == GRAM
    for a in (0, 1):
        for b in range(a, 2):
            part = PARTS[f"edge-gram-{a}{b}"]
            assert part.rhs == GRAM[a][b] == at(part.lhs, {X: PICTURE})


def test_its_eigenvalues_are_6_and_30():
    """(1, 1) and (1, -1) are multiplied by 30 and 6, in whole numbers; and there are only two."""
    for mode, value in (((1, 1), 30), ((1, -1), 6)):
        assert [sum(GRAM[a][b] * mode[b] for b in range(2)) for a in range(2)] == [value * part for part in mode]
    assert torch.linalg.eigvalsh(torch.tensor(GRAM, dtype=torch.float64)).tolist() == pytest.approx([6, 30])


def exact_descent(start, rate, steps):
    """The losses before each of so many steps, and the last kernel, in fractions, by the lectures' loop."""
    kernel, losses = [Fraction(cell) for cell in start], []
    for _ in range(steps):
        residual = [
            [one - other for one, other in zip(*rows, strict=True)]
            for rows in zip(corr2d(PICTURE, [kernel]), corr2d(PICTURE, EDGES), strict=True)
        ]
        losses.append(sum(cell**2 for row in residual for cell in row))
        for place, change in enumerate(corr2d(PICTURE, residual)[0]):
            kernel[place] -= rate * 2 * change
    return losses, kernel


def stated(start, rate, step):
    """The loss that the theorem states for a step, from the errors at the start."""
    errors = [[Fraction(cell) - goal for cell, goal in zip(start, EDGES[0], strict=True)]]
    return at(PARTS["edge-loss"].rhs, {E: errors, r: rate, t: step})


@pytest.mark.parametrize("start", [(0, 0), (1, 0), (Fraction(1, 3), Fraction(-2, 7)), (-5, 8)])
@pytest.mark.parametrize("rate", [Fraction(3, 100), Fraction(1, 30), Fraction(1, 7), Fraction(0), Fraction(-1, 50)])
def test_the_exact_loss_at_every_step(start, rate):
    """In fractions, at any rate, the loop's loss before step t is 15 (1-60r)^2t s^2 + 3 (1-12r)^2t d^2, exactly."""
    losses, _ = exact_descent(start, rate, 6)
    assert losses == [stated(start, rate, step) for step in range(6)]


def torch_descent(start, steps=10, rate=0.03):
    """The lectures' loop in torch: losses before each step, and the last kernel."""
    layer = nn.Conv2d(1, 1, kernel_size=(1, 2), bias=False, dtype=torch.float64)
    layer.weight.data = torch.tensor([float(cell) for cell in start], dtype=torch.float64).reshape(1, 1, 1, 2)
    x, y = (torch.tensor(rows, dtype=torch.float64)[None, None] for rows in (PICTURE, corr2d(PICTURE, EDGES)))
    losses = []
    for _ in range(steps):
        loss = ((layer(x) - y) ** 2).sum()
        layer.zero_grad()
        loss.backward()
        layer.weight.data -= rate * layer.weight.grad
        losses.append(loss.item())
    return losses, layer.weight.data.flatten().tolist()


@pytest.mark.parametrize("start", [(0, 0), (0.5, 0.25), (-0.3, 0.6)])
def test_the_exact_loss_is_torchs(start):
    """Ten steps at lr 0.03 from the same start: torch's losses are those of the theorem."""
    losses, _ = torch_descent(start)
    exact = [float(stated(start, Fraction(3, 100), step)) for step in range(10)]
    assert losses == pytest.approx(exact, rel=1e-9)


PRINTED = [
    ([15.998, 5.205, 1.906, 0.743, 0.298], ("0.9318", "-1.0437")),
    ([6.422, 1.225, 0.266, 0.070, 0.022], ("1.0010", "-0.9739")),
    (None, ("0.9879", "-0.9993")),
]


def start_of(last, rate=Fraction(3, 100), steps=10):
    """The kernel that ten steps lead to this one: the two modes taken back, each by its own factor."""
    wrong = [Fraction(cell) - goal for cell, goal in zip(last, EDGES[0], strict=True)]
    both = (wrong[0] + wrong[1]) / (1 - 60 * rate) ** steps
    apart = (wrong[0] - wrong[1]) / (1 - 12 * rate) ** steps
    return EDGES[0][0] + (both + apart) / 2, EDGES[0][1] + (both - apart) / 2


@pytest.mark.parametrize(("printed", "last"), PRINTED)
def test_the_printed_curves(printed, last):
    """From the start that the printed end implies, the printed losses, every second one; the end comes out exactly."""
    start = start_of(last)
    _, reached = exact_descent(start, Fraction(3, 100), 10)
    assert reached == [Fraction(cell) for cell in last]
    if printed is not None:
        # the printed kernel has four digits; going back ten steps magnifies what was rounded away
        found = [float(stated(start, Fraction(3, 100), step)) for step in range(1, 10, 2)]
        assert found == pytest.approx(printed, rel=0.02)


def within_rounding(printed, last):
    """Whether some end that rounds to the printed one has the printed losses, to their last digit."""
    half = Fraction(1, 20_000)
    grid = [half * part / 10 for part in range(-10, 11)]
    rate = Fraction(3, 100)
    for one in grid:
        for other in grid:
            start = start_of((Fraction(last[0]) + one, Fraction(last[1]) + other))
            losses = [stated(start, rate, step) for step in range(1, 10, 2)]
            seen = map(Fraction, map(str, printed))
            if all(abs(loss - digits) <= Fraction(6, 10_000) for loss, digits in zip(losses, seen, strict=True)):
                return True
    return False


@pytest.mark.parametrize(("printed", "last"), PRINTED[:2])
def test_the_printed_curves_to_their_last_digit(printed, last):
    """Among the ends that round to the printed kernel is one whose losses are the printed ones, digit by digit."""
    assert within_rounding(printed, last)
    assert not within_rounding([loss * 1.01 for loss in printed], last)


@pytest.mark.parametrize("thousandths", [-10, -1, 0, 1, 10, 20, 30, 33, 34, 40, 100, 170])
def test_which_rates_converge(thousandths):
    """Both modes shrink exactly for 0 < r < 1/30; then the loss falls from every start, else not from all."""
    rate = Fraction(thousandths, 1000)
    inside = 0 < rate < Fraction(1, 30)
    assert at(PARTS["edge-rates"].lhs, {r: rate}) == at(PARTS["edge-rates"].rhs, {r: rate}) == inside
    starts = [(2, 0), (0, 0), (3, -5), (1, 1)]
    falls = [exact_descent(start, rate, 40)[0] for start in starts]
    assert all(losses[-1] < losses[0] for losses in falls) == inside


def test_at_the_border():
    """At r = 1/30 the sum of the errors only changes its sign: the loss stays where it is."""
    losses, _ = exact_descent((2, 0), Fraction(1, 30), 5)
    assert set(losses) == {60}
    assert not at(PARTS["edge-rates"].rhs, {r: Fraction(1, 30)})
