"""winnow known: the known studies that a review is checked against."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.console import Console

from api.commands.output import AsOption, Json, Refused, ReviewOption, acting, in_review
from api.services.ranking.matching import list_known
from api.services.searching import gold_files, gold_lists
from api.wording import SEARCH_USES, count_noun
from model.evaluation.matching import OWN_SEARCH
from store.searching import gold

app = typer.Typer(
    help="Known studies: lists that the review is checked against.", no_args_is_help=True
)


@app.command("add")
def add_list(
    file: Annotated[Path, typer.Argument(help="File of records, or a list of PMIDs and DOIs.")],
    name: Annotated[str, typer.Option(help="Name of the list (default: the file's).")] = "",
    search_use: Annotated[
        Literal["validation", "development"],
        typer.Option(help="development: the list shaped the search, so it is no estimate of it."),
    ] = "validation",
    ranking_use: Annotated[
        Literal["held_out", "seed"],
        typer.Option(help="seed: the ranking may learn from the list."),
    ] = "held_out",
    review: ReviewOption = None,
    actor: AsOption = None,
    as_json: Json = False,
) -> None:
    """Add a list from a file. Its records are not added to the review."""
    with acting(as_json, review, actor) as run:
        try:
            with file.open("rb") as stream:
                records, _ = gold_files.read_gold_file(
                    stream, search_use=search_use, ranking_use=ranking_use
                )
        except OSError as error:
            raise Refused(f"{file}: {error.strerror}.") from None
        added = gold_lists.add_gold(
            run.store,
            run.review.id,
            records,
            list_name=name or file.name,
            person_id=run.person.id,
        )
        run.wake()
        run.output.result(
            {"review": run.review.slug, "list": name or file.name, "added": added},
            lambda screen: screen.print(
                f"{count_noun(added, 'known study', 'known studies')} added to {run.review.slug}.",
                markup=False,
            ),
        )


@app.command("list")
def show_lists(review: ReviewOption = None, as_json: Json = False) -> None:
    """Show the lists with their uses, and how many studies this review's own searches brought."""
    with in_review(as_json, review) as run:
        with run.store.read() as session:
            records = gold.list_gold(session, run.review.id)
            known = list_known(session, run.review.id, records)
        own = {each.number for each in known if each.origin == OWN_SEARCH}
        lists = [
            {
                "list": name,
                "studies": len(items),
                "search_uses": sorted({item.search_use for item in items}),
                "ranking_uses": sorted({item.ranking_use for item in items}),
                "from_own_searches": sum(item.id in own for item in items),
            }
            for name, items in _by_list(records).items()
        ]

        def show(screen: Console) -> None:
            for name, items in _by_list(records).items():
                uses = ", ".join(SEARCH_USES[use] for use in sorted({i.search_use for i in items}))
                brought = sum(item.id in own for item in items)
                screen.print(
                    f"{name}: {count_noun(len(items), 'known study', 'known studies')} ({uses})"
                    + (f", {brought} found by this review's own searches" if brought else ""),
                    markup=False,
                )
            if not records:
                screen.print("The review has no known studies. Add some: winnow known add FILE")

        run.output.result({"review": run.review.slug, "lists": lists}, show)


def _by_list(records: list[gold.GoldInfo]) -> dict[str, list[gold.GoldInfo]]:
    lists: dict[str, list[gold.GoldInfo]] = {}
    for record in records:
        lists.setdefault(record.list_name, []).append(record)
    return lists
