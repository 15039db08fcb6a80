"""A server that benchmarks start, kill and start again."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from benchmarks.measuring import ROOT


class Running:
    """A `winnow serve` on a data folder that can be killed and started again on its port."""

    def __init__(self, data: Path, database_url: str = "") -> None:
        self.data = data
        self.environment = {
            **os.environ,
            "WINNOW_DATA_DIR": str(data),
            "WINNOW_DATABASE_URL": database_url,
            # Words alone: the encoder has no part in what is tested here.
            "WINNOW_PIPELINE": "elas-u4",
        }
        self.port = "0"
        self.url = ""
        self.process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "api.cli", "serve", "--port", self.port, "--json"],
            env=self.environment,
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        assert self.process.stdout is not None
        base = json.loads(self.process.stdout.readline())["url"]
        self.port = base.rsplit(":", 1)[1]
        self.url = f"{base}/api/v1/reviews/soak"

    def kill(self) -> None:
        assert self.process is not None
        self.process.kill()
        self.process.communicate(timeout=60)

    def stop(self) -> None:
        assert self.process is not None
        self.process.terminate()
        self.process.communicate(timeout=60)
