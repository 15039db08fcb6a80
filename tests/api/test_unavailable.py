"""A database that is busy, full or away: an answer that says so, and when to try again."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text
from starlette.testclient import TestClient

from api.app import create_app
from api.settings import Settings
from store.core.errors import Busy, Unreachable
from store.core.session import Store
from store.reviews.people import PersonInfo
from store.reviews.reviews import ReviewInfo
from tests.conftest import token_of

pytestmark = pytest.mark.case("service", 8)


@contextmanager
def held(store: Store, review_id: int) -> Iterator[None]:
    """Another process that has begun to write and does not end."""
    other = create_engine(store.engine.url)
    with other.connect() as connection:
        if store.dialect == "sqlite":
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        else:
            query = text("SELECT id FROM review WHERE id = :id FOR UPDATE")
            connection.execute(query, {"id": review_id})
        yield
        connection.rollback()
    other.dispose()


@pytest.fixture
def impatient(database_url: str) -> Iterator[Store]:
    opened = Store(database_url, busy_seconds=0.2)
    yield opened
    opened.close()


def test_a_request_to_a_locked_database_is_told_to_come_back(
    settings: Settings, store: Store, impatient: Store, review: ReviewInfo, person: PersonInfo
) -> None:
    headers = {"authorization": f"Bearer {token_of(store, person.id)}"}
    app = create_app(settings, impatient)
    with TestClient(app, base_url="http://127.0.0.1:8000", headers=headers) as client:
        at = f"/api/v1/reviews/{review.slug}"
        with held(store, review.id):
            refused = client.put(f"{at}/pool/freeze", json={"freeze_on": "2026-01-31"})
            page = client.post(f"/reviews/{review.slug}/pool/freeze", data={"day": "2026-01-31"})
            read = client.get(f"{at}/searches")
        allowed = client.put(f"{at}/pool/freeze", json={"freeze_on": "2026-01-31"})
    assert refused.status_code == 503, refused.text
    assert int(refused.headers["retry-after"]) > 0
    error = refused.json()["error"]
    assert (error["kind"], error["remedy"]) == ("Busy", "Try again in a moment.")
    assert page.status_code == 503
    # The form is shown again.
    assert "Try again in a moment." in page.text
    assert int(page.headers["retry-after"]) > 0
    # Readers wait for nobody.
    assert read.status_code == 200
    assert allowed.status_code < 300


def test_a_writer_of_the_same_process_does_not_wait_for_ever(impatient: Store) -> None:
    if impatient.dialect != "sqlite":
        pytest.skip("PostgreSQL has no turns")
    with impatient.write(), pytest.raises(Busy), impatient.write():
        pass


def test_a_server_that_is_away_is_named(tmp_path: Path) -> None:
    store = Store("postgresql://nobody@127.0.0.1:1/none", busy_seconds=1)
    with pytest.raises(Unreachable, match="does not answer"), store.read() as session:
        session.execute(text("SELECT 1"))
    store.close()


def test_a_deleted_database_is_not_replaced_and_every_answer_says_so(
    settings: Settings, store: Store, review: ReviewInfo, person: PersonInfo
) -> None:
    if store.dialect != "sqlite":
        pytest.skip("PostgreSQL keeps its own files")
    headers = {"authorization": f"Bearer {token_of(store, person.id)}"}
    path = Path(store.engine.url.database or "")
    app = create_app(settings, store)
    at = f"/api/v1/reviews/{review.slug}"
    with TestClient(app, base_url="http://127.0.0.1:8000", headers=headers) as client:
        assert client.get("/healthz").status_code == 200
        for each in path.parent.glob("winnow.db*"):
            each.unlink()
        answers = [
            client.get("/healthz"),
            client.get(at),
            client.get("/"),
            client.put(f"{at}/pool/freeze", json={"freeze_on": "2026-01-31"}),
        ]
    for answer in answers:
        assert answer.status_code == 503
        assert int(answer.headers["retry-after"]) > 0
        assert str(path) in answer.text
        assert "backup" in answer.text
    assert not path.exists()


@pytest.mark.parametrize("table", ["alembic_version", "lease"])
def test_health_reads_from_the_database_itself(
    settings: Settings, store: Store, table: str
) -> None:
    app = create_app(settings, store)
    with TestClient(app, base_url="http://127.0.0.1:8000") as client:
        assert client.get("/healthz").json()["status"] == "ok"
        with store.write() as session:
            session.execute(text(f"DROP TABLE {table}"))
        answer = client.get("/healthz")
    assert answer.status_code == 503
    assert answer.json()["error"]["kind"] == "Damaged"


def test_an_answer_to_a_fault_of_ours_says_that_the_connection_closes(
    settings: Settings, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_session: object) -> None:
        raise RuntimeError("a fault")

    monkeypatch.setattr("store.core.migrate.check_readable", fail)
    app = create_app(settings, store)
    options = {"base_url": "http://127.0.0.1:8000", "raise_server_exceptions": False}
    with TestClient(app, **options) as client:  # type: ignore[arg-type] # options of two kinds
        answer = client.get("/healthz")
    assert answer.status_code == 500
    assert answer.headers["connection"] == "close"
