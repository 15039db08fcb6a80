"""The rules by which cards are dealt at a stage, as far as they seldom change.

They are read again only after a change of which ``store.reviews.changes.note_rule_change`` has been
called. Whatever writes what is read here must call it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from sqlalchemy import func, select

from store.core.session import ReadSession
from store.core.tables import Intake, PilotPerson, PilotRow
from store.reports import screening_state
from store.reports.screening_state import RequiredDecisions
from store.rules.agreed_decision import ActiveDecision, get_own_decisions
from store.screening import assigned_people, rescreens
from store.screening.assigned_people import AssignedPeople


class Kind(NamedTuple):
    """What decides in whose queue an undecided report is; many reports share one.

    Attributes:
        awaiting: somebody has decided it.
        places: how many more people must decide it.
        decided_by: the people who have.
        only_for: the people it is assigned to; None for anybody.
        not_for: the people who handed it over.
        in_round: it is in an open pilot round.
        again: it is screened again since the criteria changed.
    """

    awaiting: bool
    places: int
    decided_by: frozenset[int]
    only_for: frozenset[int] | None
    not_for: frozenset[int]
    in_round: bool
    again: bool

    def admits(self, person_id: int) -> bool:
        """Whether a person may decide such a report, pilot rounds apart."""
        return (
            person_id not in self.decided_by
            and person_id not in self.not_for
            and (self.only_for is None or person_id in self.only_for)
        )


@dataclass(frozen=True, slots=True)
class DealingRules:
    """The rules of a stage.

    Attributes:
        required: how many people must decide each report.
        assigned: the people whom reports are assigned to.
        in_round: people who take part in the open pilot round; empty if none is open.
        to_rescreen: reports that are or were screened again since the criteria changed.
        imports: how many imports have ended; each lets many reports be seen at once.
    """

    required: RequiredDecisions
    assigned: AssignedPeople
    in_round: frozenset[int]
    to_rescreen: frozenset[int]
    imports: int

    @property
    def is_plain(self) -> bool:
        """Whether nothing but the plan and pilot rounds tells open reports apart."""
        return self.assigned.is_empty and not self.to_rescreen

    def find_kind(self, report_id: int, lines: Sequence[ActiveDecision]) -> Kind:
        """The kind of an undecided report.

        Args:
            report_id: the report.
            lines: the active decisions on it, oldest first.
        """
        needed = self.required.count_needed(report_id, lines)
        if not lines and self.is_plain and report_id not in self.required.pilots:
            return _OPEN[needed]
        decided_by = frozenset(get_own_decisions(lines)) if lines else _NOBODY
        only_for, not_for = None, _NOBODY
        if not self.assigned.is_empty:
            only_for, not_for = self.assigned.find_takers(report_id, needed, decided_by)
        return Kind(
            awaiting=bool(lines),
            places=needed - len(decided_by),
            decided_by=decided_by,
            only_for=only_for,
            not_for=not_for,
            in_round=self.required.pilots.get(report_id) is not None,
            again=report_id in self.to_rescreen,
        )

    def find_differences(self, other: DealingRules) -> set[int] | None:
        """The reports whose kind may differ under other rules; None if any report's may."""
        ours, theirs = self.assigned, other.assigned
        if (
            self.imports != other.imports
            or self.required.plan != other.required.plan
            or (ours.shares, ours.seed) != (theirs.shares, theirs.seed)
        ):
            return None
        return (
            _find_changed(self.required.pilots, other.required.pilots)
            | _find_changed(ours.people, theirs.people)
            | _find_changed(ours.handed_over_by, theirs.handed_over_by)
            | (self.to_rescreen ^ other.to_rescreen)
        )


_NOBODY: frozenset[int] = frozenset()
# Most reports of a large review are of one of these kinds. A plan needs one or two people.
_OPEN = {
    needed: Kind(
        awaiting=False,
        places=needed,
        decided_by=_NOBODY,
        only_for=None,
        not_for=_NOBODY,
        in_round=False,
        again=False,
    )
    for needed in (1, 2)
}


def _find_changed(before: Mapping[int, object], after: Mapping[int, object]) -> set[int]:
    return {key for key, _ in before.items() ^ after.items()}


def read_rules(session: ReadSession, review_id: int, stage: str) -> DealingRules:
    """The rules as they are now."""
    people = session.scalars(
        select(PilotPerson.person_id)
        .join(PilotRow, PilotRow.id == PilotPerson.pilot_id)
        .where(
            PilotRow.review_id == review_id,
            PilotRow.stage == stage,
            PilotRow.closed_at.is_(None),
        )
    )
    imports = session.scalar(
        select(func.count())
        .select_from(Intake)
        .where(Intake.review_id == review_id, Intake.closed.is_(False))
    )
    return DealingRules(
        required=screening_state.get_required_decisions(session, review_id, stage),
        assigned=assigned_people.find_assigned_people(session, review_id, stage=stage),
        in_round=frozenset(people),
        to_rescreen=frozenset(rescreens.list_rescreened_reports(session, review_id, stage)),
        imports=imports or 0,
    )
