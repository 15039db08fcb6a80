"""A reviewer's queue: the newest ranking without decided reports and without cards others hold."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import count

from sqlalchemy import delete, func, select, update
from sqlalchemy.dialects.postgresql import insert as insert_postgresql
from sqlalchemy.dialects.sqlite import insert as insert_sqlite

from store.core.chunks import batched
from store.core.session import ReadSession, WriteSession
from store.core.tables import Lease, Report, ReportState, now
from store.reports import screening_state
from store.reports.record_counts import count_undecided
from store.reports.report_states import at_stage, is_undecided
from store.rules.agreed_decision import get_own_decisions
from store.rules.plans import TITLE_ABSTRACT
from store.screening import assigned_people, pilots, rescreens

# How many reports of a ranking are looked through at once.
_CHUNK = 200


@dataclass(frozen=True, slots=True)
class Place:
    """A report in a queue. ``place`` counts from 1 in the ranking; None if it is not ranked."""

    report_id: int
    place: int | None


@dataclass(frozen=True, slots=True)
class Screener:
    """A person who screens a stage of a review."""

    review_id: int
    person_id: int
    stage: str = TITLE_ABSTRACT


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaseRequest:
    """Which cards a person asks for.

    Attributes:
        number: how many.
        valid: how long the leases hold.
        skip: reports whose cards the person already has on screen.
        again: only records to screen again since the criteria changed; otherwise all others.
    """

    number: int
    valid: dt.timedelta
    skip: Collection[int] = ()
    again: bool = False


def release_leases(session: WriteSession, screener: Screener, *, keep: Iterable[int]) -> None:
    """Give back a person's cards, except those of the reports to keep."""
    kept = list(keep)
    query = delete(Lease).where(
        Lease.review_id == screener.review_id,
        Lease.person_id == screener.person_id,
        Lease.stage == screener.stage,
    )
    session.execute(query.where(Lease.report_id.not_in(kept)) if kept else query)


def lease_cards(
    session: WriteSession, screener: Screener, ranked: Sequence[int], request: LeaseRequest
) -> list[Place]:
    """Lease the next cards to a person.

    If a report needs two more decisions, at most two people hold its card at the same time. Reports
    that others have decided and this person has not come first, then reports that nobody has
    decided. Both are in ranking order, with unranked reports after the ranked ones. A person in an
    open pilot round gets the round's records and no others. Records to screen again are a separate
    queue.

    Args:
        session: a writing session.
        screener: who is to hold the cards.
        ranked: report ids of the newest ranking, best first.
        request: which cards.
    """
    _delete_expired(session, screener.review_id)
    deal = _Deal(session, screener, now() + request.valid, request.skip)
    if deal.pilot_reports is not None:
        place_of = {p.report_id: p for p in _places(ranked, among=set(deal.pilot_reports))}
        places = [place_of.get(id_, Place(id_, None)) for id_ in deal.pilot_reports]
        deal.take(places, request.number)
        return deal.dealt
    to_rescreen = rescreens.find_reports_to_rescreen(session, screener.review_id, screener.stage)
    if request.again:
        deal.take_ranked_first(ranked, to_rescreen, request.number)
        return deal.dealt
    deal.unwanted |= to_rescreen
    awaiting = set(_list_in_state(session, screener, "awaiting"))
    if awaiting:
        deal.take_ranked_first(ranked, awaiting, request.number)
    for start in range(0, len(ranked), _CHUNK):
        if len(deal.dealt) >= request.number:
            break
        deal.take(_places(ranked[start : start + _CHUNK], start), request.number)
    if len(deal.dealt) < request.number:
        seen = set(ranked) | deal.unwanted
        unranked = [
            report_id
            for report_id in _list_in_state(session, screener, "open")
            if report_id not in seen
        ]
        for chunk in batched(unranked, _CHUNK):
            deal.take([Place(report_id, None) for report_id in chunk], request.number)
            if len(deal.dealt) >= request.number:
                break
    return deal.dealt


def extend_leases(
    session: WriteSession, screener: Screener, report_ids: Sequence[int], *, valid: dt.timedelta
) -> set[int]:
    """Hold the cards on a person's screen for longer; expired ones are leased again if free.

    Returns:
        Reports whose card the person must give up, because others hold or have decided it. Reports
        that the person has decided, and may be about to undo, are not among them.
    """
    _delete_expired(session, screener.review_id)
    deal = _Deal(session, screener, now() + valid, ())
    deal.take([Place(report_id, None) for report_id in report_ids], len(report_ids))
    lost = set(report_ids) - {place.report_id for place in deal.dealt}
    lines = screening_state.list_active_decisions(session, lost, screener.stage)
    return {
        report_id
        for report_id in lost
        if screener.person_id not in get_own_decisions(lines.get(report_id, []))
    }


def _delete_expired(session: WriteSession, review_id: int) -> None:
    session.execute(delete(Lease).where(Lease.review_id == review_id, Lease.expires_at <= now()))


def count_remaining(session: ReadSession, screener: Screener, *, again: bool = False) -> int:
    """How many reports a person could still decide if nobody else comes first.

    Args:
        session: a reading session.
        screener: the person.
        again: only records to screen again; otherwise all others.
    """
    review_id, person_id, stage = screener.review_id, screener.person_id, screener.stage
    pilot_reports = pilots.list_reports_for(session, review_id, person_id, stage)
    if pilot_reports is not None:
        if again:
            # A person in a pilot round gets no other cards.
            return 0
        lines = screening_state.list_active_decisions(session, pilot_reports, stage)
        return sum(
            person_id not in get_own_decisions(lines.get(report_id, []))
            for report_id in pilot_reports
        )
    to_rescreen = rescreens.find_reports_to_rescreen(session, review_id, stage)
    if again and not to_rescreen:
        return 0
    awaiting = [
        report_id
        for report_id in _list_in_state(session, screener, "awaiting")
        if (report_id in to_rescreen) == again
    ]
    decided = {
        report_id: get_own_decisions(lines)
        for report_id, lines in screening_state.list_active_decisions(
            session, awaiting, stage
        ).items()
    }
    done = {report_id for report_id, own in decided.items() if person_id in own}
    assigned = assigned_people.find_assigned_people(session, review_id, None, stage)
    if assigned.is_empty:
        n_again = len(to_rescreen)
        total = n_again if again else count_undecided(session, review_id, stage) - n_again
        return total - len(done)
    required = screening_state.get_required_decisions(session, review_id, stage)
    left = {*awaiting, *_list_in_state(session, screener, "open")} - done
    left = left & to_rescreen if again else left - to_rescreen
    return sum(
        assigned.may_take(
            report_id,
            person_id,
            required.count_needed(report_id, list(decided.get(report_id, {}).values())),
            decided.get(report_id, {}),
        )
        for report_id in left
    )


def _places(
    ranked: Sequence[int], start: int = 0, *, among: Collection[int] | None = None
) -> list[Place]:
    """Places of a part of a ranking that begins after ``start``, or of these reports in it."""
    return [
        Place(report_id, start + at)
        for at, report_id in enumerate(ranked, start=1)
        if among is None or report_id in among
    ]


class _Deal:
    """Cards dealt to one person in one transaction."""

    def __init__(
        self, session: WriteSession, screener: Screener, until: dt.datetime, skip: Iterable[int]
    ) -> None:
        self.dealt: list[Place] = []
        self.unwanted = set(skip)
        self._session = session
        self._review_id = screener.review_id
        self._person_id = screener.person_id
        self._stage = screener.stage
        self._until = until
        self._required = screening_state.get_required_decisions(
            session, self._review_id, self._stage
        )
        self.pilot_reports = pilots.list_reports_for(
            session, self._review_id, self._person_id, self._stage
        )

    def take(self, places: Sequence[Place], number: int) -> None:
        """Lease these places, in this order, until ``number`` cards are dealt.

        Others may take the same cards at the same moment. Their leases can be seen once ours have
        failed, so the search is repeated.
        """
        while places and len(self.dealt) < number:
            seen = {place.report_id for place in self.dealt} | self.unwanted
            candidates = [place for place in places if place.report_id not in seen]
            slots = self._find_slots([place.report_id for place in candidates])
            chosen = [place for place in candidates if place.report_id in slots]
            chosen = chosen[: number - len(self.dealt)]
            if not chosen:
                return
            leased = self._lease({place.report_id: slots[place.report_id] for place in chosen})
            self.dealt += [place for place in chosen if place.report_id in leased]

    def take_ranked_first(self, ranked: Sequence[int], report_ids: set[int], number: int) -> None:
        """Lease these reports: ranked ones in ranking order, and only then the others by id."""
        self.take(_places(ranked, among=report_ids), number)
        self.take([Place(id_, None) for id_ in sorted(report_ids - set(ranked))], number)

    def _find_slots(self, report_ids: Sequence[int]) -> dict[int, int]:
        """A free slot for each of the reports whose card the person may hold."""
        states = dict(
            self._session.execute(
                select(Report.id, func.coalesce(ReportState.state, "open"))
                .outerjoin(ReportState, at_stage(self._stage))
                .where(
                    Report.id.in_(report_ids),
                    Report.review_id == self._review_id,
                    Report.active.is_(True),
                    is_undecided(),
                )
            ).all()
        )
        assigned = assigned_people.find_assigned_people(
            self._session, self._review_id, states, self._stage
        )
        slots_by_report: dict[int, dict[int, int]] = defaultdict(dict)
        for report_id, person_id, slot in self._session.execute(
            select(Lease.report_id, Lease.person_id, Lease.slot).where(
                Lease.report_id.in_(list(states)), Lease.stage == self._stage
            )
        ):
            slots_by_report[report_id][person_id] = slot
        awaiting = [report_id for report_id, state in states.items() if state == "awaiting"]
        lines_by_report = screening_state.list_active_decisions(
            self._session, awaiting, self._stage
        )
        free = {}
        for report_id in states:
            lines = lines_by_report.get(report_id, [])
            decided = get_own_decisions(lines)
            slot_of = slots_by_report[report_id]
            others = {slot for person, slot in slot_of.items() if person != self._person_id}
            needed = self._required.count_needed(report_id, lines)
            if (
                self._person_id in decided
                or self._in_pilot_of_others(report_id)
                or not assigned.may_take(report_id, self._person_id, needed, decided)
            ):
                continue
            if self._person_id in slot_of:
                free[report_id] = slot_of[self._person_id]
            elif len(others) < needed - len(decided):
                free[report_id] = next(slot for slot in count() if slot not in others)
        return free

    def _in_pilot_of_others(self, report_id: int) -> bool:
        """Whether a report belongs to an open pilot round in which the person takes no part."""
        in_pilot = self._required.pilots.get(report_id) is not None
        return in_pilot and report_id not in (self.pilot_reports or ())

    def _lease(self, slots: Mapping[int, int]) -> set[int]:
        """Lease these slots; gives the reports whose slot nobody else took at the same moment."""
        is_own = (Lease.person_id == self._person_id, Lease.stage == self._stage)
        renewed = set(
            self._session.scalars(
                update(Lease)
                .where(Lease.report_id.in_(list(slots)), *is_own)
                .values(expires_at=self._until)
                .returning(Lease.report_id)
            )
        )
        new = [report_id for report_id in slots if report_id not in renewed]
        if not new:
            return renewed
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
        return renewed | set(self._session.scalars(statement.returning(Lease.report_id)))


def _list_in_state(session: ReadSession, screener: Screener, state: str) -> Sequence[int]:
    """Reports in a state, in the order in which they came."""
    return session.scalars(
        select(ReportState.report_id)
        .where(
            ReportState.review_id == screener.review_id,
            ReportState.stage == screener.stage,
            ReportState.active.is_(True),
            ReportState.state == state,
        )
        .order_by(ReportState.report_id)
    ).all()
