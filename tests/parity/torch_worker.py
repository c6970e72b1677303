"""Torch's own answer to a case: a process that holds torch reads cases as JSON lines and writes outcomes as JSON lines.

A case is `{"type", "args", "shapes", "training"}`, at times with a `"device"` (the CPU, unless said). `args` holds
construction and forward arguments together, in torch's names; `shapes` are the inputs', nested where torch takes a
tuple, null where it takes None. A JSON list stands for a tuple and `{"list": [...]}` for a list. An outcome is one of

    {"outcome": "ok", "shape": nested shape, "params": int}
    {"outcome": "construct" | "forward", "words": what torch said, "kind": the exception's class}
    {"outcome": "too-large", "words": ...}            memory or time ran out: no verdict
    {"outcome": "crash", "stage": ..., "words": ...}  the process died of the case

Some calls kill the interpreter, so the process that imported torch forks a child to answer, and forks the next when
one dies: a new child costs milliseconds, a new torch seconds.
"""

from __future__ import annotations

import functools
import json
import os
import resource
import signal
import sys
import warnings
from collections.abc import Callable
from typing import Any

from tests.parity.draw import decode

ADDRESS_SPACE = 6 << 30
SECONDS_PER_CASE = 10.0
TOO_LARGE = (
    "can't allocate memory", "integer multiplication overflow", "size calculation overflowed",
    "Stride calculation overflowed", "MemoryError", "array is too big", "out of memory",
)  # fmt: skip

FORWARD_ARGUMENTS: dict[str, tuple[str, ...]] = {
    **{f"MaxUnpool{n}d": ("output_size",) for n in (1, 2, 3)},
    **{f"{lazy}ConvTranspose{n}d": ("output_size",) for n in (1, 2, 3) for lazy in ("", "Lazy")},
    "MultiheadAttention": ("need_weights", "average_attn_weights", "is_causal"),
    "Transformer": ("src_is_causal", "tgt_is_causal", "memory_is_causal"),
    "TransformerEncoderLayer": ("is_causal",),
    "TransformerDecoderLayer": ("tgt_is_causal", "memory_is_causal"),
}
"""The arguments of a layer that belong to its forward call, not to its construction."""

INPUTS: dict[str, tuple[str, ...]] = {
    "MultiheadAttention": ("query", "key", "value", "key_padding_mask", "attn_mask"),
}
"""The names of a layer's inputs in order, where torch's own order has other arguments between them."""

INTEGER_INPUTS: dict[str, frozenset[int]] = {
    "Embedding": frozenset({0}),
    "EmbeddingBag": frozenset({0, 1}),
    "Take": frozenset({1}),
    **{f"MaxUnpool{n}d": frozenset({1}) for n in (1, 2, 3)},
}
"""The inputs of a layer that are indices: int64, all zero, hence in range wherever a range exists."""


def _slice(x: Any, dim: int = 0, start: int | None = None, end: int | None = None, step: int | None = None) -> Any:
    if not -x.dim() <= dim < x.dim():
        raise IndexError(f"dimension {dim} out of range for a tensor of rank {x.dim()}")
    index = [slice(None)] * x.dim()
    index[dim] = slice(start, end, step)
    return x[tuple(index)]


def _reduction(name: str) -> Callable[..., Any]:
    def call(x: Any, dim: Any = None, keepdim: bool = False) -> Any:
        import torch

        return getattr(torch, name)(x, dim=dim, keepdim=keepdim)

    return call


def _fold(name: str) -> Callable[..., Any]:
    def call(*xs: Any) -> Any:
        import torch

        return functools.reduce(getattr(torch, name), xs)

    return call


def _squeeze(x: Any, dim: Any = None) -> Any:
    return x.squeeze() if dim is None else x.squeeze(dim)


def _torch(name: str, *xs: Any, **args: Any) -> Any:
    import torch

    return getattr(torch, name)(*xs, **args)


def _of_cells(*xs: Any, function: Any) -> Any:
    """A function of single cells, operands left out standing as numbers: torch itself says how many there may be."""
    import torch

    call = getattr(torch, function)
    if function == "sub" and len(xs) > 2:
        raise TypeError("the third argument of torch.sub is a number, alpha, and no input")
    if function == "where":
        xs = (xs[0].bool(), *xs[1:])
    for missing in range(1 if function in ("clamp", "where") and len(xs) == 1 else 0, 3):
        try:
            return call(*xs, *[torch.tensor(0.5)] * missing)
        except TypeError:
            if missing == 2 or (len(xs) > 1 and missing == 1 and function not in ("where", "lerp", "addcmul")):
                raise
    return None


def _along(x: Any, function: Any, dim: Any) -> Any:
    import torch

    if function == "normalize":
        return torch.nn.functional.normalize(x, dim=dim)
    if function == "flip" and isinstance(dim, int) and not isinstance(dim, bool):
        dim = (dim,)
    return torch.roll(x, 1, dim) if function == "roll" else getattr(torch, function)(x, dim)


def _reduce(x: Any, function: Any = "amax", dim: Any = None, keepdim: Any = False) -> Any:
    import torch

    given = {} if dim is None else {"dim": dim}
    return getattr(torch, function)(x, **given, **({} if keepdim is False else {"keepdim": keepdim}))


def _attention(*xs: Any, **args: Any) -> Any:
    import torch

    return torch.nn.functional.scaled_dot_product_attention(*xs, **args)


def _learnt(shape: Any) -> Any:
    import torch

    return torch.nn.Parameter(torch.zeros(shape))


OPERATIONS: dict[str, Callable[..., Any]] = {
    "Select": lambda x, dim, index: _torch("select", x, dim, index),
    "Unbind": lambda x, dim=0: _torch("unbind", x, dim),
    "Take": lambda x, index, dim: _torch("index_select", x, dim, index),
    "Repeat": lambda x, repeats: x.repeat(repeats),
    "RepeatInterleave": lambda x, repeats, dim=None: _torch("repeat_interleave", x, repeats, dim),
    "Reduce": _reduce,
    "Along": _along,
    "Elementwise": _of_cells,
    "Einsum": lambda *xs, equation: _torch("einsum", equation, *xs),
    "DotAttention": _attention,
    "Constant": lambda shape: _torch("zeros", shape),
    "Weight": _learnt,
    "Reshape": lambda x, shape: _torch("reshape", x, shape),
    "View": lambda x, shape: x.view(shape),
    "Permute": lambda x, dims: x.permute(dims),
    "Transpose": lambda x, dim0, dim1: x.transpose(dim0, dim1),
    "Squeeze": _squeeze,
    "Unsqueeze": lambda x, dim: x.unsqueeze(dim),
    "Chunk": lambda x, chunks, dim=0: _torch("chunk", x, chunks, dim),
    "Split": lambda x, split_size_or_sections, dim=0: _torch("split", x, split_size_or_sections, dim),
    "Slice": _slice,
    "Mean": _reduction("mean"),
    "Sum": _reduction("sum"),
    "Stack": lambda *xs, dim=0: _torch("stack", xs, dim),
    "MatMul": lambda a, b: _torch("matmul", a, b),
    "Expand": lambda x, sizes: x.expand(sizes),
    "Add": _fold("add"),
    "Mul": _fold("mul"),
    "Concat": lambda *xs, dim=0: _torch("cat", xs, dim),
}
"""The shape operations that are functions in torch, under the names that we give them; they refuse at forward."""


def split_arguments(kind: str, args: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The construction arguments and the forward arguments of a layer type."""
    names = FORWARD_ARGUMENTS.get(kind, ())
    decoded = {name: decode(value) for name, value in args.items()}
    forward = {name: decoded.pop(name) for name in names if name in decoded}
    return decoded, forward


def _tensor(shape: Any, integer: bool) -> Any:
    import torch

    if shape is None:
        return None
    if any(isinstance(entry, list) for entry in shape):
        return tuple(_tensor(entry, integer) for entry in shape)
    return torch.zeros(shape, dtype=torch.int64 if integer else torch.float32)


def _shape(output: Any) -> Any:
    import torch

    if isinstance(output, torch.Tensor):
        return list(output.shape)
    return None if output is None else [_shape(item) for item in output]


def _negative(value: Any) -> bool:
    if isinstance(value, tuple | list):
        return any(_negative(item) for item in value)
    return isinstance(value, int | float) and value < 0


def _refusal(stage: str, error: BaseException, args: dict[str, Any]) -> dict[str, Any]:
    words = f"{error}".strip() or type(error).__name__
    overflow = "integer multiplication overflow" in words and _negative(tuple(args.values()))  # -2 as an unsigned size
    if not overflow and (isinstance(error, MemoryError) or any(mark in words for mark in TOO_LARGE)):
        return {"outcome": "too-large", "words": words[:300]}
    return {"outcome": stage, "words": words[:300], "kind": type(error).__name__}


def answer(case: dict[str, Any], constructed: Callable[[], None]) -> dict[str, Any]:
    """The outcome of a case; `constructed` is called between construction and forward."""
    import torch

    with torch.device(case.get("device", "cpu")):
        return _answer(case, constructed)


def _answer(case: dict[str, Any], constructed: Callable[[], None]) -> dict[str, Any]:
    import torch

    kind = case["type"]
    construct, forward = split_arguments(kind, case["args"])
    module: Any
    if kind in OPERATIONS:
        module, forward = OPERATIONS[kind], construct
    else:
        try:
            module = getattr(torch.nn, kind)(**construct).train(case.get("training", True))
        except Exception as error:
            return _refusal("construct", error, construct)
    constructed()
    integer = INTEGER_INPUTS.get(kind, frozenset())
    inputs = [_tensor(shape, index in integer) for index, shape in enumerate(case["shapes"])]
    named = dict(zip(INPUTS.get(kind, ()), inputs, strict=False))
    try:
        with torch.no_grad():
            output = module(**named, **forward) if named else module(*inputs, **forward)
        shape = _shape(output)
    except Exception as error:
        return _refusal("forward", error, {**construct, **forward})
    learnt = [output] if kind == "Weight" else [] if kind in OPERATIONS else module.parameters()
    params = sum(weight.numel() for weight in learnt)
    return {"outcome": "ok", "shape": shape, "params": params}


def _read_line() -> bytes:
    """One line of stdin, not a byte more: what follows belongs to the next child."""
    line = bytearray()
    while not line.endswith(b"\n"):
        chunk = os.read(0, 1 << 16)  # the asker waits for an answer, so a chunk never runs past a line
        if not chunk:
            return b""
        line += chunk
    return bytes(line)


def _write(fd: int, message: dict[str, Any]) -> None:
    os.write(fd, json.dumps(message).encode() + b"\n")


def _serve(replies: int) -> None:
    """Answer cases until stdin ends (then exit 0) or one of them is fatal."""
    resource.setrlimit(resource.RLIMIT_AS, (ADDRESS_SPACE, ADDRESS_SPACE))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    while line := _read_line():
        signal.setitimer(signal.ITIMER_REAL, SECONDS_PER_CASE)
        reply = answer(json.loads(line), lambda: _write(replies, {"constructed": True}))
        signal.setitimer(signal.ITIMER_REAL, 0.0)
        _write(replies, reply)


def _death(status: int) -> dict[str, Any]:
    number = os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0
    if number == signal.SIGALRM:
        return {"outcome": "too-large", "words": f"no answer within {SECONDS_PER_CASE:.0f} s"}
    return {"outcome": "crash", "words": signal.Signals(number).name if number else f"exit status {status}"}


def main() -> None:
    """Import torch once, then keep one child alive that answers."""
    import torch

    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    replies = os.dup(1)
    os.dup2(2, 1)  # whatever torch prints must not look like an answer
    _write(replies, {"torch": torch.__version__})
    while True:
        child = os.fork()
        if child == 0:
            try:
                _serve(replies)
            except BaseException as error:
                print(f"torch worker: {error!r}", file=sys.stderr)
                os._exit(1)
            os._exit(0)
        _, status = os.waitpid(child, 0)
        if status == 0:
            return
        _write(replies, _death(status))


if __name__ == "__main__":
    main()
