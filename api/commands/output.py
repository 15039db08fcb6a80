"""What every command shares: the store, the actor, one JSON object, errors with a remedy."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from sqlalchemy.exc import OperationalError

from api.refusals import Blocked
from api.services.setup import open_store
from api.settings import Settings, SettingsError, load
from harvest.errors import HarvestError, StrategyError
from model.encode import EncoderRefused
from store import people, reviews
from store.errors import SchemaOutdated, StoreError
from store.people import PersonInfo
from store.reviews import ReviewInfo
from store.session import ReadSession, Store

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object on standard output.")]
ReviewOption = Annotated[
    str | None, typer.Option("--review", help="Short name of the review; default the only one.")
]
AsOption = Annotated[str | None, typer.Option("--as", help="Who acts; default the only person.")]


class Refused(Exception):
    """A command that cannot be done; nothing was changed."""

    def __init__(self, message: str, *, remedy: str | None = None, file: str | None = None) -> None:
        super().__init__(message)
        self.remedy = remedy
        self.file = file


class Output:
    """Where a command's words go: messages to stderr, its result to stdout."""

    def __init__(self, *, as_json: bool) -> None:
        self.as_json = as_json
        self.console = Console(stderr=True, highlight=False, soft_wrap=True)
        self.screen = Console(highlight=False)

    def say(self, message: str) -> None:
        """A message for the person at the terminal."""
        self.console.print(message, markup=False)

    def result(self, data: Mapping[str, Any], show: Callable[[Console], None]) -> None:
        """The command's result: as JSON, or shown to a person."""
        if self.as_json:
            sys.stdout.write(json.dumps(data, ensure_ascii=False, default=str) + "\n")
            sys.stdout.flush()
        else:
            show(self.screen)

    @contextmanager
    def progress(self, words: str) -> Iterator[Callable[[int, int | None], None]]:
        """A bar on stderr; gives a function of (done, total)."""
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
        )
        with Progress(*columns, console=self.console, transient=True) as bar:
            task = bar.add_task(words, total=None)

            def report(done: int, total: int | None = None) -> None:
                bar.update(task, completed=done, total=total)

            yield report

    def fail(self, error: BaseException, *, file: str | None = None) -> NoReturn:
        """Say what went wrong and what to do, and end with 1."""
        details = {
            "message": _message(error),
            "file": getattr(error, "file", None) or file,
            "line": getattr(error, "line", None),
            **({"column": error.column} if isinstance(error, StrategyError) else {}),
            "remedy": getattr(error, "remedy", None) or _remedy(error),
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
    if isinstance(error, OperationalError):
        return f"the database cannot be used: {error.orig}"
    return str(error) or type(error).__name__


def _remedy(error: BaseException) -> str | None:
    if isinstance(error, SchemaOutdated):
        return "Run `winnow init`."
    if isinstance(error, EncoderRefused):
        return "Install Winnow again, or set another encoder (WINNOW_ENCODER__NAME)."
    if isinstance(error, SettingsError):
        return "See configs/default.toml for every setting."
    if isinstance(error, OperationalError):
        return "Check WINNOW_DATABASE_URL and WINNOW_DATA_DIR, and that the database runs."
    return None


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
        yield output
    except _EXPECTED as error:
        output.fail(error, file=str(file) if file else None)
    except KeyboardInterrupt:
        output.say("Interrupted; what was stored stays stored.")
        raise typer.Exit(130) from None


def settings(**overrides: Any) -> Settings:
    """Settings with the command line's overrides."""
    return load(**overrides)


@contextmanager
def opened(chosen: Settings | None = None, *, create: bool = False) -> Iterator[Store]:
    """The store, ready and closed afterwards."""
    chosen = chosen or settings()
    if not create and not chosen.database_url and not (chosen.data_dir / "winnow.db").exists():
        raise Refused("There is no store yet.", remedy="Run `winnow init` first.")
    store = open_store(chosen, create=create).store
    try:
        yield store
    finally:
        store.close()


def find_review(session: ReadSession, slug: str | None) -> ReviewInfo:
    """The named review, or the only one.

    Raises:
        Refused: there is none, or there are several and none is named.
    """
    found = reviews.everything(session)
    if slug is not None:
        for review in found:
            if review.slug == slug:
                return review
        known = ", ".join(review.slug for review in found) or "none yet"
        raise Refused(
            f"There is no review {slug!r}; there are: {known}.",
            remedy=f"Make it with `winnow review add {slug}`.",
        )
    if len(found) == 1:
        return found[0]
    if not found:
        raise Refused("There is no review yet.", remedy="Make one with `winnow review add NAME`.")
    raise Refused(
        f"There are {len(found)} reviews: {', '.join(review.slug for review in found)}.",
        remedy="Say which one with --review.",
    )


def find_person(session: ReadSession, name: str | None) -> PersonInfo:
    """The named person, or the only one.

    Raises:
        Refused: there are several, or none, and none is named.
        NotFound: there is no person of that name.
    """
    if name is not None:
        return people.by_name(session, name)
    found = people.everyone(session)
    if len(found) == 1:
        return found[0]
    if not found:
        raise Refused("There is no person yet.", remedy="Run `winnow init`.")
    names = ", ".join(person.name for person in found)
    raise Refused(f"There are {len(found)} people: {names}.", remedy="Say who acts with --as NAME.")
