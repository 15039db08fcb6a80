"""What a process remembers of a stage's queue, and how it learns what has changed since.

Each request reads two counts (``store.reviews.changes``) in its transaction. If they are those of
the last request, nothing else is read. Otherwise the rules, or the reports that changed, are read
again.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from threading import Lock
from typing import Any

from sqlalchemy import bindparam, func, select

from store.core.chunks import CHUNK, batched
from store.core.session import ReadSession, execute_plain
from store.core.tables import Decision, Membership, Ranking, RecordRow, ReportState, Review
from store.reports.screening_state import active_condition
from store.reviews import screeners
from store.rules.agreed_decision import UNDECIDED, ActiveDecision
from store.rules.plans import TITLE_ABSTRACT
from store.screening.dealing_rules import DealingRules, Kind, read_rules
from store.screening.undecided_reports import Place, UndecidedReports


@dataclass(frozen=True, slots=True)
class Screener:
    """A person who screens a stage of a review."""

    review_id: int
    person_id: int
    stage: str = TITLE_ABSTRACT


@dataclass(frozen=True, slots=True)
class Heading:
    """What every request for cards reads first, in one statement.

    Attributes:
        rules, states: the review's counts of changes.
        ranking_id: of the newest ranking; None before the first.
    """

    rules: int
    states: int
    ranking_id: int | None


_NEWEST = select(func.max(Ranking.id)).where(Ranking.review_id == Review.id).scalar_subquery()
_HEADING = (
    select(Membership.role, Membership.screens, Review.rule_changes, Review.state_changes, _NEWEST)
    .select_from(Review)
    .outerjoin(
        Membership,
        (Membership.review_id == Review.id) & (Membership.person_id == bindparam("person")),
    )
    .where(Review.id == bindparam("review"))
)


def read_heading(session: ReadSession, screener: Screener) -> Heading:
    """Check that a person screens, and read what may have changed.

    Raises:
        NotAllowed: they are not in the review, or do not screen.
    """
    values = {"person": screener.person_id, "review": screener.review_id}
    row = execute_plain(session, _HEADING, values).first()
    role, screens, rules, states, ranking_id = row or (None, None, 0, 0, None)
    screeners.check_screener(role, screens)
    return Heading(rules, states, ranking_id)


_OF_STAGE = (
    ReportState.review_id == bindparam("review"),
    ReportState.stage == bindparam("at"),
)
_STATES = select(ReportState.report_id, ReportState.active, ReportState.state)
# With the bare conditions the index serves.
_UNDECIDED = select(ReportState.report_id).where(
    *_OF_STAGE, ReportState.active.is_(True), ReportState.state.in_(UNDECIDED)
)
_LINES = (
    select(RecordRow.report_id, Decision.id, Decision.person_id, Decision.decision, Decision.kind)
    .select_from(ReportState)
    .join(RecordRow, RecordRow.report_id == ReportState.report_id)
    .join(Decision, (Decision.record_id == RecordRow.id) & (Decision.stage == bindparam("at")))
    .where(*_OF_STAGE, ReportState.state == "awaiting", *active_condition())
    .order_by(Decision.id)
)
_LINES_OF_ALL = _LINES.where(ReportState.active.is_(True))
_SINCE = ReportState.change > bindparam("since")
_AMONG = ReportState.report_id.in_(bindparam("ids", expanding=True))
_STATES_SINCE = _STATES.where(*_OF_STAGE, _SINCE)
_LINES_SINCE = _LINES.where(_SINCE)
_STATES_AMONG = _STATES.where(ReportState.stage == bindparam("at"), _AMONG)
_LINES_AMONG = _LINES.where(_AMONG)
# If the kinds of more reports may have changed, all are read again.
_MANY = 5_000


class StageQueue:
    """The undecided reports of a stage of a review, under the rules at one moment.

    Safe for threads. Two of them may ask at different moments of the database: the later one wins,
    since what is chosen from here is checked again before it is dealt.
    """

    def __init__(self, review_id: int, stage: str) -> None:
        self._review_id, self._stage = review_id, stage
        self._values: dict[str, Any] = {"review": review_id, "at": stage}
        self._lock = Lock()
        self._rule_changes = self._state_changes = -1
        self._ranking_id: int | None = None
        self._order: Sequence[int] = ()
        self._rules: DealingRules | None = None
        self._reports = UndecidedReports(())

    def __len__(self) -> int:
        return len(self._reports)

    @property
    def rules(self) -> DealingRules:
        """The rules as they were last read."""
        assert self._rules is not None
        return self._rules

    def refresh(self, session: ReadSession, heading: Heading) -> None:
        """Learn what has changed up to the moment of a transaction."""
        with self._lock:
            if heading.rules > self._rule_changes:
                self._read_rules(session, heading)
            if heading.states > self._state_changes:
                self._read_changes(session)
                self._state_changes = heading.states

    def sort(self, ranking_id: int, order: Sequence[int]) -> None:
        """Put the reports in the order of a ranking, unless a newer one orders them already."""
        with self._lock:
            if self._ranking_id is None or ranking_id > self._ranking_id:
                self._ranking_id, self._order = ranking_id, order
                self._sort(self.rules)

    def _sort(self, rules: DealingRules) -> None:
        self._reports.set_order(self._order, lambda report_id: rules.find_kind(report_id, ()))

    def _read_rules(self, session: ReadSession, heading: Heading) -> None:
        rules, before = read_rules(session, self._review_id, self._stage), self._rules
        differing = None
        if before is not None and self._stage == TITLE_ABSTRACT:
            differing = rules.find_differences(before)
        if differing is None or len(differing) > _MANY:
            self._read_all(session, rules)
            self._state_changes = heading.states
        else:
            for part in batched(sorted(differing), CHUNK):
                self._update(session, rules, _STATES_AMONG, _LINES_AMONG, {"ids": part})
        # Only now: if a read has failed, the next request must find the same differences.
        self._rules, self._rule_changes = rules, heading.rules

    def _read_all(self, session: ReadSession, rules: DealingRules) -> None:
        lines = self._list_lines(session, _LINES_OF_ALL, {})
        decided = None
        if self._stage != TITLE_ABSTRACT:
            every = execute_plain(session, _STATES.where(*_OF_STAGE), self._values)
            decided = {row[0] for row in every}
        rows = execute_plain(session, _UNDECIDED, self._values).all()
        find_kind, get_lines = rules.find_kind, lines.get
        kinds = (
            (report_id, find_kind(report_id, get_lines(report_id, ()))) for (report_id,) in rows
        )
        self._reports = UndecidedReports(kinds, decided=decided)
        self._sort(rules)

    def _read_changes(self, session: ReadSession) -> None:
        values = {"since": self._state_changes}
        self._update(session, self.rules, _STATES_SINCE, _LINES_SINCE, values)

    def _update(
        self,
        session: ReadSession,
        rules: DealingRules,
        states: Any,
        lines: Any,
        values: dict[str, Any],
    ) -> None:
        rows = execute_plain(session, states, {**self._values, **values}).all()
        awaiting = any(active and state == "awaiting" for _, active, state in rows)
        by_report = self._list_lines(session, lines, values) if awaiting else {}
        for report_id, active, state in rows:
            kind = None
            if active and state in UNDECIDED:
                kind = rules.find_kind(report_id, by_report.get(report_id, ()))
            self._reports.put(report_id, kind)

    def _list_lines(
        self, session: ReadSession, query: Any, values: dict[str, Any]
    ) -> dict[int, list[ActiveDecision]]:
        by_report: dict[int, list[ActiveDecision]] = defaultdict(list)
        for report_id, *line in execute_plain(session, query, {**self._values, **values}):
            by_report[report_id].append(ActiveDecision(*line))
        return by_report

    def list_places(
        self,
        person_id: int,
        number: int,
        *,
        again: bool,
        is_free: Callable[[int, Kind], bool],
    ) -> tuple[int | None, list[Place]]:
        """The best places of a person's queue.

        A person in an open pilot round gets its records in reading order. Others get records that
        await another person, then those that nobody has decided, both in the order of the ranking.

        Args:
            person_id: the person.
            number: how many at most.
            again: of the records to screen again; otherwise of all others.
            is_free: whether a report of a kind can be had now.

        Returns:
            The ranking that the places are of, and the places.
        """
        with self._lock:
            kinds = self._list_kinds(person_id, again=again)
            found: Iterable[tuple[Place, Kind]]
            if person_id in self.rules.in_round:
                found = sorted(self._reports.iter_places(kinds), key=lambda at: at[0].report_id)
            elif again:
                found = self._reports.iter_places(kinds)
            else:
                found = chain(
                    self._reports.iter_places([kind for kind in kinds if kind.awaiting]),
                    self._reports.iter_places([kind for kind in kinds if not kind.awaiting]),
                )
            free = (place for place, kind in found if is_free(place.report_id, kind))
            return self._ranking_id, list(islice(free, number))

    def _list_kinds(self, person_id: int, *, again: bool) -> list[Kind]:
        """The kinds of reports in a person's queue."""
        in_round = person_id in self.rules.in_round
        return [
            kind
            for kind in self._reports.count_kinds()
            if kind.admits(person_id)
            and kind.in_round == in_round
            and (in_round or kind.again == again)
        ]

    def count_remaining(self, person_id: int, *, again: bool = False) -> int:
        """How many reports a person could still decide if nobody else comes first.

        Args:
            person_id: the person.
            again: only records to screen again; otherwise all others.
        """
        with self._lock:
            if again and person_id in self.rules.in_round:
                # A person in a pilot round gets no other cards.
                return 0
            counts = self._reports.count_kinds()
            return sum(counts[kind] for kind in self._list_kinds(person_id, again=again))

    def count_kinds(self) -> dict[Kind, int]:
        """How many undecided reports there are of each kind."""
        with self._lock:
            return self._reports.count_kinds()

    def are_of(self, report_ids: Iterable[int], kinds: Collection[Kind]) -> set[int]:
        """Those of the reports that are of one of these kinds."""
        with self._lock:
            return {id_ for id_ in report_ids if self._reports.get_kind(id_) in kinds}
