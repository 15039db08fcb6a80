"""Pauses grow while something fails, and end with its first success."""

from __future__ import annotations

from api.worker.pauses import Part, Pauses


class Clock:
    """Seconds that pass when a test says so."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def _wait(pauses: Pauses, clock: Clock, part: Part) -> int:
    """Whole seconds until a part is due."""
    start = clock.now
    while not pauses.is_due(part):
        clock.now += 1
    return int(clock.now - start)


def test_each_failure_doubles_the_pause_up_to_five_minutes() -> None:
    clock = Clock()
    pauses = Pauses(clock)
    part = Part("ranking", 1)
    assert pauses.is_due(part)
    waits = []
    for _ in range(12):
        pauses.note_failure(part)
        waits.append(_wait(pauses, clock, part))
    assert waits == [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300, 300]


def test_a_success_ends_the_pause_and_the_next_failure_begins_with_a_short_one() -> None:
    clock = Clock()
    pauses = Pauses(clock)
    part = Part("ranking", 1)
    for _ in range(5):
        pauses.note_failure(part)
    pauses.note_success(part)
    assert pauses.is_due(part)
    pauses.note_failure(part)
    assert _wait(pauses, clock, part) == 1


def test_parts_of_other_reviews_and_other_kinds_are_not_paused() -> None:
    pauses = Pauses(Clock())
    pauses.note_failure(Part("ranking", 1))
    assert not pauses.is_due(Part("ranking", 1))
    assert pauses.is_due(Part("ranking", 2))
    assert pauses.is_due(Part("comparing", 1))


def test_an_error_is_news_once() -> None:
    pauses = Pauses(Clock())
    part = Part("ranking", 1)
    assert pauses.note_failure(part, "ValueError: x")
    assert not pauses.note_failure(part, "ValueError: x")
    assert pauses.note_failure(part, "KeyError: y")
    pauses.note_success(part)
    assert pauses.note_failure(part, "KeyError: y")
