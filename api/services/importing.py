"""Files to records of a search: read, filed in one transaction, the sum told."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, BinaryIO

from api.services.deduplicating import deduplicate_new
from harvest.errors import UnreadableFile
from harvest.files.build import MALFORMED_ID
from harvest.files.origin import Stated, origin
from harvest.files.read import FileContent, entries, fingerprint, read_file
from harvest.files.sniff import sniff
from harvest.files.table import Mapped
from harvest.files.unpack import unpacked
from harvest.record import Notice, Record, Rejected
from harvest.text import fold, title_key
from store import decisions, filing, gold, raw, records, searches
from store.filing import FileInfo, Keyed
from store.session import ReadSession, Store, WriteSession

_CHUNK = 1024 * 1024
# Columns of a gold list that are kept, and how long their names and values may be.
_TAGS, _TAG_NAME, _TAG_VALUE = 20, 60, 200
LABEL_USES = ("ignore", "gold", "decisions")
# Their accession numbers are PubMed's whoever exported the file.
_PUBMED_FORMATS = {"nbib", "pubmed-xml"}


@dataclass(frozen=True, slots=True)
class ImportRequest:
    """How a file is to be imported.

    Attributes:
        search_id: an existing search; None opens a new one with ``search_fields``.
        search_fields: what is stated of a new search.
        mapping: field to column name, for tables.
        labels: what is done with relevance labels in the file: ``ignore``, ``gold`` or
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
        repeated: the review held this very file already; nothing was changed.
        labelled: records that carry a relevance label.
        gold_added: known relevant records added from labels.
        decisions_added: decisions taken over from labels.
        copies: records that were merged into reports held already.
    """

    batch: searches.BatchInfo
    rejected: tuple[Rejected, ...]
    repeated: bool
    labelled: int
    gold_added: int = 0
    decisions_added: int = 0
    copies: int = 0


def slug(text: str) -> str:
    """A name as a short key: folded, blanks and punctuation to single hyphens."""
    return "-".join("".join(c if c.isalnum() else " " for c in fold(text)).split())[:200]


def keyed(content: FileContent, source: str | None) -> Iterator[Keyed]:
    """Records of a file with the keys under which the store files them."""
    for record in content.records:
        fallback = f"{content.sha256}#{record.position}"
        stated = "PubMed" if content.format in _PUBMED_FORMATS and record.accession else source
        name = slug(stated or record.database or "file") or "file"
        yield key(record, source=name, source_id=record.accession or fallback, fallback=fallback)


def key(
    record: Record, *, source: str, source_id: str, fallback: str, certain: bool = False
) -> Keyed:
    """A record with the keys under which the store files it; see ``store.filing.Keyed``."""
    people = " ".join(author.name for author in record.authors)
    ids = " ".join(i for i in (record.doi, record.pmid, record.accession) if i)
    parts = (record.title, record.abstract, people, record.venue, ids, str(record.year or ""))
    return Keyed(
        record=record,
        source=source,
        source_id=source_id[:500],
        fallback_id=fallback,
        title_key=title_key(record.title),
        search_text=fold(" ".join(part for part in parts if part)),
        certain=certain,
    )


def _chunks(stream: BinaryIO) -> Iterator[bytes]:
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

    Then the new records are compared with all others, step by step; where that is cut short, the
    worker goes on with it.

    Raises:
        UnreadableFile: the file is refused whole; nothing was stored.
        ValueError: the request is wrong.
    """
    if request.labels not in LABEL_USES:
        raise ValueError(f"labels must be one of {', '.join(LABEL_USES)}, not {request.labels!r}")
    with unpacked(stream) as plain:
        outcome = _import_plain(store, review_id, plain, name, request, person_id, progress)
    joined = deduplicate_new(store, review_id).joined
    return replace(outcome, copies=joined)


def _import_plain(
    store: Store,
    review_id: int,
    stream: BinaryIO,
    name: str,
    request: ImportRequest,
    person_id: int | None,
    progress: Callable[[int], None] | None,
) -> ImportOutcome:
    sha256, _ = fingerprint(stream)
    with store.read() as session:
        held = searches.find_batch(session, review_id, sha256)
        if held is not None:
            return _repeat(session, held)
    content = read_file(stream, mapping=request.mapping, progress=progress)
    if content.entries_read == 0:
        raise UnreadableFile(
            "The file holds no records.", remedy="Check the export; it may be empty."
        )
    with store.write() as session:
        held = searches.find_batch(session, review_id, sha256)
        if held is not None:
            return _repeat(session, held)
        batch_id = _store(session, review_id, stream, name, content, request, person_id)
        added, taken = _labels(session, review_id, name, content, batch_id, request, person_id)
        return ImportOutcome(
            batch=searches.batch(session, review_id, batch_id),
            rejected=content.rejected,
            repeated=False,
            labelled=sum(record.label is not None for record in content.records),
            gold_added=added,
            decisions_added=taken,
        )


def _repeat(session: ReadSession, held: searches.BatchInfo) -> ImportOutcome:
    lost = searches.rejected(session, held.id)
    return ImportOutcome(
        batch=held,
        rejected=tuple(Rejected(e.position, e.reason, e.line, e.excerpt) for e in lost),
        repeated=True,
        labelled=0,
    )


def _store(
    session: WriteSession,
    review_id: int,
    stream: BinaryIO,
    name: str,
    content: FileContent,
    request: ImportRequest,
    person_id: int | None,
) -> int:
    search_id = request.search_id
    if search_id is None:
        fields = dict(request.search_fields or {})
        source = fields.get("source")
        read = {k: v for k, v in told_by(content.origin).items() if fields.get(k) is None}
        search_id = searches.create(
            session, review_id, kind="file", person_id=person_id, fields={**fields, **read}
        )
    else:
        source, read = searches.by_id(session, review_id, search_id).source, {}
    notices = list(content.notices)
    if read:
        notices.append(f"read from the file into its search: {', '.join(sorted(read))}")
    info = FileInfo(
        name=name,
        sha256=content.sha256,
        size=content.size,
        format=content.format,
        columns=content.columns,
        notices=notices,
    )
    batch_id = filing.add_batch(
        session,
        review_id,
        search_id,
        info,
        keyed(content, source),
        content.rejected,
        person_id=person_id,
    )
    raw.keep_batch(session, batch_id, _chunks(stream))
    return batch_id


def told_by(origin: Stated) -> dict[str, Any]:
    """Fields of a search that its file tells of itself."""
    told = {
        "source": origin.database,
        "platform": origin.platform,
        "strategy": origin.strategy,
        "reported": origin.reported,
    }
    return {name: value for name, value in told.items() if value is not None}


def _labels(
    session: WriteSession,
    review_id: int,
    name: str,
    content: FileContent,
    batch_id: int,
    request: ImportRequest,
    person_id: int | None,
) -> tuple[int, int]:
    """Labels of a file as gold list or as decisions: numbers of either that were added."""
    if request.labels == "gold":
        chosen = [
            gold_of(record, f"{content.sha256}#{record.position}")
            for record in content.records
            if record.label == "include"
        ]
        return gold.add(session, review_id, chosen, list_name=name, person_id=person_id), 0
    if request.labels != "decisions" or person_id is None:
        return 0, 0
    reports = records.reports_of_batch(session, batch_id)
    # What the team has decided stands over what a file says.
    decided = decisions.begun(session, review_id)
    taken = 0
    for record in content.records:
        if record.label is None or reports[record.position] in decided:
            continue
        new = decisions.NewDecision(
            token=f"import:{content.sha256}#{record.position}",
            report_id=reports[record.position],
            decision=record.label,
            note="taken over from the imported file",
            kind="import",
        )
        taken += decisions.record(session, review_id, person_id, new)[1]
    return 0, taken


def gold_of(
    record: Record,
    source_id: str | None,
    *,
    search_use: str = "validation",
    ranking_use: str = "held_out",
    origin: str = "list",
) -> gold.NewGold:
    """A known relevant record from a record of a file."""
    return gold.NewGold(
        title=record.title,
        abstract=record.abstract,
        year=record.year,
        doi=record.doi,
        pmid=record.pmid,
        source_id=source_id,
        search_use=search_use,
        ranking_use=ranking_use,
        origin=origin,
        tags=_tags(record.extra),
    )


def _tags(extra: Mapping[str, str]) -> dict[str, str]:
    """Columns by which recall may be told apart; long texts are no kinds of record."""
    short = [
        (name, value)
        for name, value in extra.items()
        if len(name) <= _TAG_NAME and len(value) <= _TAG_VALUE and name != MALFORMED_ID
    ]
    return dict(short[:_TAGS])


@dataclass(frozen=True, slots=True)
class Preview:
    """The beginning of a file, as it would be imported."""

    format: str
    records: tuple[Record, ...]
    rejected: tuple[Rejected, ...]
    notices: tuple[str, ...]
    columns: Mapping[str, str]
    header: tuple[str, ...]
    complete: bool
    labelled: int
    origin: Stated


def preview(
    stream: BinaryIO, mapping: Mapping[str, str] | None = None, *, limit: int = 200
) -> Preview:
    """Read the first entries of a file.

    Raises:
        UnreadableFile: the file is refused whole.
    """
    with unpacked(stream) as plain:
        return _preview_plain(plain, mapping, limit)


def _preview_plain(stream: BinaryIO, mapping: Mapping[str, str] | None, limit: int) -> Preview:
    file_format = sniff(stream)
    found: list[Record] = []
    rejected: list[Rejected] = []
    notices: list[str] = []
    columns: Mapped | None = None
    stated: Stated | None = None
    more = False
    for entry in entries(stream, file_format, mapping):
        if len(found) + len(rejected) == limit:
            more = True
            break
        if isinstance(entry, Mapped):
            columns = entry
        elif isinstance(entry, Stated):
            stated = entry
        elif isinstance(entry, Notice):
            notices.append(entry.message)
        elif isinstance(entry, Record):
            found.append(entry)
        else:
            rejected.append(entry)
    return Preview(
        format=file_format,
        records=tuple(found),
        rejected=tuple(rejected),
        notices=tuple(notices),
        columns=columns.columns.names if columns else {},
        header=columns.columns.header if columns else (),
        complete=not more,
        labelled=sum(record.label is not None for record in found),
        origin=origin(file_format, found, stated),
    )
