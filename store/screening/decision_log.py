"""The decision log as people and documents read it, and which of its decisions are active.

Nobody sees another person's decision on a report that still awaits decisions.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, bindparam, func, select

from store.core.chunks import CHUNK, batched
from store.core.errors import NotFound
from store.core.session import ReadSession, execute_plain
from store.core.tables import Decision, RecordRow, Report, ReportState
from store.reports import screening_state
from store.reports.report_states import at_stage
from store.reports.screening_state import active_condition, not_undone
from store.reviews.imported_people import person_name
from store.rules.agreed_decision import UNDECIDED, get_own_decisions
from store.rules.plans import TITLE_ABSTRACT


@dataclass(frozen=True, slots=True)
class DecisionInfo:
    """A line of the decision log.

    Attributes:
        report_id: the report that holds the decision's record now.
        record_id: the record that was shown; the decision stays with it.
        text_hash: of the title and abstract that were shown; None if not known.
        counts: it is the decision that counts on its report.
    """

    id: int
    report_id: int
    record_id: int | None
    text_hash: str | None
    person: str | None
    person_id: int
    stage: str
    decision: str
    note: str | None
    protocol_version: int
    token: str
    supersedes: int | None
    ranking_id: int | None
    place: int | None
    shown_at: dt.datetime | None
    decided_at: dt.datetime | None
    recorded_at: dt.datetime
    counts: bool
    kind: str
    reasons: tuple[str, ...]
    questions: tuple[str, ...]


def get_current_report_id(session: ReadSession, decision: Decision) -> int | None:
    """The report that holds a decision's record now."""
    return session.scalar(select(RecordRow.report_id).where(RecordRow.id == decision.record_id))


_NOT_UNDONE = (
    select(Decision.record_id, Decision.id, Decision.decision)
    .where(
        Decision.record_id.in_(bindparam("ids", expanding=True)),
        Decision.stage == TITLE_ABSTRACT,
        Decision.decision != "undo",
        not_undone(),
    )
    .order_by(Decision.id)
)


def list_decisions_not_undone(
    session: ReadSession, record_ids: Iterable[int]
) -> dict[int, list[tuple[int, str]]]:
    """Decisions on each title and abstract that nobody has undone: id and decision, oldest first.

    Decisions on records that are being screened again are among them.
    """
    decisions: dict[int, list[tuple[int, str]]] = {}
    for chunk in batched(set(record_ids), CHUNK):
        rows = session.execute(_NOT_UNDONE, {"ids": chunk})
        for record_id, decision_id, decision in rows:
            decisions.setdefault(int(record_id or 0), []).append((decision_id, decision))
    return decisions


def find_latest_active_decision(
    session: ReadSession, report_id: int, stage: str = TITLE_ABSTRACT
) -> int | None:
    """The latest active decision on a report at a stage; None if there is none.

    A decision is active unless it is an undo, has been undone, or is made again because the
    criteria have changed.
    """
    decision_id: int | None = session.scalar(
        select(Decision.id)
        .join(RecordRow, RecordRow.id == Decision.record_id)
        .where(RecordRow.report_id == report_id, Decision.stage == stage, *active_condition())
        .order_by(Decision.id.desc())
        .limit(1)
    )
    return decision_id


def find_own_decision(
    session: ReadSession, report_id: int, person_id: int, stage: str = TITLE_ABSTRACT
) -> int | None:
    """A person's own decision on a report at a stage; None if they have not decided it."""
    own = get_own_decisions(
        screening_state.list_active_decisions(session, [report_id], stage).get(report_id, [])
    )
    return own[person_id].id if person_id in own else None


def get_last_decision_id(session: ReadSession, review_id: int) -> int | None:
    """Id of the newest line of the log; None if the log is empty."""
    return session.scalar(select(func.max(Decision.id)).where(Decision.review_id == review_id))


def log_query(review_id: int) -> Select[Decision, str | None, int | None, int]:
    """The whole log of a review, in the order it was written."""
    return (
        select(Decision, person_name(Decision.person_id), ReportState.decision_id, Report.id)
        .join(RecordRow, RecordRow.id == Decision.record_id)
        .join(Report, Report.id == RecordRow.report_id)
        .outerjoin(ReportState, at_stage(Decision.stage))
        .where(Decision.review_id == review_id)
        .order_by(Decision.id)
    )


def list_log(
    session: ReadSession,
    review_id: int,
    *,
    seen_by: int | None,
    report_id: int | None = None,
    after: int = 0,
) -> Iterator[DecisionInfo]:
    """The decision log in the order it was written, undone and superseded lines included.

    Args:
        session: a reading session.
        review_id: the review.
        seen_by: who reads it: nobody sees another person's decision on a report that awaits
            decisions. None if no person reads it.
        report_id: only lines of this report.
        after: only lines with a higher id.
    """
    query = log_query(review_id).where(Decision.id > after)
    query = query.execution_options(yield_per=500)
    if seen_by is not None:
        query = query.where((Decision.person_id == seen_by) | ReportState.state.not_in(UNDECIDED))
    if report_id is not None:
        query = query.where(Report.id == report_id)
    for row, name, counting_id, report in session.execute(query):
        yield decision_info(row, name, report, counts=counting_id == row.id)


def list_counting(session: ReadSession, report_ids: Sequence[int]) -> list[DecisionInfo]:
    """The decisions that count on some reports, at most one a stage; a few hundred reports."""
    rows = session.execute(
        select(Decision, person_name(Decision.person_id), ReportState.report_id)
        .join(ReportState, ReportState.decision_id == Decision.id)
        .where(ReportState.report_id.in_(report_ids))
        .order_by(Decision.id)
    )
    return [decision_info(row, name, report, counts=True) for row, name, report in rows]


def decision_info(row: Any, name: str | None, report_id: int, *, counts: bool) -> DecisionInfo:
    """A line of the log from its row."""
    return DecisionInfo(
        id=row.id,
        report_id=report_id,
        record_id=row.record_id,
        text_hash=row.text_hash,
        person=name,
        person_id=row.person_id,
        stage=row.stage,
        decision=row.decision,
        note=row.note,
        protocol_version=row.protocol_version,
        token=row.token,
        supersedes=row.supersedes,
        ranking_id=row.ranking_id,
        place=row.place,
        shown_at=row.shown_at,
        decided_at=row.decided_at,
        recorded_at=row.recorded_at,
        counts=counts,
        kind=row.kind,
        reasons=tuple(row.reasons),
        questions=tuple(row.questions),
    )


def get_decision(session: ReadSession, review_id: int, decision_id: int) -> DecisionInfo:
    """One line of the log.

    Raises:
        NotFound: the review has no such decision.
    """
    values = {"review": review_id, "decision": decision_id}
    row = execute_plain(session, _ONE_LINE, values).first()
    if row is None:
        raise NotFound(f"there is no decision {decision_id} in this review")
    return decision_info(row, row.made_by, row.report_now, counts=row.counting_id == row.id)


_NOW = func.coalesce(RecordRow.report_id, Decision.report_id)
_ONE_LINE = (
    select(
        *Decision.__table__.columns,
        person_name(Decision.person_id).label("made_by"),
        _NOW.label("report_now"),
        ReportState.decision_id.label("counting_id"),
    )
    .select_from(Decision)
    .outerjoin(RecordRow, RecordRow.id == Decision.record_id)
    .outerjoin(ReportState, (ReportState.report_id == _NOW) & (ReportState.stage == Decision.stage))
    .where(Decision.id == bindparam("decision"), Decision.review_id == bindparam("review"))
)


def find_latest_decision(
    session: ReadSession, review_id: int, person_id: int
) -> DecisionInfo | None:
    """A person's newest active decision on a title and abstract, which their undo takes back."""
    row = session.execute(
        select(Decision, person_name(Decision.person_id), Report.id, ReportState.decision_id)
        .join(RecordRow, RecordRow.id == Decision.record_id)
        .join(Report, Report.id == RecordRow.report_id)
        .join(ReportState, at_stage())
        .where(
            Decision.review_id == review_id,
            Decision.person_id == person_id,
            Decision.stage == TITLE_ABSTRACT,
            *active_condition(),
        )
        .order_by(Decision.id.desc())
        .limit(1)
    ).first()
    return (
        None if row is None else decision_info(row[0], row[1], row[2], counts=row[3] == row[0].id)
    )


@dataclass(frozen=True, slots=True)
class DecidedOnTitle:
    """An exclude made on the title alone, of a report that now has an abstract."""

    decision_id: int
    report_id: int


def list_still_counting(
    session: ReadSession, offers: Sequence[DecidedOnTitle]
) -> list[DecidedOnTitle]:
    """Those of a few hundred decisions that still count."""
    query = select(ReportState.decision_id).where(
        ReportState.report_id.in_([offer.report_id for offer in offers]),
        ReportState.stage == TITLE_ABSTRACT,
    )
    counting = set(session.scalars(query))
    return [offer for offer in offers if offer.decision_id in counting]


def list_decided_on_title(session: ReadSession, review_id: int) -> list[DecidedOnTitle]:
    """Excludes that count and were made without the abstract that the report now has."""
    with_text = (
        select(RecordRow.id)
        .where(
            RecordRow.report_id == Report.id,
            RecordRow.active.is_(True),
            RecordRow.abstract.is_not(None),
        )
        .exists()
    )
    rows = session.execute(
        select(Decision.id, Report.id)
        .select_from(Report)
        .join(ReportState, at_stage())
        .join(Decision, Decision.id == ReportState.decision_id)
        .where(
            Report.review_id == review_id,
            Report.active.is_(True),
            Decision.decision == "exclude",
            Decision.text_hash.is_not(None),
            Decision.with_abstract.is_not(True),
            with_text,
        )
        .order_by(Decision.id)
    )
    return [DecidedOnTitle(*row) for row in rows]
