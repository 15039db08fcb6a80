"""Conflicts: reports on which people differ, and how they are settled."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select

from store.core.errors import Conflict, NotAllowed
from store.core.session import ReadSession, WriteSession
from store.core.tables import Decision, Identity, ReportState, now
from store.reports import record_listing, report_states, screening_state
from store.reports.record_listing import RecordFilter
from store.reviews import members, reviews
from store.rules import questions
from store.rules.agreed_decision import get_own_decisions
from store.rules.person_names import make_name_key
from store.rules.plans import TITLE_ABSTRACT
from store.screening import decided_reports, decision_log, decisions
from store.screening.decision_log import DecisionInfo
from store.screening.decisions import NewDecision


def settle_conflict(
    session: WriteSession,
    review_id: int,
    person_id: int,
    new: NewDecision,
    *,
    joint_with: int | None = None,
) -> tuple[int, bool]:
    """Settle a conflict by a consensus of the people who differ, or by a third person's decision.

    Args:
        session: a writing session.
        review_id: the review.
        person_id: the person who settles it.
        new: include or exclude, with a note that says why.
        joint_with: for a consensus, the other person; None for a third person's adjudication.

    Returns:
        The decision's id, and whether it was stored now.

    Raises:
        NotAllowed: the third person may not adjudicate, or is one of those who differ; or one of
            the two in a consensus is not.
        Conflict: the report is not in conflict.
        ValueError: the decision is *maybe*, or there is no note.
    """
    if new.decision not in ("include", "exclude"):
        raise ValueError(f"a conflict must be settled by include or exclude, not {new.decision!r}")
    if not new.note:
        raise ValueError("say in a note why you settle the conflict this way")
    reviews.lock_review(session, review_id)
    members.require_role(
        session, review_id, person_id, "adjudicate" if joint_with is None else "screen"
    )
    row = decided_reports.lock_report(session, review_id, new.report_id)
    kind = "adjudication" if joint_with is None else "consensus"
    earlier = decisions.find_repeated(session, row, person_id, new)
    if earlier is not None:
        if earlier.kind != kind:
            raise Conflict(f"token {new.token!r} was used for another decision")
        return earlier.id, False
    state = report_states.get_state(session, row.id, new.stage)
    if state is None or state.state != "conflict":
        raise Conflict(f"report {row.id} is not in conflict")
    _require_settlers(session, row.id, new.stage, person_id, joint_with)
    protocol = reviews.get_protocol(session, review_id)
    shown, text, with_abstract = decisions.get_shown_record(session, new.report_id, row.id)
    decision = Decision(
        review_id=review_id,
        report_id=row.id,
        record_id=shown,
        text_hash=text,
        with_abstract=with_abstract,
        person_id=person_id,
        stage=new.stage,
        decision=new.decision,
        note=new.note,
        questions=questions.validate_questions(
            protocol.body, new.decision, new.questions, required=False
        ),
        protocol_version=protocol.version,
        token=new.token,
        kind=kind,
        joint_with=joint_with,
        recorded_at=now(),
    )
    decisions.append_decision(session, decision)
    decisions.update_report(
        session, row, screening_state.get_required_decisions(session, review_id, new.stage)
    )
    return decision.id, True


def _require_settlers(
    session: ReadSession, report_id: int, stage: str, person_id: int, joint_with: int | None
) -> None:
    """Check that the right people settle a conflict.

    Raises:
        NotAllowed: a third person is one of those who differ, or one of two is not.
    """
    lines = screening_state.list_active_decisions(session, [report_id], stage)[report_id]
    differing = get_own_decisions(lines).keys()
    if joint_with is None:
        if person_id in differing:
            raise NotAllowed(
                "You cannot settle your own conflict alone; agree on it, or ask somebody else."
            )
    elif joint_with == person_id or not {person_id, joint_with} <= differing:
        raise NotAllowed(
            "A joint decision needs the two people who decided the record differently."
        )


@dataclass(frozen=True, slots=True)
class ConflictInfo:
    """A report on which people differ.

    Attributes:
        decisions: each person's own decision, oldest first.
    """

    report_id: int
    decisions: tuple[DecisionInfo, ...]


@dataclass(frozen=True, slots=True)
class ConflictFilter:
    """Which conflicts are listed; a field that is None or empty allows any.

    Attributes:
        of: this person is one of those who differ.
        between: a person of this name is one of those who differ.
        against: the decision that differs from an exclude: include or maybe.
        text: words in title, abstract and ids, folded.
    """

    of: int | None = None
    between: str = ""
    against: str = ""
    text: str = ""


_ALL = ConflictFilter()


def find_conflicts(
    session: ReadSession, review_id: int, filters: ConflictFilter = _ALL, *, limit: int = 50
) -> tuple[int, list[ConflictInfo]]:
    """How many conflicts match, and the first ``limit`` of them, oldest first."""
    query = select(ReportState.report_id).where(
        ReportState.review_id == review_id,
        ReportState.stage == TITLE_ABSTRACT,
        ReportState.active.is_(True),
        ReportState.state == "conflict",
    )
    ids = session.scalars(query.order_by(ReportState.first_decision_id)).all()
    if filters.text:
        with_text = set(
            record_listing.find_matching_reports(
                session, review_id, RecordFilter(text=filters.text)
            )
        )
        ids = [report_id for report_id in ids if report_id in with_text]
    own_decisions = {
        report_id: get_own_decisions(lines)
        for report_id, lines in screening_state.list_active_decisions(session, ids).items()
    }
    person = None
    if filters.between:
        person = session.scalar(
            select(Identity.person_id).where(Identity.name_key == make_name_key(filters.between))
        )
    matching = [
        report_id
        for report_id in ids
        if (filters.of is None or filters.of in own_decisions[report_id])
        and (not filters.between or person in own_decisions[report_id])
        and (
            not filters.against
            or filters.against in {line.decision for line in own_decisions[report_id].values()}
        )
    ]
    decision_ids = [
        line.id for report_id in matching[:limit] for line in own_decisions[report_id].values()
    ]
    infos: dict[int, list[DecisionInfo]] = {}
    rows = session.execute(decision_log.log_query(review_id).where(Decision.id.in_(decision_ids)))
    for row, name, _, report_id in rows:
        infos.setdefault(report_id, []).append(
            decision_log.decision_info(row, name, report_id, counts=False)
        )
    return len(matching), [
        ConflictInfo(report_id, tuple(infos.get(report_id, ()))) for report_id in matching[:limit]
    ]
