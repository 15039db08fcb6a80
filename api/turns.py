"""Requests that send a password take turns, so that many at once leave threads for the others.

A turn is taken once the whole request has been read, so nobody can hold one by sending half.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from api.refusals import TooManySignIns

# Fewer than the passwords that may wait to be hashed: people who are signed in also change theirs.
PLACES: Final = 6
# Seconds for which a request waits; waiting costs nothing, and slows down anybody who sends many.
_LONGEST: Final = 3.0


class Turns:
    """A few at a time, in the order in which they came.

    Args:
        places: how many at a time.
        longest: seconds after which a request is refused.
    """

    def __init__(self, places: int = PLACES, longest: float = _LONGEST) -> None:
        self._places = asyncio.Semaphore(places)
        self._longest = longest

    @asynccontextmanager
    async def take(self) -> AsyncIterator[None]:
        """Wait for a turn, and hold it.

        Raises:
            TooManySignIns: it did not come in time.
        """
        try:
            async with asyncio.timeout(self._longest):
                await self._places.acquire()
        except TimeoutError:
            raise TooManySignIns.at_once() from None
        try:
            yield
        finally:
            self._places.release()
