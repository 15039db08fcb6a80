"""A real server in a process of its own, and what it and the processes it has started use."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import urlsplit

_LOOK_EVERY = 0.5
# Seconds that a server gets to end.
_GRACE = 60.0


@contextlib.contextmanager
def serve(data: Path, *options: str, **settings: str) -> Iterator[tuple[str, int]]:
    """Run ``winnow serve`` as a shell would, so that it shares no memory; its address and process.

    Args:
        data: the data folder.
        options: of the command.
        settings: environment variables, without ``WINNOW_`` and in small letters.
    """
    own = {f"WINNOW_{name.upper()}": value for name, value in settings.items()}
    environment = {**os.environ, "WINNOW_DATA_DIR": str(data), **own}
    server = subprocess.Popen(
        [sys.executable, "-m", "api.cli", "serve", "--port", "0", "--json", *options],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert server.stdout is not None
    try:
        parts = urlsplit(json.loads(server.stdout.readline())["url"])
        yield f"{parts.scheme}://{parts.netloc}", server.pid
    finally:
        server.terminate()
        try:
            server.wait(_GRACE)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()
        server.stdout.close()


def list_family(pid: int) -> dict[int, str]:
    """A process and those that it and they have started, with their command lines."""
    parents = {number: int(words[1]) for number, words in _read_stats().items()}
    family = {pid}
    while grown := {each for each, parent in parents.items() if parent in family} - family:
        family |= grown
    lines = {}
    for each in family:
        with contextlib.suppress(OSError):
            line = Path(f"/proc/{each}/cmdline").read_bytes().replace(b"\0", b" ")
            lines[each] = line.decode(errors="replace").strip()
    return lines


def _read_stats() -> Mapping[int, list[str]]:
    fields = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            # After the name, which may hold anything: state, parent, ..., user and system time.
            fields[int(path.parent.name)] = path.read_text().rpartition(")")[2].split()
    return fields


def count_cpu(pid: int) -> float:
    """Seconds of processor time of a process and those it has started, and that still run."""
    stats = _read_stats()
    ticks = sum(
        int(stats[each][11]) + int(stats[each][12]) for each in list_family(pid) if each in stats
    )
    return ticks / os.sysconf("SC_CLK_TCK")


def count_memory(*pids: int) -> int:
    """Bytes of memory of processes: what they share counts once (proportional set size)."""
    total = 0
    for pid in pids:
        with contextlib.suppress(OSError):
            for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
                if line.startswith("Pss:"):
                    total += 1024 * int(line.split()[1])
    return total


class MemoryWatch:
    """The most memory that a process and those it has started use while a block runs.

    Args:
        pid: the process.
    """

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)
        self.most = 0

    def __enter__(self) -> MemoryWatch:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _look(self) -> None:
        while True:
            self.most = max(self.most, count_memory(*list_family(self._pid)))
            if self._stop.wait(_LOOK_EVERY):
                return
