"""Which people may be given a record, by the assignments in force and the cards handed over.

A record that is assigned goes to the people named, and to others only if it needs decisions from
more people than those. The most specific assignment wins: single records before a tag before a
share.
"""

from __future__ import annotations

import hashlib
import math
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from sqlalchemy import select

from store.core.chunks import CHUNK, batched
from store.core.session import ReadSession
from store.core.tables import Assignment, AssignmentPerson, AssignmentReport, HandedOver, RecordRow
from store.reports import marks
from store.reports.screening_state import current_reports_query
from store.reviews import screeners
from store.rules.plans import TITLE_ABSTRACT


def _chance(seed: int, person_id: int, report_id: int) -> float:
    """A number between 0 and 1, always the same for the same three arguments."""
    digest = hashlib.blake2b(f"{seed} {person_id} {report_id}".encode(), digest_size=8).digest()
    return (int.from_bytes(digest, "big") + 1) / (2**64 + 2)


def draw_people(seed: int, weights: Mapping[int, int], report_id: int, number: int) -> list[int]:
    """The people to whom a share gives a report, by weighted rendezvous hashing.

    If a person joins or leaves, only that person's reports change hands.

    Args:
        seed: of the draw.
        weights: a weight above 0 for each person id.
        report_id: the report.
        number: how many people decide it.
    """
    return list(_ranked(seed, tuple(sorted(weights.items())), report_id)[:number])


# Cached because each count of a person's remaining cards draws for every record.
@lru_cache(maxsize=2**18)
def _ranked(seed: int, weights: tuple[tuple[int, int], ...], report_id: int) -> tuple[int, ...]:
    scores = {
        person_id: -weight / math.log(_chance(seed, person_id, report_id))
        for person_id, weight in weights
    }
    return tuple(sorted(scores, key=lambda person_id: (-scores[person_id], person_id)))


@dataclass(frozen=True, slots=True)
class AssignedPeople:
    """Which people reports are assigned to, and who has handed a card over.

    Attributes:
        people: for reports assigned singly or by a tag, or handed to somebody: their people.
        shares: weights of the share of all other reports; empty if there is none.
        seed: of the share's draw.
        handed_over_by: for reports whose cards were handed over: the people who did that.
    """

    people: Mapping[int, frozenset[int]] = field(default_factory=dict)
    shares: Mapping[int, int] = field(default_factory=dict)
    seed: int = 0
    handed_over_by: Mapping[int, frozenset[int]] = field(default_factory=dict)

    @property
    def is_empty(self) -> bool:
        """Whether there are no rules, so that any reviewer can be given any report."""
        return not (self.people or self.shares or self.handed_over_by)

    def find_takers(
        self, report_id: int, needed: int, decided: Collection[int]
    ) -> tuple[frozenset[int] | None, frozenset[int]]:
        """The people who may be given a report's card; None for everybody, and who may not.

        Args:
            report_id: the report.
            needed: how many people decide it.
            decided: the people who have decided it.
        """
        refusing = self.handed_over_by.get(report_id, frozenset())
        people: Iterable[int] = self.people.get(report_id, ())
        if not people and self.shares:
            weights = self.shares
            if refusing:
                weights = {who: weight for who, weight in weights.items() if who not in refusing}
            people = draw_people(self.seed, weights, report_id, needed)
        assigned = frozenset(people) - refusing
        if not assigned or needed - len(decided) > len(assigned - set(decided)):
            return None, refusing
        return assigned, refusing


def find_assigned_people(
    session: ReadSession,
    review_id: int,
    report_ids: Iterable[int] | None = None,
    stage: str = TITLE_ABSTRACT,
) -> AssignedPeople:
    """Which people reports are assigned to.

    Args:
        session: a reading session.
        review_id: the review.
        report_ids: only these; None for all.
        stage: the stage that is screened.
    """
    live = list_live_assignments(session, review_id, stage)
    handed_over = session.execute(
        current_reports_query(HandedOver)
        .add_columns(HandedOver.person_id, HandedOver.to_person_id)
        .where(HandedOver.review_id == review_id, HandedOver.stage == stage)
    ).all()
    if not live and not handed_over:
        return AssignedPeople()
    who_screen = {member.id for member in screeners.list_screeners(session, review_id)}
    among = None if report_ids is None else set(report_ids)
    people: dict[int, set[int]] = {}
    for kind in ("tag", "records"):
        same_kind = [row for row in live if row.kind == kind]
        people.update(_find_people(session, same_kind, who_screen, among))
    shares: dict[int, int] = {}
    seed = 0
    for row in live:
        if row.kind == "share":
            weights = get_weights(session, row.id)
            shares = {who: weight for who, weight in weights.items() if who in who_screen}
            seed = row.id
    handed_over_by: dict[int, set[int]] = defaultdict(set)
    for report_id, person_id, to_person_id in handed_over:
        handed_over_by[report_id].add(person_id)
        if to_person_id in who_screen:
            people[report_id] = people.get(report_id, set()) | {to_person_id}
    return AssignedPeople(_frozen(people), shares, seed, _frozen(handed_over_by))


def _find_people(
    session: ReadSession,
    assignments: Sequence[Assignment],
    screeners: set[int],
    among: set[int] | None,
) -> dict[int, set[int]]:
    """The people that assignments of one kind name, by report; they add up."""
    people: dict[int, set[int]] = defaultdict(set)
    for row in assignments:
        named = get_weights(session, row.id).keys() & screeners
        if named:
            for report_id in find_assigned_reports(session, row, among):
                people[report_id] |= named
    return people


def _frozen(people: Mapping[int, set[int]]) -> dict[int, frozenset[int]]:
    return {report_id: frozenset(people_ids) for report_id, people_ids in people.items()}


def list_live_assignments(session: ReadSession, review_id: int, stage: str) -> Sequence[Assignment]:
    """Assignments in force, oldest first."""
    return session.scalars(
        select(Assignment)
        .where(
            Assignment.review_id == review_id,
            Assignment.stage == stage,
            Assignment.ended_at.is_(None),
        )
        .order_by(Assignment.id)
    ).all()


def get_weights(session: ReadSession, assignment_id: int) -> dict[int, int]:
    """The weight of each person of an assignment."""
    rows = session.execute(
        select(AssignmentPerson.person_id, AssignmentPerson.weight).where(
            AssignmentPerson.assignment_id == assignment_id
        )
    )
    return {row[0]: row[1] for row in rows}


def find_assigned_reports(
    session: ReadSession, row: Assignment, among: set[int] | None
) -> set[int]:
    """Reports of an assignment by tag or of single records: all, or those among some."""
    if row.kind == "tag":
        tagged = marks.find_reports_tagged_by_leads(session, row.review_id, row.tag or "")
        return tagged if among is None else tagged & among
    query = current_reports_query(AssignmentReport).where(AssignmentReport.assignment_id == row.id)
    if among is None:
        return set(session.scalars(query))
    report_ids: set[int] = set()
    for chunk in batched(among, CHUNK):
        report_ids.update(session.scalars(query.where(RecordRow.report_id.in_(chunk))))
    return report_ids
