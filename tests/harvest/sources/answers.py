"""Recorded answers of the sources, and the parsers that read them."""

from __future__ import annotations

from pathlib import Path

from harvest.http import Client
from harvest.record import Record, Rejected
from harvest.sources.config import SourceConfig
from harvest.sources.registry import create_source
from tests.harvest.conformance import CONFIG
from tests.shared import SHARED

PAYLOADS = SHARED / "payloads"


CONFIGS = {name: SourceConfig(**values) for name, values in CONFIG.items()}


CLIENT = Client(agent="Winnow tests")


def read(name: str, path: Path) -> list[Record | Rejected]:
    about = {"kind": "records", "asked": []}
    found = create_source(name, CLIENT, CONFIGS[name]).read(path.read_bytes(), about)
    return list(found)


def records(name: str, path: Path) -> list[Record]:
    return [entry for entry in read(name, path) if isinstance(entry, Record)]
