"""Answers of the model to questions from pages: the newest answer to each."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import delete, select

from store.core.session import ReadSession, WriteSession
from store.core.tables import ModelAnswer, now
from store.reviews import reviews


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer of the model, and when it was given."""

    body: Mapping[str, Any]
    made_at: dt.datetime


def store_answer(
    session: WriteSession, review_id: int, kind: str, body: Mapping[str, Any], *, subject: int = 0
) -> None:
    """Store an answer; it replaces an earlier one to the same question.

    Args:
        session: a transaction that writes.
        review_id: the review.
        kind: the kind of question.
        body: the answer, as JSON can hold it.
        subject: what the question is about, such as a report's id; 0 for the whole review.
    """
    reviews.lock_review(session, review_id)
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


def get_answer(
    session: ReadSession, review_id: int, kind: str, *, subject: int = 0
) -> Answer | None:
    """The stored answer; None if nobody has asked."""
    row = session.scalar(
        select(ModelAnswer).where(
            ModelAnswer.review_id == review_id,
            ModelAnswer.kind == kind,
            ModelAnswer.subject == subject,
        )
    )
    return None if row is None else Answer(row.body, row.made_at)
