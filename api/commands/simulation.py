"""winnow simulate: replays of finished reviews, and how pipelines compare on them."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from pydantic import TypeAdapter
from rich.console import Console
from rich.table import Table

from api import resources
from api.commands.output import Json, Output, Refused, command, settings
from api.documents import plots
from api.services.ranking import replaying
from api.services.ranking.encoding import make_encoder
from api.services.ranking.replaying import LabelledSet, RunLog, Task
from harvest.errors import UnreadableFile
from model.cache import VectorCache
from model.encode import Encoder, Vectors
from model.evaluation.compare import Comparison, compare
from model.evaluation.simulate import Plan, Run, Schedule
from model.pipeline import Pipeline

Start = Literal["priors", "question", "both"]
_RUNS, _SUMMARY = "runs.csv", "summary.csv"
_RUNS_JSON = TypeAdapter(list[Run])
_COMPARED_JSON = TypeAdapter(list[Comparison])
# The order of a run is too long to print.
_UNLISTED = {"__all__": {"order", "places"}}


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
            help="Folder for runs.csv, summary.csv and recall curves. Name it again after an "
            "interruption to go on from there."
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Replay finished reviews, to see when each relevant record would have been found."""
    with command(as_json) as output:
        pipelines = [resources.pipeline(name) for name in pipeline or ["default"]]
        base = _base(pipelines, base)
        question_of = _read_questions(questions, start)
        sets = []
        for path in files:
            with command(as_json, file=path):
                sets.append(_read_set(path, question_of, start))
        encoder = make_encoder(settings().encoder)
        schedule = _Schedule(seeds, refit, start, fit_until)
        tasks = [
            _task(data, chosen, plan, vectors=vectors, encoder=encoder)
            for data, vectors in _encode(output, encoder, sets, pipelines)
            for chosen in pipelines
            for plan in schedule.plans(data)
        ]
        log = None
        if out is not None:
            out.mkdir(parents=True, exist_ok=True)
            log = RunLog(out / _RUNS)
        with output.progress("replaying") as progress:
            runs = replaying.run_all(tasks, jobs=jobs, log=log, progress=progress)
        compared = compare(runs, base=base)
        if out is not None:
            _write(out, runs, compared)
        output.result(
            {
                "runs": _RUNS_JSON.dump_python(runs, mode="json", exclude=_UNLISTED),
                "compared": _COMPARED_JSON.dump_python(compared, mode="json"),
            },
            lambda screen: _show(screen, runs, compared, out),
        )


def _base(pipelines: Sequence[Pipeline], named: str | None) -> str:
    names = [pipeline.name for pipeline in pipelines]
    if named is not None and named not in names:
        raise Refused(
            f"{named} is not one of the pipelines to replay: {', '.join(names)}.",
            remedy=f"Also name it with --pipeline {named}.",
        )
    return named or names[-1]


def _read_questions(path: Path | None, start: Start) -> dict[str, str]:
    """The question of each data set, by its name."""
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


def _read_set(path: Path, question_of: Mapping[str, str], start: Start) -> LabelledSet:
    """A labelled set, with its question if replays start from that."""
    data = replaying.read_labelled_set(path)
    if start == "priors":
        return data
    if data.name not in question_of:
        raise Refused(
            f"there is no question for {data.name}.",
            remedy="Add a line for it to the questions, or leave the file out.",
        )
    return replaying.with_question(data, question_of[data.name])


@dataclass(frozen=True, slots=True)
class _Schedule:
    """How each set is replayed.

    Attributes:
        seeds: how many replays, with seeds from 0.
        fit_until: labels after which the order stays as it is; None to fit to the end.
    """

    seeds: int
    refit: Schedule
    start: Start
    fit_until: int | None

    def plans(self, data: LabelledSet) -> list[Plan]:
        """The replays of a set."""
        return [
            Plan(
                seed=seed,
                refit=self.refit,
                priors=self.start != "question",
                queries=() if self.start == "priors" else (len(data.y),),
                fit_until=self.fit_until,
            )
            for seed in range(self.seeds)
        ]


def _task(
    data: LabelledSet, pipeline: Pipeline, plan: Plan, *, vectors: Vectors | None, encoder: Encoder
) -> Task:
    prior = None
    if pipeline.needs_prior:
        identity = encoder.identity if pipeline.needs_encoder else None
        prior = resources.study_prior().for_encoder(identity)
    return Task(data, pipeline, plan, vectors if pipeline.needs_encoder else None, prior)


def _encode(
    output: Output, encoder: Encoder, sets: Sequence[LabelledSet], pipelines: Sequence[Pipeline]
) -> Iterator[tuple[LabelledSet, Vectors | None]]:
    """Each set with its vectors; None if no pipeline needs them."""
    if not any(pipeline.needs_encoder for pipeline in pipelines):
        yield from ((data, None) for data in sets)
        return
    cache = VectorCache(settings().data_dir / "vectors", encoder)
    for data in sets:
        with output.progress(f"encoding {data.name}") as progress:
            yield data, cache.vectors([d.prose for d in data.texts], progress)


def _summary_lines(compared: Sequence[Comparison]) -> Iterator[dict[str, Any]]:
    """A line for each pipeline and data set, then one for the pipeline over all of them."""
    for comparison in compared:
        for data_set in comparison.sets:
            yield {
                "data_set": data_set.data_set,
                "pipeline": comparison.pipeline,
                "base": comparison.base,
                "seeds": data_set.seeds,
                "loss": data_set.loss,
                "base_loss": data_set.base_loss,
                "loss_ratio": data_set.ratio,
                "low": data_set.interval[0],
                "high": data_set.interval[1],
                "wss95_difference": data_set.wss95,
                "work_to_last_difference": data_set.work_to_last,
            }
        low, high = comparison.interval or ("", "")
        yield {
            "data_set": "all",
            "pipeline": comparison.pipeline,
            "base": comparison.base,
            "loss_ratio": comparison.ratio,
            "low": low,
            "high": high,
            "wss95_difference": comparison.wss95,
            "work_to_last_difference": comparison.work_to_last,
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
    for comparison in compared:
        _show_comparison(screen, comparison)
    if out is not None:
        screen.print(f"Written: {out / _RUNS}, {_SUMMARY} and a recall curve for each set.")


def _show_comparison(screen: Console, comparison: Comparison) -> None:
    table = Table(
        title=f"{comparison.pipeline} against {comparison.base}", box=None, title_justify="left"
    )
    for name in ("data set", "seeds", "loss ratio", "95 % interval", "wss95", "last"):
        table.add_column(name, justify="left" if name == "data set" else "right")
    for data_set in comparison.sets:
        table.add_row(
            data_set.data_set,
            str(data_set.seeds),
            f"{data_set.ratio:.3f}",
            "{:.2f}–{:.2f}".format(*data_set.interval),
            f"{data_set.wss95:+.1%}",
            f"{data_set.work_to_last:+.1%}",
        )
    screen.print(table)
    interval = (
        "" if comparison.interval is None else " ({:.3f} to {:.3f})".format(*comparison.interval)
    )
    screen.print(
        f"All {len(comparison.sets)}: loss {comparison.ratio:.3f} of {comparison.base}'s{interval};"
        f" no worse on {comparison.no_worse:.0%}; worst {comparison.worst:.2f} "
        f"({comparison.worst_set}); WSS@95 {comparison.wss95:+.1%}; work to last "
        f"{comparison.work_to_last:+.1%}"
    )
