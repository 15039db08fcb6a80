"""Which sources brought which reports: records, what only one brought, what they share."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from sqlalchemy import func, select

from store.session import ReadSession
from store.tables import Batch, BatchEntry, Decision, RecordRow, Report, Search

NOT_STATED = "source not stated"


@dataclass(frozen=True, slots=True)
class SourceCounts:
    """What one source brought, in all its searches that are not withdrawn.

    Attributes:
        records: different records, filtered ones included.
        reports: reports that those are of.
        unique: reports that no other source brought.
        included: reports among them that are included so far.
        unique_included: of those, the ones that no other source brought.
    """

    source: str
    records: int
    reports: int
    unique: int
    included: int
    unique_included: int


@dataclass(frozen=True, slots=True)
class Overlap:
    """The sources of a review beside each other.

    Attributes:
        sources: in the order of their first search.
        shared: reports that both of two sources brought.
        combinations: how many reports exactly these sources brought, most first.
    """

    sources: tuple[SourceCounts, ...]
    shared: dict[tuple[str, str], int]
    combinations: tuple[tuple[tuple[str, ...], int], ...]


def overlap(session: ReadSession, review_id: int) -> Overlap:
    """Count each source's records and reports, and what it shares with the others."""
    named = func.coalesce(Search.source, NOT_STATED)
    rows = session.execute(
        select(
            named,
            RecordRow.report_id,
            func.count(RecordRow.id.distinct()),
            func.min(Search.id),
        )
        .select_from(BatchEntry)
        .join(Batch, Batch.id == BatchEntry.batch_id)
        .join(Search, Search.id == Batch.search_id)
        .join(RecordRow, RecordRow.id == BatchEntry.record_id)
        .where(
            Batch.review_id == review_id,
            Batch.withdrawn_at.is_(None),
            Batch.pooled.is_(False),
        )
        .group_by(named, RecordRow.report_id)
    ).all()
    included = set(
        session.scalars(
            select(Report.id)
            .join(Decision, Decision.id == Report.decision_id)
            .where(Report.review_id == review_id, Decision.decision == "include")
        )
    )
    first: dict[str, int] = {}
    records: Counter[str] = Counter()
    brought: dict[int, set[str]] = {}
    for source, report_id, number, search_id in rows:
        first[source] = min(search_id, first.get(source, search_id))
        records[source] += number
        brought.setdefault(report_id, set()).add(source)
    order = sorted(first, key=lambda source: first[source])
    combinations: Counter[tuple[str, ...]] = Counter()
    relevant: Counter[tuple[str, ...]] = Counter()
    for report_id, sources in brought.items():
        key = tuple(source for source in order if source in sources)
        combinations[key] += 1
        relevant[key] += report_id in included
    shared = {
        (one, other): sum(n for key, n in combinations.items() if one in key and other in key)
        for one in order
        for other in order
        if one != other
    }
    return Overlap(
        sources=tuple(
            SourceCounts(
                source=source,
                records=records[source],
                reports=sum(n for key, n in combinations.items() if source in key),
                unique=combinations[(source,)],
                included=sum(n for key, n in relevant.items() if source in key),
                unique_included=relevant[(source,)],
            )
            for source in order
        ),
        shared=shared,
        combinations=tuple(
            sorted(combinations.items(), key=lambda item: (-item[1], len(item[0]), item[0]))
        ),
    )
