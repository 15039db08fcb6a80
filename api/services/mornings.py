"""The morning summary of a night: what is new, changed and retracted, and which sources failed."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

from api import schedule as schedules
from api.services import nights as nightly
from api.services import pool_scores
from store import events, nights, pool, records, reviews, run_pages, runs
from store.events import EventInfo
from store.nights import NightInfo
from store.runs import RunInfo
from store.session import ReadSession

# Records and events that a summary names; the page has all.
NAMED = 20
_KINDS = {
    "retracted": "retracted",
    "republished": "retracted and republished",
    "concern": "expression of concern",
    "corrected": "corrected",
    "published": "preprint now published",
    "vanished": "no longer at the source",
    "returned": "at the source again",
    "changed": "changed",
}


@dataclass(frozen=True, slots=True)
class NewReport:
    """A report that a night brought; ``score`` is for leads alone."""

    report_id: int
    title: str
    year: int | None
    sources: tuple[str, ...]
    score: float | None


@dataclass(frozen=True, slots=True)
class Morning:
    """What a night brought.

    Attributes:
        new: how many reports came that the review and its pool did not hold.
        reports: the first of them, by score where there are scores.
        pooled: whether they wait in the pool.
        waiting: records in the pool after the night.
        failed: sources that were not gone through, with how long that is so.
        open_events: grave events on included reports that wait for a person.
        zone: time zone in which moments are told.
        lead: whether it is a lead's copy, with scores.
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
    failed: tuple[nightly.Checked, ...]
    open_events: tuple[EventInfo, ...]
    untold: tuple[str, ...]
    zone: str
    lead: bool

    @property
    def quiet(self) -> bool:
        """Whether nothing came and nothing failed."""
        return not (self.new or self.events or self.failed or self.open_events)

    def kinds(self) -> dict[str, list[EventInfo]]:
        """Events by their words, gravest first."""
        found: dict[str, list[EventInfo]] = {}
        for kind, words in _KINDS.items():
            mine = [event for event in self.events if event.kind == kind]
            if mine:
                found[words] = mine
        return found


def morning(session: ReadSession, review_id: int, night_id: int, *, lead: bool) -> Morning:
    """The summary of a night.

    Args:
        session: a reading session.
        review_id: the review.
        night_id: the night.
        lead: whether it is for a lead, who sees scores; their order would tell them too, so that
            others get reports in the order in which they came.

    Raises:
        NotFound: the review has no such night.
    """
    review = reviews.by_id(session, review_id)
    night = nights.by_id(session, night_id, review_id)
    found = runs.of_night(session, night_id)
    fresh = run_pages.new_reports(session, [run.id for run in found])
    scores = pool_scores.kept(session, review_id) if lead else {}
    order = sorted(fresh, key=lambda report: (-scores.get(report, float("-inf")), report))
    named = order[:NAMED]
    shown = records.by_reports(session, review_id, named)
    earlier = [n for n in nights.everything(session, review_id, limit=2) if n.id != night_id]
    failing = {run.source for run in found if not run.good} | night.problems.keys()
    return Morning(
        slug=review.slug,
        title=review.title,
        night=night,
        runs=tuple(found),
        new=len(fresh),
        reports=tuple(
            NewReport(
                report_id=report,
                title=shown[report].record.title or "(no title)",
                year=shown[report].record.year,
                sources=shown[report].sources,
                score=scores.get(report),
            )
            for report in named
            if report in shown
        ),
        pooled=any(run.pooled for run in found),
        waiting=pool.waiting(session, review_id),
        events=tuple(events.of_runs(session, [run.id for run in found])),
        failed=tuple(
            source for source in nightly.checked(session, review_id) if source.source in failing
        ),
        open_events=tuple(events.waiting(session, review_id)),
        untold=earlier[0].untold if earlier else (),
        zone=nightly.schedule_of(review).zone,
        lead=lead,
    )


def _moment(moment: dt.datetime, zone: str) -> str:
    return f"{moment.astimezone(schedules.zone_of(zone)):%Y-%m-%d %H:%M} ({zone})"


def as_text(found: Morning, *, base_url: str) -> str:
    """The summary as plain text.

    Args:
        found: the summary.
        base_url: where the pages are.
    """
    lines = [f"{found.title}: the night due {_moment(found.night.due_at, found.zone)}", ""]
    if found.night.missed:
        lines.append(f"It makes up for {found.night.missed} missed before it.")
    where = "wait in the pool" if found.pooled else "are in the queue"
    lines.append(f"{found.new:,} new reports, which {where}." if found.new else "Nothing new.")
    for run in found.runs:
        lines.append(f"  {_line(run)}")
    for name, words in found.night.problems.items():
        lines.append(f"  {name}: not asked. {words}")
    for source in found.failed:
        last = source.last.isoformat() if source.last else "never"
        nights_ = "night" if source.failing == 1 else "nights"
        lines.append(
            f"  {source.source} is stale: last gone through {last}, "
            f"failing for {source.failing} {nights_}."
        )
    if found.reports:
        lines += ["", "New:"]
        for report in found.reports:
            score = f"  score {report.score:.2f}" if report.score is not None else ""
            lines.append(
                f"  {report.title} ({report.year or 'no year'}; {', '.join(report.sources)}){score}"
            )
        if found.new > len(found.reports):
            lines.append(f"  and {found.new - len(found.reports):,} more")
    for words, mine in found.kinds().items():
        lines += ["", f"{words.capitalize()} ({len(mine):,}):"]
        lines += [f"  {event.title or '(no title)'} ({event.source})" for event in mine[:NAMED]]
        if len(mine) > NAMED:
            lines.append(f"  and {len(mine) - NAMED:,} more")
    if found.open_events:
        count = len(found.open_events)
        lines += [
            "",
            f"{count:,} included {'report waits' if count == 1 else 'reports wait'} for "
            "somebody to act on a retraction, correction or concern.",
        ]
    if found.waiting:
        lines += ["", f"{found.waiting:,} records wait in the pool."]
    for words in found.untold:
        lines += ["", f"The summary before this one did not go out: {words}"]
    lines += ["", f"{base_url}/reviews/{found.slug}/nights/{found.night.id}"]
    return "\n".join(lines) + "\n"


def _line(run: RunInfo) -> str:
    asked = "everything" if run.mode == "whole" else f"changes from {run.since} to {run.until}"
    told = (
        f"{run.new:,} new, {run.changed:,} changed, {run.same:,} held already, "
        f"{run.filtered:,} filtered, {run.rejected:,} rejected"
    )
    state = "held" if run.held else run.state
    reason = f" ({run.stop_reason})" if not run.good and run.stop_reason else ""
    return f"{run.source}: asked for {asked}: {state}{reason}; {told}"


def as_json(found: Morning) -> dict[str, Any]:
    """The summary as JSON; scores only for leads."""
    return {
        "review": found.slug,
        "night": found.night.id,
        "due_at": found.night.due_at.isoformat(),
        "missed": found.night.missed,
        "ended_at": found.night.ended_at.isoformat() if found.night.ended_at else None,
        "new": found.new,
        "pooled": found.pooled,
        "waiting_in_pool": found.waiting,
        "runs": [
            {
                "run": run.id,
                "source": run.source,
                "mode": run.mode,
                "since": run.since,
                "until": run.until,
                "state": "held" if run.held else run.state,
                "new": run.new,
                "changed": run.changed,
                "same": run.same,
                "filtered": run.filtered,
                "rejected": run.rejected,
            }
            for run in found.runs
        ],
        "not_asked": dict(found.night.problems),
        "stale": [
            {
                "source": source.source,
                "last": source.last.isoformat() if source.last else None,
                "nights": source.failing,
                "why": source.why,
            }
            for source in found.failed
        ],
        "reports": [
            {
                "report": report.report_id,
                "title": report.title,
                "year": report.year,
                "sources": list(report.sources),
                **({"score": report.score} if found.lead else {}),
            }
            for report in found.reports
        ],
        "events": [event_json(event) for event in found.events],
        "open_events": [event.id for event in found.open_events],
    }


def event_json(event: EventInfo) -> dict[str, Any]:
    """An event as JSON."""
    return {
        "event": event.id,
        "kind": event.kind,
        "record": event.record_id,
        "report": event.report_id,
        "title": event.title,
        "source": event.source,
        "at": event.at.isoformat(),
        "detail": dict(event.detail),
        "decision": event.decision,
        "open": event.open,
        "mistaken": None if event.stands else {"by": event.mistaken_by, "evidence": event.evidence},
        "acts": [
            {"act": act.act, "note": act.note, "by": act.person, "at": act.at.isoformat()}
            for act in event.acts
        ],
    }
