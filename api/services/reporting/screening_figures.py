"""What takes long to work out of the screening report, of agreement and of pilot rounds."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from api.protocol import ProtocolBody
from api.services.reporting.order_report import describe_order
from api.services.reviews.protocols import get_protocol_body
from api.services.screening.agreement import AgreementResult, compare, describe_verified
from api.services.screening.presets import describe_plan
from api.services.screening.switching import describe_switch
from api.wording import count_noun, describe_removed, describe_share
from model.evaluation.agreement import Measure
from store.core.session import ReadSession
from store.reports import limits, record_counts
from store.reports.record_counts import ReportCounts
from store.reviews import reviews
from store.screening import independent_decisions, likely_misses, pilots, rescreens
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
class ScreeningFigures:
    """What takes long to work out of a report, the same for everybody who reads it.

    It names nobody: people may be renamed or erased after it was worked out.

    Attributes:
        agreement: of the whole review; see ``name_people`` for the names.
        pilots: of each pilot round, by its number.
        span: when people made the first and the last decision; None before the first.
        sections: sentences by section.
    """

    agreement: AgreementResult
    pilots: Mapping[int, AgreementResult]
    span: tuple[dt.datetime, dt.datetime] | None
    sections: Mapping[str, tuple[str, ...]]


def work_out_figures(session: ReadSession, review_id: int) -> ScreeningFigures:
    """Work out the figures of the report, of agreement and of pilot rounds from what is stored."""
    protocol = reviews.get_protocol(session, review_id)
    body = get_protocol_body(session, review_id)
    counts = record_counts.count_reports(session, review_id)
    reports = independent_decisions.list_screened(session, review_id)
    rounds = pilots.list_rounds(session, review_id)
    by_round = {
        pilot.number: compare(_choose_reports(reports, pilot.report_ids), {}) for pilot in rounds
    }
    sections = {
        "Plan": _describe_plan(body, protocol.version) if counts.reports else [],
        "Records": [
            *_describe_identified(session, review_id),
            *_describe_records(counts),
        ],
        "Who decided": _describe_work(independent_decisions.count_work(reports)),
        "Pilot rounds": [_describe_pilot(pilot, by_round[pilot.number]) for pilot in rounds],
        "Order of the records": describe_order(session, review_id),
        "Possible misses": _describe_misses(likely_misses.list_lists(session, review_id)),
        "Excludes read by one person": _describe_single_excludes(reports),
        "Deviations from the protocol": _describe_deviations(session, review_id),
    }
    return ScreeningFigures(
        agreement=compare(reports, {}),
        pilots=by_round,
        span=independent_decisions.find_first_and_last(session, review_id),
        sections={title: tuple(lines) for title, lines in sections.items()},
    )


def _choose_reports(
    reports: Sequence[ScreenedReport], report_ids: Collection[int]
) -> list[ScreenedReport]:
    chosen = set(report_ids)
    return [report for report in reports if report.report_id in chosen]


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


def describe_measure(measure: Measure) -> str:
    """A coefficient with its interval, in words."""
    if measure.value is None:
        return "not defined"
    if measure.low is None or measure.high is None:
        return f"{measure.value:.2f}"
    return f"{measure.value:.2f} (95 % interval {measure.low:.2f} to {measure.high:.2f})"


def _describe_pilot(pilot: Pilot, found: AgreementResult) -> str:
    records = count_noun(len(pilot.report_ids), "record")
    if pilot.closed_at is None:
        return f"Round {pilot.number}: {records}, still open."
    lines = [f"Round {pilot.number}: {records}, closed {pilot.closed_at:%Y-%m-%d}."]
    if found.records:
        compared = (
            "All of them were"
            if found.records == len(set(pilot.report_ids))
            else f"{found.records:,} of them {_were(found.records)}"
        )
        lines.append(
            f"{compared} decided by two or more people independently ({found.people} people in "
            f"all). {found.verdict} The same decision on "
            f"{describe_share(found.same, 'records')}; "
            f"Krippendorff's alpha {describe_measure(found.alpha)}."
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
