"""Deduplication in the store: new records meet the old, persons judge pairs, reports follow.

Each step of it is one transaction: so many new records are compared with all that share a key with
them, their pairs are stored, and the reports that those pairs touch are grouped again. A worker
that is killed leaves records that have not been compared; the next one goes on with them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

from api.services.studies import studies_of
from harvest.dedupe.compare import VERSION, compare
from harvest.dedupe.groups import Refused, group
from harvest.dedupe.keys import BUCKET_LIMIT, keys_of
from harvest.dedupe.prepare import Prepared, prepare
from harvest.record import Record
from store import audit, decisions, pairs, pool, reports, reviews
from store.errors import Conflict
from store.pairs import NewPair, PairInfo
from store.session import ReadSession, Store, WriteSession

# Records compared in one transaction.
STEP = 500
# Records kept ready for comparing between two steps; some 5 kB each.
_KEPT: Final = 20_000


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one deduplication did.

    Attributes:
        compared: new records that were compared.
        pairs: pairs that were compared.
        joined: records that came into another report than their own.
        refused: unions by rule that were not made because of what is decided or a person said.
        crowded: keys that too many records share to compare all of them.
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


def deduplicate_new(
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
        stop: asked between steps; what is done stays done.
        progress: told records done and to do.
    """
    total = Outcome()
    with store.read() as session:
        waiting = pairs.waiting(session, review_id)
    known: dict[int, Prepared] = {}
    while not (stop and stop()):
        if len(known) > _KEPT:
            known.clear()
        with store.write() as session:
            step = _step(session, review_id, known)
        total += step
        if progress:
            progress(total.compared, max(waiting, total.compared))
        if step.compared < STEP:
            break
    return total


def _step(session: WriteSession, review_id: int, known: dict[int, Prepared]) -> Outcome:
    """One step; ``known`` has records as they were compared before and takes those of this one.

    What has changed since is compared again itself, so that no pair stays as it was before.
    """
    reviews.lock(session, review_id)
    new = pairs.next_records(session, review_id, limit=STEP)
    if not new:
        return Outcome()
    prepared = _prepared(new)
    keys = {number: keys_of(record) for number, record in prepared.items()}
    sharing = pairs.file_keys(session, review_id, keys)
    candidates, crowded = _candidates(keys, sharing)
    known.update(prepared)
    others = {other for found in candidates.values() for other in found}
    known.update(_prepared(pairs.by_ids(session, others - known.keys())))
    decided, compared = [], 0
    for number, found in candidates.items():
        for other in found:
            compared += 1
            verdict = compare(known[other], known[number])
            # A pair that has nothing in common leaves no row; one that a guard parted does.
            if verdict.label != "different" or verdict.guard:
                decided.append(NewPair(other, number, **asdict(verdict)))
    pairs.replace_by_rule(session, review_id, list(new), decided, version=VERSION)
    changes, refused = regroup(session, new)
    joined = sum(len(change.joined) for change in changes)
    if changes:
        # Pairs alone change nothing that is shown: a ranking is due only where reports did.
        _note(session, review_id, "reports.deduplicated", changes, person_id=None)
    if any(change.shown for change in changes):
        reviews.touch(session, review_id)
    return Outcome(len(new), compared, joined, len(refused), crowded)


def _prepared(records: dict[int, Record]) -> dict[int, Prepared]:
    return {number: prepare(record, str(number)) for number, record in records.items()}


def _candidates(
    keys: dict[int, tuple[int, ...]], sharing: dict[int, list[int]]
) -> tuple[dict[int, list[int]], int]:
    """For each new record those to compare it with, each pair once; how many keys are crowded."""
    found: dict[int, list[int]] = {}
    crowded = {key for key, members in sharing.items() if len(members) > BUCKET_LIMIT}
    for number, mine in keys.items():
        meets: set[int] = set()
        for key in mine:
            meets.update(sharing[key][:BUCKET_LIMIT])
        # Two new ones meet where the later one is looked at; a changed one meets all anew.
        found[number] = sorted(o for o in meets if o != number and (o not in keys or o < number))
    return found, len(crowded)


def regroup(
    session: WriteSession, record_ids: Iterable[int]
) -> tuple[list[reports.Change], list[Refused[int]]]:
    """Group again every report that live pairs of these records reach; nothing else changes."""
    touched = set(reports.reports_of(session, record_ids).values())
    while True:
        held = {m.record_id: m for m in reports.members(session, touched)}
        live = pairs.live_of(session, held)
        ends = {end for pair in live if pair.label == "same" for end in (pair.a, pair.b)}
        reached = set(reports.reports_of(session, ends - held.keys()).values())
        if reached <= touched:
            break
        touched |= reached
    grouped = _group(session, held.keys(), live)
    return reports.assign(session, grouped.groups, held), list(grouped.refused)


def _group(session: ReadSession, members: Iterable[int], live: Sequence[PairInfo]) -> Any:
    inside = set(members)
    mine = [pair for pair in live if pair.a in inside and pair.b in inside]
    said = {(pair.a, pair.b): pair for pair in mine if pair.person_id is not None}
    apart = [ends for ends, pair in said.items() if pair.label != "same"]
    by_rule = sorted(
        (
            (pair.a, pair.b)
            for pair in mine
            if pair.label == "same" and pair.person_id is None and (pair.a, pair.b) not in said
        ),
        key=lambda ends: (ends[1], ends[0]),
    )
    forced = [ends for ends, pair in said.items() if pair.label == "same"]
    standing = {
        record_id: found[-1] for record_id, found in decisions.standing(session, inside).items()
    }
    kept_apart = _without_pool(session, inside, by_rule, apart, forced, standing)
    return group(sorted(inside), by_rule, [*apart, *kept_apart], forced=forced, standing=standing)


def _without_pool(
    session: ReadSession,
    inside: set[int],
    by_rule: Sequence[tuple[int, int]],
    apart: Sequence[tuple[int, int]],
    forced: Sequence[tuple[int, int]],
    standing: Mapping[int, tuple[int, str]],
) -> list[tuple[int, int]]:
    """Records that are two reports without the pool, and so must stay until it is admitted.

    A record of the pool joins its report at once; one that is the same as two reports would join
    these, and change counts.
    """
    pooled = pool.only_pooled(session, inside)
    if not pooled or len(inside) - len(pooled) < 2:
        return []
    review = sorted(inside - pooled)
    found = group(
        review,
        [ends for ends in by_rule if pooled.isdisjoint(ends)],
        [ends for ends in apart if pooled.isdisjoint(ends)],
        forced=[ends for ends in forced if pooled.isdisjoint(ends)],
        standing={number: standing[number] for number in review if number in standing},
    )
    return [
        (a, b)
        for place, one in enumerate(found.groups)
        for other in found.groups[place + 1 :]
        for a in one
        for b in other
    ]


def _note(
    session: WriteSession,
    review_id: int,
    action: str,
    changes: Sequence[reports.Change],
    *,
    person_id: int | None,
    **detail: Any,
) -> None:
    audit.append(
        session,
        action,
        review_id=review_id,
        person_id=person_id,
        detail={
            **detail,
            "reports": [
                {"report": c.report_id, "joined": list(c.joined), "left": list(c.left)}
                for c in changes
            ],
        },
    )


def judge(
    session: WriteSession,
    review_id: int,
    a: int,
    b: int,
    *,
    label: str,
    reason: str,
    person_id: int,
    decision: str | None = None,
) -> list[reports.Change]:
    """Store what a person says of two records, and group their reports again.

    Args:
        session: a transaction that writes.
        review_id: the review.
        a: one record.
        b: the other.
        label: "same", "related" or "different". Anything but "same" keeps the two, and with them
            their groups, apart for good.
        reason: in the person's words; may be empty.
        person_id: who says so.
        decision: which decision holds where the two sides were decided differently.

    Raises:
        NotFound: a record is not of this review.
        Conflict: the sides are decided differently and no decision was named; or they were told
            apart by somebody, which "same" contradicts.
        ValueError: the label or the decision is none.
    """
    reviews.lock(session, review_id)
    sides = reports.reports_of(session, (a, b))
    words = set(decisions.words(session, sides.values()).values())
    if label == "same" and len(words) > 1 and decision is None:
        raise Conflict(
            "the two were decided differently "
            f"({' and '.join(sorted(words))}): say which decision holds"
        )
    pair_id = pairs.add_by_person(
        session,
        review_id,
        a,
        b,
        label=label,
        reason=reason.strip(),
        version=VERSION,
        person_id=person_id,
    )
    changes, refused = regroup(session, (a, b))
    contradicted = [each for each in refused if {each.a, each.b} == {a, b}]
    if label == "same" and contradicted:
        parted = contradicted[0].apart
        raise Conflict(
            f"records {parted[0]} and {parted[1]} were told apart, and these would join them: "
            "take that back first"
            if parted
            else "the report would hold too many records"
        )
    _note(
        session,
        review_id,
        f"pair.{label}",
        changes,
        person_id=person_id,
        records=[a, b],
        reason=reason.strip(),
    )
    if label == "same" and decision is not None and len(words) > 1:
        report = reports.reports_of(session, (a,))[a]
        new = decisions.NewDecision(
            token=f"pair:{pair_id}",
            report_id=report,
            decision=decision,
            note="settles the decisions on two records of one report",
            kind="act",
        )
        decisions.record(session, review_id, person_id, new)
    reviews.touch(session, review_id)
    return changes


def undo(
    session: WriteSession, review_id: int, pair_id: int, *, person_id: int
) -> list[reports.Change]:
    """Take back what a person said of a pair: the reports are as they were without it.

    Raises:
        NotFound: the review has no such row.
        Conflict: a rule decided it, or it holds no longer.
    """
    reviews.lock(session, review_id)
    gone = pairs.undo(session, review_id, pair_id, person_id=person_id)
    changes, _ = regroup(session, (gone.a, gone.b))
    _note(
        session,
        review_id,
        "pair.undone",
        changes,
        person_id=person_id,
        pair=pair_id,
        records=[gone.a, gone.b],
    )
    reviews.touch(session, review_id)
    return changes


def split(
    session: WriteSession, review_id: int, record_id: int, *, reason: str, person_id: int
) -> list[reports.Change]:
    """Take one record out of its report for good: it is told apart from every other in it.

    Raises:
        NotFound: the review has no such record.
        Conflict: it stands alone.
    """
    reviews.lock(session, review_id)
    report_id = reports.reports_of(session, (record_id,)).get(record_id)
    rest = [
        member.record_id
        for member in reports.members(session, [report_id] if report_id else [])
        if member.record_id != record_id
    ]
    if not rest:
        raise Conflict(f"record {record_id} is the only one of its report")
    for other in rest:
        pairs.add_by_person(
            session,
            review_id,
            record_id,
            other,
            label="different",
            reason=reason.strip(),
            version=VERSION,
            person_id=person_id,
        )
    changes, _ = regroup(session, [record_id, *rest])
    _note(
        session,
        review_id,
        "report.split",
        changes,
        person_id=person_id,
        record=record_id,
        reason=reason.strip(),
    )
    reviews.touch(session, review_id)
    return changes


@dataclass(frozen=True, slots=True)
class Question:
    """Two reports that a person must look at.

    Attributes:
        kind: "conflict" (one report by the rules, decided differently), "contradiction" (persons
            said both), "ask" (the rules are not sure), "study" (related, and the protocol puts to
            a person whether they are of one study).
        pair: the pair that raises it.
        reports: the two reports.
        decisions: the decision that counts on each, or None.
        stake: what is at stake, greatest first.
    """

    kind: str
    pair: PairInfo
    reports: tuple[int, int]
    decisions: tuple[str | None, str | None]
    stake: float


def differing(a: Record, b: Record) -> frozenset[str]:
    """Fields in which two records differ to a reader: case, accents and punctuation aside."""
    one, other = prepare(a, "a"), prepare(b, "b")
    pages = (one.first_page, one.last_page), (other.first_page, other.last_page)
    told = {
        "title": (one.titles, other.titles),
        "authors": (one.authors, other.authors),
        "year": (one.year, other.year),
        "venue": (one.venue, other.venue),
        "volume": (one.volume, other.volume),
        "issue": (one.issue, other.issue),
        "pages": pages,
        "doi": (one.doi, other.doi),
        "pmid": (one.pmid, other.pmid),
        "abstract": (one.abstract, other.abstract),
        "types": (a.types, b.types),
        "language": (a.language, b.language),
    }
    return frozenset(
        name for name, (x, y) in told.items() if x != y and getattr(a, name) and getattr(b, name)
    )


def questions(session: ReadSession, review_id: int) -> list[Question]:
    """What a person must look at, most at stake first: a conflict, an include, then the unread."""
    said = pairs.said_between(session, review_id)
    found: dict[tuple[int, int], Question] = {}
    rows = pairs.open_questions(session, review_id)
    words = decisions.words(session, {report for _, a, b in rows for report in (a, b)})
    for pair, a, b in rows:
        between = (min(a, b), max(a, b))
        both = (words.get(a), words.get(b))
        kind = "ask"
        if pair.label == "same":
            if pair.person_id is not None:
                kind = "contradiction"
            elif None not in both and both[0] != both[1]:
                kind = "conflict"
            else:
                # Told apart by a person, or held back by the largest size of a report.
                continue
        elif between in said:
            continue
        question = Question(kind, pair, (a, b), both, _stake(kind, both))
        if between not in found or question.stake > found[between].stake:
            found[between] = question
    for pair, a, b in studies_of(session, review_id).asked:
        between = (min(a, b), max(a, b))
        if between not in said and between not in found:
            found[between] = Question("study", pair, (a, b), (None, None), 0.5)
    return sorted(found.values(), key=lambda q: (-q.stake, q.pair.id))


def held_back(session: ReadSession, review_id: int) -> int:
    """Pairs that fit one report by a rule and stay apart: by the limit or a person's word."""
    rows = [
        (a, b)
        for pair, a, b in pairs.open_questions(session, review_id)
        if pair.label == "same" and pair.person_id is None
    ]
    words = decisions.words(session, {report for ends in rows for report in ends})
    return sum(words.get(a, words.get(b)) == words.get(b, words.get(a)) for a, b in rows)


def _stake(kind: str, words: tuple[str | None, str | None]) -> float:
    if kind != "ask":
        return 4.0
    if "include" in words or "maybe" in words:
        return 3.0
    if None in words:
        # Unread: one of the two need not be read.
        return 2.0 if words == (None, None) else 1.0
    return 0.0
