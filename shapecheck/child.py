"""Questions put to a process that may die of them.

Some calls that torch ought to refuse kill the interpreter instead, ask for all the memory there is, or never end. So
the questions go to a child: a fork of this process, which has torch loaded already and answers within milliseconds, or
(where forking is not safe) a new interpreter. When a child dies of a question, the next child goes on behind it.

Main definition: `Answers`. A child gets `SECONDS` a question, `MEMORY` bytes beyond what it starts with, and nobody's
terminal.
"""

from __future__ import annotations

import faulthandler
import os
import pickle
import signal
import subprocess
import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, NamedTuple

SECONDS = 10.0
MEMORY = 2 << 30
CAN_FORK = sys.platform.startswith("linux")


class Death(NamedTuple):
    """Instead of an answer: what the child died of, or that it ran out of time."""

    words: str


class Answers:
    """The answers to some questions, in order, worked out while the caller does something else; a context manager.

    `answer` and the questions must be importable and picklable: a new interpreter may have to load them.
    """

    def __init__(
        self, answer: Callable[[Any], Any], questions: Sequence[Any], *, fork: bool = CAN_FORK, seconds: float = SECONDS
    ) -> None:
        self._answer, self._questions, self._seconds = answer, questions, seconds
        self._start = _forked if fork else _spawned
        self._child: _Child | None = self._next(0)

    def _next(self, index: int) -> _Child | None:
        rest = self._questions[index:]
        return self._start(self._answer, rest, self._seconds) if rest else None

    def __iter__(self) -> Iterator[Any]:
        """Each question's answer, or the `Death` of the child that was asked."""
        for index in range(len(self._questions)):
            assert self._child is not None
            try:
                yield pickle.load(self._child.replies)
            except (EOFError, pickle.UnpicklingError):
                death = Death(self._child.end())
                self._child = self._next(index + 1)
                yield death

    def __enter__(self) -> Answers:
        """The answers themselves."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the child, whatever it is at."""
        if self._child is not None:
            self._child.end(kill=True)


class _Child(NamedTuple):
    """A running child: its id, where its answers arrive, and the process object of a new interpreter."""

    pid: int
    replies: BinaryIO
    process: subprocess.Popen[bytes] | None = None

    def end(self, *, kill: bool = False) -> str:
        """What the child died of; with `kill` it is made to."""
        self.replies.close()
        if self.process is not None:
            if kill:
                self.process.kill()
            return _words(self.process.wait())
        if kill:
            os.kill(self.pid, signal.SIGKILL)
        return _words(os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1]))


def _words(status: int) -> str:
    if status < 0:
        return signal.Signals(-status).name
    return "no answer in time" if status == 1 else f"exit status {status}"


def _forked(answer: Callable[[Any], Any], questions: Sequence[Any], seconds: float) -> _Child:
    reading, writing = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of forking beside threads: the child waits for none of them
        pid = os.fork()
    if pid:
        os.close(writing)
        return _Child(pid, os.fdopen(reading, "rb"))
    try:  # the child: it must not return into the caller's code, nor flush the caller's buffers
        os.close(reading)
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        faulthandler.disable()  # a death is an answer here, not a report on the caller's terminal
        null = os.open(os.devnull, os.O_RDWR)
        for stream in (0, 1, 2):
            os.dup2(null, stream)
        _limit_memory()
        with os.fdopen(writing, "wb") as replies:
            _reply(answer, questions, seconds, replies)
        os._exit(0)
    except BaseException:
        os._exit(2)
    raise AssertionError("a child never comes here")


def _spawned(answer: Callable[[Any], Any], questions: Sequence[Any], seconds: float) -> _Child:
    process = subprocess.Popen(
        [sys.executable, "-c", "from shapecheck.child import main; main()"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
    )  # fmt: skip
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(pickle.dumps((answer, list(questions), seconds)))
    process.stdin.close()
    return _Child(process.pid, process.stdout, process)  # type: ignore[arg-type]


def main() -> None:
    """Answer what comes on stdin, on stdout: the new interpreter's part."""
    answer, questions, seconds = pickle.load(sys.stdin.buffer)
    with os.fdopen(os.dup(1), "wb") as replies:
        os.dup2(2, 1)  # whatever is printed must not look like an answer
        _reply(answer, questions, seconds, replies)


def _reply(answer: Callable[[Any], Any], questions: Sequence[Any], seconds: float, replies: BinaryIO) -> None:
    with Path(os.devnull).open("w") as null:
        for question in questions:
            faulthandler.dump_traceback_later(seconds, exit=True, file=null)  # a thread that needs no lock of Python's
            reply = answer(question)
            faulthandler.cancel_dump_traceback_later()
            pickle.dump(reply, replies)
            replies.flush()


def _limit_memory() -> None:
    """Let the child take `MEMORY` bytes more than it has, and leave no core dump."""
    import resource

    pages = int(Path("/proc/self/statm").read_text().split()[0])
    wanted, hard = pages * os.sysconf("SC_PAGE_SIZE") + MEMORY, resource.getrlimit(resource.RLIMIT_AS)[1]
    resource.setrlimit(resource.RLIMIT_AS, (wanted if hard == resource.RLIM_INFINITY else min(wanted, hard), hard))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
