"""Attention: each of L queries looks at S keys and takes the mean of their values, weighted by what it saw.

(L, N, E), (S, N, kdim), (S, N, vdim) -> (L, N, E) and the weights (N, L, S); batch_first puts N in front of L and S.
Source: torch/nn/modules/activation.py (`MultiheadAttention`), torch/nn/functional.py (`multi_head_attention_forward`).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

from shapecheck.diagnostics import ShapeError, construct_error, forward_error, only_words
from shapecheck.layers.arguments import check_weight, nearest_divisor
from shapecheck.layers.base import Layer, Seen, product, shape_text
from shapecheck.sizes import Dim, Shape, can_equal

_set = object.__setattr__


@dataclass(frozen=True, slots=True, kw_only=True)
class MultiheadAttention(Layer):
    """torch.nn.MultiheadAttention: query, key, value and two masks at times -> output, weights (None at times)."""

    forward: ClassVar[tuple[str, ...]] = ("need_weights", "average_attn_weights", "is_causal")
    inputs: ClassVar[tuple[int, int | None]] = (3, 5)
    optional: ClassVar[frozenset[int]] = frozenset((3, 4))
    input_names: ClassVar[tuple[str, ...]] = ("query", "key", "value", "key_padding_mask", "attn_mask")
    aliases: ClassVar[dict[str, str]] = {"heads": "num_heads", "nhead": "num_heads", "dim": "embed_dim"}
    formula: ClassVar[str] = "(L, N, E), (S, N, kdim), (S, N, vdim) -> (L, N, E), (N, L, S)"

    embed_dim: int
    num_heads: int
    dropout: float = 0.0
    bias: bool = True
    add_bias_kv: bool = False
    add_zero_attn: bool = False
    kdim: int | None = None
    vdim: int | None = None
    batch_first: bool = False
    need_weights: bool = True
    average_attn_weights: bool = True
    is_causal: bool = False
    training: bool = True
    keys: Any = field(init=False, repr=False, compare=False)  # the features of a key
    values: Any = field(init=False, repr=False, compare=False)
    sound: bool = field(init=False, repr=False, compare=False)  # forward refuses none of the arguments

    def __post_init__(self) -> None:
        _check_heads(self.embed_dim, self.num_heads)
        embed, keys, values = self.embed_dim, self.kdim, self.vdim
        keys, values = embed if keys is None else keys, embed if values is None else values
        same = keys == embed and values == embed
        check_weight(("embed_dim", embed), ("embed_dim", embed))
        if same:
            check_weight(("3 embed_dim", 3 * embed))
        else:
            check_weight(("embed_dim", embed), ("kdim", keys))
            check_weight(("embed_dim", embed), ("vdim", values))
        _set(self, "keys", embed if same else int(keys))
        _set(self, "values", embed if same else int(values))
        _set(self, "sound", isinstance(self.num_heads, int) and self._dropout_fault() is None)

    def shape(
        self, query: Shape, key: Shape, value: Shape, key_padding_mask: Shape | None = None,
        attn_mask: Shape | None = None,
    ) -> Any:  # fmt: skip
        """(output, weights): the query's shape, and a weight for each query and key."""
        return self.attend(query, key, value, key_padding_mask, attn_mask, self.is_causal)

    def attend(
        self, query: Shape, key: Shape, value: Shape, padding: Shape | None, mask: Shape | None, causal: Any
    ) -> tuple[Shape, Shape | None]:
        """(output, weights), the hint that attn_mask is causal being given here."""
        rank = len(query)
        if rank not in (2, 3) or len(key) != rank or len(value) != rank:
            raise self._wrong_rank(query, key, value)
        if query[-1] != self.embed_dim or key[-1] != self.keys or value[-1] != self.values:
            self._check_features(query, key, value)
        if key[:-1] != value[:-1] and not all(map(can_equal, key[:-1], value[:-1])):
            raise _mismatch("key", key, "value", value, query)
        batch = 0 if self.batch_first else 1
        if rank == 3 and query[batch] != key[batch]:
            self._check_batch(query, key, batch)
        if not self.sound:
            self._refuse(query)
        lead = () if rank == 2 else (query[batch],)
        targets, sources = (query[0], key[0]) if rank == 2 or batch else (query[1], key[1])
        if causal is not False or padding is not None or mask is not None:
            self._check_masks(lead, targets, sources, padding, mask, causal)
        if not self.need_weights:
            return query, None
        heads = () if self.average_attn_weights else (int(self.num_heads),)
        return query, (*lead, *heads, targets, sources + self.extra)

    @property
    def extra(self) -> int:
        """The keys that are added to those given: a learnt one, one of zeros."""
        return bool(self.add_bias_kv) + bool(self.add_zero_attn)

    def runs_fused(self, x: Shape) -> bool:
        """Whether torch runs self-attention on x by its fused function, which looks at fewer arguments."""
        even = self.num_heads % 2 == 0 and not self.extra
        return bool(len(x) == 3 and not self.training and self.batch_first and self.bias and even)

    def check_fused_masks(self, x: Shape, padding: Shape | None, mask: Shape | None) -> None:
        """Refuse masks for an x (N, L, E) that torch's fused function does not take: of two it looks at counts only."""
        batch, length = x[0], x[1]
        both = padding is not None and mask is not None
        counted = both and product(padding or ()) == batch * length
        if padding is not None and not counted and batch != 0 and not _fits(padding, (batch, length)):
            raise _wrong_mask("key_padding_mask", padding, shape_text((batch, length)))
        if mask is None:
            return
        cells, full = length * length, (batch * int(self.num_heads), length, length)
        counts = (cells,) if len(mask) != 3 else (batch * cells, product(full)) if both else (product(full),)
        if product(mask) not in counts or (len(mask) == 3 and 0 in full):
            raise _wrong_mask("attn_mask", mask, f"{shape_text(full[1:])} or {shape_text(full)}")

    def _check_features(self, query: Shape, key: Shape, value: Shape) -> None:
        expected = (
            ("embed_dim", self.embed_dim, "query", query[-1]),
            ("kdim", self.keys, "key", key[-1]),
            ("vdim", self.values, "value", value[-1]),
        )
        for argument, given, name, found in expected:
            if not can_equal(given, found):
                fits = argument != "embed_dim" or (isinstance(found, int) and found > 0 and found % self.num_heads == 0)
                raise forward_error(
                    "SP303", f"{argument} is {given}, the {name} has {found} features", argument=argument,
                    hint=f"{argument}: {found}" if fits else None, nominal=((*query[:-1], self.embed_dim), None),
                    given=given, found=found,
                )  # fmt: skip

    def _wrong_rank(self, query: Shape, key: Shape, value: Shape) -> ShapeError:
        shapes = ", ".join(map(shape_text, (query, key, value)))
        return forward_error(
            "SP302", f"query, key and value are all of 3 dimensions or all of 2 (one sample), these are {shapes}",
            query=query, key=key, value=value,
        )  # fmt: skip

    def _check_batch(self, query: Shape, key: Shape, batch: int) -> None:
        """Refuse a key of another batch; torch does not notice where there are no keys at all."""
        if not can_equal(query[batch], key[batch]) and (key[1 - batch] != 0 or self.add_bias_kv):
            raise _mismatch("query", query, "key", key, query)

    def _refuse(self, query: Shape) -> None:
        if not isinstance(self.num_heads, int):
            message = f"num_heads is {self.num_heads!r}: it must be a whole number"
            raise forward_error("SP309", message, argument="num_heads", hint=f"num_heads: {int(self.num_heads)}")
        message = f"dropout is {self._dropout_fault()}: it must be from 0 to 1"
        raise forward_error("SP309", message, argument="dropout", hint="dropout: 0.5", nominal=(query, None))

    def _dropout_fault(self) -> str | None:
        """The dropout in words, where torch refuses it when it trains; without weights it looks closer."""
        p = self.dropout
        if not self.training or (isinstance(p, (int, float)) and (0 <= p <= 1 or (self.need_weights and not p > 1))):
            return None
        return repr(p)

    def _check_masks(
        self, lead: Shape, targets: Dim, sources: Dim, padding: Shape | None, mask: Shape | None, causal: Any
    ) -> None:
        if causal and mask is None:
            raise forward_error(
                "SP205", "is_causal is a hint about attn_mask, and there is none", argument="is_causal",
                hint="is_causal: false",
            )  # fmt: skip
        if padding is not None and not _fits(padding, (*lead, sources)):
            raise _wrong_mask("key_padding_mask", padding, shape_text((*lead, sources)))
        batch = lead[0] if lead else 1
        full = (batch * int(self.num_heads), targets, sources)
        unseen = causal and padding is None and not self.need_weights  # then torch makes a mask of its own
        unseen = unseen and mask is not None and (len(mask) == 2 or (len(mask) == 3 and bool(lead)))
        if mask is not None and not unseen and not _fits(mask, full) and not _fits(mask, full[1:]):
            raise _wrong_mask("attn_mask", mask, f"{shape_text(full[1:])} or {shape_text(full)}")
        if not self.need_weights:
            self._check_merged(full, padding, mask, causal)

    def _check_merged(self, full: Shape, padding: Shape | None, mask: Shape | None, causal: Any) -> None:
        """Refuse what the function without weights does not take: a hint that is no bool, masks of an empty batch."""
        if padding is None and type(causal) is not bool:
            message = f"is_causal is {causal!r}: it must be true or false"
            raise forward_error("SP309", message, argument="is_causal", hint="is_causal: false")
        merged = padding is not None or (mask is not None and len(mask) == 3 and not causal)
        if merged and full[0] != 1 and 0 in (full[0], full[2] + self.extra):
            raise forward_error("SP313", "without weights torch wants no mask of an empty batch or without keys")

    def params(self) -> int:
        """Three projections in, one out, their biases, and a key and a value that are learnt."""
        embed = self.embed_dim
        weights = embed * (2 * embed + self.keys + self.values)
        return weights + (4 * embed if self.bias else 0) + (2 * embed if self.add_bias_kv else 0)

    def macs(self, inputs: tuple[Any, ...], output: Any) -> Dim:
        """The projections of all queries, keys and values, and twice a product a query, key and feature."""
        query, key, embed = inputs[0], inputs[1], self.embed_dim
        projected = product(query[:-1], 2 * embed * embed) + product(key[:-1], embed * (self.keys + self.values))
        batch = query[0 if self.batch_first else 1] if len(query) == 3 else 1
        targets, sources = (query[1], key[1]) if len(query) == 3 and self.batch_first else (query[0], key[0])
        return projected + 2 * embed * targets * (sources + self.extra) * batch

    def field(self, seen: Seen, inputs: tuple[Any, ...], output: Any) -> Seen:
        """Global: every query sees every key."""
        return None


def _check_heads(embed: Any, heads: Any) -> None:
    """Refuse sizes that are not positive, and heads that do not divide the features."""
    for argument, value in (("embed_dim", embed), ("num_heads", heads)):
        if not isinstance(value, (int, float)):
            message = f"{argument} is {value!r}: it must be a whole number"
            raise construct_error("SP201", message, argument=argument)
        if not value > 0:
            raise construct_error(
                "SP202", f"{argument} is {value}: it must be 1 or more", argument=argument, hint=f"{argument}: 1"
            )
    if embed // heads * heads != embed:
        fits = nearest_divisor(heads, embed) if isinstance(heads, int) and isinstance(embed, int) else 1
        raise construct_error(
            "SP203", f"num_heads (= {heads}) must divide embed_dim (= {embed})", argument="num_heads",
            hint=f"num_heads: {fits}" if isinstance(embed, int) else None, num_heads=heads, embed_dim=embed,
        )  # fmt: skip


def _fits(found: Shape, expected: Shape) -> bool:
    return len(found) == len(expected) and all(map(can_equal, found, expected))


@only_words
def _wrong_mask(name: str, found: Shape | None, expected: str) -> ShapeError:
    return forward_error("SP342", f"{name} is {shape_text(found)}, it must be {expected}", mask=found)


@only_words
def _mismatch(one: str, first: Shape, two: str, second: Shape, query: Shape) -> ShapeError:
    words = f"the {one} {shape_text(first)} and the {two} {shape_text(second)} do not belong together"
    words += ": keys are as many as values, and all are of one batch"
    return forward_error("SP341", words, nominal=(query, None))
