"""A decision made once a record has all it needs is a correction, and shown as such."""

from __future__ import annotations

import pytest
from fastapi import FastAPI

from api.services.screening import agreement
from store.core.session import Store
from store.reviews.people import PersonInfo
from store.reviews.reviews import ReviewInfo
from tests.api.people import api_client, browser
from tests.store.builders import add_records, join, list_all_records
from tests.store.deciding import decide, plan

API = "/api/v1"
WORDS = "a correction, made after the record had all its decisions"


@pytest.mark.case("service", 13)
def test_a_decision_on_a_settled_record_is_a_correction_and_in_no_agreement(
    app: FastAPI, store: Store, review: ReviewInfo, person: PersonInfo
) -> None:
    """By the API and by the record's page, by somebody new and by one of the two."""
    with store.write() as session:
        bo, cy = join(session, review.id, "bo"), join(session, review.id, "cy")
    plan(store, review, person, dual_share=1.0)
    reports = add_records(store, review.id, 3)
    for report in reports:
        for each in (bo, cy):
            decide(store, review, each, report, "include")
    first, second, third = reports
    with store.read() as session:
        before = agreement.measure_agreement(session, review.id)
        record = next(
            each for each in list_all_records(session, review.id) if each.report_id == second
        )
    own = f"{API}/reviews/{review.slug}"
    over_api = api_client(app, store, person)
    body: dict[str, object] = {"token": "late", "report": first, "decision": "exclude"}
    assert over_api.post(f"{own}/decisions", json=body).status_code == 409
    lines = over_api.get(f"{own}/decisions", params={"report": first}).json()
    body["replaces"] = next(line["id"] for line in lines if line["counts"])
    assert over_api.post(f"{own}/decisions", json=body).is_success
    page = browser(app, store, cy)
    address = f"/reviews/{review.slug}/records/{record.id}"
    assert WORDS not in page.get(address).text
    page.post(f"{address}/decision", data={"token": "later", "decision": "exclude"})
    assert page.get(address).text.count(WORDS) == 1
    log = over_api.get(f"{own}/decisions").json()
    assert [line["token"] for line in log if line["correction"]] == ["late", "later"]
    assert len(log) == 8
    listed = over_api.get(f"{own}/decisions", params={"report": third}).json()
    assert [line["correction"] for line in listed] == [False, False]
    with store.read() as session:
        assert agreement.measure_agreement(session, review.id) == before


@pytest.mark.case("service", 13)
def test_of_a_record_for_one_person_each_later_decision_is_a_correction(
    app: FastAPI, store: Store, review: ReviewInfo, person: PersonInfo
) -> None:
    with store.write() as session:
        bo = join(session, review.id, "bo")
    (report,) = add_records(store, review.id, 1)
    decide(store, review, person, report, "include")
    decide(store, review, bo, report, "exclude")
    log = api_client(app, store, person).get(f"{API}/reviews/{review.slug}/decisions").json()
    assert [line["correction"] for line in log] == [False, True]
