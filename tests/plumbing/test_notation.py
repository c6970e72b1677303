r"""Do theorems look on paper as one writes them?

Main results: supports with open axes, bounds as chains, the sign between propositions, weights before inputs.
"""

from __future__ import annotations

import pytest
import sympy as sp

from derive import THEOREMS
from derive.blackboard import Derivation, Iverson, Support, arrays, integers, total
from derive.render import latex, text
from derive.render.notation import plain

f, i, k, c, n, m, p, s, t, y = integers("f i k c n m p s t y")
F, K, X = arrays("F K X")


@pytest.mark.parametrize(
    ("box", "in_text", "in_latex"),
    [
        ((0, n - 1), "0..n - 1", r"\{0, \ldots, n - 1\}"),
        ((None, n - 1), "..n - 1", r"\{\ldots, n - 1\}"),
        ((0, None), "0..", r"\{0, \ldots\}"),
        ((None, None), "Z", r"\mathbb{Z}"),
    ],
)
def test_an_open_axis_reads_as_all_integers(box, in_text, in_latex):
    """A support without ends on an axis says so, instead of leaving holes in a list."""
    given = Support(F, (box,))
    assert text.hypothesis(given) == f"F is zero outside {in_text}"
    assert latex.hypothesis(given) == rf"$[\mathsf F]$ is zero outside ${in_latex}$"


def test_no_theorem_prints_an_empty_end():
    """Nowhere in the book does a brace or a comma stand where a bound should."""
    for name in THEOREMS:
        shown = THEOREMS[name].latex()
        assert r"\{, " not in shown, name
        assert r", \}" not in shown, name


def test_between_propositions_stands_an_equivalence():
    """What arith shows of two relations is that they are equivalent: 0 <= y <=> 0 <= s y."""
    start = Derivation(sp.Le(0, y, evaluate=False), sp.Ge(s, 1))
    step = start.arith(start.term, sp.Le(0, s * y, evaluate=False)).steps[0]
    assert step.because == "`0 <= y <=> 0 <= s y`"
    assert "(0 <= y <=> 0 <= s y)" in text.theorem(
        start.arith(start.term, sp.Le(0, s * y, evaluate=False)).qed(sp.Le(0, s * y, evaluate=False), "same-sign")
    )


def test_a_new_name_is_a_formula():
    """The reason for a renaming prints both letters as mathematics."""
    renamed = Derivation(total(F[k], (k, 0, n)), sp.Ge(n, 0)).rename(k, c)
    assert renamed.steps[0].because == "call `k` `c`"
    assert latex.words(renamed.steps[0].because) == "call $k$ $c$"


def test_weights_stand_before_inputs():
    """K is written before X whatever their indices: K[i - c] X[c]."""
    assert plain(X[c] * K[i - c]) == "K[i - c] X[c]"
    assert plain(X[i - c] * K[c]) == "K[c] X[i - c]"


def test_two_bounds_are_a_chain():
    """a <= x <= b is printed so however its halves are written and ordered, inside a bracket too."""
    low, high = sp.Le(p * t, f, evaluate=False), sp.Le(f, p * t + p - 1, evaluate=False)
    chain = "p t <= f <= p t + p - 1"
    assert plain(sp.And(low, high)) == plain(sp.And(high, low)) == chain
    assert plain(sp.And(sp.Ge(f, p * t), high)) == plain(sp.And(low, sp.Ge(p * t + p - 1, f))) == chain
    assert plain(Iverson(sp.And(low, high))) == f"[{chain}]"
    assert latex.show(Iverson(sp.And(low, high))) == r"\left[p t \le f \le p t + p - 1\right]"
    assert plain(sp.And(sp.Ge(y, 0), sp.Le(f, n))) == "f <= n and y >= 0"
