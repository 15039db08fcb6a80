"""Records of the store as the evaluation reads them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from harvest.languages import name_languages
from harvest.reference_types import name_types
from harvest.text import title_key
from model.evaluation.matching import LIST, OWN_SEARCH, HeldReport, Known
from store.core.session import ReadSession
from store.reports.record_texts import RecordText
from store.searching import batches
from store.searching.gold import GoldInfo, NewGold
from store.searching.record_rows import TITLE_KEY_LENGTH


def known_from_gold(info: GoldInfo | NewGold, number: int | None = None) -> Known:
    """A known relevant record, from the store or from a file."""
    if number is None:
        number = info.id if isinstance(info, GoldInfo) else 0
    return Known(
        number=number,
        title=info.title,
        title_key=title_key(info.title)[:TITLE_KEY_LENGTH],
        year=info.year,
        doi=info.doi,
        pmid=info.pmid,
        source_id=info.source_id,
        search_use=info.search_use,
        ranking_use=info.ranking_use,
        origin=info.origin,
        tags=info.tags,
    )


def list_known(
    session: ReadSession, review_id: int, records: Sequence[GoldInfo | NewGold]
) -> list[Known]:
    """Known relevant records, those of this review's own searches marked as such.

    A list is from an own search if it holds the labels of an imported file, or is that file itself,
    whichever came first.

    Args:
        session: a reading session.
        review_id: the review.
        records: from its store, or from a file; the latter are numbered from 1.
    """
    own_files = batches.list_file_hashes(session, review_id)
    known = []
    for number, record in enumerate(records, start=1):
        made = known_from_gold(record, record.id if isinstance(record, GoldInfo) else number)
        file, place, _ = (record.source_id or "").partition("#")
        own = made.origin == LIST and bool(place) and file in own_files
        known.append(replace(made, origin=OWN_SEARCH) if own else made)
    return known


def held_from_text(text: RecordText) -> HeldReport:
    """A report of the review, by one name for each language and type."""
    return HeldReport(
        report_id=text.report_id,
        title_key=text.title_key,
        year=text.year,
        doi=text.doi,
        pmid=text.pmid,
        source_id=text.source_id,
        languages=name_languages(text.language),
        types=name_types(text.types),
    )
