"""What the functions and methods that models call in forward are, said in layers: `x.flatten(1)` is a Flatten.

A rule has the torch function's signature; it is called with a `Ref` for each tensor and the other arguments as they are
(open sizes as `Size`), and gives a `Use`: a layer of `LAYERS`, its inputs, its arguments. An input that is a Use
itself is a step before. A rule that gives a Ref says that nothing happens to shapes (casts, copies); None: no rule for
these arguments.

Main definitions: `RULES` (by the function's bare name), `bare`, `Use`, `Ref`.
Source: torch.nn.functional, torch.Tensor.   Nothing here imports torch.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from shapecheck.layers import along, elementwise, reduce
from shapecheck.net import Source
from shapecheck.sizes import Shape, Size


class Ref(NamedTuple):
    """A tensor as rules see it: the value of the graph that it is, None for one that is no input's doing; its shape."""

    source: int | Source | None
    shape: Shape
    tensor: Any = None

    @property
    def rank(self) -> int:
        """The number of dimensions."""
        return len(self.shape)


class Use(NamedTuple):
    """A layer at work: its type, what it reads (Refs, or the Use before it), its arguments."""

    kind: str
    inputs: tuple[Any, ...]
    arguments: Mapping[str, Any] = {}


Rule = Callable[..., "Use | Ref | None"]
RULES: dict[str, Rule] = {}


def bare(name: str) -> str:
    """The name without the dress of operators and of what happens in place.

    >>> bare("__iadd__"), bare("relu_"), bare("__getitem__"), bare("__rsub__"), bare("_log_softmax")
    ('add', 'relu', 'getitem', 'rsub', '_log_softmax')
    """
    if name.startswith("__") and name.endswith("__"):
        name = name[2:-2]
        return OPERATORS.get(name, name)
    name = name[:-1] if name.endswith("_") and not name.startswith("_") else name
    return SAME_AS.get(name, name)


OPERATORS = {
    "iadd": "add", "radd": "add", "isub": "sub", "imul": "mul", "rmul": "mul", "itruediv": "div", "truediv": "div",
    "rtruediv": "rdiv", "rdiv": "rdiv", "idiv": "div", "ifloordiv": "floor_divide", "floordiv": "floor_divide",
    "rfloordiv": "rdiv", "ipow": "pow", "rpow": "rpow", "mod": "remainder", "imod": "remainder", "matmul": "matmul",
    "rmatmul": "rmatmul", "and": "logical_and", "or": "logical_or", "xor": "logical_xor", "invert": "logical_not",
}  # fmt: skip
SAME_AS = {
    "subtract": "sub", "multiply": "mul", "divide": "div", "true_divide": "div", "negative": "neg", "absolute": "abs",
    "concat": "cat", "concatenate": "cat", "swapaxes": "transpose", "swapdims": "transpose", "movedim": "movedim",
    "greater": "gt", "less": "lt", "greater_equal": "ge", "less_equal": "le", "not_equal": "ne", "clip": "clamp",
    "bitwise_and": "logical_and", "bitwise_or": "logical_or", "bitwise_xor": "logical_xor",
    "bitwise_not": "logical_not",
    "broadcast_to": "expand", "special_expit": "sigmoid", "fix": "trunc", "arctan": "atan", "arccos": "acos",
    "arcsin": "asin", "mm": "matmul", "bmm": "matmul", "mv": "matmul", "linalg_norm": "norm", "unsafe_chunk": "chunk",
    "unsafe_split": "split", "split_with_sizes": "split", "swish": "silu", "row_stack": "vstack",
}  # fmt: skip


def rule(*names: str) -> Callable[[Rule], Rule]:
    """Enter a rule under these names, its own if none is given."""

    def enter(function: Rule) -> Rule:
        for name in names or (function.__name__.rstrip("_"),):
            RULES[name] = function
        return function

    return enter


def refs(*values: Any) -> Iterator[Ref]:
    """The tensors in values, lists and mappings among them, in order."""
    for value in values:
        if isinstance(value, Ref):
            yield value
        elif isinstance(value, (tuple, list)):
            yield from refs(*value)
        elif isinstance(value, dict):
            yield from refs(*value.values())


def _sizes(listed: tuple[Any, ...]) -> tuple[Any, ...]:
    """The sizes of a call that takes them as a list or one by one."""
    return tuple(listed[0]) if len(listed) == 1 and isinstance(listed[0], (tuple, list)) else listed


# Nothing happens to shapes -------------------------------------------------------------------------------------------


@rule(
    "contiguous", "clone", "detach", "to", "type", "type_as", "float", "double", "half", "bfloat16", "int", "long",
    "bool",
    "cpu", "cuda", "requires_grad", "alias", "byte", "data", "positive", "resolve_conj", "fill", "zero", "copy",
    "normal", "uniform", "bernoulli", "masked_fill", "fill_diagonal", "lift_fresh", "refine_names", "real",
)  # fmt: skip
def _same(x: Any, *others: Any, **named: Any) -> Ref | None:
    return x if isinstance(x, Ref) else None


# Of single cells -----------------------------------------------------------------------------------------------------


def _elementwise(name: str) -> Rule:
    def use(*values: Any, **named: Any) -> Use | None:
        inputs = tuple(refs(*values, *(value for key, value in named.items() if key != "out")))
        return Use("Elementwise", inputs, {"function": name}) if inputs else None

    return use


for _name in elementwise.ARITY:
    RULES[_name] = _elementwise(_name)
RULES["rsub"] = RULES["sub"]
RULES["rdiv"] = RULES["reciprocal"]
RULES["rpow"] = RULES["exp"]
RULES["clamp_min"] = RULES["clamp_max"] = RULES["clamp"]


def _merge(kind: str, name: str) -> Rule:
    def use(*values: Any, **named: Any) -> Use | None:
        inputs = tuple(refs(*values, *named.values()))
        if len(inputs) == 1:
            return Use("Elementwise", inputs, {"function": "sub" if name == "add" else "div"}) if inputs else None
        return Use(kind, inputs)

    return use


RULES["add"] = _merge("Add", "add")
RULES["mul"] = _merge("Mul", "mul")

POINTWISE = {
    "relu": "ReLU", "relu6": "ReLU6", "sigmoid": "Sigmoid", "tanh": "Tanh", "silu": "SiLU", "mish": "Mish",
    "selu": "SELU", "hardswish": "Hardswish", "hardsigmoid": "Hardsigmoid", "logsigmoid": "LogSigmoid",
    "softsign": "Softsign", "tanhshrink": "Tanhshrink",
}  # fmt: skip
NUMBERED = {
    "elu": ("ELU", ("alpha",)), "celu": ("CELU", ("alpha",)), "leaky_relu": ("LeakyReLU", ("negative_slope",)),
    "gelu": ("GELU", ()), "softplus": ("Softplus", ("beta", "threshold")),
    "hardtanh": ("Hardtanh", ("min_val", "max_val")),
    "hardshrink": ("Hardshrink", ("lambd",)), "softshrink": ("Softshrink", ("lambd",)),
    "threshold": ("Threshold", ("threshold", "value")), "rrelu": ("RReLU", ("lower", "upper")),
    "dropout": ("Dropout", ("p",)), "alpha_dropout": ("AlphaDropout", ("p",)), "dropout1d": ("Dropout1d", ("p",)),
    "dropout2d": ("Dropout2d", ("p",)), "dropout3d": ("Dropout3d", ("p",)),
    "feature_alpha_dropout": ("FeatureAlphaDropout", ("p",)),
}  # fmt: skip


def _numbered(kind: str, names: tuple[str, ...]) -> Rule:
    def use(x: Ref, *values: Any, **named: Any) -> Use:
        given = dict(zip(names, values, strict=False))
        given |= {name: value for name, value in named.items() if name in names or (name == "approximate")}
        return Use(kind, (x,), {name: value for name, value in given.items() if value is not None})

    return use


for _name, _kind in POINTWISE.items():
    RULES[_name] = _numbered(_kind, ())
for _name, (_kind, _names) in NUMBERED.items():
    RULES[_name] = _numbered(_kind, _names)


@rule()
def prelu(x: Ref, weight: Ref) -> Use:
    """A learnt slope."""
    return Use("PReLU", (x,), {"num_parameters": weight.shape[0] if weight.shape else 1})


def _softmax(kind: str) -> Rule:
    def use(x: Ref, dim: Any = None, *others: Any, **named: Any) -> Use:
        return Use(kind, (x,), {"dim": dim})

    return use


for _name, _kind in {"softmax": "Softmax", "log_softmax": "LogSoftmax", "softmin": "Softmin"}.items():
    RULES[_name] = RULES[f"special_{_name}"] = _softmax(_kind)


@rule()
def gumbel_softmax(x: Ref, tau: Any = 1, hard: Any = False, eps: Any = 1e-10, dim: int = -1) -> Use:
    """A softmax of noise and input."""
    return Use("Softmax", (x,), {"dim": dim})


@rule()
def glu(x: Ref, dim: int = -1) -> Use:
    """One half gates the other."""
    return Use("GLU", (x,), {"dim": dim})


# The shape's own -----------------------------------------------------------------------------------------------------


@rule()
def flatten(x: Ref, start_dim: int = 0, end_dim: int = -1) -> Use:
    """Dimensions made one."""
    return Use("Flatten", (x,), {"start_dim": start_dim, "end_dim": end_dim})


@rule()
def ravel(x: Ref) -> Use | Ref | None:
    """All dimensions made one."""
    return flatten(x)


@rule()
def unflatten(x: Ref, dim: int, sizes: Any) -> Use:
    """A dimension made several."""
    return Use("Unflatten", (x,), {"dim": dim, "unflattened_size": tuple(sizes)})


@rule("view", "reshape")
def view(x: Ref, *shape: Any, size: Any = None) -> Use | Ref | None:
    """The cells counted out anew; a view of another type keeps the shape only where its cells are as long."""
    shape = _sizes(shape if shape else (size,))
    if not all(isinstance(entry, (int, Size)) for entry in shape):
        return None
    return Use("Reshape", (x,), {"shape": shape})


@rule()
def view_as(x: Ref, other: Ref) -> Use:
    """The cells counted out as another tensor's."""
    return Use("Reshape", (x,), {"shape": other.shape})


RULES["reshape_as"] = view_as


@rule()
def permute(x: Ref, *dims: Any) -> Use:
    """Dimensions in another order."""
    return Use("Permute", (x,), {"dims": _sizes(dims)})


@rule()
def transpose(x: Ref, dim0: int, dim1: int) -> Use:
    """Two dimensions change places."""
    return Use("Transpose", (x,), {"dim0": dim0, "dim1": dim1})


@rule("t", "T", "mT", "H", "adjoint")
def mirror(x: Ref) -> Use | Ref:
    """The last two dimensions change places."""
    return x if x.rank < 2 else Use("Transpose", (x,), {"dim0": -2, "dim1": -1})


@rule()
def movedim(x: Ref, source: Any, destination: Any) -> Use:
    """Dimensions moved, the others kept in order."""
    sources = [dim % x.rank for dim in ((source,) if isinstance(source, int) else source)]
    targets = [dim % x.rank for dim in ((destination,) if isinstance(destination, int) else destination)]
    rest = iter(dim for dim in range(x.rank) if dim not in sources)
    order = [sources[targets.index(dim)] if dim in targets else next(rest) for dim in range(x.rank)]
    return Use("Permute", (x,), {"dims": tuple(order)})


RULES["moveaxis"] = movedim


@rule()
def squeeze(x: Ref, dim: Any = None) -> Use:
    """Dimensions of one cell dropped."""
    return Use("Squeeze", (x,), {"dim": dim})


@rule()
def unsqueeze(x: Ref, dim: int) -> Use:
    """A dimension of one cell."""
    return Use("Unsqueeze", (x,), {"dim": dim})


@rule()
def expand(x: Ref, *sizes: Any, size: Any = None, implicit: Any = None) -> Use:
    """Dimensions of one cell repeated."""
    return Use("Expand", (x,), {"sizes": _sizes(sizes if sizes else (size,))})


@rule()
def expand_as(x: Ref, other: Ref) -> Use:
    """The same, to another tensor's sizes."""
    return Use("Expand", (x,), {"sizes": other.shape})


@rule("repeat", "tile")
def repeat(x: Ref, *repeats: Any, dims: Any = None) -> Use:
    """The whole tensor side by side."""
    times = _sizes(repeats if repeats else (dims,))
    return Use("Repeat", (x,), {"repeats": (1,) * (x.rank - len(times)) + times})


@rule()
def repeat_interleave(x: Ref, repeats: Any, dim: Any = None, output_size: Any = None) -> Use | None:
    """Each cell several times."""
    if not isinstance(repeats, (int, Size)):
        return None
    return Use("RepeatInterleave", (x,), {"repeats": repeats, "dim": dim})


@rule()
def chunk(x: Ref, chunks: int, dim: int = 0) -> Use:
    """Pieces, as many as asked for."""
    return Use("Chunk", (x,), {"chunks": chunks, "dim": dim})


@rule()
def split(
    x: Ref, split_size_or_sections: Any = None, dim: int = 0, split_size: Any = None, split_sizes: Any = None
) -> Use:
    """Pieces of a size."""
    sizes = next(size for size in (split_size_or_sections, split_size, split_sizes) if size is not None)
    return Use(
        "Split", (x,), {"split_size_or_sections": tuple(sizes) if isinstance(sizes, list) else sizes, "dim": dim}
    )


@rule()
def unbind(x: Ref, dim: int = 0) -> Use:
    """A piece for each place."""
    return Use("Unbind", (x,), {"dim": dim})


RULES["iter"] = unbind


@rule()
def narrow(x: Ref, dim: int, start: Any, length: Any) -> Use | None:
    """A slice by its length."""
    if isinstance(start, Ref):
        return None
    end = start + length
    return Use("Slice", (x,), {"dim": dim, "start": start, "end": end if end != 0 or start >= 0 else None})


@rule()
def select(x: Ref, dim: int, index: Any) -> Use:
    """One place along a dimension."""
    return Use("Select", (x,), {"dim": dim, "index": index})


@rule()
def index_select(x: Ref, dim: int, index: Ref) -> Use:
    """Places along a dimension, listed."""
    return Use("Take", (x, index), {"dim": dim})


@rule()
def getitem(x: Ref, index: Any) -> Use | Ref | None:
    """Python's indexing: numbers, slices, None and ...; tensors and lists have no rule."""
    entries = list(index) if isinstance(index, tuple) else [index]
    plain = sum(1 for entry in entries if entry is not None and entry is not Ellipsis)
    if not all(entry is None or entry is Ellipsis or isinstance(entry, (slice, int, Size)) for entry in entries):
        return None
    if any(isinstance(entry, bool) for entry in entries):
        return None
    if sum(entry is Ellipsis for entry in entries) == 0:
        entries.append(Ellipsis)
    made: Use | Ref = x
    dim = 0
    for entry in entries:
        if entry is Ellipsis:
            dim += x.rank - plain
        elif entry is None:
            made = Use("Unsqueeze", (made,), {"dim": dim})
            dim += 1
        elif isinstance(entry, slice):
            if (entry.start, entry.stop, entry.step) not in ((None, None, None), (0, None, None), (None, None, 1)):
                cut = {"start": entry.start, "end": entry.stop, "step": entry.step}
                made = Use("Slice", (made,), {"dim": dim, **{k: v for k, v in cut.items() if v is not None}})
            dim += 1
        else:
            made = Use("Select", (made,), {"dim": dim, "index": entry})
    return made


@rule()
def cat(tensors: Any, dim: int = 0, axis: int | None = None) -> Use:
    """One behind the other."""
    return Use("Concat", tuple(tensors), {"dim": dim if axis is None else axis})


@rule()
def stack(tensors: Any, dim: int = 0) -> Use:
    """Along a dimension of their own."""
    return Use("Stack", tuple(tensors), {"dim": dim})


@rule()
def hstack(tensors: Any) -> Use | Ref | None:
    """Side by side."""
    return cat(tensors, 1 if tensors[0].rank > 1 else 0)


def _along(name: str) -> Rule:
    def use(x: Ref, *values: Any, dims: Any = None, dim: Any = None, **named: Any) -> Use | None:
        if name == "roll":
            dims = values[1] if len(values) > 1 else dims
        elif name == "flip":
            dims = _sizes(values) if values else dims
        elif name == "normalize":
            dims = values[1] if len(values) > 1 else 1 if dim is None else dim
        elif name in ("sort", "argsort"):
            dims = values[0] if values else -1 if dim is None else dim
        else:
            dims = values[0] if values else dim
        return None if dims is None else Use("Along", (x,), {"function": name, "dim": dims})

    return use


for _name in along.FUNCTIONS:
    RULES[_name] = _along(_name)


# Reductions ----------------------------------------------------------------------------------------------------------


def _reduction(kind: str, function: str | None = None) -> Rule:
    def use(x: Ref, dim: Any = None, keepdim: Any = False, **named: Any) -> Use | None:
        if isinstance(dim, Ref):  # max(a, b): of single cells
            return Use("Elementwise", (x, dim), {"function": f"{function}imum"}) if function in ("max", "min") else None
        keepdim = named.get("keepdims", keepdim)  # NumPy's word, which torch takes too
        if isinstance(dim, bool) or not isinstance(keepdim, bool):
            return None  # var's unbiased, norm's order
        dim = named.get("axis", dim)
        arguments = {"dim": tuple(dim) if isinstance(dim, list) else dim, "keepdim": keepdim}
        return Use(kind, (x,), arguments if function is None else {**arguments, "function": function})

    return use


RULES["mean"], RULES["sum"] = _reduction("Mean"), _reduction("Sum")
for _name in reduce.REDUCTIONS:
    RULES[_name] = _reduction("Reduce", _name)


@rule()
def norm(x: Ref, p: Any = None, dim: Any = None, keepdim: bool = False, *others: Any, **named: Any) -> Use:
    """Lengths along dimensions."""
    return Use(
        "Reduce", (x,), {"dim": tuple(dim) if isinstance(dim, list) else dim, "keepdim": keepdim, "function": "norm"}
    )


RULES["linalg_vector_norm"] = norm


# Products ------------------------------------------------------------------------------------------------------------


@rule()
def matmul(a: Ref, b: Ref, **named: Any) -> Use:
    """The matrix product."""
    return Use("MatMul", (a, b))


@rule()
def rmatmul(a: Ref, b: Ref) -> Use:
    """The product from the other side."""
    return Use("MatMul", (b, a))


@rule("baddbmm", "addmm")
def baddbmm(bias: Ref, a: Ref, b: Ref, **named: Any) -> Use:
    """A product added to something."""
    return Use("Add", (bias, Use("MatMul", (a, b))))


@rule()
def einsum(equation: Any, *operands: Any) -> Use | None:
    """A sum over letters."""
    if not isinstance(equation, str):
        return None
    return Use("Einsum", tuple(refs(*operands)), {"equation": equation})


@rule()
def scaled_dot_product_attention(
    query: Ref, key: Ref, value: Ref, attn_mask: Any = None, dropout_p: Any = 0.0, is_causal: bool = False,
    scale: Any = None, enable_gqa: bool = False,
) -> Use:  # fmt: skip
    """Attention."""
    inputs = (query, key, value) if attn_mask is None else (query, key, value, attn_mask)
    return Use("DotAttention", inputs, {"is_causal": is_causal, "enable_gqa": enable_gqa})


@rule()
def linear(x: Ref, weight: Ref, bias: Ref | None = None) -> Use:
    """A layer whose weight is handed over."""
    if weight.source is not None or weight.rank != 2:
        product = Use("MatMul", (x, mirror(weight)))
        return product if bias is None else Use("Add", (product, bias))
    out, into = weight.shape
    return Use("Linear", (x,), {"in_features": into, "out_features": out, "bias": bias is not None})


def _conv(axes: int, transposed: bool = False) -> Rule:
    kind = f"Conv{'Transpose' if transposed else ''}{axes}d"

    def use(
        x: Ref, weight: Ref, bias: Ref | None = None, stride: Any = 1, padding: Any = 0, *rest: Any, **named: Any
    ) -> Use | None:
        names = ("output_padding", "groups", "dilation") if transposed else ("dilation", "groups")
        given = {"stride": stride, "padding": padding, **dict(zip(names, rest, strict=False)), **named}
        groups = given.get("groups", 1)
        first, second, *kernel = weight.shape
        channels = (first, second * groups) if transposed else (second * groups, first)
        arguments = dict(zip(("in_channels", "out_channels"), channels, strict=True))
        arguments |= {"kernel_size": tuple(kernel), **given, "bias": bias is not None}
        return Use(kind, (x,), {name: _listed(value) for name, value in arguments.items()})

    return use


def _listed(value: Any) -> Any:
    value = tuple(value) if isinstance(value, list) else value
    return value[0] if isinstance(value, tuple) and len(value) == 1 else value


for _axes in (1, 2, 3):
    RULES[f"conv{_axes}d"] = _conv(_axes)
    RULES[f"conv_transpose{_axes}d"] = _conv(_axes, transposed=True)


@rule()
def embedding(indices: Ref, weight: Ref, *others: Any, **named: Any) -> Use | None:
    """A row of a table for each index."""
    number, length = weight.shape
    return Use("Embedding", (indices,), {"num_embeddings": number, "embedding_dim": length})


# Norms ---------------------------------------------------------------------------------------------------------------


def _has(value: Any) -> bool:
    return value is not None


@rule()
def batch_norm(
    x: Ref, running_mean: Any = None, running_var: Any = None, weight: Any = None, bias: Any = None,
    training: bool = False, momentum: Any = 0.1, eps: Any = 1e-5,
) -> Use:  # fmt: skip
    """Batch normalisation by the input's rank."""
    axes = max(1, min(3, x.rank - 2))
    arguments = {
        "num_features": x.shape[1], "eps": eps, "affine": _has(weight), "track_running_stats": _has(running_mean),
        "training": training,
    }  # fmt: skip
    return Use(f"BatchNorm{axes}d", (x,), arguments)


@rule()
def instance_norm(
    x: Ref, running_mean: Any = None, running_var: Any = None, weight: Any = None, *others: Any, **named: Any
) -> Use:
    """Instance normalisation by the input's rank."""
    affine = _has(named.get("weight", weight))
    return Use(f"InstanceNorm{max(1, min(3, x.rank - 2))}d", (x,), {"num_features": x.shape[1], "affine": affine})


@rule()
def layer_norm(x: Ref, normalized_shape: Any, weight: Any = None, bias: Any = None, eps: float = 1e-5) -> Use:
    """Layer normalisation."""
    arguments = {"normalized_shape": tuple(normalized_shape), "eps": eps, "elementwise_affine": _has(weight)}
    return Use("LayerNorm", (x,), {**arguments, "bias": _has(bias)} if _has(weight) else arguments)


@rule()
def rms_norm(x: Ref, normalized_shape: Any, weight: Any = None, eps: Any = None) -> Use:
    """Root mean square normalisation."""
    return Use(
        "RMSNorm", (x,), {"normalized_shape": tuple(normalized_shape), "eps": eps, "elementwise_affine": _has(weight)}
    )


@rule()
def group_norm(x: Ref, num_groups: int, weight: Any = None, bias: Any = None, eps: float = 1e-5) -> Use:
    """Group normalisation."""
    return Use(
        "GroupNorm", (x,), {"num_groups": num_groups, "num_channels": x.shape[1], "eps": eps, "affine": _has(weight)}
    )


@rule()
def local_response_norm(x: Ref, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0) -> Use:
    """Local response normalisation."""
    return Use("LocalResponseNorm", (x,), {"size": size, "alpha": alpha, "beta": beta, "k": k})


# Windows -------------------------------------------------------------------------------------------------------------


def _window(kind: str, names: tuple[str, ...]) -> Rule:
    def use(x: Ref, *values: Any, **named: Any) -> Use | None:
        given = {**dict(zip(names, values, strict=False)), **named}
        kernel = given.get("kernel_size")
        if given.get("stride") in ((), []):
            given["stride"] = None
        if kind.startswith("AvgPool") and _covers(kernel, x.shape[2:]) and not given.get("padding"):
            return Use(f"Adaptive{kind}", (x,), {"output_size": 1})
        return Use(kind, (x,), {name: _listed(value) for name, value in given.items() if value is not None})

    return use


def _covers(kernel: Any, sizes: Shape) -> bool:
    """Whether the window is the whole input, of a size that is open: then it is a mean, whatever the size."""
    kernel = tuple(kernel) if isinstance(kernel, (tuple, list)) else (kernel,) * len(sizes)
    return any(isinstance(size, Size) for size in kernel) and tuple(kernel) == tuple(sizes)


MAX = ("kernel_size", "stride", "padding", "dilation", "ceil_mode", "return_indices")
AVERAGE = ("kernel_size", "stride", "padding", "ceil_mode", "count_include_pad", "divisor_override")
for _axes in (1, 2, 3):
    RULES[f"max_pool{_axes}d"] = RULES[f"_max_pool{_axes}d"] = _window(f"MaxPool{_axes}d", MAX)
    RULES[f"max_pool{_axes}d_with_indices"] = _window(f"MaxPool{_axes}d", (*MAX[:-1], "return_indices"))
    RULES[f"avg_pool{_axes}d"] = _window(f"AvgPool{_axes}d", AVERAGE)
    RULES[f"adaptive_avg_pool{_axes}d"] = _window(f"AdaptiveAvgPool{_axes}d", ("output_size",))
    RULES[f"adaptive_max_pool{_axes}d"] = _window(f"AdaptiveMaxPool{_axes}d", ("output_size", "return_indices"))
RULES["lp_pool1d"] = _window("LPPool1d", ("norm_type", "kernel_size", "stride", "ceil_mode"))
RULES["lp_pool2d"] = _window("LPPool2d", ("norm_type", "kernel_size", "stride", "ceil_mode"))
RULES["unfold"] = _window("Unfold", ("kernel_size", "dilation", "padding", "stride"))
RULES["fold"] = _window("Fold", ("output_size", "kernel_size", "dilation", "padding", "stride"))

PADS = {"constant": "ConstantPad", "reflect": "ReflectionPad", "replicate": "ReplicationPad", "circular": "CircularPad"}


@rule()
def pad(x: Ref, pad: Any, mode: str = "constant", value: Any = None) -> Use | Ref | None:
    """Cells around the last dimensions."""
    pad = tuple(pad)
    while len(pad) > 2 and pad[-2:] == (0, 0) and mode == "constant":
        pad = pad[:-2]
    axes = len(pad) // 2
    if mode not in PADS or not 1 <= axes <= 3:
        return None
    arguments = {"padding": pad, "value": value or 0.0} if mode == "constant" else {"padding": pad}
    return Use(f"{PADS[mode]}{axes}d", (x,), arguments)


@rule("interpolate", "upsample")
def interpolate(
    x: Ref, size: Any = None, scale_factor: Any = None, mode: str = "nearest", align_corners: Any = None,
    recompute_scale_factor: Any = None, antialias: bool = False,
) -> Use:  # fmt: skip
    """Upsampling."""
    arguments = {"size": size, "scale_factor": scale_factor, "mode": mode, "align_corners": align_corners,
                 "recompute_scale_factor": recompute_scale_factor}  # fmt: skip
    given = {name: tuple(value) if isinstance(value, list) else value for name, value in arguments.items()}
    return Use("Upsample", (x,), {name: value for name, value in given.items() if value is not None})


@rule()
def pixel_shuffle(x: Ref, upscale_factor: int) -> Use:
    """Channels made positions."""
    return Use("PixelShuffle", (x,), {"upscale_factor": upscale_factor})


@rule()
def pixel_unshuffle(x: Ref, downscale_factor: int) -> Use:
    """Positions made channels."""
    return Use("PixelUnshuffle", (x,), {"downscale_factor": downscale_factor})


@rule("channel_shuffle", "native_channel_shuffle")
def channel_shuffle(x: Ref, groups: int) -> Use:
    """Channels dealt out anew."""
    return Use("ChannelShuffle", (x,), {"groups": groups})


# From nothing --------------------------------------------------------------------------------------------------------


def _made(*sizes: Any, size: Any = None, **named: Any) -> Use:
    return Use("Constant", (), {"shape": _sizes(sizes if sizes else (size,))})


for _name in ("zeros", "ones", "empty", "rand", "randn"):
    RULES[_name] = _made
for _name in ("new_zeros", "new_ones", "new_empty"):
    RULES[_name] = lambda x, *sizes, **named: _made(*sizes, **named)


@rule()
def full(size: Any, fill_value: Any, **named: Any) -> Use:
    """A tensor of one number."""
    return _made(tuple(size))


@rule()
def new_full(x: Ref, size: Any, fill_value: Any, **named: Any) -> Use:
    """The same."""
    return _made(tuple(size))


@rule()
def arange(*values: Any, start: Any = 0, end: Any = None, step: Any = 1, **named: Any) -> Use | None:
    """Numbers in a row, a step of 1 apart."""
    bounds = (0, *values) if len(values) == 1 else values
    start, end, step = (*bounds, *(start, end, step)[len(bounds) :])
    if step != 1 or not all(isinstance(bound, (int, Size)) for bound in (start, end)):
        return None
    return _made((end - start,))


@rule()
def linspace(start: Any, end: Any, steps: Any, **named: Any) -> Use:
    """Numbers in a row, that many."""
    return _made((steps,))


@rule()
def eye(n: Any, m: Any = None, **named: Any) -> Use:
    """The identity matrix."""
    return _made((n, n if m is None else m))


for _name in ("rand_like", "randn_like", "empty_like", "full_like"):
    RULES[_name] = lambda x, *others, **named: Use("Elementwise", (x,), {"function": "zeros_like"})
RULES["triu"] = RULES["tril"] = lambda x, *others, **named: Use("Elementwise", (x,), {"function": "zeros_like"})
