"""What is known of a network: a row a layer, the findings, the totals. Data only; `render/` shows it.

Main definitions: `Report`, `Row`, `ReceptiveField`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction
from importlib import import_module
from math import ceil, floor
from typing import Any, NamedTuple

from shapecheck.diagnostics import Diagnostic, plain
from shapecheck.layers.base import EACH, NOTHING, Layer, is_shape
from shapecheck.net import Network, Node
from shapecheck.sizes import Dim, Shape, Size


class ReceptiveField(NamedTuple):
    """What output cell 0 sees on each axis: how many input cells, how far off its neighbour's are, where they start.

    Behind an upsampling, where neighbours may see the same cells, the size is the most that any of them sees, as
    bounded by an interval that moves evenly.
    """

    size: tuple[Any, ...]
    stride: tuple[Any, ...]
    start: tuple[Any, ...]

    def to_dict(self) -> dict[str, list[Any]]:
        """The field as plain data; a stride that is a fraction is given as a string like "1/2"."""
        return {key: [_number(value) for value in values] for key, values in self._asdict().items()}


class Row(NamedTuple):
    """One layer's columns; `seen` is the receptive field as layers compute it, `receptive_field` as people read it."""

    node: Node
    inputs: tuple[Any, ...]  # a shape each, None where not known
    output: Any  # a shape, nested shapes, or None where not known
    params: Dim | None
    macs: Dim | None
    seen: Any
    layer: Layer | None = None  # with its arguments resolved; None where the spec's fault left none
    torch: Any = None

    @property
    def name(self) -> str:
        """The layer's name."""
        return self.node.name

    @property
    def type(self) -> str:
        """The layer's type: torch's name for it."""
        return self.node.type

    @property
    def line(self) -> int | None:
        """The line of the spec on which it stands."""
        return self.node.mark.line

    @property
    def receptive_field(self) -> ReceptiveField | None:
        """The receptive field an axis; None after a global operation or where there are no spatial axes."""
        seen = self.seen
        if seen is None or seen is NOTHING:
            return None
        if seen == EACH:
            rank = len(self.output) if is_shape(self.output) else 0
            seen = ((1, 1, 0),) * (rank - 2)
        if not seen:
            return None
        sizes, strides, starts = zip(*seen, strict=True)
        return ReceptiveField(tuple(map(_floor, sizes)), strides, tuple(map(_ceil, starts)))


@dataclass(frozen=True)
class Report:
    """All that was found out about a network; never changes, `verify` returns a new one."""

    name: str
    rows: tuple[Row, ...] = ()
    diagnostics: tuple[Diagnostic, ...] = ()
    inputs: Mapping[str, Shape] = field(default_factory=dict)
    verified: str | None = None
    network: Network | None = None
    way: str | None = None  # of a live module: "graph" or "calls"

    @property
    def layers(self) -> tuple[Row, ...]:
        """The rows, one a leaf layer, blocks and repeats unrolled."""
        return self.rows

    @property
    def ok(self) -> bool:
        """Whether no finding is an error; not being verified does not make it false."""
        return not any(finding.severity == "error" for finding in self.diagnostics)

    @property
    def totals(self) -> dict[str, Dim]:
        """The sums of the rows' parameters and multiply-adds."""
        return {"params": total(row.params for row in self.rows), "macs": total(row.macs for row in self.rows)}

    def replace(self, **changes: Any) -> Report:
        """The same report with these attributes changed."""
        return replace(self, **changes)

    def to_dict(self) -> dict[str, Any]:
        """The report as plain data: the JSON of `--format json`."""
        return {
            "name": self.name,
            "ok": self.ok,
            "verified": self.verified,
            "inputs": {name: plain(shape) for name, shape in self.inputs.items()},
            "layers": [self._row(row) for row in self.rows],
            "totals": {key: plain(value) for key, value in self.totals.items()},
            "diagnostics": [finding.to_dict() for finding in self.diagnostics],
        }

    def _repr_html_(self) -> str:
        """The report as a table in HTML: what a notebook shows for it."""
        return "".join(import_module("shapecheck.render.html").render([self]))  # by name: rendering stands above

    def _row(self, row: Row) -> dict[str, Any]:
        seen = row.receptive_field
        return {
            "name": row.name,
            "type": row.type,
            "from": [] if self.network is None else self.network.source_names(row.node),
            "line": row.line,
            "inputs": [plain(shape) for shape in row.inputs],
            "output": plain(row.output),
            "params": plain(row.params),
            "macs": plain(row.macs),
            "receptive_field": None if seen is None else seen.to_dict(),
            "torch": plain(row.torch),
        }


def total(values: Any) -> Dim:
    """The sum of the known ones; ints are added apart from open sizes, which cost more."""
    number = 0
    terms: dict[Any, int] = {}
    for value in values:
        if type(value) is int:
            number += value
        elif value is not None:
            for monomial, factor in value.terms.items():
                terms[monomial] = terms.get(monomial, 0) + factor
    return Size(terms) + number if terms else number


def _floor(value: Any) -> Any:
    return value if isinstance(value, Size) else floor(value)


def _ceil(value: Any) -> Any:
    return value if isinstance(value, Size) else ceil(value)


def _number(value: Any) -> Any:
    return str(value) if isinstance(value, Fraction) else plain(value)
