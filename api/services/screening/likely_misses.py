"""Lists of likely misses: excluded records that a second person checks."""

from __future__ import annotations

from dataclasses import dataclass

from api.protocol import ProtocolBody
from api.services.screening.deciding import RecordedDecision, read_recorded
from store.core import jobs
from store.core.session import Store
from store.screening import likely_misses
from store.screening.decisions import NewDecision
from store.screening.likely_misses import MissListRequest

# Kind of the job that fills a list.
KIND = "likely misses"
_LIKELY_SHARE = 0.05
_RANDOM_SHARE = 0.2


@dataclass(frozen=True, slots=True)
class MissListJob:
    """A new list, and the job that fills it."""

    list_id: int
    job_id: int


def suggest_length(protocol: ProtocolBody, reports: int) -> MissListRequest:
    """The length that the protocol fixed for a review of so many reports, or else the usual one."""
    share = protocol.plan_of("title-abstract").likely_misses or _LIKELY_SHARE
    likely = max(20, round(share * reports))
    return MissListRequest(likely=likely, random=max(5, round(_RANDOM_SHARE * likely)))


def ask_for_list(
    store: Store, review_id: int, request: MissListRequest, *, person_id: int
) -> MissListJob:
    """Fix the length of a new list; the worker fills it.

    Raises:
        Conflict: the last list has not been checked to its end.
        ValueError: a number is out of range.
    """
    with store.write() as session:
        list_id = likely_misses.create_list(session, review_id, request, person_id=person_id)
        return MissListJob(list_id, jobs.start_job(session, review_id, KIND))


def discard_list(store: Store, list_id: int) -> None:
    """Delete a list that could not be filled."""
    with store.write() as session:
        likely_misses.delete_list(session, list_id)


def decide_again(
    store: Store, review_id: int, person_id: int, new: NewDecision
) -> RecordedDecision:
    """Store a second decision on a record of a list; the same token again changes nothing.

    Raises:
        NotAllowed: the person does not screen this review, or excluded the record themselves.
        Conflict: the record is on no list, or somebody has checked it.
    """
    with store.write() as session:
        decision_id, stored = likely_misses.record_check(session, review_id, person_id, new)
        return read_recorded(session, review_id, decision_id, stored=stored)
