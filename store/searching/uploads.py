"""Files sent by a browser that wait until somebody confirms their preview."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import delete, select, update

from store.core.errors import NotFound
from store.core.session import ReadSession, WriteSession
from store.core.tables import Upload, now

_KEPT_FOR = dt.timedelta(days=7)


@dataclass(frozen=True, slots=True)
class UploadInfo:
    """A waiting file; ``request`` says how to import it, and is empty until it is confirmed."""

    id: int
    review_id: int
    person_id: int
    name: str
    sha256: str
    size: int
    request: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class NewUpload:
    """A file as it was sent."""

    name: str
    sha256: str
    size: int


def create_upload(session: WriteSession, review_id: int, person_id: int, file: NewUpload) -> int:
    """Keep a file until it is confirmed; its bytes follow, piece by piece."""
    row = Upload(
        review_id=review_id,
        person_id=person_id,
        name=file.name,
        sha256=file.sha256,
        size=file.size,
        request={},
        created_at=now(),
    )
    session.add(row)
    session.flush()
    return row.id


def get_upload(session: ReadSession, upload_id: int, review_id: int | None = None) -> UploadInfo:
    """A waiting file.

    Raises:
        NotFound: it is unknown, belongs to another review, or has been imported.
    """
    row = session.get(Upload, upload_id)
    if row is None or review_id not in (None, row.review_id):
        raise NotFound(f"there is no waiting file {upload_id}")
    return _info(row)


def _info(row: Upload) -> UploadInfo:
    return UploadInfo(
        row.id, row.review_id, row.person_id, row.name, row.sha256, row.size, row.request
    )


def confirm_upload(session: WriteSession, upload_id: int, request: Mapping[str, Any]) -> None:
    """Note how to import a file."""
    # Locked, since somebody may be deleting it.
    row = session.get(Upload, upload_id, with_for_update=True)
    if row is None:
        raise NotFound(f"there is no waiting file {upload_id}")
    row.request, row.taken_up = dict(request), 0


def return_to_preview(session: WriteSession, upload_id: int) -> None:
    """Let a file wait for confirmation again."""
    session.execute(update(Upload).where(Upload.id == upload_id).values(request={}, taken_up=0))


def withdraw_request(session: WriteSession, upload_id: int) -> None:
    """Note that a file need not be imported any more; its bytes may go."""
    session.execute(update(Upload).where(Upload.id == upload_id).values(request={}))


def withdraw_requests(session: WriteSession, review_id: int, sha256: str) -> list[int]:
    """Note that a review's files with this content need not be imported; returns their ids."""
    query = select(Upload).where(Upload.review_id == review_id, Upload.sha256 == sha256)
    rows = [row for row in session.scalars(query.order_by(Upload.id)) if row.request]
    for row in rows:
        row.request = {}
    session.flush()
    return [row.id for row in rows]


def record_import_start(session: WriteSession, upload_id: int) -> int:
    """Record one more start of an unfinished import; returns how many there were."""
    n_starts: int | None = session.scalar(
        update(Upload)
        .where(Upload.id == upload_id)
        .values(taken_up=Upload.taken_up + 1)
        .returning(Upload.taken_up)
    )
    return n_starts or 0


def list_confirmed(session: ReadSession) -> list[UploadInfo]:
    """Confirmed files that have not been imported yet, oldest first."""
    rows = session.scalars(select(Upload).order_by(Upload.id))
    return [_info(row) for row in rows if row.request]


def list_old_uploads(session: ReadSession) -> list[int]:
    """Files that nobody has confirmed within a week."""
    return list(
        session.scalars(
            select(Upload.id).where(Upload.created_at < now() - _KEPT_FOR).order_by(Upload.id)
        )
    )


def delete_upload(session: WriteSession, upload_id: int) -> None:
    """Delete a waiting file whose bytes are deleted already; see ``raw.delete_upload_piece``."""
    session.execute(delete(Upload).where(Upload.id == upload_id))
