"""Keys that records share with possible duplicates: stored, and looked up up to a limit."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Final

from sqlalchemy import delete, func, literal, select
from sqlalchemy.orm import aliased

from store.core.chunks import CHUNK, batched
from store.core.new_rows import insert_plain_rows
from store.core.session import ReadSession, WriteSession
from store.core.tables import PairKey

# Greater than any record's id.
_NO_END: Final = 2**62


def store_keys(session: WriteSession, review_id: int, keys: Mapping[int, Sequence[int]]) -> None:
    """Replace the keys of some records; by record id."""
    for part in batched(keys, CHUNK):
        session.execute(delete(PairKey).where(PairKey.record_id.in_(part)))
    # In the order of the index, so that each of its pages is looked for once.
    rows = [(review_id, key, record_id) for record_id, own in keys.items() for key in own]
    rows.sort()
    insert_plain_rows(session, PairKey, ("review_id", "key", "record_id"), rows)


def find_sharing_records(
    session: ReadSession, review_id: int, record_ids: Sequence[int], *, limit: int
) -> dict[int, list[int]]:
    """For each key that these records share with others: the ids of all that have it.

    Args:
        session: a reading session.
        review_id: the review.
        record_ids: the records, whose keys are stored.
        limit: how many records to find for one key at most, the oldest first. More are never read:
            a key that thousands share costs no more than one that ``limit`` share.
    """
    sharing: dict[int, list[int]] = defaultdict(list)
    for part in batched(record_ids, CHUNK):
        own, other, ended = aliased(PairKey), aliased(PairKey), aliased(PairKey)
        shared = (
            select(own.key)
            .where(
                own.record_id.in_(part),
                own.review_id == review_id,
                select(other.record_id)
                .where(
                    other.review_id == review_id,
                    other.key == own.key,
                    other.record_id != own.record_id,
                )
                .exists(),
            )
            .distinct()
            .subquery()
        )
        last = (
            select(ended.record_id)
            .where(ended.review_id == review_id, ended.key == shared.c.key)
            .order_by(ended.record_id)
            .limit(1)
            .offset(limit - 1)
            .scalar_subquery()
        )
        ends = select(
            shared.c.key.label("key"), func.coalesce(last, literal(_NO_END)).label("last")
        ).subquery()
        rows = session.execute(
            select(PairKey.key, PairKey.record_id)
            .join(ends, (PairKey.key == ends.c.key) & (PairKey.record_id <= ends.c.last))
            .where(PairKey.review_id == review_id)
            .order_by(PairKey.key, PairKey.record_id)
        )
        found: dict[int, list[int]] = defaultdict(list)
        for key, record_id in rows:
            found[key].append(record_id)
        sharing.update(found)
    return sharing


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
