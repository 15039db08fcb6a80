"""What became of a review's entries, stored until its files, pages or grouping change.

Counting it reads every entry of the review. Whatever the numbers depend on raises the review's
stored count of the kind "changes" (by triggers, see docs/decisions/0014), so a reader knows whether
they are still right, and otherwise counts them. The worker stores them again. Decisions change
nothing here: how far reports are screened is added from the stored counts of reports.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from sqlalchemy import Subquery, and_, case, delete, func, insert, or_, select

from store.core.new_rows import table_of
from store.core.session import ReadSession, WriteSession
from store.core.tables import FlowCount, FlowReport, Report, ReportState
from store.reports import counters
from store.reports.report_states import at_stage
from store.searching.flow_entries import BASE, entries_query, rejected_query, reports_query

DECISIONS = ("include", "exclude", "maybe")


@dataclass(frozen=True, slots=True, kw_only=True)
class AdmissionCounts:
    """Entries of one admission; ``identified`` is without those rejected.

    Attributes:
        reports: all, filtered ones included.
        notices: those filtered because they are about another report.
    """

    identified: int = 0
    rejected: int = 0
    reports: int = 0
    filtered: int = 0
    notices: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryCounts:
    """What became of a review's entries.

    Attributes:
        changes: the review's count of changes that they are of.
        stored: whether they were read as they were stored.
        received: identified entries by search, rejected ones included.
        filtered: filtered records by search.
        placed: whether any report came in with an admission, or is in a run not let in yet.
    """

    changes: int
    stored: bool
    received: Mapping[int, int]
    filtered: Mapping[int, int]
    admissions: Mapping[int, AdmissionCounts]
    placed: bool


def _no_decisions() -> dict[str, int]:
    return dict.fromkeys(DECISIONS, 0)


@dataclass(frozen=True, slots=True)
class PlacedReports:
    """How far some reports of an admission are screened.

    Attributes:
        decided: reports by the decision that counts.
        counted: those of them that are among the review's reports, and so in the stored counts.
        out_of_range: undecided ones outside the protocol's years.
        counted_out_of_range: those of them that are in the stored counts.
        waiting: undecided ones in runs that have not been let in.
    """

    decided: Mapping[str, int] = field(default_factory=_no_decisions)
    counted: Mapping[str, int] = field(default_factory=_no_decisions)
    out_of_range: int = 0
    counted_out_of_range: int = 0
    waiting: int = 0


def get_changes(session: ReadSession, review_id: int) -> int:
    """How often the files, pages or grouping of a review have changed."""
    counts = counters.get_counts(session, [review_id])[review_id]
    return counts.get((counters.ALL, counters.CHANGES), 0)


def get_entry_counts(session: ReadSession, review_id: int) -> EntryCounts:
    """What became of a review's entries, as stored if nothing has changed since."""
    changes = get_changes(session, review_id)
    row = session.execute(
        select(FlowCount.changes, FlowCount.body).where(FlowCount.review_id == review_id)
    ).first()
    if row is None or row.changes != changes:
        return count_entries(session, review_id)
    body: Mapping[str, Any] = row.body
    # Keys of JSON are text.
    return EntryCounts(
        changes=changes,
        stored=True,
        received={int(key): number for key, number in body["received"].items()},
        filtered={int(key): number for key, number in body["filtered"].items()},
        admissions={
            int(key): AdmissionCounts(**counts) for key, counts in body["admissions"].items()
        },
        placed=body["placed"],
    )


def count_entries(session: ReadSession, review_id: int) -> EntryCounts:
    """Count what became of all entries of a review."""
    changes = get_changes(session, review_id)
    entries = entries_query(review_id)
    received: dict[int, int] = {}
    filtered: dict[int, int] = {}
    identified: dict[int, int] = {}
    rejected: dict[int, int] = {}
    for search_id, admission, count, n_filtered in session.execute(
        select(
            entries.c.search_id,
            entries.c.admission,
            func.sum(entries.c.entries),
            func.sum(case((entries.c.kept == 0, 1), else_=0)),
        ).group_by(entries.c.search_id, entries.c.admission)
    ):
        received[search_id] = received.get(search_id, 0) + int(count)
        identified[admission] = identified.get(admission, 0) + int(count)
        if n_filtered:
            filtered[search_id] = filtered.get(search_id, 0) + int(n_filtered)
    for search_id, admission, count in session.execute(rejected_query(review_id)):
        received[search_id] = received.get(search_id, 0) + int(count)
        rejected[admission] = rejected.get(admission, 0) + int(count)
    reports = reports_query(review_id)
    unkept = reports.c.kept == 0
    by_admission = {
        row[0]: [int(number) for number in row[1:]]
        for row in session.execute(
            select(
                reports.c.admission,
                func.count(),
                _number(unkept),
                _number(and_(unkept, reports.c.notice == 1)),
                _number(and_(~unkept, or_(reports.c.admission != BASE, reports.c.out == 0))),
            ).group_by(reports.c.admission)
        )
    }
    nothing = [0, 0, 0, 0]
    return EntryCounts(
        changes=changes,
        stored=False,
        received=received,
        filtered=filtered,
        admissions={
            admission: AdmissionCounts(
                identified=identified.get(admission, 0),
                rejected=rejected.get(admission, 0),
                reports=by_admission.get(admission, nothing)[0],
                filtered=by_admission.get(admission, nothing)[1],
                notices=by_admission.get(admission, nothing)[2],
            )
            for admission in identified.keys() | rejected.keys() | by_admission.keys()
        },
        placed=any(counts[3] for counts in by_admission.values()),
    )


def _number(condition: Any) -> Any:
    return func.coalesce(func.sum(case((condition, 1), else_=0)), 0)


def _placed_query(review_id: int) -> Subquery:
    """Unfiltered reports that came in with an admission, or are in a run not let in yet."""
    reports = reports_query(review_id)
    return (
        select(
            reports.c.report_id,
            reports.c.admission.label("admission_id"),
            (reports.c.out == 0).label("held"),
        )
        .where(reports.c.kept == 1, or_(reports.c.admission != BASE, reports.c.out == 0))
        .subquery()
    )


def count_placed_reports(
    session: ReadSession, review_id: int, counts: EntryCounts
) -> dict[int, PlacedReports]:
    """How far the reports of each admission, and those in runs not let in yet, are screened.

    Reports of the base that are in no such run are left out: they are all others.
    """
    if not counts.placed:
        return {}
    if counts.stored:
        placed = select(FlowReport).where(FlowReport.review_id == review_id).subquery()
    else:
        placed = _placed_query(review_id)
    decided = ReportState.decision_id.is_not(None)
    rows = session.execute(
        select(
            placed.c.admission_id,
            *(_number(ReportState.outcome == word) for word in DECISIONS),
            *(_number(and_(ReportState.outcome == word, ReportState.active)) for word in DECISIONS),
            _number(and_(Report.out_of_range.is_(True), ~decided)),
            _number(and_(Report.out_of_range.is_(True), Report.records > 0, ~decided)),
            _number(and_(placed.c.held, ~decided)),
        )
        .select_from(placed)
        .join(Report, Report.id == placed.c.report_id)
        .join(ReportState, at_stage())
        .group_by(placed.c.admission_id)
    )
    found = {}
    for row in rows:
        admission, *numbers = map(int, row)
        found[admission] = PlacedReports(
            decided=dict(zip(DECISIONS, numbers[:3], strict=True)),
            counted=dict(zip(DECISIONS, numbers[3:6], strict=True)),
            out_of_range=numbers[6],
            counted_out_of_range=numbers[7],
            waiting=numbers[8],
        )
    return found


def list_reviews_to_count(session: ReadSession) -> dict[int, int]:
    """Reviews without stored numbers, or with those of earlier changes: their counts of changes."""
    stored = {
        row[0]: row[1] for row in session.execute(select(FlowCount.review_id, FlowCount.changes))
    }
    return {
        review_id: changes
        for review_id, counts in sorted(counters.get_counts(session).items())
        if (changes := counts.get((counters.ALL, counters.CHANGES), 0)) != stored.get(review_id)
    }


@dataclass(frozen=True, slots=True)
class NewFlowCount:
    """What is stored: the counts, and the reports that came in otherwise than at first.

    Attributes:
        placed: by report, its admission and whether its run has not let it in.
    """

    counts: EntryCounts
    placed: Mapping[int, tuple[int, bool]]


def count_to_store(session: ReadSession, review_id: int) -> NewFlowCount:
    """Count what became of a review's entries, to be stored in another transaction."""
    counts = count_entries(session, review_id)
    placed = _placed_query(review_id)
    rows = session.execute(select(placed)) if counts.placed else ()
    return NewFlowCount(counts, {row[0]: (row[1], bool(row[2])) for row in rows})


def store_counts(session: WriteSession, review_id: int, new: NewFlowCount) -> None:
    """Store what was counted. If the review has changed meanwhile, readers see that themselves."""
    stored = {
        row.report_id: (row.admission_id, row.held)
        for row in session.execute(
            select(FlowReport.report_id, FlowReport.admission_id, FlowReport.held).where(
                FlowReport.review_id == review_id
            )
        )
    }
    # Only rows that change are written: a night adds few to many.
    gone = [report for report, place in stored.items() if new.placed.get(report) != place]
    for start in range(0, len(gone), 500):
        session.execute(
            delete(FlowReport).where(
                FlowReport.review_id == review_id,
                FlowReport.report_id.in_(gone[start : start + 500]),
            )
        )
    added = [
        {"review_id": review_id, "report_id": report, "admission_id": place[0], "held": place[1]}
        for report, place in new.placed.items()
        if stored.get(report) != place
    ]
    if added:
        session.execute(insert(table_of(FlowReport)), added)
    body = asdict(new.counts)
    changes = body.pop("changes")
    del body["stored"]
    session.execute(delete(FlowCount).where(FlowCount.review_id == review_id))
    session.execute(
        insert(FlowCount).values(review_id=review_id, changes=changes, body=_with_text_keys(body))
    )


def forget_counts(session: WriteSession, review_id: int) -> None:
    """Have readers count a review's entries until they are stored again."""
    session.execute(delete(FlowCount).where(FlowCount.review_id == review_id))


def _with_text_keys(body: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: {str(key): each for key, each in value.items()} if isinstance(value, dict) else value
        for name, value in body.items()
    }
