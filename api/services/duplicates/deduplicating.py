"""Comparing new records with those of a review, and grouping the reports that they belong to.

Each step compares some new records with all records that share a key with them, stores pairs and
keys in pieces, and then groups the affected reports again in pieces, each of which marks its
records as compared. If a worker is killed before that, the next one compares them once more.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import Final

from api.services.duplicates.grouping import regroup_reports
from api.services.duplicates.judging import describe_changes
from api.services.pieces import Pieces
from harvest.dedupe.compare import VERSION, compare
from harvest.dedupe.keys import BUCKET_LIMIT, list_keys
from harvest.dedupe.outlines import Outline, are_apart, make_outline
from harvest.dedupe.prepare import Prepared, prepare
from store.core import audit
from store.core.session import ReadSession, Store, WriteSession
from store.reports import compared_records, pair_keys, pairs
from store.reports.pairs import NewPair
from store.reviews import reviews

# How many new records are compared at once: at first, and at most. Their keys go to all pages of
# the index, so larger steps write each page less often.
STEP = 500
_LONGEST_STEP: Final = 4_000
# Seconds that a step should take: between two steps the work can be stopped.
_STEP_SECONDS: Final = 2.0
# The most records whose reports are grouped in one transaction, and rows of keys stored in one.
_GROUPED: Final = 500
_KEY_ROWS: Final = 20_000
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
    if progress and waiting:
        progress(0, waiting)
    outlines = _Outlines()
    pieces = _Pieces(
        pairs=Pieces(store, most=_GROUPED),
        keys=Pieces(store, first=1_000, most=_KEY_ROWS),
        groups=Pieces(store, first=100, most=_GROUPED),
    )
    size = STEP
    while not (stop and stop()):
        began = time.monotonic()
        step = _compare_step(pieces, review_id, outlines, size)
        if step is None:
            break
        total += step
        size = _next_size(size, time.monotonic() - began)
        if progress:
            progress(total.compared, max(waiting, total.compared))
    return total


def _next_size(size: int, seconds: float) -> int:
    """How many records the next step compares, after one of this size took so long."""
    wanted = round(size * _STEP_SECONDS / max(seconds, 0.001))
    return max(STEP, min(wanted, 2 * size, _LONGEST_STEP))


@dataclass(frozen=True, slots=True)
class _Pieces:
    """The pieces in which pairs and keys are stored, and those in which reports are grouped."""

    pairs: Pieces
    keys: Pieces
    groups: Pieces


class _Outlines(dict[int, Outline]):
    """Outlines of records by id, kept from step to step; those added first go first.

    A record that changes is compared again itself, so no pair is out of date.
    """

    def make_room(self) -> None:
        """Drop the older half once there are too many."""
        if len(self) > _KEPT:
            for number in list(islice(self, _KEPT // 2)):
                del self[number]


@dataclass(frozen=True, slots=True)
class _Comparison:
    """What comparing some new records found, before it is stored.

    Attributes:
        values: what the records said.
        keys: of each record.
        pairs: by the record that was compared.
        n_candidates: with how many pairs of records that share a key.
        crowded: keys that too many records share.
    """

    values: Mapping[int, compared_records.ComparedValues]
    keys: Mapping[int, tuple[int, ...]]
    pairs: Mapping[int, list[NewPair]]
    n_candidates: int
    crowded: int


def _compare_step(
    pieces: _Pieces, review_id: int, outlines: _Outlines, size: int
) -> Outcome | None:
    """One step with so many records at most; None if all have been compared.

    If somebody else compares or changes the same records meanwhile, the step ends early. Otherwise
    all that they were compared with is as it was, or is to be compared again itself.
    """
    outlines.make_room()
    with pieces.groups.store.read() as session:
        new = compared_records.list_next_uncompared(session, review_id, limit=size)
        if not new:
            return None
        found = _compare_new(session, review_id, new, outlines)
    for part in pieces.pairs.split(new):
        if not pieces.pairs.write(len(part), partial(_store_pairs, review_id, found, part)):
            return Outcome()
    for rows in pieces.keys.split(pair_keys.list_rows(found.keys)):
        if not pieces.keys.write(len(rows), partial(_store_keys, review_id, found, rows)):
            return Outcome()
    # All pairs are stored by now, so the groups do not depend on the pieces.
    total = Outcome()
    for part in pieces.groups.split(new):
        done = pieces.groups.write(len(part), partial(_group, review_id, found, part))
        if done is None:
            return total
        total += done
    return total + Outcome(pairs=found.n_candidates, crowded=found.crowded)


def _store_pairs(
    review_id: int, found: _Comparison, record_ids: Sequence[int], session: WriteSession
) -> bool:
    """Store the pairs of some of the records, whose former keys are removed; see ``_may_store``."""
    if not _may_store(session, review_id, found):
        return False
    pair_keys.forget_keys(session, record_ids)
    new = [pair for number in record_ids for pair in found.pairs.get(number, ())]
    pairs.replace_rule_pairs(session, review_id, record_ids, new, version=VERSION)
    return True


def _store_keys(
    review_id: int, found: _Comparison, rows: Sequence[tuple[int, int]], session: WriteSession
) -> bool:
    """Store some of the keys; see ``_may_store``."""
    if not _may_store(session, review_id, found):
        return False
    pair_keys.add_keys(session, review_id, rows)
    return True


def _may_store(session: WriteSession, review_id: int, found: _Comparison) -> bool:
    """Whether what was found still holds.

    It does not if others have compared some of the records, or if one that comes before them has
    become visible: who compares that one may have stored pairs that would be replaced here.
    """
    reviews.lock_review(session, review_id)
    waiting = compared_records.list_uncompared_ids(session, review_id, limit=len(found.values))
    return waiting == list(found.values)


def _group(
    review_id: int, found: _Comparison, record_ids: Sequence[int], session: WriteSession
) -> Outcome | None:
    """Group the reports of some records again, which count as compared from now on.

    None if others have compared or changed them, or records before them.
    """
    reviews.lock_review(session, review_id)
    now = compared_records.list_next_uncompared(session, review_id, limit=len(record_ids))
    if now != {number: found.values[number] for number in record_ids}:
        return None
    compared_records.mark_compared(session, review_id, record_ids)
    joined, refused = _regroup(session, review_id, record_ids)
    return Outcome(compared=len(record_ids), joined=joined, refused=refused)


def _compare_new(
    session: ReadSession,
    review_id: int,
    values: Mapping[int, compared_records.ComparedValues],
    outlines: _Outlines,
) -> _Comparison:
    """Compare some new records with all that share a key."""
    new = _prepare(values)
    keys = {number: list_keys(prepared) for number, prepared in new.items()}
    sharing = pair_keys.find_sharing_records(session, review_id, keys, limit=BUCKET_LIMIT + 1)
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
    return _Comparison(
        values=values,
        keys=keys,
        pairs=_compare(close, known),
        n_candidates=sum(map(len, candidates.values())),
        crowded=sum(len(members) > BUCKET_LIMIT for members in sharing.values()),
    )


def _prepare(records: Mapping[int, compared_records.ComparedValues]) -> dict[int, Prepared]:
    return {
        number: prepare(compared_records.get_compared_record(values), str(number))
        for number, values in records.items()
    }


def _load(session: ReadSession, record_ids: Iterable[int]) -> dict[int, Prepared]:
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
            members = sharing.get(key, ())
            # Most keys are of one record only.
            if len(members) > 1:
                others.update(members[:BUCKET_LIMIT])
        # Two new records are compared once, where the later one is looked at.
        candidates[number] = sorted(
            other for other in others if other != number and (other not in keys or other < number)
        )
    return candidates


def _compare(
    close: Iterable[tuple[int, int]], known: Mapping[int, Prepared]
) -> dict[int, list[NewPair]]:
    """The pairs to store. A pair with nothing in common is not, unless a guard kept it apart."""
    decided: dict[int, list[NewPair]] = defaultdict(list)
    for other, number in close:
        decision = compare(known[other], known[number])
        if decision.label != "different" or decision.guard:
            decided[number].append(
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
