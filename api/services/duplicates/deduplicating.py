"""Comparing new records with those of a review, and grouping the reports that they belong to.

Each step is one transaction: it compares up to ``STEP`` new records with all records that share a
key with them, stores the pairs, and groups the affected reports again. If a worker is killed, the
records that it did not reach stay marked as not compared, and the next worker goes on with them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Final

from api.services.duplicates.grouping import regroup_reports
from api.services.duplicates.judging import describe_changes
from harvest.dedupe.compare import VERSION, compare
from harvest.dedupe.keys import BUCKET_LIMIT, list_keys
from harvest.dedupe.prepare import Prepared, prepare
from harvest.record import Record
from store.core import audit
from store.core.session import Store, WriteSession
from store.reports import pairs
from store.reports.pairs import NewPair
from store.reviews import reviews

# Records compared in one transaction.
STEP = 500
# Records kept ready for comparing between two steps; about 5 kB each.
_KEPT: Final = 20_000


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a deduplication did.

    Attributes:
        compared: new records that were compared.
        pairs: pairs that were compared.
        joined: records that moved to the report of another record.
        refused: joins by rule that decisions or a person's judgement forbade.
        crowded: keys shared by too many records to compare them all.
    """

    compared: int = 0
    pairs: int = 0
    joined: int = 0
    refused: int = 0
    crowded: int = 0

    def __add__(self, other: Outcome) -> Outcome:
        return Outcome(
            self.compared + other.compared,
            self.pairs + other.pairs,
            self.joined + other.joined,
            self.refused + other.refused,
            self.crowded + other.crowded,
        )


def compare_new_records(
    store: Store,
    review_id: int,
    *,
    stop: Callable[[], bool] | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Outcome:
    """Compare the records that have not been compared yet, step by step.

    Args:
        store: the database.
        review_id: the review.
        stop: called between steps; True ends the work. Finished steps are kept.
        progress: called with (records compared, records to compare).
    """
    total = Outcome()
    with store.read() as session:
        waiting = pairs.count_uncompared_records(session, review_id)
    prepared: dict[int, Prepared] = {}
    while not (stop and stop()):
        if len(prepared) > _KEPT:
            prepared.clear()
        with store.write() as session:
            step = _compare_step(session, review_id, prepared)
        total += step
        if progress:
            progress(total.compared, max(waiting, total.compared))
        if step.compared < STEP:
            break
    return total


def _compare_step(session: WriteSession, review_id: int, prepared: dict[int, Prepared]) -> Outcome:
    """One step. ``prepared`` holds records of earlier steps; those of this one are added.

    A record that has changed since is compared again itself, so no pair is out of date.
    """
    reviews.lock_review(session, review_id)
    new = pairs.list_next_uncompared_records(session, review_id, limit=STEP)
    if not new:
        return Outcome()
    prepared.update(_prepare(new))
    keys = {number: list_keys(prepared[number]) for number in new}
    candidates, crowded = _find_candidates(keys, pairs.store_keys(session, review_id, keys))
    others = {other for numbers in candidates.values() for other in numbers}
    prepared.update(_prepare(pairs.get_parsed_records(session, others - prepared.keys())))
    pairs.replace_rule_pairs(
        session, review_id, list(new), _compare(candidates, prepared), version=VERSION
    )
    joined, refused = _regroup(session, review_id, new)
    compared = sum(map(len, candidates.values()))
    return Outcome(len(new), compared, joined, refused, crowded)


def _prepare(records: Mapping[int, Record]) -> dict[int, Prepared]:
    return {number: prepare(record, str(number)) for number, record in records.items()}


def _find_candidates(
    keys: Mapping[int, tuple[int, ...]], sharing: Mapping[int, list[int]]
) -> tuple[dict[int, list[int]], int]:
    """For each new record those to compare it with, each pair once; how many keys are crowded."""
    candidates: dict[int, list[int]] = {}
    for number, own_keys in keys.items():
        others: set[int] = set()
        for key in own_keys:
            others.update(sharing[key][:BUCKET_LIMIT])
        # Two new records are compared once, where the later one is looked at.
        candidates[number] = sorted(
            other for other in others if other != number and (other not in keys or other < number)
        )
    return candidates, sum(len(members) > BUCKET_LIMIT for members in sharing.values())


def _compare(
    candidates: Mapping[int, list[int]], prepared: Mapping[int, Prepared]
) -> list[NewPair]:
    """The pairs to store. A pair with nothing in common is not, unless a guard kept it apart."""
    decided = []
    for number, others in candidates.items():
        for other in others:
            decision = compare(prepared[other], prepared[number])
            if decision.label != "different" or decision.guard:
                decided.append(NewPair(a=other, b=number, **asdict(decision)))
    return decided


def _regroup(session: WriteSession, review_id: int, new: Mapping[int, Record]) -> tuple[int, int]:
    """Group the reports of new records again; how many records joined, and joins refused."""
    changes, refused = regroup_reports(session, new)
    if changes:
        audit.append_event(
            session,
            "reports.deduplicated",
            review_id=review_id,
            detail={"reports": describe_changes(changes)},
        )
    # A ranking is due only if readers see another report; pairs alone change nothing for them.
    if any(change.shown for change in changes):
        reviews.request_ranking(session, review_id)
    return sum(len(change.joined) for change in changes), len(refused)
