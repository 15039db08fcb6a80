"""Cards to a reviewer and decisions back."""

from __future__ import annotations

import datetime as dt
from array import array
from collections.abc import Iterable
from dataclasses import dataclass
from threading import Lock

from store import decisions, events, members, queue, rankings, records
from store.events import EventInfo
from store.plans import TITLE_ABSTRACT
from store.records import StoredRecord
from store.session import ReadSession, Store, WriteSession


@dataclass(frozen=True, slots=True)
class Card:
    """A report to be decided, with the ranking and place it is shown at.

    ``events`` are what sources say happened to it that a reader must know.
    """

    report_id: int
    place: int | None
    score: float | None
    stored: StoredRecord
    events: tuple[EventInfo, ...] = ()


@dataclass(frozen=True, slots=True)
class Hand:
    """The cards that a reviewer holds next, and the ranking that ordered them.

    ``lost`` are reports whose cards were to be kept and cannot be: see ``queue.extend``. ``again``
    counts the reports that the reviewer may screen again since the criteria changed.
    """

    ranking: rankings.RankingInfo | None
    cards: tuple[Card, ...]
    remaining: int
    lost: frozenset[int] = frozenset()
    again: int = 0


class Orders:
    """Orders of the newest rankings, decoded once: a ranking never changes."""

    def __init__(self, keep: int = 16) -> None:
        self._keep = keep
        self._orders: dict[int, rankings.Order] = {}
        self._lock = Lock()

    def get(self, session: ReadSession, review_id: int, ranking_id: int) -> rankings.Order:
        with self._lock:
            found = self._orders.get(ranking_id)
        if found is None:
            found = rankings.order(session, review_id, ranking_id)
            with self._lock:
                self._orders[ranking_id] = found
                for old in sorted(self._orders)[: -self._keep]:
                    del self._orders[old]
        return found


_EMPTY = rankings.Order(array("q"), array("f"))


def next_cards(
    session: WriteSession,
    orders: Orders,
    review_id: int,
    person_id: int,
    *,
    number: int,
    keep: Iterable[int],
    lease_minutes: int,
    again: bool = False,
    stage: str = TITLE_ABSTRACT,
) -> Hand:
    """Lease the next cards to a person and hold kept ones for longer; others go back.

    Args:
        session: a writing session.
        orders: decoded orders of this process.
        review_id: the review.
        person_id: who screens.
        number: how many new cards are wanted.
        keep: reports whose cards the person has on screen and keeps.
        lease_minutes: how long the cards are held for the person.
        again: from what is screened again since the criteria changed; else from all but that.
        stage: the stage that is screened.

    Raises:
        NotAllowed: the person does not screen this review.
    """
    members.require(session, review_id, person_id, "screen")
    kept = list(keep)
    newest = rankings.newest(session, review_id)
    order = orders.get(session, review_id, newest.id) if newest else _EMPTY
    valid = dt.timedelta(minutes=lease_minutes)
    queue.release(session, review_id, person_id, keep=kept, stage=stage)
    lost = (
        queue.extend(session, review_id, person_id, kept, valid=valid, stage=stage)
        if kept
        else set()
    )
    places = queue.lease(
        session,
        review_id,
        person_id,
        order.report_ids,
        number=number,
        valid=valid,
        skip=kept,
        again=again,
        stage=stage,
    )
    dealt = [place.report_id for place in places]
    found = records.by_reports(session, review_id, dealt)
    told = events.of_reports(session, dealt)
    cards = tuple(
        Card(
            report_id=place.report_id,
            place=place.place,
            score=order.scores[place.place - 1] if place.place else None,
            stored=found[place.report_id],
            events=tuple(told.get(place.report_id, ())),
        )
        for place in places
    )
    repeated = queue.remaining(session, review_id, person_id, again=True, stage=stage)
    left = repeated
    if not again:
        left = queue.remaining(session, review_id, person_id, stage=stage)
    return Hand(newest, cards, left, frozenset(lost), repeated)


@dataclass(frozen=True, slots=True)
class Point:
    """A point of the progress curve: after ``read`` records, ``found`` were includes."""

    read: int
    found: int


def progress(session: ReadSession, review_id: int) -> list[Point]:
    """Includes found against records read, in screening order (*maybe* is not yet an include)."""
    points = [Point(0, 0)]
    for label in decisions.labels(session, review_id):
        last = points[-1]
        points.append(Point(last.read + 1, last.found + (label.decision == "include")))
    return points


def decide(
    store: Store, review_id: int, person_id: int, new: decisions.NewDecision
) -> tuple[decisions.DecisionInfo, bool]:
    """Store one decision in a transaction of its own; gives it and whether it is new."""
    with store.write() as session:
        decision_id, stored = decisions.record(session, review_id, person_id, new)
        return decisions.by_id(session, review_id, decision_id), stored


def undo(
    store: Store, review_id: int, person_id: int, decision_id: int, token: str
) -> tuple[decisions.DecisionInfo, bool]:
    """Store an undo in a transaction of its own; gives it and whether it is new."""
    with store.write() as session:
        undo_id, stored = decisions.undo(session, review_id, person_id, decision_id, token=token)
        return decisions.by_id(session, review_id, undo_id), stored
