"""A PostgreSQL server that is killed (SIGKILL) and recovers what it had committed."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path

from sqlalchemy import create_engine, text

from tests import postgres

_TRIES = 60


class KilledDatabase:
    """The server behind a URL, which this program has started.

    Args:
        url: of one of its databases.
    """

    def __init__(self, url: str) -> None:
        engine = create_engine(url)
        with engine.connect() as connection:
            self._data = Path(str(connection.scalar(text("SHOW data_directory"))))
        engine.dispose()

    def kill(self) -> None:
        """Kill the server; its other processes notice and end."""
        pid = int((self._data / "postmaster.pid").read_text(encoding="ascii").split()[0])
        os.kill(pid, signal.SIGKILL)

    def start(self) -> None:
        """Start it with the options that it had, once the others have ended.

        Raises:
            RuntimeError: it does not start.
        """
        assert postgres.BINARIES is not None
        # It writes the options down itself; "restart" also starts a server that is down.
        restart = (str(postgres.BINARIES / "pg_ctl"), "-D", str(self._data), "-w", "restart")
        user = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
        for _ in range(_TRIES):
            log = (self._data.parent / "log").open("ab")
            with log:
                done = subprocess.run(
                    [*user, *restart], stdout=log, stderr=log, check=False, cwd=self._data.parent
                )
            if done.returncode == 0:
                return
            time.sleep(0.25)
        raise RuntimeError("PostgreSQL did not start again")
