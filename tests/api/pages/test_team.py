"""The people of a review on its pages."""

from __future__ import annotations

import datetime as dt
import re
from urllib.parse import urljoin, urlsplit

import pytest
from fastapi import FastAPI
from lxml import html
from sqlalchemy import select, update

from api.services.reviews.opening import open_store
from api.settings import Settings
from store.core import audit
from store.core.session import Store
from store.core.tables import AuditEvent, Identity
from store.reviews import members, people
from store.reviews.people import PersonInfo
from store.reviews.reviews import ReviewInfo
from store.rules.roles import ALLOWED_ACTIONS, ROLES
from store.screening import decisions
from store.screening.queue import LeaseRequest
from store.screening.stage_queue import Screener
from tests.api.people import api_client, browser
from tests.api.ways import rule_at
from tests.store import dealing
from tests.store.builders import add_records, join

GOOD = "a long pass phrase"


def _link(answer: object) -> str:
    found = re.search(r'id="link">([^<]+)<', answer.text)  # type: ignore[attr-defined] # a response
    assert found
    return found.group(1).replace("&amp;", "&")


@pytest.mark.case("service", 4)
def test_names_that_look_alike_and_renamed_people_are_pointed_out(
    app: FastAPI, store: Store, review: ReviewInfo, person: PersonInfo
) -> None:
    lead = browser(app, store, person)
    assert "look alike" not in lead.get(f"/reviews/{review.slug}/team").text
    with store.write() as session:
        join(session, review.id, "аda")
        renamed = join(session, review.id, "BO (2)")
        session.execute(
            update(Identity).where(Identity.person_id == renamed.id).values(former_name="BO")
        )
    shown = " ".join(lead.get(f"/reviews/{review.slug}/team").text.split())
    assert "“ada” and “аda” look alike and are two people." in shown
    assert "BO (2) was called BO until an upgrade" in shown


@pytest.mark.case("service", 4)
def test_the_audit_trail_of_a_review_says_once_that_an_upgrade_renamed_somebody(
    app: FastAPI, settings: Settings, store: Store, review: ReviewInfo, person: PersonInfo
) -> None:
    with store.write() as session:
        renamed = [join(session, review.id, "BO (2)"), people.create_person(session, "CY (2)")]
        for one in renamed:
            change = update(Identity).where(Identity.person_id == one.id)
            session.execute(change.values(former_name="BO"))
    # Each start of the server, and each `winnow init`.
    for _ in range(2):
        open_store(settings, create=True).store.close()
    with store.read() as session:
        events = [
            (event.review_id, event.detail)
            for event in session.scalars(select(AuditEvent).order_by(AuditEvent.id))
            if event.action == "name.numbered"
        ]
        assert audit.find_first_broken_event(session) is None
    assert events == [(review.id, {"person": renamed[0].id}), (None, {"person": renamed[1].id})]
    overview = browser(app, store, person).get(f"/reviews/{review.slug}").text
    assert overview.count("added a number to somebody’s name in an upgrade") == 1


def test_a_newcomer_joins_by_a_link(
    app: FastAPI, store: Store, review: ReviewInfo, person: PersonInfo
) -> None:
    lead, newcomer, late = (browser(app, store, p) for p in (person, None, None))
    made = lead.post(
        f"/reviews/{review.slug}/team/invitations", data={"role": "reviewer", "note": "Bo"}
    )
    address = urlsplit(_link(made))
    path, secret = f"{address.path}?{address.query}", address.query.removeprefix("link=")
    assert secret not in lead.get(f"/reviews/{review.slug}/team").text, "it is shown once"
    page = newcomer.get(path)
    assert review.title in page.text
    assert "Your role: Screens." in page.text
    assert newcomer.get(path).status_code == 200, "looking does not use it up"
    form = {"link": secret, "name": "Bo", "password": GOOD, "again": GOOD}
    for wrong, words, status in (
        ({"again": "another pass phrase"}, "differ", 422),
        ({"password": "short", "again": "short"}, "at least 12", 422),
        ({"name": "ada"}, "ada", 409),
        ({"name": "  "}, "1 to 200", 422),
    ):
        refused = newcomer.post("/invitation", data={**form, **wrong})
        assert (refused.status_code, words in refused.text) == (status, True), wrong
    joined = newcomer.post("/invitation", data=form)
    assert joined.status_code == 303
    assert joined.headers["location"] == f"/reviews/{review.slug}"
    assert newcomer.get(f"/reviews/{review.slug}").status_code == 200
    again = late.post("/invitation", data={**form, "name": "Cy"})
    assert again.status_code == 404
    assert "has been used" in again.text
    with store.read() as session:
        assert [(m.name, m.role) for m in members.list_members(session, review.id)] == [
            ("ada", "owner"),
            ("Bo", "reviewer"),
        ]
        assert [each.name for each in people.list_people(session)] == ["ada", "Bo"]
    assert (
        browser(app, store).post("/login", data={"name": "Bo", "password": GOOD}).status_code == 303
    )


def test_a_person_who_is_signed_in_joins_under_their_name_and_leaves(
    app: FastAPI, store: Store, review: ReviewInfo, person: PersonInfo
) -> None:
    with store.write() as session:
        bo = people.create_person(session, "bo")
    lead, other = browser(app, store, person), browser(app, store, bo)
    made = lead.post(f"/reviews/{review.slug}/team/invitations", data={"role": "viewer"})
    secret = urlsplit(_link(made)).query.removeprefix("link=")
    assert other.get(f"/reviews/{review.slug}").status_code == 404
    assert "Join as bo" in other.get("/invitation", params={"link": secret}).text
    assert other.post("/invitation", data={"link": secret}).status_code == 303
    assert other.get(f"/reviews/{review.slug}").status_code == 200
    # Leaving needs no lead; the last owner cannot.
    assert other.post(f"/reviews/{review.slug}/team/{bo.id}/remove").headers["location"] == "/"
    assert other.get(f"/reviews/{review.slug}").status_code == 404
    kept = lead.post(f"/reviews/{review.slug}/team/{person.id}/remove")
    assert (kept.status_code, "at least one owner" in kept.text) == (409, True)


def test_no_page_offers_an_action_its_reader_may_not_take(
    app: FastAPI, store: Store, review: ReviewInfo, person: PersonInfo
) -> None:
    reports = add_records(store, review.id, 4)
    with store.write() as session:
        readers = {role: join(session, review.id, role, role) for role in ROLES}
        for report, decision in zip(reports, ("include", "exclude"), strict=False):
            new = decisions.NewDecision(str(report), report, decision)
            decisions.record_decision(session, review.id, person.id, new)
        assert dealing.lease_cards(
            session,
            Screener(review.id, person.id),
            [],
            LeaseRequest(number=1, valid=dt.timedelta(hours=1)),
        )
    offered: dict[str, set[str]] = {}
    for role, reader in readers.items():
        seen = browser(app, store, reader)
        waiting, known = [f"/reviews/{review.slug}"], set()
        while waiting:
            path = waiting.pop()
            if path in known:
                continue
            known.add(path)
            answer = seen.get(path)
            assert answer.status_code == 200, f"{path} as {role}: {answer.status_code}"
            if "html" not in answer.headers["content-type"]:
                continue
            tree = html.fromstring(answer.text)
            for link in tree.xpath("//a/@href"):
                target = urlsplit(urljoin(path, link))
                if not target.netloc and target.path.startswith(f"/reviews/{review.slug}"):
                    waiting.append(target.path)
            forms = tree.xpath("//form[@method='post'][not(.//fieldset[@disabled])]")
            for form in forms:
                actions = [form.get("action") or path, *form.xpath(".//@formaction")]
                for action in actions:
                    rule = rule_at(app, "POST", urlsplit(urljoin(path, action)).path)
                    if rule not in (None, "signed in"):
                        assert rule in ALLOWED_ACTIONS[role] or rule == "leave", (
                            f"{path}: {action} as {role}"
                        )
                        offered.setdefault(role, set()).add(rule)
        assert len(known) > 15, known
    assert offered["owner"] >= {"lead", "screen"}
    assert offered["viewer"] == {"leave"}


def test_who_screens_is_set_over_page_and_api(
    app: FastAPI, store: Store, review: ReviewInfo, person: PersonInfo
) -> None:
    with store.write() as session:
        for name in ("bo", "cy", "di"):
            join(session, review.id, name)
    add_records(store, review.id, 60)
    page, lead = browser(app, store, person), api_client(app, store, person)
    own = f"/reviews/{review.slug}"
    assert "Hours for each of 4 people" in page.get(f"{own}/protocol").text
    assert f'href="{own}/screen"' in page.get(own).text
    answer = page.post(f"{own}/team/{person.id}/screens", data={"screens": "no"})
    assert answer.status_code == 303
    assert "Hours for each of 3 people" in page.get(f"{own}/protocol").text
    assert f'href="{own}/screen"' not in page.get(own).text
    refused = lead.post(f"/api/v1{own}/queue/next", json={"n": 1})
    assert (refused.status_code, "without screening" in refused.text) == (403, True)
    body = {"role": "owner", "screens": True}
    told = lead.put(f"/api/v1{own}/team/{person.id}", json=body).json()
    assert next(each for each in told if each["name"] == "ada")["screens"] is True
    assert lead.post(f"/api/v1{own}/queue/next", json={"n": 1}).status_code == 200
