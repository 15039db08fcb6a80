"""The report that a decision is on, locked, and the decision that a client sent before."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import bindparam, func, select

from store.core.errors import NotFound
from store.core.session import ReadSession, WriteSession, execute_plain
from store.core.tables import Decision, RecordRow, Report, is_shown

# Merging moves the record that was created with a report into another.
_MERGED_INTO = (
    select(RecordRow.report_id)
    .where(
        RecordRow.own_report_id == bindparam("report"), RecordRow.review_id == bindparam("review")
    )
    .order_by(RecordRow.id)
    .limit(1)
    .scalar_subquery()
)
_LOCK_REPORT = (
    select(Report)
    .where(
        Report.id == func.coalesce(_MERGED_INTO, bindparam("report")),
        Report.review_id == bindparam("review"),
        is_shown(Report.intake_id),
    )
    .with_for_update()
)


def lock_report(session: WriteSession, review_id: int, report_id: int) -> Report:
    """A report, or the one it was merged into, locked until this transaction ends.

    Raises:
        NotFound: the review has no such report.
    """
    row: Report | None = session.scalars(
        _LOCK_REPORT,
        {"report": report_id, "review": review_id},
        # Another transaction may have decided it since this session read it.
        execution_options={"populate_existing": True},
    ).first()
    if row is None:
        raise NotFound(f"there is no report {report_id} in this review")
    return row


@dataclass(frozen=True, slots=True)
class StoredLine:
    """What a client that sends a decision again must have sent before."""

    id: int
    report_id: int | None
    decision: str
    person_id: int
    kind: str
    supersedes: int | None


_BY_TOKEN = (
    select(
        Decision.id,
        RecordRow.report_id,
        Decision.decision,
        Decision.person_id,
        Decision.kind,
        Decision.supersedes,
    )
    .outerjoin(RecordRow, RecordRow.id == Decision.record_id)
    .where(Decision.review_id == bindparam("review"), Decision.token == bindparam("token"))
)


def find_decision_by_token(session: ReadSession, review_id: int, token: str) -> StoredLine | None:
    """The decision that a client sent with a token; None if the token is new."""
    row = execute_plain(session, _BY_TOKEN, {"review": review_id, "token": token}).first()
    return None if row is None else StoredLine(*row)


def get_id_by_token(session: ReadSession, review_id: int, token: str) -> int:
    """The decision that was sent with a token.

    Raises:
        NotFound: the review has no such decision.
    """
    row = find_decision_by_token(session, review_id, token)
    if row is None:
        raise NotFound(f"there is no decision with token {token!r} in this review")
    return row.id
