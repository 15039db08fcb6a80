"""People of a review as clients: signed-in browsers, and API clients with a token."""

from __future__ import annotations

import datetime as dt

from fastapi import FastAPI
from fastapi.testclient import TestClient

from store.core.session import Store
from store.reviews import people
from store.reviews.people import PersonInfo
from tests.conftest import token_of

BASE = "http://127.0.0.1:8000"


def browser(app: FastAPI, store: Store, person: PersonInfo | None = None) -> TestClient:
    """A browser, signed in as somebody or nobody."""
    made = TestClient(app, base_url=BASE, follow_redirects=False)
    if person is not None:
        with store.write() as session:
            link = people.create_login_link(session, person.id, valid=dt.timedelta(hours=1))
        assert made.post("/login/link", data={"link": link}).status_code == 303
    return made


def api_client(app: FastAPI, store: Store, person: PersonInfo) -> TestClient:
    headers = {"authorization": f"Bearer {token_of(store, person.id)}"}
    return TestClient(app, base_url=BASE, headers=headers)


def set_dual_plan(client: TestClient, slug: str, share: float = 1.0) -> None:
    address = f"/api/v1/reviews/{slug}/protocol"
    body = client.get(address).json()["body"]
    body["plans"] = [{"stage": "title-abstract", "dual_share": share}]
    assert client.put(address, json={"body": body}).status_code == 200
