r"""Is a well-known guide right, and does it say all that it assumes?

The chapter derive/theorems/relationships.py proves the fifteen relationships of Dumoulin and Visin's "A guide to
convolution arithmetic for deep learning" for all integers, with the hypotheses that the guide leaves out. Here each is
read on numbers, by listing places, and by torch; each hypothesis is dropped, and a case where the relationship then
fails is found.

Main results: `test_torch_has_the_sizes_of_the_guide`, `test_every_hypothesis_is_needed`,
`test_the_text_shows_what_happens_without`, `test_the_equivalent_convolution_has_the_kernel_flipped`.
Notation, as in the guide: i input, k kernel, s stride, p padding PER SIDE, d dilation; j input of a transposed
convolution, a zeros behind its stretched input.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import product

import pytest
import sympy as sp
import torch
from torch.nn import functional

from derive import semantics, theorem
from derive.kernel import Theorem
from derive.terms import Range, free_in
from derive.theorems import relationships
from shapecheck import formulas

NUMBERS = [str(number) for number in range(1, 16)]
PARTS = {part.name.removeprefix("relationships/"): part for part in theorem("relationships").parts}
FEW = range(1, 4)
RANGES = {"i": range(1, 6), "j": FEW, "k": FEW, "s": FEW, "p": range(3), "d": range(1, 3), "u": range(20)}


def value(term, letters: dict[str, int]):
    """The term on numbers, by plain loops."""
    return semantics.meaning(term)(semantics.environment({sp.Symbol(x, integer=True): y for x, y in letters.items()}))


def ranges(part: Theorem) -> list[Range]:
    """The hypotheses, which are all relations."""
    assert all(isinstance(given, Range) for given in part.hypotheses)
    return [given for given in part.hypotheses if isinstance(given, Range)]


def points(part: Theorem) -> Iterator[dict[str, int]]:
    """Small letters that meet all the hypotheses."""
    letters = sorted(free_in(part.lhs).union(*(given.free() for given in part.hypotheses)), key=str)
    names = [letter.name for letter in letters]
    for values in product(*(RANGES.get(name, range(3)) for name in names)):
        point = dict(zip(names, values, strict=True))
        if all(value(given.holds, point) for given in ranges(part)):
            yield point


# Sizes ---------------------------------------------------------------------------------------------------------------


def torch_size(number: int, i: int = 1, j: int = 1, k: int = 1, s: int = 1, p: int = 0, d: int = 1, a: int = 0) -> int:
    """The size that torch's own layer gives on an image, 0 where torch refuses."""
    kernel = torch.zeros(1, 1, k, k)
    try:
        if number == 7:
            out = functional.max_pool2d(torch.zeros(1, 1, i, i), k, s)
        elif 8 <= number <= 14:
            out = functional.conv_transpose2d(torch.zeros(1, 1, j, j), kernel, None, s, p, a)
        else:
            out = functional.conv2d(torch.zeros(1, 1, i, i), kernel, None, s, p, d)
    except RuntimeError:
        return 0
    return out.shape[3]


@pytest.mark.parametrize("number", NUMBERS)
def test_torch_has_the_sizes_of_the_guide(number):
    """Wherever the hypotheses hold, the relationship gives the size of torch's layer, and 0 where torch refuses."""
    sizes = set()
    for point in points(PARTS[number]):
        if point.get("a", 0) < point.get("s", 1):
            given = {name: size for name, size in point.items() if name not in ("m", "u")}
            sizes.add(torch_size(int(number), **given))
            assert value(PARTS[number].rhs, point) == torch_size(int(number), **given), point
    assert len(sizes) > 2


@pytest.mark.parametrize("number", NUMBERS)
def test_the_places_are_those_of_a_list(number):
    """Walking along the cells by strides finds as many places of the kernel as the relationship says."""
    part, tried = PARTS[number], 0
    for point in points(part):
        i, j, k, s, p, d, a = (
            point.get(name, least) for name, least in zip("ijkspda", (0, 0, 1, 1, 0, 1, 0), strict=True)
        )
        row = "x" * i
        if 8 <= int(number) <= 14:
            row, p, s = ("x" + "0" * (s - 1)) * j, k - p - 1, 1
            row = row.rstrip("0") + "0" * a
        cells = len("0" * p + row + "0" * p)
        taps = [start + d * (k - 1) for start in range(0, cells, s)]
        listed = len([tap for tap in taps if tap < cells])
        assert listed == value(part.rhs, point) == value(part.lhs, point), point
        tried += 1
    assert tried > 5


def test_the_formulas_are_those_that_run():
    """The relationships are about what the checker's functions answer when they are called on letters."""
    i, j, k, s, p, d, a = sp.symbols("i j k s p d a", integer=True)
    convolution = formulas.window_count(i, k, 2 * p, s)
    for number in range(1, 7):
        assert convolution in [step.after for step in PARTS[str(number)].steps]
    assert formulas.window_count(i, k, 0, s) in [step.after for step in PARTS["7"].steps]
    for number in range(8, 15):
        assert PARTS[str(number)].rhs == formulas.transposed_size(j, k, 2 * p, s, a if number == 14 else 0)
    dilated = formulas.window_count(i, formulas.dilated(k, d), 2 * p, s)
    assert dilated in [step.after for step in PARTS["15"].steps]


def test_the_guide_writes_it_so():
    """The formulas of the guide, typed from it: each is in the chain of its relationship, as a line or an end."""
    i, j, k, s, p, d, a = sp.symbols("i j k s p d a", integer=True)
    strided = sp.floor((i - k) / s) + 1
    written = {
        1: (i - k) + 1,
        2: (i - k) + 2 * p + 1,
        3: i,
        4: i + (k - 1),
        5: strided,
        6: sp.floor((i + 2 * p - k) / s) + 1,
        7: strided,
        8: j + (k - 1),
        9: j + (k - 1) - 2 * p,
        10: j,
        11: j - (k - 1),
        12: s * (j - 1) + k,
        13: s * (j - 1) + k - 2 * p,
        14: s * (j - 1) + a + k - 2 * p,
        15: sp.floor((i + 2 * p - k - (k - 1) * (d - 1)) / s) + 1,
    }
    for number, formula in written.items():
        assert formula in [step.after for step in PARTS[str(number)].steps], number


# What is left out ----------------------------------------------------------------------------------------------------


def needed(part: Theorem) -> list[Range]:
    """The hypotheses, but the one that makes a list of places."""
    listed = relationships.SIZE if part is PARTS["7"] else relationships.LISTED  # pools without padding
    return [given for given in ranges(part) if given.holds != listed]


@pytest.mark.parametrize("name", PARTS)
def test_every_hypothesis_is_needed(name):
    """Without any one of the hypotheses there are small letters for which the two sides differ, or have no value."""
    part = PARTS[name]
    assert needed(part)
    for given in needed(part):
        point, one, other = relationships.counterexample(part, given)
        if one is None:
            with pytest.raises(ZeroDivisionError):
                value(part.lhs, point)
        else:
            assert (value(part.lhs, point), value(part.rhs, point)) == (one, other)
            assert one != other
        kept = [rest.holds for rest in ranges(part) if rest != given]
        assert all(value(holds, point) for holds in kept)
        assert not value(given.holds, point)


def test_a_hypothesis_that_is_not_needed_has_no_counterexample():
    """The search can come back with nothing: s >= 0 beside s = 1, or a list of places that may be shorter than none."""
    part = PARTS["2"]
    idle = Range(sp.Ge(sp.Symbol("s", integer=True), 0))
    with pytest.raises(LookupError, match="holds in all small cases"):
        relationships.counterexample(replace(part, hypotheses=(*part.hypotheses, idle)), idle)
    with pytest.raises(LookupError, match="holds in all small cases"):
        relationships.counterexample(PARTS["6"], Range(relationships.LISTED))


LEFT_OUT = {"1": 1, "2": 1, "5": 1, "6": 1, "7": 1, "9": 2, "11": 1, "12": 1, "13": 3, "14": 3, "15": 1}


@pytest.mark.parametrize("number", NUMBERS)
def test_the_text_shows_what_happens_without(number):
    """Where the guide leaves something out, the printed theorem says what, with the two sides of a case."""
    text = PARTS[number].text()
    assert text.count("which the guide leaves out, the left side is") == LEFT_OUT.get(number, 0)


def test_what_happens_without_by_hand():
    """On 1 cell a kernel of 3 has no place, and relationship 1 says -1; at stride 3 it says 0, which is right."""
    assert "for i = 1, k = 3, p = 0, s = 1." in PARTS["1"].text()
    assert value(PARTS["1"].rhs, {"i": 1, "k": 3}) == -1
    assert value(PARTS["6"].rhs, {"i": 1, "k": 3, "p": 0, "s": 3}) == 0


# Where the guide is wrong --------------------------------------------------------------------------------------------


def test_an_even_kernel_does_not_keep_the_size():
    """Half padding with an even kernel makes the image one cell larger, in torch too."""
    for size, k in product(range(1, 6), (2, 4)):
        assert torch_size(3, i=size, k=k, p=k // 2) == size + 1


def test_pools_have_padding_and_a_ceil_mode():
    """Relationship 7 does not hold for any type of pooling: torch's padding and ceil mode give other sizes."""
    x, formula = torch.zeros(1, 1, 6, 6), PARTS["7"].rhs
    assert value(formula, {"i": 6, "k": 3, "s": 2}) == 2
    assert (
        functional.max_pool2d(x, 3, 2, padding=1).shape[3]
        == value(PARTS["6"].rhs, {"i": 6, "k": 3, "p": 1, "s": 2})
        == 3
    )
    assert functional.max_pool2d(x, 3, 2, ceil_mode=True).shape[3] == 3
    assert functional.adaptive_max_pool2d(x, 5).shape[3] == 5


def test_ceil_mode_agrees_where_the_stride_divides():
    """Where s divides i - k torch's ceil mode gives relationship 7; elsewhere it often gives one more."""
    more = 0
    for size, k, s in product(range(1, 9), range(1, 5), range(1, 4)):
        if k <= size:
            got = functional.max_pool2d(torch.zeros(1, 1, size, size), k, s, ceil_mode=True).shape[3]
            usual = value(PARTS["7"].rhs, {"i": size, "k": k, "s": s})
            assert got == usual or (size - k) % s
            more += got == usual + 1
    assert more


def test_the_figure_with_a_wrong_number():
    """For i = 6, k = 3, s = 2, p = 1 the input of the transposed convolution is 3 x 3, not 2 x 2 as a caption says."""
    assert torch_size(6, i=6, k=3, s=2, p=1) == 3
    assert torch_size(14, j=3, k=3, s=2, p=1, a=1) == 6


# Transposed convolution ----------------------------------------------------------------------------------------------


def test_every_size_comes_back():
    """torch's transposed convolution gives back the size that its convolution came from, with the guide's a."""
    for size, k, s, p in product(range(1, 8), range(1, 5), range(1, 4), range(3)):
        if k <= size + 2 * p and p < k:
            small, behind = torch_size(6, i=size, k=k, s=s, p=p), (size + 2 * p - k) % s
            assert torch_size(14, j=small, k=k, s=s, p=p, a=behind) == size
            point = {"i": size, "k": k, "s": s, "p": p}
            assert value(theorem("relationships").lhs, point) == size
            assert (torch_size(13, j=small, k=k, s=s, p=p) == size) == value(PARTS["13/exactly"].rhs, point)


def stretch(x: torch.Tensor, s: int, zeros: int, behind: int) -> torch.Tensor:
    """The image with s-1 zeros between its cells, so many around, and more below and to the right."""
    size = (x.shape[3] - 1) * s + 1
    wide = torch.zeros(1, 1, size, size, dtype=x.dtype)
    wide[..., ::s, ::s] = x
    return functional.pad(wide, (zeros, zeros + behind, zeros, zeros + behind))


def test_the_equivalent_convolution_has_the_kernel_flipped():
    """Values: the convolution of the guide's stretched image does the same with the kernel flipped, and not without."""
    source = torch.Generator().manual_seed(0)
    x, kernel = (torch.rand(1, 1, 3, 3, generator=source, dtype=torch.float64) for _ in range(2))
    for s, p, behind in product(range(1, 4), range(3), range(3)):
        if behind < s:
            large = functional.conv_transpose2d(x, kernel, None, s, p, behind)
            padded = stretch(x, s, 3 - p - 1, behind)
            assert torch.allclose(functional.conv2d(padded, kernel.flip(2, 3)), large)
            assert not torch.allclose(functional.conv2d(padded, kernel), large)


def test_more_padding_than_kernel_cuts_off():
    """With p > k - 1 torch cuts cells off the picture that the largest padding there is would give."""
    x, kernel = torch.rand(1, 1, 4, 4, generator=torch.Generator().manual_seed(1)), torch.ones(1, 1, 2, 2)
    whole = functional.conv_transpose2d(x, kernel, padding=1)
    assert torch.equal(functional.conv_transpose2d(x, kernel, padding=2), whole[..., 1:-1, 1:-1])
    assert value(PARTS["9"].rhs, {"j": 4, "k": 2, "p": 2, "s": 1}) == 1
    assert value(PARTS["9"].lhs, {"k": 2, "u": 4}) == 3
