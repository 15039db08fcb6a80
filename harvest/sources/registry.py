"""The sources that Winnow can search."""

from __future__ import annotations

from collections.abc import Mapping

from harvest.http import Client
from harvest.sources.config import SourceConfig
from harvest.sources.europepmc import EuropePmc
from harvest.sources.openalex import OpenAlex
from harvest.sources.protocol import Source, SourceFactory
from harvest.sources.pubmed import PubMed

SOURCES: Mapping[str, SourceFactory] = {
    "pubmed": PubMed,
    "europepmc": EuropePmc,
    "openalex": OpenAlex,
}


def create_source(name: str, client: Client, config: SourceConfig, contact: str = "") -> Source:
    """Create a source by its short name.

    Raises:
        ValueError: there is no source of that name.
    """
    if name not in SOURCES:
        raise ValueError(f"there is no source {name!r}; the sources are: {', '.join(SOURCES)}")
    return SOURCES[name](client, config, contact)
