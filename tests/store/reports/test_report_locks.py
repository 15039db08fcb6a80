"""Whatever changes records waits for a report without holding others that a deal wants next."""

from __future__ import annotations

import threading
from collections.abc import Callable
from itertools import count

import pytest
from sqlalchemy import select, text

from store.core.errors import Unavailable
from store.core.session import Store, WriteSession
from store.core.tables import Batch, RecordRow, Report
from store.reports import reports
from store.reviews.reviews import ReviewInfo
from store.searching import batches
from tests.shared import on_postgresql
from tests.store.builders import add_records

pytestmark = pytest.mark.both_databases

_BLOCKED = text(
    "SELECT count(*) FROM pg_stat_activity "
    "WHERE datname = current_database() AND cardinality(pg_blocking_pids(pid)) > 0"
)


class _Undone(Exception):
    """Ends a transaction that is not to be committed."""


def _lock_others_while_it_waits(
    store: Store, act: Callable[[WriteSession], object], first: int, others: list[int]
) -> None:
    """Hold a report, let the act wait for it, and then lock other reports, as a deal would."""

    def work() -> None:
        try:
            with store.write() as session:
                act(session)
                raise _Undone
        except (_Undone, Unavailable):
            pass

    thread = threading.Thread(target=work)
    lock = select(Report.id).order_by(Report.id)
    try:
        with store.write() as session:
            session.execute(lock.where(Report.id == first).with_for_update(key_share=True))
            thread.start()
            for _ in count():
                with store.read() as looking:
                    if looking.scalar(_BLOCKED):
                        break
                assert thread.is_alive()
            later = lock.where(Report.id.in_(others)).with_for_update(key_share=True, nowait=True)
            assert session.scalars(later).all() == others
    finally:
        thread.join()


@on_postgresql
def test_a_withdrawal_locks_reports_in_the_order_of_a_deal(
    store: Store, review: ReviewInfo
) -> None:
    made = sorted(add_records(store, review.id, 40))

    def withdraw(session: WriteSession) -> None:
        (batch,) = session.scalars(select(Batch.id))
        batches.withdraw_batch(session, review.id, batch, reason="wrong", person_id=None)

    _lock_others_while_it_waits(store, withdraw, made[0], made[1:])


@on_postgresql
def test_grouping_locks_reports_in_the_order_of_a_deal(store: Store, review: ReviewInfo) -> None:
    a, b, c, d = sorted(add_records(store, review.id, 4))

    def group(session: WriteSession) -> None:
        rows = session.execute(select(RecordRow.report_id, RecordRow.id))
        record_of = {row[0]: row[1] for row in rows}
        grouped = reports.list_grouped_records(session, [a, b, c, d])
        groups = [[record_of[a], record_of[d]], [record_of[b], record_of[c]]]
        reports.assign_records(session, groups, {each.record_id: each for each in grouped})

    _lock_others_while_it_waits(store, group, b, [c, d])
