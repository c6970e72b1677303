"""Attention without weights of its own: softmax(q k^T / sqrt(E)) v, the heads being a dimension in front.

Source: torch.nn.functional.scaled_dot_product_attention (aten/src/ATen/native/transformers/attention.cpp).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from shapecheck.diagnostics import forward_error
from shapecheck.layers.base import Layer, Seen, product, shape_text
from shapecheck.layers.merge import broadcast
from shapecheck.sizes import Dim, Shape, can_equal


def broadcast_to(mask: Shape, scores: Shape) -> None:
    """Refuse a mask that is not repeated to the shape of the scores."""
    tail = scores[len(scores) - len(mask) :]
    if len(mask) > len(scores) or not all(
        size == 1 or can_equal(size, wanted) for size, wanted in zip(mask, tail, strict=True)
    ):
        words = f"the mask is {shape_text(mask)}, the scores are {shape_text(scores)}"
        raise forward_error("SP342", words, hint="left out, nothing is masked", mask=mask, scores=scores)


@dataclass(frozen=True, slots=True, kw_only=True)
class DotAttention(Layer):
    """F.scaled_dot_product_attention: query (*, L, E), key (*, S, E), value (*, S, V), a mask at times -> (*, L, V)."""

    inputs: ClassVar[tuple[int, int | None]] = (3, 4)
    optional: ClassVar[frozenset[int]] = frozenset((3,))
    formula: ClassVar[str] = "(*, L, E), (*, S, E), (*, S, V) -> (*, L, V)"

    is_causal: bool = False
    enable_gqa: bool = False

    def shape(self, query: Shape, key: Shape, value: Shape, mask: Shape | None = None) -> Shape:
        """The query's shape, with the value's features."""
        if min(len(query), len(key), len(value)) < 2:
            raise forward_error("SP302", f"query, key and value need 2 dimensions at least: {shape_text(query)}")
        if not can_equal(query[-1], key[-1]):
            raise forward_error(
                "SP303", f"the query has {query[-1]} features, the key {key[-1]}", hint="one size for both",
                query=query, key=key,
            )  # fmt: skip
        if not can_equal(key[-2], value[-2]):
            raise forward_error("SP341", f"there are {key[-2]} keys and {value[-2]} values", key=key, value=value)
        if mask is not None:
            broadcast_to(mask, (*broadcast(query[:-2], key[:-2]), query[-2], key[-2]))
        if self.enable_gqa:
            return (*query[:-1], value[-1])
        batch = broadcast(query[:-2], key[:-2], value[:-2])
        return (*batch, query[-2], value[-1])

    def macs(self, inputs: tuple[Shape, ...], output: Shape) -> Dim:
        """A product for each query, key and feature, and again for each feature of the values."""
        query, key, value = inputs[:3]
        return product(output[:-2], query[-2] * key[-2]) * (query[-1] + value[-1])

    def field(self, seen: Seen, inputs: tuple[Shape, ...], output: Shape) -> Seen:
        """Global: every query looks at every key."""
        return None
