"""One call to read any file: sniffed, parsed, its sum checked."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import BinaryIO

from harvest.errors import FileTooLarge, UnknownFormat
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
from harvest.files.origin import Stated, origin
from harvest.files.sniff import READABLE, sniff
from harvest.files.table import Mapped
from harvest.files.unpack import unpacked
from harvest.record import Entry, Notice, Record, Rejected

PARSERS: Mapping[str, Callable[[BinaryIO], Iterator[Entry | Notice | Stated]]] = {
    "ris": ris.parse,
    "nbib": nbib.parse,
    "pubmed-xml": pubmed_xml.parse,
    "endnote-xml": endnote_xml.parse,
    "ebsco-xml": ebsco_xml.parse,
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
    """What a file held. ``entries_read == len(records) + len(rejected)`` always.

    Attributes:
        columns: field to column name, for tables only.
        unused_columns: columns that fill no field, for tables only.
        origin: database, platform and strategy, as far as the file tells them.
    """

    format: str
    sha256: str
    size: int
    records: tuple[Record, ...]
    rejected: tuple[Rejected, ...]
    notices: tuple[str, ...] = ()
    columns: Mapping[str, str] = field(default_factory=dict)
    unused_columns: tuple[str, ...] = ()
    origin: Stated = field(default_factory=Stated)

    @property
    def entries_read(self) -> int:
        """Highest position given out: counted by the parser, not by what came out of it."""
        kept = self.records[-1].position if self.records else 0
        lost = self.rejected[-1].position if self.rejected else 0
        return max(kept, lost)


def fingerprint(stream: BinaryIO, *, limit: int | None = None) -> tuple[str, int]:
    """SHA-256 (hex) and size in bytes; the stream is left at its beginning.

    Raises:
        FileTooLarge: the file has more than ``limit`` bytes.
    """
    digest, size = hashlib.sha256(), 0
    stream.seek(0)
    while chunk := stream.read(_CHUNK):
        digest.update(chunk)
        size += len(chunk)
        if limit is not None and size > limit:
            raise FileTooLarge(
                f"The file is larger than {limit / 1_000_000:,.0f} MB.",
                remedy="Import it with `winnow import FILE` on the server, or split it.",
            )
    stream.seek(0)
    return digest.hexdigest(), size


def entries(
    stream: BinaryIO, file_format: str, mapping: Mapping[str, str] | None = None
) -> Iterator[Entry | Notice | Mapped | Stated]:
    """Entries of a file of a known format, as a stream.

    Raises:
        UnknownFormat: there is no such format.
        UnreadableFile: the file as a whole cannot be used.
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
    """Read a whole file: sniff its format unless given, parse it, check that nothing was lost.

    Args:
        stream: seekable binary stream.
        mapping: field to column name, for tables; laid over the guess.
        file_format: one of ``FORMATS``, to overrule the sniffing.
        limit: largest size in bytes; None for no limit.
        progress: called with the number of entries so far, every 500.

    Raises:
        UnreadableFile: the file as a whole cannot be used.
    """
    with unpacked(stream, limit=limit) as content:
        sha256, size = fingerprint(content, limit=limit)
        name = file_format or sniff(content)
        return _collected(content, name, sha256, size, mapping, progress)


def _collected(
    stream: BinaryIO,
    name: str,
    sha256: str,
    size: int,
    mapping: Mapping[str, str] | None,
    progress: Callable[[int], None] | None,
) -> FileContent:
    records: list[Record] = []
    rejected: list[Rejected] = []
    notices: list[str] = []
    columns: Mapped | None = None
    stated: Stated | None = None
    for entry in entries(stream, name, mapping):
        if isinstance(entry, Record):
            records.append(entry)
        elif isinstance(entry, Rejected):
            rejected.append(entry)
        elif isinstance(entry, Mapped):
            columns = entry
        elif isinstance(entry, Stated):
            stated = entry
        else:
            notices.append(entry.message)
        if progress and (len(records) + len(rejected)) % 500 == 0:
            progress(len(records) + len(rejected))
    content = FileContent(
        format=name,
        sha256=sha256,
        size=size,
        records=tuple(records),
        rejected=tuple(rejected),
        notices=tuple(notices),
        columns=columns.columns.names if columns else {},
        unused_columns=columns.columns.unused if columns else (),
        origin=origin(name, records, stated),
    )
    if content.entries_read != len(records) + len(rejected):
        raise AssertionError(
            f"{name}: {content.entries_read} entries read, {len(records)} records and "
            f"{len(rejected)} rejected came out"
        )
    return content
