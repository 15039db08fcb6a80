"""winnow night: a review's searches run automatically."""

from __future__ import annotations

import contextlib
import datetime as dt
import time
from collections.abc import Iterator
from typing import Annotated, Any

import typer
from rich.console import Console

from api.commands.output import (
    Acting,
    AsOption,
    InReview,
    Json,
    Output,
    ReviewOption,
    acting,
    find_person,
    in_review,
)
from api.schedule import Schedule, find_next_due
from api.schemas.living import NightLines
from api.schemas.night_summary import dump_night_summary
from api.services.living import night_history, night_runs, night_summary, notifications, schedules
from api.services.living.night_history import NightHistory
from api.services.living.night_summary import NightSummary
from api.services.living.notifications import NotificationSettings
from api.services.searching import harvesting
from api.services.searching.harvesting import WalkOptions
from api.wording import count_noun
from store.core.errors import Conflict, NotFound
from store.core.session import ReadSession
from store.searching.nights import get_newest_night, get_night
from store.searching.runs import runs

app = typer.Typer(help="Run a review's searches on a schedule.", no_args_is_help=True)

_UNDER_WAY = ("waiting", "running")
# Seconds between two looks at runs that a worker has taken.
_PAUSE = 0.3
NightArgument = Annotated[
    int | None, typer.Argument(help="Number of the scheduled search (default: the last).")
]


@app.command("schedule")
def set_schedule(
    on: Annotated[bool | None, typer.Option("--on/--off", help="Switch it on or off.")] = None,
    cron: Annotated[
        str | None, typer.Option(help='Minute, hour, day, month, weekday: "0 2 * * *".')
    ] = None,
    zone: Annotated[str | None, typer.Option(help='IANA time zone: "Europe/London".')] = None,
    source: Annotated[
        list[str] | None,
        typer.Option("--source", help="Source; repeatable (default: all)."),
    ] = None,
    whole_days: Annotated[
        int | None, typer.Option(help="Days after which each source is asked for everything again.")
    ] = None,
    review: ReviewOption = None,
    actor: AsOption = None,
    as_json: Json = False,
) -> None:
    """Show or change the schedule of a review's searches."""
    changes: dict[str, Any] = {
        "on": on,
        "cron": cron,
        "zone": zone,
        "sources": tuple(source) if source else None,
        "whole_days": whole_days,
    }
    changes = {name: value for name, value in changes.items() if value is not None}
    with in_review(as_json, review) as command:
        current = schedules.get_schedule(command.review)
        if changes:
            current = schedules.set_schedule(
                command.store,
                command.settings,
                command.review.id,
                changes,
                person_id=_find_person_id(command, actor),
            )
        _show_schedule(command.output, command.review.slug, current)


def _find_person_id(command: InReview, actor: str | None) -> int:
    with command.store.read() as session:
        return find_person(session, actor).id


def _show_schedule(output: Output, slug: str, schedule: Schedule) -> None:
    following = find_next_due(schedule, dt.datetime.now(dt.UTC))

    def show(screen: Console) -> None:
        if not schedule.on:
            screen.print(
                f"Searches of {slug} do not run automatically. Switch them on with --on.",
                markup=False,
            )
            return
        sources = ", ".join(schedule.sources) or "all sources"
        screen.print(
            f"Searches of {slug} run by `{schedule.cron}` in {schedule.zone}, at {sources}; every "
            f"{schedule.whole_days} days they ask for everything again.",
            markup=False,
        )
        if following:
            screen.print(f"Next: {following:%Y-%m-%d %H:%M} ({schedule.zone})", markup=False)

    data = schedule.model_dump(mode="json")
    data["next"] = following.isoformat() if following else None
    output.result({"review": slug, "schedule": data}, show)


@app.command("run")
def run_night(review: ReviewOption = None, actor: AsOption = None, as_json: Json = False) -> None:
    """Search now for records that are new or changed since the last scheduled search.

    If the last one was interrupted, this goes on with it.
    """
    with acting(as_json, review, actor) as command:
        store, settings = command.store, command.settings
        night = night_runs.find_abandoned_night(store, settings, command.review.id)
        if night is not None:
            command.output.say(
                f"Scheduled search {night.id} of {night.started_at:%Y-%m-%d %H:%M} UTC was "
                "interrupted; going on with it."
            )
        else:
            night = night_runs.start_night(store, settings, command.review.id)
        _walk_night(command, night.id)
        notifications.send_summaries(store, settings, dump_night_summary)
        command.wake()
        with store.read() as session:
            summary = night_summary.build_summary(session, command.review.id, night.id, lead=True)
        _show_summary(command, summary)
        if summary.failed:
            raise typer.Exit(1)


def _walk_night(command: Acting, night_id: int) -> None:
    """Walk a night's runs to their ends; wait for runs that a worker took first."""
    while True:
        night_runs.end_finished_nights(command.store)
        with command.store.read() as session:
            if get_night(session, night_id).ended_at is not None:
                return
            under_way = [
                run for run in runs.list_runs_of_night(session, night_id) if run.state in _UNDER_WAY
            ]
        for run in under_way:
            # A worker may have ended it meanwhile.
            with (
                command.output.progress(f"run {run.id}, {run.source}") as progress,
                contextlib.suppress(Conflict),
            ):
                harvesting.walk_run(
                    command.store,
                    command.settings,
                    run.id,
                    WalkOptions(due_only=True, progress=progress),
                )
        time.sleep(_PAUSE)


def _show_summary(command: InReview, summary: NightSummary) -> None:
    text = night_summary.format_text(summary, base_url=command.settings.base_url)
    command.output.result(
        dump_night_summary(summary), lambda screen: screen.print(text, markup=False, end="")
    )


@app.command("list")
def list_nights(review: ReviewOption = None, as_json: Json = False) -> None:
    """List scheduled searches, newest first, and how up to date each source is."""
    with in_review(as_json, review) as command:
        with command.store.read() as session:
            history = night_history.get_history(session, command.review.id)

        def show(screen: Console) -> None:
            for line in _history_lines(history):
                screen.print(line, markup=False)

        command.output.result(
            {
                "review": command.review.slug,
                **NightLines.model_validate(history).model_dump(mode="json"),
            },
            show,
        )


def _history_lines(history: NightHistory) -> Iterator[str]:
    for night in history.nights:
        state = "running" if night.ended_at is None else "ended"
        missed = f", also covers {night.missed} that did not run" if night.missed else ""
        yield f"Scheduled search {night.id}, due {night.due_at:%Y-%m-%d %H:%M} UTC: {state}{missed}"
        for name, problem in night.problems.items():
            yield f"  {name}: not asked. {problem}"
        for problem in night.untold:
            yield f"  summary not sent: {problem}"
    for source in history.checked:
        failing = (
            f"; no answer for {count_noun(source.failing, 'night')}: {source.why}"
            if source.failing
            else ""
        )
        yield f"{source.source}: {source.up_to_date}{failing}"


@app.command("show")
def show_night(
    night: NightArgument = None, review: ReviewOption = None, as_json: Json = False
) -> None:
    """Show the summary of one scheduled search."""
    with in_review(as_json, review) as command:
        with command.store.read() as session:
            night_id = night or _find_last_night(session, command.review.id)
            summary = night_summary.build_summary(session, command.review.id, night_id, lead=True)
        _show_summary(command, summary)


def _find_last_night(session: ReadSession, review_id: int) -> int:
    newest = get_newest_night(session, review_id)
    if newest is None:
        raise NotFound("this review has had no scheduled search yet")
    return newest.id


@app.command("tell")
def set_notifications(
    team: Annotated[
        list[str] | None, typer.Option(help="Address that gets summaries without scores.")
    ] = None,
    lead: Annotated[
        list[str] | None, typer.Option(help="Address that gets summaries with scores.")
    ] = None,
    webhook: Annotated[
        str | None, typer.Option(help="https address that gets signed JSON.")
    ] = None,
    quiet: Annotated[
        bool | None,
        typer.Option("--quiet/--news-only", help="Also send a summary when nothing is new."),
    ] = None,
    nobody: Annotated[bool, typer.Option("--nobody", help="Stop sending summaries.")] = False,
    review: ReviewOption = None,
    actor: AsOption = None,
    as_json: Json = False,
) -> None:
    """Show or change who gets the summaries."""
    changes: dict[str, Any] = {
        "team": team,
        "leads": lead,
        "webhook": webhook,
        "quiet": quiet,
    }
    changes = {name: value for name, value in changes.items() if value is not None}
    if nobody:
        changes = {**NotificationSettings().model_dump(), **changes}
    with in_review(as_json, review) as command:
        current = notifications.get_notification_settings(command.review)
        if changes:
            current = notifications.set_notification_settings(
                command.store,
                command.settings,
                command.review.id,
                changes,
                person_id=_find_person_id(command, actor),
            )
        command.output.result(
            {"review": command.review.slug, "tell": current.model_dump(mode="json")},
            lambda screen: screen.print(_recipients(current), markup=False),
        )


def _recipients(current: NotificationSettings) -> str:
    team, leads = (", ".join(addresses) or "nobody" for addresses in (current.team, current.leads))
    return f"Team: {team}. Leads: {leads}. Webhook: {current.webhook or 'none'}."
