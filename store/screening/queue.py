"""Dealing cards: what a person gets next is chosen while reading, and dealt while writing.

What is chosen comes from what the process remembers (``stage_queue``) and may be out of date. So
every card is read again under a lock before it is dealt, and only that reading counts.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection
from dataclasses import dataclass, replace

from store.core.session import ReadSession, WriteSession
from store.core.tables import now
from store.reports import screening_state
from store.rules.agreed_decision import get_own_decisions
from store.screening import leases
from store.screening.dealing_rules import Kind
from store.screening.leases import CardState, Holder
from store.screening.stage_queue import Screener, StageQueue, read_heading
from store.screening.undecided_reports import Place


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaseRequest:
    """Which cards a person asks for.

    Attributes:
        number: how many new ones.
        valid: how long the leases hold.
        keep: reports whose cards the person has on screen and keeps.
        again: only records to screen again since the criteria changed; otherwise all others.
        refused: reports that have just turned out to be taken.
    """

    number: int
    valid: dt.timedelta
    keep: Collection[int] = ()
    again: bool = False
    refused: Collection[int] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """What a person is to hold next, before it is certain.

    Attributes:
        ranking_id: of the ranking that the places are of; None without one.
        places: of the new cards.
        held: new cards that the person holds already for long enough.
        new: new cards to lease.
        due: kept cards to renew.
        gone: cards to give back.
    """

    ranking_id: int | None
    places: tuple[Place, ...]
    held: frozenset[int]
    new: tuple[int, ...]
    due: tuple[int, ...]
    gone: tuple[int, ...]

    @property
    def is_certain(self) -> bool:
        """Whether nothing has to be written."""
        return not (self.new or self.due or self.gone)


def choose_cards(
    session: ReadSession, queue: StageQueue, screener: Screener, request: LeaseRequest
) -> Choice:
    """Choose a person's next cards; leases of what they do not keep are given back.

    If a report needs two more decisions, at most two people hold its card at the same time. Half
    of a lease's time may pass before it is renewed.

    Args:
        session: a reading session.
        queue: refreshed in the same session.
        screener: who is to hold the cards.
        request: which cards.
    """
    held, taken = leases.list_leases(
        session, screener.review_id, screener.person_id, screener.stage
    )
    at = now()
    passed_over = {*request.keep, *request.refused}

    def is_free(report_id: int, kind: Kind) -> bool:
        if report_id in passed_over:
            return False
        mine = report_id in held and held[report_id] > at
        return mine or taken[report_id] < kind.places

    ranking_id, places = queue.list_places(
        screener.person_id, request.number, again=request.again, is_free=is_free
    )
    fresh = {report_id for report_id, until in held.items() if until > at + request.valid / 2}
    wanted = [place.report_id for place in places]
    return Choice(
        ranking_id=ranking_id,
        places=tuple(places),
        held=frozenset(fresh.intersection(wanted)),
        new=tuple(report_id for report_id in wanted if report_id not in fresh),
        due=tuple(report_id for report_id in request.keep if report_id not in fresh),
        gone=tuple(held.keys() - set(request.keep) - set(wanted)),
    )


@dataclass(frozen=True, slots=True)
class Dealt:
    """What a person holds now.

    Attributes:
        places: of the new cards.
        lost: kept cards that the person must give up, because others hold or have decided them.
    """

    places: tuple[Place, ...]
    lost: frozenset[int] = frozenset()


def deal_cards(
    session: WriteSession,
    queue: StageQueue,
    screener: Screener,
    request: LeaseRequest,
    choice: Choice,
) -> Dealt:
    """Lease what was chosen, as far as it is still free, or else the next in line.

    Raises:
        NotAllowed: the person does not screen this review any more.
    """
    queue.refresh(session, read_heading(session, screener))
    taken = _take_cards(session, queue, screener, choice, valid=request.valid)
    lost = _find_lost(session, screener, set(choice.due) - taken)
    places = [place for place in choice.places if place.report_id in choice.held | taken]
    refused = set(choice.new) - taken
    more = choice
    while refused.intersection(more.new):
        # Others were quicker. What is chosen in this transaction is theirs only on PostgreSQL.
        rest = replace(
            request,
            number=request.number - len(places),
            keep=(*(set(request.keep) - lost), *(place.report_id for place in places)),
            refused=refused,
        )
        more = choose_cards(session, queue, screener, rest)
        taken = _take_cards(session, queue, screener, more, valid=request.valid)
        refused |= set(more.new) - taken
        places += [
            place if more.ranking_id == choice.ranking_id else Place(place.report_id, None)
            for place in more.places
            if place.report_id in more.held | taken
        ]
    return Dealt(tuple(places), frozenset(lost))


def _take_cards(
    session: WriteSession,
    queue: StageQueue,
    screener: Screener,
    choice: Choice,
    *,
    valid: dt.timedelta,
) -> set[int]:
    """Lease those of the new and due cards that are free once they are locked; returns these."""
    ids = (*choice.new, *choice.due)
    # All of them at once; see ``lock_reports``.
    locked = leases.lock_reports(session, {*ids, *choice.gone})
    if choice.gone:
        leases.delete_leases(session, screener.person_id, screener.stage, choice.gone)
    wanted = [report_id for report_id in ids if report_id in locked]
    cards = leases.read_cards(session, screener.review_id, screener.stage, wanted)
    slots = {}
    for report_id in wanted:
        card = cards.get(report_id)
        slot = None if card is None else _find_slot(queue, screener.person_id, report_id, card)
        if slot is not None:
            slots[report_id] = slot
    holder = Holder(screener.review_id, screener.person_id, screener.stage, now() + valid)
    leases.write_leases(session, holder, cards, slots)
    return set(slots)


def _find_slot(queue: StageQueue, person_id: int, report_id: int, card: CardState) -> int | None:
    """The slot that a person may have of a card; None if they may not have it."""
    kind = queue.rules.find_kind(report_id, card.lines)
    if not kind.admits(person_id) or (kind.in_round and person_id not in queue.rules.in_round):
        return None
    return card.find_slot(person_id, kind.places)


def _find_lost(session: ReadSession, screener: Screener, refused: Collection[int]) -> set[int]:
    """The kept cards that could not be renewed and that the person has not decided.

    What they have decided they may be about to undo.
    """
    lines = screening_state.list_active_decisions(session, refused, screener.stage)
    return {
        report_id
        for report_id in refused
        if screener.person_id not in get_own_decisions(lines.get(report_id, []))
    }
