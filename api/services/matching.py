"""Rows of the store as the evaluation reads them."""

from __future__ import annotations

from harvest.text import title_key
from model.evaluate import Held, Known
from store.filing import TITLE_KEY_LENGTH
from store.gold import GoldInfo, NewGold
from store.records import Text


def known_of(info: GoldInfo | NewGold, number: int | None = None) -> Known:
    """A known relevant record, stored or just read from a file."""
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


def held_of(text: Text) -> Held:
    """A report of the review."""
    return Held(
        report_id=text.report_id,
        title_key=text.title_key,
        year=text.year,
        doi=text.doi,
        pmid=text.pmid,
        source_id=text.source_id,
        language=text.language,
        types=text.types,
    )
