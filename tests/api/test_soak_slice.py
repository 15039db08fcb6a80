"""A slice of each long test; the full counts run in `make soak`."""

from __future__ import annotations

import pytest
import schemathesis
from hypothesis import HealthCheck, given
from hypothesis import settings as few
from schemathesis import Case

from api.app import create_app
from api.settings import Settings
from benchmarks import crew, soak, year
from store.people import PersonInfo
from store.reviews import ReviewInfo
from store.roles import ROLES
from store.session import Store
from tests.conftest import token_of
from tests.store.made import join


@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
def test_a_crew_on_a_killed_server_ends_with_the_counts_of_its_script(
    database: str, request: pytest.FixtureRequest
) -> None:
    url = ""
    if database == "postgresql":
        from sqlalchemy import create_engine, text

        prefix = request.getfixturevalue("postgres_url")
        engine = create_engine(f"{prefix}postgres", isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.execute(text("CREATE DATABASE kill_test TEMPLATE template_winnow"))
        engine.dispose()
        url = f"{prefix}kill_test"
    found = crew.screen(3, database_url=url, number=40)
    assert found["kills"] == 3
    assert set(found["mishaps"]) == {"double click", "lost connection", "reload", "taken back"}
    assert found["counts"]["include"] > 0
    assert crew.held(found), found


def test_many_clients_at_once_lose_nothing() -> None:
    found = soak.load_test(8, 3)
    assert found["decisions"] > 0
    assert (found["lost"], found["twice"]) == (0, 0)


def test_broken_files_are_read_or_refused() -> None:
    found = soak.fuzz_files(3_000)
    assert found["read"] + found["refused"] == 3_000
    assert found["read"] > 300
    assert found["refused"] > 300


def test_a_broken_year_of_nights_ends_as_an_unbroken_one() -> None:
    found = year.compare(3, size=120)
    assert found["kills"] > 0
    assert found["source_weeks_down"] > 0
    assert (found["differ"], found["lost"], found["twice"]) == ([], 0, 0)
    assert found["sums_hold"]


def test_no_request_breaks_the_server(
    settings: Settings, store: Store, person: PersonInfo, review: ReviewInfo
) -> None:
    app = create_app(settings.model_copy(update={"allowed_hosts": ("testserver",)}), store)
    schema = schemathesis.openapi.from_asgi("/api/v1/openapi.json", app)
    with store.write() as session:
        people = [person, *(join(session, review.id, role, role) for role in ROLES)]
    tokens = [token_of(store, each.id) for each in people]
    owner = store.engine.dialect.name == "sqlite"
    probed = 0
    for operation in schema.get_all_operations():
        # On one database as the owner, on the other as one of the roles in turn.
        at = 0 if owner else 1 + probed % len(ROLES)
        _probe(operation.ok(), {"authorization": f"Bearer {tokens[at]}"}, review.slug)
        probed += 1
    assert probed > 80


def _probe(operation, headers: dict[str, str], slug: str) -> None:  # type: ignore[no-untyped-def] # schemathesis' own
    @few(max_examples=3, suppress_health_check=list(HealthCheck))
    @given(case=operation.as_strategy())
    def probe(case: Case) -> None:
        if case.path_parameters and "slug" in case.path_parameters:
            case.path_parameters["slug"] = slug
        answer = case.call(headers=headers)
        assert answer.status_code < 500, f"{case.method} {case.path}: {answer.text}"

    probe()
