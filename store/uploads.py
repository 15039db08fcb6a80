"""Files that a browser sent and that wait for their preview to be confirmed."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import delete, select, update

from store import raw
from store.errors import NotFound
from store.session import ReadSession, WriteSession
from store.tables import Upload, UploadRaw, now

_FORGOTTEN = dt.timedelta(days=7)


@dataclass(frozen=True, slots=True)
class UploadInfo:
    """A waiting file; ``request`` is how it is to be imported, once confirmed."""

    id: int
    review_id: int
    person_id: int
    name: str
    sha256: str
    size: int
    request: Mapping[str, Any]


def add(
    session: WriteSession,
    review_id: int,
    person_id: int,
    *,
    name: str,
    sha256: str,
    size: int,
    chunks: Iterable[bytes],
) -> int:
    """Keep a file until it is confirmed; files that nobody confirmed in a week are cleared away."""
    session.execute(delete(Upload).where(Upload.created_at < now() - _FORGOTTEN))
    row = Upload(
        review_id=review_id,
        person_id=person_id,
        name=name,
        sha256=sha256,
        size=size,
        request={},
        created_at=now(),
    )
    session.add(row)
    session.flush()
    raw.keep_upload(session, row.id, chunks)
    return row.id


def by_id(session: ReadSession, upload_id: int, review_id: int | None = None) -> UploadInfo:
    """A waiting file.

    Raises:
        NotFound: it is unknown, of another review, or imported already.
    """
    row = session.get(Upload, upload_id)
    if row is None or review_id not in (None, row.review_id):
        raise NotFound(f"there is no waiting file {upload_id}")
    return _info(row)


def _info(row: Upload) -> UploadInfo:
    return UploadInfo(
        row.id, row.review_id, row.person_id, row.name, row.sha256, row.size, row.request
    )


def confirm(session: WriteSession, upload_id: int, request: Mapping[str, Any]) -> None:
    """Note how a file is to be imported."""
    row = session.get(Upload, upload_id)
    if row is None:
        raise NotFound(f"there is no waiting file {upload_id}")
    row.request, row.taken_up = dict(request), 0


def unconfirm(session: WriteSession, upload_id: int) -> None:
    """Let a file wait for its preview again."""
    session.execute(update(Upload).where(Upload.id == upload_id).values(request={}, taken_up=0))


def taken_up(session: WriteSession, upload_id: int) -> int:
    """Count one more start of an import that was not finished; gives how many there were."""
    found: int | None = session.scalar(
        update(Upload)
        .where(Upload.id == upload_id)
        .values(taken_up=Upload.taken_up + 1)
        .returning(Upload.taken_up)
    )
    return found or 0


def confirmed(session: ReadSession) -> list[UploadInfo]:
    """Files that are to be imported and are not yet, oldest first."""
    rows = session.scalars(select(Upload).order_by(Upload.id))
    return [_info(row) for row in rows if row.request]


def remove(session: WriteSession, upload_id: int) -> None:
    """Forget a waiting file."""
    session.execute(delete(UploadRaw).where(UploadRaw.upload_id == upload_id))
    session.execute(delete(Upload).where(Upload.id == upload_id))
