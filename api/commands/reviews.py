"""winnow review: create, rename and list reviews."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from api.commands import pool
from api.commands.output import (
    AsOption,
    Json,
    Refused,
    ReviewOption,
    acting,
    command,
    find_person,
    opened,
)
from api.protocol import ProtocolBody, ProtocolLimits, Question
from api.schemas.reviews import LimitsOut
from api.services.reviews import limits, managing
from api.services.reviews.names import make_slug
from api.services.reviews.protocols import read_protocol_file
from api.wording import count_noun, describe_counts
from harvest.strategy.limits import name_years
from store.reports import record_counts
from store.reports.limits import LimitCounts, count_limits
from store.reports.record_counts import ReportCounts
from store.reviews import reviews
from store.reviews.reviews import NewReview, ReviewInfo

app = typer.Typer(help="Create, rename and list reviews.", no_args_is_help=True)


@app.command("add")
def add(
    slug: Annotated[str, typer.Argument(help="Short name: letters, digits and hyphens.")],
    title: Annotated[str | None, typer.Option(help="Title (default: the short name).")] = None,
    question: Annotated[
        list[str] | None, typer.Option(help="A question of the review; repeatable.")
    ] = None,
    include: Annotated[
        list[str] | None, typer.Option(help="An inclusion criterion; repeatable.")
    ] = None,
    exclude: Annotated[
        list[str] | None, typer.Option(help="An exclusion criterion; repeatable.")
    ] = None,
    year_from: Annotated[int | None, typer.Option(help="First year considered.")] = None,
    year_to: Annotated[int | None, typer.Option(help="Last year considered.")] = None,
    protocol: Annotated[
        Path | None, typer.Option(help="TOML file with all of this instead.")
    ] = None,
    actor: AsOption = None,
    as_json: Json = False,
) -> None:
    """Create a review with its protocol."""
    with command(as_json, file=protocol) as output, opened() as store:
        if slug != make_slug(slug) or len(slug) > 80:
            raise Refused(
                f"A short name has lower-case letters, digits and hyphens, not {slug!r}.",
                remedy=f"Use {make_slug(slug)!r}.",
            )
        if protocol is not None:
            head, body = read_protocol_file(protocol)
            title = title or head["title"]
        else:
            body = ProtocolBody(
                questions=_questions(question or ()),
                inclusion=tuple(include or ()),
                exclusion=tuple(exclude or ()),
                limits=ProtocolLimits(year_from=year_from, year_to=year_to),
            )
        with store.read() as session:
            person = find_person(session, actor)
        new = NewReview(slug, title or slug, body.stored())
        review = managing.create_review(store, new, person_id=person.id)
        output.result(
            {"review": review.slug, "title": review.title, "protocol_version": 1},
            lambda screen: screen.print(f"Review {review.slug} created.", markup=False),
        )


def _questions(texts: Sequence[str]) -> tuple[Question, ...]:
    return tuple(
        Question(key=f"q{number}", text=text) for number, text in enumerate(texts, start=1)
    )


@app.command("rename")
def rename(
    title: Annotated[str, typer.Argument(help="The new title.")],
    review: ReviewOption = None,
    actor: AsOption = None,
    as_json: Json = False,
) -> None:
    """Give a review a new title; its short name stays the same."""
    with acting(as_json, review, actor) as run:
        renamed = managing.rename_review(run.store, run.review.id, title, person_id=run.person.id)
        run.output.result(
            {"review": renamed.slug, "before": run.review.title, "title": renamed.title},
            lambda screen: screen.print(
                f"{renamed.slug} is now called: {renamed.title}", markup=False, soft_wrap=True
            ),
        )


@app.command("list")
def list_reviews(as_json: Json = False) -> None:
    """List all reviews with their counts."""
    with command(as_json) as output, opened() as store:
        with store.read() as session:
            listed = reviews.list_reviews(session)
            counts = record_counts.count_reports_by_review(session, [each.id for each in listed])
            rows = [(review, counts[review.id]) for review in listed]

        def show(screen: Console) -> None:
            for review, counts in rows:
                screen.print(
                    f"{review.slug}: {count_noun(counts.reports, 'record')}: "
                    f"{describe_counts(counts)}"
                    f"{'; its settings cannot be read' if review.unreadable else ''}",
                    markup=False,
                )

        output.result({"reviews": [_row(review, counts) for review, counts in rows]}, show)


def _row(review: ReviewInfo, counts: ReportCounts) -> dict[str, Any]:
    return {
        "slug": review.slug,
        "title": review.title,
        "unreadable": review.unreadable,
        "records": counts.reports,
        "decided": counts.decided,
        "include": counts.include,
        "exclude": counts.exclude,
        "maybe": counts.maybe,
        "undecided": counts.undecided,
        "awaiting": counts.awaiting,
        "conflict": counts.conflict,
        "not_screened": counts.not_screened,
    }


@app.command("limits")
def limits_command(
    leave_out: Annotated[
        bool | None,
        typer.Option(
            "--leave-out/--keep",
            help="Leave reports outside the protocol's years out, or screen them anyway.",
        ),
    ] = None,
    review: ReviewOption = None,
    actor: AsOption = None,
    as_json: Json = False,
) -> None:
    """Count the reports outside the protocol's years; leave them out, or take them back."""
    with acting(as_json, review, actor) as run:
        if leave_out is None:
            with run.store.read() as session:
                counts = count_limits(session, run.review.id)
        else:
            counts = limits.set_in_force(
                run.store, run.review.id, leave_out, person_id=run.person.id
            )
            run.wake()
        run.output.result(
            {"review": run.review.slug, **LimitsOut.of(counts).model_dump(mode="json")},
            lambda screen: screen.print(_limits_line(counts), markup=False, soft_wrap=True),
        )


def _limits_line(counts: LimitCounts) -> str:
    years = name_years(counts.limits.first, counts.limits.last)
    if not years:
        return "The protocol has no limit on years."
    return (
        f"Outside {years}: {counts.out_of_range:,} left out before screening, "
        f"{counts.still_in:,} still in the queue, {counts.decided:,} decided. "
        f"Without a year: {counts.undated:,}, which stay in the review."
    )


app.command("complete")(pool.complete)
app.command("versions")(pool.list_versions)
