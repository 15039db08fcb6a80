"""Nights: the scheduled harvests of reviews. The row of a due moment claims it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from store import audit, reviews
from store.errors import NotFound
from store.living_tables import Night
from store.session import ReadSession, WriteSession
from store.tables import now


@dataclass(frozen=True, slots=True)
class NightInfo:
    """A scheduled harvest of a review.

    Attributes:
        due_at: the moment of the schedule that it is for.
        missed: due moments before it that passed while no worker ran; it makes up for them.
        problems: source to why it was not asked.
        begun_at: when its runs were begun; None while that is under way.
        told_at: when the summary went out; None where it has not.
        untold: why a summary did not go out.
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


def claim(
    session: WriteSession, review_id: int, due_at: dt.datetime, *, missed: int, started: dt.datetime
) -> int | None:
    """Claim a due moment; None where somebody has, or where a night of the review is under way."""
    reviews.lock(session, review_id)
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


def open_ones(session: ReadSession) -> list[NightInfo]:
    """Nights that have not ended, oldest first."""
    rows = session.scalars(select(Night).where(Night.ended_at.is_(None)).order_by(Night.id))
    return [_info(row) for row in rows]


def untold(session: ReadSession) -> list[NightInfo]:
    """Nights that have ended and of which nobody has been told, oldest first."""
    rows = session.scalars(
        select(Night).where(Night.ended_at.is_not(None), Night.told_at.is_(None)).order_by(Night.id)
    )
    return [_info(row) for row in rows]


def newest(session: ReadSession, review_id: int) -> NightInfo | None:
    """The night of a review that came due last."""
    row = session.scalars(
        select(Night).where(Night.review_id == review_id).order_by(Night.due_at.desc()).limit(1)
    ).first()
    return None if row is None else _info(row)


def everything(session: ReadSession, review_id: int, *, limit: int = 100) -> list[NightInfo]:
    """Nights of a review, newest first."""
    rows = session.scalars(
        select(Night).where(Night.review_id == review_id).order_by(Night.due_at.desc()).limit(limit)
    )
    return [_info(row) for row in rows]


def by_id(session: ReadSession, night_id: int, review_id: int | None = None) -> NightInfo:
    """One night.

    Raises:
        NotFound: there is none of that number in the review.
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


def problem(session: WriteSession, night_id: int, source: str, words: str) -> None:
    """Note why a source is not asked in a night."""
    row = _row(session, night_id)
    row.problems = {**row.problems, source: words}


def begun(session: WriteSession, night_id: int) -> None:
    """Note that all runs of a night are begun."""
    row = _row(session, night_id)
    row.begun_at = row.begun_at or now()


def end(session: WriteSession, night_id: int, *, moment: dt.datetime, detail: Any) -> bool:
    """End a night; False where somebody has."""
    row = _row(session, night_id)
    if row.ended_at is not None:
        return False
    row.ended_at = moment
    audit.append(
        session,
        "night.ended",
        review_id=row.review_id,
        person_id=None,
        detail={"night": night_id, "due_at": row.due_at.isoformat(), **detail},
    )
    return True


def claim_telling(session: WriteSession, night_id: int) -> bool:
    """Claim the telling of a night: whoever gets True tells it, and nobody tells it twice."""
    row = _row(session, night_id)
    if row.told_at is not None or row.ended_at is None:
        return False
    row.told_at = now()
    return True


def told(session: WriteSession, night_id: int, problems: Sequence[str]) -> None:
    """Note what of a night's summary did not go out."""
    _row(session, night_id).untold = list(problems)
