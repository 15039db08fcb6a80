"""JSON of records that are screened again because the criteria changed."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from api.schemas.base import In, Out
from api.schemas.screening import ReasonKey
from api.types import Text, Why
from store.screening.rescreens import OlderDecisions, RescreenInfo


class RescreenIn(In):
    """Which decisions under older criteria are made again, and why; empty fields match all.

    ``reasons`` are keys: an exclude matches if it gave one of them. ``q`` is looked for in title,
    abstract and ids.
    """

    decision: Literal["include", "exclude", "maybe", "awaiting", "conflict"] | None = None
    reasons: Annotated[tuple[ReasonKey, ...], Field(max_length=50)] = ()
    q: Annotated[Text, Field(max_length=500)] = ""
    version: Annotated[int, Field(ge=1, le=2**31 - 1)] | None = None
    reason: Why


class RescreensOut(Out):
    """Decisions made under older criteria, and the lists of records to screen again."""

    older: list[OlderDecisions]
    lists: list[RescreenInfo]
