"""A forward pass watched: every call of a leaf module a row, predicted by our rules from its real inputs.

A leaf is a module with a rule (`modules.layer_of`) or without children. The pass runs on a copy whose weights lie on
torch's meta device, where nothing is computed; where that cannot be (the forward looks at values), on the real device
with the real weights, zeros where they have no numbers. The module itself is left as it was.

A row holds the leaf's dotted name (`name#2` when it is called again), the shapes it was given, what our rule makes of
them, and torch's own output. Parameters are counted once, multiply-adds in each call. A leaf without a rule shows what
torch gave and is not verified. Parameters that a module with children holds itself have a row of type "Parameter".

Main definitions: `record`, `counts`.   Codes: SP401, SP610 to SP613.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from copy import deepcopy
from inspect import Parameter, signature
from typing import Any, NamedTuple

from shapecheck.costs import CELL, available_memory
from shapecheck.diagnostics import Diagnostic
from shapecheck.layers.base import Layer, shape_text
from shapecheck.models.asked import bound, flat, predict, watcher
from shapecheck.models.copies import on_meta
from shapecheck.models.explain import blame, function_mode, unexplained
from shapecheck.models.modules import kind_of, layer_of
from shapecheck.net import Node
from shapecheck.report import Report, Row
from shapecheck.torch_oracle import _quiet, _shape, _torch, versions
from shapecheck.verdicts import bug, words_of

ROOM = 0.5  # of the free memory, for weights that lie on the meta device and must have numbers
UNKNOWN: Any = frozenset()  # a receptive field of which nothing is known: cells are not followed from call to call
PARAMETER, NO_RULE = "Parameter", " (no rule)"  # what the type of a row says of it


class Counts(NamedTuple):
    """The calls of leaf modules: how many, predicted as torch gave them, otherwise, refused, and without a rule."""

    calls: int
    agreed: int
    disagreed: int
    no_rule: int


def record(
    module: Any, args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None, device: str = "meta",
    name: str | None = None,
) -> Report:  # fmt: skip
    """The report of one forward pass of a torch module on these arguments, a row a call of a leaf module.

    `device` "meta" computes nothing, and falls back to where the weights lie if that fails, which a note says; any
    other runs there at once. `verified` is the device where every call was predicted as torch gave it. A forward that
    fails gives the rows so far and the finding. Never raises for what the module does.
    """
    keywords = dict(kwargs or {})
    if device != "meta":
        return _Watch(module, name).run(args, keywords, meta=False)
    report = _Watch(module, name).run(args, keywords, meta=True)
    failure = next((finding for finding in report.diagnostics if finding.code == "SP611"), None)
    if failure is None or not _fits(module):
        return report
    second = _Watch(module, name).run(args, keywords, meta=False)
    if any(finding.code == "SP611" for finding in second.diagnostics):
        return second
    return second.replace(diagnostics=(_way(failure, second.verified), *second.diagnostics))


def _fits(module: Any) -> bool:
    """Whether there is room to run the module with real numbers."""
    lacking = sum(int(tensor.numel()) for tensor in module.parameters() if tensor.is_meta)
    return CELL * lacking <= ROOM * available_memory()


def outputs(
    module: Any, args: Sequence[Any], kwargs: Mapping[str, Any] | None, names: Iterable[str], device: str = "meta"
) -> tuple[Report, dict[str, list[Any]]]:
    """The report of a pass, and what the modules of these dotted names gave in it: shapes, one for each call.

    "" is the model itself. A name that is no module's is left out, one that is never called has no shapes.
    """
    watch = _Watch(module, None, names)
    report = watch.run(args, kwargs or {}, meta=device == "meta")
    if device == "meta" and not watch.finished and _fits(module):
        second = _Watch(module, None, names)
        report = second.run(args, kwargs or {}, meta=False)
        watch = second
    return report, watch.outputs


def counts(report: Report) -> Counts:
    """How many calls of a recorded report were predicted, and how many rightly.

    >>> from torch import nn, zeros
    >>> counts(record(nn.Sequential(nn.Linear(3, 4), nn.ReLU()), [zeros(2, 3)]))
    Counts(calls=2, agreed=2, disagreed=0, no_rule=0)
    """
    calls = [row for row in report.rows if row.inputs and not _gives_nothing(row)]
    unknown = sum(row.type.endswith(NO_RULE) for row in calls)
    agreed = sum(row.torch is not None and row.torch == row.output for row in calls)
    return Counts(len(calls), agreed, len(calls) - agreed - unknown, unknown)


def _gives_nothing(row: Row) -> bool:
    """Whether the call was watched to its end and no tensor came of it: there is nothing to predict."""
    return row.torch is None and row.output is None and row.layer is None and not row.type.endswith(NO_RULE)


# One pass ------------------------------------------------------------------------------------------------------------


class _Call(NamedTuple):
    """A call under way: the leaf's name, its module, the shapes and the layer it has by then."""

    name: str
    module: Any
    inputs: tuple[Any, ...]
    layer: Layer | None
    functions: Any = None  # the mode that watches a leaf without a rule


class _Watch:
    """One forward pass under our eyes."""

    def __init__(self, module: Any, name: str | None, outputs: Iterable[str] = ()) -> None:
        self.module = getattr(module, "_orig_mod", module)  # what torch.compile wraps
        self.name = name or type(self.module).__name__
        self.wanted = frozenset(outputs)
        self.outputs: dict[str, list[Any]] = {}  # of the modules whose outputs are wanted, whether leaves or not
        self.finished = False
        self.rows: list[Row] = []
        self.findings: list[Diagnostic] = []
        self.times: Counter[str] = Counter()
        self.open: list[_Call] = []
        self.counted: set[int] = set()
        self.missing: Counter[str] = Counter()  # functions without a rule
        self.device = "meta"

    def run(self, args: Sequence[Any], kwargs: Mapping[str, Any], *, meta: bool) -> Report:
        """The report of the pass."""
        torch = _torch()
        self.device = "meta" if meta else str(_place(self.module))
        with _quiet():
            try:
                copied = _copied(self.module, meta)
            except Exception as error:
                words = words_of(error)
                facts = {"torch": words, "error": type(error).__name__}
                self.findings.append(Diagnostic("SP611", f"the module cannot be copied: {words}", facts=facts))
                return self._report({})
            given = [_moved(value, self.device) for value in args]
            named = {key: _moved(value, self.device) for key, value in kwargs.items()}
            handles = self._hook(copied)
            noting = function_mode()()
            try:
                with noting:
                    copied(*given, **named)
            except (Exception, torch.jit.Error) as error:
                self._fail(error, noting.failed)
            else:
                self.finished = True
                self._left_over(copied)
            finally:
                for call in reversed(self.open):
                    if call.functions is not None:
                        call.functions.__exit__(None, None, None)
                for handle in handles:
                    handle.remove()
        return self._report(_named_inputs(copied, given, named))

    def _hook(self, root: Any) -> list[Any]:
        """Hooks on all leaves, and on the modules that hold parameters beside them."""
        handles = []
        for name, module in root.named_modules(remove_duplicate=False) if self.wanted else ():
            if name in self.wanted:
                handles.append(module.register_forward_hook(self._keep(self.outputs.setdefault(name, []))))
        for name, module, leaf in leaves(root):
            if leaf:
                handles.append(module.register_forward_pre_hook(self._before(name), with_kwargs=True))
                handles.append(module.register_forward_hook(self._after, with_kwargs=True))
            elif any(parameter is not None for parameter in module._parameters.values()):
                handles.append(module.register_forward_pre_hook(self._parameters(name)))
        return handles

    def _keep(self, given: list[Any]) -> Any:
        def hook(module: Any, args: tuple[Any, ...], output: Any) -> None:
            given.append(_shape(output))

        return hook

    def _before(self, name: str) -> Any:
        def hook(module: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
            inputs, layer = bound(module, args, kwargs)
            functions = None if layer is not None else self._watcher(module, args, kwargs)
            self.open.append(_Call(name, module, inputs, layer, functions))

        return hook

    def _watcher(self, module: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """A mode, entered, that watches the functions that a leaf without a rule calls."""
        mode = watcher()(
            [*flat((args, kwargs)), *module.parameters(), *module.buffers(), *flat(list(_loose(vars(module))))]
        )
        mode.__enter__()
        return mode

    def _after(self, module: Any, args: tuple[Any, ...], kwargs: dict[str, Any], output: Any) -> None:
        call = self.open.pop()
        if call.functions is None:
            self._add(call, _shape(output))
            return
        call.functions.__exit__(None, None, None)
        self._add_watched(call, call.functions.seen, output)

    def _parameters(self, name: str) -> Any:
        def hook(module: Any, args: tuple[Any, ...]) -> None:
            self._own_parameters(name, module)

        return hook

    def _own_parameters(self, name: str, module: Any) -> None:
        """A row for each parameter the module holds itself and that is not counted yet."""
        for own, parameter in module._parameters.items():
            if parameter is not None and id(parameter) not in self.counted:
                shape = tuple(parameter.shape)
                node = self._node(f"{name}.{own}" if name else own, PARAMETER, None)
                params = self._new([parameter])
                self.rows.append(Row(node, (), shape, params, 0, UNKNOWN, None, shape))

    def _add(self, call: _Call, made: Any) -> None:
        """The row of a call that torch has answered; where our rule says otherwise, the finding."""
        kind = kind_of(call.module) or type(call.module).__name__
        params = self._new(call.module.parameters())
        layer, predicted, macs, refusal = predict(call.layer, call.inputs)
        node = self._node(call.name, kind, layer)
        row = Row(node, call.inputs, predicted, params, macs, UNKNOWN, layer, made)
        self.rows.append(row)
        if predicted != made:
            codes = "" if refusal is None else f" ({refusal.diagnostics[0]})"
            words = f"shapeproof predicts {shape_text(predicted)}{codes}, torch gives {shape_text(made)}"
            told = bug(row, words, {"predicted": predicted, "torch": made}, versions())
            self.findings.append(told._replace(message=f"{row.name}: {told.message}", layer=row.name))

    def _add_watched(self, call: _Call, seen: Any, output: Any) -> None:
        """The row of a leaf without a rule: predicted where every function it calls is, and gives what torch does."""
        made, kind = _shape(output), type(call.module).__name__
        params = self._new(call.module.parameters())
        if seen.gives(output):
            node = self._node(call.name, kind, None)
            self.rows.append(Row(node, call.inputs, made, params, seen.macs, UNKNOWN, None, made))
            return
        row = Row(self._node(call.name, kind + NO_RULE, None), call.inputs, made, params, None, UNKNOWN)
        self.rows.append(row)
        self.missing.update(seen.missing)
        for name, predicted, found in seen.differing:
            told = predicted if isinstance(predicted, str) else shape_text(predicted)
            words = f"{row.name}: in {name}() shapeproof predicts {told}, torch gives {shape_text(found)}"
            facts = {"predicted": predicted, "torch": found, "function": name, "versions": versions()}
            self.findings.append(Diagnostic("SP401", words, layer=row.name, facts=facts))

    def _node(self, name: str, kind: str, layer: Layer | None) -> Node:
        self.times[name] += 1
        times = self.times[name]
        return Node(name if times == 1 else f"{name}#{times}", kind, layer, ())

    def _new(self, parameters: Any) -> int:
        """How many numbers there are in the parameters not counted before; they are from now on."""
        total = 0
        for parameter in parameters:
            if id(parameter) not in self.counted:
                self.counted.add(id(parameter))
                total += int(parameter.numel())
        return total

    def _fail(self, error: BaseException, failed: Any) -> None:
        """The finding of a forward that failed, and the row of the leaf in which it did."""
        finding = blame(error, failed)
        if self.open:
            call = self.open[0]
            layer, predicted, _, refusal = predict(call.layer, call.inputs)
            nominal = None if refusal is None else refusal.nominal
            node = self._node(call.name, kind_of(call.module) or type(call.module).__name__, layer)
            self.rows.append(Row(node, call.inputs, predicted or nominal, None, None, UNKNOWN, layer))
        self.findings.append(finding or unexplained(error))

    def _left_over(self, root: Any) -> None:
        """Rows for what was never called and holds parameters, so that the sum is torch's; a note says so."""
        missed = []
        for name, module, leaf in leaves(root):
            if not leaf:
                self._own_parameters(name, module)
            elif any(id(parameter) not in self.counted for parameter in module.parameters()):
                kind = kind_of(module) or type(module).__name__
                params = self._new(module.parameters())
                missed.append((name, params))
                self.rows.append(Row(self._node(name, f"{kind} (not called)", None), (), None, params, 0, UNKNOWN))
        if missed:
            total = sum(params for _, params in missed)
            words = (
                f"never called: {_listed([name for name, _ in missed])}; {total:,} parameters are counted all the same"
            )
            self.findings.append(Diagnostic("SP613", words, "note", facts=dict(missed)))

    def _report(self, inputs: Mapping[str, Any]) -> Report:
        report = Report(self.name, tuple(self.rows), tuple(self.findings), inputs)
        told = counts(report)
        if told.no_rule:
            kinds = Counter(row.type.removesuffix(NO_RULE) for row in self.rows if row.type.endswith(NO_RULE))
            words = f"{told.no_rule} of {told.calls} calls are not predicted, for lack of a rule: " + ", ".join(
                f"{kind} ({times})" for kind, times in kinds.most_common()
            )
            if self.missing:
                words += f"; functions without a rule: {_listed([*self.missing])}"
            report = report.replace(diagnostics=(*report.diagnostics, Diagnostic("SP612", words, "note", facts=kinds)))
        whole = told.agreed == told.calls > 0 and report.ok
        return report.replace(verified=self.device if whole else None)


# A module, its leaves, and their arguments ---------------------------------------------------------------------------


def leaves(root: Any) -> Iterator[tuple[str, Any, bool]]:
    """Dotted name and module of each leaf and of what holds them, each module once; the third says whether a leaf.

    >>> from torch import nn
    >>> [(name, leaf) for name, _, leaf in leaves(nn.Sequential(nn.Sequential(nn.ReLU()), nn.LSTM(2, 3)))]
    [('', False), ('0', False), ('0.0', True), ('1', True)]
    """
    seen: set[int] = set()
    waiting = [("", root)]
    while waiting:
        name, module = waiting.pop()
        if id(module) in seen:
            continue
        seen.add(id(module))
        children = [(f"{name}.{own}" if name else own, child) for own, child in module.named_children()]
        leaf = not children or layer_of(module) is not None
        yield name, module, leaf
        if not leaf:
            waiting.extend(reversed(children))


def _named_inputs(module: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """The shapes of the tensors given, by the names of forward's parameters; `batch.image` for one in a mapping."""
    try:
        own = list(signature(module.forward).parameters.values())
    except (TypeError, ValueError):
        own = []
    names = [
        parameter.name
        for parameter in own
        if parameter.kind in (Parameter.POSITIONAL_ONLY, Parameter.POSITIONAL_OR_KEYWORD)
    ]
    found: dict[str, Any] = {}
    for place, value in enumerate(args):
        _collect(names[place] if place < len(names) else f"input{place + 1}", value, found)
    for key, value in kwargs.items():
        _collect(key, value, found)
    return found


def _collect(name: str, value: Any, found: dict[str, Any]) -> None:
    if isinstance(value, _torch().Tensor):
        found[name] = tuple(value.shape)
    elif isinstance(value, (Mapping, tuple, list)):
        pairs = value.items() if isinstance(value, Mapping) else enumerate(value)
        for key, part in pairs:
            _collect(f"{name}.{key}", part, found)


# Copies --------------------------------------------------------------------------------------------------------------


def _copied(module: Any, meta: bool) -> Any:
    """A copy of a module: its weights on the meta device, or shared; its buffers its own in any case."""
    if meta and not any(map(_torch().nn.parameter.is_lazy, module.parameters())):
        return on_meta(module)
    return deepcopy(module, _twins(module, meta))


def _twins(module: Any, meta: bool) -> dict[int, Any]:
    """What stands for each tensor of the module in its copy, by the tensor's id, as deepcopy wants it."""
    torch = _torch()
    twins: dict[int, Any] = {}
    for part in module.modules():
        held = [*part._parameters.values(), *part._buffers.values(), *_loose(vars(part))]
        for tensor in held:
            if not isinstance(tensor, torch.Tensor) or torch.nn.parameter.is_lazy(tensor):
                continue
            shared = isinstance(tensor, torch.nn.Parameter)
            twin = _on_meta(tensor) if meta else _filled(tensor) if tensor.is_meta else tensor.detach()
            if shared and not (twin.device == tensor.device and not meta):
                twins[id(tensor)] = torch.nn.Parameter(twin, requires_grad=tensor.requires_grad)
            else:
                twins[id(tensor)] = tensor if shared else twin.clone()
    twins[id(twins)] = [tensor for part in module.modules() for tensor in part._parameters.values()]  # kept alive
    return twins


def _on_meta(tensor: Any) -> Any:
    return tensor.detach().to("meta")


def _filled(tensor: Any) -> Any:
    """Zeros on the CPU for a tensor that has no numbers."""
    return _torch().zeros(tensor.shape, dtype=tensor.dtype)


def _loose(attributes: Mapping[str, Any]) -> Iterator[Any]:
    """The tensors among a module's plain attributes, in lists and mappings too."""
    for name, value in attributes.items():
        if name not in ("_parameters", "_buffers", "_modules"):
            yield from (
                value if isinstance(value, (tuple, list)) else value.values() if type(value) is dict else (value,)
            )


def _moved(value: Any, device: str) -> Any:
    """The argument with its tensors on that device; those of the meta device are made of zeros elsewhere."""
    torch = _torch()
    if isinstance(value, torch.Tensor):
        if value.is_meta and device != "meta":
            return torch.zeros(value.shape, dtype=value.dtype, device=device)
        return value.detach().to(device)
    if isinstance(value, Mapping) and type(value) is dict:
        return {key: _moved(part, device) for key, part in value.items()}
    if type(value) in (tuple, list):
        return type(value)(_moved(part, device) for part in value)
    return value


def _place(module: Any) -> Any:
    """Where the weights lie; the CPU for a module without any."""
    held = next((tensor for tensor in [*module.parameters(), *module.buffers()] if not tensor.is_meta), None)
    return "cpu" if held is None else held.device


# Findings ------------------------------------------------------------------------------------------------------------


def _way(failure: Diagnostic, device: str | None) -> Diagnostic:
    """SP610: the pass ran with real weights, and why."""
    words = failure.facts.get("torch", failure.message)
    return Diagnostic(
        "SP610", f"the model was run with real numbers, for the meta device cannot: {words}", "note",
        facts={"torch": words, "device": device},
    )  # fmt: skip


def _listed(names: Sequence[str], most: int = 5) -> str:
    """The names, the first few of many.

    >>> _listed(["a", "b", "c"], most=2)
    'a, b and 1 more'
    """
    more = len(names) - most
    return ", ".join(names[:most]) + (f" and {more} more" if more > 0 else "")
