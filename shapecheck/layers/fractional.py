"""Fractional max pooling: `FractionalMaxPool2d`, `FractionalMaxPool3d`, in torch's words.

The output size is given, or is int(n * ratio) in double precision (`formulas.scaled_size`); windows of kernel_size
cells are placed at random, so that each cell's field is left to chance.
Source: torch/nn/modules/pooling.py; torch/nn/functional.py (`fractional_max_pool2d_with_indices`);
aten/src/ATen/native/FractionalMaxPool2d.cpp, FractionalMaxPool3d.cpp.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from shapecheck.diagnostics import construct_error, forward_error, only_words
from shapecheck.formulas import FRACTIONAL_FITS, FRACTIONAL_FITS_3D, Condition, scaled_size
from shapecheck.layers.base import LIMIT, Layer, Seen, ntuple
from shapecheck.layers.refusal import refusal, value_text
from shapecheck.layers.windows import check_image, empty_input, read_ints, short
from shapecheck.sizes import Shape, Size


@dataclass(frozen=True, slots=True, kw_only=True)
class _Fractional(Layer):
    """Field names and meanings are those of `torch.nn.FractionalMaxPool*d`; input (N, C, *spatial) or (C, *spatial)."""

    axes: ClassVar[int]
    fits: ClassVar[Condition]
    formula: ClassVar[str] = "output_size, or int(n output_ratio), on each axis"

    kernel_size: Any
    output_size: Any = None
    output_ratio: Any = None
    return_indices: bool = False

    def __post_init__(self) -> None:
        if (self.output_size is None) == (self.output_ratio is None):
            which = "neither is" if self.output_size is None else "both are"
            text = f"one of output_size and output_ratio must be given, {which}"
            hint = "output_ratio: 0.5" if self.output_size is None else "output_ratio: null"
            raise construct_error("SP205", text, argument="output_ratio", hint=hint)
        if self.output_ratio is not None:
            self._check_ratio(ntuple(self.output_ratio, self.axes))

    def _check_ratio(self, ratios: tuple[Any, ...]) -> None:
        fine = len(ratios) >= self.axes
        for ratio in ratios[: self.axes]:
            fine = fine and isinstance(ratio, (int, float)) and 0 < ratio < 1
        if not fine:
            text = f"output_ratio is {value_text(self.output_ratio)}, it must lie between 0 and 1 on {self.axes} axes"
            raise construct_error("SP202", text, argument="output_ratio", hint="output_ratio: 0.5")

    def shape(self, x: Shape) -> Any:
        """(N, C, *output_size); twice where the indices are asked for."""
        axes = self.axes
        check_image(self, x, axes)
        if 0 in x[-axes:] or (len(x) == axes + 2 and x[1] == 0):
            raise empty_input(self, x, "only the batch may be empty")
        least = 1 if axes == 3 else -LIMIT
        kernel = self._ints(x, "kernel_size", self.kernel_size, least)
        sizes = self._ints(x, "output_size", self._output_size(x), 0)
        for n, k, o in zip(x[-axes:], kernel, sizes, strict=True):
            if not self.fits.holds(n, k, o):
                self._refuse(x, kernel, n, k, o)
        out = (*x[:-axes], *sizes)
        return (out, out) if self.return_indices else out

    def _ints(self, x: Shape, name: str, value: Any, least: int) -> tuple[int, ...]:
        entries = ntuple(value, self.axes)
        if len(entries) != self.axes:
            text = f"{name} has {len(entries)} entries, it must be a whole number or a list of {self.axes}"
            raise refusal(self, (x,), "SP309", text, name, mends=[{name: short((entries * self.axes)[: self.axes])}])
        return read_ints(self, (x,), name, entries, self.axes, least=least)

    def _output_size(self, x: Shape) -> Any:
        """The size as given, or as the ratio makes it."""
        if self.output_size is not None:
            return self.output_size
        axes, ratios = self.axes, ntuple(self.output_ratio, self.axes)
        if len(ratios) > 2 and axes == 2:
            text = f"output_ratio has {len(ratios)} entries, it must be a number or a list of 2"
            raise refusal(self, (x,), "SP309", text, "output_ratio", mends=[{"output_ratio": ratios[:2]}])
        for n in x[-axes:]:
            if isinstance(n, Size):
                text = f"output_ratio needs a number to multiply, the size {n} is open"
                raise forward_error("SP314", text, argument="output_ratio", hint=f"--size {min(n.names())}=32", open=n)
        sizes: tuple[Any, ...] = x[-axes:]
        return tuple(scaled_size(n, ratio) for n, ratio in zip(sizes, ratios, strict=False))

    @only_words
    def _refuse(self, x: Shape, kernel: tuple[int, ...], n: Any, k: int, o: int) -> None:
        slack = self.axes - 2  # in 3-D the condition wants one cell more
        mends: list[dict[str, Any]] = []
        if isinstance(n, int):
            most = tuple(max(m - k + 1 - slack, 0) for m, k in zip(x[-self.axes :], kernel, strict=True))
            mends = (
                [{"output_size": most, "output_ratio": None}] if self.output_size is None else [{"output_size": most}]
            )
        text = f"{o} windows of {k} cells do not fit on {n}: {self.fits.text}"
        raise refusal(self, (x,), "SP301", text, "output_size", mends=mends, n=n, k=k, o=o)

    def field(self, seen: Seen, inputs: tuple[Shape], output: Any) -> Seen:
        """Left to chance: no fixed window."""
        return None


class FractionalMaxPool2d(_Fractional):
    """torch.nn.FractionalMaxPool2d: (N, C, H, W)."""

    __slots__ = ()
    axes = 2
    fits = FRACTIONAL_FITS


class FractionalMaxPool3d(_Fractional):
    """torch.nn.FractionalMaxPool3d: (N, C, D, H, W)."""

    __slots__ = ()
    axes = 3
    fits = FRACTIONAL_FITS_3D

    def __post_init__(self) -> None:
        kernel = self.kernel_size
        alone = (kernel,) if isinstance(kernel, int) else ()  # torch compares an int, or all that a list holds
        entries = kernel if isinstance(kernel, (tuple, list)) else alone
        if not all(isinstance(k, (int, float)) and k > 0 for k in entries):
            text = f"kernel_size is {value_text(kernel)}, it must be 1 or more"
            raise construct_error("SP202", text, argument="kernel_size", hint="kernel_size: 1")
        _Fractional.__post_init__(self)
