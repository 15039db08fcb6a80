"""The list of records: its filters, one page of it, and the reports that match."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Text, and_, cast, func, or_, select
from sqlalchemy.orm import aliased

from store.core.session import ReadSession
from store.core.tables import Batch, BatchEntry, RecordRow, Report, ReportState
from store.reports import counters, limits, marks, record_search
from store.reports.marks import MarkFilter
from store.reports.records import (
    StoredRecord,
    get_representatives,
    select_stored,
    stored_record,
)
from store.reports.report_states import at_stage
from store.rules.agreed_decision import UNDECIDED
from store.rules.limits import YearLimits
from store.rules.plans import TITLE_ABSTRACT


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
    conditions = [RecordRow.counted.is_(False)]
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
    if filters.flag == "no-abstract" and filters.standing == "counts":
        query = query.where(Report.abstracts == 0)
    elif filters.flag:
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
            RecordRow.id.in_(
                select(BatchEntry.record_id)
                .join(Batch, Batch.id == BatchEntry.batch_id)
                .where(Batch.search_id == filters.search_id)
            )
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
    if filters == RecordFilter(decision=filters.decision):
        total, page = _list_by_decision(session, review_id, filters.decision, offset, limit)
    elif filters.standing in ("counts", "out-of-range"):
        total, page = _find_page(session, _matching(session, review_id, filters), offset, limit)
    else:
        query = _matching(session, review_id, filters, of=RecordRow.id)
        total, page = _find_page(session, query, offset, limit)
        rows = session.execute(select_stored().where(RecordRow.id.in_(page)).order_by(RecordRow.id))
        return total, [stored_record(*row) for row in rows]
    representatives = get_representatives(session, review_id, page)
    return total, [representatives[report_id] for report_id in page]


def _matching(
    session: ReadSession, review_id: int, filters: RecordFilter, *, of: Any = RecordRow.report_id
) -> Any:
    """A query for the reports of matching records, or for the records."""
    query = select(of).join(Report, Report.id == RecordRow.report_id)
    if filters.decision or filters.marked is not None:
        # Whether somebody sees another person's mark depends on the state, too.
        query = query.join(ReportState, at_stage())
    return _apply_filters(session, query, review_id, filters)


def _find_page(
    session: ReadSession, query: Any, offset: int, limit: int
) -> tuple[int, Sequence[int]]:
    """How many different ids a query has, and one page of them, ascending.

    A report has the id that was created with its oldest record, so ids follow arrival. Matches are
    looked for once, though they are counted and listed.
    """
    matches = query.distinct().cte("matches")
    (matched,) = matches.c
    total = select(func.count()).select_from(matches).scalar_subquery()
    page = session.execute(
        select(matched, total).order_by(matched).offset(offset).limit(limit)
    ).all()
    if page:
        return page[0][1], [row[0] for row in page]
    # Beyond the last page.
    return session.scalar(select(total)) or 0, []


def _list_by_decision(
    session: ReadSession, review_id: int, decision: str | None, offset: int, limit: int
) -> tuple[int, Sequence[int]]:
    """A page of the reports with a decision, without one, or of all (None), by stored counts."""
    counts = counters.get_counts(session, [review_id])[review_id]
    by_outcome = {kind: n for (stage, kind), n in counts.items() if stage == TITLE_ABSTRACT}
    if decision is None:
        total = sum(by_outcome.values())
        query = select(Report.id).where(Report.review_id == review_id, Report.active.is_(True))
        # A sum, which no index has: or SQLite would go through the reports of all reviews.
        query = query.order_by(Report.id + 0)
    else:
        outcomes = (*UNDECIDED, "conflict") if decision == "undecided" else (decision,)
        total = sum(by_outcome.get(outcome, 0) for outcome in outcomes)
        query = (
            select(ReportState.report_id)
            .where(
                ReportState.review_id == review_id,
                ReportState.stage == TITLE_ABSTRACT,
                ReportState.active.is_(True),
                ReportState.outcome.in_(outcomes),
            )
            .order_by(ReportState.report_id + 0)
        )
    return total, session.scalars(query.offset(offset).limit(limit)).all()


def find_matching_reports(session: ReadSession, review_id: int, filters: RecordFilter) -> list[int]:
    """Find the reports that count and match, in the order they came."""
    query = _matching(session, review_id, replace(filters, standing="counts"))
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
