"""JSON of reviews, their protocols, settings and counts."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Any

from pydantic import Field, StringConstraints

from api.protocol import ProtocolBody
from api.schemas.base import In, Out
from api.services.living.notifications import TELL
from api.services.reviews.names import LONGEST_TITLE
from api.types import Moment, Text
from store.reports.limits import LimitCounts
from store.reports.record_counts import ReportCounts
from store.reviews.reviews import ReviewInfo

Slug = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", max_length=80)]


# Control characters in a title become blanks, as on the page and on the command line.
Title = Annotated[str, Field(min_length=1, max_length=LONGEST_TITLE)]


class ReviewIn(In):
    """A new review."""

    slug: Slug
    title: Title
    protocol: ProtocolBody = ProtocolBody()


class TitleIn(In):
    """Another title for a review."""

    title: Title


class CountsOut(Out):
    """How many of a review's records are decided, and how."""

    records: int
    reports: int
    without_abstract: int
    include: int
    exclude: int
    maybe: int
    decided: int
    undecided: int
    awaiting: int
    conflict: int
    not_screened: int


class ReviewOut(Out):
    """A review with its counts. ``unreadable``: its settings cannot be read; do not use it."""

    slug: str
    title: str
    banner: str | None
    created_at: dt.datetime
    settings: dict[str, Any]
    counts: CountsOut
    unreadable: bool

    @classmethod
    def of(cls, review: ReviewInfo, counts: ReportCounts) -> ReviewOut:
        """The JSON of a review."""
        # Who gets the morning summary is for leads; see GET …/telling.
        settings = {key: value for key, value in review.settings.items() if key != TELL}
        return cls(
            slug=review.slug,
            title=review.title,
            banner=review.banner,
            created_at=review.created_at,
            settings=settings,
            counts=CountsOut.model_validate(counts),
            unreadable=review.unreadable,
        )


class LimitsIn(In):
    """Whether reports outside the protocol's years are left out."""

    in_force: bool


class LimitsOut(Out):
    """Reports outside the protocol's years.

    ``out_of_range`` are left out; ``still_in`` are outside and wait in the queue; ``decided``
    are outside and stay, because somebody has decided them; ``undated`` have no year, and stay.
    """

    year_from: int | None
    year_to: int | None
    in_force: bool
    out_of_range: int
    still_in: int
    decided: int
    undated: int

    @classmethod
    def of(cls, counts: LimitCounts) -> LimitsOut:
        """The JSON of the counts."""
        return cls(
            year_from=counts.limits.first,
            year_to=counts.limits.last,
            in_force=counts.in_force,
            out_of_range=counts.out_of_range,
            still_in=counts.still_in,
            decided=counts.decided,
            undated=counts.undated,
        )


class ProtocolIn(In):
    """A new version of a protocol."""

    body: ProtocolBody
    reason: Text | None = None
    # The version that you started from: refused if another has been saved since.
    based_on: Annotated[int, Field(ge=1, le=2**31 - 1)] | None = None


class AuditEventOut(Out):
    """A line of the audit trail."""

    id: int
    at: Moment
    person: str | None
    action: str
    detail: dict[str, Any]
