"""Layers that turn, drop, add or repeat dimensions; no cell is changed.

Source: torch.permute, transpose, squeeze, unsqueeze, Tensor.expand (aten/src/ATen/native/TensorShape.cpp).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from shapecheck.diagnostics import forward_error, only_words
from shapecheck.layers.base import EACH, Layer, Seen, shape_text
from shapecheck.layers.dims import spatial, whole_numbers, wrap, wrap_all
from shapecheck.sizes import Dim, Shape, can_equal


class _Turned(Layer):
    """A layer that orders dimensions anew; the receptive field is ordered with them."""

    __slots__ = ()

    def order(self, x: Shape) -> list[int]:
        """For each dimension of the output, the dimension of the input it is."""
        raise NotImplementedError

    def shape(self, x: Shape) -> Shape:
        """The sizes in the new order."""
        return tuple([x[dim] for dim in self.order(x)])

    def field(self, seen: Seen, inputs: tuple[Shape], output: Shape) -> Seen:
        """The spatial axes in their new order; None where another dimension takes the place of one."""
        if seen is None:
            return None
        axes, rank = spatial(seen, len(inputs[0])), len(inputs[0])
        first = rank - len(axes)
        last = self.order(inputs[0])[first:] if rank else []
        return tuple([axes[dim - first] for dim in last]) if min(last, default=first) >= first else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Permute(_Turned):
    """torch.permute: dimension i of the output is dimension dims[i] of the input."""

    formula: ClassVar[str] = "output[i] = input[dims[i]]"

    dims: Any

    def order(self, x: Shape) -> list[int]:
        """The dims, counted from the front."""
        dims = self.dims if type(self.dims) is tuple else whole_numbers(self.dims, "dims")
        if len(dims) != len(x):
            raise forward_error(
                "SP302", f"dims names {len(dims)} dimensions, the input has {len(x)}: {shape_text(x)}", argument="dims",
                rank=len(x),
            )  # fmt: skip
        return wrap_all(dims, len(x), "dims")


@dataclass(frozen=True, slots=True, kw_only=True)
class Transpose(_Turned):
    """torch.transpose: dimensions dim0 and dim1 change places."""

    formula: ClassVar[str] = "dimensions dim0 and dim1 change places"

    dim0: int
    dim1: int

    def order(self, x: Shape) -> list[int]:
        """The dimensions, two of them exchanged."""
        one, two = wrap(self.dim0, len(x), "dim0"), wrap(self.dim1, len(x), "dim1")
        order = list(range(len(x)))
        if order:
            order[one], order[two] = two, one
        return order


@dataclass(frozen=True, slots=True, kw_only=True)
class Squeeze(Layer):
    """torch.squeeze: dimensions of size 1 are dropped, all of them or those in dim."""

    formula: ClassVar[str] = "dimensions of size 1 dropped"

    dim: Any = None

    def dropped(self, x: Shape) -> list[int]:
        """The dimensions that go."""
        dims = range(len(x)) if self.dim is None else wrap_all(self.dim, len(x))
        return [dim for dim in dims if x and x[dim] == 1]

    def shape(self, x: Shape) -> Shape:
        """The sizes that stay."""
        gone = self.dropped(x)
        return tuple([size for dim, size in enumerate(x) if dim not in gone])

    def field(self, seen: Seen, inputs: tuple[Shape], output: Shape) -> Seen:
        """The field of the axes that stay."""
        if seen is None or seen == EACH:
            return seen
        gone, first = self.dropped(inputs[0]), len(inputs[0]) - len(seen)
        return tuple(axis for dim, axis in enumerate(seen, first) if dim not in gone) or None


@dataclass(frozen=True, slots=True, kw_only=True)
class Unsqueeze(Layer):
    """torch.unsqueeze: a dimension of size 1 before dimension dim."""

    formula: ClassVar[str] = "a dimension of size 1 at dim"

    dim: int

    def shape(self, x: Shape) -> Shape:
        """The sizes with a 1 at dim."""
        dim = wrap(self.dim, len(x) + 1)
        return (*x[:dim], 1, *x[dim:])

    def field(self, seen: Seen, inputs: tuple[Shape], output: Shape) -> Seen:
        """A new axis sees one cell; None where the channels take the place of an axis."""
        if seen is None or seen == EACH:
            return seen
        rank, dim = len(inputs[0]), wrap(self.dim, len(output))
        first = rank - len(seen)
        if dim < first:
            return seen if first < 2 else None
        return (*seen[: dim - first], (1, 1, 0), *seen[dim - first :])


@dataclass(frozen=True, slots=True, kw_only=True)
class Expand(Layer):
    """torch.Tensor.expand: dimensions of size 1 repeated, new ones in front; -1 keeps a size."""

    shape_argument: ClassVar[str] = "sizes"
    formula: ClassVar[str] = "sizes, -1 keeping the input's"

    sizes: Any

    def shape(self, x: Shape) -> Shape:
        """The sizes, where each is the input's, or the input's is 1."""
        sizes = whole_numbers(self.sizes, "sizes")
        new = len(sizes) - len(x)
        if new < 0:
            raise forward_error(
                "SP302", f"{len(sizes)} sizes are given, the input has {len(x)} dimensions: {shape_text(x)}",
                argument="sizes", rank=len(x),
            )  # fmt: skip
        padded = (*(None,) * new, *x)
        return tuple(self._size(size, padded, dim) for dim, size in enumerate(sizes))

    def _size(self, wanted: Any, x: tuple[Dim | None, ...], dim: int) -> Dim:
        found = x[dim]
        if wanted == -1 and found is not None:
            return found
        if isinstance(wanted, int) and wanted < 0:
            raise forward_error(
                "SP309",
                f"size {dim} is {wanted}: only a dimension of the input may be kept by -1",
                argument="sizes",
                hint=self._hint(x),
                dim=dim,
            )
        if found is not None and found != 1 and not can_equal(wanted, found):
            raise forward_error(
                "SP305", f"size {dim} is {wanted}, the input has {found} there: only a size of 1 is repeated",
                argument="sizes", hint=self._hint(x), wanted=wanted, found=found, dim=dim,
            )  # fmt: skip
        return wanted

    @only_words
    def _hint(self, x: tuple[Dim | None, ...]) -> str:
        """The sizes with -1 for those that the input has otherwise, and 1 for negative ones that it does not have."""
        sizes: list[Any] = []
        for wanted, found in zip(whole_numbers(self.sizes, "sizes"), x, strict=True):
            fits = found is None or found == 1 or can_equal(wanted, found)
            negative = isinstance(wanted, int) and wanted < 0
            sizes.append(wanted if fits and not negative else 1 if found is None else -1)
        return f"sizes: {shape_text(tuple(sizes))}"

    def field(self, seen: Seen, inputs: tuple[Shape], output: Shape) -> Seen:
        """Repeated cells see the same: the stride of such an axis is 0."""
        if not seen:
            return seen
        rank = len(seen)
        pairs = zip(seen, inputs[0][-rank:], output[-rank:], strict=True)
        return tuple((r, j if before == after else 0, u) for (r, j, u), before, after in pairs)
