"""Work of the worker that keeps failing, for leads and `winnow doctor` to see.

A fault is a row of ``job`` in a state of its own: one for each review and kind, until the work
succeeds.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Final

from sqlalchemy import delete, select

from store.core.session import ReadSession, WriteSession
from store.core.tables import Job, now

FAULT: Final = "fault"


@dataclass(frozen=True, slots=True)
class WorkFault:
    """Work that failed when it was last tried.

    Attributes:
        kind: what was done, such as "ranking".
        message: the error, for the person who runs the server.
        at: when it failed last.
    """

    review_id: int
    kind: str
    message: str
    at: dt.datetime


def record_fault(session: WriteSession, review_id: int, kind: str, message: str) -> None:
    """Record that work on a review has failed, in place of what was recorded before."""
    clear_fault(session, review_id, kind)
    session.add(
        Job(
            review_id=review_id,
            kind=kind,
            state=FAULT,
            done=0,
            total=0,
            message=message,
            updated_at=now(),
        )
    )


def clear_fault(session: WriteSession, review_id: int, kind: str) -> None:
    """Forget a fault, if there is one."""
    session.execute(
        delete(Job).where(Job.review_id == review_id, Job.kind == kind, Job.state == FAULT)
    )


def list_faults(session: ReadSession, review_id: int | None = None) -> list[WorkFault]:
    """What keeps failing, oldest first.

    Args:
        session: a transaction.
        review_id: only of this review; None for all.
    """
    query = select(Job).where(Job.state == FAULT).order_by(Job.id)
    if review_id is not None:
        query = query.where(Job.review_id == review_id)
    return [
        WorkFault(row.review_id, row.kind, row.message or "", row.updated_at)
        for row in session.scalars(query)
    ]
