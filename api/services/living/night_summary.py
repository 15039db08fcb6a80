"""The summary of a night: what is new, changed and retracted, and which sources failed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from api.schedule import get_zone
from api.services.living.night_history import SourceStatus, list_source_status
from api.services.living.schedules import get_schedule
from api.services.ranking import pool_scores
from api.wording import EVENT_KINDS, count_noun, name_run_state
from store.core.session import ReadSession
from store.reports import record_events, records
from store.reports.record_events import EventInfo
from store.reviews import reviews
from store.searching import nights, pool
from store.searching.nights import NightInfo
from store.searching.runs import run_pages, runs
from store.searching.runs.runs import RunInfo

# Reports and events that a summary names; the pages show all of them.
NAMED = 20


@dataclass(frozen=True, slots=True)
class NewReport:
    """A report that a night found; ``score`` is for leads only."""

    report_id: int
    title: str
    year: int | None
    sources: tuple[str, ...]
    score: float | None


@dataclass(frozen=True, slots=True)
class NightSummary:
    """What a night found.

    Attributes:
        new: how many reports it found that neither the review nor its pool had.
        reports: the first of them, by score if there are scores.
        pooled: whether they wait in the pool.
        waiting: records in the pool after the night.
        failed: sources that failed, and since when.
        open_events: grave events on included reports that need a decision.
        unsent: why the summary of the night before could not be sent.
        zone: time zone in which times are shown.
        lead: whether it is for leads, with scores.
    """

    slug: str
    title: str
    night: NightInfo
    runs: tuple[RunInfo, ...]
    new: int
    reports: tuple[NewReport, ...]
    pooled: bool
    waiting: int
    events: tuple[EventInfo, ...]
    failed: tuple[SourceStatus, ...]
    open_events: tuple[EventInfo, ...]
    unsent: tuple[str, ...]
    zone: str
    lead: bool

    @property
    def quiet(self) -> bool:
        """Whether nothing was found and nothing failed."""
        return not (self.new or self.events or self.failed or self.open_events)

    @property
    def open_event_ids(self) -> tuple[int, ...]:
        """Ids of the events that need a decision."""
        return tuple(event.id for event in self.open_events)

    def kinds(self) -> dict[str, list[EventInfo]]:
        """Events by their kind in words, gravest first."""
        by_kind = {
            name: [event for event in self.events if event.kind == kind]
            for kind, name in EVENT_KINDS.items()
        }
        return {name: events for name, events in by_kind.items() if events}


def build_summary(
    session: ReadSession, review_id: int, night_id: int, *, lead: bool
) -> NightSummary:
    """The summary of a night.

    Args:
        session: a reading session.
        review_id: the review.
        night_id: the night.
        lead: whether it is for a lead, who sees scores. Others get the reports in order of arrival,
            since an order by score would give the scores away.

    Raises:
        NotFound: the review has no such night.
    """
    review = reviews.get_review(session, review_id)
    night = nights.get_night(session, night_id, review_id)
    night_runs = runs.list_runs_of_night(session, night_id)
    run_ids = [run.id for run in night_runs]
    new_reports = run_pages.list_new_reports(session, run_ids)
    failing = {run.source for run in night_runs if not run.good} | night.problems.keys()
    sources = list_source_status(session, review_id)
    return NightSummary(
        slug=review.slug,
        title=review.title,
        night=night,
        runs=tuple(night_runs),
        new=len(new_reports),
        reports=_name_reports(session, review_id, new_reports, lead=lead),
        pooled=any(run.pooled for run in night_runs),
        waiting=pool.count_records(session, review_id),
        events=tuple(record_events.list_events_of_runs(session, run_ids)),
        failed=tuple(source for source in sources if source.source in failing),
        open_events=tuple(record_events.list_events_to_act_on(session, review_id)),
        unsent=_unsent(session, review_id, night_id),
        zone=get_schedule(review).zone,
        lead=lead,
    )


def _name_reports(
    session: ReadSession, review_id: int, report_ids: Sequence[int], *, lead: bool
) -> tuple[NewReport, ...]:
    scores = pool_scores.get_scores(session, review_id) if lead else {}
    by_score = sorted(report_ids, key=lambda report: (-scores.get(report, float("-inf")), report))
    named = by_score[:NAMED]
    shown = records.get_representatives(session, review_id, named)
    return tuple(
        NewReport(
            report_id=report_id,
            title=shown[report_id].record.title or "(no title)",
            year=shown[report_id].record.year,
            sources=shown[report_id].sources,
            score=scores.get(report_id),
        )
        for report_id in named
        if report_id in shown
    )


def _unsent(session: ReadSession, review_id: int, night_id: int) -> tuple[str, ...]:
    newest = nights.list_nights(session, review_id, limit=2)
    others = [night for night in newest if night.id != night_id]
    return others[0].untold if others else ()


def format_text(summary: NightSummary, *, base_url: str) -> str:
    """The summary as plain text.

    Args:
        summary: the summary.
        base_url: address of the pages.
    """
    paragraphs = [
        *_heading(summary),
        *_reports(summary),
        *_events(summary),
        *_waiting(summary),
    ]
    for reason in summary.unsent:
        paragraphs += ["", f"The summary before this one could not be sent: {reason}"]
    paragraphs += ["", f"{base_url}/reviews/{summary.slug}/nights/{summary.night.id}"]
    return "\n".join(paragraphs) + "\n"


def _waiting(summary: NightSummary) -> Iterator[str]:
    if summary.waiting:
        verb = "is" if summary.waiting == 1 else "are"
        yield ""
        yield f"{count_noun(summary.waiting, 'incoming record')} {verb} waiting."


def _heading(summary: NightSummary) -> Iterator[str]:
    night = summary.night
    due = night.due_at.astimezone(get_zone(summary.zone))
    yield f"{summary.title}: scheduled search of {due:%Y-%m-%d %H:%M} ({summary.zone})"
    yield ""
    if night.missed:
        yield f"It also covers {count_noun(night.missed, 'night')} that did not run."
    if summary.new:
        where = "waiting as incoming records" if summary.pooled else "in the queue"
        yield f"{count_noun(summary.new, 'new report')}, {where}."
    else:
        yield "Nothing new."
    for run in summary.runs:
        yield f"  {_run_line(run)}"
    for name, problem in night.problems.items():
        yield f"  {name}: not asked. {problem}"
    for source in summary.failed:
        failed = count_noun(source.failing, "night")
        yield f"  {source.source}: no answer for {failed}; {source.up_to_date}."


def _reports(summary: NightSummary) -> Iterator[str]:
    if not summary.reports:
        return
    yield ""
    yield "New:"
    for report in summary.reports:
        score = f"  score {report.score:.2f}" if report.score is not None else ""
        year = report.year or "no year"
        yield f"  {report.title} ({year}; {', '.join(report.sources)}){score}"
    if summary.new > len(summary.reports):
        yield f"  and {summary.new - len(summary.reports):,} more"


def _events(summary: NightSummary) -> Iterator[str]:
    for kind, events in summary.kinds().items():
        yield ""
        yield f"{kind.capitalize()} ({len(events):,}):"
        for event in events[:NAMED]:
            yield f"  {event.title or '(no title)'} ({event.source})"
        if len(events) > NAMED:
            yield f"  and {len(events) - NAMED:,} more"
    if summary.open_events:
        count = len(summary.open_events)
        yield ""
        yield (
            f"{count_noun(count, 'included report')} {'needs' if count == 1 else 'need'} a "
            "decision about a retraction, correction or concern."
        )


def _run_line(run: RunInfo) -> str:
    scope = "everything" if run.mode == "whole" else f"changes from {run.since} to {run.until}"
    counts = (
        f"{run.new:,} new, {run.changed:,} changed, {run.same:,} known already, "
        f"{run.filtered:,} set aside, {run.rejected:,} unreadable"
    )
    state = (
        "waits: a known study would be lost"
        if run.held
        else name_run_state(run.state, run.shortfall)
    )
    reason = f" ({run.stop_reason})" if not run.good and run.stop_reason else ""
    return f"{run.source}: asked for {scope}: {state}{reason}; {counts}"
