"""New versions of a protocol: reports follow the plan, known lists stay."""

from __future__ import annotations

import pytest

from api.protocol import ProtocolBody, StagePlan
from api.services.reviews import protocols
from store.core.errors import Conflict
from store.core.session import Store
from store.reports import screening_state
from store.reviews import reviews
from store.reviews.people import PersonInfo
from store.reviews.reviews import NewProtocol, ReviewInfo
from store.searching import gold
from tests.store.builders import add_records
from tests.store.deciding import decide, state

SINGLE = ProtocolBody().stored()
DUAL = ProtocolBody(plans=(StagePlan(dual_share=1.0),)).stored()


def test_reports_are_settled_by_the_new_plan(
    store: Store, review: ReviewInfo, person: PersonInfo
) -> None:
    (report,) = add_records(store, review.id, 1)
    protocols.save_protocol(store, review.id, NewProtocol(SINGLE, person.id))
    assert decide(store, review, person, report, "include")[1] == "settled"
    protocols.save_protocol(store, review.id, NewProtocol(DUAL, person.id))
    assert state(store, report) == "awaiting"
    saved = protocols.save_protocol(store, review.id, NewProtocol(SINGLE, person.id))
    assert state(store, report) == "settled"
    assert protocols.save_protocol(store, review.id, NewProtocol(SINGLE, person.id)) == saved


def test_a_version_is_saved_and_reports_are_settled_in_one_transaction(
    store: Store, review: ReviewInfo, person: PersonInfo, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_arguments: object) -> None:
        raise RuntimeError("the power is cut")

    with store.read() as session:
        before = reviews.list_protocols(session, review.id)
    monkeypatch.setattr(screening_state, "update_all_states", fail)
    with pytest.raises(RuntimeError, match="power"):
        protocols.save_protocol(store, review.id, NewProtocol(DUAL, person.id))
    with store.read() as session:
        assert reviews.list_protocols(session, review.id) == before


def test_known_lists_are_kept_and_a_version_in_between_is_a_conflict(
    store: Store, review: ReviewInfo, person: PersonInfo
) -> None:
    with store.read() as session:
        first = reviews.get_protocol(session, review.id).version
    with store.write() as session:
        known = [gold.NewGold(title="Known")]
        gold.add_gold(session, review.id, known, list_name="experts", person_id=person.id)
    with pytest.raises(Conflict, match="look at it and save yours again"):
        protocols.save_protocol(store, review.id, NewProtocol(DUAL, person.id, based_on=first))
    saved = protocols.save_protocol(store, review.id, NewProtocol(DUAL, person.id))
    assert [known_list["name"] for known_list in saved.body["known_relevant"]] == ["experts"]
