"""A PostgreSQL server on loopback for one test run, from the system's package."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def _binaries() -> Path | None:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), reverse=True)
    if found:
        return found[0].parent
    on_path = shutil.which("initdb")
    return Path(on_path).parent if on_path else None


BINARIES = _binaries()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _as_user(command: list[str]) -> list[str]:
    """The user to run as: PostgreSQL refuses root, and Debian's package has a user for it."""
    return ["runuser", "-u", "postgres", "--", *command] if os.geteuid() == 0 else command


# In memory, making a database takes a sixth of the time, and a thousand tests make one each.
_MEMORY = Path("/dev/shm")
_ENOUGH = 2**31
_FORGETFUL = (
    "-c fsync=off -c synchronous_commit=off -c full_page_writes=off "
    "-c wal_level=minimal -c max_wal_senders=0 -c autovacuum=off"
)


def _folder() -> Path:
    roomy = _MEMORY.is_dir() and os.access(_MEMORY, os.W_OK)
    memory = roomy and shutil.disk_usage(_MEMORY).free > _ENOUGH
    return Path(tempfile.mkdtemp(prefix="winnow-pg-", dir=_MEMORY if memory else None))


@contextmanager
def server(*, durable: bool = False) -> Iterator[str]:
    """Start a server, and return its URL up to the database name.

    Args:
        durable: whether it keeps what it has committed, as a real one does, on the disk.
    """
    assert BINARIES is not None
    folder = Path(tempfile.mkdtemp(prefix="winnow-pg-")) if durable else _folder()
    folder.chmod(0o755)
    data = folder / "data"
    if os.geteuid() == 0:
        shutil.chown(folder, "postgres")
    run = lambda *command: subprocess.run(  # noqa: E731 - one line, used thrice
        _as_user(list(command)), check=True, capture_output=True, cwd=folder
    )
    run(str(BINARIES / "initdb"), "-D", str(data), "-U", "winnow", "-A", "trust", "--no-sync")
    port = free_port()
    options = (
        f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={folder} "
        f"-c max_connections=200 {'' if durable else _FORGETFUL}"
    )
    log = folder / "log"
    run(str(BINARIES / "pg_ctl"), "-D", str(data), "-o", options, "-l", str(log), "-w", "start")
    try:
        yield f"postgresql+psycopg://winnow@127.0.0.1:{port}/"
    finally:
        run(str(BINARIES / "pg_ctl"), "-D", str(data), "-m", "immediate", "stop")
        shutil.rmtree(folder, ignore_errors=True)
