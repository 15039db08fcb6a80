"""JSON of records and of marks on them."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Literal

from pydantic import Field

from api.schemas.base import In, Out
from api.types import Id, Text
from store.reports.record_listing import STANDINGS
from store.reports.records import StoredRecord

# Where the records of a list stand: in the review, set aside, waiting, incoming or withdrawn.
Standing = Annotated[str, Field(pattern=f"^({'|'.join(STANDINGS)})$")]


class RecordOut(Out):
    """A record with its decision."""

    id: int
    report: int
    source: str
    source_id: str
    title: str | None
    abstract: str | None
    authors: list[str]
    year: int | None
    venue: str | None
    volume: str | None
    issue: str | None
    pages: str | None
    doi: str | None
    pmid: str | None
    pmcid: str | None
    urls: list[str]
    language: str | None
    types: list[str]
    keywords: list[str]
    flags: list[str]
    active: bool
    decision: str | None
    decided_by: str | None
    decided_at: dt.datetime | None

    @classmethod
    def of(cls, stored: StoredRecord) -> RecordOut:
        """The JSON of a stored record."""
        record = stored.record
        return cls(
            id=stored.id,
            report=stored.report_id,
            source=stored.source,
            source_id=stored.source_id,
            title=record.title,
            abstract=record.abstract,
            authors=[author.name for author in record.authors],
            year=record.year,
            venue=record.venue,
            volume=record.volume,
            issue=record.issue,
            pages=record.pages,
            doi=record.doi,
            pmid=record.pmid,
            pmcid=record.pmcid,
            urls=list(record.urls),
            language=record.language,
            types=list(record.types),
            keywords=list(record.keywords),
            flags=list(record.flags),
            active=stored.active,
            decision=stored.decision,
            decided_by=stored.decided_by,
            decided_at=stored.decided_at,
        )


class RecordPage(Out):
    """A page of the record list."""

    total: int
    offset: int
    records: list[RecordOut]


class MarkIn(In):
    """A tag (1 to 60 characters), a note, or a star (no text) on a record."""

    report: Id
    kind: Literal["tag", "note", "star"]
    text: Annotated[Text, Field(max_length=10_000)] = ""
