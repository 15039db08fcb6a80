"""Read a file of any format: detect the format, parse it, and check that no entry was lost."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from functools import partial
from typing import BinaryIO

from harvest.errors import FileTooLarge, UnknownFormat, UnreadableFile
from harvest.file_content import FileContent, fingerprint
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
from harvest.files.columns import Columns
from harvest.files.labels import asreview_project, eppi_json
from harvest.files.origin import Origin, find_origin
from harvest.files.sniff import READABLE, sniff
from harvest.files.table import ColumnMapping
from harvest.files.unpack import unpacked
from harvest.limits import DEFAULT, Limits
from harvest.record import Entry, Notice, Record, Rejected
from harvest.text import excerpt, storable


def _read_data_set(
    stream: BinaryIO, limits: Limits
) -> tuple[tuple[Record, ...], tuple[Rejected, ...]]:
    """The records of a file inside a project; a project inside a project is refused."""
    file_format = sniff(stream)
    if file_format == "asreview":
        raise UnreadableFile(
            "The project's data set is a project itself.", remedy="Import that one instead."
        )
    content = read_file(stream, file_format=file_format, limits=limits)
    return content.records, content.rejected


PARSERS: Mapping[str, Callable[[BinaryIO], Iterator[Entry | Notice | Origin]]] = {
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
FORMATS = ("asreview", *PARSERS, *TABLES)
# Fields of a record that hold one text, and those that hold several.
_TEXTS = tuple(one.name for one in fields(Record) if one.type == "str | None")
_LISTS = tuple(one.name for one in fields(Record) if one.type == "tuple[str, ...]")


@dataclass(slots=True)
class Heading:
    """What a file says besides its entries, as far as it was read.

    Attributes:
        columns: the columns, for tables only.
        origin: what the file itself states of its search.
    """

    notices: list[str] = field(default_factory=list)
    columns: Columns | None = None
    origin: Origin | None = None


def _parse(
    stream: BinaryIO, file_format: str, mapping: Mapping[str, str] | None, limits: Limits
) -> Iterator[Entry | Notice | ColumnMapping | Origin]:
    stream.seek(0)
    if file_format in TABLES:
        return TABLES[file_format](stream, mapping, limits)
    if file_format in PARSERS:
        return iter(PARSERS[file_format](stream))
    if file_format == "asreview":
        return asreview_project.parse(stream, partial(_read_data_set, limits=limits), limits)
    raise UnknownFormat(f"There is no format named {file_format!r}.", remedy=f"Use {READABLE}.")


def read_entries(
    stream: BinaryIO,
    file_format: str,
    heading: Heading,
    mapping: Mapping[str, str] | None = None,
    limits: Limits = DEFAULT,
) -> Iterator[Entry]:
    """Parse a file of a known format, entry by entry, and check that none is lost.

    Args:
        stream: seekable binary stream.
        file_format: one of ``FORMATS``.
        heading: takes what the file says besides its entries.
        mapping: field to column name, for tables; overrides the guess.
        limits: what reading may take.

    Raises:
        UnknownFormat: there is no such format.
        UnreadableFile: the whole file is unusable.
    """
    position = 0
    for entry in _parse(stream, file_format, mapping, limits):
        if isinstance(entry, Notice):
            heading.notices.append(entry.message)
        elif isinstance(entry, ColumnMapping):
            heading.columns = entry.columns
        elif isinstance(entry, Origin):
            heading.origin = entry
        else:
            position += 1
            if entry.position != position:
                raise AssertionError(
                    f"{file_format}: entry {position} has the position {entry.position}"
                )
            yield _checked(entry, limits) if isinstance(entry, Record) else entry


def read_file(
    stream: BinaryIO,
    *,
    mapping: Mapping[str, str] | None = None,
    file_format: str | None = None,
    limits: Limits = DEFAULT,
) -> FileContent:
    """Read a whole file in this process: for files of our own. See ``harvest.parsing`` for others.

    Args:
        stream: seekable binary stream.
        mapping: field to column name, for tables; overrides the guess.
        file_format: one of ``FORMATS``, instead of detecting it.
        limits: what reading may take, but for time and memory.

    Raises:
        UnreadableFile: the whole file is unusable.
    """
    with unpacked(stream, limit=limits.unpacked) as content:
        identity = fingerprint(content)
        name = file_format or sniff(content)
        heading = Heading()
        entries = list(read_entries(content, name, heading, mapping, limits))
    records = tuple(entry for entry in entries if isinstance(entry, Record))
    return FileContent(
        format=name,
        sha256=identity.sha256,
        size=identity.size,
        records=records,
        rejected=tuple(entry for entry in entries if isinstance(entry, Rejected)),
        notices=tuple(heading.notices),
        columns=heading.columns.names if heading.columns else {},
        unused_columns=heading.columns.unused if heading.columns else (),
        origin=find_origin(name, records, heading.origin),
    )


def _checked(record: Record, limits: Limits) -> Record:
    """A record whose other fields a database takes, as the rest does already; no field too long."""
    for name, text in _texts(record):
        if len(text) > limits.field_length:
            raise FileTooLarge(
                f"Record {record.position}: {excerpt(name, 60)} has {len(text):,} characters; the "
                f"limit is {limits.field_length:,}.",
                remedy="Shorten it in the file, or ask the person who runs the server to raise "
                "files.field_length.",
            )
    extra = {storable(name): storable(value) for name, value in record.extra.items()}
    return record if extra == record.extra else replace(record, extra=extra)


def _texts(record: Record) -> Iterator[tuple[str, str]]:
    """The texts of a record with what they are called; texts of a list are one."""
    for name in _TEXTS:
        value = getattr(record, name)
        if value:
            yield name, value
    yield "the list of authors", "".join(author.name for author in record.authors)
    for name in _LISTS:
        value = getattr(record, name)
        if value:
            yield name, "".join(value)
    yield from record.extra.items()
    for name in record.extra:
        yield "the name of a field", name
