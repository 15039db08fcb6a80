"""Waking the worker."""

from __future__ import annotations

from pathlib import Path

from api.settings import Settings
from api.worker.wake import DatagramListener, open_listener, wake
from store.core.session import Store
from store.reviews import reviews
from store.reviews.people import PersonInfo
from store.reviews.reviews import ReviewInfo


def test_a_wake_reaches_the_listener_and_is_harmless_without_one(
    store: Store, settings: Settings, review: ReviewInfo, person: PersonInfo
) -> None:
    wake(store, settings.data_dir)
    ears = open_listener(store, settings.data_dir)
    assert not ears.wait(0.05)
    with store.write() as session:
        reviews.request_ranking(session, review.id)
    wake(store, settings.data_dir)
    assert ears.wait(10)
    assert not ears.wait(0.05)
    ears.close()


def test_several_wakes_count_as_one(tmp_path: Path, sqlite_store: Store) -> None:
    ears = DatagramListener(tmp_path)
    for _ in range(5):
        wake(sqlite_store, tmp_path)
    assert ears.wait(5)
    assert not ears.wait(0.05)
    ears.close()
