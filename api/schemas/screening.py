"""JSON of the queue, decisions, rankings and progress."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, AliasPath, AwareDatetime, Field, StringConstraints

from api.protocol import Stage
from api.schemas.base import In, Out
from api.schemas.jobs import JobOut
from api.schemas.records import RecordOut
from api.schemas.reviews import CountsOut
from api.services.screening.cards import Card, CardHand
from api.types import Id, Text, Token

Note = Annotated[Text, Field(max_length=10_000)]
# Of a reason for exclusion.
ReasonKey = Annotated[str, StringConstraints(max_length=40, pattern=r"^[a-z0-9-]*$")]
QuestionKey = Annotated[Text, Field(max_length=5000)]


class QueueIn(In):
    """How many new cards you want, and which cards you keep."""

    n: Annotated[int, Field(ge=0, le=200)] = 20
    keep: Annotated[tuple[Id, ...], Field(max_length=400)] = ()
    # True for the records to screen again since the criteria changed; False for all others.
    again: bool = False
    stage: Stage = "title-abstract"


class RankingOut(Out):
    """A ranking without its order."""

    id: int
    pipeline: str
    pipeline_hash: str
    detail: dict[str, Any] = Field(default={})
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
    """The newest ranking, and whether a newer one is due; ``behind`` says what it lacks."""

    ranking: RankingOut | None
    due: bool
    behind: list[str]
    jobs: list[JobOut]


class CardOut(Out):
    """A card of the queue; ``place`` is its place in the ranking, null if it has none."""

    report: int
    text_hash: str
    place: int | None
    score: float | None
    record: RecordOut

    @classmethod
    def of(cls, card: Card) -> CardOut:
        """The JSON of a card."""
        return cls(
            report=card.report_id,
            text_hash=card.stored.text_hash,
            place=card.place,
            score=card.score,
            record=RecordOut.of(card.stored),
        )


class QueueEndOut(Out):
    """Why you get no card.

    ``empty``: nothing to screen yet. ``finished``: everything is decided. ``pilot-done``: your part
    of a pilot round is done. ``held``: others hold the cards that you could decide. ``others``: the
    rest is for others, because you have decided it (``second``), it is shared out to them
    (``assigned``) or it is in a pilot round without you (``pilot``).
    """

    state: Literal["empty", "finished", "pilot-done", "held", "others"]
    held: int
    free_at: dt.datetime | None
    second: int
    assigned: int
    pilot: int
    conflicts: int
    out_of_range: int


class QueueOut(Out):
    """Cards, the ranking that ordered them, and how many records you could still decide.

    ``lost`` are reports whose cards you wanted to keep, but others hold or have decided; ``again``
    counts the records that you could screen again since the criteria changed; ``end`` says why you
    have no card.
    """

    ranking: RankingOut | None
    cards: list[CardOut]
    remaining: int
    lost: tuple[int, ...] = ()
    again: int = 0
    end: QueueEndOut | None = None

    @classmethod
    def of(cls, hand: CardHand) -> QueueOut:
        """The JSON of a hand of cards."""
        return cls(
            ranking=RankingOut.model_validate(hand.ranking) if hand.ranking else None,
            cards=[CardOut.of(card) for card in hand.cards],
            remaining=hand.remaining,
            lost=tuple(sorted(hand.lost)),
            again=hand.again,
            end=QueueEndOut.model_validate(hand.end) if hand.end else None,
        )


class DecisionIn(In):
    """A decision. The client chooses ``token``: a decision sent twice is stored once.

    ``text_hash`` comes from the card: it identifies the title and abstract that were on screen.
    """

    token: Token
    report: Id
    text_hash: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")] | None = None
    stage: Stage = "title-abstract"
    decision: Literal["include", "exclude", "maybe"]
    # Keys of the protocol's reasons, for an exclude.
    reasons: Annotated[
        tuple[Annotated[str, StringConstraints(pattern=r"^[a-z0-9-]{1,40}$")], ...],
        Field(max_length=50),
    ] = ()
    # Keys of the questions that the report is included for, if the protocol asks for them.
    questions: Annotated[tuple[QuestionKey, ...], Field(max_length=50)] = ()
    note: Note | None = None
    # Another person's decision that counts, which you have seen and replace.
    replaces: Id | None = None
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
    """A line of the decision log; ``counts`` is true for the decision that counts now."""

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


class LoggedDecision(DecisionOut):
    """A line of the decision log.

    ``correction``: made after the record had all the decisions it needed, so by somebody who could
    see them. No agreement counts it.
    """

    correction: bool


class StoredDecision(Out):
    """A decision, and whether this request stored it."""

    decision: DecisionOut
    stored: bool


class ProgressOut(Out):
    """Includes found against records read, as counts, in screening order."""

    counts: CountsOut
    read: list[int]
    found: list[int]


class RankingLine(Out):
    """A ranking as `winnow rank` prints it."""

    ranking: int = Field(validation_alias="id")
    pipeline: str
    pipeline_hash: str
    encoder: str | None
    seed: int
    reports: int = Field(validation_alias="size")
    decisions: int = Field(validation_alias="n_decisions")
    cold_start: bool
    warm: bool
    order_hash: str
    seconds: Annotated[float, AfterValidator(lambda seconds: round(seconds, 4))]


class CardLine(Out):
    """A card as `winnow queue` prints it."""

    report: int = Field(validation_alias="report_id")
    place: int | None
    score: float | None
    title: str | None = Field(validation_alias=AliasPath("stored", "record", "title"))
    year: int | None = Field(validation_alias=AliasPath("stored", "record", "year"))
    venue: str | None = Field(validation_alias=AliasPath("stored", "record", "venue"))
    abstract: str | None = Field(validation_alias=AliasPath("stored", "record", "abstract"))
    flags: list[str] = Field(validation_alias=AliasPath("stored", "record", "flags"))
