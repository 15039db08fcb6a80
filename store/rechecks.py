"""Likely misses: excluded reports that somebody else looks at again.

A list has likely misses and, mixed among them, excludes drawn at random, so that whoever looks does
not know which is which. Its length is fixed before it is made. How many were changed is told; it is
no estimate of what remains: the likely ones are chosen, and the random ones are few.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from sqlalchemy import func, select

from store import audit, decisions, members, outcomes, reviews
from store.decisions import NewDecision
from store.errors import Conflict, NotAllowed, NotFound
from store.plans import TITLE_ABSTRACT
from store.session import ReadSession, WriteSession
from store.tables import Decision, Report, now
from store.team_tables import Recheck, RecheckItem
from store.verdicts import INCLUDING, LOOK, own_by_person

# Whoever screens alone looks at their own excludes again, but not on the same day.
ALONE_AFTER: Final = dt.timedelta(days=1)
_MOST: Final = 5000


@dataclass(frozen=True, slots=True)
class Tally:
    """Of one kind of a list's reports: how many, looked at, and changed to include or maybe."""

    listed: int
    looked: int
    changed: int


@dataclass(frozen=True, slots=True)
class RecheckInfo:
    """A list. ``made`` is False while the worker chooses."""

    id: int
    asked_at: dt.datetime
    made: bool
    likely: Tally
    random: Tally


def ask(
    session: WriteSession,
    review_id: int,
    *,
    likely: int,
    random: int,
    person_id: int,
    seed: int = 0,
    stage: str = TITLE_ABSTRACT,
) -> int:
    """Fix the length of a new list; the worker chooses what is on it.

    Raises:
        Conflict: the last list has not been looked through.
        ValueError: a number is out of range.
    """
    if not 1 <= likely <= _MOST or not 0 <= random <= _MOST:
        raise ValueError(f"a list has 1 to {_MOST} likely misses and up to as many at random")
    reviews.lock(session, review_id)
    for before in everything(session, review_id):
        if not before.made:
            # Whoever was to choose was stopped, or will find that another list took its place.
            forget(session, before.id)
        elif _left(session, before.id):
            raise Conflict("the last list has not been looked through yet")
    row = Recheck(
        review_id=review_id,
        stage=stage,
        likely=likely,
        random=random,
        seed=seed,
        asked_by=person_id,
        asked_at=now(),
    )
    session.add(row)
    session.flush()
    audit.append(
        session,
        "recheck.asked",
        review_id=review_id,
        person_id=person_id,
        detail={"list": row.id, "likely": likely, "random": random, "seed": seed},
    )
    return row.id


def wanted(session: ReadSession, recheck_id: int) -> tuple[int, int, int]:
    """How many likely and random reports a list is to have, and the seed of the draw."""
    row = session.get(Recheck, recheck_id)
    if row is None:
        raise NotFound(f"there is no list {recheck_id}")
    return row.likely, row.random, row.seed


def candidates(session: ReadSession, review_id: int) -> list[int]:
    """Reports that are settled as excluded and were on no list before."""
    before = (
        select(RecheckItem.report_id)
        .join(Recheck, Recheck.id == RecheckItem.recheck_id)
        .where(Recheck.review_id == review_id)
    )
    query = (
        select(Report.id)
        .join(Decision, Decision.id == Report.decision_id)
        .where(
            Report.review_id == review_id,
            Report.active.is_(True),
            Report.state == "settled",
            Decision.decision == "exclude",
            Report.id.not_in(before),
        )
        .order_by(Report.id)
    )
    return list(session.scalars(query))


def fill(session: WriteSession, recheck_id: int, items: Sequence[tuple[int, bool]]) -> None:
    """Put reports on a list, in the order in which they are looked at; True for likely ones."""
    row = session.get(Recheck, recheck_id)
    if row is None or row.made_at is not None:
        raise NotFound(f"there is no list {recheck_id} that waits")
    session.add_all(
        RecheckItem(recheck_id=recheck_id, place=place, report_id=report_id, likely=likely)
        for place, (report_id, likely) in enumerate(items, start=1)
    )
    row.made_at = now()
    session.flush()


def forget(session: WriteSession, recheck_id: int) -> None:
    """Drop a list that could not be made."""
    row = session.get(Recheck, recheck_id)
    if row is not None and row.made_at is None:
        session.delete(row)


def everything(session: ReadSession, review_id: int) -> list[RecheckInfo]:
    """All lists, oldest first."""
    rows = session.scalars(
        select(Recheck).where(Recheck.review_id == review_id).order_by(Recheck.id)
    ).all()
    return [
        RecheckInfo(
            row.id,
            row.asked_at,
            row.made_at is not None,
            _tally(session, row.id, likely=True),
            _tally(session, row.id, likely=False),
        )
        for row in rows
    ]


def _tally(session: ReadSession, recheck_id: int, *, likely: bool) -> Tally:
    mine = (RecheckItem.recheck_id == recheck_id, RecheckItem.likely.is_(likely))
    listed = session.scalar(select(func.count()).select_from(RecheckItem).where(*mine)) or 0
    words = session.execute(
        select(Decision.decision, func.count())
        .join(RecheckItem, RecheckItem.decision_id == Decision.id)
        .where(*mine, outcomes.not_undone())
        .group_by(Decision.decision)
    )
    said = {word: int(number) for word, number in words}
    return Tally(listed, sum(said.values()), sum(said.get(word, 0) for word in INCLUDING))


def _left(session: ReadSession, recheck_id: int) -> list[RecheckItem]:
    """What nobody has looked at yet, in order."""
    rows = session.scalars(
        select(RecheckItem)
        .where(RecheckItem.recheck_id == recheck_id, RecheckItem.decision_id.is_(None))
        .order_by(RecheckItem.place)
    )
    return list(rows)


def next_for(session: ReadSession, review_id: int, person_id: int) -> tuple[int | None, int]:
    """The report that a person looks at next, and how many they still may.

    Nobody looks at what they excluded themselves; only whoever screens alone does, a day later.
    """
    left = [
        item.report_id
        for found in everything(session, review_id)
        for item in _left(session, found.id)
    ]
    fine = _to_look(session, review_id, left, person_id)
    return (fine[0] if fine else None), len(fine)


def _to_look(
    session: ReadSession, review_id: int, reports: Sequence[int], person_id: int
) -> list[int]:
    """Those of the reports that a person may look at, in the same order."""
    alone = len(members.screening(session, review_id)) == 1
    settled = set(
        session.scalars(
            select(Report.id).where(
                Report.id.in_(reports), Report.active.is_(True), Report.state == "settled"
            )
        )
    )
    decided = outcomes.lines(session, reports)
    fine = []
    for report_id in reports:
        mine = own_by_person(decided.get(report_id, [])).get(person_id)
        if report_id in settled and (mine is None or (alone and _old(session, mine.id))):
            fine.append(report_id)
    return fine


def _old(session: ReadSession, decision_id: int) -> bool:
    made = session.scalar(select(Decision.recorded_at).where(Decision.id == decision_id))
    return made is not None and now() - made >= ALONE_AFTER


def look(
    session: WriteSession, review_id: int, person_id: int, new: NewDecision
) -> tuple[int, bool]:
    """Decide again on a report of a list.

    Returns:
        The decision's id, and whether it was stored now.

    Raises:
        NotAllowed: the person excluded it themselves, or does not screen.
        Conflict: it is on no list, or somebody has looked at it.
    """
    reviews.lock(session, review_id)
    members.require(session, review_id, person_id, "screen")
    item = session.scalars(
        select(RecheckItem)
        .join(Recheck, Recheck.id == RecheckItem.recheck_id)
        .where(Recheck.review_id == review_id, RecheckItem.report_id == new.report_id)
        .order_by(RecheckItem.recheck_id.desc())
    ).first()
    if item is None:
        raise Conflict(f"report {new.report_id} is on no list of likely misses")
    if item.decision_id is not None:
        before = session.get(Decision, item.decision_id)
        if before is not None and (before.token, before.person_id) == (new.token, person_id):
            return before.id, False
        raise Conflict(f"somebody has looked at report {new.report_id} already")
    if not _to_look(session, review_id, [item.report_id], person_id):
        raise NotAllowed(
            "Nobody looks again at what they excluded themselves"
            " (whoever screens alone: a day later)."
        )
    number, stored = decisions.record(session, review_id, person_id, replace(new, kind=LOOK))
    item.decision_id = number
    session.flush()
    return number, stored
