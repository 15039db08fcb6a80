"""The screening state of reports, derived from the decisions on them by the review's plan."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, partial
from typing import Any

from sqlalchemy import BindParameter, String, bindparam, func, insert, select, update
from sqlalchemy.orm import aliased

from store.core.chunks import CHUNK, batched
from store.core.new_rows import insert_rows, table_of
from store.core.session import ReadSession, WriteSession, execute_plain
from store.core.tables import (
    AssignmentReport,
    BulkDecision,
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
from store.reviews import changes, protocol_faults
from store.rules import plans
from store.rules.agreed_decision import (
    ActiveDecision,
    find_first_read,
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


# Built once: building a statement takes longer than running it.
_IDS: BindParameter[Any] = bindparam("ids", expanding=True)
_AT = bindparam("at", type_=String())
_BODY = (
    select(Protocol.body)
    .where(Protocol.review_id == bindparam("of_review"))
    .order_by(Protocol.version.desc())
    .limit(1)
)


def get_required_decisions(
    session: ReadSession,
    review_id: int,
    stage: str = TITLE_ABSTRACT,
    *,
    body: Mapping[str, Any] | None = None,
) -> RequiredDecisions:
    """How many people must decide, by the newest protocol and the pilot rounds.

    Args:
        session: a reading session.
        review_id: the review.
        stage: the stage.
        body: of the newest protocol, if it has been read.
    """
    if body is None:
        body = execute_plain(session, _BODY, {"of_review": review_id}).scalar()
        if body is None:
            body = {}
        protocol_faults.require_readable_body(session, review_id, body)
    drawn = execute_plain(session, _select_drawn(), {"of_review": review_id, "at": stage})
    pilots: dict[int, int | None] = {
        report_id: number if closed_at is None else None for report_id, closed_at, number in drawn
    }
    plan = plans.plan_from_body(body, stage)
    return RequiredDecisions(plan=plan, pilots=pilots, learn_all=learns_from_all(body), stage=stage)


@cache
def _select_drawn() -> Any:
    """The reports of pilot rounds at a stage, with how many people take part in each round."""
    people = (
        select(func.count())
        .where(PilotPerson.pilot_id == PilotRow.id)
        .correlate(PilotRow)
        .scalar_subquery()
    )
    return (
        current_reports_query(PilotReport)
        .add_columns(PilotRow.closed_at, people)
        .join(PilotRow, PilotRow.id == PilotReport.pilot_id)
        .where(PilotRow.review_id == bindparam("of_review"), PilotRow.stage == _AT)
        .order_by(PilotRow.number)
    )


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


_ACTIVE_DECISIONS = (
    select(
        RecordRow.report_id,
        Decision.id,
        Decision.person_id,
        Decision.decision,
        Decision.kind,
        select(BulkDecision.bulk_id).where(BulkDecision.decision_id == Decision.id).exists(),
    )
    .join(RecordRow, RecordRow.id == Decision.record_id)
    .where(RecordRow.report_id.in_(_IDS), Decision.stage == _AT, *active_condition())
    .order_by(Decision.id)
)
_STATES = select(ReportState.report_id, ReportState.decision_id).where(
    ReportState.report_id.in_(_IDS), ReportState.stage == _AT
)
_STATE_TABLE = table_of(ReportState)
_UPDATE = update(_STATE_TABLE).where(
    _STATE_TABLE.c.report_id == bindparam("of_report"), _STATE_TABLE.c.stage == bindparam("at")
)
_COUNTING = select(ReportState.report_id, ReportState.decision_id).where(
    ReportState.report_id.in_(_IDS),
    ReportState.stage == _AT,
    ReportState.decision_id.is_not(None),
)
_UNDECIDED = select(ReportState.report_id).where(
    ReportState.report_id.in_(_IDS),
    ReportState.stage == TITLE_ABSTRACT,
    ReportState.state == "open",
    ReportState.first_decision_id.is_(None),
    ~select(Decision.id)
    .join(RecordRow, RecordRow.id == Decision.record_id)
    .where(RecordRow.report_id == ReportState.report_id)
    .exists(),
)
_TOUCH = (
    update(_STATE_TABLE)
    .where(ReportState.report_id.in_(_IDS), ReportState.stage == TITLE_ABSTRACT)
    .values(change=bindparam("number"))
)
_BEGUN = (
    select(ReportState.report_id)
    .where(ReportState.review_id == bindparam("of_review"), ReportState.stage == FULL_TEXT)
    .limit(1)
)


def list_active_decisions(
    session: ReadSession, report_ids: Iterable[int], stage: str = TITLE_ABSTRACT
) -> dict[int, list[ActiveDecision]]:
    """Active decisions on each report, oldest first, wherever their records are now."""
    by_report: dict[int, list[ActiveDecision]] = defaultdict(list)
    for part in batched(set(report_ids), CHUNK):
        rows = execute_plain(session, _ACTIVE_DECISIONS, {"ids": part, "at": stage})
        for report_id, made, who, word, kind, in_bulk in rows:
            by_report[report_id].append(ActiveDecision(made, who, word, kind, bool(in_bulk)))
    return by_report


def touch_undecided(session: WriteSession, review_id: int, report_ids: Sequence[int]) -> set[int]:
    """Those of these reports that are open, and on whose titles nobody has ever decided.

    Whatever records they have now, their state stays as it is; only that they changed is noted.
    """
    found = set(execute_plain(session, _UNDECIDED, {"ids": report_ids}).scalars())
    if found:
        change = changes.next_state_change(session, review_id)
        execute_plain(session, _TOUCH, {"ids": found, "number": change})
    return found


@dataclass(frozen=True, slots=True)
class StateChange:
    """The state of a report at a stage, and the decision that counts on it, now and before."""

    state: str
    decision_id: int | None
    decision_before: int | None


def update_states(
    session: WriteSession, rows: Iterable[Report], required: RequiredDecisions
) -> dict[int, StateChange]:
    """Derive the state of reports at a stage, and the decision that counts, from the decisions.

    Args:
        session: a writing session.
        rows: the reports, locked.
        required: how many people must decide, with the stage. Decisions at one stage never change
            the state at another.

    Returns:
        The states now and before, by report id.
    """
    reports = list(rows)
    if not reports:
        return {}
    stage, ids = required.stage, [row.id for row in reports]
    decisions = list_active_decisions(session, ids, stage)
    before: dict[int, int | None] = {}
    for part in batched(ids, CHUNK):
        stored = execute_plain(session, _STATES, {"ids": part, "at": stage})
        before.update((row[0], row[1]) for row in stored)
    change = changes.next_state_change(session, reports[0].review_id)
    states: dict[int, StateChange] = {}
    values: dict[int, dict[str, Any]] = {}
    for row in reports:
        lines = decisions.get(row.id, [])
        outcome = find_outcome(
            lines, partial(required.count_needed, row.id), maybe_waits=stage == FULL_TEXT
        )
        if stage == TITLE_ABSTRACT and row.out_of_range and lines:
            # What somebody has decided stays in the review, whatever its year.
            row.out_of_range, row.counted = False, True
        words = {line.id: line.decision for line in lines}
        values[row.id] = {
            "active": row.counted,
            "intake_id": row.intake_id,
            "state": outcome.state,
            "outcome": words.get(outcome.decision_id or 0, outcome.state),
            "decision_id": outcome.decision_id,
            "first_decision_id": outcome.first_id,
            "first_read_id": find_first_read(lines),
            "first_person_id": lines[0].person_id if lines else None,
            "change": change,
        }
        states[row.id] = StateChange(outcome.state, outcome.decision_id, before.get(row.id))
    _write_states(session, reports, values, stored=before.keys(), stage=stage)
    return states


def _write_states(
    session: WriteSession,
    reports: Sequence[Report],
    values: Mapping[int, dict[str, Any]],
    *,
    stored: Collection[int],
    stage: str,
) -> None:
    """Update the rows of reports at a stage, and add those that are missing."""
    earlier = [{"of_report": id_, "at": stage, **values[id_]} for id_ in values if id_ in stored]
    if earlier:
        execute_plain(session, _UPDATE, earlier)
    missing = [
        {"report_id": row.id, "stage": stage, "review_id": row.review_id, **values[row.id]}
        for row in reports
        if row.id not in stored
    ]
    if missing:
        execute_plain(session, insert(_STATE_TABLE), missing)


def get_counting_ids(
    session: ReadSession, report_ids: Iterable[int], stage: str = TITLE_ABSTRACT
) -> dict[int, int]:
    """The decision that counts on each of these reports that is settled: its id."""
    counting: dict[int, int] = {}
    for part in batched(report_ids, CHUNK):
        rows = session.execute(_COUNTING, {"ids": part, "at": stage})
        counting.update((report_id, decision_id or 0) for report_id, decision_id in rows)
    return counting


def add_open_reports(
    session: WriteSession,
    review_id: int,
    report_ids: Sequence[int],
    *,
    counted: bool,
    intake_id: int | None,
) -> None:
    """Add the state at title and abstract of new reports, which nobody has decided."""
    change = changes.next_state_change(session, review_id)
    values = (TITLE_ABSTRACT, review_id, counted, intake_id, "open", "open", change)
    insert_rows(
        session,
        ReportState,
        ("report_id", "stage", "review_id", "active", "intake_id", "state", "outcome", "change"),
        [(report_id, *values) for report_id in report_ids],
    )


def list_stages(session: ReadSession, review_id: int) -> list[str]:
    """The stages at which reports have a state: titles and abstracts, and full texts if begun."""
    if session.scalar(_BEGUN, {"of_review": review_id}) is None:
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


def current_reports_query(named_in: type[PilotReport | AssignmentReport | HandedOver]) -> Any:
    """A query for the reports that now hold the records of the reports named in a table.

    Each record keeps the report created with it: merging moves the record to another report, and
    splitting returns it to its own.
    """
    return select(RecordRow.report_id).join(named_in, named_in.report_id == RecordRow.own_report_id)
