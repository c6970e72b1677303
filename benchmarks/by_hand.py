"""What a user would do without this project: import torch, build the modules, run them once and look at each shape.

`python -m benchmarks.by_hand SPEC cpu|meta`; the spec only says which modules. The yardstick of `benchmarks verify`.
"""

from __future__ import annotations

import sys

import torch

import shapecheck
from benchmarks.modules import Assembled, input_shapes


def main(file: str, device: str) -> None:
    """Print each layer's shape as torch computes it, for a batch of two (the batch that verification takes)."""
    network = shapecheck.load(file)
    report = shapecheck.infer(network, sizes={name: 2 if name == "N" else 64 for name in network.open_names()})
    with torch.device("meta"):
        module = Assembled(report).to_empty(device=device)
    for step in module.steps:
        step.register_forward_hook(lambda step, inputs, output: print(type(step).__name__, tuple(output.shape)))
    with torch.no_grad():
        module(*[torch.empty(shape, device=device) for shape in input_shapes(report)])


if __name__ == "__main__":
    main(*sys.argv[1:])
