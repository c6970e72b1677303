"""A torch module's graph, as a `Network`: recorded from one pass on the meta device, open for other sizes.

The module's forward runs once, on a copy whose weights lie on torch's meta device: nothing is computed. A call of a
module with a rule and each torch function (`functions.py`) becomes a node; the sizes that forward asks for are open
numbers (`open_ints.py`), so that arguments made of them stay formulas. Every node's shape is compared with torch's own.
Names that the code fixes (a loop over a size, int() of one) become numbers, with the line that fixed them; what it only
compared becomes a guard. Forward that looks at values cannot be recorded: `Uncaptured` says where.

Main definitions: `capture`, `record`, `Capture`, `Uncaptured`.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import wraps
from inspect import Parameter as Word
from inspect import signature
from typing import Any, NamedTuple

from shapecheck.diagnostics import Diagnostic, ShapeError
from shapecheck.inference import infer
from shapecheck.layers import LAYERS
from shapecheck.layers.base import Layer, make, shape_text
from shapecheck.layers.base import signature as takes
from shapecheck.models.copies import on_meta
from shapecheck.models.functions import RULES, Ref, Use, bare
from shapecheck.models.modules import kind_of, layer_of, plain_value
from shapecheck.models.open_ints import OpenInt, OpenShape, Ratio, Watch, place
from shapecheck.net import Network, Node, Source, numbers
from shapecheck.report import Row
from shapecheck.sizes import Shape, Size, evaluate
from shapecheck.sizes import name as open_size
from shapecheck.torch_oracle import _torch, versions
from shapecheck.verdicts import bug, words_of

TAG = "_shapecheck_tag"  # the attribute of a tensor that says which value of the graph it is
OWNERS = "_shapecheck_owners"  # and of a constant, which parameters it is made of
INDEX = ("Embedding", "EmbeddingBag")


class Uncaptured(Exception):
    """The module has no graph that can be recorded; the text says why and where."""


class Tag(NamedTuple):
    """Which value of the graph a tensor is, and its sizes."""

    source: int | Source
    dims: Shape


class NoRule(Layer):
    """What there is no rule for: its output is torch's, for these sizes only."""

    __slots__ = ("count", "output")
    inputs = (0, None)

    def __init__(self, output: Any, count: int) -> None:
        self.output, self.count = output, count

    def shape(self, *inputs: Any) -> Any:
        """What torch gave."""
        return self.output

    def params(self) -> int:
        """What torch counts."""
        return self.count

    def field(self, seen: Any, inputs: Any, output: Any) -> None:
        """Not known."""

    def arguments(self) -> dict[str, Any]:
        """None that are known."""
        return {}


@dataclass
class Capture:
    """A recorded graph, torch's shape of each node, what has no rule, the names the code fixed, parameters not read."""

    network: Network
    torch: list[Any]
    findings: list[Diagnostic]
    hints: dict[str, int]
    unruled: list[str] = field(default_factory=list)
    pins: dict[str, str] = field(default_factory=dict)
    unread: dict[str, int] = field(default_factory=dict)


def capture(module: Any, *inputs: Any, training: bool | None = None, **kwargs: Any) -> Network:
    """The network of a torch module's graph, its batch and spatial sizes open as far as the module allows.

    Inputs are tensors, or shapes as tuples; `training` None leaves the module's mode. `infer(network, {"H": 320})`
    predicts other sizes without running anything. Raises `Uncaptured` where there is no graph, with the reason.

    >>> from torch import nn
    >>> network = capture(nn.Sequential(nn.Conv2d(3, 8, 3), nn.Flatten()), (1, 3, 32, 32))
    >>> str(infer(network).rows[1].output[1]), infer(network, {"N": 2, "H": 5, "W": 5}).rows[1].output
    ('8*(H - 2)*(W - 2)', (2, 72))
    """
    return record(module, inputs, kwargs, training=training).network


def record(
    module: Any, args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None, *, training: bool | None = None,
    name: str | None = None, open_names: bool = True,
) -> Capture:  # fmt: skip
    """The graph with what torch gave; tried with open sizes, with such that may be an index, and with numbers."""
    tries = ((True, False), (True, True), (False, False)) if open_names else ((False, False),)
    failure: BaseException | None = None
    for opened, indexable in tries:
        recorder = _Recorder(module, name or type(module).__name__, opened, indexable)
        try:
            return recorder.run(args, dict(kwargs or {}), training)
        except Uncaptured:
            raise
        except Exception as error:
            reason = recorder.reason(error)
            failure = error.with_traceback(None)
            if not recorder.watch.hints:
                break
    assert failure is not None
    raise Uncaptured(reason) from failure


# Inputs --------------------------------------------------------------------------------------------------------------

AXES = {2: (0, 1), 3: (0, 1, 2), 4: (0, 2, 3), 5: (0, 2, 3, 4)}  # which dimensions are left open, by rank
LETTERS = {2: "NT", 3: "NTL", 4: "NCHW", 5: "NCDHW"}
FEATURES = "TL"  # a sequence's length or its features: which, only the layers tell


def is_given_shape(value: Any) -> bool:
    """Whether this is a shape that stands for a tensor."""
    return isinstance(value, (tuple, list)) and bool(value) and all(type(size) is int for size in value)


class _Names:
    """The names of open dimensions: one for a letter and a number, so that images of one size stay so."""

    def __init__(self, opened: bool) -> None:
        self.opened = opened
        self.hints: dict[str, int] = {}

    def shape(self, sizes: tuple[int, ...]) -> Shape:
        """The shape with its open dimensions."""
        if not self.opened:
            return sizes
        axes, letters = AXES.get(len(sizes), (0,)), LETTERS.get(len(sizes), "NABCDEFG")
        return tuple(self.name(letters[d], n) if d in axes and n > 0 else n for d, n in enumerate(sizes))

    def name(self, letter: str, size: int) -> Size:
        """The name with that letter for that number."""
        for count in range(1, 100):
            name = letter if count == 1 else f"{letter}{count}"
            if self.hints.setdefault(name, size) == size:
                return open_size(name)
        raise AssertionError


# The recording -------------------------------------------------------------------------------------------------------


class _Recorder:
    """One pass of a module, each call noted."""

    def __init__(self, module: Any, name: str, opened: bool, indexable: bool) -> None:
        self.torch = _torch()
        self.module, self.name = getattr(module, "_orig_mod", module), name
        self.names = _Names(opened)
        self.watch = Watch(self.names.hints, indexable=indexable)
        self.nodes: list[Node] = []
        self.made: list[Any] = []  # torch's shape of each node
        self.inputs: dict[str, Shape] = {}
        self.findings: list[Diagnostic] = []
        self.unruled: list[str] = []
        self.unread: dict[str, int] = {}
        self.paths: dict[int, str] = {}
        self.stack: list[str] = []
        self.kinds: dict[str, str] = {}
        self.counted: set[int] = set()
        self.taken: dict[str, int] = {}
        self.root: Any = None
        self.known: set[int] = set()
        self.inside = False  # the forward of a module with a rule runs: what it calls is its own business
        self.shaped: set[int] = set()  # inputs given as shapes, whose type is therefore not known
        self.constants: dict[int, Ref] = {}
        self.kept: list[Any] = []  # constants whose id stands in `constants`
        self.layers: dict[int, Layer | None] = {}
        self.answers: dict[Any, Any] = {}
        self._getters: dict[Any, str] = {}

    def run(self, args: Sequence[Any], kwargs: dict[str, Any], training: bool | None) -> Capture:
        """The capture of one pass."""
        with self.torch.no_grad(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            root = on_meta(self.module)
            if training is not None:
                root.train(training)
            self.paths = {id(part): path for path, part in root.named_modules()}
            self.kinds = {path: type(part).__name__ for path, part in root.named_modules() if path}
            self.root = root
            self.owned = {id(weight): path for path, weight in root.named_parameters(remove_duplicate=False)}
            given, named = self.given(root, args, kwargs)
            with self.patched(), self.mode():
                output = root(*given, **named)
        wanted = [tag.source for tag in map(self.tag, _tensors(output)) if tag is not None]
        self.left_over(root)
        network = Network(
            self.name, self.inputs, tuple(self.nodes), tuple((source, None) for source in wanted), None, root.training,
        )  # fmt: skip
        return self.settle(network)

    def reason(self, error: BaseException) -> str:
        """Why a pass ended: what was said, and the module's own line."""
        frame, line = None, None
        trace = error.__traceback__
        while trace is not None:
            module = f"{trace.tb_frame.f_globals.get('__name__', '')}."
            if not module.startswith(("torch.", "shapecheck.")):
                frame, line = trace.tb_frame, trace.tb_lineno
            trace = trace.tb_next
        where = f" ({frame.f_code.co_filename}:{line})" if frame is not None else ""
        return f"{words_of(error)}{where}"

    # inputs ----------------------------------------------------------------------------------------------------------

    def given(self, root: Any, args: Sequence[Any], kwargs: dict[str, Any]) -> tuple[list[Any], dict[str, Any]]:
        """The arguments of forward on the meta device, their tensors known as the network's inputs."""
        names = _words(root.forward)
        single = len(args) == 1 and not kwargs and (hasattr(args[0], "shape") or is_given_shape(args[0]))
        given = []
        for index, value in enumerate(args):
            name = "input" if single else names[index] if index < len(names) else f"input{index + 1}"
            given.append(self.argument(name, value))
        named = {key: self.argument(key, value) for key, value in kwargs.items()}
        if not self.inputs:
            raise Uncaptured("no tensor goes in: give an input, as a tensor or a shape")
        count = len(self.inputs)
        assert count == len(self.made_inputs)
        return given, named

    made_inputs: list[Any]

    def argument(self, name: str, value: Any) -> Any:
        """An argument on the meta device, in lists and mappings too."""
        if not hasattr(self, "made_inputs"):
            self.made_inputs = []
        if isinstance(value, self.torch.Tensor):
            return self.input(name, value.detach().to("meta"))
        if is_given_shape(value):
            tensor = self.input(name, self.torch.empty(tuple(value), device="meta"))
            self.shaped.add(len(self.made_inputs) - 1)
            return tensor
        if isinstance(value, Mapping):
            return {key: self.argument(f"{name}.{key}", part) for key, part in value.items()}
        if isinstance(value, (tuple, list)):
            return type(value)(self.argument(f"{name}.{index}", part) for index, part in enumerate(value))
        return value

    def input(self, name: str, tensor: Any) -> Any:
        """The tensor, entered as an input of the network."""
        tensor = tensor.clone() if hasattr(tensor, TAG) else tensor
        dims = self.names.shape(tuple(tensor.shape))
        setattr(tensor, TAG, Tag(len(self.inputs), dims))
        self.inputs[name] = dims
        self.made_inputs.append(tensor)
        return tensor

    # calls of modules ------------------------------------------------------------------------------------------------

    @contextmanager
    def patched(self) -> Iterator[None]:
        """While it lasts, calls of modules come here first."""
        module = self.torch.nn.Module
        original = module.__call__
        recorder = self

        def call(self: Any, *args: Any, **kwargs: Any) -> Any:
            return recorder.called(self, original, args, kwargs)

        module.__call__ = call
        tensor, stack = self.torch.Tensor, []
        for owner, names in ((tensor, LISTED_METHODS), (self.torch, LISTED_FUNCTIONS)):
            for name in names:
                stack.append((owner, name, vars(owner).get(name)))
                setattr(owner, name, self.listing(getattr(owner, name)))
        try:
            yield
        finally:
            module.__call__ = original
            for owner, name, before in stack:
                if before is None:
                    delattr(owner, name)
                else:
                    setattr(owner, name, before)

    def listing(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """The function that takes open sizes one by one, which torch's own reading of arguments does not."""

        @wraps(function)  # torch tells functions by their names
        def call(*args: Any, **kwargs: Any) -> Any:
            if not _open(args):
                return function(*args, **kwargs)
            with self.torch._C.DisableTorchFunction():
                return self.function(function, args, kwargs)

        return call

    def called(self, module: Any, original: Callable[..., Any], args: Any, kwargs: Any) -> Any:
        """What a module gives: a node where there is a rule for it, else its own forward is followed."""
        if self.inside:
            return original(module, *args, **kwargs)
        path = self.paths.get(id(module))
        layer = self.layer_of(module)
        if layer is not None and (not args or isinstance(args[0], self.torch.Tensor)):
            with self.torch._C.DisableTorchFunction():  # what is asked here is not the model's asking
                bound = self.bound(module, layer, args, kwargs)
                if bound is not None:
                    return self.leaf(module, path, *bound, args, kwargs)
        self.stack.append(path if path is not None else type(module).__name__.lower())
        try:
            return original(module, *args, **kwargs)
        finally:
            self.stack.pop()

    def layer_of(self, module: Any) -> Layer | None:
        """The layer that a module is, looked up once."""
        if id(module) not in self.layers:
            with self.torch._C.DisableTorchFunction():
                hooked = module._forward_hooks or module._forward_pre_hooks
                self.layers[id(module)] = None if hooked else layer_of(module)
        return self.layers[id(module)]

    def bound(self, module: Any, layer: Layer, args: Any, kwargs: Any) -> tuple[Layer, list[Any]] | None:
        """The layer with what forward takes beside tensors, and the tensors it reads; None where it cannot be told."""
        if not kwargs and len(args) == 1 and not layer.forward:
            return layer, [args[0]]
        try:
            values = dict(list(signature(type(module).forward).bind(module, *args, **kwargs).arguments.items())[1:])
        except TypeError:
            return None
        own = {name: plain_value(values.pop(name)) for name in layer.forward if name in values}
        order = layer.input_names or tuple(values)
        inputs = [values.get(name) for name in order]
        while inputs and inputs[-1] is None:
            inputs.pop()
        least, most = layer.inputs
        if not least <= len(inputs) <= (len(inputs) if most is None else most):
            return None
        if not all(value is None or _tensors(value) for value in inputs):
            return None
        return (replace(layer, **own) if own else layer), inputs  # type: ignore[type-var]

    def leaf(self, module: Any, path: str | None, layer: Layer, inputs: list[Any], args: Any, kwargs: Any) -> Any:
        """The output of a module with a rule, entered as a node."""
        kind = kind_of(module) or type(layer).__name__
        if kind in INDEX:
            self.as_indices(inputs[0])
        output = self.answer(module, layer, args, kwargs)
        unseen = [weight for weight in module.parameters() if id(weight) not in self.counted]
        self.counted |= {id(weight) for weight in unseen}
        count = sum(weight.numel() for weight in unseen)
        name = self.name_of(path if path else f"{self.prefix()}{kind.lower()}")
        refs = [self.ref(value) for value in inputs]
        given = {key: value for key, value in layer.arguments().items()} | layer.forward_arguments()
        if takes(type(layer)).trains:
            given["training"] = layer.training  # type: ignore[attr-defined]
        inplace = bool(getattr(layer, "inplace", False))
        return self.enter(name, kind, layer, refs, given, output, count, args[0] if inplace and args else None, args)

    def answer(self, module: Any, layer: Layer, args: Any, kwargs: Any) -> Any:
        """Torch's output for a call; what it said to the same layer and tensors alike it is not asked again."""
        question = None
        if len(args) == 1 and not kwargs and not getattr(layer, "inplace", False):
            x = args[0]
            question = (layer, tuple(x.shape), x.stride(), x.dtype, module.training, type(module))
            try:
                known = self.answers.get(question)
            except TypeError:  # an argument that is a list
                question = known = None
            if known is not None:
                return self.torch.empty_like(known)
        self.inside = True
        try:
            output = module.forward(*args, **kwargs)
        finally:
            self.inside = False
        if question is not None and isinstance(output, self.torch.Tensor) and output is not args[0]:
            self.answers[question] = output.detach()
        return output

    def as_indices(self, tensor: Any) -> None:
        """Make an input that was given as a shape the whole numbers that it must be."""
        tag = self.tag(tensor)
        if tag is not None and isinstance(tag.source, int) and tag.source in self.shaped and tensor.is_floating_point():
            tensor.data = self.torch.empty(tensor.shape, dtype=self.torch.int64, device="meta")

    # functions -------------------------------------------------------------------------------------------------------

    def mode(self) -> Any:
        """While it lasts, calls of torch's functions come here first."""
        recorder = self

        class Mode(self.torch.overrides.TorchFunctionMode):  # type: ignore[misc,name-defined]
            def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
                return recorder.function(func, args, kwargs or {})

        return Mode()

    def named(self, func: Any) -> str:
        """The bare name of a function; a property has a dot before its own."""
        known = self._getters.get(func)
        if known is None:
            name = getattr(func, "__name__", "")
            if name in ("__get__", "__set__"):
                own = getattr(func.__self__, "__name__", "")
                name = own if name == "__get__" and own in MIRRORS else ("." if name == "__get__" else "=") + own
            else:
                name = name if name in ("__len__",) else bare(name)
            known = self._getters[func] = name
        return known

    def function(self, func: Any, args: Any, kwargs: Any) -> Any:
        """What a torch function gives: entered as a node where it is a tensor that hangs on the input."""
        name = self.named(func)
        if name == ".shape" or name == "size":
            return self.asked_shape(args, kwargs)
        if name[:1] in (".", "="):
            return func(*args, **kwargs)
        if name in ASKED:
            return self.asked(name, func, args, kwargs)
        tensors = _tensors((args, kwargs))
        known = [tensor for tensor in tensors if hasattr(tensor, TAG)]
        if not known and not _open(args) and not _open(kwargs):
            return self.constant(func, args, kwargs, tensors)
        if not known and not tensors and name not in RULES:
            return func(*_closed(args, self.watch.pin), **_closed(kwargs, self.watch.pin))
        if name == "embedding" and tensors:
            self.as_indices(tensors[0])
        real = _closed(args, self.watch.number, meta=bool(known)), _closed(kwargs, self.watch.number, meta=bool(known))
        output = func(*real[0], **real[1])
        if name == "iter":
            output = tuple(output)
        if not _tensors(output):
            return output
        if name in ("setitem",):
            return output
        result = self.node(name, args, kwargs, output)
        return iter(result) if name == "iter" else result

    def asked_shape(self, args: Any, kwargs: Any) -> Any:
        """A shape, or one of its sizes, as the code gets it."""
        tensor = args[0]
        tag = self.tag(tensor)
        rest = args[1:] or tuple(kwargs.values())
        if tag is None or all(type(dim) is int for dim in tag.dims):
            return tensor.shape[rest[0]] if rest and rest[0] is not None else tensor.shape
        dims = tuple(map(self.watch.wrap, tag.dims))
        return dims[rest[0]] if rest and rest[0] is not None else OpenShape(dims)

    def asked(self, name: str, func: Any, args: Any, kwargs: Any) -> Any:
        """What else code asks of a tensor and is answered with a number."""
        tag = self.tag(args[0]) if args else None
        if tag is not None and name in ("numel", "nelement"):
            return OpenShape(map(self.watch.wrap, tag.dims)).numel()
        if tag is not None and name == "__len__":
            return self.watch.pin(tag.dims[0])
        return func(*args, **kwargs)

    def constant(self, func: Any, args: Any, kwargs: Any, tensors: list[Any]) -> Any:
        """What a function makes of constants: a constant, which remembers the parameters in it."""
        output = func(*args, **kwargs)
        owners: dict[int, Any] = {}
        for tensor in tensors:
            if isinstance(tensor, self.torch.nn.Parameter):
                owners[id(tensor)] = tensor
            owners |= getattr(tensor, OWNERS, {})
        self.unknown(tensors)
        for tensor in _tensors(output):
            if not isinstance(tensor, self.torch.nn.Parameter):
                setattr(tensor, OWNERS, owners)
        return output

    def unknown(self, tensors: Iterable[Any]) -> None:
        """Stop where a tensor is neither a value of the graph nor known as a constant: it came by a hidden way."""
        for tensor in tensors:
            if not tensor.is_meta:  # whatever hangs on the input lies on meta
                continue
            known = hasattr(tensor, TAG) or hasattr(tensor, OWNERS) or id(tensor) in self.held()
            if not known and tensor.untyped_storage()._cdata not in self.held():
                raise Uncaptured(f"a tensor {shape_text(tuple(tensor.shape))} comes from where it cannot be followed")

    def held(self) -> set[int]:
        """The ids of the tensors that the module holds, and of the memory in which their cells would lie."""
        if not self.known:
            tensors = [tensor for part in self.root.modules() for tensor in _tensors(_attributes(part))]
            self.known = {id(tensor) for tensor in tensors}
            self.known |= {tensor.untyped_storage()._cdata for tensor in tensors if not hasattr(tensor, TAG)}
        return self.known

    def node(self, name: str, args: Any, kwargs: Any, output: Any) -> Any:
        """The node, or nodes, of a function; the output is given back, known as their value."""
        used: Use | Ref | None = None
        rule = RULES.get(name)
        mapped_args, mapped = self.mapped(args), self.mapped(kwargs)
        if rule is not None:
            mapped = {
                key: value for key, value in mapped.items() if key not in ("inplace", "out", "dtype", "generator")
            }
            if name == "full" or name == "zeros" or name == "arange":
                mapped.pop("device", None)
            try:
                used = rule(*mapped_args, **mapped)
            except (TypeError, ValueError, AttributeError, IndexError, ShapeError):
                used = None
        target = args[0] if args and any(output is value for value in args[:1]) else None
        if isinstance(used, Ref):
            tag = self.tag_of(used)
            if tag is not None and numbers(tag.dims, self.watch.hints) == tuple(output.shape):
                output = output if target is not None else _alias(output)
                setattr(output, TAG, tag)
                return output
            used = None
        if isinstance(used, Use):
            made = self.use(name, used, output, target, args, kwargs)
            if made is not None:
                return made
        return self.no_rule(name, args, kwargs, output, target)

    def use(self, name: str, used: Use, output: Any, target: Any, args: Any, kwargs: Any) -> Any:
        """The nodes of a rule's answer; None where the layer cannot be made, or says something else than torch."""
        before = len(self.nodes), len(self.made), dict(self.taken), len(self.findings)
        inputs = []
        for value in used.inputs:
            inputs.append(self.step(name, value) if isinstance(value, Use) else value)
            if inputs[-1] is None:
                del self.nodes[before[0] :], self.made[before[1] :]
                self.taken = before[2]
                return None
        made = self.layer(used)
        if made is None:
            del self.nodes[before[0] :], self.made[before[1] :]
            self.taken = before[2]
            return None
        kind, layer, given = made
        absorbed = self.absorbed(args, kwargs, [value for value in used.inputs if isinstance(value, Ref)])
        count = sum(weight.numel() for weight in absorbed)
        label = self.name_of(f"{self.prefix()}{name}")
        return self.enter(label, kind, layer, inputs, given, output, count, target, args)

    def step(self, name: str, used: Use) -> Ref | None:
        """A step before the last one: torch did both at once, so that its shape is ours."""
        inputs = []
        for value in used.inputs:
            inputs.append(self.step(name, value) if isinstance(value, Use) else value)
            if inputs[-1] is None:
                return None
        made = self.layer(used)
        if made is None:
            return None
        kind, layer, given = made
        read = [self.materialised(ref) for ref in inputs if ref is not None]
        try:
            dims = layer.resolve(*(ref.shape for ref in read)).shape(*(ref.shape for ref in read))
        except ShapeError:
            return None
        label = self.name_of(f"{self.prefix()}{name}.{kind.lower()}")
        source = self.append(label, kind, layer, read, given, numbers(dims, self.watch.hints), None)
        return Ref(source, dims)

    def layer(self, used: Use) -> tuple[str, Layer, dict[str, Any]] | None:
        """The type, the layer and its arguments; None where torch's constructor would refuse them."""
        kind = used.kind
        given = dict(used.arguments)
        if kind not in LAYERS:
            return None
        cls = LAYERS[kind]
        if takes(cls).trains and "training" not in given:
            given["training"] = False
        try:
            return kind, make(cls, given), given
        except (ShapeError, TypeError):
            try:
                return kind, make(cls, numbers(given, self.watch.hints)), given
            except (ShapeError, TypeError):
                return None

    def absorbed(self, args: Any, kwargs: Any, read: list[Ref]) -> list[Any]:
        """The parameters, not counted before, that a function takes and that are no inputs of its node."""
        shown = {id(ref.tensor) for ref in read}
        found = []
        for tensor in _tensors((args, kwargs)):
            if id(tensor) in shown or hasattr(tensor, TAG):
                continue
            for weight in self.weights(tensor):
                if id(weight) not in self.counted:
                    self.counted.add(id(weight))
                    found.append(weight)
        return found

    def weights(self, tensor: Any) -> list[Any]:
        """The parameters that a constant is, or is made of."""
        own = [tensor] if isinstance(tensor, self.torch.nn.Parameter) else []
        return own + list(getattr(tensor, OWNERS, {}).values())

    # nodes -----------------------------------------------------------------------------------------------------------

    def enter(
        self, name: str, kind: str, layer: Layer, inputs: list[Any], given: dict[str, Any], output: Any, count: int,
        target: Any, args: Any,
    ) -> Any:  # fmt: skip
        """The output, known as the value of a new node whose prediction is held against it."""
        inputs = [None if ref is None else self.materialised(ref) for ref in inputs]
        real = _shape(output)
        dims = self.predicted(name, layer, [None if ref is None else ref.shape for ref in inputs], given, real)
        if dims is None:
            layer, kind, dims = NoRule(real, count), f"{kind} (no rule)", real
            self.unruled.append(name)
            self.pin_all([ref.shape for ref in inputs if ref is not None])
        number = self.append(name, kind, layer, inputs, given, real, count)
        return self.tagged(output, number, dims, target, args)

    def predicted(self, name: str, layer: Layer, shapes: list[Any], given: dict[str, Any], real: Any) -> Any:
        """The sizes our rule gives, open where they may be; those of torch where ours are wrong for open sizes."""
        hints = self.watch.hints
        try:
            dims = layer.resolve(*shapes).shape(*shapes)
            if numbers(dims, hints) == real:
                return dims
        except (ShapeError, TypeError, ValueError, ZeroDivisionError, AttributeError):
            pass
        said: Any = None
        for kept in ([name for name in hints if name.startswith("N")], []):
            known = {name: size for name, size in hints.items() if name not in kept}
            closed = numbers(shapes, known)
            try:
                said = settle(layer, given, known).resolve(*closed).shape(*closed)
            except (ShapeError, TypeError, ValueError, ZeroDivisionError, AttributeError) as error:
                said = words_of(error)
                continue
            if numbers(said, hints) == real:
                self.pin_all([shapes, list(given.values())], kept)
                return said
        self.findings.append(_disagreement(name, type(layer).__name__, layer, said, real, closed))
        return None

    def pin_all(self, values: Any, but: Sequence[str] = ()) -> None:
        """Fix the names in sizes, some left out: what hangs on them has no formula."""
        where = place()
        for size in _sizes_in(values):
            for name in size.names().difference(but):
                self.watch.pins.setdefault(name, where)

    def append(
        self, name: str, kind: str, layer: Layer, inputs: list[Any], given: dict[str, Any], real: Any, count: int | None
    ) -> int:
        """The number of the value of a new node."""
        sources = tuple(None if ref is None else ref.source for ref in inputs)
        waits = any(True for _ in _sizes_in(list(given.values())))
        params = None if count is None or count == layer.params() else count
        self.nodes.append(
            Node(name, kind, layer, sources, given=given, open=layer.unresolved, sized=waits, params=params)
        )
        self.made.append(real)
        return len(self.inputs) + len(self.nodes) - 1

    def tagged(self, output: Any, number: int, dims: Any, target: Any, args: Any) -> Any:
        """The output, its tensors known as values of the graph; none of them is a tensor that was there before."""
        if isinstance(output, self.torch.Tensor):
            if output is not target and hasattr(output, TAG):
                output = _alias(output)
            setattr(output, TAG, Tag(number, dims))
            return output
        return self.tagged_parts(output, number, (), dims)

    def tagged_parts(self, output: Any, number: int, path: tuple[int, ...], dims: Any) -> Any:
        """The same for several outputs."""
        if isinstance(output, self.torch.Tensor):
            setattr(output, TAG, Tag(Source(number, path), dims))
            return output
        if isinstance(output, (tuple, list)):
            for index, part in enumerate(output):
                self.tagged_parts(part, number, (*path, index), dims[index])
        return output

    def no_rule(self, name: str, args: Any, kwargs: Any, output: Any, target: Any) -> Any:
        """The output of a function without a rule: its shape is torch's, its inputs' names are fixed."""
        values = [tensor for tensor in _tensors((args, kwargs)) if hasattr(tensor, TAG)]
        inputs = [self.ref(tensor) for tensor in values]
        count = sum(weight.numel() for weight in self.absorbed(args, kwargs, []))
        self.pin_all([[ref.shape for ref in inputs], self.mapped(args), list(self.mapped(kwargs).values())])
        label = self.name_of(f"{self.prefix()}{name}")
        self.unruled.append(label)
        real = _shape(output)
        number = self.append(label, f"{name} (no rule)", NoRule(real, count), inputs, {}, real, count)
        return self.tagged(output, number, real, target, args)

    def name_of(self, path: str) -> str:
        """A name that no node has yet."""
        path = path.replace("[", "(").replace("]", ")") or self.name
        times = self.taken[path] = self.taken.get(path, 0) + 1
        return path if times == 1 else self.name_of(f"{path}_{times}")

    def prefix(self) -> str:
        """The path of the module whose forward runs, with a dot."""
        return f"{self.stack[-1]}." if self.stack and self.stack[-1] else ""

    # tensors as rules see them ---------------------------------------------------------------------------------------

    def tag(self, tensor: Any) -> Tag | None:
        """Which value a tensor is; None for a constant."""
        return getattr(tensor, TAG, None)

    def tag_of(self, ref: Ref) -> Tag | None:
        """The tag of a value that rules have handled."""
        return None if ref.source is None else Tag(ref.source, ref.shape)

    def ref(self, value: Any) -> Any:
        """A tensor as rules see it, None as None, several as a Ref with nested shapes."""
        if value is None:
            return None
        if isinstance(value, (tuple, list)):
            tags = [self.ref(part) for part in value]
            first = tags[0]
            if first is not None and isinstance(first.source, Source) and len(first.source.path) > 0:
                source = Source(first.source.value, first.source.path[:-1])
                return Ref(source if source.path else source.value, tuple(tag.shape for tag in tags))
            raise Uncaptured("a layer reads tensors together that do not come from one place")
        tag = self.tag(value)
        if tag is None:
            self.unknown([value])
        return Ref(None, tuple(value.shape), value) if tag is None else Ref(tag.source, tag.dims)

    def mapped(self, value: Any) -> Any:
        """Arguments as rules see them: tensors as Refs, open numbers as sizes."""
        if isinstance(value, self.torch.Tensor):
            return self.ref(value)
        if isinstance(value, OpenInt):
            return value.size
        if isinstance(value, Ratio):
            return float(value)
        if isinstance(value, slice):
            return slice(self.mapped(value.start), self.mapped(value.stop), self.mapped(value.step))
        if isinstance(value, dict):
            return {key: self.mapped(part) for key, part in value.items()}
        if isinstance(value, (tuple, list)):
            parts = [self.mapped(part) for part in value]
            return parts if type(value) is list else tuple(parts)
        return value

    def materialised(self, ref: Ref) -> Ref:
        """The ref, a constant given a node of its own: a Weight, counted once, or a Constant."""
        if ref.source is not None:
            return ref
        known = self.constants.get(id(ref.tensor))
        if known is not None:
            return known
        weights = self.weights(ref.tensor)
        is_parameter = isinstance(ref.tensor, self.torch.nn.Parameter)
        for weight in weights:
            if not is_parameter and id(weight) not in self.counted:
                self.parameter(weight)
        if is_parameter and id(ref.tensor) not in self.counted:
            made = self.parameter(ref.tensor)
        else:
            path = self.owned.get(id(ref.tensor), f"{self.prefix()}constant")
            layer = make(LAYERS["Constant"], {"shape": ref.shape})
            made = Ref(
                self.append(self.name_of(path), "Constant", layer, [], {"shape": ref.shape}, ref.shape, 0), ref.shape
            )
        self.constants[id(ref.tensor)] = made
        self.kept.append(ref.tensor)
        return made

    def parameter(self, weight: Any) -> Ref:
        """The node of a parameter."""
        self.counted.add(id(weight))
        shape = tuple(weight.shape)
        path = self.owned.get(id(weight), f"{self.prefix()}parameter")
        layer = make(LAYERS["Weight"], {"shape": shape})
        return Ref(self.append(self.name_of(path), "Weight", layer, [], {"shape": shape}, shape, None), shape)

    def left_over(self, root: Any) -> None:
        """Rows for the parameters that nothing read, so that the sum is torch's."""
        for weight in root.parameters():
            if id(weight) not in self.counted:
                self.parameter(weight)
                self.unread[self.nodes[-1].name] = weight.numel()

    # the end ---------------------------------------------------------------------------------------------------------

    def settle(self, network: Network) -> Capture:
        """The network with the names put in that the code fixed, and those that no other number fits."""
        pins = dict(self.watch.pins)
        network = fixed(network, {name: self.watch.hints[name] for name in pins})
        network = network._replace(guards=self.guards(pins), groups=dict(self.kinds))
        loose = {name: hint for name, hint in self.watch.hints.items() if name not in pins and name[0] in FEATURES}
        stuck = rigid(network, loose)
        if stuck:
            pins |= dict.fromkeys(stuck, "no other size was found to fit")
            network = fixed(network, {name: self.watch.hints[name] for name in stuck})
            network = network._replace(guards=self.guards(pins))
        hints = {name: hint for name, hint in self.watch.hints.items() if name in network.open_names()}
        return Capture(network, self.made, self.findings, hints, self.unruled, pins, self.unread)

    def guards(self, pins: Iterable[str]) -> tuple[Any, ...]:
        """The guards, the fixed names put in; those that are certain then are left out."""
        sizes = {name: self.watch.hints[name] for name in pins}
        kept = []
        for guard in self.watch.guards:
            difference = evaluate(guard.difference, sizes)
            if isinstance(difference, Size):
                kept.append(guard._replace(difference=difference))
        return tuple(kept)


LISTED_METHODS = ("expand", "new_zeros", "new_ones", "new_empty")  # what takes sizes as a list or one by one
LISTED_FUNCTIONS = ("zeros", "ones", "empty", "rand", "randn")
MIRRORS = ("T", "mT", "H", "data", "real")  # the properties that are tensors
ASKED = frozenset({
    "dim", "numel", "nelement", "__len__", "is_floating_point", "is_complex", "is_contiguous", "stride", "data_ptr",
    "element_size", "storage_offset", "get_device", "is_same_size", "is_tensor", "ndimension", "is_set_to", "is_signed",
    "is_nonzero", "__contains__", "__format__", "__repr__", "hash", "is_inference", "is_neg", "is_conj", "has_names",
})  # fmt: skip
"""What is answered with a number or a truth, whatever the tensor is."""


def settle(layer: Layer, given: Mapping[str, Any], sizes: Mapping[str, int]) -> Layer:
    """The layer with numbers in place of the open sizes among its arguments."""
    if isinstance(layer, NoRule) or not any(True for _ in _sizes_in(list(given.values()))):
        return layer
    return make(type(layer), numbers(dict(given), sizes))


def fixed(network: Network, sizes: Mapping[str, int]) -> Network:
    """The network with these names replaced by numbers, in its inputs and in its layers' arguments."""
    if not sizes:
        return network
    nodes = []
    for node in network.nodes:
        if node.sized and node.layer is not None:
            given = numbers(dict(node.given), sizes)
            waits = any(True for _ in _sizes_in(list(given.values())))
            layer = make(type(node.layer), given)
            node = replace(node, layer=layer, given=given, sized=waits)
        nodes.append(node)
    inputs = {name: numbers(shape, sizes) for name, shape in network.inputs.items()}
    return network._replace(nodes=tuple(nodes), inputs=inputs)


def rigid(network: Network, hints: Mapping[str, int]) -> list[str]:
    """The names for which no other number fits."""
    stuck = []
    for name, hint in hints.items():
        others = (hint + 1, 2 * hint, hint + 32, 3 * hint, max(1, hint - 1), max(1, hint // 2), hint + 4)
        if not any(_fits(network, {**hints, name: size}) for size in others):
            stuck.append(name)
    return stuck


def _fits(network: Network, sizes: Mapping[str, int]) -> bool:
    return infer(network, sizes).ok


def _disagreement(name: str, kind: str, layer: Layer, predicted: Any, real: Any, inputs: list[Any]) -> Diagnostic:
    said = predicted if isinstance(predicted, str) else shape_text(predicted)
    message = f"{name}: shapeproof predicts {said}, torch gives {shape_text(real)}"
    row = Row(Node(name, kind, layer, ()), tuple(inputs), None, None, None, None, layer)
    return bug(row, message, {"predicted": predicted, "torch": real}, versions())._replace(layer=name)


def _tensors(value: Any) -> list[Any]:
    """The tensors in a value, in lists and mappings too, in order."""
    found: list[Any] = []
    _collect(value, found)
    return found


def _attributes(part: Any) -> list[Any]:
    """What a module holds, its children left out."""
    return [value for name, value in vars(part).items() if name != "_modules"]


def _collect(value: Any, found: list[Any]) -> None:
    if hasattr(value, "is_meta"):
        found.append(value)
    elif isinstance(value, (tuple, list)):
        for part in value:
            _collect(part, found)
    elif isinstance(value, Mapping):
        for part in value.values():
            _collect(part, found)


def _open(value: Any) -> bool:
    """Whether an open number is among the arguments."""
    if isinstance(value, (OpenInt, Ratio)):
        return True
    if isinstance(value, (tuple, list)):
        return any(map(_open, value))
    if isinstance(value, dict):
        return any(map(_open, value.values()))
    return isinstance(value, slice) and any(map(_open, (value.start, value.stop, value.step)))


def _closed(value: Any, number: Callable[[Any], int], *, meta: bool = False) -> Any:
    """Arguments as torch gets them: open numbers as ints, constants on the meta device where the others are."""
    if isinstance(value, OpenInt):
        return number(value.size)
    if isinstance(value, Ratio):
        return number(value.num) / number(value.den)
    if type(value) is dict:
        return {key: _closed(part, number, meta=meta) for key, part in value.items()}
    if isinstance(value, slice):
        return slice(*(_closed(part, number, meta=meta) for part in (value.start, value.stop, value.step)))
    if isinstance(value, (tuple, list)):
        parts = [_closed(part, number, meta=meta) for part in value]
        return parts if type(value) is list else tuple(parts)
    if meta and hasattr(value, "is_meta") and not value.is_meta and value.dim():
        return value.to("meta")
    return value


def _sizes_in(value: Any) -> Iterator[Size]:
    if isinstance(value, Size):
        yield value
    elif isinstance(value, (tuple, list)):
        for part in value:
            yield from _sizes_in(part)
    elif isinstance(value, dict):
        yield from _sizes_in(list(value.values()))
    elif isinstance(value, slice):
        yield from _sizes_in([value.start, value.stop, value.step])
    elif isinstance(value, Ref):
        yield from _sizes_in(value.shape)


def _shape(output: Any) -> Any:
    """The shapes of what torch gave, nested as it is."""
    if hasattr(output, "shape"):
        return tuple(output.shape)
    return tuple(map(_shape, output)) if isinstance(output, (tuple, list)) else None


def _alias(tensor: Any) -> Any:
    """Another tensor of the same cells."""
    return tensor.detach()


def _words(forward: Any) -> list[str]:
    """The names of forward's arguments that may be given by position."""
    try:
        own = signature(forward).parameters.values()
    except (TypeError, ValueError):
        return []
    return [word.name for word in own if word.kind in (Word.POSITIONAL_ONLY, Word.POSITIONAL_OR_KEYWORD)]
