"""One step of a recurrent layer: `RNNCell`, `LSTMCell`, `GRUCell`.

Source: torch/nn/modules/rnn.py; aten/src/ATen/native/RNN.cpp (`check_rnn_cell_forward_input`, `.._hidden`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from shapecheck.diagnostics import forward_error
from shapecheck.layers.base import Layer, Seen, check_equal, check_rank, is_shape, product, shape_text
from shapecheck.layers.merge import broadcast
from shapecheck.layers.recurrent import check_sizes, same_shape
from shapecheck.sizes import Dim, Shape


@dataclass(frozen=True, slots=True, kw_only=True)
class _Cell(Layer):
    inferred: ClassVar[tuple[str, ...]] = ("input_size",)
    inputs: ClassVar[tuple[int, int | None]] = (1, 2)
    optional: ClassVar[frozenset[int]] = frozenset((1,))
    aliases: ClassVar[dict[str, str]] = {"units": "hidden_size", "hidden": "hidden_size"}
    formula: ClassVar[str] = "(N, input_size) -> (N, hidden_size)"
    gates: ClassVar[int]

    input_size: int | None = None
    hidden_size: int
    bias: bool = True

    def __post_init__(self) -> None:
        check_sizes(self.gates, self.input_size, self.hidden_size)

    def shape(self, x: Shape, hidden: Any = None) -> Any:
        """The new state, of (h, c) for an LSTM."""
        if len(x) != 2:
            check_rank(self, x, (1, 2), "(N, features) or (features,)")
        if x[-1] != self.input_size:
            check_equal(
                "SP303", "input_size", self.input_size, x[-1],
                f"input_size is {self.input_size}, the input has {x[-1]} features", nominal=self._state(x),
            )  # fmt: skip
        state = self._state(x)
        if hidden is None:
            return state
        output = self._step(state, hidden)
        if output is None:
            raise forward_error(
                "SP319", f"the hidden state is {shape_text(hidden)}, it must be {shape_text(state)}",
                hidden=hidden, expected=state,
            )  # fmt: skip
        return output

    def _state(self, x: Shape) -> Any:
        return (*x[:-1], int(self.hidden_size))

    def _step(self, state: Any, hidden: Any) -> Any:
        """The output for that hidden state; None where it does not fit."""
        return state if same_shape(hidden, state) else None

    def infer_arguments(self, x: Shape, hidden: Any = None) -> dict[str, Any]:
        """input_size, from the input."""
        check_rank(self, x, (1, 2), "(N, features) or (features,)")
        return {"input_size": x[-1]}

    def weights(self) -> int:
        """The entries of both weight matrices: what one step multiplies."""
        return self.gates * self.hidden_size * (self.input_size + self.hidden_size)  # type: ignore[operator]

    def params(self) -> int:
        """The weights, and two bias vectors."""
        return self.weights() + 2 * self.gates * self.hidden_size if self.bias else self.weights()

    def macs(self, inputs: tuple[Any, ...], output: Any) -> Dim:
        """Each sequence reads all weights once."""
        return product(inputs[0][:-1], self.weights())

    def field(self, seen: Seen, inputs: tuple[Any, ...], output: Any) -> Seen:
        """Global: all features are read."""
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class RNNCell(_Cell):
    """torch.nn.RNNCell: (N, input_size), (N, hidden_size) -> (N, hidden_size)."""

    gates: ClassVar[int] = 1

    nonlinearity: str = "tanh"

    def shape(self, x: Shape, hidden: Any = None) -> Any:
        """The new state."""
        state = _Cell.shape(self, x, hidden)
        if self.nonlinearity not in ("tanh", "relu"):
            raise forward_error(
                "SP309", f"nonlinearity is {self.nonlinearity!r}: it must be tanh or relu", argument="nonlinearity",
                hint="nonlinearity: tanh", nominal=state,
            )  # fmt: skip
        return state

    def _step(self, state: Any, hidden: Any) -> Any:
        """For an unbatched input torch lets the state be square, and gives as many new ones."""
        return hidden if len(state) == 1 and hidden == state * 2 else _Cell._step(self, state, hidden)


class GRUCell(_Cell):
    """torch.nn.GRUCell: (N, input_size), (N, hidden_size) -> (N, hidden_size)."""

    __slots__ = ()
    gates: ClassVar[int] = 3


class LSTMCell(_Cell):
    """torch.nn.LSTMCell: (N, input_size), (h, c) -> (h, c), both (N, hidden_size)."""

    __slots__ = ()
    gates: ClassVar[int] = 4
    takes_several: ClassVar[bool] = True
    formula: ClassVar[str] = "(N, input_size) -> (N, hidden_size), (N, hidden_size)"

    def _state(self, x: Shape) -> Any:
        state = (*x[:-1], int(self.hidden_size))
        return state, state

    def _step(self, state: Any, hidden: Any) -> Any:
        """For an unbatched input torch looks at the first two of any sequence of states, and lets c be square."""
        if len(state[0]) == 1 and hidden:
            hidden = (hidden[1:],) * 2 if is_shape(hidden) and hidden[0] > 1 else hidden[:2]
            if not is_shape(hidden) and len(hidden) == 2 and hidden[0] == state[0] and _may_follow(hidden[1], state[0]):
                return (broadcast(state[0], hidden[1]),) * 2
        return _Cell._step(self, state, hidden)


def _may_follow(c: Any, h: Shape) -> bool:
    return is_shape(c) and len(c) == 2 and c[0] == h[0] and (c[1] == h[0] or 1 in (c[1], h[0]))
