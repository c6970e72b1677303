"""Power-average pooling: `LPPool1d`, `LPPool2d`, `LPPool3d`, in torch's words; the windows are those of `pool.py`.

An average pool of powers, or for inf a max pool. Source: torch/nn/modules/pooling.py; functional.py (`lp_pool2d`).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from math import inf
from typing import Any, ClassVar

from shapecheck.formulas import WINDOW_INSIDE
from shapecheck.layers.base import LIMIT, Window
from shapecheck.layers.pool import INT32, Pool
from shapecheck.layers.refusal import refusal, value_text
from shapecheck.sizes import Shape


@dataclass(frozen=True, slots=True, kw_only=True)
class _LPPool(Pool):
    """Field names and meanings are those of `torch.nn.LPPool*d`: an average pool of powers, or a max pool for inf."""

    formula: ClassVar[str] = "floor((n - kernel_size)/stride) + 1 on each axis"

    norm_type: float
    kernel_size: Any
    stride: Any = None
    ceil_mode: bool = False
    windows: tuple[Window, ...] | None = field(init=False, repr=False, compare=False)

    def read(self, inputs: tuple[Shape, ...]) -> tuple[Window, ...]:
        """The window on each axis."""
        self._check_norm(inputs)
        self._check_kernel(inputs)
        self.check_flag(inputs, "ceil_mode")
        return self.standing(inputs, 0, 1)

    def _check_kernel(self, inputs: tuple[Shape, ...]) -> None:
        """Refuse a list of another length, which torch unpacks in Python, and in 1-D any: it multiplies by it."""
        kernel, axes = self.kernel_size, self.axes
        listed = isinstance(kernel, (tuple, list))
        if listed and (len(kernel) != axes if axes > 1 else not self._is_max()):
            wanted = "a whole number" if axes == 1 else f"a whole number or a list of {axes}"
            text = f"kernel_size is {value_text(kernel)}, it must be {wanted}"
            mends = [{"kernel_size": kernel[0]}] if kernel else []
            raise refusal(self, inputs, "SP309", text, "kernel_size", mends=mends)

    def _is_max(self) -> bool:
        return abs(float(self.norm_type)) == inf

    def most(self) -> int:
        """The largest number torch takes as an argument: as a max pool it counts in 64 bits on one axis."""
        return LIMIT - 1 if self.axes == 1 and self._is_max() else INT32 - 1

    def must_fit_inside(self) -> bool:
        """Whether the window may not be longer than the bare input."""
        return self.inside is not None and not self._is_max()

    def _check_norm(self, inputs: tuple[Shape, ...]) -> None:
        norm = self.norm_type
        try:
            fine = isinstance(norm, (int, float, str)) and float(norm) != 0
        except (ValueError, OverflowError):
            fine = False
        if not fine:
            text = f"norm_type is {norm!r}, it must be a number other than 0"
            raise refusal(self, inputs, "SP309", text, "norm_type", mends=[{"norm_type": 2}])


class LPPool1d(_LPPool):
    """torch.nn.LPPool1d: (N, C, L)."""

    __slots__ = ()
    axes = 1


class LPPool2d(_LPPool):
    """torch.nn.LPPool2d: (N, C, H, W)."""

    __slots__ = ()
    axes = 2


class LPPool3d(_LPPool):
    """torch.nn.LPPool3d: (N, C, D, H, W); its window must fit in the bare input."""

    __slots__ = ()
    axes = 3
    inside = WINDOW_INSIDE
