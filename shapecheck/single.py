"""One layer's output shape, without a network around it: `output_shape`.

The rules run anew at each call. What is kept between calls is only the layer record made from equal arguments, keyed so
that 1, 1.0 and True stay apart.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from marshal import dumps
from typing import Any

from shapecheck.diagnostics import ShapeError, construct_error, forward_error
from shapecheck.layers import LAYERS, LAZY
from shapecheck.layers.base import LIMIT, Layer, closest, make, no_space, signature
from shapecheck.layers.refusal import value_text
from shapecheck.sizes import NAME, Size, name
from shapecheck.yaml_nodes import shown

_records: dict[bytes, tuple[Layer, bool]] = {}
_MOST_RECORDS = 512
_kinds: dict[str, tuple[type[Layer], bool, bool]] = {}


def output_shape(type: str, *shapes: Any, training: bool = True, **arguments: Any) -> Any:
    """The shape `torch.nn.<type>(**arguments)` gives for inputs of these shapes, nested as torch nests its outputs.

    Arguments are torch's, those of `forward` (MaxUnpool's output_size) too; a dimension may be a name ("N"). Raises
    `ShapeError` where torch would refuse, with `.stage` "construct" or "forward" and the findings in `.diagnostics`.

    >>> output_shape("Conv2d", (1, 3, 32, 32), in_channels=3, out_channels=8, kernel_size=3)
    (1, 8, 30, 30)
    """
    try:
        key: bytes | None = dumps((type, training, arguments), 2)
    except ValueError:
        key = None
    layer, waiting = _records.get(key) or _record(type, arguments, training, key)  # type: ignore[arg-type]
    inputs = shapes
    for shape in shapes:
        if not _is_plain(shape):
            inputs = tuple(shape if _is_plain(shape) else _shape(shape) for shape in shapes)
            break
    least, most = layer.inputs
    count = len(inputs)
    if count < least or (most is not None and count > most):
        raise input_count_error(layer, count)
    if None in inputs:
        _check_optional(layer, inputs)
    if waiting:
        layer = _resolve(layer, inputs)
    return layer.shape(*inputs)


def _check_optional(layer: Layer, inputs: tuple[Any, ...]) -> None:
    for place, shape in enumerate(inputs):
        if shape is None and place not in layer.optional:
            raise forward_error("SP308", f"input {place + 1} of {type(layer).__name__} is None", input=place)


def _resolve(layer: Layer, inputs: tuple[Any, ...]) -> Layer:
    """The lazy layer, its arguments inferred: torch builds it only now, so what it refuses it refuses in forward."""
    try:
        return layer.resolve(*inputs)
    except ShapeError as error:
        error.stage = "forward"
        raise


def _record(type: str, arguments: dict[str, Any], training: bool, key: bytes | None) -> tuple[Layer, bool]:
    cls, lazy, trains = _kinds.get(type) or _kind(type)
    if lazy:
        for argument in arguments:
            if argument in cls.inferred:
                raise construct_error("SP102", f"{type} infers {argument} itself", argument=argument)
    if trains:
        arguments = {**arguments, "training": training}
    made = make(cls, arguments, lazy=lazy), lazy
    if key is not None:
        if len(_records) >= _MOST_RECORDS:
            _records.clear()
        _records[key] = made
    return made


def _kind(type: str) -> tuple[type[Layer], bool, bool]:
    """The class of a layer type, whether it is a Lazy twin, whether it has a training mode."""
    if type not in LAYERS:
        raise unknown_layer(type)
    cls = LAYERS[type]
    found = _kinds[type] = cls, type in LAZY, signature(cls).trains
    return found


def unknown_layer(type: str, blocks: Iterable[str] = ()) -> ShapeError:
    """The error for a type that is neither a layer nor one of the spec's blocks."""
    known = [*LAYERS, *blocks]
    hint = _as_a_call(type, known) or no_space(type, known)
    if hint is None:
        bare = type.removeprefix("torch.").removeprefix("nn.")
        best = bare if bare in known else closest(bare, known, TYPE_ALIASES)
        hint = f"did you mean {best}?" if best else "`shapes layers` lists them all"
    return construct_error("SP101", f"there is no layer {type}", hint=hint)


def _as_a_call(text: str, known: Iterable[str]) -> str | None:
    """The hint for a layer that is written as Python calls it; None for other texts.

    >>> _as_a_call("nn.Conv2d(3, 8, kernel_size=3)", ["Conv2d"]), _as_a_call("ReLU()", ["ReLU"])
    ('Conv2d: {in_channels: 3, out_channels: 8, kernel_size: 3}', 'ReLU')
    """
    found = CALL.fullmatch(text)
    if found is None or found[1] not in known:
        return None
    import ast  # only a mistake needs it

    try:
        call = ast.parse(f"f({found[2]})", mode="eval").body
        assert isinstance(call, ast.Call)
        values = [ast.literal_eval(value) for value in call.args]
        named = {word.arg: ast.literal_eval(word.value) for word in call.keywords if word.arg}
    except (SyntaxError, ValueError, AssertionError, RecursionError, MemoryError):
        return f"{found[1]}: [...], its arguments as a list"
    if named:
        names = signature(LAYERS[found[1]]).names if found[1] in LAYERS else ()
        named = dict(zip(names, values, strict=False)) | named
        return f"{found[1]}: {{{', '.join(f'{argument}: {value_text(value)}' for argument, value in named.items())}}}"
    return f"{found[1]}: {value_text(values)}" if values else found[1]


CALL = re.compile(r"(?:torch\.)?(?:nn\.)?(\w+)\((.{0,200})\)")


TYPE_ALIASES = {
    "dense": "Linear", "fc": "Linear", "fullyconnected": "Linear", "bn": "BatchNorm2d", "batchnorm": "BatchNorm2d",
    "conv": "Conv2d", "convolution": "Conv2d", "maxpool": "MaxPool2d", "maxpooling": "MaxPool2d",
    "maxpooling2d": "MaxPool2d", "avgpool": "AvgPool2d", "averagepooling2d": "AvgPool2d", "pool": "MaxPool2d",
    "deconv": "ConvTranspose2d", "conv2dtranspose": "ConvTranspose2d", "globalavgpool": "AdaptiveAvgPool2d",
    "globalaveragepooling2d": "AdaptiveAvgPool2d", "concatenate": "Concat", "cat": "Concat", "merge": "Concat",
    "activation": "ReLU", "swish": "SiLU", "zeropadding2d": "ZeroPad2d", "reshape": "Reshape", "view": "View",
}  # fmt: skip


def _is_plain(shape: Any) -> bool:
    """Whether this is a tuple of ints, as most shapes are."""
    if type(shape) is not tuple:
        return False
    for dim in shape:  # noqa: SIM110 - a generator costs as much as the shape rule
        if type(dim) is not int or not 0 <= dim < LIMIT:
            return False
    return True


def _shape(shape: Any) -> Any:
    """A shape handed over in other clothes: lists, names, torch.Size, nested ones."""
    if shape is None:
        return None
    if isinstance(shape, (list, tuple)):
        return tuple(_dim(dim) for dim in shape)
    raise TypeError(f"an input shape is a tuple of sizes, not {shape!r}")


def _dim(dim: Any) -> Any:
    if isinstance(dim, (list, tuple)):
        return _shape(dim)
    if isinstance(dim, str) and NAME.fullmatch(dim):
        return name(dim)
    if isinstance(dim, Size) or (type(dim) is int and 0 <= dim < LIMIT):
        return dim
    message = f"a dimension is a whole number from 0 to 2^63 - 1 or a name, not {shown(repr(dim))}"
    raise forward_error("SP309", message, hint="an input shape like (1, 3, 32, 32)")


def input_count_error(layer: Layer, count: int) -> ShapeError:
    """The error for too few or too many inputs."""
    least, most = layer.inputs
    wanted = f"{least}" if least == most else f"{least} or more" if most is None else f"{least} to {most}"
    inputs = "input" if wanted == "1" else "inputs"
    message = f"{type(layer).__name__} takes {wanted} {inputs}, {count} {'is' if count == 1 else 'are'} given"
    hint = "Add or Concat makes one of several" if most == 1 else f"`from:` names them: a list of {wanted}"
    return forward_error("SP308", message, hint=hint, inputs=count)
