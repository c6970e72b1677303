"""docs/torch.md: where torch's devices differ, what we do not mirror, and where other tools err, all measured anew.

    python -m pip install -e ".[dev,bench]" thop
    python -m tests.parity.page > docs/torch.md

takes some minutes. Main definitions: `page`, and the sections that it is made of.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib.metadata import version

from shapecheck.layers import LAYERS
from tests.parity import meta, others
from tests.parity.catalogue import DRAWERS
from tests.parity.known import KNOWN

DRAWS, POOLS, SEED = 200, 500, 0

HEAD = """# Torch's own disagreements, and those of others

What this page says was measured by `python -m tests.parity.page`, which writes it; a newer torch may differ. shapeproof
follows torch on the CPU: what is accepted, what is refused (in the constructor or in forward), and every shape.
`python -m tests.parity --all` compares the two on random configurations made for trouble.
"""

META = """
## The meta device is not the CPU

Each row is one kind of difference: how often it was found, for which layers, and its smallest example. Most are things
that meta accepts and the CPU refuses, so a network that passes on meta may still fail; that is why `--device auto`
verifies on the CPU where memory and work allow.

"""

KNOWN_HEAD = """
## What is not mirrored

Here torch's answer is undefined behaviour, or depends on which of its kernels runs. The comparison lets exactly these
pass:

| layers | torch | shapeproof | why |
|---|---|---|---|
"""

ONNX = """
## ONNX: pools in ceil mode below opset 22

Torch drops a last window that would start in the right padding; ONNX's shape inference does so from opset 22 on. Of
{pools} random pools that torch accepts (kernel and stride to 6, inputs to 16 x 16, seed {seed}),
`onnx.shape_inference` of onnx {onnx} gives another shape than torch {torch}:

| opset | MaxPool | AveragePool |
|---|---|---|
"""

MACS = """
## Multiply-adds of transposed convolutions

A transposed convolution multiplies every *input* cell by its kernel. Counted by output cells, as a convolution is, it
comes out too large by the stride on each axis. On an input of {shape}, torch's own count being
`torch.utils.flop_counter` halved:

| layer | torch {torch} | shapeproof | torchinfo {torchinfo} | thop {thop} |
|---|---|---|---|---|
"""


def page() -> Iterator[str]:
    """The page, section by section."""
    yield HEAD
    yield META
    kinds = [kind for kind in DRAWERS if kind in LAYERS]
    yield meta.table(meta.differences(kinds, DRAWS, SEED), version("torch"), DRAWS) + "\n"
    yield known()
    yield from onnx()
    yield from macs()


def known() -> str:
    """The section of the disagreements that are left as they are."""
    words = {"ok": "accepts", "forward": "refuses in forward", "construct": "refuses in the constructor"}
    types = [", ".join(name for name in LAYERS if re.fullmatch(entry.types, name)) for entry in KNOWN]
    rows = [
        f"| {layers} | {words[entry.torch]} | {words[entry.ours]} | {entry.reason} |\n"
        for layers, entry in zip(types, KNOWN, strict=True)
    ]
    return KNOWN_HEAD + "".join(rows)


def onnx() -> Iterator[str]:
    """The section about ceil mode, opsets that err alike in one row."""
    pools = list(others.ceil_pools(POOLS, SEED))
    yield ONNX.format(pools=POOLS, seed=SEED, onnx=version("onnx"), torch=version("torch"))
    found: dict[tuple[str, ...], list[int]] = {}
    for opset in others.opsets():
        found.setdefault(tuple(_wrong(pools, kind, opset) for kind in others.OPERATORS), []).append(opset)
    for row, alike in found.items():
        yield f"| {alike[0]} to {alike[-1]} | {' | '.join(row)} |\n"
    first = others.opsets()[0]
    wrong = [pool for pool in pools if others.inferred(pool, first) != pool.output]
    example = min(wrong, key=lambda pool: (sum(pool.shape), str(pool)))
    ours = sum(others.predicted(pool) != pool.output for pool in pools)
    theirs = list(others.inferred(example, first))
    yield (
        f"\nThe smallest: `{example}` gives {list(example.output)} in torch, {theirs} in ONNX with opset {first}. "
        f"Of shapeproof's own answers {ours} are wrong.\n"
    )


def _wrong(pools: list[others.Pool], kind: str, opset: int) -> str:
    own = [pool for pool in pools if pool.kind == kind]
    wrong = sum(others.inferred(pool, opset) != pool.output for pool in own)
    return f"{wrong} of {len(own)} wrong"


def macs() -> Iterator[str]:
    """The section about transposed convolutions."""
    versions = {tool: version(tool) for tool in ("torch", "torchinfo", "thop")}
    yield MACS.format(shape=list(others.SHAPE), **versions)
    for kind, args in others.CONVOLUTIONS:
        shown = ", ".join(f"{name}: {value}" for name, value in args.items() if name != "bias")
        found = others.counts(kind, args).values()
        yield f"| `{kind}: {{{shown}}}` | {' | '.join(f'{count:,}' for count in found)} |\n"


if __name__ == "__main__":
    print("".join(page()), end="")
