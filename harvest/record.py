"""The record: what one source says about one report. Also rejected entries and notices."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import BinaryIO, Final, Protocol


@dataclass(frozen=True, slots=True)
class Author:
    """A person, as the source writes the name, or a collective.

    Attributes:
        name: "Family, Given" if the source separates them, otherwise the name as written.
        collective: True for an organisation or a study group.
    """

    name: str
    collective: bool = False


# Why an entry is rejected that a source listed but did not send.
NOT_RETURNED: Final = "asked for and not returned"
# Flag of a record that is itself a notice about another report: a retraction, an erratum.
NOTICE: Final = "notice"


@dataclass(frozen=True, slots=True)
class StatusNotice:
    """A source's statement about what happened to a report after publication.

    Attributes:
        kind: ``retracted``, ``republished``, ``corrected``, ``concern`` or ``published``.
        notice: the publication notice as the source cites it; None if it cites none.
        pmid: the notice's PMID, if given; ``doi`` is its DOI.
    """

    kind: str
    notice: str | None = None
    pmid: str | None = None
    doi: str | None = None


@dataclass(frozen=True, slots=True)
class Record:
    """One source's statement about one report. ``None`` means that the source does not say.

    Attributes:
        position: place in the file, from 1; rejected entries are counted too.
        accession: the source's own id for the record, if the file has it.
        year: year of publication, 1000 to 2999.
        label: the file's own relevance label: "include", "exclude" or None.
        flags: short names of anything unusual, such as ``no-title``.
        extra: the source's fields that have no attribute here, unchanged.
        status_notices: what the source says has happened to the report since publication.
    """

    position: int
    title: str | None = None
    abstract: str | None = None
    authors: tuple[Author, ...] = ()
    year: int | None = None
    date: str | None = None
    venue: str | None = None
    volume: str | None = None
    issue: str | None = None
    pages: str | None = None
    publisher: str | None = None
    doi: str | None = None
    pmid: str | None = None
    pmcid: str | None = None
    issn: str | None = None
    urls: tuple[str, ...] = ()
    language: str | None = None
    types: tuple[str, ...] = ()
    keywords: tuple[str, ...] = ()
    accession: str | None = None
    database: str | None = None
    label: str | None = None
    notes: tuple[str, ...] = ()
    flags: tuple[str, ...] = ()
    extra: Mapping[str, str] = field(default_factory=dict)
    status_notices: tuple[StatusNotice, ...] = ()

    @property
    def identifiable(self) -> bool:
        """Whether it has anything that identifies the report to a reader."""
        return any((self.title, self.abstract, self.doi, self.pmid, self.pmcid, self.accession))


@dataclass(frozen=True, slots=True)
class Rejected:
    """An entry that cannot be used, with the reason and the start of its text."""

    position: int
    reason: str
    line: int | None = None
    excerpt: str = ""


Entry = Record | Rejected


@dataclass(frozen=True, slots=True)
class Notice:
    """Something that the reader of a file should know, such as a guessed encoding."""

    message: str


class Parser(Protocol):
    """A pure function that parses one file format."""

    def __call__(self, stream: BinaryIO) -> Iterator[Entry | Notice]:
        """Yield one ``Record`` or ``Rejected`` for each entry, in file order.

        Raises:
            UnreadableFile: the whole file is unusable.
        """
        ...
