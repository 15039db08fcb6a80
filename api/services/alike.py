"""Which record another is the same as: what a person chooses from who has seen it before."""

from __future__ import annotations

from harvest.dedupe.nearest import nearest
from harvest.text import fold
from store import records
from store.records import Filter, StoredRecord
from store.session import ReadSession
from store.titles import titles


def alike(
    session: ReadSession, review_id: int, record_id: int, *, words: str = "", limit: int = 10
) -> list[StoredRecord]:
    """Reports that a record may be of, those with the most similar titles first.

    Args:
        session: a transaction that reads.
        review_id: the review.
        record_id: the record in question.
        words: look for these in titles, abstracts and authors instead, in the order of arrival.
        limit: how many at most.

    Raises:
        NotFound: the review has no such record.
    """
    mine = records.by_id(session, review_id, record_id)
    if words.strip():
        _, found = records.listing(
            session, review_id, Filter(text=fold(words)), offset=0, limit=limit + 1
        )
        return [each for each in found if each.report_id != mine.report_id][:limit]
    others: dict[int, str] = {}
    reports: dict[int, int] = {}
    for report_id, number, title in titles(session, review_id):
        if report_id != mine.report_id:
            others[number], reports[number] = title, report_id
    # A report is there once, by whichever of its records is the likest.
    likest = dict.fromkeys(
        reports[number] for number in nearest(mine.record.title or "", others, limit=3 * limit)
    )
    wanted = list(likest)[:limit]
    shown = records.by_reports(session, review_id, wanted)
    return [shown[report_id] for report_id in wanted]
