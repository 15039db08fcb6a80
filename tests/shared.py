"""Where the checkout is, and the real data next to it, which a user's clone does not have."""

from __future__ import annotations

from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SHARED = ROOT.parent / "shared" / "data"
SCREENING = SHARED / "screening"
IMPORTS = SHARED / "payloads" / "imports"
PUBMED = SHARED / "payloads" / "pubmed"
TOPIC = SHARED / "topic"
CASES = SHARED / "cases"

# Tests with a database run on each kind, unless they use one of these marks.
on_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
on_postgresql = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)

needs_shared = pytest.mark.skipif(
    not SHARED.is_dir(), reason="the shared data folder is absent (a user's clone has none)"
)
