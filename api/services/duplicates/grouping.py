"""Groups of records as reports, from what rules and people decided about pairs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from harvest.dedupe.groups import Groups, Links, Refused, group
from store.core.session import ReadSession, WriteSession
from store.reports import pairs, reports
from store.reports.pairs import PairInfo
from store.screening import decision_log
from store.searching import pool

Pair = tuple[int, int]


@dataclass(frozen=True, slots=True)
class _Links:
    """What pairs say about records, and the decisions on the records.

    Attributes:
        by_rule: pairs that a rule joins, by arrival of the later record.
        by_person: pairs that a person joined.
        apart: pairs that a person said are different.
        decided: the newest decision on each record, with a number that grows with time.
    """

    by_rule: list[Pair]
    by_person: list[Pair]
    apart: list[Pair]
    decided: Mapping[int, tuple[int, str]]

    def within(self, record_ids: set[int]) -> _Links:
        """The links between these records."""
        return _Links(
            [pair for pair in self.by_rule if record_ids.issuperset(pair)],
            [pair for pair in self.by_person if record_ids.issuperset(pair)],
            [pair for pair in self.apart if record_ids.issuperset(pair)],
            {number: self.decided[number] for number in record_ids & self.decided.keys()},
        )


def regroup_reports(
    session: WriteSession, record_ids: Iterable[int]
) -> tuple[list[reports.ReportChange], list[Refused[int]]]:
    """Group the reports of these records again, with every report that their pairs lead to.

    Returns:
        The reports that changed, and the pairs that could not be joined.
    """
    report_ids = set(reports.get_report_by_record(session, record_ids).values())
    if not report_ids:
        return [], []
    while True:
        members = {
            member.record_id: member for member in reports.list_grouped_records(session, report_ids)
        }
        live_pairs = pairs.list_live_pairs(session, members)
        ends = {end for pair in live_pairs if pair.label == "same" for end in (pair.a, pair.b)}
        reached = set(reports.get_report_by_record(session, ends - members.keys()).values())
        if reached <= report_ids:
            break
        report_ids |= reached
    grouped = _group(session, set(members), live_pairs)
    return reports.assign_records(session, grouped.groups, members), list(grouped.refused)


def _group(
    session: ReadSession, record_ids: set[int], live_pairs: Sequence[PairInfo]
) -> Groups[int]:
    links = _find_links(session, record_ids, live_pairs)
    kept_apart = _find_apart_until_admitted(session, record_ids, links)
    return _join(record_ids, links, kept_apart)


def _find_links(
    session: ReadSession, record_ids: set[int], live_pairs: Sequence[PairInfo]
) -> _Links:
    """The links between records. What a person decided about a pair replaces what the rule says."""
    inside = [pair for pair in live_pairs if pair.a in record_ids and pair.b in record_ids]
    by_person = {(pair.a, pair.b): pair.label for pair in inside if pair.person_id is not None}
    by_rule = [
        (pair.a, pair.b)
        for pair in inside
        if pair.label == "same" and pair.person_id is None and (pair.a, pair.b) not in by_person
    ]
    decisions = decision_log.list_decisions_not_undone(session, record_ids)
    return _Links(
        by_rule=sorted(by_rule, key=lambda pair: (pair[1], pair[0])),
        by_person=[pair for pair, label in by_person.items() if label == "same"],
        apart=[pair for pair, label in by_person.items() if label != "same"],
        decided={record_id: own[-1] for record_id, own in decisions.items()},
    )


def _join(record_ids: set[int], links: _Links, kept_apart: Iterable[Pair] = ()) -> Groups[int]:
    apart = [*links.apart, *kept_apart]
    return group(sorted(record_ids), Links(links.by_rule, links.by_person, apart, links.decided))


def _find_apart_until_admitted(
    session: ReadSession, record_ids: set[int], links: _Links
) -> list[Pair]:
    """Pairs of records that would only be joined through a record in the pool.

    A record in the pool joins its report at once. If it is the same as two reports, joining them
    would change counts, so they stay apart until the record is admitted.
    """
    pooled = pool.find_records_only_in_pool(session, record_ids)
    if not pooled or len(record_ids) - len(pooled) < 2:
        return []
    in_review = record_ids - pooled
    grouped = _join(in_review, links.within(in_review))
    return [
        (a, b)
        for place, one in enumerate(grouped.groups)
        for other in grouped.groups[place + 1 :]
        for a in one
        for b in other
    ]
