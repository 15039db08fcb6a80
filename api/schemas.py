"""JSON that comes in and goes out of the API."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints

from api.protocol import ProtocolBody, Stage, Words

Slug = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", max_length=80)]
Token = Annotated[str, StringConstraints(min_length=1, max_length=100, pattern=r"^[^\x00]*$")]
# PostgreSQL's bigint; a larger number would be a database error instead of a 422.
Id = Annotated[int, Field(ge=1, le=2**63 - 1)]
Count = Annotated[int, Field(ge=0, le=2**31 - 1)]
# No store keeps a NUL character in a text.
Text = Annotated[str, StringConstraints(pattern=r"^[^\x00]*$", max_length=100_000)]


class In(BaseModel):
    """A body that a client sends; unknown fields are refused."""

    model_config = ConfigDict(extra="forbid")


class Out(BaseModel):
    """A body that the server answers with."""

    model_config = ConfigDict(from_attributes=True)


class ErrorDetails(Out):
    """What is wrong, where, and what to do."""

    kind: str
    message: str
    line: int | None = None
    column: int | None = None
    remedy: str | None = None
    fields: list[dict[str, str]] | None = None


class ErrorOut(Out):
    """The one shape of errors."""

    error: ErrorDetails


class PersonOut(Out):
    """A person."""

    id: int
    name: str


class TokenIn(In):
    """A new API token."""

    name: Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=r"^[^\x00]*$")]


class TokenOut(Out):
    """An API token; its secret is told once, when it is made."""

    id: int
    name: str
    created_at: dt.datetime
    revoked_at: dt.datetime | None
    secret: str | None = None


class ReviewIn(In):
    """A new review."""

    slug: Slug
    title: Annotated[str, StringConstraints(min_length=1, max_length=500, pattern=r"^[^\x00]*$")]
    protocol: ProtocolBody = ProtocolBody()


class CountsOut(Out):
    """Where a review's records stand."""

    records: int
    reports: int
    without_abstract: int
    include: int
    exclude: int
    maybe: int
    decided: int
    undecided: int
    awaiting: int
    conflict: int


class ReviewOut(Out):
    """A review with its counts."""

    slug: str
    title: str
    banner: str | None
    created_at: dt.datetime
    settings: dict[str, Any]
    counts: CountsOut


class ProtocolIn(In):
    """A new version of a protocol."""

    body: ProtocolBody
    reason: Text | None = None
    # The version that you had before you: refused where another has come since.
    based_on: Annotated[int, Field(ge=1, le=2**31 - 1)] | None = None


class ProtocolOut(Out):
    """A version of a protocol."""

    version: int
    body: dict[str, Any]
    reason: str | None
    person: str | None
    created_at: dt.datetime


class SettingsIn(In):
    """Settings of a review: audited, not versioned."""

    settings: dict[
        Annotated[str, StringConstraints(max_length=80, pattern=r"^[^\x00]*$")],
        Text | int | bool | None,
    ]


class SearchIn(In):
    """What is stated of a search; what is left out is "not stated"."""

    source: Text | None = None
    platform: Text | None = None
    run_on: Annotated[str, StringConstraints(max_length=40, pattern=r"^[^\x00]*$")] | None = None
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


class RejectedOut(Out):
    """An entry of a file that is no record."""

    position: int
    line: int | None
    reason: str
    excerpt: str


class ImportOut(Out):
    """What became of an imported file."""

    file: FileOut
    repeated: bool
    labelled: int
    copies: int
    gold_added: int
    decisions_added: int
    rejected: list[RejectedOut]


class WithdrawIn(In):
    """Why a file is withdrawn."""

    reason: Annotated[
        str,
        StringConstraints(
            strip_whitespace=True, min_length=1, max_length=2000, pattern=r"^[^\x00]*$"
        ),
    ]


class WithdrawOut(Out):
    """How many reports left the counts."""

    reports_withdrawn: int


class RecordOut(Out):
    """A record with its decision."""

    id: int
    report: int
    source: str
    source_id: str
    title: str | None
    abstract: str | None
    authors: list[str]
    year: int | None
    venue: str | None
    volume: str | None
    issue: str | None
    pages: str | None
    doi: str | None
    pmid: str | None
    pmcid: str | None
    urls: list[str]
    language: str | None
    types: list[str]
    keywords: list[str]
    flags: list[str]
    active: bool
    decision: str | None
    decided_by: str | None
    decided_at: dt.datetime | None


class RecordPage(Out):
    """A page of the record list."""

    total: int
    offset: int
    records: list[RecordOut]


class QueueIn(In):
    """How many new cards are wanted, and which held ones are kept for longer."""

    n: Annotated[int, Field(ge=0, le=200)] = 20
    keep: Annotated[list[Id], Field(max_length=400)] = []
    # Only what is screened again since the criteria changed; else all but that.
    again: bool = False
    stage: Stage = "title-abstract"


class RankingOut(Out):
    """A ranking without its order."""

    id: int
    pipeline: str
    pipeline_hash: str
    detail: dict[str, Any] = {}
    encoder: str | None
    seed: int
    n_decisions: int
    n_include: int
    cold_start: bool
    warm: bool
    size: int
    seconds: float
    order_hash: str
    created_at: dt.datetime


class RankingState(Out):
    """The newest ranking, and whether a newer one is due."""

    ranking: RankingOut | None
    due: bool
    jobs: list[JobOut]


class JobOut(Out):
    """How far a long operation of the worker is."""

    kind: str
    state: str
    done: int
    total: int
    message: str | None
    updated_at: dt.datetime


class CardOut(Out):
    """A card of the queue; ``place`` is its place in the ranking, null where it has none."""

    report: int
    text_hash: str
    place: int | None
    score: float | None
    record: RecordOut


class QueueOut(Out):
    """Cards, the ranking that ordered them, and how many records are still yours to decide.

    ``lost`` are reports whose cards were to be kept and that others hold or have decided; ``again``
    counts those that you may screen again since the criteria changed.
    """

    ranking: RankingOut | None
    cards: list[CardOut]
    remaining: int
    lost: list[int] = []
    again: int = 0


class DecisionIn(In):
    """A decision. ``token`` is the client's own: sent twice, it is stored once.

    ``text_hash`` is the card's: it tells which title and abstract were on screen.
    """

    token: Token
    report: Id
    text_hash: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")] | None = None
    stage: Stage = "title-abstract"
    decision: Literal["include", "exclude", "maybe"]
    # Keys of the protocol's reasons, for an exclude.
    reasons: Annotated[
        list[Annotated[str, StringConstraints(pattern=r"^[a-z0-9-]{1,40}$")]], Field(max_length=50)
    ] = []
    # Keys of the questions that it is included for, where the protocol asks for them.
    questions: Annotated[
        list[Annotated[str, StringConstraints(max_length=5000, pattern=r"^[^\x00]*$")]],
        Field(max_length=50),
    ] = []
    note: Annotated[str, StringConstraints(max_length=10_000, pattern=r"^[^\x00]*$")] | None = None
    ranking: Id | None = None
    place: Annotated[int, Field(ge=1, le=2**31 - 1)] | None = None
    shown_at: AwareDatetime | None = None
    decided_at: AwareDatetime | None = None


class UndoIn(In):
    """An undo of the decision that was sent with the token ``undoes``."""

    token: Token
    undoes: Token
    report: Id | None = None


class DecisionOut(Out):
    """A line of the decision log; ``counts`` tells whether it is the one that holds now."""

    id: int
    report_id: int
    record_id: int | None
    text_hash: str | None
    person: str | None
    stage: str
    decision: str
    note: str | None
    protocol_version: int
    token: str
    supersedes: int | None
    ranking_id: int | None
    place: int | None
    shown_at: dt.datetime | None
    decided_at: dt.datetime | None
    recorded_at: dt.datetime
    counts: bool
    kind: str
    reasons: list[str]
    questions: list[str]


class StoredDecision(Out):
    """A decision, and whether this request stored it."""

    decision: DecisionOut
    stored: bool


class ProgressOut(Out):
    """Includes found against records read, as counts, in screening order."""

    counts: CountsOut
    read: list[int]
    found: list[int]


Tag = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=r"^[^\x00]*$")]


class GoldIn(In):
    """A known relevant record."""

    title: Text | None = None
    year: Annotated[int, Field(ge=1000, le=2999)] | None = None
    doi: Text | None = None
    pmid: Text | None = None
    search_use: Literal["development", "validation"] = "validation"
    ranking_use: Literal["seed", "held_out"] = "held_out"
    tags: Annotated[dict[Tag, Tag], Field(max_length=20)] = {}


class GoldListIn(In):
    """A list of known relevant records."""

    name: Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=r"^[^\x00]*$")]
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
    list_name: str
    tags: dict[str, str]


class AskedOut(Out):
    """A question to the worker's model; the job tells how far it is."""

    job: int


class AddedOut(Out):
    """How many were added; those that were there already are not."""

    added: int


RankingState.model_rebuild()


class SourceNeeds(Out):
    """What a source asks of those who use it."""

    key: str
    key_set: bool
    key_from: str | None
    without_key: str
    contact: str | None


class SourceOut(Out):
    """A public source, what it needs and on which terms."""

    name: str
    title: str
    platform: str
    searchable: bool
    base_url: str
    needs: SourceNeeds
    terms: dict[str, Any]
    page_size: int
    seconds_between_requests: float
    daily_budget_usd: float | None


class RunIn(In):
    """A source to be searched with the review's strategy; ``line`` in place of its own."""

    source: str = Field(max_length=40)
    line: str | None = Field(default=None, max_length=100)


class ReasonIn(In):
    """Why."""

    reason: Words


class RunOut(Out):
    """A run with its reconciliation: what was sent and understood, reported and received."""

    run: int
    search: int
    source: str
    strategy_version: int
    line: int | str
    state: str
    outcome: str
    held: bool
    sent: list[str]
    understood: str | None
    reported: int | None
    reported_at_most: bool
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
    problems: list[str]
    warnings: list[dict[str, str]]
    notices: list[str]
    known_relevant_filtered: list[int]
    stop_reason: str | None
    released_reason: str | None
    started_at: dt.datetime
    ended_at: dt.datetime | None


class LossOut(Out):
    """A leaf that a source cannot say as it stands."""

    leaf: str
    kind: str
    direction: str
    places: list[str]
    accepted: str | None


class RenderedOut(Out):
    """A strategy in a source's syntax; blocked while a narrowing loss stands."""

    source: str
    queries: list[str]
    losses: list[LossOut]
    blocked: bool


class StrategyIn(In):
    """A strategy as plain text with numbered lines, or as a document.

    ``confirm`` turns known relevant records that were shown as missed into development ones.
    """

    text: Annotated[str | None, StringConstraints(max_length=500_000, pattern=r"^[^\x00]*$")] = None
    document: dict[str, Any] | None = None
    use: str | None = Field(default=None, max_length=100)
    reason: Words | None = None
    confirm: bool = False


class StrategyLine(Out):
    """A line of a strategy with its newest hits by source."""

    number: int | str
    label: str | None
    text: str
    hits: dict[str, int | None]


class StrategyOut(Out):
    """A version of a review's strategy."""

    version: int
    use: int | str
    lines: list[StrategyLine]
    notices: list[str]
    peer_review: str | None
    created_at: dt.datetime
    person: str | None


class AcceptanceIn(In):
    """A loss or a warning that is accepted in writing; ``leaf`` None accepts all of the kind."""

    source: str = Field(max_length=40)
    kind: str = Field(max_length=40)
    leaf: Words | None = None
    reason: Words


class AcceptedOut(Out):
    """How many losses an acceptance covers, and whether others still block."""

    version: int
    accepted: int
    blocked: bool


class FlowOut(Out):
    """What became of every record: identified is the sum of the other five.

    ``waiting`` tells how many of those not screened belong to runs that have not ended.
    """

    identified: int
    rejected: int
    filtered: int
    duplicates: int
    screened: int
    not_screened: int
    waiting: int
    included: int
    excluded: int
    maybe: int
    notices: int
