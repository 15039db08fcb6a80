"""Which studies the reports of a review belong to: by the protocol's rules, and by hand."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from api.protocol import Relations
from api.services.reviews.protocols import get_protocol_body
from harvest.dedupe.groups import Links, group
from store.core.session import ReadSession, Store
from store.reports import pairs, studies
from store.reports.reports import list_active_reports
from store.screening import decision_labels

# A larger study would be a chain of look-alikes, so linking stops here.
_LIMIT = 200

ReportPair = tuple[int, int]
RelatedPair = tuple[pairs.PairOutline, int, int]


@dataclass(frozen=True, slots=True)
class Studies:
    """Which studies the reports of a review belong to.

    A report in studies that a person named belongs to those. Any other report belongs to the study
    that it forms with the reports linked to it, or makes a study alone.

    Attributes:
        named: reports of each named study.
        linked: groups of two or more linked reports.
        asked: related pairs of reports that the protocol leaves to a person.
    """

    named: Mapping[str, frozenset[int]]
    linked: tuple[tuple[int, ...], ...]
    asked: tuple[RelatedPair, ...]

    def count(self, report_ids: Iterable[int]) -> int:
        """How many studies these reports belong to."""
        named: dict[int, set[str]] = defaultdict(set)
        for name, members in self.named.items():
            for report_id in members:
                named[report_id].add(name)
        linked = {report_id: number for number, ids in enumerate(self.linked) for report_id in ids}
        counted: set[tuple[str, str | int]] = set()
        for report_id in report_ids:
            if report_id in named:
                counted.update(("named", name) for name in named[report_id])
            elif report_id in linked:
                counted.add(("linked", linked[report_id]))
            else:
                counted.add(("alone", report_id))
        return len(counted)


def find_studies(session: ReadSession, review_id: int) -> Studies:
    """The studies of a review's reports, by the protocol's rules and by hand."""
    body = get_protocol_body(session, review_id)
    named: dict[str, set[int]] = defaultdict(set)
    for member in studies.list_memberships(session, review_id):
        named[member.name].add(member.report_id)
    related = pairs.list_related_pairs(session, review_id)
    links, apart, asked = _sort_pairs(related, body.relations)
    reports = sorted({report_id for pair in links for report_id in pair})
    within = [pair for pair in apart if set(pair) <= set(reports)]
    grouped = group(reports, Links(links, apart=within), limit=_LIMIT)
    return Studies(
        named={name: frozenset(members) for name, members in named.items()},
        linked=tuple(ids for ids in grouped.groups if len(ids) > 1),
        asked=tuple(asked),
    )


def _sort_pairs(
    related: list[RelatedPair], policy: Relations
) -> tuple[list[ReportPair], list[ReportPair], list[RelatedPair]]:
    """Pairs of reports to link, those that a person separated, and those to ask about."""
    by_person = {
        (min(a, b), max(a, b)): pair.label for pair, a, b in related if pair.person_id is not None
    }
    links, asked = [], []
    for pair, a, b in related:
        between = (min(a, b), max(a, b))
        label = by_person.get(between)
        if label == "different" or pair.label != "related":
            continue
        if label == "related" or policy.of(pair.rule) == "link":
            links.append(between)
        elif policy.of(pair.rule) == "ask":
            asked.append((pair, a, b))
    return links, [pair for pair, label in by_person.items() if label == "different"], asked


@dataclass(frozen=True, slots=True)
class StudyCounts:
    """Reports and studies of a review, in all and among the included."""

    reports: int
    studies: int
    included_reports: int
    included_studies: int


def count_studies(session: ReadSession, review_id: int) -> StudyCounts:
    """Count the reports and studies of a review."""
    studies_of_review = find_studies(session, review_id)
    reports = set(list_active_reports(session, review_id))
    included = {
        label.report_id
        for label in decision_labels.list_labels(session, review_id)
        if label.decision == "include"
    }
    return StudyCounts(
        reports=len(reports),
        studies=studies_of_review.count(reports),
        included_reports=len(included),
        included_studies=studies_of_review.count(included),
    )


@dataclass(frozen=True, slots=True)
class NamedStudy:
    """A study that a person named."""

    study_id: int
    name: str


def add_to_study(
    store: Store, review_id: int, record_id: int, name: str, *, person_id: int
) -> NamedStudy:
    """Add a record's report to a named study, which is made if the review does not have it yet.

    Raises:
        NotFound: the review has no such record.
        ValueError: the name is empty or too long.
        Conflict: the report is in the study already.
    """
    with store.write() as session:
        study_id = studies.add_to_study(session, review_id, record_id, name, person_id=person_id)
    return NamedStudy(study_id, " ".join(name.split()))


def remove_from_study(
    store: Store, review_id: int, record_id: int, study_id: int, *, person_id: int
) -> None:
    """Remove a record's report from a study.

    Raises:
        NotFound: it is not in the study.
    """
    with store.write() as session:
        studies.remove_from_study(session, review_id, record_id, study_id, person_id=person_id)
