"""The cards that a reviewer screens next."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from threading import Lock

from store.core.session import ReadSession, Store
from store.reports import record_events, records
from store.reports.record_events import EventInfo
from store.reports.records import StoredRecord
from store.reviews import reviews
from store.rules.plans import TITLE_ABSTRACT
from store.screening import queue, queue_end, rankings
from store.screening.queue import Dealt, LeaseRequest
from store.screening.queue_end import QueueEnd
from store.screening.rankings import Order, RankingInfo
from store.screening.stage_queue import Screener, StageQueue, read_heading
from store.screening.undecided_reports import Place


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


@dataclass(frozen=True, slots=True)
class RankedOrder:
    """A ranking with its order; it never changes."""

    info: RankingInfo
    order: Order


class Queues:
    """What a server process remembers of its reviews' queues, within limits; safe for threads."""

    def __init__(self, *, decoded: int = 16, entries: int = 600_000) -> None:
        """Remember nothing yet.

        Args:
            decoded: how many rankings are kept.
            entries: how many entries of queues are kept in all, but at least one queue. A report
                has one for its place in the order, and one if it is undecided, or decided on its
                full text.
        """
        self._keep, self._most = decoded, entries
        self._rankings: dict[int, RankedOrder] = {}
        self._stages: dict[tuple[int, str], StageQueue] = {}
        self._lock, self._decoding = Lock(), Lock()

    def get_ranking(self, session: ReadSession, review_id: int, ranking_id: int) -> RankedOrder:
        """A ranking with its order, decoded once however many ask for a new one together."""
        found = self._recall(ranking_id)
        if found is not None:
            return found
        with self._decoding:
            found = self._recall(ranking_id)
            if found is None:
                found = RankedOrder(
                    rankings.get_ranking(session, ranking_id),
                    rankings.get_order(session, review_id, ranking_id),
                )
                with self._lock:
                    self._rankings[ranking_id] = found
                    while len(self._rankings) > self._keep:
                        del self._rankings[next(iter(self._rankings))]
        return found

    def _recall(self, ranking_id: int) -> RankedOrder | None:
        with self._lock:
            # The one used last goes to the end.
            found = self._rankings.pop(ranking_id, None)
            if found is not None:
                self._rankings[ranking_id] = found
            return found

    def find_ranking(
        self, session: ReadSession, review_id: int, ranking_id: int | None
    ) -> RankedOrder | None:
        """The same; None for no ranking."""
        return None if ranking_id is None else self.get_ranking(session, review_id, ranking_id)

    def open_stage(self, session: ReadSession, screener: Screener) -> StageQueue:
        """The queue of a stage as it is at the moment of a transaction.

        Raises:
            NotAllowed: the person does not screen the review.
        """
        heading = read_heading(session, screener)
        key = (screener.review_id, screener.stage)
        with self._lock:
            # The one used last goes to the end.
            stage = self._stages.pop(key, None)
            # One that is still being read is empty, and so counts as false.
            if stage is None:
                stage = StageQueue(*key)
            self._stages[key] = stage
        stage.refresh(session, heading)
        if heading.ranking_id is not None:
            ranked = self.get_ranking(session, screener.review_id, heading.ranking_id)
            stage.sort(heading.ranking_id, ranked.order.report_ids)
        self._forget()
        return stage

    def _forget(self) -> None:
        with self._lock:
            while len(self._stages) > 1 and sum(map(len, self._stages.values())) > self._most:
                del self._stages[next(iter(self._stages))]


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
    store: Store, queues: Queues, review_id: int, person_id: int, request: CardRequest
) -> CardHand:
    """Lease the next cards to a reviewer, renew the kept ones, and release all others.

    Raises:
        NotAllowed: the person does not screen this review.
    """
    screener = Screener(review_id, person_id, request.stage)
    wanted = LeaseRequest(
        number=request.number,
        valid=dt.timedelta(minutes=request.lease_minutes),
        keep=request.keep,
        again=request.again,
    )
    with store.read_singly() as session:
        stage = queues.open_stage(session, screener)
        choice = queue.choose_cards(session, stage, screener, wanted)
        ranked = queues.find_ranking(session, review_id, choice.ranking_id)
        shown = _fill_cards(session, choice.places, ranked)
        again = stage.count_remaining(person_id, again=True)
        remaining = again if request.again else stage.count_remaining(person_id)
    dealt = Dealt(choice.places)
    if not choice.is_certain:
        # Only now, and shortly: on SQLite one person writes at a time.
        with store.write() as session:
            dealt = queue.deal_cards(session, stage, screener, wanted, choice)
            others = [place for place in dealt.places if place.report_id not in shown]
            shown.update(_fill_cards(session, others, ranked))
    # A report may have been merged into another at this moment.
    cards = [shown[place.report_id] for place in dealt.places if place.report_id in shown]
    end = None
    if request.number and not cards and not set(request.keep) - dealt.lost:
        with store.read() as session:
            end = queue_end.find_end(session, stage, screener, again=request.again)
    info = ranked.info if ranked else None
    return CardHand(info, tuple(cards), remaining, dealt.lost, again, end)


def _fill_cards(
    session: ReadSession, places: Sequence[Place], ranked: RankedOrder | None
) -> dict[int, Card]:
    if not places:
        return {}
    report_ids = [place.report_id for place in places]
    found = records.get_card_records(session, report_ids)
    events = record_events.list_events_by_report(session, found.with_events)
    shown = found.representatives
    return {
        place.report_id: Card(
            report_id=place.report_id,
            place=place.place,
            score=ranked.order.scores[place.place - 1] if ranked and place.place else None,
            stored=shown[place.report_id],
            events=tuple(events.get(place.report_id, ())),
        )
        for place in places
        if place.report_id in shown
    }


def request_ranking(store: Store, review_id: int) -> None:
    """Ask for a new ranking, whether or not anything has changed."""
    with store.write() as session:
        reviews.request_ranking(session, review_id)
