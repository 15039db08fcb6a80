"""From two people for every record to one, once they agree well enough."""

from __future__ import annotations

import pytest
from fastapi import FastAPI

from api.protocol import Calibration, ProtocolBody
from api.services.reviews import protocols
from api.services.screening.switching import measure_switch_state, switch_to_one_person
from store.core import audit
from store.core.errors import Conflict, NotAllowed
from store.core.session import Store
from store.reviews import reviews
from store.reviews.people import PersonInfo
from store.reviews.reviews import NewProtocol, ReviewInfo
from store.screening import independent_decisions, rescreens
from store.screening.independent_decisions import count_work
from tests.api.people import api_client, browser
from tests.store.builders import add_records, join
from tests.store.deciding import decide, plan, settle, state


@pytest.fixture
def pair(store: Store, review: ReviewInfo) -> list[PersonInfo]:
    """Two people who screen."""
    with store.write() as session:
        return [join(session, review.id, name) for name in ("bo", "cy")]


def screen_twice(
    store: Store, review: ReviewInfo, pair: list[PersonInfo], words: dict[int, str]
) -> None:
    for report, said in words.items():
        for who, word in zip(pair, said.split(), strict=True):
            decide(store, review, who, report, word)


@pytest.mark.case("figures", 8)
def test_a_lead_switches_to_one_person_once_two_agree_on_enough_records(
    store: Store, review: ReviewInfo, person: PersonInfo, pair: list[PersonInfo]
) -> None:
    bo, cy = pair
    plan(store, review, person, dual_share=1.0, calibration=Calibration(share=0.2, threshold=0.5))
    reports = add_records(store, review.id, 20)
    screen_twice(store, review, pair, {reports[0]: "include include"})
    assert decide(store, review, bo, reports[1], "exclude")[1] == "awaiting"
    with store.read() as session:
        found = measure_switch_state(session, review.id)
    assert found is not None
    assert (found.records, found.wanted, found.enough, found.reached) == (1, 4, False, True)
    with pytest.raises(Conflict, match="decided 1 record; the plan asks for 4"):
        switch_to_one_person(store, review.id, reason=None, person_id=person.id)
    split = {reports[2]: "include exclude", reports[3]: "include maybe"}
    screen_twice(store, review, pair, {**split, reports[4]: "exclude exclude"})
    with pytest.raises(NotAllowed):
        switch_to_one_person(store, review.id, reason=None, person_id=bo.id)
    made = switch_to_one_person(store, review.id, reason=None, person_id=person.id)
    assert (made.in_common.found, made.in_common.counted, made.reached) == (2, 3, True)
    assert made.switch is not None
    # Records that two people had decided stay theirs; one that waited is settled by the first.
    assert [state(store, report) for report in reports[:5]] == [
        "settled",
        "settled",
        "conflict",
        "settled",
        "settled",
    ]
    settle(store, review, person, reports[2], "include")
    assert decide(store, review, cy, reports[5], "include")[1] == "settled"
    # A correction of a record that one person decided counts at once.
    assert decide(store, review, bo, reports[5], "exclude")[1] == "settled"
    with store.read() as session:
        work = count_work(independent_decisions.list_screened(session, review.id))
        assert (work.together, work.single, work.corrected) == ({2: 4}, 2, 1)
        newest = reviews.get_protocol(session, review.id)
        assert "2 of 3 (67 %; 95 % interval 21 to 94 %)" in (newest.reason or "")
        assert "reached the threshold of 50 %" in (newest.reason or "")
        # It is what the plan said, so it is no deviation from it.
        assert [each.changed for each in rescreens.list_deviations(session, review.id)] == [()]
        assert audit.list_events(session, review.id)[0].action != ""
        assert "plan.switched" in {e.action for e in audit.list_events(session, review.id)}
    with pytest.raises(Conflict, match="already been made"):
        switch_to_one_person(store, review.id, reason=None, person_id=person.id)


@pytest.mark.case("figures", 8)
def test_below_the_threshold_a_switch_needs_a_reason_and_is_a_deviation(
    store: Store, review: ReviewInfo, person: PersonInfo, pair: list[PersonInfo]
) -> None:
    plan(store, review, person, dual_share=1.0, calibration=Calibration(share=0.5, threshold=0.8))
    reports = add_records(store, review.id, 4)
    screen_twice(store, review, pair, {reports[0]: "include exclude", reports[1]: "maybe include"})
    with pytest.raises(ValueError, match="below the threshold of 80 %; say why"):
        switch_to_one_person(store, review.id, reason=" ", person_id=person.id)
    switch_to_one_person(store, review.id, reason="the deadline", person_id=person.id)
    with store.read() as session:
        (deviation,) = rescreens.list_deviations(session, review.id)
    assert deviation.changed == ("who screens",)
    assert "did not reach the threshold of 80 %. the deadline" in (deviation.reason or "")


@pytest.mark.case("figures", 8)
def test_only_the_switch_itself_says_that_it_was_made(
    store: Store, review: ReviewInfo, person: PersonInfo
) -> None:
    with pytest.raises(Conflict, match="does not begin with two people"):
        switch_to_one_person(store, review.id, reason=None, person_id=person.id)
    forged = {
        "at": "2026-01-01T00:00:00Z",
        "records": 9,
        "found": 9,
        "counted": 9,
        "reached": True,
        "after": 0,
    }
    body = ProtocolBody.model_validate(
        {"plans": [{"dual_share": 0, "calibration": {"switch": forged}}]}
    )
    with pytest.raises(ValueError, match="made under Agreement and pilots"):
        protocols.save_protocol(store, review.id, NewProtocol(body.stored(), person.id))
    with pytest.raises(ValueError, match="dual_share of 1"):
        ProtocolBody.model_validate({"plans": [{"dual_share": 0.5, "calibration": {}}]})


def test_the_switch_is_made_on_the_page_and_kept_by_the_protocol_form(
    app: FastAPI, store: Store, review: ReviewInfo, person: PersonInfo, pair: list[PersonInfo]
) -> None:
    page, lead = browser(app, store, person), api_client(app, store, person)
    own = f"/reviews/{review.slug}"
    assert lead.get(f"/api/v1{own}/agreement/switch").status_code == 404
    chosen = {"preset": "rapid-2023", "calibration_share": "25", "calibration_threshold": "60"}
    assert page.post(f"{own}/protocol", data=chosen).status_code == 303
    reports = add_records(store, review.id, 4)
    assert "Until then, two people decide every record" in page.get(f"{own}/agreement").text
    early = page.post(f"{own}/agreement/switch", data={})
    assert (early.status_code, "the plan asks for 1 before" in early.text) == (409, True)
    screen_twice(store, review, pair, {reports[0]: "include include"})
    assert "Switch to one person for each record" in page.get(f"{own}/agreement").text
    assert page.post(f"{own}/agreement/switch", data={}).status_code == 303
    assert "The switch to one person for each record was made" in page.get(f"{own}/agreement").text
    found = lead.get(f"/api/v1{own}/agreement/switch").json()
    assert (found["records"], found["wanted"], found["reached"]) == (1, 1, True)
    # Saving the form for another change keeps the switch; another threshold begins again.
    assert (
        page.post(
            f"{own}/protocol", data={**chosen, "questions": "Why?", "reason": "x"}
        ).status_code
        == 303
    )
    body = lead.get(f"/api/v1{own}/protocol").json()["body"]
    assert (body["plans"][0]["dual_share"], body["plans"][0]["calibration"]["share"]) == (0, 0.25)
    assert body["plans"][0]["calibration"]["switch"]["found"] == 1
    assert lead.put(f"/api/v1{own}/protocol", json={"body": body}).status_code == 200
    text = page.get(f"{own}/screening-report").text
    assert "until includes in common reach 60 %; then one person decides" in text
    assert "Switched to one person for each record after 1 record decided by two people" in text
    again = {**chosen, "questions": "Why?", "reason": "y", "calibration_threshold": "90"}
    assert page.post(f"{own}/protocol", data=again).status_code == 303
    body = lead.get(f"/api/v1{own}/protocol").json()["body"]
    assert (body["plans"][0]["dual_share"], body["plans"][0]["calibration"]["switch"]) == (1, None)
