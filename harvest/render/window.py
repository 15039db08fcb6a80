"""A source's queries narrowed to what it indexed or changed between two days."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Window:
    """Days between which a source is asked what is new or changed, both included."""

    since: dt.date
    until: dt.date


def _pubmed(query: str, window: Window) -> str:
    """By create date and by the date of the last revision (PubMed help, field tags)."""
    first, last = f"{window.since:%Y/%m/%d}", f"{window.until:%Y/%m/%d}"
    days = (f'("{first}"[{tag}] : "{last}"[{tag}])' for tag in ("crdt", "lr"))
    return f"({query}) AND ({' OR '.join(days)})"


def _europepmc(query: str, window: Window) -> str:
    """By the day of first indexing and of the last update."""
    days = f"[{window.since.isoformat()} TO {window.until.isoformat()}]"
    return f"({query}) AND (FIRST_IDATE:{days} OR UPDATE_DATE:{days})"


_FROM = re.compile(r",from_publication_date:(\d{4}-\d{2}-\d{2})")


def _openalex(query: str, window: Window) -> str:
    """By the day of publication: the dates of creation and change are for paying members.

    Two limits of one kind are not joined there, so the later takes the other's place.
    """
    first = window.since.isoformat()
    for limit in _FROM.findall(query):
        first = max(first, limit)
    return f"{_FROM.sub('', query)},from_publication_date:{first}"


_NARROWED: Mapping[str, Callable[[str, Window], str]] = {
    "pubmed": _pubmed,
    "europepmc": _europepmc,
    "openalex": _openalex,
}


def within(source: str, queries: Sequence[str], window: Window) -> list[str]:
    """The queries, narrowed.

    Raises:
        ValueError: there is no source of that name.
    """
    if source not in _NARROWED:
        raise ValueError(f"there is no source {source!r}; there are: {', '.join(_NARROWED)}")
    return [_NARROWED[source](query, window) for query in queries]
