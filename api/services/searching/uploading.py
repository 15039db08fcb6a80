"""Files sent by a browser: kept for a preview, then imported by the worker or dropped."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from functools import partial
from typing import BinaryIO

from api.services.pieces import Pieces
from api.services.searching import previews
from api.services.searching.import_steps import read_chunks
from api.services.searching.importing import ImportRequest
from api.services.searching.previews import Preview
from harvest.errors import UnknownColumns, UnreadableFile
from harvest.file_content import fingerprint
from store.core import intakes, jobs, raw
from store.core.intakes import IntakeInfo
from store.core.session import Store
from store.searching import imports, searches, uploads
from store.searching.uploads import NewUpload


@dataclass(frozen=True, slots=True)
class UploadPreview:
    """A waiting file as it would be imported.

    Attributes:
        preview: its beginning; None if it cannot be read as it is.
        header: its column names, for a table.
        problem: why it cannot be read.
    """

    preview: Preview | None
    header: tuple[str, ...]
    problem: UnreadableFile | None = None


@dataclass(frozen=True, slots=True)
class SentFile:
    """A file as it was sent; ``stream`` can be read from its beginning again."""

    name: str
    stream: BinaryIO


def keep_upload(store: Store, review_id: int, file: SentFile, *, person_id: int, limit: int) -> int:
    """Keep a file until somebody confirms its import.

    Args:
        store: the database.
        review_id: the review.
        file: the file.
        person_id: the sender.
        limit: the most bytes it may have.

    Returns:
        The upload's id.

    Raises:
        UnreadableFile: it is empty, too large, or cannot be read as records. A table whose columns
            are not recognised is kept, since they can be chosen in its preview.
    """
    sha256, size = fingerprint(file.stream, limit=limit)
    if size == 0:
        raise UnreadableFile("No file was chosen, or it is empty.", remedy="Choose a file.")
    with suppress(UnknownColumns):
        previews.preview_file(file.stream)
    with store.read() as session:
        old = uploads.list_old_uploads(session)
    for upload_id in old:
        delete_upload(store, upload_id)
    new = NewUpload(name=file.name, sha256=sha256, size=size)
    writer = Pieces(store)
    upload_id = writer.write(
        1, lambda session: uploads.create_upload(session, review_id, person_id, new)
    )
    for number, piece in enumerate(raw.list_pieces(read_chunks(file.stream))):
        writer.write(
            1, partial(raw.store_upload_piece, upload_id=upload_id, number=number, piece=piece)
        )
    return upload_id


def delete_upload(store: Store, upload_id: int) -> None:
    """Delete a waiting file, its bytes piece by piece."""
    writer = Pieces(store)
    while writer.write(1, partial(raw.delete_upload_piece, upload_id=upload_id)):
        """Each piece is a transaction of its own."""
    writer.write(1, partial(uploads.delete_upload, upload_id=upload_id))


def preview_upload(
    store: Store, upload_id: int, mapping: Mapping[str, str], *, name: str = ""
) -> UploadPreview:
    """Read the beginning of a waiting file with these columns, by field.

    Args:
        store: the database.
        upload_id: the file.
        mapping: field to column name.
        name: what the file is called.
    """
    with tempfile.TemporaryFile() as file:
        with store.read() as session:
            for chunk in raw.read_upload(session, upload_id):
                file.write(chunk)
        file.seek(0)
        try:
            preview = previews.preview_file(file, mapping, name=name)
        except UnreadableFile as error:
            return UploadPreview(None, error.header, error)
    return UploadPreview(preview, preview.header)


def confirm_upload(store: Store, review_id: int, upload_id: int, request: ImportRequest) -> int:
    """Confirm that a waiting file is imported in this way; returns the job that will import it.

    Raises:
        NotFound: the review has no such file, or no such search.
    """
    with store.write() as session:
        uploads.get_upload(session, upload_id, review_id)
        if request.search_id is not None:
            searches.get_search(session, review_id, request.search_id)
        uploads.confirm_upload(session, upload_id, asdict(request))
        # Started here and not by the worker, so that the next page shows it from the start.
        return jobs.start_job(session, review_id, "import")


def cancel_upload(store: Store, review_id: int, upload_id: int) -> None:
    """Drop a waiting file.

    Raises:
        NotFound: the review has no such file.
    """
    with store.read() as session:
        uploads.get_upload(session, upload_id, review_id)
    delete_upload(store, upload_id)


def cancel_import(
    store: Store, review_id: int, intake_id: int, *, person_id: int | None, reason: str
) -> IntakeInfo:
    """Cancel an import that is under way; its process, or the worker, removes what is stored.

    A file that was uploaded for it is deleted. If somebody uploads it again, it is imported again.

    Raises:
        NotFound: the review has no such import.
        Conflict: it has ended already.
    """
    with store.write() as session:
        imports.cancel_import(session, review_id, intake_id, person_id=person_id, reason=reason)
        intake = intakes.get_intake(session, intake_id)
        files = uploads.withdraw_requests(session, review_id, intake.sha256)
    for upload_id in files:
        delete_upload(store, upload_id)
    return intake
