r"""Is that formula right?

Somebody writes a formula for a size: in a lecture, in a comment, on a blackboard. Trying some numbers can show it wrong
and never right. `derive.check` gives a proof for all integers, or the smallest numbers for which the formula fails.

Main results: classic mistakes are refuted, each by the very counterexample that an exhaustive search finds first
(`test_a_wrong_formula_is_refuted_by_its_smallest_counterexample`); the formulas of this book are proved for symbolic
stride; a counterexample far beyond any table is found all the same; every size that the lectures misprint is found out
and every one they get right is proved.
Notation: n size, k span, p TOTAL padding of an axis, q padding per side, s stride, d dilation; `/` divides exactly,
`//` rounds down.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction
from itertools import product
from pathlib import Path

import pytest

import derive
from derive.claim_files import read

NOTES = Path(__file__).parents[2] / "examples" / "lecture-notes.yaml"
LEAST = {"n": 1, "k": 1, "s": 1, "d": 1, "p": 0, "q": 0}


def ceil_div(a: int, b: int) -> int:
    """The quotient rounded up."""
    return math.ceil(Fraction(a, b))


def smallest(letters: str, holds: Callable[..., bool], most: int = 9) -> dict[str, int]:
    """The counterexample with the smallest sum, of those the first in the order of the letters; by trying all."""
    points = product(*(range(LEAST[letter], most + 1) for letter in letters))
    wrong = [point for point in points if not holds(*point)]
    return dict(zip(letters, min(wrong, key=lambda point: (sum(point), point)), strict=True))


# Wrong ---------------------------------------------------------------------------------------------------------------

WRONG = [
    ("floor((n-k+p)/s) == floor((n-k+p+s)/s)", "nkps", lambda n, k, p, s: (n - k + p) // s == (n - k + p + s) // s),
    ("floor((n-k+p+1)/s) == floor((n-k+p)/s)+1", "nkps",
     lambda n, k, p, s: (n - k + p + 1) // s == (n - k + p) // s + 1),
    ("n-k+p+s/s == floor((n-k+p+s)/s)", "nkps", lambda n, k, p, s: n - k + p + 1 == (n - k + p + s) // s),
    ("(n-k)/s + 1 == floor((n-k)/s) + 1", "nks", lambda n, k, s: (n - k) % s == 0),
    ("ceil((n-k+p)/s)+1 == floor((n-k+p)/s)+1", "nkps", lambda n, k, p, s: (n - k + p) % s == 0),
    ("n-k+2*p+1 == n-k+p+1", "nkp", lambda n, k, p: p == 0),
    ("floor((n+k-1-k+s)/s) == n//s", "nks", lambda n, k, s: (n - 1 + s) // s == n // s),
    ("(n+2*q-d*k-1)//s+1 == (n+2*q-d*(k-1)-1)//s+1", "nqdks",
     lambda n, q, d, k, s: (n + 2 * q - d * k - 1) // s == (n + 2 * q - d * (k - 1) - 1) // s),
    ("d*k == d*(k-1)+1", "dk", lambda d, k: d * k == d * (k - 1) + 1),
    ("(n-1)*s+k-2*q == (n-1)*s+k-q", "nskq", lambda n, s, k, q: q == 0),
    ("((n-k)//s)*s + k == n", "nks", lambda n, k, s: (n - k) // s * s + k == n),
    ("ceil(n/s) <= n/s", "ns", lambda n, s: n % s == 0),
    ("floor(n/s)*s < n", "ns", lambda n, s: n // s * s < n),
    ("2*floor(k/2) + 1 == k", "k", lambda k: k % 2 == 1),
    ("(n-k+p+s)//s >= 0", "nkps", lambda n, k, p, s: (n - k + p + s) // s >= 0),
    ("n >= k implies (n-k)//s + 1 <= n//k", "nks", lambda n, k, s: n < k or (n - k) // s + 1 <= n // k),
    ("floor((n+k)/s) == floor(n/s) + floor(k/s)", "nks", lambda n, k, s: (n + k) // s == n // s + k // s),
    ("min(ceil((n+2*q-k)/s)+1, ceil((n+q)/s)) == ceil((n+2*q-k)/s)+1", "nqks",
     lambda n, q, k, s: min(ceil_div(n + 2 * q - k, s) + 1, ceil_div(n + q, s)) == ceil_div(n + 2 * q - k, s) + 1),
]  # fmt: skip


@pytest.mark.parametrize(("claim", "letters", "holds"), WRONG, ids=[row[0] for row in WRONG])
def test_a_wrong_formula_is_refuted_by_its_smallest_counterexample(claim, letters, holds):
    """The counterexample shown is the one that trying all small numbers, in order of their sum, meets first."""
    verdict = derive.check(claim)
    assert verdict.verdict == "refuted"
    assert verdict.counterexample == smallest(letters, holds)


def test_one_sees_it_fail():
    """Every side stands there with letters, with numbers, and with its value."""
    shown = derive.check("floor((n-k+p+s)/s) == (n-k+p)/s + 1").text()
    assert "smallest counterexample: n = 1, k = 1, p = 1, s = 2" in shown
    assert "floor((n-k+p+s)/s) = floor((1-1+1+2)/2) = 1" in shown
    assert "(n-k+p)/s+1 = (1-1+1)/2+1 = 3/2" in shown
    assert "1 == 3/2 is false" in shown


@pytest.mark.parametrize(
    ("claim", "counterexample"),
    [
        ("floor(n/1000) <= 12", {"n": 13_000}),
        ("n != 123456789123456789", {"n": 123_456_789_123_456_789}),
        ("floor((n-k)/1000000) + 1 <= 7", {"n": 7_000_001, "k": 1}),
        ("s > 10^16 or n // 10^16 == 0", {"s": 1, "n": 10**16}),
    ],
)
def test_far_counterexamples_are_found(claim, counterexample):
    """No table reaches there, and the smallest counterexample is found all the same."""
    assert derive.check(claim).counterexample == counterexample


# Nearly right --------------------------------------------------------------------------------------------------------

NEAR = [
    ("(n-k)/s + 1 == floor((n-k)/s) + 1", "true exactly if s divides n-k"),
    ("floor((n-k+s)/s) == (n-k+s)/s", "true exactly if s divides n-k"),
    ("ceil(n/s) == floor(n/s)", "true exactly if s divides n"),
    ("2*floor(k/2) + 1 == k", "true exactly if k is odd"),
    ("floor(n/1000) <= 12", "true exactly if n <= 12999"),
    ("max(0, (n-k+p+s)//s) == (n-k+p+s)//s", "true exactly if n-k+p+s >= 0"),
    ("n-k+p+s/s == floor((n-k+p+s)/s)", "did you mean floor((n-k+p+s)/s) instead of n-k+p+s/s?"),
    ("n-k+p+s/s == (n-k+p+s)/s", "did you mean (n-k+p+s)/s instead of n-k+p+s/s?"),
    ("floor(n/s)*s < n", "did you mean floor(n/s)*s <= n?"),
    ("floor((n+s)/s) == ceil(n/s)", "did you mean floor((n-1+s)/s) instead of floor((n+s)/s)?"),
    ("(n-k)//s == floor((n-k+s)/s)", "did you mean floor((n-k+s)/s)-1 instead of floor((n-k+s)/s)?"),
]


@pytest.mark.parametrize(("claim", "hint"), NEAR, ids=[row[0] for row in NEAR])
def test_what_was_meant_is_said(claim, hint):
    """Where a condition or a small edit makes the claim true, the verdict says which."""
    assert hint in derive.check(claim).hints


@pytest.mark.parametrize(("claim", "hint"), [row for row in NEAR if "true exactly if" in row[1]])
def test_a_hint_is_a_theorem(claim, hint):
    """Under the condition that the hint names, the claim is proved."""
    words = hint.removeprefix("true exactly if ").replace(" divides ", " | ").replace("k is odd", "k % 2 == 1")
    assert derive.check(claim, where=words).verdict == "proved"


# Right ---------------------------------------------------------------------------------------------------------------

RIGHT = [
    "floor((n-k+p+s)/s) == floor((n-k+p)/s) + 1",
    "floor((n+2*q-d*(k-1)-1)/s)+1 == (n-(d*(k-1)+1)+2*q+s)//s",
    "t < floor((n-k+p+s)/s) <=> t*s + k <= n + p",
    "m <= floor(n/s) <=> m*s <= n",
    "floor((n-k+(k-1)+s)/s) == ceil(n/s)",
    "s | n implies floor((n-k+(k-1)+s)/s) == n/s",
    "(N-F)/S + 1 in Z <=> S | N-F",
    "n1 <= n2 implies (n1-k+p+s)//s <= (n2-k+p+s)//s",
    "(n-k+p+s)//s == o <=> (o-1)*s+k-p <= n <= o*s-1+k-p",
    "0 <= ceil(n/s) - floor(n/s) <= 1",
    "floor((floor(x/m)+a)/b) == floor((x+a*m)/(m*b))",
    "((n+2*q1-k1)//s1+1 + 2*q2-k2)//s2+1 == (n+2*(q1+q2*s1)-(k1+(k2-1)*s1))//(s1*s2)+1",
    "r < s implies ((i-1)*s + r)//s + 1 == i",
    "abs(n-k) == max(n,k) - min(n,k)",
    "s | n and s | m implies s | n + m",
    "floor(n/s) + floor(m/s) <= floor((n+m)/s) <= floor(n/s) + floor(m/s) + 1",
]


@pytest.mark.parametrize("claim", RIGHT)
def test_a_right_formula_is_proved_for_every_stride(claim):
    """The proof is the solver's, for integers of any size, the stride a letter like the others."""
    verdict = derive.check(claim)
    assert verdict.verdict == "proved"
    assert verdict.counterexample is None
    assert "integers of any size" in verdict.because


def test_a_proof_names_the_conditions_it_uses():
    """Of all that is assumed, only what the claim fails without."""
    verdict = derive.check("floor((n-k+p)/s) == (n-k+p)/s", where=["s | n-k", "s | p", "n >= 5"])
    assert verdict.verdict == "proved"
    assert verdict.conditions == ("s >= 1", "s divides n-k", "s divides p")


def test_trying_never_proves():
    """A claim that holds at every number one could try, and that the prover cannot settle, is unknown."""
    verdict = derive.check("n^3 + k^3 != m^3", where="m >= 1", timeout=1)
    assert verdict.verdict == "unknown"
    assert "within 1 s" in verdict.because


# The lectures --------------------------------------------------------------------------------------------------------


def test_the_lectures():
    """Every mistake about sizes and indices is found, every true statement proved."""
    entries = read(NOTES.read_bytes(), "lecture-notes.yaml")
    verdicts = {entry.claim: derive.check(entry.claim, entry.where).verdict for entry in entries}
    assert verdicts == {entry.claim: entry.expect for entry in entries}
    assert list(verdicts.values()).count("refuted") >= 10
    assert list(verdicts.values()).count("proved") >= 20
