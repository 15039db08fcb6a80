"""Records of files and pages, with the keys under which the store files them."""

from __future__ import annotations

from collections.abc import Iterator

from api.services.reviews.names import make_slug
from harvest.file_content import FileContent
from harvest.record import Record
from harvest.text import fold, title_key
from store.searching.record_rows import KeyedRecord

# Accession numbers in these formats are PubMed's, wherever the file comes from.
_PUBMED_FORMATS = {"nbib", "pubmed-xml"}


def keyed_records(content: FileContent, source: str | None) -> Iterator[KeyedRecord]:
    """Records of a file with their keys.

    Args:
        content: the file.
        source: the database it was exported from; None if that is not stated.
    """
    for record in content.records:
        fallback = f"{content.sha256}#{record.position}"
        stated = "PubMed" if content.format in _PUBMED_FORMATS and record.accession else source
        name = make_slug(stated or record.database or "file") or "file"
        yield keyed_record(
            record, source=name, source_id=record.accession or fallback, fallback=fallback
        )


def keyed_record(
    record: Record, *, source: str, source_id: str, fallback: str, certain: bool = False
) -> KeyedRecord:
    """A record with its keys; see ``record_rows.KeyedRecord``."""
    authors = " ".join(author.name for author in record.authors)
    ids = " ".join(i for i in (record.doi, record.pmid, record.accession) if i)
    parts = (record.title, record.abstract, authors, record.venue, ids, str(record.year or ""))
    return KeyedRecord(
        record=record,
        source=source,
        source_id=source_id[:500],
        fallback_id=fallback,
        title_key=title_key(record.title),
        search_text=fold(" ".join(part for part in parts if part)),
        certain=certain,
    )
