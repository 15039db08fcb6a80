"""Unpack a gzipped file, up to a size limit; check how the parts of a zip archive are packed."""

from __future__ import annotations

import gzip
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO

from harvest.errors import FileTooLarge, UnreadableFile
from harvest.limits import get_limits

_MAGIC = b"\x1f\x8b"
_CHUNK = 1024 * 1024
_METHODS = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED})


def check_packing(archive: zipfile.ZipFile, remedy: str) -> None:
    """Refuse an archive with parts that are encrypted or packed in a way that no program uses here.

    Raises:
        UnreadableFile: it has such a part; the message names it.
    """
    for member in archive.infolist():
        if member.flag_bits & 1 or member.compress_type not in _METHODS:
            how = "encrypted" if member.flag_bits & 1 else "packed in an unusual way"
            raise UnreadableFile(
                f"The file holds a part that is {how}: {member.filename[:100]!r}.", remedy=remedy
            )


@contextmanager
def unpacked(stream: BinaryIO, *, limit: int | None = None) -> Iterator[BinaryIO]:
    """Yield the stream itself, or a temporary file with the content of a gzipped stream.

    Labelled data sets and bulk exports are often gzipped. Winnow treats a file and its gzipped form
    as the same file: both have the fingerprint of the content.

    Args:
        stream: seekable binary stream; it is left at its start.
        limit: largest unpacked size in bytes; None for the program's.

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
        _unpack(stream, content, get_limits().unpacked if limit is None else limit)
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
                        remedy="Unpack it, check what it contains, and split it.",
                    )
    except (OSError, EOFError, zlib.error) as error:
        raise UnreadableFile(
            f"The gzip file is damaged: {error}.", remedy="Copy or download it again."
        ) from error
