"""Reports outside the protocol's years: left out before screening, and back when they are within.

A report is outside if its records have years and none of them is within the limits. Without any
year it stays in the review. A report on which somebody has decided stays too, and is listed. The
limits of a review that an older Winnow made leave nothing out until a lead says so.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from sqlalchemy import (
    BindParameter,
    Select,
    and_,
    bindparam,
    case,
    delete,
    exists,
    false,
    func,
    not_,
    null,
    or_,
    select,
    update,
)
from sqlalchemy.orm import aliased

from store.core.chunks import CHUNK, batched
from store.core.new_rows import table_of
from store.core.session import ReadSession, WriteSession
from store.core.tables import (
    BatchEntry,
    Decision,
    Lease,
    Protocol,
    RecordRow,
    Report,
    ReportState,
    is_shown,
)
from store.reports import counters
from store.reports.screening_state import not_undone
from store.reviews import changes, reviews
from store.rules import protocols
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


_BODY = (
    select(Protocol.body)
    .where(Protocol.review_id == bindparam("of_review"))
    .order_by(Protocol.version.desc())
    .limit(1)
)


def get_year_limits(session: ReadSession, review_id: int) -> YearLimits:
    """The years of a review's newest protocol."""
    body = session.scalar(_BODY, {"of_review": review_id})
    return limits_from_body(protocols.get_readable_parts(body))


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
    """Conditions: the record is in the report, and in the review or about to be.

    An import that is under way sorts its reports out before anybody sees them.
    """
    return record.report_id == Report.id, record.counted.is_(True)


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


def refresh_reports(
    session: WriteSession, review_id: int, report_ids: Any, *, limits_changed: bool = False
) -> None:
    """Update which of these reports are left out, and which count.

    Args:
        session: a writing session.
        review_id: the review of all of them.
        report_ids: their ids, or a query for them.
        limits_changed: otherwise, without limits none of them is left out already.
    """
    # The review first, as everybody does who locks it and its reports.
    change = changes.next_state_change(session, review_id)
    limits = get_year_limits(session, review_id)
    in_force = not limits.is_empty and are_in_force(session, review_id)
    refresh = _build_refresh(limits if in_force else YearLimits())
    ids = session.scalars(report_ids) if isinstance(report_ids, Select) else report_ids
    for part in batched(ids, CHUNK):
        if in_force or limits_changed:
            session.execute(refresh.left_out, {"ids": part})
        session.execute(refresh.reports, {"ids": part})
        session.execute(refresh.states, {"ids": part, "change_number": change})
        if in_force:
            session.execute(refresh.leases, {"ids": part})


@dataclass(frozen=True, slots=True)
class _Refresh:
    """The statements that bring some reports up to date."""

    left_out: Any
    reports: Any
    states: Any
    leases: Any


@lru_cache(maxsize=100)
def _build_refresh(limits: YearLimits) -> _Refresh:
    """The statements for a review with these limits, built once: that takes longer than to run."""
    ids: BindParameter[Any] = bindparam("ids", expanding=True)
    chosen = Report.id.in_(ids)
    aside = false() if limits.is_empty else and_(is_outside(limits), not_(is_decided()))
    # Only rows that change are written: of a large file these are few.
    left_out = update(Report).where(chosen, Report.out_of_range != aside).values(out_of_range=aside)
    counts = and_(is_member(), Report.out_of_range.is_(False))
    seen, hidden = aliased(RecordRow), aliased(RecordRow)
    hidden_by = case(
        (exists().where(*_in_review(seen), is_shown(seen.intake_id)), null()),
        else_=select(func.min(hidden.intake_id)).where(*_in_review(hidden)).scalar_subquery(),
    )
    differs = or_(Report.counted != counts, Report.intake_id.is_distinct_from(hidden_by))
    reports = update(Report).where(chosen, differs).values(counted=counts, intake_id=hidden_by)
    own = Report.id == ReportState.report_id
    counted = select(Report.counted).where(own).scalar_subquery()
    intake_id = select(Report.intake_id).where(own).scalar_subquery()
    states = (
        update(ReportState)
        .where(
            ReportState.report_id.in_(ids),
            or_(ReportState.counted != counted, ReportState.intake_id.is_distinct_from(intake_id)),
        )
        .values(counted=counted, intake_id=intake_id, change=bindparam("change_number"))
        .execution_options(synchronize_session=False)
    )
    # Nobody goes on with a card that was left out.
    gone = select(Report.id).where(chosen, Report.out_of_range.is_(True))
    leases = delete(table_of(Lease)).where(Lease.report_id.in_(gone))
    return _Refresh(left_out, reports, states, leases)


def refresh_review(session: WriteSession, review_id: int) -> None:
    """Update which reports of a review are left out, after its limits have changed."""
    session.flush()
    ids = session.scalars(
        select(Report.id).where(Report.review_id == review_id).order_by(Report.id)
    ).all()
    for part in batched(ids, CHUNK):
        refresh_reports(session, review_id, part, limits_changed=True)


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
    counts = counters.get_counts(session, [review_id])[review_id]
    waiting, decided = _count_outside(session, review_id, limits)
    return LimitCounts(
        limits=limits,
        in_force=are_in_force(session, review_id),
        out_of_range=counts.get((counters.ALL, counters.OUT_OF_RANGE), 0),
        still_in=waiting,
        decided=decided,
        undated=_count_undated(session, review_id),
    )


def _count_outside(session: ReadSession, review_id: int, limits: YearLimits) -> tuple[int, int]:
    """Reports of the review outside the years: those that nobody has decided, and the others."""
    record = aliased(RecordRow)
    beyond = [
        record.year < limits.first if limits.first is not None else false(),
        record.year > limits.last if limits.last is not None else false(),
    ]
    # Only those with a record outside are looked at: they are few, and an index has them.
    candidates = select(record.report_id).where(
        record.review_id == review_id, or_(*beyond), record.active.is_(True)
    )
    outside = (
        select(Report.id)
        .where(Report.id.in_(candidates), Report.active.is_(True), is_outside(limits))
        .subquery()
    )
    total, decided = session.execute(
        select(
            func.count(),
            func.coalesce(func.sum(case((is_decided(), 1), else_=0)), 0),
        )
        .select_from(Report)
        .join(outside, outside.c.id == Report.id)
    ).one()
    return total - int(decided), int(decided)


def _count_undated(session: ReadSession, review_id: int) -> int:
    """Reports of the review without a year."""
    record = aliased(RecordRow)
    candidates = select(record.report_id).where(
        record.review_id == review_id, record.year.is_(None), record.active.is_(True)
    )
    query = (
        select(func.count())
        .select_from(Report)
        .where(Report.id.in_(candidates), Report.active.is_(True), ~is_dated())
    )
    return session.scalar(query) or 0
