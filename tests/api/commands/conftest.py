"""A store with one review, the command line on it, and simulated sources."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.api.harvests import Terminal
from tests.loopback.corpus import corpus
from tests.loopback.server import Loopback, World


@pytest.fixture
def winnow(tmp_path: Path) -> Iterator[Terminal]:
    server = Loopback(World(corpus(300)))
    terminal = Terminal(tmp_path, server)
    terminal("init", "--name", "ada")
    terminal("review", "add", "r")
    yield terminal
    server.close()
