"""Fair times on a machine that does other things too: contenders take turns, and the median counts.

Main definitions: `race` (functions in this process, processor seconds a call), `race_commands` (whole processes, wall
seconds). Turns matter: what slows the machine down for a while slows all of them.
"""

from __future__ import annotations

import gc
import os
import statistics
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple


class Command(NamedTuple):
    """A process to start; `terminal` gives it a pseudo-terminal for its output."""

    words: Sequence[str]
    terminal: bool = False


def race(contenders: Mapping[str, Callable[[], object]], rounds: int, least: float = 0.02) -> dict[str, float]:
    """The median processor seconds of one call, by name; each turn repeats a call until `least` seconds have passed."""
    repeats = {name: _repeats(work, least) for name, work in contenders.items()}
    times: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(rounds):
        for name, work in contenders.items():
            times[name].append(_seconds(work, repeats[name]))
    return {name: statistics.median(values) for name, values in times.items()}


def _repeats(work: Callable[[], object], least: float) -> int:
    """How many calls take `least` seconds; the calls made to find out are the warm-up."""
    repeats = 1
    while (once := _seconds(work, repeats)) * repeats < least:
        repeats = max(2 * repeats, int(least / once)) if once else 10 * repeats
    return repeats


def _seconds(work: Callable[[], object], repeats: int) -> float:
    """The processor seconds of one call, averaged over `repeats`; garbage of others is gone before."""
    gc.collect()
    start = time.process_time()
    for _ in range(repeats):
        work()
    return (time.process_time() - start) / repeats


def race_commands(contenders: Mapping[str, Command], rounds: int) -> dict[str, float]:
    """The median wall seconds of one whole process, by name; raises where one fails."""
    for command in contenders.values():
        _start(command)  # compiles what it imports, and brings it into the file cache
    times: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(rounds):
        for name, command in contenders.items():
            start = time.perf_counter()
            _start(command)
            times[name].append(time.perf_counter() - start)
    return {name: statistics.median(values) for name, values in times.items()}


def _start(command: Command) -> None:
    """Nothing, once the process has ended well."""
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    if not command.terminal:
        subprocess.run(command.words, env=environment, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        return
    ours, theirs = os.openpty()
    reader = threading.Thread(target=_drain, args=(ours,))
    reader.start()
    try:
        environment["TERM"] = "xterm-256color"
        subprocess.run(command.words, env=environment, check=True, stdin=theirs, stdout=theirs, stderr=theirs)
    finally:
        os.close(theirs)
        reader.join()
        os.close(ours)


def _drain(terminal: int) -> None:
    """Nothing, once the other end of the terminal is closed."""
    try:
        while os.read(terminal, 65536):
            pass
    except OSError:  # Linux says "input/output error" where other systems say "end of file"
        pass
