"""Comparing new records with those of a review, and grouping the reports that they belong to.

Each step is one transaction: it compares up to ``STEP`` new records with all records that share a
key with them, stores the pairs, and groups the affected reports again. If a worker is killed, the
records that it did not reach stay marked as not compared, and the next worker goes on with them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Final

from api.services.duplicates.grouping import regroup_reports
from api.services.duplicates.judging import describe_changes
from harvest.dedupe.compare import VERSION, compare
from harvest.dedupe.keys import BUCKET_LIMIT, list_keys
from harvest.dedupe.outlines import Outline, are_apart, make_outline
from harvest.dedupe.prepare import Prepared, prepare
from store.core import audit
from store.core.session import Store, WriteSession
from store.reports import compared_records, pair_keys, pairs
from store.reports.pairs import NewPair
from store.reviews import reviews

# Records compared in one transaction.
STEP = 500
# Outlines kept for later steps, about 1 kB each.
_KEPT: Final = 100_000


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
    outlines = _Outlines()
    while not (stop and stop()):
        step = _compare_step(store, review_id, outlines)
        total += step
        if progress:
            progress(total.compared, max(waiting, total.compared))
        if step.compared < STEP:
            break
    return total


class _Outlines(dict[int, Outline]):
    """Outlines of records by id, kept from step to step; those added first go first.

    A record that changes is compared again itself, so no pair is out of date.
    """

    def make_room(self) -> None:
        """Drop the older half once there are too many."""
        if len(self) > _KEPT:
            for number in list(islice(self, _KEPT // 2)):
                del self[number]


def _compare_step(store: Store, review_id: int, outlines: _Outlines) -> Outcome:
    """One step. The records are prepared before the transaction, so that others wait less long."""
    with store.read() as session:
        ahead = compared_records.list_next_uncompared(session, review_id, limit=STEP)
    prepared = _prepare(ahead)
    outlines.make_room()
    with store.write() as session:
        reviews.lock_review(session, review_id)
        new = compared_records.list_next_uncompared(session, review_id, limit=STEP)
        if not new:
            return Outcome()
        # Somebody else may have compared or changed some of them in the meantime.
        changed = {number: values for number, values in new.items() if ahead.get(number) != values}
        prepared.update(_prepare(changed))
        return _compare_new(
            session, review_id, {number: prepared[number] for number in new}, outlines
        )


def _compare_new(
    session: WriteSession, review_id: int, new: dict[int, Prepared], outlines: _Outlines
) -> Outcome:
    """Compare some new records with all that share a key, and store what follows."""
    keys = {number: list_keys(prepared) for number, prepared in new.items()}
    pair_keys.store_keys(session, review_id, keys)
    sharing = pair_keys.find_sharing_records(session, review_id, list(new), limit=BUCKET_LIMIT + 1)
    candidates = _find_candidates(keys, sharing)
    outlines.update((number, make_outline(prepared)) for number, prepared in new.items())
    known = dict(new)
    unknown = {other for others in candidates.values() for other in others} - outlines.keys()
    for number, prepared in _load(session, unknown).items():
        known[number] = prepared
        outlines[number] = make_outline(prepared)
    close = [
        (other, number)
        for number, others in candidates.items()
        for other in others
        if not are_apart(outlines[other], outlines[number])
    ]
    known.update(_load(session, {other for other, _ in close} - known.keys()))
    pairs.replace_rule_pairs(session, review_id, list(new), _compare(close, known), version=VERSION)
    joined, refused = _regroup(session, review_id, new)
    return Outcome(
        compared=len(new),
        pairs=sum(map(len, candidates.values())),
        joined=joined,
        refused=refused,
        crowded=sum(len(members) > BUCKET_LIMIT for members in sharing.values()),
    )


def _prepare(records: Mapping[int, compared_records.ComparedValues]) -> dict[int, Prepared]:
    return {
        number: prepare(compared_records.get_compared_record(values), str(number))
        for number, values in records.items()
    }


def _load(session: WriteSession, record_ids: Iterable[int]) -> dict[int, Prepared]:
    """Earlier records, ready for comparing."""
    records = compared_records.get_parsed_records(session, record_ids)
    return {number: prepare(record, str(number)) for number, record in records.items()}


def _find_candidates(
    keys: Mapping[int, tuple[int, ...]], sharing: Mapping[int, list[int]]
) -> dict[int, list[int]]:
    """For each new record those to compare it with; each pair once."""
    candidates: dict[int, list[int]] = {}
    for number, own_keys in keys.items():
        others: set[int] = set()
        for key in own_keys:
            others.update(sharing.get(key, ())[:BUCKET_LIMIT])
        # Two new records are compared once, where the later one is looked at.
        candidates[number] = sorted(
            other for other in others if other != number and (other not in keys or other < number)
        )
    return candidates


def _compare(close: Iterable[tuple[int, int]], known: Mapping[int, Prepared]) -> list[NewPair]:
    """The pairs to store. A pair with nothing in common is not, unless a guard kept it apart."""
    decided = []
    for other, number in close:
        decision = compare(known[other], known[number])
        if decision.label != "different" or decision.guard:
            decided.append(
                NewPair(
                    a=other,
                    b=number,
                    label=decision.label,
                    rule=decision.rule,
                    reason=decision.reason,
                    guard=decision.guard,
                )
            )
    return decided


def _regroup(session: WriteSession, review_id: int, new: Iterable[int]) -> tuple[int, int]:
    """Group the reports of new records again; how many records joined, and joins refused."""
    changes, refused = regroup_reports(session, pairs.find_records_to_group(session, new))
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
