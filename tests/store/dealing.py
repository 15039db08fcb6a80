"""Deal cards in the order of a given ranking, by what a process knows that has just started."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Sequence
from dataclasses import replace

from store.core.session import ReadSession, Store, WriteSession
from store.screening import leases, queue, queue_end
from store.screening.queue import LeaseRequest
from store.screening.queue_end import QueueEnd
from store.screening.stage_queue import Screener, StageQueue, read_heading
from store.screening.undecided_reports import Place


def open_stage(session: ReadSession, screener: Screener, ranked: Sequence[int] = ()) -> StageQueue:
    stage = StageQueue(screener.review_id, screener.stage)
    stage.refresh(session, read_heading(session, screener))
    stage.sort(1, ranked)
    return stage


def lease_cards(
    session: WriteSession, screener: Screener, ranked: Sequence[int], request: LeaseRequest
) -> list[Place]:
    """Lease cards to a person, who keeps all others."""
    stage = open_stage(session, screener, ranked)
    choice = replace(queue.choose_cards(session, stage, screener, request), gone=())
    return list(queue.deal_cards(session, stage, screener, request, choice).places)


def deal(
    store: Store, screener: Screener, ranked: Sequence[int], request: LeaseRequest
) -> list[Place]:
    """The same as a server does it: chosen while reading, and dealt while writing."""
    with store.read() as reading:
        stage = open_stage(reading, screener, ranked)
        choice = replace(queue.choose_cards(reading, stage, screener, request), gone=())
    with store.write() as writing:
        return list(queue.deal_cards(writing, stage, screener, request, choice).places)


def keep_cards(
    session: WriteSession, screener: Screener, keep: Collection[int], *, valid: dt.timedelta
) -> frozenset[int]:
    """Renew a person's cards, give back the others, and return those that they must give up."""
    stage = open_stage(session, screener)
    request = LeaseRequest(number=0, valid=valid, keep=keep)
    choice = queue.choose_cards(session, stage, screener, request)
    return queue.deal_cards(session, stage, screener, request, choice).lost


def release_leases(session: WriteSession, screener: Screener, *, keep: Collection[int]) -> None:
    """Give back a person's cards, except those of the reports to keep."""
    held, _ = leases.list_leases(session, screener.review_id, screener.person_id, screener.stage)
    gone = held.keys() - set(keep)
    leases.lock_reports(session, gone)
    leases.delete_leases(session, screener.person_id, screener.stage, list(gone))


def count_remaining(session: ReadSession, screener: Screener, *, again: bool = False) -> int:
    return open_stage(session, screener).count_remaining(screener.person_id, again=again)


def find_end(session: ReadSession, screener: Screener, *, again: bool = False) -> QueueEnd:
    return queue_end.find_end(session, open_stage(session, screener), screener, again=again)
