"""How each record was screened, and which decisions on it are independent.

This is the one place that says which decisions count for agreement; the rule is in
``store.rules.independence``.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from sqlalchemy import ColumnElement, func, select

from store.core.session import ReadSession
from store.core.tables import (
    BulkDecision,
    Decision,
    Identity,
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
from store.reports.screening_state import (
    RequiredDecisions,
    current_reports_query,
    not_undone,
)
from store.rules import protocols
from store.rules.agreed_decision import INCLUDING, LOOK, OWN, READ, UNDECIDED, ActiveDecision
from store.rules.independence import COMPARED, LogLine, Screened, Way, describe_screening
from store.rules.plans import TITLE_ABSTRACT, Plan, plan_from_body


@dataclass(frozen=True, slots=True)
class ScreenedReport:
    """How a report was screened that needs no more decisions.

    Attributes:
        settled_as: the decision that counts; None while people differ.
        overridden: how the decision that counts came about if it is no person's own: *consensus*,
            *adjudication*, *import* or *act*; None otherwise.
        readers: everybody who decided it at any time, one by one and not in bulk; second looks and
            corrections included.
    """

    report_id: int
    screened: Screened
    settled_as: str | None
    overridden: str | None
    readers: frozenset[int]


@dataclass(frozen=True, slots=True)
class FirstDecision:
    """What one person decided on a report without seeing what others did, and how it was drawn."""

    report_id: int
    person_id: int
    decision: str
    way: Way


@dataclass(frozen=True, slots=True)
class Verification:
    """Excludes by one person that a second person checked by the plan.

    Attributes:
        records: how many were checked.
        overturned: of these, those that are now settled as include or maybe.
        unsettled: of these, those on which the two still differ.
    """

    records: int
    overturned: int
    unsettled: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ScreeningWork:
    """Who decided the reports of a stage that need no more decisions, and how.

    ``single``, ``together``, ``verified`` and ``without`` add up to all of these reports.

    Attributes:
        people: how many people made decisions of their own.
        single: reports that one person decided.
        together: reports that several people decided independently, by the number of people.
        in_pilots: those of them that were drawn for a pilot round.
        verified: excludes that a second person checked.
        without: reports that were settled without a person's own decision, such as by an import.
        corrected: reports that a person decided once more after they had all their decisions.
        joint: conflicts settled by the people who differed.
        adjudicated: conflicts settled by a third person.
        imported: reports whose decision that counts came with a file.
    """

    people: int
    single: int
    together: Mapping[int, int]
    in_pilots: int
    verified: Verification
    without: int
    corrected: int
    joint: int
    adjudicated: int
    imported: int


@dataclass(frozen=True, slots=True)
class _Round:
    opened_at: dt.datetime
    closed_at: dt.datetime | None
    people: int
    report_ids: frozenset[int]


def list_screened(
    session: ReadSession,
    review_id: int,
    stage: str = TITLE_ABSTRACT,
    *,
    among: Collection[int] | None = None,
) -> list[ScreenedReport]:
    """How each active report that needs no more decisions was screened, by its first decision.

    Args:
        session: a reading session.
        review_id: the review.
        stage: of screening.
        among: only these reports, a few hundred at most; None for all.
    """
    logs = _list_logs(session, review_id, stage, among)
    counting = {
        report_id: (decision, kind)
        for report_id, decision, kind in session.execute(
            select(Report.id, Decision.decision, Decision.kind)
            .join(ReportState, at_stage(stage))
            .join(Decision, Decision.id == ReportState.decision_id)
            .where(Report.review_id == review_id, Report.active.is_(True), *_are_among(among))
        )
    }
    found = []
    for report_id, lines in logs.items():
        decision, kind = counting.get(report_id, (None, None))
        overridden = None if kind in (OWN, LOOK) else kind
        readers = frozenset(
            line.decision.person_id
            for line in lines
            if line.decision.decision != "undo" and line.decision.kind in READ and not line.in_bulk
        )
        found.append(
            ScreenedReport(report_id, describe_screening(lines), decision, overridden, readers)
        )
    return found


def list_corrections(
    session: ReadSession, review_id: int, stage: str = TITLE_ABSTRACT, *, report_id: int | None
) -> frozenset[int]:
    """Ids of decisions made after their report had all the decisions it needed.

    The person who made one could see what others had decided, so no agreement counts it.

    Args:
        session: a reading session.
        review_id: the review.
        stage: of screening.
        report_id: only those on this report; None for all.
    """
    among = None if report_id is None else (report_id,)
    logs = _list_logs(session, review_id, stage, among)
    return frozenset().union(*(describe_screening(lines).corrections for lines in logs.values()))


def find_first_and_last(
    session: ReadSession, review_id: int, stage: str = TITLE_ABSTRACT
) -> tuple[dt.datetime, dt.datetime] | None:
    """When people made the first and the last decision on reports that need no more of them.

    Decisions that came with a file are left out, and so are undone ones. None if there are none.
    """
    first, last = session.execute(
        select(func.min(Decision.recorded_at), func.max(Decision.recorded_at))
        .join(RecordRow, RecordRow.id == Decision.record_id)
        .join(Report, Report.id == RecordRow.report_id)
        .join(ReportState, at_stage(stage))
        .where(
            Decision.review_id == review_id,
            Decision.stage == stage,
            Decision.kind.in_(READ),
            Decision.decision != "undo",
            ReportState.state.not_in(UNDECIDED),
            not_undone(),
        )
    ).one()
    return None if first is None or last is None else (first, last)


def list_names(session: ReadSession) -> dict[int, str]:
    """The names of people, by id, without those that were erased."""
    return {row.person_id: row.name for row in session.scalars(select(Identity))}


def list_first_decisions(reports: Iterable[ScreenedReport]) -> list[FirstDecision]:
    """Independent decisions on reports that two people or more decided, in the order made.

    Records drawn for two people and pilot records alone; see ``describe_screening``. Second checks
    of excludes, corrections, settled conflicts and imported decisions are not among them.
    """
    found = [
        (decision.id, report, person_id)
        for report in reports
        for person_id, decision in report.screened.independent.items()
    ]
    return [
        FirstDecision(
            report.report_id,
            person_id,
            report.screened.independent[person_id].decision,
            report.screened.way,
        )
        for _, report, person_id in sorted(found, key=lambda each: each[0])
    ]


def count_verified(reports: Sequence[ScreenedReport]) -> Verification:
    """Count the excludes that a second person checked by the plan."""
    verified = [report for report in reports if report.screened.way == "verified"]
    return Verification(
        records=len(verified),
        overturned=sum(report.settled_as in INCLUDING for report in verified),
        unsettled=sum(report.settled_as is None for report in verified),
    )


def count_work(reports: Sequence[ScreenedReport]) -> ScreeningWork:
    """Count the people and their decisions on reports that need no more decisions."""
    alone = [r for r in reports if r.screened.way == "single"]
    together = [r for r in reports if r.screened.way in COMPARED]
    overridden = Counter(report.overridden for report in reports)
    return ScreeningWork(
        people=len({person for report in reports for person in report.screened.people}),
        single=sum(len(report.screened.people) == 1 for report in alone),
        together=dict(sorted(Counter(len(r.screened.people) for r in together).items())),
        in_pilots=sum(report.screened.way == "pilot" for report in together),
        verified=count_verified(reports),
        without=sum(not report.screened.people for report in alone),
        corrected=sum(report.screened.corrected for report in reports),
        joint=overridden["consensus"],
        adjudicated=overridden["adjudication"],
        imported=overridden["import"],
    )


def _are_among(among: Collection[int] | None) -> list[ColumnElement[bool]]:
    return [] if among is None else [Report.id.in_(among)]


def _list_logs(
    session: ReadSession, review_id: int, stage: str, among: Collection[int] | None
) -> dict[int, list[LogLine]]:
    """The log of each active report that needs no more decisions, oldest first."""
    plans = {
        version: plan_from_body(protocols.get_readable_parts(body), stage)
        for version, body in session.execute(
            select(Protocol.version, Protocol.body).where(Protocol.review_id == review_id)
        )
    }
    rounds = _list_rounds(session, review_id, stage)
    outdated = (
        select(Outdated.decision_id)
        .join(Rescreen, Rescreen.id == Outdated.rescreen_id)
        .where(Rescreen.review_id == review_id, Rescreen.withdrawn_at.is_(None))
    )
    in_bulk = set(
        session.scalars(
            select(BulkDecision.decision_id)
            .join(Decision, Decision.id == BulkDecision.decision_id)
            .where(Decision.review_id == review_id)
        )
    )
    rows = session.execute(
        select(
            Report.id,
            Decision.id,
            Decision.person_id,
            Decision.decision,
            Decision.kind,
            Decision.supersedes,
            Decision.report_id,
            Decision.protocol_version,
            Decision.recorded_at,
        )
        .join(RecordRow, RecordRow.id == Decision.record_id)
        .join(Report, Report.id == RecordRow.report_id)
        .join(ReportState, at_stage(stage))
        .where(
            Decision.review_id == review_id,
            Decision.stage == stage,
            Decision.id.not_in(outdated),
            Report.active.is_(True),
            ReportState.state.in_(("settled", "conflict")),
            *_are_among(among),
        )
        .order_by(Decision.id)
        .execution_options(yield_per=500)
    )
    logs: dict[int, list[LogLine]] = defaultdict(list)
    for report, number, person, word, kind, supersedes, drawn_as, version, at in rows:
        opened = [each for each in rounds if report in each.report_ids and each.opened_at <= at]
        # Plans draw by the id that the report had at the time; it may have been merged since.
        plan = plans.get(version, Plan())
        logs[report].append(
            LogLine(
                decision=ActiveDecision(number, person, word, kind),
                supersedes=supersedes if word == "undo" else None,
                in_pilot=bool(opened),
                from_start=plan.count_needed(drawn_as, None) > 1,
                count_needed=partial(_required(plan, drawn_as, opened, at).count_needed, drawn_as),
                in_bulk=number in in_bulk,
            )
        )
    return logs


def _required(
    plan: Plan, report_id: int, opened: list[_Round], at: dt.datetime
) -> RequiredDecisions:
    """What a report needed at a moment, by the plan and the last pilot round that it was in."""
    pilots: dict[int, int | None] = {}
    if opened:
        last = opened[-1]
        still_open = last.closed_at is None or at < last.closed_at
        pilots = {report_id: last.people if still_open else None}
    return RequiredDecisions(plan=plan, pilots=pilots)


def _list_rounds(session: ReadSession, review_id: int, stage: str) -> list[_Round]:
    rows = session.scalars(
        select(PilotRow)
        .where(PilotRow.review_id == review_id, PilotRow.stage == stage)
        .order_by(PilotRow.number)
    )
    return [
        _Round(
            row.opened_at,
            row.closed_at,
            session.scalar(select(func.count()).where(PilotPerson.pilot_id == row.id)) or 0,
            frozenset(
                session.scalars(
                    current_reports_query(PilotReport).where(PilotReport.pilot_id == row.id)
                )
            ),
        )
        for row in rows
    ]
