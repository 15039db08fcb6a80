"""The people of a review over the API."""

from __future__ import annotations

from fastapi.testclient import TestClient

from store.core.session import Store
from store.reviews import people
from store.reviews.people import PersonInfo
from store.reviews.reviews import ReviewInfo
from tests.conftest import token_of
from tests.store.builders import add_records, join


def test_the_api_manages_roles_and_invitations(
    client: TestClient, store: Store, review: ReviewInfo, person: PersonInfo
) -> None:
    with store.write() as session:
        bo = people.create_person(session, "bo")
    own = f"/api/v1/reviews/{review.slug}"
    made = client.post(f"{own}/invitations", json={"role": "manager", "note": "Bo"}).json()
    assert made["link"].endswith(f"/invitation?link={made['secret']}")
    (listed,) = client.get(f"{own}/invitations").json()
    assert (listed["secret"], listed["link"], listed["note"]) == (None, None, "Bo")
    headers = {"authorization": f"Bearer {token_of(store, bo.id)}"}
    body = {"secret": made["secret"]}
    joined = client.post("/api/v1/invitations/redeem", json=body, headers=headers)
    assert joined.json() == {"slug": review.slug, "title": review.title, "role": "manager"}
    again = client.post("/api/v1/invitations/redeem", json=body, headers=headers)
    assert again.status_code == 404
    assert client.get(f"{own}/invitations").json() == []
    above = client.put(f"{own}/team/{bo.id}", json={"role": "owner"}, headers=headers)
    assert above.status_code == 403
    assert "ask an owner" in above.json()["error"]["message"]
    team = client.put(f"{own}/team/{bo.id}", json={"role": "adjudicator"}).json()
    assert [(each["name"], each["role"]) for each in team] == [
        ("ada", "owner"),
        ("bo", "adjudicator"),
    ]
    assert client.put(f"{own}/team/{bo.id}", json={"role": "boss"}).status_code == 422
    assert client.put(f"{own}/team/999", json={"role": "viewer"}).status_code == 404
    second = client.post(f"{own}/invitations", json={}).json()
    assert client.delete(f"{own}/invitations/{second['id']}").status_code == 204
    gone = client.post(
        "/api/v1/invitations/redeem", json={"secret": second["secret"]}, headers=headers
    )
    assert gone.status_code == 404
    assert client.delete(f"{own}/team/{person.id}").status_code == 409
    assert client.delete(f"{own}/team/{bo.id}").status_code == 204
    assert client.get(f"{own}/team", headers=headers).status_code == 404
    assert len(client.get(f"{own}/team").json()) == 1


def test_a_removed_reviewer_is_refused_and_their_card_goes_to_others(
    client: TestClient, store: Store, review: ReviewInfo, person: PersonInfo
) -> None:
    add_records(store, review.id, 2)
    with store.write() as session:
        bo = join(session, review.id, "bo")
    headers = {"authorization": f"Bearer {token_of(store, bo.id)}"}
    own = f"/api/v1/reviews/{review.slug}"
    cards = client.post(f"{own}/queue/next", json={"n": 2}, headers=headers).json()["cards"]
    assert len(cards) == 2
    assert client.post(f"{own}/queue/next", json={"n": 2}).json()["cards"] == []
    client.delete(f"{own}/team/{bo.id}")
    body = {"token": "t", "report": cards[0]["report"], "decision": "include"}
    refused = client.post(f"{own}/decisions", json=body, headers=headers)
    assert refused.status_code == 404
    assert len(client.post(f"{own}/queue/next", json={"n": 2}).json()["cards"]) == 2
