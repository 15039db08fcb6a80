"""The sources that are harvested: one line each."""

from __future__ import annotations

from collections.abc import Mapping

from harvest.http import Client
from harvest.sources.config import SourceConfig
from harvest.sources.europepmc import EuropePmc
from harvest.sources.openalex import OpenAlex
from harvest.sources.protocol import Make, Source
from harvest.sources.pubmed import PubMed

SOURCES: Mapping[str, Make] = {
    "pubmed": PubMed,
    "europepmc": EuropePmc,
    "openalex": OpenAlex,
}


def source(name: str, client: Client, config: SourceConfig, contact: str = "") -> Source:
    """A source by its short name.

    Raises:
        ValueError: there is none of that name.
    """
    if name not in SOURCES:
        raise ValueError(f"there is no source {name!r}; the sources are: {', '.join(SOURCES)}")
    return SOURCES[name](client, config, contact)
