"""The strategy of a review: saved, shown, counted at the sources, its losses settled."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

import typer
from pydantic import TypeAdapter
from rich.console import Console
from rich.table import Table

from api.commands.output import AsOption, Json, ReviewOption, acting, command, in_review
from api.commands.strategy_files import FileArgument, LineOption, read_text
from api.services.searching import accepting, counting, sources, strategies
from api.services.searching.accepting import NewReplacement
from api.services.searching.counting import CountProblem, SourceCount
from api.services.searching.strategies import CountedLine, StrategyDraft
from api.wording import count_noun
from harvest.strategy.toml import from_dict
from harvest.strategy.tree import Acceptance
from store.searching.strategies import Hits, NewAcceptance, list_hits

_LINES = TypeAdapter(list[CountedLine])
_ACCEPTANCES = TypeAdapter(list[Acceptance])
_COUNTS = TypeAdapter(list[SourceCount])
_PROBLEMS = TypeAdapter(list[CountProblem])


def save(
    file: FileArgument,
    line: LineOption = None,
    reason: Annotated[str | None, typer.Option(help="Why it was changed.")] = None,
    peer_review: Annotated[
        str | None, typer.Option(help="How it was peer reviewed (PRESS): by whom, when.")
    ] = None,
    yes: Annotated[
        bool,
        typer.Option(
            "--yes",
            help="Save even if known studies then count as having shaped the search.",
        ),
    ] = False,
    review: ReviewOption = None,
    actor: AsOption = None,
    as_json: Json = False,
) -> None:
    """Save a strategy as a new version of the review's strategy."""
    with command(as_json, file=file):
        body = strategies.read_body(read_text(file), file.suffix, use=line)
    draft = StrategyDraft(body, reason=reason, peer_review=peer_review, confirm=yes)
    with acting(as_json, review, actor, file=file) as act:
        saved = strategies.save_strategy(act.store, act.review.id, draft, person_id=act.person.id)
        version, turned = saved.info.version, saved.turned
        end = f"; {_shaped(turned)}." if turned else "."
        with act.store.read() as session:
            warnings = strategies.list_limit_warnings(session, act.review.id, from_dict(body))

        def show_saved(console: Console) -> None:
            console.print(
                f"Version {version} of the strategy of {act.review.slug} is saved{end}",
                markup=False,
            )
            _print_warnings(console, warnings)

        act.output.result(
            {
                "review": act.review.slug,
                "version": version,
                "lines": len(from_dict(body).lines),
                "development": turned,
                "acceptances_carried": sum(a.carried for a in saved.info.acceptances),
                "limit_warnings": warnings,
            },
            show_saved,
        )


def _print_warnings(console: Console, warnings: Sequence[str]) -> None:
    for warning in warnings:
        console.print(f"Look at: {warning}", markup=False)


def show(
    version: Annotated[int | None, typer.Option(help="Version (default: the newest).")] = None,
    review: ReviewOption = None,
    as_json: Json = False,
) -> None:
    """Show a review's saved strategy with its hits and accepted losses."""
    with in_review(as_json, review) as act:
        with act.store.read() as session:
            current = strategies.get_current(session, act.review.id, version)
            counted = list_hits(session, current.info.id)
            warnings = strategies.list_limit_warnings(session, act.review.id, current.strategy)
        strategy = current.strategy
        lines = strategies.list_counted_lines(strategy, counted)
        result = {
            "review": act.review.slug,
            "version": current.info.version,
            "use": strategies.line_name(strategy.use),
            "lines": _LINES.dump_python(lines, mode="json"),
            "peer_review": current.info.peer_review,
            "limit_warnings": warnings,
            "acceptances": _ACCEPTANCES.dump_python(list(strategy.acceptances), mode="json"),
        }

        def show_version(console: Console) -> None:
            console.print(f"Version {current.info.version}", style="bold")
            for item in strategy.lines.values():
                mark = "→" if item.name == strategy.use else " "
                console.print(f"{mark} #{item.name}: {item.text}", markup=False)
                numbers = _numbers([hits for hits in counted if hits.line == item.name])
                if numbers:
                    console.print(f"    hits: {numbers}", markup=False)
            for accepted in strategy.acceptances:
                console.print(
                    f"accepted at {accepted.source}: {accepted.kind} "
                    f"{accepted.leaf or '(all)'}: {accepted.reason}",
                    markup=False,
                )
            _print_warnings(console, warnings)

        act.output.result(result, show_version)


def _shaped(turned: int) -> str:
    verb = "counts" if turned == 1 else "count"
    return f"{count_noun(turned, 'known study', 'known studies')} now {verb} as having shaped it"


def _numbers(counted: list[Hits]) -> str:
    return ", ".join(f"{hits.source} {_hits(hits.hits, hits.at_most)}" for hits in counted)


def _hits(hits: int | None, at_most: bool) -> str:
    if hits is None:
        return "cannot be counted"
    return f"at most {hits:,}" if at_most else f"{hits:,}"


def _with_noun(hits: int | None, at_most: bool) -> str:
    if hits is None:
        return "hits that cannot be counted"
    return f"{_hits(hits, at_most)} {'hit' if hits == 1 else 'hits'}"


def hits(
    source: Annotated[
        list[str] | None, typer.Option("--source", help="Source; repeatable (default: all).")
    ] = None,
    review: ReviewOption = None,
    as_json: Json = False,
) -> None:
    """Count the hits of each line at the sources, and what fetching everything would cost.

    A source that does not answer stops no other; the exit code is then 1.
    """
    with in_review(as_json, review) as act:
        with act.store.read() as session:
            current = strategies.get_current(session, act.review.id)
        counts: list[SourceCount] = []
        problems: list[CountProblem] = []
        with sources.open_sources(act.settings) as asked:
            for name in source or list(act.settings.sources):
                with act.output.progress(f"asking {name}") as progress:
                    counted = counting.count_or_explain(
                        act.store, asked, current, name, progress=progress
                    )
                if isinstance(counted, CountProblem):
                    problems.append(counted)
                else:
                    counts.append(counted)
        result: dict[str, Any] = {
            "review": act.review.slug,
            "version": current.info.version,
            "sources": _COUNTS.dump_python(counts, mode="json"),
            "problems": _PROBLEMS.dump_python(problems, mode="json"),
        }

        def show_counts(console: Console) -> None:
            for count in counts:
                _show_count(console, count)
            for problem in problems:
                console.print(f"{problem.source} was not counted: {problem.message}", markup=False)

        act.output.result(result, show_counts)
        if problems:
            raise typer.Exit(1)


def _show_count(console: Console, count: SourceCount) -> None:
    table = Table("line", "hits", "note", title=count.source)
    for line in count.lines:
        table.add_row(f"#{line.number}", _hits(line.hits, line.at_most), line.problem or "")
    console.print(table)
    whole = count.whole
    summary = (
        f"Line #{whole.line}: {_with_noun(whole.hits, whole.at_most)}; about "
        f"{count_noun(whole.requests, 'request')} and {whole.minutes:g} "
        f"{'minute' if whole.minutes == 1 else 'minutes'} at the source's pace"
    )
    if whole.cost_usd is not None:
        summary += f", ${whole.cost_usd:g} of ${whole.budget_usd:g} a day"
    console.print(f"{summary}.", markup=False)
    for lost in count.lost:
        state = "accepted" if lost.accepted else "needs you"
        console.print(
            f"  {lost.kind}: {count_noun(lost.leaves, 'term')}, on their own "
            f"{_with_noun(lost.hits, False)} at PubMed ({state})",
            markup=False,
        )
    for warning in count.warnings:
        console.print(f"  {warning.kind}: {warning.phrase}", markup=False)
    if count.key_needed:
        console.print(f"  A key is needed: {count.key_needed}", markup=False)


def replace_leaf(
    leaf: Annotated[str, typer.Argument(help="The term as `winnow strategy render` lists it.")],
    other: Annotated[
        str, typer.Option("--with", help="What to search there instead, in PubMed's syntax.")
    ],
    source: Annotated[str, typer.Option(help="The source at which it is replaced.")],
    reason: Annotated[str, typer.Option(help="Why.")] = "",
    review: ReviewOption = None,
    actor: AsOption = None,
    as_json: Json = False,
) -> None:
    """Replace a term at one source; this makes a new version."""
    with acting(as_json, review, actor) as act:
        replacement = NewReplacement(source=source, leaf=leaf, other=other, reason=reason)
        replaced = accepting.replace_leaf(
            act.store, act.review.id, replacement, person_id=act.person.id
        )
        act.output.result(
            {
                "review": act.review.slug,
                "version": replaced.version,
                "blocked": replaced.blocked,
            },
            lambda console: console.print(
                f"Version {replaced.version}: {leaf} is {other} at {source}.", markup=False
            ),
        )


def accept(
    source: Annotated[str, typer.Option(help="The source.")],
    kind: Annotated[str, typer.Option(help="Kind of loss or warning, as Winnow lists it.")],
    reason: Annotated[str, typer.Option(help="Why it is harmless; shown in the search log.")],
    leaf: Annotated[
        str | None, typer.Option(help="One term or phrase (default: all of the kind).")
    ] = None,
    review: ReviewOption = None,
    actor: AsOption = None,
    as_json: Json = False,
) -> None:
    """Accept in writing what a source loses or changes."""
    with acting(as_json, review, actor) as act:
        acceptance = NewAcceptance(source=source, kind=kind, leaf=leaf, reason=reason)
        accepted = accepting.accept_losses(
            act.store, act.review.id, acceptance, person_id=act.person.id
        )
        terms = "1 term" if accepted.accepted == 1 else f"{accepted.accepted} terms"
        act.output.result(
            {
                "review": act.review.slug,
                "version": accepted.version,
                "accepted": accepted.accepted,
                "blocked": accepted.blocked,
            },
            lambda console: console.print(
                f"Accepted for version {accepted.version} at {source}: {kind}, {terms}."
                + (" Other losses still block." if accepted.blocked else ""),
                markup=False,
            ),
        )
