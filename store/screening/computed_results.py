"""Figures that take long to work out, stored with what they were worked out from."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import delete, func, select

from store.core.session import ReadSession, WriteSession
from store.core.tables import (
    Admission,
    AuditEvent,
    Batch,
    ComputedResult,
    Decision,
    GoldRecord,
    Intake,
    PairRow,
    Protocol,
    Ranking,
    Recheck,
    Report,
    Review,
    Search,
    now,
)
from store.searching.gold import KNOWN_CHANGED


@dataclass(frozen=True, slots=True)
class Basis:
    """What figures are worked out from.

    Attributes:
        key: two equal keys say that nothing has changed in between.
        decisions: how many lines the log of decisions has.
        records: about how many records the review has: reports that ever were.
    """

    key: str
    decisions: int
    records: int


@dataclass(frozen=True, slots=True)
class NewResult:
    """Figures to be stored.

    Attributes:
        body: the figures, as JSON; None if working them out failed.
        problem: why it failed, in words.
    """

    kind: str
    basis: Basis
    seconds: float
    body: str | None = None
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class StoredResult:
    """Stored figures, or a stored failure; see ``NewResult``."""

    basis: str
    decisions: int
    at: dt.datetime
    seconds: float
    body: str | None
    problem: str | None


# Characters of a part of a basis: a letter, and the beginning of a hash.
_PART: Final = 12
_RECORDS: Final = "records"
KNOWN: Final = "known studies"
_ORDER: Final = "the order"
_PROTOCOL: Final = "the protocol"
# What figures depend on, by the letter that a basis has for it; "" is whatever has no name.
_LETTERS: Final = {
    "c": _PROTOCOL,
    "i": "pilot rounds",
    "k": KNOWN,
    "l": "the limits",
    "o": _ORDER,
    "p": "people",
    "r": _RECORDS,
    "s": "searches",
    "t": "the strategy",
    "x": "",
}
# By the beginning of what the audit trail calls a change: what it is a change of.
_CHANGES: Final = {
    "event.": _RECORDS,
    "file.": _RECORDS,
    "gold.": KNOWN,
    "pair.": _RECORDS,
    "plan.": _PROTOCOL,
    "pool.": _RECORDS,
    "report.": _RECORDS,
    "reports.": _RECORDS,
    "study.": _RECORDS,
    "search.": "searches",
    "run.": "searches",
    "night.": "searches",
    "strategy.": "the strategy",
    "person.": "people",
    "invitation.": "people",
    "limits.": "the limits",
    "pilot.": "pilot rounds",
}
# Somebody looked, which no figure depends on; and what the versions themselves say better.
_NO_CHANGE: Final = ("gold.missed-shown", "protocol.version")


def find_basis(session: ReadSession, review_id: int, *, ordered: bool = True) -> Basis:
    """What figures of a review would be worked out from now.

    Whatever changes a review's figures raises one of its counts or adds a line to one of its logs.

    Args:
        session: a reading session.
        review_id: the review.
        ordered: whether the figures depend on the order of the records.
    """
    counts = session.execute(
        select(Review.revision, Review.regrouped, Review.rule_changes, Review.state_changes).where(
            Review.id == review_id
        )
    ).one()
    decisions = _count(session, Decision, review_id)
    ends = {
        table: session.scalar(select(func.max(table.id)).where(table.review_id == review_id)) or 0
        for table in (Ranking, PairRow, Batch, GoldRecord, Intake, Admission, Search)
    }
    filled = session.scalar(
        select(func.count(Recheck.made_at)).where(Recheck.review_id == review_id)
    )
    parts: dict[str, list[int]] = {
        _RECORDS: [counts.regrouped, ends[PairRow], ends[Batch], ends[Intake], ends[Admission]],
        KNOWN: [ends[GoldRecord]],
        "searches": [ends[Search]],
        _PROTOCOL: [_find_protocol(session, review_id)],
        "": [counts.revision, counts.rule_changes, counts.state_changes, decisions, filled or 0],
    }
    if ordered:
        parts[_ORDER] = [ends[Ranking]]
    for name, newest in _list_newest_changes(session, review_id).items():
        parts.setdefault(name, []).append(newest)
    key = " ".join(
        f"{letter}{_shorten(parts[name])}" for letter, name in _LETTERS.items() if name in parts
    )
    return Basis(key, decisions, _count(session, Report, review_id))


def _list_newest_changes(session: ReadSession, review_id: int) -> dict[str, int]:
    """The newest line of the audit trail about each part of a review; "" is whatever is left."""
    rows = session.execute(
        select(AuditEvent.action, func.max(AuditEvent.id))
        .where(AuditEvent.review_id == review_id, AuditEvent.action.not_in(_NO_CHANGE))
        .group_by(AuditEvent.action)
        .order_by(func.max(AuditEvent.id))
    ).all()
    found: dict[str, int] = {}
    for action, newest in rows:
        name = next((_CHANGES[start] for start in _CHANGES if action.startswith(start)), "")
        found[name] = newest
    return found


def list_changes(earlier: str, later: str) -> tuple[str, ...]:
    """What has changed from one basis to another, in words; empty if nothing that has a name."""
    if all(len(part) != _PART for part in earlier.split()):
        # It has no parts that could be compared.
        return ("the version of Winnow",)
    differing = set(earlier.split()) ^ set(later.split())
    letters = {part[0] for part in differing if len(part) == _PART}
    return tuple(name for letter, name in _LETTERS.items() if letter in letters and name)


def _shorten(numbers: Sequence[int]) -> str:
    """Numbers as so few characters that all parts of a basis fit into their column."""
    text = ".".join(map(str, numbers))
    return hashlib.sha256(text.encode()).hexdigest()[: _PART - 1]


def _find_protocol(session: ReadSession, review_id: int) -> int:
    """The newest version of the protocol that somebody wrote."""
    query = select(func.max(Protocol.id)).where(
        Protocol.review_id == review_id, Protocol.reason.is_distinct_from(KNOWN_CHANGED)
    )
    return session.scalar(query) or 0


def _count(session: ReadSession, table: type[Decision] | type[Report], review_id: int) -> int:
    query = select(func.count()).select_from(table).where(table.review_id == review_id)
    return session.scalar(query) or 0


def store_result(session: WriteSession, review_id: int, new: NewResult) -> None:
    """Store figures in place of earlier ones of their kind.

    A failure replaces an earlier failure alone, so that the last figures can still be shown.
    """
    earlier = delete(ComputedResult).where(
        ComputedResult.review_id == review_id, ComputedResult.kind == new.kind
    )
    if new.body is None:
        earlier = earlier.where(ComputedResult.body.is_(None))
    session.execute(earlier)
    session.add(
        ComputedResult(
            review_id=review_id,
            kind=new.kind,
            basis=new.basis.key,
            decisions=new.basis.decisions,
            computed_at=now(),
            seconds=new.seconds,
            body=new.body,
            problem=new.problem,
        )
    )
    session.flush()


def list_results(session: ReadSession, review_id: int, kind: str) -> list[StoredResult]:
    """The newest figures of a kind, and the failure after them, if there is one; oldest first."""
    rows = session.scalars(
        select(ComputedResult)
        .where(ComputedResult.review_id == review_id, ComputedResult.kind == kind)
        .order_by(ComputedResult.id)
    )
    return [
        StoredResult(
            basis=row.basis,
            decisions=row.decisions,
            at=row.computed_at,
            seconds=row.seconds,
            body=row.body,
            problem=row.problem,
        )
        for row in rows
    ]
