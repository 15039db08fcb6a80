"""What keeps failing in the worker, in plain words for leads and `winnow doctor`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from store.core import work_faults
from store.core.session import ReadSession, Store
from store.reviews import reviews

RANKING: Final = "ranking"
COMPARING: Final = "comparing"
SCORING: Final = "scoring"

_LONGEST: Final = 500
# For each kind of work: what is wrong, and what a lead can do.
_WORDS: Final[Mapping[str, str]] = {
    RANKING: (
        "Winnow cannot put the records in order, so the last order stays in use. Save the protocol "
        "again, with its questions and years."
    ),
    COMPARING: (
        "Winnow cannot compare new records for duplicates, so a record may be shown twice. You can "
        "go on screening."
    ),
    SCORING: "Winnow cannot score the incoming records. You can let them in without scores.",
}
_AND_THEN: Final = (
    "It tries again every few minutes. If this message does not go away, ask the person who runs "
    "the server: `winnow doctor` names the fault."
)


def describe_error(error: Exception) -> str:
    """An error in one line."""
    return f"{type(error).__name__}: {' '.join(str(error).split())}"


def record_failure(store: Store, review_id: int, kind: str, error: Exception) -> None:
    """Record that work on a review has failed."""
    message = describe_error(error).replace("\0", "")[:_LONGEST]
    with store.write() as session:
        reviews.lock_review(session, review_id)
        work_faults.record_fault(session, review_id, kind, message)


def record_success(store: Store, review_id: int, kind: str) -> None:
    """Forget that work on a review has failed."""
    with store.write() as session:
        work_faults.clear_fault(session, review_id, kind)


def list_failures(session: ReadSession, review_id: int) -> list[str]:
    """A sentence or two for each kind of work that keeps failing, for the leads of a review."""
    return [
        f"{_WORDS[fault.kind]} {_AND_THEN}"
        for fault in work_faults.list_faults(session, review_id)
        if fault.kind in _WORDS
    ]


def list_failures_of_all(session: ReadSession) -> list[str]:
    """What keeps failing in all reviews, with the errors, for the person who runs the server."""
    slugs = {review.id: review.slug for review in reviews.list_reviews(session)}
    return [
        f"{slugs.get(fault.review_id, fault.review_id)}: {fault.kind} failed, last at "
        f"{fault.at:%Y-%m-%d %H:%M} UTC ({fault.message})"
        for fault in work_faults.list_faults(session)
    ]
