"""A gzipped file as the file that is in it, unpacked within a limit."""

from __future__ import annotations

import gzip
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO

from harvest.errors import FileTooLarge, UnreadableFile

_MAGIC = b"\x1f\x8b"
_CHUNK = 1024 * 1024
UNPACKED_LIMIT = 2 * 1024 * 1024 * 1024


@contextmanager
def unpacked(stream: BinaryIO, *, limit: int | None = None) -> Iterator[BinaryIO]:
    """Give the stream itself, or a temporary file with what a gzipped stream holds.

    Labelled data sets and bulk exports come gzipped. A file and its gzipped form are one file to
    Winnow: both have the fingerprint of the content.

    Args:
        stream: seekable binary stream; it is left at its beginning.
        limit: largest unpacked size in bytes; None for 2 GiB.

    Raises:
        UnreadableFile: the archive is damaged.
        FileTooLarge: it unpacks to more than the limit.
    """
    stream.seek(0)
    packed = stream.read(2) == _MAGIC
    stream.seek(0)
    if not packed:
        yield stream
        return
    with tempfile.TemporaryFile() as content:
        _unpack(stream, content, UNPACKED_LIMIT if limit is None else limit)
        content.seek(0)
        yield content


def _unpack(stream: BinaryIO, content: BinaryIO, limit: int) -> None:
    try:
        with gzip.GzipFile(fileobj=stream, mode="rb") as archive:
            while chunk := archive.read(_CHUNK):
                content.write(chunk)
                if content.tell() > limit:
                    raise FileTooLarge(
                        f"The gzip file unpacks to more than {limit / 1e6:,.0f} MB.",
                        remedy="Unpack it, check what it is, and split it.",
                    )
    except (OSError, EOFError, zlib.error) as error:
        raise UnreadableFile(
            f"The gzip file is damaged: {error}.", remedy="Copy or download it again."
        ) from error
