"""Both servers screen in turn, and what they got done is counted from what they stored."""

from __future__ import annotations

import pytest

from benchmarks.measuring import DATA
from benchmarks.peer_server import COMMAND
from benchmarks.saturation import Plan, compare_best, measure

pytestmark = [
    pytest.mark.skipif(not DATA.is_dir(), reason="the labelled sets are not there"),
    pytest.mark.skipif(
        not COMMAND.is_file(), reason="ASReview is not installed: `make bench-peers`"
    ),
]


@pytest.mark.soak
def test_both_servers_store_what_their_clients_decide() -> None:
    found = measure(Plan(records=200, clients=(2,), seconds=2.0, turns=1))
    assert [run["tool"] for run in found["runs"]] == ["winnow", "asreview"]
    for run in found["runs"]:
        assert run["decisions"] > 0
        # A decision after which no card came in time is stored but not timed.
        assert run["per_second"] * found["seconds"] <= run["decisions"] + 1
        assert run["errors"] == {}
    assert found["best"] == compare_best(found["runs"])
