"""The referee: a report held against real torch modules. The only file that imports torch and builds its modules.

Every layer is built as `torch.nn.<type>` with the resolved arguments, or as the function of a shape operation, and
is fed the tensor torch made one layer before; shape and number of parameters must be those of the row. Only shapes
matter, so no weights are drawn where that would cost, one module's weights live at a time, and a tensor is dropped
after its last use. A layer that prediction refuses is offered to torch in a process that may die
(`child.py`). Torch is imported when first needed, and nothing of its answers ever enters a prediction.

Main definitions: `verify`, `build`, `module`, `versions`.   Codes: SP401 to SP407.
"""

from __future__ import annotations

import pickle
import platform
import sys
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache, reduce
from inspect import signature
from typing import Any, NamedTuple

from shapecheck.child import Answers, Death
from shapecheck.costs import CELL, Cost, available_memory, cost, last_uses
from shapecheck.diagnostics import Diagnostic
from shapecheck.inference import infer
from shapecheck.layers.along import FUNCTIONS
from shapecheck.layers.base import LIMIT, Layer, shape_text
from shapecheck.layers.elementwise import ARITY
from shapecheck.net import Network, Source, numbers
from shapecheck.offers import Offer, offer_of
from shapecheck.report import Report, Row
from shapecheck.stand_ins import batch_names, known_sizes, stand_ins
from shapecheck.verdicts import (
    bug,
    meta_differs,
    no_cuda,
    no_torch,
    other_tensor,
    quoting,
    release,
    stood_in,
    too_large,
    words_of,
)

DEVICES = ("auto", "cpu", "meta", "cuda")
AUTO_MEMORY, AUTO_WORK = (
    0.25,
    2 * 10**11,
)  # "auto": real tensors up to this share of the free memory, these multiply-adds
SHARE, CPU_WORK = 0.75, 10**13  # a device that was asked for: this share of its free memory; some minutes of work
FEW_PARAMETERS = 5_000  # up to here drawing weights is cheaper than going round it
MOST_OFFERS = 1000

TOO_LARGE = ("can't allocate memory", "integer multiplication overflow", "Storage size calculation overflowed",
             "array is too big", "out of memory", "not enough memory", "Invalid buffer size")  # fmt: skip

INDEX_INPUTS: dict[str, tuple[int, ...]] = {
    "Embedding": (0,), "EmbeddingBag": (0, 1), "Take": (1,), "MaxUnpool1d": (1,), "MaxUnpool2d": (1,),
    "MaxUnpool3d": (1,),
}  # fmt: skip
"""The inputs that are indices: int64, all zero, hence in range."""


# The shape operations: functions in torch, not modules ----------------------------------------------------------------


def _fold(name: str) -> Callable[..., Any]:
    def fold(first: Any, second: Any, *others: Any) -> Any:
        function = getattr(_torch(), name)
        return reduce(function, others, function(first, second))

    return fold


def _listed(name: str) -> Callable[..., Any]:
    return lambda *xs, **arguments: getattr(_torch(), name)(xs, **arguments)


def _function(name: str) -> Callable[..., Any]:
    return lambda *xs, **arguments: getattr(_torch(), name)(*xs, **arguments)


def _method(name: str, *order: str) -> Callable[..., Any]:
    """A tensor's method, its arguments handed over by position in that order."""
    return lambda x, **arguments: getattr(x, name)(*(arguments[argument] for argument in order))


def _squeeze(x: Any, dim: Any = None) -> Any:
    return x.squeeze() if dim is None else x.squeeze(dim)


def _slice(x: Any, dim: int = 0, start: Any = None, end: Any = None, step: Any = None) -> Any:
    index = [slice(None)] * x.dim()
    index[dim] = slice(start, end, step)
    return x[tuple(index)]


def _of_cells(*xs: Any, function: str) -> Any:
    """A function of single cells; operands that were numbers stand as one half."""
    torch = _torch()
    most = ARITY[function][1]
    xs = (xs[0].bool(), *xs[1:]) if function == "where" else xs
    return getattr(torch, function)(*xs, *[torch.tensor(0.5, device=xs[0].device)] * (most - len(xs)))


def _by_name(x: Any, function: str, dim: Any = None, keepdim: bool = False) -> Any:
    """A reduction, or a function along a dimension."""
    torch = _torch()
    if function == "normalize":
        return torch.nn.functional.normalize(x, dim=dim)
    if function in FUNCTIONS:
        dim = (dim,) if function == "flip" and type(dim) is int else dim
        return torch.roll(x, 1, dim) if function == "roll" else getattr(torch, function)(x, dim)
    given = {} if dim is None else {"dim": dim}
    return getattr(torch, function)(x, **given, **({"keepdim": True} if keepdim else {}))


def _attention(*xs: Any, **arguments: Any) -> Any:
    return _torch().nn.functional.scaled_dot_product_attention(*xs, **arguments)


OPERATIONS: dict[str, Callable[..., Any]] = {
    "Add": _fold("add"),
    "Mul": _fold("mul"),
    "Concat": _listed("cat"),
    "Stack": _listed("stack"),
    "MatMul": _function("matmul"),
    "Reshape": _function("reshape"),
    "View": _method("view", "shape"),
    "Expand": _method("expand", "sizes"),
    "Permute": _function("permute"),
    "Transpose": _function("transpose"),
    "Unsqueeze": _function("unsqueeze"),
    "Squeeze": _squeeze,
    "Chunk": _function("chunk"),
    "Split": _method("split", "split_size_or_sections", "dim"),
    "Slice": _slice,
    "Select": _function("select"),
    "Unbind": _function("unbind"),
    "Take": lambda x, index, dim: _torch().index_select(x, dim, index),
    "Repeat": _method("repeat", "repeats"),
    "RepeatInterleave": _function("repeat_interleave"),
    "Mean": _function("mean"),
    "Sum": _function("sum"),
    "Reduce": _by_name,
    "Along": _by_name,
    "Elementwise": _of_cells,
    "Einsum": lambda *xs, equation: _torch().einsum(equation, *xs),
    "DotAttention": _attention,
    "Constant": lambda shape: _torch().zeros(shape),
    "Weight": lambda shape: _torch().nn.Parameter(_torch().zeros(shape)),
}
"""Our name for an operation on shapes -> the torch function, called with the inputs and the layer's arguments."""


# Torch itself ---------------------------------------------------------------------------------------------------------


def _torch() -> Any:
    """Torch, imported quietly; an ImportError says why it cannot be had, whatever it failed of."""
    torch = sys.modules.get("torch")
    if torch is None:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                import torch
        except Exception as error:
            raise ImportError(f"{type(error).__name__}: {error}") from error
    if not hasattr(torch, "nn"):
        raise ImportError("the package of that name is not PyTorch")
    return torch


def versions() -> dict[str, str | None]:
    """The versions of shapeproof, Python and torch (None where they are not installed)."""
    try:
        torch = str(_torch().__version__)
    except ImportError:
        torch = None
    return {"shapeproof": release(), "python": platform.python_version(), "torch": torch}


@cache
def _operation_class() -> Any:
    class Operation(_torch().nn.Module):  # type: ignore[misc]
        """A torch function with its arguments, as a module without parameters."""

        def __init__(self, name: str, arguments: Mapping[str, Any]) -> None:
            super().__init__()
            self.name, self.function, self.arguments = name, OPERATIONS[name], arguments

        def forward(self, *inputs: Any) -> Any:
            return self.function(*inputs, **self.arguments)

        def extra_repr(self) -> str:
            return ", ".join([self.name, *(f"{name}={value!r}" for name, value in self.arguments.items())])

    return Operation


HELD = ("Constant", "Weight")  # what hangs on no input


@cache
def _held_class() -> Any:
    torch = _torch()

    class Held(torch.nn.Module):  # type: ignore[misc,name-defined]
        """A tensor of zeros, learnt or fixed, which it gives."""

        def __init__(self, learnt: bool, shape: Any, device: str) -> None:
            super().__init__()
            zeros = torch.zeros(shape, device=device)
            self.tensor: Any
            if learnt:
                self.tensor = torch.nn.Parameter(zeros)
            else:
                self.register_buffer("tensor", zeros)

        def forward(self) -> Any:
            return self.tensor

    return Held


def build(layer: Layer) -> Any:
    """The torch.nn.Module of a layer whose arguments are resolved, initialised, in the layer's training mode."""
    made = _construct(type(layer).__name__, layer.arguments())
    return made.train(getattr(layer, "training", True))


def _construct(name: str, arguments: Mapping[str, Any], device: str = "cpu", *, blank: bool = False) -> Any:
    """The module of that name on a device; `blank` leaves its weights zero instead of drawing them."""
    if name in HELD:
        return _held_class()(name == "Weight", arguments["shape"], device)
    if name in OPERATIONS:
        return _operation_class()(name, arguments)
    cls = getattr(_torch().nn, name)
    if device != "cpu":
        if not _takes_device(cls):
            return cls(**arguments).to(device)
        arguments = {**arguments, "device": device}
    if not blank:
        return cls(**arguments)
    with _blank_class()():
        return cls(**arguments)


@cache
def _blank_class() -> Any:
    torch = _torch()
    of_init = ("kaiming_uniform_", "kaiming_normal_", "uniform_", "normal_", "constant_")
    of_tensor = ("uniform_", "normal_", "fill_", "zero_")
    fills = {getattr(torch.nn.init, name) for name in of_init} | {getattr(torch.Tensor, name) for name in of_tensor}

    class Blank(torch.overrides.TorchFunctionMode):  # type: ignore[misc,name-defined]
        """Constructors that fill a tensor fill it with zeros: drawing costs, and what lies in fresh memory costs more.

        (Arithmetic on denormal numbers, which stray bytes often are, made VGG's convolutions ten times slower.)
        """

        def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            if func in fills:
                tensor = args[0] if args else kwargs["tensor"]
                return tensor if tensor.is_meta else tensor.zero_()
            return func(*args, **(kwargs or {}))

    return Blank


@cache
def _takes_device(cls: Any) -> bool:
    return "device" in signature(cls).parameters


def module(network: Network, sizes: Mapping[str, int] | None = None) -> Any:
    """One torch.nn.Module that runs the whole network: input tensors in, output tensor (or tuple of outputs) out.

    Arguments left to the input are resolved with `sizes`, open names with their stand-ins. The parts are `layers`, in
    the report's order. A network with a layer that prediction refuses raises ValueError.
    """
    chosen, report = stand_ins(network, sizes)
    known = {**(sizes or {}), **chosen}
    if any(row.params is None for row in report.rows):
        raise ValueError("\n".join(map(str, report.diagnostics)) or "the network cannot be built")
    parts = [_construct(type(row.layer).__name__, numbers(row.layer.arguments(), known)) for row in report.rows]  # type: ignore[union-attr]
    forwards = [numbers(row.layer.forward_arguments(), known) for row in report.rows]  # type: ignore[union-attr]
    return _network_class()(network, parts, forwards).train(network.training)


@cache
def _network_class() -> Any:
    class Whole(_torch().nn.Module):  # type: ignore[misc]
        """A network's layers and the order in which they read each other."""

        def __init__(self, network: Network, parts: list[Any], forwards: list[dict[str, Any]]) -> None:
            super().__init__()
            self.layers = _torch().nn.ModuleList(parts)
            self.forwards = forwards
            self.sources = [node.sources for node in network.nodes]
            self.wanted = [source for source, _ in network.outputs] or [len(network.inputs) + len(parts) - 1]
            kept = {source.value if isinstance(source, Source) else source for source in self.wanted}
            self.dying = [[value for value in dead if value not in kept] for dead in last_uses(network)]
            self.index_inputs = [INDEX_INPUTS.get(type(part).__name__, ()) for part in parts]
            self.input_names = [node.layer.input_names if node.layer else () for node in network.nodes]

        def forward(self, *inputs: Any) -> Any:
            values = list(inputs)
            for part, sources, named, dead, indices, names in zip(
                self.layers, self.sources, self.forwards, self.dying, self.index_inputs, self.input_names, strict=True
            ):
                read = [_read(values, source) for source in sources if source is not None]
                for index in indices:
                    if read[index].is_floating_point():
                        read[index] = read[index].long()
                values.append(_run(part, names, read, named))
                for value in dead:
                    values[value] = None
            wanted = tuple(_read(values, source) for source in self.wanted)
            return wanted[0] if len(wanted) == 1 else wanted

    return Whole


def _run(module: Any, names: Sequence[str], inputs: Sequence[Any], forward: Mapping[str, Any]) -> Any:
    """What the module gives for the inputs, handed over by name where it has names for them."""
    if not names:
        return module(*inputs, **forward)
    return module(**dict(zip(names, inputs, strict=False)), **forward)


def _read(values: list[Any], source: int | Source) -> Any:
    if not isinstance(source, Source):
        return values[source]
    value = values[source.value]
    for index in source.path:
        value = value[index]
    return value


def _zeros(shape: Any, device: str) -> Any:
    """A tensor of zeros of that shape, tensors nested like the shapes, None for None."""
    if shape is None:
        return None
    if any(isinstance(dim, tuple) or dim is None for dim in shape):
        return tuple(_zeros(part, device) for part in shape)
    return _torch().zeros(shape, device=device)


def _shape(output: Any) -> Any:
    """The shape of what torch gave, nested as torch nests it; None for what is no tensor."""
    if hasattr(output, "shape"):
        return tuple(output.shape)
    return tuple(map(_shape, output)) if isinstance(output, (tuple, list)) else None


@contextmanager
def _quiet() -> Iterator[None]:
    """Torch without warnings and gradients; the caller's random numbers go on as if nothing had been drawn."""
    torch = _torch()
    with warnings.catch_warnings(), torch.no_grad(), torch.random.fork_rng(devices=[]):
        warnings.simplefilter("ignore")
        yield


def _too_large(error: BaseException) -> bool:
    return isinstance(error, MemoryError) or any(mark in str(error) for mark in TOO_LARGE)


# What prediction refuses, torch must refuse too -----------------------------------------------------------------------


class Verdict(NamedTuple):
    """What became of an offer: "construct" or "forward" (refused there), "accepts" or "too-large"; torch's words."""

    outcome: str
    words: str


def answer(offer: Offer) -> Verdict:
    """Torch's verdict on an offer, on the CPU; it may take the process with it."""
    torch = _torch()
    torch.set_num_threads(1)  # a fork has none of its parent's worker threads, and would wait for them
    stage = "construct"
    try:
        with _quiet():
            made = _construct(offer.type, offer.arguments).train(offer.training)
            if offer.shapes is not None:
                stage = "forward"
                inputs = [_zeros(shape, "cpu") for shape in offer.shapes]
                _shape(made(*_with_indices(offer.type, inputs), **offer.forward))
    except Exception as error:
        return Verdict("too-large" if _too_large(error) else stage, words_of(error))
    return Verdict("accepts", "")


def _with_indices(name: str, inputs: list[Any]) -> list[Any]:
    """The inputs, those that must be indices replaced by zeros of int64."""
    for index in INDEX_INPUTS.get(name, ()):
        if index < len(inputs) and hasattr(inputs[index], "shape"):
            inputs[index] = _torch().zeros_like(inputs[index], dtype=_torch().int64)
    return inputs


# Verification ---------------------------------------------------------------------------------------------------------


def verify(
    network: Network,
    sizes: Mapping[str, int] | None = None,
    device: str = "auto",
    report: Report | None = None,
    progress: Callable[[int, Row], Any] | None = None,
) -> Report:
    """The report of a network, each row with torch's own shape, and `verified` the device where all of them agreed.

    `report` is a prediction already made; `progress(index, row)` is called after each layer. Open names stand for small
    numbers (`stand_ins.py`). `device` is "auto" (real tensors on the CPU if memory and work allow, else meta), "cpu",
    "meta" or "cuda"; ValueError for any other. Findings are those of `verdicts.py`, and torch's words are added to what
    prediction found. Nothing predicted is changed.
    """
    if device not in DEVICES:
        raise ValueError(f"device (= {device!r}) must be one of {', '.join(DEVICES)}")
    if report is None:
        report = infer(network, sizes)
    try:
        torch = _torch()
    except ImportError as error:
        return _with(report, no_torch(error, network.file))
    if device == "cuda" and not torch.cuda.is_available():
        return _with(report, no_cuda(torch.__version__, network.file))
    known = known_sizes(network, report)
    chosen: dict[str, int] = {}
    real = report
    if set(network.open_names()) - set(known):
        chosen, real = stand_ins(network, known, _errors(report))
    place, refusal = _place(network, real, device)
    if refusal is not None:
        return _with(report, refusal)
    check = _Check(network, report, real, {**known, **chosen}, place, asked=device != "auto")
    with _quiet(), Answers(answer, check.questions) as answers:
        rows = check.run(iter(answers), progress)
    fits = _errors(real) <= _errors(report)
    if not fits or any(name not in batch_names(network) for name in chosen):
        check.findings.append(stood_in(chosen, fits, network.file))
    verified = place if check.complete else None
    return report.replace(rows=tuple(rows), diagnostics=tuple(check.findings), verified=verified)


def _with(report: Report, finding: Diagnostic) -> Report:
    return report.replace(diagnostics=(*report.diagnostics, finding), verified=None)


def _errors(report: Report) -> int:
    return sum(finding.severity == "error" for finding in report.diagnostics)


def _place(network: Network, real: Report, device: str) -> tuple[str, Diagnostic | None]:
    """The device to run on, and the refusal where the network is too large for it."""
    need = cost(real)
    place = device
    if device == "auto":
        place = "cpu" if need.work <= AUTO_WORK and need.memory <= AUTO_MEMORY * available_memory() else "meta"
    limit = _exceeded(need, device if device != "auto" else "meta")
    severity = "note" if device == "auto" else "error"
    return place, None if limit is None else too_large(need, limit, place, severity, network.file)


def _exceeded(need: Cost, device: str) -> str | None:
    """What a network asks for beyond what the device that was asked for may give, in words."""
    if CELL * need.largest >= LIMIT:
        return f"a tensor of {need.largest} cells is beyond what torch can address"
    if device == "meta":
        return None
    memory = _torch().cuda.mem_get_info()[0] if device == "cuda" else available_memory()
    if need.memory > SHARE * memory:
        return (
            f"{need.memory / 2**30:.1f} GiB of memory are needed, {SHARE * memory / 2**30:.1f} may be used on {device}"
        )
    if device == "cpu" and need.work > CPU_WORK:
        return f"{need.work:.1e} multiply-adds are needed, {CPU_WORK:.0e} are the limit on the CPU"
    return None


class _Check:
    """One verification under way: `findings` grows, `complete` falls at the first layer that is not proved right."""

    def __init__(
        self, network: Network, report: Report, real: Report, sizes: Mapping[str, int], device: str, *, asked: bool
    ) -> None:
        self.network, self.report, self.real, self.sizes, self.device = network, report, real, sizes, device
        self.lack = "error" if asked else "note"  # how bad it is when memory runs out
        self.findings = list(report.diagnostics)
        self.complete = bool(report.rows)
        self.questions: list[Offer] = []
        self._asked: dict[int, int] = {}  # row -> question
        self._verdicts: list[Any] = []
        self._ask()

    def _ask(self) -> None:
        """Collect the questions: one for all rows that would ask the same."""
        known: dict[bytes, int] = {}
        for index, (row, actual) in enumerate(zip(self.report.rows, self.real.rows, strict=True)):
            if row.params is None and actual.params is None and len(self.questions) < MOST_OFFERS:
                offer = offer_of(actual, self.sizes, self.network.training)
                if offer is not None:
                    question = self._asked[index] = known.setdefault(pickle.dumps(offer), len(self.questions))
                    if question == len(self.questions):
                        self.questions.append(offer)

    def run(self, answers: Iterator[Any], progress: Callable[[int, Row], Any] | None) -> list[Row]:
        """The rows with torch's shapes."""
        values = [self._tensor(shape) for shape in self.real.inputs.values()]
        rows = []
        dying = last_uses(self.network)
        for index, (row, actual) in enumerate(zip(self.report.rows, self.real.rows, strict=True)):
            if actual.params is None:
                self.complete = False
                value, shape = self._tensor(actual.output), None
                if index in self._asked:
                    self._quote(row, actual, self._verdict(self._asked[index], answers))
            else:
                value, shape = self._run(row, actual, values)
            values.append(value)
            for dead in dying[index]:
                values[dead] = None
            rows.append(row._replace(torch=shape))
            if progress is not None:
                progress(index, rows[-1])
        return rows

    def _tensor(self, shape: Any) -> Any:
        """A tensor of a predicted shape; None where there can be none."""
        try:
            return _zeros(numbers(shape, self.sizes), self.device)
        except (RuntimeError, TypeError, ValueError, MemoryError):
            return None

    def _run(self, row: Row, actual: Row, values: list[Any]) -> tuple[Any, Any]:
        """What torch makes of the values, and its shape; a row that differs becomes a finding."""
        self.complete &= row.params is not None
        try:
            output, params = self._call(actual, self._inputs(actual, values), self.device)
        except Exception as error:
            return self._tensor(actual.output), self._failed(row, actual, error)
        shape = _shape(output)
        if self._agrees(row, actual, shape, params):
            return output, shape
        return self._tensor(actual.output), self._differs(row, actual, shape, params)

    def _inputs(self, row: Row, values: list[Any]) -> list[Any]:
        """The tensors a layer reads; fresh ones where a layer before gave none."""
        sources = [source for source in row.node.sources if source is not None]
        if any(values[_value(source)] is None for source in sources):
            return self._fresh(row, self.device)
        return _with_indices(type(row.layer).__name__, [_read(values, source) for source in sources])

    def _fresh(self, row: Row, device: str) -> list[Any]:
        inputs = [_zeros(shape, device) for shape in numbers(row.inputs, self.sizes)]
        return _with_indices(type(row.layer).__name__, inputs)

    def _call(self, row: Row, inputs: list[Any], device: str) -> tuple[Any, int]:
        """The module's output, and its number of parameters; its weights are gone when this returns."""
        layer = row.layer
        assert layer is not None
        name, arguments, forward = type(layer).__name__, layer.arguments(), layer.forward_arguments()
        if self.sizes:
            arguments, forward = numbers(arguments, self.sizes), numbers(forward, self.sizes)
        many = not isinstance(row.params, int) or row.params > FEW_PARAMETERS
        made = _construct(name, arguments, device, blank=many)
        if not self.network.training:
            made.eval()
        output = _run(made, layer.input_names, inputs, forward)
        return output, sum(weights.numel() for weights in made.parameters())

    def _agrees(self, row: Row, actual: Row, shape: Any, params: int) -> bool:
        assert actual.layer is not None
        return shape == self._predicted(row, actual) and params == numbers(actual.layer.params(), self.sizes)

    def _predicted(self, row: Row, actual: Row) -> Any:
        """The predicted shape with numbers put in, which must be what is predicted for the numbers."""
        late = numbers(actual.output if row.params is None else row.output, self.sizes)
        early = numbers(actual.output, self.sizes)
        return early if late == early else (late, early)

    def _failed(self, row: Row, actual: Row, error: Exception) -> Any:
        """Torch did not take what prediction takes: the finding that says why, and the shape if the CPU takes it."""
        words = words_of(error)
        if _too_large(error):
            finding = Diagnostic(
                "SP402", f"not verified: {words}", self.lack, hint="--device meta", facts={"torch": words}
            )
        elif self._takes_fresh(row, actual):
            finding = other_tensor(actual, words)
        elif self.device == "meta":
            return self._appeal(row, actual, words)
        else:
            message = f"shapeproof predicts {shape_text(actual.output)}, torch refuses the layer"
            finding = quoting(bug(actual, message, {"predicted": actual.output}, versions()), words)
        self._find(row, finding)
        return None

    def _takes_fresh(self, row: Row, actual: Row) -> bool:
        """Whether torch takes new tensors of the same shapes: then memory layout or type is at fault."""
        try:
            output, params = self._call(actual, self._fresh(actual, self.device), self.device)
        except Exception:
            return False
        return self._agrees(row, actual, _shape(output), params)

    def _appeal(self, row: Row, actual: Row, words: str) -> Any:
        """The shape on the CPU, whose word counts, where torch's meta device differs."""
        need = cost(self.real, only=actual)
        if need.work > AUTO_WORK or need.memory > AUTO_MEMORY * available_memory():
            self._find(row, meta_differs(words, asked=False))
            return None
        try:
            output, params = self._call(actual, self._fresh(actual, "cpu"), "cpu")
        except Exception as error:
            message = f"shapeproof predicts {shape_text(actual.output)}, torch refuses the layer"
            self._find(row, quoting(bug(actual, message, {"predicted": actual.output}, versions()), words_of(error)))
            return None
        shape = _shape(output)
        if self._agrees(row, actual, shape, params):
            self._find(row, meta_differs(words, asked=True), harmless=True)
            return shape
        return self._disagreement(row, actual, shape, params)

    def _differs(self, row: Row, actual: Row, shape: Any, params: int) -> Any:
        """Torch's shape (the CPU's, where meta differs), with the finding that says what differs."""
        if self.device == "meta":
            return self._appeal(row, actual, shape_text(shape))
        return self._disagreement(row, actual, shape, params)

    def _disagreement(self, row: Row, actual: Row, shape: Any, params: int) -> Any:
        expected = self._predicted(row, actual)
        if shape != expected:
            message = f"shapeproof predicts {shape_text(expected)}, torch gives {shape_text(shape)}"
        else:
            message = f"shapeproof counts {actual.params} parameters, torch counts {params}"
        facts = {"predicted": expected, "torch": shape, "params": actual.params, "torch_params": params}
        self._find(row, bug(actual, message, facts, versions()))
        return shape

    def _verdict(self, question: int, answers: Iterator[Any]) -> Any:
        while len(self._verdicts) <= question:
            self._verdicts.append(next(answers))
        return self._verdicts[question]

    def _quote(self, row: Row, actual: Row, verdict: Verdict | Death) -> None:
        """Put torch's words into the findings about a refused layer, or say that it does not refuse."""
        places = [
            place for place, finding in enumerate(self.findings)
            if finding.layer == row.name and finding.severity == "error" and finding.code != "SP307"
        ]  # fmt: skip
        codes = sorted({self.findings[place].code for place in places})
        if isinstance(verdict, Death):
            words = f"nothing, its process ended with {verdict.words}"
        elif verdict.outcome == "accepts":
            self._accepted(row, actual, codes)
            return
        elif verdict.outcome == "too-large" and "SP310" not in codes:
            words = f"nothing, the layer is too large to be tried ({verdict.words})"
        else:
            words = verdict.words
        for place in places:
            self.findings[place] = quoting(self.findings[place], words)

    def _accepted(self, row: Row, actual: Row, codes: list[str]) -> None:
        """A refused layer that torch takes: a bug, unless torch was only asked to build what is refused in forward."""
        fault = actual.node.fault
        if fault is None or fault.stage == "construct" or None not in actual.inputs:
            message = f"shapeproof refuses what torch accepts ({', '.join(codes) or 'told above'})"
            self._find(row, bug(actual, message, {"codes": codes}, versions()))

    def _find(self, row: Row, finding: Diagnostic, *, harmless: bool = False) -> None:
        """Record a finding about a row; the verification is no longer complete, unless it is harmless."""
        self.complete &= harmless
        told = finding._replace(message=f"{row.name}: {finding.message}")
        self.findings.append(told.at(self.network.file, *row.node.mark, row.name))


def _value(source: int | Source) -> int:
    return source.value if isinstance(source, Source) else source
