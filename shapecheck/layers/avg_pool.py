"""Average pooling: `AvgPool1d`, `AvgPool2d`, `AvgPool3d`, in torch's words; the windows are those of `pool.py`.

Source: torch/nn/modules/pooling.py; aten/src/ATen/native/AveragePool2d.cpp, AveragePool3d.cpp.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

from shapecheck.formulas import WINDOW_INSIDE
from shapecheck.layers.base import LIMIT, Window
from shapecheck.layers.pool import Pool
from shapecheck.layers.refusal import refusal
from shapecheck.sizes import Shape


@dataclass(frozen=True, slots=True, kw_only=True)
class _AvgPool(Pool):
    """Field names and meanings are those of `torch.nn.AvgPool*d`."""

    formula: ClassVar[str] = "floor((n + 2 padding - kernel_size)/stride) + 1 on each axis"

    kernel_size: Any
    stride: Any = None
    padding: Any = 0
    ceil_mode: bool = False
    count_include_pad: bool = True
    windows: tuple[Window, ...] | None = field(init=False, repr=False, compare=False)

    def read(self, inputs: tuple[Shape, ...]) -> tuple[Window, ...]:
        """The window on each axis."""
        self.check_flag(inputs, "ceil_mode")
        self.check_flag(inputs, "count_include_pad")
        return self.standing(inputs, self.padding, 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class _AvgPoolND(_AvgPool):
    """The two that divide by a number of the user's choice."""

    divisor_override: int | None = None

    def read(self, inputs: tuple[Shape, ...]) -> tuple[Window, ...]:
        """The window on each axis."""
        divisor = self.divisor_override
        if divisor is not None and (type(divisor) is not int or divisor == 0 or not -LIMIT <= divisor < LIMIT):
            text = f"divisor_override is {divisor!r}, it must be a whole number other than 0, or left out"
            raise refusal(self, inputs, "SP309", text, "divisor_override", mends=[{"divisor_override": None}])
        return _AvgPool.read(self, inputs)


class AvgPool1d(_AvgPool):
    """torch.nn.AvgPool1d: (N, C, L)."""

    __slots__ = ()
    axes = 1
    lists = True


class AvgPool2d(_AvgPoolND):
    """torch.nn.AvgPool2d: (N, C, H, W)."""

    __slots__ = ()
    axes = 2


class AvgPool3d(_AvgPoolND):
    """torch.nn.AvgPool3d: (N, C, D, H, W); its window must fit in the bare input."""

    __slots__ = ()
    axes = 3
    inside = WINDOW_INSIDE
