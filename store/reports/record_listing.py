"""The list of records: its filters, one page of it, and the reports that match."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Text, and_, cast, func, or_, select
from sqlalchemy.orm import aliased

from store.core.session import ReadSession
from store.core.tables import Batch, BatchEntry, RecordRow, Report, ReportState
from store.reports import limits, marks, record_search
from store.reports.marks import MarkFilter
from store.reports.records import (
    StoredRecord,
    get_representatives,
    select_stored,
    stored_record,
)
from store.reports.report_states import at_stage
from store.rules.limits import YearLimits


@dataclass(frozen=True, slots=True)
class RecordFilter:
    """Filters for the list of records; None and "" filter nothing.

    Attributes:
        flag: ``no-abstract``, ``no-title``, ``no-year`` or ``outside`` (of the protocol's years).
        languages: ways to write a language, in lower case.
        type: a part of a publication type.
        standing: ``counts`` (in the queue or decided), ``filtered``, ``out-of-range``, ``waiting``
            (its run has not ended or is held), ``pool`` or ``withdrawn``.
        marked: a tag or star, as one person sees them.
    """

    text: str = ""
    decision: str | None = None
    flag: str | None = None
    year_from: int | None = None
    year_to: int | None = None
    languages: tuple[str, ...] = ()
    type: str = ""
    search_id: int | None = None
    standing: str = "counts"
    marked: MarkFilter | None = None


STANDINGS = ("counts", "filtered", "out-of-range", "waiting", "pool", "withdrawn")
FLAGS = ("no-abstract", "no-title", "no-year", "outside")


def _standing(name: str) -> list[Any]:
    """Conditions on a record and its report for one standing.

    Raises:
        ValueError: there is no such standing.
    """
    if name not in STANDINGS:
        raise ValueError(f"standing must be one of {', '.join(STANDINGS)}, not {name!r}")
    if name == "counts":
        return [RecordRow.active.is_(True), Report.active.is_(True)]
    if name == "out-of-range":
        return [RecordRow.active.is_(True), Report.out_of_range.is_(True)]
    live = (
        select(BatchEntry.record_id)
        .join(Batch, Batch.id == BatchEntry.batch_id)
        .where(BatchEntry.record_id == RecordRow.id, Batch.withdrawn_at.is_(None))
    )
    conditions = [RecordRow.active.is_(False)]
    if name == "withdrawn":
        return [*conditions, ~live.exists()]
    kept = BatchEntry.fate != "filtered"
    if name == "pool":
        return [*conditions, live.where(kept, Batch.pooled.is_(True)).exists()]
    live = live.where(Batch.pooled.is_(False))
    kept = live.where(kept).exists()
    return [*conditions, live.exists(), ~kept if name == "filtered" else kept]


def _any_copy(column: Any) -> Any:
    """A condition: the record, or another active record of its report, has a field."""
    other = aliased(RecordRow)
    filled = getattr(other, column.key).is_not(None)
    return (
        select(other.id)
        .where(
            or_(
                other.id == RecordRow.id,
                and_(other.report_id == RecordRow.report_id, other.active.is_(True)),
            ),
            filled,
        )
        .exists()
    )


def _flag_condition(flag: str, year_limits: YearLimits) -> Any:
    """A condition on a record and its report.

    Raises:
        ValueError: there is no such flag.
    """
    if flag not in FLAGS:
        raise ValueError(f"flag must be one of {', '.join(FLAGS)}, not {flag!r}")
    if flag == "outside":
        return limits.is_outside(year_limits)
    column = {"no-abstract": "abstract", "no-title": "title", "no-year": "year"}[flag]
    return ~_any_copy(getattr(RecordRow, column))


def _type_condition(part: str) -> Any:
    """A condition on a record: one of its types contains this, in any case of plain letters."""
    # The list is JSON. SQLite keeps letters with accents escaped, PostgreSQL does not.
    written = {json.dumps(part, ensure_ascii=ascii)[1:-1].lower() for ascii in (True, False)}
    text = func.lower(cast(RecordRow.types, Text))
    return or_(*(text.contains(each, autoescape=True) for each in sorted(written)))


def _apply_filters(session: ReadSession, query: Any, review_id: int, filters: RecordFilter) -> Any:
    year_limits = limits.get_year_limits(session, review_id)
    query = query.where(
        *record_search.record_conditions(session, review_id, filters.text),
        *_standing(filters.standing),
    )
    if filters.decision == "undecided":
        query = query.where(ReportState.decision_id.is_(None))
    elif filters.decision:
        query = query.where(ReportState.outcome == filters.decision)
    if filters.flag:
        query = query.where(_flag_condition(filters.flag, year_limits))
    if filters.languages:
        query = query.where(func.lower(RecordRow.language).in_(filters.languages))
    if filters.type:
        query = query.where(_type_condition(filters.type))
    if filters.year_from is not None:
        query = query.where(RecordRow.year >= filters.year_from)
    if filters.year_to is not None:
        query = query.where(RecordRow.year <= filters.year_to)
    if filters.search_id is not None:
        query = query.where(
            select(BatchEntry.record_id)
            .join(Batch, Batch.id == BatchEntry.batch_id)
            .where(BatchEntry.record_id == RecordRow.id, Batch.search_id == filters.search_id)
            .exists()
        )
    if filters.marked is not None:
        query = query.where(marks.mark_condition(filters.marked))
    return query


def list_records(
    session: ReadSession, review_id: int, filters: RecordFilter, *, offset: int, limit: int
) -> tuple[int, list[StoredRecord]]:
    """Count the matches, and list one page of them in the order they came.

    What counts, or is out of range, is listed by report: each report appears as its representative,
    and matches if any of its records does. Everything else is listed record by record.
    """
    base = select(RecordRow.id, RecordRow.report_id).select_from(RecordRow)
    joined = base.join(Report, Report.id == RecordRow.report_id).join(ReportState, at_stage())
    matches = _apply_filters(session, joined, review_id, filters).subquery()
    if filters.standing not in ("counts", "out-of-range"):
        total = session.scalar(select(func.count()).select_from(matches))
        rows = session.execute(
            select_stored()
            .join(matches, matches.c.id == RecordRow.id)
            .order_by(RecordRow.id)
            .offset(offset)
            .limit(limit)
        )
        return total or 0, [stored_record(*row) for row in rows]
    total = session.scalar(select(func.count(matches.c.report_id.distinct())))
    # A report has the id that was created with its oldest record, so ids follow arrival.
    page = session.scalars(
        select(matches.c.report_id)
        .distinct()
        .order_by(matches.c.report_id)
        .offset(offset)
        .limit(limit)
    ).all()
    representatives = get_representatives(session, review_id, page)
    return total or 0, [representatives[report_id] for report_id in page]


def find_matching_reports(session: ReadSession, review_id: int, filters: RecordFilter) -> list[int]:
    """Find the reports that count and match, in the order they came."""
    joined = (
        select(RecordRow.report_id)
        .join(Report, Report.id == RecordRow.report_id)
        .join(ReportState, at_stage())
    )
    query = _apply_filters(session, joined, review_id, replace(filters, standing="counts"))
    return sorted(set(session.scalars(query)))


def list_filtered_record_ids(
    session: ReadSession, review_id: int, run_id: int | None = None
) -> list[int]:
    """Ids of the filtered records of a review, or of one run."""
    query = select(RecordRow.id).where(RecordRow.review_id == review_id, *_standing("filtered"))
    if run_id is not None:
        query = query.where(
            select(BatchEntry.record_id)
            .join(Batch, Batch.id == BatchEntry.batch_id)
            .where(BatchEntry.record_id == RecordRow.id, Batch.run_id == run_id)
            .exists()
        )
    return list(session.scalars(query.order_by(RecordRow.id)))
