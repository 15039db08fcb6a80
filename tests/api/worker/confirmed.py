"""Uploads that a person has confirmed, as the worker finds them."""

from __future__ import annotations

import hashlib

from store.core import jobs, raw
from store.core.session import Store
from store.reviews.people import PersonInfo
from store.reviews.reviews import ReviewInfo
from store.searching import uploads
from store.searching.uploads import NewUpload


def confirm_upload(
    store: Store, review: ReviewInfo, person: PersonInfo, data: bytes
) -> tuple[int, int]:
    """A confirmed upload, and the job that shows its import."""
    with store.write() as session:
        new = NewUpload(name="f.csv", sha256=hashlib.sha256(data).hexdigest(), size=len(data))
        upload = uploads.create_upload(session, review.id, person.id, new)
        for number, piece in enumerate(raw.list_pieces([data])):
            raw.store_upload_piece(session, upload, number, piece)
        uploads.confirm_upload(session, upload, {"labels": "ignore"})
        return upload, jobs.start_job(session, review.id, "import")
