"""Files imported into a search: read, stored in one transaction, the sum reported."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, BinaryIO

from api.services.duplicates.deduplicating import compare_new_records
from api.services.searching.gold_files import gold_from_record
from api.services.searching.imported_labels import (
    LabelSource,
    TakenOver,
    count_labelled,
    is_relevant,
    take_over,
)
from api.services.searching.record_keys import keyed_records
from api.wording import count_noun
from harvest.errors import UnreadableFile
from harvest.file_content import FileContent, fingerprint
from harvest.files.labels.file_labels import FileLabels, strip_labels
from harvest.files.origin import Origin
from harvest.files.unpack import unpacked
from harvest.parsing.child import Wanted, open_file
from harvest.record import Rejected
from store.core import raw
from store.core.session import ReadSession, Store, WriteSession
from store.reports import limits
from store.searching import batches, gold, ingest, record_rows, searches
from store.searching.batches import BatchInfo
from store.searching.ingest import BatchContent, FileInfo

_CHUNK = 1024 * 1024
# How the notice on a file begins whose records name several databases.
MIXED = "several databases or platforms are named in its records: "
LABEL_USES = ("ignore", "gold", "decisions")


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportRequest:
    """How a file is to be imported.

    Attributes:
        search_id: an existing search; None opens a new one with ``search_fields``.
        search_fields: what is stated of a new search.
        mapping: field to column name, for tables.
        labels: what to do with relevance labels in the file: ``ignore``, ``gold`` or
            ``decisions``.
    """

    search_id: int | None = None
    search_fields: Mapping[str, Any] | None = None
    mapping: Mapping[str, str] | None = None
    labels: str = "ignore"


@dataclass(frozen=True, slots=True)
class ImportOutcome:
    """What became of a file. ``read == new + changed + same + rejected``.

    Attributes:
        repeated: the review holds this very file already; nothing was changed.
        labelled: records that carry a decision or a relevance label.
        gold_added: known relevant records added from labels.
        decisions_added: decisions on titles and abstracts that now count.
        taken: what was taken over besides; None unless labels are used as decisions.
        unread: how many records have each value of a label that was not understood.
        copies: records that were merged into reports of earlier files.
        out_of_range: reports of its records that are left out: outside the protocol's years.
    """

    batch: BatchInfo
    rejected: tuple[Rejected, ...]
    repeated: bool
    labelled: int
    gold_added: int = 0
    decisions_added: int = 0
    copies: int = 0
    out_of_range: int = 0
    taken: TakenOver | None = None
    unread: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Import:
    """An import under way: a file's name, how it is imported, into which review, by whom."""

    review_id: int
    name: str
    request: ImportRequest
    person_id: int | None


def read_chunks(stream: BinaryIO) -> Iterator[bytes]:
    """The bytes of a file from its beginning, a chunk at a time."""
    stream.seek(0)
    while chunk := stream.read(_CHUNK):
        yield chunk


def import_file(
    store: Store,
    review_id: int,
    stream: BinaryIO,
    name: str,
    request: ImportRequest,
    *,
    person_id: int | None,
    progress: Callable[[int], None] | None = None,
) -> ImportOutcome:
    """Read a file and store its records and rejected entries in one transaction.

    The new records are then compared with all others, step by step. If that is interrupted, the
    worker completes it.

    Args:
        store: the database.
        review_id: the review.
        stream: the file; it may be packed.
        name: what the file is called.
        request: how it is imported.
        person_id: who imports it.
        progress: called with the number of entries read.

    Raises:
        UnreadableFile: the file is refused whole; nothing was stored.
        ValueError: the request is wrong.
    """
    if request.labels not in LABEL_USES:
        raise ValueError(f"labels must be one of {', '.join(LABEL_USES)}, not {request.labels!r}")
    job = _Import(review_id, name, request, person_id)
    with unpacked(stream) as plain:
        outcome = _import_plain(store, job, plain, progress)
    joined = compare_new_records(store, review_id).joined
    with store.read() as session:
        left_out = limits.count_left_out(session, outcome.batch.id)
    return replace(outcome, copies=joined, out_of_range=left_out)


def _import_plain(
    store: Store, job: _Import, stream: BinaryIO, progress: Callable[[int], None] | None
) -> ImportOutcome:
    sha256, _ = fingerprint(stream)
    wants_decisions = job.request.labels == "decisions"
    with store.read() as session:
        earlier = batches.find_batch(session, job.review_id, sha256)
        if earlier is not None and not wants_decisions:
            return _repeated(session, earlier)
    wanted = Wanted(mapping=job.request.mapping, name=job.name)
    with open_file(stream, wanted, progress=progress) as file:
        content, labels = file.content(), file.labels
    if content.entries_read == 0:
        raise UnreadableFile(
            "The file holds no records.", remedy="Check the export; it may be empty."
        )
    with store.write() as session:
        earlier = batches.find_batch(session, job.review_id, sha256)
        if earlier is not None:
            outcome = _repeated(session, earlier)
            batch_id = earlier.id
            if wants_decisions:
                # Until now the decisions were notes that everybody saw.
                record_rows.change_remarks(
                    session, batch_id, partial(strip_labels, tool=labels.tool)
                )
        else:
            batch_id = _store(session, job, stream, content, labels)
            outcome = ImportOutcome(
                batch=batches.get_batch(session, job.review_id, batch_id),
                rejected=content.rejected,
                repeated=False,
                labelled=0,
                gold_added=_add_gold(session, job, content, labels),
            )
        taken = None
        if wants_decisions and job.person_id is not None:
            source = LabelSource(content.sha256, batch_id, labels)
            taken = take_over(session, job.review_id, job.person_id, source)
        return replace(
            outcome,
            labelled=count_labelled(content.records, labels),
            decisions_added=taken.decisions if taken else 0,
            taken=taken,
            unread=labels.unread,
        )


def _repeated(session: ReadSession, earlier: BatchInfo) -> ImportOutcome:
    rejected = batches.list_rejected(session, earlier.id)
    return ImportOutcome(
        batch=earlier,
        rejected=tuple(Rejected(e.position, e.reason, e.line, e.excerpt) for e in rejected),
        repeated=True,
        labelled=0,
    )


def _store(
    session: WriteSession,
    job: _Import,
    stream: BinaryIO,
    content: FileContent,
    labels: FileLabels,
) -> int:
    """Store a file as received and what was read from it; returns the batch's id."""
    if job.request.labels == "decisions" or labels.tool == "Winnow":
        # What is taken over is not kept as a note that everybody sees. An own export's decisions
        # would be read as this review's, once it is exported again.
        content = replace(
            content, records=tuple(strip_labels(one, labels.tool) for one in content.records)
        )
    search_id, source, read = _find_or_create_search(session, job, content)
    notices = list(content.notices)
    if content.origin.mixed and not source:
        notices.append(f"{MIXED}{describe_mixed(content.origin)}")
    if read:
        notices.append(f"read from the file into its search: {', '.join(sorted(read))}")
    info = FileInfo(
        name=job.name,
        sha256=content.sha256,
        size=content.size,
        format=content.format,
        columns=content.columns,
        notices=notices,
    )
    batch_id = ingest.add_batch(
        session,
        search_id,
        info,
        BatchContent(keyed_records(content, source), content.rejected),
        person_id=job.person_id,
    )
    raw.store_batch(session, batch_id, read_chunks(stream))
    return batch_id


def _find_or_create_search(
    session: WriteSession, job: _Import, content: FileContent
) -> tuple[int, str | None, list[str]]:
    """The search that a file belongs to.

    Returns:
        Its id, the source that a person stated, and the fields that the file itself states.
    """
    search_id = job.request.search_id
    if search_id is not None:
        return search_id, searches.get_search(session, job.review_id, search_id).source, []
    stated = dict(job.request.search_fields or {})
    read = {
        name: value
        for name, value in search_fields_from_origin(content.origin).items()
        if stated.get(name) is None
    }
    search_id = searches.create_search(
        session, job.review_id, kind="file", person_id=job.person_id, fields={**stated, **read}
    )
    return search_id, stated.get("source"), list(read)


def describe_mixed(origin: Origin) -> str:
    """What records of a mixed file name: "Scopus (120 records), PubMed (80 records)"."""
    return ", ".join(f"{name} ({count_noun(count, 'record')})" for name, count in origin.mixed)


def search_fields_from_origin(origin: Origin) -> dict[str, Any]:
    """Fields of a search that a file states itself."""
    fields = {
        "source": origin.database,
        "platform": origin.platform,
        "strategy": origin.strategy,
        "reported": origin.reported,
    }
    return {name: value for name, value in fields.items() if value is not None}


def _add_gold(session: WriteSession, job: _Import, content: FileContent, labels: FileLabels) -> int:
    """Add the records labelled relevant as a gold list, if asked to; returns how many are new."""
    if job.request.labels != "gold":
        return 0
    relevant = [
        gold_from_record(record, f"{content.sha256}#{record.position}", origin="own-search")
        for record in content.records
        if is_relevant(record, labels)
    ]
    return gold.add_gold(
        session, job.review_id, relevant, list_name=job.name, person_id=job.person_id
    )


def describe_left_out(outcome: ImportOutcome) -> str:
    """How many reports of a file are left out before screening; see ``out_of_range``."""
    number, is_are = outcome.out_of_range, "is" if outcome.out_of_range == 1 else "are"
    return (
        f"{count_noun(number, 'report')} {is_are} outside the protocol's years and left out before "
        "screening"
    )
