"""Measures this project and its peers on the same work and prints medians and ratios.

    python -m benchmarks                          all parts, all networks below
    python -m benchmarks predict --net examples/lenet.yaml --rounds 5
    python -m benchmarks single scale cold verify
    python -m benchmarks symbolic                 formulas for open sizes, the peers' beside ours

Parts: `predict` (every layer's shape of a loaded network, microseconds a layer), `single` (one layer's output shape),
`scale` (up to a million layers), `cold` (whole commands, milliseconds), `verify` (against the same modules by hand),
`symbolic` (not how fast but what: the formulas for open sizes, and how often they are true).
Processor time inside a process, wall time of whole commands; contenders take turns (`benchmarks.clock`).
"""

from __future__ import annotations

import argparse
import gc
import importlib.util
import itertools
import os
import platform
import statistics
import sys
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

import shapecheck
from benchmarks.clock import Command, race, race_commands
from shapecheck.net import Network

ROOT = Path(__file__).resolve().parents[1]
NETWORKS = (
    "lenet", "alexnet", "vgg16", "nin", "googlenet", "resnet18", "resnet50", "densenet121", "mobilenetv2", "unet",
)  # fmt: skip
PEERS = ("meta + hooks", "fx ShapeProp", "FakeTensorMode", "torchinfo", "onnx", "onnx bytes")


def main() -> None:
    """Nothing; the tables are printed as they come."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="This project and its peers.")
    parser.add_argument("parts", nargs="*", help=f"any of: {', '.join(PARTS)} (default: all)")
    parser.add_argument("--net", action="append", type=Path, help="a spec (default: the classic ones in examples/)")
    parser.add_argument("--rounds", type=int, default=7, help="turns of each contender (default: 7)")
    options = parser.parse_args()
    if unknown := set(options.parts) - set(PARTS):
        parser.error(f"no such part: {', '.join(sorted(unknown))}")
    files = options.net or [path for name in NETWORKS if (path := ROOT / "examples" / f"{name}.yaml").exists()]
    print(f"Python {platform.python_version()}, {platform.machine()}, {os.cpu_count()} cores; {options.rounds} rounds")
    for part in options.parts or PARTS:
        print()
        PARTS[part](files, options.rounds)


def predict(files: Sequence[Path], rounds: int) -> None:
    """Print microseconds a layer for each network: ours with the sizes given and open, and the peers."""
    from benchmarks.peers import contenders

    print(
        "Every layer's shape (ours: parameters, MACs and receptive fields too), microseconds of processor time a layer"
    )
    names = ("ours", "ours, N open", *PEERS)
    table: list[list[str]] = []
    ratios: dict[str, list[float]] = {name: [] for name in names}
    for file in files:
        network = shapecheck.load(file)
        sizes = _sizes(network)
        report = shapecheck.infer(network, sizes=sizes)
        peers = dict(contenders(report))
        work: dict[str, Callable[[], object]] = {
            "ours": partial(shapecheck.infer, network, sizes),
            "ours, N open": partial(shapecheck.infer, network),
        }
        work |= {name: peer for name, peer in peers.items() if peer is not None}
        count = len(report.rows)
        times = {name: seconds / count * 1e6 for name, seconds in race(work, rounds).items()}
        for name, time in times.items():
            ratios[name].append(time / times["ours"])
        table.append([file.stem, str(count), *(f"{times[name]:.2f}" if name in times else "-" for name in names)])
    medians = (f"{statistics.median(ratios[name]):.1f}x" if ratios[name] else "not installed" for name in names)
    table.append(["median ratio to ours", "", *medians])
    _print(["network", "layers", *names], table)


def single(files: Sequence[Path], rounds: int) -> None:
    """Print the time of one `output_shape`, for arguments never seen before and for the same ones again."""
    channels = itertools.count(1)

    def fresh() -> object:
        return shapecheck.output_shape(
            "Conv2d", (1, 3, 32, 32), in_channels=3, out_channels=next(channels), kernel_size=3
        )

    def repeated() -> object:
        return shapecheck.output_shape("Conv2d", (1, 3, 32, 32), in_channels=3, out_channels=8, kernel_size=3)

    times = race({"fresh": fresh, "repeated": repeated}, rounds)
    print('output_shape("Conv2d", (1, 3, 32, 32), ...)')
    _print(["arguments", "microseconds"], [[name, f"{seconds * 1e6:.2f}"] for name, seconds in times.items()])


def scale(files: Sequence[Path], rounds: int) -> None:
    """Print microseconds a layer of a repeated block, from a thousand layers to a million."""
    block = ["ReLU", {"Conv2d": {"out_channels": 8, "kernel_size": 3, "padding": 1}}, "BatchNorm2d", "ReLU"]
    table: list[list[str]] = []
    least = 0.0
    for count in (1_000, 10_000, 100_000, 1_000_000):
        spec = {"input": ["N", 8, 32, 32], "layers": [{"Sequential": block, "repeat": count // len(block)}]}
        network = shapecheck.load(spec)
        assert len(network.nodes) == count
        times = race({"ours": partial(shapecheck.infer, network, {"N": 1})}, min(rounds, 3))
        time = times["ours"] / count * 1e6
        least = least or time
        table.append([f"{count:,}", f"{time:.2f}", f"{time / least:.2f}x"])
        del network
        gc.collect()
    print("A repeated block, microseconds of processor time a layer")
    _print(["layers", "ours", "ratio to 1,000"], table)


TORCHINFO = """
from torch import nn
from torchinfo import summary
summary(nn.Sequential(
    nn.Conv2d(1, 6, 5, padding=2), nn.Sigmoid(), nn.AvgPool2d(2), nn.Conv2d(6, 16, 5), nn.Sigmoid(), nn.AvgPool2d(2),
    nn.Flatten(), nn.Linear(400, 120), nn.Sigmoid(), nn.Linear(120, 84), nn.Sigmoid(), nn.Linear(84, 10),
), input_size=(1, 1, 28, 28))
"""


def cold(files: Sequence[Path], rounds: int) -> None:
    """Print the wall time of whole commands, from nothing to LeNet's table."""
    shapes = [*_shapes(), "--net", str(ROOT / "examples" / "lenet.yaml"), "--no-verify"]
    commands = {
        "python -c pass": Command([sys.executable, "-c", "pass"]),
        "import click": Command([sys.executable, "-c", "import click"]),
        "import click, yaml": Command([sys.executable, "-c", "import click, yaml"]),
        "shapes, piped": Command(shapes),
        "shapes, on a terminal": Command(shapes, terminal=True),
    }
    if importlib.util.find_spec("torchinfo"):
        commands["a torchinfo script"] = Command([sys.executable, "-c", TORCHINFO])
    times = race_commands(commands, max(rounds, 11))
    yaml = times["import click, yaml"] - times["import click"]
    budget = 3 * times["import click"] + yaml
    print(
        "From cold to LeNet's table, milliseconds of wall time; the budget is 3 x `import click`, and the YAML reader"
    )
    rows = [
        [name, f"{seconds * 1e3:.0f}", f"{seconds / times['import click']:.2f}x", f"{seconds / budget:.2f}x"]
        for name, seconds in times.items()
    ]
    _print(["command", "ms", "to import click", f"to the budget ({budget * 1e3:.0f} ms)"], rows)


def verify(files: Sequence[Path], rounds: int) -> None:
    """Print the wall time of verified runs against `import torch`, building and running the modules by hand."""
    print("Verified against torch, milliseconds of wall time; by hand: import torch, build the modules, run them")
    table: list[list[str]] = []
    for file, device in itertools.product(files, ("cpu", "meta")):
        ours = Command([*_shapes(), "--net", str(file), "--device", device])
        by_hand = Command([sys.executable, "-m", "benchmarks.by_hand", str(file), device])
        times = race_commands({"ours": ours, "by hand": by_hand}, min(rounds, 5))
        ratio = times["ours"] / times["by hand"]
        table.append(
            [file.stem, device, f"{times['ours'] * 1e3:.0f}", f"{times['by hand'] * 1e3:.0f}", f"{ratio:.2f}x"]
        )
    _print(["network", "device", "ours", "by hand", "ratio"], table)


def symbolic(files: Sequence[Path], rounds: int) -> None:
    """Print what is said of four networks whose batch, height and width are names, and how much of it is true."""
    from benchmarks.symbolic import symbolic as rows

    print("The last map's height where N, H and W are open; milliseconds without imports and export; of H = 1 .. 300:")
    print("right of those that torch takes, false of those that torch refuses")
    _print(["network", "tool", "answer", "ms", "right", "false"], rows(rounds))


PARTS: dict[str, Callable[[Sequence[Path], int], None]] = {
    "predict": predict, "single": single, "scale": scale, "cold": cold, "verify": verify,
    "symbolic": symbolic,
}  # fmt: skip


def _sizes(network: Network) -> dict[str, int]:
    """A number for each open size: one picture, and 64 cells for what else is open."""
    return {name: 1 if name == "N" else 64 for name in network.open_names()}


def _shapes() -> list[str]:
    """The words that start the command: the installed script, or the module where it is not installed."""
    script = Path(sys.executable).parent / "shapes"
    return [str(script)] if script.exists() else [sys.executable, "-c", "import cli; cli.shapes()"]


def _print(header: list[str], rows: list[list[str]]) -> None:
    """Nothing; the table is on stdout, numbers to the right."""
    widths = [max(map(len, column)) for column in zip(header, *rows, strict=True)]
    for row in (header, ["-" * width for width in widths], *rows):
        print("  ".join(_aligned(row, widths)).rstrip())


def _aligned(row: list[str], widths: list[int]) -> Iterator[str]:
    """The cells, filled up to their columns' widths."""
    for i, (cell, width) in enumerate(zip(row, widths, strict=True)):
        yield cell.rjust(width) if i else cell.ljust(width)


if __name__ == "__main__":
    main()
