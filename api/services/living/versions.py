"""Versions of a review, and what was admitted between them, each with its counts."""

from __future__ import annotations

from dataclasses import dataclass

from api.services.duplicates.studies import find_studies
from store.core.session import ReadSession, Store
from store.reviews import reviews
from store.searching import admissions, flow, pool_membership, review_versions
from store.searching.admissions import AdmissionInfo
from store.searching.flow import Flow
from store.searching.review_versions import NewVersion, ReviewVersion

# Until full texts are read here, this is what an include means.
INCLUDED_AT = "included at title and abstract"


@dataclass(frozen=True, slots=True)
class VersionPart:
    """Records that came in together: the review's first ones, or an admission. Counts are current.

    Attributes:
        admission: None for the review's first records.
    """

    name: str
    admission: AdmissionInfo | None
    counts: Flow


@dataclass(frozen=True, slots=True)
class VersionStatus:
    """A review's versions, completed and under way.

    Attributes:
        freeze: the search freeze date, YYYY-MM-DD, or None.
        parts: in order of arrival; their counts add up to ``total``.
        completed: versions, oldest first, with their counts at the time.
        under_way: counts of all that came in since the last version, or since the beginning.
        reports: how many reports are included by now; ``studies``, how many studies they report.
    """

    freeze: str | None
    parts: tuple[VersionPart, ...]
    completed: tuple[ReviewVersion, ...]
    under_way: Flow
    total: Flow
    reports: int
    studies: int

    @property
    def previous(self) -> ReviewVersion | None:
        """The last completed version (PRISMA 2020's previous studies); None if it is the newest."""
        return self.completed[-1] if self.completed and self.under_way.identified else None

    @property
    def name(self) -> str:
        """The name of the version under way."""
        if not self.completed:
            return "version 1"
        updates = [p.admission for p in self.parts if p.admission and p.admission.kind == "update"]
        return updates[-1].name if updates and self.under_way.identified else "no update yet"


def get_status(session: ReadSession, review_id: int) -> VersionStatus:
    """A review's versions, completed and under way."""
    counts = flow.count_flow_by_admission(session, review_id)
    admitted = admissions.list_admissions(session, review_id)
    included = review_versions.get_included_reports(session, review_id)
    return VersionStatus(
        freeze=pool_membership.get_freeze_date(session, review_id),
        parts=(
            VersionPart("the review", None, counts.get(flow.BASE, Flow())),
            *(VersionPart(a.name, a, counts.get(a.id, Flow())) for a in admitted),
        ),
        completed=tuple(review_versions.list_versions(session, review_id)),
        under_way=review_versions.count_current_version(session, review_id),
        total=sum(counts.values(), Flow()),
        reports=len(included),
        studies=find_studies(session, review_id).count(included),
    )


def complete_version(
    store: Store,
    review_id: int,
    *,
    person_id: int | None,
    unread_reason: str | None = None,
    note: str | None = None,
) -> ReviewVersion:
    """Complete the version under way: its counts are kept, and later records become an update.

    Raises:
        Conflict: there is nothing to complete, or something must be done first; see
            ``store.searching.review_versions.complete_version``.
    """
    with store.write() as session:
        reviews.lock_review(session, review_id)
        included = review_versions.get_included_reports(session, review_id)
        studies = find_studies(session, review_id).count(included)
        new = NewVersion(studies, unread_reason, note)
        return review_versions.complete_version(session, review_id, new, person_id=person_id)
