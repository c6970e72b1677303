r"""What the lecture notes get wrong: the table of their mistakes, each with the machine's verdict.

Main definitions: `MISTAKES`, all seventeen: what is written, what is true, and who looks; `find`, which looks;
`Finding`, what came out; `text`, `markdown`, `latex`, `json`, the findings as pages.
Main results: tests/book/test_31_errata.py.

Nothing here says of itself that a mistake is one: see `derive.errata_evidence`. A mistake counts as **found** if all
that was looked at bears it out.
Notation: that of the lecture notes, with indices in brackets; p is the TOTAL padding of an axis.
"""

from __future__ import annotations

import json as encoder
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from derive import errata_evidence as look
from derive.errata_evidence import FOUND, NOT_CHECKED, Case, Evidence
from derive.render.notation import reason


@dataclass(frozen=True)
class Mistake:
    """A mistake of the lecture notes: its name, what is written, what is true, and who looks; formulas in backticks."""

    name: str
    written: str
    true: str
    look: Callable[[Case], None]


@dataclass(frozen=True)
class Finding:
    """A mistake and what was seen of it; `number` is its place in the table."""

    number: int
    mistake: Mistake
    verdict: str
    evidence: tuple[Evidence, ...]
    seconds: float

    @property
    def found(self) -> bool:
        """Whether all that was looked at bears the mistake out."""
        return self.verdict == FOUND

    def to_dict(self) -> dict[str, Any]:
        """The finding as plain data, what `derive errata --format json` prints."""
        return {
            "number": self.number,
            "name": self.mistake.name,
            "written": self.mistake.written,
            "true": self.mistake.true,
            "verdict": self.verdict,
            "evidence": [{"kind": one.kind, "text": one.text, "holds": one.holds} for one in self.evidence],
            "seconds": round(self.seconds, 3),
        }


def find(mistakes: Iterable[Mistake] | None = None) -> Iterator[Finding]:
    """What is seen of each mistake, one after the other; of all seventeen where none are given."""
    for number, mistake in enumerate(MISTAKES if mistakes is None else mistakes, 1):
        start, case = time.perf_counter(), Case()
        mistake.look(case)
        yield Finding(number, mistake, case.verdict, tuple(case.evidence), time.perf_counter() - start)


# Pages ---------------------------------------------------------------------------------------------------------------


def counted(findings: Iterable[Finding]) -> str:
    """How many mistakes were found, and what could not be looked at."""
    every = list(findings)
    unseen = sum(one.kind == NOT_CHECKED for finding in every for one in finding.evidence)
    found = sum(finding.found for finding in every)
    return f"{found} of {len(every)} mistakes found" + (f"; {unseen} looks need torch: not checked" * bool(unseen))


def text(findings: Iterable[Finding]) -> Iterator[str]:
    """The findings as plain text, each as it comes."""
    done = []
    for finding in findings:
        done.append(finding)
        mistake = finding.mistake
        yield f"{finding.number:>2}  {mistake.name}: {finding.verdict}\n"
        lines = [("written", mistake.written), ("true", mistake.true), *((e.kind, e.text) for e in finding.evidence)]
        yield "".join(f"      {kind:<12}{reason(line, str)}\n" for kind, line in lines) + "\n"
    yield counted(done) + "\n"


def markdown(findings: Iterable[Finding]) -> Iterator[str]:
    """The findings as Markdown."""
    done = []
    for finding in findings:
        done.append(finding)
        yield f"## {finding.number}. {finding.mistake.name}: {finding.verdict}\n\n"
        yield f"- written: {finding.mistake.written}\n- true: {finding.mistake.true}\n"
        yield "".join(f"- **{one.kind}**: {one.text}\n" for one in finding.evidence) + "\n"
    yield counted(done) + "\n"


def latex(findings: Iterable[Finding]) -> Iterator[str]:
    """The findings as a LaTeX list, formulas as they are typed."""
    done = []
    yield "\\begin{enumerate}\n"
    for finding in findings:
        done.append(finding)
        lines = [("written", finding.mistake.written), ("true", finding.mistake.true)]
        lines += [(one.kind, one.text) for one in finding.evidence]
        items = "".join(f"    \\item[{kind}] {_set(line)}\n" for kind, line in lines)
        title = f"\\textbf{{{finding.mistake.name}}}: {finding.verdict}"
        yield f"  \\item {title}\n  \\begin{{description}}\n{items}  \\end{{description}}\n"
    yield f"\\end{{enumerate}}\n{counted(done)}.\n"


def _set(line: str) -> str:
    """A sentence as LaTeX, what stands between backticks as code."""
    return reason(line, lambda code: f"\\texttt{{{_escaped(code)}}}", _escaped)


def _escaped(words: str) -> str:
    return "".join(_ESCAPES.get(letter, letter) for letter in words)


_ESCAPES = {letter: f"\\{letter}" for letter in "&%#_${}"}
_ESCAPES |= {"\\": r"\textbackslash{}", "^": r"\^{}", "~": r"\~{}", "<": r"\textless{}", ">": r"\textgreater{}"}
_ESCAPES |= {"|": r"\textbar{}", "'": r"\textquotesingle{}"}


def json(findings: Iterable[Finding]) -> Iterator[str]:
    """The findings as a JSON list."""
    yield encoder.dumps([finding.to_dict() for finding in findings], indent=2, ensure_ascii=False) + "\n"


PAGES: dict[str, Callable[[Iterable[Finding]], Iterator[str]]] = {
    "text": text,
    "markdown": markdown,
    "latex": latex,
    "json": json,
}

# The table -----------------------------------------------------------------------------------------------------------

MISTAKES = (
    Mistake(
        "fraction-bar",
        "the output has the size `floor((n_h-k_h+p_h+s_h)/s_h)` x `(n_w-k_w+p_w+s_w/s_w)`",
        "the whole second numerator is divided, and floored",
        look.fraction_bar,
    ),
    Mistake("worked-example", "`floor((8-3+0+3)/3) = floor(8/3) = 3`", "it is 2", look.worked_example),
    Mistake(
        "lost-floor",
        "the output has the size `(N-F)/stride + 1`",
        "only where the stride divides `N-F`; elsewhere the quotient is rounded down",
        look.lost_floor,
    ),
    Mistake(
        "empty-sum",
        "convolution is `y[i,j] = sum[a=1..h] sum[b=1..w] w[-a,-b] x[i+a,j+b]`",
        "every term of that is zero; `a` and `b` run over `-h..-1` and `-w..-1`, or the index is `w[h+1-a,w+1-b]`: the "
        "two differ by a shift",
        look.empty_sum,
    ),
    Mistake(
        "no-difference",
        "between convolution and correlation there is no difference in practice, by symmetry",
        "there is one for a fixed kernel that half a turn changes; none in what a learnt layer can represent",
        look.no_difference,
    ),
    Mistake(
        "input-and-output",
        "the weight `W[i,j,k,l]` maps the input at `(i,j)` to the output at `(k,l)`",
        "as used it maps the input at `(k,l)` to the output at `(i,j)`",
        look.input_and_output,
    ),
    Mistake(
        "kernel-axes",
        "the kernel has the shape `c_i` x `c_o` x `k_h` x `k_w`",
        "`c_o` x `c_i` x `k_h` x `k_w`, as the code beside it stacks it, and as torch has it",
        look.kernel_axes,
    ),
    Mistake(
        "return-in-the-loop",
        "pooling has `return Y` inside the loop, in the branch of 'avg'; the printed result is `[[4, 5], [7, 8]]`",
        "'avg' comes back after one cell and 'max' with None: the printed result is that of other code",
        look.return_in_the_loop,
    ),
    Mistake(
        "short-rows",
        "two rows of the printed edge picture have 6 entries",
        "every row has `8-2+1 = 7`",
        look.short_rows,
    ),
    Mistake(
        "stomach",
        "what is in the stomach at `t` is the integral from `t` to 0",
        "from 0 to `t`",
        look.stomach,
    ),
    Mistake(
        "receptive-field",
        "the receptive field is what a kernel sees at one place",
        "for one layer; with every layer on top of it, it grows",
        look.receptive_field,
    ),
    Mistake(
        "feature-map",
        "a convolution layer is sometimes called a feature map",
        "its output is",
        look.feature_map,
    ),
    Mistake("local-weights", "a local kernel has `4*Delta^2` weights", "it has `(2*Delta+1)^2`", look.local_weights),
    Mistake(
        "from-one",
        "correlation is `y[i,j] = sum[a=1..h] sum[b=1..w] w[a,b] x[i+a,j+b]`, all indices from 1",
        "that skips `x[1,1]` and reads past the end; it is `x[i+a-1,j+b-1]`",
        look.correlation_from_one,
    ),
    Mistake(
        "epochs",
        "the learning loop prints when `(i+2) % 2 == 0`, and the output shows epochs 2, 4, 6, ...",
        "that condition prints 1, 3, 5, ...",
        look.epochs,
    ),
    Mistake(
        "edge-colours",
        "in the edge picture 0 says: from black to white",
        "-1 does; 0 says that there is no edge",
        look.edge_colours,
    ),
    Mistake(
        "matrix-product",
        "a step of the window is a matrix product",
        "it is a product cell by cell, added up",
        look.matrix_product,
    ),
)
