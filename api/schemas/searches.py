"""JSON of searches and of the files that are imported into them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field

from api.schemas.base import In, Out
from api.services.searching.imported_labels import TakenOver
from api.services.searching.importing import ImportOutcome
from api.types import Count, Text, Words
from store.searching.batches import RejectedInfo


class SearchIn(In):
    """What is known about a search; a field left out is "not stated"."""

    source: Text | None = None
    platform: Text | None = None
    run_on: Annotated[Text, Field(max_length=40)] | None = None
    strategy: Text | None = None
    limits: Text | None = None
    reported: Count | None = None
    exported: Count | None = None
    searcher: Text | None = None
    gap_reason: Text | None = None
    route: Literal["database", "registry", "website", "citation", "contact", "other"] | None = None
    limits_reason: Text | None = None
    filters: Text | None = None
    prior_work: Text | None = None
    update_method: Text | None = None
    peer_review: Text | None = None


class MethodsIn(In):
    """Statements by item, 2 to 7: what was done, or "none"; null clears a statement."""

    stated: dict[Annotated[int, Field(ge=2, le=7)], Annotated[Text, Field(max_length=5000)] | None]


class MethodsOut(Out):
    """What is stated, by item; an item that nobody has stated is left out."""

    stated: dict[int, str]

    @classmethod
    def of(cls, stated: Mapping[int, str]) -> MethodsOut:
        """The JSON of statements."""
        return cls(stated={item: text or "none" for item, text in stated.items()})


class FileOut(Out):
    """An imported file or harvested page: read = new + changed + same + filtered + rejected."""

    id: int
    search_id: int
    name: str
    sha256: str
    size: int
    format: str
    columns: dict[str, Any]
    notices: list[str]
    read: int
    new: int
    changed: int
    same: int
    filtered: int
    rejected: int
    run_id: int | None
    problem: str | None
    created_at: dt.datetime
    person: str | None
    withdrawn_at: dt.datetime | None
    withdrawn_reason: str | None


class SearchOut(Out):
    """A search with its files; ``gap`` is hits reported less entries received."""

    id: int
    kind: str
    source: str | None
    platform: str | None
    run_on: str | None
    strategy: str | None
    limits: str | None
    reported: int | None
    exported: int | None
    searcher: str | None
    gap_reason: str | None
    route: str | None
    limits_reason: str | None
    filters: str | None
    prior_work: str | None
    update_method: str | None
    peer_review: str | None
    received: int
    at_most: bool
    gap: int | None
    created_at: dt.datetime
    batches: list[FileOut]


class ImportOut(Out):
    """What became of an imported file."""

    file: FileOut
    repeated: bool
    labelled: int
    copies: int
    out_of_range: int
    gold_added: int
    decisions_added: int
    taken_over: TakenOver | None
    not_understood: dict[str, int]
    rejected: list[RejectedInfo]

    @classmethod
    def of(cls, outcome: ImportOutcome) -> ImportOut:
        """The JSON of an import."""
        return cls(
            file=FileOut.model_validate(outcome.batch),
            repeated=outcome.repeated,
            labelled=outcome.labelled,
            copies=outcome.copies,
            out_of_range=outcome.out_of_range,
            gold_added=outcome.gold_added,
            decisions_added=outcome.decisions_added,
            taken_over=outcome.taken,
            not_understood=dict(outcome.unread),
            rejected=[
                RejectedInfo(entry.position, entry.line, entry.reason, entry.excerpt)
                for entry in outcome.rejected
            ],
        )


class WithdrawIn(In):
    """Why a file is withdrawn."""

    reason: Annotated[Words, Field(max_length=2000)]


class WithdrawOut(Out):
    """How many reports left the counts."""

    reports_withdrawn: int
