"""A reviewer's queue: the newest ranking less what is decided and less cards leased to others."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert as insert_postgresql
from sqlalchemy.dialects.sqlite import insert as insert_sqlite

from store.chunks import batched
from store.decisions import TITLE_ABSTRACT
from store.session import ReadSession, WriteSession
from store.tables import Lease, Report, now

_LOOK = 200


@dataclass(frozen=True, slots=True)
class Place:
    """A report in a queue. ``place`` counts from 1 in the ranking; None where it is unranked."""

    report_id: int
    place: int | None


def release(session: WriteSession, review_id: int, person_id: int, *, keep: Iterable[int]) -> None:
    """Give back a person's leases, except those of the reports to keep."""
    kept = list(keep)
    mine = (Lease.review_id == review_id, Lease.person_id == person_id)
    query = delete(Lease).where(*mine)
    session.execute(query.where(Lease.report_id.not_in(kept)) if kept else query)


def lease(
    session: WriteSession,
    review_id: int,
    person_id: int,
    ranked: Sequence[int],
    *,
    number: int,
    valid: dt.timedelta,
    skip: Iterable[int] = (),
    stage: str = TITLE_ABSTRACT,
) -> list[Place]:
    """Lease the next cards to a person: in ranking order, then undecided reports without a place.

    Args:
        session: a writing session.
        review_id: the review.
        person_id: who is to hold the cards.
        ranked: report ids of the newest ranking, best first.
        number: how many cards are wanted.
        valid: how long the leases hold.
        skip: reports that the person holds already and does not want again.
        stage: the stage that is screened.
    """
    session.execute(delete(Lease).where(Lease.review_id == review_id, Lease.expires_at <= now()))
    unwanted = set(skip)
    found: list[Place] = []
    for start in range(0, len(ranked), _LOOK):
        window = ranked[start : start + _LOOK]
        places = [Place(report_id, start + at) for at, report_id in enumerate(window, start=1)]
        found += _lease_of(
            session, review_id, person_id, places, number - len(found), valid, stage, unwanted
        )
        if len(found) >= number:
            return found
    known = set(ranked) | unwanted
    for part in batched(_undecided(session, review_id), _LOOK):
        places = [Place(report_id, None) for report_id in part if report_id not in known]
        found += _lease_of(
            session, review_id, person_id, places, number - len(found), valid, stage, unwanted
        )
        if len(found) >= number:
            break
    return found


def _lease_of(
    session: WriteSession,
    review_id: int,
    person_id: int,
    places: Sequence[Place],
    number: int,
    valid: dt.timedelta,
    stage: str,
    unwanted: set[int],
) -> list[Place]:
    """Lease up to a number of these places.

    Someone else may take the same cards at the same moment: what was lost is looked for again,
    since then the others' leases can be seen.
    """
    found: list[Place] = []
    while places and len(found) < number:
        ids = [place.report_id for place in places]
        free = _free(session, review_id, person_id, ids, stage) - unwanted
        free -= {place.report_id for place in found}
        chosen = [place for place in places if place.report_id in free][: number - len(found)]
        if not chosen:
            break
        found += _take(session, review_id, person_id, chosen, valid, stage)
    return sorted(found, key=lambda place: (place.place or 0, place.report_id))


def _free(
    session: ReadSession, review_id: int, person_id: int, reports: Sequence[int], stage: str
) -> set[int]:
    """Which of these are undecided, counted, and not leased to someone else."""
    return set(
        session.scalars(
            select(Report.id)
            .outerjoin(Lease, (Lease.report_id == Report.id) & (Lease.stage == stage))
            .where(
                Report.id.in_(list(reports)),
                Report.review_id == review_id,
                Report.active.is_(True),
                Report.decision_id.is_(None),
                Lease.person_id.is_(None) | (Lease.person_id == person_id),
            )
        )
    )


def _take(
    session: WriteSession,
    review_id: int,
    person_id: int,
    places: Sequence[Place],
    valid: dt.timedelta,
    stage: str,
) -> list[Place]:
    """Lease these; a card that someone else took at the same moment is left out."""
    if not places:
        return []
    insert = insert_sqlite if session.get_bind().dialect.name == "sqlite" else insert_postgresql
    until = now() + valid
    statement = insert(Lease).values(
        [
            {
                "report_id": place.report_id,
                "stage": stage,
                "review_id": review_id,
                "person_id": person_id,
                "expires_at": until,
            }
            for place in places
        ]
    )
    statement = statement.on_conflict_do_update(
        index_elements=["report_id", "stage"],
        set_={"expires_at": until},
        where=Lease.person_id == person_id,
    )
    mine = set(session.scalars(statement.returning(Lease.report_id)))
    return [place for place in places if place.report_id in mine]


def _undecided(session: ReadSession, review_id: int) -> Sequence[int]:
    """Reports that nobody has decided yet, in the order they came."""
    return session.scalars(
        select(Report.id)
        .where(
            Report.review_id == review_id,
            Report.active.is_(True),
            Report.decision_id.is_(None),
        )
        .order_by(Report.id)
    ).all()
