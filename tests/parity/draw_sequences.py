"""Draws for recurrent layers, attention and transformers: inputs, hidden states, memories whose sizes mostly agree."""

from __future__ import annotations

from typing import Any

from tests.parity.draw import Case, Draw


def recurrent(draw: Draw, kind: str) -> Case:
    """An RNN, LSTM or GRU, with a hidden state at times."""
    size, hidden = draw.whole(1, 4), draw.whole(1, 5)
    args: dict[str, Any] = draw.maybe(
        {"input_size": size, "hidden_size": hidden}, 0.3,
        num_layers=lambda: draw.whole(1, 3), bias=draw.flag, batch_first=draw.flag, bidirectional=draw.flag,
        dropout=lambda: draw.one(0, 0.0, 0.5, 1, 1.5, -0.5),
    )  # fmt: skip
    if kind == "RNN":
        args = draw.maybe(args, nonlinearity=lambda: draw.one("tanh", "relu"))
    elif draw.chance(0.3 if kind == "LSTM" else 0.03):
        args["proj_size"] = draw.whole(0, hidden)
    length, batch = draw.whole(1, 4), draw.whole(1, 3)
    batched = draw.chance(0.75)
    first = args.get("batch_first", False)
    shape = ((batch, length, size) if first else (length, batch, size)) if batched else (length, size)
    shapes: tuple[Any, ...] = (shape,)
    if draw.chance(0.35):
        states = args.get("num_layers", 1) * (2 if args.get("bidirectional") else 1)
        lead = (states, batch) if batched else (states,)
        state: Any = (*lead, args.get("proj_size") or hidden)
        shapes = (shape, (state, (*lead, hidden)) if kind == "LSTM" else state)
    return draw.case(kind, args, *shapes, inputs=False)


def cell(draw: Draw, kind: str) -> Case:
    """One step of a recurrent layer."""
    size, hidden = draw.whole(1, 4), draw.whole(1, 5)
    args = draw.maybe({"input_size": size, "hidden_size": hidden}, 0.3, bias=draw.flag)
    if kind == "RNNCell":
        args = draw.maybe(args, nonlinearity=lambda: draw.one("tanh", "relu"))
    lead = (draw.whole(1, 3),) if draw.chance(0.7) else ()
    shapes: tuple[Any, ...] = ((*lead, size),)
    if draw.chance(0.5):
        state = (*lead, hidden)
        shapes = (*shapes, (state, state) if kind == "LSTMCell" else state)
    return draw.case(kind, args, *shapes, inputs=False)


def _length_first(length: int, batch: int | None, size: int, batch_first: bool) -> tuple[int, ...]:
    if batch is None:
        return (length, size)
    return (batch, length, size) if batch_first else (length, batch, size)


def attention(draw: Draw, kind: str) -> Case:
    """Multi-head attention: query, key and value, with a padding mask at times."""
    heads = draw.one(1, 2, 3)
    embed = heads * draw.whole(1, 3)
    args: dict[str, Any] = draw.maybe(
        {"embed_dim": embed, "num_heads": heads}, 0.25,
        dropout=lambda: draw.one(0, 0.5, 1), bias=draw.flag, add_bias_kv=draw.flag, add_zero_attn=draw.flag,
        kdim=lambda: draw.one(None, embed, 2, 5), vdim=lambda: draw.one(None, embed, 3), batch_first=draw.flag,
        need_weights=draw.flag, average_attn_weights=draw.flag,
    )  # fmt: skip
    batch = draw.whole(1, 3) if draw.chance(0.75) else None
    first = bool(args.get("batch_first"))
    target, source = draw.whole(1, 4), draw.whole(1, 4)
    query = _length_first(target, batch, embed, first)
    key = _length_first(source, batch, args.get("kdim") or embed, first)
    value = _length_first(source, batch, args.get("vdim") or embed, first)
    shapes: tuple[Any, ...] = (query, key, value)
    padding = (source,) if batch is None else (batch, source)
    if draw.chance(0.1):
        everywhere = (target, source)
        each_head = (heads * (batch or 1), target, source)
        shapes = (*shapes, draw.one(padding, None, None), draw.one(everywhere, everywhere, each_head))
        args = draw.maybe(args, is_causal=draw.flag)
    elif draw.chance(0.15):
        shapes = (*shapes, padding)
    return draw.case(kind, args, *shapes, inputs=len(shapes) == 3 and draw.chance(0.2), trains=True)


def transformer(draw: Draw, kind: str) -> Case:
    """A transformer's layer, or a whole one."""
    heads = draw.one(1, 2, 3)
    model = heads * draw.whole(1, 3)
    args: dict[str, Any] = draw.maybe(
        {"d_model": model, "nhead": heads, "dim_feedforward": draw.whole(1, 5)}, 0.25,
        dropout=lambda: draw.one(0, 0.5, 1, 1.5), activation=lambda: draw.one("relu", "gelu"), bias=draw.flag,
        batch_first=draw.flag, norm_first=draw.flag, layer_norm_eps=draw.number,
    )  # fmt: skip
    if kind == "Transformer":
        args |= {"num_encoder_layers": draw.whole(1, 2), "num_decoder_layers": draw.whole(1, 2)}
    batch = draw.whole(1, 3) if draw.chance(0.75) else None
    first = bool(args.get("batch_first"))
    lengths = [draw.whole(1, 4) for _ in range(1 if kind == "TransformerEncoderLayer" else 2)]
    shapes: tuple[Any, ...] = tuple(_length_first(length, batch, model, first) for length in lengths)
    if draw.chance(0.25):
        squares = [(length, length) for length in lengths]
        across = [(lengths[-2], lengths[-1])] if kind == "TransformerDecoderLayer" else []
        masks = [*(squares[:1] if across else squares), *across]
        shapes = (*shapes, *(draw.one(mask, mask, None) for mask in masks))
    return draw.case(kind, args, *shapes, inputs=False, trains=True)
