"""A call with live tensors, put to our rules: of a module, or of a function as in `torch.cat([a, b], 1)`, a Concat.

Main definitions: `bound` and `predict` (a module's call), `use_of` and `outcome` (the layers that a function's call
stands for, and the shape they give), `watcher` (a mode that holds every function called meanwhile against its rule).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache
from inspect import Signature
from inspect import signature as python_signature
from typing import Any, NamedTuple

from shapecheck.diagnostics import ShapeError
from shapecheck.layers import LAYERS
from shapecheck.layers.base import Layer, make, signature
from shapecheck.models.functions import RULES, Ref, Use, bare
from shapecheck.models.modules import layer_of, plain_value
from shapecheck.single import input_count_error
from shapecheck.torch_oracle import _shape, _torch


def bound(module: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> tuple[tuple[Any, ...], Layer | None]:
    """The shapes a leaf is given, in its layer's order, and the layer with what forward takes beside them.

    The layer is None where there is no rule, or an input is no tensor. Inputs of a leaf without a rule are its tensors.
    """
    layer = layer_of(module)
    if layer is None:
        return _tensors((*args, *kwargs.values())), None
    if len(args) == 1 and not kwargs and type(args[0]) is _torch().Tensor:  # nearly always
        return (tuple(args[0].shape),), layer
    try:
        values = dict(_forward(type(module).forward).bind(module, *args, **kwargs).arguments)
    except TypeError:
        return _tensors((*args, *kwargs.values())), None
    for extra in ("self", "args", "kwargs"):
        values.pop(extra, None)
    own = {name: values.pop(name) for name in layer.forward if name in values}
    inputs = [values.get(name) for name in layer.input_names or values]
    while inputs and inputs[-1] is None:
        inputs.pop()
    if not all(_is_tensors(value, nested=place > 0) for place, value in enumerate(inputs)):
        return _tensors(inputs), None
    shapes = tuple(_shape(value) for value in inputs)
    return shapes, replace(layer, **{name: plain_value(value) for name, value in own.items()})  # type: ignore[type-var]


@cache
def _forward(function: Any) -> Signature:
    """The signature of a class's forward."""
    return python_signature(function)


def _is_tensors(value: Any, *, nested: bool) -> bool:
    if type(value) in (tuple, list) and nested:
        return all(_is_tensors(part, nested=True) for part in value)
    return value is None or (isinstance(value, _torch().Tensor) and not getattr(value, "is_nested", False))


def _tensors(values: Sequence[Any]) -> tuple[Any, ...]:
    """The shapes of the tensors among the values, nested ones one behind the other."""
    found: list[Any] = []
    for value in values:
        if isinstance(value, _torch().Tensor):
            found.append(tuple(value.shape))
        elif isinstance(value, Mapping):
            found.extend(_tensors(list(value.values())))
        elif isinstance(value, (tuple, list)):
            found.extend(_tensors(value))
    return tuple(found)


def predict(layer: Layer | None, inputs: tuple[Any, ...]) -> tuple[Layer | None, Any, Any, ShapeError | None]:
    """The resolved layer, the shape and multiply-adds it gives for these inputs, and the refusal if it refuses them."""
    if layer is None:
        return None, None, None, None
    least, most = layer.inputs
    if len(inputs) < least or (most is not None and len(inputs) > most):
        return layer, None, None, input_count_error(layer, len(inputs))
    try:
        layer = layer.resolve(*inputs)
        output = layer.shape(*inputs)
        return layer, output, layer.macs(inputs, output), None
    except ShapeError as error:
        return layer, None, None, error


# Functions -----------------------------------------------------------------------------------------------------------


class Outcome(NamedTuple):
    """What a call's layers give: the shape, and the multiply-adds of all of them."""

    shape: Any
    macs: Any


def name_of(function: Any) -> str:
    """The bare name of a torch function, a tensor's method, or a property read."""
    name = getattr(function, "__name__", "")
    if name == "__get__":
        name = getattr(getattr(function, "__self__", None), "__name__", "")
    return bare(name)


def use_of(function: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Use | Ref | None:
    """The layers that a call stands for; a Ref where shapes stay as they are, None where there is no rule."""
    rule = RULES.get(name_of(function))
    if rule is None:
        return None
    try:
        return rule(*map(_seen, args), **{name: _seen(value) for name, value in kwargs.items()})
    except (TypeError, ValueError, AttributeError, IndexError, KeyError):  # arguments the rule does not foresee
        return None


def outcome(use: Use | Ref) -> Outcome | None:
    """The shape and the multiply-adds of a call; a ShapeError where its layers refuse."""
    if isinstance(use, Ref):
        return Outcome(use.shape, 0)
    steps = [outcome(each) for each in use.inputs]
    if None in steps:
        return None
    shapes = tuple(step.shape for step in steps if step is not None)
    cls = LAYERS[use.kind]
    arguments = {name: plain_value(value) for name, value in use.arguments.items()}
    if not signature(cls).known.issuperset(arguments):
        return None
    layer = make(cls, arguments).resolve(*shapes)
    shape = layer.shape(*shapes)
    return Outcome(shape, sum(step.macs for step in steps if step is not None) + layer.macs(shapes, shape))


def refusal_of(function: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> ShapeError | None:
    """Why our rule refuses a call; None where it does not, or where there is none."""
    use = use_of(function, args, kwargs)
    try:
        if use is not None:
            outcome(use)
    except ShapeError as error:
        return error
    except (TypeError, ValueError, KeyError, AttributeError):
        return None
    return None


def _seen(value: Any) -> Any:
    """An argument as the rules see it: tensors as Refs, lists as lists of what they hold."""
    if isinstance(value, _torch().Tensor):
        return Ref(None, tuple(value.shape), value)
    if isinstance(value, (tuple, list)):
        return type(value)(map(_seen, value)) if type(value) in (tuple, list) else tuple(map(_seen, value))
    return value


class _Watched:
    """What a watcher has seen: the functions without a rule, those that gave another shape, and the multiply-adds."""

    def __init__(self, known: Sequence[Any]) -> None:
        self.kept = list(known)  # so that no id is given twice
        self.known = {id(tensor) for tensor in known}
        self.missing: Counter[str] = Counter()
        self.differing: list[tuple[str, Any, Any]] = []
        self.macs: Any = 0

    def gives(self, output: Any) -> bool:
        """Whether every tensor of an output is known, and nothing between was without a rule or another shape."""
        return not self.missing and not self.differing and all(id(tensor) in self.known for tensor in flat(output))

    def look(self, function: Any, args: Sequence[Any], kwargs: Mapping[str, Any], output: Any) -> None:
        """Hold one call against its rule."""
        made = list(flat(output))
        if not made:
            return
        self.kept.extend(made)
        self.known.update(map(id, made))
        found = _found(function, args, kwargs)
        if found is None:
            self.missing[name_of(function)] += 1
        elif found.shape != _shape(output):
            self.differing.append((name_of(function), found.shape, _shape(output)))
        else:
            self.macs = self.macs + found.macs


def _found(function: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Outcome | None:
    use = use_of(function, args, kwargs)
    try:
        return None if use is None else outcome(use)
    except ShapeError as error:
        return Outcome(str(error.diagnostics[0]), 0)
    except (TypeError, ValueError, KeyError, AttributeError):
        return None


def flat(output: Any) -> Any:
    """The tensors in an output, one after the other."""
    if isinstance(output, _torch().Tensor):
        yield output
    elif isinstance(output, Mapping):
        for part in output.values():
            yield from flat(part)
    elif isinstance(output, (tuple, list)):
        for part in output:
            yield from flat(part)


@cache
def watcher() -> Any:
    """The class of a mode that holds every torch function called meanwhile against its rule."""

    class Watching(_torch().overrides.TorchFunctionMode):  # type: ignore[misc]
        def __init__(self, known: Sequence[Any]) -> None:
            super().__init__()
            self.seen = _Watched(known)

        def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            output = func(*args, **(kwargs or {}))
            self.seen.look(func, args, kwargs or {}, output)
            return output

    return Watching
