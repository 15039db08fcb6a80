"""The log of a process that keeps running."""

from __future__ import annotations

import logging

# Libraries that say more than anybody wants to read.
_CHATTY = ("alembic", "huey", "matplotlib", "sentence_transformers", "httpx")


def start_logging(level: str, process: str = "") -> None:
    """Log to standard error.

    Args:
        level: the least serious level that is logged.
        process: what each line calls this process; "" if the log has one process.
    """
    named = f"[{process}] " if process else ""
    logging.basicConfig(level=level, format=f"%(asctime)s {named}%(name)s %(message)s")
    for name in _CHATTY:
        logging.getLogger(name).setLevel(logging.WARNING)
