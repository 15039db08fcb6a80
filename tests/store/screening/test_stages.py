"""Decisions on full texts leave everything about titles and abstracts as it is."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

import pytest
from sqlalchemy import func, select

from api.protocol import ProtocolBody, RankingChoice, StagePlan
from api.services.reviews import protocols
from store.core.errors import Conflict
from store.core.session import Store
from store.core.tables import Lease, Report, ReportState, Review
from store.reports import record_counts, report_states, screening_state
from store.reports.record_listing import RecordFilter
from store.reports.report_states import at_stage
from store.reviews import reviews
from store.reviews.people import PersonInfo
from store.reviews.reviews import NewProtocol, ReviewInfo
from store.rules.plans import FULL_TEXT, TITLE_ABSTRACT
from store.screening import (
    bulk,
    conflicts,
    decision_labels,
    decision_log,
    decisions,
    pilots,
    queue,
    rankings,
)
from store.screening.bulk import BulkAction, BulkRequest
from store.screening.decisions import NewDecision
from store.screening.stage_queue import Screener
from tests.store import dealing
from tests.store.builders import add_records
from tests.store.deciding import decide, lease

STAGES = (TITLE_ABSTRACT, FULL_TEXT)


def _screening(store: Store, review: ReviewInfo, team: Sequence[PersonInfo]) -> object:
    """All that counts, queues and the ranking read of a review."""
    with store.read() as session:
        rows = session.execute(
            select(Report, ReportState)
            .join(ReportState, at_stage())
            .where(Report.review_id == review.id)
            .order_by(Report.id)
        ).all()
        return (
            [
                (at.state, at.decision_id, at.first_decision_id, row.active, row.out_of_range)
                for row, at in rows
            ],
            record_counts.count_reports(session, review.id),
            decision_labels.list_training_labels(session, review.id),
            decision_labels.list_read_reports(session, review.id),
            rankings.count_shown(session, review.id),
            session.scalar(select(Review.revision).where(Review.id == review.id)),
            [dealing.count_remaining(session, Screener(review.id, one.id)) for one in team],
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


def test_each_stage_has_a_state_of_its_own(
    store: Store, review: ReviewInfo, person: PersonInfo, bo: PersonInfo
) -> None:
    settled, free = add_records(store, review.id, 2)
    decide(store, review, person, settled, "include")

    def states(report: int) -> tuple[str | None, str | None]:
        with store.read() as session:
            found = [report_states.get_state(session, report, at) for at in STAGES]
        return tuple(row and row.outcome for row in found)  # type: ignore[return-value]

    def read(report: int, word: str) -> int:
        new = NewDecision(f"{report} {word}", report, word, stage=FULL_TEXT)
        with store.write() as session:
            return decisions.record_decision(session, review.id, person.id, new)[0]

    assert states(settled) == ("include", None)
    read(settled, "maybe")
    assert states(settled) == ("include", "awaiting")
    made = read(settled, "exclude")
    assert states(settled) == ("include", "exclude")
    assert states(free) == ("open", None)
    reader = Screener(review.id, bo.id, FULL_TEXT)
    with store.write() as session:
        # What is settled on the full text is dealt to nobody, whatever its title and abstract.
        request = queue.LeaseRequest(number=5, valid=dt.timedelta(hours=1))
        dealt = dealing.lease_cards(session, reader, [settled, free], request)
        assert [place.report_id for place in dealt] == [free]
        drawn = pilots._list_candidates(session, review.id, FULL_TEXT)
        assert drawn.report_ids == (free,)
        assert pilots._list_candidates(session, review.id, TITLE_ABSTRACT).report_ids == (free,)
        (line, *_) = [
            line
            for line in decision_log.list_log(session, review.id, seen_by=None)
            if line.stage == FULL_TEXT and line.counts
        ]
        assert line.id == made
    with store.write() as session:
        decisions.undo_decision(session, review.id, person.id, made, token="undo")
    assert states(settled) == ("include", "awaiting")


def test_a_bulk_decision_on_full_texts_takes_those_undecided_at_full_text(
    store: Store, review: ReviewInfo, person: PersonInfo
) -> None:
    reports = add_records(store, review.id, 3)
    for report in reports:
        decide(store, review, person, report, "include")
    new = NewDecision("read", reports[0], "include", stage=FULL_TEXT)
    with store.write() as session:
        decisions.record_decision(session, review.id, person.id, new)
        request = BulkRequest(
            filters=RecordFilter(),
            action=BulkAction(kind="decide", value="maybe", note="as agreed"),
            token="bulk",
            stage=FULL_TEXT,
        )
        bulk.apply_action(session, review.id, person.id, request)
        (done,) = bulk.list_actions(session, review.id, seen_by=person.id)
        assert (done.reports, done.passed_over) == (2, 1)
        counts = record_counts.count_reports(session, review.id)
        assert (counts.include, counts.decided) == (3, 3)


def test_nobody_sees_a_decision_on_a_full_text_that_others_must_still_decide(
    store: Store, review: ReviewInfo, person: PersonInfo, bo: PersonInfo
) -> None:
    plan = {"stage": FULL_TEXT, "dual_share": 1.0, "second_look": 0.0, "seed": 0}
    with store.write() as session:
        reviews.create_protocol(session, review.id, NewProtocol({"plans": [plan]}, person.id))
    (report,) = add_records(store, review.id, 1)
    decide(store, review, person, report, "include")
    for who, seen in ((person, 1), (bo, 3)):
        new = NewDecision(f"{who.id}", report, "include", stage=FULL_TEXT)
        with store.write() as session:
            decisions.record_decision(session, review.id, who.id, new)
        with store.read() as session:
            lines = list(decision_log.list_log(session, review.id, seen_by=bo.id))
        # The decision on the title and abstract alone, and then all three.
        assert len(lines) == seen
