"""JSON of a review's versions, for the API and commands."""

from __future__ import annotations

from typing import Any

from pydantic import AliasPath, ConfigDict, Field

from api.schemas.base import Out
from api.services.living.versions import INCLUDED_AT, VersionStatus
from api.types import Moment
from store.searching.flow import Flow


class VersionPartOut(Out):
    """Records that came in together, with their counts; see ``store.searching.flow.Flow``."""

    model_config = ConfigDict(json_schema_serialization_defaults_required=True)

    name: str
    up_to: str | None = Field(default=None, validation_alias=AliasPath("admission", "up_to"))
    read_in_full: bool | None = Field(
        default=None, validation_alias=AliasPath("admission", "read_in_full")
    )
    identified: int = Field(validation_alias=AliasPath("counts", "identified"))
    rejected: int = Field(validation_alias=AliasPath("counts", "rejected"))
    filtered: int = Field(validation_alias=AliasPath("counts", "filtered"))
    duplicates: int = Field(validation_alias=AliasPath("counts", "duplicates"))
    out_of_range: int = Field(validation_alias=AliasPath("counts", "out_of_range"))
    screened: int = Field(validation_alias=AliasPath("counts", "screened"))
    not_screened: int = Field(validation_alias=AliasPath("counts", "not_screened"))
    waiting: int = Field(validation_alias=AliasPath("counts", "waiting"))
    included: int = Field(validation_alias=AliasPath("counts", "included"))
    excluded: int = Field(validation_alias=AliasPath("counts", "excluded"))
    maybe: int = Field(validation_alias=AliasPath("counts", "maybe"))
    notices: int = Field(validation_alias=AliasPath("counts", "notices"))


class CompletedVersionOut(Out):
    """A completed version, with its counts at the time."""

    version: int = Field(validation_alias="number")
    completed_at: Moment
    by: str | None = Field(validation_alias="person")
    protocol_version: int
    reports: int = Field(validation_alias="included")
    studies: int
    unread_reason: str | None
    note: str | None
    counts: dict[str, int]
    total: dict[str, int]


class VersionsOut(Out):
    """A review's versions; previous studies and reports are those of the last completed one."""

    model_config = ConfigDict(json_schema_serialization_defaults_required=True)

    freeze_on: str | None = Field(validation_alias="freeze")
    under_way: str = Field(validation_alias="name")
    parts: list[VersionPartOut]
    this_version: Flow = Field(validation_alias="under_way")
    previous_studies: int | None = Field(
        default=None, validation_alias=AliasPath("previous", "studies")
    )
    previous_reports: int | None = Field(
        default=None, validation_alias=AliasPath("previous", "included")
    )
    total: Flow
    total_reports: int = Field(validation_alias="reports")
    total_studies: int = Field(validation_alias="studies")
    included_means: str = INCLUDED_AT
    completed: list[CompletedVersionOut]


def dump_versions(status: VersionStatus) -> dict[str, Any]:
    """A review's versions as a JSON object for commands."""
    return VersionsOut.model_validate(status).model_dump(mode="json")
