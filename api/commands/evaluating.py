"""winnow evaluate."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
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
from api.services import comparing, evaluation, search_check
from api.services.ranking import Ranker
from harvest.errors import SourceError
from harvest.http import masked
from model.breakdown import Kind
from model.evaluate import Estimate, ScreeningRecall, SearchRecall
from store import strategies as stored
from store.session import ReadSession


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
    at: Annotated[
        list[int] | None,
        typer.Option(min=1, help="Recall after so many records, too; repeatable."),
    ] = None,
    against: Annotated[
        bool,
        typer.Option(help="Beside replays by the default pipeline and by ELAS u4; takes a while."),
    ] = False,
    plot: Annotated[Path | None, typer.Option(help="Write an SVG plot to this file.")] = None,
    review: ReviewOption = None,
    actor: AsOption = None,
    as_json: Json = False,
) -> None:
    """Measure search recall and screening recall against known relevant records."""
    if search:
        if gold is not None or includes or plot is not None or at or against:
            raise typer.BadParameter("--search reads the review's own gold list; no other option.")
        _search_only(review, actor, lookup=lookup, as_json=as_json)
        return
    with command(as_json, file=gold) as output:
        chosen = settings()
        with opened(chosen) as store:
            with store.read() as session:
                found = find_review(session, review)
                result = _evaluated(
                    session,
                    found.id,
                    gold,
                    includes=includes,
                    uses=(search_use, ranking_use),
                    depths=at or (),
                )
            beside = None
            if against and result.screening.relevant:
                with output.progress("replaying") as progress:
                    beside = comparing.compare(
                        Ranker(store, chosen), store, found.id, result.matches, progress=progress
                    )
        if plot is not None:
            plot.write_text(plots.recall(result.screening, beside), encoding="utf-8")
        data = {"review": found.slug, **evaluation.as_json(result)}
        data["against"] = None if beside is None else comparing.as_json(beside)
        output.result(data, lambda screen: _show(screen, result, beside))


def _evaluated(
    session: ReadSession,
    review_id: int,
    gold: Path | None,
    *,
    includes: bool,
    uses: tuple[str, str],
    depths: Sequence[int],
) -> evaluation.Evaluation:
    """Against the review's list, its own includes, or a file."""
    if includes:
        own = evaluation.own_includes(session, review_id)
        name = "this review's own includes"
        result = evaluation.evaluate(session, review_id, brought=own, list_name=name, depths=depths)
    elif gold is None:
        result = evaluation.evaluate(session, review_id, depths=depths)
    else:
        with gold.open("rb") as stream:
            brought, sha256 = evaluation.gold_file(stream, search_use=uses[0], ranking_use=uses[1])
        result = evaluation.evaluate(
            session,
            review_id,
            brought=brought,
            brought_sha256=sha256,
            list_name=gold.name,
            depths=depths,
        )
    if result.records == 0:
        raise Refused(
            "There is no known relevant record to evaluate against.",
            remedy="Bring a list with --gold FILE, or import one with --labels gold.",
        )
    return result


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


def _show(screen: Console, result: evaluation.Evaluation, beside: comparing.Beside | None) -> None:
    screen.print(f"Against {result.list_name}: {result.records} known relevant records")
    screen.print(f"Order of the unread: {result.order}")
    _show_search(screen, result.search)
    _show_screening(screen, result.screening, beside)
    _show_kinds(screen, result.kinds)
    _show_drift(screen, result.drift)


def _show_kinds(screen: Console, kinds: Sequence[Kind]) -> None:
    if not kinds:
        return
    table = Table("kind", "", "search holds", "order: found", "after 10 %", "mean place", "")
    for attribute, own in itertools.groupby(kinds, key=lambda kind: kind.attribute):
        for number, kind in enumerate(own):
            behind = [
                word
                for word, yes in (("search", kind.search_behind), ("order", kind.order_behind))
                if yes
            ]
            table.add_row(
                attribute if number == 0 else "",
                kind.value,
                f"{kind.held} of {kind.counted}",
                f"{kind.found} of {kind.relevant}",
                _percent(kind.recall_at.get("10%")),
                _percent(kind.mean_place),
                f"behind the rest: {', '.join(behind)}" if behind else "",
            )
    screen.print()
    screen.print(table, markup=False)


def _show_drift(screen: Console, drift: evaluation.Drift) -> None:
    if drift.bands:
        last = drift.bands[-1]
        screen.print(
            f"\nAfter {last.share:.0%} of the records recall is {last.recall:.1%}; in like replays "
            f"{last.middle:.1%} (four of five: {last.low:.1%} to {last.high:.1%})"
            + ("; this review is BELOW what nine of ten had" if last.below else "")
        )
    if drift.foreseen:
        told = drift.foreseen
        screen.print(
            f"In {told.records} records checked the rankings expected {told.expected:.0f} "
            f"relevant ones, {told.found} came (95 of 100: {told.low} to {told.high})"
            + ("; the ranking's expectations are OFF" if told.off else "")
        )


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


def _estimate(found: Estimate) -> str:
    return f"{found.value:.1%} ({found.low:.1%} to {found.high:.1%})"


def _show_screening(
    screen: Console, found: ScreeningRecall, beside: comparing.Beside | None
) -> None:
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
    if not found.relevant or found.wss95 is None or found.atd is None:
        return
    others = list(beside.orders) if beside else []
    table = Table("records read", "recall (95 % interval)", "random order", *others)
    for depth, recall in found.recall_at.items():
        replayed = [f"{beside.recall_at(name, depth):.1%}" for name in others] if beside else []
        table.add_row(depth, _estimate(recall), _percent(recall.random), *replayed)
    screen.print(table)
    if beside:
        screen.print(f"  {comparing.NOTE}")
    screen.print(f"  WSS@95 {_estimate(found.wss95)}, WSS@100 {_percent(found.wss100)}")
    screen.print(
        f"  one is reached after {_estimate(found.atd)} of the records on average "
        f"(ATD; random {_percent(found.atd.random)})"
    )
    screen.print(
        f"  95 % reached after {found.reads_to_95} records, 100 % after {found.reads_to_100} "
        f"of {found.reports}"
    )
    if found.late:
        screen.print(
            "  not read yet, the last first (`winnow explain REPORT` says why): "
            + ", ".join(
                f"report {late.report_id} at place {late.place}" for late in found.late[:20]
            )
        )
