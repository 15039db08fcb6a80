"""How a review was screened, in sentences and numbers for a report's methods section."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from api.services.reporting.screening_figures import (
    ScreeningFigures,
    describe_measure,
    work_out_figures,
)
from api.services.reporting.stored_results import Figures, WorkedOut
from api.services.screening.agreement import (
    INTERVALS,
    AgreementResult,
    PairAgreement,
    name_people,
)
from api.wording import count_noun, describe_share
from store.core.session import ReadSession
from store.reviews import reviews
from store.screening import bulk, independent_decisions
from store.screening.bulk import BulkInfo

# The report's sections, in their order.
_SECTIONS = (
    *("Plan", "Records", "Dates", "Who decided", "Pilot rounds", "Agreement"),
    *("Order of the records", "Possible misses", "Bulk actions", "Excludes read by one person"),
    "Deviations from the protocol",
)


@dataclass(frozen=True, slots=True)
class Section:
    """A part of the report: a title and its sentences."""

    title: str
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ScreeningReport:
    """How a review was screened.

    Attributes:
        worked_out: when its figures were worked out, if that was before ``made_at``.
    """

    title: str
    made_at: dt.datetime
    sections: tuple[Section, ...]
    worked_out: WorkedOut | None = None


def build_report(
    session: ReadSession,
    review_id: int,
    *,
    seen_by: int,
    at: dt.datetime,
    figures: Figures[ScreeningFigures] | None = None,
) -> ScreeningReport:
    """Build the report.

    Args:
        session: a reading session.
        review_id: the review.
        seen_by: the person who reads it; others' decisions on records that this person could
            still decide are left out.
        at: now.
        figures: worked out before; None to work them out from what is stored now.
    """
    found = figures.value if figures else None
    if found is None:
        found = work_out_figures(session, review_id)
    agreement = name_people(found.agreement, independent_decisions.list_names(session))
    sections = {
        **found.sections,
        "Dates": _describe_dates(found.span, at),
        "Agreement": _describe_agreement(agreement),
        "Bulk actions": _describe_bulk(bulk.list_actions(session, review_id, seen_by=seen_by)),
    }
    return ScreeningReport(
        reviews.get_review(session, review_id).title,
        at,
        tuple(Section(title, tuple(sections[title])) for title in _SECTIONS if sections[title]),
        figures.worked_out if figures and not figures.now else None,
    )


def _describe_dates(span: tuple[dt.datetime, dt.datetime] | None, at: dt.datetime) -> list[str]:
    if span is None:
        return []
    first, last = (f"{each:%Y-%m-%d}" for each in span)
    made = f"This report was made on {at:%Y-%m-%d}."
    if first == last:
        return [f"All decisions were made on {first}. {made}"]
    return [f"The first decision was made on {first}, the last on {last}. {made}"]


def _describe_agreement(result: AgreementResult) -> list[str]:
    if not result.records:
        return []
    drawn = [
        f"{number:,} {words}"
        for number, words in (
            (result.dual, "drawn for two people"),
            (result.pilot, "drawn for pilot rounds"),
        )
        if number
    ]
    lines = [
        result.verdict,
        f"Measured at title and abstract on {count_noun(result.records, 'record')} "
        f"({', '.join(drawn)}), from what each person first decided without seeing the others' "
        "decisions. *Maybe* counts as *include* unless said otherwise.",
        *(_describe_pair(pair) for pair in result.pairs),
    ]
    if result.people > 2:
        lines.append(
            f"All {result.people} people together: the same decision on "
            f"{describe_share(result.same, 'records')}; Krippendorff's alpha "
            f"{describe_measure(result.alpha)}."
        )
    return [*lines, f"{INTERVALS}. Where all draws give the same figure, there is no interval."]


def _describe_pair(pair: PairAgreement) -> str:
    joined = pair.joined
    return (
        f"{' and '.join(pair.people)}: the same decision on "
        f"{describe_share(joined.raw, 'records')}; "
        f"included by both, of those that either included, {describe_share(joined.in_common)}; "
        f"positive agreement {describe_measure(joined.positive)}; negative agreement "
        f"{describe_measure(joined.negative)}; Cohen's kappa {describe_measure(joined.kappa)}, "
        f"with *maybe* apart {describe_measure(pair.three.kappa)}."
    )


def _describe_bulk(actions: list[BulkInfo]) -> list[str]:
    return [
        f"{action.made_at:%Y-%m-%d}, {action.person or 'somebody who has left'}: {action.value} on "
        f"{count_noun(action.reports, 'record')} at once ({_describe_filters(action.picked)})"
        f"{': ' + action.note if action.note else ''}"
        f"{'; undone ' + format(action.undone_at, '%Y-%m-%d') if action.undone_at else ''}."
        for action in actions
        if action.action == "decide"
    ]


def _describe_filters(filters: Mapping[str, Any]) -> str:
    templates = {
        "text": "words “{}”",
        "decision": "{}",
        "flag": "{}",
        "search_id": "search {}",
    }
    parts = [templates[key].format(value) for key, value in filters.items() if key in templates]
    marked = filters.get("marked") or {}
    if marked.get("tag"):
        parts.append(f"tag “{marked['tag']}”")
    if marked.get("star"):
        parts.append("with a star")
    return ", ".join(parts) or "all"
