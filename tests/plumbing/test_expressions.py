"""The `${...}` of a spec: Python's integer arithmetic where both exist, and nothing else.

Main results: wherever Python's own evaluation of a drawn expression stays within the limit, the two agree; every text
whatever is an integer or an `ExpressionError` at an offset inside the text, at once.
"""

from __future__ import annotations

import contextlib
import time

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from shapecheck.expressions import LIMIT, MAX_DEPTH, MAX_LENGTH, ExpressionError, evaluate, substitute

NAMES = {
    "width": 16,
    "stride": 2,
    "zero": 0,
    "big": LIMIT,
    "act": "ReLU",
    "shape": [3, 5],
    "flag": True,
    "half": 0.5,
    "nothing": None,
}


def fault(text: str) -> ExpressionError:
    """The error that evaluating the text raises."""
    with pytest.raises(ExpressionError) as caught:
        evaluate(text, NAMES)
    return caught.value


def test_python_is_followed_where_it_goes():
    """A few values that one can check in one's head."""
    for text, value in [
        ("7", 7),
        ("010", 10),
        ("width", 16),
        (" width*4 ", 64),
        ("2 + 3 * 4", 14),
        ("(2 + 3) * 4", 20),
        ("10 - 3 - 2", 5),
        ("100 // 7 // 2", 7),
        ("-7 // 2", -4),
        ("-7 % 3", 2),
        ("7 % -3", -2),
        ("2 - -3", 5),
        ("--3", 3),
        ("-+-stride", 2),
        ("-(width - 1) % stride", 1),
        ("((((width))))", 16),
    ]:
        assert evaluate(text, NAMES) == value, text


_EXPRESSIONS = st.recursive(
    st.integers(0, 10**6).map(str) | st.sampled_from(["width", "stride", "zero", "big"]),
    lambda inner: (
        st.builds("{} {} {}".format, inner, st.sampled_from(["+", "-", "*", "//", "%"]), inner)
        | inner.map("({})".format)
        | st.builds("{}{}".format, st.sampled_from(["-", "+"]), inner)
    ),
    max_leaves=12,
)


@given(_EXPRESSIONS)
@example("1 // (stride - 2)")
@example("big * big // big")
def test_python_is_the_judge(text):
    """An expression's value is the one Python gives it; a fault is a division by zero or a value beyond the limit."""
    try:
        value = evaluate(text, NAMES)
    except ExpressionError as error:
        refused = error.message
    else:
        assert value == eval(text, {}, dict(NAMES))
        return
    if refused == "division by zero":
        with pytest.raises(ZeroDivisionError):
            eval(text, {}, dict(NAMES))
    else:
        assert refused == "the value is too large"


@pytest.mark.parametrize(
    ("text", "offset", "words"),
    [
        ("", 0, "a value is missing at the end"),
        ("  ", 2, "a value is missing at the end"),
        ("width *", 7, "a value is missing at the end"),
        ("* 3", 0, "a value is missing before '*'"),
        ("2 3", 2, "an operator is missing before '3'"),
        ("2 width", 2, "an operator is missing before 'width'"),
        ("2(3)", 1, "an operator is missing before '('"),
        ("2 ** 3", 2, "there is no power"),
        ("(2 + 3", 0, "this bracket is not closed"),
        ("2 + 3)", 5, "')' closes no bracket"),
        ("()", 1, "')' closes no bracket, or an empty one"),
        ("7 / 2", 2, "'/' has no meaning here"),
        ("1.5", 1, "'.' has no meaning here"),
        ("2 ^ 3", 2, "'^' has no meaning here"),
        ("'a'", 0, "has no meaning here"),
        ("٣", 0, "has no meaning here"),
        ("width if 1", 6, "an operator is missing before 'if'"),
        ("max(1, 2)", 0, "there are no functions"),
        ("__import__('os')", 0, "there are no functions"),
        ("width.real", 5, "'.' has no meaning here"),
        ("shape[0]", 5, "'[' has no meaning here"),
        ("act + 1", 0, "act is 'ReLU', not an integer"),
        ("2 * flag", 4, "flag is True, not an integer"),
        ("half * 2", 0, "half is 0.5, not an integer"),
        ("5 // zero", 2, "division by zero"),
        ("5 % (2 - 2)", 2, "division by zero"),
        ("big + 1", 4, "too large"),
        ("-big - 1", 5, "too large"),
        ("1 + 1000000000001", 4, "too large"),
        ("lenght * 2", 0, "'lenght' is no parameter here"),
    ],
)
def test_a_fault_says_what_and_where(text, offset, words):
    """A fault points at the character that is wrong, and has a hint."""
    error = fault(text)
    assert words in error.message
    assert error.offset == offset
    assert error.hint


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("widht", "did you mean width?"),
        ("WIDTH", "did you mean width?"),
        ("7 / 2", "// divides"),
        ("q", "the parameters are width, stride"),
    ],
)
def test_hints_fit_the_fault(text, hint):
    """The hint speaks of this very fault."""
    assert hint in fault(text).hint


def test_hints_without_parameters():
    """Where there are no parameters the hint says where there would be."""
    with pytest.raises(ExpressionError) as caught:
        substitute("${width}", {})
    assert "params" in caught.value.hint


def test_the_limits_are_sharp():
    """The largest value, the deepest bracket and the longest expression pass; one more of each does not."""
    assert evaluate("big", NAMES) == LIMIT
    assert evaluate("0 - big", NAMES) == -LIMIT
    assert evaluate("(" * MAX_DEPTH + "1" + ")" * MAX_DEPTH, {}) == 1
    assert "too deep" in fault("(" * (MAX_DEPTH + 1) + "1" + ")" * (MAX_DEPTH + 1)).message
    assert evaluate("1" + " " * (MAX_LENGTH - 1), {}) == 1
    assert "characters" in fault("1" + " " * MAX_LENGTH).message


def test_brackets_beside_each_other_are_not_deep():
    """Only brackets inside each other count."""
    assert evaluate("+".join(["(1)"] * 100), {}) == 100


@pytest.mark.parametrize(
    "text", ["(" * 200_000, "-" * 200_000 + "1", "9" * 200_000, "9*" * 499 + "9", "-" * 999 + "1", "(" * 999]
)
def test_attacks_end_at_once(text):
    """A text made for harm is computed or refused at once, without recursion."""
    start = time.process_time()
    with contextlib.suppress(ExpressionError):
        evaluate(text, {})
    assert time.process_time() - start < 0.5


_PIECES = st.sampled_from([*"0123 \t+-*/%()ab_.^'[]{}$é٣", "width", "act", "//", "**", "${", "}", "big"])


@given(st.lists(_PIECES, max_size=25).map("".join) | st.text(max_size=20))
def test_any_text_is_a_value_or_a_fault(text):
    """Whatever the text, the outcome is a value or an `ExpressionError` at an offset inside it, with a hint."""
    for function in (evaluate, substitute):
        with contextlib.suppress(ExpressionError):
            function(text, NAMES)
            continue
        with pytest.raises(ExpressionError) as caught:
            function(text, NAMES)
        assert 0 <= caught.value.offset <= len(text)
        assert caught.value.hint


# Inside a text


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("plain", "plain"),
        ("$width {width} $", "$width {width} $"),
        ("${width}", 16),
        ("${ width }", 16),
        ("${width * 4}", 64),
        ("${act}", "ReLU"),
        ("${flag}", True),
        ("${nothing}", None),
        ("${half}", 0.5),
        ("${3}", 3),
        ("${act}${width}", "ReLU16"),
        ("a${width // 3}b${stride}", "a5b2"),
        (" ${width}", " 16"),
        ("${width} ", "16 "),
        ("$${width}", "$16"),
    ],
)
def test_a_text_takes_its_values(text, value):
    """A lone `${...}` becomes its value, type kept; a mixture becomes a text."""
    assert substitute(text, NAMES) == value
    assert type(substitute(text, NAMES)) is type(value)


def test_a_lone_name_is_the_very_object():
    """A parameter that is a list or a mapping is handed on, not copied."""
    assert substitute("${shape}", NAMES) is NAMES["shape"]


def test_two_expressions_are_a_text_even_if_one_is_empty():
    """`${empty}${width}` is a text, though it reads as a number."""
    assert substitute("${empty}${width}", {"empty": "", "width": 16}) == "16"


@pytest.mark.parametrize(
    ("text", "offset", "words"),
    [
        ("conv${width", 4, "not closed"),
        ("conv${}", 6, "a value is missing"),
        ("conv${width + }", 14, "a value is missing"),
        ("conv${shape}", 4, "a list cannot be part of a text"),
        ("is ${flag}", 3, "a bool cannot be part of a text"),
        ("${act + 1}", 2, "not an integer"),
        ("${1}${bad}", 6, "no parameter"),
        ("${${width}}", 2, "has no meaning"),
    ],
)
def test_a_fault_inside_a_text_is_found_there(text, offset, words):
    """The offset of a fault counts from the beginning of the whole text."""
    with pytest.raises(ExpressionError, match=words) as caught:
        substitute(text, NAMES)
    assert caught.value.offset == offset


def test_texts_do_not_grow_without_end():
    """Doubling a text again and again is refused before it hurts."""
    doubled = "${text}${text}"
    text: object = "x" * (MAX_LENGTH // 2)
    text = substitute(doubled, {"text": text})
    assert isinstance(text, str)
    assert len(text) == MAX_LENGTH
    with pytest.raises(ExpressionError, match="grows to"):
        substitute(doubled, {"text": text})
