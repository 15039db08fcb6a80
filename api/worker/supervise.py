"""Other processes of this server, as its children: started, watched, and started again."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

logger = logging.getLogger(__name__)

_FIRST_PAUSE = 1.0
_LONGEST_PAUSE = 60.0
_STEADY_SECONDS = 60.0
_GRACE_SECONDS = 20.0


@dataclass(frozen=True, slots=True)
class Program:
    """A program that runs beside the server.

    Attributes:
        name: what the log calls it, such as "the worker".
        words: its module and arguments, for this interpreter.
        environment: its environment, which holds the settings of this process.
        sockets: descriptors of sockets that it shares with this process.
        announces: whether it writes a line to its standard output once it is ready.
    """

    name: str
    words: Sequence[str]
    environment: Mapping[str, str] = field(repr=False)
    sockets: Sequence[int] = ()
    announces: bool = False


class Supervisor:
    """Keeps one program running next to the server, with growing pauses if it keeps ending.

    Args:
        program: what to run.
    """

    def __init__(self, program: Program) -> None:
        self._program = program
        self._stop = threading.Event()
        # Set once the program has announced itself, or has ended without doing so.
        self._heard = threading.Event()
        self._announced = False
        self._child: subprocess.Popen[bytes] | None = None
        self._thread = threading.Thread(target=self._watch, name=program.name, daemon=True)

    def start(self) -> None:
        """Start the program."""
        self._thread.start()

    def wait(self, seconds: float) -> bool:
        """Whether the program has started, or failed to, within some seconds."""
        return self._heard.wait(seconds)

    @property
    def is_ready(self) -> bool:
        """Whether the program has announced itself at least once."""
        return self._announced

    def _spawn(self) -> subprocess.Popen[bytes]:
        return subprocess.Popen(  # noqa: S603 - always this program
            [sys.executable, "-m", *self._program.words],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE if self._program.announces else subprocess.DEVNULL,
            env=dict(self._program.environment),
            pass_fds=tuple(self._program.sockets),
        )

    def _watch(self) -> None:
        pause = _FIRST_PAUSE
        name = self._program.name
        while not self._stop.is_set():
            started = time.monotonic()
            try:
                self._child = self._spawn()
            except OSError as error:
                # Too little memory or too many processes now; there may be room later.
                logger.error("%s cannot start: %s; trying again in %.0f s", name, error, pause)
            else:
                if self._stop.is_set():
                    # A request to stop may have come before there was a program.
                    self.ask_to_stop()
                self._listen(self._child)
                code = self._child.wait()
                if self._stop.is_set():
                    self._heard.set()
                    return
                if time.monotonic() - started > _STEADY_SECONDS:
                    pause = _FIRST_PAUSE
                logger.error("%s ended with %s; restarting it in %.0f s", name, code, pause)
            self._heard.set()
            self._stop.wait(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)

    def _listen(self, child: subprocess.Popen[bytes]) -> None:
        """Wait for the program's announcement."""
        if child.stdout is None:
            return
        with child.stdout as output:
            if output.readline():
                self._announced = True
                self._heard.set()

    def ask_to_stop(self) -> None:
        """Ask the program to end after what it is doing: its standard input ends."""
        self._stop.set()
        child = self._child
        if child is not None and child.stdin is not None:
            child.stdin.close()

    def stop(self) -> None:
        """Stop the program and wait for it."""
        self.ask_to_stop()
        if self._thread.ident is None:
            return
        # The thread ends with the program.
        self._thread.join(_GRACE_SECONDS)
        if self._thread.is_alive() and self._child is not None:
            self._child.kill()
            self._thread.join(_GRACE_SECONDS)


def stop_with_parent(stop: Callable[[], object]) -> None:
    """Call ``stop`` when this process's supervisor asks for it, or has died, however it died.

    The process reads a pipe from its supervisor until the pipe ends; this works on every system.
    """

    def watch() -> None:
        # Not through ``sys.stdin``: its lock would be held when the interpreter ends.
        while os.read(sys.stdin.fileno(), 1024):
            pass
        stop()

    threading.Thread(target=watch, daemon=True, name="watch-parent").start()
