"""What takes long to work out about a review's duplicates, for its page and the API."""

from __future__ import annotations

from dataclasses import dataclass

from api.services.duplicates.dedupe_report import DedupeReport, build_report
from api.services.duplicates.questions import count_held_apart
from store.core.session import ReadSession
from store.reports import overlap
from store.reports.overlap import Overlap
from store.screening import decision_log
from store.screening.decision_log import DecidedOnTitle

# Offers to screen a report again that are kept; the page shows fewer, and counts all.
_KEPT_OFFERS = 200


@dataclass(frozen=True, slots=True)
class DuplicateFigures:
    """Counts of a review's duplicates and sources.

    Attributes:
        held_apart: pairs that a rule would join and that are kept apart.
        offers: excludes on the title alone of reports that have an abstract now, the oldest.
        more_offers: how many others there are.
    """

    report: DedupeReport
    overlap: Overlap
    held_apart: int
    offers: tuple[DecidedOnTitle, ...]
    more_offers: int


def work_out_duplicates(session: ReadSession, review_id: int) -> DuplicateFigures:
    """Work out the figures from what is stored now."""
    offers = decision_log.list_decided_on_title(session, review_id)
    return DuplicateFigures(
        report=build_report(session, review_id),
        overlap=overlap.count_overlap(session, review_id),
        held_apart=count_held_apart(session, review_id),
        offers=tuple(offers[:_KEPT_OFFERS]),
        more_offers=max(0, len(offers) - _KEPT_OFFERS),
    )
