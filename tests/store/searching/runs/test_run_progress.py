"""Only the worker that owns a run may store its pages."""

from __future__ import annotations

import datetime as dt

import pytest

from api.services.searching.page_entries import key_entries
from harvest.record import Record
from store.core.errors import Conflict, NotFound
from store.core.session import Store
from store.reviews.reviews import ReviewInfo
from store.searching import strategies
from store.searching.ingest import BatchContent, FileInfo
from store.searching.runs import run_pages, run_progress, runs
from store.searching.runs.run_progress import NewPage
from store.searching.strategies import NewStrategy
from tests.store.builders import new_run

ONE = Record(position=1, title="Barnahus", pmid="1")


@pytest.fixture
def run_id(store: Store, review: ReviewInfo) -> int:
    """A run that waits for a worker."""
    with store.write() as session:
        strategies.create_version(session, review.id, NewStrategy({"text": "a"}), person_id=None)
        version = strategies.get_version(session, review.id)
        new = new_run(version.id, dt.date(2026, 1, 5))
        return runs.create_run(session, review.id, new, person_id=None)


def _claim(store: Store, run_id: int, owner: str, *, due_only: bool = False) -> bool:
    with store.write() as session:
        return run_progress.claim_run(session, run_id, owner, due_only=due_only)


def _add_page(store: Store, run_id: int, owner: str) -> int:
    body = owner.encode()
    entries = key_entries("pubmed", body, [ONE])
    file = FileInfo(
        name="",
        sha256=f"{owner:0<64}",
        size=len(body),
        format="pubmed",
        columns={"kind": "records"},
        notices=(),
    )
    page = NewPage(
        file=file,
        body=body,
        content=BatchContent(entries.records, ()),
        gold_filtered=(),
        cursor=None,
    )
    with store.write() as session:
        return run_progress.add_page(session, runs.get_run(session, run_id), owner, page)


def _pages(store: Store, run_id: int) -> int:
    with store.read() as session:
        return len(run_pages.list_pages(session, run_id))


def test_a_page_of_a_worker_that_lost_its_run_is_refused(store: Store, run_id: int) -> None:
    assert _claim(store, run_id, "first")
    assert _add_page(store, run_id, "first") == 1
    assert _claim(store, run_id, "second")
    with pytest.raises(Conflict, match="taken over"):
        _add_page(store, run_id, "first")
    assert _pages(store, run_id) == 1
    assert _add_page(store, run_id, "second") == 2


def test_a_page_of_a_stopped_run_is_refused(store: Store, review: ReviewInfo, run_id: int) -> None:
    _claim(store, run_id, "first")
    with store.write() as session:
        run_progress.stop_run(session, run_id, review.id, person_id=None)
    with pytest.raises(Conflict, match="stopped"):
        _add_page(store, run_id, "first")
    assert _pages(store, run_id) == 0


def test_a_run_whose_worker_is_alive_is_not_due(store: Store, run_id: int) -> None:
    assert _claim(store, run_id, "first", due_only=True)
    assert not _claim(store, run_id, "second", due_only=True)
    assert _add_page(store, run_id, "first") == 1


def test_a_run_that_does_not_exist_cannot_be_claimed(store: Store, run_id: int) -> None:
    with pytest.raises(NotFound, match=str(run_id + 1)):
        _claim(store, run_id + 1, "first")
