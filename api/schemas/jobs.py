"""JSON of jobs for the worker."""

from __future__ import annotations

import datetime as dt

from api.schemas.base import Out


class AskedOut(Out):
    """A question to the worker's model; the job says how far it is."""

    job: int


class JobOut(Out):
    """How far a long operation of the worker is."""

    kind: str
    state: str
    done: int
    total: int
    message: str | None
    updated_at: dt.datetime
