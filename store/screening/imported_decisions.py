"""Decisions that imported files hold, by person and stage, as the files have them.

They never count and are never the basis of agreement, leases, plans or pilot rounds. What counts is
a decision of the kind *import*, made where the people of a file agree on titles and abstracts.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import insert, select

from store.core.chunks import CHUNK, batched
from store.core.session import ReadSession, WriteSession
from store.core.tables import (
    BatchEntry,
    ImportedDecision,
    ImportedPerson,
    RecordRow,
    Report,
    ReportState,
    now,
)
from store.reports.report_states import at_stage
from store.reviews.imported_people import person_name
from store.rules.agreed_decision import UNDECIDED
from store.rules.plans import FULL_TEXT


@dataclass(frozen=True, slots=True, kw_only=True)
class NewImported:
    """A decision of a file.

    Attributes:
        position: of its record in the file.
        person_id: who made it; None if the file names nobody.
        reasons: in the file's words.
        labels: what people put on the record.
    """

    position: int
    person_id: int | None
    stage: str
    decision: str
    reasons: Sequence[str] = ()
    labels: Sequence[str] = ()
    note: str | None = None
    decided_at: dt.datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportedInfo:
    """A decision of a file, as people read it.

    Attributes:
        person: the member that a lead mapped the person to, or else the name in the file; None if
            it names nobody.
        file: number of the file.
    """

    id: int
    report_id: int
    record_id: int
    file: int
    person: str | None
    stage: str
    decision: str
    reasons: tuple[str, ...]
    labels: tuple[str, ...]
    note: str | None
    decided_at: dt.datetime | None
    recorded_at: dt.datetime


def get_records_by_position(
    session: ReadSession, batch_id: int, positions: Sequence[int] | None = None
) -> dict[int, tuple[int, int]]:
    """Record and report by position in a file, for the entries that are records.

    Args:
        session: a reading session.
        batch_id: the file.
        positions: at most ``CHUNK`` places to look at; None for all.
    """
    query = (
        select(BatchEntry.position, RecordRow.id, RecordRow.report_id)
        .join(RecordRow, RecordRow.id == BatchEntry.record_id)
        .where(BatchEntry.batch_id == batch_id)
    )
    if positions is not None:
        query = query.where(BatchEntry.position.in_(positions))
    rows = session.execute(query)
    return {position: (record_id, report_id) for position, record_id, report_id in rows}


def add_imported(
    session: WriteSession, review_id: int, batch_id: int, new: Sequence[NewImported]
) -> int:
    """Store decisions of a file; one that the review has already is not stored again.

    Returns:
        How many are new.
    """
    records: dict[int, int] = {}
    for positions in batched({one.position for one in new}, CHUNK):
        found = get_records_by_position(session, batch_id, positions)
        records.update({at: ids[0] for at, ids in found.items()})
    made = [one for one in new if one.position in records]
    known = _list_known(session, {records[one.position] for one in made})
    values = []
    for one in made:
        key = (records[one.position], one.person_id, one.stage, one.decision)
        if key in known:
            continue
        known.add(key)
        values.append(
            {
                "review_id": review_id,
                "batch_id": batch_id,
                "record_id": records[one.position],
                "person_id": one.person_id,
                "stage": one.stage,
                "decision": one.decision,
                "reasons": list(one.reasons),
                "labels": list(one.labels),
                "note": one.note,
                "decided_at": one.decided_at,
                "recorded_at": now(),
            }
        )
    for part in batched(values, CHUNK):
        session.execute(insert(ImportedDecision), list(part))
    return len(values)


def _list_known(
    session: ReadSession, record_ids: set[int]
) -> set[tuple[int, int | None, str, str]]:
    known: set[tuple[int, int | None, str, str]] = set()
    for part in batched(record_ids, CHUNK):
        rows = session.execute(
            select(
                ImportedDecision.record_id,
                ImportedDecision.person_id,
                ImportedDecision.stage,
                ImportedDecision.decision,
            ).where(ImportedDecision.record_id.in_(part))
        )
        known.update((row[0], row[1], row[2], row[3]) for row in rows)
    return known


def list_imported(
    session: ReadSession,
    review_id: int,
    *,
    seen_by: int | None,
    report_id: int | None = None,
) -> list[ImportedInfo]:
    """The decisions of a review's files, in the order in which they were imported.

    Args:
        session: a reading session.
        review_id: the review.
        seen_by: who reads them. As with colleagues, nobody sees another person's decision on a
            report that awaits decisions; a member sees those of the people they are mapped to.
            None if no person reads them.
        report_id: only decisions on this report.
    """
    query = _imported_query().where(ImportedDecision.review_id == review_id)
    if seen_by is not None:
        own = select(ImportedPerson.person_id).where(ImportedPerson.mapped_to == seen_by)
        query = query.where(
            ReportState.state.not_in(UNDECIDED) | ImportedDecision.person_id.in_(own)
        )
    if report_id is not None:
        query = query.where(Report.id == report_id)
    return _list_infos(session, query)


def _imported_query() -> Any:
    return (
        select(ImportedDecision, person_name(ImportedDecision.person_id), RecordRow.report_id)
        .join(RecordRow, RecordRow.id == ImportedDecision.record_id)
        .join(Report, Report.id == RecordRow.report_id)
        .join(ReportState, at_stage())
        .order_by(ImportedDecision.id)
    )


def _list_infos(session: ReadSession, query: Any) -> list[ImportedInfo]:
    return [
        ImportedInfo(
            id=row.id,
            report_id=report,
            record_id=row.record_id,
            file=row.batch_id,
            person=name,
            stage=row.stage,
            decision=row.decision,
            reasons=tuple(row.reasons),
            labels=tuple(row.labels),
            note=row.note,
            decided_at=row.decided_at,
            recorded_at=row.recorded_at,
        )
        for row, name, report in session.execute(query)
    ]


def list_agreed_full_text(
    session: ReadSession, report_ids: Sequence[int]
) -> dict[int, ImportedInfo]:
    """The decision at full text that the people of files agree on, by report.

    Only of reports that need no more decisions on titles and abstracts. *maybe* waits, as it does
    for decisions made here.

    Args:
        session: a reading session.
        report_ids: the reports, a few hundred at most.
    """
    by_report: dict[int, list[ImportedInfo]] = {}
    query = _imported_query().where(
        RecordRow.report_id.in_(report_ids),
        ImportedDecision.stage == FULL_TEXT,
        ReportState.state.not_in(UNDECIDED),
    )
    for one in _list_infos(session, query):
        by_report.setdefault(one.report_id, []).append(one)
    return {
        report_id: made[0]
        for report_id, made in by_report.items()
        if len({one.decision for one in made}) == 1 and made[0].decision != "maybe"
    }


def match_reasons(protocol_reasons: Mapping[str, str], given: Iterable[str]) -> tuple[str, ...]:
    """A file's reasons as keys of the protocol's where their texts are the same; others stay."""
    keys = {text.strip().casefold(): key for key, text in protocol_reasons.items()}
    keys.update({key.casefold(): key for key in protocol_reasons})
    return tuple(dict.fromkeys(keys.get(text.strip().casefold(), text) for text in given))
