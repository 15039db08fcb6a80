"""winnow pool, and versions of a review: what waits, what was admitted, what is completed."""

from __future__ import annotations

import datetime as dt
from typing import Annotated

import typer
from rich.console import Console

from api import schedule as schedules
from api.commands.output import (
    AsOption,
    Json,
    Refused,
    ReviewOption,
    command,
    find_person,
    find_review,
    opened,
    settings,
)
from api.schedule import ScheduleError
from api.services import nights, pooling, versions
from api.services.living_json import admission_json, waiting_json
from api.wake import wake
from store import admissions, flow, pool

app = typer.Typer(help="Records of later searches, until a lead admits them.", no_args_is_help=True)


def _day(text: str) -> dt.date:
    try:
        return dt.date.fromisoformat(text)
    except ValueError:
        raise Refused(f"{text!r} is no day.", remedy="Write it as YYYY-MM-DD.") from None


@app.command("show")
def show_pool(review: ReviewOption = None, as_json: Json = False) -> None:
    """What waits in the pool, by search, and what was admitted."""
    with command(as_json) as output, opened() as store, store.read() as session:
        found = find_review(session, review)
        until = pool.freeze(session, found.id)
        waiting = pool.by_search(session, found.id)
        admitted = admissions.everything(session, found.id)
        rule = nights.rule_of(found)
        kind, _ = admissions.open_kind(session, found.id)

        def show(screen: Console) -> None:
            screen.print(
                f"Searches run after {until} wait in the pool."
                if until
                else "There is no freeze date: every search comes into the review at once.",
                markup=False,
            )
            screen.print(
                f"Admitted {rule.words} ({rule.zone})." if rule else "Admitted by hand.",
                markup=False,
            )
            for each in waiting:
                undated = " (its date is not stated)" if each.undated else ""
                screen.print(
                    f"Search {each.search_id}, {each.source or 'source not stated'}, "
                    f"{each.first} to {each.last}{undated}: {each.entries:,} records = "
                    f"{each.new:,} new + {each.copies:,} copies + {each.filtered:,} filtered; "
                    f"{each.rejected:,} rejected",
                    markup=False,
                )
            if waiting:
                screen.print(
                    f"An admission now would be {'an update' if kind == 'update' else 'a top-up'}.",
                    markup=False,
                )
            for admission in admitted:
                screen.print(
                    f"{admission.name}, up to {admission.up_to}: {admission.records:,} records, "
                    f"{admission.reports:,} of them to be screened"
                    + ("" if admission.read_in_full else " (more than are always read in full)"),
                    markup=False,
                )

        output.result(
            {
                "review": found.slug,
                "freeze_on": until,
                "rule": rule.words if rule else None,
                "waiting": [waiting_json(each) for each in waiting],
                "next": kind,
                "admissions": [admission_json(each) for each in admitted],
            },
            show,
        )


@app.command("freeze")
def freeze(
    day: Annotated[str | None, typer.Argument(help="YYYY-MM-DD; left out: none.")] = None,
    review: ReviewOption = None,
    actor: AsOption = None,
    as_json: Json = False,
) -> None:
    """Set the search freeze date: records of searches run after it wait in the pool."""
    with command(as_json) as output, opened() as store:
        with store.write() as session:
            person = find_person(session, actor)
            found = find_review(session, review)
            wanted = _day(day) if day else None
            changed = pool.set_freeze(session, found.id, wanted, person_id=person.id)
        output.result(
            {"review": found.slug, "freeze_on": day, "files_and_pages_moved": changed},
            lambda screen: screen.print(
                f"Freeze date: {day or 'none'}; {changed:,} files and pages changed sides.",
                markup=False,
            ),
        )


@app.command("admit")
def admit(
    up_to: Annotated[
        str | None, typer.Option(help="Searches run up to that day; default today.")
    ] = None,
    review: ReviewOption = None,
    actor: AsOption = None,
    as_json: Json = False,
) -> None:
    """Let the whole pool up to a day into the review: a top-up, or the next update."""
    with command(as_json) as output, opened() as store:
        chosen = settings()
        with store.read() as session:
            person = find_person(session, actor)
            found = find_review(session, review)
        day = _day(up_to) if up_to else nights.today(found)
        made = pooling.admit(
            store, found.id, day, in_full=chosen.pool.read_in_full, person_id=person.id
        )
        wake(store, chosen.data_dir)
        output.result(
            {"review": found.slug, **admission_json(made)},
            lambda screen: screen.print(
                f"{made.name.capitalize()}: {made.records:,} records, {made.reports:,} of them to "
                "be screened.",
                markup=False,
            ),
        )


@app.command("rule")
def rule(
    words: Annotated[
        str | None,
        typer.Argument(help=f"One of: {', '.join(schedules.RULES)}. Left out: by hand."),
    ] = None,
    review: ReviewOption = None,
    actor: AsOption = None,
    as_json: Json = False,
) -> None:
    """Admit the pool by a rule, in the schedule's time zone."""
    with command(as_json) as output, opened() as store:
        with store.write() as session:
            person = find_person(session, actor)
            found = find_review(session, review)
            if words and pool.freeze(session, found.id) is None:
                raise ScheduleError(
                    "There is no freeze date, so nothing waits.",
                    field="rule",
                    remedy="Set it first: `winnow pool freeze YYYY-MM-DD`.",
                )
            nights.set_rule(session, found.id, words, person_id=person.id)
        output.result(
            {"review": found.slug, "rule": words},
            lambda screen: screen.print(f"Admitted {words or 'by hand'}.", markup=False),
        )


@app.command("assign")
def assign(
    search: Annotated[int, typer.Argument(help="Number of the search.")],
    to: Annotated[str, typer.Option(help="review or pool.")],
    reason: Annotated[str, typer.Option(help="Why, in words; it is kept.")],
    review: ReviewOption = None,
    actor: AsOption = None,
    as_json: Json = False,
) -> None:
    """Say in writing where a search's records belong, whatever its date says."""
    with command(as_json) as output, opened() as store:
        with store.write() as session:
            person = find_person(session, actor)
            found = find_review(session, review)
            changed = pool.assign(session, found.id, search, to, reason=reason, person_id=person.id)
        output.result(
            {"review": found.slug, "search": search, "to": to, "files_and_pages_moved": changed},
            lambda screen: screen.print(f"Search {search} belongs to the {to}.", markup=False),
        )


@app.command("bring")
def bring(
    record: Annotated[int, typer.Argument(help="Number of the record.")],
    route: Annotated[
        str, typer.Option(help="How it was found: citation, contact, website, other, …")
    ],
    reason: Annotated[str, typer.Option(help="Why it cannot wait; it is kept.")],
    review: ReviewOption = None,
    actor: AsOption = None,
    as_json: Json = False,
) -> None:
    """Bring one urgent record out of the pool, by a route of its own."""
    with command(as_json) as output, opened() as store:
        with store.write() as session:
            person = find_person(session, actor)
            found = find_review(session, review)
            report = pool.bring(
                session, found.id, record, route=route, reason=reason, person_id=person.id
            )
        wake(store, settings().data_dir)
        output.result(
            {"review": found.slug, "record": record, "report": report},
            lambda screen: screen.print(f"Report {report} is in the queue.", markup=False),
        )


def complete(
    unread: Annotated[
        str | None, typer.Option("--unread-reason", help="Why records are left unread.")
    ] = None,
    note: Annotated[str | None, typer.Option(help="What is to be said of it.")] = None,
    review: ReviewOption = None,
    actor: AsOption = None,
    as_json: Json = False,
) -> None:
    """Complete the version under way: its counts are kept, what comes later is an update."""
    with command(as_json) as output, opened() as store:
        with store.read() as session:
            person = find_person(session, actor)
            found = find_review(session, review)
        made = versions.complete(
            store, found.id, person_id=person.id, unread_reason=unread, note=note
        )
        with store.read() as session:
            data = versions.as_json(versions.standing(session, found.id))
        output.result(
            {"review": found.slug, "version": made.number, **data},
            lambda screen: screen.print(
                f"Version {made.number} is completed: {made.included:,} reports of "
                f"{made.studies:,} studies {versions.INCLUDED_AT}.",
                markup=False,
            ),
        )


def list_versions(review: ReviewOption = None, as_json: Json = False) -> None:
    """Versions of a review, what came in between, and the counts of each."""
    with command(as_json) as output, opened() as store, store.read() as session:
        found = find_review(session, review)
        standing = versions.standing(session, found.id)

        def show(screen: Console) -> None:
            for part in standing.parts:
                screen.print(f"{part.name}: {_sum(part.counts)}", markup=False)
            screen.print(f"together: {_sum(standing.total)}", markup=False)
            for each in standing.completed:
                screen.print(
                    f"Version {each.number}, completed {each.completed_at:%Y-%m-%d} by "
                    f"{each.person or 'the program'}: {each.included:,} reports of "
                    f"{each.studies:,} studies {versions.INCLUDED_AT}"
                    + (
                        f"; {each.total['not_screened']:,} records not screened: "
                        f"{each.unread_reason}"
                        if each.unread_reason
                        else ""
                    ),
                    markup=False,
                )
            previous = standing.previous
            if previous:
                screen.print(
                    f"Under way: {standing.name}. Previous studies: {previous.studies:,} "
                    f"({previous.included:,} reports); total by now {standing.studies:,} "
                    f"({standing.reports:,} reports).",
                    markup=False,
                )

        output.result({"review": found.slug, **versions.as_json(standing)}, show)


def _sum(counts: flow.Flow) -> str:
    return (
        f"{counts.identified:,} identified = {counts.rejected:,} rejected + "
        f"{counts.filtered:,} filtered + {counts.duplicates:,} duplicates + "
        f"{counts.screened:,} screened ({counts.included:,} included) + "
        f"{counts.not_screened:,} not screened"
    )
