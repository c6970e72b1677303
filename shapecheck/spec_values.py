"""The values of a spec, read with their places: numbers, sizes, shapes, names, arguments; a fault becomes a finding.

Main definition: `Values`, the findings of one reading and the methods that read.
"""

from __future__ import annotations

import re
from typing import Any

from shapecheck.diagnostics import Diagnostic, ShapeError
from shapecheck.expressions import ExpressionError, substitute
from shapecheck.layers.base import LIMIT, closest
from shapecheck.net import Claim, Mark, Source
from shapecheck.scope import BROKEN, Scope, Value
from shapecheck.sizes import NAME, Dim, Shape, parse
from shapecheck.yaml_nodes import Entry, plain, shown
from shapecheck.yaml_nodes import Node as Tree

MAX_FINDINGS = 200  # more than anybody reads; the spec is not read further
INPUT = "input"  # what `from:` calls the input of a block, or of a network with one
SOURCE = re.compile(r"(?P<name>.+?)(?P<path>(?:\[\d+\])*)")


class Stop(Exception):
    """The unrolling ends here; the finding that says why is recorded."""


class Values:
    """Reads values; `findings` holds what is wrong with them."""

    def __init__(self, file: str | None) -> None:
        self.file = file
        self.findings: list[Diagnostic] = []
        self.known_sizes: set[str] = set()  # the names that the inputs leave open
        self.broken = 0  # values that a fault of the spec left unknown, so far

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
            self.note(
                "SP107", f"the name {name} is given twice", entry.value.mark, f"the first is in {where}; choose another"
            )
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
        return None if shape is None else Claim(shape, mark_of(entry.value))

    def shape_of(self, tree: Tree, what: str, scope: Scope, known: set[str] | None = None) -> Shape | None:
        """A shape as the spec writes it: a list of sizes, each a number or a name (one of `known`, if given)."""
        dims = tree.value
        if not isinstance(dims, list):
            self.note(
                "SP103",
                f"{what} is a list of sizes, not {shown(str(plain(tree)))}",
                tree.mark,
                f"{what}: [N, 3, 224, 224]",
            )
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

    def spread(
        self, word: str, names: list[str], tree: Tree | None, scope: Scope, first: list[str]
    ) -> dict[str, tuple[Any, Mark, Mark]]:
        """The arguments by name, with the places of value and key: from a mapping, a list in order, or a scalar."""
        if tree is None or (tree.value is None and not tree.quoted):
            return {}
        if isinstance(tree.value, dict):
            return {
                key: (self.value(entry.value, scope), mark_of(entry.value), mark_of(entry.key))
                for key, entry in tree.value.items()
            }
        if isinstance(tree.value, list) and not (len(names) == 1 and len(tree.value) != 1):
            if len(tree.value) > len(names):
                listed = ", ".join(names) or "none"
                message = f"{word} is given {len(tree.value)} arguments, it takes {len(names)}"
                self.note("SP102", message, tree.mark, f"in order: {listed}")
            return {n: (self.value(v, scope), mark_of(v), mark_of(v)) for n, v in zip(names, tree.value, strict=False)}
        if not first:
            self.note("SP102", f"{word} takes no arguments", tree.mark, f"- {word}")
            return {}
        return {first[0]: (self.value(tree, scope), mark_of(tree), mark_of(tree))}

    def value(self, tree: Tree, scope: Scope) -> Any:
        """A value of the spec, its `${...}` put in; lists as tuples."""
        value: Any = tree.value
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


def mark_of(tree: Tree) -> Mark:
    """The place of a value; a spec from Python has none."""
    line, column = tree.mark
    return Mark(line or None, column if line else None)
