"""How a case is drawn: a plausible configuration first, then, about half the time, some trouble.

A family of layers (`draw_windows.py` and its neighbours) draws arguments and shapes that mostly fit together, but from
ranges wide enough that windows outgrow inputs and groups fail to divide; `Draw.case` then may replace an argument by
something odd (a bool, a float, a string, a tuple of the wrong length, a negative or huge number ...), leave one out, or
bend an input's shape.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

ENDLESS = frozenset({"num_layers", "num_encoder_layers", "num_decoder_layers", "chunks", "split_size_or_sections"})
"""Arguments that torch loops over: a huge one would not come back."""


@dataclass(frozen=True)
class Case:
    """One question to both sides: a layer type, its arguments (forward's too), the input shapes, the mode."""

    type: str
    args: dict[str, Any]
    shapes: tuple[Any, ...]
    training: bool = True

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Case:
        """The case that `to_json` wrote."""
        args = {name: decode(value) for name, value in data["args"].items()}
        return cls(data["type"], args, tuple(map(decode, data["shapes"])), data["training"])

    def to_json(self) -> dict[str, Any]:
        """The case as the workers read it."""
        return {
            "type": self.type,
            "args": {name: encode(value) for name, value in self.args.items()},
            "shapes": [encode(shape) for shape in self.shapes],
            "training": self.training,
        }


def encode(value: Any) -> Any:
    """The JSON of a value: a tuple is a list, a list is `{"list": [...]}`.

    >>> encode((1, [2, 3]))
    [1, {'list': [2, 3]}]
    """
    if isinstance(value, tuple):
        return [encode(item) for item in value]
    if isinstance(value, list):
        return {"list": [encode(item) for item in value]}
    return value


def decode(value: Any) -> Any:
    """The value a JSON stands for: lists are tuples, `{"list": [...]}` is a list.

    >>> decode({"list": [1, [2, 3]]})
    [1, (2, 3)]
    """
    if isinstance(value, dict):
        return [decode(item) for item in value["list"]]
    if isinstance(value, list):
        return tuple(decode(item) for item in value)
    return value


class Draw:
    """Draws from one seeded stream."""

    def __init__(self, seed: str) -> None:
        """A stream of its own for each seed."""
        self.rng = Random(seed)

    def chance(self, probability: float) -> bool:
        """True with this probability."""
        return self.rng.random() < probability

    def one(self, *options: Any) -> Any:
        """One of the options."""
        return self.rng.choice(options)

    def whole(self, least: int, most: int) -> int:
        """A whole number between the two, both included."""
        return self.rng.randint(least, most)

    def maybe(self, args: dict[str, Any], probability: float = 0.3, **draws: Callable[[], Any]) -> dict[str, Any]:
        """The arguments, each optional one added with this probability."""
        return args | {name: draw() for name, draw in draws.items() if self.chance(probability)}

    def flag(self) -> bool:
        """True or False."""
        return self.chance(0.5)

    def per_axis(self, axes: int, draw: Callable[[], Any]) -> Any:
        """A number for all axes, or one for each as tuple or list, rarely a tuple of one."""
        kind = self.rng.random()
        if kind < 0.5:
            return draw()
        values = tuple(draw() for _ in range(axes))
        if kind < 0.9:
            return values
        return list(values) if kind < 0.95 else values[:1]

    def number(self) -> Any:
        """A number of the kind that eps, slopes and factors are."""
        return self.one(0, 1, 0.5, 1e-5, 0.1, 2.0, -1, -0.5, 3)

    def image(self, axes: int, channels: int, most: int = 10) -> tuple[int, ...]:
        """An input with batch, channels and axes; at times without a batch, or with a zero in it."""
        most = most if axes < 3 else min(most, 7)
        least = 1 if self.chance(0.5) else most // 2 + 1
        spatial = tuple(self.whole(least, most) for _ in range(axes))
        shape = (self.whole(1, 3), channels, *spatial)
        if self.chance(0.15):
            shape = shape[1:]
        return self.with_zero(shape) if self.chance(0.05) else shape

    def shape(self, least: int = 0, most: int = 4, sizes: Sequence[int] = (1, 2, 3, 4, 6)) -> tuple[int, ...]:
        """A shape of some rank between the two."""
        return tuple(self.one(*sizes) for _ in range(self.whole(least, most)))

    def with_zero(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """The shape with one size set to zero, the first one most often."""
        if not shape:
            return shape
        axis = 0 if self.chance(0.5) else self.whole(0, len(shape) - 1)
        return (*shape[:axis], 0, *shape[axis + 1 :])

    def case(
        self, kind: str, args: dict[str, Any], *shapes: Any, trouble: float = 0.45, inputs: bool = True,
        alien: bool = True, trains: bool = False, huge: tuple[int, ...] = (2**31, 2**63),
    ) -> Case:  # fmt: skip
        """The case, with some trouble at times.

        `inputs`: inputs may be left out or doubled; `alien`: arguments may be left out or be unknown;
        `trains`: the layer behaves otherwise in evaluation, so that half of the cases are drawn there;
        `huge`: the huge values that its arguments may get.
        """
        args = dict(args)
        while self.chance(trouble):
            trouble /= 2
            kind_of = self.rng.random()
            if args and kind_of < 0.52:
                name = self.one(*args)
                args[name] = self.odd(args[name], () if name in ENDLESS else huge)
            elif kind_of < 0.93:
                shapes = self.bend_one(shapes)
            elif alien and args and kind_of < 0.96:
                args.pop(self.one(*args))
            elif alien and kind_of < 0.97:
                args["colour"] = 1
            elif inputs and shapes:
                shapes = shapes[:-1] if self.chance(0.5) else (*shapes, shapes[-1])
        return Case(kind, args, shapes, training=not (trains and self.chance(0.5)))

    def bend_one(self, shapes: tuple[Any, ...]) -> tuple[Any, ...]:
        """The shapes with one of them bent."""
        if not shapes:
            return shapes
        index = self.whole(0, len(shapes) - 1)
        shape = shapes[index]
        if shape is None:
            return shapes
        nested = bool(shape) and isinstance(shape[0], tuple)
        return (*shapes[:index], self.bend_one(shape) if nested else self.bend(shape), *shapes[index + 1 :])

    def bend(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """The shape with a size or an axis too many, too few, or zero."""
        axis = self.whole(0, max(0, len(shape) - 1))
        size = shape[axis] if shape else 1
        changed = (
            self.with_zero(shape), self.with_zero(shape), shape[1:], shape[:-1], (1, *shape), (*shape, 2), (),
            (*shape[:axis], size + 1, *shape[axis + 1 :]), (*shape[:axis], max(0, size - 1), *shape[axis + 1 :]),
            (*shape[:axis], 1, *shape[axis + 1 :]), (*shape[:axis], 2 * size, *shape[axis + 1 :]),
        )  # fmt: skip
        return self.one(*changed)

    def odd(self, value: Any, huge: tuple[int, ...] = ()) -> Any:
        """Something that the argument probably should not be."""
        if isinstance(value, tuple | list):
            return self._odd_tuple(value, huge)
        if isinstance(value, bool):
            return self.one(not value, not value, 1, 0, None, "x", "", 2.5, ())
        if isinstance(value, int):
            return self._odd_int(value, huge)
        if isinstance(value, float):
            wild = (float("inf"), float("nan"))
            return self.one(0, 1, -value, value + 1, None, "x", str(value), True, (value,), *wild)
        if isinstance(value, str):
            return self.one("", "x", None, 0, 1, True, value.upper(), (value,))
        return self.one(0, 1, 2, -1, True, "x", (), (1,), 1.5)

    def _odd_int(self, value: int, huge: tuple[int, ...]) -> Any:
        mild = (0, 0, 0, -1, -1, value + 1, value - 1, 2 * value, -value)
        kinds = (True, False, float(value), value + 0.5, str(value), None)
        tuples = ((value,), (value, value), (value, value, value), [value, value], (), (value, True), (True, value))
        return self.one(*mild, *kinds, *tuples, *huge)

    def _odd_tuple(self, value: Sequence[Any], huge: tuple[int, ...]) -> Any:
        values = tuple(value)
        if not values:
            return self.one((0,), (1,), None, 1, (-1,))
        axis = self.whole(0, len(values) - 1)
        one_odd = (*values[:axis], self.odd(values[axis], huge), *values[axis + 1 :])
        return self.one(one_odd, one_odd, one_odd, values[:-1], (*values, 1), list(values), values[0], (), values[1:])
