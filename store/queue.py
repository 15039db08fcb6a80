"""A reviewer's queue: the newest ranking less what is decided and less cards others hold."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import count

from sqlalchemy import delete, select, update
from sqlalchemy.dialects.postgresql import insert as insert_postgresql
from sqlalchemy.dialects.sqlite import insert as insert_sqlite

from store import assignments, outcomes, pilots, rescreens
from store.chunks import batched
from store.plans import TITLE_ABSTRACT
from store.records import undecided as records_undecided
from store.session import ReadSession, WriteSession
from store.tables import Lease, Report, now
from store.verdicts import UNDECIDED, own_by_person

_LOOK = 200


@dataclass(frozen=True, slots=True)
class Place:
    """A report in a queue. ``place`` counts from 1 in the ranking; None where it is unranked."""

    report_id: int
    place: int | None


def release(
    session: WriteSession,
    review_id: int,
    person_id: int,
    *,
    keep: Iterable[int],
    stage: str = TITLE_ABSTRACT,
) -> None:
    """Give back a person's leases of a stage, except those of the reports to keep."""
    kept = list(keep)
    mine = (
        Lease.review_id == review_id,
        Lease.person_id == person_id,
        Lease.stage == stage,
    )
    query = delete(Lease).where(*mine)
    session.execute(query.where(Lease.report_id.not_in(kept)) if kept else query)


def lease(
    session: WriteSession,
    review_id: int,
    person_id: int,
    ranked: Sequence[int],
    *,
    number: int,
    valid: dt.timedelta,
    skip: Iterable[int] = (),
    again: bool = False,
    stage: str = TITLE_ABSTRACT,
) -> list[Place]:
    """Lease the next cards to a person: no more people hold a card than are still to decide it.

    First what others have decided and this person is still to, then what nobody has, both in
    ranking order; the ranking has not learned from what awaits a decision. Reports without a place
    come last. Whoever takes part in an open pilot round gets its records, and no other. What is
    screened again is a queue of its own.

    Args:
        session: a writing session.
        review_id: the review.
        person_id: who is to hold the cards.
        ranked: report ids of the newest ranking, best first.
        number: how many cards are wanted.
        valid: how long the leases hold.
        skip: reports that the person holds already and does not want again.
        again: only what is screened again since the criteria changed; else all but that.
        stage: the stage that is screened.
    """
    session.execute(delete(Lease).where(Lease.review_id == review_id, Lease.expires_at <= now()))
    deal = _Deal(session, review_id, person_id, stage, now() + valid, set(skip))
    if deal.drawn is not None:
        places = _places(ranked, 0, among=set(deal.drawn))
        ranked_at = {place.report_id: place for place in places}
        deal.take([ranked_at.get(each, Place(each, None)) for each in deal.drawn], number)
        return deal.found
    repeated = rescreens.waiting(session, review_id, stage)
    if again:
        deal.take(_places(ranked, 0, among=repeated), number)
        left = repeated - set(ranked)
        deal.take([Place(report_id, None) for report_id in sorted(left)], number)
        return deal.found
    deal.unwanted |= repeated
    awaiting = set(_in_state(session, review_id, "awaiting"))
    if awaiting:
        deal.take(_places(ranked, 0, among=awaiting), number)
        unranked = sorted(awaiting - set(ranked))
        deal.take([Place(report_id, None) for report_id in unranked], number)
    for start in range(0, len(ranked), _LOOK):
        if len(deal.found) >= number:
            break
        deal.take(_places(ranked[start : start + _LOOK], start), number)
    if len(deal.found) < number:
        known = set(ranked) | deal.unwanted
        rest = _in_state(session, review_id, "open")
        for part in batched([each for each in rest if each not in known], _LOOK):
            deal.take([Place(report_id, None) for report_id in part], number)
            if len(deal.found) >= number:
                break
    return deal.found


def extend(
    session: WriteSession,
    review_id: int,
    person_id: int,
    reports: Sequence[int],
    *,
    valid: dt.timedelta,
    stage: str = TITLE_ABSTRACT,
) -> set[int]:
    """Hold cards for longer that a person has on screen; what ran out is taken again if it is free.

    Returns:
        Reports whose card the person must give up: others hold or have decided it. What they have
        decided themselves, and may be about to take back, is not among these.
    """
    session.execute(delete(Lease).where(Lease.review_id == review_id, Lease.expires_at <= now()))
    deal = _Deal(session, review_id, person_id, stage, now() + valid, set())
    deal.take([Place(report_id, None) for report_id in reports], len(reports))
    lost = set(reports) - {place.report_id for place in deal.found}
    decided = outcomes.lines(session, lost, stage)
    return {each for each in lost if person_id not in own_by_person(decided.get(each, []))}


def remaining(
    session: ReadSession,
    review_id: int,
    person_id: int,
    *,
    again: bool = False,
    stage: str = TITLE_ABSTRACT,
) -> int:
    """How many reports are still to be decided by this person, if nobody else comes first.

    Args:
        session: a reading session.
        review_id: the review.
        person_id: who screens.
        again: of those that are screened again; else of all others.
        stage: the stage that is screened.
    """
    drawn = pilots.drawn_for(session, review_id, person_id, stage)
    if drawn is not None:
        if again:
            # Whoever takes part in a pilot round gets nothing else meanwhile.
            return 0
        decided = outcomes.lines(session, drawn, stage)
        return sum(person_id not in own_by_person(decided.get(each, [])) for each in drawn)
    repeated = rescreens.waiting(session, review_id, stage)
    if again and not repeated:
        return 0
    awaiting = [
        each for each in _in_state(session, review_id, "awaiting") if (each in repeated) == again
    ]
    said = {
        report_id: own_by_person(known)
        for report_id, known in outcomes.lines(session, awaiting, stage).items()
    }
    mine = {report_id for report_id, own in said.items() if person_id in own}
    bound = assignments.bound(session, review_id, None, stage)
    if bound.nothing:
        every = len(repeated) if again else records_undecided(session, review_id) - len(repeated)
        return every - len(mine)
    asked = outcomes.asked_of(session, review_id, stage)
    left = {*awaiting, *_in_state(session, review_id, "open")} - mine
    left = left & repeated if again else left - repeated
    return sum(
        bound.may_take(
            report_id,
            person_id,
            asked.needed(report_id, list(said.get(report_id, {}).values())),
            said.get(report_id, {}),
        )
        for report_id in left
    )


def _places(
    ranked: Sequence[int], start: int, *, among: Collection[int] | None = None
) -> list[Place]:
    """Places of a part of a ranking that begins after ``start``; of these reports alone."""
    return [
        Place(report_id, start + at)
        for at, report_id in enumerate(ranked, start=1)
        if among is None or report_id in among
    ]


class _Deal:
    """Cards dealt to one person in one transaction."""

    def __init__(
        self,
        session: WriteSession,
        review_id: int,
        person_id: int,
        stage: str,
        until: dt.datetime,
        unwanted: set[int],
    ) -> None:
        self.found: list[Place] = []
        self.unwanted = unwanted
        self._session = session
        self._review_id = review_id
        self._person_id = person_id
        self._stage = stage
        self._until = until
        self._asked = outcomes.asked_of(session, review_id, stage)
        self.drawn = pilots.drawn_for(session, review_id, person_id, stage)
        self._drawn = set(self.drawn or ())

    def take(self, places: Sequence[Place], number: int) -> None:
        """Lease these places, in their order, until so many are found.

        Someone else may take the same cards at the same moment: what was lost is looked for again,
        since then the others' leases can be seen.
        """
        while places and len(self.found) < number:
            known = {place.report_id for place in self.found} | self.unwanted
            wanted = [place for place in places if place.report_id not in known]
            slots = self._slots([place.report_id for place in wanted])
            chosen = [place for place in wanted if place.report_id in slots]
            chosen = chosen[: number - len(self.found)]
            if not chosen:
                return
            taken = self._lease({place.report_id: slots[place.report_id] for place in chosen})
            self.found += [place for place in chosen if place.report_id in taken]

    def _slots(self, reports: Sequence[int]) -> dict[int, int]:
        """Those of the reports whose card the person may hold, each with a free slot."""
        states = dict(
            self._session.execute(
                select(Report.id, Report.state).where(
                    Report.id.in_(reports),
                    Report.review_id == self._review_id,
                    Report.active.is_(True),
                    Report.state.in_(UNDECIDED),
                )
            ).all()
        )
        bound = assignments.bound(self._session, self._review_id, states, self._stage)
        held: dict[int, dict[int, int]] = defaultdict(dict)
        for report_id, person_id, slot in self._session.execute(
            select(Lease.report_id, Lease.person_id, Lease.slot).where(
                Lease.report_id.in_(list(states)), Lease.stage == self._stage
            )
        ):
            held[report_id][person_id] = slot
        awaiting = [report_id for report_id, state in states.items() if state == "awaiting"]
        decided = outcomes.lines(self._session, awaiting, self._stage)
        found = {}
        for report_id in states:
            known = decided.get(report_id, [])
            own = own_by_person(known)
            holders = held[report_id]
            others = {slot for person_id, slot in holders.items() if person_id != self._person_id}
            needed = self._asked.needed(report_id, known)
            if (
                self._person_id in own
                or self._foreign(report_id)
                or not bound.may_take(report_id, self._person_id, needed, own)
            ):
                continue
            if self._person_id in holders:
                found[report_id] = holders[self._person_id]
            elif len(others) < needed - len(own):
                found[report_id] = next(slot for slot in count() if slot not in others)
        return found

    def _foreign(self, report_id: int) -> bool:
        """Whether a report is of an open pilot round in which this person takes no part."""
        return self._asked.pilots.get(report_id) is not None and report_id not in self._drawn

    def _lease(self, slots: Mapping[int, int]) -> set[int]:
        """Lease these; gives those that nobody else took at the same moment."""
        own = (Lease.person_id == self._person_id, Lease.stage == self._stage)
        kept = set(
            self._session.scalars(
                update(Lease)
                .where(Lease.report_id.in_(list(slots)), *own)
                .values(expires_at=self._until)
                .returning(Lease.report_id)
            )
        )
        new = [report_id for report_id in slots if report_id not in kept]
        if not new:
            return kept
        sqlite = self._session.get_bind().dialect.name == "sqlite"
        insert = insert_sqlite if sqlite else insert_postgresql
        statement = insert(Lease).values(
            [
                {
                    "report_id": report_id,
                    "stage": self._stage,
                    "slot": slots[report_id],
                    "review_id": self._review_id,
                    "person_id": self._person_id,
                    "expires_at": self._until,
                }
                for report_id in new
            ]
        )
        statement = statement.on_conflict_do_nothing()
        return kept | set(self._session.scalars(statement.returning(Lease.report_id)))


def _in_state(session: ReadSession, review_id: int, state: str) -> Sequence[int]:
    """Reports in a state, in the order they came."""
    return session.scalars(
        select(Report.id)
        .where(Report.review_id == review_id, Report.active.is_(True), Report.state == state)
        .order_by(Report.id)
    ).all()
