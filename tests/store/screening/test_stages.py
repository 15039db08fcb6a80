"""Decisions on full texts leave everything about titles and abstracts as it is."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from sqlalchemy import func, select

from api.protocol import ProtocolBody, RankingChoice, StagePlan
from api.services.reviews import protocols
from store.core.errors import Conflict
from store.core.session import Store
from store.core.tables import Lease, Report, Review
from store.reports import record_counts, screening_state
from store.reviews.people import PersonInfo
from store.reviews.reviews import NewProtocol, ReviewInfo
from store.rules.plans import FULL_TEXT
from store.screening import (
    conflicts,
    decision_labels,
    decision_log,
    decisions,
    queue,
    rankings,
)
from store.screening.decisions import NewDecision
from store.screening.queue import Screener
from tests.store.builders import add_records
from tests.store.deciding import decide, lease


def _screening(store: Store, review: ReviewInfo, team: Sequence[PersonInfo]) -> object:
    """All that counts, queues and the ranking read of a review."""
    with store.read() as session:
        rows = session.scalars(
            select(Report).where(Report.review_id == review.id).order_by(Report.id)
        )
        return (
            [
                (row.state, row.decision_id, row.first_decision_id, row.active, row.out_of_range)
                for row in rows
            ],
            record_counts.count_reports(session, review.id),
            decision_labels.list_training_labels(session, review.id),
            decision_labels.list_read_reports(session, review.id),
            rankings.count_shown(session, review.id),
            session.scalar(select(Review.revision).where(Review.id == review.id)),
            [queue.count_remaining(session, Screener(review.id, one.id)) for one in team],
            [decision_log.find_latest_decision(session, review.id, one.id) for one in team],
            session.scalar(select(func.count()).select_from(Lease)),
        )


@pytest.mark.parametrize("dual_share", [0.0, 1.0])
def test_a_decision_on_a_full_text_changes_nothing_of_titles_and_abstracts(
    store: Store, review: ReviewInfo, person: PersonInfo, bo: PersonInfo, dual_share: float
) -> None:
    body = ProtocolBody(
        plans=(StagePlan(dual_share=dual_share),), ranking=RankingChoice(learn_from="all")
    )
    protocols.save_protocol(store, review.id, NewProtocol(body.stored(), person.id))
    settled, awaiting, differing, free = add_records(store, review.id, 4)
    for who, report, decision in (
        (person, settled, "include"),
        (bo, settled, "include"),
        (person, awaiting, "exclude"),
        (person, differing, "include"),
        (bo, differing, "exclude"),
    ):
        decide(store, review, who, report, decision)
    assert lease(store, review, bo, [free], 1)
    before = _screening(store, review, [person, bo])
    made: dict[int, list[int]] = {}
    for number, decision in enumerate(("maybe", "exclude", "include")):
        for report in (settled, awaiting, differing, free):
            new = NewDecision(f"{number}/{report}", report, decision, stage=FULL_TEXT)
            with store.write() as session:
                decision_id, _ = decisions.record_decision(session, review.id, person.id, new)
            made.setdefault(report, []).append(decision_id)
            assert _screening(store, review, [person, bo]) == before
    with store.read() as session:
        log = {line.id: line for line in decision_log.list_log(session, review.id, seen_by=None)}
    for first, second, third in made.values():
        # Each replaces the one before it on the full text, never one on the title and abstract.
        assert [log[each].supersedes for each in (first, second, third)] == [None, first, second]
    with store.write() as session:
        screening_state.update_all_states(session, review.id)
        decisions.undo_decision(session, review.id, person.id, made[settled][-1], token="undo")
    assert _screening(store, review, [person, bo]) == before
    with store.write() as session, pytest.raises(Conflict, match="not in conflict"):
        conflicts.settle_conflict(
            session,
            review.id,
            bo.id,
            NewDecision("settle", differing, "include", stage=FULL_TEXT, note="read in full"),
            joint_with=person.id,
        )
