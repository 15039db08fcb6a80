"""Records on which people differ: who sees them, and how they are settled."""

from __future__ import annotations

from dataclasses import dataclass, replace

from api.services.screening.deciding import RecordedDecision, read_recorded
from store.core.session import ReadSession, Store
from store.reports import records
from store.reports.records import StoredRecord
from store.reviews import members
from store.rules.roles import role_allows
from store.screening import conflicts
from store.screening.conflicts import ConflictFilter
from store.screening.decision_log import DecisionInfo
from store.screening.decisions import NewDecision

_ALL = ConflictFilter()


@dataclass(frozen=True, slots=True, kw_only=True)
class ConflictView:
    """A conflict as one person sees it.

    Attributes:
        stored: the record on which people differ.
        decisions: each person's own decision, oldest first.
        party: whether this person is one of those who differ.
        others: the decisions of the others who differ; the person may agree with one of them.
        adjudicable: whether this person may settle the conflict as a third person.
    """

    stored: StoredRecord
    decisions: tuple[DecisionInfo, ...]
    party: bool
    others: tuple[DecisionInfo, ...]
    adjudicable: bool


def list_conflicts_for(
    session: ReadSession, review_id: int, person_id: int, filters: ConflictFilter = _ALL
) -> tuple[int, list[ConflictView]]:
    """Conflicts that a person may settle or agree on; an adjudicator sees all of them.

    Returns:
        How many conflicts match, and the first of them.
    """
    adjudicates = role_allows(members.get_role(session, review_id, person_id), "adjudicate")
    if not adjudicates:
        filters = replace(filters, of=person_id)
    total, matching = conflicts.find_conflicts(session, review_id, filters)
    report_ids = [conflict.report_id for conflict in matching]
    shown = records.get_representatives(session, review_id, report_ids)
    return total, [
        _view(shown[conflict.report_id], conflict.decisions, person_id, adjudicates=adjudicates)
        for conflict in matching
        if conflict.report_id in shown
    ]


def _view(
    stored: StoredRecord,
    decisions: tuple[DecisionInfo, ...],
    person_id: int,
    *,
    adjudicates: bool,
) -> ConflictView:
    others = tuple(decision for decision in decisions if decision.person_id != person_id)
    party = len(others) < len(decisions)
    return ConflictView(
        stored=stored,
        decisions=decisions,
        party=party,
        others=others,
        adjudicable=adjudicates and not party,
    )


def settle_conflict(
    store: Store, review_id: int, person_id: int, new: NewDecision, *, joint_with: int | None
) -> RecordedDecision:
    """Settle a conflict; the same token again changes nothing.

    Args:
        store: the database.
        review_id: the review.
        person_id: the person who writes it down.
        new: include or exclude, with a note that says why.
        joint_with: the other person of a consensus; None if a third person adjudicates.

    Raises:
        NotAllowed: the person may not settle this conflict in this way.
        Conflict: people do not differ on the report, or the token was used for something else.
        ValueError: the decision is *maybe*, or there is no note.
    """
    with store.write() as session:
        decision_id, stored = conflicts.settle_conflict(
            session, review_id, person_id, new, joint_with=joint_with
        )
        return read_recorded(session, review_id, decision_id, stored=stored)
