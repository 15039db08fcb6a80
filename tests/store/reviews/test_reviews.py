"""Reviews and their protocols."""

from __future__ import annotations

import threading
import time

import pytest

from api.protocol import ProtocolBody, StagePlan
from store.core import audit
from store.core.errors import AlreadyUsed
from store.core.session import Store
from store.reports import screening_state
from store.reviews import people, reviews
from store.reviews.people import PersonInfo
from store.reviews.reviews import NewProtocol, NewReview, ReviewInfo
from tests.store.builders import add_records
from tests.store.deciding import decide, state


def test_names_and_short_names_are_unique(
    store: Store, review: ReviewInfo, person: PersonInfo
) -> None:
    with store.write() as session, pytest.raises(AlreadyUsed, match="ada"):
        people.create_person(session, "ada")
    with store.write() as session, pytest.raises(AlreadyUsed, match="review"):
        reviews.create_review(session, NewReview("review", "x", {}), person_id=None)


def test_of_two_settings_that_are_changed_at_once_none_is_lost(
    store: Store, review: ReviewInfo
) -> None:
    def change(key: str) -> None:
        with store.write() as session:
            reviews.update_settings(session, review.id, {key: 1}, person_id=None)

    other = threading.Thread(target=change, args=("b",))
    with store.write() as session:
        reviews.update_settings(session, review.id, {"a": 1}, person_id=None)
        other.start()
        # Time for the other to read the settings as they are without this change.
        time.sleep(0.3)
    other.join()
    with store.read() as session:
        assert reviews.get_review(session, review.id).settings == {"a": 1, "b": 1}


def test_of_two_titles_at_once_the_audit_trail_has_both_in_order(
    store: Store, review: ReviewInfo, person: PersonInfo
) -> None:
    def rename(title: str) -> None:
        with store.write() as session:
            reviews.rename_review(session, review.id, title, person_id=person.id)

    other = threading.Thread(target=rename, args=("Third",))
    with store.write() as session:
        reviews.rename_review(session, review.id, "Second", person_id=person.id)
        other.start()
        # Time for the other to read the title as it is without this change.
        time.sleep(0.3)
    other.join()
    with store.read() as session:
        events = audit.list_events(session, review.id)
        changes = [event.detail for event in events if event.action == "review.renamed"]
    assert sorted((change["before"], change["after"]) for change in changes) == [
        (review.title, "Second"),
        ("Second", "Third"),
    ]


def test_a_changed_protocol_makes_a_version_and_the_same_text_none(
    store: Store, review: ReviewInfo, person: PersonInfo
) -> None:
    changed = ProtocolBody(inclusion=("x",)).stored()
    with store.write() as session:
        for _ in range(2):
            version = reviews.create_protocol(
                session, review.id, NewProtocol(changed, person.id, "why")
            )
            assert version == 2
        newest, first = reviews.list_protocols(session, review.id)
    assert (newest.body, newest.reason, newest.person) == (changed, "why", "ada")
    assert first.version == 1


def test_a_new_version_of_the_protocol_leaves_states_to_the_caller(
    store: Store, review: ReviewInfo, person: PersonInfo
) -> None:
    (report,) = add_records(store, review.id, 1)
    assert decide(store, review, person, report, "include")[1] == "settled"
    body = ProtocolBody(plans=(StagePlan(dual_share=1.0),)).stored()
    with store.write() as session:
        reviews.create_protocol(session, review.id, NewProtocol(body, person.id, "two people"))
    assert state(store, report) == "settled"
    with store.write() as session:
        screening_state.update_all_states(session, review.id)
    assert state(store, report) == "awaiting"
