"""Search strategies in versions, what was accepted of them, and the hits of their lines."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, select, update

from store import audit
from store.errors import NotFound
from store.session import ReadSession, WriteSession
from store.tables import AcceptanceRow, GoldRecord, Identity, LineHits, StrategyRow, now


@dataclass(frozen=True, slots=True)
class AcceptanceInfo:
    """What somebody accepted in writing: a loss or a source's warning.

    Attributes:
        leaf: the leaf or phrase; None for all of the kind.
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


@dataclass(frozen=True, slots=True)
class Hits:
    """Hits of one line at one source; ``hits`` is None where the source could not be asked."""

    source: str
    line: str
    hits: int | None
    at_most: bool
    problem: str | None
    run_id: int | None
    asked_at: dt.datetime
    detail: Mapping[str, Any]


def versions(session: ReadSession, review_id: int) -> list[StrategyVersion]:
    """All versions of a review's strategy, newest first; none where it has no strategy yet."""
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
                row.source, row.kind, row.leaf, row.reason, row.carried, name, row.created_at
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


def version(session: ReadSession, review_id: int, number: int | None = None) -> StrategyVersion:
    """One version; the newest where no number is given.

    Raises:
        NotFound: the review has no such version.
    """
    for found in versions(session, review_id):
        if number is None or found.version == number:
            return found
    what = "strategy yet" if number is None else f"strategy version {number}"
    raise NotFound(f"the review has no {what}")


def by_id(session: ReadSession, review_id: int, strategy_id: int) -> StrategyVersion:
    """One version by its id.

    Raises:
        NotFound: the review has no such version.
    """
    for found in versions(session, review_id):
        if found.id == strategy_id:
            return found
    raise NotFound(f"the review has no strategy {strategy_id}")


def save(
    session: WriteSession,
    review_id: int,
    body: Mapping[str, Any],
    *,
    reason: str | None,
    person_id: int | None,
    carry: Sequence[AcceptanceInfo] = (),
) -> int:
    """A new version; the same text again makes none.

    Known relevant records that were shown among what the search missed are *development* from
    this version on: the strategy may have been written to find them.

    Args:
        session: a transaction that writes.
        review_id: the review.
        body: the document.
        reason: why it was changed.
        person_id: who saved it.
        carry: acceptances of the version before that hold for this one too.

    Returns:
        The number of the version that holds now.
    """
    before = versions(session, review_id)
    if before and dict(before[0].body) == dict(body):
        return before[0].version
    number = before[0].version + 1 if before else 1
    row = StrategyRow(
        review_id=review_id, version=number, body=dict(body), reason=reason, person_id=person_id
    )
    session.add(row)
    session.flush()
    for given in carry:
        session.add(
            AcceptanceRow(
                strategy_id=row.id,
                source=given.source,
                kind=given.kind,
                leaf=given.leaf,
                reason=given.reason,
                carried=True,
                person_id=person_id,
            )
        )
    turned = opened_gold(session, review_id)
    session.execute(
        update(GoldRecord)
        .where(GoldRecord.id.in_(turned))
        .values(search_use="development", development_from=number, opened_at=None)
    )
    audit.append(
        session,
        "strategy.version",
        review_id=review_id,
        person_id=person_id,
        detail={"version": number, "reason": reason, "development": turned},
    )
    return number


def opened_gold(session: ReadSession, review_id: int) -> list[int]:
    """Validation records that were shown as missed and that the next version turns."""
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


def note_opened(
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
    audit.append(
        session,
        "gold.missed-shown",
        review_id=review_id,
        person_id=person_id,
        detail={"records": list(gold_ids)},
    )


def accept(
    session: WriteSession,
    review_id: int,
    strategy_id: int,
    *,
    source: str,
    kind: str,
    leaf: str | None,
    reason: str,
    person_id: int | None,
) -> None:
    """Accept a loss or a warning in writing, for this version.

    Raises:
        NotFound: the review has no such version.
    """
    found = by_id(session, review_id, strategy_id)
    session.add(
        AcceptanceRow(
            strategy_id=strategy_id,
            source=source,
            kind=kind,
            leaf=leaf,
            reason=reason,
            person_id=person_id,
        )
    )
    session.flush()
    audit.append(
        session,
        "strategy.accepted",
        review_id=review_id,
        person_id=person_id,
        detail={
            "version": found.version,
            "source": source,
            "kind": kind,
            "leaf": leaf,
            "reason": reason,
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
    """Say how a version was peer reviewed (PRESS).

    Raises:
        NotFound: the review has no such version.
    """
    found = by_id(session, review_id, strategy_id)
    session.execute(
        update(StrategyRow).where(StrategyRow.id == strategy_id).values(peer_review=text)
    )
    audit.append(
        session,
        "strategy.peer-review",
        review_id=review_id,
        person_id=person_id,
        detail={"version": found.version, "peer_review": text},
    )


def add_hits(
    session: WriteSession,
    strategy_id: int,
    source: str,
    line: str,
    *,
    hits: int | None,
    at_most: bool = False,
    problem: str | None = None,
    run_id: int | None = None,
    detail: Mapping[str, Any] | None = None,
) -> None:
    """Keep how many hits a line had; ``detail`` is what else is known of the whole."""
    session.add(
        LineHits(
            strategy_id=strategy_id,
            source=source,
            line=line,
            hits=hits,
            at_most=at_most,
            problem=problem,
            run_id=run_id,
            detail=dict(detail or {}),
        )
    )
    session.flush()


def hits(session: ReadSession, strategy_id: int, *, run_id: int | None = None) -> list[Hits]:
    """The newest hits of each line and source; those of one run on request."""
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
            row.source,
            row.line,
            row.hits,
            row.at_most,
            row.problem,
            row.run_id,
            row.asked_at,
            row.detail,
        )
        for row in rows
    ]
