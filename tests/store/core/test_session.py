"""Sessions: one transaction each."""

from __future__ import annotations

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
