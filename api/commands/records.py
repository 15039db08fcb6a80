"""`winnow withdraw` and `winnow export`: records taken back, and written to files."""

from __future__ import annotations

import datetime as dt
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from api.commands.output import (
    AsOption,
    Json,
    Refused,
    ReviewOption,
    acting,
    find_person,
    in_review,
)
from api.documents import exports, screening_report, search_log
from api.services.reporting.screening_report import build_report
from api.services.reporting.search_log import build_log
from api.services.searching import searches
from api.settings import Settings
from api.wording import count_noun
from store.core.session import ReadSession
from store.searching import batches
from store.searching.searches import get_search_by_number


def withdraw(
    reason: Annotated[str, typer.Option(help="Why; shown with the counts.")],
    file: Annotated[
        int | None, typer.Argument(help="Number of the imported file in the review.")
    ] = None,
    search: Annotated[
        int | None,
        typer.Option(
            help="Number of a search in the review; withdraws all of it with its runs, "
            "instead of a file."
        ),
    ] = None,
    review: ReviewOption = None,
    actor: AsOption = None,
    as_json: Json = False,
) -> None:
    """Withdraw a wrong file or search: its records no longer count, decisions stay readable."""
    with acting(as_json, review, actor) as act:
        store, review_id, person_id = act.store, act.review.id, act.person.id
        if file is not None and search is None:
            with store.read() as session:
                file_id = batches.get_file_by_number(session, review_id, file)
            withdrawn = searches.withdraw_file(
                store, review_id, file_id, reason=reason, person_id=person_id
            )
        elif search is not None and file is None:
            with store.read() as session:
                search_id = get_search_by_number(session, review_id, search)
            withdrawn = searches.withdraw_search(
                store, review_id, search_id, reason=reason, person_id=person_id
            )
        else:
            raise Refused("Say which file, or which search with --search, to withdraw.")
        act.wake()
        name = withdrawn.name if search is None else f"search {search}"
        act.output.result(
            {
                "review": act.review.slug,
                "file": file,
                "search": search,
                "name": name,
                "reason": reason.strip(),
                "reports_withdrawn": withdrawn.reports,
            },
            lambda screen: screen.print(
                f"{name} is withdrawn, with {count_noun(withdrawn.reports, 'record')}. "
                "Decisions stay readable; importing the same records again restores them."
            ),
        )


@dataclass(frozen=True, slots=True)
class _Document:
    """What is written, and how.

    Attributes:
        what: ``records``, ``search-log`` or ``screening-report``.
        which: which records.
        file_format: None for the usual one.
        audience: ``team`` or ``public``.
        reader: whose knowledge the screening report has; None for the only person.
    """

    what: str
    which: str
    file_format: str | None
    audience: str
    reader: str | None

    @property
    def suffix(self) -> str:
        """The format that is written."""
        return self.file_format or ("csv" if self.what == "records" else "md")

    @property
    def part(self) -> str:
        """What of the review is written, for the file's name."""
        return {"search-log": "search-log", "screening-report": "screening"}.get(
            self.what, self.which
        )

    def pieces(self, session: ReadSession, settings: Settings, review_id: int) -> Iterable[bytes]:
        """The file, piece by piece.

        Raises:
            Refused: it cannot be written in this format, or there is no such thing to write.
            ValueError: there is no such format, choice of records or audience.
        """
        if self.what == "records":
            return exports.export(
                session,
                review_id,
                self.suffix,
                exports.ExportChoice(self.which, self.audience),
                terms=settings.terms,
            )
        if self.what == "search-log":
            if self.suffix not in search_log.WRITERS:
                raise Refused(f"The search log is written as md or csv, not {self.suffix!r}.")
            return [search_log.WRITERS[self.suffix](build_log(session, review_id)).encode()]
        if self.what == "screening-report":
            if self.suffix != "md":
                raise Refused(f"The screening report is written as md, not {self.suffix!r}.")
            reader = find_person(session, self.reader)
            now = dt.datetime.now(dt.UTC)
            report = build_report(session, review_id, seen_by=reader.id, at=now)
            return [screening_report.as_markdown(report).encode()]
        raise Refused(f"--what must be records, search-log or screening-report, not {self.what!r}.")


def export(
    file_format: Annotated[
        str | None,
        typer.Option(
            "--format",
            help="csv (default), xlsx, ris, bib or jsonl; md or csv of the search log; md of the "
            "report.",
        ),
    ] = None,
    what: Annotated[str, typer.Option(help="records, search-log or screening-report.")] = "records",
    which: Annotated[str, typer.Option(help=f"Which records: {', '.join(exports.WHICH)}.")] = "all",
    audience: Annotated[
        str,
        typer.Option(
            "--for", help="team, or public: without abstracts whose source does not allow sharing."
        ),
    ] = "team",
    destination: Annotated[
        str | None, typer.Option("--output", help="File to write; - for standard output.")
    ] = None,
    review: ReviewOption = None,
    actor: AsOption = None,
    as_json: Json = False,
) -> None:
    """Write the records with decisions and scores, or the log of searches or screening, to a file.

    The screening report says what the person named by --as may know.
    """
    document = _Document(what, which, file_format, audience, actor)
    with in_review(as_json, review) as run, run.store.read_snapshot() as session:
        pieces = document.pieces(session, run.settings, run.review.id)
        if destination == "-":
            if as_json:
                raise Refused("--json and --output - cannot both use standard output.")
            for piece in pieces:
                sys.stdout.buffer.write(piece)
            return
        path = Path(destination or f"{run.review.slug}-{document.part}.{document.suffix}")
        _write(path, pieces)
        run.output.result(
            {
                "review": run.review.slug,
                "file": str(path),
                "format": document.suffix,
                "what": what,
                "which": document.part,
            },
            lambda screen: screen.print(f"Written: {path}"),
        )


def _write(path: Path, pieces: Iterable[bytes]) -> None:
    """Write a file whole or not at all."""
    unfinished = path.with_name(f"{path.name}.part")
    with unfinished.open("wb") as file:
        for piece in pieces:
            file.write(piece)
    unfinished.replace(path)
