"""winnow events: what sources say happened to records, and what is done about it."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from rich.console import Console

from api.commands.output import AsOption, Json, ReviewOption, acting, in_review
from api.schemas.night_summary import EventLine
from api.services.living import event_actions
from api.wording import EVENT_KINDS
from store.reports import record_events
from store.reports.record_events import EventAction, EventInfo

app = typer.Typer(
    help="Retractions, corrections and other changes that sources report.", no_args_is_help=True
)


def _dump_event(event: EventInfo) -> dict[str, Any]:
    return EventLine.model_validate(event).model_dump(mode="json")


@app.command("list")
def list_events(
    kind: Annotated[list[str] | None, typer.Option(help="Kind; repeatable.")] = None,
    waiting: Annotated[
        bool,
        typer.Option("--waiting", help="Only events on included reports that need a decision."),
    ] = False,
    limit: Annotated[int, typer.Option(help="How many, newest first.", min=1)] = 100,
    review: ReviewOption = None,
    as_json: Json = False,
) -> None:
    """List events on records, newest first."""
    with in_review(as_json, review) as run:
        with run.store.read() as session:
            events = (
                record_events.list_events_to_act_on(session, run.review.id)
                if waiting
                else record_events.list_events(
                    session, run.review.id, kinds=kind or (), limit=limit
                )
            )

        def show(screen: Console) -> None:
            for event in events:
                screen.print(_line(event), markup=False)

        run.output.result(
            {"review": run.review.slug, "events": [_dump_event(event) for event in events]}, show
        )


def _line(event: EventInfo) -> str:
    decision = f", {event.decision}" if event.decision else ""
    notice = event.detail.get("notice") or event.detail.get("pmid")
    mistake = "" if event.valid else f" (marked as a mistake: {event.evidence})"
    return (
        f"Event {event.id}, {event.at:%Y-%m-%d}, {EVENT_KINDS[event.kind]}, {event.source}: "
        f"{event.title or '(no title)'} (record {event.record_id}{decision})"
        f"{f': {notice}' if notice else ''}{mistake}"
    )


@app.command("act")
def act_on_event(
    event: Annotated[int, typer.Argument(help="Number of the event.")],
    what: Annotated[str, typer.Argument(help="kept, excluded or sensitivity.")],
    note: Annotated[str, typer.Option(help="Why; kept with the event.")],
    review: ReviewOption = None,
    actor: AsOption = None,
    as_json: Json = False,
) -> None:
    """Say what you do about an event on an included report."""
    with acting(as_json, review, actor) as run:
        acted = event_actions.act_on_event(
            run.store, run.review.id, event, EventAction(what, note), person_id=run.person.id
        )
        run.wake()
        run.output.result(
            {"review": run.review.slug, **_dump_event(acted)},
            lambda screen: screen.print(
                f"Event {event}: {event_actions.ACT_NAMES[what]}.", markup=False
            ),
        )


@app.command("mistaken")
def mark_event_mistaken(
    event: Annotated[int, typer.Argument(help="Number of the event.")],
    evidence: Annotated[str, typer.Option(help="How you know; kept with the event.")],
    review: ReviewOption = None,
    actor: AsOption = None,
    as_json: Json = False,
) -> None:
    """Mark an event as a mistake; it stays listed and no longer counts."""
    with acting(as_json, review, actor) as run:
        event_actions.mark_event_mistaken(
            run.store, run.review.id, event, evidence=evidence, person_id=run.person.id
        )
        run.output.result(
            {"review": run.review.slug, "event": event, "mistaken": True},
            lambda screen: screen.print(f"Event {event} is marked as a mistake.", markup=False),
        )
