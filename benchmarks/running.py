"""A server that benchmarks start, kill and start again."""

from __future__ import annotations

import json
import os
from pathlib import Path

from benchmarks.children import Child, command


class Running:
    """A server and a worker on a data folder that can be killed and started again on their port."""

    def __init__(self, data: Path, database_url: str = "") -> None:
        self.data = data
        self.environment = {
            **os.environ,
            "WINNOW_DATA_DIR": str(data),
            "WINNOW_DATABASE_URL": database_url,
            # Words alone, because the encoder does not matter for these tests.
            "WINNOW_PIPELINE": "elas-u4",
        }
        self.port = "0"
        self.url = ""
        self._processes: list[Child] = []

    def start(self) -> None:
        """Start both. The worker is forked here because a fork starts without delay."""
        server = Child(
            command,
            *("serve", "--no-worker", "--port", self.port, "--json"),
            environment=self.environment,
        )
        base = json.loads(server.stdout.readline())["url"]
        worker = Child(command, "worker", environment=self.environment)
        self._processes = [server, worker]
        self.port = base.rsplit(":", 1)[1]
        self.url = f"{base}/api/v1/reviews/soak"

    @property
    def server(self) -> Child:
        """The process of the server."""
        return self._processes[0]

    @property
    def worker(self) -> Child:
        """The process of the worker."""
        return self._processes[1]

    def kill(self) -> None:
        """Kill both."""
        for process in self._processes:
            process.kill()

    def stop(self) -> None:
        """Ask both to end."""
        for process in self._processes:
            process.terminate()
