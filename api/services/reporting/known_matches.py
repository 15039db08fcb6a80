"""Known relevant records matched with a review's reports, and the sources that brought each report.

The evaluation and the check of the search both count by this.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from api.services.ranking.matching import held_from_text
from api.services.reviews.protocols import get_protocol_body
from model.evaluation.matching import MATCHED, Known, Limits, Match, match
from model.evaluation.shares import Share
from store.core.session import ReadSession
from store.reports import record_texts
from store.reports.record_texts import SearchedRecord
from store.searching import searches

NO_SOURCE = "search {}, source not stated"


@dataclass(frozen=True, slots=True)
class KnownMatches:
    """Known relevant records with the review's reports and the sources of these.

    A copy of a report that a source spells in its own way is that source's, once it was merged with
    a copy that matches.

    Attributes:
        matches: one for each known record, in the same order.
        brought: sources of each report that a known record matches, in the order of their searches.
        set_aside: for each known record that is not among the reports, by its number, the sources
            that found it and whose copies were all filtered.
    """

    matches: tuple[Match, ...]
    brought: Mapping[int, tuple[str, ...]]
    set_aside: Mapping[int, tuple[str, ...]]
    sources: tuple[str, ...]


def match_known(session: ReadSession, review_id: int, known: Sequence[Known]) -> KnownMatches:
    """Match known relevant records with the reports that a review's searches brought."""
    limits = get_protocol_body(session, review_id).scope
    titles = {
        info.id: info.source or NO_SOURCE.format(info.id)
        for info in searches.list_searches(session, review_id)
    }
    records = record_texts.list_searched_records(session, review_id)
    kept = [record for record in records if not record.filtered]
    filtered = [record for record in records if record.filtered]
    matches = _match(known, kept, limits)
    aside = _match(known, filtered, limits)
    filtered_by = _list_sources(filtered, titles)
    matched = {m.report_id for m in matches}
    return KnownMatches(
        matches=tuple(matches),
        brought=_list_sources((each for each in kept if each.text.report_id in matched), titles),
        set_aside={
            m.known.number: filtered_by[m.report_id]
            for m, found in zip(aside, matches, strict=True)
            if m.report_id is not None and found.state != MATCHED
        },
        sources=tuple(dict.fromkeys(titles[record.search_id] for record in records)),
    )


def _match(
    known: Sequence[Known], records: Sequence[SearchedRecord], limits: Limits
) -> list[Match]:
    """Match with those records alone that share something with a known one."""
    ids = {value for each in known for value in (each.source_id, each.doi, each.pmid) if value}
    titles = {each.title_key for each in known if each.title_key}
    texts = [record.text for record in records]
    candidates = [
        text
        for text in texts
        if text.title_key in titles
        or text.source_id in ids
        or (text.doi is not None and text.doi in ids)
        or (text.pmid is not None and text.pmid in ids)
    ]
    return match(
        known,
        [held_from_text(text) for text in candidates],
        limits,
        others_without_ids=any(not text.doi and not text.pmid for text in texts),
    )


def _list_sources(
    records: Iterable[SearchedRecord], titles: Mapping[int, str]
) -> dict[int, tuple[str, ...]]:
    found: dict[int, dict[str, None]] = {}
    for record in records:
        found.setdefault(record.text.report_id, {})[titles[record.search_id]] = None
    return {report_id: tuple(names) for report_id, names in found.items()}


def count_by_source(found: KnownMatches, counted: Collection[Match]) -> dict[str, Share]:
    """How many of some known records each source brought.

    Args:
        found: the known records.
        counted: those of them that can be judged: matched, or missing.
    """
    return {
        source: Share.of(
            sum(source in found.brought.get(m.report_id or 0, ()) for m in counted), len(counted)
        )
        for source in found.sources
    }
