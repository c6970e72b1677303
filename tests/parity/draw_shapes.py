"""Draws for the shape operations and the merges: reshape, permute, split, slice, reduce, stack, concatenate, multiply.

Dimensions run a little out of range at both ends, products miss by a factor, -1 stands where it may and where not.
"""

from __future__ import annotations

from math import prod
from typing import Any

from shapecheck.layers import along, elementwise, reduce
from tests.parity.draw import Case, Draw
from tests.parity.draw_maps import two_that_broadcast


def _case(draw: Draw, kind: str, args: dict[str, Any], *shapes: Any) -> Case:
    """A case without unknown arguments or inputs: what a function calls that is its signature's business."""
    return draw.case(kind, args, *shapes, inputs=False, alien=False)


def _dim(draw: Draw, rank: int) -> int:
    return draw.whole(-rank - 1, rank) if draw.chance(0.2) else draw.whole(-rank, max(0, rank - 1))


def _shape(draw: Draw) -> tuple[int, ...]:
    shape = draw.shape(0 if draw.chance(0.1) else 1, 4)
    return draw.with_zero(shape) if draw.chance(0.1) else shape


def reshape(draw: Draw, kind: str) -> Case:
    """A new shape with the same product, mostly."""
    shape = _shape(draw)
    sizes = list(shape)
    draw.rng.shuffle(sizes)
    while len(sizes) > 1 and draw.chance(0.4):
        sizes[:2] = [sizes[0] * sizes[1]]
    if draw.chance(0.2):
        sizes.append(1)
    if sizes and draw.chance(0.4):
        sizes[draw.whole(0, len(sizes) - 1)] = draw.one(-1, -1, -1, -1, 0, 5, -2)
    wanted = draw.one(tuple(sizes), tuple(sizes), sizes, prod(shape), (-1,), (-1, prod(shape)))
    return _case(draw, kind, {"shape": wanted}, shape)


def permute(draw: Draw, kind: str) -> Case:
    """A permutation, negative dimensions included."""
    shape = _shape(draw)
    dims = list(range(len(shape)))
    draw.rng.shuffle(dims)
    mixed = [dim - len(shape) if draw.chance(0.2) else dim for dim in dims]
    if mixed and draw.chance(0.15):
        mixed[-1] = _dim(draw, len(shape))
    return _case(draw, kind, {"dims": draw.one(tuple(mixed), tuple(mixed), mixed)}, shape)


def transpose(draw: Draw, kind: str) -> Case:
    """Two dimensions exchanged."""
    shape = _shape(draw)
    return _case(draw, kind, {"dim0": _dim(draw, len(shape)), "dim1": _dim(draw, len(shape))}, shape)


def _dims(draw: Draw, rank: int) -> Any:
    """One dimension, several, none at all, or None."""
    several = tuple(_dim(draw, rank) for _ in range(draw.whole(0, 3)))
    return draw.one(_dim(draw, rank), _dim(draw, rank), several, several, list(several), None)


def squeeze(draw: Draw, kind: str) -> Case:
    """Dimensions of size one dropped."""
    shape = draw.shape(0, 4, sizes=(1, 1, 2, 3, 0))
    return _case(draw, kind, draw.maybe({}, 0.8, dim=lambda: _dims(draw, len(shape))), shape)


def unsqueeze(draw: Draw, kind: str) -> Case:
    """A dimension of size one put in."""
    shape = _shape(draw)
    return _case(draw, kind, {"dim": _dim(draw, len(shape) + 1)}, shape)


def chunk(draw: Draw, kind: str) -> Case:
    """A number of equal chunks, the last one smaller."""
    shape = _shape(draw)
    args = draw.maybe({"chunks": draw.whole(1, 8)}, 0.6, dim=lambda: _dim(draw, len(shape)))
    return _case(draw, kind, args, shape)


def split(draw: Draw, kind: str) -> Case:
    """Pieces of one size, or of given sizes that mostly add up."""
    parts = [draw.whole(0, 3) for _ in range(draw.whole(1, 3))]
    shape = list(_shape(draw))
    dim = draw.whole(0, len(shape))
    shape.insert(dim, sum(parts) + draw.one(0, 0, 0, 0, 1))
    sections = draw.one(draw.whole(1, 5), tuple(parts), tuple(parts), parts, 0)
    args: dict[str, Any] = {"split_size_or_sections": sections}
    if dim or draw.chance(0.3):
        args["dim"] = dim if draw.chance(0.7) else dim - len(shape)
    return _case(draw, kind, args, tuple(shape))


def slicing(draw: Draw, kind: str) -> Case:
    """A slice along one dimension."""
    shape = _shape(draw)

    def place() -> Any:
        return draw.one(None, 0, 1, 2, 3, 5, 100, -1, -2, -7)

    args: dict[str, Any] = {"dim": _dim(draw, len(shape))}
    return _case(draw, kind, draw.maybe(args, 0.6, start=place, end=place, step=lambda: draw.one(1, 2, 3, None)), shape)


def reduction(draw: Draw, kind: str) -> Case:
    """A mean or a sum over dimensions."""
    shape = _shape(draw)
    return _case(draw, kind, draw.maybe({}, 0.7, dim=lambda: _dims(draw, len(shape)), keepdim=draw.flag), shape)


def stack(draw: Draw, kind: str) -> Case:
    """Inputs of one shape stacked along a new dimension."""
    shape = _shape(draw)
    args = draw.maybe({}, 0.7, dim=lambda: _dim(draw, len(shape) + 1))
    return _case(draw, kind, args, *[shape] * draw.whole(1, 3))


def concat(draw: Draw, kind: str) -> Case:
    """Inputs joined along a dimension; their other sizes mostly agree."""
    shape = _shape(draw)
    dim = _dim(draw, len(shape))

    def other() -> tuple[int, ...]:
        if draw.chance(0.05):
            return (0,)
        if not -len(shape) <= dim < len(shape):
            return shape
        axis = dim % len(shape)
        return (*shape[:axis], draw.whole(0, 4), *shape[axis + 1 :])

    args = {"dim": dim} if dim or draw.chance(0.5) else {}
    return _case(draw, kind, args, shape, *(other() for _ in range(draw.whole(0, 2))))


def expand(draw: Draw, kind: str) -> Case:
    """Sizes of one stretched, new dimensions in front."""
    shape = draw.shape(0, 3, sizes=(1, 1, 2, 3, 0))
    sizes = [draw.one(-1, size, draw.whole(0, 4) if size == 1 or draw.chance(0.1) else size) for size in shape]
    front = [draw.whole(0, 3) if draw.chance(0.95) else -1 for _ in range(draw.one(0, 0, 1, 2))]
    return _case(draw, kind, {"sizes": draw.one(tuple(front + sizes), tuple(front + sizes), front + sizes)}, shape)


def matmul(draw: Draw, kind: str) -> Case:
    """A product of matrices, vectors, or batches of them."""
    n, k, m = (draw.whole(1, 4) for _ in range(3))
    left, right = two_that_broadcast(draw)
    first = (k,) if draw.chance(0.15) else (*left, n, k)
    second = (k,) if draw.chance(0.15) else (*right, k, m)
    return _case(draw, kind, {}, first, second)


def broadcast(draw: Draw, kind: str) -> Case:
    """A sum or product of inputs that mostly broadcast."""
    first, second = two_that_broadcast(draw)
    shapes = draw.one((first, second), (first, second), (first, second, second))
    return _case(draw, kind, {}, *shapes)


def select(draw: Draw, kind: str) -> Case:
    """One place along a dimension."""
    shape = _shape(draw)
    return _case(draw, kind, {"dim": _dim(draw, len(shape)), "index": draw.one(0, 0, 0, -1, 1, 2, -3)}, shape)


def unbind(draw: Draw, kind: str) -> Case:
    """An output for each place."""
    shape = _shape(draw)
    return _case(draw, kind, draw.maybe({}, 0.7, dim=lambda: _dim(draw, len(shape))), shape)


def take(draw: Draw, kind: str) -> Case:
    """Places along a dimension, named by a list."""
    shape = _shape(draw)
    return _case(draw, kind, {"dim": _dim(draw, len(shape))}, shape, draw.shape(1, 1))


def repeat(draw: Draw, kind: str) -> Case:
    """A number for each dimension, and for new ones in front."""
    shape = _shape(draw)
    times = tuple(draw.whole(0, 3) for _ in range(len(shape) + draw.one(0, 0, 0, 1, -1)))
    return _case(draw, kind, {"repeats": draw.one(times, times, list(times))}, shape)


def repeat_interleave(draw: Draw, kind: str) -> Case:
    """Each cell a number of times."""
    shape = _shape(draw)
    return _case(draw, kind, draw.maybe({"repeats": draw.whole(0, 3)}, 0.7, dim=lambda: _dim(draw, len(shape))), shape)


def other_reduction(draw: Draw, kind: str) -> Case:
    """A reduction by its name."""
    shape = draw.shape(0 if draw.chance(0.1) else 1, 4)
    arguments = draw.maybe({"function": draw.one(*reduce.REDUCTIONS)}, 0.7, dim=lambda: _dim(draw, len(shape)))
    return draw.case(kind, draw.maybe(arguments, 0.4, keepdim=draw.flag), shape, inputs=False, alien=False, trouble=0.1)


def along_dim(draw: Draw, kind: str) -> Case:
    """A function along a dimension by its name."""
    shape = draw.shape(0 if draw.chance(0.1) else 1, 4)
    name = draw.one(*along.FUNCTIONS)
    return _case(draw, kind, {"function": name, "dim": _dim(draw, len(shape))}, shape)


def cells(draw: Draw, kind: str) -> Case:
    """A function of single cells, with as many inputs as it may have, and rarely one too many."""
    name = draw.one(*elementwise.ARITY)
    first, second = two_that_broadcast(draw)
    count = draw.whole(1, elementwise.ARITY[name][1]) + draw.one(0, 0, 0, 0, 0, 1)
    return _case(draw, kind, {"function": name}, *(first, second, second, first)[:count])


def einsum(draw: Draw, kind: str) -> Case:
    """A product over letters, some of which do not fit."""
    sizes = {letter: draw.whole(1, 4) for letter in "ijkl"}
    equation = draw.one(
        "ij,jk->ik", "bij,bjk->bik", "i,i->", "ij->ji", "ij->", "...ij,...jk->...ik", "ij,kj", "i,j->ij", "ijk,kl->ijl",
        "ii->i", "b...i->...", "ij,jk,kl->il", "ij->iij", "ij->k", "i j , j k -> i k", "ij;jk->ik",
    )  # fmt: skip
    shapes = []
    for term in equation.partition("->")[0].replace(" ", "").split(","):
        letters = term.replace("...", draw.one("", "b"))
        shapes.append(tuple(sizes.get(letter, 2) if not draw.chance(0.05) else 1 for letter in letters))
    return _case(draw, kind, {"equation": equation}, *shapes)


def dot_attention(draw: Draw, kind: str) -> Case:
    """Queries, keys and values, with a mask at times."""
    batch, heads, length, keys, features, values = (draw.whole(1, 4) for _ in range(6))
    lead = draw.one((batch, heads), (batch, heads), (batch,), ())
    shapes = [(*lead, length, features), (*lead, keys, features), (*lead, keys, values)]
    if draw.chance(0.3):
        shapes.append(draw.one((*lead, length, keys), (length, keys)))
    return draw.case(kind, {}, *shapes, inputs=False, alien=False, trouble=0.2)


def held(draw: Draw, kind: str) -> Case:
    """A tensor that hangs on no input."""
    shape = _shape(draw)
    return _case(draw, kind, {"shape": draw.one(shape, shape, list(shape), prod(shape))})
