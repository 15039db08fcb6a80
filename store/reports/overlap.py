"""Which sources found which reports: their records, what only one found, and what they share."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import func, select

from store.core.session import ReadSession
from store.core.tables import Batch, BatchEntry, RecordRow, Report, ReportState, Search, is_shown
from store.reports.report_states import at_stage

NOT_STATED = "source not stated"


@dataclass(frozen=True, slots=True)
class SourceCounts:
    """What one source found, in all its searches that are not withdrawn.

    Attributes:
        records: different records, filtered ones included.
        reports: reports that these records belong to.
        unique: reports that no other source found.
        included: reports among them that are included so far.
        unique_included: included reports that no other source found.
    """

    source: str
    records: int
    reports: int
    unique: int
    included: int
    unique_included: int


@dataclass(frozen=True, slots=True)
class Overlap:
    """A comparison of a review's sources.

    Attributes:
        sources: in the order of their first search.
        combinations: for a set of sources, how many reports exactly they found, most first.
    """

    sources: tuple[SourceCounts, ...]
    combinations: tuple[tuple[tuple[str, ...], int], ...]

    def count_shared(self, one: str, other: str) -> int:
        """How many reports two sources both found."""
        return _sum_with(dict(self.combinations), one, other)


def count_overlap(session: ReadSession, review_id: int) -> Overlap:
    """Count each source's records and reports, and what it shares with the others."""
    first_search: dict[str, int] = {}
    records: Counter[str] = Counter()
    sources_of: dict[int, set[str]] = {}
    for source, report_id, number, search_id in _list_finds(session, review_id):
        first_search[source] = min(search_id, first_search.get(source, search_id))
        records[source] += number
        sources_of.setdefault(report_id, set()).add(source)
    order = sorted(first_search, key=lambda source: first_search[source])
    included = _find_included_reports(session, review_id)
    combinations: Counter[tuple[str, ...]] = Counter()
    relevant: Counter[tuple[str, ...]] = Counter()
    for report_id, sources in sources_of.items():
        combination = tuple(source for source in order if source in sources)
        combinations[combination] += 1
        relevant[combination] += report_id in included
    return Overlap(
        sources=tuple(
            SourceCounts(
                source=source,
                records=records[source],
                reports=_sum_with(combinations, source),
                unique=combinations[(source,)],
                included=_sum_with(relevant, source),
                unique_included=relevant[(source,)],
            )
            for source in order
        ),
        combinations=tuple(
            sorted(combinations.items(), key=lambda item: (-item[1], len(item[0]), item[0]))
        ),
    )


def _sum_with(combinations: Mapping[tuple[str, ...], int], *sources: str) -> int:
    """The sum over all combinations that have these sources."""
    return sum(
        number
        for combination, number in combinations.items()
        if all(source in combination for source in sources)
    )


def _list_finds(session: ReadSession, review_id: int) -> list[tuple[str, int, int, int]]:
    """For each source and report: number of records, and the first search that found one."""
    source = func.coalesce(Search.source, NOT_STATED)
    rows = session.execute(
        select(
            source, RecordRow.report_id, func.count(RecordRow.id.distinct()), func.min(Search.id)
        )
        .select_from(BatchEntry)
        .join(Batch, Batch.id == BatchEntry.batch_id)
        .join(Search, Search.id == Batch.search_id)
        .join(RecordRow, RecordRow.id == BatchEntry.record_id)
        .where(
            Batch.review_id == review_id,
            Batch.withdrawn_at.is_(None),
            Batch.pooled.is_(False),
            is_shown(Batch.intake_id),
        )
        .group_by(source, RecordRow.report_id)
    )
    return [(row[0], row[1], row[2], row[3]) for row in rows]


def _find_included_reports(session: ReadSession, review_id: int) -> set[int]:
    return set(
        session.scalars(
            select(Report.id)
            .join(ReportState, at_stage())
            .where(Report.review_id == review_id, ReportState.outcome == "include")
        )
    )
