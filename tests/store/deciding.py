"""Plans, cards and decisions of a review, in one call each."""

from __future__ import annotations

import datetime as dt
import itertools
from typing import Any

from api.protocol import ProtocolBody, StagePlan
from api.services.reviews import protocols
from store.core.session import Store
from store.reports import report_states
from store.reviews.people import PersonInfo
from store.reviews.reviews import NewProtocol, ReviewInfo
from store.screening import conflicts, decisions, pilots
from store.screening.decisions import NewDecision
from store.screening.pilots import RoundCandidates, RoundRequest
from store.screening.queue import LeaseRequest
from store.screening.stage_queue import Screener
from tests.store import dealing

HOUR = dt.timedelta(hours=1)
DECISIONS = ("include", "exclude", "maybe")

_numbers = itertools.count()


def plan(store: Store, review: ReviewInfo, person: PersonInfo, **values: Any) -> None:
    body = ProtocolBody(plans=(StagePlan(**values),))
    protocols.save_protocol(store, review.id, NewProtocol(body.stored(), person.id))


def decide(
    store: Store, review: ReviewInfo, person: PersonInfo, report: int, word: str
) -> tuple[int, str]:
    """Decide, having seen what counts, and return the report's state afterwards."""
    with store.write() as session:
        seen = report_states.get_state(session, report)
        counting = seen.decision_id if seen else None
        new = NewDecision(f"d{next(_numbers)}", report, word, replaces=counting)
        number, _ = decisions.record_decision(session, review.id, person.id, new)
    return number, state(store, report)


def state(store: Store, report: int) -> str:
    with store.read() as session:
        found = report_states.get_state(session, report)
        assert found is not None
        return found.state


def lease(
    store: Store, review: ReviewInfo, person: PersonInfo, ranked: list[int], number: int
) -> list[int]:
    request = LeaseRequest(number=number, valid=HOUR)
    dealt = dealing.deal(store, Screener(review.id, person.id), ranked, request)
    return [place.report_id for place in dealt]


def start_round(store: Store, review: ReviewInfo, person: PersonInfo, size: int) -> list[int]:
    """Open a pilot round of the newest undecided records, and return their reports."""
    drawn: list[int] = []

    def draw(candidates: RoundCandidates) -> list[int]:
        drawn.extend(candidates.report_ids[-size:])
        return drawn

    with store.write() as session:
        pilots.create_round(session, review.id, RoundRequest(size), draw, person_id=person.id)
    return drawn


def settle(
    store: Store, review: ReviewInfo, who: PersonInfo, report: int, word: str, **values: Any
) -> int:
    with store.write() as session:
        new = NewDecision(f"t{next(_numbers)}", report, word, note=values.pop("note", "because"))
        return conflicts.settle_conflict(session, review.id, who.id, new, **values)[0]
