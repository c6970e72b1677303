"""Tables of vectors looked up by index: `Embedding`, and `EmbeddingBag`, which adds up a bag of them.

The input's cells are indices, taken to be whole numbers within the table.
Source: torch/nn/modules/sparse.py; torch/nn/functional.py (`embedding_bag`); aten/src/ATen/native/Embedding.cpp.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from shapecheck.diagnostics import ShapeError, construct_error, forward_error
from shapecheck.layers.arguments import INFINITY, argument_error, check_weight, is_real
from shapecheck.layers.base import Layer, Seen, shape_text
from shapecheck.sizes import Dim, Shape, can_equal


@dataclass(frozen=True, slots=True, kw_only=True)
class _Table(Layer):
    def check_table(self, padding_idx: Any) -> None:
        """Refuse sizes of which there is no table, and a padding index outside it."""
        rows = self.num_embeddings  # type: ignore[attr-defined]
        check_weight(("num_embeddings", rows), ("embedding_dim", self.embedding_dim))  # type: ignore[attr-defined]
        if padding_idx is None:
            return
        if type(padding_idx) not in (int, bool):
            raise construct_error(
                "SP201", f"padding_idx is {padding_idx!r}: it is a row's number", argument="padding_idx"
            )
        if not -rows <= padding_idx < rows:
            raise construct_error(
                "SP202", f"padding_idx is {padding_idx}, the table has {rows} rows", argument="padding_idx",
                hint=f"padding_idx: {rows - 1}" if rows else None, padding_idx=padding_idx, rows=rows,
            )  # fmt: skip

    def numbers_fault(
        self, padding_idx: Any, max_norm: Any, norm_type: Any, flags: tuple[str, ...]
    ) -> ShapeError | None:
        """What torch will refuse when the layer is run, whatever its input."""
        if type(padding_idx) is bool:
            return argument_error("padding_idx", padding_idx, "a whole number")
        if max_norm is not None:
            for argument, value in (("max_norm", max_norm), ("norm_type", norm_type)):
                if not is_real(value):
                    return argument_error(argument, value, "a number")
        for argument in flags:
            if type(getattr(self, argument)) is not bool:
                return argument_error(argument, getattr(self, argument), "true or false", hint=f"{argument}: false")
        return None

    def check_look_up(self, output: Shape, max_norm: Any, norm_type: Any) -> None:
        """Refuse a look-up in a table without rows, and the norm of a vector without cells where it has none."""
        if self.num_embeddings == 0:  # type: ignore[attr-defined]
            raise forward_error(
                "SP313",
                "the table has no rows: no index is within it",
                argument="num_embeddings",
                hint="num_embeddings: 1",
                nominal=output,
            )
        if max_norm is not None and output[-1] == 0 and not 0 <= norm_type < INFINITY:
            raise forward_error(
                "SP313",
                f"vectors of no cells have no norm of type {norm_type}",
                argument="norm_type",
                hint="norm_type: 2.0",
                nominal=output,
            )

    def params(self) -> int:
        """A vector a row."""
        return self.num_embeddings * self.embedding_dim  # type: ignore[attr-defined]


@dataclass(frozen=True, slots=True, kw_only=True)
class Embedding(_Table):
    """torch.nn.Embedding: (*) -> (*, embedding_dim)."""

    formula: ClassVar[str] = "(*) -> (*, embedding_dim)"

    num_embeddings: Any
    embedding_dim: Any
    padding_idx: Any = None
    max_norm: Any = None
    norm_type: Any = 2.0
    scale_grad_by_freq: Any = False
    sparse: Any = False

    def __post_init__(self) -> None:
        self.check_table(self.padding_idx)

    def shape(self, x: Shape) -> Shape:
        """A vector a cell."""
        output = (*x, int(self.embedding_dim))
        fault = self.numbers_fault(self.padding_idx, self.max_norm, self.norm_type, ("scale_grad_by_freq", "sparse"))
        if fault is not None:
            fault.nominal = output
            raise fault
        if 0 not in x:
            self.check_look_up(output, self.max_norm, self.norm_type)
        return output


@dataclass(frozen=True, slots=True, kw_only=True)
class EmbeddingBag(_Table):
    """torch.nn.EmbeddingBag: (B, L), or indices (L,) and offsets (B,) -> (B, embedding_dim)."""

    inputs: ClassVar[tuple[int, int | None]] = (1, 3)
    optional: ClassVar[frozenset[int]] = frozenset((1, 2))
    formula: ClassVar[str] = "(B, L) -> (B, embedding_dim)"

    num_embeddings: Any
    embedding_dim: Any
    max_norm: Any = None
    norm_type: Any = 2.0
    scale_grad_by_freq: Any = False
    mode: Any = "mean"
    sparse: Any = False
    include_last_offset: Any = False
    padding_idx: Any = None

    def __post_init__(self) -> None:
        self.check_table(self.padding_idx)

    def shape(self, x: Shape, offsets: Shape | None = None, per_sample_weights: Shape | None = None) -> Shape:
        """A vector a bag."""
        if len(x) not in (1, 2):
            raise forward_error(
                "SP302", f"EmbeddingBag takes (B, L), or (L,) and offsets, this is {shape_text(x)}", rank=len(x)
            )
        bags = self._bags(x, offsets)
        output = (bags, int(self.embedding_dim))
        self._check_mode(output, x, per_sample_weights)
        flags = ("scale_grad_by_freq", "sparse", "include_last_offset")
        fault = self.numbers_fault(self.padding_idx, self.max_norm, self.norm_type, flags if len(x) == 1 else flags[:2])
        if fault is not None:
            fault.nominal = output
            raise fault
        if 0 not in x and self._looks_up(x, offsets):
            self.check_look_up(output, self.max_norm, self.norm_type)
        return output

    def _looks_up(self, x: Shape, offsets: Shape | None) -> bool:
        """Whether some index must be looked up: with the last offset given, the bags may end before the first index."""
        return len(x) == 2 or self.mode == "max" or (offsets != (0,) and not self.include_last_offset)

    def _bags(self, x: Shape, offsets: Shape | None) -> Dim:
        if len(x) == 2:
            if offsets is not None:
                raise forward_error(
                    "SP308", "an input (B, L) has its bags in its rows: it takes no offsets", nominal=None
                )
            if x[1] == 0:
                raise forward_error("SP313", f"the bags of {shape_text(x)} are empty")
            return x[0]
        if offsets is None:
            raise forward_error("SP308", "indices in a row need offsets, where each bag begins", hint="an input (B, L)")
        if len(offsets) != 1:
            raise forward_error("SP302", f"offsets are of one dimension, not {shape_text(offsets)}", rank=len(offsets))
        if not self.include_last_offset:
            return offsets[0]
        if offsets[0] == 0:
            raise forward_error(
                "SP313", "with include_last_offset there is at least one offset", argument="include_last_offset"
            )
        return offsets[0] - 1

    def _check_mode(self, output: Shape, x: Shape, weights: Shape | None) -> None:
        if self.mode not in ("sum", "mean", "max"):
            raise argument_error("mode", self.mode, '"sum", "mean" or "max"', hint="mode: mean", nominal=output)
        if weights is not None and (len(weights) != len(x) or not all(map(can_equal, weights, x))):
            raise forward_error(
                "SP303",
                f"per_sample_weights {shape_text(weights)} must have the input's shape {shape_text(x)}",
                nominal=output,
            )
        if weights is not None and self.mode != "sum":
            raise forward_error(
                "SP309",
                f"per_sample_weights go with mode sum, not {self.mode}",
                argument="mode",
                hint="mode: sum",
                nominal=output,
            )
        if self.mode == "max":
            for argument in ("scale_grad_by_freq", "sparse"):
                if getattr(self, argument):
                    raise forward_error(
                        "SP309", f"mode max does not go with {argument}", argument=argument, hint=f"{argument}: false",
                        nominal=output,
                    )  # fmt: skip
        if output[0] == 0 and 0 not in x and self._needs_bags():
            raise forward_error("SP313", "indices but no bag to put them in: this ends torch's process")

    def _needs_bags(self) -> bool:
        """Whether torch puts an index into a bag unchecked; the padding index is put into none."""
        if self.mode == "max":
            return True
        padding = self.padding_idx
        return padding is not None and bool(self.include_last_offset or padding % self.num_embeddings != 0)

    def field(self, seen: Seen, inputs: tuple[Any, ...], output: Shape) -> Seen:
        """Global: a bag is read whole."""
        return None
