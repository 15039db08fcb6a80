"""Reviews, the versions of their protocols, and their settings."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import bindparam, select, update
from sqlalchemy.exc import IntegrityError

from store.core import audit, notify
from store.core.errors import AlreadyUsed, Conflict, NotFound, Unreadable
from store.core.json_text import UnreadableJson
from store.core.session import ReadSession, WriteSession, execute_plain
from store.core.tables import Decision, Identity, Membership, Protocol, Review, now
from store.reviews import changes, protocol_faults
from store.rules import criteria, protocols, reasons
from store.rules.agreed_decision import OWN


@dataclass(frozen=True, slots=True)
class ReviewInfo:
    """A review without its records.

    Attributes:
        unreadable: whether its settings are stored as text that is not JSON. They are then empty,
            and the review cannot be used.
    """

    id: int
    slug: str
    title: str
    banner: str | None
    settings: Mapping[str, Any]
    revision: int
    created_at: dt.datetime
    unreadable: bool = False


@dataclass(frozen=True, slots=True)
class ProtocolVersion:
    """One version of a protocol. ``body`` is the JSON that the caller saved."""

    version: int
    body: Mapping[str, Any]
    reason: str | None
    person: str | None
    created_at: dt.datetime


@dataclass(frozen=True, slots=True)
class NewReview:
    """A review to be created.

    Attributes:
        slug: its short name, which is part of addresses.
        title: its title.
        protocol: the body of version 1 of its protocol.
        banner: a notice that its pages show at the top.
    """

    slug: str
    title: str
    protocol: Mapping[str, Any]
    banner: str | None = None


@dataclass(frozen=True, slots=True)
class NewProtocol:
    """A version of a protocol to be saved.

    Attributes:
        body: what it says.
        person_id: who wrote it; None for the server itself.
        reason: why it was changed.
        based_on: the version that the writer started from; None to save over any version.
    """

    body: Mapping[str, Any]
    person_id: int | None
    reason: str | None = None
    based_on: int | None = None


def review_from_row(row: Any) -> ReviewInfo:
    """A review from its row, or from its columns."""
    # A database that somebody mended by hand must not stop the work for the other reviews.
    settings = row.settings if isinstance(row.settings, dict) else {}
    unreadable = isinstance(settings, UnreadableJson)
    return ReviewInfo(
        row.id, row.slug, row.title, row.banner, settings, row.revision, row.created_at, unreadable
    )


def require_readable(review: ReviewInfo) -> ReviewInfo:
    """The same review, if its settings can be read.

    Raises:
        Unreadable: they cannot.
    """
    if review.unreadable:
        raise Unreadable(
            f"The settings of the review {review.slug!r} cannot be read, so it cannot be used.",
            remedy="Ask the person who runs the server: docs/operating.md says what to do.",
        )
    return review


def create_review(session: WriteSession, new: NewReview, *, person_id: int | None) -> ReviewInfo:
    """Create a review with version 1 of its protocol.

    Args:
        session: a writing session.
        new: the review.
        person_id: who becomes its owner; None for no owner yet.

    Raises:
        AlreadyUsed: the short name is taken.
        ValueError: a reason for exclusion is reserved, see ``reasons.refuse_reserved_reasons``.
    """
    reasons.refuse_reserved_reasons(new.protocol)
    row = Review(
        slug=new.slug,
        title=new.title,
        banner=new.banner,
        settings={},
        revision=0,
        created_at=now(),
    )
    try:
        with session.begin_nested():
            session.add(row)
    except IntegrityError as error:
        raise AlreadyUsed(f"there is already a review with the short name {new.slug!r}") from error
    session.add(Protocol(review_id=row.id, version=1, body=dict(new.protocol), person_id=person_id))
    if person_id is not None:
        session.add(Membership(review_id=row.id, person_id=person_id, role="owner", since=now()))
    audit.append_event(
        session,
        "review.created",
        review_id=row.id,
        person_id=person_id,
        detail={"slug": new.slug, "title": new.title},
    )
    return review_from_row(row)


def list_reviews(session: ReadSession) -> list[ReviewInfo]:
    """All reviews, oldest first."""
    return [review_from_row(row) for row in session.scalars(select(Review).order_by(Review.id))]


def list_review_ids(session: ReadSession) -> list[int]:
    """Ids of all reviews, oldest first."""
    return list(session.scalars(select(Review.id).order_by(Review.id)))


def list_reviews_of_person(session: ReadSession, person_id: int) -> list[ReviewInfo]:
    """The reviews that a person is in, oldest first."""
    query = (
        select(Review)
        .join(Membership, Membership.review_id == Review.id)
        .where(Membership.person_id == person_id)
        .order_by(Review.id)
    )
    return [review_from_row(row) for row in session.scalars(query)]


def get_review_by_slug(session: ReadSession, slug: str) -> ReviewInfo:
    """The review with a short name.

    Raises:
        NotFound: there is no such review.
        Unreadable: its settings cannot be read.
    """
    row = session.scalars(select(Review).where(Review.slug == slug)).first()
    if row is None:
        raise NotFound(f"there is no review {slug!r}")
    return require_readable(review_from_row(row))


def get_review(session: ReadSession, review_id: int) -> ReviewInfo:
    """The review with an id.

    Raises:
        NotFound: there is no such review.
        Unreadable: its settings cannot be read.
    """
    row = session.get(Review, review_id)
    if row is None:
        raise NotFound(f"there is no review {review_id}")
    return require_readable(review_from_row(row))


_LOCK = select(Review.id).where(Review.id == bindparam("of_review")).with_for_update(key_share=True)
_REQUEST_RANKING = (
    update(Review).where(Review.id == bindparam("of_review")).values(revision=Review.revision + 1)
)


def lock_review(session: WriteSession, review_id: int) -> None:
    """Make other transactions that import, group or decide in the review wait for this one.

    The lock is FOR NO KEY UPDATE, so that rows that only refer to the review (a lease, a job) can
    still be written. SQLite has one writer anyway.
    """
    if session.get_bind().dialect.name != "sqlite":
        execute_plain(session, _LOCK, {"of_review": review_id})


def lock_all_reviews(session: WriteSession) -> None:
    """The same in all reviews, one after the other by id."""
    session.execute(select(Review.id).order_by(Review.id).with_for_update(key_share=True)).all()


def request_ranking(session: WriteSession, review_id: int) -> None:
    """Record that a change calls for a new ranking, and wake the workers."""
    execute_plain(session, _REQUEST_RANKING, {"of_review": review_id})
    notify.notify_workers(session)


def rename_review(session: WriteSession, review_id: int, title: str, *, person_id: int) -> None:
    """Change a review's title. Its short name, which addresses and commands use, stays.

    Raises:
        NotFound: there is no such review.
    """
    # Locked, so that the audit trail has each title once as the one before the next.
    row = session.get(
        Review, review_id, with_for_update={"key_share": True}, populate_existing=True
    )
    if row is None:
        raise NotFound(f"there is no review {review_id}")
    before, row.title = row.title, title
    audit.append_event(
        session,
        "review.renamed",
        review_id=review_id,
        person_id=person_id,
        detail={"before": before, "after": title},
    )


def update_settings(
    session: WriteSession, review_id: int, settings: Mapping[str, Any], *, person_id: int | None
) -> None:
    """Change some settings of a review. The change is audited; there are no versions.

    Raises:
        NotFound: there is no such review.
        Unreadable: its settings cannot be read.
    """
    # Locked, since all settings are one value: of two changes at once none may be lost.
    row = session.get(
        Review, review_id, with_for_update={"key_share": True}, populate_existing=True
    )
    if row is None:
        raise NotFound(f"there is no review {review_id}")
    stored = require_readable(review_from_row(row)).settings
    before = {key: stored.get(key) for key in settings}
    row.settings = {**stored, **settings}
    audit.append_event(
        session,
        "review.settings",
        review_id=review_id,
        person_id=person_id,
        detail={"before": before, "after": dict(settings)},
    )


_PROTOCOLS = (
    select(Protocol.version, Protocol.body, Protocol.reason, Identity.name, Protocol.created_at)
    .outerjoin(Identity, Identity.person_id == Protocol.person_id)
    .where(Protocol.review_id == bindparam("review"))
    .order_by(Protocol.version.desc())
)
_NEWEST_PROTOCOL = _PROTOCOLS.limit(1)


def get_protocol(session: ReadSession, review_id: int) -> ProtocolVersion:
    """The newest version of a review's protocol.

    Raises:
        NotFound: there is no such review.
        Unreadable: the protocol has a wrong shape.
    """
    newest = _find_newest_protocol(session, review_id)
    protocol_faults.require_readable_body(session, review_id, newest.body)
    return newest


def get_readable_protocol(session: ReadSession, review_id: int) -> ProtocolVersion:
    """The same without the parts that have a wrong shape, so that somebody can mend it.

    Raises:
        NotFound: there is no such review.
    """
    newest = _find_newest_protocol(session, review_id)
    return replace(newest, body=protocols.get_readable_parts(newest.body))


def _find_newest_protocol(session: ReadSession, review_id: int) -> ProtocolVersion:
    row = execute_plain(session, _NEWEST_PROTOCOL, {"review": review_id}).first()
    if row is None:
        raise NotFound(f"there is no review {review_id}")
    return ProtocolVersion(*row)


def list_protocols(session: ReadSession, review_id: int) -> list[ProtocolVersion]:
    """All versions of a review's protocol, newest first, without parts of a wrong shape.

    Raises:
        NotFound: there is no such review.
    """
    rows = execute_plain(session, _PROTOCOLS, {"review": review_id}).all()
    if not rows:
        raise NotFound(f"there is no review {review_id}")
    versions = [ProtocolVersion(*row) for row in rows]
    return [replace(each, body=protocols.get_readable_parts(each.body)) for each in versions]


def _require_no_decisions(session: ReadSession, review_id: int) -> None:
    """Check that criteria may change without a reason.

    Raises:
        ValueError: somebody has made a decision of their own.
    """
    query = select(Decision.id).where(
        Decision.review_id == review_id, Decision.kind == OWN, Decision.decision != "undo"
    )
    if session.scalar(query.limit(1)) is not None:
        raise ValueError(
            "say why the criteria change: decisions have been made under them, so the change is a "
            "deviation from the protocol"
        )


def create_protocol(session: WriteSession, review_id: int, new: NewProtocol) -> int:
    """Add a version of the protocol, unless its text is the same as before.

    States of reports are not updated here: where the plan changes, the caller does so.

    Returns:
        The number of the newest version.

    Raises:
        NotFound: there is no such review.
        Conflict: somebody else has saved a version since ``new.based_on``.
        ValueError: the criteria change after decisions have been made and no reason is given, or a
            reason for exclusion is reserved, see ``reasons.refuse_reserved_reasons``.
    """
    lock_review(session, review_id)
    stored = _find_newest_protocol(session, review_id).body
    newest = get_readable_protocol(session, review_id)
    if new.based_on is not None and new.based_on != newest.version:
        raise Conflict(
            f"while you edited version {new.based_on} of the protocol, "
            f"{newest.person or 'somebody'} saved version {newest.version}; look at it and save "
            "yours again"
        )
    if stored == dict(new.body):
        return newest.version
    reasons.refuse_reserved_reasons(new.body, newest.body)
    if not new.reason and criteria.list_criteria_changes(newest.body, new.body):
        _require_no_decisions(session, review_id)
    version = newest.version + 1
    session.add(
        Protocol(
            review_id=review_id,
            version=version,
            body=dict(new.body),
            reason=new.reason,
            person_id=new.person_id,
        )
    )
    session.flush()
    request_ranking(session, review_id)
    changes.note_rule_change(session, review_id)
    audit.append_event(
        session,
        "protocol.version",
        review_id=review_id,
        person_id=new.person_id,
        detail={"version": version, "reason": new.reason},
    )
    return version
