"""winnow evaluate."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

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
from api.documents import plots
from api.services import evaluation, search_check
from harvest.errors import SourceError
from harvest.http import masked
from model.evaluate import ScreeningRecall, SearchRecall
from store import strategies as stored


def evaluate(
    gold: Annotated[
        Path | None, typer.Option(help="Labelled file or list; default the review's gold list.")
    ] = None,
    includes: Annotated[
        bool, typer.Option("--includes", help="Against this review's own includes, instead.")
    ] = False,
    search_use: Annotated[
        str, typer.Option(help="Of a --gold file: development or validation.")
    ] = "validation",
    ranking_use: Annotated[
        str, typer.Option(help="Of a --gold file: seed or held_out.")
    ] = "held_out",
    search: Annotated[
        bool, typer.Option("--search", help="The search alone: by source, with what was missed.")
    ] = False,
    lookup: Annotated[
        bool, typer.Option(help="With --search: ask each source for each missed record.")
    ] = True,
    plot: Annotated[Path | None, typer.Option(help="Write an SVG plot to this file.")] = None,
    review: ReviewOption = None,
    actor: AsOption = None,
    as_json: Json = False,
) -> None:
    """Measure search recall and screening recall against known relevant records."""
    if search:
        if gold is not None or includes or plot is not None:
            raise typer.BadParameter("--search reads the review's own gold list; no other option.")
        _search_only(review, actor, lookup=lookup, as_json=as_json)
        return
    with command(as_json, file=gold) as output, opened() as store, store.read() as session:
        found = find_review(session, review)
        if includes:
            own = evaluation.own_includes(session, found.id)
            result = evaluation.evaluate(
                session, found.id, brought=own, list_name="this review's own includes"
            )
        elif gold is None:
            result = evaluation.evaluate(session, found.id)
        else:
            with gold.open("rb") as stream:
                brought, sha256 = evaluation.gold_file(
                    stream,
                    search_use=search_use,
                    ranking_use=ranking_use,
                )
            result = evaluation.evaluate(
                session, found.id, brought=brought, brought_sha256=sha256, list_name=gold.name
            )
        if result.records == 0:
            raise Refused(
                "There is no known relevant record to evaluate against.",
                remedy="Bring a list with --gold FILE, or import one with --labels gold.",
            )
        if plot is not None:
            plot.write_text(plots.recall(result.screening), encoding="utf-8")
        data = {"review": found.slug, **evaluation.as_json(result)}
        output.result(data, lambda screen: _show(screen, result))


def _search_only(review: str | None, actor: str | None, *, lookup: bool, as_json: bool) -> None:
    """The gold check of the search; showing the missed is noted, since a searcher learns by it."""
    with command(as_json) as output:
        chosen = settings()
        with opened(chosen) as store:
            with store.read() as session:
                person = find_person(session, actor)
                found = find_review(session, review)
                before = search_check.check(session, found.id)
            if before.records == 0:
                raise Refused(
                    "There is no known relevant record to evaluate against.",
                    remedy="Import a list with --labels gold, or add one in the browser.",
                )
            problem = None
            if lookup and before.missed:
                with output.progress("asking the sources") as progress:
                    try:
                        search_check.look_up(store, chosen, found.id, progress=progress)
                    except SourceError as error:
                        problem = masked(f"{error.message} {error.remedy}")
            with store.write() as session:
                result = search_check.check(session, found.id)
                shown = [m.info.id for m in result.missed]
                stored.note_opened(session, found.id, shown, person_id=person.id)
        data = {"review": found.slug, "problem": problem, **search_check.as_json(result)}
        output.result(data, lambda screen: _show_check(screen, result, problem))


def _show_check(screen: Console, found: search_check.Check, problem: str | None) -> None:
    for use in found.uses:
        screen.print(f"Known relevant records, use: {use.use}", style="bold")
        if use.note:
            screen.print(f"  {use.note}")
        for name, share in (*use.sources.items(), ("all together", use.union)):
            words = f"  {name}: {_percent(share.recall)} ({share.found} of {share.counted})"
            if share.interval and not use.note:
                words += f", {share.interval[0]:.1%} to {share.interval[1]:.1%}"
            screen.print(words, markup=False)
        if not use.note:
            screen.print(f"  {search_check.SAMPLE_NOTE}")
        if use.not_matched or use.out_of_scope:
            screen.print(
                f"  not counted: {use.not_matched} that cannot be told, {use.out_of_scope} out "
                "of the review's limits"
            )
    if problem:
        screen.print(f"Not all sources could be asked: {problem}", markup=False)
    for item in found.missed:
        screen.print(f"\nmissed: {item.info.title or item.info.doi}", markup=False)
        if item.text_rejected_by:
            lines = ", ".join(f"#{line}" for line in item.text_rejected_by)
            screen.print(f"  the listed text is kept out by {lines}", markup=False)
        for name in item.filtered_at:
            screen.print(f"  {name}: {search_check.FILTERED}", markup=False)
        for name, told in item.lookups.items():
            lines = ", ".join(f"#{line}" for line in told.rejected_by)
            words = f"  {name}: {told.state}" + (f", kept out by {lines}" if lines else "")
            screen.print(words, markup=False)
    if any(item.info.search_use == "validation" for item in found.missed):
        screen.print(
            "\nWho saves a new strategy version now makes the records listed here development "
            "records: recall from them is no estimate from that version on."
        )


def _show(screen: Console, result: evaluation.Evaluation) -> None:
    screen.print(f"Against {result.list_name}: {result.records} known relevant records")
    screen.print(f"Order of the unread: {result.order}")
    _show_search(screen, result.search)
    _show_screening(screen, result.screening)


def _percent(value: float | None) -> str:
    return "–" if value is None else f"{value:.1%}"


def _show_search(screen: Console, search: SearchRecall) -> None:
    screen.print()
    if search.recall is not None:
        screen.print(
            f"Search recall {_percent(search.recall)} ({search.found} of {search.counted})"
        )
    else:
        screen.print(f"Search: {search.note}")
        screen.print(f"  {search.found} of {search.counted} are among the review's records")
    if search.out_of_scope or search.undated:
        screen.print(
            f"  {search.out_of_scope} out of scope (not counted), "
            f"{search.undated} without a year (counted, check them)"
        )
    for match in search.missing[:20]:
        screen.print(f"  missing: {match.known.title or match.known.doi}", markup=False)
    for match in search.not_matched[:20]:
        screen.print(
            f"  not matched: {match.known.title or match.known.doi} ({match.how})", markup=False
        )


def _show_screening(screen: Console, found: ScreeningRecall) -> None:
    screen.print()
    if found.note:
        screen.print(f"Screening: {found.note}")
    screen.print(
        f"Screening: {found.relevant} held-out known relevant records among {found.reports} "
        f"(seeds left out: {found.seeds}; out of scope: {found.out_of_scope}; "
        f"without a year: {found.undated}; not among the records: {found.unplaced})"
    )
    screen.print(
        f"  read so far {found.read}, found {found.found}, excluded by the team "
        f"{len(found.excluded)}"
    )
    if not found.relevant:
        return
    table = Table("records read", "recall")
    for depth, recall in found.recall_at.items():
        table.add_row(depth, _percent(recall))
    screen.print(table)
    screen.print(f"  WSS@95 {_percent(found.wss95)}, WSS@100 {_percent(found.wss100)}")
    screen.print(
        f"  95 % reached after {found.reads_to_95} records, 100 % after {found.reads_to_100} "
        f"of {found.reports}"
    )
