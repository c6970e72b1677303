"""Question: which cells of a picture does a network never look at, and which does it look at unevenly?

Main results: what the advice says of borders, gaps, holes, shifts and checkerboards is what one finds by listing the
cells that each window reads; holes are exactly where the windows' theorem says; advice changes no verdict. Notation:
`n` cells, `k` taps, `d` apart, `q` padding a side, `s` stride, `o` windows; `r` what a cell sees, `J` how far off its
neighbour's begin.
"""

from __future__ import annotations

import random
from math import gcd, prod
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

import cli
import shapecheck
from shapecheck.coverage import Window, advice, advised, seen_offsets, taps
from shapecheck.diagnostics import Diagnostic

EXAMPLES = Path(__file__).parent.parent.parent / "examples"


def chain(n: int, *layers: dict[str, Any], axes: int = 1) -> shapecheck.Report:
    """The report of convolutions (or other layers, given whole) on n cells."""
    listed = [
        layer if "kernel_size" not in layer else {f"Conv{axes}d": {"out_channels": 1, **layer}} for layer in layers
    ]
    return shapecheck.check({"input": [1, 1, *[n] * axes], "layers": listed}, verify=False)


def told(report: shapecheck.Report, code: str) -> Diagnostic | None:
    """The advice of that code, if there is one."""
    return next((finding for finding in advice(report) if finding.code == code), None)


def read_cells(o: int, k: int, s: int, q: int, d: int) -> set[int]:
    """The input cells that o windows read, by listing them."""
    return {t * s + a * d - q for t in range(o) for a in range(k)}


def random_window(rng: random.Random) -> dict[str, int]:
    """The arguments of a convolution."""
    k = rng.randint(1, 5)
    return {"kernel_size": k, "stride": rng.randint(1, 4), "padding": rng.randint(0, k), "dilation": rng.randint(1, 3)}


def test_the_unread_border_is_what_lies_behind_the_last_window(draws: int) -> None:
    """(n + p - e) mod s cells; of the input so many as the padding behind it does not hold."""
    for seed in range(2 * draws):
        rng = random.Random(seed)
        window, n = random_window(rng), rng.randint(1, 40)
        report = chain(n, window)
        if not report.ok:
            continue
        k, s, q, d = (window[word] for word in ("kernel_size", "stride", "padding", "dilation"))
        last = max(read_cells(report.rows[0].output[2], k, s, q, d))
        behind = [x for x in range(n + q) if x > last]
        finding = told(report, "SP801")
        assert (finding is not None) == bool(behind), (seed, window, n)
        if finding is not None:
            assert finding.facts["unread"] == len(behind) == (n + 2 * q - d * (k - 1) - 1) % s, (seed, window, n)
            real = sum(x < n for x in behind)
            words = "(of the input)" if real == len(behind) else "(padding)" if not real else f"({real} of them"
            assert words in finding.message, (seed, finding.message)


def test_the_gaps_are_the_cells_between(draws: int) -> None:
    """Cells before the last read one, of the input, that no window reads."""
    for seed in range(2 * draws):
        rng = random.Random(seed)
        window, n = random_window(rng), rng.randint(1, 40)
        report = chain(n, window)
        if not report.ok or report.rows[0].output[2] < 2:
            continue
        k, s, q, d = (window[word] for word in ("kernel_size", "stride", "padding", "dilation"))
        read = read_cells(report.rows[0].output[2], k, s, q, d)
        between = [x for x in range(n) if min(read) < x < max(read) and x not in read]
        finding = told(report, "SP802")
        assert (0 if finding is None else finding.facts["unread"]) == len(between), (seed, window, n)


def test_a_pool_in_ceil_mode_may_read_all() -> None:
    """AlexNet's pool, 3 cells at stride 2, leaves the last of 54 cells in floor mode and none in ceil mode."""
    for ceil in (False, True):
        report = chain(54, {"MaxPool1d": {**{"kernel_size": 3, "stride": 2}, "ceil_mode": ceil}})
        assert (told(report, "SP801") is None) == ceil


def seen(layers: list[dict[str, int]]) -> set[int]:
    """The inputs that cell 0 of the last layer sees, by going back window by window."""
    cells = {0}
    for layer in reversed(layers):
        k, s, q, d = (layer[word] for word in ("kernel_size", "stride", "padding", "dilation"))
        cells = {cell * s - q + a * d for cell in cells for a in range(k)}
    return cells


def test_what_a_cell_sees_is_what_one_finds_going_back(draws: int) -> None:
    """The set that is carried forward, layer by layer, is the one that is found backward from the last cell."""
    for seed in range(2 * draws):
        rng = random.Random(seed)
        layers = [random_window(rng) for _ in range(rng.randint(1, 4))]
        report = chain(4000, *layers)
        assert report.ok
        (found,) = seen_offsets(report)[-1] or []
        bits = {found.start + i for i in range(found.bits.bit_length()) if found.bits >> i & 1}
        assert bits == seen(layers), (seed, layers)
        finding = told(report, "SP803")
        holes = max(bits) - min(bits) + 1 - len(bits)
        assert (0 if finding is None else finding.facts["left"]) == holes, (seed, layers)


def test_holes_are_where_a_later_window_reads_cells_too_far_apart(draws: int) -> None:
    """Without dilation: none exactly where r >= J before every layer behind the first of more than one tap."""
    both = set()
    for seed in range(4 * draws):
        rng = random.Random(seed)
        layers = [{**random_window(rng), "dilation": 1} for _ in range(rng.randint(1, 4))]
        r, jump, touch = 1, 1, True
        for place, layer in enumerate(layers):
            touch = touch and (not place or layer["kernel_size"] == 1 or r >= jump)
            r, jump = r + (layer["kernel_size"] - 1) * jump, jump * layer["stride"]
        cells = seen(layers)
        holes = max(cells) - min(cells) + 1 - len(cells)
        assert (holes == 0) == touch, (seed, layers)
        assert (told(chain(4000, *layers), "SP803") is None) == touch, (seed, layers)
        both.add(touch)
    assert both == {True, False}


def test_dilations_of_two_leave_holes_and_one_two_five_do_not() -> None:
    """Twice a dilation of 2 sees every other cell; 1, 2, 5 sees all 17; a hole that is filled later is none."""
    two = {"kernel_size": 3, "dilation": 2}
    finding = told(chain(64, two, two), "SP803")
    assert finding is not None
    assert (finding.facts["left"], finding.layer) == (4, "conv1d_1")
    assert told(chain(64, *({"kernel_size": 3, "dilation": d} for d in (1, 2, 5))), "SP803") is None
    assert told(chain(64, two, {"kernel_size": 2}), "SP803") is None


def test_a_shortcut_fills_holes() -> None:
    """Through a residual a cell sees what either path lets it see."""
    body = [{"Conv1d": {"out_channels": 1, "kernel_size": 3, "dilation": 2, "padding": 2}}]
    report = chain(
        64, {"Residual": {"body": body, "shortcut": [{"Conv1d": {"out_channels": 1, "kernel_size": 3, "padding": 1}}]}}
    )
    assert report.ok
    assert told(report, "SP803") is None
    alone = chain(64, {"Residual": {"body": body, "shortcut": []}})
    assert told(alone, "SP803") is not None


def test_an_even_window_at_an_odd_stride_stands_half_a_cell_aside() -> None:
    """The middle of what is read, less the middle of the s cells it stands for, is a half exactly then."""
    for k in range(1, 8):
        for s in range(1, 5):
            for q in range(k):
                middle = sum(range(-q, k - q)) / k - sum(range(s)) / s
                finding = told(chain(64, {"kernel_size": k, "stride": s, "padding": q}), "SP805")
                half = middle % 1 == 0.5
                assert half == ((k - s) % 2 == 1)
                assert (finding is not None) == (half and k % 2 == 0), (k, s, q)
                if finding is not None:
                    assert float(finding.facts["shift"]) == middle


def read_taps(cells: int, k: int, s: int, d: int) -> list[int]:
    """How many (input cell, tap) pairs land on each output cell of a transposed convolution, by listing them."""
    counts = [0] * ((cells - 1) * s + d * (k - 1) + 1)
    for i in range(cells):
        for a in range(k):
            counts[i * s + a * d] += 1
    return counts


def test_a_transposed_convolution_is_even_exactly_where_the_stride_divides_the_kernel() -> None:
    """Inside, all outputs get equally many taps exactly if s | k and gcd(d, s) = 1."""
    for k in range(1, 9):
        for s in range(1, 6):
            for d in range(1, 5):
                edge = d * (k - 1) + 1
                inside = read_taps(4 * edge + 4 * s, k, s, d)[edge : -edge or None]
                even = k % s == 0 and gcd(d, s) == 1
                assert (len(set(inside)) == 1) == even, (k, s, d)
                start = -edge % s  # the first place whose residue is 0, behind the edge
                assert taps(k, s, d) == inside[start : start + s], (k, s, d)
                layer = {"ConvTranspose1d": {"out_channels": 1, **{"kernel_size": k}, "stride": s, "dilation": d}}
                assert (told(chain(9, layer), "SP806") is None) == even, (k, s, d)


def test_a_field_may_be_larger_than_the_picture() -> None:
    """A ResNet-18 on 224 cells: layer4's cells span 243; on 256 the first such layer comes later."""
    report = shapecheck.check(EXAMPLES / "resnet18.yaml", verify=False)
    finding = told(report, "SP804")
    assert finding is not None
    assert (finding.facts["field"], finding.facts["n"]) == (243, 224)
    row = next(row for row in report.rows if row.name == finding.layer)
    before = report.rows[report.rows.index(row) - 1]
    assert before.receptive_field is not None
    assert max(before.receptive_field.size) <= 224


@pytest.mark.parametrize(
    ("example", "codes"),
    [
        ("alexnet", {"SP801"}),
        ("lenet", set()),
        ("vgg16", set()),
        ("nin", {"SP801"}),
        ("unet", set()),
        ("resnet18", {"SP801", "SP802", "SP804"}),
        ("googlenet", {"SP801", "SP804"}),
    ],
)
def test_the_advice_on_known_networks(example: str, codes: set[str]) -> None:
    """AlexNet's first windows leave the last of 228 cells, ResNet's shortcuts half of all; VGG and LeNet read all."""
    report = shapecheck.check(EXAMPLES / f"{example}.yaml", verify=False)
    assert {finding.code for finding in advice(report)} == codes
    if example == "alexnet":
        (finding,) = advice(report)
        assert finding.facts == {"n": 224, "k": 11, "p": 4, "s": 4, "unread": 1}
        assert finding.line == 8


def test_advice_is_no_error() -> None:
    """A report with advice is as right as before; each piece has numbers, a layer, a line of the spec and a hint."""
    report = shapecheck.check(EXAMPLES / "resnet18.yaml", verify=False)
    with_advice = advised(report)
    assert with_advice.ok
    assert {finding.severity for finding in with_advice.diagnostics} == {"advice"}
    for finding in with_advice.diagnostics:
        assert finding.facts
        assert finding.layer
        assert finding.line
        assert finding.hint


def test_open_sizes_give_no_advice_that_depends_on_them() -> None:
    """With H and W open nothing is said of borders; dilations, even windows and checkerboards are as they are."""
    layers = [{"Conv2d": {"out_channels": 1, "kernel_size": 4, "stride": 3, "dilation": 2}}]
    report = shapecheck.check({"input": [1, 1, "H", "W"], "layers": layers}, verify=False)
    assert {finding.code for finding in advice(report)} <= {"SP803", "SP805"}


def test_a_square_counts_once() -> None:
    """In two dimensions a finding speaks of an axis; prod of the axes is left to the reader."""
    flat = told(chain(10, {"kernel_size": 3, "stride": 2}), "SP801")
    square = told(chain(10, {"kernel_size": 3, "stride": 2}, axes=2), "SP801")
    assert flat is not None
    assert square is not None
    assert flat.facts == square.facts
    assert prod([flat.facts["n"]] * 2) == 100


def test_the_command_says_it_where_it_is_asked() -> None:
    """--advice adds it to stderr, exit code 0; without it nothing is said."""
    path = str(EXAMPLES / "alexnet.yaml")
    quiet = CliRunner().invoke(cli.shapes, ["--net", path, "--no-verify"])
    spoken = CliRunner().invoke(cli.shapes, ["--net", path, "--no-verify", "--advice"])
    assert (quiet.exit_code, spoken.exit_code) == (0, 0)
    assert "SP801" not in quiet.output
    assert "SP801 convrelu_1.conv2d_1: the last of 228 cells" in spoken.output


def test_a_window_knows_its_span() -> None:
    """Three taps two apart reach over five cells."""
    assert Window(3, 2, 0, 0, 1).span == 5
