"""Layers of several inputs: sums and products with broadcasting, concatenation, stacking, the matrix product.

Source: torch.broadcast_shapes; torch.cat, stack (aten/src/ATen/native/TensorShape.cpp), matmul (LinearAlgebra.cpp).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from shapecheck.diagnostics import forward_error, only_words
from shapecheck.layers.base import LIMIT, Layer, Seen, check_limit, product, shape_text
from shapecheck.layers.dims import spatial, wrap
from shapecheck.sizes import Dim, Shape, can_equal, simpler
from shapecheck.sizes import larger as larger_size


def broadcast(*shapes: Shape) -> Shape:
    """The shape torch's broadcasting gives; a ShapeError where two sizes differ and neither is 1.

    >>> broadcast((2, 1, 5), (3, 1))
    (2, 3, 5)
    """
    result = shapes[0]
    for other in shapes[1:]:
        if other != result:
            result = _broadcast(result, other)
    return result


def _broadcast(one: Shape, two: Shape) -> Shape:
    rank = max(len(one), len(two))
    a, b = (1,) * (rank - len(one)) + one, (1,) * (rank - len(two)) + two
    return tuple([_common(a[dim], b[dim], dim - rank, one, two) for dim in range(rank)])


def _common(a: Dim, b: Dim, dim: int, one: Shape, two: Shape) -> Dim:
    if a == b or b == 1:
        return a
    if a == 1:
        return b
    if can_equal(a, b):
        return a if isinstance(a, int) and a > 1 else b if isinstance(b, int) else larger_size(a, b)
    message = f"the inputs {shape_text(one)} and {shape_text(two)} differ at dimension {dim}: {a} and {b}"
    hint = channel_hint(one, two) or fitting_hint(one, two) or "sizes that meet must be equal, or one of them 1"
    raise forward_error("SP305", message, hint=hint, a=a, b=b, dim=dim)


@only_words
def fitting_hint(one: Shape, two: Shape, but: int | None = None) -> str | None:
    """How to bring two inputs to one size on their last axes, if that mends them; `but` is a dimension left out.

    Sizes that differ by less than half are cropped; where one is a multiple of the other, the smaller is enlarged.

    >>> fitting_hint((2, 64, 25, 25), (2, 64, 24, 24))
    'crop the first input to the size of the second: ZeroPad2d: [0, -1, 0, -1]'
    >>> fitting_hint((2, 64, 28, 28), (2, 64, 14, 14))
    'bring the second input to the size of the first: Upsample: {scale_factor: 2}'
    """
    rank = len(one)
    differing = [axis for axis in range(rank) if axis != but and one[axis] != two[axis]] if rank == len(two) else []
    if not differing or not all(isinstance(one[axis], int) and isinstance(two[axis], int) for axis in differing):
        return None
    for larger, smaller, words in ((one, two, ("first", "second")), (two, one, ("second", "first"))):
        if all(larger[axis] > smaller[axis] > 0 for axis in differing):
            crop = _cropping(larger, smaller, differing, but)
            if crop is not None:
                return f"crop the {words[0]} input to the size of the {words[1]}: {crop}"
            scale = _enlarging(larger, smaller, differing, but)
            if scale is not None:
                return f"bring the {words[1]} input to the size of the {words[0]}: {scale}"
    return None


def _cropping(larger: Shape, smaller: Shape, differing: list[int], but: int | None) -> str | None:
    """The layer that crops the larger to the smaller; None where too much would be lost, or where none can."""
    rank = len(larger)
    axes = rank - differing[0]
    little = all(2 * (larger[axis] - smaller[axis]) < smaller[axis] for axis in differing)
    if not little or axes > min(3, rank - 2) or (but is not None and but >= rank - axes):
        return None
    ends = [end for axis in range(rank - 1, rank - axes - 1, -1) for end in (0, smaller[axis] - larger[axis])]
    return f"ZeroPad{axes}d: {ends}"


def _enlarging(larger: Shape, smaller: Shape, differing: list[int], but: int | None) -> str | None:
    """The layer that enlarges the smaller to the larger; None where no whole factors do."""
    rank = len(larger)
    if rank not in (3, 4, 5) or differing[0] < 2 or (but is not None and but > 1):
        return None
    if any(larger[axis] % smaller[axis] for axis in differing):
        return None
    factors = [larger[axis] // smaller[axis] if axis in differing else 1 for axis in range(2, rank)]
    return f"Upsample: {{scale_factor: {factors[0] if len(set(factors)) == 1 else factors}}}"


@only_words
def channel_hint(one: Shape, two: Shape) -> str | None:
    """How to bring two images to the same channels, where those alone do not fit.

    >>> channel_hint((2, 64, 28, 28), (2, 128, 28, 28))
    'a shortcut of Conv2d: {out_channels: 128, kernel_size: 1} on the first input makes the channels agree'
    """
    rank = len(one)
    if rank not in (4, 5) or len(two) != rank:
        return None
    pairs = enumerate(zip(one, two, strict=True))
    differing = [axis for axis, (a, b) in pairs if not can_equal(a, b) and 1 not in (a, b)]
    if differing != [1] or not isinstance(one[1], int) or not isinstance(two[1], int):
        return None
    place = "first" if one[1] < two[1] else "second"
    layer = f"Conv{rank - 2}d: {{out_channels: {max(one[1], two[1])}, kernel_size: 1}}"
    return f"a shortcut of {layer} on the {place} input makes the channels agree"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Pointwise(Layer):
    inputs: ClassVar[tuple[int, int | None]] = (2, None)
    formula: ClassVar[str] = "the broadcast of the inputs: from the last dimension on, equal sizes or a 1"

    def shape(self, *inputs: Shape) -> Shape:
        """The broadcast of all inputs."""
        return broadcast(*inputs)


class Add(_Pointwise):
    """torch.add: the sum of its inputs, broadcast."""

    __slots__ = ()


class Mul(_Pointwise):
    """torch.mul: the product of its inputs, broadcast."""

    __slots__ = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Concat(Layer):
    """torch.cat: its inputs one behind the other along `dim`."""

    inputs: ClassVar[tuple[int, int | None]] = (1, None)
    formula: ClassVar[str] = "the sizes along dim added up, the others alike"

    dim: int = 0

    def shape(self, *inputs: Shape) -> Shape:
        """The sizes along dim added, the others alike; an input of shape [0] is passed over, as torch does."""
        kept = [x for x in inputs if x != (0,)]
        first = kept[0] if kept else (0,)
        rank = len(first)
        if () in inputs:
            raise forward_error("SP306", "an input has no dimensions, so there is none to join it along")
        dim = wrap(self.dim, rank) if kept else _any(self.dim)
        total: Dim = 0
        common = first
        for other in kept:
            if len(other) != rank:
                self._refuse(kept, first, other, dim)
            for axis in range(rank):
                if axis != dim and first[axis] != other[axis]:
                    if not can_equal(first[axis], other[axis]):
                        self._refuse(kept, first, other, dim)
                    common = (*common[:axis], simpler(common[axis], other[axis]), *common[axis + 1 :])
            total = total + other[dim]
        return check_limit((*common[:dim], total, *common[dim + 1 :])) if kept else first

    @only_words
    def _refuse(self, inputs: list[Shape], one: Shape, two: Shape, dim: int) -> None:
        differing = [axis for axis, *sizes in zip(range(len(one)), *inputs) if not _alike(sizes)]  # noqa: B905 - see next
        one_rank = all(len(x) == len(one) for x in inputs)
        hint = f"dim: {differing[0]}" if one_rank and len(differing) == 1 else fitting_hint(one, two, dim)
        hint = hint or "inputs that are joined have one rank, and one size in all dimensions but dim"
        raise forward_error(
            "SP306", f"the inputs {shape_text(one)} and {shape_text(two)} differ outside dimension {dim}",
            argument="dim", hint=hint, nominal=self._cropped(inputs, dim), one=one, two=two, dim=dim,
        )  # fmt: skip

    def _cropped(self, inputs: list[Shape], dim: int) -> Shape | None:
        """The output once the larger inputs are cropped; None where their ranks differ."""
        if len({len(x) for x in inputs}) > 1:
            return None
        return tuple(
            _total(sizes) if axis == dim else _least(sizes) for axis, sizes in enumerate(zip(*inputs, strict=True))
        )

    def field(self, seen: Seen, inputs: tuple[Shape, ...], output: Shape) -> Seen:
        """Unchanged along the channels; None along a spatial axis, whose cells come from several places."""
        if seen is None:
            return None
        rank = len(output)
        return seen if wrap(self.dim, rank) < rank - len(spatial(seen, rank)) else None


def _total(sizes: tuple[Dim, ...]) -> Dim:
    result: Dim = 0
    for size in sizes:
        result = result + size
    return result


def _least(sizes: tuple[Dim, ...]) -> Dim:
    numbers = [size for size in sizes if isinstance(size, int)]
    return min(numbers) if numbers else sizes[0]


def _alike(sizes: list[Dim]) -> bool:
    return all(can_equal(sizes[0], size) for size in sizes[1:])


def _any(dim: Any) -> int:
    """Where nothing is to be joined, torch looks at the type of dim only."""
    return wrap(dim, 2 * abs(dim) + 1) if type(dim) is int and -LIMIT <= dim < LIMIT else wrap(dim, 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stack(Layer):
    """torch.stack: its inputs, all of one shape, along a new dimension `dim`."""

    inputs: ClassVar[tuple[int, int | None]] = (1, None)
    formula: ClassVar[str] = "a new dimension at dim, as long as there are inputs"

    dim: int = 0

    def shape(self, *inputs: Shape) -> Shape:
        """The common shape with the number of inputs at dim."""
        first = common = inputs[0]
        for other in inputs[1:]:
            if other != first:
                if not (len(other) == len(first) and all(map(can_equal, other, first))):
                    raise forward_error(
                        "SP306", f"the inputs {shape_text(first)} and {shape_text(other)} are not of one shape",
                        one=first, two=other,
                    )  # fmt: skip
                common = tuple(map(simpler, common, other))
        dim = wrap(self.dim, len(first) + 1)
        return check_limit((*common[:dim], len(inputs), *common[dim:]))

    def field(self, seen: Seen, inputs: tuple[Shape, ...], output: Shape) -> Seen:
        """Unchanged in front of the spatial axes; None among them."""
        if seen is None:
            return None
        return seen if wrap(self.dim, len(output)) <= len(inputs[0]) - len(spatial(seen, len(inputs[0]))) else None


@dataclass(frozen=True, slots=True, kw_only=True)
class MatMul(Layer):
    """torch.matmul: (*, n, k) and (*, k, m) give (*, n, m), leading dimensions broadcast; a vector loses its own."""

    inputs: ClassVar[tuple[int, int | None]] = (2, 2)
    formula: ClassVar[str] = "(*, n, k), (*, k, m) -> (*, n, m)"

    def shape(self, a: Shape, b: Shape) -> Shape:
        """The matrix product's shape."""
        if not a or not b:
            raise forward_error("SP302", "both inputs need a dimension at least", a=a, b=b)
        inner, other = a[-1], b[-2] if len(b) > 1 else b[0]
        if inner != other and not can_equal(inner, other):
            raise forward_error(
                "SP303", f"the first input's last dimension is {inner}, the second's last but one {other}: "
                f"{shape_text(a)} and {shape_text(b)}",
                hint=f"a second input {shape_text((*b[:-2], inner, *b[-1:][: len(b) - 1]))}", a=a, b=b,
            )  # fmt: skip
        batch = broadcast(a[:-2], b[:-2]) if a[:-2] != b[:-2] else a[:-2]
        return check_limit((*batch, *a[-2:-1], *(b[-1:] if len(b) > 1 else ())))

    def macs(self, inputs: tuple[Shape, Shape], output: Shape) -> Dim:
        """Every cell of the output is a sum of k products."""
        return product(output, inputs[0][-1])

    def field(self, seen: Seen, inputs: tuple[Shape, Shape], output: Shape) -> Seen:
        """Global: a row and a column are read whole."""
        return None
