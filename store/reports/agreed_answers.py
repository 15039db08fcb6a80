"""Reasons and questions of settled reports, from everybody who decided as settled."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import aliased

from store.core.session import ReadSession
from store.core.tables import Decision, RecordRow, Report, ReportState
from store.reports.report_states import at_stage
from store.reports.screening_state import active_condition
from store.rules.agreed_decision import INCLUDING, LOOK, OWN
from store.rules.plans import TITLE_ABSTRACT


@dataclass(frozen=True, slots=True)
class AgreedAnswers:
    """Reasons and questions that people gave with the decisions that settled a report.

    Attributes:
        reasons: keys of reasons for exclusion.
        questions: keys of the questions that the report is included for.
    """

    reasons: frozenset[str]
    questions: frozenset[str]


def list_agreed_answers(
    session: ReadSession, report_ids: Sequence[int], stage: str = TITLE_ABSTRACT
) -> dict[int, AgreedAnswers]:
    """Reasons and questions of those of a few hundred reports that are settled, by report.

    They are from everybody who decided as settled.

    A report that a third person settled has that person's own; if they gave none, it has those of
    the people who had decided the same.
    """
    counting = aliased(Decision)
    rows = session.execute(
        select(
            RecordRow.report_id,
            Decision.person_id,
            Decision.kind,
            Decision.decision,
            Decision.reasons,
            Decision.questions,
            Decision.id == ReportState.decision_id,
            counting.decision,
        )
        .join(RecordRow, RecordRow.id == Decision.record_id)
        .join(Report, Report.id == RecordRow.report_id)
        .join(ReportState, at_stage(stage))
        .join(counting, counting.id == ReportState.decision_id)
        .where(RecordRow.report_id.in_(report_ids), Decision.stage == stage, *active_condition())
        .order_by(Decision.id)
    )
    latest: dict[int, dict[int, tuple[list[str], list[str]]]] = defaultdict(dict)
    counted: dict[int, tuple[bool, list[str], list[str]]] = {}
    for report_id, person_id, kind, decision, reasons, questions, counts, settled in rows:
        own = kind in (OWN, LOOK)
        if counts:
            counted[report_id] = (own, reasons, questions)
        if own:
            latest[report_id].pop(person_id, None)
            if (decision in INCLUDING) == (settled in INCLUDING):
                latest[report_id][person_id] = (reasons, questions)
    answers = {}
    for report_id, (own, reasons, questions) in counted.items():
        agreeing = latest[report_id].values()
        answers[report_id] = AgreedAnswers(
            _combine(reasons, [given[0] for given in agreeing], by_third=not own),
            _combine(questions, [given[1] for given in agreeing], by_third=not own),
        )
    return answers


def _combine(counting: list[str], agreeing: list[list[str]], *, by_third: bool) -> frozenset[str]:
    """Combine the keys of the decision that counts with those of people who decided the same."""
    own = frozenset(counting)
    if by_third and own:
        return own
    return own | frozenset(key for keys in agreeing for key in keys)
