"""Who decides which records: assignments, and cards that are handed to a colleague.

A record that is assigned is dealt to those it is assigned to, and to others only as far as more
people are to decide it than those. Of several assignments the narrowest holds: records by
themselves before a tag before a share.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import math
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final

from sqlalchemy import delete, select

from store import audit, marks, members, reviews
from store.chunks import CHUNK, batched
from store.errors import Conflict, NotAllowed, NotFound
from store.moved import reports_now
from store.plans import TITLE_ABSTRACT
from store.roles import may
from store.session import ReadSession, WriteSession
from store.shared_tables import Assignment, AssignmentPerson, AssignmentReport, HandedOver
from store.tables import Lease, RecordRow, Report, now
from store.verdicts import UNDECIDED

KINDS: Final = ("share", "tag", "records")


@dataclass(frozen=True, slots=True)
class AssignmentInfo:
    """An assignment that holds.

    Attributes:
        people: name and weight of each.
        records: how many are assigned by themselves, or bear the tag; None for a share.
    """

    id: int
    kind: str
    tag: str | None
    people: tuple[tuple[str, int], ...]
    records: int | None
    made_at: dt.datetime


def _chance(seed: int, person_id: int, report_id: int) -> float:
    """A number between 0 and 1 that is always the same for the same three."""
    digest = hashlib.blake2b(f"{seed} {person_id} {report_id}".encode(), digest_size=8).digest()
    return (int.from_bytes(digest, "big") + 1) / (2**64 + 2)


def drawn(seed: int, weights: Mapping[int, int], report_id: int, number: int) -> list[int]:
    """The people to whom a share gives a report, by weighted rendezvous hashing.

    When somebody comes or goes, only reports of theirs change hands.

    Args:
        seed: of the draw.
        weights: of each person, above 0.
        report_id: the report.
        number: how many people decide it.
    """
    return list(_ranked(seed, tuple(sorted(weights.items())), report_id)[:number])


# How many cards are left for somebody asks for the draw of every record, at every hand.
@lru_cache(maxsize=2**18)
def _ranked(seed: int, weights: tuple[tuple[int, int], ...], report_id: int) -> tuple[int, ...]:
    scores = {
        person_id: -weight / math.log(_chance(seed, person_id, report_id))
        for person_id, weight in weights
    }
    return tuple(sorted(scores, key=lambda each: (-scores[each], each)))


@dataclass(frozen=True, slots=True)
class Bound:
    """Whom reports are assigned to, and who has handed their cards over.

    Attributes:
        people: of reports that are assigned by themselves, by a tag, or were handed to somebody.
        shares: weights of a share of all others; empty where there is none.
        seed: of the share's draw.
        given_away: of reports whose cards were handed over, by whom.
    """

    people: Mapping[int, frozenset[int]] = field(default_factory=dict)
    shares: Mapping[int, int] = field(default_factory=dict)
    seed: int = 0
    given_away: Mapping[int, frozenset[int]] = field(default_factory=dict)

    @property
    def nothing(self) -> bool:
        """Whether anybody may decide anything."""
        return not (self.people or self.shares or self.given_away)

    def may_take(
        self, report_id: int, person_id: int, needed: int, decided: Collection[int]
    ) -> bool:
        """Whether a person may be dealt a report.

        Args:
            report_id: the report.
            person_id: who asks for cards.
            needed: how many people decide it.
            decided: who has.
        """
        away = self.given_away.get(report_id, frozenset())
        if person_id in away:
            return False
        people: Iterable[int] = self.people.get(report_id, ())
        if not people and self.shares:
            there = self.shares
            if away:
                there = {each: weight for each, weight in there.items() if each not in away}
            people = drawn(self.seed, there, report_id, needed)
        wanted = set(people) - away
        if not wanted or person_id in wanted:
            return True
        return needed - len(decided) > len(wanted - set(decided))


def bound(
    session: ReadSession,
    review_id: int,
    reports: Iterable[int] | None = None,
    stage: str = TITLE_ABSTRACT,
) -> Bound:
    """Whom reports are assigned to.

    Args:
        session: a reading session.
        review_id: the review.
        reports: these alone; all where None.
        stage: the stage that is screened.
    """
    live = _live(session, review_id, stage)
    handed = session.execute(
        reports_now(HandedOver)
        .add_columns(HandedOver.person_id, HandedOver.to_person_id)
        .where(HandedOver.review_id == review_id, HandedOver.stage == stage)
    ).all()
    if not live and not handed:
        return Bound()
    screening = {each.id for each in members.screening(session, review_id)}
    people: dict[int, set[int]] = defaultdict(set)
    shares: dict[int, int] = {}
    seed = 0
    chosen = None if reports is None else set(reports)
    # A later one of the same kind adds to the earlier; records by themselves go before tags.
    for kind in ("tag", "records"):
        found: dict[int, set[int]] = defaultdict(set)
        for row in live:
            if row.kind != kind:
                continue
            weights = _weights(session, row.id)
            for report_id in _assigned(session, row, chosen):
                found[report_id] |= weights.keys() & screening
        people.update({report_id: given for report_id, given in found.items() if given})
    for row in live:
        if row.kind == "share":
            weights = _weights(session, row.id)
            shares = {each: weight for each, weight in weights.items() if each in screening}
            seed = row.id
    away: dict[int, set[int]] = defaultdict(set)
    for report_id, person_id, to_person_id in handed:
        away[report_id].add(person_id)
        if to_person_id in screening:
            people[report_id] = people.get(report_id, set()) | {to_person_id}
    return Bound(
        {report_id: frozenset(given) for report_id, given in people.items()},
        shares,
        seed,
        {report_id: frozenset(given) for report_id, given in away.items()},
    )


def _live(session: ReadSession, review_id: int, stage: str) -> Sequence[Assignment]:
    return session.scalars(
        select(Assignment)
        .where(
            Assignment.review_id == review_id,
            Assignment.stage == stage,
            Assignment.ended_at.is_(None),
        )
        .order_by(Assignment.id)
    ).all()


def _weights(session: ReadSession, assignment_id: int) -> dict[int, int]:
    rows = session.execute(
        select(AssignmentPerson.person_id, AssignmentPerson.weight).where(
            AssignmentPerson.assignment_id == assignment_id
        )
    )
    return {row[0]: row[1] for row in rows}


def _assigned(session: ReadSession, row: Assignment, chosen: set[int] | None) -> set[int]:
    """Reports that an assignment by tag or by themselves means."""
    if row.kind == "tag":
        tagged = marks.tagged_by_leads(session, row.review_id, row.tag or "")
        return tagged if chosen is None else tagged & chosen
    query = reports_now(AssignmentReport).where(AssignmentReport.assignment_id == row.id)
    if chosen is None:
        return set(session.scalars(query))
    found: set[int] = set()
    for part in batched(chosen, CHUNK):
        found.update(session.scalars(query.where(RecordRow.report_id.in_(part))))
    return found


def assign(
    session: WriteSession,
    review_id: int,
    kind: str,
    people: Mapping[int, int],
    *,
    by: int,
    tag: str | None = None,
    reports: Iterable[int] = (),
    stage: str = TITLE_ABSTRACT,
) -> int:
    """Assign records to people. A new share takes the place of the one before it.

    Args:
        session: a writing session.
        review_id: the review.
        kind: one of ``KINDS``.
        people: weight of each; only a share reads the weights.
        by: the lead who assigns.
        tag: of an assignment by tag.
        reports: of one of records by themselves.
        stage: the stage that is screened.

    Raises:
        NotAllowed: whoever assigns is no lead.
        ValueError: nobody is named, or somebody who does not screen this review, or a weight is
            not above 0; or there is no tag, or no record.
    """
    reviews.lock(session, review_id)
    members.require(session, review_id, by, "lead")
    if kind not in KINDS:
        raise ValueError(f"records are assigned by {', '.join(KINDS)}, not by {kind!r}")
    screening = {each.id for each in members.screening(session, review_id)}
    if not people or not people.keys() <= screening:
        raise ValueError("records are assigned to people who screen this review")
    if min(people.values()) < 1 or max(people.values()) > 1000:
        raise ValueError("a share is a whole number from 1 to 1000")
    words = marks.checked("tag", tag or "") if kind == "tag" else None
    chosen = _of_review(session, review_id, reports) if kind == "records" else []
    if kind == "records" and not chosen:
        raise ValueError("there is no record to assign")
    if kind == "share":
        for row in _live(session, review_id, stage):
            if row.kind == "share":
                row.ended_at = now()
    made = Assignment(
        review_id=review_id, stage=stage, kind=kind, tag=words, made_by=by, made_at=now()
    )
    session.add(made)
    session.flush()
    session.add_all(
        AssignmentPerson(assignment_id=made.id, person_id=person_id, weight=weight)
        for person_id, weight in people.items()
    )
    session.add_all(
        AssignmentReport(assignment_id=made.id, report_id=report_id) for report_id in chosen
    )
    session.flush()
    # Cards that lie on screens and are others' now go back when their time is up.
    audit.append(
        session,
        "assignment.made",
        review_id=review_id,
        person_id=by,
        detail={
            "assignment": made.id,
            "kind": kind,
            "tag": words,
            "people": {str(person_id): weight for person_id, weight in people.items()},
            "records": len(chosen) if kind == "records" else None,
        },
    )
    return made.id


def _of_review(session: ReadSession, review_id: int, reports: Iterable[int]) -> list[int]:
    found: list[int] = []
    for part in batched(sorted(set(reports)), CHUNK):
        query = select(Report.id).where(Report.review_id == review_id, Report.id.in_(part))
        found += session.scalars(query)
    return found


def end(session: WriteSession, review_id: int, assignment_id: int, *, by: int) -> None:
    """End an assignment: its records are anybody's again.

    Raises:
        NotFound: the review has no such assignment that holds.
    """
    reviews.lock(session, review_id)
    members.require(session, review_id, by, "lead")
    row = session.get(Assignment, assignment_id)
    if row is None or row.review_id != review_id or row.ended_at is not None:
        raise NotFound(f"there is no assignment {assignment_id} in this review")
    row.ended_at = now()
    session.flush()
    audit.append(
        session,
        "assignment.ended",
        review_id=review_id,
        person_id=by,
        detail={"assignment": assignment_id},
    )


def everything(
    session: ReadSession, review_id: int, stage: str = TITLE_ABSTRACT
) -> list[AssignmentInfo]:
    """Assignments that hold, oldest first."""
    names = {each.id: each.name for each in members.everyone(session, review_id)}
    return [
        AssignmentInfo(
            row.id,
            row.kind,
            row.tag,
            tuple(
                (names[person_id], weight)
                for person_id, weight in sorted(_weights(session, row.id).items())
                if person_id in names
            ),
            None if row.kind == "share" else len(_assigned(session, row, None)),
            row.made_at,
        )
        for row in _live(session, review_id, stage)
    ]


def hand_over(
    session: WriteSession,
    review_id: int,
    person_id: int,
    report_id: int,
    *,
    to: int | None = None,
    stage: str = TITLE_ABSTRACT,
) -> None:
    """Hand a card to a colleague, or to whoever is next: the person is not dealt it again.

    Raises:
        NotAllowed: the person, or whom it is handed to, does not screen this review.
        NotFound: the review has no such report.
        Conflict: it is settled, or the person has decided it; or it would be handed to oneself.
    """
    reviews.lock(session, review_id)
    members.require(session, review_id, person_id, "screen")
    if to == person_id:
        raise Conflict("a card is handed to somebody else")
    if to is not None and not may(members.role_of(session, review_id, to), "screen"):
        raise NotAllowed("A card is handed to somebody who screens this review.")
    row = session.get(Report, report_id)
    if row is None or row.review_id != review_id:
        raise NotFound(f"there is no report {report_id} in this review")
    if row.state not in UNDECIDED:
        raise Conflict(f"report {report_id} is decided")
    key = {"report_id": report_id, "stage": stage, "person_id": person_id}
    found = session.get(HandedOver, (report_id, stage, person_id))
    if found is None:
        session.add(HandedOver(**key, review_id=review_id, to_person_id=to))
    else:
        found.to_person_id = to
    session.execute(
        delete(Lease).where(
            Lease.report_id == report_id, Lease.stage == stage, Lease.person_id == person_id
        )
    )
    session.flush()


def nobodys(session: ReadSession, review_id: int, stage: str = TITLE_ABSTRACT) -> int:
    """How many undecided reports everybody who screens has handed over: a lead must know."""
    everybody = {each.id for each in members.screening(session, review_id)}
    given = bound(session, review_id, (), stage).given_away
    left = [report_id for report_id, people in given.items() if everybody <= people]
    undecided = 0
    for part in batched(left, CHUNK):
        rows = session.scalars(
            select(Report.id).where(
                Report.id.in_(part),
                Report.active.is_(True),
                Report.state.in_(UNDECIDED),
            )
        )
        undecided += len(rows.all())
    return undecided
