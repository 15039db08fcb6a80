"""How long somebody must wait after failed attempts to sign in. Pure."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class DelayRule:
    """How attempts of one kind are slowed down.

    Attributes:
        free: attempts without a delay.
        longest: the longest delay, in seconds.
        first: the first delay, in seconds.
    """

    free: int
    longest: float
    first: float = 1.0

    def get_delay(self, attempts: int) -> float:
        """Seconds to wait after this many failed attempts; twice as long each time."""
        if attempts < self.free:
            return 0.0
        return min(self.longest, self.first * 2.0 ** min(attempts - self.free, 30))
