"""Child processes that start without delay, so that a kill hits their work, not their imports.

A new interpreter takes seconds to import the program. A fork server imports it once, and every
child is a fork of that server with its own environment and output.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import sys
from collections.abc import Callable, Mapping
from io import TextIOWrapper
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, TextIO

_CONTEXT = multiprocessing.get_context("forkserver")
_CONTEXT.set_forkserver_preload(["api.cli", "api.app", "benchmarks.year"])


def _run(
    environment: dict[str, str], output: Connection, work: Callable[..., object], given: Any
) -> None:
    os.environ.clear()
    os.environ.update(environment)
    os.dup2(output.fileno(), 1)
    output.close()
    with open(os.devnull, "r+b") as nowhere:  # noqa: PTH123 - a device
        os.dup2(nowhere.fileno(), 0)
        os.dup2(nowhere.fileno(), 2)
    sys.stdin, sys.stdout = open(0, closefd=False), open(1, "w", closefd=False)  # noqa: SIM115 - descriptors
    try:
        work(*given)
    finally:
        sys.stdout.flush()


class Child:
    """A running process. Its standard output can be read; its standard error is discarded.

    Args:
        work: an importable function.
        given: its arguments.
        environment: the process's environment variables.
    """

    def __init__(
        self, work: Callable[..., object], *given: object, environment: Mapping[str, str]
    ) -> None:
        reader, writer = _CONTEXT.Pipe(duplex=False)
        self._process = _CONTEXT.Process(
            target=_run, args=(dict(environment), writer, work, given), daemon=True
        )
        self._process.start()
        writer.close()
        self._reader = reader
        self.stdout: TextIO = TextIOWrapper(os.fdopen(reader.fileno(), "rb", closefd=False))

    @property
    def pid(self) -> int:
        """The process's id."""
        assert self._process.pid is not None
        return self._process.pid

    def wait(self, seconds: float | None = None) -> int | None:
        """Wait for its end and return its exit code; None if it still runs after the time-out."""
        self._process.join(seconds)
        return self._process.exitcode

    def terminate(self) -> None:
        """Ask it to end, and wait until it does."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """Kill it."""
        self._end(signal.SIGKILL)

    def _end(self, how: signal.Signals) -> None:
        if self._process.exitcode is None:
            os.kill(self.pid, how)
        self._process.join(60)
        self.close()

    def close(self) -> None:
        """Release what an ended process held."""
        self._process.join()
        self.stdout.close()
        self._reader.close()
        self._process.close()


def command(*words: str) -> None:
    """Run the command line in a child process."""
    from api.cli import main

    sys.argv = ["winnow", *words]
    main()


def find_descendant(pid: int, program: str) -> int | None:
    """A process that another one has started, directly or not, by a word of its command line."""
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        with contextlib.suppress(OSError):
            for child in map(int, task.read_text(encoding="ascii").split()):
                words = Path(f"/proc/{child}/cmdline").read_bytes().decode(errors="replace")
                found = child if program in words else find_descendant(child, program)
                if found is not None:
                    return found
    return None
