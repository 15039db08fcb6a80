"""Reviews, the versions of their protocols, and their settings."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, select, update
from sqlalchemy.exc import IntegrityError

from store import audit, criteria, notify, outcomes, plans, reasons
from store.errors import AlreadyUsed, Conflict, NotFound
from store.session import ReadSession, WriteSession
from store.tables import Decision, Identity, Protocol, Review, now
from store.team_tables import Membership
from store.verdicts import OWN


@dataclass(frozen=True, slots=True)
class ReviewInfo:
    """A review without its records."""

    id: int
    slug: str
    title: str
    banner: str | None
    settings: Mapping[str, Any]
    revision: int
    created_at: dt.datetime


@dataclass(frozen=True, slots=True)
class ProtocolVersion:
    """One version of a protocol; ``body`` is what the caller put in."""

    version: int
    body: Mapping[str, Any]
    reason: str | None
    person: str | None
    created_at: dt.datetime


def _info(row: Review) -> ReviewInfo:
    return ReviewInfo(
        row.id, row.slug, row.title, row.banner, row.settings, row.revision, row.created_at
    )


def create(
    session: WriteSession,
    *,
    slug: str,
    title: str,
    protocol: Mapping[str, Any],
    person_id: int | None,
    banner: str | None = None,
) -> ReviewInfo:
    """A new review with version 1 of its protocol; whoever makes it becomes its owner.

    Raises:
        AlreadyUsed: the slug is taken.
        ValueError: a reason for exclusion is none, see ``reasons.refuse_boxes``.
    """
    reasons.refuse_boxes(protocol)
    row = Review(slug=slug, title=title, banner=banner, settings={}, revision=0, created_at=now())
    try:
        with session.begin_nested():
            session.add(row)
    except IntegrityError as error:
        raise AlreadyUsed(f"there is a review with the short name {slug!r} already") from error
    session.add(Protocol(review_id=row.id, version=1, body=dict(protocol), person_id=person_id))
    if person_id is not None:
        session.add(Membership(review_id=row.id, person_id=person_id, role="owner", since=now()))
    audit.append(
        session,
        "review.created",
        review_id=row.id,
        person_id=person_id,
        detail={"slug": slug, "title": title},
    )
    return _info(row)


def everything(session: ReadSession) -> list[ReviewInfo]:
    """All reviews, oldest first."""
    return [_info(row) for row in session.scalars(select(Review).order_by(Review.id))]


def of_person(session: ReadSession, person_id: int) -> list[ReviewInfo]:
    """The reviews that a person is of, oldest first."""
    query = (
        select(Review)
        .join(Membership, Membership.review_id == Review.id)
        .where(Membership.person_id == person_id)
        .order_by(Review.id)
    )
    return [_info(row) for row in session.scalars(query)]


def by_slug(session: ReadSession, slug: str) -> ReviewInfo:
    """The review of that short name.

    Raises:
        NotFound: there is none.
    """
    row = session.scalars(select(Review).where(Review.slug == slug)).first()
    if row is None:
        raise NotFound(f"there is no review {slug!r}")
    return _info(row)


def by_id(session: ReadSession, review_id: int) -> ReviewInfo:
    """The review of that id.

    Raises:
        NotFound: there is none.
    """
    row = session.get(Review, review_id)
    if row is None:
        raise NotFound(f"there is no review {review_id}")
    return _info(row)


def lock(session: WriteSession, review_id: int) -> None:
    """Let no other transaction file, group or decide in the review before this one has ended.

    Rows that only refer to the review (a lease, a job) may be written meanwhile: FOR NO KEY UPDATE.
    SQLite has one writer anyway.
    """
    query = select(Review.id).where(Review.id == review_id)
    session.execute(query.with_for_update(key_share=True))


def touch(session: WriteSession, review_id: int) -> None:
    """Note that something changed which makes a new ranking due."""
    session.execute(
        update(Review).where(Review.id == review_id).values(revision=Review.revision + 1)
    )
    notify.send(session)


def set_settings(
    session: WriteSession, review_id: int, settings: Mapping[str, Any], *, person_id: int | None
) -> None:
    """Change settings of a review: audited, not versioned."""
    row = session.get(Review, review_id)
    if row is None:
        raise NotFound(f"there is no review {review_id}")
    before = {key: row.settings.get(key) for key in settings}
    row.settings = {**row.settings, **settings}
    audit.append(
        session,
        "review.settings",
        review_id=review_id,
        person_id=person_id,
        detail={"before": before, "after": dict(settings)},
    )


def protocol(session: ReadSession, review_id: int) -> ProtocolVersion:
    """The newest version of a review's protocol."""
    return protocols(session, review_id)[0]


def protocols(session: ReadSession, review_id: int) -> list[ProtocolVersion]:
    """All versions of a review's protocol, newest first.

    Raises:
        NotFound: there is no such review.
    """
    rows = session.execute(
        select(Protocol, Identity.name)
        .outerjoin(Identity, Identity.person_id == Protocol.person_id)
        .where(Protocol.review_id == review_id)
        .order_by(Protocol.version.desc())
    ).all()
    if not rows:
        raise NotFound(f"there is no review {review_id}")
    return [
        ProtocolVersion(row.version, row.body, row.reason, name, row.created_at)
        for row, name in rows
    ]


def _decided(session: ReadSession, review_id: int) -> bool:
    """Whether anybody has decided anything themselves."""
    query = select(Decision.id).where(
        Decision.review_id == review_id, Decision.kind == OWN, Decision.decision != "undo"
    )
    return session.scalar(query.limit(1)) is not None


def add_protocol(
    session: WriteSession,
    review_id: int,
    body: Mapping[str, Any],
    *,
    person_id: int | None,
    reason: str | None = None,
    based_on: int | None = None,
) -> int:
    """A new version of the protocol; the same text again makes none.

    A plan that has changed says anew which records are settled: decisions stay as they are.

    Args:
        session: a writing session.
        review_id: the review.
        body: what it says.
        person_id: who wrote it.
        reason: why it was changed.
        based_on: the version that the writer had before them; None where that does not matter.

    Returns:
        The number of the version that holds now.

    Raises:
        Conflict: another version has come since.
        ValueError: criteria change after decisions have been made, and no reason is given; or a
            reason for exclusion is none, see ``reasons.refuse_boxes``.
    """
    lock(session, review_id)
    newest = protocol(session, review_id)
    if based_on is not None and based_on != newest.version:
        raise Conflict(
            f"{newest.person or 'somebody'} saved version {newest.version} of the protocol while "
            f"you wrote on version {based_on}; look at it and save yours again"
        )
    if newest.body == dict(body):
        return newest.version
    reasons.refuse_boxes(body, newest.body)
    if not reason and criteria.changed(newest.body, body) and _decided(session, review_id):
        raise ValueError(
            "say why the criteria change: decisions have been made under them, so that the change "
            "is a deviation from the protocol"
        )
    version = 1 + (
        session.scalar(select(func.max(Protocol.version)).where(Protocol.review_id == review_id))
        or 0
    )
    session.add(
        Protocol(
            review_id=review_id,
            version=version,
            body=dict(body),
            reason=reason,
            person_id=person_id,
        )
    )
    session.flush()
    if plans.of_body(newest.body) != plans.of_body(body):
        outcomes.settle_all(session, review_id)
    touch(session, review_id)
    audit.append(
        session,
        "protocol.version",
        review_id=review_id,
        person_id=person_id,
        detail={"version": version, "reason": reason},
    )
    return version
