"""How a review was screened, in sentences with their numbers, for a report's methods."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from api.protocol import ProtocolBody, StagePlan
from api.services import agreeing
from api.services.agreeing import Agreed
from api.services.presets import deviates
from model.agreement import Measure
from store import bulk, pilots, rechecks, records, rescreens, reviews, settlements
from store.bulk import BulkInfo
from store.rechecks import RecheckInfo
from store.records import Counts
from store.session import ReadSession
from store.settlements import Work

_NO_ESTIMATE = (
    "How many were changed is no estimate of what remains: the likely ones were chosen, and the "
    "random ones are few."
)


@dataclass(frozen=True, slots=True)
class Section:
    """A part of the report: a title and its sentences, of which none is empty."""

    title: str
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ScreeningReport:
    """How a review was screened."""

    title: str
    made_at: dt.datetime
    sections: tuple[Section, ...]


def screening_report(
    session: ReadSession, review_id: int, *, seen_by: int, at: dt.datetime
) -> ScreeningReport:
    """The report as it stands now.

    Args:
        session: a reading session.
        review_id: the review.
        seen_by: who reads it: nothing tells what others decided on what they are still to decide.
        at: now.
    """
    protocol = reviews.protocol(session, review_id)
    body = ProtocolBody.model_validate(protocol.body)
    parts = {
        "Plan": _plan(body.plan_of("title-abstract"), protocol.version),
        "Records": _records(records.counts(session, review_id)),
        "Who decided": _work(settlements.work(session, review_id)),
        "Pilot rounds": _pilots(session, review_id),
        "Agreement": _agreement(agreeing.agreed(session, review_id)),
        "Likely misses": _misses(rechecks.everything(session, review_id)),
        "Bulk actions": _bulk(bulk.everything(session, review_id, seen_by=seen_by)),
        "Deviations from the protocol": _deviations(session, review_id, body),
    }
    return ScreeningReport(
        reviews.by_id(session, review_id).title,
        at,
        tuple(Section(title, tuple(lines)) for title, lines in parts.items() if lines),
    )


def _count(number: int, one: str, many: str | None = None) -> str:
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def _plan(plan: StagePlan, version: int) -> list[str]:
    parts = []
    if plan.dual_share:
        parts.append(f"two people independently decide {plan.dual_share:.0%} of the records")
    if plan.second_look:
        other = " other" if plan.dual_share else ""
        parts.append(f"a second person decides {plan.second_look:.0%} of{other} excludes too")
    if not parts:
        parts = ["one person decides each record"]
    words = "; ".join(parts)
    lines = [
        f"Title and abstract, by version {version} of the protocol: {words}.",
        "The ranking sets the order in which records are read, and leaves none out.",
    ]
    if plan.reason_required:
        lines.append("Each exclude gives a reason of the protocol.")
    return lines


def _records(counts: Counts) -> list[str]:
    lines = [
        f"Of {_count(counts.reports, 'report')}, {counts.include:,} were included, "
        f"{counts.maybe:,} kept as *maybe*, {counts.exclude:,} excluded."
    ]
    unread = counts.undecided - counts.awaiting - counts.conflict
    waiting = []
    if counts.awaiting:
        waiting.append(f"{counts.awaiting:,} await another person's decision")
    if counts.conflict:
        waiting.append(f"{_count(counts.conflict, 'conflict')} not settled")
    if waiting:
        lines.append(f"Not settled: {'; '.join(waiting)}.")
    if unread:
        lines.append(
            f"{_count(unread, 'record')} not screened; none of them is counted as excluded. "
            "Screening is not finished, and this report says nothing of how many relevant records "
            "it has found out of all."
        )
    elif counts.reports and not waiting:
        lines.append("Every record was screened.")
    return lines


def _work(work: Work) -> list[str]:
    lines = []
    for number, reports in work.decided_by.items():
        people = "one person" if number == 1 else f"{number} people independently"
        lines.append(f"{_count(reports, 'report')} decided by {people}.")
    if work.people:
        lines.insert(0, f"{_count(work.people, 'person', 'people')} screened.")
    if work.joint or work.adjudicated:
        lines.append(
            f"{_count(work.joint + work.adjudicated, 'conflict')} settled: {work.joint:,} by those "
            f"who differed, {work.adjudicated:,} by a third person."
        )
    if work.imported:
        lines.append(f"{_count(work.imported, 'decision')} taken over from files.")
    return lines


def _measure(found: Measure) -> str:
    if found.value is None:
        return "not defined"
    if found.low is None or found.high is None:
        return f"{found.value:.2f}"
    return f"{found.value:.2f} (95 % interval {found.low:.2f} to {found.high:.2f})"


def _agreement(found: Agreed) -> list[str]:
    lines = [
        f"{' and '.join(pair.people)}, {_count(pair.joined.records, 'record')}: "
        f"alike {_measure(pair.joined.raw)}; Cohen's kappa, *maybe* joined to *include*, "
        f"{_measure(pair.joined.kappa)}; with three words {_measure(pair.three.kappa)}; adjusted "
        f"for prevalence and bias {_measure(pair.joined.adjusted)}."
        for pair in found.pairs
    ]
    if found.people > 2:
        lines.append(f"Krippendorff's alpha of all: {_measure(found.alpha)}.")
    if lines:
        lines.append("On what each first decided without seeing the others.")
    return lines


def _pilots(session: ReadSession, review_id: int) -> list[str]:
    lines = []
    for each in pilots.everything(session, review_id):
        if each.closed_at is None:
            lines.append(f"Round {each.number}: {len(each.report_ids):,} records, still open.")
            continue
        alpha = _measure(agreeing.agreed(session, review_id, among=each.report_ids).alpha)
        lines.append(
            f"Round {each.number}: {len(each.report_ids):,} records by {len(each.parts)} people, "
            f"closed {each.closed_at:%Y-%m-%d}; Krippendorff's alpha {alpha}. {each.note or ''}"
        )
    return lines


def _misses(lists: list[RecheckInfo]) -> list[str]:
    made = [each for each in lists if each.made]
    if not made:
        return []
    lines = [
        f"List of {each.asked_at:%Y-%m-%d}, its length fixed beforehand: of "
        f"{_count(each.likely.listed, 'likely miss', 'likely misses')} "
        f"{each.likely.looked:,} were looked at and {each.likely.changed:,} changed; of "
        f"{each.random.listed:,} drawn at random {each.random.looked:,} and "
        f"{each.random.changed:,}."
        for each in made
    ]
    return [*lines, _NO_ESTIMATE]


def _bulk(actions: list[BulkInfo]) -> list[str]:
    return [
        f"{each.made_at:%Y-%m-%d}, {each.person or 'an erased person'}: {each.value} on "
        f"{_count(each.reports, 'record')} at once ({_picked(each.picked)})"
        f"{': ' + each.note if each.note else ''}"
        f"{'; taken back ' + format(each.undone_at, '%Y-%m-%d') if each.undone_at else ''}."
        for each in actions
        if each.action == "decide"
    ]


def _picked(picked: Mapping[str, Any]) -> str:
    words = {
        "text": "words “{}”",
        "decision": "{}",
        "flag": "{}",
        "search_id": "search {}",
    }
    found = [words[key].format(value) for key, value in picked.items() if key in words]
    marked = picked.get("marked") or {}
    if marked.get("tag"):
        found.append(f"tag “{marked['tag']}”")
    if marked.get("star"):
        found.append("with a star")
    return ", ".join(found) or "all"


def _deviations(session: ReadSession, review_id: int, body: ProtocolBody) -> list[str]:
    lines = [
        f"Version {each.version}, {each.at:%Y-%m-%d}, after {_count(each.decisions, 'decision')}: "
        f"{', '.join(each.changed)}. {each.reason or 'No reason was given.'}"
        for each in rescreens.deviations(session, review_id)
    ]
    lines += [
        f"{_count(each.reports, 'record')} screened again since version {each.protocol_version}, "
        f"{each.left:,} of them still to be decided: {each.reason}"
        for each in rescreens.everything(session, review_id)
        if each.withdrawn_at is None
    ]
    why = deviates(body)
    return [*lines, why] if why else lines
