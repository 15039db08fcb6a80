"""A review's protocol, as people write it and as the model reads it."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from api.types import Words
from harvest.languages import name_languages
from harvest.reference_types import name_types
from model.evaluation.matching import Limits

# A line of a protocol.
Line = Annotated[Words, Field(max_length=5000)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Question(_Part):
    """A question of the review, or one of its sub-questions."""

    key: Line = "main"
    text: Line


class ProtocolLimits(_Part):
    """Limits of what the review considers. A limit that is left out limits nothing."""

    year_from: int | None = Field(default=None, ge=1000, le=2999)
    year_to: int | None = Field(default=None, ge=1000, le=2999)
    languages: tuple[Line, ...] = ()
    types: tuple[Line, ...] = ()

    @model_validator(mode="after")
    def _in_order(self) -> ProtocolLimits:
        if self.year_from and self.year_to and self.year_from > self.year_to:
            raise ValueError(f"the first year {self.year_from} is after the last {self.year_to}")
        return self


class Tag(_Part):
    """Something that reviewers note about an included report."""

    key: Line
    label: Line
    values: tuple[Line, ...] = ()


class KnownList(_Part):
    """A list of known relevant records, as it was when the version was saved."""

    name: str
    records: int
    validation: int
    held_out: int
    sha256: str


Policy = Literal["link", "ask", "none"]


class Relations(_Part):
    """Which related reports belong to one study: "link" them, "ask" a person, or "none".

    The defaults follow PRISMA 2020: a study may have several reports (Page 2021, box 1), and an
    article's corrections, protocol, preprint and conference abstracts are reports of its study.
    """

    erratum: Policy = "link"
    retraction_notice: Policy = "link"
    preprint: Policy = "link"
    protocol: Policy = "link"
    summary: Policy = "link"
    reply: Policy = "link"
    # Usually by other authors, so it is about the study and not a report of it.
    comment: Policy = "none"
    other_version: Policy = "link"
    # The same people under the same title elsewhere: a conference abstract and its paper, a
    # working paper and its article, a translation that was published separately.
    other_place: Policy = "link"
    # One title has a number that the other lacks: a part, an update.
    other_number: Policy = "ask"

    def of(self, rule: str) -> Policy:
        """The policy for a rule that relates two reports. What a person says always links them."""
        if rule == "person":
            return "link"
        policy: Policy = getattr(self, rule.removeprefix("is-").replace("-", "_"), "none")
        return policy


class RankingChoice(_Part):
    """What the ranking may use beyond this review's own texts and decisions."""

    # How studies are reported, learned on other finished reviews; see docs/ranking.md.
    study_language: bool = True
    # From agreed decisions only, or from every decision at once. In the second case the order in
    # which a second person reads depends on what the first one decided; see docs/team.md.
    learn_from: Literal["settled", "all"] = "settled"


class Reason(_Part):
    """A reason for exclusion; decisions keep its key."""

    key: Annotated[str, StringConstraints(pattern=r"^[a-z0-9-]{1,40}$")]
    text: Line


Stage = Literal["title-abstract"]


class Switch(_Part):
    """How a team switched from two people for every record to one person; kept by the store."""

    at: dt.datetime
    # Of how many records decided by two people independently.
    records: int
    # Includes in common, of the records that either included.
    found: int
    counted: int
    # Whether they reached the threshold.
    reached: bool
    # The last decision before the switch.
    after: int


class Calibration(_Part):
    """Two people decide every record at first; once they agree, one person decides each."""

    # Least share of the records that two people decide before the switch.
    share: float = Field(default=0.2, gt=0.0, le=1.0)
    # Share of the records included by either that both must have included.
    threshold: float = Field(default=0.5, ge=0.0, le=1.0)
    switch: Switch | None = None


class StagePlan(_Part):
    """How many people decide a record at a stage; see docs/team.md."""

    stage: Stage = "title-abstract"
    # Share of the records that two people decide independently.
    dual_share: float = Field(default=0.0, ge=0.0, le=1.0)
    # Share of one person's excludes that a second person also decides.
    second_look: float = Field(default=0.0, ge=0.0, le=1.0)
    # Share of the records that go on a list of likely misses, instead of to a second screener.
    likely_misses: float = Field(default=0.0, ge=0.0, le=1.0)
    # Two people for every record until they agree well enough.
    calibration: Calibration | None = None
    # Seed of the draw of these records.
    seed: int = Field(default=0, ge=0, le=2**31 - 1)
    # Whether an exclude needs one of the protocol's reasons.
    reason_required: bool = False

    @model_validator(mode="after")
    def _begins_with_two(self) -> StagePlan:
        if self.calibration is not None:
            expected = 1.0 if self.calibration.switch is None else 0.0
            if self.dual_share != expected or self.second_look:
                raise ValueError(
                    "a plan that begins with two people for every record has a dual_share of 1, "
                    "0 after the switch, and no second_look"
                )
        return self


class ProtocolBody(_Part):
    """The content of a version of a protocol."""

    questions: tuple[Question, ...] = ()
    # Whether an include names the questions that it is for.
    per_question: bool = False
    inclusion: tuple[Line, ...] = ()
    exclusion: tuple[Line, ...] = ()
    # Why a record may be excluded, in the order in which a card shows them.
    reasons: tuple[Reason, ...] = ()
    limits: ProtocolLimits = ProtocolLimits()
    stages: tuple[Line, ...] = ("title-abstract",)
    # In a stage without a plan here, one person decides every record.
    plans: tuple[StagePlan, ...] = ()
    relations: Relations = Relations()
    ranking: RankingChoice = RankingChoice()
    tags: tuple[Tag, ...] = ()
    strategy_note: Annotated[str, StringConstraints(pattern=r"^[^\x00]*$")] = ""
    # Kept by the store. Lists change on their own page, and each change is a new version.
    known_relevant: tuple[KnownList, ...] = ()

    @model_validator(mode="after")
    def _each_once(self) -> ProtocolBody:
        stages = [plan.stage for plan in self.plans]
        if len(stages) != len(set(stages)):
            raise ValueError("plans: a stage can have only one plan")
        question_keys = [question.key for question in self.questions]
        if self.per_question and len(question_keys) != len(set(question_keys)):
            raise ValueError("questions: includes name questions, so no two may have the same key")
        keys = [reason.key for reason in self.reasons]
        if len(keys) != len(set(keys)):
            raise ValueError("reasons: no two may have the same key")
        return self

    @property
    def sub_questions(self) -> tuple[Question, ...]:
        """The questions that an include chooses from; empty if includes name no questions."""
        return self.questions if self.per_question and len(self.questions) > 1 else ()

    def plan_of(self, stage: str) -> StagePlan:
        """The plan of a stage; without one, one person decides each record."""
        return next((plan for plan in self.plans if plan.stage == stage), StagePlan())

    @property
    def query_texts(self) -> list[str]:
        """Questions and inclusion criteria: what a cold start looks for."""
        return [*(question.text for question in self.questions), *self.inclusion]

    @property
    def scope(self) -> Limits:
        """The limits as the evaluation reads them, by one name for each language and type."""
        return Limits(
            self.limits.year_from,
            self.limits.year_to,
            tuple(name for language in self.limits.languages for name in name_languages(language)),
            name_types(self.limits.types),
        )

    def stored(self) -> dict[str, Any]:
        """The JSON that the store keeps.

        A plan without a calibration has none in it, like the plans of earlier versions.
        """
        body = self.model_dump(mode="json")
        for plan in body["plans"]:
            if plan["calibration"] is None:
                del plan["calibration"]
        return body
