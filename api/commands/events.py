"""winnow events: what sources say happened to records, and what is done about it."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import Console

from api.commands.output import (
    AsOption,
    Json,
    ReviewOption,
    command,
    find_person,
    find_review,
    opened,
    settings,
)
from api.services import events as acting
from api.services import mornings
from api.wake import wake
from store import events

app = typer.Typer(
    help="What sources say happened to records: changed, retracted, gone.", no_args_is_help=True
)


@app.command("list")
def list_events(
    kind: Annotated[list[str] | None, typer.Option(help="Kind; may be repeated.")] = None,
    waiting: Annotated[
        bool, typer.Option("--waiting", help="Only those on included reports that wait.")
    ] = False,
    limit: Annotated[int, typer.Option(help="How many, newest first.", min=1)] = 100,
    review: ReviewOption = None,
    as_json: Json = False,
) -> None:
    """List events on records, newest first."""
    with command(as_json) as output, opened() as store, store.read() as session:
        found = find_review(session, review)
        listed = (
            events.waiting(session, found.id)
            if waiting
            else events.everything(session, found.id, kinds=kind or (), limit=limit)
        )

        def show(screen: Console) -> None:
            for event in listed:
                notice = event.detail.get("notice") or event.detail.get("pmid") or ""
                mark = "" if event.stands else f" (marked mistaken: {event.evidence})"
                screen.print(
                    f"Event {event.id}, {event.at:%Y-%m-%d}, {event.kind}, {event.source}: "
                    f"{event.title or '(no title)'} (record {event.record_id}"
                    + (f", {event.decision}" if event.decision else "")
                    + f"){': ' + notice if notice else ''}{mark}",
                    markup=False,
                )

        output.result(
            {"review": found.slug, "events": [mornings.event_json(each) for each in listed]}, show
        )


@app.command("act")
def act(
    event: Annotated[int, typer.Argument(help="Number of the event.")],
    what: Annotated[str, typer.Argument(help="kept, excluded or sensitivity.")],
    note: Annotated[str, typer.Option(help="Why, in words; it is kept.")],
    review: ReviewOption = None,
    actor: AsOption = None,
    as_json: Json = False,
) -> None:
    """Say what is done about an event on an included report."""
    with command(as_json) as output, opened() as store:
        with store.write() as session:
            person = find_person(session, actor)
            found = find_review(session, review)
            made = acting.act(session, found.id, event, what, note=note, person_id=person.id)
        wake(store, settings().data_dir)
        output.result(
            {"review": found.slug, **mornings.event_json(made)},
            lambda screen: screen.print(f"Event {event}: {what}.", markup=False),
        )


@app.command("mistaken")
def mistaken(
    event: Annotated[int, typer.Argument(help="Number of the event.")],
    evidence: Annotated[str, typer.Option(help="What shows it; it is kept.")],
    review: ReviewOption = None,
    actor: AsOption = None,
    as_json: Json = False,
) -> None:
    """Mark an event mistaken; it stays, and no longer stands."""
    with command(as_json) as output, opened() as store:
        with store.write() as session:
            person = find_person(session, actor)
            found = find_review(session, review)
            events.mark_mistaken(session, found.id, event, evidence=evidence, person_id=person.id)
        output.result(
            {"review": found.slug, "event": event, "mistaken": True},
            lambda screen: screen.print(f"Event {event} is marked mistaken.", markup=False),
        )
