"""A review's protocol as people write it and as the model reads it."""

from __future__ import annotations

from typing import Annotated, Any

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


class ProtocolBody(_Part):
    """What a version of a protocol says."""

    questions: tuple[Question, ...] = ()
    inclusion: tuple[Words, ...] = ()
    exclusion: tuple[Words, ...] = ()
    limits: ProtocolLimits = ProtocolLimits()
    stages: tuple[Words, ...] = ("title-abstract",)
    tags: tuple[Tag, ...] = ()
    strategy_note: Annotated[str, StringConstraints(pattern=r"^[^\x00]*$")] = ""
    # Kept by the store: lists are changed where they are listed, and each change is a version.
    known_relevant: tuple[KnownList, ...] = ()

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
