"""The protocol's page."""

from __future__ import annotations

from fastapi import FastAPI

from store.core.session import Store
from store.reviews.people import PersonInfo
from store.reviews.reviews import ReviewInfo
from tests.api.people import api_client, browser
from tests.store.builders import join


def test_two_leads_edit_one_protocol(
    app: FastAPI, store: Store, review: ReviewInfo, person: PersonInfo
) -> None:
    with store.write() as session:
        bo = join(session, review.id, "bo", "manager")
    ada, other = browser(app, store, person), browser(app, store, bo)
    path = f"/reviews/{review.slug}/protocol"
    fields = {"questions": "Do hubs help?", "study_language": "on", "version": "1"}
    shares = {"dual_share": "100", "second_look": "0"}
    assert ada.post(path, data={**fields, **shares}).status_code == 303
    late = other.post(path, data={**fields, "questions": "Do hubs harm?"})
    assert late.status_code == 409
    assert "While you edited version 1 of the protocol, ada saved version 2" in late.text
    assert "Do hubs harm?" in late.text
    again = other.post(path, data={**fields, "questions": "Do hubs harm?", "version": "2"})
    assert again.status_code == 303
    body = api_client(app, store, person).get(f"/api/v1{path}").json()
    assert body["version"] == 3
    for wrong in ("101", "half", "-1"):
        refused = ada.post(path, data={**fields, "version": "3", "dual_share": wrong})
        assert refused.status_code == 422
        assert "write a percentage from 0 to 100" in refused.text
    chosen = {**fields, "version": "3", "preset": "rapid-2020"}
    assert ada.post(path, data=chosen).status_code == 303
    plan = api_client(app, store, person).get(f"/api/v1{path}").json()["body"]["plans"][0]
    assert (plan["dual_share"], plan["second_look"]) == (0.2, 1.0)
    shown = ada.get(path).text
    assert "Cochrane&#39;s interim guidance for rapid reviews of 2020 (since updated)" in shown
    assert "median of 0.79" in shown
    stale = api_client(app, store, person).put(
        f"/api/v1{path}", json={"body": body["body"], "based_on": 2}
    )
    assert stale.status_code == 409
