"""Where reports stand: the decisions made on them, read by the review's plan."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from functools import partial
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import aliased

from store import plans
from store.chunks import CHUNK, batched
from store.plans import TITLE_ABSTRACT, Plan
from store.session import ReadSession, WriteSession
from store.tables import Decision, Protocol, RecordRow, Report
from store.verdicts import Line, outcome


def plan_of(session: ReadSession, review_id: int, stage: str = TITLE_ABSTRACT) -> Plan:
    """The screening plan that a review's protocol says for a stage."""
    body = session.scalar(
        select(Protocol.body)
        .where(Protocol.review_id == review_id)
        .order_by(Protocol.version.desc())
        .limit(1)
    )
    return plans.of_body(body or {}, stage)


def not_undone() -> Any:
    """That no undo supersedes a decision."""
    undo_of = aliased(Decision)
    return (
        ~select(undo_of.id)
        .where(undo_of.supersedes == Decision.id, undo_of.decision == "undo")
        .exists()
    )


def lines(
    session: ReadSession, report_ids: Iterable[int], stage: str = TITLE_ABSTRACT
) -> dict[int, list[Line]]:
    """Decisions that stand on each report, by where their records are now, oldest first."""
    found: dict[int, list[Line]] = defaultdict(list)
    for part in batched(set(report_ids), CHUNK):
        rows = session.execute(
            select(
                RecordRow.report_id,
                Decision.id,
                Decision.person_id,
                Decision.decision,
                Decision.kind,
            )
            .join(RecordRow, RecordRow.id == Decision.record_id)
            .where(
                RecordRow.report_id.in_(part),
                Decision.stage == stage,
                Decision.decision != "undo",
                not_undone(),
            )
            .order_by(Decision.id)
        )
        for report_id, number, person_id, decision, kind in rows:
            found[report_id].append(Line(number, person_id, decision, kind))
    return found


def settle(session: WriteSession, rows: Iterable[Report], plan: Plan) -> None:
    """Set what is derived of reports from the decisions on them: state and what counts."""
    reports = list(rows)
    known = lines(session, [row.id for row in reports])
    for row in reports:
        now = outcome(known.get(row.id, []), partial(plan.needed, row.id))
        row.state = now.state
        row.decision_id = now.decision_id
        row.first_decision_id = now.first_id


def settle_all(session: WriteSession, review_id: int) -> None:
    """Read every report of a review by a plan that has changed."""
    session.flush()
    plan = plan_of(session, review_id)
    decided = select(Report.id).where(Report.review_id == review_id, Report.state != "open")
    for part in batched(list(session.scalars(decided)), CHUNK):
        rows = session.scalars(select(Report).where(Report.id.in_(part)).with_for_update())
        settle(session, rows, plan)
    session.flush()
