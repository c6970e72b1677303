r"""How reports look: cells, tables narrow and wide, JSON, Markdown, LaTeX, findings; what never reaches a terminal.

Main results: a table fits its terminal and loses no layer; a pipe's table is whole, plain ASCII where names are; the
formulas of the LaTeX are those that ran, and their numbers are right; what stands in a spec cannot steer a terminal.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from fractions import Fraction
from itertools import pairwise

import pytest

import shapecheck
from shapecheck.diagnostics import Diagnostic
from shapecheck.layers import LAYERS
from shapecheck.render import FORMATS, catalogue, latex, live, markdown, renderer, table
from shapecheck.render.findings import text as finding_text
from shapecheck.render.paint import PLAIN, animates, painter, safe, wants_colour, width
from shapecheck.render.rows import COLUMNS, VERDICT, agrees, human, rows
from shapecheck.render.traced import text, traced, worked
from shapecheck.report import Report
from shapecheck.sizes import evaluate, name
from tests.examples import FITTING

EXAMPLES = FITTING
ANSI = re.compile(r"\x1b\[[0-9;]*m")


def net(*layers, input=("N", 3, 32, 32), **top) -> Report:
    """The predicted report of a small network."""
    return shapecheck.check({"input": list(input), "layers": list(layers), **top}, verify=False)


LENET = net(
    {"Conv2d": {"out_channels": 6, "kernel_size": 5, "padding": 2}}, "ReLU", {"AvgPool2d": 2}, "Flatten", {"Linear": 10}
)
BROKEN = net(
    {"Conv2d": {"in_channels": 4, "out_channels": 8, "kernel_size": 3}},
    {"Linear": {"in_features": 3, "out_features": 2}},
)
DEEP = net(
    {
        "Sequential": [{"Sequential": [{"Conv2d": [3, 8, 3, 1, 1]}, "ReLU"], "name": "a_long_name"}, "Sigmoid"],
        "name": "stem",
    },
    {"Sequential": ["ReLU", "Tanh"], "name": "a_head_with_a_long_name"},
)


def shown(report: Report, most: int | None, colour: bool = False) -> list[str]:
    """The lines of a report's table on a terminal of that width."""
    parts = table.page(report, list(rows(report)), most, painter(colour))
    return [*parts.top, *(line for lines in parts.rows for line in lines), *parts.bottom]


# cells ---------------------------------------------------------------------------------------------------------------


def test_large_counts_have_three_digits():
    """A rounded count is within half a unit of its third digit, and never has a fourth."""
    for count in (1000, 9994, 9995, 99949, 99950, 999499, 999500, 10**9 - 1, 61_100_840, 714_188_480):
        digits = human(count)
        size = float(digits[:-1]) * 1000 ** " kMGTP".index(digits[-1])
        assert abs(size - count) <= 0.005 * count, (count, digits)
        assert len(digits[:-1].replace(".", "")) == 3, digits


def test_agreement_is_what_an_open_size_can_be():
    """A shape torch made agrees with a prediction that can be it, rank by rank and nested as torch nests."""
    n = name("N")
    assert agrees((n, 3), (2, 3))
    assert agrees(((n, 3), (1, n)), ((2, 3), (1, 2)))
    assert not agrees((2 * n, 3), (3, 3))
    assert not agrees((n, 3), (2, 3, 1))
    assert not agrees(((n, 3),), (2, 3))
    assert not agrees(None, (2, 3))


def test_the_verdict_tells_ok_from_another_shape_from_not_verified():
    """The last column says ok, torch's shape where it is another, the code of a refusal, else that none was made."""
    first, second = LENET.rows[:2]
    seen = LENET.replace(
        rows=(first._replace(torch=(2, 6, 32, 32)), second._replace(torch=(2, 6, 9, 9)), *LENET.rows[2:])
    )
    assert [row.torch for row in rows(seen)] == ["ok", "[2, 6, 9, 9]", *["not verified"] * 3]
    assert [row.torch for row in rows(LENET)] == [""] * 5
    assert [row.torch for row in rows(BROKEN)] == ["SP303", "SP303"]
    assert {row.state for row in rows(LENET, pending=True)} == {"pending"}


def test_a_stride_that_is_a_fraction_is_written_as_one():
    """After an upsampling the cells stand half an input cell apart."""
    report = net({"Upsample": {"scale_factor": 2}})
    assert report.rows[0].seen[0][1] == Fraction(1, 2)
    assert next(rows(report)).field.endswith("s1/2")


# tables --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("most", [200, 120, 100, 80, 60, 50, 40])
@pytest.mark.parametrize("report", [LENET, BROKEN, DEEP], ids=["lenet", "broken", "deep"])
def test_a_table_fits_its_terminal(report, most):
    """No line is wider than the terminal, and every layer's name can be read in it."""
    lines = shown(report, most)
    assert max(map(width, lines)) <= most
    joined = re.sub(r"\s", "", "".join(lines))
    for row in report.rows:
        assert row.name.rpartition(".")[2] in joined


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_fits_80_columns(path):
    """The examples can be read on a narrow terminal: a line a layer, one above a group, one more for a long formula."""
    report = shapecheck.check(path, verify=False)
    parts = table.page(report, list(rows(report)), 80, PLAIN)
    assert all(len(lines) <= 3 and max(map(width, lines)) <= 80 for lines in parts.rows)


def test_columns_go_in_the_order_of_their_worth():
    """The narrower the terminal, the fewer columns; names, outputs and torch's verdict stay, and what went is said."""
    seen = BROKEN
    layouts = [table.lay_out(list(rows(seen)), most) for most in range(120, 30, -1)]
    for wide, narrow in pairwise(layouts):
        assert set(narrow.columns) <= set(wide.columns)
        worth = {column: COLUMNS[column].drop for column in narrow.columns if COLUMNS[column].drop}
        assert all(COLUMNS[gone].drop < min(worth.values(), default=9) for gone in narrow.dropped)
    assert {COLUMNS[column].title for column in layouts[-1].columns} == {"layer", "output", "torch"}
    assert VERDICT in layouts[-1].columns
    assert "too narrow for: type, params, MACs, receptive field" in " ".join(shown(seen, 38))


def test_long_names_are_grouped_before_a_column_goes():
    """ResNet-18's names take half of 100 columns; grouped below what they are in, they leave room for all columns."""
    report = shapecheck.check(EXAMPLES[0].with_name("resnet18.yaml"), verify=False)
    flat, grouped = (table.lay_out(list(rows(report)), most) for most in (160, 100))
    assert not flat.grouped
    assert grouped.grouped
    assert grouped.columns == flat.columns
    head, row = next(lines for lines in table.page(report, list(rows(report)), 100, PLAIN).rows if len(lines) == 2)
    assert f"{head}.{row.split()[0]}" in {layer.name for layer in report.rows}


def test_a_pipe_has_the_whole_table():
    """Into a pipe goes every column at its full width, in ASCII where names are, without colour or trailing spaces."""
    piped = "".join(table.render([DEEP]))
    assert piped.isascii()
    assert not ANSI.search(piped)
    assert all(row.name in piped for row in DEEP.rows)
    assert all(column.title in piped for column in COLUMNS[:-1])
    assert not any(line.endswith(" ") for line in piped.splitlines())


def test_colour_adds_nothing_but_colour():
    """The coloured table is the plain one with escape sequences, wide or narrow."""
    for report in (LENET, BROKEN, DEEP):
        for most in (120, 50):
            coloured = shown(report, most, colour=True)
            assert any(ANSI.search(line) for line in coloured)
            assert [ANSI.sub("", line) for line in coloured] == shown(report, most)


def test_wide_characters_keep_the_columns_straight():
    """A name of double-width letters takes its room."""
    report = net({"ReLU": None, "name": "畳み込み"}, {"ReLU": None, "name": "b"})
    lines = [line for line in shown(report, 80) if "ReLU" in line]
    assert len({width(line[: line.index("ReLU")]) for line in lines}) == 1
    assert width("畳み込み") == 8


def test_a_table_of_100_000_layers_streams():
    """The first rows of a long table are there before the last are made, and making all takes seconds, not minutes."""
    report = net({"ReLU": None, "repeat": 100_000})
    pieces = table.render([report])
    assert "layer" in next(pieces)
    assert sum(1 for _ in pieces) == 100_001


def test_totals_are_exact_and_say_who_verified():
    """Below the table stand the exact number of parameters and the device, or that nobody verified them."""
    last = "\n".join(shown(LENET, None)[-2:])
    assert "5 layers" in last
    assert "15,826 parameters" in last
    assert "not verified" in last
    assert "N is left open" in last
    assert "verified by torch on cpu" in "\n".join(shown(LENET.replace(verified="cpu"), None))
    assert "at least 0 parameters" in "\n".join(shown(BROKEN, None))


def test_the_window_follows_torch():
    """Of a table higher than the terminal one sees the head, the end, and the rows torch is at."""
    report = net({"ReLU": None, "repeat": 500})
    view = live._View(report, PLAIN, "-", None)
    assert len(view.lines(100, 30)) <= 29
    assert any("relu_1 " in line for line in view.lines(100, 30))
    for place in range(300):
        view.progress(place, report.rows[place]._replace(torch=(2, 3, 32, 32)))
    lines = view.lines(100, 30)
    assert any("relu_300 " in line and line.endswith("ok") for line in lines)
    assert any("relu_301 " in line and line.endswith(".") for line in lines)
    assert "torch: 300 of 500" in lines[-2]


# safety --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("bad", ["\x1b[2J", "\r", "\x07", "\u202e", "\x9b31m", "\ud800", "\n", "\u2028"])
def test_nothing_in_a_spec_steers_a_terminal(bad):
    """Control characters, turned text and lone surrogates are written out wherever a name is shown."""
    report = LENET.replace(name=f"x{bad}y", rows=tuple(
        row._replace(node=shapecheck.Node(f"n{bad}m", "ReLU", None, (0,))) for row in LENET.rows
    ))  # fmt: skip
    for format in ("table", "markdown", "latex"):
        assert bad not in "".join(renderer(format)([report])).replace("\n", "" if bad == "\n" else "\n")
    assert bad not in safe(bad)
    assert bad not in finding_text(Diagnostic("SP101", "no", file=f"a{bad}b")).replace("\n", "")


# formats -------------------------------------------------------------------------------------------------------------


def test_json_is_the_report():
    """The JSON of one network is its to_dict, that of several the list of theirs."""
    one = "".join(renderer("json")([LENET]))
    assert json.loads(one) == LENET.to_dict()
    assert json.loads("".join(renderer("json")([LENET, BROKEN]))) == [LENET.to_dict(), BROKEN.to_dict()]
    assert json.loads("".join(renderer("json")([LENET] * 3))) == [LENET.to_dict()] * 3
    assert json.loads("".join(renderer("json")([]))) == []
    assert one.endswith("}\n")


def test_json_stays_json_in_ascii():
    """Letters that the output's encoding lacks are escaped as JSON escapes them, outside the basic plane too."""
    from shapecheck.render.json import ERRORS

    report = LENET.replace(name="naïve 畳 𝒩 \ud800")
    written = "".join(renderer("json")([report])).encode("ascii", ERRORS)
    assert json.loads(written)["name"] == report.name


@pytest.mark.parametrize("format", FORMATS)
def test_a_format_is_deterministic(format):
    """The same reports give the same text, byte for byte."""
    assert "".join(renderer(format)([LENET, DEEP])) == "".join(renderer(format)([LENET, DEEP]))


def test_markdown_is_a_table():
    """Each row has as many cells as the head, and markup in names is held off."""
    report = net({"ReLU": None, "name": "a|b_c*"}, "Flatten")
    lines = [line for line in "".join(markdown.render([report])).splitlines() if line.startswith("|")]
    assert len({len(re.findall(r"(?<!\\)\|", line)) for line in lines}) == 1
    assert len(lines) == 4
    assert "a\\|b\\_c\\*" in lines[2]


# the formulas of the LaTeX -------------------------------------------------------------------------------------------


def test_the_formula_of_a_convolution_has_its_numbers():
    """ResNet's first convolution: floor((224-7+6+2)/2) = 112."""
    report = net({"Conv2d": [3, 64, 7, 2, 3]}, input=("N", 3, 224, 224))
    assert worked(report.rows[0])[0].latex == r"\left\lfloor\frac{224-7+6+2}{2}\right\rfloor = 112"


def value_of(formula: str) -> int:
    """What a formula of ints says, worked out anew from its text."""
    python = formula.replace(r"\left\lfloor", "").replace(r"\right\rfloor", "").replace(r"\cdot", "*")
    while r"\frac" in python:
        python = re.sub(r"\\frac\{([^{}]*)\}\{([^{}]*)\}", r"((\1)//(\2))", python)
    python = python.replace(r"\left(", "(").replace(r"\right)", ")")
    assert re.fullmatch(r"[-+*/() 0-9]*", python), formula
    return eval(python)


def traceable() -> list[str]:
    """The layers that have an example with one output."""
    return [
        layer for layer in LAYERS if (found := catalogue.example(LAYERS[layer])) and not isinstance(found[2][0], tuple)
    ]


@pytest.mark.parametrize("layer", traceable())
def test_every_formula_gives_the_number_behind_its_equals_sign(layer):
    """For each layer with a formula, its text, read as arithmetic, is the size that stands in the output."""
    spec, shapes, _ = catalogue.example(LAYERS[layer]) or pytest.fail(layer)
    numbers = [[evaluate(dim, {"N": 2}) for dim in shape] for shape in shapes]
    inputs = {f"x{i}": shape for i, shape in enumerate(numbers)}
    import yaml

    entry = yaml.safe_load(spec) if ":" in spec else {spec: None}
    entry |= {"from": list(inputs)} if inputs else {}
    report = shapecheck.check({"inputs": inputs or {"none": [1]}, "layers": [entry]}, verify=False)
    assert report.ok, report.diagnostics
    row = report.rows[0]
    for formula in worked(row):
        told, _, size = formula.latex.rpartition(" = ")
        assert value_of(told) == int(size)
        assert all(row.output[axis] == int(size) for axis in formula.axes)


@pytest.mark.parametrize(
    "layer", ["Conv2d", "ConvTranspose2d", "MaxPool2d", "ZeroPad2d", "Flatten", "PixelShuffle", "Unfold"]
)
def test_a_layer_that_changes_sizes_shows_how(layer):
    """Windows, pads, products: none of these goes without its formula, for numbers and for open sizes."""
    spec, _, _ = catalogue.example(LAYERS[layer]) or pytest.fail(layer)
    import yaml

    entry = yaml.safe_load(spec) if ":" in spec else {spec: None}
    for size in (32, "H"):
        assert worked(net(entry, input=("N", 8, size, size)).rows[0]), size


def test_traced_sizes_compute_as_plain_ones_do():
    """Arithmetic on traced sizes gives the plain result, for numbers and open sizes on either side."""
    h = name("H")
    for a, b in ((7, 3), (h, 3), (7, h), (h, h), (2 * h, 4)):
        for x, y in ((traced(a), b), (a, traced(b)), (traced(a), traced(b))):
            assert x + y == a + b
            assert x - y == a - b
            assert x * y == a * b
            assert x // y == a // b
            if isinstance(a, int) and isinstance(b, int):
                for made in (x + y, x - y, x * y, x // y):
                    assert value_of(text(made).latex) == made
        assert -traced(a) == -a
    assert text(traced(7) - (traced(3) - 1)).latex == r"7-\left(3-1\right)"


def test_latex_is_balanced():
    """Braces and environments of the LaTeX close in order, whatever is in the names."""
    report = net({"ReLU": None, "name": r"50%_{\x}$#&~^"}, {"Conv2d": {"out_channels": 2, "kernel_size": 3}})
    written = "".join(latex.render([report, LENET]))
    bare = re.sub(r"\\[{}]", "", written)
    depth = 0
    for character in bare:
        depth += (character == "{") - (character == "}")
        assert depth >= 0
    assert depth == 0
    body = written.partition(r"\makeatother")[2]
    opened = []
    for verb, environment in re.findall(r"\\(begin|end)\{(\w+)\}", body):
        if verb == "begin":
            opened.append(environment)
        else:
            assert opened.pop() == environment
    assert not opened


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="pdflatex is not installed")
def test_latex_compiles_alone_and_inside_another_document(tmp_path):
    """pdflatex takes the text as a document of its own, and `\\input` takes it into another."""
    report = net({"ReLU": None, "name": r"50%_{\x}$#&~^<>|'`é畳"}, {"Conv2d": {"out_channels": 2, "kernel_size": 3}})
    (tmp_path / "net.tex").write_text("".join(latex.render([report, LENET, DEEP])), encoding="utf-8")
    inside = "\\documentclass{article}\\begin{document}one \\input{net.tex} two\\end{document}\n"
    (tmp_path / "outer.tex").write_text(inside, encoding="utf-8")
    for file in ("net.tex", "outer.tex"):
        command = ["pdflatex", "-draftmode", "-interaction=nonstopmode", "-halt-on-error", file]
        run = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, errors="replace", check=False)
        assert run.returncode == 0, run.stdout[-2000:]


# findings and streams ------------------------------------------------------------------------------------------------


def test_a_finding_is_printed_as_it_reads():
    """Without colour a finding's lines are those of str(); with colour the same letters."""
    for finding in BROKEN.diagnostics:
        assert finding_text(finding) == str(finding)
        assert ANSI.sub("", finding_text(finding, painter(True))) == str(finding)


class Stream:
    """Something to print on, a terminal or not."""

    def __init__(self, terminal: bool) -> None:
        self.terminal = terminal

    def isatty(self) -> bool:
        """Whether this is a terminal."""
        return self.terminal


@pytest.mark.parametrize(
    ("environment", "terminal", "colour"),
    [
        ({"TERM": "xterm"}, True, True),
        ({"TERM": "xterm"}, False, False),
        ({"TERM": "xterm", "NO_COLOR": "1"}, True, False),
        ({"TERM": "xterm", "NO_COLOR": ""}, True, True),
        ({"TERM": "xterm", "FORCE_COLOR": "1"}, False, True),
        ({"TERM": "xterm", "FORCE_COLOR": "1", "NO_COLOR": "1"}, True, False),
        ({"TERM": "dumb"}, True, False),
    ],
)
def test_colour_is_for_terminals_that_want_it(monkeypatch, environment, terminal, colour):
    """A terminal has colour unless NO_COLOR or dumb; FORCE_COLOR gives it to a pipe; a pipe is never animated."""
    for variable in ("TERM", "NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(variable, raising=False)
    for variable, value in environment.items():
        monkeypatch.setenv(variable, value)
    assert wants_colour(Stream(terminal)) is colour
    assert animates(Stream(terminal)) is (terminal and environment["TERM"] != "dumb")


# the catalogue -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("layer", LAYERS)
def test_a_layer_has_a_page_with_an_example_that_works(layer):
    """The page of each layer names its arguments and shows a line of a spec with input and output shapes."""
    written = "".join(catalogue.page(layer))
    assert "Example" in written
    assert "->" in written.splitlines()[-1]
    assert "Formula" in written


def test_conditions_are_those_the_layer_asks():
    """A convolution asks that its window fits, a pool that its padding is half its window at most, a ReLU nothing."""
    asked = {
        layer: [c.name for c in catalogue.conditions_of(LAYERS[layer])] for layer in ("Conv2d", "MaxPool2d", "ReLU")
    }
    assert "window-fits" in asked["Conv2d"]
    assert "half-padding" in asked["MaxPool2d"]
    assert asked["ReLU"] == []


def test_the_listing_names_every_layer():
    """`shapes layers` lists all that a spec may use."""
    words = set(re.findall(r"\w+", "".join(catalogue.listing())))
    assert set(LAYERS) <= words
