"""The judge from the command line: see `python -m tests.parity --help`."""

from __future__ import annotations

import argparse
import json
from typing import Any

from tests.parity.workers import Worker


def _ask(kind: str, args: str = "{}", *shapes: str, training: bool = True) -> None:
    inputs: list[Any] = [shape for text in shapes for shape in json.loads(text)]
    with Worker("torch_worker") as torch:
        case = {"type": kind, "args": json.loads(args), "shapes": inputs, "training": training}
        print(json.dumps(torch.ask(case)))


def main() -> int:
    """The exit status: 0 for full agreement."""
    parser = argparse.ArgumentParser(prog="python -m tests.parity", description=__doc__)
    parser.add_argument("types", nargs="*", help="layer types")
    parser.add_argument("--ask", action="store_true", help="what torch says to: TYPE ARGS-AS-JSON [SHAPES-AS-JSON]")
    parser.add_argument("--eval", action="store_true", help="with --ask: in evaluation mode")
    options = parser.parse_args()
    if options.ask:
        _ask(*options.types, training=not options.eval)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
