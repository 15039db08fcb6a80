"""Figures of a review that take long to work out: stored, shown with their time, worked out again.

A small review's figures are worked out while a page waits, so they are always up to date. Those of
a large review are worked out by the worker; pages show the newest stored ones and say what has
changed since. What a person may see of them is decided when they are read.
"""

from __future__ import annotations

import datetime as dt
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Generic, TypeVar

from pydantic import TypeAdapter, ValidationError

from api import __version__
from api.services.duplicates.duplicate_figures import DuplicateFigures, work_out_duplicates
from api.services.reporting.evaluation import Evaluation, evaluate
from api.services.reporting.known_matches import KnownMatches
from api.services.reporting.screening_figures import ScreeningFigures, work_out_figures
from api.services.reporting.search_check import match_all
from api.wording import count_noun
from store.core import jobs
from store.core.errors import StoreError, Unavailable
from store.core.session import ReadSession, Store
from store.reviews import reviews
from store.screening import computed_results
from store.screening.computed_results import KNOWN, Basis, NewResult, StoredResult

logger = logging.getLogger(__name__)

# Up to this many records and decisions together, figures are worked out while a page waits.
SMALL = 3_000
# Older figures are worked out again when somebody opens their page. A page that is left open loads
# again when they are ready, so without this limit they would be worked out over and over.
_LASTING: Final = dt.timedelta(minutes=10)

T = TypeVar("T")
# Puts a review's figures, by the name of their kind, into the worker's queue, for a job.
Queue = Callable[[int, str, int], Any]


@dataclass(frozen=True, slots=True)
class Kind(Generic[T]):
    """A kind of figures: its name, also that of its jobs, their JSON, and how to work them out."""

    name: str
    json: TypeAdapter[T]
    work_out: Callable[[ReadSession, int], T]
    # Whether they depend on the order of the records.
    ordered: bool = True


EVALUATION: Final = Kind("evaluation", TypeAdapter(Evaluation), evaluate)
SCREENING: Final = Kind("screening", TypeAdapter(ScreeningFigures), work_out_figures)
DUPLICATES: Final = Kind("duplicates", TypeAdapter(DuplicateFigures), work_out_duplicates, False)
SEARCH_CHECK: Final = Kind("search-check", TypeAdapter(KnownMatches), match_all, False)
KINDS: Final[Mapping[str, Kind[Any]]] = {
    kind.name: kind for kind in (EVALUATION, SCREENING, DUPLICATES, SEARCH_CHECK)
}


@dataclass(frozen=True, slots=True)
class WorkedOut:
    """When figures were worked out, and what has happened since.

    Attributes:
        decisions: lines of the log of decisions that they were worked out from.
        since: lines that were added since.
        changed: whether anything that they depend on has changed since.
        what: what has changed besides decisions, in words, as far as that has a name.
        seconds: how long it took.
    """

    at: dt.datetime
    decisions: int
    since: int
    changed: bool
    seconds: float
    what: tuple[str, ...] = ()


def describe_worked_out(made: WorkedOut) -> str:
    """A sentence on when figures were worked out, and what has happened since."""
    since = f"; {count_noun(made.since, 'decision')} since" if made.since else ""
    if made.what:
        since += f"; changed since: {', '.join(made.what)}"
    elif made.changed and not made.since:
        since = "; rules or settings have changed since"
    return (
        f"Worked out at {made.at:%Y-%m-%d %H:%M} UTC from "
        f"{count_noun(made.decisions, 'decision')}{since}."
    )


@dataclass(frozen=True, slots=True)
class Figures(Generic[T]):
    """Figures of a review.

    Attributes:
        value: None if they have never been worked out.
        worked_out: None if there is no value.
        now: whether they are worked out whenever somebody asks, since the review is small.
        job: the job that works them out again; None if there is none.
        problem: why they could not be worked out the last time, in words.
    """

    value: T | None
    worked_out: WorkedOut | None
    now: bool = False
    job: int | None = None
    problem: str | None = None


def get_figures(store: Store, review_id: int, kind: Kind[T], queue: Queue) -> Figures[T]:
    """The newest figures of a review.

    If a large review's are missing or out of date, the worker is asked for them.

    Args:
        store: the database.
        review_id: the review.
        kind: which figures.
        queue: asks the worker.
    """
    with store.read_snapshot() as session:
        basis = _find_basis(session, review_id, kind)
        earlier = computed_results.list_results(session, review_id, kind.name)
        figures = _read(kind, earlier, basis)
        small = basis.records + basis.decisions <= SMALL
        if small and (figures.worked_out is None or figures.worked_out.changed):
            return _work_out_now(store, session, review_id, kind, basis)
        if small:
            return replace(figures, now=True)
        job = jobs.find_running(session, review_id, kind.name)
    if job is None and _is_due(figures, earlier, basis):
        job = ask_for_figures(store, review_id, kind, queue)
    return replace(figures, job=job)


def get_stored_figures(session: ReadSession, review_id: int, kind: Kind[T]) -> Figures[T]:
    """The newest stored figures, without asking for newer ones."""
    earlier = computed_results.list_results(session, review_id, kind.name)
    return _read(kind, earlier, _find_basis(session, review_id, kind))


def ask_for_figures(store: Store, review_id: int, kind: Kind[Any], queue: Queue) -> int:
    """Have the worker work out figures, once however many people ask; returns the job's id."""
    with store.write() as session:
        reviews.lock_review(session, review_id)
        running = jobs.find_running(session, review_id, kind.name)
        job = running or jobs.start_job(session, review_id, kind.name)
    if running is None:
        queue(review_id, kind.name, job)
    return job


def work_out(store: Store, review_id: int, name: str) -> str | None:
    """Work out figures and store them; returns in words why they could not be, or None.

    A failure is stored, too, so that nobody tries again until something has changed.

    Args:
        store: the database.
        review_id: the review.
        name: of the kind of figures.
    """
    kind = KINDS[name]
    start = time.perf_counter()
    # Figures and basis are of one moment, whatever is changed in the seconds that this takes.
    with store.read_snapshot() as session:
        basis = _find_basis(session, review_id, kind)
        if any(_is_current(stored, basis) for stored in _list(session, review_id, kind)):
            return None
        try:
            body, problem = _dump(kind, kind.work_out(session, review_id)), None
        except Unavailable:
            raise
        except Exception as error:
            logger.exception("working out the %s of review %s failed", name, review_id)
            body, problem = None, f"These figures could not be worked out: {error}"
    seconds = time.perf_counter() - start
    with store.write() as session:
        new = NewResult(name, basis, seconds, body, problem)
        computed_results.store_result(session, review_id, new)
    logger.info("worked out the %s of review %s in %.1f s", name, review_id, seconds)
    return problem


def _list(session: ReadSession, review_id: int, kind: Kind[Any]) -> list[StoredResult]:
    return computed_results.list_results(session, review_id, kind.name)


def _is_current(stored: StoredResult, basis: Basis) -> bool:
    return stored.body is not None and stored.basis == basis.key


def _find_basis(session: ReadSession, review_id: int, kind: Kind[Any]) -> Basis:
    """What figures are worked out from now; another version of Winnow may count in another way."""
    basis = computed_results.find_basis(session, review_id, ordered=kind.ordered)
    return replace(basis, key=f"{__version__} {basis.key}")


def _dump(kind: Kind[T], value: T) -> str:
    return kind.json.dump_json(value).decode()


def _read(kind: Kind[T], earlier: Sequence[StoredResult], basis: Basis) -> Figures[T]:
    """The newest figures that are stored and can be read, and the failure after them."""
    figures: Figures[T] = Figures(None, None)
    for stored in earlier:
        if stored.body is None:
            figures = replace(figures, problem=stored.problem)
            continue
        try:
            value = kind.json.validate_json(stored.body)
        except ValidationError:
            logger.info("stored %s are of another version of Winnow", kind.name)
            continue
        since = max(0, basis.decisions - stored.decisions)
        changed = stored.basis != basis.key
        what = computed_results.list_changes(stored.basis, basis.key)
        made = WorkedOut(stored.at, stored.decisions, since, changed, stored.seconds, what)
        figures = Figures(value, made)
    return figures


def _is_due(figures: Figures[Any], earlier: Sequence[StoredResult], basis: Basis) -> bool:
    """Whether the worker should work out figures without anybody pressing a button."""
    old = dt.datetime.now(dt.UTC) - _LASTING
    if figures.problem is not None:
        failed = earlier[-1]
        return failed.basis != basis.key and failed.at < old
    made = figures.worked_out
    if made is None or KNOWN in made.what:
        # What a page says of known studies would contradict their list.
        return True
    return made.changed and made.at < old


def _work_out_now(
    store: Store, session: ReadSession, review_id: int, kind: Kind[T], basis: Basis
) -> Figures[T]:
    """Work out figures in the transaction that found them missing, and store them."""
    start = time.perf_counter()
    value = kind.work_out(session, review_id)
    seconds = time.perf_counter() - start
    # End this transaction before another one writes; on SQLite both would wait otherwise.
    session.rollback()
    try:
        with store.write() as writing:
            new = NewResult(kind.name, basis, seconds, _dump(kind, value))
            computed_results.store_result(writing, review_id, new)
    except StoreError as error:
        # The figures are right, whether or not they can be stored now.
        logger.warning("could not store the %s of review %s: %s", kind.name, review_id, error)
    now = dt.datetime.now(dt.UTC)
    return Figures(value, WorkedOut(now, basis.decisions, 0, False, seconds), now=True)
