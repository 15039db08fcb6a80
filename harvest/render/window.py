"""Restrict a source's queries to what it indexed or changed between two days."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Window:
    """The first and last day of a search for new or changed records, both included."""

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
    """By the day of publication: only paying members can search by creation or change.

    OpenAlex does not combine two filters of the same kind, so the later date replaces the other.
    """
    first = window.since.isoformat()
    for limit in _FROM.findall(query):
        first = max(first, limit)
    return f"{_FROM.sub('', query)},from_publication_date:{first}"


_RESTRICT: Mapping[str, Callable[[str, Window], str]] = {
    "pubmed": _pubmed,
    "europepmc": _europepmc,
    "openalex": _openalex,
}


def restrict_to_window(source: str, queries: Sequence[str], window: Window) -> list[str]:
    """The queries, restricted to a window.

    Raises:
        ValueError: there is no source of that name.
    """
    if source not in _RESTRICT:
        raise ValueError(f"there is no source {source!r}; the sources are: {', '.join(_RESTRICT)}")
    return [_RESTRICT[source](query, window) for query in queries]
