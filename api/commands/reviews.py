"""winnow review: make and list reviews."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from api.commands import pooling
from api.commands.output import AsOption, Json, Refused, command, find_person, opened
from api.protocol import ProtocolBody, ProtocolLimits, Question
from api.services.importing import slug as slug_of
from api.services.setup import protocol_file
from store import records, reviews

app = typer.Typer(help="Make and list reviews.", no_args_is_help=True)


@app.command("add")
def add(
    slug: Annotated[str, typer.Argument(help="Short name: letters, digits and hyphens.")],
    title: Annotated[str | None, typer.Option(help="Title; default the short name.")] = None,
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
        Path | None, typer.Option(help="protocol.toml with all of this, instead.")
    ] = None,
    actor: AsOption = None,
    as_json: Json = False,
) -> None:
    """Make a review with its protocol."""
    with command(as_json, file=protocol) as output, opened() as store:
        if slug != slug_of(slug) or len(slug) > 80:
            raise Refused(
                f"A short name has lower-case letters, digits and hyphens, not {slug!r}.",
                remedy=f"Use {slug_of(slug)!r}.",
            )
        if protocol is not None:
            head, body = protocol_file(protocol)
            title = title or head["title"]
        else:
            questions = tuple(
                Question(key=f"q{number}", text=text)
                for number, text in enumerate(question or [], start=1)
            )
            body = ProtocolBody(
                questions=questions,
                inclusion=tuple(include or ()),
                exclusion=tuple(exclude or ()),
                limits=ProtocolLimits(year_from=year_from, year_to=year_to),
            )
        with store.write() as session:
            person = find_person(session, actor)
            made = reviews.create(
                session,
                slug=slug,
                title=title or slug,
                protocol=body.stored(),
                person_id=person.id,
            )
        output.result(
            {"review": made.slug, "title": made.title, "protocol_version": 1},
            lambda screen: screen.print(f"Review {made.slug} made.", markup=False),
        )


@app.command("list")
def everything(as_json: Json = False) -> None:
    """List all reviews with their counts."""
    with command(as_json) as output, opened() as store, store.read() as session:
        rows = [
            (review, records.counts(session, review.id)) for review in reviews.everything(session)
        ]

        def show(screen: Console) -> None:
            for review, counts in rows:
                screen.print(
                    f"{review.slug}: {counts.reports} records, {counts.decided} decided, "
                    f"{counts.include} included",
                    markup=False,
                )

        output.result(
            {
                "reviews": [
                    {
                        "slug": review.slug,
                        "title": review.title,
                        "records": counts.reports,
                        "decided": counts.decided,
                        "include": counts.include,
                        "exclude": counts.exclude,
                        "maybe": counts.maybe,
                        "undecided": counts.undecided,
                    }
                    for review, counts in rows
                ]
            },
            show,
        )


app.command("complete")(pooling.complete)
app.command("versions")(pooling.list_versions)
