"""`winnow harvest`: public sources searched with the review's strategy."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict
from typing import Annotated, Any

import typer
from pydantic import TypeAdapter
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from api.commands.output import (
    NO_CONTACT,
    AsOption,
    InReview,
    Json,
    Refused,
    ReviewOption,
    acting,
    command,
    in_review,
    settings,
)
from api.schemas.searching import RunReport
from api.services.searching import harvesting, replaying, run_changes, run_starts, sources
from api.services.searching.filtered_records import draw_filtered_records
from api.services.searching.harvesting import WalkOptions
from api.services.searching.sources import SourceInfo
from api.wording import count_noun, name_run_state
from store.searching.runs import runs
from store.searching.runs.runs import RunInfo

app = typer.Typer(help="Search public sources with the review's strategy.", no_args_is_help=True)

RunArgument = Annotated[
    int | None, typer.Argument(help="Number of the run (default: all open runs).")
]
_SOURCES = TypeAdapter(list[SourceInfo])


@app.command("sources")
def list_sources(as_json: Json = False) -> None:
    """List the sources, what each needs, and its terms."""
    with command(as_json) as output:
        listed = sources.list_sources(settings())

        def show(console: Console) -> None:
            for source in listed:
                needs = source.needs
                console.print(f"{source.name}: {source.title}, {source.platform}", style="bold")
                console.print(f"  {source.base_url}", markup=False)
                if needs.key_set:
                    console.print("  key: set")
                elif needs.key_from:
                    console.print(f"  key: none set; {needs.key_from}", markup=False)
                console.print(f"  {needs.without_key}", markup=False)
                for name, term in source.terms.items():
                    console.print(f"  {name.replace('_', ' ')}: {term}", markup=False)

        output.result({"sources": _SOURCES.dump_python(listed, mode="json")}, show)


@contextmanager
def _stoppable() -> Iterator[threading.Event]:
    """An event that Ctrl-C sets: the page under way is stored, then the runs stop."""
    stop = threading.Event()

    def handler(_number: int, _frame: object) -> None:
        stop.set()

    before = {number: signal.signal(number, handler) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, old in before.items():
            signal.signal(number, old)


def _walk_all(act: InReview, run_ids: Sequence[int]) -> list[RunInfo]:
    """Walk runs next to each other, with a bar for each."""
    with act.store.read() as session:
        names = {run_id: runs.get_run(session, run_id).source for run_id in run_ids}
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.completed:,.0f} of {task.total:,.0f}"),
        TimeRemainingColumn(),
    )
    with (
        _stoppable() as stop,
        Progress(*columns, console=act.output.console, transient=True) as bars,
        ThreadPoolExecutor(max(1, len(run_ids))) as threads,
    ):

        def walk(run_id: int) -> RunInfo:
            task = bars.add_task(names[run_id], total=0)

            def progress(done: int, total: int | None) -> None:
                bars.update(task, completed=done, total=total or 0)

            options = WalkOptions(stop=stop, progress=progress)
            return harvesting.walk_run(act.store, act.settings, run_id, options)

        ended = list(threads.map(walk, run_ids))
    act.wake()
    return ended


def _report(run: RunInfo) -> dict[str, Any]:
    """A run as JSON."""
    return RunReport.model_validate(run).model_dump(mode="json")


def _finish(act: InReview, ended: Sequence[RunInfo]) -> None:
    """Show runs, and exit with 1 unless all are complete."""
    act.output.result(
        {"review": act.review.slug, "runs": [_report(run) for run in ended]},
        lambda console: _show(console, ended),
    )
    if any(run.state != "complete" or run.held for run in ended):
        raise typer.Exit(1)


def _show(console: Console, shown: Sequence[RunInfo]) -> None:
    for run in shown:
        state = name_run_state(run.state, run.shortfall) + (", waits" if run.held else "")
        console.print(
            f"Run {run.id}, {run.source}, strategy version {run.version}, line #{run.line}: "
            f"{state}",
            markup=False,
            style="bold",
        )
        console.print(f"  {_reconciliation(run)}", markup=False)
    for run in shown:
        for remark in _remarks(run):
            console.print(remark, markup=False)


def _reconciliation(run: RunInfo) -> str:
    most = "at most " if run.at_most else ""
    reported = "not asked yet" if run.reported is None else f"{most}{run.reported:,}"
    return (
        f"reported {reported}; received {run.received:,} on "
        f"{count_noun(run.pages, 'page')} = "
        f"{run.new:,} new + {run.changed:,} changed + {run.same:,} known already + "
        f"{run.filtered:,} set aside + {run.rejected:,} unreadable"
        + (f" ({run.missing:,} of them listed but not sent)" if run.missing else "")
        + f"; {count_noun(run.unique, 'different record')}"
    )


def _remarks(run: RunInfo) -> Iterator[str]:
    """What a person should know or do about a run."""
    if run.state != "complete" and run.stop_reason:
        yield f"Run {run.id}: {run.stop_reason}"
    if run.state == "blocked":
        yield (
            f"To accept a change: `winnow strategy accept --source {run.source} --kind KIND "
            f"--leaf PHRASE --reason TEXT`, then `winnow harvest resume {run.id}`."
        )
    for entry in run.log:
        yield f"Run {run.id}, {entry}"
    for problem in run.problems:
        yield f"Run {run.id}, {problem}"
    if run.state == "incomplete" and run.shortfall:
        yield (
            f"Run {run.id} is incomplete: {run.shortfall:,} of {run.reported or 0:,} hits did "
            f"not arrive; search again later (`winnow harvest run --source {run.source}`)."
        )
    if run.pooled:
        yield (
            f"Run {run.id}: its records wait as incoming records, because it ran after the search "
            "freeze date (`winnow pool show`)."
        )
    if run.held:
        yield (
            f"Run {run.id} waits: known studies are among the records set aside "
            f"({len(run.gold_filtered)}). Improve the strategy and search again, or let the "
            f"run in: `winnow harvest release {run.id} --reason TEXT`."
        )


@app.command("run")
def run(
    source: Annotated[
        list[str] | None, typer.Option("--source", help="Source; repeatable (default: all).")
    ] = None,
    line: Annotated[
        str | None, typer.Option("--line", help="Line to run instead of the strategy's own.")
    ] = None,
    review: ReviewOption = None,
    actor: AsOption = None,
    as_json: Json = False,
) -> None:
    """Search sources with the newest strategy version and fetch everything."""
    with acting(as_json, review, actor) as act:
        names = list(source or act.settings.sources)
        run_ids = run_starts.start_runs(
            act.store, act.settings, act.review.id, *names, searcher=act.person, line=line
        )
        if not act.settings.harvest.contact:
            act.output.say(f"Contact address: {NO_CONTACT}.")
        with act.store.read() as session:
            advice = run_starts.list_key_advice(session, act.settings, act.review.id, names)
        for words in advice:
            act.output.say(words)
        _finish(act, _walk_all(act, run_ids))


@app.command("resume")
def resume(run_id: RunArgument = None, review: ReviewOption = None, as_json: Json = False) -> None:
    """Resume runs that were interrupted, stopped, blocked or failed."""
    with in_review(as_json, review) as act:
        with act.store.read() as session:
            if run_id is not None:
                run_ids = [runs.get_run(session, run_id, act.review.id).id]
            else:
                listed = runs.list_runs(session, act.review.id)
                run_ids = [run.id for run in listed if run.state in runs.OPEN]
        if not run_ids:
            raise Refused("No run can be resumed.", remedy="See `winnow harvest status`.")
        _finish(act, _walk_all(act, run_ids))


@app.command("status")
def status(review: ReviewOption = None, as_json: Json = False) -> None:
    """Show all runs: what was reported, received and stored."""
    with in_review(as_json, review) as act:
        with act.store.read() as session:
            listed = runs.list_runs(session, act.review.id)
        act.output.result(
            {"review": act.review.slug, "runs": [_report(run) for run in listed]},
            lambda console: (
                _show(console, listed)
                if listed
                else console.print("No source has been searched yet.")
            ),
        )


@app.command("replay")
def replay(
    run_id: Annotated[int, typer.Argument(help="Number of the run.")],
    review: ReviewOption = None,
    actor: AsOption = None,
    as_json: Json = False,
) -> None:
    """Read a run's stored pages again with today's parser, without asking the source."""
    with acting(as_json, review, actor) as act:
        with act.store.read() as session:
            replayed = runs.get_run(session, run_id, act.review.id)
        with act.output.progress("reading pages again") as progress:
            result = replaying.replay_run(
                act.store, act.settings, replayed, person_id=act.person.id, progress=progress
            )
        act.wake()
        act.output.result(
            {"review": act.review.slug, "run": run_id, **asdict(result)},
            lambda console: console.print(
                f"{count_noun(result.pages, 'page')} read again: "
                f"{count_noun(result.records, 'record')}, "
                f"{result.rejected:,} unreadable; {result.mended:,} are read differently now; "
                f"{count_noun(result.unreadable, 'page')} unreadable."
            ),
        )


@app.command("release")
def release(
    run_id: Annotated[int, typer.Argument(help="Number of the run.")],
    reason: Annotated[str, typer.Option(help="Why; shown in the search log.")],
    review: ReviewOption = None,
    actor: AsOption = None,
    as_json: Json = False,
) -> None:
    """Let in the records of a run that waits, or that will not be finished."""
    with acting(as_json, review, actor) as act:
        released = run_changes.release_run(
            act.store, act.review.id, run_id, reason=reason, person_id=act.person.id
        )
        act.wake()
        act.output.result(
            {"review": act.review.slug, "run": _report(released)},
            lambda console: console.print(f"The records of run {run_id} are in the queue."),
        )


@app.command("filtered")
def filtered(
    run_id: Annotated[
        int | None, typer.Option("--run", help="Only of this run (default: all).")
    ] = None,
    sample: Annotated[int, typer.Option(min=1, help="How many are drawn at random.")] = 20,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the draw.")] = 0,
    review: ReviewOption = None,
    as_json: Json = False,
) -> None:
    """Draw a random sample of the records set aside, for you to read."""
    with in_review(as_json, review) as act:
        with act.store.read() as session:
            drawn = draw_filtered_records(
                session, act.review.id, size=sample, seed=seed, run_id=run_id
            )
        result = {
            "review": act.review.slug,
            "filtered": drawn.total,
            "seed": seed,
            "records": [
                {
                    "id": item.id,
                    "source": item.source,
                    "source_id": item.source_id,
                    "title": item.record.title,
                    "abstract": item.record.abstract,
                }
                for item in drawn.records
            ],
        }

        def show(console: Console) -> None:
            console.print(
                f"Records set aside: {drawn.total:,}; drawn with seed {seed}: {len(drawn.records)}"
            )
            for item in drawn.records:
                console.print(f"\n[{item.source} {item.source_id}] ", markup=False, end="")
                console.print(item.record.title or "no title", markup=False, style="bold")
                console.print(item.record.abstract or "no abstract", markup=False)

        act.output.result(result, show)
