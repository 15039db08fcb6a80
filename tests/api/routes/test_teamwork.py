"""Marks, assignments, handing over and bulk actions over API and pages."""

from __future__ import annotations

from fastapi import FastAPI

from store.core.session import Store
from store.reviews.people import PersonInfo
from store.reviews.reviews import ReviewInfo
from tests.api.people import api_client, browser, set_dual_plan
from tests.store.builders import add_records, join

TAG = "surely-in-by-bo"
NOTE = "a note that must not be seen yet"


def test_others_see_marks_only_after_deciding(
    app: FastAPI, store: Store, review: ReviewInfo, person: PersonInfo, bo: PersonInfo
) -> None:
    (report,) = add_records(store, review.id, 1)
    lead, first = api_client(app, store, person), api_client(app, store, bo)
    own, pages = f"/api/v1/reviews/{review.slug}", f"/reviews/{review.slug}"
    set_dual_plan(lead, review.slug)
    for kind, text in (("tag", TAG), ("note", NOTE), ("star", "")):
        made = first.post(f"{own}/marks", json={"report": report, "kind": kind, "text": text})
        assert made.status_code == 201
    assert len(made.json()) == 3
    body = {"token": "t", "report": report, "decision": "include"}
    first.post(f"{own}/decisions", json=body)
    (record,) = lead.get(f"{own}/records").json()["records"]
    paths = [
        f"{own}/tags",
        f"{own}/records/{record['id']}/marks",
        f"{own}/records",
        f"{own}/audit",
        f"{own}/decisions",
        *(f"{own}/exports/{form}" for form in ("csv", "ris", "jsonl")),
        f"{pages}/records",
        f"{pages}/records/{record['id']}",
        f"{pages}/screen",
        f"{pages}/team",
        f"{pages}/rescreens",
        f"{pages}/agreement",
    ]
    for path in paths:
        text = lead.get(path).text
        assert TAG not in text, path
        assert NOTE not in text, path
    assert lead.get(f"{own}/records", params={"tag": TAG}).json()["total"] == 0
    assert first.get(f"{own}/records", params={"tag": TAG}).json()["total"] == 1
    assert first.get(f"{own}/records", params={"star": True}).json()["total"] == 1
    lead.post(f"{own}/decisions", json={**body, "token": "u"})
    assert lead.get(f"{own}/tags").json() == [TAG]
    shown = browser(app, store, person).get(f"{pages}/records/{record['id']}").text
    assert TAG in shown
    assert NOTE in shown
    assert "★" not in shown
    mark = first.get(f"{own}/records/{record['id']}/marks").json()[0]
    assert lead.delete(f"{own}/marks/{mark['id']}").status_code == 204
    assert first.get(f"{own}/tags").json() == []


def test_pages_mark_assign_hand_over_and_act_in_bulk(
    app: FastAPI, store: Store, review: ReviewInfo, person: PersonInfo, bo: PersonInfo
) -> None:
    reports = add_records(store, review.id, 4)
    lead = browser(app, store, person)
    lead.follow_redirects = True
    own, pages = f"/api/v1/reviews/{review.slug}", f"/reviews/{review.slug}"
    record = lead.get(f"{own}/records").json()["records"][0]["id"]
    lead.post(f"{pages}/records/{record}/marks", data={"kind": "tag", "text": "schools"})
    lead.post(f"{pages}/records/{record}/marks", data={"kind": "star"})
    shown = lead.get(f"{pages}/records/{record}").text
    assert "★" in shown
    listed = lead.get(f"{pages}/records", params={"tag": "schools", "star": "true"}).text
    assert "1 report" in listed

    given = {"who": [person.id, bo.id], "weight": ["", "3"], "kind": "share"}
    assert "all others, by share" in lead.post(f"{pages}/team/assignments", data=given).text
    wrong = lead.post(f"{pages}/team/assignments", data={**given, "weight": ["", "much"]})
    assert wrong.status_code == 422
    assert "whole number" in wrong.text
    cards = lead.post(f"{own}/queue/next", json={"n": 9}).json()
    assert (cards["cards"], cards["remaining"]) == ([], 0)
    first = browser(app, store, bo)
    first.follow_redirects = True
    assert len(first.post(f"{own}/queue/next", json={"n": 9}).json()["cards"]) == 4
    away = {"report": str(reports[0]), "to": str(person.id)}
    assert first.post(f"{pages}/screen/hand-over", data=away).status_code == 200
    cards = lead.post(f"{own}/queue/next", json={"n": 9}).json()
    assert [card["report"] for card in cards["cards"]] == [reports[0]]
    (found,) = lead.get(f"{own}/assignments").json()
    lead.post(f"{pages}/team/assignments/{found['id']}/end")
    assert lead.get(f"{own}/assignments").json() == []

    form = {"token": "b", "expected": "4", "action": "exclude", "note": "editorials"}
    assert first.post(f"{pages}/records/bulk", data=form).status_code == 403
    refused = lead.post(f"{pages}/records/bulk", data={**form, "note": ""})
    assert refused.status_code == 422
    assert "say why so many" in refused.text
    assert "exclude, 4 records: editorials" in lead.post(f"{pages}/records/bulk", data=form).text
    (action,) = lead.get(f"{own}/bulk").json()
    assert "taken back" in lead.post(f"{pages}/records/bulk/{action['id']}/undo").text
    assert lead.get(f"{own}/progress").json()["counts"]["undecided"] == 4
    form = {"token": "c", "expected": "1", "action": "assign", "tag": "schools", "to": str(bo.id)}
    assert lead.post(f"{pages}/records/bulk", data=form).status_code == 200
    (found,) = lead.get(f"{own}/assignments").json()
    assert (found["kind"], found["records"], found["people"]) == ("records", 1, [["bo", 1]])


def test_the_api_runs_a_bulk_action_once(
    app: FastAPI, store: Store, review: ReviewInfo, person: PersonInfo, bo: PersonInfo
) -> None:
    add_records(store, review.id, 3)
    lead, first = api_client(app, store, person), api_client(app, store, bo)
    own = f"/api/v1/reviews/{review.slug}"
    body = {"token": "b", "action": "decide", "value": "exclude", "note": "n", "expected": 3}
    assert first.post(f"{own}/bulk", json=body).status_code == 403
    assert lead.post(f"{own}/bulk", json={**body, "expected": 2}).status_code == 409
    assert lead.post(f"{own}/bulk", json=body).json()["done"] is True
    assert lead.post(f"{own}/bulk", json=body).json()["done"] is False
    assert lead.get(f"{own}/progress").json()["counts"]["exclude"] == 3
    (action,) = lead.get(f"{own}/bulk").json()
    assert first.post(f"{own}/bulk/{action['id']}/undo").status_code == 403
    assert lead.post(f"{own}/bulk/{action['id']}/undo").json()[0]["undone_at"]
    tagged = {"token": "t", "action": "tag", "value": "x", "q": "no such words"}
    assert first.post(f"{own}/bulk", json=tagged).status_code == 409


def test_the_api_assigns_records_and_hands_cards_over(
    app: FastAPI, store: Store, review: ReviewInfo, person: PersonInfo, bo: PersonInfo
) -> None:
    one, _ = add_records(store, review.id, 2)
    lead, first = api_client(app, store, person), api_client(app, store, bo)
    own = f"/api/v1/reviews/{review.slug}"
    body = {"kind": "records", "people": {str(bo.id): 1}, "reports": [one]}
    assert first.post(f"{own}/assignments", json=body).status_code == 403
    (made,) = lead.post(f"{own}/assignments", json=body).json()
    assert lead.post(f"{own}/assignments", json={**body, "people": {}}).status_code == 422
    assert first.post(f"{own}/queue/hand-over", json={"report": one}).status_code == 204
    assert (
        first.post(f"{own}/queue/hand-over", json={"report": one, "to": bo.id}).status_code == 409
    )
    cards = lead.post(f"{own}/queue/next", json={"n": 9}).json()["cards"]
    assert one in [card["report"] for card in cards]
    assert lead.delete(f"{own}/assignments/{made['id']}").json() == []


def test_a_pilot_round_runs_over_pages_and_api(
    app: FastAPI, store: Store, review: ReviewInfo, person: PersonInfo
) -> None:
    add_records(store, review.id, 5)
    lead = browser(app, store, person)
    path = f"/reviews/{review.slug}/pilots"
    alone = lead.post(f"{path}/begin", data={"size": "3"})
    assert (alone.status_code, "invite a second person" in alone.text) == (409, True)
    with store.write() as session:
        bo = join(session, review.id, "bo")
    wrong = lead.post(f"{path}/begin", data={"size": "many"})
    assert (wrong.status_code, "Write a number" in wrong.text) == (422, True)
    assert lead.post(f"{path}/begin", data={"size": "3"}).status_code == 303
    own = f"/api/v1/reviews/{review.slug}"
    for who in (person, bo):
        client = api_client(app, store, who)
        for _ in range(3):
            (card,) = client.post(f"{own}/queue/next", json={"n": 1}).json()["cards"]
            body = {
                "token": f"{who.name} {card['report']}",
                "report": card["report"],
                "decision": "include",
            }
            assert client.post(f"{own}/decisions", json=body).is_success
        assert client.post(f"{own}/queue/next", json={"n": 1}).json()["cards"] == []
    screen = browser(app, store, bo).get(f"/reviews/{review.slug}/screen").text
    assert "Your part of the pilot round" in screen
    (found,) = api_client(app, store, bo).get(f"{own}/pilots").json()
    assert [part["decided"] for part in found["people"]] == [3, 3]
    assert found["agreement"]["pairs"][0]["raw"]["value"] == 1.0
    refused = api_client(app, store, bo).post(f"{own}/pilots/close", json={"note": "fine"})
    assert refused.status_code == 403
    assert "Close the round<" in lead.get(f"/reviews/{review.slug}/agreement").text
    assert lead.post(f"{path}/close", data={"note": ""}).status_code == 422
    assert lead.post(f"{path}/close", data={"note": "read alike"}).status_code == 303
    assert "What you learned: read alike" in lead.get(f"/reviews/{review.slug}/agreement").text
    again = api_client(app, store, bo).post(f"{own}/queue/next", json={"n": 5}).json()["cards"]
    assert len(again) == 2
    second = api_client(app, store, person).post(f"{own}/pilots", json={"size": 1})
    assert second.status_code == 201
    assert [each["number"] for each in second.json()] == [1, 2]
