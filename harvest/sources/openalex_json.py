"""OpenAlex's works to records."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from harvest.files.build import Fields, record_from
from harvest.record import Author, Entry

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


def _text(value: Any) -> str | None:
    return str(value) if isinstance(value, str | int) and not isinstance(value, bool) else None


def _at(value: Any, *path: str) -> Any:
    for key in path:
        value = value.get(key) if isinstance(value, Mapping) else None
    return value


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _last(address: Any) -> str | None:
    """The identifier at the end of an address such as https://openalex.org/W1."""
    text = _text(address)
    return text.rstrip("/").rpartition("/")[2] if text else None


def _fields(work: Mapping[str, Any], position: int) -> Fields:
    number = _last(work.get("id"))
    pmid, pmcid = _last(_at(work, "ids", "pmid")), _last(_at(work, "ids", "pmcid"))
    doi = _text(work.get("doi"))
    people = [
        name
        for entry in _list(work.get("authorships"))
        if (
            name := _text(_at(entry, "raw_author_name"))
            or _text(_at(entry, "author", "display_name"))
        )
    ]
    first, last = _text(_at(work, "biblio", "first_page")), _text(_at(work, "biblio", "last_page"))
    location = work.get("primary_location")
    landing = _text(_at(location, "landing_page_url"))
    # The keywords there are made by a machine; only MeSH headings were given by people.
    headings = [h for item in _list(work.get("mesh")) if (h := _text(_at(item, "descriptor_name")))]
    year = _text(work.get("publication_year"))
    kind = _text(work.get("type"))
    return Fields(
        position=position,
        title=_text(work.get("title")) or _text(work.get("display_name")),
        abstract=abstract_of(work.get("abstract_inverted_index")),
        authors=[Author(name) for name in people],
        date=_text(work.get("publication_date")) or year,
        year=year,
        venue=_text(_at(location, "source", "display_name")),
        volume=_text(_at(work, "biblio", "volume")),
        issue=_text(_at(work, "biblio", "issue")),
        pages=f"{first}-{last}" if first and last and first != last else first,
        publisher=_text(_at(location, "source", "host_organization_name")),
        doi=[doi] if doi else [],
        pmid=[pmid] if pmid else [],
        pmcid=[pmcid] if pmcid else [],
        issn=_text(_at(location, "source", "issn_l")),
        urls=[landing] if landing else [],
        language=_text(work.get("language")),
        types=[kind] if kind else [],
        keywords=headings,
        accession=number,
        database="OpenAlex",
        flags=["retracted"] if work.get("is_retracted") is True else [],
        excerpt=number or "",
    )
