"""Parse EndNote's XML, also from Zotero, Mendeley and Bookends (with or without <style>)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import BinaryIO

from lxml import etree

from harvest.files.build import Fields, create_record
from harvest.files.people import split_name_line
from harvest.identifiers import find_accession_pmids, is_doi
from harvest.record import Entry, Notice
from harvest.xml import elements, line_of, text_of, texts

ROOTS = {"xml", "records"}


def parse(stream: BinaryIO) -> Iterator[Entry | Notice]:
    """Parse an EndNote XML file; see ``harvest.record.Parser``."""
    for position, element in enumerate(elements(stream, {"record"}), start=1):
        yield create_record(_fields(element, position))


def _text(record: etree._Element, *paths: str) -> str | None:
    return next((t for path in paths if (t := text_of(record.find(path)))), None)


def _fields(record: etree._Element, position: int) -> Fields:
    kind = record.find("ref-type")
    people = texts(record, "contributors/authors/author")
    editors = texts(record, "contributors/secondary-authors/author")
    custom = [text for n in range(1, 8) for text in texts(record, f"custom{n}")]
    database = _text(record, "remote-database-name")
    accession = _text(record, "accession-num")
    provider = _text(record, "remote-database-provider")
    return Fields(
        position=position,
        line=line_of(record),
        title=_text(record, "titles/title"),
        abstract=_text(record, "abstract"),
        authors=[author for name in people or editors for author in split_name_line(name)],
        date=_text(record, "dates/year", "dates/pub-dates/date"),
        year=_text(record, "dates/year", "dates/pub-dates/date"),
        venue=_text(
            record,
            "periodical/full-title",
            "titles/secondary-title",
            "periodical/abbr-1",
            "titles/alt-title",
            "alt-periodical/full-title",
        ),
        volume=_text(record, "volume"),
        issue=_text(record, "number", "issue"),
        pages=_text(record, "pages"),
        publisher=_text(record, "publisher"),
        doi=[*texts(record, "electronic-resource-num"), *filter(is_doi, custom)],
        pmid=find_accession_pmids(accession, database, provider),
        pmcid=custom,
        claimed_ids=texts(record, "electronic-resource-num"),
        issn=_text(record, "isbn"),
        urls=[
            *texts(record, "urls/related-urls/url"),
            *texts(record, "urls/web-urls/url"),
            *texts(record, "urls/text-urls/url"),
        ],
        language=_text(record, "language"),
        types=[name] if kind is not None and (name := kind.get("name")) else [],
        keywords=[
            part
            for text in texts(record, "keywords/keyword")
            for part in re.split(r"[\r\n;]", text)
        ],
        accession=accession,
        database=database,
        notes=[*texts(record, "notes"), *texts(record, "research-notes")],
        excerpt=text_of(record) or "",
    )
