"""Stored counts of a review's reports by stage and outcome, and how they are counted again.

Triggers of the database change them together with the rows that they count, so that no writer can
forget one; docs/decisions/0014 says why. Nothing here is needed to keep them right.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from typing import Any, TypeAlias

from sqlalchemy import (
    Select,
    case,
    delete,
    func,
    literal,
    or_,
    select,
    text,
    tuple_,
    update,
)
from sqlalchemy.dialects.postgresql import insert as insert_postgresql
from sqlalchemy.dialects.sqlite import insert as insert_sqlite

from store.core.chunks import CHUNK, batched
from store.core.new_rows import table_of
from store.core.session import ReadSession, WriteSession
from store.core.tables import Intake, RecordRow, Report, ReportCount, ReportState, is_shown

# The stage of what is summed over reports, whatever their stage.
ALL = "all"
RECORDS = "records"
WITHOUT_ABSTRACT = "no-abstract"
OUT_OF_RANGE = "out-of-range"
# How often the files, pages or grouping have changed; it only grows, and nothing counts it again.
CHANGES = "changes"

# The triggers that keep all this.
TRIGGERS = frozenset(
    f"count_{table}_{event}"
    for table, events in {
        "record": ("added", "changed", "removed", "moved"),
        "report": ("added", "changed", "removed"),
        "report_state": ("added", "changed", "removed"),
        "entry": ("added", "changed", "removed"),
        "rejected": ("added", "removed"),
        "batch": ("changed",),
    }.items()
    for event in events
)

# Review, stage and kind.
Key: TypeAlias = tuple[int, str, str]


def get_counts(
    session: ReadSession, review_ids: Collection[int] | None = None
) -> dict[int, dict[tuple[str, str], int]]:
    """The stored counts of some reviews, or of all, without what imports under way hide.

    Returns:
        By review, and then by stage and kind; see ``ReportCount``. What is left out is 0.
    """
    query = (
        select(
            ReportCount.review_id,
            ReportCount.stage,
            ReportCount.kind,
            func.sum(ReportCount.number),
        )
        # 0 is no import at all.
        .where(is_shown(ReportCount.intake_id))
        .group_by(ReportCount.review_id, ReportCount.stage, ReportCount.kind)
    )
    if review_ids is not None:
        query = query.where(ReportCount.review_id.in_(review_ids))
    counts: dict[int, dict[tuple[str, str], int]] = {each: {} for each in review_ids or ()}
    for review_id, stage, kind, number in session.execute(query):
        counts.setdefault(review_id, {})[stage, kind] = int(number)
    return counts


def fold_counts(session: WriteSession) -> None:
    """Put rows that belong together into one: those of each connection, and of ended imports.

    Rows that another transaction is changing are left for the next time.
    """
    done = select(Intake.id).where(Intake.closed.is_(True))
    foldable = or_(
        ReportCount.slot != 0,
        (ReportCount.intake_id != 0) & ReportCount.intake_id.not_in(done),
    )
    rows = session.execute(
        select(table_of(ReportCount))
        .where(foldable)
        .order_by(*table_of(ReportCount).primary_key)
        .with_for_update(skip_locked=True)
    ).all()
    closed = set(session.scalars(done))
    sums: Counter[tuple[int, str, str, int]] = Counter()
    for row in rows:
        intake_id = row.intake_id if row.intake_id in closed else 0
        sums[row.review_id, row.stage, row.kind, intake_id] += row.number
    key = tuple_(*table_of(ReportCount).primary_key)
    for part in batched([tuple(row)[:5] for row in rows], CHUNK // 5):
        session.execute(delete(ReportCount).where(key.in_(part)))
    for (review_id, stage, kind, intake_id), number in sorted(sums.items()):
        _add(session, (review_id, stage, kind), intake_id, number)


def _add(session: WriteSession, key: Key, intake_id: int, number: int) -> None:
    """Add to the row of a kind; others may be adding it at the same moment."""
    review_id, stage, kind = key
    sqlite = session.get_bind().dialect.name == "sqlite"
    added = (insert_sqlite if sqlite else insert_postgresql)(table_of(ReportCount)).values(
        review_id=review_id, stage=stage, kind=kind, intake_id=intake_id, slot=0, number=number
    )
    session.execute(
        added.on_conflict_do_update(
            index_elements=list(table_of(ReportCount).primary_key),
            set_={"number": ReportCount.number + added.excluded.number},
        )
    )


def recount(session: ReadSession) -> dict[Key, int]:
    """Count all reports again, without what imports under way hide; kinds without any are left out.

    A report's records are those that count. One that an import under way brings back to a report
    that is seen already counts too.
    """
    states = (
        select(ReportState.review_id, ReportState.stage, ReportState.outcome, func.count())
        .where(ReportState.active.is_(True))
        .group_by(ReportState.review_id, ReportState.stage, ReportState.outcome)
    )
    counts = {(row[0], row[1], row[2]): row[3] for row in session.execute(states)}
    for review_id, *numbers in session.execute(_sum_over_reports()):
        for kind, number in zip((RECORDS, WITHOUT_ABSTRACT, OUT_OF_RANGE), numbers, strict=True):
            if number:
                counts[review_id, ALL, kind] = int(number)
    return counts


def _count_per_report() -> Any:
    return (
        select(
            RecordRow.report_id,
            func.count().label("records"),
            func.count(RecordRow.abstract).label("abstracts"),
        )
        .where(RecordRow.counted.is_(True))
        .group_by(RecordRow.report_id)
        .subquery()
    )


def _sum_over_reports() -> Select[Any]:
    per_report = _count_per_report()

    def number(condition: Any, value: Any) -> Any:
        return func.sum(case((condition, value), else_=0))

    counted = Report.counted.is_(True)
    return (
        select(
            Report.review_id,
            number(counted, per_report.c.records),
            number(counted & (per_report.c.abstracts == 0), literal(1)),
            number(Report.out_of_range.is_(True), literal(1)),
        )
        .join(per_report, per_report.c.report_id == Report.id)
        .where(is_shown(Report.intake_id))
        .group_by(Report.review_id)
    )


def find_differences(session: ReadSession) -> dict[Key, tuple[int, int]]:
    """Where the stored counts differ from those counted again: the stored and the right number."""
    right = recount(session)
    stored = {
        (review_id, *kind): number
        for review_id, counts in get_counts(session).items()
        for kind, number in counts.items()
        if kind != (ALL, CHANGES)
    }
    return {
        key: (stored.get(key, 0), right.get(key, 0))
        for key in sorted(stored.keys() | right.keys())
        if stored.get(key, 0) != right.get(key, 0)
    }


def find_wrong_reports(session: ReadSession) -> dict[int, tuple[int, int]]:
    """Reports whose own numbers are wrong: how many counted records and abstracts they have."""
    per_report = _count_per_report()
    records, abstracts = (
        func.coalesce(column, 0) for column in (per_report.c.records, per_report.c.abstracts)
    )
    rows = session.execute(
        select(Report.id, records, abstracts)
        .outerjoin(per_report, per_report.c.report_id == Report.id)
        .where(or_(Report.records != records, Report.abstracts != abstracts))
        .order_by(Report.id)
    )
    return {row[0]: (row[1], row[2]) for row in rows}


def find_missing_triggers(session: ReadSession) -> list[str]:
    """Triggers that keep the counts and that the database has lost."""
    if session.get_bind().dialect.name == "sqlite":
        query = text("SELECT name FROM sqlite_master WHERE type = 'trigger'")
    else:
        query = text("SELECT tgname FROM pg_trigger WHERE NOT tgisinternal AND tgenabled <> 'D'")
    present = set(session.scalars(query))
    return sorted(TRIGGERS - present)


def repair_reports(session: WriteSession) -> dict[int, tuple[int, int]]:
    """Correct the numbers that reports have; gives what ``find_wrong_reports`` found."""
    wrong = find_wrong_reports(session)
    for report_id, (records, abstracts) in wrong.items():
        session.execute(
            update(Report)
            .where(Report.id == report_id)
            .values(records=records, abstracts=abstracts)
            .execution_options(synchronize_session=False)
        )
    return wrong


def repair_counts(session: WriteSession) -> dict[Key, tuple[int, int]]:
    """Correct what differs; gives what ``find_differences`` found."""
    differences = find_differences(session)
    for key, (stored, right) in differences.items():
        _add(session, key, 0, right - stored)
    return differences
