r"""What `derive check` reads and prints, what it refuses, and who watches the prover."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from itertools import islice, product

import pytest
from click.testing import CliRunner, Result

import cli
import derive
from derive import claim_search, claims, smt
from derive.claim_files import FileError, read
from derive.claim_parser import ClaimError, parse
from derive.claim_solver import ask
from derive.claim_terms import letters, meaning, text

NOTES = "- n <= n*s\n- {claim: n/s in Z, where: s | n, note: a quotient}\n- {claim: n < s, expect: proved}\n"


def run(*arguments: str) -> Result:
    """What `derive check` prints and how it ends."""
    return CliRunner().invoke(cli.derive, ["check", *arguments], prog_name="derive")


# Reading -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("claim", "understood"),
    [
        ("n = k", "n == k"),
        ("n-k+p+s/s != 1", "n-k+p+s/s != 1"),
        ("n-(k-p) < ((n))", "n-(k-p) < n"),
        ("2n + 3(k-1) >= 0", "2*n+3*(k-1) >= 0"),
        ("a < b <= c", "a < b and b <= c"),
        ("s | n", "s divides n"),
        ("divides(s, n)", "s divides n"),
        ("n//s*s + n mod s == n", "n//s*s+n%s == n"),
        ("not n < k or n == k and k > 1", "not n < k or n == k and k > 1"),
        ("n < k => k < m => n < m", "n < k implies (k < m implies n < m)"),
        ("(n < k) == (k > n)", "n < k <=> k > n"),
        ("-n^2 <= (-n)**2", "-n^2 <= (-n)^2"),
        ("⌊n/s⌋ ≤ ⌈n/s⌉", "floor(n/s) <= ceil(n/s)"),
        ("n/s ∈ ℤ ⇒ s ∣ n", "integer(n/s) implies s divides n"),
        ("n_h - k_h' >= Delta", "n_h-k_h' >= Delta"),
        (r"\left\lfloor\frac{n_h-k_{h}}{s_h}\right\rfloor = \lceil n/s \rceil", "floor((n_h-k_h)/s_h) == ceil(n/s)"),
        (r"d(k-1) + 2 q_1 s_1 \geq \frac12", "d*(k-1)+2*q_1*s_1 >= 1/2"),
        (r"(2\Delta+1)^{2} \ne n \bmod s", "(2*Delta+1)^2 != n%s"),
        (r"s \mid n \implies \dfrac{n}{s} \in \mathbb{Z}", "s divides n implies integer(n/s)"),
        (r"\max\{n, k\} \le \text{stride} \cdot \lvert n - k \rvert", "max(n, k) <= stride*abs(n-k)"),
        (r"\frac{N-F}{\text{stride}} + 1 = n'", "(N-F)/stride+1 == n'"),
    ],
)
def test_notation(claim, understood):
    """Plain notation, signs of mathematics and LaTeX are read alike; what is written back is read the same again."""
    tree = parse(claim)
    assert text(tree) == understood
    again = parse(text(tree))
    names, points = letters(tree), islice(claim_search.at_random([(1, None)] * len(letters(tree))), 40)
    assert letters(again) == names
    assert all(meaning(tree, names)(point) == meaning(again, names)(point) for point in points)


@pytest.mark.parametrize(
    ("claim", "message", "column"),
    [
        ("n + * 2 == k", "expected a number", 4),
        ("n ==", "found the end", 4),
        ("", "nothing to check", 0),
        ("n", "needs a relation", 0),
        ("(n == 1", "never closed", 0),
        ("n == 1)", "never opened", 6),
        ("s(n-1) == 1", "a product is s*(...)", 0),
        ("flor(n) == 1", "did you mean floor?", 0),
        ("floor(n, k) == 1", "takes 1 arguments, not 2", 0),
        ("n/2s == 1", "brackets", 3),
        ("n == (n < 1)", "a number is expected", 6),
        ("n < 1 and 3", "true or false is expected", 10),
        ("n k == 1", "a sign such as *", 2),
        ("n.real == 1", "'.' means nothing", 1),
        ("__import__('os') == 1", "'_' means nothing", 0),
        ("n == 1/0", "divides by zero", 7),
        ("n/(3-3) == 1", "divides by zero", 3),
        (r"\frac{n}{s} = \foo", r"\foo has no meaning", 14),
        (r"\left(n = 1", "never closed", 5),
        (r"\frac{n}{s == 1", "this is not LaTeX", 15),
    ],
)
def test_a_caret_stands_under_the_place(claim, message, column):
    """What cannot be read is said in one sentence, with a caret under the place."""
    with pytest.raises(ClaimError) as caught:
        derive.check(claim)
    assert message in caught.value.message
    assert caught.value.start == column
    *_, line, carets = str(caught.value).splitlines()
    assert line.strip() == claim.strip()
    assert len(carets) - len(carets.lstrip()) == 2 + column


HOSTILE = {
    "a tower of powers": "10**10**10 == 1",
    "a great exponent": "10**1000000 == 1",
    "powers of powers": "((((n^16)^16)^16)^16)^16 == 1",
    "many brackets": "(" * 2_000 + "n" + ")" * 2_000 + " == 1",
    "many signs": "-" * 4_000 + "n == 1",
    "many negations": "not " * 1_000 + "n == 1",
    "a long sum": "n" + "+1" * 2_000 + " == 1",
    "a long chain": "n" + " <= n" * 900,
    "a long implication": "n < 1 => " * 500 + "n < 1",
    "a great number": f"n == {'9' * 4_000}",
    "a long text": "n" * 1_000_000,
    "groups of LaTeX": "\\frac" + "{" * 2_000 + "n = 1",
    "fractions of fractions": "\\frac{" * 300 + "n" + "}{2}" * 300 + "= 1",
    "binary": "n == \x00\x1b[31m",
}


@pytest.mark.parametrize("claim", HOSTILE.values(), ids=HOSTILE)
def test_hostile_text_is_refused_at_once(claim):
    """Nothing is computed, nothing recurses, and the answer is a plain error within a second."""
    start = time.monotonic()
    with pytest.raises(ClaimError):
        derive.check(claim)
    assert time.monotonic() - start < 1


# Domains and conditions ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("claim", "where", "domains"),
    [
        ("n_h + k + s + d + p + q + m + N >= 0", [],
         {**dict.fromkeys(["n_h", "k", "s", "d"], 1), **dict.fromkeys(["p", "q", "m", "N"], 0)}),
        ("n % m >= 0 or a | b or x//(c+1) == 0", [], {"n": 1, "m": 1, "a": 1, "b": 0, "x": 0, "c": 1}),
        ("n >= 0", ["n >= 0"], {"n": 0}),
        ("n >= 0", ["n > 5", "9 <= n"], {"n": 9}),
        ("n >= 0", ["n in Z"], {"n": None}),
        ("n >= 0", ["n < 0"], {"n": None}),
        ("n >= 0", ["-3 <= n <= 3"], {"n": -3}),
        ("n >= 0", ["n <= 3"], {"n": 1}),
        ("n >= 0", ["s | n"], {"n": 1, "s": 1}),
    ],
)  # fmt: skip
def test_domains(claim, where, domains):
    """n, k, s, d and what divides begin at 1, all else at 0; a lower bound or a contradicting one takes over."""
    task = claim_search.problem(parse(claim), [parse(condition, claim=False) for condition in where])
    assert dict(task.least) == domains


def test_a_changed_domain_changes_the_verdict():
    """What holds from 1 on may fail at 0, and the verdict says what was assumed."""
    assert derive.check("n >= 1").verdict == "proved"
    lifted = derive.check("n >= 1", where="n in Z")
    assert lifted.domains == {"n": "n in Z"}
    assert lifted.counterexample == {"n": 0}
    assert derive.check("n*n >= 4", where=["n < 0", "n != -1"]).verdict == "proved"


def test_divisors_that_may_be_zero_are_conditions():
    """A claim says nothing where a side has no value, and the verdict tells."""
    verdict = derive.check("n/(n-k)*(n-k) == n")
    assert (verdict.verdict, verdict.conditions) == ("proved", ("n-k != 0",))
    assert derive.check("(n//s)*s + n%s == n", where="s != 0, s in Z").conditions == ("s != 0",)


@pytest.mark.parametrize("where", [["n < 0", "n > 0"], ["n <= 3", "n > 3"], ["n*n < n"], ["2*n == 2*k+1"]])
def test_conditions_that_nothing_meets_are_refused(where):
    """From what never holds everything follows: that is no proof."""
    with pytest.raises(ClaimError, match="no integers meet"):
        derive.check("n == k", where=where)


def test_an_idle_implication_is_proved_with_a_warning():
    """A true claim about nothing is true, and one should know."""
    verdict = derive.check("n < 0 implies n == 7")
    assert verdict.verdict == "proved"
    assert "never holds" in verdict.text()


# Who watches the prover ----------------------------------------------------------------------------------------------


def test_a_false_proof_is_noticed(monkeypatch):
    """A prover that calls everything proved is contradicted by plain evaluation."""
    monkeypatch.setattr(smt, "decide", lambda *_: smt.Answer("unsat", {}))
    monkeypatch.setattr(claims, "GLANCE", 0.0)
    with pytest.raises(claims.Disagreement, match="fails at"):
        derive.check("floor(n/1000) <= 12")


def test_a_false_counterexample_is_noticed(monkeypatch):
    """A counterexample counts only once plain Python has evaluated it."""
    monkeypatch.setattr(smt, "decide", lambda *_: smt.Answer("sat", {"n": 5, "s": 1}))
    with pytest.raises(claims.Disagreement, match="plain evaluation"):
        derive.check("floor(n/s) <= n")


def test_a_silent_prover_proves_nothing(monkeypatch):
    """Where the prover says unknown the verdict is unknown, however many numbers were tried."""
    monkeypatch.setattr(smt, "decide", lambda *_: smt.Answer("unknown", {}))
    assert derive.check("floor(n/s) <= n", timeout=0.5).verdict == "unknown"


def test_time_limits_are_kept():
    """A second is a second, more or less."""
    start = time.monotonic()
    assert derive.check("n*n != 2*k*k", timeout=1).verdict == "unknown"
    assert time.monotonic() - start < 4
    with pytest.raises(ValueError, match=r"timeout \(= 0\)"):
        derive.check("n == n", timeout=0)


@pytest.mark.parametrize("lemmas", [False, True])
def test_what_is_said_of_quotients_is_true(lemmas):
    """At given numbers the solver's terms for floors, ceilings and remainders have the values that Python gives."""
    claim = parse("floor(n/s)*100 + ceil(m/s)*10 + (n+m)%s != o or not s | n*m")
    for n, m, s in product(range(-3, 6), range(5), range(1, 4)):
        value = n // s * 100 - (-m // s) * 10 + (n + m) % s
        where = [f"n == {n}", f"m == {m}", f"s == {s}", "o in Z"]
        task = claim_search.problem(claim, [parse(condition, claim=False) for condition in where])
        answer = ask(task, 5, lemmas=lemmas)
        assert answer.model.get("o", value) == value
        assert answer.status == ("unsat" if n * m % s else "sat"), (n, m, s)


def test_points_come_in_order_of_size():
    """Smaller sums first, in lexicographic order; each point once; negative ones where the domain has them."""
    bounds: list[claim_search.Bounds] = [(None, None), (1, 3)]
    points = list(islice(claim_search.by_size(bounds), 200))
    assert points == sorted(points, key=lambda point: (claim_search.size_of(point), point))
    assert len(set(points)) == 200
    assert points[:4] == [(0, 1), (-1, 1), (0, 2), (1, 1)]
    assert list(claim_search.by_size([(2, 3), (-1, 0)])) == [(2, 0), (2, -1), (3, 0), (3, -1)]
    assert list(claim_search.by_size([])) == [()]


# The command ---------------------------------------------------------------------------------------------------------


def test_exit_codes():
    """0 proved, 1 refuted or unknown, 2 a wrong call."""
    assert run("n <= n*s").exit_code == 0
    assert run("n < n*s").exit_code == 1
    assert run("n*n != 2*k*k", "--timeout", "0.3").exit_code == 1
    for wrong in (
        [],
        ["n ="],
        ["n == 1", "--file", "x.yaml"],
        ["--file", "missing.yaml"],
        ["n == 1", "--timeout", "0"],
    ):
        assert run(*wrong).exit_code == 2, wrong


def test_json():
    """The keys that the design promises, and no other."""
    result = run("floor(n/s) == n/s", "--format", "json")
    answer = json.loads(result.stdout)
    assert answer.pop("seconds") >= 0
    assert answer == {
        "claim": "floor(n/s) == n/s",
        "verdict": "refuted",
        "counterexample": {"n": 1, "s": 2},
        "domains": {"n": "n >= 1", "s": "s >= 1"},
        "conditions": [],
    }
    proved = json.loads(run("floor(n/s) == n/s", "--where", "s | n", "--format", "json").stdout)
    assert (proved["verdict"], proved["counterexample"]) == ("proved", None)
    assert proved["conditions"] == ["s >= 1", "s divides n"]


def test_the_error_shows_the_caret():
    """On stderr, with the claim above it."""
    result = run("n + * 2 == k")
    assert "  n + * 2 == k\n      ^" in result.stderr
    assert result.stdout == ""


def test_a_file_of_claims(tmp_path):
    """A table with a line for each claim, or a list in JSON; 1 unless all are proved."""
    path = tmp_path / "notes.yaml"
    path.write_text(NOTES)
    result = run("--file", str(path))
    assert result.exit_code == 1
    lines = result.stdout.splitlines()
    assert lines[0].startswith("proved      1  n <= n*s")
    assert "n/s in Z   where s | n" in lines[1]
    assert "a quotient" in lines[2]
    assert "NOT AS EXPECTED: proved" in lines[3]
    assert "fails at n = 1, s = 1: 1 < 1 is false" in lines[4]
    assert lines[-1] == "2 proved, 1 refuted, 0 unknown; 1 against expectation"
    found = json.loads(run("--file", str(path), "--format", "json").stdout)
    assert [row["verdict"] for row in found] == ["proved", "proved", "refuted"]
    path.write_text("- n <= n*s\n")
    assert run("--file", str(path)).exit_code == 0


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("", "a claims file is a list"),
        ("claim: n == n", "a claims file is a list"),
        ("- n ==\n- k ==\n", "x:2:3: expected a number"),
        ("- {clam: n == n}", "there is no key 'clam'"),
        ("- {where: n == n}", "the key claim is missing"),
        ("- {claim: n == n, expect: true}", "expect is proved, refuted or unknown, not 'true'"),
        ("- {claim: n == n, where: [n <]}", "found the end"),
        ("- {claim: [n]}", "a text is expected"),
        ("- {claim: n == n", "x:"),
        ("- &a n == n\n- *a", "x:1:3"),
    ],
)
def test_bad_files(source, message):
    """Each fault with file, line and column; all of them, not the first alone."""
    with pytest.raises(FileError) as caught:
        read(source, "x")
    assert message in str(caught.value)


def test_reading_needs_no_solver():
    """What cannot be read is refused before SymPy or Z3 is loaded."""
    code = """
import sys, derive
try:
    derive.check("n ==")
except derive.ClaimError:
    print(*sys.modules)
"""
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert "derive.claims" in loaded
    assert not {"sympy", "z3", "numpy", "torch", "pylatexenc"} & set(loaded)
