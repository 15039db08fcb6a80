"""The cards that a reviewer screens next."""

from __future__ import annotations

import datetime as dt
from array import array
from dataclasses import dataclass
from threading import Lock

from store.core.session import ReadSession, Store, WriteSession
from store.reports import record_events, records
from store.reports.record_events import EventInfo
from store.reports.records import StoredRecord
from store.reviews import reviews, screeners
from store.rules.plans import TITLE_ABSTRACT
from store.screening import queue, queue_end, rankings
from store.screening.queue import LeaseRequest, Place, Screener
from store.screening.queue_end import QueueEnd
from store.screening.rankings import Order, RankingInfo


@dataclass(frozen=True, slots=True)
class Card:
    """A report to decide.

    Attributes:
        place: in the ranking, counted from 1; None if the ranking leaves the report out.
        score: in the ranking; None if the ranking leaves the report out.
        stored: the record that is shown.
        events: what a reader must know, such as a retraction.
    """

    report_id: int
    place: int | None
    score: float | None
    stored: StoredRecord
    events: tuple[EventInfo, ...] = ()


@dataclass(frozen=True, slots=True)
class CardHand:
    """The cards that a reviewer holds next.

    Attributes:
        ranking: the ranking that ordered them; None before the first.
        remaining: how many reports this reviewer could still decide.
        lost: reports whose cards the reviewer wanted to keep, but others hold or have decided.
        again: how many reports the reviewer could screen again since the criteria changed.
        end: why there is no card; None if the reviewer has some, or asked for none.
    """

    ranking: RankingInfo | None
    cards: tuple[Card, ...]
    remaining: int
    lost: frozenset[int] = frozenset()
    again: int = 0
    end: QueueEnd | None = None


class Orders:
    """Decoded orders of the newest rankings, kept because a ranking never changes."""

    def __init__(self, keep: int = 16) -> None:
        self._keep = keep
        self._orders: dict[int, Order] = {}
        self._lock = Lock()

    def get(self, session: ReadSession, review_id: int, ranking_id: int) -> Order:
        """The order of a ranking; concurrent callers may decode it twice."""
        with self._lock:
            order = self._orders.get(ranking_id)
        if order is None:
            order = rankings.get_order(session, review_id, ranking_id)
            with self._lock:
                self._orders[ranking_id] = order
                for oldest in sorted(self._orders)[: -self._keep]:
                    del self._orders[oldest]
        return order


_EMPTY = Order(array("q"), array("f"))


@dataclass(frozen=True, slots=True)
class CardRequest:
    """Which cards a reviewer asks for.

    Attributes:
        number: how many new cards.
        lease_minutes: how long the reviewer holds them.
        keep: reports whose cards the reviewer has on screen and keeps.
        again: whether to take cards from the records to screen again, instead of from the others.
        stage: the stage that is screened.
    """

    number: int
    lease_minutes: int
    keep: tuple[int, ...] = ()
    again: bool = False
    stage: str = TITLE_ABSTRACT


def lease_next_cards(
    store: Store, orders: Orders, review_id: int, person_id: int, request: CardRequest
) -> CardHand:
    """Lease the next cards to a reviewer, renew the kept ones, and release all others.

    Raises:
        NotAllowed: the person does not screen this review.
    """
    with store.write() as session:
        screeners.require_screener(session, review_id, person_id)
        ranking = rankings.get_newest_ranking(session, review_id)
        order = orders.get(session, review_id, ranking.id) if ranking else _EMPTY
        screener = Screener(review_id, person_id, request.stage)
        lost, places = _lease(session, screener, request, order)
        cards = _fill_cards(session, review_id, places, order)
        again = queue.count_remaining(session, screener, again=True)
        remaining = again
        if not request.again:
            remaining = queue.count_remaining(session, screener)
        end = None
        if request.number and not cards and not set(request.keep) - lost:
            end = queue_end.find_end(session, screener, again=request.again)
        return CardHand(ranking, cards, remaining, frozenset(lost), again, end)


def _lease(
    session: WriteSession, screener: Screener, request: CardRequest, order: Order
) -> tuple[set[int], list[Place]]:
    """Release, renew and take leases; returns the lost reports and the places of new cards."""
    valid = dt.timedelta(minutes=request.lease_minutes)
    queue.release_leases(session, screener, keep=request.keep)
    lost: set[int] = set()
    if request.keep:
        lost = queue.extend_leases(session, screener, request.keep, valid=valid)
    leases = LeaseRequest(
        number=request.number, valid=valid, skip=request.keep, again=request.again
    )
    return lost, queue.lease_cards(session, screener, order.report_ids, leases)


def _fill_cards(
    session: ReadSession, review_id: int, places: list[Place], order: Order
) -> tuple[Card, ...]:
    report_ids = [place.report_id for place in places]
    shown = records.get_representatives(session, review_id, report_ids)
    events = record_events.list_events_by_report(session, report_ids)
    return tuple(
        Card(
            report_id=place.report_id,
            place=place.place,
            score=order.scores[place.place - 1] if place.place else None,
            stored=shown[place.report_id],
            events=tuple(events.get(place.report_id, ())),
        )
        for place in places
    )


def request_ranking(store: Store, review_id: int) -> None:
    """Ask for a new ranking, whether or not anything has changed."""
    with store.write() as session:
        reviews.request_ranking(session, review_id)
