"""Bad specs by the thousand: right ones, broken at random, give findings; never a traceback, never a hang.

A spec is broken as data (a value replaced, removed, moved, repeated) or as text (characters lost, doubled, swapped).
Each case has a seed of its own, which a failure prints; `python -m tests.plumbing.test_bad_specs COUNT` runs as many as
one likes.
"""

from __future__ import annotations

import copy
import json
import random
import sys
import time
import traceback
from pathlib import Path
from typing import Any

import shapecheck
from shapecheck.yaml_nodes import plain, read
from tests.examples import BROKEN, FITTING

ROOT = Path(__file__).parent.parent.parent
SECONDS = 20.0  # the longest that one spec may take on a slow machine; nearly all take milliseconds

RIGHT: list[Any] = [
    {
        "input": ["N", 3, 32, 32],
        "layers": [{"Conv2d": {"out_channels": 8, "kernel_size": 3}}, "ReLU", "Flatten", {"Linear": 10}],
    },
    {
        "inputs": {"a": ["N", 8, 16], "b": ["N", 8, 16]},
        "layers": [
            {"Add": None, "from": ["a", "b"], "name": "s"},
            {"Concat": 1, "from": ["a", "s"]},
            {"BatchNorm1d": None},
        ],
    },
    {
        "input": [2, 4, 9, 9],
        "blocks": {"B": {"params": {"w": None, "s": 1}, "layers": [{"Conv2d": ["${w}", "${w * 2}", 3, "${s}"]}]}},
        "layers": [
            {"Residual": {"body": [{"Conv2d": {"out_channels": 4, "kernel_size": 1}}], "shortcut": []}},
            {"Branches": {"dim": 1, "paths": [[], ["ReLU"]]}, "repeat": 2},
            {"B": {"w": 16}},
            {"MaxPool2d": {"kernel_size": 2, "ceil_mode": True}},
        ],
        "output": [2, 32, 4, 4],
    },
    {
        "input": ["N", 5, 32],
        "layers": [
            {"LSTM": {"hidden_size": 32, "batch_first": True}, "name": "l"},
            {"Residual": [{"Linear": 32}], "from": "l[0]", "name": "r"},
            {"MultiheadAttention": {"embed_dim": 32, "num_heads": 4, "batch_first": True}, "from": ["r", "r", "r"]},
            {"Identity": None, "from": "multiheadattention_1[0]", "name": "a"},
            {"Add": None, "from": ["a", "r"]},
            {"Chunk": {"chunks": 2, "dim": 2}, "name": "c"},
            {"Stack": {"dim": 1}, "from": ["c[0]", "c[1]"]},
            {"MatMul": None, "from": ["c[0]", "c[0]"]},
            {"Reshape": ["N", -1], "from": "a"},
        ],
    },
]  # fmt: skip

ODD: list[Any] = [
    None, True, False, 0, 1, -1, 2, 3, 7, 10**6, 2**31, 2**63, 10**30, -(10**30), 0.5, 3.0, float("inf"), float("nan"),
    "", "N", "H", "3", "same", "valid", "${w}", "${w * w * 1000000}", "${", "${1 // 0}", "input", "ReLU", "Conv2d",
    "a[0]", "Ω",
    [], {}, [None], [[]], [3, 3], [3, 3, 3], [-1, -1], {"a": 1}, ["N", 3], "Residual", "LSTM", "Upsample", "Reshape",
]  # fmt: skip


def examples() -> list[Any]:
    """The examples as data, beside the three small specs above."""
    return RIGHT + [plain(read(path.read_bytes())) for path in FITTING + BROKEN]


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The path of every value inside a value."""
    found = [path]
    if isinstance(value, dict):
        found += [inner for key in value for inner in places(value[key], (*path, key))]
    elif isinstance(value, list):
        found += [inner for i, item in enumerate(value) for inner in places(item, (*path, i))]
    return found


def broken_data(spec: Any, rng: random.Random) -> Any:
    """The spec with one to three values replaced, removed, renamed or repeated."""
    spec = copy.deepcopy(spec)
    for _ in range(rng.randint(1, 3)):
        paths = [path for path in places(spec) if path]
        if not paths:
            break
        *way, last = rng.choice(paths)
        parent = spec
        for step in way:
            parent = parent[step]
        action = rng.randrange(5)
        if action == 0:
            del parent[last]
        elif action == 1 and isinstance(parent, dict):
            parent[
                rng.choice([str(last)[:-1], str(last) + "s", "name", "from", "repeat", "output", "Conv2d", "padding"])
            ] = parent.pop(last)
        elif action == 2 and isinstance(parent, list):
            parent.insert(last, copy.deepcopy(rng.choice([parent[last], *ODD])))
        elif action == 3:
            parent[last] = copy.deepcopy(value_at(spec, rng.choice(paths)))
        else:
            parent[last] = copy.deepcopy(rng.choice(ODD))
    return spec


def value_at(spec: Any, path: tuple[Any, ...]) -> Any:
    """The value at a path, or None where an earlier change took it away."""
    for step in path:
        if not (isinstance(spec, dict) and step in spec) and not (
            isinstance(spec, list) and isinstance(step, int) and step < len(spec)
        ):
            return None
        spec = spec[step]
    return spec


def broken_text(text: str, rng: random.Random) -> str:
    """The text with some characters lost, doubled, swapped or replaced."""
    for _ in range(rng.randint(1, 6)):
        at = rng.randrange(len(text) + 1)
        upto = min(len(text), at + rng.choice([1, 1, 2, 10, 80]))
        action = rng.randrange(4)
        if action == 0:
            text = text[:at] + text[upto:]
        elif action == 1:
            text = text[:upto] + text[at:]
        elif action == 2:
            text = text[:at] + rng.choice("{}[]:,-#&*!|>'\"%@`\t\n\\ $0é\x00") + text[at:]
        else:
            text = text[:at] + text[upto : upto + 20] + text[at:upto] + text[upto + 20 :]
    return text


def one(seed: int, path: Path, specs: list[Any], texts: list[str]) -> None:
    """Check one broken spec; raises if checking does, or takes too long."""
    rng = random.Random(seed)
    source: Any = broken_data(rng.choice(specs), rng)
    if rng.random() < 0.4 or not isinstance(source, dict):
        path.write_text(broken_text(rng.choice(texts), rng), encoding="utf-8")
        source = path
    began = time.process_time()
    report = shapecheck.check(source, verify=False)
    json.dumps(report.to_dict())
    assert time.process_time() - began < SECONDS, f"{time.process_time() - began:.1f} s"


def run(count: int, path: Path, first: int = 0) -> list[str]:
    """What went wrong in that many broken specs: seed and traceback of each."""
    specs = examples()
    texts = [file.read_text(encoding="utf-8") for file in FITTING + BROKEN]
    failures = []
    for seed in range(first, first + count):
        try:
            one(seed, path, specs, texts)
        except Exception:
            failures.append(f"seed {seed}:\n{traceback.format_exc()}")
    return failures


def test_a_broken_spec_gives_findings_never_a_traceback(draws: int, tmp_path: Path) -> None:
    """Whatever happens to a spec, checking it returns a report, in good time."""
    failures = run(10 * draws, tmp_path / "broken.yaml")
    assert not failures, f"{len(failures)} failures; the first:\n{failures[0]}"


if __name__ == "__main__":
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        found = run(int(sys.argv[1]), Path(folder) / "broken.yaml", int(sys.argv[2]) if len(sys.argv) > 2 else 0)
    print("\n".join(found[:5]), f"{len(found)} failures", sep="\n")
