"""Pages as forms without script: text is escaped, refusals explained, what was typed kept."""

from __future__ import annotations

import datetime as dt
import io
import re
from collections.abc import Iterator

import pytest
from fastapi.testclient import TestClient

from api import resources
from api.app import create_app
from api.pages import render
from api.services.searching import importing
from api.services.searching.importing import ImportRequest
from api.settings import Settings
from store.core.session import Store
from store.reports import record_texts
from store.reviews import people
from store.reviews.people import PersonInfo
from store.reviews.reviews import ReviewInfo
from store.screening import decision_log, decisions
from tests.store.builders import add_records

HOSTILE = '"><script>alert(1)</script><img src=x onerror=alert(2)>'


@pytest.fixture
def browser(
    settings: Settings, store: Store, person: PersonInfo, review: ReviewInfo
) -> Iterator[TestClient]:
    """A browser that is signed in, without script."""
    with store.write() as session:
        cookie = people.create_web_session(session, person.id, valid=dt.timedelta(hours=1))
    app = create_app(settings, store)
    with TestClient(app, base_url="http://127.0.0.1:8000") as client:
        client.cookies.set("winnow", cookie)
        yield client


@pytest.mark.parametrize(
    "name", sorted(path.name for path in resources.TEMPLATES.glob("*.html")), ids=str
)
def test_every_template_compiles_and_every_page_has_a_title(name: str) -> None:
    render._environment().get_template(name)
    text = (resources.TEMPLATES / name).read_text()
    if text.startswith("{% extends"):
        assert "{% block title %}" in text


def test_hostile_text_is_shown_as_text(
    browser: TestClient, store: Store, person: PersonInfo, review: ReviewInfo
) -> None:
    # Imports remove tags from titles, so the hostile text comes in where it is kept.
    data = f"title,abstract,venue\nfine,a < b & c,{HOSTILE.replace(chr(34), chr(34) * 2)!r}\n"
    importing.import_file(
        store,
        review.id,
        io.BytesIO(data.encode()),
        HOSTILE,
        ImportRequest(search_fields={"source": HOSTILE, "strategy": HOSTILE}),
        person_id=person.id,
    )
    with store.write() as session:
        (text,) = record_texts.list_report_texts(session, review.id)
        new = decisions.NewDecision("t", text.report_id, "include", note=HOSTILE)
        decisions.record_decision(session, review.id, person.id, new)
    base = f"/reviews/{review.slug}"
    record = f"{base}/records/{text.record_id}"
    for path in (
        base,
        f"{base}/records?q={HOSTILE}",
        f"{base}/searches",
        f"{base}/searches/1",
        record,
    ):
        page = browser.get(path)
        assert page.status_code == 200, path
        assert "<script>alert" not in page.text, path
        assert "<img src=x" not in page.text, path
    assert "a &lt; b &amp; c" in browser.get(record).text


def test_a_record_links_only_to_http_addresses(
    browser: TestClient, store: Store, person: PersonInfo, review: ReviewInfo
) -> None:
    data = "title,url\nOne,javascript:alert(1)\nTwo,https://example.org/two\n"
    importing.import_file(
        store, review.id, io.BytesIO(data.encode()), "f", ImportRequest(), person_id=person.id
    )
    page = browser.get(f"/reviews/{review.slug}/screen").text
    assert "javascript:" not in page
    hrefs = re.findall(r'href="([^"]*)"', page)
    assert "https://example.org/two" in hrefs
    assert all(h.startswith(("/", "http", "#")) or h == "" for h in hrefs)


def test_a_missing_page_says_so(browser: TestClient) -> None:
    for path in ("/reviews/nowhere", "/nowhere", "/reviews/review/records/99"):
        page = browser.get(path)
        assert page.status_code == 404
        assert "There is no such page" in page.text


def test_a_refused_protocol_keeps_the_typed_text(browser: TestClient) -> None:
    form = {"title": "T", "questions": "Why?", "year_from": "2022", "year_to": "2011"}
    page = browser.post("/new", data=form)
    assert page.status_code == 422
    assert "The first year 2022 is after the last 2011." in page.text
    assert "Why?" in page.text
    assert browser.post("/new", data={"title": "  "}).status_code == 422


def test_reviews_with_the_same_title_get_different_short_names(browser: TestClient) -> None:
    slugs = [str(browser.post("/new", data={"title": "Same title"}).url) for _ in range(2)]
    assert slugs[0].endswith("/reviews/same-title/searches")
    assert slugs[1].endswith("/reviews/same-title-2/searches")


def test_a_wrong_number_of_hits_is_explained(
    browser: TestClient, store: Store, review: ReviewInfo
) -> None:
    add_records(store, review.id, 1)
    url = f"/reviews/{review.slug}/searches/1"
    page = browser.post(url, data={"reported": "many"})
    assert page.status_code == 422
    assert "reported: write a number" in page.text
    page = browser.post(url, data={"reported": "1,204", "source": "PsycINFO", "strategy": "a\nb"})
    assert page.status_code == 200
    assert "1,203 missing, not explained" in page.text


def test_a_form_sent_twice_makes_one_decision(
    browser: TestClient, store: Store, review: ReviewInfo
) -> None:
    (report,) = add_records(store, review.id, 1)
    form = {"report": str(report), "token": "t", "decision": "include", "note": "n"}
    for _ in range(2):
        assert browser.post(f"/reviews/{review.slug}/screen/decide", data=form).status_code == 200
    with store.read() as session:
        assert len(list(decision_log.list_log(session, review.id, seen_by=None))) == 1


def test_a_list_of_the_reviews_own_includes_is_labelled_as_one(
    browser: TestClient, store: Store, person: PersonInfo, review: ReviewInfo
) -> None:
    one, _ = add_records(store, review.id, 2)
    with store.write() as session:
        decisions.record_decision(
            session, review.id, person.id, decisions.NewDecision("t", one, "include")
        )
    assert "own includes (1)" in browser.post(f"/reviews/{review.slug}/gold/includes").text
    page = browser.get(f"/reviews/{review.slug}/evaluation").text
    assert "found by reading in ranked order: not an estimate" in page
