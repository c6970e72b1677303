"""Inverse questions: which sizes and arguments give the output that is wanted?

Arguments in bounded ranges are tried, all combinations of them. A size without bounds is not: the network is predicted
once with its name, each wanted quantity is then a formula in it, and the sizes that give the value are a preimage in
closed form (`preimage.py`). What comes out either way is predicted once more, with numbers, before it is an answer:
so nothing is answered that torch would refuse. Where no closed form ends the search, sizes are tried up to a bound,
and the answer says so.

Main definition: `solve`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from itertools import islice, product
from math import prod
from typing import Any, NamedTuple

from shapecheck.admission.periodic import ALL, NONE, Periodic, between, multiples
from shapecheck.answers import Answers, Run, Solution, runs, runs_text
from shapecheck.api import Source, load
from shapecheck.constraints import TESTS, Comparison, Constraint
from shapecheck.diagnostics import Diagnostic, ShapeError
from shapecheck.inference import infer
from shapecheck.layers import LAYERS
from shapecheck.layers.base import closest, is_shape, make, shape_text, signature
from shapecheck.net import Network, Node
from shapecheck.preimage import preimage
from shapecheck.questions import ANY, LAST, OPERATORS, Free, QuestionError, Want, all_of, free, want
from shapecheck.report import Report, Row
from shapecheck.sizes import Dim, Size, evaluate, name

MOST_COMBINATIONS = 1_000_000
SAMPLE = 32  # sizes of a set without end that are predicted
MOST_SIZE = 1_024  # sizes that no formula bounds are tried up to here
NUMBERS = ("SP314", "SP330", "SP340")  # a layer that has no formula for an open size
MOST_RUNS, MOST_LAYERS = 20_000, 1_000_000  # predictions for one combination of arguments, and layers in all of them

Progress = Callable[[int, int], None]


def solve(
    source: Source,
    want: str | Sequence[str],
    free: str | Sequence[str],
    sizes: Mapping[str, int] | None = None,
    *,
    progress: Progress | None = None,
) -> Answers:
    """All values of what is free that give what is wanted, each confirmed by a prediction.

    `sizes` gives numbers to open names that are not free. Raises `SpecError` for a spec that cannot be read and
    `QuestionError` (a ValueError) for a question that cannot.

    >>> net = {"input": ["N", 3, "H", 224], "layers": [{"Conv2d": [3, 8, 7, 2, 3], "name": "c"}]}
    >>> print(solve(net, "c.output[2] == 112", "H"))
    H = 223..224
    1 answer, exact: all 2 values predicted
    >>> print(solve(net, "c.output[3] == 120", "c.padding in 0..3"))
    none: c.output[3] is 112 at the nearest, with c.padding = 3: 120 is wanted
    """
    wants, frees = all_of(want, _want), all_of(free, _free)
    return _Search(load(source), wants, frees, dict(sizes or {}), progress).answers()


_want, _free = want, free


class Demand(NamedTuple):
    """A quantity as it is and as it shall be."""

    label: str
    found: Dim
    op: str
    value: Dim

    def missed(self) -> str:
        """Both in words."""
        wanted = f"{self.op} {self.value}" if self.op != "==" else f"{self.value}"
        return f"{self.label} is {self.found}: {wanted} is wanted"


class _Miss(Exception):
    """Why something is no answer; `distance` tells near misses from far ones."""

    def __init__(self, words: str, distance: float | None = None, label: str = "") -> None:
        super().__init__(words)
        self.words, self.distance, self.label = words, distance, label


class _Search:
    """One question about one network."""

    def __init__(
        self, network: Network, wants: list[Want], frees: list[Free], known: dict[str, int], progress: Progress | None
    ) -> None:
        self.wants, self.known, self.progress = wants, known, progress
        self.arguments = [one for one in frees if one.layer is not None]
        self.sizes = {one.name: one for one in frees if one.layer is None}
        self.network = _as_given(network) if self.arguments else network
        self.names = {node.name: index for index, node in enumerate(network.nodes)}
        self._check(network)
        self.tried = 0
        self.up_to: int | None = None
        self.nearest: tuple[float, str] | None = None
        self.words: Counter[str] = Counter()
        self.refused: Counter[str] = Counter()
        self.notes: dict[str, None] = {}

    def _check(self, network: Network) -> None:
        """Refuse names that the network does not have."""
        if not self.wants or not (self.arguments or self.sizes):
            raise QuestionError("nothing is asked", "", 0, "a want and something free: last.output[2] == 7, H")
        for one in self.sizes.values():
            if one.name not in network.open_names() or one.name in self.known:
                raise self._unknown(one.text, one.name, "no open size", network.open_names())
        for one in self.arguments:
            self._check_layer(one.text, one.layer or "")
            node = network.nodes[self.names[str(one.layer)]]
            names = signature(LAYERS[node.type]).names if node.type in LAYERS else ()
            if one.name not in names:
                raise self._unknown(one.text, one.name, f"{node.type} has no argument", names)
        for asked in self.wants:
            if asked.layer not in (None, LAST):
                self._check_layer(asked.text, asked.layer or "")
        total = prod(len(one.values or ()) for one in self.arguments)
        if total > MOST_COMBINATIONS:
            text = self.arguments[0].text
            hint = "smaller ranges"
            raise QuestionError(f"{total:,} combinations: {MOST_COMBINATIONS:,} are the most", text, 0, hint)

    def _check_layer(self, text: str, layer: str) -> None:
        if layer not in self.names:
            raise self._unknown(text, layer, "there is no layer", self.names)

    def _unknown(self, text: str, word: str, what: str, known: Any) -> QuestionError:
        best = closest(word, known)
        hint = f"did you mean {best}?" if best else ", ".join(list(known)[:12]) or "none"
        return QuestionError(f"{what} {word}", text, max(text.find(word), 0), hint)

    # the search ------------------------------------------------------------------------------------------------------

    def answers(self) -> Answers:
        """All combinations of arguments, and for each the sizes."""
        found: list[Solution] = []
        total = prod(len(one.values or ()) for one in self.arguments)
        for count, values in enumerate(product(*(one.values or () for one in self.arguments)), 1):
            assignment = {one.label: value for one, value in zip(self.arguments, values, strict=True)}
            try:
                network = self._changed(values)
                found.extend(Solution(assignment, sizes) for sizes in self._sizes(network))
            except _Miss as miss:
                self._note(miss, assignment)
            if self.progress is not None and self.arguments:
                self.progress(count, total)
        because = None if found else self._because(max(total, 1))
        ranges = {one.label: _range_text(one.values) for one in self.arguments}
        return Answers(
            tuple(found), max(self.tried, total), self.up_to is None, self.up_to, because, tuple(self.notes), ranges
        )

    def _changed(self, values: Sequence[Any]) -> Network:
        """The network with these values for its free arguments."""
        nodes = list(self.network.nodes)
        for one, value in zip(self.arguments, values, strict=True):
            place = self.names[str(one.layer)]
            nodes[place] = replace(nodes[place], given={**nodes[place].given, one.name: value})
        for place in {self.names[str(one.layer)] for one in self.arguments}:
            nodes[place] = _made(nodes[place])
            fault = nodes[place].fault
            if fault is not None:
                raise _refusal(fault.diagnostics[0])
        return self.network._replace(nodes=tuple(nodes))

    def _sizes(self, network: Network) -> list[dict[str, tuple[Run, ...]]]:
        """The free sizes with which the network gives what is wanted, as products of runs."""
        report = infer(network, self.known)
        if not self.sizes:
            self.tried += 1
            _refuse(report)
            for demand in self._demands(report):
                _decide(demand)
            return [{}]
        candidates: dict[str, Sequence[int]] = {}
        for label, one in self.sizes.items():
            if one.values is not None:
                candidates[label] = sorted(value for value in one.values if type(value) is int and value >= 0)
        if not _waits_for_numbers(report):
            _refuse(report)
            for demand in self._demands(report):
                self._narrow(demand, candidates)
        endless = [label for label in self.sizes if label not in candidates]
        if endless and not _waits_for_numbers(report):
            whole = self._without_end(network, report, candidates)
            if whole is not None:
                return whole
        for label in endless:
            candidates[label] = range(1, MOST_SIZE + 1)
            self.up_to = candidates[label][-1] if self.up_to is None else min(self.up_to, candidates[label][-1])
        return self._run(network, {label: candidates[label] for label in self.sizes})

    def _without_end(
        self, network: Network, report: Report, candidates: Mapping[str, Sequence[int]]
    ) -> list[dict[str, tuple[Run, ...]]] | None:
        """The sizes as sets that repeat without end, from the exact set for which the network runs and the wants hold.

        None where that set is not known exactly, or where it ties the sizes to each other.
        """
        from shapecheck.admission.answer import admissible_of

        inputs = {key: tuple(evaluate(dim, self.known) for dim in shape) for key, shape in network.inputs.items()}
        asked = [_constraint(demand) for demand in self._demands(report)]
        opened = network._replace(inputs=inputs, where=(*network.where, *(one for one in asked if one is not None)))
        answer = admissible_of(opened, confirm=False)
        if not answer.exact or any(region.coupled for region in answer.accepted):
            return None
        found = []
        for region in answer.accepted:
            sets = {label: region.box.get(label, ALL) for label in self.sizes}
            for label, values in candidates.items():
                sets[label] = sets[label] & from_values(values)
            if all(sets.values()):
                self._sample(network, sets)
                found.append({label: repeating(part) for label, part in sets.items()})
        if not found:
            raise _Miss(f"no size is left: the network runs for {admissible_of(network._replace(inputs=inputs))}")
        return found

    def _sample(self, network: Network, sets: Mapping[str, Periodic]) -> None:
        """Predict for the first sizes of each set, with the first of the others."""
        first = {label: part.least() or 1 for label, part in sets.items()}
        for label, part in sets.items():
            for value in islice(part.up_to(part.head + 2 * part.period), SAMPLE):
                self._confirm(network, {**first, label: value})

    def _demands(self, report: Report) -> list[Demand]:
        return [demand for one in self.wants for demand in demands(one, report)]

    def _narrow(self, demand: Demand, candidates: dict[str, Sequence[int]]) -> None:
        """Keep the sizes that meet a demand on one of them alone."""
        difference = demand.found - demand.value
        if isinstance(difference, int):
            _decide(demand)
            return
        names = difference.names()
        others = sorted(names - self.sizes.keys())
        if others:
            listed = " and ".join(others)
            raise _Miss(f"{demand.missed()}, which depends on {listed}, neither free nor given")
        if len(names) > 1:
            return
        (label,) = names
        image = preimage(difference, demand.op)
        if image.values is not None:
            before = candidates.get(label)
            allowed = None if before is None else set(before)
            candidates[label] = [n for n in image.values if allowed is None or n in allowed]
            if not image.values:
                raise _Miss(_skipped(demand, label, image.nearest))
            if not candidates[label]:
                raise _Miss(f"{demand.missed()}, which takes {label} = {runs_text(runs(image.values))}")

    def _run(self, network: Network, candidates: dict[str, Sequence[int]]) -> list[dict[str, tuple[Run, ...]]]:
        """The candidates that a prediction confirms."""
        labels = list(candidates)
        candidates = self._fewer(candidates, min(MOST_RUNS, max(500, MOST_LAYERS // len(network.nodes))))
        total = prod(map(len, candidates.values()))
        good: list[tuple[int, ...]] = []
        last: _Miss | None = None
        for count, values in enumerate(product(*candidates.values()), 1):
            if self.progress is not None and not self.arguments:
                self.progress(count, total)
            try:
                self._confirm(network, dict(zip(labels, values, strict=True)))
                good.append(values)
            except _Miss as miss:
                last = miss
                self._note(miss, dict(zip(labels, values, strict=True)), quietly=True)
        if not good:
            raise last or _Miss("no size is left")
        sides = [sorted(set(side)) for side in zip(*good, strict=True)]
        if prod(map(len, sides)) == len(good):
            return [{label: runs(side) for label, side in zip(labels, sides, strict=True)}]
        return _products(labels, good)

    def _fewer(self, candidates: dict[str, Sequence[int]], most: int) -> dict[str, Sequence[int]]:
        """The first candidates, as many as can all be tried together."""
        kept = dict(candidates)
        while prod(map(len, kept.values())) > most:
            label = max(kept, key=lambda one: len(kept[one]))
            kept[label] = kept[label][: max(1, len(kept[label]) * 7 // 8)]
            self.up_to = min(kept[label][-1], self.up_to or kept[label][-1])
        return kept

    def _confirm(self, network: Network, sizes: Mapping[str, int]) -> None:
        """Predict with these numbers; a `_Miss` where that is no answer."""
        self.tried += 1
        report = infer(network, {**self.known, **sizes})
        _refuse(report)
        for demand in self._demands(report):
            given = demand._replace(value=evaluate(demand.value, sizes), found=evaluate(demand.found, sizes))
            _decide(given)

    # why not ---------------------------------------------------------------------------------------------------------

    def _note(self, miss: _Miss, values: Mapping[str, Any], *, quietly: bool = False) -> None:
        """Remember why this is no answer."""
        if miss.label:
            self.refused[miss.words] += 1
        elif miss.distance is not None:
            where = ", ".join(f"{label} = {value}" for label, value in values.items())
            if self.nearest is None or miss.distance < self.nearest[0]:
                words = miss.words.replace(": ", f" at the nearest, with {where}: ", 1) if where else miss.words
                self.nearest = (miss.distance, words)
        elif not quietly:
            self.words[miss.words] += 1

    def _because(self, total: int) -> str:
        """Why there is no answer: the nearest miss, what no size gives, what is refused."""
        parts = [self.nearest[1]] if self.nearest is not None else []
        parts += [words for words, _ in self.words.most_common(2 - len(parts))]
        refused = sum(self.refused.values())
        if refused:
            first = self.refused.most_common(1)[0][0]
            many = f"{refused:,} of {max(self.tried, total):,} are" if parts else "it is" if refused == 1 else "all are"
            parts.append(f"{many} refused: {first}")
        return "; ".join(parts) or "nothing was left to try"


# quantities ----------------------------------------------------------------------------------------------------------


def demands(one: Want, report: Report) -> list[Demand]:
    """What is wanted of a report, number by number; a `_Miss` where there is no such number."""
    if one.layer is None and one.quantity in ("params", "macs"):
        return [Demand(one.quantity, report.totals[one.quantity], one.op, one.value)]
    row = _row(one, report)
    label = f"{one.layer}.{one.quantity}" if one.layer else one.quantity
    if one.quantity in ("params", "macs"):
        found = row.params if one.quantity == "params" else row.macs
        if found is None:
            raise _Miss(f"{label} is not known")
        return [Demand(label, found, one.op, one.value)]
    if one.quantity == "receptive_field":
        seen = row.receptive_field
        if seen is None:
            raise _Miss(f"{row.name} sees the whole input, or has no axes")
        return [Demand(label, size, one.op, one.value) for size in seen.size]
    return _output_demands(one, row, label)


def _row(one: Want, report: Report) -> Row:
    if one.layer not in (None, LAST):
        return next(row for row in report.rows if row.name == one.layer)
    rows = report.rows
    if one.quantity == "receptive_field":
        rows = tuple(row for row in rows if row.receptive_field is not None) or rows
    if not rows:
        raise _Miss("the network has no layers")
    return rows[-1]


def _output_demands(one: Want, row: Row, label: str) -> list[Demand]:
    output = row.output
    if output is None or not is_shape(output):
        raise _Miss(f"{label} is {shape_text(output)}, not one shape")
    if one.axis is not None:
        if not -len(output) <= one.axis < len(output):
            raise _Miss(f"{label} is {shape_text(output)}: it has no dimension {one.axis}")
        return [Demand(f"{label}[{one.axis}]", output[one.axis], one.op, one.value)]
    if len(output) != len(one.value):
        if one.op == "!=":
            return []
        raise _Miss(f"{label} is {shape_text(output)}: {len(one.value)} dimensions are wanted")
    pairs = [(i, found, value) for i, (found, value) in enumerate(zip(output, one.value, strict=True)) if value != ANY]
    listed = [
        Demand(f"{label}[{i}]", found, "==", name(value) if isinstance(value, str) else value)
        for i, found, value in pairs
    ]
    if one.op == "==":
        return listed
    distances = [_difference(demand) for demand in listed]
    return [Demand(f"{label} differing somewhere", sum(distance * distance for distance in distances), ">", 0)]


def _difference(demand: Demand) -> Any:
    return demand.found - demand.value


def _decide(demand: Demand) -> None:
    """Nothing, where the demand is met; else a `_Miss`."""
    difference = demand.found - demand.value
    if not isinstance(difference, int):
        raise _Miss(f"{demand.missed()}, which depends on a size that is neither free nor given")
    if not OPERATORS[demand.op](difference, 0):
        raise _Miss(demand.missed(), abs(difference))


def _refuse(report: Report) -> None:
    """A `_Miss` where the report has an error."""
    for finding in report.diagnostics:
        if finding.severity == "error":
            raise _refusal(finding)


def _waits_for_numbers(report: Report) -> bool:
    """Whether an error speaks of open sizes: then numbers decide it, one by one."""
    errors = [finding for finding in report.diagnostics if finding.severity == "error"]
    return any(_is_open(value) for finding in errors for value in finding.facts.values()) or any(
        finding.code in NUMBERS for finding in errors
    )


def _is_open(value: Any) -> bool:
    return isinstance(value, Size) or (isinstance(value, (tuple, list)) and any(map(_is_open, value)))


def _refusal(finding: Diagnostic) -> _Miss:
    return _Miss(f"{finding.code} {finding.message}", None, finding.code)


def _skipped(demand: Demand, label: str, nearest: Sequence[tuple[int, int]]) -> str:
    """Which values a formula takes instead of the one that is wanted."""
    base = demand.value
    listed = " and ".join(f"{base + off} at {label} = {n}" for n, off in nearest) or "no other"
    return f"{demand.missed()}, which no {label} gives; the next values are {listed}"


# networks with other arguments ---------------------------------------------------------------------------------------


def _as_given(network: Network) -> Network:
    """The network with what is inferred left open, so that it follows from other arguments."""
    nodes = [
        _made(node) if node.type in LAYERS and LAYERS[node.type].inferred and node.layer is not None else node
        for node in network.nodes
    ]
    return network._replace(nodes=tuple(nodes))


def _made(node: Node) -> Node:
    """The node with the layer that its given arguments make."""
    try:
        layer = make(LAYERS[node.type], node.given)
    except ShapeError as error:
        return replace(node, layer=None, fault=error, open=False)
    return replace(node, layer=layer, fault=None, open=layer.unresolved)


# answers of several sizes --------------------------------------------------------------------------------------------


def _range_text(values: Sequence[Any] | None) -> str:
    if values and all(type(value) is int for value in values) and len(values) > 2:
        return runs_text(runs(sorted(values)))
    return ", ".join(map(str, values or ()))


def _constraint(demand: Demand) -> Constraint | None:
    """The demand as a condition on the open sizes; None where it is met whatever they are."""
    difference = demand.found - demand.value
    if isinstance(difference, int):
        return None
    return Constraint(demand.missed(), (Comparison(*TESTS[demand.op](difference, 0)),))


def from_values(values: Sequence[int]) -> Periodic:
    """The numbers as a set."""
    found = NONE
    for first, last, step in runs(sorted(value for value in values if value >= 1)):
        assert last is not None
        steps = multiples(step, first % step) if step > 1 else ALL
        found = found | (between(first, last) & steps)
    return found


def repeating(part: Periodic) -> tuple[Run, ...]:
    """The set as runs, the last of them without end where the set has none.

    >>> repeating(multiples(16) & between(100, None)), repeating(between(3, 5))
    (((112, None, 16),), ((3, 5, 1),))
    """
    if part.finite:
        return runs(list(part.up_to(part.head)))
    start, period = part.head + 1, part.period
    places = list(part.up_to(start + period - 1, start))
    endless = [(place, None, period) for place in places] if len(places) < period else [(start, None, 1)]
    return (*runs(list(part.up_to(part.head))), *endless)


def _products(labels: list[str], points: list[tuple[int, ...]]) -> list[dict[str, tuple[Run, ...]]]:
    """The points as products of runs: those with one set of last sizes are one."""
    by_rest: dict[tuple[int, ...], list[int]] = {}
    for *firsts, last in points:
        by_rest.setdefault(tuple(firsts), []).append(last)
    grouped: dict[tuple[Run, ...], list[tuple[int, ...]]] = {}
    for firsts_, lasts in by_rest.items():
        grouped.setdefault(runs(lasts), []).append(firsts_)
    found = []
    for last_runs, heads in grouped.items():
        if len(labels) == 2:
            found.append({labels[0]: runs([head[0] for head in heads]), labels[1]: last_runs})
        else:
            found += [
                {**{n: runs([v]) for n, v in zip(labels, head, strict=False)}, labels[-1]: last_runs} for head in heads
            ]
    return found
