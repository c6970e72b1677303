"""Recurrent layers over a whole sequence: `RNN`, `LSTM`, `GRU`.

Each of num_layers layers reads the sequence below it step by step, in one direction or both, and keeps a state:
output (L, N, D real), state (D layers, N, real), with D directions and real = proj_size or hidden_size.
Source: torch/nn/modules/rnn.py; aten/src/ATen/native/RNN.cpp.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from shapecheck.diagnostics import construct_error, forward_error
from shapecheck.layers.arguments import check_weight
from shapecheck.layers.base import LIMIT, Layer, Seen, check_equal, check_rank, is_shape, product, shape_text
from shapecheck.sizes import Dim, Shape, can_equal


class _Recurrent(Layer):
    """What the three have in common; they differ in gates, the LSTM in its second state and its projection."""

    __slots__ = ()
    inferred: ClassVar[tuple[str, ...]] = ("input_size",)
    inputs: ClassVar[tuple[int, int | None]] = (1, 2)
    optional: ClassVar[frozenset[int]] = frozenset((1,))
    aliases: ClassVar[dict[str, str]] = {"units": "hidden_size", "hidden": "hidden_size", "layers": "num_layers"}
    formula: ClassVar[str] = "(L, N, input_size) -> (L, N, D H), (D num_layers, N, H); D directions, H = hidden_size"
    gates: ClassVar[int]

    input_size: int | None
    hidden_size: int
    num_layers: int
    bias: bool
    batch_first: bool
    dropout: float
    bidirectional: bool

    def __post_init__(self) -> None:
        self._check_dropout()
        for argument in ("bias", "batch_first"):
            value = getattr(self, argument)
            if not isinstance(value, bool):
                raise construct_error(
                    "SP201", f"{argument} is {value!r}: it must be true or false", argument=argument,
                    hint=f"{argument}: {'true' if value else 'false'}",
                )  # fmt: skip
        check_sizes(self.gates, self.input_size, self.hidden_size)
        if not isinstance(self.num_layers, int):
            message = f"num_layers is {self.num_layers!r}: it must be a whole number"
            raise construct_error("SP201", message, argument="num_layers", hint="num_layers: 1")
        for argument in ("input_size", "hidden_size", "num_layers"):
            value = getattr(self, argument)
            if value is not None and value <= 0:
                raise construct_error(
                    "SP202", f"{argument} is {value}: it must be 1 or more", argument=argument, hint=f"{argument}: 1"
                )
        if self.gates == 1 and self.hidden_size is True:
            raise construct_error(
                "SP201", "hidden_size is true: it must be a whole number", argument="hidden_size", hint="hidden_size: 1"
            )

    def _check_dropout(self) -> None:
        dropout = self.dropout
        if not isinstance(dropout, (int, float)) or isinstance(dropout, bool) or not 0 <= dropout <= 1:
            raise construct_error(
                "SP202",
                f"dropout is {dropout!r}: it must be a number from 0 to 1",
                argument="dropout",
                hint="dropout: 0.5",
            )

    @property
    def real(self) -> int:
        """The size of what a step gives to the next one and to the layer above."""
        return self.hidden_size

    @property
    def directions(self) -> int:
        """2 for a bidirectional layer, else 1."""
        return 2 if self.bidirectional else 1

    def shape(self, x: Shape, hidden: Any = None) -> Any:
        """(output, state), the state being (h, c) for an LSTM."""
        rank = len(x)
        if rank != 3:
            check_rank(self, x, (2, 3), "(L, N, features), (N, L, features) with batch_first, or (L, features)")
        if x[-1] != self.input_size:
            check_equal(
                "SP303", "input_size", self.input_size, x[-1],
                f"input_size is {self.input_size}, the input has {x[-1]} features", nominal=self._outputs(x), least=1,
            )  # fmt: skip
        if type(self.num_layers) is not int or type(self.bidirectional) is not bool or 0 in x:
            self._check_run(x)
        output = self._outputs(x)
        if hidden is not None:
            self._check_hidden(hidden, output[1])
        return output

    def _outputs(self, x: Shape) -> tuple[Shape, Any]:
        """The output and the state for an input of right rank."""
        real, directions = int(self.real), self.directions
        batch = () if len(x) == 2 else (x[0],) if self.batch_first else (x[1],)
        return (*x[:-1], directions * real), self._state((directions * self.num_layers, *batch))

    def _state(self, lead: Shape) -> Any:
        """The state's shape: (layers, N) and the size of a step."""
        return (*lead, int(self.hidden_size))

    def _check_run(self, x: Shape) -> None:
        """Refuse what torch's constructor let pass: it is refused when the layer is run."""
        if type(self.num_layers) is not int:
            raise forward_error(
                "SP309", f"num_layers is {self.num_layers!r}: it must be a whole number", argument="num_layers",
                hint="num_layers: 1",
            )  # fmt: skip
        if type(self.bidirectional) is not bool:
            raise forward_error(
                "SP309", f"bidirectional is {self.bidirectional!r}: it must be true or false", argument="bidirectional",
                hint=f"bidirectional: {'true' if self.bidirectional else 'false'}",
            )  # fmt: skip
        if x[1 if self.batch_first and len(x) == 3 else 0] == 0:
            raise forward_error(
                "SP313", f"the sequence {shape_text(x)} has length 0: one step is needed at least", input=x
            )

    def _check_hidden(self, hidden: Any, expected: Any) -> None:
        """Refuse a hidden state that is not of the state's shape."""
        if not same_shape(hidden, expected):
            raise forward_error(
                "SP319", f"the hidden state is {shape_text(hidden)}, it must be {shape_text(expected)}",
                hidden=hidden, expected=expected,
            )  # fmt: skip

    def infer_arguments(self, x: Shape, hidden: Any = None) -> dict[str, Any]:
        """input_size, from the input."""
        check_rank(self, x, (2, 3), "(L, N, features), (N, L, features) with batch_first, or (L, features)")
        return {"input_size": x[-1]}

    def weights(self) -> int:
        """The entries of all weight matrices: what one step of one sequence multiplies."""
        rows, real, directions = self.gates * self.hidden_size, int(self.real), self.directions
        first = rows * (self.input_size + real)  # type: ignore[operator]
        other = rows * (directions * real + real)
        return directions * (first + (self.num_layers - 1) * other)

    def params(self) -> int:
        """The weights, and two bias vectors a layer and direction."""
        biases = 2 * self.gates * self.hidden_size * self.directions * self.num_layers
        return self.weights() + biases if self.bias else self.weights()

    def macs(self, inputs: tuple[Any, ...], output: Any) -> Dim:
        """Every step of every sequence reads all weights once."""
        return product(inputs[0][:-1], self.weights())

    def field(self, seen: Seen, inputs: tuple[Any, ...], output: Any) -> Seen:
        """Global: the last state has seen every step."""
        return None


def check_sizes(gates: int, input_size: Any, hidden_size: Any) -> None:
    """Refuse what torch.empty refuses for weights of gates * hidden_size rows; an input_size of None is open."""
    check_weight(
        ("hidden_size", int(hidden_size) if isinstance(hidden_size, bool) else hidden_size),
        ("input_size", 0 if input_size is None else input_size),
    )
    if gates * hidden_size >= LIMIT:
        raise construct_error(
            "SP201", f"{gates} gates of hidden_size {hidden_size} do not fit 64 bits", argument="hidden_size"
        )


def same_shape(found: Any, expected: Any) -> bool:
    """Whether one shape, or one nest of shapes, can be the other.

    >>> same_shape(((2, 3), (2, 3)), ((2, 3), (2, 3))), same_shape((2, 3), ((2, 3), (2, 3)))
    (True, False)
    """
    if is_shape(found) != is_shape(expected) or found is None or len(found) != len(expected):
        return False
    return all(map(can_equal if is_shape(found) else same_shape, found, expected))


@dataclass(frozen=True, slots=True, kw_only=True)
class RNN(_Recurrent):
    """torch.nn.RNN: (L, N, input_size) -> (L, N, D hidden_size) and the last states."""

    gates: ClassVar[int] = 1

    input_size: int | None = None
    hidden_size: int
    num_layers: int = 1
    nonlinearity: str = "tanh"
    bias: bool = True
    batch_first: bool = False
    dropout: float = 0.0
    bidirectional: bool = False

    def __post_init__(self) -> None:
        _Recurrent.__post_init__(self)
        if self.nonlinearity not in ("tanh", "relu"):
            raise construct_error(
                "SP202", f"nonlinearity is {self.nonlinearity!r}: it must be tanh or relu", argument="nonlinearity",
                hint="nonlinearity: tanh",
            )  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class _Gated(_Recurrent):
    input_size: int | None = None
    hidden_size: int
    num_layers: int = 1
    bias: bool = True
    batch_first: bool = False
    dropout: float = 0.0
    bidirectional: bool = False


class GRU(_Gated):
    """torch.nn.GRU: (L, N, input_size) -> (L, N, D hidden_size) and the last states."""

    __slots__ = ()
    gates: ClassVar[int] = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class LSTM(_Gated):
    """torch.nn.LSTM: (L, N, input_size) -> (L, N, D real), (h, c); real = proj_size, or hidden_size without one."""

    gates: ClassVar[int] = 4
    takes_several: ClassVar[bool] = True

    proj_size: int = 0

    def __post_init__(self) -> None:
        _Gated.__post_init__(self)
        size = self.proj_size
        if not isinstance(size, (int, float)) or (size and type(size) is not int):
            raise construct_error("SP201", f"proj_size is {size!r}: it must be a whole number", argument="proj_size")
        if not 0 <= size < self.hidden_size:
            raise construct_error(
                "SP202", f"proj_size is {size}: it must be 0 (none) or less than hidden_size (= {self.hidden_size})",
                argument="proj_size", hint="proj_size: 0", proj_size=size, hidden_size=self.hidden_size,
            )  # fmt: skip

    @property
    def real(self) -> int:
        """proj_size, or hidden_size without one."""
        return self.proj_size or self.hidden_size

    def _state(self, lead: Shape) -> Any:
        """(h, c): what the steps give, and the cells they keep."""
        return (*lead, int(self.real)), (*lead, int(self.hidden_size))

    def _check_hidden(self, hidden: Any, expected: Any) -> None:
        """Refuse states that are not (h, c); for an unbatched input torch looks at the first two of any sequence."""
        if len(expected[0]) == 2 and hidden:
            first, second = hidden[0:1], hidden[1:2]
            hidden = (hidden[1:],) * 2 if is_shape(hidden) and hidden[0] > 1 else (*first, *second)
        _Gated._check_hidden(self, hidden, expected)

    def weights(self) -> int:
        """With a projection, hidden_size x proj_size more a layer and direction."""
        projection = self.hidden_size * int(self.proj_size) * self.directions * self.num_layers
        return _Gated.weights(self) + projection
