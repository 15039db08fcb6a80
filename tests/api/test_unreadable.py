"""What is stored for one review cannot be read: words that name it, and others go on."""

from __future__ import annotations

import re
from typing import Any

import pytest
from fastapi import FastAPI
from sqlalchemy import text, update

from api.services.living import night_runs, setting_faults
from api.services.ranking.pool_scores import list_pools_to_score
from api.services.reviews import protocols
from store.core.session import Store
from store.core.tables import Protocol
from store.reviews import reviews
from store.reviews.people import PersonInfo
from store.reviews.reviews import NewReview, ReviewInfo
from tests.api.harvests import Bench
from tests.api.people import api_client, browser
from tests.shared import on_sqlite
from tests.store.builders import add_records

pytestmark = pytest.mark.case("service", 8)
_BAD = [
    [],
    "x",
    {"plans": [{"stage": "title-abstract", "second_look": 0, "seed": 0}]},
    {"plans": "x"},
    {"reasons": [7]},
    {"ranking": "x"},
]


def _other(store: Store, person: PersonInfo) -> ReviewInfo:
    with store.write() as session:
        made = reviews.create_review(session, NewReview("other", "Other", {}), person_id=person.id)
    add_records(store, made.id, 3, name="other.csv")
    return made


@on_sqlite
def test_settings_that_are_no_json_stop_one_review_only(at: Bench, app: FastAPI) -> None:
    _other(at.store, at.person)
    with at.store.write() as session:
        session.execute(
            text("UPDATE review SET settings = '{bad' WHERE id = :id"), {"id": at.review.id}
        )
    client, page = api_client(app, at.store, at.person), browser(app, at.store, at.person)
    listed = client.get("/api/v1/reviews").json()
    assert {each["slug"]: each["unreadable"] for each in listed} == {
        at.review.slug: True,
        "other": False,
    }
    front = page.get("/")
    assert front.status_code == 200
    assert "Other" in front.text
    assert "cannot be read, so it cannot be opened" in front.text
    for answer in (
        client.get(f"/api/v1/reviews/{at.review.slug}"),
        client.get(f"/api/v1/reviews/{at.review.slug}/records"),
        page.get(f"/reviews/{at.review.slug}"),
    ):
        assert answer.status_code == 500
        assert re.search("The settings of the review .*review.* cannot be read", answer.text)
    assert client.get("/api/v1/reviews/other").status_code == 200
    assert page.get("/reviews/other").status_code == 200
    night_runs.run_due(at.store, at.settings)
    with at.store.read() as session:
        assert list_pools_to_score(session) == []
        (fault,) = setting_faults.list_faults_of_all(session)
    assert fault.startswith(f"{at.review.slug}: The settings")


@pytest.mark.parametrize("body", _BAD, ids=str)
def test_a_protocol_of_a_wrong_shape_is_named_and_can_be_mended(
    store: Store, review: ReviewInfo, person: PersonInfo, app: FastAPI, body: Any
) -> None:
    first = add_records(store, review.id, 3)[0]
    other = _other(store, person)
    with store.write() as session:
        session.execute(update(Protocol).where(Protocol.review_id == review.id).values(body=body))
    client, page = api_client(app, store, person), browser(app, store, person)
    at = f"/api/v1/reviews/{review.slug}"
    decision = {"token": "t" * 24, "report": first, "decision": "include"}
    refused = client.post(f"{at}/decisions", json=decision)
    assert refused.status_code == 500
    error = refused.json()["error"]
    assert error["message"].startswith(f"The protocol of the review '{review.slug}' cannot be read")
    assert "saves it again" in error["remedy"]
    with store.read() as session:
        (fault,) = protocols.list_faults_of_all(session)
    assert fault == error["message"]
    assert page.get(f"/reviews/{review.slug}").status_code == 200
    assert page.get(f"/reviews/{review.slug}/protocol").status_code == 200
    assert client.get(f"/api/v1/reviews/{other.slug}/protocol").status_code == 200
    saved = client.put(f"{at}/protocol", json={"body": {}, "reason": "mended"})
    assert saved.status_code == 200, saved.text
    assert client.post(f"{at}/decisions", json=decision).status_code < 300
