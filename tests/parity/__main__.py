"""The judge from the command line.

    python -m tests.parity Conv2d MaxPool2d --draws 500 --seed 7
    python -m tests.parity --all --draws 200
    python -m tests.parity --meta --all --draws 300
    python -m tests.parity --ask LPPool2d '{"norm_type": 2, "kernel_size": 3}' '[[1, 3, 8, 8]]'

In the arguments of --ask a JSON list is a tuple and {"list": [...]} a list; a shape null is an input None.
"""

from __future__ import annotations

import argparse
import json
from importlib.metadata import version

from shapecheck.layers import LAYERS
from tests.parity.catalogue import DRAWERS
from tests.parity.draw import Case
from tests.parity.judge import Judge, Tally, agree, cases, spell
from tests.parity.meta import differences, table


def ask(judge: Judge, training: bool, kind: str, args: str = "{}", shapes: str = "[]") -> bool:
    """Whether both sides agree on one case, printed."""
    data = {"type": kind, "args": json.loads(args), "shapes": json.loads(shapes), "training": training}
    theirs, ours = judge.ask(Case.from_json(data))
    print(f"torch: {spell(theirs)}\nwe:    {spell(ours)}")
    return agree(theirs, ours) is not False


def run(judge: Judge, kinds: list[str], draws: int, seed: int, quiet: bool) -> bool:
    """Whether both sides agree on all draws; disagreements are printed type by type."""
    total = Tally()
    for kind in kinds:
        tally = judge.compare(cases(kind, draws, seed))
        if tally.disagreements or not quiet:
            print(f"{kind}: {tally}", flush=True)
        for found in tally.disagreements.values():
            print(found, flush=True)
        total.draws += tally.draws
        total.accepted += tally.accepted
        total.uncounted += tally.uncounted
        total.crashes += tally.crashes
        total.disagreements |= tally.disagreements
        total.excused += tally.excused
    print(f"seed {seed}, {judge.torch.greeting['torch']}: {total}")
    return not total.disagreements


def main() -> int:
    """The exit status: 0 for full agreement, 1 for a disagreement."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.parity", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("types", nargs="*", metavar="TYPE")
    parser.add_argument("--all", action="store_true", help="every type that shapecheck.layers.LAYERS has")
    parser.add_argument("--draws", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--quiet", action="store_true", help="say nothing of the types that agree")
    parser.add_argument("--ask", action="store_true", help="one case: TYPE ARGUMENTS SHAPES, both as JSON")
    parser.add_argument("--meta", action="store_true", help="compare torch's meta device with its CPU instead")
    parser.add_argument("--eval", action="store_true", help="with --ask: in evaluation mode")
    options = parser.parse_args()
    kinds = [kind for kind in DRAWERS if kind in LAYERS] if options.all else options.types
    if options.meta:
        print(table(differences(kinds, options.draws, options.seed), version("torch"), options.draws))
        return 0
    with Judge() as judge:
        if options.ask:
            return not ask(judge, not options.eval, *options.types)
        return not run(judge, kinds, options.draws, options.seed, options.quiet)


if __name__ == "__main__":
    raise SystemExit(main())
