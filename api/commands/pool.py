"""winnow pool, and versions of a review: what waits, what was admitted, what is completed."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from typing import Annotated

import typer
from rich.console import Console

from api.commands.output import (
    AsOption,
    Json,
    Refused,
    ReviewOption,
    acting,
    in_review,
)
from api.schedule import ADMISSION_RULES
from api.schemas.living import AdmissionLine, PoolLines
from api.schemas.versions import dump_versions
from api.services.living import pooling, schedules, versions
from api.services.living.pooling import PoolStatus
from api.services.living.versions import INCLUDED_AT, VersionStatus
from api.wording import count_noun
from store.searching.admissions import NewAdmission, UrgentRecord
from store.searching.flow import Flow
from store.searching.pool_membership import SearchAssignment
from store.searching.review_versions import ReviewVersion
from store.searching.searches import get_search_by_number, number_searches

app = typer.Typer(
    help="Incoming records: records of later searches, until a lead lets them in.",
    no_args_is_help=True,
)


def _day(text: str) -> dt.date:
    try:
        return dt.date.fromisoformat(text)
    except ValueError:
        raise Refused(f"{text!r} is not a date.", remedy="Write it as YYYY-MM-DD.") from None


def _print_lines(screen: Console, lines: Iterator[str]) -> None:
    for line in lines:
        screen.print(line, markup=False)


@app.command("show")
def show_pool(review: ReviewOption = None, as_json: Json = False) -> None:
    """Show incoming records by search, and what was let in."""
    with in_review(as_json, review) as run:
        with run.store.read() as session:
            status = pooling.get_status(session, run.review.id)
            numbers = number_searches(session, run.review.id)
        run.output.result(
            {
                "review": run.review.slug,
                **PoolLines.model_validate(status).model_dump(mode="json"),
            },
            lambda screen: _print_lines(screen, _pool_lines(status, numbers)),
        )


def _pool_lines(status: PoolStatus, numbers: Mapping[int, int]) -> Iterator[str]:
    if status.freeze_on:
        yield f"Records of searches run after {status.freeze_on} wait as incoming records."
    else:
        yield "There is no search freeze date: records of every search join the review at once."
    rule = status.rule
    yield f"Let in {rule.text} ({rule.zone})." if rule else "Let in by hand."
    for search in status.waiting:
        undated = " (its date is not stated)" if search.undated else ""
        yield (
            f"Search {numbers[search.search_id]}, {search.source or 'source not stated'}, "
            f"{search.first} to {search.last}{undated}: {count_noun(search.entries, 'record')} = "
            f"{search.new:,} new + {count_noun(search.copies, 'copy', 'copies')} + "
            f"{search.filtered:,} set aside; "
            f"{search.rejected:,} unreadable"
        )
    if status.waiting:
        kind = "an update" if status.next == "update" else "a top-up"
        yield f"Letting them in now would make {kind}."
    for admission in status.admissions:
        in_full = "" if admission.read_in_full else " (too many to be read in full)"
        yield (
            f"{admission.name}, up to {admission.up_to}: "
            f"{count_noun(admission.records, 'record')}, "
            f"{admission.reports:,} of them to be screened{in_full}"
        )


@app.command("freeze")
def freeze(
    day: Annotated[
        str | None, typer.Argument(help="YYYY-MM-DD; leave it out to remove the date.")
    ] = None,
    review: ReviewOption = None,
    actor: AsOption = None,
    as_json: Json = False,
) -> None:
    """Set the search freeze date: records of later searches become incoming records."""
    with acting(as_json, review, actor) as run:
        freeze_date = _day(day) if day else None
        moved = pooling.set_freeze_date(
            run.store, run.review.id, freeze_date, person_id=run.person.id
        )
        run.output.result(
            {"review": run.review.slug, "freeze_on": day, "files_and_pages_moved": moved},
            lambda screen: screen.print(
                f"Search freeze date: {day or 'none'}; "
                f"{count_noun(moved, 'file or page', 'files and pages')} moved.",
                markup=False,
            ),
        )


@app.command("admit")
def admit(
    up_to: Annotated[
        str | None, typer.Option(help="Let in records of searches up to this day (default: today).")
    ] = None,
    review: ReviewOption = None,
    actor: AsOption = None,
    as_json: Json = False,
) -> None:
    """Let in all incoming records up to a day, as a top-up or as the next update."""
    with acting(as_json, review, actor) as run:
        admission = NewAdmission(
            up_to=_day(up_to) if up_to else schedules.get_today(run.review),
            person_id=run.person.id,
        )
        admitted = pooling.admit_pool(
            run.store, run.review.id, admission, most_in_full=run.settings.pool.read_in_full
        )
        run.wake()
        run.output.result(
            {
                "review": run.review.slug,
                **AdmissionLine.model_validate(admitted).model_dump(mode="json"),
            },
            lambda screen: screen.print(
                f"{admitted.name.capitalize()}: {count_noun(admitted.records, 'record')}, "
                f"{admitted.reports:,} of them to be screened.",
                markup=False,
            ),
        )


@app.command("rule")
def rule(
    words: Annotated[
        str | None,
        typer.Argument(
            help=f"One of: {', '.join(ADMISSION_RULES)}. Leave it out to let them in by hand."
        ),
    ] = None,
    review: ReviewOption = None,
    actor: AsOption = None,
    as_json: Json = False,
) -> None:
    """Let incoming records in by a rule, in the schedule's time zone."""
    with acting(as_json, review, actor) as run:
        pooling.set_admission_rule(run.store, run.review.id, words, person_id=run.person.id)
        run.output.result(
            {"review": run.review.slug, "rule": words},
            lambda screen: screen.print(
                f"Incoming records are let in {words or 'by hand'}.", markup=False
            ),
        )


@app.command("assign")
def assign(
    search: Annotated[int, typer.Argument(help="Number of the search in the review.")],
    to: Annotated[str, typer.Option(help="review, or pool for incoming records.")],
    reason: Annotated[str, typer.Option(help="Why; kept with the search.")],
    review: ReviewOption = None,
    actor: AsOption = None,
    as_json: Json = False,
) -> None:
    """Move a search to the review or to incoming records, whatever its date."""
    with acting(as_json, review, actor) as run:
        with run.store.read() as session:
            search_id = get_search_by_number(session, run.review.id, search)
        assignment = SearchAssignment(search_id, to, reason)
        moved = pooling.assign_search(run.store, run.review.id, assignment, person_id=run.person.id)
        run.output.result(
            {"review": run.review.slug, "search": search, "to": to, "files_and_pages_moved": moved},
            lambda screen: screen.print(f"Search {search} belongs to the {to}.", markup=False),
        )


@app.command("bring")
def bring(
    record: Annotated[int, typer.Argument(help="Number of the record.")],
    route: Annotated[
        str, typer.Option(help="How it was found: citation, contact, website, other, …")
    ],
    reason: Annotated[str, typer.Option(help="Why it cannot wait; kept with the record.")],
    review: ReviewOption = None,
    actor: AsOption = None,
    as_json: Json = False,
) -> None:
    """Let in one incoming record that cannot wait, and say how it was found."""
    with acting(as_json, review, actor) as run:
        urgent = UrgentRecord(record, route, reason)
        report = pooling.bring_in_record(run.store, run.review.id, urgent, person_id=run.person.id)
        run.wake()
        run.output.result(
            {"review": run.review.slug, "record": record, "report": report},
            lambda screen: screen.print(f"Report {report} is in the queue.", markup=False),
        )


def complete(
    unread: Annotated[
        str | None, typer.Option("--unread-reason", help="Why records are left unread.")
    ] = None,
    note: Annotated[str | None, typer.Option(help="A note on the version.")] = None,
    review: ReviewOption = None,
    actor: AsOption = None,
    as_json: Json = False,
) -> None:
    """Complete the current version: its counts are kept, and later records become an update."""
    with acting(as_json, review, actor) as run:
        completed = versions.complete_version(
            run.store, run.review.id, person_id=run.person.id, unread_reason=unread, note=note
        )
        with run.store.read() as session:
            status = versions.get_status(session, run.review.id)
        run.output.result(
            {"review": run.review.slug, "version": completed.number, **dump_versions(status)},
            lambda screen: screen.print(
                f"Version {completed.number} is completed: "
                f"{count_noun(completed.included, 'report')} of "
                f"{count_noun(completed.studies, 'study', 'studies')} {INCLUDED_AT}.",
                markup=False,
            ),
        )


def list_versions(review: ReviewOption = None, as_json: Json = False) -> None:
    """Show the versions of a review, what was let in between, and the counts of each."""
    with in_review(as_json, review) as run:
        with run.store.read() as session:
            status = versions.get_status(session, run.review.id)
        run.output.result(
            {"review": run.review.slug, **dump_versions(status)},
            lambda screen: _print_lines(screen, _version_lines(status)),
        )


def _version_lines(status: VersionStatus) -> Iterator[str]:
    for part in status.parts:
        yield f"{part.name}: {_sum(part.counts)}"
    yield f"in total: {_sum(status.total)}"
    for version in status.completed:
        yield _completed_line(version)
    previous = status.previous
    if previous:
        yield (
            f"In progress: {status.name}. Previous studies: {previous.studies:,} "
            f"({count_noun(previous.included, 'report')}); total so far {status.studies:,} "
            f"({count_noun(status.reports, 'report')})."
        )


def _completed_line(version: ReviewVersion) -> str:
    unread = (
        f"; {count_noun(version.total['not_screened'], 'record')} not screened: "
        f"{version.unread_reason}"
        if version.unread_reason
        else ""
    )
    return (
        f"Version {version.number}, completed {version.completed_at:%Y-%m-%d} by "
        f"{version.person or 'Winnow'}: {count_noun(version.included, 'report')} of "
        f"{count_noun(version.studies, 'study', 'studies')} {INCLUDED_AT}{unread}"
    )


def _sum(counts: Flow) -> str:
    return (
        f"{counts.identified:,} found = {counts.rejected:,} unreadable + "
        f"{counts.filtered:,} set aside + {counts.duplicates:,} duplicates + "
        f"{counts.out_of_range:,} outside the years + "
        f"{counts.screened:,} screened ({counts.included:,} included) + "
        f"{counts.not_screened:,} not screened"
    )
