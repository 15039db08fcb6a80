from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Sequence
from contextlib import nullcontext

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from api.protocol import ProtocolBody, RankingChoice, StagePlan
from api.services.reviews import protocols
from store.core.errors import Conflict, NotAllowed, NotFound
from store.core.session import Store
from store.reports import record_counts, report_states
from store.reviews import people, reviews
from store.reviews.people import PersonInfo
from store.reviews.reviews import NewProtocol, NewReview, ReviewInfo
from store.rules.roles import Role
from store.screening import decision_labels, decision_log, decisions
from store.screening.decisions import NewDecision
from store.searching import batches, searches
from tests.shared import on_postgresql, on_sqlite
from tests.store.builders import add_records, join
from tests.store.deciding import decide, lease, plan


def _decide(
    store: Store, review: ReviewInfo, person: PersonInfo, report: int, decision: str, token: str
) -> tuple[int, bool]:
    """Decide, having seen the decision that counts."""
    with store.write() as session:
        seen = report_states.get_state(session, report)
        counting = seen.decision_id if seen else None
        new = NewDecision(token=token, report_id=report, decision=decision, replaces=counting)
        return decisions.record_decision(session, review.id, person.id, new)


def test_a_decision_sent_twice_is_stored_once(
    store: Store, review: ReviewInfo, person: PersonInfo
) -> None:
    (report,) = add_records(store, review.id, 1)
    first = _decide(store, review, person, report, "include", "t1")
    again = _decide(store, review, person, report, "include", "t1")
    assert first[1] is True
    assert again == (first[0], False)
    with store.read() as session:
        assert len(list(decision_log.list_log(session, review.id, seen_by=None))) == 1


def test_a_token_used_for_another_decision_is_refused(
    store: Store, review: ReviewInfo, person: PersonInfo
) -> None:
    one, other = add_records(store, review.id, 2)
    _decide(store, review, person, one, "include", "t1")
    for report, decision in ((one, "exclude"), (other, "include")):
        with pytest.raises(Conflict, match="t1"):
            _decide(store, review, person, report, decision, "t1")


def test_nobody_decides_in_another_persons_name(
    store: Store, review: ReviewInfo, person: PersonInfo
) -> None:
    (report,) = add_records(store, review.id, 1)
    with store.write() as session:
        bo = join(session, review.id, "Bo")
        for kind in ("own", "look", "act"):
            new = NewDecision("t1", report, "include", kind=kind, made_by=bo.id)
            with pytest.raises(ValueError, match="another person's"):
                decisions.record_decision(session, review.id, person.id, new)


def test_the_latest_decision_counts_and_the_earlier_one_can_be_read(
    store: Store, review: ReviewInfo, person: PersonInfo
) -> None:
    (report,) = add_records(store, review.id, 1)
    first, _ = _decide(store, review, person, report, "include", "t1")
    second, _ = _decide(store, review, person, report, "exclude", "t2")
    with store.read() as session:
        log = list(decision_log.list_log(session, review.id, seen_by=None))
        (label,) = decision_labels.list_labels(session, review.id)
    assert [(e.decision, e.counts, e.supersedes) for e in log] == [
        ("include", False, None),
        ("exclude", True, first),
    ]
    assert (label.decision, label.first_id) == ("exclude", first)
    assert log[1].id == second
    assert {entry.person for entry in log} == {"ada"}


def test_undo_restores_the_previous_decision(
    store: Store, review: ReviewInfo, person: PersonInfo
) -> None:
    (report,) = add_records(store, review.id, 1)
    _decide(store, review, person, report, "include", "t1")
    second, _ = _decide(store, review, person, report, "exclude", "t2")
    with store.write() as session:
        undo, stored = decisions.undo_decision(session, review.id, person.id, second, token="u1")
        assert stored
        assert decisions.undo_decision(session, review.id, person.id, second, token="u1") == (
            undo,
            False,
        )
    with store.read() as session:
        (label,) = decision_labels.list_labels(session, review.id)
        assert label.decision == "include"
        assert [e.decision for e in decision_log.list_log(session, review.id, seen_by=None)] == [
            "include",
            "exclude",
            "undo",
        ]
    with store.write() as session, pytest.raises(Conflict, match="already been undone"):
        decisions.undo_decision(session, review.id, person.id, second, token="u2")


@pytest.mark.parametrize(
    ("role", "allowed"),
    [
        ("owner", True),
        ("manager", True),
        ("adjudicator", False),
        ("reviewer", False),
        ("viewer", False),
    ],
)
def test_only_a_lead_may_undo_another_persons_decision(
    store: Store, review: ReviewInfo, person: PersonInfo, role: Role, allowed: bool
) -> None:
    (report,) = add_records(store, review.id, 1)
    decision, _ = _decide(store, review, person, report, "include", "t1")
    with store.write() as session:
        other = join(session, review.id, "bo", role)
    with nullcontext() if allowed else pytest.raises(NotAllowed), store.write() as session:
        decisions.undo_decision(session, review.id, other.id, decision, token="u1")
    with store.read() as session:
        assert bool(decision_labels.list_labels(session, review.id)) is not allowed
    # Everyone who screens may undo their own.
    if role != "viewer":
        own, _ = _decide(store, review, other, report, "exclude", "t2")
        with store.write() as session:
            assert decisions.undo_decision(session, review.id, other.id, own, token="u2")[1]


def test_a_decision_on_a_record_of_another_review_is_refused(
    store: Store, review: ReviewInfo, person: PersonInfo
) -> None:
    with store.write() as session:
        other = reviews.create_review(session, NewReview("other", "Other", {}), person_id=person.id)
    (report,) = add_records(store, review.id, 1)
    with store.write() as session, pytest.raises(NotFound, match=str(report)):
        decisions.record_decision(session, other.id, person.id, NewDecision("t", report, "include"))


def test_a_decision_keeps_the_protocol_version_it_was_made_under(
    store: Store, review: ReviewInfo, person: PersonInfo
) -> None:
    one, other = add_records(store, review.id, 2)
    _decide(store, review, person, one, "include", "t1")
    with store.write() as session:
        reviews.create_protocol(
            session, review.id, NewProtocol({"inclusion": ["x"]}, person.id, "new")
        )
    _decide(store, review, person, other, "include", "t2")
    with store.read() as session:
        versions = [
            entry.protocol_version
            for entry in decision_log.list_log(session, review.id, seen_by=None)
        ]
    assert versions == [1, 2]


def test_decisions_on_a_withdrawn_file_do_not_count_and_can_be_read(
    store: Store, review: ReviewInfo, person: PersonInfo
) -> None:
    kept, gone = add_records(store, review.id, 1), add_records(store, review.id, 2, name="wrong")
    for number, report in enumerate([*kept, *gone]):
        _decide(store, review, person, report, "include", f"t{number}")
    with store.write() as session:
        (batch,) = [
            b
            for s in searches.list_searches(session, review.id)
            for b in s.batches
            if b.name == "wrong"
        ]
        assert batches.withdraw_batch(session, review.id, batch.id, reason="r", person_id=1) == 2
    with store.read() as session:
        assert record_counts.count_reports(session, review.id).include == 1
        assert [
            label.report_id for label in decision_labels.list_labels(session, review.id)
        ] == kept
        assert len(list(decision_log.list_log(session, review.id, seen_by=None))) == 3


def _in_threads(work: list[Callable[[], object]]) -> list[object]:
    results: list[object] = []

    def run(each: Callable[[], object]) -> None:
        try:
            results.append(each())
        except Conflict as error:
            results.append(error)

    threads = [threading.Thread(target=run, args=(each,)) for each in work]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def test_two_sends_of_one_token_at_the_same_moment_store_one_decision(
    store: Store, review: ReviewInfo, person: PersonInfo
) -> None:
    (report,) = add_records(store, review.id, 1)
    send = lambda: _decide(store, review, person, report, "include", "t1")  # noqa: E731
    _in_threads([send] * 8)
    with store.read() as session:
        assert len(list(decision_log.list_log(session, review.id, seen_by=None))) == 1


_STEPS = st.lists(
    st.tuples(
        st.integers(0, 2), st.sampled_from(["include", "exclude", "maybe", "undo"]), st.booleans()
    ),
    max_size=25,
)


def check_history(
    store: Store, review: ReviewInfo, person: PersonInfo, steps: Sequence[tuple[int, str, bool]]
) -> None:
    """Take the steps, and compare what counts with what the log says."""
    with store.write() as session:
        name = f"p{len(people.list_people(session))}"
        other = join(session, review.id, name, "manager")
    reports = add_records(store, review.id, 3)
    for number, (at, decision, mine) in enumerate(steps):
        actor, report = (person if mine else other), reports[at]
        token = f"{name}-{number}"
        if decision != "undo":
            _decide(store, review, actor, report, decision, token)
            continue
        with store.write() as session:
            target = decision_log.find_latest_active_decision(session, report)
            if target is not None:
                decisions.undo_decision(session, review.id, actor.id, target, token=token)
    with store.read() as session:
        counted = {
            label.report_id: label for label in decision_labels.list_labels(session, review.id)
        }
        for report in reports:
            log = list(decision_log.list_log(session, review.id, seen_by=None, report_id=report))
            undone = {entry.supersedes for entry in log if entry.decision == "undo"}
            standing = [e for e in log if e.decision != "undo" and e.id not in undone]
            expected = (standing[-1].decision, standing[0].id) if standing else None
            label = counted.get(report)
            assert (label and (label.decision, label.first_id)) == expected


@on_sqlite
@settings(max_examples=25)
@given(steps=_STEPS)
def test_in_any_history_the_counted_decisions_follow_from_the_log(
    store: Store, review: ReviewInfo, person: PersonInfo, steps: list[tuple[int, str, bool]]
) -> None:
    check_history(store, review, person, steps)


@on_postgresql
def test_in_a_history_of_every_step_the_counted_decisions_follow_from_the_log(
    store: Store, review: ReviewInfo, person: PersonInfo
) -> None:
    steps = itertools.product((0, 1, 2), ("include", "undo", "maybe", "exclude"), (True, False))
    undone = [(report, "undo", mine) for report in (1, 2, 2, 2) for mine in (True, False)]
    check_history(store, review, person, [*steps, *undone])


def test_the_ranking_learns_from_settled_decisions_unless_the_protocol_says_otherwise(
    store: Store,
    review: ReviewInfo,
    person: PersonInfo,
    team: list[PersonInfo],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    bo, cy, _ = team
    one, two, three = add_records(store, review.id, 3)
    plan(store, review, person, dual_share=1.0)
    decide(store, review, bo, one, "include")
    decide(store, review, bo, two, "exclude")
    decide(store, review, cy, two, "exclude")

    def learned() -> dict[int, str]:
        with store.read() as session:
            return {
                each.report_id: each.decision
                for each in decision_labels.list_training_labels(session, review.id)
            }

    def revision() -> int:
        with store.read() as session:
            return reviews.get_review(session, review.id).revision

    assert learned() == {two: "exclude"}
    before = revision()
    decide(store, review, bo, three, "exclude")
    assert revision() == before, "a decision that does not count yet changes no order"
    body = ProtocolBody(plans=(StagePlan(dual_share=1.0),), ranking=RankingChoice(learn_from="all"))
    protocols.save_protocol(store, review.id, NewProtocol(body.stored(), person.id))
    assert learned() == {two: "exclude"}, "two waiting decisions are not a batch"
    monkeypatch.setattr(decision_labels, "BATCH", 2)
    assert learned() == {one: "include", two: "exclude", three: "exclude"}
    before = revision()
    decide(store, review, cy, three, "include")
    assert revision() > before
    # Records that the other has decided are no longer in the order, but still come first.
    assert lease(store, review, cy, [], 9) == [one]
