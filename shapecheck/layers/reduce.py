"""Mean and Sum over dimensions, and `Reduce`, which stands for torch's other reductions.

Source: torch.mean, torch.sum (aten/src/ATen/native/ReduceOps.cpp).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from shapecheck.diagnostics import forward_error
from shapecheck.layers.base import Layer, Seen, closest, shape_text
from shapecheck.layers.dims import spatial, whole_number, wrap_all
from shapecheck.sizes import Shape


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reduction(Layer):
    formula: ClassVar[str] = "the dimensions in dim dropped, or 1 with keepdim; all of them without dim"

    dim: Any = None
    keepdim: bool = False

    def reduced(self, rank: int) -> list[int]:
        """The dimensions that are reduced; none named means all."""
        dims = [] if self.dim is None else wrap_all(self.dim, rank)
        return dims or list(range(rank))

    def shape(self, x: Shape) -> Shape:
        """The sizes that stay, with keepdim a 1 for each that goes."""
        if type(self.keepdim) is not bool:
            raise forward_error(
                "SP309", f"keepdim is {self.keepdim!r}: it must be true or false", argument="keepdim",
                hint=f"keepdim: {'true' if self.keepdim else 'false'}",
            )  # fmt: skip
        gone = self.reduced(len(x))
        if self.keepdim:
            return tuple([1 if dim in gone else size for dim, size in enumerate(x)])
        return tuple([size for dim, size in enumerate(x) if dim not in gone])

    def field(self, seen: Seen, inputs: tuple[Shape], output: Shape) -> Seen:
        """None where a spatial axis is reduced, or where the channels no longer stand before the axes."""
        if seen is None:
            return None
        rank = len(inputs[0])
        axes, gone = spatial(seen, rank), self.reduced(rank)
        return axes if max(gone, default=-1) < rank - len(axes) else None


class Mean(_Reduction):
    """torch.mean: the mean over the dimensions in dim."""

    __slots__ = ()


class Sum(_Reduction):
    """torch.sum: the sum over the dimensions in dim."""

    __slots__ = ()


BOTH = ("max", "min", "median")  # with a dim they give the places too, and take one dim only
ONE = ("argmax", "argmin", "prod")  # these take one dim at most
ANY = ("amax", "amin", "all", "any", "std", "var", "norm", "logsumexp")
REDUCTIONS = (*BOTH, *ONE, *ANY)
WITH_DIM = (*BOTH, "prod", "logsumexp")  # keepdim alone these do not take
FULL = ("max", "min", "amax", "amin", "argmax", "argmin")  # of no cells they have no answer


@dataclass(frozen=True, slots=True, kw_only=True)
class Reduce(_Reduction):
    """A reduction of torch by its name: amax, argmax, std, ...; max, min and median along a dim give the places too."""

    function: str = "amax"

    def shape(self, x: Shape) -> Any:
        """The sizes that stay; twice, for values and places, where torch gives both."""
        function, dim = self.function, self.dim
        if not isinstance(function, str) or function not in REDUCTIONS:
            raise forward_error(
                "SP309", f"function is {function!r}: none of torch's reductions", argument="function",
                hint=f"function: {closest(str(function), REDUCTIONS) or 'amax'}",
            )  # fmt: skip
        if dim is None and (function == "logsumexp" or (self.keepdim and function in WITH_DIM)):
            raise forward_error("SP309", f"{function} needs a dim here", argument="dim", hint="dim: -1")
        if function in (*BOTH, *ONE) and dim is not None:
            whole_number(dim, "dim")
        output = _Reduction.shape(self, x)
        if function in FULL and not self._has_cells(x):
            message = f"{shape_text(x)} has no cells to reduce: {function} has no answer"
            raise forward_error("SP313", message, rank=len(x))
        return (output, output) if function in BOTH and dim is not None else output

    def _has_cells(self, x: Shape) -> bool:
        """Whether there is a cell in what is reduced; with a dim, only that dim counts."""
        gone = range(len(x)) if self.dim is None else self.reduced(len(x))
        return all(x[dim] != 0 for dim in gone if dim < len(x))
