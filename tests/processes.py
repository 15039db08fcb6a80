"""Processes of this machine, as /proc lists them."""

from __future__ import annotations

import re
from pathlib import Path


def is_alive(pid: int) -> bool:
    """Whether a process runs; a zombie does not."""
    try:
        return "Z" not in re.findall(r"State:\s(\w)", Path(f"/proc/{pid}/status").read_text())
    except FileNotFoundError:
        return False


def list_children(pid: int) -> list[int]:
    """Processes that a process has started."""
    tasks = Path(f"/proc/{pid}/task").glob("*/children")
    return [int(child) for task in tasks for child in task.read_text().split()]
