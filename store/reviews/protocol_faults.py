"""Protocols that are stored in a wrong shape: the review is named, and others are not affected."""

from __future__ import annotations

from sqlalchemy import select

from store.core.errors import Unreadable
from store.core.session import ReadSession
from store.core.tables import Review
from store.rules import protocols


def require_readable_body(session: ReadSession, review_id: int, body: object) -> None:
    """Check that a protocol of a review has the shape that the rules expect.

    Raises:
        Unreadable: it has not; the message names the review and the parts.
    """
    parts = protocols.list_unreadable_parts(body)
    if parts:
        raise make_error(session, review_id, ", ".join(parts))


def make_error(session: ReadSession, review_id: int, what: str) -> Unreadable:
    """The error that a review's protocol cannot be read; ``what`` says which part."""
    slug = session.scalar(select(Review.slug).where(Review.id == review_id))
    return Unreadable(
        f"The protocol of the review {slug!r} cannot be read ({what}).",
        remedy="A lead of the review opens its protocol, checks it and saves it again.",
    )
