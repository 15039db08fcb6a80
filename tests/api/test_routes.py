from __future__ import annotations

import io
import json
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from api.app import create_app
from api.security import CSP
from api.services.reviews.opening import open_store
from api.settings import Settings, load
from store.core.session import Store
from store.reviews import people
from store.reviews.people import PersonInfo
from store.reviews.reviews import ReviewInfo
from tests.conftest import token_of

API = "/api/v1"
CSV = "title,abstract,year,label\nOne,Joint working,2012,1\nTwo,Steel,2013,0\nThree,Care,,1\n"


def upload(client: TestClient, slug: str, text: str | bytes = CSV, **form: str) -> Any:
    data = text.encode() if isinstance(text, str) else text
    return client.post(
        f"{API}/reviews/{slug}/files", files={"file": ("f.csv", io.BytesIO(data))}, data=form
    )


def decide(client: TestClient, slug: str, report: int, decision: str, token: str) -> Any:
    body = {"token": token, "report": report, "decision": decision}
    return client.post(f"{API}/reviews/{slug}/decisions", json=body)


def next_cards(client: TestClient, slug: str, **body: Any) -> Any:
    return client.post(f"{API}/reviews/{slug}/queue/next", json=body).json()


def test_two_applications_of_a_process_answer_from_their_own_stores(
    client: TestClient, review: ReviewInfo, tmp_path: Path
) -> None:
    settings = load(data_dir=tmp_path / "other")
    with closing(open_store(settings, create=True, first_person="bo").store) as store:
        with store.write() as session:
            (bo,) = people.list_people(session)
        headers = {"authorization": f"Bearer {token_of(store, bo.id)}"}
        app = create_app(settings, store)
        with TestClient(app, base_url="http://127.0.0.1:8000", headers=headers) as other:
            assert other.get(f"{API}/reviews").json() == []
            assert [each["slug"] for each in client.get(f"{API}/reviews").json()] == [review.slug]


def test_a_record_is_uploaded_screened_and_exported_over_the_api(client: TestClient) -> None:
    made = client.post(f"{API}/reviews", json={"slug": "r", "title": "R"})
    assert made.status_code == 201
    search = json.dumps({"source": "PsycINFO", "reported": 5})
    answer = upload(client, "r", search=search)
    assert answer.status_code == 201
    file = answer.json()["file"]
    assert file["read"] == 3 == file["new"]
    (search_out,) = client.get(f"{API}/reviews/r/searches").json()
    assert (search_out["source"], search_out["gap"]) == ("PsycINFO", 2)
    hand = next_cards(client, "r", n=2)
    assert (len(hand["cards"]), hand["remaining"], hand["ranking"]) == (2, 3, None)
    report = hand["cards"][0]["report"]
    first = decide(client, "r", report, "include", "t1").json()
    assert first["stored"] is True
    assert decide(client, "r", report, "include", "t1").json()["stored"] is False
    undo = {"token": "u1", "undoes": "t1"}
    assert client.post(f"{API}/reviews/r/decisions/undo", json=undo).json()["stored"] is True
    assert client.post(f"{API}/reviews/r/decisions/undo", json=undo).json()["stored"] is False
    decide(client, "r", report, "exclude", "t2")
    log = client.get(f"{API}/reviews/r/decisions").json()
    assert [entry["decision"] for entry in log] == ["include", "undo", "exclude"]
    assert [entry["counts"] for entry in log] == [False, False, True]
    progress = client.get(f"{API}/reviews/r/progress").json()
    assert (progress["read"], progress["found"]) == ([0, 1], [0, 0])
    assert client.get(f"{API}/reviews/r/ranking").json()["due"] is True
    listed = client.get(f"{API}/reviews/r/records", params={"decision": "exclude"}).json()
    assert [record["report"] for record in listed["records"]] == [report]


def test_a_file_imported_twice_changes_nothing_and_says_so(
    client: TestClient, review: ReviewInfo
) -> None:
    upload(client, review.slug)
    again = upload(client, review.slug)
    assert again.status_code == 201
    assert again.json()["repeated"] is True
    assert client.get(f"{API}/reviews/{review.slug}").json()["counts"]["records"] == 3
    assert len(client.get(f"{API}/reviews/{review.slug}/searches").json()) == 1


@pytest.mark.parametrize(
    ("labels", "gold", "decided"), [("ignore", 0, 0), ("gold", 2, 0), ("decisions", 0, 3)]
)
def test_labels_in_a_file_are_used_only_as_requested(
    client: TestClient, review: ReviewInfo, labels: str, gold: int, decided: int
) -> None:
    out = upload(client, review.slug, labels=labels).json()
    assert (out["labelled"], out["gold_added"], out["decisions_added"]) == (3, gold, decided)
    assert len(client.get(f"{API}/reviews/{review.slug}/gold").json()) == gold


def test_bad_uploads_are_refused_with_a_remedy_and_store_nothing(
    client: TestClient, review: ReviewInfo
) -> None:
    for data in (b"", b"\x00\x01\x02" * 400, b"kolumne,spalte\na,b\nc,d\n", b"title,abstract\n"):
        answer = upload(client, review.slug, data)
        assert answer.status_code == 422
        assert answer.json()["error"]["remedy"]
    for form in (
        {"labels": "x"},
        {"search": "[]"},
        {"mapping": "{"},
        {"search": '{"reported": -1}'},
    ):
        assert upload(client, review.slug, **form).status_code == 422
    assert client.get(f"{API}/reviews/{review.slug}/searches").json() == []


def test_an_upload_over_the_limit_is_refused_before_it_is_read(
    database_url: str, store: Store, person: PersonInfo, review: ReviewInfo, tmp_path: Any
) -> None:
    small = load(data_dir=tmp_path, database_url=database_url, upload_limit_mb=1)
    with store.write() as session:
        token = people.create_token(session, person.id, "t")[1]
    headers = {"authorization": f"Bearer {token}"}
    with TestClient(create_app(small, store), base_url="http://127.0.0.1:8000") as client:
        client.headers.update(headers)
        answer = upload(client, review.slug, b"title\n" + b"x" * 1_500_000)
        assert answer.status_code == 413
        assert "import a larger file" in answer.json()["error"]["message"]
        # The limit also holds without a declared length.
        stream = (b"x" * 100_000 for _ in range(30))
        answer = client.post(
            f"{API}/reviews/{review.slug}/files",
            content=stream,
            headers={"content-type": "multipart/form-data; boundary=b"},
        )
        assert answer.status_code == 413
        assert answer.json()["error"]["kind"] == "BodyTooLarge"
        # The request is within its limit, but the file itself is too large.
        answer = upload(client, review.slug, b"title\n" + b"x" * 1_100_000)
        assert answer.status_code == 413
        assert client.get(f"{API}/reviews/{review.slug}/searches").json() == []


def test_unknown_ids_and_records_of_other_reviews_are_not_found(
    client: TestClient, review: ReviewInfo
) -> None:
    client.post(f"{API}/reviews", json={"slug": "other", "title": "O"})
    upload(client, review.slug)
    card = next_cards(client, review.slug)["cards"][0]
    assert decide(client, "other", card["report"], "include", "t").status_code == 404
    assert decide(client, "nowhere", card["report"], "include", "t").status_code == 404
    assert decide(client, review.slug, 10**9, "include", "t").status_code == 404
    record = card["record"]["id"]
    assert client.get(f"{API}/reviews/other/records/{record}").status_code == 404
    assert client.get(f"{API}/reviews/{review.slug}/records/{10**12}").status_code == 404
    undo = {"token": "u", "undoes": "unknown"}
    answer = client.post(f"{API}/reviews/{review.slug}/decisions/undo", json=undo)
    assert answer.status_code == 404
    assert answer.json()["error"]["kind"] == "NotFound"


def test_the_records_of_a_withdrawn_file_go_and_its_reason_stays(
    client: TestClient, review: ReviewInfo
) -> None:
    file = upload(client, review.slug).json()["file"]
    url = f"{API}/reviews/{review.slug}/files/{file['id']}/withdraw"
    assert client.post(url, json={"reason": "  "}).status_code == 422
    assert client.post(url, json={"reason": "wrong"}).json() == {"reports_withdrawn": 3}
    assert client.post(url, json={"reason": "wrong"}).status_code == 409
    (search,) = client.get(f"{API}/reviews/{review.slug}/searches").json()
    assert search["batches"][0]["withdrawn_reason"] == "wrong"
    assert search["received"] == 0
    assert next_cards(client, review.slug)["cards"] == []


def test_the_evaluation_claims_no_more_than_its_data_allow(
    client: TestClient, review: ReviewInfo
) -> None:
    upload(client, review.slug)
    body = {
        "name": "l",
        "records": [{"title": "One", "year": 2012}, {"title": "Gone", "year": 2012}],
    }
    assert client.post(f"{API}/reviews/{review.slug}/gold", json=body).json() == {"added": 2}
    found = client.get(f"{API}/reviews/{review.slug}/evaluation").json()
    assert found["search"]["recall"] == 0.5
    assert [m["title"] for m in found["search"]["missing"]] == ["Gone"]
    assert found["screening"]["relevant"] == 1
    assert found["order"].startswith("no ranking yet")


def test_nothing_is_shown_without_signing_in(settings: Settings, store: Store) -> None:
    with TestClient(create_app(settings, store), base_url="http://127.0.0.1:8000") as anyone:
        for path in ("/reviews", "/reviews/review", "/me"):
            answer = anyone.get(f"{API}{path}")
            assert answer.status_code == 401
            assert answer.json()["error"]["kind"] == "SignInNeeded"
        wrong = {"authorization": "Bearer wnw_wrong"}
        assert anyone.get(f"{API}/me", headers=wrong).status_code == 401
        page = anyone.get("/reviews/review", follow_redirects=False)
        assert (page.status_code, page.headers["location"]) == (303, "/login?next=/reviews/review")
        assert anyone.get("/healthz").json()["status"] == "ok"


def test_a_revoked_token_is_refused(client: TestClient) -> None:
    made = client.post(f"{API}/tokens", json={"name": "script"}).json()
    headers = {"authorization": f"Bearer {made['secret']}"}
    assert client.get(f"{API}/me", headers=headers).json()["name"] == "ada"
    assert client.delete(f"{API}/tokens/{made['id']}").status_code == 204
    assert client.get(f"{API}/me", headers=headers).status_code == 401
    assert "secret" not in {
        k for t in client.get(f"{API}/tokens").json() for k, v in t.items() if v
    }


def test_unknown_hosts_are_refused_and_answers_have_security_headers(client: TestClient) -> None:
    assert client.get("/healthz", headers={"host": "evil.example"}).status_code == 400
    answer = client.get("/login")
    assert answer.headers["content-security-policy"] == CSP
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["cache-control"] == "no-store"
    assert "<script>" not in answer.text
    assert " style=" not in answer.text


def test_the_documentation_loads_nothing_from_elsewhere(client: TestClient) -> None:
    page = client.get("/api/docs").text
    assert "//" not in page.replace("<!doctype html>", "")
    for asset in ("swagger-ui.css", "swagger-ui-bundle.js"):
        assert client.get(f"/api/docs/assets/{asset}").status_code == 200
    schema = client.get(f"{API}/openapi.json").json()
    assert schema["openapi"].startswith("3.1")
    for path, methods in schema["paths"].items():
        for method, operation in methods.items():
            assert operation.get("description"), f"{method} {path} is not described"
            assert "401" in operation["responses"]


@pytest.mark.case("service", 3)
def test_no_address_stores_a_setting_that_nothing_checks(
    client: TestClient, review: ReviewInfo
) -> None:
    own = f"{API}/reviews/{review.slug}"
    refused = client.patch(f"{own}/settings", json={"settings": {"schedule": "x"}})
    assert refused.status_code == 404
    for wrong in ({"schedule": "x"}, {"cron": "x"}, {"zone": "x"}, {"sources": ["x"]}, {"on": 7}):
        answer = client.put(f"{own}/schedule", json=wrong)
        assert answer.status_code == 422, (wrong, answer.text)
    assert client.get(own).json()["settings"] == {}
    assert client.get(f"{own}/schedule").is_success


def test_a_request_of_another_persons_page_is_nobodys(
    client: TestClient, review: ReviewInfo, person: PersonInfo
) -> None:
    address = f"{API}/reviews/{review.slug}/queue/next"
    own = {"x-winnow-person": str(person.id)}
    assert client.post(address, json={"n": 1}, headers=own).is_success
    for other in (str(person.id + 1), "", "x"):
        refused = client.post(address, json={"n": 1}, headers={"x-winnow-person": other})
        assert refused.status_code == 401


def test_only_a_change_makes_a_new_protocol_version(client: TestClient, review: ReviewInfo) -> None:
    url = f"{API}/reviews/{review.slug}/protocol"
    body = {"questions": [{"key": "q", "text": "What works?"}], "limits": {"year_from": 2011}}
    for _ in range(2):
        assert client.put(url, json={"body": body}).json()["version"] == 2
    assert [v["version"] for v in client.get(f"{url}/versions").json()] == [2, 1]
    wrong = {"body": {"limits": {"year_from": 2020, "year_to": 2011}}}
    answer = client.put(url, json=wrong)
    assert answer.status_code == 422
    assert "2020" in answer.json()["error"]["message"]
    assert client.put(url, json={"body": {"qestions": []}}).status_code == 422
