"""Read a file of any format: detect the format, parse it, and check that no entry was lost."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import BinaryIO, NamedTuple

from harvest.errors import FileOverLimit, UnknownFormat, UnreadableFile
from harvest.files import (
    bibtex,
    delimited,
    ebsco_xml,
    endnote_xml,
    jsonl,
    nbib,
    ovid,
    proquest_text,
    pubmed_xml,
    refer,
    refworks,
    ris,
    wos,
    xlsx,
)
from harvest.files.labels import asreview_project, eppi_json
from harvest.files.origin import Origin, find_origin
from harvest.files.sniff import READABLE, sniff
from harvest.files.table import ColumnMapping
from harvest.files.unpack import unpacked
from harvest.record import Entry, Notice, Record, Rejected
from harvest.text import storable


def _parse_project(stream: BinaryIO) -> Iterator[Entry | Notice]:
    return asreview_project.parse(stream, _read_data_set)


def _read_data_set(stream: BinaryIO) -> tuple[tuple[Record, ...], tuple[Rejected, ...]]:
    """The records of a file inside a project; a project inside a project is refused."""
    file_format = sniff(stream)
    if file_format == "asreview":
        raise UnreadableFile(
            "The project's data set is a project itself.", remedy="Import that one instead."
        )
    content = read_file(stream, file_format=file_format)
    return content.records, content.rejected


PARSERS: Mapping[str, Callable[[BinaryIO], Iterator[Entry | Notice | Origin]]] = {
    "asreview": _parse_project,
    "ris": ris.parse,
    "nbib": nbib.parse,
    "pubmed-xml": pubmed_xml.parse,
    "endnote-xml": endnote_xml.parse,
    "ebsco-xml": ebsco_xml.parse,
    "eppi-json": eppi_json.parse,
    "bibtex": bibtex.parse,
    "jsonl": jsonl.parse,
    "wos": wos.parse,
    "ovid": ovid.parse,
    "proquest-text": proquest_text.parse,
    "refworks": refworks.parse,
    "refer": refer.parse,
}
TABLES = {"csv": delimited.parse, "xlsx": xlsx.parse}
FORMATS = (*PARSERS, *TABLES)
_CHUNK = 1024 * 1024


@dataclass(frozen=True, slots=True)
class FileContent:
    """The parsed content of a file. ``entries_read == len(records) + len(rejected)`` always.

    Attributes:
        columns: field to column name, for tables only.
        unused_columns: columns that fill no field, for tables only.
        origin: database, platform and strategy, as far as the file states them.
    """

    format: str
    sha256: str
    size: int
    records: tuple[Record, ...]
    rejected: tuple[Rejected, ...]
    notices: tuple[str, ...] = ()
    columns: Mapping[str, str] = field(default_factory=dict)
    unused_columns: tuple[str, ...] = ()
    origin: Origin = field(default_factory=Origin)

    @property
    def entries_read(self) -> int:
        """Highest position that the parser assigned, whatever came out of it."""
        kept = self.records[-1].position if self.records else 0
        lost = self.rejected[-1].position if self.rejected else 0
        return max(kept, lost)


class Fingerprint(NamedTuple):
    """What identifies a file's content: SHA-256 (hex), and its size in bytes."""

    sha256: str
    size: int


def fingerprint(stream: BinaryIO, *, limit: int | None = None) -> Fingerprint:
    """The fingerprint of a file's content; leaves the stream at its start.

    Raises:
        FileOverLimit: the file has more than ``limit`` bytes.
    """
    digest, size = hashlib.sha256(), 0
    stream.seek(0)
    while chunk := stream.read(_CHUNK):
        digest.update(chunk)
        size += len(chunk)
        if limit is not None and size > limit:
            raise FileOverLimit(
                f"The file is larger than {limit / 1_000_000:,.0f} MB.",
                remedy="Split it into smaller files.",
            )
    stream.seek(0)
    return Fingerprint(digest.hexdigest(), size)


def read_entries(
    stream: BinaryIO, file_format: str, mapping: Mapping[str, str] | None = None
) -> Iterator[Entry | Notice | ColumnMapping | Origin]:
    """Parse a file of a known format, entry by entry.

    Raises:
        UnknownFormat: there is no such format.
        UnreadableFile: the whole file is unusable.
    """
    stream.seek(0)
    if file_format in TABLES:
        return TABLES[file_format](stream, mapping)
    if file_format in PARSERS:
        return iter(PARSERS[file_format](stream))
    raise UnknownFormat(f"There is no format named {file_format!r}.", remedy=f"Use {READABLE}.")


def read_file(
    stream: BinaryIO,
    *,
    mapping: Mapping[str, str] | None = None,
    file_format: str | None = None,
    limit: int | None = None,
    progress: Callable[[int], None] | None = None,
) -> FileContent:
    """Read a whole file: detect its format unless given, parse it, check that nothing was lost.

    Args:
        stream: seekable binary stream.
        mapping: field to column name, for tables; overrides the guess.
        file_format: one of ``FORMATS``, instead of detecting it.
        limit: largest size in bytes; None for no limit.
        progress: called with the number of entries so far, every 500.

    Raises:
        UnreadableFile: the whole file is unusable.
    """
    with unpacked(stream, limit=limit) as content:
        identity = fingerprint(content, limit=limit)
        name = file_format or sniff(content)
        return _collect(read_entries(content, name, mapping), name, identity, progress)


def _storable(record: Record) -> Record:
    """A record whose other fields a database takes; the rest is clean already."""
    extra = {storable(name): storable(value) for name, value in record.extra.items()}
    return record if extra == record.extra else replace(record, extra=extra)


def _collect(
    entries: Iterable[Entry | Notice | ColumnMapping | Origin],
    name: str,
    identity: Fingerprint,
    progress: Callable[[int], None] | None,
) -> FileContent:
    records: list[Record] = []
    rejected: list[Rejected] = []
    notices: list[str] = []
    columns: ColumnMapping | None = None
    stated: Origin | None = None
    for entry in entries:
        if isinstance(entry, Record):
            records.append(_storable(entry))
        elif isinstance(entry, Rejected):
            rejected.append(entry)
        elif isinstance(entry, ColumnMapping):
            columns = entry
        elif isinstance(entry, Origin):
            stated = entry
        else:
            notices.append(entry.message)
        if progress and (len(records) + len(rejected)) % 500 == 0:
            progress(len(records) + len(rejected))
    content = FileContent(
        format=name,
        sha256=identity.sha256,
        size=identity.size,
        records=tuple(records),
        rejected=tuple(rejected),
        notices=tuple(notices),
        columns=columns.columns.names if columns else {},
        unused_columns=columns.columns.unused if columns else (),
        origin=find_origin(name, records, stated),
    )
    if content.entries_read != len(records) + len(rejected):
        raise AssertionError(
            f"{name}: {content.entries_read} entries were read, but {len(records)} records and "
            f"{len(rejected)} rejected entries came out"
        )
    return content
