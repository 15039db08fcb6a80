"""Raw bytes, stored in compressed pieces because databases handle very large values badly."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator

from sqlalchemy import delete, select

from store.core.session import ReadSession, WriteSession
from store.core.tables import BatchRaw, UploadRaw

# Bytes of a piece before it is compressed: one is stored well within a tenth of a second.
_PIECE = 1024 * 1024
# Text is a fifth larger than at the usual level, and takes a third of the time.
_LEVEL = 1


def list_pieces(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """The bytes of a file in compressed pieces; made before a transaction, since that takes time.

    Every file has at least one piece.
    """
    buffer = bytearray()
    for chunk in chunks:
        buffer += chunk
        while len(buffer) >= _PIECE:
            yield zlib.compress(buffer[:_PIECE], _LEVEL)
            del buffer[:_PIECE]
    yield zlib.compress(buffer, _LEVEL)


def store_batch(session: WriteSession, batch_id: int, chunks: Iterable[bytes]) -> None:
    """Store the raw bytes of a page, all at once."""
    for number, piece in enumerate(list_pieces(chunks)):
        store_batch_piece(session, batch_id, number, piece)


def store_batch_piece(session: WriteSession, batch_id: int, number: int, piece: bytes) -> None:
    """Store one piece of an imported file; pieces count from 0."""
    session.add(BatchRaw(batch_id=batch_id, piece=number, data=piece))
    session.flush()


def store_upload_piece(session: WriteSession, upload_id: int, number: int, piece: bytes) -> None:
    """Store one piece of an uploaded file that is not imported yet; pieces count from 0."""
    session.add(UploadRaw(upload_id=upload_id, piece=number, data=piece))
    session.flush()


def read_batch(session: ReadSession, batch_id: int) -> Iterator[bytes]:
    """Read the raw bytes of an imported file, in pieces."""
    query = select(BatchRaw.data).where(BatchRaw.batch_id == batch_id).order_by(BatchRaw.piece)
    return (zlib.decompress(data) for data in session.scalars(query))


def read_upload(session: ReadSession, upload_id: int) -> Iterator[bytes]:
    """Read the raw bytes of an uploaded file that is not imported yet, in pieces."""
    query = select(UploadRaw.data).where(UploadRaw.upload_id == upload_id).order_by(UploadRaw.piece)
    return (zlib.decompress(data) for data in session.scalars(query))


def delete_upload_piece(session: WriteSession, upload_id: int) -> bool:
    """Delete the first piece of an upload that is still there; False if there is none."""
    first = session.scalar(
        select(UploadRaw.piece)
        .where(UploadRaw.upload_id == upload_id)
        .order_by(UploadRaw.piece)
        .limit(1)
    )
    if first is None:
        return False
    session.execute(
        delete(UploadRaw).where(UploadRaw.upload_id == upload_id, UploadRaw.piece == first)
    )
    return True
