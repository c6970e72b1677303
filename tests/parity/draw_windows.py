"""Draws for the layers that slide windows: convolutions, pools, pads, fold and unfold.

Kernels outgrow inputs, paddings exceed half a kernel, output_padding meets strides and dilations that admit it or not.
"""

from __future__ import annotations

from typing import Any

from tests.parity.draw import Case, Draw

TOO_HUGE = (2**63,)
"""For convolutions and blocks: between 2**31 and this, what happens hangs on which of torch's kernels is chosen."""

MODES = ("zeros", "zeros", "zeros", "zeros", "reflect", "replicate", "circular")


def axes_of(kind: str) -> int:
    """The number of spatial axes in a layer's name."""
    return int(kind[-2])


def _channels(draw: Draw) -> tuple[int, int, int]:
    """in_channels, out_channels, groups, which mostly fit."""
    groups = draw.one(1, 1, 1, 2, 3, 4)
    extra = draw.one(0, 0, 0, 0, 0, 0, 1)
    return groups * draw.whole(1, 2) + extra, groups * draw.whole(1, 2), groups


def conv(draw: Draw, kind: str) -> Case:
    """A convolution, lazy or not."""
    n = axes_of(kind)
    channels, out, groups = _channels(draw)
    args: dict[str, Any] = {} if kind.startswith("Lazy") else {"in_channels": channels}
    kernels = (1, 2, 3) if draw.chance(0.6) else (1, 2, 3, 4, 5, 7)
    args |= {"out_channels": out, "kernel_size": draw.per_axis(n, lambda: draw.one(*kernels))}
    if groups > 1 or draw.chance(0.2):
        args["groups"] = groups
    args = draw.maybe(
        args,
        0.45,
        stride=lambda: draw.per_axis(n, lambda: draw.one(1, 1, 2, 3, 5)),
        padding=lambda: draw.one("same", "valid") if draw.chance(0.25) else draw.per_axis(n, lambda: draw.whole(0, 4)),
        dilation=lambda: draw.per_axis(n, lambda: draw.one(1, 1, 2, 3)),
        bias=draw.flag,
        padding_mode=lambda: draw.one(*MODES),
    )
    return draw.case(kind, args, draw.image(n, channels), huge=TOO_HUGE)


def conv_transpose(draw: Draw, kind: str) -> Case:
    """A transposed convolution, with output_padding or output_size at times."""
    n = axes_of(kind)
    channels, out, groups = _channels(draw)
    kernel, stride = draw.whole(1, 4), draw.one(1, 2, 3)
    padding, dilation = draw.one(0, 0, 1, 2, 3), draw.one(1, 1, 2, 3)
    args: dict[str, Any] = {} if kind.startswith("Lazy") else {"in_channels": channels}
    args |= {"out_channels": out, "kernel_size": kernel, "stride": stride, "padding": padding, "dilation": dilation}
    args = draw.maybe(
        args,
        0.35,
        groups=lambda: groups,
        bias=draw.flag,
        output_padding=lambda: draw.per_axis(n, lambda: draw.one(0, 0, 1, 2, 3)),
        kernel_size=lambda: draw.per_axis(n, lambda: draw.whole(1, 4)),
        stride=lambda: draw.per_axis(n, lambda: draw.one(1, 2, 3)),
        padding=lambda: draw.per_axis(n, lambda: draw.one(0, 1, 2, 3)),
        dilation=lambda: draw.per_axis(n, lambda: draw.one(1, 2, 3)),
    )
    if groups > 1:
        args["groups"] = groups
    args = draw.maybe(args, 0.04, padding_mode=lambda: draw.one(*MODES))
    shape = draw.image(n, channels, most=6)
    if draw.chance(0.3):
        least = [(size - 1) * stride - 2 * padding + dilation * (kernel - 1) + 1 for size in shape[-n:]]
        size = tuple(value + draw.one(0, 0, 1, stride - 1, stride, -1) for value in least)
        args["output_size"] = draw.one(size, size, size, list(size), (7, *size), (1, 4, *size), None)
    return draw.case(kind, args, shape, inputs=False, huge=TOO_HUGE)


def _window(draw: Draw, n: int, pads: bool = True) -> dict[str, Any]:
    kernels = (1, 2, 3) if draw.chance(0.6) else (1, 2, 3, 4, 5, 8)
    kernel = draw.per_axis(n, lambda: draw.one(*kernels))
    args = draw.maybe({"kernel_size": kernel}, 0.55, stride=lambda: draw.per_axis(n, lambda: draw.one(1, 2, 3, 4, 7)))
    if pads:
        small = kernel if isinstance(kernel, int) else min(kernel)
        most = small // 2 + draw.one(0, 0, 0, 0, 1)
        args = draw.maybe(args, 0.5, padding=lambda: draw.per_axis(n, lambda: draw.whole(0, most)))
    return draw.maybe(args, 0.5, ceil_mode=draw.flag)


def max_pool(draw: Draw, kind: str) -> Case:
    """A max pool."""
    n = axes_of(kind)
    args = _window(draw, n)
    args = draw.maybe(args, 0.3, dilation=lambda: draw.per_axis(n, lambda: draw.one(1, 2, 3)), return_indices=draw.flag)
    return draw.case(kind, args, draw.image(n, draw.whole(1, 3)))


def avg_pool(draw: Draw, kind: str) -> Case:
    """An average pool."""
    n = axes_of(kind)
    args = draw.maybe(_window(draw, n), 0.2, count_include_pad=draw.flag)
    if kind != "AvgPool1d":
        args = draw.maybe(args, 0.2, divisor_override=lambda: draw.one(None, 1, 2, -3, 0))
    return draw.case(kind, args, draw.image(n, draw.whole(1, 3)))


def lp_pool(draw: Draw, kind: str) -> Case:
    """A power-average pool."""
    n = axes_of(kind)
    norm = draw.one(1, 2, 2.0, 3.5, float("inf"), -float("inf"), 0, -1)
    return draw.case(kind, {"norm_type": norm} | _window(draw, n, pads=False), draw.image(n, draw.whole(1, 3)))


def adaptive_pool(draw: Draw, kind: str) -> Case:
    """An adaptive pool; None keeps an axis."""
    n = axes_of(kind)
    size = draw.per_axis(n, lambda: draw.one(1, 2, 3, 5, 7, 12, 0, None if n > 1 else 4))
    args = {"output_size": size}
    if "Max" in kind:
        args = draw.maybe(args, 0.4, return_indices=draw.flag)
    return draw.case(kind, args, draw.image(n, draw.whole(1, 3)))


def fractional_pool(draw: Draw, kind: str) -> Case:
    """A fractional max pool, by size or by ratio."""
    n = axes_of(kind)
    args: dict[str, Any] = {"kernel_size": draw.per_axis(n, lambda: draw.one(1, 2, 2, 3))}
    by_size = draw.chance(0.5)
    if by_size or draw.chance(0.05):
        args["output_size"] = draw.per_axis(n, lambda: draw.one(1, 1, 2, 2, 3, 4, 5, 0))
    if not by_size and draw.chance(0.97):
        args["output_ratio"] = draw.per_axis(n, lambda: draw.one(0.1, 0.25, 0.3, 0.5, 0.7, 0.77, 0.9))
    args = draw.maybe(args, 0.3, return_indices=draw.flag)
    return draw.case(kind, args, draw.image(n, draw.whole(1, 3)))


def unpool(draw: Draw, kind: str) -> Case:
    """A max unpool; input and indices of one shape."""
    n = axes_of(kind)
    kernel, stride = draw.whole(1, 4), draw.one(None, 1, 2, 3)
    args: dict[str, Any] = draw.maybe(
        {"kernel_size": kernel, "stride": stride}, 0.3,
        kernel_size=lambda: draw.per_axis(n, lambda: draw.whole(1, 4)),
        stride=lambda: draw.per_axis(n, lambda: draw.whole(1, 3)),
        padding=lambda: draw.per_axis(n, lambda: draw.one(0, 1, 1, 2)),
    )  # fmt: skip
    shape = draw.image(n, draw.whole(1, 3), most=5)
    if draw.chance(0.4):
        step = stride or kernel
        off = (0, 0, 0, 1, -1, step - 1, step, -step)
        size = tuple((each - 1) * step + kernel + draw.one(*off) for each in shape[-n:])
        args["output_size"] = draw.one(size, size, list(size), (1, 1, *size), (1, *size), None)
    return draw.case(kind, args, shape, shape, inputs=False)


def pad(draw: Draw, kind: str) -> Case:
    """A pad of any sort; negative numbers crop."""
    n = axes_of(kind)

    amounts = (0, 1, 1, 2, -1) if draw.chance(0.6) else (0, 1, 2, 3, 5, 7, -1, -2, -4)

    def amount() -> int:
        return draw.one(*amounts)

    sides = tuple(amount() for _ in range(2 * n))
    padding = draw.one(amount(), amount(), sides, sides, sides, sides, list(sides), sides[:2], sides * 2)
    args: dict[str, Any] = {"padding": padding}
    if kind.startswith("ConstantPad"):
        args["value"] = draw.one(0, 1, 0.5, -1.0)
    return draw.case(kind, args, draw.image(n, draw.whole(1, 4)))


def _blocks(draw: Draw) -> dict[str, Any]:
    return draw.maybe(
        {"kernel_size": draw.per_axis(2, lambda: draw.whole(1, 4))}, 0.4,
        dilation=lambda: draw.per_axis(2, lambda: draw.one(1, 2)),
        padding=lambda: draw.per_axis(2, lambda: draw.whole(0, 2)),
        stride=lambda: draw.per_axis(2, lambda: draw.whole(1, 3)),
    )  # fmt: skip


def unfold(draw: Draw, kind: str) -> Case:
    """Sliding blocks out of an image."""
    return draw.case(kind, _blocks(draw), draw.image(2, draw.whole(1, 3), most=8), huge=TOO_HUGE)


def fold(draw: Draw, kind: str) -> Case:
    """Sliding blocks back into an image; the number of blocks mostly fits."""
    size = (draw.whole(2, 8), draw.whole(2, 8))
    args = _blocks(draw) | {"output_size": draw.one(size, size, list(size), size[0])}
    pairs = (size[0], size[0]) if isinstance(args["output_size"], int) else size
    kernel, dilation, padding, stride = (
        _pair(args.get(name, default))
        for name, default in (("kernel_size", 1), ("dilation", 1), ("padding", 0), ("stride", 1))
    )
    columns = 1
    for axis in range(2):
        span = dilation[axis] * (kernel[axis] - 1) + 1
        columns *= (pairs[axis] + 2 * padding[axis] - span) // stride[axis] + 1
    shape = (draw.whole(1, 2), kernel[0] * kernel[1] * draw.whole(1, 2), max(0, columns))
    return draw.case(kind, args, shape[1:] if draw.chance(0.15) else shape, huge=TOO_HUGE)


def _pair(value: Any) -> tuple[int, int]:
    return (value, value) if isinstance(value, int) else (value[0], value[-1])
