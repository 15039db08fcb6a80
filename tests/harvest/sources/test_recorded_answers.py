"""No recorded answer, whatever it contains, breaks a parser."""

from __future__ import annotations

from harvest.errors import (
    HarvestError,
)
from harvest.record import Record, Rejected
from harvest.sources.registry import create_source
from tests.harvest.sources.answers import CLIENT, CONFIGS, PAYLOADS
from tests.shared import needs_shared


@needs_shared
def test_no_recorded_body_of_any_source_breaks_a_parser() -> None:
    """Every body gives records or one of our errors, never another exception."""
    bodies = [
        path.read_bytes()
        for path in sorted(PAYLOADS.rglob("*"))
        if path.is_file()
        and path.suffix in (".json", ".xml", ".html", ".txt")
        and path.stat().st_size < 300_000
    ]
    assert len(bodies) > 200
    about = {"kind": "records", "asked": []}
    for name in CONFIGS:
        adapter = create_source(name, CLIENT, CONFIGS[name])
        for body in bodies:
            try:
                entries = adapter.read(body, about)
            except HarvestError:
                continue
            assert all(isinstance(entry, Record | Rejected) for entry in entries)
