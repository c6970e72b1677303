"""The catalogue: every layer under torch's name, loaded on first use.

`LAYERS` is a mapping from names to classes; the table below says in which file a class lives. Adding a layer is one
class there and one row here. A `Lazy` name of torch is an alias: the class infers its arguments anyway.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import import_module

from shapecheck.layers.base import Layer

# fmt: off
TABLE: dict[str, tuple[str, ...]] = {
    "conv": ("Conv1d", "Conv2d", "Conv3d"),
    "conv_transpose": ("ConvTranspose1d", "ConvTranspose2d", "ConvTranspose3d"),
    "lazy_conv_transpose": ("LazyConvTranspose1d", "LazyConvTranspose2d", "LazyConvTranspose3d"),
    "pool": ("MaxPool1d", "MaxPool2d", "MaxPool3d"),
    "avg_pool": ("AvgPool1d", "AvgPool2d", "AvgPool3d"),
    "lp_pool": ("LPPool1d", "LPPool2d", "LPPool3d"),
    "adaptive": (
        "AdaptiveAvgPool1d", "AdaptiveAvgPool2d", "AdaptiveAvgPool3d", "AdaptiveMaxPool1d", "AdaptiveMaxPool2d",
        "AdaptiveMaxPool3d",
    ),
    "fractional": ("FractionalMaxPool2d", "FractionalMaxPool3d"),
    "unpool": ("MaxUnpool1d", "MaxUnpool2d", "MaxUnpool3d"),
    "fold": ("Unfold", "Fold"),
    "linear": ("Linear",),
    "pointwise": (
        "Identity", "Sigmoid", "Tanh", "LogSigmoid", "Softsign", "Tanhshrink", "ReLU", "ReLU6", "SiLU", "Mish", "SELU",
        "Hardswish", "Hardsigmoid",
    ),
    "activation": ("ELU", "CELU", "LeakyReLU", "GELU"),
    "prelu": ("PReLU",),
    "shrink": ("Hardshrink", "Softshrink", "Softplus", "Threshold", "Hardtanh", "RReLU"),
    "softmax": ("Softmax", "LogSoftmax", "Softmin", "Softmax2d", "GLU"),
    "dropout": ("Dropout", "Dropout1d", "Dropout2d", "Dropout3d", "AlphaDropout", "FeatureAlphaDropout"),
    "batch_norm": ("BatchNorm1d", "BatchNorm2d", "BatchNorm3d", "SyncBatchNorm"),
    "instance_norm": ("InstanceNorm1d", "InstanceNorm2d", "InstanceNorm3d"),
    "group_norm": ("GroupNorm",),
    "layer_norm": ("LayerNorm", "RMSNorm"),
    "lazy_norm": ("LazyInstanceNorm1d", "LazyInstanceNorm2d", "LazyInstanceNorm3d"),
    "response_norm": ("LocalResponseNorm", "CrossMapLRN2d"),
    "bilinear": ("Bilinear",),
    "embedding": ("Embedding", "EmbeddingBag"),
    "similarity": ("CosineSimilarity", "PairwiseDistance"),
    "pad": (
        "ZeroPad1d", "ZeroPad2d", "ZeroPad3d", "ConstantPad1d", "ConstantPad2d", "ConstantPad3d", "ReplicationPad1d",
        "ReplicationPad2d", "ReplicationPad3d", "ReflectionPad1d", "ReflectionPad2d", "ReflectionPad3d",
        "CircularPad1d", "CircularPad2d", "CircularPad3d",
    ),
    "resample": ("Upsample", "UpsamplingNearest2d", "UpsamplingBilinear2d"),
    "shuffle": ("PixelShuffle", "PixelUnshuffle", "ChannelShuffle"),
    "reshape": ("Flatten", "Unflatten"),
    "view": ("Reshape", "View"),
    "rearrange": ("Permute", "Transpose", "Squeeze", "Unsqueeze", "Expand"),
    "pieces": ("Chunk", "Split", "Slice", "Select", "Unbind", "Take"),
    "repeat": ("Repeat", "RepeatInterleave"),
    "reduce": ("Mean", "Sum", "Reduce"),
    "along": ("Along",),
    "elementwise": ("Elementwise",),
    "einsum": ("Einsum",),
    "constant": ("Constant", "Weight"),
    "recurrent": ("RNN", "LSTM", "GRU"),
    "cell": ("RNNCell", "LSTMCell", "GRUCell"),
    "attention": ("MultiheadAttention",),
    "dot_attention": ("DotAttention",),
    "transformer": ("TransformerEncoderLayer", "TransformerDecoderLayer", "Transformer"),
    "merge": ("Add", "Mul", "Concat", "Stack", "MatMul"),
}
# fmt: on

LAZY: dict[str, str] = {
    **{f"LazyConv{n}d": f"Conv{n}d" for n in (1, 2, 3)},
    **{f"LazyConvTranspose{n}d": f"LazyConvTranspose{n}d" for n in (1, 2, 3)},  # with a rule of their own
    **{f"LazyBatchNorm{n}d": f"BatchNorm{n}d" for n in (1, 2, 3)},
    **{f"LazyInstanceNorm{n}d": f"LazyInstanceNorm{n}d" for n in (1, 2, 3)},  # with defaults of their own
    "LazyLinear": "Linear",
}


class Catalogue(Mapping[str, type[Layer]]):
    """The layers by name; a class is imported when it is first asked for."""

    def __init__(self) -> None:
        self._files = {name: file for file, names in TABLE.items() for name in names}
        self._files |= {alias: self._files[name] for alias, name in LAZY.items()}
        self._loaded: dict[str, type[Layer]] = {}

    def __getitem__(self, name: str) -> type[Layer]:
        loaded = self._loaded.get(name)
        if loaded is None:
            module = import_module(f"shapecheck.layers.{self._files[name]}")
            loaded = self._loaded[name] = getattr(module, LAZY.get(name, name))
        return loaded

    def __contains__(self, name: object) -> bool:
        return name in self._files

    def __iter__(self) -> Iterator[str]:
        return iter(self._files)

    def __len__(self) -> int:
        return len(self._files)


LAYERS = Catalogue()
