"""A slice of each long test; the full counts run in `make soak`."""

from __future__ import annotations

from api.settings import Settings
from benchmarks import crew, kills, load, probe, soak, year
from benchmarks.load_clients import Pace
from benchmarks.load_store import Sizes
from store.core.session import Store


def test_a_team_on_a_server_that_is_killed_ends_with_the_expected_counts(database_url: str) -> None:
    # On SQLite the server has its own file.
    url = "" if database_url.startswith("sqlite") else database_url
    found = crew.screen(3, database_url=url, number=40)
    # A quick team may have finished before the third.
    assert 0 < found["kills"] <= 3
    assert set(found["mishaps"]) == {"double click", "lost connection", "reload", "taken back"}
    assert found["counts"]["include"] > 0
    assert crew.held(found), found


def test_an_import_whose_process_or_parser_is_killed_is_there_once(database_url: str) -> None:
    sqlite = database_url.startswith("sqlite")
    # One round of two on each database.
    victims = (("import", "importer"), ("import", "parser"))[:: 1 if sqlite else -1]
    url = "" if sqlite else database_url
    found = kills.run(1, database_url=url, victims=victims, records=20)
    assert sum(found["kills"].values()) == 1
    assert found["wrong"] == []


def test_many_clients_at_once_lose_nothing() -> None:
    found = soak.load_test(8, 3, records=2_000)
    assert found["decisions"] > 0
    assert (found["lost"], found["twice"]) == (0, 0)


def test_people_who_screen_at_once_get_each_card_no_more_often_than_needed() -> None:
    found = load.measure(load.Load("sqlite", Sizes(300, 150, 6), Pace(3, between=0.2), quiet=10))
    assert found["decisions_made"] > 0
    assert load.is_right(found), found


def test_broken_files_are_read_or_refused() -> None:
    found = soak.fuzz_files(3_000)
    assert found["read"] + found["refused"] == 3_000
    assert found["read"] > 300
    assert found["refused"] > 300


def test_nights_with_failures_end_with_the_same_store_as_nights_without() -> None:
    found = year.compare(3, size=120)
    assert found["kills"] > 0
    assert found["source_weeks_down"] > 0
    assert (found["differ"], found["lost"], found["twice"]) == ([], 0, 0)
    assert found["sums_hold"]


def test_no_request_breaks_the_server_or_shows_hidden_decisions(
    settings: Settings, store: Store
) -> None:
    # Every fourth operation, and others on each database.
    found = probe.probe(store, settings, examples=3, quarter=2 * (store.dialect != "sqlite"))
    assert found.operations > 25
    assert 0 < found.refused < found.requests
    assert (found.errors, found.leaks) == ([], [])
