"""Connections to PostgreSQL that were cut off while nobody used them."""

from __future__ import annotations

import pytest
from sqlalchemy import create_engine, text

from store.core import engine
from store.core.errors import Unreachable
from store.core.session import Store

pytestmark = pytest.mark.both_databases


@pytest.fixture
def remote(store: Store) -> Store:
    if store.dialect != "postgresql":
        pytest.skip("SQLite has no connections to lose")
    return store


def _ask(store: Store) -> int:
    with store.read() as session:
        return session.execute(text("SELECT pg_backend_pid()")).scalar_one()


def _cut_off(store: Store) -> None:
    """End the other connections to the store's database, as a server does that starts again."""
    other = create_engine(store.engine.url)
    with other.connect() as connection:
        connection.execute(
            text(
                "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        )
    other.dispose()


def test_a_connection_that_was_cut_off_while_idle_is_replaced(
    remote: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "_TRUSTED", 0.0)
    before = _ask(remote)
    _cut_off(remote)
    assert _ask(remote) != before


def test_a_connection_in_use_that_is_cut_off_costs_one_answer(remote: Store) -> None:
    before = _ask(remote)
    _cut_off(remote)
    with pytest.raises(Unreachable):
        _ask(remote)
    assert _ask(remote) != before
