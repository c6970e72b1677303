"""Draws for the layers that map features: linear, embeddings, norms, pointwise functions, resampling, shuffles."""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import Any

from tests.parity.draw import Case, Draw
from tests.parity.draw_windows import axes_of


def linear(draw: Draw, kind: str) -> Case:
    """A linear layer, lazy or not."""
    features = draw.one(1, 2, 3, 5, 8)
    args: dict[str, Any] = {} if kind.startswith("Lazy") else {"in_features": features}
    args = draw.maybe(args | {"out_features": draw.one(1, 2, 3, 7, 0)}, bias=draw.flag)
    return draw.case(kind, args, (*draw.shape(0, 3), features + draw.one(0, 0, 0, 0, 1)))


def identity(draw: Draw, kind: str) -> Case:
    """The identity, which takes any arguments."""
    return draw.case(kind, draw.maybe({}, 0.2, anything=lambda: draw.one(1, "x", (2, 3))), draw.shape())


def flatten(draw: Draw, kind: str) -> Case:
    """Flatten between two dimensions."""
    dims = {"start_dim": lambda: draw.whole(-4, 4), "end_dim": lambda: draw.whole(-4, 4)}
    return draw.case(kind, draw.maybe({}, 0.4, **dims), draw.shape(0, 5))


def unflatten(draw: Draw, kind: str) -> Case:
    """Unflatten a dimension into factors, which mostly fit."""
    factors = [draw.whole(1, 4) for _ in range(draw.whole(1, 3))]
    shape = list(draw.shape(0, 3))
    dim = draw.whole(0, len(shape))
    shape.insert(dim, prod(factors))
    if draw.chance(0.4):
        factors[draw.whole(0, len(factors) - 1)] = draw.one(-1, -1, 5, 0)
    sizes = tuple(factors) if draw.chance(0.8) else list(factors)
    args = {"dim": dim if draw.chance(0.6) else dim - len(shape), "unflattened_size": sizes}
    return draw.case(kind, args, tuple(shape))


def embedding(draw: Draw, kind: str) -> Case:
    """A table of vectors, looked up by indices."""
    number = draw.one(1, 3, 10)
    args = draw.maybe(
        {"num_embeddings": number, "embedding_dim": draw.one(1, 3, 0)}, 0.2,
        padding_idx=lambda: draw.one(0, number - 1, -1, -number, number, -number - 1), max_norm=draw.number,
        norm_type=draw.number, scale_grad_by_freq=draw.flag, sparse=draw.flag,
    )  # fmt: skip
    return draw.case(kind, args, draw.shape(0, 3))


def embedding_bag(draw: Draw, kind: str) -> Case:
    """Sums of looked-up vectors: rows of a matrix of indices, or a list of indices with offsets.

    Indices without a bag to put them in are not drawn: torch then reads past the end of an array, and what it damages
    shows in later cases.
    """
    case = _embedding_bag(draw, kind)
    while _is_bagless(case):
        case = _embedding_bag(draw, kind)
    return case


def _is_bagless(case: Case) -> bool:
    if len(case.shapes) < 2 or case.shapes[1] is None or len(case.shapes[1]) != 1 or 0 in case.shapes[0]:
        return False
    return case.shapes[1][0] == (1 if case.args.get("include_last_offset") else 0)


def _embedding_bag(draw: Draw, kind: str) -> Case:
    number = draw.one(1, 3, 10)
    args = draw.maybe(
        {"num_embeddings": number, "embedding_dim": draw.one(1, 3)}, 0.25,
        mode=lambda: draw.one("sum", "mean", "max"), include_last_offset=draw.flag, max_norm=draw.number,
        norm_type=draw.number, padding_idx=lambda: draw.one(0, -1, number), scale_grad_by_freq=draw.flag,
        sparse=draw.flag,
    )  # fmt: skip
    if draw.chance(0.5):
        shapes: tuple[Any, ...] = ((draw.whole(1, 3), draw.whole(1, 4)),)
        second: Any = None
    else:
        shapes = ((draw.whole(0, 6),),)
        second = (draw.whole(1, 4),)
    if second is not None or draw.chance(0.1):
        shapes = (*shapes, second)
    if draw.chance(0.2):
        shapes = (shapes[0], second, shapes[0])
        args["mode"] = draw.one("sum", "sum", "sum", "mean", "max")
    return draw.case(kind, args, *shapes, inputs=False)


def bilinear(draw: Draw, kind: str) -> Case:
    """A bilinear form of two inputs."""
    left, right = draw.whole(1, 4), draw.whole(1, 4)
    args = {"in1_features": left, "in2_features": right, "out_features": draw.one(1, 3, 0)}
    lead = draw.shape(0, 3)
    return draw.case(kind, draw.maybe(args, bias=draw.flag), (*lead, left), (*lead, right))


def two_that_broadcast(draw: Draw, least: int = 0) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Two shapes that mostly broadcast."""
    shape = draw.shape(least, 4, sizes=(1, 2, 3))

    def narrowed() -> tuple[int, ...]:
        sizes = tuple(1 if draw.chance(0.15) else size for size in shape)
        return sizes[draw.whole(0, len(sizes)) :] if draw.chance(0.2) else sizes

    return narrowed(), narrowed()


def distance(draw: Draw, kind: str) -> Case:
    """A distance along one dimension."""
    first, second = two_that_broadcast(draw, least=1)
    if kind == "CosineSimilarity":
        args = draw.maybe({}, 0.5, dim=lambda: draw.whole(-4, 3), eps=draw.number)
    else:
        norms = (1, 2, 2.0, 0, float("inf"), -1)
        args = draw.maybe({}, 0.4, p=lambda: draw.one(*norms), eps=draw.number, keepdim=draw.flag)
    return draw.case(kind, args, first, second)


def batch_norm(draw: Draw, kind: str) -> Case:
    """A batch norm, lazy or not."""
    channels = draw.whole(1, 4)
    args: dict[str, Any] = {} if kind.startswith("Lazy") else {"num_features": channels}
    args = draw.maybe(
        args, 0.3, affine=draw.flag, track_running_stats=draw.flag, eps=lambda: draw.one(1e-5, 0.1, 1, 0, -1e-5),
        momentum=lambda: draw.one(0.1, None, 0, 1), bias=draw.flag,
    )  # fmt: skip
    axes = draw.whole(0, 4) if kind == "SyncBatchNorm" else axes_of(kind) - (kind[-2] == "1" and draw.chance(0.4))
    spatial = tuple(draw.one(1, 1, 2, 3) for _ in range(axes))
    shape = (draw.one(1, 1, 2, 3, 0), channels, *spatial)
    return draw.case(kind, args, shape, trains=True)


def instance_norm(draw: Draw, kind: str) -> Case:
    """An instance norm, lazy or not."""
    channels = draw.whole(1, 4)
    args: dict[str, Any] = {} if kind.startswith("Lazy") else {"num_features": channels}
    args = draw.maybe(
        args, 0.35, affine=draw.flag, track_running_stats=draw.flag, eps=draw.number,
        momentum=lambda: draw.one(0.1, None, 0), bias=draw.flag,
    )  # fmt: skip
    return draw.case(kind, args, draw.image(axes_of(kind), channels, most=3), trains=True)


def group_norm(draw: Draw, kind: str) -> Case:
    """A group norm whose groups mostly divide."""
    groups = draw.one(1, 2, 3)
    channels = groups * draw.whole(1, 3) + draw.one(0, 0, 0, 0, 1)
    args: dict[str, Any] = {"num_groups": groups, "num_channels": channels}
    args = draw.maybe(args, affine=draw.flag, eps=draw.number, bias=draw.flag)
    shape = (draw.one(1, 1, 2, 0), channels, *draw.shape(0, 3, sizes=(1, 1, 2, 3)))
    return draw.case(kind, args, shape, trains=True)


def layer_norm(draw: Draw, kind: str) -> Case:
    """A layer norm or RMS norm over the last dimensions."""
    shape = draw.shape(1, 4)
    normalized = shape[-draw.whole(1, len(shape)) :]
    args: dict[str, Any] = {"normalized_shape": draw.one(normalized, normalized, list(normalized), normalized[-1])}
    args = draw.maybe(args, 0.25, eps=draw.number, elementwise_affine=draw.flag)
    if kind == "LayerNorm":
        args = draw.maybe(args, bias=draw.flag)
    return draw.case(kind, args, shape)


def response_norm(draw: Draw, kind: str) -> Case:
    """A norm across neighbouring channels."""
    numbers: dict[str, Callable[[], Any]] = {"alpha": draw.number, "beta": draw.number, "k": draw.number}
    args = draw.maybe({"size": draw.one(1, 2, 3, 5, 10)}, 0.2, **numbers)
    rank = 4 if kind == "CrossMapLRN2d" else draw.whole(2, 5)
    return draw.case(kind, args, tuple(draw.whole(1, 4) for _ in range(rank)))


NUMBERS: dict[str, tuple[str, ...]] = {
    "CELU": ("alpha",), "ELU": ("alpha",), "LeakyReLU": ("negative_slope",), "Softplus": ("beta", "threshold"),
    "Softshrink": ("lambd",), "Hardshrink": ("lambd",), "Hardtanh": ("min_val", "max_val"), "RReLU": ("lower", "upper"),
    "Threshold": ("threshold", "value"),
}  # fmt: skip
"""The numbers that a pointwise function takes."""

IN_PLACE = frozenset({
    "CELU", "ELU", "Hardsigmoid", "Hardswish", "Hardtanh", "LeakyReLU", "Mish", "RReLU", "ReLU", "ReLU6", "SELU",
    "SiLU", "Threshold",
})  # fmt: skip


def pointwise(draw: Draw, kind: str) -> Case:
    """A pointwise function."""
    numbers = NUMBERS.get(kind, ())
    args = {name: draw.number() for name in numbers if kind == "Threshold" or draw.chance(0.5)}
    if kind == "Hardtanh":  # the names that these had once still work
        args = draw.maybe(args, 0.1, min_value=draw.number, max_value=draw.number)
    if kind in IN_PLACE:
        args = draw.maybe(args, 0.3, inplace=draw.flag)
    if kind == "GELU":
        args = draw.maybe(args, 0.5, approximate=lambda: draw.one("none", "tanh"))
    shape = draw.shape()
    return draw.case(kind, args, draw.with_zero(shape) if draw.chance(0.1) else shape, trains=kind == "RReLU")


def softmax(draw: Draw, kind: str) -> Case:
    """A softmax along a dimension."""
    return draw.case(kind, draw.maybe({}, 0.7, dim=lambda: draw.whole(-4, 3)), draw.shape(0, 4))


def softmax_2d(draw: Draw, kind: str) -> Case:
    """A softmax over channels."""
    return draw.case(kind, {}, draw.image(2, draw.whole(1, 3)))


def glu(draw: Draw, kind: str) -> Case:
    """A gated linear unit halves a dimension."""
    return draw.case(kind, draw.maybe({}, 0.5, dim=lambda: draw.whole(-3, 2)), draw.shape(0, 4, sizes=(2, 4, 6, 6, 3)))


def prelu(draw: Draw, kind: str) -> Case:
    """A leaky function with one slope or one a channel."""
    channels = draw.whole(1, 4)
    args = draw.maybe({}, 0.6, num_parameters=lambda: draw.one(1, channels, channels), init=draw.number)
    return draw.case(kind, args, (*draw.shape(0, 1), channels, *draw.shape(0, 2)))


def dropout(draw: Draw, kind: str) -> Case:
    """A dropout of any sort."""
    probability = (0, 0.5, 1, 0.2, 1.0, -0.1, 1.5)
    args = draw.maybe({}, 0.4, p=lambda: draw.one(*probability), inplace=draw.flag)
    return draw.case(kind, args, draw.shape(1, 4) if kind == "Dropout1d" else draw.shape(0, 6), trains=True)


def upsample(draw: Draw, kind: str) -> Case:
    """Resampling by size or by factor."""
    n = draw.whole(1, 3) if draw.chance(0.9) else draw.one(0, 4)
    if kind != "Upsample" and draw.chance(0.8):
        n = 2
    args: dict[str, Any] = {}
    by_size = draw.chance(0.4)
    if by_size or draw.chance(0.03):
        args["size"] = draw.per_axis(n, lambda: draw.whole(1, 9))
    if not by_size and draw.chance(0.97):
        factor = (2, 2.0, 3, 0.5, 0.7, 1.5, 0.3, 1 / 3, 2.3, 0.1, 1.1)
        scale = draw.per_axis(n, lambda: draw.one(*factor))
        args["scale_factor"] = tuple(scale) if isinstance(scale, list) and draw.chance(0.8) else scale
    if kind == "Upsample":
        fitting = {1: "linear", 2: "bilinear", 3: "trilinear"}.get(n, "nearest")
        modes = ["nearest", "nearest-exact", "area", fitting, fitting, "bicubic" if n == 2 else fitting]
        if draw.chance(0.07):
            modes = ["linear", "bilinear", "bicubic", "trilinear"]
        args = draw.maybe(args, 0.75, mode=lambda: draw.one(*modes))
        linear_kind = args.get("mode", "nearest") in ("linear", "bilinear", "bicubic", "trilinear")
        args = draw.maybe(args, 0.4 if linear_kind else 0.03, align_corners=draw.flag)
        args = draw.maybe(args, 0.05 if by_size else 0.2, recompute_scale_factor=lambda: draw.one(True, False, None))
    spatial = tuple(draw.one(1, 2, 3, 4, 5, 7, 10, 90 if n < 3 else 6) for _ in range(n))
    return draw.case(kind, args, (draw.whole(1, 2), draw.whole(1, 3), *spatial))


def pixel_shuffle(draw: Draw, kind: str) -> Case:
    """Channels into pixels, or back."""
    factor = draw.one(1, 2, 2, 3)
    if kind == "PixelShuffle":
        last = (draw.whole(1, 2) * factor**2 + draw.one(0, 0, 0, 1), draw.whole(1, 4), draw.whole(1, 4))
        name = "upscale_factor"
    else:
        sides = tuple(factor * draw.whole(1, 3) + draw.one(0, 0, 0, 0, 1) for _ in range(2))
        last = (draw.whole(1, 3), *sides)
        name = "downscale_factor"
    return draw.case(kind, {name: factor}, (*draw.shape(0, 2), *last))


def channel_shuffle(draw: Draw, kind: str) -> Case:
    """Channels shuffled between groups."""
    groups = draw.one(1, 2, 3)
    shape = (draw.whole(1, 2), groups * draw.whole(1, 3) + draw.one(0, 0, 0, 0, 1), *draw.shape(1, 3))
    return draw.case(kind, {"groups": groups}, shape)
