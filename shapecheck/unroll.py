"""The layers of a spec, unrolled: entries with blocks, repeats and branches in, a flat list of nodes out.

Main definitions: `Unroller` (collects nodes and findings), `Scope` (names, parameters and the current value of a list).
An entry is a type, or a mapping with one type (a layer, a block of the spec, `Sequential`, `Residual`, `Branches`) and,
beside it, `name`, `from`, `repeat` and `output`. Nothing here computes shapes; `inference.resolve` fills in what is
inferred.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from shapecheck.diagnostics import ShapeError
from shapecheck.foresee import ATTRIBUTES, STRUCTURES, least
from shapecheck.layers import LAYERS, LAZY
from shapecheck.layers.base import COMMON_ALIASES, Layer, closest, make, parameters, signature, unknown_argument
from shapecheck.net import Claim, Mark, Node, Source
from shapecheck.scope import BROKEN, Block, Cache, Made, Scope, Value
from shapecheck.single import input_count_error, unknown_layer
from shapecheck.spec_values import INPUT, Stop, Values, mark_of
from shapecheck.yaml_nodes import Entry, plain, shown
from shapecheck.yaml_nodes import Node as Tree

MAX_LAYERS = 1_000_000  # unrolled
MAX_NESTING = 40  # of blocks and structures inside each other, after unrolling


class Unroller(Values):
    """Turns entries into nodes; `findings` holds what is wrong with them."""

    def __init__(self, file: str | None, inputs: Sequence[str], training: bool) -> None:
        super().__init__(file)
        self.training = training
        self.count = len(inputs)
        self.nodes: list[Node] = []
        self.claims: list[tuple[int | Source, Claim]] = []
        self.blocks: dict[str, Block] = {}
        self.active: list[str] = []  # blocks being unrolled, outermost first
        self.counters: dict[str, int] = {}
        self.steps = 0
        self.nesting = 0

    # entries ---------------------------------------------------------------------------------------------------------

    def foresee(self, entries: Sequence[Tree]) -> None:
        """Stop before the unrolling, if the repeats and blocks that are plain to see already make too many layers."""
        counts: dict[str, int] = {}
        for entry in entries:
            if least(entry, self.blocks, counts) > MAX_LAYERS:
                self.too_many(entry)

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
        elif kind.text in LAYERS and LAYERS[str(kind.text)].inputs == (0, 0):
            sources = ()
        else:
            sources = (scope.value,)
            if scope.value is None and not self.nodes and self.count > 1 and not self.findings:
                self.note(
                    "SP105", f"{kind.text} has several inputs to choose from", kind.mark, "from: the one it reads"
                )
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
        if "shares" in attributes:
            self.share(attributes["shares"].value, before, scope)
        if name is not None:
            scope.names[name] = scope.value

    def share(self, tree: Tree, before: int, scope: Scope) -> None:
        """Count no parameters for the nodes from `before` on: they use the weights of a layer above, of their type."""
        value = self.source(tree, scope)
        if not isinstance(value, int):
            return
        other = self.nodes[value - self.count].type if value >= self.count else "input"
        for place in range(before, len(self.nodes)):
            node = self.nodes[place]
            if node.type != other:
                words = f"shares names {shown(str(tree.text))}, which is {other}, not {node.type}"
                self.note("SP103", words, tree.mark, "name a layer of the same type, with the same arguments")
                return
            self.nodes[place] = replace(node, params=0)

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
        """The value of one turn of an entry, which `from` finds by its name, given or counted."""
        word = str(kind.text)
        own = name or self.count_name(word, scope)
        if word in self.blocks:
            value = self.claimed(self.call(self.blocks[word], kind, arguments, sources, own, scope), claim)
        elif word in STRUCTURES:
            value = self.claimed(self.structure(word, kind, arguments, sources, own, scope), claim)
        else:
            value = self.leaf(kind, arguments, sources, own, claim, scope)
        scope.names[own] = value
        return value

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
        types = [key for key in rest if self.is_type(key)]
        if not types and (inner := self.wrapped(*rest[next(iter(rest))])) is not None:
            return *inner, attributes
        types = types or list(rest)[:1]
        kind, arguments = rest[types[0]]
        others = [key for key in rest if key != types[0]]
        if others:
            arguments = self.beside(kind, arguments, [rest[key] for key in others])
        return kind, arguments, attributes

    def wrapped(self, key: Tree, value: Tree) -> tuple[Tree, Tree | None] | None:
        """The type and arguments inside `conv1: {Conv2d: ...}` or `type: ReLU`; the finding says how it is written."""
        if isinstance(value.value, str) and self.is_type(value.value):
            self.note(
                "SP100", f"{shown(str(key.text))} is no layer", key.mark, f"- {value.value}: the type itself is the key"
            )
            return value, None
        if isinstance(value.value, dict) and len(value.value) == 1:
            inner, arguments = next(iter(value.value.values()))
            if self.is_type(str(inner.text)):
                hint = f"the name stands beside the type: - {{{inner.text}: ..., name: {key.text}}}"
                self.note("SP100", f"{shown(str(key.text))} is no layer", key.mark, hint)
                return inner, arguments
        return None

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

    # structures ------------------------------------------------------------------------------------------------------

    def structure(
        self, word: str, kind: Tree, tree: Tree | None, sources: tuple[Value, ...], name: str, scope: Scope
    ) -> Value:
        """Sequential, Residual or Branches: lists of entries inside an entry, which see the names around them."""
        if len(sources) > 1:
            self.note(
                "SP308", f"{word} takes one input, {len(sources)} are given", kind.mark, "merge them first: Add, Concat"
            )
        prefix = f"{scope.prefix}{name}."
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
        return self.node("Add", LAYERS["Add"](), (body, shortcut), prefix + "add", mark_of(kind))

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
            self.inside(self.entries(path, kind, "a path"), value, f"{prefix}{i}.", scope)
            for i, path in enumerate(paths)
        )
        marks = {"dim": mark_of(parts["dim"].value)} if "dim" in parts else {}
        return self.node("Concat", make(LAYERS["Concat"], {"dim": dim}), ends, prefix + "concat", mark_of(kind), marks)

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
        self, block: Block, kind: Tree, tree: Tree | None, sources: tuple[Value, ...], name: str, scope: Scope
    ) -> Value:
        """The value of a block of the spec, its parameters put in."""
        if block.name in self.active:
            chain = " -> ".join([*self.active[self.active.index(block.name) :], block.name])
            self.note(
                "SP108", f"the block {block.name} contains itself: {chain}", kind.mark, "a block is finite: use repeat"
            )
            raise Stop
        if len(sources) > 1:
            self.note("SP308", f"the block {block.name} takes one input, {len(sources)} are given", kind.mark)
        if id(kind) not in scope.cache.calls:
            scope.cache.calls[id(kind)] = self.bind(block, kind, tree, scope), Cache()
        parameters, cache = scope.cache.calls[id(kind)]
        prefix = f"{scope.prefix}{name}."
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
        name: str,
        claim: Claim | None,
        scope: Scope,
    ) -> Value:
        """The value of one layer."""
        made = scope.cache.made.get(id(kind))
        if made is None:
            made = scope.cache.made[id(kind)] = self.make(kind, tree, scope)
        return self.node(
            str(kind.text), made.layer, sources, scope.prefix + name, mark_of(kind), made.marks, claim, made.fault,
            made.given, made.waits,
        )  # fmt: skip

    def make(self, kind: Tree, tree: Tree | None, scope: Scope) -> Made:
        """The layer an entry describes; a spec's fault is recorded, an argument's kept for inference to tell."""
        word = str(kind.text)
        if word not in LAYERS:
            self.note_error(unknown_layer(word, [*self.blocks, *STRUCTURES]), kind.mark)
            return Made(None, None, {}, {})
        cls = LAYERS[word]
        first = [n for n in argument_names(cls) if word not in LAZY or n not in cls.inferred]
        broken = self.broken
        spread = self.spread(word, first, tree, scope, first=scalar_argument(cls, first, tree))
        given = {argument: value for argument, (value, _, _) in spread.items()}
        marks = {argument: mark for argument, (_, mark, _) in spread.items()}
        self.correct(cls, word, given, spread)
        self.name_sizes(cls, given, spread)
        self.truth_values(cls, given, spread)
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

    def truth_values(self, cls: type[Layer], given: dict[str, Any], spread: Mapping[str, Any]) -> None:
        """Refuse a text where a layer wants true or false: `no` is a text in YAML 1.2, and a text counts as true."""
        for field in parameters(cls):
            value = given.get(field.name)
            if isinstance(field.default, bool) and isinstance(value, str):
                meant = value.lower() not in ("no", "off", "n", "false", "0", "none")
                hint = f"{field.name}: {str(meant).lower()}"
                message = f"{field.name} is true or false, not the text {shown(value)}"
                self.note("SP103", message, spread[field.name][1], hint)
                given[field.name] = meant

    def name_sizes(self, cls: type[Layer], given: dict[str, Any], spread: Mapping[str, Any]) -> None:
        """Take the name of an open size in a list of sizes (`Reshape: [N, 400]`) for what torch writes as -1."""
        argument = cls.shape_argument
        listed: Any = given.get(argument) if argument is not None else None
        if argument is None or not isinstance(listed, tuple):
            return
        names = [size for size in listed if isinstance(size, str)]
        unknown = [name for name in names if name not in self.known_sizes]
        if unknown:
            known = ", ".join(sorted(self.known_sizes)) or "none"
            mark = spread[argument][1]
            self.note("SP105", f"no input has a size named {shown(unknown[0])}", mark, f"the input's names are {known}")
            self.broken += 1
        elif names and len(names) + listed.count(-1) > 1 and word_of_one_place(cls):
            message = f"{', '.join(names)}: only one size of the list can follow from the input"
            hint = "write the others as numbers, or Unflatten the dimension that they share"
            self.note("SP103", message, spread[argument][1], hint)
            self.broken += 1
        given[argument] = tuple(-1 if isinstance(size, str) else size for size in listed)

    def correct(self, cls: type[Layer], word: str, given: dict[str, Any], spread: dict[str, Any]) -> None:
        """Record unknown arguments and go on with what was most likely meant, so that one slip is one finding."""
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
                spread.setdefault(best, spread[argument])

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


def scalar_argument(cls: type[Layer], names: list[str], tree: Tree | None) -> list[str]:
    """The argument that a scalar gives: the first that is not inferred.

    Where that need not be given (BatchNorm's eps), a whole number is what torch's first argument is: num_features.
    """
    others = [name for name in names if name not in cls.inferred]
    if tree is not None and type(tree.value) is int and not signature(cls).needed and names[:1] != others[:1]:
        return names[:1]
    return others


def word_of_one_place(cls: type[Layer]) -> bool:
    """Whether torch takes one -1 only in the layer's list of sizes; Expand's -1 keeps a size, as often as one likes."""
    return cls.shape_argument != "sizes"


def argument_names(cls: type[Layer]) -> list[str]:
    """The arguments a spec may give a layer, in torch's order; its mode is the network's."""
    return [name for name in signature(cls).names if name != "training"]


def _name_of(entry: Tree) -> str | None:
    """The name an entry gives itself, before it is looked at closely."""
    if isinstance(entry.value, dict) and "name" in entry.value:
        name = entry.value["name"].value.value
        return name if isinstance(name, str) else None
    return None
