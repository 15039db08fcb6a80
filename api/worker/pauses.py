"""Pauses that grow while a part of the work keeps failing. Pure: the clock is given."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

_FIRST: Final = 1.0
_LONGEST: Final = 300.0


@dataclass(frozen=True, slots=True)
class Part:
    """A part of the work that may fail by itself.

    Attributes:
        kind: what is done, such as "ranking".
        id: of what it is done for, such as a review; 0 if there is only one.
    """

    kind: str
    id: int = 0


@dataclass(frozen=True, slots=True)
class _Failure:
    times: int
    until: float
    error: str


class Pauses:
    """When each part of the work may be tried: after 1 s, 2 s, 4 s, up to 5 minutes.

    Args:
        clock: seconds; they only grow.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._failures: dict[Part, _Failure] = {}

    def is_due(self, part: Part) -> bool:
        """Whether a part has not failed, or its pause is over."""
        failure = self._failures.get(part)
        return failure is None or failure.until <= self._clock()

    def note_failure(self, part: Part, error: str = "") -> bool:
        """Begin the next pause of a part; True if its error differs from the last one."""
        last = self._failures.get(part)
        times = 1 if last is None else last.times + 1
        pause = min(_LONGEST, _FIRST * 2.0 ** min(times - 1, 30))
        self._failures[part] = _Failure(times, self._clock() + pause, error)
        return last is None or last.error != error

    def note_success(self, part: Part) -> None:
        """Forget the failures of a part."""
        self._failures.pop(part, None)
