"""Runs of a network for one witness each, and the search for witnesses until all sizes are covered.

A run ends at the first finding, as torch ends there. Its verdict holds for all sizes that decide as the witness did:
a `Cell`. The search asks for the least sizes no cell holds yet, until there are none (the answer is exact) or the
budget is spent (then it is known up to some size, and says so).

Main definitions: `run`, `explore`, `Cell`, `Region`, `Exploration`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import product
from typing import Any, NamedTuple

from shapecheck.admission.laws import ALL, Box, NoLawError, Solver, between, cut, law, remembered, without
from shapecheck.admission.periodic import TooLongError
from shapecheck.admission.regions import SEARCHED, Region, known_parts, least_in
from shapecheck.admission.witness import Decision, Trail
from shapecheck.diagnostics import Diagnostic, ShapeError
from shapecheck.inference import MAX_RANK, missing_output, pick, several_outputs, too_many_dimensions
from shapecheck.layers.base import is_shape
from shapecheck.layers.refusal import no_hints
from shapecheck.net import Claim, Network, Node
from shapecheck.sizes import can_equal, evaluate

MOST_RUNS = 2_000
MOST_PINNED = 600  # where each size of one name is a case of its own
MOST_LAYERS = 1_000_000  # run in all
MOST_POINTS = 4_096  # sizes run one by one where sets cannot be written out


class Verdict(NamedTuple):
    """What a run found: nothing, or the layer that refuses (its place among the nodes) and its finding."""

    node: int | None = None  # None: all layers take it; len(nodes): a claim about the outputs
    finding: Diagnostic | None = None


class Cell(NamedTuple):
    """Sizes that take one path, and the verdict there."""

    regions: tuple[Region, ...]
    verdict: Verdict
    witness: Mapping[str, int]


class Exploration(NamedTuple):
    """The cells found; `exact` where they hold all sizes, else all sizes up to `up_to` are in one."""

    cells: tuple[Cell, ...]
    exact: bool
    up_to: int | None
    reason: str | None = None
    pinned: frozenset[str] = frozenset()  # the names of which it is known up to there only


# one run -------------------------------------------------------------------------------------------------------------


def run(network: Network, sizes: Mapping[str, int]) -> tuple[Verdict, Trail]:
    """The verdict for these sizes, and the trail of decisions that led there."""
    trail = Trail(sizes)
    known = {name: trail.witness(name) for name in sizes}
    values: list[Any] = [tuple(evaluate(dim, known) for dim in shape) for shape in network.inputs.values()]
    for guard in network.guards:
        if not guard.holds(known):
            words = f"the graph was recorded where {guard} ({guard.place})"
            return Verdict(-1, Diagnostic("SP601", words, file=network.file)), trail
    with no_hints():
        for place, node in enumerate(network.nodes):
            try:
                values.append(_output(network, node, values))
                _check(values[-1], node.claim, known)
            except ShapeError as error:
                return Verdict(place, _placed(network, node, error)), trail
        for source, claim in network.outputs:
            try:
                _check(pick(source, values), claim, known)
            except ShapeError as error:
                finding = error.diagnostics[0]
                mark = claim.mark if claim is not None else (None, None)
                return Verdict(len(network.nodes), finding.at(network.file, *mark)), trail
    return Verdict(), trail


def _output(network: Network, node: Node, values: list[Any]) -> Any:
    """The layer's output, as `infer` computes it; raises the ShapeError of a refusal."""
    if node.layer is None:
        raise node.fault or ShapeError(Diagnostic("SP201", f"{node.name} could not be read"))
    shapes = [pick(source, values) for source in node.sources]
    if None in shapes and (fault := missing_output(network, node, values)) is not None:
        raise fault
    for index, shape in enumerate(shapes):
        if shape and type(shape[0]) is tuple and not (index and node.layer.takes_several):
            raise several_outputs(network, node, index, shape)
    layer = node.layer.resolve(*shapes) if node.open else node.layer
    output = layer.shape(*shapes)
    if len(output) > MAX_RANK and is_shape(output):
        raise too_many_dimensions(output)
    return output


def _check(found: Any, claim: Claim | None, known: Mapping[str, Any]) -> None:
    """Raise a ShapeError where the shape is not what the spec claims."""
    if claim is None or found is None:
        return
    claimed = tuple(evaluate(dim, known) for dim in claim.shape)
    if not is_shape(found) or len(found) != len(claimed) or not all(map(can_equal, found, claimed)):
        raise ShapeError(Diagnostic("SP307", "the output is not what the spec claims"))


def _placed(network: Network, node: Node, error: ShapeError) -> Diagnostic:
    finding = error.diagnostics[0]
    mark = node.claim.mark if finding.code == "SP307" and node.claim is not None else node.place(finding.argument)
    return finding.at(network.file, *mark, node.name)


# the search ----------------------------------------------------------------------------------------------------------


def explore(
    network: Network,
    names: Sequence[str],
    inside: Sequence[Region] = (Region({}),),
    most_runs: int = MOST_RUNS,
    tell: Callable[[int], None] | None = None,
) -> Exploration:
    """The cells of all sizes of these names inside the regions, found by at most that many runs."""
    solve = remembered()
    most_runs = min(most_runs, MOST_LAYERS // max(len(network.nodes), 1) + 1)
    left = list(inside)
    cells: list[Cell] = []
    reason: str | None = None
    known: dict[Any, Any] = {}
    pinned: set[str] = set()
    while left:
        found = _next(left, names, known)
        left, witness = found.regions, found.witness
        reason = reason or found.reason
        if witness is None:
            break
        if len(cells) >= (min(MOST_PINNED, most_runs) if reason and len(pinned) < 2 else most_runs):
            names = [name for name in names if name in pinned] or names
            reach = min(max(region.box.get(name, ALL).least() or 1 for name in names) for region in left) - 1
            return Exploration(tuple(cells), False, reach, reason or "too many cases", frozenset(names))
        verdict, trail = run(network, witness)
        pinned |= trail.pinned
        regions, why = _cell(trail, solve, witness)
        reason = reason or why
        cells.append(Cell(tuple(regions), verdict, witness))
        for region in regions:
            left = [piece for one in left for piece in _outside(one, region)]
        if tell is not None:
            tell(len(cells))
    if not left:
        return Exploration(tuple(cells), True, None)
    return Exploration(tuple(cells), False, SEARCHED, reason, frozenset(names))


def enumerated(network: Network, names: Sequence[str], reason: str) -> Exploration:
    """Sizes run one by one, up to some size: what is left where the sets of sizes cannot be written out."""
    stop = max(int(min(MOST_POINTS, MOST_LAYERS // max(len(network.nodes), 1)) ** (1 / max(len(names), 1))), 1)
    cells = []
    for point in product(range(1, stop + 1), repeat=len(names)):
        sizes = dict(zip(names, point, strict=True))
        box = {name: between(size, size) for name, size in sizes.items()}
        cells.append(Cell((Region(box),), run(network, sizes)[0], sizes))
    return Exploration(tuple(cells), False, stop, reason, frozenset(names))


def _cell(trail: Trail, solve: Solver, witness: Mapping[str, int]) -> tuple[list[Region], str | None]:
    """The sizes that decide as the trail did; the witness alone where a formula ended."""
    boxes: list[Box] = [{}]
    coupled: list[Decision] = []
    try:
        for decision in sorted(trail.path(), key=lambda decision: len(decision.difference.names())):
            decided = known_parts(decision, boxes[0]) if len(boxes) == 1 else decision
            if isinstance(decided, bool):
                continue
            holding = solve(decided)
            if holding is None:
                law(decided.difference)
                coupled.append(_one_sign(decided))
            else:
                boxes = [both for one in boxes for other in holding if (both := cut(one, other)) is not None]
    except (NoLawError, TooLongError) as error:
        return [Region({name: between(size, size) for name, size in witness.items()})], str(error)
    names = " and ".join(sorted(trail.pinned))
    reason = f"each {names} is a case of its own (a float factor, or a count)" if names else None
    return [Region(box, tuple(dict.fromkeys(coupled))) for box in boxes], reason


def _one_sign(decision: Decision) -> Decision:
    """The comparison in the one of its two forms, a == b and b == a, whose first term is positive."""
    first = min(decision.difference.terms, key=lambda monomial: [str(atom) for atom in monomial])
    turned = -decision.difference if decision.equal and decision.difference.terms[first] < 0 else decision.difference
    return decision._replace(difference=turned)  # type: ignore[arg-type]


def _outside(region: Region, cell: Region) -> list[Region]:
    """The part of a region that is not in a cell."""
    both = cut(region.box, cell.box)
    if both is None:
        return [region]
    pieces = [Region(box, region.coupled) for box in without(region.box, cell.box)]
    so_far = region.coupled
    for decision in cell.coupled:
        other = decision._replace(holds=not decision.holds)
        if decision not in so_far:
            if other not in so_far:
                pieces.append(Region(both, (*so_far, other)))
                so_far = (*so_far, decision)
            else:
                return [*pieces, Region(both, region.coupled)] if other in region.coupled else pieces
    return pieces


class _Found(NamedTuple):
    regions: list[Region]
    witness: dict[str, int] | None
    reason: str | None


def _next(left: list[Region], names: Sequence[str], known: dict[Any, Any]) -> _Found:
    """The next witness: of the regions' least sizes those with the least greatest; empty regions are dropped."""
    best: dict[str, int] | None = None
    kept: list[Region] = []
    reason: str | None = None
    for region in left:
        key = tuple(sorted(region.box.items())), region.coupled
        if key not in known:
            known[key] = least_in(region, names)
        sizes, certain = known[key]
        if sizes is None and certain:
            continue
        if sizes is None:
            reason = "comparisons that couple names in a way that is not solved exactly"
        kept.append(region)
        if sizes is not None and (best is None or _rank(sizes) < _rank(best)):
            best = sizes
    return _Found(kept, best, reason)


def _rank(sizes: Mapping[str, int]) -> tuple[int, int]:
    return max(sizes.values()), sum(sizes.values())
