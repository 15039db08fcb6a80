"""Strangers who post passwords are refused one after the other, and the others go on working."""

from __future__ import annotations

import pytest

from benchmarks.login_flood import Flood, measure


@pytest.mark.case("service", 6)
def test_a_flood_of_sign_ins_leaves_the_others_working() -> None:
    found = measure(Flood(records=30, connections=60, seconds=6.0, quiet=2.0))
    # Wrong passwords, and refusals because too many come at once; nothing breaks.
    assert set(found["answers"]) <= {"401", "429"}
    assert sum(found["answers"].values()) >= 60
    assert found["errors"] == {}
    assert found["requests"]
    # One hash at a time takes the memory of one.
    assert found["memory_mb"] < found["memory_before_mb"] + 300
