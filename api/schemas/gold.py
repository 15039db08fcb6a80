"""JSON of known relevant records."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from api.schemas.base import In, Out
from api.types import Text
from harvest.identifiers import clean_doi, clean_pmid
from store.searching.gold import NewGold

Tag = Annotated[Text, Field(min_length=1, max_length=200)]


class GoldIn(In):
    """A known relevant record."""

    title: Text | None = None
    year: Annotated[int, Field(ge=1000, le=2999)] | None = None
    doi: Text | None = None
    pmid: Text | None = None
    search_use: Literal["development", "validation"] = "validation"
    ranking_use: Literal["seed", "held_out"] = "held_out"
    # "own-search": this review's own searches brought it, so it gives no estimate of them.
    origin: Literal["list", "own-search"] = "list"
    tags: dict[Tag, Tag] = Field(default={}, max_length=20)

    def new_gold(self) -> NewGold:
        """The record with its identifiers in one form."""
        return NewGold(
            title=self.title,
            year=self.year,
            doi=clean_doi(self.doi),
            pmid=clean_pmid(self.pmid),
            search_use=self.search_use,
            ranking_use=self.ranking_use,
            origin=self.origin,
            tags=self.tags,
        )


class GoldListIn(In):
    """A list of known relevant records."""

    name: Annotated[Text, Field(min_length=1, max_length=200)]
    records: Annotated[list[GoldIn], Field(min_length=1, max_length=10_000)]


class GoldOut(Out):
    """A known relevant record of a review."""

    id: int
    title: str | None
    year: int | None
    doi: str | None
    pmid: str | None
    search_use: str
    ranking_use: str
    origin: str
    list_name: str
    tags: dict[str, str]


class AddedOut(Out):
    """How many were added; records listed before are not counted."""

    added: int
