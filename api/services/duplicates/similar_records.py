"""Records that may belong to the same report, for a person to choose from."""

from __future__ import annotations

from api.services.searching.record_keys import fold_words
from harvest.dedupe.similar_titles import find_similar_titles
from store.core.session import ReadSession
from store.reports import record_listing, records
from store.reports.record_listing import RecordFilter
from store.reports.record_texts import list_titles
from store.reports.records import StoredRecord


def find_similar_records(
    session: ReadSession, review_id: int, record_id: int, *, words: str = "", limit: int = 10
) -> list[StoredRecord]:
    """Reports that a record may belong to, those with the most similar titles first.

    Args:
        session: a reading session.
        review_id: the review.
        record_id: the record.
        words: if given, look for these words in titles, abstracts and authors instead, in the
            order of arrival.
        limit: the most reports to return.

    Raises:
        NotFound: the review has no such record.
    """
    record = records.get_record(session, review_id, record_id)
    if words.strip():
        _, matching = record_listing.list_records(
            session, review_id, RecordFilter(text=fold_words(words)), offset=0, limit=limit + 1
        )
        return [other for other in matching if other.report_id != record.report_id][:limit]
    titles: dict[int, str] = {}
    report_of: dict[int, int] = {}
    for report_id, number, title in list_titles(session, review_id):
        if report_id != record.report_id:
            titles[number], report_of[number] = title, report_id
    similar = find_similar_titles(record.record.title or "", titles, limit=3 * limit)
    # A report is listed once, at the place of its most similar record.
    report_ids = list(dict.fromkeys(report_of[number] for number in similar))[:limit]
    shown = records.get_representatives(session, review_id, report_ids)
    return [shown[report_id] for report_id in report_ids]
