"""`winnow search-log`: what is still to be stated, and statements of items 2 to 7 of PRISMA-S."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import Console

from api.commands.output import AsOption, Json, Refused, ReviewOption, acting
from api.services.reporting.search_log import ITEMS, build_log
from api.services.searching.search_methods import QUESTIONS, state_methods


def search_log(
    item: Annotated[int | None, typer.Argument(help="Item of PRISMA-S, 2 to 7.")] = None,
    words: Annotated[
        str | None,
        typer.Argument(help='What was done, or "none"; leave it out to clear the answer.'),
    ] = None,
    review: ReviewOption = None,
    actor: AsOption = None,
    as_json: Json = False,
) -> None:
    """Show what the search log still lacks; state an item that no search answers."""
    with acting(as_json, review, actor) as run:
        if item is not None:
            if item not in QUESTIONS:
                raise Refused(
                    f"Item {item} is answered by the searches themselves.",
                    remedy=f"Name one of {', '.join(map(str, QUESTIONS))}.",
                )
            state_methods(run.store, run.review.id, {item: words}, person_id=run.person.id)
        with run.store.read() as session:
            log = build_log(session, run.review.id)

        def show(screen: Console) -> None:
            for number in QUESTIONS:
                screen.print(f"{number}. {ITEMS[number]}: {log.items[number]}", markup=False)
            for line in log.to_be_stated:
                screen.print(f"Still to be stated: {line}", markup=False, soft_wrap=True)

        run.output.result(
            {
                "review": run.review.slug,
                "stated": {str(number): text or "none" for number, text in log.stated.items()},
                "not_stated": list(log.to_be_stated),
            },
            show,
        )
