"""Nights of scheduled searches: the row of a night claims the time at which it came due."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from store.core import audit
from store.core.errors import NotFound
from store.core.session import ReadSession, WriteSession
from store.core.tables import Night, now
from store.reviews import reviews


@dataclass(frozen=True, slots=True)
class NightInfo:
    """A scheduled search of a review's sources.

    Attributes:
        due_at: the scheduled time that it is for.
        missed: earlier scheduled times that passed while no worker ran, and that it also covers.
        problems: why a source was not searched, by source.
        begun_at: when all its runs were started; None until then.
        told_at: when its summary was sent; None if it has not been.
        untold: why a summary could not be sent.
    """

    id: int
    review_id: int
    due_at: dt.datetime
    missed: int
    problems: Mapping[str, str]
    begun_at: dt.datetime | None
    started_at: dt.datetime
    ended_at: dt.datetime | None
    told_at: dt.datetime | None
    untold: tuple[str, ...]


def _info(row: Night) -> NightInfo:
    return NightInfo(
        id=row.id,
        review_id=row.review_id,
        due_at=row.due_at,
        missed=row.missed,
        problems=dict(row.problems),
        begun_at=row.begun_at,
        started_at=row.started_at,
        ended_at=row.ended_at,
        told_at=row.told_at,
        untold=tuple(row.untold),
    )


def claim_night(
    session: WriteSession, review_id: int, due_at: dt.datetime, *, missed: int, started: dt.datetime
) -> int | None:
    """Claim a scheduled time, and return the night's id.

    Returns:
        None if another worker has claimed it, or if a night of the review is under way.
    """
    reviews.lock_review(session, review_id)
    if session.scalar(
        select(Night.id).where(Night.review_id == review_id, Night.ended_at.is_(None)).limit(1)
    ):
        return None
    row = Night(review_id=review_id, due_at=due_at, missed=missed, started_at=started)
    try:
        with session.begin_nested():
            session.add(row)
    except IntegrityError:
        return None
    return row.id


def list_unfinished_nights(session: ReadSession) -> list[NightInfo]:
    """Nights that have not ended, oldest first."""
    rows = session.scalars(select(Night).where(Night.ended_at.is_(None)).order_by(Night.id))
    return [_info(row) for row in rows]


def list_unsent_nights(session: ReadSession) -> list[NightInfo]:
    """Nights that have ended and whose summary has not been sent, oldest first."""
    rows = session.scalars(
        select(Night).where(Night.ended_at.is_not(None), Night.told_at.is_(None)).order_by(Night.id)
    )
    return [_info(row) for row in rows]


def get_newest_night(session: ReadSession, review_id: int) -> NightInfo | None:
    """A review's latest night; None before the first."""
    row = session.scalars(
        select(Night).where(Night.review_id == review_id).order_by(Night.due_at.desc()).limit(1)
    ).first()
    return None if row is None else _info(row)


def list_nights(session: ReadSession, review_id: int, *, limit: int = 100) -> list[NightInfo]:
    """A review's nights, newest first."""
    rows = session.scalars(
        select(Night).where(Night.review_id == review_id).order_by(Night.due_at.desc()).limit(limit)
    )
    return [_info(row) for row in rows]


def get_night(session: ReadSession, night_id: int, review_id: int | None = None) -> NightInfo:
    """One night.

    Raises:
        NotFound: the review has no such night.
    """
    row = session.get(Night, night_id)
    if row is None or review_id not in (None, row.review_id):
        raise NotFound(f"there is no night {night_id} in this review")
    return _info(row)


def _row(session: WriteSession, night_id: int) -> Night:
    row = session.get(Night, night_id, with_for_update=True)
    if row is None:
        raise NotFound(f"there is no night {night_id}")
    return row


def record_problem(session: WriteSession, night_id: int, source: str, problem: str) -> None:
    """Note why a source is not searched in a night."""
    row = _row(session, night_id)
    row.problems = {**row.problems, source: problem}


def mark_started(session: WriteSession, night_id: int) -> None:
    """Note that all runs of a night have been started."""
    row = _row(session, night_id)
    row.begun_at = row.begun_at or now()


def end_night(session: WriteSession, night_id: int, *, moment: dt.datetime, detail: Any) -> bool:
    """End a night; False if it had ended before."""
    row = _row(session, night_id)
    if row.ended_at is not None:
        return False
    row.ended_at = moment
    audit.append_event(
        session,
        "night.ended",
        review_id=row.review_id,
        person_id=None,
        detail={"night": night_id, "due_at": row.due_at.isoformat(), **detail},
    )
    return True


def claim_sending(session: WriteSession, night_id: int) -> bool:
    """Claim the sending of a night's summary; True for one caller only, so that it is sent once."""
    row = _row(session, night_id)
    if row.told_at is not None or row.ended_at is None:
        return False
    row.told_at = now()
    return True


def record_sending(session: WriteSession, night_id: int, problems: Sequence[str]) -> None:
    """Note which parts of a night's summary could not be sent, and why."""
    _row(session, night_id).untold = list(problems)
