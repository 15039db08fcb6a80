"""Pages that only show counts cost the same whatever a review's size: no text is read for them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import event

from api.app import create_app
from api.protocol import ProtocolBody, ProtocolLimits
from api.services.reviews import protocols
from api.services.searching.flow_counting import count_flow
from api.settings import Settings
from harvest.record import Record
from store.core.session import Store
from store.reviews.people import PersonInfo
from store.reviews.reviews import NewProtocol, ReviewInfo
from tests.api.people import browser
from tests.shared import on_sqlite
from tests.store.builders import add_records, content, store_content
from tests.store.deciding import decide

pytestmark = [pytest.mark.case("service", 21), on_sqlite]

_OWN = "/reviews/review"
COUNTS = (
    "/",
    _OWN,
    f"{_OWN}/searches",
    f"{_OWN}/searches/1",
    f"{_OWN}/harvest",
    f"{_OWN}/search-log",
    f"{_OWN}/protocol",
    f"{_OWN}/team",
)
LISTS = (f"{_OWN}/records", f"{_OWN}/records?decision=undecided", f"{_OWN}/records?page=2")
# Reads every row of a table that has one for each record, entry or decision.
_WHOLE = re.compile(
    r"SCAN (record|batch_entry|decision)\b"
    r"|SEARCH record USING (COVERING )?INDEX ix_record_review\w+ \(review_id=\?\)"
)
_BASE_YEAR = 1990


@contextmanager
def whole_readings(store: Store) -> Iterator[list[str]]:
    """Statements run meanwhile that read all records, entries or decisions of a review."""
    found: list[str] = []

    def look(
        _connection: Any, cursor: Any, statement: str, parameters: Any, _context: Any, _many: bool
    ) -> None:
        if statement.lstrip().startswith(("SELECT", "WITH")):
            plan = cursor.connection.execute(f"EXPLAIN QUERY PLAN {statement}", parameters)
            if any(_WHOLE.search(row[3]) for row in plan.fetchall()):
                found.append(" ".join(statement.split()))

    event.listen(store.engine, "before_cursor_execute", look)
    yield found
    event.remove(store.engine, "before_cursor_execute", look)


@contextmanager
def steps(store: Store) -> Iterator[list[int]]:
    """Counts the steps, in hundreds, that SQLite takes meanwhile."""
    taken = [0]

    def step() -> None:
        taken[0] += 1

    def watch(connection: Any, *_: Any) -> None:
        connection.set_progress_handler(step, 100)

    event.listen(store.engine, "checkout", watch)
    yield taken
    event.remove(store.engine, "checkout", watch)


def add_dated_records(store: Store, review: ReviewInfo, first: int, number: int) -> None:
    """Records within the protocol's years, as most are."""
    made = content(
        [
            Record(position=n, title=f"Study {first + n}", abstract="Found.", year=_BASE_YEAR + 9)
            for n in range(1, number + 1)
        ]
    )
    store_content(store, review.id, made)
    count_flow(store, review.id)


@pytest.fixture
def client(store: Store, settings: Settings, review: ReviewInfo, person: PersonInfo) -> TestClient:
    """The lead of a review with years that its protocol sets."""
    body = ProtocolBody(limits=ProtocolLimits(year_from=_BASE_YEAR)).stored()
    protocols.save_protocol(store, review.id, NewProtocol(body, person.id))
    for report in add_records(store, review.id, 5):
        decide(store, review, person, report, "include")
    add_dated_records(store, review, 0, 60)
    return browser(create_app(settings, store), store, person)


@pytest.mark.parametrize("address", [*COUNTS, *LISTS])
def test_no_page_of_counts_reads_all_records(
    client: TestClient, store: Store, address: str
) -> None:
    with whole_readings(store) as found:
        assert client.get(address).status_code == 200
    assert found == []


@pytest.mark.parametrize("address", COUNTS)
def test_a_page_of_counts_takes_no_more_steps_for_ten_times_the_records(
    client: TestClient, store: Store, review: ReviewInfo, address: str
) -> None:
    def count_steps() -> int:
        client.get(address)
        with steps(store) as taken:
            assert client.get(address).status_code == 200
        return taken[0]

    before = count_steps()
    add_dated_records(store, review, 60, 600)
    # One more file; a step for each record would be 600 of these hundreds or more.
    assert count_steps() < before + 60
