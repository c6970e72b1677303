"""Every public class of torch.nn accounted for, and the shape operations beside them.

`DRAWERS` says how cases are drawn for a type; `REASONS` says why a class of torch.nn has none.
"""

from __future__ import annotations

from collections.abc import Callable

from tests.parity import draw_maps as maps
from tests.parity import draw_sequences as sequences
from tests.parity import draw_shapes as shapes
from tests.parity import draw_windows as windows
from tests.parity.draw import Case, Draw

Drawer = Callable[[Draw, str], Case]


def _dims(*names: str, axes: tuple[int, ...] = (1, 2, 3)) -> list[str]:
    return [f"{name}{n}d" for name in names for n in axes]


POINTWISE = [
    "CELU", "ELU", "GELU", "Hardshrink", "Hardsigmoid", "Hardswish", "Hardtanh", "LeakyReLU", "LogSigmoid", "Mish",
    "RReLU", "ReLU", "ReLU6", "SELU", "SiLU", "Sigmoid", "Softplus", "Softshrink", "Softsign", "Tanh", "Tanhshrink",
    "Threshold",
]  # fmt: skip

FAMILIES: tuple[tuple[Drawer, list[str]], ...] = (
    (windows.conv, _dims("Conv", "LazyConv")),
    (windows.conv_transpose, _dims("ConvTranspose", "LazyConvTranspose")),
    (windows.max_pool, _dims("MaxPool")),
    (windows.avg_pool, _dims("AvgPool")),
    (windows.lp_pool, _dims("LPPool")),
    (windows.adaptive_pool, _dims("AdaptiveAvgPool", "AdaptiveMaxPool")),
    (windows.fractional_pool, _dims("FractionalMaxPool", axes=(2, 3))),
    (windows.unpool, _dims("MaxUnpool")),
    (windows.pad, _dims("ConstantPad", "ZeroPad", "ReflectionPad", "ReplicationPad", "CircularPad")),
    (windows.unfold, ["Unfold"]),
    (windows.fold, ["Fold"]),
    (maps.linear, ["Linear", "LazyLinear"]),
    (maps.identity, ["Identity"]),
    (maps.flatten, ["Flatten"]),
    (maps.unflatten, ["Unflatten"]),
    (maps.embedding, ["Embedding"]),
    (maps.embedding_bag, ["EmbeddingBag"]),
    (maps.bilinear, ["Bilinear"]),
    (maps.distance, ["CosineSimilarity", "PairwiseDistance"]),
    (maps.batch_norm, [*_dims("BatchNorm", "LazyBatchNorm"), "SyncBatchNorm"]),
    (maps.instance_norm, _dims("InstanceNorm", "LazyInstanceNorm")),
    (maps.group_norm, ["GroupNorm"]),
    (maps.layer_norm, ["LayerNorm", "RMSNorm"]),
    (maps.response_norm, ["LocalResponseNorm", "CrossMapLRN2d"]),
    (maps.pointwise, POINTWISE),
    (maps.softmax, ["Softmax", "LogSoftmax", "Softmin"]),
    (maps.softmax_2d, ["Softmax2d"]),
    (maps.glu, ["GLU"]),
    (maps.prelu, ["PReLU"]),
    (maps.dropout, ["Dropout", *_dims("Dropout"), "AlphaDropout", "FeatureAlphaDropout"]),
    (maps.upsample, ["Upsample", "UpsamplingNearest2d", "UpsamplingBilinear2d"]),
    (maps.pixel_shuffle, ["PixelShuffle", "PixelUnshuffle"]),
    (maps.channel_shuffle, ["ChannelShuffle"]),
    (sequences.recurrent, ["RNN", "LSTM", "GRU"]),
    (sequences.cell, ["RNNCell", "LSTMCell", "GRUCell"]),
    (sequences.attention, ["MultiheadAttention"]),
    (sequences.transformer, ["Transformer", "TransformerEncoderLayer", "TransformerDecoderLayer"]),
    (shapes.reshape, ["Reshape", "View"]),
    (shapes.permute, ["Permute"]),
    (shapes.transpose, ["Transpose"]),
    (shapes.squeeze, ["Squeeze"]),
    (shapes.unsqueeze, ["Unsqueeze"]),
    (shapes.chunk, ["Chunk"]),
    (shapes.split, ["Split"]),
    (shapes.slicing, ["Slice"]),
    (shapes.reduction, ["Mean", "Sum"]),
    (shapes.stack, ["Stack"]),
    (shapes.concat, ["Concat"]),
    (shapes.expand, ["Expand"]),
    (shapes.matmul, ["MatMul"]),
    (shapes.broadcast, ["Add", "Mul"]),
    (shapes.select, ["Select"]),
    (shapes.unbind, ["Unbind"]),
    (shapes.take, ["Take"]),
    (shapes.repeat, ["Repeat"]),
    (shapes.repeat_interleave, ["RepeatInterleave"]),
    (shapes.other_reduction, ["Reduce"]),
    (shapes.along_dim, ["Along"]),
    (shapes.cells, ["Elementwise"]),
    (shapes.einsum, ["Einsum"]),
    (shapes.dot_attention, ["DotAttention"]),
    (shapes.held, ["Constant", "Weight"]),
)

DRAWERS: dict[str, Drawer] = {kind: drawer for drawer, kinds in FAMILIES for kind in kinds}

LOSS = "a loss, or its options: its output is a number for training, not a shape that a next layer takes"
CONTAINER = "a container: the spec has its own words for structure"
BASE = "a base class or a parameter, not a layer"
STACK = "takes a module built before as its argument: repeat the layer instead"

_WHY: tuple[tuple[str, list[str]], ...] = (
    (LOSS, [
        "AdaptiveLogSoftmaxWithLoss", "BCELoss", "BCEWithLogitsLoss", "CTCLoss", "CosineEmbeddingLoss",
        "CrossEntropyLoss", "GaussianNLLLoss", "HingeEmbeddingLoss", "HuberLoss", "KLDivLoss", "L1Loss",
        "LinearCrossEntropyLoss", "LinearCrossEntropyOptions", "MSELoss", "MarginRankingLoss", "MultiLabelMarginLoss",
        "MultiLabelSoftMarginLoss", "MultiMarginLoss", "NLLLoss", "NLLLoss2d", "PoissonNLLLoss", "SmoothL1Loss",
        "SoftMarginLoss", "TripletMarginLoss", "TripletMarginWithDistanceLoss",
    ]),
    (CONTAINER, [
        "Container", "DataParallel", "ModuleDict", "ModuleList", "ParameterDict", "ParameterList", "Sequential",
    ]),
    (BASE, [
        "Buffer", "Module", "Parameter", "RNNBase", "RNNCellBase", "UninitializedBuffer", "UninitializedParameter",
    ]),
    (STACK, ["TransformerDecoder", "TransformerEncoder"]),
)  # fmt: skip

REASONS: dict[str, str] = {kind: why for why, kinds in _WHY for kind in kinds}


def draw_case(kind: str, seed: int, index: int) -> Case:
    """The case of this number in the type's stream: the same for the same three, on every machine."""
    return DRAWERS[kind](Draw(f"{seed}/{kind}/{index}"), kind)
