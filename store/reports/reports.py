"""Reports as groups of records: which records they have, and how records move between them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import BindParameter, Select, bindparam, delete, select, update

from store.core.chunks import CHUNK, batched
from store.core.new_rows import table_of
from store.core.session import ReadSession, WriteSession, execute_plain
from store.core.tables import Lease, RecordRow, Report, Review
from store.reports import limits, screening_state
from store.rules.plans import TITLE_ABSTRACT

# Built once: building a statement takes longer than running it.
_IDS: BindParameter[Any] = bindparam("ids", expanding=True)
_GROUPED: Final = select(
    RecordRow.id, RecordRow.report_id, RecordRow.own_report_id, RecordRow.active
).where(RecordRow.report_id.in_(_IDS))
_REPORT_OF: Final = select(RecordRow.id, RecordRow.report_id).where(RecordRow.id.in_(_IDS))
_MOVE: Final = (
    update(table_of(RecordRow))
    .where(RecordRow.id == bindparam("moved"))
    .values(report_id=bindparam("to"))
)
_REPORTS: Final = select(Report).where(Report.id.in_(_IDS)).order_by(Report.id)
_LOCKED: Final = (
    select(Report.id, Report.review_id)
    .where(Report.id.in_(_IDS))
    .order_by(Report.id)
    .with_for_update()
)
_ACTIVE: Final = select(RecordRow.id).where(RecordRow.id.in_(_IDS), RecordRow.active.is_(True))
_RELEASE: Final = delete(table_of(Lease)).where(Lease.report_id.in_(_IDS))


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupedRecord:
    """A record and the report that it is in.

    Attributes:
        own_report_id: the report that was created with the record.
        active: whether the record counts.
    """

    record_id: int
    report_id: int
    own_report_id: int
    active: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportChange:
    """A report whose records have changed.

    Attributes:
        report_id: the report.
        joined: ids of records that were added.
        left: ids of records that were removed.
        decision_before: id of the decision that counted before; None if the report was not settled.
        decision: id of the decision that counts now; None if it is not settled.
        shown: whether readers see a different report, because an active record joined or left.
    """

    report_id: int
    joined: tuple[int, ...]
    left: tuple[int, ...]
    decision_before: int | None
    decision: int | None
    shown: bool


def list_active_reports(session: ReadSession, review_id: int) -> list[int]:
    """Ids of the reports that have an active record."""
    return list(
        session.scalars(
            select(Report.id).where(Report.review_id == review_id, Report.active.is_(True))
        )
    )


def list_next_active_reports(
    session: ReadSession, review_id: int, *, after: int, limit: int
) -> list[int]:
    """Ids of the next reports that have an active record, in the order in which they arrived.

    Args:
        session: a reading session.
        review_id: the review.
        after: the last id that was read before; 0 at first.
        limit: how many are read.
    """
    query = (
        select(Report.id)
        # Read in the order of ids: SQLite would sort all reports of the review each time.
        .where(Report.id > after, Report.review_id + 0 == review_id, Report.active.is_(True))
        .order_by(Report.id)
        .limit(limit)
    )
    return list(session.scalars(query))


def list_grouped_records(session: ReadSession, report_ids: Iterable[int]) -> list[GroupedRecord]:
    """All records of some reports, by record id."""
    records: list[GroupedRecord] = []
    for part in batched(set(report_ids), CHUNK):
        rows = session.execute(_GROUPED, {"ids": part})
        records.extend(
            GroupedRecord(
                record_id=record_id,
                report_id=report_id,
                own_report_id=own_report_id or report_id,
                active=active,
            )
            for record_id, report_id, own_report_id, active in rows
        )
    return sorted(records, key=lambda record: record.record_id)


def get_report_by_record(session: ReadSession, record_ids: Iterable[int]) -> dict[int, int]:
    """The report id of each record."""
    report_ids: dict[int, int] = {}
    for part in batched(set(record_ids), CHUNK):
        rows = session.execute(_REPORT_OF, {"ids": part})
        report_ids.update({row[0]: row[1] for row in rows})
    return report_ids


def lock_reports(session: WriteSession, report_ids: Select[int] | Collection[int]) -> None:
    """Lock reports whose records are about to change, by id, as the dealing of cards does.

    The triggers that count records lock reports in any order. SQLite has one writer anyway.
    """
    if session.get_bind().dialect.name == "sqlite":
        return
    query = select(Report.id).order_by(Report.id).with_for_update(key_share=True)
    if isinstance(report_ids, Select):
        session.scalars(query.where(Report.id.in_(report_ids))).all()
        return
    for part in batched(sorted(report_ids), CHUNK):
        session.scalars(query.where(Report.id.in_(part))).all()


def assign_records(
    session: WriteSession,
    groups: Sequence[Sequence[int]],
    records: Mapping[int, GroupedRecord],
) -> list[ReportChange]:
    """Move records into one report per group; decisions move with their records.

    A group becomes the report that was created with its oldest record. So the same groups always
    get the same report ids, whatever happened in between.

    Args:
        session: a writing session.
        groups: record ids, each in exactly one group; either all records of a report or none.
        records: the same records by id, from ``list_grouped_records``.
    """
    before: dict[int, set[int]] = defaultdict(set)
    after: dict[int, set[int]] = defaultdict(set)
    for record in records.values():
        before[record.report_id].add(record.record_id)
    moves: list[dict[str, int]] = []
    for group in groups:
        report_id = records[min(group)].own_report_id
        after[report_id].update(group)
        moves.extend(
            {"moved": record_id, "to": report_id}
            for record_id in group
            if records[record_id].report_id != report_id
        )
    if not moves:
        return []
    lock_reports(session, before.keys() | after.keys())
    execute_plain(session, _MOVE, moves)
    changed = sorted(
        report_id
        for report_id in before.keys() | after.keys()
        if before[report_id] != after[report_id]
    )
    changes = _update_reports(session, changed, before, after)
    if any(change.shown for change in changes):
        review_id = select(Report.review_id).where(Report.id == changes[0].report_id)
        session.execute(
            update(Review)
            .where(Review.id == review_id.scalar_subquery())
            # Rounds, assignments and rescreens follow the records.
            .values(regrouped=Review.regrouped + 1, rule_changes=Review.rule_changes + 1)
        )
    return changes


def _update_reports(
    session: WriteSession,
    report_ids: Sequence[int],
    before: Mapping[int, set[int]],
    after: Mapping[int, set[int]],
) -> list[ReportChange]:
    """Update what is derived for changed reports: whether they count, and which decision counts."""
    touched = {
        record_id for report_id in report_ids for record_id in before[report_id] | after[report_id]
    }
    active = _find_active_records(session, touched)
    changes: list[ReportChange] = []
    for part in batched(report_ids, CHUNK):
        review_id = execute_plain(session, _LOCKED, {"ids": part}).all()[0][1]
        decided_before, decided = _update_states(session, review_id, part)
        limits.refresh_reports(session, review_id, part)
        for report_id in part:
            joined = after[report_id] - before[report_id]
            left = before[report_id] - after[report_id]
            changes.append(
                ReportChange(
                    report_id=report_id,
                    joined=tuple(sorted(joined)),
                    left=tuple(sorted(left)),
                    decision_before=decided_before.get(report_id),
                    decision=decided.get(report_id),
                    shown=not active.isdisjoint(joined | left),
                )
            )
        # Nobody goes on with a card whose report now looks different.
        changed = {change.report_id for change in changes if change.shown} & set(part)
        execute_plain(session, _RELEASE, {"ids": changed})
    session.flush()
    return sorted(changes, key=lambda change: change.report_id)


def _update_states(
    session: WriteSession, review_id: int, report_ids: Sequence[int]
) -> tuple[dict[int, int], dict[int, int]]:
    """Update the states of locked reports; gives the decisions that counted before, and now."""
    stages = screening_state.list_stages(session, review_id)
    open_ids: set[int] = set()
    if stages == [TITLE_ABSTRACT]:
        # Most reports that are grouped have just come, and nobody has decided anything.
        open_ids = screening_state.touch_undecided(session, review_id, report_ids)
    others = [report_id for report_id in report_ids if report_id not in open_ids]
    if not others:
        return {}, {}
    rows = session.scalars(_REPORTS, {"ids": others}).all()
    decided_before = screening_state.get_counting_ids(session, others)
    for stage in stages:
        required = screening_state.get_required_decisions(session, review_id, stage)
        screening_state.update_states(session, rows, required)
    return decided_before, screening_state.get_counting_ids(session, others)


def _find_active_records(session: ReadSession, record_ids: Iterable[int]) -> set[int]:
    active: set[int] = set()
    for part in batched(record_ids, CHUNK):
        active.update(execute_plain(session, _ACTIVE, {"ids": part}).scalars())
    return active
