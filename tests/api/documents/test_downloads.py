"""Downloads are written while they are sent, from one state of the database."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from fastapi import FastAPI
from sqlalchemy import event

from api.documents import exports
from store.core.session import Store
from store.reviews import reviews
from store.reviews.people import PersonInfo
from store.reviews.reviews import NewReview, ReviewInfo
from tests.conftest import token_of
from tests.store.builders import add_records
from tests.store.deciding import decide

FORMATS = sorted(exports.FORMATS)


@pytest.fixture(autouse=True)
def _small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exports, "_PIECE", 10)
    monkeypatch.setattr(exports, "_SENT", 1)
    monkeypatch.setattr("harvest.exports.delimited._PIECE", 1)
    monkeypatch.setattr("harvest.exports.xlsx._PIECE", 1)


def count_statements(store: Store) -> list[str]:
    found: list[str] = []

    def look(_c: Any, _cursor: Any, statement: str, *_: Any) -> None:
        found.append(statement)

    event.listen(store.engine, "before_cursor_execute", look)
    return found


@pytest.mark.parametrize("file_format", FORMATS)
def test_an_export_is_of_the_moment_when_it_began(
    store: Store, review: ReviewInfo, person: PersonInfo, file_format: str
) -> None:
    reports = add_records(store, review.id, 40)
    with store.read_snapshot() as session:
        whole = list(exports.export(session, review.id, file_format))
    with store.read_snapshot() as session:
        pieces = exports.export(session, review.id, file_format)
        begun = [next(pieces) for _ in range(3)]
        decide(store, review, person, reports[-1], "include")
        add_records(store, review.id, 10, name="more.csv")
        rest = list(pieces)
    if file_format == "xlsx":
        # The workbook says when it was made.
        assert len(begun + rest) == len(whole)
    else:
        assert b"".join(begun + rest) == b"".join(whole)


@pytest.mark.parametrize("file_format", FORMATS)
def test_the_first_piece_costs_the_same_whatever_the_size(
    store: Store, review: ReviewInfo, person: PersonInfo, file_format: str
) -> None:
    numbers = []
    for _ in range(2):
        decide(store, review, person, add_records(store, review.id, 40)[0], "include")
        with store.read_snapshot() as session:
            statements = count_statements(store)
            pieces = exports.export(session, review.id, file_format)
            while b"Title" not in next(pieces) and file_format != "xlsx":
                pass
            numbers.append(len(statements))
            first = len(statements)
            for _piece in pieces:
                pass
            # What follows is read piece by piece.
            assert len(statements) > first
    assert numbers[0] == numbers[1] > 0


class Client:
    """A client over ASGI that goes away after the first piece of a body."""

    def __init__(self) -> None:
        self.gone = asyncio.Event()
        self.pieces = 0
        self._asked = False

    async def receive(self) -> dict[str, Any]:
        if not self._asked:
            self._asked = True
            return {"type": "http.request", "body": b"", "more_body": False}
        await self.gone.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: dict[str, Any]) -> None:
        if message["type"] == "http.response.body":
            self.pieces += 1
            self.gone.set()
            # The server notices it, or goes on sending; never both in the same moment.
            await asyncio.sleep(0)


def test_the_work_ends_when_the_client_has_gone_away(
    app: FastAPI,
    store: Store,
    review: ReviewInfo,
    person: PersonInfo,
) -> None:
    add_records(store, review.id, 3_000)
    token = token_of(store, person.id)
    client = Client()
    scope = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": f"/api/v1/reviews/{review.slug}/exports/csv",
        "raw_path": b"",
        "query_string": b"",
        "root_path": "",
        "headers": [
            (b"host", b"127.0.0.1:8000"),
            (b"authorization", f"Bearer {token}".encode()),
        ],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 8000),
        "state": {},
    }
    statements = count_statements(store)
    # In a thread of its own: this one may have an event loop already.
    with ThreadPoolExecutor() as pool:
        pool.submit(asyncio.run, app(scope, client.receive, client.send)).result()
    # Each piece of ten records takes several statements; hundreds would follow.
    assert 0 < client.pieces < 100
    assert len(statements) < 300
    assert store.engine.pool.checkedout() == 0  # type: ignore[attr-defined] # of this kind of pool


def test_an_export_reads_the_ids_of_a_few_reports_at_a_time(
    store: Store, review: ReviewInfo, person: PersonInfo
) -> None:
    """In a store with another review's reports between."""
    with store.write() as session:
        other = reviews.create_review(session, NewReview("other", "Other", {}), person_id=person.id)
    own: list[int] = []
    for _ in range(3):
        own += add_records(store, review.id, 7)
        add_records(store, other.id, 12)
    with store.read_snapshot() as session:
        found = count_statements(store)
        entries = exports.list_entries(session, review.id)
        first = next(entries)
        asked = len(found)
        listed = [first.report_id, *(entry.report_id for entry in entries)]
    assert listed == own
    # The first entry came before the ids of the others were read.
    assert len(found) > asked
    of_ids = [each for each in found if "LIMIT" in each and "report.id >" in each]
    assert len(of_ids) == 4
