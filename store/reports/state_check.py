"""The states of reports compared with the decisions that they are derived from."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial

from sqlalchemy import or_, select

from store.core.chunks import CHUNK, batched
from store.core.session import ReadSession
from store.core.tables import Report, ReportState, Review
from store.reports.screening_state import (
    RequiredDecisions,
    get_required_decisions,
    list_active_decisions,
    list_stages,
)
from store.rules.agreed_decision import find_first_read, find_outcome
from store.rules.plans import FULL_TEXT, TITLE_ABSTRACT


def find_wrong_states(session: ReadSession) -> Iterator[tuple[int, str, str, str]]:
    """Reports whose state is not what their decisions say.

    Yields:
        The report, the stage, the outcome that is stored, and the right one. Outcomes are equal if
        only the decision that counts, the first one, or the first by reading is wrong.
    """
    for review_id in session.scalars(select(Review.id).order_by(Review.id)).all():
        for stage in list_stages(session, review_id):
            required = get_required_decisions(session, review_id, stage)
            ids = session.scalars(
                select(Report.id).where(Report.review_id == review_id).order_by(Report.id)
            ).all()
            for part in batched(ids, CHUNK):
                yield from _compare(session, part, required)


def _compare(
    session: ReadSession, report_ids: Sequence[int], required: RequiredDecisions
) -> Iterator[tuple[int, str, str, str]]:
    stage = required.stage
    decisions = list_active_decisions(session, report_ids, stage)
    rows = session.scalars(
        select(ReportState)
        .where(ReportState.report_id.in_(report_ids), ReportState.stage == stage)
        .execution_options(populate_existing=True)
    )
    states = {row.report_id: row for row in rows}
    for report_id in report_ids:
        lines = decisions.get(report_id, [])
        outcome = find_outcome(
            lines, partial(required.count_needed, report_id), maybe_waits=stage == FULL_TEXT
        )
        words = {line.id: line.decision for line in lines}
        right = words.get(outcome.decision_id or 0, outcome.state)
        row = states.get(report_id)
        if row is None:
            # Nobody has decided it at this stage, so it needs no row.
            if stage == TITLE_ABSTRACT or lines:
                yield report_id, stage, "none", right
            continue
        stored = (row.state, row.outcome, row.decision_id, row.first_decision_id, row.first_read_id)
        firsts = (outcome.first_id, find_first_read(lines))
        if stored != (outcome.state, right, outcome.decision_id, *firsts):
            yield report_id, stage, row.outcome, right


def find_strays(session: ReadSession) -> list[tuple[int, str]]:
    """Reports whose state names another review or import, or does not count as they do."""
    rows = session.execute(
        select(ReportState.report_id, ReportState.stage)
        .join(Report, Report.id == ReportState.report_id)
        .where(
            or_(
                ReportState.review_id != Report.review_id,
                ReportState.counted != Report.counted,
                ReportState.intake_id.is_distinct_from(Report.intake_id),
            )
        )
        .order_by(ReportState.report_id, ReportState.stage)
    )
    return [(row[0], row[1]) for row in rows]
