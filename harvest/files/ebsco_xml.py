"""Parse EBSCOhost's XML export. Written from EBSCO's documentation; not tested on a real file."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

from lxml import etree

from harvest.files.build import Fields, create_record
from harvest.record import Author, Entry, Notice
from harvest.xml import elements, line_of, text_of, texts

ROOTS = {"records"}


def looks_like(head: bytes) -> bool:
    """Whether the start of a <records> file is EBSCOhost's: its records have a header."""
    return b"shortDbName" in head or b"controlInfo" in head


def parse(stream: BinaryIO) -> Iterator[Entry | Notice]:
    """Parse an EBSCOhost XML file; see ``harvest.record.Parser``."""
    for position, element in enumerate(elements(stream, {"rec"}), start=1):
        yield create_record(_fields(element, position))


def _first(element: etree._Element, path: str) -> str | None:
    return text_of(element.find(f".//{path}"))


def _fields(element: etree._Element, position: int) -> Fields:
    header = element.find(".//header")
    day = element.find(".//pubinfo/dt")
    parts = [day.get(name) for name in ("year", "month", "day")] if day is not None else []
    start, count = _first(element, "ppf"), _first(element, "ppct")
    pages = start
    if start and count and start.isdigit() and count.isdigit() and int(count) > 1:
        pages = f"{start}-{int(start) + int(count) - 1}"
    ids = {ui.get("type"): text_of(ui) or "" for ui in element.iterfind(".//artinfo/ui")}
    doi, pmid = ids.get("doi"), ids.get("pmid")
    number = header.get("uiTerm") if header is not None else None
    database = header.get("longDbName") or header.get("shortDbName") if header is not None else None
    return Fields(
        position=position,
        line=line_of(element),
        title=_first(element, "artinfo/tig/atl") or _first(element, "bkinfo/btl"),
        abstract=_first(element, "ab"),
        authors=[Author(name) for name in texts(element, ".//aug/au")],
        date="-".join(part for part in parts if part) or None,
        year=parts[0] if parts else None,
        venue=_first(element, "jinfo/jtl") or _first(element, "bkinfo/btl"),
        volume=_first(element, "pubinfo/vid"),
        issue=_first(element, "pubinfo/iid"),
        pages=pages,
        publisher=_first(element, "pubinfo/pub"),
        doi=[doi] if doi else [],
        pmid=[pmid] if pmid else [],
        claimed_ids=[value for value in (doi, pmid) if value],
        issn=_first(element, "jinfo/issn"),
        urls=[url for url in (_first(element, "plink"),) if url],
        language=_first(element, "language"),
        types=[*texts(element, ".//pubtype"), *texts(element, ".//doctype")],
        keywords=texts(element, ".//sug/subj"),
        accession=number,
        database=database,
        excerpt=number or "",
    )
