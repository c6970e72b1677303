"""A report as cells of text: the one source of every table, whoever prints it.

Main definitions: `COLUMNS`, `Cells` (a layer's row), `Lines` (what stands above and below the rows), `cells`, `human`.
Large numbers of multiply-adds are rounded to three digits for the eye; `--format json` has them exact.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any, NamedTuple, TypeAlias

from shapecheck.layers.base import EACH, NOTHING, is_shape, shape_text
from shapecheck.render.paint import safe
from shapecheck.report import Report, Row
from shapecheck.size_text import text as formula
from shapecheck.sizes import Size, can_equal, congruences, simplest

Known: TypeAlias = "tuple[tuple[str, int, int], ...]"


class Column(NamedTuple):
    """A column: its title, whether numbers stand flush right, and when it goes on a narrow terminal (0: never)."""

    title: str
    right: bool = False
    drop: int = 0


COLUMNS = (
    Column("layer"),
    Column("type", drop=3),
    Column("output"),
    Column("params", right=True, drop=4),
    Column("MACs", right=True, drop=2),
    Column("receptive field", drop=1),
    Column("torch"),
)
VERDICT = len(COLUMNS) - 1


class Cells(NamedTuple):
    """One layer's cells in the order of COLUMNS, and its state: "good", "bad", "pending" or "" (not compared)."""

    layer: str
    type: str
    output: str
    params: str
    macs: str
    field: str
    torch: str
    state: str = ""


class Verdict(NamedTuple):
    """A cell of the column `torch`, and the state it stands for."""

    text: str
    state: str


PENDING = Verdict(".", "pending")
NOT_VERIFIED = Verdict("not verified", "")


def rows(report: Report, *, pending: bool = False) -> Iterator[Cells]:
    """The cells of every layer; `pending` marks those that torch has not seen yet as such."""
    codes = error_codes(report)
    waiting = PENDING if pending else NOT_VERIFIED if any(row.torch is not None for row in report.rows) else _NOTHING
    known = known_of(report)
    for row in report.rows:
        yield cells(row, codes.get(row.node.name, ""), waiting, known)


def known_of(report: Report) -> Known:
    """What `where` says of the sizes left open: (name, m, r), the name is r more than a multiple of m."""
    where = report.network.where if report.network is not None else ()
    zeros = [one.difference for asked in where for one in asked.comparisons if one.equal and one.holds]
    return tuple((name, *pair) for name, pair in congruences(zeros).items())


_NOTHING = Verdict("", "")


def error_codes(report: Report) -> dict[str, str]:
    """The first error of each layer that has one: by its code."""
    found: dict[str, str] = {}
    for finding in report.diagnostics:
        if finding.severity == "error" and finding.layer is not None:
            found.setdefault(finding.layer, finding.code)
    return found


def cells(row: Row, code: str = "", waiting: Verdict = _NOTHING, known: Known = ()) -> Cells:
    """The cells of one layer; `code` is the error found in it, if any, `known` what is known of its open sizes."""
    text, state = verdict(row, code, waiting)
    return Cells(
        safe(row.node.name), safe(row.node.type), shown_shape(row.output, known), exact(row.params),
        human(row.macs, known), seen_text(row.seen, row.output), text, state,
    )  # fmt: skip


def verdict(row: Row, code: str, waiting: Verdict) -> Verdict:
    """What torch says: "ok", its own shape where that is another, else the code of what we found."""
    if row.torch is not None and not agrees(row.output, row.torch):
        return Verdict(shown_shape(row.torch), "bad")
    if code:
        return Verdict(code, "bad")
    return waiting if row.torch is None else Verdict("ok", "good")


def agrees(predicted: Any, made: Any) -> bool:
    """Whether torch made the predicted shape; an open size agrees with any number it can be."""
    if predicted is None or predicted == made:
        return predicted == made
    if is_shape(predicted) != is_shape(made) or len(predicted) != len(made):
        return False
    return all(map(can_equal if is_shape(predicted) else agrees, predicted, made))


@lru_cache(maxsize=4096)
def shown_shape(shape: Any, known: Known = ()) -> str:
    """A shape as the table shows it, "?" where it is not known."""
    if not known:
        return safe(shape_text(shape))
    pairs = _pairs(known)
    return safe(shape_text(shape, lambda dim: simplest(dim, pairs)))


def _pairs(known: Known) -> dict[str, tuple[int, int]]:
    return {name: (modulus, residue) for name, modulus, residue in known}


@lru_cache(maxsize=4096)
def seen_text(seen: Any, output: Any) -> str:
    """The receptive field: cells an axis, then the stride, once where all axes share it; "all" after a global layer.

    >>> seen_text(((35, 4, -9), (35, 4, -9)), (1, 8, 56, 56)), seen_text(((3, 2, 0), (5, 1, 0)), (1, 8, 5, 5))
    ('35x35 s4', '3x5 s2x1')
    >>> seen_text(None, (1, 10)), seen_text(EACH, (1, 3, 8, 8)), seen_text(EACH, (1, 10)), seen_text(None, None)
    ('all', '1x1 s1', '', '')
    """
    if output is None or seen is NOTHING:
        return ""
    if seen is None:
        return "all"
    if seen == EACH:
        seen = ((1, 1, 0),) * (len(output) - 2 if is_shape(output) else 0)
    if not seen:
        return ""
    strides = {stride for _, stride, _ in seen}
    shown = strides if len(strides) == 1 else [stride for _, stride, _ in seen]
    return f"{_crossed(size for size, _, _ in seen)} s{_crossed(shown)}"


def _crossed(numbers: Any) -> str:
    return "x".join(str(number).replace(" ", "") for number in numbers)


def exact(count: Any) -> str:
    """A count with its thousands apart.

    >>> exact(61100840), exact(0), exact(None)
    ('61,100,840', '0', '?')
    """
    return f"{count:,}" if isinstance(count, int) else "?" if count is None else human(count)


def human(count: Any, known: Known = ()) -> str:
    """A count in three digits; a formula in open sizes likewise, or the word "open" where it would be long.

    >>> human(999), human(117600), human(61100840), human(999999), human(None)
    ('999', '118k', '61.1M', '1.00M', '?')
    >>> from shapecheck.sizes import name
    >>> human(416520 * name("N")), human(3 * name("N") * name("H") + 2)
    ('417k*N', '3*H*N + 2')
    """
    if type(count) is int:
        return _three_digits(count) if count > 999 else str(count)
    return "?" if count is None else _human_formula(count, known)


LONGEST_FORMULA = 40
LONGEST_TOTAL = 200
MOST_ROWS, MOST_RUNS = 120, 60  # layers of a network, and runs of it, that the line about admissible sizes may cost
OPEN = "open"  # what stands for a longer one


@lru_cache(maxsize=4096)
def _human_formula(count: Any, known: Known) -> str:
    if not isinstance(count, Size):
        return str(count)
    text = safe(simplest(count, _pairs(known), human))
    return text if len(text) <= LONGEST_FORMULA else OPEN


def _three_digits(count: int) -> str:
    power, size = 0, float(count)
    while size >= 999.5 and power < len(_POWERS) - 1:
        power, size = power + 1, size / 1000
    digits = 2 if size < 9.995 else 1 if size < 99.95 else 0
    return f"{size:.{digits}f}{_POWERS[power]}"


_POWERS = ("", "k", "M", "G", "T", "P", "E", "Z", "Y", "R", "Q")


def used(table: Sequence[Cells]) -> tuple[int, ...]:
    """The columns that have any text; the layer and its output always."""
    return tuple(
        i for i, column in enumerate(COLUMNS) if (not column.drop and i != VERDICT) or any(row[i] for row in table)
    )


# Above and below the rows --------------------------------------------------------------------------------------------


def heading(report: Report) -> tuple[str, str]:
    """The network's name, and its inputs in a line: "input [N, 1, 28, 28]"."""
    shapes = [(safe(name), shown_shape(shape)) for name, shape in report.inputs.items()]
    if len(shapes) == 1:
        return safe(report.name), f"input {shapes[0][1]}"
    return safe(report.name), "inputs " + ", ".join(" ".join(pair) for pair in shapes) if shapes else ""


def totals(report: Report, state: str | None = None) -> list[str]:
    """The parts of the line below the table: parameters, multiply-adds, and who verified them (or `state` instead)."""
    counts = report.totals
    params, macs = exact(counts["params"]), _human_total(counts["macs"])
    if isinstance(counts["macs"], int) and counts["macs"] > 999:
        macs += f" ({counts['macs']:,})"
    layers = len(report.rows)
    known = "" if all(row.params is not None for row in report.rows) else "at least "
    least = "" if all(row.macs is not None for row in report.rows) else "at least "
    return [
        f"{layers:,} layer{'s' * (layers != 1)}", f"{known}{params} parameter{'s' * (counts['params'] != 1)}",
        f"{least}{macs} MACs" if macs != OPEN else "MACs open", state or verified(report),
    ]  # fmt: skip


def _human_total(count: Any) -> str:
    """The same with room for a longer formula."""
    if not isinstance(count, Size):
        return human(count)
    text = safe(formula(count.terms, number=human))
    return text if len(text) <= LONGEST_TOTAL else OPEN


def verified(report: Report) -> str:
    """Who verified the shapes: the device, else "not verified" and how far torch came."""
    if report.verified:
        return f"verified by torch on {report.verified}"
    made = sum(row.torch is not None for row in report.rows)
    return f"not verified: torch ran {made:,} of {len(report.rows):,} layers" if made else "not verified"


def admissible_sizes(report: Report) -> str:
    """The line about the sizes for which the network runs; empty if none but the batch is open, or it takes long."""
    batch = {str(shape[0]) for shape in report.inputs.values() if shape}
    open_ = {str(dim) for shape in report.inputs.values() for dim in shape if isinstance(dim, Size)}
    if report.network is None or not open_ - batch or len(report.rows) > MOST_ROWS:
        return ""
    if any(row.node.layer is None or None in row.node.sources for row in report.rows):  # it is not all there yet
        return ""
    from shapecheck.admission.answer import answer_soon

    answer = answer_soon(report.network, MOST_RUNS)
    return "" if answer is None else f"it runs for: {safe(str(answer))}"


def open_sizes(report: Report) -> str:
    """The line about sizes left open, empty where there are none."""
    names: dict[str, None] = {}
    for shape in report.inputs.values():
        for dim in shape:
            names.update(dict.fromkeys(sorted(dim.names()) if isinstance(dim, Size) else ()))
    if not names:
        return ""
    listed, last = ", ".join(map(safe, names)), safe(list(names)[-1])
    if len(names) == 1:
        return f"{listed} is left open; --size {last}=8 gives a size"
    return f"{listed} are left open; --size {last}=64 gives a size"
