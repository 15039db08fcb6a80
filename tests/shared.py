"""Where real data lies: beside the checkout, read in place, absent from a user's clone."""

from __future__ import annotations

from pathlib import Path

import pytest

SHARED = Path(__file__).resolve().parents[2] / "shared" / "data"
SCREENING = SHARED / "screening"
IMPORTS = SHARED / "payloads" / "imports"
PUBMED = SHARED / "payloads" / "pubmed"
TOPIC = SHARED / "topic"

needs_shared = pytest.mark.skipif(
    not SHARED.is_dir(), reason="the shared data folder is absent (a user's clone has none)"
)
