"""Progress of the worker's long operations, for the pages to show."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from sqlalchemy import select, update

from store.session import ReadSession, WriteSession
from store.tables import Job, now

STATES = ("running", "done", "failed")
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
    """A new operation; one of the same kind that never ended is closed as failed."""
    session.execute(
        update(Job)
        .where(Job.review_id == review_id, Job.kind == kind, Job.state == "running")
        .values(state="failed", message="interrupted", updated_at=now())
    )
    row = Job(
        review_id=review_id, kind=kind, state="running", done=0, total=total, updated_at=now()
    )
    session.add(row)
    session.flush()
    return row.id


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


def newest(session: ReadSession, review_id: int) -> list[JobInfo]:
    """The newest operation of each kind: those under way, and those that ended lately."""
    rows = session.scalars(
        select(Job)
        .where(
            Job.review_id == review_id,
            (Job.state == "running") | (Job.updated_at > now() - _LATELY),
        )
        .order_by(Job.id.desc())
        .limit(20)
    )
    seen: dict[str, JobInfo] = {}
    for row in rows:
        seen.setdefault(
            row.kind,
            JobInfo(
                row.id,
                row.review_id,
                row.kind,
                row.state,
                row.done,
                row.total,
                row.message,
                row.updated_at,
            ),
        )
    return list(seen.values())
