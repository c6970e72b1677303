"""The YAML reader: values by the 1.2 core schema, each with its place, and no text that can hurt it.

Main results: what PyYAML or YAML 1.1 would do to a user does not happen; every text whatever is a tree or a `YamlError`
with a place inside the text and a hint, quickly; libyaml and PyYAML's own parser give the same tree.
"""

from __future__ import annotations

import contextlib
import gc
import json
import math
import time
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from shapecheck import yaml_nodes
from shapecheck.yaml_nodes import Mark, Node, YamlError, from_python, plain, read


def fault(source: str | bytes) -> YamlError:
    """The error that reading the source raises."""
    with pytest.raises(YamlError) as caught:
        read(source)
    return caught.value


def tree_of(source: str | bytes) -> Any:
    """The source's tree, to be looked into without asking each node what it is."""
    return read(source)


def scalar(text: str) -> Any:
    """What the text means as a plain scalar."""
    return tree_of(f"- {text}").value[0].value


def nodes(node: Node) -> Iterator[Node]:
    """The node and all below it, keys included."""
    yield node
    if isinstance(node.value, dict):
        for entry in node.value.values():
            yield entry.key
            yield from nodes(entry.value)
    elif isinstance(node.value, list):
        for item in node.value:
            yield from nodes(item)


@pytest.fixture
def without_libyaml(monkeypatch: pytest.MonkeyPatch) -> None:
    """A PyYAML that was built without libyaml."""
    monkeypatch.setattr(yaml, "__with_libyaml__", False)


# What a text means


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("010", 10),
        ("0o17", 15),
        ("0xFf", 255),
        ("+3", 3),
        ("-3", -3),
        ("1e3", 1000.0),
        ("1.", 1.0),
        (".5", 0.5),
        ("-1.5E-2", -0.015),
        (".inf", math.inf),
        ("-.INF", -math.inf),
        ("1e999999", math.inf),
        ("true", True),
        ("True", True),
        ("TRUE", True),
        ("false", False),
        ("False", False),
        ("FALSE", False),
        ("~", None),
        ("null", None),
        ("Null", None),
        ("", None),
    ],
)
def test_plain_scalars_mean_what_the_core_schema_says(text, value):
    """A plain number, truth value or null is what section 10.3.2 of YAML 1.2.2 makes of it, type included."""
    assert scalar(text) == value
    assert type(scalar(text)) is type(value)


def test_nan_is_a_number():
    """`.nan` is the float that differs from itself."""
    assert math.isnan(scalar(".NaN"))


@pytest.mark.parametrize(
    "text",
    ["no", "yes", "on", "off", "y", "12:30:45", "1_000", "0b101", "+0x1", "-0o7", "08:00", "2026-11-21", "<<", "=",
     "tRue", "nULL", ".iNf", "1e", "e3", ".", "-.", "+", "1.2.3", "0x", "0o8", "٣", "²", "${width * 4}"],
)  # fmt: skip
def test_all_else_is_text(text):
    """What only YAML 1.1 (or nobody) takes for a number, a truth value, a time or a merge is the text itself."""
    assert scalar(text) == text


@pytest.mark.parametrize("text", ["3", "true", "null", "~", "1e3", ""])
def test_quotes_make_a_text(text):
    """A quoted scalar is text, and knows that it was quoted."""
    for quoted in (f'"{text}"', f"'{text}'"):
        (node,) = tree_of(f"- {quoted}").value
        assert (node.value, node.text, node.quoted) == (text, text, True)


@given(st.integers(-(10**40), 10**40))
def test_integers_survive(number):
    """Every decimal integer is read as itself, leading zeros or not."""
    assert scalar(str(number)) == number
    assert scalar(f"{number:+0100d}") == number


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_floats_survive(number):
    """Every float is read as itself from what Python prints."""
    assert scalar(repr(number)) == number


def test_keys_keep_their_text():
    """A key that is no word keeps the text it was written as, beside what that text means."""
    tree = tree_of("{010: a, no: b, ~: c, 1e3: d, 'q': e}")
    assert list(tree.value) == ["010", "no", "~", "1e3", "q"]
    assert [entry.key.value for entry in tree.value.values()] == [10, "no", None, 1000.0, "q"]
    assert [entry.key.quoted for entry in tree.value.values()] == [False] * 4 + [True]
    assert plain(tree) == {"010": "a", "no": "b", "~": "c", "1e3": "d", "q": "e"}


@pytest.mark.parametrize("empty", ["", b"", "\n\n", "# nothing\n", "---", b"\xef\xbb\xbf", "~"])
def test_an_empty_text_is_none(empty):
    """A text without content is the node of None."""
    assert read(empty).value is None


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_byte_order_marks_tell_the_encoding(encoding):
    """Bytes are UTF-8, or what their byte-order mark says, and the mark is no part of the first word."""
    tree = tree_of("näme: [é, 𝄞]".encode(encoding))
    assert plain(tree) == {"näme": ["é", "𝄞"]}
    assert tree.value["näme"].key.mark == Mark(1, 1)


_TEXT = st.text(st.characters(exclude_categories=["Cc", "Cs", "Cn", "Zl", "Zp", "Cf"]), max_size=9)
_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | _TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_TEXT, inner, max_size=4),
    max_leaves=15,
)


@given(_VALUES, st.sampled_from([None, 2]))
def test_json_is_yaml(value, indent):
    """Every JSON text (of printable characters) means the same here, on one line or on many."""
    assert plain(read(json.dumps(value, ensure_ascii=False, indent=indent))) == value


@given(_VALUES)
def test_a_value_from_python_is_given_back(value):
    """`plain` undoes `from_python`."""
    assert plain(from_python(value)) == value


# Where things stand


def test_every_node_knows_its_place():
    """Lines and columns count from 1, in characters; lists and mappings stand where their first sign does."""
    tree = tree_of("näme: 'x'\nlayers:\n  - Conv2d: {k: [3, 5]}\n  -\n    ReLU\n")
    places = [(node.text, *node.mark) for node in nodes(tree) if node.text is not None]
    assert places == [
        ("näme", 1, 1), ("x", 1, 7), ("layers", 2, 1),
        ("Conv2d", 3, 5), ("k", 3, 14), ("3", 3, 18), ("5", 3, 21), ("ReLU", 5, 5),
    ]  # fmt: skip
    layers = tree.value["layers"].value
    assert layers.mark == Mark(3, 3)
    assert layers.value[0].mark == Mark(3, 5)
    assert layers.value[0].value["Conv2d"].value.mark == Mark(3, 13)


@pytest.mark.parametrize("line_break", ["\n", "\r\n", "\r"])
def test_every_line_break_counts_once(line_break):
    """Unix, Windows and old Macintosh line ends give the same places, for nodes and for faults."""
    assert tree_of(line_break.join(["# one", "a: 1", "b: 2"])).value["b"].value.mark == Mark(3, 4)
    assert (fault(line_break.join(["a: 1", "b: \0"])).line, fault(f"a: 1{line_break}b: \0").column) == (2, 4)
    assert fault(f"a: 1{line_break}é: ".encode() + b"\xff").column == 4


@given(st.lists(st.sampled_from(["- ReLU", "- {Linear: 3}", "# é", "", "- 'a b'", "- [1, 2]"]), max_size=30))
def test_places_point_at_the_words(lines):
    """The text at a plain scalar's place is the scalar."""
    text = "\n".join(lines)
    for node in nodes(read(text)):
        if node.text and not node.quoted:
            assert lines[node.mark.line - 1][node.mark.column - 1 :].startswith(node.text)


# Faults


@pytest.mark.parametrize(
    ("source", "code", "line", "column"),
    [
        ("a: 1\nb: \0", "SP002", 2, 4),
        ("a: \x1b[31m", "SP002", 1, 4),
        ("a: \ud800", "SP002", 1, 4),
        ("a: x\u2028b: y", "SP002", 1, 5),
        ("a: 1 # next\x85line", "SP002", 1, 12),
        ("a: \ufeff", "SP002", 1, 4),
        ('- "\\e[31m"', "SP002", 1, 3),
        ('- "\\0"', "SP002", 1, 3),
        (b"ab: \xc3(", "SP002", 1, 5),
        (b"a: 1\n\xff\xfe", "SP002", 2, 1),
        ("a: b".encode("utf-16-le"), "SP002", 1, 2),
        (b"\xff\xfea\0:", "SP002", 1, 2),
        (b"\x7fELF\x02\x01\x01\0\0\0", "SP002", 1, 1),
        ("a: [1, 2\nb: 3", "SP003", 2, 2),
        ("a: [1,\n", "SP003", 2, 1),
        ("a: 'x\n", "SP003", 1, 4),
        ("a: b: c", "SP003", 1, 5),
        ("\ta: 1", "SP003", 1, 1),
        ("a:\n\t- b", "SP003", 2, 1),
        ("a: @b", "SP003", 1, 4),
        ("a:\n  b: 1\n c: 2", "SP003", 3, 2),
        ("- a\nb: c", "SP003", 2, 1),
        ("a: 'it's'", "SP003", 1, 8),
        ("a: ]", "SP003", 1, 4),
        ("%YAML 9.1\n--- a", "SP003", 1, 1),
        ("a: {b: ${w}}", "SP003", 1, 9),
        ("- !!python/object/apply:os.system [echo]", "SP004", 1, 3),
        ("- !!int 3", "SP004", 1, 3),
        ("- ! 3", "SP004", 1, 3),
        ("a: &x 1", "SP004", 1, 4),
        ("a: *x", "SP004", 1, 4),
        ("a\n---\nb", "SP004", 2, 1),
        ("a: 1\n---\n", "SP004", 2, 1),
        ("%YAML 1.1\n--- a", "SP004", 1, 1),
        ("%TAG ! tag:x,2000:\n--- a", "SP004", 1, 1),
        ("? [a]\n: b", "SP004", 1, 3),
        ("{{a: b}: c}", "SP004", 1, 2),
        ("[" * 33, "SP005", 1, 33),
        ("a: " + "9" * 5000, "SP005", 1, 4),
        ("0x" + "f" * 5000, "SP005", 1, 1),
        ("a: 1\nb: 2\na: 3", "SP106", 3, 1),
        ("a: {b: 1, 'b': 2}", "SP106", 1, 11),
        ("<<: 1\n<<: 2", "SP106", 2, 1),
    ],
)
def test_a_fault_has_its_code_and_place(source, code, line, column):
    """Each kind of fault is found where it stands, and says what would work."""
    error = fault(source)
    assert (error.code, error.line, error.column) == (code, line, column)
    assert error.message
    assert error.hint
    assert str(error) == f"{line}:{column}: {code} {error.message}"
    str(error).encode()


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("\ta: 1", "spaces, not tabs"),
        ("a: {b: ${w}}", '"${...}" in quotes'),
        ("a: [1, 2\nb: 3", "line 1, column 4"),
        ("a: {b: 1, b: 2}", "line 1, column 5"),
        ("a: @b", "quote a text that begins with @"),
        ("a: 'x", "close the quote"),
        ("a: &x 1", "`blocks:`"),
    ],
)
def test_hints_fit_the_fault(source, words):
    """The hint speaks of this very fault."""
    assert words in fault(source).hint


def test_a_depth_of_32_is_fine():
    """The limit of depth is sharp."""
    assert tree_of("[" * 32 + "]" * 32).value[0].mark == Mark(1, 2)


def test_one_run_finds_all_that_can_be_read_past():
    """Given a list, doubled keys (the first counts), tags, anchors and directives do not end the reading."""
    found: list[YamlError] = []
    tree = read("%YAML 1.1\n---\na: 1\nb: !x 2\na: {c: 1}\nd: &e [{f: 1, f: 2}]", found)
    assert [(error.code, error.line) for error in found] == [
        ("SP004", 1),
        ("SP004", 4),
        ("SP106", 5),
        ("SP004", 6),
        ("SP106", 6),
    ]
    assert plain(tree) == {"a": 1, "b": 2, "d": [{"f": 1}]}


def test_what_ends_the_reading_is_raised_after_what_was_found():
    """A fault that cannot be read past is raised even with a list, which keeps what came before it."""
    found: list[YamlError] = []
    with pytest.raises(YamlError, match="SP004 the alias"):
        read("a: &x 1\nb: *x", found)
    assert [error.line for error in found] == [1]
    assert fault("a: &x 1\nb: *x").line == 1


def test_faults_are_not_collected_for_ever():
    """A file with nothing but faults ends the reading after a hundred."""
    found: list[YamlError] = []
    with pytest.raises(YamlError, match="SP106"):
        read("a: 1\n" * 200_000, found)
    assert len(found) == yaml_nodes.MAX_FAULTS


# Attacks


ATTACKS: dict[str, str | bytes] = {
    "brackets": "[" * 200_000,
    "braces": "{a: " * 200_000,
    "dashes": "- " * 200_000,
    "question marks": "? " * 200_000,
    "closing": "]" * 200_000,
    "indentation": "".join(" " * i + "a:\n" for i in range(700)),
    "alias bomb": "a: &a [x, x]\n"
    + "".join(f"{b}: &{b} [*{a}, *{a}]\n" for a, b in zip("abcdefgh", "bcdefghi", strict=True)),
    "anchors": "- &a x\n" * 200_000,
    "tags": "- !a x\n" * 200_000,
    "code": "!!python/object/apply:os.system ['touch should-not-exist']",
    "long number": "1" * 1_000_000,
    "long float": "- 1." + "1" * 1_000_000,
    "long key": "a" * 1_000_000 + ": 1\n" + "b",
    "documents": "--- a\n" * 100_000,
    "quotes": '"' + "\\" * 1_000_001,
    "comments": "#" * 2_000_000 + "\na: [",
    "too long": " " * (yaml_nodes.MAX_CHARACTERS + 1),
    "NUL": "a: 1\n" * 100_000 + "\0",
    "bytes": b"a: 1\n" * 100_000 + b"\xff",
    "random bytes": bytes(range(256)) * 1000,
}


@pytest.mark.parametrize("name", ATTACKS)
def test_attacks_end_at_once(name):
    """A text made for harm is read or refused within two seconds of this machine's time; nearly all in milliseconds."""
    start = time.process_time()
    with contextlib.suppress(YamlError):
        read(ATTACKS[name])
    assert time.process_time() - start < 2


def test_too_many_values_are_refused(monkeypatch):
    """The number of values has a limit, in a file and from Python, even when few objects stand for many."""
    monkeypatch.setattr(yaml_nodes, "MAX_NODES", 100)
    assert len(tree_of("[" + "1, " * 99 + "]").value) == 99
    assert fault("[" + "1, " * 100 + "]").code == "SP005"
    wide: object = 1
    for _ in range(20):
        wide = [wide, wide]
    with pytest.raises(YamlError, match="SP005"):
        from_python(wide)


def check_is_read_or_refused(source: str | bytes) -> None:
    """Assert that the source is a tree or a `YamlError` with a place and a hint."""
    try:
        tree = read(source)
    except YamlError:
        error = fault(source)
        assert min(error.line, error.column) >= 1
        assert error.hint
        str(error).encode()
    else:
        assert all(min(node.mark) >= 1 for node in nodes(tree))


_PIECES = st.sampled_from(
    [*"[]{},:-?&*!|>'\"%@`#~ \n\t\r\\$", "- ", ": ", "a", "é", "1", "---\n", "...\n", "<<", "${", "}", "!!int ", "&a ",
     "*a", "\\x00", "|\n ", "> ", "\ufeff", "0x", "1e9", "  "]
)  # fmt: skip


@given(st.binary(max_size=60))
@example(b"\xff\xfe\x00\xd8")
@example(b"\xef\xbb\xbf\xef\xbb\xbf")
def test_any_bytes_are_read_or_refused(source):
    """Whatever the bytes, the outcome is a tree or a `YamlError`."""
    check_is_read_or_refused(source)


@given(st.text(max_size=40) | st.lists(_PIECES, max_size=30).map("".join))
@example('"\\U00110000"')
@example('"\\ud800"')
@example("? ")
@example("{? , }")
def test_any_text_is_read_or_refused(source):
    """Whatever the text, the outcome is a tree or a `YamlError`."""
    check_is_read_or_refused(source)


# Without libyaml


@given(st.lists(_PIECES, max_size=20).map("".join))
@example("? ")
def test_both_parsers_agree(source):
    """What both parsers read is the same tree with the same places, whether or not libyaml is there."""
    trees = []
    for libyaml in (True, False):
        with pytest.MonkeyPatch.context() as patch, contextlib.suppress(YamlError):
            patch.setattr(yaml, "__with_libyaml__", libyaml)
            trees.append([(node.text, node.quoted) for node in nodes(read(source))])
    assert len(trees) < 2 or trees[0] == trees[1]


@pytest.mark.usefixtures("without_libyaml")
@pytest.mark.parametrize(
    ("source", "code"),
    [("[" * 200_000, "SP005"), ("a: [1", "SP003"), ("\ta: 1", "SP003"), ('"\\U00110000"', "SP003"),
     ('"\\ud800"', "SP002"), ("a: {b: ${w}}", "SP003"), ("a: &b c", "SP004"), ("{a: 1, a: 2}", "SP106")],
)  # fmt: skip
def test_the_slow_parser_refuses_too(source, code):
    """Without libyaml the same faults are found, with hints."""
    error = fault(source)
    assert error.code == code
    assert error.hint


@pytest.mark.usefixtures("without_libyaml")
def test_the_slow_parser_reads_too():
    """Without libyaml a spec is read as with it."""
    tree = tree_of("layers:\n  - {Conv2d: {kernel_size: 010, bias: no}}\n")
    assert plain(tree) == {"layers": [{"Conv2d": {"kernel_size": 10, "bias": "no"}}]}
    assert tree.value["layers"].value.value[0].mark == Mark(2, 5)


# From Python


def test_a_mapping_from_python_is_the_same_tree():
    """A mapping handed over from Python gives the values that its YAML would give, and no places."""
    value = MappingProxyType({"input": (1, 3.5, None, True), "layers": [{"Linear": np.int64(4)}, "ReLU"]})
    tree: Any = from_python(value)
    assert plain(tree) == plain(read("input: [1, 3.5, null, true]\nlayers: [{Linear: 4}, ReLU]"))
    assert {node.mark for node in nodes(tree)} == {yaml_nodes.NOWHERE}
    assert type(tree.value["layers"].value.value[0].value["Linear"].value.value) is int


def test_a_part_may_stand_in_many_places():
    """A list that stands beside itself, not inside itself, is no cycle, and what lies side by side is not deep."""
    part = [1, 2]
    assert plain(from_python({"a": part, "b": [part] * 100})) == {"a": part, "b": [part] * 100}


def test_text_from_python_is_text():
    """A text is quoted by its type: "3" is not 3."""
    node = from_python("3")
    assert (node.value, node.quoted) == ("3", True)


_cycle: list[object] = []
_cycle.append({"again": _cycle})


class _Endless(Mapping[str, object]):
    """A mapping that makes a new copy of itself whenever it is looked into."""

    def __getitem__(self, key: str) -> object:
        return _Endless()

    def __iter__(self) -> Iterator[str]:
        return iter(["more"])

    def __len__(self) -> int:
        return 1


@pytest.mark.parametrize(
    ("value", "code"),
    [(_cycle, "SP005"), (_Endless(), "SP005"), ({1: 2}, "SP004"), ({None: 2}, "SP004"), ({"a": object()}, "SP004"),
     ({"a": {1, 2}}, "SP004"), ({"a": b"x"}, "SP004"), ([10**1000], "SP005"),
     ([1 << 10_000_000], "SP005"), ("\ud800", "SP002"), ({"a\0": 1}, "SP002"), (1 + 2j, "SP004")],
)  # fmt: skip
def test_what_no_spec_can_hold_is_refused(value, code):
    """A cycle, endless depth, a key that is no text and a foreign type are refused with a code, not recursion."""
    with pytest.raises(YamlError) as caught:
        from_python(value)
    assert (caught.value.code, caught.value.line) == (code, 0)
    assert caught.value.hint


# Time


LAYERS = "input: [1, 3, 32, 32]\nlayers:\n" + "  - {Conv2d: {out_channels: 8, kernel_size: 3}}\n" * 10_000


def test_ten_thousand_layers_are_read_quickly():
    """10,000 layers take a fraction of a second: at most 8 times what libyaml's events alone do (measured: 2)."""
    assert len(tree_of(LAYERS).value["layers"].value.value) == 10_000
    best = min(_seconds(lambda: read(LAYERS)) for _ in range(3))
    assert best < 8 * min(_seconds(lambda: list(yaml.parse(LAYERS, yaml.CSafeLoader))) for _ in range(3))


def _seconds(work) -> float:
    """The processor time that the work takes."""
    start = time.process_time()
    work()
    return time.process_time() - start


@pytest.mark.parametrize("source", ["a: 1", "a: [", "[" * 100])
def test_the_collector_is_left_as_it_was(source):
    """Garbage collection, paused while the tree grows, is on afterwards if and only if it was on before."""
    for before in (True, False):
        (gc.enable if before else gc.disable)()
        try:
            with contextlib.suppress(YamlError):
                read(source)
            assert gc.isenabled() == before
        finally:
            gc.enable()
