"""Replays of finished reviews: many at a time, kept in a log, gone on with where they broke off."""

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
from harvest.files.read import read_file
from model.encode import Vectors
from model.features import Document, Features, build
from model.pipeline import Pipeline
from model.prior import StudyPrior
from model.simulate import Plan, Run, simulate

Key = tuple[str, str, str, int, str, str]
_UNLOGGED = "order"
_COLUMNS = tuple(field.name for field in fields(Run) if field.name != _UNLOGGED)


@dataclass(frozen=True, slots=True)
class LabelledSet:
    """A finished review: its texts, its labels, and its question where one is known."""

    name: str
    documents: list[Document]
    y: NDArray[np.bool_]
    question: str | None = None

    @property
    def texts(self) -> list[Document]:
        """The records' texts, then the question's."""
        return [*self.documents, *([Document(self.question, "")] if self.question else [])]


def labelled_set(path: Path) -> LabelledSet:
    """A labelled file for replay.

    Raises:
        UnreadableFile: it cannot be read, or a record has no label.
    """
    with path.open("rb") as stream:
        content = read_file(stream)
    unlabelled = [record.position for record in content.records if record.label is None]
    if unlabelled or content.rejected:
        at = unlabelled[0] if unlabelled else content.rejected[0].position
        raise UnreadableFile(
            f"record {at} has no relevance label (1 or 0)."
            if unlabelled
            else f"record {at} could not be read: {content.rejected[0].reason}.",
            remedy="A replay needs a label on every record; take out or label those without.",
        )
    return LabelledSet(
        name=path.name.removesuffix(".gz").removesuffix(".csv"),
        documents=[Document(r.title or "", r.abstract or "") for r in content.records],
        y=np.array([record.label == "include" for record in content.records], bool),
    )


def asked(data: LabelledSet, question: str) -> LabelledSet:
    """The set with its review's question."""
    return replace(data, question=question)


@dataclass(frozen=True, slots=True)
class Task:
    """One replay to make.

    Attributes:
        vectors: of ``data.texts`` if the question takes part, else of its documents; None where
            the pipeline needs none.
        prior: where the pipeline uses one.
    """

    data: LabelledSet
    pipeline: Pipeline
    plan: Plan
    vectors: Vectors | None
    prior: StudyPrior | None

    @property
    def key(self) -> Key:
        """What tells one replay from another."""
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
        made = hashlib.sha256(repr(self.data.texts).encode("utf-8", errors="replace"))
        made.update(self.data.y.tobytes())
        if self.vectors is not None:
            made.update(np.ascontiguousarray(self.vectors).tobytes())
        if self.prior is not None and self.pipeline.needs_prior:
            made.update(self.prior.hash.encode())
        return made.hexdigest()[:16]


def features(task: Task) -> Features:
    """The features of a task's records, and of its question where that takes part."""
    texts = task.data.texts if task.plan.queries else task.data.documents
    vectors = task.vectors
    encode = None if vectors is None else lambda _: vectors[: len(texts)]
    return build(texts, task.pipeline, encode, task.prior)


def unit_of_runs(tasks: Sequence[Task]) -> list[Run]:
    """Replays that share their features: made once, and counted in the seconds of each.

    Args:
        tasks: of one data set, pipeline and start.
    """
    start = time.perf_counter()
    made = features(tasks[0])
    spent = time.perf_counter() - start
    runs = []
    for task in tasks:
        run = simulate(task.data.name, lambda: made, task.data.y, task.pipeline, task.plan)
        runs.append(replace(run, material=task.material, seconds=run.seconds + spent))
    return runs


class RunLog:
    """Runs in a CSV file, a line each, written as they end.

    Args:
        path: the file; made when the first run ends.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self) -> list[Run]:
        """Runs of the file, in its order; none where there is no file yet.

        A last line that was cut off by an interruption is left out.

        Raises:
            UnreadableFile: the file is something else.
        """
        if not self._path.is_file():
            return []
        with self._path.open(encoding="utf-8", newline="") as stream:
            text = stream.read()
        whole = text.endswith("\n")
        lines = list(csv.DictReader(io.StringIO(text, newline="")))
        found = []
        if lines and not whole:
            # Cut off, even where every column is there: its last number may be a part of one.
            del lines[-1]
        for number, line in enumerate(lines, start=2):
            try:
                found.append(_run(line))
            except (KeyError, TypeError, ValueError) as error:
                raise UnreadableFile(
                    f"line {number} of {self._path.name} is no run: {error}.",
                    remedy="Name a file that simulate wrote, or a new one.",
                ) from error
        return found

    def write(self, runs: Sequence[Run]) -> None:
        """Replace the file by these runs, at once or not at all."""
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
    """Every task's run, in the order of the tasks; those that the log holds are not made again.

    Args:
        tasks: what to replay.
        jobs: replays at the same time, each in a process of its own.
        log: where runs are kept as they end.
        progress: called with (runs there are, runs wanted).

    Raises:
        UnreadableFile: the log is something else.
    """
    keys = [task.key for task in tasks]
    known = log.read() if log else []
    if log:
        # Also mends a line that was cut off.
        log.write(known)
    done = {_key(run): run for run in known}
    left = [task for task, key in zip(tasks, keys, strict=True) if key not in done]

    def report() -> None:
        if progress:
            progress(sum(key in done for key in keys), len(tasks))

    report()
    for run in _made(left, jobs):
        done[_key(run)] = run
        if log:
            log.append(run)
        report()
    return [done[key] for key in keys]


def _units(tasks: Sequence[Task], jobs: int) -> list[list[Task]]:
    """Tasks that share their features, split so that every job has some."""
    shared: dict[tuple[str, str, str], list[Task]] = {}
    for task in tasks:
        key = task.data.name, task.pipeline.hash, task.plan.start
        shared.setdefault(key, []).append(task)
    units = []
    for together in shared.values():
        size = -(-len(together) // jobs)
        units += [together[at : at + size] for at in range(0, len(together), size)]
    return units


def _made(tasks: Sequence[Task], jobs: int) -> Iterator[Run]:
    units = _units(tasks, jobs)
    if jobs == 1:
        for unit in units:
            yield from unit_of_runs(unit)
        return
    from joblib import Parallel, delayed

    work = (delayed(unit_of_runs)(unit) for unit in units)
    for runs in Parallel(n_jobs=jobs, return_as="generator_unordered", batch_size=1)(work):
        yield from runs
