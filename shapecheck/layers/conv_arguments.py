"""What torch's convolutions refuse: in the constructor, in forward by the arguments alone, in forward by the input.

The common case never comes here but to be checked once: `conv.py` and `conv_transpose.py` ask when an argument is not a
plain positive int, or when an input does not simply fit.
Main definitions: `construct`, `windows`, `check`, `window_too_long`.
Source: torch/nn/modules/conv.py (`_ConvNd.__init__`), torch/nn/functional.py (`pad`),
aten/src/ATen/native/Convolution.cpp (`check_shape_forward`), PadNd.cpp, ReflectionPad.cpp.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from shapecheck.diagnostics import ShapeError, construct_error, forward_error, only_words
from shapecheck.formulas import PAD_REFLECTS, PAD_WRAPS, dilated, same_padding
from shapecheck.layers.arguments import check_weight, divides, nearest_divisor
from shapecheck.layers.base import LIMIT, Window, closest, ntuple, product, shape_text
from shapecheck.layers.refusal import refusal, value_text
from shapecheck.layers.windows import check_image, empty_input, fitting, read_ints, short, written_error, written_out
from shapecheck.sizes import Dim, Shape, Size, can_equal

PADDING_MODES = ("zeros", "reflect", "replicate", "circular")
PADDING_WORDS = ("same", "valid")

# In the constructor -------------------------------------------------------------------------------------------------


def construct(layer: Any, transposed: bool = False) -> None:
    """Refuse what torch's constructor refuses; of a layer that waits for in_channels, what a Lazy one's refuses."""
    if transposed:
        _check_word("padding_mode", layer.padding_mode, ("zeros",))
    _check_groups(layer)
    if not transposed and isinstance(layer.padding, str):
        _check_padding_word(layer)
    if not transposed:
        _check_word("padding_mode", layer.padding_mode, PADDING_MODES)
    numbers = written_out(layer.kernel_size)
    if numbers:
        raise written_error("SP201", "kernel_size", layer.kernel_size, numbers)
    kernel = kernel_of(layer)
    cells = [("kernel_size", k) for k in kernel]
    inward, outward = ("in_channels", layer.in_channels), ("out_channels", layer.out_channels)
    if layer.in_channels is None:
        check_weight(("in_channels", 0), *cells)
    else:
        check_weight(*((inward, outward) if transposed else (outward, inward)), *cells)
        if layer.bias:
            check_weight(outward)
    _check_weight_size(layer, kernel, transposed)
    if layer.padding == "same" and not transposed:
        for k, d in zip(kernel, ntuple(layer.dilation, layer.axes), strict=False):
            _check_same(k, d)


def _check_weight_size(layer: Any, kernel: tuple[int, ...], transposed: bool) -> None:
    """Refuse a weight whose cells torch cannot count, its empty axes taken for 1 as the strides take them."""
    inner = layer.out_channels if transposed else layer.in_channels
    if layer.in_channels is None or not isinstance(inner, int):
        inner = 0
    if product([max(k, 1) for k in kernel], max(inner // layer.groups, 1)) >= LIMIT:
        raise construct_error(
            "SP310", f"a kernel of {shape_text(kernel)} has 2^63 cells or more", argument="kernel_size"
        )


def _check_groups(layer: Any) -> None:
    groups = layer.groups
    if not isinstance(groups, int):
        raise construct_error(
            "SP201", f"groups is {groups!r}, it must be a whole number", argument="groups", hint="groups: 1"
        )
    if groups <= 0:
        raise construct_error(
            "SP203", f"groups is {groups}, it must be 1 or more", argument="groups", hint="groups: 1", groups=groups
        )
    if layer.in_channels is None:
        return
    for name in ("in_channels", "out_channels"):
        channels = getattr(layer, name)
        if not isinstance(channels, (int, Size)):
            check_weight((name, channels))
        elif not divides(groups, channels):
            sizes = [size for size in (layer.in_channels, layer.out_channels) if isinstance(size, (int, Size))]
            fits = nearest_divisor(groups, *sizes)
            raise construct_error(
                "SP203", f"groups (= {groups}) must divide {name} (= {channels})", argument="groups",
                hint=f"groups: {fits}", groups=groups, **{name: channels},
            )  # fmt: skip


def _check_padding_word(layer: Any) -> None:
    if layer.padding in PADDING_MODES:
        raise construct_error(
            "SP204", f"padding is {layer.padding!r}: that is a padding_mode, padding says how far", argument="padding",
            hint=f"padding_mode: {layer.padding}, padding: {value_text(_number_for_same(layer))}",
        )  # fmt: skip
    numbers = written_out(layer.padding)
    if numbers:
        raise written_error("SP204", "padding", layer.padding, numbers)
    _check_word("padding", layer.padding, PADDING_WORDS)
    stride = ntuple(layer.stride, layer.axes)
    if layer.padding == "same" and any(s != 1 for s in stride):
        raise construct_error(
            "SP204", f"padding 'same' wants stride 1, the stride is {value_text(layer.stride)}", argument="stride",
            hint=f"padding: {value_text(_number_for_same(layer))}", stride=layer.stride,
        )  # fmt: skip


def _number_for_same(layer: Any) -> Any:
    """The padding a side that 'same' comes nearest to: half of what the window spans beyond one cell."""
    kernel, dilation = (_as_written(value, layer.axes) for value in (layer.kernel_size, layer.dilation))
    try:
        return short([max(d * (k - 1) // 2, 0) for k, d in zip(kernel, dilation, strict=True)])
    except (TypeError, ValueError):
        return 1


def _as_written(value: Any, axes: int) -> Any:
    """One value an axis; numbers that are written as text are read."""
    numbers = written_out(value)
    return ntuple(value if numbers is None else short(numbers), axes)


def _check_word(name: str, word: Any, words: tuple[str, ...]) -> None:
    if isinstance(word, str) and word in words:
        return
    best = closest(word, words) if isinstance(word, str) else None
    text = f"{name} is {word!r}, it must be {' or '.join(words)}"
    raise construct_error("SP204", text, argument=name, hint=f"{name}: {best or words[0]}")


def _check_same(k: Any, d: Any) -> None:
    """Refuse a dilation that is no number: torch works d (k - 1) // 2 out in Python, any kind of number will do."""
    if not isinstance(d, (int, float)):
        raise construct_error(
            "SP201", f"dilation is {d!r}, it must be a whole number", argument="dilation", hint="dilation: 1"
        )


# In forward, by the arguments alone -----------------------------------------------------------------------------------


def kernel_of(layer: Any) -> tuple[int, ...]:
    """The cells of the kernel an axis, as torch keeps them."""
    return ntuple(layer.kernel_size, layer.axes)


def weight(layer: Any, inputs: tuple[Shape, ...]) -> tuple[int, ...]:
    """The kernel an axis; a forward error where no input could pass such a weight."""
    axes, kernel = layer.axes, kernel_of(layer)
    if isinstance(layer.groups, bool):
        raise refusal(
            layer,
            inputs,
            "SP309",
            f"groups is {layer.groups}, it must be a whole number",
            "groups",
            mends=[{"groups": 1}],
        )
    if len(kernel) != axes:
        mends = [{"kernel_size": short((kernel * axes)[:axes])}]
        text = f"kernel_size has {len(kernel)} entries, it must be a whole number or a list of {axes}"
        raise refusal(layer, inputs, "SP309", text, "kernel_size", mends=mends, kernel_size=kernel)
    if 0 in kernel and layer.in_channels != 0:
        mends = [{"kernel_size": short([max(cells, 1) for cells in kernel])}]
        text = f"kernel_size is {value_text(kernel)}, it must be 1 or more"
        raise refusal(layer, inputs, "SP309", text, "kernel_size", mends=mends, kernel_size=kernel)
    if layer.out_channels == 0:
        mends = [{"out_channels": int(layer.groups)}]
        raise refusal(layer, inputs, "SP309", "out_channels is 0, it must be 1 or more", "out_channels", mends=mends)
    return tuple(map(int, kernel))


def windows(layer: Any, inputs: tuple[Shape, ...], *, empty: bool = False) -> tuple[Window, ...]:
    """The window on each axis; a forward error where torch refuses the arguments whatever the input is.

    An empty input never meets the kernels that refuse a dilation of 0.
    """
    axes = layer.axes
    kernel = weight(layer, inputs)
    stride = read_ints(layer, inputs, "stride", _entries(layer.stride, axes), axes, least=1)
    dilation = read_ints(layer, inputs, "dilation", _entries(layer.dilation, axes), axes, least=0 if empty else 1)
    spans = [dilated(k, d) for k, d in zip(kernel, dilation, strict=True)]
    paddings = _paddings(layer, inputs, kernel, dilation)
    return tuple((e, p, q, s) for e, (p, q), s in zip(spans, paddings, stride, strict=True))


def _entries(value: Any, axes: int) -> Any:
    """What torch makes of the value, an entry an axis; a text is left whole, to be quoted as it was written."""
    return value if isinstance(value, str) else ntuple(value, axes)


def _paddings(
    layer: Any, inputs: tuple[Shape, ...], kernel: tuple[int, ...], dilation: tuple[int, ...]
) -> list[tuple[int, int]]:
    """(total, before) an axis."""
    axes, padding = layer.axes, layer.padding
    if padding == "valid":
        return [(0, 0)] * axes
    if padding == "same":
        return [(p, p // 2) for p in map(same_padding, kernel, dilation)][: _axes_padded(layer)] + [(0, 0)] * (
            axes - _axes_padded(layer)
        )
    if layer.padding_mode == "zeros":
        return [(2 * q, q) for q in read_ints(layer, inputs, "padding", ntuple(padding, axes), axes, least=0)]
    given = _mode_padding(layer, inputs)
    return [(2 * q, q) for q in (0,) * (axes - len(given)) + given[-axes:]]


def _axes_padded(layer: Any) -> int:
    """On how many axes 'same' pads: with a padding mode torch pairs the axes with the dilations as given."""
    axes: int = layer.axes
    return axes if layer.padding_mode == "zeros" else min(axes, len(ntuple(layer.dilation, axes)))


def _mode_padding(layer: Any, inputs: tuple[Shape, ...]) -> tuple[int, ...]:
    """The padding a last axis, as `F.pad` reads it: as many axes as there are entries, negative ones crop."""
    entries = ntuple(layer.padding, layer.axes)
    count = len(entries)
    whole = all(isinstance(entry, int) and -LIMIT <= entry < LIMIT for entry in entries)
    if not whole or not 1 <= count <= 3 or isinstance(entries[-1], bool):
        text = f"padding is {layer.padding!r}, it must be a whole number or a list of {layer.axes}"
        raise refusal(layer, inputs, "SP309", text, "padding", mends=[{"padding": 0}])
    return tuple(map(int, entries))


# In forward, by the input ---------------------------------------------------------------------------------------------


def check(layer: Any, x: Shape) -> tuple[Window, ...]:
    """The window on each axis, if torch takes the input; for all that is not the common case."""
    axes = layer.axes
    found: tuple[Window, ...] = (
        windows(layer, (x,), empty=is_empty(x, axes)) if layer.windows is None else layer.windows
    )
    check_image(layer, x, axes)
    padded = x if layer.padding_mode == "zeros" else _pad(layer, x, found)
    channels = padded[-axes - 1]
    if channels != layer.in_channels:
        check_channels(layer, x, channels)
    if 0 in x[-axes:] and not is_empty(x, axes) and channels != 0:
        raise empty_input(layer, x, "only the batch may be empty")
    return found


def is_empty(x: Shape, axes: int) -> bool:
    """Whether the batch is empty, or there are no channels."""
    return 0 in x[:-axes]


def check_channels(layer: Any, x: Shape, channels: Dim) -> None:
    """Refuse an input of other channels than in_channels, unless an open size could be it."""
    given = layer.in_channels
    if can_equal(given, channels):
        return
    text = f"in_channels is {given}, the input has {channels} channels"
    if x[-1] == given and channels == x[-layer.axes - 1]:
        first = len(x) - layer.axes - 1  # where the channels belong
        order = [*range(first), len(x) - 1, *range(first, len(x) - 1)]
        raise forward_error(
            "SP303", f"{text}; its last dimension is {given}", argument="in_channels",
            hint=f"channels come {'second' if first else 'first'}: Permute: {order} before it",
            nominal=_taken(layer, tuple(x[dim] for dim in order)), in_channels=given, channels=channels,
        )  # fmt: skip
    nominal = _nominal(layer, x)
    raise refusal(
        layer, (x,), "SP303", text, "in_channels",
        mends=[{"in_channels": channels}, {"in_channels": channels, "groups": 1}], nominal=nominal,
        in_channels=given, channels=channels,
    )  # fmt: skip


@only_words
def _nominal(layer: Any, x: Shape) -> Shape | None:
    """The shape the author means, had the input the right channels."""
    right = (*x[: -layer.axes - 1], layer.in_channels, *x[-layer.axes :])
    if right == x:  # the padding made the channels wrong
        return None
    return _taken(layer, right)


def _taken(layer: Any, x: Shape) -> Shape | None:
    """The output shape for an input; None where the layer does not take it."""
    try:
        shape: Shape = layer.shape(x)
    except ShapeError:
        return None
    return shape


@only_words
def window_too_long(layer: Any, x: Shape, found: tuple[Window, ...]) -> ShapeError:
    """The error for an input that is shorter than the window even with its padding."""
    axes = layer.axes
    axis = next((i for i, (n, (e, p, _, _)) in enumerate(zip(x[-axes:], found, strict=True)) if n + p < e), 0)
    n, (e, p, _, s) = x[axis - axes], found[axis]
    padding = tuple(
        max(q, -((n - e) // 2)) if isinstance(n, int) else q for n, (e, _, q, _) in zip(x[-axes:], found, strict=True)
    )
    dilation = [(e - 1) // (k - 1) if k > 1 else 1 for k, (e, _, _, _) in zip(kernel_of(layer), found, strict=True)]
    padded = [n + p for n, (_, p, _, _) in zip(x[-axes:], found, strict=True)]
    mends = [{"padding": short(padding)}, {"kernel_size": fitting(kernel_of(layer), dilation, padded)}]
    cells = "cell" if n + p == 1 else "cells"
    text = f"the window spans {e} cells, its {'padded ' if p else ''}input has {n + p} {cells}"
    return refusal(layer, (x,), "SP301", text, "kernel_size", mends=mends, n=n, k=e, p=p, s=s)


def _pad(layer: Any, x: Shape, found: tuple[Window, ...]) -> Shape:
    """The input as padding by a mode leaves it in channels; a forward error where the mode cannot pad so far."""
    axes, mode = layer.axes, layer.padding_mode
    if isinstance(layer.padding, str):
        sides = [(q, p - q) for _, p, q, _ in found]
    else:
        sides = [(q, q) for q in _mode_padding(layer, (x,))]
    count = len(sides)
    if len(x) not in (count + 1, count + 2):
        text = f"padding has {count} entries for an input of {len(x)} dimensions: {mode} padding wants {axes}"
        raise refusal(layer, (x,), "SP309", text, "padding", mends=[{"padding": 0}])
    _check_not_empty(layer, x, count)
    for n, (before, after) in zip(x[-count:], sides, strict=True):
        _check_side(layer, x, n, max(before, after))
    if count > axes:
        return (*x[: -axes - 1], x[-axes - 1] + sides[0][0] + sides[0][1], *x[-axes:])
    return x


def _check_not_empty(layer: Any, x: Shape, count: int) -> None:
    first = 1 if len(x) == count + 2 else 0  # the batch may be empty
    if layer.padding_mode != "circular" and 0 in x[first:]:
        raise empty_input(layer, x, f"{layer.padding_mode} padding has nothing to copy")


def _check_side(layer: Any, x: Shape, n: Dim, q: int) -> None:
    condition = {"reflect": PAD_REFLECTS, "circular": PAD_WRAPS}.get(layer.padding_mode)
    if condition is None or condition.holds(n, q):
        return
    most = min(size for size in x[-layer.axes :] if isinstance(size, int)) - (condition is PAD_REFLECTS)
    text = f"{layer.padding_mode} padding of {q} on {n} cells: {condition.text}"
    mends: Iterable[dict[str, Any]] = ({"padding": most}, {"padding_mode": "replicate"}, {"padding_mode": "zeros"})
    raise refusal(layer, (x,), "SP316", text, "padding", mends=mends, n=n, q=q)
