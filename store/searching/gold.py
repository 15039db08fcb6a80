"""Known relevant records and their two uses: to check the search, and to check the ranking."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import select, update

from store.core import audit
from store.core.session import ReadSession, WriteSession
from store.core.tables import GoldLookup, GoldRecord, now
from store.reviews import reviews
from store.reviews.reviews import NewProtocol

# The note of protocol versions that only list the known studies again.
KNOWN_CHANGED = "known relevant records changed"
SEARCH_USES = ("development", "validation")
RANKING_USES = ("seed", "held_out")
# Where a record comes from: somebody's list, the labels of a file that was imported as a search of
# this review, or this review's own includes.
ORIGINS = ("list", "own-search", "own-includes")


@dataclass(frozen=True, slots=True)
class NewGold:
    """A known relevant record to be added; ``tags`` are the other columns of its list."""

    title: str | None
    abstract: str | None = None
    year: int | None = None
    doi: str | None = None
    pmid: str | None = None
    source_id: str | None = None
    search_use: str = "validation"
    ranking_use: str = "held_out"
    origin: str = "list"
    tags: Mapping[str, str] = field(default_factory=dict, hash=False)


@dataclass(frozen=True, slots=True)
class GoldInfo:
    """A known relevant record of a review."""

    id: int
    title: str | None
    abstract: str | None
    year: int | None
    doi: str | None
    pmid: str | None
    source_id: str | None
    search_use: str
    ranking_use: str
    origin: str
    list_name: str
    tags: Mapping[str, str] = field(default_factory=dict, hash=False)
    opened_at: dt.datetime | None = None
    development_from: int | None = None


def add_gold(
    session: WriteSession,
    review_id: int,
    records: Sequence[NewGold],
    *,
    list_name: str,
    person_id: int | None,
) -> int:
    """Add a list of known relevant records, without those that the review lists already.

    Returns:
        How many were added.

    Raises:
        ValueError: a use or origin is unknown.
    """
    reviews.lock_review(session, review_id)
    listed = {_identity(gold) for gold in list_gold(session, review_id)}
    added = 0
    for record in records:
        if record.search_use not in SEARCH_USES:
            raise ValueError(f"search use must be one of {SEARCH_USES}, not {record.search_use!r}")
        if record.ranking_use not in RANKING_USES:
            raise ValueError(
                f"ranking use must be one of {RANKING_USES}, not {record.ranking_use!r}"
            )
        if record.origin not in ORIGINS:
            raise ValueError(f"origin must be one of {ORIGINS}, not {record.origin!r}")
        if _identity(record) in listed:
            continue
        listed.add(_identity(record))
        session.add(
            GoldRecord(
                review_id=review_id,
                title=record.title,
                abstract=record.abstract,
                year=record.year,
                doi=record.doi,
                pmid=record.pmid,
                source_id=record.source_id,
                tags=dict(record.tags),
                search_use=record.search_use,
                ranking_use=record.ranking_use,
                origin=record.origin,
                list_name=list_name,
                created_by=person_id,
            )
        )
        added += 1
    session.flush()
    if added:
        detail = {"list": list_name, "records": added}
        _record_change(session, review_id, "gold.added", detail, person_id)
    return added


def _record_change(
    session: WriteSession,
    review_id: int,
    action: str,
    detail: Mapping[str, Any],
    person_id: int | None,
) -> None:
    """Create a new protocol version, which names each list with the hash of its content."""
    audit.append_event(session, action, review_id=review_id, person_id=person_id, detail=detail)
    lists: dict[str, list[GoldInfo]] = {}
    for info in list_gold(session, review_id):
        lists.setdefault(info.list_name, []).append(info)
    body = dict(reviews.get_protocol(session, review_id).body)
    body["known_relevant"] = [_summary(name, infos) for name, infos in sorted(lists.items())]
    reviews.create_protocol(session, review_id, NewProtocol(body, person_id, KNOWN_CHANGED))


def _summary(name: str, infos: Sequence[GoldInfo]) -> dict[str, Any]:
    text = json.dumps([[*_identity(i), i.search_use, i.ranking_use] for i in infos])
    return {
        "name": name,
        "records": len(infos),
        "validation": sum(info.search_use == "validation" for info in infos),
        "held_out": sum(info.ranking_use == "held_out" for info in infos),
        "sha256": hashlib.sha256(text.encode()).hexdigest(),
    }


def _identity(record: NewGold | GoldInfo) -> tuple[str | int | None, ...]:
    return (record.title, record.year, record.doi, record.pmid, record.source_id)


def list_gold(session: ReadSession, review_id: int) -> list[GoldInfo]:
    """All known relevant records of a review, by id."""
    rows = session.scalars(
        select(GoldRecord)
        .where(GoldRecord.review_id == review_id, GoldRecord.removed_at.is_(None))
        .order_by(GoldRecord.id)
    )
    return [
        GoldInfo(
            id=row.id,
            title=row.title,
            abstract=row.abstract,
            year=row.year,
            doi=row.doi,
            pmid=row.pmid,
            source_id=row.source_id,
            search_use=row.search_use,
            ranking_use=row.ranking_use,
            origin=row.origin,
            list_name=row.list_name,
            tags=row.tags,
            opened_at=row.opened_at,
            development_from=row.development_from,
        )
        for row in rows
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class GoldUses:
    """What known relevant records are used for.

    Attributes:
        search: ``development`` or ``validation``.
        ranking: ``seed`` or ``held_out``.
    """

    search: str
    ranking: str


def set_uses(
    session: WriteSession,
    review_id: int,
    list_name: str,
    uses: GoldUses,
    *,
    person_id: int | None,
) -> None:
    """Set both uses of a whole list."""
    reviews.lock_review(session, review_id)
    session.execute(
        update(GoldRecord)
        .where(GoldRecord.review_id == review_id, GoldRecord.list_name == list_name)
        .values(search_use=uses.search, ranking_use=uses.ranking)
    )
    detail = {"list": list_name, "search_use": uses.search, "ranking_use": uses.ranking}
    _record_change(session, review_id, "gold.use", detail, person_id)


def remove_list(
    session: WriteSession, review_id: int, list_name: str, *, person_id: int | None
) -> None:
    """Remove a list; its rows stay in the store, and earlier protocol versions still name it."""
    reviews.lock_review(session, review_id)
    session.execute(
        update(GoldRecord)
        .where(
            GoldRecord.review_id == review_id,
            GoldRecord.list_name == list_name,
            GoldRecord.removed_at.is_(None),
        )
        .values(removed_at=now())
    )
    _record_change(session, review_id, "gold.removed", {"list": list_name}, person_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewLookup:
    """What a source says about a known relevant record.

    Attributes:
        state: whether the source has the record, and whether the search finds it there.
        rejected_by: lines of the strategy that keep it out.
        strategy_id: the strategy version that was checked; None if there was none.
    """

    gold_id: int
    source: str
    state: str
    rejected_by: tuple[str, ...]
    strategy_id: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Lookup(NewLookup):
    """What a source said about a known relevant record, and when."""

    asked_at: dt.datetime


def store_lookup(session: WriteSession, lookup: NewLookup) -> None:
    """Keep what a source said; it replaces what the source said before."""
    session.merge(
        GoldLookup(
            gold_id=lookup.gold_id,
            source=lookup.source,
            state=lookup.state,
            rejected_by=list(lookup.rejected_by),
            strategy_id=lookup.strategy_id,
            asked_at=now(),
        )
    )
    session.flush()


def list_lookups(session: ReadSession, review_id: int) -> list[Lookup]:
    """What the sources said about a review's known relevant records."""
    rows = session.scalars(
        select(GoldLookup)
        .join(GoldRecord, GoldRecord.id == GoldLookup.gold_id)
        .where(GoldRecord.review_id == review_id)
        .order_by(GoldLookup.gold_id, GoldLookup.source)
    )
    return [
        Lookup(
            gold_id=row.gold_id,
            source=row.source,
            state=row.state,
            rejected_by=tuple(row.rejected_by),
            strategy_id=row.strategy_id,
            asked_at=row.asked_at,
        )
        for row in rows
    ]
