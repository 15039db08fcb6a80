"""Sessions: one transaction each."""

from __future__ import annotations

import time
from contextlib import closing
from pathlib import Path

import pytest

from store.core.errors import NotFound
from store.core.session import Store
from store.reviews import people
from store.reviews.reviews import ReviewInfo

pytestmark = pytest.mark.both_databases


def test_a_write_that_raises_leaves_nothing(store: Store, review: ReviewInfo) -> None:
    with pytest.raises(RuntimeError), store.write() as session:
        people.create_person(session, "half")
        raise RuntimeError
    with store.read() as session, pytest.raises(NotFound):
        people.get_person_by_name(session, "half")


def test_statements_read_singly_cost_no_transaction_on_postgresql(store: Store) -> None:
    with store.read_singly() as session:
        people.list_people(session)
        raw = session.connection().connection.dbapi_connection
        open_now = getattr(raw, "in_transaction", False)
        if store.dialect == "postgresql":
            assert raw is not None
            open_now = raw.info.transaction_status.name != "IDLE"
    assert open_now == (store.dialect == "sqlite")


def test_giving_back_disk_space_does_not_wait_for_a_long_reader(tmp_path: Path) -> None:
    with closing(Store(f"sqlite:///{tmp_path / 'x.db'}", busy_seconds=6, create=True)) as store:
        with store.engine.begin() as connection:
            connection.exec_driver_sql("CREATE TABLE t (n)")
        with store.read() as session:
            session.connection().exec_driver_sql("SELECT * FROM t")
            with store.engine.begin() as connection:
                connection.exec_driver_sql("INSERT INTO t VALUES (1)")
            began = time.monotonic()
            store.shrink_log()
            assert time.monotonic() - began < 3
