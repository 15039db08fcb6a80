"""Reports to studies: linked by the protocol's table and by hand, never merged."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from api.protocol import ProtocolBody, Relations
from harvest.dedupe.groups import group
from store import decisions, pairs, records, reviews, studies
from store.session import ReadSession

# A study of more reports than this is a chain of look-alikes; it is not followed further.
_LIMIT = 200


@dataclass(frozen=True, slots=True)
class Studies:
    """Which studies the reports of a review are of.

    A report in a study that a person named is of that one, or of those; any other is of the study
    that it forms with the reports linked to it, or alone.

    Attributes:
        named: reports of each named study.
        linked: groups of two or more linked reports.
        asked: related pairs of reports that the protocol puts to a person.
    """

    named: Mapping[str, frozenset[int]]
    linked: tuple[tuple[int, ...], ...]
    asked: tuple[tuple[pairs.PairInfo, int, int], ...]

    def count(self, report_ids: Iterable[int]) -> int:
        """How many studies these reports are of."""
        by_hand = defaultdict(set)
        for name, members in self.named.items():
            for report_id in members:
                by_hand[report_id].add(name)
        own = {report_id: number for number, ids in enumerate(self.linked) for report_id in ids}
        found: set[tuple[str, str | int]] = set()
        for report_id in report_ids:
            if report_id in by_hand:
                found.update(("named", name) for name in by_hand[report_id])
            elif report_id in own:
                found.add(("linked", own[report_id]))
            else:
                found.add(("alone", report_id))
        return len(found)


def studies_of(session: ReadSession, review_id: int) -> Studies:
    """The studies of a review's reports, by its protocol's table and by hand."""
    body = ProtocolBody.model_validate(reviews.protocol(session, review_id).body)
    named: dict[str, set[int]] = defaultdict(set)
    for member in studies.memberships(session, review_id):
        named[member.name].add(member.report_id)
    links, apart, asked = _sorted(pairs.related(session, review_id), body.relations)
    reports = sorted({report for pair in links for report in pair})
    grouped = group(
        reports, links, [pair for pair in apart if set(pair) <= set(reports)], limit=_LIMIT
    )
    return Studies(
        named={name: frozenset(members) for name, members in named.items()},
        linked=tuple(ids for ids in grouped.groups if len(ids) > 1),
        asked=tuple(asked),
    )


def _sorted(
    found: list[tuple[pairs.PairInfo, int, int]], policy: Relations
) -> tuple[list[tuple[int, int]], list[tuple[int, int]], list[tuple[pairs.PairInfo, int, int]]]:
    """Pairs of reports to link, those that a person told apart, and those to ask about."""
    said = {
        (min(a, b), max(a, b)): pair.label for pair, a, b in found if pair.person_id is not None
    }
    links, asked = [], []
    for pair, a, b in found:
        between = (min(a, b), max(a, b))
        word = said.get(between)
        if word == "different" or pair.label != "related":
            continue
        if word == "related" or policy.of(pair.rule) == "link":
            links.append(between)
        elif policy.of(pair.rule) == "ask":
            asked.append((pair, a, b))
    return links, [pair for pair, word in said.items() if word == "different"], asked


@dataclass(frozen=True, slots=True)
class StudyCounts:
    """Reports and studies of a review, in all and among the included."""

    reports: int
    studies: int
    included_reports: int
    included_studies: int


def counts(session: ReadSession, review_id: int) -> StudyCounts:
    """Count the reports and studies of a review."""
    found = studies_of(session, review_id)
    reports = set(records.live_reports(session, review_id))
    included = {
        label.report_id
        for label in decisions.labels(session, review_id)
        if label.decision == "include"
    }
    return StudyCounts(len(reports), found.count(reports), len(included), found.count(included))
