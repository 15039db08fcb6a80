"""JSON of lists of likely misses."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from api.schemas.base import In, Out
from api.schemas.records import RecordOut
from api.schemas.screening import Note
from api.types import Count, Id, Token


class MissListIn(In):
    """The length of a new list of likely misses, fixed before it is made."""

    likely: Annotated[int, Field(ge=1, le=5000)] = 50
    random: Annotated[int, Field(ge=0, le=5000)] = 10
    seed: Count = 0


class NextMissOut(Out):
    """The next record for you to check, and how many are left for you."""

    record: RecordOut | None
    left: int


class MissDecisionIn(In):
    """Your decision on a record of a list, knowing that it was excluded."""

    token: Token
    report: Id
    decision: Literal["include", "exclude", "maybe"]
    note: Note | None = None
