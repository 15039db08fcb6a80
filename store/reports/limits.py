"""Reports outside the protocol's years: left out before screening, and back when they are within.

A report is outside if its records have years and none of them is within the limits. Without any
year it stays in the review. A report on which somebody has decided stays too, and is listed. The
limits of a review that an older Winnow made leave nothing out until a lead says so.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from sqlalchemy import and_, case, delete, exists, false, func, not_, select, update
from sqlalchemy.orm import aliased

from store.core.chunks import CHUNK, batched
from store.core.session import ReadSession, WriteSession
from store.core.tables import (
    BatchEntry,
    Decision,
    Lease,
    Protocol,
    RecordRow,
    Report,
    ReportState,
)
from store.reports.screening_state import not_undone
from store.reviews import reviews
from store.rules.limits import IN_FORCE, YearLimits, limits_from_body
from store.rules.plans import TITLE_ABSTRACT


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitCounts:
    """What the protocol's years mean for the reports of a review.

    Attributes:
        limits: the years of the newest protocol.
        in_force: whether reports outside are left out.
        out_of_range: reports that are left out.
        still_in: reports outside that nobody has decided and that are not left out.
        decided: reports outside that stay in the review because somebody has decided them.
        undated: reports in the review without a year.
    """

    limits: YearLimits
    in_force: bool
    out_of_range: int
    still_in: int
    decided: int
    undated: int


def get_year_limits(session: ReadSession, review_id: int) -> YearLimits:
    """The years of a review's newest protocol."""
    body = session.scalar(
        select(Protocol.body)
        .where(Protocol.review_id == review_id)
        .order_by(Protocol.version.desc())
        .limit(1)
    )
    return limits_from_body(body or {})


def are_in_force(session: ReadSession, review_id: int) -> bool:
    """Whether the limits of a review leave reports out."""
    return reviews.get_review(session, review_id).settings.get(IN_FORCE) is not False


def is_member() -> Any:
    """A condition on ``Report``: a record of it is in the review."""
    record = aliased(RecordRow)
    return exists().where(*_in_review(record))


def is_dated() -> Any:
    """A condition on ``Report``: a record of it in the review has a year."""
    record = aliased(RecordRow)
    return exists().where(*_in_review(record), record.year.is_not(None))


def is_outside(limits: YearLimits) -> Any:
    """A condition on ``Report``: its records have years, and none is within the limits."""
    if limits.is_empty:
        return false()
    record = aliased(RecordRow)
    within = [*_in_review(record)]
    if limits.first is not None:
        within.append(record.year >= limits.first)
    if limits.last is not None:
        within.append(record.year <= limits.last)
    return and_(is_dated(), not_(exists().where(*within)))


def _in_review(record: type[RecordRow]) -> tuple[Any, Any]:
    """Conditions: the record is in the report, and in the review."""
    return record.report_id == Report.id, record.active.is_(True)


def is_decided() -> Any:
    """A condition on ``Report``: its title and abstract has a decision that is not undone."""
    record = aliased(RecordRow)
    return (
        select(Decision.id)
        .join(record, record.id == Decision.record_id)
        .where(
            record.report_id == Report.id,
            Decision.stage == TITLE_ABSTRACT,
            Decision.decision != "undo",
            not_undone(),
        )
        .exists()
    )


def refresh_reports(session: WriteSession, review_id: int, report_ids: Any) -> None:
    """Update which of these reports are left out, and which count.

    Args:
        session: a writing session.
        review_id: the review of all of them.
        report_ids: their ids, or a query for them.
    """
    limits = get_year_limits(session, review_id)
    aside: Any = false()
    if not limits.is_empty and are_in_force(session, review_id):
        aside = and_(is_outside(limits), not_(is_decided()))
    chosen = Report.id.in_(report_ids)
    # Only rows that change are written: of a large file these are few.
    session.execute(
        update(Report).where(chosen, Report.out_of_range != aside).values(out_of_range=aside)
    )
    counts = and_(is_member(), Report.out_of_range.is_(False))
    session.execute(update(Report).where(chosen, Report.active != counts).values(active=counts))
    active = select(Report.active).where(Report.id == ReportState.report_id).scalar_subquery()
    session.execute(
        update(ReportState)
        .where(ReportState.report_id.in_(report_ids), ReportState.active != active)
        .values(active=active)
        .execution_options(synchronize_session=False)
    )
    # Nobody goes on with a card that was left out.
    gone = select(Report.id).where(chosen, Report.out_of_range.is_(True))
    session.execute(delete(Lease).where(Lease.report_id.in_(gone)))


def refresh_review(session: WriteSession, review_id: int) -> None:
    """Update which reports of a review are left out, after its limits have changed."""
    session.flush()
    ids = session.scalars(
        select(Report.id).where(Report.review_id == review_id).order_by(Report.id)
    ).all()
    for part in batched(ids, CHUNK):
        refresh_reports(session, review_id, part)


def is_left_out(session: ReadSession, report_id: int) -> bool:
    """Whether a report is outside the protocol's years and left out."""
    return bool(session.scalar(select(Report.out_of_range).where(Report.id == report_id)))


def count_left_out(session: ReadSession, batch_id: int) -> int:
    """How many reports of a file's records are left out, since they are outside the years."""
    query = (
        select(func.count(func.distinct(Report.id)))
        .join(RecordRow, RecordRow.report_id == Report.id)
        .join(BatchEntry, BatchEntry.record_id == RecordRow.id)
        .where(BatchEntry.batch_id == batch_id, Report.out_of_range.is_(True))
    )
    return session.scalar(query) or 0


def list_out_of_range(session: ReadSession, review_id: int) -> set[int]:
    """Reports that are left out."""
    return set(
        session.scalars(
            select(Report.id).where(Report.review_id == review_id, Report.out_of_range.is_(True))
        )
    )


def find_outside(session: ReadSession, review_id: int, report_ids: Collection[int]) -> set[int]:
    """Those of these reports that are outside the protocol's years, left out or not."""
    limits = get_year_limits(session, review_id)
    outside: set[int] = set()
    if not limits.is_empty:
        for part in batched(report_ids, CHUNK):
            query = select(Report.id).where(Report.id.in_(part), is_outside(limits))
            outside.update(session.scalars(query))
    return outside


def count_limits(session: ReadSession, review_id: int) -> LimitCounts:
    """Count the reports of a review that are outside the protocol's years."""
    limits = get_year_limits(session, review_id)
    if limits.is_empty:
        return LimitCounts(
            limits=limits,
            in_force=are_in_force(session, review_id),
            out_of_range=0,
            still_in=0,
            decided=0,
            undated=0,
        )
    bounds: list[Any] = [RecordRow.year.is_not(None)]
    if limits.first is not None:
        bounds.append(RecordRow.year >= limits.first)
    if limits.last is not None:
        bounds.append(RecordRow.year <= limits.last)
    # One pass over the records, as the overview shows these counts.
    years = (
        select(
            RecordRow.report_id,
            func.count(RecordRow.year).label("dated"),
            func.sum(case((and_(*bounds), 1), else_=0)).label("within"),
        )
        .where(RecordRow.review_id == review_id, RecordRow.active.is_(True))
        .group_by(RecordRow.report_id)
        .subquery()
    )
    counts = Report.active.is_(True)
    outside = and_(counts, years.c.dated > 0, years.c.within == 0)

    def number(condition: Any) -> Any:
        return func.coalesce(func.sum(case((condition, 1), else_=0)), 0)

    aside, waiting, decided, undated = session.execute(
        select(
            number(Report.out_of_range.is_(True)),
            number(and_(outside, not_(is_decided()))),
            number(and_(outside, is_decided())),
            number(and_(counts, years.c.dated == 0)),
        )
        .select_from(years)
        .join(Report, Report.id == years.c.report_id)
    ).one()
    return LimitCounts(
        limits=limits,
        in_force=are_in_force(session, review_id),
        out_of_range=int(aside),
        still_in=int(waiting),
        decided=int(decided),
        undated=int(undated),
    )
