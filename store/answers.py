"""What pages asked the model and what it said: the newest answer to each question."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import delete, select

from store.session import ReadSession, WriteSession
from store.tables import ModelAnswer, now


@dataclass(frozen=True, slots=True)
class Answer:
    """What the model said, and when."""

    body: Mapping[str, Any]
    made_at: dt.datetime


def keep(
    session: WriteSession, review_id: int, kind: str, body: Mapping[str, Any], *, subject: int = 0
) -> None:
    """Keep an answer in the place of an earlier one.

    Args:
        session: a transaction that writes.
        review_id: the review.
        kind: what was asked.
        body: the answer, as JSON can hold it.
        subject: what it was asked about, such as a report's id; 0 for the whole review.
    """
    session.execute(
        delete(ModelAnswer).where(
            ModelAnswer.review_id == review_id,
            ModelAnswer.kind == kind,
            ModelAnswer.subject == subject,
        )
    )
    session.add(
        ModelAnswer(review_id=review_id, kind=kind, subject=subject, body=dict(body), made_at=now())
    )
    session.flush()


def newest(session: ReadSession, review_id: int, kind: str, *, subject: int = 0) -> Answer | None:
    """The answer that is kept; None where nobody asked."""
    row = session.scalar(
        select(ModelAnswer).where(
            ModelAnswer.review_id == review_id,
            ModelAnswer.kind == kind,
            ModelAnswer.subject == subject,
        )
    )
    return None if row is None else Answer(row.body, row.made_at)
