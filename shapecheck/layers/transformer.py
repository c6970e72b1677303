"""Transformers: an encoder layer, a decoder layer, and the whole, made of the layers that torch makes them of.

The shape is that of the source (encoder) or of the target (decoder, whole): (L, N, d_model), or (N, L, d_model) with
batch_first. Source: torch/nn/modules/transformer.py.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any, ClassVar

from shapecheck.diagnostics import Diagnostic, ShapeError, construct_error, forward_error
from shapecheck.layers.attention import MultiheadAttention
from shapecheck.layers.base import Layer, Seen, shape_text
from shapecheck.layers.dropout import Dropout
from shapecheck.layers.layer_norm import LayerNorm
from shapecheck.layers.linear import Linear
from shapecheck.sizes import Dim, Shape, can_equal

_set = object.__setattr__
FUSED_ACTIVATIONS = ("relu", "gelu")
OWN_WORDS = {  # what the parts call an argument -> what the transformer calls it
    "embed_dim": "d_model", "num_heads": "nhead", "out_features": "dim_feedforward", "in_features": "dim_feedforward",
    "normalized_shape": "d_model", "eps": "layer_norm_eps", "p": "dropout", "kdim": "d_model", "vdim": "d_model",
}  # fmt: skip


def _in_own_words(error: ShapeError) -> ShapeError:
    """The error of a part, its arguments called what the transformer calls them."""
    return ShapeError(*map(_renamed, error.diagnostics), stage=error.stage, nominal=error.nominal)


def _renamed(finding: Diagnostic) -> Diagnostic:
    own = OWN_WORDS.get(finding.argument or "")
    if own is None:
        return finding

    def told(words: str) -> str:
        return re.sub(r"[a-z_]+", lambda word: OWN_WORDS.get(word[0], word[0]), words)

    source = finding.argument in ("kdim", "vdim")  # a memory of other features: no argument takes that
    hint = None if finding.hint is None or source else told(finding.hint)
    return finding._replace(argument=own, message=told(finding.message), hint=hint)


@dataclass(frozen=True, slots=True, kw_only=True)
class _TransformerLayer(Layer):
    """Attention and a feed-forward part of two linear layers, each with a normalisation and dropout."""

    norms: ClassVar[int]
    attentions: ClassVar[int]
    aliases: ClassVar[dict[str, str]] = {"num_heads": "nhead", "heads": "nhead", "embed_dim": "d_model"}

    d_model: int
    nhead: int
    dim_feedforward: int = 2048
    dropout: float = 0.1
    activation: str = "relu"
    layer_norm_eps: float = 1e-5
    batch_first: bool = False
    norm_first: bool = False
    bias: bool = True
    attention: MultiheadAttention = field(init=False, repr=False, compare=False)
    parts: tuple[Layer, Layer, Layer, Layer] = field(init=False, repr=False, compare=False)

    def _build(self, training: bool) -> None:
        """The parts, which refuse what torch's constructor refuses."""
        try:
            self._make_parts(training)
        except ShapeError as error:
            raise _in_own_words(error) from None

    def _make_parts(self, training: bool) -> None:
        dim, bias = self.d_model, self.bias
        attention = MultiheadAttention(
            embed_dim=dim, num_heads=self.nhead, dropout=self.dropout, bias=bias, batch_first=self.batch_first,
            need_weights=False, training=training,
        )  # fmt: skip
        widen = Linear(in_features=dim, out_features=self.dim_feedforward, bias=bias)
        narrow = Linear(in_features=self.dim_feedforward, out_features=dim, bias=bias)
        norm = LayerNorm(normalized_shape=dim, eps=self.layer_norm_eps, bias=bias)
        if isinstance(self.activation, str) and self.activation not in FUSED_ACTIVATIONS:
            raise construct_error(
                "SP202", f"activation is {self.activation!r}: it must be relu or gelu", argument="activation",
                hint="activation: relu",
            )  # fmt: skip
        _set(self, "attention", attention)
        _set(self, "parts", (widen, narrow, norm, Dropout(p=self.dropout, training=training)))

    def feed_forward(self, x: Shape) -> Shape:
        """The shape behind the feed-forward part, the normalisations and dropouts: x, where they take it."""
        if not isinstance(self.activation, str):
            message = f"activation is {self.activation!r}: it must be relu or gelu"
            raise forward_error("SP309", message, argument="activation", hint="activation: relu", nominal=x)
        for part in self.parts[2:]:
            part.shape(x)
        return x

    def params(self) -> int:
        """The parameters of all parts."""
        widen, narrow, norm, _ = self.parts
        return self.attentions * self.attention.params() + widen.params() + narrow.params() + self.norms * norm.params()

    def feed_forward_macs(self, x: Shape) -> Dim:
        """The multiply-adds of the two linear layers."""
        widen, narrow, _, _ = self.parts
        return widen.macs((x,), (*x[:-1], self.dim_feedforward)) + narrow.macs((x,), x)

    def field(self, seen: Seen, inputs: tuple[Any, ...], output: Any) -> Seen:
        """Global: every position sees every other."""
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class TransformerEncoderLayer(_TransformerLayer):
    """torch.nn.TransformerEncoderLayer: (L, N, d_model), two masks at times -> (L, N, d_model)."""

    forward: ClassVar[tuple[str, ...]] = ("is_causal",)
    inputs: ClassVar[tuple[int, int | None]] = (1, 3)
    optional: ClassVar[frozenset[int]] = frozenset((1, 2))
    formula: ClassVar[str] = "(L, N, d_model) -> (L, N, d_model)"
    attentions: ClassVar[int] = 1
    norms: ClassVar[int] = 2

    is_causal: bool = False
    training: bool = True

    def __post_init__(self) -> None:
        self._build(self.training)

    def shape(self, src: Shape, src_mask: Shape | None = None, src_key_padding_mask: Shape | None = None) -> Shape:
        """The source's."""
        return self.encode(src, src_mask, src_key_padding_mask, self.is_causal)

    def encode(self, src: Shape, mask: Shape | None, padding: Shape | None, causal: Any) -> Shape:
        """The source's shape, where all parts take it."""
        try:
            return self._encode(src, mask, padding, causal)
        except ShapeError as error:
            raise _in_own_words(error) from None

    def _encode(self, src: Shape, mask: Shape | None, padding: Shape | None, causal: Any) -> Shape:
        fused = self.attention.runs_fused(src)
        if fused and isinstance(self.activation, str) and type(self.norm_first) is not bool:
            message = f"norm_first is {self.norm_first!r}: it must be true or false"
            raise forward_error("SP309", message, argument="norm_first", hint="norm_first: false", nominal=src)
        if fused:
            self.attention.check_fused_masks(src, padding, mask)
            padding, mask, causal = None, None, False
        self.attention.attend(src, src, src, padding, mask, causal)
        return self.feed_forward(src)

    def macs(self, inputs: tuple[Any, ...], output: Any) -> Dim:
        """Attention, and the two linear layers."""
        x = inputs[0]
        return self.attention.macs((x, x, x), None) + self.feed_forward_macs(x)


@dataclass(frozen=True, slots=True, kw_only=True)
class TransformerDecoderLayer(_TransformerLayer):
    """torch.nn.TransformerDecoderLayer: tgt (L, N, d_model), memory (S, N, d_model) -> (L, N, d_model)."""

    forward: ClassVar[tuple[str, ...]] = ("tgt_is_causal", "memory_is_causal")
    inputs: ClassVar[tuple[int, int | None]] = (2, 6)
    optional: ClassVar[frozenset[int]] = frozenset((2, 3, 4, 5))
    formula: ClassVar[str] = "(L, N, d_model), (S, N, d_model) -> (L, N, d_model)"
    attentions: ClassVar[int] = 2
    norms: ClassVar[int] = 3

    tgt_is_causal: bool = False
    memory_is_causal: bool = False
    training: bool = True

    def __post_init__(self) -> None:
        self._build(self.training)

    def shape(
        self, tgt: Shape, memory: Shape, tgt_mask: Shape | None = None, memory_mask: Shape | None = None,
        tgt_key_padding_mask: Shape | None = None, memory_key_padding_mask: Shape | None = None,
    ) -> Shape:  # fmt: skip
        """The target's."""
        masks = (tgt_mask, memory_mask, tgt_key_padding_mask, memory_key_padding_mask)
        return self.decode(tgt, memory, masks, self.tgt_is_causal, self.memory_is_causal)

    def decode(self, tgt: Shape, memory: Shape, masks: tuple[Any, ...], own_causal: Any, memory_causal: Any) -> Shape:
        """The target's shape, where all parts take it; masks of target and memory, then paddings of both."""
        try:
            return self._decode(tgt, memory, masks, own_causal, memory_causal)
        except ShapeError as error:
            raise _in_own_words(error) from None

    def _decode(self, tgt: Shape, memory: Shape, masks: tuple[Any, ...], own_causal: Any, memory_causal: Any) -> Shape:
        attention = self.attention
        if masks[0] is None and masks[2] is None and attention.runs_fused(tgt):
            own_causal = False
        attention.attend(tgt, tgt, tgt, masks[2], masks[0], own_causal)
        attention.attend(tgt, memory, memory, masks[3], masks[1], memory_causal)
        return self.feed_forward(tgt)

    def macs(self, inputs: tuple[Any, ...], output: Any) -> Dim:
        """Attention to the target and to the memory, and the two linear layers."""
        x, memory = inputs[:2]
        attention = self.attention
        return attention.macs((x, x, x), None) + attention.macs((x, memory, memory), None) + self.feed_forward_macs(x)


@dataclass(frozen=True, slots=True, kw_only=True)
class Transformer(Layer):
    """torch.nn.Transformer: src (S, N, d_model), tgt (T, N, d_model), masks at times -> (T, N, d_model)."""

    forward: ClassVar[tuple[str, ...]] = ("src_is_causal", "tgt_is_causal", "memory_is_causal")
    inputs: ClassVar[tuple[int, int | None]] = (2, 8)
    optional: ClassVar[frozenset[int]] = frozenset((2, 3, 4, 5, 6, 7))
    aliases: ClassVar[dict[str, str]] = _TransformerLayer.aliases
    formula: ClassVar[str] = "(S, N, d_model), (T, N, d_model) -> (T, N, d_model)"

    d_model: int = 512
    nhead: int = 8
    num_encoder_layers: int = 6
    num_decoder_layers: int = 6
    dim_feedforward: int = 2048
    dropout: float = 0.1
    activation: str = "relu"
    custom_encoder: None = None
    custom_decoder: None = None
    layer_norm_eps: float = 1e-5
    batch_first: bool = False
    norm_first: bool = False
    bias: bool = True
    src_is_causal: bool | None = None
    tgt_is_causal: bool | None = None
    memory_is_causal: bool = False
    training: bool = True
    encoder: TransformerEncoderLayer | None = field(init=False, repr=False, compare=False)
    decoder: TransformerDecoderLayer | None = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        names = (
            "d_model", "nhead", "dim_feedforward", "dropout", "activation", "layer_norm_eps", "batch_first",
            "norm_first", "bias", "training",
        )  # fmt: skip
        arguments = {name: getattr(self, name) for name in names}
        custom = self.custom_encoder, self.custom_decoder
        _set(self, "encoder", TransformerEncoderLayer(**arguments) if custom[0] is None else None)
        _set(self, "decoder", TransformerDecoderLayer(**arguments) if custom[1] is None else None)
        counts = ("num_encoder_layers", self.num_encoder_layers), ("num_decoder_layers", self.num_decoder_layers)
        for (argument, count), given in zip(counts, custom, strict=True):
            if given is None and not isinstance(count, int):
                raise construct_error("SP201", f"{argument} is {count!r}: it must be a whole number", argument=argument)

    def shape(self, src: Shape, tgt: Shape, *masks: Shape | None) -> Shape:
        """The target's."""
        self._check_inputs(src, tgt)
        encoder, decoder = self.encoder, self.decoder
        if encoder is None or decoder is None:
            raise forward_error("SP309", "custom encoders and decoders are modules, a spec has none", nominal=tgt)
        for argument in ("num_encoder_layers", "num_decoder_layers"):
            if getattr(self, argument) < 1:
                message = f"{argument} is {getattr(self, argument)}: one layer is needed at least"
                raise forward_error("SP309", message, argument=argument, hint=f"{argument}: 1", nominal=tgt)
        given = dict(enumerate(masks))
        source, target, memory, source_padding, target_padding, memory_padding = map(given.get, range(6))
        if not self.norm_first and encoder.attention.runs_fused(src):
            self._check_padding(encoder, src, source_padding)
        encoder.encode(src, source, source_padding, self.src_is_causal is True)
        paddings = (target, memory, target_padding, memory_padding)
        return decoder.decode(tgt, src, paddings, self.tgt_is_causal is True, self.memory_is_causal)

    def _check_padding(self, encoder: TransformerEncoderLayer, src: Shape, padding: Shape | None) -> None:
        """Refuse a padding mask that torch cannot leave the padding out by, as it tries before the first layer."""
        encoder.attention.check_fused_masks(src, padding, None)
        if padding is not None and src[1] == 0:
            raise forward_error("SP313", f"the source {shape_text(src)} has no step", nominal=src)

    def _check_inputs(self, src: Shape, tgt: Shape) -> None:
        """Refuse batches and features that differ, before any part is asked."""
        batch = 0 if self.batch_first else 1
        if len(src) == 3 == len(tgt) and not can_equal(src[batch], tgt[batch]):
            raise forward_error(
                "SP341", f"source {shape_text(src)} and target {shape_text(tgt)} are of different batches", nominal=tgt
            )
        for name, x in (("source", src), ("target", tgt)):
            if len(x) > 1 and not can_equal(x[-1], self.d_model):
                raise forward_error(
                    "SP303", f"d_model is {self.d_model}, the {name} has {x[-1]} features", argument="d_model",
                    nominal=tgt, given=self.d_model, found=x[-1],
                )  # fmt: skip

    def params(self) -> int:
        """The layers' parameters, and a normalisation behind each stack."""
        encoder, decoder = self.encoder, self.decoder
        if encoder is None or decoder is None:
            return 0
        layers = int(self.num_encoder_layers) * encoder.params() + int(self.num_decoder_layers) * decoder.params()
        return layers + encoder.parts[2].params() + decoder.parts[2].params()

    def macs(self, inputs: tuple[Any, ...], output: Any) -> Dim:
        """Every layer's."""
        src, tgt = inputs[:2]
        encoder, decoder = self.encoder, self.decoder
        if encoder is None or decoder is None:
            return 0
        return int(self.num_encoder_layers) * encoder.macs((src,), src) + int(self.num_decoder_layers) * decoder.macs(
            (tgt, src), tgt
        )

    def field(self, seen: Seen, inputs: tuple[Any, ...], output: Any) -> Seen:
        """Global: every position sees every other."""
        return None
