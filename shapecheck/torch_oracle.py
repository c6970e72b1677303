"""The referee: a report held against real torch modules. The only file that imports torch and builds its modules.

Every layer is built as `torch.nn.<type>` with the resolved arguments, or as the function of a shape operation, and
is fed the tensor torch made one layer before; shape and number of parameters must be those of the row. Only shapes
matter, so weights stay uninitialised where initialising them would cost, one module's weights live at a time, and a
tensor is dropped after its last use. A layer that prediction refuses is offered to torch in a process that may die
(`child.py`). Torch is imported when first needed, and nothing of its answers ever enters a prediction.

Main definitions: `verify`, `build`, `module`, `versions`.   Codes: SP401 to SP406.
"""

from __future__ import annotations

import pickle
import platform
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache, reduce
from inspect import signature
from typing import Any, NamedTuple

from shapecheck.child import Answers, Death
from shapecheck.costs import CELL, available_memory, cost, last_uses
from shapecheck.diagnostics import Diagnostic
from shapecheck.inference import infer
from shapecheck.layers.base import LIMIT, Layer, shape_text
from shapecheck.net import Network, Source
from shapecheck.offers import Offer, offer_of
from shapecheck.report import Report, Row
from shapecheck.stand_ins import batch_names, known_sizes, numbers, stand_ins

DEVICES = ("auto", "cpu", "meta", "cuda")
AUTO_MEMORY, AUTO_WORK = (
    0.25,
    2 * 10**11,
)  # "auto": real tensors up to this share of the free memory, these multiply-adds
CPU_MEMORY, CPU_WORK = 0.75, 10**13  # "cpu": what is refused beyond; the work is some minutes
CUDA_MEMORY = 0.75
FEW_PARAMETERS = 50_000  # up to here initialising is cheaper than going round it
MOST_OFFERS = 1000
WORDS = 240  # characters of torch's message that are quoted

TOO_LARGE = ("can't allocate memory", "integer multiplication overflow", "Storage size calculation overflowed",
             "array is too big", "out of memory", "not enough memory", "Invalid buffer size")  # fmt: skip

INDEX_INPUTS: dict[str, tuple[int, ...]] = {
    "Embedding": (0,), "EmbeddingBag": (0, 1), "MaxUnpool1d": (1,), "MaxUnpool2d": (1,), "MaxUnpool3d": (1,),
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
    "Mean": _function("mean"),
    "Sum": _function("sum"),
}
"""Our name for an operation on shapes -> the torch function, called with the inputs and the layer's arguments."""


# Torch itself ---------------------------------------------------------------------------------------------------------


def _torch() -> Any:
    """Torch, quietly; an ImportError says why it cannot be had, whatever it failed of."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            import torch
    except Exception as error:
        raise ImportError(f"{type(error).__name__}: {error}") from error
    if not hasattr(torch, "nn"):
        raise ImportError("the package torch found here is not PyTorch")
    return torch


def versions() -> dict[str, str | None]:
    """The versions of shapeproof, Python and torch (None where they are not installed)."""
    try:
        torch = str(_torch().__version__)
    except ImportError:
        torch = None
    return {"shapeproof": _shapeproof("Version"), "python": platform.python_version(), "torch": torch}


def _shapeproof(entry: str) -> str | None:
    from importlib.metadata import PackageNotFoundError, metadata

    try:
        return metadata("shapeproof")[entry]
    except PackageNotFoundError:
        return None


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


def build(layer: Layer) -> Any:
    """The torch.nn.Module of a layer whose arguments are resolved, initialised, in the layer's training mode."""
    made = _construct(type(layer).__name__, layer.arguments())
    return made.train(getattr(layer, "training", True))


def _construct(name: str, arguments: Mapping[str, Any], device: str = "cpu", params: int = 0) -> Any:
    """The module of that name; with many parameters on a real device they are allocated and left as they are."""
    if name in OPERATIONS:
        return _operation_class()(name, arguments)
    cls = getattr(_torch().nn, name)
    if device == "cpu" and params <= FEW_PARAMETERS:
        return cls(**arguments)
    if not _takes_device(cls):
        return cls(**arguments).to(device)
    made = cls(**arguments, device="meta")
    return made if device == "meta" else made.to_empty(device=device)


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

        def forward(self, *inputs: Any) -> Any:
            values = list(inputs)
            for part, sources, named, dead, indices in zip(
                self.layers, self.sources, self.forwards, self.dying, self.index_inputs, strict=True
            ):
                read = [_read(values, source) for source in sources if source is not None]
                for index in indices:
                    if read[index].is_floating_point():
                        read[index] = read[index].long()
                values.append(part(*read, **named))
                for value in dead:
                    values[value] = None
            wanted = tuple(_read(values, source) for source in self.wanted)
            return wanted[0] if len(wanted) == 1 else wanted

    return Whole


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


def _words(error: BaseException) -> str:
    """What torch said: the first line that says something, cleaned and cut."""
    lines = [" ".join(line.split()) for line in str(error).splitlines()]
    first = next((line for line in lines if line), type(error).__name__)
    return first if len(first) <= WORDS else first[: WORDS - 1] + "…"


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
        return Verdict("too-large" if _too_large(error) else stage, _words(error))
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
    numbers (`stand_ins.py`). `device` is "auto" (real tensors on the CPU where memory and work allow, else meta),
    "cpu", "meta" or "cuda"; ValueError for any other. Findings: SP401 torch disagrees, SP402 too large, SP403 no torch
    (a note), SP404 no CUDA, SP405 torch refuses the tensor and not its shape, SP406 the numbers that stood in (a note).
    """
    if device not in DEVICES:
        raise ValueError(f"device (= {device!r}) must be one of {', '.join(DEVICES)}")
    if report is None:
        report = infer(network, sizes)
    try:
        torch = _torch()
    except ImportError as error:
        return _with(report, _no_torch(error))
    if device == "cuda" and not torch.cuda.is_available():
        message = f"cuda is asked for, and torch {torch.__version__} finds no CUDA device"
        return _with(report, Diagnostic("SP404", message, file=network.file, hint="--device auto"))
    known = known_sizes(network, report)
    chosen: dict[str, int] = {}
    real = report
    if set(network.open_names()) - set(known):
        chosen, real = stand_ins(network, known, _errors(report))
    place, refusal = _place(network, real, device)
    if refusal is not None:
        return _with(report, refusal)
    check = _Check(network, report, real, {**known, **chosen}, place, "error" if device == place else "note")
    notes = _stand_in_notes(network, chosen, report, real)
    with _quiet(), Answers(answer, check.questions) as answers:
        rows = check.run(iter(answers), progress)
    return report.replace(
        rows=tuple(rows), diagnostics=(*check.findings, *notes), verified=place if check.complete else None
    )


def _with(report: Report, finding: Diagnostic) -> Report:
    return report.replace(diagnostics=(*report.diagnostics, finding), verified=None)


def _errors(report: Report) -> int:
    return sum(finding.severity == "error" for finding in report.diagnostics)


def _no_torch(error: ImportError) -> Diagnostic:
    words = _words(error)
    return Diagnostic(
        "SP403", f"not verified: torch cannot be imported ({words})", "note",
        hint="pip install 'shapeproof[torch]' brings the referee", facts={"torch": words},
    )  # fmt: skip


def _stand_in_notes(network: Network, chosen: Mapping[str, int], report: Report, real: Report) -> list[Diagnostic]:
    """A note on the numbers that stood in for names other than the batch."""
    others = [name for name in chosen if name not in batch_names(network)]
    text = ", ".join(f"{name} = {size}" for name, size in chosen.items())
    if _errors(real) > _errors(report):
        names = " ".join(f"--size {name}=..." for name in chosen)
        message = f"not verified: no sizes were found at which all layers fit; the best of those tried was {text}"
        return [Diagnostic("SP406", message, "note", network.file, hint=f"give them: {names}", facts=dict(chosen))]
    if not others:
        return []
    return [Diagnostic("SP406", f"put to torch with {text}", "note", network.file, facts=dict(chosen))]


def _place(network: Network, real: Report, device: str) -> tuple[str, Diagnostic | None]:
    """The device to run on, and the refusal where the network is too large for it."""
    need = cost(real)
    if device == "auto":
        fits = need.memory <= AUTO_MEMORY * available_memory() and need.work <= AUTO_WORK
        place = "cpu" if fits else "meta"
    else:
        place = device
    limits = {
        "meta": (None, None),
        "cpu": (int(CPU_MEMORY * available_memory()), CPU_WORK),
        "cuda": (int(CUDA_MEMORY * _torch().cuda.mem_get_info()[0]) if place == "cuda" else None, None),
    }
    memory, work = limits[place]
    facts = {"bytes": need.memory, "macs": need.work, "cells": need.largest}
    if CELL * need.largest >= LIMIT:
        words = f"a tensor of {need.largest} cells is beyond what torch can address"
    elif device != "auto" and memory is not None and need.memory > memory:
        words = f"{_giga(need.memory)} of memory are needed on {place}, {_giga(memory)} may be used"
    elif device != "auto" and work is not None and need.work > work:
        words = f"{need.work:.1e} multiply-adds are needed, the limit on {place} is {work:.0e}"
    else:
        return place, None
    severity = "note" if device == "auto" else "error"
    hint = None if place == "meta" else "--device meta needs no memory and no arithmetic"
    return place, Diagnostic("SP402", f"not verified: {words}", severity, network.file, hint=hint, facts=facts)


def _giga(size: int) -> str:
    return f"{size / 2**30:.1f} GiB"


class _Check:
    """One verification under way: `findings` grows, `complete` falls at the first layer that is not proved right."""

    def __init__(
        self, network: Network, report: Report, real: Report, sizes: Mapping[str, int], device: str, severity: str
    ) -> None:
        self.network, self.report, self.real, self.sizes, self.device = network, report, real, sizes, device
        self.severity = severity  # of a lack of memory: an error where the device was asked for
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
                    question = known.setdefault(pickle.dumps(offer), len(self.questions))
                    self._asked[index] = question
                    if question == len(self.questions):
                        self.questions.append(offer)

    def run(self, answers: Iterator[Any], progress: Callable[[int, Row], Any] | None) -> list[Row]:
        """The rows with torch's shapes."""
        values = [_zeros(numbers(shape, self.sizes), self.device) for shape in self.real.inputs.values()]
        rows = []
        dying = last_uses(self.network)
        for index, (row, actual) in enumerate(zip(self.report.rows, self.real.rows, strict=True)):
            if actual.params is None:
                self.complete = False
                value, shape = self._nominal(actual), None
                if index in self._asked:
                    self._quote(row, actual, self._verdict(self._asked[index], answers))
            else:
                value, shape = self._run(row, actual, self._inputs(actual, values))
            values.append(value)
            for dead in dying[index]:
                values[dead] = None
            rows.append(row._replace(torch=shape))
            if progress is not None:
                progress(index, rows[-1])
        return rows

    def _nominal(self, row: Row) -> Any:
        """A tensor of the shape that the author most likely meant, None where there is none."""
        try:
            return None if row.output is None else _zeros(numbers(row.output, self.sizes), self.device)
        except (RuntimeError, TypeError, ValueError, MemoryError):
            return None

    def _inputs(self, row: Row, values: list[Any]) -> list[Any]:
        """The tensors a layer reads; fresh ones where a layer before gave none."""
        sources = [source for source in row.node.sources if source is not None]
        if any(values[_value(source)] is None for source in sources):
            return self._fresh(row)
        return _with_indices(type(row.layer).__name__, [_read(values, source) for source in sources])

    def _fresh(self, row: Row) -> list[Any]:
        inputs = [_zeros(shape, self.device) for shape in numbers(row.inputs, self.sizes)]
        return _with_indices(type(row.layer).__name__, inputs)

    def _run(self, row: Row, actual: Row, inputs: list[Any]) -> tuple[Any, Any]:
        """What torch makes of the inputs, and its shape; a row that differs becomes a finding."""
        self.complete &= row.params is not None
        try:
            output, params = self._call(actual, inputs)
        except Exception as error:
            return self._failed(row, actual, error)
        shape = _shape(output)
        if shape == self._expected(row, actual) and params == numbers(actual.params, self.sizes):
            return output, shape
        self._differs(row, actual, shape, params)
        return self._nominal(actual), shape

    def _call(self, row: Row, inputs: list[Any]) -> tuple[Any, int]:
        """The module's output, and its number of parameters; its weights are gone when this returns."""
        layer = row.layer
        assert layer is not None
        name, arguments, forward = type(layer).__name__, layer.arguments(), layer.forward_arguments()
        if self.sizes:
            arguments, forward = numbers(arguments, self.sizes), numbers(forward, self.sizes)
        made = _construct(name, arguments, self.device, row.params if isinstance(row.params, int) else 0)
        if not self.network.training:
            made.eval()
        output = made(*inputs, **forward)
        return output, sum(weights.numel() for weights in made.parameters())

    def _expected(self, row: Row, actual: Row) -> Any:
        """The predicted shape with numbers put in; what is predicted for the numbers must be the same."""
        open_one = numbers(actual.output if row.params is None else row.output, self.sizes)
        plain = numbers(actual.output, self.sizes)
        return plain if open_one == plain else (open_one, plain)

    def _failed(self, row: Row, actual: Row, error: Exception) -> tuple[Any, Any]:
        """The nominal tensor after torch did not take what prediction takes, with the finding that says why."""
        self.complete = False
        words = _words(error)
        if _too_large(error):
            self._find(row, "SP402", f"not verified: {words}", self.severity, "--device meta", {"torch": words})
        elif self._takes_fresh(row, actual):
            message = f"torch refuses this tensor, though not its shape; torch says: {words}"
            self._find(row, "SP405", message, "error", _other_tensor(actual), {"torch": words})
        else:
            message = f"shapeproof predicts {shape_text(actual.output)}, torch refuses the layer; torch says: {words}"
            self._bug(row, actual, message, {"predicted": actual.output, "torch": words})
        return self._nominal(actual), None

    def _takes_fresh(self, row: Row, actual: Row) -> bool:
        """Whether torch takes new tensors of the same shapes: then memory layout or type is at fault."""
        try:
            output, _ = self._call(actual, self._fresh(actual))
        except Exception:
            return False
        return _shape(output) == self._expected(row, actual)

    def _differs(self, row: Row, actual: Row, shape: Any, params: int) -> None:
        self.complete = False
        expected = self._expected(row, actual)
        if shape != expected:
            message = f"shapeproof predicts {shape_text(expected)}, torch gives {shape_text(shape)}"
        else:
            message = f"shapeproof counts {actual.params} parameters, torch counts {params}"
        facts = {"predicted": expected, "torch": shape, "params": actual.params, "torch_params": params}
        self._bug(row, actual, message, facts)

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
        if isinstance(verdict, Death):
            words = f"nothing, its process ended with {verdict.words}"
        elif verdict.outcome == "accepts":
            if actual.node.fault is None or actual.node.fault.stage == "construct" or None not in actual.inputs:
                codes = sorted({self.findings[place].code for place in places})
                message = f"shapeproof refuses what torch accepts ({', '.join(codes)})"
                self._bug(row, actual, message, {"codes": codes})
            return
        elif verdict.outcome == "too-large" and not any(self.findings[place].code == "SP310" for place in places):
            words = f"nothing, the layer is too large to be tried ({verdict.words})"
        else:
            words = verdict.words
        for place in places:
            finding = self.findings[place]
            message, facts = f"{finding.message}; torch says: {words}", {**finding.facts, "torch": words}
            self.findings[place] = finding._replace(message=message, facts=facts)

    def _find(
        self, row: Row, code: str, message: str, severity: str, hint: str | None, facts: Mapping[str, Any]
    ) -> None:
        found = Diagnostic(code, f"{row.name}: {message}", severity, hint=hint, facts=facts)
        self.findings.append(found.at(self.network.file, *row.node.mark, row.name))

    def _bug(self, row: Row, actual: Row, message: str, facts: Mapping[str, Any]) -> None:
        """A disagreement is a bug of this project, and the finding holds what its authors need to know."""
        found = versions()
        layer = actual.layer
        arguments = dict(actual.node.given) if layer is None else {**layer.arguments(), **layer.forward_arguments()}
        call = f"{actual.type}({', '.join(f'{name}={value!r}' for name, value in arguments.items())})"
        inputs = ", ".join(map(shape_text, actual.inputs))
        told = ", ".join(f"{name} {version or 'not installed'}" for name, version in found.items())
        hint = f"this is a bug of shapeproof; please report it {_tracker()}: {told}; {call} on {inputs}"
        facts = {**facts, "type": actual.type, "arguments": arguments, "inputs": actual.inputs, "versions": found}
        self._find(row, "SP401", message, "error", hint, facts)


def _value(source: int | Source) -> int:
    return source.value if isinstance(source, Source) else source


def _other_tensor(row: Row) -> str | None:
    """What would work where the tensor and not its shape is at fault."""
    if type(row.layer).__name__ == "View":
        return "Reshape takes a tensor that does not lie in one piece"
    return "inplace: false" if getattr(row.layer, "inplace", False) else None


def _tracker() -> str:
    """Where to report: the issue tracker named in the package's metadata."""
    from importlib.metadata import PackageNotFoundError, metadata

    try:
        links = metadata("shapeproof").get_all("Project-URL") or []
    except PackageNotFoundError:
        links = []
    urls = [link.partition(", ")[2] for link in links if link.lower().startswith(("issues", "bug"))]
    return f"at {urls[0]}" if urls else "in the project's issue tracker"
