r"""The table of theorems: which name is proved in which chapter.

Main definitions: `THEOREMS`, a mapping from names to theorems that derives a chapter when it is first asked for, and
`theorem`. A chapter is a module of `derive.theorems` with a function `chapter()` that answers its theorems; adding a
theorem is one row here, with its title, and one entry there. The table can be read without loading SymPy.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
from dataclasses import replace
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from derive.kernel import Theorem

TITLES: dict[str, str] = {
    "fc_to_conv": "From the fully connected layer to the convolution",
    "flip": "Convolution and cross-correlation",
    "channels": "Channels, groups, and the 1 x 1 convolution",
    "toeplitz": "The convolution layer as a matrix",
    "algebra": "The algebra of convolution",
    "adjoint": "Backwards through a layer",
    "continuous": "The convolution of functions, and the Fourier transform",
    "quasi_linear": "Which sizes a network takes",
    "receptive_field": "Receptive fields",
    "learning": "Learning a kernel",
    "windows": "How many windows fit",
    "pooling": "Pooling: ceil mode and adaptive windows",
    "transposed": "Transposed convolution: the sizes",
    "stacks": "Layers on top of each other",
    "demands": "What torch demands of a layer",
    "resampling": "Cells put elsewhere",
    "relationships": "The relationships of Dumoulin and Visin's guide",
}

CHAPTERS: dict[str, dict[str, str]] = {
    "fc_to_conv": {
        "reindex": "A fully connected layer, indexed by offsets",
        "translation-equivariance": "Shared weights commute with every shift",
        "equivariance-converse": "What commutes with shifts has shared weights",
        "locality": "Local weights make a convolution layer",
        "fc-to-conv": "From the fully connected layer to the convolution",
    },
    "flip": {
        "flip-1d": "The flip on one axis",
        "flip-2d": "The flip on two axes",
        "flip-3d": "The flip on three axes",
        "flip-nd": "The flip on any number of axes",
    },
    "channels": {
        "channels": "The convolution layer with channels in and out",
        "pointwise-conv": "A 1 x 1 convolution is a linear layer at each pixel",
    },
    "toeplitz": {
        "toeplitz": "Correlation is multiplication by a doubly block Toeplitz matrix",
    },
    "algebra": {
        "conv-commutative": "Convolution is commutative",
        "conv-associative": "Convolution is associative",
        "conv-linear": "Convolution is linear",
        "conv-unit": "The impulse is the unit of convolution",
        "conv-shift": "Convolution commutes with shifts",
        "corr-corr": "Two correlations in a row are one, with the convolved kernel",
    },
    "adjoint": {
        "adjoint": "Transposed convolution is the adjoint of correlation",
        "gradients": "The gradients with respect to input, kernel and bias",
    },
    "continuous": {
        "continuous": "The two indices of a convolution are alike",
        "fourier": "The transform of a circular convolution is a product",
    },
    "windows": {
        "window-count": "The size formula counts the windows",
        "torch-form": "The same formula as torch writes it",
        "same-padding": "The padding that divides the size by the stride",
        "preimage": "Which sizes have so many windows",
    },
    "pooling": {
        "ceil-mode": "torch's ceil mode is the smaller of two counts",
        "adaptive-pooling": "Adaptive windows leave no cell out, and neighbours share at most one",
    },
    "transposed": {
        "transposed": "A convolution takes the size of a transposed convolution back",
    },
    "stacks": {
        "stacks": "Two layers are one, for sizes",
    },
    "demands": {
        "demands": "A convolution is accepted exactly where a window fits",
    },
    "resampling": {
        "upsampling": "A pool takes whole upsampling back",
        "flatten": "Row by row every cell has one number, and every number one cell",
        "pixel-shuffle": "Pixel shuffle puts each cell in one place",
    },
    "relationships": {
        "relationships": "A transposed convolution gives back the size: fifteen relationships, with all they assume",
    },
    "quasi_linear": {
        "quasi-linear": "A period more of input is a period more of output",
    },
    "receptive_field": {
        "receptive-field": "What a cell sees is an interval, by the recursions",
    },
    "learning": {
        "learning": "The gradient of the squared error is the correlation of residual and input",
    },
}


@functools.cache
def _chapter(module: str) -> dict[str, Theorem]:
    """The theorems of a chapter by name; the table must list those very names."""
    theorems = {theorem.name: theorem for theorem in import_module(f"derive.theorems.{module}").chapter()}
    if set(theorems) != set(CHAPTERS[module]):
        raise LookupError(f"chapter {module} proves {sorted(theorems)}, the table says {sorted(CHAPTERS[module])}")
    return {name: replace(theorem, title=CHAPTERS[module][name]) for name, theorem in theorems.items()}


class Theorems(Mapping[str, "Theorem"]):
    """All theorems by name, in the order of the book; a chapter is derived when first asked for."""

    def __getitem__(self, name: str) -> Theorem:
        return _chapter(self.chapter(name))[name]

    def __iter__(self) -> Iterator[str]:
        return (name for names in CHAPTERS.values() for name in names)

    def __len__(self) -> int:
        return sum(map(len, CHAPTERS.values()))

    def __contains__(self, name: object) -> bool:
        return any(name in names for names in CHAPTERS.values())

    def chapter(self, name: str) -> str:
        """The chapter that proves a theorem; KeyError with the nearest names where there is none."""
        for module, names in CHAPTERS.items():
            if name in names:
                return module
        import difflib

        near = difflib.get_close_matches(name, list(self), 3, 0.4)
        raise KeyError(f"no theorem {name!r}" + (f"; did you mean {', '.join(near)}?" if near else ""))


THEOREMS = Theorems()


def theorem(name: str) -> Theorem:
    """The theorem of that name; KeyError where there is none."""
    return THEOREMS[name]
