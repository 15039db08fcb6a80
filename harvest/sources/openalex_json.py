"""OpenAlex's works to records."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from harvest.files.build import Fields, record_from
from harvest.record import Author, Entry, Remark
from harvest.sources.json_values import at, listed, text

_LONGEST = 20_000


def records(works: Iterable[Mapping[str, Any]]) -> Iterator[Entry]:
    """One entry per work, in their order."""
    for position, work in enumerate(works, start=1):
        yield record_from(_fields(work, position))


def abstract_of(index: Any) -> str | None:
    """An abstract from its inverted index: words at their places; gaps are closed."""
    if not isinstance(index, Mapping):
        return None
    placed = [
        (place, str(word))
        for word, places in index.items()
        if isinstance(places, list)
        for place in places
        if isinstance(place, int)
    ]
    return " ".join(word for _, word in sorted(placed)[:_LONGEST]) or None


def _last(address: Any) -> str | None:
    """The identifier at the end of an address such as https://openalex.org/W1."""
    found = text(address)
    return found.rstrip("/").rpartition("/")[2] if found else None


def _fields(work: Mapping[str, Any], position: int) -> Fields:
    number = _last(work.get("id"))
    pmid, pmcid = _last(at(work, "ids", "pmid")), _last(at(work, "ids", "pmcid"))
    doi = text(work.get("doi"))
    people = [
        name
        for entry in listed(work.get("authorships"))
        if (name := text(at(entry, "raw_author_name")) or text(at(entry, "author", "display_name")))
    ]
    first, last = text(at(work, "biblio", "first_page")), text(at(work, "biblio", "last_page"))
    location = work.get("primary_location")
    landing = text(at(location, "landing_page_url"))
    # The keywords there are made by a machine; only MeSH headings were given by people.
    headings = [h for item in listed(work.get("mesh")) if (h := text(at(item, "descriptor_name")))]
    year = text(work.get("publication_year"))
    kind = text(work.get("type"))
    return Fields(
        position=position,
        title=text(work.get("title")) or text(work.get("display_name")),
        abstract=abstract_of(work.get("abstract_inverted_index")),
        authors=[Author(name) for name in people],
        date=text(work.get("publication_date")) or year,
        year=year,
        venue=text(at(location, "source", "display_name")),
        volume=text(at(work, "biblio", "volume")),
        issue=text(at(work, "biblio", "issue")),
        pages=f"{first}-{last}" if first and last and first != last else first,
        publisher=text(at(location, "source", "host_organization_name")),
        doi=[doi] if doi else [],
        pmid=[pmid] if pmid else [],
        pmcid=[pmcid] if pmcid else [],
        issn=text(at(location, "source", "issn_l")),
        urls=[landing] if landing else [],
        language=text(work.get("language")),
        types=[kind] if kind else [],
        keywords=headings,
        accession=number,
        database="OpenAlex",
        remarks=[Remark("retracted")] if work.get("is_retracted") is True else [],
        excerpt=number or "",
    )
