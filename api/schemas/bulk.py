"""JSON of bulk actions."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Any, Literal

from pydantic import Field

from api.schemas.base import In, Out
from api.schemas.screening import Note, ReasonKey
from api.types import Count, Id, Text, Token, Year


class BulkIn(In):
    """One action on every record that a filter finds; ``expected`` is how many you saw listed.

    ``value`` is the decision or the tag. A decision in bulk needs a note that says why.
    """

    token: Token
    action: Literal["decide", "tag"]
    value: Annotated[Text, Field(min_length=1, max_length=60)]
    note: Note | None = None
    reasons: Annotated[tuple[ReasonKey, ...], Field(max_length=50)] = ()
    q: Annotated[Text, Field(max_length=500)] = ""
    decision: Literal["include", "exclude", "maybe", "undecided"] | None = None
    flag: Literal["no-abstract", "no-title", "no-year", "outside"] | None = None
    search_id: Id | None = None
    year_from: Year | None = None
    year_to: Year | None = None
    language: Annotated[Text, Field(max_length=100)] = ""
    type: Annotated[Text, Field(max_length=100)] = ""
    tag: Annotated[Text, Field(max_length=60)] = ""
    expected: Count | None = None


class BulkOut(Out):
    """A bulk action; ``passed_over`` counts the records on the list that it did not change."""

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
    """All bulk actions, oldest first, and the number of the one that you asked for."""

    bulk: int
    done: bool
    actions: list[BulkOut]
