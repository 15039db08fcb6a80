"""The steps of an import: bytes, entries that nobody sees, the end, and what follows it.

Each step writes in pieces, with its place in the same transaction, so that a killed import goes on
where it was. What it stores twice is recognised by its place.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import BinaryIO

from api.services.pieces import Pieces
from api.services.searching.gold_files import gold_from_record
from api.services.searching.imported_labels import (
    LabelSource,
    TakenOver,
    is_labelled,
    is_relevant,
    take_over,
)
from api.services.searching.record_keys import FileKeys
from api.wording import count_noun
from harvest.errors import UnreadableFile
from harvest.files.labels.file_labels import strip_labels
from harvest.files.origin import Origin
from harvest.parsing.child import OpenFile
from harvest.record import Entry, Record, Rejected
from store.core import intakes, raw
from store.core.intakes import IntakeInfo
from store.core.session import Store, WriteSession
from store.searching import gold, imports, ingest, statements
from store.searching.imports import Head
from store.searching.ingest import BatchContent
from store.searching.record_rows import KeyedRecord

# Called with what an import does now ("begun", "reading", "storing" or "comparing"), with how many
# entries or records are done, and how many there are; None if that is not known yet.
ImportProgress = Callable[[str, int, int | None], None]

_CHUNK = 1024 * 1024
# How the notice on a file begins whose records name several databases.
MIXED = "several databases or platforms are named in its records: "


@dataclass(slots=True)
class Done:
    """What an import has come across so far."""

    rejected: list[Rejected] = field(default_factory=list)
    relevant: list[Record] = field(default_factory=list)
    labelled: int = 0
    gold_added: int = 0
    taken: TakenOver | None = None
    unread: Mapping[str, int] = field(default_factory=dict)


@dataclass(slots=True)
class Import:
    """An import that this process does.

    Attributes:
        store: refuses to write once the import is no longer ours.
        progress: called several times a second at most while the file is read, and for each piece
            that is stored.
    """

    store: Store
    intake: IntakeInfo
    batch_id: int
    progress: ImportProgress
    done: Done = field(default_factory=Done)

    @property
    def labels(self) -> str:
        """What is done with labels in the file."""
        return str(self.intake.request.get("labels", "ignore"))

    def refresh(self) -> None:
        """Read how far it has got."""
        with self.store.read() as session:
            self.intake = intakes.get_intake(session, self.intake.id)


def tell_nobody(_stage: str, _done: int, _total: int | None) -> None:
    """Progress that nobody asked for."""


def tell_reading(progress: ImportProgress) -> Callable[[int], None]:
    """Progress of reading alone."""
    return lambda number: progress("reading", number, None)


def tell_begun(progress: ImportProgress, intake: IntakeInfo) -> None:
    """Say that an import is under way, and how much of it an earlier process has stored."""
    stored = {"bytes": 0, "entries": intake.position}.get(intake.stage, intake.total or 0)
    progress("begun", stored, intake.total)


def read_chunks(stream: BinaryIO) -> Iterator[bytes]:
    """The bytes of a file from its beginning, a chunk at a time."""
    stream.seek(0)
    while chunk := stream.read(_CHUNK):
        yield chunk


def store_bytes(work: Import, stream: BinaryIO) -> None:
    """Store the file as it was received, from the first piece that is missing."""
    with work.store.read() as session:
        stored = imports.count_pieces(session, work.batch_id)
    writer = Pieces(work.store)
    for number, piece in enumerate(raw.list_pieces(read_chunks(stream))):
        if number >= stored:
            writer.write(
                1,
                partial(raw.store_batch_piece, batch_id=work.batch_id, number=number, piece=piece),
            )


def store_head(work: Import, file: OpenFile) -> None:
    """Keep what the file says besides its entries.

    Raises:
        UnreadableFile: it has no entries.
    """
    total = file.records + file.rejected
    if total == 0:
        raise UnreadableFile(
            "The file holds no records.", remedy="Check the export; it may be empty."
        )
    stated = work.intake.request.get("search_fields") or {}
    existing = work.intake.request.get("search_id") is not None
    with work.store.read() as session:
        _, source = imports.get_search_of(session, work.batch_id)
    read = {
        name: value
        for name, value in search_fields_from_origin(file.origin).items()
        if not existing and stated.get(name) is None
    }
    notices = list(file.notices)
    if file.origin.mixed and not source:
        notices.append(f"{MIXED}{describe_mixed(file.origin)}")
    if read:
        notices.append(f"read from the file into its search: {', '.join(sorted(read))}")
    head = Head(
        format=file.format,
        columns=file.columns,
        notices=tuple(notices),
        search_fields=read,
        total=total,
    )
    Pieces(work.store).write(1, lambda session: imports.store_head(session, work.intake.id, head))


def describe_mixed(origin: Origin) -> str:
    """What records of a mixed file name: "Scopus (120 records), PubMed (80 records)"."""
    return ", ".join(f"{name} ({count_noun(count, 'record')})" for name, count in origin.mixed)


def search_fields_from_origin(origin: Origin) -> dict[str, object]:
    """Fields of a search that a file states itself."""
    fields = {
        "source": origin.database,
        "platform": origin.platform,
        "strategy": origin.strategy,
        "reported": origin.reported,
    }
    return {name: value for name, value in fields.items() if value is not None}


def _file_keys(work: Import, file: OpenFile) -> FileKeys:
    """What the keys of the file's records depend on: only what a person stated of its search."""
    source: str | None
    if work.intake.request.get("search_id") is not None:
        with work.store.read() as session:
            _, source = imports.get_search_of(session, work.batch_id)
    else:
        source = (work.intake.request.get("search_fields") or {}).get("source")
    return FileKeys(file.sha256, file.format, source)


def _strip_entries(
    work: Import, file: OpenFile, entries: Iterator[Entry]
) -> Iterator[Record | Rejected]:
    """Entries without the labels that are not kept as notes that everybody sees."""
    strips = work.labels == "decisions" or file.labels.tool == "Winnow"
    for entry in entries:
        if isinstance(entry, Record) and strips:
            # An own export's decisions would be read as this review's, once exported again.
            yield strip_labels(entry, file.labels.tool)
        else:
            yield entry


def look_through(work: Import, file: OpenFile) -> None:
    """Note what the file has that cannot be stored as records, and what its labels say."""
    work.done.unread = file.labels.unread
    for entry in file.find_entries(file.labels.by_position, "label"):
        if isinstance(entry, Rejected):
            work.done.rejected.append(entry)
            continue
        work.done.labelled += is_labelled(entry, file.labels)
        if work.labels == "gold" and is_relevant(entry, file.labels):
            work.done.relevant.append(entry)


def store_entries(work: Import, file: OpenFile) -> None:
    """Store the entries that are not stored yet; nobody sees them."""
    keys = _file_keys(work, file)
    after, total = work.intake.position, file.records + file.rejected
    writer = Pieces(work.store)
    for piece in writer.split(_strip_entries(work, file, file.entries(after=after))):
        content = BatchContent(
            [keys.of(entry) for entry in piece if isinstance(entry, Record)],
            [entry for entry in piece if isinstance(entry, Rejected)],
        )
        position = piece[-1].position

        def add(
            session: WriteSession, content: BatchContent = content, position: int = position
        ) -> None:
            ingest.add_entries(session, work.batch_id, content)
            imports.move(session, work.intake.id, position=position)

        writer.write(len(piece), add)
        work.progress("storing", position, total)


def end(work: Import) -> None:
    """Let everybody see the import. Records of a search that now belongs to the pool wait there."""
    writer = Pieces(work.store)
    while writer.write(1, lambda session: imports.update_membership(session, work.intake.id)):
        place: int | None = 0
        while place is not None:
            place = writer.write(
                writer.size,
                partial(
                    imports.refresh_piece, batch_id=work.batch_id, after=place, size=writer.size
                ),
            )
    writer.write(1, lambda session: imports.end_import(session, work.intake.id))


def add_statements(work: Import, file: OpenFile) -> None:
    """Add what the file says about records that the review had before, and its notices."""
    with work.store.read() as session:
        stating = statements.find_stating(session, work.batch_id)
    keys = _file_keys(work, file)
    after = work.intake.position
    records = (
        keys.of(entry)
        for entry in _strip_entries(work, file, file.find_entries(stating, "status_notices"))
        if isinstance(entry, Record)
        and entry.position > after
        and (entry.position in stating or entry.status_notices)
    )
    writer = Pieces(work.store)
    for piece in writer.split(records):

        def add(session: WriteSession, piece: list[KeyedRecord] = piece) -> None:
            statements.add_statements(session, work.batch_id, piece)
            imports.move(session, work.intake.id, position=piece[-1].record.position)

        writer.write(len(piece), add)
    writer.write(
        1, lambda session: imports.move(session, work.intake.id, position=0, stage="labels")
    )


def use_labels(work: Import, file: OpenFile) -> None:
    """Take over what the file says was decided, or add its relevant records as known studies."""
    review_id, person_id = work.intake.review_id, work.intake.person_id
    if work.labels == "decisions" and person_id is not None:
        source = LabelSource(file.sha256, work.batch_id, file.labels)
        work.done.taken = take_over(work.store, review_id, person_id, source)
    writer = Pieces(work.store)
    chosen = (
        gold_from_record(record, f"{file.sha256}#{record.position}", origin="own-search")
        for record in work.done.relevant
    )
    for piece in writer.split(chosen):
        work.done.gold_added += writer.write(
            len(piece),
            partial(
                gold.add_gold,
                review_id=review_id,
                records=piece,
                list_name=work.intake.name,
                person_id=person_id,
            ),
        )
    writer.write(1, lambda session: imports.finish_import(session, work.intake.id))


def remove(store: Store, intake_id: int) -> None:
    """Take away an import that failed or was cancelled; only its log stays."""
    writer = Pieces(store)
    while writer.write(
        writer.size, partial(imports.remove_piece, intake_id=intake_id, size=writer.size)
    ):
        """Each piece is a transaction of its own."""
