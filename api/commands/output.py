"""What commands share: the store, the person who acts, JSON output, errors with a remedy."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer
from pydantic import ValidationError
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from sqlalchemy.exc import OperationalError

from api.interruption import CODE, stopping_in_order
from api.refusals import Blocked, ConfirmationNeeded, FreezeDateNeeded, ReasonNeeded
from api.services.pieces import spare_loaded_code
from api.services.reviews.opening import open_store
from api.settings import Settings, SettingsError, load
from api.wording import list_problems
from api.worker.wake import wake
from harvest.errors import ForeignSyntax, HarvestError, StrategyError, UnknownColumns
from harvest.limits import use_limits
from model.encode import EncoderRefused
from store.core.errors import SchemaOutdated, StoreError, Unreachable
from store.core.session import ReadSession, Store
from store.reviews import people, reviews
from store.reviews.people import PersonInfo
from store.reviews.reviews import ReviewInfo

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object on standard output.")]
ReviewOption = Annotated[
    str | None, typer.Option("--review", help="Short name of the review (default: the only one).")
]
AsOption = Annotated[
    str | None, typer.Option("--as", help="Person who acts (default: the only one).")
]


class Refused(Exception):
    """A command that cannot be run. Nothing was changed."""

    def __init__(self, message: str, *, remedy: str | None = None, file: str | None = None) -> None:
        super().__init__(message)
        self.remedy = remedy
        self.file = file


def count_reached(done: int, total: int | None) -> str:
    """How far something has got: "410 of 8,911"."""
    return f"{done:,}" if total is None else f"{done:,} of {total:,}"


class Output:
    """Where a command writes: messages to stderr, its result to stdout.

    Attributes:
        interrupted: what to say if somebody interrupts the command now.
    """

    def __init__(self, *, as_json: bool) -> None:
        self.as_json = as_json
        self.interrupted = "Everything stored so far is kept."
        self.console = Console(stderr=True, highlight=False, soft_wrap=True)
        self.screen = Console(highlight=False)

    def say(self, message: str) -> None:
        """Show a message to the person at the terminal."""
        self.console.print(message, markup=False)

    def result(self, data: Mapping[str, Any], show: Callable[[Console], None]) -> None:
        """Print the command's result, as JSON or for a person."""
        if self.as_json:
            sys.stdout.write(json.dumps(data, ensure_ascii=False, default=str) + "\n")
            sys.stdout.flush()
        else:
            show(self.screen)

    @contextmanager
    def progress(self, label: str) -> Iterator[Callable[[int, int | None], None]]:
        """Show a progress bar on stderr, and yield a function of (done, total)."""
        with self.progress_of_steps(label) as report:
            yield partial(report, label)

    @contextmanager
    def progress_of_steps(self, label: str) -> Iterator[Callable[[str, int, int | None], None]]:
        """Show a progress bar on stderr for several steps, and yield (label, done, total)."""
        columns = (
            TextColumn("{task.description} {task.fields[reached]}"),
            BarColumn(),
            TimeRemainingColumn(),
        )
        with Progress(*columns, console=self.console, transient=True) as bar:
            task = bar.add_task(label, total=None, reached="")
            shown = label

            def report(label: str, done: int, total: int | None = None) -> None:
                nonlocal shown
                if label != shown:
                    # What is left is estimated from this step alone.
                    bar.reset(task, description=label)
                    shown = label
                bar.update(task, completed=done, total=total, reached=count_reached(done, total))

            yield report

    def fail(self, error: BaseException, *, file: str | None = None) -> NoReturn:
        """Say what went wrong and what to do, and exit with 1."""
        details = {
            "message": _message(error),
            "file": getattr(error, "file", None) or file,
            "line": getattr(error, "line", None),
            **({"column": error.column} if isinstance(error, StrategyError) else {}),
            **({"syntax": error.syntax} if isinstance(error, ForeignSyntax) else {}),
            "remedy": _remedy(error) or getattr(error, "remedy", None),
        }
        if self.as_json:
            sys.stdout.write(json.dumps({"error": details}, ensure_ascii=False) + "\n")
        where = "".join(
            [
                f"{details['file']}: " if details["file"] else "",
                f"line {details['line']}: " if details["line"] else "",
                f"column {details['column']}: " if details.get("column") else "",
            ]
        )
        self.say(f"Error: {where}{details['message']}")
        if details["remedy"]:
            self.say(f"What to do: {details['remedy']}")
        raise typer.Exit(1)


def _message(error: BaseException) -> str:
    if isinstance(error, FileNotFoundError):
        return "there is no such file"
    if isinstance(error, IsADirectoryError):
        return "this is a folder, not a file"
    if isinstance(error, ValidationError):
        return list_problems(error)
    if isinstance(error, OperationalError):
        return f"the database cannot be used: {error.orig}"
    return str(error) or type(error).__name__


def _remedy(error: BaseException) -> str | None:
    if isinstance(error, FreezeDateNeeded):
        return "Set it first: `winnow pool freeze YYYY-MM-DD`."
    if isinstance(error, Blocked):
        return (
            "Replace the terms there (`winnow strategy map`), or accept the loss in writing: "
            f"`winnow strategy accept --source {error.source} --kind KIND --reason TEXT` "
            f"(kinds: {' '.join(error.kinds)})."
        )
    if isinstance(error, ConfirmationNeeded):
        return "Save with --yes if the strategy may have been written to find them."
    if isinstance(error, UnknownColumns):
        return (
            "Rename the columns, such as title, abstract, doi or pmid; `winnow import` and "
            "`winnow dedupe` also take --map title=COLUMN."
        )
    if isinstance(error, ReasonNeeded):
        return "Give one with --reason."
    if isinstance(error, SchemaOutdated):
        return "Run `winnow init`."
    if isinstance(error, Unreachable):
        return "Check WINNOW_DATABASE_URL and WINNOW_DATA_DIR, and that the database is running."
    if isinstance(error, EncoderRefused):
        return "Install Winnow again, or set another encoder (WINNOW_ENCODER__NAME)."
    if isinstance(error, SettingsError):
        return "See configs/default.toml for every setting."
    if isinstance(error, OperationalError):
        return "Check WINNOW_DATABASE_URL and WINNOW_DATA_DIR, and that the database is running."
    return None


# Sources ask how to reach the person who runs a program that sends them many requests.
NO_CONTACT = "none; sources ask for one, so set harvest.contact (WINNOW_HARVEST__CONTACT)"

_EXPECTED = (
    Refused,
    Blocked,
    HarvestError,
    StoreError,
    SettingsError,
    EncoderRefused,
    ValueError,
    OSError,
    OperationalError,
)


@contextmanager
def command(as_json: bool, *, file: Path | None = None) -> Iterator[Output]:
    """Run a command's body; expected errors become a message, a remedy and exit code 1."""
    output = Output(as_json=as_json)
    try:
        with stopping_in_order():
            yield output
    except _EXPECTED as error:
        # What is wrong with the database, or with what it holds, is no matter of the file's.
        blamed = None if isinstance(error, (StoreError, SettingsError)) else file
        output.fail(error, file=str(blamed) if blamed else None)
    except KeyboardInterrupt:
        output.say(f"Interrupted. {output.interrupted}")
        raise typer.Exit(CODE) from None


def settings(**overrides: Any) -> Settings:
    """The settings, with the command line's overrides."""
    found = load(**overrides)
    use_limits(found.limits)
    return found


@contextmanager
def opened(chosen: Settings | None = None, *, create: bool = False) -> Iterator[Store]:
    """Open the store, and close it afterwards."""
    chosen = chosen or settings()
    if not create and not chosen.database_url and not (chosen.data_dir / "winnow.db").exists():
        raise Refused("There is no database yet.", remedy="Run `winnow init` first.")
    store = open_store(chosen, create=create).store
    spare_loaded_code()
    try:
        yield store
    finally:
        store.close()


@dataclass(frozen=True, slots=True)
class InReview:
    """A running command: in which review, on which store."""

    output: Output
    settings: Settings
    store: Store
    review: ReviewInfo

    def wake(self) -> None:
        """Wake the worker for what is due. Call it after the transaction has committed."""
        wake(self.store, self.settings.data_dir)


@dataclass(frozen=True, slots=True)
class Acting(InReview):
    """A running command in a review, and the person who acts."""

    person: PersonInfo


@contextmanager
def in_review(as_json: bool, review: str | None, *, file: Path | None = None) -> Iterator[InReview]:
    """Run a command in a review; errors become a message, a remedy and exit code 1.

    Args:
        as_json: whether the result is one JSON object.
        review: short name of the review; None for the only one.
        file: the file that the command reads, named in errors.
    """
    with command(as_json, file=file) as output:
        chosen = settings()
        with opened(chosen) as store:
            with store.read() as session:
                named = find_review(session, review)
            yield InReview(output, chosen, store, named)


@contextmanager
def acting(
    as_json: bool, review: str | None, actor: str | None, *, file: Path | None = None
) -> Iterator[Acting]:
    """Run a command in a review as a person; see ``in_review``.

    Args:
        as_json: whether the result is one JSON object.
        review: short name of the review; None for the only one.
        actor: who acts; None for the only person.
        file: the file that the command reads, named in errors.
    """
    with in_review(as_json, review, file=file) as run:
        with run.store.read() as session:
            person = find_person(session, actor)
        yield Acting(run.output, run.settings, run.store, run.review, person)


def find_review(session: ReadSession, slug: str | None) -> ReviewInfo:
    """The named review, or the only one.

    Raises:
        Unreadable: its settings cannot be read.
        Refused: there is no such review; or none is named, and there is none or more than one.
    """
    listed = reviews.list_reviews(session)
    slugs = ", ".join(review.slug for review in listed)
    if slug is not None:
        for review in listed:
            if review.slug == slug:
                return reviews.require_readable(review)
        raise Refused(
            f"There is no review {slug!r}; there are: {slugs or 'none yet'}.",
            remedy=f"Create it with `winnow review add {slug}`.",
        )
    if len(listed) == 1:
        return reviews.require_readable(listed[0])
    if not listed:
        raise Refused("There is no review yet.", remedy="Create one with `winnow review add NAME`.")
    raise Refused(
        f"There are {len(listed)} reviews: {slugs}.", remedy="Say which one with --review."
    )


def find_person(session: ReadSession, name: str | None) -> PersonInfo:
    """The named person, or the only one.

    Raises:
        Refused: nobody is named, and there is no person or more than one.
        NotFound: there is no person of that name.
    """
    if name is not None:
        return people.get_person_by_name(session, name)
    listed = people.list_people(session)
    if len(listed) == 1:
        return listed[0]
    if not listed:
        raise Refused("There is no person yet.", remedy="Run `winnow init`.")
    names = ", ".join(person.name for person in listed)
    raise Refused(
        f"There are {len(listed)} people: {names}.", remedy="Say who acts with --as NAME."
    )
