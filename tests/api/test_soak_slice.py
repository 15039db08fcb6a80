"""A slice of each long test; the full counts run in `make soak`."""

from __future__ import annotations

from api.settings import Settings
from benchmarks import crew, probe, soak, year
from store.session import Store


def test_a_crew_on_a_killed_server_ends_with_the_counts_of_its_script(database_url: str) -> None:
    # On SQLite its server keeps a file of its own.
    url = "" if database_url.startswith("sqlite") else database_url
    found = crew.screen(3, database_url=url, number=40)
    assert found["kills"] == 3
    assert set(found["mishaps"]) == {"double click", "lost connection", "reload", "taken back"}
    assert found["counts"]["include"] > 0
    assert crew.held(found), found


def test_many_clients_at_once_lose_nothing() -> None:
    found = soak.load_test(8, 3)
    assert found["decisions"] > 0
    assert (found["lost"], found["twice"]) == (0, 0)


def test_broken_files_are_read_or_refused() -> None:
    found = soak.fuzz_files(3_000)
    assert found["read"] + found["refused"] == 3_000
    assert found["read"] > 300
    assert found["refused"] > 300


def test_a_broken_year_of_nights_ends_as_an_unbroken_one() -> None:
    found = year.compare(3, size=120)
    assert found["kills"] > 0
    assert found["source_weeks_down"] > 0
    assert (found["differ"], found["lost"], found["twice"]) == ([], 0, 0)
    assert found["sums_hold"]


def test_no_request_breaks_the_server_or_shows_what_is_to_be_hidden(
    settings: Settings, store: Store
) -> None:
    found = probe.probe(store, settings, examples=3, in_turn=True)
    assert found.operations > 80
    assert 0 < found.refused < found.requests
    assert (found.errors, found.leaks) == ([], [])
