"""The command line on a data folder, in this process or in its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from typer.testing import CliRunner

from api.cli import app
from tests.shared import ROOT

CSV = "title,abstract,year,label\nOne,Joint working,2012,1\nTwo,Steel,2013,0\nThree,Care,,1\n"
Done = subprocess.CompletedProcess[str]
Run = Callable[..., Done]


def words(*arguments: str | Path) -> list[str]:
    """The command as a shell would start it."""
    return [sys.executable, "-m", "api.cli", *map(str, arguments)]


def run_here(data: Path, *arguments: str | Path, **environment: str) -> Done:
    """Run a command in this process, because starting one takes seconds."""
    values = {"WINNOW_DATA_DIR": str(data), **environment}
    done = CliRunner().invoke(app, [*map(str, arguments)], env=values)
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    return subprocess.CompletedProcess(words(*arguments), done.exit_code, done.stdout, done.stderr)


def run_apart(data: Path, *arguments: str | Path, **environment: str) -> Done:
    """Run a command in its own process, as a script does."""
    return subprocess.run(
        words(*arguments),
        env={**os.environ, "WINNOW_DATA_DIR": str(data), **environment},
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def result(done: Done, code: int = 0) -> Any:
    """The one JSON object on standard output."""
    assert done.returncode == code, done.stderr
    (line,) = done.stdout.splitlines()
    return json.loads(line)
