"""Fixtures: a store on SQLite and on PostgreSQL, settings, a client, the real encoder's vectors."""

from __future__ import annotations

import itertools
import os
import signal
import zlib
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings
from sqlalchemy import create_engine, text
from sqlalchemy.exc import OperationalError

from api.app import create_app
from api.protocol import ProtocolBody
from api.services.reviews.opening import open_store
from api.settings import Settings, load
from model.encode import Encoder
from store.core import migrate
from store.core.session import Store
from store.reviews import people, reviews
from store.reviews.people import PersonInfo
from store.reviews.reviews import NewReview, ReviewInfo
from tests import postgres
from tests.model.corpora import hashed

hypothesis_settings.register_profile(
    "winnow",
    deadline=None,  # no timed assertion in tests
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    print_blob=True,
)
hypothesis_settings.load_profile("winnow")

_numbers = itertools.count()
# Tests that pass on one database nearly always pass on the other.
_ON_ONE = ("tests/api/", "tests/store/")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--slice",
        action="store_true",
        help="run most tests on one database, half of them on each, and none that is marked 'soak'",
    )


def pytest_configure() -> None:
    """Let Ctrl-C reach tests and what they start, though a shell ignores it in the background."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what only `make soak` runs.

    Of a test's two databases one is left out, chosen by its name, unless it is marked to run on
    both because it shows what differs between them.
    """
    if not config.getoption("--slice"):
        return
    chosen = choose(items)
    kept = set(map(id, chosen))
    config.hook.pytest_deselected(items=[item for item in items if id(item) not in kept])
    items[:] = chosen


def choose(items: Sequence[pytest.Item]) -> list[pytest.Item]:
    """The tests of the slice; one that is for one database alone is never left out."""
    databases: dict[str, set[str]] = defaultdict(set)
    for item in items:
        databases[_without_database(item)].add(_database(item))
    return [item for item in items if not _is_left_out(item, databases[_without_database(item)])]


def _database(item: pytest.Item) -> str:
    """The database that a test runs on; empty if it says none."""
    call = getattr(item, "callspec", None)
    return str(call.params.get("database_url", "")) if call is not None else ""


def _without_database(item: pytest.Item) -> str:
    database = _database(item)
    name, bracket, values = item.nodeid.partition("[")
    return name + bracket + (values.replace(database, "") if database else values)


def _is_left_out(item: pytest.Item, databases: set[str]) -> bool:
    if item.get_closest_marker("soak"):
        return True
    if item.get_closest_marker("both_databases") or not item.nodeid.startswith(_ON_ONE):
        return False
    chosen = ("sqlite", "postgresql")[zlib.crc32(_without_database(item).encode()) % 2]
    return len(databases) > 1 and _database(item) != chosen


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith("WINNOW_"):
            monkeypatch.delenv(name)


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    if postgres.BINARIES is None:
        pytest.skip("PostgreSQL is not installed (apt-get install postgresql)")
    with postgres.server() as prefix:
        engine = create_engine(f"{prefix}postgres", isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.execute(text("CREATE DATABASE template_winnow"))
        engine.dispose()
        template = Store(f"{prefix}template_winnow")
        migrate.upgrade(template.engine)
        template.close()
        yield prefix


@pytest.fixture(scope="session")
def copies_files(postgres_url: str) -> bool:
    """Whether the server can copy a template's files, which is quicker."""
    engine = create_engine(f"{postgres_url}postgres")
    with engine.connect() as connection:
        version = int(connection.scalar(text("SHOW server_version_num")) or 0)
    engine.dispose()
    return version >= 150_000


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("template") / "winnow.db"
    store = Store(f"sqlite:///{path}", create=True)
    migrate.upgrade(store.engine)
    with store.engine.connect() as connection:
        connection.execute(text("PRAGMA wal_checkpoint(TRUNCATE)"))
    store.close()
    return path.read_bytes()


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A fresh database with all tables, built by the migrations."""
    if request.param == "sqlite":
        path = tmp_path / "winnow.db"
        path.write_bytes(request.getfixturevalue("sqlite_template"))
        yield f"sqlite:///{path}"
        return
    prefix = request.getfixturevalue("postgres_url")
    name = f"test_{next(_numbers)}"
    engine = create_engine(f"{prefix}postgres", isolation_level="AUTOCOMMIT")
    copy = "STRATEGY = FILE_COPY" if request.getfixturevalue("copies_files") else ""
    with engine.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name} TEMPLATE template_winnow {copy}"))
    yield f"{prefix}{name}"
    # A test that leaves something running keeps its database until the server ends: a drop would
    # take five seconds and then fail.
    in_use = text("SELECT count(*) FROM pg_stat_activity WHERE datname = :name")
    with engine.connect() as connection, suppress(OperationalError):
        if connection.scalar(in_use, {"name": name}) == 0:
            connection.execute(text(f"DROP DATABASE {name}"))
    engine.dispose()


@pytest.fixture
def store(database_url: str) -> Iterator[Store]:
    opened = Store(database_url)
    yield opened
    opened.close()


@pytest.fixture
def settings(database_url: str, tmp_path: Path) -> Settings:
    return load(data_dir=tmp_path, database_url=database_url)


@pytest.fixture
def sqlite_settings(tmp_path: Path) -> Settings:
    """Settings with SQLite, for tests that do not depend on the database."""
    return load(data_dir=tmp_path)


@pytest.fixture
def sqlite_store(sqlite_settings: Settings) -> Iterator[Store]:
    opened = open_store(sqlite_settings, create=True, first_person="ada").store
    yield opened
    opened.close()


@pytest.fixture
def person(store: Store) -> PersonInfo:
    with store.write() as session:
        return people.create_person(session, "ada")


@pytest.fixture
def review(store: Store, person: PersonInfo) -> ReviewInfo:
    with store.write() as session:
        return reviews.create_review(
            session, NewReview("review", "A review", ProtocolBody().stored()), person_id=person.id
        )


@pytest.fixture
def quick_encoder(monkeypatch: pytest.MonkeyPatch) -> None:
    """Vectors without the encoder, for tests that only need some."""
    monkeypatch.setattr(Encoder, "identity", "letters")
    monkeypatch.setattr(
        Encoder, "encode", lambda _self, texts: iter([hashed(texts)] if texts else [])
    )
    monkeypatch.setattr("model.encoder_process.PROGRAM", "tests.model.quick_child")


def token_of(store: Store, person_id: int) -> str:
    with store.write() as session:
        return people.create_token(session, person_id, "test")[1]


@pytest.fixture
def client(settings: Settings, store: Store, person: PersonInfo) -> Iterator[TestClient]:
    """A client that is signed in by an API token."""
    app = create_app(settings, store)
    headers = {"authorization": f"Bearer {token_of(store, person.id)}"}
    with TestClient(app, base_url="http://127.0.0.1:8000", headers=headers) as made:
        yield made


MakeFile = Callable[..., Path]


@pytest.fixture
def make_file(tmp_path: Path) -> MakeFile:
    """A function that writes a file with a name and content."""

    def make(name: str, content: str | bytes) -> Path:
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return make
