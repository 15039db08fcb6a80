"""The worker as a child process of the server: started, watched, and restarted."""

from __future__ import annotations

import logging
import subprocess
import sys
import threading
import time

logger = logging.getLogger(__name__)

_FIRST_PAUSE = 1.0
_LONGEST_PAUSE = 60.0
_STEADY_SECONDS = 60.0
_GRACE_SECONDS = 20.0


class Supervisor:
    """Keeps one ``winnow worker`` running next to the server.

    Args:
        environment: the child's environment, which holds the settings of this process.
    """

    def __init__(self, environment: dict[str, str]) -> None:
        self._environment = environment
        self._stop = threading.Event()
        self._child: subprocess.Popen[bytes] | None = None
        self._thread = threading.Thread(target=self._watch, name="supervisor", daemon=True)

    def start(self) -> None:
        """Start the worker."""
        self._thread.start()

    def _spawn(self) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [sys.executable, "-m", "api.cli", "worker", "--supervised"],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            env=self._environment,
        )

    def _watch(self) -> None:
        pause = _FIRST_PAUSE
        while not self._stop.is_set():
            started = time.monotonic()
            self._child = self._spawn()
            code = self._child.wait()
            if self._stop.is_set():
                return
            if time.monotonic() - started > _STEADY_SECONDS:
                pause = _FIRST_PAUSE
            logger.error("the worker ended with %s; restarting it in %.0f s", code, pause)
            self._stop.wait(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)

    def stop(self) -> None:
        """Stop the worker and wait for it."""
        self._stop.set()
        child = self._child
        if child is None:
            return
        if child.stdin is not None:
            child.stdin.close()
        try:
            child.wait(_GRACE_SECONDS)
        except subprocess.TimeoutExpired:
            child.kill()
        self._thread.join(_GRACE_SECONDS)
