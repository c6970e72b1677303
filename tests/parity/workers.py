"""The asking side of a worker process: one JSON line out, JSON lines back until the answer."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]

TORCH = ("-m", "tests.parity.torch_worker")
OURS = ("-m", "tests.parity.predictor")


class Worker:
    """A Python process that answers cases one at a time, as `torch_worker.py` and `predictor.py` do."""

    def __init__(self, *command: str) -> None:
        """Start Python with these arguments and wait for its greeting."""
        self._process = subprocess.Popen(
            [sys.executable, *command],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL if command == TORCH else None,  # torch has much to say before it dies
        )
        self.greeting = self._read()

    def _read(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"the worker ended with status {self._process.wait()}")
        message: dict[str, Any] = json.loads(line)
        return message

    def ask(self, case: dict[str, Any]) -> dict[str, Any]:
        """The outcome of a case."""
        self.send(case)
        return self.receive()

    def send(self, case: dict[str, Any]) -> None:
        """Hand a case over; its outcome must be received before the next is sent."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(case).encode() + b"\n")
        self._process.stdin.flush()

    def receive(self) -> dict[str, Any]:
        """The outcome of the case sent; a crash also says at which stage it happened."""
        stage, reply = "construct", self._read()
        while "outcome" not in reply:
            stage, reply = "forward", self._read()
        if reply["outcome"] == "crash":
            reply["stage"] = stage
        return reply

    def close(self) -> None:
        """End the process and wait for it."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.stdout.close()
        self._process.wait()
