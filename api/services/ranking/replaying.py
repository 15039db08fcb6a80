"""Replays of finished reviews: many at a time, logged, and resumed after an interruption."""

from __future__ import annotations

import csv
import hashlib
import io
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, TextIO, get_type_hints

import numpy as np
from numpy.typing import NDArray

from harvest.errors import UnreadableFile
from harvest.parsing.child import open_file
from model.encode import Vectors
from model.evaluation.simulate import Plan, Run, simulate
from model.features import Document, Features, build
from model.pipeline import Pipeline
from model.prior import StudyPrior

Key = tuple[str, str, str, int, str, str]
_UNLOGGED = "order"
_COLUMNS = tuple(field.name for field in fields(Run) if field.name != _UNLOGGED)


@dataclass(frozen=True, slots=True)
class LabelledSet:
    """A finished review: its texts, its labels, and its question if one is known."""

    name: str
    documents: list[Document]
    y: NDArray[np.bool_]
    question: str | None = None

    @property
    def texts(self) -> list[Document]:
        """The records' texts, then the question's."""
        return [*self.documents, *([Document(self.question, "")] if self.question else [])]


def read_labelled_set(path: Path) -> LabelledSet:
    """Read a labelled file for replays.

    Raises:
        UnreadableFile: it cannot be read, or a record has no label.
    """
    with open_file(path) as file:
        content = file.content()
    unlabelled = [record.position for record in content.records if record.label is None]
    if unlabelled or content.rejected:
        at = unlabelled[0] if unlabelled else content.rejected[0].position
        raise UnreadableFile(
            f"record {at} has no relevance label (1 or 0)."
            if unlabelled
            else f"record {at} could not be read: {content.rejected[0].reason}.",
            remedy="A replay needs a label on every record: label the others, or remove them.",
        )
    return LabelledSet(
        name=path.name.removesuffix(".gz").removesuffix(".csv"),
        documents=[Document(r.title or "", r.abstract or "") for r in content.records],
        y=np.array([record.label == "include" for record in content.records], bool),
    )


def with_question(data: LabelledSet, question: str) -> LabelledSet:
    """The set with its review's question."""
    return replace(data, question=question)


@dataclass(frozen=True, slots=True)
class Task:
    """One replay to run.

    Attributes:
        vectors: of ``data.texts`` if replays start from the question, else of its documents; None
            if the pipeline needs none.
        prior: None if the pipeline uses none.
    """

    data: LabelledSet
    pipeline: Pipeline
    plan: Plan
    vectors: Vectors | None
    prior: StudyPrior | None

    @property
    def key(self) -> Key:
        """What distinguishes one replay from another."""
        plan = self.plan
        return (
            self.data.name,
            self.pipeline.hash,
            self.material,
            plan.seed,
            plan.schedule,
            plan.start,
        )

    @property
    def material(self) -> str:
        """SHA-256 (hex, shortened) of texts, labels, vectors and prior."""
        digest = hashlib.sha256(repr(self.data.texts).encode("utf-8", errors="replace"))
        digest.update(self.data.y.tobytes())
        if self.vectors is not None:
            digest.update(np.ascontiguousarray(self.vectors).tobytes())
        if self.prior is not None and self.pipeline.needs_prior:
            digest.update(self.prior.hash.encode())
        return digest.hexdigest()[:16]


def build_features(task: Task) -> Features:
    """The features of a task's records, and of its question if the replay starts from it."""
    texts = task.data.texts if task.plan.queries else task.data.documents
    vectors = task.vectors
    encode = None if vectors is None else lambda _: vectors[: len(texts)]
    return build(texts, task.pipeline, encode, task.prior)


def run_together(tasks: Sequence[Task]) -> list[Run]:
    """Replays that share their features, which are built once and counted in each one's seconds.

    Args:
        tasks: all with the same data set, pipeline and start.
    """
    start = time.perf_counter()
    features = build_features(tasks[0])
    spent = time.perf_counter() - start
    runs = []
    for task in tasks:
        run = simulate(task.data.name, features, task.data.y, task.pipeline, task.plan)
        runs.append(replace(run, material=task.material, seconds=run.seconds + spent))
    return runs


class RunLog:
    """Runs in a CSV file, one a line, written as they end.

    Args:
        path: the file; created when the first run ends.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self) -> list[Run]:
        """The runs of the file, in its order; an empty list if there is no file yet.

        A last line that an interruption cut off is left out.

        Raises:
            UnreadableFile: the file is not a log of runs.
        """
        if not self._path.is_file():
            return []
        with self._path.open(encoding="utf-8", newline="") as stream:
            text = stream.read()
        whole = text.endswith("\n")
        lines = list(csv.DictReader(io.StringIO(text, newline="")))
        runs = []
        if lines and not whole:
            # Cut off even if every column is there: its last number may be incomplete.
            del lines[-1]
        for number, line in enumerate(lines, start=2):
            try:
                runs.append(_run(line))
            except (KeyError, TypeError, ValueError) as error:
                raise UnreadableFile(
                    f"line {number} of {self._path.name} is not a run: {error}.",
                    remedy="Name a file that winnow simulate wrote, or a new one.",
                ) from error
        return runs

    def write(self, runs: Sequence[Run]) -> None:
        """Replace the file with these runs, all of them or none."""
        waiting = self._path.with_name(f"{self._path.name}.part")
        with waiting.open("w", encoding="utf-8", newline="") as stream:
            _lines(stream, runs)
        os.replace(waiting, self._path)  # noqa: PTH105 - atomic on every system

    def append(self, run: Run) -> None:
        """Add a run."""
        with self._path.open("a", encoding="utf-8", newline="") as stream:
            csv.writer(stream).writerow(_line(run))


def _lines(stream: TextIO, runs: Sequence[Run]) -> None:
    writer = csv.writer(stream)
    writer.writerow(_COLUMNS)
    writer.writerows(_line(run) for run in runs)


def _line(run: Run) -> list[str]:
    cells = []
    for name in _COLUMNS:
        value = getattr(run, name)
        cells.append(" ".join(map(str, value)) if isinstance(value, tuple) else str(value))
    return cells


def _run(line: Mapping[str, str | None]) -> Run:
    kinds = get_type_hints(Run)
    values: dict[str, Any] = {}
    for name in _COLUMNS:
        text = line[name]
        if text is None:
            raise ValueError(f"{name} is missing")
        kind = kinds[name]
        values[name] = tuple(map(int, text.split())) if kind == tuple[int, ...] else kind(text)
    return Run(**values)


def _key(run: Run) -> Key:
    return run.data_set, run.pipeline_hash, run.material, run.seed, run.refit, run.start


def run_all(
    tasks: Sequence[Task],
    *,
    jobs: int = 1,
    log: RunLog | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> list[Run]:
    """The run of every task, in the order of the tasks; runs that the log has are not repeated.

    Args:
        tasks: what to replay.
        jobs: replays at the same time, each in its own process.
        log: where runs are written as they end.
        progress: called with (finished runs, all runs).

    Raises:
        UnreadableFile: the log is not a log of runs.
    """
    keys = [task.key for task in tasks]
    logged = log.read() if log else []
    if log:
        # This also repairs a line that was cut off.
        log.write(logged)
    done = {_key(run): run for run in logged}
    left = [task for task, key in zip(tasks, keys, strict=True) if key not in done]

    def report() -> None:
        if progress:
            progress(sum(key in done for key in keys), len(tasks))

    report()
    for run in _run_tasks(left, jobs):
        done[_key(run)] = run
        if log:
            log.append(run)
        report()
    return [done[key] for key in keys]


def _units(tasks: Sequence[Task], jobs: int) -> list[list[Task]]:
    """Groups of tasks that share their features, split so that every job gets some."""
    shared: dict[tuple[str, str, str], list[Task]] = {}
    for task in tasks:
        key = task.data.name, task.pipeline.hash, task.plan.known
        shared.setdefault(key, []).append(task)
    units = []
    for together in shared.values():
        size = -(-len(together) // jobs)
        units += [together[at : at + size] for at in range(0, len(together), size)]
    return units


def _run_tasks(tasks: Sequence[Task], jobs: int) -> Iterator[Run]:
    units = _units(tasks, jobs)
    if jobs == 1:
        for unit in units:
            yield from run_together(unit)
        return
    from joblib import Parallel, delayed

    work = (delayed(run_together)(unit) for unit in units)
    for runs in Parallel(n_jobs=jobs, return_as="generator_unordered", batch_size=1)(work):
        yield from runs
