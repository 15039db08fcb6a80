"""What one source says about one report: the record, and what became of entries that are none."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import BinaryIO, Final, Protocol


@dataclass(frozen=True, slots=True)
class Author:
    """A person as the source writes them, or a collective.

    Attributes:
        name: "Family, Given" where the source says so, else the name as written.
        collective: True for an organisation or a study group.
    """

    name: str
    collective: bool = False


# The flag of a record that is published about another report: a retraction, an erratum.
NOTICE: Final = "notice"


@dataclass(frozen=True, slots=True)
class Remark:
    """Something that a source says happened to a report, and the notice that tells of it.

    Attributes:
        kind: ``retracted``, ``republished``, ``corrected``, ``concern`` or ``published``.
        notice: the notice as the source cites it; None where it names none.
        pmid: the notice's PMID, where given; ``doi`` its DOI.
    """

    kind: str
    notice: str | None = None
    pmid: str | None = None
    doi: str | None = None


@dataclass(frozen=True, slots=True)
class Record:
    """One source's statement about one report. ``None`` means that the source did not say.

    Attributes:
        position: place in the file, counted from 1; rejected entries are counted too.
        accession: the source's own id for the record, where the file exports it.
        year: year of publication, 1000 to 2999.
        label: the file's own relevance label: "include", "exclude" or None.
        flags: short words on what is unusual, such as ``no-title``.
        extra: fields we hold no column for, as they came.
        remarks: what the source says happened to the report since.
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
    remarks: tuple[Remark, ...] = ()

    @property
    def identifiable(self) -> bool:
        """Whether anything is there by which a reader could know the report."""
        return any((self.title, self.abstract, self.doi, self.pmid, self.pmcid, self.accession))


@dataclass(frozen=True, slots=True)
class Rejected:
    """An entry that is not a record, with the reason and the first characters of its text."""

    position: int
    reason: str
    line: int | None = None
    excerpt: str = ""


Entry = Record | Rejected


@dataclass(frozen=True, slots=True)
class Notice:
    """Something about a file that its reader should be told, such as a guessed encoding."""

    message: str


class Parser(Protocol):
    """A pure reader of one file format: a binary stream to records and rejected entries."""

    def __call__(self, stream: BinaryIO) -> Iterator[Entry | Notice]:
        """Yield one ``Record`` or ``Rejected`` per entry of the file, in file order.

        Raises:
            UnreadableFile: the file as a whole cannot be used.
        """
        ...
