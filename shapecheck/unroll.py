"""The layers of a spec, unrolled: entries with blocks, repeats and branches in, a flat list of nodes out.

Main definitions: `Unroller` (collects nodes and findings), `Scope` (names, parameters and the current value of a list).
An entry is a type, or a mapping with one type (a layer, a block of the spec, `Sequential`, `Residual`, `Branches`) and, beside
it, `name`, `from`, `repeat` and `output`. Nothing here computes shapes; `inference.resolve` fills in what is inferred.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from shapecheck.diagnostics import Diagnostic, ShapeError
from shapecheck.expressions import ExpressionError, substitute
from shapecheck.layers import LAYERS, LAZY
from shapecheck.layers.base import LIMIT, Layer, closest, make, signature
from shapecheck.net import Claim, Mark, Node, Source
from shapecheck.single import input_count_error, unknown_layer
from shapecheck.sizes import NAME, Dim, Shape, parse
from shapecheck.yaml_nodes import Entry, plain, shown
from shapecheck.yaml_nodes import Node as Tree

MAX_LAYERS = 1_000_000  # unrolled
MAX_NESTING = 40  # of blocks and structures inside each other, after unrolling
MAX_FINDINGS = 200  # more than anybody reads; the spec is not read further

ATTRIBUTES = ("name", "from", "repeat", "output")
STRUCTURES = ("Sequential", "Residual", "Branches")
INPUT = "input"  # what `from:` calls the input of a block, or of a network with one
SOURCE = re.compile(r"(?P<name>.+?)(?P<path>(?:\[\d+\])*)")

BROKEN = object()  # a value that a fault of the spec left unknown
Value = int | Source | None  # None: not known, because of a fault that has its finding


class Stop(Exception):
    """The unrolling ends here; the finding that says why is recorded."""


class Scope:
    """What a list of entries sees: names of values, parameters of the block around it, and the value before."""

    def __init__(
        self, value: Value, prefix: str = "", parameters: Mapping[str, Any] | None = None, outer: Scope | None = None
    ) -> None:
        self.value = value
        self.prefix = prefix
        self.parameters: Mapping[str, Any] = parameters or {}
        self.outer = outer
        self.names: dict[str, Value] = {}
        self.own: dict[str, Tree] = {}  # the names given in this list, to find doubled ones
        self.later: set[str] = set() if outer is None else outer.later
        self.cache = Cache() if outer is None else outer.cache


    def __contains__(self, name: str) -> bool:
        return name in self.names or (self.outer is not None and name in self.outer)

    def __getitem__(self, name: str) -> Value:
        return self.names[name] if name in self.names or self.outer is None else self.outer[name]

    def known(self) -> list[str]:
        """All names that can be read here, the nearest first."""
        return [*reversed(self.names), *([] if self.outer is None else self.outer.known())]


class Cache:
    """What the entries of one scope made before, by entry: repetitions make equal layers and equal calls of blocks."""

    def __init__(self) -> None:
        self.made: dict[int, Made] = {}
        self.calls: dict[int, tuple[dict[str, Any], Cache]] = {}


class Made:
    """A layer as an entry makes it; the same for every repetition of the entry in one scope."""

    __slots__ = ("fault", "given", "layer", "marks", "waits")

    def __init__(self, layer: Layer | None, fault: ShapeError | None, given: dict[str, Any], marks: dict[str, Mark]) -> None:
        self.layer = layer
        self.fault = fault
        self.given = given
        self.marks = marks
        self.waits = layer is not None and layer.unresolved


class Block:
    """A block of the spec: parameters with their defaults (a `Tree`, or None where one must be given) and its layers."""

    def __init__(self, name: str, parameters: dict[str, Tree | None], layers: list[Tree]) -> None:
        self.name = name
        self.parameters = parameters
        self.layers = layers


class Unroller:
    """Turns entries into nodes; `findings` holds what is wrong with them."""

    def __init__(self, file: str | None, inputs: Sequence[str], training: bool) -> None:
        self.file = file
        self.training = training
        self.count = len(inputs)
        self.nodes: list[Node] = []
        self.findings: list[Diagnostic] = []
        self.claims: list[tuple[int | Source, Claim]] = []
        self.blocks: dict[str, Block] = {}
        self.active: list[str] = []  # blocks being unrolled, outermost first
        self.counters: dict[str, int] = {}
        self.known_sizes: set[str] = set()
        self.broken = 0  # values that a fault of the spec left unknown, so far
        self.steps = 0
        self.nesting = 0

    # findings --------------------------------------------------------------------------------------------------------

    def note(self, code: str, message: str, mark: Any, hint: str | None = None, **facts: Any) -> None:
        """Record a finding at a place; with too many the unrolling stops."""
        line, column = mark if mark is not None and mark[0] else (None, None)
        finding = Diagnostic(code, message, "error", self.file, line, column, None, hint, facts)
        if finding not in self.findings:
            self.findings.append(finding)
        if len(self.findings) >= MAX_FINDINGS:
            raise Stop

    def note_error(self, error: ShapeError, mark: Any) -> None:
        """Record the findings of an error at a place."""
        for finding in error.diagnostics:
            self.note(finding.code, finding.message, mark, finding.hint, **finding.facts)

    # how many ---------------------------------------------------------------------------------------------------------

    def foresee(self, entries: Sequence[Tree]) -> None:
        """Stop before the unrolling, if the repeats and blocks that are plain to see already make too many layers."""
        counts: dict[str, int] = {}
        for entry in entries:
            if self.least(entry, counts) > MAX_LAYERS:
                self.too_many(entry)

    def least(self, tree: Tree, counts: dict[str, int]) -> int:
        """How many layers an entry, or a list of entries, makes at the least; `counts` keeps what is known of blocks."""
        value = tree.value
        if isinstance(value, list):
            return sum(self.least(item, counts) for item in value)
        if not isinstance(value, dict):
            return self.least_of_type(str(tree.text), counts)
        times = value["repeat"].value.value if "repeat" in value else 1
        inside = sum(self.least_inside(key, entry.value, counts) for key, entry in value.items() if key not in ATTRIBUTES)
        return inside * times if type(times) is int else 0

    def least_inside(self, word: str, arguments: Tree, counts: dict[str, int]) -> int:
        """The same of a type with its arguments."""
        if word not in STRUCTURES:
            return self.least_of_type(word, counts)
        if isinstance(arguments.value, dict):
            return sum(self.least(entry.value, counts) for entry in arguments.value.values() if isinstance(entry.value.value, list))
        return self.least(arguments, counts) if isinstance(arguments.value, list) else 0

    def least_of_type(self, word: str, counts: dict[str, int]) -> int:
        """The same of a layer or block by its name; a block inside itself counts for nothing."""
        if word not in self.blocks:
            return 1 if word in LAYERS else 0
        if word not in counts:
            counts[word] = 0
            counts[word] = sum(self.least(entry, counts) for entry in self.blocks[word].layers)
        return counts[word]

    # entries ---------------------------------------------------------------------------------------------------------

    def run(self, entries: Sequence[Tree], scope: Scope) -> Value:
        """The value at the end of a list of entries, which are unrolled into nodes."""
        self.nesting += 1
        if self.nesting > MAX_NESTING:
            mark = entries[0].mark if entries else None
            self.note("SP005", f"blocks and structures are nested deeper than {MAX_NESTING}", mark)
            raise Stop
        outer_later = scope.later
        scope.later = outer_later | {name for entry in entries if (name := _name_of(entry))}
        for entry in entries:
            self.entry(entry, scope)
        scope.later = outer_later
        self.nesting -= 1
        return scope.value

    def entry(self, tree: Tree, scope: Scope) -> None:
        """One entry, repeated as often as it says."""
        parts = self.parts(tree)
        if parts is None:
            scope.value = None
            return
        kind, arguments, attributes = parts
        name = self.given_name(attributes.get("name"), scope)
        if "from" in attributes:
            sources = self.sources(attributes["from"].value, scope)
        else:
            sources = (scope.value,)
            if scope.value is None and not self.nodes and self.count > 1 and not self.findings:
                self.note("SP105", f"{kind.text} has several inputs to choose from", kind.mark, "from: the one it reads")
        times = self.repeat(attributes.get("repeat"), scope)
        claim = self.claim(attributes.get("output"), scope)
        before = len(self.nodes)
        for turn in range(times):
            self.step(kind)
            last = turn == times - 1
            called = name if times == 1 else None if name is None else f"{name}.{turn}"
            scope.value = self.once(kind, arguments, sources, called, claim if last else None, scope)
            sources = (scope.value,)
            if turn == 0:
                self.limit(before, times, kind)
        if name is not None:
            scope.names[name] = scope.value

    def step(self, kind: Tree) -> None:
        """Count one unrolled entry, layer or not."""
        self.steps += 1
        if self.steps > 4 * MAX_LAYERS:
            self.too_many(kind)

    def limit(self, before: int, times: int, kind: Tree) -> None:
        """Stop after the first turn, if all turns together would make too many layers."""
        if before + (len(self.nodes) - before) * times > MAX_LAYERS or self.steps + times > 4 * MAX_LAYERS:
            self.too_many(kind)

    def too_many(self, kind: Tree) -> None:
        """Record that the spec has too many layers, and stop."""
        message = f"the spec unrolls to more than {MAX_LAYERS:,} layers"
        self.note("SP109", message, kind.mark, "a smaller `repeat:` here or around it", limit=MAX_LAYERS)
        raise Stop

    def once(
        self,
        kind: Tree,
        arguments: Tree | None,
        sources: tuple[Value, ...],
        name: str | None,
        claim: Claim | None,
        scope: Scope,
    ) -> Value:
        """The value of one turn of an entry."""
        word = str(kind.text)
        if word in self.blocks:
            return self.claimed(self.call(self.blocks[word], kind, arguments, sources, name, scope), claim)
        if word in STRUCTURES:
            return self.claimed(self.structure(word, kind, arguments, sources, name, scope), claim)
        return self.leaf(kind, arguments, sources, name, claim, scope)

    def claimed(self, value: Value, claim: Claim | None) -> Value:
        """The value of a block or structure, its claim kept for the end."""
        if claim is not None and value is not None:
            self.claims.append((value, claim))
        return value

    def parts(self, tree: Tree) -> tuple[Tree, Tree | None, dict[str, Entry]] | None:
        """The type of an entry, its arguments, and the attributes beside it; None where there is no telling."""
        if isinstance(tree.value, str):
            return tree, None, {}
        if not isinstance(tree.value, dict) or not tree.value:
            message = f"a layer is a type or a mapping, not {shown(str(plain(tree)))}"
            self.note("SP100", message, tree.mark, "- Conv2d: {out_channels: 8, kernel_size: 3}")
            return None
        attributes = {key: entry for key, entry in tree.value.items() if key in ATTRIBUTES}
        rest = {key: entry for key, entry in tree.value.items() if key not in ATTRIBUTES}
        if not rest:
            self.note("SP100", "a layer entry without a type", tree.mark, "- {ReLU: , name: act}")
            return None
        types = [key for key in rest if self.is_type(key)] or list(rest)[:1]
        kind, arguments = rest[types[0]]
        others = [key for key in rest if key != types[0]]
        if others:
            arguments = self.beside(kind, arguments, [rest[key] for key in others])
        return kind, arguments, attributes

    def is_type(self, word: str) -> bool:
        """Whether an entry may have this type."""
        return word in LAYERS or word in self.blocks or word in STRUCTURES

    def beside(self, kind: Tree, arguments: Tree, others: list[Entry]) -> Tree:
        """The arguments, with those an author wrote one level too high; a finding says so."""
        first = others[0].key
        if self.is_type(str(first.text)):
            message = f"two types in one entry: {kind.text} and {first.text}"
            self.note("SP100", message, first.mark, "one layer an entry: begin a new line with `- `")
            return arguments
        known = argument_names(LAYERS[str(kind.text)]) if kind.text in LAYERS else self._parameters(str(kind.text))
        if first.text in known and arguments.value is None:
            hint = f"indent it further than {kind.text}, or write {kind.text}: {{{first.text}: ...}}"
            self.note("SP100", f"{first.text} stands beside {kind.text}, not inside it", first.mark, hint)
            return Tree({str(entry.key.text): entry for entry in others}, first.mark)
        best = closest(str(first.text), [*ATTRIBUTES, *known])
        hint = f"did you mean {best}?" if best else f"beside a layer stand {', '.join(ATTRIBUTES)}"
        self.note("SP100", f"unknown key {first.text} beside {kind.text}", first.mark, hint)
        return arguments

    def _parameters(self, block: str) -> list[str]:
        return list(self.blocks[block].parameters) if block in self.blocks else []

    # attributes ------------------------------------------------------------------------------------------------------

    def given_name(self, entry: Entry | None, scope: Scope) -> str | None:
        """The name an entry gives itself."""
        if entry is None:
            return None
        name = self.value(entry.value, scope)
        if name is BROKEN:
            return None
        if not isinstance(name, str) or not name or name == INPUT or "[" in name:
            mark = entry.value.mark
            self.note("SP103", f"a name is a word, not {shown(str(name))}", mark, "name: conv1 (`input` is taken)")
            return None
        first = scope.own.get(name)
        if first is not None and first is not entry.value:
            where = f"line {first.mark.line}" if first.mark[0] else "the same list"
            self.note("SP107", f"the name {name} is given twice", entry.value.mark, f"the first is in {where}; choose another")
        scope.own[name] = entry.value
        return name

    def repeat(self, entry: Entry | None, scope: Scope) -> int:
        """How often an entry runs: `repeat`, 1 without."""
        if entry is None:
            return 1
        times = self.value(entry.value, scope)
        if times is BROKEN:
            return 1
        if type(times) is not int or times < 0:
            self.note("SP103", f"repeat is a whole number, not {shown(str(times))}", entry.value.mark, "repeat: 2")
            return 1
        return times

    def claim(self, entry: Entry | None, scope: Scope) -> Claim | None:
        """The shape an entry says it gives: `output`."""
        if entry is None:
            return None
        shape = self.shape_of(entry.value, "output", scope, self.known_sizes)
        return None if shape is None else Claim(shape, _mark(entry.value))

    def shape_of(self, tree: Tree, what: str, scope: Scope, known: set[str] | None = None) -> Shape | None:
        """A shape as the spec writes it: a list of sizes, each a number or a name (one of `known`, if given)."""
        dims = tree.value
        if not isinstance(dims, list):
            self.note("SP103", f"{what} is a list of sizes, not {shown(str(plain(tree)))}", tree.mark, f"{what}: [N, 3, 224, 224]")
            return None
        shape = [self.dim(dim, scope, known) for dim in dims]
        return None if None in shape else tuple(dim for dim in shape if dim is not None)

    def dim(self, tree: Tree, scope: Scope, known: set[str] | None) -> Dim | None:
        """One size of a shape."""
        value = self.value(tree, scope)
        if type(value) is int and 0 <= value < LIMIT:
            return value
        if isinstance(value, str) and NAME.fullmatch(value):
            if known is None or value in known:
                return parse(value)
            best = closest(value, known)
            hint = f"did you mean {best}?" if best else f"the input's names are {', '.join(sorted(known)) or 'none'}"
            self.note("SP105", f"no input has a size named {value}", tree.mark, hint)
            return None
        if value is BROKEN:
            return None
        hint = "leave a size open with a name: N"
        if type(value) is int:
            reason = "negative" if value < 0 else "beyond 2^63 - 1"
            self.note("SP103", f"the size {shown(str(value))} is {reason}", tree.mark, hint)
        else:
            self.note("SP103", f"a size is a whole number or a name, not {shown(str(value))}", tree.mark, hint)
        return None

    def sources(self, tree: Tree, scope: Scope) -> tuple[Value, ...]:
        """The values that `from` names."""
        names = tree.value if isinstance(tree.value, list) else [tree]
        if not names:
            self.note("SP103", "from names no value", tree.mark, "from: [a, b]")
        return tuple(self.source(name, scope) for name in names) or (None,)

    def source(self, tree: Tree, scope: Scope) -> Value:
        """The value of one name, `name[1]` being the second of several outputs."""
        word = self.value(tree, scope)
        if word is BROKEN:
            return None
        text = word if isinstance(word, str) else str(tree.text)
        match = SOURCE.fullmatch(text)
        base, path = (match["name"], match["path"]) if match else (text, "")
        if base not in scope:
            self.note("SP105", *self._unknown_source(base, scope, tree))
            return None
        value = scope[base]
        if not path or value is None:
            return value
        steps = tuple(int(step) for step in re.findall(r"\d{1,9}", path))
        return Source(value.value, value.path + steps) if isinstance(value, Source) else Source(value, steps)

    def _unknown_source(self, name: str, scope: Scope, tree: Tree) -> tuple[str, Any, str]:
        if name in scope.later:
            message = f"{name} stands further down, or is this layer: a layer reads what stands before it"
            return message, tree.mark, "move it above the layer that reads it"
        names = scope.known()[:1000]
        best = closest(name, names)
        hint = f"did you mean {best}?" if best else f"there are: {', '.join(names[:8])}"
        return f"nothing is named {shown(name)} here", tree.mark, hint

    # structures ------------------------------------------------------------------------------------------------------

    def structure(
        self, word: str, kind: Tree, tree: Tree | None, sources: tuple[Value, ...], name: str | None, scope: Scope
    ) -> Value:
        """Sequential, Residual or Branches: lists of entries inside an entry, which see the names around them."""
        if len(sources) > 1:
            self.note("SP308", f"{word} takes one input, {len(sources)} are given", kind.mark, "merge them first: Add, Concat")
        prefix = scope.prefix + (name or self.count_name(word, scope)) + "."
        value = sources[0]
        if word == "Sequential":
            return self.inside(self.entries(tree, kind, word), value, prefix, scope)
        if word == "Residual":
            return self.residual(kind, tree, value, prefix, scope)
        return self.branches(kind, tree, value, prefix, scope)

    def inside(self, entries: Sequence[Tree], value: Value, prefix: str, scope: Scope) -> Value:
        """The value of a list of entries inside a structure."""
        inner = Scope(value, prefix, scope.parameters, scope)
        return self.run(entries, inner)

    def residual(self, kind: Tree, tree: Tree | None, value: Value, prefix: str, scope: Scope) -> Value:
        """body(x) + shortcut(x); without a shortcut, + x."""
        parts = {"body": tree} if tree is not None and isinstance(tree.value, list) else None
        if parts is None:
            found = self.keys(kind, tree, ("body", "shortcut"), ("body",), "Residual: {body: [...], shortcut: [...]}")
            if found is None:
                return None
            parts = {key: entry.value for key, entry in found.items()}
        body = self.inside(self.entries(parts["body"], kind, "body"), value, prefix + "body.", scope)
        shortcut = value
        if "shortcut" in parts and parts["shortcut"] is not None:
            entries = self.entries(parts["shortcut"], kind, "shortcut")
            shortcut = self.inside(entries, value, prefix + "shortcut.", scope)
        return self.node("Add", LAYERS["Add"](), (body, shortcut), prefix + "add", _mark(kind))

    def branches(self, kind: Tree, tree: Tree | None, value: Value, prefix: str, scope: Scope) -> Value:
        """All paths on the same input, their outputs side by side along `dim`."""
        form = "Branches: {dim: 1, paths: [[...], [...]]}"
        parts = self.keys(kind, tree, ("dim", "paths"), ("paths",), form)
        if parts is None:
            return None
        paths = self.entries(parts["paths"].value, kind, "paths")
        dim = self.value(parts["dim"].value, scope) if "dim" in parts else 1
        if type(dim) is not int:
            self.note("SP103", f"dim is a whole number, not {shown(str(dim))}", parts["dim"].value.mark, "dim: 1")
            return None
        if not paths:
            self.note("SP100", "Branches without paths", kind.mark, form)
            return None
        ends = tuple(
            self.inside(self.entries(path, kind, "a path"), value, f"{prefix}{i}.", scope) for i, path in enumerate(paths)
        )
        marks = {"dim": _mark(parts["dim"].value)} if "dim" in parts else {}
        return self.node("Concat", LAYERS["Concat"](dim=dim), ends, prefix + "concat", _mark(kind), marks)

    def keys(
        self, kind: Tree, tree: Tree | None, known: Sequence[str], needed: Sequence[str], form: str
    ) -> dict[str, Entry] | None:
        """The parts of a mapping with fixed keys; None, with a finding, where one that is needed is missing."""
        parts = tree.value if tree is not None else None
        if not isinstance(parts, dict):
            self.note("SP100", f"{kind.text} is written with {' and '.join(known)}", kind.mark, form)
            return None
        for key, entry in parts.items():
            if key not in known:
                best = closest(key, known)
                hint = f"did you mean {best}?" if best else form
                self.note("SP100", f"unknown key {key} in {kind.text}", entry.key.mark, hint)
        missing = [key for key in needed if key not in parts]
        if missing:
            self.note("SP100", f"{kind.text} needs {', '.join(missing)}", kind.mark, form)
            return None
        return parts

    def entries(self, tree: Tree | None, kind: Tree, what: str) -> list[Tree]:
        """A list of entries; empty for nothing."""
        if tree is None or tree.value is None:
            return []
        if isinstance(tree.value, list):
            return tree.value
        self.note("SP103", f"{what} is a list of layers", tree.mark or kind.mark, f"{what}: [ReLU, ...]")
        return []

    # blocks ----------------------------------------------------------------------------------------------------------

    def call(
        self, block: Block, kind: Tree, tree: Tree | None, sources: tuple[Value, ...], name: str | None, scope: Scope
    ) -> Value:
        """The value of a block of the spec, its parameters put in."""
        if block.name in self.active:
            chain = " -> ".join([*self.active[self.active.index(block.name) :], block.name])
            self.note("SP108", f"the block {block.name} contains itself: {chain}", kind.mark, "a block is finite: use repeat")
            raise Stop
        if len(sources) > 1:
            self.note("SP308", f"the block {block.name} takes one input, {len(sources)} are given", kind.mark)
        if id(kind) not in scope.cache.calls:
            scope.cache.calls[id(kind)] = self.bind(block, kind, tree, scope), Cache()
        parameters, cache = scope.cache.calls[id(kind)]
        prefix = scope.prefix + (name or self.count_name(block.name, scope)) + "."
        inner = Scope(sources[0], prefix, parameters)
        inner.cache = cache
        inner.names[INPUT] = sources[0]
        self.active.append(block.name)
        value = self.run(block.layers, inner)
        self.active.pop()
        return value

    def bind(self, block: Block, kind: Tree, tree: Tree | None, scope: Scope) -> dict[str, Any]:
        """The parameters of one call of a block: given, or by default (which may use those before it)."""
        given = self.spread(block.name, list(block.parameters), tree, scope, first=list(block.parameters))
        bound: dict[str, Any] = {}
        for parameter, default in block.parameters.items():
            if parameter in given:
                bound[parameter] = given[parameter][0]
            elif default is not None:
                bound[parameter] = self.value(default, Scope(None, parameters=bound))
            else:
                hint = f"{block.name}: {{{parameter}: ...}}"
                self.note("SP104", f"the block {block.name} needs {parameter}", kind.mark, hint)
                bound[parameter] = BROKEN
        for parameter in given:
            if parameter not in bound:
                best = closest(parameter, block.parameters)
                listed = ", ".join(block.parameters) or "no parameters"
                hint = f"did you mean {best}?" if best else f"it takes {listed}"
                self.note("SP102", f"the block {block.name} has no parameter {parameter}", given[parameter][2], hint)
        return bound

    # layers ----------------------------------------------------------------------------------------------------------

    def leaf(
        self,
        kind: Tree,
        tree: Tree | None,
        sources: tuple[Value, ...],
        name: str | None,
        claim: Claim | None,
        scope: Scope,
    ) -> Value:
        """The value of one layer."""
        made = scope.cache.made.get(id(kind))
        if made is None:
            made = scope.cache.made[id(kind)] = self.make(kind, tree, scope)
        own = name or self.count_name(str(kind.text), scope)
        value = scope.names[own] = self.node(
            str(kind.text), made.layer, sources, scope.prefix + own, _mark(kind), made.marks, claim, made.fault,
            made.given, made.waits,
        )  # fmt: skip
        return value

    def make(self, kind: Tree, tree: Tree | None, scope: Scope) -> Made:
        """The layer an entry describes; a fault of the spec is recorded, one of the arguments kept for inference to report."""
        word = str(kind.text)
        if word not in LAYERS:
            self.note_error(unknown_layer(word, [*self.blocks, *STRUCTURES]), kind.mark)
            return Made(None, None, {}, {})
        cls = LAYERS[word]
        first = [n for n in argument_names(cls) if word not in LAZY or n not in cls.inferred]
        broken = self.broken
        spread = self.spread(word, first, tree, scope, first=[n for n in first if n not in cls.inferred])
        given = {argument: value for argument, (value, _, _) in spread.items()}
        marks = {argument: mark for argument, (_, mark, _) in spread.items()}
        self.correct(cls, word, given, spread)
        if signature(cls).trains:
            given["training"] = self.training
        if self.broken > broken:
            return Made(None, None, given, marks)
        try:
            return Made(make(cls, given), None, given, marks)
        except ShapeError as error:
            if error.diagnostics[0].code.startswith("SP1"):
                self.note_error(error, kind.mark)
                return Made(None, None, given, marks)
            return Made(None, error, given, marks)

    def correct(self, cls: type[Layer], word: str, given: dict[str, Any], spread: Mapping[str, Any]) -> None:
        """Record unknown arguments, and go on with what their author most likely meant, so that one slip is one finding."""
        from shapecheck.layers.base import COMMON_ALIASES, unknown_argument

        names = argument_names(cls)
        for argument in [a for a in given if a not in names]:
            value = given.pop(argument)
            if argument in ATTRIBUTES:
                message = f"{argument} stands inside {word}, not beside it"
                self.note("SP102", message, spread[argument][2], f"- {{{word}: ..., {argument}: ...}}")
                continue
            self.note_error(unknown_argument(cls, argument, names), spread[argument][2])
            best = closest(argument, names, {**COMMON_ALIASES, **cls.aliases})
            if best is not None:
                given.setdefault(best, value)

    def spread(
        self, word: str, names: list[str], tree: Tree | None, scope: Scope, first: list[str]
    ) -> dict[str, tuple[Any, Mark, Mark]]:
        """The arguments by name, each with the places of value and key: from a mapping, a list in torch's order or a scalar."""
        if tree is None or (tree.value is None and not tree.quoted):
            return {}
        if isinstance(tree.value, dict):
            return {
                key: (self.value(entry.value, scope), _mark(entry.value), _mark(entry.key))
                for key, entry in tree.value.items()
            }
        if isinstance(tree.value, list) and not (len(names) == 1 and len(tree.value) != 1):
            if len(tree.value) > len(names):
                listed = ", ".join(names) or "none"
                message = f"{word} is given {len(tree.value)} arguments, it takes {len(names)}"
                self.note("SP102", message, tree.mark, f"in order: {listed}")
            return {n: (self.value(v, scope), _mark(v), _mark(v)) for n, v in zip(names, tree.value, strict=False)}
        if not first:
            self.note("SP102", f"{word} takes no arguments", tree.mark, f"- {word}")
            return {}
        return {first[0]: (self.value(tree, scope), _mark(tree), _mark(tree))}

    def value(self, tree: Tree, scope: Scope) -> Any:
        """A value of the spec, its `${...}` put in; lists as tuples."""
        value = tree.value
        if isinstance(value, list):
            return tuple(self.value(item, scope) for item in value)
        if isinstance(value, dict):
            return {key: self.value(entry.value, scope) for key, entry in value.items()}
        if isinstance(value, str) and "${" in value:
            if any(known is BROKEN and name in value for name, known in scope.parameters.items()):
                self.broken += 1
                return BROKEN
            try:
                value = substitute(value, scope.parameters)
            except ExpressionError as error:
                line, column = tree.mark
                mark = Mark(line, column + error.offset + (1 if tree.quoted else 0)) if line else None
                self.note("SP110", error.message, mark, error.hint)
                value = BROKEN
        if value is BROKEN:
            self.broken += 1
        return value

    # nodes -----------------------------------------------------------------------------------------------------------

    def node(
        self,
        kind: str,
        layer: Layer | None,
        sources: tuple[Value, ...],
        name: str,
        mark: Mark,
        marks: Mapping[str, Mark] | None = None,
        claim: Claim | None = None,
        fault: ShapeError | None = None,
        given: Mapping[str, Any] | None = None,
        waits: bool = False,
    ) -> int:
        """The number of the value that a new node gives."""
        if len(self.nodes) >= MAX_LAYERS:
            self.note("SP109", f"the spec unrolls to more than {MAX_LAYERS:,} layers", mark, "a smaller `repeat:`")
            raise Stop
        if layer is not None:
            least, most = layer.inputs
            if len(sources) < least or (most is not None and len(sources) > most):
                fault, layer = input_count_error(layer, len(sources)), None
        self.nodes.append(Node(name, kind, layer, sources, mark, marks or {}, claim, fault, given or {}, waits))
        return self.count + len(self.nodes) - 1

    def count_name(self, word: str, scope: Scope) -> str:
        """A name for what has none: its type and a running number in its scope."""
        key = scope.prefix + word
        number = self.counters[key] = self.counters.get(key, 0) + 1
        return f"{word.lower()}_{number}"


def argument_names(cls: type[Layer]) -> list[str]:
    """The arguments a spec may give a layer, in torch's order; its mode is the network's."""
    return [name for name in signature(cls).names if name != "training"]


def _mark(tree: Tree) -> Mark:
    line, column = tree.mark
    return Mark(line or None, column if line else None)


def _name_of(entry: Tree) -> str | None:
    """The name an entry gives itself, before it is looked at closely."""
    if isinstance(entry.value, dict) and "name" in entry.value:
        name = entry.value["name"].value.value
        return name if isinstance(name, str) else None
    return None
