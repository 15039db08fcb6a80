"""Types that bodies, forms and paths share: texts, ids and counts that every database can keep."""

from __future__ import annotations

import datetime as dt
import re
from typing import Annotated

from fastapi import Path
from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    PlainSerializer,
    StringConstraints,
    WithJsonSchema,
)

# PostgreSQL's bigint; a larger number would be a database error instead of a 422.
MAX_ID = 2**63 - 1


def _check_digits(value: object) -> object:
    """A text stays as it is if it is a whole number; pydantic alone reads 1.0 and 1_000, too."""
    if isinstance(value, str) and not re.fullmatch(r"\s*[+-]?[0-9]{1,100}\s*", value):
        raise ValueError("write a whole number")
    return value


# A number from a form or an address; blanks around it are allowed.
WholeNumber = Annotated[int, BeforeValidator(_check_digits)]
# The check stands last, so that the schema has the limits.
Id = Annotated[int, Field(ge=1, le=MAX_ID), BeforeValidator(_check_digits)]
IdPath = Annotated[int, Path(ge=1, le=MAX_ID), BeforeValidator(_check_digits)]
Count = Annotated[int, Field(ge=0, le=2**31 - 1), BeforeValidator(_check_digits)]
Year = Annotated[int, Field(ge=1, le=9999), BeforeValidator(_check_digits)]

# A text in JSON. No database keeps a NUL character, so one that has it is refused. A field that
# wants another length says so: Annotated[Text, Field(max_length=60)].
Text = Annotated[str, StringConstraints(pattern=r"^[^\x00]*$", max_length=100_000)]
# A text that must say something; blanks around it are dropped.
Words = Annotated[Text, StringConstraints(strip_whitespace=True, min_length=1)]
# Why something is done, or what somebody concludes.
Why = Annotated[Words, Field(max_length=10_000)]

# A client's own name for what it sends: sent twice, it is stored once.
Token = Annotated[Text, Field(min_length=1, max_length=100)]


def _clean(text: str) -> str:
    return text.replace("\x00", "").strip()


# A text from a form: NUL characters and blanks around it are dropped, so that nobody loses what
# they typed. A field says its length: Annotated[FormText, Form(max_length=60)].
FormText = Annotated[str, AfterValidator(_clean)]
# A moment as commands and webhooks give it: UTC as +00:00, where pydantic alone writes Z.
Moment = Annotated[
    dt.datetime,
    PlainSerializer(dt.datetime.isoformat, return_type=str, when_used="json"),
    WithJsonSchema({"type": "string", "format": "date-time"}, mode="serialization"),
]
