"""The flow of records: how many were identified, and what became of every one of them.

identified = rejected + filtered + duplicates + screened + not screened, always, for the review and
for each admission from the pool by itself. Identified are the entries that searches brought, that
are not withdrawn and not in the pool; an entry that an earlier file or run of the same search
brought already is none. A report is filtered only if every copy of it is; each further copy of a
report is a duplicate, be it filtered or not. A report counts where its first copy that is kept came
in: before any admission, or with one.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

from sqlalchemy import Select, Subquery, and_, case, func, select

from store.session import ReadSession
from store.tables import Batch, BatchEntry, BatchRejected, Decision, RecordRow, Report

# The admission of what was never in the pool.
BASE = 0


@dataclass(frozen=True, slots=True)
class Flow:
    """Counts of a review, or of one admission; ``identified`` is the sum of the next five.

    Attributes:
        waiting: of those not screened, the ones in runs that have not ended or are held.
        included: of those screened, the ones with an include; ``excluded`` and ``maybe`` likewise.
        notices: of those filtered, the ones that tell of another report, such as a retraction.
    """

    identified: int = 0
    rejected: int = 0
    filtered: int = 0
    duplicates: int = 0
    screened: int = 0
    not_screened: int = 0
    waiting: int = 0
    included: int = 0
    excluded: int = 0
    maybe: int = 0
    notices: int = 0

    def __add__(self, other: Flow) -> Flow:
        return Flow(*(getattr(self, f.name) + getattr(other, f.name) for f in fields(self)))


def _live(review_id: int) -> Any:
    return and_(Batch.review_id == review_id, Batch.withdrawn_at.is_(None), Batch.pooled.is_(False))


def _admission() -> Any:
    return func.coalesce(Batch.admission_id, BASE)


def _entries(review_id: int) -> Subquery:
    """Records by the searches that brought them, with the admission that each first came in by.

    ``entries`` counts a record as often as it stands in the first file or page that brought it.
    """
    brought = (
        select(
            Batch.search_id,
            BatchEntry.record_id,
            func.min(Batch.id).label("first"),
            func.min(_admission()).label("admission"),
            func.max(case((BatchEntry.fate != "filtered", 1), else_=0)).label("kept"),
            func.max(case((Batch.held.is_(False), 1), else_=0)).label("out"),
        )
        .join(Batch, Batch.id == BatchEntry.batch_id)
        .where(_live(review_id))
        .group_by(Batch.search_id, BatchEntry.record_id)
        .subquery()
    )
    columns = [c for c in brought.c if c.name != "first"]
    return (
        select(*columns, func.count().label("entries"))
        .join(
            BatchEntry,
            and_(
                BatchEntry.batch_id == brought.c.first,
                BatchEntry.record_id == brought.c.record_id,
            ),
        )
        .group_by(*columns)
        .subquery()
    )


def _rejected(review_id: int) -> Select[Any]:
    """Rejected entries by search and admission.

    One that a re-run brings again, known by its text, is none.
    """
    found = (
        select(
            Batch.search_id,
            BatchRejected.batch_id,
            _admission().label("admission"),
            func.count().label("entries"),
            func.min(BatchRejected.batch_id)
            .over(partition_by=(Batch.search_id, BatchRejected.reason, BatchRejected.excerpt))
            .label("first"),
            BatchRejected.excerpt,
        )
        .join(Batch, Batch.id == BatchRejected.batch_id)
        .where(_live(review_id))
        .group_by(
            Batch.search_id,
            BatchRejected.batch_id,
            Batch.admission_id,
            BatchRejected.reason,
            BatchRejected.excerpt,
        )
        .subquery()
    )
    return (
        select(found.c.search_id, found.c.admission, func.sum(found.c.entries))
        .where((found.c.batch_id == found.c.first) | (found.c.excerpt == ""))
        .group_by(found.c.search_id, found.c.admission)
    )


def rejected(session: ReadSession, review_id: int) -> dict[int, int]:
    """Entries that are no records, by search."""
    found: dict[int, int] = {}
    for search, _, count in session.execute(_rejected(review_id)):
        found[search] = found.get(search, 0) + int(count)
    return found


def received(session: ReadSession, review_id: int) -> dict[int, int]:
    """Entries identified by each search, rejected ones included."""
    entries = _entries(review_id)
    counted = func.sum(entries.c.entries)
    rows = session.execute(select(entries.c.search_id, counted).group_by(entries.c.search_id))
    found: dict[int, int] = {row[0]: int(row[1]) for row in rows}
    for search, count in rejected(session, review_id).items():
        found[search] = found.get(search, 0) + count
    return found


def filtered(session: ReadSession, review_id: int) -> dict[int, int]:
    """Different records that are filtered and that the same search did not keep, by search."""
    mine = _entries(review_id)
    rows = session.execute(
        select(mine.c.search_id, func.count()).where(mine.c.kept == 0).group_by(mine.c.search_id)
    )
    return {row[0]: row[1] for row in rows}


def _reports(review_id: int) -> Subquery:
    """Each report with the admission it counts in, and whether a copy of it is kept and out."""
    entries = _entries(review_id)
    kept_in = func.min(case((entries.c.kept == 1, entries.c.admission)))
    return (
        select(
            RecordRow.report_id,
            func.coalesce(kept_in, func.min(entries.c.admission)).label("admission"),
            func.max(entries.c.kept).label("kept"),
            func.max(entries.c.out).label("out"),
            func.max(case((RecordRow.notice.is_(True), 1), else_=0)).label("notice"),
        )
        .join(RecordRow, RecordRow.id == entries.c.record_id)
        .group_by(RecordRow.report_id)
        .subquery()
    )


def by_admission(session: ReadSession, review_id: int) -> dict[int, Flow]:
    """The counts of what was never pooled, under ``BASE``, and of each admission."""
    entries = _entries(review_id)
    counted = select(entries.c.admission, func.sum(entries.c.entries))
    identified = {
        admission: int(count)
        for admission, count in session.execute(counted.group_by(entries.c.admission))
    }
    lost: dict[int, int] = {}
    for _, admission, count in session.execute(_rejected(review_id)):
        lost[admission] = lost.get(admission, 0) + int(count)
    copies = _reports(review_id)
    kept, decided = copies.c.kept == 1, Report.decision_id.is_not(None)

    def number(condition: Any) -> Any:
        return func.coalesce(func.sum(case((condition, 1), else_=0)), 0)

    rows = session.execute(
        select(
            copies.c.admission,
            func.count(),
            number(~kept),
            number(and_(~kept, copies.c.notice == 1)),
            number(and_(kept, decided)),
            number(and_(kept, copies.c.out == 0, ~decided)),
            *(number(and_(kept, Decision.decision == d)) for d in ("include", "exclude", "maybe")),
        )
        .select_from(copies)
        .join(Report, Report.id == copies.c.report_id)
        .outerjoin(Decision, Decision.id == Report.decision_id)
        .group_by(copies.c.admission)
    )
    found = {
        admission: Flow(
            identified=identified.get(admission, 0),
            filtered=filtered,
            duplicates=identified.get(admission, 0) - reports,
            screened=screened,
            not_screened=reports - filtered - screened,
            waiting=waiting,
            included=included,
            excluded=excluded,
            maybe=maybe,
            notices=notices,
        )
        for admission, reports, filtered, notices, screened, waiting, included, excluded, maybe in (
            tuple(map(int, row)) for row in rows
        )
    }
    for admission in (identified.keys() | lost.keys()) - found.keys():
        # All of them are copies of reports that came in before.
        entered = identified.get(admission, 0)
        found[admission] = Flow(identified=entered, duplicates=entered)
    for admission, count in lost.items():
        found[admission] += Flow(identified=count, rejected=count)
    return dict(sorted(found.items()))


def flow(session: ReadSession, review_id: int) -> Flow:
    """The counts of a review."""
    return sum(by_admission(session, review_id).values(), Flow())
