"""Where reports stand: the decisions made on them, read by the review's plan."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import aliased

from store import plans
from store.chunks import CHUNK, batched
from store.moved import reports_now
from store.plans import FULL_TEXT, TITLE_ABSTRACT, Plan
from store.session import ReadSession, WriteSession
from store.tables import Decision, Protocol, RecordRow, Report
from store.team_tables import Outdated, PilotPerson, PilotReport, PilotRow, Rescreen
from store.verdicts import INCLUDING, LOOK, OWN, Line, outcome, own_by_person


@dataclass(frozen=True, slots=True)
class Asked:
    """How many people are to decide each report of a review at a stage.

    Attributes:
        plan: of the protocol.
        pilots: of reports that were drawn for a pilot round, how many take part in it; None once
            the round is closed.
        learn_all: whether the ranking learns from decisions before others have made theirs.
        stage: the stage that this is of.
    """

    plan: Plan
    pilots: Mapping[int, int | None]
    learn_all: bool = False
    stage: str = TITLE_ABSTRACT

    @property
    def single(self) -> bool:
        """Whether one person decides every report."""
        return self.plan.single and not self.pilots

    def needed(self, report_id: int, lines: Sequence[Line]) -> int:
        """How many people are to decide a report.

        Args:
            report_id: the report.
            lines: decisions on it that stand, oldest first.
        """
        planned = self.plan.needed(report_id, lines[0].decision if lines else None)
        if report_id not in self.pilots:
            return planned
        people = self.pilots[report_id]
        # Of a closed round what was decided is compared, however many did so.
        return max(planned, len(own_by_person(lines)) if people is None else people)


def asked_of(session: ReadSession, review_id: int, stage: str = TITLE_ABSTRACT) -> Asked:
    """How many people are to decide: by the newest protocol and the pilot rounds."""
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
        drawn = reports_now(PilotReport).where(PilotReport.pilot_id == row.id)
        for report_id in session.scalars(drawn):
            pilots[report_id] = people if row.closed_at is None else None
    said = body or {}
    return Asked(plans.of_body(said, stage), pilots, learns_from_all(said), stage)


def learns_from_all(body: Mapping[str, Any]) -> bool:
    """Whether a protocol lets the ranking learn from what others are still to decide."""
    return bool((body.get("ranking") or {}).get("learn_from") == "all")


def not_undone() -> Any:
    """That no undo supersedes a decision."""
    undo_of = aliased(Decision)
    return (
        ~select(undo_of.id)
        .where(undo_of.supersedes == Decision.id, undo_of.decision == "undo")
        .exists()
    )


def not_outdated() -> Any:
    """That a decision's report is not screened again since the criteria changed."""
    return (
        ~select(Outdated.decision_id)
        .join(Rescreen, Rescreen.id == Outdated.rescreen_id)
        .where(Outdated.decision_id == Decision.id, Rescreen.withdrawn_at.is_(None))
        .exists()
    )


def stands() -> tuple[Any, ...]:
    """That a decision is no undo, is not undone, and is not set aside to be made again."""
    return Decision.decision != "undo", not_undone(), not_outdated()


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
                *stands(),
            )
            .order_by(Decision.id)
        )
        for report_id, number, person_id, decision, kind in rows:
            found[report_id].append(Line(number, person_id, decision, kind))
    return found


def settle(session: WriteSession, rows: Iterable[Report], asked: Asked) -> None:
    """Set what is derived of reports from the decisions on them: state and what counts."""
    reports = list(rows)
    known = lines(session, [row.id for row in reports], asked.stage)
    for row in reports:
        now = outcome(
            known.get(row.id, []),
            partial(asked.needed, row.id),
            maybe_waits=asked.stage == FULL_TEXT,
        )
        row.state = now.state
        row.decision_id = now.decision_id
        row.first_decision_id = now.first_id


def settle_all(session: WriteSession, review_id: int) -> None:
    """Read every report of a review anew: its plan or a pilot round has changed."""
    session.flush()
    asked = asked_of(session, review_id)
    decided = select(Report.id).where(Report.review_id == review_id, Report.state != "open")
    settle_some(session, session.scalars(decided).all(), asked)


def settle_some(session: WriteSession, report_ids: Iterable[int], asked: Asked) -> None:
    """Lock these reports and read them anew."""
    for part in batched(sorted(set(report_ids)), CHUNK):
        rows = session.scalars(select(Report).where(Report.id.in_(part)).with_for_update())
        settle(session, rows, asked)
    session.flush()


@dataclass(frozen=True, slots=True)
class Together:
    """What all whose decisions a settled report rests on gave with them.

    Attributes:
        reasons: keys of reasons for exclusion.
        questions: keys of the questions that it is included for.
    """

    reasons: frozenset[str]
    questions: frozenset[str]


def together(
    session: ReadSession, review_id: int, stage: str = TITLE_ABSTRACT
) -> dict[int, Together]:
    """Reasons and questions of settled reports, of everybody who decided as it came out.

    What a third person settled has their own, and where they gave none, those of the people who
    had decided the same.
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
            Decision.id == Report.decision_id,
            counting.decision,
        )
        .join(RecordRow, RecordRow.id == Decision.record_id)
        .join(Report, Report.id == RecordRow.report_id)
        .join(counting, counting.id == Report.decision_id)
        .where(Report.review_id == review_id, Decision.stage == stage, *stands())
        .order_by(Decision.id)
    )
    latest: dict[int, dict[int, tuple[list[str], list[str]]]] = defaultdict(dict)
    counted: dict[int, tuple[bool, list[str], list[str]]] = {}
    for report_id, person_id, kind, word, reasons, questions, counts, outcome_word in rows:
        own = kind in (OWN, LOOK)
        if counts:
            counted[report_id] = (own, reasons, questions)
        if own:
            latest[report_id].pop(person_id, None)
            if (word in INCLUDING) == (outcome_word in INCLUDING):
                latest[report_id][person_id] = (reasons, questions)
    found = {}
    for report_id, (own, reasons, questions) in counted.items():
        alike = latest[report_id].values()
        found[report_id] = Together(
            _given(reasons, [each[0] for each in alike], alone=not own),
            _given(questions, [each[1] for each in alike], alone=not own),
        )
    return found


def _given(counting: list[str], alike: list[list[str]], *, alone: bool) -> frozenset[str]:
    """Keys given with the decision that counts, and with those that decided the same."""
    own = frozenset(counting)
    if alone and own:
        return own
    return own | frozenset(key for keys in alike for key in keys)
