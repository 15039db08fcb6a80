"""Reports as groups of records: who is in them, and the moves when pairs change."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import delete, select, update

from store import outcomes
from store.chunks import CHUNK, batched
from store.session import ReadSession, WriteSession
from store.tables import Lease, RecordRow, Report, Review


@dataclass(frozen=True, slots=True)
class Member:
    """A record and the report that it is in; ``own`` is the one that came with it."""

    record_id: int
    report_id: int
    own: int
    active: bool


@dataclass(frozen=True, slots=True)
class Change:
    """A report that consists of other records than before.

    Attributes:
        report_id: the report.
        joined: records that came.
        left: records that went.
        decision_before: the decision that counted, or None.
        decision: the decision that counts now, or None.
        shown: whether a record that counts joined or left, so that readers see another report.
    """

    report_id: int
    joined: tuple[int, ...]
    left: tuple[int, ...]
    decision_before: int | None
    decision: int | None
    shown: bool


def members(session: ReadSession, report_ids: Iterable[int]) -> list[Member]:
    """All records of reports, by id."""
    found: list[Member] = []
    for part in batched(set(report_ids), CHUNK):
        rows = session.execute(
            select(
                RecordRow.id, RecordRow.report_id, RecordRow.own_report_id, RecordRow.active
            ).where(RecordRow.report_id.in_(part))
        )
        found.extend(
            Member(record_id, report_id, own or report_id, active)
            for record_id, report_id, own, active in rows
        )
    return sorted(found, key=lambda member: member.record_id)


def reports_of(session: ReadSession, record_ids: Iterable[int]) -> dict[int, int]:
    """The report of each record."""
    found: dict[int, int] = {}
    for part in batched(set(record_ids), CHUNK):
        rows = session.execute(
            select(RecordRow.id, RecordRow.report_id).where(RecordRow.id.in_(part))
        )
        found.update({row[0]: row[1] for row in rows})
    return found


def assign(
    session: WriteSession, groups: Sequence[Sequence[int]], held: Mapping[int, Member]
) -> list[Change]:
    """Put records into the reports that their groups are; decisions go with their records.

    A group's report is the one that came with its oldest record, so the same groups always have
    the same ids, whatever lay between.

    Args:
        session: a transaction that writes.
        groups: record ids, each in one group; of a report all records are given or none.
        held: the records as ``members`` gave them.
    """
    before: dict[int, set[int]] = defaultdict(set)
    after: dict[int, set[int]] = defaultdict(set)
    for member in held.values():
        before[member.report_id].add(member.record_id)
    moves: list[dict[str, int]] = []
    for group in groups:
        report_id = held[min(group)].own
        after[report_id].update(group)
        moves.extend(
            {"id": record_id, "report_id": report_id}
            for record_id in group
            if held[record_id].report_id != report_id
        )
    if not moves:
        return []
    session.execute(update(RecordRow), moves)
    changed = sorted(
        report_id
        for report_id in before.keys() | after.keys()
        if before[report_id] != after[report_id]
    )
    changes = _settle(session, changed, before, after)
    if any(change.shown for change in changes):
        mine = select(Report.review_id).where(Report.id == changes[0].report_id)
        session.execute(
            update(Review)
            .where(Review.id == mine.scalar_subquery())
            .values(regrouped=Review.regrouped + 1)
        )
    return changes


def _settle(
    session: WriteSession,
    report_ids: Sequence[int],
    before: Mapping[int, set[int]],
    after: Mapping[int, set[int]],
) -> list[Change]:
    """Set what is derived of changed reports: whether they count, and the decision that counts."""
    records = {record_id for report_id in report_ids for record_id in after[report_id]}
    live: set[int] = set()
    for part in batched(records, CHUNK):
        live.update(
            session.scalars(
                select(RecordRow.id).where(RecordRow.id.in_(part), RecordRow.active.is_(True))
            )
        )
    moved = {
        number for each in report_ids for number in before[each].symmetric_difference(after[each])
    }
    for part in batched(moved - records, CHUNK):
        live.update(
            session.scalars(
                select(RecordRow.id).where(RecordRow.id.in_(part), RecordRow.active.is_(True))
            )
        )
    changes = []
    asked = None
    for part in batched(report_ids, CHUNK):
        rows = session.scalars(select(Report).where(Report.id.in_(part)).with_for_update()).all()
        if asked is None:
            asked = outcomes.asked_of(session, rows[0].review_id)
        counted = {row.id: row.decision_id for row in rows}
        outcomes.settle(session, rows, asked)
        for row in rows:
            now = after[row.id]
            was = counted[row.id]
            row.active = not now.isdisjoint(live)
            shown = not live.isdisjoint(now.symmetric_difference(before[row.id]))
            changes.append(
                Change(
                    row.id,
                    tuple(sorted(now - before[row.id])),
                    tuple(sorted(before[row.id] - now)),
                    was,
                    row.decision_id,
                    shown,
                )
            )
        # A card of a report that has changed is dealt anew.
        dealt = {change.report_id for change in changes if change.shown} & set(part)
        session.execute(delete(Lease).where(Lease.report_id.in_(dealt)))
    session.flush()
    return sorted(changes, key=lambda change: change.report_id)
