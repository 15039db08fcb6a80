"""What a process remembers of queues stays within limits, and what is used most stays."""

from __future__ import annotations

import threading
from array import array
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import event

from api.protocol import ProtocolBody
from api.services.screening.cards import Queues
from store.core.session import Store
from store.reviews import reviews
from store.reviews.people import PersonInfo
from store.reviews.reviews import NewReview, ReviewInfo
from store.screening import rankings
from store.screening.stage_queue import Screener
from tests.api.services.reporting.test_evaluation import RANKING
from tests.shared import on_sqlite
from tests.store.builders import add_records
from tests.store.deciding import decide

pytestmark = on_sqlite


@pytest.fixture
def other(store: Store, person: PersonInfo) -> ReviewInfo:
    with store.write() as session:
        new = NewReview("other", "Another review", ProtocolBody().stored())
        return reviews.create_review(session, new, person_id=person.id)


def _rank(store: Store, review: ReviewInfo, reports: list[int]) -> int:
    order = array("q", reports)
    new = replace(RANKING, report_ids=order, scores=array("f", range(len(order))))
    with store.write() as session:
        return rankings.save_ranking(session, review.id, new)


def _open(store: Store, queues: Queues, review: ReviewInfo, person: PersonInfo) -> int:
    """Open the queue of a review; how many statements that took."""
    seen = 0

    def look(*_: Any) -> None:
        nonlocal seen
        seen += 1

    with store.read() as session:
        session.connection()
        event.listen(store.engine, "before_cursor_execute", look)
        queues.open_stage(session, Screener(review.id, person.id))
        event.remove(store.engine, "before_cursor_execute", look)
    return seen


def test_a_busy_review_leaves_the_rankings_of_others_in_memory(
    store: Store, review: ReviewInfo, other: ReviewInfo, person: PersonInfo
) -> None:
    queues = Queues(decoded=2)
    _rank(store, review, add_records(store, review.id, 2))
    busy = add_records(store, other.id, 2)
    _open(store, queues, review, person)
    for _ in range(3):
        _rank(store, other, busy)
        _open(store, queues, other, person)
        # Only whether anything has changed is read.
        assert _open(store, queues, review, person) == 1


def test_decided_reports_count_towards_the_limit_of_what_is_remembered(
    store: Store, review: ReviewInfo, other: ReviewInfo, person: PersonInfo
) -> None:
    for each in (review, other):
        reports = add_records(store, each.id, 6)
        _rank(store, each, reports)
        for report in reports:
            decide(store, each, person, report, "include")
    for entries, is_kept in ((12, True), (11, False)):
        queues = Queues(entries=entries)
        for each in (review, other):
            assert _open(store, queues, each, person) > 1
        assert (_open(store, queues, review, person) == 1) is is_kept


def test_a_queue_is_read_once_however_many_ask_for_it_together(
    store: Store, review: ReviewInfo, person: PersonInfo
) -> None:
    _rank(store, review, add_records(store, review.id, 6))
    alone = _open(store, Queues(), review, person)
    number = 6
    queues = Queues()
    headings, others = 0, 0
    all_ask = threading.Event()
    lock = threading.Lock()

    def look(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        nonlocal headings, others
        if statement == "BEGIN":
            return
        with lock:
            is_heading = "review.rule_changes" in statement
            headings += is_heading
            others += not is_heading
            if headings == number:
                all_ask.set()
        if not is_heading:
            # Nothing is read before all of them have asked.
            assert all_ask.wait(60)

    def ask(_: int) -> int:
        with store.read() as session:
            return len(queues.open_stage(session, Screener(review.id, person.id)))

    event.listen(store.engine, "before_cursor_execute", look)
    try:
        with ThreadPoolExecutor(number) as pool:
            sizes = set(pool.map(ask, range(number)))
    finally:
        event.remove(store.engine, "before_cursor_execute", look)
    assert (sizes, others) == ({12}, alone - 1)
