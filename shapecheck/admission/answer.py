"""The answer: the exact set of sizes a network runs for, what causes each condition, and how it is known.

Main definitions: `admissible_of`, `Admissible`, `Cause`.   Main results:
tests/book/test_40_admissible_sizes.py.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from shapecheck.admission.asked import regions_of
from shapecheck.admission.laws import ALL, Box, complement, cut, joined
from shapecheck.admission.paths import Cell, Exploration, enumerated, explore
from shapecheck.admission.periodic import Periodic, TooLongError, between
from shapecheck.admission.regions import Region, holds, least_in, tie
from shapecheck.admission.witness import Decision
from shapecheck.admission.words import NONE_TEXT, axis_text, box_text, boxes_text, relative_text, shadow, simplest
from shapecheck.constraints import parse
from shapecheck.expressions import ExpressionError
from shapecheck.inference import infer
from shapecheck.net import Network
from shapecheck.sizes import Dim, Size, name

CONFIRMED = 64  # sizes an axis that prediction confirms at least
MOST_CONFIRMED = 8_192
MOST_BASES = 4  # places from which each axis is followed


class Cause(NamedTuple):
    """A condition, the layer that makes it, where that stands, and what is found for the least sizes it refuses."""

    condition: str
    layer: str
    line: int | None
    column: int | None
    code: str
    message: str
    sizes: Mapping[str, int]
    needed: bool = True  # False where the other conditions imply it

    def to_dict(self) -> dict[str, Any]:
        """The cause as plain data."""
        return {**self._asdict(), "sizes": dict(self.sizes)}


class Admissible:
    """The sizes for which a network runs, exactly, or as far as they were checked.

    `str()` is the statement; `exact` says whether it holds for all sizes, `checked_up_to` else how far it is known.
    """

    def __init__(
        self, network: Network, exploration: Exploration, opened: Mapping[str, str], given: Mapping[str, int]
    ) -> None:
        self.network = network
        self.exploration = exploration
        self.opened = dict(opened)  # names that were numbers in the spec: name -> "input.2"
        self.given = dict(given)  # and what they were
        self.names: tuple[str, ...] = tuple(network.open_names())
        self.asked = regions_of(network.where)  # where the spec, or the call, wants an answer
        if not exploration.exact:
            known: Box = {name: between(1, exploration.up_to) for name in exploration.pinned}
            self.asked = [Region(box, part.coupled) for part in self.asked if (box := cut(part.box, known)) is not None]
        self.accepted = tuple(
            Region(box, tuple(dict.fromkeys(region.coupled + part.coupled)))
            for cell in exploration.cells
            if cell.verdict.finding is None
            for region in cell.regions
            for part in self.asked
            if (box := cut(region.box, part.box)) is not None
        )
        self.exact = exploration.exact
        self.checked_up_to = exploration.up_to
        self.confirmed: Mapping[str, int] = {}
        self.disagreement: Mapping[str, int] | None = None

    # asking ----------------------------------------------------------------------------------------------------------

    def contains(self, **sizes: int) -> bool:
        """Whether the network runs for these sizes; for a name left out: whether there is a size of it that works."""
        self._check(sizes)
        if any(size < 1 for size in sizes.values()):
            return False
        if not self.exact and len(sizes) == len(self.names):
            return infer(self.network, sizes).ok
        if len(sizes) == len(self.names):
            return any(_inside(region, sizes) for region in self.accepted)
        return any(self._least_in(region, sizes) is not None for region in self.accepted)

    def least(self) -> dict[str, int] | None:
        """The least sizes for which the network runs (those with the smallest greatest one); None where none do."""
        found = [point for region in self.accepted if (point := self._least_in(region, {})) is not None]
        return min(found, key=lambda point: (max(point.values(), default=0), sum(point.values())), default=None)

    def nearest(self, **sizes: int) -> dict[str, int] | None:
        """The admissible sizes nearest to these (names left out: the least that go with them); None where none are.

        Near is a small sum of differences, then the smaller sizes.
        """
        self._check(sizes)
        if self.contains(**sizes):
            fitting = [self._least_in(region, sizes) for region in self.accepted]
            return next(point for point in fitting if point is not None)
        found = [point for region in self.accepted if (point := self._nearest_in(region, sizes)) is not None]
        return min(found, key=lambda p: (sum(abs(p[x] - n) for x, n in sizes.items()), sum(p.values())), default=None)

    def axis(self, name_: str) -> Periodic:
        """The sizes of one name that work, with some sizes of the others."""
        self._check({name_: 1})
        total = Periodic(0, 1, 0)
        for region in self.accepted:
            if not any(name_ in decision.difference.names() for decision in region.coupled):
                total = total | region.box.get(name_, ALL)
            else:
                total = total | self._shadow(region, name_)
        return total

    def sizes(self, name_: str, stop: int) -> Iterator[int]:
        """The sizes of one name up to `stop` that work, in order."""
        return self.axis(name_).up_to(stop)

    def __iter__(self) -> Iterator[int]:
        """The sizes that work, in order and without end; for a network with one open size beside the batch."""
        names = self.main_names
        if len(names) != 1:
            raise ValueError(
                f"there are {len(names)} open sizes, {', '.join(names)}: ask for one with .sizes(name, stop)"
            )
        axis = self.axis(names[0])
        at = axis.least()
        while at is not None:
            yield at
            at = axis.least(at + 1)

    @property
    def threshold(self) -> dict[str, int]:
        """From which size on the admissible ones repeat, a name."""
        return {name: self.axis(name).head + 1 for name in self.names}

    @property
    def period(self) -> dict[str, int]:
        """After how many sizes they repeat, a name."""
        return {name: self.axis(name).period for name in self.names}

    @property
    def empty(self) -> bool:
        """Whether there are none."""
        return not self.accepted

    @property
    def main_names(self) -> tuple[str, ...]:
        """The open names without the batch, which stands in front of an input; all, where there are no others."""
        batch = {str(shape[0]) for shape in self.network.inputs.values() if len(shape) > 1}
        return tuple(name for name in self.names if name not in batch) or self.names

    def __len__(self) -> int:
        raise TypeError("a set of sizes may be without end: ask .empty, or .sizes(name, stop)")

    def __bool__(self) -> bool:
        return not self.empty

    # saying ----------------------------------------------------------------------------------------------------------

    def __str__(self) -> str:
        if not self.exact:
            return f"{self._statement()} (checked up to {self.checked_up_to})"
        return self._statement()

    def __repr__(self) -> str:
        return f"<Admissible {self}>"

    def _statement(self) -> str:
        if self.empty:
            cause = self.causes[-1:] if self.exploration.cells else ()
            why = f": because {cause[0].layer}, {cause[0].message}" if cause else ""
            return f"{NONE_TEXT}{why}" if self.exact else f"no size found{why}"
        names = self.main_names
        others = [name for name in self.names if name not in names]
        tied = [region for region in self.accepted if region.coupled]
        if tied:
            return ", or ".join(self._tied_text(region) for region in self._merged())
        boxes = [region.box for region in self.accepted]
        main = _projected(boxes, names)
        text = boxes_text(main, names)
        return "; ".join([text, *(extra for other in others for extra in _exceptions(boxes, main, names, other))])

    def _merged(self) -> list[Region]:
        """The accepted regions; a comparison on which nothing hangs is left out."""
        left = list(self.accepted)
        changed = True
        while changed:
            changed = False
            for one in left:
                for decision in one.coupled:
                    rest = tuple(other for other in one.coupled if other != decision)
                    twin = Region(one.box, tuple(
                        other._replace(holds=not other.holds) if other == decision else other for other in one.coupled
                    ))  # fmt: skip
                    match = next((other for other in left if other.box == one.box
                                  and set(other.coupled) in (set(twin.coupled),)), None)  # fmt: skip
                    if match is not None and match is not one:
                        left = [other for other in left if other is not one and other is not match]
                        left.append(Region(one.box, rest))
                        changed = True
                        break
                if changed:
                    break
        return left

    def _tied_text(self, region: Region) -> str:
        box = dict(region.box)
        ties, rest = [], []
        for decision in region.coupled:
            pair = tie(decision.difference) if decision.equal and decision.holds else None
            (ties.append(pair) if pair else rest.append(decision))
        groups = _grouped(ties)
        parts = []
        shown = [name for name in self.names if not any(name in group for group in groups)]
        for group in groups:
            both = ALL
            for name_ in group:
                both = both & box.get(name_, ALL)
            parts.append(_tied_words(group, both))
        plain = {name: sizes for name, sizes in box.items() if name in shown and sizes != ALL}
        if plain:
            parts.append(box_text(plain, shown))
        parts += [_decision_text(decision) for decision in rest]
        return " and ".join(parts) or f"any {' and '.join(self.names)}"

    @property
    def causes(self) -> tuple[Cause, ...]:
        """The conditions in the order of the layers that make them."""
        groups: dict[tuple[int, str], list[Cell]] = {}
        for cell in self.exploration.cells:
            if cell.verdict.finding is not None and cell.verdict.node is not None:
                groups.setdefault((cell.verdict.node, cell.verdict.finding.code), []).append(cell)
        left = [region.box for region in self.asked]
        settled = [decision for region in self.asked[:1] for decision in region.coupled]
        found, kept = self._asked_causes()
        for (_, code), cells in sorted(groups.items()):
            first = min(cells, key=lambda cell: (max(cell.witness.values()), sum(cell.witness.values())))
            plain, ties = _refused_regions([region for cell in cells for region in cell.regions], settled)
            after = joined(complement(plain, left))
            words, boxes = self._condition(left, after) if plain else ("", left)
            condition = " and ".join([*map(_decision_text, ties), *filter(None, [words])])
            kept.append(None if ties else boxes)
            left, settled = after, settled + ties
            finding = first.verdict.finding
            assert finding is not None
            report = infer(self.network, dict(first.witness))
            numbers = next((item for item in report.diagnostics if item.code == code), finding)
            found.append(Cause(condition, finding.layer or self.network.name, finding.line, finding.column, code,
                               numbers.message, dict(first.witness)))  # fmt: skip
        return tuple(cause._replace(needed=need) for cause, need in zip(found, _needed(kept, left), strict=True))

    def _asked_causes(self) -> tuple[list[Cause], list[list[Box] | None]]:
        """What is asked under `where`, as causes and as boxes (None where it couples names)."""
        found, boxes = [], []
        for constraint in self.network.where:
            found.append(
                Cause(constraint.text, "where", constraint.line, constraint.column, "", "the spec asks for it", {})
            )
            regions = regions_of([constraint])
            coupled = any(region.coupled for region in regions)
            boxes.append(None if coupled else [region.box for region in regions])
        return found, boxes

    def _condition(self, before: list[Box], after: list[Box]) -> tuple[str, list[Box]]:
        """What a layer asks for on each axis, in words and as boxes."""
        if not after:
            return NONE_TEXT, []
        names = self.names
        needed: Box = {}
        for name_ in names:
            one = simplest(shadow(before, name_), shadow(after, name_))
            if one != ALL:
                needed[name_] = one
        if not complement(after, [both for box in before if (both := cut(box, needed)) is not None]):
            return (box_text(needed, names) if needed else boxes_text(joined(after), names)), [needed]
        return relative_text(before, after, names), after

    def to_dict(self) -> dict[str, Any]:
        """The answer as plain data, for JSON."""
        return {
            "name": self.network.name,
            "statement": str(self),
            "names": list(self.names),
            "opened": self.opened,
            "exact": self.exact,
            "checked_up_to": self.checked_up_to,
            "reason": self.exploration.reason,
            "empty": self.empty,
            "least": self.least(),
            "threshold": self.threshold,
            "period": self.period,
            "paths": len(self.exploration.cells),
            "confirmed_up_to": dict(self.confirmed),
            "causes": [cause.to_dict() for cause in self.causes],
        }

    # checking --------------------------------------------------------------------------------------------------------

    def confirm(self, tell: Callable[[int, int], None] | None = None) -> None:
        """Compare with the numeric prediction over more than threshold + 2 periods of each axis.

        A disagreement makes the answer "checked up to": it would be a fault of this module.
        """
        if not self.exact:
            return
        bases = [point for region in self.accepted if (point := self._least_in(region, {})) is not None]
        bases = bases[:MOST_BASES] or [dict.fromkeys(self.names, 1)]
        reach = {}
        for name_ in self.names:
            axis = self.axis(name_)
            reach[name_] = min(max(CONFIRMED, axis.head + 2 * axis.period + 2), MOST_CONFIRMED)
        todo = [{**base, x: size} for base in bases for x in self.names for size in range(1, reach[x] + 1)]
        todo += [dict.fromkeys(self.names, size) for size in range(1, CONFIRMED + 1)]
        for number, sizes in enumerate(todo):
            if tell is not None and number % 100 == 0:
                tell(number, len(todo))
            if infer(self.network, sizes).ok != self.contains(**sizes):
                self.exact, self.checked_up_to, self.disagreement = False, max(min(sizes.values()) - 1, 0), sizes
                return
        self.confirmed = reach

    # the workings ----------------------------------------------------------------------------------------------------

    def _check(self, sizes: Mapping[str, Any]) -> None:
        for name_, size in sizes.items():
            if name_ not in self.names:
                raise ValueError(f"the network has no open size {name_}; there are {', '.join(self.names) or 'none'}")
            if type(size) is not int:
                raise ValueError(f"the size {name_} is {size!r}: a size is a whole number")

    def _least_in(self, region: Region, sizes: Mapping[str, int]) -> dict[str, int] | None:
        box = cut(region.box, {name: between(size, size) for name, size in sizes.items()})
        if box is None:
            return None
        return least_in(Region(box, region.coupled), self.names)[0]

    def _nearest_in(self, region: Region, sizes: Mapping[str, int]) -> dict[str, int] | None:
        if not region.coupled:
            point = self._least_in(region, {})
            if point is None:
                return None
            return {**point, **{x: _near(region.box.get(x, ALL), n) for x, n in sizes.items()}}
        tied = sorted({x for decision in region.coupled for x in decision.difference.names()})
        best: dict[str, int] | None = None
        for x in tied:
            axis = region.box.get(x, ALL)
            wanted = sizes.get(x)
            if wanted is None:
                continue
            for step in range(4 * axis.period + 64):
                for size in (wanted - step, wanted + step):
                    if size >= 1 and axis.contains(size) and (point := self._least_in(region, {x: size})) is not None:
                        cost = sum(abs(point[y] - n) for y, n in sizes.items())
                        if best is None or cost < sum(abs(best[y] - n) for y, n in sizes.items()):
                            best = point
                if best is not None:
                    break
        return best or self._least_in(region, {})

    def _shadow(self, region: Region, name_: str) -> Periodic:
        """The sizes of a name in a region with coupled comparisons."""
        pairs = [tie(decision.difference) for decision in region.coupled if decision.equal and decision.holds]
        total = region.box.get(name_, ALL)
        for group in _grouped([pair for pair in pairs if pair]):
            if name_ in group:
                for other in group:
                    total = total & region.box.get(other, ALL)
        return total


def _inside(region: Region, sizes: Mapping[str, int]) -> bool:
    """Whether sizes of all names lie in a region."""
    return all(axis.contains(sizes[name]) for name, axis in region.box.items()) and all(
        holds(decision, sizes) for decision in region.coupled
    )


def _near(axis: Periodic, wanted: int) -> int:
    below, above = axis.greatest(wanted), axis.least(max(wanted, 1))
    if below is None or (above is not None and above - wanted < wanted - below):
        return above or 1
    return below


def _tied_words(group: Sequence[str], sizes: Periodic) -> str:
    """What is said of names that are equal: 224 <= H = W <= 255, or H = W and 16 divides H."""
    text = axis_text(["\0"], sizes)
    if re.fullmatch("([0-9]+ <= )?\0( (<=|>=|=) [0-9]+)?", text):
        return text.replace("\0", " = ".join(group))
    return " = ".join(group) + (f" and {text}" if text else "").replace("\0", group[0])


def _grouped(pairs: Sequence[tuple[str, str]]) -> list[list[str]]:
    groups: list[list[str]] = []
    for pair in pairs:
        touching = [group for group in groups if set(pair) & set(group)]
        merged = sorted({*pair, *(name for group in touching for name in group)})
        groups = [group for group in groups if group not in touching] + [merged]
    return groups


def _decision_text(decision: Any) -> str:
    left = Size({monomial: factor for monomial, factor in decision.difference.terms.items() if factor > 0 and monomial})
    right = Size(
        {monomial: -factor for monomial, factor in decision.difference.terms.items() if factor < 0 and monomial}
    )
    constant = decision.difference.terms.get((), 0)
    one = left + max(constant, 0) if left.terms else max(constant, 0)
    two = right + max(-constant, 0) if right.terms else max(-constant, 0)
    sign = ("==" if decision.holds else "!=") if decision.equal else (">=" if decision.holds else "<")
    return f"{one} {sign} {two}"


def _projected(boxes: Sequence[Box], names: Sequence[str]) -> list[Box]:
    """The boxes seen on these axes alone, without a common point."""
    seen = [{name: sizes for name, sizes in box.items() if name in names} for box in boxes]
    apart: list[Box] = []
    for box in seen:
        apart += complement(apart, [box])
    return joined(apart)


def _refused_regions(regions: Sequence[Region], settled: Sequence[Decision]) -> tuple[list[Box], list[Decision]]:
    """Of what a layer refuses: the boxes, and the couplings it asks for, given those that are settled before it."""
    plain: list[Box] = []
    ties: list[Decision] = []
    for region in sorted(regions, key=lambda region: len(region.coupled)):
        open_ = [decision for decision in region.coupled if decision not in settled and decision not in ties]
        if not open_:
            plain.append(region.box)
        elif len(open_) == 1:
            ties.append(open_[0]._replace(holds=not open_[0].holds))
    return plain, ties


def _needed(conditions: Sequence[list[Box] | None], final: list[Box]) -> list[bool]:
    """Which of the conditions are needed: from the first on, one that the others imply is left out."""
    kept = [True] * len(conditions)
    for place, condition in enumerate(conditions):
        if condition is None:
            continue
        rest: list[Box] = [{}]
        for other, boxes in enumerate(conditions):
            if other != place and kept[other] and boxes is not None:
                rest = joined([both for a in rest for b in boxes if (both := cut(a, b)) is not None])
        if not complement(final, rest):
            kept[place] = False
    return kept


def _exceptions(boxes: Sequence[Box], main: list[Box], names: Sequence[str], other: str) -> Iterator[str]:
    """What more is asked for some sizes of a name that asks nothing else: `with N = 1, H >= 33 or W >= 33`."""
    parts = [ALL]
    for box in boxes:
        sizes = box.get(other, ALL)
        parts = [piece for part in parts for piece in (part & sizes, part - sizes) if piece]
    for part in parts:
        slice_ = [{x: s for x, s in box.items() if x in names} for box in boxes if not part - box.get(other, ALL)]
        if complement(slice_, main):
            yield f"with {box_text({other: part}, [other])}: {relative_text(main, slice_, names)}"


# making --------------------------------------------------------------------------------------------------------------


def admissible_of(
    network: Network, where: Sequence[str] = (), *, confirm: bool = True, tell: Callable[[int], None] | None = None
) -> Admissible:
    """For which sizes a network runs; a ValueError for a condition in `where` that cannot be read.

    Where no size but the batch is open, the axes behind the channels are opened: H and W of a picture.
    """
    network, opened, given = open_axes(network)
    names = network.open_names()
    if where:
        more = tuple(parse(text, names) for text in where)
        network = network._replace(where=(*network.where, *more))
        try:
            regions_of(network.where)
        except ArithmeticError as error:
            raise ExpressionError(str(error), 0, "smaller numbers") from None
    try:
        found = explore(network, names, regions_of(network.where), tell=tell)
        answer = Admissible(network, found, opened, given)
        if confirm:
            answer.confirm()
        answer.to_dict()
    except TooLongError as error:
        answer = Admissible(network, enumerated(network, names, str(error)), opened, given)
    return answer


def answer_soon(network: Network, most_runs: int) -> Admissible | None:
    """The exact answer for sizes that are open beside the batch, if that many runs are enough; not confirmed."""
    names = network.open_names()
    batch = {str(shape[0]) for shape in network.inputs.values() if shape}
    if all(name_ in batch for name_ in names):
        return None
    try:
        found = explore(network, names, regions_of(network.where), most_runs)
        answer = Admissible(network, found, {}, {})
        str(answer)
    except TooLongError:
        return None
    return answer if found.exact else None


AXES = {3: ("L",), 4: ("H", "W"), 5: ("D", "H", "W")}


def open_axes(network: Network) -> tuple[Network, dict[str, str], dict[str, int]]:
    """The network with the axes behind the channels open, where it leaves none but the batch open; and which these are.

    What the spec claims of shapes is left out then: it was said of the sizes that stood there.
    """
    batch = {str(shape[0]) for shape in network.inputs.values() if shape}
    if any(name_ not in batch for name_ in network.open_names()) or not network.inputs:
        return network, {}, {}
    inputs: dict[str, Any] = {}
    opened: dict[str, str] = {}
    given: dict[str, int] = {}
    for key, shape in network.inputs.items():
        suffix = "" if len(network.inputs) == 1 else f"_{key}"
        dims: list[Dim] = list(shape)
        for place, letter in enumerate(AXES.get(len(shape), ()), 2):
            size = shape[place]
            if isinstance(size, int):
                opened[letter + suffix] = f"{key}.{place}"
                given[letter + suffix] = size
                dims[place] = name(letter + suffix)
        inputs[key] = tuple(dims)
    if not opened:
        return network, {}, {}
    nodes = tuple(replace(node, claim=None) if node.claim is not None else node for node in network.nodes)
    outputs = tuple((source, None) for source, _ in network.outputs)
    return network._replace(inputs=inputs, nodes=nodes, outputs=outputs), opened, given


__all__ = ["Admissible", "Cause", "admissible_of", "open_axes"]
