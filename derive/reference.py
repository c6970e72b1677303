r"""The lectures' code, readable: correlation, convolution and pooling as nested loops.

Main definitions: `corr1d`, `corr2d`, `corr3d`, `corrnd`, `conv1d` ... `convnd`, `corr2d_multi_in`,
`corr2d_multi_in_out`, `pool2d`, `comp_size`, and `Conv2D`, a torch module made of `corr2d` and one bias.
Main results: tests/book/test_10_reference.py, which reproduces every number that the lecture notes print.

Arrays are nested lists of numbers (anything that `list` opens will do: NumPy arrays, torch tensors of any rank); what
comes back are nested lists. Sums start from the first product, so that integers stay integers and tensors keep their
gradients. Nothing here is fast, and nothing is meant to be: a reader should trust it at sight.
References: Zhang et al., Dive into Deep Learning, 7.2 to 7.5.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    Conv2D: Any

Array = Any  # a number, or a list of arrays of one shape

__all__ = [
    "Conv2D",
    "conv1d",
    "conv2d",
    "conv3d",
    "convnd",
    "corr1d",
    "corr2d",
    "corr2d_multi_in",
    "corr2d_multi_in_out",
    "corr3d",
    "corrnd",
    "flipped",
    "pool2d",
    "shape_of",
]


def shape_of(array: Array) -> tuple[int, ...]:
    """The sizes of the axes, outermost first; () for a number.

    >>> shape_of([[1, 2, 3], [4, 5, 6]])
    (2, 3)
    """
    if hasattr(array, "shape"):
        return tuple(array.shape)
    return (len(array), *shape_of(array[0])) if isinstance(array, (list, tuple)) and array else _leaf(array)


def _leaf(array: Array) -> tuple[int, ...]:
    return (0,) if isinstance(array, (list, tuple)) else ()


def entry(array: Array, place: Sequence[int]) -> Any:
    """The number at a place, one index an axis."""
    for index in place:
        array = array[index]
    return array


def places(sizes: Sequence[int]) -> Iterator[tuple[int, ...]]:
    """All places of an array of these sizes, row by row."""
    return itertools.product(*map(range, sizes))


def built(sizes: Sequence[int], cell: Callable[[tuple[int, ...]], Any], begin: tuple[int, ...] = ()) -> Array:
    """Nested lists of these sizes, each cell computed from its place.

    >>> built((2, 2), lambda place: 10 * place[0] + place[1])
    [[0, 1], [10, 11]]
    """
    if not sizes:
        return cell(begin)
    return [built(sizes[1:], cell, (*begin, index)) for index in range(sizes[0])]


def added(numbers: Iterator[Any]) -> Any:
    """The sum of numbers, 0 if there are none."""
    total = next(numbers, 0)
    for number in numbers:
        total = total + number
    return total


def corrnd(x: Array, k: Array) -> Array:
    """The cross-correlation on any number of axes: y[i] = sum of k[a] x[i + a] over the cells a of the kernel.

    The kernel stays inside the input, so an axis of n cells and a kernel of h gives n - h + 1. Raises ValueError for
    a kernel with another number of axes, an empty one, or one longer than the input.

    >>> corrnd([1, 2, 3, 4], [1, -1])
    [-1, -1, -1]
    """
    sizes, spans = shape_of(x), shape_of(k)
    if len(sizes) != len(spans):
        raise ValueError(f"the kernel has {len(spans)} axes, the input {len(sizes)}")
    if any(not 1 <= span <= size for size, span in zip(sizes, spans, strict=True)):
        raise ValueError(f"a kernel of shape {spans} does not lie in an input of shape {sizes}")

    def cell(place: tuple[int, ...]) -> Any:
        return added(
            entry(k, a) * entry(x, [i + offset for i, offset in zip(place, a, strict=True)]) for a in places(spans)
        )

    return built([size - span + 1 for size, span in zip(sizes, spans, strict=True)], cell)


def _of_rank(x: Array, k: Array, axes: int) -> None:
    if len(shape_of(x)) != axes or len(shape_of(k)) != axes:
        raise ValueError(f"input and kernel must have {axes} axes, not {len(shape_of(x))} and {len(shape_of(k))}")


def corr1d(x: Array, k: Array) -> Array:
    """The cross-correlation of a series of n numbers with h weights: n - h + 1 numbers.

    >>> corr1d([0, 1, 2, 3, 4, 5, 6], [1, 2])
    [2, 5, 8, 11, 14, 17]
    """
    _of_rank(x, k, 1)
    return [added(k[a] * x[i + a] for a in range(len(k))) for i in range(len(x) - len(k) + 1)]


def corr2d(x: Array, k: Array) -> Array:
    """The cross-correlation of an n x m picture with an h x w kernel: (n - h + 1) x (m - w + 1).

    >>> corr2d([[0, 1, 2], [3, 4, 5], [6, 7, 8]], [[0, 1], [2, 3]])
    [[19, 25], [37, 43]]
    """
    _of_rank(x, k, 2)
    (n, m), (h, w) = shape_of(x), shape_of(k)
    return [
        [added(k[a][b] * x[i + a][j + b] for a in range(h) for b in range(w)) for j in range(m - w + 1)]
        for i in range(n - h + 1)
    ]


def corr3d(x: Array, k: Array) -> Array:
    """The cross-correlation on three axes, as for video and volumes."""
    _of_rank(x, k, 3)
    return corrnd(x, k)


def flipped(k: Array) -> Array:
    """The kernel read from its other end on every axis.

    >>> flipped([[0, 1], [2, 3]])
    [[3, 2], [1, 0]]
    """
    if not shape_of(k):
        return k
    return [flipped(k[index]) for index in reversed(range(len(k)))]


def convnd(x: Array, k: Array) -> Array:
    """The convolution where the kernel stays inside: y[i] = sum of k[a] x[i + h - 1 - a], n - h + 1 an axis.

    >>> convnd([1, 2, 3, 4], [1, -1])
    [1, 1, 1]
    """
    spans = shape_of(k)
    corrnd(x, k)  # the same demands on the shapes

    def cell(place: tuple[int, ...]) -> Any:
        return added(
            entry(k, a) * entry(x, [i + h - 1 - offset for i, h, offset in zip(place, spans, a, strict=True)])
            for a in places(spans)
        )

    return built([size - span + 1 for size, span in zip(shape_of(x), spans, strict=True)], cell)


def conv1d(x: Array, k: Array) -> Array:
    """The convolution on one axis, the kernel inside the input."""
    _of_rank(x, k, 1)
    return convnd(x, k)


def conv2d(x: Array, k: Array) -> Array:
    """The convolution on two axes, the kernel inside the input."""
    _of_rank(x, k, 2)
    return convnd(x, k)


def conv3d(x: Array, k: Array) -> Array:
    """The convolution on three axes, the kernel inside the input."""
    _of_rank(x, k, 3)
    return convnd(x, k)


def corr2d_multi_in(x: Array, k: Array) -> Array:
    """The sum over channels of their cross-correlations; x is (c, n, m), k is (c, h, w)."""
    if len(x) != len(k):
        raise ValueError(f"the kernel has {len(k)} channels, the input {len(x)}")
    maps = [corr2d(plane, kernel) for plane, kernel in zip(x, k, strict=True)]
    return built(shape_of(maps[0]), lambda place: added(entry(plane, place) for plane in maps))


def corr2d_multi_in_out(x: Array, k: Array) -> Array:
    """One output channel for each kernel of the stack; k is (c_out, c_in, h, w), as torch has it."""
    return [corr2d_multi_in(x, kernel) for kernel in k]


def pool2d(x: Array, pool_size: tuple[int, int], mode: str = "max") -> Array:
    """The greatest or the average number in each window of (h, w), moved by one cell at a time.

    Raises ValueError for a mode that is neither "max" nor "avg". (In the lecture notes `return` stands inside the
    loop, and the average comes back after one cell.)

    >>> X = [[0, 1, 2], [3, 4, 5], [6, 7, 8]]
    >>> pool2d(X, (2, 2)), pool2d(X, (2, 2), "avg")
    ([[4, 5], [7, 8]], [[2.0, 3.0], [5.0, 6.0]])
    """
    if mode not in ("max", "avg"):
        raise ValueError(f"mode (= {mode!r}) must be 'max' or 'avg'")
    (n, m), (h, w) = shape_of(x), pool_size

    def cell(place: tuple[int, ...]) -> Any:
        window = [x[place[0] + a][place[1] + b] for a, b in places((h, w))]
        return max(window) if mode == "max" else added(iter(window)) / (h * w)

    return built((n - h + 1, m - w + 1), cell)


def _conv2d_module() -> Any:
    """The class Conv2D; torch is loaded now, and only now."""
    import torch
    from torch import nn

    class Conv2D(nn.Module):
        """A layer of the lectures: `corr2d` of the input and a learnt kernel, plus one learnt bias."""

        def __init__(self, kernel_size: tuple[int, int]) -> None:
            super().__init__()
            self.weight = nn.Parameter(torch.rand(kernel_size))
            self.bias = nn.Parameter(torch.zeros(1))

        def forward(self, x: Any) -> Any:
            """The (n - h + 1) x (m - w + 1) output for an n x m input."""
            rows = corr2d(x, self.weight)
            return torch.stack([torch.stack(row) for row in rows]) + self.bias

    return Conv2D


def __getattr__(name: str) -> Any:
    if name != "Conv2D":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = _conv2d_module()
    return globals()[name]
