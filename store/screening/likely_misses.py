"""Likely misses: excluded reports that somebody else checks.

A list mixes likely misses with excludes drawn at random, so that the person who checks cannot tell
which is which. Its size is fixed before it is filled. The number of changed decisions is shown, but
it is no estimate of what was missed: the likely ones are selected, and the random ones are few.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from sqlalchemy import func, select

from store.core import audit
from store.core.errors import Conflict, NotAllowed, NotFound
from store.core.session import ReadSession, WriteSession
from store.core.tables import Decision, Recheck, RecheckItem, Report, ReportState, now
from store.reports import screening_state
from store.reports.report_states import at_stage
from store.reviews import members, reviews, screeners
from store.rules.agreed_decision import INCLUDING, LOOK, get_own_decisions
from store.rules.plans import TITLE_ABSTRACT
from store.screening import decisions
from store.screening.decisions import NewDecision

# A person who screens alone checks their own excludes, but not on the same day.
ALONE_AFTER: Final = dt.timedelta(days=1)
_MOST: Final = 5000


@dataclass(frozen=True, slots=True)
class MissCounts:
    """How many reports of one kind a list has, how many of them are checked, and how many changed.

    Attributes:
        looked: checked by somebody.
        changed: to include or maybe.
    """

    listed: int
    looked: int
    changed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class MissListInfo:
    """A list of reports to check; ``made`` is False until the worker has filled it."""

    id: int
    asked_at: dt.datetime
    made: bool
    likely: MissCounts
    random: MissCounts


@dataclass(frozen=True, slots=True, kw_only=True)
class MissListRequest:
    """The size of a list to be filled.

    Attributes:
        likely: how many likely misses.
        random: how many excludes drawn at random.
        seed: of the draw.
        stage: the stage that is screened.
    """

    likely: int
    random: int
    seed: int = 0
    stage: str = TITLE_ABSTRACT


def create_list(
    session: WriteSession, review_id: int, new: MissListRequest, *, person_id: int
) -> int:
    """Fix the size of a new list, which the worker then fills.

    Returns:
        The list's id.

    Raises:
        Conflict: the last list has reports that nobody has checked.
        ValueError: a number is out of range.
    """
    if not 1 <= new.likely <= _MOST or not 0 <= new.random <= _MOST:
        raise ValueError(
            f"a list has 1 to {_MOST} possible misses and at most {_MOST} random excludes"
        )
    reviews.lock_review(session, review_id)
    for earlier in list_lists(session, review_id):
        if not earlier.made:
            # The worker that was to fill it has stopped, or will see that it is gone.
            delete_list(session, earlier.id)
        elif _list_unchecked(session, earlier.id):
            raise Conflict("the last list still has records to check")
    row = Recheck(
        review_id=review_id,
        stage=new.stage,
        likely=new.likely,
        random=new.random,
        seed=new.seed,
        asked_by=person_id,
        asked_at=now(),
    )
    session.add(row)
    session.flush()
    audit.append_event(
        session,
        "recheck.asked",
        review_id=review_id,
        person_id=person_id,
        detail={"list": row.id, "likely": new.likely, "random": new.random, "seed": new.seed},
    )
    return row.id


def get_list_size(session: ReadSession, list_id: int) -> MissListRequest:
    """The size and seed that were fixed for a list.

    Raises:
        NotFound: there is no such list.
    """
    row = session.get(Recheck, list_id)
    if row is None:
        raise NotFound(f"there is no list {list_id}")
    return MissListRequest(likely=row.likely, random=row.random, seed=row.seed, stage=row.stage)


def list_candidates(session: ReadSession, review_id: int) -> list[int]:
    """Reports that are settled as excluded and have been on no list."""
    listed = (
        select(RecheckItem.report_id)
        .join(Recheck, Recheck.id == RecheckItem.recheck_id)
        .where(Recheck.review_id == review_id)
    )
    query = (
        select(Report.id)
        .join(ReportState, at_stage())
        .where(
            Report.review_id == review_id,
            Report.active.is_(True),
            ReportState.outcome == "exclude",
            Report.id.not_in(listed),
        )
        .order_by(Report.id)
    )
    return list(session.scalars(query))


def fill_list(session: WriteSession, list_id: int, items: Sequence[tuple[int, bool]]) -> None:
    """Fill a list with reports in the order in which they are checked, each with True if likely.

    Raises:
        NotFound: there is no such list, or it is filled.
    """
    row = session.get(Recheck, list_id)
    if row is None or row.made_at is not None:
        raise NotFound(f"there is no unfilled list {list_id}")
    session.add_all(
        RecheckItem(recheck_id=list_id, place=place, report_id=report_id, likely=likely)
        for place, (report_id, likely) in enumerate(items, start=1)
    )
    row.made_at = now()
    session.flush()


def delete_list(session: WriteSession, list_id: int) -> None:
    """Delete a list that could not be filled."""
    row = session.get(Recheck, list_id)
    if row is not None and row.made_at is None:
        session.delete(row)


def list_lists(session: ReadSession, review_id: int) -> list[MissListInfo]:
    """All lists, oldest first."""
    rows = session.scalars(
        select(Recheck).where(Recheck.review_id == review_id).order_by(Recheck.id)
    ).all()
    return [
        MissListInfo(
            id=row.id,
            asked_at=row.asked_at,
            made=row.made_at is not None,
            likely=_count(session, row.id, likely=True),
            random=_count(session, row.id, likely=False),
        )
        for row in rows
    ]


def _count(session: ReadSession, list_id: int, *, likely: bool) -> MissCounts:
    of_kind = (RecheckItem.recheck_id == list_id, RecheckItem.likely.is_(likely))
    listed = session.scalar(select(func.count()).select_from(RecheckItem).where(*of_kind)) or 0
    rows = session.execute(
        select(Decision.decision, func.count())
        .join(RecheckItem, RecheckItem.decision_id == Decision.id)
        .where(*of_kind, screening_state.not_undone())
        .group_by(Decision.decision)
    )
    counts = {decision: int(number) for decision, number in rows}
    changed = sum(counts.get(decision, 0) for decision in INCLUDING)
    return MissCounts(listed, sum(counts.values()), changed)


def _list_unchecked(session: ReadSession, list_id: int) -> list[RecheckItem]:
    """What nobody has checked yet, in order."""
    rows = session.scalars(
        select(RecheckItem)
        .where(RecheckItem.recheck_id == list_id, RecheckItem.decision_id.is_(None))
        .order_by(RecheckItem.place)
    )
    return list(rows)


def find_next_for(session: ReadSession, review_id: int, person_id: int) -> tuple[int | None, int]:
    """The report that a person checks next, and how many they can still check.

    Nobody checks what they excluded themselves, except a person who screens alone, a day later.
    """
    unchecked = [
        item.report_id
        for info in list_lists(session, review_id)
        for item in _list_unchecked(session, info.id)
    ]
    report_ids = _find_checkable(session, review_id, unchecked, person_id)
    return (report_ids[0] if report_ids else None), len(report_ids)


def _find_checkable(
    session: ReadSession, review_id: int, report_ids: Sequence[int], person_id: int
) -> list[int]:
    """Those of the reports that a person may check, in the same order."""
    alone = len(screeners.list_screeners(session, review_id)) == 1
    settled = set(
        session.scalars(
            select(ReportState.report_id).where(
                ReportState.report_id.in_(report_ids),
                ReportState.stage == TITLE_ABSTRACT,
                ReportState.active.is_(True),
                ReportState.state == "settled",
            )
        )
    )
    lines = screening_state.list_active_decisions(session, report_ids)
    checkable = []
    for report_id in report_ids:
        own = get_own_decisions(lines.get(report_id, [])).get(person_id)
        if report_id in settled and (own is None or (alone and _is_old(session, own.id))):
            checkable.append(report_id)
    return checkable


def _is_old(session: ReadSession, decision_id: int) -> bool:
    recorded_at = session.scalar(select(Decision.recorded_at).where(Decision.id == decision_id))
    return recorded_at is not None and now() - recorded_at >= ALONE_AFTER


def record_check(
    session: WriteSession, review_id: int, person_id: int, new: NewDecision
) -> tuple[int, bool]:
    """Decide again on a report of a list.

    Returns:
        The decision's id, and whether it was stored now.

    Raises:
        NotAllowed: the person excluded it themselves, or does not screen this review.
        Conflict: it is on no list, or somebody has checked it.
    """
    reviews.lock_review(session, review_id)
    members.require_role(session, review_id, person_id, "screen")
    item = session.scalars(
        select(RecheckItem)
        .join(Recheck, Recheck.id == RecheckItem.recheck_id)
        .where(Recheck.review_id == review_id, RecheckItem.report_id == new.report_id)
        .order_by(RecheckItem.recheck_id.desc())
    ).first()
    if item is None:
        raise Conflict(f"report {new.report_id} is not on a list of possible misses")
    if item.decision_id is not None:
        earlier = session.get(Decision, item.decision_id)
        if earlier is not None and (earlier.token, earlier.person_id) == (new.token, person_id):
            return earlier.id, False
        raise Conflict(f"somebody has already checked report {new.report_id}")
    if not _find_checkable(session, review_id, [item.report_id], person_id):
        raise NotAllowed(
            "You cannot check your own excludes (if you screen alone, you can after a day)."
        )
    decision_id, stored = decisions.record_decision(
        session, review_id, person_id, replace(new, kind=LOOK)
    )
    item.decision_id = decision_id
    session.flush()
    return decision_id, stored
