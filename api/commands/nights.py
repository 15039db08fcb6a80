"""winnow night: a review harvested by itself."""

from __future__ import annotations

import contextlib
import datetime as dt
import time
from typing import Annotated

import typer
from rich.console import Console

from api import schedule as schedules
from api.commands.output import (
    AsOption,
    Json,
    Output,
    ReviewOption,
    command,
    find_person,
    find_review,
    opened,
    settings,
)
from api.schedule import Schedule
from api.services import harvesting, mornings, nights, telling
from api.services.living_json import checked_json
from api.settings import Settings
from api.wake import wake
from store import nights as stored
from store import runs
from store.errors import Conflict, NotFound
from store.session import ReadSession, Store

app = typer.Typer(help="Harvest a review by itself, every night.", no_args_is_help=True)

_UNDER_WAY = ("waiting", "running")
# Seconds between two looks at runs that a worker walks.
_PAUSE = 0.3
NightArgument = Annotated[int | None, typer.Argument(help="Number of the night; default the last.")]


@app.command("schedule")
def schedule(
    on: Annotated[bool | None, typer.Option("--on/--off", help="Switch it on or off.")] = None,
    cron: Annotated[
        str | None, typer.Option(help='Minute, hour, day, month, weekday: "0 2 * * *".')
    ] = None,
    zone: Annotated[str | None, typer.Option(help='IANA time zone: "Europe/London".')] = None,
    source: Annotated[
        list[str] | None, typer.Option("--source", help="Source; may be repeated; default all.")
    ] = None,
    whole_days: Annotated[
        int | None, typer.Option(help="Days after which everything is asked for again.")
    ] = None,
    review: ReviewOption = None,
    actor: AsOption = None,
    as_json: Json = False,
) -> None:
    """Show when a review is harvested by itself, or set it."""
    given = {
        "on": on,
        "cron": cron,
        "zone": zone,
        "sources": tuple(source) if source else None,
        "whole_days": whole_days,
    }
    changes = {name: value for name, value in given.items() if value is not None}
    with command(as_json) as output, opened() as store:
        chosen = settings()
        with store.write() as session:
            found = find_review(session, review)
            kept = nights.schedule_of(found)
            if changes:
                person = find_person(session, actor)
                wanted = Schedule.model_validate({**kept.model_dump(), **changes})
                kept = nights.set_schedule(session, chosen, found.id, wanted, person_id=person.id)
        _show_schedule(output, found.slug, kept)


def _show_schedule(output: Output, slug: str, kept: Schedule) -> None:
    following = schedules.following(kept, dt.datetime.now(dt.UTC))

    def show(screen: Console) -> None:
        if not kept.on:
            screen.print(
                f"{slug} is not harvested by itself. Switch it on with --on.", markup=False
            )
            return
        screen.print(
            f"{slug} is harvested by `{kept.cron}` in {kept.zone}, from "
            f"{', '.join(kept.sources) or 'all sources'}; everything is asked for again after "
            f"{kept.whole_days} days.",
            markup=False,
        )
        if following:
            screen.print(f"Next: {following:%Y-%m-%d %H:%M} ({kept.zone})", markup=False)

    data = kept.model_dump(mode="json")
    data["next"] = following.isoformat() if following else None
    output.result({"review": slug, "schedule": data}, show)


@app.command("run")
def run_night(review: ReviewOption = None, actor: AsOption = None, as_json: Json = False) -> None:
    """Harvest now as a night would: what is new and changed since the last time."""
    with command(as_json) as output:
        chosen = settings()
        with opened(chosen) as store:
            with store.read() as session:
                find_person(session, actor)
                found = find_review(session, review)
            night = nights.begin_now(store, chosen, found.id)
            _walked(output, store, chosen, night)
            telling.tell_ended(store, chosen)
            wake(store, chosen.data_dir)
            with store.read() as session:
                morning = mornings.morning(session, found.id, night, lead=True)
        _show_morning(output, morning, chosen.base_url)
        if morning.failed:
            raise typer.Exit(1)


def _walked(output: Output, store: Store, chosen: Settings, night: int) -> None:
    """Walk a night's runs to their ends; one that a worker took first is waited for."""
    while True:
        nights.end_over(store)
        with store.read() as session:
            if stored.by_id(session, night).ended_at is not None:
                return
            left = [run for run in runs.of_night(session, night) if run.state in _UNDER_WAY]
        for run in left:
            # A worker may have ended it meanwhile.
            with (
                output.progress(f"run {run.id}, {run.source}") as progress,
                contextlib.suppress(Conflict),
            ):
                harvesting.walk(store, chosen, run.id, due_only=True, progress=progress)
        time.sleep(_PAUSE)


def _show_morning(output: Output, found: mornings.Morning, base_url: str) -> None:
    output.result(
        mornings.as_json(found),
        lambda screen: screen.print(
            mornings.as_text(found, base_url=base_url), markup=False, end=""
        ),
    )


@app.command("list")
def list_nights(review: ReviewOption = None, as_json: Json = False) -> None:
    """List the nights of a review, newest first, and when each source was last gone through."""
    with command(as_json) as output, opened() as store, store.read() as session:
        found = find_review(session, review)
        history = stored.everything(session, found.id)
        checked = nights.checked(session, found.id)

        def show(screen: Console) -> None:
            for night in history:
                state = "under way" if night.ended_at is None else "ended"
                missed = f", making up for {night.missed} missed" if night.missed else ""
                screen.print(
                    f"Night {night.id}, due {night.due_at:%Y-%m-%d %H:%M} UTC: {state}{missed}",
                    markup=False,
                )
                for name, words in night.problems.items():
                    screen.print(f"  {name}: not asked. {words}", markup=False)
                for words in night.untold:
                    screen.print(f"  not told: {words}", markup=False)
            for each in checked:
                last = each.last.isoformat() if each.last else "never"
                failing = f"; failing for {each.failing} nights: {each.why}" if each.failing else ""
                screen.print(f"{each.source}: last gone through {last}{failing}", markup=False)

        output.result(
            {
                "review": found.slug,
                "nights": [
                    {
                        "night": night.id,
                        "due_at": night.due_at.isoformat(),
                        "missed": night.missed,
                        "ended_at": night.ended_at.isoformat() if night.ended_at else None,
                        "not_asked": dict(night.problems),
                        "not_told": list(night.untold),
                    }
                    for night in history
                ],
                "checked": [checked_json(each) for each in checked],
            },
            show,
        )


@app.command("show")
def show_night(
    night: NightArgument = None, review: ReviewOption = None, as_json: Json = False
) -> None:
    """The morning summary of a night."""
    with command(as_json) as output, opened() as store:
        with store.read() as session:
            found = find_review(session, review)
            chosen_night = night or _last(session, found.id)
            morning = mornings.morning(session, found.id, chosen_night, lead=True)
        _show_morning(output, morning, settings().base_url)


def _last(session: ReadSession, review_id: int) -> int:
    newest = stored.newest(session, review_id)
    if newest is None:
        raise NotFound("this review has had no night yet")
    return newest.id


@app.command("tell")
def tell(
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
        bool | None, typer.Option("--quiet/--news-only", help="Tell of nights without news too.")
    ] = None,
    nobody: Annotated[bool, typer.Option("--nobody", help="Tell nobody any more.")] = False,
    review: ReviewOption = None,
    actor: AsOption = None,
    as_json: Json = False,
) -> None:
    """Show to whom the morning summary goes, or set it."""
    given = {"team": team, "leads": lead, "webhook": webhook, "quiet": quiet}
    changes = {name: value for name, value in given.items() if value is not None}
    with command(as_json) as output, opened() as store:
        with store.write() as session:
            found = find_review(session, review)
            kept = telling.Telling() if nobody else telling.telling_of(found)
            if changes or nobody:
                person = find_person(session, actor)
                kept = telling.Telling.model_validate({**kept.model_dump(), **changes})
                telling.set_telling(session, settings(), found.id, kept, person_id=person.id)
        output.result(
            {"review": found.slug, "tell": kept.model_dump(mode="json")},
            lambda screen: screen.print(
                f"Team: {', '.join(kept.team) or 'nobody'}. Leads: "
                f"{', '.join(kept.leads) or 'nobody'}. Webhook: {kept.webhook or 'none'}.",
                markup=False,
            ),
        )
