"""Long operations of the worker, and their progress for the pages to show."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import delete, or_, select, update

from store.core import leases
from store.core.errors import LeaseLost
from store.core.session import ReadSession, WriteSession
from store.core.tables import Job, now
from store.core.work_faults import FAULT

IMPORT = "import"
_INTERRUPTED = "interrupted"
_RECENT = dt.timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class JobInfo:
    """A long operation and its progress.

    Attributes:
        message: what it waits for while it is running, if anything; then what became of it.
    """

    id: int
    review_id: int
    kind: str
    state: str
    done: int
    total: int
    message: str | None
    updated_at: dt.datetime


def start_job(
    session: WriteSession, review_id: int, kind: str, *, total: int = 0, owner: str | None = None
) -> int:
    """Start an operation and return its id; it counts as running until it is ended.

    Args:
        session: a transaction that writes.
        review_id: the review.
        kind: kind of operation.
        total: steps in all, if known.
        owner: who does it now; None if it waits in the queue.
    """
    row = Job(
        review_id=review_id,
        kind=kind,
        state="running",
        done=0,
        total=total,
        updated_at=now(),
        owner=owner,
        heartbeat_at=now() if owner else None,
    )
    session.add(row)
    session.flush()
    return row.id


def take_job(
    session: WriteSession, job_id: int, owner: str, *, upload_id: int | None = None
) -> bool:
    """Take an operation; False if it has ended, or if another process does it.

    Args:
        session: a transaction that writes.
        job_id: the operation.
        owner: a name that only this piece of work uses.
        upload_id: the file that an import reads.
    """
    row = session.get(Job, job_id, with_for_update=True)
    if row is None or row.state != "running" or not leases.is_free(row.owner, row.heartbeat_at):
        return False
    row.owner, row.heartbeat_at, row.upload_id = owner, now(), upload_id
    row.message = None
    return True


def put_back_job(session: WriteSession, job_id: int, *, message: str) -> None:
    """Let an operation wait in the queue again; the message says for what."""
    session.execute(
        update(Job)
        .where(Job.id == job_id)
        .values(owner=None, heartbeat_at=None, message=message, updated_at=now())
    )


def lock_owned_job(session: WriteSession, job_id: int, owner: str) -> None:
    """Lock an operation for the process that does it, and note that it is still alive.

    Raises:
        LeaseLost: another process took it over, or it counts as interrupted.
    """
    row = session.get(Job, job_id, with_for_update=True)
    if row is None or row.owner != owner or row.state != "running":
        raise LeaseLost(f"job {job_id} was taken over or ended by somebody else")
    row.heartbeat_at = now()
    session.flush()


@dataclass(frozen=True, slots=True)
class LostJob:
    """A running operation that no process does any more, or that none does yet.

    Attributes:
        waiting_since: when it was put into the queue; None if a process had taken it.
    """

    id: int
    review_id: int
    kind: str
    upload_id: int | None
    waiting_since: dt.datetime | None


def list_lost_jobs(session: ReadSession, *, waiting: bool = False) -> list[LostJob]:
    """Running operations whose process has ended or has been silent for too long.

    Args:
        session: a transaction.
        waiting: list also those that nobody has taken; the caller leaves out those in the queue.
    """
    rows = session.scalars(select(Job).where(Job.state == "running").order_by(Job.id))
    return [
        LostJob(
            row.id,
            row.review_id,
            row.kind,
            row.upload_id,
            row.updated_at if row.owner is None else None,
        )
        for row in rows
        if (waiting if row.owner is None else leases.is_free(row.owner, row.heartbeat_at))
    ]


def find_import(session: ReadSession, upload_id: int) -> int | None:
    """The running operation that imports a file, whether or not its process is alive."""
    return session.scalar(
        select(Job.id).where(Job.upload_id == upload_id, Job.state == "running").limit(1)
    )


def find_running(session: ReadSession, review_id: int, kind: str) -> int | None:
    """The running operation of a kind in a review, whether or not its process is alive."""
    return session.scalar(
        select(Job.id)
        .where(Job.review_id == review_id, Job.kind == kind, Job.state == "running")
        .order_by(Job.id)
        .limit(1)
    )


def mark_interrupted(session: WriteSession, job_ids: Sequence[int]) -> None:
    """Mark operations as failed that no process does any more."""
    session.execute(
        update(Job)
        .where(Job.id.in_(job_ids), Job.state == "running")
        .values(state="failed", message=_INTERRUPTED, updated_at=now())
    )


def interrupt_lost_job(session: WriteSession, job_id: int) -> bool:
    """Mark an operation as failed that no process does any more; False if one does, or has."""
    row = session.get(Job, job_id, with_for_update=True, populate_existing=True)
    if row is None or row.state != "running" or not leases.is_free(row.owner, row.heartbeat_at):
        return False
    row.state, row.message, row.updated_at = "failed", _INTERRUPTED, now()
    session.flush()
    return True


def update_progress(session: WriteSession, job_id: int, *, done: int, total: int) -> None:
    """Record how far an operation has got."""
    session.execute(
        update(Job).where(Job.id == job_id).values(done=done, total=total, updated_at=now())
    )


def end_job(session: WriteSession, job_id: int, *, state: str, message: str | None = None) -> None:
    """End an operation as done or failed."""
    session.execute(
        update(Job).where(Job.id == job_id).values(state=state, message=message, updated_at=now())
    )


def discard_job(session: WriteSession, job_id: int) -> None:
    """Delete an operation that turned out to have nothing to do."""
    session.execute(delete(Job).where(Job.id == job_id))


def list_recent_jobs(session: ReadSession, review_id: int) -> list[JobInfo]:
    """List running operations, and of each kind the last that ended, within 15 minutes.

    Interrupted imports are left out: they go on by themselves, as operations of their own.
    """
    rows = session.scalars(
        select(Job)
        .where(
            Job.review_id == review_id,
            Job.state != FAULT,
            or_(Job.kind != IMPORT, Job.message.is_distinct_from(_INTERRUPTED)),
            (Job.state == "running") | (Job.updated_at > now() - _RECENT),
        )
        # One that had to wait may have begun before others that ended before it.
        .order_by(Job.updated_at.desc(), Job.id.desc())
        .limit(20)
    )
    recent: list[JobInfo] = []
    for row in rows:
        if row.state == "running" or row.kind not in {job.kind for job in recent}:
            recent.append(_info(row))
    return recent


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
