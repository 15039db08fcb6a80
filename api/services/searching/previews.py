"""The beginning of a file, read as it would be imported."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import BinaryIO

from api.services.searching.imported_labels import count_labelled
from harvest.files.labels.file_labels import FileLabels, read_labels
from harvest.files.origin import Origin, find_origin
from harvest.files.read import read_entries
from harvest.files.sniff import sniff
from harvest.files.table import ColumnMapping
from harvest.files.unpack import unpacked
from harvest.record import Entry, Notice, Record, Rejected


@dataclass(frozen=True, slots=True)
class Preview:
    """The beginning of a file, as it would be imported.

    Attributes:
        columns: field to column name, for tables.
        header: all column names, for tables.
        complete: whether this is the whole file.
        labelled: records that carry a decision or a relevance label.
        labels: what it says about decisions.
        origin: what the file says of the search it comes from.
    """

    format: str
    records: tuple[Record, ...]
    rejected: tuple[Rejected, ...]
    notices: tuple[str, ...]
    columns: Mapping[str, str]
    header: tuple[str, ...]
    complete: bool
    labelled: int
    labels: FileLabels
    origin: Origin


@dataclass(slots=True)
class _Beginning:
    """What was read so far."""

    records: list[Record] = field(default_factory=list)
    rejected: list[Rejected] = field(default_factory=list)
    notices: list[str] = field(default_factory=list)
    columns: ColumnMapping | None = None
    origin: Origin | None = None

    @property
    def entries(self) -> int:
        """Records and rejected entries."""
        return len(self.records) + len(self.rejected)

    def add(self, entry: Entry | Notice | ColumnMapping | Origin) -> None:
        """Take in what the parser gives next."""
        if isinstance(entry, ColumnMapping):
            self.columns = entry
        elif isinstance(entry, Origin):
            self.origin = entry
        elif isinstance(entry, Notice):
            self.notices.append(entry.message)
        elif isinstance(entry, Record):
            self.records.append(entry)
        else:
            self.rejected.append(entry)


def preview_file(
    stream: BinaryIO,
    mapping: Mapping[str, str] | None = None,
    *,
    name: str = "",
    limit: int = 200,
) -> Preview:
    """Read the first entries of a file.

    Args:
        stream: the file; it may be packed.
        mapping: field to column name, for tables; None recognises the columns.
        name: what the file is called.
        limit: the most entries that are read.

    Raises:
        UnreadableFile: the file is refused whole.
    """
    with unpacked(stream) as plain:
        return _preview_plain(plain, mapping, name, limit)


def _preview_plain(
    stream: BinaryIO, mapping: Mapping[str, str] | None, name: str, limit: int
) -> Preview:
    file_format = sniff(stream)
    beginning = _Beginning()
    complete = True
    for entry in read_entries(stream, file_format, mapping):
        if beginning.entries == limit:
            complete = False
            break
        beginning.add(entry)
    columns = beginning.columns.columns if beginning.columns else None
    names = columns.names if columns else {}
    labels = read_labels(beginning.records, name, names)
    return Preview(
        format=file_format,
        records=tuple(beginning.records),
        rejected=tuple(beginning.rejected),
        notices=tuple(beginning.notices),
        columns=names,
        header=columns.header if columns else (),
        complete=complete,
        labelled=count_labelled(beginning.records, labels),
        labels=labels,
        origin=find_origin(file_format, beginning.records, beginning.origin),
    )
