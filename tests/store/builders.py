"""Build records for tests of the store."""

from __future__ import annotations

import datetime as dt
import hashlib
import itertools
from collections.abc import Sequence

from api.services.searching.record_keys import FileKeys
from harvest.file_content import FileContent
from harvest.record import Record, Rejected
from store.core.session import ReadSession, Store, WriteSession
from store.core.tables import RecordRow
from store.reports import records
from store.reports.records import StoredRecord, select_stored, stored_record
from store.reviews import members, people
from store.reviews.people import PersonInfo
from store.rules.roles import Role
from store.searching import ingest, searches
from store.searching.ingest import BatchContent, FileInfo
from store.searching.runs.runs import NewRun

_numbers = itertools.count()


def content(entries: Sequence[Record], rejected: Sequence[Rejected] = ()) -> FileContent:
    """A file's content with its own fingerprint."""
    digest = hashlib.sha256(str(next(_numbers)).encode()).hexdigest()
    return FileContent("csv", digest, 10, tuple(entries), tuple(rejected))


def store_content(
    store: Store,
    review_id: int,
    made: FileContent,
    *,
    name: str = "made.csv",
    source: str | None = None,
    run_on: str | None = None,
) -> int:
    """Store a file's content in its own search, and return the batch's id."""
    with store.write() as session:
        search = searches.create_search(
            session,
            review_id,
            kind="file",
            person_id=None,
            fields={"source": source, "run_on": run_on},
        )
        info = FileInfo(
            name=name,
            sha256=made.sha256,
            size=made.size,
            format=made.format,
            columns={},
            notices=(),
        )
        return ingest.add_batch(
            session,
            search,
            info,
            BatchContent(
                map(FileKeys(made.sha256, made.format, source).of, made.records), made.rejected
            ),
            person_id=None,
        )


def new_run(strategy_id: int, until: dt.date) -> NewRun:
    """A run of one query at PubMed."""
    return NewRun(
        source="pubmed",
        strategy_id=strategy_id,
        line="1",
        queries=["a"],
        losses=[],
        fields={},
        until=until,
    )


def join(session: WriteSession, review_id: int, name: str, role: Role = "reviewer") -> PersonInfo:
    """Create a person and add them to a review."""
    made = people.create_person(session, name)
    members.add_member(session, review_id, made.id, role, by=None)
    return made


def add_records(store: Store, review_id: int, number: int, *, name: str = "made.csv") -> list[int]:
    """Store records with titles and abstracts, and return their reports' ids."""
    made = content(
        [
            Record(position=n, title=f"Title {n} of {next(_numbers)}", abstract=f"Abstract {n}")
            for n in range(1, number + 1)
        ]
    )
    batch = store_content(store, review_id, made, name=name)
    with store.read() as session:
        return list(records.get_reports_by_position(session, batch).values())


def list_all_records(session: ReadSession, review_id: int) -> list[StoredRecord]:
    """All records of a review, including those that do not count, oldest first."""
    rows = session.execute(
        select_stored().where(RecordRow.review_id == review_id).order_by(RecordRow.id)
    )
    return [stored_record(*row) for row in rows]
