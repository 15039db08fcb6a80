"""Records on which people differ: who sees them, and how they are settled."""

from __future__ import annotations

from dataclasses import dataclass, replace

from store import decisions, members, records, settlements
from store.decisions import DecisionInfo, NewDecision
from store.people import PersonInfo
from store.records import StoredRecord
from store.roles import may
from store.session import ReadSession, Store
from store.settlements import Wanted

_ALL = Wanted()


@dataclass(frozen=True, slots=True)
class Open:
    """A conflict as somebody sees it.

    Attributes:
        party: whether they are one of those who differ.
        others: the others who differ: with whom a consensus may be written down.
        adjudicable: whether they may settle it as a third person.
    """

    stored: StoredRecord
    decisions: tuple[DecisionInfo, ...]
    party: bool
    others: tuple[DecisionInfo, ...]
    adjudicable: bool


def open_for(
    session: ReadSession, review_id: int, person: PersonInfo, wanted: Wanted = _ALL
) -> tuple[int, list[Open]]:
    """Conflicts that a person may settle or agree on: whoever adjudicates sees all.

    Returns:
        How many there are of those wanted, and the first of them.
    """
    adjudicates = may(members.role_of(session, review_id, person.id), "adjudicate")
    narrowed = wanted if adjudicates else replace(wanted, of=person.id)
    total, found = settlements.unsettled(session, review_id, narrowed)
    shown = records.by_reports(session, review_id, [each.report_id for each in found])
    return total, [
        _open(shown[each.report_id], each.decisions, person.id, adjudicates=adjudicates)
        for each in found
        if each.report_id in shown
    ]


def _open(
    stored: StoredRecord, said: tuple[DecisionInfo, ...], person_id: int, *, adjudicates: bool
) -> Open:
    others = tuple(info for info in said if info.person_id != person_id)
    party = len(others) < len(said)
    return Open(stored, said, party, others, adjudicable=adjudicates and not party)


def settle(
    store: Store, review_id: int, person_id: int, new: NewDecision, *, joint_with: int | None
) -> tuple[DecisionInfo, bool]:
    """Store what settles a conflict in a transaction of its own; gives it and whether it is new."""
    with store.write() as session:
        number, stored = settlements.settle(
            session, review_id, person_id, new, joint_with=joint_with
        )
        return decisions.by_id(session, review_id, number), stored
