"""Versions of a search strategy, the losses accepted for them, and the hits of their lines."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import func, select, update

from store.core import audit
from store.core.errors import NotFound
from store.core.session import ReadSession, WriteSession
from store.core.tables import AcceptanceRow, GoldRecord, Identity, LineHits, StrategyRow, now
from store.reviews import reviews


@dataclass(frozen=True, slots=True, kw_only=True)
class AcceptanceInfo:
    """A loss or a source's warning that somebody accepted in writing.

    Attributes:
        leaf: the leaf or phrase; None for all losses of the kind.
        carried: it was given for an earlier version and holds for this one too.
    """

    source: str
    kind: str
    leaf: str | None
    reason: str
    carried: bool
    person: str | None
    created_at: dt.datetime


@dataclass(frozen=True, slots=True)
class StrategyVersion:
    """One version of a review's strategy; ``body`` is the document that was saved."""

    id: int
    version: int
    body: Mapping[str, Any]
    reason: str | None
    peer_review: str | None
    person: str | None
    created_at: dt.datetime
    acceptances: tuple[AcceptanceInfo, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Hits:
    """Hits of one line at one source; ``hits`` is None if the source could not be asked."""

    source: str
    line: str
    hits: int | None
    at_most: bool
    problem: str | None
    run_id: int | None
    asked_at: dt.datetime
    detail: Mapping[str, Any]


def list_versions(session: ReadSession, review_id: int) -> list[StrategyVersion]:
    """All versions of a review's strategy, newest first."""
    rows = session.execute(
        select(StrategyRow, Identity.name)
        .outerjoin(Identity, Identity.person_id == StrategyRow.person_id)
        .where(StrategyRow.review_id == review_id)
        .order_by(StrategyRow.version.desc())
    ).all()
    accepted: dict[int, list[AcceptanceInfo]] = {}
    for row, name in session.execute(
        select(AcceptanceRow, Identity.name)
        .join(StrategyRow, StrategyRow.id == AcceptanceRow.strategy_id)
        .outerjoin(Identity, Identity.person_id == AcceptanceRow.person_id)
        .where(StrategyRow.review_id == review_id)
        .order_by(AcceptanceRow.id)
    ):
        accepted.setdefault(row.strategy_id, []).append(
            AcceptanceInfo(
                source=row.source,
                kind=row.kind,
                leaf=row.leaf,
                reason=row.reason,
                carried=row.carried,
                person=name,
                created_at=row.created_at,
            )
        )
    return [
        StrategyVersion(
            row.id,
            row.version,
            row.body,
            row.reason,
            row.peer_review,
            name,
            row.created_at,
            tuple(accepted.get(row.id, ())),
        )
        for row, name in rows
    ]


def get_version(session: ReadSession, review_id: int, number: int | None = None) -> StrategyVersion:
    """One version; the newest if no number is given.

    Raises:
        NotFound: the review has no such version.
    """
    for version in list_versions(session, review_id):
        if number is None or version.version == number:
            return version
    what = "strategy yet" if number is None else f"strategy version {number}"
    raise NotFound(f"the review has no {what}")


def get_version_by_id(session: ReadSession, review_id: int, strategy_id: int) -> StrategyVersion:
    """One version by its id.

    Raises:
        NotFound: the review has no such version.
    """
    for version in list_versions(session, review_id):
        if version.id == strategy_id:
            return version
    raise NotFound(f"the review has no strategy {strategy_id}")


@dataclass(frozen=True, slots=True)
class NewStrategy:
    """A strategy to be saved.

    Attributes:
        body: the document.
        reason: why it was changed.
        carried: acceptances of the previous version that hold for this one too.
    """

    body: Mapping[str, Any]
    reason: str | None = None
    carried: Sequence[AcceptanceInfo] = ()


def create_version(
    session: WriteSession, review_id: int, new: NewStrategy, *, person_id: int | None
) -> int:
    """Save a strategy as a new version, unless it is the same as the newest one.

    Known relevant records that somebody saw among those missed become *development* records with
    this version, because it may have been written to find them.

    Returns:
        The number of the newest version.
    """
    reviews.lock_review(session, review_id)
    versions = list_versions(session, review_id)
    if versions and dict(versions[0].body) == dict(new.body):
        return versions[0].version
    number = versions[0].version + 1 if versions else 1
    row = StrategyRow(
        review_id=review_id,
        version=number,
        body=dict(new.body),
        reason=new.reason,
        person_id=person_id,
    )
    session.add(row)
    session.flush()
    for acceptance in new.carried:
        session.add(
            AcceptanceRow(
                strategy_id=row.id,
                source=acceptance.source,
                kind=acceptance.kind,
                leaf=acceptance.leaf,
                reason=acceptance.reason,
                carried=True,
                person_id=person_id,
            )
        )
    seen = list_seen_gold(session, review_id)
    session.execute(
        update(GoldRecord)
        .where(GoldRecord.id.in_(seen))
        .values(search_use="development", development_from=number, opened_at=None)
    )
    audit.append_event(
        session,
        "strategy.version",
        review_id=review_id,
        person_id=person_id,
        detail={"version": number, "reason": new.reason, "development": seen},
    )
    return number


def list_seen_gold(session: ReadSession, review_id: int) -> list[int]:
    """Validation records that were shown as missed; the next version makes them development."""
    return list(
        session.scalars(
            select(GoldRecord.id)
            .where(
                GoldRecord.review_id == review_id,
                GoldRecord.opened_at.is_not(None),
                GoldRecord.removed_at.is_(None),
                GoldRecord.search_use == "validation",
            )
            .order_by(GoldRecord.id)
        )
    )


def mark_gold_seen(
    session: WriteSession, review_id: int, gold_ids: Sequence[int], *, person_id: int | None
) -> None:
    """Note that a person saw which known relevant records the search missed."""
    if not gold_ids:
        return
    session.execute(
        update(GoldRecord)
        .where(
            GoldRecord.review_id == review_id,
            GoldRecord.id.in_(gold_ids),
            GoldRecord.opened_at.is_(None),
        )
        .values(opened_at=now())
    )
    audit.append_event(
        session,
        "gold.missed-shown",
        review_id=review_id,
        person_id=person_id,
        detail={"records": list(gold_ids)},
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class NewAcceptance:
    """A loss or warning that somebody accepts, and why; see ``AcceptanceInfo``."""

    source: str
    kind: str
    leaf: str | None
    reason: str


def add_acceptance(
    session: WriteSession,
    review_id: int,
    strategy_id: int,
    new: NewAcceptance,
    *,
    person_id: int | None,
) -> None:
    """Accept a loss or a warning in writing, for this version.

    Raises:
        NotFound: the review has no such version.
    """
    strategy = get_version_by_id(session, review_id, strategy_id)
    session.add(
        AcceptanceRow(
            strategy_id=strategy_id,
            source=new.source,
            kind=new.kind,
            leaf=new.leaf,
            reason=new.reason,
            person_id=person_id,
        )
    )
    session.flush()
    audit.append_event(
        session,
        "strategy.accepted",
        review_id=review_id,
        person_id=person_id,
        detail={
            "version": strategy.version,
            "source": new.source,
            "kind": new.kind,
            "leaf": new.leaf,
            "reason": new.reason,
        },
    )


def set_peer_review(
    session: WriteSession,
    review_id: int,
    strategy_id: int,
    text: str | None,
    *,
    person_id: int | None,
) -> None:
    """Note how a version was peer reviewed (PRESS).

    Raises:
        NotFound: the review has no such version.
    """
    strategy = get_version_by_id(session, review_id, strategy_id)
    session.execute(
        update(StrategyRow).where(StrategyRow.id == strategy_id).values(peer_review=text)
    )
    audit.append_event(
        session,
        "strategy.peer-review",
        review_id=review_id,
        person_id=person_id,
        detail={"version": strategy.version, "peer_review": text},
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class NewHits:
    """Hits of one line at one source to be stored.

    Attributes:
        hits: how many; None if the source could not be asked.
        at_most: ``hits`` is a sum over queries that may share hits.
        problem: why the source could not be asked.
        run_id: the run that asked; None if a person did.
        detail: what else was measured for the whole strategy, such as its cost.
    """

    source: str
    line: str
    hits: int | None
    at_most: bool = False
    problem: str | None = None
    run_id: int | None = None
    detail: Mapping[str, Any] = field(default_factory=dict)


def store_hits(session: WriteSession, strategy_id: int, new: NewHits) -> None:
    """Keep how many hits a line of a strategy version had at a source."""
    session.add(
        LineHits(
            strategy_id=strategy_id,
            source=new.source,
            line=new.line,
            hits=new.hits,
            at_most=new.at_most,
            problem=new.problem,
            run_id=new.run_id,
            detail=dict(new.detail),
        )
    )
    session.flush()


def list_hits(session: ReadSession, strategy_id: int, *, run_id: int | None = None) -> list[Hits]:
    """The newest hits of each line at each source, or those of one run."""
    newest = (
        select(func.max(LineHits.id))
        .where(LineHits.strategy_id == strategy_id)
        .group_by(LineHits.source, LineHits.line)
    )
    if run_id is not None:
        newest = newest.where(LineHits.run_id == run_id)
    rows = session.scalars(select(LineHits).where(LineHits.id.in_(newest)).order_by(LineHits.id))
    return [
        Hits(
            source=row.source,
            line=row.line,
            hits=row.hits,
            at_most=row.at_most,
            problem=row.problem,
            run_id=row.run_id,
            asked_at=row.asked_at,
            detail=row.detail,
        )
        for row in rows
    ]
