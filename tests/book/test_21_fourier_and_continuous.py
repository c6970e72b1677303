r"""Where does convolution come from, and what has it to do with the Fourier transform?

From an integral: what one eats at every moment, weighted by how much of it is left. And the Fourier transform makes a
product of it, once signals go round in a circle; with enough zeros between, going round makes no difference.

Main results: `test_digestion_by_hand`, `test_the_balance_of_the_stomach`, `test_the_picture`,
`test_torch_fft_agrees`, `test_exactly_modulo_a_prime`, `test_enough_zeros_are_enough_and_one_less_is_not`.
Notation: f, g functions, x, z times; K, X periodic, n the period, W the powers of a root of one, N a period with zeros.
"""

from __future__ import annotations

import itertools
import math
import random

import pytest
import sympy as sp
import torch

from derive import semantics, theorem
from derive.reference import conv1d
from derive.render import plot
from derive.theorems.continuous import K, N, T, W, X, Z, f, g, h, i, k, m, n, x

CONTINUOUS, FOURIER = theorem("continuous"), theorem("fourier")
PARTS = {part.name: part for main in (CONTINUOUS, FOURIER) for part in main.parts}


def at(term, places):
    """The value of a term in an environment by hand."""
    return semantics.meaning(term)(semantics.environment(places))


def test_indices_alike_by_hand():
    """For f(z) = z and g(z) = 1 - z at x = 2 the integral of z (z - 1) from 0 to 2 is 8/3 - 2, either way."""
    functions = {f: lambda z: z[0], g: lambda z: 1 - z[0]}
    sides = [at(side, {**functions, x: 2}) for side in (CONTINUOUS.lhs, CONTINUOUS.rhs)]
    assert sides == [sp.Rational(2, 3)] * 2


def riemann(body, low, high, cells=20_000):
    """The integral as a sum over many short pieces, each by its middle."""
    width = (high - low) / cells
    return width * sum(body(low + (cell + 0.5) * width) for cell in range(cells))


@pytest.mark.parametrize("now", [0.5, 2.0, 4.0])
def test_digestion_by_hand(now):
    """Added up bite by bite: 1 - exp(-x) during the meal, exp(T - x) - exp(-x) after, x - 1 + exp(-x) for f = z."""
    for name, rate in (("meal", lambda z: 1), ("ramp", lambda z: z)):
        eaten = riemann(lambda z, rate=rate: rate(z) * math.exp(-(now - z)), 0, now)
        assert float(at(PARTS[f"continuous/{name}"].rhs, {x: now})) == pytest.approx(eaten, rel=1e-6)
    end = min(now, 1.5)
    after = riemann(lambda z: math.exp(-(now - z)), 0, end)
    assert float(at(PARTS["continuous/after"].rhs, {x: now, T: end})) == pytest.approx(after, rel=1e-6)


def test_sympy_integrates_the_same():
    """SymPy, which finds antiderivatives itself, comes to the same ends."""
    for name in ("meal", "after", "ramp"):
        part = PARTS[f"continuous/{name}"]
        assert sp.simplify(part.lhs.doit() - part.rhs) == 0


def test_the_balance_of_the_stomach():
    """What is in the stomach is what was eaten less what was digested: h' = f - h, for all x."""
    for name, rate in (("meal", 1), ("after", 0), ("ramp", x)):
        full = PARTS[f"continuous/{name}"].rhs
        assert sp.simplify(sp.diff(full, x) - (rate - full)) == 0


def test_discrete_steps_come_near():
    """Small steps of length d and the discrete convolution come as near to the integral as d is small."""
    errors = []
    for steps in (50, 100, 200):
        d = 2 / steps
        eaten, left = [d] * steps, [math.exp(-d * step) for step in range(steps)]
        full = conv1d([0.0] * (steps - 1) + left, eaten)
        errors.append(abs(full[-1] - (1 - math.exp(-2))))
    assert errors[0] > 1.9 * errors[1] > 3.6 * errors[2]


def test_the_picture():
    """The curve rises to 1 - exp(-2) at the end of the meal and falls after; one row of marks a column."""
    figure = PARTS["continuous/after"].figure
    (_, during, *_), (_, after, *_), _ = figure
    assert float(at(during, {x: 2})) == pytest.approx(float(at(after, {x: 2}))) == pytest.approx(1 - math.exp(-2))
    rows = plot.text(figure).splitlines()
    highest = next(row for row in rows if "*" in row)
    assert highest.index("o") - rows[0].index("|") - 1 == pytest.approx(2 / 6 * plot.WIDE, abs=2)
    assert rows.index(highest) == round((1 - (1 - math.exp(-2))) * plot.HIGH)
    assert plot.text(figure) in CONTINUOUS.text()
    assert CONTINUOUS.latex().count(r"\begin{picture}") == CONTINUOUS.latex().count(r"\end{picture}") == 1


def periodic(cells):
    """The array that repeats these cells for ever."""
    return lambda place: cells[place[0] % len(cells)]


def finite(cells):
    """These cells, and zeros."""
    return lambda place: cells[place[0]] if 0 <= place[0] < len(cells) else 0


@pytest.mark.parametrize("period", [1, 2, 3, 4, 7, 12])
def test_torch_fft_agrees(period):
    """Both sides are torch's transform of the circular convolution, at every frequency."""
    generator = torch.Generator().manual_seed(period)
    kernel, signal = (torch.randint(-9, 10, (period,), generator=generator).double() for _ in range(2))
    around = torch.zeros(period, dtype=torch.float64)
    for p in range(period):
        around[p] = sum(float(kernel[a] * signal[(p - a) % period]) for a in range(period))
    exact = torch.fft.fft(around)
    assert torch.allclose(exact, torch.fft.fft(kernel) * torch.fft.fft(signal))
    roots = torch.exp(-2j * torch.pi * torch.arange(period, dtype=torch.float64) / period)
    arrays = {W: periodic(roots), K: finite(kernel), X: periodic(signal), n: period}
    for frequency in range(period):
        for side in (FOURIER.lhs, FOURIER.rhs):
            assert torch.allclose(at(side, {**arrays, k: frequency}), exact[frequency])


class Modulo(int):
    """A whole number modulo 13, where 12 has many divisors and so roots of one of many orders."""

    def __add__(self, other):
        return Modulo((int(self) + int(other)) % 13)

    def __mul__(self, other):
        return Modulo((int(self) * int(other)) % 13)

    __radd__, __rmul__ = __add__, __mul__


@pytest.mark.parametrize("period", [1, 2, 3, 4, 6, 12])
def test_exactly_modulo_a_prime(period):
    """With a root of order n modulo 13 both sides are equal without rounding: the proof knows no complex numbers."""
    rng = random.Random(period)
    root = pow(2, 12 // period, 13)  # 2 has order 12 modulo 13
    powers = [Modulo(pow(root, power, 13)) for power in range(period)]
    assert len(set(powers)) == period
    kernel, signal = ([Modulo(rng.randrange(13)) for _ in range(period)] for _ in range(2))
    arrays = {W: periodic(powers), K: finite(kernel), X: periodic(signal), n: period}
    for frequency in range(period):
        left, right = (at(side, {**arrays, k: frequency}) for side in (FOURIER.lhs, FOURIER.rhs))
        assert left % 13 == right % 13


def test_a_signal_that_does_not_go_round():
    """The period of X is needed: with zeros outside instead, and no room for them, the two sides differ."""
    arrays = {W: periodic([1, -1]), K: finite([1, 2]), n: 2, k: 0}
    sides = [at(side, {**arrays, X: finite([3, 5])}) for side in (FOURIER.lhs, FOURIER.rhs)]
    assert sides == [1 * 3 + 1 * 5 + 2 * 3, 3 * 8]
    assert at(FOURIER.lhs, {**arrays, X: periodic([3, 5])}) == 24


def test_waves_are_orthogonal():
    """The sum over a period of a wave is n for the constant wave and 0 for each other one, exactly for n = 4."""
    powers = periodic([1, -1j, -1, 1j])
    part = PARTS["fourier/orthogonal"]
    sums = [at(part.rhs, {W: powers, n: 4, m: wave}) for wave in range(8)]
    assert sums == [4, 0, 0, 0] * 2
    assert [at(part.lhs, {W: powers, n: 4, m: wave}) for wave in range(8)] == sums


def test_enough_zeros_are_enough_and_one_less_is_not():
    """From N = n + h - 1 on the circular convolution is the linear one; with N one less its first cell is spoilt."""
    rng = random.Random(2)
    part = PARTS["fourier/padded"]
    for length, span in itertools.product((1, 2, 3, 4), (1, 2, 3)):
        signal, kernel = ([rng.randint(1, 9) for _ in range(count)] for count in (length, span))
        for period in range(max(length, span), length + span + 2):
            cells = periodic(signal + [0] * (period - length))
            places = {K: finite(kernel), X: finite(signal), Z: cells, N: period, h: span, n: length}
            same = [at(part.lhs, {**places, i: p}) == at(part.rhs, {**places, i: p}) for p in range(period)]
            assert all(same) == (period >= length + span - 1)
            assert same[0] == all(same)


def test_linear_convolution_by_torchs_transform():
    """Filled up with zeros to n + h - 1, multiplied as spectra and transformed back: torch's full convolution."""
    generator = torch.Generator().manual_seed(0)
    signal, kernel = (torch.randint(-9, 10, (count,), generator=generator).double() for count in (9, 4))
    room = 9 + 4 - 1
    spectra = torch.fft.rfft(signal, room) * torch.fft.rfft(kernel, room)
    full = torch.nn.functional.conv1d(signal[None, None], kernel.flip(0)[None, None], padding=3)[0, 0]
    assert torch.allclose(torch.fft.irfft(spectra, room), full)
    part = PARTS["fourier/padded"]
    arrays = {K: finite(kernel.tolist()), X: finite(signal.tolist()), n: 9, h: 4, N: room}
    assert [at(part.rhs, {**arrays, i: place}) for place in range(room)] == full.tolist()
