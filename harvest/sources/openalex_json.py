"""Parse OpenAlex works into records."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from harvest.files.build import Fields, create_record
from harvest.record import Author, Entry, StatusNotice
from harvest.sources.json_values import as_text, get_at, list_at

_LONGEST = 20_000


def parse_records(works: Iterable[Mapping[str, Any]]) -> Iterator[Entry]:
    """Parse works, one entry each, in order."""
    for position, work in enumerate(works, start=1):
        yield create_record(_fields(work, position))


def restore_abstract(index: Any) -> str | None:
    """Rebuild an abstract from its inverted index (word to places); gaps are closed."""
    if not isinstance(index, Mapping):
        return None
    words = [
        (place, str(word))
        for word, places in index.items()
        if isinstance(places, list)
        for place in places
        if isinstance(place, int)
    ]
    return " ".join(word for _, word in sorted(words)[:_LONGEST]) or None


def _id_in(address: Any) -> str | None:
    """The identifier at the end of an address such as https://openalex.org/W1."""
    text = as_text(address)
    return text.rstrip("/").rpartition("/")[2] if text else None


def _fields(work: Mapping[str, Any], position: int) -> Fields:
    number = _id_in(work.get("id"))
    pmid, pmcid = _id_in(get_at(work, "ids", "pmid")), _id_in(get_at(work, "ids", "pmcid"))
    doi = as_text(work.get("doi"))
    people = [
        name
        for entry in list_at(work.get("authorships"))
        if (
            name := as_text(get_at(entry, "raw_author_name"))
            or as_text(get_at(entry, "author", "display_name"))
        )
    ]
    first, last = (
        as_text(get_at(work, "biblio", "first_page")),
        as_text(get_at(work, "biblio", "last_page")),
    )
    location = work.get("primary_location")
    landing = as_text(get_at(location, "landing_page_url"))
    # OpenAlex generates its keywords; only MeSH headings are assigned by people.
    headings = [
        h for item in list_at(work.get("mesh")) if (h := as_text(get_at(item, "descriptor_name")))
    ]
    year = as_text(work.get("publication_year"))
    kind = as_text(work.get("type"))
    return Fields(
        position=position,
        title=as_text(work.get("title")) or as_text(work.get("display_name")),
        abstract=restore_abstract(work.get("abstract_inverted_index")),
        authors=[Author(name) for name in people],
        date=as_text(work.get("publication_date")) or year,
        year=year,
        venue=as_text(get_at(location, "source", "display_name")),
        volume=as_text(get_at(work, "biblio", "volume")),
        issue=as_text(get_at(work, "biblio", "issue")),
        pages=f"{first}-{last}" if first and last and first != last else first,
        publisher=as_text(get_at(location, "source", "host_organization_name")),
        doi=[doi] if doi else [],
        pmid=[pmid] if pmid else [],
        pmcid=[pmcid] if pmcid else [],
        issn=as_text(get_at(location, "source", "issn_l")),
        urls=[landing] if landing else [],
        language=as_text(work.get("language")),
        types=[kind] if kind else [],
        keywords=headings,
        accession=number,
        database="OpenAlex",
        status_notices=[StatusNotice("retracted")] if work.get("is_retracted") is True else [],
        excerpt=number or "",
    )
