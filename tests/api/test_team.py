"""The people of a review over pages, API and command line."""

from __future__ import annotations

import datetime as dt
import json
import re
from collections.abc import Callable
from urllib.parse import urljoin, urlsplit

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from lxml import html
from typer.testing import CliRunner

from api.app import create_app
from api.cli import app as cli
from api.settings import Settings
from store import decisions, members, people, queue
from store.people import PersonInfo
from store.reviews import ReviewInfo
from store.roles import MAY, ROLES
from store.session import Store
from tests.api.test_access import rule_at
from tests.conftest import token_of
from tests.store.made import add_records, join

GOOD = "a long pass phrase"
BASE = "http://127.0.0.1:8000"


@pytest.fixture
def app(settings: Settings, store: Store) -> FastAPI:
    return create_app(settings, store)


def browser(app: FastAPI, store: Store, person: PersonInfo | None = None) -> TestClient:
    """A browser, signed in as somebody or nobody."""
    made = TestClient(app, base_url=BASE, follow_redirects=False)
    if person is not None:
        with store.write() as session:
            link = people.make_link(session, person.id, valid=dt.timedelta(hours=1))
        assert made.post("/login/link", data={"link": link}).status_code == 303
    return made


def _link(answer: object) -> str:
    found = re.search(r'id="link">([^<]+)<', answer.text)  # type: ignore[attr-defined] # a response
    assert found
    return found.group(1).replace("&amp;", "&")


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
    assert "as reviewer" in page.text
    assert newcomer.get(path).status_code == 200, "looking does not use it up"
    form = {"link": secret, "name": "Bo", "password": GOOD, "again": GOOD}
    for wrong, words in (
        ({"again": "another pass phrase"}, "differ"),
        ({"password": "short", "again": "short"}, "at least 12"),
        ({"name": "ada"}, "ada"),
        ({"name": "  "}, "1 to 200"),
    ):
        refused = newcomer.post("/invitation", data={**form, **wrong})
        assert (refused.status_code, words in refused.text) == (422, True), wrong
    joined = newcomer.post("/invitation", data=form)
    assert joined.status_code == 303
    assert joined.headers["location"] == f"/reviews/{review.slug}"
    assert newcomer.get(f"/reviews/{review.slug}").status_code == 200
    again = late.post("/invitation", data={**form, "name": "Cy"})
    assert again.status_code == 404
    assert "used already" in again.text
    with store.read() as session:
        assert [(m.name, m.role) for m in members.everyone(session, review.id)] == [
            ("ada", "owner"),
            ("Bo", "reviewer"),
        ]
        assert [each.name for each in people.everyone(session)] == ["ada", "Bo"]
    assert (
        browser(app, store).post("/login", data={"name": "Bo", "password": GOOD}).status_code == 303
    )


def test_who_is_signed_in_joins_as_themselves_and_leaves(
    app: FastAPI, store: Store, review: ReviewInfo, person: PersonInfo
) -> None:
    with store.write() as session:
        bo = people.create(session, "bo")
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
    assert (kept.status_code, "at least one owner" in kept.text) == (422, True)


def test_roles_and_invitations_over_the_api(
    client: TestClient, store: Store, review: ReviewInfo, person: PersonInfo
) -> None:
    with store.write() as session:
        bo = people.create(session, "bo")
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
    assert "above your own" in above.json()["error"]["message"]
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


def test_a_reviewer_removed_with_a_card_on_screen_is_told_and_the_card_is_free(
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


def test_no_page_offers_what_its_reader_may_not_do(
    app: FastAPI, store: Store, review: ReviewInfo, person: PersonInfo
) -> None:
    reports = add_records(store, review.id, 4)
    with store.write() as session:
        readers = {role: join(session, review.id, role, role) for role in ROLES}
        for report, decision in zip(reports, ("include", "exclude"), strict=False):
            new = decisions.NewDecision(str(report), report, decision)
            decisions.record(session, review.id, person.id, new)
        assert queue.lease(session, review.id, person.id, [], number=1, valid=dt.timedelta(hours=1))
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
                        assert rule in MAY[role] or rule == "leave", f"{path}: {action} as {role}"
                        offered.setdefault(role, set()).add(rule)
        assert len(known) > 15, known
    assert offered["owner"] >= {"lead", "screen"}
    assert offered["viewer"] == {"leave"}


def test_teams_on_the_command_line(
    settings: Settings, store: Store, review: ReviewInfo, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WINNOW_DATA_DIR", str(settings.data_dir))
    monkeypatch.setenv("WINNOW_DATABASE_URL", settings.database_url)

    def run(*words: str) -> dict[str, object]:
        done = CliRunner().invoke(cli, [*words, "--json"])
        assert done.exit_code == 0, done.output
        found: dict[str, object] = json.loads(done.stdout)
        return found

    refused: Callable[..., str] = lambda *words: CliRunner().invoke(cli, [*words]).output  # noqa: E731 - two lines of test
    run("user", "add", "bo")
    assert run("team", "set", "bo", "--role", "manager")["role"] == "manager"
    assert "role must be one of" in refused("team", "set", "bo", "--role", "boss")
    assert "no person named" in refused("team", "set", "nobody")
    made = run("team", "invite", "--role", "owner", "--as", "ada", "--note", "for Cy")
    assert "/invitation?link=" in str(made["link"])
    assert "may not invite" in refused("team", "invite", "--role", "owner", "--as", "bo")
    listed = run("team", "list")
    assert listed["people"] == [
        {"name": "ada", "role": "owner"},
        {"name": "bo", "role": "manager"},
    ]
    assert "for Cy" in CliRunner().invoke(cli, ["team", "list"]).output
    assert run("team", "remove", "bo")["removed"] is True
    assert "at least one owner" in refused("team", "remove", "ada")
