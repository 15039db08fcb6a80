"""A review's protocol as people write it and as the model reads it."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from model.evaluate import Limits

# No store keeps a NUL character in a text.
Words = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=5000, pattern=r"^[^\x00]*$"),
]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Question(_Part):
    """A question of the review, or one of its sub-questions."""

    key: Words = "main"
    text: Words


class ProtocolLimits(_Part):
    """What is not considered at all; a limit that is left out limits nothing."""

    year_from: int | None = Field(default=None, ge=1000, le=2999)
    year_to: int | None = Field(default=None, ge=1000, le=2999)
    languages: tuple[Words, ...] = ()
    types: tuple[Words, ...] = ()

    @model_validator(mode="after")
    def _in_order(self) -> ProtocolLimits:
        if self.year_from and self.year_to and self.year_from > self.year_to:
            raise ValueError(f"the first year {self.year_from} is after the last {self.year_to}")
        return self


class Tag(_Part):
    """Something that reviewers note of an included report."""

    key: Words
    label: Words
    values: tuple[Words, ...] = ()


class KnownList(_Part):
    """A list of known relevant records, as it stood when the version was made."""

    name: str
    records: int
    validation: int
    held_out: int
    sha256: str


Policy = Literal["link", "ask", "none"]


class Relations(_Part):
    """Which related reports belong to one study: "link" them, "ask" a person, or "none".

    The defaults follow PRISMA 2020: a study may be told of in several reports (Page 2021, box 1),
    and an article's corrections, protocol, preprint and conference abstracts are reports of it.
    """

    erratum: Policy = "link"
    retraction_notice: Policy = "link"
    preprint: Policy = "link"
    protocol: Policy = "link"
    summary: Policy = "link"
    reply: Policy = "link"
    # By others than the authors as a rule: about the study, not of it.
    comment: Policy = "none"
    other_version: Policy = "link"
    # The same people under the same title elsewhere: a conference abstract and its paper, a
    # working paper and its article, a translation that was published as a paper of its own.
    other_place: Policy = "link"
    # One title has a number that the other has not: a part, an update.
    other_number: Policy = "ask"

    def of(self, rule: str) -> Policy:
        """The policy for a rule that relates two reports; a person's word always links."""
        if rule == "person":
            return "link"
        found: Policy = getattr(self, rule.removeprefix("is-").replace("-", "_"), "none")
        return found


class RankingChoice(_Part):
    """What the ranking may use beyond this review's own texts and decisions."""

    # Learned on other finished reviews: how studies are reported. See docs/ranking.md.
    study_language: bool = True
    # What people agree on, or every decision at once: then the order that a second person reads in
    # follows what the first one decided. See docs/team.md.
    learn_from: Literal["settled", "all"] = "settled"


class Reason(_Part):
    """A reason for exclusion; decisions keep its key."""

    key: Annotated[str, StringConstraints(pattern=r"^[a-z0-9-]{1,40}$")]
    text: Words


Stage = Literal["title-abstract"]


class StagePlan(_Part):
    """How many people decide a record at a stage; see docs/team.md."""

    stage: Stage = "title-abstract"
    # Share of the records that two people decide independently.
    dual_share: float = Field(default=0.0, ge=0.0, le=1.0)
    # Share of the excludes by one person that a second person decides too.
    second_look: float = Field(default=0.0, ge=0.0, le=1.0)
    # Share of the records that a list of likely misses has, in the second screener's place.
    likely_misses: float = Field(default=0.0, ge=0.0, le=1.0)
    # Of the draw that says which records these are.
    seed: int = Field(default=0, ge=0, le=2**31 - 1)
    # Whether an exclude needs one of the protocol's reasons.
    reason_required: bool = False


class ProtocolBody(_Part):
    """What a version of a protocol says."""

    questions: tuple[Question, ...] = ()
    # Whether an include says for which of the questions.
    per_question: bool = False
    inclusion: tuple[Words, ...] = ()
    exclusion: tuple[Words, ...] = ()
    # Why a record may be excluded, the first to be reported first.
    reasons: tuple[Reason, ...] = ()
    limits: ProtocolLimits = ProtocolLimits()
    stages: tuple[Words, ...] = ("title-abstract",)
    # One person decides every record of a stage that has no plan here.
    plans: tuple[StagePlan, ...] = ()
    relations: Relations = Relations()
    ranking: RankingChoice = RankingChoice()
    tags: tuple[Tag, ...] = ()
    strategy_note: Annotated[str, StringConstraints(pattern=r"^[^\x00]*$")] = ""
    # Kept by the store: lists are changed where they are listed, and each change is a version.
    known_relevant: tuple[KnownList, ...] = ()

    @model_validator(mode="after")
    def _each_once(self) -> ProtocolBody:
        stages = [plan.stage for plan in self.plans]
        if len(stages) != len(set(stages)):
            raise ValueError("plans: a stage has one plan")
        asked = [question.key for question in self.questions]
        if self.per_question and len(asked) != len(set(asked)):
            raise ValueError("questions: a key is there once where includes name questions")
        keys = [reason.key for reason in self.reasons]
        if len(keys) != len(set(keys)):
            raise ValueError("reasons: a key is there once")
        return self

    @property
    def sub_questions(self) -> tuple[Question, ...]:
        """The questions that an include chooses from; none where it says for which of none."""
        return self.questions if self.per_question and len(self.questions) > 1 else ()

    def plan_of(self, stage: str) -> StagePlan:
        """The plan of a stage; one person decides each record where none is said."""
        return next((plan for plan in self.plans if plan.stage == stage), StagePlan())

    @property
    def query_texts(self) -> list[str]:
        """Questions and inclusion criteria: what a cold start looks for."""
        return [*(question.text for question in self.questions), *self.inclusion]

    @property
    def scope(self) -> Limits:
        """The limits as the evaluation reads them."""
        return Limits(
            self.limits.year_from,
            self.limits.year_to,
            tuple(language.lower() for language in self.limits.languages),
            tuple(kind.lower() for kind in self.limits.types),
        )

    def stored(self) -> dict[str, Any]:
        """The JSON that the store keeps."""
        return self.model_dump(mode="json")
