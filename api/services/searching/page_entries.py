"""What a page of a source holds: records with their keys, and which of them are filtered."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from api.services.ranking.matching import known_from_gold
from api.services.searching.record_keys import keyed_record
from harvest.local_filter import LocalFilter
from harvest.record import Record, Rejected
from harvest.text import title_key
from model.evaluation.matching import MATCHED, HeldReport, Limits, match
from store.core.session import ReadSession
from store.searching import gold
from store.searching.ingest import BatchContent
from store.searching.record_rows import TITLE_KEY_LENGTH, KeyedRecord


@dataclass(frozen=True, slots=True)
class PageEntries:
    """The entries of one page.

    Attributes:
        records: entries that are records.
        rejected: entries that are not records.
        filtered: records that the strategy, applied again here, certainly rejects.
    """

    records: list[KeyedRecord]
    rejected: list[Rejected]
    filtered: list[KeyedRecord]

    @property
    def content(self) -> BatchContent:
        """The entries as the store takes them."""
        positions = frozenset(entry.record.position for entry in self.filtered)
        return BatchContent(self.records, self.rejected, positions)


def key_entries(
    source: str,
    body: bytes,
    entries: Sequence[Record | Rejected],
    local_filter: LocalFilter | None = None,
) -> PageEntries:
    """Entries of a page with the keys under which the store files them.

    Args:
        source: short name of the source.
        body: the page as received.
        entries: what was read from it.
        local_filter: the strategy, to be applied again; None filters nothing.
    """
    sha256 = hashlib.sha256(body).hexdigest()
    records = [
        keyed_record(
            entry,
            source=source,
            source_id=entry.accession or f"{sha256}#{entry.position}",
            fallback=f"{sha256}#{entry.position}",
            certain=entry.accession is not None,
        )
        for entry in entries
        if isinstance(entry, Record)
    ]
    return PageEntries(
        records,
        [entry for entry in entries if isinstance(entry, Rejected)],
        [
            entry
            for entry in records
            if local_filter is not None and local_filter.rejects(entry.record)
        ],
    )


def find_known_relevant(
    session: ReadSession, review_id: int, entries: Sequence[KeyedRecord]
) -> list[int]:
    """Ids of the known relevant records that are among these."""
    if not entries:
        return []
    known = [known_from_gold(info) for info in gold.list_gold(session, review_id)]
    if not known:
        return []
    held = [
        HeldReport(
            report_id=entry.record.position,
            title_key=title_key(entry.record.title)[:TITLE_KEY_LENGTH],
            year=entry.record.year,
            doi=entry.record.doi,
            pmid=entry.record.pmid,
            source_id=entry.source_id,
        )
        for entry in entries
    ]
    # Limits say only what is in scope, which does not matter here.
    return [m.known.number for m in match(known, held, Limits()) if m.state == MATCHED]
