"""The specs in examples/, for tests that run over all of them."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).parent.parent
CLAIMS = {"lecture-notes"}  # no network: claims for `derive check --file`

FITTING = [path for path in sorted((ROOT / "examples").glob("*.yaml")) if path.stem not in CLAIMS]
BROKEN = sorted((ROOT / "examples" / "broken").glob("*.yaml"))
