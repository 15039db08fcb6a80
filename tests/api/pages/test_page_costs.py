"""Pages of stored figures read no more of a large review than of a small one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from fastapi import FastAPI
from sqlalchemy import event

from api.services.reporting import stored_results
from api.services.reporting.stored_results import KINDS
from store.core.session import Store
from store.reviews.people import PersonInfo
from store.reviews.reviews import ReviewInfo
from tests.api.answers import add_gold
from tests.api.people import browser
from tests.store.builders import add_records, list_all_records
from tests.store.deciding import decide

PAGES = (
    *("evaluation", "plots/recall.svg", "agreement", "screening-report"),
    *("screening-report.md", "duplicates", "plots/overlap.svg", "duplicates/questions"),
)


@dataclass
class Work:
    """What a page asked of the database."""

    statements: int = 0
    rows: int = 0


@contextmanager
def watched(store: Store) -> Iterator[Work]:
    """Count statements, and the rows that are fetched (on SQLite)."""
    work = Work()

    open_work = [work]

    def ask(*_: Any) -> None:
        work.statements += 1

    def fetch(_cursor: Any, row: Any) -> Any:
        # Connections are kept, and with them this function.
        for each in open_work:
            each.rows += 1
        return row

    def connect(connection: Any, *_: Any) -> None:
        connection.row_factory = fetch

    event.listen(store.engine, "before_cursor_execute", ask)
    event.listen(store.engine, "checkout", connect)
    yield work
    open_work.clear()
    event.remove(store.engine, "before_cursor_execute", ask)
    event.remove(store.engine, "checkout", connect)


@pytest.mark.case("service", 21)
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_pages_of_stored_figures_read_as_much_at_500_records_as_at_2_000(
    app: FastAPI,
    store: Store,
    review: ReviewInfo,
    person: PersonInfo,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(stored_results, "SMALL", 0)
    reports = add_records(store, review.id, 500)
    with store.read() as session:
        titles = [str(stored.record.title) for stored in list_all_records(session, review.id)[:9]]
    add_gold(store, review, person, titles)
    for report in reports[:20]:
        decide(store, review, person, report, "include")
    page = browser(app, store, person)
    found: list[dict[str, Work]] = []
    for more in (0, 1_500):
        if more:
            add_records(store, review.id, more, name="more.csv")
        for kind in KINDS:
            assert stored_results.work_out(store, review.id, kind) is None
        works = {}
        for address in PAGES:
            with watched(store) as works[address]:
                assert page.get(f"/reviews/{review.slug}/{address}").status_code == 200
        found.append(works)
    before, after = found
    for address in PAGES:
        assert 0 < before[address].rows < 300, address
        assert after[address].statements == before[address].statements, address
        # A second file is one more search, batch and job; no page reads records.
        assert after[address].rows <= before[address].rows + 20, address
