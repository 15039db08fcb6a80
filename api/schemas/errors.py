"""JSON of errors."""

from __future__ import annotations

from api.schemas.base import Out


class ErrorDetails(Out):
    """What is wrong, where, and what to do."""

    kind: str
    message: str
    line: int | None = None
    column: int | None = None
    syntax: str | None = None
    remedy: str | None = None
    fields: list[dict[str, str]] | None = None


class ErrorOut(Out):
    """The JSON of every error."""

    error: ErrorDetails
