"""`make test` leaves out what only `make soak` runs, and nothing else."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from tests.conftest import choose


def _item(name: str, database: str | None, *marks: str) -> Any:
    nodeid = f"tests/store/test_it.py::{name}" + (f"[{database}]" if database else "")
    call = None if database is None else SimpleNamespace(params={"database_url": database})
    return SimpleNamespace(
        nodeid=nodeid,
        callspec=call,
        get_closest_marker=lambda mark: mark in marks or None,
    )


@pytest.mark.parametrize("number", range(8))
def test_every_test_runs_on_one_of_its_databases_at_least(number: int) -> None:
    both = [_item(f"test_{number}", each) for each in ("sqlite", "postgresql")]
    alone = [
        _item(f"test_alone_{place}_{number}", each)
        for place, each in enumerate(("sqlite", "postgresql"))
    ]
    plain = _item(f"test_plain_{number}", None)
    marked = [_item("test_m", each, "both_databases") for each in ("sqlite", "postgresql")]
    chosen = choose([*both, *alone, plain, *marked, _item("test_s", None, "soak")])
    assert len([item for item in chosen if item in both]) == 1
    assert [item for item in chosen if item not in both] == [*alone, plain, *marked]
