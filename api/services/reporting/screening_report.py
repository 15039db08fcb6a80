"""How a review was screened, in sentences and numbers for a report's methods section."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from api.protocol import ProtocolBody
from api.services.reporting.order_report import describe_order
from api.services.screening.agreement import (
    INTERVALS,
    AgreementResult,
    PairAgreement,
    compare,
    describe_verified,
)
from api.services.screening.presets import describe_plan
from api.services.screening.switching import describe_switch
from api.wording import count_noun, describe_removed, describe_share
from model.evaluation.agreement import Measure
from store.core.session import ReadSession
from store.reports import limits, record_counts
from store.reports.record_counts import ReportCounts
from store.reviews import reviews
from store.screening import bulk, independent_decisions, likely_misses, pilots, rescreens
from store.screening.bulk import BulkInfo
from store.screening.independent_decisions import ScreenedReport, ScreeningWork
from store.screening.likely_misses import MissListInfo
from store.screening.pilots import Pilot
from store.searching import flow

_NO_ESTIMATE = (
    "The number changed does not estimate how many misses remain: the possible misses were "
    "selected, and the random records are few."
)
# Parts of a protocol that say neither what is relevant nor how it is screened.
_NO_DEVIATION = frozenset({"known studies"})


@dataclass(frozen=True, slots=True)
class Section:
    """A part of the report: a title and its sentences."""

    title: str
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ScreeningReport:
    """How a review was screened."""

    title: str
    made_at: dt.datetime
    sections: tuple[Section, ...]


def build_report(
    session: ReadSession, review_id: int, *, seen_by: int, at: dt.datetime
) -> ScreeningReport:
    """Build the report from what is stored now.

    Args:
        session: a reading session.
        review_id: the review.
        seen_by: the person who reads it; others' decisions on records that this person could
            still decide are left out.
        at: now.
    """
    protocol = reviews.get_protocol(session, review_id)
    body = ProtocolBody.model_validate(protocol.body)
    counts = record_counts.count_reports(session, review_id)
    reports = independent_decisions.list_screened(session, review_id)
    names = independent_decisions.list_names(session)
    rounds = pilots.list_rounds(session, review_id)
    sections = {
        "Plan": _describe_plan(body, protocol.version) if counts.reports else [],
        "Records": [
            *_describe_identified(session, review_id),
            *_describe_records(counts),
        ],
        "Dates": _describe_dates(session, review_id, at),
        "Who decided": _describe_work(independent_decisions.count_work(reports)),
        "Pilot rounds": [_describe_pilot(pilot, reports, names) for pilot in rounds],
        "Agreement": _describe_agreement(compare(reports, names)),
        "Order of the records": describe_order(session, review_id),
        "Possible misses": _describe_misses(likely_misses.list_lists(session, review_id)),
        "Bulk actions": _describe_bulk(bulk.list_actions(session, review_id, seen_by=seen_by)),
        "Excludes read by one person": _describe_single_excludes(reports),
        "Deviations from the protocol": _describe_deviations(session, review_id),
    }
    return ScreeningReport(
        reviews.get_review(session, review_id).title,
        at,
        tuple(Section(title, tuple(lines)) for title, lines in sections.items() if lines),
    )


def _were(number: int) -> str:
    return "was" if number == 1 else "were"


def _describe_plan(body: ProtocolBody, version: int) -> list[str]:
    stated = next((plan for plan in body.plans if plan.stage == "title-abstract"), None)
    if stated is None:
        return [
            f"Version {version} of the protocol does not say how many people decide a record at "
            "title and abstract. Without a plan, one person decides each record."
        ]
    lines = [f"Title and abstract, by version {version} of the protocol: {describe_plan(stated)}."]
    switched = describe_switch(stated)
    if switched:
        lines.append(switched)
    if stated.reason_required and body.reasons:
        lines.append("Each exclude gives one of the protocol's reasons.")
    return lines


def _describe_identified(session: ReadSession, review_id: int) -> list[str]:
    counts = flow.count_flow(session, review_id)
    if not counts.identified:
        return ["No record has been identified yet."]
    lines = [describe_removed(counts, limits.get_year_limits(session, review_id))]
    if counts.waiting:
        verb = "waits" if counts.waiting == 1 else "wait"
        lines.append(
            f"{count_noun(counts.waiting, 'further record')} {verb} until the run of the search "
            "has ended or a lead lets its records in."
        )
    return lines


def _describe_records(counts: ReportCounts) -> list[str]:
    if not counts.reports:
        return []
    verb = "was" if counts.reports == 1 else "were"
    lines = [f"{count_noun(counts.reports, 'record')} {verb} left to screen."]
    if counts.decided:
        parts = [f"{counts.include:,} {_were(counts.include)} included"]
        if counts.maybe:
            parts.append(f"{counts.maybe:,} kept as *maybe*")
        parts.append(f"{counts.exclude:,} excluded")
        lines.append(f"At title and abstract, {', '.join(parts[:-1])} and {parts[-1]}.")
    unsettled = []
    if counts.awaiting:
        verb = "needs" if counts.awaiting == 1 else "need"
        unsettled.append(f"{counts.awaiting:,} {verb} another person's decision")
    if counts.conflict:
        unsettled.append(count_noun(counts.conflict, "conflict"))
    if unsettled:
        lines.append(f"Not settled: {'; '.join(unsettled)}.")
    if counts.not_screened:
        none_counts = "it does not count" if counts.not_screened == 1 else "none of them counts"
        has = "has" if counts.not_screened == 1 else "have"
        lines.append(
            f"{count_noun(counts.not_screened, 'record')} {has} not been screened; {none_counts} "
            "as excluded. Screening is not finished, and this report does not say what share of "
            "the relevant records it has found."
        )
    elif not unsettled:
        lines.append("No record was left unscreened.")
    return lines


def _describe_dates(session: ReadSession, review_id: int, at: dt.datetime) -> list[str]:
    span = independent_decisions.find_first_and_last(session, review_id)
    if span is None:
        return []
    first, last = (f"{each:%Y-%m-%d}" for each in span)
    made = f"This report was made on {at:%Y-%m-%d}."
    if first == last:
        return [f"All decisions were made on {first}. {made}"]
    return [f"The first decision was made on {first}, the last on {last}. {made}"]


def _describe_work(work: ScreeningWork) -> list[str]:
    lines = []
    if work.people:
        lines.append(f"{count_noun(work.people, 'person', 'people')} screened.")
    if work.single:
        lines.append(
            f"{count_noun(work.single, 'record')} {_were(work.single)} decided by one person."
        )
    for number, reports in work.together.items():
        lines.append(
            f"{count_noun(reports, 'record')} {_were(reports)} decided by {number} people "
            "independently."
        )
    if work.in_pilots:
        lines.append(
            f"{work.in_pilots:,} of the records decided independently {_were(work.in_pilots)} in "
            "pilot rounds."
        )
    if work.verified.records:
        lines.append(describe_verified(work.verified))
    settled = work.joint + work.adjudicated
    if settled:
        lines.append(
            f"{count_noun(settled, 'conflict')} {_were(settled)} settled: {work.joint:,} by the "
            f"people who differed, {work.adjudicated:,} by a third person."
        )
    if work.corrected:
        lines.append(
            f"On {count_noun(work.corrected, 'record')} a person made a further decision after all "
            "the decisions needed had been made: a correction, for example, or a decision undone "
            "and made again."
        )
    if work.imported:
        lines.append(
            f"The decisions on {count_noun(work.imported, 'record')} came with imported files."
        )
    return lines


def _describe_measure(measure: Measure) -> str:
    if measure.value is None:
        return "not defined"
    if measure.low is None or measure.high is None:
        return f"{measure.value:.2f}"
    return f"{measure.value:.2f} (95 % interval {measure.low:.2f} to {measure.high:.2f})"


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
            f"{_describe_measure(result.alpha)}."
        )
    return [*lines, f"{INTERVALS}. Where all draws give the same figure, there is no interval."]


def _describe_pair(pair: PairAgreement) -> str:
    joined = pair.joined
    return (
        f"{' and '.join(pair.people)}: the same decision on "
        f"{describe_share(joined.raw, 'records')}; "
        f"included by both, of those that either included, {describe_share(joined.in_common)}; "
        f"positive agreement {_describe_measure(joined.positive)}; negative agreement "
        f"{_describe_measure(joined.negative)}; Cohen's kappa {_describe_measure(joined.kappa)}, "
        f"with *maybe* apart {_describe_measure(pair.three.kappa)}."
    )


def _describe_pilot(
    pilot: Pilot, reports: Sequence[ScreenedReport], names: Mapping[int, str]
) -> str:
    records = count_noun(len(pilot.report_ids), "record")
    if pilot.closed_at is None:
        return f"Round {pilot.number}: {records}, still open."
    chosen = set(pilot.report_ids)
    found = compare([report for report in reports if report.report_id in chosen], names)
    lines = [f"Round {pilot.number}: {records}, closed {pilot.closed_at:%Y-%m-%d}."]
    if found.records:
        compared = (
            "All of them were"
            if found.records == len(chosen)
            else f"{found.records:,} of them {_were(found.records)}"
        )
        lines.append(
            f"{compared} decided by two or more people independently ({found.people} people in "
            f"all). {found.verdict} The same decision on "
            f"{describe_share(found.same, 'records')}; "
            f"Krippendorff's alpha {_describe_measure(found.alpha)}."
        )
    if pilot.note:
        lines.append(f"What the team learned: {pilot.note.rstrip('.')}.")
    return " ".join(lines)


def _describe_misses(lists: list[MissListInfo]) -> list[str]:
    lines = [_describe_miss_list(miss_list) for miss_list in lists if miss_list.made]
    return [*lines, _NO_ESTIMATE] if lines else []


def _describe_miss_list(miss_list: MissListInfo) -> str:
    likely, random = miss_list.likely, miss_list.random
    return (
        f"List of {miss_list.asked_at:%Y-%m-%d}, its length fixed in advance: of "
        f"{count_noun(likely.listed, 'possible miss', 'possible misses')}, {likely.looked:,} "
        f"{_were(likely.looked)} checked and {likely.changed:,} changed; of {random.listed:,} "
        f"drawn at random, {random.looked:,} {_were(random.looked)} checked and "
        f"{random.changed:,} changed."
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


def _describe_single_excludes(reports: Sequence[ScreenedReport]) -> list[str]:
    """How many excludes nobody but one person has read; empty if there are none."""
    excluded = [report for report in reports if report.settled_as == "exclude"]
    alone = sum(len(report.readers) == 1 for report in excluded)
    if not alone:
        return []
    return [
        f"{alone:,} of {count_noun(len(excluded), 'excluded record')} {_were(alone)} read by one "
        "person alone."
    ]


def _describe_deviations(session: ReadSession, review_id: int) -> list[str]:
    lines = [
        f"Version {deviation.version}, {deviation.at:%Y-%m-%d}, after "
        f"{count_noun(deviation.decisions, 'decision')}: {', '.join(deviation.changed)} changed. "
        f"{deviation.reason or 'No reason was given.'}"
        for deviation in rescreens.list_deviations(session, review_id)
        if set(deviation.changed) - _NO_DEVIATION
    ]
    lines += [
        f"{count_noun(rescreen.reports, 'record')} screened again since version "
        f"{rescreen.protocol_version}, {rescreen.left:,} of them not decided yet: "
        f"{rescreen.reason}"
        for rescreen in rescreens.list_rescreens(session, review_id)
        if rescreen.withdrawn_at is None
    ]
    return lines
