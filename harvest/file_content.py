"""What was read from a file, and what identifies the file."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import BinaryIO, NamedTuple

from harvest.errors import FileOverLimit
from harvest.files.origin import Origin
from harvest.record import Record, Rejected

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
