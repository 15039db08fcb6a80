"""Uploaded files that wait to be imported."""

from __future__ import annotations

import pytest

from store.core.errors import NotFound
from store.core.session import Store
from store.reviews.people import PersonInfo
from store.reviews.reviews import ReviewInfo
from store.searching import uploads
from store.searching.uploads import NewUpload


def test_an_upload_waits_until_it_is_imported_or_deleted(
    store: Store, review: ReviewInfo, person: PersonInfo
) -> None:
    with store.write() as session:
        made = uploads.create_upload(
            session,
            review.id,
            person.id,
            NewUpload(name="f", sha256="0" * 64, size=3),
        )
        uploads.confirm_upload(session, made, {"labels": "gold"})
        assert uploads.get_upload(session, made, review.id).request == {"labels": "gold"}
        with pytest.raises(NotFound):
            uploads.get_upload(session, made, review.id + 1)
        uploads.delete_upload(session, made)
        with pytest.raises(NotFound):
            uploads.get_upload(session, made)
