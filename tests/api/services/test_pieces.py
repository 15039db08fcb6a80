"""Long work is written in pieces of a size that fits how long the last one took."""

from __future__ import annotations

from functools import partial
from types import SimpleNamespace

import pytest

from api.services import pieces
from api.services.pieces import Pieces
from store.core.session import Store, WriteSession


class Clock:
    """A clock that moves only when a test moves it."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    times = SimpleNamespace(perf_counter=made, thread_time=made)
    monkeypatch.setattr(pieces, "time", times)
    return made


def test_pieces_grow_with_quick_work_and_shrink_with_slow_work_within_bounds(
    store: Store, clock: Clock
) -> None:
    writer = Pieces(store, first=100, most=500)
    sizes = []

    def work(_session: WriteSession, seconds: float) -> None:
        clock.now += seconds * writer.size

    for each in (1e-6, 1e-6, 1e-6, 1e-4, 1.0, 1.0):
        writer.write(writer.size, partial(work, seconds=each))
        sizes.append(writer.size)
    # Doubled at most, then as many as the time for one piece has room for, never below the least.
    assert sizes == [200, 400, 500, 400, 40, 40]


def test_a_piece_holds_no_more_than_was_asked_for(store: Store, clock: Clock) -> None:
    writer = Pieces(store, first=100, most=3)
    assert [len(piece) for piece in writer.split(range(8))] == [3, 3, 2]
    writer.write(3, lambda _session: None)
    assert writer.size == 3
