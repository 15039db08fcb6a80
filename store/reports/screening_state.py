"""The screening state of reports, derived from the decisions on them by the review's plan."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from sqlalchemy import func, insert, select
from sqlalchemy.orm import aliased

from store.core.chunks import CHUNK, batched
from store.core.new_rows import table_of
from store.core.session import ReadSession, WriteSession
from store.core.tables import (
    AssignmentReport,
    Decision,
    HandedOver,
    Outdated,
    PilotPerson,
    PilotReport,
    PilotRow,
    Protocol,
    RecordRow,
    Report,
    ReportState,
    Rescreen,
)
from store.reports.report_states import at_stage
from store.rules import plans
from store.rules.agreed_decision import (
    INCLUDING,
    LOOK,
    OWN,
    ActiveDecision,
    find_outcome,
    get_own_decisions,
)
from store.rules.plans import FULL_TEXT, TITLE_ABSTRACT, Plan


@dataclass(frozen=True, slots=True, kw_only=True)
class RequiredDecisions:
    """How many people must decide each report of a review at a stage.

    Attributes:
        plan: of the protocol.
        pilots: for reports drawn for a pilot round, how many people take part; None once the round
            is closed.
        learn_all: whether the ranking learns from decisions before others have made theirs.
        stage: the stage.
    """

    plan: Plan
    pilots: Mapping[int, int | None]
    learn_all: bool = False
    stage: str = TITLE_ABSTRACT

    @property
    def single(self) -> bool:
        """Whether one person decides every report."""
        return self.plan.single and not self.pilots

    def count_needed(self, report_id: int, decisions: Sequence[ActiveDecision]) -> int:
        """Count the people who must decide a report.

        Args:
            report_id: the report.
            decisions: active ones on it, oldest first.
        """
        planned = self.plan.count_needed(report_id, decisions[0].decision if decisions else None)
        if self.plan.switched_after is not None:
            last = self.plan.switched_after
            before = get_own_decisions([each for each in decisions if each.id <= last])
            planned = max(planned, len(before) if len(before) > 1 else 0)
        if report_id not in self.pilots:
            return planned
        people = self.pilots[report_id]
        if people is None:
            # After a closed round, its decisions are compared, however many people decided.
            people = len(get_own_decisions(decisions))
        return max(planned, people)


def get_required_decisions(
    session: ReadSession, review_id: int, stage: str = TITLE_ABSTRACT
) -> RequiredDecisions:
    """How many people must decide, by the newest protocol and the pilot rounds."""
    body = session.scalar(
        select(Protocol.body)
        .where(Protocol.review_id == review_id)
        .order_by(Protocol.version.desc())
        .limit(1)
    )
    rounds = select(PilotRow).where(PilotRow.review_id == review_id, PilotRow.stage == stage)
    pilots: dict[int, int | None] = {}
    for row in session.scalars(rounds.order_by(PilotRow.number)):
        people = session.scalar(
            select(func.count()).select_from(PilotPerson).where(PilotPerson.pilot_id == row.id)
        )
        drawn = current_reports_query(PilotReport).where(PilotReport.pilot_id == row.id)
        for report_id in session.scalars(drawn):
            pilots[report_id] = people if row.closed_at is None else None
    body = body or {}
    plan = plans.plan_from_body(body, stage)
    return RequiredDecisions(plan=plan, pilots=pilots, learn_all=learns_from_all(body), stage=stage)


def learns_from_all(body: Mapping[str, Any]) -> bool:
    """Whether the ranking learns from decisions on reports that others must still decide."""
    return bool((body.get("ranking") or {}).get("learn_from") == "all")


def not_undone() -> Any:
    """A condition: no undo supersedes the decision."""
    undo_of = aliased(Decision)
    return (
        ~select(undo_of.id)
        .where(undo_of.supersedes == Decision.id, undo_of.decision == "undo")
        .exists()
    )


def not_outdated() -> Any:
    """A condition: the decision's report is not being rescreened after a change of criteria."""
    return (
        ~select(Outdated.decision_id)
        .join(Rescreen, Rescreen.id == Outdated.rescreen_id)
        .where(Outdated.decision_id == Decision.id, Rescreen.withdrawn_at.is_(None))
        .exists()
    )


def active_condition() -> tuple[Any, ...]:
    """Conditions for an active decision: not an undo, not undone, and not outdated.

    A decision is outdated while its record is being screened again.
    """
    return Decision.decision != "undo", not_undone(), not_outdated()


def list_active_decisions(
    session: ReadSession, report_ids: Iterable[int], stage: str = TITLE_ABSTRACT
) -> dict[int, list[ActiveDecision]]:
    """Active decisions on each report, oldest first, wherever their records are now."""
    by_report: dict[int, list[ActiveDecision]] = defaultdict(list)
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
                *active_condition(),
            )
            .order_by(Decision.id)
        )
        for report_id, decision_id, person_id, decision, kind in rows:
            by_report[report_id].append(ActiveDecision(decision_id, person_id, decision, kind))
    return by_report


def update_states(
    session: WriteSession, rows: Iterable[Report], required: RequiredDecisions
) -> dict[int, ReportState]:
    """Derive the state of reports at a stage, and the decision that counts, from the decisions.

    Args:
        session: a writing session.
        rows: the reports, locked.
        required: how many people must decide, with the stage. Decisions at one stage never change
            the state at another.

    Returns:
        The states now, by report id.
    """
    reports = list(rows)
    decisions = list_active_decisions(session, [row.id for row in reports], required.stage)
    states = _get_states(session, reports, required.stage)
    for row in reports:
        lines = decisions.get(row.id, [])
        outcome = find_outcome(
            lines,
            partial(required.count_needed, row.id),
            maybe_waits=required.stage == FULL_TEXT,
        )
        if required.stage == TITLE_ABSTRACT and row.out_of_range and lines:
            # What somebody has decided stays in the review, whatever its year.
            row.out_of_range, row.active = False, True
        state = states[row.id]
        words = {line.id: line.decision for line in lines}
        state.active = row.active
        state.state = outcome.state
        state.outcome = words.get(outcome.decision_id or 0, outcome.state)
        state.decision_id = outcome.decision_id
        state.first_decision_id = outcome.first_id
    session.flush()
    return states


def _get_states(
    session: WriteSession, reports: Sequence[Report], stage: str
) -> dict[int, ReportState]:
    """The rows of these reports at a stage; missing ones are added."""
    states: dict[int, ReportState] = {}
    for part in batched([row.id for row in reports], CHUNK):
        query = select(ReportState).where(
            ReportState.report_id.in_(part), ReportState.stage == stage
        )
        rows = session.scalars(query.execution_options(populate_existing=True))
        states.update({row.report_id: row for row in rows})
    for row in reports:
        if row.id not in states:
            states[row.id] = ReportState(
                report_id=row.id,
                stage=stage,
                review_id=row.review_id,
                active=row.active,
                state="open",
                outcome="open",
            )
            session.add(states[row.id])
    return states


def get_counting_ids(
    session: ReadSession, report_ids: Iterable[int], stage: str = TITLE_ABSTRACT
) -> dict[int, int]:
    """The decision that counts on each of these reports that is settled: its id."""
    counting: dict[int, int] = {}
    for part in batched(report_ids, CHUNK):
        rows = session.execute(
            select(ReportState.report_id, ReportState.decision_id).where(
                ReportState.report_id.in_(part),
                ReportState.stage == stage,
                ReportState.decision_id.is_not(None),
            )
        )
        counting.update((report_id, decision_id or 0) for report_id, decision_id in rows)
    return counting


def add_open_reports(
    session: WriteSession, review_id: int, report_ids: Sequence[int], *, active: bool
) -> None:
    """Add the state at title and abstract of new reports, which nobody has decided."""
    session.execute(
        insert(table_of(ReportState)),
        [
            {
                "report_id": report_id,
                "stage": TITLE_ABSTRACT,
                "review_id": review_id,
                "active": active,
                "state": "open",
                "outcome": "open",
            }
            for report_id in report_ids
        ],
    )


def list_stages(session: ReadSession, review_id: int) -> list[str]:
    """The stages at which reports have a state: titles and abstracts, and full texts if begun."""
    begun = select(ReportState.report_id).where(
        ReportState.review_id == review_id, ReportState.stage == FULL_TEXT
    )
    if session.scalar(begun.limit(1)) is None:
        return [TITLE_ABSTRACT]
    return [TITLE_ABSTRACT, FULL_TEXT]


def update_all_states(session: WriteSession, review_id: int, stage: str = TITLE_ABSTRACT) -> None:
    """Update the states of all reports of a review after its plan or a pilot round has changed."""
    session.flush()
    required = get_required_decisions(session, review_id, stage)
    decided = select(ReportState.report_id).where(
        ReportState.review_id == review_id,
        ReportState.stage == stage,
        ReportState.state != "open",
    )
    update_states_of(session, session.scalars(decided).all(), required)


def update_states_of(
    session: WriteSession, report_ids: Iterable[int], required: RequiredDecisions
) -> None:
    """Lock these reports and update their states."""
    for part in batched(sorted(set(report_ids)), CHUNK):
        rows = session.scalars(
            select(Report).where(Report.id.in_(part)).order_by(Report.id).with_for_update()
        )
        update_states(session, rows, required)


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
    session: ReadSession, review_id: int, stage: str = TITLE_ABSTRACT
) -> dict[int, AgreedAnswers]:
    """Reasons and questions of settled reports, by report, from everybody who decided as settled.

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
        .where(Report.review_id == review_id, Decision.stage == stage, *active_condition())
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


def current_reports_query(named_in: type[PilotReport | AssignmentReport | HandedOver]) -> Any:
    """A query for the reports that now hold the records of the reports named in a table.

    Each record keeps the report created with it: merging moves the record to another report, and
    splitting returns it to its own.
    """
    return select(RecordRow.report_id).join(named_in, named_in.report_id == RecordRow.own_report_id)
