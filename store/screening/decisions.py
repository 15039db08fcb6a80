"""Decisions on reports: recorded and undone by appending, never changed."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import bindparam, delete, literal, select
from sqlalchemy.exc import IntegrityError

from store.core.errors import Conflict, NotFound
from store.core.session import ReadSession, WriteSession, execute_plain
from store.core.tables import (
    Batch,
    BatchEntry,
    Decision,
    Lease,
    Ranking,
    RecordRow,
    Report,
    ReportState,
    now,
)
from store.reports import records, screening_state
from store.reports.records import record_from_row
from store.reports.representative import compose_record, hash_text
from store.reports.screening_state import RequiredDecisions, StateChange
from store.reviews import members, reviews, screeners
from store.reviews.imported_people import person_name
from store.rules import questions, reasons
from store.rules.agreed_decision import IMPORT, LOOK, OWN, ActiveDecision, get_own_decisions
from store.rules.plans import TITLE_ABSTRACT
from store.screening import decided_reports, decision_log

DECISIONS = ("include", "exclude", "maybe")


@dataclass(frozen=True, slots=True)
class NewDecision:
    """A decision as a client sends it.

    Attributes:
        token: chosen by the client: sent twice, the decision is stored once.
        text_hash: of the title and abstract that the client showed; None for those stored now.
        kind: see ``agreed_decision``; conflicts are settled by ``conflicts`` alone.
        reasons: keys of the protocol's reasons for exclusion.
        questions: keys of the protocol's questions that it is included for.
        replaces: the counting decision of somebody else that the person has seen and replaces.
        made_by: who made it, for one of the kind *import* whose file names somebody: an id of
            ``imported_people``. None for the person who sends it.
    """

    token: str
    report_id: int
    decision: str
    stage: str = TITLE_ABSTRACT
    note: str | None = None
    ranking_id: int | None = None
    place: int | None = None
    shown_at: dt.datetime | None = None
    decided_at: dt.datetime | None = None
    text_hash: str | None = None
    kind: str = OWN
    reasons: tuple[str, ...] = ()
    questions: tuple[str, ...] = ()
    replaces: int | None = None
    made_by: int | None = None


def record_decision(
    session: WriteSession, review_id: int, person_id: int, new: NewDecision
) -> tuple[int, bool]:
    """Append a decision; if one person decides a report, the latest decision counts.

    A decision at one stage leaves the report's state at another as it is.

    Returns:
        The decision's id, and whether it was stored now (False: the token was seen before).

    Raises:
        NotFound: the review has no such report, or no such ranking.
        NotAllowed: the person does not screen this review, or no longer does.
        Conflict: the token was used for another report, decision or person; or the report waits
            in the pool, or others have decided it, see ``_refuse_unseen``.
        ValueError: the decision is not one of ``DECISIONS``, its reasons or questions are wrong, or
            it is another person's and not from a file.
    """
    if new.decision not in DECISIONS:
        raise ValueError(f"decision must be one of {', '.join(DECISIONS)}, not {new.decision!r}")
    if new.made_by is not None and new.kind != IMPORT:
        raise ValueError("only a decision of an imported file can be another person's")
    # Grouping takes this lock too, so the record stays in its report until we commit.
    reviews.lock_review(session, review_id)
    if new.kind in (OWN, LOOK):
        screeners.require_screener(session, review_id, person_id)
    else:
        members.require_role(session, review_id, person_id, "screen")
    person_id = new.made_by or person_id
    row = decided_reports.lock_report(session, review_id, new.report_id)
    earlier = find_repeated(session, row, person_id, new)
    if earlier is not None:
        return earlier.id, False
    if not (row.active or row.out_of_range) and _in_pool(session, row.id):
        raise Conflict(
            f"report {row.id} is still among the incoming records; let them in before screening it"
        )
    protocol = reviews.get_protocol(session, review_id)
    required = screening_state.get_required_decisions(
        session, review_id, new.stage, body=protocol.body
    )
    lines = screening_state.list_active_decisions(session, [row.id], new.stage).get(row.id, [])
    if new.kind == OWN:
        _refuse_unseen(session, row, person_id, new, (required, lines))
    if new.ranking_id is not None and not _has_ranking(session, review_id, new.ranking_id):
        raise NotFound(f"there is no ranking {new.ranking_id} in this review")
    shown, text, with_abstract = get_shown_record(session, new.report_id, row.id)
    exclude_reasons, include_questions = _validate_grounds(protocol.body, new)
    decision = Decision(
        review_id=review_id,
        report_id=row.id,
        record_id=shown,
        text_hash=new.text_hash or text,
        # If another text was shown, we do not know whether it had an abstract.
        with_abstract=with_abstract if new.text_hash in (None, text) else None,
        person_id=person_id,
        stage=new.stage,
        decision=new.decision,
        note=new.note,
        protocol_version=protocol.version,
        token=new.token,
        supersedes=_find_superseded(person_id, required, lines),
        kind=new.kind,
        reasons=exclude_reasons,
        questions=include_questions,
        ranking_id=new.ranking_id,
        place=new.place,
        shown_at=new.shown_at,
        decided_at=new.decided_at,
        recorded_at=now(),
    )
    append_decision(session, decision)
    state = update_report(session, row, required)
    leases = _DELETE_OWN_LEASE if state.state == "awaiting" else _DELETE_LEASES
    values = {"report": row.id, "at": new.stage}
    if state.state == "awaiting":
        values["person"] = person_id
    execute_plain(session, leases, values)
    return decision.id, True


_DELETE_LEASES = delete(Lease).where(
    Lease.report_id == bindparam("report"), Lease.stage == bindparam("at")
)
_DELETE_OWN_LEASE = _DELETE_LEASES.where(Lease.person_id == bindparam("person"))
_RANKING = select(Ranking.id).where(
    Ranking.id == bindparam("ranking"), Ranking.review_id == bindparam("review")
)


def _has_ranking(session: ReadSession, review_id: int, ranking_id: int) -> bool:
    values = {"review": review_id, "ranking": ranking_id}
    return execute_plain(session, _RANKING, values).first() is not None


# The decision that counts on a report, who made it, and what it says.
_COUNTING = (
    select(Decision.id, Decision.person_id, Decision.decision)
    .join(ReportState, ReportState.decision_id == Decision.id)
    .where(ReportState.report_id == bindparam("report"), ReportState.stage == bindparam("at"))
)


def _refuse_unseen(
    session: ReadSession,
    row: Report,
    person_id: int,
    new: NewDecision,
    known: tuple[RequiredDecisions, Sequence[ActiveDecision]],
) -> None:
    """Refuse a decision over another person's, unless it names the one that it replaces.

    A card may come back late: its lease has ended, and somebody else has decided the record. On a
    record that several people decide, a person may always correct their own decision.

    Raises:
        Conflict: the report is settled, and the person has not seen by which decision.
    """
    values = {"report": row.id, "at": new.stage}
    counting = execute_plain(session, _COUNTING, values).first()
    if counting is None:
        return
    counting_id, made_by, word = counting
    if new.replaces == counting_id or made_by == person_id:
        return
    required, lines = known
    alone = required.count_needed(row.id, lines) <= 1
    if not alone and person_id in get_own_decisions(lines):
        return
    name = session.scalar(select(person_name(literal(made_by))))
    raise Conflict(
        f"{name or 'somebody'} has decided this record in the meantime ({word}), so "
        "your decision was not stored; to change theirs, open the record"
    )


def find_repeated(
    session: ReadSession, row: Report, person_id: int, new: NewDecision
) -> decided_reports.StoredLine | None:
    """The decision that this client stored with the same token; None if the token is new.

    Raises:
        Conflict: the token was used for another report, decision or person.
    """
    earlier = decided_reports.find_decision_by_token(session, row.review_id, new.token)
    if earlier is None:
        return None
    sent = (earlier.report_id, earlier.decision, earlier.person_id)
    if sent != (row.id, new.decision, person_id):
        raise Conflict(f"token {new.token!r} was used for another decision")
    return earlier


def _validate_grounds(protocol: Mapping[str, Any], new: NewDecision) -> tuple[list[str], list[str]]:
    """The reasons and questions of a decision; only a person's own must follow the protocol.

    Raises:
        ValueError: they are wrong.
    """
    if new.kind not in (OWN, LOOK):
        return list(new.reasons), list(new.questions)
    return (
        reasons.validate_reasons(protocol, new.decision, list(new.reasons), stage=new.stage),
        questions.validate_questions(
            protocol, new.decision, list(new.questions), required=new.kind == OWN
        ),
    )


def _find_superseded(
    person_id: int, required: RequiredDecisions, lines: Sequence[ActiveDecision]
) -> int | None:
    """The decision that a new one replaces; None if there is none.

    If one person decides every report, that is the latest, which counts.
    """
    if required.single:
        return lines[-1].id if lines else None
    own = get_own_decisions(lines)
    return own[person_id].id if person_id in own else None


def update_report(session: WriteSession, row: Report, required: RequiredDecisions) -> StateChange:
    """Update a report's state after a decision, and ask for a ranking if its labels change.

    Only decisions on titles and abstracts are labels.

    Returns:
        The state at the stage of the decision.
    """
    state = screening_state.update_states(session, [row], required)[row.id]
    moved = state.decision_id != state.decision_before or required.learn_all
    if required.stage == TITLE_ABSTRACT and moved:
        reviews.request_ranking(session, row.review_id)
    return state


def _in_pool(session: ReadSession, report_id: int) -> bool:
    """Whether a file or page in the pool has a report."""
    record_id = session.scalar(
        select(BatchEntry.record_id)
        .join(Batch, Batch.id == BatchEntry.batch_id)
        .join(RecordRow, RecordRow.id == BatchEntry.record_id)
        .where(RecordRow.report_id == report_id, Batch.pooled.is_(True))
        .limit(1)
    )
    return record_id is not None


def get_shown_record(session: ReadSession, card: int, report_id: int) -> tuple[int, str, bool]:
    """The record behind a card, the hash of the report's text, and whether it has an abstract."""
    rows = records.list_record_rows(session, report_id)
    live = [row for row in rows if row.shown] or list(rows)
    composed, _ = compose_record({row.id: record_from_row(row) for row in live})
    # A card dealt before its report was merged showed the record that the report then had.
    own = next((row.id for row in rows if card != report_id and row.own_report_id == card), None)
    text = hash_text(composed.title, composed.abstract)
    return own or live[0].id, text, composed.abstract is not None


def append_decision(session: WriteSession, decision: Decision) -> None:
    """Add a line to the log.

    Raises:
        Conflict: the same token is being stored at this moment.
    """
    try:
        with session.begin_nested():
            session.add(decision)
    except IntegrityError as error:
        # One token was sent twice at the same moment; the constraint lets one of them in.
        raise Conflict(f"token {decision.token!r} is being stored; send it again") from error


def undo_decision(
    session: WriteSession, review_id: int, person_id: int, decision_id: int, *, token: str
) -> tuple[int, bool]:
    """Undo a decision by appending to the log; the one before it, if any, counts again.

    Returns:
        The undo's id, and whether it was stored now.

    Raises:
        NotFound: the review has no such decision.
        NotAllowed: the person does not screen this review, or the decision is another person's
            and they are no lead.
        Conflict: the decision is undone already, or the token was used for something else.
    """
    target = session.get(Decision, decision_id)
    if target is None or target.review_id != review_id or target.decision == "undo":
        raise NotFound(f"there is no decision {decision_id} in this review")
    reviews.lock_review(session, review_id)
    members.require_role(
        session, review_id, person_id, "screen" if target.person_id == person_id else "lead"
    )
    row = decided_reports.lock_report(
        session, review_id, decision_log.get_current_report_id(session, target) or target.report_id
    )
    earlier = decided_reports.find_decision_by_token(session, review_id, token)
    if earlier is not None:
        if (earlier.decision, earlier.supersedes) != ("undo", decision_id):
            raise Conflict(f"token {token!r} was used for another decision")
        return earlier.id, False
    if _is_undone(session, decision_id):
        raise Conflict(f"decision {decision_id} has already been undone")
    entry = Decision(
        review_id=review_id,
        report_id=row.id,
        record_id=target.record_id,
        person_id=person_id,
        stage=target.stage,
        decision="undo",
        protocol_version=reviews.get_protocol(session, review_id).version,
        token=token,
        supersedes=decision_id,
        recorded_at=now(),
    )
    append_decision(session, entry)
    update_report(
        session, row, screening_state.get_required_decisions(session, review_id, target.stage)
    )
    return entry.id, True


def _is_undone(session: ReadSession, decision_id: int) -> bool:
    return (
        session.scalar(
            select(Decision.id).where(
                Decision.supersedes == decision_id, Decision.decision == "undo"
            )
        )
        is not None
    )
