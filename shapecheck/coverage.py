"""Advice on what a network's layers read: cells that no window reads, fields with holes, pictures that are shifted.

None of it is an error: findings of the severity "advice", asked for by `--advice`. Each is told from the numbers of a
layer (on each axis: n cells, span e, padding before and in all, stride s) and of the layers before it:

    SP801  cells behind the last window       n + p - ((o-1)s + e), where o windows were placed; (n+p-e) mod s
    SP802  cells between the windows          s > e, or taps of a dilation that leave residues of the stride out
    SP803  holes in the receptive field       a later window reads cells further apart than each of them sees
    SP804  a field larger than the picture    most of what outer cells see is padding
    SP805  an even window at an odd stride    its middle lies half a cell beside the middle of its share of the picture
    SP806  uneven transposed convolutions     unless s divides k and gcd(d, s) = 1, some cells get more taps than others

Main definitions: `advice`, `advised`, `unread` (cells that no window reads), `offsets` (inputs a cell sees), `taps`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import gcd
from typing import Any, NamedTuple

from shapecheck.api import in_order
from shapecheck.diagnostics import Diagnostic
from shapecheck.layers.base import is_shape
from shapecheck.net import Source
from shapecheck.report import Report, Row

ADVICE = "advice"
MOST_CELLS = 1 << 20  # windows times taps that are looked at one by one


class Window(NamedTuple):
    """A layer's window on one axis: k taps that stand d apart, its padding before the input and in all, its stride."""

    k: int
    d: int
    padding: int
    before: int
    s: int

    @property
    def span(self) -> int:
        """The cells from its first tap to its last."""
        return self.d * (self.k - 1) + 1


def advice(report: Report) -> tuple[Diagnostic, ...]:
    """The advice on a network, from its report; sizes that are open give none that depends on them.

    >>> from shapecheck.api import check
    >>> spec = {"input": [1, 1, 7, 7], "layers": [{"Conv2d": {"out_channels": 1, "kernel_size": 1, "stride": 3}}]}
    >>> [finding.code for finding in advice(check(spec, verify=False))]
    ['SP802']
    """
    found = [finding for row in report.rows if row.output is not None for finding in _of_row(row)]
    found += _holes(report)
    found += _larger_than_the_picture(report)
    file = None if report.network is None else report.network.file
    return in_order([finding._replace(file=file) for finding in found])


def advised(report: Report) -> Report:
    """The report with its advice among the findings; `ok` is what it was."""
    return report.replace(diagnostics=(*report.diagnostics, *advice(report)))


def _of_row(row: Row) -> Iterator[Diagnostic]:
    """What is to be said of one layer by itself."""
    if _is_transposed(row):
        yield from _uneven(row)
        return
    windows = windows_of(row)
    if windows is None or not is_shape(row.output):
        return
    ends, between = [], []
    for axis, window in enumerate(windows, -len(windows)):
        n, o = row.inputs[0][axis], row.output[axis]
        if type(n) is int and type(o) is int:
            end = n + window.padding - ((o - 1) * window.s + window.span)
            ends.append((axis, n, max(end, 0), max(end - (window.padding - window.before), 0), window))
            between.append((axis, _gaps(n, o, window), window))
    yield from _border(row, [entry for entry in ends if entry[2]])
    yield from _between(row, [entry for entry in between if entry[1]])
    shifted = [window for window in windows if window.span % 2 == 0 and window.s % 2]
    if shifted:
        yield _shift(row, shifted[0])


# one layer -----------------------------------------------------------------------------------------------------------


def windows_of(row: Row) -> tuple[Window, ...] | None:
    """The windows of a convolution or pool, one an axis; None for other layers."""
    windows = getattr(row.layer, "windows", None)
    if not windows or _is_transposed(row):
        return None
    dilation = getattr(row.layer, "dilation", 1)
    apart = (dilation,) * len(windows) if isinstance(dilation, int) else tuple(dilation)
    apart = apart * len(windows) if len(apart) == 1 else apart
    return tuple(
        Window((span - 1) // d + 1, d, padding, before, stride)
        for (span, padding, before, stride), d in zip(windows, apart, strict=True)
    )


def _is_transposed(row: Row) -> bool:
    return hasattr(row.layer, "steps") and hasattr(row.layer, "output_padding")


def unread(n: int, o: int, window: Window) -> list[int]:
    """The cells of the input (from 0 to n-1) that none of the o windows reads.

    >>> unread(8, 2, Window(k=2, d=1, padding=0, before=0, s=3))
    [2, 5, 6, 7]
    """
    return [x for x in range(n) if not _read(x + window.before, o, window)]


def _read(place: int, o: int, window: Window) -> bool:
    """Whether a tap of one of the o windows lies on this place of the padded input."""
    for a in range(window.k):
        t, rest = divmod(place - a * window.d, window.s)
        if rest == 0 and 0 <= t < o:
            return True
    return False


def _gaps(n: int, o: int, window: Window) -> int:
    """How many cells of the input lie between read ones and are not read."""
    if (window.s <= window.k and window.d == 1) or o < 2 or n * window.k > MOST_CELLS:
        return 0
    end = (o - 1) * window.s + window.span - window.before
    return sum(x < end for x in unread(n, o, window))


def _border(row: Row, ends: Sequence[tuple[int, int, int, int, Window]]) -> Iterator[Diagnostic]:
    """The cells behind the last window, on the axes that have any."""
    if not ends:
        return
    _, n, rest, real, window = max(ends, key=lambda entry: (entry[3], entry[2]))
    what = f"{real} of them of the input" if real else "padding"
    if real == rest:
        what = "of the input"
    cells = f"the last {rest} of {n + window.padding} cells" if rest > 1 else f"the last of {n + window.padding} cells"
    message = f"{cells} on {_axes([entry[0] for entry in ends])} {'are' if rest > 1 else 'is'} never read ({what})"
    hint = f"an input of {n - rest} or {n - rest + window.s} cells is read whole"
    yield _finding(row, "SP801", message, hint, "stride", n=n, k=window.span, p=window.padding, s=window.s, unread=rest)


def _between(row: Row, between: Sequence[tuple[int, int, Window]]) -> Iterator[Diagnostic]:
    """The cells between windows, on the axes that have any."""
    if not between:
        return
    axis, count, window = max(between, key=lambda entry: entry[1])
    n = row.inputs[0][axis]
    why = f"its windows of {window.span} stand {window.s} apart"
    if window.d > 1:
        why = f"its taps stand {window.d} apart, its windows {window.s}"
    message = f"{count} of {n} cells on {_axes([entry[0] for entry in between])} are passed over: {why}"
    hint = f"a stride of {window.k} or less" if window.d == 1 else "a stride and a dilation without a common divisor"
    yield _finding(row, "SP802", message, hint, "stride", n=n, k=window.k, d=window.d, s=window.s, unread=count)


def _shift(row: Row, window: Window) -> Diagnostic:
    """An even window: the middle of what a cell reads is no cell's middle."""
    aside = (window.span - window.s) / 2 - window.before
    message = f"a window of {window.span} cells, an even number, shifts the picture by {aside:+g} cells"
    hint = f"a window of {window.span - 1} or {window.span + 1} cells"
    return _finding(
        row, "SP805", message, hint, "kernel_size", k=window.span, s=window.s, p=window.padding, shift=f"{aside:+g}"
    )


def taps(k: int, s: int, d: int) -> list[int]:
    """How many taps of a transposed convolution's kernel fall on each of s neighbouring output cells, far inside.

    >>> taps(3, 2, 1), taps(4, 2, 1), taps(4, 2, 2)
    ([2, 1], [2, 2], [4, 0])
    """
    return [sum(a * d % s == cell for a in range(k)) for cell in range(s)]


def _uneven(row: Row) -> Iterator[Diagnostic]:
    """A transposed convolution some of whose outputs get more taps than others."""
    for span, _, stride, _, dilation in getattr(row.layer, "steps", None) or ():
        k = (span - 1) // dilation + 1
        if k % stride == 0 and gcd(dilation, stride) == 1:
            continue
        counts = taps(k, stride, dilation)
        message = (
            f"its outputs read {min(counts)} or {max(counts)} cells of the kernel by turns on an axis: a checkerboard"
        )
        larger = stride * (k // stride + 1)
        hint = f"kernel_size: {larger}, a multiple of the stride {stride}; or Upsample and a convolution"
        if gcd(dilation, stride) > 1:
            hint = "a dilation and a stride without a common divisor"
        yield _finding(row, "SP806", message, hint, "kernel_size", k=k, s=stride, d=dilation, taps=counts)
        return


# several layers ------------------------------------------------------------------------------------------------------


class Offsets(NamedTuple):
    """What cell 0 of an axis sees: bit i of `bits` stands for input cell start + i; neighbours see `jump` further."""

    bits: int
    start: int
    jump: int

    @property
    def holes(self) -> int:
        """How many cells lie between seen ones and are not seen."""
        return self.bits.bit_length() - self.bits.bit_count()


ITSELF = Offsets(1, 0, 1)


def offsets(seen: Offsets, window: Window) -> Offsets:
    """What a cell sees through one more window: a tap each, the jump apart.

    >>> offsets(offsets(ITSELF, Window(1, 1, 0, 0, 2)), Window(3, 1, 2, 1, 1))
    Offsets(bits=21, start=-2, jump=2)
    """
    bits = 0
    for a in range(window.k):
        bits |= seen.bits << a * window.d * seen.jump
    return Offsets(bits, seen.start - window.before * seen.jump, seen.jump * window.s)


def _joined(parts: Sequence[Offsets]) -> Offsets | None:
    """What is seen through several paths; None where neighbours are not equally far apart on all."""
    if len({part.jump for part in parts}) > 1:
        return None
    start = min(part.start for part in parts)
    bits = 0
    for part in parts:
        bits |= part.bits << (part.start - start)
    return Offsets(bits, start, parts[0].jump)


def seen_offsets(report: Report) -> list[list[Offsets] | None]:
    """For each layer what its cells see, an axis each; None where cells differ in it, or see all."""
    if report.network is None:
        return []
    found: list[list[Offsets] | None] = [
        [ITSELF] * max(len(shape) - 2, 0) if is_shape(shape) else None for shape in report.inputs.values()
    ]
    count = len(found)
    for row in report.rows:
        places = [source.value if isinstance(source, Source) else source for source in row.node.sources]
        parts = [found[place] for place in places if place is not None]
        found.append(_through(row, parts))
    return found[count:]


def _through(row: Row, parts: list[list[Offsets] | None]) -> list[Offsets] | None:
    """What a layer's cells see, from what those of its inputs see."""
    known = [part for part in parts if part is not None]
    if row.seen is None or row.output is None or not known or len(known) < len(parts):
        return None
    if len({len(part) for part in known}) > 1:
        return None
    joined = [_joined(axis) for axis in zip(*known, strict=True)]
    if any(axis is None for axis in joined):
        return None
    axes = [axis for axis in joined if axis is not None]
    windows = windows_of(row)
    if windows is not None and len(windows) == len(axes):
        return [offsets(axis, window) for axis, window in zip(axes, windows, strict=True)]
    hull = tuple((axis.bits.bit_length(), axis.jump, axis.start) for axis in axes)
    same = row.seen == hull or (row.seen == () and all(axis == ITSELF for axis in axes))
    return axes if same else None


def _holes(report: Report) -> list[Diagnostic]:
    """The layer from which on fields have holes that no later layer fills, where there is one."""
    found = seen_offsets(report)
    known = [index for index, axes in enumerate(found) if axes]
    if not known:
        return []
    last = known[-1]
    end = found[last] or []
    holed = [axis for axis, part in enumerate(end) if part.holes]
    if not holed:
        return []
    first = last
    for index in reversed(known):
        if not any(part.holes for part in found[index] or []):
            break
        first = index
    part = max((found[first] or [])[axis] for axis in range(len(end)) if (found[first] or [])[axis].holes)
    final = end[holed[0]]
    size = part.bits.bit_length()
    message = f"a cell sees {size - part.holes} of the {size} input cells that its field spans: {part.holes} are holes"
    if first != last:
        whole = final.bits.bit_length()
        message += f"; {final.holes} of {whole} are left at {report.rows[last].name}"
    hint = "a window no smaller than the stride before it; dilations that grow by less than the window, as 1, 2, 5"
    return [_finding(report.rows[first], "SP803", message, hint, None, size=size, holes=part.holes, left=final.holes)]


def _larger_than_the_picture(report: Report) -> list[Diagnostic]:
    """The first layer whose cells span more than the picture has."""
    sizes = [shape[2:] for shape in report.inputs.values() if is_shape(shape) and len(shape) > 2]
    if len(sizes) != 1 or not all(type(size) is int for size in sizes[0]):
        return []
    for row in report.rows:
        field = row.receptive_field
        if field is None or len(field.size) != len(sizes[0]) or not windows_of(row):
            continue
        for size, n in zip(field.size, sizes[0], strict=True):
            if type(size) is int and size > n:
                message = f"from here on a cell's field spans {size} cells, the input has {n}: the rest is padding"
                hint = f"an input of {size} cells or more, or fewer strides"
                return [_finding(row, "SP804", message, hint, None, field=size, n=n)]
    return []


def _axes(axes: Sequence[int]) -> str:
    """Which axes, counted from the back: "each axis" or "dim -1"."""
    return "an axis" if len(axes) != 1 else f"dim {axes[0]}"


def _finding(row: Row, code: str, message: str, hint: str, argument: str | None, **facts: Any) -> Diagnostic:
    finding = Diagnostic(code, f"{row.name}: {message}", ADVICE, hint=hint, facts=facts, argument=argument)
    return finding.at(None, *row.node.place(argument), row.name)
