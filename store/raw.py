"""Bytes as they came, kept in compressed pieces: no database likes a value of a gigabyte."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator

from sqlalchemy import select

from store.session import ReadSession, WriteSession
from store.tables import BatchRaw, UploadRaw

_PIECE = 4 * 1024 * 1024


def _pieces(chunks: Iterable[bytes]) -> Iterator[bytes]:
    waiting = bytearray()
    for chunk in chunks:
        waiting += chunk
        while len(waiting) >= _PIECE:
            yield bytes(waiting[:_PIECE])
            del waiting[:_PIECE]
    yield bytes(waiting)


def keep_batch(session: WriteSession, batch_id: int, chunks: Iterable[bytes]) -> None:
    """Keep the bytes of an imported file."""
    for number, piece in enumerate(_pieces(chunks)):
        session.add(BatchRaw(batch_id=batch_id, piece=number, data=zlib.compress(piece)))
        session.flush()


def keep_upload(session: WriteSession, upload_id: int, chunks: Iterable[bytes]) -> None:
    """Keep the bytes of a file that waits to be confirmed."""
    for number, piece in enumerate(_pieces(chunks)):
        session.add(UploadRaw(upload_id=upload_id, piece=number, data=zlib.compress(piece)))
        session.flush()


def of_batch(session: ReadSession, batch_id: int) -> Iterator[bytes]:
    """The bytes of an imported file, in pieces."""
    query = select(BatchRaw.data).where(BatchRaw.batch_id == batch_id).order_by(BatchRaw.piece)
    return (zlib.decompress(data) for data in session.scalars(query))


def of_upload(session: ReadSession, upload_id: int) -> Iterator[bytes]:
    """The bytes of a file that waits to be confirmed, in pieces."""
    query = select(UploadRaw.data).where(UploadRaw.upload_id == upload_id).order_by(UploadRaw.piece)
    return (zlib.decompress(data) for data in session.scalars(query))
