"""A slice of each long test; the full counts run in `make soak`."""

from __future__ import annotations

import pytest
import schemathesis
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, settings
from schemathesis import Case

from benchmarks import soak


@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
def test_a_killed_server_loses_nothing_and_stores_nothing_twice(
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
    found = soak.kill_test(3, database_url=url, records=600)
    assert found["acknowledged"] > 0
    assert (found["lost"], found["twice"], found["counts_agree"]) == (0, 0, True)


def test_many_clients_at_once_lose_nothing() -> None:
    found = soak.load_test(8, 3)
    assert found["decisions"] > 0
    assert (found["lost"], found["twice"]) == (0, 0)


def test_broken_files_are_read_or_refused() -> None:
    found = soak.fuzz_files(3_000)
    assert found["read"] + found["refused"] == 3_000
    assert found["read"] > 300
    assert found["refused"] > 300


def test_no_request_that_the_schema_allows_or_forbids_breaks_the_server(
    client: TestClient, review: object
) -> None:
    schema = schemathesis.openapi.from_asgi("/api/v1/openapi.json", client.app)
    headers = {"authorization": client.headers["authorization"]}

    for operation in schema.get_all_operations():
        made = operation.ok()
        test = settings(max_examples=6, suppress_health_check=list(HealthCheck))(
            _given(made, headers)
        )
        test()


def _given(operation, headers):  # type: ignore[no-untyped-def] # schemathesis' objects
    from hypothesis import given

    @given(case=operation.as_strategy())
    def probe(case: Case) -> None:
        if case.path_parameters and "slug" in case.path_parameters:
            case.path_parameters["slug"] = "review"
        answer = case.call(headers=headers, base_url="http://127.0.0.1:8000")
        assert answer.status_code < 500, f"{case.method} {case.path}: {answer.text}"

    return probe
