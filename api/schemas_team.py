"""JSON of a review's people and invitations."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints, field_validator

from api.schemas import DecisionOut, Id, In, Out, RecordOut, Token
from store.roles import Role

ReasonKey = Annotated[str, StringConstraints(max_length=40, pattern=r"^[a-z0-9-]*$")]
QuestionKey = Annotated[str, StringConstraints(max_length=5000, pattern=r"^[^\x00]*$")]
Why = Annotated[
    str,
    StringConstraints(
        strip_whitespace=True, min_length=1, max_length=10_000, pattern=r"^[^\x00]*$"
    ),
]
Secret = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=r"^[^\x00]*$")]


class MemberOut(Out):
    """A person of a review."""

    id: int
    name: str
    role: Role
    since: dt.datetime


class RoleIn(In):
    """The role that a person is to have."""

    role: Role


class InvitationIn(In):
    """A new invitation: the role that it gives, and whom it is for."""

    role: Role = "reviewer"
    note: Annotated[str, StringConstraints(max_length=200, pattern=r"^[^\x00]*$")] | None = None


class InvitationOut(Out):
    """An invitation that can be redeemed; its secret and link are told once, when it is made."""

    id: int
    role: Role
    note: str | None
    invited_by: str | None
    created_at: dt.datetime
    expires_at: dt.datetime
    secret: str | None = None
    link: str | None = None


class RedeemIn(In):
    """The secret of an invitation."""

    secret: Secret


class JoinedOut(Out):
    """The review that an invitation let you into, and your role in it."""

    slug: str
    title: str
    role: Role


class DifferingOut(Out):
    """A record on which people differ, with each one's own decision."""

    record: RecordOut
    decisions: list[DecisionOut]


class SettlementIn(In):
    """What settles a conflict: include or exclude, and why.

    ``joint_with`` makes it a consensus of you and the other who differed; without it, it is a third
    person's adjudication.
    """

    token: Token
    report: Id
    decision: Literal["include", "exclude"]
    note: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=10_000)]
    joint_with: Id | None = None
    # Keys of the questions that it is included for; none: those of the people who had included it.
    questions: Annotated[tuple[QuestionKey, ...], Field(max_length=50)] = ()

    @field_validator("note")
    @classmethod
    def _storable(cls, value: str) -> str:
        if "\x00" in value:
            raise ValueError("a note has no NUL character")
        return value


class MeasureOut(Out):
    """A coefficient with its 95 % bootstrap interval; null where it is not defined."""

    value: float | None
    low: float | None
    high: float | None


class PairAgreementOut(Out):
    """Agreement of two people on the records that both decided."""

    people: tuple[str, str]
    records: int
    raw: MeasureOut
    kappa: MeasureOut
    kappa_three_words: MeasureOut
    adjusted_kappa: MeasureOut


class AgreementOut(Out):
    """Agreement on first, independent decisions; *maybe* joined to *include* but where it says."""

    records: int
    people: int
    alpha: MeasureOut
    pairs: list[PairAgreementOut]


class PilotIn(In):
    """A new pilot round: how many records everybody decides."""

    size: Annotated[int, Field(ge=1, le=500)] = 30
    seed: Annotated[int, Field(ge=0, le=2**31 - 1)] = 0


class PilotEndIn(In):
    """What was learned from a pilot round."""

    note: Why


class PilotPartOut(Out):
    """How many of a round's records a person has decided."""

    name: str
    decided: int


class PilotOut(Out):
    """A pilot round, with the agreement on what everybody has decided."""

    number: int
    records: int
    people: list[PilotPartOut]
    opened_at: dt.datetime
    closed_at: dt.datetime | None
    note: str | None
    agreement: AgreementOut


class RecheckIn(In):
    """A new list of likely misses: its length, fixed beforehand."""

    likely: Annotated[int, Field(ge=1, le=5000)] = 50
    random: Annotated[int, Field(ge=0, le=5000)] = 10
    seed: Annotated[int, Field(ge=0, le=2**31 - 1)] = 0


class TallyOut(Out):
    """Of one kind of a list's records: how many, looked at, and changed to include or maybe."""

    listed: int
    looked: int
    changed: int


class RecheckOut(Out):
    """A list of likely misses. What was changed is no estimate of what remains."""

    id: int
    asked_at: dt.datetime
    made: bool
    likely: TallyOut
    random: TallyOut


class LookOut(Out):
    """The record that you look at next, and how many are left for you."""

    record: RecordOut | None
    left: int


class LookIn(In):
    """Your decision on a record of a list, knowing that it was excluded."""

    token: Token
    report: Id
    decision: Literal["include", "exclude", "maybe"]
    note: Annotated[str, StringConstraints(max_length=10_000, pattern=r"^[^\x00]*$")] | None = None


class OlderOut(Out):
    """Records decided under criteria that have changed since, by what they came to."""

    version: int
    changed: list[str]
    words: dict[str, int]
    reasons: dict[str, int]


class RescreenIn(In):
    """Which decisions under older criteria are made again, and why; what is empty narrows nothing.

    ``reasons`` are keys of which an exclude gave at least one; ``q`` words in title, abstract, ids.
    """

    decision: Literal["include", "exclude", "maybe", "awaiting", "conflict"] | None = None
    reasons: Annotated[tuple[ReasonKey, ...], Field(max_length=50)] = ()
    q: Annotated[str, StringConstraints(max_length=500, pattern=r"^[^\x00]*$")] = ""
    version: Annotated[int, Field(ge=1, le=2**31 - 1)] | None = None
    reason: Why


class RescreenOut(Out):
    """Records that are screened again; ``left`` are still to be decided."""

    id: int
    protocol_version: int
    reason: str
    picked: dict[str, Any]
    reports: int
    left: int
    person: str | None
    asked_at: dt.datetime
    withdrawn_at: dt.datetime | None


class RescreensOut(Out):
    """What was decided under older criteria, and the lists of what is screened again."""

    older: list[OlderOut]
    lists: list[RescreenOut]


class DeviationOut(Out):
    """A change of the protocol after ``decisions`` decisions had been made."""

    version: int
    at: dt.datetime
    person: str | None
    reason: str | None
    changed: list[str]
    criteria: bool
    decisions: int


class MarkIn(In):
    """A tag (1 to 60 characters), a note, or a star (no text) on a record."""

    report: Id
    kind: Literal["tag", "note", "star"]
    text: Annotated[str, StringConstraints(max_length=10_000, pattern=r"^[^\x00]*$")] = ""


class MarkOut(Out):
    """A mark on a record, as you see it; ``mine`` if you put it there."""

    id: int
    report_id: int
    kind: str
    text: str
    person: str | None
    mine: bool
    made_at: dt.datetime


class AssignmentIn(In):
    """Who decides which records: by ``share`` of all, by a ``tag`` of leads, or ``records``.

    ``people`` are person ids with weights, which only a share reads; ``reports`` are the records.
    """

    kind: Literal["share", "tag", "records"]
    people: Annotated[dict[Id, Annotated[int, Field(ge=1, le=1000)]], Field(max_length=200)]
    tag: Annotated[str, StringConstraints(max_length=60, pattern=r"^[^\x00]*$")] | None = None
    reports: Annotated[tuple[Id, ...], Field(max_length=50_000)] = ()


class AssignmentOut(Out):
    """An assignment that holds; ``records`` is null for a share."""

    id: int
    kind: str
    tag: str | None
    people: list[tuple[str, int]]
    records: int | None
    made_at: dt.datetime


class HandOverIn(In):
    """A card that you would rather not decide, and to whom it goes; null: whoever is next."""

    report: Id
    to: Id | None = None


class BulkIn(In):
    """One action on every record that a filter finds; ``expected`` is how many you saw listed.

    ``value`` is the decision or the tag; a decision in bulk needs a note that says why.
    """

    token: Token
    action: Literal["decide", "tag"]
    value: Annotated[str, StringConstraints(min_length=1, max_length=60, pattern=r"^[^\x00]*$")]
    note: Annotated[str, StringConstraints(max_length=10_000, pattern=r"^[^\x00]*$")] | None = None
    reasons: Annotated[tuple[ReasonKey, ...], Field(max_length=50)] = ()
    q: Annotated[str, StringConstraints(max_length=500, pattern=r"^[^\x00]*$")] = ""
    decision: Literal["include", "exclude", "maybe", "undecided"] | None = None
    flag: Literal["no-abstract", "no-title"] | None = None
    search_id: Id | None = None
    tag: Annotated[str, StringConstraints(max_length=60, pattern=r"^[^\x00]*$")] = ""
    expected: Annotated[int, Field(ge=0, le=2**31 - 1)] | None = None


class BulkOut(Out):
    """A bulk action; ``passed_over`` are records of the list that it left alone."""

    id: int
    action: str
    value: str
    note: str | None
    reasons: list[str]
    picked: dict[str, Any]
    reports: int
    passed_over: int
    person: str | None
    made_at: dt.datetime
    undone_at: dt.datetime | None


class BulkDoneOut(Out):
    """Bulk actions so far, oldest first, and the number of the one that was asked for."""

    bulk: int
    done: bool
    actions: list[BulkOut]


class SectionOut(Out):
    """A part of the screening report."""

    title: str
    lines: list[str]


class ScreeningReportOut(Out):
    """How a review was screened, in sentences with their numbers."""

    title: str
    made_at: dt.datetime
    sections: list[SectionOut]


class CriteriaNoteIn(In):
    """A note on the criteria, perhaps because of a record that nobody is to decide any more."""

    text: Why
    report: Id | None = None


class CriteriaNoteOut(Out):
    """A note on the criteria."""

    id: int
    person: str | None
    text: str
    protocol_version: int
    record_id: int | None
    title: str | None
    made_at: dt.datetime
