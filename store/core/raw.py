"""Raw bytes, stored in compressed chunks because databases handle very large values badly."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator

from sqlalchemy import select

from store.core.session import ReadSession, WriteSession
from store.core.tables import BatchRaw, UploadRaw

_PIECE = 4 * 1024 * 1024
# Text is a fifth larger than at the usual level, and takes a third of the time.
_LEVEL = 1


def _pieces(chunks: Iterable[bytes]) -> Iterator[bytes]:
    buffer = bytearray()
    for chunk in chunks:
        buffer += chunk
        while len(buffer) >= _PIECE:
            yield bytes(buffer[:_PIECE])
            del buffer[:_PIECE]
    yield bytes(buffer)


def store_batch(session: WriteSession, batch_id: int, chunks: Iterable[bytes]) -> None:
    """Store the raw bytes of an imported file."""
    for number, piece in enumerate(_pieces(chunks)):
        session.add(BatchRaw(batch_id=batch_id, piece=number, data=zlib.compress(piece, _LEVEL)))
        session.flush()


def store_upload(session: WriteSession, upload_id: int, chunks: Iterable[bytes]) -> None:
    """Store the raw bytes of an uploaded file that is not imported yet."""
    for number, piece in enumerate(_pieces(chunks)):
        session.add(UploadRaw(upload_id=upload_id, piece=number, data=zlib.compress(piece, _LEVEL)))
        session.flush()


def read_batch(session: ReadSession, batch_id: int) -> Iterator[bytes]:
    """Read the raw bytes of an imported file, in pieces."""
    query = select(BatchRaw.data).where(BatchRaw.batch_id == batch_id).order_by(BatchRaw.piece)
    return (zlib.decompress(data) for data in session.scalars(query))


def read_upload(session: ReadSession, upload_id: int) -> Iterator[bytes]:
    """Read the raw bytes of an uploaded file that is not imported yet, in pieces."""
    query = select(UploadRaw.data).where(UploadRaw.upload_id == upload_id).order_by(UploadRaw.piece)
    return (zlib.decompress(data) for data in session.scalars(query))
