"""The index of words is made in pieces, beside all other work, and follows what comes in."""

from __future__ import annotations

import time
from collections.abc import Callable

from api.wording import count_noun
from store.core.session import Store
from store.reports import record_search

# Records in one transaction: a few hundredths of a second.
_PIECE = 100
# Others may write for this many times as long as each piece took.
_REST = 2.0


def build_search_index(
    store: Store,
    *,
    wait: Callable[[float], bool] | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> None:
    """Bring the index up to date. What was done stays if this is interrupted.

    Args:
        store: the database.
        wait: called after each piece with the seconds to wait; True ends the work. Without it
            nobody else needs the database, and nothing is waited for.
        progress: called with (records in the index, records).
    """
    if store.dialect != "sqlite":
        record_search.make_postgresql_index(store.engine)
        return
    with store.read() as session:
        if record_search.is_up_to_date(session):
            return
    with store.write() as session:
        if not record_search.prepare_index(session):
            return
    with store.read() as session:
        state = record_search.get_index_state(session)
    done = state.done
    while True:
        started = time.perf_counter()
        with store.write() as session:
            added = record_search.index_next_records(session, limit=_PIECE)
        done += added
        if progress:
            progress(done, max(state.total, done))
        if added < _PIECE or (wait and wait(_REST * (time.perf_counter() - started))):
            return


def describe_search_index(store: Store) -> str:
    """How far the index is, in words. A search finds the same without it."""
    with store.read() as session:
        state = record_search.get_index_state(session)
    if state.missing:
        return f"none, so searching is slower: {state.missing}"
    records = count_noun(state.total, "record")
    if state.done < state.total:
        return (
            f"{state.done:,} of {records}; the worker adds the others, and until then searching is "
            "slower"
        )
    return f"complete ({records})"
