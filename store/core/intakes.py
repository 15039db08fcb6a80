"""Imports under way: who does them now, how far they have got, and which were taken away."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select

from store.core import leases
from store.core.errors import LeaseLost, NotFound
from store.core.session import ReadSession, WriteSession
from store.core.tables import Identity, Intake, now

# What an import does, one after the other: it stores the file's bytes and then its entries, unseen;
# once these are seen, it adds what the file says about records that the review had before, and
# takes over decisions or known studies.
STAGES = ("bytes", "entries", "statements", "labels")


@dataclass(frozen=True, slots=True, kw_only=True)
class IntakeInfo:
    """The import of one file.

    Attributes:
        state: ``under way``, ``ended`` (its records are seen, and more is being added), ``done``,
            ``leaving`` (it is being taken away), ``failed`` or ``cancelled``.
        stage: one of ``STAGES``.
        position: how much of the stage is stored: pieces of bytes, or entries.
        total: entries of the file; None if they have not been counted yet.
        starts: how often a process has taken it up and may have been stopped by its file.
        waiting: no process does it now.
        reason: why it failed, or who cancelled it.
    """

    id: int
    review_id: int
    person_id: int | None
    person: str | None
    name: str
    sha256: str
    size: int
    request: Mapping[str, Any]
    batch_id: int | None
    state: str
    stage: str
    position: int
    total: int | None
    starts: int
    waiting: bool
    reason: str | None
    started_at: dt.datetime
    ended_at: dt.datetime | None


def is_hidden(session: ReadSession, intake_id: int | None) -> bool:
    """Whether an import that has not ended hides a row."""
    if intake_id is None:
        return False
    return bool(session.scalar(select(Intake.closed).where(Intake.id == intake_id)))


def _list_infos(session: ReadSession, *conditions: Any) -> list[IntakeInfo]:
    rows = session.execute(
        select(Intake, Identity.name)
        .outerjoin(Identity, Identity.person_id == Intake.person_id)
        .where(*conditions)
        .order_by(Intake.id)
    )
    return [
        IntakeInfo(
            id=row.id,
            review_id=row.review_id,
            person_id=row.person_id,
            person=name,
            name=row.name,
            sha256=row.sha256,
            size=row.size,
            request=row.request,
            batch_id=row.batch_id,
            state=row.state,
            stage=row.stage,
            position=row.position,
            total=row.total,
            starts=row.starts,
            waiting=leases.is_free(row.owner, row.heartbeat_at),
            reason=row.reason,
            started_at=row.started_at,
            ended_at=row.ended_at,
        )
        for row, name in rows
    ]


UNFINISHED = ("under way", "ended", "leaving")


def list_unfinished(session: ReadSession, review_id: int | None = None) -> list[IntakeInfo]:
    """Imports that still have something to do, oldest first; of all reviews if None is named."""
    unfinished = Intake.state.in_(UNFINISHED)
    return _list_infos(
        session, unfinished if review_id is None else unfinished & (Intake.review_id == review_id)
    )


def list_recent(session: ReadSession, review_id: int, *, limit: int = 50) -> list[IntakeInfo]:
    """A review's newest imports, oldest first: those under way, and those that left only this."""
    newest = (
        select(Intake.id)
        .where(
            Intake.review_id == review_id,
            Intake.state.in_((*UNFINISHED, "failed", "cancelled")),
        )
        .order_by(Intake.id.desc())
        .limit(limit)
    )
    return _list_infos(session, Intake.id.in_(session.scalars(newest).all()))


def get_intake(session: ReadSession, intake_id: int, review_id: int | None = None) -> IntakeInfo:
    """One import.

    Raises:
        NotFound: there is no such import, or not in this review.
    """
    listed = _list_infos(session, Intake.id == intake_id)
    if not listed or review_id not in (None, listed[0].review_id):
        raise NotFound(f"there is no import {intake_id} in this review")
    return listed[0]


def take_intake(session: WriteSession, intake_id: int, owner: str) -> bool:
    """Take up an import that no process does; False if one does, or if it has finished."""
    # Its owner locks it before the review, and we may have the review's lock already.
    row = session.get(
        Intake, intake_id, with_for_update={"skip_locked": True}, populate_existing=True
    )
    if row is None or row.state not in UNFINISHED:
        return False
    if not leases.is_free(row.owner, row.heartbeat_at):
        return False
    row.owner, row.heartbeat_at = owner, now()
    row.starts += 1
    session.flush()
    return True


def lock_owned_intake(session: WriteSession, intake_id: int, owner: str) -> Intake:
    """The import, locked, for the process that does it; notes that it is still alive.

    Raises:
        LeaseLost: another process took it over, or somebody cancelled it.
    """
    row = session.get(Intake, intake_id, with_for_update=True, populate_existing=True)
    if row is None or row.owner != owner or row.state not in UNFINISHED:
        raise LeaseLost(f"import {intake_id} was taken over or cancelled")
    row.heartbeat_at = now()
    session.flush()
    return row


def release_intake(
    session: WriteSession, intake_id: int, owner: str, *, blameless: bool = False
) -> None:
    """Let another process go on with an import, unless one has it already.

    Args:
        session: a transaction that writes.
        intake_id: the import.
        owner: who did it until now.
        blameless: its file is not what stopped it, so that this start does not count.
    """
    row = session.get(Intake, intake_id, with_for_update=True, populate_existing=True)
    if row is not None and row.owner == owner:
        row.owner = None
        row.starts -= blameless
