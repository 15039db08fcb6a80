"""Records of files and pages, with the keys under which the store files them."""

from __future__ import annotations

from dataclasses import dataclass

from api.services.reviews.names import make_slug
from harvest.record import Record
from harvest.text import fold, title_key
from store.reports.record_search import NOTHING
from store.searching.record_rows import KeyedRecord

# Accession numbers in these formats are PubMed's, wherever the file comes from.
_PUBMED_FORMATS = {"nbib", "pubmed-xml"}


@dataclass(frozen=True, slots=True)
class FileKeys:
    """What the keys of a file's records depend on.

    Attributes:
        source: the database it was exported from; None if that is not stated.
    """

    sha256: str
    format: str
    source: str | None

    def of(self, record: Record) -> KeyedRecord:
        """A record of the file with its keys."""
        fallback = f"{self.sha256}#{record.position}"
        pubmed = self.format in _PUBMED_FORMATS and record.accession
        name = make_slug(("PubMed" if pubmed else self.source) or record.database or "file")
        return keyed_record(
            record,
            source=name or "file",
            source_id=record.accession or fallback,
            fallback=fallback,
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


def fold_words(typed: str) -> str:
    """Words that somebody looks for, folded as the texts of records are.

    Returns:
        Empty for nothing or blanks, which narrow nothing; ``NOTHING``, which no record has, if only
        characters were typed that cannot be seen.
    """
    return fold(typed) or (NOTHING if typed.strip() else "")
