"""Pilot rounds: some records that everybody decides, so that criteria are read alike.

Each of those who screen decides every record that is drawn; agreement is looked at, criteria are
mended, and the round is closed. What was decided stays: where people differed it is a conflict.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import numpy as np
from sqlalchemy import delete, func, select

from store import audit, outcomes, reviews
from store.errors import Conflict, NotFound
from store.moved import reports_now
from store.plans import TITLE_ABSTRACT
from store.roles import as_role, may
from store.session import ReadSession, WriteSession
from store.tables import Identity, Lease, RecordRow, Report, now
from store.team_tables import Membership, PilotPerson, PilotReport, PilotRow
from store.verdicts import own_by_person


@dataclass(frozen=True, slots=True)
class Part:
    """How many of a round's records a person has decided."""

    person_id: int
    name: str
    decided: int


@dataclass(frozen=True, slots=True)
class Pilot:
    """A pilot round.

    Attributes:
        report_ids: in the order in which they are read.
        parts: of those who take part.
        note: what was learned from it, written when it was closed.
    """

    id: int
    number: int
    report_ids: tuple[int, ...]
    parts: tuple[Part, ...]
    opened_at: dt.datetime
    closed_at: dt.datetime | None
    note: str | None

    @property
    def done(self) -> bool:
        """Whether everybody has decided every record."""
        return all(part.decided == len(self.report_ids) for part in self.parts)


def begin(
    session: WriteSession,
    review_id: int,
    size: int,
    *,
    person_id: int,
    seed: int = 0,
    stage: str = TITLE_ABSTRACT,
) -> int:
    """Open a round for everybody who screens; records are drawn at random from the undecided.

    Args:
        session: a writing session.
        review_id: the review.
        size: how many records, 1 to 500.
        person_id: the lead.
        seed: of the draw.
        stage: the stage that is screened.

    Returns:
        The round's id.

    Raises:
        Conflict: a round is open; fewer than two people screen; nothing is left to decide.
        ValueError: the size is out of range.
    """
    if not 1 <= size <= 500:
        raise ValueError(f"a pilot round has 1 to 500 records, not {size}")
    reviews.lock(session, review_id)
    if _open(session, review_id, stage) is not None:
        raise Conflict("a pilot round is open; close it first")
    roles = session.execute(
        select(Membership.person_id, Membership.role).where(Membership.review_id == review_id)
    )
    people = [person for person, role in roles if may(as_role(role), "screen")]
    if len(people) < 2:
        raise Conflict("a pilot round compares people: invite a second one who screens")
    left = session.scalars(
        select(Report.id)
        .where(Report.review_id == review_id, Report.active.is_(True), Report.state == "open")
        .order_by(Report.id)
    ).all()
    if not left:
        raise Conflict("no record is left that nobody has decided")
    number = 1 + (
        session.scalar(
            select(func.max(PilotRow.number)).where(
                PilotRow.review_id == review_id, PilotRow.stage == stage
            )
        )
        or 0
    )
    row = PilotRow(
        review_id=review_id,
        stage=stage,
        number=number,
        seed=seed,
        opened_by=person_id,
        opened_at=now(),
    )
    session.add(row)
    session.flush()
    drawn = np.random.default_rng([seed, number]).permutation(len(left))[:size]
    session.add_all(PilotReport(pilot_id=row.id, report_id=left[at]) for at in drawn.tolist())
    session.add_all(PilotPerson(pilot_id=row.id, person_id=person) for person in people)
    # Whoever reads something else now reads the pilot's records next.
    session.execute(delete(Lease).where(Lease.review_id == review_id, Lease.stage == stage))
    session.flush()
    audit.append(
        session,
        "pilot.opened",
        review_id=review_id,
        person_id=person_id,
        detail={"round": number, "records": len(drawn), "people": people, "seed": seed},
    )
    return row.id


def close(
    session: WriteSession,
    review_id: int,
    *,
    person_id: int,
    note: str,
    stage: str = TITLE_ABSTRACT,
) -> None:
    """Close the open round; what people differ on becomes a conflict.

    Raises:
        Conflict: none is open.
        ValueError: nothing is said of what was learned.
    """
    if not note.strip():
        raise ValueError("say what was learned: criteria that were mended, or that none had to be")
    reviews.lock(session, review_id)
    row = _open(session, review_id, stage)
    if row is None:
        raise Conflict("no pilot round is open")
    row.closed_at, row.closed_by, row.note = now(), person_id, note.strip()
    outcomes.settle_all(session, review_id)
    reviews.touch(session, review_id)
    audit.append(
        session,
        "pilot.closed",
        review_id=review_id,
        person_id=person_id,
        detail={"round": row.number, "note": row.note},
    )


def leave(session: WriteSession, review_id: int, person_id: int) -> None:
    """Take a person out of open rounds: the others need not wait for them."""
    mine = (
        select(PilotPerson)
        .join(PilotRow, PilotRow.id == PilotPerson.pilot_id)
        .where(
            PilotRow.review_id == review_id,
            PilotRow.closed_at.is_(None),
            PilotPerson.person_id == person_id,
        )
    )
    rows = session.scalars(mine).all()
    for row in rows:
        session.delete(row)
    if rows:
        outcomes.settle_all(session, review_id)


def everything(session: ReadSession, review_id: int, stage: str = TITLE_ABSTRACT) -> list[Pilot]:
    """All rounds, oldest first."""
    rows = session.scalars(
        select(PilotRow)
        .where(PilotRow.review_id == review_id, PilotRow.stage == stage)
        .order_by(PilotRow.number)
    )
    return [_info(session, row) for row in rows]


def by_number(
    session: ReadSession, review_id: int, number: int, stage: str = TITLE_ABSTRACT
) -> Pilot:
    """A round by its number.

    Raises:
        NotFound: there is none.
    """
    for found in everything(session, review_id, stage):
        if found.number == number:
            return found
    raise NotFound(f"there is no pilot round {number}")


def drawn_for(
    session: ReadSession, review_id: int, person_id: int, stage: str = TITLE_ABSTRACT
) -> list[int] | None:
    """Records of the open round, in its order; None where none is open or another's."""
    row = _open(session, review_id, stage)
    if row is None or session.get(PilotPerson, (row.id, person_id)) is None:
        return None
    return _drawn(session, row)


def _open(session: ReadSession, review_id: int, stage: str) -> PilotRow | None:
    found: PilotRow | None = session.scalars(
        select(PilotRow).where(
            PilotRow.review_id == review_id,
            PilotRow.stage == stage,
            PilotRow.closed_at.is_(None),
        )
    ).first()
    return found


def _drawn(session: ReadSession, row: PilotRow) -> list[int]:
    """A round's reports, where their records are now; of an open one those that can be decided."""
    query = reports_now(PilotReport).where(PilotReport.pilot_id == row.id)
    if row.closed_at is None:
        query = query.join(Report, Report.id == RecordRow.report_id).where(Report.active.is_(True))
    return sorted(set(session.scalars(query)))


def _info(session: ReadSession, row: PilotRow) -> Pilot:
    drawn = _drawn(session, row)
    decided = outcomes.lines(session, drawn, row.stage)
    people = session.execute(
        select(PilotPerson.person_id, Identity.name)
        .outerjoin(Identity, Identity.person_id == PilotPerson.person_id)
        .where(PilotPerson.pilot_id == row.id)
        .order_by(PilotPerson.person_id)
    )
    return Pilot(
        id=row.id,
        number=row.number,
        report_ids=tuple(drawn),
        parts=tuple(
            Part(
                person,
                name or f"person {person}",
                sum(person in own_by_person(lines) for lines in decided.values()),
            )
            for person, name in people
        ),
        opened_at=row.opened_at,
        closed_at=row.closed_at,
        note=row.note,
    )
