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
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from api.commands.output import (
    AsOption,
    Json,
    Output,
    Refused,
    ReviewOption,
    command,
    find_person,
    find_review,
    opened,
    settings,
)
from api.services import harvesting, sources
from api.settings import Settings
from api.wake import wake
from store import records, runs
from store.runs import RunInfo
from store.session import Store

app = typer.Typer(help="Search public sources with the review's strategy.", no_args_is_help=True)

RunArgument = Annotated[
    int | None, typer.Argument(help="Number of the run; default all open ones.")
]


@app.command("sources")
def list_sources(as_json: Json = False) -> None:
    """List the sources, what each needs, and on which terms."""
    with command(as_json) as output:
        found = sources.listed(settings())

        def show(console: Console) -> None:
            for item in found:
                needs = item["needs"]
                console.print(f"{item['name']}: {item['title']}, {item['platform']}", style="bold")
                console.print(f"  {item['base_url']}", markup=False)
                if needs["key_from"] and not needs["key_set"]:
                    console.print(f"  key: none set; {needs['key_from']}", markup=False)
                console.print(f"  {needs['without_key']}", markup=False)
                for name, word in item["terms"].items():
                    console.print(f"  {name.replace('_', ' ')}: {word}", markup=False)

        output.result({"sources": found}, show)


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


def _walk_all(
    output: Output, store: Store, chosen: Settings, run_ids: Sequence[int]
) -> list[RunInfo]:
    """Walk runs side by side, a bar for each."""
    with store.read() as session:
        names = {number: runs.by_id(session, number).source for number in run_ids}
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.completed:,.0f} of {task.total:,.0f}"),
        TimeRemainingColumn(),
    )
    with (
        _stoppable() as stop,
        Progress(*columns, console=output.console, transient=True) as bars,
        ThreadPoolExecutor(max(1, len(run_ids))) as pool,
    ):

        def one(number: int) -> RunInfo:
            task = bars.add_task(names[number], total=0)

            def progress(done: int, total: int | None) -> None:
                bars.update(task, completed=done, total=total or 0)

            return harvesting.walk(store, chosen, number, stop=stop, progress=progress)

        ended = list(pool.map(one, run_ids))
    wake(store, chosen.data_dir)
    return ended


def _result(output: Output, review: str, ended: Sequence[RunInfo]) -> None:
    output.result(
        {"review": review, "runs": [harvesting.as_json(run) for run in ended]},
        lambda console: _show(console, ended),
    )
    if any(run.state != "complete" or run.held for run in ended):
        raise typer.Exit(1)


def _show(console: Console, found: Sequence[RunInfo]) -> None:
    for run in found:
        state = f"{run.state}, held" if run.held else run.state
        console.print(
            f"Run {run.id}, {run.source}, strategy version {run.version}, line #{run.line}: "
            f"{state}",
            markup=False,
            style="bold",
        )
        most = "at most " if run.at_most else ""
        reported = "not asked yet" if run.reported is None else f"{most}{run.reported:,}"
        console.print(
            f"  reported {reported}; received {run.received:,} on {run.pages:,} pages = "
            f"{run.new:,} new + {run.changed:,} changed + {run.same:,} held already + "
            f"{run.filtered:,} filtered + {run.rejected:,} rejected"
            + (f" ({run.missing:,} of them listed and not given)" if run.missing else "")
            + f"; {run.unique:,} different records",
            markup=False,
        )
    for run in found:
        if run.state != "complete" and run.stop_reason:
            console.print(f"Run {run.id}: {run.stop_reason}", markup=False)
        for problem in run.problems:
            console.print(f"Run {run.id}, {problem}", markup=False)
        if run.state == "incomplete":
            console.print(
                f"Run {run.id} is incomplete: {run.shortfall:,} of {run.reported or 0:,} hits did "
                f"not come; run it again later (`winnow harvest run --source {run.source}`).",
                markup=False,
            )
        if run.pooled:
            console.print(
                f"Run {run.id}: its records wait in the pool, since it was run after the search "
                "freeze date (`winnow pool show`).",
                markup=False,
            )
        if run.held:
            console.print(
                f"Run {run.id} is held: {len(run.gold_filtered)} known relevant records are among "
                "the filtered. Mend the strategy, or accept it: "
                f"`winnow harvest release {run.id} --reason TEXT`.",
                markup=False,
            )


@app.command("run")
def run(
    source: Annotated[
        list[str] | None, typer.Option("--source", help="Source; may be repeated; default all.")
    ] = None,
    line: Annotated[
        str | None, typer.Option("--line", help="Line that is run, in place of the strategy's.")
    ] = None,
    review: ReviewOption = None,
    actor: AsOption = None,
    as_json: Json = False,
) -> None:
    """Search sources with the newest strategy version and fetch everything."""
    with command(as_json) as output:
        chosen = settings()
        with opened(chosen) as store:
            with store.read() as session:
                person = find_person(session, actor)
                found = find_review(session, review)
            run_ids = harvesting.begin(
                store,
                chosen,
                found.id,
                *(source or chosen.sources),
                person_id=person.id,
                person=person.name,
                line=line,
            )
            ended = _walk_all(output, store, chosen, run_ids)
        _result(output, found.slug, ended)


@app.command("resume")
def resume(run_id: RunArgument = None, review: ReviewOption = None, as_json: Json = False) -> None:
    """Go on with runs that were interrupted, stopped, blocked or failed."""
    with command(as_json) as output:
        chosen = settings()
        with opened(chosen) as store:
            with store.read() as session:
                found = find_review(session, review)
                listed = runs.everything(session, found.id)
                if run_id is not None:
                    listed = [runs.by_id(session, run_id, found.id)]
            chosen_ids = [run.id for run in listed if run_id or run.state in runs.OPEN]
            if not chosen_ids:
                raise Refused("No run waits to be resumed.", remedy="See `winnow harvest status`.")
            ended = _walk_all(output, store, chosen, chosen_ids)
        _result(output, found.slug, ended)


@app.command("status")
def status(review: ReviewOption = None, as_json: Json = False) -> None:
    """Show all runs with their reconciliation."""
    with command(as_json) as output, opened() as store, store.read() as session:
        found = find_review(session, review)
        listed = runs.everything(session, found.id)
        output.result(
            {"review": found.slug, "runs": [harvesting.as_json(run) for run in listed]},
            lambda console: (
                _show(console, listed) if listed else console.print("No source was searched yet.")
            ),
        )


@app.command("replay")
def replay(
    run_id: Annotated[int, typer.Argument(help="Number of the run.")],
    review: ReviewOption = None,
    actor: AsOption = None,
    as_json: Json = False,
) -> None:
    """Read a run's stored pages again with the parser as it is now; asks no source."""
    with command(as_json) as output:
        chosen = settings()
        with opened(chosen) as store:
            with store.read() as session:
                person = find_person(session, actor)
                found = find_review(session, review)
                info = runs.by_id(session, run_id, found.id)
            with output.progress("reading pages again") as progress:
                done = harvesting.replay(
                    store, chosen, info, person_id=person.id, progress=progress
                )
            wake(store, chosen.data_dir)
        output.result(
            {"review": found.slug, "run": run_id, **asdict(done)},
            lambda console: console.print(
                f"{done.pages} pages read again: {done.records:,} records, {done.rejected:,} "
                f"rejected; {done.mended:,} say something else than before; {done.unreadable} "
                "pages cannot be read."
            ),
        )


@app.command("release")
def release(
    run_id: Annotated[int, typer.Argument(help="Number of the run.")],
    reason: Annotated[str, typer.Option(help="Why; it stands in the search log.")],
    review: ReviewOption = None,
    actor: AsOption = None,
    as_json: Json = False,
) -> None:
    """Let in the records of a run that is held, or that will not be ended."""
    with command(as_json) as output:
        if not reason.strip():
            raise Refused("A release needs a reason.", remedy="Give one with --reason.")
        chosen = settings()
        with opened(chosen) as store:
            with store.write() as session:
                person = find_person(session, actor)
                found = find_review(session, review)
                runs.release(session, run_id, found.id, reason=reason.strip(), person_id=person.id)
                info = runs.by_id(session, run_id)
            wake(store, chosen.data_dir)
        output.result(
            {"review": found.slug, "run": harvesting.as_json(info)},
            lambda console: console.print(f"The records of run {run_id} are in the queue."),
        )


@app.command("filtered")
def filtered(
    run_id: Annotated[int | None, typer.Option("--run", help="Of one run; default all.")] = None,
    sample: Annotated[int, typer.Option(min=1, help="How many are drawn at random.")] = 20,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the draw.")] = 0,
    review: ReviewOption = None,
    as_json: Json = False,
) -> None:
    """Draw a random sample of the filtered records, to be read."""
    with command(as_json) as output, opened() as store, store.read() as session:
        found = find_review(session, review)
        number, drawn = records.sample_of_filtered(
            session, found.id, size=sample, seed=seed, run_id=run_id
        )
        chosen = [records.by_id(session, found.id, record_id) for record_id in drawn]
        result: dict[str, Any] = {
            "review": found.slug,
            "filtered": number,
            "seed": seed,
            "records": [
                {
                    "id": item.id,
                    "source": item.source,
                    "source_id": item.source_id,
                    "title": item.record.title,
                    "abstract": item.record.abstract,
                }
                for item in chosen
            ],
        }

        def show(console: Console) -> None:
            console.print(f"{number:,} records are filtered; {len(chosen)} drawn with seed {seed}:")
            for item in chosen:
                console.print(f"\n[{item.source} {item.source_id}] ", markup=False, end="")
                console.print(item.record.title or "no title", markup=False, style="bold")
                console.print(item.record.abstract or "no abstract", markup=False)

        output.result(result, show)
