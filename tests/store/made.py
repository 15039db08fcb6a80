"""Records made for tests of the store."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Sequence

from api.services.importing import keyed
from harvest.files.read import FileContent
from harvest.record import Record, Rejected
from store import filing, members, people, records, searches
from store.filing import FileInfo
from store.people import PersonInfo
from store.roles import Role
from store.session import Store, WriteSession

_numbers = itertools.count()


def content(entries: Sequence[Record], rejected: Sequence[Rejected] = ()) -> FileContent:
    """A file's content with a fingerprint of its own."""
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
    """Store a file's content in a search of its own; gives the batch's id."""
    with store.write() as session:
        search = searches.create(
            session,
            review_id,
            kind="file",
            person_id=None,
            fields={"source": source, "run_on": run_on},
        )
        info = FileInfo(name, made.sha256, made.size, made.format, {}, ())
        return filing.add_batch(
            session, review_id, search, info, keyed(made, source), made.rejected, person_id=None
        )


def join(session: WriteSession, review_id: int, name: str, role: Role = "reviewer") -> PersonInfo:
    """A new person of a review."""
    made = people.create(session, name)
    members.add(session, review_id, made.id, role, by=None)
    return made


def add_records(store: Store, review_id: int, number: int, *, name: str = "made.csv") -> list[int]:
    """Store records with titles and abstracts; gives their reports' ids."""
    made = content(
        [
            Record(position=n, title=f"Title {n} of {next(_numbers)}", abstract=f"Abstract {n}")
            for n in range(1, number + 1)
        ]
    )
    batch = store_content(store, review_id, made, name=name)
    with store.read() as session:
        return list(records.reports_of_batch(session, batch).values())
