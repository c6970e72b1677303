"""Inverse questions about one layer with windows: which input, kernel, stride, padding or dilation gives that output?

One letter that is missing is found in closed form: n and the total padding p by the theorem `preimage` of `derive/`,

    (o-1) s + e - p  <=  n  <=  o s - 1 + e - p,        e = d (k-1) + 1 the dilated span,

the others by bisection, as the count rises or falls with each of them. Further missing letters are enumerated over
ranges, which the answer names. Every answer is run through the layer's own rule: what torch would refuse is none.

Letters: n input, out output, k kernel_size, s stride, q padding (a side), p padding (both sides together), d dilation,
op output_padding.   Main definition: `solve_layer`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import product
from typing import Any

from shapecheck.answers import Answers, Solution, runs, runs_text
from shapecheck.diagnostics import ShapeError
from shapecheck.formulas import ceil_div, ceil_window_count, dilated, transposed_size, window_count
from shapecheck.layers import LAYERS
from shapecheck.layers.base import closest, signature
from shapecheck.questions import QuestionError, choices
from shapecheck.single import TYPE_ALIASES, output_shape

LETTERS = {
    "n": "n", "in": "n", "input": "n", "size": "n", "out": "out", "o": "out", "output": "out", "k": "kernel_size",
    "kernel": "kernel_size", "s": "stride", "q": "padding", "pad": "padding", "p": "p", "d": "dilation",
    "op": "output_padding",
}  # fmt: skip
ASKED = ("n", "padding", "kernel_size", "stride", "dilation")  # the first that is missing is found, others enumerated
USUAL = {"dilation": 1, "output_padding": 0}  # not asked unless by a question mark
RANGES: dict[str, Sequence[int]] = {
    "n": range(1, 513), "kernel_size": range(1, 12), "stride": range(1, 9), "padding": range(6),
    "dilation": range(1, 5), "output_padding": range(3),
}  # fmt: skip
MOST = 1 << 20  # no letter is searched beyond
QUESTION = "?"


def solve_layer(type: str, terms: Mapping[str, Any] | Sequence[str]) -> Answers:
    """All values of the missing letters with which the layer gives what the given ones say.

    Terms are texts "k=7" or a mapping; a value is a number, a range "1..4", a choice "{3, 5}" or "?". Raises
    `QuestionError` for what is no question.

    >>> print(solve_layer("Conv2d", ["n=224", "out=112", "k=7"]))
    stride = 2, padding = 3
    1 answer of 8 tried, each by a prediction
    note: stride in 1..8; paddings shorter than the window; dilation is 1 (d=? asks for it)
    >>> print(solve_layer("Conv2d", {"out": 112, "k": 7, "s": 2, "padding": 3}))
    n = 223..224
    1 answer, exact: all 2 values predicted
    note: (out-1)s + e - p <= n <= out s - 1 + e - p; dilation is 1 (d=? asks for it)
    """
    return _Layer(type, _read(type, terms)).answers()


def _read(type: str, terms: Mapping[str, Any] | Sequence[str]) -> dict[str, Sequence[Any] | None]:
    """The values each term allows, by torch's names; None for a question mark."""
    if type not in LAYERS or "kernel_size" not in signature(LAYERS[type]).names or not hasattr(LAYERS[type], "axes"):
        best = closest(type, [name for name in LAYERS if _has_windows(name)], TYPE_ALIASES)
        hint = f"did you mean {best}?" if best else "a convolution, a pool or a transposed convolution; others: --net"
        raise QuestionError(f"{type} is no layer with windows", type, 0, hint)
    pairs = terms.items() if isinstance(terms, Mapping) else [_pair(term) for term in terms]
    names = signature(LAYERS[type]).names
    known: dict[str, Sequence[Any] | None] = {}
    for word, value in pairs:
        text = f"{word}={value}"
        label = LETTERS.get(word, word)
        if label not in ("n", "out", "p") and label not in names:
            best = closest(word, [*names, *LETTERS])
            raise QuestionError(f"{type} has no {word}", text, 0, f"did you mean {best}?" if best else ", ".join(names))
        if label in known or (label in ("p", "padding") and {"p", "padding"} & known.keys()):
            raise QuestionError(f"{word} is given twice", text, 0, "once")
        known[label] = (
            None if value == QUESTION else choices(text, len(word) + 1) if isinstance(value, str) else [value]
        )
        if label in (*ASKED, "out", "p", "output_padding") and any(map(_no_int, known[label] or ())):
            raise QuestionError("expected a whole number", text, len(word) + 1, f"{word}=3, {word}=1..4, {word}=?")
    return known


def _no_int(value: Any) -> bool:
    return type(value) is not int


def _pair(term: str) -> tuple[str, str]:
    word, equals, value = (part.strip() for part in term.partition("="))
    if not equals or not word or not value:
        offset = len(term) if equals or "=" not in term else term.index("=")
        raise QuestionError("expected LETTER=NUMBER", term, offset, "n=224 out=112 k=7 s=2")
    return word, value


def _has_windows(name: str) -> bool:
    return name.startswith(("Conv", "MaxPool", "AvgPool"))


class _Layer:
    """One question about one layer."""

    def __init__(self, type: str, known: dict[str, Sequence[Any] | None]) -> None:
        self.type, self.known = type, known
        names = signature(LAYERS[type]).names
        self.axes: int = LAYERS[type].axes  # type: ignore[attr-defined]
        self.transposed = "output_padding" in names
        self.letters = [word for word in (*ASKED, "output_padding") if word == "n" or word in names]
        self.notes: dict[str, None] = {}
        total = self.known.pop("p", None)
        if total is not None:
            self.known["padding"] = [value // 2 for value in total if value % 2 == 0]
            if not self.known["padding"]:
                hint = "an even p, or a padding layer before: ZeroPad2d"
                raise QuestionError("torch pads both sides alike: p is even", f"p={total[0]}", 2, hint)
        if "n" not in self.known and "out" not in self.known:
            raise QuestionError("n or out must be given", type, len(type), f"{type} n=224 out=112")
        ceil = (self.known.get("ceil_mode") or [False])[0]
        self.ceil = bool(ceil)
        self.nearest: tuple[int, str] | None = None
        self.refused: str | None = None
        self.odd: str | None = None
        self.tried = 0
        self.several = False  # letters beside the one that is found
        self.up_to: int | None = None

    def answers(self) -> Answers:
        """The answers, those of one missing letter as runs."""
        missing = [letter for letter in self.letters if self.known.get(letter) is None and self._asked(letter)]
        found_one = missing[0] if missing and self.known.get("out") else None
        ranges = {letter: self._range(letter) for letter in missing if letter != found_one}
        self.several = bool(ranges)
        fixed = {letter: self.known.get(letter) or [USUAL[letter]] for letter in self.letters if letter not in missing}
        words = [word for word in self.letters if word != found_one]
        solutions: list[Solution] = []
        for values in product(*((ranges.get(word) or fixed[word]) for word in words)):
            at = dict(zip(words, values, strict=True))
            shown = {word: at[word] for word in words if word in ranges or len(fixed.get(word, ())) > 1}
            for out in self.known.get("out") or [None]:
                solution = self._one(at, shown, found_one, out)
                if solution is not None:
                    solutions.append(solution)
        self._explain(found_one, ranges)
        because = None if solutions else self._because()
        listed = {word: runs_text(runs(values)) for word, values in ranges.items()}
        exact = self.up_to is None
        return Answers(tuple(solutions), self.tried, exact, self.up_to, because, tuple(self.notes), listed)

    def _asked(self, letter: str) -> bool:
        return letter not in USUAL or (letter in self.known and self.known[letter] is None)

    def _range(self, letter: str) -> Sequence[int]:
        return RANGES[letter]

    def _one(
        self, at: dict[str, int], shown: dict[str, int], found_one: str | None, out: int | None
    ) -> Solution | None:
        """The answer for these values, if they have one."""
        if found_one is None:
            self.tried += 1
            made = self._predicted(at)
            if made is None or (out is not None and made != out):
                self._miss(at, shown, made, out)
                return None
            return Solution(shown or {} if out is not None else {**shown, "out": made}, {})
        assert out is not None
        values = [
            value for value in self._solved(at, found_one, out) if self._predicted({**at, found_one: value}) == out
        ]
        self.tried += max(len(values), 1)
        if not values:
            self._nearby(at, shown, found_one, out)
            return None
        if found_one == "n":
            return Solution(shown, {found_one: runs(values)})
        if len(values) == 1:
            return Solution({**shown, found_one: values[0]}, {})
        return Solution(shown, {found_one: runs(values)})

    # one letter ------------------------------------------------------------------------------------------------------

    def _count(self, at: Mapping[str, int]) -> int:
        """The formula, without the conditions."""
        n, k, s, q, d = (at.get(word, 1 if word == "dilation" else 0) for word in
                         ("n", "kernel_size", "stride", "padding", "dilation"))  # fmt: skip
        e = dilated(k, d)
        if self.transposed:
            return int(transposed_size(n, e, 2 * q, s, at.get("output_padding", 0)))
        return int(ceil_window_count(n, e, q, s) if self.ceil else window_count(n, e, 2 * q, s))

    def _solved(self, at: dict[str, int], letter: str, out: int) -> Iterator[int]:
        """The values of a letter for which the formula gives `out`."""
        least = 0 if letter == "padding" else 1
        if letter in ("n", "padding") and not self.ceil and not self.transposed:
            first, last = self._closed(at, letter, out)
            if letter == "padding" and self.several:
                last = min(last, dilated(at["kernel_size"], at.get("dilation", 1)) - 1)
            yield from range(max(first, least), last + 1)
            return

        def value(x: int) -> int:
            return self._count({**at, letter: x})

        rising = value(least + 64) >= value(least)
        first = _first(lambda x: value(x) >= out if rising else value(x) <= out, least)
        last = _first(lambda x: value(x) > out if rising else value(x) < out, least) - 1
        if last >= MOST - 1:
            last = min(first + 15, MOST - 1)
            self.up_to = last
            self.notes[f"every {letter} from {first} on gives {out}"] = None
        yield from range(first, last + 1)

    def _closed(self, at: dict[str, int], letter: str, out: int) -> tuple[int, int]:
        """The first and last value by the theorem `preimage`; of the paddings p = 2 q only even ones are any."""
        e, s = dilated(at["kernel_size"], at.get("dilation", 1)), at["stride"]
        if letter == "n":
            p = 2 * at["padding"]
            return (out - 1) * s + e - p, out * s - 1 + e - p
        n = at["n"]
        return ceil_div((out - 1) * s + e - n, 2), (out * s - 1 + e - n) // 2

    def _predicted(self, at: Mapping[str, int]) -> int | None:
        """The output by the layer's own rule; None where torch would refuse."""
        shape = (1, 1, *(at["n"],) * self.axes)
        arguments: dict[str, Any] = {word: value for word, value in at.items() if word != "n"}
        arguments |= {w: v[0] for w, v in self.known.items() if v and w not in arguments and w not in ("n", "out")}
        if "in_channels" in signature(LAYERS[self.type]).names:
            arguments |= {"in_channels": 1, "out_channels": 1, "groups": 1}
        try:
            made = output_shape(self.type, shape, **arguments)
        except ShapeError as error:
            self.refused = self.refused or f"{error.diagnostics[0].code} {error.diagnostics[0].message}"
            return None
        while isinstance(made[0], tuple):
            made = made[0]
        return int(made[-1])

    # why not ---------------------------------------------------------------------------------------------------------

    def _miss(self, at: Mapping[str, int], shown: Mapping[str, int], made: int | None, out: int | None) -> None:
        if made is not None and out is not None and (self.nearest is None or abs(made - out) < self.nearest[0]):
            where = ", ".join(f"{word} = {value}" for word, value in (shown or at).items())
            self.nearest = abs(made - out), f"the output is {made} at the nearest, with {where}"

    def _nearby(self, at: dict[str, int], shown: dict[str, int], letter: str, out: int) -> None:
        """Remember the values of a letter next to those that would do."""
        least = 0 if letter == "padding" else 1
        start = _first(lambda x: self._count({**at, letter: x}) >= out, least) if letter in ("n", "padding") else least
        for value in range(max(start - 2, least), start + 3) if start < MOST else RANGES[letter]:
            self._miss(at, {**shown, letter: value}, self._predicted({**at, letter: value}), out)
        if letter == "padding" and not self.transposed and not self.ceil:
            total = out * at["stride"] - 1 + dilated(at["kernel_size"], at.get("dilation", 1)) - at["n"]
            if total % 2 and total > 0 and at["stride"] == 1:
                self.odd = f"the padding would be {total} in all, and torch pads both sides alike"

    def _because(self) -> str:
        parts = [self.nearest[1]] if self.nearest is not None else []
        parts += [self.odd] if self.odd and not self.several else []
        if self.refused is not None and not parts:
            parts.append(f"refused: {self.refused}")
        return "; ".join(parts) or "no value gives it"

    def _explain(self, found_one: str | None, ranges: Mapping[str, Sequence[int]]) -> None:
        """Say what was enumerated and what was not asked."""
        told = [f"{word} in {runs_text(runs(values))}" for word, values in ranges.items()]
        if found_one == "padding" and self.several and not self.transposed and not self.ceil:
            told.append("paddings shorter than the window")
        if found_one == "n" and not self.ceil and not self.transposed:
            told.insert(0, "(out-1)s + e - p <= n <= out s - 1 + e - p")
        if "dilation" in self.letters and "dilation" not in self.known:
            told.append("dilation is 1 (d=? asks for it)")
        if self.transposed and "output_padding" not in self.known:
            told.append("output_padding is 0 (op=? asks for it)")
        if told:
            self.notes["; ".join(told)] = None


def _first(holds: Callable[[int], bool], start: int) -> int:
    """The first number from `start` on for which it holds, where it goes on to hold; MOST where it never does."""
    step = 1
    while not holds(start + step):
        if start + step >= MOST:
            return MOST
        step *= 2
    low, high = start, start + step
    while low < high:
        middle = (low + high) // 2
        if holds(middle):
            high = middle
        else:
            low = middle + 1
    return low
