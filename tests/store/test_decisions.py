from __future__ import annotations

import threading
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from store import decisions, people, records, reviews, searches
from store.decisions import NewDecision
from store.errors import Conflict, NotFound
from store.people import PersonInfo
from store.reviews import ReviewInfo
from store.session import Store
from tests.store.made import add_records, join


def _decide(
    store: Store, review: ReviewInfo, person: PersonInfo, report: int, decision: str, token: str
) -> tuple[int, bool]:
    with store.write() as session:
        new = NewDecision(token=token, report_id=report, decision=decision)
        return decisions.record(session, review.id, person.id, new)


def test_a_decision_sent_twice_is_stored_once(
    store: Store, review: ReviewInfo, person: PersonInfo
) -> None:
    (report,) = add_records(store, review.id, 1)
    first = _decide(store, review, person, report, "include", "t1")
    again = _decide(store, review, person, report, "include", "t1")
    assert first[1] is True
    assert again == (first[0], False)
    with store.read() as session:
        assert len(list(decisions.log(session, review.id, seen_by=None))) == 1


def test_a_token_used_for_another_decision_is_refused(
    store: Store, review: ReviewInfo, person: PersonInfo
) -> None:
    one, other = add_records(store, review.id, 2)
    _decide(store, review, person, one, "include", "t1")
    for report, decision in ((one, "exclude"), (other, "include")):
        with pytest.raises(Conflict, match="t1"):
            _decide(store, review, person, report, decision, "t1")


def test_the_latest_decision_counts_and_the_earlier_stays_readable(
    store: Store, review: ReviewInfo, person: PersonInfo
) -> None:
    (report,) = add_records(store, review.id, 1)
    first, _ = _decide(store, review, person, report, "include", "t1")
    second, _ = _decide(store, review, person, report, "exclude", "t2")
    with store.read() as session:
        log = list(decisions.log(session, review.id, seen_by=None))
        (label,) = decisions.labels(session, review.id)
    assert [(e.decision, e.counts, e.supersedes) for e in log] == [
        ("include", False, None),
        ("exclude", True, first),
    ]
    assert (label.decision, label.first_id) == ("exclude", first)
    assert log[1].id == second
    assert {entry.person for entry in log} == {"ada"}


def test_an_undo_brings_the_decision_before_it_back(
    store: Store, review: ReviewInfo, person: PersonInfo
) -> None:
    (report,) = add_records(store, review.id, 1)
    _decide(store, review, person, report, "include", "t1")
    second, _ = _decide(store, review, person, report, "exclude", "t2")
    with store.write() as session:
        undo, stored = decisions.undo(session, review.id, person.id, second, token="u1")
        assert stored
        assert decisions.undo(session, review.id, person.id, second, token="u1") == (undo, False)
    with store.read() as session:
        (label,) = decisions.labels(session, review.id)
        assert label.decision == "include"
        assert [e.decision for e in decisions.log(session, review.id, seen_by=None)] == [
            "include",
            "exclude",
            "undo",
        ]
    with store.write() as session, pytest.raises(Conflict, match="undone already"):
        decisions.undo(session, review.id, person.id, second, token="u2")


def test_a_decision_on_another_reviews_record_is_not_found(
    store: Store, review: ReviewInfo, person: PersonInfo
) -> None:
    with store.write() as session:
        other = reviews.create(
            session, slug="other", title="Other", protocol={}, person_id=person.id
        )
    (report,) = add_records(store, review.id, 1)
    with store.write() as session, pytest.raises(NotFound, match=str(report)):
        decisions.record(session, other.id, person.id, NewDecision("t", report, "include"))


def test_a_decision_keeps_the_protocol_version_it_was_made_under(
    store: Store, review: ReviewInfo, person: PersonInfo
) -> None:
    one, other = add_records(store, review.id, 2)
    _decide(store, review, person, one, "include", "t1")
    with store.write() as session:
        reviews.add_protocol(
            session, review.id, {"inclusion": ["x"]}, person_id=person.id, reason="new"
        )
    _decide(store, review, person, other, "include", "t2")
    with store.read() as session:
        versions = [
            entry.protocol_version for entry in decisions.log(session, review.id, seen_by=None)
        ]
    assert versions == [1, 2]


def test_decisions_on_a_withdrawn_file_leave_the_counts_and_stay_readable(
    store: Store, review: ReviewInfo, person: PersonInfo
) -> None:
    kept, gone = add_records(store, review.id, 1), add_records(store, review.id, 2, name="wrong")
    for number, report in enumerate([*kept, *gone]):
        _decide(store, review, person, report, "include", f"t{number}")
    with store.write() as session:
        (batch,) = [
            b
            for s in searches.everything(session, review.id)
            for b in s.batches
            if b.name == "wrong"
        ]
        assert searches.withdraw(session, review.id, batch.id, reason="r", person_id=1) == 2
    with store.read() as session:
        assert records.counts(session, review.id).include == 1
        assert [label.report_id for label in decisions.labels(session, review.id)] == kept
        assert len(list(decisions.log(session, review.id, seen_by=None))) == 3


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
        assert len(list(decisions.log(session, review.id, seen_by=None))) == 1


_STEPS = st.lists(
    st.tuples(
        st.integers(0, 2), st.sampled_from(["include", "exclude", "maybe", "undo"]), st.booleans()
    ),
    max_size=25,
)


@settings(max_examples=25)
@given(steps=_STEPS)
def test_what_counts_is_what_the_log_says_after_any_history(
    store: Store, review: ReviewInfo, person: PersonInfo, steps: list[tuple[int, str, bool]]
) -> None:
    with store.write() as session:
        name = f"p{len(people.everyone(session))}"
        other = join(session, review.id, name, "manager")
    reports = add_records(store, review.id, 3)
    for number, (at, decision, mine) in enumerate(steps):
        actor, report = (person if mine else other), reports[at]
        token = f"{name}-{number}"
        if decision != "undo":
            _decide(store, review, actor, report, decision, token)
            continue
        with store.write() as session:
            target = decisions.holding(session, report)
            if target is not None:
                decisions.undo(session, review.id, actor.id, target, token=token)
    with store.read() as session:
        counted = {label.report_id: label for label in decisions.labels(session, review.id)}
        for report in reports:
            log = list(decisions.log(session, review.id, seen_by=None, report_id=report))
            undone = {entry.supersedes for entry in log if entry.decision == "undo"}
            standing = [e for e in log if e.decision != "undo" and e.id not in undone]
            expected = (standing[-1].decision, standing[0].id) if standing else None
            label = counted.get(report)
            assert (label and (label.decision, label.first_id)) == expected
