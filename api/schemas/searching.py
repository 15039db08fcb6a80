"""JSON of strategies, sources and runs, and of the check against known relevant records."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Any, Self

from pydantic import BeforeValidator, Field, StringConstraints, model_validator

from api.schemas.base import In, Out
from api.services.searching.strategies import CountedLine, line_name
from api.types import Moment, Words

# The protocol's own length for a text that must say something.
Reason = Annotated[Words, Field(max_length=5000)]
LineName = Annotated[int | str, BeforeValidator(line_name)]


class RunIn(In):
    """A source to search with the review's strategy; ``line`` instead of the strategy's own."""

    source: str = Field(max_length=40)
    line: str | None = Field(default=None, max_length=100)


class ReasonIn(In):
    """Why."""

    reason: Reason


class _RunHead(Out):
    run: int = Field(validation_alias="id")
    search: int = Field(validation_alias="search_id")
    source: str
    strategy_version: int = Field(validation_alias="version")
    line: LineName


class _RunWindow(Out):
    mode: str
    since: str | None
    until: str | None
    night: int | None = Field(validation_alias="night_id")
    pooled: bool


class _RunFigures(Out):
    state: str
    outcome: str = Field(validation_alias="state")
    held: bool
    sent: list[str] = Field(validation_alias="queries")
    understood: str | None
    reported: int | None
    reported_at_most: bool = Field(validation_alias="at_most")
    received: int
    unique: int
    new: int
    changed: int
    same: int
    filtered: int
    rejected: int
    missing: int
    shortfall: int | None
    pages: int
    log: list[str]
    problems: list[str]
    warnings: list[dict[str, str]]
    notices: list[str]
    known_relevant_filtered: list[int] = Field(validation_alias="gold_filtered")
    stop_reason: str | None
    released_reason: str | None
    started_at: dt.datetime
    ended_at: dt.datetime | None

    @model_validator(mode="after")
    def _show(self) -> Self:
        if self.held:
            self.state = "held"
        if self.outcome not in ("complete", "incomplete"):
            self.shortfall = None
        return self


class RunOut(_RunFigures, _RunHead):
    """A run with its reconciliation: what was sent and understood, reported and received.

    ``outcome`` is its state; ``state`` is "held" while a known study is among the filtered records.
    """


class RunReport(_RunFigures, _RunWindow, _RunHead):
    """A run for the command line, with what it asked for and whether it waits in the pool."""

    started_at: Moment
    ended_at: Moment | None


class LossOut(Out):
    """A leaf that a source cannot express as it is."""

    leaf: str
    kind: str
    direction: str
    places: list[str]
    accepted: str | None


class RenderedOut(Out):
    """A strategy in a source's syntax; blocked while nobody has accepted a narrowing loss."""

    source: str
    queries: list[str]
    losses: list[LossOut]
    blocked: bool


class StrategyIn(In):
    """A strategy as plain text with numbered lines, or as a document.

    ``confirm`` turns known relevant records that were shown as missed into development records.
    """

    text: Annotated[str, StringConstraints(max_length=500_000, pattern=r"^[^\x00]*$")] | None = None
    document: dict[str, Any] | None = None
    use: str | None = Field(default=None, max_length=100)
    reason: Reason | None = None
    confirm: bool = False


class StrategyOut(Out):
    """A version of a review's strategy."""

    version: int
    use: int | str
    lines: list[CountedLine]
    notices: list[str]
    # Where the line that is run limits otherwise than the protocol.
    limit_warnings: list[str]
    peer_review: str | None
    created_at: dt.datetime
    person: str | None


class AcceptanceIn(In):
    """A loss or a warning that is accepted in writing; without ``leaf``, all of its kind."""

    source: str = Field(max_length=40)
    kind: str = Field(max_length=40)
    leaf: Reason | None = None
    reason: Reason
