"""Progress of the worker's long operations, for the pages to show."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import delete, select, true, update

from store.session import ReadSession, WriteSession
from store.tables import Job, now

_LATELY = dt.timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class JobInfo:
    """A long operation and how far it is."""

    id: int
    review_id: int
    kind: str
    state: str
    done: int
    total: int
    message: str | None
    updated_at: dt.datetime


def begin(session: WriteSession, review_id: int, kind: str, *, total: int = 0) -> int:
    """A new operation, under way until it is ended."""
    row = Job(
        review_id=review_id, kind=kind, state="running", done=0, total=total, updated_at=now()
    )
    session.add(row)
    session.flush()
    return row.id


def interrupted(
    session: WriteSession, *, kind: str, review_id: int | None = None, but: Sequence[int] = ()
) -> None:
    """Close operations of a kind that can no longer be under way: whoever did them is gone.

    Args:
        session: a transaction that writes.
        kind: kind of operation.
        review_id: only this review's; None for all.
        but: ids of those that wait in the queue still.
    """
    mine = Job.review_id == review_id if review_id is not None else true()
    session.execute(
        update(Job)
        .where(Job.kind == kind, Job.state == "running", Job.id.not_in(but), mine)
        .values(state="failed", message="interrupted", updated_at=now())
    )


def advance(session: WriteSession, job_id: int, *, done: int, total: int) -> None:
    """Say how far an operation is."""
    session.execute(
        update(Job).where(Job.id == job_id).values(done=done, total=total, updated_at=now())
    )


def end(session: WriteSession, job_id: int, *, state: str, message: str | None = None) -> None:
    """Close an operation as done or failed."""
    session.execute(
        update(Job).where(Job.id == job_id).values(state=state, message=message, updated_at=now())
    )


def discard(session: WriteSession, job_id: int) -> None:
    """Forget an operation that turned out to have nothing to do."""
    session.execute(delete(Job).where(Job.id == job_id))


def newest(session: ReadSession, review_id: int) -> list[JobInfo]:
    """All operations under way, and the newest of each kind that ended lately."""
    rows = session.scalars(
        select(Job)
        .where(
            Job.review_id == review_id,
            (Job.state == "running") | (Job.updated_at > now() - _LATELY),
        )
        .order_by(Job.id.desc())
        .limit(20)
    )
    shown: list[JobInfo] = []
    for row in rows:
        if row.state == "running" or row.kind not in {job.kind for job in shown}:
            shown.append(_info(row))
    return shown


def _info(row: Job) -> JobInfo:
    return JobInfo(
        row.id,
        row.review_id,
        row.kind,
        row.state,
        row.done,
        row.total,
        row.message,
        row.updated_at,
    )
