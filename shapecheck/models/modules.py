"""A live torch module read as one of our layers: its arguments, off its attributes.

A module has a rule where its class is torch's own, or a subclass that changes nothing forward does, and where the
weights it holds are as many as its arguments say. Anything else has none: better no rule than a wrong one.

Main definition: `layer_of`.   Also: `kind_of` (which class of `LAYERS` it is), `plain_value`.
Nothing here imports torch: who has a module has imported it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from operator import index
from typing import Any
from weakref import WeakKeyDictionary

from shapecheck.diagnostics import ShapeError
from shapecheck.layers import LAYERS, LAZY
from shapecheck.layers.base import Layer, make, signature

HARMLESS = frozenset({
    "__init__", "__repr__", "__str__", "__doc__", "__module__", "__annotations__", "__constants__", "__slots__",
    "__setstate__", "__getstate__", "__deepcopy__", "__reduce__", "__init_subclass__", "__firstlineno__",
    "__static_attributes__", "__type_params__", "extra_repr", "reset_parameters", "_reset_parameters", "_get_name",
    "_load_from_state_dict", "_save_to_state_dict", "train", "eval", "from_pretrained",
})  # fmt: skip
"""What a subclass may have of its own without changing what forward does with shapes."""

WRITTEN_OUT = re.compile(r"(Lazy)?(Conv|ConvTranspose|MaxUnpool|\w+Pad)[123]d|AvgPool1d")
DOUBLED = frozenset({"kernel_size", "stride", "padding", "dilation", "output_padding"})
"""The classes, and their arguments, of which torch's constructor keeps one entry an axis where one number was given."""


def layer_of(module: Any, training: bool | None = None) -> Layer | None:
    """The layer a torch module is, its arguments read off its attributes; None where there is no rule for it.

    `training` is the mode, the module's own if not given. Arguments that forward takes in each call (need_weights,
    output_size) have their defaults. A Lazy module that has seen no input yet has open arguments.
    """
    kind = kind_of(module)
    if kind is None:
        return None
    try:
        arguments = {name: _shortened(kind, name, value) for name, value in _arguments(kind, module).items()}
        if signature(LAYERS[kind]).trains:
            arguments["training"] = module.training if training is None else training
        layer = make(LAYERS[kind], arguments, lazy=kind in LAZY)
    except (AttributeError, ShapeError, TypeError):  # attributes deleted, or changed since torch looked at them
        return None
    return layer if kind in LAZY or _weights(module) == layer.params() else None


def kind_of(module: Any) -> str | None:
    """The name in `LAYERS` of the torch class that gives the module its forward; None where there is none."""
    cls = type(module)
    if cls not in _own:
        _own[cls] = _torch_class(cls)
    own = _own[cls]
    return None if own is None or "forward" in vars(module) else own.__name__


_own: WeakKeyDictionary[type, type | None] = WeakKeyDictionary()


def _torch_class(cls: type) -> type | None:
    """The torch class that a class is, or derives from without changing what it does."""
    changed: set[str] = set()
    for base in cls.__mro__:
        if base.__module__.startswith("torch.nn.modules."):
            if base.__name__ not in LAYERS:
                return None if _part_of_torch(base) else _refined(base, changed)
            return base if not changed.intersection(_behaviour(base)) else None
        changed.update(vars(base).keys() - HARMLESS)
    return None


def _part_of_torch(base: type) -> bool:
    """Whether this is a module of torch for which there is no rule, and not a refinement of one that has."""
    return not any(parent.__name__ in LAYERS for parent in base.__mro__[1:])


def _refined(base: type, changed: set[str]) -> type | None:
    """The class of torch that a class of torch refines without changing what it does (attention's own Linear)."""
    for parent in base.__mro__[1:]:
        changed.update(vars(base).keys() - HARMLESS)
        if parent.__name__ in LAYERS:
            return parent if not changed.intersection(_behaviour(parent)) else None
        base = parent
    return None


def _behaviour(cls: type) -> set[str]:
    """The names of the methods that make a torch class what it is: its own and those of its bases, up to Module."""
    return {
        name for base in cls.__mro__ if base.__name__ not in ("Module", "object") for name, value in vars(base).items()
        if callable(value) or isinstance(value, (staticmethod, classmethod, property))
    } | {"forward", "__call__", "_call_impl"}  # fmt: skip


# Arguments off attributes --------------------------------------------------------------------------------------------


def _arguments(kind: str, module: Any) -> dict[str, Any]:
    """The constructor's arguments, plain; those a Lazy module will infer are left out."""
    cls = LAYERS[kind]
    readers: Mapping[str, Callable[[Any], Any]] = READERS.get(kind, {})
    waiting = cls.inferred if kind in LAZY else ()
    return {
        name: plain_value(readers[name](module) if name in readers else _attribute(module, name))
        for name in signature(cls).names
        if name != "training" and name not in cls.forward and name not in waiting
    }


def _attribute(module: Any, name: str) -> Any:
    """The attribute of that name; for a bias whether there is one, True where without affine nothing is said of it."""
    if name == "bias":
        return _has_bias(module)
    return getattr(module, name)


def _has_bias(module: Any) -> bool:
    bias = module.bias
    if isinstance(bias, bool):
        return bias
    affine = getattr(module, "affine", getattr(module, "elementwise_affine", True))
    return bias is not None if affine else True


def _constant(value: Any) -> Callable[[Any], Any]:
    return lambda module: value


def _there(name: str) -> Callable[[Any], bool]:
    return lambda module: getattr(module, name) is not None


def _other(name: str) -> Callable[[Any], Any]:
    """The features of an attention's keys or values, None where they are those of its queries."""
    return lambda module: None if getattr(module, name) == module.embed_dim else getattr(module, name)


def _activation(module: Any) -> str:
    """The name of a transformer's activation; an AttributeError for another than torch knows by name."""
    name = {1: "relu", 2: "gelu"}.get(getattr(module, "activation_relu_or_gelu", None) or _known(module.activation))
    if name is None:
        raise AttributeError("activation")
    return name


def _known(activation: Any) -> int:
    """1 for torch's relu, 2 for its gelu, 0 for any other function, as the encoder layer itself keeps it."""
    return {"relu": 1, "gelu": 2, "ReLU": 1, "GELU": 2}.get(
        getattr(activation, "__name__", type(activation).__name__), 0
    )


TRANSFORMER_LAYER: dict[str, Callable[[Any], Any]] = {
    "d_model": lambda module: module.linear1.in_features,
    "nhead": lambda module: module.self_attn.num_heads,
    "dim_feedforward": lambda module: module.linear1.out_features,
    "dropout": lambda module: module.dropout1.p,
    "activation": _activation,
    "layer_norm_eps": lambda module: module.norm1.eps,
    "batch_first": lambda module: module.self_attn.batch_first,
    "bias": lambda module: module.linear1.bias is not None,
}


def _first(name: str) -> Callable[[Any], Any]:
    """The argument of that name of the first encoder layer, with which the others of a Transformer agree."""

    def read(module: Any) -> Any:
        parts = [*module.encoder.layers, *module.decoder.layers]
        values = [(TRANSFORMER_LAYER.get(name) or (lambda part: getattr(part, name)))(part) for part in parts]
        if any(value != values[0] for value in values):
            raise AttributeError(name)
        return values[0]

    return read


READERS: dict[str, dict[str, Callable[[Any], Any]]] = {
    "MultiheadAttention": {
        "bias": _there("in_proj_bias"),
        "add_bias_kv": _there("bias_k"),
        "kdim": _other("kdim"),
        "vdim": _other("vdim"),
    },
    "TransformerEncoderLayer": TRANSFORMER_LAYER,
    "TransformerDecoderLayer": TRANSFORMER_LAYER,
    "Transformer": {
        **{name: _first(name) for name in (*TRANSFORMER_LAYER, "norm_first")},
        "num_encoder_layers": lambda module: len(module.encoder.layers),
        "num_decoder_layers": lambda module: len(module.decoder.layers),
        "custom_encoder": _constant(None),
        "custom_decoder": _constant(None),
    },
    "PairwiseDistance": {"p": lambda module: module.norm},
    "Hardtanh": {"min_value": _constant(None), "max_value": _constant(None)},
}
"""What does not stand in an attribute of its argument's name."""


def plain_value(value: Any) -> Any:
    """The value in Python's own types: torch.Size and lists as tuples, numbers of other libraries as ints.

    >>> plain_value([3, (True, 0.5)]), plain_value("same")
    ((3, (True, 0.5)), 'same')
    """
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, (tuple, list)):
        return tuple(map(plain_value, value))
    try:
        return index(value)
    except TypeError:
        return value.item() if hasattr(value, "item") else value


def _shortened(kind: str, name: str, value: Any) -> Any:
    """One number for a tuple of equal ones, one an axis, that torch's constructor wrote out."""
    if name not in DOUBLED or not isinstance(value, tuple) or WRITTEN_OUT.fullmatch(kind) is None:
        return value
    entries = int(kind[-2]) * (2 if kind.endswith(("Pad1d", "Pad2d", "Pad3d")) else 1)
    alike = len(value) == entries and len(set(value)) == 1 and all(type(entry) is int for entry in value)
    return value[0] if alike else value


# Weights -------------------------------------------------------------------------------------------------------------


def _weights(module: Any) -> int:
    """The numbers a module computes with: those of its weight and bias, also where parametrised, else of all of it."""
    weight: Any = getattr(module, "weight", None)
    if hasattr(weight, "numel") and (hasattr(module, "parametrizations") or not list(module.children())):
        bias: Any = getattr(module, "bias", None)
        return int(weight.numel()) + (int(bias.numel()) if hasattr(bias, "numel") else 0)
    return sum(int(parameter.numel()) for parameter in module.parameters())
