"""Keys that records share with possible duplicates: stored, and looked up up to a limit."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from sqlalchemy import bindparam, delete, func, select, text

from store.core.chunks import CHUNK, batched
from store.core.new_rows import insert_rows
from store.core.session import ReadSession, WriteSession, execute_plain
from store.core.tables import PairKey

# Greater than any record's id.
_NO_END: Final = 2**62
# The rows of each key in turn, from the index, up to the one at the limit. It is written twice,
# because the two databases have no common way to say it.
_SQLITE: Final = text(
    """
    SELECT wanted.value, pair_key.record_id
    FROM json_each(:keys) AS wanted CROSS JOIN pair_key
    WHERE EXISTS (
        SELECT 1 FROM pair_key AS any_row
        WHERE any_row.review_id = :review_id AND any_row.key = wanted.value
      )
      AND pair_key.review_id = :review_id
      AND pair_key.key = wanted.value
      AND pair_key.record_id NOT IN (SELECT value FROM json_each(:own))
      AND pair_key.record_id <= coalesce(
        (
            SELECT ended.record_id FROM pair_key AS ended
            WHERE ended.review_id = :review_id
              AND ended.key = wanted.value
              AND ended.record_id NOT IN (SELECT value FROM json_each(:own))
            ORDER BY ended.record_id LIMIT 1 OFFSET :most - 1
        ),
        :no_end
      )
    ORDER BY wanted.value, pair_key.record_id
    """
)
_POSTGRESQL: Final = text(
    """
    SELECT wanted.key, stored.record_id
    FROM unnest(CAST(:keys AS bigint[])) AS wanted (key)
    CROSS JOIN LATERAL (
        SELECT pair_key.record_id FROM pair_key
        WHERE pair_key.review_id = :review_id
          AND pair_key.key = wanted.key
          AND pair_key.record_id <> ALL (CAST(:own AS bigint[]))
        ORDER BY pair_key.record_id LIMIT :most
    ) AS stored
    ORDER BY wanted.key, stored.record_id
    """
)
_FORGET: Final = delete(PairKey).where(PairKey.record_id.in_(bindparam("ids", expanding=True)))


def list_rows(keys: Mapping[int, Sequence[int]]) -> list[tuple[int, int]]:
    """The keys of records, by id, as (key, record id), in the order in which they are stored.

    Keys lie in the database by their values. Those of thousands of records, written a range of
    values at a time, touch each page once; written a few records at a time, they touch most pages
    each time.
    """
    return sorted((key, record_id) for record_id, own in keys.items() for key in own)


def forget_keys(session: WriteSession, record_ids: Sequence[int]) -> None:
    """Remove the keys of some records."""
    for part in batched(record_ids, CHUNK):
        execute_plain(session, _FORGET, {"ids": part})


def add_keys(session: WriteSession, review_id: int, rows: Sequence[tuple[int, int]]) -> None:
    """Store some of the rows of ``list_rows``; others who compare may have stored them already."""
    values = [(review_id, key, record_id) for key, record_id in rows]
    columns = ("review_id", "key", "record_id")
    insert_rows(session, PairKey, columns, values, skip_existing=True)


def find_sharing_records(
    session: ReadSession, review_id: int, keys: Mapping[int, Sequence[int]], *, limit: int
) -> dict[int, list[int]]:
    """For each key of some records: the ids of all that have it, theirs among them, ascending.

    Args:
        session: a reading session.
        review_id: the review.
        keys: of these records, by id. What is stored of their keys does not count.
        limit: how many records to find for one key at most, the oldest first. More are never read:
            a key that thousands share costs no more than one that ``limit`` share.
    """
    sharing: dict[int, list[int]] = defaultdict(list)
    for record_id, own in keys.items():
        for key in own:
            sharing[key].append(record_id)
    for key, record_id in _find_others(session, review_id, sorted(sharing), list(keys), limit):
        sharing[key].append(record_id)
    # Most keys have one record.
    return {
        key: sorted(members)[:limit] if len(members) > 1 else members
        for key, members in sharing.items()
    }


def _find_others(
    session: ReadSession, review_id: int, keys: list[int], own: list[int], limit: int
) -> Iterable[Any]:
    values: dict[str, Any] = {"review_id": review_id, "most": limit}
    if session.get_bind().dialect.name == "sqlite":
        values |= {"keys": json.dumps(keys), "own": json.dumps(own), "no_end": _NO_END}
        return execute_plain(session, _SQLITE, values).all()
    return execute_plain(session, _POSTGRESQL, values | {"keys": keys, "own": own}).all()


def count_crowded_keys(session: ReadSession, review_id: int, *, limit: int) -> int:
    """Count the keys that more records share than are compared with each other."""
    keys = (
        select(PairKey.key)
        .where(PairKey.review_id == review_id)
        .group_by(PairKey.key)
        .having(func.count() > limit)
        .subquery()
    )
    return session.scalar(select(func.count()).select_from(keys)) or 0
