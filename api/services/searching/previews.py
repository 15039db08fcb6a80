"""The beginning of a file, read as it would be imported."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import BinaryIO

from api.services.searching.imported_labels import count_labelled
from harvest.files.labels.file_labels import FileLabels
from harvest.files.origin import Origin
from harvest.parsing.child import Wanted, open_file
from harvest.record import Record, Rejected


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
    wanted = Wanted(mapping=mapping, name=name, first=limit)
    with open_file(stream, wanted) as file:
        content, labels = file.content(), file.labels
    return Preview(
        format=file.format,
        records=content.records,
        rejected=content.rejected,
        notices=file.notices,
        columns=file.columns,
        header=file.header,
        complete=file.complete,
        labelled=count_labelled(content.records, labels),
        labels=labels,
        origin=file.origin,
    )
