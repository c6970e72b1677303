"""Question: what do recurrent layers and attention give back, and what does a sequence cost?

Main results: `test_a_layer_is_its_cell_step_by_step`, `test_the_outputs_of_every_recurrent_layer`,
`test_attention_is_its_definition`, `test_attention_counted`, `test_attention_is_quadratic_in_the_length`,
`test_the_transformer_everyone_starts_from`.
Notation: L steps, N sequences, H hidden size, E features, S keys; a MAC is one multiply-add.
"""

from __future__ import annotations

import warnings
from itertools import pairwise, product
from math import exp, sqrt
from typing import Any

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from shapecheck.layers import LAYERS
from shapecheck.sizes import evaluate
from tests.referee import ours

GATES = {"RNN": 1, "GRU": 3, "LSTM": 4}


def shapes(output):
    """The shapes of tensors, nested as torch nests them."""
    if output is None:
        return None
    return tuple(output.shape) if isinstance(output, torch.Tensor) else tuple(map(shapes, output))


def built(kind, **arguments):
    """The module; torch's advice about dropout and nested tensors is not our matter."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return getattr(torch.nn, kind)(**arguments)


def record(kind, **arguments):
    """Our layer of that kind."""
    layer: Any = LAYERS[kind]
    return layer(**arguments)


def run(module, *inputs):
    """The module's output, without torch's advice on how to be faster."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return module(*inputs)


def counted(module, *inputs):
    """The multiply-adds that torch's own counter sees: it counts a multiply-add as two."""
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        run(module, *inputs)
    return counter.get_total_flops() // 2


# Recurrent layers ----------------------------------------------------------------------------------------------------


def test_by_hand():
    """An LSTM of 8 cells on 5 steps of 3 features: 5 outputs of 8, and the last (h, c) of each of its layers."""
    output, (h, c) = ours("LSTM", (5, 2, 3), input_size=3, hidden_size=8, num_layers=2)
    assert output == (5, 2, 8)
    assert h == c == (2, 2, 8)


@pytest.mark.parametrize("kind", GATES)
def test_a_layer_is_its_cell_step_by_step(kind):
    """Running the cell over the steps gives the layer's outputs: same shapes, same numbers, L times the MACs."""
    layer, cell = built(kind, input_size=3, hidden_size=4), built(f"{kind}Cell", input_size=3, hidden_size=4)
    for weight in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"):
        getattr(cell, weight).data = getattr(layer, f"{weight}_l0").data
    x = torch.randn(6, 2, 3)
    state, outputs = None, []
    for step in x:
        state = cell(step, state)
        outputs.append(state[0] if kind == "LSTM" else state)
    assert torch.allclose(torch.stack(outputs), layer(x)[0], atol=1e-6)

    assert ours(kind, (6, 2, 3), input_size=3, hidden_size=4)[0] == tuple(torch.stack(outputs).shape)
    whole, one = record(kind, input_size=3, hidden_size=4), record(f"{kind}Cell", input_size=3, hidden_size=4)
    assert whole.macs(((6, 2, 3),), None) == 6 * one.macs(((2, 3),), None)
    assert whole.params() == one.params()


@pytest.mark.parametrize("kind", GATES)
def test_the_outputs_of_every_recurrent_layer(kind):
    """For all depths, directions, projections and layouts the outputs are torch's, batched or not."""
    for layers, both, first, projection in product((1, 3), (False, True), (False, True), (0, 2)):
        arguments: dict[str, Any] = {
            "input_size": 3, "hidden_size": 4, "num_layers": layers, "bidirectional": both, "batch_first": first,
        }  # fmt: skip
        if kind == "LSTM":
            arguments["proj_size"] = projection
        module = built(kind, **arguments)
        for shape in ((5, 2, 3), (5, 3), (1, 1, 3)):
            assert ours(kind, shape, **arguments) == shapes(run(module, torch.zeros(shape))), (arguments, shape)
        assert record(kind, **arguments).params() == sum(weight.numel() for weight in module.parameters())


def test_the_last_output_is_the_last_state():
    """One direction: the output at the last step is the top layer's h, so a classifier may read either."""
    x = torch.randn(5, 2, 3)
    output, (h, _) = built("LSTM", input_size=3, hidden_size=4, num_layers=2)(x)
    assert torch.equal(output[-1], h[-1])
    expected, (state, _) = ours("LSTM", (5, 2, 3), input_size=3, hidden_size=4, num_layers=2)
    assert expected[1:] == state[1:]


def test_the_gates_are_the_price():
    """A GRU costs 3 and an LSTM 4 times what a plain RNN does, in parameters and in MACs."""
    price = {kind: record(kind, input_size=5, hidden_size=7, num_layers=2) for kind in GATES}
    for kind, gates in GATES.items():
        assert price[kind].params() == gates * price["RNN"].params()
        assert price[kind].macs(((9, 2, 5),), None) == gates * price["RNN"].macs(((9, 2, 5),), None)


@pytest.mark.parametrize("kind", ["RNN", "GRU", "RNNCell", "GRUCell", "LSTMCell"])
def test_recurrence_counted_by_torch(kind):
    """torch's counter sees every matrix product of a step, and finds as many multiply-adds."""
    shape = (2, 5) if kind.endswith("Cell") else (3, 2, 5)
    layer = record(kind, input_size=5, hidden_size=7)
    assert counted(built(kind, input_size=5, hidden_size=7), torch.zeros(shape)) == layer.macs((shape,), None)


@pytest.mark.parametrize("both", [False, True])
def test_a_projection_counted_by_torch(both):
    """With a projection the counter sees inside the LSTM too: hidden_size x proj_size more a step, fewer to return."""
    arguments: dict[str, Any] = {
        "input_size": 5, "hidden_size": 7, "num_layers": 2, "bidirectional": both, "proj_size": 3,
    }  # fmt: skip
    macs = record("LSTM", **arguments).macs(((3, 2, 5),), None)
    assert counted(built("LSTM", **arguments), torch.zeros(3, 2, 5)) == macs


def test_a_state_must_fit():
    """A hidden state has a row a layer and direction and one column a sequence; another is refused, as in torch."""
    module = built("GRU", input_size=3, hidden_size=4, num_layers=2)
    for rows, columns, size in product((1, 2), (1, 2), (3, 4)):
        state = (rows, columns, size)
        fits = state == (2, 2, 4)
        assert (ours("GRU", (5, 2, 3), state, input_size=3, hidden_size=4, num_layers=2) != "forward") == fits
        if not fits:
            with pytest.raises(RuntimeError):
                module(torch.zeros(5, 2, 3), torch.zeros(state))


def test_a_sequence_of_open_length():
    """Length and batch may stay open: the outputs are formulas, right for all numbers put in."""
    output, (h, c) = ours("LSTM", ("L", "N", 3), input_size=3, hidden_size=4, bidirectional=True)
    for length, batch in product((1, 2, 7), (1, 3)):
        sizes = {"L": length, "N": batch}
        closed = [tuple(evaluate(dim, sizes) for dim in shape) for shape in (output, h, c)]
        expected, (state, cells) = ours("LSTM", (length, batch, 3), input_size=3, hidden_size=4, bidirectional=True)
        assert closed == [expected, state, cells]


# Attention -----------------------------------------------------------------------------------------------------------


def attention(queries, keys, values):
    """For each query the mean of the values, weighted by exp(query . key / sqrt(E)); the weights; the products made."""
    count = 0
    outputs, weights = [], []
    for query in queries:
        scores = []
        for key in keys:
            scores.append(exp(sum(q * k for q, k in zip(query, key, strict=True)) / sqrt(len(query))))
            count += len(query)
        row = [score / sum(scores) for score in scores]
        outputs.append([sum(w * value[i] for w, value in zip(row, values, strict=True)) for i in range(len(values[0]))])
        count += len(values) * len(values[0])
        weights.append(row)
    return outputs, weights, count


def test_attention_is_its_definition():
    """torch's attention with the identity for all projections is the definition, and the shapes are ours."""
    module = built("MultiheadAttention", embed_dim=4, num_heads=1, bias=False)
    module.in_proj_weight.data = torch.eye(4).repeat(3, 1)
    module.out_proj.weight.data = torch.eye(4)
    queries, keys, values = torch.randn(3, 4), torch.randn(5, 4), torch.randn(5, 4)
    output, weights = module(queries, keys, values)
    expected, shares, _ = attention(queries.tolist(), keys.tolist(), values.tolist())
    assert torch.allclose(output, torch.tensor(expected), atol=1e-5)
    assert torch.allclose(weights, torch.tensor(shares), atol=1e-5)
    assert ours("MultiheadAttention", (3, 4), (5, 4), (5, 4), embed_dim=4, num_heads=1) == ((3, 4), (3, 5))


def test_attention_counted():
    """Two products a query, key and feature, beside the projections: by counting the definition, and by torch."""
    for targets, sources, heads in product((1, 3), (1, 5), (1, 2)):
        inputs = ((targets, 8), (sources, 8), (sources, 8))
        ones = [[[1.0] * 8 for _ in range(length)] for length, _ in inputs]
        *_, core = attention(*ones)
        projections = sum(length * 8 * 8 for length, _ in (*inputs, inputs[0]))
        layer = record("MultiheadAttention", embed_dim=8, num_heads=heads)
        assert layer.macs(inputs, None) == core + projections
        module = built("MultiheadAttention", embed_dim=8, num_heads=heads)
        assert counted(module, *map(torch.zeros, inputs)) == core + projections


def test_heads_cost_nothing():
    """However many heads share the features, parameters and MACs are the same; only the weights are more."""
    inputs = ((3, 2, 12), (5, 2, 12), (5, 2, 12))
    layers = [record("MultiheadAttention", embed_dim=12, num_heads=heads) for heads in (1, 2, 3, 12)]
    assert len({layer.params() for layer in layers}) == 1
    assert len({layer.macs(inputs, None) for layer in layers}) == 1
    apart = ours("MultiheadAttention", *inputs, embed_dim=12, num_heads=3, average_attn_weights=False)
    assert apart == ((3, 2, 12), (2, 3, 3, 5))


def test_attention_is_quadratic_in_the_length():
    """The MACs of self-attention are a polynomial of degree 2 in L with leading term 2 E L^2; a GRU's are linear."""

    def differences(values):
        return [b - a for a, b in pairwise(values)]

    layer, lengths = record("MultiheadAttention", embed_dim=8, num_heads=2), range(1, 8)
    macs = [layer.macs(((length, 8),) * 3, None) for length in lengths]
    assert set(differences(differences(macs))) == {2 * 2 * 8}
    recurrent = [record("GRU", input_size=8, hidden_size=8).macs(((length, 8),), None) for length in lengths]
    assert set(differences(differences(recurrent))) == {0}


def test_keys_and_values_of_their_own_features():
    """Keys and values may have other features than queries; the lengths of both must agree, and all batches."""
    arguments: dict[str, Any] = {"embed_dim": 8, "num_heads": 2, "kdim": 5, "vdim": 6, "batch_first": True}
    module = built("MultiheadAttention", **arguments)
    inputs = ((2, 3, 8), (2, 4, 5), (2, 4, 6))
    assert ours("MultiheadAttention", *inputs, **arguments) == shapes(module(*map(torch.zeros, inputs)))
    for place, wrong in ((0, (3, 3, 8)), (1, (2, 5, 5)), (2, (2, 4, 5)), (2, (1, 4, 6))):
        others = [*inputs[:place], wrong, *inputs[place + 1 :]]
        assert ours("MultiheadAttention", *others, **arguments) == "forward", others
        with pytest.raises((RuntimeError, AssertionError)):
            module(*map(torch.zeros, others))


@pytest.mark.parametrize("extra", [{}, {"add_bias_kv": True}, {"add_zero_attn": True}])
def test_added_keys_are_looked_at_too(extra):
    """A learnt key or one of zeros makes the weights a column longer, and its MACs count."""
    inputs = ((3, 2, 8), (5, 2, 8), (5, 2, 8))
    module = built("MultiheadAttention", embed_dim=8, num_heads=2, **extra)
    layer = record("MultiheadAttention", embed_dim=8, num_heads=2, **extra)
    assert layer.shape(*inputs) == shapes(module(*map(torch.zeros, inputs)))
    assert layer.macs(inputs, None) == counted(module, *map(torch.zeros, inputs))
    assert layer.params() == sum(weight.numel() for weight in module.parameters())


# Transformers --------------------------------------------------------------------------------------------------------


def test_a_transformer_keeps_the_shape_of_its_target():
    """An encoder layer gives its source's shape, a decoder layer its target's, whatever the memory's length."""
    small: dict[str, Any] = {"d_model": 8, "nhead": 2, "dim_feedforward": 16}
    for length, memory in product((1, 4), (1, 6)):
        assert ours("TransformerEncoderLayer", (length, 2, 8), **small) == (length, 2, 8)
        assert ours("TransformerDecoderLayer", (length, 2, 8), (memory, 2, 8), **small) == (length, 2, 8)
        assert ours("Transformer", (memory, 2, 8), (length, 2, 8), **small) == (length, 2, 8)


def test_transformers_counted():
    """In training, where torch's counter sees every product, it finds our MACs in each of the three."""
    small: dict[str, Any] = {"d_model": 8, "nhead": 2, "dim_feedforward": 16}
    stacks = {"num_encoder_layers": 2, "num_decoder_layers": 3}
    cases = [
        ("TransformerEncoderLayer", small, ((3, 2, 8),)),
        ("TransformerDecoderLayer", small, ((3, 2, 8), (5, 2, 8))),
        ("Transformer", {**small, **stacks}, ((5, 2, 8), (3, 2, 8))),
    ]
    for kind, arguments, inputs in cases:
        module, layer = built(kind, **arguments), record(kind, **arguments)
        assert counted(module, *map(torch.zeros, inputs)) == layer.macs(inputs, layer.shape(*inputs)), kind
        assert layer.params() == sum(weight.numel() for weight in module.parameters()), kind


def test_the_transformer_everyone_starts_from():
    """torch's default, the base model of "Attention is all you need", has 44,140,544 parameters before embeddings."""
    assert record("Transformer").params() == 44_140_544


def test_the_encoder_of_bert():
    """Twelve encoder layers of 768 features hold 85,054,464 of BERT-base's 110 million parameters, and of ViT-B's."""
    layer = record("TransformerEncoderLayer", d_model=768, nhead=12, dim_feedforward=3072, activation="gelu")
    assert 12 * layer.params() == 85_054_464
