"""Layers that cut a dimension: Chunk, Split and Unbind into several outputs, Slice, Select and Take into one.

Source: torch.chunk, split, Python's slicing of tensors (aten/src/ATen/native/TensorShape.cpp).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from shapecheck.diagnostics import forward_error, only_words
from shapecheck.formulas import ceil_div, minimum
from shapecheck.layers.base import LIMIT, Layer, Seen, product, shape_text
from shapecheck.layers.dims import spatial, whole_number, whole_numbers, wrap
from shapecheck.sizes import Dim, Shape, Size, can_equal

HUGE = 2**32  # steps from here on are looked at twice: torch's arithmetic may wrap around
MOST_PIECES = 100_000  # beyond that a cut is a mistake, and its list of outputs would fill the memory


class _Cut(Layer):
    """A layer whose outputs lie one behind the other along `dim`."""

    __slots__ = ()
    dim: int

    def pieces(self, n: Dim) -> list[Dim]:
        """The sizes of the pieces of a dimension of size n."""
        raise NotImplementedError

    def shape(self, x: Shape) -> tuple[Shape, ...]:
        """One shape a piece."""
        if not x:
            raise forward_error("SP302", "the input has no dimension to cut", rank=0)
        dim = wrap(self.dim, len(x))
        return tuple([(*x[:dim], size, *x[dim + 1 :]) for size in self.pieces(x[dim])])

    def field(self, seen: Seen, inputs: tuple[Shape], output: Any) -> Seen:
        """Unchanged; None where a spatial axis is cut, for each piece begins elsewhere."""
        if seen is None:
            return None
        rank = len(inputs[0])
        return seen if wrap(self.dim, rank) < rank - len(spatial(seen, rank)) else None


def _cut(n: Dim, size: Dim, argument: str) -> list[Dim]:
    """Pieces of that size, the last one what is left."""
    if isinstance(n, int) and isinstance(size, int):
        if ceil_div(n, size) > MOST_PIECES:
            fewest = MOST_PIECES if argument == "chunks" else ceil_div(n, MOST_PIECES)
            message = f"a cut into {ceil_div(n, size)} pieces: {MOST_PIECES} are allowed"
            raise forward_error("SP310", message, argument=argument, hint=f"{argument}: {fewest}", n=n)
        return [min(size, n - place * size) for place in range(int(ceil_div(n, size)))] or [0]
    count = n // size
    if not isinstance(count, int) or count * size != n:
        raise forward_error("SP340", f"how many pieces there are depends on {n}: give its size", argument=argument, n=n)
    return [size] * count


@dataclass(frozen=True, slots=True, kw_only=True)
class Chunk(_Cut):
    """torch.chunk: at most `chunks` pieces of size ceil(n/chunks), the last one what is left."""

    formula: ClassVar[str] = "pieces of ceil(n/chunks), the last one what is left"

    chunks: int
    dim: int = 0

    def pieces(self, n: Dim) -> list[Dim]:
        """ceil(n/chunks) as often as it goes."""
        chunks = whole_number(self.chunks, "chunks")
        if chunks < 1:
            raise forward_error(
                "SP309", f"chunks is {chunks}: there must be one at least", argument="chunks", hint="chunks: 1"
            )
        if n == 0 and chunks <= MOST_PIECES:
            return [0] * chunks
        if not isinstance(n, int) and n // chunks * chunks == n and chunks <= MOST_PIECES:
            return [n // chunks] * chunks
        size = ceil_div(n, chunks)
        if isinstance(n, int) and (chunks - 1) * size < n and chunks <= MOST_PIECES:
            return [size] * (chunks - 1) + [n - (chunks - 1) * size]
        return _cut(n, size, "chunks")


@dataclass(frozen=True, slots=True, kw_only=True)
class Split(_Cut):
    """torch.split: pieces of one size, the last one what is left; or of the sizes listed."""

    formula: ClassVar[str] = "pieces of split_size, the last one what is left; or the sizes listed"

    split_size_or_sections: Any
    dim: int = 0

    def pieces(self, n: Dim) -> list[Dim]:
        """The sizes of the pieces."""
        sizes = self.split_size_or_sections
        if type(sizes) is not int:
            return self._listed(n)
        size = whole_number(sizes, "split_size_or_sections")
        if size < 0 or (size == 0 and n != 0):
            raise forward_error(
                "SP309", f"the pieces' size is {size}: it must be 1 or more", argument="split_size_or_sections",
                hint="split_size_or_sections: 1",
            )  # fmt: skip
        return [0] if n == 0 else _cut(n, size, "split_size_or_sections")

    def _listed(self, n: Dim) -> list[Dim]:
        sizes = whole_numbers(self.split_size_or_sections, "split_size_or_sections", single=False)
        if any(isinstance(size, int) and size < 0 for size in sizes):
            raise forward_error(
                "SP309", f"a size in {shape_text(sizes)} is negative", argument="split_size_or_sections"
            )
        total = sum(sizes)
        if not can_equal(total, n):
            raise forward_error(
                "SP314", f"the sizes {shape_text(sizes)} add up to {total}, the dimension has {n}",
                argument="split_size_or_sections", hint=self._fitting(sizes, n), total=total, n=n,
            )  # fmt: skip
        return list(sizes)

    @only_words
    def _fitting(self, sizes: tuple[Any, ...], n: Dim) -> str | None:
        last = n - sum(sizes[:-1]) if sizes else n
        return (
            f"split_size_or_sections: {shape_text((*sizes[:-1], last))}"
            if isinstance(last, int) and last >= 0
            else None
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Slice(Layer):
    """x[..., start:end:step, ...] on dimension dim: Python's slice, with a step of 1 or more."""

    formula: ClassVar[str] = "ceil((end - start)/step), start and end brought into 0..n"

    dim: int = 0
    start: int | None = None
    end: int | None = None
    step: int | None = None

    def shape(self, x: Shape) -> Shape:
        """The sizes, dimension dim by Python's slice rule."""
        dim = self._dim(len(x))
        start, stop, step = self._bounds(x[dim])
        if step >= HUGE:
            return (*x[:dim], self._wrapped_size(x, dim, stop - start), *x[dim + 1 :])
        size = ceil_div(stop - start, step)
        return (*x[:dim], max(size, 0) if isinstance(size, int) else size - minimum(size, 0), *x[dim + 1 :])

    def _wrapped_size(self, x: Shape, dim: int, length: Dim) -> Dim:
        """The size torch gives for a step near 2^63, where its 64-bit sum and stride wrap around."""
        step = min(int(self.step or 1), LIMIT - 1)
        stride = _wrap_around(product([max(size, 1) if isinstance(size, int) else size for size in x[dim + 1 :]], step))
        total = _wrap_around(length + step - 1)
        if not isinstance(total, int) or not isinstance(stride, int):
            raise forward_error(
                "SP309", "step is near 2^63, which an open size cannot bear", argument="step", hint="step: 1"
            )
        size = total // step if total >= 0 else -(-total // step)
        if stride < 0 or size < 0:
            raise forward_error(
                "SP309", f"step is {self.step}: the stride wraps around", argument="step", hint="step: 1"
            )
        return size

    def _dim(self, rank: int) -> int:
        if not isinstance(self.dim, int):
            whole_number(self.dim, "dim")
        if not rank:
            raise forward_error("SP302", "the input has no dimension to slice", rank=0)
        return wrap(int(self.dim), rank)

    def _bounds(self, n: Dim) -> tuple[Dim, Dim, int]:
        for argument in ("start", "end", "step"):
            value = getattr(self, argument)
            if value is not None and not isinstance(value, (int, Size)):
                raise forward_error("SP309", f"{argument} is {value!r}: it must be a whole number", argument=argument)
        step = 1 if self.step is None else int(self.step)
        if step < 1:
            raise forward_error("SP309", f"step is {step}: torch wants 1 or more", argument="step", hint="step: 1")
        if type(n) is int:
            start, stop, _ = slice(self.start, self.end, step).indices(n)
            return start, max(start, stop), step
        return _bound(n, self.start, 0), _bound(n, self.end, n), step

    def field(self, seen: Seen, inputs: tuple[Shape], output: Shape) -> Seen:
        """A window of one cell: its stride is the step, its start what is left out before."""
        if seen is None:
            return None
        rank = len(inputs[0])
        axes, dim = spatial(seen, rank), self._dim(rank)
        place = dim - (rank - len(axes))
        if place < 0:
            return seen
        start, _, step = self._bounds(inputs[0][dim])
        r, j, u = axes[place]
        return (*axes[:place], (r, j * step, u + start * j), *axes[place + 1 :])


def _wrap_around(value: Any) -> Any:
    """The value as a signed 64-bit integer keeps it; an open one as it is."""
    return (value + LIMIT) % (2 * LIMIT) - LIMIT if isinstance(value, int) else value


def _bound(n: Dim, bound: Dim | None, default: Dim) -> Dim:
    """A slice's bound on a dimension of open size; negative ones, and those that can only be so, count from its end."""
    if bound is None:
        return default
    if bound >= 0:
        return minimum(int(bound) if isinstance(bound, int) else bound, n)
    return n - minimum(n, -bound)


@dataclass(frozen=True, slots=True, kw_only=True)
class Unbind(_Cut):
    """torch.unbind: an output for each place along dim, which is dropped."""

    formula: ClassVar[str] = "n outputs without dim"

    dim: int = 0

    def pieces(self, n: Dim) -> list[Dim]:
        """One for each place."""
        return _cut(n, 1, "dim") if n != 0 else []

    def shape(self, x: Shape) -> tuple[Shape, ...]:
        """The other sizes, as often as there are places."""
        dim = wrap(self.dim, len(x)) if x else 0
        return tuple([(*piece[:dim], *piece[dim + 1 :]) for piece in _Cut.shape(self, x)])


@dataclass(frozen=True, slots=True, kw_only=True)
class Select(Layer):
    """torch.select: one place along dim, which is dropped; negative places count from the end."""

    formula: ClassVar[str] = "the sizes without dim"

    dim: int
    index: Any

    def shape(self, x: Shape) -> Shape:
        """The other sizes, where there is such a place."""
        if not x:
            raise forward_error("SP302", "the input has no dimension to select from", rank=0)
        dim = wrap(self.dim, len(x))
        index = self.index if isinstance(self.index, Size) else whole_number(self.index, "index")
        if x[dim] == 0:
            raise forward_error("SP313", f"dimension {dim} of {shape_text(x)} has no place to select", n=0)
        if not (-x[dim] <= index and index < x[dim]):
            raise forward_error(
                "SP309", f"index is {index}, dimension {dim} has {x[dim]} places", argument="index",
                hint=f"index: {0 if isinstance(index, int) and index < 0 else -1}", n=x[dim],
            )  # fmt: skip
        return (*x[:dim], *x[dim + 1 :])

    def field(self, seen: Seen, inputs: tuple[Shape], output: Shape) -> Seen:
        """Unchanged in front of the spatial axes; the other axes where one of them is dropped."""
        if seen is None:
            return None
        rank = len(inputs[0])
        axes, dim = spatial(seen, rank), wrap(self.dim, rank)
        place = dim - (rank - len(axes))
        return axes if place < 0 else (*axes[:place], *axes[place + 1 :]) or None


@dataclass(frozen=True, slots=True, kw_only=True)
class Take(Layer):
    """torch.index_select: the places along dim that the second input, a list of whole numbers, names."""

    inputs: ClassVar[tuple[int, int | None]] = (2, 2)
    formula: ClassVar[str] = "as many places along dim as the second input names"

    dim: int

    def shape(self, x: Shape, index: Shape) -> Shape:
        """The sizes, dimension dim as long as the list."""
        dim = wrap(self.dim, len(x))
        if len(index) > 1:
            message = f"the places are listed in {shape_text(index)}: one dimension is wanted"
            raise forward_error("SP302", message, hint="Flatten it before", rank=len(index))
        number = product(index)
        if x and (x[dim] != 0 or number == 0):
            return (*x[:dim], number, *x[dim + 1 :])
        if x or not can_equal(number, 1):
            raise forward_error("SP313", f"{number} places are wanted of {shape_text(x)}, which has none", n=number)
        return x

    def field(self, seen: Seen, inputs: tuple[Shape, Shape], output: Shape) -> Seen:
        """Unchanged in front of the spatial axes; None among them."""
        if seen is None:
            return None
        rank = len(inputs[0])
        return seen if wrap(self.dim, rank) < rank - len(spatial(seen, rank)) else None
