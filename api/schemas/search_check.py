"""JSON of the search checked against known relevant records."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import AliasPath, BeforeValidator, Field

from api.schemas.base import Out
from api.schemas.searching import LineName
from api.services.reporting.search_check import SAMPLE_NOTE
from model.evaluation.shares import Share


class ShareOut(Out):
    """How many known relevant records were found, of those that can be judged."""

    found: int
    counted: int
    recall: float | None
    interval: tuple[float, float] | None

    @classmethod
    def of(cls, share: Share) -> ShareOut:
        """The JSON of a share."""
        ends = share.low, share.high
        return cls(
            found=share.found,
            counted=share.counted,
            recall=share.value,
            interval=None if ends[0] is None or ends[1] is None else (ends[0], ends[1]),
        )


class _Source(Out):
    source: str


class SourceShareOut(ShareOut, _Source):
    """What one source found."""


def _by_source(shares: Mapping[str, Share]) -> list[dict[str, Any]]:
    return [{"source": title, **ShareOut.of(share).model_dump()} for title, share in shares.items()]


class UseOut(Out):
    """Relative recall over the records of one use."""

    search_use: str = Field(validation_alias="use")
    note: str | None
    union: Annotated[ShareOut, BeforeValidator(ShareOut.of)]
    sources: Annotated[list[SourceShareOut], BeforeValidator(_by_source)]
    not_matched: int
    out_of_scope: int


class LookupOut(Out):
    """What a source said of a missed record."""

    source: str
    state: str
    rejected_by: list[LineName]


class MissedOut(Out):
    """A known relevant record that no search kept, and why."""

    gold: int = Field(validation_alias=AliasPath("info", "id"))
    title: str | None = Field(validation_alias=AliasPath("info", "title"))
    year: int | None = Field(validation_alias=AliasPath("info", "year"))
    doi: str | None = Field(validation_alias=AliasPath("info", "doi"))
    pmid: str | None = Field(validation_alias=AliasPath("info", "pmid"))
    search_use: str = Field(validation_alias=AliasPath("info", "search_use"))
    filtered_at: list[str]
    text_rejected_by: list[LineName] | None
    sources: Annotated[list[LookupOut], BeforeValidator(lambda lookups: list(lookups.values()))] = (
        Field(validation_alias="lookups")
    )


class SearchCheckOut(Out):
    """The searches of a review, checked against its known relevant records."""

    records: int
    strategy_version: int | None = Field(validation_alias="version")
    interval: str = SAMPLE_NOTE
    uses: list[UseOut]
    missed: list[MissedOut]
