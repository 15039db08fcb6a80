"""Versions of a review and what was admitted between them, each with its counts."""

from __future__ import annotations

import datetime as dt
from dataclasses import asdict, dataclass
from typing import Any

from api.services.studies import studies_of
from store import admissions, completions, flow, pool
from store.admissions import AdmissionInfo
from store.completions import CompletionInfo
from store.flow import Flow
from store.session import ReadSession, Store

# Until full texts are read here, this is what an include means.
INCLUDED_AT = "included at title and abstract"


@dataclass(frozen=True, slots=True)
class Part:
    """What came in at once: the review as it began, or an admission. Counts are as of now."""

    name: str
    admission: AdmissionInfo | None
    counts: Flow


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a review's versions stand.

    Attributes:
        parts: what came in, in order; their counts add up to ``total``.
        completed: versions, oldest first, with their counts as they were then.
        under_way: the counts of what came in since the last version; all of it before the first.
        previous: PRISMA 2020's previous studies: reports and studies of the last version, or None.
        reports: reports included by now, ``studies`` of which these are.
    """

    freeze: str | None
    parts: tuple[Part, ...]
    completed: tuple[CompletionInfo, ...]
    under_way: Flow
    total: Flow
    reports: int
    studies: int

    @property
    def previous(self) -> CompletionInfo | None:
        """The last completed version, where something came in after it."""
        return self.completed[-1] if self.completed and self.under_way.identified else None

    @property
    def name(self) -> str:
        """What the version under way is called."""
        if not self.completed:
            return "version 1"
        updates = [p.admission for p in self.parts if p.admission and p.admission.kind == "update"]
        return updates[-1].name if updates and self.under_way.identified else "no update yet"


def standing(session: ReadSession, review_id: int) -> Standing:
    """Where a review's versions stand."""
    apart = flow.by_admission(session, review_id)
    admitted = {each.id: each for each in admissions.everything(session, review_id)}
    parts = [Part("the review", None, apart.get(flow.BASE, Flow()))]
    parts += [Part(each.name, each, apart.get(each.id, Flow())) for each in admitted.values()]
    included = completions.included(session, review_id)
    return Standing(
        freeze=pool.freeze(session, review_id),
        parts=tuple(parts),
        completed=tuple(completions.everything(session, review_id)),
        under_way=completions.under_way(session, review_id),
        total=sum(apart.values(), Flow()),
        reports=len(included),
        studies=studies_of(session, review_id).count(included),
    )


def complete(
    store: Store,
    review_id: int,
    *,
    person_id: int | None,
    unread_reason: str | None = None,
    note: str | None = None,
    moment: dt.datetime | None = None,
) -> CompletionInfo:
    """Complete the version under way; see ``store.completions.complete``.

    Raises:
        Conflict: there is nothing to complete, or something must be done first.
    """
    with store.write() as session:
        included = completions.included(session, review_id)
        return completions.complete(
            session,
            review_id,
            studies=studies_of(session, review_id).count(included),
            person_id=person_id,
            unread_reason=unread_reason,
            note=note,
            moment=moment,
        )


def as_json(found: Standing) -> dict[str, Any]:
    """Where versions stand, as JSON."""
    previous = found.previous
    return {
        "freeze_on": found.freeze,
        "under_way": found.name,
        "parts": [
            {
                "name": part.name,
                "up_to": part.admission.up_to if part.admission else None,
                "read_in_full": part.admission.read_in_full if part.admission else None,
                **asdict(part.counts),
            }
            for part in found.parts
        ],
        "this_version": asdict(found.under_way),
        "previous_studies": previous.studies if previous else None,
        "previous_reports": previous.included if previous else None,
        "total": asdict(found.total),
        "total_reports": found.reports,
        "total_studies": found.studies,
        "included_means": INCLUDED_AT,
        "completed": [
            {
                "version": each.number,
                "completed_at": each.completed_at.isoformat(),
                "by": each.person,
                "protocol_version": each.protocol_version,
                "reports": each.included,
                "studies": each.studies,
                "unread_reason": each.unread_reason,
                "note": each.note,
                "counts": dict(each.counts),
                "total": dict(each.total),
            }
            for each in found.completed
        ],
    }
