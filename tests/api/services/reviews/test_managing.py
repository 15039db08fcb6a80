"""Reviews are created and renamed and their settings changed, and the audit trail says so."""

from __future__ import annotations

import json

import pytest
from fastapi.testclient import TestClient
from typer.testing import CliRunner

from api.cli import app as cli
from api.protocol import ProtocolBody
from api.services.reviews import managing
from api.settings import Settings
from store.core import audit
from store.core.errors import AlreadyUsed
from store.core.session import Store
from store.reviews import reviews
from store.reviews.people import PersonInfo
from store.reviews.reviews import NewReview, ReviewInfo


def title_of(store: Store, review: ReviewInfo) -> str:
    with store.read() as session:
        return reviews.get_review(session, review.id).title


def renames(store: Store, review: ReviewInfo) -> list[tuple[object, object, str | None]]:
    """Old title, new title and person of each renaming in the audit trail, newest first."""
    with store.read() as session:
        return [
            (event.detail["before"], event.detail["after"], event.person)
            for event in audit.list_events(session, review.id)
            if event.action == "review.renamed"
        ]


def test_a_renamed_review_keeps_its_short_name_and_its_past_title(
    store: Store, review: ReviewInfo, person: PersonInfo
) -> None:
    renamed = managing.rename_review(
        store, review.id, "  Family  hubs\n in Wales ", person_id=person.id
    )
    assert (renamed.title, renamed.slug) == ("Family hubs in Wales", review.slug)
    managing.rename_review(store, review.id, "Family hubs in Wales", person_id=person.id)
    assert renames(store, review) == [(review.title, "Family hubs in Wales", "ada")]


@pytest.mark.parametrize(
    "title", ["", "  \n", "\x00", "\x1b\x07", "\u200b\u200d", "\u3164\u2800", "\u0301", "x" * 501]
)
def test_a_review_keeps_its_title_if_the_new_one_will_not_do(
    store: Store, review: ReviewInfo, person: PersonInfo, title: str
) -> None:
    with pytest.raises(ValueError, match="title"):
        managing.rename_review(store, review.id, title, person_id=person.id)
    assert title_of(store, review) == review.title
    assert renames(store, review) == []


def test_the_api_renames_a_review(client: TestClient, store: Store, review: ReviewInfo) -> None:
    address = f"/api/v1/reviews/{review.slug}"
    answer = client.patch(address, json={"title": "Another title"})
    assert (answer.status_code, answer.json()["title"]) == (200, "Another title")
    assert client.get(address).json()["title"] == "Another title"
    for wrong in ({"title": " "}, {"title": ""}, {"title": "x" * 501}, {"title": "\x00"}, {}):
        assert client.patch(address, json=wrong).status_code == 422
    assert title_of(store, review) == "Another title"


@pytest.mark.parametrize("title", ["", "\u200b", "\x1b", "x" * 501])
def test_a_review_is_not_created_under_a_title_that_will_not_do(
    client: TestClient, store: Store, person: PersonInfo, title: str
) -> None:
    with pytest.raises(ValueError, match="title"):
        managing.create_review(store, NewReview("new", title, {}), person_id=person.id)
    with pytest.raises(ValueError, match="title"):
        managing.create_titled_review(store, title, ProtocolBody(), person_id=person.id)
    answer = client.post("/api/v1/reviews", json={"slug": "new", "title": title})
    assert answer.status_code == 422
    page = client.post("/new", data={"title": title})
    assert page.status_code == 422
    words = "at most 500 characters, not 501" if len(title) > 500 else "Write a title"
    assert words in page.text


def test_control_characters_in_a_title_become_blanks(
    client: TestClient, store: Store, person: PersonInfo
) -> None:
    new = NewReview("new", "Red \x1b[31m hubs\x00", ProtocolBody().stored())
    assert managing.create_review(store, new, person_id=person.id).title == "Red [31m hubs"
    answer = client.post("/api/v1/reviews", json={"slug": "other", "title": "a\x00b"})
    assert (answer.status_code, answer.json()["title"]) == (201, "a b")


def test_the_page_renames_a_review_and_keeps_what_was_typed(
    client: TestClient, store: Store, review: ReviewInfo
) -> None:
    address = f"/reviews/{review.slug}/title"
    shown = client.post(address, data={"title": "A <b>bold</b> title"})
    assert shown.url.path == f"/reviews/{review.slug}/protocol"
    assert "A &lt;b&gt;bold&lt;/b&gt; title" in shown.text
    for length in (501, 6000):
        refused = client.post(address, data={"title": "y" * length})
        assert (refused.status_code, "at most 500 characters" in refused.text) == (422, True)
    assert "y" * 501 in refused.text
    assert title_of(store, review) == "A <b>bold</b> title"


def test_the_command_renames_a_review(
    settings: Settings, store: Store, review: ReviewInfo, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WINNOW_DATA_DIR", str(settings.data_dir))
    monkeypatch.setenv("WINNOW_DATABASE_URL", settings.database_url)
    done = CliRunner().invoke(cli, ["review", "rename", "By command", "--json"])
    assert json.loads(done.stdout) == {
        "review": review.slug,
        "before": review.title,
        "title": "By command",
    }
    refused = CliRunner().invoke(cli, ["review", "rename", "  "])
    assert (refused.exit_code, "write a title" in refused.output) == (1, True)
    assert renames(store, review) == [(review.title, "By command", "ada")]


def test_reviews_with_one_title_get_short_names_of_their_own(
    store: Store, person: PersonInfo
) -> None:
    slugs = [
        managing.create_titled_review(store, title, ProtocolBody(), person_id=person.id).slug
        for title in ("Housing first!", "Housing first!", "Housing first 2", "???")
    ]
    assert slugs == ["housing-first", "housing-first-2", "housing-first-2-2", "review"]
    with pytest.raises(AlreadyUsed):
        managing.create_review(store, NewReview("housing-first", "x", {}), person_id=person.id)
