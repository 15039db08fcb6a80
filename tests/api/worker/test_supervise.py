"""Programs beside the server: started again whatever happens, and stopped at any moment."""

from __future__ import annotations

import os
import subprocess
import sys
import threading

import pytest

from api.worker import supervise
from api.worker.supervise import Program, Supervisor
from tests.api.corpus import until

PROGRAM = Program("a program", ("tests.api.worker.announcing",), dict(os.environ), announces=True)


def test_a_program_that_cannot_be_started_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervise, "_FIRST_PAUSE", 0.1)
    supervisor = Supervisor(PROGRAM)
    with monkeypatch.context() as patched:
        patched.setattr(sys, "executable", "/nowhere/python")
        supervisor.start()
        assert supervisor.wait(60)
        assert not supervisor.is_ready
    until(lambda: supervisor.is_ready)
    supervisor.stop()
    assert not supervisor._thread.is_alive()


class _Held(Supervisor):
    """Starts its program only when it is told to."""

    def __init__(self) -> None:
        super().__init__(PROGRAM)
        self.reached, self.go_on = threading.Event(), threading.Event()

    def _spawn(self) -> subprocess.Popen[bytes]:
        self.reached.set()
        assert self.go_on.wait(60)
        return super()._spawn()


def test_a_program_that_is_stopped_while_it_is_started_ends() -> None:
    supervisor = _Held()
    supervisor.start()
    assert supervisor.reached.wait(60)
    supervisor.ask_to_stop()
    supervisor.go_on.set()
    supervisor._thread.join(60)
    ended = not supervisor._thread.is_alive()
    supervisor.stop()
    assert ended
