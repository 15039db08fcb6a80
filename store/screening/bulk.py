"""Bulk actions: one decision or tag on every record of a filtered list, undone as one.

A bulk decision is one person's decision on each record: if two people decide a record, another one
still has to. Records that the person has decided, that are settled, or that are in an open pilot
round are left alone.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import delete, or_, select

from store.core import audit
from store.core.chunks import CHUNK, batched
from store.core.errors import Conflict, NotAllowed, NotFound
from store.core.session import ReadSession, WriteSession
from store.core.tables import (
    Bulk,
    BulkDecision,
    Decision,
    Identity,
    Lease,
    Mark,
    RecordRow,
    Report,
    ReportState,
    now,
)
from store.reports import marks, record_listing, records, screening_state
from store.reports.marks import NewMark
from store.reports.record_listing import RecordFilter
from store.reports.report_states import at_stage, is_undecided
from store.reports.screening_state import RequiredDecisions, not_undone
from store.reviews import members, reviews
from store.rules import questions
from store.rules import reasons as exclusion
from store.rules.agreed_decision import UNDECIDED, get_own_decisions
from store.rules.plans import TITLE_ABSTRACT
from store.rules.roles import LEADS
from store.screening.decisions import DECISIONS

_MOST = 50_000


@dataclass(frozen=True, slots=True, kw_only=True)
class BulkAction:
    """What is done to every record of a list.

    Attributes:
        kind: ``decide`` or ``tag``.
        value: the decision, or the tag.
        note: for a decision, why so many are decided at once.
        reasons: for excludes, keys of the protocol's reasons.
    """

    kind: str
    value: str
    note: str | None = None
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class BulkInfo:
    """A bulk action; ``passed_over`` counts the records of the list that it left alone."""

    id: int
    action: str
    value: str
    note: str | None
    reasons: tuple[str, ...]
    picked: Mapping[str, Any]
    reports: int
    passed_over: int
    person: str | None
    person_id: int
    made_at: dt.datetime
    undone_at: dt.datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class BulkRequest:
    """A bulk action, and the records it is for.

    Attributes:
        filters: the records; those that do not count are left out.
        token: chosen by the client: sent twice, the action is done once.
        expected: how many records the person saw listed; None if they saw no list.
        stage: the stage that is screened.
    """

    filters: RecordFilter
    action: BulkAction
    token: str
    expected: int | None = None
    stage: str = TITLE_ABSTRACT


def apply_action(
    session: WriteSession, review_id: int, person_id: int, request: BulkRequest
) -> tuple[int, bool]:
    """Decide or tag every record that a filter finds.

    Returns:
        The action's id, and whether it was done now; False if the token was used before.

    Raises:
        NotAllowed: only leads decide in bulk; any reviewer may tag.
        Conflict: the list has changed since the person saw it, or nothing on it can be changed.
        ValueError: the decision, tag, reasons or note are wrong.
    """
    action, token = request.action, request.token
    reviews.lock_review(session, review_id)
    members.require_role(
        session, review_id, person_id, "lead" if action.kind == "decide" else "screen"
    )
    earlier = session.scalars(
        select(Bulk).where(Bulk.review_id == review_id, Bulk.token == token)
    ).first()
    if earlier is not None:
        same = (earlier.action, earlier.value, earlier.person_id)
        if same != (action.kind, action.value, person_id):
            raise Conflict(f"token {token!r} was used for another action")
        return earlier.id, False
    report_ids = _list_reports(session, review_id, request)
    row = Bulk(
        review_id=review_id,
        stage=request.stage,
        action=action.kind,
        value=_validate(session, review_id, action, request.stage),
        note=action.note,
        reasons=list(action.reasons),
        picked={key: value for key, value in asdict(request.filters).items() if value},
        reports=0,
        passed_over=0,
        token=token,
        person_id=person_id,
        made_at=now(),
    )
    session.add(row)
    session.flush()
    if action.kind == "tag":
        n_done = len(
            marks.add_marks(
                session, review_id, person_id, report_ids, NewMark("tag", row.value, row.id)
            )
        )
    else:
        n_done = _decide(session, row, report_ids)
    if not n_done:
        raise Conflict("no record on this list can be changed in this way")
    row.reports, row.passed_over = n_done, len(report_ids) - n_done
    session.flush()
    audit.append_event(
        session,
        "bulk.done",
        review_id=review_id,
        person_id=person_id,
        # The decision is left out: others who still decide these records read the trail.
        detail={"bulk": row.id, "action": row.action, "records": n_done},
    )
    return row.id, True


def _list_reports(session: ReadSession, review_id: int, request: BulkRequest) -> list[int]:
    """The reports that the filter finds.

    Raises:
        Conflict: they are not as many as the person saw, or too many.
    """
    report_ids = record_listing.find_matching_reports(session, review_id, request.filters)
    if request.expected not in (None, len(report_ids)):
        raise Conflict(
            f"the list now has {len(report_ids):,} records, not the {request.expected:,} that you "
            "saw; look at it again"
        )
    if len(report_ids) > _MOST:
        raise Conflict(f"{len(report_ids):,} records are too many at once; narrow the list")
    return report_ids


def _validate(session: ReadSession, review_id: int, action: BulkAction, stage: str) -> str:
    """The value of an action.

    Raises:
        ValueError: the action cannot be done.
    """
    if action.kind == "tag":
        return marks.validate_mark("tag", action.value)
    if action.kind != "decide":
        raise ValueError(f"a bulk action must be decide or tag, not {action.kind!r}")
    if action.value not in DECISIONS:
        raise ValueError(f"decision must be one of {', '.join(DECISIONS)}, not {action.value!r}")
    if not (action.note or "").strip():
        raise ValueError("say why so many are decided at once; the screening report will quote it")
    body = reviews.get_protocol(session, review_id).body
    exclusion.validate_reasons(body, action.value, action.reasons, stage=stage)
    if action.value == "include" and questions.requires_questions(body):
        raise ValueError("an include must name its question, so includes cannot be made in bulk")
    return action.value


def _decide(session: WriteSession, bulk: Bulk, report_ids: Sequence[int]) -> int:
    """Decide the reports that can be decided; gives how many that is."""
    required = screening_state.get_required_decisions(session, bulk.review_id, bulk.stage)
    in_pilots = {report_id for report_id, people in required.pilots.items() if people is not None}
    version = reviews.get_protocol(session, bulk.review_id).version
    n_decided = 0
    for chunk in batched([id_ for id_ in report_ids if id_ not in in_pilots], CHUNK):
        rows = session.scalars(
            select(Report)
            .outerjoin(ReportState, at_stage(bulk.stage))
            .where(Report.id.in_(chunk), is_undecided())
            .order_by(Report.id)
            .with_for_update(of=Report)
            .execution_options(populate_existing=True)
        ).all()
        lines = screening_state.list_active_decisions(session, [row.id for row in rows], bulk.stage)
        open_to_person = [
            row for row in rows if bulk.person_id not in get_own_decisions(lines.get(row.id, []))
        ]
        shown = records.get_representatives(
            session, bulk.review_id, [row.id for row in open_to_person]
        )
        decisions = [
            Decision(
                review_id=bulk.review_id,
                report_id=row.id,
                record_id=shown[row.id].id,
                text_hash=shown[row.id].text_hash,
                with_abstract=shown[row.id].record.abstract is not None,
                person_id=bulk.person_id,
                stage=bulk.stage,
                decision=bulk.value,
                note=bulk.note,
                protocol_version=version,
                token=f"bulk {bulk.id} {row.id}",
                reasons=bulk.reasons,
                recorded_at=now(),
            )
            for row in open_to_person
        ]
        session.add_all(decisions)
        session.flush()
        session.add_all(
            BulkDecision(bulk_id=bulk.id, decision_id=decision.id) for decision in decisions
        )
        session.flush()
        _update_reports(session, open_to_person, required, bulk.stage)
        n_decided += len(decisions)
    if n_decided:
        reviews.request_ranking(session, bulk.review_id)
    return n_decided


def _update_reports(
    session: WriteSession, rows: Sequence[Report], required: RequiredDecisions, stage: str
) -> None:
    """Update reports after decisions on them, and give back cards that nobody needs any more."""
    states = screening_state.update_states(session, rows, required)
    settled = [id_ for id_, row in states.items() if row.state not in UNDECIDED]
    session.execute(delete(Lease).where(Lease.report_id.in_(settled), Lease.stage == stage))


def undo_action(session: WriteSession, review_id: int, person_id: int, bulk_id: int) -> int:
    """Undo a bulk action as one; decisions that were undone singly stay undone.

    Returns:
        On how many records it was undone.

    Raises:
        NotFound: the review has no such action.
        NotAllowed: it is another person's, and this one is no lead.
        Conflict: it was undone before.
    """
    reviews.lock_review(session, review_id)
    role = members.require_role(session, review_id, person_id, "screen")
    row = session.get(Bulk, bulk_id)
    if row is None or row.review_id != review_id:
        raise NotFound(f"there is no bulk action {bulk_id} in this review")
    if row.person_id != person_id and role not in LEADS:
        raise NotAllowed("Only the person who did a bulk action, or a lead, can undo it.")
    if row.undone_at is not None:
        raise Conflict("this bulk action has already been undone")
    n_undone = (
        marks.remove_bulk_marks(session, bulk_id)
        if row.action == "tag"
        else _undo(session, row, person_id)
    )
    row.undone_at, row.undone_by = now(), person_id
    session.flush()
    audit.append_event(
        session,
        "bulk.undone",
        review_id=review_id,
        person_id=person_id,
        detail={"bulk": bulk_id, "records": n_undone},
    )
    return n_undone


def _undo(session: WriteSession, bulk: Bulk, person_id: int) -> int:
    required = screening_state.get_required_decisions(session, bulk.review_id, bulk.stage)
    version = reviews.get_protocol(session, bulk.review_id).version
    targets = session.scalars(
        select(Decision)
        .join(BulkDecision, BulkDecision.decision_id == Decision.id)
        .where(BulkDecision.bulk_id == bulk.id, not_undone())
        .order_by(Decision.id)
    ).all()
    for chunk in batched(targets, CHUNK):
        session.add_all(
            Decision(
                review_id=bulk.review_id,
                report_id=target.report_id,
                record_id=target.record_id,
                person_id=person_id,
                stage=bulk.stage,
                decision="undo",
                protocol_version=version,
                token=f"undo bulk {bulk.id} {target.id}",
                supersedes=target.id,
                recorded_at=now(),
            )
            for target in chunk
        )
        session.flush()
        ids = records.find_reports_of_records(session, [target.record_id or 0 for target in chunk])
        rows = session.scalars(
            select(Report)
            .where(Report.id.in_(ids))
            .order_by(Report.id)
            .with_for_update()
            .execution_options(populate_existing=True)
        ).all()
        _update_reports(session, rows, required, bulk.stage)
    if targets:
        reviews.request_ranking(session, bulk.review_id)
    return len(targets)


def list_actions(session: ReadSession, review_id: int, *, seen_by: int) -> list[BulkInfo]:
    """Bulk actions, oldest first, undone ones included.

    Other people's actions are left out until all their records are decided, because they would
    show what these people decided.
    """
    open_decisions = (
        select(BulkDecision.bulk_id)
        .join(Decision, Decision.id == BulkDecision.decision_id)
        .join(RecordRow, RecordRow.id == Decision.record_id)
        .join(Report, Report.id == RecordRow.report_id)
        .outerjoin(ReportState, at_stage(Bulk.stage))
        .where(BulkDecision.bulk_id == Bulk.id, is_undecided())
    )
    open_tags = (
        select(Mark.id)
        .join(RecordRow, RecordRow.id == Mark.record_id)
        .join(Report, Report.id == RecordRow.report_id)
        .join(ReportState, at_stage())
        .where(Mark.bulk_id == Bulk.id, is_undecided())
    )
    rows = session.execute(
        select(Bulk, Identity.name)
        .outerjoin(Identity, Identity.person_id == Bulk.person_id)
        .where(
            Bulk.review_id == review_id,
            or_(Bulk.person_id == seen_by, ~or_(open_decisions.exists(), open_tags.exists())),
        )
        .order_by(Bulk.id)
    )
    return [
        BulkInfo(
            row.id,
            row.action,
            row.value,
            row.note,
            tuple(row.reasons),
            row.picked,
            row.reports,
            row.passed_over,
            name,
            row.person_id,
            row.made_at,
            row.undone_at,
        )
        for row, name in rows
    ]
