"""JSON of people and their API tokens."""

from __future__ import annotations

import datetime as dt
from typing import Annotated

from pydantic import Field

from api.schemas.base import In, Out
from api.types import Text


class TokenIn(In):
    """A new API token."""

    name: Annotated[Text, Field(min_length=1, max_length=200)]


class TokenOut(Out):
    """An API token; its secret is shown once, when it is created."""

    id: int
    name: str
    created_at: dt.datetime
    revoked_at: dt.datetime | None
    secret: str | None = None
