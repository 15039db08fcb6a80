"""winnow simulate: replays of finished reviews, and what they say of the pipelines."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from rich.console import Console
from rich.table import Table

from api import resources
from api.commands.output import Json, Output, Refused, command, settings
from api.documents import plots
from api.services import replaying
from api.services.encoding import encoder_of
from api.services.replaying import LabelledSet, RunLog, Task
from harvest.errors import UnreadableFile
from model.cache import VectorCache
from model.compare import Comparison, compare
from model.encode import Encoder, Vectors
from model.pipeline import Pipeline
from model.simulate import Plan, Run, Schedule

Start = Literal["priors", "question", "both"]
_RUNS, _SUMMARY = "runs.csv", "summary.csv"


def simulate_files(
    files: Annotated[list[Path], typer.Argument(help="Labelled CSV files (.csv, .csv.gz).")],
    pipeline: Annotated[
        list[str] | None,
        typer.Option(help="Pipeline by name or TOML file; repeatable. Default: default."),
    ] = None,
    base: Annotated[
        str | None, typer.Option(help="Compare with this one of them. Default: the last named.")
    ] = None,
    seeds: Annotated[int, typer.Option(min=1, help="Runs of each, with seeds 0 to N-1.")] = 1,
    jobs: Annotated[int, typer.Option(min=1, help="Runs at the same time.")] = 1,
    refit: Annotated[
        Schedule,
        typer.Option(help="After each label, or to 200 labels and then every 1 % of the records."),
    ] = "each",
    start: Annotated[
        Start,
        typer.Option(help="One relevant and one irrelevant record, the question, or both."),
    ] = "priors",
    questions: Annotated[
        Path | None, typer.Option(help="CSV of data_set,question; for --start question or both.")
    ] = None,
    fit_until: Annotated[
        int | None, typer.Option(min=1, help="Labels after which the order stays as it is.")
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            help="Folder for runs.csv, summary.csv and recall curves. Named again after an "
            "interruption, it is gone on with."
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Replay finished reviews: what would have been found when."""
    with command(as_json) as output:
        wanted = [resources.pipeline(name) for name in pipeline or ["default"]]
        beside = _base(wanted, base)
        asked = _questions(questions, start)
        sets = []
        for path in files:
            with command(as_json, file=path):
                sets.append(_with_question(path, asked, start))
        encoder = encoder_of(settings().encoder)
        tasks = [
            _task(data, each, plan, vectors=found, encoder=encoder)
            for data, found in _encoded(output, encoder, sets, wanted)
            for each in wanted
            for plan in _plans(data, seeds, refit=refit, start=start, fit_until=fit_until)
        ]
        log = None
        if out is not None:
            out.mkdir(parents=True, exist_ok=True)
            log = RunLog(out / _RUNS)
        with output.progress("replaying") as progress:
            runs = replaying.run_all(tasks, jobs=jobs, log=log, progress=progress)
        compared = compare(runs, base=beside)
        if out is not None:
            _write(out, runs, compared)
        output.result(
            {"runs": [_run_json(run) for run in runs], "compared": [asdict(c) for c in compared]},
            lambda screen: _show(screen, runs, compared, out),
        )


def _base(wanted: Sequence[Pipeline], named: str | None) -> str:
    names = [each.name for each in wanted]
    if named is not None and named not in names:
        raise Refused(
            f"{named} is none of the pipelines to replay: {', '.join(names)}.",
            remedy=f"Name it with --pipeline {named}, too.",
        )
    return named or names[-1]


def _questions(path: Path | None, start: Start) -> dict[str, str]:
    """Questions by the name of their data set."""
    if path is None:
        if start != "priors":
            raise Refused(
                f"--start {start} needs the reviews' questions.",
                remedy="Name a CSV with the columns data_set and question with --questions.",
            )
        return {}
    with path.open(encoding="utf-8-sig", newline="") as stream:
        lines = csv.DictReader(stream)
        if not {"data_set", "question"} <= set(lines.fieldnames or ()):
            raise UnreadableFile(
                f"{path.name} has no columns data_set and question.",
                remedy="Its first line must name both.",
            )
        return {line["data_set"]: line["question"] for line in lines if line["question"]}


def _with_question(path: Path, asked: Mapping[str, str], start: Start) -> LabelledSet:
    data = replaying.labelled_set(path)
    if start == "priors":
        return data
    if data.name not in asked:
        raise Refused(
            f"there is no question for {data.name}.",
            remedy="Add a line for it to the questions, or leave the file out.",
        )
    return replaying.asked(data, asked[data.name])


def _plans(
    data: LabelledSet, seeds: int, *, refit: Schedule, start: Start, fit_until: int | None
) -> list[Plan]:
    return [
        Plan(
            seed=seed,
            refit=refit,
            priors=start != "question",
            queries=() if start == "priors" else (len(data.y),),
            fit_until=fit_until,
        )
        for seed in range(seeds)
    ]


def _task(
    data: LabelledSet, pipeline: Pipeline, plan: Plan, *, vectors: Vectors | None, encoder: Encoder
) -> Task:
    prior = None
    if pipeline.needs_prior:
        identity = encoder.identity if pipeline.needs_encoder else None
        prior = resources.study_prior().for_encoder(identity)
    return Task(data, pipeline, plan, vectors if pipeline.needs_encoder else None, prior)


def _encoded(
    output: Output, encoder: Encoder, sets: Sequence[LabelledSet], wanted: Sequence[Pipeline]
) -> Iterator[tuple[LabelledSet, Vectors | None]]:
    """Each set with its vectors, where a pipeline needs them."""
    if not any(pipeline.needs_encoder for pipeline in wanted):
        yield from ((data, None) for data in sets)
        return
    cache = VectorCache(settings().data_dir / "vectors", encoder)
    for data in sets:
        with output.progress(f"encoding {data.name}") as progress:
            yield data, cache.vectors([d.prose for d in data.texts], progress)


def _run_json(run: Run) -> dict[str, Any]:
    data = asdict(run)
    del data["order"], data["places"]
    return data


def _summary_lines(compared: Sequence[Comparison]) -> Iterator[dict[str, Any]]:
    """A line for each pipeline and data set, then one for the pipeline over all of them."""
    for found in compared:
        for each in found.sets:
            yield {
                "data_set": each.data_set,
                "pipeline": found.pipeline,
                "base": found.base,
                "seeds": each.seeds,
                "loss": each.loss,
                "base_loss": each.base_loss,
                "loss_ratio": each.ratio,
                "low": each.interval[0],
                "high": each.interval[1],
                "wss95_difference": each.wss95,
                "work_to_last_difference": each.work_to_last,
            }
        low, high = found.interval or ("", "")
        yield {
            "data_set": "all",
            "pipeline": found.pipeline,
            "base": found.base,
            "loss_ratio": found.ratio,
            "low": low,
            "high": high,
            "wss95_difference": found.wss95,
            "work_to_last_difference": found.work_to_last,
        }


_SUMMARY_COLUMNS = (
    *("data_set", "pipeline", "base", "seeds", "loss", "base_loss", "loss_ratio", "low", "high"),
    *("wss95_difference", "work_to_last_difference"),
)


def _write(out: Path, runs: Sequence[Run], compared: Sequence[Comparison]) -> None:
    """summary.csv, and a plot for each set."""
    with (out / _SUMMARY).open("w", encoding="utf-8", newline="") as stream:
        lines = csv.DictWriter(stream, _SUMMARY_COLUMNS)
        lines.writeheader()
        lines.writerows(_summary_lines(compared))
    for name in dict.fromkeys(run.data_set for run in runs):
        curves: dict[str, list[Run]] = {}
        for run in runs:
            if run.data_set == name:
                curves.setdefault(run.pipeline, []).append(run)
        svg = plots.recall_curves(
            {pipeline: [run.labels for run in own] for pipeline, own in curves.items()}, title=name
        )
        (out / f"recall-{name}.svg").write_text(svg, encoding="utf-8")


def _percent(value: float) -> str:
    return f"{value:.1%}"


def _show(
    screen: Console, runs: Sequence[Run], compared: Sequence[Comparison], out: Path | None
) -> None:
    """One line a run, narrow enough for a terminal of 80 columns; then the comparison."""
    for data_set in dict.fromkeys(run.data_set for run in runs):
        table = Table(title=data_set, box=None, title_justify="left")
        for name in ("pipeline", "seed", "loss", "ndcg", "wss95", "wss100", "r@10%", "last", "sec"):
            table.add_column(name, justify="left" if name == "pipeline" else "right")
        for run in (run for run in runs if run.data_set == data_set):
            table.add_row(
                run.pipeline,
                str(run.seed),
                f"{run.loss:.4f}",
                f"{run.ndcg:.3f}",
                _percent(run.wss95),
                _percent(run.wss100),
                _percent(run.recall_at_10),
                _percent(run.work_to_last),
                f"{run.seconds:.1f}",
            )
        screen.print(table)
    for found in compared:
        _show_comparison(screen, found)
    if out is not None:
        screen.print(f"Written: {out / _RUNS}, {_SUMMARY} and a recall curve for each set.")


def _show_comparison(screen: Console, found: Comparison) -> None:
    table = Table(title=f"{found.pipeline} beside {found.base}", box=None, title_justify="left")
    for name in ("data set", "seeds", "loss ratio", "95 % interval", "wss95", "last"):
        table.add_column(name, justify="left" if name == "data set" else "right")
    for each in found.sets:
        table.add_row(
            each.data_set,
            str(each.seeds),
            f"{each.ratio:.3f}",
            "{:.2f}–{:.2f}".format(*each.interval),
            f"{each.wss95:+.1%}",
            f"{each.work_to_last:+.1%}",
        )
    screen.print(table)
    interval = "" if found.interval is None else " ({:.3f} to {:.3f})".format(*found.interval)
    screen.print(
        f"All {len(found.sets)}: loss {found.ratio:.3f} of {found.base}'s{interval}; no worse on "
        f"{found.no_worse:.0%}; worst {found.worst:.2f} ({found.worst_set}); WSS@95 "
        f"{found.wss95:+.1%}; work to last {found.work_to_last:+.1%}"
    )
