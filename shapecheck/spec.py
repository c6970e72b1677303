"""A spec -> a network: the top of the file, its inputs, blocks and layers. The only reader of YAML.

Main definition: `read`. All faults of a spec are collected, each with its place; what can be read is read, so that one
run tells all. Format: README.md, section "The spec"; entries are unrolled by `unroll.py`.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from shapecheck import yaml_nodes
from shapecheck.diagnostics import Diagnostic
from shapecheck.foresee import STRUCTURES
from shapecheck.inference import MAX_RANK, resolve
from shapecheck.layers import LAYERS
from shapecheck.layers.base import closest
from shapecheck.net import Claim, Network, Source
from shapecheck.scope import Block, Scope, Value
from shapecheck.sizes import Shape, Size
from shapecheck.spec_values import INPUT, Stop, mark_of
from shapecheck.unroll import Unroller
from shapecheck.yaml_nodes import Entry, plain, shown
from shapecheck.yaml_nodes import Node as Tree

if TYPE_CHECKING:
    from shapecheck.constraints import Constraint

MAX_BYTES = 20_000_000
KEYS = ("name", "input", "inputs", "where", "layers", "output", "blocks", "mode")
START = "a spec begins like this: {input: [N, 3, 32, 32], layers: [Flatten, {Linear: 10}]}"


class Spec(NamedTuple):
    """What was read: the network, as far as there is one, and what is wrong with the spec."""

    network: Network | None
    findings: list[Diagnostic]
    name: str
    file: str | None


def read(source: str | os.PathLike[str] | Mapping[str, Any], *, training: bool | None = None) -> Spec:
    """The spec at a path, or in a mapping; never raises for what is wrong with it."""
    file = None if isinstance(source, Mapping) else os.fspath(source)
    findings: list[Diagnostic] = []
    name = "network" if file is None else os.path.splitext(os.path.basename(file))[0]  # noqa: PTH119, PTH122
    try:
        tree = _tree(source, file, findings)
    except yaml_nodes.YamlError as error:
        findings.append(_yaml_finding(error, file))
        tree = None
    if tree is None:
        return Spec(None, findings, name, file)
    return _Reader(tree, file, name, findings, training).spec()


def read_text(text: str, file: str | None = None, *, training: bool | None = None) -> Spec:
    """The spec that a text holds, as `read` gives the one in a file; `file` is the name in its findings."""
    findings: list[Diagnostic] = []
    name = "network" if file is None else os.path.splitext(os.path.basename(file))[0]  # noqa: PTH119, PTH122
    faults: list[yaml_nodes.YamlError] = []
    try:
        tree = yaml_nodes.read(text, faults)
    except yaml_nodes.YamlError as error:
        return Spec(None, [_yaml_finding(fault, file) for fault in (*faults, error)], name, file)
    findings.extend(_yaml_finding(fault, file) for fault in faults)
    return _Reader(tree, file, name, findings, training).spec()


def _tree(source: Any, file: str | None, findings: list[Diagnostic]) -> Tree | None:
    """The YAML tree of a source; faults after which reading goes on are added to `findings`."""
    if file is None:
        return yaml_nodes.from_python(source)
    data = _bytes(file, findings)
    if data is None:
        return None
    faults: list[yaml_nodes.YamlError] = []
    try:
        return yaml_nodes.read(data, faults)
    finally:
        findings.extend(_yaml_finding(fault, file) for fault in faults)


def _bytes(file: str, findings: list[Diagnostic]) -> bytes | None:
    """What stands in a file; None, with a finding, where it cannot be read."""
    try:
        mode = os.stat(file).st_mode  # noqa: PTH116 - pathlib costs 5 ms of every start
        if not stat.S_ISREG(mode):
            kind = "a directory" if stat.S_ISDIR(mode) else "not a regular file"
            findings.append(Diagnostic("SP001", f"{file} is {kind}", file=file, hint="name a spec: a .yaml file"))
            return None
        with open(file, "rb") as stream:  # noqa: PTH123
            data = stream.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        findings.append(Diagnostic("SP001", f"cannot read {file}: {reason}", file=file, hint=_near(file)))
        return None
    if len(data) > MAX_BYTES:
        message = f"the file is larger than {MAX_BYTES // 1_000_000} MB"
        findings.append(
            Diagnostic("SP005", message, file=file, hint="write layers that repeat with `repeat:` or a block")
        )
        return None
    return data


def _near(file: str) -> str:
    """A file of a similar name in the same folder, as a hint."""
    from pathlib import Path

    try:
        names = [path.name for path in Path(file).parent.iterdir() if path.suffix in (".yaml", ".yml", ".json")]
    except (OSError, ValueError):
        names = []
    best = closest(Path(file).name, names[:1000])
    return f"did you mean {Path(file).with_name(best)}?" if best else "check the path"


def _yaml_finding(error: yaml_nodes.YamlError, file: str | None) -> Diagnostic:
    line, column = (error.line, error.column) if error.line else (None, None)
    return Diagnostic(error.code, error.message, file=file, line=line, column=column, hint=error.hint)


class _Reader:
    """Reads the top of a spec; `unroller` reads the entries."""

    def __init__(
        self, tree: Tree, file: str | None, name: str, findings: list[Diagnostic], training: bool | None
    ) -> None:
        self.tree = tree
        self.file = file
        self.name = name
        self.findings = findings
        self.training = training
        self.unroller = Unroller(file, (), True)
        self.note = self.unroller.note

    def spec(self) -> Spec:
        """The spec, read as far as it can be."""
        try:
            network = self.network()
        except Stop:
            network = None
        found = sorted(self.findings + self.unroller.findings, key=lambda f: (f.line or 0, f.column or 0))
        return Spec(network, found, self.name, self.file)

    def network(self) -> Network | None:
        """The network, its arguments resolved; None where the top of the spec leaves none."""
        top = self.top()
        if top is None:
            return None
        unroller = self.unroller
        mode = self.mode(top.get("mode"))
        unroller.training = mode if self.training is None else self.training
        shapes = self.inputs(top)
        marks = {name: mark_of(entry.value) for name, entry in self.input_entries(top).items()}
        unroller.count = len(shapes)
        for shape in shapes.values():
            for dim in shape or ():
                if isinstance(dim, Size):
                    unroller.known_sizes |= dim.names()
        self.blocks(top.get("blocks"))
        values: dict[str, Value] = {
            name: None if shape is None else i for i, (name, shape) in enumerate(shapes.items())
        }
        scope = Scope(next(iter(values.values())) if len(values) == 1 else None)
        scope.names |= values
        scope.own |= {name: top["inputs"].value for name in values if "inputs" in top}
        entries = top["layers"].value.value if "layers" in top else None
        end: Value = None
        if isinstance(entries, list):
            if not entries:
                self.note(
                    "SP100", "the network has no layers", top["layers"].value.mark, "layers: [Flatten, {Linear: 10}]"
                )
            unroller.foresee(entries)
            end = unroller.run(entries, scope)
        elif "layers" in top:
            self.note("SP103", "layers is a list of layers", top["layers"].value.mark, "begin each layer with `- `")
        outputs = [*unroller.claims, *self.outputs(top.get("output"), scope, end)]
        known = {name: shape for name, shape in shapes.items() if shape is not None}
        if len(known) != len(shapes) or not known:
            return None
        network = Network(
            self.name, known, tuple(unroller.nodes), tuple(outputs), self.file, unroller.training, marks
        )  # fmt: skip
        if "where" in top:
            network = network._replace(where=tuple(self.where(top["where"], network)))
        return resolve(network)

    def where(self, entry: Entry, network: Network) -> Iterator[Constraint]:
        """What is asked of the open sizes besides; what cannot be read, or met, is found."""
        from shapecheck.admission.asked import unmet
        from shapecheck.constraints import parse
        from shapecheck.expressions import ExpressionError

        listed = entry.value.value
        before: list[Constraint] = []
        for tree in listed if isinstance(listed, list) else [entry.value]:
            text = tree.value
            if not isinstance(text, str):
                self.note("SP111", f"{shown(str(plain(tree)))} is no condition", tree.mark, "where: [H >= 64]")
                continue
            mark = mark_of(tree)
            try:
                constraint = parse(text, network.open_names(), mark.line, mark.column)
            except ExpressionError as error:
                self.note("SP111", f"{shown(text)}: {error.message}", tree.mark, error.hint)
                continue
            try:
                none = unmet([*before, constraint])
            except ArithmeticError as error:
                self.note("SP111", f"{shown(text)}: {error}", tree.mark, "smaller numbers")
                continue
            if none:
                rest = " and those before it" if before else ""
                self.note("SP111", f"no size meets {shown(text)}{rest}", tree.mark, "conditions that some sizes meet")
                continue
            before.append(constraint)
        yield from before

    def top(self) -> dict[str, Entry] | None:
        """The mapping at the top, with its unknown and missing keys found."""
        top = self.tree.value
        if not isinstance(top, dict):
            what = "is empty" if top is None else f"is {shown(str(plain(self.tree)))}, not a mapping"
            self.note("SP100", f"the spec {what}", self.tree.mark if self.tree.mark[0] else None, START)
            return None
        for key, entry in top.items():
            if key not in KEYS:
                best = closest(key, KEYS)
                hint = f"did you mean {best}?" if best else f"a spec has {', '.join(KEYS)}"
                self.note("SP100", f"unknown key {shown(key)}", entry.key.mark, hint)
        if "name" in top and (name := top["name"].value.value) is not None:
            self.name = str(name) if isinstance(name, str | int | float) else self.name
        if "layers" not in top:
            self.note("SP100", "the spec has no layers", self._top_mark(), "layers: [Flatten, {Linear: 10}]")
        if "input" not in top and "inputs" not in top:
            self.note("SP100", "the spec has no input", self._top_mark(), "input: [N, 3, 224, 224]")
        if "input" in top and "inputs" in top:
            self.note("SP100", "input and inputs exclude each other", top["inputs"].key.mark, "keep one of them")
        return top

    def _top_mark(self) -> Any:
        return self.tree.mark if self.tree.mark[0] else None

    def mode(self, entry: Entry | None) -> bool:
        """Whether the network is in training mode, torch's default."""
        if entry is None or entry.value.value in ("train", "eval"):
            return entry is None or entry.value.value == "train"
        self.note(
            "SP103", f"mode is train or eval, not {shown(str(plain(entry.value)))}", entry.value.mark, "mode: eval"
        )
        return True

    def input_entries(self, top: dict[str, Entry]) -> dict[str, Entry]:
        """The inputs by name; a single one is called `input`."""
        if "input" in top:
            return {INPUT: top["input"]}
        inputs = top["inputs"].value.value if "inputs" in top else None
        if isinstance(inputs, dict) and inputs:
            return inputs
        if "inputs" in top:
            self.note(
                "SP103",
                "inputs is a mapping of names to shapes",
                top["inputs"].value.mark,
                "inputs: {image: [N, 3, H, W]}",
            )
        return {}

    def inputs(self, top: dict[str, Entry]) -> dict[str, Shape | None]:
        """The input shapes by name; None for one that cannot be read."""
        scope = Scope(None)
        shapes = {name: self.unroller.shape_of(e.value, name, scope) for name, e in self.input_entries(top).items()}
        for name, shape in shapes.items():
            if shape is not None and len(shape) > MAX_RANK:
                mark = self.input_entries(top)[name].value.mark
                message = f"{name} has {len(shape)} dimensions: {MAX_RANK} are allowed"
                self.note("SP103", message, mark, "one dimension an axis: [N, 3, 224, 224]")
                shapes[name] = None
        for name, entry in self.input_entries(top).items():
            if "[" in name or not name:
                self.note(
                    "SP103", f"an input's name is a word, not {shown(name)}", entry.key.mark, "inputs: {image: [...]}"
                )
        return shapes

    def blocks(self, entry: Entry | None) -> None:
        """The blocks the spec defines."""
        if entry is None or entry.value.value is None:
            return
        if not isinstance(entry.value.value, dict):
            form = "blocks: {Name: {params: {width: }, layers: [...]}}"
            self.note("SP103", "blocks is a mapping of names to blocks", entry.value.mark, form)
            return
        for name, block in entry.value.value.items():
            self.block(name, block)

    def block(self, name: str, entry: Entry) -> None:
        """One block: its parameters and layers."""
        form = f"{name}: {{params: {{width: , stride: 1}}, layers: [...]}}"
        parts = entry.value.value
        if name in LAYERS or name in STRUCTURES:
            self.note("SP107", f"{name} is a layer's name already", entry.key.mark, "give the block a name of its own")
            return
        if isinstance(parts, list):
            self.unroller.blocks[name] = Block(name, {}, parts)
            return
        found = self.unroller.keys(entry.key, entry.value, ("params", "layers"), ("layers",), form)
        if found is None:
            self.unroller.blocks[name] = Block(name, {}, [])
            return
        layers = found["layers"].value.value
        if not isinstance(layers, list):
            self.note("SP103", f"the layers of {name} are a list", found["layers"].value.mark, form)
        parameters = self.parameters(name, found.get("params"))
        self.unroller.blocks[name] = Block(name, parameters, layers if isinstance(layers, list) else [])

    def parameters(self, name: str, entry: Entry | None) -> dict[str, Tree | None]:
        """The parameters of a block with their defaults; None where one must be given."""
        if entry is None or entry.value.value is None:
            return {}
        listed = entry.value.value
        if isinstance(listed, list) and all(isinstance(item.value, str) for item in listed):
            return {str(item.value): None for item in listed}
        if not isinstance(listed, dict):
            form = "params: {width: , stride: 1}"
            self.note("SP103", f"the params of {name} are a mapping of names to defaults", entry.value.mark, form)
            return {}
        return {
            key: None if item.value.value is None and not item.value.quoted else item.value
            for key, item in listed.items()
        }

    def outputs(self, entry: Entry | None, scope: Scope, end: Value) -> list[tuple[int | Source, Claim | None]]:
        """The values that leave the network, with what the spec claims of their shapes."""
        if entry is None:
            return [] if end is None else [(end, None)]
        if isinstance(entry.value.value, dict):
            pairs = [(self.unroller.source(e.key, scope), e.value) for e in entry.value.value.values()]
        else:
            pairs = [(end, entry.value)]
        claims: list[tuple[int | Source, Claim | None]] = []
        for value, tree in pairs:
            shape = self.unroller.shape_of(tree, "output", scope, self.unroller.known_sizes)
            if value is not None and shape is not None:
                claims.append((value, Claim(shape, mark_of(tree))))
        return claims
