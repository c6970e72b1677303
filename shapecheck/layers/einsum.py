"""Einstein sums: letters name dimensions, a letter on the left that is missing on the right is summed over.

Source: torch.einsum (aten/src/ATen/native/Linear.cpp).
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from typing import ClassVar

from shapecheck.diagnostics import ShapeError, forward_error
from shapecheck.layers.base import Layer, Seen, check_limit, product, shape_text
from shapecheck.layers.merge import broadcast
from shapecheck.sizes import Dim, Shape, can_equal

DOTS = "..."
LETTERS = "abcdefghijklmnopqrstuvwxyz"


@dataclass(frozen=True, slots=True, kw_only=True)
class Einsum(Layer):
    """torch.einsum: the sum over letters that the result leaves out, as "bij,bjk->bik"; `...` are all the others."""

    inputs: ClassVar[tuple[int, int | None]] = (1, None)
    formula: ClassVar[str] = "a size for each letter behind ->"

    equation: str

    def sizes(self, inputs: tuple[Shape, ...]) -> tuple[dict[str, Dim], Shape, str]:
        """The size of each letter, the broadcast of what the dots stand for, and the letters of the result."""
        left, result = self.read(inputs)
        if len(left) != len(inputs):
            raise self.fault(f"{len(left)} inputs are named, {len(inputs)} are given", inputs)
        sizes: dict[str, Dim] = {}
        dots: list[Shape] = []
        for term, x in zip(left, inputs, strict=True):
            before, found, after = term.partition(DOTS)
            if len(x) < len(before + after) or (not found and len(x) != len(before)):
                raise self.fault(
                    f"{term!r} names {len(before + after)} dimensions, the input is {shape_text(x)}", inputs
                )
            end = len(x) - len(after)
            dots += [x[len(before) : end]] if found else []
            own: dict[str, Dim] = {}
            for letter, size in zip(before + after, (*x[: len(before)], *x[end:]), strict=True):
                if not can_equal(own.setdefault(letter, size), size):
                    raise self.fault(f"{letter} comes twice in {term!r} and is {own[letter]} and {size}", inputs)
                sizes[letter] = self.common(letter, sizes.get(letter, 1), size)
        if result is None:
            letters = "".join(left).replace(".", "")
            once = sorted(letter for letter in set(letters) if letters.count(letter) == 1)
            result = (DOTS if dots else "") + "".join(once)
        return sizes, broadcast(*dots) if dots else (), result

    def read(self, inputs: tuple[Shape, ...]) -> tuple[list[str], str | None]:
        """The terms left of the arrow, and what is right of it, None without an arrow."""
        if not isinstance(self.equation, str):
            raise self.fault("it must be a text", inputs)
        left, arrow, right = self.equation.replace(" ", "").partition("->")
        terms = left.split(",")
        for term in [*terms, *([right] if arrow else [])]:
            bare = term.replace(DOTS, "", 1)
            if not ((bare.isascii() and bare.isalpha()) or not bare):
                raise self.fault(f"{term!r} holds something else than letters", inputs)
        known = set("".join(terms)) - {"."}
        bare = right.replace(DOTS, "", 1)
        if len(set(bare)) != len(bare) or not set(bare) <= known:
            raise self.fault(f"{right!r} names a letter twice, or one that is not on the left", inputs)
        return terms, right if arrow else None

    def common(self, letter: str, known: Dim, size: Dim) -> Dim:
        """The one size of a letter; a 1 is repeated."""
        if known == size or size == 1:
            return known
        if known == 1 or can_equal(known, size):
            return size if known == 1 or isinstance(size, int) else known
        raise forward_error(
            "SP305", f"the letter {letter} is {known} in one input and {size} in another", argument="equation", a=known,
            b=size,
        )  # fmt: skip

    def fault(self, words: str, inputs: tuple[Shape, ...]) -> ShapeError:
        """The error for an equation that cannot be, or that the inputs do not fit; the hint names all dimensions."""
        ranks = [len(x) for x in inputs]
        hint = None
        if all(ranks) and sum(ranks) <= len(LETTERS):
            letters = iter(LETTERS)
            terms = ["".join(islice(letters, rank)) for rank in ranks]
            hint = f"equation: {','.join(terms)}->{''.join(terms)}"
        return forward_error("SP309", f"equation is {self.equation!r}: {words}", argument="equation", hint=hint)

    def shape(self, *inputs: Shape) -> Shape:
        """The sizes of the result's letters."""
        sizes, dots, result = self.sizes(inputs)
        before, found, after = result.partition(DOTS)
        return check_limit((
            *(sizes[letter] for letter in before), *(dots if found else ()), *(sizes[letter] for letter in after),
        ))  # fmt: skip

    def macs(self, inputs: tuple[Shape, ...], output: Shape) -> Dim:
        """A product of all inputs for each choice of all letters, from two inputs on."""
        if len(inputs) < 2:
            return 0
        sizes, dots, _ = self.sizes(inputs)
        return product(dots, product(tuple(sizes.values()))) * (len(inputs) - 1)

    def field(self, seen: Seen, inputs: tuple[Shape, ...], output: Shape) -> Seen:
        """Global: whole dimensions are summed or moved."""
        return None
