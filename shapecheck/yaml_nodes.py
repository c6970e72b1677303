"""YAML text as a tree that knows where each word stands, and nothing that could hurt the reader.

Main definitions: `read` (text -> `Node`), `from_python` (a mapping handed over from Python -> `Node`), `plain` (back
to ordinary values). Main results: tests/plumbing/test_yaml_nodes.py.

The tree is built over the parser's *events*: PyYAML's own tree builders recurse (200,000 `[` end the interpreter),
follow aliases, run tags and silently keep the last of two equal keys. Plain scalars mean what the core schema of
YAML 1.2 says: `no` and `12:30:45` are text, `010` is ten, `0o17` fifteen, `1e3` a float; a quoted "3" is text.

Codes of a fault: SP002 not text, SP003 not YAML, SP004 a part of YAML that a spec has no use for (alias, anchor, tag,
directive, second document, key that is no word), SP005 too large or too deep, SP106 a doubled key.
References: YAML 1.2.2, sections 5.1 (characters), 5.2 (encodings), 10.3 (core schema).
"""

from __future__ import annotations

import codecs
import gc
import math
import re
from collections.abc import Iterator, Mapping
from operator import index
from typing import Any, NamedTuple, TypeAlias

MAX_DEPTH = 32  # lists and mappings inside each other; a residual block inside another costs three
MAX_NODES = 1_000_000
MAX_CHARACTERS = 20_000_000
MAX_FAULTS = 100  # that are collected; one more ends the reading
MAX_DIGITS = 300  # of an integer; int() itself is quadratic and refuses at 4,300


class Mark(NamedTuple):
    """A place in the text, counted from 1; line 0 is "handed over from Python", which has no places."""

    line: int
    column: int


NOWHERE = Mark(0, 0)


class YamlError(ValueError):
    """A fault in the text: its code, what it is, where (counted from 1; 0 for "no place"), and what would work."""

    def __init__(self, code: str, message: str, mark: Mark, hint: str) -> None:
        super().__init__(f"{mark.line}:{mark.column}: {code} {message}")
        self.code = code
        self.message = message
        self.line = mark.line
        self.column = mark.column
        self.hint = hint


Scalar: TypeAlias = bool | int | float | str | None


class Node:
    """A value and the place where it begins.

    `value` is a scalar, a list of nodes, or a dict from each key's text to its `Entry`. A scalar keeps the `text` it
    was written as (without quotes; None for lists and mappings) and whether it was `quoted`.
    """

    __slots__ = ("mark", "quoted", "text", "value")

    value: Scalar | list[Node] | dict[str, Entry]

    def __init__(
        self, value: Scalar | list[Node] | dict[str, Entry], mark: Mark, text: str | None = None, quoted: bool = False
    ) -> None:
        self.value = value
        self.mark = mark
        self.text = text
        self.quoted = quoted

    def __repr__(self) -> str:
        return f"Node({plain(self)!r}, line={self.mark.line}, column={self.mark.column})"


class Entry(NamedTuple):
    """One key of a mapping and its value, each with its place; `key.value` tells a word from a number."""

    key: Node
    value: Node


def read(source: str | bytes, found: list[YamlError] | None = None) -> Node:
    """The tree of the one document in `source`; an empty text is the node of None.

    A fault is raised as `YamlError`, the first one, and nothing else is raised. With a list `found`, faults after which
    reading can go on (doubled keys, of which the first counts, tags, anchors, directives) are appended to it instead.

    >>> tree = read("layers:\\n  - Conv2d: {kernel_size: 010}")
    >>> plain(tree)
    {'layers': [{'Conv2d': {'kernel_size': 10}}]}
    >>> tree.value["layers"].value.value[0].mark
    Mark(line=2, column=5)
    >>> read("a: {b: 1, b: 2}")
    Traceback (most recent call last):
    shapecheck.yaml_nodes.YamlError: 1:11: SP106 the key 'b' stands twice in one mapping
    """
    faults: list[YamlError] = [] if found is None else found
    try:
        node = _parsed(_text_of(source), faults)
    except YamlError as error:
        raise (error if found is not None or not faults else faults[0]) from None
    if found is None and faults:
        raise faults[0]
    return node


def plain(node: Node) -> Any:
    """The node's value as ordinary Python data, places forgotten; keys are text."""
    value = node.value
    if isinstance(value, dict):
        return {text: plain(entry.value) for text, entry in value.items()}
    if isinstance(value, list):
        return [plain(item) for item in value]
    return value


# Text


ENCODINGS = (  # the longer mark first: UTF-16's is the beginning of UTF-32's
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
# What YAML forbids, and three line breaks (next line, line and paragraph separator) that its versions disagree about.
_NOT_TEXT = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufeff\ufffe\uffff]")
_SAVE_AS_TEXT = "a spec is a text file: save it as UTF-8"


def _text_of(source: str | bytes) -> str:
    """The characters of `source`, all of them fit for YAML."""
    if len(source) > MAX_CHARACTERS:
        message = f"the text is {len(source):,} long, more than {MAX_CHARACTERS:,}"
        raise YamlError("SP005", message, Mark(1, 1), "write layers that repeat with `repeat:` or as a block")
    text = source.removeprefix("\ufeff") if isinstance(source, str) else _decoded(source)
    if bad := _NOT_TEXT.search(text):
        name = f"U+{ord(bad[0]):04X}"
        raise YamlError(
            "SP002", f"the character {name} has no place in a text", _end_of(text[: bad.start()]), _SAVE_AS_TEXT
        )
    return text


def _decoded(source: bytes) -> str:
    """The characters that the bytes stand for: UTF-8, or what the byte-order mark says."""
    bom, encoding = next((row for row in ENCODINGS if source.startswith(row[0])), (b"", "utf-8"))
    source = source[len(bom) :]
    if not bom and b"\0" in source[:4]:
        message = "the file holds NUL bytes: binary, or UTF-16 without a byte-order mark"
        raise YamlError("SP002", message, Mark(1, source.index(0) + 1), _SAVE_AS_TEXT)
    try:
        return source.decode(encoding)
    except UnicodeDecodeError as error:
        message = f"the byte 0x{source[error.start]:02X} is not {encoding.upper()}"
        raise YamlError("SP002", message, _end_of(source[: error.start].decode(encoding)), _SAVE_AS_TEXT) from None


def _end_of(text: str) -> Mark:
    """The place just behind the text."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    return Mark(len(lines), len(lines[-1]) + 1)


# Tree


def _parsed(text: str, faults: list[YamlError]) -> Node:
    """The tree of the text; what cannot be read on from is raised, as `YamlError` whatever the parser says."""
    from yaml import MarkedYAMLError, YAMLError

    collecting = gc.isenabled()
    gc.disable()  # nothing becomes garbage here, and walking the growing tree again and again takes a third of the time
    try:
        return _tree(_parser(text), faults)
    except MarkedYAMLError as error:
        raise _syntax_error(error, text) from None
    except YamlError:
        raise
    except (YAMLError, ValueError, OverflowError) as error:  # PyYAML's own parser: an escape beyond Unicode
        raise YamlError("SP003", f"not valid YAML: {error}", Mark(1, 1), _HINTS[-1][1]) from None
    finally:
        if collecting:
            gc.enable()


def events(text: str) -> Iterator[Any]:
    """The parser's events of a text, with their places, for who must know where a value ends; may raise `YamlError`."""
    from yaml import MarkedYAMLError, YAMLError

    try:
        parser = _parser(text)
        while True:
            event = parser.get_event()
            yield event
            if type(event).__name__ == "StreamEndEvent":
                return
    except MarkedYAMLError as error:
        raise _syntax_error(error, text) from None
    except (YAMLError, ValueError, OverflowError) as error:
        raise YamlError("SP003", f"not valid YAML: {error}", Mark(1, 1), _HINTS[-1][1]) from None


def _parser(text: str) -> Any:
    """A parser with `get_event`: libyaml's, or where that is missing PyYAML's own (some 20 times slower)."""
    import yaml

    if yaml.__with_libyaml__:
        return yaml.cyaml.CParser(text)  # type: ignore[attr-defined]

    class Parser(yaml.reader.Reader, yaml.scanner.Scanner, yaml.parser.Parser):
        def __init__(self, stream: str) -> None:
            yaml.reader.Reader.__init__(self, stream)
            yaml.scanner.Scanner.__init__(self)
            yaml.parser.Parser.__init__(self)

    return Parser(text)


def _tree(parser: Any, faults: list[YamlError]) -> Node:
    """The node of the parser's only document; one long loop, since 10,000 layers are 90,000 events."""
    from yaml import events

    scalar_event, list_event, dict_event = events.ScalarEvent, events.SequenceStartEvent, events.MappingStartEvent
    ends = (events.SequenceEndEvent, events.MappingEndEvent)
    get_event = parser.get_event
    root: list[Node] = []
    parent: list[Node] | dict[str, Entry] = root
    key: Node | None = None  # the key that waits for its value, if the parent is a mapping
    above: list[list[Node] | dict[str, Entry]] = []
    known = dict(_WORDS)
    count = 0
    while True:
        event = get_event()
        kind = type(event)
        if kind is scalar_event:
            place = event.start_mark
            mark = Mark(place.line + 1, place.column + 1)
            text = event.value
            if event.tag is not None or event.anchor is not None:
                _note(faults, _unused(event, mark))
            if event.style:
                node = Node(_checked(text, mark), mark, text, True)
            else:
                if text not in known:
                    known[text] = _resolved(text, mark)
                node = Node(known[text], mark, text)
        elif kind is list_event or kind is dict_event:
            place = event.start_mark
            mark = Mark(place.line + 1, place.column + 1)
            if event.tag is not None or event.anchor is not None:
                _note(faults, _unused(event, mark))
            node = Node([] if kind is list_event else {}, mark)
        elif kind in ends:
            parent = above.pop()
            continue
        elif kind is events.StreamEndEvent:
            return root[0] if root else Node(None, Mark(1, 1), "")
        else:
            _check_between(event, root, faults)
            continue

        count += 1
        if count > MAX_NODES:
            message = f"the spec holds more than {MAX_NODES:,} values"
            raise YamlError("SP005", message, mark, "write layers that repeat with `repeat:` or as a block")
        if isinstance(parent, list):
            parent.append(node)
        elif key is None:
            key = _key(node, parent, faults)
            continue
        else:
            parent.setdefault(key.text or "", Entry(key, node))
            key = None
        if kind is not scalar_event:
            above.append(parent)
            parent = node.value  # type: ignore[assignment]
            if len(above) > MAX_DEPTH:
                message = f"lists and mappings are nested deeper than {MAX_DEPTH}"
                raise YamlError("SP005", message, mark, "give the inner part a name under `blocks:`")


def _note(faults: list[YamlError], fault: YamlError) -> None:
    """Nothing; the fault joins the others, unless they are too many to go on."""
    if len(faults) >= MAX_FAULTS:
        raise fault
    faults.append(fault)


def _key(node: Node, mapping: Any, faults: list[YamlError]) -> Node:
    """The node, if it can be a key of the mapping."""
    if node.text is None:
        raise YamlError("SP004", "a key is a list or a mapping", node.mark, "a key is a word: `kernel_size: [3, 3]`")
    if node.text in mapping:
        first = mapping[node.text].key.mark
        hint = f"the first one stands at line {first.line}, column {first.column}; keep one of them"
        message = f"the key {shown(node.text)} stands twice in one mapping"
        _note(faults, YamlError("SP106", message, node.mark, hint))
    return node


def _unused(event: Any, mark: Mark) -> YamlError:
    """The fault of an event that has a tag or an anchor."""
    if event.tag is not None:
        message = f"the tag {shown(event.tag)} means nothing in a spec"
        return YamlError("SP004", message, mark, "leave it out; quotes make a text of a number")
    message = f"the anchor {shown('&' + event.anchor)} has no use in a spec"
    return YamlError("SP004", message, mark, "what is used twice goes under `blocks:`")


def _check_between(event: Any, root: list[Node], faults: list[YamlError]) -> None:
    """Nothing, if the event (no scalar, list or mapping) is the beginning or end of the only document."""
    name = type(event).__name__
    mark = Mark(event.start_mark.line + 1, event.start_mark.column + 1)
    if name == "AliasEvent":
        message = f"the alias {shown('*' + event.anchor)} has no use in a spec"
        raise YamlError("SP004", message, mark, "what is used twice goes under `blocks:`")
    if name == "DocumentStartEvent" and root:
        raise YamlError("SP004", "a second document begins", mark, "a file holds one network: leave the `---` out")
    if name == "DocumentStartEvent" and (event.tags or event.version not in (None, (1, 2))):
        message = "a directive changes how YAML is read"
        _note(faults, YamlError("SP004", message, mark, "leave it out: a spec is read as YAML 1.2"))


# Scalars


_WORDS: dict[str, Scalar] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
    **dict.fromkeys((".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF"), math.inf),
    **dict.fromkeys(("-.inf", "-.Inf", "-.INF"), -math.inf),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), math.nan),
}
_NUMERIC = frozenset("0123456789+-.")
_INT = re.compile("[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_BASES = {"0o": 8, "0x": 16}


def _resolved(text: str, mark: Mark) -> Scalar:
    """What a plain scalar that is none of `_WORDS` means by YAML 1.2's core schema."""
    if text[0] not in _NUMERIC:
        return text
    if _INT.fullmatch(text):
        if len(text) > MAX_DIGITS:
            message = f"a number of {len(text):,} digits"
            raise YamlError("SP005", message, mark, f"numbers have at most {MAX_DIGITS} digits; quotes make it a text")
        return int(text, _BASES.get(text[:2], 10))
    return float(text) if _FLOAT.fullmatch(text) else text


def _checked(text: str, mark: Mark) -> str:
    """The text of a quoted scalar, whose escapes may not bring in what the file itself may not hold."""
    if bad := _NOT_TEXT.search(text):
        message = f"the escaped character U+{ord(bad[0]):04X} has no place in a text"
        raise YamlError("SP002", message, mark, "in single quotes a backslash is a backslash")
    return text


def shown(text: str) -> str:
    """The text in quotes, cut to a length that fits into a message.

    >>> shown("a" * 100)
    "'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa...'"
    """
    return repr(text if len(text) <= 40 else text[:37] + "...")


# Syntax errors


_HINTS = (  # what libyaml and PyYAML say, in either's words -> what would work
    (
        "mapping values are not allowed",
        "one `key: value` a line; check the indentation, and quote a text that holds ': '",
    ),
    ("expected ':'", "a key needs a colon and a space behind it"),
    ("expected '-'", "the items of one list begin with '- ' at the same indentation"),
    ("expected key", "the keys of one mapping begin at the same indentation, and quotes close where the value ends"),
    ("expected <block end>", "the keys of one mapping begin at the same indentation"),
    ("escape", "in double quotes a backslash begins an escape; in single quotes it is a backslash"),
    ("end of stream", "close the quote that is opened here"),
    ("expected node content", "a value is missing, or a bracket is closed that was not opened"),
    ("expected the node content", "a value is missing, or a bracket is closed that was not opened"),
    ("", "check brackets, quotes and indentation just before this place"),
)


def _syntax_error(error: Any, text: str) -> YamlError:
    """The parser's complaint as a fault at the place where a reader should look."""
    place = error.problem_mark or error.context_mark
    problem = error.problem or error.context or "unreadable"
    rest = _from_place(text, place.line, place.column)
    if not rest and _is_before(error.context_mark, place):  # at the end of the file: what is open says more
        place = error.context_mark
    mark = Mark(place.line + 1, place.column + 1)
    if rest[:1] in ("\t", "@", "`", "%") and "token" in problem:
        hint = "indent with spaces, not tabs" if rest[0] == "\t" else f"quote a text that begins with {rest[0]}"
    elif rest.startswith("{") and _from_place(text, place.line, place.column - 1).startswith("${"):
        hint = 'inside brackets write "${...}" in quotes'
    elif "',' or" in problem:
        opened = error.context_mark
        where = f"line {opened.line + 1}, column {opened.column + 1}"
        hint = f"a comma is missing, or the end of the bracket that opens at {where}"
    elif not rest and place is error.problem_mark:
        hint = "the text ends too early: a bracket is not closed, or a value is missing"
    else:
        hint = next(hint for part, hint in _HINTS if part in problem)
    return YamlError("SP003", f"not valid YAML: {problem}", mark, hint)


def _is_before(mark: Any, other: Any) -> bool:
    """Whether a parser's mark stands before another one; no mark does not."""
    return mark is not None and (mark.line, mark.column) < (other.line, other.column)


def _from_place(text: str, line: int, column: int) -> str:
    """What is left of a line, its end included, from a place counted from 0; nothing behind the end."""
    lines = text.splitlines(keepends=True)
    return lines[line][column:] if line < len(lines) else ""


# Python values


def from_python(value: object) -> Node:
    """The node of a mapping handed over from Python; its places are `NOWHERE`.

    Takes mappings with text keys, lists, tuples, None, bools, numbers and text; integers of other libraries become
    ints. Raises `YamlError` for anything else, for a value that contains itself, and beyond the limits of `read`.

    >>> plain(from_python({"input": (1, 3), "layers": ["ReLU"]}))
    {'input': [1, 3], 'layers': ['ReLU']}
    """
    return _Converter().node(value)


class _Converter:
    """Counts the nodes of one conversion and knows which containers are open."""

    def __init__(self) -> None:
        self.count = 0
        self.open: list[int] = []

    def node(self, value: object) -> Node:
        """The node of one value and all it contains."""
        self.count += 1
        if self.count > MAX_NODES:
            raise YamlError(
                "SP005", f"the spec holds more than {MAX_NODES:,} values", NOWHERE, "use `repeat:` or a block"
            )
        if not isinstance(value, Mapping | list | tuple):
            return _scalar_node(value)
        if id(value) in self.open:
            raise YamlError("SP005", "the spec contains itself", NOWHERE, "a list or mapping cannot be its own part")
        if len(self.open) >= MAX_DEPTH:
            message = f"lists and mappings are nested deeper than {MAX_DEPTH}"
            raise YamlError("SP005", message, NOWHERE, "give the inner part a name under `blocks:`")
        self.open.append(id(value))
        if isinstance(value, Mapping):
            node = Node({key: self.entry(key, item) for key, item in value.items()}, NOWHERE)
        else:
            node = Node([self.node(item) for item in value], NOWHERE)
        self.open.pop()
        return node

    def entry(self, key: object, value: object) -> Entry:
        """The entry of one key, which must be text."""
        if not isinstance(key, str):
            message = f"a key is {type(key).__name__}, not text"
            raise YamlError("SP004", message, NOWHERE, "keys are text, in Python as in the file")
        return Entry(_scalar_node(key), self.node(value))


def _scalar_node(value: object) -> Node:
    """The node of a value without parts."""
    if isinstance(value, str):
        text = str(value)
        return Node(_checked(text, NOWHERE), NOWHERE, text, True)
    if value is None or isinstance(value, bool):
        return Node(value, NOWHERE, {None: "null", True: "true", False: "false"}[value])
    if isinstance(value, float):
        return Node(float(value), NOWHERE, repr(float(value)))
    try:
        number = index(value)  # type: ignore[arg-type]
    except TypeError:
        message = f"a spec cannot hold a value of type {type(value).__name__}"
        raise YamlError("SP004", message, NOWHERE, "use text, numbers, lists and mappings") from None
    if number.bit_length() > 3 * MAX_DIGITS:
        raise YamlError("SP005", "a number is too large", NOWHERE, f"numbers have fewer than {MAX_DIGITS} digits")
    return Node(number, NOWHERE, str(number))
