"""What the queue knows of a card at one moment, and the leases on it.

On PostgreSQL each statement sees what is committed when it begins. So everything about a card is
read in one statement, and before a lease is written the report's row is locked and the card is read
again: a decision locks the same row first, and either it is seen or it waits for the lease.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import (
    BindParameter,
    Integer,
    String,
    bindparam,
    case,
    cast,
    delete,
    insert,
    literal,
    null,
    or_,
    select,
    union_all,
    update,
)

from store.core.new_rows import table_of
from store.core.session import ReadSession, WriteSession, execute_plain
from store.core.tables import Decision, Lease, RecordRow, Report, ReportState, now
from store.reports.report_states import at_stage, is_undecided
from store.reports.screening_state import active_condition
from store.rules.agreed_decision import ActiveDecision


@dataclass(slots=True)
class CardState:
    """A report that somebody must still decide.

    Attributes:
        slots: the slot of each person who holds its card.
        lines: the active decisions on it, oldest first.
        expired: whether leases on it have ended and still lie in the table.
    """

    slots: dict[int, int] = field(default_factory=dict)
    lines: list[ActiveDecision] = field(default_factory=list)
    expired: bool = False

    def find_slot(self, person_id: int, places: int) -> int | None:
        """The slot that a person may have; None if others hold as many as there are places."""
        if person_id in self.slots:
            return self.slots[person_id]
        others = set(self.slots.values())
        if len(others) >= places:
            return None
        return next(slot for slot in range(len(others) + 1) if slot not in others)


_IDS: BindParameter[Any] = bindparam("ids", expanding=True)
_FIRST_LOCK = "first lock of reports"
_STAGE = bindparam("at", type_=String())
_NOTHING = (cast(null(), Integer), cast(null(), Integer), cast(null(), String))
# Built once: building it costs more than running it.
_CARDS = union_all(
    select(literal(0).label("what"), Report.id.label("report"), *_NOTHING, cast(null(), String))
    .outerjoin(ReportState, at_stage(_STAGE))
    .where(
        Report.id.in_(_IDS),
        # With a condition on the review itself, SQLite would walk through the whole review.
        Report.review_id + 0 == bindparam("review"),
        Report.active.is_(True),
        is_undecided(),
    ),
    select(
        case((Lease.expires_at > bindparam("now", type_=Lease.expires_at.type), 1), else_=3),
        Lease.report_id,
        Lease.person_id,
        Lease.slot,
        *_NOTHING[2:],
        cast(null(), String),
    ).where(Lease.report_id.in_(_IDS), Lease.stage == _STAGE),
    select(
        literal(2),
        RecordRow.report_id,
        Decision.person_id,
        Decision.id,
        Decision.decision,
        Decision.kind,
    )
    .select_from(ReportState)
    .join(RecordRow, RecordRow.report_id == ReportState.report_id)
    .join(Decision, Decision.record_id == RecordRow.id)
    .where(
        ReportState.report_id.in_(_IDS),
        ReportState.stage == _STAGE,
        ReportState.state == "awaiting",
        Decision.stage == _STAGE,
        *active_condition(),
    ),
)


def read_cards(
    session: ReadSession, review_id: int, stage: str, report_ids: Iterable[int]
) -> dict[int, CardState]:
    """Those of the reports that somebody must still decide, all as they are at one moment."""
    ids = list(report_ids)
    if not ids:
        return {}
    rows = execute_plain(
        session, _CARDS, {"ids": ids, "at": stage, "review": review_id, "now": now()}
    )
    cards: dict[int, CardState] = {}
    others = []
    for row in rows:
        if row[0] == 0:
            cards[row[1]] = CardState()
        else:
            others.append(row)
    for what, report_id, person_id, number, word, kind in others:
        if report_id not in cards:
            continue
        if what == 1:
            cards[report_id].slots[person_id] = number
        elif what == 3:
            cards[report_id].expired = True
        else:
            cards[report_id].lines.append(ActiveDecision(number, person_id, word, kind))
    for card in cards.values():
        card.lines.sort(key=lambda line: line.id)
    return cards


def lock_reports(session: WriteSession, report_ids: Iterable[int]) -> set[int]:
    """Lock reports until the transaction ends, and return them; SQLite has one writer anyway.

    The first call in a transaction waits for others, in the order of the ids. A later one leaves
    out what others have locked: two transactions that wait while they hold something could wait
    for each other.
    """
    ids = sorted(report_ids)
    if session.get_bind().dialect.name == "sqlite" or not ids:
        return set(ids)
    first = session.info.setdefault(_FIRST_LOCK, True)
    session.info[_FIRST_LOCK] = False
    query = select(Report.id).where(Report.id.in_(ids)).order_by(Report.id)
    # FOR NO KEY UPDATE, so that rows which only refer to the report can still be written.
    return set(session.scalars(query.with_for_update(key_share=True, skip_locked=not first)))


_OF_REVIEW = (
    Lease.review_id == bindparam("review"),
    Lease.stage == _STAGE,
)
_OWN = Lease.person_id == bindparam("person")
_LIVE = Lease.expires_at > bindparam("now", type_=Lease.expires_at.type)
_LEASES = select(Lease.report_id, case((_OWN, Lease.expires_at), else_=null())).where(
    *_OF_REVIEW, or_(_LIVE, _OWN)
)


def list_leases(
    session: ReadSession, review_id: int, person_id: int, stage: str
) -> tuple[dict[int, dt.datetime], Counter[int]]:
    """What a person holds, and what others do.

    Returns:
        The reports whose cards the person holds, and until when, expired leases included; and for
        each report, how many others hold its card.
    """
    values = {"review": review_id, "at": stage, "person": person_id, "now": now()}
    own: dict[int, dt.datetime] = {}
    others: Counter[int] = Counter()
    for report_id, until in execute_plain(session, _LEASES, values):
        if until is None:
            others[report_id] += 1
        else:
            own[report_id] = until
    return own, others


_FIRST_END = select(Lease.report_id, Lease.expires_at).where(
    *_OF_REVIEW, _LIVE, Lease.person_id != bindparam("person")
)


def list_ends(
    session: ReadSession, review_id: int, person_id: int, stage: str
) -> list[tuple[int, dt.datetime]]:
    """The reports whose cards others than a person hold, and until when."""
    values = {"review": review_id, "at": stage, "person": person_id, "now": now()}
    return [(row[0], row[1]) for row in execute_plain(session, _FIRST_END, values)]


@dataclass(frozen=True, slots=True)
class Holder:
    """A person who holds cards of a stage of a review, until a moment."""

    review_id: int
    person_id: int
    stage: str
    until: dt.datetime


_SAME_STAGE = (Lease.report_id.in_(_IDS), Lease.stage == _STAGE)
_RENEW = (
    update(Lease)
    .where(*_SAME_STAGE, _OWN)
    .values(expires_at=bindparam("until", type_=Lease.expires_at.type))
)
_DELETE_EXPIRED = delete(Lease).where(
    *_SAME_STAGE, Lease.expires_at <= bindparam("now", type_=Lease.expires_at.type)
)
_GIVE_BACK = delete(Lease).where(*_SAME_STAGE, _OWN)
_INSERT = insert(table_of(Lease))


def write_leases(
    session: WriteSession, holder: Holder, cards: Mapping[int, CardState], slots: Mapping[int, int]
) -> None:
    """Lease cards to a person; their reports are locked, and the slots are free.

    Args:
        session: a writing session.
        holder: who gets them.
        cards: as they were read under the lock.
        slots: by report, for those of the cards that the person gets.
    """
    values = {"at": holder.stage, "person": holder.person_id}
    renewed = [id_ for id_ in slots if holder.person_id in cards[id_].slots]
    if renewed:
        execute_plain(session, _RENEW, {**values, "ids": renewed, "until": holder.until})
    new = [id_ for id_ in slots if holder.person_id not in cards[id_].slots]
    expired = [id_ for id_ in new if cards[id_].expired]
    if expired:
        execute_plain(session, _DELETE_EXPIRED, {"at": holder.stage, "ids": expired, "now": now()})
    if not new:
        return
    execute_plain(
        session,
        _INSERT,
        [
            {
                "report_id": report_id,
                "stage": holder.stage,
                "slot": slots[report_id],
                "review_id": holder.review_id,
                "person_id": holder.person_id,
                "expires_at": holder.until,
            }
            for report_id in new
        ],
    )


def delete_leases(
    session: WriteSession, person_id: int, stage: str, report_ids: Sequence[int]
) -> None:
    """Give back a person's cards; their reports are locked."""
    values = {"at": stage, "person": person_id, "ids": list(report_ids)}
    execute_plain(session, _GIVE_BACK, values)
